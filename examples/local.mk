# Built by `make check` as anybody would build them: they see the public headers and the library. pytests/test_examples.py runs
# them; they are installed as documentation.
example_cppflags = -I$(top_srcdir)/include -I$(top_builddir)/include

dist_examples_DATA += examples/board.py

check_PROGRAMS += examples/embedded
examples_embedded_CPPFLAGS = $(example_cppflags)
examples_embedded_LDADD = libmpmd.la -lpthread
dist_examples_DATA += examples/embedded.c examples/embedded.py

check_PROGRAMS += examples/mandelbrot
examples_mandelbrot_CPPFLAGS = $(example_cppflags)
examples_mandelbrot_LDADD = libmpmd.la
dist_examples_DATA += examples/mandelbrot.c examples/mandelbrot.py

check_PROGRAMS += examples/mixed_pool
examples_mixed_pool_CPPFLAGS = $(example_cppflags)
examples_mixed_pool_LDADD = libmpmd.la
dist_examples_DATA += examples/mixed_pool.c examples/mixed_pool.py

check_PROGRAMS += examples/ndarray
examples_ndarray_CPPFLAGS = $(example_cppflags)
examples_ndarray_LDADD = libmpmd.la
dist_examples_DATA += examples/ndarray.c examples/ndarray.py

check_PROGRAMS += examples/stock_worker
examples_stock_worker_CPPFLAGS = $(example_cppflags)
examples_stock_worker_LDADD = libmpmd.la
dist_examples_DATA += examples/stock_worker.c examples/stock_program.py

# What `make bench` runs, built by `make check` too so that it stays buildable; doc/performance.md says how to read it.
bench_programs = bench/load bench/canned bench/startup bench/client
check_PROGRAMS += $(bench_programs)
bench_load_SOURCES = bench/load.c
bench_load_LDADD = src/libmpmcore.la
bench_canned_SOURCES = bench/canned.c
bench_canned_LDADD = src/libmpmcore.la
bench_startup_SOURCES = bench/startup.c
bench_client_SOURCES = bench/client.c bench/turn.h
bench_client_CFLAGS = $(AM_CFLAGS) -pthread
bench_client_LDFLAGS = $(AM_LDFLAGS) -pthread
bench_client_LDADD = libmpmd.la
if HAVE_HIREDIS
bench_programs += bench/redis
bench_redis_SOURCES = bench/redis.c bench/turn.h
bench_redis_CFLAGS = $(AM_CFLAGS) $(HIREDIS_CFLAGS)
bench_redis_LDADD = $(HIREDIS_LIBS)
endif

# BENCH_FLAGS: --quick and others, see bench/run.py --help.
PYTHON = python3
.PHONY: bench
bench: $(bin_PROGRAMS) $(bench_programs)
	$(PYTHON) $(srcdir)/bench/run.py --build . $(BENCH_FLAGS)

# What `make bench` runs, built by `make check` too so that it stays buildable; doc/performance.md says how to read it.
bench_programs = bench/load bench/canned bench/startup
check_PROGRAMS += $(bench_programs)
bench_load_SOURCES = bench/load.c
bench_load_LDADD = src/libmpmcore.la
bench_canned_SOURCES = bench/canned.c
bench_canned_LDADD = src/libmpmcore.la
bench_startup_SOURCES = bench/startup.c

# BENCH_FLAGS: --quick and others, see bench/run.py --help.
PYTHON = python3
.PHONY: bench
bench: $(bin_PROGRAMS) $(bench_programs)
	$(PYTHON) $(srcdir)/bench/run.py --build . $(BENCH_FLAGS)

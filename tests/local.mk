# One cmocka program per module, three lines each.
mpm_tests =
tests_ldadd = src/libmpmcore.la $(CMOCKA_LIBS)

mpm_tests += tests/test_buf
tests_test_buf_SOURCES = tests/test_buf.c
tests_test_buf_LDADD = $(tests_ldadd)

mpm_tests += tests/test_names
tests_test_names_SOURCES = tests/test_names.c
tests_test_names_LDADD = $(tests_ldadd)

mpm_tests += tests/test_digest
tests_test_digest_SOURCES = tests/test_digest.c
tests_test_digest_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests
tests_test_digest_LDADD = $(tests_ldadd)
mpm_tests += tests/test_address
tests_test_address_SOURCES = tests/test_address.c
tests_test_address_LDADD = $(tests_ldadd)

mpm_tests += tests/test_listener
tests_test_listener_SOURCES = tests/test_listener.c
tests_test_listener_LDADD = $(tests_ldadd)
tests_test_listener_LDFLAGS = -Wl,--wrap=accept4

mpm_tests += tests/test_conn
tests_test_conn_SOURCES = tests/test_conn.c
tests_test_conn_LDADD = $(tests_ldadd)
tests_test_conn_LDFLAGS = -Wl,--wrap=read,--wrap=readv,--wrap=writev

mpm_tests += tests/test_read
tests_test_read_SOURCES = tests/test_read.c
tests_test_read_LDADD = $(tests_ldadd)

mpm_tests += tests/test_options
tests_test_options_SOURCES = tests/test_options.c
tests_test_options_LDADD = $(tests_ldadd)

check_PROGRAMS += $(mpm_tests)
TESTS += $(mpm_tests)

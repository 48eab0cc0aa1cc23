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

check_PROGRAMS += $(mpm_tests)
TESTS += $(mpm_tests)

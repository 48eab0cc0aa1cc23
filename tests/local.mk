# One cmocka program per module.
mpm_tests = \
	tests/test_buf
check_PROGRAMS += $(mpm_tests)
TESTS += $(mpm_tests)
tests_ldadd = src/libmpmcore.la $(CMOCKA_LIBS)

tests_test_buf_SOURCES = tests/test_buf.c
tests_test_buf_LDADD = $(tests_ldadd)

/* support.h - what the unit tests and the corpus runner share. All but mpm_test_fail_until_ok() work without cmocka. */
#ifndef MPM_TESTS_SUPPORT_H
#define MPM_TESTS_SUPPORT_H

#include <stddef.h>
#include <stdint.h>

/* --- memory.c ---------------------------------------------------------------------------------------------------- */

/*
 * Runs fn with the first allocation refused, then the second, and so on; then with the first and all later ones
 * refused, and so on; each time until nothing was refused. fn returns 0 (it passed, or did without that memory) or
 * MPM_ENOMEM; it must give back all memory in either case. Anything else, a leak, or MPM_ENOMEM though nothing was
 * refused fails the test. What fn asserts itself must hold in every case. Returns how many allocations fn makes.
 */
size_t mpm_test_fail_until_ok(int (*fn)(void));

/* Between these two every allocation is counted and none refused. end: blocks that were taken and not given back. */
void mpm_test_alloc_begin(void);
long mpm_test_alloc_end(void);
/* Since mpm_test_alloc_begin(): how many allocations there were, and how large the largest was. */
size_t mpm_test_alloc_count(void);
size_t mpm_test_alloc_largest(void);

/* --- guard.c ----------------------------------------------------------------------------------------------------- */

/* A copy of bytes that ends where an unreadable page begins: reading one byte too many crashes, with any compiler. */
uint8_t *mpm_test_guard(const void *bytes, size_t len);
void mpm_test_guard_free(uint8_t *copy, size_t len);

/* --- data.c ------------------------------------------------------------------------------------------------------ */

/* Numbers that look random and are the same in every run. Start with any *seed. */
uint64_t mpm_test_random(uint64_t *seed);
/* One of 0 .. n-1; n > 0. */
size_t mpm_test_below(uint64_t *seed, size_t n);

/* Hex digits (blanks between them allowed) to bytes; returns how many. Aborts on anything else or more than max. */
size_t mpm_test_unhex(const char *text, uint8_t *out, size_t max);

/* "vectors/x.txt" in the source tree's tests/; static, overwritten by the next call. */
const char *mpm_test_path(const char *name);
/* A whole file, with a NUL behind it; free() it. NULL: cannot be read. */
uint8_t *mpm_test_read(const char *path, size_t *len);

#endif

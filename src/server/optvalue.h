/* optvalue.h - values of options. Layer: server. */
#ifndef MPM_SERVER_OPTVALUE_H
#define MPM_SERVER_OPTVALUE_H

#include <stdint.h>

#include <mpmd/error.h>

#define MPM_OPT_SHOWN 48 /* so much of a bad value is repeated in the message */

/* Each returns 0, or MPM_EINVAL with the value and what to give instead in err; *out is untouched then. */
int mpm__opt_number(const char *value, uint64_t min, uint64_t max, uint64_t *out, struct mpm_error *err);
/* 4096, 64K, 100M, 1G */
int mpm__opt_bytes(const char *value, uint64_t min, uint64_t max, uint64_t *out, struct mpm_error *err);
/* 10, 0.5 */
int mpm__opt_seconds(const char *value, int64_t *out_ns, struct mpm_error *err);
/* A descriptor's number. */
int mpm__opt_fd(const char *value, int *out, struct mpm_error *err);

/* Says that a value is wrong: "'value': advice". Returns MPM_EINVAL. */
int mpm__opt_bad(struct mpm_error *err, const char *value, const char *advice);
/* The index of value in n words, or -1. */
int mpm__opt_word(const char *value, const char *const words[], int n);

#endif

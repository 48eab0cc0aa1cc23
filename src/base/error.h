/* base/error.h - filling struct mpm_error. Layer: base. */
#ifndef MPM_BASE_ERROR_H
#define MPM_BASE_ERROR_H

#include <mpmd/error.h>

/* Fills *err (may be NULL) and returns code, so that a caller can say `return mpm__fail(err, MPM_EINVAL, 0, "...")`. */
int mpm__fail(struct mpm_error *err, int code, uint64_t offset, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif

/* error.h - the error codes of mpmd and what they mean. Public. */
#ifndef MPMD_ERROR_H
#define MPMD_ERROR_H

#include <stddef.h>
#include <stdint.h>

#include <mpmd/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One row per code: name, number, text. The enum, the texts and the tests all come from here.
 * Functions return 0 or a negative code. At or below MPM_EFATAL the object concerned can only be freed. */
#define MPM_ERRORS(X) \
    X(MPM_EINVAL,     -1,  "invalid argument") \
    X(MPM_ENOMEM,     -2,  "out of memory") \
    X(MPM_EAGAIN,     -3,  "not now, try again") \
    X(MPM_EFULL,      -4,  "no room in time") \
    X(MPM_EEMPTY,     -5,  "nothing there in time") \
    X(MPM_EGONE,      -6,  "no such object") \
    X(MPM_ETYPE,      -7,  "value of another type") \
    X(MPM_ERANGE,     -8,  "number out of range") \
    X(MPM_ELIMIT,     -9,  "over a limit") \
    X(MPM_EUNSUP,     -10, "not supported") \
    X(MPM_EBADPICKLE, -12, "malformed pickle") \
    X(MPM_EREMOTE,    -13, "the server raised an exception") \
    X(MPM_ETIMEOUT,   -14, "timed out") \
    X(MPM_EFATAL,     -32, "unusable") \
    X(MPM_ECONN,      -33, "connection lost") \
    X(MPM_EPROTO,     -34, "protocol violation by the peer") \
    X(MPM_EAUTH,      -35, "authentication failed") \
    X(MPM_ETOOBIG,    -36, "message longer than allowed") \
    X(MPM_EIO,        -37, "input or output failed")

enum mpm_errno {
    MPM_OK = 0,
#define MPM_ERROR_ENUM(name, number, text) name = (number),
    MPM_ERRORS(MPM_ERROR_ENUM)
#undef MPM_ERROR_ENUM
};

/** What went wrong where, for those who want more than a code. Filled only on failure. */
struct mpm_error {
    int code;          /* one of enum mpm_errno */
    uint64_t offset;   /* byte of the input at which it was noticed, when the input was bytes */
    char text[160];    /* one sentence for people, NUL-terminated; never key material */
};

/** The text of a code, static; "unknown error" for a number that is none. Since 0.1. */
MPM_API const char *mpm_error_text(int code);

#ifdef __cplusplus
}
#endif
#endif

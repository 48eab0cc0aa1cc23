/* error.c - texts of the error codes. Layer: base. */
#include <mpmd/error.h>

#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"

const char *
mpm_error_text(int code)
{
    switch (code) {
    case MPM_OK:
        return "success";
#define MPM_ERROR_CASE(name, number, text) \
    case name:                             \
        return text;
        MPM_ERRORS(MPM_ERROR_CASE)
#undef MPM_ERROR_CASE
    }
    return "unknown error";
}

int
mpm__fail(struct mpm_error *err, int code, uint64_t offset, const char *format, ...)
{
    va_list ap;

    if (err == NULL)
        return code;
    err->code = code;
    err->offset = offset;
    va_start(ap, format);
    vsnprintf(err->text, sizeof err->text, format, ap);
    va_end(ap);
    return code;
}

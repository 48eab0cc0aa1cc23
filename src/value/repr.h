/* repr.h - the text that Python's repr() gives for a value. Layer: value. */
#ifndef MPM_VALUE_REPR_H
#define MPM_VALUE_REPR_H

#include "value/number.h"
#include "value/value.h"

/* Containers inside containers, as deep as CPython's default recursion limit. */
#define MPM_REPR_DEPTH_MAX 1000

/* Appends repr(value), as CPython 3.13 gives it, as UTF-8. Other instances than those listed in doc/types.md give
 * `<module.Class object>`. Byte strings of Python 2 show as str when ASCII and as bytes otherwise, as Python 3 reads
 * them.
 * Returns 0; MPM_ELIMIT: nested too deep, or so much shared inside that the text would be out of proportion (Python
 * raises RecursionError); MPM_ERANGE: an int of more than MPM_DECIMAL_DIGITS_MAX digits (Python raises ValueError);
 * MPM_ENOMEM; MPM_ETOOBIG: longer than out->max. After a failure `out` is as before, but for out->error. */
int mpm__repr(struct mpm_ref ref, struct mpm_buf *out);
int mpm__repr_value(const struct mpm_value *v, struct mpm_buf *out);
/* repr() of a str given as UTF-8 with surrogatepass, of bytes, of a bytearray. Return 0, MPM_ENOMEM or MPM_ETOOBIG. */
int mpm__repr_text(const uint8_t *utf8, size_t len, struct mpm_buf *out);
int mpm__repr_bytes(const uint8_t *bytes, size_t len, struct mpm_buf *out);
int mpm__repr_bytearray(const uint8_t *bytes, size_t len, struct mpm_buf *out);

#endif

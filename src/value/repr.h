/* repr.h - the text that Python's repr() gives for a value. Layer: value. */
#ifndef MPM_VALUE_REPR_H
#define MPM_VALUE_REPR_H

#include "value/value.h"

/* Appends repr(value) as UTF-8. Other instances than those listed in doc/types.md give `<module.Class object>`.
 * Returns 0, MPM_ELIMIT (nested too deep: Python raises RecursionError) or MPM_ENOMEM. */
int mpm__repr(struct mpm_ref ref, struct mpm_buf *out);
int mpm__repr_value(const struct mpm_value *v, struct mpm_buf *out);
/* repr() of a str given as UTF-8 with surrogatepass. */
int mpm__repr_text(const uint8_t *utf8, size_t len, struct mpm_buf *out);
/* repr() of a float: the shortest decimal that reads back equal. out: at least 32 bytes, NUL-terminated. */
void mpm__repr_double(double v, char *out);

#endif

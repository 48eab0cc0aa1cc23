/* number.h - numbers as the decimal text that Python's repr() gives. Layer: value. */
#ifndef MPM_VALUE_NUMBER_H
#define MPM_VALUE_NUMBER_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Longer ints are neither read from nor written as decimal text by CPython 3.11 and later (ValueError: Exceeds the
 * limit (4300 digits) for integer string conversion), because that takes time in the square of the length. */
#define MPM_DECIMAL_DIGITS_MAX 4300
/* Room for any result of mpm__repr_double(). */
#define MPM_DOUBLE_TEXT_MAX 32

/* repr() of a float: the shortest decimal that reads back equal. out: MPM_DOUBLE_TEXT_MAX bytes, NUL-terminated. */
void mpm__repr_double(double v, char *out);
/* The same without ".0" behind a whole number, as the parts of a complex have it. */
void mpm__repr_double_part(double v, char *out);
/* Appends the decimal of a little-endian two's complement of any length. Returns 0, MPM_ERANGE (more digits than
 * MPM_DECIMAL_DIGITS_MAX) or MPM_ENOMEM. */
int mpm__repr_bigint(const uint8_t *bytes, size_t len, struct mpm_buf *out);

#endif

/*
 * exact.h - numbers of any type, exactly, in one form: what canon.c writes and order.c compares. Layer: value.
 *
 * Every rational number is +-(n / d) * 2**twos * 5**fives in just one way when n and d have no common factor and
 * neither is divisible by 2 or 5. In that form a float, a Decimal with an exponent of any size and an int need no
 * expanding.
 */
#ifndef MPM_VALUE_EXACT_H
#define MPM_VALUE_EXACT_H

#include <stdbool.h>

#include "base/buf.h"

/* The first byte of a number's form. What follows: 8 bytes; else a length and so many (see form.h). */
#define MPM_FORM_INT 'i'      /* fits into 64 bits */
#define MPM_FORM_NUMBER 'n'   /* any other rational */
#define MPM_FORM_INFINITY 'f' /* '+', '-' */
#define MPM_FORM_LONG_DECIMAL 'm' /* a Decimal of more digits than can be converted at a reasonable cost */

/* Beyond these a number of one type may differ from an equal one of another: an int or Fraction of which 5**6938 is a
 * factor; a Decimal of more than MPM_DECIMAL_DIGITS_MAX significant digits. */

/* Each appends one number. *work: what it may cost yet, in bytes gone over; MPM_ELIMIT when that is not enough. Return
 * 0, MPM_ELIMIT or MPM_ENOMEM, and MPM_ETYPE when the text is no number. After a failure `out` is as before. */
void mpm__exact_int64(int64_t v, struct mpm_buf *out);
void mpm__exact_double(double v, struct mpm_buf *out); /* not NaN */
/* Little-endian two's complement. */
int mpm__exact_bigint(const uint8_t *bytes, size_t len, uint64_t *work, struct mpm_buf *out);
/* What str(Decimal) gives; 1: it is a NaN, of either kind, nothing was appended. */
int mpm__exact_decimal(const uint8_t *text, size_t len, uint64_t *work, struct mpm_buf *out);
/* "-1/3", "2". */
int mpm__exact_fraction(const uint8_t *text, size_t len, uint64_t *work, struct mpm_buf *out);
/* The quotient of two that were written before and do not lie in out->data. */
int mpm__exact_quotient(const uint8_t *numerator, const uint8_t *denominator, struct mpm_buf *out);

/* The order of two forms that are numbers: -1, 0 or 1 in *order. Returns 0, MPM_ENOMEM, or MPM_ELIMIT: it is closer
 * than can be told at a reasonable cost. */
int mpm__exact_compare(const uint8_t *a, const uint8_t *b, int *order);

#endif

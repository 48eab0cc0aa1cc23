/*
 * number.c - numbers as the decimal text that Python's repr() gives. Layer: value.
 *
 * Floats: CPython asks David Gay's dtoa (mode 0) for the shortest digits; here the C library's exactly rounded
 * printf and strtod are asked for 15, 16 and 17 digits in turn, which gives the same. Reads no pickles.
 */
#include "value/number.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <mpmd/error.h>

/* digits[0..n) with the decimal point before the first: 0.ddd * 10**point. */
struct decimal {
    char digits[24];
    int n;
    int point;
};

/* v > 0, correctly rounded to n digits. */
static void
round_to(double v, int n, struct decimal *d)
{
    char text[40];
    const char *p = text;

    snprintf(text, sizeof(text), "%.*e", n - 1, v);
    d->n = 0;
    for (; *p != 'e'; p++)
        if (*p >= '0' && *p <= '9') /* the other one is the decimal point, whatever the locale calls it */
            d->digits[d->n++] = *p;
    d->point = atoi(p + 1) + 1;
}

static double
value_of(const struct decimal *d)
{
    char text[48];

    snprintf(text, sizeof(text), "%.*se%d", d->n, d->digits, d->point - d->n);
    return strtod(text, NULL);
}

/* The next larger one of as many digits. */
static void
step_up(struct decimal *d)
{
    int i = d->n - 1;

    for (; i >= 0 && d->digits[i] == '9'; i--)
        d->digits[i] = '0';
    if (i >= 0) {
        d->digits[i]++;
    } else {
        d->digits[0] = '1';
        d->point++;
    }
}

static void
shortest(double v, struct decimal *d)
{
    int exponent;
    bool is_power_of_2 = frexp(v, &exponent) == 0.5;

    /* Up to 15 digits survive the way into a normal double and back, so fewer need not be tried: they would show as
     * zeros at the end. Subnormal numbers have fewer bits. */
    for (int n = v < DBL_MIN ? 1 : 15; n <= 17; n++) {
        round_to(v, n, d);
        if (n == 17 || value_of(d) == v)
            break;
        /* Below a power of two doubles lie closer together than above it: the nearest decimal may be one that reads
         * back as the lower neighbour, while the one above reads back right. */
        if (is_power_of_2) {
            step_up(d);
            if (value_of(d) == v)
                break;
        }
    }
    while (d->n > 1 && d->digits[d->n - 1] == '0')
        d->n--;
}

static char *
put(char *out, const char *digits, int n)
{
    while (n-- > 0)
        *out++ = *digits++;
    return out;
}

static char *
put_zeros(char *out, int n)
{
    while (n-- > 0)
        *out++ = '0';
    return out;
}

static void
repr_double(double v, bool add_dot_0, char *out)
{
    struct decimal d = { "0", 1, 1 };

    if (isnan(v)) {
        strcpy(out, "nan");
        return;
    }
    if (signbit(v)) {
        *out++ = '-';
        v = -v;
    }
    if (isinf(v)) {
        strcpy(out, "inf");
        return;
    }
    if (v != 0)
        shortest(v, &d);
    if (d.point <= -4 || d.point > 16) {
        *out++ = d.digits[0];
        if (d.n > 1) {
            *out++ = '.';
            out = put(out, d.digits + 1, d.n - 1);
        }
        snprintf(out, 8, "e%+03d", (short)(d.point - 1));
        return;
    }
    if (d.point <= 0) {
        out = put(out, "0.", 2);
        out = put_zeros(out, -d.point);
        out = put(out, d.digits, d.n);
    } else if (d.point < d.n) {
        out = put(out, d.digits, d.point);
        *out++ = '.';
        out = put(out, d.digits + d.point, d.n - d.point);
    } else {
        out = put(out, d.digits, d.n);
        out = put_zeros(out, d.point - d.n);
        if (add_dot_0)
            out = put(out, ".0", 2);
    }
    *out = '\0';
}

void
mpm__repr_double(double v, char *out)
{
    repr_double(v, true, out);
}

void
mpm__repr_double_part(double v, char *out)
{
    repr_double(v, false, out);
}

#define LIMBS_MAX ((MPM_DECIMAL_DIGITS_MAX * 10 / 3 + 31) / 32 + 1) /* a digit takes less than 10/3 bits */

int
mpm__repr_bigint(const uint8_t *bytes, size_t len, struct mpm_buf *out)
{
    uint32_t limbs[LIMBS_MAX] = { 0 }, groups[MPM_DECIMAL_DIGITS_MAX / 9 + 2];
    bool negative = len > 0 && bytes[len - 1] & 0x80;
    unsigned carry = negative;
    size_t n = 0, n_groups = 0;
    uint64_t rest;
    char first[16];
    int n_first;

    if (len > LIMBS_MAX * 4)
        return MPM_ERANGE;
    for (size_t i = 0; i < len; i++) {
        carry += negative ? (uint8_t)~bytes[i] : bytes[i];
        limbs[i / 4] |= (uint32_t)(uint8_t)carry << (8 * (i % 4));
        carry >>= 8;
    }
    n = (len + 3) / 4;
    for (;;) {
        while (n > 0 && limbs[n - 1] == 0)
            n--;
        if (n == 0)
            break;
        if (n_groups == sizeof(groups) / sizeof(groups[0]))
            return MPM_ERANGE;
        rest = 0;
        for (size_t i = n; i-- > 0;) {
            rest = rest << 32 | limbs[i];
            limbs[i] = (uint32_t)(rest / 1000000000);
            rest %= 1000000000;
        }
        groups[n_groups++] = (uint32_t)rest;
    }
    if (n_groups == 0)
        groups[n_groups++] = 0;
    n_first = snprintf(first, sizeof(first), "%u", (unsigned)groups[n_groups - 1]);
    if ((n_groups - 1) * 9 + (size_t)n_first > MPM_DECIMAL_DIGITS_MAX)
        return MPM_ERANGE;
    if (negative)
        mpm__buf_u8(out, '-');
    mpm__buf_text(out, first);
    for (size_t i = n_groups - 1; i-- > 0;)
        mpm__buf_printf(out, "%09u", (unsigned)groups[i]);
    return out->error;
}

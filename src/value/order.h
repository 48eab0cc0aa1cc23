/* order.h - Python's `<` between values, and a stable sort by it. Layer: value. */
#ifndef MPM_VALUE_ORDER_H
#define MPM_VALUE_ORDER_H

#include "value/read.h"

/* Why two values have no order: what stands in "'<' not supported between instances of 'str' and 'int'". */
struct mpm_unordered {
    char left[64], right[64];
};

/* left < right: 1, 0; MPM_ETYPE (*why, which may be NULL, is filled); MPM_ELIMIT: nested too deep; MPM_ENOMEM.
 * Numbers (Decimal and Fraction with them), str, bytes, tuple, list, set and frozenset (proper subset), datetime, date, time,
 * timedelta as Python has them; other instances have no order. */
int mpm__less(struct mpm_ref left, struct mpm_ref right, struct mpm_unordered *why);
int mpm__less_value(const struct mpm_value *left, const struct mpm_value *right, struct mpm_unordered *why);

/* Sorts in place, stable, in O(n log n); reverse: descending, stable. After a failure (as mpm__less()) the order is the one
 * that CPython 3.13's list.sort() leaves behind when a comparison raises. */
int mpm__sort(struct mpm_value *v, size_t n, bool reverse, struct mpm_unordered *why);

#endif

/* order.h - Python's `<` between values, and a stable sort by it. Layer: value. */
#ifndef MPM_VALUE_ORDER_H
#define MPM_VALUE_ORDER_H

#include "value/read.h"

/* Why two values have no order: what stands in "'<' not supported between instances of 'str' and 'int'". */
struct mpm_unordered {
    char left[64], right[64];
    bool by_class;        /* one of them is an instance whose class may have a __lt__ of its own */
    const char *instead;  /* the whole message when Python words it otherwise; static; else NULL */
    uint64_t spent;       /* as in canon.h: 0 at the beginning of a series of comparisons */
};

/* left < right: 1, 0; MPM_ETYPE (*why, which may be NULL, is filled); MPM_ELIMIT: one contains itself, or is out of
 * proportion; MPM_ETOOBIG: all of a series together are; MPM_ENOMEM. Numbers (Decimal and Fraction with them), str,
 * bytes, tuple, list, deque, set and frozenset (proper subset), datetime, date, time, timedelta, UUID as Python has
 * them; other instances have no order. NaN, Decimal's as well, is less than nothing. */
int mpm__less(struct mpm_ref left, struct mpm_ref right, struct mpm_unordered *why);
int mpm__less_value(const struct mpm_value *left, const struct mpm_value *right, struct mpm_unordered *why);
/* Of two forms (canon.h) made with different salts: 1, 0, MPM_ETYPE, MPM_ELIMIT, MPM_ENOMEM. */
int mpm__less_form(const uint8_t *left, const uint8_t *right);

/* Sorts in place, stable, in O(n log n); reverse: descending, stable. After MPM_ETYPE the order is the one that CPython
 * 3.13's list.sort() leaves behind when a comparison raises; after other failures (as mpm__less()), and when why->by_class
 * says that a client could sort them, it is as before. */
int mpm__sort(struct mpm_value *v, size_t n, bool reverse, struct mpm_unordered *why);

#endif

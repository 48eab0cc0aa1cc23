/*
 * canon.h - one form of bytes for all values that Python holds equal. Layer: value.
 *
 * Two values are equal exactly when their canonical bytes are: `1`, `1.0`, `True`, `1+0j`, `Decimal('1.00')` and
 * `Fraction(1)` have the same, so have 'a' and Python 2's 'a', b'a' and bytearray(b'a'), a set and a frozenset, dicts
 * in another order. Instances of other classes are equal when class, arguments and state are (doc/types.md). So one
 * function serves `==`, `in`, `index`, and, hashed, the tables of dict and set.
 *
 * Where Python's == is not transitive, the bytes cannot follow it: two OrderedDicts are equal in any order, a
 * Counter's zeros count, and numbers have the limits of value/exact.h.
 */
#ifndef MPM_VALUE_CANON_H
#define MPM_VALUE_CANON_H

#include "value/read.h"

struct mpm_machine; /* canon.c's */

struct mpm_canon {
    struct mpm_buf bytes;
    bool is_nan;              /* it equals nothing, not even itself */
    bool was_complex;         /* some number was a complex, which has no order */
    const char *unhashable;   /* the type that Python's hash() refuses ("list"), static; NULL: it can be a key */
    uint64_t spent;           /* on forms much longer than their values; the caller's to begin a series of comparisons with 0 */
    uint32_t salt;            /* the caller's: a NaN of one salt differs from those of another */
    struct mpm_machine *machine; /* NULL until a value needs it */
};
/* Zeroed is valid, too. Used again and again, it stops allocating. */
void mpm__canon_wipe(struct mpm_canon *canon);

/* Each replaces what is in *canon. Returns 0; MPM_ELIMIT: it contains itself, or so much shared inside that the form
 * would be out of proportion (RecursionError in Python), as may those since `spent` was 0 together; MPM_ENOMEM. */
int mpm__canon(struct mpm_ref ref, struct mpm_canon *canon);
int mpm__canon_value(const struct mpm_value *v, struct mpm_canon *canon);

/* true: an int of up to 32 bits as it is mostly written, and *out is it. Looks at no more than that. */
bool mpm__value_is_short_int(const struct mpm_value *v, int64_t *out);

/* Whether a stored value equals what `wanted` is of: 1, 0, MPM_ENOMEM, or MPM_ETOOBIG: too much was spent already.
 * Most are told apart or found equal in place; for the others `scratch` is used. */
int mpm__canon_equals(const struct mpm_value *v, const struct mpm_canon *wanted, struct mpm_canon *scratch);

/* A keyed hash, for tables. */
uint64_t mpm__canon_hash(const struct mpm_canon *canon, const uint8_t key[16]);

#endif

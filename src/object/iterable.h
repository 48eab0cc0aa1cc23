/*
 * iterable.h - what Python's iter() gives for an argument, without running Python. Layer: object.
 *
 * tuple, list, set, frozenset, dict (its keys), str, bytes, bytearray, range, dict views, deque, OrderedDict, Counter,
 * defaultdict, array.array, iterators over these (iter, reversed, zip, enumerate as they are pickled), and proxies of
 * this server's list, dict, set, deque and Array, of which a copy is taken. What would need Python to go on (a
 * generator's kin, an instance with its own __iter__) is a TypeError that says so.
 */
#ifndef MPM_OBJECT_ITERABLE_H
#define MPM_OBJECT_ITERABLE_H

#include "object/object.h"

/* All items of an argument, stored for call->object: appended to out[], which grows as needed. They are the caller's to
 * mpm_forget() or to move into its object. False: an exception is the call's result, nothing was appended, and an
 * empty table has no memory.
 * Equal parts of the message are shared (list([x] * 1000) keeps x once); the allowance of object.h is kept. */
struct mpm_values {
    struct mpm_value *v;
    size_t n, cap;
};
bool mpm__iterate(struct mpm_call *call, struct mpm_ref ref, struct mpm_values *out);
/* Whether that failed because Python's iter() would fail, too. */
bool mpm__is_not_iterable(const struct mpm_call *call);
/* Keys and values in turn of a mapping: dict, OrderedDict, Counter, defaultdict, a proxy of this server's
 * dict. Returns 1; 0: it is no mapping, nothing was done; -1: an exception is the call's result. */
int mpm__iterate_pairs(struct mpm_call *call, struct mpm_ref ref, struct mpm_values *out);

/* So many values at most come of one request that does not hold them itself: range(n), l * n, other objects' items.
 * Others wait meanwhile. */
#define MPM_GROWN_MAX (1 << 24)

/* Room for n more; the table's memory is not counted against --max-memory. Returns 0 or MPM_ENOMEM. */
int mpm__values_reserve(struct mpm_values *values, size_t n);
/* Forgets all values and frees the table. */
void mpm__values_wipe(struct mpm_hub *hub, struct mpm_values *values);

#endif

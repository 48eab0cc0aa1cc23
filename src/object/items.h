/* items.h - what list, deque and the queues have in common. Layer: object. */
#ifndef MPM_OBJECT_ITEMS_H
#define MPM_OBJECT_ITEMS_H

#include "object/object.h"
#include "value/order.h"

/* Looking for an item: what is wanted, then whether a value equals it (1, 0; -1: an exception is the call's result).
 * Nothing else of the hub may compare values meanwhile. False: an exception is the call's result. */
bool mpm__wanted(struct mpm_call *call, struct mpm_ref ref);
int mpm__is_wanted(struct mpm_call *call, const struct mpm_value *v);
/* ValueError("5 is not in list") */
enum mpm_outcome mpm__raise_not_in(struct mpm_call *call, struct mpm_ref ref, const char *what);

/* l * n: argument i as n >= 0, for a sequence of `len` items. False: an exception is the call's result, a MemoryError
 * when that would be too many. */
bool mpm__times(struct mpm_call *call, int i, size_t len, size_t *n);
/* An index of at most 64 bits. False: TypeError("'str' object cannot be interpreted as an integer") or
 * OverflowError(too_large). */
bool mpm__plain_index(struct mpm_call *call, int i, const char *too_large, int64_t *out);

/* The exception for a failure of mpm__less() or mpm__sort(). */
enum mpm_outcome mpm__raise_unordered(struct mpm_call *call, int code, const struct mpm_unordered *why);

#endif

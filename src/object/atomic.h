/* atomic.h - changing one stored value by what it was: what Value, Counter and dict offer beyond CPython. Layer:
 * object. */
#ifndef MPM_OBJECT_ATOMIC_H
#define MPM_OBJECT_ATOMIC_H

#include "object/object.h"

/* *place += argument i (1 when it is not given), or -=; the new value is the result. An empty *place counts as 0.
 * Otherwise an exception is the result and *place is as before: TypeError, OverflowError (int too large to convert to
 * float), MemoryError. Ints of any size and floats, as Python adds them. Returns whether it was done. */
bool mpm__atomic_add(struct mpm_call *call, struct mpm_value *place, int i, bool subtract);

/* When *place equals argument i (as Python's == has it): *place = *value, and the result is True; else False. *value
 * is a stored one, which is taken in any case. An exception when they cannot be compared: MemoryError,
 * RecursionError. */
enum mpm_outcome mpm__atomic_compare_and_set(struct mpm_call *call, struct mpm_value *place, int i, struct mpm_value *value);

/* *place = *value, a stored one, which is taken; the old value is the result, or a MemoryError. */
enum mpm_outcome mpm__atomic_exchange(struct mpm_call *call, struct mpm_value *place, struct mpm_value *value);

#endif

/* slice.h - indices and slices as Python reads them. Layer: object. */
#ifndef MPM_OBJECT_SLICE_H
#define MPM_OBJECT_SLICE_H

#include "object/object.h"

/* slice(start, stop, step) made for a sequence of a given length: items start, start+step, ..., n of them. When n is 0,
 * start is the place between two items (0..len) that the slice names. */
struct mpm_slice {
    int64_t start, stop, step;
    size_t n;
};

/* What argument i is when it stands in brackets. Ints of any size are clamped as Python does. */
enum mpm_subscript { MPM_SUBSCRIPT_ERROR = -1, MPM_SUBSCRIPT_INDEX, MPM_SUBSCRIPT_SLICE };

/* A slice or an index of a sequence of `len` items. For an index *index is 0..len-1, negative ones counted from the
 * end. Otherwise an exception is the call's result: TypeError("list indices must be integers or slices, not str"),
 * IndexError("list index out of range"), IndexError("cannot fit 'int' into an index-sized integer"), ValueError("slice
 * step cannot be zero"), TypeError("slice indices must be integers or None or have an __index__ method"). `what`:
 * "list", "array"; `range`: the text for an index out of range. slice NULL: a sequence without slices (deque), with
 * the texts of those: TypeError("'slice' object cannot be interpreted as an integer"). */
enum mpm_subscript mpm__subscript(struct mpm_call *call, int i, size_t len, const char *what, const char *range,
    size_t *index, struct mpm_slice *slice);

/* Python 2's __getslice__(i, j) and kin: arguments i and i + 1, a step of 1; negative ones count as 0, because the
 * proxy added the length. False: an exception is set. */
bool mpm__plain_slice(struct mpm_call *call, int i, size_t len, struct mpm_slice *slice);

/* A bound of index(): an int of any size, clamped to 0..len, negative ones from the end. Not given: the parameter's
 * default, of which None is the end. False: an exception is set: TypeError("slice indices must be integers or have an
 * __index__ method"). */
bool mpm__clamped_index(struct mpm_call *call, int i, size_t len, size_t *out);

/* A place for insert(): the same, but an int of more than 64 bits is an OverflowError, and the TypeError says "'str'
 * object cannot be interpreted as an integer". */
bool mpm__insert_index(struct mpm_call *call, int i, size_t len, size_t *out);

#endif

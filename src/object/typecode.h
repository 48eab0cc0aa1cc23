/* typecode.h - items of array.array from values, with Python's errors, and arrays as they are pickled. Layer: object. */
#ifndef MPM_OBJECT_TYPECODE_H
#define MPM_OBJECT_TYPECODE_H

#include "object/object.h"
#include "value/packed.h"

/* Converts one value to an item at `at`. False: an exception is the call's result, with the text of CPython 3.13. */
bool mpm__item_put(struct mpm_call *call, const struct mpm_typecode *type, struct mpm_ref ref, uint8_t *at);
/* The same for an int that fits into 64 bits; `at` NULL: only whether it can be. */
bool mpm__item_put_int(struct mpm_call *call, const struct mpm_typecode *type, int64_t v, uint8_t *at);
/* Writes an item as a value. A character that is none (an array made from bytes) is a U+FFFD. */
void mpm__item_write(const struct mpm_typecode *type, const uint8_t *at, struct mpm_writer *w);

/* Items of an array. Zeroed is empty. */
struct mpm_items_of {
    const struct mpm_typecode *type;
    uint8_t *bytes; /* mpm__free() */
    size_t n;
};

/* An array.array as any CPython pickles it. 1: *out has its items; 0: it is none; -1: an exception is the call's
 * result. What is not counted against --max-memory is in proportion to the message. */
int mpm__array_of_ref(struct mpm_call *call, struct mpm_ref ref, struct mpm_items_of *out);
/* bytes, bytearray or Python 2's str, in the forms of all protocols. 1: *bytes, valid as long as the message and
 * *scratch; 0: it is none; or MPM_ENOMEM. */
int mpm__bytes_of_ref(struct mpm_ref ref, struct mpm_buf *scratch, const uint8_t **bytes, size_t *len);
/* A range (Python 2: xrange) with ends of 64 bits: 1, 0, or MPM_ENOMEM. */
struct mpm_range {
    int64_t start, step;
    uint64_t n;
};
int mpm__range_of_ref(struct mpm_ref ref, struct mpm_range *out);

#endif

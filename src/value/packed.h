/* packed.h - items of array.array as bytes: what a typecode says of them, and their text. Layer: value. */
#ifndef MPM_VALUE_PACKED_H
#define MPM_VALUE_PACKED_H

#include "value/read.h"

enum mpm_item_kind {
    MPM_I_SIGNED,
    MPM_I_UNSIGNED,
    MPM_I_REAL,
    MPM_I_CHARACTER, /* of text */
    MPM_I_BYTE,      /* of Python 2's 'c' */
};

struct mpm_typecode {
    char code;
    uint8_t kind; /* enum mpm_item_kind */
    uint8_t size; /* of an item */
};

/* NULL: there is no such typecode. 'c' is one for Python 2 only. */
const struct mpm_typecode *mpm__typecode(uint32_t code, bool python2);

/* The item that an int or another value is, at `at`, which may be NULL for an int. Returns 0, MPM_ETYPE: it is not of
 * that kind, MPM_ERANGE: there is no room for it, or MPM_ENOMEM. */
int mpm__item_from_int(const struct mpm_typecode *type, int64_t v, uint8_t *at);
int mpm__item_from(const struct mpm_typecode *type, struct mpm_ref ref, uint8_t *at);
/* What an item is, each by its own kind. An unsigned one is given as the same 64 bits. */
int64_t mpm__item_int(const struct mpm_typecode *type, const uint8_t *at);
double mpm__item_real(const struct mpm_typecode *type, const uint8_t *at);
uint32_t mpm__item_character(const uint8_t *at);

/* Items of any machine, as array._array_reconstructor() has them: `format` is its number for how they lie. Gives those
 * of this machine: *bytes itself or a copy at the end of `out`; *type becomes the typecode that CPython chooses for
 * them. Returns 1; 0: they are no such items; or MPM_ENOMEM. */
int mpm__items_of_format(const struct mpm_typecode **type, int64_t format, struct mpm_buf *out, const uint8_t **bytes,
    size_t *len);

/* Appends "array('i', [1, 2])". A character that is none shows as U+FFFD; Python 2's bytes as text when ASCII. Returns
 * 0, MPM_ENOMEM or MPM_ETOOBIG. */
int mpm__repr_array(const struct mpm_typecode *type, const uint8_t *bytes, size_t n, struct mpm_buf *out);

#endif

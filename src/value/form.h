/*
 * form.h - the canonical form of canon.h from inside, for those who make it or read it. Layer: value.
 *
 * A value is a letter and what belongs to it, so that one can be stepped over without looking inside:
 *
 *     N                          None
 *     i 8 bytes                  an int of 64 bits
 *     s b n f m D U A C Z T z    length, so many bytes: text, bytes, other numbers, dates and times
 *     g                          length, module, length, name: a class or function
 *     t l d S q c r o            size (8 bytes), count (4), then so many bytes: tuple, list, dict, set, deque, complex, range,
 *                                instance
 *
 * Keys of a dict and items of a set are sorted by their bytes. An instance is one byte and three more counts (items, pairs,
 * states), class, arguments, then those.
 */
#ifndef MPM_VALUE_FORM_H
#define MPM_VALUE_FORM_H

#include <endian.h>
#include <string.h>

#include "value/canon.h"
#include "value/exact.h"

enum {
    MPM_FORM_NONE = 'N', MPM_FORM_TEXT = 's', MPM_FORM_BYTES = 'b', MPM_FORM_CLASS = 'g', MPM_FORM_TUPLE = 't',
    MPM_FORM_LIST = 'l', MPM_FORM_DICT = 'd', MPM_FORM_SET = 'S', MPM_FORM_DEQUE = 'q', MPM_FORM_COMPLEX = 'c',
    MPM_FORM_RANGE = 'r', MPM_FORM_OBJECT = 'o', MPM_FORM_NAN = 'x' /* in 'f' */,
    /* naive and aware: */ MPM_FORM_DATETIME = 'D', MPM_FORM_INSTANT = 'U', MPM_FORM_TIME = 'C', MPM_FORM_AWARE_TIME = 'Z',
    MPM_FORM_DATE = 'A', MPM_FORM_DELTA = 'T', MPM_FORM_ZONE = 'z',
};

#define MPM_FORM_HEAD 13                    /* letter, size, count */
#define MPM_FORM_OBJECT_HEAD (MPM_FORM_HEAD + 13)

static inline uint64_t
mpm__form_u64(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof v);
    return le64toh(v);
}

static inline uint32_t
mpm__form_u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline void
mpm__form_set_u64(uint8_t *p, uint64_t v)
{
    v = htole64(v);
    memcpy(p, &v, sizeof v);
}

static inline void
mpm__form_set_u32(uint8_t *p, uint32_t v)
{
    v = htole32(v);
    memcpy(p, &v, sizeof v);
}

/* A length: one byte, or 0xff and eight. */
static inline const uint8_t *
mpm__form_counted(const uint8_t *p, size_t *len)
{
    if (*p != 0xff) {
        *len = *p;
        return p + 1;
    }
    *len = (size_t)mpm__form_u64(p + 1);
    return p + 9;
}

static inline void
mpm__form_put_counted(struct mpm_buf *out, const void *bytes, size_t len)
{
    uint8_t *at = mpm__buf_add(out, len < 0xff ? 1 + len : 9 + len);

    if (at == NULL)
        return;
    if (len < 0xff) {
        *at++ = (uint8_t)len;
    } else {
        *at++ = 0xff;
        mpm__form_set_u64(at, len);
        at += 8;
    }
    if (len != 0)
        memcpy(at, bytes, len);
}

static inline bool
mpm__form_is_group(uint8_t letter)
{
    switch (letter) {
    case MPM_FORM_TUPLE:
    case MPM_FORM_LIST:
    case MPM_FORM_DICT:
    case MPM_FORM_SET:
    case MPM_FORM_DEQUE:
    case MPM_FORM_COMPLEX:
    case MPM_FORM_RANGE:
    case MPM_FORM_OBJECT:
        return true;
    }
    return false;
}

/* Behind the value that begins at p. */
static inline const uint8_t *
mpm__form_skip(const uint8_t *p)
{
    size_t len;

    if (*p == MPM_FORM_INT)
        return p + 9;
    if (*p == MPM_FORM_NONE)
        return p + 1;
    if (mpm__form_is_group(*p))
        return p + MPM_FORM_HEAD + mpm__form_u64(p + 1);
    if (*p++ == MPM_FORM_CLASS) {
        p = mpm__form_counted(p, &len);
        p += len;
    }
    p = mpm__form_counted(p, &len);
    return p + len;
}

static inline uint32_t
mpm__form_count(const uint8_t *group)
{
    return mpm__form_u32(group + 9);
}

/* Whether a class is that one, by its names in Python 3. */
bool mpm__form_is_class(const uint8_t *p, const char *module, const char *name);

/* --- for canon.c and canon_known.c ------------------------------------------------------------------------------- */

/* What a value can still become while its pickle is gone through. */
enum mpm_cell_kind { MPM_CELL_DONE = 0, MPM_CELL_LIST, MPM_CELL_DICT, MPM_CELL_SET, MPM_CELL_OBJECT };

/* Types that hash() refuses. */
enum mpm_unhashable {
#define MPM_UNHASHABLES(X) X(NONE, NULL) X(LIST, "list") X(DICT, "dict") X(SET, "set") X(BYTEARRAY, "bytearray") \
    X(DEQUE, "collections.deque") X(ORDEREDDICT, "collections.OrderedDict") X(DEFAULTDICT, "collections.defaultdict") \
    X(COUNTER, "Counter") X(ARRAY, "array.array") X(USERDICT, "UserDict") X(USERLIST, "UserList") \
    X(SIMPLENAMESPACE, "types.SimpleNamespace")
#define X(symbol, text) MPM_UNHASHABLE_##symbol,
    MPM_UNHASHABLES(X)
#undef X
};

struct mpm_made {
    uint8_t kind;        /* enum mpm_cell_kind */
    uint8_t unhashable;  /* enum mpm_unhashable */
};

/* `out` ends with a class and a tuple of arguments, from `start` on: what calling the one with the other gives, in
 * their place, when it is something that equals other things than instances do. Returns 0, MPM_ETYPE (nothing known,
 * `out` is as before), MPM_ELIMIT or MPM_ENOMEM. */
int mpm__canon_call(struct mpm_canon *canon, size_t start, uint64_t *work, struct mpm_buf *scratch, struct mpm_made *made);

#endif

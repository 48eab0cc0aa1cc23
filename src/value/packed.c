/*
 * packed.c - items of array.array as bytes: which values fit, how they lie in memory, how repr() shows them. Layer:
 * value.
 *
 * Items lie in the machine's byte order, as in CPython. Not here: Python's words for what does not fit, and how arrays
 * are pickled (object/typecode.c, known.c). Source: CPython Modules/arraymodule.c: descriptors, mformat_descriptors,
 * array__array_reconstructor.
 */
#include "value/packed.h"

#include <string.h>

#include "base/utf8.h"
#include "value/repr.h"

static const struct mpm_typecode typecodes[] = {
    { 'b', MPM_I_SIGNED, 1 },
    { 'B', MPM_I_UNSIGNED, 1 },
    { 'u', MPM_I_CHARACTER, 4 },
    { 'w', MPM_I_CHARACTER, 4 },
    { 'h', MPM_I_SIGNED, sizeof(short) },
    { 'H', MPM_I_UNSIGNED, sizeof(short) },
    { 'i', MPM_I_SIGNED, sizeof(int) },
    { 'I', MPM_I_UNSIGNED, sizeof(int) },
    { 'l', MPM_I_SIGNED, sizeof(long) },
    { 'L', MPM_I_UNSIGNED, sizeof(long) },
    { 'q', MPM_I_SIGNED, 8 },
    { 'Q', MPM_I_UNSIGNED, 8 },
    { 'f', MPM_I_REAL, sizeof(float) },
    { 'd', MPM_I_REAL, sizeof(double) },
    { 'c', MPM_I_BYTE, 1 },
};

const struct mpm_typecode *
mpm__typecode(uint32_t code, bool python2)
{
    for (size_t i = 0; i < sizeof typecodes / sizeof *typecodes; i++) {
        if ((uint8_t)typecodes[i].code == code)
            return code == 'c' && !python2 ? NULL : &typecodes[i];
    }
    return NULL;
}

/* --- items -------------------------------------------------------------------------------------------------------- */

/* The low `size` bytes of v, in the machine's order. */
static void
store(uint8_t *at, size_t size, uint64_t v)
{
    uint8_t v8 = (uint8_t)v;
    uint16_t v16 = (uint16_t)v;
    uint32_t v32 = (uint32_t)v;

    switch (size) {
    case 1: memcpy(at, &v8, 1); break;
    case 2: memcpy(at, &v16, 2); break;
    case 4: memcpy(at, &v32, 4); break;
    default: memcpy(at, &v, 8); break;
    }
}

static uint64_t
load(const uint8_t *at, size_t size)
{
    uint16_t v16;
    uint32_t v32;
    uint64_t v;

    switch (size) {
    case 1: return *at;
    case 2: memcpy(&v16, at, 2); return v16;
    case 4: memcpy(&v32, at, 4); return v32;
    default: memcpy(&v, at, 8); return v;
    }
}

static void
store_real(const struct mpm_typecode *type, double d, uint8_t *at)
{
    float f = (float)d; /* infinity when it is beyond */

    if (type->code == 'f')
        memcpy(at, &f, sizeof f);
    else
        memcpy(at, &d, sizeof d);
}

static int
item_from_unsigned(const struct mpm_typecode *type, uint64_t v, uint8_t *at)
{
    if (type->size < 8 && v >> 8 * type->size != 0)
        return MPM_ERANGE;
    if (at != NULL)
        store(at, type->size, v);
    return 0;
}

int
mpm__item_from_int(const struct mpm_typecode *type, int64_t v, uint8_t *at)
{
    int64_t beyond = type->size < 8 ? INT64_C(1) << (8 * type->size - 1) : 0;

    switch (type->kind) {
    case MPM_I_SIGNED:
        if (beyond != 0 && (v < -beyond || v >= beyond))
            return MPM_ERANGE;
        if (at != NULL)
            store(at, type->size, (uint64_t)v);
        return 0;
    case MPM_I_UNSIGNED:
        return v < 0 ? MPM_ERANGE : item_from_unsigned(type, (uint64_t)v, at);
    case MPM_I_REAL:
        if (at != NULL)
            store_real(type, (double)v, at);
        return 0;
    default:
        return MPM_ETYPE;
    }
}

/* An int of more than 64 bits with sign. */
static int
item_from_big(const struct mpm_typecode *type, struct mpm_ref ref, uint8_t *at)
{
    struct mpm_buf big;
    uint64_t v = 0;
    int r;

    if (type->kind != MPM_I_UNSIGNED)
        return MPM_ERANGE;
    mpm__buf_init(&big, 0);
    r = mpm__read_bigint(ref, &big);
    if (r == 0 && (big.len != 9 || big.data[8] != 0)) /* the last byte is there for the sign */
        r = MPM_ERANGE;
    for (int i = 0; r == 0 && i < 8; i++)
        v |= (uint64_t)big.data[i] << (8 * i);
    mpm__buf_wipe(&big);
    return r != 0 ? r : item_from_unsigned(type, v, at);
}

/* One character, or one byte of a 'c' array. */
static int
item_from_text(const struct mpm_typecode *type, struct mpm_ref ref, uint8_t *at)
{
    struct mpm_buf scratch;
    const uint8_t *text;
    size_t len, used = 0;
    uint32_t character = 0;
    int r, kind = mpm__kind(&ref);

    mpm__buf_init(&scratch, 0);
    if (kind == MPM_K_BYTES && type->kind == MPM_I_BYTE)
        r = mpm__read_bytes(ref, &text, &len);
    else
        r = kind < 0 ? kind : mpm__decode_text(ref, &scratch, &text, &len);
    if (r == 0 && type->kind == MPM_I_BYTE && len == 1 && (kind != MPM_K_STR || *text < 0x80)) {
        character = *text;
        used = 1;
    } else if (r == 0 && type->kind == MPM_I_CHARACTER && kind == MPM_K_STR && len > 0 && len <= 4 &&
        mpm__utf8_ok(text, len)) {
        character = mpm__utf8_get(text, len, &used);
    }
    if (r == 0 && (used == 0 || used != len))
        r = MPM_ETYPE;
    mpm__buf_wipe(&scratch);
    if (r == 0)
        store(at, type->size, character);
    return r;
}

int
mpm__item_from(const struct mpm_typecode *type, struct mpm_ref ref, uint8_t *at)
{
    double d;
    int64_t v;
    int r;

    switch (type->kind) {
    case MPM_I_CHARACTER:
    case MPM_I_BYTE:
        return item_from_text(type, ref, at);
    case MPM_I_REAL:
        if ((r = mpm__read_double(ref, &d)) == 0)
            store_real(type, d, at);
        return r;
    default:
        r = mpm__read_int64(ref, &v);
        return r == 0 ? mpm__item_from_int(type, v, at) : r == MPM_ERANGE ? item_from_big(type, ref, at) : r;
    }
}

/* The number whose lowest bytes, with its sign, are in v. */
static uint64_t
extended(uint64_t v, size_t size)
{
    return size < 8 && v >> (8 * size - 1) != 0 ? v | ~UINT64_C(0) << 8 * size : v;
}

int64_t
mpm__item_int(const struct mpm_typecode *type, const uint8_t *at)
{
    uint64_t v = load(at, type->size);

    return (int64_t)(type->kind == MPM_I_SIGNED ? extended(v, type->size) : v);
}

double
mpm__item_real(const struct mpm_typecode *type, const uint8_t *at)
{
    double d;
    float f;

    if (type->code == 'd') {
        memcpy(&d, at, sizeof d);
        return d;
    }
    memcpy(&f, at, sizeof f);
    return f;
}

uint32_t
mpm__item_character(const uint8_t *at)
{
    return (uint32_t)load(at, 4);
}

/* --- items of other machines -------------------------------------------------------------------------------------- */

/* Two formats each: the lowest byte first, the highest byte first. A single byte has no order. */
struct format {
    uint8_t kind, size;
    bool big_endian;
};

static bool
read_format(int64_t number, struct format *out)
{
    static const struct {
        uint8_t kind, size;
    } pairs[] = {
        { MPM_I_UNSIGNED, 2 }, { MPM_I_SIGNED, 2 }, { MPM_I_UNSIGNED, 4 }, { MPM_I_SIGNED, 4 }, { MPM_I_UNSIGNED, 8 },
        { MPM_I_SIGNED, 8 }, { MPM_I_REAL, 4 }, { MPM_I_REAL, 8 }, { MPM_I_CHARACTER, 2 }, { MPM_I_CHARACTER, 4 },
    };

    if (number < 0 || number >= 2 + 2 * (int64_t)(sizeof pairs / sizeof *pairs))
        return false;
    if (number < 2)
        *out = (struct format){ number == 0 ? MPM_I_UNSIGNED : MPM_I_SIGNED, 1, false };
    else
        *out = (struct format){ pairs[number / 2 - 1].kind, pairs[number / 2 - 1].size, number % 2 != 0 };
    return true;
}

static bool
is_native(const struct format *format, const struct mpm_typecode *type)
{
    static const uint16_t one = 1;

    return format->kind == type->kind && format->size == type->size &&
        (format->size == 1 || format->big_endian == (*(const uint8_t *)&one == 0));
}

static uint64_t
load_ordered(const uint8_t *at, size_t size, bool big_endian)
{
    uint64_t v = 0;

    for (size_t i = 0; i < size; i++)
        v |= (uint64_t)at[i] << 8 * (big_endian ? size - 1 - i : i);
    return v;
}

/* CPython takes the last typecode of the same kind and size for ints, and leaves others as they are. NULL: it refuses.
 */
static const struct mpm_typecode *
type_for(const struct format *format, const struct mpm_typecode *type)
{
    if (format->kind != MPM_I_SIGNED && format->kind != MPM_I_UNSIGNED)
        return format->kind == type->kind ? type : NULL;
    for (size_t i = sizeof typecodes / sizeof *typecodes; i-- > 0;)
        if (typecodes[i].kind == format->kind && typecodes[i].size == format->size)
            return &typecodes[i];
    return NULL;
}

/* A character at `at`, of UTF-16 or UTF-32; *used: its bytes. False: it is none. */
static bool
load_character(const struct format *format, const uint8_t *at, size_t len, uint64_t *c, size_t *used)
{
    uint64_t low;

    *used = format->size;
    *c = load_ordered(at, format->size, format->big_endian);
    if (format->size == 2 && *c >> 10 == 0xd800 >> 10 && len >= 4) {
        low = load_ordered(at + 2, 2, format->big_endian);
        if (low >> 10 == 0xdc00 >> 10) {
            *used = 4;
            *c = 0x10000 + ((*c & 0x3ff) << 10 | (low & 0x3ff));
        }
    }
    return *c <= 0x10ffff && *c >> 11 != 0xd800 >> 11;
}

static bool
convert_item(const struct format *format, const struct mpm_typecode *type, const uint8_t *at, size_t len, uint8_t *to,
    size_t *used)
{
    uint64_t v;
    uint32_t low;
    double d;
    float f;

    if (format->kind == MPM_I_CHARACTER) {
        if (!load_character(format, at, len, &v, used))
            return false;
        store(to, type->size, v);
        return true;
    }
    *used = format->size;
    v = load_ordered(at, format->size, format->big_endian);
    if (format->kind != MPM_I_REAL) {
        store(to, type->size, v);
    } else if (format->size == 4) {
        low = (uint32_t)v;
        memcpy(&f, &low, sizeof f);
        store_real(type, f, to);
    } else {
        memcpy(&d, &v, sizeof d);
        store_real(type, d, to);
    }
    return true;
}

int
mpm__items_of_format(const struct mpm_typecode **type, int64_t number, struct mpm_buf *out, const uint8_t **bytes,
    size_t *len)
{
    struct format format;
    size_t used = 0, from = out->len;
    uint8_t item[8];

    if (!read_format(number, &format) || *len % format.size != 0)
        return 0;
    if (is_native(&format, *type))
        return 1;
    if ((*type = type_for(&format, *type)) == NULL)
        return 0;
    for (size_t at = 0; at < *len && out->error == 0; at += used) {
        if (!convert_item(&format, *type, *bytes + at, *len - at, item, &used))
            return 0;
        mpm__buf_put(out, item, (*type)->size);
    }
    if (out->error != 0)
        return out->error;
    *len = out->len - from;
    if (*len != 0) /* else there may be no data */
        *bytes = out->data + from;
    return 1;
}

/* --- text --------------------------------------------------------------------------------------------------------- */

/* What the characters make. */
static int
repr_characters(const uint8_t *bytes, size_t n, struct mpm_buf *out)
{
    struct mpm_buf text;
    int r = 0;

    mpm__buf_init(&text, 0);
    for (size_t i = 0; i < n && text.error == 0; i++) {
        uint32_t c = mpm__item_character(bytes + 4 * i);
        uint8_t utf8[4];

        mpm__buf_put(&text, utf8, mpm__utf8_put(utf8, c <= 0x10ffff ? c : 0xfffd));
    }
    r = text.error != 0 ? text.error : mpm__repr_text(text.data, text.len, out);
    mpm__buf_wipe(&text);
    return r;
}

/* Python 2's bytes: as text when they are ASCII, as all its byte strings are shown. */
static int
repr_bytes(const uint8_t *bytes, size_t n, struct mpm_buf *out)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] >= 0x80)
            return mpm__repr_bytes(bytes, n, out);
    }
    return mpm__repr_text(bytes, n, out);
}

static void
repr_number(const struct mpm_typecode *type, const uint8_t *at, struct mpm_buf *out)
{
    char text[MPM_DOUBLE_TEXT_MAX];

    if (type->kind == MPM_I_REAL) {
        mpm__repr_double(mpm__item_real(type, at), text);
        mpm__buf_text(out, text);
    } else if (type->kind == MPM_I_UNSIGNED) {
        mpm__buf_printf(out, "%llu", (unsigned long long)mpm__item_int(type, at));
    } else {
        mpm__buf_printf(out, "%lld", (long long)mpm__item_int(type, at));
    }
}

int
mpm__repr_array(const struct mpm_typecode *type, const uint8_t *bytes, size_t n, struct mpm_buf *out)
{
    size_t before = out->len;
    int r = 0;

    mpm__buf_printf(out, "array('%c'", type->code);
    if (n > 0) {
        mpm__buf_text(out, ", ");
        if (type->kind == MPM_I_CHARACTER) {
            r = repr_characters(bytes, n, out);
        } else if (type->kind == MPM_I_BYTE) {
            r = repr_bytes(bytes, n, out);
        } else {
            for (size_t i = 0; i < n && out->error == 0; i++) {
                mpm__buf_text(out, i == 0 ? "[" : ", ");
                repr_number(type, bytes + i * type->size, out);
            }
            mpm__buf_u8(out, ']');
        }
    }
    mpm__buf_u8(out, ')');
    if (r == 0)
        r = out->error;
    if (r != 0)
        mpm__buf_cut(out, before);
    return r;
}

/*
 * typecode.c - items of array.array: which values they take, how they lie in memory, how arrays are pickled. Layer:
 * object.
 *
 * Items lie in the machine's byte order, as in CPython: an array travels as these bytes between Pythons of one machine
 * (and of any other little-endian 64-bit Linux). The errors are CPython 3.13's, Modules/arraymodule.c, with its
 * detours: 'b' is first read as a short, 'H' as an int. Sources for the forms in pickles: array.__reduce_ex__,
 * array._array_reconstructor, and multiprocessing.managers.reduce_array.
 */
#include "object/typecode.h"

#include <limits.h>
#include <string.h>

#include <mpmd/error.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "object/bind.h"

static const struct mpm_typecode typecodes[] = {
    { 'b', MPM_I_INT, 1, { { "signed short integer", SHRT_MIN, SHRT_MAX }, { "signed char", SCHAR_MIN, SCHAR_MAX } } },
    { 'B', MPM_I_INT, 1, { { "unsigned byte integer", 0, UCHAR_MAX } } },
    { 'u', MPM_I_CHARACTER, 4, { { 0 } } },
    { 'w', MPM_I_CHARACTER, 4, { { 0 } } },
    { 'h', MPM_I_INT, sizeof(short), { { "signed short integer", SHRT_MIN, SHRT_MAX } } },
    { 'H', MPM_I_INT, sizeof(short), { { "signed integer", INT_MIN, INT_MAX }, { "unsigned short", 0, USHRT_MAX } } },
    { 'i', MPM_I_INT, sizeof(int), { { "signed integer", INT_MIN, INT_MAX } } },
    { 'I', MPM_I_UNSIGNED, sizeof(int), { { 0 } } },
    { 'l', MPM_I_INT, sizeof(long), { { 0 } } },
    { 'L', MPM_I_UNSIGNED, sizeof(long), { { 0 } } },
    { 'q', MPM_I_INT, 8, { { 0 } } },
    { 'Q', MPM_I_UNSIGNED, 8, { { 0 } } },
    { 'f', MPM_I_REAL, sizeof(float), { { 0 } } },
    { 'd', MPM_I_REAL, sizeof(double), { { 0 } } },
    { 'c', MPM_I_BYTE, 1, { { 0 } } },
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

static bool
raise_overflow(struct mpm_call *call, const char *text)
{
    mpm_raise(call, MPM_PY_OVERFLOW_ERROR, "%s", text);
    return false;
}

static bool
raise_beyond(struct mpm_call *call, const struct mpm_typecode *type)
{
    if (type->code == 'q' || type->code == 'Q')
        return raise_overflow(call, "int too big to convert");
    return raise_overflow(call, type->kind == MPM_I_INT ? "Python int too large to convert to C long" :
        "Python int too large to convert to C unsigned long");
}

static bool
put_unsigned(struct mpm_call *call, const struct mpm_typecode *type, uint64_t v, uint8_t *at)
{
    if (type->size == 4 && v > UINT32_MAX)
        return type->code == 'I' ? raise_overflow(call, "unsigned int is greater than maximum") : raise_beyond(call, type);
    if (at != NULL)
        store(at, type->size, v);
    return true;
}

static bool
raise_negative(struct mpm_call *call, const struct mpm_typecode *type)
{
    return raise_overflow(call, type->code == 'Q' ? "can't convert negative int to unsigned" :
        "can't convert negative value to unsigned int");
}

bool
mpm__item_put_int(struct mpm_call *call, const struct mpm_typecode *type, int64_t v, uint8_t *at)
{
    float f = (float)v;
    double d = (double)v;

    switch (type->kind) {
    case MPM_I_UNSIGNED:
        return v < 0 ? raise_negative(call, type) : put_unsigned(call, type, (uint64_t)v, at);
    case MPM_I_REAL:
        if (at != NULL)
            memcpy(at, type->code == 'f' ? (const void *)&f : &d, type->size);
        return true;
    case MPM_I_CHARACTER:
        mpm_raise(call, MPM_PY_TYPE_ERROR, "array item must be unicode character");
        return false;
    case MPM_I_BYTE:
        mpm_raise(call, MPM_PY_TYPE_ERROR, "array item must be char");
        return false;
    }
    if (type->code == 'l' && (v < LONG_MIN || v > LONG_MAX))
        return raise_beyond(call, type);
    for (int i = 0; i < 2 && type->ranges[i].name != NULL; i++) {
        if (v < type->ranges[i].min || v > type->ranges[i].max) {
            mpm_raise(call, MPM_PY_OVERFLOW_ERROR, "%s is %s", type->ranges[i].name,
                v < type->ranges[i].min ? "less than minimum" : "greater than maximum");
            return false;
        }
    }
    if (at != NULL)
        store(at, type->size, (uint64_t)v);
    return true;
}

static bool
raise_type(struct mpm_call *call, const struct mpm_typecode *type, struct mpm_ref ref)
{
    char buf[64];

    mpm_raise(call, MPM_PY_TYPE_ERROR,
        type->kind == MPM_I_REAL ? "must be real number, not %s" : "'%s' object cannot be interpreted as an integer",
        mpm__type_name(ref, buf));
    return false;
}

/* An int of more than 64 bits with sign. */
static bool
put_big(struct mpm_call *call, const struct mpm_typecode *type, struct mpm_ref ref, uint8_t *at)
{
    struct mpm_buf big;
    uint64_t v = 0;
    bool ok = false;
    int r;

    mpm__buf_init(&big, 0);
    r = mpm__read_bigint(ref, &big);
    if (r == MPM_ERANGE) { /* more digits than Python would load */
        ok = raise_type(call, type, ref);
    } else if (r != 0) {
        mpm_raise_code(call, r);
    } else if (type->kind == MPM_I_INT) {
        ok = raise_beyond(call, type);
    } else if (big.data[big.len - 1] & 0x80) {
        ok = raise_negative(call, type);
    } else if (big.len > 9 || (big.len == 9 && big.data[8] != 0)) {
        ok = raise_beyond(call, type);
    } else { /* a byte 0 for the sign, which is not needed here */
        for (int i = 0; i < 8; i++)
            v |= (uint64_t)big.data[i] << (8 * i);
        ok = put_unsigned(call, type, v, at);
    }
    mpm__buf_wipe(&big);
    return ok;
}

static bool
put_real(struct mpm_call *call, const struct mpm_typecode *type, struct mpm_ref ref, uint8_t *at)
{
    double d;
    float f;
    int r = mpm__read_double(ref, &d);

    if (r == MPM_ETYPE)
        return raise_type(call, type, ref);
    if (r == MPM_ERANGE)
        return raise_overflow(call, "int too large to convert to float");
    if (r != 0) {
        mpm_raise_code(call, r);
        return false;
    }
    if (type->code == 'f') {
        f = (float)d; /* infinity when it is beyond */
        memcpy(at, &f, sizeof f);
    } else {
        memcpy(at, &d, sizeof d);
    }
    return true;
}

/* One character, or one byte of a 'c' array. */
static bool
put_text(struct mpm_call *call, const struct mpm_typecode *type, struct mpm_ref ref, uint8_t *at)
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
    } else if (r == 0 && type->kind == MPM_I_CHARACTER && kind == MPM_K_STR && len > 0 && len <= 4 && mpm__utf8_ok(text, len)) {
        character = mpm__utf8_get(text, len, &used);
    }
    if (r == 0 && (used == 0 || used != len))
        r = MPM_ETYPE;
    mpm__buf_wipe(&scratch);
    if (r == 0)
        store(at, type->size, character);
    else if (r == MPM_ETYPE)
        mpm_raise(call, MPM_PY_TYPE_ERROR, "array item must be %s",
            type->kind == MPM_I_BYTE ? "char" : "unicode character");
    else
        mpm_raise_code(call, r);
    return r == 0;
}

bool
mpm__item_put(struct mpm_call *call, const struct mpm_typecode *type, struct mpm_ref ref, uint8_t *at)
{
    int64_t v;
    int r;

    if (type->kind == MPM_I_CHARACTER || type->kind == MPM_I_BYTE)
        return put_text(call, type, ref, at);
    if (type->kind == MPM_I_REAL)
        return put_real(call, type, ref, at);
    r = mpm__read_int64(ref, &v);
    if (r == 0)
        return mpm__item_put_int(call, type, v, at);
    if (r == MPM_ERANGE)
        return put_big(call, type, ref, at);
    if (r == MPM_ETYPE)
        return raise_type(call, type, ref);
    mpm_raise_code(call, r);
    return false;
}

int64_t
mpm__item_int(const struct mpm_typecode *type, const uint8_t *at)
{
    uint64_t v = load(at, type->size);
    unsigned unused = 64 - 8u * type->size;

    /* 'B' and 'H' are read as CPython reads them, as signed numbers, but are not */
    if (type->kind == MPM_I_INT && type->code != 'B' && type->code != 'H' && unused > 0 && v >> (63 - unused) != 0)
        v |= ~UINT64_C(0) << (64 - unused);
    return (int64_t)v;
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

void
mpm__item_write(const struct mpm_typecode *type, const uint8_t *at, struct mpm_writer *w)
{
    uint8_t text[9] = { 0 };
    uint32_t character;
    uint64_t v;

    switch (type->kind) {
    case MPM_I_REAL:
        mpm_write_float(w, mpm__item_real(type, at));
        break;
    case MPM_I_CHARACTER:
        character = mpm__item_character(at);
        mpm_write_text(w, (const char *)text, mpm__utf8_put(text, character <= 0x10ffff ? character : 0xfffd));
        break;
    case MPM_I_BYTE:
        mpm_write_bytes(w, at, 1);
        break;
    default:
        v = (uint64_t)mpm__item_int(type, at);
        if (type->kind == MPM_I_INT || v <= INT64_MAX) {
            mpm_write_int(w, (int64_t)v);
        } else {
            for (int i = 0; i < 8; i++)
                text[i] = (uint8_t)(v >> (8 * i));
            mpm_write_bigint(w, text, 9);
        }
    }
}

/* --- arrays in pickles -------------------------------------------------------------------------------------------- */

/* A call with arguments, and nothing added to what it makes. */
struct made {
    const uint8_t *module, *name;
    size_t module_len, name_len;
    struct mpm_parts args;
};

static bool
is(const struct made *m, const char *module, const char *name)
{
    return m->name_len == strlen(name) && memcmp(m->name, name, m->name_len) == 0 && m->module_len == strlen(module) &&
           memcmp(m->module, module, m->module_len) == 0;
}

static bool
is_builtin(const struct made *m, const char *name)
{
    return is(m, "builtins", name) || is(m, "__builtin__", name);
}

/* 1: it is a call; 0: it is not; or MPM_ENOMEM. m->args is the caller's to wipe. */
static int
take_apart(struct mpm_ref ref, struct made *m)
{
    struct mpm_parts parts = { 0 };
    struct mpm_ref args;
    int kind = mpm__kind(&ref), r;

    if (kind != MPM_K_OBJECT)
        return kind < 0 ? kind : 0;
    r = mpm__read_global(ref, &m->module, &m->module_len, &m->name, &m->name_len);
    if (r == 0)
        r = mpm__parts(ref, &parts);
    if (r == 0 && parts.items.n == 2) {
        args = mpm__part(&parts, 1);
        kind = mpm__kind(&args);
        r = kind == MPM_K_TUPLE ? mpm__parts(args, &m->args) : kind < 0 ? kind : MPM_ETYPE;
    } else if (r == 0) {
        r = MPM_ETYPE;
    }
    mpm__parts_wipe(&parts);
    return r == 0 ? 1 : r == MPM_ENOMEM ? r : 0;
}

static int bytes_of(struct mpm_ref ref, int levels, struct mpm_buf *scratch, const uint8_t **bytes, size_t *len);

/* Arguments of bytes() and bytearray(): none, (bytes,) or (text, 'latin-1'); those of _codecs.encode() are the latter,
 * too. */
static int
bytes_of_args(const struct mpm_parts *args, int levels, struct mpm_buf *scratch, const uint8_t **bytes, size_t *len)
{
    struct mpm_buf text;
    const uint8_t *at;
    size_t n;
    int r;

    *bytes = (const uint8_t *)"";
    *len = 0;
    if (args->items.n == 0)
        return 0;
    if (args->items.n == 1)
        return bytes_of(mpm__part(args, 0), levels, scratch, bytes, len);
    if (args->items.n != 2 ||
        !(mpm__text_is(mpm__part(args, 1), "latin-1") || mpm__text_is(mpm__part(args, 1), "latin1")))
        return MPM_ETYPE;
    mpm__buf_init(&text, 0);
    r = mpm__decode_text(mpm__part(args, 0), &text, &at, &n);
    if (r == 0)
        r = mpm__utf8_latin1(at, n, scratch);
    mpm__buf_wipe(&text);
    *bytes = scratch->data;
    *len = scratch->len;
    return r;
}

/* levels: calls inside calls that are looked into. MPM_ETYPE: it is none. */
static int
bytes_of(struct mpm_ref ref, int levels, struct mpm_buf *scratch, const uint8_t **bytes, size_t *len)
{
    struct made m = { 0 };
    int kind = mpm__kind(&ref), r;

    if (kind == MPM_K_NATIVE)
        return mpm__decode_text(ref, scratch, bytes, len);
    if (kind == MPM_K_BYTES || kind == MPM_K_BYTEARRAY)
        return mpm__read_bytes(ref, bytes, len);
    if (levels == 0)
        return MPM_ETYPE;
    r = take_apart(ref, &m);
    if (r == 1 && (is_builtin(&m, "bytearray") || is_builtin(&m, "bytes") || is(&m, "_codecs", "encode")))
        r = bytes_of_args(&m.args, levels - 1, scratch, bytes, len);
    else if (r >= 0)
        r = MPM_ETYPE;
    mpm__parts_wipe(&m.args);
    return r;
}

int
mpm__bytes_of_ref(struct mpm_ref ref, struct mpm_buf *scratch, const uint8_t **bytes, size_t *len)
{
    int r;

    mpm__buf_clear(scratch);
    r = bytes_of(ref, 2, scratch, bytes, len);
    return r == 0 ? 1 : r == MPM_ENOMEM ? r : 0;
}

int
mpm__range_of_ref(struct mpm_ref ref, struct mpm_range *out)
{
    struct made m = { 0 };
    int64_t stop;
    int r = take_apart(ref, &m);

    if (r == 1 && ((!is_builtin(&m, "range") && !is_builtin(&m, "xrange")) || m.args.items.n != 3 ||
        mpm__read_int64(mpm__part(&m.args, 0), &out->start) != 0 || mpm__read_int64(mpm__part(&m.args, 1), &stop) != 0 ||
        mpm__read_int64(mpm__part(&m.args, 2), &out->step) != 0 || out->step == 0))
        r = 0;
    mpm__parts_wipe(&m.args);
    if (r != 1)
        return r;
    out->n = 0;
    if (out->step > 0 && out->start < stop)
        out->n = ((uint64_t)stop - (uint64_t)out->start - 1) / (uint64_t)out->step + 1;
    else if (out->step < 0 && out->start > stop)
        out->n = ((uint64_t)out->start - (uint64_t)stop - 1) / (0 - (uint64_t)out->step) + 1;
    return 1;
}

/* The typecode, as text of one character. */
static const struct mpm_typecode *
typecode_of(struct mpm_ref ref)
{
    const uint8_t *text;
    size_t len;

    return mpm__read_text(ref, &text, &len) == 0 && len == 1 ? mpm__typecode(*text, true) : NULL;
}

/* False: an exception is set. */
static bool
items_of_bytes(struct mpm_call *call, const uint8_t *bytes, size_t len, struct mpm_items_of *out)
{
    if (len % out->type->size != 0) {
        mpm_raise(call, MPM_PY_VALUE_ERROR, "bytes length not a multiple of item size");
        return false;
    }
    if ((out->bytes = mpm__alloc(len)) == NULL) {
        mpm_raise_code(call, MPM_ENOMEM);
        return false;
    }
    if (len > 0)
        memcpy(out->bytes, bytes, len);
    out->n = len / out->type->size;
    return true;
}

static bool
items_of_list(struct mpm_call *call, struct mpm_ref list, struct mpm_items_of *out)
{
    struct mpm_parts parts = { 0 };
    int r = mpm__parts(list, &parts);
    bool ok = r == 0;

    if (r == 0 && (out->bytes = mpm__array(parts.items.n, out->type->size)) == NULL)
        r = MPM_ENOMEM;
    if (r != 0) {
        mpm_raise_code(call, r);
        ok = false;
    }
    for (size_t i = 0; ok && i < parts.items.n; i++)
        ok = mpm__item_put(call, out->type, mpm__part(&parts, i), out->bytes + i * out->type->size);
    out->n = parts.items.n;
    mpm__parts_wipe(&parts);
    return ok;
}

/* The machine formats of _array_reconstructor() that are this machine's own, by kind and size of the item. */
static bool
is_native_format(const struct mpm_typecode *type, int64_t format)
{
    static const uint16_t one = 1;
    bool big = *(const uint8_t *)&one == 0;
    static const int8_t ints[9] = { [1] = 1, [2] = 4, [4] = 8, [8] = 12 };

    switch (type->kind) {
    case MPM_I_REAL: return format == (type->code == 'f' ? 14 : 16) + big;
    case MPM_I_CHARACTER: return format == 20 + big;
    case MPM_I_BYTE: return false;
    }
    if (type->size == 1)
        return format == (type->code == 'b');
    return format == ints[type->size] + big - (type->kind == MPM_I_UNSIGNED || type->code == 'H' ? 2 : 0);
}

/* array(typecode[, list or bytes or str]), or _array_reconstructor(array, typecode, format, bytes). */
static int
array_of_args(struct mpm_call *call, const struct made *m, struct mpm_items_of *out)
{
    bool rebuilt = is(m, "array", "_array_reconstructor");
    size_t n = m->args.items.n, at = rebuilt ? 1 : 0;
    struct mpm_ref ref;
    struct mpm_buf scratch;
    const uint8_t *bytes;
    size_t len;
    int64_t format;
    int r, kind;
    bool ok;

    if (rebuilt ? n != 4 : n < 1 || n > 2)
        return 0;
    if ((out->type = typecode_of(mpm__part(&m->args, at))) == NULL)
        return 0;
    if (rebuilt && (mpm__read_int64(mpm__part(&m->args, 2), &format) != 0 || !is_native_format(out->type, format)))
        return 0;
    if (n == 1)
        return items_of_bytes(call, NULL, 0, out) ? 1 : -1;
    ref = mpm__part(&m->args, n - 1);
    kind = mpm__kind(&ref);
    if (kind == MPM_K_LIST || kind == MPM_K_TUPLE)
        return items_of_list(call, ref, out) ? 1 : -1;
    mpm__buf_init(&scratch, 0);
    r = kind < 0 ? kind : mpm__bytes_of_ref(ref, &scratch, &bytes, &len);
    if (r == 1) {
        ok = items_of_bytes(call, bytes, len, out);
        r = ok ? 1 : -1;
    } else if (r < 0) {
        mpm_raise_code(call, r);
        r = -1;
    }
    mpm__buf_wipe(&scratch);
    return r;
}

int
mpm__array_of_ref(struct mpm_call *call, struct mpm_ref ref, struct mpm_items_of *out)
{
    struct made m = { 0 };
    int r = take_apart(ref, &m);

    *out = (struct mpm_items_of){ 0 };
    if (r == 1)
        r = is(&m, "array", "array") || is(&m, "array", "_array_reconstructor") ? array_of_args(call, &m, out) : 0;
    else if (r < 0)
        mpm_raise_code(call, r);
    mpm__parts_wipe(&m.args);
    if (r == 1)
        return 1;
    mpm__free(out->bytes);
    *out = (struct mpm_items_of){ 0 };
    return r < 0 ? -1 : 0;
}

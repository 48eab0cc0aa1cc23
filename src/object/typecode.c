/*
 * typecode.c - items of array.array from values, with Python's errors; how arrays are pickled. Layer: object.
 *
 * How items lie in memory is packed.c's business. Most arrays travel as their bytes between Pythons of one machine (and
 * of any other little-endian 64-bit Linux). The errors are CPython 3.13's, Modules/arraymodule.c, with its detours: 'b'
 * is first read as a short, 'H' as an int. Sources for the forms in pickles: array.__reduce_ex__,
 * array._array_reconstructor, and multiprocessing.managers.reduce_array.
 */
#include "object/typecode.h"

#include <limits.h>
#include <string.h>

#include <mpmd/error.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "object/bind.h"
#include "value/dill.h"

/* --- what does not fit -------------------------------------------------------------------------------------------- */

static bool
raise_overflow(struct mpm_call *call, const char *text)
{
    mpm_raise(call, MPM_PY_OVERFLOW_ERROR, "%s", text);
    return false;
}

/* CPython reads 'B' and 'H' as signed numbers first. */
static bool
is_read_as_signed(const struct mpm_typecode *type)
{
    return type->kind == MPM_I_SIGNED || type->code == 'B' || type->code == 'H';
}

static bool
raise_beyond(struct mpm_call *call, const struct mpm_typecode *type)
{
    if (type->code == 'q' || type->code == 'Q')
        return raise_overflow(call, "int too big to convert");
    return raise_overflow(call, is_read_as_signed(type) ? "Python int too large to convert to C long" :
        "Python int too large to convert to C unsigned long");
}

static bool
raise_negative(struct mpm_call *call, const struct mpm_typecode *type)
{
    return raise_overflow(call, type->code == 'Q' ? "can't convert negative int to unsigned" :
        "can't convert negative value to unsigned int");
}

/* The ranges that CPython checks one after the other, and what it calls them. */
static const struct range {
    char code;
    const char *name;
    int64_t min, max;
} ranges[] = {
    { 'b', "signed short integer", SHRT_MIN, SHRT_MAX },
    { 'b', "signed char", SCHAR_MIN, SCHAR_MAX },
    { 'B', "unsigned byte integer", 0, UCHAR_MAX },
    { 'h', "signed short integer", SHRT_MIN, SHRT_MAX },
    { 'H', "signed integer", INT_MIN, INT_MAX },
    { 'H', "unsigned short", 0, USHRT_MAX },
    { 'i', "signed integer", INT_MIN, INT_MAX },
};

/* An int of 64 bits with sign that the type has no room for. */
static bool
raise_range(struct mpm_call *call, const struct mpm_typecode *type, int64_t v)
{
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        if (ranges[i].code == type->code && (v < ranges[i].min || v > ranges[i].max)) {
            mpm_raise(call, MPM_PY_OVERFLOW_ERROR, "%s is %s", ranges[i].name,
                v < ranges[i].min ? "less than minimum" : "greater than maximum");
            return false;
        }
    }
    if (type->kind == MPM_I_UNSIGNED && v < 0)
        return raise_negative(call, type);
    return type->code == 'I' ? raise_overflow(call, "unsigned int is greater than maximum") : raise_beyond(call, type);
}

static bool
raise_kind(struct mpm_call *call, const struct mpm_typecode *type, const char *type_name)
{
    if (type->kind == MPM_I_CHARACTER || type->kind == MPM_I_BYTE)
        mpm_raise(call, MPM_PY_TYPE_ERROR, "array item must be %s",
            type->kind == MPM_I_BYTE ? "char" : "unicode character");
    else if (type->kind == MPM_I_REAL)
        mpm_raise(call, MPM_PY_TYPE_ERROR, "must be real number, not %s", type_name);
    else
        mpm_raise(call, MPM_PY_TYPE_ERROR, "'%s' object cannot be interpreted as an integer", type_name);
    return false;
}

/* An int of more than that. */
static bool
raise_big(struct mpm_call *call, const struct mpm_typecode *type, struct mpm_ref ref)
{
    struct mpm_buf big;
    char buf[64];
    int r;

    if (type->kind == MPM_I_REAL)
        return raise_overflow(call, "int too large to convert to float");
    mpm__buf_init(&big, 0);
    r = mpm__read_bigint(ref, &big);
    if (r == MPM_ERANGE) /* more digits than Python would load */
        raise_kind(call, type, mpm__type_name(ref, buf));
    else if (r != 0)
        mpm_raise_code(call, r);
    else if (is_read_as_signed(type))
        raise_beyond(call, type);
    else if (big.data[big.len - 1] & 0x80)
        raise_negative(call, type);
    else if (big.len == 9 && big.data[8] == 0) /* 64 bits without sign */
        raise_range(call, type, INT64_MAX);
    else
        raise_beyond(call, type);
    mpm__buf_wipe(&big);
    return false;
}

/* --- items -------------------------------------------------------------------------------------------------------- */

bool
mpm__item_put_int(struct mpm_call *call, const struct mpm_typecode *type, int64_t v, uint8_t *at)
{
    int r = mpm__item_from_int(type, v, at);

    if (r == MPM_ERANGE)
        return raise_range(call, type, v);
    return r == 0 || raise_kind(call, type, "int");
}

bool
mpm__item_put(struct mpm_call *call, const struct mpm_typecode *type, struct mpm_ref ref, uint8_t *at)
{
    char buf[64];
    int64_t v;
    int r = mpm__item_from(type, ref, at);

    if (r == MPM_ETYPE)
        return raise_kind(call, type, mpm__type_name(ref, buf));
    if (r == MPM_ERANGE)
        return mpm__read_int64(ref, &v) == 0 ? raise_range(call, type, v) : raise_big(call, type, ref);
    if (r != 0)
        mpm_raise_code(call, r);
    return r == 0;
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
        if (type->kind == MPM_I_SIGNED || v <= INT64_MAX) {
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

/* range(start, stop, step), or its repr() as dill has it. */
static int
fields_of_range(struct mpm_ref ref, int64_t fields[3])
{
    struct made m = { 0 };
    const uint8_t *text;
    size_t len;
    int r = take_apart(ref, &m);

    if (r == 1 && is(&m, MPM_DILL_MODULE, MPM_DILL_REPR)) {
        r = mpm__dill_repr(ref, &text, &len);
        r = r == 0 ? mpm__dill_range(text, len, fields) : r == MPM_ENOMEM ? r : 0;
    } else if (r == 1 && ((!is_builtin(&m, "range") && !is_builtin(&m, "xrange")) || m.args.items.n != 3)) {
        r = 0;
    } else {
        for (size_t i = 0; i < 3 && r == 1; i++)
            r = mpm__read_int64(mpm__part(&m.args, i), &fields[i]) == 0;
    }
    mpm__parts_wipe(&m.args);
    return r == 1 ? fields[2] != 0 : r;
}

int
mpm__range_of_ref(struct mpm_ref ref, struct mpm_range *out)
{
    int64_t fields[3], stop;
    int r = fields_of_range(ref, fields);

    if (r != 1)
        return r;
    out->start = fields[0];
    stop = fields[1];
    out->step = fields[2];
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

/* array(typecode[, list or bytes or str]), or _array_reconstructor(array, typecode, format, bytes). */
static int
array_of_args(struct mpm_call *call, const struct made *m, struct mpm_items_of *out)
{
    bool rebuilt = is(m, "array", "_array_reconstructor");
    size_t n = m->args.items.n, at = rebuilt ? 1 : 0;
    struct mpm_ref ref;
    struct mpm_buf scratch, native;
    const uint8_t *bytes;
    size_t len;
    int64_t format = 0;
    int r, kind;
    bool ok;

    if (rebuilt ? n != 4 : n < 1 || n > 2)
        return 0;
    if ((out->type = typecode_of(mpm__part(&m->args, at))) == NULL)
        return 0;
    if (rebuilt && mpm__read_int64(mpm__part(&m->args, 2), &format) != 0)
        return 0;
    if (n == 1)
        return items_of_bytes(call, NULL, 0, out) ? 1 : -1;
    ref = mpm__part(&m->args, n - 1);
    kind = mpm__kind(&ref);
    if (!rebuilt && (kind == MPM_K_LIST || kind == MPM_K_TUPLE))
        return items_of_list(call, ref, out) ? 1 : -1;
    mpm__buf_init(&scratch, 0);
    mpm__buf_init(&native, 0);
    r = kind < 0 ? kind : mpm__bytes_of_ref(ref, &scratch, &bytes, &len);
    if (r == 1 && rebuilt)
        r = mpm__items_of_format(&out->type, format, &native, &bytes, &len);
    if (r == 1) {
        ok = items_of_bytes(call, bytes, len, out);
        r = ok ? 1 : -1;
    } else if (r < 0) {
        mpm_raise_code(call, r);
        r = -1;
    }
    mpm__buf_wipe(&native);
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

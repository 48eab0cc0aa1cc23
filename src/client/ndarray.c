/*
 * ndarray.c - NumPy arrays as buffer, shape and type. Layer: client.
 *
 * An array is pickled as a call of one of NumPy's functions, by which it is known here: in protocols 0 to 4
 *     multiarray._reconstruct(ndarray, (0,), b'b') with the state (1, shape, dtype, is_fortran, bytes);
 * in protocol 5, unless the array is a part of another one,
 *     numeric._frombuffer(bytearray, dtype, shape, 'C' or 'F');
 * a scalar as multiarray.scalar(dtype, bytes), and a dtype as
 *     dtype('f8', False, True) with the state (3, '<', None, None, None, -1, -1, 0).
 * The functions live in numpy.core, since NumPy 2 in numpy._core. Nothing is computed with the items.
 * Source: NumPy, methods.c array_reduce_ex and array_setstate, descriptor.c arraydescr_reduce.
 */
#include <mpmd/ndarray.h>

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/utf8.h"
#include "client/document.h"
#include "value/read.h"

#define ENCODINGS_MAX 4 /* bytearray(_codecs.encode(text, 'latin1')), and room */

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NATIVE '<'
#else
#define NATIVE '>'
#endif

static int
malformed(struct mpm_ref at, struct mpm_error *err, const char *what)
{
    return mpm__fail(err, MPM_EBADPICKLE, at.item.start, "a NumPy array that NumPy did not write: %s", what);
}

/* MPM_ETYPE of a part makes the array a malformed one. */
static int
part_failed(int r, struct mpm_ref at, struct mpm_error *err, const char *what)
{
    return r == MPM_ENOMEM ? mpm__fail(err, r, 0, "out of memory") : malformed(at, err, what);
}

static int
not_an_array(struct mpm_ref at, struct mpm_error *err)
{
    return mpm__fail(err, MPM_ETYPE, at.item.start, "not a NumPy array or scalar");
}

/* Whether text[0..len) is `word`. */
static bool
is(const uint8_t *text, size_t len, const char *word)
{
    return len == strlen(word) && memcmp(text, word, len) == 0;
}

/* The name of a class or function. */
struct name {
    const uint8_t *module, *name;
    size_t module_len, name_len;
};

/* Another value has an empty one, which is nobody's. Returns 0 or MPM_ENOMEM. */
static int
read_name(struct mpm_ref ref, struct name *out)
{
    int r = mpm__kind(&ref);

    *out = (struct name){ .module = (const uint8_t *)"", .name = (const uint8_t *)"" };
    if (r == MPM_K_GLOBAL)
        r = mpm__read_global(ref, &out->module, &out->module_len, &out->name, &out->name_len);
    return r == MPM_ENOMEM ? r : 0;
}

/* In one of two modules. */
static bool
named(const struct name *n, const char *module, const char *or_module, const char *name)
{
    return is(n->name, n->name_len, name)
        && (is(n->module, n->module_len, module) || is(n->module, n->module_len, or_module));
}

/* A part, found: what reads it then needs no memory. Returns its kind, or MPM_ENOMEM. */
static int
find(const struct mpm_parts *parts, size_t i, struct mpm_ref *out)
{
    *out = mpm__part(parts, i);
    return mpm__kind(out);
}

/* What type and shape an item has: sizes in bytes, or 0 for a kind that has any. */
static bool
is_plain(char kind, uint32_t itemsize)
{
    switch (kind) {
    case 'b':
        return itemsize == 1;
    case 'i':
    case 'u':
        return itemsize == 1 || itemsize == 2 || itemsize == 4 || itemsize == 8;
    case 'f':
        return itemsize == 2 || itemsize == 4 || itemsize == 8;
    case 'c':
        return itemsize == 8 || itemsize == 16;
    case 'S':
        return itemsize <= INT_MAX;
    case 'U':
        return itemsize <= INT_MAX && itemsize % 4 == 0;
    default:
        return false;
    }
}

static bool
has_byteorder(char kind, uint32_t itemsize)
{
    return kind != 'S' && itemsize != 1;
}

/* The bytes that such an array has; false: more than there can be. A dimension of 0 does not excuse the others. */
static bool
total_of(const struct mpm_ndarray *a, size_t *out)
{
    size_t total = a->itemsize;
    bool is_empty = false;

    for (int i = 0; i < a->ndim; i++) {
        if (a->shape[i] < 0)
            return false;
        if (a->shape[i] == 0)
            is_empty = true;
        else if (__builtin_mul_overflow(total, (uint64_t)a->shape[i], &total) || total > INT64_MAX)
            return false;
    }
    *out = is_empty ? 0 : total;
    return true;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* "f8": the kind and a size. */
static int
read_type_name(struct mpm_ref ref, struct mpm_ndarray *a, struct mpm_error *err)
{
    const uint8_t *text;
    uint64_t n = 0;
    size_t len, i;
    int r = mpm__read_text(ref, &text, &len);

    if (r != 0 || len < 2)
        return part_failed(r, ref, err, "a dtype without a name");
    for (i = 1; i < len && text[i] >= '0' && text[i] <= '9' && n <= INT_MAX; i++)
        n = 10 * n + (uint64_t)(text[i] - '0');
    if (i < len)
        return malformed(ref, err, "a dtype's size");
    if (text[0] == 'U')
        n *= 4;
    a->kind = (char)text[0];
    a->itemsize = n <= INT_MAX ? (uint32_t)n : UINT32_MAX;
    if (is_plain(a->kind, a->itemsize))
        return 0;
    return mpm__fail(err, MPM_EUNSUP, ref.item.start, "an array of %s (dtype %c%llu)%s",
        a->kind == 'O' ? "Python objects" : a->kind == 'V' ? "structures" : a->kind == 'M' ? "dates"
            : a->kind == 'm' ? "time differences" : "another type",
        a->kind > ' ' && a->kind < 0x7f ? a->kind : '?', (unsigned long long)n,
        a->kind == 'O' ? ": send a list" : a->kind == 'V' ? ": send a field at a time"
            : a->kind == 'M' || a->kind == 'm' ? ": send .view('i8')" : "");
}

/* A tuple of so many parts at least; MPM_ETYPE: it is none. */
static int
read_tuple(struct mpm_ref ref, struct mpm_parts *out, size_t n_min)
{
    int r = mpm__kind(&ref);

    if (r == MPM_K_TUPLE)
        r = mpm__parts(ref, out);
    else if (r != MPM_ENOMEM)
        r = MPM_ETYPE;
    return r == 0 && out->items.n < n_min ? MPM_ETYPE : r;
}

/* (version, byte order, subarray, names, fields, itemsize, alignment, flags[, metadata]) */
static int
read_dtype_state(struct mpm_ref ref, struct mpm_ndarray *a, struct mpm_error *err)
{
    struct mpm_parts parts = { 0 };
    struct mpm_ref part;
    const uint8_t *order;
    int64_t version, itemsize;
    size_t len;
    int r = read_tuple(ref, &parts, 8);

    if (r != 0 || (r = mpm__read_int64(mpm__part(&parts, 0), &version)) != 0
        || (r = mpm__read_text(mpm__part(&parts, 1), &order, &len)) != 0 || len != 1
        || (r = mpm__read_int64(mpm__part(&parts, 5), &itemsize)) != 0) {
        r = part_failed(r, ref, err, "the state of its dtype");
        goto out;
    }
    for (size_t i = 2; i <= 4; i++)
        if ((r = find(&parts, i, &part)) != MPM_K_NONE) {
            r = r == MPM_ENOMEM ? mpm__fail(err, r, 0, "out of memory")
                : mpm__fail(err, MPM_EUNSUP, part.item.start, "an array of structures: send a field at a time");
            goto out;
        }
    r = 0;
    if (version != 3 && version != 4)
        r = mpm__fail(err, MPM_EUNSUP, ref.item.start, "a dtype of version %lld", (long long)version);
    else if (strchr("<>|=", order[0]) == NULL || order[0] == '\0')
        r = malformed(ref, err, "the byte order");
    else if (itemsize != -1 && itemsize != (int64_t)a->itemsize)
        r = malformed(ref, err, "two sizes of an item");
    else
        a->byteorder = order[0] == '=' ? NATIVE : (char)order[0];
out:
    mpm__parts_wipe(&parts);
    return r;
}

static int
read_dtype(struct mpm_ref ref, struct mpm_ndarray *a, struct mpm_error *err)
{
    struct mpm_parts parts = { 0 }, args = { 0 };
    struct name class;
    int r = mpm__kind(&ref);

    if (r == MPM_K_OBJECT)
        r = mpm__parts(ref, &parts);
    else if (r != MPM_ENOMEM)
        r = MPM_ETYPE;
    if (r == 0 && parts.items.n < 2)
        r = MPM_ETYPE;
    if (r != 0 || (r = read_name(mpm__part(&parts, 0), &class)) != 0)
        r = part_failed(r, ref, err, "what should be its dtype");
    else if (!named(&class, "numpy", "numpy", "dtype"))
        r = mpm__fail(err, MPM_EUNSUP, ref.item.start, "an array of a dtype that is not NumPy's own");
    else if ((r = read_tuple(mpm__part(&parts, 1), &args, 1)) != 0)
        r = part_failed(r, ref, err, "a dtype without arguments");
    else
        r = read_type_name(mpm__part(&args, 0), a, err);
    a->byteorder = NATIVE;
    for (size_t i = 2; r == 0 && i < parts.items.n; i++)
        r = read_dtype_state(mpm__part(&parts, i), a, err);
    if (r == 0 && !has_byteorder(a->kind, a->itemsize))
        a->byteorder = '|';
    else if (r == 0 && a->byteorder == '|')
        r = malformed(ref, err, "no byte order");
    mpm__parts_wipe(&args);
    mpm__parts_wipe(&parts);
    return r;
}

static int
read_shape(struct mpm_ref ref, struct mpm_ndarray *a, struct mpm_error *err)
{
    struct mpm_parts parts = { 0 };
    int r = read_tuple(ref, &parts, 0);

    if (r == 0 && parts.items.n > MPM_NDARRAY_NDIM_MAX) {
        r = malformed(ref, err, "more dimensions than it allows");
    } else if (r == 0) {
        a->ndim = (int)parts.items.n;
        for (int i = 0; r == 0 && i < a->ndim; i++)
            r = mpm__read_int64(mpm__part(&parts, (size_t)i), &a->shape[i]);
        if (r != 0)
            r = part_failed(r, ref, err, "its shape");
    } else {
        r = part_failed(r, ref, err, "its shape");
    }
    mpm__parts_wipe(&parts);
    return r;
}

/* The bytes that a text stands for, as a.copy. */
static int
decode(struct mpm_ref ref, struct mpm_ndarray *a)
{
    struct mpm_buf scratch, bytes;
    const uint8_t *text;
    size_t len;
    int r;

    mpm__buf_init(&scratch, 0);
    mpm__buf_init(&bytes, 0);
    r = mpm__decode_text(ref, &scratch, &text, &len);
    if (r == 0)
        r = mpm__utf8_latin1(text, len, &bytes);
    if (r == 0) {
        a->data = a->copy = bytes.data;
        a->size = bytes.len;
    } else {
        mpm__buf_wipe(&bytes);
    }
    mpm__buf_wipe(&scratch);
    return r;
}

/*
 * bytes; in protocol 2 from Python 2 its str, from Python 3 _codecs.encode(text, 'latin1') or, when there are none,
 * bytes(); in protocol 5 a bytearray, which earlier ones have as bytearray(bytes) or bytearray(text, 'latin-1').
 */
static int
read_data(struct mpm_ref ref, struct mpm_ndarray *a, int levels)
{
    struct mpm_parts parts = { 0 }, args = { 0 };
    struct mpm_ref coding;
    struct name function;
    const uint8_t *bytes;
    size_t len;
    int r = mpm__read_bytes(ref, &bytes, &len);

    if (r == 0) {
        a->data = bytes;
        a->size = len;
        return 0;
    }
    if (r == MPM_EUNSUP) /* Python 2's str in protocol 0 */
        return decode(ref, a);
    if (r != MPM_ETYPE || mpm__kind(&ref) != MPM_K_OBJECT || levels == 0)
        return r;
    if ((r = mpm__parts(ref, &parts)) != 0 || (r = parts.items.n == 2 ? 0 : MPM_ETYPE) != 0
        || (r = read_name(mpm__part(&parts, 0), &function)) != 0
        || (r = read_tuple(mpm__part(&parts, 1), &args, 0)) != 0)
        goto out;
    r = MPM_ETYPE;
    if (!named(&function, "_codecs", "_codecs", "encode") && !named(&function, "builtins", "__builtin__", "bytearray")
        && !named(&function, "builtins", "__builtin__", "bytes"))
        goto out;
    if (args.items.n == 0) {
        a->data = "";
        a->size = 0;
        r = 0;
    } else if (args.items.n == 1) {
        r = read_data(mpm__part(&args, 0), a, levels - 1);
    } else if (args.items.n == 2) {
        r = find(&args, 1, &coding) == MPM_ENOMEM ? MPM_ENOMEM
            : mpm__text_is(coding, "latin1") || mpm__text_is(coding, "latin-1") ? decode(mpm__part(&args, 0), a)
            : MPM_ETYPE;
    }
out:
    mpm__parts_wipe(&args);
    mpm__parts_wipe(&parts);
    return r;
}

static int
read_data_of(struct mpm_ref ref, struct mpm_ndarray *a, struct mpm_error *err)
{
    int r = read_data(ref, a, ENCODINGS_MAX);
    size_t total;

    if (r != 0)
        return part_failed(r, ref, err, "its bytes");
    if (total_of(a, &total) && total == a->size)
        return 0;
    mpm__free(a->copy);
    a->copy = NULL;
    return malformed(ref, err, "shape, type and number of bytes do not fit together");
}

/* The state of _reconstruct(). */
static int
read_state(const struct mpm_parts *parts, struct mpm_ref ref, struct mpm_ndarray *a, struct mpm_error *err)
{
    struct mpm_parts args = { 0 }, state = { 0 };
    struct name class;
    bool fortran;
    int64_t version;
    int r = parts->items.n == 3 ? read_tuple(mpm__part(parts, 1), &args, 3) : MPM_ETYPE;

    if (r != 0 || (r = read_name(mpm__part(&args, 0), &class)) != 0) {
        r = part_failed(r, ref, err, "one without a state");
        goto out;
    }
    if (!named(&class, "numpy", "numpy", "ndarray") && !named(&class, "numpy", "numpy", "memmap")
        && !named(&class, "numpy", "numpy", "matrix")) {
        r = mpm__fail(err, MPM_EUNSUP, ref.item.start, "an array of a class of its own: send numpy.asarray(it)");
        goto out;
    }
    r = read_tuple(mpm__part(parts, 2), &state, 5);
    if (r != 0 || (r = mpm__read_int64(mpm__part(&state, 0), &version)) != 0 || version != 1
        || (r = mpm__read_bool(mpm__part(&state, 3), &fortran)) != 0) {
        r = part_failed(r, ref, err, "its state");
        goto out;
    }
    a->fortran = fortran;
    if ((r = read_dtype(mpm__part(&state, 2), a, err)) == 0 && (r = read_shape(mpm__part(&state, 1), a, err)) == 0)
        r = read_data_of(mpm__part(&state, 4), a, err);
out:
    mpm__parts_wipe(&state);
    mpm__parts_wipe(&args);
    return r;
}

/* The arguments of _frombuffer(). */
static int
read_buffer(const struct mpm_parts *parts, struct mpm_ref ref, struct mpm_ndarray *a, struct mpm_error *err)
{
    struct mpm_parts args = { 0 };
    struct mpm_ref order;
    int r = parts->items.n == 2 ? read_tuple(mpm__part(parts, 1), &args, 4) : MPM_ETYPE;

    if (r != 0 || (r = find(&args, 3, &order)) == MPM_ENOMEM) {
        r = part_failed(r, ref, err, "its arguments");
        goto out;
    }
    r = 0;
    if (mpm__text_is(order, "K"))
        r = mpm__fail(err, MPM_EUNSUP, order.item.start, "an array in neither C nor Fortran order: send .copy()");
    else if (!mpm__text_is(order, "C") && !mpm__text_is(order, "F"))
        r = malformed(order, err, "the order of its items");
    a->fortran = mpm__text_is(order, "F");
    if (r == 0 && (r = read_dtype(mpm__part(&args, 1), a, err)) == 0
        && (r = read_shape(mpm__part(&args, 2), a, err)) == 0)
        r = read_data_of(mpm__part(&args, 0), a, err);
out:
    mpm__parts_wipe(&args);
    return r;
}

static int
read_scalar(const struct mpm_parts *parts, struct mpm_ref ref, struct mpm_ndarray *a, struct mpm_error *err)
{
    struct mpm_parts args = { 0 };
    int r = parts->items.n == 2 ? read_tuple(mpm__part(parts, 1), &args, 2) : MPM_ETYPE;

    if (r != 0)
        r = part_failed(r, ref, err, "a scalar without a value");
    else if ((r = read_dtype(mpm__part(&args, 0), a, err)) == 0)
        r = read_data_of(mpm__part(&args, 1), a, err);
    mpm__parts_wipe(&args);
    return r;
}

int
mpm_read_ndarray(struct mpm_ref ref, struct mpm_ndarray *out, struct mpm_error *err)
{
    struct mpm_parts parts = { 0 };
    struct mpm_ndarray a = { 0 };
    struct name function;
    int r = mpm__kind(&ref);

    if (r == MPM_ENOMEM)
        return mpm__fail(err, r, 0, "out of memory");
    if (r != MPM_K_OBJECT)
        return not_an_array(ref, err);
    if ((r = mpm__parts(ref, &parts)) != 0 || (r = parts.items.n >= 2 ? 0 : MPM_ETYPE) != 0
        || (r = read_name(mpm__part(&parts, 0), &function)) != 0)
        r = part_failed(r, ref, err, "its parts");
    else if (named(&function, "numpy.core.multiarray", "numpy._core.multiarray", "_reconstruct"))
        r = read_state(&parts, ref, &a, err);
    else if (named(&function, "numpy.core.numeric", "numpy._core.numeric", "_frombuffer"))
        r = read_buffer(&parts, ref, &a, err);
    else if (named(&function, "numpy.core.multiarray", "numpy._core.multiarray", "scalar"))
        r = read_scalar(&parts, ref, &a, err);
    else
        r = not_an_array(ref, err);
    if (r == 0)
        *out = a;
    mpm__parts_wipe(&parts);
    return r;
}

/* --- building ----------------------------------------------------------------------------------------------------- */

static const char *
mistake_in(const struct mpm_ndarray *a)
{
    size_t total;

    if (!is_plain(a->kind, a->itemsize))
        return "no such kind and itemsize of an array: see struct mpm_ndarray";
    if (a->byteorder != '\0' && strchr("<>|=", a->byteorder) == NULL)
        return "the byte order of an array is to be '<', '>' or '|', or '=' for this machine's";
    if (a->byteorder == '|' && has_byteorder(a->kind, a->itemsize))
        return "an array of items of several bytes has a byte order";
    if (a->ndim < 0 || a->ndim > MPM_NDARRAY_NDIM_MAX)
        return "an array has 0 to MPM_NDARRAY_NDIM_MAX dimensions";
    if (!total_of(a, &total) || total != a->size)
        return "the size of an array is to be its itemsize times each part of its shape";
    return a->data == NULL && a->size != 0 ? "an array without data" : NULL;
}

static void
put_dtype(struct mpm_builder *b, const struct mpm_ndarray *a)
{
    bool is_flexible = a->kind == 'S' || a->kind == 'U';
    char order[2] = { a->byteorder }, name[16];

    if (!has_byteorder(a->kind, a->itemsize))
        order[0] = '|';
    else if (order[0] == '\0' || order[0] == '=')
        order[0] = NATIVE;
    snprintf(name, sizeof name, "%c%u", a->kind, a->kind == 'U' ? a->itemsize / 4 : a->itemsize);
    mpm_put_begin_call(b);
    mpm_put_class(b, "numpy", "dtype");
    mpm_put_begin(b, MPM_K_TUPLE);
    mpm_put_string(b, name);
    mpm_put_bool(b, 0); /* not aligned, */
    mpm_put_bool(b, 1); /* a copy */
    mpm_put_end(b);
    mpm_put_begin(b, MPM_K_TUPLE);
    mpm_put_int(b, 3);
    mpm_put_string(b, order);
    for (int i = 0; i < 3; i++)
        mpm_put_none(b);
    mpm_put_int(b, is_flexible ? (int64_t)a->itemsize : -1);
    mpm_put_int(b, !is_flexible ? -1 : a->kind == 'S' ? 1 : 4);
    mpm_put_int(b, a->kind == 'U' ? 8 : 0); /* flags: it needs to be initialised */
    mpm_put_end(b);
    mpm_put_end(b);
}

/* In the form of protocols 0 to 4, whatever the builder's: numpy.core.multiarray._reconstruct is the one function that
 * NumPy 2 has kept where NumPy 1 had it; _frombuffer under its old name warns. */
void
mpm_put_ndarray(struct mpm_builder *b, const struct mpm_ndarray *a)
{
    const char *mistake = mistake_in(a);

    if (mistake != NULL) {
        mpm__builder_refuse(b, MPM_EINVAL, mistake);
        return;
    }
    mpm_put_begin_call(b);
    mpm_put_class(b, "numpy.core.multiarray", "_reconstruct");
    mpm_put_begin(b, MPM_K_TUPLE);
    mpm_put_class(b, "numpy", "ndarray");
    mpm_put_begin(b, MPM_K_TUPLE);
    mpm_put_int(b, 0);
    mpm_put_end(b);
    mpm_put_bytes(b, "b", 1);
    mpm_put_end(b);
    mpm_put_begin(b, MPM_K_TUPLE);
    mpm_put_int(b, 1);
    mpm_put_begin(b, MPM_K_TUPLE);
    for (int i = 0; i < a->ndim; i++)
        mpm_put_int(b, a->shape[i]);
    mpm_put_end(b);
    put_dtype(b, a);
    mpm_put_bool(b, a->fortran != 0);
    mpm_put_bytes(b, a->size != 0 ? a->data : "", a->size);
    mpm_put_end(b);
    mpm_put_end(b);
}

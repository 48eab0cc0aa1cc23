/*
 * objects_value.c - typed calls of Value, Counter and Array. Layer: client.
 *
 * Source: CPython managers.py, Value, Array; the module array. add, compare_and_set and exchange are mpmd's:
 * src/object/atomic.c.
 */
#include <mpmd/objects.h>

#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "client/client.h"
#include "client/objects.h"

/* --- values ------------------------------------------------------------------------------------------------------- */

int
mpm_shared_get(struct mpm_proxy *shared, struct mpm_document **value, struct mpm_error *err)
{
    return mpm__ask(shared, MPM__ASK("get"), value, err);
}

int
mpm_shared_get_int(struct mpm_proxy *shared, int64_t *value, struct mpm_error *err)
{
    return mpm__ask_int(shared, MPM__ASK("get"), value, err);
}

int
mpm_shared_get_double(struct mpm_proxy *shared, double *value, struct mpm_error *err)
{
    return mpm__ask_double(shared, MPM__ASK("get"), value, err);
}

int
mpm_shared_get_text(struct mpm_proxy *shared, char **value, struct mpm_error *err)
{
    return mpm__ask_text(shared, MPM__ASK("get"), value, err);
}

int
mpm_shared_set(struct mpm_proxy *shared, struct mpm_builder *value, struct mpm_error *err)
{
    return mpm__ask(shared, MPM__ASK("set", MPM__ARGS(MPM__VALUE(value))), NULL, err);
}

int
mpm_shared_set_int(struct mpm_proxy *shared, int64_t value, struct mpm_error *err)
{
    return mpm__ask(shared, MPM__ASK("set", MPM__ARGS(MPM__INT(value))), NULL, err);
}

int
mpm_shared_set_double(struct mpm_proxy *shared, double value, struct mpm_error *err)
{
    return mpm__ask(shared, MPM__ASK("set", MPM__ARGS(MPM__DOUBLE(value))), NULL, err);
}

int
mpm_shared_set_text(struct mpm_proxy *shared, const char *value, struct mpm_error *err)
{
    return mpm__ask(shared, MPM__ASK("set", MPM__ARGS(MPM__TEXT(value))), NULL, err);
}

int
mpm_shared_add_int(struct mpm_proxy *shared, int64_t n, int64_t *sum, struct mpm_error *err)
{
    const struct mpm_ask *ask = MPM__ASK("add", MPM__ARGS(MPM__INT(n)));

    return sum != NULL ? mpm__ask_int(shared, ask, sum, err) : mpm__ask(shared, ask, NULL, err);
}

int
mpm_shared_add_double(struct mpm_proxy *shared, double n, double *sum, struct mpm_error *err)
{
    const struct mpm_ask *ask = MPM__ASK("add", MPM__ARGS(MPM__DOUBLE(n)));

    return sum != NULL ? mpm__ask_double(shared, ask, sum, err) : mpm__ask(shared, ask, NULL, err);
}

int
mpm_shared_compare_and_set(struct mpm_proxy *shared, struct mpm_builder *expected, struct mpm_builder *value,
    int *was_set, struct mpm_error *err)
{
    return mpm__ask_bool(shared, MPM__ASK("compare_and_set",
        MPM__ARGS(MPM__VALUE(expected), MPM__VALUE(value))), was_set, err);
}

int
mpm_shared_compare_and_set_int(struct mpm_proxy *shared, int64_t expected, int64_t value, int *was_set,
    struct mpm_error *err)
{
    return mpm__ask_bool(shared, MPM__ASK("compare_and_set",
        MPM__ARGS(MPM__INT(expected), MPM__INT(value))), was_set, err);
}

int
mpm_shared_exchange(struct mpm_proxy *shared, struct mpm_builder *value, struct mpm_document **old,
    struct mpm_error *err)
{
    return mpm__ask(shared, MPM__ASK("exchange", MPM__ARGS(MPM__VALUE(value))), old, err);
}

/* --- arrays ------------------------------------------------------------------------------------------------------- */

int
mpm_array_get(struct mpm_proxy *array, int64_t index, struct mpm_document **item, struct mpm_error *err)
{
    return mpm__ask(array, MPM__ASK("__getitem__", MPM__ARGS(MPM__INT(index))), item, err);
}

int
mpm_array_get_int(struct mpm_proxy *array, int64_t index, int64_t *item, struct mpm_error *err)
{
    return mpm__ask_int(array, MPM__ASK("__getitem__", MPM__ARGS(MPM__INT(index))), item, err);
}

int
mpm_array_get_double(struct mpm_proxy *array, int64_t index, double *item, struct mpm_error *err)
{
    return mpm__ask_double(array, MPM__ASK("__getitem__", MPM__ARGS(MPM__INT(index))), item, err);
}

int
mpm_array_set(struct mpm_proxy *array, int64_t index, struct mpm_builder *item, struct mpm_error *err)
{
    return mpm__ask(array, MPM__ASK("__setitem__", MPM__ARGS(MPM__INT(index), MPM__VALUE(item))), NULL, err);
}

int
mpm_array_set_int(struct mpm_proxy *array, int64_t index, int64_t item, struct mpm_error *err)
{
    return mpm__ask(array, MPM__ASK("__setitem__", MPM__ARGS(MPM__INT(index), MPM__INT(item))), NULL, err);
}

int
mpm_array_set_double(struct mpm_proxy *array, int64_t index, double item, struct mpm_error *err)
{
    return mpm__ask(array, MPM__ASK("__setitem__", MPM__ARGS(MPM__INT(index), MPM__DOUBLE(item))), NULL, err);
}

int
mpm_array_len(struct mpm_proxy *array, int64_t *len, struct mpm_error *err)
{
    return mpm__ask_int(array, MPM__ASK("__len__"), len, err);
}

/* What a typecode is in C. */
struct item_type {
    char typecode;
    uint8_t size;
    bool is_signed, is_float;
};

static const struct item_type item_types[] = {
    { 'b', sizeof(signed char), true, false },
    { 'B', sizeof(unsigned char), false, false },
    { 'h', sizeof(short), true, false },
    { 'H', sizeof(unsigned short), false, false },
    { 'i', sizeof(int), true, false },
    { 'I', sizeof(unsigned int), false, false },
    { 'l', sizeof(long), true, false },
    { 'L', sizeof(unsigned long), false, false },
    { 'q', sizeof(long long), true, false },
    { 'Q', sizeof(unsigned long long), false, false },
    { 'f', sizeof(float), true, true },
    { 'd', sizeof(double), true, true },
};

/* How items lie in the bytes of a pickled array, by number and then byte order, little first. Source: CPython
 * Modules/arraymodule.c, mformatdescriptor. The single bytes, 0 and 1, have one each. */
static const struct item_type formats[] = {
    { 0, 1, false, false },
    { 0, 1, true, false },
    { 0, 2, false, false },
    { 0, 2, true, false },
    { 0, 4, false, false },
    { 0, 4, true, false },
    { 0, 8, false, false },
    { 0, 8, true, false },
    { 0, 4, true, true },
    { 0, 8, true, true },
};
#define N_FORMATS (sizeof formats / sizeof formats[0])
#define BIG_ENDIAN_HOST (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)

static const struct item_type *
type_of(char typecode, struct mpm_error *err)
{
    for (size_t i = 0; i < sizeof item_types / sizeof item_types[0]; i++)
        if (item_types[i].typecode == typecode)
            return &item_types[i];
    mpm__fail(err, MPM_EINVAL, 0, "an array of C values has one of the typecodes bBhHiIlLqQfd");
    return NULL;
}

/* The number of a format in a pickle. */
static int
number_of_format(size_t i, bool is_big_endian)
{
    return i < 2 ? (int)i : (int)(2 * i - 2 + is_big_endian);
}

/* An int given by its 64 bits, the upper half of unsigned ones told from the negative by `is_signed`. */
static int
store_int(const struct item_type *t, uint8_t *at, uint64_t bits, bool is_signed)
{
    unsigned width = 8u * t->size;
    bool is_negative = is_signed && bits >> 63 != 0;

    if (is_negative ? !t->is_signed || ~bits >> (width - 1) != 0
                    : (t->is_signed ? bits >> (width - 1) : width < 64 ? bits >> width : 0) != 0)
        return MPM_ERANGE;
    for (unsigned i = 0; i < t->size; i++)
        at[BIG_ENDIAN_HOST ? t->size - 1 - i : i] = (uint8_t)(bits >> 8 * i);
    return 0;
}

/* The items of bytes in a format. */
static int
store_bytes(const struct item_type *t, const uint8_t *bytes, size_t n, const struct item_type *format,
    bool is_big_endian, uint8_t *out)
{
    if (t->is_float != format->is_float || (t->is_float && t->size != format->size))
        return MPM_ETYPE;
    if (t->size == format->size && t->is_signed == format->is_signed &&
        (is_big_endian == BIG_ENDIAN_HOST || t->size == 1)) {
        if (n != 0)
            memcpy(out, bytes, n * t->size);
        return 0;
    }
    for (size_t i = 0; i < n; i++, bytes += format->size, out += t->size) {
        uint64_t bits = 0;
        int r = 0;

        for (unsigned j = 0; j < format->size; j++)
            bits |= (uint64_t)bytes[is_big_endian ? format->size - 1u - j : j] << 8 * j;
        if (t->is_float) {
            for (unsigned j = 0; j < t->size; j++)
                out[BIG_ENDIAN_HOST ? t->size - 1 - j : j] = (uint8_t)(bits >> 8 * j);
            continue;
        }
        if (format->is_signed && format->size < 8 && bits >> (8 * format->size - 1) != 0)
            bits |= ~UINT64_C(0) << 8 * format->size;
        if ((r = store_int(t, out, bits, format->is_signed)) != 0)
            return r;
    }
    return 0;
}

/* One item of a list. */
static int
store_value(const struct item_type *t, struct mpm_ref ref, uint8_t *out)
{
    uint8_t bytes[9] = { 0 };
    uint64_t bits = 0;
    size_t len;
    double d;
    float f;
    bool is_negative;
    int r;

    if (t->is_float) {
        if ((r = mpm_read_double(ref, &d)) != 0)
            return r;
        f = (float)d;
        memcpy(out, t->size == sizeof f ? (const void *)&f : &d, t->size);
        return 0;
    }
    r = mpm_read_bigint(ref, bytes, sizeof bytes, &len);
    if (r != 0)
        return r;
    is_negative = len > 0 && bytes[len - 1] >= 0x80;
    if (len == sizeof bytes && bytes[8] != 0)
        return MPM_ERANGE;
    for (size_t i = 0; i < 8; i++)
        bits |= (uint64_t)(i < len ? bytes[i] : is_negative ? 0xff : 0) << 8 * i;
    return store_int(t, out, bits, is_negative);
}

static int
store_list(const struct item_type *t, struct mpm_ref list, size_t room, uint8_t *out, size_t *n_items)
{
    struct mpm_ref *items = NULL;
    size_t n;
    int kind = mpm_kind(list), r = kind == MPM_K_LIST ? mpm_read_parts(list, &items, &n) : kind < 0 ? kind : MPM_ETYPE;

    if (r == 0 && n > room)
        r = MPM_EPROTO;
    for (size_t i = 0; r == 0 && i < n; i++)
        r = store_value(t, items[i], out + i * t->size);
    if (r == 0)
        *n_items = n;
    mpm_free(items);
    return r;
}

/* As managers.py, reduce_array, has them: in the server's own format, of which nothing is known but that it ought to be
 * this machine's. */
static int
store_machine_bytes(const struct item_type *t, const void *bytes, size_t len, size_t room, uint8_t *out,
    size_t *n_items)
{
    if (len % t->size != 0 || len / t->size > room)
        return MPM_EPROTO;
    if (len != 0)
        memcpy(out, bytes, len);
    *n_items = len / t->size;
    return 0;
}

/* The arguments of array._array_reconstructor(array.array, typecode, format, bytes). */
static int
store_reconstructed(const struct item_type *t, const struct mpm_ref *args, size_t room, uint8_t *out, size_t *n_items)
{
    const void *bytes;
    int64_t number;
    size_t len, i;
    bool is_big_endian;
    int r = mpm_read_int64(args[2], &number);

    if (r == 0)
        r = mpm_read_bytes(args[3], &bytes, &len);
    if (r != 0)
        return r;
    if (number < 0 || number > number_of_format(N_FORMATS - 1, true))
        return MPM_ETYPE;
    i = number < 2 ? (size_t)number : (size_t)number / 2 + 1;
    is_big_endian = number >= 2 && number % 2 != 0;
    if (len % formats[i].size != 0 || len / formats[i].size > room)
        return MPM_EPROTO;
    r = store_bytes(t, bytes, len / formats[i].size, &formats[i], is_big_endian, out);
    if (r == 0)
        *n_items = len / formats[i].size;
    return r;
}

int
mpm__array_items(char typecode, struct mpm_ref array, size_t room, void *out, size_t *n_items)
{
    const struct item_type *t = type_of(typecode, NULL);
    const char *module, *name;
    size_t module_len, name_len, n, n_args = 0;
    struct mpm_ref *made = NULL, *args = NULL;
    const void *bytes;
    size_t len;
    char wanted[2] = { typecode, '\0' };
    bool is_reconstructed;
    int kind = mpm_kind(array), r = kind < 0 ? kind : MPM_ETYPE;

    if (kind == MPM_K_OBJECT)
        r = mpm_read_parts(array, &made, &n);
    if (r == 0)
        r = n >= 2 ? mpm_read_class(made[0], &module, &module_len, &name, &name_len) : MPM_ETYPE;
    if (r == 0 && (module_len != 5 || memcmp(module, "array", 5) != 0))
        r = MPM_ETYPE;
    if (r == 0)
        r = mpm_read_parts(made[1], &args, &n_args);
    if (r == 0) {
        is_reconstructed = name_len != 5 || memcmp(name, "array", 5) != 0;
        if (is_reconstructed ? n_args != 4 : n_args < 1 || n_args > 2)
            r = MPM_ETYPE;
        else if (mpm_text_is(args[is_reconstructed], wanted) != 1)
            r = MPM_ETYPE;
        else if (is_reconstructed)
            r = store_reconstructed(t, args, room, out, n_items);
        else if (n_args == 2 && mpm_read_bytes(args[1], &bytes, &len) == 0)
            r = store_machine_bytes(t, bytes, len, room, out, n_items);
        else if (n_args == 2)
            r = store_list(t, args[1], room, out, n_items);
        else
            *n_items = 0;
    }
    mpm_free(made);
    mpm_free(args);
    return r;
}

int
mpm_array_read(struct mpm_proxy *array, char typecode, int64_t start, size_t n, void *items, size_t *n_items,
    struct mpm_error *err)
{
    int64_t stop = n > (uint64_t)INT64_MAX || start > INT64_MAX - (int64_t)n ? INT64_MAX : start + (int64_t)n;
    struct mpm_document *d;
    int r;

    if (type_of(typecode, err) == NULL)
        return MPM_EINVAL;
    if (start < 0 && stop >= 0)
        stop = INT64_MAX; /* counted from the end as well, 0 would be the beginning */
    r = mpm__ask(array, MPM__ASK("__getitem__", MPM__ARGS(MPM__SLICE(start, stop))), &d, err);
    if (r != 0)
        return r;
    r = mpm__array_items(typecode, mpm_document_root(d), n, items, n_items);
    mpm_document_close(d);
    switch (r) {
    case 0:
        return 0;
    case MPM_ENOMEM:
        return mpm__fail(err, r, 0, "no memory to read an array");
    case MPM_ERANGE:
        return mpm__fail(err, r, 0, "an item of the array does not fit the C type of '%c'", typecode);
    case MPM_ETYPE:
        return mpm__fail(err, r, 0, "the object is no array of typecode '%c'", typecode);
    default:
        return mpm__fail(err, MPM_EPROTO, 0, "the server sent more items than were asked for, or parts of one");
    }
}

/* An item as a list has it: for Python 2.7, which knows no other way that all machines read. */
static void
put_item(struct mpm_builder *b, const struct item_type *t, const uint8_t *at)
{
    uint8_t bytes[9] = { 0 };
    double d;
    float f;

    if (t->is_float && t->size == sizeof f) {
        memcpy(&f, at, sizeof f);
        mpm_put_double(b, (double)f);
    } else if (t->is_float) {
        memcpy(&d, at, sizeof d);
        mpm_put_double(b, d);
    } else {
        for (unsigned i = 0; i < t->size; i++)
            bytes[i] = at[BIG_ENDIAN_HOST ? t->size - 1 - i : i];
        mpm_put_bigint(b, bytes, t->is_signed ? t->size : t->size + 1u);
    }
}

static void
put_array(struct mpm_builder *b, int protocol, const struct item_type *t, const uint8_t *items, size_t n)
{
    char typecode[2] = { t->typecode, '\0' };
    size_t format = 0;

    mpm_put_begin_call(b);
    mpm_put_class(b, "array", protocol == 2 ? "array" : "_array_reconstructor");
    mpm_put_begin(b, MPM_K_TUPLE);
    if (protocol == 2) {
        mpm__put_name(b, typecode);
        mpm_put_begin(b, MPM_K_LIST);
        for (size_t i = 0; i < n; i++)
            put_item(b, t, items + i * t->size);
        mpm_put_end(b);
    } else {
        while (formats[format].size != t->size || formats[format].is_signed != t->is_signed ||
            formats[format].is_float != t->is_float)
            format++;
        mpm_put_class(b, "array", "array");
        mpm__put_name(b, typecode);
        mpm_put_int(b, number_of_format(format, BIG_ENDIAN_HOST));
        mpm_put_bytes(b, items, n * t->size);
    }
    mpm_put_end(b);
    mpm_put_end(b);
}

int
mpm_array_write(struct mpm_proxy *array, char typecode, int64_t start, const void *items, size_t n,
    struct mpm_error *err)
{
    const struct item_type *t = type_of(typecode, err);
    int protocol = mpm_client_protocol(mpm__proxy_client(array)), r;
    struct mpm_builder *b;

    if (t == NULL)
        return MPM_EINVAL;
    if (start < 0 || n > (size_t)INT64_MAX / 8 || start > INT64_MAX - (int64_t)n)
        return mpm__fail(err, MPM_EINVAL, 0, "items are written to an index of 0 or more");
    r = mpm_builder_open(protocol, &b);
    if (r != 0)
        return mpm__fail(err, r, 0, "no memory for an array");
    put_array(b, protocol, t, items, n);
    r = mpm__ask(array, MPM__ASK("__setitem__", MPM__ARGS(MPM__SLICE(start, start + (int64_t)n), MPM__VALUE(b))), NULL,
        err);
    mpm_builder_close(b);
    return r;
}

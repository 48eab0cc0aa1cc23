/*
 * array.c - Array(typecode, sequence): an array.array that clients read and write. Layer: object.
 *
 * What items are and how arrays are pickled is typecode.c's. Like CPython's, it is an array.array and nothing else:
 * `lock` is not looked at. An assignment to a slice may change its length.
 */
#include "object/iterable.h"
#include "object/slice.h"
#include "object/typecode.h"

#include <assert.h>
#include <string.h>

#include <mpmd/error.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "object/bind.h"
#include "value/canon.h"
#include "value/number.h"
#include "value/repr.h"

struct array {
    struct mpm_object base;
    const struct mpm_typecode *type;
    uint8_t *bytes;
    size_t n;
    size_t cap; /* items for which there is memory */
};

static uint8_t *
at(const struct array *a, size_t i)
{
    return a->bytes + i * a->type->size;
}

/* Room for `cap` items in all, counted. Returns 0, MPM_ELIMIT or MPM_ENOMEM; then nothing is changed. */
static int
resize(struct array *a, uint64_t cap)
{
    size_t size = a->type->size, before = a->cap * size;
    uint8_t *bytes;
    int r;

    if (cap > SIZE_MAX / 16)
        return MPM_ENOMEM;
    if (cap > a->cap && (r = mpm_charge(a->base.hub, (size_t)cap * size - before)) != 0)
        return r;
    bytes = mpm__resize(a->bytes, (size_t)cap, size);
    if (bytes == NULL) {
        if (cap > a->cap)
            mpm_discharge(a->base.hub, (size_t)cap * size - before);
        return MPM_ENOMEM;
    }
    if (cap < a->cap)
        mpm_discharge(a->base.hub, before - (size_t)cap * size);
    a->bytes = bytes;
    a->cap = (size_t)cap;
    return 0;
}

/* The array has n items from now on; new ones are the caller's to fill. Room is added by eighths, so that many small
 * additions cost little. False: a MemoryError is set. */
static bool
set_length(struct mpm_call *call, struct array *a, uint64_t n)
{
    int r = 0;

    if (n > a->cap && a->n > 0)
        r = resize(a, n + n / 8);
    if (n > a->cap)
        r = resize(a, n);
    if (n < a->cap / 2)
        resize(a, n); /* when that fails, it keeps the memory */
    if (r == 0)
        a->n = (size_t)n;
    else
        mpm_raise_code(call, r);
    return r == 0;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static enum mpm_outcome
return_item(struct mpm_call *call, const struct array *a, size_t i)
{
    if (a->type->kind == MPM_I_SIGNED)
        return mpm_return_int(call, mpm__item_int(a->type, at(a, i)));
    mpm__item_write(a->type, at(a, i), mpm_result_writer(call));
    return mpm_return_built(call);
}

/* Items start, start + step... as an array of the caller's Python. */
static enum mpm_outcome
return_items(struct mpm_call *call, const struct array *a, int64_t start, int64_t step, size_t n)
{
    struct mpm_writer *w = mpm_result_writer(call);
    size_t size = a->type->size;
    uint8_t *copy = NULL;

    mpm_write_global(w, "array", "array");
    mpm_write_native_n(w, &a->type->code, 1);
    if (call->protocol <= 2) {
        mpm_write_empty_list(w);
        mpm_write_mark(w);
        for (size_t i = 0; i < n && w->out->error == 0; i++)
            mpm__item_write(a->type, at(a, (size_t)(start + (int64_t)i * step)), w);
        mpm_write_appends(w);
    } else if (step == 1 || n == 0) {
        mpm_write_bytes(w, n > 0 ? at(a, (size_t)start) : NULL, n * size);
    } else {
        if ((copy = mpm__alloc(n * size)) == NULL)
            return mpm_raise_code(call, MPM_ENOMEM);
        for (size_t i = 0; i < n; i++)
            memcpy(copy + i * size, at(a, (size_t)(start + (int64_t)i * step)), size);
        mpm_write_bytes(w, copy, n * size);
        mpm__free(copy);
    }
    mpm_write_tuple_n(w, 2);
    mpm_write_reduce(w);
    return mpm_return_built(call);
}

/* An item as a stored value, of a size that is not counted. */
static struct mpm_value
item_value(const struct array *a, size_t i)
{
    bool is_byte = a->type->kind == MPM_I_BYTE;
    const struct mpm_form form = { .protocol = 2, .native_str = is_byte };
    uint8_t small[16];
    struct mpm_buf pickle = { .data = small, .cap = sizeof small, .max = sizeof small }; /* never grows: that is enough */
    struct mpm_writer w = { .out = &pickle, .protocol = is_byte ? 2 : 3 };
    struct mpm_value v = { 0 };
    int r;

    mpm__item_write(a->type, at(a, i), &w);
    r = mpm_keep_bytes(pickle.data, pickle.len, &form, &v);
    assert(r == 0 && pickle.error == 0 && mpm__value_stored(&v) == NULL);
    (void)r;
    return v;
}

static enum mpm_outcome
array_len(struct mpm_object *self, struct mpm_call *call)
{
    return mpm_return_int(call, (int64_t)((struct array *)self)->n);
}

static enum mpm_outcome
array_getitem(struct mpm_object *self, struct mpm_call *call)
{
    struct array *a = (struct array *)self;
    struct mpm_slice slice;
    size_t i;

    switch (mpm__subscript(call, 0, a->n, "array", "array index out of range", &i, &slice)) {
    case MPM_SUBSCRIPT_INDEX: return return_item(call, a, i);
    case MPM_SUBSCRIPT_SLICE: return return_items(call, a, slice.start, slice.step, slice.n);
    default: return MPM_DONE;
    }
}

static enum mpm_outcome
array_getslice(struct mpm_object *self, struct mpm_call *call)
{
    struct array *a = (struct array *)self;
    struct mpm_slice slice;

    if (!mpm__plain_slice(call, 0, a->n, &slice))
        return MPM_DONE;
    return return_items(call, a, slice.start, 1, slice.n);
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

/* Items of the slice, one after the other, become others. */
static bool
replace(struct mpm_call *call, struct array *a, const struct mpm_slice *slice, const struct mpm_items_of *items)
{
    size_t size = a->type->size, end = (size_t)slice->start + slice->n, behind = a->n - end, n = a->n - slice->n + items->n;

    if (n > a->n && !set_length(call, a, n))
        return false;
    if (items->n != slice->n && behind > 0)
        memmove(at(a, (size_t)slice->start + items->n), at(a, end), behind * size);
    if (items->n > 0)
        memcpy(at(a, (size_t)slice->start), items->bytes, items->n * size);
    return n >= a->n || set_length(call, a, n); /* less of it cannot fail */
}

/* Without the items of the slice. */
static bool
remove_items(struct mpm_call *call, struct array *a, const struct mpm_slice *slice)
{
    size_t step = (size_t)(slice->step < 0 ? -slice->step : slice->step), size = a->type->size;
    size_t from = (size_t)(slice->step < 0 ? slice->start + slice->step * (int64_t)(slice->n - 1) : slice->start), to = from;

    for (size_t i = 0; i < slice->n; i++) {
        size_t end = i + 1 < slice->n ? from + step : a->n;

        memmove(at(a, to), at(a, from) + size, (end - from - 1) * size);
        to += end - from - 1;
        from = end;
    }
    return set_length(call, a, to);
}

static bool
set_items(struct mpm_call *call, struct array *a, const struct mpm_slice *slice, const struct mpm_items_of *items)
{
    if (slice->step == 1)
        return replace(call, a, slice, items);
    if (items->n == 0)
        return slice->n == 0 || remove_items(call, a, slice);
    if (items->n != slice->n) {
        mpm_raise(call, MPM_PY_VALUE_ERROR, "attempt to assign array of size %zu to extended slice of size %zu", items->n,
            slice->n);
        return false;
    }
    for (size_t i = 0; i < items->n; i++)
        memcpy(at(a, (size_t)(slice->start + (int64_t)i * slice->step)), items->bytes + i * a->type->size, a->type->size);
    return true;
}

/* Argument i, which must be an array of the same type, becomes the slice's items. */
static enum mpm_outcome
set_slice(struct mpm_call *call, struct array *a, const struct mpm_slice *slice, int i)
{
    struct mpm_items_of items;
    char buf[64];
    int r = mpm__array_of_ref(call, call->args[i], &items);

    if (r < 0)
        return MPM_DONE;
    if (r == 0)
        return mpm_raise(call, MPM_PY_TYPE_ERROR, "can only assign array (not \"%s\") to array slice",
            mpm_arg_type_name(call, i, buf));
    if (items.type != a->type)
        mpm_raise(call, MPM_PY_TYPE_ERROR, "bad argument type for built-in operation");
    else if (set_items(call, a, slice, &items))
        mpm_return_none(call);
    mpm__free(items.bytes);
    return MPM_DONE;
}

static enum mpm_outcome
array_setitem(struct mpm_object *self, struct mpm_call *call)
{
    struct array *a = (struct array *)self;
    struct mpm_slice slice;
    size_t i;

    switch (mpm__subscript(call, 0, a->n, "array", "array assignment index out of range", &i, &slice)) {
    case MPM_SUBSCRIPT_INDEX:
        return mpm__item_put(call, a->type, call->args[1], at(a, i)) ? mpm_return_none(call) : MPM_DONE;
    case MPM_SUBSCRIPT_SLICE:
        return set_slice(call, a, &slice, 1);
    default:
        return MPM_DONE;
    }
}

static enum mpm_outcome
array_setslice(struct mpm_object *self, struct mpm_call *call)
{
    struct array *a = (struct array *)self;
    struct mpm_slice slice;

    return mpm__plain_slice(call, 0, a->n, &slice) ? set_slice(call, a, &slice, 2) : MPM_DONE;
}

/* --- making ------------------------------------------------------------------------------------------------------- */

/* The typecode's text, of one character. False: an exception is set. */
static bool
read_typecode(struct mpm_call *call, struct mpm_buf *scratch, const uint8_t **text, size_t *len, uint32_t *code)
{
    struct mpm_ref ref = call->args[0];
    char buf[64];
    size_t used = 0;
    int r = mpm__decode_text(ref, scratch, text, len);

    *code = 0;
    if (r == 0 && *len > 0 && mpm__utf8_ok(*text, *len))
        *code = mpm__utf8_get(*text, *len, &used);
    if (r == 0 && (used == 0 || used != *len))
        r = MPM_ETYPE;
    if (r == MPM_ETYPE)
        mpm_raise(call, MPM_PY_TYPE_ERROR, "array() argument 1 must be a unicode character, not %s",
            mpm_arg_is_none(call, 0) ? "None" : mpm_arg_type_name(call, 0, buf));
    else if (r != 0)
        mpm_raise_code(call, r);
    return r == 0;
}

static bool
fill_from_parts(struct mpm_call *call, struct array *a, struct mpm_ref sequence)
{
    struct mpm_parts parts = { 0 };
    int r = mpm__parts(sequence, &parts);
    bool ok;

    if (r != 0)
        mpm_raise_code(call, r);
    ok = r == 0 && set_length(call, a, parts.items.n);
    for (size_t i = 0; ok && i < parts.items.n; i++)
        ok = mpm__item_put(call, a->type, mpm__part(&parts, i), at(a, i));
    mpm__parts_wipe(&parts);
    return ok;
}

/* Text to characters. */
static bool
fill_from_text(struct mpm_call *call, struct array *a, struct mpm_ref sequence)
{
    struct mpm_buf scratch;
    const uint8_t *text;
    uint32_t character;
    size_t len, n = 0, used;
    bool ok = false;
    int r;

    mpm__buf_init(&scratch, 0);
    r = mpm__decode_text(sequence, &scratch, &text, &len);
    if (r == 0 && !mpm__utf8_ok(text, len))
        mpm_raise(call, MPM_PY_VALUE_ERROR, "str is not UTF-8");
    else if (r != 0)
        mpm_raise_code(call, r);
    else
        ok = true;
    for (size_t i = 0; ok && i < len; i++)
        n += (text[i] & 0xc0) != 0x80;
    ok = ok && set_length(call, a, n);
    for (size_t i = 0; ok && i < n; i++) {
        character = mpm__utf8_get(text, len, &used);
        memcpy(at(a, i), &character, sizeof character);
        text += used;
        len -= used;
    }
    mpm__buf_wipe(&scratch);
    return ok;
}

static bool
fill_from_bytes(struct mpm_call *call, struct array *a, const uint8_t *bytes, size_t len)
{
    if (len % a->type->size != 0) {
        mpm_raise(call, MPM_PY_VALUE_ERROR, "bytes length not a multiple of item size");
        return false;
    }
    if (!set_length(call, a, len / a->type->size))
        return false;
    if (len > 0)
        memcpy(a->bytes, bytes, len);
    return true;
}

static bool
fill_from_range(struct mpm_call *call, struct array *a, const struct mpm_range *range)
{
    uint64_t v = (uint64_t)range->start;
    bool ok;

    if (range->n > MPM_GROWN_MAX) {
        mpm_raise(call, MPM_PY_MEMORY_ERROR, "a range of %llu items is more than the %d that mpmd makes of one",
            (unsigned long long)range->n, MPM_GROWN_MAX);
        return false;
    }
    ok = set_length(call, a, range->n);
    for (size_t i = 0; ok && i < range->n; i++) {
        ok = mpm__item_put_int(call, a->type, (int64_t)v, at(a, i));
        v += (uint64_t)range->step; /* behind the last one it may wrap */
    }
    return ok;
}

/* Items of another array, of another type. */
static bool
fill_from_array(struct mpm_call *call, struct array *a, const struct mpm_items_of *items)
{
    const struct mpm_typecode *from = items->type;
    struct mpm_checker checker = { 0 };
    struct mpm_buf pickle;
    struct mpm_writer w = { .out = &pickle, .protocol = 4 };
    struct mpm_doc doc;
    bool ok = set_length(call, a, items->n);

    if (ok && from->size == a->type->size && from->kind == a->type->kind && from->kind == MPM_I_CHARACTER) {
        if (items->n > 0)
            memcpy(a->bytes, items->bytes, items->n * from->size);
        return true;
    }
    mpm__buf_init(&pickle, 0);
    for (size_t i = 0; ok && i < items->n; i++) {
        const uint8_t *item = items->bytes + i * from->size;
        int r;

        if (from->kind == MPM_I_SIGNED) {
            ok = mpm__item_put_int(call, a->type, mpm__item_int(from, item), at(a, i));
            continue;
        }
        mpm__buf_clear(&pickle);
        mpm__item_write(from, item, &w);
        r = pickle.error;
        if (r == 0)
            r = mpm__check(&checker, pickle.data, pickle.len, true, &doc, NULL);
        if (r != 0)
            mpm_raise_code(call, r);
        ok = r == 0 && mpm__item_put(call, a->type, (struct mpm_ref){ &doc, doc.top }, at(a, i));
    }
    mpm__checker_wipe(&checker);
    mpm__buf_wipe(&pickle);
    return ok;
}

/* Anything else that can be iterated over. */
static bool
fill_from_iterable(struct mpm_call *call, struct array *a, struct mpm_values *values)
{
    struct mpm_open open = { 0 };
    struct mpm_ref ref;
    bool ok = set_length(call, a, values->n);
    int r;

    for (size_t i = 0; ok && i < values->n; i++) {
        r = mpm__open(&open, &values->v[i], &ref);
        if (r != 0)
            mpm_raise_code(call, r);
        ok = r == 0 && mpm__item_put(call, a->type, ref, at(a, i));
    }
    mpm__close(&open);
    return ok;
}

/* What the second argument is, taken in the order in which CPython looks at it. */
struct source {
    enum { FROM_PARTS, FROM_TEXT, FROM_BYTES, FROM_RANGE, FROM_ARRAY, FROM_ITERABLE } kind;
    const uint8_t *bytes;
    size_t len;
    struct mpm_buf scratch;
    struct mpm_range range;
    struct mpm_items_of items;
    struct mpm_values values;
};

static void
source_wipe(struct mpm_call *call, struct source *s)
{
    mpm__buf_wipe(&s->scratch);
    mpm__free(s->items.bytes);
    mpm__values_wipe(call->hub, &s->values);
}

/* False: an exception is set. *s, zeroed before, is the caller's to wipe. */
static bool
look_at_source(struct mpm_call *call, struct mpm_ref ref, struct source *s)
{
    int r, kind = mpm__kind(&ref);

    if (kind == MPM_K_LIST || kind == MPM_K_TUPLE || kind == MPM_K_STR) {
        s->kind = kind == MPM_K_STR ? FROM_TEXT : FROM_PARTS;
        return true;
    }
    r = kind < 0 ? kind : mpm__bytes_of_ref(ref, &s->scratch, &s->bytes, &s->len);
    s->kind = FROM_BYTES;
    if (r == 0) {
        r = mpm__range_of_ref(ref, &s->range);
        s->kind = FROM_RANGE;
    }
    if (r < 0)
        mpm_raise_code(call, r);
    if (r != 0)
        return r == 1;
    s->kind = FROM_ARRAY;
    if ((r = mpm__array_of_ref(call, ref, &s->items)) != 0)
        return r == 1;
    s->kind = FROM_ITERABLE;
    return mpm__iterate(call, ref, &s->values);
}

static bool
fill(struct mpm_call *call, struct array *a, struct mpm_ref ref, struct source *s)
{
    switch (s->kind) {
    case FROM_PARTS: return fill_from_parts(call, a, ref);
    case FROM_TEXT: return fill_from_text(call, a, ref);
    case FROM_BYTES: return fill_from_bytes(call, a, s->bytes, s->len);
    case FROM_RANGE: return fill_from_range(call, a, &s->range);
    case FROM_ARRAY:
        if (s->items.type == a->type)
            return fill_from_bytes(call, a, s->items.bytes, s->items.n * a->type->size);
        return fill_from_array(call, a, &s->items);
    default: return fill_from_iterable(call, a, &s->values);
    }
}

static void
array_wipe(struct mpm_object *self)
{
    struct array *a = (struct array *)self;

    if (a->type != NULL)
        mpm_discharge(self->hub, a->cap * a->type->size);
    mpm__free(a->bytes);
}

static enum mpm_outcome
array_make(struct mpm_object *self, struct mpm_call *call)
{
    struct array *a = (struct array *)self;
    struct source s = { 0 };
    struct mpm_buf scratch;
    const uint8_t *name;
    size_t len;
    uint32_t code;
    bool is_text, ok = false;

    mpm__buf_init(&scratch, 0);
    if (!read_typecode(call, &scratch, &name, &len, &code) || !look_at_source(call, call->args[1], &s))
        goto out;
    is_text = code == 'u' || code == 'w';
    a->type = mpm__typecode(code, call->protocol <= 2);
    if (s.kind == FROM_TEXT && !is_text)
        mpm_raise(call, MPM_PY_TYPE_ERROR, "cannot use a str to initialize an array with typecode '%.*s'", (int)len,
            (const char *)name);
    else if (s.kind == FROM_ARRAY && s.items.type->kind == MPM_I_CHARACTER && !is_text)
        mpm_raise(call, MPM_PY_TYPE_ERROR, "cannot use a unicode array to initialize an array with typecode '%.*s'", (int)len,
            (const char *)name);
    else if (a->type == NULL)
        mpm_raise(call, MPM_PY_VALUE_ERROR, "bad typecode (must be b, B, u, h, H, i, I, l, L, q, Q, f or d)");
    else
        ok = fill(call, a, call->args[1], &s);
out:
    if (!ok)
        array_wipe(self);
    mpm__buf_wipe(&scratch);
    source_wipe(call, &s);
    return ok ? mpm_return_none(call) : MPM_DONE;
}

/* --- the other methods of array.array, for those who register one ------------------------------------------------- */

static enum mpm_outcome
insert(struct array *a, struct mpm_call *call, size_t place, int arg)
{
    struct mpm_slice slice = { .start = (int64_t)place, .stop = (int64_t)place, .step = 1 };
    uint8_t item[8];
    struct mpm_items_of items = { .type = a->type, .bytes = item, .n = 1 };

    if (mpm__item_put(call, a->type, call->args[arg], item) && replace(call, a, &slice, &items))
        mpm_return_none(call);
    return MPM_DONE;
}

static enum mpm_outcome
array_append(struct mpm_object *self, struct mpm_call *call)
{
    struct array *a = (struct array *)self;

    return insert(a, call, a->n, 0);
}

static enum mpm_outcome
array_insert(struct mpm_object *self, struct mpm_call *call)
{
    struct array *a = (struct array *)self;
    size_t place;

    return mpm__insert_index(call, 0, a->n, &place) ? insert(a, call, place, 1) : MPM_DONE;
}

/* Behind the last item. */
static enum mpm_outcome
add_items(struct array *a, struct mpm_call *call, const struct mpm_items_of *items)
{
    struct mpm_slice slice = { .start = (int64_t)a->n, .stop = (int64_t)a->n, .step = 1 };

    return replace(call, a, &slice, items) ? mpm_return_none(call) : MPM_DONE;
}

/* Unlike CPython's, it adds all or nothing. */
static enum mpm_outcome
array_extend(struct mpm_object *self, struct mpm_call *call)
{
    struct array *a = (struct array *)self;
    struct array more = { .base.hub = self->hub, .type = a->type };
    struct source s = { 0 };
    bool ok = look_at_source(call, call->args[0], &s);

    if (ok && (s.kind == FROM_BYTES || (s.kind == FROM_TEXT && a->type->kind != MPM_I_CHARACTER))) {
        s.kind = FROM_ITERABLE;
        ok = mpm__iterate(call, call->args[0], &s.values);
    } else if (ok && s.kind == FROM_ARRAY && s.items.type != a->type) {
        mpm_raise(call, MPM_PY_TYPE_ERROR, "can only extend with array of same kind");
        ok = false;
    }
    if (ok && fill(call, &more, call->args[0], &s))
        add_items(a, call, &(struct mpm_items_of){ a->type, more.bytes, more.n });
    array_wipe(&more.base);
    source_wipe(call, &s);
    return MPM_DONE;
}

static enum mpm_outcome
array_frombytes(struct mpm_object *self, struct mpm_call *call)
{
    struct array *a = (struct array *)self;
    struct mpm_buf scratch;
    const uint8_t *bytes;
    char buf[64];
    size_t len;
    int r;

    mpm__buf_init(&scratch, 0);
    r = mpm__bytes_of_ref(call->args[0], &scratch, &bytes, &len);
    if (r < 0)
        mpm_raise_code(call, r);
    else if (r == 0)
        mpm_raise(call, MPM_PY_TYPE_ERROR, "a bytes-like object is required, not '%s'", mpm_arg_type_name(call, 0, buf));
    else if (len % a->type->size != 0)
        mpm_raise(call, MPM_PY_VALUE_ERROR, "bytes length not a multiple of item size");
    else /* only looked at */
        add_items(a, call, &(struct mpm_items_of){ a->type, (uint8_t *)(uintptr_t)bytes, len / a->type->size });
    mpm__buf_wipe(&scratch);
    return MPM_DONE;
}

static bool
remove_at(struct mpm_call *call, struct array *a, size_t i)
{
    struct mpm_slice slice = { .start = (int64_t)i, .stop = (int64_t)i + 1, .step = 1, .n = 1 };

    return replace(call, a, &slice, &(struct mpm_items_of){ .type = a->type });
}

static enum mpm_outcome
array_pop(struct mpm_object *self, struct mpm_call *call)
{
    struct array *a = (struct array *)self;
    int64_t i;
    size_t place;

    if (!mpm__insert_index(call, 0, a->n, &place)) /* for its exceptions */
        return MPM_DONE;
    if (a->n == 0)
        return mpm_raise(call, MPM_PY_INDEX_ERROR, "pop from empty array");
    if (mpm_arg_int64(call, 0, &i) != 0 || i < -(int64_t)a->n || i >= (int64_t)a->n)
        return mpm_raise(call, MPM_PY_INDEX_ERROR, "pop index out of range");
    place = (size_t)(i < 0 ? i + (int64_t)a->n : i);
    return_item(call, a, place);
    if (call->result.kind != MPM_R_ERROR)
        remove_at(call, a, place); /* less of it cannot fail */
    return MPM_DONE;
}

/* The first of items from..to that equals argument 0; to: none. False: an exception is set. */
static bool
find(struct mpm_call *call, const struct array *a, size_t from, size_t to, size_t *out)
{
    struct mpm_canon *wanted = mpm_hub_canon(call->hub, 0);
    int r = mpm__canon(call->args[0], wanted), same = 0;

    for (*out = from; r == 0 && *out < to; ++*out) {
        struct mpm_value v = item_value(a, *out);

        same = mpm__canon_equals(&v, wanted, mpm_hub_canon(call->hub, 1));
        if (same != 0)
            break;
    }
    r = r < 0 ? r : same < 0 ? same : 0;
    if (r == MPM_ELIMIT)
        mpm_raise(call, MPM_PY_RECURSION_ERROR, "maximum recursion depth exceeded");
    else if (r != 0)
        mpm_raise_code(call, r);
    return r == 0;
}

static enum mpm_outcome
array_index(struct mpm_object *self, struct mpm_call *call)
{
    struct array *a = (struct array *)self;
    size_t start, stop, i;

    if (!mpm__clamped_index(call, 1, a->n, &start) || !mpm__clamped_index(call, 2, a->n, &stop) ||
        !find(call, a, start, stop, &i))
        return MPM_DONE;
    return i < stop ? mpm_return_int(call, (int64_t)i) : mpm_raise(call, MPM_PY_VALUE_ERROR, "array.index(x): x not in array");
}

static enum mpm_outcome
array_count(struct mpm_object *self, struct mpm_call *call)
{
    struct array *a = (struct array *)self;
    int64_t n = 0;
    size_t i;

    for (size_t from = 0; from < a->n; from = i + 1) {
        if (!find(call, a, from, a->n, &i))
            return MPM_DONE;
        n += i < a->n;
    }
    return mpm_return_int(call, n);
}

static enum mpm_outcome
array_remove(struct mpm_object *self, struct mpm_call *call)
{
    struct array *a = (struct array *)self;
    size_t i;

    if (!find(call, a, 0, a->n, &i))
        return MPM_DONE;
    if (i == a->n)
        return mpm_raise(call, MPM_PY_VALUE_ERROR, "array.remove(x): x not in array");
    remove_at(call, a, i);
    return mpm_return_none(call);
}

static enum mpm_outcome
array_reverse(struct mpm_object *self, struct mpm_call *call)
{
    struct array *a = (struct array *)self;
    uint8_t item[8];

    for (size_t i = 0, j = a->n; i + 1 < j; i++) {
        memcpy(item, at(a, i), a->type->size);
        memcpy(at(a, i), at(a, --j), a->type->size);
        memcpy(at(a, j), item, a->type->size);
    }
    return mpm_return_none(call);
}

static enum mpm_outcome
array_clear(struct mpm_object *self, struct mpm_call *call)
{
    return set_length(call, (struct array *)self, 0) ? mpm_return_none(call) : MPM_DONE;
}

static enum mpm_outcome
array_tolist(struct mpm_object *self, struct mpm_call *call)
{
    struct array *a = (struct array *)self;
    struct mpm_writer *w = mpm_result_writer(call);

    mpm_write_empty_list(w);
    mpm_write_mark(w);
    for (size_t i = 0; i < a->n && w->out->error == 0; i++)
        mpm__item_write(a->type, at(a, i), w);
    mpm_write_appends(w);
    return mpm_return_built(call);
}

static enum mpm_outcome
array_tobytes(struct mpm_object *self, struct mpm_call *call)
{
    struct array *a = (struct array *)self;

    mpm_write_bytes(mpm_result_writer(call), a->bytes, a->n * a->type->size);
    return mpm_return_built(call);
}

/* --- type --------------------------------------------------------------------------------------------------------- */

static enum mpm_outcome
array_getvalue(struct mpm_object *self, struct mpm_call *call)
{
    struct array *a = (struct array *)self;

    return return_items(call, a, 0, 1, a->n);
}

static int
array_repr(struct mpm_object *self, struct mpm_buf *out)
{
    struct array *a = (struct array *)self;

    return mpm__repr_array(a->type, a->bytes, a->n, out);
}

static int
array_items(struct mpm_object *self, struct mpm_call *call, bool pairs, struct mpm_values *out)
{
    struct array *a = (struct array *)self;
    int r = pairs ? MPM_ETYPE : mpm_charge(call->hub, a->n * sizeof(struct mpm_value)); /* whether there could be room */

    if (r != 0)
        return r;
    mpm_discharge(call->hub, a->n * sizeof(struct mpm_value));
    r = mpm__values_reserve(out, a->n);
    for (size_t i = 0; r == 0 && i < a->n; i++)
        out->v[out->n++] = item_value(a, i);
    return r;
}

static struct mpm_method array_methods[] = {
    { .name = "__len__",      .params = "",          .run = array_len,      .wording = MPM_W_SLOT, .of = "array" },
    { .name = "__getitem__",  .params = "key",       .run = array_getitem,  .wording = MPM_W_SLOT, .of = "array" },
    { .name = "__setitem__",  .params = "key value", .run = array_setitem,  .wording = MPM_W_SLOT, .of = "array" },
    { .name = "__getslice__", .params = "i j",       .run = array_getslice, .wording = MPM_W_SLOT, .of = "array" },
    { .name = "__setslice__", .params = "i j value", .run = array_setslice, .wording = MPM_W_SLOT, .of = "array" },
    { .name = "append",       .params = "item",      .run = array_append,    .wording = MPM_W_C_PLAIN },
    { .name = "clear",        .params = "",          .run = array_clear,     .wording = MPM_W_C_PLAIN },
    { .name = "count",        .params = "value",     .run = array_count,     .wording = MPM_W_C_PLAIN },
    { .name = "extend",       .params = "iterable",  .run = array_extend,    .wording = MPM_W_C_PLAIN },
    { .name = "frombytes",    .params = "buffer",    .run = array_frombytes, .wording = MPM_W_C_PLAIN },
    { .name = "index",        .params = "value start=0 stop=None", .run = array_index, .wording = MPM_W_C_POSITION },
    { .name = "insert",       .params = "i value",   .run = array_insert,    .wording = MPM_W_C_POSITION },
    { .name = "pop",          .params = "i=-1",      .run = array_pop,       .wording = MPM_W_C_POSITION },
    { .name = "remove",       .params = "value",     .run = array_remove,    .wording = MPM_W_C_PLAIN },
    { .name = "reverse",      .params = "",          .run = array_reverse,   .wording = MPM_W_C_PLAIN },
    { .name = "tobytes",      .params = "",          .run = array_tobytes,   .wording = MPM_W_C_PLAIN },
    { .name = "tolist",       .params = "",          .run = array_tolist,    .wording = MPM_W_C_PLAIN },
    { 0 }
};

struct mpm_type mpm__type_array = {
    .module = "array", .class_name = "array", .size = sizeof(struct array), .function = "Array", .wording = MPM_W_FUNCTION,
    .params = "typecode sequence lock=True", .make = array_make, .wipe = array_wipe, .methods = array_methods,
    .exposed = "__len__ __getitem__ __setitem__ __getslice__ __setslice__",
    .auto_exposed = "append clear count extend frombytes index insert pop remove reverse tobytes tolist",
    .repr = array_repr, .getvalue = array_getvalue, .is_copied = true, .items = array_items,
};

/*
 * iterable.c - the items of an argument, stored one by one. Layer: object.
 *
 * Takes apart what CPython writes for its iterable types, in each protocol and version, and copies what this server's
 * own objects contain. Runs nothing: what only a class's own __iter__ could tell is refused with a TypeError that says
 * what to do. Sources for what the calls mean: the __reduce__ of list, str, bytes and range iterators, enumerate,
 * reversed, zip, deque, OrderedDict, Counter, defaultdict and array.array in CPython 2.7 to 3.13.
 */
#include "object/iterable.h"

#include <string.h>

#include <mpmd/error.h>

#include "base/alloc.h"
#include "base/idmap.h"
#include "base/utf8.h"
#include "object/bind.h"
#include "object/typecode.h"
#include "value/dill.h"

/* Iterators inside iterators; nobody writes deeper ones. */
#define LEVELS_MAX 16
/* So many items, and this many more, may come out of each byte of a message: parts that it shares are read again and
 * again. */
#define ITEMS_PER_BYTE 4
#define ITEMS_BASE 4096

/* One argument on its way. */
struct iteration {
    struct mpm_call *call;
    uint64_t left;          /* of mpm_keep_allowance() */
    uint64_t n_left;        /* items */
    uint64_t n_expected;    /* for all tables of this iteration, which are not counted */
    struct mpm_open open;   /* room for reading what was made here */
    struct mpm_buf made;    /* for values made here */
    struct mpm_buf decoded; /* for what is not in the message as it is read */
    bool refused;           /* an exception is set already */
};

/* An instance taken apart: what is called, with what, and what was added to it. */
struct made {
    struct mpm_ref ref;
    const uint8_t *module, *name;
    size_t module_len, name_len;
    struct mpm_parts parts, args;
    size_t n_args, n_added;
};

/* --- tables of values --------------------------------------------------------------------------------------------- */

int
mpm__values_reserve(struct mpm_values *values, size_t n)
{
    struct mpm_value *v;
    size_t cap = values->cap + values->cap / 2;

    if (n <= values->cap - values->n)
        return 0;
    if (n > SIZE_MAX / sizeof *v - values->n)
        return MPM_ENOMEM;
    if (cap < values->n + n)
        cap = values->n + n;
    v = mpm__resize(values->v, cap, sizeof *v);
    if (v == NULL)
        return MPM_ENOMEM;
    values->v = v;
    values->cap = cap;
    return 0;
}

static void
cut(struct mpm_hub *hub, struct mpm_values *values, size_t n)
{
    while (values->n > n)
        mpm_forget(hub, &values->v[--values->n]);
}

void
mpm__values_wipe(struct mpm_hub *hub, struct mpm_values *values)
{
    cut(hub, values, 0);
    mpm__free(values->v);
    *values = (struct mpm_values){ 0 };
}

/* --- exceptions --------------------------------------------------------------------------------------------------- */

/* Internal: no failure of mpmd but a refusal; the exception is set. */
static int
refused(struct iteration *it)
{
    it->refused = true;
    return MPM_ETYPE;
}

#define NOT_ITERABLE " object is not iterable"

static int
raise_not_iterable(struct iteration *it, struct mpm_ref ref)
{
    char buf[64];

    mpm_raise(it->call, MPM_PY_TYPE_ERROR, "'%s'" NOT_ITERABLE, mpm__type_name(ref, buf));
    return refused(it);
}

bool
mpm__is_not_iterable(const struct mpm_call *call)
{
    size_t len = call->result.text != NULL ? strlen(call->result.text) : 0, end = sizeof NOT_ITERABLE - 1;

    return call->result.error == MPM_PY_TYPE_ERROR && len >= end &&
           strcmp(call->result.text + len - end, NOT_ITERABLE) == 0;
}

static int
raise_needs_python(struct iteration *it, const struct made *m)
{
    bool vowel = m->module_len != 0 && memchr("aeiou", m->module[0], 5) != NULL; /* an itertools.count object */

    mpm_raise(it->call, MPM_PY_TYPE_ERROR,
        "mpmd cannot iterate over %s %.*s.%.*s object, which needs Python: pass list(x)", vowel ? "an" : "a",
        (int)(m->module_len < 100 ? m->module_len : 100), (const char *)m->module,
        (int)(m->name_len < 100 ? m->name_len : 100), (const char *)m->name);
    return refused(it);
}

/* --- items -------------------------------------------------------------------------------------------------------- */

/* Room for n more items, when they may be: an item costs its place in some table, too. */
static int
expect(struct iteration *it, struct mpm_values *out, uint64_t n)
{
    if (n > it->n_left)
        return MPM_ETOOBIG;
    if (n > SIZE_MAX / sizeof *out->v - it->n_expected)
        return MPM_ENOMEM;
    it->n_expected += n;
    if (mpm_charge(it->call->hub, (size_t)it->n_expected * sizeof *out->v) != 0)
        return MPM_ELIMIT;
    mpm_discharge(it->call->hub, (size_t)it->n_expected * sizeof *out->v);
    it->n_left -= n;
    return mpm__values_reserve(out, (size_t)n);
}

/* A value made here, of at most 14 bytes, for which there is room: such are not counted. */
static int
add_made(struct iteration *it, struct mpm_values *out, bool native)
{
    const struct mpm_form form = { .protocol = 2, .native_str = native };
    int r = it->made.error;

    if (r == 0)
        r = mpm_keep_bytes(it->made.data, it->made.len, &form, &out->v[out->n]);
    if (r == 0)
        out->n++;
    return r;
}

static struct mpm_writer
writer(struct iteration *it, uint8_t protocol)
{
    mpm__buf_clear(&it->made);
    return (struct mpm_writer){ .out = &it->made, .protocol = protocol };
}

static int
add_int(struct iteration *it, struct mpm_values *out, int64_t v)
{
    struct mpm_writer w = writer(it, 4); /* the form for large ones that every protocol from 2 on has */

    mpm_write_int(&w, v);
    return add_made(it, out, false);
}

static int
add_character(struct iteration *it, struct mpm_values *out, const uint8_t *text, size_t len)
{
    struct mpm_writer w = writer(it, 2);

    mpm_write_text(&w, (const char *)text, len);
    return add_made(it, out, false);
}

static int
add_characters(struct iteration *it, struct mpm_values *out, const uint8_t *text, size_t len)
{
    size_t n = 0, used;
    int r;

    if (!mpm__utf8_ok(text, len)) {
        mpm_raise(it->call, MPM_PY_VALUE_ERROR, "str is not UTF-8");
        return refused(it);
    }
    for (size_t i = 0; i < len; i++)
        n += (text[i] & 0xc0) != 0x80;
    r = expect(it, out, n);
    for (size_t at = 0; r == 0 && at < len; at += used) {
        mpm__utf8_get(text + at, len - at, &used);
        r = add_character(it, out, text + at, used);
    }
    return r;
}

/* What Python 2 calls str: items of one byte, each a str. */
static int
add_native_characters(struct iteration *it, struct mpm_values *out, const uint8_t *text, size_t len)
{
    int r = expect(it, out, len);

    for (size_t i = 0; r == 0 && i < len; i++) {
        struct mpm_writer w = writer(it, 2);

        mpm_write_bytes(&w, text + i, 1);
        r = add_made(it, out, true);
    }
    return r;
}

static int
add_bytes(struct iteration *it, struct mpm_values *out, const uint8_t *bytes, size_t len)
{
    int r = expect(it, out, len);

    for (size_t i = 0; r == 0 && i < len; i++)
        r = add_int(it, out, bytes[i]);
    return r;
}

/* Parts from, from + step... of a message. Those that it names again are stored once: `kept` has the place in out[] +
 * 1 by where in the message they are made. */
static int
add_parts(struct iteration *it, struct mpm_values *out, const struct mpm_parts *parts, size_t from, size_t to, size_t step)
{
    bool shares = parts->doc->lowest_get != UINT32_MAX;
    struct mpm_idmap kept = { 0 };
    int r = from < to ? expect(it, out, (to - from + step - 1) / step) : 0;

    for (size_t i = from; r == 0 && i < to; i += step) {
        struct mpm_ref ref = mpm__part(parts, i);
        struct mpm_value *v = &out->v[out->n];
        void *before = NULL;

        *v = (struct mpm_value){ 0 };
        if (shares) {
            if ((r = mpm__kind(&ref)) < 0)
                break;
            before = mpm__idmap_get(&kept, ref.item.root);
        }
        if (before != NULL) {
            r = mpm_keep_again(it->call, &out->v[(uintptr_t)before - 1], v);
        } else {
            r = mpm_keep_ref(it->call, ref, v);
            if (r == 0)
                r = mpm_keep_spend(&it->left, v);
            if (r == 0 && shares && mpm__value_stored(v) != NULL)
                r = mpm__idmap_set(&kept, ref.item.root, (void *)(uintptr_t)(out->n + 1));
            if (r != 0)
                mpm_forget(it->call->hub, v);
        }
        if (r == 0)
            out->n++;
    }
    mpm__idmap_wipe(&kept);
    return r;
}

/* --- kinds -------------------------------------------------------------------------------------------------------- */

static int add_items(struct iteration *it, struct mpm_values *out, struct mpm_ref ref, int levels);

static int
add_container(struct iteration *it, struct mpm_values *out, struct mpm_ref ref, size_t step)
{
    struct mpm_parts parts = { 0 };
    int r = mpm__parts(ref, &parts);

    if (r == 0)
        r = add_parts(it, out, &parts, 0, parts.items.n, step);
    mpm__parts_wipe(&parts);
    return r;
}

static int
add_text(struct iteration *it, struct mpm_values *out, struct mpm_ref ref, bool native)
{
    const uint8_t *text;
    size_t len;
    int r;

    mpm__buf_clear(&it->decoded);
    r = mpm__decode_text(ref, &it->decoded, &text, &len);
    if (r != 0)
        return r;
    return native ? add_native_characters(it, out, text, len) : add_characters(it, out, text, len);
}

static int
add_byte_string(struct iteration *it, struct mpm_values *out, struct mpm_ref ref)
{
    const uint8_t *bytes;
    size_t len;
    int r = mpm__read_bytes(ref, &bytes, &len);

    return r == 0 ? add_bytes(it, out, bytes, len) : r;
}

/* --- instances ---------------------------------------------------------------------------------------------------- */

static bool
is_called(const struct made *m, const char *name)
{
    return m->name_len == strlen(name) && memcmp(m->name, name, m->name_len) == 0;
}

static bool
is_of(const struct made *m, const char *module)
{
    return m->module_len == strlen(module) && memcmp(m->module, module, m->module_len) == 0;
}

static bool
is_builtin(const struct made *m)
{
    return is_of(m, "builtins") || is_of(m, "__builtin__") || is_of(m, "exceptions");
}

static struct mpm_ref
arg(const struct made *m, size_t i)
{
    return mpm__part(&m->args, i);
}

static int
take_apart(struct mpm_ref ref, struct made *m)
{
    int r;

    m->ref = ref;
    r = mpm__read_global(ref, &m->module, &m->module_len, &m->name, &m->name_len);
    if (r == 0)
        r = mpm__parts(ref, &m->parts);
    if (r == 0 && m->parts.items.n < 2)
        r = MPM_ETYPE;
    if (r == 0)
        r = mpm__parts(mpm__part(&m->parts, 1), &m->args);
    if (r == 0) {
        m->n_args = m->args.items.n;
        m->n_added = m->parts.items.n - 2;
    }
    return r;
}

static void
made_wipe(struct made *m)
{
    mpm__parts_wipe(&m->parts);
    mpm__parts_wipe(&m->args);
}

/* n items that the message does not hold. One call can name a range or an object again and again, in zip() or for a
 * set's union(): what counts is what all of them give. */
static int
grow(struct iteration *it, uint64_t n)
{
    it->call->n_grown += n;
    if (it->call->n_grown <= MPM_GROWN_MAX)
        return 0;
    mpm_raise(it->call, MPM_PY_MEMORY_ERROR, "ranges and objects of %llu items are more than the %d that mpmd goes through in one "
        "call: add them in parts", (unsigned long long)it->call->n_grown, MPM_GROWN_MAX);
    return refused(it);
}

static int
add_range(struct iteration *it, struct mpm_values *out, const struct made *m)
{
    struct mpm_range range;
    int64_t at;
    int r = mpm__range_of_ref(m->ref, &range);

    if (r <= 0) {
        mpm_raise(it->call, MPM_PY_TYPE_ERROR, "mpmd cannot iterate over a range of ints beyond 64 bits: pass list(x)");
        return r < 0 ? r : refused(it);
    }
    if (range.n > MPM_GROWN_MAX) {
        mpm_raise(it->call, MPM_PY_MEMORY_ERROR, "a range of %llu items is more than the %d that mpmd makes in one call: add it "
            "in parts", (unsigned long long)range.n, MPM_GROWN_MAX);
        return refused(it);
    }
    it->n_left += range.n; /* so many are allowed here whatever the message's length */
    r = grow(it, range.n);
    if (r == 0)
        r = expect(it, out, range.n);
    at = range.start;
    for (uint64_t i = 0; r == 0 && i < range.n; i++) {
        r = add_int(it, out, at);
        at = (int64_t)((uint64_t)at + (uint64_t)range.step); /* behind the last one it may wrap */
    }
    return r;
}

static int
add_byte_string_of(struct iteration *it, struct mpm_values *out, const struct made *m)
{
    const uint8_t *bytes;
    size_t len;
    int r;

    mpm__buf_clear(&it->decoded);
    r = mpm__bytes_of_ref(m->ref, &it->decoded, &bytes, &len);
    if (r < 0)
        return r;
    return r == 1 ? add_bytes(it, out, bytes, len) : raise_needs_python(it, m);
}

static int
add_array_items(struct iteration *it, struct mpm_values *out, const struct mpm_items_of *items)
{
    bool text = items->type->kind == MPM_I_CHARACTER, native = items->type->kind == MPM_I_BYTE;
    int r = expect(it, out, items->n);

    for (size_t i = 0; r == 0 && i < items->n; i++) {
        struct mpm_writer w = writer(it, text || native ? 2 : 4);

        mpm__item_write(items->type, items->bytes + i * items->type->size, &w);
        r = add_made(it, out, native);
    }
    return r;
}

static int
add_array(struct iteration *it, struct mpm_values *out, const struct made *m)
{
    struct mpm_items_of items = { 0 };
    int r = mpm__array_of_ref(it->call, m->ref, &items);

    if (r == 0)
        return raise_needs_python(it, m);
    r = r == 1 ? add_array_items(it, out, &items) : refused(it);
    mpm__free(items.bytes);
    return r;
}

/* --- iterators --- */

/* The first n of those from `from` on have been taken already. */
static void
skip(struct iteration *it, struct mpm_values *out, size_t from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mpm_forget(it->call->hub, &out->v[from + i]);
    if (n != 0)
        memmove(out->v + from, out->v + from + n, (out->n - from - n) * sizeof *out->v);
    out->n -= n;
}

/* An index as an iterator's __setstate__ takes it: at least `least`, at most `most`. No int: MPM_ETYPE. */
static int
read_state(struct mpm_ref ref, int64_t least, int64_t most, int64_t *out)
{
    int r = mpm__read_int64(ref, out);

    if (r == MPM_ERANGE)
        *out = most;
    else if (r != 0)
        return r;
    *out = *out < least ? least : *out > most ? most : *out;
    return 0;
}

/* iter(sequence), then the index of the next item; _deque_iterator(deque, index). */
static int
add_iterator(struct iteration *it, struct mpm_values *out, const struct made *m, int levels)
{
    size_t from = out->n;
    int64_t index;
    int r = add_items(it, out, arg(m, 0), levels - 1);

    if (r != 0 || (m->n_args == 1 && m->n_added == 0) || out->n == from)
        return r;
    r = read_state(m->n_args == 2 ? arg(m, 1) : mpm__part(&m->parts, 2), 0, (int64_t)(out->n - from), &index);
    if (r == 0)
        skip(it, out, from, (size_t)index);
    return r == MPM_ETYPE ? raise_needs_python(it, m) : r;
}

static void
reverse(struct mpm_value *v, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        struct mpm_value first = v[i];

        v[i] = v[n - 1 - i];
        v[n - 1 - i] = first;
    }
}

/* reversed(sequence), then the index of the next item, -1 at the end. */
static int
add_reversed(struct iteration *it, struct mpm_values *out, const struct made *m, int levels)
{
    size_t from = out->n;
    int64_t index;
    int r = add_items(it, out, arg(m, 0), levels - 1);

    if (r == 0 && m->n_added == 1) {
        r = read_state(mpm__part(&m->parts, 2), -1, (int64_t)(out->n - from) - 1, &index);
        if (r == 0)
            cut(it->call->hub, out, from + (size_t)(index + 1));
    }
    if (r == 0 && out->n > from)
        reverse(out->v + from, out->n - from);
    return r == MPM_ETYPE && !it->refused ? raise_needs_python(it, m) : r;
}

/* _deque_reverse_iterator(deque, index): counts what was taken. */
static int
add_deque_reversed(struct iteration *it, struct mpm_values *out, const struct made *m, int levels)
{
    size_t from = out->n;
    int64_t taken = 0;
    int r = add_items(it, out, arg(m, 0), levels - 1);

    if (r == 0 && m->n_args == 2 && (r = read_state(arg(m, 1), 0, (int64_t)(out->n - from), &taken)) == MPM_ETYPE)
        return raise_needs_python(it, m);
    if (r != 0 || out->n == from)
        return r;
    reverse(out->v + from, out->n - from);
    skip(it, out, from, (size_t)taken);
    return 0;
}

/* The tuple that was written to `made`. There is room for it. */
static int
add_tuple(struct iteration *it, struct mpm_values *out, const struct mpm_writer *w)
{
    struct mpm_ref ref;
    struct mpm_value *v = &out->v[out->n];
    int r = w->error != 0 ? w->error : it->made.error;

    if (r == 0)
        r = mpm__open_written(&it->open, &it->made, &ref);
    if (r == 0 && (r = mpm_keep_ref(it->call, ref, v)) == 0) {
        out->n++;
        r = mpm_keep_spend(&it->left, v);
    }
    return r;
}

/* enumerate(iterable, number of the next item) */
static int
add_enumerate(struct iteration *it, struct mpm_values *out, const struct made *m, int levels)
{
    struct mpm_values items = { 0 };
    int64_t number = 0;
    int r = m->n_args == 2 ? mpm__read_int64(arg(m, 1), &number) : 0;

    if (r != 0)
        return r == MPM_ENOMEM ? r : raise_needs_python(it, m);
    r = add_items(it, &items, arg(m, 0), levels - 1);
    if (r == 0)
        r = expect(it, out, items.n);
    for (size_t i = 0; r == 0 && i < items.n; i++) {
        struct mpm_writer w = writer(it, 5);

        mpm_write_int(&w, (int64_t)((uint64_t)number + i));
        mpm_write_value(&w, &items.v[i]);
        mpm_write_tuple_n(&w, 2);
        r = add_tuple(it, out, &w);
    }
    mpm__values_wipe(it->call->hub, &items);
    return r;
}

/* zip(strict=True) complains about the first argument that ends when others go on. */
static int
check_strict(struct iteration *it, const struct mpm_values *columns, size_t n_columns, size_t n)
{
    size_t i;
    bool shorter;

    for (i = 0; i < n_columns && columns[i].n > n; i++)
        ;
    shorter = i > 0;
    if (!shorter)
        for (i = 1; i < n_columns && columns[i].n == n; i++)
            ;
    if (i == n_columns)
        return 0;
    mpm_raise(it->call, MPM_PY_VALUE_ERROR, "zip() argument %zu is %s than argument%s%zu", i + 1, shorter ? "shorter" : "longer",
        i == 1 ? " " : "s 1-", i);
    return refused(it);
}

/* n tuples of what each column has there. */
static int
add_rows(struct iteration *it, struct mpm_values *out, const struct mpm_values *columns, size_t n_columns, size_t n)
{
    int r = expect(it, out, n);

    for (size_t row = 0; r == 0 && row < n; row++) {
        struct mpm_writer w = writer(it, 5);

        mpm_write_mark(&w);
        for (size_t i = 0; i < n_columns; i++)
            mpm_write_value(&w, &columns[i].v[row]);
        mpm_write_tuple(&w);
        r = add_tuple(it, out, &w);
    }
    return r;
}

/* zip(iterables...), then True when it is strict. */
static int
add_zip(struct iteration *it, struct mpm_values *out, const struct made *m, int levels)
{
    struct mpm_values *columns = mpm__array(m->n_args, sizeof *columns);
    size_t n = SIZE_MAX;
    int r = columns != NULL ? 0 : MPM_ENOMEM;

    for (size_t i = 0; r == 0 && i < m->n_args; i++) {
        r = add_items(it, &columns[i], arg(m, i), levels - 1);
        n = columns[i].n < n ? columns[i].n : n;
    }
    if (m->n_args == 0)
        n = 0;
    if (r == 0 && m->n_added == 1 && mpm__truth(mpm__part(&m->parts, 2)) == 1)
        r = check_strict(it, columns, m->n_args, n);
    if (r == 0)
        r = add_rows(it, out, columns, m->n_args, n);
    for (size_t i = 0; columns != NULL && i < m->n_args; i++)
        mpm__values_wipe(it->call->hub, &columns[i]);
    mpm__free(columns);
    return r;
}

/* --- views of dicts, which dill writes --- */

/* m->args is what is behind the REDUCE: a view has one, a dict. */
static int
parts_of_view(const struct made *m, struct mpm_parts *dict)
{
    struct mpm_ref ref = arg(m, 0);
    int kind = mpm__kind(&ref);

    return kind == MPM_K_DICT ? mpm__parts(ref, dict) : kind < 0 ? kind : MPM_ETYPE;
}

static int
add_dict_values(struct iteration *it, struct mpm_values *out, const struct made *m, int levels)
{
    struct mpm_parts dict = { 0 };
    int r = parts_of_view(m, &dict);

    (void)levels;
    if (r == 0)
        r = add_parts(it, out, &dict, 1, dict.items.n, 2);
    mpm__parts_wipe(&dict);
    return r;
}

static int
add_dict_items(struct iteration *it, struct mpm_values *out, const struct made *m, int levels)
{
    struct mpm_values columns[2] = { { 0 }, { 0 } };
    struct mpm_parts dict = { 0 };
    int r = parts_of_view(m, &dict);

    (void)levels;
    for (size_t i = 0; i < 2 && r == 0; i++)
        r = add_parts(it, &columns[i], &dict, i, dict.items.n, 2);
    if (r == 0)
        r = add_rows(it, out, columns, 2, columns[1].n);
    for (size_t i = 0; i < 2; i++)
        mpm__values_wipe(it->call->hub, &columns[i]);
    mpm__parts_wipe(&dict);
    return r;
}

/* --- mappings --- */

/* OrderedDict([[key, value], ...]), as Python 2 writes it. */
static int
add_pair_list(struct iteration *it, struct mpm_values *out, struct mpm_ref ref, bool values)
{
    struct mpm_parts pairs = { 0 };
    int r = mpm__parts(ref, &pairs);

    for (size_t i = 0; r == 0 && i < pairs.items.n; i++) {
        struct mpm_parts pair = { 0 };

        r = mpm__parts(mpm__part(&pairs, i), &pair);
        if (r == 0 && pair.items.n != 2)
            r = MPM_ETYPE;
        if (r == 0)
            r = add_parts(it, out, &pair, 0, values ? 2 : 1, 1);
        mpm__parts_wipe(&pair);
    }
    mpm__parts_wipe(&pairs);
    return r;
}

/* The keys, or keys and values in turn, of OrderedDict, defaultdict and Counter. MPM_ETYPE: it is none, or an odd
 * one. */
static int
add_mapping(struct iteration *it, struct mpm_values *out, const struct made *m, bool values)
{
    struct mpm_ref first;
    size_t step = values ? 1 : 2;

    if (!is_of(m, "collections") ||
        (!is_called(m, "OrderedDict") && !is_called(m, "defaultdict") && !is_called(m, "Counter")))
        return MPM_ETYPE;
    /* what was added: items, perhaps followed by the instance's own attributes */
    if (m->n_args == 0 || is_called(m, "defaultdict"))
        return add_parts(it, out, &m->parts, 2, 2 + (m->n_added & ~(size_t)1), step);
    first = arg(m, 0);
    if (is_called(m, "OrderedDict"))
        return mpm__kind(&first) == MPM_K_LIST ? add_pair_list(it, out, first, values) : MPM_ETYPE;
    return mpm__kind(&first) == MPM_K_DICT ? add_container(it, out, first, step) : MPM_ETYPE;
}

/* --- all of them --- */

/* deque((), maxlen) and what was added; Python 2's deque(list, maxlen). */
static int
add_deque(struct iteration *it, struct mpm_values *out, const struct made *m, int levels)
{
    int r = m->n_args != 0 ? add_items(it, out, arg(m, 0), levels - 1) : 0;

    return r != 0 ? r : add_parts(it, out, &m->parts, 2, 2 + m->n_added, 1);
}

static bool
is_not_iterable(const struct made *m)
{
    static const char *const modules[] = { "datetime", "decimal", "fractions", "uuid", "pathlib",
        "pathlib._local", "multiprocessing.managers" };
    static const char *const builtins[] = { "complex", "slice", "object", "StopIteration", "KeyboardInterrupt", "SystemExit" };
    static const char *const endings[] = { "Error", "Exception", "Warning" };

    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++)
        if (is_of(m, modules[i]))
            return true;
    for (size_t i = 0; i < sizeof builtins / sizeof *builtins; i++)
        if (is_builtin(m) && is_called(m, builtins[i]))
            return true;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t len = strlen(endings[i]);

        if (is_builtin(m) && m->name_len >= len && memcmp(m->name + m->name_len - len, endings[i], len) == 0)
            return true;
    }
    return false;
}

static int
add_builtin(struct iteration *it, struct mpm_values *out, const struct made *m, int levels)
{
    static const struct {
        const char *name;
        size_t n_args_min, n_args_max, n_added_max;
        int (*add)(struct iteration *it, struct mpm_values *out, const struct made *m, int levels);
    } calls[] = {
        { "list", 1, 1, 0, add_iterator }, { "tuple", 1, 1, 0, add_iterator },
        { "set", 1, 1, 0, add_iterator },  { "frozenset", 1, 1, 0, add_iterator },
        { "iter", 1, 1, 1, add_iterator }, { "reversed", 1, 1, 1, add_reversed },
        { "enumerate", 1, 2, 0, add_enumerate }, { "zip", 0, SIZE_MAX, 1, add_zip },
        { "dict_keys", 1, 1, 0, add_iterator }, { "dict_values", 1, 1, 0, add_dict_values },
        { "dict_items", 1, 1, 0, add_dict_items },
    };

    if (is_called(m, "range") || is_called(m, "xrange"))
        return add_range(it, out, m);
    if (is_called(m, "bytes") || is_called(m, "bytearray"))
        return add_byte_string_of(it, out, m);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (!is_called(m, calls[i].name) || m->n_added > calls[i].n_added_max || m->n_args > calls[i].n_args_max)
            continue;
        if (m->n_args >= calls[i].n_args_min)
            return calls[i].add(it, out, m, levels);
        if (i < 4) /* list(), tuple() and so on */
            return 0;
    }
    return is_not_iterable(m) ? raise_not_iterable(it, m->ref) : raise_needs_python(it, m);
}

static bool
is_dill_constant(const struct made *m)
{
    const uint8_t *text;
    size_t len;

    return mpm__dill_repr(m->ref, &text, &len) == 0 && mpm__dill_constant(text, len);
}

static int
add_instance(struct iteration *it, struct mpm_values *out, const struct made *m, int levels)
{
    int r;

    if (is_builtin(m))
        return add_builtin(it, out, m, levels);
    if (is_of(m, "array"))
        return add_array(it, out, m);
    if (is_of(m, "_codecs") && is_called(m, "encode"))
        return add_byte_string_of(it, out, m);
    if (is_of(m, MPM_DILL_MODULE) && is_called(m, MPM_DILL_REPR))
        return is_dill_constant(m) ? raise_not_iterable(it, m->ref) : add_range(it, out, m);
    if (is_of(m, "itertools") && is_called(m, "izip")) /* how zip is named for protocols that Python 2 reads */
        return add_zip(it, out, m, levels);
    if (is_of(m, "collections") && is_called(m, "deque"))
        return add_deque(it, out, m, levels);
    if ((is_of(m, "collections") || is_of(m, "_collections")) && m->n_args >= 1 && m->n_args <= 2 && m->n_added == 0) {
        if (is_called(m, "_deque_iterator"))
            return add_iterator(it, out, m, levels);
        if (is_called(m, "_deque_reverse_iterator"))
            return add_deque_reversed(it, out, m, levels);
    }
    r = add_mapping(it, out, m, false);
    if (r != MPM_ETYPE)
        return r;
    return is_not_iterable(m) ? raise_not_iterable(it, m->ref) : raise_needs_python(it, m);
}

/* 1: a proxy, of *object when that is not NULL; 0: it is none; or MPM_ENOMEM. */
static int
find_object(struct iteration *it, struct mpm_ref ref, struct mpm_object **object)
{
    struct mpm_token_ref token;
    int r;

    *object = mpm_object_of(it->call, ref);
    if (*object != NULL)
        return 1;
    r = mpm__read_token(ref, &token);
    if (r != 0)
        return r == MPM_ENOMEM ? r : 0;
    *object = mpm_object_of(it->call, ref); /* there was no memory to find it */
    return 1;
}

static int
add_items_of(struct iteration *it, struct mpm_values *out, struct mpm_object *object, bool pairs)
{
    size_t n = out->n;
    int r = object->type->items(object, it->call, pairs, out);

    return r != 0 ? r : grow(it, out->n - n);
}

static int
add_object(struct iteration *it, struct mpm_values *out, struct mpm_ref ref, int levels)
{
    struct mpm_object *object;
    struct made m = { 0 };
    char buf[64];
    int r = find_object(it, ref, &object);

    if (r < 0)
        return r;
    if (r == 1 && object == NULL) {
        mpm_raise(it->call, MPM_PY_TYPE_ERROR, "mpmd cannot iterate over a %s of an object that this server does not have: "
            "pass list(x)", mpm__type_name(ref, buf));
        return refused(it);
    }
    if (r == 1)
        return object->type->items != NULL ? add_items_of(it, out, object, false) : raise_not_iterable(it, ref);
    r = take_apart(ref, &m);
    if (r == 0)
        r = add_instance(it, out, &m, levels);
    if (r == MPM_ETYPE && !it->refused)
        r = raise_not_iterable(it, ref);
    made_wipe(&m);
    return r;
}

/* Appends what iterating over `ref` gives. */
static int
add_items(struct iteration *it, struct mpm_values *out, struct mpm_ref ref, int levels)
{
    int kind = mpm__kind(&ref);

    if (levels == 0) {
        mpm_raise(it->call, MPM_PY_TYPE_ERROR, "mpmd cannot iterate over iterators nested more than %d deep: pass list(x)",
            LEVELS_MAX);
        return refused(it);
    }
    switch (kind) {
    case MPM_K_TUPLE:
    case MPM_K_LIST:
    case MPM_K_SET:
    case MPM_K_FROZENSET:
        return add_container(it, out, ref, 1);
    case MPM_K_DICT:
        return add_container(it, out, ref, 2);
    case MPM_K_STR:
        return add_text(it, out, ref, false);
    case MPM_K_NATIVE:
        return add_text(it, out, ref, true);
    case MPM_K_BYTES:
    case MPM_K_BYTEARRAY:
        return add_byte_string(it, out, ref);
    case MPM_K_OBJECT:
        return add_object(it, out, ref, levels);
    default:
        return kind < 0 ? kind : raise_not_iterable(it, ref);
    }
}

/* --- for others --------------------------------------------------------------------------------------------------- */

static void
begin(struct iteration *it, struct mpm_call *call, struct mpm_ref ref)
{
    *it = (struct iteration){ .call = call, .left = mpm_keep_allowance(ref.doc),
        .n_left = (uint64_t)ref.doc->len * ITEMS_PER_BYTE + ITEMS_BASE };
    mpm__buf_init(&it->made, 0);
    mpm__buf_init(&it->decoded, 0);
}

/* False: what was appended behind the first n is forgotten, and an exception is set. An empty table needs no wiping. */
static bool
finish(struct iteration *it, int r, struct mpm_values *out, size_t n)
{
    mpm__buf_wipe(&it->made);
    mpm__buf_wipe(&it->decoded);
    mpm__close(&it->open);
    if (r == 0)
        return true;
    cut(it->call->hub, out, n);
    if (n == 0)
        mpm__values_wipe(it->call->hub, out);
    if (!it->refused)
        mpm_raise_code(it->call, r);
    return false;
}

bool
mpm__iterate(struct mpm_call *call, struct mpm_ref ref, struct mpm_values *out)
{
    struct iteration it;
    size_t n = out->n;

    begin(&it, call, ref);
    return finish(&it, add_items(&it, out, ref, LEVELS_MAX), out, n);
}

/* Appends keys and values in turn. MPM_ETYPE without an exception: it is no mapping. */
static int
add_pairs(struct iteration *it, struct mpm_values *out, struct mpm_ref ref)
{
    struct mpm_object *object;
    struct made m = { 0 };
    int r, kind = mpm__kind(&ref);

    if (kind == MPM_K_DICT)
        return add_container(it, out, ref, 1);
    if (kind != MPM_K_OBJECT)
        return kind < 0 ? kind : MPM_ETYPE;
    if ((r = find_object(it, ref, &object)) != 0)
        return r < 0 ? r : object != NULL && object->type->items != NULL ? add_items_of(it, out, object, true) : MPM_ETYPE;
    r = take_apart(ref, &m);
    if (r == 0)
        r = add_mapping(it, out, &m, true);
    made_wipe(&m);
    return r;
}

int
mpm__iterate_pairs(struct mpm_call *call, struct mpm_ref ref, struct mpm_values *out)
{
    struct iteration it;
    size_t n = out->n;
    bool no_mapping;
    int r;

    begin(&it, call, ref);
    r = add_pairs(&it, out, ref);
    no_mapping = r == MPM_ETYPE && !it.refused;
    it.refused |= no_mapping; /* nothing to be said */
    return finish(&it, r, out, n) ? 1 : no_mapping ? 0 : -1;
}

/*
 * iterable.c - the items of an argument, stored one by one. Layer: object.
 *
 * Takes apart what CPython writes for its iterable types, in each protocol and version, and copies what this server's own
 * objects contain. Runs nothing: what only a class's own __iter__ could tell is refused with a TypeError that says what to do.
 * Sources for what the calls mean: the __reduce__ of list, str, bytes and range iterators, enumerate, reversed, zip, deque,
 * OrderedDict, Counter, defaultdict and array.array in CPython 2.7 to 3.13.
 */
#include "object/iterable.h"

#include <string.h>

#include <mpmd/error.h>

#include "base/alloc.h"
#include "base/idmap.h"
#include "base/utf8.h"
#include "object/bind.h"

/* Iterators inside iterators; nobody writes deeper ones. */
#define LEVELS_MAX 16
/* So many items, and this many more, may come out of each byte of a message: parts that it shares are read again and again. */
#define ITEMS_PER_BYTE 4
#define ITEMS_BASE 4096

/* One argument on its way. */
struct iteration {
    struct mpm_call *call;
    uint64_t left;          /* of mpm_keep_allowance() */
    uint64_t n_left;        /* items */
    struct mpm_open open;   /* room for reading stored values */
    struct mpm_buf made;    /* for values made here */
    struct mpm_buf decoded; /* for texts of protocol 0 */
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

static int
raise_not_iterable(struct iteration *it, struct mpm_ref ref)
{
    char buf[64];

    mpm_raise(it->call, MPM_PY_TYPE_ERROR, "'%s' object is not iterable", mpm__type_name(ref, buf));
    return refused(it);
}

static int
raise_needs_python(struct iteration *it, const struct made *m)
{
    mpm_raise(it->call, MPM_PY_TYPE_ERROR, "mpmd cannot iterate over a %.*s.%.*s object, which needs Python: pass list(x)",
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
    if (n > SIZE_MAX / sizeof *out->v)
        return MPM_ENOMEM;
    if (mpm_charge(it->call->hub, (size_t)n * sizeof *out->v) != 0)
        return MPM_ELIMIT;
    mpm_discharge(it->call->hub, (size_t)n * sizeof *out->v);
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

/* Parts from, from + step... of a message. Those that it names again are stored once: `kept` has the place in out[] + 1 by
 * where in the message they are made. */
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
    return is_of(m, "builtins") || is_of(m, "__builtin__");
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

static int
add_range(struct iteration *it, struct mpm_values *out, const struct made *m)
{
    int64_t start, stop, step, at;
    uint64_t n = 0;
    int r = 0;

    if (m->n_args != 3)
        return raise_needs_python(it, m);
    if (mpm__read_int64(arg(m, 0), &start) != 0 || mpm__read_int64(arg(m, 1), &stop) != 0 ||
        mpm__read_int64(arg(m, 2), &step) != 0 || step == 0) {
        mpm_raise(it->call, MPM_PY_TYPE_ERROR, "mpmd cannot iterate over a range of ints beyond 64 bits: pass list(x)");
        return refused(it);
    }
    if (step > 0 && start < stop)
        n = ((uint64_t)stop - (uint64_t)start - 1) / (uint64_t)step + 1;
    else if (step < 0 && start > stop)
        n = ((uint64_t)start - (uint64_t)stop - 1) / (0 - (uint64_t)step) + 1;
    if (n > MPM_GROWN_MAX) {
        mpm_raise(it->call, MPM_PY_MEMORY_ERROR, "a range of %llu items is more than the %d that mpmd makes of one: add them in "
            "several calls", (unsigned long long)n, MPM_GROWN_MAX);
        return refused(it);
    }
    it->n_left += n; /* that many are allowed here whatever the message's length */
    r = expect(it, out, n);
    at = start;
    for (uint64_t i = 0; r == 0 && i < n; i++) {
        r = add_int(it, out, at);
        at = (int64_t)((uint64_t)at + (uint64_t)step); /* behind the last one it may wrap */
    }
    return r;
}

static int
add_instance(struct iteration *it, struct mpm_values *out, struct made *m, int levels)
{
    if (is_builtin(m)) {
        if ((is_called(m, "list") || is_called(m, "tuple") || is_called(m, "set") || is_called(m, "frozenset")) &&
            m->n_args <= 1 && m->n_added == 0)
            return m->n_args == 1 ? add_items(it, out, arg(m, 0), levels - 1) : 0;
        if (is_called(m, "range") || is_called(m, "xrange"))
            return add_range(it, out, m);
    }
    return raise_needs_python(it, m);
}

static int
add_object(struct iteration *it, struct mpm_values *out, struct mpm_ref ref, int levels)
{
    struct mpm_object *object = mpm_object_of(it->call, ref);
    struct made m = { 0 };
    int r;

    if (object != NULL) {
        if (object->type->items == NULL) {
            mpm_raise(it->call, MPM_PY_TYPE_ERROR, "'%s' object is not iterable", object->type->class_name);
            return refused(it);
        }
        return object->type->items(object, it->call, false, out);
    }
    r = take_apart(ref, &m);
    if (r == 0)
        r = add_instance(it, out, &m, levels);
    else if (r == MPM_ETYPE)
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

/* False: what was appended behind the first n is forgotten and an exception is set. */
static bool
finish(struct iteration *it, int r, struct mpm_values *out, size_t n)
{
    mpm__buf_wipe(&it->made);
    mpm__buf_wipe(&it->decoded);
    mpm__close(&it->open);
    if (r == 0)
        return true;
    cut(it->call->hub, out, n);
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

int
mpm__iterate_pairs(struct mpm_call *call, struct mpm_ref ref, struct mpm_values *out)
{
    struct iteration it;
    size_t n = out->n;
    struct mpm_object *object;
    int r, kind = mpm__kind(&ref);

    if (kind == MPM_K_DICT) {
        begin(&it, call, ref);
        r = add_container(&it, out, ref, 1);
    } else if (kind == MPM_K_OBJECT && (object = mpm_object_of(call, ref)) != NULL && object->type->items != NULL) {
        begin(&it, call, ref);
        r = object->type->items(object, call, true, out);
        if (r == MPM_ETYPE) {
            it.refused = true;
            finish(&it, r, out, n);
            return 0;
        }
    } else {
        return 0;
    }
    return finish(&it, r, out, n) ? 1 : -1;
}

/*
 * repr.c - the text that Python's repr() gives for a value. Layer: value.
 *
 * Values are printed where they lie in the message, without recursion. Here are scalars, text, containers and names;
 * instances of standard classes are known.c's. Sets are shown in the order in which they were pickled. Source: CPython
 * 3.13, Objects/unicodeobject.c (unicode_repr), bytesobject.c, listobject.c and so on.
 */
#include "value/repr.h"

#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "pickle/names.h"
#include "pickle/opcodes.h"
#include "value/printer.h"
#include "value/typename.h"

enum task_kind { TASK_TEXT, TASK_VALUE, TASK_GROUP };

struct mpm_task {
    enum task_kind kind;
    bool pairs;
    bool attributes;         /* pairs, shown as name=value */
    bool lone_comma;         /* a tuple: one item is followed by a comma */
    const char *text;        /* TEXT; GROUP: what closes it */
    struct mpm_item item;    /* VALUE */
    uint32_t root;           /* GROUP: whose it is */
    struct mpm_items items;  /* GROUP: owned */
    size_t first, next;      /* GROUP: of items */
};

/* A message may share one value many times over; its text then is much longer than the message, in CPython too, where
 * it takes the memory until there is none. */
#define WORK_MIN (UINT64_C(64) << 20)
#define WORK_PER_BYTE 16

/* --- text --------------------------------------------------------------------------------------------------------- */

static bool
is_printable(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } hidden[] = {
#include "value/printable.inc"
    };
    size_t low = 0, high = sizeof(hidden) / sizeof(hidden[0]), middle;

    while (low < high) {
        middle = low + (high - low) / 2;
        if (c > hidden[middle].last)
            low = middle + 1;
        else if (c < hidden[middle].first)
            high = middle;
        else
            return false;
    }
    return true;
}

/* Single quotes, unless that would need escapes and double quotes would not. */
static uint8_t
quote_for(const uint8_t *text, size_t len)
{
    return len != 0 && memchr(text, '\'', len) != NULL && memchr(text, '"', len) == NULL ? '"' : '\'';
}

static void
put_hex(struct mpm_buf *out, char letter, uint32_t c, int n_digits)
{
    uint8_t *at = mpm__buf_add(out, 2 + (size_t)n_digits);

    if (at == NULL)
        return;
    *at++ = '\\';
    *at++ = (uint8_t)letter;
    while (n_digits-- > 0)
        *at++ = (uint8_t)"0123456789abcdef"[c >> (4 * n_digits) & 0xf];
}

/* One ASCII character, or a byte. */
static void
put_ascii(struct mpm_buf *out, uint8_t c, uint8_t quote)
{
    const char *letter;

    if (c == quote || c == '\\') {
        mpm__buf_u8(out, '\\');
        mpm__buf_u8(out, c);
    } else if (c >= ' ' && c < 0x7f) {
        mpm__buf_u8(out, c);
    } else if ((letter = memchr("\tt\nn\rr", c, 6)) != NULL) {
        mpm__buf_u8(out, '\\');
        mpm__buf_u8(out, (uint8_t)letter[1]);
    } else {
        put_hex(out, 'x', c, 2);
    }
}

/* How many bytes from the start need no escape. */
static size_t
plain_run(const uint8_t *text, size_t len, uint8_t quote)
{
    size_t n = 0;

    while (n < len && text[n] >= ' ' && text[n] < 0x7f && text[n] != quote && text[n] != '\\')
        n++;
    return n;
}

int
mpm__repr_text(const uint8_t *utf8, size_t len, struct mpm_buf *out)
{
    uint8_t quote = quote_for(utf8, len);
    size_t at, used;
    uint32_t c;

    mpm__buf_u8(out, quote);
    for (at = 0; at < len; at += used) {
        used = plain_run(utf8 + at, len - at, quote);
        if (used != 0) {
            mpm__buf_put(out, utf8 + at, used);
            continue;
        }
        c = mpm__utf8_get(utf8 + at, len - at, &used);
        if (c < 0x80)
            put_ascii(out, (uint8_t)c, quote);
        else if (is_printable(c))
            mpm__buf_put(out, utf8 + at, used);
        else if (c <= 0xff)
            put_hex(out, 'x', c, 2);
        else if (c <= 0xffff)
            put_hex(out, 'u', c, 4);
        else
            put_hex(out, 'U', c, 8);
    }
    mpm__buf_u8(out, quote);
    return out->error;
}

static void
put_bytes(const uint8_t *bytes, size_t len, uint8_t quote, uint8_t escaped, struct mpm_buf *out)
{
    size_t at = 0, n;

    mpm__buf_u8(out, 'b');
    mpm__buf_u8(out, quote);
    while (at < len) {
        n = plain_run(bytes + at, len - at, escaped);
        mpm__buf_put(out, bytes + at, n);
        at += n;
        if (at < len)
            put_ascii(out, bytes[at++], escaped);
    }
    mpm__buf_u8(out, quote);
}

int
mpm__repr_bytes(const uint8_t *bytes, size_t len, struct mpm_buf *out)
{
    uint8_t quote = quote_for(bytes, len);

    put_bytes(bytes, len, quote, quote, out);
    return out->error;
}

int
mpm__repr_bytearray(const uint8_t *bytes, size_t len, struct mpm_buf *out)
{
    mpm__buf_text(out, "bytearray(");
    put_bytes(bytes, len, quote_for(bytes, len), '\'', out); /* escapes a single quote between double ones, too */
    mpm__buf_u8(out, ')');
    return out->error;
}

/* A byte string of Python 2, as Python 3 reads it. */
static int
print_native(struct mpm_printer *p, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] >= 0x80)
            return mpm__repr_bytes(bytes, len, p->out);
    return mpm__repr_text(bytes, len, p->out);
}

static int
print_text(struct mpm_printer *p, struct mpm_ref ref, int kind)
{
    const uint8_t *bytes;
    size_t len;
    int r;

    mpm__buf_clear(&p->scratch);
    r = kind == MPM_K_STR || kind == MPM_K_NATIVE ? mpm__decode_text(ref, &p->scratch, &bytes, &len) :
        mpm__read_bytes(ref, &bytes, &len);
    if (r != 0)
        return r;
    if (kind == MPM_K_STR)
        return mpm__repr_text(bytes, len, p->out);
    if (kind == MPM_K_NATIVE)
        return print_native(p, bytes, len);
    return kind == MPM_K_BYTES ? mpm__repr_bytes(bytes, len, p->out) : mpm__repr_bytearray(bytes, len, p->out);
}

/* --- numbers and names -------------------------------------------------------------------------------------------- */

static int
print_int(struct mpm_printer *p, struct mpm_ref ref)
{
    int64_t v;
    int r = mpm__read_int64(ref, &v);

    if (r == 0) {
        mpm__buf_printf(p->out, "%lld", (long long)v);
        return p->out->error;
    }
    if (r != MPM_ERANGE)
        return r;
    mpm__buf_clear(&p->scratch);
    if ((r = mpm__read_bigint(ref, &p->scratch)) != 0)
        return r;
    return mpm__repr_bigint(p->scratch.data, p->scratch.len, p->out);
}

static int
print_float(struct mpm_printer *p, struct mpm_ref ref)
{
    char text[MPM_DOUBLE_TEXT_MAX];
    double v;
    int r = mpm__read_double(ref, &v);

    if (r != 0)
        return r;
    mpm__repr_double(v, text);
    mpm__buf_text(p->out, text);
    return p->out->error;
}

static bool
is_builtins(const uint8_t *module, size_t len)
{
    return len == 8 && memcmp(module, "builtins", 8) == 0;
}

/* All else there is a class. */
static const char *
text_of_builtin(const uint8_t *name, size_t len)
{
    static const char *const constants[] = { "Ellipsis", "NotImplemented" };

    if (mpm__is_builtin_function(name, len))
        return "<built-in function ";
    for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++)
        if (strlen(constants[i]) == len && memcmp(name, constants[i], len) == 0)
            return "";
    return NULL;
}

/* Module and name as Python 3 has them. */
static int
names_of(struct mpm_ref ref, const uint8_t **module, size_t *module_len, const uint8_t **name, size_t *name_len)
{
    int r = mpm__read_global(ref, module, module_len, name, name_len);

    if (r == 0)
        (void)mpm__name_to(3, module, module_len, name, name_len); /* without a counterpart it stays as it is */
    return r;
}

static void
put_dotted(struct mpm_buf *out, const uint8_t *module, size_t module_len, const uint8_t *name, size_t name_len)
{
    if (!is_builtins(module, module_len)) {
        mpm__buf_put(out, module, module_len);
        mpm__buf_u8(out, '.');
    }
    mpm__buf_put(out, name, name_len);
}

static int
print_global(struct mpm_printer *p, struct mpm_ref ref)
{
    const uint8_t *module, *name;
    size_t module_len, name_len;
    const char *before;
    int r = names_of(ref, &module, &module_len, &name, &name_len);

    if (r == MPM_ENOMEM)
        return r;
    if (r != 0) {
        mpm__buf_text(p->out, "<class>"); /* its name is an escaped protocol-0 literal */
        return p->out->error;
    }
    before = is_builtins(module, module_len) ? text_of_builtin(name, name_len) : NULL;
    if (before != NULL) {
        mpm__buf_text(p->out, before);
        mpm__buf_put(p->out, name, name_len);
        mpm__buf_text(p->out, *before != '\0' ? ">" : "");
        return p->out->error;
    }
    mpm__buf_text(p->out, "<class '");
    put_dotted(p->out, module, module_len, name, name_len);
    mpm__buf_text(p->out, "'>");
    return p->out->error;
}

static int
print_object(struct mpm_printer *p, struct mpm_ref ref)
{
    const uint8_t *module, *name;
    size_t module_len, name_len;
    int r = names_of(ref, &module, &module_len, &name, &name_len);

    if (r == MPM_ENOMEM)
        return r;
    if (r != 0) {
        mpm__buf_text(p->out, "<object>"); /* the result of a call whose class only Python knows */
        return p->out->error;
    }
    r = mpm__print_known(p, ref, module, module_len, name, name_len);
    if (r != MPM_ETYPE)
        return r;
    mpm__buf_u8(p->out, '<');
    put_dotted(p->out, module, module_len, name, name_len);
    mpm__buf_text(p->out, " object>");
    return p->out->error;
}

/* --- what is printed later ---------------------------------------------------------------------------------------- */

static struct mpm_task *
new_task(struct mpm_printer *p)
{
    size_t cap = p->cap_tasks != 0 ? 2 * p->cap_tasks : 16;
    struct mpm_task *tasks;

    if (p->n_tasks == p->cap_tasks) {
        tasks = mpm__resize(p->tasks, cap, sizeof(*tasks));
        if (tasks == NULL)
            return NULL;
        p->tasks = tasks;
        p->cap_tasks = cap;
    }
    memset(&p->tasks[p->n_tasks], 0, sizeof(*p->tasks));
    return &p->tasks[p->n_tasks++];
}

int
mpm__print_later(struct mpm_printer *p, const char *text)
{
    struct mpm_task *task = new_task(p);

    if (task == NULL)
        return MPM_ENOMEM;
    task->kind = TASK_TEXT;
    task->text = text;
    return 0;
}

int
mpm__print_value_later(struct mpm_printer *p, struct mpm_item item)
{
    struct mpm_task *task = new_task(p);

    if (task == NULL)
        return MPM_ENOMEM;
    task->kind = TASK_VALUE;
    task->item = item;
    return 0;
}

int
mpm__print_group_later(struct mpm_printer *p, struct mpm_items *items, size_t from, bool pairs, const char *closer,
    uint32_t root)
{
    struct mpm_task *task = NULL;
    int r = 0;

    if (p->n_groups == MPM_REPR_DEPTH_MAX)
        r = MPM_ELIMIT;
    else if ((task = new_task(p)) == NULL)
        r = MPM_ENOMEM;
    if (r != 0) {
        mpm__items_wipe(items);
        return r;
    }
    p->n_groups++;
    task->kind = TASK_GROUP;
    task->pairs = pairs;
    task->text = closer;
    task->root = root;
    task->items = *items;
    task->first = task->next = from;
    memset(items, 0, sizeof(*items));
    return 0;
}

int
mpm__print_attributes_later(struct mpm_printer *p, struct mpm_items *items, const char *closer, uint32_t root)
{
    int r = mpm__print_group_later(p, items, 0, true, closer, root);

    if (r == 0)
        p->tasks[p->n_tasks - 1].attributes = true;
    return r;
}

int
mpm__print_spend(struct mpm_printer *p, uint64_t work)
{
    if (work > p->work_left)
        return MPM_ELIMIT;
    p->work_left -= work;
    return 0;
}

int
mpm__print_parts(struct mpm_printer *p, struct mpm_item item, struct mpm_items *out)
{
    struct mpm_ref ref = { p->doc, item };
    int r, kind = mpm__kind(&ref);

    if (kind < 0)
        return kind;
    if (kind < MPM_K_TUPLE || kind == MPM_K_GLOBAL)
        return MPM_ETYPE;
    if ((r = mpm__print_spend(p, (uint64_t)(ref.item.end - ref.item.start))) != 0)
        return r;
    return mpm__children(p->doc, ref.item, out);
}

/* The group, further out, that the value is being printed as already; NULL: none. */
static const struct mpm_task *
open_group(const struct mpm_printer *p, uint32_t root)
{
    for (size_t i = 0; i < p->n_tasks; i++)
        if (p->tasks[i].kind == TASK_GROUP && p->tasks[i].root == root)
            return &p->tasks[i];
    return NULL;
}

struct shape {
    const char *opener, *closer, *empty, *inside_itself;
};

static const struct shape shapes[] = {
    [MPM_K_TUPLE] = { "(", ")", "()", "(...)" },
    [MPM_K_LIST] = { "[", "]", "[]", "[...]" },
    [MPM_K_DICT] = { "{", "}", "{}", "{...}" },
    [MPM_K_SET] = { "{", "}", "set()", "set(...)" },
    [MPM_K_FROZENSET] = { "frozenset({", "})", "frozenset()", "frozenset(...)" },
};

static int
print_container(struct mpm_printer *p, struct mpm_ref ref, int kind)
{
    const struct shape *shape = &shapes[kind];
    struct mpm_items items = { 0 };
    int r = mpm__print_parts(p, ref.item, &items);

    if (r != 0 || items.n == 0) {
        mpm__items_wipe(&items);
        if (r == 0)
            mpm__buf_text(p->out, shape->empty);
        return r != 0 ? r : p->out->error;
    }
    mpm__buf_text(p->out, shape->opener);
    r = mpm__print_group_later(p, &items, 0, kind == MPM_K_DICT, shape->closer, ref.item.root);
    if (r == 0)
        p->tasks[p->n_tasks - 1].lone_comma = kind == MPM_K_TUPLE;
    return r != 0 ? r : p->out->error;
}

static int
print_value(struct mpm_printer *p, struct mpm_item item)
{
    struct mpm_ref ref = { p->doc, item };
    const struct mpm_task *outer;
    size_t before = p->out->len;
    bool v;
    int r, kind = mpm__kind(&ref);

    if (kind < 0)
        return kind;
    if (kind >= MPM_K_TUPLE && kind != MPM_K_GLOBAL) {
        p->jumped = p->jumped || ref.item.root != item.root;
        outer = p->jumped ? open_group(p, ref.item.root) : NULL; /* without a reference nothing is inside itself */
        if (outer != NULL && kind != MPM_K_OBJECT) {
            mpm__buf_text(p->out, shapes[kind].inside_itself);
            return p->out->error;
        }
        p->inside_itself = outer != NULL;
        if (p->jumped && (r = mpm__print_spend(p, p->n_tasks)) != 0)
            return r;
    }
    /* to find its class, an instance is walked over */
    if ((kind == MPM_K_OBJECT || kind == MPM_K_GLOBAL) && (r = mpm__print_spend(p, ref.item.end - ref.item.start)) != 0)
        return r;
    switch (kind) {
    case MPM_K_NONE:
        mpm__buf_text(p->out, "None");
        r = p->out->error;
        break;
    case MPM_K_BOOL:
        if ((r = mpm__read_bool(ref, &v)) != 0)
            break;
        mpm__buf_text(p->out, v ? "True" : "False");
        r = p->out->error;
        break;
    case MPM_K_INT:
        r = print_int(p, ref);
        break;
    case MPM_K_FLOAT:
        r = print_float(p, ref);
        break;
    case MPM_K_STR:
    case MPM_K_NATIVE:
    case MPM_K_BYTES:
    case MPM_K_BYTEARRAY:
        r = print_text(p, ref, kind);
        break;
    case MPM_K_GLOBAL:
        r = print_global(p, ref);
        break;
    case MPM_K_OBJECT:
        r = print_object(p, ref);
        break;
    default:
        r = print_container(p, ref, kind);
        break;
    }
    return r != 0 ? r : mpm__print_spend(p, p->out->len - before);
}

static int
print_name(struct mpm_printer *p, struct mpm_item item)
{
    const uint8_t *text;
    size_t len;
    int r;

    mpm__buf_clear(&p->scratch);
    r = mpm__decode_text((struct mpm_ref){ p->doc, item }, &p->scratch, &text, &len);
    if (r == 0)
        mpm__buf_put(p->out, text, len);
    return r != 0 ? r : p->out->error;
}

/* The next step of the innermost group: one item, or its end. */
static int
print_item(struct mpm_printer *p, struct mpm_task *group)
{
    struct mpm_items items;
    size_t at = group->next;

    if (at == group->items.n) {
        if (group->lone_comma && at == 1)
            mpm__buf_u8(p->out, ',');
        mpm__buf_text(p->out, group->text);
        items = group->items;
        p->n_tasks--;
        p->n_groups--;
        mpm__items_wipe(&items);
        return p->out->error;
    }
    if (at != group->first)
        mpm__buf_text(p->out, !group->pairs || (at - group->first) % 2 == 0 ? ", " : group->attributes ? "=" : ": ");
    group->next++;
    if (group->attributes && (at - group->first) % 2 == 0)
        return print_name(p, group->items.v[at]);
    return print_value(p, group->items.v[at]);
}

int
mpm__repr(struct mpm_ref ref, struct mpm_buf *out)
{
    struct mpm_printer p = { .doc = ref.doc, .out = out };
    size_t before = out->len;
    struct mpm_task *task;
    int r;

    p.work_left = WORK_MIN + WORK_PER_BYTE * (uint64_t)ref.doc->len;
    r = print_value(&p, ref.item);
    while (r == 0 && p.n_tasks > 0) {
        task = &p.tasks[p.n_tasks - 1];
        switch (task->kind) {
        case TASK_GROUP:
            r = print_item(&p, task);
            break;
        case TASK_TEXT:
            p.n_tasks--;
            mpm__buf_text(out, task->text);
            r = out->error;
            break;
        case TASK_VALUE:
            p.n_tasks--;
            r = print_value(&p, task->item);
            break;
        }
    }
    for (size_t i = 0; i < p.n_tasks; i++)
        mpm__items_wipe(&p.tasks[i].items);
    mpm__free(p.tasks);
    mpm__buf_wipe(&p.scratch);
    if (r != 0)
        mpm__buf_cut(out, before);
    return r;
}

int
mpm__repr_value(const struct mpm_value *v, struct mpm_buf *out)
{
    struct mpm_open open = { 0 };
    struct mpm_ref ref;
    int r = mpm__open(&open, v, &ref);

    if (r == 0)
        r = mpm__repr(ref, out);
    mpm__close(&open);
    return r;
}

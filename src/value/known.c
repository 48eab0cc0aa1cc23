/*
 * known.c - repr() of instances of standard classes, from the way in which CPython pickles them. Layer: value.
 *
 * A row per class; each function checks all that it needs before it prints, so that an instance made in another way
 * falls back to `<module.Class object>`. Not here: classes whose repr() needs what is not in the pickle (the name of
 * an enum member, the fields of a namedtuple). Source: the __reduce__ and __repr__ of CPython 2.7 to 3.13.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "pickle/opcodes.h"
#include "value/dill.h"
#include "value/packed.h"
#include "value/printer.h"

/* An instance taken apart. */
struct made {
    struct mpm_printer *p;
    struct mpm_ref ref;
    const uint8_t *name;      /* of the class, without the module */
    size_t name_len;
    struct mpm_items parts;   /* callable, arguments, then what was added */
    struct mpm_items args;
    struct mpm_buf decoded;   /* bytes that were written as text */
};

#define ADDED_FROM 2 /* index in parts of the first thing added */

struct known {
    const char *module, *name;
    int (*print)(struct made *m);
};

/* --- help --------------------------------------------------------------------------------------------------------- */

static struct mpm_ref
arg(const struct made *m, size_t i)
{
    return (struct mpm_ref){ m->p->doc, m->args.v[i] };
}

static size_t
n_added(const struct made *m)
{
    return m->parts.n - ADDED_FROM;
}

static void
put(struct made *m, const char *text)
{
    mpm__buf_text(m->p->out, text);
}

static void
put_name(struct made *m)
{
    mpm__buf_put(m->p->out, m->name, m->name_len);
}

static bool
name_is(const struct made *m, const char *text)
{
    return m->name_len == strlen(text) && memcmp(m->name, text, m->name_len) == 0;
}

static int
kind_of(struct mpm_ref ref)
{
    return mpm__kind(&ref);
}

/* The items of an argument that is a list, tuple, set or dict, in its place. Returns 0 or MPM_ETYPE and so on. */
static int
items_of(const struct made *m, struct mpm_ref ref, enum mpm_kind least, enum mpm_kind most, struct mpm_items *out)
{
    int kind = mpm__kind(&ref);

    if (kind < 0)
        return kind;
    return kind < (int)least || kind > (int)most ? MPM_ETYPE : mpm__print_parts(m->p, ref.item, out);
}

/* --- built-in types that older protocols write as a call ---------------------------------------------------------- */

static int
print_collection(struct made *m)
{
    struct mpm_items items = { 0 };
    bool frozen = name_is(m, "frozenset"), set = frozen || name_is(m, "set");
    int r = 0;

    if (m->args.n > 1 || n_added(m) != 0)
        return MPM_ETYPE;
    if (m->args.n == 1)
        r = items_of(m, arg(m, 0), MPM_K_TUPLE, MPM_K_LIST, &items);
    if (r != 0 || items.n == 0) {
        mpm__items_wipe(&items);
        if (r == 0 && set) {
            put_name(m);
            put(m, "()");
        } else if (r == 0) {
            put(m, "[]");
        }
        return r;
    }
    put(m, frozen ? "frozenset({" : set ? "{" : "[");
    return mpm__print_group_later(m->p, &items, 0, false, frozen ? "})" : set ? "}" : "]", m->ref.item.root);
}

/* The bytes that (text, 'latin1') stand for. */
static int
encoded(struct made *m, const struct mpm_items *args, const uint8_t **bytes, size_t *len)
{
    struct mpm_ref coding;
    int r;

    if (args->n == 0) {
        *bytes = NULL;
        *len = 0;
        return 0;
    }
    if (args->n != 2)
        return MPM_ETYPE;
    coding = (struct mpm_ref){ m->p->doc, args->v[1] };
    if (!mpm__text_is(coding, "latin1") && !mpm__text_is(coding, "latin-1"))
        return MPM_ETYPE;
    mpm__buf_clear(&m->p->scratch);
    mpm__buf_clear(&m->decoded);
    r = mpm__decode_text((struct mpm_ref){ m->p->doc, args->v[0] }, &m->p->scratch, bytes, len);
    if (r == 0)
        r = mpm__print_spend(m->p, *len);
    if (r == 0)
        r = mpm__utf8_latin1(*bytes, *len, &m->decoded);
    *bytes = m->decoded.data;
    *len = m->decoded.len;
    return r;
}

/* An argument that is bytes, in protocols below 3 written as _codecs.encode(text, 'latin1') or bytes(). */
static int
bytes_arg(struct made *m, size_t i, const uint8_t **bytes, size_t *len)
{
    struct mpm_items call = { 0 }, args = { 0 };
    const uint8_t *module, *name;
    size_t module_len, name_len;
    int r = mpm__read_bytes(arg(m, i), bytes, len);

    if (r == MPM_EUNSUP) { /* Python 2's str in protocol 0 */
        mpm__buf_clear(&m->decoded);
        r = mpm__decode_text(arg(m, i), &m->decoded, bytes, len);
        return r != 0 ? r : mpm__print_spend(m->p, *len);
    }
    if (r != MPM_ETYPE || kind_of(arg(m, i)) != MPM_K_OBJECT)
        return r;
    if ((r = mpm__read_global(arg(m, i), &module, &module_len, &name, &name_len)) != 0)
        return r;
    if (!(name_len == 6 && memcmp(name, "encode", 6) == 0) && !(name_len == 5 && memcmp(name, "bytes", 5) == 0))
        return MPM_ETYPE;
    r = mpm__print_parts(m->p, m->args.v[i], &call);
    if (r == 0)
        r = call.n == 2 ? mpm__print_parts(m->p, call.v[1], &args) : MPM_ETYPE;
    if (r == 0)
        r = encoded(m, &args, bytes, len);
    mpm__items_wipe(&call);
    mpm__items_wipe(&args);
    return r;
}

/* bytearray(), bytearray(b'..'), bytearray(text, 'latin-1'), bytes(), _codecs.encode(text, 'latin1'). */
static int
print_bytes(struct made *m)
{
    const uint8_t *bytes;
    size_t len;
    int r;

    if (n_added(m) != 0)
        return MPM_ETYPE;
    r = m->args.n == 1 ? bytes_arg(m, 0, &bytes, &len) : encoded(m, &m->args, &bytes, &len);
    if (r != 0)
        return r;
    if (name_is(m, "bytearray"))
        return mpm__repr_bytearray(bytes, len, m->p->out);
    return mpm__repr_bytes(bytes, len, m->p->out);
}

static int
print_complex(struct made *m)
{
    char real[MPM_DOUBLE_TEXT_MAX], imaginary[MPM_DOUBLE_TEXT_MAX];
    double re, im, zero = 0;
    int r;

    if (m->args.n != 2 || (r = mpm__read_double(arg(m, 0), &re)) == MPM_ERANGE)
        return MPM_ETYPE;
    if (r != 0 || (r = mpm__read_double(arg(m, 1), &im)) != 0)
        return r == MPM_ENOMEM ? r : MPM_ETYPE;
    mpm__repr_double_part(re, real);
    mpm__repr_double_part(im, imaginary);
    if (memcmp(&re, &zero, sizeof(re)) == 0) /* -0.0 is shown */
        mpm__buf_printf(m->p->out, "%sj", imaginary);
    else
        mpm__buf_printf(m->p->out, "(%s%s%sj)", real, imaginary[0] == '-' ? "" : "+", imaginary);
    return 0;
}

/* `name(`, the first n arguments, `)`. */
static int
print_call(struct made *m, size_t n)
{
    m->args.n = n;
    put_name(m);
    put(m, "(");
    return mpm__print_group_later(m->p, &m->args, 0, false, ")", m->ref.item.root);
}

static int
print_range(struct made *m)
{
    int64_t step;
    int r;

    if (m->args.n != 3 || kind_of(arg(m, 0)) != MPM_K_INT || kind_of(arg(m, 1)) != MPM_K_INT ||
        kind_of(arg(m, 2)) != MPM_K_INT)
        return MPM_ETYPE;
    r = mpm__read_int64(arg(m, 2), &step);
    return r != 0 && r != MPM_ERANGE ? r : print_call(m, r == 0 && step == 1 ? 2 : 3);
}

static int
print_slice(struct made *m)
{
    return m->args.n == 3 ? print_call(m, 3) : MPM_ETYPE;
}

static bool
ends_with(const struct made *m, const char *text)
{
    size_t len = strlen(text);

    return m->name_len >= len && memcmp(m->name + m->name_len - len, text, len) == 0;
}

/* OSError and its kin keep a file name out of their args. */
static bool
is_os_error(const struct made *m)
{
    static const char *const names[] = { "OSError", "BlockingIOError", "ChildProcessError", "BrokenPipeError",
        "ConnectionAbortedError", "ConnectionRefusedError", "ConnectionResetError", "ConnectionError",
        "FileExistsError", "FileNotFoundError", "InterruptedError", "IsADirectoryError", "NotADirectoryError",
        "PermissionError", "ProcessLookupError", "TimeoutError" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (name_is(m, names[i]))
            return true;
    return false;
}

static int
print_exception(struct made *m)
{
    return print_call(m, is_os_error(m) && m->args.n > 2 ? 2 : m->args.n);
}

static bool
is_builtin_exception(const struct made *m)
{
    return ends_with(m, "Error") || ends_with(m, "Exception") || ends_with(m, "Warning") ||
        ends_with(m, "ExceptionGroup") || name_is(m, "StopIteration") || name_is(m, "StopAsyncIteration") ||
        name_is(m, "KeyboardInterrupt") || name_is(m, "SystemExit") || name_is(m, "GeneratorExit");
}

/* --- datetime ----------------------------------------------------------------------------------------------------- */

/* The packed bytes of a date, datetime or time, and its tzinfo when there is one. */
static int
packed(struct made *m, size_t len, const uint8_t **bytes)
{
    size_t have;
    int r;

    if (m->args.n < 1 || m->args.n > 2 || n_added(m) != 0)
        return MPM_ETYPE;
    r = bytes_arg(m, 0, bytes, &have);
    return r == 0 && have != len ? MPM_ETYPE : r;
}

/* The tzinfo, when there is one, and `closer`. */
static int
print_tzinfo(struct made *m, const char *closer)
{
    int r;

    if (m->args.n < 2) {
        put(m, closer);
        return 0;
    }
    put(m, ", tzinfo=");
    r = mpm__print_later(m->p, closer);
    return r != 0 ? r : mpm__print_value_later(m->p, m->args.v[1]);
}

static int
print_date(struct made *m)
{
    const uint8_t *b;
    int r = packed(m, 4, &b);

    if (r == 0)
        mpm__buf_printf(m->p->out, "datetime.date(%d, %d, %d)", b[0] << 8 | b[1], b[2], b[3]);
    return r;
}

static int
print_datetime(struct made *m)
{
    const uint8_t *b;
    struct mpm_buf *out = m->p->out;
    int microseconds, r = packed(m, 10, &b);

    if (r != 0)
        return r;
    microseconds = b[7] << 16 | b[8] << 8 | b[9];
    mpm__buf_printf(out, "datetime.datetime(%d, %d, %d, %d, %d", b[0] << 8 | b[1], b[2] & 0x7f, b[3], b[4], b[5]);
    if (b[6] != 0 || microseconds != 0)
        mpm__buf_printf(out, ", %d", b[6]);
    if (microseconds != 0)
        mpm__buf_printf(out, ", %d", microseconds);
    put(m, b[2] & 0x80 ? ", fold=1" : "");
    return print_tzinfo(m, ")");
}

static int
print_time(struct made *m)
{
    const uint8_t *b;
    struct mpm_buf *out = m->p->out;
    int microseconds, r = packed(m, 6, &b);

    if (r != 0)
        return r;
    microseconds = b[3] << 16 | b[4] << 8 | b[5];
    mpm__buf_printf(out, "datetime.time(%d, %d", b[0] & 0x7f, b[1]);
    if (b[2] != 0 || microseconds != 0)
        mpm__buf_printf(out, ", %d", b[2]);
    if (microseconds != 0)
        mpm__buf_printf(out, ", %d", microseconds);
    return print_tzinfo(m, b[0] & 0x80 ? ", fold=1)" : ")"); /* here fold comes last */
}

static int
print_timedelta(struct made *m)
{
    static const char *const names[] = { "days", "seconds", "microseconds" };
    int64_t v[3];
    const char *comma = "";

    if (m->args.n != 3 || n_added(m) != 0)
        return MPM_ETYPE;
    for (size_t i = 0; i < 3; i++)
        if (mpm__read_int64(arg(m, i), &v[i]) != 0)
            return MPM_ETYPE;
    put(m, "datetime.timedelta(");
    for (size_t i = 0; i < 3; i++)
        if (v[i] != 0) {
            mpm__buf_printf(m->p->out, "%s%s=%lld", comma, names[i], (long long)v[i]);
            comma = ", ";
        }
    put(m, *comma == '\0' ? "0)" : ")");
    return 0;
}

/* 1 when it is timedelta(0), else 0 or MPM_ENOMEM and so on. */
static int
is_zero_delta(struct made *m, struct mpm_ref delta)
{
    struct mpm_items parts = { 0 }, args = { 0 };
    int64_t v;
    int r = mpm__print_parts(m->p, delta.item, &parts);

    if (r == 0 && parts.n == 2)
        r = mpm__print_parts(m->p, parts.v[1], &args);
    for (size_t i = 0; r == 0 && i < args.n; i++)
        if ((r = mpm__read_int64((struct mpm_ref){ m->p->doc, args.v[i] }, &v)) == 0 && v != 0)
            r = MPM_ETYPE;
    if (r == 0)
        r = args.n == 3;
    mpm__items_wipe(&parts);
    mpm__items_wipe(&args);
    return r == MPM_ETYPE || r == MPM_ERANGE ? 0 : r;
}

static int
print_timezone(struct made *m)
{
    int r;

    if (m->args.n < 1 || m->args.n > 2 || kind_of(arg(m, 0)) != MPM_K_OBJECT)
        return MPM_ETYPE;
    if (m->args.n == 1 && (r = is_zero_delta(m, arg(m, 0))) != 0) {
        if (r == 1)
            put(m, "datetime.timezone.utc");
        return r == 1 ? 0 : r;
    }
    put(m, "datetime.");
    return print_call(m, m->args.n);
}

/* --- numbers, identifiers, paths ---------------------------------------------------------------------------------- */

static int
print_decimal(struct made *m)
{
    int kind;

    if (m->args.n != 1 || n_added(m) != 0)
        return MPM_ETYPE;
    kind = kind_of(arg(m, 0));
    return kind == MPM_K_STR || kind == MPM_K_NATIVE ? print_call(m, 1) : MPM_ETYPE;
}

static bool
is_digits(const uint8_t *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    return len != 0;
}

/* Fraction('1/3'), and since 3.12 Fraction(1, 3). */
static int
print_fraction(struct made *m)
{
    const uint8_t *text, *slash;
    size_t len, n;
    int r;

    if (n_added(m) != 0)
        return MPM_ETYPE;
    if (m->args.n == 2)
        return kind_of(arg(m, 0)) == MPM_K_INT && kind_of(arg(m, 1)) == MPM_K_INT ? print_call(m, 2) : MPM_ETYPE;
    if (m->args.n != 1 || (r = mpm__read_text(arg(m, 0), &text, &len)) == MPM_EUNSUP || len == 0)
        return MPM_ETYPE;
    if (r != 0)
        return r;
    slash = memchr(text, '/', len);
    n = slash != NULL ? (size_t)(slash - text) : len;
    if (!is_digits(text + (*text == '-'), n - (*text == '-')) || (slash != NULL && !is_digits(slash + 1, len - n - 1)))
        return MPM_ETYPE;
    put(m, "Fraction(");
    mpm__buf_put(m->p->out, text, n);
    put(m, ", ");
    mpm__buf_put(m->p->out, slash != NULL ? slash + 1 : (const uint8_t *)"1", slash != NULL ? len - n - 1 : 1);
    put(m, ")");
    return 0;
}

/* An instance whose state is a dict with the key 'int'. */
static int
print_uuid(struct made *m)
{
    struct mpm_items state = { 0 };
    struct mpm_buf *number = &m->p->scratch;
    int r;

    if (n_added(m) != 1)
        return MPM_ETYPE;
    mpm__buf_clear(number);
    r = items_of(m, (struct mpm_ref){ m->p->doc, m->parts.v[ADDED_FROM] }, MPM_K_DICT, MPM_K_DICT, &state);
    if (r != 0)
        goto out;
    r = MPM_ETYPE;
    for (size_t i = 0; i + 1 < state.n; i += 2)
        if (mpm__text_is((struct mpm_ref){ m->p->doc, state.v[i] }, "int")) {
            r = mpm__read_bigint((struct mpm_ref){ m->p->doc, state.v[i + 1] }, number);
            break;
        }
    if (r == 0 && (number->len > 17 || (number->len == 17 && number->data[16] != 0) ||
            (number->len > 0 && number->data[number->len - 1] & 0x80)))
        r = MPM_ETYPE;
    if (r != 0)
        goto out;
    put(m, "UUID('");
    for (int i = 15; i >= 0; i--) {
        mpm__buf_printf(m->p->out, "%02x", (size_t)i < number->len ? number->data[i] : 0);
        if (i == 12 || i == 10 || i == 8 || i == 6)
            put(m, "-");
    }
    put(m, "')");
out:
    mpm__items_wipe(&state);
    return r == MPM_ERANGE ? MPM_ETYPE : r;
}

/* One segment of a POSIX path behind others: an absolute one starts anew, empty parts and "." vanish. */
static void
join_segment(struct mpm_buf *path, size_t *root, const uint8_t *text, size_t len)
{
    size_t n;

    if (len > 0 && text[0] == '/') {
        *root = len > 1 && text[1] == '/' && (len == 2 || text[2] != '/') ? 2 : 1; /* POSIX: exactly two are special */
        mpm__buf_cut(path, 0);
        mpm__buf_put(path, "//", *root);
    }
    while (len > 0) {
        const uint8_t *slash = memchr(text, '/', len);

        n = slash != NULL ? (size_t)(slash - text) : len;
        if (n > 0 && !(n == 1 && text[0] == '.')) {
            if (path->len > *root)
                mpm__buf_u8(path, '/');
            mpm__buf_put(path, text, n);
        }
        n += slash != NULL;
        text += n;
        len -= n;
    }
}

/* PosixPath(segments...): the parts up to 3.12, the texts that it was made from in 3.13. */
static int
print_path(struct made *m)
{
    struct mpm_buf path;
    const uint8_t *text;
    size_t len, root = 0;
    int r = n_added(m) != 0 ? MPM_ETYPE : 0;

    mpm__buf_init(&path, 0);
    for (size_t i = 0; r == 0 && i < m->args.n; i++) {
        mpm__buf_clear(&m->p->scratch);
        r = mpm__decode_text(arg(m, i), &m->p->scratch, &text, &len);
        if (r == 0)
            join_segment(&path, &root, text, len);
    }
    if (path.len == 0 && path.error == 0)
        mpm__buf_u8(&path, '.');
    if (r == 0)
        r = path.error;
    if (r == 0) {
        put_name(m);
        put(m, "(");
        r = mpm__repr_text(path.data, path.len, m->p->out);
        put(m, ")");
    }
    mpm__buf_wipe(&path);
    return r;
}

/* --- collections -------------------------------------------------------------------------------------------------- */

/* What was added to the instance, as a group. */
static int
print_added(struct made *m, bool pairs, const char *closer)
{
    struct mpm_items items = m->parts;

    memset(&m->parts, 0, sizeof(m->parts));
    return mpm__print_group_later(m->p, &items, ADDED_FROM, pairs, closer, m->ref.item.root);
}

/* 2.7: OrderedDict([[key, value], ...]). */
static int
print_old_ordered_dict(struct made *m)
{
    struct mpm_items pairs = { 0 }, flat = { 0 };
    int r;

    if (m->args.n != 1 || n_added(m) != 0)
        return MPM_ETYPE;
    if ((r = items_of(m, arg(m, 0), MPM_K_TUPLE, MPM_K_LIST, &pairs)) != 0)
        goto out;
    for (size_t i = 0; r == 0 && i < pairs.n; i++) {
        r = items_of(m, (struct mpm_ref){ m->p->doc, pairs.v[i] }, MPM_K_TUPLE, MPM_K_LIST, &flat);
        if (r == 0 && flat.n != 2 * (i + 1))
            r = MPM_ETYPE;
    }
    if (r != 0)
        goto out;
    put_name(m);
    put(m, flat.n != 0 ? "({" : "()");
    if (flat.n != 0)
        r = mpm__print_group_later(m->p, &flat, 0, true, "})", m->ref.item.root);
out:
    mpm__items_wipe(&pairs);
    mpm__items_wipe(&flat);
    return r;
}

static int
print_ordered_dict(struct made *m)
{
    if (m->args.n != 0)
        return print_old_ordered_dict(m);
    if (n_added(m) % 2 != 0)
        return MPM_ETYPE; /* it has attributes, too */
    put_name(m);
    if (n_added(m) == 0) {
        put(m, "()");
        return 0;
    }
    put(m, "({");
    return print_added(m, true, "})");
}

static int
print_default_dict(struct made *m)
{
    int r;

    if (m->args.n > 1 || n_added(m) % 2 != 0)
        return MPM_ETYPE;
    put(m, "defaultdict(");
    r = m->p->inside_itself ? mpm__print_later(m->p, ", {...})") : print_added(m, true, "})");
    if (r != 0 || (!m->p->inside_itself && (r = mpm__print_later(m->p, ", {")) != 0))
        return r;
    return m->args.n == 1 ? mpm__print_value_later(m->p, m->args.v[0]) : mpm__print_later(m->p, "None");
}

/* type(None): how the class of a constant, which has no name, is pickled. */
static int
print_type(struct made *m)
{
    struct mpm_ref of;
    int kind;

    if (m->args.n != 1 || n_added(m) != 0)
        return MPM_ETYPE;
    of = arg(m, 0);
    if ((kind = mpm__kind(&of)) < 0)
        return kind;
    if (kind != MPM_K_NONE)
        return MPM_ETYPE;
    put(m, "<class 'NoneType'>");
    return 0;
}

/* deque([], maxlen) with items added; deque(items, maxlen) before. */
static int
print_deque(struct made *m)
{
    struct mpm_items items = { 0 };
    struct mpm_ref maxlen;
    bool limited = false;
    int r = 0;

    if (m->args.n > 2)
        return MPM_ETYPE;
    if (m->args.n == 2) {
        maxlen = arg(m, 1);
        if ((r = mpm__kind(&maxlen)) < 0)
            return r;
        limited = r != MPM_K_NONE;
    }
    r = 0;
    if (m->args.n > 0)
        r = items_of(m, arg(m, 0), MPM_K_TUPLE, MPM_K_LIST, &items);
    if (r == 0 && items.n != 0 && n_added(m) != 0)
        r = MPM_ETYPE;
    if (r != 0) {
        mpm__items_wipe(&items);
        return r;
    }
    put(m, "deque([");
    if (limited)
        r = mpm__print_later(m->p, ")");
    if (r == 0 && limited)
        r = mpm__print_value_later(m->p, m->args.v[1]);
    if (items.n != 0 && r == 0)
        return mpm__print_group_later(m->p, &items, 0, false, limited ? "], maxlen=" : "])", m->ref.item.root);
    mpm__items_wipe(&items);
    return r != 0 ? r : print_added(m, false, limited ? "], maxlen=" : "])");
}

struct counted {
    struct mpm_item key, count;
    int64_t n;
    size_t at;
};

static int
most_common_first(const void *a, const void *b)
{
    const struct counted *x = a, *y = b;

    if (x->n != y->n)
        return x->n > y->n ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at; /* qsort keeps no order of its own */
}

/* Largest count first; as they are when a count is no int, where Python, too, may find them not orderable. */
static int
sort_counts(struct made *m, struct mpm_items *pairs)
{
    size_t n = pairs->n / 2;
    struct counted *v = mpm__array(n, sizeof(*v));
    bool sortable = true;
    int r;

    if (v == NULL)
        return MPM_ENOMEM;
    for (size_t i = 0; i < n && sortable; i++) {
        v[i] = (struct counted){ .key = pairs->v[2 * i], .count = pairs->v[2 * i + 1], .at = i };
        r = mpm__read_int64((struct mpm_ref){ m->p->doc, v[i].count }, &v[i].n);
        if (r == MPM_ENOMEM) {
            mpm__free(v);
            return r;
        }
        sortable = r == 0;
    }
    if (sortable) {
        qsort(v, n, sizeof(*v), most_common_first);
        for (size_t i = 0; i < n; i++) {
            pairs->v[2 * i] = v[i].key;
            pairs->v[2 * i + 1] = v[i].count;
        }
    }
    mpm__free(v);
    return 0;
}

static int
print_counter(struct made *m)
{
    struct mpm_items pairs = { 0 };
    int r = 0;

    if (m->args.n != 1 || n_added(m) != 0)
        return MPM_ETYPE;
    r = items_of(m, arg(m, 0), MPM_K_DICT, MPM_K_DICT, &pairs);
    if (r == 0 && pairs.n != 0)
        r = sort_counts(m, &pairs);
    if (r != 0 || pairs.n == 0) {
        mpm__items_wipe(&pairs);
        put(m, r == 0 ? "Counter()" : "");
        return r;
    }
    put(m, "Counter({");
    return mpm__print_group_later(m->p, &pairs, 0, true, "})", m->ref.item.root);
}

/* --- proxies ------------------------------------------------------------------------------------------------------ */

/* RebuildProxy(class or AutoProxy, token, serializer, kwds), with the ident in place of the address that Python
 * shows. */
static int
print_proxy(struct made *m)
{
    struct mpm_token_ref token;
    const uint8_t *module, *class_name, *typeid, *ident;
    size_t module_len, class_len, typeid_len, ident_len;
    int r;

    if (m->args.n != 4)
        return MPM_ETYPE;
    if ((r = mpm__read_token(m->ref, &token)) != 0 ||
        (r = mpm__read_global(arg(m, 0), &module, &module_len, &class_name, &class_len)) != 0 ||
        (r = mpm__read_text(token.typeid, &typeid, &typeid_len)) != 0 ||
        (r = mpm__read_text(token.ident, &ident, &ident_len)) != 0)
        return r == MPM_ENOMEM ? r : MPM_ETYPE;
    put(m, "<");
    mpm__buf_put(m->p->out, class_name, class_len);
    if (class_len == 9 && memcmp(class_name, "AutoProxy", 9) == 0) {
        put(m, "[");
        mpm__buf_put(m->p->out, typeid, typeid_len);
        put(m, "]");
    }
    put(m, " object, typeid ");
    if ((r = mpm__repr_text(typeid, typeid_len, m->p->out)) != 0)
        return r;
    put(m, " at 0x");
    mpm__buf_put(m->p->out, ident, ident_len);
    put(m, ">");
    return 0;
}

/* --- dill --------------------------------------------------------------------------------------------------------- */

static int
print_dill_type(struct made *m)
{
    const uint8_t *name;
    size_t len;
    int r = mpm__dill_type(m->ref, &name, &len);

    if (r != 0)
        return r;
    put(m, "<class '");
    mpm__buf_put(m->p->out, name, len);
    put(m, "'>");
    return 0;
}

static int
print_dill_repr(struct made *m)
{
    const uint8_t *text;
    int64_t fields[3];
    size_t len;
    int r = mpm__dill_repr(m->ref, &text, &len);

    if (r != 0)
        return r;
    if (!mpm__dill_constant(text, len) && !mpm__dill_range(text, len, fields))
        return MPM_ETYPE;
    mpm__buf_put(m->p->out, text, len);
    return 0;
}

/* --- array.array -------------------------------------------------------------------------------------------------- */

/* The typecode that argument i is; MPM_ETYPE: none. */
static int
typecode_arg(struct made *m, size_t i, const struct mpm_typecode **type)
{
    const uint8_t *code;
    size_t len;
    int r;

    mpm__buf_clear(&m->p->scratch);
    if ((r = mpm__decode_text(arg(m, i), &m->p->scratch, &code, &len)) != 0)
        return r;
    *type = len == 1 ? mpm__typecode(*code, true) : NULL;
    return *type != NULL ? 0 : MPM_ETYPE;
}

static int
print_listed_items(struct made *m, const struct mpm_typecode *type, const struct mpm_items *items)
{
    uint8_t item[8];
    int r = 0;

    mpm__buf_clear(&m->decoded);
    for (size_t i = 0; r == 0 && i < items->n; i++)
        if ((r = mpm__item_from(type, (struct mpm_ref){ m->p->doc, items->v[i] }, item)) == 0) {
            mpm__buf_put(&m->decoded, item, type->size);
            r = m->decoded.error;
        }
    return r != 0 ? r : mpm__repr_array(type, m->decoded.data, items->n, m->p->out);
}

/* array(typecode, list), as array.__reduce_ex__ has it up to protocol 2; array(typecode, bytes), as managers have it
 * in all protocols; array(typecode). */
static int
print_plain_array(struct made *m)
{
    struct mpm_items items = { 0 };
    const struct mpm_typecode *type = NULL;
    const uint8_t *bytes = NULL;
    size_t len = 0;
    int r;

    if (m->args.n < 1 || m->args.n > 2 || n_added(m) != 0)
        return MPM_ETYPE;
    if ((r = typecode_arg(m, 0, &type)) != 0)
        return r;
    if (m->args.n == 2 && kind_of(arg(m, 1)) == MPM_K_LIST) {
        r = mpm__print_parts(m->p, m->args.v[1], &items);
        if (r == 0)
            r = print_listed_items(m, type, &items);
        mpm__items_wipe(&items);
        return r;
    }
    if (m->args.n == 2)
        r = bytes_arg(m, 1, &bytes, &len);
    if (r == 0 && len % type->size != 0)
        r = MPM_ETYPE;
    return r != 0 ? r : mpm__repr_array(type, bytes, len / type->size, m->p->out);
}

/* _array_reconstructor(class, typecode, format, bytes), from protocol 3 on. */
static int
print_packed_array(struct made *m)
{
    const struct mpm_typecode *type;
    const uint8_t *module, *name, *bytes;
    size_t module_len, name_len, len;
    struct mpm_buf native;
    int64_t format;
    int r;

    if (m->args.n != 4 || n_added(m) != 0)
        return MPM_ETYPE;
    if ((r = mpm__read_global(arg(m, 0), &module, &module_len, &name, &name_len)) != 0 ||
        (r = typecode_arg(m, 1, &type)) != 0 || (r = mpm__read_int64(arg(m, 2), &format)) != 0 ||
        (r = bytes_arg(m, 3, &bytes, &len)) != 0 || (r = mpm__print_spend(m->p, len)) != 0)
        return r;
    if (module_len != 5 || memcmp(module, "array", 5) != 0 || name_len != 5 || memcmp(name, "array", 5) != 0)
        return MPM_ETYPE;
    mpm__buf_init(&native, 0);
    if ((r = mpm__items_of_format(&type, format, &native, &bytes, &len)) == 1)
        r = mpm__repr_array(type, bytes, len / type->size, m->p->out);
    else if (r == 0)
        r = MPM_ETYPE;
    mpm__buf_wipe(&native);
    return r;
}

/* Whatever is wrong with it, it is one. */
static int
print_array(struct made *m)
{
    int r = name_is(m, "array") ? print_plain_array(m) : print_packed_array(m);

    if (r == MPM_ENOMEM || r == MPM_ETOOBIG || r == MPM_ELIMIT)
        return r;
    put(m, r != 0 ? "<array.array object>" : "");
    return 0;
}

/* --- what managers share ------------------------------------------------------------------------------------------- */

/* The attributes of an instance: names, which are all text, and values in turn. None is no error. */
static int
attributes_of(struct made *m, struct mpm_items *out)
{
    int r;

    if (m->args.n != 0 || n_added(m) > 1)
        return MPM_ETYPE;
    if (n_added(m) == 0)
        return 0;
    r = items_of(m, (struct mpm_ref){ m->p->doc, m->parts.v[ADDED_FROM] }, MPM_K_DICT, MPM_K_DICT, out);
    for (size_t i = 0; r == 0 && i < out->n; i += 2) {
        int kind = kind_of((struct mpm_ref){ m->p->doc, out->v[i] });

        if (kind != MPM_K_STR && kind != MPM_K_NATIVE)
            r = kind < 0 ? kind : MPM_ETYPE;
    }
    return r;
}

struct attribute {
    struct mpm_item name, value;
    const uint8_t *text;
    size_t len;
};

/* As CPython sorts "name=value": the sign behind a name counts, and names differ. */
static int
by_name(const void *a, const void *b)
{
    const struct attribute *x = a, *y = b;
    size_t n = x->len < y->len ? x->len : y->len;
    int r = n != 0 ? memcmp(x->text, y->text, n) : 0;

    if (r != 0 || x->len == y->len)
        return r;
    return x->len < y->len ? '=' - y->text[n] : x->text[n] - '=';
}

/* Less those that begin with an underscore, sorted. */
static int
sort_shown(struct made *m, struct mpm_items *items)
{
    struct attribute *v = mpm__array(items->n / 2, sizeof *v);
    size_t n = 0;
    int r = v != NULL ? 0 : MPM_ENOMEM;

    for (size_t i = 0; r == 0 && i < items->n; i += 2) {
        v[n] = (struct attribute){ .name = items->v[i], .value = items->v[i + 1] };
        r = mpm__read_text((struct mpm_ref){ m->p->doc, v[n].name }, &v[n].text, &v[n].len);
        n += r == 0 && (v[n].len == 0 || v[n].text[0] != '_');
    }
    if (r == 0) {
        qsort(v, n, sizeof *v, by_name);
        for (size_t i = 0; i < n; i++) {
            items->v[2 * i] = v[i].name;
            items->v[2 * i + 1] = v[i].value;
        }
        items->n = 2 * n;
    }
    mpm__free(v);
    return r == MPM_EUNSUP ? MPM_ETYPE : r; /* a name as protocol 0 writes it */
}

static int
print_namespace(struct made *m)
{
    struct mpm_items items = { 0 };
    int r = attributes_of(m, &items);

    if (r == 0 && items.n != 0)
        r = sort_shown(m, &items);
    if (r != 0) {
        mpm__items_wipe(&items);
        return r;
    }
    put(m, "Namespace(");
    return mpm__print_attributes_later(m->p, &items, ")", m->ref.item.root);
}

static int
print_shared_value(struct made *m)
{
    struct mpm_items items = { 0 };
    int r = attributes_of(m, &items);

    if (r == 0 && (items.n != 4 || !mpm__text_is((struct mpm_ref){ m->p->doc, items.v[0] }, "_typecode") ||
            !mpm__text_is((struct mpm_ref){ m->p->doc, items.v[2] }, "_value")))
        r = MPM_ETYPE;
    if (r != 0) {
        mpm__items_wipe(&items);
        return r;
    }
    items.v[0] = items.v[1];
    items.v[1] = items.v[3];
    items.n = 2;
    put(m, "Value(");
    return mpm__print_group_later(m->p, &items, 0, false, ")", m->ref.item.root);
}

/* --- the table ---------------------------------------------------------------------------------------------------- */

static const struct known by_reduce[] = {
    { "builtins", "set", print_collection },
    { "builtins", "frozenset", print_collection },
    { "builtins", "list", print_collection },
    { "builtins", "bytearray", print_bytes },
    { "builtins", "bytes", print_bytes },
    { "_codecs", "encode", print_bytes },
    { "builtins", "complex", print_complex },
    { "builtins", "range", print_range },
    { "builtins", "slice", print_slice },
    { "builtins", "type", print_type },
    { "datetime", "date", print_date },
    { "datetime", "datetime", print_datetime },
    { "datetime", "time", print_time },
    { "datetime", "timedelta", print_timedelta },
    { "datetime", "timezone", print_timezone },
    { "decimal", "Decimal", print_decimal },
    { "fractions", "Fraction", print_fraction },
    { "pathlib", "PosixPath", print_path },
    { "pathlib", "PurePosixPath", print_path },
    { "pathlib._local", "PosixPath", print_path },
    { "pathlib._local", "PurePosixPath", print_path },
    { "array", "array", print_array },
    { "array", "_array_reconstructor", print_array },
    { "collections", "OrderedDict", print_ordered_dict },
    { "collections", "defaultdict", print_default_dict },
    { "collections", "deque", print_deque },
    { "collections", "Counter", print_counter },
    { "queue", "Empty", print_exception },
    { "queue", "Full", print_exception },
    { "queue", "ShutDown", print_exception },
    { "_queue", "Empty", print_exception },
    { "threading", "BrokenBarrierError", print_exception },
    { "multiprocessing.context", "TimeoutError", print_exception },
    { "multiprocessing.managers", "RemoteError", print_exception },
    { "multiprocessing.managers", "RebuildProxy", print_proxy },
    { MPM_DILL_MODULE, MPM_DILL_TYPE, print_dill_type },
    { MPM_DILL_MODULE, MPM_DILL_REPR, print_dill_repr },
};

/* Made by NEWOBJ, or by copyreg's helpers in protocols 0 and 1. */
static const struct known by_new[] = {
    { "uuid", "UUID", print_uuid },
    { "multiprocessing.managers", "Namespace", print_namespace },
    { "multiprocessing.managers", "Value", print_shared_value },
};

static const struct known *
find(const struct known *rows, size_t n, const uint8_t *module, size_t module_len, const uint8_t *name,
    size_t name_len)
{
    for (size_t i = 0; i < n; i++)
        if (strlen(rows[i].name) == name_len && memcmp(rows[i].name, name, name_len) == 0 &&
            strlen(rows[i].module) == module_len && memcmp(rows[i].module, module, module_len) == 0)
            return &rows[i];
    return NULL;
}

int
mpm__print_known(struct mpm_printer *p, struct mpm_ref ref, const uint8_t *module, size_t module_len,
    const uint8_t *name, size_t name_len)
{
    static const struct known exception = { "builtins", "", print_exception };
    struct made m = { .p = p, .ref = ref, .name = name, .name_len = name_len };
    uint8_t opcode = p->doc->bytes[ref.item.root];
    const struct known *known = NULL;
    int r;

    if (opcode == MPM_OP_REDUCE)
        known = find(by_reduce, sizeof(by_reduce) / sizeof(by_reduce[0]), module, module_len, name, name_len);
    if (known == NULL && (opcode == MPM_OP_NEWOBJ || opcode == MPM_OP_REDUCE))
        known = find(by_new, sizeof(by_new) / sizeof(by_new[0]), module, module_len, name, name_len);
    if (known == NULL && opcode == MPM_OP_REDUCE && module_len == 8 && memcmp(module, "builtins", 8) == 0 &&
        is_builtin_exception(&m))
        known = &exception;
    if (known == NULL)
        return MPM_ETYPE;
    if (p->inside_itself && known->print != print_default_dict) {
        mpm__buf_text(p->out, known->print == print_deque ? "[...]" : "...");
        return p->out->error;
    }
    if ((r = mpm__print_parts(p, ref.item, &m.parts)) != 0)
        goto out;
    r = m.parts.n < ADDED_FROM ? MPM_ETYPE :
        items_of(&m, (struct mpm_ref){ p->doc, m.parts.v[1] }, MPM_K_TUPLE, MPM_K_TUPLE, &m.args);
    if (r == 0)
        r = known->print(&m);
    if (r == 0)
        r = p->out->error;
out:
    mpm__items_wipe(&m.args);
    mpm__items_wipe(&m.parts);
    mpm__buf_wipe(&m.decoded);
    return r;
}

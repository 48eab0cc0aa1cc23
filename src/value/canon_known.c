/*
 * canon_known.c - what calling a well-known class gives, in canonical form. Layer: value.
 *
 * Works on forms (form.h), not on pickles: by the time a call is met, its class and arguments are in the one form that
 * they have in every protocol and version of Python. A row per class; a function that finds other arguments than
 * CPython pickles lets the call be an instance like any other. Source: the __reduce__ and __eq__ of CPython 2.7 to
 * 3.13.
 */
#include <string.h>

#include "base/utf8.h"
#include "value/dill.h"
#include "value/form.h"

#define ARGS_MAX 4
#define DAY_US INT64_C(86400000000)

struct call {
    struct mpm_canon *canon;
    struct mpm_buf *to;           /* the result, which takes the place of class and arguments */
    const uint8_t *args[ARGS_MAX];
    uint32_t n;                   /* of arguments; there may be more than args[] holds */
    uint64_t *work;
    struct mpm_made made;
};

struct row {
    const char *module, *name;
    int (*make)(struct call *c);
};

/* --- help --------------------------------------------------------------------------------------------------------- */

static bool
is_letter(const struct call *c, uint32_t i, uint8_t letter)
{
    return i < c->n && *c->args[i] == letter;
}

static bool
arg_int(const struct call *c, uint32_t i, int64_t *out)
{
    if (!is_letter(c, i, MPM_FORM_INT))
        return false;
    *out = (int64_t)mpm__form_u64(c->args[i] + 1);
    return true;
}

static const uint8_t *
arg_counted(const struct call *c, uint32_t i, size_t *len)
{
    return mpm__form_counted(c->args[i] + 1, len);
}

/* A group with the content of another. */
static int
put_group(struct call *c, uint8_t letter, const uint8_t *content)
{
    size_t size = content != NULL ? (size_t)mpm__form_u64(content + 1) : 0;
    uint8_t *head = mpm__buf_add(c->to, MPM_FORM_HEAD + size);

    if (head == NULL)
        return c->to->error;
    head[0] = letter;
    mpm__form_set_u64(head + 1, size);
    mpm__form_set_u32(head + 9, content != NULL ? mpm__form_count(content) : 0);
    if (size != 0)
        memcpy(head + MPM_FORM_HEAD, content + MPM_FORM_HEAD, size);
    return 0;
}

static int
put_payload(struct call *c, uint8_t letter, const uint8_t *bytes, size_t len)
{
    mpm__buf_u8(c->to, letter);
    mpm__form_put_counted(c->to, bytes, len);
    return c->to->error;
}

static int
put_int64(struct call *c, uint8_t letter, int64_t v)
{
    uint8_t bytes[8];

    mpm__form_set_u64(bytes, (uint64_t)v);
    return put_payload(c, letter, bytes, sizeof bytes);
}

/* --- collections -------------------------------------------------------------------------------------------------- */

/* A group of what the first argument has, if there is one. */
static int
make_group(struct call *c, uint8_t letter, enum mpm_cell_kind kind, enum mpm_unhashable unhashable)
{
    if (c->n > 0 && !is_letter(c, 0, MPM_FORM_LIST) && !is_letter(c, 0, MPM_FORM_TUPLE) && !is_letter(c, 0, MPM_FORM_SET))
        return MPM_ETYPE;
    c->made = (struct mpm_made){ (uint8_t)kind, (uint8_t)unhashable };
    return put_group(c, letter, c->n > 0 ? c->args[0] : NULL);
}

static int
make_set(struct call *c)
{
    return c->n > 1 ? MPM_ETYPE : make_group(c, MPM_FORM_SET, MPM_CELL_SET, MPM_UNHASHABLE_SET);
}

static int
make_frozenset(struct call *c)
{
    return c->n > 1 ? MPM_ETYPE : make_group(c, MPM_FORM_SET, MPM_CELL_SET, MPM_UNHASHABLE_NONE);
}

static int
make_list(struct call *c)
{
    return c->n > 1 ? MPM_ETYPE : make_group(c, MPM_FORM_LIST, MPM_CELL_LIST, MPM_UNHASHABLE_LIST);
}

/* The greatest length, the other argument, does not count for ==. */
static int
make_deque(struct call *c)
{
    return c->n > 2 ? MPM_ETYPE : make_group(c, MPM_FORM_DEQUE, MPM_CELL_LIST, MPM_UNHASHABLE_DEQUE);
}

static int
make_empty_dict(struct call *c, enum mpm_unhashable unhashable)
{
    c->made = (struct mpm_made){ MPM_CELL_DICT, (uint8_t)unhashable };
    return put_group(c, MPM_FORM_DICT, NULL);
}

/* Python 2.7 gives a list of pairs. */
static int
make_ordered_dict(struct call *c)
{
    const uint8_t *pair;
    uint32_t n;
    uint8_t *head;

    if (c->n == 0)
        return make_empty_dict(c, MPM_UNHASHABLE_ORDEREDDICT);
    if (c->n != 1 || (*c->args[0] != MPM_FORM_LIST && *c->args[0] != MPM_FORM_TUPLE))
        return MPM_ETYPE;
    n = mpm__form_count(c->args[0]);
    pair = c->args[0] + MPM_FORM_HEAD;
    if (make_empty_dict(c, MPM_UNHASHABLE_ORDEREDDICT) != 0)
        return c->to->error;
    for (uint32_t i = 0; i < n; i++, pair = mpm__form_skip(pair)) {
        if ((*pair != MPM_FORM_LIST && *pair != MPM_FORM_TUPLE) || mpm__form_count(pair) != 2)
            return MPM_ETYPE;
        mpm__buf_put(c->to, pair + MPM_FORM_HEAD, (size_t)mpm__form_u64(pair + 1));
    }
    if (c->to->error != 0)
        return c->to->error;
    head = c->to->data;
    mpm__form_set_u64(head + 1, c->to->len - MPM_FORM_HEAD);
    mpm__form_set_u32(head + 9, n);
    return 0;
}

static int
make_default_dict(struct call *c)
{
    return c->n > 1 ? MPM_ETYPE : make_empty_dict(c, MPM_UNHASHABLE_DEFAULTDICT);
}

static int
make_counter(struct call *c)
{
    if (c->n == 0)
        return make_empty_dict(c, MPM_UNHASHABLE_COUNTER);
    if (c->n != 1 || *c->args[0] != MPM_FORM_DICT)
        return MPM_ETYPE;
    c->made = (struct mpm_made){ MPM_CELL_DICT, MPM_UNHASHABLE_COUNTER };
    return put_group(c, MPM_FORM_DICT, c->args[0]);
}

/* --- bytes -------------------------------------------------------------------------------------------------------- */

/* Appends the bytes that an argument stands for: bytes, or a text of the characters U+0000 to U+00FF. */
static int
put_latin1(const struct call *c, uint32_t i, struct mpm_buf *to)
{
    const uint8_t *text;
    size_t len;

    if (!is_letter(c, i, MPM_FORM_BYTES) && !is_letter(c, i, MPM_FORM_TEXT))
        return MPM_ETYPE;
    text = arg_counted(c, i, &len);
    if (is_letter(c, i, MPM_FORM_TEXT))
        return mpm__utf8_latin1(text, len, to);
    mpm__buf_put(to, text, len);
    return to->error;
}

static bool
is_latin1(const struct call *c, uint32_t i)
{
    const uint8_t *text;
    size_t len;

    if (!is_letter(c, i, MPM_FORM_TEXT))
        return false;
    text = arg_counted(c, i, &len);
    return (len == 6 && memcmp(text, "latin1", 6) == 0) || (len == 7 && memcmp(text, "latin-1", 7) == 0);
}

/* (), (bytes,) or (text, 'latin1') */
static int
make_bytes(struct call *c)
{
    struct mpm_buf bytes = { 0 };
    int r = 0;

    if (c->n > 2 || (c->n == 1 && !is_letter(c, 0, MPM_FORM_BYTES) && !is_letter(c, 0, MPM_FORM_TEXT)) ||
        (c->n == 2 && !is_latin1(c, 1)))
        return MPM_ETYPE;
    if (c->n > 0)
        r = put_latin1(c, 0, &bytes);
    if (r == 0)
        r = put_payload(c, MPM_FORM_BYTES, bytes.data, bytes.len);
    mpm__buf_wipe(&bytes);
    return r;
}

static int
make_bytearray(struct call *c)
{
    c->made.unhashable = MPM_UNHASHABLE_BYTEARRAY;
    return make_bytes(c);
}

static int
make_encoded(struct call *c)
{
    return c->n == 2 ? make_bytes(c) : MPM_ETYPE;
}

/* --- numbers ------------------------------------------------------------------------------------------------------ */

static bool
is_number(const uint8_t *p)
{
    return *p == MPM_FORM_INT || *p == MPM_FORM_NUMBER || *p == MPM_FORM_INFINITY;
}

static int
make_complex(struct call *c)
{
    size_t real, imaginary;
    int64_t zero;
    uint8_t head[MPM_FORM_HEAD] = { MPM_FORM_COMPLEX };

    if (c->n != 2 || !is_number(c->args[0]) || !is_number(c->args[1]))
        return MPM_ETYPE;
    real = (size_t)(mpm__form_skip(c->args[0]) - c->args[0]);
    imaginary = (size_t)(mpm__form_skip(c->args[1]) - c->args[1]);
    if (arg_int(c, 1, &zero) && zero == 0) {
        c->canon->was_complex = true;
        mpm__buf_put(c->to, c->args[0], real);
        return c->to->error;
    }
    mpm__form_set_u64(head + 1, real + imaginary);
    mpm__form_set_u32(head + 9, 2);
    mpm__buf_put(c->to, head, sizeof head);
    mpm__buf_put(c->to, c->args[0], real);
    mpm__buf_put(c->to, c->args[1], imaginary);
    return c->to->error;
}

static int
make_decimal(struct call *c)
{
    const uint8_t *text;
    size_t len;
    int r;

    if (c->n != 1 || !is_letter(c, 0, MPM_FORM_TEXT))
        return MPM_ETYPE;
    text = arg_counted(c, 0, &len);
    r = mpm__exact_decimal(text, len, c->work, c->to);
    if (r != 1)
        return r;
    c->canon->is_nan = true;
    mpm__buf_put(c->to, (const uint8_t[]){ MPM_FORM_INFINITY, 5, MPM_FORM_NAN }, 3);
    mpm__buf_le(c->to, c->canon->salt, 4);
    return c->to->error;
}

static int
make_fraction(struct call *c)
{
    const uint8_t *text;
    size_t len;

    if (c->n == 2 && is_number(c->args[0]) && is_number(c->args[1]))
        return mpm__exact_quotient(c->args[0], c->args[1], c->to);
    if (c->n != 1 || !is_letter(c, 0, MPM_FORM_TEXT))
        return MPM_ETYPE;
    text = arg_counted(c, 0, &len);
    return mpm__exact_fraction(text, len, c->work, c->to);
}

/* Ranges are equal when they give the same ints. */
static int
put_range(struct call *c, int64_t start, int64_t stop, int64_t step)
{
    __int128 n = 0;
    uint8_t *head;

    if (step > 0 && stop > start)
        n = ((__int128)stop - start + step - 1) / step;
    else if (step < 0 && stop < start)
        n = ((__int128)start - stop - step - 1) / -(__int128)step;
    if (n > INT64_MAX)
        return MPM_ETYPE;
    if (put_group(c, MPM_FORM_RANGE, NULL) != 0)
        return c->to->error;
    mpm__exact_int64((int64_t)n, c->to);
    if (n > 0)
        mpm__exact_int64(start, c->to);
    if (n > 1)
        mpm__exact_int64(step, c->to);
    if (c->to->error != 0)
        return c->to->error;
    head = c->to->data;
    mpm__form_set_u64(head + 1, c->to->len - MPM_FORM_HEAD);
    mpm__form_set_u32(head + 9, 1 + (n > 0) + (n > 1));
    return 0;
}

static int
make_range(struct call *c)
{
    int64_t start, stop, step;

    if (c->n != 3 || !arg_int(c, 0, &start) || !arg_int(c, 1, &stop) || !arg_int(c, 2, &step) || step == 0)
        return MPM_ETYPE;
    return put_range(c, start, stop, step);
}

/* --- dill --------------------------------------------------------------------------------------------------------- */

/* As the global is that pickle writes. */
static int
put_builtin(struct call *c, const uint8_t *name, size_t len)
{
    mpm__buf_u8(c->to, MPM_FORM_CLASS);
    mpm__form_put_counted(c->to, (const uint8_t *)"builtins", strlen("builtins"));
    mpm__form_put_counted(c->to, name, len);
    return c->to->error;
}

static int
make_dill_type(struct call *c)
{
    const uint8_t *name;
    size_t len;

    if (c->n != 1 || !is_letter(c, 0, MPM_FORM_TEXT))
        return MPM_ETYPE;
    name = arg_counted(c, 0, &len);
    return put_builtin(c, name, len);
}

static int
make_dill_repr(struct call *c)
{
    const uint8_t *text;
    int64_t fields[3];
    size_t len;

    if (c->n != 1 || !is_letter(c, 0, MPM_FORM_TEXT))
        return MPM_ETYPE;
    text = arg_counted(c, 0, &len);
    if (mpm__dill_constant(text, len))
        return put_builtin(c, text, len);
    return mpm__dill_range(text, len, fields) ? put_range(c, fields[0], fields[1], fields[2]) : MPM_ETYPE;
}

/* --- dates and times ---------------------------------------------------------------------------------------------- */

/* The packed bytes that the first argument is: exactly len of them. */
static int
packed(const struct call *c, size_t len, uint8_t *out)
{
    struct mpm_buf bytes = { 0 };
    int r = put_latin1(c, 0, &bytes);

    if (r == 0 && bytes.len != len)
        r = MPM_ETYPE;
    if (r == 0)
        memcpy(out, bytes.data, len);
    mpm__buf_wipe(&bytes);
    return r;
}

/* Days from 1970-01-01 in the Gregorian calendar of all times. */
static int64_t
days_of(int year, int month, int day)
{
    static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
    int64_t past = year - 1;
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return past * 365 + past / 4 - past / 100 + past / 400 + before[month - 1] + (is_leap && month > 2) + day - 1 - 719162;
}

/* The microsecond of the day in hour, minute, second and three bytes. */
static int64_t
time_of_day(const uint8_t *b)
{
    return ((b[0] * INT64_C(60) + b[1]) * 60 + b[2]) * 1000000 + (b[3] << 16 | b[4] << 8 | b[5]);
}

/* What is aware of its zone counts by the instant, when the zone is a fixed offset; others (zoneinfo) stay
 * instances. */
static int
make_datetime(struct call *c)
{
    uint8_t b[10];
    size_t len;
    int64_t offset;
    int r;

    if (c->n < 1 || c->n > 2 || (c->n == 2 && !is_letter(c, 1, MPM_FORM_ZONE)))
        return MPM_ETYPE;
    if ((r = packed(c, sizeof b, b)) != 0)
        return r;
    b[2] &= 0x7f; /* fold does not count */
    if (b[2] < 1 || b[2] > 12)
        return MPM_ETYPE;
    if (c->n == 1)
        return put_payload(c, MPM_FORM_DATETIME, b, sizeof b);
    offset = (int64_t)mpm__form_u64(arg_counted(c, 1, &len));
    return put_int64(c, MPM_FORM_INSTANT, days_of(b[0] << 8 | b[1], b[2], b[3]) * DAY_US + time_of_day(b + 4) - offset);
}

static int
make_time(struct call *c)
{
    uint8_t b[6];
    size_t len;
    int64_t offset;
    int r;

    if (c->n < 1 || c->n > 2 || (c->n == 2 && !is_letter(c, 1, MPM_FORM_ZONE)))
        return MPM_ETYPE;
    if ((r = packed(c, sizeof b, b)) != 0)
        return r;
    b[0] &= 0x7f;
    if (c->n == 1)
        return put_payload(c, MPM_FORM_TIME, b, sizeof b);
    offset = (int64_t)mpm__form_u64(arg_counted(c, 1, &len));
    return put_int64(c, MPM_FORM_AWARE_TIME, time_of_day(b) - offset);
}

static int
make_date(struct call *c)
{
    uint8_t b[4];
    int r = c->n == 1 ? packed(c, sizeof b, b) : MPM_ETYPE;

    return r != 0 ? r : put_payload(c, MPM_FORM_DATE, b, sizeof b);
}

/* Days, and microseconds of the day. */
static int
make_delta(struct call *c)
{
    int64_t days, seconds, us;
    uint8_t bytes[16];

    if (c->n != 3 || !arg_int(c, 0, &days) || !arg_int(c, 1, &seconds) || !arg_int(c, 2, &us) ||
        days < -999999999 || days > 999999999 || seconds < 0 || seconds >= 86400 || us < 0 || us >= 1000000)
        return MPM_ETYPE;
    mpm__form_set_u64(bytes, (uint64_t)days);
    mpm__form_set_u64(bytes + 8, (uint64_t)(seconds * 1000000 + us));
    return put_payload(c, MPM_FORM_DELTA, bytes, sizeof bytes);
}

/* Its name does not count. */
static int
make_zone(struct call *c)
{
    const uint8_t *delta;
    int64_t days;
    size_t len;

    if (c->n < 1 || c->n > 2 || !is_letter(c, 0, MPM_FORM_DELTA))
        return MPM_ETYPE;
    delta = arg_counted(c, 0, &len);
    days = (int64_t)mpm__form_u64(delta);
    if (days < -1 || days > 0)
        return MPM_ETYPE;
    return put_int64(c, MPM_FORM_ZONE, days * DAY_US + (int64_t)mpm__form_u64(delta + 8));
}

/* --- what cannot be a key ----------------------------------------------------------------------------------------- */

static int
note_array(struct call *c)
{
    c->made.unhashable = MPM_UNHASHABLE_ARRAY;
    return MPM_ETYPE;
}

static int
note_userdict(struct call *c)
{
    c->made.unhashable = MPM_UNHASHABLE_USERDICT;
    return MPM_ETYPE;
}

static int
note_userlist(struct call *c)
{
    c->made.unhashable = MPM_UNHASHABLE_USERLIST;
    return MPM_ETYPE;
}

static int
note_simplenamespace(struct call *c)
{
    c->made.unhashable = MPM_UNHASHABLE_SIMPLENAMESPACE;
    return MPM_ETYPE;
}

/* --- the table ---------------------------------------------------------------------------------------------------- */

static const struct row rows[] = {
    { "builtins", "set", make_set },
    { "builtins", "frozenset", make_frozenset },
    { "builtins", "list", make_list },
    { "builtins", "bytes", make_bytes },
    { "builtins", "bytearray", make_bytearray },
    { "builtins", "complex", make_complex },
    { "builtins", "range", make_range },
    { "_codecs", "encode", make_encoded },
    { "collections", "OrderedDict", make_ordered_dict },
    { "collections", "defaultdict", make_default_dict },
    { "collections", "Counter", make_counter },
    { "collections", "deque", make_deque },
    { "collections", "UserDict", note_userdict },
    { "collections", "UserList", note_userlist },
    { "datetime", "datetime", make_datetime },
    { "datetime", "date", make_date },
    { "datetime", "time", make_time },
    { "datetime", "timedelta", make_delta },
    { "datetime", "timezone", make_zone },
    { "decimal", "Decimal", make_decimal },
    { "fractions", "Fraction", make_fraction },
    { "array", "array", note_array },
    { "array", "_array_reconstructor", note_array },
    { "types", "SimpleNamespace", note_simplenamespace },
    { MPM_DILL_MODULE, MPM_DILL_TYPE, make_dill_type },
    { MPM_DILL_MODULE, MPM_DILL_REPR, make_dill_repr },
};

static bool
is_text(const uint8_t *bytes, size_t len, const char *text)
{
    return len != 0 && bytes[0] == (uint8_t)text[0] && strlen(text) == len && memcmp(bytes, text, len) == 0;
}

bool
mpm__form_is_class(const uint8_t *p, const char *module, const char *name)
{
    size_t module_len, name_len;
    const uint8_t *m, *n;

    if (*p != MPM_FORM_CLASS)
        return false;
    m = mpm__form_counted(p + 1, &module_len);
    n = mpm__form_counted(m + module_len, &name_len);
    return is_text(n, name_len, name) && is_text(m, module_len, module);
}

static const struct row *
find(const uint8_t *class)
{
    size_t module_len, name_len;
    const uint8_t *m, *n;

    if (*class != MPM_FORM_CLASS)
        return NULL;
    m = mpm__form_counted(class + 1, &module_len);
    n = mpm__form_counted(m + module_len, &name_len);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (is_text(n, name_len, rows[i].name) && is_text(m, module_len, rows[i].module))
            return &rows[i];
    return NULL;
}

/* copyreg's helpers are how protocols 0 and 1 make what later ones make of class and arguments: writes those. */
static int
unwrap_helper(const uint8_t *class, const uint8_t *args, struct mpm_buf *to)
{
    uint32_t n = mpm__form_count(args);
    const uint8_t *first = args + MPM_FORM_HEAD, *base, *rest, *end = mpm__form_skip(args);
    uint8_t head[MPM_FORM_HEAD] = { MPM_FORM_TUPLE };

    if (n == 0 || *first != MPM_FORM_CLASS)
        return MPM_ETYPE;
    rest = mpm__form_skip(first);
    n--;
    if (mpm__form_is_class(class, "copyreg", "_reconstructor")) {
        if (n != 2)
            return MPM_ETYPE;
        base = rest;
        rest = mpm__form_skip(base);
        n = 1;
        if (mpm__form_is_class(base, "builtins", "object")) {
            rest = end;
            n = 0;
        }
    } else if (!mpm__form_is_class(class, "copyreg", "__newobj__")) {
        return MPM_ETYPE;
    }
    mpm__form_set_u64(head + 1, (uint64_t)(end - rest));
    mpm__form_set_u32(head + 9, n);
    mpm__buf_put(to, first, (size_t)(mpm__form_skip(first) - first));
    mpm__buf_put(to, head, sizeof head);
    mpm__buf_put(to, rest, (size_t)(end - rest));
    return to->error;
}

static void
replace(struct mpm_buf *out, size_t start, const struct mpm_buf *with)
{
    mpm__buf_cut(out, start);
    mpm__buf_put(out, with->data, with->len);
}

int
mpm__canon_call(struct mpm_canon *canon, size_t start, uint64_t *work, struct mpm_buf *scratch, struct mpm_made *made)
{
    struct call c = { .canon = canon, .to = scratch, .work = work };
    struct mpm_buf *out = &canon->bytes;
    const uint8_t *class = out->data + start, *args = mpm__form_skip(class), *p;
    const struct row *row;
    int r;

    if (*class != MPM_FORM_CLASS || *args != MPM_FORM_TUPLE)
        return MPM_ETYPE;
    mpm__buf_clear(scratch);
    r = unwrap_helper(class, args, scratch);
    if (r == 0) {
        replace(out, start, scratch);
        if (out->error != 0)
            return out->error;
        class = out->data + start;
        args = mpm__form_skip(class);
        mpm__buf_clear(scratch);
    } else if (r != MPM_ETYPE) {
        return r;
    }
    if ((row = find(class)) == NULL)
        return MPM_ETYPE;
    c.n = mpm__form_count(args);
    p = args + MPM_FORM_HEAD;
    for (uint32_t i = 0; i < c.n && i < ARGS_MAX; i++, p = mpm__form_skip(p))
        c.args[i] = p;
    r = row->make(&c);
    made->unhashable = c.made.unhashable;
    if (r != 0)
        return r;
    made->kind = c.made.kind;
    replace(out, start, scratch);
    return out->error;
}

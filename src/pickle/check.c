/*
 * check.c - proves that a pickle is well-formed, in one pass from front to back. Layer: pickle.
 *
 * It runs the opcodes on an abstract stack whose cells say where a value begins and which opcode made it. Nothing is
 * built, imported or called. What it does not do: look at class names, or tell what a REDUCE would return.
 */
#include "pickle/check.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/utf8.h"
#include "pickle/brief.h"
#include "pickle/cell.h"
#include "pickle/opcodes.h"
#include "pickle/plain.h"
#include "pickle/text.h"

#define NO_ENTRY UINT32_MAX

/* The tables of a message of some million values are kept for the next one, larger ones are not. */
#define KEEP_MAX (32 * 1024 * 1024)

/* Not an error for the caller: the message must be made plain first. */
#define NOT_PLAIN 1

struct run {
    struct mpm_checker *c;
    struct mpm_doc *doc;
    struct mpm_error *err;
    const uint8_t *bytes;
    uint32_t len;
    bool body;
    struct mpm_op op;
    uint32_t n;             /* cells on the stack */
    uint32_t n_marks;
    uint32_t fence;         /* cells below it lie under the last mark */
    uint32_t n_memo;        /* highest entry + 1 */
    uint32_t n_defined;     /* entries */
    uint32_t n_stops;
    uint32_t lowest_get;
    bool memoizes, puts;    /* which of the two ways to number are in use */
    uint32_t fields_root, args_root;
    struct mpm_popped popped;
};

static int
bad(struct run *r, const char *why)
{
    return mpm__fail(r->err, MPM_EBADPICKLE, r->op.at, "opcode %s at offset %u: %s", mpm__opinfo[r->op.code].name,
        (unsigned)r->op.at, why);
}

/* Room for n items of `size` bytes, twice what there was or more. NULL: no memory, and nothing has changed. */
static void *
more(void *items, size_t *cap, size_t first, size_t n, size_t size)
{
    size_t more = *cap != 0 ? *cap : first;

    while (more < n)
        more *= 2;
    items = mpm__resize(items, more, size);
    if (items != NULL)
        *cap = more;
    return items;
}

int
mpm__more_cells(struct mpm_checker *c, size_t n)
{
    struct mpm_cell *stack = more(c->stack, &c->stack_cap, 64, n, sizeof *stack);

    c->stack = stack != NULL ? stack : c->stack;
    return stack != NULL ? 0 : MPM_ENOMEM;
}

int
mpm__more_marks(struct mpm_checker *c, size_t n)
{
    struct mpm_mark *marks = more(c->marks, &c->marks_cap, 16, n, sizeof *marks);

    c->marks = marks != NULL ? marks : c->marks;
    return marks != NULL ? 0 : MPM_ENOMEM;
}

static int
more_memo(struct mpm_checker *c, size_t n)
{
    struct mpm_memo *memo = more(c->memo, &c->memo_cap, 64, n, sizeof *memo);

    c->memo = memo != NULL ? memo : c->memo;
    return memo != NULL ? 0 : MPM_ENOMEM;
}

static int
more_stops(struct mpm_checker *c, size_t n)
{
    uint32_t *stops = more(c->stops, &c->stops_cap, 64, n, sizeof *stops);

    c->stops = stops != NULL ? stops : c->stops;
    return stops != NULL ? 0 : MPM_ENOMEM;
}

static int
note_stop(struct run *r)
{
    if (r->n_stops == r->c->stops_cap && more_stops(r->c, (size_t)r->n_stops + 1) != 0)
        return MPM_ENOMEM;
    r->c->stops[r->n_stops++] = r->op.at;
    return 0;
}

static inline int
push(struct run *r, uint32_t start, uint32_t root, uint32_t depth)
{
    if (r->n == r->c->stack_cap && mpm__more_cells(r->c, (size_t)r->n + 1) != 0)
        return MPM_ENOMEM;
    r->c->stack[r->n++] = (struct mpm_cell){ start, root, depth };
    return depth <= MPM_PICKLE_DEPTH_MAX
               ? 0
               : mpm__fail(r->err, MPM_ELIMIT, r->op.at, "opcode %s at offset %u: nested deeper than %d levels",
                     mpm__opinfo[r->op.code].name, (unsigned)r->op.at, MPM_PICKLE_DEPTH_MAX);
}

/* --- what a cell is, as far as the opcodes around it care --------------------------------------------------------- */

enum sort { ATOM, TEXT, TUPLE_LIKE, LIST_LIKE, DICT_LIKE, SET_LIKE, NAMED, MADE };

static enum sort
sort_of(const struct run *r, const struct mpm_cell *cell)
{
    uint32_t root = cell->root;
    struct mpm_op op;

    switch (r->bytes[root]) {
    case MPM_OP_GET:
    case MPM_OP_BINGET:
    case MPM_OP_LONG_BINGET:
        mpm__op_read(r->bytes, root, &op);
        root = r->c->memo[mpm__op_index(r->bytes, &op)].root;
        break;
    }
    switch (r->bytes[root]) {
    case MPM_OP_SHORT_BINUNICODE:
    case MPM_OP_BINUNICODE:
    case MPM_OP_BINUNICODE8:
    case MPM_OP_UNICODE:
        return TEXT;
    case MPM_OP_TUPLE:
    case MPM_OP_TUPLE1:
    case MPM_OP_TUPLE2:
    case MPM_OP_TUPLE3:
    case MPM_OP_EMPTY_TUPLE:
        return TUPLE_LIKE;
    case MPM_OP_EMPTY_LIST:
    case MPM_OP_LIST:
        return LIST_LIKE;
    case MPM_OP_EMPTY_DICT:
    case MPM_OP_DICT:
        return DICT_LIKE;
    case MPM_OP_EMPTY_SET:
        return SET_LIKE;
    case MPM_OP_GLOBAL:
    case MPM_OP_STACK_GLOBAL:
        return NAMED;
    case MPM_OP_REDUCE:
    case MPM_OP_NEWOBJ:
    case MPM_OP_NEWOBJ_EX:
    case MPM_OP_INST:
    case MPM_OP_OBJ:
        return MADE;
    }
    return ATOM;
}

static bool
takes_items(const struct run *r, uint32_t target, enum sort sort)
{
    enum sort have = sort_of(r, &r->c->stack[target]);

    return have == sort || have == MADE;
}

static bool
is_tuple(const struct run *r, uint32_t cell)
{
    enum sort have = sort_of(r, &r->c->stack[cell]);

    return have == TUPLE_LIKE || have == MADE;
}

static bool
is_callable(const struct run *r, uint32_t cell)
{
    enum sort have = sort_of(r, &r->c->stack[cell]);

    return have == NAMED || have == MADE;
}

/* --- operands ----------------------------------------------------------------------------------------------------- */

static bool
is_digits(const uint8_t *s, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        if (s[i] < '0' || s[i] > '9')
            return false;
    return len != 0;
}

static bool
is_signed_digits(const uint8_t *s, uint32_t len)
{
    return len != 0 && (s[0] == '-' || s[0] == '+') ? is_digits(s + 1, len - 1) : is_digits(s, len);
}

static bool
is_float_text(const uint8_t *s, uint32_t len)
{
    uint32_t i = len != 0 && (s[0] == '-' || s[0] == '+'), digits = 0;

    if ((len - i == 3 && (memcmp(s + i, "nan", 3) == 0 || memcmp(s + i, "inf", 3) == 0)))
        return true;
    for (; i < len && s[i] >= '0' && s[i] <= '9'; i++)
        digits++;
    if (i < len && s[i] == '.')
        for (i++; i < len && s[i] >= '0' && s[i] <= '9'; i++)
            digits++;
    if (digits == 0 || i == len)
        return digits != 0;
    return (s[i] == 'e' || s[i] == 'E') && is_signed_digits(s + i + 1, len - i - 1);
}

static bool
is_hex(const uint8_t *s, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (!((s[i] >= '0' && s[i] <= '9') || ((s[i] | 32) >= 'a' && (s[i] | 32) <= 'f')))
            return false;
    return true;
}

/* raw-unicode-escape: Latin-1 with \uXXXX and \UXXXXXXXX; a backslash counts only after an even number of others. */
static bool
is_raw_unicode(const uint8_t *s, uint32_t len)
{
    uint32_t slashes = 0, width;

    for (uint32_t i = 0; i < len; i++) {
        if (s[i] == '\\') {
            slashes++;
            continue;
        }
        width = slashes % 2 == 0 ? 0 : s[i] == 'u' ? 4 : s[i] == 'U' ? 8 : 0;
        slashes = 0;
        if (width != 0 && (len - i - 1 < width || !is_hex(s + i + 1, width) ||
                              (width == 8 && memcmp(s + i + 1, "0010FFFF", 8) > 0 && (s[i + 1] != '0' || s[i + 2] != '0' ||
                              s[i + 3] > '1' || (s[i + 3] == '1' && s[i + 4] != '0')))))
            return false;
    }
    return true;
}

/* A quoted literal of Python 2: the same quote at both ends and none of it unescaped between. */
static bool
is_quoted(const uint8_t *s, uint32_t len)
{
    if (len < 2 || (s[0] != '\'' && s[0] != '"') || s[len - 1] != s[0])
        return false;
    for (uint32_t i = 1; i < len - 1; i++) {
        if (s[i] == s[0])
            return false;
        if (s[i] == '\\') {
            if (s[i + 1] == 'x' && (len - 1 - i < 4 || !is_hex(s + i + 2, 2)))
                return false;
            if (++i == len - 1)
                return false; /* the last quote is an escaped one */
        }
    }
    return true;
}

static const char *
bad_line(uint8_t code, const uint8_t *s, uint32_t len)
{
    switch (code) {
    case MPM_OP_INT:
        return is_signed_digits(s, len) ? NULL : "not a decimal integer";
    case MPM_OP_LONG:
        return is_signed_digits(s, len - (len != 0 && s[len - 1] == 'L')) ? NULL : "not a decimal integer";
    case MPM_OP_FLOAT:
        return is_float_text(s, len) ? NULL : "not a number";
    case MPM_OP_STRING:
        return is_quoted(s, len) ? NULL : "the string is not quoted";
    case MPM_OP_UNICODE:
        return is_raw_unicode(s, len) ? NULL : "a broken \\u escape";
    case MPM_OP_GET:
    case MPM_OP_PUT:
        return is_digits(s, len) && len <= 9 ? NULL : "not a memo index";
    case MPM_OP_GLOBAL:
    case MPM_OP_INST:
        return mpm__utf8_ok(s, len) ? NULL : "the name is not UTF-8";
    }
    return NULL;
}

/* Reads the opcode at `at` into r->op; every byte of it lies inside the message. */
static int
read_op(struct run *r, uint32_t at)
{
    const char *why = mpm__op_parse(r->bytes, r->len, at, &r->op);

    if (why == NULL && mpm__opinfo[r->op.code].operand >= MPM_OPERAND_LINE)
        why = bad_line(r->op.code, r->bytes + r->op.data, r->op.data_len);
    return why != NULL ? bad(r, why) : 0;
}

/* --- effects ------------------------------------------------------------------------------------------------------ */

static int
define(struct run *r)
{
    uint32_t index;
    const struct mpm_cell *top;

    if (r->n == r->fence)
        return bad(r, "there is nothing to name");
    top = &r->c->stack[r->n - 1];
    if (r->op.code == MPM_OP_MEMOIZE) {
        r->memoizes = true;
        index = r->n_defined;
    } else {
        r->puts = true;
        index = mpm__op_index(r->bytes, &r->op);
    }
    if (r->memoizes && r->puts)
        return NOT_PLAIN;
    if (index > r->len)
        return bad(r, "the memo index is larger than the message"); /* keeps the memo table in proportion */
    if (index >= r->n_memo) {
        if (index >= r->c->memo_cap && more_memo(r->c, (size_t)index + 1) != 0)
            return MPM_ENOMEM;
        while (r->n_memo <= index)
            r->c->memo[r->n_memo++].root = NO_ENTRY;
    } else if (r->c->memo[index].root != NO_ENTRY) {
        return NOT_PLAIN; /* the number is taken a second time, as 2.7 does now and then */
    }
    r->c->memo[index] = (struct mpm_memo){ top->start, top->root, r->op.at, 0 };
    r->n_defined++;
    return 0;
}

static int
get(struct run *r)
{
    uint32_t index = mpm__op_index(r->bytes, &r->op);

    if (index >= r->n_memo || r->c->memo[index].root == NO_ENTRY)
        return mpm__fail(r->err, MPM_EBADPICKLE, r->op.at, "opcode %s at offset %u: there is no memo entry %u",
            mpm__opinfo[r->op.code].name, (unsigned)r->op.at, (unsigned)index);
    r->c->memo[index].used = 1;
    if (index < r->lowest_get)
        r->lowest_get = index;
    if (note_stop(r) != 0)
        return MPM_ENOMEM;
    return push(r, mpm__get_start(&r->popped, r->op.at, r->c->memo[index].start), r->op.at, 1);
}

static uint32_t
deepest(const struct run *r, uint32_t from)
{
    uint32_t depth = 0;

    for (uint32_t i = from; i < r->n; i++)
        if (r->c->stack[i].depth > depth)
            depth = r->c->stack[i].depth;
    return depth;
}

/* Cells [from, n) are about to become a tuple by the opcode at `at`, with n_marks left: when it is the request, or its
 * third item, the places of its items are noted for those who ask for them later. */
static void __attribute__((noinline))
note_tuple(struct run *r, const struct mpm_cell *stack, uint32_t from, uint32_t n, uint32_t n_marks, uint32_t at)
{
    uint32_t n_items = n - from;
    struct mpm_item *out;

    if (n_marks == 0 && from == 0 && n_items <= 4) {
        r->doc->n_fields = (uint8_t)n_items;
        r->fields_root = at;
        out = r->doc->fields;
    } else if (from == 2 && n_marks == 1 && n_items <= MPM_NOTED_ARGS && r->c->marks[0].height == 0) {
        r->doc->n_args = (int)n_items;
        r->args_root = at;
        out = r->doc->args;
    } else {
        return;
    }
    for (uint32_t i = from; i < n; i++)
        *out++ = (struct mpm_item){ stack[i].start, stack[i].root, i + 1 < n ? stack[i + 1].start : at };
}

/* Cells [from, n) become one value that begins at `start`. */
static int
combine(struct run *r, uint32_t from, uint32_t start)
{
    uint32_t depth = deepest(r, from) + 1;

    r->n = from;
    return push(r, start, r->op.at, depth);
}

/* Cells [from, n) go into the value at from - 1. */
static int
add(struct run *r, uint32_t from)
{
    uint32_t depth = deepest(r, from) + 1;

    if (mpm__opinfo[r->bytes[r->c->stack[from - 1].root]].effect == MPM_EFFECT_GET)
        r->doc->grows_late = true;
    r->n = from;
    if (depth > r->c->stack[from - 1].depth)
        r->c->stack[from - 1].depth = depth;
    if (depth > MPM_PICKLE_DEPTH_MAX)
        return mpm__fail(r->err, MPM_ELIMIT, r->op.at, "opcode %s at offset %u: nested deeper than %d levels",
            mpm__opinfo[r->op.code].name, (unsigned)r->op.at, MPM_PICKLE_DEPTH_MAX);
    return 0;
}

static bool
take_mark(struct run *r, struct mpm_mark *mark)
{
    if (r->n_marks == 0)
        return false;
    *mark = r->c->marks[--r->n_marks];
    r->fence = r->n_marks != 0 ? r->c->marks[r->n_marks - 1].height : 0;
    return true;
}

static int
collect(struct run *r)
{
    struct mpm_mark mark;
    uint32_t n;

    if (!take_mark(r, &mark))
        return bad(r, "there is no mark");
    n = r->n - mark.height;
    switch (r->op.code) {
    case MPM_OP_DICT:
        if (n % 2 != 0)
            return bad(r, "a key without a value");
        break;
    case MPM_OP_INST:
        r->doc->has_names = true;
        break;
    case MPM_OP_OBJ:
        if (n == 0 || !is_callable(r, mark.height))
            return bad(r, "there is no class to call");
        break;
    case MPM_OP_TUPLE:
        note_tuple(r, r->c->stack, mark.height, r->n, r->n_marks, r->op.at);
        break;
    }
    return combine(r, mark.height, mark.at);
}

static int
add_all(struct run *r)
{
    struct mpm_mark mark;

    if (!take_mark(r, &mark))
        return bad(r, "there is no mark");
    if (mark.height == r->fence)
        return bad(r, "there is nothing to add to");
    switch (r->op.code) {
    case MPM_OP_APPENDS:
        if (!takes_items(r, mark.height - 1, LIST_LIKE))
            return bad(r, "not added to a list");
        break;
    case MPM_OP_ADDITEMS:
        if (!takes_items(r, mark.height - 1, SET_LIKE))
            return bad(r, "not added to a set");
        break;
    default:
        if (!takes_items(r, mark.height - 1, DICT_LIKE))
            return bad(r, "not added to a dict");
        if ((r->n - mark.height) % 2 != 0)
            return bad(r, "a key without a value");
        break;
    }
    return add(r, mark.height);
}

static int
call(struct run *r, uint32_t n)
{
    uint32_t from = r->n - n;

    if (r->n - r->fence < n)
        return bad(r, "too few values before it");
    if (!is_callable(r, from))
        return bad(r, "that is nothing that can be called");
    if (!is_tuple(r, from + 1))
        return bad(r, "the arguments are not a tuple");
    if (n == 3 && !takes_items(r, from + 2, DICT_LIKE))
        return bad(r, "the keyword arguments are not a dict");
    return combine(r, from, r->c->stack[from].start);
}

static int
take(struct run *r, uint32_t n)
{
    if (r->n - r->fence < n)
        return bad(r, "too few values before it");
    note_tuple(r, r->c->stack, r->n - n, r->n, r->n_marks, r->op.at);
    return combine(r, r->n - n, r->c->stack[r->n - n].start);
}

static int
add_few(struct run *r, uint32_t n)
{
    uint32_t from = r->n - n;
    enum sort have;

    if (r->n - r->fence < n + 1)
        return bad(r, "too few values before it");
    switch (r->op.code) {
    case MPM_OP_APPEND:
        if (!takes_items(r, from - 1, LIST_LIKE))
            return bad(r, "not added to a list");
        break;
    case MPM_OP_SETITEM:
        if (!takes_items(r, from - 1, DICT_LIKE))
            return bad(r, "not added to a dict");
        break;
    default:
        have = sort_of(r, &r->c->stack[from - 1]);
        if (have != MADE && have != NAMED)
            return bad(r, "state for something that is no instance");
    }
    return add(r, from);
}

static int
name(struct run *r)
{
    if (r->n - r->fence < 2)
        return bad(r, "too few values before it");
    if (sort_of(r, &r->c->stack[r->n - 2]) != TEXT || sort_of(r, &r->c->stack[r->n - 1]) != TEXT)
        return bad(r, "module and name must be str");
    r->doc->has_names = true;
    return combine(r, r->n - 2, r->c->stack[r->n - 2].start);
}

static int
pop(struct run *r)
{
    struct mpm_mark mark;

    if (r->n > r->fence)
        mpm__note_popped(&r->popped, r->c->stack[--r->n].start, &r->op);
    else if (take_mark(r, &mark)) /* CPython: POP of a mark takes the mark away */
        mpm__note_popped(&r->popped, mark.at, &r->op);
    else
        return bad(r, "there is nothing to pop");
    return 0;
}

static int
push_value(struct run *r)
{
    const uint8_t *text = r->bytes + r->op.data;

    switch (r->op.code) {
    case MPM_OP_SHORT_BINUNICODE:
    case MPM_OP_BINUNICODE:
    case MPM_OP_BINUNICODE8:
        if (!mpm__utf8_ok(text, r->op.data_len))
            return bad(r, "the text is not UTF-8");
        break;
    case MPM_OP_EMPTY_TUPLE:
        note_tuple(r, r->c->stack, r->n, r->n, r->n_marks, r->op.at);
        return combine(r, r->n, r->op.at);
    case MPM_OP_GLOBAL:
        r->doc->has_names = true;
        break;
    case MPM_OP_STRING:
    case MPM_OP_BINSTRING:
    case MPM_OP_SHORT_BINSTRING:
        r->doc->has_native_str = true;
        break;
    case MPM_OP_BYTEARRAY8:
        r->doc->has_protocol_5 = true;
        break;
    }
    return push(r, r->op.at, r->op.at, 1);
}

static int
refuse(struct run *r)
{
    const char *what = "extension codes (copyreg.add_extension) mean something only to those who agreed on them";

    switch (r->op.code) {
    case MPM_OP_PERSID:
    case MPM_OP_BINPERSID:
        what = "persistent ids mean something only to the pickler that wrote them";
        break;
    case MPM_OP_NEXT_BUFFER:
    case MPM_OP_READONLY_BUFFER:
        what = "out-of-band buffers are not part of the message; pickle without buffer_callback";
        break;
    }
    return mpm__fail(r->err, MPM_EUNSUP, r->op.at, "opcode %s at offset %u: %s", mpm__opinfo[r->op.code].name,
        (unsigned)r->op.at, what);
}

static int
mark(struct run *r)
{
    if (r->n_marks == r->c->marks_cap && mpm__more_marks(r->c, (size_t)r->n_marks + 1) != 0)
        return MPM_ENOMEM;
    if (r->n_marks >= MPM_PICKLE_DEPTH_MAX)
        return mpm__fail(r->err, MPM_ELIMIT, r->op.at, "opcode %s at offset %u: nested deeper than %d levels",
            mpm__opinfo[r->op.code].name, (unsigned)r->op.at, MPM_PICKLE_DEPTH_MAX);
    r->c->marks[r->n_marks++] = (struct mpm_mark){ r->op.at, r->n };
    r->fence = r->n;
    return 0;
}

static int
prologue(struct run *r)
{
    if (r->op.at != 0 || r->body)
        return bad(r, "only the first opcode may be it");
    if (r->bytes[1] > 5)
        return mpm__fail(r->err, MPM_EBADPICKLE, 0, "unsupported pickle protocol: %u", r->bytes[1]);
    r->doc->protocol = r->bytes[1];
    return 0;
}

static int
frame(struct run *r)
{
    if (r->body)
        return bad(r, "a stored value has no frames");
    if (mpm__le(r->bytes + r->op.data, 8) > r->len - r->op.next)
        return bad(r, "the frame goes beyond the end of the message");
    r->doc->last_frame = r->op.at;
    return note_stop(r);
}

/* The message (or stored value) ended at the current opcode. */
static int
finish(struct run *r)
{
    struct mpm_doc *doc = r->doc;

    if (r->n != 1 || r->n_marks != 0)
        return mpm__fail(r->err, MPM_EBADPICKLE, r->op.at, "the pickle ends at offset %u with %u values%s on the stack, not 1",
            (unsigned)r->op.at, (unsigned)r->n, r->n_marks != 0 ? " and a mark" : "");
    doc->top = (struct mpm_item){ r->c->stack[0].start, r->c->stack[0].root, r->op.at };
    if (r->fields_root != doc->top.root)
        doc->n_fields = 0;
    if (doc->n_fields != 4 || r->args_root != doc->fields[2].root)
        doc->n_args = -1;
    doc->memo = r->c->memo;
    doc->n_memo = r->n_memo;
    doc->memoizes = r->memoizes;
    doc->lowest_get = r->lowest_get;
    doc->stops = r->c->stops;
    doc->n_stops = r->n_stops;
    return 0;
}

/* --- the common case ---------------------------------------------------------------------------------------------- */

/* The opcodes that nearly all of a large message consists of: the length of one that only pushes a value, or what else
 * it does. Small numbers, because compilers make a jump table of those. */
enum { TEXT_8 = 10, GET_8, GET_32, NAME_TOP, NAME_8, NAME_32, SET_MARK, ADD_TO_LIST, ADD_TO_DICT, TAKE_0, TAKE_1, TAKE_2, TAKE_3,
    TAKE_ALL };
static const uint8_t common[256] = {
    [MPM_OP_NONE] = 1, [MPM_OP_NEWTRUE] = 1, [MPM_OP_NEWFALSE] = 1, [MPM_OP_EMPTY_LIST] = 1, [MPM_OP_EMPTY_DICT] = 1,
    [MPM_OP_BININT1] = 2, [MPM_OP_BININT2] = 3, [MPM_OP_BININT] = 5, [MPM_OP_BINFLOAT] = 9,
    [MPM_OP_SHORT_BINUNICODE] = TEXT_8, [MPM_OP_BINGET] = GET_8, [MPM_OP_LONG_BINGET] = GET_32,
    [MPM_OP_MEMOIZE] = NAME_TOP, [MPM_OP_MARK] = SET_MARK, [MPM_OP_APPENDS] = ADD_TO_LIST,
    [MPM_OP_SETITEMS] = ADD_TO_DICT, [MPM_OP_BINPUT] = NAME_8, [MPM_OP_LONG_BINPUT] = NAME_32,
    [MPM_OP_EMPTY_TUPLE] = TAKE_0, [MPM_OP_TUPLE1] = TAKE_1, [MPM_OP_TUPLE2] = TAKE_2, [MPM_OP_TUPLE3] = TAKE_3,
    [MPM_OP_TUPLE] = TAKE_ALL,
};

#ifndef MPM_CHECK_QUICKLY /* the fuzz target checks without it, too, and compares */
#define MPM_CHECK_QUICKLY 1
#endif
#define CHUNK 512 /* bytes, and so opcodes, for which eat_common() makes room at a time */

/* Room for what so many opcodes may push and name. */
static inline bool
has_room(struct run *r, uint32_t n)
{
    struct mpm_checker *c = r->c;

    return (c->stack_cap >= r->n + n || mpm__more_cells(c, r->n + n) == 0) &&
           (c->marks_cap >= r->n_marks + n || mpm__more_marks(c, r->n_marks + n) == 0) &&
           (c->memo_cap >= r->n_memo + n || more_memo(c, r->n_memo + n) == 0) &&
           (c->stops_cap >= r->n_stops + n || more_stops(c, r->n_stops + n) == 0);
}

/*
 * Eats opcodes from `at` on as long as they are of the dozen that nearly all of a large message consists of, and in
 * order; returns where the first other one is. It reports nothing: an opcode with anything unusual about it is left,
 * untouched, to read_op() and step(), which are complete without this function. With it a message of many small values
 * takes a quarter of the time.
 */
static uint32_t __attribute__((noinline)) /* there are too few registers as it is */
eat_chunk(struct run *r, uint32_t at, const uint32_t end)
{
    const uint8_t *const bytes = r->bytes;
    struct mpm_memo *const memo = r->c->memo;
    struct mpm_cell *top = r->c->stack + r->n;       /* behind the last cell */
    struct mpm_cell *floor = r->c->stack + r->fence; /* behind those under the mark */
    struct mpm_cell *leaves = top; /* from here on all cells have depth 1 */
    uint32_t n_marks = r->n_marks, n_memo = r->n_memo, *stop = r->c->stops + r->n_stops;
    struct mpm_cell *from;
    uint32_t size, index, depth, start;

    while (at < end) {
        size = common[bytes[at]];
        switch (size) {
        case 1: case 2: case 3: case 5: case 9:
            if (size > r->len - at)
                goto out;
            break;
        case TEXT_8:
            if (r->len - at < 2)
                goto out;
            size = 2 + bytes[at + 1];
            if (size + 8 > r->len - at || !mpm__is_ascii(bytes + at + 2, size - 2))
                goto out;
            break;
        case GET_8:
        case GET_32:
            if (r->len - at < 5 || at == r->popped.to) /* with what was popped: get() */
                goto out;
            index = size == GET_8 ? bytes[at + 1] : (uint32_t)mpm__le(bytes + at + 1, 4);
            if (index >= n_memo || memo[index].root == NO_ENTRY)
                goto out;
            memo[index].used = 1;
            if (index < r->lowest_get)
                r->lowest_get = index;
            *stop++ = at;
            size = size == GET_8 ? 2 : 5;
            break;
        case NAME_TOP:
            if (r->puts || top == floor)
                goto out;
            r->memoizes = true;
            memo[n_memo++] = (struct mpm_memo){ top[-1].start, top[-1].root, at++, 0 };
            continue;
        case NAME_8:
        case NAME_32:
            if (r->len - at < (size == NAME_8 ? 2 : 5) || r->memoizes || top == floor)
                goto out;
            index = size == NAME_8 ? bytes[at + 1] : (uint32_t)mpm__le(bytes + at + 1, 4);
            if (index != n_memo || index > r->len)
                goto out;
            r->puts = true;
            memo[n_memo++] = (struct mpm_memo){ top[-1].start, top[-1].root, at, 0 };
            at += size == NAME_8 ? 2 : 5;
            continue;
        case SET_MARK:
            if (n_marks >= MPM_PICKLE_DEPTH_MAX)
                goto out;
            r->c->marks[n_marks++] = (struct mpm_mark){ at++, (uint32_t)(top - r->c->stack) };
            floor = top;
            continue;
        case ADD_TO_LIST:
        case ADD_TO_DICT:
            if (n_marks < 2 || floor == r->c->stack + r->c->marks[n_marks - 2].height)
                goto out;
            if (size == ADD_TO_LIST ? bytes[floor[-1].root] != MPM_OP_EMPTY_LIST
                                    : bytes[floor[-1].root] != MPM_OP_EMPTY_DICT || (top - floor) % 2 != 0)
                goto out;
            depth = floor[-1].depth;
            if (depth == 1 && top != floor)
                depth = 2;
            for (const struct mpm_cell *cell = floor; cell < leaves; cell++)
                depth = depth > cell->depth ? depth : cell->depth + 1;
            if (depth > MPM_PICKLE_DEPTH_MAX)
                goto out;
            floor[-1].depth = depth;
            leaves = top = floor;
            floor = r->c->stack + r->c->marks[--n_marks - 1].height;
            at++;
            continue;
        case TAKE_0: case TAKE_1: case TAKE_2: case TAKE_3:
        case TAKE_ALL:
            if (size == TAKE_ALL ? n_marks == 0 : top - floor < (int)(size - TAKE_0))
                goto out;
            from = size == TAKE_ALL ? floor : top - (size - TAKE_0);
            depth = 1 + (from != top);
            for (const struct mpm_cell *cell = from; cell < leaves; cell++)
                depth = depth > cell->depth ? depth : cell->depth + 1;
            if (depth > MPM_PICKLE_DEPTH_MAX)
                goto out;
            n_marks -= size == TAKE_ALL;
            if (n_marks <= 1 && from - r->c->stack <= 2)
                note_tuple(r, r->c->stack, (uint32_t)(from - r->c->stack), (uint32_t)(top - r->c->stack), n_marks, at);
            start = size == TAKE_ALL ? r->c->marks[n_marks].at : from == top ? at : from->start;
            *from = (struct mpm_cell){ start, at++, depth };
            top = from + 1;
            if (size == TAKE_ALL)
                floor = r->c->stack + (n_marks != 0 ? r->c->marks[n_marks - 1].height : 0);
            if (leaves > from || depth > 1)
                leaves = top;
            continue;
        default:
            goto out;
        }
        *top++ = (struct mpm_cell){ at, at, 1 };
        at += size;
    }
out:
    r->n = (uint32_t)(top - r->c->stack);
    r->n_marks = n_marks;
    r->fence = (uint32_t)(floor - r->c->stack);
    r->n_stops = (uint32_t)(stop - r->c->stops);
    r->n_defined += n_memo - r->n_memo;
    r->n_memo = n_memo;
    return at;
}

static uint32_t
eat_common(struct run *r, uint32_t at)
{
    uint32_t end;

    do {
        end = r->len - at > CHUNK ? at + CHUNK : r->len;
        if (!MPM_CHECK_QUICKLY || common[r->bytes[at]] == 0 || !has_room(r, end - at))
            return at;
        at = eat_chunk(r, at, end);
    } while (at >= end && at < r->len);
    return at;
}

static int
step(struct run *r)
{
    switch ((enum mpm_effect)mpm__opinfo[r->op.code].effect) {
    case MPM_EFFECT_PUSH:
        return push_value(r);
    case MPM_EFFECT_PUT:
        return define(r);
    case MPM_EFFECT_GET:
        return get(r);
    case MPM_EFFECT_MARK:
        return mark(r);
    case MPM_EFFECT_ADD_ALL:
        return add_all(r);
    case MPM_EFFECT_COLLECT:
        return collect(r);
    case MPM_EFFECT_TAKE1:
        return take(r, 1);
    case MPM_EFFECT_TAKE2:
        return take(r, 2);
    case MPM_EFFECT_TAKE3:
        return take(r, 3);
    case MPM_EFFECT_ADD1:
        return add_few(r, 1);
    case MPM_EFFECT_ADD2:
        return add_few(r, 2);
    case MPM_EFFECT_CALL:
        return call(r, 2);
    case MPM_EFFECT_CALL_EX:
        return call(r, 3);
    case MPM_EFFECT_NAME:
        return name(r);
    case MPM_EFFECT_POP:
        return pop(r);
    case MPM_EFFECT_POP_MARK: {
        struct mpm_mark m;

        if (!take_mark(r, &m))
            return bad(r, "there is no mark");
        r->n = m.height;
        mpm__note_popped(&r->popped, m.at, &r->op);
        return 0;
    }
    case MPM_EFFECT_DUP:
        return r->n == r->fence ? bad(r, "there is nothing to duplicate") : NOT_PLAIN;
    case MPM_EFFECT_FRAME:
        return frame(r);
    case MPM_EFFECT_PROTO:
        return prologue(r);
    case MPM_EFFECT_REFUSED:
        return refuse(r);
    case MPM_EFFECT_STOP:
    case MPM_EFFECT_UNKNOWN:
        break;
    }
    return bad(r, "unknown");
}

/* As if `( ident put method put` had been run. Returns 0 or MPM_ENOMEM. */
static int
take_up(struct run *r, const struct mpm_stock *stock)
{
    struct mpm_checker *c = r->c;

    if (!has_room(r, 2))
        return MPM_ENOMEM;
    c->marks[r->n_marks++] = (struct mpm_mark){ stock->mark, 0 };
    for (int i = 0; i < 2; i++) {
        const struct mpm_item *text = &stock->texts[i];

        c->stack[r->n++] = (struct mpm_cell){ text->start, text->root, 1 };
        c->memo[r->n_memo++] = (struct mpm_memo){ text->start, text->root, text->end - (stock->memoizes ? 1 : 2), 0 };
        r->doc->has_native_str |= r->bytes[text->root] == MPM_OP_SHORT_BINSTRING;
    }
    r->n_defined = 2;
    r->memoizes = stock->memoizes;
    r->puts = !stock->memoizes;
    r->doc->protocol = stock->protocol;
    return 0;
}

/* stock: NULL, or how far the message has been checked. */
static int
check(struct mpm_checker *c, const uint8_t *bytes, size_t len, bool body, const struct mpm_stock *stock, struct mpm_doc *doc,
    struct mpm_error *err)
{
    struct run r = { .c = c, .doc = doc, .err = err, .bytes = bytes, .len = (uint32_t)len, .body = body,
        .lowest_get = NO_ENTRY, .fields_root = NO_ENTRY, .args_root = NO_ENTRY };
    uint32_t at = 0;
    int e;

    *doc = (struct mpm_doc){ .bytes = bytes, .len = len, .n_args = -1, .checker = c };
    c->has_ends = false;
    c->walked = 0;
    if (stock != NULL) {
        if (take_up(&r, stock) != 0)
            return MPM_ENOMEM;
        at = stock->texts[1].end;
    } else if (!body && len > 11 && bytes[0] == MPM_OP_PROTO && bytes[1] <= 5) { /* as nearly every message begins */
        doc->protocol = bytes[1];
        at = bytes[2] == MPM_OP_FRAME && mpm__le8(bytes + 3) <= len - 11 ? 11 : 2;
    }
    while (at < len && (at = eat_common(&r, at)) < len) {
        if (bytes[at] == MPM_OP_STOP && at == len - 1 && !body) {
            r.op.at = at;
            return finish(&r);
        }
        if (mpm__opinfo[bytes[at]].name == NULL)
            return mpm__fail(err, MPM_EBADPICKLE, at, "unknown opcode 0x%02x at offset %u", bytes[at], (unsigned)at);
        e = read_op(&r, at);
        if (e != 0)
            return e;
        if (r.op.code == MPM_OP_STOP && !body)
            return mpm__fail(err, MPM_EBADPICKLE, r.op.next, "opcode STOP at offset %u: %zu bytes follow it",
                (unsigned)at, len - r.op.next);
        e = step(&r);
        if (e != 0)
            return e;
        at = r.op.next;
    }
    if (!body)
        return mpm__fail(err, MPM_EBADPICKLE, len, "the pickle of %zu bytes ends without STOP", len);
    r.op.at = (uint32_t)len;
    return finish(&r);
}

static int
check_all(struct mpm_checker *c, const uint8_t *bytes, size_t len, bool body, const struct mpm_stock *stock,
    struct mpm_doc *doc, struct mpm_error *err)
{
    int r;

    if (len == 0)
        return mpm__fail(err, MPM_EBADPICKLE, 0, "Ran out of input");
    if (len > MPM_PICKLE_LEN_MAX)
        return mpm__fail(err, MPM_ELIMIT, 0, "a pickle of %zu bytes; %u are the most", len, (unsigned)MPM_PICKLE_LEN_MAX);
    r = check(c, bytes, len, body, stock, doc, err);
    if (r != NOT_PLAIN)
        return r == MPM_ENOMEM ? mpm__fail(err, r, 0, "out of memory") : r;
    mpm__buf_clear(&c->plain);
    r = mpm__plain(bytes, len, &c->plain);
    if (r != 0)
        return mpm__fail(err, r, 0, "%s", mpm_error_text(r));
    r = check(c, c->plain.data, c->plain.len, body, NULL, doc, err);
    return r == MPM_ENOMEM ? mpm__fail(err, r, 0, "out of memory") : r;
}

int
mpm__check(struct mpm_checker *c, const uint8_t *bytes, size_t len, bool body, struct mpm_doc *doc, struct mpm_error *err)
{
    return check_all(c, bytes, len, body, NULL, doc, err);
}

int
mpm__check_rest(struct mpm_checker *c, const uint8_t *bytes, size_t len, const struct mpm_stock *stock, struct mpm_doc *doc,
    struct mpm_error *err)
{
    if (MPM_CHECK_QUICKLY && mpm__check_brief(c, bytes, len, stock, doc))
        return 0;
    return check_all(c, bytes, len, false, stock, doc, err);
}

void
mpm__checker_wipe(struct mpm_checker *c)
{
    mpm__free(c->stack);
    mpm__free(c->memo);
    mpm__free(c->marks);
    mpm__free(c->ends);
    mpm__free(c->mapped);
    mpm__free(c->stops);
    mpm__free(c->tasks);
    mpm__buf_wipe(&c->plain);
    *c = (struct mpm_checker){ 0 };
}

void
mpm__checker_trim(struct mpm_checker *c)
{
    size_t size = c->stack_cap * sizeof *c->stack + c->memo_cap * sizeof *c->memo + c->marks_cap * sizeof *c->marks +
                  c->stops_cap * sizeof *c->stops + c->plain.cap; /* the others are no larger than these */

    if (size > KEEP_MAX)
        mpm__checker_wipe(c);
}

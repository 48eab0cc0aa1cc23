/*
 * canon.c - one form of bytes for all values that Python holds equal. Layer: value.
 *
 * A pickle is a postfix program: one pass over a value's opcodes leaves, on a stack of bytes, the forms of its parts
 * one behind another, and each opcode puts those that it takes into a group (form.h). So cost is linear, apart from
 * sorting dicts and sets, and nothing recurses. A memo reference copies the form that the entry has; a value that
 * changes afterwards was referred to from inside itself. Scalars never get here: they are written at once. What
 * calling a well-known class gives is canon_known.c's.
 */
#include "value/canon.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "hash/digest.h"
#include "pickle/names.h"
#include "pickle/opcodes.h"
#include "value/form.h"
#include "value/number.h"

/* A message may share one value many times over; its form is then much longer than the message. So much may all forms
 * of one series be longer. */
#define WORK_MIN (UINT64_C(64) << 20)
#define WORK_PER_BYTE 16
/* What only a very large value needs is given back when it is done. */
#define KEPT_MAX (UINT32_C(1) << 20)

#define NO_MEMO 0

/* One value on the stack; its bytes go on to where the next one's begin. */
struct mpm_canon_cell {
    size_t start;
    uint32_t memo;       /* the last memo entry that is it, + 1 */
    uint8_t kind;        /* enum mpm_cell_kind: what may be added yet */
    uint8_t unhashable;  /* enum mpm_unhashable */
    bool is_fixed;       /* was copied by reference: may not change any more */
};

struct memo {
    uint32_t cell;       /* where it is on the stack, + 1; 0: in `saved` */
    uint32_t next;       /* another entry of the same value, + 1 */
    size_t at, len;      /* in saved */
    uint8_t unhashable;
};

struct mpm_machine {
    struct mpm_canon *canon;
    struct mpm_canon_cell *cells;
    size_t n_cells, cells_cap;
    uint32_t *marks;     /* cells below each */
    size_t n_marks, marks_cap;
    struct memo *memo;
    size_t n_memo, memo_cap;
    struct mpm_buf saved;
    struct mpm_buf scratch;
    struct mpm_buf normal;   /* a part of a message, cut out */
    const uint8_t **sorted;
    size_t sorted_cap;
    uint64_t work_left;
    bool contains_itself;
};

static const char *const unhashables[] = {
#define X(symbol, text) text,
    MPM_UNHASHABLES(X)
#undef X
};

/* --- scalars ------------------------------------------------------------------------------------------------------ */

static int
put_text(struct mpm_buf *out, uint8_t letter, const uint8_t *bytes, size_t len)
{
    mpm__buf_u8(out, letter);
    mpm__form_put_counted(out, bytes, len);
    return out->error;
}

/* A byte string of Python 2, as Python 3 reads it. */
static int
put_native(struct mpm_buf *out, const uint8_t *bytes, size_t len)
{
    size_t n = 0;

    while (n < len && bytes[n] < 0x80)
        n++;
    return put_text(out, n == len ? MPM_FORM_TEXT : MPM_FORM_BYTES, bytes, len);
}

static int
put_double(struct mpm_canon *c, double v)
{
    if (isnan(v)) {
        c->is_nan = true;
        mpm__buf_put(&c->bytes, (const uint8_t[]){ MPM_FORM_INFINITY, 5, MPM_FORM_NAN }, 3);
        mpm__buf_le(&c->bytes, c->salt, 4);
    } else {
        mpm__exact_double(v, &c->bytes);
    }
    return c->bytes.error;
}

/* A class by its names in Python 3. */
static int
put_class(struct mpm_buf *out, const uint8_t *module, size_t module_len, const uint8_t *name, size_t name_len)
{
    (void)mpm__name_to(3, &module, &module_len, &name, &name_len); /* without a counterpart it stays as it is */
    mpm__buf_u8(out, MPM_FORM_CLASS);
    mpm__form_put_counted(out, module, module_len);
    mpm__form_put_counted(out, name, name_len);
    return out->error;
}

/* What protocol 0 writes as a line, and other forms that are rare. */
static int
put_rare_scalar(struct mpm_canon *c, const uint8_t *bytes, const struct mpm_op *op, uint64_t *work)
{
    struct mpm_doc doc;
    struct mpm_ref ref = { &doc, { op->at, op->at, op->next } };
    struct mpm_buf scratch = { 0 };
    const uint8_t *text;
    int64_t v;
    size_t len;
    double d;
    int r, kind;

    doc.bytes = bytes; /* all that is looked at for a scalar */
    kind = mpm__kind(&ref);
    switch (kind) {
    case MPM_K_BOOL:
    case MPM_K_INT:
        if ((r = mpm__read_int64(ref, &v)) == 0) {
            mpm__exact_int64(v, &c->bytes);
        } else if (r == MPM_ERANGE && (r = mpm__read_bigint(ref, &scratch)) == 0) {
            r = mpm__exact_bigint(scratch.data, scratch.len, work, &c->bytes);
        } else if (r == MPM_ERANGE) { /* too long a literal, which CPython does not load */
            r = put_text(&c->bytes, MPM_FORM_LONG_DECIMAL, bytes + op->data, op->data_len);
        }
        break;
    case MPM_K_FLOAT:
        if ((r = mpm__read_double(ref, &d)) == 0)
            r = put_double(c, d);
        break;
    case MPM_K_STR:
    case MPM_K_NATIVE:
        if ((r = mpm__decode_text(ref, &scratch, &text, &len)) == 0)
            r = kind == MPM_K_STR ? put_text(&c->bytes, MPM_FORM_TEXT, text, len) : put_native(&c->bytes, text, len);
        break;
    case MPM_K_GLOBAL:
        text = memchr(bytes + op->data, '\n', op->data_len);
        len = (size_t)(text - (bytes + op->data));
        r = put_class(&c->bytes, bytes + op->data, len, text + 1, op->data_len - len - 1);
        break;
    default:
        assert(!"a scalar");
        r = MPM_EBADPICKLE;
    }
    mpm__buf_wipe(&scratch);
    return r != 0 ? r : c->bytes.error;
}

/* One opcode that pushes a value which is whole. Appends its form. */
static int
put_scalar(struct mpm_canon *c, const uint8_t *bytes, const struct mpm_op *op, uint8_t *unhashable, uint64_t *work)
{
    const uint8_t *data = bytes + op->data;
    uint64_t bits = 0;
    double d;

    *unhashable = MPM_UNHASHABLE_NONE;
    switch (op->code) {
    case MPM_OP_NONE:
        mpm__buf_u8(&c->bytes, MPM_FORM_NONE);
        return c->bytes.error;
    case MPM_OP_NEWTRUE:
    case MPM_OP_NEWFALSE:
        mpm__exact_int64(op->code == MPM_OP_NEWTRUE, &c->bytes);
        return c->bytes.error;
    case MPM_OP_BININT1:
        mpm__exact_int64(*data, &c->bytes);
        return c->bytes.error;
    case MPM_OP_BININT2:
        mpm__exact_int64(data[0] | data[1] << 8, &c->bytes);
        return c->bytes.error;
    case MPM_OP_BININT:
        mpm__exact_int64((int32_t)mpm__form_u32(data), &c->bytes);
        return c->bytes.error;
    case MPM_OP_LONG1:
    case MPM_OP_LONG4:
        if (op->data_len > 8)
            return mpm__exact_bigint(data, op->data_len, work, &c->bytes);
        bits = mpm__le(data, (unsigned)op->data_len);
        if (op->data_len > 0 && op->data_len < 8 && data[op->data_len - 1] & 0x80)
            bits |= ~UINT64_C(0) << (8 * op->data_len);
        mpm__exact_int64((int64_t)bits, &c->bytes);
        return c->bytes.error;
    case MPM_OP_BINFLOAT:
        for (int i = 0; i < 8; i++)
            bits = bits << 8 | data[i];
        memcpy(&d, &bits, sizeof d);
        return put_double(c, d);
    case MPM_OP_SHORT_BINUNICODE:
    case MPM_OP_BINUNICODE:
    case MPM_OP_BINUNICODE8:
        return put_text(&c->bytes, MPM_FORM_TEXT, data, op->data_len);
    case MPM_OP_SHORT_BINSTRING:
    case MPM_OP_BINSTRING:
        return put_native(&c->bytes, data, op->data_len);
    case MPM_OP_BYTEARRAY8:
        *unhashable = MPM_UNHASHABLE_BYTEARRAY;
        /* fallthrough */
    case MPM_OP_SHORT_BINBYTES:
    case MPM_OP_BINBYTES:
    case MPM_OP_BINBYTES8:
        return put_text(&c->bytes, MPM_FORM_BYTES, data, op->data_len);
    default:
        return put_rare_scalar(c, bytes, op, work);
    }
}

static bool
is_scalar(uint8_t code)
{
    switch (code) {
    case MPM_OP_EMPTY_TUPLE:
    case MPM_OP_EMPTY_LIST:
    case MPM_OP_EMPTY_DICT:
    case MPM_OP_EMPTY_SET:
        return false;
    }
    return mpm__opinfo[code].effect == MPM_EFFECT_PUSH;
}

/* --- the stack ---------------------------------------------------------------------------------------------------- */

static struct mpm_buf *
out_of(struct mpm_machine *m)
{
    return &m->canon->bytes;
}

static int
spend(struct mpm_machine *m, uint64_t n)
{
    if (n > m->work_left)
        return MPM_ELIMIT;
    m->work_left -= n;
    return 0;
}

/* Room for one more of an array that doubles. */
static int
room(void *array, size_t n, size_t *cap, size_t size)
{
    size_t more = *cap != 0 ? 2 * *cap : 16;
    void *old, *grown;

    if (n < *cap)
        return 0;
    memcpy(&old, array, sizeof old);
    if ((grown = mpm__resize(old, more, size)) == NULL)
        return MPM_ENOMEM;
    memcpy(array, &grown, sizeof grown);
    *cap = more;
    return 0;
}

static int
push(struct mpm_machine *m, size_t start, struct mpm_made made)
{
    if (room(&m->cells, m->n_cells, &m->cells_cap, sizeof *m->cells) != 0)
        return MPM_ENOMEM;
    m->cells[m->n_cells++] = (struct mpm_canon_cell){ .start = start, .kind = made.kind, .unhashable = made.unhashable };
    return 0;
}

static size_t
end_of(struct mpm_machine *m, size_t i)
{
    return i + 1 < m->n_cells ? m->cells[i + 1].start : out_of(m)->len;
}

/* --- sorting ------------------------------------------------------------------------------------------------------ */

static int
compare_keys(const uint8_t *a, const uint8_t *b)
{
    size_t a_len = (size_t)(mpm__form_skip(a) - a), b_len = (size_t)(mpm__form_skip(b) - b);
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

    return order != 0 ? order : a_len < b_len ? -1 : a_len > b_len;
}

static int
compare_places(const void *a, const void *b)
{
    const uint8_t *x, *y;
    int order;

    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    order = compare_keys(x, y);
    return order != 0 ? order : x < y ? -1 : x > y; /* of equal ones the later is behind */
}

static const uint8_t *
skip_entry(const uint8_t *p, bool pairs)
{
    p = mpm__form_skip(p);
    return pairs ? mpm__form_skip(p) : p;
}

/* Sorts the n entries that begin at `from` and end at `to`; of those with the same key the last one stays. *n: how
 * many are left, *end: where they end. */
static int
sort_entries(struct mpm_machine *m, size_t from, size_t to, bool pairs, uint32_t *n, size_t *end)
{
    struct mpm_buf *out = out_of(m);
    const uint8_t *p = out->data + from, *last = NULL, *next;
    bool in_order = true;
    uint32_t count = 0;
    int r;

    *end = to;
    for (uint32_t i = 0; i < *n && in_order; i++, p = skip_entry(p, pairs)) {
        in_order = last == NULL || compare_keys(last, p) < 0;
        last = p;
    }
    if (in_order)
        return 0;
    if ((r = spend(m, 2 * (to - from))) != 0)
        return r;
    if (m->sorted_cap < *n) {
        mpm__free(m->sorted);
        m->sorted_cap = 0;
        if ((m->sorted = mpm__array(*n, sizeof *m->sorted)) == NULL)
            return MPM_ENOMEM;
        m->sorted_cap = *n;
    }
    p = out->data + from;
    for (uint32_t i = 0; i < *n; i++, p = skip_entry(p, pairs))
        m->sorted[i] = p;
    qsort(m->sorted, *n, sizeof *m->sorted, compare_places);
    mpm__buf_clear(&m->scratch);
    for (uint32_t i = 0; i < *n; i++) {
        if (i + 1 < *n && compare_keys(m->sorted[i], m->sorted[i + 1]) == 0)
            continue;
        next = skip_entry(m->sorted[i], pairs);
        mpm__buf_put(&m->scratch, m->sorted[i], (size_t)(next - m->sorted[i]));
        count++;
    }
    if (m->scratch.error != 0)
        return m->scratch.error;
    memcpy(out->data + from, m->scratch.data, m->scratch.len);
    *n = count;
    *end = from + m->scratch.len;
    return 0;
}

/* --- groups ------------------------------------------------------------------------------------------------------- */

/* What was added to a group is whole: entries in order, size in the head. *end: where it ends, which may be earlier
 * now. */
static int
finish_group(struct mpm_machine *m, const struct mpm_canon_cell *cell, size_t *end)
{
    struct mpm_buf *out = out_of(m);
    uint8_t *head = out->data + cell->start;
    size_t from = cell->start + MPM_FORM_HEAD, to = *end, new_to;
    uint32_t n = mpm__form_count(head), n_items, n_states;
    const uint8_t *p;
    int r = 0;

    if (cell->kind == MPM_CELL_DICT || cell->kind == MPM_CELL_SET) {
        if ((r = sort_entries(m, from, to, cell->kind == MPM_CELL_DICT, &n, end)) != 0)
            return r;
    } else if (cell->kind == MPM_CELL_OBJECT && (n = mpm__form_u32(head + MPM_FORM_HEAD + 5)) != 0) {
        n_items = mpm__form_u32(head + MPM_FORM_HEAD + 1);
        n_states = mpm__form_u32(head + MPM_FORM_HEAD + 9);
        if (head[MPM_FORM_HEAD] == 0) { /* in the usual order */
            p = mpm__form_skip(mpm__form_skip(head + MPM_FORM_OBJECT_HEAD));
            while (n_items-- > 0)
                p = mpm__form_skip(p);
            from = (size_t)(p - out->data);
            for (uint32_t i = 0; i < n; i++)
                p = skip_entry(p, true);
            new_to = to = (size_t)(p - out->data);
            if ((r = sort_entries(m, from, to, true, &n, &new_to)) != 0)
                return r;
            head = out->data + cell->start;
            mpm__form_set_u32(head + MPM_FORM_HEAD + 5, n);
            if (n_states != 0)
                memmove(out->data + new_to, out->data + to, *end - to);
            *end -= to - new_to;
        }
        n = mpm__form_count(head);
    }
    head = out->data + cell->start;
    mpm__form_set_u64(head + 1, *end - cell->start - MPM_FORM_HEAD);
    mpm__form_set_u32(head + 9, n);
    return 0;
}

/* The value in cell i changes no more. */
static int
finish(struct mpm_machine *m, size_t i)
{
    struct mpm_canon_cell *cell = &m->cells[i];
    struct mpm_buf *out = out_of(m);
    size_t old_end = end_of(m, i), end = old_end, gone;
    int r;

    if (cell->kind == MPM_CELL_DONE)
        return 0;
    if ((r = finish_group(m, cell, &end)) != 0)
        return r;
    cell->kind = MPM_CELL_DONE;
    if ((gone = old_end - end) == 0)
        return 0;
    if ((r = spend(m, out->len - old_end + m->n_cells - i)) != 0)
        return r;
    memmove(out->data + end, out->data + old_end, out->len - old_end);
    mpm__buf_cut(out, out->len - gone);
    while (++i < m->n_cells)
        m->cells[i].start -= gone;
    return 0;
}

/* Keeps the form of a cell that is going to be part of another, for those who refer to it. */
static int
save(struct mpm_machine *m, size_t i)
{
    struct mpm_canon_cell *cell = &m->cells[i];
    size_t len = end_of(m, i) - cell->start, at = m->saved.len;
    struct memo *memo;
    int r = spend(m, len);

    if (r != 0)
        return r;
    mpm__buf_put(&m->saved, out_of(m)->data + cell->start, len);
    for (uint32_t n = cell->memo; n != NO_MEMO; n = memo->next) {
        memo = &m->memo[n - 1];
        memo->cell = 0;
        memo->at = at;
        memo->len = len;
        memo->unhashable = cell->unhashable;
    }
    return m->saved.error;
}

/* The cells from `from` on go into something: none of them changes any more. Their bytes stay. *unhashable: the first
 * of them that is. */
static int
take(struct mpm_machine *m, size_t from, uint8_t *unhashable)
{
    int r = 0;

    *unhashable = MPM_UNHASHABLE_NONE;
    for (size_t i = from; r == 0 && i < m->n_cells; i++) {
        if (*unhashable == MPM_UNHASHABLE_NONE)
            *unhashable = m->cells[i].unhashable;
        if (m->cells[i].kind != MPM_CELL_DONE)
            r = finish(m, i);
        if (r == 0 && m->cells[i].memo != NO_MEMO)
            r = save(m, i);
    }
    m->n_cells = from;
    return r;
}

/* Room for n bytes at `at`, in front of what is there. */
static uint8_t *
insert(struct mpm_buf *out, size_t at, size_t n)
{
    size_t len = out->len;

    if (mpm__buf_add(out, n) == NULL)
        return NULL;
    memmove(out->data + at + n, out->data + at, len - at);
    return out->data + at;
}

static void
set_head(uint8_t *head, uint8_t letter, size_t size, uint32_t count)
{
    head[0] = letter;
    mpm__form_set_u64(head + 1, size);
    mpm__form_set_u32(head + 9, count);
}

/* An empty group. */
static int
push_empty(struct mpm_machine *m, uint8_t letter, struct mpm_made made)
{
    size_t start = out_of(m)->len;
    uint8_t *head = mpm__buf_add(out_of(m), MPM_FORM_HEAD);

    if (head == NULL)
        return out_of(m)->error;
    set_head(head, letter, 0, 0);
    return push(m, start, made);
}

/* A group of all cells from `from` on, which begin at `start`. */
static int
collect(struct mpm_machine *m, size_t from, uint8_t letter, struct mpm_made made)
{
    uint32_t n = (uint32_t)(m->n_cells - from);
    size_t start = from < m->n_cells ? m->cells[from].start : out_of(m)->len;
    uint8_t *head, unhashable;
    int r;

    if ((r = take(m, from, &unhashable)) != 0 || (r = spend(m, (out_of(m)->len - start) / 16)) != 0)
        return r;
    if ((head = insert(out_of(m), start, MPM_FORM_HEAD)) == NULL)
        return out_of(m)->error;
    set_head(head, letter, out_of(m)->len - start - MPM_FORM_HEAD, letter == MPM_FORM_DICT ? n / 2 : n);
    if (letter == MPM_FORM_TUPLE)
        made.unhashable = unhashable;
    return push(m, start, made);
}

/* --- adding ------------------------------------------------------------------------------------------------------- */

enum addition { ADD_ITEMS, ADD_PAIRS, ADD_STATE };

/* Into an instance: its counts say what comes in which number; the first byte that it is not in the usual order. */
static void
count_in_object(uint8_t *head, enum addition what, uint32_t n)
{
    uint8_t *counts = head + MPM_FORM_HEAD + 1, *count = counts + 4 * (size_t)what;

    for (int later = (int)what + 1; later <= ADD_STATE; later++)
        if (mpm__form_u32(counts + 4 * (size_t)later) != 0)
            head[MPM_FORM_HEAD] = 1;
    mpm__form_set_u32(count, mpm__form_u32(count) + n);
}

/* Older Pythons leave it out. */
static bool
is_empty_state(const uint8_t *p)
{
    return *p == MPM_FORM_NONE || (*p == MPM_FORM_DICT && mpm__form_count(p) == 0);
}

/* All cells behind cell `to` go into it. */
static int
add(struct mpm_machine *m, size_t to, enum addition what)
{
    uint32_t n = (uint32_t)(m->n_cells - to - 1);
    struct mpm_canon_cell *cell;
    size_t at;
    uint8_t unhashable, *head;
    int r;

    if (n == 0)
        return 0;
    at = m->cells[to + 1].start;
    if ((r = take(m, to + 1, &unhashable)) != 0)
        return r;
    cell = &m->cells[to];
    if (cell->is_fixed) { /* it was copied before it was whole */
        m->contains_itself = true;
        return MPM_ELIMIT;
    }
    head = out_of(m)->data + cell->start;
    switch (cell->kind) {
    case MPM_CELL_OBJECT:
        if (what == ADD_STATE && is_empty_state(out_of(m)->data + at))
            break;
        count_in_object(head, what, what == ADD_PAIRS ? n / 2 : n);
        return 0;
    case MPM_CELL_LIST:
    case MPM_CELL_SET:
    case MPM_CELL_DICT:
        if (what == (cell->kind == MPM_CELL_DICT ? ADD_PAIRS : ADD_ITEMS)) {
            mpm__form_set_u32(head + 9, mpm__form_count(head) + (what == ADD_PAIRS ? n / 2 : n));
            return 0;
        }
        break;
    default:
        break;
    }
    mpm__buf_cut(out_of(m), at); /* attributes of a dict or list do not count for == */
    return 0;
}

/* --- instances ---------------------------------------------------------------------------------------------------- */

/* The two cells at the top are a callable and its arguments. */
static int
call(struct mpm_machine *m)
{
    struct mpm_made made = { 0 };
    size_t start = m->cells[m->n_cells - 2].start;
    struct mpm_buf *out = out_of(m);
    uint8_t unhashable, *head;
    int r = take(m, m->n_cells - 2, &unhashable);

    if (r != 0 || (r = spend(m, (out->len - start) / 16)) != 0)
        return r;
    r = mpm__canon_call(m->canon, start, &m->work_left, &m->scratch, &made);
    if (r == MPM_ETYPE) {
        if ((head = insert(out, start, MPM_FORM_OBJECT_HEAD)) == NULL)
            return out->error;
        set_head(head, MPM_FORM_OBJECT, 0, 2);
        memset(head + MPM_FORM_HEAD, 0, MPM_FORM_OBJECT_HEAD - MPM_FORM_HEAD);
        made.kind = MPM_CELL_OBJECT;
        r = 0;
    }
    return r != 0 ? r : push(m, start, made);
}

/* class, arguments, keyword arguments */
static int
call_with_keywords(struct mpm_machine *m)
{
    size_t start = m->cells[m->n_cells - 1].start;
    struct mpm_buf *out = out_of(m), keywords = { 0 };
    uint8_t unhashable;
    int r = take(m, m->n_cells - 1, &unhashable);

    if (r != 0)
        return r;
    mpm__buf_put(&keywords, out->data + start, out->len - start);
    mpm__buf_cut(out, start);
    r = keywords.error != 0 ? keywords.error : call(m);
    start = out->len;
    if (r == 0) {
        mpm__buf_put(out, keywords.data, keywords.len);
        r = out->error != 0 ? out->error : push(m, start, (struct mpm_made){ 0 });
    }
    mpm__buf_wipe(&keywords);
    return r != 0 ? r : add(m, m->n_cells - 2, ADD_STATE);
}

/* `module name` and arguments from `from` on (Python 2's classes in protocol 0). */
static int
instance(struct mpm_machine *m, size_t from, const uint8_t *line, size_t len)
{
    struct mpm_buf *out = out_of(m), class = { 0 };
    const uint8_t *name = (const uint8_t *)memchr(line, '\n', len) + 1;
    size_t start, module_len = (size_t)(name - line) - 1;
    uint8_t *at;
    int r = collect(m, from, MPM_FORM_TUPLE, (struct mpm_made){ 0 });

    if (r != 0)
        return r;
    start = m->cells[from].start;
    r = put_class(&class, line, module_len, name, len - module_len - 1);
    if (r == 0 && (at = insert(out, start, class.len)) != NULL) {
        memcpy(at, class.data, class.len);
        m->cells[from].start += class.len;
        r = push(m, m->cells[from].start, (struct mpm_made){ 0 });
        m->cells[from].start = start;
    }
    mpm__buf_wipe(&class);
    return r != 0 ? r : out->error != 0 ? out->error : call(m);
}

/* Class and arguments from `from` on. */
static int
instance_of_first(struct mpm_machine *m, size_t from)
{
    int r = collect(m, from + 1, MPM_FORM_TUPLE, (struct mpm_made){ 0 });

    return r != 0 ? r : call(m);
}

/* Two texts at the top name a class. */
static int
class_by_texts(struct mpm_machine *m)
{
    size_t start = m->cells[m->n_cells - 2].start, module_len, name_len;
    struct mpm_buf *out = out_of(m);
    const uint8_t *module, *name;
    uint8_t unhashable;
    int r = take(m, m->n_cells - 2, &unhashable);

    if (r != 0)
        return r;
    if (out->data[start] == MPM_FORM_TEXT) {
        module = mpm__form_counted(out->data + start + 1, &module_len);
        name = module + module_len;
        if (*name == MPM_FORM_TEXT) {
            name = mpm__form_counted(name + 1, &name_len);
            mpm__buf_clear(&m->scratch);
            if ((r = put_class(&m->scratch, module, module_len, name, name_len)) != 0)
                return r;
            mpm__buf_cut(out, start);
            mpm__buf_put(out, m->scratch.data, m->scratch.len);
        }
    }
    return out->error != 0 ? out->error : push(m, start, (struct mpm_made){ 0 });
}

/* --- memo --------------------------------------------------------------------------------------------------------- */

static int
put_memo(struct mpm_machine *m, uint32_t index)
{
    struct mpm_canon_cell *top = &m->cells[m->n_cells - 1];

    assert(index == m->n_memo); /* normal form */
    if (room(&m->memo, m->n_memo, &m->memo_cap, sizeof *m->memo) != 0)
        return MPM_ENOMEM;
    m->memo[m->n_memo++] = (struct memo){ .cell = (uint32_t)m->n_cells, .next = top->memo };
    top->memo = index + 1;
    return 0;
}

static int
get_memo(struct mpm_machine *m, uint32_t index)
{
    struct memo *memo = &m->memo[index];
    struct mpm_buf *out = out_of(m);
    struct mpm_made made = { .unhashable = memo->unhashable };
    size_t i, at = memo->at, start, len = memo->len;
    bool on_stack = memo->cell != 0;
    uint8_t *copy;
    int r;

    assert(index < m->n_memo);
    if (on_stack) {
        i = memo->cell - 1;
        if ((r = finish(m, i)) != 0)
            return r;
        m->cells[i].is_fixed = true;
        at = m->cells[i].start;
        len = end_of(m, i) - at;
        made.unhashable = m->cells[i].unhashable;
    }
    start = out->len;
    if ((r = spend(m, len)) != 0)
        return r;
    if ((copy = mpm__buf_add(out, len)) == NULL)
        return out->error;
    memcpy(copy, (on_stack ? out : &m->saved)->data + at, len);
    if ((r = push(m, start, made)) == 0)
        m->cells[m->n_cells - 1].is_fixed = true;
    return r;
}

/* --- the machine -------------------------------------------------------------------------------------------------- */

/* Behind the last mark, which is taken. */
static size_t
since_mark(struct mpm_machine *m)
{
    assert(m->n_marks > 0);
    return m->marks[--m->n_marks];
}

/* What is thrown away may be referred to later (a recursive tuple's items). An instance thrown away behind another one
 * was made for what making it did (a reduce function's state_setter): it counts as that one's state. */
static int
pop(struct mpm_machine *m)
{
    struct mpm_buf *out = out_of(m);
    size_t top = m->n_cells - 1, start;
    struct mpm_canon_cell *below;
    uint8_t unhashable;
    int r;

    if (m->n_marks > 0 && m->marks[m->n_marks - 1] == m->n_cells) {
        m->n_marks--;
        return 0;
    }
    assert(m->n_cells > 0);
    start = m->cells[top].start;
    if (top > 0 && (m->n_marks == 0 || m->marks[m->n_marks - 1] < top)) {
        below = &m->cells[top - 1];
        if (out->data[start] == MPM_FORM_OBJECT && out->data[below->start] == MPM_FORM_OBJECT) {
            below->kind = MPM_CELL_OBJECT;
            below->is_fixed = false; /* its setter refers to it */
            return add(m, top - 1, ADD_STATE);
        }
    }
    if ((r = take(m, top, &unhashable)) == 0)
        mpm__buf_cut(out, start);
    return r;
}

static int
step(struct mpm_machine *m, const uint8_t *bytes, const struct mpm_op *op)
{
    static const struct mpm_made value = { 0 }, list = { MPM_CELL_LIST, MPM_UNHASHABLE_LIST },
        dict = { MPM_CELL_DICT, MPM_UNHASHABLE_DICT }, set = { MPM_CELL_SET, MPM_UNHASHABLE_SET },
        frozenset = { MPM_CELL_SET, MPM_UNHASHABLE_NONE };
    size_t start = out_of(m)->len, n = m->n_cells;
    struct mpm_made made = value;
    int r;

    switch (op->code) {
    case MPM_OP_MARK:
        if (room(&m->marks, m->n_marks, &m->marks_cap, sizeof *m->marks) != 0)
            return MPM_ENOMEM;
        m->marks[m->n_marks++] = (uint32_t)n;
        return 0;
    case MPM_OP_EMPTY_TUPLE:
        return push_empty(m, MPM_FORM_TUPLE, value);
    case MPM_OP_EMPTY_LIST:
        return push_empty(m, MPM_FORM_LIST, list);
    case MPM_OP_EMPTY_DICT:
        return push_empty(m, MPM_FORM_DICT, dict);
    case MPM_OP_EMPTY_SET:
        return push_empty(m, MPM_FORM_SET, set);
    case MPM_OP_TUPLE:
        return collect(m, since_mark(m), MPM_FORM_TUPLE, value);
    case MPM_OP_TUPLE1:
        return collect(m, n - 1, MPM_FORM_TUPLE, value);
    case MPM_OP_TUPLE2:
        return collect(m, n - 2, MPM_FORM_TUPLE, value);
    case MPM_OP_TUPLE3:
        return collect(m, n - 3, MPM_FORM_TUPLE, value);
    case MPM_OP_LIST:
        return collect(m, since_mark(m), MPM_FORM_LIST, list);
    case MPM_OP_DICT:
        return collect(m, since_mark(m), MPM_FORM_DICT, dict);
    case MPM_OP_FROZENSET:
        return collect(m, since_mark(m), MPM_FORM_SET, frozenset);
    case MPM_OP_APPEND:
        return add(m, n - 2, ADD_ITEMS);
    case MPM_OP_SETITEM:
        return add(m, n - 3, ADD_PAIRS);
    case MPM_OP_BUILD:
        return add(m, n - 2, ADD_STATE);
    case MPM_OP_APPENDS:
    case MPM_OP_ADDITEMS:
        return add(m, since_mark(m) - 1, ADD_ITEMS);
    case MPM_OP_SETITEMS:
        return add(m, since_mark(m) - 1, ADD_PAIRS);
    case MPM_OP_REDUCE:
    case MPM_OP_NEWOBJ:
        return call(m);
    case MPM_OP_NEWOBJ_EX:
        return call_with_keywords(m);
    case MPM_OP_INST:
        return instance(m, since_mark(m), bytes + op->data, op->data_len);
    case MPM_OP_OBJ:
        return instance_of_first(m, since_mark(m));
    case MPM_OP_STACK_GLOBAL:
        return class_by_texts(m);
    case MPM_OP_BINPUT:
    case MPM_OP_LONG_BINPUT:
        return put_memo(m, mpm__op_index(bytes, op));
    case MPM_OP_BINGET:
    case MPM_OP_LONG_BINGET:
        return get_memo(m, mpm__op_index(bytes, op));
    case MPM_OP_POP:
        return pop(m);
    case MPM_OP_POP_MARK:
        for (n = since_mark(m), r = 0; r == 0 && m->n_cells > n;)
            r = pop(m);
        return r;
    default:
        if ((r = put_scalar(m->canon, bytes, op, &made.unhashable, &m->work_left)) != 0)
            return r;
        return push(m, start, made);
    }
}

static void
trim(struct mpm_machine *m)
{
    if (m->cells_cap > KEPT_MAX / sizeof *m->cells || m->memo_cap > KEPT_MAX / sizeof *m->memo ||
        m->marks_cap > KEPT_MAX / sizeof *m->marks || m->sorted_cap > KEPT_MAX / sizeof *m->sorted) {
        mpm__free(m->cells);
        mpm__free(m->memo);
        mpm__free(m->marks);
        mpm__free(m->sorted);
        m->cells = NULL;
        m->memo = NULL;
        m->marks = NULL;
        m->sorted = NULL;
        m->cells_cap = m->memo_cap = m->marks_cap = m->sorted_cap = 0;
    }
    if (m->saved.cap > KEPT_MAX)
        mpm__buf_wipe(&m->saved);
    if (m->scratch.cap > KEPT_MAX)
        mpm__buf_wipe(&m->scratch);
    if (m->normal.cap > KEPT_MAX)
        mpm__buf_wipe(&m->normal);
}

/* So much work a value of that length may be. */
static uint64_t
allowance(const struct mpm_canon *c, size_t len)
{
    return WORK_MIN - c->spent + WORK_PER_BYTE * (uint64_t)len;
}

static void
account(struct mpm_canon *c, uint64_t work_left)
{
    if (work_left < WORK_MIN - c->spent)
        c->spent = WORK_MIN - work_left;
}

/* The form of a value in normal form. */
static int
run(struct mpm_canon *c, const uint8_t *bytes, size_t len)
{
    struct mpm_machine *m = c->machine;
    struct mpm_op op;
    int r = 0;

    m->canon = c;
    m->n_cells = m->n_marks = m->n_memo = 0;
    mpm__buf_clear(&m->saved);
    m->work_left = allowance(c, len);
    m->contains_itself = false;
    for (uint32_t at = 0; r == 0 && at < len; at = op.next) {
        mpm__op_read(bytes, at, &op);
        r = step(m, bytes, &op);
    }
    if (r == 0) {
        assert(m->n_cells == 1 && m->n_marks == 0);
        r = finish(m, 0);
        c->unhashable = unhashables[m->cells[0].unhashable];
    }
    account(c, m->work_left);
    trim(m);
    return r;
}

static int
need_machine(struct mpm_canon *c)
{
    if (c->machine == NULL)
        c->machine = mpm__array(1, sizeof *c->machine);
    return c->machine != NULL ? 0 : MPM_ENOMEM;
}

static void
begin(struct mpm_canon *c)
{
    if (c->bytes.cap > KEPT_MAX)
        mpm__buf_wipe(&c->bytes);
    mpm__buf_clear(&c->bytes);
    c->is_nan = c->was_complex = false;
    c->unhashable = NULL;
}

static int
put_lone_scalar(struct mpm_canon *c, const uint8_t *bytes, const struct mpm_op *op)
{
    uint64_t work = allowance(c, op->data_len);
    uint8_t unhashable;
    int r = put_scalar(c, bytes, op, &unhashable, &work);

    account(c, work);
    c->unhashable = unhashables[unhashable];
    return r;
}

/* A short int or text, as most keys are. False: it is something else, nothing was written. */
static inline bool
put_common(struct mpm_canon *c, const uint8_t *bytes)
{
    switch (bytes[0]) {
    case MPM_OP_BININT1:
        mpm__exact_int64(bytes[1], &c->bytes);
        return true;
    case MPM_OP_BININT2:
        mpm__exact_int64(bytes[1] | bytes[2] << 8, &c->bytes);
        return true;
    case MPM_OP_BININT:
        mpm__exact_int64((int32_t)mpm__form_u32(bytes + 1), &c->bytes);
        return true;
    case MPM_OP_SHORT_BINUNICODE:
        (void)put_text(&c->bytes, MPM_FORM_TEXT, bytes + 2, bytes[1]);
        return true;
    }
    return false;
}

int
mpm__canon(struct mpm_ref ref, struct mpm_canon *c)
{
    struct mpm_form form;
    struct mpm_run verbatim;
    struct mpm_op op;
    int r;

    begin(c);
    if (put_common(c, ref.doc->bytes + ref.item.root))
        return c->bytes.error;
    if ((r = mpm__kind(&ref)) < 0)
        return r;
    if (is_scalar(ref.doc->bytes[ref.item.root])) {
        mpm__op_read(ref.doc->bytes, ref.item.root, &op);
        return put_lone_scalar(c, ref.doc->bytes, &op);
    }
    if ((r = need_machine(c)) != 0)
        return r;
    mpm__buf_clear(&c->machine->normal);
    if ((r = mpm__splice(ref.doc, ref.item, &c->machine->normal, &form, &verbatim)) != 0)
        return r;
    return verbatim.len != 0 ? run(c, ref.doc->bytes + verbatim.from, verbatim.len) :
        run(c, c->machine->normal.data, c->machine->normal.len);
}

int
mpm__canon_value(const struct mpm_value *v, struct mpm_canon *c)
{
    struct mpm_form form;
    struct mpm_op op;
    const uint8_t *bytes;
    size_t len;
    int r;

    begin(c);
    if ((bytes = mpm__value_bytes(v, &len, &form)) == NULL)
        return MPM_ENOMEM;
    if (is_scalar(bytes[0])) {
        mpm__op_read(bytes, 0, &op);
        if (op.next == len)
            return put_lone_scalar(c, bytes, &op);
    }
    r = need_machine(c);
    return r != 0 ? r : run(c, bytes, len);
}

bool
mpm__value_is_short_int(const struct mpm_value *v, int64_t *out)
{
    size_t len;
    const uint8_t *bytes = mpm__value_plain(v, 5, &len);

    return bytes != NULL && mpm__lone_int(bytes, len, out);
}

int
mpm__canon_equals(const struct mpm_value *v, const struct mpm_canon *wanted, struct mpm_canon *scratch)
{
    struct mpm_form form;
    struct mpm_op op;
    const uint8_t *bytes, *text;
    size_t len, text_len;
    int64_t number;
    uint64_t spent = scratch->spent;
    int r;

    if (wanted->is_nan)
        return 0;
    if (mpm__value_is_short_int(v, &number))
        return wanted->bytes.data[0] == MPM_FORM_INT && number == (int64_t)mpm__form_u64(wanted->bytes.data + 1);
    if ((bytes = mpm__value_bytes(v, &len, &form)) == NULL)
        return MPM_ENOMEM;
    /* a text in place: no copy */
    if (wanted->bytes.data[0] == MPM_FORM_TEXT && (bytes[0] == MPM_OP_SHORT_BINUNICODE || bytes[0] == MPM_OP_BINUNICODE)) {
        mpm__op_read(bytes, 0, &op);
        if (op.next == len) {
            text = mpm__form_counted(wanted->bytes.data + 1, &text_len);
            return op.data_len == text_len && memcmp(bytes + op.data, text, text_len) == 0;
        }
    }
    if (mpm__form_is_group(wanted->bytes.data[0]) && is_scalar(bytes[0])) {
        mpm__op_read(bytes, 0, &op);
        if (op.next == len)
            return 0;
    }
    r = mpm__canon_value(v, scratch);
    if (r == MPM_ELIMIT) /* `wanted` has a form, hence it is something else, if this is not because of earlier ones */
        return spent == 0 || (scratch->machine != NULL && scratch->machine->contains_itself) ? 0 : MPM_ETOOBIG;
    if (r != 0)
        return r;
    return !scratch->is_nan && scratch->bytes.len == wanted->bytes.len &&
        memcmp(scratch->bytes.data, wanted->bytes.data, wanted->bytes.len) == 0;
}

uint64_t
mpm__canon_hash(const struct mpm_canon *c, const uint8_t key[16])
{
    return mpm__keyed_hash(c->bytes.data, c->bytes.len, key);
}

void
mpm__canon_wipe(struct mpm_canon *c)
{
    struct mpm_machine *m = c->machine;

    if (m != NULL) {
        mpm__free(m->cells);
        mpm__free(m->marks);
        mpm__free(m->memo);
        mpm__free(m->sorted);
        mpm__buf_wipe(&m->saved);
        mpm__buf_wipe(&m->scratch);
        mpm__buf_wipe(&m->normal);
        mpm__free(m);
    }
    mpm__buf_wipe(&c->bytes);
    *c = (struct mpm_canon){ 0 };
}

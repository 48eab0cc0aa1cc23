/*
 * splice.c - cut one value out of a message. Layer: pickle.
 *
 * The value's bytes are copied in runs; only opcodes that concern the memo are touched. What the value refers to
 * outside of itself is written where it is first needed. Where that would tear a cycle apart (the value refers to
 * something that contains it) or content comes late, the whole message is written instead, dropped again, and the
 * value fetched by number: always right, and never longer than the message. Does not decode anything; other protocols
 * are transcode.c's.
 */
#include "pickle/splice.h"

#include <assert.h>

#include "base/alloc.h"
#include "pickle/opcodes.h"

#define NO_ENTRY UINT32_MAX
/* So many shared containers are followed one by one; beyond, the whole message is cheaper. */
#define MAX_OUTSIDE 256

/* From this length on it pays not to look at each opcode. */
#define LONG_VALUE 256

/* A value that stands in its message is that long at least; for shorter ones cutting is quick enough. */
#ifndef MPM_STANDING_MIN /* fuzzing lowers it */
#define MPM_STANDING_MIN 512
#endif
/* So many memo entries may be before it: a reply has to define as many. A stock request has 3 or 4. */
#define BASE_MAX 64
#define FRAME_LEN 9

/* Internal: write the whole message instead. */
#define WHOLE 1
/* Internal: refers to something outside of itself. */
#define NOT_CLOSED 2

struct mpm_mapped {
    uint32_t stamp; /* of the splice that set it */
    uint32_t index; /* the entry's number there */
};

/* A stretch of the message that is being copied. */
struct mpm_task {
    uint32_t start, at, end;
    uint32_t n_memoize;   /* number of the next MEMOIZE in it */
    uint32_t define;      /* memo entry to name when it is through; NO_ENTRY: none */
};

/* A container outside of the value that has been written. */
struct outside {
    uint32_t start, end, entry;
};

struct job {
    const struct mpm_doc *doc;
    struct mpm_checker *c;
    struct mpm_buf *out;
    struct mpm_form *form;
    size_t n_tasks;
    struct outside *outside;    /* room for MAX_OUTSIDE; by start */
    size_t n_outside;
    uint32_t run_from, run_to;  /* bytes accepted but not copied yet */
    bool touched;               /* something was copied or put in: the value does not stand as one run */
    uint32_t name_root;         /* put a number behind this opcode, for fetching the value later; NO_ENTRY: no */
    uint32_t name_index;
};

bool
mpm__form_suits(const struct mpm_form *form, uint8_t protocol)
{
    if (protocol < form->protocol)
        return false;
    return protocol <= 2 ? form->names != 3 : form->names != 2 && !form->native_str;
}

/* --- output ------------------------------------------------------------------------------------------------------- */

static void
flush(struct job *j)
{
    if (j->run_to > j->run_from) {
        mpm__buf_put(j->out, j->doc->bytes + j->run_from, j->run_to - j->run_from);
        j->touched = true;
    }
    j->run_from = j->run_to = 0;
}

static void
accept_bytes(struct job *j, uint32_t from, uint32_t to)
{
    if (j->run_to != from || j->run_to == 0) {
        flush(j);
        j->run_from = from;
    }
    j->run_to = to;
}

static void
put_numbered(struct mpm_buf *out, uint32_t index, uint8_t short_code, uint8_t long_code)
{
    mpm__buf_u8(out, index <= 0xff ? short_code : long_code);
    mpm__buf_le(out, index, index <= 0xff ? 1 : 4);
}

static void
put_put(struct mpm_buf *out, uint32_t index)
{
    put_numbered(out, index, MPM_OP_BINPUT, MPM_OP_LONG_BINPUT);
}

static void
put_get(struct mpm_buf *out, uint32_t index)
{
    put_numbered(out, index, MPM_OP_BINGET, MPM_OP_LONG_BINGET);
}

static void
insert_put(struct job *j, uint32_t index)
{
    flush(j);
    put_put(j->out, index);
    j->touched = true;
}

static void
insert_get(struct job *j, uint32_t index)
{
    flush(j);
    put_get(j->out, index);
    j->touched = true;
}

/* --- memo --------------------------------------------------------------------------------------------------------- */

static int
new_stamp(struct mpm_checker *c, uint32_t n_memo)
{
    struct mpm_mapped *mapped;

    if (c->mapped_cap < n_memo) {
        mapped = mpm__resize(c->mapped, n_memo, sizeof *mapped);
        if (mapped == NULL)
            return MPM_ENOMEM;
        c->mapped = mapped;
        memset(c->mapped + c->mapped_cap, 0, (n_memo - c->mapped_cap) * sizeof *mapped);
        c->mapped_cap = n_memo;
    }
    if (++c->stamp == 0) {
        if (c->mapped != NULL)
            memset(c->mapped, 0, c->mapped_cap * sizeof *c->mapped);
        c->stamp = 1;
    }
    return 0;
}

static bool
is_mapped(const struct job *j, uint32_t entry)
{
    return j->c->mapped[entry].stamp == j->c->stamp;
}

static uint32_t
map(struct job *j, uint32_t entry)
{
    j->c->mapped[entry] = (struct mpm_mapped){ j->c->stamp, j->form->n_memo };
    return j->form->n_memo++;
}

/* Of n ascending numbers, `stride` bytes apart, how many are below `at`. */
static size_t
first_from(const uint32_t *numbers, size_t stride, size_t n, uint32_t at)
{
    size_t low = 0, high = n, middle;

    while (low < high) {
        middle = low + (high - low) / 2;
        if (*(const uint32_t *)(const void *)((const char *)numbers + middle * stride) < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The first memo entry named at or behind `at`. A message with MEMOIZE numbers its entries in order (plain.h). */
static uint32_t
first_entry_from(const struct mpm_doc *doc, uint32_t at)
{
    return (uint32_t)first_from(doc->n_memo > 0 ? &doc->memo->put : NULL, sizeof *doc->memo, doc->n_memo, at);
}

/* --- tasks -------------------------------------------------------------------------------------------------------- */

static int
push_task(struct job *j, uint32_t start, uint32_t end, uint32_t define)
{
    struct mpm_checker *c = j->c;
    size_t cap = c->tasks_cap != 0 ? c->tasks_cap * 2 : 8;
    struct mpm_task *tasks;

    if (j->n_tasks == c->tasks_cap) {
        tasks = mpm__resize(c->tasks, cap, sizeof *tasks);
        if (tasks == NULL)
            return MPM_ENOMEM;
        c->tasks = tasks;
        c->tasks_cap = cap;
    }
    c->tasks[j->n_tasks++] = (struct mpm_task){ start, start, end, NO_ENTRY, define };
    return 0;
}

/* Strings, numbers, class names: their content does not follow later. */
static bool
is_atom(const struct mpm_doc *doc, const struct mpm_memo *m)
{
    uint8_t code = doc->bytes[m->root];

    return code == MPM_OP_STACK_GLOBAL ||
           (mpm__opinfo[code].effect == MPM_EFFECT_PUSH && code != MPM_OP_EMPTY_LIST && code != MPM_OP_EMPTY_DICT &&
               code != MPM_OP_EMPTY_SET && code != MPM_OP_BYTEARRAY8);
}

/* Where an atom ends; 0 when what stands between the two names of a class is more than them: then it was pushed and
 * popped again, and copying it with each class that holds it would have no end. */
static uint32_t
atom_end(const struct mpm_doc *doc, const struct mpm_memo *m)
{
    struct mpm_op op = { 0 };

    for (uint32_t at = m->start;; at = op.next) {
        mpm__op_read(doc->bytes, at, &op);
        if (op.at == m->root)
            return op.next;
        switch (mpm__opinfo[op.code].effect) {
        case MPM_EFFECT_PUSH:
        case MPM_EFFECT_GET:
        case MPM_EFFECT_PUT:
        case MPM_EFFECT_FRAME:
            break;
        default:
            return 0;
        }
    }
}

/* The first container outside that begins at or behind `at`. */
static struct outside *
first_outside_from(const struct job *j, uint32_t at)
{
    return j->outside + first_from(&j->outside->start, sizeof *j->outside, j->n_outside, at);
}

/* A reference that leaves what has been written: write what it refers to. */
static int
bring_along(struct job *j, const struct mpm_task *t, uint32_t entry)
{
    const struct mpm_memo *m = &j->doc->memo[entry];
    struct outside *first;
    uint32_t end;

    if (is_atom(j->doc, m)) {
        end = atom_end(j->doc, m);
        return end != 0 ? push_task(j, m->start, end, entry) : WHOLE;
    }
    if (mpm__memo_end(j->doc, entry, &end) != 0)
        return MPM_ENOMEM;
    if (end > t->start || j->n_outside == MAX_OUTSIDE)
        return WHOLE; /* it contains what refers to it */
    first = first_outside_from(j, m->start);
    memmove(first + 1, first, (size_t)(j->outside + j->n_outside - first) * sizeof *first);
    *first = (struct outside){ m->start, end, entry };
    j->n_outside++;
    return push_task(j, m->start, end, is_mapped(j, entry) ? NO_ENTRY : entry);
}

/* The widest container that has been written already and begins here: fetched, not written twice. */
static const struct outside *
written_here(const struct job *j, const struct mpm_task *t)
{
    const struct outside *best = NULL, *end = j->outside + j->n_outside;

    for (const struct outside *o = first_outside_from(j, t->at); o < end && o->start == t->at; o++)
        if (o->end <= t->end && is_mapped(j, o->entry) && !(t->start == o->start && t->end == o->end) &&
            (best == NULL || o->end > best->end))
            best = o;
    return best;
}

static int
copy_put(struct job *j, struct mpm_task *t, const struct mpm_op *op)
{
    uint32_t entry, index;

    if (op->code == MPM_OP_MEMOIZE) {
        if (t->n_memoize == NO_ENTRY)
            t->n_memoize = first_entry_from(j->doc, op->at);
        entry = t->n_memoize++;
    } else {
        entry = mpm__op_index(j->doc->bytes, op);
    }
    if (!j->doc->memo[entry].used)
        return 0;
    if (is_mapped(j, entry)) {
        /* A string that was brought along before what contains it: one object, not two. */
        if (is_atom(j->doc, &j->doc->memo[entry])) {
            flush(j);
            mpm__buf_u8(j->out, MPM_OP_POP);
            insert_get(j, j->c->mapped[entry].index);
        }
        return 0;
    }
    index = map(j, entry);
    if (op->code == MPM_OP_BINPUT && index == entry)
        accept_bytes(j, op->at, op->next);
    else
        insert_put(j, index);
    return 0;
}

static int
copy_get(struct job *j, const struct mpm_task *t, const struct mpm_op *op)
{
    uint32_t entry = mpm__op_index(j->doc->bytes, op), index;

    if (!is_mapped(j, entry))
        return bring_along(j, t, entry);
    index = j->c->mapped[entry].index;
    if (index == entry && op->code == MPM_OP_BINGET)
        accept_bytes(j, op->at, op->next);
    else
        insert_get(j, index);
    return 0;
}

static inline void
note_form(const struct mpm_doc *doc, const struct mpm_op *op, struct mpm_form *form)
{
    if (mpm__opinfo[op->code].protocol > form->protocol)
        form->protocol = mpm__opinfo[op->code].protocol;
    switch (op->code) {
    case MPM_OP_GLOBAL:
    case MPM_OP_INST:
        form->names = doc->protocol <= 2 ? 2 : 3;
        break;
    case MPM_OP_STACK_GLOBAL:
        form->names = 3;
        break;
    case MPM_OP_STRING:
    case MPM_OP_BINSTRING:
    case MPM_OP_SHORT_BINSTRING:
        form->native_str = 1;
        break;
    }
}

static int
run_tasks(struct job *j)
{
    const struct outside *written;
    struct mpm_op op;
    struct mpm_task *t;
    int r = 0;

    while (r == 0 && j->n_tasks != 0) {
        t = &j->c->tasks[j->n_tasks - 1];
        if (t->at >= t->end) {
            if (t->define != NO_ENTRY && !is_mapped(j, t->define))
                insert_put(j, map(j, t->define));
            j->n_tasks--;
            continue;
        }
        if (j->n_outside != 0 && (written = written_here(j, t)) != NULL) {
            insert_get(j, j->c->mapped[written->entry].index);
            t->at = written->end;
            t->n_memoize = NO_ENTRY;
            continue;
        }
        mpm__op_read(j->doc->bytes, t->at, &op);
        t->at = op.next;
        switch (mpm__opinfo[op.code].effect) {
        case MPM_EFFECT_PROTO:
        case MPM_EFFECT_FRAME:
        case MPM_EFFECT_STOP:
            break;
        case MPM_EFFECT_PUT:
            r = copy_put(j, t, &op);
            break;
        case MPM_EFFECT_GET:
            r = copy_get(j, t, &op);
            break;
        default:
            note_form(j->doc, &op, j->form);
            accept_bytes(j, op.at, op.next);
            break;
        }
        if (op.at == j->name_root)
            insert_put(j, j->name_index = j->form->n_memo++);
    }
    return r;
}

static int
write_range(struct job *j, uint32_t start, uint32_t end, struct mpm_form *form)
{
    *form = (struct mpm_form){ .protocol = 2 };
    j->form = form;
    j->n_tasks = j->n_outside = 0;
    j->run_from = j->run_to = 0;
    if (new_stamp(j->c, j->doc->n_memo) != 0 || push_task(j, start, end, NO_ENTRY) != 0)
        return MPM_ENOMEM;
    return run_tasks(j);
}

/* --- long values -------------------------------------------------------------------------------------------------- */

static const uint32_t *
first_stop_from(const struct mpm_doc *doc, uint32_t at)
{
    return doc->stops + first_from(doc->stops, sizeof *doc->stops, doc->n_stops, at);
}

static uint32_t
index_at(const uint8_t *get)
{
    return get[0] == MPM_OP_BINGET ? get[1] : (uint32_t)mpm__le(get + 1, 4);
}

/* Copies [from, to) and returns where the copy ends; there is room for 16 bytes more. */
static inline uint8_t *
copy_run(uint8_t *out, const uint8_t *from, const uint8_t *to, const uint8_t *readable)
{
    size_t len = (size_t)(to - from);

    if (len <= 16 && readable - from >= 16)
        memcpy(out, from, 16); /* two moves; most runs are a few bytes, and calling memcpy would cost more than the copy */
    else
        memcpy(out, from, len);
    return out + len;
}

static inline uint8_t *
copy_numbered(uint8_t *out, uint32_t index, uint8_t short_code, uint8_t long_code)
{
    if (index <= 0xff) {
        *out++ = short_code;
        *out++ = (uint8_t)index;
        return out;
    }
    *out++ = long_code;
    for (int i = 0; i < 4; i++)
        *out++ = (uint8_t)(index >> 8 * i);
    return out;
}

/*
 * What run_tasks() does, for a value that refers to nothing outside of itself, as nearly all do: the memo table and
 * the stops tell where the copy differs, and what is between is not looked at. So the form is that of the message.
 * Returns 0, NOT_CLOSED or MPM_ENOMEM.
 */
static int
copy_closed(struct job *j, struct mpm_item item, struct mpm_form *form, struct mpm_run *verbatim)
{
    const struct mpm_doc *doc = j->doc;
    const uint8_t *bytes = doc->bytes, *from = bytes + item.start;
    const uint32_t *stop = first_stop_from(doc, item.start), *last_stop = first_stop_from(doc, item.end);
    uint32_t entry = first_entry_from(doc, item.start), last_entry = first_entry_from(doc, item.end);
    uint32_t put, index, n_used = 0;
    uint8_t *out;

    for (const uint32_t *s = stop; s < last_stop; s++)
        if (bytes[*s] == MPM_OP_GET || (bytes[*s] != MPM_OP_FRAME && index_at(bytes + *s) < entry))
            return NOT_CLOSED;
    for (uint32_t i = entry; i < last_entry; i++)
        n_used += doc->memo[i].used;
    *form = (struct mpm_form){ .protocol = doc->has_protocol_5 ? 5 : 4, .native_str = doc->has_native_str,
        .names = !doc->has_names ? 0 : doc->protocol <= 2 ? 2 : 3 };
    if (stop == last_stop && n_used == 0 && (entry == last_entry || doc->memo[entry].put + (last_entry - entry) == item.end)) {
        *verbatim = (struct mpm_run){ item.start, (entry == last_entry ? item.end : doc->memo[entry].put) - item.start };
        return 0;
    }
    if (new_stamp(j->c, doc->n_memo) != 0)
        return MPM_ENOMEM;
    out = mpm__buf_add(j->out, (size_t)item.end - item.start + 4 * (size_t)n_used + 16);
    if (out == NULL)
        return MPM_ENOMEM;
    for (;;) {
        put = entry < last_entry ? doc->memo[entry].put : item.end;
        if (stop < last_stop && *stop < put) {
            out = copy_run(out, from, bytes + *stop, bytes + doc->len);
            from = bytes + *stop++;
            if (*from != MPM_OP_FRAME) {
                index = j->c->mapped[index_at(from)].index;
                out = copy_numbered(out, index, MPM_OP_BINGET, MPM_OP_LONG_BINGET);
            }
            from += *from == MPM_OP_FRAME ? 9 : *from == MPM_OP_BINGET ? 2 : 5;
            continue;
        }
        out = copy_run(out, from, bytes + put, bytes + doc->len);
        if (put == item.end)
            break;
        from = bytes + put + 1;
        if (doc->memo[entry].used) {
            j->c->mapped[entry].index = form->n_memo;
            out = copy_numbered(out, form->n_memo++, MPM_OP_BINPUT, MPM_OP_LONG_BINPUT);
        }
        entry++;
    }
    mpm__buf_cut(j->out, (size_t)(out - j->out->data));
    return 0;
}

static inline bool
is_lone(const struct mpm_doc *doc, struct mpm_item item, const struct mpm_op *first)
{
    struct mpm_op put = { 0 };
    uint32_t entry;

    if (mpm__opinfo[first->code].effect != MPM_EFFECT_PUSH || item.start != item.root || doc->grows_late)
        return false;
    if (first->next == item.end)
        return true;
    mpm__op_read(doc->bytes, first->next, &put);
    if (put.next != item.end || mpm__opinfo[put.code].effect != MPM_EFFECT_PUT)
        return false;
    if (doc->lowest_get == NO_ENTRY)
        return true;
    entry = put.code == MPM_OP_MEMOIZE ? first_entry_from(doc, put.at) : mpm__op_index(doc->bytes, &put);
    return !doc->memo[entry].used;
}

bool
mpm__splice_lone(const struct mpm_doc *doc, struct mpm_item item, struct mpm_form *form, struct mpm_run *verbatim)
{
    struct mpm_op first;

    mpm__op_read(doc->bytes, item.start, &first);
    if (!is_lone(doc, item, &first))
        return false;
    *form = (struct mpm_form){ .protocol = 2 };
    note_form(doc, &first, form);
    *verbatim = (struct mpm_run){ item.start, first.next - item.start };
    return true;
}

int
mpm__splice(const struct mpm_doc *doc, struct mpm_item item, struct mpm_buf *out, struct mpm_form *form,
    struct mpm_run *verbatim)
{
    struct outside outside[MAX_OUTSIDE];
    struct job j = { .doc = doc, .c = doc->checker, .out = out, .outside = outside, .name_root = NO_ENTRY };
    size_t before = out->len;
    int r;

    if (mpm__splice_lone(doc, item, form, verbatim))
        return 0;
    *verbatim = (struct mpm_run){ 0 };
    if (item.end - item.start > LONG_VALUE && doc->memoizes && !doc->grows_late) {
        r = copy_closed(&j, item, form, verbatim);
        if (r != NOT_CLOSED)
            return r;
    }
    r = doc->grows_late ? WHOLE : write_range(&j, item.start, item.end, form);
    if (r == WHOLE) {
        mpm__buf_cut(out, before);
        j.name_root = item.root;
        /* from the first byte on: what was popped before the top began may be referred to, too */
        r = write_range(&j, 0, doc->top.end, form);
        assert(r != WHOLE);
        flush(&j);
        mpm__buf_u8(out, MPM_OP_POP);
        put_get(out, j.name_index);
    } else if (r == 0 && !j.touched) {
        *verbatim = (struct mpm_run){ j.run_from, j.run_to - j.run_from };
    } else if (r == 0) {
        flush(&j);
    }
    if (r == 0)
        r = out->error;
    if (r != 0)
        mpm__buf_cut(out, before);
    return r;
}

/* --- values as they stand ------------------------------------------------------------------------------------- */

/* Where the next FRAME at or behind *stop is; `end` when there is none before. */
static uint32_t
next_frame(const struct mpm_doc *doc, const uint32_t **stop, const uint32_t *last_stop, uint32_t end)
{
    while (*stop < last_stop && doc->bytes[**stop] != MPM_OP_FRAME)
        (*stop)++;
    return *stop < last_stop ? *(*stop)++ : end;
}

/* Nothing is saved for one, and its normal form has no name, which makes it fit everywhere. */
static bool
is_long_string(uint8_t code)
{
    switch (code) {
    case MPM_OP_BINUNICODE:
    case MPM_OP_BINUNICODE8:
    case MPM_OP_BINBYTES:
    case MPM_OP_BINBYTES8:
    case MPM_OP_BYTEARRAY8:
    case MPM_OP_BINSTRING:
        return true;
    }
    return false;
}

bool
mpm__splice_stands(const struct mpm_doc *doc, struct mpm_item item, struct mpm_standing *standing)
{
    uint32_t base, end, n_used = 0;
    const uint32_t *stop, *last_stop;

    if (item.end - item.start < MPM_STANDING_MIN || !doc->memoizes || doc->grows_late ||
        is_long_string(doc->bytes[item.start]))
        return false;
    base = first_entry_from(doc, item.start);
    if (base > BASE_MAX || doc->lowest_get < base || item.end > MPM_PICKLE_LEN_MAX - BASE_MAX - 16)
        return false;
    end = first_entry_from(doc, item.end);
    for (uint32_t i = base; i < end; i++)
        n_used += doc->memo[i].used;
    *standing = (struct mpm_standing){ .form = { .n_memo = end - base, .protocol = doc->has_protocol_5 ? 5 : 4,
        .native_str = doc->has_native_str, .names = !doc->has_names ? 0 : doc->protocol <= 2 ? 2 : 3 },
        .base = base, .len = item.end - item.start, .has_frames = doc->last_frame >= item.start };
    if (standing->has_frames) {
        stop = first_stop_from(doc, item.start);
        last_stop = first_stop_from(doc, item.end);
        while (next_frame(doc, &stop, last_stop, item.end) != item.end)
            standing->len -= FRAME_LEN;
    }
    /* a MEMOIZE goes, or becomes a BINPUT or, from number 256 on, a LONG_BINPUT; references become no longer */
    standing->normal_max = standing->len - (end - base) + 2 * (size_t)n_used;
    if (n_used > 256)
        standing->normal_max += 3 * (size_t)(n_used - 256);
    return true;
}

void
mpm__splice_copy_standing(const struct mpm_doc *doc, struct mpm_item item, uint8_t *out)
{
    const uint32_t *stop = first_stop_from(doc, item.start), *last_stop = first_stop_from(doc, item.end);
    uint32_t from = item.start, to;

    if (doc->last_frame < item.start)
        stop = last_stop;
    do {
        to = next_frame(doc, &stop, last_stop, item.end);
        memcpy(out, doc->bytes + from, to - from);
        out += to - from;
        from = to + FRAME_LEN;
    } while (to != item.end);
}

void
mpm__splice_whole(const uint8_t *bytes, size_t len, uint32_t base, struct mpm_buf *out)
{
    uint8_t *at = mpm__buf_add(out, len + base + 5);

    if (at == NULL)
        return;
    *at++ = MPM_OP_PROTO;
    *at++ = 4;
    *at++ = MPM_OP_NONE;
    memset(at, MPM_OP_MEMOIZE, base);
    at += base;
    *at++ = MPM_OP_POP;
    memcpy(at, bytes, len);
    at[len] = MPM_OP_STOP;
}

void
mpm__splice_renumbered(const uint8_t *bytes, size_t len, uint32_t base, struct mpm_buf *out)
{
    struct mpm_op op;
    uint32_t from = 0, at;

    for (at = 0; at < len; at = op.next) {
        mpm__op_read(bytes, at, &op);
        if (mpm__opinfo[op.code].effect != MPM_EFFECT_PUT && mpm__opinfo[op.code].effect != MPM_EFFECT_GET)
            continue;
        mpm__buf_put(out, bytes + from, at - from);
        if (mpm__opinfo[op.code].effect == MPM_EFFECT_PUT)
            put_put(out, base + mpm__op_index(bytes, &op));
        else
            put_get(out, base + mpm__op_index(bytes, &op));
        from = op.next;
    }
    mpm__buf_put(out, bytes + from, at - from);
}

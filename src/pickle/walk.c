/*
 * walk.c - find the parts of a value in a checked message. Layer: pickle.
 *
 * Runs the opcodes of one value on the abstract stack once more; only values that are looked into pay for that.
 */
#include "base/alloc.h"
#include "pickle/cell.h"
#include "pickle/check.h"
#include "pickle/opcodes.h"

/* One opcode's effect on the stack. */
struct effect {
    uint32_t from, to;  /* cells [from, to) are used up; their places are still readable */
    bool adds;          /* they go into the cell below `from` */
    bool pushes;        /* a value is pushed, beginning at `start` */
    uint32_t start;
};

struct walk {
    const uint8_t *bytes;
    struct mpm_checker *c;
    const struct mpm_memo *memo;
    uint32_t n, n_marks;
    struct mpm_op op;
    struct mpm_popped popped;
};

/* How many cells an opcode takes off the stack, marks aside. */
static uint32_t
takes(enum mpm_effect effect)
{
    switch (effect) {
    case MPM_EFFECT_TAKE1:
    case MPM_EFFECT_ADD1:
    case MPM_EFFECT_POP:
        return 1;
    case MPM_EFFECT_TAKE2:
    case MPM_EFFECT_CALL:
    case MPM_EFFECT_NAME:
    case MPM_EFFECT_ADD2:
        return 2;
    case MPM_EFFECT_TAKE3:
    case MPM_EFFECT_CALL_EX:
        return 3;
    default:
        return 0;
    }
}

/* Works out what w->op does; the caller looks at it, then calls apply(). Where the walk began in the middle of a
 * message, an opcode may want more than is there: then `from` is 0 and the value walked ends here (returns false). */
static bool
plan(struct walk *w, struct effect *e)
{
    enum mpm_effect effect = mpm__opinfo[w->op.code].effect;
    struct mpm_mark *mark = w->n_marks != 0 ? &w->c->marks[w->n_marks - 1] : NULL;
    uint32_t n;

    *e = (struct effect){ w->n, w->n, false, false, w->op.at };
    switch (effect) {
    case MPM_EFFECT_GET:
        e->start = mpm__get_start(&w->popped, w->op.at, w->memo[mpm__op_index(w->bytes, &w->op)].start);
        /* fallthrough */
    case MPM_EFFECT_PUSH:
        e->pushes = true;
        return true;
    case MPM_EFFECT_COLLECT:
    case MPM_EFFECT_ADD_ALL:
    case MPM_EFFECT_POP_MARK:
        if (mark == NULL || (effect == MPM_EFFECT_ADD_ALL && mark->height == 0)) {
            e->from = 0;
            return false;
        }
        e->from = mark->height;
        e->adds = effect == MPM_EFFECT_ADD_ALL;
        e->pushes = effect == MPM_EFFECT_COLLECT;
        e->start = mark->at;
        return true;
    case MPM_EFFECT_POP:
        if (mark != NULL && mark->height == w->n)
            return true; /* takes the mark */
        /* fallthrough */
    default:
        n = takes(effect);
        e->adds = effect == MPM_EFFECT_ADD1 || effect == MPM_EFFECT_ADD2;
        if (w->n < n + e->adds) {
            e->from = 0;
            return false;
        }
        e->from = w->n - n;
        e->pushes = n != 0 && !e->adds && effect != MPM_EFFECT_POP;
        if (e->pushes)
            e->start = w->c->stack[e->from].start;
        return true;
    }
}

static int
apply(struct walk *w, const struct effect *e)
{
    enum mpm_effect effect = mpm__opinfo[w->op.code].effect;

    if (effect == MPM_EFFECT_MARK) {
        if (w->n_marks == w->c->marks_cap && mpm__more_marks(w->c, (size_t)w->n_marks + 1) != 0)
            return MPM_ENOMEM;
        w->c->marks[w->n_marks++] = (struct mpm_mark){ w->op.at, w->n };
        return 0;
    }
    if (effect == MPM_EFFECT_COLLECT || effect == MPM_EFFECT_ADD_ALL || effect == MPM_EFFECT_POP_MARK ||
        (effect == MPM_EFFECT_POP && e->from == e->to))
        w->n_marks--;
    if (effect == MPM_EFFECT_POP_MARK)
        mpm__note_popped(&w->popped, e->start, &w->op);
    else if (effect == MPM_EFFECT_POP)
        mpm__note_popped(&w->popped, e->from != e->to ? w->c->stack[e->from].start : w->c->marks[w->n_marks].at, &w->op);
    w->n = e->from;
    if (e->pushes) {
        if (w->n == w->c->stack_cap && mpm__more_cells(w->c, (size_t)w->n + 1) != 0)
            return MPM_ENOMEM;
        w->c->stack[w->n++] = (struct mpm_cell){ e->start, w->op.at, 0 };
    }
    return 0;
}

/* Where cell i ends: where the next begins, or at the current opcode. */
static uint32_t
cell_end(const struct walk *w, uint32_t i)
{
    return i + 1 < w->n ? w->c->stack[i + 1].start : w->op.at;
}

static int
append(struct mpm_items *items, struct mpm_item item)
{
    size_t cap = items->cap != 0 ? items->cap * 2 : 8;
    struct mpm_item *v;

    if (items->n == items->cap) {
        v = mpm__resize(items->v, cap, sizeof *v);
        if (v == NULL)
            return MPM_ENOMEM;
        items->v = v;
        items->cap = cap;
    }
    items->v[items->n++] = item;
    return 0;
}

int
mpm__children(const struct mpm_doc *doc, struct mpm_item item, struct mpm_items *out)
{
    struct walk w = { .bytes = doc->bytes, .c = doc->checker, .memo = doc->memo };
    struct effect e;
    size_t before = out->n;

    if (item.root == doc->top.root && doc->n_fields != 0) {
        for (int i = 0; i < doc->n_fields; i++)
            if (append(out, doc->fields[i]) != 0)
                goto nomem;
        return 0;
    }
    /* `}` and its MEMOIZE, the keyword arguments of nearly every request: nothing can be in it */
    if (item.root == item.start && item.end - item.start <= 2)
        return 0;
    w.c->walked += item.end - item.start;
    for (uint32_t at = item.start; at < item.end; at = w.op.next) {
        mpm__op_read(doc->bytes, at, &w.op);
        if (!plan(&w, &e))
            break;
        /* what makes the value itself, or goes into it later */
        if (at == item.root || (e.adds && e.from == 1 && w.c->stack[0].root == item.root))
            for (uint32_t i = e.from; i < e.to; i++)
                if (append(out, (struct mpm_item){ w.c->stack[i].start, w.c->stack[i].root, cell_end(&w, i) }) != 0)
                    goto nomem;
        if (apply(&w, &e) != 0)
            goto nomem;
    }
    return 0;

nomem:
    out->n = before;
    return MPM_ENOMEM;
}

size_t
mpm__first_inside(const struct mpm_items *calls, uint32_t start)
{
    size_t low = 0, high = calls->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (calls->v[middle].root < start)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int
mpm__calls(const struct mpm_doc *doc, struct mpm_items *calls, struct mpm_items *keys)
{
    struct walk w = { .bytes = doc->bytes, .c = doc->checker, .memo = doc->memo };
    struct effect e;
    uint32_t start;
    int r = 0;

    for (uint32_t at = 0; r == 0 && at < doc->len; at = w.op.next) {
        mpm__op_read(doc->bytes, at, &w.op);
        plan(&w, &e);
        if (w.op.code == MPM_OP_REDUCE)
            r = append(calls, (struct mpm_item){ e.start, at, w.op.next });
        for (uint32_t i = e.from; r == 0 && i < e.to && (w.op.code == MPM_OP_SETITEM || w.op.code == MPM_OP_SETITEMS); i += 2) {
            start = w.c->stack[i].start;
            if (calls->n != 0 && calls->v[calls->n - 1].root >= start &&
                calls->v[mpm__first_inside(calls, start)].root < cell_end(&w, i))
                r = append(keys, (struct mpm_item){ start, w.c->stack[i].root, cell_end(&w, i) });
        }
        if (r == 0)
            r = apply(&w, &e);
    }
    return r;
}

void
mpm__items_wipe(struct mpm_items *items)
{
    mpm__free(items->v);
    *items = (struct mpm_items){ 0 };
}

/* A cell's entries are chained: `depth` is the latest one + 1, and ends[] of each, until its end is known, the one
 * before it + 1. */
static void
set_ends(uint32_t *ends, struct mpm_cell *cell, uint32_t end)
{
    uint32_t next;

    for (uint32_t n = cell->depth; n != 0; n = next) {
        next = ends[n - 1];
        ends[n - 1] = end;
    }
    cell->depth = 0;
}

/* Fills c->ends for every memo entry, in one walk over the message. */
static int
find_ends(const struct mpm_doc *doc)
{
    struct walk w = { .bytes = doc->bytes, .c = doc->checker, .memo = doc->memo };
    struct mpm_checker *c = doc->checker;
    struct effect e;
    uint32_t n_defined = 0, index, *ends;

    if (c->ends_cap < doc->n_memo) {
        ends = mpm__resize(c->ends, doc->n_memo, sizeof *ends);
        if (ends == NULL)
            return MPM_ENOMEM;
        c->ends = ends;
        c->ends_cap = doc->n_memo;
    }
    for (uint32_t i = 0; i < doc->n_memo; i++)
        c->ends[i] = 0;
    for (uint32_t at = 0; at < doc->len; at = w.op.next) {
        mpm__op_read(doc->bytes, at, &w.op);
        plan(&w, &e);
        for (uint32_t i = e.from; i < e.to; i++)
            set_ends(c->ends, &w.c->stack[i], cell_end(&w, i));
        if (apply(&w, &e) != 0)
            return MPM_ENOMEM;
        if (mpm__opinfo[w.op.code].effect == MPM_EFFECT_PUT) {
            index = w.op.code == MPM_OP_MEMOIZE ? n_defined : mpm__op_index(doc->bytes, &w.op);
            n_defined++;
            c->ends[index] = w.c->stack[w.n - 1].depth;
            w.c->stack[w.n - 1].depth = index + 1;
        }
    }
    for (uint32_t i = 0; i < w.n; i++)
        set_ends(c->ends, &w.c->stack[i], doc->top.end);
    c->has_ends = true;
    return 0;
}

int
mpm__memo_end(const struct mpm_doc *doc, uint32_t n, uint32_t *end)
{
    const struct mpm_memo *m = &doc->memo[n];

    switch (mpm__opinfo[doc->bytes[m->root]].effect) {
    case MPM_EFFECT_PUSH:
        if (doc->bytes[m->root] == MPM_OP_EMPTY_LIST || doc->bytes[m->root] == MPM_OP_EMPTY_DICT ||
            doc->bytes[m->root] == MPM_OP_EMPTY_SET)
            break;
        /* fallthrough */
    case MPM_EFFECT_TAKE1:
    case MPM_EFFECT_TAKE2:
    case MPM_EFFECT_TAKE3:
    case MPM_EFFECT_NAME:
    case MPM_EFFECT_GET:
        *end = m->put;
        return 0;
    }
    if (!doc->checker->has_ends && find_ends(doc) != 0)
        return MPM_ENOMEM;
    *end = doc->checker->ends[n];
    return 0;
}

int
mpm__follow(const struct mpm_doc *doc, struct mpm_item *item)
{
    struct mpm_op op;
    uint32_t n, end;

    while (mpm__opinfo[doc->bytes[item->root]].effect == MPM_EFFECT_GET) {
        mpm__op_read(doc->bytes, item->root, &op);
        n = mpm__op_index(doc->bytes, &op);
        if (mpm__memo_end(doc, n, &end) != 0)
            return MPM_ENOMEM;
        *item = (struct mpm_item){ doc->memo[n].start, doc->memo[n].root, end };
    }
    return 0;
}

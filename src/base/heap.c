/* heap.c - a binary heap of embedded timers. Layer: base. Calls nobody when a time comes: its user looks. */
#include "base/heap.h"

#include <stdbool.h>

#include <mpmd/error.h>

#include "base/alloc.h"

static bool
before(const struct mpm_timer *a, const struct mpm_timer *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void
put(struct mpm_heap *h, size_t i, struct mpm_timer *t)
{
    h->v[i] = t;
    t->place = i + 1;
}

static void
settle(struct mpm_heap *h, size_t i, struct mpm_timer *t)
{
    size_t child;

    for (; i > 0 && before(t, h->v[(i - 1) / 2]); i = (i - 1) / 2)
        put(h, i, h->v[(i - 1) / 2]);
    for (; (child = 2 * i + 1) < h->n; i = child) {
        if (child + 1 < h->n && before(h->v[child + 1], h->v[child]))
            child++;
        if (!before(h->v[child], t))
            break;
        put(h, i, h->v[child]);
    }
    put(h, i, t);
}

int
mpm__heap_set(struct mpm_heap *h, struct mpm_timer *t, int64_t at_ns)
{
    size_t cap = h->cap != 0 ? h->cap * 2 : 16;
    struct mpm_timer **v;

    if (at_ns == INT64_MAX) {
        mpm__heap_unset(h, t);
        return 0;
    }
    if (t->place == 0 && h->n == h->cap) {
        v = mpm__resize(h->v, cap, sizeof *v);
        if (v == NULL)
            return MPM_ENOMEM;
        h->v = v;
        h->cap = cap;
    }
    t->at_ns = at_ns;
    t->order = h->n_orders++;
    settle(h, t->place != 0 ? t->place - 1 : h->n++, t);
    return 0;
}

void
mpm__heap_unset(struct mpm_heap *h, struct mpm_timer *t)
{
    size_t i = t->place - 1;
    struct mpm_timer *last;

    if (t->place == 0)
        return;
    t->place = 0;
    last = h->v[--h->n];
    if (last != t)
        settle(h, i, last);
}

struct mpm_timer *
mpm__heap_first(const struct mpm_heap *h)
{
    return h->n != 0 ? h->v[0] : NULL;
}

void
mpm__heap_wipe(struct mpm_heap *h)
{
    mpm__free(h->v);
    *h = (struct mpm_heap){ 0 };
}

/*
 * shelf.c - the items of a queue. Layer: object. Does not know who waits for them.
 *
 * A ring that grows and shrinks by halves serves all three orders; the smallest first is a heap in it, from place 0. It
 * is CPython's heapq step by step (Modules/_heapqmodule.c, siftdown and siftup), so that what is equal comes out in the
 * same order. A comparison can fail; so all are made first, and things are moved then.
 */
#include "object/shelf.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"

#define CAP_MIN 8
#define LEVELS 64 /* of a heap that fits into memory */

static struct mpm_value *
place(const struct mpm_shelf *s, size_t i)
{
    return &s->v[(s->head + i) & (s->cap - 1)];
}

static uint32_t
tries_of(const struct mpm_shelf *s, size_t i)
{
    return s->tries != NULL ? s->tries[(s->head + i) & (s->cap - 1)] : 0;
}

static void
set_place(struct mpm_shelf *s, size_t i, struct mpm_value v, uint32_t tries)
{
    *place(s, i) = v;
    if (s->tries != NULL)
        s->tries[(s->head + i) & (s->cap - 1)] = tries;
}

static void
move(struct mpm_shelf *s, size_t to, size_t from)
{
    set_place(s, to, *place(s, from), tries_of(s, from));
}

/* --- room --------------------------------------------------------------------------------------------------------- */

/* What one place takes. */
static size_t
place_size(const struct mpm_shelf *s)
{
    return sizeof *s->v + (s->tries != NULL ? sizeof *s->tries : 0);
}

static int
set_cap(struct mpm_hub *hub, struct mpm_shelf *s, size_t cap)
{
    size_t behind = s->cap - s->head < s->n ? s->cap - s->head : s->n; /* of the ring's first part */
    struct mpm_value *v;
    uint32_t *tries = NULL;
    int r;

    if (cap > s->cap && (r = mpm_charge(hub, (cap - s->cap) * place_size(s))) != 0)
        return r;
    v = mpm__array(cap, sizeof *v);
    if (v != NULL && s->tries != NULL)
        tries = mpm__array(cap, sizeof *tries);
    if (v == NULL || (s->tries != NULL && tries == NULL)) {
        mpm__free(v);
        if (cap > s->cap)
            mpm_discharge(hub, (cap - s->cap) * place_size(s));
        return MPM_ENOMEM;
    }
    if (s->n != 0) {
        memcpy(v, s->v + s->head, behind * sizeof *v);
        memcpy(v + behind, s->v, (s->n - behind) * sizeof *v);
    }
    if (s->n != 0 && tries != NULL) {
        memcpy(tries, s->tries + s->head, behind * sizeof *tries);
        memcpy(tries + behind, s->tries, (s->n - behind) * sizeof *tries);
    }
    if (cap < s->cap)
        mpm_discharge(hub, (s->cap - cap) * place_size(s));
    mpm__free(s->v);
    mpm__free(s->tries);
    s->tries = tries;
    s->v = v;
    s->cap = cap;
    s->head = 0;
    return 0;
}

int
mpm__shelf_reserve(struct mpm_hub *hub, struct mpm_shelf *s, size_t n)
{
    size_t need, cap = s->cap != 0 ? s->cap : CAP_MIN;
    int r;

    if (n > SIZE_MAX / (4 * sizeof *s->v) - s->n - s->reserved)
        return MPM_ENOMEM;
    need = s->n + s->reserved + n;
    while (cap < need)
        cap *= 2;
    if (cap != s->cap && (r = set_cap(hub, s, cap)) != 0)
        return r;
    s->reserved += n;
    return 0;
}

int
mpm__shelf_count_tries(struct mpm_hub *hub, struct mpm_shelf *s)
{
    int r;

    if (s->tries != NULL || s->cap == 0)
        return 0;
    r = mpm_charge(hub, s->cap * sizeof *s->tries);
    if (r != 0)
        return r;
    s->tries = mpm__array(s->cap, sizeof *s->tries);
    if (s->tries == NULL) {
        mpm_discharge(hub, s->cap * sizeof *s->tries);
        return MPM_ENOMEM;
    }
    return 0;
}

void
mpm__shelf_unreserve(struct mpm_hub *hub, struct mpm_shelf *s, size_t n)
{
    size_t cap = s->cap, need;

    assert(n <= s->reserved);
    s->reserved -= n;
    need = s->n + s->reserved;
    while (cap > CAP_MIN && need < cap / 4)
        cap /= 2;
    if (cap != s->cap)
        (void)set_cap(hub, s, cap); /* without memory it stays large */
}

/* --- heap --------------------------------------------------------------------------------------------------------- */

/* Where a value ends that rises from place `i`; MPM_E*: it cannot be told. */
static int
rise(const struct mpm_shelf *s, const struct mpm_value *v, size_t i, size_t *end, struct mpm_unordered *why)
{
    int r;

    for (; i > 0; i = (i - 1) / 2) {
        r = s->less(v, place(s, (i - 1) / 2), why);
        if (r < 0)
            return r;
        if (r == 0)
            break;
    }
    *end = i;
    return 0;
}

/* Moves those above `from` down, as far as `to`, and puts the value there. */
static void
settle(struct mpm_shelf *s, struct mpm_value v, uint32_t tries, size_t from, size_t to)
{
    for (; from != to; from = (from - 1) / 2)
        move(s, from, (from - 1) / 2);
    set_place(s, to, v, tries);
}

static int
heap_push(struct mpm_shelf *s, const struct mpm_value *v, struct mpm_unordered *why)
{
    size_t end;
    int r = rise(s, v, s->n, &end, why);

    if (r == 0)
        settle(s, *v, 0, s->n, end);
    return r;
}

/* The way that heapq takes for the last value: down to the smaller child each time, as far as a leaf, and up again from
 * there. Those on the way have moved up by one place meanwhile: above path[k] is the value of path[k] itself. */
static int
heap_pop(struct mpm_shelf *s, struct mpm_unordered *why)
{
    size_t path[LEVELS], depth = 0, n = s->n - 1, i = 0, child, k;
    const struct mpm_value last = *place(s, n);
    uint32_t last_tries = tries_of(s, n);
    int r;

    path[0] = 0;
    while (2 * i + 1 < n) {
        child = 2 * i + 1;
        if (child + 1 < n) {
            r = s->less(place(s, child), place(s, child + 1), why);
            if (r < 0)
                return r;
            child += r == 0;
        }
        path[++depth] = i = child;
    }
    for (k = depth; k > 0; k--) {
        r = s->less(&last, place(s, path[k]), why);
        if (r < 0)
            return r;
        if (r == 0)
            break;
    }
    for (i = 0; i < k; i++)
        move(s, path[i], path[i + 1]);
    set_place(s, path[k], last, last_tries);
    return 0;
}

/* --- the three orders --------------------------------------------------------------------------------------------- */

static int
push(struct mpm_shelf *s, const struct mpm_value *v, struct mpm_unordered *why)
{
    int r = 0;

    if (s->order == MPM_SHELF_SMALLEST)
        r = heap_push(s, v, why);
    else
        set_place(s, s->n, *v, 0);
    if (r == 0)
        s->n++;
    return r;
}

/* Undoes the latest push, which was of this value. */
static void
unpush(struct mpm_shelf *s, const struct mpm_value *v)
{
    size_t path[LEVELS], i = --s->n, depth = 0;

    if (s->order != MPM_SHELF_SMALLEST)
        return;
    /* from the last place it rose past greater ones, which are others; the first that is the same is where it ended */
    path[0] = i;
    while (i > 0 && memcmp(place(s, i), v, sizeof *v) != 0)
        path[++depth] = i = (i - 1) / 2;
    for (; depth > 0; depth--)
        move(s, path[depth], path[depth - 1]);
}

int
mpm__shelf_push(struct mpm_shelf *s, struct mpm_value *v, size_t n, struct mpm_unordered *why)
{
    int r = 0;

    assert(s->reserved >= n);
    for (size_t i = 0; i < n; i++) {
        r = push(s, &v[i], why);
        if (r != 0) {
            while (i-- > 0)
                unpush(s, &v[i]);
            return r;
        }
    }
    s->reserved -= n;
    memset(v, 0, n * sizeof *v);
    return 0;
}

const struct mpm_value *
mpm__shelf_next(const struct mpm_shelf *s)
{
    assert(s->n > 0);
    return place(s, s->order == MPM_SHELF_LIFO ? s->n - 1 : 0);
}

uint32_t
mpm__shelf_next_tries(const struct mpm_shelf *s)
{
    return tries_of(s, s->order == MPM_SHELF_LIFO ? s->n - 1 : 0);
}

int
mpm__shelf_pop(struct mpm_shelf *s, struct mpm_value *out, uint32_t *tries, struct mpm_unordered *why)
{
    struct mpm_value next = *mpm__shelf_next(s);
    uint32_t next_tries = mpm__shelf_next_tries(s);
    int r = 0;

    if (s->order == MPM_SHELF_SMALLEST)
        r = heap_pop(s, why);
    else if (s->order == MPM_SHELF_FIFO)
        s->head = (s->head + 1) & (s->cap - 1);
    if (r != 0)
        return r;
    s->n--;
    s->reserved++;
    *out = next;
    if (tries != NULL)
        *tries = next_tries;
    return 0;
}

void
mpm__shelf_put_back(struct mpm_shelf *s, struct mpm_value *v, uint32_t tries)
{
    size_t end = 0;

    assert(s->reserved > 0);
    switch (s->order) {
    case MPM_SHELF_FIFO:
        s->head = (s->head - 1) & (s->cap - 1);
        set_place(s, 0, *v, tries);
        break;
    case MPM_SHELF_LIFO:
        set_place(s, s->n, *v, tries);
        break;
    case MPM_SHELF_SMALLEST:
        /* when it cannot be compared (no memory), it is taken for the smallest, which it was when it left */
        if (rise(s, v, s->n, &end, NULL) != 0)
            end = 0;
        settle(s, *v, tries, s->n, end);
        break;
    }
    s->n++;
    s->reserved--;
    *v = (struct mpm_value){ 0 };
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

void
mpm__shelf_clear(struct mpm_hub *hub, struct mpm_shelf *s)
{
    while (s->n > 0) {
        s->n--;
        mpm_forget(hub, place(s, s->n));
    }
    mpm__shelf_unreserve(hub, s, 0);
}

void
mpm__shelf_wipe(struct mpm_hub *hub, struct mpm_shelf *s)
{
    mpm__shelf_clear(hub, s);
    mpm_discharge(hub, s->cap * place_size(s));
    mpm__free(s->v);
    mpm__free(s->tries);
    s->v = NULL;
    s->tries = NULL;
    s->cap = 0;
}

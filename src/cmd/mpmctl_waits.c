/*
 * mpmctl_waits.c - whether those who wait wait for each other. Layer: cmd.
 *
 * A waiter can go on when one of those can who hold what it waits for (of an RWLock that it wants to write: when all
 * can). Who does not wait can; so can who has a timeout, and who waits for nobody in particular (a queue's item, an
 * event). From these it is worked out who else can, object by object, each looked at twice at most. Those who are left
 * cannot, ever; less those who wait for the dead in the end, each of them waits for another one, so there are cycles.
 *
 * A lock is taken to be released by its holder, though Python lets others do it. Semaphores of which that is known not
 * to be so are left out by the server, and who alone has all units of one may be waiting for a signal of somebody else.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/mpmctl.h"

/* What is waited for. */
struct object {
    const char *ident;
    size_t first_wait, n_waits;   /* in graph->waits, which is in order of held_up_by */
    size_t first_hold, n_holds;   /* in graph->by_object */
    size_t n_free;                /* of its holders can go on */
    bool has_timeout;             /* one of its waiters will be gone some day */
    struct node *stuck;           /* one holder that is on a cycle or waits for one */
    size_t n_stuck;               /* of its holders are such */
};

struct node {
    const struct wait *wait;
    struct object *object;        /* NULL: can go on */
    bool is_free;
    bool is_behind_the_dead;      /* waits for ever, but for nobody who waits for anybody */
    uint8_t colour;               /* of the search for cycles: 0 not seen, 1 on the way, 2 done */
};

struct graph {
    struct node *nodes;           /* by held_up_by */
    struct node **by_owner;       /* the latest one of each owner, in their order */
    size_t n, n_owners;
    const struct hold **by_object, **holds_of; /* holds by ident, and by owner */
    size_t n_holds;
    struct object *objects;
    size_t n_objects;
    struct node **todo;           /* found to be free, to be told to those who wait for them */
    size_t n_todo;
};

static int
compare_ints(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

static int
by_held_up_by(const void *a, const void *b)
{
    const char *x = ((const struct node *)a)->wait->held_up_by, *y = ((const struct node *)b)->wait->held_up_by;

    return strcmp(x != NULL ? x : "", y != NULL ? y : "");
}

static int
nodes_by_owner(const void *a, const void *b)
{
    const struct wait *x = (*(struct node *const *)a)->wait, *y = (*(struct node *const *)b)->wait;
    int r = compare_ints(x->who.owner, y->who.owner);

    return r != 0 ? r : compare_ints(x->number, y->number);
}

static int
holds_by_object(const void *a, const void *b)
{
    return strcmp((*(const struct hold *const *)a)->ident, (*(const struct hold *const *)b)->ident);
}

static int
holds_by_owner(const void *a, const void *b)
{
    return compare_ints((*(const struct hold *const *)a)->who.owner, (*(const struct hold *const *)b)->who.owner);
}

/* --- the graph ---------------------------------------------------------------------------------------------------- */

static struct node *
node_of(const struct graph *g, int64_t owner)
{
    size_t low = 0, high = g->n_owners, middle;

    while (low < high) {
        middle = low + (high - low) / 2;
        if (g->by_owner[middle]->wait->who.owner < owner)
            low = middle + 1;
        else
            high = middle;
    }
    return low < g->n_owners && g->by_owner[low]->wait->who.owner == owner ? g->by_owner[low] : NULL;
}

static struct object *
object_of(const struct graph *g, const char *ident)
{
    size_t low = 0, high = g->n_objects, middle;

    while (low < high) {
        middle = low + (high - low) / 2;
        if (strcmp(g->objects[middle].ident, ident) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < g->n_objects && strcmp(g->objects[low].ident, ident) == 0 ? &g->objects[low] : NULL;
}

/* Both lists are in the same order: one pass over both. */
static void
join_objects(struct graph *g)
{
    size_t hold = 0;

    g->objects = ctl_more(NULL, g->n, sizeof *g->objects);
    for (size_t i = 0; i < g->n;) {
        const char *ident = g->nodes[i].wait->held_up_by;
        struct object *o;

        if (ident == NULL || ident[0] == '\0') { /* these come first */
            i++;
            continue;
        }
        o = &g->objects[g->n_objects++];
        *o = (struct object){ .ident = ident, .first_wait = i };
        for (; i < g->n && strcmp(g->nodes[i].wait->held_up_by, ident) == 0; i++) {
            g->nodes[i].object = o;
            o->has_timeout |= !isnan(g->nodes[i].wait->left);
        }
        o->n_waits = i - o->first_wait;
        while (hold < g->n_holds && strcmp(g->by_object[hold]->ident, ident) < 0)
            hold++;
        o->first_hold = hold;
        while (hold < g->n_holds && strcmp(g->by_object[hold]->ident, ident) == 0)
            hold++;
        o->n_holds = hold - o->first_hold;
    }
}

/* The list came in pages: who went on meanwhile and waits again is in it twice. */
static void
keep_the_latest(struct graph *g)
{
    for (size_t i = 0; i < g->n; i++) {
        if (i + 1 < g->n && g->by_owner[i]->wait->who.owner == g->by_owner[i + 1]->wait->who.owner)
            g->by_owner[i]->is_free = true; /* of no consequence for others */
        else
            g->by_owner[g->n_owners++] = g->by_owner[i];
    }
}

static void
build(struct graph *g, const struct situation *s)
{
    *g = (struct graph){ .n = s->n_waits, .n_holds = s->n_holds };
    g->nodes = ctl_more(NULL, g->n, sizeof *g->nodes);
    g->by_owner = ctl_more(NULL, g->n, sizeof(struct node *));
    g->todo = ctl_more(NULL, g->n, sizeof(struct node *));
    g->by_object = ctl_more(NULL, g->n_holds, sizeof(struct hold *));
    g->holds_of = ctl_more(NULL, g->n_holds, sizeof(struct hold *));
    for (size_t i = 0; i < g->n; i++)
        g->nodes[i] = (struct node){ .wait = &s->waits[i] };
    qsort(g->nodes, g->n, sizeof *g->nodes, by_held_up_by);
    for (size_t i = 0; i < g->n; i++)
        g->by_owner[i] = &g->nodes[i];
    for (size_t i = 0; i < g->n_holds; i++)
        g->by_object[i] = g->holds_of[i] = &s->holds[i];
    qsort(g->by_owner, g->n, sizeof(struct node *), nodes_by_owner);
    qsort(g->by_object, g->n_holds, sizeof(struct hold *), holds_by_object);
    qsort(g->holds_of, g->n_holds, sizeof(struct hold *), holds_by_owner);
    keep_the_latest(g);
    join_objects(g);
}

static void
tear_down(struct graph *g)
{
    free(g->nodes);
    free(g->by_owner);
    free(g->todo);
    free(g->by_object);
    free(g->holds_of);
    free(g->objects);
}

/* --- who can go on ------------------------------------------------------------------------------------------------ */

static bool
is(const char *text, const char *word)
{
    return text != NULL && strcmp(text, word) == 0;
}

static bool
needs_all(const struct wait *w)
{
    return is(w->method, "acquire_write");
}

static void
set_free(struct graph *g, struct node *node)
{
    if (node->is_free)
        return;
    node->is_free = true;
    g->todo[g->n_todo++] = node;
}

/* A waiter that needs nobody else to go on. */
static bool
is_free_by_itself(const struct graph *g, const struct node *node)
{
    const struct wait *w = node->wait;
    const struct object *o = node->object;
    const struct hold *only;

    if (o == NULL || !isnan(w->left) || o->n_holds == 0)
        return true;
    if (is(w->method, "acquire_read") && o->has_timeout) /* it may wait behind a writer that gives up */
        return true;
    only = g->by_object[o->first_hold];
    return is(only->typeid, "Semaphore") && o->n_holds == 1 && only->who.owner == w->who.owner;
}

static void
holder_is_free(struct graph *g, struct object *o)
{
    bool first = o->n_free++ == 0, last = o->n_free == o->n_holds;

    for (size_t i = o->first_wait; (first || last) && i < o->first_wait + o->n_waits; i++)
        if (needs_all(g->nodes[i].wait) ? last : first)
            set_free(g, &g->nodes[i]);
}

/* Where in holds_of those of an owner begin. */
static size_t
first_hold_of(const struct graph *g, int64_t owner)
{
    size_t low = 0, high = g->n_holds, middle;

    while (low < high) {
        middle = low + (high - low) / 2;
        if (g->holds_of[middle]->who.owner < owner)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void
tell_what_it_holds(struct graph *g, int64_t owner)
{
    struct object *o;

    for (size_t i = first_hold_of(g, owner); i < g->n_holds && g->holds_of[i]->who.owner == owner; i++)
        if ((o = object_of(g, g->holds_of[i]->ident)) != NULL)
            holder_is_free(g, o);
}

static void
work_out(struct graph *g)
{
    for (size_t i = 0; i < g->n; i++)
        if (is_free_by_itself(g, &g->nodes[i]))
            set_free(g, &g->nodes[i]);
    for (size_t i = 0; i < g->n_holds; i++) { /* holders that wait for nothing; not the dead */
        int64_t owner = g->holds_of[i]->who.owner;

        if (owner > 0 && (i == 0 || g->holds_of[i - 1]->who.owner != owner) && node_of(g, owner) == NULL)
            tell_what_it_holds(g, owner);
    }
    while (g->n_todo > 0)
        tell_what_it_holds(g, g->todo[--g->n_todo]->wait->who.owner);
}

/* --- who waits for the dead only ---------------------------------------------------------------------------------- */

static bool
is_stuck(const struct node *node)
{
    return node != NULL && !node->is_free && !node->is_behind_the_dead;
}

static struct node *
stuck_holder(const struct graph *g, const struct hold *hold)
{
    struct node *node = hold->who.owner > 0 ? node_of(g, hold->who.owner) : NULL;

    return is_stuck(node) ? node : NULL;
}

static void
set_behind_the_dead(struct graph *g, const struct object *o)
{
    for (size_t i = o->first_wait; i < o->first_wait + o->n_waits; i++)
        if (is_stuck(&g->nodes[i])) {
            g->nodes[i].is_behind_the_dead = true;
            g->todo[g->n_todo++] = &g->nodes[i];
        }
}

/* Afterwards everybody who is stuck waits for somebody who is. */
static void
leave_out_the_dead(struct graph *g)
{
    struct object *o;

    for (size_t i = 0; i < g->n_holds; i++)
        if (stuck_holder(g, g->by_object[i]) != NULL && (o = object_of(g, g->by_object[i]->ident)) != NULL)
            o->n_stuck++;
    for (size_t i = 0; i < g->n_objects; i++)
        if (g->objects[i].n_stuck == 0)
            set_behind_the_dead(g, &g->objects[i]);
    while (g->n_todo > 0) {
        int64_t owner = g->todo[--g->n_todo]->wait->who.owner;

        for (size_t i = first_hold_of(g, owner); owner > 0 && i < g->n_holds && g->holds_of[i]->who.owner == owner; i++)
            if ((o = object_of(g, g->holds_of[i]->ident)) != NULL && --o->n_stuck == 0)
                set_behind_the_dead(g, o);
    }
}

/* --- cycles ------------------------------------------------------------------------------------------------------- */

static struct node *
next_of(const struct graph *g, const struct node *node)
{
    struct object *o = node->object;

    for (size_t i = o->first_hold; o->stuck == NULL; i++)
        o->stuck = stuck_holder(g, g->by_object[i]);
    return o->stuck;
}

static void
add_cycle(struct situation *s, const struct graph *g, struct node *first)
{
    struct cycle cycle = { .n = 1 };
    struct node *at;

    for (at = next_of(g, first); at != first; at = next_of(g, at))
        cycle.n++;
    cycle.waits = ctl_more(NULL, cycle.n, sizeof(struct wait *));
    for (size_t i = 0; i < cycle.n; i++, at = next_of(g, at))
        cycle.waits[i] = at->wait;
    if ((s->n_cycles & (s->n_cycles - 1)) == 0) /* a power of two: full */
        s->cycles = ctl_more(s->cycles, s->n_cycles != 0 ? 2 * s->n_cycles : 1, sizeof *s->cycles);
    s->cycles[s->n_cycles++] = cycle;
}

/* Everybody who is stuck has a next: following it, who is met again is on a cycle. */
static void
collect_cycles(struct situation *s, const struct graph *g)
{
    for (size_t i = 0; i < g->n; i++) {
        struct node *at = &g->nodes[i];

        if (!is_stuck(at))
            continue;
        for (; at->colour == 0; at = next_of(g, at))
            at->colour = 1;
        if (at->colour == 1)
            add_cycle(s, g, at);
        for (at = &g->nodes[i]; at->colour == 1; at = next_of(g, at))
            at->colour = 2;
    }
}

static void
tell_what_is_awaited(struct situation *s, const struct graph *g)
{
    for (size_t i = 0; i < g->n_objects; i++) {
        const struct object *o = &g->objects[i];
        bool by_the_dead = o->n_holds != 0;

        for (size_t k = o->first_hold; k < o->first_hold + o->n_holds; k++)
            by_the_dead &= g->by_object[k]->who.owner == 0;
        for (size_t k = o->first_wait; k < o->first_wait + o->n_waits; k++) {
            struct wait *w = &s->waits[g->nodes[k].wait - s->waits];

            w->awaited = o->n_holds != 0 ? g->by_object[o->first_hold]->typeid : NULL;
            w->by_the_dead = by_the_dead;
        }
    }
}

void
situation_find_cycles(struct situation *s)
{
    struct graph g;

    build(&g, s);
    tell_what_is_awaited(s, &g);
    work_out(&g);
    leave_out_the_dead(&g);
    collect_cycles(s, &g);
    tear_down(&g);
}

/* --- later -------------------------------------------------------------------------------------------------------- */

static const struct hold *
find_hold(const struct graph *g, const char *ident, int64_t owner)
{
    const struct object *o = object_of(g, ident);

    for (size_t i = 0; o != NULL && i < o->n_holds; i++)
        if (g->by_object[o->first_hold + i]->who.owner == owner)
            return g->by_object[o->first_hold + i];
    return NULL;
}

/* Whether each still waits the same wait, for what the next one has held ever since. */
static bool
still_stands(const struct cycle *cycle, const struct graph *now, const struct graph *later)
{
    for (size_t i = 0; i < cycle->n; i++) {
        const struct wait *w = cycle->waits[i], *next = cycle->waits[(i + 1) % cycle->n];
        const struct node *node = node_of(later, w->who.owner);
        const struct hold *a = find_hold(now, w->held_up_by, next->who.owner), *b;

        if (node == NULL || node->is_free || node->wait->number != w->number ||
            !is(node->wait->held_up_by, w->held_up_by))
            return false;
        b = find_hold(later, w->held_up_by, next->who.owner);
        if (a == NULL || b == NULL || a->since < b->since || a->since > b->since)
            return false;
    }
    return true;
}

void
situation_confirm(struct situation *s, const struct situation *later)
{
    struct graph now, then;
    size_t n = 0;

    build(&now, s);
    build(&then, later);
    work_out(&then);
    for (size_t i = 0; i < s->n_cycles; i++) {
        if (still_stands(&s->cycles[i], &now, &then))
            s->cycles[n++] = s->cycles[i];
        else
            free(s->cycles[i].waits);
    }
    s->n_cycles = n;
    tear_down(&now);
    tear_down(&then);
}

void
situation_wipe(struct situation *s)
{
    for (size_t i = 0; i < s->n_waits; i++) {
        struct wait *w = &s->waits[i];

        free(w->ident), free(w->typeid), free(w->name), free(w->method), free(w->held_up_by);
        who_wipe(&w->who);
    }
    for (size_t i = 0; i < s->n_holds; i++) {
        struct hold *h = &s->holds[i];

        free(h->ident), free(h->typeid), free(h->name);
        who_wipe(&h->who);
    }
    for (size_t i = 0; i < s->n_cycles; i++)
        free(s->cycles[i].waits);
    free(s->waits);
    free(s->holds);
    free(s->cycles);
    *s = (struct situation){ 0 };
}

/*
 * queue.c - queue.Queue, LifoQueue and PriorityQueue, and what is to become of their items. Layer: object.
 *
 * Who waits is served in order of arrival: as long as somebody waits for items there are none, and as long as somebody
 * waits for room there is none for others. An item that a client takes stays in its call's grant until the client
 * shows that it has read it; if that cannot be any more it goes back to where it was. Its place is kept free meanwhile,
 * as are those of the items that wait for room: so neither can fail later. A lease is the same for longer: until the
 * client settles it, or is dead. How items are kept is shelf.c's business.
 */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/idmap.h"
#include "object/iterable.h"
#include "object/items.h"
#include "object/lockable.h"
#include "object/shelf.h"
#include "value/arith.h"

#define SECONDS_MAX 9223372036.0    /* what CPython can wait: nanoseconds in 64 bits */
#define MANY_BYTES (64 * 1024 * 1024) /* pop_many() stops here: its reply is written in one piece */

struct queue {
    struct mpm_object base;
    struct mpm_shelf shelf;
    struct mpm_calls getters; /* not empty: there are no items */
    struct mpm_calls putters; /* not empty: the first of them does not fit */
    struct mpm_calls joiners;
    bool is_bounded;
    size_t maxsize;
    char *no_number;          /* maxsize is none: the name of its type; CPython complains when it is used */
    uint64_t unfinished;
    struct mpm_idmap leases;  /* struct lease by number, which the client knows it by */
    struct mpm_list lent;     /* the same in order */
    uint64_t n_leases;        /* ever; the latest one's number */
    bool is_shut_down, is_drained;
};

/* What a put_many() brings or a pop_many() takes. */
struct batch {
    size_t n;
    uint32_t *tries;          /* of each, as the shelf has them, behind the values; a put_many()'s: NULL */
    struct mpm_value v[];
};

static struct batch *
batch_new(size_t n, bool has_tries)
{
    struct batch *b = NULL;
    size_t one = sizeof b->v[0] + (has_tries ? sizeof *b->tries : 0);

    if (n <= (SIZE_MAX - sizeof *b) / one)
        b = mpm__alloc(sizeof *b + n * one);
    if (b != NULL) {
        b->n = 0;
        b->tries = has_tries ? (uint32_t *)(void *)&b->v[n] : NULL;
    }
    return b;
}

static void
batch_free(struct mpm_hub *hub, struct batch *b)
{
    if (b == NULL)
        return;
    for (size_t i = 0; i < b->n; i++)
        mpm_forget(hub, &b->v[i]);
    mpm__free(b);
}

/* An item that is lent to a client. Its place on the shelf stays reserved. */
struct lease {
    struct mpm_loan loan;
    struct mpm_link link;    /* on the queue's list */
    struct mpm_value item;   /* empty: settled, and waiting for its grant to end */
    bool is_granted;         /* a call's or session's grant points here */
};
#define LEASES_KEPT 64 /* places of the table that stay when the last lease is over */
#define LEASE_COST (sizeof(struct lease) + 2 * sizeof(struct mpm_idmap_slot))

static void serve(struct queue *q);

/* --- grants ------------------------------------------------------------------------------------------------------- */

static void
finish_tasks(struct queue *q, uint64_t n)
{
    struct mpm_call *call;

    q->unfinished -= n < q->unfinished ? n : q->unfinished;
    while (q->unfinished == 0 && (call = mpm_calls_first(&q->joiners)) != NULL) {
        mpm_unpark(call);
        mpm_return_none(call);
        mpm_wake(call);
    }
}

/* Items that nobody got, in the order in which they went; each was lent so many times before. */
static void
put_back(struct queue *q, struct mpm_value *v, const uint32_t *tries, size_t n)
{
    if (!q->is_drained) {
        for (size_t i = n; i-- > 0;)
            mpm__shelf_put_back(&q->shelf, &v[i], tries[i]);
        serve(q);
        return;
    }
    for (size_t i = 0; i < n; i++)
        mpm_forget(q->base.hub, &v[i]);
    mpm__shelf_unreserve(q->base.hub, &q->shelf, n);
    finish_tasks(q, n);
}

static void
item_lost(struct mpm_object *object, struct mpm_owner *owner, struct mpm_grant *grant, int64_t now_ns)
{
    uint32_t tries = (uint32_t)(uintptr_t)grant->more;

    (void)owner;
    (void)now_ns;
    put_back((struct queue *)object, &grant->value, &tries, 1);
}

static void
item_read(struct mpm_object *object, struct mpm_grant *grant)
{
    mpm_forget(object->hub, &grant->value);
    mpm__shelf_unreserve(object->hub, &((struct queue *)object)->shelf, 1);
}

static const struct mpm_grant_kind grant_item = { .lost = item_lost, .read = item_read };

static void
items_lost(struct mpm_object *object, struct mpm_owner *owner, struct mpm_grant *grant, int64_t now_ns)
{
    struct batch *b = grant->more;

    (void)owner;
    (void)now_ns;
    grant->more = NULL;
    put_back((struct queue *)object, b->v, b->tries, b->n);
    mpm__free(b);
}

static void
items_read(struct mpm_object *object, struct mpm_grant *grant)
{
    struct batch *b = grant->more;
    size_t n = b->n;

    grant->more = NULL;
    batch_free(object->hub, b);
    mpm__shelf_unreserve(object->hub, &((struct queue *)object)->shelf, n);
}

static const struct mpm_grant_kind grant_items = { .lost = items_lost, .read = items_read };

/* --- leases ------------------------------------------------------------------------------------------------------- */

/* The lease is over; its item is the caller's. */
static struct mpm_value
end_lease(struct queue *q, struct lease *lease)
{
    struct mpm_value item = lease->item;

    mpm__idmap_remove(&q->leases, lease->loan.number);
    mpm__list_remove(&lease->link);
    if (q->leases.n == 0 && q->leases.cap > LEASES_KEPT)
        mpm__idmap_wipe(&q->leases);
    mpm_loan_end(&lease->loan);
    mpm_discharge(q->base.hub, LEASE_COST);
    lease->item = (struct mpm_value){ 0 };
    if (!lease->is_granted)
        mpm__free(lease);
    return item;
}

/* The item goes back to where it was. failed: this delivery counts. */
static void
return_lease(struct queue *q, struct lease *lease, bool failed)
{
    uint32_t tries = lease->loan.deliveries - !failed;
    struct mpm_value item = end_lease(q, lease);

    put_back(q, &item, &tries, 1);
}

static void
lease_lost(struct mpm_object *object, struct mpm_owner *owner, struct mpm_grant *grant, int64_t now_ns)
{
    struct lease *lease = grant->more;

    (void)owner;
    (void)now_ns;
    grant->more = NULL;
    lease->is_granted = false;
    if (mpm_value_is_empty(&lease->item))
        mpm__free(lease);
    else
        return_lease((struct queue *)object, lease, false);
}

static void
lease_read(struct mpm_object *object, struct mpm_grant *grant)
{
    struct lease *lease = grant->more;

    (void)object;
    grant->more = NULL;
    lease->is_granted = false;
    if (mpm_value_is_empty(&lease->item))
        mpm__free(lease);
}

static const struct mpm_grant_kind grant_lease = { .lost = lease_lost, .read = lease_read };

static void
queue_borrower_died(struct mpm_object *self, struct mpm_loan *loan, int64_t now_ns)
{
    (void)now_ns;
    return_lease((struct queue *)self, MPM_CONTAINER(loan, struct lease, loan), true);
}

static struct mpm_loan *
queue_next_loan(struct mpm_object *self, struct mpm_loan *prev)
{
    const struct mpm_list *lent = &((struct queue *)self)->lent;
    struct mpm_link *link = prev == NULL ? mpm__list_first(lent)
                                         : mpm__list_next(lent, &MPM_CONTAINER(prev, struct lease, loan)->link);

    return link != NULL ? &MPM_CONTAINER(link, struct lease, link)->loan : NULL;
}

/* Memory for a lease of the next item, which is known by its number from now on. */
static int
new_lease(struct queue *q, struct lease **out)
{
    struct mpm_hub *hub = q->base.hub;
    struct lease *lease;
    int r = mpm__shelf_count_tries(hub, &q->shelf);

    if (r == 0)
        r = mpm_charge(hub, LEASE_COST);
    if (r != 0)
        return r;
    lease = mpm__array(1, sizeof *lease);
    if (lease == NULL || mpm__idmap_set(&q->leases, q->n_leases + 1, lease) != 0) {
        mpm__free(lease);
        mpm_discharge(hub, LEASE_COST);
        return MPM_ENOMEM;
    }
    lease->loan.number = ++q->n_leases;
    *out = lease;
    return 0;
}

/* (number, deliveries, item), the item still on the shelf. */
static void
return_leased(struct mpm_call *call, const struct lease *lease, const struct mpm_value *item)
{
    struct mpm_value v[3] = { 0 };
    struct mpm_number number = { .i = (int64_t)lease->loan.number }, deliveries = { .i = lease->loan.deliveries };
    int r = mpm__number_keep(&number, 2, &v[0]);

    if (r == 0)
        r = mpm__number_keep(&deliveries, 2, &v[1]);
    v[2] = *item; /* not held: only looked at */
    if (r == 0)
        mpm_return_tuple(call, v, 3);
    else
        mpm_raise_code(call, r);
    mpm_drop(&v[0]);
    mpm_drop(&v[1]);
}

/* --- taking items ------------------------------------------------------------------------------------------------- */

/* Sets the call's result: the next item, or why it cannot be had. There is one. */
static void
give_one(struct queue *q, struct mpm_call *call)
{
    struct mpm_unordered why = { .spent = 0 };
    uint32_t tries;
    int r;

    mpm_return_value(call, mpm__shelf_next(&q->shelf));
    if (call->result.kind == MPM_R_ERROR)
        return;
    r = mpm__shelf_pop(&q->shelf, &call->grant.value, &tries, &why);
    if (r != 0) {
        mpm__raise_unordered(call, r, &why);
        return;
    }
    call->grant.kind = &grant_item;
    call->grant.more = (void *)(uintptr_t)tries;
}

/* The same on lease. */
static void
lend_one(struct queue *q, struct mpm_call *call)
{
    struct mpm_unordered why = { .spent = 0 };
    struct lease *lease;
    uint32_t tries;
    int r = new_lease(q, &lease);

    if (r != 0) {
        mpm_raise_code(call, r);
        return;
    }
    tries = mpm__shelf_next_tries(&q->shelf);
    lease->loan.deliveries = tries < UINT32_MAX ? tries + 1 : tries;
    return_leased(call, lease, mpm__shelf_next(&q->shelf));
    if (call->result.kind != MPM_R_ERROR && (r = mpm__shelf_pop(&q->shelf, &lease->item, NULL, &why)) != 0)
        mpm__raise_unordered(call, r, &why);
    if (call->result.kind == MPM_R_ERROR) {
        end_lease(q, lease);
        return;
    }
    lease->is_granted = true;
    mpm_loan_begin(&lease->loan, &q->base, call->owner, call->now_ns);
    mpm__list_append(&q->lent, &lease->link);
    call->grant.kind = &grant_lease;
    call->grant.more = lease;
}

/* The same for up to call->number items. */
static void
give_many(struct queue *q, struct mpm_call *call)
{
    size_t n = (uint64_t)call->number < q->shelf.n ? (size_t)call->number : q->shelf.n, cost = 0;
    struct batch *b = batch_new(n, true);
    struct mpm_unordered why = { .spent = 0 };
    int r = b == NULL ? MPM_ENOMEM : 0;

    while (r == 0 && b->n < n) {
        cost += mpm__value_cost(mpm__shelf_next(&q->shelf));
        if (b->n != 0 && cost > MANY_BYTES)
            break;
        r = mpm__shelf_pop(&q->shelf, &b->v[b->n], &b->tries[b->n], &why);
        b->n += r == 0;
    }
    if (b != NULL && b->n != 0) {
        mpm_return_list(call, b->v, b->n);
        if (call->result.kind != MPM_R_ERROR) {
            call->grant.kind = &grant_items;
            call->grant.more = b;
            return;
        }
        for (; b->n > 0; b->n--)
            mpm__shelf_put_back(&q->shelf, &b->v[b->n - 1], b->tries[b->n - 1]);
    } else {
        mpm__raise_unordered(call, r, &why);
    }
    mpm__free(b);
}

static enum mpm_outcome
get_timeout(struct mpm_call *call)
{
    return mpm_raise(call, MPM_PY_QUEUE_EMPTY, NULL);
}

static const struct mpm_wait_kind wait_get = { .name = "Queue.get", .timeout = get_timeout };
static const struct mpm_wait_kind wait_lease = { .name = "Queue.lease", .timeout = get_timeout };
static const struct mpm_wait_kind wait_pop_many = { .name = "Queue.pop_many", .timeout = get_timeout };

/* --- bringing items ----------------------------------------------------------------------------------------------- */

static bool
fits(const struct queue *q, size_t n)
{
    return !q->is_bounded || (q->shelf.n <= q->maxsize && n <= q->maxsize - q->shelf.n);
}

/* Items whose places are reserved go onto the shelf. Sets the call's result; when that is an exception they are still
 * the caller's, with their places. */
static bool
store(struct queue *q, struct mpm_call *call, struct mpm_value *v, size_t n)
{
    struct mpm_unordered why = { .spent = 0 };
    int r = mpm__shelf_push(&q->shelf, v, n, &why);

    if (r != 0)
        mpm__raise_unordered(call, r, &why);
    else
        mpm_return_none(call);
    q->unfinished += r == 0 ? n : 0;
    return r == 0;
}

/* A waiting put() has its item in call->value, a put_many() its batch in call->pointer. */
static size_t
brought(struct mpm_call *call, struct mpm_value **v)
{
    struct batch *b = call->pointer;

    *v = b != NULL ? b->v : &call->value;
    return b != NULL ? b->n : 1;
}

/* It is off its list, and its items stay out. */
static void
take_out(struct mpm_call *call)
{
    struct queue *q = (struct queue *)call->object;
    struct batch *b = call->pointer;

    mpm__shelf_unreserve(call->hub, &q->shelf, b != NULL ? b->n : 1);
    call->pointer = NULL;
    batch_free(call->hub, b);
    mpm_forget(call->hub, &call->value);
}

static void
put_cancel(struct mpm_call *call)
{
    take_out(call);
    serve((struct queue *)call->object); /* those behind it may need less room */
}

static enum mpm_outcome
put_timeout(struct mpm_call *call)
{
    put_cancel(call);
    return mpm_raise(call, MPM_PY_QUEUE_FULL, NULL);
}

static const struct mpm_wait_kind wait_put = { .name = "Queue.put", .timeout = put_timeout, .cancel = put_cancel };
static const struct mpm_wait_kind wait_put_many = {
    .name = "Queue.put_many", .timeout = put_timeout, .cancel = put_cancel,
};

static bool
admit_first(struct queue *q)
{
    struct mpm_call *call = mpm_calls_first(&q->putters);
    struct mpm_value *v;
    size_t n;

    if (call == NULL)
        return false;
    n = brought(call, &v);
    if (!fits(q, n))
        return false;
    mpm_unpark(call);
    if (store(q, call, v, n)) {
        mpm__free(call->pointer);
        call->pointer = NULL;
    } else {
        take_out(call);
    }
    mpm_wake(call);
    return true;
}

/* Items go to those who wait for them, and where room was made others bring theirs. */
static void
serve(struct queue *q)
{
    struct mpm_call *call;

    do {
        while (q->shelf.n != 0 && (call = mpm_calls_first(&q->getters)) != NULL) {
            const struct mpm_wait_kind *kind = call->wait;

            mpm_unpark(call);
            if (kind == &wait_pop_many)
                give_many(q, call);
            else if (kind == &wait_lease)
                lend_one(q, call);
            else
                give_one(q, call);
            mpm_wake(call);
        }
    } while (admit_first(q));
}

/* --- methods ------------------------------------------------------------------------------------------------------ */

/* Until when a call is willing to wait. */
struct patience {
    int64_t deadline_ns;
    bool is_endless; /* CPython cannot wait so long, and says so when it has to */
};

/* Arguments `block` and `timeout`. False: an exception is set. */
static bool
read_patience(struct mpm_call *call, int block, int timeout, struct patience *p)
{
    int truth = mpm_arg_truth(call, block), r;
    struct mpm_ref ref = call->args[timeout];
    double seconds;
    char buf[64];

    *p = (struct patience){ .deadline_ns = call->now_ns };
    if (truth < 0) {
        mpm_raise_code(call, truth);
        return false;
    }
    if (!truth)
        return true;
    if (mpm_arg_is_none(call, timeout)) {
        p->deadline_ns = MPM_FOREVER;
        return true;
    }
    r = mpm__number(call, timeout, &seconds);
    if (r == MPM_ETYPE)
        mpm_raise(call, MPM_PY_TYPE_ERROR, "'<' not supported between instances of '%s' and 'int'",
            mpm_arg_type_name(call, timeout, buf));
    else if (r != 0)
        mpm_raise_code(call, r);
    else if (seconds < 0)
        mpm_raise(call, MPM_PY_VALUE_ERROR, "'timeout' must be a non-negative number");
    else if (isinf(seconds) && mpm__kind(&ref) == MPM_K_INT)
        mpm_raise(call, MPM_PY_OVERFLOW_ERROR, "int too large to convert to float");
    else {
        p->is_endless = seconds > SECONDS_MAX;
        p->deadline_ns = mpm_deadline_after(call, seconds);
        return true;
    }
    return false;
}

/* Waits; or raises `in_vain` when that is not wanted. */
static enum mpm_outcome
wait_for(struct mpm_call *call, const struct patience *p, struct mpm_calls *calls, const struct mpm_wait_kind *kind,
    enum mpm_py in_vain)
{
    if (p->is_endless)
        return mpm_raise(call, MPM_PY_OVERFLOW_ERROR, "timestamp out of range for platform time_t");
    if (p->deadline_ns <= call->now_ns)
        return mpm_raise(call, in_vain, NULL);
    return mpm_wait(call, calls, kind, p->deadline_ns);
}

static enum mpm_outcome
get(struct queue *q, struct mpm_call *call, int block, int timeout, bool on_lease)
{
    struct patience p = { .deadline_ns = call->now_ns };

    if (q->is_shut_down && q->shelf.n == 0)
        return mpm_raise(call, MPM_PY_QUEUE_SHUT_DOWN, NULL);
    if (block >= 0 && !read_patience(call, block, timeout, &p))
        return MPM_DONE;
    if (q->shelf.n == 0)
        return wait_for(call, &p, &q->getters, on_lease ? &wait_lease : &wait_get, MPM_PY_QUEUE_EMPTY);
    if (on_lease)
        lend_one(q, call);
    else
        give_one(q, call);
    serve(q);
    return MPM_DONE;
}

static enum mpm_outcome
queue_get(struct mpm_object *self, struct mpm_call *call)
{
    return get((struct queue *)self, call, 0, 1, false);
}

static enum mpm_outcome
queue_get_nowait(struct mpm_object *self, struct mpm_call *call)
{
    return get((struct queue *)self, call, -1, -1, false);
}

static enum mpm_outcome
queue_lease(struct mpm_object *self, struct mpm_call *call)
{
    return get((struct queue *)self, call, 0, 1, true);
}

/* The lease that the first argument names. NULL: an exception is set. */
static struct lease *
find_lease(struct queue *q, struct mpm_call *call)
{
    struct lease *lease = NULL;
    int64_t number = 0;
    char buf[64];
    int r = mpm_arg_int64(call, 0, &number);

    if (r == 0 && number > 0)
        lease = mpm__idmap_get(&q->leases, (uint64_t)number);
    if (r == MPM_ETYPE)
        mpm_raise(call, MPM_PY_TYPE_ERROR, "a lease is the int that lease() returned first, not '%s'",
            mpm_arg_type_name(call, 0, buf));
    else if (r == MPM_ERANGE)
        mpm_raise(call, MPM_PY_VALUE_ERROR, "no such lease: lease() returned no number as large as that");
    else if (r != 0)
        mpm_raise_code(call, r);
    else if (lease == NULL && number > 0 && (uint64_t)number <= q->n_leases)
        mpm_raise(call, MPM_PY_VALUE_ERROR, "lease %lld is over: it was settled with ack() or nack(), or its holder "
            "died and the item went back to the queue", (long long)number);
    else if (lease == NULL)
        mpm_raise(call, MPM_PY_VALUE_ERROR, "no such lease: this queue's lease() has not returned %lld",
            (long long)number);
    return lease;
}

static enum mpm_outcome
queue_ack(struct mpm_object *self, struct mpm_call *call)
{
    struct queue *q = (struct queue *)self;
    struct lease *lease = find_lease(q, call);
    struct mpm_value item;

    if (lease == NULL)
        return MPM_DONE;
    item = end_lease(q, lease);
    mpm_forget(call->hub, &item);
    mpm__shelf_unreserve(call->hub, &q->shelf, 1);
    finish_tasks(q, 1);
    return mpm_return_none(call);
}

static enum mpm_outcome
queue_nack(struct mpm_object *self, struct mpm_call *call)
{
    struct queue *q = (struct queue *)self;
    int failed = mpm_arg_truth(call, 1);
    struct lease *lease;

    if (failed < 0)
        return mpm_raise_code(call, failed);
    lease = find_lease(q, call);
    if (lease == NULL)
        return MPM_DONE;
    return_lease(q, lease, failed);
    return mpm_return_none(call);
}

static enum mpm_outcome
queue_pop_many(struct mpm_object *self, struct mpm_call *call)
{
    struct queue *q = (struct queue *)self;
    struct patience p;

    if (!mpm__count(call, 0, 1, "n must be at least 1", "n", &call->number))
        return MPM_DONE;
    if (q->is_shut_down && q->shelf.n == 0)
        return mpm_raise(call, MPM_PY_QUEUE_SHUT_DOWN, NULL);
    if (!read_patience(call, 1, 2, &p))
        return MPM_DONE;
    if (q->shelf.n == 0)
        return wait_for(call, &p, &q->getters, &wait_pop_many, MPM_PY_QUEUE_EMPTY);
    give_many(q, call);
    serve(q);
    return MPM_DONE;
}

/* What both kinds of put have to know. False: an exception is set. */
static bool
may_put(struct queue *q, struct mpm_call *call, int block, int timeout, struct patience *p)
{
    *p = (struct patience){ .deadline_ns = call->now_ns };
    if (q->is_shut_down) {
        mpm_raise(call, MPM_PY_QUEUE_SHUT_DOWN, NULL);
        return false;
    }
    if (q->no_number != NULL) {
        mpm_raise(call, MPM_PY_TYPE_ERROR, "'>' not supported between instances of '%s' and 'int'", q->no_number);
        return false;
    }
    return !q->is_bounded || block < 0 || read_patience(call, block, timeout, p);
}

static enum mpm_outcome
put(struct queue *q, struct mpm_call *call, int block, int timeout)
{
    struct patience p;
    bool now;
    int r;

    if (!may_put(q, call, block, timeout, &p))
        return MPM_DONE;
    now = q->putters.n == 0 && fits(q, 1);
    if (!now && (p.is_endless || p.deadline_ns <= call->now_ns))
        return wait_for(call, &p, &q->putters, &wait_put, MPM_PY_QUEUE_FULL);
    r = mpm__shelf_reserve(call->hub, &q->shelf, 1);
    if (r != 0)
        return mpm_raise_code(call, r);
    r = mpm_keep_arg(call, 0, &call->value);
    if (r != 0)
        mpm_raise_code(call, r);
    else if (!now && mpm_wait(call, &q->putters, &wait_put, p.deadline_ns) == MPM_PARKED)
        return MPM_PARKED;
    else if (now && store(q, call, &call->value, 1)) {
        serve(q);
        return MPM_DONE;
    }
    mpm__shelf_unreserve(call->hub, &q->shelf, 1);
    return MPM_DONE;
}

static enum mpm_outcome
queue_put(struct mpm_object *self, struct mpm_call *call)
{
    return put((struct queue *)self, call, 1, 2);
}

static enum mpm_outcome
queue_put_nowait(struct mpm_object *self, struct mpm_call *call)
{
    return put((struct queue *)self, call, -1, -1);
}

/* MPM_PARKED: the items are taken. */
static enum mpm_outcome
put_many_later(struct queue *q, struct mpm_call *call, struct mpm_values *items, int64_t deadline_ns)
{
    struct batch *b = batch_new(items->n, false);

    if (b == NULL)
        return mpm_raise_code(call, MPM_ENOMEM);
    if (mpm_wait(call, &q->putters, &wait_put_many, deadline_ns) == MPM_DONE) {
        mpm__free(b);
        return MPM_DONE;
    }
    memcpy(b->v, items->v, items->n * sizeof *b->v);
    b->n = items->n;
    items->n = 0;
    call->pointer = b;
    return MPM_PARKED;
}

static enum mpm_outcome
queue_put_many(struct mpm_object *self, struct mpm_call *call)
{
    struct queue *q = (struct queue *)self;
    struct mpm_values items = { 0 };
    enum mpm_outcome outcome = MPM_DONE;
    struct patience p;
    bool now;
    int r;

    if (!may_put(q, call, 1, 2, &p))
        return MPM_DONE;
    if (!mpm__iterate(call, call->args[0], &items))
        goto out;
    now = q->putters.n == 0 && fits(q, items.n);
    if (items.n == 0)
        mpm_return_none(call);
    else if (q->is_bounded && items.n > q->maxsize)
        mpm_raise(call, MPM_PY_VALUE_ERROR, "put_many() of %zu items can never fit into a queue of maxsize %zu",
            items.n, q->maxsize);
    else if (!now && (p.is_endless || p.deadline_ns <= call->now_ns))
        wait_for(call, &p, &q->putters, &wait_put_many, MPM_PY_QUEUE_FULL);
    else if ((r = mpm__shelf_reserve(call->hub, &q->shelf, items.n)) != 0)
        mpm_raise_code(call, r);
    else {
        outcome = now ? MPM_DONE : put_many_later(q, call, &items, p.deadline_ns);
        if (now && store(q, call, items.v, items.n))
            items.n = 0;
        else if (outcome == MPM_DONE)
            mpm__shelf_unreserve(call->hub, &q->shelf, items.n);
        if (now)
            serve(q);
    }
out:
    mpm__values_wipe(call->hub, &items);
    return outcome;
}

static enum mpm_outcome
queue_task_done(struct mpm_object *self, struct mpm_call *call)
{
    struct queue *q = (struct queue *)self;

    if (q->unfinished == 0)
        return mpm_raise(call, MPM_PY_VALUE_ERROR, "task_done() called too many times");
    finish_tasks(q, 1);
    return mpm_return_none(call);
}

static const struct mpm_wait_kind wait_join = { .name = "Queue.join" };

static enum mpm_outcome
queue_join(struct mpm_object *self, struct mpm_call *call)
{
    struct queue *q = (struct queue *)self;

    if (q->unfinished == 0)
        return mpm_return_none(call);
    return mpm_wait(call, &q->joiners, &wait_join, MPM_FOREVER);
}

static enum mpm_outcome
queue_shutdown(struct mpm_object *self, struct mpm_call *call)
{
    struct queue *q = (struct queue *)self;
    int immediate = mpm_arg_truth(call, 0);
    size_t n = q->shelf.n;
    struct mpm_call *waiter;

    if (immediate < 0)
        return mpm_raise_code(call, immediate);
    q->is_shut_down = true;
    while ((waiter = mpm_calls_first(&q->putters)) != NULL) {
        mpm_unpark(waiter);
        take_out(waiter);
        mpm_raise(waiter, MPM_PY_QUEUE_SHUT_DOWN, NULL);
        mpm_wake(waiter);
    }
    if (immediate) {
        q->is_drained = true;
        mpm__shelf_clear(call->hub, &q->shelf);
        finish_tasks(q, n);
    }
    while ((waiter = mpm_calls_first(&q->getters)) != NULL) {
        mpm_unpark(waiter);
        mpm_raise(waiter, MPM_PY_QUEUE_SHUT_DOWN, NULL);
        mpm_wake(waiter);
    }
    return mpm_return_none(call);
}

static enum mpm_outcome
queue_qsize(struct mpm_object *self, struct mpm_call *call)
{
    return mpm_return_int(call, (int64_t)((struct queue *)self)->shelf.n);
}

static enum mpm_outcome
queue_empty(struct mpm_object *self, struct mpm_call *call)
{
    return mpm_return_bool(call, ((struct queue *)self)->shelf.n == 0);
}

static enum mpm_outcome
queue_full(struct mpm_object *self, struct mpm_call *call)
{
    struct queue *q = (struct queue *)self;

    if (q->no_number != NULL)
        return mpm_raise(call, MPM_PY_TYPE_ERROR, "'<' not supported between instances of 'int' and '%s'",
            q->no_number);
    return mpm_return_bool(call, q->is_bounded && q->shelf.n >= q->maxsize);
}

/* --- types -------------------------------------------------------------------------------------------------------- */

static enum mpm_outcome
make(struct mpm_object *self, struct mpm_call *call, struct mpm_shelf shelf)
{
    struct queue *q = (struct queue *)self;
    double maxsize;
    char buf[64];
    int r = mpm__number(call, 0, &maxsize);

    if (r == MPM_ETYPE) {
        const char *name = mpm_arg_type_name(call, 0, buf);

        q->no_number = mpm__alloc(strlen(name) + 1);
        r = q->no_number == NULL ? MPM_ENOMEM : 0;
        if (r == 0)
            strcpy(q->no_number, name);
    } else if (r == 0 && maxsize > 0) { /* a float counts as the next whole number: qsize() >= 1.5 is qsize() >= 2 */
        q->is_bounded = true;
        q->maxsize = maxsize < 9e15 ? (size_t)ceil(maxsize) : SIZE_MAX;
    }
    if (r != 0)
        return mpm_raise_code(call, r);
    q->shelf = shelf;
    mpm_calls_init(&q->getters);
    mpm_calls_init(&q->putters);
    mpm_calls_init(&q->joiners);
    mpm__list_init(&q->lent);
    return mpm_return_none(call);
}

static enum mpm_outcome
queue_make(struct mpm_object *self, struct mpm_call *call)
{
    return make(self, call, (struct mpm_shelf){ .order = MPM_SHELF_FIFO });
}

static enum mpm_outcome
lifo_queue_make(struct mpm_object *self, struct mpm_call *call)
{
    return make(self, call, (struct mpm_shelf){ .order = MPM_SHELF_LIFO });
}

static enum mpm_outcome
priority_queue_make(struct mpm_object *self, struct mpm_call *call)
{
    return make(self, call, (struct mpm_shelf){ .order = MPM_SHELF_SMALLEST, .less = mpm__less_value });
}

static void
queue_wipe(struct mpm_object *self)
{
    struct queue *q = (struct queue *)self;

    const struct mpm_idmap_slot *slot;
    struct lease *lease;

    for (size_t i = 0; (slot = mpm__idmap_next(&q->leases, &i)) != NULL;) {
        lease = slot->value;
        mpm_loan_end(&lease->loan);
        mpm_forget(self->hub, &lease->item);
        mpm_discharge(self->hub, LEASE_COST);
        mpm__free(lease);
    }
    mpm__idmap_wipe(&q->leases);
    mpm__shelf_wipe(self->hub, &q->shelf);
    mpm__free(q->no_number);
}

static int
queue_repr(struct mpm_object *self, struct mpm_buf *out)
{
    mpm__buf_printf(out, "<queue.%s object at 0x%llx>", self->type->class_name, (unsigned long long)self->id);
    return out->error;
}

static struct mpm_method queue_methods[] = {
    { .name = "get",        .params = "block=True timeout=None",      .run = queue_get,        .of = "Queue" },
    { .name = "put",        .params = "item block=True timeout=None", .run = queue_put,        .of = "Queue" },
    { .name = "get_nowait", .params = "",                             .run = queue_get_nowait, .of = "Queue" },
    { .name = "put_nowait", .params = "item",                         .run = queue_put_nowait, .of = "Queue" },
    { .name = "qsize",      .params = "",                             .run = queue_qsize,      .of = "Queue" },
    { .name = "empty",      .params = "",                             .run = queue_empty,      .of = "Queue" },
    { .name = "full",       .params = "",                             .run = queue_full,       .of = "Queue" },
    { .name = "task_done",  .params = "",                             .run = queue_task_done,  .of = "Queue" },
    { .name = "join",       .params = "",                             .run = queue_join,       .of = "Queue" },
    { .name = "shutdown",   .params = "immediate=False",              .run = queue_shutdown,   .of = "Queue" },
    { .name = "put_many",   .params = "items block=True timeout=None", .run = queue_put_many,  .of = "Queue" },
    { .name = "pop_many",   .params = "n block=True timeout=None",    .run = queue_pop_many,   .of = "Queue" },
    { .name = "lease",      .params = "block=True timeout=None",      .run = queue_lease,      .of = "Queue" },
    { .name = "ack",        .params = "lease",                        .run = queue_ack,        .of = "Queue" },
    { .name = "nack",       .params = "lease failed=True",            .run = queue_nack,       .of = "Queue" },
    { 0 }
};

#define EXPOSED \
    "ack empty full get get_nowait join lease nack pop_many put put_many put_nowait qsize shutdown task_done"

struct mpm_type mpm__type_queue = {
    .module = "queue", .class_name = "Queue", .size = sizeof(struct queue), .params = "maxsize=0", .make = queue_make,
    .wipe = queue_wipe, .methods = queue_methods, .exposed = EXPOSED, .auto_exposed = EXPOSED, .repr = queue_repr,
    .borrower_died = queue_borrower_died, .next_loan = queue_next_loan,
    .unpicklable = "_thread.lock",
};

struct mpm_type mpm__type_lifo_queue = {
    .module = "queue", .class_name = "LifoQueue", .of = "Queue", .size = sizeof(struct queue), .params = "maxsize=0",
    .make = lifo_queue_make, .wipe = queue_wipe, .methods = queue_methods, .exposed = EXPOSED, .auto_exposed = EXPOSED,
    .repr = queue_repr, .borrower_died = queue_borrower_died, .next_loan = queue_next_loan,
    .unpicklable = "_thread.lock",
};

struct mpm_type mpm__type_priority_queue = {
    .module = "queue", .class_name = "PriorityQueue", .of = "Queue", .size = sizeof(struct queue),
    .params = "maxsize=0", .make = priority_queue_make, .wipe = queue_wipe, .methods = queue_methods,
    .exposed = EXPOSED, .auto_exposed = EXPOSED, .repr = queue_repr, .borrower_died = queue_borrower_died,
    .next_loan = queue_next_loan, .unpicklable = "_thread.lock",
};

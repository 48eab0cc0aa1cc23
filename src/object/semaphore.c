/*
 * semaphore.c - threading.Semaphore and BoundedSemaphore. Layer: object. Waiting is lockable.c's.
 *
 * Python's semaphores have no holders: anybody may release. To know who died with a unit, each acquire is noted with
 * its owner; a release undoes one of the releaser's own, or else the oldest of anybody, so that there are never more
 * noted than taken.
 */
#include "object/lockable.h"

#include <assert.h>

#include "base/alloc.h"

/* What one owner has taken. */
struct share {
    struct mpm_hold hold; /* count: units */
    struct mpm_link link; /* in semaphore->shares, oldest first, or in ->spare */
};

struct semaphore {
    struct mpm_lock lock;
    int64_t value;
    int64_t first;          /* the value that it was made with */
    int64_t bound;          /* BoundedSemaphore: the same; else INT64_MAX */
    bool is_bounded;
    struct mpm_list shares;
    uint64_t n_noted;       /* units in all of them */
    struct mpm_list spare;  /* for calls that wait, so that a grant never needs memory */
    size_t n_spare;
};

static void
share_free(struct semaphore *s, struct share *share)
{
    mpm_hold_release(&share->hold);
    mpm__list_remove(&share->link);
    if (s->n_spare > s->lock.waiters.n) {
        mpm__free(share);
    } else {
        mpm__list_append(&s->spare, &share->link);
        s->n_spare++;
    }
}

static struct share *
share_of(struct semaphore *s, const struct mpm_owner *owner)
{
    for (struct mpm_link *l = mpm__list_first(&owner->holds); l != NULL; l = mpm__list_next(&owner->holds, l)) {
        struct mpm_hold *hold = MPM_CONTAINER(l, struct mpm_hold, link);

        if (hold->object == &s->lock.base)
            return MPM_CONTAINER(hold, struct share, hold);
    }
    return NULL;
}

static int
semaphore_reserve(struct mpm_lock *base, size_t n)
{
    struct semaphore *s = (struct semaphore *)base;

    while (s->n_spare < n) {
        struct share *share = mpm__array(1, sizeof(*share));

        if (share == NULL)
            return MPM_ENOMEM;
        mpm__list_append(&s->spare, &share->link);
        s->n_spare++;
    }
    return 0;
}

static void
note_taken(struct semaphore *s, struct mpm_owner *owner, int64_t now_ns)
{
    struct share *share = share_of(s, owner);

    if (share == NULL) {
        struct mpm_link *l = mpm__list_first(&s->spare);

        assert(l != NULL);
        share = MPM_CONTAINER(l, struct share, link);
        mpm__list_remove(l);
        s->n_spare--;
        mpm__list_append(&s->shares, l);
        mpm_hold_take(&share->hold, &s->lock.base, owner, now_ns);
        share->hold.count = 0;
    }
    share->hold.count++;
    s->n_noted++;
}

static void
note_given(struct semaphore *s, const struct mpm_owner *owner, uint64_t n)
{
    struct share *share = share_of(s, owner);
    struct mpm_link *l;

    while (n > 0) {
        uint64_t part;

        if (share == NULL && (l = mpm__list_first(&s->shares)) != NULL)
            share = MPM_CONTAINER(l, struct share, link);
        if (share == NULL)
            return;
        part = share->hold.count < n ? share->hold.count : n;
        share->hold.count -= part;
        s->n_noted -= part;
        n -= part;
        if (share->hold.count == 0)
            share_free(s, share);
        share = NULL;
    }
}

static bool
semaphore_is_owned(const struct mpm_lock *base, const struct mpm_owner *owner)
{
    (void)owner;
    return ((const struct semaphore *)base)->value == 0;
}

static bool
semaphore_try_take(struct mpm_lock *base, struct mpm_owner *owner, uint64_t levels, int64_t now_ns)
{
    struct semaphore *s = (struct semaphore *)base;

    (void)levels;
    if (s->value == 0)
        return false;
    note_taken(s, owner, now_ns);
    s->value--;
    return true;
}

/* False: over the bound. */
static bool
give(struct semaphore *s, const struct mpm_owner *owner, int64_t n, int64_t now_ns)
{
    if (s->value > s->bound - n)
        return false;
    note_given(s, owner, (uint64_t)n);
    s->value += n;
    mpm__lock_hand_on(&s->lock, now_ns);
    return true;
}

static uint64_t
semaphore_release_all(struct mpm_lock *base, struct mpm_owner *owner, int64_t now_ns)
{
    /* a Condition releases and acquires a semaphore once, whatever was taken before */
    return give((struct semaphore *)base, owner, 1, now_ns) ? 1 : 0;
}

static void
semaphore_take_back(struct mpm_lock *base, struct mpm_owner *owner, uint64_t levels)
{
    struct semaphore *s = (struct semaphore *)base;
    struct share *share = share_of(s, owner);

    (void)levels;
    if (share == NULL)
        return; /* somebody has released it */
    s->n_noted--;
    if (--share->hold.count == 0)
        share_free(s, share);
    if (s->value < s->bound)
        s->value++;
}

static const struct mpm_lockable semaphore_lockable = {
    .is_owned = semaphore_is_owned, .try_take = semaphore_try_take, .release_all = semaphore_release_all,
    .take_back = semaphore_take_back, .reserve = semaphore_reserve,
};

/* --- methods ------------------------------------------------------------------------------------------------------ */

static enum mpm_outcome
semaphore_acquire(struct mpm_object *self, struct mpm_call *call)
{
    struct semaphore *s = (struct semaphore *)self;
    int blocking = mpm_arg_truth(call, 0);
    int64_t deadline_ns = call->now_ns;

    if (blocking < 0)
        return mpm_raise_code(call, blocking);
    if (!blocking && !mpm_arg_is_none(call, 1))
        return mpm_raise(call, MPM_PY_VALUE_ERROR, "can't specify timeout for non-blocking acquire");
    /* CPython does not look at the timeout as long as there are units */
    if (blocking && s->value == 0 && !mpm__timeout(call, 1, MPM_ADDED, &deadline_ns))
        return MPM_DONE;
    return mpm__lock_acquire(&s->lock, call, deadline_ns);
}

static enum mpm_outcome
semaphore_release(struct mpm_object *self, struct mpm_call *call)
{
    struct semaphore *s = (struct semaphore *)self;
    int64_t n;

    if (mpm__lock_is_broken(&s->lock, call) || !mpm__count(call, 0, 1, "n must be one or more", "n", &n))
        return MPM_DONE;
    if (give(s, call->owner, n, call->now_ns))
        return mpm_return_none(call);
    if (s->is_bounded)
        return mpm_raise(call, MPM_PY_VALUE_ERROR, "Semaphore released too many times");
    return mpm_raise(call, MPM_PY_OVERFLOW_ERROR, "semaphore value is beyond 64 bits");
}

/* --- types -------------------------------------------------------------------------------------------------------- */

static enum mpm_outcome
semaphore_make(struct mpm_object *self, struct mpm_call *call)
{
    struct semaphore *s = (struct semaphore *)self;

    mpm__lock_init(&s->lock);
    mpm__list_init(&s->shares);
    mpm__list_init(&s->spare);
    s->bound = INT64_MAX;
    if (!mpm__count(call, 0, 0, "semaphore initial value must be >= 0", "the initial value of a semaphore", &s->value))
        return MPM_DONE;
    s->first = s->value;
    return mpm_return_none(call);
}

static enum mpm_outcome
bounded_semaphore_make(struct mpm_object *self, struct mpm_call *call)
{
    struct semaphore *s = (struct semaphore *)self;
    enum mpm_outcome outcome = semaphore_make(self, call);

    s->is_bounded = true;
    s->bound = s->value;
    return outcome;
}

static void
semaphore_wipe(struct mpm_object *self)
{
    struct semaphore *s = (struct semaphore *)self;
    struct mpm_list *const lists[] = { &s->shares, &s->spare };

    for (int i = 0; i < 2; i++) {
        struct mpm_link *l;

        while ((l = mpm__list_first(lists[i])) != NULL) {
            struct share *share = MPM_CONTAINER(l, struct share, link);

            mpm__list_remove(l);
            mpm_hold_release(&share->hold);
            mpm__free(share);
        }
    }
}

static void
semaphore_owner_died(struct mpm_object *self, struct mpm_hold *hold, enum mpm_death_policy policy, int64_t now_ns)
{
    struct semaphore *s = (struct semaphore *)self;
    struct share *share = MPM_CONTAINER(hold, struct share, hold);
    int64_t room = s->bound - s->value;

    if (policy == MPM_DEATH_BREAK)
        mpm__lock_break(&s->lock, hold->owner);
    s->n_noted -= hold->count;
    s->value += hold->count < (uint64_t)room ? (int64_t)hold->count : room;
    share_free(s, share);
    mpm__lock_hand_on(&s->lock, now_ns);
}

static struct mpm_hold *
semaphore_next_hold(struct mpm_object *self, struct mpm_hold *prev)
{
    struct semaphore *s = (struct semaphore *)self;
    struct mpm_link *l = prev == NULL ? mpm__list_first(&s->shares)
        : mpm__list_next(&s->shares, &MPM_CONTAINER(prev, struct share, hold)->link);

    return l != NULL ? &MPM_CONTAINER(l, struct share, link)->hold : NULL;
}

/* Those who took units are the ones to give them back, unless others gave some or have taken what was given: then it
 * serves as a signal. */
static const struct mpm_object *
semaphore_held_up_by(struct mpm_object *self, const struct mpm_call *call)
{
    struct semaphore *s = (struct semaphore *)self;

    (void)call;
    return s->n_noted == (uint64_t)s->first - (uint64_t)s->value ? self : NULL;
}

static int
semaphore_repr(struct mpm_object *self, struct mpm_buf *out)
{
    struct semaphore *s = (struct semaphore *)self;

    mpm__buf_printf(out, "<threading.%s at 0x%llx: value=%lld", self->type->class_name, (unsigned long long)self->id,
        (long long)s->value);
    if (s->is_bounded)
        mpm__buf_printf(out, "/%lld", (long long)s->bound);
    mpm__buf_u8(out, '>');
    return out->error;
}

static struct mpm_method semaphore_methods[] = {
    { .name = "acquire", .params = "blocking=True timeout=None", .run = semaphore_acquire },
    { .name = "release", .params = "n=1",                        .run = semaphore_release },
    { 0 }
};

static struct mpm_method bounded_semaphore_methods[] = {
    { .name = "acquire", .params = "blocking=True timeout=None", .run = semaphore_acquire, .of = "Semaphore" },
    { .name = "release", .params = "n=1",                        .run = semaphore_release },
    { 0 }
};

/* `locked` is exposed because AcquirerProxy lists it, and missing because threading.Semaphore has none: as in 3.14 */
struct mpm_type mpm__type_semaphore = {
    .module = "threading", .class_name = "Semaphore", .size = sizeof(struct semaphore),
    .params = "value=1", .make = semaphore_make, .wipe = semaphore_wipe, .methods = semaphore_methods,
    .exposed = "acquire release locked", .auto_exposed = "acquire release",
    .repr = semaphore_repr, .unpicklable = "_thread.lock", .owner_died = semaphore_owner_died,
    .lockable = &semaphore_lockable, .next_hold = semaphore_next_hold, .held_up_by = semaphore_held_up_by,
};

struct mpm_type mpm__type_bounded_semaphore = {
    .module = "threading", .class_name = "BoundedSemaphore", .size = sizeof(struct semaphore),
    .params = "value=1", .make = bounded_semaphore_make, .wipe = semaphore_wipe, .methods = bounded_semaphore_methods,
    .exposed = "acquire release locked", .auto_exposed = "acquire release",
    .repr = semaphore_repr, .unpicklable = "_thread.lock", .owner_died = semaphore_owner_died,
    .lockable = &semaphore_lockable, .next_hold = semaphore_next_hold, .held_up_by = semaphore_held_up_by,
};

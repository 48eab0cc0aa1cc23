/* lock.c - threading.Lock: one holder, whom anybody may release. Layer: object. Waiting is lockable.c's. */
#include "object/lockable.h"

struct lock {
    struct mpm_lock lock;
    struct mpm_hold hold; /* of the one who acquired it */
};

static bool
lock_is_held(const struct mpm_lock *base)
{
    return ((const struct lock *)base)->hold.owner != NULL || base->is_broken;
}

static void
free_and_hand_on(struct lock *l, int64_t now_ns)
{
    mpm_hold_release(&l->hold);
    mpm__lock_hand_on(&l->lock, now_ns);
}

static bool
lock_is_owned(const struct mpm_lock *base, const struct mpm_owner *owner)
{
    (void)owner;
    return lock_is_held(base);
}

static bool
lock_try_take(struct mpm_lock *base, struct mpm_owner *owner, uint64_t levels, int64_t now_ns)
{
    struct lock *l = (struct lock *)base;

    if (l->hold.owner != NULL)
        return false;
    mpm_hold_take(&l->hold, &base->base, owner, now_ns);
    l->hold.count = levels;
    return true;
}

static uint64_t
lock_release_all(struct mpm_lock *base, struct mpm_owner *owner, int64_t now_ns)
{
    (void)owner;
    free_and_hand_on((struct lock *)base, now_ns);
    return 1;
}

static void
lock_take_back(struct mpm_lock *base, struct mpm_owner *owner, uint64_t levels)
{
    struct lock *l = (struct lock *)base;

    (void)levels;
    if (l->hold.owner == owner)
        mpm_hold_release(&l->hold);
}

static const struct mpm_lockable lock_lockable = {
    .is_owned = lock_is_owned, .try_take = lock_try_take, .release_all = lock_release_all, .take_back = lock_take_back,
};

/* --- methods ------------------------------------------------------------------------------------------------------ */

static enum mpm_outcome
lock_acquire(struct mpm_object *self, struct mpm_call *call)
{
    int64_t deadline_ns;

    if (!mpm__blocking_timeout(call, &deadline_ns))
        return MPM_DONE;
    return mpm__lock_acquire((struct mpm_lock *)self, call, deadline_ns);
}

static enum mpm_outcome
lock_release(struct mpm_object *self, struct mpm_call *call)
{
    struct lock *l = (struct lock *)self;

    if (mpm__lock_is_broken(&l->lock, call))
        return MPM_DONE;
    if (l->hold.owner == NULL)
        return mpm_raise(call, MPM_PY_LOCK_ERROR, "release unlocked lock");
    free_and_hand_on(l, call->now_ns);
    return mpm_return_none(call);
}

static enum mpm_outcome
lock_locked(struct mpm_object *self, struct mpm_call *call)
{
    return mpm_return_bool(call, lock_is_held((struct mpm_lock *)self));
}

/* --- type --------------------------------------------------------------------------------------------------------- */

static enum mpm_outcome
lock_make(struct mpm_object *self, struct mpm_call *call)
{
    mpm__lock_init((struct mpm_lock *)self);
    return mpm_return_none(call);
}

static void
lock_wipe(struct mpm_object *self)
{
    mpm_hold_release(&((struct lock *)self)->hold);
}

static void
lock_owner_died(struct mpm_object *self, struct mpm_hold *hold, enum mpm_death_policy policy, int64_t now_ns)
{
    struct lock *l = (struct lock *)self;

    if (policy == MPM_DEATH_BREAK)
        mpm__lock_break(&l->lock, hold->owner);
    free_and_hand_on(l, now_ns);
}

static struct mpm_hold *
lock_next_hold(struct mpm_object *self, struct mpm_hold *prev)
{
    struct lock *l = (struct lock *)self;

    return prev == NULL && l->hold.owner != NULL ? &l->hold : NULL;
}

static int
lock_repr(struct mpm_object *self, struct mpm_buf *out)
{
    mpm__buf_printf(out, "<%s _thread.lock object at 0x%llx>", lock_is_held((struct mpm_lock *)self) ? "locked"
        : "unlocked", (unsigned long long)self->id);
    return out->error;
}

static struct mpm_method lock_methods[] = {
    { .name = "acquire",      .params = "blocking=True timeout=-1", .run = lock_acquire, .wording = MPM_W_C },
    { .name = "release",      .params = "",                         .run = lock_release, .wording = MPM_W_C_PLAIN },
    { .name = "locked",       .params = "",                         .run = lock_locked,  .wording = MPM_W_C_PLAIN },
    { .name = "acquire_lock", .params = "blocking=True timeout=-1", .run = lock_acquire, .wording = MPM_W_C,
      .named_only = true },
    { .name = "release_lock", .params = "",                         .run = lock_release, .wording = MPM_W_C_PLAIN,
      .named_only = true },
    { .name = "locked_lock",  .params = "",                         .run = lock_locked,  .wording = MPM_W_C_PLAIN,
      .named_only = true },
    { 0 }
};

struct mpm_type mpm__type_lock = {
    .module = "_thread", .class_name = "lock", .size = sizeof(struct lock),
    .params = "", .wording = MPM_W_C_PLAIN, .make = lock_make, .wipe = lock_wipe, .methods = lock_methods,
    .exposed = "acquire release locked",
    .auto_exposed = "acquire acquire_lock locked locked_lock release release_lock",
    .repr = lock_repr, .unpicklable = "_thread.lock", .owner_died = lock_owner_died, .lockable = &lock_lockable,
    .next_hold = lock_next_hold, .held_up_by = mpm__lock_itself,
};

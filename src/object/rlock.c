/* rlock.c - threading.RLock: one holder, who may acquire it again. Layer: object. Waiting is lockable.c's. */
#include "object/lockable.h"

struct rlock {
    struct mpm_lock lock;
    struct mpm_hold hold; /* count: how many times its holder has acquired it */
};

static void
free_and_hand_on(struct rlock *l, int64_t now_ns)
{
    mpm_hold_release(&l->hold);
    mpm__lock_hand_on(&l->lock, now_ns);
}

static bool
rlock_is_owned(const struct mpm_lock *base, const struct mpm_owner *owner)
{
    return ((const struct rlock *)base)->hold.owner == owner;
}

static bool
rlock_try_take(struct mpm_lock *base, struct mpm_owner *owner, uint64_t levels, int64_t now_ns)
{
    struct rlock *l = (struct rlock *)base;

    if (l->hold.owner == NULL) {
        mpm_hold_take(&l->hold, &base->base, owner, now_ns);
        l->hold.count = levels;
        return true;
    }
    if (l->hold.owner != owner)
        return false;
    l->hold.count += levels;
    return true;
}

static uint64_t
rlock_release_all(struct mpm_lock *base, struct mpm_owner *owner, int64_t now_ns)
{
    struct rlock *l = (struct rlock *)base;
    uint64_t levels = l->hold.count;

    (void)owner;
    free_and_hand_on(l, now_ns);
    return levels;
}

static void
rlock_take_back(struct mpm_lock *base, struct mpm_owner *owner, uint64_t levels)
{
    struct rlock *l = (struct rlock *)base;

    if (l->hold.owner != owner)
        return;
    if (l->hold.count > levels)
        l->hold.count -= levels;
    else
        mpm_hold_release(&l->hold);
}

static const struct mpm_lockable rlock_lockable = {
    .is_owned = rlock_is_owned, .try_take = rlock_try_take, .release_all = rlock_release_all,
    .take_back = rlock_take_back,
};

/* --- methods ------------------------------------------------------------------------------------------------------ */

static enum mpm_outcome
rlock_acquire(struct mpm_object *self, struct mpm_call *call)
{
    int64_t deadline_ns;

    if (!mpm__blocking_timeout(call, &deadline_ns))
        return MPM_DONE;
    return mpm__lock_acquire((struct mpm_lock *)self, call, deadline_ns);
}

static enum mpm_outcome
rlock_release(struct mpm_object *self, struct mpm_call *call)
{
    struct rlock *l = (struct rlock *)self;

    if (mpm__lock_is_broken(&l->lock, call))
        return MPM_DONE;
    if (l->hold.owner != call->owner)
        return mpm_raise(call, MPM_PY_RUNTIME_ERROR, "cannot release un-acquired lock");
    if (--l->hold.count == 0)
        free_and_hand_on(l, call->now_ns);
    return mpm_return_none(call);
}

static enum mpm_outcome
rlock_locked(struct mpm_object *self, struct mpm_call *call)
{
    struct rlock *l = (struct rlock *)self;

    return mpm_return_bool(call, l->hold.owner != NULL || l->lock.is_broken);
}

/* --- type --------------------------------------------------------------------------------------------------------- */

static enum mpm_outcome
rlock_make(struct mpm_object *self, struct mpm_call *call)
{
    mpm__lock_init((struct mpm_lock *)self);
    return mpm_return_none(call);
}

static void
rlock_wipe(struct mpm_object *self)
{
    mpm_hold_release(&((struct rlock *)self)->hold);
}

static void
rlock_owner_died(struct mpm_object *self, struct mpm_hold *hold, enum mpm_death_policy policy, int64_t now_ns)
{
    struct rlock *l = (struct rlock *)self;

    if (policy == MPM_DEATH_BREAK)
        mpm__lock_break(&l->lock, hold->owner);
    free_and_hand_on(l, now_ns);
}

static struct mpm_hold *
rlock_next_hold(struct mpm_object *self, struct mpm_hold *prev)
{
    struct rlock *l = (struct rlock *)self;

    return prev == NULL && l->hold.owner != NULL ? &l->hold : NULL;
}

static int
rlock_repr(struct mpm_object *self, struct mpm_buf *out)
{
    struct rlock *l = (struct rlock *)self;
    const struct mpm_owner *owner = l->hold.owner;

    mpm__buf_printf(out, "<%s _thread.RLock object owner=%llu count=%llu at 0x%llx>",
        owner != NULL || l->lock.is_broken ? "locked" : "unlocked", owner != NULL ? (unsigned long long)owner->id : 0,
        owner != NULL ? (unsigned long long)l->hold.count : 0, (unsigned long long)self->id);
    return out->error;
}

static struct mpm_method rlock_methods[] = {
    { .name = "acquire", .params = "blocking=True timeout=-1", .run = rlock_acquire, .wording = MPM_W_C },
    { .name = "release", .params = "",                         .run = rlock_release, .wording = MPM_W_C_PLAIN },
    { .name = "locked",  .params = "",                         .run = rlock_locked,  .wording = MPM_W_C_PLAIN },
    { 0 }
};

struct mpm_type mpm__type_rlock = {
    .module = "_thread", .class_name = "RLock", .size = sizeof(struct rlock),
    .params = "*args **kwds", /* CPython takes and ignores them, up to 3.14 */
    .make = rlock_make, .wipe = rlock_wipe, .methods = rlock_methods,
    .exposed = "acquire release locked", .auto_exposed = "acquire locked release",
    .repr = rlock_repr, .unpicklable = "_thread.RLock", .owner_died = rlock_owner_died, .lockable = &rlock_lockable,
    .next_hold = rlock_next_hold, .held_up_by = mpm__lock_itself,
};

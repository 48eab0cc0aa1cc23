/*
 * condition.c - threading.Condition, on its own RLock or on a given lock of this server. Layer: object.
 *
 *   wait ---> cond->waiters --notify--> lock->waiters (notified)  --gets the lock--> True
 *                   '------timeout----> lock->waiters (timed out) --gets the lock--> False
 *
 * A notification is never lost with the process that it went to: it goes on to the next waiter. `wait_for` runs in
 * the client, as a loop of waits.
 */
#include "object/lockable.h"

#include <math.h>

#include <mpmd/error.h>

#include "base/alloc.h"
#include "object/bind.h"

extern struct mpm_type mpm__type_condition, mpm__type_rlock;

struct condition {
    struct mpm_object base;
    struct mpm_lock *lock;    /* held, unless it is its own */
    bool owns_lock;
    struct mpm_calls waiters; /* for a notification; call->number is how many levels to take back */
    struct mpm_link link;     /* in lock->conditions */
};

struct mpm_lock *
mpm__lock_of(struct mpm_object *object)
{
    return object->type == &mpm__type_condition ? ((struct condition *)object)->lock : (struct mpm_lock *)object;
}

size_t
mpm__condition_n_waiting(const struct mpm_link *link)
{
    return MPM_CONTAINER(link, const struct condition, link)->waiters.n;
}

void
mpm__condition_break(struct mpm_link *link)
{
    struct condition *c = MPM_CONTAINER(link, struct condition, link);
    struct mpm_call *call;

    while ((call = mpm_calls_first(&c->waiters)) != NULL) {
        mpm_unpark(call);
        mpm__lock_is_broken(c->lock, call);
        mpm_wake(call);
    }
}

static const struct mpm_lockable *
lockable_of(const struct condition *c)
{
    return c->lock->base.type->lockable;
}

/* --- waiting ------------------------------------------------------------------------------------------------------ */

static const struct mpm_wait_kind wait_notified;

/* The oldest waiters go on to wait for the lock. */
static void
notify_some(struct condition *c, double n)
{
    struct mpm_call *call;

    for (; n > 0 && (call = mpm_calls_first(&c->waiters)) != NULL; n--)
        mpm_wait_move(call, &c->lock->waiters, &wait_notified, MPM_FOREVER);
}

/* Python 2's wait() returns None whatever happened. */
static enum mpm_outcome
return_notified(struct mpm_call *call, bool v)
{
    return call->protocol == 2 ? mpm_return_none(call) : mpm_return_bool(call, v);
}

static void
give_lock_back(struct condition *c, struct mpm_owner *owner, int64_t now_ns)
{
    lockable_of(c)->take_back(c->lock, owner, UINT64_MAX);
    mpm__lock_hand_on(c->lock, now_ns);
}

static void
lost_timed_out(struct mpm_object *object, struct mpm_owner *owner, struct mpm_grant *grant, int64_t now_ns)
{
    (void)grant;
    give_lock_back((struct condition *)object, owner, now_ns);
}

static void
lost_notified(struct mpm_object *object, struct mpm_owner *owner, struct mpm_grant *grant, int64_t now_ns)
{
    (void)grant;
    notify_some((struct condition *)object, 1);
    give_lock_back((struct condition *)object, owner, now_ns);
}

static const struct mpm_grant_kind grant_timed_out = { .lost = lost_timed_out };
static const struct mpm_grant_kind grant_notified = { .lost = lost_notified };

static void
granted_timed_out(struct mpm_call *call)
{
    return_notified(call, false);
    call->grant.kind = &grant_timed_out;
}

static void
granted_notified(struct mpm_call *call)
{
    return_notified(call, true);
    call->grant.kind = &grant_notified;
}

static void
cancel_notified(struct mpm_call *call)
{
    notify_some((struct condition *)call->object, 1);
}

/* Both wait for the lock, however long it takes, as in CPython. */
static const struct mpm_wait_kind wait_timed_out = { .name = "Condition.wait", .granted = granted_timed_out };
static const struct mpm_wait_kind wait_notified = {
    .name = "Condition.wait", .granted = granted_notified, .cancel = cancel_notified,
};

static enum mpm_outcome
wait_timeout(struct mpm_call *call)
{
    struct condition *c = (struct condition *)call->object;

    if (lockable_of(c)->try_take(c->lock, call->owner, (uint64_t)call->number, call->now_ns)) {
        granted_timed_out(call);
        return MPM_DONE;
    }
    return mpm_wait(call, &c->lock->waiters, &wait_timed_out, MPM_FOREVER);
}

static const struct mpm_wait_kind wait_notification = { .name = "Condition.wait", .timeout = wait_timeout };

static enum mpm_outcome
condition_wait(struct mpm_object *self, struct mpm_call *call)
{
    struct condition *c = (struct condition *)self;
    bool at_once;
    int64_t deadline_ns;
    uint64_t levels;

    if (mpm__lock_is_broken(c->lock, call))
        return MPM_DONE;
    if (!lockable_of(c)->is_owned(c->lock, call->owner))
        return mpm_raise(call, MPM_PY_RUNTIME_ERROR, "cannot wait on un-acquired lock");
    if (!mpm__timeout(call, 0, MPM_COMPARED, &deadline_ns) || !mpm__lock_reserve(c->lock, call))
        return MPM_DONE;
    at_once = deadline_ns <= call->now_ns;
    if (at_once && mpm_calls_first(&c->lock->waiters) == NULL)
        return return_notified(call, false);
    /* Without time to wait it still lets those who wait for the lock have it: others depend on that. Queued before
     * anything is released, because this is what can fail. */
    if (mpm_wait(call, at_once ? &c->lock->waiters : &c->waiters, at_once ? &wait_timed_out : &wait_notification,
            at_once ? MPM_FOREVER : deadline_ns) != MPM_PARKED)
        return MPM_DONE;
    levels = lockable_of(c)->release_all(c->lock, call->owner, call->now_ns);
    if (levels == 0) {
        mpm_unpark(call);
        return mpm_raise(call, MPM_PY_VALUE_ERROR, "Semaphore released too many times");
    }
    call->number = (int64_t)levels;
    return MPM_PARKED;
}

/* --- notifying ---------------------------------------------------------------------------------------------------- */

static bool
may_notify(struct condition *c, struct mpm_call *call)
{
    if (mpm__lock_is_broken(c->lock, call))
        return false;
    if (lockable_of(c)->is_owned(c->lock, call->owner))
        return true;
    mpm_raise(call, MPM_PY_RUNTIME_ERROR, "cannot notify on un-acquired lock");
    return false;
}

static enum mpm_outcome
condition_notify(struct mpm_object *self, struct mpm_call *call)
{
    struct condition *c = (struct condition *)self;
    char buf[64];
    double n;
    int r;

    if (!may_notify(c, call))
        return MPM_DONE;
    if (mpm_calls_first(&c->waiters) == NULL)
        return mpm_return_none(call); /* CPython does not look at n then */
    r = mpm_arg_double(call, 0, &n);
    if (r == MPM_ETYPE)
        return mpm_raise(call, MPM_PY_TYPE_ERROR, "'>' not supported between instances of '%s' and 'int'",
            mpm_arg_type_name(call, 0, buf));
    if (r != 0 && r != MPM_ERANGE)
        return mpm_raise_code(call, r);
    notify_some(c, r == MPM_ERANGE ? INFINITY : n);
    return mpm_return_none(call);
}

static enum mpm_outcome
condition_notify_all(struct mpm_object *self, struct mpm_call *call)
{
    struct condition *c = (struct condition *)self;

    if (may_notify(c, call))
        notify_some(c, INFINITY), mpm_return_none(call);
    return MPM_DONE;
}

/* --- the lock's own methods --------------------------------------------------------------------------------------- */

static enum mpm_outcome
run_on_lock(struct mpm_object *self, struct mpm_call *call, const char *name)
{
    struct mpm_object *lock = &((struct condition *)self)->lock->base;

    call->method = mpm_method_find(lock->type, (const uint8_t *)name, strlen(name), true);
    if (call->method == NULL)
        return mpm_raise_attribute(call, name, "'%s' object has no attribute '%s'", lock->type->class_name, name);
    if (!mpm_bind(call, lock->type, call->args[MPM_ALL_ARGS], 0, call->args[MPM_ALL_KWDS]))
        return MPM_DONE;
    return call->method->run(lock, call);
}

static enum mpm_outcome
condition_acquire(struct mpm_object *self, struct mpm_call *call)
{
    return run_on_lock(self, call, "acquire");
}

static enum mpm_outcome
condition_release(struct mpm_object *self, struct mpm_call *call)
{
    return run_on_lock(self, call, "release");
}

static enum mpm_outcome
condition_locked(struct mpm_object *self, struct mpm_call *call)
{
    return run_on_lock(self, call, "locked");
}

/* --- type --------------------------------------------------------------------------------------------------------- */

static bool
find_lock(struct condition *c, struct mpm_call *call)
{
    struct mpm_object *object = mpm_object_of(call, call->args[0]);
    struct mpm_token_ref token;
    struct mpm_ref ref = call->args[0];
    const uint8_t *module, *name;
    size_t module_len, len;
    char buf[64];

    if (object != NULL && object->type->lockable != NULL) {
        mpm_object_hold(object);
        c->lock = (struct mpm_lock *)object;
        return true;
    }
    if (object == NULL && mpm__read_token(call->args[0], &token) == 0)
        mpm_raise(call, MPM_PY_VALUE_ERROR, "Condition(lock): the lock is not, or no longer, an object of this server");
    else if (object != NULL && object->type == &mpm__type_condition)
        mpm_raise(call, MPM_PY_NOT_IMPLEMENTED, "a Condition on a Condition is not supported: pass the lock that the first "
            "one was made with");
    else if (mpm__kind(&ref) == MPM_K_GLOBAL && mpm__read_global(ref, &module, &module_len, &name, &len) == 0)
        mpm_raise_attribute(call, "acquire", "type object '%.*s' has no attribute 'acquire'", (int)(len < 60 ? len : 60),
            (const char *)name);
    else
        mpm_raise_attribute(call, "acquire", "'%s' object has no attribute 'acquire'",
            object != NULL ? object->type->class_name : mpm_arg_type_name(call, 0, buf));
    return false;
}

static bool
make_own_lock(struct condition *c, struct mpm_call *call)
{
    struct mpm_object *lock = mpm__array(1, mpm__type_rlock.size);

    if (lock == NULL) {
        mpm_raise_code(call, MPM_ENOMEM);
        return false;
    }
    /* it goes by the Condition's name: clients know no other */
    lock->type = &mpm__type_rlock;
    lock->typeid = c->base.typeid;
    lock->hub = c->base.hub;
    lock->id = c->base.id;
    mpm__type_rlock.make(lock, call);
    c->lock = (struct mpm_lock *)lock;
    c->owns_lock = true;
    return true;
}

static enum mpm_outcome
condition_make(struct mpm_object *self, struct mpm_call *call)
{
    struct condition *c = (struct condition *)self;

    mpm_calls_init(&c->waiters);
    if (!(mpm_arg_is_none(call, 0) ? make_own_lock(c, call) : find_lock(c, call)))
        return MPM_DONE;
    mpm__list_append(&c->lock->conditions, &c->link);
    return mpm_return_none(call);
}

static void
condition_wipe(struct mpm_object *self)
{
    struct condition *c = (struct condition *)self;

    mpm__list_remove(&c->link);
    if (c->owns_lock) {
        c->lock->base.type->wipe(&c->lock->base);
        mpm__free(c->lock);
    } else {
        mpm_object_drop(&c->lock->base);
    }
}

static struct mpm_hold *
condition_next_hold(struct mpm_object *self, struct mpm_hold *prev)
{
    struct mpm_lock *lock = ((struct condition *)self)->lock;

    return lock->base.type->next_hold(&lock->base, prev);
}

/* Who waits to be notified is helped by anybody. */
static const struct mpm_object *
condition_held_up_by(struct mpm_object *self, const struct mpm_call *call)
{
    struct mpm_lock *lock = ((struct condition *)self)->lock;

    return call->calls == &lock->waiters ? lock->base.type->held_up_by(&lock->base, call) : NULL;
}

static int
condition_repr(struct mpm_object *self, struct mpm_buf *out)
{
    struct condition *c = (struct condition *)self;
    int r;

    mpm__buf_text(out, "<Condition(");
    r = c->lock->base.type->repr(&c->lock->base, out);
    mpm__buf_printf(out, ", %zu)>", c->waiters.n);
    return r != 0 ? r : out->error;
}

static struct mpm_method condition_methods[] = {
    { .name = "acquire",    .params = "*args **kwds", .run = condition_acquire },
    { .name = "release",    .params = "*args **kwds", .run = condition_release },
    { .name = "locked",     .params = "*args **kwds", .run = condition_locked },
    { .name = "wait",       .params = "timeout=None", .run = condition_wait },
    { .name = "notify",     .params = "n=1",          .run = condition_notify },
    { .name = "notify_all", .params = "",             .run = condition_notify_all },
    { .name = "notifyAll",  .params = "",             .run = condition_notify_all, .named_only = true },
    { 0 }
};

struct mpm_type mpm__type_condition = {
    .module = "threading", .class_name = "Condition", .size = sizeof(struct condition),
    .params = "lock=None", .make = condition_make, .wipe = condition_wipe, .methods = condition_methods,
    .exposed = "acquire release locked wait notify notify_all",
    .auto_exposed = "acquire locked notify notifyAll notify_all release wait",
    .repr = condition_repr, .unpicklable = "_thread.RLock",
    .next_hold = condition_next_hold, .held_up_by = condition_held_up_by,
};

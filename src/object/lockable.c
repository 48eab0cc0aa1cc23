/*
 * lockable.c - waiting for a lock, handing it on, breaking it; timeouts of all that waits. Layer: object.
 *
 * What a lock is (one holder, levels, units) is the business of lock.c, rlock.c and semaphore.c.
 */
#include "object/lockable.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* CPython's clock: nanoseconds in 64 bits, signed. Source: Python/pytime.c. */
#define SECONDS_MAX 9223372036.854775807

void
mpm__lock_init(struct mpm_lock *lock)
{
    mpm_calls_init(&lock->waiters);
    mpm__list_init(&lock->conditions);
}

const struct mpm_object *
mpm__lock_itself(struct mpm_object *self, const struct mpm_call *call)
{
    (void)call;
    return self;
}

void
mpm__lock_hand_on(struct mpm_lock *lock, int64_t now_ns)
{
    struct mpm_call *call;

    if (lock->is_broken)
        return;
    while ((call = mpm_calls_first(&lock->waiters)) != NULL) {
        const struct mpm_wait_kind *kind = call->wait;

        if (!lock->base.type->lockable->try_take(lock, call->owner, (uint64_t)call->number, now_ns))
            break;
        mpm_unpark(call);
        kind->granted(call);
        mpm_wake(call);
    }
}

bool
mpm__lock_reserve(struct mpm_lock *lock, struct mpm_call *call)
{
    size_t n = lock->waiters.n + 1;
    int r;

    if (lock->base.type->lockable->reserve == NULL)
        return true;
    for (struct mpm_link *l = mpm__list_first(&lock->conditions); l != NULL; l = mpm__list_next(&lock->conditions, l))
        n += mpm__condition_n_waiting(l);
    if ((r = lock->base.type->lockable->reserve(lock, n)) != 0)
        mpm_raise_code(call, r);
    return r == 0;
}

/* --- acquire ------------------------------------------------------------------------------------------------------ */

static void
acquire_lost(struct mpm_object *object, struct mpm_owner *owner, struct mpm_grant *grant, int64_t now_ns)
{
    struct mpm_lock *lock = mpm__lock_of(object);

    (void)grant;
    lock->base.type->lockable->take_back(lock, owner, 1);
    mpm__lock_hand_on(lock, now_ns);
}

static const struct mpm_grant_kind grant_acquired = { .lost = acquire_lost };

static void
acquire_granted(struct mpm_call *call)
{
    mpm_return_bool(call, true);
    call->grant.kind = &grant_acquired;
}

static enum mpm_outcome
acquire_timeout(struct mpm_call *call)
{
    return mpm_return_bool(call, false);
}

static const struct mpm_wait_kind wait_acquire = {
    .name = "acquire", .timeout = acquire_timeout, .granted = acquire_granted,
};

enum mpm_outcome
mpm__lock_acquire(struct mpm_lock *lock, struct mpm_call *call, int64_t deadline_ns)
{
    if (mpm__lock_is_broken(lock, call) || !mpm__lock_reserve(lock, call))
        return MPM_DONE;
    if (lock->base.type->lockable->try_take(lock, call->owner, 1, call->now_ns)) {
        acquire_granted(call);
        return MPM_DONE;
    }
    if (deadline_ns <= call->now_ns)
        return mpm_return_bool(call, false);
    call->number = 1;
    return mpm_wait(call, &lock->waiters, &wait_acquire, deadline_ns);
}

/* --- broken ------------------------------------------------------------------------------------------------------- */

bool
mpm__lock_is_broken(struct mpm_lock *lock, struct mpm_call *call)
{
    static const char what_to_do[] = "make a new one, or start mpmd with --on-owner-death release";

    if (!lock->is_broken)
        return false;
    if (lock->broken_by != 0)
        mpm_raise(call, MPM_PY_RUNTIME_ERROR, "%s %llx is broken: process %lld died holding it; %s", lock->base.typeid,
            (unsigned long long)lock->base.id, (long long)lock->broken_by, what_to_do);
    else
        mpm_raise(call, MPM_PY_RUNTIME_ERROR, "%s %llx is broken: a client died holding it; %s", lock->base.typeid,
            (unsigned long long)lock->base.id, what_to_do);
    return true;
}

void
mpm__lock_break(struct mpm_lock *lock, const struct mpm_owner *by)
{
    struct mpm_call *call;

    lock->is_broken = true;
    lock->broken_by = by->pid;
    while ((call = mpm_calls_first(&lock->waiters)) != NULL) {
        mpm_unpark(call);
        mpm__lock_is_broken(lock, call);
        mpm_wake(call);
    }
    for (struct mpm_link *l = mpm__list_first(&lock->conditions); l != NULL; l = mpm__list_next(&lock->conditions, l))
        mpm__condition_break(l);
}

/* --- timeouts ----------------------------------------------------------------------------------------------------- */

/* A number of seconds that CPython can wait. The two texts are for floats and for ints. */
static bool
in_range(struct mpm_call *call, int arg, double seconds)
{
    struct mpm_ref ref = call->args[arg];

    if (seconds >= -SECONDS_MAX && seconds < SECONDS_MAX)
        return true;
    mpm_raise(call, MPM_PY_OVERFLOW_ERROR, mpm__kind(&ref) == MPM_K_FLOAT
        ? "timestamp out of range for platform time_t" : "timestamp too large to convert to C PyTime_t");
    return false;
}

int
mpm__number(struct mpm_call *call, int arg, double *number)
{
    struct mpm_buf digits;
    int r = mpm_arg_double(call, arg, number);

    if (r != MPM_ERANGE)
        return r;
    mpm__buf_init(&digits, 0);
    r = mpm__read_bigint(call->args[arg], &digits);
    if (r == 0)
        *number = digits.data[digits.len - 1] & 0x80 ? -INFINITY : INFINITY;
    mpm__buf_wipe(&digits);
    return r;
}

bool
mpm__timeout(struct mpm_call *call, int arg, const char *cannot, const char *with, int64_t *deadline_ns)
{
    char buf[64];
    double seconds;
    int r;

    if (mpm_arg_is_none(call, arg)) {
        *deadline_ns = MPM_FOREVER;
        return true;
    }
    r = mpm__number(call, arg, &seconds);
    if (r == MPM_ETYPE) {
        const char *type = mpm_arg_type_name(call, arg, buf);

        /* it can be added to a float, and is found out when the sum's parts are compared */
        if (strcmp(type, "complex") == 0)
            mpm_raise(call, MPM_PY_TYPE_ERROR, "'>' not supported between instances of 'complex' and 'int'");
        else
            mpm_raise(call, MPM_PY_TYPE_ERROR, "%s'%s'%s", cannot, type, with);
    }
    if (r != 0 && r != MPM_ETYPE)
        mpm_raise_code(call, r);
    if (r != 0)
        return false;
    if (seconds > 0 && !in_range(call, arg, seconds))
        return false;
    *deadline_ns = mpm_deadline_after(call, seconds);
    return true;
}

bool
mpm__blocking_timeout(struct mpm_call *call, int64_t *deadline_ns)
{
    int blocking = mpm_arg_truth(call, 0), r;
    char buf[64];
    double seconds;

    if (blocking < 0) {
        mpm_raise_code(call, blocking);
        return false;
    }
    r = mpm__number(call, 1, &seconds);
    if (r == MPM_ETYPE)
        mpm_raise(call, MPM_PY_TYPE_ERROR, "'%s' object cannot be interpreted as an integer",
            mpm_arg_type_name(call, 1, buf));
    else if (r != 0)
        mpm_raise_code(call, r);
    else if (isnan(seconds))
        mpm_raise(call, MPM_PY_VALUE_ERROR, "Invalid value NaN (not a number)");
    else if (!in_range(call, 1, seconds))
        ;
    else if (!blocking && seconds != -1)
        mpm_raise(call, MPM_PY_VALUE_ERROR, "can't specify a timeout for a non-blocking call");
    else if (seconds < 0 && seconds != -1)
        mpm_raise(call, MPM_PY_VALUE_ERROR, "timeout value must be a non-negative number");
    else {
        *deadline_ns = !blocking ? call->now_ns : seconds < 0 ? MPM_FOREVER : mpm_deadline_after(call, seconds);
        return true;
    }
    return false;
}

bool
mpm__count(struct mpm_call *call, int arg, int64_t minimum, const char *too_small, const char *what, int64_t *out)
{
    char buf[64];
    double approximate = 0;
    int r = mpm_arg_int64(call, arg, out);

    if (r == MPM_ETYPE || r == MPM_ERANGE) {
        r = mpm__number(call, arg, &approximate);
        if (r == 0 && approximate >= (double)INT64_MAX)
            *out = INT64_MAX;
        else if (r == 0 && (approximate < (double)minimum || approximate == floor(approximate)))
            *out = approximate < (double)minimum ? minimum - 1 : (int64_t)approximate;
        else if (r == 0)
            r = MPM_EINVAL;
    }
    if (r == MPM_ETYPE)
        mpm_raise(call, MPM_PY_TYPE_ERROR, "'<' not supported between instances of '%s' and 'int'",
            mpm_arg_type_name(call, arg, buf));
    else if (r == MPM_EINVAL)
        mpm_raise(call, MPM_PY_TYPE_ERROR, "%s must be a whole number, not %g", what, approximate);
    else if (r != 0)
        mpm_raise_code(call, r);
    else if (*out < minimum)
        mpm_raise(call, MPM_PY_VALUE_ERROR, "%s", too_small);
    else
        return true;
    return false;
}

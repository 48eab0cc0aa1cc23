/*
 * objects_sync.c - typed calls of what processes wait for each other by. Layer: client.
 *
 * Source: CPython Lib/threading.py and managers.py, AcquirerProxy, ConditionProxy, EventProxy, BarrierProxy. RWLock and
 * Latch are mpmd's: src/object/rwlock.c, latch.c.
 */
#include <mpmd/objects.h>

#include <string.h>

#include "base/error.h"
#include "client/client.h"
#include "client/objects.h"

/* --- locks -------------------------------------------------------------------------------------------------------- */

/* Python 2.7's acquire(blocking) refuses a second argument. */
static const struct mpm_raises raises_timeout[] = { { "builtins.TypeError", MPM_EUNSUP }, { NULL, 0 } };

static int
acquire(struct mpm_proxy *lock, const char *method, int64_t timeout_ns, struct mpm_error *err)
{
    struct mpm_arg args[3];
    const struct mpm_raises *raises;
    int r;

    timeout_ns = mpm__ask_timeout(timeout_ns);
    raises = timeout_ns != 0 && timeout_ns != MPM_FOREVER ? raises_timeout : NULL;
    mpm__block_args(args, timeout_ns);
    r = mpm__ask_wait(lock, MPM__ASK(method, .args = args, .waits_ns = timeout_ns, .raises = raises), err);
    if (r == MPM_EUNSUP && strcmp(mpm_client_exception(mpm__proxy_client(lock))->type, raises_timeout->type) == 0)
        mpm__fail(err, r, 0, "locks of Python 2.7 know no timeouts: 0 or MPM_FOREVER");
    return r;
}

int
mpm_lock_acquire(struct mpm_proxy *lock, int64_t timeout_ns, struct mpm_error *err)
{
    return acquire(lock, "acquire", timeout_ns, err);
}

int
mpm_lock_release(struct mpm_proxy *lock, struct mpm_error *err)
{
    return mpm__ask(lock, MPM__ASK("release"), NULL, err);
}

int
mpm_lock_locked(struct mpm_proxy *lock, int *locked, struct mpm_error *err)
{
    return mpm__ask_bool(lock, MPM__ASK("locked"), locked, err);
}

int
mpm_semaphore_release(struct mpm_proxy *semaphore, int64_t n, struct mpm_error *err)
{
    return mpm__ask(semaphore, MPM__ASK("release", MPM__ARGS(MPM__INT(n))), NULL, err);
}

int
mpm_rwlock_acquire_read(struct mpm_proxy *rwlock, int64_t timeout_ns, struct mpm_error *err)
{
    return acquire(rwlock, "acquire_read", timeout_ns, err);
}

int
mpm_rwlock_acquire_write(struct mpm_proxy *rwlock, int64_t timeout_ns, struct mpm_error *err)
{
    return acquire(rwlock, "acquire_write", timeout_ns, err);
}

int
mpm_rwlock_release_read(struct mpm_proxy *rwlock, struct mpm_error *err)
{
    return mpm__ask(rwlock, MPM__ASK("release_read"), NULL, err);
}

int
mpm_rwlock_release_write(struct mpm_proxy *rwlock, struct mpm_error *err)
{
    return mpm__ask(rwlock, MPM__ASK("release_write"), NULL, err);
}

int
mpm_rwlock_locked(struct mpm_proxy *rwlock, int *locked, struct mpm_error *err)
{
    return mpm__ask_bool(rwlock, MPM__ASK("locked"), locked, err);
}

/* --- events, conditions ------------------------------------------------------------------------------------------- */

int
mpm_event_wait(struct mpm_proxy *event, int64_t timeout_ns, struct mpm_error *err)
{
    struct mpm_arg args[3];

    timeout_ns = mpm__ask_timeout(timeout_ns);
    mpm__wait_args(args, timeout_ns);
    return mpm__ask_wait(event, MPM__ASK("wait", .args = args, .waits_ns = timeout_ns), err);
}

int
mpm_event_set(struct mpm_proxy *event, struct mpm_error *err)
{
    return mpm__ask(event, MPM__ASK("set"), NULL, err);
}

int
mpm_event_clear(struct mpm_proxy *event, struct mpm_error *err)
{
    return mpm__ask(event, MPM__ASK("clear"), NULL, err);
}

int
mpm_event_is_set(struct mpm_proxy *event, int *is_set, struct mpm_error *err)
{
    return mpm__ask_bool(event, MPM__ASK("is_set"), is_set, err);
}

int
mpm_condition_wait(struct mpm_proxy *condition, int64_t timeout_ns, struct mpm_error *err)
{
    struct mpm_arg args[3];

    timeout_ns = mpm__ask_timeout(timeout_ns);
    mpm__wait_args(args, timeout_ns);
    return mpm__ask_wait(condition, MPM__ASK("wait", .args = args, .waits_ns = timeout_ns), err);
}

int
mpm_condition_notify(struct mpm_proxy *condition, int64_t n, struct mpm_error *err)
{
    return mpm__ask(condition, MPM__ASK("notify", MPM__ARGS(MPM__INT(n))), NULL, err);
}

int
mpm_condition_notify_all(struct mpm_proxy *condition, struct mpm_error *err)
{
    return mpm__ask(condition, MPM__ASK("notify_all"), NULL, err);
}

/* --- barriers, latches -------------------------------------------------------------------------------------------- */

int
mpm_barrier_wait(struct mpm_proxy *barrier, int64_t timeout_ns, int64_t *index, struct mpm_error *err)
{
    struct mpm_arg args[2];
    int64_t unused;

    if (index == NULL)
        index = &unused;
    timeout_ns = mpm__ask_timeout(timeout_ns);
    mpm__wait_args(args, timeout_ns);
    return mpm__ask_int(barrier, MPM__ASK("wait", .args = args, .waits_ns = timeout_ns), index, err);
}

int
mpm_barrier_reset(struct mpm_proxy *barrier, struct mpm_error *err)
{
    return mpm__ask(barrier, MPM__ASK("reset"), NULL, err);
}

int
mpm_barrier_abort(struct mpm_proxy *barrier, struct mpm_error *err)
{
    return mpm__ask(barrier, MPM__ASK("abort"), NULL, err);
}

int
mpm_barrier_parties(struct mpm_proxy *barrier, int64_t *parties, struct mpm_error *err)
{
    return mpm__ask_int(barrier, MPM__ASK("__getattribute__", MPM__ARGS(MPM__NAME("parties"))), parties, err);
}

int
mpm_barrier_n_waiting(struct mpm_proxy *barrier, int64_t *n_waiting, struct mpm_error *err)
{
    return mpm__ask_int(barrier, MPM__ASK("__getattribute__", MPM__ARGS(MPM__NAME("n_waiting"))), n_waiting, err);
}

int
mpm_barrier_broken(struct mpm_proxy *barrier, int *broken, struct mpm_error *err)
{
    return mpm__ask_bool(barrier, MPM__ASK("__getattribute__", MPM__ARGS(MPM__NAME("broken"))), broken, err);
}

int
mpm_latch_wait(struct mpm_proxy *latch, int64_t timeout_ns, struct mpm_error *err)
{
    struct mpm_arg args[3];

    timeout_ns = mpm__ask_timeout(timeout_ns);
    mpm__wait_args(args, timeout_ns);
    return mpm__ask_wait(latch, MPM__ASK("wait", .args = args, .waits_ns = timeout_ns), err);
}

int
mpm_latch_count_down(struct mpm_proxy *latch, int64_t n, struct mpm_error *err)
{
    return mpm__ask(latch, MPM__ASK("count_down", MPM__ARGS(MPM__INT(n))), NULL, err);
}

int
mpm_latch_count(struct mpm_proxy *latch, int64_t *count, struct mpm_error *err)
{
    return mpm__ask_int(latch, MPM__ASK("count"), count, err);
}

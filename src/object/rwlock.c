/*
 * rwlock.c - mpmd.RWLock: many readers or one writer. Layer: object.
 *
 * Who waits is served in order of arrival, so a reader who comes while a writer waits goes behind that one, and neither
 * kind can starve. Who reads already may read once more at once, or it would wait for a writer that waits for it; who
 * writes may read and write; who reads may not write, because two of them would wait for each other.
 */
#include "object/lockable.h"

#include "base/alloc.h"

/* One reader. */
struct reader {
    struct mpm_hold hold; /* count: how many times it reads */
    struct mpm_link link; /* in rwlock->readers */
};

struct rwlock {
    struct mpm_lock lock;   /* its waiters are readers and writers; a reader's call->pointer is its struct reader */
    struct mpm_hold writer; /* count: how many times it writes */
    struct mpm_list readers;
};

static struct reader *
reader_of(struct rwlock *l, const struct mpm_owner *owner)
{
    for (struct mpm_link *at = mpm__list_first(&owner->holds); at != NULL; at = mpm__list_next(&owner->holds, at)) {
        struct mpm_hold *hold = MPM_CONTAINER(at, struct mpm_hold, link);

        if (hold->object == &l->lock.base && hold != &l->writer)
            return MPM_CONTAINER(hold, struct reader, hold);
    }
    return NULL;
}

static void
reader_free(struct reader *r)
{
    mpm_hold_release(&r->hold);
    mpm__list_remove(&r->link);
    mpm__free(r);
}

static void hand_on(struct rwlock *l, int64_t now_ns);

/* --- waiting ------------------------------------------------------------------------------------------------------ */

static void
end_read(struct rwlock *l, struct reader *r, int64_t now_ns)
{
    if (--r->hold.count > 0)
        return;
    reader_free(r);
    hand_on(l, now_ns);
}

static void
end_write(struct rwlock *l, int64_t now_ns)
{
    if (--l->writer.count > 0)
        return;
    mpm_hold_release(&l->writer);
    hand_on(l, now_ns);
}

static void
read_lost(struct mpm_object *object, struct mpm_owner *owner, struct mpm_grant *grant, int64_t now_ns)
{
    struct rwlock *l = (struct rwlock *)object;
    struct reader *r = reader_of(l, owner);

    (void)grant;
    if (r != NULL)
        end_read(l, r, now_ns);
}

static void
write_lost(struct mpm_object *object, struct mpm_owner *owner, struct mpm_grant *grant, int64_t now_ns)
{
    struct rwlock *l = (struct rwlock *)object;

    (void)grant;
    if (l->writer.owner == owner)
        end_write(l, now_ns);
}

static const struct mpm_grant_kind grant_read = { .lost = read_lost };
static const struct mpm_grant_kind grant_write = { .lost = write_lost };

static enum mpm_outcome
granted(struct mpm_call *call, const struct mpm_grant_kind *kind)
{
    mpm_return_bool(call, true);
    call->grant.kind = kind;
    return MPM_DONE;
}

/* The caller is off the list; those behind it may get in now. */
static void
acquire_cancel(struct mpm_call *call)
{
    mpm__free(call->pointer);
    call->pointer = NULL;
    hand_on((struct rwlock *)call->object, call->now_ns);
}

static enum mpm_outcome
acquire_timeout(struct mpm_call *call)
{
    acquire_cancel(call);
    return mpm_return_bool(call, false);
}

static const struct mpm_wait_kind wait_read = {
    .name = "RWLock.acquire_read", .timeout = acquire_timeout, .cancel = acquire_cancel,
};
static const struct mpm_wait_kind wait_write = {
    .name = "RWLock.acquire_write", .timeout = acquire_timeout, .cancel = acquire_cancel,
};

static void
begin_read(struct rwlock *l, struct reader *r, struct mpm_owner *owner, int64_t now_ns)
{
    mpm__list_append(&l->readers, &r->link);
    mpm_hold_take(&r->hold, &l->lock.base, owner, now_ns);
    r->hold.count = 1;
}

static void
begin_write(struct rwlock *l, struct mpm_owner *owner, int64_t now_ns)
{
    mpm_hold_take(&l->writer, &l->lock.base, owner, now_ns);
    l->writer.count = 1;
}

static void
hand_on(struct rwlock *l, int64_t now_ns)
{
    struct mpm_call *call;

    while (l->writer.owner == NULL && (call = mpm_calls_first(&l->lock.waiters)) != NULL) {
        bool writes = call->wait == &wait_write;

        if (writes && !mpm__list_is_empty(&l->readers))
            break;
        mpm_unpark(call);
        if (writes)
            begin_write(l, call->owner, now_ns);
        else
            begin_read(l, call->pointer, call->owner, now_ns);
        call->pointer = NULL;
        granted(call, writes ? &grant_write : &grant_read);
        mpm_wake(call);
    }
}

/* --- methods ------------------------------------------------------------------------------------------------------ */

static enum mpm_outcome
rwlock_acquire_read(struct mpm_object *self, struct mpm_call *call)
{
    struct rwlock *l = (struct rwlock *)self;
    struct reader *r = reader_of(l, call->owner);
    int64_t deadline_ns;
    bool now;

    if (!mpm__blocking_timeout(call, &deadline_ns) || mpm__lock_is_broken(&l->lock, call))
        return MPM_DONE;
    if (r != NULL) {
        r->hold.count++;
        return granted(call, &grant_read);
    }
    now = l->writer.owner == call->owner || (l->writer.owner == NULL && l->lock.waiters.n == 0);
    if (!now && deadline_ns <= call->now_ns)
        return mpm_return_bool(call, false);
    r = mpm__array(1, sizeof *r);
    if (r == NULL)
        return mpm_raise_code(call, MPM_ENOMEM);
    if (now) {
        begin_read(l, r, call->owner, call->now_ns);
        return granted(call, &grant_read);
    }
    call->pointer = r;
    if (mpm_wait(call, &l->lock.waiters, &wait_read, deadline_ns) == MPM_PARKED)
        return MPM_PARKED;
    call->pointer = NULL;
    mpm__free(r);
    return MPM_DONE;
}

static enum mpm_outcome
rwlock_acquire_write(struct mpm_object *self, struct mpm_call *call)
{
    struct rwlock *l = (struct rwlock *)self;
    int64_t deadline_ns;

    if (!mpm__blocking_timeout(call, &deadline_ns) || mpm__lock_is_broken(&l->lock, call))
        return MPM_DONE;
    if (l->writer.owner == call->owner) {
        l->writer.count++;
        return granted(call, &grant_write);
    }
    if (reader_of(l, call->owner) != NULL)
        return mpm_raise(call, MPM_PY_RUNTIME_ERROR, "cannot acquire_write() while reading; release_read() first");
    if (l->writer.owner == NULL && mpm__list_is_empty(&l->readers) && l->lock.waiters.n == 0) {
        begin_write(l, call->owner, call->now_ns);
        return granted(call, &grant_write);
    }
    if (deadline_ns <= call->now_ns)
        return mpm_return_bool(call, false);
    return mpm_wait(call, &l->lock.waiters, &wait_write, deadline_ns);
}

static enum mpm_outcome
rwlock_release_read(struct mpm_object *self, struct mpm_call *call)
{
    struct rwlock *l = (struct rwlock *)self;
    struct reader *r = reader_of(l, call->owner);

    if (mpm__lock_is_broken(&l->lock, call))
        return MPM_DONE;
    if (r == NULL)
        return mpm_raise(call, MPM_PY_RUNTIME_ERROR, "cannot release un-acquired lock");
    end_read(l, r, call->now_ns);
    return mpm_return_none(call);
}

static enum mpm_outcome
rwlock_release_write(struct mpm_object *self, struct mpm_call *call)
{
    struct rwlock *l = (struct rwlock *)self;

    if (mpm__lock_is_broken(&l->lock, call))
        return MPM_DONE;
    if (l->writer.owner != call->owner)
        return mpm_raise(call, MPM_PY_RUNTIME_ERROR, "cannot release un-acquired lock");
    end_write(l, call->now_ns);
    return mpm_return_none(call);
}

static bool
is_held(const struct rwlock *l)
{
    return l->writer.owner != NULL || !mpm__list_is_empty(&l->readers) || l->lock.is_broken;
}

static enum mpm_outcome
rwlock_locked(struct mpm_object *self, struct mpm_call *call)
{
    return mpm_return_bool(call, is_held((struct rwlock *)self));
}

/* --- type --------------------------------------------------------------------------------------------------------- */

static enum mpm_outcome
rwlock_make(struct mpm_object *self, struct mpm_call *call)
{
    struct rwlock *l = (struct rwlock *)self;

    mpm__lock_init(&l->lock);
    mpm__list_init(&l->readers);
    return mpm_return_none(call);
}

static void
rwlock_wipe(struct mpm_object *self)
{
    struct rwlock *l = (struct rwlock *)self;
    struct mpm_link *link;

    mpm_hold_release(&l->writer);
    while ((link = mpm__list_first(&l->readers)) != NULL)
        reader_free(MPM_CONTAINER(link, struct reader, link));
}

/* A reader changes nothing, so what it read is as sound as before: only a writer's death breaks. */
static void
rwlock_owner_died(struct mpm_object *self, struct mpm_hold *hold, enum mpm_death_policy policy, int64_t now_ns)
{
    struct rwlock *l = (struct rwlock *)self;

    if (hold != &l->writer) {
        reader_free(MPM_CONTAINER(hold, struct reader, hold));
    } else {
        if (policy == MPM_DEATH_BREAK) {
            for (struct mpm_link *at = mpm__list_first(&l->lock.waiters.list); at != NULL;
                 at = mpm__list_next(&l->lock.waiters.list, at)) {
                struct mpm_call *call = MPM_CONTAINER(at, struct mpm_call, link);

                mpm__free(call->pointer);
                call->pointer = NULL;
            }
            mpm__lock_break(&l->lock, hold->owner);
        }
        mpm_hold_release(hold);
    }
    hand_on(l, now_ns);
}

static struct mpm_hold *
rwlock_next_hold(struct mpm_object *self, struct mpm_hold *prev)
{
    struct rwlock *l = (struct rwlock *)self;
    struct mpm_link *at;

    if (prev == NULL && l->writer.owner != NULL)
        return &l->writer;
    at = prev == NULL || prev == &l->writer ? mpm__list_first(&l->readers)
        : mpm__list_next(&l->readers, &MPM_CONTAINER(prev, struct reader, hold)->link);
    return at != NULL ? &MPM_CONTAINER(at, struct reader, link)->hold : NULL;
}

static int
rwlock_repr(struct mpm_object *self, struct mpm_buf *out)
{
    struct rwlock *l = (struct rwlock *)self;
    size_t n = 0;

    for (struct mpm_link *at = mpm__list_first(&l->readers); at != NULL; at = mpm__list_next(&l->readers, at))
        n++;
    mpm__buf_printf(out, "<%s mpmd.RWLock object readers=%zu writers=%d waiting=%zu at 0x%llx>",
        is_held(l) ? "locked" : "unlocked", n, l->writer.owner != NULL, l->lock.waiters.n,
        (unsigned long long)self->id);
    return out->error;
}

static struct mpm_method rwlock_methods[] = {
    { .name = "acquire_read",  .params = "blocking=True timeout=-1", .run = rwlock_acquire_read },
    { .name = "release_read",  .params = "",                         .run = rwlock_release_read },
    { .name = "acquire_write", .params = "blocking=True timeout=-1", .run = rwlock_acquire_write },
    { .name = "release_write", .params = "",                         .run = rwlock_release_write },
    { .name = "locked",        .params = "",                         .run = rwlock_locked },
    { 0 }
};

#define EXPOSED "acquire_read acquire_write locked release_read release_write"

struct mpm_type mpm__type_rwlock = {
    .module = "mpmd", .class_name = "RWLock", .size = sizeof(struct rwlock), .params = "", .make = rwlock_make,
    .wipe = rwlock_wipe, .methods = rwlock_methods, .exposed = EXPOSED, .auto_exposed = EXPOSED, .repr = rwlock_repr,
    .unpicklable = "mpmd.RWLock", .owner_died = rwlock_owner_died,
    .next_hold = rwlock_next_hold, .held_up_by = mpm__lock_itself,
};

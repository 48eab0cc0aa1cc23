/* latch.c - mpmd.Latch: a count that goes down to zero once, and those who wait for that. Layer: object. */
#include "object/lockable.h"

struct latch {
    struct mpm_object base;
    struct mpm_calls waiters; /* empty once the count is zero */
    int64_t count;
};

static enum mpm_outcome
latch_timeout(struct mpm_call *call)
{
    return mpm_return_bool(call, false);
}

static const struct mpm_wait_kind wait_zero = { .name = "Latch.wait", .timeout = latch_timeout };

static enum mpm_outcome
latch_wait(struct mpm_object *self, struct mpm_call *call)
{
    struct latch *l = (struct latch *)self;
    int64_t deadline_ns;

    if (!mpm__timeout(call, 0, MPM_COMPARED, &deadline_ns))
        return MPM_DONE;
    if (l->count == 0 || deadline_ns <= call->now_ns)
        return mpm_return_bool(call, l->count == 0);
    return mpm_wait(call, &l->waiters, &wait_zero, deadline_ns);
}

static enum mpm_outcome
latch_count_down(struct mpm_object *self, struct mpm_call *call)
{
    struct latch *l = (struct latch *)self;
    struct mpm_call *waiter;
    int64_t n;

    if (!mpm__count(call, 0, 0, "n must be >= 0", "n", &n))
        return MPM_DONE;
    l->count -= n < l->count ? n : l->count;
    while (l->count == 0 && (waiter = mpm_calls_first(&l->waiters)) != NULL) {
        mpm_unpark(waiter);
        mpm_return_bool(waiter, true);
        mpm_wake(waiter);
    }
    return mpm_return_none(call);
}

static enum mpm_outcome
latch_count(struct mpm_object *self, struct mpm_call *call)
{
    return mpm_return_int(call, ((struct latch *)self)->count);
}

static enum mpm_outcome
latch_make(struct mpm_object *self, struct mpm_call *call)
{
    struct latch *l = (struct latch *)self;

    mpm_calls_init(&l->waiters);
    if (!mpm__count(call, 0, 0, "the count of a latch must be >= 0", "the count of a latch", &l->count))
        return MPM_DONE;
    return mpm_return_none(call);
}

static int
latch_repr(struct mpm_object *self, struct mpm_buf *out)
{
    mpm__buf_printf(out, "<mpmd.Latch at 0x%llx: count=%lld>", (unsigned long long)self->id,
        (long long)((struct latch *)self)->count);
    return out->error;
}

static struct mpm_method latch_methods[] = {
    { .name = "count_down", .params = "n=1",          .run = latch_count_down },
    { .name = "wait",       .params = "timeout=None", .run = latch_wait },
    { .name = "count",      .params = "",             .run = latch_count },
    { 0 }
};

struct mpm_type mpm__type_latch = {
    .module = "mpmd", .class_name = "Latch", .size = sizeof(struct latch),
    .params = "count=1", .make = latch_make, .methods = latch_methods,
    .exposed = "count count_down wait", .auto_exposed = "count count_down wait",
    .repr = latch_repr, .unpicklable = "mpmd.Latch",
};

/*
 * barrier.c - threading.Barrier: a number of parties that go on together. Layer: object.
 *
 * CPython's has states of filling, draining and resetting, because its threads leave one after the other. Here all
 * leave at once, so that it is either filling or broken. Indices are given when it trips, in order of arrival: a
 * party that died before leaves no gap.
 */
#include "object/lockable.h"

struct barrier {
    struct mpm_object base;
    struct mpm_calls waiters;
    int64_t parties;
    bool is_broken;
    bool has_timeout;
    double timeout_s; /* of wait() without one */
};

/* All who wait get BrokenBarrierError. */
static void
turn_away(struct barrier *b)
{
    struct mpm_call *call;

    while ((call = mpm_calls_first(&b->waiters)) != NULL) {
        mpm_unpark(call);
        mpm_raise(call, MPM_PY_BROKEN_BARRIER, NULL);
        mpm_wake(call);
    }
}

static enum mpm_outcome
break_it(struct barrier *b, struct mpm_call *call)
{
    b->is_broken = true;
    turn_away(b);
    return mpm_raise(call, MPM_PY_BROKEN_BARRIER, NULL);
}

static enum mpm_outcome
barrier_timeout(struct mpm_call *call)
{
    return break_it((struct barrier *)call->object, call);
}

static const struct mpm_wait_kind wait_others = { .name = "Barrier.wait", .timeout = barrier_timeout };

static enum mpm_outcome
barrier_wait(struct mpm_object *self, struct mpm_call *call)
{
    struct barrier *b = (struct barrier *)self;
    struct mpm_call *waiter;
    int64_t deadline_ns, index = 0;

    if (b->is_broken)
        return mpm_raise(call, MPM_PY_BROKEN_BARRIER, NULL);
    if (b->waiters.n + 1 >= (uint64_t)b->parties) {
        while ((waiter = mpm_calls_first(&b->waiters)) != NULL) {
            mpm_unpark(waiter);
            mpm_return_int(waiter, index++);
            mpm_wake(waiter);
        }
        return mpm_return_int(call, index);
    }
    if (mpm_arg_is_none(call, 0) && b->has_timeout)
        deadline_ns = mpm_deadline_after(call, b->timeout_s);
    else if (!mpm__timeout(call, 0, MPM_ADDED, &deadline_ns))
        return MPM_DONE;
    if (deadline_ns <= call->now_ns)
        return break_it(b, call);
    return mpm_wait(call, &b->waiters, &wait_others, deadline_ns);
}

static enum mpm_outcome
barrier_abort(struct mpm_object *self, struct mpm_call *call)
{
    (void)break_it((struct barrier *)self, call);
    return mpm_return_none(call);
}

static enum mpm_outcome
barrier_reset(struct mpm_object *self, struct mpm_call *call)
{
    struct barrier *b = (struct barrier *)self;

    turn_away(b);
    b->is_broken = false;
    return mpm_return_none(call);
}

/* --- attributes --------------------------------------------------------------------------------------------------- */

static enum mpm_outcome
return_class(struct mpm_call *call)
{
    mpm_write_global(mpm_result_writer(call), "threading", "Barrier");
    return mpm_return_built(call);
}

static enum mpm_outcome
barrier_getattribute(struct mpm_object *self, struct mpm_call *call)
{
    struct barrier *b = (struct barrier *)self;
    struct mpm_ref name = call->args[0];
    char buf[64];
    const uint8_t *text;
    size_t len;
    int r;

    if (mpm__text_is(name, "parties") || mpm__text_is(name, "_parties"))
        return mpm_return_int(call, b->parties);
    if (mpm__text_is(name, "n_waiting"))
        return mpm_return_int(call, (int64_t)b->waiters.n);
    if (mpm__text_is(name, "broken"))
        return mpm_return_bool(call, b->is_broken);
    if (mpm__text_is(name, "__class__"))
        return return_class(call);
    if (mpm__text_is(name, "wait") || mpm__text_is(name, "abort") || mpm__text_is(name, "reset"))
        return mpm_raise(call, MPM_PY_TYPE_ERROR, "cannot pickle '_thread.lock' object"); /* of the bound method */
    r = mpm__read_text(name, &text, &len);
    if (r == MPM_ETYPE)
        return mpm_raise(call, MPM_PY_TYPE_ERROR, "attribute name must be string, not '%s'",
            mpm_arg_type_name(call, 0, buf));
    if (r != 0)
        return mpm_raise_code(call, r);
    len = len < sizeof(buf) - 1 ? len : sizeof(buf) - 1;
    memcpy(buf, text, len);
    buf[len] = '\0';
    return mpm_raise_attribute(call, buf, "'Barrier' object has no attribute '%s'", buf);
}

/* --- type --------------------------------------------------------------------------------------------------------- */

enum { PARTIES, ACTION, TIMEOUT };

static enum mpm_outcome
barrier_make(struct mpm_object *self, struct mpm_call *call)
{
    struct barrier *b = (struct barrier *)self;
    int64_t unused;

    mpm_calls_init(&b->waiters);
    if (!mpm__count(call, PARTIES, 1, "parties must be > 0", "parties", &b->parties))
        return MPM_DONE;
    if (!mpm_arg_is_none(call, ACTION))
        return mpm_raise(call, MPM_PY_NOT_IMPLEMENTED, "Barrier(action=...) would run a Python function inside the server, "
            "which mpmd cannot: leave it out and let one party do it, `if barrier.wait() == 0: action()`, with a second "
            "barrier.wait() where the others must not go on before");
    if (!mpm_arg_is_none(call, TIMEOUT)) {
        /* CPython complains at the first wait(); better now */
        if (!mpm__timeout(call, TIMEOUT, MPM_ADDED, &unused))
            return MPM_DONE;
        b->has_timeout = true;
        (void)mpm_arg_double(call, TIMEOUT, &b->timeout_s);
    }
    return mpm_return_none(call);
}

static int
barrier_repr(struct mpm_object *self, struct mpm_buf *out)
{
    struct barrier *b = (struct barrier *)self;

    mpm__buf_printf(out, "<threading.Barrier at 0x%llx: ", (unsigned long long)self->id);
    if (b->is_broken)
        mpm__buf_text(out, "broken>");
    else
        mpm__buf_printf(out, "waiters=%zu/%lld>", b->waiters.n, (long long)b->parties);
    return out->error;
}

static struct mpm_method barrier_methods[] = {
    { .name = "__getattribute__", .params = "name",         .run = barrier_getattribute, .wording = MPM_W_SLOT,
      .of = "object" },
    { .name = "wait",             .params = "timeout=None", .run = barrier_wait },
    { .name = "abort",            .params = "",             .run = barrier_abort },
    { .name = "reset",            .params = "",             .run = barrier_reset },
    { 0 }
};

struct mpm_type mpm__type_barrier = {
    .module = "threading", .class_name = "Barrier", .size = sizeof(struct barrier),
    .params = "parties action=None timeout=None", .make = barrier_make, .methods = barrier_methods,
    .exposed = "__getattribute__ wait abort reset", .auto_exposed = "abort reset wait",
    .repr = barrier_repr, .unpicklable = "_thread.lock",
};

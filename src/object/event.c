/* event.c - threading.Event: a flag to wait for. Layer: object. */
#include "object/lockable.h"

struct event {
    struct mpm_object base;
    struct mpm_calls waiters; /* empty while the flag is set */
    bool is_set;
};

static enum mpm_outcome
event_timeout(struct mpm_call *call)
{
    return mpm_return_bool(call, false);
}

static const struct mpm_wait_kind wait_set = { .name = "Event.wait", .timeout = event_timeout };

static enum mpm_outcome
event_wait(struct mpm_object *self, struct mpm_call *call)
{
    struct event *e = (struct event *)self;
    int64_t deadline_ns;

    if (e->is_set) /* CPython does not look at the timeout then */
        return mpm_return_bool(call, true);
    if (!mpm__timeout(call, 0, MPM_COMPARED, &deadline_ns))
        return MPM_DONE;
    if (deadline_ns <= call->now_ns)
        return mpm_return_bool(call, false);
    return mpm_wait(call, &e->waiters, &wait_set, deadline_ns);
}

static enum mpm_outcome
event_set(struct mpm_object *self, struct mpm_call *call)
{
    struct event *e = (struct event *)self;
    struct mpm_call *waiter;

    e->is_set = true;
    while ((waiter = mpm_calls_first(&e->waiters)) != NULL) {
        mpm_unpark(waiter);
        mpm_return_bool(waiter, true);
        mpm_wake(waiter);
    }
    return mpm_return_none(call);
}

static enum mpm_outcome
event_clear(struct mpm_object *self, struct mpm_call *call)
{
    ((struct event *)self)->is_set = false;
    return mpm_return_none(call);
}

static enum mpm_outcome
event_is_set(struct mpm_object *self, struct mpm_call *call)
{
    return mpm_return_bool(call, ((struct event *)self)->is_set);
}

static enum mpm_outcome
event_make(struct mpm_object *self, struct mpm_call *call)
{
    mpm_calls_init(&((struct event *)self)->waiters);
    return mpm_return_none(call);
}

static int
event_repr(struct mpm_object *self, struct mpm_buf *out)
{
    mpm__buf_printf(out, "<threading.Event at 0x%llx: %s>", (unsigned long long)self->id,
        ((struct event *)self)->is_set ? "set" : "unset");
    return out->error;
}

static struct mpm_method event_methods[] = {
    { .name = "is_set", .params = "",             .run = event_is_set },
    { .name = "set",    .params = "",             .run = event_set },
    { .name = "clear",  .params = "",             .run = event_clear },
    { .name = "wait",   .params = "timeout=None", .run = event_wait },
    { .name = "isSet",  .params = "",             .run = event_is_set, .named_only = true },
    { 0 }
};

struct mpm_type mpm__type_event = {
    .module = "threading", .class_name = "Event", .size = sizeof(struct event),
    .params = "", .make = event_make, .methods = event_methods,
    .exposed = "is_set set clear wait", .auto_exposed = "clear isSet is_set set wait",
    .repr = event_repr, .unpicklable = "_thread.lock",
};

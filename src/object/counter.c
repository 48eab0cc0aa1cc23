/*
 * counter.c - Counter: an int of any size that many clients change at once. Layer: object.
 *
 * Not CPython's; no count is lost and no lock is needed. Unlike a Value it is an int for ever, so nobody who reads it
 * has to look.
 */
#include "object/atomic.h"

#include <mpmd/error.h>

#include "value/arith.h"
#include "value/repr.h"

struct counter {
    struct mpm_object base;
    struct mpm_value value; /* an int */
};

static bool
is_int(struct mpm_call *call, int i)
{
    struct mpm_ref ref = call->args[i];
    char buf[64];
    int kind;

    if (!mpm_arg_given(call, i))
        return true;
    kind = mpm__kind(&ref);
    if (kind == MPM_K_INT || kind == MPM_K_BOOL)
        return true;
    if (kind < 0)
        mpm_raise_code(call, kind);
    else
        mpm_raise(call, MPM_PY_TYPE_ERROR, "'%s' object cannot be interpreted as an integer",
            mpm_arg_type_name(call, i, buf));
    return false;
}

/* Argument i (0 when it is not given), stored as an int. False: an exception is set. */
static bool
keep_int(struct mpm_call *call, int i, struct mpm_value *out)
{
    struct mpm_number n = { 0 };
    struct mpm_value made = { 0 };
    int r = 0;

    if (!is_int(call, i))
        return false;
    if (mpm_arg_given(call, i))
        r = mpm__number_of_ref(call->args[i], &n);
    if (r == 0)
        r = mpm__number_keep(&n, call->protocol, &made);
    if (r == 0)
        r = mpm_keep_made(call, &made, out);
    mpm__number_wipe(&n);
    if (r != 0)
        mpm_raise_code(call, r);
    return r == 0;
}

static enum mpm_outcome
counter_get(struct mpm_object *self, struct mpm_call *call)
{
    return mpm_return_value(call, &((struct counter *)self)->value);
}

static enum mpm_outcome
counter_set(struct mpm_object *self, struct mpm_call *call)
{
    struct counter *c = (struct counter *)self;
    struct mpm_value value = { 0 };

    if (!keep_int(call, 0, &value))
        return MPM_DONE;
    mpm_forget(call->hub, &c->value);
    c->value = value;
    return mpm_return_none(call);
}

static enum mpm_outcome
counter_increment(struct mpm_object *self, struct mpm_call *call)
{
    if (is_int(call, 0))
        mpm__atomic_add(call, &((struct counter *)self)->value, 0, false);
    return MPM_DONE;
}

static enum mpm_outcome
counter_decrement(struct mpm_object *self, struct mpm_call *call)
{
    if (is_int(call, 0))
        mpm__atomic_add(call, &((struct counter *)self)->value, 0, true);
    return MPM_DONE;
}

static enum mpm_outcome
counter_compare_and_set(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_value value = { 0 };

    if (!keep_int(call, 1, &value))
        return MPM_DONE;
    return mpm__atomic_compare_and_set(call, &((struct counter *)self)->value, 0, &value);
}

static enum mpm_outcome
counter_exchange(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_value value = { 0 };

    if (!keep_int(call, 0, &value))
        return MPM_DONE;
    return mpm__atomic_exchange(call, &((struct counter *)self)->value, &value);
}

/* --- type --------------------------------------------------------------------------------------------------------- */

static enum mpm_outcome
counter_make(struct mpm_object *self, struct mpm_call *call)
{
    return keep_int(call, 0, &((struct counter *)self)->value) ? mpm_return_none(call) : MPM_DONE;
}

static void
counter_wipe(struct mpm_object *self)
{
    mpm_forget(self->hub, &((struct counter *)self)->value);
}

static int
counter_repr(struct mpm_object *self, struct mpm_buf *out)
{
    size_t before = out->len;
    int r;

    mpm__buf_text(out, "Counter(");
    r = mpm__repr_value(&((struct counter *)self)->value, out);
    mpm__buf_u8(out, ')');
    if (r != 0)
        mpm__buf_cut(out, before);
    return r != 0 ? r : out->error;
}

static struct mpm_method counter_methods[] = {
    { .name = "get",             .params = "",                .run = counter_get },
    { .name = "set",             .params = "value",           .run = counter_set },
    { .name = "increment",       .params = "n=1",             .run = counter_increment },
    { .name = "decrement",       .params = "n=1",             .run = counter_decrement },
    { .name = "add",             .params = "n",               .run = counter_increment },
    { .name = "compare_and_set", .params = "expected new",    .run = counter_compare_and_set },
    { .name = "exchange",        .params = "new",             .run = counter_exchange },
    { 0 }
};

/* A copy of it (#GETVALUE) is its int: no Python has the class. */
struct mpm_type mpm__type_counter = {
    .module = "mpmd", .class_name = "Counter", .size = sizeof(struct counter),
    .params = "value=0", .make = counter_make, .wipe = counter_wipe, .methods = counter_methods,
    .exposed = "add compare_and_set decrement exchange get increment set", .auto_exposed = "add compare_and_set decrement exchange get increment set",
    .repr = counter_repr, .getvalue = counter_get,
};

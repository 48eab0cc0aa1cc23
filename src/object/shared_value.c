/*
 * shared_value.c - multiprocessing.managers.Value: one value that clients get and set. Layer: object.
 *
 * `v.value += 1` is two requests, between which others can change it; CPython's manager has nothing better, whatever
 * `lock` says. So there are methods here that read and write in one request; they do not disturb those who do not know
 * them.
 */
#include "object/atomic.h"

#include <mpmd/error.h>

#include "value/repr.h"

struct shared_value {
    struct mpm_object base;
    struct mpm_value typecode; /* what it was made with; nobody looks at it, as in CPython */
    struct mpm_value value;
};

static enum mpm_outcome
value_get(struct mpm_object *self, struct mpm_call *call)
{
    return mpm_return_value(call, &((struct shared_value *)self)->value);
}

static enum mpm_outcome
value_set(struct mpm_object *self, struct mpm_call *call)
{
    struct shared_value *v = (struct shared_value *)self;
    struct mpm_value value = { 0 };
    int r = mpm_keep_arg(call, 0, &value);

    if (r != 0)
        return mpm_raise_code(call, r);
    mpm_forget(call->hub, &v->value);
    v->value = value;
    return mpm_return_none(call);
}

static enum mpm_outcome
value_increment(struct mpm_object *self, struct mpm_call *call)
{
    mpm__atomic_add(call, &((struct shared_value *)self)->value, 0, false);
    return MPM_DONE;
}

static enum mpm_outcome
value_decrement(struct mpm_object *self, struct mpm_call *call)
{
    mpm__atomic_add(call, &((struct shared_value *)self)->value, 0, true);
    return MPM_DONE;
}

static enum mpm_outcome
value_compare_and_set(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_value value = { 0 };
    int r = mpm_keep_arg(call, 1, &value);

    if (r != 0)
        return mpm_raise_code(call, r);
    return mpm__atomic_compare_and_set(call, &((struct shared_value *)self)->value, 0, &value);
}

static enum mpm_outcome
value_exchange(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_value value = { 0 };
    int r = mpm_keep_arg(call, 0, &value);

    if (r != 0)
        return mpm_raise_code(call, r);
    return mpm__atomic_exchange(call, &((struct shared_value *)self)->value, &value);
}

/* --- type --------------------------------------------------------------------------------------------------------- */

static enum mpm_outcome
value_make(struct mpm_object *self, struct mpm_call *call)
{
    struct shared_value *v = (struct shared_value *)self;
    int r = mpm_keep_arg(call, 0, &v->typecode);

    if (r == 0 && (r = mpm_keep_arg(call, 1, &v->value)) != 0)
        mpm_forget(call->hub, &v->typecode);
    return r == 0 ? mpm_return_none(call) : mpm_raise_code(call, r);
}

static void
value_wipe(struct mpm_object *self)
{
    struct shared_value *v = (struct shared_value *)self;

    mpm_forget(self->hub, &v->typecode);
    mpm_forget(self->hub, &v->value);
}

static enum mpm_outcome
value_getvalue(struct mpm_object *self, struct mpm_call *call)
{
    struct shared_value *v = (struct shared_value *)self;
    struct mpm_writer *w = mpm_result_writer(call);

    mpm_write_global(w, "multiprocessing.managers", "Value");
    mpm_write_tuple_n(w, 0);
    mpm_write_newobj(w);
    mpm_write_empty_dict(w);
    mpm_write_mark(w);
    mpm_write_native(w, "_typecode");
    mpm_write_value(w, &v->typecode);
    mpm_write_native(w, "_value");
    mpm_write_value(w, &v->value);
    mpm_write_setitems(w);
    mpm_write_buildop(w);
    return mpm_return_built(call);
}

static int
value_repr(struct mpm_object *self, struct mpm_buf *out)
{
    struct shared_value *v = (struct shared_value *)self;
    size_t before = out->len;
    int r;

    mpm__buf_text(out, "Value(");
    r = mpm__repr_value(&v->typecode, out);
    if (r == 0) {
        mpm__buf_text(out, ", ");
        r = mpm__repr_value(&v->value, out);
    }
    mpm__buf_u8(out, ')');
    if (r != 0)
        mpm__buf_cut(out, before);
    return r != 0 ? r : out->error;
}

static struct mpm_method value_methods[] = {
    { .name = "get",             .params = "",                .run = value_get },
    { .name = "set",             .params = "value",           .run = value_set },
    { .name = "increment",       .params = "n=1",             .run = value_increment },
    { .name = "decrement",       .params = "n=1",             .run = value_decrement },
    { .name = "add",             .params = "n",               .run = value_increment },
    { .name = "compare_and_set", .params = "expected new",    .run = value_compare_and_set },
    { .name = "update_if",       .params = "expected new",    .run = value_compare_and_set },
    { .name = "exchange",        .params = "new",             .run = value_exchange },
    { 0 }
};

struct mpm_type mpm__type_shared_value = {
    .module = "multiprocessing.managers", .class_name = "Value", .size = sizeof(struct shared_value),
    .params = "typecode value lock=True", .make = value_make, .wipe = value_wipe, .methods = value_methods,
    .exposed = "get set", .auto_exposed = "add compare_and_set decrement exchange get increment set update_if",
    .repr = value_repr, .getvalue = value_getvalue, .is_copied = true,
};

/*
 * atomic.c - read, change and write of one stored value in one request. Layer: object.
 *
 * For the objects that have such methods: they say where the value is. What a number is and how two are added is
 * value/arith.c's.
 */
#include "object/atomic.h"

#include <mpmd/error.h>

#include "object/bind.h"
#include "value/arith.h"
#include "value/canon.h"

/* The value at *place is no number, or argument i is none. */
static bool
complain(struct mpm_call *call, const struct mpm_value *place, int i, bool subtract)
{
    struct mpm_open open = { 0 };
    struct mpm_ref ref;
    char left_buf[64], right_buf[64];
    const char *left = "int", *right = mpm_arg_given(call, i) ? mpm_arg_type_name(call, i, right_buf) : "int";
    int r = 0;

    if (!mpm_value_is_empty(place) && (r = mpm__open(&open, place, &ref)) == 0)
        left = mpm__type_name(ref, left_buf);
    if (r != 0)
        mpm_raise_code(call, r);
    else
        mpm_raise(call, MPM_PY_TYPE_ERROR, "unsupported operand type(s) for %s=: '%s' and '%s'", subtract ? "-" : "+", left,
            right);
    mpm__close(&open);
    return false;
}

bool
mpm__atomic_add(struct mpm_call *call, struct mpm_value *place, int i, bool subtract)
{
    struct mpm_number a = { 0 }, b = { .i = 1 };
    struct mpm_value made = { 0 }, sum;
    int r = 0;

    if (!mpm_value_is_empty(place))
        r = mpm__number_of_value(place, &a);
    if (r == 0 && mpm_arg_given(call, i))
        r = mpm__number_of_ref(call->args[i], &b);
    if (r == MPM_ETYPE) {
        mpm__number_wipe(&a);
        mpm__number_wipe(&b);
        return complain(call, place, i, subtract);
    }
    if (r == 0)
        r = mpm__number_add(&a, &b, subtract);
    if (r == 0)
        r = mpm__number_keep(&a, call->protocol, &made);
    if (r == 0)
        r = mpm_keep_made(call, &made, &sum);
    mpm__number_wipe(&a);
    mpm__number_wipe(&b);
    if (r == MPM_ERANGE)
        mpm_raise(call, MPM_PY_OVERFLOW_ERROR, "int too large to convert to float");
    else if (r != 0)
        mpm_raise_code(call, r);
    if (r != 0)
        return false;
    mpm_forget(call->hub, place);
    *place = sum;
    mpm_return_value(call, place); /* a number pins nothing, so this cannot fail */
    return true;
}

enum mpm_outcome
mpm__atomic_compare_and_set(struct mpm_call *call, struct mpm_value *place, int i, struct mpm_value *value)
{
    struct mpm_canon *wanted = mpm_hub_canon(call->hub, 0);
    struct mpm_value old = *place;
    int r = mpm__canon(call->args[i], wanted);

    if (r == 0)
        r = mpm__canon_equals(place, wanted, mpm_hub_canon(call->hub, 1));
    if (r == 1) {
        *place = *value;
        *value = old;
    }
    mpm_forget(call->hub, value);
    if (r == MPM_ELIMIT)
        return mpm_raise(call, MPM_PY_RECURSION_ERROR, "maximum recursion depth exceeded");
    return r < 0 ? mpm_raise_code(call, r) : mpm_return_bool(call, r == 1);
}

static void
exchange_back(struct mpm_call *call)
{
    struct mpm_value *place = call->pointer, value = *place;

    *place = call->value;
    call->value = value;
}

enum mpm_outcome
mpm__atomic_exchange(struct mpm_call *call, struct mpm_value *place, struct mpm_value *value)
{
    mpm_return_value(call, place);
    if (call->result.kind == MPM_R_ERROR) {
        mpm_forget(call->hub, value);
        return MPM_DONE;
    }
    call->value = *place;
    call->pointer = place;
    call->untold = exchange_back;
    *place = *value;
    *value = (struct mpm_value){ 0 };
    return MPM_DONE;
}

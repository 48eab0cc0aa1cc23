/*
 * items.c - what list and deque have in common: looking for an item, and numbers as their methods take them. Layer:
 * object.
 */
#include "object/items.h"

#include <string.h>

#include <mpmd/error.h>

#include "base/alloc.h"
#include "object/iterable.h"
#include "value/canon.h"
#include "value/repr.h"

#define WANTED 0
#define SCRATCH 1
/* Texts of exceptions are not longer. */
#define TEXT_MAX 65536

static void
raise_comparing(struct mpm_call *call, int r)
{
    if (r == MPM_ELIMIT)
        mpm_raise(call, MPM_PY_RECURSION_ERROR, "maximum recursion depth exceeded in comparison");
    else
        mpm_raise_code(call, r);
}

bool
mpm__wanted(struct mpm_call *call, struct mpm_ref ref)
{
    int r = mpm__canon(ref, mpm_hub_canon(call->hub, WANTED));

    if (r != 0)
        raise_comparing(call, r);
    return r == 0;
}

int
mpm__is_wanted(struct mpm_call *call, const struct mpm_value *v)
{
    int r = mpm__canon_equals(v, mpm_hub_canon(call->hub, WANTED), mpm_hub_canon(call->hub, SCRATCH));

    if (r >= 0)
        return r;
    raise_comparing(call, r);
    return -1;
}

enum mpm_outcome
mpm__raise_not_in(struct mpm_call *call, struct mpm_ref ref, const char *what)
{
    struct mpm_buf text;
    int r;

    mpm__buf_init(&text, TEXT_MAX);
    r = mpm__repr(ref, &text);
    if (r == 0) {
        mpm__buf_printf(&text, " is not in %s", what);
        mpm__buf_u8(&text, 0);
        r = text.error;
    }
    if (r == MPM_ENOMEM) {
        mpm_raise_code(call, r);
    } else if (r != 0) {
        mpm_raise(call, MPM_PY_VALUE_ERROR, "%s.index(x): x not in %s", what, what);
    } else { /* longer than what mpm_raise() takes */
        mpm_raise(call, MPM_PY_VALUE_ERROR, NULL);
        call->result.text = (char *)text.data;
        call->result.has_arg = true;
        mpm__buf_init(&text, 0);
    }
    mpm__buf_wipe(&text);
    return MPM_DONE;
}

bool
mpm__plain_index(struct mpm_call *call, int i, const char *too_large, int64_t *out)
{
    char buf[64];
    int r = mpm_arg_int64(call, i, out);

    if (r == MPM_ETYPE)
        mpm_raise(call, MPM_PY_TYPE_ERROR, "'%s' object cannot be interpreted as an integer", mpm_arg_type_name(call, i, buf));
    else if (r == MPM_ERANGE)
        mpm_raise(call, MPM_PY_OVERFLOW_ERROR, "%s", too_large);
    else if (r != 0)
        mpm_raise_code(call, r);
    return r == 0;
}

bool
mpm__times(struct mpm_call *call, int i, size_t len, size_t *n)
{
    int64_t times;

    if (!mpm__plain_index(call, i, "cannot fit 'int' into an index-sized integer", &times))
        return false;
    if (times < 0 || len == 0)
        times = 0;
    if (times > 1 && (uint64_t)times > MPM_GROWN_MAX / len) {
        mpm_raise(call, MPM_PY_MEMORY_ERROR, "%zu items %lld times are more than the %d that mpmd makes in one call", len,
            (long long)times, MPM_GROWN_MAX);
        return false;
    }
    *n = (size_t)times;
    return true;
}

enum mpm_outcome
mpm__raise_unordered(struct mpm_call *call, int code, const struct mpm_unordered *why)
{
    if (code == MPM_ETYPE && why->instead != NULL)
        return mpm_raise(call, MPM_PY_TYPE_ERROR, "%s", why->instead);
    if (code == MPM_ETYPE)
        return mpm_raise(call, MPM_PY_TYPE_ERROR, "'<' not supported between instances of '%s' and '%s'%s", why->left,
            why->right, !why->by_class ? "" :
            ": mpmd runs no Python and calls no __lt__, put first in a tuple what orders them, "
            "(priority, number, item)");
    if (code == MPM_ELIMIT)
        return mpm_raise(call, MPM_PY_RECURSION_ERROR, "maximum recursion depth exceeded in comparison");
    return mpm_raise_code(call, code);
}

/*
 * slice.c - indices and slices: what argument i means in brackets, and how CPython complains about it. Layer: object.
 *
 * Knows the length of the sequence and nothing else of it. A slice arrives as its pickle, a call of `builtins slice`.
 * Instances with an __index__ of their own are no indices here, because that would need Python.
 * Source: CPython Objects/sliceobject.c, PySlice_Unpack() and PySlice_AdjustIndices().
 */
#include "object/slice.h"

#include <string.h>

#include <mpmd/error.h>

/* An int; one of more than 64 bits is the nearest that fits, and MPM_ERANGE. Else MPM_ETYPE or MPM_ENOMEM. */
static int
read_clamped(struct mpm_ref ref, int64_t *out)
{
    struct mpm_buf big;
    int r = mpm__read_int64(ref, out);

    if (r != MPM_ERANGE)
        return r;
    mpm__buf_init(&big, 0);
    r = mpm__read_bigint(ref, &big);
    if (r == 0) {
        *out = big.data[big.len - 1] & 0x80 ? INT64_MIN : INT64_MAX;
        r = MPM_ERANGE;
    } else if (r == MPM_ERANGE) { /* more digits than CPython would load */
        r = MPM_ETYPE;
    }
    mpm__buf_wipe(&big);
    return r;
}

/* A part of a slice. False: an exception is set. */
static bool
read_bound(struct mpm_call *call, struct mpm_ref ref, int64_t fallback, int64_t *out)
{
    int r, kind = mpm__kind(&ref);

    if (kind == MPM_K_NONE) {
        *out = fallback;
        return true;
    }
    r = kind < 0 ? kind : read_clamped(ref, out);
    if (r == 0 || r == MPM_ERANGE)
        return true;
    if (r == MPM_ETYPE)
        mpm_raise(call, MPM_PY_TYPE_ERROR, "slice indices must be integers or None or have an __index__ method");
    else
        mpm_raise_code(call, r);
    return false;
}

/* One end of a slice, for a sequence of len items. */
static int64_t
adjusted(int64_t at, int64_t len, int64_t step)
{
    if (at < 0 && (at += len) < 0)
        return step < 0 ? -1 : 0;
    if (at >= len)
        return step < 0 ? len - 1 : len;
    return at;
}

static void
adjust(struct mpm_slice *s, size_t length)
{
    int64_t len = (int64_t)length;

    s->start = adjusted(s->start, len, s->step);
    s->stop = adjusted(s->stop, len, s->step);
    s->n = 0;
    if (s->step > 0 && s->start < s->stop)
        s->n = (size_t)((s->stop - s->start - 1) / s->step + 1);
    else if (s->step < 0 && s->stop < s->start)
        s->n = (size_t)((s->start - s->stop - 1) / -s->step + 1);
    if (s->n == 0 && s->start < 0)
        s->start = 0;
}

/* 1: `ref` is a slice and *bounds has its arguments; 0: it is something else; or MPM_ENOMEM. The caller wipes
 * *bounds. */
static int
take_apart(struct mpm_ref ref, struct mpm_parts *bounds)
{
    const uint8_t *module, *name;
    size_t module_len, name_len;
    struct mpm_parts made = { 0 };
    struct mpm_ref args;
    int kind, r = mpm__read_global(ref, &module, &module_len, &name, &name_len);

    if (r != 0)
        return r == MPM_ENOMEM ? r : 0;
    if (name_len != 5 || memcmp(name, "slice", 5) != 0 ||
        !((module_len == 8 && memcmp(module, "builtins", 8) == 0) ||
          (module_len == 11 && memcmp(module, "__builtin__", 11) == 0)))
        return 0;
    r = mpm__parts(ref, &made);
    if (r == 0 && made.items.n == 2) {
        args = mpm__part(&made, 1);
        kind = mpm__kind(&args);
        if (kind == MPM_K_TUPLE)
            r = mpm__parts(args, bounds);
        else if (kind < 0)
            r = kind;
    }
    mpm__parts_wipe(&made);
    return r != 0 ? r : bounds->items.n >= 1 && bounds->items.n <= 3;
}

static bool
read_slice(struct mpm_call *call, const struct mpm_parts *bounds, size_t len, struct mpm_slice *out)
{
    size_t n = bounds->items.n;

    out->step = 1;
    if (n == 3 && !read_bound(call, mpm__part(bounds, 2), 1, &out->step))
        return false;
    if (out->step == 0) {
        mpm_raise(call, MPM_PY_VALUE_ERROR, "slice step cannot be zero");
        return false;
    }
    if (out->step < -INT64_MAX)
        out->step = -INT64_MAX; /* so that it can be negated */
    out->start = out->step < 0 ? INT64_MAX : 0;
    if (n > 1 && !read_bound(call, mpm__part(bounds, 0), out->start, &out->start))
        return false;
    if (!read_bound(call, mpm__part(bounds, n > 1 ? 1 : 0), out->step < 0 ? INT64_MIN : INT64_MAX, &out->stop))
        return false;
    adjust(out, len);
    return true;
}

/* The argument is no int and no slice. */
static enum mpm_subscript
complain_about_type(struct mpm_call *call, int i, const char *what, bool has_slices)
{
    char buf[64];

    if (!has_slices)
        mpm_raise(call, MPM_PY_TYPE_ERROR, "'%s' object cannot be interpreted as an integer",
            mpm_arg_type_name(call, i, buf));
    else if (strcmp(what, "array") == 0)
        mpm_raise(call, MPM_PY_TYPE_ERROR, "array indices must be integers");
    else
        mpm_raise(call, MPM_PY_TYPE_ERROR, "%s indices must be integers or slices, not %s", what,
            mpm_arg_type_name(call, i, buf));
    return MPM_SUBSCRIPT_ERROR;
}

enum mpm_subscript
mpm__subscript(struct mpm_call *call, int i, size_t len, const char *what, const char *range, size_t *index,
    struct mpm_slice *slice)
{
    struct mpm_parts bounds = { 0 };
    struct mpm_ref ref = call->args[i];
    int64_t at;
    int r = mpm__read_int64(ref, &at);
    bool ok;

    if (r == 0) {
        if (at < 0)
            at += (int64_t)len; /* a length has far less than 63 bits */
        if (at >= 0 && at < (int64_t)len) {
            *index = (size_t)at;
            return MPM_SUBSCRIPT_INDEX;
        }
        mpm_raise(call, MPM_PY_INDEX_ERROR, "%s", range);
        return MPM_SUBSCRIPT_ERROR;
    }
    if (r == MPM_ERANGE) {
        mpm_raise(call, slice != NULL ? MPM_PY_INDEX_ERROR : MPM_PY_OVERFLOW_ERROR,
            "cannot fit 'int' into an index-sized integer");
        return MPM_SUBSCRIPT_ERROR;
    }
    if (r != MPM_ETYPE) {
        mpm_raise_code(call, r);
        return MPM_SUBSCRIPT_ERROR;
    }
    r = slice != NULL && mpm__kind(&ref) == MPM_K_OBJECT ? take_apart(ref, &bounds) : 0;
    if (r <= 0) {
        mpm__parts_wipe(&bounds);
        if (r == 0)
            return complain_about_type(call, i, what, slice != NULL);
        mpm_raise_code(call, r);
        return MPM_SUBSCRIPT_ERROR;
    }
    ok = read_slice(call, &bounds, len, slice);
    mpm__parts_wipe(&bounds);
    return ok ? MPM_SUBSCRIPT_SLICE : MPM_SUBSCRIPT_ERROR;
}

static bool
read_plain(struct mpm_call *call, int i, size_t len, int64_t *out)
{
    int r = mpm_arg_int64(call, i, out);

    if (r == MPM_ETYPE)
        mpm_raise(call, MPM_PY_TYPE_ERROR, "an integer is required");
    else if (r == MPM_ERANGE)
        mpm_raise(call, MPM_PY_OVERFLOW_ERROR, "Python int too large to convert to C long");
    else if (r != 0)
        mpm_raise_code(call, r);
    if (*out < 0)
        *out = 0;
    if (*out > (int64_t)len)
        *out = (int64_t)len;
    return r == 0;
}

bool
mpm__plain_slice(struct mpm_call *call, int i, size_t len, struct mpm_slice *slice)
{
    int64_t start = 0, stop = 0;

    if (!read_plain(call, i, len, &start) || !read_plain(call, i + 1, len, &stop))
        return false;
    if (stop < start)
        stop = start;
    *slice = (struct mpm_slice){ .start = start, .stop = stop, .step = 1, .n = (size_t)(stop - start) };
    return true;
}

static bool
read_place(struct mpm_call *call, int i, size_t length, bool is_insert, size_t *out)
{
    int64_t at, len = (int64_t)length;
    char buf[64];
    int r;

    if (mpm_arg_given(call, i)) {
        r = read_clamped(call->args[i], &at);
    } else if ((r = mpm_arg_int64(call, i, &at)) != 0) {
        at = len;
        r = 0;
    }
    if (r == MPM_ETYPE && is_insert)
        mpm_raise(call, MPM_PY_TYPE_ERROR, "'%s' object cannot be interpreted as an integer",
            mpm_arg_type_name(call, i, buf));
    else if (r == MPM_ETYPE)
        mpm_raise(call, MPM_PY_TYPE_ERROR, "slice indices must be integers or have an __index__ method");
    else if (r == MPM_ERANGE && is_insert)
        mpm_raise(call, MPM_PY_OVERFLOW_ERROR, "Python int too large to convert to C ssize_t");
    else if (r != 0 && r != MPM_ERANGE)
        mpm_raise_code(call, r);
    else
        r = 0;
    if (r != 0)
        return false;
    *out = (size_t)adjusted(at, len, 1);
    return true;
}

bool
mpm__clamped_index(struct mpm_call *call, int i, size_t len, size_t *out)
{
    return read_place(call, i, len, false, out);
}

bool
mpm__insert_index(struct mpm_call *call, int i, size_t len, size_t *out)
{
    return read_place(call, i, len, true, out);
}

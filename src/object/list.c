/*
 * list.c - list: values in an array that grows. Layer: object.
 *
 * What a method needs is stored and room for it is there before anything changes, so that a failed one leaves the list
 * as it was. Needs no iterator of its own: clients iterate by index. Source for texts and orders of checks: CPython
 * Objects/listobject.c.
 */
#include "object/object.h"

#include <string.h>

#include <mpmd/error.h>

#include "base/alloc.h"
#include "object/items.h"
#include "object/iterable.h"
#include "object/slice.h"
#include "value/order.h"
#include "value/repr.h"

/* Room that is left when a list shrinks; less is not worth the copy. */
#define SPARE_MIN 16

struct list {
    struct mpm_object base;
    struct mpm_values items; /* its table is counted against --max-memory */
};

static struct list *
list_of(struct mpm_object *self)
{
    return (struct list *)self;
}

/* --- room --------------------------------------------------------------------------------------------------------- */

static int
set_room(struct list *l, size_t cap)
{
    struct mpm_values *items = &l->items;
    struct mpm_hub *hub = l->base.hub;
    struct mpm_value *v;
    size_t before = items->cap;
    int r;

    if (cap > SIZE_MAX / sizeof *v)
        return MPM_ENOMEM;
    if (cap > before && (r = mpm_charge(hub, (cap - before) * sizeof *v)) != 0)
        return r;
    v = mpm__resize(items->v, cap, sizeof *v);
    if (v == NULL) {
        if (cap > before)
            mpm_discharge(hub, (cap - before) * sizeof *v);
        return MPM_ENOMEM;
    }
    if (cap < before)
        mpm_discharge(hub, (before - cap) * sizeof *v);
    items->v = v;
    items->cap = cap;
    return 0;
}

/* Room for n more items. Grows by an eighth, so that each of many appends costs the same. */
static int
reserve(struct list *l, size_t n)
{
    size_t need = l->items.n + n;
    int r;

    if (n <= l->items.cap - l->items.n)
        return 0;
    if (need < n || need > SIZE_MAX / 2)
        return MPM_ENOMEM;
    r = set_room(l, need + need / 8 + 4);
    return r != 0 ? set_room(l, need) : 0; /* a limit may leave that much */
}

/* Gives back room after a removal; that may fail. */
static void
trim(struct list *l)
{
    if (l->items.cap / 2 > l->items.n && l->items.cap > SPARE_MIN)
        (void)set_room(l, l->items.n + l->items.n / 8 + 4);
}

/* --- changes, none of which can fail ------------------------------------------------------------------------------ */

/* Items from..from+n are gone; they may be empty already. */
static void
close_gap(struct list *l, size_t from, size_t n)
{
    struct mpm_values *items = &l->items;

    for (size_t i = from; i < from + n; i++)
        mpm_forget(l->base.hub, &items->v[i]);
    if (n != 0)
        memmove(items->v + from, items->v + from + n, (items->n - from - n) * sizeof *items->v);
    items->n -= n;
    trim(l);
}

/* An opening for n items, for which there is room. */
static void
open_gap(struct list *l, size_t at, size_t n)
{
    struct mpm_values *items = &l->items;

    if (n != 0)
        memmove(items->v + at + n, items->v + at, (items->n - at) * sizeof *items->v);
    items->n += n;
}

/* Moves new ones over, into places that hold nothing. */
static void
move_in(struct list *l, size_t at, struct mpm_values *from)
{
    if (from->n != 0)
        memcpy(l->items.v + at, from->v, from->n * sizeof *from->v);
    from->n = 0;
}

static void
cut(struct list *l, size_t n)
{
    while (l->items.n > n)
        mpm_forget(l->base.hub, &l->items.v[--l->items.n]);
}

/* --- results ------------------------------------------------------------------------------------------------------ */

/* n items from `start` on, each step-th, as a list; `times`: so often. */
static enum mpm_outcome
return_items(struct list *l, struct mpm_call *call, size_t start, int64_t step, size_t n, size_t times)
{
    struct mpm_writer *w = mpm_result_writer(call);
    struct mpm_sharing sharing = { 0 };
    bool again = times > 1;

    mpm_write_empty_list(w);
    if (n != 0 && times != 0) {
        mpm_write_mark(w);
        if (step == 1 && times == 1) {
            mpm_write_values(w, &sharing, &l->items.v[start], n, sizeof *l->items.v);
            times = 0;
        }
        for (; times != 0 && w->out->error == 0; times--)
            for (size_t i = 0; i < n; i++)
                mpm_write_shared(w, &sharing, &l->items.v[(int64_t)start + (int64_t)i * step], again);
        mpm_write_appends(w);
    }
    mpm_sharing_wipe(&sharing);
    return mpm_return_built(call);
}

static enum mpm_outcome
return_all(struct list *l, struct mpm_call *call)
{
    return return_items(l, call, 0, 1, l->items.n, 1);
}

static enum mpm_outcome
return_slice(struct list *l, struct mpm_call *call, const struct mpm_slice *s)
{
    return return_items(l, call, (size_t)s->start, s->step, s->n, 1);
}

/* --- one item ----------------------------------------------------------------------------------------------------- */

static enum mpm_outcome
list_append(struct mpm_object *self, struct mpm_call *call)
{
    struct list *l = list_of(self);
    int r = reserve(l, 1);

    if (r == 0)
        r = mpm_keep_arg(call, 0, &l->items.v[l->items.n]);
    if (r != 0)
        return mpm_raise_code(call, r);
    l->items.n++;
    return mpm_return_none(call);
}

static enum mpm_outcome
list_insert(struct mpm_object *self, struct mpm_call *call)
{
    struct list *l = list_of(self);
    struct mpm_value value;
    size_t at;
    int r;

    if (!mpm__insert_index(call, 0, l->items.n, &at))
        return MPM_DONE;
    r = reserve(l, 1);
    if (r == 0)
        r = mpm_keep_arg(call, 1, &value);
    if (r != 0)
        return mpm_raise_code(call, r);
    open_gap(l, at, 1);
    l->items.v[at] = value;
    return mpm_return_none(call);
}

static void
unpop(struct mpm_call *call)
{
    struct list *l = list_of(call->object);

    open_gap(l, (size_t)call->number, 1); /* trim() leaves room for one */
    l->items.v[call->number] = call->value;
    call->value = (struct mpm_value){ 0 };
}

static enum mpm_outcome
list_pop(struct mpm_object *self, struct mpm_call *call)
{
    struct list *l = list_of(self);
    int64_t at, n = (int64_t)l->items.n;

    if (!mpm__plain_index(call, 0, "Python int too large to convert to C ssize_t", &at))
        return MPM_DONE;
    if (n == 0)
        return mpm_raise(call, MPM_PY_INDEX_ERROR, "pop from empty list");
    if (at < 0)
        at += n;
    if (at < 0 || at >= n)
        return mpm_raise(call, MPM_PY_INDEX_ERROR, "pop index out of range");
    mpm_return_value(call, &l->items.v[at]);
    if (call->result.kind != MPM_R_VALUE)
        return MPM_DONE;
    call->value = l->items.v[at];
    call->number = at;
    call->untold = unpop;
    l->items.v[at] = (struct mpm_value){ 0 };
    close_gap(l, (size_t)at, 1);
    return MPM_DONE;
}

static enum mpm_outcome
list_getitem(struct mpm_object *self, struct mpm_call *call)
{
    struct list *l = list_of(self);
    struct mpm_slice slice;
    size_t at;

    switch (mpm__subscript(call, 0, l->items.n, "list", "list index out of range", &at, &slice)) {
    case MPM_SUBSCRIPT_INDEX:
        return mpm_return_value(call, &l->items.v[at]);
    case MPM_SUBSCRIPT_SLICE:
        return return_slice(l, call, &slice);
    default:
        return MPM_DONE;
    }
}

/* --- slices ------------------------------------------------------------------------------------------------------- */

/* The items of argument i, for a slice. False: an exception is set. */
static bool
slice_items(struct mpm_call *call, int i, struct mpm_values *out)
{
    if (mpm__iterate(call, call->args[i], out))
        return true;
    if (mpm__is_not_iterable(call))
        mpm_raise(call, MPM_PY_TYPE_ERROR, call->protocol == 2 ? "can only assign an iterable" :
            "must assign iterable to extended slice");
    return false;
}

/* l[at:at + n] = new ones, which are taken when that succeeds. */
static int
replace(struct list *l, size_t at, size_t n, struct mpm_values *from)
{
    size_t n_new = from->n, n_over = n < n_new ? n : n_new;
    int r = n_new > n ? reserve(l, n_new - n) : 0;

    if (r != 0)
        return r;
    for (size_t i = 0; i < n_over; i++)
        mpm_forget(l->base.hub, &l->items.v[at + i]);
    if (n_new > n)
        open_gap(l, at + n, n_new - n);
    else
        close_gap(l, at + n_new, n - n_new);
    move_in(l, at, from);
    return 0;
}

static enum mpm_outcome
assign_slice(struct list *l, struct mpm_call *call, int i, const struct mpm_slice *s)
{
    struct mpm_values from = { 0 };
    int r = 0;

    if (!slice_items(call, i, &from))
        goto out;
    if (s->step == 1) {
        r = replace(l, (size_t)s->start, s->n, &from);
    } else if (from.n != s->n) {
        mpm_raise(call, MPM_PY_VALUE_ERROR, "attempt to assign sequence of size %zu to extended slice of size %zu", from.n, s->n);
        goto out;
    } else {
        for (size_t k = 0; k < s->n; k++) {
            struct mpm_value *v = &l->items.v[s->start + (int64_t)k * s->step];

            mpm_forget(l->base.hub, v);
            *v = from.v[k];
        }
        from.n = 0;
    }
    if (r == 0)
        mpm_return_none(call);
    else
        mpm_raise_code(call, r);
out:
    mpm__values_wipe(call->hub, &from);
    return MPM_DONE;
}

static enum mpm_outcome
delete_slice(struct list *l, struct mpm_call *call, struct mpm_slice s)
{
    struct mpm_value *v = l->items.v;
    size_t to, next;

    if (s.step < 0 && s.n != 0) {
        s.start += (int64_t)(s.n - 1) * s.step;
        s.step = -s.step;
    }
    if (s.step == 1 || s.n < 2) {
        close_gap(l, (size_t)s.start, s.n);
        return mpm_return_none(call);
    }
    to = next = (size_t)s.start;
    for (size_t i = to; i < l->items.n; i++) {
        if (i == next && s.n != 0) {
            mpm_forget(l->base.hub, &v[i]);
            s.n--;
            next += (size_t)s.step;
        } else {
            v[to++] = v[i];
        }
    }
    l->items.n = to;
    trim(l);
    return mpm_return_none(call);
}

static enum mpm_outcome
list_setitem(struct mpm_object *self, struct mpm_call *call)
{
    struct list *l = list_of(self);
    struct mpm_value value;
    struct mpm_slice slice;
    size_t at;
    int r;

    switch (mpm__subscript(call, 0, l->items.n, "list", "list assignment index out of range", &at, &slice)) {
    case MPM_SUBSCRIPT_INDEX:
        if ((r = mpm_keep_arg(call, 1, &value)) != 0)
            return mpm_raise_code(call, r);
        mpm_forget(call->hub, &l->items.v[at]);
        l->items.v[at] = value;
        return mpm_return_none(call);
    case MPM_SUBSCRIPT_SLICE:
        return assign_slice(l, call, 1, &slice);
    default:
        return MPM_DONE;
    }
}

static enum mpm_outcome
list_delitem(struct mpm_object *self, struct mpm_call *call)
{
    struct list *l = list_of(self);
    struct mpm_slice slice;
    size_t at;

    switch (mpm__subscript(call, 0, l->items.n, "list", "list assignment index out of range", &at, &slice)) {
    case MPM_SUBSCRIPT_INDEX:
        close_gap(l, at, 1);
        return mpm_return_none(call);
    case MPM_SUBSCRIPT_SLICE:
        return delete_slice(l, call, slice);
    default:
        return MPM_DONE;
    }
}

/* Python 2's */

static enum mpm_outcome
list_getslice(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_slice s;

    return mpm__plain_slice(call, 0, list_of(self)->items.n, &s) ? return_slice(list_of(self), call, &s) : MPM_DONE;
}

static enum mpm_outcome
list_setslice(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_slice s;

    return mpm__plain_slice(call, 0, list_of(self)->items.n, &s) ? assign_slice(list_of(self), call, 2, &s) : MPM_DONE;
}

static enum mpm_outcome
list_delslice(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_slice s;

    return mpm__plain_slice(call, 0, list_of(self)->items.n, &s) ? delete_slice(list_of(self), call, s) : MPM_DONE;
}

/* --- many items --------------------------------------------------------------------------------------------------- */

static enum mpm_outcome
list_extend(struct mpm_object *self, struct mpm_call *call)
{
    struct list *l = list_of(self);
    struct mpm_values from = { 0 };
    int r;

    if (!mpm__iterate(call, call->args[0], &from))
        return MPM_DONE;
    r = replace(l, l->items.n, 0, &from);
    mpm__values_wipe(call->hub, &from);
    return r == 0 ? mpm_return_none(call) : mpm_raise_code(call, r);
}

static enum mpm_outcome
list_clear(struct mpm_object *self, struct mpm_call *call)
{
    close_gap(list_of(self), 0, list_of(self)->items.n);
    return mpm_return_none(call);
}

static enum mpm_outcome
list_copy(struct mpm_object *self, struct mpm_call *call)
{
    return return_all(list_of(self), call);
}

static enum mpm_outcome
list_reverse(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_values *items = &list_of(self)->items;

    for (size_t i = 0, k = items->n; i + 1 < k; i++) {
        struct mpm_value first = items->v[i];

        items->v[i] = items->v[--k];
        items->v[k] = first;
    }
    return mpm_return_none(call);
}

/* 1: an argument that is a list; 0: it is not; or a negative code. */
static int
is_list(struct mpm_ref ref)
{
    static const char *const modules[] = { "builtins", "__builtin__" };
    const uint8_t *module, *name;
    size_t module_len, len;
    int r, kind = mpm__kind(&ref);

    if (kind != MPM_K_OBJECT)
        return kind < 0 ? kind : kind == MPM_K_LIST;
    /* how a dict's views are pickled */
    r = mpm__read_global(ref, &module, &module_len, &name, &len);
    if (r != 0)
        return r == MPM_ENOMEM ? r : 0;
    for (size_t i = 0; i < 2; i++)
        if (strlen(modules[i]) == module_len && memcmp(modules[i], module, module_len) == 0)
            return len == 4 && memcmp(name, "list", 4) == 0;
    return 0;
}

static enum mpm_outcome
list_add(struct mpm_object *self, struct mpm_call *call)
{
    struct list *l = list_of(self);
    struct mpm_values right = { 0 };
    struct mpm_sharing sharing = { 0 };
    struct mpm_writer *w;
    char buf[64];
    int r = is_list(call->args[0]);

    if (r == 0)
        return mpm_raise(call, MPM_PY_TYPE_ERROR, "can only concatenate list (not \"%s\") to list",
            mpm_arg_type_name(call, 0, buf));
    if (r < 0)
        return mpm_raise_code(call, r);
    if (!mpm__iterate(call, call->args[0], &right))
        return MPM_DONE;
    w = mpm_result_writer(call);
    mpm_write_empty_list(w);
    if (l->items.n + right.n != 0) {
        mpm_write_mark(w);
        for (size_t i = 0; i < l->items.n; i++)
            mpm_write_shared(w, &sharing, &l->items.v[i], false);
        for (size_t i = 0; i < right.n; i++)
            mpm_write_shared(w, &sharing, &right.v[i], false);
        mpm_write_appends(w);
    }
    mpm_sharing_wipe(&sharing);
    mpm_return_built(call);
    mpm__values_wipe(call->hub, &right);
    return MPM_DONE;
}

static enum mpm_outcome
list_mul(struct mpm_object *self, struct mpm_call *call)
{
    struct list *l = list_of(self);
    size_t times;

    return mpm__times(call, 0, l->items.n, &times) ? return_items(l, call, 0, 1, l->items.n, times) : MPM_DONE;
}

/* The reply is the whole list; no client looks at it, but it could. */
static enum mpm_outcome
list_imul(struct mpm_object *self, struct mpm_call *call)
{
    struct list *l = list_of(self);
    size_t times, n = l->items.n;
    int r;

    if (!mpm__times(call, 0, n, &times))
        return MPM_DONE;
    if (times == 0) {
        return_items(l, call, 0, 1, 0, 0);
        if (call->result.kind == MPM_R_BUILT)
            close_gap(l, 0, n);
        return MPM_DONE;
    }
    r = reserve(l, n * (times - 1));
    for (; r == 0 && times > 1; times--)
        for (size_t i = 0; r == 0 && i < n; i++) {
            r = mpm_keep_again(call, &l->items.v[i], &l->items.v[l->items.n]);
            l->items.n += r == 0;
        }
    if (r == 0)
        return_all(l, call);
    else
        mpm_raise_code(call, r);
    if (call->result.kind != MPM_R_BUILT)
        cut(l, n);
    return MPM_DONE;
}

/* A list_reverseiterator. It is made anew from a copy: CPython's, too, is one of a copy once it has arrived. */
static enum mpm_outcome
list_reversed(struct mpm_object *self, struct mpm_call *call)
{
    struct list *l = list_of(self);
    struct mpm_sharing sharing = { 0 };
    struct mpm_writer *w = mpm_result_writer(call);

    mpm_write_global(w, "builtins", "reversed");
    mpm_write_empty_list(w);
    mpm_write_mark(w);
    for (size_t i = 0; i < l->items.n; i++)
        mpm_write_shared(w, &sharing, &l->items.v[i], false);
    mpm_write_appends(w);
    mpm_write_tuple_n(w, 1);
    mpm_write_reduce(w);
    mpm_sharing_wipe(&sharing);
    return mpm_return_built(call);
}

static enum mpm_outcome
raise_key(struct mpm_call *call, int i)
{
    struct mpm_ref key = call->args[i];
    char buf[64];
    int kind = mpm__kind(&key);

    if (kind < 0)
        return mpm_raise_code(call, kind);
    if (kind != MPM_K_GLOBAL && kind != MPM_K_OBJECT)
        return mpm_raise(call, MPM_PY_TYPE_ERROR, "'%s' object is not callable", mpm_arg_type_name(call, i, buf));
    return mpm_raise(call, MPM_PY_NOT_IMPLEMENTED, "mpmd runs no Python and cannot call a key function: sort in the client, "
        "l[:] = sorted(l[:], key=...)");
}

static enum mpm_outcome
list_sort(struct mpm_object *self, struct mpm_call *call)
{
    struct list *l = list_of(self);
    struct mpm_unordered why = { .spent = 0 };
    struct mpm_ref all = call->args[MPM_ALL_ARGS]; /* empty when the request has no arguments at all */
    int reverse = mpm_arg_truth(call, 1), positional = all.doc != NULL ? mpm__truth(all) : 0, r;

    if (reverse < 0 || positional < 0)
        return mpm_raise_code(call, MPM_ENOMEM);
    if (positional != 0)
        return mpm_raise(call, MPM_PY_TYPE_ERROR, "sort() takes no positional arguments");
    if (!mpm_arg_is_none(call, 0) && l->items.n != 0)
        return raise_key(call, 0);
    r = mpm__sort(l->items.v, l->items.n, reverse != 0, &why);
    return r == 0 ? mpm_return_none(call) : mpm__raise_unordered(call, r, &why);
}

/* --- looking for an item ------------------------------------------------------------------------------------------ */

/* The first of items from..to that is wanted: its place, or `to`. False: an exception is set. */
static bool
find(struct list *l, struct mpm_call *call, size_t from, size_t to, size_t *at)
{
    int r = 0;

    if (!mpm__wanted(call, call->args[0]))
        return false;
    for (*at = from; *at < to; ++*at)
        if ((r = mpm__is_wanted(call, &l->items.v[*at])) != 0)
            break;
    return r >= 0;
}

static enum mpm_outcome
list_contains(struct mpm_object *self, struct mpm_call *call)
{
    struct list *l = list_of(self);
    size_t at;

    return find(l, call, 0, l->items.n, &at) ? mpm_return_bool(call, at < l->items.n) : MPM_DONE;
}

static enum mpm_outcome
list_count(struct mpm_object *self, struct mpm_call *call)
{
    struct list *l = list_of(self);
    int64_t n = 0;
    int r;

    if (!mpm__wanted(call, call->args[0]))
        return MPM_DONE;
    for (size_t i = 0; i < l->items.n; i++) {
        if ((r = mpm__is_wanted(call, &l->items.v[i])) < 0)
            return MPM_DONE;
        n += r;
    }
    return mpm_return_int(call, n);
}

static enum mpm_outcome
list_index(struct mpm_object *self, struct mpm_call *call)
{
    struct list *l = list_of(self);
    size_t from, to, at;

    if (!mpm__clamped_index(call, 1, l->items.n, &from) || !mpm__clamped_index(call, 2, l->items.n, &to))
        return MPM_DONE;
    if (to < from)
        to = from;
    if (!find(l, call, from, to, &at))
        return MPM_DONE;
    return at < to ? mpm_return_int(call, (int64_t)at) : mpm__raise_not_in(call, call->args[0], "list");
}

static enum mpm_outcome
list_remove(struct mpm_object *self, struct mpm_call *call)
{
    struct list *l = list_of(self);
    size_t at;

    if (!find(l, call, 0, l->items.n, &at))
        return MPM_DONE;
    if (at == l->items.n)
        return mpm_raise(call, MPM_PY_VALUE_ERROR, "list.remove(x): x not in list");
    close_gap(l, at, 1);
    return mpm_return_none(call);
}

/* Are these the items, one by one? False: an exception is set. */
static bool
has_items(struct list *l, struct mpm_call *call, const struct mpm_parts *parts, bool *same)
{
    int r = 1;

    *same = parts->items.n == l->items.n;
    for (size_t i = 0; *same && i < l->items.n; i++) {
        if (!mpm__wanted(call, mpm__part(parts, i)) || (r = mpm__is_wanted(call, &l->items.v[i])) < 0)
            return false;
        *same = r != 0;
    }
    return true;
}

/* Not Python's: what reads the list, thinks and writes it back loses nothing that others did meanwhile. */
static enum mpm_outcome
list_update_if(struct mpm_object *self, struct mpm_call *call)
{
    struct list *l = list_of(self);
    struct mpm_parts expected = { 0 };
    struct mpm_values from = { 0 };
    struct mpm_ref arg = call->args[0];
    int kind = mpm__kind(&arg), r;
    bool same = false, ok;

    if (kind != MPM_K_LIST && kind != MPM_K_TUPLE)
        return kind < 0 ? mpm_raise_code(call, kind) : mpm_raise(call, MPM_PY_TYPE_ERROR, "expected is a list or tuple of items");
    r = mpm__parts(arg, &expected);
    if (r != 0)
        return mpm_raise_code(call, r);
    ok = has_items(l, call, &expected, &same);
    mpm__parts_wipe(&expected);
    if (!ok)
        return MPM_DONE;
    if (same) {
        if (!mpm__iterate(call, call->args[1], &from))
            return MPM_DONE;
        r = replace(l, 0, l->items.n, &from);
        mpm__values_wipe(call->hub, &from);
        if (r != 0)
            return mpm_raise_code(call, r);
    }
    return mpm_return_bool(call, same);
}

static enum mpm_outcome
list_len(struct mpm_object *self, struct mpm_call *call)
{
    return mpm_return_int(call, (int64_t)list_of(self)->items.n);
}

/* --- type --------------------------------------------------------------------------------------------------------- */

static enum mpm_outcome
list_make(struct mpm_object *self, struct mpm_call *call)
{
    struct list *l = list_of(self);
    int r;

    if (!mpm_arg_given(call, 0))
        return mpm_return_none(call);
    if (!mpm__iterate(call, call->args[0], &l->items))
        return MPM_DONE;
    r = mpm_charge(call->hub, l->items.cap * sizeof *l->items.v);
    if (r == 0)
        return mpm_return_none(call);
    mpm__values_wipe(call->hub, &l->items);
    return mpm_raise_code(call, r);
}

static void
list_wipe(struct mpm_object *self)
{
    struct mpm_values *items = &list_of(self)->items;

    mpm_discharge(self->hub, items->cap * sizeof *items->v);
    mpm__values_wipe(self->hub, items);
}

static int
list_items(struct mpm_object *self, struct mpm_call *call, bool pairs, struct mpm_values *out)
{
    struct mpm_values *items = &list_of(self)->items;
    size_t n = items->n; /* it may be added to itself */
    int r = pairs ? MPM_ETYPE : mpm__values_reserve(out, n);

    for (size_t i = 0; r == 0 && i < n; i++) {
        r = mpm_keep_again(call, &items->v[i], &out->v[out->n]);
        out->n += r == 0;
    }
    return r;
}

static int
list_repr(struct mpm_object *self, struct mpm_buf *out)
{
    struct mpm_values *items = &list_of(self)->items;
    int r = 0;

    mpm__buf_u8(out, '[');
    for (size_t i = 0; r == 0 && i < items->n; i++) {
        if (i != 0)
            mpm__buf_put(out, ", ", 2);
        r = mpm__repr_value(&items->v[i], out);
    }
    mpm__buf_u8(out, ']');
    return r != 0 ? r : out->error;
}

static enum mpm_outcome
list_getvalue(struct mpm_object *self, struct mpm_call *call)
{
    return return_all(list_of(self), call);
}

static struct mpm_method list_methods[] = {
    { .name = "__getitem__",  .params = "index /",        .run = list_getitem,  .wording = MPM_W_C_PLAIN },
    { .name = "__setitem__",  .params = "index value /",  .run = list_setitem,  .wording = MPM_W_SLOT },
    { .name = "__len__",      .params = "",               .run = list_len,      .wording = MPM_W_SLOT },
    { .name = "append",       .params = "object /",       .run = list_append,   .wording = MPM_W_C_PLAIN },
    { .name = "extend",       .params = "iterable /",     .run = list_extend,   .wording = MPM_W_C_PLAIN },
    { .name = "pop",          .params = "index=-1 /",     .run = list_pop,      .wording = MPM_W_C_POSITION },
    { .name = "insert",       .params = "index object /", .run = list_insert,   .wording = MPM_W_C_POSITION },
    { .name = "remove",       .params = "value /",        .run = list_remove,   .wording = MPM_W_C_PLAIN },
    { .name = "index",        .params = "value start=0 stop=None /", .run = list_index, .wording = MPM_W_C_POSITION },
    { .name = "count",        .params = "value /",        .run = list_count,    .wording = MPM_W_C_PLAIN },
    { .name = "sort",         .params = "key=None reverse=False", .run = list_sort, .wording = MPM_W_C },
    { .name = "reverse",      .params = "",               .run = list_reverse,  .wording = MPM_W_C_PLAIN },
    { .name = "clear",        .params = "",               .run = list_clear,    .wording = MPM_W_C_PLAIN },
    { .name = "copy",         .params = "",               .run = list_copy,     .wording = MPM_W_C_PLAIN },
    { .name = "update_if",    .params = "expected new",   .run = list_update_if },
    { .name = "__delitem__",  .params = "index /",        .run = list_delitem,  .wording = MPM_W_SLOT },
    { .name = "__contains__", .params = "key /",          .run = list_contains, .wording = MPM_W_SLOT },
    { .name = "__add__",      .params = "value /",        .run = list_add,      .wording = MPM_W_SLOT },
    { .name = "__mul__",      .params = "n /",            .run = list_mul,      .wording = MPM_W_SLOT },
    { .name = "__rmul__",     .params = "n /",            .run = list_mul,      .wording = MPM_W_SLOT },
    { .name = "__imul__",     .params = "n /",            .run = list_imul,     .wording = MPM_W_SLOT },
    { .name = "__reversed__", .params = "",               .run = list_reversed, .wording = MPM_W_C_PLAIN },
    { .name = "__getslice__", .params = "i j /",          .run = list_getslice, .wording = MPM_W_C_POSITION },
    { .name = "__setslice__", .params = "i j values /",   .run = list_setslice, .wording = MPM_W_C_POSITION },
    { .name = "__delslice__", .params = "i j /",          .run = list_delslice, .wording = MPM_W_C_POSITION },
    { 0 }
};

struct mpm_type mpm__type_list = {
    .module = "builtins", .class_name = "list", .size = sizeof(struct list), .params = "iterable=None /",
    .wording = MPM_W_C_POSITION, .make = list_make, .wipe = list_wipe, .methods = list_methods,
    .exposed = "__add__ __contains__ __delitem__ __getitem__ __imul__ __len__ __mul__ __reversed__ __rmul__ __setitem__ append "
               "clear copy count extend index insert pop remove reverse sort __delslice__ __getslice__ __setslice__",
    .auto_exposed = "append clear copy count extend index insert pop remove reverse sort",
    .repr = list_repr, .getvalue = list_getvalue, .is_copied = true, .items = list_items,
};

/*
 * deque.c - collections.deque: values in a ring. Layer: object.
 *
 * Not one of SyncManager's types: a BaseManager's register('deque') makes it known to a client. Both ends cost the
 * same however long it is. What a method needs is stored and room for it is there before anything changes. Source for
 * texts and orders of checks: CPython Modules/_collectionsmodule.c.
 */
#include "object/object.h"

#include <string.h>

#include <mpmd/error.h>

#include "base/alloc.h"
#include "object/items.h"
#include "object/iterable.h"
#include "object/slice.h"
#include "value/repr.h"

/* Room that is left when a deque shrinks; less is not worth the copy. */
#define SPARE_MIN 16
#define UNBOUNDED SIZE_MAX

struct deque {
    struct mpm_object base;
    struct mpm_value *ring; /* counted against --max-memory */
    size_t cap, head, n;    /* item i is ring[(head + i) % cap] */
    size_t maxlen;          /* UNBOUNDED: none */
};

static struct deque *
deque_of(struct mpm_object *self)
{
    return (struct deque *)self;
}

static struct mpm_value *
at(const struct deque *d, size_t i)
{
    size_t place = d->head + i;

    return &d->ring[place >= d->cap ? place - d->cap : place];
}

/* --- room --------------------------------------------------------------------------------------------------------- */

static int
set_room(struct deque *d, size_t cap)
{
    struct mpm_hub *hub = d->base.hub;
    struct mpm_value *ring;
    int r;

    if (cap > SIZE_MAX / sizeof *ring)
        return MPM_ENOMEM;
    if (cap > d->cap && (r = mpm_charge(hub, (cap - d->cap) * sizeof *ring)) != 0)
        return r;
    ring = mpm__resize(NULL, cap, sizeof *ring);
    if (ring == NULL) {
        if (cap > d->cap)
            mpm_discharge(hub, (cap - d->cap) * sizeof *ring);
        return MPM_ENOMEM;
    }
    for (size_t i = 0; i < d->n; i++)
        ring[i] = *at(d, i);
    if (cap < d->cap)
        mpm_discharge(hub, (d->cap - cap) * sizeof *ring);
    mpm__free(d->ring);
    d->ring = ring;
    d->cap = cap;
    d->head = 0;
    return 0;
}

/* Room for n more items. Grows by a quarter, so that each of many appends costs the same. */
static int
reserve(struct deque *d, size_t n)
{
    size_t need = d->n + n;

    if (n <= d->cap - d->n)
        return 0;
    if (need < n || need > SIZE_MAX / 2)
        return MPM_ENOMEM;
    return set_room(d, need + need / 4 + 4) != 0 ? set_room(d, need) : 0; /* a limit may leave that much */
}

/* Gives back room after a removal; that may fail. */
static void
trim(struct deque *d)
{
    if (d->cap / 4 > d->n && d->cap > SPARE_MIN)
        (void)set_room(d, d->n + d->n / 4 + 4);
}

/* --- changes, none of which can fail ------------------------------------------------------------------------------ */

/* There is room for one. Moves the value in. */
static struct mpm_value *
new_last(struct deque *d)
{
    return at(d, d->n++);
}

static struct mpm_value *
new_first(struct deque *d)
{
    d->head = d->head == 0 ? d->cap - 1 : d->head - 1;
    d->n++;
    return at(d, 0);
}

static void
drop_last(struct deque *d)
{
    mpm_forget(d->base.hub, at(d, --d->n));
}

static void
drop_first(struct deque *d)
{
    mpm_forget(d->base.hub, at(d, 0));
    d->head = d->head + 1 == d->cap ? 0 : d->head + 1;
    d->n--;
}

/* Moves the items on the shorter side. */
static void
remove_at(struct deque *d, size_t i)
{
    mpm_forget(d->base.hub, at(d, i));
    if (i < d->n / 2) {
        for (; i > 0; i--)
            *at(d, i) = *at(d, i - 1);
        at(d, 0)->tag = 0;
        drop_first(d);
    } else {
        for (; i + 1 < d->n; i++)
            *at(d, i) = *at(d, i + 1);
        at(d, d->n - 1)->tag = 0;
        drop_last(d);
    }
    trim(d);
}

static void
insert_at(struct deque *d, size_t i, struct mpm_value value)
{
    if (i < d->n / 2) {
        (void)new_first(d);
        for (size_t k = 0; k < i; k++)
            *at(d, k) = *at(d, k + 1);
    } else {
        (void)new_last(d);
        for (size_t k = d->n - 1; k > i; k--)
            *at(d, k) = *at(d, k - 1);
    }
    *at(d, i) = value;
}

/* --- ends --------------------------------------------------------------------------------------------------------- */

/* A full one drops an item at the other end first. */
static enum mpm_outcome
append(struct deque *d, struct mpm_call *call, bool left)
{
    struct mpm_value value;
    int r = d->n < d->maxlen ? reserve(d, 1) : 0;

    if (d->maxlen == 0)
        return mpm_return_none(call);
    if (r == 0)
        r = mpm_keep_arg(call, 0, &value);
    if (r != 0)
        return mpm_raise_code(call, r);
    if (d->n == d->maxlen && left)
        drop_last(d);
    else if (d->n == d->maxlen)
        drop_first(d);
    *(left ? new_first(d) : new_last(d)) = value;
    return mpm_return_none(call);
}

static enum mpm_outcome
deque_append(struct mpm_object *self, struct mpm_call *call)
{
    return append(deque_of(self), call, false);
}

static enum mpm_outcome
deque_appendleft(struct mpm_object *self, struct mpm_call *call)
{
    return append(deque_of(self), call, true);
}

static void
unpop(struct mpm_call *call)
{
    struct deque *d = deque_of(call->object);

    *(call->number != 0 ? new_first(d) : new_last(d)) = call->value; /* trim() leaves room for one */
    call->value = (struct mpm_value){ 0 };
}

static enum mpm_outcome
pop(struct deque *d, struct mpm_call *call, bool left)
{
    struct mpm_value *item;

    if (d->n == 0)
        return mpm_raise(call, MPM_PY_INDEX_ERROR, "pop from an empty deque");
    item = at(d, left ? 0 : d->n - 1);
    mpm_return_value(call, item);
    if (call->result.kind != MPM_R_VALUE)
        return MPM_DONE;
    call->value = *item;
    call->number = left;
    call->untold = unpop;
    *item = (struct mpm_value){ 0 };
    if (left)
        drop_first(d);
    else
        drop_last(d);
    trim(d);
    return MPM_DONE;
}

static enum mpm_outcome
deque_pop(struct mpm_object *self, struct mpm_call *call)
{
    return pop(deque_of(self), call, false);
}

static enum mpm_outcome
deque_popleft(struct mpm_object *self, struct mpm_call *call)
{
    return pop(deque_of(self), call, true);
}

/* --- many items --------------------------------------------------------------------------------------------------- */

/* Items of *from go to one end, one after the other; what is too many leaves at the other. Those that are moved are
 * empty then. */
static int
extend(struct deque *d, struct mpm_values *from, bool left)
{
    size_t stay = from->n < d->maxlen ? from->n : d->maxlen, over;
    int r;

    over = stay > d->maxlen - d->n ? stay - (d->maxlen - d->n) : 0;
    r = reserve(d, stay - over);
    if (r != 0)
        return r;
    for (; over != 0; over--) {
        if (left)
            drop_last(d);
        else
            drop_first(d);
    }
    for (size_t i = from->n - stay; i < from->n; i++) {
        *(left ? new_first(d) : new_last(d)) = from->v[i];
        from->v[i].tag = 0;
    }
    return 0;
}

static enum mpm_outcome
extend_by_arg(struct deque *d, struct mpm_call *call, bool left)
{
    struct mpm_values from = { 0 };
    int r;

    if (!mpm__iterate(call, call->args[0], &from))
        return MPM_DONE;
    r = extend(d, &from, left);
    mpm__values_wipe(call->hub, &from);
    return r == 0 ? mpm_return_none(call) : mpm_raise_code(call, r);
}

static enum mpm_outcome
deque_extend(struct mpm_object *self, struct mpm_call *call)
{
    return extend_by_arg(deque_of(self), call, false);
}

static enum mpm_outcome
deque_extendleft(struct mpm_object *self, struct mpm_call *call)
{
    return extend_by_arg(deque_of(self), call, true);
}

static enum mpm_outcome
deque_clear(struct mpm_object *self, struct mpm_call *call)
{
    struct deque *d = deque_of(self);

    while (d->n != 0)
        drop_last(d);
    trim(d);
    return mpm_return_none(call);
}

static enum mpm_outcome
deque_reverse(struct mpm_object *self, struct mpm_call *call)
{
    struct deque *d = deque_of(self);

    for (size_t i = 0, k = d->n; i + 1 < k; i++) {
        struct mpm_value first = *at(d, i);

        *at(d, i) = *at(d, --k);
        *at(d, k) = first;
    }
    return mpm_return_none(call);
}

static enum mpm_outcome
deque_rotate(struct mpm_object *self, struct mpm_call *call)
{
    struct deque *d = deque_of(self);
    int64_t steps, n = (int64_t)d->n;

    if (!mpm__plain_index(call, 0, "Python int too large to convert to C ssize_t", &steps))
        return MPM_DONE;
    if (n == 0)
        return mpm_return_none(call);
    steps %= n;
    if (steps > n / 2)
        steps -= n;
    else if (steps < -(n / 2))
        steps += n;
    for (; steps > 0; steps--) { /* the last item's place may be that of the new first */
        struct mpm_value last = *at(d, --d->n);

        *new_first(d) = last;
    }
    for (; steps < 0; steps++) {
        struct mpm_value first = *at(d, 0);

        d->head = d->head + 1 == d->cap ? 0 : d->head + 1;
        d->n--;
        *new_last(d) = first;
    }
    return mpm_return_none(call);
}

/* --- items -------------------------------------------------------------------------------------------------------- */

static bool
index_arg(struct deque *d, struct mpm_call *call, size_t *i)
{
    return mpm__subscript(call, 0, d->n, "deque", "deque index out of range", i, NULL) == MPM_SUBSCRIPT_INDEX;
}

static enum mpm_outcome
deque_getitem(struct mpm_object *self, struct mpm_call *call)
{
    struct deque *d = deque_of(self);
    size_t i;

    return index_arg(d, call, &i) ? mpm_return_value(call, at(d, i)) : MPM_DONE;
}

static enum mpm_outcome
deque_setitem(struct mpm_object *self, struct mpm_call *call)
{
    struct deque *d = deque_of(self);
    struct mpm_value value;
    size_t i;
    int r;

    if (!index_arg(d, call, &i))
        return MPM_DONE;
    if ((r = mpm_keep_arg(call, 1, &value)) != 0)
        return mpm_raise_code(call, r);
    mpm_forget(call->hub, at(d, i));
    *at(d, i) = value;
    return mpm_return_none(call);
}

static enum mpm_outcome
deque_delitem(struct mpm_object *self, struct mpm_call *call)
{
    struct deque *d = deque_of(self);
    size_t i;

    if (!index_arg(d, call, &i))
        return MPM_DONE;
    remove_at(d, i);
    return mpm_return_none(call);
}

static enum mpm_outcome
deque_insert(struct mpm_object *self, struct mpm_call *call)
{
    struct deque *d = deque_of(self);
    struct mpm_value value;
    size_t i;
    int r;

    if (!mpm__insert_index(call, 0, d->n, &i))
        return MPM_DONE;
    if (d->n == d->maxlen)
        return mpm_raise(call, MPM_PY_INDEX_ERROR, "deque already at its maximum size");
    r = reserve(d, 1);
    if (r == 0)
        r = mpm_keep_arg(call, 1, &value);
    if (r != 0)
        return mpm_raise_code(call, r);
    insert_at(d, i, value);
    return mpm_return_none(call);
}

/* The first of items from..to that is wanted: its place, or `to`. False: an exception is set. */
static bool
find(struct deque *d, struct mpm_call *call, size_t from, size_t to, size_t *i)
{
    int r = 0;

    if (!mpm__wanted(call, call->args[0]))
        return false;
    for (*i = from; *i < to; ++*i)
        if ((r = mpm__is_wanted(call, at(d, *i))) != 0)
            break;
    return r >= 0;
}

static enum mpm_outcome
deque_contains(struct mpm_object *self, struct mpm_call *call)
{
    struct deque *d = deque_of(self);
    size_t i;

    return find(d, call, 0, d->n, &i) ? mpm_return_bool(call, i < d->n) : MPM_DONE;
}

static enum mpm_outcome
deque_count(struct mpm_object *self, struct mpm_call *call)
{
    struct deque *d = deque_of(self);
    int64_t n = 0;
    int r;

    if (!mpm__wanted(call, call->args[0]))
        return MPM_DONE;
    for (size_t i = 0; i < d->n; i++) {
        if ((r = mpm__is_wanted(call, at(d, i))) < 0)
            return MPM_DONE;
        n += r;
    }
    return mpm_return_int(call, n);
}

static enum mpm_outcome
deque_index(struct mpm_object *self, struct mpm_call *call)
{
    struct deque *d = deque_of(self);
    size_t from, to, i;

    if (!mpm__clamped_index(call, 1, d->n, &from) || !mpm__clamped_index(call, 2, d->n, &to))
        return MPM_DONE;
    if (to < from)
        to = from;
    if (!find(d, call, from, to, &i))
        return MPM_DONE;
    return i < to ? mpm_return_int(call, (int64_t)i) : mpm__raise_not_in(call, call->args[0], "deque");
}

static enum mpm_outcome
deque_remove(struct mpm_object *self, struct mpm_call *call)
{
    struct deque *d = deque_of(self);
    size_t i;

    if (!find(d, call, 0, d->n, &i))
        return MPM_DONE;
    if (i == d->n)
        return mpm__raise_not_in(call, call->args[0], "deque");
    remove_at(d, i);
    return mpm_return_none(call);
}

static enum mpm_outcome
deque_len(struct mpm_object *self, struct mpm_call *call)
{
    return mpm_return_int(call, (int64_t)deque_of(self)->n);
}

/* --- copies ------------------------------------------------------------------------------------------------------- */

/* All items, for an object or an empty list that was just written. */
static void
write_items(struct deque *d, struct mpm_writer *w)
{
    struct mpm_sharing sharing = { 0 };

    if (d->n == 0)
        return;
    mpm_write_mark(w);
    for (size_t i = 0; i < d->n; i++)
        mpm_write_shared(w, &sharing, at(d, i), false);
    mpm_write_appends(w);
    mpm_sharing_wipe(&sharing);
}

static enum mpm_outcome
deque_getvalue(struct mpm_object *self, struct mpm_call *call)
{
    struct deque *d = deque_of(self);
    struct mpm_writer *w = mpm_result_writer(call);

    mpm_write_global(w, "collections", "deque");
    if (d->maxlen != UNBOUNDED) {
        mpm_write_tuple_n(w, 0);
        mpm_write_int(w, (int64_t)d->maxlen);
    }
    mpm_write_tuple_n(w, d->maxlen != UNBOUNDED ? 2 : 0);
    mpm_write_reduce(w);
    write_items(d, w);
    return mpm_return_built(call);
}

/* An iterator over a copy, as CPython's is once it has arrived; of a list, which every Python can have. */
static enum mpm_outcome
return_iterator(struct deque *d, struct mpm_call *call, const char *function)
{
    struct mpm_writer *w = mpm_result_writer(call);

    mpm_write_global(w, "builtins", function);
    mpm_write_empty_list(w);
    write_items(d, w);
    mpm_write_tuple_n(w, 1);
    mpm_write_reduce(w);
    return mpm_return_built(call);
}

static enum mpm_outcome
deque_iter(struct mpm_object *self, struct mpm_call *call)
{
    return return_iterator(deque_of(self), call, "iter");
}

static enum mpm_outcome
deque_reversed(struct mpm_object *self, struct mpm_call *call)
{
    return return_iterator(deque_of(self), call, "reversed");
}

/* --- type --------------------------------------------------------------------------------------------------------- */

/* False: an exception is set. */
static bool
read_maxlen(struct mpm_call *call, int i, size_t *out)
{
    int64_t v = 0;
    int r;

    *out = UNBOUNDED;
    if (mpm_arg_is_none(call, i))
        return true;
    r = mpm_arg_int64(call, i, &v);
    if (r == MPM_ETYPE)
        mpm_raise(call, MPM_PY_TYPE_ERROR, "an integer is required");
    else if (r == MPM_ERANGE)
        mpm_raise(call, MPM_PY_OVERFLOW_ERROR, "Python int too large to convert to C ssize_t");
    else if (r != 0)
        mpm_raise_code(call, r);
    else if (v < 0)
        mpm_raise(call, MPM_PY_VALUE_ERROR, "maxlen must be non-negative");
    *out = (size_t)v;
    return r == 0 && v >= 0;
}

static enum mpm_outcome
deque_make(struct mpm_object *self, struct mpm_call *call)
{
    struct deque *d = deque_of(self);

    if (!read_maxlen(call, 1, &d->maxlen))
        return MPM_DONE;
    return mpm_arg_given(call, 0) ? extend_by_arg(d, call, false) : mpm_return_none(call);
}

static void
deque_wipe(struct mpm_object *self)
{
    struct deque *d = deque_of(self);

    while (d->n != 0)
        drop_last(d);
    mpm_discharge(self->hub, d->cap * sizeof *d->ring);
    mpm__free(d->ring);
}

static int
deque_items(struct mpm_object *self, struct mpm_call *call, bool pairs, struct mpm_values *out)
{
    struct deque *d = deque_of(self);
    int r = pairs ? MPM_ETYPE : mpm__values_reserve(out, d->n);

    for (size_t i = 0; r == 0 && i < d->n; i++) {
        r = mpm_keep_again(call, at(d, i), &out->v[out->n]);
        out->n += r == 0;
    }
    return r;
}

static int
deque_repr(struct mpm_object *self, struct mpm_buf *out)
{
    struct deque *d = deque_of(self);
    int r = 0;

    mpm__buf_text(out, "deque([");
    for (size_t i = 0; r == 0 && i < d->n; i++) {
        if (i != 0)
            mpm__buf_put(out, ", ", 2);
        r = mpm__repr_value(at(d, i), out);
    }
    if (d->maxlen != UNBOUNDED)
        mpm__buf_printf(out, "], maxlen=%zu)", d->maxlen);
    else
        mpm__buf_text(out, "])");
    return r != 0 ? r : out->error;
}

static struct mpm_method deque_methods[] = {
    { .name = "append",       .params = "item /",         .run = deque_append,     .wording = MPM_W_C_PLAIN },
    { .name = "appendleft",   .params = "item /",         .run = deque_appendleft, .wording = MPM_W_C_PLAIN },
    { .name = "pop",          .params = "",               .run = deque_pop,        .wording = MPM_W_C_PLAIN },
    { .name = "popleft",      .params = "",               .run = deque_popleft,    .wording = MPM_W_C_PLAIN },
    { .name = "__len__",      .params = "",               .run = deque_len,        .wording = MPM_W_SLOT },
    { .name = "extend",       .params = "iterable /",     .run = deque_extend,     .wording = MPM_W_C_PLAIN },
    { .name = "extendleft",   .params = "iterable /",     .run = deque_extendleft, .wording = MPM_W_C_PLAIN },
    { .name = "__getitem__",  .params = "index /",        .run = deque_getitem,    .wording = MPM_W_SLOT },
    { .name = "__setitem__",  .params = "index value /",  .run = deque_setitem,    .wording = MPM_W_SLOT },
    { .name = "__delitem__",  .params = "index /",        .run = deque_delitem,    .wording = MPM_W_SLOT },
    { .name = "__contains__", .params = "key /",          .run = deque_contains,   .wording = MPM_W_SLOT },
    { .name = "__iter__",     .params = "",               .run = deque_iter,       .wording = MPM_W_SLOT },
    { .name = "__reversed__", .params = "",               .run = deque_reversed,   .wording = MPM_W_C_PLAIN },
    { .name = "clear",        .params = "",               .run = deque_clear,      .wording = MPM_W_C_PLAIN },
    { .name = "copy",         .params = "",               .run = deque_getvalue,   .wording = MPM_W_C_PLAIN },
    { .name = "count",        .params = "value /",        .run = deque_count,      .wording = MPM_W_C_PLAIN },
    { .name = "index",        .params = "value start=0 stop=None /", .run = deque_index, .wording = MPM_W_C_POSITION },
    { .name = "insert",       .params = "index value /",  .run = deque_insert,     .wording = MPM_W_C_POSITION },
    { .name = "remove",       .params = "value /",        .run = deque_remove,     .wording = MPM_W_C_PLAIN },
    { .name = "reverse",      .params = "",               .run = deque_reverse,    .wording = MPM_W_C_PLAIN },
    { .name = "rotate",       .params = "n=1 /",          .run = deque_rotate,     .wording = MPM_W_C_POSITION },
    { 0 }
};

struct mpm_type mpm__type_deque = {
    .module = "collections", .class_name = "deque", .size = sizeof(struct deque), .params = "iterable=None maxlen=None",
    .wording = MPM_W_C, .make = deque_make, .wipe = deque_wipe, .methods = deque_methods,
    .exposed = "append appendleft clear copy count extend extendleft index insert pop popleft remove reverse rotate __contains__ "
               "__delitem__ __getitem__ __iter__ __len__ __reversed__ __setitem__",
    .auto_exposed = "append appendleft clear copy count extend extendleft index insert pop popleft remove reverse rotate",
    .repr = deque_repr, .getvalue = deque_getvalue, .is_copied = true, .items = deque_items,
};

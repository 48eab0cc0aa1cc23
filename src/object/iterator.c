/*
 * iterator.c - Iterator: what `__iter__` of a dict gives, and what `create` takes as an iterator. Layer: object.
 *
 * One over a dict is a place in its table, which it keeps alive, and behaves as CPython's when that changes
 * meanwhile; one that was sent holds the items that were still to come. Anything else that `create` is given becomes
 * the object itself, as in CPython, and has no methods. Source: CPython 3.13, Objects/dictobject.c,
 * dictiter_iternextkey().
 */
#include "object/iterator.h"

#include <mpmd/error.h>

#include "object/iterable.h"
#include "value/repr.h"

#define CHANGED UINT32_MAX

struct iterator {
    struct mpm_object base;
    struct mpm_dict *dict;   /* NULL: none, or at its end */
    struct mpm_pins *pin;    /* keeps the dict, which may contain the iterator */
    uint32_t place;          /* in its table */
    uint32_t size;           /* that the dict had; CHANGED: it has been another, which is for good */
    uint32_t left;           /* entries still to come */
    struct mpm_values items; /* without a dict */
    size_t at;               /* in items */
    const char *class_name;
    struct mpm_value value;  /* what is no iterator */
};

static struct mpm_type not_an_iterator;

static struct iterator *
iterator_of(struct mpm_object *self)
{
    return (struct iterator *)self;
}

/* --- a dict ------------------------------------------------------------------------------------------------------- */

enum mpm_outcome
mpm__iterator_return(struct mpm_call *call, struct mpm_dict *dict)
{
    struct mpm_object *object = mpm_object_new(call, "Iterator");
    struct iterator *it = iterator_of(object);

    if (object == NULL)
        return MPM_DONE;
    it->pin = mpm_object_pin(object, &dict->base);
    if (it->pin == NULL) {
        mpm_object_drop(object);
        return mpm_raise_code(call, MPM_ENOMEM);
    }
    it->dict = dict;
    it->size = it->left = dict->table.map.n;
    it->class_name = "dict_keyiterator";
    return mpm_return_object(call, object);
}

static void
let_go(struct iterator *it)
{
    struct mpm_pins *pin = it->pin;

    it->dict = NULL;
    it->pin = NULL;
    mpm_object_unpin(pin);
}

/* False: an exception is set. */
static bool
is_unchanged(struct iterator *it, struct mpm_call *call)
{
    if (it->size == it->dict->table.map.n)
        return true;
    it->size = CHANGED;
    mpm_raise(call, MPM_PY_RUNTIME_ERROR, "dictionary changed size during iteration");
    return false;
}

static enum mpm_outcome
next_key(struct iterator *it, struct mpm_call *call)
{
    const struct mpm_map *map = &it->dict->table.map;
    struct mpm_map_entry *e;

    if (!is_unchanged(it, call))
        return MPM_DONE;
    e = mpm__map_from(map, it->place);
    if (e == NULL) {
        let_go(it);
        return mpm_raise(call, MPM_PY_STOP_ITERATION, NULL);
    }
    if (it->left == 0) {
        let_go(it);
        return mpm_raise(call, MPM_PY_RUNTIME_ERROR, "dictionary keys changed during iteration");
    }
    mpm_return_value(call, mpm__key_of(e));
    if (call->result.kind != MPM_R_ERROR) {
        it->place = mpm__map_place(map, e) + 1;
        it->left--;
    }
    return MPM_DONE;
}

/* --- items -------------------------------------------------------------------------------------------------------- */

static enum mpm_outcome
next_item(struct iterator *it, struct mpm_call *call)
{
    struct mpm_value *v = &it->items.v[it->at];

    mpm_return_value(call, v);
    if (call->result.kind == MPM_R_ERROR)
        return MPM_DONE;
    mpm_forget(call->hub, v);
    it->at++;
    return MPM_DONE;
}

/* What Python calls the iterator that the argument is, by what it iterates over; NULL: it is none. Returns 0 or
 * MPM_ENOMEM. */
static int
class_of_iterator(struct mpm_ref ref, const char **class_name)
{
    static const char *const names[] = {
        [MPM_K_STR] = "str_ascii_iterator", [MPM_K_BYTES] = "bytes_iterator", [MPM_K_BYTEARRAY] = "bytearray_iterator",
        [MPM_K_TUPLE] = "tuple_iterator", [MPM_K_LIST] = "list_iterator", [MPM_K_OBJECT] = "range_iterator",
    };
    static const struct {
        const char *name, *shown;
    } calls[] = {
        { "iter", "iterator" }, { "reversed", "list_reverseiterator" }, { "enumerate", "enumerate" }, { "zip", "zip" },
    };
    struct mpm_parts parts = { 0 }, args = { 0 };
    const uint8_t *module, *name;
    size_t module_len, len, i, n = sizeof calls / sizeof *calls;
    struct mpm_ref over;
    int r = mpm__kind(&ref);

    *class_name = NULL;
    if (r != MPM_K_OBJECT)
        return r < 0 ? r : 0;
    r = mpm__read_global(ref, &module, &module_len, &name, &len);
    if (r != 0)
        return r == MPM_ENOMEM ? r : 0;
    if (!(module_len == 8 && memcmp(module, "builtins", 8) == 0) &&
        !(module_len == 11 && memcmp(module, "__builtin__", 11) == 0))
        return 0;
    for (i = 0; i < n && !(len == strlen(calls[i].name) && memcmp(name, calls[i].name, len) == 0); i++)
        ;
    *class_name = i < n ? calls[i].shown : NULL;
    if (i != 0)
        return 0;
    r = mpm__parts(ref, &parts);
    if (r == 0)
        r = mpm__parts(mpm__part(&parts, 1), &args);
    if (r == 0 && args.items.n > 0) {
        over = mpm__part(&args, 0);
        r = mpm__kind(&over);
        if (r > 0 && r < (int)(sizeof names / sizeof *names) && names[r] != NULL)
            *class_name = names[r];
    }
    mpm__parts_wipe(&parts);
    mpm__parts_wipe(&args);
    return r == MPM_ENOMEM ? r : 0;
}

/* 1, 0 or MPM_ENOMEM. */
static int
has_keywords(struct mpm_call *call)
{
    struct mpm_parts parts = { 0 };
    int r = mpm__parts(call->args[MPM_ALL_KWDS], &parts);

    if (r == 0)
        r = parts.items.n != 0;
    mpm__parts_wipe(&parts);
    return r;
}

static enum mpm_outcome
iterator_make(struct mpm_object *self, struct mpm_call *call)
{
    struct iterator *it = iterator_of(self);
    int r = has_keywords(call);

    if (r < 0)
        return mpm_raise_code(call, r);
    if (!mpm_arg_given(call, 0) || mpm_arg_given(call, 1) || r != 0)
        return mpm_raise(call, MPM_PY_VALUE_ERROR, "Without callable, must have one non-keyword argument");
    r = class_of_iterator(call->args[0], &it->class_name);
    if (r != 0)
        return mpm_raise_code(call, r);
    if (it->class_name != NULL) {
        if (mpm__iterate(call, call->args[0], &it->items))
            mpm_return_none(call);
        else
            mpm__values_wipe(call->hub, &it->items);
        return MPM_DONE;
    }
    if ((r = mpm_keep_arg(call, 0, &it->value)) != 0)
        return mpm_raise_code(call, r);
    self->type = &not_an_iterator;
    return mpm_return_none(call);
}

/* --- both --------------------------------------------------------------------------------------------------------- */

static enum mpm_outcome
iterator_next(struct mpm_object *self, struct mpm_call *call)
{
    struct iterator *it = iterator_of(self);

    if (it->dict != NULL)
        return next_key(it, call);
    return it->at < it->items.n ? next_item(it, call) : mpm_raise(call, MPM_PY_STOP_ITERATION, NULL);
}

/* iter() of a list of what is still to come, as CPython pickles it. */
static enum mpm_outcome
iterator_getvalue(struct mpm_object *self, struct mpm_call *call)
{
    struct iterator *it = iterator_of(self);
    struct mpm_writer *w = mpm_result_writer(call);
    struct mpm_sharing sharing = { 0 };
    struct mpm_map_entry *e = NULL;
    size_t left = it->dict != NULL ? it->left : it->items.n - it->at;

    if (it->dict != NULL && !is_unchanged(it, call))
        return MPM_DONE;
    mpm_write_global(w, "builtins", "iter");
    mpm_write_empty_list(w);
    if (left != 0)
        mpm_write_mark(w);
    for (size_t i = 0; i < left; i++) {
        if (it->dict == NULL) {
            mpm_write_shared(w, &sharing, &it->items.v[it->at + i], false);
            continue;
        }
        e = e == NULL ? mpm__map_from(&it->dict->table.map, it->place) : mpm__map_next(&it->dict->table.map, e);
        if (e == NULL)
            break;
        mpm_write_value(w, mpm__key_of(e));
    }
    if (left != 0)
        mpm_write_appends(w);
    mpm_sharing_wipe(&sharing);
    mpm_write_tuple_n(w, 1);
    mpm_write_reduce(w);
    return mpm_return_built(call);
}

static void
iterator_wipe(struct mpm_object *self)
{
    struct iterator *it = iterator_of(self);

    let_go(it);
    mpm__values_wipe(self->hub, &it->items);
    mpm_forget(self->hub, &it->value);
}

static int
iterator_repr(struct mpm_object *self, struct mpm_buf *out)
{
    mpm__buf_printf(out, "<%s object at 0x%llx>", iterator_of(self)->class_name, (unsigned long long)self->id);
    return out->error;
}

/* send, throw and close are exposed, as CPython has it, but only generators have them. */
static struct mpm_method iterator_methods[] = {
    { .name = "__next__", .params = "", .run = iterator_next, .wording = MPM_W_SLOT },
    { .name = "next",     .params = "", .run = iterator_next, .wording = MPM_W_SLOT }, /* Python 2.7 */
    { 0 }
};

#define EXPOSED "__next__ send throw close"

struct mpm_type mpm__type_iterator = {
    .module = "builtins", .class_name = "dict_keyiterator", .size = sizeof(struct iterator),
    .params = "object=None other=None / *args **kwds", .make = iterator_make, .wipe = iterator_wipe,
    .methods = iterator_methods, .exposed = EXPOSED, .auto_exposed = "",
    .repr = iterator_repr, .getvalue = iterator_getvalue,
};

/* --- what is no iterator ------------------------------------------------------------------------------------------ */

static int
other_repr(struct mpm_object *self, struct mpm_buf *out)
{
    return mpm__repr_value(&iterator_of(self)->value, out);
}

static enum mpm_outcome
other_getvalue(struct mpm_object *self, struct mpm_call *call)
{
    return mpm_return_value(call, &iterator_of(self)->value);
}

static struct mpm_method no_methods[] = { { 0 } };

static struct mpm_type not_an_iterator = {
    .module = "builtins", .class_name = "object", .size = sizeof(struct iterator), .params = "",
    .wipe = iterator_wipe, .methods = no_methods, .exposed = EXPOSED, .auto_exposed = "",
    .repr = other_repr, .getvalue = other_getvalue,
};

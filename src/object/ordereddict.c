/*
 * ordereddict.c - collections.OrderedDict: a dict whose ends can be taken from and moved to. Layer: object.
 *
 * Not among what a SyncManager registers: `register('OrderedDict')` on a BaseManager gives an AutoProxy, so dunders
 * are exposed that make it useful, and iterating is one request. `__or__` and kin are not: `proxy |= x` would rebind
 * the name to a plain OrderedDict. Source of texts: CPython 3.13, Objects/odictobject.c.
 */
#include <mpmd/error.h>

#include "object/dict.h"

static struct mpm_dict *
dict_of(struct mpm_object *self)
{
    return (struct mpm_dict *)self;
}

static enum mpm_outcome
popitem(struct mpm_object *self, struct mpm_call *call)
{
    const struct mpm_map *map = &dict_of(self)->table.map;
    int last = mpm_arg_truth(call, 0);

    if (last < 0)
        return mpm_raise_code(call, last);
    if (map->n == 0)
        return mpm_raise(call, MPM_PY_KEY_ERROR, "dictionary is empty");
    return mpm__dict_take(self, call, last ? mpm__map_last(map) : mpm__map_next(map, NULL));
}

static enum mpm_outcome
move_to_end(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_table *t = &dict_of(self)->table;
    struct mpm_map_entry *e, *moved;
    struct mpm_key key;
    int last = mpm_arg_truth(call, 1), r;

    if (last < 0)
        return mpm_raise_code(call, last);
    if (t->map.n == 0) /* CPython does not look at the key */
        return mpm_raise_ref(call, MPM_PY_KEY_ERROR, call->args[0]);
    /* room first: making it may move the entry */
    r = last ? mpm__table_reserve(call, t, 1) : mpm__table_reserve_first(call, t);
    if (r != 0)
        return mpm_raise_code(call, r);
    if (!mpm__dict_find(self, call, 0, &key, &e))
        return MPM_DONE;
    if (e == NULL)
        return mpm_raise_ref(call, MPM_PY_KEY_ERROR, call->args[0]);
    if (e != (last ? mpm__map_last(&t->map) : mpm__map_next(&t->map, NULL))) {
        moved = last ? mpm__map_add(&t->map, e->hash) : mpm__map_add_first(&t->map, e->hash);
        *mpm__key_of(moved) = *mpm__key_of(e);
        *mpm__value_of(moved) = *mpm__value_of(e);
        mpm__map_remove(&t->map, e);
    }
    return mpm_return_none(call);
}

/* --- equality ----------------------------------------------------------------------------------------------------- */

/* Whether both have the same keys and values, in the same order if that counts. 1, 0, MPM_ELIMIT or MPM_ENOMEM. */
static int
is_equal(struct mpm_call *call, const struct mpm_table *own, const struct mpm_table *other, bool in_order)
{
    struct mpm_canon *wanted = mpm_hub_canon(call->hub, 2), *scratch = mpm_hub_canon(call->hub, 1);
    struct mpm_map_entry *e = NULL, *same, *at = NULL;
    int r;

    if (own->map.n != other->map.n)
        return 0;
    while ((e = mpm__map_next(&other->map, e)) != NULL) {
        at = mpm__map_next(&own->map, at);
        same = mpm__table_find_as(call, own, e, &r);
        if (same == NULL || (in_order && same != at))
            return r;
        if ((r = mpm__canon_value(mpm__value_of(e), wanted)) != 0)
            return r;
        if (wanted->is_nan || (r = mpm__canon_equals(mpm__value_of(same), wanted, scratch)) != 1)
            return wanted->is_nan ? 0 : r;
    }
    return 1;
}

/* With another OrderedDict the order counts, with a dict it does not. 1, 0 or MPM_ENOMEM. */
static int
is_ordered(struct mpm_call *call, struct mpm_ref ref)
{
    const struct mpm_object *object = mpm_object_of(call, ref);
    const uint8_t *module, *name;
    size_t module_len, len;
    int r;

    if (object != NULL)
        return object->type == call->object->type;
    r = mpm__kind(&ref);
    if (r != MPM_K_OBJECT)
        return r < 0 ? r : 0;
    r = mpm__read_global(ref, &module, &module_len, &name, &len);
    return r == 0 ? len == 11 && memcmp(name, "OrderedDict", 11) == 0 : r == MPM_ENOMEM ? r : 0;
}

static enum mpm_outcome
compare(struct mpm_object *self, struct mpm_call *call, bool wanted)
{
    struct mpm_table other;
    int in_order = is_ordered(call, call->args[0]), r;

    if (in_order < 0)
        return mpm_raise_code(call, in_order);
    r = mpm__dict_read_mapping(call, call->args[0], &other);
    if (r <= 0)
        return r == 0 ? mpm__dict_return_not_implemented(call) : MPM_DONE;
    r = is_equal(call, &dict_of(self)->table, &other, in_order);
    mpm__table_wipe(call->hub, &other);
    if (r == MPM_ELIMIT)
        return mpm_raise(call, MPM_PY_RECURSION_ERROR, "maximum recursion depth exceeded in comparison");
    return r >= 0 ? mpm_return_bool(call, (r == 1) == wanted) : mpm_raise_code(call, r);
}

static enum mpm_outcome
equal(struct mpm_object *self, struct mpm_call *call)
{
    return compare(self, call, true);
}

static enum mpm_outcome
unequal(struct mpm_object *self, struct mpm_call *call)
{
    return compare(self, call, false);
}

/* --- type --------------------------------------------------------------------------------------------------------- */

/* More than one argument by position is complained of in words of its own. False: an exception is set. */
static bool
has_one_argument(struct mpm_call *call)
{
    struct mpm_parts args = { 0 };
    int r;

    if (!mpm_arg_given(call, 1))
        return true;
    r = mpm__parts(call->args[MPM_ALL_ARGS], &args);
    if (r != 0)
        mpm_raise_code(call, r);
    else if (call->method != NULL)
        mpm_raise(call, MPM_PY_TYPE_ERROR, "update() takes at most 1 positional argument (%zu given)", args.items.n);
    else /* the typeid is among them */
        mpm_raise(call, MPM_PY_TYPE_ERROR, "expected at most 1 arguments, got %zu", args.items.n - 1);
    mpm__parts_wipe(&args);
    return false;
}

static enum mpm_outcome
update(struct mpm_object *self, struct mpm_call *call)
{
    return has_one_argument(call) ? mpm__dict_update(self, call) : MPM_DONE;
}

static enum mpm_outcome
make(struct mpm_object *self, struct mpm_call *call)
{
    dict_of(self)->is_ordered = true;
    return update(self, call);
}

static enum mpm_outcome
iter(struct mpm_object *self, struct mpm_call *call)
{
    return mpm__dict_return_keys(self, call, false);
}

static struct mpm_method ordered_methods[] = {
    { .name = "__getitem__",  .params = "key",       .run = mpm__dict_getitem,  .wording = MPM_W_C_PLAIN },
    { .name = "__setitem__",  .params = "key value", .run = mpm__dict_setitem,  .wording = MPM_W_SLOT },
    { .name = "get",          .params = "key default=None", .run = mpm__dict_get, .wording = MPM_W_C_POSITION },
    { .name = "__contains__", .params = "key",       .run = mpm__dict_contains, .wording = MPM_W_C_PLAIN },
    { .name = "__delitem__",  .params = "key",       .run = mpm__dict_delitem,  .wording = MPM_W_SLOT },
    { .name = "__eq__",       .params = "other",     .run = equal,              .wording = MPM_W_SLOT },
    { .name = "__ne__",       .params = "other",     .run = unequal,            .wording = MPM_W_SLOT },
    { .name = "__len__",      .params = "",          .run = mpm__dict_len,      .wording = MPM_W_SLOT },
    { .name = "__iter__",     .params = "",          .run = iter,               .wording = MPM_W_SLOT },
    { .name = "__or__",       .params = "other",     .run = mpm__dict_or,       .wording = MPM_W_SLOT },
    { .name = "__ior__",      .params = "other",     .run = mpm__dict_ior,      .wording = MPM_W_SLOT },
    { .name = "__ror__",      .params = "other",     .run = mpm__dict_ror,      .wording = MPM_W_SLOT },
    { .name = "__reversed__", .params = "",          .run = mpm__dict_reversed, .wording = MPM_W_C_PLAIN },
    { .name = "clear",        .params = "",          .run = mpm__dict_clear,    .wording = MPM_W_C_PLAIN },
    { .name = "copy",         .params = "",          .run = mpm__dict_copy,     .wording = MPM_W_C_PLAIN },
    { .name = "fromkeys",     .params = "iterable value=None", .run = mpm__dict_fromkeys, .wording = MPM_W_C },
    { .name = "items",        .params = "",          .run = mpm__dict_items,    .wording = MPM_W_C_PLAIN },
    { .name = "keys",         .params = "",          .run = mpm__dict_keys,     .wording = MPM_W_C_PLAIN },
    { .name = "move_to_end",  .params = "key last=True", .run = move_to_end,    .wording = MPM_W_C },
    { .name = "pop",          .params = "key default=None", .run = mpm__dict_pop, .wording = MPM_W_C },
    { .name = "popitem",      .params = "last=True", .run = popitem,            .wording = MPM_W_C },
    { .name = "setdefault",   .params = "key default=None", .run = mpm__dict_setdefault, .wording = MPM_W_C },
    { .name = "update",       .params = "other=None more=None / *args **kwds", .run = update,
      .wording = MPM_W_C_POSITION },
    { .name = "values",       .params = "",          .run = mpm__dict_values,   .wording = MPM_W_C_PLAIN },
    { .name = "increment",    .params = "key n=1",   .run = mpm__dict_increment },
    { .name = "compare_and_set", .params = "key expected new", .run = mpm__dict_compare_and_set },
    { .name = "update_if",    .params = "key expected new", .run = mpm__dict_compare_and_set },
    { 0 }
};

#define EXPOSED \
    "__contains__ __delitem__ __eq__ __getitem__ __iter__ __len__ __ne__ __reversed__ __setitem__ clear compare_and_set " \
    "copy fromkeys get increment items keys move_to_end pop popitem setdefault update update_if values"

struct mpm_type mpm__type_ordered_dict = {
    .module = "collections", .class_name = "OrderedDict", .size = sizeof(struct mpm_dict),
    .params = "other=None more=None / *args **kwds", .wording = MPM_W_C_POSITION,
    .make = make, .wipe = mpm__dict_wipe, .methods = ordered_methods, .exposed = EXPOSED, .auto_exposed = EXPOSED,
    .repr = mpm__dict_repr, .getvalue = mpm__dict_copy, .is_copied = true, .items = mpm__dict_all,
};

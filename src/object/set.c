/*
 * set.c - the builtin set. Layer: object.
 *
 * A table without values. What an argument contains is found out before anything changes, so an update is done whole
 * or not at all. Where CPython keeps one of two equal items (1 and True), the same one is kept here. The order is that
 * of insertion. Source of texts: CPython 3.13, Objects/setobject.c.
 */
#include <string.h>

#include <mpmd/error.h>

#include "base/alloc.h"
#include "object/iterable.h"
#include "object/table.h"
#include "value/repr.h"

struct set {
    struct mpm_object base;
    struct mpm_table table;
};

extern struct mpm_type mpm__type_set;

static struct mpm_table *
table_of(struct mpm_object *self)
{
    return &((struct set *)(void *)self)->table;
}

/* --- arguments ---------------------------------------------------------------------------------------------------- */

enum operand { OTHER = 0, SET, FROZENSET };

/* Whether a value is a set: an operator takes nothing else. Older protocols write them as calls. Or MPM_ENOMEM. */
static int
operand_of(struct mpm_call *call, struct mpm_ref ref)
{
    const uint8_t *module, *name;
    size_t module_len, name_len;
    const struct mpm_object *object;
    int r, kind = mpm__kind(&ref);

    if (kind == MPM_K_SET || kind == MPM_K_FROZENSET)
        return kind == MPM_K_SET ? SET : FROZENSET;
    if (kind != MPM_K_OBJECT)
        return kind < 0 ? kind : OTHER;
    if ((r = mpm__read_global(ref, &module, &module_len, &name, &name_len)) != 0)
        return r == MPM_ENOMEM ? r : OTHER;
    if ((module_len == 8 && memcmp(module, "builtins", 8) == 0) || (module_len == 11 && memcmp(module, "__builtin__", 11) == 0)) {
        if (name_len == 3 && memcmp(name, "set", 3) == 0)
            return SET;
        return name_len == 9 && memcmp(name, "frozenset", 9) == 0 ? FROZENSET : OTHER;
    }
    object = mpm_object_of(call, ref);
    return object != NULL && object->type == &mpm__type_set ? SET : OTHER;
}

/* The other operand as a table; *operand OTHER: it is none. False: an exception is set. */
static bool read_items(struct mpm_call *call, struct mpm_ref ref, struct mpm_table *out);
static bool
read_operand(struct mpm_call *call, int *operand, struct mpm_table *out)
{
    *operand = operand_of(call, call->args[0]);
    if (*operand < 0)
        mpm_raise_code(call, *operand);
    return *operand >= 0 && (*operand == OTHER || read_items(call, call->args[0], out));
}

/* The entry of argument 0. A set, which cannot be an item, is looked for as the frozenset that it equals. False: an
 * exception is the call's result. */
static bool
find(struct mpm_object *self, struct mpm_call *call, struct mpm_map_entry **e)
{
    struct mpm_key key;
    struct mpm_canon *canon;
    int r;

    if ((r = operand_of(call, call->args[0])) < 0) {
        ;
    } else if (r == SET && mpm_object_of(call, call->args[0]) == NULL) {
        canon = mpm_hub_canon(call->hub, 0);
        r = mpm__canon(call->args[0], canon);
        key = (struct mpm_key){ .canon = canon };
        if (r == 0)
            key.hash = mpm__canon_hash(canon, mpm_hash_key(call->hub));
    } else {
        if (!mpm__key_of_arg(call, 0, &key))
            return false;
        r = 0;
    }
    if (r == 0)
        *e = mpm__table_find(call, table_of(self), &key, &r);
    if (r != 0)
        mpm_raise_code(call, r);
    return r == 0;
}

/* Stored values become items of a table; equal ones are there once. False: an exception is set, the table is to be
 * wiped. */
static bool
fill(struct mpm_call *call, struct mpm_values *values, struct mpm_table *t)
{
    int r = mpm__table_reserve(call, t, values->n);

    for (size_t i = 0; r == 0 && i < values->n; i++) {
        struct mpm_key key;

        if (!mpm__key_of_value(call, &values->v[i], &key))
            return false;
        if (mpm__table_find(call, t, &key, &r) == NULL && r == 0)
            mpm__table_add(t, &key, &values->v[i], NULL);
    }
    if (r != 0)
        mpm_raise_code(call, r);
    return r == 0;
}

/* What iterating over an argument gives, as a set. False: an exception is set, *out is empty. */
static bool
read_items(struct mpm_call *call, struct mpm_ref ref, struct mpm_table *out)
{
    struct mpm_values values = { 0 };
    bool ok = mpm__iterate(call, ref, &values) && fill(call, &values, out);

    mpm__values_wipe(call->hub, &values);
    if (!ok)
        mpm__table_wipe(call->hub, out);
    return ok;
}

/* All of *others in one set, in order. False: an exception is set, *out is empty. */
static bool
read_all(struct mpm_call *call, struct mpm_table *out)
{
    struct mpm_parts others = { 0 };
    struct mpm_values values = { 0 };
    int r = mpm__parts(call->args[MPM_ALL_ARGS], &others);
    bool ok = r == 0;

    if (r != 0)
        mpm_raise_code(call, r);
    for (size_t i = 0; ok && i < others.items.n; i++) {
        ok = mpm__iterate(call, mpm__part(&others, i), &values) && fill(call, &values, out);
        mpm__values_wipe(call->hub, &values);
    }
    mpm__parts_wipe(&others);
    if (!ok)
        mpm__table_wipe(call->hub, out);
    return ok;
}

/* --- results ------------------------------------------------------------------------------------------------------ */

/* A set is written in steps, so that none has to be made for it. */
static struct mpm_writer *
begin(struct mpm_call *call, const char *class)
{
    struct mpm_writer *w = mpm_result_writer(call);

    mpm_write_global(w, "builtins", class);
    mpm_write_empty_list(w);
    mpm_write_mark(w);
    return w;
}

static enum mpm_outcome
end(struct mpm_call *call, struct mpm_writer *w)
{
    mpm_write_appends(w);
    mpm_write_tuple_n(w, 1);
    mpm_write_reduce(w);
    return mpm_return_built(call);
}

/* The items of `from` that are in `in`, or those that are not. Returns 0 or a negative code. */
static int
write_some(struct mpm_call *call, struct mpm_writer *w, const struct mpm_table *from, const struct mpm_table *in, bool are)
{
    int r = 0;

    for (struct mpm_map_entry *e = NULL; (e = mpm__map_next(&from->map, e)) != NULL;) {
        bool is = mpm__table_find_as(call, in, e, &r) != NULL;

        if (r != 0)
            return r;
        if (is == are)
            mpm_write_value(w, mpm__key_of(e));
    }
    return 0;
}

static enum mpm_outcome
end_or_raise(struct mpm_call *call, struct mpm_writer *w, int r)
{
    return r == 0 ? end(call, w) : mpm_raise_code(call, r);
}

static enum mpm_outcome
return_table(struct mpm_call *call, const struct mpm_table *t)
{
    struct mpm_writer *w = begin(call, "set");

    mpm__table_write_keys(w, t);
    return end(call, w);
}

static enum mpm_outcome
not_implemented(struct mpm_call *call)
{
    mpm_write_global(mpm_result_writer(call), "builtins", "NotImplemented");
    return mpm_return_built(call);
}

/* --- what becomes of two sets ------------------------------------------------------------------------------------- */

static enum mpm_outcome
write_union(struct mpm_call *call, const struct mpm_table *left, const struct mpm_table *right, const char *class)
{
    struct mpm_writer *w = begin(call, class);

    mpm__table_write_keys(w, left);
    return end_or_raise(call, w, write_some(call, w, right, left, false));
}

static enum mpm_outcome
write_difference(struct mpm_call *call, const struct mpm_table *left, const struct mpm_table *right, const char *class)
{
    struct mpm_writer *w = begin(call, class);

    return end_or_raise(call, w, write_some(call, w, left, right, false));
}

static enum mpm_outcome
write_symmetric(struct mpm_call *call, const struct mpm_table *left, const struct mpm_table *right, const char *class)
{
    struct mpm_writer *w = begin(call, class);
    int r = write_some(call, w, left, right, false);

    if (r == 0)
        r = write_some(call, w, right, left, false);
    return end_or_raise(call, w, r);
}

/* --- changing a set ----------------------------------------------------------------------------------------------- */

#define NOWHERE UINT32_MAX

/* Where in `t` the items of `other` are, NOWHERE for those that are not. NULL: an exception is set. mpm__free() it. */
static uint32_t *
find_all(struct mpm_call *call, const struct mpm_table *t, const struct mpm_table *other)
{
    uint32_t *places = mpm__resize(NULL, (size_t)other->map.n + 1, sizeof *places), *place = places;
    int r = places != NULL ? 0 : MPM_ENOMEM;

    for (struct mpm_map_entry *e = NULL, *there; r == 0 && (e = mpm__map_next(&other->map, e)) != NULL;) {
        there = mpm__table_find_as(call, t, e, &r);
        *place++ = there != NULL ? mpm__map_place(&t->map, there) : NOWHERE;
    }
    if (r == 0)
        return places;
    mpm__free(places);
    mpm_raise_code(call, r);
    return NULL;
}

/* Removes what is in `other`. False: an exception is set and nothing has changed. */
static bool
subtract(struct mpm_call *call, struct mpm_table *t, const struct mpm_table *other)
{
    uint32_t *places = find_all(call, t, other);

    for (uint32_t i = 0; places != NULL && i < other->map.n; i++)
        if (places[i] != NOWHERE)
            mpm__table_remove(call->hub, t, &t->map.entries[places[i]]);
    mpm__free(places);
    return places != NULL;
}

/* Removes what is in `other`, too, and adds what is in `other` only. The same. */
static bool
toggle(struct mpm_call *call, struct mpm_table *t, struct mpm_table *other)
{
    struct mpm_map_entry *e = NULL;
    uint32_t *places, *place;
    int r = mpm__table_reserve(call, t, other->map.n); /* from here on nothing moves */

    if (r != 0) {
        mpm_raise_code(call, r);
        return false;
    }
    if ((places = place = find_all(call, t, other)) == NULL)
        return false;
    for (; (e = mpm__map_next(&other->map, e)) != NULL; place++) {
        if (*place != NOWHERE) {
            mpm__table_remove(call->hub, t, &t->map.entries[*place]);
        } else {
            *mpm__key_of(mpm__map_add(&t->map, e->hash)) = *mpm__key_of(e);
            *mpm__key_of(e) = (struct mpm_value){ 0 };
        }
    }
    mpm__free(places);
    return true;
}

static bool
merge(struct mpm_call *call, struct mpm_table *t, struct mpm_table *more)
{
    int r = mpm__table_merge(call, t, more);

    if (r != 0)
        mpm_raise_code(call, r);
    return r == 0;
}

/* What is in both, as a new set: as in CPython items come out of the right one, or of the smaller one when both are
 * sets. */
static bool
intersect(struct mpm_call *call, const struct mpm_table *left, const struct mpm_table *right, bool both_sets,
    struct mpm_table *out)
{
    bool from_left = both_sets && right->map.n > left->map.n;
    const struct mpm_table *from = from_left ? left : right, *in = from_left ? right : left;
    int r = mpm__table_reserve(call, out, from->map.n < in->map.n ? from->map.n : in->map.n);

    for (struct mpm_map_entry *e = NULL; r == 0 && (e = mpm__map_next(&from->map, e)) != NULL;)
        if (mpm__table_find_as(call, in, e, &r) != NULL)
            r = mpm_keep_again(call, mpm__key_of(e), mpm__key_of(mpm__map_add(&out->map, e->hash)));
    if (r == 0)
        return true;
    mpm__table_wipe(call->hub, out);
    mpm_raise_code(call, r);
    return false;
}

/* What is in `self` and in each of *others. False: an exception is set, *out is empty. */
static bool
intersect_all(struct mpm_object *self, struct mpm_call *call, struct mpm_table *out)
{
    struct mpm_parts others = { 0 };
    struct mpm_table right = { 0 }, next = { 0 };
    int r = mpm__parts(call->args[MPM_ALL_ARGS], &others);
    bool ok;

    if (r == 0 && others.items.n == 0)
        r = mpm__table_copy(call, table_of(self), out);
    if (r != 0)
        mpm_raise_code(call, r);
    ok = r == 0;
    for (size_t i = 0; ok && i < others.items.n; i++) {
        struct mpm_ref other = mpm__part(&others, i);
        int operand = operand_of(call, other);

        if (operand < 0)
            mpm_raise_code(call, operand);
        ok = operand >= 0 && read_items(call, other, &right) &&
            intersect(call, i == 0 ? table_of(self) : out, &right, operand != OTHER, &next);
        mpm__table_wipe(call->hub, &right);
        mpm__table_wipe(call->hub, out);
        *out = next;
        next = (struct mpm_table){ 0 };
    }
    mpm__parts_wipe(&others);
    return ok;
}

/* --- operators ---------------------------------------------------------------------------------------------------- */

/* Which operator; in place: the left one changes. */
typedef enum mpm_outcome operator(struct mpm_call *call, const struct mpm_table *left, const struct mpm_table *right,
    const char *class);

static enum mpm_outcome
write_intersection(struct mpm_call *call, const struct mpm_table *left, const struct mpm_table *right, const char *class)
{
    struct mpm_writer *w = begin(call, class);
    bool from_left = right->map.n > left->map.n;

    return end_or_raise(call, w, write_some(call, w, from_left ? left : right, from_left ? right : left, true));
}

static enum mpm_outcome
operate(struct mpm_object *self, struct mpm_call *call, operator *run, bool self_is_right)
{
    struct mpm_table other = { 0 };
    int operand;

    if (!read_operand(call, &operand, &other))
        return MPM_DONE;
    if (operand == OTHER)
        return not_implemented(call);
    if (self_is_right)
        run(call, &other, table_of(self), operand == FROZENSET ? "frozenset" : "set");
    else
        run(call, table_of(self), &other, "set");
    mpm__table_wipe(call->hub, &other);
    return MPM_DONE;
}

#define OPERATOR(name, rname, run) \
    static enum mpm_outcome name(struct mpm_object *self, struct mpm_call *call) { return operate(self, call, run, false); } \
    static enum mpm_outcome rname(struct mpm_object *self, struct mpm_call *call) { return operate(self, call, run, true); }
OPERATOR(set_or, set_ror, write_union)
OPERATOR(set_and, set_rand, write_intersection)
OPERATOR(set_sub, set_rsub, write_difference)
OPERATOR(set_xor, set_rxor, write_symmetric)

static enum mpm_outcome
operate_in_place(struct mpm_object *self, struct mpm_call *call,
    bool (*run)(struct mpm_call *call, struct mpm_table *t, struct mpm_table *other))
{
    struct mpm_table other = { 0 };
    int operand;
    bool ok;

    if (!read_operand(call, &operand, &other))
        return MPM_DONE;
    if (operand == OTHER)
        return not_implemented(call);
    ok = run(call, table_of(self), &other);
    mpm__table_wipe(call->hub, &other);
    return ok ? return_table(call, table_of(self)) : MPM_DONE;
}

static bool
subtract_from(struct mpm_call *call, struct mpm_table *t, struct mpm_table *other)
{
    return subtract(call, t, other);
}

static bool
intersect_with(struct mpm_call *call, struct mpm_table *t, struct mpm_table *other)
{
    struct mpm_table both = { 0 };

    if (!intersect(call, t, other, true, &both))
        return false;
    mpm__table_wipe(call->hub, t);
    *t = both;
    return true;
}

#define IN_PLACE(name, run) \
    static enum mpm_outcome name(struct mpm_object *self, struct mpm_call *call) { return operate_in_place(self, call, run); }
IN_PLACE(set_ior, merge)
IN_PLACE(set_iand, intersect_with)
IN_PLACE(set_isub, subtract_from)
IN_PLACE(set_ixor, toggle)

/* Whether all items of `part` are in `whole`: 1 or 0, or a negative code. */
static int
is_part(struct mpm_call *call, const struct mpm_table *part, const struct mpm_table *whole)
{
    int r = 0;

    if (part->map.n > whole->map.n)
        return 0;
    for (struct mpm_map_entry *e = NULL; (e = mpm__map_next(&part->map, e)) != NULL;)
        if (mpm__table_find_as(call, whole, e, &r) == NULL)
            return r;
    return 1;
}

static enum mpm_outcome
return_truth(struct mpm_call *call, int r)
{
    return r < 0 ? mpm_raise_code(call, r) : mpm_return_bool(call, r);
}

/* self <= other, self < other, or the other way round. */
static enum mpm_outcome
compare(struct mpm_object *self, struct mpm_call *call, bool self_is_part, bool may_equal)
{
    struct mpm_table other = { 0 }, *own = table_of(self);
    int operand;

    if (!read_operand(call, &operand, &other))
        return MPM_DONE;
    if (operand == OTHER)
        return not_implemented(call);
    if (!may_equal && own->map.n == other.map.n)
        mpm_return_bool(call, false);
    else
        return_truth(call, is_part(call, self_is_part ? own : &other, self_is_part ? &other : own));
    mpm__table_wipe(call->hub, &other);
    return MPM_DONE;
}

#define COMPARISON(name, self_is_part, may_equal) \
    static enum mpm_outcome name(struct mpm_object *self, struct mpm_call *call) \
    { \
        return compare(self, call, self_is_part, may_equal); \
    }
COMPARISON(set_le, true, true)
COMPARISON(set_lt, true, false)
COMPARISON(set_ge, false, true)
COMPARISON(set_gt, false, false)

/* --- methods ------------------------------------------------------------------------------------------------------ */

static enum mpm_outcome
set_len(struct mpm_object *self, struct mpm_call *call)
{
    return mpm_return_int(call, table_of(self)->map.n);
}

static enum mpm_outcome
set_contains(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_map_entry *e;

    return find(self, call, &e) ? mpm_return_bool(call, e != NULL) : MPM_DONE;
}

/* A pickled iterator, as CPython's server sends it. */
static enum mpm_outcome
set_iter(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_writer *w = begin(call, "iter");

    mpm__table_write_keys(w, table_of(self));
    return end(call, w);
}

static enum mpm_outcome
set_add(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_table *t = table_of(self);
    struct mpm_map_entry *e;
    struct mpm_value v = { 0 };
    struct mpm_key key;
    int r = 0;

    if (!mpm__key_of_arg(call, 0, &key))
        return MPM_DONE;
    e = mpm__table_find(call, t, &key, &r);
    if (e == NULL && r == 0 && (r = mpm__table_reserve(call, t, 1)) == 0 && (r = mpm_keep_arg(call, 0, &v)) == 0)
        mpm__table_add(t, &key, &v, NULL);
    return r == 0 ? mpm_return_none(call) : mpm_raise_code(call, r);
}

static enum mpm_outcome
set_remove(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_map_entry *e;

    if (!find(self, call, &e))
        return MPM_DONE;
    if (e == NULL)
        return mpm_raise_ref(call, MPM_PY_KEY_ERROR, call->args[0]);
    mpm__table_remove(call->hub, table_of(self), e);
    return mpm_return_none(call);
}

static enum mpm_outcome
set_discard(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_map_entry *e;

    if (!find(self, call, &e))
        return MPM_DONE;
    if (e != NULL)
        mpm__table_remove(call->hub, table_of(self), e);
    return mpm_return_none(call);
}

/* The oldest one. */
static enum mpm_outcome
set_pop(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_map_entry *e = mpm__map_next(&table_of(self)->map, NULL);

    if (e == NULL)
        return mpm_raise(call, MPM_PY_KEY_ERROR, "pop from an empty set");
    mpm_return_value(call, mpm__key_of(e));
    if (call->result.kind != MPM_R_ERROR)
        mpm__table_pop(call, table_of(self), e);
    return MPM_DONE;
}

static enum mpm_outcome
set_clear(struct mpm_object *self, struct mpm_call *call)
{
    mpm__table_wipe(call->hub, table_of(self));
    return mpm_return_none(call);
}

static enum mpm_outcome
set_copy(struct mpm_object *self, struct mpm_call *call)
{
    return return_table(call, table_of(self));
}

static enum mpm_outcome
set_union(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_table others = { 0 };

    if (read_all(call, &others))
        write_union(call, table_of(self), &others, "set");
    mpm__table_wipe(call->hub, &others);
    return MPM_DONE;
}

static enum mpm_outcome
set_update(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_table others = { 0 };

    if (read_all(call, &others) && merge(call, table_of(self), &others))
        mpm_return_none(call);
    mpm__table_wipe(call->hub, &others);
    return MPM_DONE;
}

static enum mpm_outcome
set_difference(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_table others = { 0 };

    if (read_all(call, &others))
        write_difference(call, table_of(self), &others, "set");
    mpm__table_wipe(call->hub, &others);
    return MPM_DONE;
}

static enum mpm_outcome
set_difference_update(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_table others = { 0 };

    if (read_all(call, &others) && subtract(call, table_of(self), &others))
        mpm_return_none(call);
    mpm__table_wipe(call->hub, &others);
    return MPM_DONE;
}

static enum mpm_outcome
set_intersection(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_table all = { 0 };

    if (intersect_all(self, call, &all))
        return_table(call, &all);
    mpm__table_wipe(call->hub, &all);
    return MPM_DONE;
}

static enum mpm_outcome
set_intersection_update(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_table all = { 0 };

    if (!intersect_all(self, call, &all))
        return MPM_DONE;
    mpm__table_wipe(call->hub, table_of(self));
    *table_of(self) = all;
    return mpm_return_none(call);
}

static enum mpm_outcome
set_symmetric_difference(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_table other = { 0 };

    if (read_items(call, call->args[0], &other))
        write_symmetric(call, table_of(self), &other, "set");
    mpm__table_wipe(call->hub, &other);
    return MPM_DONE;
}

static enum mpm_outcome
set_symmetric_difference_update(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_table other = { 0 };

    if (read_items(call, call->args[0], &other) && toggle(call, table_of(self), &other))
        mpm_return_none(call);
    mpm__table_wipe(call->hub, &other);
    return MPM_DONE;
}

static enum mpm_outcome
set_issubset(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_table other = { 0 };

    if (read_items(call, call->args[0], &other))
        return_truth(call, is_part(call, table_of(self), &other));
    mpm__table_wipe(call->hub, &other);
    return MPM_DONE;
}

/* Whether items of the argument, one after the other, are in the set: the result once one is not as it should be; what
 * comes behind it may be what it likes, as in CPython. */
static enum mpm_outcome
look_for_each(struct mpm_object *self, struct mpm_call *call, bool should_be)
{
    struct mpm_values values = { 0 };
    bool as_should = true;
    int r = 0;

    if (!mpm__iterate(call, call->args[0], &values))
        return MPM_DONE;
    for (size_t i = 0; as_should && r == 0 && i < values.n; i++) {
        struct mpm_key key;

        if (!mpm__key_of_value(call, &values.v[i], &key))
            break; /* an exception is set */
        as_should = (mpm__table_find(call, table_of(self), &key, &r) != NULL) == should_be;
    }
    mpm__values_wipe(call->hub, &values);
    if (call->result.kind == MPM_R_UNSET)
        r != 0 ? mpm_raise_code(call, r) : mpm_return_bool(call, as_should);
    return MPM_DONE;
}

static enum mpm_outcome
set_issuperset(struct mpm_object *self, struct mpm_call *call)
{
    return look_for_each(self, call, true);
}

static enum mpm_outcome
set_isdisjoint(struct mpm_object *self, struct mpm_call *call)
{
    return look_for_each(self, call, false);
}

/* set[int], which is no use to anybody here, but is exposed. */
static enum mpm_outcome
set_class_getitem(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_ref arg = call->args[0];
    struct mpm_value v = { 0 };
    struct mpm_writer *w;
    int r = mpm_keep(arg, &v); /* not stored, so not counted */

    (void)self;
    if (r != 0)
        return mpm_raise_code(call, r);
    w = mpm_result_writer(call);
    mpm_write_global(w, "types", "GenericAlias");
    mpm_write_global(w, "builtins", "set");
    mpm_write_value(w, &v);
    if (mpm__kind(&arg) != MPM_K_TUPLE)
        mpm_write_tuple_n(w, 1);
    mpm_write_tuple_n(w, 2);
    mpm_write_reduce(w);
    mpm_drop(&v);
    return mpm_return_built(call);
}

/* --- type --------------------------------------------------------------------------------------------------------- */

static enum mpm_outcome
set_make(struct mpm_object *self, struct mpm_call *call)
{
    if (!mpm_arg_given(call, 0) || read_items(call, call->args[0], table_of(self)))
        mpm_return_none(call);
    return MPM_DONE;
}

static void
set_wipe(struct mpm_object *self)
{
    mpm__table_wipe(self->hub, table_of(self));
}

static int
set_repr(struct mpm_object *self, struct mpm_buf *out)
{
    const struct mpm_map *map = &table_of(self)->map;
    const char *before = "{";
    int r = 0;

    for (struct mpm_map_entry *e = NULL; r == 0 && (e = mpm__map_next(map, e)) != NULL;) {
        mpm__buf_text(out, before);
        r = mpm__repr_value(mpm__key_of(e), out);
        before = ", ";
    }
    mpm__buf_text(out, map->n > 0 ? "}" : "set()");
    return r != 0 ? r : out->error;
}

static int
set_items(struct mpm_object *self, struct mpm_call *call, bool pairs, struct mpm_values *out)
{
    const struct mpm_map *map = &table_of(self)->map;
    int r = pairs ? MPM_ETYPE : mpm__values_reserve(out, map->n);

    for (struct mpm_map_entry *e = NULL; r == 0 && (e = mpm__map_next(map, e)) != NULL;) {
        r = mpm_keep_again(call, mpm__key_of(e), &out->v[out->n]);
        out->n += r == 0;
    }
    return r;
}

static struct mpm_method set_methods[] = {
    { .name = "__contains__", .params = "item",     .run = set_contains,       .wording = MPM_W_C_PLAIN },
    { .name = "add",          .params = "item",     .run = set_add,            .wording = MPM_W_C_PLAIN },
    { .name = "discard",      .params = "item",     .run = set_discard,        .wording = MPM_W_C_PLAIN },
    { .name = "remove",       .params = "item",     .run = set_remove,         .wording = MPM_W_C_PLAIN },
    { .name = "pop",          .params = "",         .run = set_pop,            .wording = MPM_W_C_PLAIN },
    { .name = "__len__",      .params = "",         .run = set_len,            .wording = MPM_W_SLOT },
    { .name = "__iter__",     .params = "",         .run = set_iter,           .wording = MPM_W_SLOT },
    { .name = "clear",        .params = "",         .run = set_clear,          .wording = MPM_W_C_PLAIN },
    { .name = "copy",         .params = "",         .run = set_copy,           .wording = MPM_W_C_PLAIN },
    { .name = "union",        .params = "*others",  .run = set_union,          .wording = MPM_W_C_PLAIN },
    { .name = "update",       .params = "*others",  .run = set_update,         .wording = MPM_W_C_PLAIN },
    { .name = "difference",   .params = "*others",  .run = set_difference,     .wording = MPM_W_C_PLAIN },
    { .name = "difference_update", .params = "*others", .run = set_difference_update, .wording = MPM_W_C_PLAIN },
    { .name = "intersection", .params = "*others",  .run = set_intersection,   .wording = MPM_W_C_PLAIN },
    { .name = "intersection_update", .params = "*others", .run = set_intersection_update, .wording = MPM_W_C_PLAIN },
    { .name = "symmetric_difference", .params = "other", .run = set_symmetric_difference, .wording = MPM_W_C_PLAIN },
    { .name = "symmetric_difference_update", .params = "other", .run = set_symmetric_difference_update,
        .wording = MPM_W_C_PLAIN },
    { .name = "isdisjoint",   .params = "other",    .run = set_isdisjoint,     .wording = MPM_W_C_PLAIN },
    { .name = "issubset",     .params = "other",    .run = set_issubset,       .wording = MPM_W_C_PLAIN },
    { .name = "issuperset",   .params = "other",    .run = set_issuperset,     .wording = MPM_W_C_PLAIN },
    { .name = "__or__",       .params = "other",    .run = set_or,             .wording = MPM_W_SLOT },
    { .name = "__and__",      .params = "other",    .run = set_and,            .wording = MPM_W_SLOT },
    { .name = "__sub__",      .params = "other",    .run = set_sub,            .wording = MPM_W_SLOT },
    { .name = "__xor__",      .params = "other",    .run = set_xor,            .wording = MPM_W_SLOT },
    { .name = "__ror__",      .params = "other",    .run = set_ror,            .wording = MPM_W_SLOT },
    { .name = "__rand__",     .params = "other",    .run = set_rand,           .wording = MPM_W_SLOT },
    { .name = "__rsub__",     .params = "other",    .run = set_rsub,           .wording = MPM_W_SLOT },
    { .name = "__rxor__",     .params = "other",    .run = set_rxor,           .wording = MPM_W_SLOT },
    { .name = "__ior__",      .params = "other",    .run = set_ior,            .wording = MPM_W_SLOT },
    { .name = "__iand__",     .params = "other",    .run = set_iand,           .wording = MPM_W_SLOT },
    { .name = "__isub__",     .params = "other",    .run = set_isub,           .wording = MPM_W_SLOT },
    { .name = "__ixor__",     .params = "other",    .run = set_ixor,           .wording = MPM_W_SLOT },
    { .name = "__le__",       .params = "other",    .run = set_le,             .wording = MPM_W_SLOT },
    { .name = "__lt__",       .params = "other",    .run = set_lt,             .wording = MPM_W_SLOT },
    { .name = "__ge__",       .params = "other",    .run = set_ge,             .wording = MPM_W_SLOT },
    { .name = "__gt__",       .params = "other",    .run = set_gt,             .wording = MPM_W_SLOT },
    { .name = "__class_getitem__", .params = "item", .run = set_class_getitem, .wording = MPM_W_C_PLAIN },
    { 0 }
};

struct mpm_type mpm__type_set = {
    .module = "builtins", .class_name = "set", .size = sizeof(struct set),
    .params = "iterable=None /", .wording = MPM_W_C_POSITION,
    .make = set_make, .wipe = set_wipe, .methods = set_methods,
    .exposed = "__and__ __class_getitem__ __contains__ __iand__ __ior__ __isub__ __iter__ __ixor__ __len__ __or__ __rand__ __ror__ "
               "__rsub__ __rxor__ __sub__ __xor__ __ge__ __gt__ __le__ __lt__ add clear copy difference difference_update "
               "discard intersection intersection_update isdisjoint issubset issuperset pop remove symmetric_difference "
               "symmetric_difference_update union update",
    .auto_exposed = "add clear copy difference difference_update discard intersection intersection_update isdisjoint issubset "
                    "issuperset pop remove symmetric_difference symmetric_difference_update union update",
    .repr = set_repr, .getvalue = set_copy, .is_copied = true, .items = set_items,
};

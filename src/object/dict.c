/*
 * dict.c - the builtin dict, and what OrderedDict shares with it. Layer: object.
 *
 * A table of stored values. What an argument means as a mapping is found out before anything changes, so an update
 * is done whole or not at all. Iterators are iterator.c's. Source of texts: CPython 3.13, Objects/dictobject.c.
 */
#include "object/dict.h"

#include <mpmd/error.h>

#include "base/idmap.h"
#include "object/atomic.h"
#include "object/iterable.h"
#include "object/iterator.h"
#include "value/repr.h"

static struct mpm_dict *
dict_of(struct mpm_object *self)
{
    return (struct mpm_dict *)self;
}

/* --- reading mappings and pairs ----------------------------------------------------------------------------------- */

/* Keys and values in turn, as they come out of one argument. */
struct pairs {
    struct mpm_call *call;
    struct mpm_values values;
    uint64_t left;         /* of mpm_keep_allowance() */
    bool is_ordered;       /* for an OrderedDict, which has other words */
    struct mpm_idmap kept; /* place in `values` + 1 by where in the message it is made: what is named again is
                            * stored once */
};

/* Returns 0 or a negative code. */
static int
add_part(struct pairs *p, struct mpm_ref ref)
{
    struct mpm_value v = { 0 };
    void *before = NULL;
    int r = mpm__values_reserve(&p->values, 1);

    if (r == 0 && (r = mpm__kind(&ref)) > 0) {
        r = 0;
        before = mpm__idmap_get(&p->kept, ref.item.root);
    }
    if (r == 0 && before != NULL)
        r = mpm_keep_again(p->call, &p->values.v[(uintptr_t)before - 1], &v);
    else if (r == 0 && (r = mpm_keep_ref(p->call, ref, &v)) == 0)
        r = mpm_keep_spend(&p->left, &v);
    if (r == 0 && before == NULL && ref.doc->lowest_get != UINT32_MAX && mpm__value_stored(&v) != NULL)
        r = mpm__idmap_set(&p->kept, ref.item.root, (void *)(uintptr_t)(p->values.n + 1));
    if (r == 0)
        p->values.v[p->values.n++] = v;
    else
        mpm_forget(p->call->hub, &v);
    return r;
}

static bool
raise_length(const struct pairs *p, size_t number, size_t len)
{
    struct mpm_call *call = p->call;

    if (p->is_ordered && len < 2)
        mpm_raise(call, MPM_PY_VALUE_ERROR, "need more than %zu value%s to unpack", len, len == 1 ? "" : "s");
    else if (p->is_ordered)
        mpm_raise(call, MPM_PY_VALUE_ERROR, "too many values to unpack (expected 2)");
    else
        mpm_raise(call, MPM_PY_VALUE_ERROR, "dictionary update sequence element #%zu has length %zu; 2 is required",
            number, len);
    return false;
}

/* A pair that is a str, bytes, range and so on. */
static bool
add_odd_pair(struct pairs *p, struct mpm_ref ref, size_t number)
{
    struct mpm_call *call = p->call;
    struct mpm_values two = { 0 };
    bool ok = false;
    int r;

    if (!mpm__iterate(call, ref, &two)) {
        if (mpm__is_not_iterable(call) && !p->is_ordered)
            mpm_raise(call, MPM_PY_TYPE_ERROR, "cannot convert dictionary update sequence element #%zu to a sequence",
                number);
    } else if (two.n != 2) {
        raise_length(p, number, two.n);
    } else if ((r = mpm__values_reserve(&p->values, 2)) != 0) {
        mpm_raise_code(call, r);
    } else {
        p->values.v[p->values.n++] = two.v[0];
        p->values.v[p->values.n++] = two.v[1];
        two.n = 0;
        ok = true;
    }
    mpm__values_wipe(call->hub, &two);
    return ok;
}

static bool
add_pair(struct pairs *p, struct mpm_ref ref, size_t number)
{
    struct mpm_parts parts = { 0 };
    int r, kind = mpm__kind(&ref);
    size_t step = kind == MPM_K_DICT ? 2 : 1;
    bool ok = true;

    if (kind < 0) {
        mpm_raise_code(p->call, kind);
        return false;
    }
    if (kind < MPM_K_TUPLE || kind > MPM_K_FROZENSET)
        return add_odd_pair(p, ref, number);
    r = mpm__parts(ref, &parts);
    if (r == 0 && parts.items.n / step != 2)
        ok = raise_length(p, number, parts.items.n / step);
    if (r == 0 && ok)
        r = add_part(p, mpm__part(&parts, 0));
    if (r == 0 && ok)
        r = add_part(p, mpm__part(&parts, step));
    mpm__parts_wipe(&parts);
    if (r != 0)
        mpm_raise_code(p->call, r);
    return r == 0 && ok;
}

/* What CPython writes for list(...), a dict view and iter(...) has a list inside that can be read where it is. */
static struct mpm_ref
unwrapped(struct mpm_ref ref)
{
    struct mpm_ref whole = ref, inner;
    struct mpm_parts parts = { 0 }, args = { 0 };
    const uint8_t *module, *name;
    size_t module_len, len;
    int kind;

    if (mpm__kind(&ref) != MPM_K_OBJECT || mpm__read_global(ref, &module, &module_len, &name, &len) != 0)
        return whole;
    if (len != 4 || (memcmp(name, "list", 4) != 0 && memcmp(name, "iter", 4) != 0))
        return whole;
    if (!(module_len == 8 && memcmp(module, "builtins", 8) == 0) &&
        !(module_len == 11 && memcmp(module, "__builtin__", 11) == 0))
        return whole;
    if (mpm__parts(ref, &parts) == 0 && parts.items.n == 2 && mpm__parts(mpm__part(&parts, 1), &args) == 0 &&
        args.items.n == 1) {
        inner = mpm__part(&args, 0);
        kind = mpm__kind(&inner);
        if (kind == MPM_K_LIST || kind == MPM_K_TUPLE)
            whole = inner;
    }
    mpm__parts_wipe(&parts);
    mpm__parts_wipe(&args);
    return whole;
}

static bool
add_parts(struct pairs *p, struct mpm_ref ref)
{
    struct mpm_parts parts = { 0 };
    int r = mpm__parts(ref, &parts);
    bool ok = r == 0;

    for (size_t i = 0; ok && i < parts.items.n; i++)
        ok = add_pair(p, mpm__part(&parts, i), i);
    mpm__parts_wipe(&parts);
    if (r != 0)
        mpm_raise_code(p->call, r);
    return ok;
}

/* Pairs that have to be stored before they can be looked into. */
static bool
add_stored(struct pairs *p, struct mpm_ref ref)
{
    struct mpm_values elements = { 0 };
    struct mpm_open open = { 0 };
    bool ok = mpm__iterate(p->call, ref, &elements);
    int r = 0;

    for (size_t i = 0; ok && i < elements.n; i++) {
        mpm__idmap_wipe(&p->kept); /* places mean others in each */
        r = mpm__open(&open, &elements.v[i], &ref);
        ok = r == 0 && add_pair(p, ref, i);
        mpm__close(&open);
    }
    mpm__idmap_wipe(&p->kept);
    mpm__values_wipe(p->call->hub, &elements);
    if (r != 0)
        mpm_raise_code(p->call, r);
    return ok;
}

static bool
add_pairs(struct pairs *p, struct mpm_ref ref)
{
    int kind;

    ref = unwrapped(ref);
    kind = mpm__kind(&ref);
    p->left = mpm_keep_allowance(ref.doc);
    return kind >= MPM_K_TUPLE && kind <= MPM_K_FROZENSET ? add_parts(p, ref) : add_stored(p, ref);
}

/* Takes keys and values out of values[]. False: an exception is set and the table is as good as empty. */
static bool
fill(struct mpm_call *call, const struct mpm_values *values, struct mpm_table *t)
{
    int r = mpm__table_reserve(call, t, values->n / 2);

    for (size_t i = 0; r == 0 && i + 1 < values->n; i += 2) {
        struct mpm_map_entry *e;
        struct mpm_key key;
        struct mpm_value old;

        if (!mpm__key_of_value(call, &values->v[i], &key))
            return false;
        e = mpm__table_find(call, t, &key, &r);
        if (e != NULL) {
            old = *mpm__value_of(e);
            *mpm__value_of(e) = values->v[i + 1];
            values->v[i + 1] = old; /* is forgotten with the key that is not needed */
        } else if (r == 0) {
            mpm__table_add(t, &key, &values->v[i], &values->v[i + 1]);
        }
    }
    if (r != 0)
        mpm_raise_code(call, r);
    return r == 0;
}

/* Whatever dict() takes. ref.doc, kwds.doc NULL: not there. mapping_only: 0 for an argument that is none. */
static int
read(struct mpm_call *call, struct mpm_ref ref, struct mpm_ref kwds, bool mapping_only, struct mpm_table *out)
{
    struct pairs p = { .call = call, .is_ordered = dict_of(call->object)->is_ordered };
    int is_mapping = ref.doc != NULL ? mpm__iterate_pairs(call, ref, &p.values) : 1;
    bool ok = is_mapping > 0 || (is_mapping == 0 && !mapping_only && add_pairs(&p, ref));

    *out = (struct mpm_table){ 0 };
    if (ok && kwds.doc != NULL)
        ok = mpm__iterate_pairs(call, kwds, &p.values) > 0;
    if (ok && !fill(call, &p.values, out)) {
        ok = false;
        mpm__table_wipe(call->hub, out);
    }
    mpm__values_wipe(call->hub, &p.values);
    mpm__idmap_wipe(&p.kept);
    return ok ? 1 : is_mapping == 0 && mapping_only ? 0 : -1;
}

int
mpm__dict_read_mapping(struct mpm_call *call, struct mpm_ref ref, struct mpm_table *out)
{
    return read(call, ref, (struct mpm_ref){ 0 }, true, out);
}

/* The table becomes one that has what dict() takes, too. False: an exception is set and nothing changed. */
static bool
merge(struct mpm_call *call, struct mpm_table *t, struct mpm_ref ref, struct mpm_ref kwds)
{
    struct mpm_table more;
    int r;

    if (read(call, ref, kwds, false, &more) < 0)
        return false;
    r = mpm__table_merge(call, t, &more);
    mpm__table_wipe(call->hub, &more);
    if (r != 0)
        mpm_raise_code(call, r);
    return r == 0;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static void
write_table(struct mpm_writer *w, const struct mpm_table *t, bool is_ordered)
{
    struct mpm_map_entry *e = NULL;
    struct mpm_sharing sharing = { 0 };

    if (is_ordered) {
        mpm_write_global(w, "collections", "OrderedDict");
        mpm_write_tuple_n(w, 0);
        mpm_write_reduce(w);
    } else {
        mpm_write_empty_dict(w);
    }
    if (t->map.n == 0)
        return;
    mpm_write_mark(w);
    while ((e = mpm__map_next(&t->map, e)) != NULL) {
        mpm_write_value(w, mpm__key_of(e));
        mpm_write_shared(w, &sharing, mpm__value_of(e), false);
    }
    mpm_write_setitems(w);
    mpm_sharing_wipe(&sharing);
}

static enum mpm_outcome
return_table(struct mpm_call *call, const struct mpm_table *t, bool is_ordered)
{
    write_table(mpm_result_writer(call), t, is_ordered);
    return mpm_return_built(call);
}

static enum mpm_outcome
return_list(struct mpm_object *self, struct mpm_call *call, bool keys, bool values)
{
    const struct mpm_table *table = &dict_of(self)->table;
    struct mpm_writer *w = mpm_result_writer(call);
    struct mpm_sharing sharing = { 0 };
    struct mpm_map_entry *e = NULL;

    mpm_write_empty_list(w);
    if (table->map.n > 0)
        mpm_write_mark(w);
    if (keys && values) {
        while ((e = mpm__map_next(&table->map, e)) != NULL) {
            mpm_write_value(w, mpm__key_of(e));
            mpm_write_shared(w, &sharing, mpm__value_of(e), false);
            mpm_write_tuple_n(w, 2);
        }
    } else if (keys) {
        mpm__table_write_keys(w, table);
    } else {
        mpm__table_write_values(w, &sharing, table);
    }
    if (table->map.n > 0)
        mpm_write_appends(w);
    mpm_sharing_wipe(&sharing);
    return mpm_return_built(call);
}

enum mpm_outcome
mpm__dict_return_keys(struct mpm_object *self, struct mpm_call *call, bool reversed)
{
    const struct mpm_map *map = &dict_of(self)->table.map;
    struct mpm_writer *w = mpm_result_writer(call);

    mpm_write_global(w, "builtins", "iter");
    mpm_write_empty_list(w);
    if (map->n > 0)
        mpm_write_mark(w);
    if (!reversed)
        mpm__table_write_keys(w, &dict_of(self)->table);
    for (uint32_t i = map->used; reversed && i > map->first; i--) {
        if (map->entries[i - 1].hash != 0)
            mpm_write_value(w, mpm__key_of(&map->entries[i - 1]));
    }
    if (map->n > 0)
        mpm_write_appends(w);
    mpm_write_tuple_n(w, 1);
    mpm_write_reduce(w);
    return mpm_return_built(call);
}

enum mpm_outcome
mpm__dict_return_not_implemented(struct mpm_call *call)
{
    mpm_write_global(mpm_result_writer(call), "builtins", "NotImplemented");
    return mpm_return_built(call);
}

/* --- single entries ----------------------------------------------------------------------------------------------- */

bool
mpm__dict_find(struct mpm_object *self, struct mpm_call *call, int i, struct mpm_key *key, struct mpm_map_entry **e)
{
    int r = 0;

    if (!mpm__key_of_arg(call, i, key))
        return false;
    *e = mpm__table_find(call, &dict_of(self)->table, key, &r);
    if (r != 0)
        mpm_raise_code(call, r);
    return r == 0;
}

static void
replace(struct mpm_hub *hub, struct mpm_map_entry *e, struct mpm_value *v)
{
    struct mpm_value old = *mpm__value_of(e);

    *mpm__value_of(e) = *v;
    mpm_forget(hub, &old);
}

/* A new entry with argument `k` as its key; takes *v. NULL: an exception is set and *v was forgotten. */
static struct mpm_map_entry *
add(struct mpm_object *self, struct mpm_call *call, int k, const struct mpm_key *key, struct mpm_value *v)
{
    struct mpm_table *t = &dict_of(self)->table;
    struct mpm_value stored = { 0 };
    int r = mpm__table_reserve(call, t, 1);

    if (r == 0)
        r = mpm_keep_arg(call, k, &stored);
    if (r == 0)
        return mpm__table_add(t, key, &stored, v);
    mpm_forget(call->hub, v);
    mpm_raise_code(call, r);
    return NULL;
}

/* Argument i, None when it is not given. False: an exception is set. */
static bool
keep_or_none(struct mpm_call *call, int i, struct mpm_value *out)
{
    int r = mpm_arg_given(call, i) ? mpm_keep_arg(call, i, out)
                                   : mpm_keep_bytes((const uint8_t *)"N", 1, &(struct mpm_form){ .protocol = 2 }, out);

    if (r != 0)
        mpm_raise_code(call, r);
    return r == 0;
}

enum mpm_outcome
mpm__dict_getitem(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_map_entry *e;
    struct mpm_key key;

    if (!mpm__dict_find(self, call, 0, &key, &e))
        return MPM_DONE;
    return e != NULL ? mpm_return_value(call, mpm__value_of(e)) : mpm_raise_ref(call, MPM_PY_KEY_ERROR, call->args[0]);
}

enum mpm_outcome
mpm__dict_setitem(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_value v = { 0 };
    struct mpm_map_entry *e;
    struct mpm_key key;
    int r;

    if (!mpm__dict_find(self, call, 0, &key, &e))
        return MPM_DONE;
    if ((r = mpm_keep_arg(call, 1, &v)) != 0)
        return mpm_raise_code(call, r);
    if (e != NULL)
        replace(call->hub, e, &v);
    else if (add(self, call, 0, &key, &v) == NULL)
        return MPM_DONE;
    return mpm_return_none(call);
}

enum mpm_outcome
mpm__dict_delitem(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_map_entry *e;
    struct mpm_key key;

    if (!mpm__dict_find(self, call, 0, &key, &e))
        return MPM_DONE;
    if (e == NULL)
        return mpm_raise_ref(call, MPM_PY_KEY_ERROR, call->args[0]);
    mpm__table_remove(call->hub, &dict_of(self)->table, e);
    return mpm_return_none(call);
}

enum mpm_outcome
mpm__dict_contains(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_map_entry *e;
    struct mpm_key key;

    return mpm__dict_find(self, call, 0, &key, &e) ? mpm_return_bool(call, e != NULL) : MPM_DONE;
}

enum mpm_outcome
mpm__dict_get(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_map_entry *e;
    struct mpm_key key;

    if (!mpm__dict_find(self, call, 0, &key, &e))
        return MPM_DONE;
    if (e != NULL)
        return mpm_return_value(call, mpm__value_of(e));
    return mpm_arg_given(call, 1) ? mpm_return_arg(call, 1) : mpm_return_none(call);
}

enum mpm_outcome
mpm__dict_setdefault(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_value v = { 0 };
    struct mpm_map_entry *e;
    struct mpm_key key;

    if (!mpm__dict_find(self, call, 0, &key, &e))
        return MPM_DONE;
    if (e != NULL)
        return mpm_return_value(call, mpm__value_of(e));
    if (!keep_or_none(call, 1, &v))
        return MPM_DONE;
    mpm_return_value(call, &v);
    if (call->result.kind == MPM_R_ERROR)
        mpm_forget(call->hub, &v);
    else if ((e = add(self, call, 0, &key, &v)) != NULL)
        mpm__table_added(call, &dict_of(self)->table, e);
    return MPM_DONE;
}

enum mpm_outcome
mpm__dict_pop(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_map_entry *e = NULL;
    struct mpm_key key;
    bool looks = dict_of(self)->table.map.n != 0 || dict_of(self)->is_ordered;

    /* CPython does not look for a key in an empty dict, not even whether it could be one */
    if (looks && !mpm__dict_find(self, call, 0, &key, &e))
        return MPM_DONE;
    if (e == NULL && mpm_arg_given(call, 1))
        return mpm_return_arg(call, 1);
    if (e == NULL)
        return mpm_raise_ref(call, MPM_PY_KEY_ERROR, call->args[0]);
    mpm_return_value(call, mpm__value_of(e));
    if (call->result.kind != MPM_R_ERROR)
        mpm__table_pop(call, &dict_of(self)->table, e);
    return MPM_DONE;
}

enum mpm_outcome
mpm__dict_take(struct mpm_object *self, struct mpm_call *call, struct mpm_map_entry *e)
{
    struct mpm_writer *w = mpm_result_writer(call);

    mpm_write_value(w, mpm__key_of(e));
    mpm_write_value(w, mpm__value_of(e));
    mpm_write_tuple_n(w, 2);
    mpm_return_built(call);
    if (call->result.kind != MPM_R_ERROR)
        mpm__table_pop(call, &dict_of(self)->table, e);
    return MPM_DONE;
}

static enum mpm_outcome
popitem(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_map_entry *e = mpm__map_last(&dict_of(self)->table.map);

    if (e == NULL)
        return mpm_raise(call, MPM_PY_KEY_ERROR, "popitem(): dictionary is empty");
    return mpm__dict_take(self, call, e);
}

/* --- beyond CPython ----------------------------------------------------------------------------------------------- */

/* d[key] += n in one request; a missing key counts as 0. */
enum mpm_outcome
mpm__dict_increment(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_value sum = { 0 };
    struct mpm_map_entry *e;
    struct mpm_key key;

    if (!mpm__dict_find(self, call, 0, &key, &e))
        return MPM_DONE;
    if (e != NULL)
        mpm__atomic_add(call, mpm__value_of(e), 1, false);
    else if (mpm__atomic_add(call, &sum, 1, false))
        add(self, call, 0, &key, &sum);
    return MPM_DONE;
}

/* `if d[key] == expected: d[key] = new`, and whether it was so. A missing key equals nothing. */
enum mpm_outcome
mpm__dict_compare_and_set(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_value v = { 0 };
    struct mpm_map_entry *e;
    struct mpm_key key;
    int r;

    if (!mpm__dict_find(self, call, 0, &key, &e))
        return MPM_DONE;
    if (e == NULL)
        return mpm_return_bool(call, false);
    if ((r = mpm_keep_arg(call, 2, &v)) != 0)
        return mpm_raise_code(call, r);
    return mpm__atomic_compare_and_set(call, mpm__value_of(e), 1, &v);
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

enum mpm_outcome
mpm__dict_len(struct mpm_object *self, struct mpm_call *call)
{
    return mpm_return_int(call, dict_of(self)->table.map.n);
}

static enum mpm_outcome
iter(struct mpm_object *self, struct mpm_call *call)
{
    return mpm__iterator_return(call, dict_of(self));
}

enum mpm_outcome
mpm__dict_reversed(struct mpm_object *self, struct mpm_call *call)
{
    return mpm__dict_return_keys(self, call, true);
}

enum mpm_outcome
mpm__dict_keys(struct mpm_object *self, struct mpm_call *call)
{
    return return_list(self, call, true, false);
}

enum mpm_outcome
mpm__dict_values(struct mpm_object *self, struct mpm_call *call)
{
    return return_list(self, call, false, true);
}

enum mpm_outcome
mpm__dict_items(struct mpm_object *self, struct mpm_call *call)
{
    return return_list(self, call, true, true);
}

enum mpm_outcome
mpm__dict_copy(struct mpm_object *self, struct mpm_call *call)
{
    return return_table(call, &dict_of(self)->table, dict_of(self)->is_ordered);
}

enum mpm_outcome
mpm__dict_clear(struct mpm_object *self, struct mpm_call *call)
{
    mpm__table_wipe(call->hub, &dict_of(self)->table);
    return mpm_return_none(call);
}

enum mpm_outcome
mpm__dict_update(struct mpm_object *self, struct mpm_call *call)
{
    if (!merge(call, &dict_of(self)->table, call->args[0], call->args[MPM_ALL_KWDS]))
        return MPM_DONE;
    return mpm_return_none(call);
}

enum mpm_outcome
mpm__dict_ior(struct mpm_object *self, struct mpm_call *call)
{
    if (!merge(call, &dict_of(self)->table, call->args[0], (struct mpm_ref){ 0 }))
        return MPM_DONE;
    return mpm__dict_copy(self, call);
}

/* The new dict of `|`: what is on the right wins. */
static enum mpm_outcome
join(struct mpm_object *self, struct mpm_call *call, bool self_is_right)
{
    struct mpm_table left, right, *own = self_is_right ? &right : &left;
    int r = mpm__dict_read_mapping(call, call->args[0], self_is_right ? &left : &right);

    if (r <= 0)
        return r == 0 ? mpm__dict_return_not_implemented(call) : MPM_DONE;
    r = mpm__table_copy(call, &dict_of(self)->table, own);
    if (r == 0)
        r = mpm__table_merge(call, &left, &right);
    if (r == 0)
        return_table(call, &left, dict_of(self)->is_ordered);
    else
        mpm_raise_code(call, r);
    mpm__table_wipe(call->hub, &left);
    mpm__table_wipe(call->hub, &right);
    return MPM_DONE;
}

enum mpm_outcome
mpm__dict_or(struct mpm_object *self, struct mpm_call *call)
{
    return join(self, call, false);
}

enum mpm_outcome
mpm__dict_ror(struct mpm_object *self, struct mpm_call *call)
{
    return join(self, call, true);
}

/* A class method: `self` is not looked at. */
enum mpm_outcome
mpm__dict_fromkeys(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_table t = { 0 };
    struct mpm_values keys = { 0 }, pairs = { 0 };
    struct mpm_value v = { 0 };
    int r = 0;

    if (mpm__iterate(call, call->args[0], &keys) && keep_or_none(call, 1, &v)) {
        r = mpm__values_reserve(&pairs, 2 * keys.n);
        for (size_t i = 0; r == 0 && i < keys.n; i++) {
            pairs.v[2 * i] = keys.v[i];
            keys.v[i] = (struct mpm_value){ 0 };
            pairs.v[2 * i + 1] = (struct mpm_value){ 0 };
            pairs.n += 2;
            r = mpm_keep_again(call, &v, &pairs.v[2 * i + 1]);
        }
        if (r != 0)
            mpm_raise_code(call, r);
        else if (fill(call, &pairs, &t))
            return_table(call, &t, dict_of(self)->is_ordered);
    }
    mpm_forget(call->hub, &v);
    mpm__values_wipe(call->hub, &keys);
    mpm__values_wipe(call->hub, &pairs);
    mpm__table_wipe(call->hub, &t);
    return MPM_DONE;
}

/* --- type --------------------------------------------------------------------------------------------------------- */

enum mpm_outcome
mpm__dict_make(struct mpm_object *self, struct mpm_call *call)
{
    return mpm__dict_update(self, call);
}

void
mpm__dict_wipe(struct mpm_object *self)
{
    mpm__table_wipe(self->hub, &dict_of(self)->table);
}

int
mpm__dict_repr(struct mpm_object *self, struct mpm_buf *out)
{
    const struct mpm_dict *d = dict_of(self);
    struct mpm_map_entry *e = NULL;
    const char *before = "{";
    int r = 0;

    if (d->is_ordered)
        mpm__buf_text(out, d->table.map.n > 0 ? "OrderedDict(" : "OrderedDict()");
    if (d->is_ordered && d->table.map.n == 0)
        return out->error;
    while (r == 0 && (e = mpm__map_next(&d->table.map, e)) != NULL) {
        mpm__buf_text(out, before);
        r = mpm__repr_value(mpm__key_of(e), out);
        mpm__buf_text(out, ": ");
        if (r == 0)
            r = mpm__repr_value(mpm__value_of(e), out);
        before = ", ";
    }
    mpm__buf_text(out, d->table.map.n > 0 ? "}" : "{}");
    if (d->is_ordered)
        mpm__buf_u8(out, ')');
    return r != 0 ? r : out->error;
}

int
mpm__dict_all(struct mpm_object *self, struct mpm_call *call, bool pairs, struct mpm_values *out)
{
    const struct mpm_map *map = &dict_of(self)->table.map;
    struct mpm_map_entry *e = NULL;
    int r = mpm__values_reserve(out, (size_t)map->n * (pairs ? 2 : 1));

    while (r == 0 && (e = mpm__map_next(map, e)) != NULL) {
        r = mpm_keep_again(call, mpm__key_of(e), &out->v[out->n]);
        out->n += r == 0;
        if (r == 0 && pairs) {
            r = mpm_keep_again(call, mpm__value_of(e), &out->v[out->n]);
            out->n += r == 0;
        }
    }
    return r;
}

static struct mpm_method dict_methods[] = {
    { .name = "__getitem__",  .params = "key",           .run = mpm__dict_getitem,    .wording = MPM_W_C_PLAIN },
    { .name = "__setitem__",  .params = "key value",     .run = mpm__dict_setitem,    .wording = MPM_W_SLOT },
    { .name = "get",          .params = "key default=None", .run = mpm__dict_get,     .wording = MPM_W_C_POSITION },
    { .name = "__contains__", .params = "key",           .run = mpm__dict_contains,   .wording = MPM_W_C_PLAIN },
    { .name = "__delitem__",  .params = "key",           .run = mpm__dict_delitem,    .wording = MPM_W_SLOT },
    { .name = "__len__",      .params = "",              .run = mpm__dict_len,        .wording = MPM_W_SLOT },
    { .name = "__iter__",     .params = "",              .run = iter,                 .wording = MPM_W_SLOT },
    { .name = "__or__",       .params = "other",         .run = mpm__dict_or,         .wording = MPM_W_SLOT },
    { .name = "__ior__",      .params = "other",         .run = mpm__dict_ior,        .wording = MPM_W_SLOT },
    { .name = "__ror__",      .params = "other",         .run = mpm__dict_ror,        .wording = MPM_W_SLOT },
    { .name = "__reversed__", .params = "",              .run = mpm__dict_reversed,   .wording = MPM_W_C_PLAIN },
    { .name = "clear",        .params = "",              .run = mpm__dict_clear,      .wording = MPM_W_C_PLAIN },
    { .name = "copy",         .params = "",              .run = mpm__dict_copy,       .wording = MPM_W_C_PLAIN },
    { .name = "fromkeys",     .params = "iterable value=None", .run = mpm__dict_fromkeys, .wording = MPM_W_C_POSITION },
    { .name = "has_key",      .params = "key",           .run = mpm__dict_contains,   .wording = MPM_W_C_PLAIN },
    { .name = "items",        .params = "",              .run = mpm__dict_items,      .wording = MPM_W_C_PLAIN },
    { .name = "keys",         .params = "",              .run = mpm__dict_keys,       .wording = MPM_W_C_PLAIN },
    { .name = "pop",          .params = "key default=None", .run = mpm__dict_pop,     .wording = MPM_W_C_POSITION },
    { .name = "popitem",      .params = "",              .run = popitem,              .wording = MPM_W_C_PLAIN },
    { .name = "setdefault",   .params = "key default=None", .run = mpm__dict_setdefault, .wording = MPM_W_C_POSITION },
    { .name = "update",       .params = "other=None / **kwds", .run = mpm__dict_update, .wording = MPM_W_C_POSITION },
    { .name = "values",       .params = "",              .run = mpm__dict_values,     .wording = MPM_W_C_PLAIN },
    { .name = "increment",    .params = "key n=1",       .run = mpm__dict_increment },
    { .name = "compare_and_set", .params = "key expected new", .run = mpm__dict_compare_and_set },
    { .name = "update_if",    .params = "key expected new", .run = mpm__dict_compare_and_set },
    { 0 }
};

/* `create` names __iter__ twice, as CPython does: it is exposed and has a type of its own. */
struct mpm_type mpm__type_dict = {
    .module = "builtins", .class_name = "dict", .size = sizeof(struct mpm_dict),
    .params = "other=None / **kwds", .wording = MPM_W_C_POSITION,
    .make = mpm__dict_make, .wipe = mpm__dict_wipe, .methods = dict_methods,
    .exposed = "__contains__ __delitem__ __getitem__ __ior__ __iter__ __len__ __or__ __reversed__ __ror__ __setitem__ clear "
               "copy fromkeys get has_key items keys pop popitem setdefault update values __iter__",
    .auto_exposed = "clear compare_and_set copy fromkeys get increment items keys pop popitem setdefault update "
                    "update_if values",
    .repr = mpm__dict_repr, .getvalue = mpm__dict_copy, .is_copied = true, .items = mpm__dict_all,
};

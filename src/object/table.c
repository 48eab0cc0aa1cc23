/*
 * table.c - values found by value, as dict and set find them. Layer: object.
 *
 * The hub's canon 0 is the key that is looked for, canon 1 the scratch of comparing. Nobody can choose keys that
 * collide: the canonical bytes are hashed with a secret, and what is equal to nothing (NaN) gets another hash each
 * time.
 */
#include "object/table.h"

#include <mpmd/error.h>

#include "base/alloc.h"

#define WANTED 0
#define SCRATCH 1

/* --- keys --------------------------------------------------------------------------------------------------------- */

/* r: of the canon. */
static bool
take_key(struct mpm_call *call, int r, struct mpm_key *out)
{
    const struct mpm_canon *canon = mpm_hub_canon(call->hub, WANTED);

    if (r == 0 && canon->unhashable == NULL) {
        if (out != NULL)
            *out = (struct mpm_key){ mpm__canon_hash(canon, mpm_hash_key(call->hub)), canon };
        if (out != NULL && canon->is_nan)
            out->hash ^= mpm_hub_number(call->hub) * UINT64_C(0x9e3779b97f4a7c15);
        return true;
    }
    if (r == 0)
        mpm_raise(call, MPM_PY_TYPE_ERROR, "unhashable type: '%s'", canon->unhashable);
    else if (r == MPM_ELIMIT)
        mpm_raise(call, MPM_PY_RECURSION_ERROR, "maximum recursion depth exceeded");
    else
        mpm_raise_code(call, r);
    return false;
}

bool
mpm__key_of_ref(struct mpm_call *call, struct mpm_ref ref, struct mpm_key *out)
{
    return take_key(call, mpm__canon(ref, mpm_hub_canon(call->hub, WANTED)), out);
}

bool
mpm__key_of_arg(struct mpm_call *call, int i, struct mpm_key *out)
{
    return mpm__key_of_ref(call, call->args[i], out);
}

bool
mpm__key_of_value(struct mpm_call *call, const struct mpm_value *v, struct mpm_key *out)
{
    return take_key(call, mpm__canon_value(v, mpm_hub_canon(call->hub, WANTED)), out);
}

/* --- entries ------------------------------------------------------------------------------------------------------ */

struct search {
    const struct mpm_canon *wanted;
    struct mpm_canon *scratch;
};

static int
same(const void *key, void *wanted)
{
    const struct search *s = wanted;

    return mpm__canon_equals(key, s->wanted, s->scratch);
}

struct mpm_map_entry *
mpm__table_find(struct mpm_call *call, const struct mpm_table *t, const struct mpm_key *key, int *error)
{
    struct search s = { key->canon, mpm_hub_canon(call->hub, SCRATCH) };

    *error = 0;
    if (key->canon->is_nan)
        return NULL;
    return mpm__map_find(&t->map, key->hash, same, &s, error);
}

/* A key of a table, which is looked at when an entry has the same hash. */
struct lazy_search {
    struct mpm_call *call;
    const struct mpm_value *key;
    const struct mpm_canon *wanted; /* NULL: not looked at yet */
};

static int
same_lazily(const void *key, void *wanted)
{
    struct lazy_search *s = wanted;
    struct mpm_canon *canon = mpm_hub_canon(s->call->hub, WANTED);
    int r;

    if (s->wanted == NULL) {
        r = mpm__canon_value(s->key, canon);
        if (r != 0)
            return r;
        s->wanted = canon;
    }
    return s->wanted->is_nan ? 0 : mpm__canon_equals(key, s->wanted, mpm_hub_canon(s->call->hub, SCRATCH));
}

struct mpm_map_entry *
mpm__table_find_as(struct mpm_call *call, const struct mpm_table *t, struct mpm_map_entry *other, int *error)
{
    struct lazy_search s = { call, mpm__key_of(other), NULL };

    return mpm__map_find(&t->map, other->hash, same_lazily, &s, error);
}

/* `cost`: of the table when there is room. */
static int
reserve(struct mpm_call *call, struct mpm_table *t, size_t n, bool at_front, size_t cost)
{
    size_t now = mpm__map_cost(&t->map), counted = cost > now ? cost : now;
    int r;

    if (cost == SIZE_MAX)
        return MPM_ENOMEM; /* more entries than there are numbers for */
    r = mpm_charge(call->hub, counted - now);
    if (r != 0)
        return r;
    r = at_front ? mpm__map_reserve_first(&t->map) : mpm__map_reserve(&t->map, n);
    mpm_discharge(call->hub, counted - mpm__map_cost(&t->map));
    return r;
}

int
mpm__table_reserve(struct mpm_call *call, struct mpm_table *t, size_t n)
{
    return reserve(call, t, n, false, mpm__map_cost_with(&t->map, n));
}

int
mpm__table_reserve_first(struct mpm_call *call, struct mpm_table *t)
{
    return reserve(call, t, 1, true, mpm__map_cost_first(&t->map));
}

struct mpm_map_entry *
mpm__table_add(struct mpm_table *t, const struct mpm_key *key, struct mpm_value *k, struct mpm_value *v)
{
    struct mpm_map_entry *e = mpm__map_add(&t->map, key->hash);

    *mpm__key_of(e) = *k;
    *k = (struct mpm_value){ 0 };
    if (v != NULL) {
        *mpm__value_of(e) = *v;
        *v = (struct mpm_value){ 0 };
    }
    return e;
}

void
mpm__table_remove(struct mpm_hub *hub, struct mpm_table *t, struct mpm_map_entry *e)
{
    struct mpm_value key = *mpm__key_of(e), value = *mpm__value_of(e);

    mpm__map_remove(&t->map, e);
    mpm_forget(hub, &key);
    mpm_forget(hub, &value);
}

/* Key, value and place are in call->grant.value, value and grant.more. */
static void
unpop(struct mpm_call *call)
{
    struct mpm_table *t = call->pointer;
    struct mpm_map_entry *e = mpm__map_restore(&t->map, (uint32_t)(uintptr_t)call->grant.more, (uint64_t)call->number);

    *mpm__key_of(e) = call->grant.value;
    *mpm__value_of(e) = call->value;
    call->grant.value = call->value = (struct mpm_value){ 0 };
}

void
mpm__table_pop(struct mpm_call *call, struct mpm_table *t, struct mpm_map_entry *e)
{
    call->grant.value = *mpm__key_of(e);
    call->grant.more = (void *)(uintptr_t)mpm__map_place(&t->map, e);
    call->value = *mpm__value_of(e);
    call->number = (int64_t)e->hash;
    call->pointer = t;
    call->untold = unpop;
    mpm__map_remove(&t->map, e);
}

static void
unadd(struct mpm_call *call)
{
    struct mpm_table *t = call->pointer;

    mpm__table_remove(call->hub, t, &t->map.entries[call->number]);
}

void
mpm__table_added(struct mpm_call *call, struct mpm_table *t, struct mpm_map_entry *e)
{
    call->number = mpm__map_place(&t->map, e);
    call->pointer = t;
    call->untold = unadd;
}

void
mpm__table_wipe(struct mpm_hub *hub, struct mpm_table *t)
{
    struct mpm_table old = *t;

    *t = (struct mpm_table){ 0 };
    for (struct mpm_map_entry *e = NULL; (e = mpm__map_next(&old.map, e)) != NULL;) {
        mpm_forget(hub, mpm__key_of(e));
        mpm_forget(hub, mpm__value_of(e));
    }
    mpm_discharge(hub, mpm__map_cost(&old.map));
    mpm__map_wipe(&old.map);
}

/* A removed entry has neither: both are empty. */
void
mpm__table_write_keys(struct mpm_writer *w, const struct mpm_table *t)
{
    struct mpm_map_entry *e = mpm__map_next(&t->map, NULL);

    if (e != NULL)
        mpm_write_values(w, NULL, mpm__key_of(e), t->map.used - mpm__map_place(&t->map, e), sizeof *e);
}

void
mpm__table_write_values(struct mpm_writer *w, struct mpm_sharing *sharing, const struct mpm_table *t)
{
    struct mpm_map_entry *e = mpm__map_next(&t->map, NULL);

    if (e != NULL)
        mpm_write_values(w, sharing, mpm__value_of(e), t->map.used - mpm__map_place(&t->map, e), sizeof *e);
}

/* Where in `t` each key of `more` is, NOWHERE for new ones, for which there is room then. Returns 0, MPM_ELIMIT or
 * MPM_ENOMEM. */
#define NOWHERE UINT32_MAX
static int
find_all(struct mpm_call *call, struct mpm_table *t, const struct mpm_table *more, uint32_t *places)
{
    uint32_t first, used;
    size_t n_new;
    int r = 0;

    do { /* again when the entries moved to make room */
        struct mpm_map_entry *e = NULL, *there;
        uint32_t *place = places;

        first = t->map.first;
        used = t->map.used;
        n_new = 0;
        while ((e = mpm__map_next(&more->map, e)) != NULL) {
            there = mpm__table_find_as(call, t, e, &r);
            if (r != 0)
                return r;
            *place++ = there != NULL ? mpm__map_place(&t->map, there) : NOWHERE;
            n_new += there == NULL;
        }
        r = mpm__table_reserve(call, t, n_new);
    } while (r == 0 && (t->map.first != first || t->map.used != used));
    return r;
}

int
mpm__table_merge(struct mpm_call *call, struct mpm_table *t, struct mpm_table *more)
{
    struct mpm_map_entry *e = NULL, *there;
    struct mpm_value old;
    uint32_t *places, *place;
    int r;

    if (t->map.n == 0) {
        struct mpm_table empty = *t;

        *t = *more;
        *more = empty;
        mpm__table_wipe(call->hub, more);
        return 0;
    }
    places = mpm__resize(NULL, more->map.n, sizeof(*places));
    r = places != NULL ? find_all(call, t, more, places) : MPM_ENOMEM;
    for (place = places; r == 0 && (e = mpm__map_next(&more->map, e)) != NULL; place++) {
        if (*place == NOWHERE) {
            there = mpm__map_add(&t->map, e->hash);
            *mpm__key_of(there) = *mpm__key_of(e);
            *mpm__key_of(e) = (struct mpm_value){ 0 };
        } else {
            there = &t->map.entries[*place];
        }
        old = *mpm__value_of(there);
        *mpm__value_of(there) = *mpm__value_of(e);
        *mpm__value_of(e) = old; /* is forgotten with `more` */
    }
    mpm__free(places);
    if (r == 0)
        mpm__table_wipe(call->hub, more);
    return r;
}

int
mpm__table_copy(struct mpm_call *call, const struct mpm_table *t, struct mpm_table *out)
{
    struct mpm_map_entry *e = NULL, *copy;
    int r;

    *out = (struct mpm_table){ 0 };
    r = mpm__table_reserve(call, out, t->map.n);
    while (r == 0 && (e = mpm__map_next(&t->map, e)) != NULL) {
        copy = mpm__map_add(&out->map, e->hash);
        r = mpm_keep_again(call, mpm__key_of(e), mpm__key_of(copy));
        if (r == 0 && !mpm_value_is_empty(mpm__value_of(e)))
            r = mpm_keep_again(call, mpm__value_of(e), mpm__value_of(copy));
    }
    if (r != 0)
        mpm__table_wipe(call->hub, out);
    return r;
}

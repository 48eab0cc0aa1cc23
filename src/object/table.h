/*
 * table.h - values found by value: what dict, OrderedDict and set are made of. Layer: object.
 *
 * base/map.h with keys compared as Python compares them (value/canon.h) and hashed with the hub's secret key. Keys
 * and values are stored ones: counted against --max-memory with the table's own memory, pinned, forgotten when
 * removed.
 */
#ifndef MPM_OBJECT_TABLE_H
#define MPM_OBJECT_TABLE_H

#include "base/map.h"
#include "object/object.h"
#include "value/canon.h"

/* Zeroed is valid: empty. */
struct mpm_table {
    struct mpm_map map;
};

static inline struct mpm_value *
mpm__key_of(struct mpm_map_entry *e)
{
    return (struct mpm_value *)(void *)e->key;
}

static inline struct mpm_value *
mpm__value_of(struct mpm_map_entry *e)
{
    return (struct mpm_value *)(void *)e->value;
}

/* A key that was looked at: valid until the next mpm__key_*() of the same hub. */
struct mpm_key {
    uint64_t hash;
    const struct mpm_canon *canon;
};
/* False: an exception is the call's result (TypeError "unhashable type: 'list'"). `out` may be NULL: only whether it
 * can be. */
bool mpm__key_of_arg(struct mpm_call *call, int i, struct mpm_key *out);
bool mpm__key_of_ref(struct mpm_call *call, struct mpm_ref ref, struct mpm_key *out);
bool mpm__key_of_value(struct mpm_call *call, const struct mpm_value *v, struct mpm_key *out);

/* The entry, or NULL; when *error is not 0 the search failed (mpm_raise_code() it). */
struct mpm_map_entry *mpm__table_find(struct mpm_call *call, const struct mpm_table *t, const struct mpm_key *key,
    int *error);
/* Room for n more entries. Returns 0, MPM_ELIMIT or MPM_ENOMEM. */
int mpm__table_reserve(struct mpm_call *call, struct mpm_table *t, size_t n);
/* The same for a new first entry, by mpm__map_add_first(). */
int mpm__table_reserve_first(struct mpm_call *call, struct mpm_table *t);
/* A new last entry; room is reserved and no entry has that key. Key and value are taken; for a set value is NULL.
 * Cannot fail. */
struct mpm_map_entry *mpm__table_add(struct mpm_table *t, const struct mpm_key *key, struct mpm_value *k,
    struct mpm_value *v);
/* Forgets key and value. To keep one of them, move it out and empty it first. */
void mpm__table_remove(struct mpm_hub *hub, struct mpm_table *t, struct mpm_map_entry *e);
/* The same for methods that give the entry away: it comes back when the reply cannot be written (call->untold). */
void mpm__table_pop(struct mpm_call *call, struct mpm_table *t, struct mpm_map_entry *e);
/* An entry that was added now, for methods whose reply has it: it goes again when the reply cannot be written. */
void mpm__table_added(struct mpm_call *call, struct mpm_table *t, struct mpm_map_entry *e);
/* Forgets all and frees the memory. */
void mpm__table_wipe(struct mpm_hub *hub, struct mpm_table *t);
/* All keys, or all values, one after another; sharing: see mpm_write_values(). */
void mpm__table_write_keys(struct mpm_writer *w, const struct mpm_table *t);
void mpm__table_write_values(struct mpm_writer *w, struct mpm_sharing *sharing, const struct mpm_table *t);
/* The entry of `t` that has the key of an entry of another table; as mpm__table_find(). */
struct mpm_map_entry *mpm__table_find_as(struct mpm_call *call, const struct mpm_table *t, struct mpm_map_entry *other,
    int *error);
/* Puts all entries of `more` into `t`: of keys that are there the values are replaced, the others come behind.
 * Returns 0 and leaves `more` empty, or MPM_ELIMIT or MPM_ENOMEM and changes neither. */
int mpm__table_merge(struct mpm_call *call, struct mpm_table *t, struct mpm_table *more);
/* The same entries in the same order, stored for call->object. Returns 0, MPM_ELIMIT or MPM_ENOMEM; then *out is
 * empty. */
int mpm__table_copy(struct mpm_call *call, const struct mpm_table *t, struct mpm_table *out);

#endif

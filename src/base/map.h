/*
 * map.h - a hash table that keeps the order of insertion, as Python's dict does. Layer: base.
 *
 * Knows neither what keys are nor how they hash or compare: the caller brings a hash (keyed, when the keys come from
 * peers) and a comparison that may fail. Keys and values are 16 bytes each, copied as they are; what they own is the
 * caller's to free.
 */
#ifndef MPM_BASE_MAP_H
#define MPM_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mpm_map_entry {
    uint64_t hash;           /* MPM_MAP_LIVE is set in it, unless it was removed: then all is 0 */
    _Alignas(8) uint8_t key[16];
    _Alignas(8) uint8_t value[16];
};
#define MPM_MAP_LIVE (UINT64_C(1) << 63)

/* Zeroed is valid: an empty map without memory. */
struct mpm_map {
    struct mpm_map_entry *entries; /* in order of insertion, with holes */
    uint32_t *index;               /* open addressing: 0 free, else see map.c; NULL while the map is small */
    uint32_t n;                    /* live entries */
    uint32_t first;                /* no entry before this one is live */
    uint32_t used;                 /* and none from this one on */
    uint32_t cap;                  /* of `entries` */
    uint32_t slots;                /* of the index, a power of two */
    uint32_t filled;               /* of them, with those of removed entries; at most half */
};

/* 1: equal, 0: not, negative: an MPM_E* code that ends the search. `key`: the 16 bytes of an entry. */
typedef int mpm_map_same(const void *key, void *wanted);

/* The entry whose key is the same; NULL: none, or *error is not 0. */
struct mpm_map_entry *mpm__map_find(const struct mpm_map *m, uint64_t hash, mpm_map_same *same, void *wanted, int *error);
/* Room for `more` further entries. Entries may move; their order does not change. Returns 0, MPM_ENOMEM or
 * MPM_ELIMIT. */
int mpm__map_reserve(struct mpm_map *m, size_t more);
/* A new last entry, hash set and the rest zeroed. Room is reserved and no entry has that key. */
struct mpm_map_entry *mpm__map_add(struct mpm_map *m, uint64_t hash);
/* The same for a new first entry. */
int mpm__map_reserve_first(struct mpm_map *m);
struct mpm_map_entry *mpm__map_add_first(struct mpm_map *m, uint64_t hash);
/* Bytes of memory that the map occupies, and would after mpm__map_reserve(), mpm__map_reserve_first(). */
size_t mpm__map_cost(const struct mpm_map *m);
size_t mpm__map_cost_with(const struct mpm_map *m, size_t more);
size_t mpm__map_cost_first(const struct mpm_map *m);
/* Other entries stay where they are. */
void mpm__map_remove(struct mpm_map *m, struct mpm_map_entry *entry);
/* What was removed last comes back, with this hash and place and all else 0, before anything was added. */
struct mpm_map_entry *mpm__map_restore(struct mpm_map *m, uint32_t place, uint64_t hash);
static inline uint32_t
mpm__map_place(const struct mpm_map *m, const struct mpm_map_entry *e)
{
    return (uint32_t)(e - m->entries);
}
/* For walks that are interrupted: the first entry whose number is `place` or more; NULL: none. A number that
 * reserving made meaningless does no harm. */
static inline struct mpm_map_entry *
mpm__map_from(const struct mpm_map *m, uint32_t place)
{
    for (uint32_t i = place > m->first ? place : m->first; i < m->used; i++) {
        if (m->entries[i].hash != 0)
            return &m->entries[i];
    }
    return NULL;
}
/* The entry after `entry` (NULL: the first) in order of insertion; NULL at the end. While walking, entries may be
 * removed, the current one as well, but not added. */
static inline struct mpm_map_entry *
mpm__map_next(const struct mpm_map *m, const struct mpm_map_entry *entry)
{
    struct mpm_map_entry *e, *end;

    if (m->n == 0)
        return NULL;
    end = m->entries + m->used;
    e = entry == NULL ? m->entries + m->first : m->entries + (entry - m->entries) + 1;
    while (e < end && e->hash == 0)
        e++;
    return e < end ? e : NULL;
}
/* The newest entry; NULL when empty. */
struct mpm_map_entry *mpm__map_last(const struct mpm_map *m);
/* Frees the memory; the map is empty and usable again. */
void mpm__map_wipe(struct mpm_map *m);

#endif

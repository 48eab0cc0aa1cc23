/*
 * map.c - entries in an array in order of insertion, found through an index of their numbers. Layer: base.
 *
 * A removed entry stays as a hole, and the index slot that names it stays as a tombstone, until the array is full:
 * then the live ones move together and the index is built anew. Thus adding is O(1) on average whatever was removed.
 * Maps of up to SMALL entries have no index: comparing hashes one after another is as fast and saves memory.
 */
#include "base/map.h"

#include <assert.h>
#include <string.h>

#include <mpmd/error.h>

#include "base/alloc.h"

#define SMALL 8
/* entry number + 1 and twice the number of slots stay within 32 bits */
#define CAP_MAX (UINT32_C(1) << 30)

static uint32_t
mask_of(const struct mpm_map *m)
{
    return m->cap * 2 - 1;
}

struct mpm_map_entry *
mpm__map_find(const struct mpm_map *m, uint64_t hash, mpm_map_same *same, void *wanted, int *error)
{
    int r;

    *error = 0;
    hash |= MPM_MAP_LIVE;
    if (m->index == NULL) {
        for (uint32_t i = m->first; i < m->used; i++) {
            struct mpm_map_entry *e = &m->entries[i];

            if (e->hash == hash && (r = same(e->key, wanted)) != 0) {
                *error = r < 0 ? r : 0;
                return r > 0 ? e : NULL;
            }
        }
        return NULL;
    }
    for (uint32_t slot = (uint32_t)hash & mask_of(m); m->index[slot] != 0; slot = (slot + 1) & mask_of(m)) {
        struct mpm_map_entry *e = &m->entries[m->index[slot] - 1];

        if (e->hash == hash && (r = same(e->key, wanted)) != 0) {
            *error = r < 0 ? r : 0;
            return r > 0 ? e : NULL;
        }
    }
    return NULL;
}

static void
index_entry(struct mpm_map *m, uint32_t i)
{
    uint32_t slot = (uint32_t)m->entries[i].hash & mask_of(m);

    while (m->index[slot] != 0)
        slot = (slot + 1) & mask_of(m);
    m->index[slot] = i + 1;
}

int
mpm__map_reserve(struct mpm_map *m, size_t more)
{
    struct mpm_map_entry *entries;
    uint32_t *index = NULL, cap = SMALL, n = 0;
    size_t wanted = m->n + more;

    if (more <= m->cap - m->used)
        return 0;
    if (more > CAP_MAX || wanted > CAP_MAX)
        return MPM_ELIMIT;
    /* a quarter stays free, lest a map that is always nearly full were rebuilt at every addition */
    while (cap < wanted || (cap > SMALL && cap - wanted < cap / 4 && cap < CAP_MAX))
        cap *= 2;
    entries = mpm__array(cap, sizeof(*entries));
    if (entries == NULL)
        return MPM_ENOMEM;
    if (cap > SMALL && (index = mpm__array((size_t)cap * 2, sizeof(*index))) == NULL) {
        mpm__free(entries);
        return MPM_ENOMEM;
    }
    for (uint32_t i = m->first; i < m->used; i++) {
        if (m->entries[i].hash != 0)
            entries[n++] = m->entries[i];
    }
    assert(n == m->n);
    mpm__free(m->entries);
    mpm__free(m->index);
    *m = (struct mpm_map){ .entries = entries, .index = index, .n = n, .used = n, .cap = cap };
    for (uint32_t i = 0; index != NULL && i < n; i++)
        index_entry(m, i);
    return 0;
}

struct mpm_map_entry *
mpm__map_add(struct mpm_map *m, uint64_t hash)
{
    struct mpm_map_entry *e = &m->entries[m->used];

    assert(m->used < m->cap);
    *e = (struct mpm_map_entry){ .hash = hash | MPM_MAP_LIVE };
    if (m->index != NULL)
        index_entry(m, m->used);
    m->used++;
    m->n++;
    return e;
}

void
mpm__map_remove(struct mpm_map *m, struct mpm_map_entry *entry)
{
    assert(entry->hash != 0);
    memset(entry, 0, sizeof(*entry));
    m->n--;
    while (m->first < m->used && m->entries[m->first].hash == 0)
        m->first++;
    if (m->n == 0 && m->index == NULL)
        m->used = m->first = 0;
}

struct mpm_map_entry *
mpm__map_next(const struct mpm_map *m, const struct mpm_map_entry *entry)
{
    uint32_t i = entry == NULL ? m->first : (uint32_t)(entry - m->entries) + 1;

    for (; i < m->used; i++) {
        if (m->entries[i].hash != 0)
            return &m->entries[i];
    }
    return NULL;
}

struct mpm_map_entry *
mpm__map_last(const struct mpm_map *m)
{
    for (uint32_t i = m->used; i > m->first; i--) {
        if (m->entries[i - 1].hash != 0)
            return &m->entries[i - 1];
    }
    return NULL;
}

void
mpm__map_wipe(struct mpm_map *m)
{
    mpm__free(m->entries);
    mpm__free(m->index);
    memset(m, 0, sizeof(*m));
}

size_t
mpm__map_cost(const struct mpm_map *m)
{
    return m->cap * sizeof(*m->entries) + (m->index != NULL ? (size_t)m->cap * 2 * sizeof(*m->index) : 0);
}

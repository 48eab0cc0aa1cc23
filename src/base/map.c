/*
 * map.c - entries in an array in order of insertion, found through an index of their numbers. Layer: base.
 *
 * A removed entry stays as a hole, and the index slot that names it stays taken, until half of the index is: then
 * the live entries move together and the index is built anew. At either end of the array there are no holes, so that
 * the first and the last entry are found at once; places given back there are used again. Thus adding and removing
 * at both ends are O(1) on average whatever was removed. Maps of up to SMALL entries have no index: comparing hashes
 * one after another is as fast and saves memory.
 */
#include "base/map.h"

#include <assert.h>
#include <string.h>

#include <mpmd/error.h>

#include "base/alloc.h"

#define SMALL 8
/*
 * A slot of the index is an entry number + 1 in as many low bits as the number of slots has, which is more than there
 * are entries; the rest is of the entry's hash. So that of 1,000,000 entries, of which none is in a cache, nearly always
 * the one that is looked for is the only one touched. (Half of the searches touched another one before.)
 */
/* entry number + 1 and the number of slots stay within 32 bits */
#define N_MAX (UINT32_C(1) << 30)

/* What slots of entries with that hash have above the number. */
static inline uint32_t
tag_of(const struct mpm_map *m, uint64_t hash)
{
    return (uint32_t)(hash >> 31) & ~(m->slots - 1);
}

static inline uint32_t
number_in(const struct mpm_map *m, uint32_t slot)
{
    return (slot & (m->slots - 1)) - 1;
}

struct mpm_map_entry *
mpm__map_find(const struct mpm_map *m, uint64_t hash, mpm_map_same *same, void *wanted, int *error)
{
    uint32_t slot, tag;
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
    tag = tag_of(m, hash);
    for (uint32_t i = (uint32_t)hash & (m->slots - 1); (slot = m->index[i]) != 0; i = (i + 1) & (m->slots - 1)) {
        struct mpm_map_entry *e = &m->entries[number_in(m, slot)];

        if (((slot ^ tag) & ~(m->slots - 1)) == 0 && e->hash == hash && (r = same(e->key, wanted)) != 0) {
            *error = r < 0 ? r : 0;
            return r > 0 ? e : NULL;
        }
    }
    return NULL;
}

static void
index_entry(struct mpm_map *m, uint32_t i)
{
    uint32_t slot = (uint32_t)m->entries[i].hash & (m->slots - 1);

    while (m->index[slot] != 0)
        slot = (slot + 1) & (m->slots - 1);
    m->index[slot] = tag_of(m, m->entries[i].hash) | (i + 1);
    m->filled++;
}

/* --- room --------------------------------------------------------------------------------------------------------- */

/* How a map is to look when there is room. */
struct plan {
    uint32_t cap, slots;
    uint32_t front;  /* free places before the first entry */
    bool is_rebuilt; /* else only the array grows, if at all */
};

static uint32_t
at_least(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* Returns 0 or MPM_ELIMIT. */
static int
make_plan(const struct mpm_map *m, size_t more, bool at_front, struct plan *p)
{
    bool has_shrunk = at_front || m->filled > m->n || m->used - m->first > m->n;
    uint32_t n, left;

    if (more > N_MAX || m->n + more > N_MAX)
        return MPM_ELIMIT;
    n = m->n + (uint32_t)more;
    *p = (struct plan){ .cap = m->cap, .slots = m->slots };
    left = m->index != NULL ? m->slots / 2 - m->filled : SMALL - m->used;
    if (!at_front && more <= left) {
        if (more <= m->cap - m->used)
            return 0;
        /* a quarter more each time: little is wasted, and large blocks grow without being copied */
        p->cap = at_least(m->used + (uint32_t)more, m->cap + m->cap / 4 + SMALL / 2);
        if (p->cap > m->used + left)
            p->cap = m->used + left;
        return 0;
    }
    if (at_front && m->first > 0 && (m->index == NULL || more <= left))
        return 0;
    p->is_rebuilt = true;
    p->front = at_front ? m->n / 4 + SMALL / 2 : 0;
    p->slots = 0;
    p->cap = p->front + at_least(n, m->n + m->n / 4 + SMALL / 2);
    if (p->cap > SMALL) {
        /* a quarter stays free, lest a map that is always nearly full were rebuilt at every addition */
        p->slots = 4 * SMALL;
        while (p->slots / 2 < n || (has_shrunk && p->slots / 2 - n < n / 4 && p->slots / 2 < N_MAX))
            p->slots *= 2;
        if (p->cap > p->front + p->slots / 2)
            p->cap = p->front + p->slots / 2;
    } else {
        p->cap = SMALL;
    }
    if (p->cap <= m->cap && p->cap >= m->cap / 2)
        p->cap = m->cap;
    return 0;
}

static size_t
cost_of(const struct plan *p)
{
    return p->cap * sizeof(struct mpm_map_entry) + p->slots * sizeof(uint32_t);
}

/* Moves the live entries together, to the place `front` of `to`, which may be where they are. */
static void
compact(struct mpm_map *m, struct mpm_map_entry *to, uint32_t front)
{
    uint32_t n = 0;

    for (uint32_t i = m->first; i < m->used; i++) {
        if (m->entries[i].hash != 0)
            to[n++] = m->entries[i];
    }
    assert(n == m->n);
    if (front > 0)
        memmove(to + front, to, n * sizeof(*to));
    m->first = front;
    m->used = front + n;
    m->filled = 0;
}

static int
rebuild(struct mpm_map *m, const struct plan *p)
{
    struct mpm_map_entry *entries = m->entries;
    uint32_t *index = p->slots == m->slots ? m->index : NULL;

    if (p->slots != m->slots && p->slots != 0 && (index = mpm__array(p->slots, sizeof(*index))) == NULL)
        return MPM_ENOMEM;
    if (p->cap > m->cap)
        entries = mpm__resize(m->entries, p->cap, sizeof(*entries));
    else if (p->cap < m->cap)
        entries = mpm__resize(NULL, p->cap, sizeof(*entries));
    if (entries == NULL) {
        if (index != m->index)
            mpm__free(index);
        return MPM_ENOMEM;
    }
    if (p->cap > m->cap)
        m->entries = entries;
    compact(m, entries, p->front);
    if (entries != m->entries)
        mpm__free(m->entries);
    if (index != m->index)
        mpm__free(m->index);
    else if (index != NULL)
        memset(index, 0, p->slots * sizeof(*index));
    m->entries = entries;
    m->index = index;
    m->cap = p->cap;
    m->slots = p->slots;
    for (uint32_t i = m->first; index != NULL && i < m->used; i++)
        index_entry(m, i);
    return 0;
}

static int
reserve(struct mpm_map *m, size_t more, bool at_front)
{
    struct mpm_map_entry *entries;
    struct plan p;
    int r = make_plan(m, more, at_front, &p);

    if (r != 0)
        return r;
    if (p.is_rebuilt)
        return rebuild(m, &p);
    if (p.cap == m->cap)
        return 0;
    entries = mpm__resize(m->entries, p.cap, sizeof(*entries));
    if (entries == NULL)
        return MPM_ENOMEM;
    m->entries = entries;
    m->cap = p.cap;
    return 0;
}

int
mpm__map_reserve(struct mpm_map *m, size_t more)
{
    return reserve(m, more, false);
}

int
mpm__map_reserve_first(struct mpm_map *m)
{
    return reserve(m, 1, true);
}

size_t
mpm__map_cost(const struct mpm_map *m)
{
    return cost_of(&(struct plan){ .cap = m->cap, .slots = m->slots });
}

static size_t
cost_after(const struct mpm_map *m, size_t more, bool at_front)
{
    struct plan p;

    return make_plan(m, more, at_front, &p) == 0 ? cost_of(&p) : SIZE_MAX;
}

size_t
mpm__map_cost_with(const struct mpm_map *m, size_t more)
{
    return cost_after(m, more, false);
}

size_t
mpm__map_cost_first(const struct mpm_map *m)
{
    return cost_after(m, 1, true);
}

/* --- entries ------------------------------------------------------------------------------------------------------ */

static struct mpm_map_entry *
set_up(struct mpm_map *m, uint32_t i, uint64_t hash)
{
    m->entries[i] = (struct mpm_map_entry){ .hash = hash | MPM_MAP_LIVE };
    if (m->index != NULL)
        index_entry(m, i);
    m->n++;
    return &m->entries[i];
}

struct mpm_map_entry *
mpm__map_add(struct mpm_map *m, uint64_t hash)
{
    assert(m->used < m->cap);
    return set_up(m, m->used++, hash);
}

struct mpm_map_entry *
mpm__map_add_first(struct mpm_map *m, uint64_t hash)
{
    assert(m->first > 0);
    return set_up(m, --m->first, hash);
}

void
mpm__map_remove(struct mpm_map *m, struct mpm_map_entry *entry)
{
    assert(entry->hash != 0);
    memset(entry, 0, sizeof(*entry));
    m->n--;
    while (m->first < m->used && m->entries[m->first].hash == 0)
        m->first++;
    while (m->used > m->first && m->entries[m->used - 1].hash == 0)
        m->used--;
    if (m->n == 0 && m->index == NULL)
        m->used = m->first = 0;
}

struct mpm_map_entry *
mpm__map_restore(struct mpm_map *m, uint32_t place, uint64_t hash)
{
    assert(m->entries[place].hash == 0 && (hash & MPM_MAP_LIVE) != 0);
    m->entries[place].hash = hash; /* which the index still knows */
    if (m->n == 0 || place < m->first)
        m->first = place;
    if (m->n == 0 || place >= m->used)
        m->used = place + 1;
    m->n++;
    return &m->entries[place];
}

struct mpm_map_entry *
mpm__map_last(const struct mpm_map *m)
{
    return m->n > 0 ? &m->entries[m->used - 1] : NULL;
}

void
mpm__map_wipe(struct mpm_map *m)
{
    mpm__free(m->entries);
    mpm__free(m->index);
    memset(m, 0, sizeof(*m));
}

/* idmap.c - open addressing with linear probing; removal moves followers back, so there are no tombstones. Layer:
 * base. */
#include "base/idmap.h"

#include <mpmd/error.h>

#include "base/alloc.h"

static size_t
home(const struct mpm_idmap *m, uint64_t key)
{
    return (size_t)((key * 0x9e3779b97f4a7c15u) >> 20) & (m->cap - 1);
}

/* The key's slot, or the free one where it would go; the map is never full. */
static size_t
find(const struct mpm_idmap *m, uint64_t key)
{
    size_t i = home(m, key);

    while (m->slots[i].value != NULL && m->slots[i].key != key)
        i = (i + 1) & (m->cap - 1);
    return i;
}

void *
mpm__idmap_get(const struct mpm_idmap *m, uint64_t key)
{
    return m->n != 0 ? m->slots[find(m, key)].value : NULL;
}

static int
grow(struct mpm_idmap *m)
{
    struct mpm_idmap bigger = { .n = m->n, .cap = m->cap != 0 ? m->cap * 2 : 8 };

    bigger.slots = mpm__array(bigger.cap, sizeof *bigger.slots);
    if (bigger.slots == NULL)
        return MPM_ENOMEM;
    for (size_t i = 0; i < m->cap; i++)
        if (m->slots[i].value != NULL)
            bigger.slots[find(&bigger, m->slots[i].key)] = m->slots[i];
    mpm__free(m->slots);
    *m = bigger;
    return 0;
}

int
mpm__idmap_set(struct mpm_idmap *m, uint64_t key, void *value)
{
    size_t i;

    if (m->n != 0) {
        i = find(m, key);
        if (m->slots[i].value != NULL) {
            m->slots[i].value = value;
            return 0;
        }
    }
    if ((m->n + 1) * 4 > m->cap * 3 && grow(m) != 0)
        return MPM_ENOMEM;
    m->slots[find(m, key)] = (struct mpm_idmap_slot){ key, value };
    m->n++;
    return 0;
}

void *
mpm__idmap_remove(struct mpm_idmap *m, uint64_t key)
{
    size_t i, j;
    void *value;

    if (m->n == 0)
        return NULL;
    i = find(m, key);
    value = m->slots[i].value;
    if (value == NULL)
        return NULL;
    for (j = (i + 1) & (m->cap - 1); m->slots[j].value != NULL; j = (j + 1) & (m->cap - 1)) {
        /* may j's entry move to i? only when its home is not behind i */
        if (((j - home(m, m->slots[j].key)) & (m->cap - 1)) >= ((j - i) & (m->cap - 1))) {
            m->slots[i] = m->slots[j];
            i = j;
        }
    }
    m->slots[i].value = NULL;
    m->n--;
    return value;
}

const struct mpm_idmap_slot *
mpm__idmap_next(const struct mpm_idmap *m, size_t *i)
{
    while (*i < m->cap)
        if (m->slots[(*i)++].value != NULL)
            return &m->slots[*i - 1];
    return NULL;
}

void
mpm__idmap_wipe(struct mpm_idmap *m)
{
    mpm__free(m->slots);
    *m = (struct mpm_idmap){ 0 };
}

/* idmap.h - numbers to pointers. Layer: base. For keys that we chose ourselves: the hash has no secret. */
#ifndef MPM_BASE_IDMAP_H
#define MPM_BASE_IDMAP_H

#include <stddef.h>
#include <stdint.h>

struct mpm_idmap_slot {
    uint64_t key;
    void *value; /* NULL: free */
};

/* Zeroed is valid. */
struct mpm_idmap {
    struct mpm_idmap_slot *slots;
    size_t n, cap; /* cap: a power of two, or 0 */
};

/* NULL when there is none. */
void *mpm__idmap_get(const struct mpm_idmap *m, uint64_t key);
/* Adds or replaces; value is not NULL. Returns 0 or MPM_ENOMEM (replacing cannot fail). */
int mpm__idmap_set(struct mpm_idmap *m, uint64_t key, void *value);
/* Returns what was there; NULL: nothing. */
void *mpm__idmap_remove(struct mpm_idmap *m, uint64_t key);
void mpm__idmap_wipe(struct mpm_idmap *m);

/* for (size_t i = 0; (slot = mpm__idmap_next(m, &i)) != NULL;) - in no order; do not change the map meanwhile. */
const struct mpm_idmap_slot *mpm__idmap_next(const struct mpm_idmap *m, size_t *i);

#endif

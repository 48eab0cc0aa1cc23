/* heap.h - deadlines, earliest first; each timer knows its place, so that it can leave at any time. Layer: base. */
#ifndef MPM_BASE_HEAP_H
#define MPM_BASE_HEAP_H

#include <stddef.h>
#include <stdint.h>

/* Embedded in what has a deadline. Zeroed: not set. */
struct mpm_timer {
    int64_t at_ns;     /* monotonic */
    uint64_t order;    /* of two with the same time the one set first comes first */
    size_t place;      /* in the heap, from 1; 0: not set */
    uint8_t kind;      /* the user's: what it is embedded in */
};

struct mpm_heap {
    struct mpm_timer **v;
    size_t n, cap;
    uint64_t n_orders;
};

/* Sets or moves a timer. Returns 0 or MPM_ENOMEM (moving one that is set cannot fail). INT64_MAX: never, takes it
 * out. */
int mpm__heap_set(struct mpm_heap *h, struct mpm_timer *t, int64_t at_ns);
/* Harmless when it is not set. */
void mpm__heap_unset(struct mpm_heap *h, struct mpm_timer *t);
/* The earliest; NULL when there is none. */
struct mpm_timer *mpm__heap_first(const struct mpm_heap *h);
void mpm__heap_wipe(struct mpm_heap *h);

#endif

/*
 * shelf.h - stored values in the order in which they are to go: first in first out, last in first out, smallest first.
 * Layer: object.
 *
 * Room is reserved before it is needed, so that what was taken away can always be put back. Knows nothing of waiting.
 */
#ifndef MPM_OBJECT_SHELF_H
#define MPM_OBJECT_SHELF_H

#include "object/object.h"
#include "value/order.h"

enum mpm_shelf_order { MPM_SHELF_FIFO = 0, MPM_SHELF_LIFO, MPM_SHELF_SMALLEST };

/* Zeroed but for the first two is empty. */
struct mpm_shelf {
    enum mpm_shelf_order order;
    /* SMALLEST: mpm__less_value(). Others: NULL. */
    int (*less)(const struct mpm_value *left, const struct mpm_value *right, struct mpm_unordered *why);
    struct mpm_value *v;  /* a ring of `cap` places, a power of two, whose memory is counted; SMALLEST: a heap in it */
    size_t cap, head, n;
    size_t reserved;      /* places that are kept free */
    uint32_t *tries;      /* of each place: what the value's last owner said of it (put_back); NULL: all 0 */
};

/* Keeps n more places free. Returns 0, MPM_ELIMIT (--max-memory) or MPM_ENOMEM. */
int mpm__shelf_reserve(struct mpm_hub *hub, struct mpm_shelf *shelf, size_t n);
/* Values may be put back with a number other than 0 from now on. Returns 0, MPM_ELIMIT or MPM_ENOMEM. */
int mpm__shelf_count_tries(struct mpm_hub *hub, struct mpm_shelf *shelf);
/* n of them need not be kept any more. */
void mpm__shelf_unreserve(struct mpm_hub *hub, struct mpm_shelf *shelf, size_t n);
/* Puts n values into reserved places, one after the other; they are taken. Returns 0, or what less() says; then
 * nothing has changed. */
int mpm__shelf_push(struct mpm_shelf *shelf, struct mpm_value *v, size_t n, struct mpm_unordered *why);
/* The one that goes next, in its place; the shelf must not be empty. */
const struct mpm_value *mpm__shelf_next(const struct mpm_shelf *shelf);
/* With what number it was put back the last time, else 0. */
uint32_t mpm__shelf_next_tries(const struct mpm_shelf *shelf);
/* Takes that one; its place stays reserved for it. tries: the same number; may be NULL. Returns 0, or what less() says;
 * then nothing has changed. */
int mpm__shelf_pop(struct mpm_shelf *shelf, struct mpm_value *out, uint32_t *tries, struct mpm_unordered *why);
/* Puts back what pop gave, into its reserved place; it goes next. Several: in the opposite order. *v is taken. */
void mpm__shelf_put_back(struct mpm_shelf *shelf, struct mpm_value *v, uint32_t tries);
/* Forgets all values; reserved places stay. */
void mpm__shelf_clear(struct mpm_hub *hub, struct mpm_shelf *shelf);
/* Frees all it has. */
void mpm__shelf_wipe(struct mpm_hub *hub, struct mpm_shelf *shelf);

#endif

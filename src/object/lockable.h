/*
 * lockable.h - what Lock, RLock and the semaphores have in common, and what a Condition needs of them. Layer: object.
 *
 * Waiters are served in order of arrival: as long as somebody waits, the lock is not free.
 */
#ifndef MPM_OBJECT_LOCKABLE_H
#define MPM_OBJECT_LOCKABLE_H

#include "object/object.h"

/* Begins the struct of every type whose mpm_type has `lockable`. */
struct mpm_lock {
    struct mpm_object base;
    struct mpm_calls waiters;   /* for the lock; call->number is how many levels each takes */
    struct mpm_list conditions; /* that are built on it */
    bool is_broken;             /* --on-owner-death break, and a holder died: for good */
    int64_t broken_by;          /* that holder's pid; 0: unknown */
};

struct mpm_lockable {
    /* Whether this owner may release it (RLock: it holds it; others: anybody holds it). */
    bool (*is_owned)(const struct mpm_lock *lock, const struct mpm_owner *owner);
    /* Takes it at once, or returns false. Cannot fail after reserve(). */
    bool (*try_take)(struct mpm_lock *lock, struct mpm_owner *owner, uint64_t levels, int64_t now_ns);
    /* Gives up all levels and returns them, for try_take(); the next waiter gets the lock. 0: that would be one
     * release too many (BoundedSemaphore(0)), nothing happened. */
    uint64_t (*release_all)(struct mpm_lock *lock, struct mpm_owner *owner, int64_t now_ns);
    /* Takes back up to `levels` of a grant that never reached its owner, unless it was released meanwhile. */
    void (*take_back)(struct mpm_lock *lock, struct mpm_owner *owner, uint64_t levels);
    /* Memory for n calls to be granted; may be NULL: none needed. Returns 0 or MPM_ENOMEM. */
    int (*reserve)(struct mpm_lock *lock, size_t n);
};

void mpm__lock_init(struct mpm_lock *lock);
/* The lock itself, or that of a Condition. */
struct mpm_lock *mpm__lock_of(struct mpm_object *object);
/* held_up_by: the lock itself. */
const struct mpm_object *mpm__lock_itself(struct mpm_object *self, const struct mpm_call *call);
/* Gives the lock to those who wait, as far as it goes. */
void mpm__lock_hand_on(struct mpm_lock *lock, int64_t now_ns);
/* Memory for one more call that will be granted. False: a MemoryError is the call's result. */
bool mpm__lock_reserve(struct mpm_lock *lock, struct mpm_call *call);
/* `acquire`: takes it, or waits until the deadline; one that has passed means not to wait. Returns True or False. */
enum mpm_outcome mpm__lock_acquire(struct mpm_lock *lock, struct mpm_call *call, int64_t deadline_ns);
/* Whether it is broken; then RuntimeError is the call's result. */
bool mpm__lock_is_broken(struct mpm_lock *lock, struct mpm_call *call);
/* Breaks it: all who wait for it, or for a notification under it, get RuntimeError. */
void mpm__lock_break(struct mpm_lock *lock, const struct mpm_owner *by);
/* condition.c: what that means to the Condition whose link is in lock->conditions. */
void mpm__condition_break(struct mpm_link *link);
size_t mpm__condition_n_waiting(const struct mpm_link *link);

/* A number; an int beyond every float is as good as infinite. Returns 0, MPM_ETYPE or MPM_ENOMEM. */
int mpm__number(struct mpm_call *call, int arg, double *number);
/* A timeout as methods written in Python take it: None waits for ever, what is not above 0 not at all. `cannot` and
 * `with`: how Python complains about what is no number: cannot + "'its type'" + with. False: an exception is set. */
bool mpm__timeout(struct mpm_call *call, int arg, const char *cannot, const char *with, int64_t *deadline_ns);
#define MPM_COMPARED "'>' not supported between instances of ", " and 'int'"
#define MPM_ADDED "unsupported operand type(s) for +: 'float' and ", ""
/* A number of units or parties: an int, or a float without a fraction; what is beyond 64 bits counts as the most there
 * can be. Below `minimum`: ValueError(too_small). `what` is for people. False: an exception is set. */
bool mpm__count(struct mpm_call *call, int arg, int64_t minimum, const char *too_small, const char *what, int64_t *out);
/* Arguments 0 and 1, `blocking=True timeout=-1`, as the locks written in C take them. False: an exception is set. */
bool mpm__blocking_timeout(struct mpm_call *call, int64_t *deadline_ns);

#endif

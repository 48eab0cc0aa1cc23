/* objects.h - typed calls: locks, queues, containers and values of a manager. Public. */
#ifndef MPMD_OBJECTS_H
#define MPMD_OBJECTS_H

#include <stddef.h>
#include <stdint.h>

#include <mpmd/client.h>
#include <mpmd/error.h>
#include <mpmd/value.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * One function for each method of the managed types, on a proxy from mpm_create(), mpm_proxy_from_token() or
 * mpm_proxy_from_ref(). What all of them share:
 *
 * proxy       borrowed. What kind of object it is, the server alone knows: a method that it has not is MPM_EUNSUP.
 * value, key  a builder that holds one value, made by mpm_client_builder(); borrowed and left as it is, so that it can
 *             be put again. Containers of C values: texts are UTF-8 and end in NUL.
 * out         returned documents are freed with mpm_document_close(), proxies with mpm_proxy_close(), texts with
 *             mpm_free(). NULL is allowed where "may be NULL" is said. Untouched on failure.
 * timeout_ns  how long the server waits: 0 (or less) does not wait, MPM_FOREVER has no end, else nanoseconds, which
 *             Python's floats round to 100 ns or so. How long this side waits for the reply, beyond that, is
 *             call_timeout_ns of the client's options.
 * err         may be NULL
 *
 * All return 0 or one of these, and, where said, others:
 *
 * MPM_EREMOTE   the method raised something else; mpm_client_exception() has the exception, here and wherever a code
 *               below stands for one
 * MPM_EUNSUP    the object has no such method: another type, an older server, or a stock one and a method of mpmd's
 * MPM_EINVAL    what was to be sent is nothing that can be: a text that is not UTF-8, a builder without one value, or
 *               for a later protocol than the server's
 * MPM_ETYPE     the answer is of another type than the function returns
 * MPM_ERANGE    the answer does not fit; for sequences: no such index
 * MPM_ECONN     the connection was lost, or no reply came within call_timeout_ns: mpm_client_unsure() tells whether the
 *               call may have happened
 * MPM_ENOMEM    no memory: the same
 * others        of mpm_connection_open(), when the client connects for its first call
 *
 * A method that is not here (operators, sort(key=...), what a server registers by itself) is called by mpm_call().
 *
 * Source: CPython Lib/multiprocessing/managers.py; the methods are those of Python's classes, named with each type.
 * Those that only mpmd has are marked "mpmd": doc/types.md. All: since 0.1.
 */

/* --- Lock, RLock, Semaphore, BoundedSemaphore; acquire and release also of Condition ------------------------------ */

/**
 * threading.Lock.acquire(): MPM_ETIMEOUT when it was not free in time. The holder is the client (of a Lock: anybody
 * may release it). The locks of Python 2.7 know no timeouts: MPM_EUNSUP but for 0 and MPM_FOREVER.
 */
MPM_API int mpm_lock_acquire(struct mpm_proxy *lock, int64_t timeout_ns, struct mpm_error *err);
/** MPM_EREMOTE: it is not locked, or not by this client (RuntimeError; a semaphore's ValueError). */
MPM_API int mpm_lock_release(struct mpm_proxy *lock, struct mpm_error *err);
/** mpmd, CPython 3.14. Not of semaphores. */
MPM_API int mpm_lock_locked(struct mpm_proxy *lock, int *locked, struct mpm_error *err);
/** threading.Semaphore.release(n): n units at once; CPython 3.9 and later, mpmd. */
MPM_API int mpm_semaphore_release(struct mpm_proxy *semaphore, int64_t n, struct mpm_error *err);

/* --- RWLock: mpmd ------------------------------------------------------------------------------------------------- */

/** MPM_ETIMEOUT: not in time. A client may hold it several times and releases it as often; who reads cannot acquire to
 * write (MPM_EREMOTE). */
MPM_API int mpm_rwlock_acquire_read(struct mpm_proxy *rwlock, int64_t timeout_ns, struct mpm_error *err);
MPM_API int mpm_rwlock_acquire_write(struct mpm_proxy *rwlock, int64_t timeout_ns, struct mpm_error *err);
MPM_API int mpm_rwlock_release_read(struct mpm_proxy *rwlock, struct mpm_error *err);
MPM_API int mpm_rwlock_release_write(struct mpm_proxy *rwlock, struct mpm_error *err);
MPM_API int mpm_rwlock_locked(struct mpm_proxy *rwlock, int *locked, struct mpm_error *err);

/* --- Event -------------------------------------------------------------------------------------------------------- */

/** threading.Event.wait(): MPM_ETIMEOUT when it was not set in time. */
MPM_API int mpm_event_wait(struct mpm_proxy *event, int64_t timeout_ns, struct mpm_error *err);
MPM_API int mpm_event_set(struct mpm_proxy *event, struct mpm_error *err);
MPM_API int mpm_event_clear(struct mpm_proxy *event, struct mpm_error *err);
MPM_API int mpm_event_is_set(struct mpm_proxy *event, int *is_set, struct mpm_error *err);

/* --- Condition: mpm_lock_acquire() and mpm_lock_release() are its lock's ------------------------------------------ */

/**
 * threading.Condition.wait(): gives the lock away, waits to be notified, has the lock again when it returns 0 or
 * MPM_ETIMEOUT. What was waited for is looked at again either way, in a loop. Python 2.7 never says that the time is
 * up: 0 then, too. MPM_EREMOTE (RuntimeError): the client does not hold the lock.
 */
MPM_API int mpm_condition_wait(struct mpm_proxy *condition, int64_t timeout_ns, struct mpm_error *err);
/** Wakes up to n of those who wait. */
MPM_API int mpm_condition_notify(struct mpm_proxy *condition, int64_t n, struct mpm_error *err);
MPM_API int mpm_condition_notify_all(struct mpm_proxy *condition, struct mpm_error *err);

/* --- Barrier: Python 3.3 and later -------------------------------------------------------------------------------- */

/**
 * threading.Barrier.wait(): *index (may be NULL) is 0 to parties - 1, another one for each. MPM_EREMOTE
 * (threading.BrokenBarrierError): it is broken, or the time was up, which breaks it for all. MPM_FOREVER: as long as
 * the barrier was made for.
 */
MPM_API int mpm_barrier_wait(struct mpm_proxy *barrier, int64_t timeout_ns, int64_t *index, struct mpm_error *err);
MPM_API int mpm_barrier_reset(struct mpm_proxy *barrier, struct mpm_error *err);
MPM_API int mpm_barrier_abort(struct mpm_proxy *barrier, struct mpm_error *err);
MPM_API int mpm_barrier_parties(struct mpm_proxy *barrier, int64_t *parties, struct mpm_error *err);
MPM_API int mpm_barrier_n_waiting(struct mpm_proxy *barrier, int64_t *n_waiting, struct mpm_error *err);
MPM_API int mpm_barrier_broken(struct mpm_proxy *barrier, int *broken, struct mpm_error *err);

/* --- Latch: mpmd -------------------------------------------------------------------------------------------------- */

/** MPM_ETIMEOUT: the count was not zero in time. */
MPM_API int mpm_latch_wait(struct mpm_proxy *latch, int64_t timeout_ns, struct mpm_error *err);
MPM_API int mpm_latch_count_down(struct mpm_proxy *latch, int64_t n, struct mpm_error *err);
MPM_API int mpm_latch_count(struct mpm_proxy *latch, int64_t *count, struct mpm_error *err);

/* --- Queue, JoinableQueue, LifoQueue, PriorityQueue --------------------------------------------------------------- */

/** queue.Queue.put(): MPM_EFULL when there was no room in time. */
MPM_API int mpm_queue_put(struct mpm_proxy *queue, struct mpm_builder *item, int64_t timeout_ns, struct mpm_error *err);
/** queue.Queue.get(): MPM_EEMPTY when there was nothing in time. */
MPM_API int mpm_queue_get(struct mpm_proxy *queue, int64_t timeout_ns, struct mpm_document **item,
    struct mpm_error *err);
/** mpmd: all items of a list or tuple, nothing in between, or none of them (MPM_EFULL). */
MPM_API int mpm_queue_put_many(struct mpm_proxy *queue, struct mpm_builder *items, int64_t timeout_ns,
    struct mpm_error *err);
/** mpmd: waits for one item and returns a list of those that are there, up to n. MPM_EEMPTY: none in time. */
MPM_API int mpm_queue_pop_many(struct mpm_proxy *queue, int64_t n, int64_t timeout_ns, struct mpm_document **items,
    struct mpm_error *err);
/**
 * mpmd: gets an item that the server keeps as lent until it is settled: should this process die, it goes back to its
 * place. *lease is its number, *deliveries (may be NULL) how often it was delivered, this time included. MPM_EEMPTY:
 * nothing in time.
 */
MPM_API int mpm_queue_lease(struct mpm_proxy *queue, int64_t timeout_ns, int64_t *lease, int64_t *deliveries,
    struct mpm_document **item, struct mpm_error *err);
/** mpmd: the item is done with; this is its task_done, too. MPM_EREMOTE (ValueError): there is no such lease. */
MPM_API int mpm_queue_ack(struct mpm_proxy *queue, int64_t lease, struct mpm_error *err);
/** mpmd: the item goes back to its place; failed 0: this delivery is not counted. */
MPM_API int mpm_queue_nack(struct mpm_proxy *queue, int64_t lease, int failed, struct mpm_error *err);
MPM_API int mpm_queue_qsize(struct mpm_proxy *queue, int64_t *n, struct mpm_error *err);
MPM_API int mpm_queue_empty(struct mpm_proxy *queue, int *empty, struct mpm_error *err);
MPM_API int mpm_queue_full(struct mpm_proxy *queue, int *full, struct mpm_error *err);
/** One for each item that was got. MPM_EREMOTE (ValueError): more than that. */
MPM_API int mpm_queue_task_done(struct mpm_proxy *queue, struct mpm_error *err);
/** Waits until there was a task_done for each item that was put. Without end: Python's knows no timeout. */
MPM_API int mpm_queue_join(struct mpm_proxy *queue, struct mpm_error *err);
/** CPython 3.13 and later, mpmd: no more puts, and gets until it is empty, or, immediately, none either: MPM_EREMOTE
 * (queue.ShutDown). */
MPM_API int mpm_queue_shutdown(struct mpm_proxy *queue, int immediately, struct mpm_error *err);

/* --- dict, OrderedDict -----------------------------------------------------------------------------------------------
 * Keys are texts; the functions that end in _at take any value as a key. MPM_EGONE (KeyError): there is no such key. */

MPM_API int mpm_dict_get(struct mpm_proxy *dict, const char *key, struct mpm_document **value, struct mpm_error *err);
MPM_API int mpm_dict_get_at(struct mpm_proxy *dict, struct mpm_builder *key, struct mpm_document **value,
    struct mpm_error *err);
MPM_API int mpm_dict_get_int(struct mpm_proxy *dict, const char *key, int64_t *value, struct mpm_error *err);
MPM_API int mpm_dict_get_double(struct mpm_proxy *dict, const char *key, double *value, struct mpm_error *err);
/** MPM_ETYPE: no str, or one with a NUL in it. */
MPM_API int mpm_dict_get_text(struct mpm_proxy *dict, const char *key, char **value, struct mpm_error *err);
MPM_API int mpm_dict_set(struct mpm_proxy *dict, const char *key, struct mpm_builder *value, struct mpm_error *err);
MPM_API int mpm_dict_set_at(struct mpm_proxy *dict, struct mpm_builder *key, struct mpm_builder *value,
    struct mpm_error *err);
MPM_API int mpm_dict_set_int(struct mpm_proxy *dict, const char *key, int64_t value, struct mpm_error *err);
MPM_API int mpm_dict_set_double(struct mpm_proxy *dict, const char *key, double value, struct mpm_error *err);
MPM_API int mpm_dict_set_text(struct mpm_proxy *dict, const char *key, const char *value, struct mpm_error *err);
MPM_API int mpm_dict_delete(struct mpm_proxy *dict, const char *key, struct mpm_error *err);
MPM_API int mpm_dict_delete_at(struct mpm_proxy *dict, struct mpm_builder *key, struct mpm_error *err);
MPM_API int mpm_dict_contains(struct mpm_proxy *dict, const char *key, int *contains, struct mpm_error *err);
MPM_API int mpm_dict_contains_at(struct mpm_proxy *dict, struct mpm_builder *key, int *contains, struct mpm_error *err);
/** Takes the value out. */
MPM_API int mpm_dict_pop(struct mpm_proxy *dict, const char *key, struct mpm_document **value, struct mpm_error *err);
MPM_API int mpm_dict_pop_at(struct mpm_proxy *dict, struct mpm_builder *key, struct mpm_document **value,
    struct mpm_error *err);
/** Takes the newest (key, value) out, a tuple; MPM_EEMPTY: there is none. */
MPM_API int mpm_dict_popitem(struct mpm_proxy *dict, struct mpm_document **item, struct mpm_error *err);
/** dict.setdefault(): the value that is there (may be NULL), which is the given one when there was none. */
MPM_API int mpm_dict_setdefault(struct mpm_proxy *dict, const char *key, struct mpm_builder *value,
    struct mpm_document **out, struct mpm_error *err);
MPM_API int mpm_dict_setdefault_at(struct mpm_proxy *dict, struct mpm_builder *key, struct mpm_builder *value,
    struct mpm_document **out, struct mpm_error *err);
/** From a dict, or a list of pairs. */
MPM_API int mpm_dict_update(struct mpm_proxy *dict, struct mpm_builder *with, struct mpm_error *err);
MPM_API int mpm_dict_len(struct mpm_proxy *dict, int64_t *len, struct mpm_error *err);
MPM_API int mpm_dict_clear(struct mpm_proxy *dict, struct mpm_error *err);
/** A dict; of an OrderedDict an instance of that class. */
MPM_API int mpm_dict_copy(struct mpm_proxy *dict, struct mpm_document **copy, struct mpm_error *err);
/** Lists; items are tuples (key, value). */
MPM_API int mpm_dict_keys(struct mpm_proxy *dict, struct mpm_document **keys, struct mpm_error *err);
MPM_API int mpm_dict_values(struct mpm_proxy *dict, struct mpm_document **values, struct mpm_error *err);
MPM_API int mpm_dict_items(struct mpm_proxy *dict, struct mpm_document **items, struct mpm_error *err);
/** Its keys one by one: mpm_iterator_next(). For a dict that fits into one reply mpm_dict_keys() is faster. MPM_ETYPE:
 * it is an OrderedDict, which has no such iterator. */
MPM_API int mpm_dict_iterate(struct mpm_proxy *dict, struct mpm_proxy **iterator, struct mpm_error *err);
/** mpmd: adds n to the int that is there, 0 when nothing is; *sum (may be NULL) is the sum. */
MPM_API int mpm_dict_increment(struct mpm_proxy *dict, const char *key, int64_t n, int64_t *sum, struct mpm_error *err);
/** mpmd: sets the value if it equals `expected`. A key that is not there equals nothing. */
MPM_API int mpm_dict_compare_and_set(struct mpm_proxy *dict, const char *key, struct mpm_builder *expected,
    struct mpm_builder *value, int *was_set, struct mpm_error *err);
/** collections.OrderedDict.move_to_end(). */
MPM_API int mpm_ordereddict_move_to_end(struct mpm_proxy *ordereddict, const char *key, int last,
    struct mpm_error *err);
MPM_API int mpm_ordereddict_popitem(struct mpm_proxy *ordereddict, int last, struct mpm_document **item,
    struct mpm_error *err);

/* --- list ---------------------------------------------------------------------------------------------------------
 * Negative indices count from the end. Slices are cut at the ends, as in Python: to the end is INT64_MAX. */

/** MPM_ERANGE (IndexError): no such index. */
MPM_API int mpm_list_get(struct mpm_proxy *list, int64_t index, struct mpm_document **item, struct mpm_error *err);
MPM_API int mpm_list_set(struct mpm_proxy *list, int64_t index, struct mpm_builder *item, struct mpm_error *err);
MPM_API int mpm_list_delete(struct mpm_proxy *list, int64_t index, struct mpm_error *err);
MPM_API int mpm_list_get_slice(struct mpm_proxy *list, int64_t start, int64_t stop, struct mpm_document **items,
    struct mpm_error *err);
/** The items of a list or tuple in place of [start, stop). */
MPM_API int mpm_list_set_slice(struct mpm_proxy *list, int64_t start, int64_t stop, struct mpm_builder *items,
    struct mpm_error *err);
MPM_API int mpm_list_delete_slice(struct mpm_proxy *list, int64_t start, int64_t stop, struct mpm_error *err);
MPM_API int mpm_list_append(struct mpm_proxy *list, struct mpm_builder *item, struct mpm_error *err);
MPM_API int mpm_list_extend(struct mpm_proxy *list, struct mpm_builder *items, struct mpm_error *err);
MPM_API int mpm_list_insert(struct mpm_proxy *list, int64_t index, struct mpm_builder *item, struct mpm_error *err);
/** Takes it out; -1: the last. MPM_ERANGE: no such index. */
MPM_API int mpm_list_pop(struct mpm_proxy *list, int64_t index, struct mpm_document **item, struct mpm_error *err);
/** The first that is equal; MPM_EGONE (ValueError): there is none. */
MPM_API int mpm_list_remove(struct mpm_proxy *list, struct mpm_builder *item, struct mpm_error *err);
MPM_API int mpm_list_index(struct mpm_proxy *list, struct mpm_builder *item, int64_t *index, struct mpm_error *err);
MPM_API int mpm_list_count(struct mpm_proxy *list, struct mpm_builder *item, int64_t *n, struct mpm_error *err);
MPM_API int mpm_list_contains(struct mpm_proxy *list, struct mpm_builder *item, int *contains, struct mpm_error *err);
MPM_API int mpm_list_len(struct mpm_proxy *list, int64_t *len, struct mpm_error *err);
MPM_API int mpm_list_reverse(struct mpm_proxy *list, struct mpm_error *err);
/** descending: largest first, those that are equal stay in order. */
MPM_API int mpm_list_sort(struct mpm_proxy *list, int descending, struct mpm_error *err);
/** The items n times over; none for n < 1. Python: *=. */
MPM_API int mpm_list_repeat(struct mpm_proxy *list, int64_t n, struct mpm_error *err);
/** These two are slices, so that each server has them. */
MPM_API int mpm_list_clear(struct mpm_proxy *list, struct mpm_error *err);
MPM_API int mpm_list_copy(struct mpm_proxy *list, struct mpm_document **items, struct mpm_error *err);

/* --- deque: mpmd, and servers that register collections.deque ----------------------------------------------------- */

MPM_API int mpm_deque_append(struct mpm_proxy *deque, struct mpm_builder *item, struct mpm_error *err);
MPM_API int mpm_deque_append_left(struct mpm_proxy *deque, struct mpm_builder *item, struct mpm_error *err);
MPM_API int mpm_deque_extend(struct mpm_proxy *deque, struct mpm_builder *items, struct mpm_error *err);
MPM_API int mpm_deque_extend_left(struct mpm_proxy *deque, struct mpm_builder *items, struct mpm_error *err);
/** MPM_EEMPTY (IndexError): nothing there. */
MPM_API int mpm_deque_pop(struct mpm_proxy *deque, struct mpm_document **item, struct mpm_error *err);
MPM_API int mpm_deque_pop_left(struct mpm_proxy *deque, struct mpm_document **item, struct mpm_error *err);
MPM_API int mpm_deque_insert(struct mpm_proxy *deque, int64_t index, struct mpm_builder *item, struct mpm_error *err);
/** MPM_EGONE (ValueError): not there. */
MPM_API int mpm_deque_remove(struct mpm_proxy *deque, struct mpm_builder *item, struct mpm_error *err);
MPM_API int mpm_deque_index(struct mpm_proxy *deque, struct mpm_builder *item, int64_t *index, struct mpm_error *err);
MPM_API int mpm_deque_count(struct mpm_proxy *deque, struct mpm_builder *item, int64_t *n, struct mpm_error *err);
MPM_API int mpm_deque_reverse(struct mpm_proxy *deque, struct mpm_error *err);
/** n steps to the right, to the left for n < 0. */
MPM_API int mpm_deque_rotate(struct mpm_proxy *deque, int64_t n, struct mpm_error *err);
MPM_API int mpm_deque_clear(struct mpm_proxy *deque, struct mpm_error *err);
/** An instance of collections.deque. */
MPM_API int mpm_deque_copy(struct mpm_proxy *deque, struct mpm_document **copy, struct mpm_error *err);
/** mpmd; MPM_ERANGE: no such index. */
MPM_API int mpm_deque_get(struct mpm_proxy *deque, int64_t index, struct mpm_document **item, struct mpm_error *err);
MPM_API int mpm_deque_set(struct mpm_proxy *deque, int64_t index, struct mpm_builder *item, struct mpm_error *err);
MPM_API int mpm_deque_delete(struct mpm_proxy *deque, int64_t index, struct mpm_error *err);
MPM_API int mpm_deque_contains(struct mpm_proxy *deque, struct mpm_builder *item, int *contains, struct mpm_error *err);
MPM_API int mpm_deque_len(struct mpm_proxy *deque, int64_t *len, struct mpm_error *err);

/* --- set: mpmd, CPython 3.14 -----------------------------------------------------------------------------------------
 * `other` is a set, list, tuple or another iterable, or a proxy that was put. */

MPM_API int mpm_set_add(struct mpm_proxy *set, struct mpm_builder *item, struct mpm_error *err);
MPM_API int mpm_set_discard(struct mpm_proxy *set, struct mpm_builder *item, struct mpm_error *err);
/** MPM_EGONE (KeyError): not there. */
MPM_API int mpm_set_remove(struct mpm_proxy *set, struct mpm_builder *item, struct mpm_error *err);
/** Takes any out; MPM_EEMPTY: nothing there. */
MPM_API int mpm_set_pop(struct mpm_proxy *set, struct mpm_document **item, struct mpm_error *err);
MPM_API int mpm_set_contains(struct mpm_proxy *set, struct mpm_builder *item, int *contains, struct mpm_error *err);
MPM_API int mpm_set_len(struct mpm_proxy *set, int64_t *len, struct mpm_error *err);
MPM_API int mpm_set_clear(struct mpm_proxy *set, struct mpm_error *err);
/** A set: mpm_read_parts() gives its items. */
MPM_API int mpm_set_copy(struct mpm_proxy *set, struct mpm_document **copy, struct mpm_error *err);
/** These change the set. */
MPM_API int mpm_set_update(struct mpm_proxy *set, struct mpm_builder *other, struct mpm_error *err);
MPM_API int mpm_set_difference_update(struct mpm_proxy *set, struct mpm_builder *other, struct mpm_error *err);
MPM_API int mpm_set_intersection_update(struct mpm_proxy *set, struct mpm_builder *other, struct mpm_error *err);
MPM_API int mpm_set_symmetric_difference_update(struct mpm_proxy *set, struct mpm_builder *other,
    struct mpm_error *err);
/** These return a new one. */
MPM_API int mpm_set_union(struct mpm_proxy *set, struct mpm_builder *other, struct mpm_document **out,
    struct mpm_error *err);
MPM_API int mpm_set_difference(struct mpm_proxy *set, struct mpm_builder *other, struct mpm_document **out,
    struct mpm_error *err);
MPM_API int mpm_set_intersection(struct mpm_proxy *set, struct mpm_builder *other, struct mpm_document **out,
    struct mpm_error *err);
MPM_API int mpm_set_symmetric_difference(struct mpm_proxy *set, struct mpm_builder *other, struct mpm_document **out,
    struct mpm_error *err);
MPM_API int mpm_set_is_disjoint(struct mpm_proxy *set, struct mpm_builder *other, int *is, struct mpm_error *err);
MPM_API int mpm_set_is_subset(struct mpm_proxy *set, struct mpm_builder *other, int *is, struct mpm_error *err);
MPM_API int mpm_set_is_superset(struct mpm_proxy *set, struct mpm_builder *other, int *is, struct mpm_error *err);

/* --- Namespace: attributes by name. MPM_EGONE (AttributeError): there is no such attribute. ----------------------- */

MPM_API int mpm_namespace_get(struct mpm_proxy *ns, const char *name, struct mpm_document **value,
    struct mpm_error *err);
MPM_API int mpm_namespace_get_int(struct mpm_proxy *ns, const char *name, int64_t *value, struct mpm_error *err);
MPM_API int mpm_namespace_get_double(struct mpm_proxy *ns, const char *name, double *value, struct mpm_error *err);
MPM_API int mpm_namespace_get_text(struct mpm_proxy *ns, const char *name, char **value, struct mpm_error *err);
MPM_API int mpm_namespace_set(struct mpm_proxy *ns, const char *name, struct mpm_builder *value, struct mpm_error *err);
MPM_API int mpm_namespace_set_int(struct mpm_proxy *ns, const char *name, int64_t value, struct mpm_error *err);
MPM_API int mpm_namespace_set_double(struct mpm_proxy *ns, const char *name, double value, struct mpm_error *err);
MPM_API int mpm_namespace_set_text(struct mpm_proxy *ns, const char *name, const char *value, struct mpm_error *err);
MPM_API int mpm_namespace_delete(struct mpm_proxy *ns, const char *name, struct mpm_error *err);

/* --- Value, and mpmd's Counter, which holds an int of any size ---------------------------------------------------- */

MPM_API int mpm_shared_get(struct mpm_proxy *shared, struct mpm_document **value, struct mpm_error *err);
MPM_API int mpm_shared_get_int(struct mpm_proxy *shared, int64_t *value, struct mpm_error *err);
MPM_API int mpm_shared_get_double(struct mpm_proxy *shared, double *value, struct mpm_error *err);
MPM_API int mpm_shared_get_text(struct mpm_proxy *shared, char **value, struct mpm_error *err);
MPM_API int mpm_shared_set(struct mpm_proxy *shared, struct mpm_builder *value, struct mpm_error *err);
MPM_API int mpm_shared_set_int(struct mpm_proxy *shared, int64_t value, struct mpm_error *err);
MPM_API int mpm_shared_set_double(struct mpm_proxy *shared, double value, struct mpm_error *err);
MPM_API int mpm_shared_set_text(struct mpm_proxy *shared, const char *value, struct mpm_error *err);
/** mpmd: adds n, in one step; *sum (may be NULL) is the new value. MPM_ERANGE: it was added, and does not fit *sum. */
MPM_API int mpm_shared_add_int(struct mpm_proxy *shared, int64_t n, int64_t *sum, struct mpm_error *err);
MPM_API int mpm_shared_add_double(struct mpm_proxy *shared, double n, double *sum, struct mpm_error *err);
/** mpmd: sets it if it equals `expected`. */
MPM_API int mpm_shared_compare_and_set(struct mpm_proxy *shared, struct mpm_builder *expected,
    struct mpm_builder *value,
    int *was_set, struct mpm_error *err);
MPM_API int mpm_shared_compare_and_set_int(struct mpm_proxy *shared, int64_t expected, int64_t value, int *was_set,
    struct mpm_error *err);
/** mpmd: sets it and returns what it was (may be NULL). */
MPM_API int mpm_shared_exchange(struct mpm_proxy *shared, struct mpm_builder *value, struct mpm_document **old,
    struct mpm_error *err);

/* --- Array: an array.array -------------------------------------------------------------------------------------------
 * MPM_ERANGE (IndexError): no such index. MPM_EREMOTE (TypeError, OverflowError): not for this typecode. */

MPM_API int mpm_array_get(struct mpm_proxy *array, int64_t index, struct mpm_document **item, struct mpm_error *err);
MPM_API int mpm_array_get_int(struct mpm_proxy *array, int64_t index, int64_t *item, struct mpm_error *err);
MPM_API int mpm_array_get_double(struct mpm_proxy *array, int64_t index, double *item, struct mpm_error *err);
MPM_API int mpm_array_set(struct mpm_proxy *array, int64_t index, struct mpm_builder *item, struct mpm_error *err);
MPM_API int mpm_array_set_int(struct mpm_proxy *array, int64_t index, int64_t item, struct mpm_error *err);
MPM_API int mpm_array_set_double(struct mpm_proxy *array, int64_t index, double item, struct mpm_error *err);
MPM_API int mpm_array_len(struct mpm_proxy *array, int64_t *len, struct mpm_error *err);
/**
 * The items from `start` on (negative: counted from the end), up to n of them, in one request.
 *
 * typecode  the array's: one of b B h H i I l L q Q f d
 * items     room for n items of the C type of that typecode: signed char, unsigned char, short, unsigned short, int,
 *           unsigned int, long, unsigned long, long long, unsigned long long, float, double
 * n_items   how many there were: fewer than n where the array ends
 *
 * MPM_ETYPE: the array has another typecode. MPM_ERANGE: an item does not fit the C type of this machine. MPM_EINVAL:
 * the typecode is none of these.
 */
MPM_API int mpm_array_read(struct mpm_proxy *array, char typecode, int64_t start, size_t n, void *items,
    size_t *n_items,
    struct mpm_error *err);
/** n such items in place of those from `start` on (0 or more); past the end the array grows. MPM_EREMOTE (TypeError):
 * the array has another typecode. */
MPM_API int mpm_array_write(struct mpm_proxy *array, char typecode, int64_t start, const void *items, size_t n,
    struct mpm_error *err);

/* --- Iterator: of mpm_dict_iterate(), or of mpm_call_proxy() with another method ---------------------------------- */

/** MPM_EEMPTY (StopIteration): that was all. MPM_EREMOTE (RuntimeError): the dict has changed its size. */
MPM_API int mpm_iterator_next(struct mpm_proxy *iterator, struct mpm_document **item, struct mpm_error *err);

#ifdef __cplusplus
}
#endif
#endif

/* Typed calls on a daemon of its own: what each returns, what its errors are, and one of each kind once more with
 * every allocation failing in turn. What they do with CPython's servers is pytests/test_objects.py's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpmd/mpmd.h>

#include "base/alloc.h"
#include "client/objects.h"
#include "support/daemon.h"
#include "support/support.h"

#define MS INT64_C(1000000)

static const struct mpm_client_options options = { .size = sizeof options, .authkey = "key", .authkey_len = 3 };

/* --- a program: it ends where there is no memory, and what it has is given back ----------------------------------- */

#define N_KEPT 64

static jmp_buf no_memory;
static void (*program)(void);
static struct mpm_client *client;
static struct mpm_error error;
static struct mpm_proxy *proxies[N_KEPT];
static struct mpm_builder *builders[N_KEPT];
static size_t n_proxies, n_builders;

static void
check(int r, int wanted, const char *call)
{
    if (r == MPM_ENOMEM)
        longjmp(no_memory, 1);
    if (r != wanted)
        fail_msg("%s: %s (%s), not %s", call, mpm_error_text(r), r != 0 ? error.text : "", mpm_error_text(wanted));
}
#define OK(call) check(call, 0, #call)
#define FAILS(code, call) check(call, code, #call)
/* It raised, and the exception is there to look at. */
#define RAISES(wanted, type_, call) \
    do { \
        check(call, wanted, #call); \
        assert_int_equal(error.code, wanted); \
        assert_non_null(mpm_client_exception(client)); \
        assert_string_equal(mpm_client_exception(client)->type, type_); \
    } while (0)

static int
run_program(void)
{
    volatile int r = 0;

    n_proxies = n_builders = 0;
    client = NULL;
    if (setjmp(no_memory) == 0) {
        OK(mpm_client_open(served.address, &options, &client, &error));
        program();
    } else {
        r = MPM_ENOMEM;
    }
    while (n_builders > 0)
        mpm_builder_close(builders[--n_builders]);
    while (n_proxies > 0)
        mpm_proxy_close(proxies[--n_proxies]);
    mpm_client_close(client);
    return r;
}

static void
run(void (*p)(void))
{
    program = p;
    assert_int_equal(run_program(), 0);
}

static struct mpm_builder *
value(const char *literal)
{
    struct mpm_builder *b;

    assert_true(n_builders < N_KEPT);
    OK(mpm_client_builder(client, &b));
    builders[n_builders++] = b;
    OK(mpm_put_literal(b, literal, &error));
    return b;
}

static struct mpm_proxy *
create(const char *type, const char *args)
{
    struct mpm_proxy *p;

    OK(mpm_create(client, type, args != NULL ? value(args) : NULL, NULL, &p, &error));
    proxies[n_proxies++] = p;
    return p;
}

static struct mpm_document *d; /* what a call returned: NULL, or reads() looks at it */

static void
reads(const char *wanted)
{
    char *repr;
    size_t len;
    int r = mpm_repr(mpm_document_root(d), &repr, &len);

    mpm_document_close(d);
    d = NULL;
    OK(r);
    assert_string_equal(repr, wanted);
    mpm_free(repr);
}
#define GIVES(wanted, call) \
    do { \
        check(call, 0, #call); \
        reads(wanted); \
    } while (0)

/* --- what waits --------------------------------------------------------------------------------------------------- */

static void
lock_program(void)
{
    struct mpm_proxy *lock = create("Lock", NULL), *semaphore = create("BoundedSemaphore", "(2,)");
    struct mpm_proxy *rwlock = create("RWLock", NULL), *queue = create("Queue", NULL);
    int locked = -1;

    OK(mpm_lock_acquire(lock, MPM_FOREVER, &error));
    OK(mpm_lock_locked(lock, &locked, &error));
    assert_int_equal(locked, 1);
    FAILS(MPM_ETIMEOUT, mpm_lock_acquire(lock, 0, &error));
    assert_int_equal(error.code, MPM_ETIMEOUT);
    FAILS(MPM_ETIMEOUT, mpm_lock_acquire(lock, -5, NULL));
    FAILS(MPM_ETIMEOUT, mpm_lock_acquire(lock, MS, NULL));
    assert_null(mpm_client_exception(client));
    OK(mpm_lock_release(lock, NULL));
    OK(mpm_lock_acquire(lock, INT64_MAX - 1, &error)); /* more than a clock counts */
    OK(mpm_lock_release(lock, &error));
    RAISES(MPM_EREMOTE, "builtins.RuntimeError", mpm_lock_release(lock, &error));
    OK(mpm_lock_acquire(semaphore, 0, NULL));
    OK(mpm_lock_acquire(semaphore, 0, NULL));
    FAILS(MPM_ETIMEOUT, mpm_lock_acquire(semaphore, 0, &error));
    OK(mpm_semaphore_release(semaphore, 2, &error));
    RAISES(MPM_EREMOTE, "builtins.ValueError", mpm_semaphore_release(semaphore, 1, &error));
    OK(mpm_rwlock_acquire_read(rwlock, 0, &error));
    OK(mpm_rwlock_release_read(rwlock, &error));
    OK(mpm_rwlock_acquire_write(rwlock, MPM_FOREVER, &error));
    OK(mpm_rwlock_locked(rwlock, &locked, &error));
    assert_int_equal(locked, 1);
    OK(mpm_rwlock_release_write(rwlock, &error));
    FAILS(MPM_EUNSUP, mpm_lock_acquire(queue, 0, &error));
    assert_non_null(strstr(error.text, "acquire"));
    FAILS(MPM_EUNSUP, mpm_lock_locked(queue, &locked, NULL));
}

static void
locks_that_are_not_free_in_time_are_told_from_failures(void **state)
{
    (void)state;
    run(lock_program);
}

static void
wait_program(void)
{
    struct mpm_proxy *event = create("Event", NULL), *condition = create("Condition", NULL);
    struct mpm_proxy *barrier = create("Barrier", "(2,)"), *alone = create("Barrier", "(1,)");
    struct mpm_proxy *latch = create("Latch", "(3,)");
    int64_t n = -1;
    int is = -1;

    FAILS(MPM_ETIMEOUT, mpm_event_wait(event, 0, &error));
    FAILS(MPM_ETIMEOUT, mpm_event_wait(event, MS, &error));
    OK(mpm_event_set(event, &error));
    OK(mpm_event_wait(event, MPM_FOREVER, &error));
    OK(mpm_event_is_set(event, &is, &error));
    assert_int_equal(is, 1);
    OK(mpm_event_clear(event, &error));
    OK(mpm_event_is_set(event, &is, &error));
    assert_int_equal(is, 0);
    RAISES(MPM_EREMOTE, "builtins.RuntimeError", mpm_condition_wait(condition, 0, &error));
    OK(mpm_lock_acquire(condition, 0, &error));
    FAILS(MPM_ETIMEOUT, mpm_condition_wait(condition, MS, &error));
    OK(mpm_condition_notify(condition, 2, &error));
    OK(mpm_condition_notify_all(condition, &error));
    OK(mpm_lock_release(condition, &error));
    OK(mpm_barrier_wait(alone, MPM_FOREVER, &n, &error));
    assert_int_equal(n, 0);
    OK(mpm_barrier_wait(alone, MPM_FOREVER, NULL, &error));
    OK(mpm_barrier_parties(barrier, &n, &error));
    assert_int_equal(n, 2);
    OK(mpm_barrier_n_waiting(barrier, &n, &error));
    assert_int_equal(n, 0);
    RAISES(MPM_EREMOTE, "threading.BrokenBarrierError", mpm_barrier_wait(barrier, MS, &n, &error));
    OK(mpm_barrier_broken(barrier, &is, &error));
    assert_int_equal(is, 1);
    OK(mpm_barrier_reset(barrier, &error));
    OK(mpm_barrier_abort(barrier, &error));
    OK(mpm_latch_count_down(latch, 2, &error));
    FAILS(MPM_ETIMEOUT, mpm_latch_wait(latch, 0, &error));
    OK(mpm_latch_count_down(latch, 1, &error));
    OK(mpm_latch_wait(latch, MPM_FOREVER, &error));
    OK(mpm_latch_count(latch, &n, &error));
    assert_int_equal(n, 0);
}

static void
events_conditions_barriers_and_latches_are_waited_for(void **state)
{
    (void)state;
    run(wait_program);
}

static void
queue_program(void)
{
    struct mpm_proxy *queue = create("Queue", "(3,)");
    struct mpm_builder *item = value("{'a': [1, 2.5]}");
    int64_t n = -1, lease = -1, deliveries = -1;
    int is = -1;

    RAISES(MPM_EEMPTY, "queue.Empty", mpm_queue_get(queue, 0, &d, &error));
    FAILS(MPM_EEMPTY, mpm_queue_get(queue, MS, &d, NULL));
    assert_null(d);
    OK(mpm_queue_put(queue, item, 0, &error));
    OK(mpm_queue_put(queue, item, MPM_FOREVER, &error)); /* the builder still has it */
    OK(mpm_queue_put(queue, value("'x'"), MS, &error));
    RAISES(MPM_EFULL, "queue.Full", mpm_queue_put(queue, item, 0, &error));
    FAILS(MPM_EFULL, mpm_queue_put_many(queue, value("[1]"), MS, &error));
    OK(mpm_queue_qsize(queue, &n, &error));
    assert_int_equal(n, 3);
    OK(mpm_queue_full(queue, &is, &error));
    assert_int_equal(is, 1);
    GIVES("{'a': [1, 2.5]}", mpm_queue_get(queue, MPM_FOREVER, &d, &error));
    GIVES("[{'a': [1, 2.5]}, 'x']", mpm_queue_pop_many(queue, 9, 0, &d, &error));
    FAILS(MPM_EEMPTY, mpm_queue_pop_many(queue, 9, 0, &d, &error));
    OK(mpm_queue_put_many(queue, value("(1, 2)"), 0, &error));
    OK(mpm_queue_get(queue, 0, NULL, &error));
    OK(mpm_queue_get(queue, 0, NULL, &error));
    for (int i = 0; i < 5; i++)
        OK(mpm_queue_task_done(queue, &error));
    RAISES(MPM_EREMOTE, "builtins.ValueError", mpm_queue_task_done(queue, &error));
    OK(mpm_queue_join(queue, &error));
    OK(mpm_queue_put(queue, item, 0, &error));
    GIVES("{'a': [1, 2.5]}", mpm_queue_lease(queue, 0, &lease, &deliveries, &d, &error));
    assert_int_equal(deliveries, 1);
    OK(mpm_queue_nack(queue, lease, 0, &error));
    GIVES("{'a': [1, 2.5]}", mpm_queue_lease(queue, 0, &lease, NULL, &d, &error));
    OK(mpm_queue_ack(queue, lease, &error));
    RAISES(MPM_EREMOTE, "builtins.ValueError", mpm_queue_ack(queue, lease, &error));
    FAILS(MPM_EEMPTY, mpm_queue_lease(queue, 0, &lease, NULL, &d, &error));
    OK(mpm_queue_empty(queue, &is, &error));
    assert_int_equal(is, 1);
    OK(mpm_queue_shutdown(queue, 0, &error));
    RAISES(MPM_EREMOTE, "queue.ShutDown", mpm_queue_put(queue, item, 0, &error));
}

static void
queues_are_full_or_empty_in_codes_of_their_own(void **state)
{
    (void)state;
    run(queue_program);
}

/* --- what is looked up -------------------------------------------------------------------------------------------- */

static void
dict_program(void)
{
    struct mpm_proxy *dict = create("dict", NULL), *it = NULL;
    struct mpm_builder *key = value("(1, 'b')"), *one = value("1"), *list = value("[1, 2]");
    double f = -1;
    char *text = NULL;
    int64_t n = -1;
    int is = -1, r;

    OK(mpm_dict_set(dict, "l", list, &error));
    OK(mpm_dict_set_at(dict, key, list, &error));
    OK(mpm_dict_set_int(dict, "i", INT64_MIN, &error));
    OK(mpm_dict_set_double(dict, "f", 0.5, &error));
    OK(mpm_dict_set_text(dict, "t", "gr\xc3\xbc\xc3\x9f", &error));
    GIVES("[1, 2]", mpm_dict_get(dict, "l", &d, &error));
    GIVES("[1, 2]", mpm_dict_get_at(dict, key, &d, &error));
    OK(mpm_dict_get_int(dict, "i", &n, &error));
    assert_true(n == INT64_MIN);
    OK(mpm_dict_get_double(dict, "f", &f, &error));
    assert_true(f == 0.5);
    OK(mpm_dict_get_text(dict, "t", &text, &error));
    assert_string_equal(text, "gr\xc3\xbc\xc3\x9f");
    mpm_free(text);
    text = NULL;
    RAISES(MPM_EGONE, "builtins.KeyError", mpm_dict_get(dict, "none", &d, &error));
    FAILS(MPM_EGONE, mpm_dict_get_int(dict, "none", &n, &error));
    FAILS(MPM_ETYPE, mpm_dict_get_int(dict, "l", &n, &error));
    FAILS(MPM_ETYPE, mpm_dict_get_text(dict, "i", &text, &error));
    assert_true(n == INT64_MIN && text == NULL);
    OK(mpm_dict_contains(dict, "l", &is, &error));
    assert_int_equal(is, 1);
    OK(mpm_dict_contains_at(dict, one, &is, &error));
    assert_int_equal(is, 0);
    OK(mpm_dict_len(dict, &n, &error));
    assert_int_equal(n, 5);
    OK(mpm_dict_delete(dict, "t", &error));
    FAILS(MPM_EGONE, mpm_dict_delete(dict, "t", &error));
    OK(mpm_dict_delete_at(dict, key, &error));
    GIVES("[1, 2]", mpm_dict_pop(dict, "l", &d, &error));
    FAILS(MPM_EGONE, mpm_dict_pop_at(dict, key, &d, &error));
    GIVES("1", mpm_dict_setdefault(dict, "s", one, &d, &error));
    OK(mpm_dict_setdefault_at(dict, one, list, NULL, &error));
    GIVES("{'i': -9223372036854775808, 'f': 0.5, 's': 1, 1: [1, 2]}", mpm_dict_copy(dict, &d, &error));
    GIVES("(1, [1, 2])", mpm_dict_popitem(dict, &d, &error));
    GIVES("['i', 'f', 's']", mpm_dict_keys(dict, &d, &error));
    OK(mpm_dict_iterate(dict, &it, &error));
    proxies[n_proxies++] = it;
    GIVES("'i'", mpm_iterator_next(it, &d, &error));
    GIVES("'f'", mpm_iterator_next(it, &d, &error));
    GIVES("'s'", mpm_iterator_next(it, &d, &error));
    RAISES(MPM_EEMPTY, "builtins.StopIteration", mpm_iterator_next(it, &d, &error));
    OK(mpm_dict_clear(dict, &error));
    RAISES(MPM_EEMPTY, "builtins.KeyError", mpm_dict_popitem(dict, &d, &error));
    OK(mpm_dict_update(dict, value("{'n': 5}"), &error));
    OK(mpm_dict_increment(dict, "n", -7, &n, &error));
    assert_int_equal(n, -2);
    OK(mpm_dict_increment(dict, "n", 1, NULL, &error));
    OK(mpm_dict_compare_and_set(dict, "n", one, list, &is, &error));
    assert_int_equal(is, 0);
    OK(mpm_dict_compare_and_set(dict, "n", value("-1"), list, &is, &error));
    assert_int_equal(is, 1);
    GIVES("[[1, 2]]", mpm_dict_values(dict, &d, &error));
    GIVES("[('n', [1, 2])]", mpm_dict_items(dict, &d, &error));
    r = mpm_dict_set(dict, "x", NULL, &error);
    FAILS(MPM_EINVAL, r);
    FAILS(MPM_EINVAL, mpm_dict_set_text(dict, "x", NULL, &error));
    FAILS(MPM_EINVAL, mpm_dict_set_text(dict, "\xff", "x", &error));
}

static void
dicts_are_looked_into_by_text_or_any_key(void **state)
{
    (void)state;
    run(dict_program);
}

static void
names_program(void)
{
    struct mpm_proxy *od = create("OrderedDict", "({'a': 1, 'b': 2, 'c': 3},)"), *ns = create("Namespace", NULL);
    double f = -1;
    char *text = NULL;
    int64_t n = -1;

    OK(mpm_ordereddict_move_to_end(od, "a", 1, &error));
    FAILS(MPM_EGONE, mpm_ordereddict_move_to_end(od, "x", 1, &error));
    GIVES("('b', 2)", mpm_ordereddict_popitem(od, 0, &d, &error));
    GIVES("['c', 'a']", mpm_dict_keys(od, &d, &error));
    OK(mpm_namespace_set(ns, "v", value("None"), &error));
    OK(mpm_namespace_set_int(ns, "i", 7, &error));
    OK(mpm_namespace_set_double(ns, "f", 0.25, &error));
    OK(mpm_namespace_set_text(ns, "t", "x", &error));
    GIVES("None", mpm_namespace_get(ns, "v", &d, &error));
    OK(mpm_namespace_get_int(ns, "i", &n, &error));
    assert_int_equal(n, 7);
    OK(mpm_namespace_get_double(ns, "f", &f, &error));
    assert_true(f == 0.25);
    OK(mpm_namespace_get_text(ns, "t", &text, &error));
    assert_string_equal(text, "x");
    mpm_free(text);
    OK(mpm_namespace_delete(ns, "t", &error));
    RAISES(MPM_EGONE, "builtins.AttributeError", mpm_namespace_get(ns, "t", &d, &error));
    FAILS(MPM_EGONE, mpm_namespace_delete(ns, "t", &error));
}

static void
attributes_have_names_and_ordered_dicts_an_order(void **state)
{
    (void)state;
    run(names_program);
}

/* --- sequences, sets ---------------------------------------------------------------------------------------------- */

static void
list_program(void)
{
    struct mpm_proxy *list = create("list", "([3, 1, 2],)");
    struct mpm_builder *nine = value("9"), *two = value("[7, 8]");
    int64_t n = -1;
    int is = -1;

    GIVES("2", mpm_list_get(list, -1, &d, &error));
    RAISES(MPM_ERANGE, "builtins.IndexError", mpm_list_get(list, 3, &d, &error));
    OK(mpm_list_set(list, 0, nine, &error));
    FAILS(MPM_ERANGE, mpm_list_set(list, -4, nine, &error));
    OK(mpm_list_append(list, two, &error));
    OK(mpm_list_extend(list, two, &error));
    OK(mpm_list_insert(list, 1, nine, &error));
    GIVES("[9, 9, 1, 2, [7, 8], 7, 8]", mpm_list_copy(list, &d, &error));
    OK(mpm_list_delete(list, 4, &error));
    FAILS(MPM_ERANGE, mpm_list_delete(list, 40, &error));
    GIVES("[7, 8]", mpm_list_get_slice(list, -2, INT64_MAX, &d, &error));
    OK(mpm_list_set_slice(list, 0, 2, two, &error));
    OK(mpm_list_delete_slice(list, 4, INT64_MAX, &error));
    GIVES("[7, 8, 1, 2]", mpm_list_copy(list, &d, &error));
    GIVES("8", mpm_list_pop(list, 1, &d, &error));
    FAILS(MPM_ERANGE, mpm_list_pop(list, 5, NULL, &error));
    OK(mpm_list_sort(list, 0, &error));
    OK(mpm_list_reverse(list, &error));
    GIVES("[7, 2, 1]", mpm_list_copy(list, &d, &error));
    OK(mpm_list_sort(list, 0, &error));
    OK(mpm_list_sort(list, 1, &error));
    OK(mpm_list_repeat(list, 2, &error));
    GIVES("[7, 2, 1, 7, 2, 1]", mpm_list_copy(list, &d, &error));
    OK(mpm_list_index(list, value("1"), &n, &error));
    assert_int_equal(n, 2);
    RAISES(MPM_EGONE, "builtins.ValueError", mpm_list_index(list, nine, &n, &error));
    OK(mpm_list_count(list, value("2"), &n, &error));
    assert_int_equal(n, 2);
    OK(mpm_list_contains(list, nine, &is, &error));
    assert_int_equal(is, 0);
    OK(mpm_list_remove(list, value("7"), &error));
    FAILS(MPM_EGONE, mpm_list_remove(list, nine, &error));
    OK(mpm_list_len(list, &n, &error));
    assert_int_equal(n, 5);
    OK(mpm_list_clear(list, &error));
    GIVES("[]", mpm_list_copy(list, &d, &error));
}

static void
lists_have_indices_and_slices(void **state)
{
    (void)state;
    run(list_program);
}

static void
deque_program(void)
{
    struct mpm_proxy *deque = create("deque", NULL);
    struct mpm_builder *nine = value("9"), *two = value("[7, 8]");
    int64_t n = -1;
    int is = -1;

    RAISES(MPM_EEMPTY, "builtins.IndexError", mpm_deque_pop(deque, &d, &error));
    OK(mpm_deque_append(deque, nine, &error));
    OK(mpm_deque_append_left(deque, two, &error));
    OK(mpm_deque_extend(deque, two, &error));
    OK(mpm_deque_extend_left(deque, two, &error));
    OK(mpm_deque_insert(deque, 1, nine, &error));
    GIVES("deque([8, 9, 7, [7, 8], 9, 7, 8])", mpm_deque_copy(deque, &d, &error));
    OK(mpm_deque_rotate(deque, -1, &error));
    OK(mpm_deque_reverse(deque, &error));
    GIVES("8", mpm_deque_pop_left(deque, &d, &error));
    GIVES("9", mpm_deque_pop(deque, &d, &error));
    GIVES("8", mpm_deque_get(deque, 0, &d, &error));
    OK(mpm_deque_set(deque, 0, two, &error));
    OK(mpm_deque_delete(deque, 0, &error));
    FAILS(MPM_ERANGE, mpm_deque_delete(deque, 9, &error));
    GIVES("deque([7, 9, [7, 8], 7])", mpm_deque_copy(deque, &d, &error));
    OK(mpm_deque_index(deque, nine, &n, &error));
    assert_int_equal(n, 1);
    OK(mpm_deque_count(deque, value("7"), &n, &error));
    assert_int_equal(n, 2);
    OK(mpm_deque_contains(deque, two, &is, &error));
    assert_int_equal(is, 1);
    OK(mpm_deque_remove(deque, two, &error));
    FAILS(MPM_EGONE, mpm_deque_remove(deque, two, &error));
    FAILS(MPM_EGONE, mpm_deque_index(deque, two, &n, &error));
    OK(mpm_deque_clear(deque, &error));
    OK(mpm_deque_len(deque, &n, &error));
    assert_int_equal(n, 0);
}

static void
deques_have_two_ends(void **state)
{
    (void)state;
    run(deque_program);
}

static void
set_program(void)
{
    struct mpm_proxy *set = create("set", "([1, 2],)");
    struct mpm_builder *three = value("3"), *other = value("{2, 3}");
    int64_t n = -1;
    int is = -1;

    OK(mpm_set_add(set, three, &error));
    OK(mpm_set_remove(set, three, &error));
    RAISES(MPM_EGONE, "builtins.KeyError", mpm_set_remove(set, three, &error));
    OK(mpm_set_discard(set, three, &error));
    OK(mpm_set_contains(set, three, &is, &error));
    assert_int_equal(is, 0);
    GIVES("{1, 2, 3}", mpm_set_union(set, other, &d, &error));
    GIVES("{1}", mpm_set_difference(set, other, &d, &error));
    GIVES("{2}", mpm_set_intersection(set, other, &d, &error));
    GIVES("{1, 3}", mpm_set_symmetric_difference(set, other, &d, &error));
    OK(mpm_set_is_disjoint(set, other, &is, &error));
    assert_int_equal(is, 0);
    OK(mpm_set_is_subset(set, value("[1, 2, 3]"), &is, &error));
    assert_int_equal(is, 1);
    OK(mpm_set_is_superset(set, other, &is, &error));
    assert_int_equal(is, 0);
    OK(mpm_set_update(set, other, &error));
    GIVES("{1, 2, 3}", mpm_set_copy(set, &d, &error));
    OK(mpm_set_symmetric_difference_update(set, other, &error));
    OK(mpm_set_update(set, other, &error));
    RAISES(MPM_EREMOTE, "builtins.TypeError", mpm_set_difference_update(set, three, &error));
    OK(mpm_set_difference_update(set, value("[1]"), &error));
    OK(mpm_set_intersection_update(set, value("[2]"), &error));
    OK(mpm_set_len(set, &n, &error));
    assert_int_equal(n, 1);
    GIVES("2", mpm_set_pop(set, &d, &error));
    RAISES(MPM_EEMPTY, "builtins.KeyError", mpm_set_pop(set, &d, &error));
    OK(mpm_set_clear(set, &error));
}

static void
sets_are_changed_or_combined(void **state)
{
    (void)state;
    run(set_program);
}

/* --- values, arrays ----------------------------------------------------------------------------------------------- */

static void
value_program(void)
{
    struct mpm_proxy *v = create("Value", "('i', 5)"), *counter = create("Counter", "(9223372036854775807,)");
    double f = -1;
    char *text = NULL;
    int64_t n = -1;
    int is = -1;

    OK(mpm_shared_get_int(v, &n, &error));
    assert_int_equal(n, 5);
    OK(mpm_shared_add_int(v, -6, &n, &error));
    assert_int_equal(n, -1);
    OK(mpm_shared_compare_and_set_int(v, 1, 2, &is, &error));
    assert_int_equal(is, 0);
    OK(mpm_shared_compare_and_set_int(v, -1, 2, &is, &error));
    assert_int_equal(is, 1);
    OK(mpm_shared_add_double(v, 0.5, &f, &error));
    assert_true(f == 2.5);
    FAILS(MPM_ETYPE, mpm_shared_get_int(v, &n, &error));
    OK(mpm_shared_set_double(v, 1e300, &error));
    OK(mpm_shared_get_double(v, &f, &error));
    assert_true(f == 1e300);
    OK(mpm_shared_set_text(v, "text", &error));
    OK(mpm_shared_get_text(v, &text, &error));
    assert_string_equal(text, "text");
    mpm_free(text);
    text = NULL;
    OK(mpm_shared_set(v, value("'a\\x00b'"), &error));
    FAILS(MPM_ETYPE, mpm_shared_get_text(v, &text, &error)); /* it would be cut short */
    GIVES("'a\\x00b'", mpm_shared_exchange(v, value("[1]"), &d, &error));
    OK(mpm_shared_compare_and_set(v, value("[1]"), value("{}"), &is, &error));
    assert_int_equal(is, 1);
    GIVES("{}", mpm_shared_get(v, &d, &error));
    OK(mpm_shared_exchange(v, value("1"), NULL, &error));
    OK(mpm_shared_add_int(counter, 1, NULL, &error));
    FAILS(MPM_ERANGE, mpm_shared_get_int(counter, &n, &error));
    assert_int_equal(n, -1);
    OK(mpm_shared_set_int(counter, 3, &error));
    RAISES(MPM_EREMOTE, "builtins.TypeError", mpm_shared_set_text(counter, "x", &error));
}

static void
values_are_changed_in_one_step(void **state)
{
    (void)state;
    run(value_program);
}

static void
array_program(void)
{
    static const struct {
        char typecode;
        size_t size;
    } types[] = {
        { 'b', 1 }, { 'B', 1 }, { 'h', sizeof(short) }, { 'H', sizeof(short) }, { 'i', sizeof(int) },
        { 'I', sizeof(int) }, { 'l', sizeof(long) }, { 'L', sizeof(long) }, { 'q', 8 }, { 'Q', 8 },
    };
    struct mpm_proxy *ints = create("Array", "('i', [1, -2, 3])"), *doubles = create("Array", "('d', [0.5, 1.5])");
    static const double three[] = { 7.5, -0.0, 9 };
    const int two[] = { INT_MAX, INT_MIN };
    double f = -1, many[8];
    int64_t n = -1;
    int items[8];
    size_t n_items = 99;

    GIVES("3", mpm_array_get(ints, -1, &d, &error));
    OK(mpm_array_get_int(ints, 1, &n, &error));
    assert_int_equal(n, -2);
    RAISES(MPM_ERANGE, "builtins.IndexError", mpm_array_get_int(ints, 3, &n, &error));
    OK(mpm_array_set_int(ints, 0, 10, &error));
    RAISES(MPM_EREMOTE, "builtins.OverflowError", mpm_array_set_int(ints, 0, INT64_MAX, &error));
    OK(mpm_array_set(ints, 1, value("11"), &error));
    OK(mpm_array_set_double(doubles, 1, 2.5, &error));
    OK(mpm_array_get_double(doubles, 1, &f, &error));
    assert_true(f == 2.5);
    OK(mpm_array_len(ints, &n, &error));
    assert_int_equal(n, 3);
    OK(mpm_array_read(ints, 'i', 0, 8, items, &n_items, &error));
    assert_int_equal(n_items, 3);
    assert_true(items[0] == 10 && items[1] == 11 && items[2] == 3);
    OK(mpm_array_read(ints, 'i', -2, 1, items, &n_items, &error));
    assert_true(n_items == 1 && items[0] == 11);
    OK(mpm_array_read(ints, 'i', -2, 2, items, &n_items, &error));
    assert_true(n_items == 2 && items[0] == 11 && items[1] == 3);
    OK(mpm_array_read(ints, 'i', 5, SIZE_MAX, items, &n_items, &error));
    assert_int_equal(n_items, 0);
    FAILS(MPM_ETYPE, mpm_array_read(ints, 'l', 0, 8, many, &n_items, &error));
    FAILS(MPM_EINVAL, mpm_array_read(ints, 'u', 0, 8, many, &n_items, &error));
    FAILS(MPM_EINVAL, mpm_array_write(ints, 'i', -1, two, 2, &error));
    OK(mpm_array_write(ints, 'i', 1, two, 2, &error));
    OK(mpm_array_read(ints, 'i', 1, 2, items, &n_items, &error));
    assert_true(n_items == 2 && items[0] == INT_MAX && items[1] == INT_MIN);
    RAISES(MPM_EREMOTE, "builtins.TypeError", mpm_array_write(ints, 'd', 0, three, 3, &error));
    OK(mpm_array_write(doubles, 'd', 1, three, 3, &error)); /* it grows */
    OK(mpm_array_read(doubles, 'd', 0, 8, many, &n_items, &error));
    assert_int_equal(n_items, 4);
    assert_memory_equal(many + 1, three, sizeof three);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        uint8_t written[16], read[16] = { 0 };
        char args[16];
        struct mpm_proxy *p;

        memset(written, 0x80 + (int)i, sizeof written);
        snprintf(args, sizeof args, "('%c', ())", types[i].typecode);
        p = create("Array", args);
        OK(mpm_array_write(p, types[i].typecode, 0, written, 16 / types[i].size, &error));
        OK(mpm_array_read(p, types[i].typecode, 0, 16, read, &n_items, &error));
        assert_int_equal(n_items, 16 / types[i].size);
        assert_memory_equal(read, written, 16);
    }
}

static void
arrays_are_read_and_written_as_c_has_them(void **state)
{
    (void)state;
    run(array_program);
}

/* What mpm__array_items() makes of an array that is built from a literal: (format, bytes) or a list, or neither. */
static int
items_of(char typecode, const char *literal, size_t room, void *out, size_t *n_items)
{
    struct mpm_document *parts_of, *made;
    struct mpm_ref *parts;
    struct mpm_builder *b;
    const void *bytes;
    size_t len, n;
    char name[] = { typecode, '\0' };
    int r, kind;

    assert_int_equal(mpm_builder_open(4, &b), 0);
    assert_int_equal(mpm_put_literal(b, literal, NULL), 0);
    assert_int_equal(mpm_builder_finish(b, &bytes, &len, NULL), 0);
    assert_int_equal(mpm_document_open(bytes, len, &parts_of, NULL), 0);
    kind = mpm_kind(mpm_document_root(parts_of));
    assert_int_equal(mpm_read_parts(mpm_document_root(parts_of), &parts, &n), 0);
    mpm_builder_clear(b);
    mpm_put_begin_call(b);
    mpm_put_class(b, "array", kind == MPM_K_TUPLE && n == 2 ? "_array_reconstructor" : "array");
    mpm_put_begin(b, MPM_K_TUPLE);
    if (kind == MPM_K_TUPLE && n == 2) {
        mpm_put_class(b, "array", "array");
        mpm_put_string(b, name);
        mpm_put_ref(b, parts[0]);
        mpm_put_ref(b, parts[1]);
    } else {
        mpm_put_string(b, name);
        if (kind == MPM_K_LIST)
            mpm_put_ref(b, mpm_document_root(parts_of));
    }
    mpm_put_end(b);
    mpm_put_end(b);
    assert_int_equal(mpm_builder_finish(b, &bytes, &len, NULL), 0);
    assert_int_equal(mpm_document_open(bytes, len, &made, NULL), 0);
    r = mpm__array_items(typecode, mpm_document_root(made), room, out, n_items);
    mpm_document_close(made);
    mpm_document_close(parts_of);
    mpm_free(parts);
    mpm_builder_close(b);
    return r;
}

static void
an_array_is_read_in_every_way_in_which_it_is_pickled(void **state)
{
    uint8_t room[64];
    short h[4];
    unsigned short H[4];
    unsigned long long Q[4];
    long l[4];
    float f[4];
    double d_[4];
    size_t n = 9;

    (void)state;
    assert_int_equal(items_of('h', "(4, b'\\x01\\x02\\xff\\xff')", 4, h, &n), 0); /* little-endian */
    assert_true(n == 2 && h[0] == 0x201 && h[1] == -1);
    assert_int_equal(items_of('h', "(5, b'\\x01\\x02\\xff\\xfe')", 4, h, &n), 0); /* big-endian */
    assert_true(n == 2 && h[0] == 0x102 && h[1] == -2);
    assert_int_equal(items_of('H', "(3, b'\\xff\\xfe')", 4, H, &n), 0);
    assert_true(n == 1 && H[0] == 0xfffe);
    assert_int_equal(items_of('Q', "(11, b'\\xff\\0\\0\\0\\0\\0\\0\\1')", 4, Q, &n), 0);
    assert_true(n == 1 && Q[0] == 0xff00000000000001ULL);
    assert_int_equal(items_of('l', "(9, b'\\xff\\xff\\xff\\xfe')", 4, l, &n), 0); /* a long of 4 bytes there */
    assert_true(n == 1 && l[0] == -2);
    assert_int_equal(items_of('f', "(15, b'?\\x80\\0\\0')", 4, f, &n), 0);
    assert_true(n == 1 && f[0] == 1.0f);
    assert_int_equal(items_of('d', "(17, b'?\\xf8\\0\\0\\0\\0\\0\\0')", 4, d_, &n), 0);
    assert_true(n == 1 && d_[0] == 1.5);
    /* lists, which protocol 2 has */
    assert_int_equal(items_of('h', "[-32768, 32767]", 4, h, &n), 0);
    assert_true(n == 2 && h[0] == -32768 && h[1] == 32767);
    assert_int_equal(items_of('Q', "[0, 18446744073709551615]", 4, Q, &n), 0);
    assert_true(n == 2 && Q[0] == 0 && Q[1] == UINT64_MAX);
    assert_int_equal(items_of('d', "[0.5, 2]", 4, d_, &n), 0);
    assert_true(n == 2 && d_[0] == 0.5 && d_[1] == 2);
    assert_int_equal(items_of('f', "[]", 4, f, &n), 0);
    assert_int_equal(n, 0);
    assert_int_equal(items_of('b', "(1, b'\\x80')", 4, room, &n), 0);
    assert_true(n == 1 && room[0] == 0x80);
    n = 9;
    assert_int_equal(items_of('b', "()", 4, room, &n), 0); /* empty ones of 2.7 */
    assert_int_equal(n, 0);
    /* what is none, or does not fit */
    assert_int_equal(items_of('h', "[32768]", 4, h, &n), MPM_ERANGE);
    assert_int_equal(items_of('h', "[-32769]", 4, h, &n), MPM_ERANGE);
    assert_int_equal(items_of('H', "[-1]", 4, H, &n), MPM_ERANGE);
    assert_int_equal(items_of('Q', "[18446744073709551616]", 4, Q, &n), MPM_ERANGE);
    assert_int_equal(items_of('h', "['x']", 4, h, &n), MPM_ETYPE);
    assert_int_equal(items_of('h', "[1, 2, 3]", 2, h, &n), MPM_EPROTO);
    assert_int_equal(items_of('h', "(8, b'\\0\\0\\1\\0')", 4, h, &n), MPM_ERANGE);
    assert_int_equal(items_of('h', "(4, b'\\0\\0\\1\\0')", 1, h, &n), MPM_EPROTO);
    assert_int_equal(items_of('h', "(4, b'\\0')", 4, h, &n), MPM_EPROTO);
    assert_int_equal(items_of('h', "(18, b'\\0\\0')", 4, h, &n), MPM_ETYPE);
    assert_int_equal(items_of('h', "(-1, b'\\0\\0')", 4, h, &n), MPM_ETYPE);
    assert_int_equal(items_of('h', "(17, b'\\0\\0\\0\\0\\0\\0\\0\\0')", 4, h, &n), MPM_ETYPE);
    assert_int_equal(items_of('f', "(16, b'\\0\\0\\0\\0\\0\\0\\0\\0')", 4, f, &n), MPM_ETYPE);
    assert_int_equal(items_of('h', "(4, 'text')", 4, h, &n), MPM_ETYPE);
}

/* One call for each way to make arguments and to read answers. */
static void
small_program(void)
{
    struct mpm_proxy *dict = create("dict", NULL), *list = create("list", "([2, 3],)"), *it = NULL;
    struct mpm_proxy *queue = create("Queue", NULL), *array = create("Array", "('h', [1, -2])");
    struct mpm_builder *item = value("[1, 'x']");
    double f;
    char *text = NULL;
    int64_t n = -1;
    int is = -1;
    short two[2] = { 0, 0 };
    size_t n_items = 0;

    OK(mpm_dict_set(dict, "k", item, &error));
    OK(mpm_dict_set_text(dict, "t", "text", &error));
    OK(mpm_dict_get_text(dict, "t", &text, &error));
    mpm_free(text);
    OK(mpm_dict_set_double(dict, "f", 0.5, &error));
    OK(mpm_dict_get_double(dict, "f", &f, &error));
    FAILS(MPM_EGONE, mpm_dict_get_int(dict, "i", &n, &error));
    OK(mpm_dict_contains(dict, "k", &is, &error));
    OK(mpm_dict_iterate(dict, &it, &error));
    proxies[n_proxies++] = it;
    GIVES("'k'", mpm_iterator_next(it, &d, &error));
    GIVES("['k', 't', 'f']", mpm_dict_keys(dict, &d, &error));
    OK(mpm_list_sort(list, 1, &error));
    GIVES("[2]", mpm_list_get_slice(list, 1, 2, &d, &error));
    FAILS(MPM_EEMPTY, mpm_queue_get(queue, 0, &d, &error));
    OK(mpm_queue_put(queue, item, 0, &error));
    GIVES("[1, 'x']", mpm_queue_lease(queue, 0, &n, NULL, &d, &error));
    OK(mpm_array_write(array, 'h', 1, two, 1, &error));
    OK(mpm_array_read(array, 'h', 0, 2, two, &n_items, &error));
    FAILS(MPM_EUNSUP, mpm_lock_acquire(array, 0, &error));
}

static void
without_memory_calls_say_so_and_keep_none(void **state)
{
    (void)state;
    run(small_program);
    mpm_test_fail_until_ok(run_program);
}

/* --- what else can go wrong --------------------------------------------------------------------------------------- */

static void
a_reply_that_does_not_come_is_not_a_lock_that_is_not_free(void **state)
{
    struct mpm_client_options hasty = options;
    struct mpm_client *other;
    struct mpm_proxy *lock, *event;
    struct mpm_error err;

    (void)state;
    hasty.call_timeout_ns = MS;
    assert_int_equal(mpm_client_open(served.address, &hasty, &other, &err), 0);
    assert_int_equal(mpm_create(other, "Lock", NULL, NULL, &lock, &err), 0);
    assert_int_equal(mpm_create(other, "Event", NULL, NULL, &event, &err), 0);
    kill(served.pid, SIGSTOP);
    assert_int_equal(mpm_lock_acquire(lock, MS, &err), MPM_ECONN);
    assert_non_null(strstr(err.text, "acquire"));
    kill(served.pid, SIGCONT);
    mpm_proxy_close(event);
    mpm_proxy_close(lock);
    mpm_client_close(other);
}

static void
a_value_stays_in_its_builder_however_it_was_made(void **state)
{
    struct mpm_builder *b, *broken, *late;
    struct mpm_document *same, *again;
    struct mpm_proxy *list;
    struct mpm_client *c;
    struct mpm_error err;
    char *repr;
    size_t len;

    (void)state;
    assert_int_equal(mpm_client_open(served.address, &options, &c, &err), 0);
    assert_int_equal(mpm_create(c, "list", NULL, NULL, &list, &err), 0);
    assert_int_equal(mpm_client_builder(c, &b), 0);
    assert_int_equal(mpm_client_builder(c, &broken), 0);
    /* ([a, a], [a, a]) with one a: memo numbers of two values in one request */
    assert_int_equal(mpm_document_open("\x80\x02]q\0(X\1\0\0\0xq\1]q\2h\2e.", 21, &same, &err), 0);
    mpm_put_ref(b, mpm_document_root(same));
    mpm_document_close(same);
    assert_int_equal(mpm_list_append(list, b, &err), 0);
    assert_int_equal(mpm_list_set_slice(list, 0, 0, b, &err), 0);
    assert_int_equal(mpm_list_append(list, b, &err), 0);
    assert_int_equal(mpm_list_copy(list, &again, &err), 0);
    assert_int_equal(mpm_repr(mpm_document_root(again), &repr, &len), 0);
    assert_string_equal(repr, "['x', [], [], ['x', [], []], ['x', [], []]]");
    mpm_free(repr);
    mpm_document_close(again);
    assert_int_equal(mpm_list_append(list, broken, &err), MPM_EINVAL); /* nothing was put */
    mpm_put_int(broken, 1);
    mpm_put_int(broken, 2);
    assert_int_equal(mpm_list_append(list, broken, &err), MPM_EINVAL);
    assert_int_equal(mpm_builder_open(5, &late), 0);
    mpm_put_none(late);
    if (mpm_client_protocol(c) < 5)
        assert_int_equal(mpm_list_append(list, late, &err), MPM_EINVAL);
    mpm_builder_close(late);
    mpm_builder_close(broken);
    mpm_builder_close(b);
    mpm_proxy_close(list);
    mpm_client_close(c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(locks_that_are_not_free_in_time_are_told_from_failures),
        cmocka_unit_test(events_conditions_barriers_and_latches_are_waited_for),
        cmocka_unit_test(queues_are_full_or_empty_in_codes_of_their_own),
        cmocka_unit_test(dicts_are_looked_into_by_text_or_any_key),
        cmocka_unit_test(attributes_have_names_and_ordered_dicts_an_order),
        cmocka_unit_test(lists_have_indices_and_slices),
        cmocka_unit_test(deques_have_two_ends),
        cmocka_unit_test(sets_are_changed_or_combined),
        cmocka_unit_test(values_are_changed_in_one_step),
        cmocka_unit_test(arrays_are_read_and_written_as_c_has_them),
        cmocka_unit_test(an_array_is_read_in_every_way_in_which_it_is_pickled),
        cmocka_unit_test(without_memory_calls_say_so_and_keep_none),
        cmocka_unit_test(a_reply_that_does_not_come_is_not_a_lock_that_is_not_free),
        cmocka_unit_test(a_value_stays_in_its_builder_however_it_was_made),
    };

    return cmocka_run_group_tests(tests, mpm_test_daemon_come, mpm_test_daemon_go);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <mpmd/error.h>

#include "base/alloc.h"
#include "base/map.h"
#include "support/support.h"

static int
same_number(const void *key, void *wanted)
{
    return memcmp(key, wanted, 8) == 0;
}

static int
same_fails(const void *key, void *wanted)
{
    (void)key;
    (void)wanted;
    return MPM_ENOMEM;
}

static struct mpm_map_entry *
find(const struct mpm_map *m, uint64_t key, uint64_t hash)
{
    int error;
    struct mpm_map_entry *e = mpm__map_find(m, hash, same_number, &key, &error);

    assert_int_equal(error, 0);
    return e;
}

static void
add(struct mpm_map *m, uint64_t key, uint64_t hash)
{
    struct mpm_map_entry *e;
    size_t cost = mpm__map_cost_with(m, 1);

    assert_int_equal(mpm__map_reserve(m, 1), 0);
    assert_int_equal(mpm__map_cost(m), cost);
    e = mpm__map_add(m, hash);
    memcpy(e->key, &key, 8);
    memcpy(e->value, &key, 8);
}

static void
add_first(struct mpm_map *m, uint64_t key, uint64_t hash)
{
    struct mpm_map_entry *e;
    size_t cost = mpm__map_cost_first(m);

    assert_int_equal(mpm__map_reserve_first(m), 0);
    assert_int_equal(mpm__map_cost(m), cost);
    e = mpm__map_add_first(m, hash);
    memcpy(e->key, &key, 8);
    memcpy(e->value, &key, 8);
}

static uint64_t
key_of(const struct mpm_map_entry *e)
{
    uint64_t key;

    memcpy(&key, e->key, 8);
    return key;
}

static void
entries_are_found_and_walked_in_the_order_of_insertion(void **state)
{
    struct mpm_map m = { 0 };
    struct mpm_map_entry *e = NULL;
    uint64_t n = 0;

    (void)state;
    assert_null(mpm__map_last(&m));
    assert_null(mpm__map_next(&m, NULL));
    for (uint64_t i = 0; i < 1000; i++) {
        assert_null(find(&m, i, i * 7));
        add(&m, i, i * 7);
    }
    for (uint64_t i = 0; i < 1000; i++)
        assert_int_equal(key_of(find(&m, i, i * 7)), i);
    while ((e = mpm__map_next(&m, e)) != NULL)
        assert_int_equal(key_of(e), n++);
    assert_int_equal(n, 1000);
    assert_int_equal(key_of(mpm__map_last(&m)), 999);
    assert_true(mpm__map_cost(&m) >= 40000 && mpm__map_cost(&m) < 60000);
    mpm__map_wipe(&m);
    assert_int_equal(m.n, 0);
}

static void
keys_of_one_hash_are_told_apart_by_comparing(void **state)
{
    struct mpm_map m = { 0 };
    uint64_t key = 3;
    int error;

    (void)state;
    for (uint64_t i = 0; i < 40; i++)
        add(&m, i, 5);
    for (uint64_t i = 0; i < 40; i++)
        assert_int_equal(key_of(find(&m, i, 5)), i);
    assert_null(find(&m, 99, 5));
    assert_null(mpm__map_find(&m, 5, same_fails, &key, &error));
    assert_int_equal(error, MPM_ENOMEM);
    assert_null(mpm__map_find(&m, 6, same_fails, &key, &error));
    assert_int_equal(error, 0);
    mpm__map_wipe(&m);
}

static void
a_removed_entry_is_gone_and_the_others_keep_their_order(void **state)
{
    struct mpm_map m = { 0 };
    struct mpm_map_entry *e = NULL;
    uint64_t n = 0;

    (void)state;
    for (uint64_t i = 0; i < 100; i++)
        add(&m, i, i);
    while ((e = mpm__map_next(&m, e)) != NULL) { /* removing while walking is allowed */
        if (key_of(e) % 3 != 0)
            mpm__map_remove(&m, e);
    }
    assert_int_equal(m.n, 34);
    for (uint64_t i = 0; i < 100; i++)
        assert_int_equal(find(&m, i, i) != NULL, i % 3 == 0);
    for (uint64_t i = 200; i < 400; i++)
        add(&m, i, i);
    for (e = mpm__map_next(&m, NULL); e != NULL; e = mpm__map_next(&m, e)) {
        assert_true(key_of(e) >= n);
        n = key_of(e) + 1;
    }
    assert_int_equal(m.n, 234);
    assert_int_equal(key_of(mpm__map_last(&m)), 399);
    mpm__map_wipe(&m);
}

static void
adding_and_removing_for_ever_needs_no_more_memory(void **state)
{
    struct mpm_map m = { 0 };

    (void)state;
    for (uint64_t i = 0; i < 100; i++)
        add(&m, i, i);
    for (uint64_t i = 100; i < 100000; i++) { /* a queue: the oldest goes, a new one comes */
        struct mpm_map_entry *e = mpm__map_next(&m, NULL);

        assert_int_equal(key_of(e), i - 100);
        mpm__map_remove(&m, e);
        add(&m, i, i);
    }
    for (uint64_t i = 100000; i < 200000; i++) { /* a stack */
        add(&m, i, i);
        mpm__map_remove(&m, mpm__map_last(&m));
    }
    for (uint64_t i = 100000; i < 200000; i++) { /* from one end to the other */
        struct mpm_map_entry *e = mpm__map_last(&m);
        uint64_t key = key_of(e);

        mpm__map_remove(&m, e);
        add_first(&m, key, key);
    }
    assert_int_equal(m.n, 100);
    assert_true(mpm__map_cost(&m) <= 256 * 48);
    mpm__map_wipe(&m);
}

/* Against a plain array. */
static void
random_changes_at_both_ends_and_in_the_middle_keep_the_order(void **state)
{
    struct mpm_map m = { 0 };
    struct mpm_map_entry *e;
    uint64_t model[400], seed = 7, next = 1, i;
    size_t n = 0, at;

    (void)state;
    for (int round = 0; round < 40000; round++) {
        bool grows = round / 300 % 2 == 0;

        switch (mpm_test_below(&seed, grows ? 4 : 8)) {
        case 0:
        case 1:
            if (n == 400)
                break;
            add(&m, next, next * 5 % 64);
            model[n++] = next++;
            break;
        case 2:
        case 3:
            if (n == 400)
                break;
            add_first(&m, next, next * 5 % 64);
            memmove(model + 1, model, n++ * sizeof *model);
            model[0] = next++;
            break;
        default:
            if (n == 0)
                break;
            at = mpm_test_below(&seed, 3) == 0 ? mpm_test_below(&seed, n) : round % 2 == 0 ? 0 : n - 1;
            mpm__map_remove(&m, find(&m, model[at], model[at] * 5 % 64));
            memmove(model + at, model + at + 1, (--n - at) * sizeof *model);
        }
        assert_int_equal(m.n, n);
        if (round % 50 != 0 || n == 0)
            continue;
        for (i = 0, e = NULL; (e = mpm__map_next(&m, e)) != NULL; i++) {
            assert_int_equal(key_of(e), model[i]);
            assert_ptr_equal(find(&m, model[i], model[i] * 5 % 64), e);
        }
        assert_int_equal(i, n);
        assert_int_equal(key_of(mpm__map_last(&m)), model[n - 1]);
    }
    mpm__map_wipe(&m);
}

static void
a_walk_goes_on_from_a_place(void **state)
{
    struct mpm_map m = { 0 };
    struct mpm_map_entry *e;
    uint32_t place = 0;

    (void)state;
    assert_null(mpm__map_from(&m, 0));
    for (uint64_t i = 0; i < 50; i++)
        add(&m, i, i);
    for (uint64_t i = 0; i < 50; i += 2)
        mpm__map_remove(&m, find(&m, i, i));
    for (uint64_t i = 1; i < 50; i += 2) {
        e = mpm__map_from(&m, place);
        assert_int_equal(key_of(e), i);
        place = mpm__map_place(&m, e) + 1;
    }
    assert_null(mpm__map_from(&m, place));
    assert_null(mpm__map_from(&m, UINT32_MAX));
    mpm__map_wipe(&m);
}

static int fail_from;

static int
fail_allocation(size_t size)
{
    (void)size;
    return fail_from-- <= 0;
}

static void
a_failed_reservation_leaves_the_map_as_it_was(void **state)
{
    struct mpm_map m = { 0 };

    (void)state;
    for (uint64_t i = 0; i < 16; i++)
        add(&m, i, i);
    while (m.used < m.cap || m.filled < m.slots / 2) /* both the array and the index are full */
        add(&m, m.used, m.used);
    mpm__alloc_hook = fail_allocation;
    for (int n = 0; n < 2; n++) {
        fail_from = n;
        assert_int_equal(mpm__map_reserve(&m, 1), MPM_ENOMEM);
        fail_from = n;
        assert_int_equal(mpm__map_reserve_first(&m), MPM_ENOMEM);
    }
    mpm__alloc_hook = NULL;
    assert_int_equal(mpm__map_reserve(&m, UINT32_MAX), MPM_ELIMIT);
    for (uint64_t i = 0; i < m.n; i++)
        assert_non_null(find(&m, i, i));
    add(&m, 1000, 1000);
    mpm__map_wipe(&m);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_found_and_walked_in_the_order_of_insertion),
        cmocka_unit_test(keys_of_one_hash_are_told_apart_by_comparing),
        cmocka_unit_test(a_removed_entry_is_gone_and_the_others_keep_their_order),
        cmocka_unit_test(adding_and_removing_for_ever_needs_no_more_memory),
        cmocka_unit_test(random_changes_at_both_ends_and_in_the_middle_keep_the_order),
        cmocka_unit_test(a_walk_goes_on_from_a_place),
        cmocka_unit_test(a_failed_reservation_leaves_the_map_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

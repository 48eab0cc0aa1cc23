#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/heap.h"
#include "base/idmap.h"
#include "support/support.h"

static void
timers_come_out_in_order_of_time_then_of_setting(void **state)
{
    static struct mpm_timer timers[300];
    struct mpm_heap h = { 0 };
    struct mpm_timer *t;
    uint64_t seed = 7, order = 0;
    int64_t last = -1;
    size_t n = 0;

    (void)state;
    for (int i = 0; i < 300; i++)
        assert_int_equal(mpm__heap_set(&h, &timers[i], (int64_t)mpm_test_below(&seed, 20)), 0);
    for (int i = 0; i < 300; i += 3)
        mpm__heap_unset(&h, &timers[i]);
    for (int i = 1; i < 300; i += 3)
        assert_int_equal(mpm__heap_set(&h, &timers[i], (int64_t)mpm_test_below(&seed, 20)), 0); /* moved */
    assert_int_equal(mpm__heap_set(&h, &timers[2], INT64_MAX), 0); /* never: taken out */
    mpm__heap_unset(&h, &timers[2]);
    for (; (t = mpm__heap_first(&h)) != NULL; n++) {
        assert_true(t->at_ns > last || (t->at_ns == last && t->order > order));
        last = t->at_ns;
        order = t->order;
        mpm__heap_unset(&h, t);
        assert_int_equal(t->place, 0);
    }
    assert_int_equal(n, 199);
    mpm__heap_wipe(&h);
}

static void
numbers_are_found_until_they_are_removed(void **state)
{
    enum { KEYS = 500 };
    static char there[KEYS];
    struct mpm_idmap m = { 0 };
    const struct mpm_idmap_slot *slot;
    uint64_t seed = 3;
    size_t n = 0, i = 0, seen = 0;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        uint64_t key = mpm_test_below(&seed, KEYS);

        if (mpm_test_below(&seed, 2) == 0) {
            assert_int_equal(mpm__idmap_set(&m, key, &there[key]), 0);
            n += !there[key];
            there[key] = 1;
        } else {
            assert_ptr_equal(mpm__idmap_remove(&m, key), there[key] ? &there[key] : NULL);
            n -= (size_t)there[key];
            there[key] = 0;
        }
        key = mpm_test_below(&seed, KEYS);
        assert_ptr_equal(mpm__idmap_get(&m, key), there[key] ? &there[key] : NULL);
        assert_int_equal(m.n, n);
    }
    while ((slot = mpm__idmap_next(&m, &i)) != NULL)
        seen += slot->value == &there[slot->key];
    assert_int_equal(seen, n);
    mpm__idmap_wipe(&m);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_come_out_in_order_of_time_then_of_setting),
        cmocka_unit_test(numbers_are_found_until_they_are_removed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

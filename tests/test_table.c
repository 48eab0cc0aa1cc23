/* Tables of values under attack: keys chosen to collide, NaN, no memory. The work is counted, not timed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <mpmd/error.h>

#include "core/core.h"
#include "object/table.h"
#include "support/support.h"
#include "support/world.h"

/* Keys are compared here and nowhere else. */
static size_t n_compared;
int __real_mpm__canon_equals(const struct mpm_value *v, const struct mpm_canon *wanted, struct mpm_canon *scratch);
int __wrap_mpm__canon_equals(const struct mpm_value *v, const struct mpm_canon *wanted, struct mpm_canon *scratch);

int
__wrap_mpm__canon_equals(const struct mpm_value *v, const struct mpm_canon *wanted, struct mpm_canon *scratch)
{
    n_compared++;
    return __real_mpm__canon_equals(v, wanted, scratch);
}

static struct mpm_call *call;
static struct mpm_checker checker;
static struct mpm_doc doc;

static int
open_world(void **state)
{
    (void)state;
    mpm_world_open(MPM_DEATH_KEEP);
    call = mpm__call_new(mpm_world_hub());
    call->protocol = 4;
    n_compared = 0;
    return 0;
}

static int
close_world(void **state)
{
    (void)state;
    assert_int_equal(mpm_world_hub()->memory, 0);
    mpm__call_free(call);
    mpm__checker_wipe(&checker);
    mpm_world_close();
    return 0;
}

static struct mpm_ref
ref_of(const uint8_t *bytes, size_t len)
{
    assert_int_equal(mpm__check(&checker, bytes, len, true, &doc, NULL), 0);
    return (struct mpm_ref){ &doc, doc.top };
}

/* The i-th key; returns its length. */
typedef size_t make_key(uint64_t i, uint8_t out[32]);

/* CPython: hash(i * (2**61 - 1)) == 0 for all of them. */
static size_t
collides_in_cpython(uint64_t i, uint8_t out[32])
{
    unsigned __int128 v = (unsigned __int128)i * ((UINT64_C(1) << 61) - 1);

    out[0] = 0x8a; /* LONG1 */
    out[1] = 16;
    for (int k = 0; k < 16; k++)
        out[2 + k] = (uint8_t)(v >> (8 * k));
    return 18;
}

static size_t
not_a_number(uint64_t i, uint8_t out[32])
{
    static const uint8_t bytes[] = { 'G', 0x7f, 0xf8, 0, 0, 0, 0, 0, 0 };

    (void)i;
    memcpy(out, bytes, sizeof bytes);
    return sizeof bytes;
}

static bool
put(struct mpm_table *t, make_key *make, uint64_t i)
{
    uint8_t bytes[32];
    struct mpm_ref ref = ref_of(bytes, make(i, bytes));
    struct mpm_value k, v;
    struct mpm_key key;
    int r;

    assert_true(mpm__key_of_ref(call, ref, &key));
    if (mpm__table_find(call, t, &key, &r) != NULL)
        return false;
    assert_int_equal(r, 0);
    assert_int_equal(mpm__table_reserve(call, t, 1), 0);
    assert_int_equal(mpm_keep_ref(call, ref, &k), 0);
    assert_int_equal(mpm_keep_ref(call, ref, &v), 0);
    mpm__table_add(t, &key, &k, &v);
    return true;
}

/* Slots that are looked at to find every entry. */
static uint64_t
steps(const struct mpm_table *t)
{
    const struct mpm_map *m = &t->map;
    uint64_t n = 0;

    for (uint32_t slot = 0; slot < m->slots; slot++) {
        uint32_t number = m->index[slot] & (m->slots - 1); /* of an entry, + 1; what is above is of its hash */

        if (number != 0 && m->entries[number - 1].hash != 0)
            n += 1 + ((slot - (uint32_t)m->entries[number - 1].hash) & (m->slots - 1));
    }
    return n;
}

static void
keys_that_collide_in_cpython_are_as_good_as_others(void **state)
{
    struct mpm_table t = { 0 };
    const uint64_t n = 20000;

    (void)state;
    for (uint64_t i = 0; i < n; i++)
        assert_true(put(&t, collides_in_cpython, i));
    assert_int_equal(n_compared, 0);
    for (uint64_t i = 0; i < n; i++)
        assert_false(put(&t, collides_in_cpython, i));
    assert_int_equal(n_compared, n);
    assert_true(steps(&t) < 3 * n);
    mpm__table_wipe(mpm_world_hub(), &t);
}

static void
many_nans_are_not_compared_with_each_other(void **state)
{
    struct mpm_table t = { 0 }, one, copy;
    const uint64_t n = 20000;

    (void)state;
    for (uint64_t i = 0; i < n; i++) {
        one = (struct mpm_table){ 0 };
        assert_true(put(&one, not_a_number, i));
        assert_int_equal(mpm__table_merge(call, &t, &one), 0);
    }
    assert_int_equal(t.map.n, n);
    assert_int_equal(n_compared, 0);
    assert_true(steps(&t) < 3 * n);
    assert_int_equal(mpm__table_copy(call, &t, &copy), 0);
    assert_int_equal(copy.map.n, n);
    mpm__table_wipe(mpm_world_hub(), &t);
    mpm__table_wipe(mpm_world_hub(), &copy);
}

static void
merging_replaces_what_is_there_and_adds_the_rest_in_order(void **state)
{
    struct mpm_table t = { 0 }, more = { 0 };
    struct mpm_map_entry *e = NULL;
    int n = 0, r;

    (void)state;
    for (uint64_t i = 0; i < 300; i++)
        put(&t, collides_in_cpython, i);
    for (uint64_t i = 0; i < 200; i += 2) { /* holes, that making room closes */
        e = mpm__map_next(&t.map, NULL);
        mpm__table_remove(mpm_world_hub(), &t, mpm__map_next(&t.map, e));
    }
    for (uint64_t i = 250; i < 450; i++)
        put(&more, collides_in_cpython, i);
    assert_int_equal(mpm__table_merge(call, &t, &more), 0);
    assert_int_equal(more.map.n, 0);
    assert_int_equal(t.map.n, 350);
    for (uint64_t i = 250; i < 450; i++)
        assert_false(put(&t, collides_in_cpython, i));
    assert_int_equal(mpm__table_copy(call, &t, &more), 0);
    e = NULL;
    for (struct mpm_map_entry *c = NULL; (c = mpm__map_next(&more.map, c)) != NULL; n++) {
        e = mpm__map_next(&t.map, e);
        assert_ptr_equal(mpm__table_find_as(call, &t, c, &r), e);
    }
    assert_int_equal(n, 350);
    mpm__table_wipe(mpm_world_hub(), &t);
    mpm__table_wipe(mpm_world_hub(), &more);
}

static void
a_key_that_python_refuses_is_refused(void **state)
{
    static const uint8_t list[] = { ']' }, deep[] = { '(', 'K', 1, ']', 't' };
    struct mpm_key key;

    (void)state;
    assert_false(mpm__key_of_ref(call, ref_of(list, sizeof list), &key));
    assert_string_equal(call->result.text, "unhashable type: 'list'");
    assert_false(mpm__key_of_ref(call, ref_of(deep, sizeof deep), NULL));
    assert_string_equal(call->result.text, "unhashable type: 'list'");
}

static void
room_beyond_the_limit_is_refused_before_it_is_taken(void **state)
{
    struct mpm_table t = { 0 };

    (void)state;
    mpm_world_hub()->options.max_memory = 20000;
    assert_int_equal(mpm__table_reserve(call, &t, 1000), MPM_ELIMIT);
    assert_int_equal(t.map.cap, 0);
    assert_int_equal(mpm_world_hub()->memory, 0);
    assert_int_equal(mpm__table_reserve(call, &t, SIZE_MAX / 2), MPM_ENOMEM);
    assert_int_equal(mpm__table_reserve(call, &t, 100), 0);
    assert_true(mpm_world_hub()->memory >= 4000);
    assert_int_equal(mpm__table_reserve_first(call, &t), 0);
    assert_int_equal(mpm_world_hub()->memory, mpm__map_cost(&t.map));
    mpm__table_wipe(mpm_world_hub(), &t);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
    const struct CMUnitTest tests[] = {
        TEST(keys_that_collide_in_cpython_are_as_good_as_others),
        TEST(many_nans_are_not_compared_with_each_other),
        TEST(merging_replaces_what_is_there_and_adds_the_rest_in_order),
        TEST(a_key_that_python_refuses_is_refused),
        TEST(room_beyond_the_limit_is_refused_before_it_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include <mpmd/error.h>

static void
a_put_beyond_the_maximum_is_refused_and_stays_refused(void **state)
{
    struct mpm_buf b;

    (void)state;
    mpm__buf_init(&b, 4);
    mpm__buf_put(&b, "abc", 3);
    mpm__buf_put(&b, "de", 2);
    assert_int_equal(b.error, MPM_ETOOBIG);
    mpm__buf_u8(&b, 'x');
    assert_int_equal(b.len, 3);
    mpm__buf_clear(&b);
    mpm__buf_put(&b, "abcd", 4);
    assert_int_equal(b.error, 0);
    assert_memory_equal(b.data, "abcd", 4);
    mpm__buf_wipe(&b);
}

static void
numbers_are_written_in_the_order_asked_for(void **state)
{
    struct mpm_buf b;

    (void)state;
    mpm__buf_init(&b, 0);
    mpm__buf_le(&b, 0x010203, 4);
    mpm__buf_be(&b, 0x010203, 4);
    mpm__buf_printf(&b, "%d-%s", 7, "x");
    assert_int_equal(b.len, 11);
    assert_memory_equal(b.data, "\3\2\1\0\0\1\2\3" "7-x", 11);
    mpm__buf_shift(&b, 8);
    assert_memory_equal(b.data, "7-x", 3);
    mpm__buf_wipe(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_put_beyond_the_maximum_is_refused_and_stays_refused),
        cmocka_unit_test(numbers_are_written_in_the_order_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

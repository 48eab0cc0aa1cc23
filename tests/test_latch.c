/* test_latch.c - Latch: everyone passes once the count is zero. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "support/support.h"
#include "support/people.h"

static void
who_waits_passes_when_the_count_is_zero_and_who_comes_later_too(void **state)
{
    (void)state;
    MADE("Latch(3)", "1");
    ASK(a, "1.wait()", "...");
    ASK(b, "1.wait(timeout=2)", "...");
    ASK(c, "1.wait(0)", "False");
    ASK(c, "1.count_down()", "None");
    ASK(c, "1.count()", "2");
    mpm_world_pass(2);
    GOT(b, "False");
    ASK(b, "1.wait(None)", "...");
    ASK(c, "1.__repr__()", "'<mpmd.Latch at 0x1: count=2>'");
    ASK(c, "1.count_down(n=2)", "None");
    GOT(a, "True");
    GOT(b, "True");
    ASK(a, "1.wait()", "True");
    ASK(a, "1.wait(-1)", "True");
    ASK(a, "1.count_down(5)", "None");
    ASK(a, "1.count()", "0");
    ASK(a, "1.#GETVALUE()", "! TypeError: cannot pickle 'mpmd.Latch' object");
}

static void
the_dead_do_not_wait(void **state)
{
    (void)state;
    MADE("Latch()", "1");
    ASK(a, "1.wait()", "...");
    ASK(b, "1.wait()", "...");
    mpm_world_kill(10, true);
    ASK(c, "1.count_down()", "None");
    GOT(b, "True");
}

static void
numbers_are_checked(void **state)
{
    (void)state;
    MADE("Latch(0)", "1");
    ASK(a, "1.wait()", "True");
    MADE("Latch(-1)", "! ValueError: the count of a latch must be >= 0");
    MADE("Latch('x')", "! TypeError: '<' not supported between instances of 'str' and 'int'");
    MADE("Latch(1.5)", "! TypeError: the count of a latch must be a whole number, not 1.5");
    MADE("Latch(1, 2)", "! TypeError: Latch.__init__() takes from 1 to 2 positional arguments but 3 were given");
    MADE("Latch(1000000000000000000000000000000)", "2");
    ASK(a, "2.count_down(-1)", "ValueError('n must be >= 0')");
    ASK(a, "2.count_down(0)", "None");
    ASK(a, "2.count()", "9223372036854775807");
    ASK(a, "2.count_down('x')", "TypeError(\"'<' not supported between instances of 'str' and 'int'\")");
    ASK(a, "2.wait('x')", "TypeError(\"'>' not supported between instances of 'str' and 'int'\")");
    ASK(a, "2.wait(1e300)", "OverflowError('timestamp out of range for platform time_t')");
}

static int
latch_life(void)
{
    bool ok;

    if (!mpm_people_try(MPM_DEATH_KEEP, 2))
        return MPM_ENOMEM;
    ok = strcmp(mpm_world_create("Latch(2)"), "1") == 0 && mpm_world_either(a, "1.wait()", "...") &&
         mpm_world_either(b, "1.count_down(2)", "None") && strcmp(mpm_world_reply(a), "True") == 0;
    return mpm_people_tried(ok);
}

static void
without_memory_nothing_is_half_done(void **state)
{
    (void)state;
    assert_true(mpm_test_fail_until_ok(latch_life) > 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, mpm_people_come, mpm_people_go)
    const struct CMUnitTest tests[] = {
        TEST(who_waits_passes_when_the_count_is_zero_and_who_comes_later_too),
        TEST(the_dead_do_not_wait),
        TEST(numbers_are_checked),
        cmocka_unit_test(without_memory_nothing_is_half_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

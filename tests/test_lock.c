/* Lock, RLock and what all locks share: waiting in order, timeouts, death, lost grants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "support/support.h"
#include "support/people.h"

static void
a_lock_has_one_holder_and_anybody_may_release_it(void **state)
{
    (void)state;
    assert_string_equal(mpm_world_create("Lock()"), "1");
    ASK(a, "1.locked()", "False");
    ASK(a, "1.acquire()", "True");
    ASK(a, "1.locked()", "True");
    ASK(a, "1.acquire(False)", "False");
    ASK(b, "1.acquire(False)", "False");
    ASK(b, "1.release()", "None");
    ASK(b, "1.release()", "RuntimeError('release unlocked lock')");
    ASK(b, "1.acquire(blocking=True, timeout=0)", "True");
    ASK(b, "1.__repr__()", "'<locked _thread.lock object at 0x1>'");
    ASK(b, "1.release()", "None");
    ASK(b, "1.__str__()", "'<unlocked _thread.lock object at 0x1>'");
    ASK(b, "1.#GETVALUE()", "! TypeError: cannot pickle '_thread.lock' object");
}

static void
waiters_get_the_lock_in_order_of_arrival(void **state)
{
    (void)state;
    mpm_world_create("Lock()");
    ASK(a, "1.acquire()", "True");
    ASK(b, "1.acquire()", "...");
    ASK(c, "1.acquire(True, 5)", "...");
    ASK(d, "1.acquire(timeout=-1)", "...");
    ASK(a, "1.release()", "None");
    GOT(b, "True");
    GOT(c, "...");
    ASK(a, "1.acquire(False)", "False");
    ASK(b, "1.release()", "None");
    GOT(c, "True");
    GOT(d, "...");
    ASK(a, "1.release()", "None");
    GOT(d, "True");
}

static void
a_timeout_ends_the_wait_with_false_and_not_a_moment_earlier(void **state)
{
    (void)state;
    mpm_world_create("Lock()");
    ASK(a, "1.acquire()", "True");
    ASK(b, "1.acquire(True, 2.5)", "...");
    ASK(c, "1.acquire()", "...");
    mpm_world_pass(2.499999999);
    GOT(b, "...");
    mpm_world_pass(0.000000001);
    GOT(b, "False");
    ASK(b, "1.acquire(True, 1e-10)", "...");
    mpm_world_pass(0.000000001);
    GOT(b, "False");
    mpm_world_pass(1e6);
    GOT(c, "...");
    ASK(a, "1.release()", "None");
    GOT(c, "True");
    assert_int_equal(mpm__hub_next_deadline(mpm_world_hub()), MPM_FOREVER);
}

static void
timeouts_are_checked_as_cpython_checks_them(void **state)
{
    static const char *const types[] = { "Lock()", "RLock()" };

    (void)state;
    for (int i = 0; i < 2; i++) {
        char request[64];
        static const char *const cases[][2] = {
            { "True, -2", "ValueError('timeout value must be a non-negative number')" },
            { "True, -0.5", "ValueError('timeout value must be a non-negative number')" },
            { "False, 1", "ValueError(\"can't specify a timeout for a non-blocking call\")" },
            { "False, 0", "ValueError(\"can't specify a timeout for a non-blocking call\")" },
            { "False, -2", "ValueError(\"can't specify a timeout for a non-blocking call\")" },
            { "True, None", "TypeError(\"'NoneType' object cannot be interpreted as an integer\")" },
            { "False, 'x'", "TypeError(\"'str' object cannot be interpreted as an integer\")" },
            { "True, [1]", "TypeError(\"'list' object cannot be interpreted as an integer\")" },
            { "True, nan", "ValueError('Invalid value NaN (not a number)')" },
            { "True, 1e300", "OverflowError('timestamp out of range for platform time_t')" },
            { "True, -1e300", "OverflowError('timestamp out of range for platform time_t')" },
            { "True, 9223372037", "OverflowError('timestamp too large to convert to C PyTime_t')" },
            { "True, 1000000000000000000000000000000", "OverflowError('timestamp too large to convert to C PyTime_t')" },
            { "True, -1, 3", "TypeError('acquire() takes at most 2 arguments (3 given)')" },
            { "True, -1, x=3", "TypeError('acquire() takes at most 2 arguments (3 given)')" },
            { "x=3", "TypeError(\"acquire() got an unexpected keyword argument 'x'\")" },
            { "True, blocking=True", "TypeError(\"argument for acquire() given by name ('blocking') and position (1)\")" },
            { "False, -1", "True" },
            { "[]", "True" },
        };
        const char *ident = mpm_world_create(types[i]);
        char id[8];

        strcpy(id, ident);
        for (size_t j = 0; j < sizeof cases / sizeof *cases; j++) {
            snprintf(request, sizeof request, "%s.acquire(%s)", id, cases[j][0]);
            ASK(a, request, cases[j][1]);
            if (strcmp(cases[j][1], "True") == 0) {
                snprintf(request, sizeof request, "%s.release()", id);
                ASK(a, request, "None");
            }
        }
    }
    ASK(a, "1.acquire!", "TypeError('lock.acquire() argument after * must be an iterable, not NoneType')");
    ASK(a, "1.release(1)", "TypeError('lock.release() takes no arguments (1 given)')");
    ASK(a, "1.release(x=1)", "TypeError('lock.release() takes no keyword arguments')");
    ASK(a, "2.release(1, 2)", "TypeError('RLock.release() takes no arguments (2 given)')");
    ASK(a, "1.acquire_lock()", "! KeyError: 'acquire_lock'");
    assert_string_equal(mpm_world_create("Lock(1)"), "! TypeError: lock expected 0 arguments, got 1");
    assert_string_equal(mpm_world_create("Lock(x=1)"), "! TypeError: lock() takes no keyword arguments");
}

static void
an_rlock_is_taken_again_by_its_holder_only(void **state)
{
    (void)state;
    mpm_world_create("RLock(1, x=2)");
    ASK(a, "1.release()", "RuntimeError('cannot release un-acquired lock')");
    ASK(a, "1.acquire()", "True");
    ASK(a, "1.acquire(False)", "True");
    ASK(a, "1.locked()", "True");
    ASK(a, "1.__repr__()", "'<locked _thread.RLock object owner=1 count=2 at 0x1>'");
    ASK(b, "1.release()", "RuntimeError('cannot release un-acquired lock')");
    ASK(b, "1.acquire()", "...");
    ASK(c, "1.acquire(True, 1)", "...");
    ASK(a, "1.release()", "None");
    GOT(b, "...");
    ASK(a, "1.release()", "None");
    GOT(b, "True");
    mpm_world_pass(1);
    GOT(c, "False");
    ASK(b, "1.release()", "None");
    ASK(a, "1.__repr__()", "'<unlocked _thread.RLock object owner=0 count=0 at 0x1>'");
    ASK(a, "1.#GETVALUE()", "! TypeError: cannot pickle '_thread.RLock' object");
}

static void
a_thread_that_reconnects_still_holds_its_rlock(void **state)
{
    (void)state;
    mpm_world_create("RLock()");
    ASK(a, "1.acquire()", "True");
    mpm_world_peer_end(a, false);
    a = mpm_world_peer_new(10, "MainProcess");
    ASK(a, "1.acquire()", "True");
    ASK(a, "1.release()", "None");
    ASK(a, "1.release()", "None");
    ASK(b, "1.acquire(False)", "True");
}

static void
a_dead_waiter_is_passed_over(void **state)
{
    (void)state;
    mpm_world_create("Lock()");
    mpm_world_create("RLock()");
    ASK(a, "1.acquire()", "True");
    ASK(b, "1.acquire()", "...");
    ASK(c, "1.acquire()", "...");
    mpm_world_kill(20, false);
    ASK(a, "1.release()", "None");
    GOT(c, "True");
    ASK(a, "2.acquire()", "True");
    ASK(d, "2.acquire()", "...");
    ASK(d, "1.locked()", "True"); /* a new request: d gave up waiting */
    ASK(a, "2.release()", "None");
    ASK(c, "2.acquire(False)", "True");
}

static void
a_grant_that_nobody_read_goes_to_the_next(void **state)
{
    (void)state;
    mpm_world_create("Lock()");
    mpm_world_create("RLock()");
    ASK(a, "1.acquire()", "True");
    ASK(b, "1.acquire()", "...");
    ASK(c, "1.acquire()", "...");
    ASK(a, "1.release()", "None");
    mpm_world_peer_end(b, true);
    GOT(c, "True");
    mpm_world_peer_end(c, false); /* it was read: c holds it */
    ASK(a, "1.locked()", "True");
    ASK(a, "1.release()", "None");

    ASK(a, "2.acquire()", "True");
    ASK(a, "2.acquire()", "True");
    ASK(d, "2.acquire()", "...");
    mpm_world_peer_end(a, true); /* one level was not read, the other is still there */
    a = mpm_world_peer_new(10, "MainProcess");
    GOT(d, "...");
    ASK(a, "2.release()", "None");
    GOT(d, "True");
}

static void
what_was_granted_and_then_released_by_others_is_not_taken_back(void **state)
{
    (void)state;
    mpm_world_create("Lock()");
    ASK(a, "1.acquire()", "True");
    ASK(b, "1.release()", "None");
    ASK(b, "1.acquire()", "True");
    mpm_world_peer_end(a, true);
    ASK(c, "1.acquire(False)", "False");
}

static void
keep_leaves_a_dead_ones_lock_locked_until_somebody_releases_it(void **state)
{
    (void)state;
    mpm_world_create("Lock()");
    mpm_world_create("RLock()");
    ASK(a, "1.acquire()", "True");
    ASK(a, "2.acquire()", "True");
    ASK(b, "1.acquire()", "...");
    mpm_world_kill(10, false);
    GOT(b, "...");
    ASK(c, "1.release()", "None");
    GOT(b, "True");
    ASK(c, "2.acquire(False)", "False");
    ASK(c, "2.release()", "RuntimeError('cannot release un-acquired lock')");
}

static void
release_hands_a_dead_ones_lock_on(void **state)
{
    (void)state;
    mpm_world_create("Lock()");
    mpm_world_create("RLock()");
    ASK(a, "1.acquire()", "True");
    ASK(a, "2.acquire()", "True");
    ASK(a, "2.acquire()", "True");
    ASK(b, "1.acquire()", "...");
    ASK(c, "2.acquire()", "...");
    mpm_world_kill(10, false);
    GOT(b, "True");
    GOT(c, "True");
    ASK(c, "2.release()", "None");
    ASK(d, "2.acquire(False)", "True");
}

static void
break_makes_a_dead_ones_lock_raise_for_everyone(void **state)
{
    static const char gone[] = "RuntimeError('Lock 1 is broken: process 10 died holding it; make a new one, or start mpmd "
                               "with --on-owner-death release')";

    (void)state;
    mpm_world_create("Lock()");
    mpm_world_create("RLock()");
    ASK(a, "1.acquire()", "True");
    ASK(a, "2.acquire()", "True");
    ASK(b, "1.acquire()", "...");
    ASK(c, "1.acquire(True, 5)", "...");
    mpm_world_kill(10, false);
    GOT(b, gone);
    GOT(c, gone);
    ASK(d, "1.acquire()", gone);
    ASK(d, "1.acquire(False)", gone);
    ASK(d, "1.release()", gone);
    ASK(d, "1.locked()", "True");
    ASK(d, "1.__repr__()", "'<locked _thread.lock object at 0x1>'");
    assert_int_equal(strncmp(mpm_world_ask(d, "2.acquire()"), "RuntimeError('RLock 2 is broken: process 10", 43), 0);
    ASK(d, "2.locked()", "True");
    mpm_world_pass(10);
    GOT(c, "...");
}

static void
over_tcp_the_end_of_the_connection_is_death(void **state)
{
    struct mpm_world_peer *far = mpm_world_peer_new(0, "MainProcess");

    (void)state;
    mpm_world_create("Lock()");
    ASK(far, "1.acquire()", "True");
    mpm_world_peer_end(far, false);
    ASK(a, "1.acquire()", "RuntimeError('Lock 1 is broken: a client died holding it; make a new one, or start mpmd with "
                          "--on-owner-death release')");
}

static void
a_lock_that_goes_while_held_leaves_nothing_behind(void **state)
{
    (void)state;
    mpm_world_create("Lock()");
    mpm_world_create("RLock()");
    ASK(a, "1.acquire()", "True");
    ASK(a, "2.acquire()", "True");
    ASK(a, "1.locked()", "True");
    mpm_world_decref("1");
    mpm_world_decref("2");
    ASK(a, "1.release()", "! KeyError: '1'");
    mpm_world_kill(10, false);
}

static void
named_locks_have_the_old_names_too(void **state)
{
    (void)state;
    assert_int_equal(mpm__hub_register(mpm_world_hub(), "get_lock=Lock", NULL), 0);
    assert_string_equal(mpm_world_create("get_lock()"), "1");
    ASK(a, "1.acquire_lock()", "True");
    ASK(a, "1.locked_lock()", "True");
    ASK(a, "1.release_lock()", "None");
}

/* --- memory ------------------------------------------------------------------------------------------------------- */

static int
lock_life(void)
{
    bool ok;

    if (!mpm_people_try(MPM_DEATH_RELEASE, 2))
        return MPM_ENOMEM;
    ok = strcmp(mpm_world_create("RLock()"), "1") == 0 && mpm_world_either(a, "1.acquire()", "True") &&
         mpm_world_either(a, "1.acquire(True, 5)", "True") && mpm_world_either(b, "1.acquire(True, 5)", "...") &&
         mpm_world_either(a, "1.release()", "None") && mpm_world_either(a, "1.release()", "None");
    if (ok)
        ok = strcmp(mpm_world_reply(b), "True") == 0;
    return mpm_people_tried(ok);
}

static void
without_memory_nothing_is_half_done(void **state)
{
    (void)state;
    assert_true(mpm_test_fail_until_ok(lock_life) > 0);
}

int
main(void)
{
#define TEST(open, name) cmocka_unit_test_setup_teardown(name, open, mpm_people_go)
    const struct CMUnitTest tests[] = {
        TEST(mpm_people_come, a_lock_has_one_holder_and_anybody_may_release_it),
        TEST(mpm_people_come, waiters_get_the_lock_in_order_of_arrival),
        TEST(mpm_people_come, a_timeout_ends_the_wait_with_false_and_not_a_moment_earlier),
        TEST(mpm_people_come, timeouts_are_checked_as_cpython_checks_them),
        TEST(mpm_people_come, an_rlock_is_taken_again_by_its_holder_only),
        TEST(mpm_people_come, a_thread_that_reconnects_still_holds_its_rlock),
        TEST(mpm_people_come, a_dead_waiter_is_passed_over),
        TEST(mpm_people_come, a_grant_that_nobody_read_goes_to_the_next),
        TEST(mpm_people_come, what_was_granted_and_then_released_by_others_is_not_taken_back),
        TEST(mpm_people_come, keep_leaves_a_dead_ones_lock_locked_until_somebody_releases_it),
        TEST(mpm_people_come_release, release_hands_a_dead_ones_lock_on),
        TEST(mpm_people_come_break, break_makes_a_dead_ones_lock_raise_for_everyone),
        TEST(mpm_people_come_break, over_tcp_the_end_of_the_connection_is_death),
        TEST(mpm_people_come, a_lock_that_goes_while_held_leaves_nothing_behind),
        TEST(mpm_people_come, named_locks_have_the_old_names_too),
        cmocka_unit_test(without_memory_nothing_is_half_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Event and Barrier. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "support/support.h"
#include "support/people.h"

/* --- Event -------------------------------------------------------------------------------------------------------- */

static void
set_wakes_all_who_wait_and_stays_set(void **state)
{
    (void)state;
    MADE("Event()", "1");
    ASK(a, "1.is_set()", "False");
    ASK(a, "1.wait()", "...");
    ASK(b, "1.wait(None)", "...");
    ASK(c, "1.wait(timeout=2.5)", "...");
    mpm_world_kill(20, false);
    ASK(d, "1.set()", "None");
    GOT(a, "True");
    GOT(c, "True");
    ASK(a, "1.wait('x')", "True"); /* not looked at */
    ASK(a, "1.is_set()", "True");
    ASK(a, "1.__repr__()", "'<threading.Event at 0x1: set>'");
    ASK(a, "1.clear()", "None");
    ASK(a, "1.__str__()", "'<threading.Event at 0x1: unset>'");
    ASK(a, "1.wait()", "...");
    mpm_world_pass(1000);
    GOT(a, "...");
}

static void
a_wait_for_an_event_ends_with_its_timeout(void **state)
{
    char beyond[400] = "1.wait(-";

    (void)state;
    strcpy(beyond + sizeof beyond - 3, ")");
    MADE("Event()", "1");
    ASK(a, "1.wait(0)", "False");
    ASK(a, "1.wait(-1)", "False");
    ASK(a, "1.wait(False)", "False");
    ASK(a, "1.wait(nan)", "False");
    ASK(a, "1.wait(-1e300)", "False");
    memset(beyond + 8, '9', sizeof beyond - 11); /* -999...: no float holds it */
    ASK(a, beyond, "False");
    beyond[7] = '9';
    ASK(a, beyond, "OverflowError('timestamp too large to convert to C PyTime_t')");
    ASK(a, "1.wait(True)", "...");
    ASK(b, "1.wait(2)", "...");
    mpm_world_pass(1);
    GOT(a, "False");
    GOT(b, "...");
    mpm_world_pass(1);
    GOT(b, "False");
    ASK(a, "1.wait([])", "TypeError(\"'>' not supported between instances of 'list' and 'int'\")");
    ASK(a, "1.wait(1e300)", "OverflowError('timestamp out of range for platform time_t')");
    ASK(a, "1.wait(1000000000000000000000000000000)", "OverflowError('timestamp too large to convert to C PyTime_t')");
}

static void
what_an_event_does_not_take_is_said_as_cpython_says_it(void **state)
{
    (void)state;
    MADE("Event()", "1");
    ASK(a, "1.set(1)", "TypeError('Event.set() takes 1 positional argument but 2 were given')");
    ASK(a, "1.set(x=1)", "TypeError(\"Event.set() got an unexpected keyword argument 'x'\")");
    ASK(a, "1.set(self=1)", "TypeError(\"Event.set() got multiple values for argument 'self'\")");
    ASK(a, "1.wait(0, 1)", "TypeError('Event.wait() takes from 1 to 2 positional arguments but 3 were given')");
    ASK(a, "1.wait(0, timeout=0)", "TypeError(\"Event.wait() got multiple values for argument 'timeout'\")");
    ASK(a, "1.isSet()", "! KeyError: 'isSet'");
    ASK(a, "1.#GETVALUE()", "! TypeError: cannot pickle '_thread.lock' object");
    MADE("Event(1)", "! TypeError: Event.__init__() takes 1 positional argument but 2 were given");
    assert_int_equal(mpm__hub_register(mpm_world_hub(), "go=Event()", NULL), 0);
    MADE("go()", "2");
    ASK(a, "2.isSet()", "False");
}

/* --- Barrier ------------------------------------------------------------------------------------------------------ */

static void
the_last_party_lets_all_go_on_with_an_index_each(void **state)
{
    (void)state;
    MADE("Barrier(3)", "1");
    for (int round = 0; round < 3; round++) {
        ASK(a, "1.wait()", "...");
        ASK(b, "1.wait(None)", "...");
        ASK(d, "1.__getattribute__('n_waiting')", "2");
        ASK(d, "1.__repr__()", "'<threading.Barrier at 0x1: waiters=2/3>'");
        ASK(c, "1.wait('x')", "2"); /* not looked at: it is the last */
        GOT(a, "0");
        GOT(b, "1");
        ASK(d, "1.__getattribute__('n_waiting')", "0");
    }
    ASK(d, "1.__getattribute__('parties')", "3");
    ASK(d, "1.__getattribute__('broken')", "False");
    MADE("Barrier(parties=1)", "2");
    ASK(a, "2.wait()", "0");
}

static void
a_dead_party_leaves_and_no_gap_among_the_indices(void **state)
{
    (void)state;
    MADE("Barrier(3)", "1");
    ASK(a, "1.wait()", "...");
    ASK(b, "1.wait()", "...");
    mpm_world_kill(10, false);
    ASK(d, "1.__getattribute__('n_waiting')", "1");
    ASK(c, "1.wait()", "...");
    ASK(d, "1.wait()", "2");
    GOT(b, "0");
    GOT(c, "1");
}

static void
a_timeout_breaks_the_barrier_for_all(void **state)
{
    (void)state;
    MADE("Barrier(4)", "1");
    ASK(a, "1.wait()", "...");
    ASK(b, "1.wait(2)", "...");
    mpm_world_pass(2);
    GOT(a, "threading.BrokenBarrierError()");
    GOT(b, "threading.BrokenBarrierError()");
    ASK(c, "1.wait()", "threading.BrokenBarrierError()");
    ASK(c, "1.__getattribute__('broken')", "True");
    ASK(c, "1.__repr__()", "'<threading.Barrier at 0x1: broken>'");
    ASK(c, "1.reset()", "None");
    ASK(c, "1.__getattribute__('broken')", "False");
    ASK(a, "1.wait()", "...");
    ASK(b, "1.wait(0)", "threading.BrokenBarrierError()");
    GOT(a, "threading.BrokenBarrierError()");
}

static void
the_barriers_own_timeout_counts_unless_one_is_given(void **state)
{
    (void)state;
    MADE("Barrier(2, None, 3)", "1");
    MADE("Barrier(2, timeout=0.5)", "2");
    ASK(a, "1.wait()", "...");
    ASK(b, "2.wait(10)", "...");
    mpm_world_pass(3);
    GOT(a, "threading.BrokenBarrierError()");
    GOT(b, "...");
    ASK(c, "2.wait()", "1");
    GOT(b, "0");
}

static void
abort_breaks_and_reset_sends_the_waiting_away(void **state)
{
    (void)state;
    MADE("Barrier(3)", "1");
    ASK(a, "1.wait()", "...");
    ASK(b, "1.reset()", "None");
    GOT(a, "threading.BrokenBarrierError()");
    ASK(b, "1.__getattribute__('broken')", "False");
    ASK(a, "1.wait()", "...");
    ASK(b, "1.abort()", "None");
    GOT(a, "threading.BrokenBarrierError()");
    ASK(a, "1.wait()", "threading.BrokenBarrierError()");
    ASK(b, "1.__getattribute__('broken')", "True");
}

static void
what_a_barrier_does_not_take_is_said(void **state)
{
    (void)state;
    MADE("Barrier()", "! TypeError: Barrier.__init__() missing 1 required positional argument: 'parties'");
    MADE("Barrier(0)", "! ValueError: parties must be > 0");
    MADE("Barrier(-1)", "! ValueError: parties must be > 0");
    MADE("Barrier('x')", "! TypeError: '<' not supported between instances of 'str' and 'int'");
    MADE("Barrier(1.5)", "! TypeError: parties must be a whole number, not 1.5");
    MADE("Barrier(0.5)", "! ValueError: parties must be > 0");
    MADE("Barrier(-1000000000000000000000000000000)", "! ValueError: parties must be > 0");
    MADE("Barrier(2, None, 'x')", "! TypeError: unsupported operand type(s) for +: 'float' and 'str'");
    MADE("Barrier(1, None, None, 1)", "! TypeError: Barrier.__init__() takes from 2 to 4 positional arguments but 5 were given");
    MADE("Barrier(1, parties=1)", "! TypeError: Barrier.__init__() got multiple values for argument 'parties'");
    assert_non_null(strstr(mpm_world_create("Barrier(2, <int>)"), "NotImplementedError: Barrier(action=...) would run"));
    MADE("Barrier(2)", "1");
    ASK(a, "1.wait([])", "TypeError(\"unsupported operand type(s) for +: 'float' and 'list'\")");
    ASK(a, "1.__getattribute__('broken')", "False");
    ASK(a, "1.wait(0, 1)", "TypeError('Barrier.wait() takes from 1 to 2 positional arguments but 3 were given')");
    ASK(a, "1.abort(1)", "TypeError('Barrier.abort() takes 1 positional argument but 2 were given')");
    ASK(a, "1.__getattribute__()", "TypeError('expected 1 argument, got 0')");
    ASK(a, "1.__getattribute__('a', 'b')", "TypeError('expected 1 argument, got 2')");
    ASK(a, "1.__getattribute__('a', x=1)", "TypeError('wrapper __getattribute__() takes no keyword arguments')");
    ASK(a, "1.__getattribute__(1)", "TypeError(\"attribute name must be string, not 'int'\")");
    ASK(a, "1.__getattribute__('x')", "AttributeError(\"'Barrier' object has no attribute 'x'\")");
    ASK(a, "1.__getattribute__('wait')", "TypeError(\"cannot pickle '_thread.lock' object\")");
    ASK(a, "1.__getattribute__('__class__')", "<class 'threading.Barrier'>");
}

static int
life(void)
{
    bool ok;

    if (!mpm_people_try(MPM_DEATH_RELEASE, 2))
        return MPM_ENOMEM;
    ok = strcmp(mpm_world_create("Event()"), "1") == 0 && strcmp(mpm_world_create("Barrier(2)"), "2") == 0 &&
         mpm_world_either(a, "1.wait(5)", "...") && mpm_world_either(b, "1.set()", "None") &&
         strcmp(mpm_world_reply(a), "True") == 0 && mpm_world_either(a, "2.wait(5)", "...") &&
         mpm_world_either(b, "2.wait()", "1") && strcmp(mpm_world_reply(a), "0") == 0;
    return mpm_people_tried(ok);
}

static void
without_memory_nothing_is_half_done(void **state)
{
    (void)state;
    assert_true(mpm_test_fail_until_ok(life) > 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, mpm_people_come, mpm_people_go)
    const struct CMUnitTest tests[] = {
        TEST(set_wakes_all_who_wait_and_stays_set),
        TEST(a_wait_for_an_event_ends_with_its_timeout),
        TEST(what_an_event_does_not_take_is_said_as_cpython_says_it),
        TEST(the_last_party_lets_all_go_on_with_an_index_each),
        TEST(a_dead_party_leaves_and_no_gap_among_the_indices),
        TEST(a_timeout_breaks_the_barrier_for_all),
        TEST(the_barriers_own_timeout_counts_unless_one_is_given),
        TEST(abort_breaks_and_reset_sends_the_waiting_away),
        TEST(what_a_barrier_does_not_take_is_said),
        cmocka_unit_test(without_memory_nothing_is_half_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_rwlock.c - RWLock: many readers or one writer, in order of arrival. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "support/support.h"
#include "support/people.h"

static int
open_with(enum mpm_death_policy policy)
{
    mpm_people(policy, 0);
    MADE("RWLock()", "1");
    return 0;
}

static int
open_keep(void **state)
{
    (void)state;
    return open_with(MPM_DEATH_KEEP);
}

static int
open_release(void **state)
{
    (void)state;
    return open_with(MPM_DEATH_RELEASE);
}

static int
open_break(void **state)
{
    (void)state;
    return open_with(MPM_DEATH_BREAK);
}

static void
many_read_or_one_writes(void **state)
{
    (void)state;
    ASK(a, "1.locked()", "False");
    ASK(a, "1.acquire_read()", "True");
    ASK(b, "1.acquire_read(timeout=2)", "True");
    ASK(c, "1.acquire_write(False)", "False");
    ASK(c, "1.acquire_write(True, 3)", "...");
    ASK(a, "1.__repr__()", "'<locked mpmd.RWLock object readers=2 writers=0 waiting=1 at 0x1>'");
    ASK(a, "1.release_read()", "None");
    GOT(c, "...");
    ASK(b, "1.release_read()", "None");
    GOT(c, "True");
    ASK(a, "1.locked()", "True");
    ASK(a, "1.acquire_read(False)", "False");
    ASK(a, "1.acquire_write(blocking=True, timeout=2)", "...");
    ASK(b, "1.acquire_read()", "...");
    mpm_world_pass(2);
    GOT(a, "False");
    ASK(c, "1.release_write()", "None");
    GOT(b, "True");
    ASK(b, "1.release_read()", "None");
    ASK(a, "1.locked()", "False");
    ASK(a, "1.#GETVALUE()", "! TypeError: cannot pickle 'mpmd.RWLock' object");
}

static void
a_waiting_writer_goes_before_those_who_come_later(void **state)
{
    (void)state;
    ASK(a, "1.acquire_read()", "True");
    ASK(b, "1.acquire_write()", "...");
    ASK(c, "1.acquire_read(False)", "False");
    ASK(c, "1.acquire_read()", "...");
    ASK(d, "1.acquire_read()", "...");
    ASK(a, "1.release_read()", "None");
    GOT(b, "True");
    GOT(c, "...");
    ASK(b, "1.release_write()", "None");
    GOT(c, "True"); /* both, since no writer is between them */
    GOT(d, "True");
}

static void
when_a_waiting_writer_gives_up_the_readers_behind_it_get_in(void **state)
{
    (void)state;
    ASK(a, "1.acquire_read()", "True");
    ASK(b, "1.acquire_write(True, 2)", "...");
    ASK(c, "1.acquire_read()", "...");
    mpm_world_pass(2);
    GOT(b, "False");
    GOT(c, "True");
    ASK(b, "1.acquire_write()", "...");
    ASK(d, "1.acquire_read(True, 9)", "...");
    mpm_world_kill(20, true);
    GOT(d, "True");
}

static void
who_has_it_may_have_it_again_but_not_write_what_it_reads(void **state)
{
    (void)state;
    ASK(a, "1.acquire_read()", "True");
    ASK(b, "1.acquire_write()", "...");
    ASK(a, "1.acquire_read()", "True"); /* though a writer waits: it would wait for a */
    ASK(a, "1.acquire_write()", "RuntimeError('cannot acquire_write() while reading; release_read() first')");
    ASK(a, "1.acquire_write(False)", "RuntimeError('cannot acquire_write() while reading; release_read() first')");
    ASK(a, "1.release_read()", "None");
    GOT(b, "...");
    ASK(a, "1.release_read()", "None");
    GOT(b, "True");
    ASK(b, "1.acquire_write(False)", "True");
    ASK(b, "1.acquire_read(False)", "True");
    ASK(c, "1.acquire_write()", "...");
    ASK(d, "1.acquire_read()", "...");
    ASK(b, "1.release_write()", "None");
    GOT(c, "...");
    ASK(b, "1.release_write()", "None"); /* it still reads */
    GOT(c, "...");
    ASK(b, "1.release_write()", "RuntimeError('cannot release un-acquired lock')");
    ASK(b, "1.acquire_read()", "True");
    ASK(b, "1.release_read()", "None");
    ASK(b, "1.release_read()", "None");
    GOT(c, "True");
}

static void
only_who_has_it_may_release_it_and_arguments_are_those_of_a_lock(void **state)
{
    (void)state;
    ASK(a, "1.release_read()", "RuntimeError('cannot release un-acquired lock')");
    ASK(a, "1.release_write()", "RuntimeError('cannot release un-acquired lock')");
    ASK(a, "1.acquire_read()", "True");
    ASK(b, "1.release_read()", "RuntimeError('cannot release un-acquired lock')");
    ASK(a, "1.release_write()", "RuntimeError('cannot release un-acquired lock')");
    ASK(a, "1.acquire_read(False, 1)", "ValueError(\"can't specify a timeout for a non-blocking call\")");
    ASK(b, "1.acquire_write(True, -2)", "ValueError('timeout value must be a non-negative number')");
    ASK(b, "1.acquire_write(True, 'x')", "TypeError(\"'str' object cannot be interpreted as an integer\")");
    ASK(b, "1.acquire_write(True, 0)", "False");
    ASK(b, "1.release_read(1)", "TypeError('RWLock.release_read() takes 1 positional argument but 2 were given')");
    MADE("RWLock(1)", "! TypeError: RWLock.__init__() takes 1 positional argument but 2 were given");
}

static void
what_was_never_read_goes_back(void **state)
{
    (void)state;
    ASK(a, "1.acquire_read()", "True");
    ASK(a, "1.acquire_read()", "True");
    ASK(b, "1.acquire_write()", "...");
    mpm_world_peer_end(a, true); /* over AF_UNIX the thread may come back: it has one level left */
    GOT(b, "...");
    a = mpm_world_peer_new(10, "MainProcess");
    ASK(a, "1.release_read()", "None");
    GOT(b, "True");
    ASK(c, "1.acquire_read()", "...");
    mpm_world_peer_end(b, true);
    GOT(c, "True");
    mpm_world_peer_end(c, true);
    ASK(a, "1.locked()", "False");
}

static void
keep_keeps_it_locked(void **state)
{
    (void)state;
    ASK(a, "1.acquire_read()", "True");
    mpm_world_kill(10, false);
    ASK(b, "1.acquire_write(False)", "False");
    ASK(b, "1.acquire_read(False)", "True");
    ASK(b, "1.release_read()", "None");
    ASK(b, "1.locked()", "True");
    mpm_world_decref("1");
}

static void
release_hands_it_on(void **state)
{
    (void)state;
    ASK(a, "1.acquire_write()", "True");
    ASK(a, "1.acquire_write()", "True");
    ASK(a, "1.acquire_read()", "True");
    ASK(b, "1.acquire_read()", "...");
    ASK(c, "1.acquire_write()", "...");
    mpm_world_kill(10, false);
    GOT(b, "True");
    GOT(c, "...");
    mpm_world_kill(20, false);
    GOT(c, "True");
}

static void
break_breaks_it_when_a_writer_dies_and_not_for_a_reader(void **state)
{
    (void)state;
    ASK(a, "1.acquire_read()", "True");
    ASK(b, "1.acquire_write()", "...");
    mpm_world_kill(10, false);
    GOT(b, "True");
    ASK(c, "1.acquire_read()", "...");
    ASK(d, "1.acquire_write()", "...");
    mpm_world_kill(20, false);
    assert_non_null(strstr(mpm_world_reply(c), "RuntimeError('RWLock 1 is broken: process 20 died holding it"));
    assert_non_null(strstr(mpm_world_reply(d), "is broken"));
    assert_non_null(strstr(mpm_world_ask(c, "1.acquire_read(False)"), "is broken"));
    assert_non_null(strstr(mpm_world_ask(c, "1.release_write()"), "is broken"));
    ASK(c, "1.locked()", "True");
}

static int
rwlock_life(void)
{
    bool ok;

    if (!mpm_people_try(MPM_DEATH_RELEASE, 3))
        return MPM_ENOMEM;
    ok = strcmp(mpm_world_create("RWLock()"), "1") == 0 && mpm_world_either(a, "1.acquire_read()", "True") &&
         mpm_world_either(b, "1.acquire_write(True, 5)", "...") &&
         mpm_world_either(c, "1.acquire_read(True, 5)", "...") &&
         mpm_world_either(a, "1.release_read()", "None") && strcmp(mpm_world_reply(b), "True") == 0 &&
         mpm_world_either(b, "1.release_write()", "None") && strcmp(mpm_world_reply(c), "True") == 0;
    return mpm_people_tried(ok);
}

static void
without_memory_nothing_is_half_done(void **state)
{
    (void)state;
    assert_true(mpm_test_fail_until_ok(rwlock_life) > 0);
}

int
main(void)
{
#define TEST(open, name) cmocka_unit_test_setup_teardown(name, open, mpm_people_go)
    const struct CMUnitTest tests[] = {
        TEST(open_keep, many_read_or_one_writes),
        TEST(open_keep, a_waiting_writer_goes_before_those_who_come_later),
        TEST(open_keep, when_a_waiting_writer_gives_up_the_readers_behind_it_get_in),
        TEST(open_keep, who_has_it_may_have_it_again_but_not_write_what_it_reads),
        TEST(open_keep, only_who_has_it_may_release_it_and_arguments_are_those_of_a_lock),
        TEST(open_keep, what_was_never_read_goes_back),
        TEST(open_keep, keep_keeps_it_locked),
        TEST(open_release, release_hands_it_on),
        TEST(open_break, break_breaks_it_when_a_writer_dies_and_not_for_a_reader),
        cmocka_unit_test(without_memory_nothing_is_half_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

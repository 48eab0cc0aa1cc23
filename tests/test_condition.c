/* Condition: on its own lock, on given ones, with waiters that time out, give up and die. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "support/support.h"
#include "support/people.h"

/* The peer takes the lock and waits under it. */
static void
wait_in(struct mpm_world_peer *p, const char *wait)
{
    ASK(p, "1.acquire()", "True");
    ASK(p, wait, "...");
}

static void
a_waiter_lets_go_of_the_lock_and_has_it_again_when_notified(void **state)
{
    (void)state;
    MADE("Condition()", "1");
    ASK(a, "1.acquire()", "True");
    ASK(a, "1.acquire()", "True"); /* two levels */
    ASK(a, "1.wait(None)", "...");
    ASK(b, "1.acquire()", "True");
    ASK(b, "1.__repr__()", "'<Condition(<locked _thread.RLock object owner=2 count=1 at 0x1>, 1)>'");
    ASK(b, "1.notify()", "None");
    GOT(a, "..."); /* b still has the lock */
    ASK(b, "1.release()", "None");
    GOT(a, "True");
    ASK(b, "1.acquire(False)", "False");
    ASK(a, "1.release()", "None");
    ASK(b, "1.acquire(False)", "False");
    ASK(a, "1.release()", "None");
    ASK(b, "1.acquire(False)", "True");
    ASK(b, "1.#GETVALUE()", "! TypeError: cannot pickle '_thread.RLock' object");
}

static void
waiters_are_notified_in_order_of_arrival(void **state)
{
    (void)state;
    MADE("Condition()", "1");
    wait_in(a, "1.wait()");
    wait_in(b, "1.wait()");
    wait_in(c, "1.wait(timeout=5)");
    ASK(d, "1.acquire()", "True");
    ASK(d, "1.notify(2)", "None");
    ASK(d, "1.release()", "None");
    GOT(a, "True");
    GOT(b, "...");
    ASK(a, "1.release()", "None");
    GOT(b, "True");
    GOT(c, "...");
    ASK(b, "1.notify_all()", "None");
    ASK(b, "1.release()", "None");
    GOT(c, "True");
}

static void
a_timeout_waits_for_the_lock_before_it_returns_false(void **state)
{
    (void)state;
    MADE("Condition()", "1");
    wait_in(a, "1.wait(2)");
    wait_in(b, "1.wait(2)");
    ASK(c, "1.acquire()", "True");
    mpm_world_pass(2);
    GOT(a, "...");
    GOT(b, "...");
    mpm_world_pass(100);
    ASK(c, "1.notify_all()", "None"); /* too late for both */
    ASK(c, "1.release()", "None");
    GOT(a, "False");
    GOT(b, "...");
    ASK(a, "1.release()", "None");
    GOT(b, "False");
    ASK(b, "1.release()", "None");
    wait_in(a, "1.wait(0.5)");
    mpm_world_pass(0.5);
    GOT(a, "False"); /* the lock was free */
    ASK(a, "1.release()", "None");
}

static void
no_time_to_wait_lets_those_in_who_wait_for_the_lock(void **state)
{
    (void)state;
    MADE("Condition()", "1");
    ASK(a, "1.acquire()", "True");
    ASK(a, "1.wait(0)", "False");
    ASK(a, "1.wait(-1)", "False");
    ASK(a, "1.wait(nan)", "False");
    ASK(b, "1.acquire()", "...");
    ASK(a, "1.wait(0)", "...");
    GOT(b, "True");
    ASK(b, "1.notify()", "None"); /* a is no waiter */
    ASK(b, "1.release()", "None");
    GOT(a, "False");
    ASK(a, "1.release()", "None");
}

static void
only_who_holds_the_lock_may_wait_and_notify(void **state)
{
    (void)state;
    MADE("Condition()", "1");
    ASK(a, "1.wait()", "RuntimeError('cannot wait on un-acquired lock')");
    ASK(a, "1.wait('x')", "RuntimeError('cannot wait on un-acquired lock')");
    ASK(a, "1.notify()", "RuntimeError('cannot notify on un-acquired lock')");
    ASK(a, "1.notify_all()", "RuntimeError('cannot notify on un-acquired lock')");
    ASK(a, "1.release()", "RuntimeError('cannot release un-acquired lock')");
    ASK(b, "1.acquire()", "True");
    ASK(a, "1.wait(1)", "RuntimeError('cannot wait on un-acquired lock')");
    ASK(a, "1.notify(1)", "RuntimeError('cannot notify on un-acquired lock')");
    ASK(b, "1.wait('x')", "TypeError(\"'>' not supported between instances of 'str' and 'int'\")");
    ASK(b, "1.wait(1e300)", "OverflowError('timestamp out of range for platform time_t')");
    ASK(b, "1.locked()", "True");
    ASK(b, "1.wait(0, 1)", "TypeError('Condition.wait() takes from 1 to 2 positional arguments but 3 were given')");
    ASK(b, "1.notify(x=3)", "TypeError(\"Condition.notify() got an unexpected keyword argument 'x'\")");
    ASK(b, "1.notify_all(1)", "TypeError('Condition.notify_all() takes 1 positional argument but 2 were given')");
    ASK(b, "1.acquire(True, -1, 2)", "TypeError('acquire() takes at most 2 arguments (3 given)')");
    ASK(b, "1.release(1)", "TypeError('RLock.release() takes no arguments (1 given)')");
    ASK(b, "1.acquire!", "TypeError('RLock.acquire() argument after * must be an iterable, not NoneType')");
    ASK(b, "1.wait_for()", "! KeyError: 'wait_for'");
    ASK(b, "1.notifyAll()", "! KeyError: 'notifyAll'");
}

static void
the_number_of_notifications_is_looked_at_only_when_somebody_waits(void **state)
{
    (void)state;
    MADE("Condition()", "1");
    ASK(a, "1.acquire()", "True");
    ASK(a, "1.notify('x')", "None");
    ASK(a, "1.release()", "None");
    wait_in(b, "1.wait()");
    wait_in(c, "1.wait()");
    wait_in(d, "1.wait()");
    ASK(a, "1.acquire()", "True");
    ASK(a, "1.notify('x')", "TypeError(\"'>' not supported between instances of 'str' and 'int'\")");
    ASK(a, "1.notify(n=None)", "TypeError(\"'>' not supported between instances of 'NoneType' and 'int'\")");
    ASK(a, "1.notify(0)", "None");
    ASK(a, "1.notify(-1000000000000000000000000000000)", "None");
    ASK(a, "1.__repr__()", "'<Condition(<locked _thread.RLock object owner=1 count=1 at 0x1>, 3)>'");
    ASK(a, "1.notify(True)", "None");
    ASK(a, "1.__repr__()", "'<Condition(<locked _thread.RLock object owner=1 count=1 at 0x1>, 2)>'");
    ASK(a, "1.notify(1000000000000000000000000000000)", "None");
    ASK(a, "1.__repr__()", "'<Condition(<locked _thread.RLock object owner=1 count=1 at 0x1>, 0)>'");
}

static void
a_notification_goes_on_when_its_waiter_dies_before_it_has_the_lock(void **state)
{
    (void)state;
    MADE("Condition()", "1");
    wait_in(a, "1.wait()");
    wait_in(b, "1.wait()");
    ASK(c, "1.acquire()", "True");
    ASK(c, "1.notify()", "None");
    mpm_world_kill(10, false);
    ASK(c, "1.release()", "None");
    GOT(b, "True");
}

static void
a_notification_goes_on_when_its_waiter_never_read_of_it(void **state)
{
    (void)state;
    MADE("Condition()", "1");
    wait_in(a, "1.wait()");
    wait_in(b, "1.wait()");
    ASK(c, "1.acquire()", "True");
    ASK(c, "1.notify()", "None");
    ASK(c, "1.release()", "None");
    mpm_world_kill(10, true);
    GOT(b, "True");
    ASK(b, "1.release()", "None");
    ASK(c, "1.acquire(False)", "True");
}

static void
a_waiter_that_gave_up_or_died_takes_no_notification(void **state)
{
    (void)state;
    MADE("Condition()", "1");
    wait_in(a, "1.wait()");
    wait_in(b, "1.wait()");
    wait_in(c, "1.wait()");
    mpm_world_kill(10, false);
    ASK(b, "1.locked()", "False"); /* a new request */
    ASK(d, "1.acquire()", "True");
    ASK(d, "1.notify()", "None");
    ASK(d, "1.release()", "None");
    GOT(c, "True");
}

static void
a_lock_taken_back_after_a_timeout_that_nobody_read_of_is_free(void **state)
{
    (void)state;
    MADE("Condition()", "1");
    wait_in(a, "1.wait(1)");
    mpm_world_pass(1);
    mpm_world_peer_end(a, true);
    ASK(b, "1.acquire(False)", "True");
}

static void
it_works_on_given_locks_of_every_kind(void **state)
{
    static const char *const locks[][2] = {
        { "Lock()", "Condition(@1:Lock)" }, { "RLock()", "Condition(lock=@1:RLock)" },
        { "Semaphore(1)", "Condition(@1:Semaphore)" }, { "BoundedSemaphore(1)", "Condition(@1:BoundedSemaphore)" },
    };

    for (int i = 0; i < 4; i++) {
        MADE(locks[i][0], "1");
        MADE(locks[i][1], "2");
        ASK(a, "2.wait()", "RuntimeError('cannot wait on un-acquired lock')");
        ASK(a, "2.notify()", "RuntimeError('cannot notify on un-acquired lock')");
        ASK(a, "1.acquire()", "True");
        ASK(b, "2.acquire(False)", "False");
        ASK(a, "2.wait()", "...");
        ASK(b, "2.acquire()", "True");
        ASK(c, "1.acquire()", "...");
        ASK(b, "2.notify_all()", "None");
        ASK(b, "1.release()", "None");
        GOT(c, "True"); /* c came before the notification */
        GOT(a, "...");
        ASK(c, "1.release()", "None");
        GOT(a, "True");
        mpm_world_decref("1"); /* the Condition keeps its lock */
        ASK(a, "2.release()", "None");
        ASK(a, "2.acquire(False)", "True");
        ASK(a, "2.wait(3)", "...");
        mpm_world_pass(3);
        GOT(a, "False");
        mpm_world_peer_end(a, true); /* not read: free */
        a = mpm_world_peer_new(10, "MainProcess");
        ASK(b, "2.acquire(False)", "True");
        mpm_world_decref("2");
        mpm_people_go(state);
        mpm_people_come(state);
    }
}

static void
what_is_no_lock_of_this_server_is_refused(void **state)
{
    (void)state;
    MADE("Event()", "1");
    MADE("Condition()", "2");
    MADE("BoundedSemaphore(0)", "3");
    MADE("Condition(1)", "! AttributeError: 'int' object has no attribute 'acquire'");
    MADE("Condition('x')", "! AttributeError: 'str' object has no attribute 'acquire'");
    MADE("Condition(<int>)", "! AttributeError: type object 'int' has no attribute 'acquire'");
    MADE("Condition(@1:Event)", "! AttributeError: 'Event' object has no attribute 'acquire'");
    MADE("Condition(@9:Lock)", "! ValueError: Condition(lock): the lock is not, or no longer, an object of this server");
    MADE("Condition(@2:Condition)", "! NotImplementedError: a Condition on a Condition is not supported: pass the lock that "
                                    "the first one was made with");
    MADE("Condition(1, 2)", "! TypeError: Condition.__init__() takes from 1 to 2 positional arguments but 3 were given");
    MADE("Condition(x=1)", "! TypeError: Condition.__init__() got an unexpected keyword argument 'x'");
    MADE("Condition(None, lock=None)", "! TypeError: Condition.__init__() got multiple values for argument 'lock'");
    MADE("Condition(@3:BoundedSemaphore)", "4");
    ASK(a, "4.wait()", "ValueError('Semaphore released too many times')");
    ASK(a, "4.wait(0)", "False");
    ASK(a, "4.locked()", "AttributeError(\"'BoundedSemaphore' object has no attribute 'locked'\")");
    ASK(a, "4.__repr__()", "'<Condition(<threading.BoundedSemaphore at 0x3: value=0/0>, 0)>'");
}

static void
the_lock_of_a_dead_holder_goes_to_the_notified_with_release(void **state)
{
    (void)state;
    MADE("Condition()", "1");
    wait_in(a, "1.wait()");
    wait_in(b, "1.wait(5)");
    ASK(c, "1.acquire()", "True");
    ASK(c, "1.notify()", "None");
    mpm_world_kill(30, false);
    GOT(a, "True");
    mpm_world_kill(10, false);
    mpm_world_pass(5);
    GOT(b, "False");
}

static void
break_raises_for_those_who_wait_for_a_notification_too(void **state)
{
    static const char gone[] = "RuntimeError('Condition 1 is broken: process 30 died holding it; make a new one, or start "
                               "mpmd with --on-owner-death release')";

    (void)state;
    MADE("Condition()", "1");
    wait_in(a, "1.wait()");
    wait_in(b, "1.wait(5)");
    ASK(c, "1.acquire()", "True");
    ASK(c, "1.notify()", "None");
    mpm_world_kill(30, false);
    GOT(a, gone);
    GOT(b, gone);
    ASK(a, "1.wait()", gone);
    ASK(a, "1.notify()", gone);
    ASK(a, "1.acquire()", gone);
}

static void
an_old_python_gets_none_from_wait(void **state)
{
    (void)state;
    MADE("Condition()", "1");
    ASK(old, "1.acquire()", "True");
    ASK(old, "1.wait(0)", "None");
    ASK(old, "1.wait()", "...");
    ASK(a, "1.acquire()", "True");
    ASK(a, "1.notify()", "None");
    ASK(a, "1.release()", "None");
    GOT(old, "None");
}

static int
condition_life(void)
{
    bool ok;

    if (!mpm_people_try(MPM_DEATH_RELEASE, 2))
        return MPM_ENOMEM;
    ok = strcmp(mpm_world_create("Semaphore(1)"), "1") == 0 && strcmp(mpm_world_create("Condition(@1:Semaphore)"), "2") == 0;
    if (ok && a != NULL && b != NULL) {
        ok = mpm_world_either(a, "2.acquire()", "True") && mpm_world_either(a, "2.wait(5)", "...");
        /* whatever failed for a, it holds the unit or waits: nothing is lost */
        if (ok) {
            ok = mpm_world_either(b, "1.acquire(False)", "True") && mpm_world_either(b, "2.notify()", "None") &&
                 mpm_world_either(b, "2.release()", "None");
            if (ok && strcmp(mpm_world_reply(a), "True") != 0) /* it could not be told: then it has not got it either */
                ok = mpm_world_either(b, "1.acquire(False)", "True") && false;
        }
    } else {
        ok = false;
    }
    return mpm_people_tried(ok);
}

static void
without_memory_nothing_is_half_done(void **state)
{
    (void)state;
    assert_true(mpm_test_fail_until_ok(condition_life) > 0);
}

int
main(void)
{
#define TEST(open, name) cmocka_unit_test_setup_teardown(name, open, mpm_people_go)
    const struct CMUnitTest tests[] = {
        TEST(mpm_people_come, a_waiter_lets_go_of_the_lock_and_has_it_again_when_notified),
        TEST(mpm_people_come, waiters_are_notified_in_order_of_arrival),
        TEST(mpm_people_come, a_timeout_waits_for_the_lock_before_it_returns_false),
        TEST(mpm_people_come, no_time_to_wait_lets_those_in_who_wait_for_the_lock),
        TEST(mpm_people_come, only_who_holds_the_lock_may_wait_and_notify),
        TEST(mpm_people_come, the_number_of_notifications_is_looked_at_only_when_somebody_waits),
        TEST(mpm_people_come, a_notification_goes_on_when_its_waiter_dies_before_it_has_the_lock),
        TEST(mpm_people_come, a_notification_goes_on_when_its_waiter_never_read_of_it),
        TEST(mpm_people_come, a_waiter_that_gave_up_or_died_takes_no_notification),
        TEST(mpm_people_come, a_lock_taken_back_after_a_timeout_that_nobody_read_of_is_free),
        TEST(mpm_people_come, it_works_on_given_locks_of_every_kind),
        TEST(mpm_people_come, what_is_no_lock_of_this_server_is_refused),
        TEST(mpm_people_come_release, the_lock_of_a_dead_holder_goes_to_the_notified_with_release),
        TEST(mpm_people_come_break, break_raises_for_those_who_wait_for_a_notification_too),
        TEST(mpm_people_come, an_old_python_gets_none_from_wait),
        cmocka_unit_test(without_memory_nothing_is_half_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

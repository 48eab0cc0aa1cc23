/* test_queue.c - Queue, LifoQueue, PriorityQueue: order, room, waiting, and items that nobody got. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "support/support.h"
#include "support/people.h"

static int
open_small(void **state)
{
    (void)state;
    mpm_people(MPM_DEATH_KEEP, 10000);
    return 0;
}

/* --- order and room ----------------------------------------------------------------------------------------------- */

static void
first_in_is_first_out(void **state)
{
    (void)state;
    MADE("Queue()", "1");
    MADE("JoinableQueue()", "2");
    ASK(a, "1.empty()", "True");
    ASK(a, "1.put('x')", "None");
    ASK(b, "1.put(item=[1, 2])", "None");
    ASK(b, "1.put_nowait(None)", "None");
    ASK(b, "1.put(3, False)", "None");
    ASK(b, "1.put(4, timeout=5)", "None");
    ASK(a, "1.qsize()", "5");
    ASK(a, "1.empty()", "False");
    ASK(a, "1.full()", "False");
    ASK(a, "1.get()", "'x'");
    ASK(c, "1.get(timeout=3)", "[1, 2]");
    ASK(c, "1.get_nowait()", "None");
    ASK(c, "1.get(False)", "3");
    ASK(c, "1.get(True, 1)", "4");
    ASK(c, "1.get_nowait()", "queue.Empty()");
    ASK(c, "1.get(block=0)", "queue.Empty()");
    ASK(a, "1.__repr__()", "'<queue.Queue object at 0x1>'");
    ASK(a, "2.__str__()", "'<queue.Queue object at 0x2>'");
    ASK(a, "1.#GETVALUE()", "! TypeError: cannot pickle '_thread.lock' object");
    ASK(a, "1.maxsize()", "! KeyError: 'maxsize'");
}

static void
last_in_is_first_out_of_a_lifo_queue(void **state)
{
    (void)state;
    MADE("LifoQueue(3)", "1");
    ASK(a, "1.put(1)", "None");
    ASK(a, "1.put(2)", "None");
    ASK(a, "1.put(3)", "None");
    ASK(a, "1.put(4, False)", "queue.Full()");
    ASK(a, "1.get()", "3");
    ASK(a, "1.put(4)", "None");
    ASK(a, "1.get()", "4");
    ASK(a, "1.get()", "2");
    ASK(a, "1.get()", "1");
    ASK(a, "1.__repr__()", "'<queue.LifoQueue object at 0x1>'");
}

/* CPython's heapq said so: equal priorities do not come out in the order in which they went in. */
static void
the_smallest_is_first_out_of_a_priority_queue_and_ties_are_as_in_cpython(void **state)
{
    static const int priorities[] = { 3, 1, 2, 1, 3, 1, 2, 2, 1, 3 };
    static const char *const out[] = { "(1, 1)", "(1, 3)", "(1, 5)", "(1, 8)", "(2, 2)", "(2, 6)", "(2, 7)", "(3, 0)",
        "(3, 4)", "(3, 9)" };
    char line[64];

    (void)state;
    MADE("PriorityQueue()", "1");
    for (int i = 0; i < 10; i++) {
        snprintf(line, sizeof line, "1.put((%d, %d))", priorities[i], i);
        ASK(a, line, "None");
    }
    for (int i = 0; i < 10; i++)
        ASK(b, "1.get()", out[i]);
    MADE("PriorityQueue()", "2");
    ASK(a, "2.put_many([True, 0, 1, 1.0, 0.0, False, 1])", "None");
    ASK(a, "2.pop_many(9)", "[0, False, 0.0, 1, 1, True, 1.0]");
    ASK(a, "2.__repr__()", "'<queue.PriorityQueue object at 0x2>'");
}

static void
what_has_no_order_leaves_a_priority_queue_as_it_was(void **state)
{
    (void)state;
    MADE("PriorityQueue()", "1");
    ASK(a, "1.put('x')", "None");
    ASK(a, "1.put(1)", "TypeError(\"'<' not supported between instances of 'int' and 'str'\")");
    ASK(a, "1.qsize()", "1");
    ASK(a, "1.put_many(['b', 'y', 'a', 'x', 2])",
        "TypeError(\"'<' not supported between instances of 'int' and 'str'\")");
    ASK(a, "1.qsize()", "1");
    ASK(a, "1.put_many(['b', 'y', 'a', 'x'])", "None");
    ASK(a, "1.pop_many(9)", "['a', 'b', 'x', 'x', 'y']");
    /* found out when one is taken: the other two were not compared before. CPython would lose the first now. */
    ASK(a, "1.put_many([(0, 0), (1, 1), (1, 'x')])", "None");
    ASK(a, "1.get()", "TypeError(\"'<' not supported between instances of 'str' and 'int'\")");
    ASK(a, "1.pop_many(2)", "TypeError(\"'<' not supported between instances of 'str' and 'int'\")");
    ASK(a, "1.qsize()", "3");
    ASK(a, "1.put((0, 1))", "None"); /* which keeps those two apart */
    ASK(a, "1.pop_many(9)", "[(0, 0)]");
    ASK(a, "1.qsize()", "3");
    MADE("PriorityQueue()", "2"); /* as a dataclass with order=True */
    ASK(a, "2.put((1, module.Job(1)))", "None");
    ASK(a, "2.put((1, module.Job(0)))", "TypeError(\"'<' not supported between instances of 'Job' and 'Job': mpmd "
        "runs no Python and calls no __lt__, put first in a tuple what orders them, (priority, number, item)\")");
    MADE("PriorityQueue()", "3");
    ASK(a, "3.put(builtins.ValueError(0))", "None");
    ASK(a, "3.put(1)", "TypeError(\"'<' not supported between instances of 'int' and 'ValueError'\")");
    ASK(a, "2.put((1, 2, module.Job(0)))", "TypeError(\"'<' not supported between instances of 'int' and 'Job': mpmd "
        "runs no Python and calls no __lt__, put first in a tuple what orders them, (priority, number, item)\")");
}

static void
maxsize_is_what_python_takes_it_for(void **state)
{
    static const struct {
        const char *make;
        int holds; /* 0: more than this test puts; -1: no number */
        const char *type;
    } cases[] = {
        { "Queue(maxsize=2)", 2, NULL }, { "Queue(1.5)", 2, NULL }, { "LifoQueue(True)", 1, NULL },
        { "PriorityQueue(0.1)", 1, NULL }, { "Queue(False)", 0, NULL }, { "Queue(-1)", 0, NULL },
        { "Queue(nan)", 0, NULL }, { "Queue(inf)", 0, NULL }, { "Queue(-1e300)", 0, NULL }, { "Queue(1e300)", 0, NULL },
        { "Queue(1000000000000000000000000000000)", 0, NULL }, { "Queue('3')", -1, "str" },
        { "Queue(None)", -1, "NoneType" }, { "Queue([])", -1, "list" },
    };
    char ident[8], line[64], reply[128];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(ident, sizeof ident, "%zx", i + 1);
        MADE(cases[i].make, ident);
        snprintf(line, sizeof line, "%s.full()", ident);
        if (cases[i].holds < 0) {
            snprintf(reply, sizeof reply, "TypeError(\"'<' not supported between instances of 'int' and '%s'\")",
                cases[i].type);
            ASK(a, line, reply);
            snprintf(line, sizeof line, "%s.put(1)", ident);
            snprintf(reply, sizeof reply, "TypeError(\"'>' not supported between instances of '%s' and 'int'\")",
                cases[i].type);
            ASK(a, line, reply);
            snprintf(line, sizeof line, "%s.get(False)", ident);
            ASK(a, line, "queue.Empty()");
            continue;
        }
        ASK(a, line, "False");
        snprintf(line, sizeof line, "%s.put_nowait(1)", ident);
        for (int n = 0; n < (cases[i].holds != 0 ? cases[i].holds : 20); n++)
            ASK(a, line, "None");
        ASK(a, line, cases[i].holds != 0 ? "queue.Full()" : "None");
        snprintf(line, sizeof line, "%s.full()", ident);
        ASK(a, line, cases[i].holds != 0 ? "True" : "False");
    }
    MADE("Queue(1, 2)", "! TypeError: Queue.__init__() takes from 1 to 2 positional arguments but 3 were given");
    MADE("LifoQueue(x=2)", "! TypeError: Queue.__init__() got an unexpected keyword argument 'x'");
}

static void
arguments_are_checked_when_and_as_cpython_does(void **state)
{
    static const struct {
        const char *timeout, *said;
        bool when_it_waits; /* looked at only then */
    } cases[] = {
        { "-1", "ValueError(\"'timeout' must be a non-negative number\")", false },
        { "-1e300", "ValueError(\"'timeout' must be a non-negative number\")", false },
        { "-1000000000000000000000000000000", "ValueError(\"'timeout' must be a non-negative number\")", false },
        { "'x'", "TypeError(\"'<' not supported between instances of 'str' and 'int'\")", false },
        { "[]", "TypeError(\"'<' not supported between instances of 'list' and 'int'\")", false },
        { "inf", "OverflowError('timestamp out of range for platform time_t')", true },
        { "1e300", "OverflowError('timestamp out of range for platform time_t')", true },
        { "9223372037", "OverflowError('timestamp out of range for platform time_t')", true },
        { "1000000000000000000000000000000", "OverflowError('timestamp out of range for platform time_t')", true },
    };
    char line[128];

    (void)state;
    MADE("Queue(1)", "1");
    MADE("Queue()", "2");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(line, sizeof line, "1.get(True, %s)", cases[i].timeout);
        ASK(a, line, cases[i].said);
        snprintf(line, sizeof line, "1.put(1, 1, %s)", cases[i].timeout);
        ASK(a, line, cases[i].when_it_waits ? "None" : cases[i].said);
        if (!cases[i].when_it_waits)
            ASK(a, "1.put(1)", "None");
        ASK(a, line, cases[i].said);
        snprintf(line, sizeof line, "1.put(1, None, %s)", cases[i].timeout);
        ASK(a, line, "queue.Full()");
        snprintf(line, sizeof line, "1.get(timeout=%s)", cases[i].timeout);
        ASK(a, line, cases[i].when_it_waits ? "1" : cases[i].said);
        if (!cases[i].when_it_waits)
            ASK(a, "1.get()", "1");
        snprintf(line, sizeof line, "1.get('', %s)", cases[i].timeout);
        ASK(a, line, "queue.Empty()");
        snprintf(line, sizeof line, "2.put(1, timeout=%s)", cases[i].timeout); /* not bounded: it is not looked at */
        ASK(a, line, "None");
    }
    ASK(a, "1.get(timeout=0)", "queue.Empty()");
    ASK(a, "1.get(timeout=nan)", "queue.Empty()");
    ASK(a, "1.put()", "TypeError(\"Queue.put() missing 1 required positional argument: 'item'\")");
    ASK(a, "1.put_nowait(1, 2)", "TypeError('Queue.put_nowait() takes 2 positional arguments but 3 were given')");
    ASK(a, "1.get(1, 2, 3)", "TypeError('Queue.get() takes from 1 to 3 positional arguments but 4 were given')");
    ASK(a, "1.get!", "TypeError('queue.Queue.get() argument after * must be an iterable, not NoneType')");
}

static void
tasks_are_counted(void **state)
{
    (void)state;
    MADE("JoinableQueue()", "1");
    ASK(a, "1.join()", "None");
    ASK(a, "1.task_done()", "ValueError('task_done() called too many times')");
    ASK(a, "1.put(1)", "None");
    ASK(a, "1.put_many([2, 3])", "None");
    ASK(b, "1.join()", "...");
    ASK(c, "1.join()", "...");
    ASK(a, "1.task_done()", "None"); /* nobody has to have taken one */
    ASK(a, "1.pop_many(2)", "[1, 2]");
    ASK(a, "1.task_done()", "None");
    GOT(b, "...");
    ASK(a, "1.task_done()", "None");
    GOT(b, "None");
    GOT(c, "None");
    ASK(a, "1.task_done()", "ValueError('task_done() called too many times')");
    ASK(a, "1.qsize()", "1");
}

static void
a_queue_grows_and_shrinks_and_keeps_its_order(void **state)
{
    char line[64], reply[16];
    uint64_t seed = 7;
    int in = 0, out = 0;

    (void)state;
    MADE("Queue()", "1");
    for (int round = 0; round < 60; round++) {
        int puts = (int)mpm_test_below(&seed, 100), gets = (int)mpm_test_below(&seed, 100);

        for (int i = 0; i < puts; i++) {
            snprintf(line, sizeof line, "1.put(%d)", in++);
            ASK(a, line, "None");
        }
        for (int i = 0; i < gets && out < in; i++) {
            snprintf(reply, sizeof reply, "%d", out++);
            ASK(b, "1.get()", reply);
        }
    }
    while (out < in) {
        snprintf(reply, sizeof reply, "%d", out++);
        ASK(b, "1.get()", reply);
    }
    ASK(b, "1.get(False)", "queue.Empty()");
}

/* --- waiting ------------------------------------------------------------------------------------------------------ */

static void
getters_are_served_in_order_of_arrival(void **state)
{
    (void)state;
    MADE("Queue(1)", "1");
    ASK(a, "1.get()", "...");
    ASK(b, "1.get(True, 5)", "...");
    ASK(c, "1.get(timeout=3)", "...");
    ASK(d, "1.put(1)", "None");
    GOT(a, "1");
    ASK(d, "1.qsize()", "0");
    mpm_world_pass(3);
    GOT(c, "queue.Empty()");
    GOT(b, "...");
    ASK(d, "1.put_nowait(2)", "None");
    GOT(b, "2");
    ASK(a, "1.get(True, 5)", "...");
    mpm_world_peer_end(a, true);
    ASK(d, "1.put(3)", "None");
    ASK(d, "1.get_nowait()", "3");
}

static void
putters_are_served_in_order_of_arrival(void **state)
{
    (void)state;
    MADE("Queue(2)", "1");
    ASK(a, "1.put_many([1, 2])", "None");
    ASK(a, "1.put(3)", "...");
    ASK(b, "1.put(4, timeout=2)", "...");
    ASK(c, "1.put(5, True, None)", "...");
    ASK(d, "1.full()", "True");
    mpm_world_pass(2);
    GOT(b, "queue.Full()");
    ASK(d, "1.get()", "1");
    GOT(a, "None");
    GOT(c, "...");
    ASK(d, "1.get()", "2");
    GOT(c, "None");
    ASK(d, "1.get()", "3");
    ASK(d, "1.get()", "5");
    ASK(d, "1.get(False)", "queue.Empty()");
}

static void
a_waiting_item_of_a_dead_client_is_not_put(void **state)
{
    (void)state;
    MADE("Queue(1)", "1");
    ASK(a, "1.put(1)", "None");
    ASK(b, "1.put('of the dead')", "...");
    ASK(c, "1.put(3)", "...");
    mpm_world_kill(20, true);
    ASK(a, "1.get()", "1");
    GOT(c, "None");
    ASK(a, "1.get()", "3");
    ASK(a, "1.task_done()", "None");
    ASK(a, "1.task_done()", "None");
    ASK(a, "1.task_done()", "ValueError('task_done() called too many times')");
}

static void
put_many_waits_until_all_fit_and_others_wait_behind_it(void **state)
{
    (void)state;
    MADE("Queue(3)", "1");
    ASK(a, "1.put_many([])", "None");
    ASK(a, "1.put_many([1, 2])", "None");
    ASK(a, "1.put_many([1, 2, 3, 4])", "ValueError('put_many() of 4 items can never fit into a queue of maxsize 3')");
    ASK(a, "1.put_many([3, 4], False)", "queue.Full()");
    ASK(a, "1.put_many(7)", "TypeError(\"'int' object is not iterable\")");
    ASK(a, "1.put_many((3, 4, 5))", "...");
    ASK(b, "1.put(6)", "...");
    ASK(c, "1.put_nowait(7)", "queue.Full()"); /* there is room, but not for him */
    ASK(d, "1.get()", "1");
    GOT(a, "...");
    ASK(d, "1.get()", "2");
    GOT(a, "None");
    GOT(b, "...");
    ASK(d, "1.pop_many(2)", "[3, 4]");
    GOT(b, "None");
    ASK(d, "1.pop_many(9)", "[5, 6]");
    /* when the first gives up, those behind it may fit */
    ASK(a, "1.put_many([1, 2])", "None");
    ASK(a, "1.put_many([3, 4], timeout=2)", "...");
    ASK(b, "1.put(5)", "...");
    mpm_world_pass(2);
    GOT(a, "queue.Full()");
    GOT(b, "None");
    ASK(a, "1.get()", "1");
    ASK(a, "1.put_many([3, 4])", "...");
    ASK(b, "1.put(6)", "...");
    mpm_world_kill(10, true);
    GOT(b, "None");
    ASK(c, "1.pop_many(9)", "[2, 5, 6]");
}

static void
pop_many_takes_what_there_is_or_waits_for_one(void **state)
{
    (void)state;
    MADE("Queue()", "1");
    ASK(a, "1.pop_many(3, False)", "queue.Empty()");
    ASK(a, "1.pop_many(0)", "ValueError('n must be at least 1')");
    ASK(a, "1.pop_many(-5)", "ValueError('n must be at least 1')");
    ASK(a, "1.pop_many('x')", "TypeError(\"'<' not supported between instances of 'str' and 'int'\")");
    ASK(a, "1.pop_many(3, True, -1)", "ValueError(\"'timeout' must be a non-negative number\")");
    ASK(a, "1.pop_many(3)", "...");
    ASK(b, "1.pop_many(2, timeout=1)", "...");
    ASK(c, "1.get()", "...");
    mpm_world_pass(1);
    GOT(b, "queue.Empty()");
    ASK(b, "1.pop_many(2, timeout=1)", "...");
    ASK(d, "1.put_many([1, 2, 3, 4, 5, 6, 7])", "None");
    GOT(a, "[1, 2, 3]");
    GOT(c, "4");
    GOT(b, "[5, 6]");
    ASK(a, "1.pop_many(1000000000000000000000000000000)", "[7]");
}

static void
shutdown_turns_away_who_waits_and_who_comes(void **state)
{
    (void)state;
    MADE("Queue(2)", "1");
    MADE("Queue()", "2");
    ASK(a, "1.put_many([1, 2])", "None");
    ASK(b, "1.put(3)", "...");
    ASK(c, "1.put_many([3, 4])", "...");
    ASK(d, "1.shutdown()", "None");
    GOT(b, "queue.ShutDown()");
    GOT(c, "queue.ShutDown()");
    ASK(a, "1.put(3)", "queue.ShutDown()");
    ASK(a, "1.put(3, timeout=-1)", "queue.ShutDown()");
    ASK(a, "1.put_many([])", "queue.ShutDown()");
    ASK(a, "1.get()", "1");
    ASK(a, "1.pop_many(3)", "[2]");
    ASK(a, "1.get(timeout='x')", "queue.ShutDown()");
    ASK(a, "1.pop_many(1)", "queue.ShutDown()");
    ASK(a, "2.get()", "...");
    ASK(b, "2.pop_many(3)", "...");
    ASK(d, "2.shutdown(immediate=False)", "None");
    GOT(a, "queue.ShutDown()");
    GOT(b, "queue.ShutDown()");
    ASK(d, "2.shutdown(1, 2)", "TypeError('Queue.shutdown() takes from 1 to 2 positional arguments but 3 were given')");
}

static void
immediate_shutdown_counts_what_is_left_as_done(void **state)
{
    (void)state;
    MADE("Queue()", "1");
    ASK(a, "1.put_many([1, 2, 3])", "None");
    ASK(a, "1.get()", "1");
    ASK(b, "1.join()", "...");
    ASK(c, "1.shutdown(True)", "None");
    ASK(c, "1.qsize()", "0");
    ASK(c, "1.get()", "queue.ShutDown()");
    GOT(b, "...");
    ASK(a, "1.task_done()", "None");
    GOT(b, "None");
    MADE("Queue()", "2");
    ASK(a, "2.put(1)", "None");
    ASK(b, "2.join()", "...");
    ASK(a, "2.get()", "1");
    ASK(c, "2.shutdown(True)", "None");
    GOT(b, "...");
    mpm_world_peer_end(a, true); /* never read: there is nobody left to do it */
    GOT(b, "None");
    ASK(c, "2.qsize()", "0");
}

static void
old_pythons_get_names_that_they_know(void **state)
{
    (void)state;
    MADE("Queue(1)", "1");
    ASK(old, "1.get(False)", "Queue.Empty()");
    ASK(old, "1.put('x')", "None");
    ASK(old, "1.put('y', False)", "Queue.Full()");
    ASK(old, "1.shutdown(True)", "None");
    ASK(old, "1.get()", "exceptions.RuntimeError()");
}

/* --- what nobody got ---------------------------------------------------------------------------------------------- */

static void
an_item_that_was_never_read_goes_back_to_the_head(void **state)
{
    (void)state;
    MADE("Queue(2)", "1");
    ASK(a, "1.put_many([1, 2])", "None");
    ASK(b, "1.get()", "1");
    mpm_world_peer_end(b, true);
    ASK(a, "1.qsize()", "2");
    ASK(a, "1.get()", "1");
    ASK(a, "1.qsize()", "1"); /* this request shows that it was read */
    ASK(c, "1.get()", "2");
    mpm_world_peer_end(c, false);
    ASK(a, "1.qsize()", "0");
    ASK(a, "1.task_done()", "None");
    ASK(a, "1.task_done()", "None");
    ASK(a, "1.task_done()", "ValueError('task_done() called too many times')");
}

static void
it_goes_to_the_next_who_waits(void **state)
{
    (void)state;
    MADE("Queue()", "1");
    ASK(a, "1.get()", "...");
    ASK(b, "1.get()", "...");
    ASK(c, "1.pop_many(5)", "...");
    ASK(d, "1.put(1)", "None");
    ASK(d, "1.join()", "...");
    mpm_world_kill(10, true);
    GOT(b, "1");
    mpm_world_kill(20, true);
    GOT(c, "[1]");
    ASK(c, "1.task_done()", "None");
    GOT(d, "None");
}

static void
it_comes_back_even_where_others_took_its_room(void **state)
{
    (void)state;
    MADE("Queue(1)", "1");
    ASK(a, "1.put(1)", "None");
    ASK(b, "1.get()", "1");
    ASK(a, "1.put(2)", "None");
    ASK(a, "1.put(3)", "...");
    mpm_world_peer_end(b, true);
    ASK(c, "1.qsize()", "2");
    ASK(c, "1.full()", "True");
    ASK(c, "1.get()", "1");
    GOT(a, "...");
    ASK(c, "1.get()", "2");
    GOT(a, "None");
    ASK(c, "1.get()", "3");
}

static void
several_go_back_in_their_order(void **state)
{
    (void)state;
    MADE("Queue()", "1");
    ASK(a, "1.put_many([1, 2, 3, 4, 5])", "None");
    ASK(b, "1.pop_many(3)", "[1, 2, 3]");
    mpm_world_peer_end(b, true);
    ASK(a, "1.pop_many(9)", "[1, 2, 3, 4, 5]");
    MADE("LifoQueue()", "2");
    ASK(a, "2.put_many([1, 2, 3, 4, 5])", "None");
    ASK(c, "2.pop_many(3)", "[5, 4, 3]");
    mpm_world_peer_end(c, true);
    ASK(a, "2.pop_many(9)", "[5, 4, 3, 2, 1]");
    MADE("PriorityQueue()", "3");
    ASK(a, "3.put_many([4, 1, 5, 3, 2])", "None");
    ASK(d, "3.pop_many(3)", "[1, 2, 3]");
    ASK(a, "3.put(0)", "None");
    mpm_world_peer_end(d, true);
    ASK(a, "3.pop_many(9)", "[0, 1, 2, 3, 4, 5]");
}

static void
an_item_that_its_reader_cannot_have_goes_back(void **state)
{
    (void)state;
    MADE("Queue()", "1");
    ASK(old, "1.pop_many(3)", "...");
    ASK(a, "1.get()", "...");
    ASK(b, "1.put_many([1, <ascii>, 3])", "None");
    GOT(old, "! _pickle.PicklingError: Python 2 has no builtins.ascii");
    GOT(a, "1");
    ASK(old, "1.get()", "! _pickle.PicklingError: Python 2 has no builtins.ascii");
    ASK(a, "1.pop_many(3)", "[<built-in function ascii>, 3]");
}

/* Clients come, put, take, wait and go, some without having read what they got: each item is read once. */
static void
crowd_of(const char *make, uint64_t seed)
{
    enum { PEERS = 5, STEPS = 2000 };
    struct mpm_world_peer *peers[PEERS];
    int got[PEERS], n_in = 0, reads[STEPS] = { 0 };
    bool waits[PEERS] = { false };
    const char *reply;
    char line[32];

    mpm_world_open(MPM_DEATH_KEEP);
    MADE(make, "1");
    for (int i = 0; i < PEERS; i++) {
        peers[i] = mpm_world_peer_new(10 * i, "MainProcess"); /* the first over TCP */
        got[i] = -1;
    }
    for (int step = 0; step < STEPS; step++) {
        int i = (int)mpm_test_below(&seed, PEERS);
        size_t what = mpm_test_below(&seed, 8);

        if (waits[i]) {
            reply = what < 2 ? "..." : mpm_world_reply(peers[i]);
            waits[i] = strcmp(reply, "...") == 0;
            got[i] = waits[i] ? -1 : atoi(reply);
            if (!waits[i] || what > 2)
                continue;
            what = 0;
        }
        if (what == 0 && got[i] >= 0 && !waits[i] && mpm_test_below(&seed, 2) == 0) {
            mpm_world_peer_end(peers[i], false);
            reads[got[i]]++;
            peers[i] = mpm_world_peer_new(10 * i, "MainProcess");
        } else if (what == 0) {
            mpm_world_peer_end(peers[i], true);
            peers[i] = mpm_world_peer_new(10 * i, "MainProcess");
        } else {
            if (got[i] >= 0)
                reads[got[i]]++; /* the next request says so */
            snprintf(line, sizeof line, what < 5 ? "1.put(%d)" : "1.get()", n_in);
            reply = mpm_world_ask(peers[i], line);
            n_in += what < 5;
            waits[i] = strcmp(reply, "...") == 0;
            got[i] = what < 5 || waits[i] ? -1 : atoi(reply);
            continue;
        }
        waits[i] = false;
        got[i] = -1;
    }
    for (int i = 0; i < PEERS; i++)
        mpm_world_peer_end(peers[i], true);
    a = mpm_world_peer_new(10, "MainProcess");
    while (strcmp(reply = mpm_world_ask(a, "1.get_nowait()"), "queue.Empty()") != 0)
        reads[atoi(reply)]++;
    for (int i = 0; i < n_in; i++) {
        assert_int_equal(reads[i], 1);
        ASK(a, "1.task_done()", "None");
    }
    ASK(a, "1.join()", "None");
    mpm_world_close();
}

static void
in_a_crowd_each_item_is_read_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 6; seed++) {
        crowd_of("Queue()", seed);
        crowd_of("LifoQueue()", seed);
        crowd_of("PriorityQueue()", seed);
    }
}

/* --- leases ------------------------------------------------------------------------------------------------------- */

static void
a_leased_item_is_the_holders_until_it_is_settled(void **state)
{
    (void)state;
    MADE("JoinableQueue()", "1");
    ASK(a, "1.put_many(['x', 'y'])", "None");
    ASK(b, "1.lease()", "(1, 1, 'x')");
    ASK(b, "1.qsize()", "1");
    ASK(c, "1.lease(timeout=3)", "(2, 1, 'y')");
    ASK(c, "1.empty()", "True");
    ASK(c, "1.lease(False)", "queue.Empty()");
    ASK(d, "1.join()", "...");
    ASK(a, "1.ack(1)", "None"); /* whoever knows the number may: another thread of that process, say */
    GOT(d, "...");
    ASK(c, "1.nack(2)", "None");
    ASK(c, "1.lease()", "(3, 2, 'y')");
    ASK(c, "1.nack(lease=3, failed=False)", "None");
    ASK(c, "1.lease()", "(4, 2, 'y')");
    ASK(c, "1.ack(lease=4)", "None"); /* is task_done(), too */
    GOT(d, "None");
    ASK(c, "1.task_done()", "ValueError('task_done() called too many times')");
    ASK(a, "1.lease(True, 5)", "...");
    ASK(b, "1.lease()", "...");
    ASK(c, "1.get()", "...");
    ASK(d, "1.put_many([1, 2, 3, 4])", "None");
    GOT(a, "(5, 1, 1)");
    GOT(b, "(6, 1, 2)");
    GOT(c, "3");
    ASK(a, "1.ack(5)", "None");
    ASK(b, "1.ack(6)", "None");
    ASK(d, "1.get()", "4");
    ASK(a, "1.lease(True, 5)", "...");
    mpm_world_pass(5);
    GOT(a, "queue.Empty()");
}

static void
a_lease_that_is_none_is_a_clear_error(void **state)
{
    (void)state;
    MADE("Queue()", "1");
    MADE("Queue()", "2");
    ASK(a, "1.put('x')", "None");
    ASK(b, "1.lease()", "(1, 1, 'x')");
    ASK(b, "2.ack(1)", "ValueError(\"no such lease: this queue's lease() has not returned 1\")");
    ASK(b, "1.ack(1)", "None");
    ASK(b, "1.ack(1)", "ValueError('lease 1 is over: it was settled with ack() or nack(), or its holder died "
        "and the item went back to the queue')");
    ASK(b, "1.nack(1)", "ValueError('lease 1 is over: it was settled with ack() or nack(), or its holder died "
        "and the item went back to the queue')");
    ASK(b, "1.nack(-1)", "ValueError(\"no such lease: this queue's lease() has not returned -1\")");
    ASK(b, "1.ack(0)", "ValueError(\"no such lease: this queue's lease() has not returned 0\")");
    ASK(b, "1.ack(99999999999999999999)",
        "ValueError('no such lease: lease() returned no number as large as that')");
    ASK(b, "1.ack('1')", "TypeError(\"a lease is the int that lease() returned first, not 'str'\")");
    ASK(b, "1.ack(None)", "TypeError(\"a lease is the int that lease() returned first, not 'NoneType'\")");
    ASK(b, "1.ack()", "TypeError(\"Queue.ack() missing 1 required positional argument: 'lease'\")");
    ASK(b, "1.lease(True, -1)", "ValueError(\"'timeout' must be a non-negative number\")");
}

static void
what_a_dead_process_had_on_lease_goes_back_in_order(void **state)
{
    (void)state;
    MADE("Queue()", "1");
    ASK(a, "1.put_many([1, 2, 3, 4])", "None");
    ASK(b, "1.lease()", "(1, 1, 1)");
    ASK(b, "1.lease()", "(2, 1, 2)");
    ASK(b, "1.lease()", "(3, 1, 3)");
    ASK(b, "1.ack(2)", "None");
    mpm_world_peer_end(b, false); /* a connection is not a process: its thread may come again */
    ASK(a, "1.qsize()", "1");
    b = mpm_world_peer_new(20, "MainProcess");
    mpm_world_kill(20, false);
    ASK(a, "1.qsize()", "3");
    ASK(a, "1.ack(1)", "ValueError('lease 1 is over: it was settled with ack() or nack(), or its holder died "
        "and the item went back to the queue')");
    ASK(c, "1.lease()", "(4, 2, 1)");
    ASK(c, "1.lease()", "(5, 2, 3)");
    ASK(c, "1.lease()", "(6, 1, 4)");
    ASK(d, "1.get()", "...");
    mpm_world_kill(30, false); /* those who wait get it at once; what a get() takes has no number */
    GOT(d, "4");
    ASK(a, "1.lease()", "(7, 3, 1)");
    ASK(a, "1.get()", "3");
    b = mpm_world_peer_new(20, "MainProcess");
    c = mpm_world_peer_new(30, "MainProcess");
}

static void
over_tcp_the_end_of_the_connection_is_the_end_of_its_leases(void **state)
{
    (void)state;
    MADE("LifoQueue()", "1");
    a = mpm_world_peer_new(0, "MainProcess");
    ASK(b, "1.put_many([1, 2, 3])", "None");
    ASK(a, "1.lease()", "(1, 1, 3)");
    ASK(a, "1.lease()", "(2, 1, 2)");
    ASK(b, "1.put(4)", "None");
    mpm_world_peer_end(a, false);
    ASK(b, "1.lease()", "(3, 2, 3)"); /* as it was when it left */
    ASK(b, "1.lease()", "(4, 2, 2)");
    ASK(b, "1.lease()", "(5, 1, 4)");
    ASK(b, "1.lease()", "(6, 1, 1)");
    a = mpm_world_peer_new(10, "MainProcess");
}

static void
a_lease_that_was_never_read_does_not_count(void **state)
{
    (void)state;
    MADE("Queue()", "1");
    ASK(a, "1.put('x')", "None");
    ASK(b, "1.lease()", "(1, 1, 'x')");
    mpm_world_peer_end(b, true);
    ASK(a, "1.qsize()", "1");
    ASK(c, "1.lease()", "(2, 1, 'x')");
    ASK(a, "1.ack(2)", "None"); /* settled before its reader shows that it has it */
    mpm_world_peer_end(c, true);
    ASK(a, "1.qsize()", "0");
    b = mpm_world_peer_new(20, "MainProcess");
    c = mpm_world_peer_new(30, "MainProcess");
    ASK(a, "1.put('y')", "None");
    ASK(b, "1.lease()", "(3, 1, 'y')");
    mpm_world_kill(20, false); /* it read that, and died of it */
    ASK(c, "1.get()", "'y'");
    mpm_world_peer_end(c, true); /* a get() that was not read forgets nothing */
    b = mpm_world_peer_new(20, "MainProcess");
    c = mpm_world_peer_new(30, "MainProcess");
    ASK(b, "1.lease()", "(4, 2, 'y')");
    ASK(b, "1.ack(4)", "None");
}

static void
a_lent_item_of_a_priority_queue_goes_back_by_its_priority(void **state)
{
    (void)state;
    MADE("PriorityQueue()", "1");
    for (int i = 9; i > 0; i--) {
        char line[32];

        snprintf(line, sizeof line, "1.put(%d)", i);
        ASK(a, line, "None");
    }
    ASK(b, "1.lease()", "(1, 1, 1)");
    ASK(b, "1.lease()", "(2, 1, 2)");
    ASK(b, "1.lease()", "(3, 1, 3)");
    ASK(b, "1.nack(2)", "None");
    ASK(b, "1.nack(3)", "None");
    ASK(b, "1.nack(1)", "None");
    ASK(b, "1.put(0)", "None"); /* the numbers move with their items */
    ASK(b, "1.put(2.5)", "None");
    ASK(b, "1.lease()", "(4, 1, 0)");
    ASK(b, "1.lease()", "(5, 2, 1)");
    ASK(b, "1.lease()", "(6, 2, 2)");
    ASK(b, "1.lease()", "(7, 1, 2.5)");
    ASK(b, "1.lease()", "(8, 2, 3)");
    ASK(b, "1.lease()", "(9, 1, 4)");
    ASK(b, "1.put_many([(1, 'x')])", "TypeError(\"'<' not supported between instances of 'tuple' and 'int'\")");
    MADE("PriorityQueue()", "2");
    ASK(a, "2.put_many([(0, 0), (1, 1), (1, 'x')])", "None");
    ASK(a, "2.lease()", "TypeError(\"'<' not supported between instances of 'str' and 'int'\")");
    ASK(a, "2.qsize()", "3");
}

static void
lent_items_do_not_fill_a_queue_and_always_have_a_place(void **state)
{
    char line[32];

    (void)state;
    MADE("Queue(2)", "1");
    ASK(a, "1.put(1)", "None");
    ASK(a, "1.put(2)", "None");
    ASK(a, "1.full()", "True");
    ASK(b, "1.lease()", "(1, 1, 1)");
    ASK(a, "1.full()", "False");
    ASK(a, "1.put(3)", "None");
    ASK(c, "1.put(4)", "...");
    ASK(b, "1.nack(1)", "None");
    ASK(a, "1.qsize()", "3"); /* as a get() that was not read */
    ASK(b, "1.get()", "1");
    GOT(c, "...");
    ASK(b, "1.get()", "2");
    GOT(c, "None");
    MADE("Queue()", "2");
    for (int i = 0; i < 100; i++) {
        snprintf(line, sizeof line, "2.put(%d)", i);
        ASK(a, line, "None");
    }
    for (int i = 0; i < 100; i++)
        mpm_world_ask(b, "2.lease()");
    ASK(b, "2.qsize()", "0");
    mpm_world_kill(20, false);
    for (int i = 0; i < 100; i++) {
        snprintf(line, sizeof line, "(%d, 2, %d)", 101 + i, i);
        ASK(a, "2.lease()", line);
    }
    b = mpm_world_peer_new(20, "MainProcess");
}

static void
a_queue_that_was_shut_down_lets_leases_end(void **state)
{
    (void)state;
    MADE("Queue()", "1");
    ASK(a, "1.put_many([1, 2, 3])", "None");
    ASK(b, "1.lease()", "(1, 1, 1)");
    ASK(b, "1.lease()", "(2, 1, 2)");
    ASK(a, "1.shutdown()", "None");
    ASK(b, "1.nack(1)", "None");
    ASK(b, "1.lease()", "(3, 2, 1)");
    ASK(d, "1.join()", "...");
    ASK(a, "1.shutdown(True)", "None");
    GOT(d, "...");
    ASK(b, "1.nack(3)", "None"); /* there is no way back any more */
    ASK(b, "1.qsize()", "0");
    GOT(d, "...");
    ASK(b, "1.ack(2)", "None");
    GOT(d, "None");
    ASK(b, "1.lease()", "queue.ShutDown()");
}

static void
a_queue_may_go_before_its_leases(void **state)
{
    (void)state;
    MADE("Queue()", "1");
    MADE("Lock()", "2");
    ASK(a, "1.put([@2])", "None");
    ASK(a, "1.put('a text that is longer than fits inside')", "None");
    mpm_world_decref("2");
    ASK(b, "1.lease()", "(1, 1, [<AcquirerProxy object, typeid 'Lock' at 0x2>])");
    ASK(b, "1.lease()", "(2, 1, 'a text that is longer than fits inside')");
    ASK(a, "2.locked()", "False"); /* a lent item keeps what is in it */
    ASK(b, "1.nack(1)", "None");
    ASK(b, "1.lease()", "(3, 2, [<AcquirerProxy object, typeid 'Lock' at 0x2>])");
    mpm_world_decref("1");
    ASK(b, "1.ack(3)", "! KeyError: '1'");
    ASK(a, "2.locked()", "! KeyError: '2'");
    assert_int_equal(mpm_world_memory(), 0);
}

static void
who_leases_everything_stays_within_the_limit(void **state)
{
    int n = 0;

    (void)state;
    MADE("Queue()", "1");
    for (int i = 0; i < 100; i++)
        ASK(a, "1.put(1)", "None");
    while (strstr(mpm_world_ask(b, "1.lease()"), ", 1, 1)") != NULL)
        n++;
    assert_in_range(n, 5, 99);
    assert_non_null(strstr(mpm_world_ask(b, "1.lease()"), "MemoryError('the stored values would take more than"));
    ASK(c, "1.get()", "1");
    mpm_world_kill(20, false);
    for (int i = 1; i < 100; i++)
        ASK(a, "1.get()", "1");
    ASK(a, "1.get(False)", "queue.Empty()");
    b = mpm_world_peer_new(20, "MainProcess");
}

static void
proxies_in_items_keep_their_objects_alive(void **state)
{
    (void)state;
    MADE("Queue()", "1");
    MADE("Lock()", "2");
    ASK(a, "1.put([@2])", "None");
    mpm_world_decref("2");
    ASK(a, "2.locked()", "False");
    ASK(b, "1.get()", "[<AcquirerProxy object, typeid 'Lock' at 0x2>]");
    ASK(a, "2.locked()", "False"); /* b may still be reading */
    ASK(b, "1.qsize()", "0");
    ASK(a, "2.locked()", "! KeyError: '2'");
}

static void
memory_is_counted_and_given_back(void **state)
{
    static char line[4096], big[2001];

    (void)state;
    memset(big, 'x', 2000);
    snprintf(line, sizeof line, "1.put('%s')", big);
    MADE("Queue(3)", "1");
    for (int i = 0; i < 20; i++) {
        for (int n = 0; n < 3; n++)
            ASK(a, line, "None");
        ASK(b, line, "...");
        mpm_world_kill(20, true);
        b = mpm_world_peer_new(20, "MainProcess");
        assert_non_null(strstr(mpm_world_ask(c, "1.put_many([1, 2], False)"), "Full"));
        assert_non_null(strstr(mpm_world_ask(c, "1.pop_many(2)"), "xxx"));
        ASK(c, "1.qsize()", "1");
        assert_non_null(strstr(mpm_world_ask(c, "1.get()"), "xxx"));
        ASK(c, "1.empty()", "True");
    }
    MADE("Queue()", "2");
    line[0] = '2';
    for (int n = 0; n < 4; n++)
        ASK(a, line, "None");
    assert_non_null(strstr(mpm_world_ask(a, line), "MemoryError('the stored values would take more than --max-memory"));
    ASK(a, "2.qsize()", "4");
    for (int n = 0; n < 4; n++)
        assert_non_null(strstr(mpm_world_ask(a, "2.get()"), "xxx"));
}

/* --- without memory ----------------------------------------------------------------------------------------------- */

static int
queue_life(void)
{
    bool ok;

    if (!mpm_people_try(MPM_DEATH_KEEP, 3))
        return MPM_ENOMEM;
    ok = strcmp(mpm_world_create("Queue(3)"), "1") == 0 &&
         mpm_world_either(a, "1.put([1, 'a longer text than fits'])", "None") &&
         mpm_world_either(b, "1.get()", "[1, 'a longer text than fits']") &&
         mpm_world_either(b, "1.get(True, 5)", "...") && mpm_world_either(a, "1.put_many([7, 8, 9])", "None") &&
         strcmp(mpm_world_reply(b), "7") == 0;
    if (ok) { /* what it was given comes back whatever happens */
        mpm_world_peer_end(b, true);
        ok = mpm_world_either(a, "1.qsize()", "3") && mpm_world_either(a, "1.put_many([1, 2])", "...") &&
             mpm_world_either(c, "1.pop_many(5)", "[7, 8, 9]") && strcmp(mpm_world_reply(a), "None") == 0 &&
             mpm_world_either(c, "1.put(3)", "None") && mpm_world_either(a, "1.put(4, True, 3)", "...");
    }
    return mpm_people_tried(ok);
}

static int
lifo_life(void)
{
    bool ok;

    if (!mpm_people_try(MPM_DEATH_KEEP, 2))
        return MPM_ENOMEM;
    ok = strcmp(mpm_world_create("LifoQueue('x')"), "1") == 0 &&
         strcmp(mpm_world_create("PriorityQueue()"), "2") == 0 &&
         mpm_world_either(a, "1.get(False)", "queue.Empty()") &&
         mpm_world_either(a, "2.put_many([(3, 1), (1, 2), (2, 3)])", "None") &&
         mpm_world_either(b, "2.pop_many(2)", "[(1, 2), (2, 3)]");
    if (ok) {
        mpm_world_peer_end(b, true);
        ok = mpm_world_either(a, "2.get()", "(1, 2)") && mpm_world_either(a, "2.get()", "(2, 3)") &&
             mpm_world_either(a, "2.get()", "(3, 1)");
    }
    return mpm_people_tried(ok);
}

static int
lease_life(void)
{
    bool ok;

    if (!mpm_people_try(MPM_DEATH_KEEP, 3))
        return MPM_ENOMEM;
    ok = strcmp(mpm_world_create("Queue()"), "1") == 0 &&
         mpm_world_either(b, "1.lease()", "...") &&
         mpm_world_either(a, "1.put((1, 'a longer text than fits'))", "None") &&
         strcmp(mpm_world_reply(b), "(1, 1, (1, 'a longer text than fits'))") == 0 &&
         mpm_world_either(a, "1.put((0, 1))", "None") && mpm_world_either(b, "1.lease()", "(2, 1, (0, 1))");
    if (ok) {
        mpm_world_kill(20, false);
        ok = mpm_world_either(a, "1.qsize()", "2") &&
             mpm_world_either(a, "1.lease()", "(3, 2, (1, 'a longer text than fits'))") &&
             mpm_world_either(a, "1.ack(3)", "None") &&
             mpm_world_either(a, "1.lease()", "(4, 2, (0, 1))") &&
             mpm_world_either(a, "1.nack(4)", "None") && mpm_world_either(c, "1.qsize()", "1");
    }
    return mpm_people_tried(ok);
}

static void
without_memory_nothing_is_half_done(void **state)
{
    (void)state;
    assert_true(mpm_test_fail_until_ok(queue_life) > 0);
    assert_true(mpm_test_fail_until_ok(lifo_life) > 0);
    assert_true(mpm_test_fail_until_ok(lease_life) > 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, mpm_people_come, mpm_people_go)
    const struct CMUnitTest tests[] = {
        TEST(first_in_is_first_out),
        TEST(last_in_is_first_out_of_a_lifo_queue),
        TEST(the_smallest_is_first_out_of_a_priority_queue_and_ties_are_as_in_cpython),
        TEST(what_has_no_order_leaves_a_priority_queue_as_it_was),
        TEST(maxsize_is_what_python_takes_it_for),
        TEST(arguments_are_checked_when_and_as_cpython_does),
        TEST(tasks_are_counted),
        TEST(a_queue_grows_and_shrinks_and_keeps_its_order),
        TEST(getters_are_served_in_order_of_arrival),
        TEST(putters_are_served_in_order_of_arrival),
        TEST(a_waiting_item_of_a_dead_client_is_not_put),
        TEST(put_many_waits_until_all_fit_and_others_wait_behind_it),
        TEST(pop_many_takes_what_there_is_or_waits_for_one),
        TEST(shutdown_turns_away_who_waits_and_who_comes),
        TEST(immediate_shutdown_counts_what_is_left_as_done),
        TEST(old_pythons_get_names_that_they_know),
        TEST(an_item_that_was_never_read_goes_back_to_the_head),
        TEST(it_goes_to_the_next_who_waits),
        TEST(it_comes_back_even_where_others_took_its_room),
        TEST(several_go_back_in_their_order),
        TEST(an_item_that_its_reader_cannot_have_goes_back),
        cmocka_unit_test(in_a_crowd_each_item_is_read_once),
        TEST(a_leased_item_is_the_holders_until_it_is_settled),
        TEST(a_lease_that_is_none_is_a_clear_error),
        TEST(what_a_dead_process_had_on_lease_goes_back_in_order),
        TEST(over_tcp_the_end_of_the_connection_is_the_end_of_its_leases),
        TEST(a_lease_that_was_never_read_does_not_count),
        TEST(a_lent_item_of_a_priority_queue_goes_back_by_its_priority),
        TEST(lent_items_do_not_fill_a_queue_and_always_have_a_place),
        TEST(a_queue_that_was_shut_down_lets_leases_end),
        TEST(a_queue_may_go_before_its_leases),
        cmocka_unit_test_setup_teardown(who_leases_everything_stays_within_the_limit, open_small, mpm_people_go),
        TEST(proxies_in_items_keep_their_objects_alive),
        cmocka_unit_test_setup_teardown(memory_is_counted_and_given_back, open_small, mpm_people_go),
        cmocka_unit_test(without_memory_nothing_is_half_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

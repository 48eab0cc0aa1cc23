/* mpmd_inspect: what is told of objects, waiters, holders and the server, and that no answer is long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "support/support.h"
#include "support/world.h"

static struct mpm_world_peer *a, *b, *c;

static int
open_with(enum mpm_death_policy policy)
{
    mpm_world_open(policy);
    a = mpm_world_peer_new(10, "MainProcess");
    b = mpm_world_peer_new(20, "Worker|Thread-1");
    c = mpm_world_peer_new(0, "far away");
    return 0;
}

static int
open_world(void **state)
{
    (void)state;
    mpm_test_alloc_begin();
    return open_with(MPM_DEATH_KEEP);
}

static int
close_world(void **state)
{
    (void)state;
    mpm_world_close();
    return mpm_test_alloc_end() == 0 ? 0 : -1;
}

#define ONCE(request, reply) assert_string_equal(mpm_world_once(request), reply)

/* Whether the answer has this in it. */
static void
tells(const char *request, const char *part)
{
    const char *got = mpm_world_once(request);

    if (strstr(got, part) == NULL)
        fail_msg("%s: no %s in %s", request, part, got);
}

static void
objects_are_listed_in_order_with_what_is_known_of_them(void **state)
{
    struct mpm_error err;

    (void)state;
    ONCE("mpmd_inspect('objects')", "{'time': 1000.0, 'items': [], 'next': None}");
    MADE("list([1, 2])", "1");
    assert_int_equal(mpm__hub_register(mpm_world_hub(), "get_lock=Lock", &err), 0);
    MADE("Lock()", "3");
    ASK(a, "3.acquire()", "True");
    mpm_world_pass(2.5);
    ONCE("mpmd_inspect('objects')", "{'time': 1002.5, 'items': ["
        "{'ident': '1', 'typeid': 'list', 'name': None, 'refs': 1, 'waiters': 0, 'size': 2, 'holders': 0, 'holder': None}, "
        "{'ident': '2', 'typeid': 'Lock', 'name': 'get_lock', 'refs': 0, 'waiters': 0, 'size': None, 'holders': 0, "
        "'holder': None}, "
        "{'ident': '3', 'typeid': 'Lock', 'name': None, 'refs': 1, 'waiters': 0, 'size': None, 'holders': 1, "
        "'holder': {'since': 1000.0, 'count': 1, 'owner': 1, 'pid': 10, 'thread': 'MainProcess', 'peer': 'unix'}}], "
        "'next': None}");
    ONCE("mpmd_inspect('objects', '3')", "{'time': 1002.5, 'items': ["
        "{'ident': '3', 'typeid': 'Lock', 'name': None, 'refs': 1, 'waiters': 0, 'size': None, 'holders': 1, "
        "'holder': {'since': 1000.0, 'count': 1, 'owner': 1, 'pid': 10, 'thread': 'MainProcess', 'peer': 'unix'}}], "
        "'next': None}");
}

static void
everything_that_has_a_length_has_a_size(void **state)
{
    static const char *const made[] = { "list([1])", "dict([(1, 2), (3, 4)])", "set([1, 2])", "deque([1])", "Array('i', [7, 8, 9])",
        "OrderedDict()", "Queue()", "LifoQueue()", "Event()", "Namespace()", "Value('i', 3)" };
    static const char *const sizes[] = { "1", "2", "2", "1", "3", "0", "0", "0", "None", "None", "None" };
    char request[64], part[64];

    (void)state;
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        snprintf(request, sizeof request, "mpmd_inspect('object', '%s')", mpm_world_create(made[i]));
        snprintf(part, sizeof part, "'size': %s,", sizes[i]);
        tells(request, part);
    }
}

static void
one_object_is_told_in_full(void **state)
{
    struct mpm_error err;

    (void)state;
    MADE("Lock()", "1");
    MADE("list()", "2");
    ASK(a, "1.acquire()", "True");
    ASK(a, "2.append(@1)", "None");
    ASK(b, "1.acquire(True, 5)", "...");
    ASK(c, "1.acquire()", "...");
    mpm_world_pass(1);
    ONCE("mpmd_inspect('object', '1')", "{'time': 1001.0, 'ident': '1', 'typeid': 'Lock', 'name': None, 'refs': 1, "
        "'waiters': 2, 'size': None, 'holders': 1, 'holder': {'since': 1000.0, 'count': 1, 'owner': 1, 'pid': 10, "
        "'thread': 'MainProcess', 'peer': 'unix'}, 'class': '_thread.lock', 'exposed': ['acquire', 'release', 'locked'], "
        "'str': '<locked _thread.lock object at 0x1>', 'is_cut': False, 'server_holds': 2, "
        "'held': [{'since': 1000.0, 'count': 1, 'owner': 1, 'pid': 10, 'thread': 'MainProcess', 'peer': 'unix'}], "
        "'waiting': [{'number': 1, 'method': 'acquire', 'since': 1000.0, 'deadline': 1005.0, 'held_up_by': '1', "
        "'owner': 2, 'pid': 20, 'thread': 'Worker|Thread-1', 'peer': 'unix'}, "
        "{'number': 2, 'method': 'acquire', 'since': 1000.0, 'deadline': None, 'held_up_by': '1', "
        "'owner': 3, 'pid': None, 'thread': 'far away', 'peer': '127.0.0.1:9'}], "
        "'refs_of': [{'pid': 1, 'refs': 1}], 'pinned_by': ['2']}");
    assert_int_equal(mpm__hub_register(mpm_world_hub(), "get_queue=Queue", &err), 0);
    tells("mpmd_inspect('object', 'get_queue')", "'ident': '3', 'typeid': 'Queue', 'name': 'get_queue'");
    ASK(a, "1.release()", "None");
    GOT(b, "True");
    ASK(b, "1.release()", "None");
    GOT(c, "True");
}

static void
a_long_text_is_cut_between_characters(void **state)
{
    (void)state;
    MADE("list(['\xc3\xbc'])", "1");
    mpm_world_ask(a, "1.__imul__(16384)");
    tells("mpmd_inspect('object', '1')", "'str': \"['\xc3\xbc', '\xc3\xbc'");
    assert_in_range(mpm_world_once_replied(), 16000, 18000);
    tells("mpmd_inspect('objects')", "'size': 16384");
}

static void
who_waits_is_listed_with_what_holds_it_up(void **state)
{
    struct mpm_world_peer *d = mpm_world_peer_new(40, "d"), *e = mpm_world_peer_new(50, "e");

    (void)state;
    MADE("Lock()", "1");
    MADE("Condition(@1)", "2");
    MADE("Queue()", "3");
    MADE("Condition()", "4");
    ASK(a, "2.acquire()", "True");
    ASK(a, "2.wait()", "...");
    tells("mpmd_inspect('waiters')", "'ident': '2', 'typeid': 'Condition', 'name': None, 'number': 1, 'method': 'wait', "
        "'since': 1000.0, 'deadline': None, 'held_up_by': None, 'owner': 1");
    ASK(b, "1.acquire()", "True");
    ASK(b, "2.notify()", "None");
    mpm_world_pass(1); /* it waits since it began, now for the lock */
    tells("mpmd_inspect('waiters')", "'number': 1, 'method': 'wait', 'since': 1000.0, 'deadline': None, 'held_up_by': '1'");
    ASK(c, "3.get(True, 2)", "...");
    tells("mpmd_inspect('waiters', '2')", "'items': [{'ident': '3', 'typeid': 'Queue', 'name': None, 'number': 2, "
        "'method': 'get', 'since': 1001.0, 'deadline': 1003.0, 'held_up_by': None, 'owner': 3");
    ASK(d, "4.acquire()", "True");
    ASK(e, "4.acquire()", "...");
    tells("mpmd_inspect('waiters', '3')", "'ident': '4', 'typeid': 'Condition', 'name': None, 'number': 3, "
        "'method': 'acquire', 'since': 1001.0, 'deadline': None, 'held_up_by': '4', 'owner': 5");
    tells("mpmd_inspect('server')", "'waiters': 3, 'objects': 4");
    mpm_world_pass(2);
    GOT(c, "queue.Empty()");
    ASK(b, "1.release()", "None");
    GOT(a, "True");
    mpm_world_kill(50, false);
    ONCE("mpmd_inspect('waiters')", "{'time': 1003.0, 'items': [], 'next': None}");
    tells("mpmd_inspect('server')", "'waiters': 0, 'objects': 4");
}

static void
a_semaphore_that_serves_as_a_signal_holds_nobody_up(void **state)
{
    (void)state;
    MADE("Semaphore(2)", "1");
    ASK(a, "1.acquire()", "True");
    ASK(b, "1.acquire()", "True");
    ASK(c, "1.acquire()", "...");
    tells("mpmd_inspect('waiters')", "'held_up_by': '1'");
    ASK(a, "1.release()", "None");
    GOT(c, "True");
    MADE("Semaphore(0)", "2");
    ASK(b, "2.release()", "None");
    ASK(a, "2.acquire()", "True");
    ASK(a, "2.acquire()", "...");
    tells("mpmd_inspect('waiters')", "'held_up_by': None");
    tells("mpmd_inspect('holders')", "'ident': '2'");
}

static void
who_holds_is_listed_and_a_dead_one_is_nobody(void **state)
{
    (void)state;
    MADE("Lock()", "1");
    MADE("RWLock()", "2");
    MADE("Condition(@1)", "3");
    MADE("Semaphore(2)", "4");
    MADE("RLock()", "5");
    ASK(a, "1.acquire()", "True");
    ASK(a, "5.acquire()", "True");
    ASK(a, "5.acquire()", "True");
    ASK(b, "2.acquire_read()", "True");
    ASK(c, "2.acquire_read()", "True");
    ASK(c, "4.acquire()", "True");
    ONCE("mpmd_inspect('holders')", "{'time': 1000.0, 'items': ["
        "{'ident': '1', 'typeid': 'Lock', 'name': None, 'since': 1000.0, 'count': 1, 'owner': 1, 'pid': 10, "
        "'thread': 'MainProcess', 'peer': 'unix'}, "
        "{'ident': '2', 'typeid': 'RWLock', 'name': None, 'since': 1000.0, 'count': 1, 'owner': 2, 'pid': 20, "
        "'thread': 'Worker|Thread-1', 'peer': 'unix'}, "
        "{'ident': '2', 'typeid': 'RWLock', 'name': None, 'since': 1000.0, 'count': 1, 'owner': 3, 'pid': None, "
        "'thread': 'far away', 'peer': '127.0.0.1:9'}, "
        "{'ident': '4', 'typeid': 'Semaphore', 'name': None, 'since': 1000.0, 'count': 1, 'owner': 3, 'pid': None, "
        "'thread': 'far away', 'peer': '127.0.0.1:9'}, "
        "{'ident': '5', 'typeid': 'RLock', 'name': None, 'since': 1000.0, 'count': 2, 'owner': 1, 'pid': 10, "
        "'thread': 'MainProcess', 'peer': 'unix'}], 'next': None}");
    tells("mpmd_inspect('object', '3')", "'holders': 1, 'holder': {'since': 1000.0, 'count': 1, 'owner': 1");
    tells("mpmd_inspect('holders', '2.1')", "'items': [{'ident': '2', 'typeid': 'RWLock', 'name': None, 'since': 1000.0, "
        "'count': 1, 'owner': 3");
    mpm_world_peer_end(a, false); /* its process goes on, and so does what it holds */
    tells("mpmd_inspect('holders')", "'owner': 1, 'pid': 10, 'thread': 'MainProcess', 'peer': None");
    mpm_world_kill(10, false);
    tells("mpmd_inspect('holders')", "'owner': 0, 'pid': None, 'thread': '', 'peer': None");
}

static void
who_has_which_items_on_lease_is_listed(void **state)
{
    (void)state;
    MADE("Queue()", "1");
    MADE("LifoQueue()", "2");
    ASK(a, "1.put_many([1, 2, 3])", "None");
    ASK(a, "2.put('x')", "None");
    ONCE("mpmd_inspect('leases')", "{'time': 1000.0, 'items': [], 'next': None}");
    ASK(a, "1.lease()", "(1, 1, 1)");
    ASK(b, "1.lease()", "(2, 1, 2)");
    ASK(c, "2.lease()", "(1, 1, 'x')");
    ASK(a, "1.nack(1)", "None");
    ASK(a, "1.lease()", "(3, 2, 1)");
    ASK(a, "1.lease()", "(4, 1, 3)");
    ASK(a, "1.ack(4)", "None");
    ONCE("mpmd_inspect('leases')", "{'time': 1000.0, 'items': ["
        "{'ident': '1', 'typeid': 'Queue', 'name': None, 'lease': 2, 'deliveries': 1, 'since': 1000.0, 'owner': 2, "
        "'pid': 20, 'thread': 'Worker|Thread-1', 'peer': 'unix'}, "
        "{'ident': '1', 'typeid': 'Queue', 'name': None, 'lease': 3, 'deliveries': 2, 'since': 1000.0, 'owner': 1, "
        "'pid': 10, 'thread': 'MainProcess', 'peer': 'unix'}, "
        "{'ident': '2', 'typeid': 'LifoQueue', 'name': None, 'lease': 1, 'deliveries': 1, 'since': 1000.0, 'owner': 3, "
        "'pid': None, 'thread': 'far away', 'peer': '127.0.0.1:9'}], 'next': None}");
    tells("mpmd_inspect('leases', '1.3')", "'items': [{'ident': '1', 'typeid': 'Queue', 'name': None, 'lease': 3,");
    tells("mpmd_inspect('leases', '1.4')", "'items': [{'ident': '2',");
    mpm_world_peer_end(a, false); /* its process goes on, and so does its lease */
    tells("mpmd_inspect('leases')", "'owner': 1, 'pid': 10, 'thread': 'MainProcess', 'peer': None");
    mpm_world_kill(10, false);
    mpm_world_peer_end(c, false); /* over TCP that is its death */
    tells("mpmd_inspect('leases')", "'pid': 20, 'thread': 'Worker|Thread-1', 'peer': 'unix'}], 'next': None");
}

static void
many_leases_come_in_short_pages(void **state)
{
    char text[64];

    (void)state;
    MADE("Queue()", "1");
    ASK(a, "1.put_many(range(0, 3000, 1))", "None");
    for (int i = 1; i <= 3000; i++) {
        snprintf(text, sizeof text, "(%d, 1, %d)", i, i - 1);
        ASK(a, "1.lease()", text);
    }
    tells("mpmd_inspect('leases')", "'lease': 1,");
    assert_in_range(mpm_world_once_replied(), 65000, 66500);
    tells("mpmd_inspect('leases', '1.bb8')", "'items': [{'ident': '1', 'typeid': 'Queue', 'name': None, 'lease': 3000,");
    tells("mpmd_inspect('leases', '1.bb9')", "'items': [], 'next': None");
    for (int i = 100; i < 2990; i++) {
        snprintf(text, sizeof text, "1.ack(%d)", i);
        ASK(a, text, "None");
    }
    tells("mpmd_inspect('leases', '1.64')", "'items': [{'ident': '1', 'typeid': 'Queue', 'name': None, 'lease': 2990,");
}

static void
what_is_asked_for_wrongly_is_refused(void **state)
{
    (void)state;
    ONCE("mpmd_inspect()", "! TypeError: Server.mpmd_inspect() missing 1 required positional argument: 'what'");
    ONCE("mpmd_inspect('x')",
        "! ValueError: mpmd_inspect('x'): give 'server', 'objects', 'object', 'waiters', 'holders' or 'leases'");
    ONCE("mpmd_inspect([1])",
        "! ValueError: mpmd_inspect([1]): give 'server', 'objects', 'object', 'waiters', 'holders' or 'leases'");
    ONCE("mpmd_inspect('object')", "! TypeError: mpmd_inspect('object') wants an ident or a registered name behind it");
    ONCE("mpmd_inspect('object', 'cafe')", "! KeyError: 'cafe'");
    ONCE("mpmd_inspect('object', [])", "! TypeError: unhashable type: 'list'");
    ONCE("mpmd_inspect('objects', None, 1)", "! TypeError: mpmd_inspect() takes 1 or 2 arguments, (what, start), but 3 were given");
    ONCE("mpmd_inspect('objects', x=1)", "! TypeError: mpmd_inspect() takes no keyword arguments");
    for (int i = 0; i < 6; i++) {
        static const char *const bad[] = { "''", "'1.'", "'.1'", "'xyz'", "1", "'11111111111111111'" };
        char request[64];

        snprintf(request, sizeof request, "mpmd_inspect('objects', %s)", bad[i]);
        tells(request, "start is None or what an earlier answer has as 'next'");
    }
}

static void
calls_requests_and_connections_are_counted(void **state)
{
    (void)state;
    MADE("list()", "1");
    MADE("JoinableQueue()", "2");
    for (int i = 0; i < 3; i++)
        ASK(a, "1.append(1)", "None");
    ASK(a, "2.put(1)", "None");
    ASK(a, "1.__str__()", "'[1, 1, 1]'");
    ASK(a, "1.nothing()", "! KeyError: 'nothing'");
    tells("mpmd_inspect('server')", "'calls': {'other': 2, 'list.append': 3, 'Queue.put': 1}, "
        "'requests': {'create': 2, 'accept_connection': 3, 'mpmd_inspect': 1}}");
    tells("mpmd_inspect('server')", "'connections': 4, 'connections_ever': 7, 'refused': 0, 'waiters': 0, 'objects': 2, ");
    tells("mpmd_inspect('server')", "'types': {'list': 1, 'JoinableQueue': 1}");
    mpm_world_decref("1");
    tells("mpmd_inspect('server')", "'types': {'JoinableQueue': 1}");
}

static void
a_handshake_that_fails_is_counted(void **state)
{
    static const uint8_t nonce[MPM_AUTH_NONCE], wrong[] = "\0\0\0\20AAAAAAAAAAAAAAAA";
    struct mpm_peer peer = { .text = "127.0.0.1:1" };
    struct mpm_session *s = mpm__session_new(mpm_world_hub(), &peer, nonce, 0, NULL);

    (void)state;
    tells("mpmd_inspect('server')", "'connections': 5, 'connections_ever': 5, 'refused': 0,");
    mpm__session_feed(s, wrong, sizeof wrong - 1, 0);
    assert_true(mpm__session_is_closing(s));
    mpm__session_end(s, false, 0);
    tells("mpmd_inspect('server')", "'connections': 4, 'connections_ever': 6, 'refused': 1,");
}

/* Names come from peers: long, with control characters, of Python 2 as bytes without an encoding. */
static void
names_from_peers_are_cut_and_well_formed(void **state)
{
    char name[301], part[256];
    struct mpm_world_peer *p;

    (void)state;
    memset(name, 'n', 300);
    name[300] = '\0';
    memcpy(name + 199, "\xe2\x82\xac", 3); /* the cut would go through it */
    p = mpm_world_peer_new(40, name);
    MADE("Lock()", "1");
    ASK(p, "1.acquire()", "True");
    snprintf(part, sizeof part, "'thread': '%.199s'", name);
    tells("mpmd_inspect('holders')", part);
    mpm_world_peer_end(p, false);
    mpm_world_kill(40, false);
    p = mpm_world_peer_new(50, "\x1b[2J\xed\xa0\x80");
    MADE("Lock()", "2");
    ASK(p, "2.acquire()", "True");
    tells("mpmd_inspect('holders', '2')", "'thread': '\\x1b[2J\\ud800'");
}

static void
every_page_is_short_and_together_they_have_everything(void **state)
{
    char ident[24];

    (void)state;
    for (int i = 1; i <= 2000; i++) {
        snprintf(ident, sizeof ident, "%x", (unsigned)i);
        MADE("Event()", ident);
    }
    tells("mpmd_inspect('objects')", "'ident': '1'");
    assert_in_range(mpm_world_once_replied(), 65000, 66500);
    tells("mpmd_inspect('objects', '7d0')", "'ident': '7d0'");
    tells("mpmd_inspect('objects', '7d1')", "'items': [], 'next': None");
    /* what is gone is not there, and what is behind it is */
    for (int i = 100; i < 1990; i++) {
        snprintf(ident, sizeof ident, "%x", (unsigned)i);
        mpm_world_decref(ident);
    }
    tells("mpmd_inspect('objects', '64')", "'items': [{'ident': '7c6'");
}

static int
inspect_life(void)
{
    static const char *const requests[] = { "mpmd_inspect('server')", "mpmd_inspect('objects')", "mpmd_inspect('object', '1')",
        "mpmd_inspect('waiters')", "mpmd_inspect('holders')", "mpmd_inspect('object', 'cafe')", "mpmd_inspect(5)" };
    const char *got;
    bool ok;

    mpm_world_open(MPM_DEATH_KEEP);
    if (mpm_world_hub() == NULL)
        return MPM_ENOMEM;
    a = mpm_world_peer_new(10, "MainProcess");
    b = mpm_world_peer_new(20, "MainProcess");
    ok = strcmp(mpm_world_create("Lock()"), "1") == 0 && mpm_world_either(a, "1.acquire()", "True") &&
         mpm_world_either(b, "1.acquire()", "...");
    for (size_t i = 0; i < sizeof requests / sizeof *requests && ok; i++) {
        got = mpm_world_once(requests[i]);
        ok = got[0] == '{' || strncmp(got, "! KeyError: 'cafe'", 18) == 0 || strncmp(got, "! ValueError", 12) == 0;
        if (!ok && strstr(got, "MemoryError") == NULL && strcmp(got, "! ") != 0)
            fail_msg("%s: %s", requests[i], got);
    }
    mpm_world_close();
    return ok ? 0 : MPM_ENOMEM;
}

static void
without_memory_nothing_is_half_done(void **state)
{
    (void)state;
    assert_true(mpm_test_fail_until_ok(inspect_life) > 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
    const struct CMUnitTest tests[] = {
        TEST(objects_are_listed_in_order_with_what_is_known_of_them),
        TEST(everything_that_has_a_length_has_a_size),
        TEST(one_object_is_told_in_full),
        TEST(a_long_text_is_cut_between_characters),
        TEST(who_waits_is_listed_with_what_holds_it_up),
        TEST(a_semaphore_that_serves_as_a_signal_holds_nobody_up),
        TEST(who_holds_is_listed_and_a_dead_one_is_nobody),
        TEST(who_has_which_items_on_lease_is_listed),
        TEST(many_leases_come_in_short_pages),
        TEST(what_is_asked_for_wrongly_is_refused),
        TEST(calls_requests_and_connections_are_counted),
        TEST(a_handshake_that_fails_is_counted),
        TEST(names_from_peers_are_cut_and_well_formed),
        TEST(every_page_is_short_and_together_they_have_everything),
        cmocka_unit_test(without_memory_nothing_is_half_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

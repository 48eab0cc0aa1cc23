#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "support/peer.h"
#include "support/support.h"

#define SECOND INT64_C(1000000000)
#define REQUEST(p, first, name, args) mpm_test_request(p, first, name, args, sizeof(args) - 1, NULL, 0)

static struct mpm_hub *hub;
static struct mpm_hub_options options;

static int
set_up(void **state)
{
    (void)state;
    mpm__log_default.level = MPM_LOG_ERROR;
    mpm_test_hub_options(&options);
    hub = mpm__hub_new(&options);
    return hub == NULL;
}

static int
tear_down(void **state)
{
    (void)state;
    mpm__hub_free(hub);
    hub = NULL;
    return 0;
}

static void
with_options(void)
{
    mpm__hub_free(hub);
    hub = mpm__hub_new(&options);
    assert_non_null(hub);
}

static void
expect(struct mpm_peer_client *p, const char *kind, const char *payload)
{
    if (!mpm_test_reply(p))
        fail_msg("no reply, expected %s %s", kind, payload);
    assert_string_equal(mpm_test_kind(p), kind);
    if (strstr(mpm_test_payload(p), payload) == NULL)
        fail_msg("got %s, expected %s", mpm_test_payload(p), payload);
}

static void
expect_nothing(struct mpm_peer_client *p)
{
    mpm_test_drain(p);
    if (mpm_test_reply(p))
        fail_msg("unexpected %s %s", mpm_test_kind(p), mpm_test_payload(p));
}

/* One request on a connection of its own. */
static void
one_shot(int64_t pid, const char *name, const char *args, size_t len, const char *kind, const char *payload)
{
    struct mpm_peer_client p = { 0 };

    mpm_test_connect(&p, hub, pid);
    mpm_test_request(&p, NULL, name, args, len, NULL, 0);
    expect(&p, kind, payload);
    assert_true(p.is_closed);
    mpm_test_disconnect(&p, false);
}

#define ONE_SHOT(name, args, kind, payload) one_shot(0, name, args, sizeof(args) - 1, kind, payload)

/* ("ident",) as a pickle; static. */
static const char *
ident_args(const char *ident, size_t *len)
{
    static char args[40];

    *len = (size_t)snprintf(args, sizeof args, "U%c%s\x85", (char)strlen(ident), ident);
    return args;
}

static void
with_ident(int64_t pid, const char *name, const char *ident, const char *kind, const char *payload)
{
    size_t len;
    const char *args = ident_args(ident, &len);

    one_shot(pid, name, args, len, kind, payload);
}

static void
a_wrong_key_is_refused_and_closed(void **state)
{
    struct mpm_peer peer = { 0, "test" };
    uint8_t nonce[MPM_AUTH_NONCE] = { 0 }, frame[4 + 40] = { 0, 0, 0, 40, '{', 's', 'h', 'a', '2', '5', '6', '}' };
    struct mpm_session *s = mpm__session_new(hub, &peer, nonce, 0, NULL);
    struct mpm_piece piece;

    (void)state;
    assert_int_equal(mpm__session_output(s, &piece, 1), 1);
    assert_int_equal(piece.len, 4 + 11 + 48);
    mpm__session_sent(s, piece.len);
    assert_false(mpm__session_has_output(s));
    mpm__session_feed(s, frame, sizeof frame, 0);
    assert_true(mpm__session_is_closing(s));
    assert_int_equal(mpm__session_output(s, &piece, 1), 1);
    assert_memory_equal(piece.bytes, "\0\0\0\x09#FAILURE#", 13);
    assert_int_equal(piece.len, 13); /* and nothing more: no traceback for a stranger */
    mpm__session_end(s, false, 0);
}

static void
a_stranger_may_send_256_bytes_and_no_more(void **state)
{
    struct mpm_peer peer = { 0, "test" };
    uint8_t nonce[MPM_AUTH_NONCE] = { 0 };
    struct mpm_session *s = mpm__session_new(hub, &peer, nonce, 0, NULL);

    (void)state;
    mpm__session_feed(s, (const uint8_t *)"\0\0\1\1", 4, 0);
    assert_true(mpm__session_is_closing(s));
    mpm__session_feed(s, (const uint8_t *)"more", 4, 0);
    mpm__session_end(s, false, 0);
}

static void
who_does_not_authenticate_in_time_is_closed(void **state)
{
    struct mpm_peer peer = { 0, "test" };
    uint8_t nonce[MPM_AUTH_NONCE] = { 0 };
    struct mpm_session *s;

    (void)state;
    options.auth_timeout_ns = 10 * SECOND;
    with_options();
    s = mpm__session_new(hub, &peer, nonce, 5, NULL);
    assert_int_equal(mpm__hub_next_deadline(hub), 10 * SECOND + 5);
    mpm__hub_tick(hub, 10 * SECOND + 4);
    assert_null(mpm__hub_next_ready(hub));
    mpm__hub_tick(hub, 10 * SECOND + 5);
    assert_ptr_equal(mpm__hub_next_ready(hub), s);
    assert_true(mpm__session_is_closing(s));
    mpm__session_end(s, false, 0);
    assert_int_equal(mpm__hub_next_deadline(hub), MPM_FOREVER);
}

static void
replies_have_the_protocol_of_the_request(void **state)
{
    (void)state;
    for (uint8_t protocol = 2; protocol <= 5; protocol++) {
        struct mpm_peer_client p = { .protocol = protocol };

        mpm_test_connect(&p, hub, 0);
        mpm_test_request(&p, NULL, "dummy", NULL, 0, NULL, 0);
        expect(&p, "#RETURN", "None");
        assert_int_equal(p.doc.protocol, protocol);
        mpm_test_disconnect(&p, false);
    }
}

static void
one_shot_requests_fail_as_in_cpython(void **state)
{
    (void)state;
    ONE_SHOT("nosuch", ")", "#TRACEBACK", "AssertionError: 'nosuch' unrecognized");
    ONE_SHOT("dummy", "N\x85", "#TRACEBACK", "TypeError: Server.dummy() takes 2 positional arguments but 3 were given");
    ONE_SHOT("create", ")", "#TRACEBACK", "missing 1 required positional argument: 'typeid'");
    ONE_SHOT("create", "U\6nosuch\x85", "#TRACEBACK", "KeyError: 'nosuch'");
    ONE_SHOT("create", "U\4Pool\x85", "#TRACEBACK",
        "NotImplementedError: a Pool would run Python functions inside the server, which mpmd "
        "cannot: use multiprocessing.Pool in the program itself; its workers can share this server's objects");
    ONE_SHOT("create", "U\x09SemaphoreJ\xff\xff\xff\xff\x86", "#TRACEBACK", "ValueError: semaphore initial value must be >= 0");
    ONE_SHOT("incref", "U\4dead\x85", "#TRACEBACK", "KeyError: 'dead'");
    ONE_SHOT("decref", "U\4dead\x85", "#TRACEBACK", "KeyError: 'dead'");
    ONE_SHOT("get_methods", "U\4dead\x85", "#TRACEBACK", "AttributeError");
    ONE_SHOT("number_of_objects", ")", "#RETURN", "0");
    ONE_SHOT("debug_info", ")", "#RETURN", "");
}

static void
references_keep_an_object_and_the_last_one_frees_it(void **state)
{
    char *ident = mpm_test_create(hub, 0, "Lock", "", 0);

    (void)state;
    assert_string_equal(ident, "1");
    with_ident(0, "incref", ident, "#RETURN", "None");
    ONE_SHOT("number_of_objects", ")", "#RETURN", "1");
    ONE_SHOT("debug_info", ")", "#RETURN", "  1:       refcount=2\\n    <unlocked _thread.lock object at 0x");
    with_ident(0, "decref", ident, "#RETURN", "None");
    with_ident(0, "decref", ident, "#RETURN", "None");
    with_ident(0, "decref", ident, "#TRACEBACK", "KeyError: '1'");
    ONE_SHOT("number_of_objects", ")", "#RETURN", "0");
    free(ident);
}

static void
bad_requests_leave_the_connection_usable(void **state)
{
    char *ident = mpm_test_create(hub, 0, "Lock", "", 0);
    struct mpm_peer_client p = { 0 };

    (void)state;
    mpm_test_serve(&p, hub, 0, "MainProcess");
    mpm_test_send(&p, "\x80\x04garbage", 9);
    expect(&p, "#TRACEBACK", "UnpicklingError: opcode GET at offset 2");
    mpm_test_send(&p, "\x80\x04K\1.", 5);
    expect(&p, "#TRACEBACK", "TypeError: cannot unpack");
    mpm_test_send(&p, "(NNNt.", 6);
    expect(&p, "#TRACEBACK", "not enough values to unpack (expected 4, got 3)");
    mpm_test_send(&p, "(NNNNNt.", 8);
    expect(&p, "#TRACEBACK", "too many values to unpack (expected 4)");
    REQUEST(&p, "dead", "acquire", ")");
    expect(&p, "#TRACEBACK", "KeyError: 'dead'");
    REQUEST(&p, ident, "nosuch", ")");
    expect(&p, "#TRACEBACK", "KeyError: 'nosuch'");
    REQUEST(&p, ident, "acquire", "N");
    expect(&p, "#ERROR", "TypeError");
    REQUEST(&p, ident, "release", ")");
    expect(&p, "#ERROR", "RuntimeError('release unlocked lock')");
    REQUEST(&p, ident, "#GETVALUE", ")");
    expect(&p, "#UNSERIALIZABLE", "TypeError: cannot pickle");
    mpm_test_send(&p, "](U\1" "1U\7acquire)}e.", 18); /* a list will do, and protocol 1 */
    expect(&p, "#RETURN", "True");
    REQUEST(&p, ident, "__str__", ")");
    expect(&p, "#RETURN", "<locked _thread.lock object at 0x");
    assert_false(p.is_closed);
    mpm_test_send(&p, "", 0);
    assert_true(p.is_closed);
    mpm_test_disconnect(&p, false);
    free(ident);
}

static void
a_message_over_the_limit_is_answered_and_forgotten(void **state)
{
    struct mpm_peer_client p = { 0 };
    static const uint8_t some[1000];

    (void)state;
    options.max_message = 100000;
    with_options();
    mpm_test_serve(&p, hub, 0, "MainProcess");
    mpm__session_feed(p.session, (const uint8_t *)"\0\1\x87\x68", 4, 0); /* 100,200 */
    expect(&p, "#TRACEBACK", "MemoryError");
    assert_non_null(strstr(mpm_test_payload(&p), "100200"));
    assert_non_null(strstr(mpm_test_payload(&p), "100000"));
    for (int i = 0; i < 100; i++)
        mpm__session_feed(p.session, some, sizeof some, 0);
    assert_false(mpm__session_is_closing(p.session));
    mpm__session_feed(p.session, some, 200, 0);
    assert_true(mpm__session_is_closing(p.session));
    mpm_test_disconnect(&p, false);
}

static void
a_parked_call_is_answered_when_it_is_granted(void **state)
{
    char *ident = mpm_test_create(hub, 0, "Lock", "", 0);
    struct mpm_peer_client a = { 0 }, b = { 0 };

    (void)state;
    mpm_test_serve(&a, hub, 0, "a");
    mpm_test_serve(&b, hub, 0, "b");
    REQUEST(&a, ident, "acquire", ")");
    expect(&a, "#RETURN", "True");
    REQUEST(&b, ident, "acquire", ")");
    expect_nothing(&b);
    REQUEST(&a, ident, "release", ")");
    expect(&a, "#RETURN", "None");
    mpm_test_drain(&b);
    expect(&b, "#RETURN", "True");
    mpm_test_disconnect(&a, false);
    mpm_test_disconnect(&b, false);
    free(ident);
}

static void
a_deadline_ends_the_wait(void **state)
{
    char *ident = mpm_test_create(hub, 0, "Lock", "", 0);
    struct mpm_peer_client a = { 0 }, b = { .now_ns = 3 * SECOND };

    (void)state;
    mpm_test_serve(&a, hub, 0, "a");
    mpm_test_serve(&b, hub, 0, "b");
    REQUEST(&a, ident, "acquire", ")");
    expect(&a, "#RETURN", "True");
    REQUEST(&b, ident, "acquire", "\x88K\2\x86");
    assert_int_equal(mpm__hub_next_deadline(hub), 5 * SECOND);
    mpm__hub_tick(hub, 5 * SECOND - 1);
    expect_nothing(&b);
    mpm__hub_tick(hub, 5 * SECOND);
    mpm_test_drain(&b);
    expect(&b, "#RETURN", "False");
    mpm_test_disconnect(&a, false);
    mpm_test_disconnect(&b, false);
    free(ident);
}

/* a holds the lock, b and c wait in this order. */
static void
three(char *ident, struct mpm_peer_client *a, struct mpm_peer_client *b, struct mpm_peer_client *c)
{
    struct mpm_peer_client *const all[] = { a, b, c };

    for (int i = 0; i < 3; i++) {
        *all[i] = (struct mpm_peer_client){ 0 };
        mpm_test_serve(all[i], hub, 10 + i, "MainProcess");
        REQUEST(all[i], ident, "acquire", ")");
    }
    expect(a, "#RETURN", "True");
    expect_nothing(b);
    expect_nothing(c);
}

static void
a_waiter_that_is_gone_is_granted_nothing(void **state)
{
    char *ident = mpm_test_create(hub, 0, "Lock", "", 0);
    struct mpm_peer_client a, b, c;

    (void)state;
    three(ident, &a, &b, &c);
    mpm_test_disconnect(&b, true);
    REQUEST(&a, ident, "release", ")");
    mpm_test_drain(&c);
    expect(&c, "#RETURN", "True");
    mpm_test_disconnect(&a, false);
    mpm_test_disconnect(&c, false);
    free(ident);
}

static void
a_grant_that_was_not_read_goes_to_the_next(void **state)
{
    char *ident = mpm_test_create(hub, 0, "Lock", "", 0);
    struct mpm_peer_client a, b, c;

    (void)state;
    three(ident, &a, &b, &c);
    REQUEST(&a, ident, "release", ")");
    /* b's reply is written, but b dies before it reads it */
    mpm_test_disconnect(&b, true);
    mpm_test_drain(&c);
    expect(&c, "#RETURN", "True");
    /* c has read its own: it stays c's, whatever happens to the connection */
    mpm_test_disconnect(&c, false);
    REQUEST(&a, ident, "acquire", "\x89\x85");
    expect(&a, "#RETURN", "None"); /* of the release */
    expect(&a, "#RETURN", "False");
    mpm_test_disconnect(&a, false);
    free(ident);
}

static void
a_new_request_gives_the_parked_one_up(void **state)
{
    char *ident = mpm_test_create(hub, 0, "Lock", "", 0);
    struct mpm_peer_client a, b, c;

    (void)state;
    three(ident, &a, &b, &c);
    REQUEST(&b, ident, "__repr__", ")");
    expect(&b, "#RETURN", "locked");
    expect_nothing(&b);
    REQUEST(&a, ident, "release", ")");
    mpm_test_drain(&c);
    expect(&c, "#RETURN", "True");
    expect_nothing(&b);
    mpm_test_disconnect(&a, false);
    mpm_test_disconnect(&b, false);
    mpm_test_disconnect(&c, false);
    free(ident);
}

/* The grant and the new request are read in one turn, before the reply is written. */
static void
what_was_granted_to_a_call_given_up_goes_back(void **state)
{
    static const char frame[] = "\0\0\0\x12\x80\4(\x8c\1" "1\x8c\6locked)}t.";
    char *ident = mpm_test_create(hub, 0, "Lock", "", 0);
    struct mpm_peer_client a, b, c;
    uint8_t release[64] = "\0\0\0\x13\x80\4(\x8c\1" "1\x8c\7release)}t.";

    (void)state;
    three(ident, &a, &b, &c);
    mpm__session_feed(a.session, release, 4 + 0x13, 0);
    mpm__session_feed(b.session, (const uint8_t *)frame, sizeof frame - 1, 0);
    mpm_test_drain(&b);
    expect(&b, "#RETURN", "True"); /* c has it */
    expect_nothing(&b);
    mpm_test_drain(&c);
    expect(&c, "#RETURN", "True");
    mpm_test_disconnect(&a, false);
    mpm_test_disconnect(&b, false);
    mpm_test_disconnect(&c, false);
    free(ident);
}

static void
a_new_request_waits_behind_the_parked_one_when_told_so(void **state)
{
    struct mpm_peer_client a, b, c;
    char *ident;

    (void)state;
    options.queue_requests = true;
    with_options();
    ident = mpm_test_create(hub, 0, "Lock", "", 0);
    three(ident, &a, &b, &c);
    REQUEST(&b, ident, "release", ")");
    REQUEST(&b, ident, "__repr__", ")");
    expect_nothing(&b);
    REQUEST(&a, ident, "release", ")");
    mpm_test_drain(&b);
    expect(&b, "#RETURN", "True");
    expect(&b, "#RETURN", "None");
    expect(&b, "#RETURN", "locked"); /* by c now */
    mpm_test_drain(&c);
    expect(&c, "#RETURN", "True");
    mpm_test_disconnect(&a, false);
    mpm_test_disconnect(&b, false);
    mpm_test_disconnect(&c, false);
    free(ident);
}

static void
any_number_of_requests_wait_in_order(void **state)
{
    struct mpm_peer_client a, b, c;
    char *ident;

    (void)state;
    options.queue_requests = true;
    with_options();
    ident = mpm_test_create(hub, 0, "Lock", "", 0);
    three(ident, &a, &b, &c);
    for (int i = 0; i < 200; i++) { /* each parks as soon as the one before is answered, and ends by its deadline */
        b.now_ns = i;
        REQUEST(&b, ident, "acquire", "\x88G?PbM\xd2\xf1\xa9\xfc\x86"); /* True, 0.001 */
        REQUEST(&b, ident, i % 2 == 0 ? "locked" : "__repr__", ")");
    }
    REQUEST(&a, ident, "release", ")");
    mpm_test_drain(&b);
    expect(&b, "#RETURN", "True");
    for (int i = 0; i < 200; i++) {
        expect_nothing(&b);
        mpm__hub_tick(hub, (i + 1) * SECOND);
        mpm_test_drain(&b);
        expect(&b, "#RETURN", "False");
        expect(&b, "#RETURN", i % 2 == 0 ? "True" : "locked");
    }
    expect_nothing(&b);
    mpm_test_disconnect(&a, false);
    mpm_test_disconnect(&b, false);
    mpm_test_disconnect(&c, false);
    free(ident);
}

static void
a_thread_that_reopens_its_connection_still_owns_its_rlock(void **state)
{
    char *ident = mpm_test_create(hub, 0, "RLock", "", 0);
    struct mpm_peer_client a = { 0 }, b = { 0 };

    (void)state;
    mpm_test_serve(&a, hub, 77, "MainProcess");
    REQUEST(&a, ident, "acquire", ")");
    expect(&a, "#RETURN", "True");
    mpm_test_disconnect(&a, false);
    mpm_test_serve(&b, hub, 77, "MainProcess|other");
    REQUEST(&b, ident, "release", ")");
    expect(&b, "#ERROR", "RuntimeError('cannot release un-acquired lock')");
    mpm_test_serve(&a, hub, 77, "MainProcess");
    REQUEST(&a, ident, "release", ")");
    expect(&a, "#RETURN", "None");
    mpm_test_disconnect(&a, false);
    mpm_test_disconnect(&b, false);
    free(ident);
}

static void
what_the_dead_hold_is_treated_by_policy(void **state)
{
    static const enum mpm_death_policy policies[] = { MPM_DEATH_KEEP, MPM_DEATH_RELEASE, MPM_DEATH_BREAK };
    struct mpm_peer_client a, b, c;
    char *ident;

    (void)state;
    for (int i = 0; i < 3; i++) {
        options.on_owner_death = policies[i];
        with_options();
        ident = mpm_test_create(hub, 0, "Lock", "", 0);
        three(ident, &a, &b, &c);
        mpm_test_disconnect(&a, false);
        expect_nothing(&b); /* the process lives: it may come back */
        mpm__hub_process_gone(hub, 10, SECOND);
        mpm_test_drain(&b);
        switch (policies[i]) {
        case MPM_DEATH_KEEP:
            expect_nothing(&b);
            REQUEST(&c, ident, "release", ")"); /* gives its own wait up; legal for a Lock */
            expect(&c, "#RETURN", "None");
            mpm_test_drain(&b);
            expect(&b, "#RETURN", "True");
            break;
        case MPM_DEATH_RELEASE:
            expect(&b, "#RETURN", "True");
            break;
        case MPM_DEATH_BREAK:
            expect(&b, "#ERROR", "RuntimeError");
            mpm_test_drain(&c);
            expect(&c, "#ERROR", "RuntimeError");
            break;
        }
        mpm_test_disconnect(&b, false);
        mpm_test_disconnect(&c, false);
        free(ident);
    }
}

static void
over_tcp_the_connection_is_all_there_is(void **state)
{
    struct mpm_peer_client a = { 0 }, b = { 0 };
    char *ident;

    (void)state;
    options.on_owner_death = MPM_DEATH_RELEASE;
    with_options();
    ident = mpm_test_create(hub, 0, "RLock", "", 0);
    mpm_test_serve(&a, hub, 0, "MainProcess");
    mpm_test_serve(&b, hub, 0, "MainProcess");
    REQUEST(&a, ident, "acquire", ")");
    REQUEST(&b, ident, "acquire", ")");
    expect_nothing(&b);
    mpm_test_disconnect(&a, false);
    mpm_test_drain(&b);
    expect(&b, "#RETURN", "True");
    mpm_test_disconnect(&b, false);
    free(ident);
}

static void
references_of_a_dead_process_are_dropped(void **state)
{
    char *ident = mpm_test_create(hub, 55, "Lock", "", 0), *other = mpm_test_create(hub, 55, "Event", "", 0);
    struct mpm_peer_client p = { 0 };

    (void)state;
    with_ident(66, "incref", other, "#RETURN", "None");
    with_ident(55, "incref", other, "#RETURN", "None");
    mpm_test_serve(&p, hub, 55, "MainProcess");
    mpm__hub_process_gone(hub, 55, 1);
    ONE_SHOT("number_of_objects", ")", "#RETURN", "2"); /* a socket of it is still open: inherited by a child */
    mpm_test_disconnect(&p, false);
    ONE_SHOT("number_of_objects", ")", "#RETURN", "1");
    ONE_SHOT("debug_info", ")", "#RETURN", "  2:       refcount=1");
    mpm__hub_process_gone(hub, 66, 2);
    ONE_SHOT("number_of_objects", ")", "#RETURN", "0");
    mpm__hub_process_gone(hub, 66, 3);
    free(ident);
    free(other);
}

static void
a_pid_that_is_used_again_is_another_process(void **state)
{
    struct mpm_peer_client inherited = { 0 };
    char *ident;

    (void)state;
    mpm_test_serve(&inherited, hub, 55, "MainProcess");
    mpm__hub_process_gone(hub, 55, 1); /* a child still has its socket */
    ident = mpm_test_create(hub, 55, "Lock", "", 0);
    ONE_SHOT("number_of_objects", ")", "#RETURN", "1");
    mpm_test_disconnect(&inherited, false);
    ONE_SHOT("number_of_objects", ")", "#RETURN", "1");
    mpm__hub_process_gone(hub, 55, 2);
    ONE_SHOT("number_of_objects", ")", "#RETURN", "0");
    free(ident);
}

static void
a_registered_name_is_one_object_for_everybody(void **state)
{
    struct mpm_error err = { 0 };
    char *one, *two;

    (void)state;
    assert_int_equal(mpm__hub_register(hub, "get_lock=Lock", &err), 0);
    assert_int_equal(mpm__hub_register(hub, "gate=Semaphore(2)", &err), 0);
    assert_int_equal(mpm__hub_register(hub, "also=Semaphore( value = 3 )", &err), 0);
    one = mpm_test_create(hub, 1, "get_lock", "", 0);
    two = mpm_test_create(hub, 2, "get_lock", "", 0);
    assert_string_equal(one, two);
    ONE_SHOT("create", "U\x08get_lockN\x86", "#TRACEBACK", "get_lock() takes 0 positional arguments but 1 was given");
    with_ident(1, "decref", one, "#RETURN", "None");
    with_ident(2, "decref", one, "#RETURN", "None");
    free(two);
    two = mpm_test_create(hub, 2, "get_lock", "", 0);
    assert_string_equal(one, two); /* the object stays */
    free(one);
    free(two);
}

static void
a_bad_registration_says_what_is_wrong(void **state)
{
    static const char *const cases[][2] = {
        { "Lock", "expected NAME=TYPE" }, { "=Lock", "expected NAME=TYPE" }, { "a=", "expected NAME=TYPE" },
        { "a b=Lock", "must be a Python identifier" }, { "1a=Lock", "must be a Python identifier" },
        { "a=NoSuch", "there is no type NoSuch" }, { "a=Semaphore(2", "closing parenthesis" },
        { "a=Semaphore(x)", "arguments must be" },
        { "a=Semaphore(2)x)", "nothing may follow" }, { "a=Semaphore(-1)", "semaphore initial value must be >= 0" },
        { "a=Semaphore(1,2,3)", "positional argument" }, { "taken=Lock", "registered already" },
        { "a=Semaphore('\\')", "arguments must be" },
    };
    struct mpm_error err;

    (void)state;
    assert_int_equal(mpm__hub_register(hub, "taken=Event", &err), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        memset(&err, 0, sizeof err);
        assert_int_equal(mpm__hub_register(hub, cases[i][0], &err), MPM_EINVAL);
        if (strstr(err.text, cases[i][1]) == NULL)
            fail_msg("%s: \"%s\"", cases[i][0], err.text);
    }
}

static void
a_value_that_the_reader_cannot_have_fails_that_one_read(void **state)
{
    char *ident = mpm_test_create(hub, 0, "Namespace", "", 0);
    struct mpm_peer_client new = { .protocol = 4 }, old = { .protocol = 2 };

    (void)state;
    mpm_test_serve(&new, hub, 0, "new");
    mpm_test_serve(&old, hub, 0, "old");
    /* a class whose name Python 2 cannot spell */
    REQUEST(&new, ident, "__setattr__", "\x8c\1x\x8c\1m\x8c\2\xc3\xa9\x93\x86");
    expect(&new, "#RETURN", "None");
    REQUEST(&old, ident, "__getattribute__", "U\1x\x85");
    expect(&old, "#UNSERIALIZABLE", "Python 2");
    REQUEST(&old, ident, "__str__", ")");
    expect(&old, "#RETURN", "Namespace(x=");
    REQUEST(&new, ident, "__getattribute__", "\x8c\1x\x85");
    expect(&new, "#RETURN", "m.");
    mpm_test_disconnect(&new, false);
    mpm_test_disconnect(&old, false);
    free(ident);
}

static void
a_large_value_is_sent_from_where_it_is_stored(void **state)
{
    char *ident = mpm_test_create(hub, 0, "Namespace", "", 0);
    struct mpm_peer_client p = { 0 };
    enum { LEN = 300000 };
    struct mpm_buf args;
    const uint8_t *bytes;
    size_t len;

    (void)state;
    mpm_test_serve(&p, hub, 0, "MainProcess");
    mpm__buf_init(&args, 0);
    mpm__buf_put(&args, "U\1xB", 4);
    mpm__buf_le(&args, LEN, 4);
    memset(mpm__buf_add(&args, LEN), 'z', LEN);
    mpm__buf_u8(&args, 0x86);
    mpm_test_request(&p, ident, "__setattr__", (char *)args.data, args.len, NULL, 0);
    expect(&p, "#RETURN", "None");
    for (int i = 0; i < 2; i++) {
        REQUEST(&p, ident, "__getattribute__", "U\1x\x85");
        assert_true(mpm_test_reply(&p));
        assert_int_equal(mpm__read_bytes(p.payload, &bytes, &len), 0);
        assert_int_equal(len, LEN);
        assert_int_equal(bytes[LEN - 1], 'z');
    }
    mpm__buf_wipe(&args);
    mpm_test_disconnect(&p, false);
    free(ident);
}

/* Arguments ('x', value): `base` memo entries, then n dicts that share their keys and one list, in protocol 4. */
static void
put_dicts(struct mpm_buf *args, uint32_t base, uint32_t n)
{
    mpm__buf_put(args, "\x8c\1x", 3);
    for (uint32_t i = 0; i < base; i++)
        mpm__buf_u8(args, 0x94);
    mpm__buf_put(args, "]\x94(}\x94(\x8c\1a\x94K\1\x8c\1b\x94]\x94u", 19);
    for (uint32_t i = 0; i < n; i++) {
        mpm__buf_put(args, "}\x94(j", 4);
        mpm__buf_le(args, base + 2, 4);
        mpm__buf_u8(args, 'M');
        mpm__buf_le(args, i % 1000, 2);
        mpm__buf_u8(args, 'j');
        mpm__buf_le(args, base + 3, 4);
        mpm__buf_u8(args, 'j');
        mpm__buf_le(args, base + 4, 4);
        mpm__buf_u8(args, 'u');
    }
    mpm__buf_put(args, "e\x86", 2);
}

/* The repr of that value, and that the list is one object for the reader. */
static void
expect_dicts(struct mpm_peer_client *p, uint32_t n)
{
    struct mpm_parts dicts = { 0 }, parts = { 0 };
    struct mpm_ref list, first;
    int64_t number;

    if (!mpm_test_reply(p) || strcmp(mpm_test_kind(p), "#RETURN") != 0)
        fail_msg("%s %s", mpm_test_kind(p), mpm_test_payload(p));
    assert_int_equal(mpm__parts(p->payload, &dicts), 0);
    assert_int_equal(dicts.items.n, n + 1);
    for (uint32_t i = 0; i <= n; i++) {
        assert_int_equal(mpm__parts(mpm__part(&dicts, i), &parts), 0);
        assert_int_equal(parts.items.n, 4);
        assert_int_equal(mpm__read_int64(mpm__part(&parts, 1), &number), 0);
        assert_int_equal(number, i == 0 ? 1 : (i - 1) % 1000);
        list = mpm__part(&parts, 3);
        assert_int_equal(mpm__kind(&list), MPM_K_LIST);
        if (i == 0)
            first = list;
        assert_int_equal(list.item.start, first.item.start);
        assert_true(mpm__text_is(mpm__part(&parts, 0), "a") || p->protocol == 2);
        mpm__parts_wipe(&parts);
    }
    mpm__parts_wipe(&dicts);
}

static void
a_long_value_reads_the_same_for_every_reader(void **state)
{
    static const uint32_t bases[] = { 0, 1, 3, 64, 65, 300 };
    static const uint8_t readers[] = { 4, 5, 2, 4, 3, 5, 4 };
    char *ident = mpm_test_create(hub, 0, "Namespace", "", 0);
    struct mpm_peer_client p = { .protocol = 4 }, reader;
    struct mpm_buf args;

    (void)state;
    mpm_test_serve(&p, hub, 0, "MainProcess");
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
        for (uint32_t n = 60; n <= 6000; n += 5940) { /* the longer one is not copied into the reply */
            mpm__buf_init(&args, 0);
            put_dicts(&args, bases[i], n);
            mpm_test_request(&p, ident, "__setattr__", (char *)args.data, args.len, NULL, 0);
            expect(&p, "#RETURN", "None");
            for (size_t k = 0; k < sizeof readers; k++) {
                reader = (struct mpm_peer_client){ .protocol = readers[k] };
                mpm_test_serve(&reader, hub, 0, "reader");
                for (int again = 0; again < 2; again++) {
                    REQUEST(&reader, ident, "__getattribute__", "X\1\0\0\0x\x85");
                    expect_dicts(&reader, n);
                }
                mpm_test_disconnect(&reader, false);
            }
            REQUEST(&p, ident, "__str__", ")");
            expect(&p, "#RETURN", "Namespace(x=[{'a': 1, 'b': []}, {'a': 0, 'b': []}, {'a': 1, 'b': []}");
            mpm__buf_wipe(&args);
        }
    }
    mpm_test_disconnect(&p, false);
    free(ident);
}

static void
who_wrote_it_gets_a_long_value_back_byte_by_byte(void **state)
{
    char *ident = mpm_test_create(hub, 0, "Namespace", "", 0);
    struct mpm_peer_client p = { .protocol = 4 };
    struct mpm_buf args;

    (void)state;
    mpm_test_serve(&p, hub, 0, "MainProcess");
    mpm__buf_init(&args, 0);
    put_dicts(&args, 3, 60);
    mpm_test_request(&p, ident, "__setattr__", (char *)args.data, args.len, NULL, 0);
    expect(&p, "#RETURN", "None");
    REQUEST(&p, ident, "__getattribute__", "\x8c\1x\x85");
    assert_true(mpm_test_reply(&p));
    assert_int_equal(p.reply.len, 2 + 9 + 3 + (args.len - 7) + 2);
    assert_memory_equal(p.reply.data, "\x80\x04\x8c\x07#RETURN\x94\x94\x94", 14);
    assert_memory_equal(p.reply.data + 14, args.data + 6, args.len - 7);
    mpm__buf_wipe(&args);
    mpm_test_disconnect(&p, false);
    free(ident);
}

static void
a_long_value_on_its_way_is_not_changed_by_other_readers(void **state)
{
    char *ident = mpm_test_create(hub, 0, "Namespace", "", 0);
    struct mpm_peer_client p = { .protocol = 4 }, old = { .protocol = 2 };
    struct mpm_buf args;
    struct mpm_piece piece[3];
    char request[100] = "\0\0\0\0\x80\x04(U";
    int n;

    (void)state;
    mpm_test_serve(&p, hub, 0, "MainProcess");
    mpm_test_serve(&old, hub, 0, "old");
    mpm__buf_init(&args, 0);
    put_dicts(&args, 3, 6000);
    mpm_test_request(&p, ident, "__setattr__", (char *)args.data, args.len, NULL, 0);
    expect(&p, "#RETURN", "None");
    n = 8 + snprintf(request + 8, sizeof request - 8, "%c%sU\x10__getattribute__U\1x\x85}t.",
        (char)strlen(ident), ident);
    request[3] = (char)(n - 4);
    mpm__session_feed(p.session, (uint8_t *)request, (size_t)n, 0);
    assert_int_equal(mpm__session_output(p.session, piece, 3), 3);
    REQUEST(&old, ident, "__getattribute__", "U\1x\x85");
    expect_dicts(&old, 6000);
    REQUEST(&old, ident, "__delattr__", "U\1x\x85");
    expect(&old, "#RETURN", "None");
    expect_dicts(&p, 6000);
    mpm__buf_wipe(&args);
    mpm_test_disconnect(&p, false);
    mpm_test_disconnect(&old, false);
    free(ident);
}

static void
stored_values_are_counted_against_the_limit(void **state)
{
    struct mpm_peer_client p = { 0 };
    char *ident, args[3000] = "U\1xB\xe8\x03\0\0";

    (void)state;
    options.max_memory = 2500;
    with_options();
    ident = mpm_test_create(hub, 0, "Namespace", "", 0);
    mpm_test_serve(&p, hub, 0, "MainProcess");
    args[8 + 1000] = (char)0x86;
    for (int i = 0; i < 3; i++) { /* replacing gives the old one back */
        mpm_test_request(&p, ident, "__setattr__", args, 1009, NULL, 0);
        if (!mpm_test_reply(&p) || strcmp(mpm_test_kind(&p), "#RETURN") != 0)
            fail_msg("round %d: %s", i, mpm_test_payload(&p));
    }
    args[2] = 'y';
    mpm_test_request(&p, ident, "__setattr__", args, 1009, NULL, 0);
    expect(&p, "#RETURN", "None");
    args[2] = 'z';
    mpm_test_request(&p, ident, "__setattr__", args, 1009, NULL, 0);
    expect(&p, "#ERROR", "MemoryError('the stored values would take more than --max-memory 2500 bytes");
    REQUEST(&p, ident, "__delattr__", "U\1x\x85");
    expect(&p, "#RETURN", "None");
    mpm_test_request(&p, ident, "__setattr__", args, 1009, NULL, 0);
    expect(&p, "#RETURN", "None");
    mpm_test_disconnect(&p, false);
    free(ident);
}

/* Thousands of small instances, all made with one large tuple of arguments. */
static void
looking_for_proxies_has_an_end(void **state)
{
    char *ident = mpm_test_create(hub, 0, "Namespace", "", 0);
    struct mpm_peer_client p = { 0 };
    struct mpm_buf b;

    (void)state;
    mpm_test_serve(&p, hub, 0, "MainProcess");
    mpm__buf_init(&b, 0);
    mpm__buf_text(&b, "U\1x](cmultiprocessing.managers\nRebuildProxy\nq\1(");
    for (int i = 0; i < 40000; i++)
        mpm__buf_text(&b, "NNNNNNNN");
    mpm__buf_text(&b, "tq\2");
    for (int i = 0; i < 40000; i++)
        mpm__buf_text(&b, "h\1h\2R");
    mpm__buf_text(&b, "e\x86");
    mpm_test_request(&p, ident, "__setattr__", (char *)b.data, b.len, NULL, 0);
    expect(&p, "#RETURN", "None");
    mpm__buf_wipe(&b);
    mpm_test_disconnect(&p, false);
    free(ident);
}

/* Text that is cut or came from Python 2: a reply that is no UTF-8 could not be unpickled. */
static void
replies_are_text_whatever_was_sent(void **state)
{
    static const char *const texts[] = { "xxxxxxxx", "\xff\xfe", "\xc3", "\xf4\x90\x80\x80", "\xc3\xa9\xc3\xa9" };
    char *space = mpm_test_create(hub, 0, "Namespace", "", 0), *barrier = mpm_test_create(hub, 0, "Barrier", "K\2", 2);
    struct mpm_peer_client p = { 0 };
    char name[160], text[192], args[200], kwds[200];
    int len;

    (void)state;
    mpm_test_serve(&p, hub, 0, "MainProcess");
    for (size_t i = 0; i < 3 * sizeof texts / sizeof *texts; i++) {
        snprintf(name, sizeof name, "%.*s", (int)(i % 3), "xx"); /* so that it is cut at different places */
        for (int k = 0; k < 16; k++)
            strcat(name, texts[i / 3]);
        len = snprintf(text, sizeof text, "U%c%s", (char)strlen(name), name);
        mpm_test_request(&p, space, "__setattr__", args, (size_t)snprintf(args, sizeof args, "%sK\1\x86", text), NULL, 0);
        assert_true(mpm_test_reply(&p)); /* which checks it */
        mpm_test_request(&p, space, "__getattribute__", args, (size_t)snprintf(args, sizeof args, "%s\x85", text), NULL, 0);
        assert_true(mpm_test_reply(&p));
        mpm_test_request(&p, barrier, "__getattribute__", args, (size_t)len + 1, NULL, 0);
        expect(&p, "#ERROR", "AttributeError");
        mpm_test_request(&p, barrier, "abort", ")", 1, kwds, (size_t)snprintf(kwds, sizeof kwds, "}%sNs", text));
        expect(&p, "#ERROR", "TypeError");
    }
    REQUEST(&p, space, "__repr__", ")");
    expect(&p, "#RETURN", "Namespace(");
    REQUEST(&p, space, "__getattribute__", "U\x08__dict__\x85");
    expect(&p, "#RETURN", "xxxxxxxx");
    mpm_test_disconnect(&p, false);
    free(space);
    free(barrier);
}

/* One list under many names: each attribute has a copy of its own here. */
static void
attributes_that_share_a_value_stay_in_proportion_to_their_message(void **state)
{
    char *ident = mpm_test_create(hub, 0, "Namespace", "", 0);
    struct mpm_peer_client p = { 0 };
    struct mpm_buf b;

    (void)state;
    mpm_test_serve(&p, hub, 0, "MainProcess");
    for (int n = 10; n <= 2000; n += 1990) {
        mpm__buf_init(&b, 0);
        mpm__buf_text(&b, "U\x08__dict__}(U\1x]q\1(");
        for (int i = 0; i < 2000; i++)
            mpm__buf_text(&b, "U\5items");
        mpm__buf_text(&b, "e");
        for (int i = 0; i < n; i++)
            mpm__buf_printf(&b, "U\4%04dh\1", i);
        mpm__buf_text(&b, "u\x86");
        mpm_test_request(&p, ident, "__setattr__", (char *)b.data, b.len, NULL, 0);
        if (n == 10)
            expect(&p, "#RETURN", "None");
        else
            expect(&p, "#ERROR", "MemoryError('values that share a part");
        mpm__buf_wipe(&b);
    }
    REQUEST(&p, ident, "__getattribute__", "U\4" "0009\x85");
    expect(&p, "#RETURN", "['items', "); /* those before are still there */
    mpm_test_disconnect(&p, false);
    free(ident);
}

/* The n-th allocation of the server fails, or with `from_there_on` that and all later ones. */
static size_t n_allocations, fail_at;
static bool from_there_on;

static int
fail_one(size_t size)
{
    (void)size;
    n_allocations++;
    return n_allocations == fail_at || (from_there_on && n_allocations > fail_at);
}

/* A request during which memory runs out is answered as usual or with a MemoryError, or its connection ends. Returns
 * whether the connection is still there. */
static bool
may_fail(struct mpm_peer_client *p, const char *ident, const char *name, const char *args, size_t len)
{
    if (p->is_closed)
        return false;
    mpm_test_request(p, ident, name, args, len, NULL, 0);
    while (mpm_test_reply(p))
        if (strcmp(mpm_test_kind(p), "#RETURN") != 0 && strstr(mpm_test_payload(p), "MemoryError") == NULL &&
            strstr(mpm_test_payload(p), "KeyError: 'nosuch'") == NULL &&
            strstr(mpm_test_payload(p), "un-acquired lock") == NULL && /* the acquire before it had no memory */
            strstr(mpm_test_payload(p), "has no attribute '") == NULL) /* nor had its __setattr__ */
            fail_msg("allocation %zu, %s: %s %s", fail_at, name, mpm_test_kind(p), mpm_test_payload(p));
    return !p->is_closed;
}

#define MAY_FAIL(p, ident, name, args) may_fail(p, ident, name, args, sizeof(args) - 1)

static void
conversation(const char *ns, const char *lock, const char *condition, const struct mpm_buf *dicts)
{
    struct mpm_peer_client p = { 0 }, q = { 0 }, r = { .protocol = 4 };

    if (mpm_test_connect(&p, hub, 1)) {
        MAY_FAIL(&p, NULL, "create", "U\x09Semaphore\x85");
        assert_true(p.is_closed);
    }
    mpm_test_disconnect(&p, false);
    mpm_test_serve(&p, hub, 1, "p");
    mpm_test_serve(&q, hub, 2, "q");
    MAY_FAIL(&p, ns, "__setattr__", "U\4name(cmod\nC\n)\x81q\0}U\4selfh\0sb](K\1K\2K\3eh\0t\x86");
    MAY_FAIL(&p, ns, "__getattribute__", "U\4name\x85");
    MAY_FAIL(&q, ns, "__str__", ")");
    MAY_FAIL(&q, ns, "#GETVALUE", ")");
    MAY_FAIL(&q, ns, "nosuch", ")");
    mpm_test_serve(&r, hub, 3, "r");
    may_fail(&r, ns, "__setattr__", (const char *)dicts->data, dicts->len);
    MAY_FAIL(&r, ns, "__getattribute__", "\x8c\1x\x85"); /* left out of the reply and sent from where it is stored */
    MAY_FAIL(&q, ns, "__getattribute__", "U\1x\x85");
    MAY_FAIL(&r, ns, "__delattr__", "\x8c\1x\x85");
    mpm_test_disconnect(&r, false);
    MAY_FAIL(&p, lock, "acquire", "\x88K\5\x86");
    MAY_FAIL(&q, lock, "acquire", "\x88K\5\x86");
    MAY_FAIL(&p, condition, "acquire", ")");
    MAY_FAIL(&p, condition, "wait", "K\5\x85");
    mpm_test_disconnect(&p, true);
    mpm_test_disconnect(&q, false);
    mpm__hub_process_gone(hub, 1, 0);
    mpm__hub_process_gone(hub, 2, 0);
}

static void
when_memory_runs_out_only_that_request_suffers(void **state)
{
    char *ns, *lock, *condition;
    struct mpm_buf dicts;
    size_t n_max = 1;

    (void)state;
    mpm__buf_init(&dicts, 0);
    put_dicts(&dicts, 3, 4000);
    options.on_owner_death = MPM_DEATH_RELEASE;
    with_options();
    ns = mpm_test_create(hub, 0, "Namespace", "", 0);
    lock = mpm_test_create(hub, 0, "Lock", "", 0);
    condition = mpm_test_create(hub, 0, "Condition", "", 0);
    for (int round = 0; round < 2; round++) {
        from_there_on = round == 1;
        for (fail_at = 1; fail_at <= n_max; fail_at++) {
            n_allocations = 0;
            mpm_test_server_alloc_hook = fail_one;
            conversation(ns, lock, condition, &dicts);
            mpm_test_server_alloc_hook = NULL;
            if (n_allocations > n_max)
                n_max = n_allocations;
            ONE_SHOT("number_of_objects", ")", "#RETURN", "3");
        }
        /* all is as it was */
        conversation(ns, lock, condition, &dicts);
    }
    assert_true(n_max > 20);
    mpm__buf_wipe(&dicts);
    free(ns);
    free(lock);
    free(condition);
}

static int
whole_conversation(void)
{
    /* every reply is an answer or a MemoryError or the end of the connection; nothing leaks, nothing crashes */
    struct mpm_hub_options o;
    struct mpm_hub *h;
    struct mpm_peer peer = { 9, "test" };
    struct mpm_session *s;
    uint8_t nonce[MPM_AUTH_NONCE] = { 0 };

    mpm_test_hub_options(&o);
    h = mpm__hub_new(&o);
    if (h == NULL)
        return MPM_ENOMEM;
    s = mpm__session_new(h, &peer, nonce, 0, NULL);
    if (s != NULL)
        mpm__session_end(s, false, 0);
    mpm__hub_free(h);
    return s == NULL ? MPM_ENOMEM : 0;
}

static void
out_of_memory_while_connecting_leaves_nothing_behind(void **state)
{
    (void)state;
    assert_true(mpm_test_fail_until_ok(whole_conversation) >= 4);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_wrong_key_is_refused_and_closed),
        TEST(a_stranger_may_send_256_bytes_and_no_more),
        TEST(who_does_not_authenticate_in_time_is_closed),
        TEST(replies_have_the_protocol_of_the_request),
        TEST(one_shot_requests_fail_as_in_cpython),
        TEST(references_keep_an_object_and_the_last_one_frees_it),
        TEST(bad_requests_leave_the_connection_usable),
        TEST(a_message_over_the_limit_is_answered_and_forgotten),
        TEST(a_parked_call_is_answered_when_it_is_granted),
        TEST(a_deadline_ends_the_wait),
        TEST(a_waiter_that_is_gone_is_granted_nothing),
        TEST(a_grant_that_was_not_read_goes_to_the_next),
        TEST(a_new_request_gives_the_parked_one_up),
        TEST(what_was_granted_to_a_call_given_up_goes_back),
        TEST(a_new_request_waits_behind_the_parked_one_when_told_so),
        TEST(any_number_of_requests_wait_in_order),
        TEST(a_thread_that_reopens_its_connection_still_owns_its_rlock),
        TEST(what_the_dead_hold_is_treated_by_policy),
        TEST(over_tcp_the_connection_is_all_there_is),
        TEST(references_of_a_dead_process_are_dropped),
        TEST(a_pid_that_is_used_again_is_another_process),
        TEST(a_registered_name_is_one_object_for_everybody),
        TEST(a_bad_registration_says_what_is_wrong),
        TEST(a_value_that_the_reader_cannot_have_fails_that_one_read),
        TEST(a_large_value_is_sent_from_where_it_is_stored),
        TEST(a_long_value_reads_the_same_for_every_reader),
        TEST(who_wrote_it_gets_a_long_value_back_byte_by_byte),
        TEST(a_long_value_on_its_way_is_not_changed_by_other_readers),
        TEST(stored_values_are_counted_against_the_limit),
        TEST(looking_for_proxies_has_an_end),
        TEST(replies_are_text_whatever_was_sent),
        TEST(attributes_that_share_a_value_stay_in_proportion_to_their_message),
        TEST(when_memory_runs_out_only_that_request_suffers),
        TEST(out_of_memory_while_connecting_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

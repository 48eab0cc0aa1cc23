/* Calls that are started without waiting, with a daemon: in order, many at once, one behind another that waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <mpmd/client.h>
#include <mpmd/connection.h>
#include <mpmd/objects.h>

#include "client/client.h"
#include "client/methods.h"
#include "support/daemon.h"
#include "support/support.h"

#define HANG (INT64_C(600) * 1000000000) /* decides nothing */

static const struct mpm_client_options options = { .size = sizeof options, .authkey = "key", .authkey_len = 3 };

static struct mpm_client *
open_client(void)
{
    struct mpm_client *c;

    assert_int_equal(mpm_client_open(served.address, &options, &c, NULL), 0);
    return c;
}

static struct mpm_proxy *
create(struct mpm_client *c, const char *type)
{
    struct mpm_proxy *p;

    assert_int_equal(mpm_create(c, type, NULL, NULL, &p, NULL), 0);
    return p;
}

/* Starts method(literal). */
static int
start(struct mpm_proxy *p, struct mpm_client *c, const char *method, const char *literal, uintptr_t user)
{
    struct mpm_builder *b = NULL;
    int r = mpm_client_builder(c, &b);

    if (r == 0)
        r = mpm_put_literal(b, literal, NULL);
    if (r == 0)
        r = mpm_start(p, method, b, NULL, (void *)user, NULL);
    mpm_builder_close(b);
    return r;
}

/* Takes one; its repr is to be `wanted`, its user number `user`. */
static int
take(struct mpm_client *c, uintptr_t user, const char *wanted)
{
    struct mpm_document *d;
    void *who = NULL;
    char *repr;
    size_t len;
    int r = mpm_take(c, HANG, &who, &d, NULL);

    assert_int_equal((uintptr_t)who, user);
    if (r != 0)
        return r;
    r = mpm_repr(mpm_document_root(d), &repr, &len);
    if (r == 0) {
        assert_string_equal(repr, wanted);
        mpm_free(repr);
    }
    mpm_document_close(d);
    return r;
}

static void
calls_are_answered_in_order(void **state)
{
    struct mpm_client *c = open_client();
    struct mpm_proxy *d = create(c, "dict"), *n = create(c, "Namespace");
    struct mpm_error err;

    (void)state;
    assert_int_equal(mpm_take(c, HANG, NULL, NULL, &err), MPM_EEMPTY);
    assert_int_equal(mpm_client_fd(c), -1);
    assert_int_equal(mpm_client_wants(c), 0);
    assert_int_equal(mpm_client_advance(c, &err), 0);
    assert_int_equal(start(d, c, "__setitem__", "('a', 1)", 1), 0);
    assert_int_equal(start(d, c, "__getitem__", "('none',)", 2), 0);
    assert_int_equal(start(n, c, "__setattr__", "('x', 'y')", 3), 0);
    assert_int_equal(start(d, c, "get", "('a',)", 4), 0);
    assert_int_equal(start(d, c, "__iter__", "()", 5), 0);
    assert_int_equal(start(d, c, "copy", "()", 6), 0);
    assert_int_equal(mpm_client_started(c), 6);
    assert_int_equal(mpm_call(d, "__len__", NULL, NULL, HANG, NULL, &err), MPM_EINVAL);
    assert_non_null(strstr(err.text, "mpm_take()"));
    assert_int_equal(take(c, 1, "None"), 0);
    assert_int_equal(take(c, 2, ""), MPM_EREMOTE);
    assert_string_equal(mpm_client_exception(c)->type, "builtins.KeyError");
    assert_false(mpm_client_unsure(c));
    assert_int_equal(take(c, 3, "None"), 0);
    assert_null(mpm_client_exception(c));
    assert_int_equal(take(c, 4, "1"), 0);
    assert_int_equal(take(c, 5, ""), MPM_ETYPE);
    assert_int_equal(take(c, 6, "{'a': 1}"), 0);
    assert_int_equal(mpm_client_started(c), 0);
    assert_int_equal(mpm_call(d, "__len__", NULL, NULL, HANG, NULL, &err), 0);
    mpm_proxy_close(d);
    mpm_proxy_close(n);
    mpm_client_close(c);
}

static void
what_is_started_behind_one_that_waits_does_not_end_it(void **state)
{
    struct mpm_client *c = open_client(), *other = open_client();
    struct mpm_proxy *q = create(c, "Queue"), *l = create(c, "list"), *there;
    struct mpm_error err;
    void *who = NULL;

    (void)state;
    assert_int_equal(mpm_proxy_copy(q, other, &there, &err), 0);
    assert_int_equal(start(q, c, "qsize", "()", 1), 0);
    assert_int_equal(start(q, c, "get", "()", 2), 0);
    assert_int_equal(start(l, c, "append", "(3,)", 3), 0);
    assert_int_equal(start(q, c, "get", "()", 4), 0);
    assert_int_equal(start(l, c, "__len__", "()", 5), 0);
    assert_int_equal(take(c, 1, "0"), 0);
    assert_int_equal(mpm_take(c, 0, &who, NULL, &err), MPM_ETIMEOUT);
    assert_int_equal(mpm_take(c, 1000000, &who, NULL, &err), MPM_ETIMEOUT);
    assert_null(who);
    assert_int_equal(mpm_client_started(c), 4);
    assert_int_equal(start(there, other, "put", "('one',)", 0), 0);
    assert_int_equal(take(other, 0, "None"), 0);
    assert_int_equal(take(c, 2, "'one'"), 0);
    assert_int_equal(take(c, 3, "None"), 0);
    assert_int_equal(start(there, other, "put", "('two',)", 0), 0);
    assert_int_equal(take(c, 4, "'two'"), 0);
    assert_int_equal(take(c, 5, "1"), 0);
    assert_int_equal(take(other, 0, "None"), 0);
    mpm_proxy_close(there);
    mpm_proxy_close(q);
    mpm_proxy_close(l);
    mpm_client_close(c);
    mpm_client_close(other);
}

/* Far more than both socket buffers hold, in both directions. */
static void
neither_side_waits_for_the_other_when_everything_is_full(void **state)
{
    enum { N = 2000, SIZE = 4096 };
    struct mpm_client *c = open_client();
    struct mpm_proxy *d = create(c, "dict");
    struct mpm_builder *b;
    struct mpm_document *result;
    static char bytes[SIZE];
    const void *got;
    size_t len;

    (void)state;
    assert_int_equal(mpm_client_builder(c, &b), 0);
    for (size_t i = 0; i < N; i++) {
        mpm_builder_clear(b);
        mpm_put_begin(b, MPM_K_TUPLE);
        mpm_put_int(b, (int64_t)i % 7);
        mpm_put_bytes(b, bytes, sizeof bytes);
        mpm_put_end(b);
        assert_int_equal(mpm_start(d, "setdefault", b, NULL, (void *)i, NULL), 0);
    }
    assert_int_equal(mpm_client_started(c), N);
    for (size_t i = 0; i < N; i++) {
        void *who;

        assert_int_equal(mpm_take(c, HANG, &who, &result, NULL), 0);
        assert_int_equal((size_t)who, i);
        assert_int_equal(mpm_read_bytes(mpm_document_root(result), &got, &len), 0);
        assert_int_equal(len, SIZE);
        mpm_document_close(result);
    }
    mpm_builder_close(b);
    mpm_proxy_close(d);
    mpm_client_close(c);
}

static void
a_loop_of_somebody_else_drives_it(void **state)
{
    enum { N = 500 };
    struct mpm_client *c = open_client();
    struct mpm_proxy *l = create(c, "list");
    struct mpm_document *d;
    size_t n = 0;
    int r = 0;

    (void)state;
    for (uintptr_t i = 0; i < N; i++)
        assert_int_equal(start(l, c, i == 250 ? "__len__" : "append", i == 250 ? "()" : "('item',)", i), 0);
    while (mpm_client_started(c) != 0) {
        unsigned wants = mpm_client_wants(c);
        struct pollfd p = { .fd = mpm_client_fd(c) };

        p.events = (short)((wants & MPM_WANT_READ ? POLLIN : 0) | (wants & MPM_WANT_WRITE ? POLLOUT : 0));
        assert_int_not_equal(p.events, 0);
        assert_int_equal(poll(&p, 1, -1), 1);
        r = mpm_client_advance(c, NULL);
        assert_true(r == 0 || r == MPM_EAGAIN);
        void *who;
        while ((r = mpm_take(c, 0, &who, &d, NULL)) == 0) {
            assert_int_equal((size_t)who, n++);
            mpm_document_close(d);
        }
        assert_true(r == MPM_ETIMEOUT || r == MPM_EEMPTY);
    }
    assert_int_equal(n, N);
    assert_int_equal(mpm_client_advance(c, NULL), 0);
    mpm_proxy_close(l);
    mpm_client_close(c);
}

static void
large_arguments_and_results_go_and_come_whole(void **state)
{
    size_t size = 3 << 20, len;
    uint8_t *bytes = malloc(size);
    struct mpm_client *c = open_client();
    struct mpm_proxy *n = create(c, "Namespace");
    struct mpm_builder *args, *kwds;
    struct mpm_document *d;
    const void *got;

    (void)state;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 1000);
    assert_int_equal(mpm_client_builder(c, &args), 0);
    assert_int_equal(mpm_client_builder(c, &kwds), 0);
    mpm_put_literal(args, "('x',)", NULL);
    mpm_builder_clear(args);
    mpm_put_begin(args, MPM_K_TUPLE);
    mpm_put_string(args, "x");
    mpm_put_bytes(args, bytes, size);
    mpm_put_end(args);
    mpm_put_begin(kwds, MPM_K_DICT);
    mpm_put_end(kwds);
    assert_int_equal(mpm_call(n, "__setattr__", args, kwds, HANG, NULL, NULL), 0);
    assert_int_equal(mpm_start(n, "__setattr__", args, kwds, NULL, NULL), 0);
    mpm_builder_clear(args); /* it was copied */
    mpm_put_literal(args, "('x',)", NULL);
    assert_int_equal(mpm_start(n, "__getattribute__", args, kwds, NULL, NULL), 0);
    assert_int_equal(mpm_take(c, HANG, NULL, NULL, NULL), 0);
    mpm_test_alloc_begin();
    assert_int_equal(mpm_take(c, HANG, NULL, &d, NULL), 0);
    assert_true(mpm_test_alloc_largest() < size + size / 2);
    mpm_test_alloc_end();
    mpm_proxy_close(n);
    mpm_client_close(c); /* the result is nobody's but ours */
    assert_int_equal(mpm_read_bytes(mpm_document_root(d), &got, &len), 0);
    assert_int_equal(len, size);
    assert_memory_equal(got, bytes, size);
    mpm_document_close(d);
    mpm_builder_close(args);
    mpm_builder_close(kwds);
    free(bytes);
}

/* Waits until so many bytes have arrived. Returns how many there are. */
static int
arrived(struct mpm_client *c, int wanted)
{
    struct pollfd p = { .fd = mpm_client_fd(c), .events = POLLIN };
    int n = 0;

    while (n < wanted) {
        assert_int_equal(poll(&p, 1, -1), 1);
        assert_int_equal(ioctl(p.fd, FIONREAD, &n), 0);
    }
    return n;
}

static void
requests_are_gathered_while_replies_are_there(void **state)
{
    struct mpm_client *c = open_client();
    struct mpm_proxy *p = create(c, "dict");
    int one;

    (void)state;
    assert_int_equal(mpm_call(p, "__len__", NULL, NULL, HANG, NULL, NULL), 0);
    assert_int_equal(start(p, c, "__setitem__", "('a', 1)", 0), 0);
    one = arrived(c, 1);
    assert_int_equal(take(c, 0, "None"), 0);
    for (uintptr_t i = 1; i <= 8; i++)
        assert_int_equal(start(p, c, "__setitem__", "('a', 1)", i), 0);
    assert_int_equal(mpm_client_advance(c, NULL), 0);
    assert_int_equal(arrived(c, 8 * one), 8 * one);
    assert_int_equal(take(c, 1, "None"), 0);
    assert_int_equal(start(p, c, "__setitem__", "('a', 1)", 9), 0);
    for (uintptr_t i = 2; i <= 7; i++) {
        assert_int_equal(take(c, i, "None"), 0);
        assert_true(mpm__connection_kept(c->data) != 0);
    }
    assert_int_equal(take(c, 8, "None"), 0); /* nothing else has arrived: it goes */
    assert_true(mpm__connection_kept(c->data) == 0);
    assert_int_equal(take(c, 9, "None"), 0);
    mpm_proxy_close(p);
    mpm_client_close(c);
}

/* In the steady state a small call takes no memory at all, with a result one block. */
static void
a_small_call_takes_no_memory(void **state)
{
    struct mpm_client *c = open_client();
    struct mpm_proxy *p = create(c, "dict");
    struct mpm_builder *b;
    struct mpm_document *d;

    (void)state;
    assert_int_equal(mpm_client_builder(c, &b), 0);
    for (int i = 0; i < 3; i++) {
        mpm_test_alloc_begin();
        mpm_builder_clear(b);
        mpm_put_begin(b, MPM_K_TUPLE);
        mpm_put_string(b, "key");
        mpm_put_int(b, 1);
        mpm_put_end(b);
        assert_int_equal(mpm_call(p, "__setitem__", b, NULL, HANG, NULL, NULL), 0);
        assert_int_equal(mpm_start(p, "__setitem__", b, NULL, NULL, NULL), 0);
        assert_int_equal(mpm_start(p, "__setitem__", b, NULL, NULL, NULL), 0);
        assert_int_equal(mpm_take(c, HANG, NULL, NULL, NULL), 0);
        assert_int_equal(mpm_take(c, HANG, NULL, NULL, NULL), 0);
        assert_int_equal(mpm_dict_set_int(p, "key", 2, NULL), 0);
        assert_true(i == 0 || mpm_test_alloc_count() == 0);
        assert_int_equal(mpm_call(p, "copy", NULL, NULL, HANG, &d, NULL), 0);
        assert_true(i == 0 || mpm_test_alloc_count() == 1);
        mpm_document_close(d);
        mpm_test_alloc_end();
    }
    mpm_builder_close(b);
    mpm_proxy_close(p);
    mpm_client_close(c);
}

static int
start_and_take(void)
{
    static const char *const twice[] = { "one", "two", NULL };
    static const struct mpm_client_options all = { .size = sizeof all, .authkey = "key", .authkey_len = 3,
        .reconnect = 1, .idempotent = twice };
    struct mpm_client *c;
    struct mpm_proxy *p = NULL;
    int r = mpm_client_open(served.address, &all, &c, NULL), first;

    if (r != 0)
        return r;
    r = mpm_create(c, "Queue", NULL, NULL, &p, NULL);
    for (uintptr_t i = 1; r == 0 && i <= 20; i++)
        r = start(p, c, "put", "('a text that is longer than a small value',)", i);
    /* what is in line is answered, whatever happens to one of them */
    first = r;
    for (uintptr_t i = 1; mpm_client_started(c) != 0; i++) {
        r = take(c, i, "None");
        if (first == 0 && r != 0)
            first = r;
    }
    mpm_proxy_close(p);
    mpm_client_close(c);
    return first;
}

static void
without_memory_each_call_is_told_of(void **state)
{
    (void)state;
    mpm_test_fail_until_ok(start_and_take);
}

static void
methods_that_wait_and_that_read_are_known(void **state)
{
    (void)state;
    assert_int_equal(mpm__method_flags("dict", 4, "get"), MPM_METHOD_READS);
    assert_int_equal(mpm__method_flags("Queue", 5, "get"), MPM_METHOD_WAITS);
    assert_int_equal(mpm__method_flags("jobs", 4, "get"), MPM_METHOD_WAITS);
    assert_int_equal(mpm__method_flags("Event", 5, "wait"), MPM_METHOD_WAITS | MPM_METHOD_READS);
    assert_int_equal(mpm__method_flags("Barrier", 7, "wait"), MPM_METHOD_WAITS);
    assert_int_equal(mpm__method_flags("list", 4, "__getitem__"), MPM_METHOD_READS);
    assert_int_equal(mpm__method_flags("lis", 3, "__getitem__"), 0); /* the user's own: who knows */
    assert_int_equal(mpm__method_flags("list", 4, "append"), 0);
    assert_int_equal(mpm__method_flags("Lock", 4, "__enter__"), MPM_METHOD_WAITS);
    assert_int_equal(mpm__method_flags("x", 1, "values"), 0);
    assert_int_equal(mpm__method_flags("dict", 4, "values"), MPM_METHOD_READS);
    assert_int_equal(mpm__method_flags("Latch", 5, "wait_for"), MPM_METHOD_WAITS);
    assert_true(mpm__method_waits("Queue", 5, "get"));
    assert_true(mpm__method_waits("jobs", 4, "get"));
    assert_true(mpm__method_waits("Event", 5, "wait"));
    assert_false(mpm__method_waits("dict", 4, "get"));
    assert_false(mpm__method_waits("jobs", 4, "append"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_answered_in_order),
        cmocka_unit_test(what_is_started_behind_one_that_waits_does_not_end_it),
        cmocka_unit_test(neither_side_waits_for_the_other_when_everything_is_full),
        cmocka_unit_test(a_loop_of_somebody_else_drives_it),
        cmocka_unit_test(large_arguments_and_results_go_and_come_whole),
        cmocka_unit_test(requests_are_gathered_while_replies_are_there),
        cmocka_unit_test(a_small_call_takes_no_memory),
        cmocka_unit_test(without_memory_each_call_is_told_of),
        cmocka_unit_test(methods_that_wait_and_that_read_are_known),
    };

    return cmocka_run_group_tests(tests, mpm_test_daemon_come, mpm_test_daemon_go);
}

/* The client with a daemon of its own: what it says when there is no memory, no server, no such thing. What it does
 * with every type of every server is pytests/test_client.py's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpmd/client.h>
#include <mpmd/connection.h>

#include "base/alloc.h"
#include "support/daemon.h"
#include "support/support.h"

#define HANG (INT64_C(600) * 1000000000) /* decides nothing */

#define address (served.address)
static const struct mpm_client_options options = { .size = sizeof options, .authkey = "key", .authkey_len = 3 };

/* `method(literal)` and the result's repr. Returns 0 or what failed. */
static int
ask(struct mpm_client *c, struct mpm_proxy *p, const char *method, const char *literal, const char *wanted)
{
    struct mpm_builder *b = NULL;
    struct mpm_document *d;
    char *repr;
    size_t len;
    int r = mpm_client_builder(c, &b);

    if (r == 0 && (r = mpm_put_literal(b, literal, NULL)) == 0)
        r = mpm_call(p, method, b, NULL, HANG, &d, NULL);
    if (r == 0) {
        r = mpm_repr(mpm_document_root(d), &repr, &len);
        if (r == 0) {
            assert_string_equal(repr, wanted);
            mpm_free(repr);
        }
        mpm_document_close(d);
    }
    mpm_builder_close(b);
    return r;
}

static void
a_server_that_is_not_there_or_has_another_key_is_told(void **state)
{
    struct mpm_client_options wrong = options, bad = { 0 };
    struct mpm_client *c = NULL;
    struct mpm_error err;

    (void)state;
    assert_int_equal(mpm_client_open("/nowhere/at/all", &options, &c, &err), MPM_ECONN);
    assert_non_null(strstr(err.text, "/nowhere/at/all"));
    wrong.authkey_len = 2;
    assert_int_equal(mpm_client_open(address, &wrong, &c, &err), MPM_EAUTH);
    assert_int_equal(mpm_client_open(address, &bad, &c, &err), MPM_EINVAL);
    assert_null(c);
}

static void
an_exception_has_type_text_and_arguments(void **state)
{
    const struct mpm_exception *e;
    struct mpm_client *c;
    struct mpm_proxy *p = NULL, *none = NULL;
    struct mpm_error err;
    struct mpm_ref *args;
    size_t n;

    (void)state;
    assert_int_equal(mpm_client_open(address, &options, &c, &err), 0);
    assert_null(mpm_client_exception(c));
    assert_int_equal(mpm_create(c, "Namespace", NULL, NULL, &p, &err), 0);
    assert_int_equal(ask(c, p, "__getattribute__", "('x',)", ""), MPM_EREMOTE);
    e = mpm_client_exception(c);
    assert_string_equal(e->type, "builtins.AttributeError");
    assert_string_equal(e->text, "'Namespace' object has no attribute 'x'");
    assert_int_equal(mpm_read_parts(e->args, &args, &n), 0);
    assert_int_equal(n, 1);
    assert_true(mpm_text_is(args[0], "'Namespace' object has no attribute 'x'"));
    mpm_free(args);
    assert_int_equal(ask(c, p, "__setattr__", "('x', 1)", "None"), 0);
    assert_null(mpm_client_exception(c));
    assert_int_equal(mpm_create(c, "nothing", NULL, NULL, &none, &err), MPM_EREMOTE);
    assert_string_equal(mpm_client_exception(c)->text, "KeyError: 'nothing'");
    assert_int_equal(mpm_proxy_from_token(c, "no token", &none, &err), MPM_EINVAL);
    assert_int_equal(mpm_proxy_from_token(c, "Lock:ffffff@x", &none, &err), MPM_EREMOTE);
    assert_null(none);
    mpm_proxy_close(p);
    mpm_client_close(c);
}

static void
closing_a_proxy_keeps_what_the_last_call_raised(void **state)
{
    struct mpm_proxy *p = NULL, *lock = NULL, *gone = NULL;
    const struct mpm_exception *e;
    struct mpm_client *c;
    struct mpm_builder *b;
    struct mpm_ref *args;
    size_t n;

    (void)state;
    assert_int_equal(mpm_client_open(address, &options, &c, NULL), 0);
    assert_int_equal(mpm_create(c, "Namespace", NULL, NULL, &p, NULL), 0);
    assert_int_equal(mpm_create(c, "Lock", NULL, NULL, &lock, NULL), 0);
    assert_int_equal(mpm_create(c, "Lock", NULL, NULL, &gone, NULL), 0);
    assert_int_equal(mpm_client_builder(c, &b), 0);
    mpm_put_begin(b, MPM_K_TUPLE);
    mpm_put_text(b, strchr(mpm_proxy_token(gone), ':') + 1, strcspn(strchr(mpm_proxy_token(gone), ':') + 1, "@"));
    mpm_put_end(b);
    assert_int_equal(mpm_request(c, "decref", b, NULL, NULL, NULL), 0);
    mpm_builder_close(b);
    assert_int_equal(ask(c, p, "__getattribute__", "('x',)", ""), MPM_EREMOTE);
    e = mpm_client_exception(c);
    mpm_proxy_close(lock);
    mpm_proxy_close(gone); /* which the server answers with another exception */
    mpm_proxy_close(p);
    assert_ptr_equal(mpm_client_exception(c), e);
    assert_string_equal(e->type, "builtins.AttributeError");
    assert_string_equal(e->text, "'Namespace' object has no attribute 'x'");
    assert_int_equal(mpm_read_parts(e->args, &args, &n), 0);
    assert_true(n == 1 && mpm_text_is(args[0], e->text));
    mpm_free(args);
    mpm_client_close(c);
}

static void
the_server_itself_is_asked_by_the_name_of_the_function(void **state)
{
    struct mpm_document *d;
    struct mpm_client *c;
    struct mpm_proxy *p = NULL;
    struct mpm_builder *b;
    struct mpm_error err;
    struct mpm_ref found;
    int64_t n;

    (void)state;
    assert_int_equal(mpm_client_open(address, &options, &c, &err), 0);
    assert_int_equal(mpm_client_protocol(c), 4); /* not 2, in which there are no bytes */
    assert_int_equal(mpm_create(c, "Namespace", NULL, NULL, &p, &err), 0);
    assert_int_equal(mpm_request(c, "number_of_objects", NULL, NULL, &d, &err), 0);
    assert_int_equal(mpm_read_int64(mpm_document_root(d), &n), 0);
    assert_int_equal(n, 1);
    mpm_document_close(d);
    assert_int_equal(mpm_client_builder(c, &b), 0);
    mpm_put_literal(b, "('server',)", NULL);
    assert_int_equal(mpm_request(c, "mpmd_inspect", b, NULL, &d, &err), 0);
    assert_int_equal(mpm_dict_find(mpm_document_root(d), "objects", &found), 0);
    assert_int_equal(mpm_read_int64(found, &n), 0);
    assert_int_equal(n, 1);
    mpm_document_close(d);
    assert_int_equal(mpm_request(c, "dummy", NULL, NULL, NULL, &err), 0);
    assert_int_equal(mpm_request(c, "frobnicate", NULL, NULL, &d, &err), MPM_EREMOTE);
    assert_string_equal(mpm_client_exception(c)->text, "AssertionError: 'frobnicate' unrecognized");
    mpm_builder_close(b);
    mpm_proxy_close(p);
    mpm_client_close(c);
}

static void
arguments_are_what_was_built_for_this_server(void **state)
{
    struct mpm_builder *b, *kwds;
    struct mpm_document *d;
    struct mpm_client *c;
    struct mpm_proxy *p = NULL;
    struct mpm_error err;

    (void)state;
    assert_int_equal(mpm_client_open(address, &options, &c, &err), 0);
    assert_int_equal(mpm_client_protocol(c), 4); /* mpmd is not taken for, nor takes us for, a Python 2.7 */
    assert_int_equal(mpm_builder_open(5, &b), 0);
    assert_int_equal(mpm_builder_open(2, &kwds), 0);
    mpm_put_literal(b, "()", NULL);
    mpm_put_literal(kwds, "{'x': [1, 2]}", NULL);
    assert_int_equal(mpm_create(c, "Namespace", b, NULL, &p, &err), MPM_EINVAL); /* a later protocol */
    assert_int_equal(mpm_create(c, "Namespace", kwds, NULL, &p, &err), MPM_EINVAL); /* no tuple */
    mpm_builder_close(b);
    assert_int_equal(mpm_builder_open(2, &b), 0);
    mpm_put_literal(b, "()", NULL);
    assert_int_equal(mpm_create(c, "Namespace", NULL, b, &p, &err), MPM_EINVAL); /* no dict */
    assert_int_equal(mpm_create(c, "Namespace", b, kwds, &p, &err), 0);
    assert_int_equal(ask(c, p, "__getattribute__", "('x',)", "[1, 2]"), 0);
    assert_int_equal(mpm_call(p, "__str__", NULL, NULL, HANG, &d, &err), 0);
    assert_true(mpm_text_is(mpm_document_root(d), "Namespace(x=[1, 2])"));
    mpm_document_close(d);
    mpm_builder_close(b);
    mpm_builder_close(kwds);
    mpm_proxy_close(p);
    mpm_client_close(c);
}

static void
a_call_that_takes_too_long_is_given_up(void **state)
{
    struct mpm_client *c;
    struct mpm_proxy *p;
    struct mpm_error err;

    (void)state;
    assert_int_equal(mpm_client_open(address, &options, &c, &err), 0);
    assert_int_equal(mpm_create(c, "Event", NULL, NULL, &p, &err), 0);
    assert_int_equal(mpm_call(p, "wait", NULL, NULL, 1000, NULL, &err), MPM_ETIMEOUT);
    assert_int_equal(mpm_call(p, "set", NULL, NULL, HANG, NULL, &err), 0); /* on a new connection */
    assert_int_equal(mpm_call(p, "wait", NULL, NULL, HANG, NULL, &err), 0);
    mpm_proxy_close(p);
    mpm_client_close(c);
}

/* What a child does with what its parent has. Returns 0, or the number of the line that failed. */
static int
use_what_the_parent_has(struct mpm_client *c, struct mpm_proxy *ns, struct mpm_proxy *event)
{
    struct mpm_document *d;
    int64_t n = 0;

    if (mpm_client_started(c) != 0 || mpm_client_fd(c) != -1 || mpm_client_wants(c) != 0)
        return __LINE__;
    if (mpm_take(c, HANG, NULL, NULL, NULL) != MPM_EEMPTY || mpm_client_fd(c) != -1)
        return __LINE__;
    if (mpm_call(event, "set", NULL, NULL, HANG, NULL, NULL) != 0)
        return __LINE__;
    if (mpm_request(c, "number_of_objects", NULL, NULL, &d, NULL) != 0)
        return __LINE__;
    if (mpm_read_int64(mpm_document_root(d), &n) != 0 || n != 2)
        return __LINE__;
    mpm_document_close(d);
    mpm_proxy_close(ns);
    mpm_proxy_close(event);
    mpm_client_close(c);
    return 0;
}

static void
a_forked_child_says_nothing_in_its_parents_name(void **state)
{
    struct mpm_proxy *ns = NULL, *event = NULL;
    struct mpm_document *d;
    struct mpm_client *c;
    struct mpm_error err;
    pid_t child;
    int status;

    (void)state;
    assert_int_equal(mpm_client_open(address, &options, &c, &err), 0);
    assert_int_equal(mpm_create(c, "Namespace", NULL, NULL, &ns, &err), 0);
    assert_int_equal(mpm_create(c, "Event", NULL, NULL, &event, &err), 0);
    assert_int_equal(ask(c, ns, "__setattr__", "('x', 1)", "None"), 0);
    assert_int_equal(mpm_start(event, "wait", NULL, NULL, c, &err), 0);
    child = fork();
    if (child == 0) {
        status = use_what_the_parent_has(c, ns, event);
        if (status != 0)
            fprintf(stderr, "the child failed in line %d\n", status);
        _exit(status != 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(mpm_take(c, HANG, NULL, &d, &err), 0);
    mpm_document_close(d);
    assert_int_equal(ask(c, ns, "__getattribute__", "('x',)", "1"), 0); /* the references are still there */
    assert_int_equal(mpm_call(event, "set", NULL, NULL, HANG, NULL, &err), 0);
    mpm_proxy_close(ns);
    mpm_proxy_close(event);
    mpm_client_close(c);
}

static void
a_typeid_with_a_nul_or_without_end_is_none(void **state)
{
    static const char token[] = "\x80\x02" "cmultiprocessing.managers\nToken\n)\x81"
                                "X\x03\0\0\0a\0bX\x01\0\0\0/X\x01\0\0\0" "1\x87" "b.";
    char text[5010] = "";
    struct mpm_document *d;
    struct mpm_proxy *p = NULL;
    struct mpm_client *c;
    struct mpm_error err;

    (void)state;
    assert_int_equal(mpm_client_open(address, &options, &c, &err), 0);
    assert_int_equal(mpm_document_open(token, sizeof token - 1, &d, &err), 0);
    assert_int_equal(mpm_proxy_from_ref(c, mpm_document_root(d), &p, &err), MPM_EPROTO);
    assert_non_null(strstr(err.text, "NUL"));
    mpm_document_close(d);
    memset(text, 'a', 5000);
    strcpy(text + 5000, ":1");
    assert_int_equal(mpm_proxy_from_token(c, text, &p, &err), MPM_EPROTO);
    assert_null(p);
    mpm_client_close(c);
}

static int
use_everything(void)
{
    struct mpm_client *c;
    struct mpm_proxy *p, *again;
    int r = mpm_client_open(address, &options, &c, NULL);

    if (r != 0)
        return r;
    r = mpm_create(c, "Namespace", NULL, NULL, &p, NULL);
    if (r == 0) {
        r = ask(c, p, "__setattr__", "('x', 'a text that is longer than a small value')", "None");
        if (r == 0)
            r = ask(c, p, "__getattribute__", "('x',)", "'a text that is longer than a small value'");
        if (r == 0 && (r = ask(c, p, "__getattribute__", "('y',)", "")) == MPM_EREMOTE)
            r = 0;
        if (r == 0 && (r = mpm_proxy_from_token(c, mpm_proxy_token(p), &again, NULL)) == 0)
            mpm_proxy_close(again);
        mpm_proxy_close(p);
    }
    mpm_client_close(c);
    return r;
}

static void
without_memory_it_says_so_and_keeps_none(void **state)
{
    (void)state;
    mpm_test_fail_until_ok(use_everything);
}

static int64_t
count_objects(struct mpm_client *c)
{
    struct mpm_document *d;
    int64_t n;

    assert_int_equal(mpm_request(c, "number_of_objects", NULL, NULL, &d, NULL), 0);
    assert_int_equal(mpm_read_int64(mpm_document_root(d), &n), 0);
    mpm_document_close(d);
    return n;
}

static size_t n_allocations, fails_at;

static int
fail_once(size_t size)
{
    (void)size;
    return n_allocations++ == fails_at;
}

/* Two ways to an object of one's own: create, and a method that returns a proxy. */
static int
get_object(struct mpm_client *c, struct mpm_proxy *dict, struct mpm_proxy **out)
{
    return dict == NULL ? mpm_create(c, "Namespace", NULL, NULL, out, NULL)
                        : mpm_call_proxy(dict, "__iter__", NULL, NULL, HANG, out, NULL);
}

static void
an_object_that_there_is_no_memory_for_is_given_back(void **state)
{
    struct mpm_client *witness, *c;
    struct mpm_proxy *dict, *p;
    int64_t before;
    int r, refused;

    (void)state;
    assert_int_equal(mpm_client_open(address, &options, &witness, NULL), 0);
    for (int way = 0; way < 2; way++) {
        refused = 0;
        for (fails_at = 0;; fails_at++) {
            assert_int_equal(mpm_client_open(address, &options, &c, NULL), 0);
            dict = NULL;
            if (way == 1)
                assert_int_equal(mpm_create(c, "dict", NULL, NULL, &dict, NULL), 0);
            before = count_objects(witness);
            n_allocations = 0;
            mpm__alloc_hook = fail_once;
            r = get_object(c, dict, &p);
            mpm__alloc_hook = NULL;
            refused += r != 0;
            if (r == 0)
                mpm_proxy_close(p);
            else
                assert_int_equal(r, MPM_ENOMEM);
            if (count_objects(witness) != before)
                fail_msg("way %d, allocation %zu refused: the object stayed", way, fails_at);
            mpm_proxy_close(dict);
            mpm_client_close(c);
            if (n_allocations <= fails_at)
                break;
        }
        assert_true(refused > 1);
    }
    mpm_client_close(witness);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_is_not_there_or_has_another_key_is_told),
        cmocka_unit_test(an_exception_has_type_text_and_arguments),
        cmocka_unit_test(closing_a_proxy_keeps_what_the_last_call_raised),
        cmocka_unit_test(the_server_itself_is_asked_by_the_name_of_the_function),
        cmocka_unit_test(arguments_are_what_was_built_for_this_server),
        cmocka_unit_test(a_call_that_takes_too_long_is_given_up),
        cmocka_unit_test(a_forked_child_says_nothing_in_its_parents_name),
        cmocka_unit_test(a_typeid_with_a_nul_or_without_end_is_none),
        cmocka_unit_test(without_memory_it_says_so_and_keeps_none),
        cmocka_unit_test(an_object_that_there_is_no_memory_for_is_given_back),
    };

    return cmocka_run_group_tests(tests, mpm_test_daemon_come, mpm_test_daemon_go);
}

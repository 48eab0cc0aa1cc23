/* Several threads, each with a client of its own, on the same objects: nothing is lost, and nothing is shared that a
 * thread sanitizer would complain of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <mpmd/client.h>

#include "support/daemon.h"

#define HANG (INT64_C(600) * 1000000000) /* decides nothing */
#define N_THREADS 4
#define N_ROUNDS 50

static const struct mpm_client_options options = { .size = sizeof options, .authkey = "key", .authkey_len = 3 };
static const char *tokens[2]; /* a Lock and a Value */

/* No cmocka in threads. */
#define CHECK(condition)  \
    do {                  \
        if (!(condition)) \
            abort();      \
    } while (0)

static int64_t
number(struct mpm_document *d)
{
    int64_t n = -1;

    CHECK(mpm_read_int64(mpm_document_root(d), &n) == 0);
    mpm_document_close(d);
    return n;
}

/* Counts under the lock, by reading and writing: without the lock numbers would get lost. */
static void *
work(void *arg)
{
    struct mpm_document **last = arg, *d;
    struct mpm_client *c;
    struct mpm_proxy *lock, *value;
    struct mpm_builder *b;
    int64_t n;

    CHECK(mpm_client_open(served.address, &options, &c, NULL) == 0 && mpm_client_builder(c, &b) == 0);
    CHECK(mpm_proxy_from_token(c, tokens[0], &lock, NULL) == 0 && mpm_proxy_from_token(c, tokens[1], &value, NULL) == 0);
    for (int i = 0; i < N_ROUNDS; i++) {
        CHECK(mpm_call(lock, "acquire", NULL, NULL, HANG, NULL, NULL) == 0);
        CHECK(mpm_call(value, "get", NULL, NULL, HANG, &d, NULL) == 0);
        n = number(d);
        mpm_builder_clear(b);
        mpm_put_begin(b, MPM_K_TUPLE);
        mpm_put_int(b, n + 1);
        mpm_put_end(b);
        CHECK(mpm_start(value, "set", b, NULL, NULL, NULL) == 0 && mpm_start(lock, "release", NULL, NULL, NULL, NULL) == 0);
        CHECK(mpm_take(c, HANG, NULL, NULL, NULL) == 0 && mpm_take(c, HANG, NULL, NULL, NULL) == 0);
    }
    CHECK(mpm_call(value, "get", NULL, NULL, HANG, last, NULL) == 0); /* read by another thread */
    mpm_builder_close(b);
    mpm_proxy_close(lock);
    mpm_proxy_close(value);
    mpm_client_close(c);
    return NULL;
}

static void
each_thread_has_a_client_and_nothing_is_lost(void **state)
{
    struct mpm_client *c;
    struct mpm_proxy *lock, *value;
    struct mpm_builder *b;
    struct mpm_document *d, *last[N_THREADS];
    pthread_t threads[N_THREADS];

    (void)state;
    assert_int_equal(mpm_client_open(served.address, &options, &c, NULL), 0);
    assert_int_equal(mpm_client_builder(c, &b), 0);
    assert_int_equal(mpm_put_literal(b, "('i', 0)", NULL), 0);
    assert_int_equal(mpm_create(c, "Lock", NULL, NULL, &lock, NULL), 0);
    assert_int_equal(mpm_create(c, "Value", b, NULL, &value, NULL), 0);
    tokens[0] = mpm_proxy_token(lock);
    tokens[1] = mpm_proxy_token(value);
    for (int i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, &last[i]), 0);
    for (int i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < N_THREADS; i++)
        assert_in_range(number(last[i]), N_ROUNDS, N_THREADS * N_ROUNDS);
    assert_int_equal(mpm_call(value, "get", NULL, NULL, HANG, &d, NULL), 0);
    assert_int_equal(number(d), N_THREADS * N_ROUNDS);
    mpm_builder_close(b);
    mpm_proxy_close(lock);
    mpm_proxy_close(value);
    mpm_client_close(c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_thread_has_a_client_and_nothing_is_lost),
    };

    return cmocka_run_group_tests(tests, mpm_test_daemon_come, mpm_test_daemon_go);
}

/* Connections and listeners of libmpmd, with each other and with peers that misbehave, over sockets of this process. */
#include <mpmd/connection.h>

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <setjmp.h>
#include <cmocka.h>

#include "support/support.h"

/* How the kernel behaves: at most so many bytes a call (0: as it likes), every second call interrupted. */
static struct { size_t most; int interrupts; unsigned n; } kernel;

ssize_t __real_recv(int fd, void *to, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *to, size_t len, int flags);
ssize_t __real_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);

static int
interrupted(void)
{
    errno = EINTR;
    return kernel.interrupts && ++kernel.n % 2 == 0;
}

static size_t
at_most(size_t len)
{
    return kernel.most != 0 && kernel.most < len ? kernel.most : len;
}

ssize_t
__wrap_recv(int fd, void *to, size_t len, int flags)
{
    return interrupted() ? -1 : __real_recv(fd, to, at_most(len), flags);
}

ssize_t
__wrap_send(int fd, const void *bytes, size_t len, int flags)
{
    return interrupted() ? -1 : __real_send(fd, bytes, at_most(len), flags);
}

ssize_t
__wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    size_t i = 0;

    if (interrupted())
        return -1;
    if (kernel.most == 0)
        return __real_sendmsg(fd, message, flags);
    while (message->msg_iov[i].iov_len == 0)
        i++;
    return __real_send(fd, message->msg_iov[i].iov_base, at_most(message->msg_iov[i].iov_len), flags);
}

#define SECOND INT64_C(1000000000)
#define HANG (60 * SECOND) /* nothing is decided by it: a test that waits so long would hang */

static const struct mpm_connection_options with_key = { .size = sizeof with_key, .authkey = "key", .authkey_len = 3 };
static const struct mpm_connection_options other_key = { .size = sizeof other_key, .authkey = "other", .authkey_len = 5 };
static const struct mpm_connection_options small = { .size = sizeof small, .max_message = 1000 };

struct pair {
    struct mpm_connection *a, *b; /* the client's end and the listener's */
};

/* Both go on until neither has to. Returns the first failure. */
static int
run(struct pair *p, struct mpm_error *err)
{
    for (;;) {
        int ra = mpm_connection_advance(p->a, err), rb;

        if (ra != 0 && ra != MPM_EAGAIN)
            return ra;
        rb = mpm_connection_advance(p->b, err);
        if (rb != MPM_EAGAIN && (rb != 0 || ra == 0))
            return rb;
        poll((struct pollfd[]){ { mpm_connection_fd(p->a), POLLIN, 0 }, { mpm_connection_fd(p->b), POLLIN, 0 } }, 2, 1);
    }
}

static void
close_pair(struct pair *p)
{
    mpm_connection_close(p->a);
    mpm_connection_close(p->b);
}

/* Returns 0 or MPM_ENOMEM. */
static int
open_pair(struct pair *p, const char *address, const struct mpm_connection_options *a, const struct mpm_connection_options *b)
{
    struct mpm_listener *l = NULL;
    int r = mpm_listener_open(address, 0, &l, NULL);

    *p = (struct pair){ 0 };
    if (r == 0)
        r = mpm_connection_start(mpm_listener_address(l), a, &p->a, NULL);
    if (r == 0)
        r = mpm_listener_accept(l, b, 0, &p->b, NULL);
    mpm_listener_close(l);
    if (r != 0)
        close_pair(p);
    return r;
}

static void
expect_message(struct mpm_connection *c, const char *wanted)
{
    const void *bytes;
    size_t len;

    assert_int_equal(mpm_connection_receive(c, &bytes, &len, HANG, NULL), 0);
    assert_int_equal(len, strlen(wanted));
    assert_memory_equal(bytes, wanted, len);
}

/* --- tests -------------------------------------------------------------------------------------------------------- */

static void
messages_go_both_ways_on_every_kind_of_address(void **state)
{
    static const char *const addresses[] = { "@mpmd-test-connection", "127.0.0.1:0", "./test_connection.sock" };

    (void)state;
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        struct pair p;

        assert_int_equal(open_pair(&p, addresses[i], &with_key, &with_key), 0);
        assert_int_equal(run(&p, NULL), 0);
        assert_int_equal(mpm_connection_send(p.a, "there", 5, HANG, NULL), 0);
        assert_int_equal(mpm_connection_send(p.a, "", 0, HANG, NULL), 0);
        expect_message(p.b, "there");
        expect_message(p.b, "");
        assert_int_equal(mpm_connection_send(p.b, "and back", 8, HANG, NULL), 0);
        expect_message(p.a, "and back");
        close_pair(&p);
    }
    assert_int_not_equal(access("./test_connection.sock", F_OK), 0);
}

static void
different_keys_are_told_to_both(void **state)
{
    struct mpm_error err = { 0 };
    struct pair p;

    (void)state;
    assert_int_equal(open_pair(&p, "@mpmd-test-connection", &with_key, &other_key), 0);
    assert_int_equal(run(&p, &err), MPM_EAUTH);
    assert_int_equal(mpm_connection_advance(p.b, NULL), MPM_EAUTH);
    while (mpm_connection_advance(p.a, &err) == MPM_EAGAIN)
        ;
    assert_int_equal(mpm_connection_advance(p.a, &err), MPM_EAUTH);
    assert_int_equal(mpm_connection_send(p.a, "x", 1, 0, NULL), MPM_EAUTH);
    assert_int_equal(mpm_connection_wants(p.a), 0);
    close_pair(&p);
}

static void
a_long_message_is_sent_by_and_by(void **state)
{
    size_t len = 5 << 20, got;
    char *long_one = malloc(len);
    const void *bytes;
    struct pair p;
    int r;

    (void)state;
    for (size_t i = 0; i < len; i++)
        long_one[i] = (char)(i * 7 + i / 1000);
    assert_int_equal(open_pair(&p, "@mpmd-test-connection", NULL, NULL), 0);
    assert_int_equal(mpm_connection_send(p.a, long_one, len, 0, NULL), 0);
    assert_int_equal(mpm_connection_send(p.a, "next", 4, 0, NULL), 0);
    assert_int_equal(mpm_connection_wants(p.a), MPM_WANT_READ | MPM_WANT_WRITE);
    while ((r = mpm_connection_receive(p.b, &bytes, &got, 0, NULL)) == MPM_ETIMEOUT)
        (void)mpm_connection_advance(p.a, NULL);
    assert_int_equal(r, 0);
    assert_int_equal(got, len);
    assert_memory_equal(bytes, long_one, len);
    assert_int_equal(mpm_connection_advance(p.a, NULL), 0);
    expect_message(p.b, "next");
    close_pair(&p);
    free(long_one);
}

static void
bytes_may_come_one_by_one(void **state)
{
    static const uint8_t raw[] = "\0\0\0\3abc\377\377\377\377\0\0\0\0\0\0\0\2de\0\0\0\0";
    struct mpm_connection *c;
    const void *bytes;
    size_t len;
    int fds[2], n_messages = 0;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(mpm_connection_adopt(fds[0], 0, NULL, &c, NULL), 0);
    for (size_t i = 0; i < sizeof raw - 1; i++) {
        assert_int_equal(write(fds[1], raw + i, 1), 1);
        if (mpm_connection_receive(c, &bytes, &len, 0, NULL) == 0)
            n_messages++;
    }
    assert_int_equal(n_messages, 3);
    mpm_connection_close(c);
    close(fds[1]);
}

/* What the peer sends before it closes, and what receive() says to that. */
static void
expect_failure(const void *sent, size_t n, const struct mpm_connection_options *options, int code, const char *text)
{
    struct mpm_error err = { 0 };
    struct mpm_connection *c;
    const void *bytes = "untouched";
    size_t len = 9;
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(mpm_connection_adopt(fds[0], 0, options, &c, NULL), 0);
    assert_int_equal(write(fds[1], sent, n), (ssize_t)n);
    close(fds[1]);
    assert_int_equal(mpm_connection_receive(c, &bytes, &len, HANG, &err), code);
    assert_non_null(strstr(err.text, text));
    assert_int_equal(len, 9);
    memset(&err, 0, sizeof err);
    assert_int_equal(mpm_connection_send(c, "x", 1, 0, &err), code);
    assert_non_null(strstr(err.text, text));
    mpm_connection_close(c);
}

static void
what_the_peer_does_wrong_has_a_clear_error(void **state)
{
    (void)state;
    expect_failure("", 0, NULL, MPM_ECONN, "closed the connection");
    expect_failure("\0\0\0\5abc", 7, NULL, MPM_ECONN, "in the middle of a message");
    expect_failure("\0\0\3\351", 4, &small, MPM_ETOOBIG, "1000");
    expect_failure("\377\377\377\376", 4, NULL, MPM_EPROTO, "");
    expect_failure("", 0, &with_key, MPM_ECONN, "handshake");
    expect_failure("\0\0\0\5hello", 9, &with_key, MPM_EPROTO, "");
    expect_failure("HTTP/1.1 400 Bad Request\r\n", 26, &with_key, MPM_EPROTO, "too long");
}

static void
the_system_may_take_and_give_any_number_of_bytes_at_a_time(void **state)
{
    static const size_t most[] = { 1, 2, 3, 5, 7, 64, 4099 };
    size_t len = 40000, got;
    char *long_one = malloc(len);
    const void *bytes;
    struct pair p;
    int r;

    (void)state;
    for (size_t i = 0; i < len; i++)
        long_one[i] = (char)(i * 7 + i / 1000);
    for (size_t i = 0; i < sizeof most / sizeof *most; i++) {
        kernel.most = most[i];
        kernel.interrupts = 1;
        assert_int_equal(open_pair(&p, "@mpmd-test-connection", &with_key, &with_key), 0);
        assert_int_equal(run(&p, NULL), 0);
        assert_int_equal(mpm_connection_send(p.a, "there", 5, HANG, NULL), 0);
        expect_message(p.b, "there");
        assert_int_equal(mpm_connection_send(p.b, long_one, len, 0, NULL), 0);
        while ((r = mpm_connection_receive(p.a, &bytes, &got, 0, NULL)) == MPM_ETIMEOUT)
            (void)mpm_connection_advance(p.b, NULL);
        assert_int_equal(r, 0);
        assert_int_equal(got, len);
        assert_memory_equal(bytes, long_one, len);
        assert_int_equal(mpm_connection_receive(p.a, &bytes, &got, SECOND / 5, NULL), MPM_ETIMEOUT);
        close_pair(&p);
    }
    kernel.most = 0;
    kernel.interrupts = 0;
    free(long_one);
}

static void
nobody_there_is_an_error_at_once(void **state)
{
    struct mpm_connection *c = NULL;
    struct mpm_error err;

    (void)state;
    assert_int_equal(mpm_connection_open("@mpmd-test-nobody", NULL, HANG, &c, &err), MPM_ECONN);
    assert_non_null(strstr(err.text, "@mpmd-test-nobody"));
    assert_int_equal(mpm_connection_open("/nowhere/at/all", NULL, HANG, &c, &err), MPM_ECONN);
    assert_int_equal(mpm_connection_open("", NULL, HANG, &c, &err), MPM_EINVAL);
    assert_int_equal(mpm_connection_open("@x", &(struct mpm_connection_options){ .size = 1 }, HANG, &c, &err), MPM_EINVAL);
    assert_null(c);
}

static void
nothing_that_comes_is_a_timeout_and_loses_nothing(void **state)
{
    struct mpm_listener *l;
    struct mpm_connection *c = NULL;
    const void *bytes;
    struct pair p;
    size_t len;

    (void)state;
    assert_int_equal(mpm_listener_open("@mpmd-test-connection", 0, &l, NULL), 0);
    assert_int_equal(mpm_listener_accept(l, NULL, 0, &c, NULL), MPM_ETIMEOUT);
    assert_int_equal(mpm_listener_accept(l, NULL, 1000, &c, NULL), MPM_ETIMEOUT);
    /* it listens and does not answer: the handshake ends in time */
    assert_int_equal(mpm_connection_open("@mpmd-test-connection", &with_key, 1000, &c, NULL), MPM_ETIMEOUT);
    assert_null(c);
    mpm_listener_close(l);
    assert_int_equal(open_pair(&p, "@mpmd-test-connection", NULL, NULL), 0);
    assert_int_equal(mpm_connection_receive(p.a, &bytes, &len, 1000, NULL), MPM_ETIMEOUT);
    assert_int_equal(mpm_connection_send(p.b, "late", 4, HANG, NULL), 0);
    expect_message(p.a, "late");
    close_pair(&p);
}

static void
a_path_that_exists_is_left_alone(void **state)
{
    struct mpm_listener *l = NULL;
    struct mpm_error err;
    FILE *f = fopen("./test_connection.path", "w");

    (void)state;
    assert_non_null(f);
    fclose(f);
    assert_int_equal(mpm_listener_open("./test_connection.path", 0, &l, &err), MPM_EIO);
    assert_non_null(strstr(err.text, "./test_connection.path"));
    assert_int_equal(access("./test_connection.path", F_OK), 0);
    unlink("./test_connection.path");
}

static int
talk(void)
{
    const void *bytes;
    struct pair p;
    size_t len;
    int r = open_pair(&p, "@mpmd-test-connection", &with_key, &with_key);

    if (r != 0)
        return r;
    r = run(&p, NULL);
    if (r == 0)
        r = mpm_connection_send(p.a, "there", 5, HANG, NULL);
    if (r == 0)
        r = mpm_connection_receive(p.b, &bytes, &len, HANG, NULL);
    close_pair(&p);
    return r;
}

static void
without_memory_nothing_is_left_behind(void **state)
{
    (void)state;
    mpm_test_fail_until_ok(talk);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_go_both_ways_on_every_kind_of_address),
        cmocka_unit_test(different_keys_are_told_to_both),
        cmocka_unit_test(a_long_message_is_sent_by_and_by),
        cmocka_unit_test(bytes_may_come_one_by_one),
        cmocka_unit_test(what_the_peer_does_wrong_has_a_clear_error),
        cmocka_unit_test(the_system_may_take_and_give_any_number_of_bytes_at_a_time),
        cmocka_unit_test(nobody_there_is_an_error_at_once),
        cmocka_unit_test(nothing_that_comes_is_a_timeout_and_loses_nothing),
        cmocka_unit_test(a_path_that_exists_is_left_alone),
        cmocka_unit_test(without_memory_nothing_is_left_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

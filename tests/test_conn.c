#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/conn.h"

/* How the kernel behaves: at most so many bytes a call (0: as it likes), every second call interrupted. */
static struct { size_t most; bool interrupts; unsigned n_interrupted, n_reads, n_writes; } kernel;

ssize_t __real_read(int fd, void *to, size_t len);
ssize_t __wrap_read(int fd, void *to, size_t len);
ssize_t __real_readv(int fd, const struct iovec *to, int n);
ssize_t __wrap_readv(int fd, const struct iovec *to, int n);
ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);

static bool
interrupted(unsigned n)
{
    if (!kernel.interrupts || n % 2 == 0)
        return false;
    kernel.n_interrupted++;
    errno = EINTR;
    return true;
}

ssize_t
__wrap_read(int fd, void *to, size_t len)
{
    if (interrupted(++kernel.n_reads))
        return -1;
    return __real_read(fd, to, kernel.most != 0 && kernel.most < len ? kernel.most : len);
}

ssize_t
__wrap_readv(int fd, const struct iovec *to, int n)
{
    if (interrupted(++kernel.n_reads))
        return -1;
    if (kernel.most != 0)
        return __real_read(fd, to[0].iov_base, kernel.most < to[0].iov_len ? kernel.most : to[0].iov_len);
    return __real_readv(fd, to, n);
}

ssize_t
__wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct iovec part = message->msg_iov[0];
    struct msghdr less = {.msg_iov = &part, .msg_iovlen = 1};

    assert_int_equal(flags, MSG_NOSIGNAL);
    if (interrupted(++kernel.n_writes))
        return -1;
    if (kernel.most == 0)
        return __real_sendmsg(fd, message, flags);
    if (part.iov_len > kernel.most)
        part.iov_len = kernel.most;
    return __real_sendmsg(fd, &less, flags);
}

/* A peer that keeps what it gets, and sends it back if `echoes`. */
struct echo {
    struct mpm_conn conn;
    uint8_t *got, *out;
    size_t got_len, out_len, out_at, space_len;
    size_t n_calls, n_direct;
    bool echoes, is_closing, is_closed, lost;
};
#define GOT_MAX (4u << 20)

struct fixture {
    uv_loop_t loop;
    struct mpm_net net;
    struct echo *e;
    int peer;
    bool closed, lost;
};

static void
on_bytes(struct mpm_conn *c, const uint8_t *bytes, size_t len)
{
    struct echo *e = (struct echo *)c;

    assert_true(e->got_len + len <= GOT_MAX);
    if (bytes != e->got + e->got_len)
        memcpy(e->got + e->got_len, bytes, len);
    e->got_len += len;
    e->n_calls++;
    if (e->echoes) {
        memcpy(e->out + e->out_len, e->got + e->got_len - len, len);
        e->out_len += len;
    }
}

static uint8_t *
space(struct mpm_conn *c, size_t *room)
{
    struct echo *e = (struct echo *)c;

    *room = e->space_len;
    return e->got + e->got_len;
}

static void
filled(struct mpm_conn *c, size_t n)
{
    struct echo *e = (struct echo *)c;

    e->n_direct += n;
    e->space_len -= n;
    on_bytes(c, e->got + e->got_len, n);
}

/* In three pieces, so that the cuts move. */
static size_t
output(struct mpm_conn *c, struct iovec *pieces, size_t n_max)
{
    struct echo *e = (struct echo *)c;
    size_t left = e->out_len - e->out_at, n = 0;
    uint8_t *at = e->out + e->out_at;

    for (; left != 0 && n < n_max; n++) {
        size_t len = n == 2 || left < 3 ? left : left / 3;

        pieces[n] = (struct iovec){at, len};
        at += len;
        left -= len;
    }
    return n;
}

static bool
sent(struct mpm_conn *c, size_t n)
{
    struct echo *e = (struct echo *)c;

    e->out_at += n;
    assert_true(e->out_at <= e->out_len);
    return e->out_at < e->out_len;
}

static bool
is_closing(struct mpm_conn *c)
{
    return ((struct echo *)c)->is_closing;
}

static void
closed(struct mpm_conn *c, bool lost)
{
    struct echo *e = (struct echo *)c;
    struct fixture *f = c->net->user;

    assert_false(f->closed);
    f->closed = true;
    f->lost = lost;
    free(e->got);
    free(e->out);
    e->got = e->out = NULL;
}

static const struct mpm_conn_calls calls = {
    .on_bytes = on_bytes, .space = space, .filled = filled, .output = output, .sent = sent, .is_closing = is_closing,
    .closed = closed,
};

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    int fd[2];

    *state = f;
    memset(&kernel, 0, sizeof kernel);
    if (uv_loop_init(&f->loop) != 0 || mpm__net_init(&f->net, &f->loop, &calls, f) != 0
        || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) != 0)
        return -1;
    f->peer = fd[0];
    f->e = (struct echo *)mpm__conn_new(&f->net, sizeof *f->e, fd[1], false);
    f->e->got = malloc(GOT_MAX);
    f->e->out = malloc(GOT_MAX);
    f->e->echoes = true;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    if (f->peer >= 0)
        close(f->peer);
    if (!f->closed && f->e->conn.is_polled) {
        mpm__conn_close(&f->e->conn, false);
    } else if (!f->closed) {
        free(f->e->got);
        free(f->e->out);
        mpm__conn_discard(&f->e->conn);
    }
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(f->net.n_conns, 0);
    mpm__net_wipe(&f->net);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    free(f);
    return 0;
}

static void
say(struct fixture *f, const char *text)
{
    assert_int_equal(writev(f->peer, &(struct iovec){(void *)(uintptr_t)text, strlen(text)}, 1), strlen(text));
}

/* Whether the peer has been sent this, and nothing else so far. */
static void
heard(struct fixture *f, const char *text)
{
    char buffer[256];
    ssize_t n = __real_read(f->peer, buffer, sizeof buffer);

    assert_int_equal(n, strlen(text));
    assert_memory_equal(buffer, text, strlen(text));
}

static void
one_request_costs_one_read_and_one_write(void **state)
{
    struct fixture *f = *state;

    assert_true(mpm__conn_start(&f->e->conn));
    for (unsigned i = 1; i <= 3; i++) {
        say(f, "request");
        uv_run(&f->loop, UV_RUN_ONCE);
        assert_int_equal(kernel.n_reads, i);
        assert_int_equal(kernel.n_writes, i);
        heard(f, "request");
    }
}

static void
the_greeting_is_sent_before_the_loop_runs(void **state)
{
    struct fixture *f = *state;

    memcpy(f->e->out, "hello", 5);
    f->e->out_len = 5;
    assert_true(mpm__conn_start(&f->e->conn));
    heard(f, "hello");
}

static void
a_peer_that_is_gone_before_the_greeting_is_closed_at_once(void **state)
{
    struct fixture *f = *state;

    signal(SIGPIPE, SIG_IGN);
    memcpy(f->e->out, "hello", 5);
    f->e->out_len = 5;
    close(f->peer);
    f->peer = -1;
    assert_false(mpm__conn_start(&f->e->conn));
    assert_true(f->closed && f->lost);
}

static void
an_orderly_end_loses_nothing(void **state)
{
    struct fixture *f = *state;

    assert_true(mpm__conn_start(&f->e->conn));
    f->e->echoes = false;
    say(f, "last words");
    close(f->peer);
    f->peer = -1;
    while (!f->closed) {
        uv_run(&f->loop, UV_RUN_ONCE);
        if (!f->closed)
            assert_memory_equal(f->e->got, "last words", 10);
    }
    assert_false(f->lost);
}

static void
a_peer_that_ends_without_reading_is_lost(void **state)
{
    struct fixture *f = *state;

    assert_true(mpm__conn_start(&f->e->conn));
    say(f, "request");
    uv_run(&f->loop, UV_RUN_ONCE);
    close(f->peer); /* with the echo unread */
    f->peer = -1;
    while (!f->closed)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_true(f->lost);
}

static void
what_was_said_before_a_reset_is_heard(void **state)
{
    struct fixture *f = *state;

    assert_true(mpm__conn_start(&f->e->conn));
    say(f, "one");
    uv_run(&f->loop, UV_RUN_ONCE);
    f->e->echoes = false;
    say(f, "two");
    close(f->peer);
    f->peer = -1;
    uv_run(&f->loop, UV_RUN_ONCE);
    if (!f->closed) {
        assert_int_equal(f->e->got_len, 6);
        while (!f->closed)
            uv_run(&f->loop, UV_RUN_ONCE);
    }
    assert_true(f->lost);
}

/* Another peer, over TCP: fd[0] is its end. */
static void
connect_tcp(struct fixture *f)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = socket(AF_INET, SOCK_STREAM, 0), fd;

    assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &(socklen_t){sizeof a}), 0);
    close(f->peer);
    f->peer = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(f->peer, (struct sockaddr *)&a, sizeof a), 0);
    fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    assert_true(fd >= 0);
    close(listener);
    assert_int_equal(dup3(fd, f->e->conn.fd, 0), f->e->conn.fd);
    close(fd);
    f->e->conn.is_tcp = true;
}

static void
a_tcp_peer_that_was_gone_before_the_last_write_is_lost(void **state)
{
    struct fixture *f = *state;

    connect_tcp(f);
    assert_true(mpm__conn_start(&f->e->conn));
    close(f->peer); /* its end is there to be read, but a lock is granted first */
    f->peer = -1;
    memcpy(f->e->out, "granted", 7);
    f->e->out_len = 7;
    mpm__conn_flush(&f->e->conn);
    while (!f->closed)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_true(f->lost);
}

static void
a_tcp_peer_that_read_everything_is_not_lost(void **state)
{
    struct fixture *f = *state;

    connect_tcp(f);
    memcpy(f->e->out, "granted", 7);
    f->e->out_len = 7;
    assert_true(mpm__conn_start(&f->e->conn));
    while (recv(f->peer, (char[1]){0}, 1, MSG_PEEK) < 1)
        ;
    heard(f, "granted");
    close(f->peer);
    f->peer = -1;
    while (!f->closed)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_false(f->lost);
}

/* Sends and receives n bytes and compares. */
static void
run_echo(struct fixture *f, size_t n)
{
    uint8_t *data = malloc(n), *back = malloc(n);
    size_t out = 0, in = 0;

    for (size_t i = 0; i < n; i++)
        data[i] = (uint8_t)(i * 7 + i / 251);
    assert_true(mpm__conn_start(&f->e->conn));
    while (in < n) {
        ssize_t r;

        if (out < n && (r = writev(f->peer, &(struct iovec){data + out, n - out}, 1)) > 0)
            out += (size_t)r;
        uv_run(&f->loop, UV_RUN_NOWAIT);
        if ((r = __real_read(f->peer, back + in, n - in)) > 0)
            in += (size_t)r;
    }
    assert_memory_equal(data, back, n);
    assert_int_equal(f->e->got_len, n);
    free(data);
    free(back);
}

static void
bytes_come_back_whole_through_short_and_interrupted_calls(void **state)
{
    struct fixture *f = *state;

    kernel.most = 7;
    kernel.interrupts = true;
    run_echo(f, 20000);
    assert_true(kernel.n_interrupted > 1000);
}

static void
bytes_come_back_whole_when_there_are_many(void **state)
{
    run_echo(*state, 3 << 20);
}

static void
a_long_message_is_read_to_its_place_and_its_follower_with_it(void **state)
{
    struct fixture *f = *state;

    f->e->echoes = false;
    f->e->space_len = 5;
    assert_true(mpm__conn_start(&f->e->conn));
    say(f, "12345678");
    uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(f->e->n_direct, 5);
    assert_int_equal(f->e->got_len, 8);
    assert_memory_equal(f->e->got, "12345678", 8);
    assert_int_equal(kernel.n_reads, 1);
}

static void
a_reader_that_never_reads_is_not_read_from(void **state)
{
    struct fixture *f = *state;
    char block[4096];
    size_t fed, sent_on = 0;

    memset(block, 'x', sizeof block);
    assert_true(mpm__conn_start(&f->e->conn));
    do {
        fed = f->e->got_len;
        for (ssize_t r; (r = writev(f->peer, &(struct iovec){block, sizeof block}, 1)) > 0;)
            sent_on += (size_t)r;
        uv_run(&f->loop, UV_RUN_NOWAIT);
        uv_run(&f->loop, UV_RUN_NOWAIT);
    } while (f->e->got_len != fed);
    assert_true(f->e->conn.wants_write);
    /* Held back: no more than one turn's share beyond what the kernel holds. */
    assert_true(f->e->out_len - f->e->out_at <= MPM_NET_TURN_BYTES);
    assert_true(sent_on > f->e->got_len);

    /* As soon as it reads, it is served again. */
    for (size_t back = 0; back < sent_on;) {
        ssize_t r = __real_read(f->peer, block, sizeof block);

        if (r > 0)
            back += (size_t)r;
        else
            uv_run(&f->loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(f->e->got_len, sent_on);
}

static void
a_blocked_peer_that_goes_away_is_lost(void **state)
{
    struct fixture *f = *state;

    f->e->out_len = GOT_MAX;
    memset(f->e->out, 'x', GOT_MAX);
    assert_true(mpm__conn_start(&f->e->conn));
    assert_true(f->e->conn.wants_write);
    close(f->peer);
    f->peer = -1;
    while (!f->closed)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_true(f->lost);
}

static void
closing_waits_for_the_output(void **state)
{
    struct fixture *f = *state;
    char block[65536];
    size_t back = 0;

    f->e->out_len = GOT_MAX / 2;
    memset(f->e->out, 'x', GOT_MAX);
    assert_true(mpm__conn_start(&f->e->conn));
    f->e->is_closing = true;
    say(f, "not read any more");
    for (ssize_t r; (r = __real_read(f->peer, block, sizeof block)) != 0; uv_run(&f->loop, UV_RUN_NOWAIT)) {
        if (r > 0)
            back += (size_t)r;
        else if (errno != EAGAIN) {
            assert_int_equal(errno, ECONNRESET); /* bytes were left unread on purpose */
            break;
        }
    }
    assert_int_equal(back, GOT_MAX / 2);
    assert_true(f->closed);
    assert_false(f->lost);
}

static void
output_made_by_others_goes_out_with_a_flush(void **state)
{
    struct fixture *f = *state;

    assert_true(mpm__conn_start(&f->e->conn));
    memcpy(f->e->out, "woken", 5);
    f->e->out_len = 5;
    mpm__conn_flush(&f->e->conn);
    heard(f, "woken");
    f->e->is_closing = true;
    mpm__conn_flush(&f->e->conn);
    assert_true(f->closed);
    assert_false(f->lost);
    mpm__conn_flush(&f->e->conn); /* still valid in this turn */
    mpm__conn_close(&f->e->conn, true);
    assert_false(f->lost);
}

static void
the_peer_of_a_unix_socket_has_a_pid(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(mpm__conn_peer_pid(f->peer), getpid());
    assert_int_equal(mpm__conn_peer_pid(-1), 0);
}

static void
an_idle_connection_is_small(void **state)
{
    (void)state;
    assert_true(sizeof(struct mpm_conn) <= 256);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_request_costs_one_read_and_one_write),
        TEST(the_greeting_is_sent_before_the_loop_runs),
        TEST(a_peer_that_is_gone_before_the_greeting_is_closed_at_once),
        TEST(an_orderly_end_loses_nothing),
        TEST(a_peer_that_ends_without_reading_is_lost),
        TEST(a_tcp_peer_that_was_gone_before_the_last_write_is_lost),
        TEST(a_tcp_peer_that_read_everything_is_not_lost),
        TEST(what_was_said_before_a_reset_is_heard),
        TEST(bytes_come_back_whole_through_short_and_interrupted_calls),
        TEST(bytes_come_back_whole_when_there_are_many),
        TEST(a_long_message_is_read_to_its_place_and_its_follower_with_it),
        TEST(a_reader_that_never_reads_is_not_read_from),
        TEST(a_blocked_peer_that_goes_away_is_lost),
        TEST(closing_waits_for_the_output),
        TEST(output_made_by_others_goes_out_with_a_flush),
        TEST(the_peer_of_a_unix_socket_has_a_pid),
        cmocka_unit_test(an_idle_connection_is_small),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * load.c - puts load on a manager server, in a closed loop: every connection has one request in flight. Program of its
 * own, linked with the core for frames and the handshake.
 *
 * It knows no pickles: a file (scenarios.py makes it) holds whole frames as CPython sends them, in which only the
 * ident and numbers are filled in. Of the replies it looks at the kind and, after `create`, the ident. One thread,
 * sends as a stock client does: one write for each frame, no socket options. Prints one line of key=value.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "hash/digest.h"
#include "net/address.h"
#include "wire/auth.h"
#include "wire/frame.h"

#define IDENT_LEN 12 /* hexadecimal digits of an address, and what mpmd gives */
#define PLACEHOLDER "@@@@@@@@@@@@"
#define OTHER "%%%%%%%%%%%%" /* the ident of the iterator that the connection got */
#define NUMBER "J####" /* BININT: what stands for a number that is another one each time */
#define NUMBERS_MAX 4  /* of one request, all the same */
#define FRAME_MAX (UINT64_C(1) << 32)

/* The first frames of the file; the requests of the loop follow. */
enum { CREATE, DECREF, ACCEPT, DUMMY, LOOP };

struct request {
    uint8_t *bytes;  /* a whole frame */
    size_t len;
    uint8_t *ident;  /* where in it the ident belongs; NULL: nowhere */
    uint8_t *numbers[NUMBERS_MAX]; /* and the number; NULL: no more */
    uint8_t *other;  /* the same for the iterator's */
    bool is_create;  /* the reply has an ident */
    bool is_iter, is_next; /* the reply is a proxy of an iterator; may be an exception */
};

struct conn {
    int fd;
    bool is_proved;             /* the handshake is over */
    size_t pending;             /* the request in flight, or to be sent when the handshake is over */
    size_t role;
    char ident[IDENT_LEN];      /* of the object that it works on */
    char other[IDENT_LEN];      /* of the iterator */
    int64_t began_ns;           /* the operation */
    struct mpm_auth auth;
    struct mpm_frame frame;
};

static struct {
    struct mpm_address address;
    const char *key;
    size_t n_conns, n_operations, n_prepare;
    size_t n_roles; /* each connection sends one request of so many only: the first, the second... */
    bool one_shot; /* each request of the loop on a connection of its own */
    bool shared;   /* one object for all connections instead of one each */
    bool canned;   /* the server's answers prove nothing, and there is nothing to create */
    uint64_t first_number, n_numbers; /* the numbers: of so many, chosen at random, from this one on */
    const char *hold, *save, *pid; /* pid: of the server, whose processor time is to be told */
} options = {.key = "benchmark", .n_conns = 1, .n_operations = 1, .n_numbers = 1, .n_roles = 1};

static struct request *requests;
static size_t n_requests;
static struct mpm_buf *replies; /* the last one to each request, for --save-replies */
static uint8_t input[256 * 1024];
static struct mpm_buf handshake;
static int epoll_fd;

static void __attribute__((noreturn, format(printf, 1, 2)))
die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static int64_t
now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* --- the requests ------------------------------------------------------------------------------------------------- */

static void
find_numbers(struct request *q)
{
    const size_t len = strlen(NUMBER);
    uint8_t *at = q->bytes;

    for (size_t n = 0; n < NUMBERS_MAX; n++, at += len) {
        at = memmem(at, q->len - (size_t)(at - q->bytes), NUMBER, len);
        if (at == NULL)
            return;
        q->numbers[n] = at + 1;
    }
}

static void
read_requests(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct mpm_buf all;
    size_t n;

    if (file == NULL)
        die("%s: %s", path, strerror(errno));
    mpm__buf_init(&all, 0);
    while ((n = fread(input, 1, sizeof input, file)) != 0)
        mpm__buf_put(&all, input, n);
    fclose(file);
    for (size_t at = 0; at < all.len; at += requests[n_requests++].len) {
        const uint8_t *p = all.data + at;
        size_t len = 4 + ((size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3]);

        requests = mpm__resize(requests, n_requests + 1, sizeof *requests);
        requests[n_requests] = (struct request){.bytes = mpm__alloc(len), .len = len};
        memcpy(requests[n_requests].bytes, p, len);
        requests[n_requests].ident = memmem(requests[n_requests].bytes, len, PLACEHOLDER, IDENT_LEN);
        find_numbers(&requests[n_requests]);
        requests[n_requests].other = memmem(requests[n_requests].bytes, len, OTHER, IDENT_LEN);
        requests[n_requests].is_iter = memmem(p, len < 64 ? len : 64, "__iter__", 8) != NULL;
        requests[n_requests].is_next = memmem(p, len < 64 ? len : 64, "__next__", 8) != NULL;
        requests[n_requests].is_create = memmem(p, len < 64 ? len : 64, "create", 6) != NULL;
    }
    mpm__buf_wipe(&all);
    if (n_requests <= LOOP + options.n_prepare)
        die("%s: no requests in it", path);
    replies = mpm__array(n_requests, sizeof *replies);
}

/* --- one connection ----------------------------------------------------------------------------------------------- */

static void
send_all(int fd, const uint8_t *bytes, size_t len)
{
    while (len != 0) {
        ssize_t n = send(fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno == EAGAIN)
            poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
        else if (n < 0 && errno != EINTR)
            die("send: %s", strerror(errno));
        bytes += n > 0 ? (size_t)n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
}

/* xorshift64*: the same numbers in each run. */
static uint32_t
next_number(void)
{
    static uint64_t state = 1;

    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)(options.first_number + (state * 0x2545f4914f6cdd1d >> 32) * options.n_numbers / (UINT64_C(1) << 32));
}

static void
fill_in_number(struct request *q)
{
    uint32_t number = next_number();

    for (size_t n = 0; n < NUMBERS_MAX && q->numbers[n] != NULL; n++)
        for (size_t i = 0; i < 4; i++)
            q->numbers[n][i] = (uint8_t)(number >> 8 * i);
}

static void
send_request(struct conn *c)
{
    struct request *q = &requests[c->pending];

    if (q->numbers[0] != NULL)
        fill_in_number(q);

    if (q->ident != NULL)
        memcpy(q->ident, c->ident, IDENT_LEN);
    if (q->other != NULL)
        memcpy(q->other, c->other, IDENT_LEN);
    send_all(c->fd, q->bytes, q->len);
}

/* Connects; the request follows when the handshake is over. */
static void
open_conn(struct conn *c, size_t request)
{
    uint8_t nonce[MPM_AUTH_NONCE] = {0}, challenge[MPM_AUTH_CHALLENGE_MAX];
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    const struct sockaddr *address = &options.address.u.any;

    c->fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, address, options.address.len) != 0)
        die("connect: %s", strerror(errno));
    c->is_proved = false;
    c->pending = request;
    mpm__auth_init(&c->auth, MPM_AUTH_CLIENT, challenge, mpm__auth_challenge(challenge, nonce), &handshake);
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event) != 0)
        die("epoll_ctl: %s", strerror(errno));
}

static void
close_conn(struct conn *c)
{
    close(c->fd);
    mpm__frame_wipe(&c->frame);
}

static void
prove(struct conn *c, const struct mpm_message *m)
{
    struct mpm_error err = {0};
    int r = mpm__auth_feed(&c->auth, (const uint8_t *)options.key, strlen(options.key), m->body, m->len, &handshake, &err);

    if (r != 0 && r != MPM_EAGAIN && !(options.canned && r == MPM_EAUTH))
        die("handshake: %s", err.text);
    send_all(c->fd, handshake.data, handshake.len);
    mpm__buf_clear(&handshake);
    if (r != MPM_EAGAIN) {
        c->is_proved = true;
        send_request(c);
    }
}

/* ('#RETURN', (ident, ...)): the first str behind the kind. */
static void
take_ident(struct conn *c, const struct mpm_message *m)
{
    const uint8_t *p = memmem(m->body, m->len, "#RETURN", 7), *end = m->body + m->len;

    p = p != NULL ? memchr(p, 0x8c, (size_t)(end - p)) : NULL;
    if (p == NULL || end - p < 2 + IDENT_LEN || p[1] != IDENT_LEN)
        die("no ident of %d digits in the reply to create", IDENT_LEN);
    memcpy(c->ident, p + 2, IDENT_LEN);
}

/* ('#PROXY', (exposed, Token(typeid, address, ident))): the last str. */
static void
take_iterator(struct conn *c, const struct mpm_message *m)
{
    const uint8_t *p, *from = m->body, *found = NULL;

    while ((p = memmem(from, (size_t)(m->body + m->len - from), "\x8c\x0c", 2)) != NULL)
        found = from = p + 1;
    if (found == NULL || m->body + m->len - found < 1 + IDENT_LEN)
        die("no ident of %d digits in the proxy", IDENT_LEN);
    memcpy(c->other, found + 1, IDENT_LEN);
}

static void
check_reply(struct conn *c, const struct mpm_message *m)
{
    const struct request *q = &requests[c->pending];
    size_t n = m->len < 32 ? m->len : 32;

    if (q->is_iter && !options.canned)
        take_iterator(c, m);
    else if (memmem(m->body, n, "#RETURN", 7) == NULL && !(q->is_next && memmem(m->body, n, "#ERROR", 6) != NULL) && !q->is_iter)
        die("request %zu was answered: %.*s", c->pending, (int)(m->len < 2000 ? m->len : 2000), (const char *)m->body);
    if (options.save != NULL) {
        mpm__buf_clear(&replies[c->pending]);
        mpm__buf_put(&replies[c->pending], m->body, m->len);
    }
    if (!options.canned && requests[c->pending].is_create)
        take_ident(c, m);
}

/* Reads once. Returns whether the reply to the request is there. */
static bool
read_conn(struct conn *c, int flags)
{
    ssize_t n = recv(c->fd, input, sizeof input, flags);
    const uint8_t *bytes = input;
    bool is_answered = false;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0)
        die("the server closed the connection: %s", n < 0 ? strerror(errno) : "end of file");
    for (size_t left = (size_t)n, used; left != 0; bytes += used, left -= used) {
        struct mpm_error err = {0};
        struct mpm_message m;
        int r = mpm__frame_feed(&c->frame, bytes, left, FRAME_MAX, &used, &m, &err);

        if (r == MPM_EAGAIN)
            continue;
        if (r != 0)
            die("frame: %s", err.text);
        if (!c->is_proved) {
            prove(c, &m);
        } else {
            check_reply(c, &m);
            is_answered = true;
        }
    }
    return is_answered;
}

static void
wait_for_reply(struct conn *c)
{
    while (!read_conn(c, 0))
        ;
}

static void
ask_once(struct conn *c, size_t request)
{
    open_conn(c, request);
    wait_for_reply(c);
    close_conn(c);
}

/* --- the loop ----------------------------------------------------------------------------------------------------- */

static size_t n_begun[16], n_done; /* by role */
static int64_t *latencies;

static void
begin_request(struct conn *c, size_t request)
{
    if (options.one_shot) {
        open_conn(c, request);
    } else {
        c->pending = request;
        send_request(c);
    }
}

static void
begin_operation(struct conn *c)
{
    if (n_begun[c->role] == options.n_operations / options.n_roles)
        return;
    n_begun[c->role]++;
    c->began_ns = now_ns();
    begin_request(c, LOOP + options.n_prepare + c->role);
}

static void
go_on(struct conn *c)
{
    if (options.one_shot)
        close_conn(c);
    if (options.n_roles == 1 && c->pending + 1 < n_requests) {
        begin_request(c, c->pending + 1);
        return;
    }
    latencies[n_done++] = now_ns() - c->began_ns;
    begin_operation(c);
}

/* What the server's one thread has run so far. */
static int64_t
server_ns(void)
{
    char path[64];
    long long ns = 0;
    FILE *file;

    if (options.pid == NULL)
        return 0;
    snprintf(path, sizeof path, "/proc/%s/schedstat", options.pid);
    if ((file = fopen(path, "r")) == NULL || fscanf(file, "%lld", &ns) != 1)
        die("%s: %s", path, strerror(errno));
    fclose(file);
    return ns;
}

static int64_t
run(struct conn *conns)
{
    struct epoll_event events[256];
    int64_t start_ns = now_ns();

    for (size_t i = 0; i < options.n_conns; i++)
        begin_operation(&conns[i]);
    while (n_done < options.n_operations / options.n_roles * options.n_roles) {
        int n = epoll_wait(epoll_fd, events, 256, -1);

        for (int i = 0; i < n; i++)
            if (read_conn(events[i].data.ptr, MSG_DONTWAIT))
                go_on(events[i].data.ptr);
    }
    return now_ns() - start_ns;
}

/* Objects, data connections, and the values that are to be read. */
static void
set_up(struct conn *conns)
{
    for (size_t i = 0; i < options.n_conns; i++) {
        struct conn *c = &conns[i];

        memcpy(c->ident, PLACEHOLDER, IDENT_LEN);
        c->role = i % options.n_roles;
        if (options.one_shot)
            continue;
        if (options.shared && i != 0)
            memcpy(c->ident, conns[0].ident, IDENT_LEN);
        else if (!options.canned)
            ask_once(c, CREATE);
        open_conn(c, ACCEPT);
        wait_for_reply(c);
        for (size_t k = 0; k < options.n_prepare && !options.canned && (i == 0 || !options.shared); k++) {
            c->pending = LOOP + k;
            send_request(c);
            wait_for_reply(c);
        }
    }
}

static void
tear_down(struct conn *conns)
{
    if (options.one_shot)
        return;
    for (size_t i = 0; i < options.n_conns; i++)
        close_conn(&conns[i]);
    for (size_t i = 0; i < options.n_conns && !options.canned && (i == 0 || !options.shared); i++)
        ask_once(&conns[i], DECREF);
}

/* Keeps the connections open, idle or with a call that waits, until standard input ends. */
static void
hold(struct conn *conns)
{
    struct conn other = {0};
    char c;

    if (strcmp(options.hold, "parked") == 0) {
        for (size_t i = 0; i < options.n_conns; i++) {
            conns[i].pending = LOOP;
            send_request(&conns[i]);
        }
        wait_for_reply(&conns[0]); /* the first one gets the lock */
    }
    ask_once(&other, DUMMY); /* a server that answers this has seen what came before */
    puts("held");
    fflush(stdout);
    while (read(STDIN_FILENO, &c, 1) > 0)
        ;
}

/* --- results ------------------------------------------------------------------------------------------------------ */

static int
compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void
report(int64_t took_ns, int64_t server_took_ns)
{
    double seconds = (double)took_ns / 1e9;

    qsort(latencies, n_done, sizeof *latencies, compare);
    printf("operations=%zu seconds=%.6f per_second=%.1f p50_us=%.1f p99_us=%.1f cpu_us=%.2f\n", n_done, seconds,
        (double)n_done / seconds, (double)latencies[n_done / 2] / 1e3, (double)latencies[n_done * 99 / 100] / 1e3,
        (double)server_took_ns / 1e3 / (double)n_done);
}

/* For canned.c: the reply to accept_connection, then those of the loop. */
static void
save_replies(void)
{
    FILE *file = fopen(options.save, "wb");
    uint8_t header[MPM_FRAME_HEADER_MAX];

    if (file == NULL)
        die("%s: %s", options.save, strerror(errno));
    for (size_t i = ACCEPT; i < n_requests; i++) {
        if (i == ACCEPT ? options.one_shot : i < LOOP + options.n_prepare)
            continue;
        fwrite(header, 1, mpm__frame_header(header, replies[i].len), file);
        fwrite(replies[i].data, 1, replies[i].len, file);
    }
    if (fclose(file) != 0)
        die("%s: %s", options.save, strerror(errno));
}

static void
parse_options(int argc, char **argv)
{
    static const struct option table[] = {
        {"address", required_argument, NULL, 'a'}, {"requests", required_argument, NULL, 'r'},
        {"key", required_argument, NULL, 'k'}, {"connections", required_argument, NULL, 'c'},
        {"operations", required_argument, NULL, 'n'}, {"prepare", required_argument, NULL, 'p'},
        {"one-shot", no_argument, NULL, '1'}, {"shared", no_argument, NULL, 's'}, {"canned", no_argument, NULL, 'C'},
        {"hold", required_argument, NULL, 'h'}, {"save-replies", required_argument, NULL, 'S'},
        {"pid", required_argument, NULL, 'P'}, {"numbers", required_argument, NULL, 'N'},
        {"roles", required_argument, NULL, 'R'}, {0},
    };
    const char *file = NULL;
    struct mpm_error err = {0};
    int option;

    while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
        switch (option) {
        case 'a':
            if (mpm__address_parse(optarg, &options.address, &err) != 0)
                die("--address: %s", err.text);
            break;
        case 'r': file = optarg; break;
        case 'k': options.key = optarg; break;
        case 'c': options.n_conns = strtoul(optarg, NULL, 10); break;
        case 'n': options.n_operations = strtoul(optarg, NULL, 10); break;
        case 'p': options.n_prepare = strtoul(optarg, NULL, 10); break;
        case '1': options.one_shot = true; break;
        case 's': options.shared = true; break;
        case 'C': options.canned = true; break;
        case 'h': options.hold = optarg; break;
        case 'S': options.save = optarg; break;
        case 'P': options.pid = optarg; break;
        case 'R': options.n_roles = strtoul(optarg, NULL, 10); break;
        case 'N':
            if (sscanf(optarg, "%" SCNu64 ":%" SCNu64, &options.first_number, &options.n_numbers) != 2)
                die("--numbers: FIRST:COUNT");
            break;
        default: exit(2);
        }
    }
    if (file == NULL || options.address.len == 0 || options.n_conns == 0 || options.n_operations == 0)
        die("--address and --requests are needed, and at least one connection and operation");
    if (options.n_roles == 0 || options.n_roles > 16 || options.n_roles > options.n_conns)
        die("--roles: up to 16, and a connection for each");
    read_requests(file);
}

int
main(int argc, char **argv)
{
    struct rlimit limit;
    struct conn *conns;
    int64_t server_began_ns, took_ns;

    parse_options(argc, argv);
    if (mpm__hash_setup() != 0)
        die("libsodium cannot be used");
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    conns = mpm__array(options.n_conns, sizeof *conns);
    latencies = mpm__array(options.n_operations, sizeof *latencies);
    if (epoll_fd < 0 || conns == NULL || latencies == NULL)
        die("%s", strerror(errno));
    set_up(conns);
    if (options.hold != NULL) {
        hold(conns);
        return 0;
    }
    server_began_ns = server_ns();
    took_ns = run(conns);
    report(took_ns, server_ns() - server_began_ns);
    tear_down(conns);
    if (options.save != NULL)
        save_replies();
    return 0;
}

/*
 * connection.c - messages over a socket that is never waited for unless the caller says so. Layer: client.
 *
 * Ties a descriptor to the two state machines of wire: frames and the challenge. The descriptor may block or not: what
 * is not to wait says so in each call. Who waits for a message does so in recv(), which the system ends in time, as
 * long as nothing is to be sent; otherwise in poll(). Knows nothing of what the messages mean.
 */
#include <mpmd/connection.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "client/connection.h"
#include "hash/digest.h"
#include "net/address.h"
#include "wire/auth.h"

#define MAX_MESSAGE (UINT64_C(256) << 20)
#define READ_ROOM 65536 /* one read; long messages are read straight to their place */
#define COARSE INT64_C(100000000) /* the system's own timeouts end up to 10 ms late: shorter ones are poll()'s */

/*  CONNECTING --writable--> PROVING --both keys proved--> OPEN        (without authkey: CONNECTING --> OPEN)
 *      '--------------------'--- failure -----------------'----> BROKEN                                           */
enum state { CONNECTING, PROVING, OPEN, BROKEN };

struct mpm_connection {
    int fd;
    enum state state;
    int error;               /* BROKEN: with what; `why` has the text */
    struct mpm_error why;
    bool is_server;
    uint64_t max_message;
    uint8_t *key;            /* until proved; wiped */
    size_t key_len;
    struct mpm_auth auth;
    struct mpm_frame frame;
    struct mpm_buf out;      /* not sent yet, from `sent` on */
    size_t sent;
    uint64_t given, taken;   /* bytes of messages; see connection.h */
    int64_t rcvtimeo_ns;     /* after which recv() gives up; MPM_FOREVER: it does not */
    uint8_t *in;             /* READ_ROOM bytes; in[in_from, in_len) is not eaten yet */
    size_t in_from, in_len;
};

/* --- time --------------------------------------------------------------------------------------------------------- */

int64_t
mpm__now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

struct mpm_patience
mpm__patience(int64_t timeout_ns)
{
    struct mpm_patience p = { timeout_ns > 0 ? timeout_ns : 0, timeout_ns > 0 ? timeout_ns : 0 };
    int64_t now;

    if (timeout_ns > 0 && timeout_ns != MPM_FOREVER) {
        now = mpm__now_ns();
        p.deadline_ns = timeout_ns > MPM_FOREVER - now ? MPM_FOREVER : now + timeout_ns;
    }
    return p;
}

/* Waits until the descriptor is ready or the deadline (0: has passed) has come. Returns 0, MPM_ETIMEOUT or MPM_EIO. */
static int
wait_for(int fd, unsigned wants, int64_t deadline, struct mpm_error *err)
{
    struct pollfd p = { .fd = fd };
    int64_t left;
    int ms, n;

    p.events = (short)((wants & MPM_WANT_READ ? POLLIN : 0) | (wants & MPM_WANT_WRITE ? POLLOUT : 0));
    for (;;) {
        left = deadline == 0 ? 0 : deadline == MPM_FOREVER ? MPM_FOREVER : deadline - mpm__now_ns();
        if (left <= 0)
            ms = 0;
        else if (left > (int64_t)INT32_MAX * 1000000)
            ms = deadline == MPM_FOREVER ? -1 : INT32_MAX;
        else
            ms = (int)((left + 999999) / 1000000); /* rounded up: a timeout never ends early */
        n = poll(&p, 1, ms);
        if (n > 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return mpm__fail(err, MPM_EIO, 0, "poll: %s", strerror(errno));
        if (n == 0 && left <= 0)
            return mpm__fail(err, MPM_ETIMEOUT, 0, "nothing happened in time");
    }
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

static void
forget_key(struct mpm_connection *c)
{
    if (c->key != NULL)
        explicit_bzero(c->key, c->key_len);
    mpm__free(c->key);
    c->key = NULL;
}

void
mpm_connection_close(struct mpm_connection *c)
{
    if (c == NULL)
        return;
    if (c->fd >= 0)
        close(c->fd);
    forget_key(c);
    mpm__frame_wipe(&c->frame);
    mpm__buf_wipe(&c->out);
    mpm__free(c->in);
    mpm__free(c);
}

/* For good: what comes later gets the same answer. */
static int
break_with(struct mpm_connection *c, int error, const struct mpm_error *why, struct mpm_error *err)
{
    c->state = BROKEN;
    c->error = error;
    c->why = *why;
    forget_key(c);
    if (err != NULL)
        *err = *why;
    return error;
}

static int
break_by_system(struct mpm_connection *c, const char *what, int number, struct mpm_error *err)
{
    struct mpm_error why = { 0 };
    int code = number == ENOMEM || number == ENOBUFS ? MPM_ENOMEM : number == EBADF ? MPM_EIO : MPM_ECONN;

    mpm__fail(&why, code, 0, "%s: %s", what, strerror(number));
    return break_with(c, code, &why, err);
}

/* The descriptor is the caller's until this succeeds. */
static int
make(const struct mpm_connection_options *options, bool is_server, struct mpm_connection **out, struct mpm_error *err)
{
    struct mpm_connection *c;

    if (options != NULL && options->size != sizeof *options)
        return mpm__fail(err, MPM_EINVAL, 0, "options.size is %zu, not sizeof(struct mpm_connection_options) = %zu",
            options->size, sizeof *options);
    if (mpm__hash_setup() != 0)
        return mpm__fail(err, MPM_EIO, 0, "libsodium cannot be used on this system");
    c = mpm__array(1, sizeof *c);
    if (c != NULL)
        c->in = mpm__alloc(READ_ROOM);
    if (c != NULL && options != NULL && options->authkey != NULL) {
        c->key_len = options->authkey_len;
        c->key = mpm__alloc(c->key_len + 1); /* an empty key is one, too */
    }
    if (c == NULL || c->in == NULL || (options != NULL && options->authkey != NULL && c->key == NULL)) {
        if (c != NULL)
            c->fd = -1;
        mpm_connection_close(c);
        return mpm__fail(err, MPM_ENOMEM, 0, "no memory for a connection");
    }
    if (c->key != NULL)
        memcpy(c->key, options->authkey, c->key_len);
    c->fd = -1;
    c->is_server = is_server;
    c->max_message = options != NULL && options->max_message != 0 ? options->max_message : MAX_MESSAGE;
    c->rcvtimeo_ns = MPM_FOREVER;
    mpm__buf_init(&c->out, 0);
    *out = c;
    return 0;
}

/* The socket is connected: the handshake begins, if there is one. */
static void
begin(struct mpm_connection *c)
{
    uint8_t nonce[MPM_AUTH_NONCE], challenge[MPM_AUTH_CHALLENGE_MAX];
    size_t len;

    c->state = OPEN;
    if (c->key == NULL)
        return;
    c->state = PROVING;
    mpm__random(nonce, sizeof nonce);
    len = mpm__auth_challenge(challenge, nonce);
    mpm__auth_init(&c->auth, c->is_server ? MPM_AUTH_LISTENER : MPM_AUTH_CLIENT, challenge, len, &c->out);
}

/*
 * Connects, waiting in connect(), for which the system takes a timeout: to an AF_UNIX socket with a full backlog there
 * is no other way (without waiting it says EAGAIN, and nothing tells when there is room).
 */
static int
connect_in_time(int fd, const struct mpm_address *a, int64_t deadline)
{
    int64_t left;
    int r;

    do {
        left = deadline == MPM_FOREVER ? 0 : deadline - mpm__now_ns(); /* 0: no end */
        if (left < 0) {
            errno = EAGAIN;
            return -1;
        }
        if (deadline != MPM_FOREVER && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){ .tv_sec =
            left / 1000000000, .tv_usec = left / 1000 % 1000000 + 1 }, sizeof(struct timeval)) != 0)
            return -1;
        r = connect(fd, &a->u.any, a->len);
    } while (r != 0 && errno == EINTR && mpm__address_is_unix(a)); /* TCP goes on connecting meanwhile */
    return r;
}

static void
send_at_once(int fd)
{
    /* only TCP has it; without it a reply waits for an acknowledgement */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
}

static int
start(const char *address, const struct mpm_connection_options *options, int64_t deadline, struct mpm_connection **out,
    struct mpm_error *err)
{
    struct mpm_connection *c = NULL;
    struct mpm_address a;
    int r = mpm__address_parse(address, &a, err);

    if (r == 0)
        r = make(options, false, &c, err);
    if (r != 0)
        return r;
    c->fd = socket(a.u.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | (deadline == 0 ? SOCK_NONBLOCK : 0), 0);
    if (c->fd < 0)
        r = mpm__fail(err, MPM_EIO, 0, "socket: %s", strerror(errno));
    else if ((deadline != 0 ? connect_in_time(c->fd, &a, deadline) : connect(c->fd, &a.u.any, a.len)) == 0)
        begin(c);
    else if ((errno == EINPROGRESS && deadline == 0) || errno == EINTR)
        c->state = CONNECTING;
    else if ((errno == EAGAIN || errno == EINPROGRESS) && deadline != 0)
        r = mpm__fail(err, MPM_ETIMEOUT, 0, "%.80s: the server did not accept in time", address);
    else
        r = mpm__fail(err, MPM_ECONN, 0, "%.80s: %s", address, strerror(errno));
    if (r == 0 && !mpm__address_is_unix(&a))
        send_at_once(c->fd);
    if (r == 0 && c->out.error != 0)
        r = mpm__fail(err, MPM_ENOMEM, 0, "no memory for the handshake");
    if (r != 0) {
        mpm_connection_close(c);
        return r;
    }
    *out = c;
    return 0;
}

int
mpm_connection_start(const char *address, const struct mpm_connection_options *options, struct mpm_connection **out,
    struct mpm_error *err)
{
    return start(address, options, 0, out, err);
}

int
mpm_connection_adopt(int fd, int is_server, const struct mpm_connection_options *options, struct mpm_connection **out,
    struct mpm_error *err)
{
    struct mpm_connection *c;
    int r = make(options, is_server != 0, &c, err);

    if (r != 0)
        return r;
    if (fcntl(fd, F_GETFL) < 0)
        r = mpm__fail(err, MPM_EINVAL, 0, "descriptor %d: %s", fd, strerror(errno));
    if (r == 0) {
        send_at_once(fd);
        begin(c);
        if (c->out.error != 0)
            r = mpm__fail(err, MPM_ENOMEM, 0, "no memory for the handshake");
    }
    if (r != 0) {
        mpm_connection_close(c);
        return r;
    }
    c->fd = fd;
    *out = c;
    return 0;
}

/* --- reading and writing ------------------------------------------------------------------------------------------ */

/* The system has taken n more bytes of what is kept. */
static void
left_us(struct mpm_connection *c, size_t n)
{
    c->sent += n;
    if (c->state == OPEN) /* else they are of the handshake */
        c->taken += n;
}

/* Returns 0 when all is sent, MPM_EAGAIN or how it failed. */
static int
flush(struct mpm_connection *c, struct mpm_error *err)
{
    while (c->sent < c->out.len) {
        ssize_t n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n >= 0)
            left_us(c, (size_t)n);
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            return MPM_EAGAIN;
        else if (errno != EINTR)
            return break_by_system(c, "send", errno, err);
    }
    c->sent = 0;
    if (c->out.cap > 4 * READ_ROOM)
        mpm__buf_wipe(&c->out);
    else
        mpm__buf_clear(&c->out);
    return 0;
}

static int
closed(struct mpm_connection *c, struct mpm_error *err)
{
    struct mpm_error why = { 0 };

    if (c->state == PROVING)
        mpm__fail(&why, MPM_ECONN, 0, "the peer closed the connection in the middle of the handshake");
    else if (mpm__frame_is_partial(&c->frame))
        mpm__fail(&why, MPM_ECONN, 0, "the peer closed the connection in the middle of a message");
    else
        mpm__fail(&why, MPM_ECONN, 0, "the peer closed the connection");
    return break_with(c, MPM_ECONN, &why, err);
}

/*
 * Whether recv() may wait, as a flag of it. The system's timeout starts anew with each recv() and is set by a call of
 * its own, so it stays at the caller's whole time and is left alone when much of that has passed: a peer that sends
 * byte after byte is not waited for any longer.
 */
static int
patient_flag(struct mpm_connection *c, const struct mpm_patience *p)
{
    struct timeval t = { 0 };

    if (p->timeout_ns < COARSE || c->sent < c->out.len)
        return MSG_DONTWAIT;
    if (p->timeout_ns != MPM_FOREVER && p->deadline_ns - mpm__now_ns() < p->timeout_ns - p->timeout_ns / 16)
        return MSG_DONTWAIT;
    if (c->rcvtimeo_ns != p->timeout_ns) {
        if (p->timeout_ns != MPM_FOREVER)
            t = (struct timeval){ .tv_sec = p->timeout_ns / 1000000000, .tv_usec = p->timeout_ns / 1000 % 1000000 };
        if (setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t) != 0)
            return MSG_DONTWAIT;
        c->rcvtimeo_ns = p->timeout_ns;
    }
    return 0;
}

/* One message. Returns 0, MPM_EAGAIN (it has not arrived, and recv() cannot wait for it) or how it failed. */
static int
read_message(struct mpm_connection *c, uint64_t max, const struct mpm_patience *patience, struct mpm_message *message,
    struct mpm_error *err)
{
    struct mpm_error why; /* filled when it is used */
    size_t used, room;
    uint8_t *space;
    ssize_t n;
    int r;

    mpm__frame_next(&c->frame);
    for (;;) {
        if (c->in_from < c->in_len) {
            used = mpm__frame_whole(&c->frame, c->in + c->in_from, c->in_len - c->in_from, max, message);
            if (used != 0) {
                c->in_from += used;
                return 0;
            }
            r = mpm__frame_feed(&c->frame, c->in + c->in_from, c->in_len - c->in_from, max, &used, message, &why);
            c->in_from += used;
            if (r == MPM_ENOMEM)
                return mpm__fail(err, r, 0, "no memory for a message; it is lost");
            if (r != MPM_EAGAIN)
                return r == 0 ? 0 : break_with(c, r, &why, err);
        }
        space = mpm__frame_space(&c->frame, &room);
        if (room == 0) {
            space = c->in;
            room = READ_ROOM;
        }
        n = recv(c->fd, space, room, patient_flag(c, patience));
        if (n == 0)
            return closed(c, err);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return MPM_EAGAIN;
        if (n < 0 && errno != EINTR)
            return break_by_system(c, "recv", errno, err);
        if (n > 0 && space == c->in) {
            c->in_from = 0;
            c->in_len = (size_t)n;
        } else if (n > 0 && (r = mpm__frame_filled(&c->frame, (size_t)n, message)) != MPM_EAGAIN) {
            return r;
        }
    }
}

/* One step of the handshake for each message of the peer. */
static int
prove(struct mpm_connection *c, const struct mpm_patience *patience, struct mpm_error *err)
{
    struct mpm_error why = { 0 };
    struct mpm_message m;
    int r;

    while (c->state == PROVING) {
        if ((r = flush(c, err)) != 0)
            return r;
        r = read_message(c, MPM_AUTH_FRAME_MAX, patience, &m, err);
        if (r == MPM_ETOOBIG) {
            mpm__fail(&why, MPM_EPROTO, 0, "the peer does not speak this protocol: its first message is too long");
            return break_with(c, MPM_EPROTO, &why, err);
        }
        if (r != 0)
            return r;
        r = mpm__auth_feed(&c->auth, c->key, c->key_len, m.body, m.len, &c->out, &why);
        mpm__frame_next(&c->frame);
        if (r == 0) {
            c->state = OPEN;
            c->given = c->out.len - c->sent; /* the last of the handshake, so that the two are counted alike */
            forget_key(c);
        } else if (r != MPM_EAGAIN) {
            (void)flush(c, NULL); /* the peer is to hear that it was refused */
            return break_with(c, r, &why, err);
        }
    }
    return 0;
}

static const struct mpm_patience none = { 0 };

static int
advance(struct mpm_connection *c, const struct mpm_patience *patience, struct mpm_error *err)
{
    int error = 0, r;

    if (c->state == BROKEN)
        return break_with(c, c->error, &c->why, err);
    if (c->state == CONNECTING) {
        if (wait_for(c->fd, MPM_WANT_WRITE, 0, NULL) != 0)
            return MPM_EAGAIN;
        if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &(socklen_t){ sizeof error }) != 0 || error != 0)
            return break_by_system(c, "connect", error != 0 ? error : errno, err);
        begin(c);
    }
    if (c->state == PROVING && (r = prove(c, patience, err)) != 0)
        return r;
    return c->sent < c->out.len ? flush(c, err) : 0;
}

int
mpm_connection_advance(struct mpm_connection *c, struct mpm_error *err)
{
    return advance(c, &none, err);
}

unsigned
mpm_connection_wants(const struct mpm_connection *c)
{
    switch (c->state) {
    case CONNECTING:
        return MPM_WANT_WRITE;
    case PROVING:
        return c->sent < c->out.len ? MPM_WANT_WRITE : MPM_WANT_READ;
    case OPEN:
        return c->sent < c->out.len ? MPM_WANT_READ | MPM_WANT_WRITE : MPM_WANT_READ;
    case BROKEN:
        break;
    }
    return 0;
}

int
mpm_connection_fd(const struct mpm_connection *c)
{
    return c->fd;
}

/* Until it is open and what is kept is sent (all of it, or so much that a message can follow). */
static int
advance_until(struct mpm_connection *c, const struct mpm_patience *patience, struct mpm_error *err)
{
    int r;

    while ((r = advance(c, patience, err)) == MPM_EAGAIN)
        if ((r = wait_for(c->fd, c->state == OPEN ? MPM_WANT_WRITE : mpm_connection_wants(c), patience->deadline_ns,
            err)) != 0)
            return r;
    return r;
}

int
mpm__connection_open(const char *address, const struct mpm_connection_options *options,
    const struct mpm_patience *patience, struct mpm_connection **out, struct mpm_error *err)
{
    struct mpm_connection *c;
    int r = start(address, options, patience->deadline_ns, &c, err);

    if (r != 0)
        return r;
    r = advance_until(c, patience, err);
    if (r != 0)
        mpm_connection_close(c);
    else
        *out = c;
    return r;
}

int
mpm_connection_open(const char *address, const struct mpm_connection_options *options, int64_t timeout_ns,
    struct mpm_connection **out, struct mpm_error *err)
{
    struct mpm_patience patience = mpm__patience(timeout_ns);

    return mpm__connection_open(address, options, &patience, out, err);
}

int
mpm__connection_wait(struct mpm_connection *c, const struct mpm_patience *patience, struct mpm_error *err)
{
    return wait_for(c->fd, mpm_connection_wants(c), patience->deadline_ns, err);
}

/* What was sent makes room when it is most of the buffer; so moving the rest costs no more than putting it there. */
static int
keep(struct mpm_connection *c, const struct iovec *parts, size_t n)
{
    size_t len = 0;
    uint8_t *at;

    if (c->sent > c->out.len - c->sent) {
        mpm__buf_shift(&c->out, c->sent);
        c->sent = 0;
    }
    for (size_t i = 0; i < n; i++)
        len += parts[i].iov_len;
    at = mpm__buf_add(&c->out, len);
    if (at == NULL) {
        c->out.error = 0;
        return MPM_ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        if (parts[i].iov_len != 0)
            memcpy(at, parts[i].iov_base, parts[i].iov_len);
        at += parts[i].iov_len;
    }
    return 0;
}

int
mpm__connection_queue(struct mpm_connection *c, const struct iovec *parts, size_t n)
{
    if (keep(c, parts, n) != 0)
        return MPM_ENOMEM;
    for (size_t i = 0; i < n; i++)
        c->given += parts[i].iov_len;
    return 0;
}

size_t
mpm__connection_kept(const struct mpm_connection *c)
{
    return c->out.len - c->sent;
}

uint64_t
mpm__connection_given(const struct mpm_connection *c)
{
    return c->given;
}

uint64_t
mpm__connection_taken(const struct mpm_connection *c)
{
    return c->taken;
}

/* The rest of a message is kept for later. */
static int
keep_rest(struct mpm_connection *c, const struct iovec *parts, size_t n, struct mpm_error *err)
{
    struct mpm_error why = { 0 };

    if (keep(c, parts, n) == 0)
        return 0;
    mpm__fail(&why, MPM_ECONN, 0, "no memory for the rest of a message of which a part was sent");
    return break_with(c, MPM_ECONN, &why, err);
}

int
mpm__connection_send(struct mpm_connection *c, struct iovec *parts, size_t n_parts,
    const struct mpm_patience *patience, struct mpm_error *err)
{
    struct msghdr message = { 0 };
    size_t len = 0;
    ssize_t n;
    int r = c->state == OPEN && c->sent == c->out.len ? 0 : advance_until(c, patience, err);

    if (r != 0 && (r != MPM_ETIMEOUT || c->state != OPEN))
        return r;
    for (size_t i = 0; i < n_parts; i++)
        len += parts[i].iov_len;
    if (r == MPM_ETIMEOUT) { /* behind what is kept already */
        if (keep(c, parts, n_parts) != 0)
            return mpm__fail(err, MPM_ENOMEM, 0, "no memory for a message; it is not sent");
        c->given += len;
        return 0;
    }
    c->given += len;
    for (;;) {
        while (n_parts > 0 && parts->iov_len == 0) {
            parts++;
            n_parts--;
        }
        if (n_parts == 0)
            return 0;
        message.msg_iov = parts;
        message.msg_iovlen = n_parts;
        if (n_parts == 1)
            n = send(c->fd, parts->iov_base, parts->iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
        else
            n = sendmsg(c->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
            return break_by_system(c, "send", errno, err);
        if (n < 0 && errno != EINTR && wait_for(c->fd, MPM_WANT_WRITE, patience->deadline_ns, NULL) != 0)
            return keep_rest(c, parts, n_parts, err);
        if (n > 0)
            c->taken += (uint64_t)n;
        for (size_t i = 0; i < n_parts && n > 0; i++) {
            size_t part = (size_t)n < parts[i].iov_len ? (size_t)n : parts[i].iov_len;

            parts[i].iov_base = (uint8_t *)parts[i].iov_base + part;
            parts[i].iov_len -= part;
            n -= (ssize_t)part;
        }
    }
}

int
mpm_connection_send(struct mpm_connection *c, const void *bytes, size_t len, int64_t timeout_ns, struct mpm_error *err)
{
    struct mpm_patience patience = mpm__patience(timeout_ns);
    uint8_t header[MPM_FRAME_HEADER_MAX];
    struct iovec parts[2] = { { header, mpm__frame_header(header, len) }, { (void *)(uintptr_t)bytes, len } };

    return mpm__connection_send(c, parts, 2, &patience, err);
}

bool
mpm__connection_has_message(const struct mpm_connection *c)
{
    struct mpm_message m;

    return c->state == OPEN && c->in_from < c->in_len &&
           mpm__frame_whole(&c->frame, c->in + c->in_from, c->in_len - c->in_from, c->max_message, &m) != 0;
}

int
mpm__connection_receive(struct mpm_connection *c, struct mpm_message *message, const struct mpm_patience *patience,
    struct mpm_error *err)
{
    int r;

    for (;;) {
        /* what has arrived costs no call of the system */
        r = mpm__connection_has_message(c) ? 0 : advance(c, patience, err);
        if (r == 0 || (r == MPM_EAGAIN && c->state == OPEN))
            r = read_message(c, c->max_message, patience, message, err);
        if (r != MPM_EAGAIN)
            return r;
        if ((r = wait_for(c->fd, mpm_connection_wants(c), patience->deadline_ns, err)) != 0)
            return r;
    }
}

int
mpm_connection_receive(struct mpm_connection *c, const void **bytes, size_t *len, int64_t timeout_ns,
    struct mpm_error *err)
{
    struct mpm_patience patience = mpm__patience(timeout_ns);
    struct mpm_message m;
    int r = mpm__connection_receive(c, &m, &patience, err);

    if (r != 0)
        return r;
    *bytes = m.body;
    *len = m.len;
    return 0;
}

void
mpm__connection_forget(struct mpm_connection *c)
{
    mpm__frame_next(&c->frame);
}

int
mpm__connection_idle(struct mpm_connection *c, bool look, struct mpm_error *err)
{
    struct mpm_error why = { 0 };
    uint8_t byte;
    ssize_t n = -1;

    if (c->state != OPEN)
        return mpm_connection_advance(c, err);
    mpm__frame_next(&c->frame);
    if (look && c->in_from == c->in_len) {
        do
            n = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        if (n == 0)
            return closed(c, err);
        if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
            return break_by_system(c, "recv", errno, err);
    }
    if (n < 0 && c->in_from == c->in_len && !mpm__frame_is_partial(&c->frame))
        return 0;
    mpm__fail(&why, MPM_EPROTO, 0, "the peer sent something that nobody asked for");
    return break_with(c, MPM_EPROTO, &why, err);
}

/* --- listening ---------------------------------------------------------------------------------------------------- */

struct mpm_listener {
    int fd;
    pid_t pid; /* whose the path is */
    struct mpm_address address;
    char text[MPM_ADDRESS_TEXT];
};

void
mpm_listener_close(struct mpm_listener *l)
{
    if (l == NULL)
        return;
    if (l->fd >= 0)
        close(l->fd);
    if (l->fd >= 0 && mpm__address_is_unix(&l->address) && l->address.u.un.sun_path[0] != '\0' && l->pid == getpid())
        (void)unlink(l->address.u.un.sun_path);
    mpm__free(l);
}

int
mpm_listener_open(const char *address, int backlog, struct mpm_listener **out, struct mpm_error *err)
{
    struct mpm_address a;
    struct mpm_listener *l;
    int r = mpm__address_parse(address, &a, err), fd;

    if (r != 0)
        return r;
    l = mpm__array(1, sizeof *l);
    if (l == NULL)
        return mpm__fail(err, MPM_ENOMEM, 0, "no memory for a listener");
    l->fd = -1;
    l->pid = getpid();
    l->address = a;
    fd = socket(a.u.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        r = mpm__fail(err, MPM_EIO, 0, "socket: %s", strerror(errno));
    if (r == 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
    if (r == 0 && bind(fd, &a.u.any, a.len) != 0)
        r = mpm__fail(err, MPM_EIO, 0, "%.80s: %s", address, strerror(errno));
    else if (r == 0)
        l->fd = fd; /* from here on the path is ours to remove */
    if (r == 0 && (listen(fd, backlog > 0 ? backlog : 128) != 0 ||
        (l->address.len = sizeof l->address.u, getsockname(fd, &l->address.u.any, &l->address.len)) != 0))
        r = mpm__fail(err, MPM_EIO, 0, "%.80s: %s", address, strerror(errno));
    if (r != 0) {
        if (fd >= 0 && l->fd < 0)
            close(fd);
        mpm_listener_close(l);
        return r;
    }
    mpm__address_format(&l->address, l->text);
    *out = l;
    return 0;
}

const char *
mpm_listener_address(const struct mpm_listener *l)
{
    return l->text;
}

int
mpm_listener_fd(const struct mpm_listener *l)
{
    return l->fd;
}

int
mpm_listener_accept(struct mpm_listener *l, const struct mpm_connection_options *options, int64_t timeout_ns,
    struct mpm_connection **out, struct mpm_error *err)
{
    struct mpm_patience patience = mpm__patience(timeout_ns);
    struct mpm_connection *c = NULL;
    int fd, r;

    while ((fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC)) < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            if ((r = wait_for(l->fd, MPM_WANT_READ, patience.deadline_ns, err)) != 0)
                return r;
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS || errno == EBADF) {
            return mpm__fail(err, MPM_EIO, 0, "accept: %s", strerror(errno));
        } /* else: that one connection died before it was taken (accept(2)): the next */
    }
    r = mpm_connection_adopt(fd, 1, options, &c, err);
    if (r != 0) {
        close(fd);
        return r;
    }
    r = timeout_ns == 0 ? 0 : advance_until(c, &patience, err);
    if (r != 0)
        mpm_connection_close(c);
    else
        *out = c;
    return r;
}

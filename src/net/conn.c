/*
 * conn.c - reads and writes one socket when libuv says that it is ready. Layer: net.
 *
 * Level-triggered: bytes left in the kernel at the end of a turn bring the connection back in the next one. One request
 * costs one read and one write; a read that was not filled is taken to have emptied the socket. Does not know frames,
 * sessions or addresses, and does not accept or connect.
 */
#include "net/conn.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mpmd/error.h>

#include "base/alloc.h"

static void on_ready(uv_poll_t *poll, int status, int events);

int
mpm__net_init(struct mpm_net *net, uv_loop_t *loop, const struct mpm_conn_calls *calls, void *user)
{
    *net = (struct mpm_net){.loop = loop, .calls = calls, .user = user};
    mpm__list_init(&net->conns);
    net->buffer = mpm__alloc(MPM_NET_READ);
    return net->buffer != NULL ? 0 : MPM_ENOMEM;
}

void
mpm__net_wipe(struct mpm_net *net)
{
    mpm__free(net->buffer);
    net->buffer = NULL;
}

struct mpm_conn *
mpm__conn_new(struct mpm_net *net, size_t size, int fd, bool is_tcp)
{
    struct mpm_conn *c = mpm__array(1, size);

    if (c == NULL) {
        close(fd);
        return NULL;
    }
    c->net = net;
    c->fd = fd;
    c->is_tcp = is_tcp;
    mpm__list_append(&net->conns, &c->link);
    net->n_conns++;
    return c;
}

static void
leave_net(struct mpm_conn *c)
{
    c->is_closed = true;
    mpm__list_remove(&c->link);
    c->net->n_conns--;
}

void
mpm__conn_discard(struct mpm_conn *c)
{
    leave_net(c);
    close(c->fd);
    mpm__free(c);
}

static void
free_conn(uv_handle_t *handle)
{
    mpm__free(MPM_CONTAINER(handle, struct mpm_conn, poll));
}

void
mpm__conn_close(struct mpm_conn *c, bool lost)
{
    if (c->is_closed)
        return;
    leave_net(c);
    /* The poll first: it names the fd to epoll once more. libuv calls free_conn() at the end of the turn. */
    if (c->is_polled)
        uv_close((uv_handle_t *)&c->poll, free_conn);
    close(c->fd);
    c->fd = -1;
    if (c->net->calls->closed != NULL)
        c->net->calls->closed(c, lost);
}

/* libuv takes two system calls to change what is polled for, so it is done only when it differs. */
static bool
set_events(struct mpm_conn *c, int events)
{
    if (c->events == events)
        return true;
    if (uv_poll_start(&c->poll, events, on_ready) != 0) {
        mpm__conn_close(c, true);
        return false;
    }
    c->events = (uint8_t)events;
    return true;
}

/* Sends until there is nothing left, the kernel takes no more, or the turn's share is used up. Returns false when the
 * connection is closed. *wrote is set when something went out. */
static bool
write_output(struct mpm_conn *c, bool *wrote)
{
    const struct mpm_conn_calls *calls = c->net->calls;
    struct iovec pieces[MPM_NET_PIECES];
    struct msghdr message = {.msg_iov = pieces};
    size_t budget = MPM_NET_TURN_BYTES, n, total;
    bool more = false;
    ssize_t w;

    c->wants_write = false;
    while ((n = calls->output(c, pieces, MPM_NET_PIECES)) != 0) {
        total = 0;
        for (size_t i = 0; i < n; i++)
            total += pieces[i].iov_len;
        message.msg_iovlen = n;
        /* As writev(), but without a SIGPIPE, whatever the program does with that. */
        do
            w = sendmsg(c->fd, &message, MSG_NOSIGNAL);
        while (w < 0 && errno == EINTR);
        if (w < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
            mpm__conn_close(c, true);
            return false;
        }
        if (w > 0) {
            more = calls->sent(c, (size_t)w);
            *wrote = true;
        }
        if (w < (ssize_t)total || (size_t)w >= budget) {
            c->wants_write = true;
            return true;
        }
        if (!more)
            return true;
        budget -= (size_t)w;
    }
    return true;
}

static bool
wants_to_close(struct mpm_conn *c)
{
    return c->net->calls->is_closing != NULL && c->net->calls->is_closing(c);
}

/* Decides what to wait for next, after everything that could be done now was done. */
static void
settle(struct mpm_conn *c)
{
    if (c->is_closed)
        return;
    if (!c->wants_write && wants_to_close(c)) {
        /* Closing a socket with unread bytes makes the kernel tell the peer "reset", and over TCP the peer may then
         * never see the reply that says why. So what is already here is read first, within reason. */
        for (int i = 0; c->may_have_more && i < 16; i++)
            c->may_have_more = read(c->fd, c->net->buffer, MPM_NET_READ) == MPM_NET_READ;
        mpm__conn_close(c, false);
        return;
    }
    set_events(c, c->wants_write ? UV_WRITABLE : UV_READABLE);
}

static void
deliver(struct mpm_conn *c, size_t room, size_t n)
{
    const struct mpm_conn_calls *calls = c->net->calls;

    if (room != 0)
        calls->filled(c, n < room ? n : room);
    if (n > room)
        calls->on_bytes(c, c->net->buffer, n - room);
}

/* Whether a peer whose stream has ended was gone before all that was sent had reached it. Over a unix socket the write
 * would have failed. Over TCP it succeeds: the kernel is told later, and then the error stands beside the end of the
 * stream; until then the bytes are not acknowledged. */
static bool
was_gone_before(const struct mpm_conn *c)
{
    int error = 0, unsent = 0;

    if (!c->is_tcp)
        return false;
    return (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &(socklen_t){sizeof error}) == 0 && error != 0)
        || (ioctl(c->fd, SIOCOUTQ, &unsent) == 0 && unsent > 0);
}

static void
read_input(struct mpm_conn *c)
{
    const struct mpm_conn_calls *calls = c->net->calls;
    size_t budget = MPM_NET_TURN_BYTES;
    bool wrote = false;

    for (;;) {
        struct iovec to[2] = {{NULL, 0}, {c->net->buffer, MPM_NET_READ}};
        ssize_t n;

        if (calls->space != NULL)
            to[0].iov_base = calls->space(c, &to[0].iov_len);
        /* The end of a long message and what follows it come with one call. */
        do
            n = to[0].iov_len == 0 ? read(c->fd, to[1].iov_base, to[1].iov_len) : readv(c->fd, to, 2);
        while (n < 0 && errno == EINTR);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            c->may_have_more = false;
            break;
        }
        if (n <= 0) {
            mpm__conn_close(c, n < 0 || was_gone_before(c)); /* all output was written before the read */
            return;
        }
        c->may_have_more = (size_t)n == to[0].iov_len + to[1].iov_len;
        deliver(c, to[0].iov_len, (size_t)n);
        if (!write_output(c, &wrote))
            return;
        if (!c->may_have_more || c->wants_write || (size_t)n >= budget || wants_to_close(c))
            break;
        budget -= (size_t)n;
    }
    if (c->is_tcp && !wrote && calls->wants_quickack != NULL && calls->wants_quickack(c))
        setsockopt(c->fd, IPPROTO_TCP, TCP_QUICKACK, &(int){1}, sizeof(int));
    settle(c);
}

static void
on_ready(uv_poll_t *poll, int status, int events)
{
    struct mpm_conn *c = MPM_CONTAINER(poll, struct mpm_conn, poll);

    (void)events;
    if (status < 0)
        c->events = 0; /* the socket has an error, and libuv stopped polling; the next call will be told which */
    if (c->wants_write)
        mpm__conn_flush(c);
    else
        read_input(c);
}

bool
mpm__conn_start(struct mpm_conn *c)
{
    bool wrote = false;

    /* The greeting goes out before the socket is made known to the loop, so that the peer can work meanwhile. */
    if (write_output(c, &wrote)) {
        if (uv_poll_init(c->net->loop, &c->poll, c->fd) != 0) {
            mpm__conn_close(c, true);
        } else {
            c->is_polled = true;
            settle(c);
            return !c->is_closed;
        }
    }
    mpm__free(c);
    return false;
}

void
mpm__conn_flush(struct mpm_conn *c)
{
    bool wrote = false;

    if (!c->is_closed && write_output(c, &wrote))
        settle(c);
}

int64_t
mpm__conn_peer_pid(int fd)
{
    struct ucred cred = {0};
    socklen_t len = sizeof cred;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 ? cred.pid : 0;
}

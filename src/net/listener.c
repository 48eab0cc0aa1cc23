/*
 * listener.c - binds, listens, accepts. Layer: net.
 *
 * Two servers that start on one path at the same moment must not both win, and a path whose server died must not stay
 * blocked: the look whether somebody listens, the removal of a stale socket, bind() and listen() happen under a lock on
 * the directory, so that nobody sees a socket that is bound but not yet listening. Knows nothing of what is said on the
 * connections.
 */
#include "net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/list.h"

#define RETRY_MS 100       /* after running out of descriptors or memory; a closed connection resumes sooner */
#define ACCEPTS_A_TURN 256 /* a storm of connects must not starve those who are connected */
#define LOCK_TRIES 100     /* of 10 ms: somebody who holds a lock on /tmp for longer does not keep us from starting */
#define KEEP_IDLE_S 60     /* TCP: a host that vanished is noticed after IDLE + COUNT * EVERY = 2 minutes */
#define KEEP_EVERY_S 15
#define KEEP_COUNT 4

struct mpm_listener {
    uv_poll_t poll;
    uv_timer_t retry;
    unsigned n_open; /* handles that libuv has not closed yet */
    int fd;
    bool is_paused;
    bool owns_path; /* the socket file with this identity is ours to remove */
    dev_t dev;
    ino_t ino;
    mpm_accept_call *accepted;
    void (*paused)(struct mpm_listener *l, int error, void *user);
    void *user;
    struct mpm_address address;
    char text[MPM_ADDRESS_TEXT];
};

static int
fail(struct mpm_error *err, const char *text, const char *what, const char *advice)
{
    return mpm__fail(err, MPM_EIO, 0, "%s: %s%s%s", text, what, advice[0] != '\0' ? "; " : "", advice);
}

static int
bind_failed(struct mpm_error *err, const struct mpm_address *a, const char *text, int error)
{
    bool is_unix = mpm__address_is_unix(a);
    const char *advice = "";

    if (error == EADDRINUSE)
        advice = is_unix ? "stop the other server or give another address" : "stop the other server or give port 0";
    else if (error == EADDRNOTAVAIL)
        advice = "give an address of this machine";
    else if (error == EACCES && !is_unix)
        advice = "ports below 1024 are for root";
    else if (error == EACCES || error == EROFS)
        advice = "give a path in a directory that you may write to";
    else if (error == ENOENT || error == ENOTDIR)
        advice = "make the directory first";
    return fail(err, text, strerror(error), advice);
}

/* --- AF_UNIX: stale sockets --------------------------------------------------------------------------------------- */

/* An exclusive lock on the directory of path; -1 when there is none to be had, which is not fatal. */
static int
lock_directory(const char *path)
{
    char dir[sizeof((struct sockaddr_un *)0)->sun_path + 2];
    char *slash;
    int fd;

    snprintf(dir, sizeof dir, "%s", path);
    slash = strrchr(dir, '/');
    if (slash == NULL)
        memcpy(dir, ".", 2);
    else
        slash[slash == dir] = '\0';
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0; i++) {
        if (i == LOCK_TRIES || (errno != EWOULDBLOCK && errno != EINTR)) {
            close(fd);
            return -1;
        }
        nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
    }
    return fd;
}

/* bind() said that the path is taken: removes it if it is the socket of a dead server. */
static int
remove_stale(const struct mpm_address *a, const char *text, struct mpm_error *err)
{
    struct stat st;
    int fd, r, error;

    if (lstat(a->u.un.sun_path, &st) != 0)
        return errno == ENOENT ? 0 : fail(err, text, strerror(errno), "");
    if (!S_ISSOCK(st.st_mode))
        return fail(err, text, "exists and is not a socket", "remove it or give another path");
    if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) < 0)
        return fail(err, text, strerror(errno), "");
    do
        r = connect(fd, &a->u.any, a->len);
    while (r != 0 && errno == EINTR);
    error = r == 0 ? 0 : errno;
    close(fd);
    if (error == ENOENT)
        return 0;
    if (error != ECONNREFUSED) /* EAGAIN: it listens, and its backlog is full */
        return fail(err, text, error == 0 || error == EAGAIN ? "a server is listening there" : strerror(error),
            "stop it or give another path");
    if (unlink(a->u.un.sun_path) != 0 && errno != ENOENT)
        return fail(err, text, strerror(errno), "a dead server's socket could not be removed");
    return 0;
}

static int
bind_path(struct mpm_listener *l, struct mpm_error *err)
{
    const struct mpm_address *a = &l->address;
    int lock, r = 0, error;
    struct stat st;

    /* The umask belongs to the whole process and its other threads. Linux makes the file with the mode of the unbound
     * socket, less the umask; elsewhere it gets its mode below, before anybody could be accepted. */
    (void)!fchmod(l->fd, 0600);
    lock = lock_directory(a->u.un.sun_path);

    error = bind(l->fd, &a->u.any, a->len) != 0 ? errno : 0;
    if (error == EADDRINUSE && (r = remove_stale(a, l->text, err)) == 0)
        error = bind(l->fd, &a->u.any, a->len) != 0 ? errno : 0;
    if (r == 0 && error != 0)
        r = bind_failed(err, a, l->text, error);
    if (r == 0 && lstat(a->u.un.sun_path, &st) == 0) {
        l->owns_path = true;
        l->dev = st.st_dev;
        l->ino = st.st_ino;
        if ((st.st_mode & 0777) != 0600 && chmod(a->u.un.sun_path, 0600) != 0)
            r = fail(err, l->text, strerror(errno), "");
    }
    if (r == 0 && listen(l->fd, SOMAXCONN) != 0)
        r = fail(err, l->text, strerror(errno), "");
    if (lock >= 0)
        close(lock);
    return r;
}

static void
remove_path(struct mpm_listener *l)
{
    struct stat st;

    /* Not if somebody has put a socket of his own in our place. */
    if (l->owns_path && lstat(l->address.u.un.sun_path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
        unlink(l->address.u.un.sun_path);
    l->owns_path = false;
}

/* --- TCP ---------------------------------------------------------------------------------------------------------- */

static int
bind_inet(struct mpm_listener *l, struct mpm_error *err)
{
    static const struct { int level, name, value; } options[] = {
        {SOL_SOCKET, SO_REUSEADDR, 1},
        /* Linux hands these down to each accepted socket, which saves system calls for every connection. */
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, KEEP_EVERY_S},
        {IPPROTO_TCP, TCP_KEEPCNT, KEEP_COUNT},
    };

    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (setsockopt(l->fd, options[i].level, options[i].name, &options[i].value, sizeof(int)) != 0)
            return fail(err, l->text, strerror(errno), "");
    /* [::] means IPv6: 0.0.0.0 can be listened on beside it. */
    if (l->address.u.any.sa_family == AF_INET6
        && setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){1}, sizeof(int)) != 0)
        return fail(err, l->text, strerror(errno), "");
    if (bind(l->fd, &l->address.u.any, l->address.len) != 0 || listen(l->fd, SOMAXCONN) != 0)
        return bind_failed(err, &l->address, l->text, errno);
    return 0;
}

/* --- accepting ---------------------------------------------------------------------------------------------------- */

static void on_connect(uv_poll_t *poll, int status, int events);

static void
on_retry(uv_timer_t *timer)
{
    mpm__listener_resume(MPM_CONTAINER(timer, struct mpm_listener, retry));
}

static void
pause_accepting(struct mpm_listener *l, int error)
{
    uv_poll_stop(&l->poll);
    uv_timer_start(&l->retry, on_retry, RETRY_MS, 0);
    l->is_paused = true;
    if (l->paused != NULL)
        l->paused(l, error, l->user);
}

void
mpm__listener_resume(struct mpm_listener *l)
{
    if (!l->is_paused || l->fd < 0)
        return;
    l->is_paused = false;
    uv_timer_stop(&l->retry);
    uv_poll_start(&l->poll, UV_READABLE, on_connect);
}

static void
on_connect(uv_poll_t *poll, int status, int events)
{
    struct mpm_listener *l = MPM_CONTAINER(poll, struct mpm_listener, poll);

    (void)events;
    if (status < 0) { /* libuv has stopped polling */
        pause_accepting(l, -status);
        return;
    }
    for (int i = 0; i < ACCEPTS_A_TURN && l->fd >= 0; i++) {
        struct mpm_address peer;
        int fd;

        peer.len = sizeof peer.u;
        fd = accept4(l->fd, &peer.u.any, &peer.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            l->accepted(l, fd, &peer, l->user);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_accepting(l, errno);
            return;
        } /* else: EINTR, or that one connection died before we took it (accept(2) lists a dozen ways): the next */
    }
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static void
free_listener(uv_handle_t *handle)
{
    struct mpm_listener *l = handle->data;

    if (--l->n_open == 0)
        mpm__free(l);
}

void
mpm__listener_close(struct mpm_listener *l)
{
    if (l->fd < 0)
        return;
    uv_close((uv_handle_t *)&l->poll, free_listener);
    uv_close((uv_handle_t *)&l->retry, free_listener);
    close(l->fd);
    l->fd = -1;
    remove_path(l);
}

const char *
mpm__listener_text(const struct mpm_listener *l)
{
    return l->text;
}

int
mpm__listener_open(uv_loop_t *loop, const struct mpm_address *address, mpm_accept_call *accepted,
    void (*paused)(struct mpm_listener *l, int error, void *user), void *user, struct mpm_listener **out,
    struct mpm_error *err)
{
    struct mpm_listener *l = mpm__array(1, sizeof *l);
    int r = 0;

    if (l == NULL)
        return mpm__fail(err, MPM_ENOMEM, 0, "out of memory");
    l->fd = -1;
    l->accepted = accepted;
    l->paused = paused;
    l->user = user;
    l->address = *address;
    mpm__address_format(&l->address, l->text);

    l->fd = socket(l->address.u.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (l->fd < 0) {
        r = fail(err, l->text, strerror(errno), "");
        goto failed;
    }
    if (!mpm__address_is_unix(&l->address))
        r = bind_inet(l, err);
    else if (l->address.u.un.sun_path[0] != '\0')
        r = bind_path(l, err);
    else if (bind(l->fd, &l->address.u.any, l->address.len) != 0 || listen(l->fd, SOMAXCONN) != 0)
        r = bind_failed(err, &l->address, l->text, errno);
    if (r != 0)
        goto failed;

    if (!mpm__address_is_unix(&l->address)) {
        l->address.len = sizeof l->address.u;
        getsockname(l->fd, &l->address.u.any, &l->address.len); /* the port that 0 became */
        mpm__address_format(&l->address, l->text);
    }
    l->poll.data = l->retry.data = l;
    if ((r = uv_poll_init(loop, &l->poll, l->fd)) != 0) {
        r = fail(err, l->text, uv_strerror(r), "");
        goto failed;
    }
    uv_timer_init(loop, &l->retry); /* these two cannot fail */
    uv_poll_start(&l->poll, UV_READABLE, on_connect);
    l->n_open = 2;
    *out = l;
    return 0;

failed:
    if (l->fd >= 0)
        close(l->fd);
    remove_path(l);
    mpm__free(l);
    return r;
}

/*
 * daemon.c - the server as a program of its own. Layer: server.
 *
 * server.c leaves alone what belongs to the whole process, since it may be a guest there. Here is what a daemon does
 * with that: signals, limits, the allocator, the descriptors that it was given, and what it tells the service manager.
 */
#include "server/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <uv.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "server/sdnotify.h"
#include "server/server.h"

#define KEEP_FREED (32 * 1024 * 1024)

struct daemon {
    const struct mpm_options *options;
    struct mpm_server *server;
    uv_signal_t signals[3];
    size_t n_signals;
    uv_poll_t lifeline;
    bool has_lifeline;
};

static void
on_signal(uv_signal_t *handle, int number)
{
    mpm__server_stop(handle->data, number == SIGTERM ? "SIGTERM" : number == SIGINT ? "SIGINT" : "SIGHUP");
}

static void
on_lifeline(uv_poll_t *poll, int status, int events)
{
    struct daemon *d = MPM_CONTAINER(poll, struct daemon, lifeline);
    char ignored[512];
    ssize_t n;

    (void)events;
    do
        n = status < 0 ? 0 : read(d->options->lifeline_fd, ignored, sizeof ignored);
    while (n < 0 && errno == EINTR);
    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)))
        return; /* it is for its end only */
    uv_poll_stop(poll);
    mpm__server_stop(d->server, "the lifeline ended");
}

static int
watch_signals(struct daemon *d, struct mpm_error *err)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    int r;

    signal(SIGPIPE, SIG_IGN); /* the log goes to standard error, which may be a pipe that nobody reads any more */
    for (size_t i = 0; i < 3; i++) {
        uv_signal_t *handle = &d->signals[d->n_signals];
        struct sigaction old;

        /* Ctrl-C and the end of the terminal are for the program that holds the lifeline; it will let go of it. */
        if (numbers[i] != SIGTERM && d->options->lifeline_fd >= 0) {
            signal(numbers[i], SIG_IGN);
            continue;
        }
        if (numbers[i] == SIGHUP && sigaction(SIGHUP, NULL, &old) == 0 && old.sa_handler == SIG_IGN)
            continue; /* nohup */
        if ((r = uv_signal_init(mpm__server_loop(d->server), handle)) == 0) {
            d->n_signals++;
            handle->data = d->server;
            r = uv_signal_start(handle, on_signal, numbers[i]);
        }
        if (r != 0)
            return mpm__fail(err, MPM_EIO, 0, "signals cannot be watched: %s", uv_strerror(r));
    }
    return 0;
}

static int
watch_lifeline(struct daemon *d, struct mpm_error *err)
{
    int fd = d->options->lifeline_fd, r;

    if (fd < 0)
        return 0;
    if (fcntl(fd, F_GETFD) < 0)
        return mpm__fail(err, MPM_EIO, 0, "--lifeline-fd %d: %s; give an open pipe or socket", fd, strerror(errno));
    if ((r = uv_poll_init(mpm__server_loop(d->server), &d->lifeline, fd)) != 0)
        return mpm__fail(err, MPM_EIO, 0, "--lifeline-fd %d: %s; give a pipe or socket", fd, uv_strerror(r));
    d->has_lifeline = true;
    if (fd > STDERR_FILENO)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    uv_poll_start(&d->lifeline, UV_READABLE, on_lifeline);
    return 0;
}

/* A client is a descriptor, and a client process another one. */
static void
raise_descriptor_limit(const struct mpm_options *o)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    if (limit.rlim_cur != limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
        getrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur < o->max_connections)
        mpm__log(MPM_LOG_INFO, "server", "event=descriptors limit=%llu max-connections=%zu",
            (unsigned long long)limit.rlim_cur, o->max_connections);
}

/* Writes the addresses, one a line, and closes the descriptor: its reader sees the end. */
static int
tell_ready(struct daemon *d, struct mpm_error *err)
{
    int fd = d->options->ready_fd, null;
    const char *address;

    for (size_t i = 0; (address = mpm_server_address(d->server, i)) != NULL; i++) {
        char line[MPM_ADDRESS_TEXT + 1];
        size_t len = (size_t)snprintf(line, sizeof line, "%s\n", address), at = 0;

        while (at < len) {
            ssize_t n = write(fd, line + at, len - at);

            if (n < 0 && errno != EINTR)
                return mpm__fail(err, MPM_EIO, 0, "--ready-fd %d: %s; give a descriptor that is open for writing", fd,
                    strerror(errno));
            at += n > 0 ? (size_t)n : 0;
        }
    }
    /* The numbers 0 to 2 must not become those of sockets. */
    if (fd > STDERR_FILENO) {
        close(fd);
    } else if ((null = open("/dev/null", O_RDWR | O_CLOEXEC)) >= 0) {
        dup2(null, fd);
        close(null);
    }
    mpm__sd_notify("READY=1\nSTATUS=Serving");
    return 0;
}

int
mpm__daemon_run(struct mpm_options *o, struct mpm_error *err)
{
    struct daemon d = {.options = o};
    bool goes_on;
    int r;

    mpm__alloc_keep(KEEP_FREED);
    raise_descriptor_limit(o);
    if ((r = mpm__server_new(o, NULL, &d.server, err)) != 0)
        return r;
    if ((r = watch_signals(&d, err)) == 0 && (r = watch_lifeline(&d, err)) == 0
        && (r = mpm__server_listen(d.server, o, err)) == 0 && (r = tell_ready(&d, err)) == 0) {
        mpm__server_sweep(d.server);
        goes_on = mpm__server_turn(d.server, true); /* until it is asked to end */
        mpm__sd_notify("STOPPING=1");
        while (goes_on)
            goes_on = mpm__server_turn(d.server, true);
    }
    for (size_t i = 0; i < d.n_signals; i++)
        uv_close((uv_handle_t *)&d.signals[i], NULL);
    if (d.has_lifeline)
        uv_close((uv_handle_t *)&d.lifeline, NULL);
    mpm_server_close(d.server);
    return r;
}

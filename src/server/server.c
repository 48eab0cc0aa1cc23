/*
 * server.c - ties descriptors to sessions. Layer: server.
 *
 * The core knows no socket, clock or chance: this file brings them. A turn of the loop reads what has arrived and
 * feeds it to the sessions, which answer at once; then finish_turn() lets the sessions that were woken by others send
 * what they have, and reports dead processes. What a request means is none of its business.
 */
#include "server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <uv.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "core/hub.h"
#include "hash/digest.h"
#include "net/conn.h"
#include "net/listener.h"
#include "server/procs.h"
#include "server/sdnotify.h"

#define NONCES 64      /* random bytes are fetched for so many challenges at once */
#define GRACE_MS 5000  /* at the end, for peers that have not read their last reply */
#define KEEP_FREED (32 * 1024 * 1024)
#define LOG_BURST 5    /* lines a second of one kind */

struct client {
    struct mpm_conn conn; /* first */
    struct mpm_session *session;
    struct mpm_proc *proc; /* NULL: unknown */
};

struct mpm_server {
    const struct mpm_options *options;
    uv_loop_t loop;
    struct mpm_net net;
    struct mpm_hub *hub;
    struct mpm_procs procs;
    struct mpm_listener **listeners;
    size_t n_listeners;

    uv_timer_t deadline;    /* for the hub's next one, or an earlier time */
    int64_t deadline_ns;    /* when that runs; MPM_FOREVER: it does not */
    uv_prepare_t turn_end;  /* before each wait, so after reading and after timers */
    uv_signal_t signals[3];
    size_t n_signals;
    uv_poll_t lifeline;
    bool has_lifeline;
    uv_timer_t grace;
    bool is_stopping, is_out_of_patience;

    size_t n_nonces;        /* left in the pool */
    uint8_t nonces[NONCES][MPM_AUTH_NONCE];
    struct mpm_log_rate refused_rate, paused_rate;
};

static int64_t
now_ns(void)
{
    return (int64_t)uv_hrtime();
}

static struct mpm_server *
server_of(const struct mpm_conn *c)
{
    return c->net->user;
}

static struct client *
client_of(struct mpm_conn *c)
{
    return (struct client *)c;
}

/* --- connection and session --------------------------------------------------------------------------------------- */

static void
on_bytes(struct mpm_conn *c, const uint8_t *bytes, size_t len)
{
    mpm__session_feed(client_of(c)->session, bytes, len, now_ns());
}

static uint8_t *
space(struct mpm_conn *c, size_t *room)
{
    return mpm__session_space(client_of(c)->session, room);
}

static void
filled(struct mpm_conn *c, size_t n)
{
    mpm__session_filled(client_of(c)->session, n, now_ns());
}

static size_t
output(struct mpm_conn *c, struct iovec *iov, size_t n_max)
{
    struct mpm_piece pieces[MPM_NET_PIECES];
    size_t n = mpm__session_output(client_of(c)->session, pieces, n_max < MPM_NET_PIECES ? n_max : MPM_NET_PIECES);

    for (size_t i = 0; i < n; i++)
        iov[i] = (struct iovec){(void *)(uintptr_t)pieces[i].bytes, pieces[i].len};
    return n;
}

static bool
sent(struct mpm_conn *c, size_t n)
{
    return mpm__session_sent(client_of(c)->session, n);
}

static bool
is_closing(struct mpm_conn *c)
{
    return mpm__session_is_closing(client_of(c)->session);
}

static bool
wants_quickack(struct mpm_conn *c)
{
    return mpm__session_wants_quickack(client_of(c)->session);
}

static void
closed(struct mpm_conn *c, bool lost)
{
    struct client *client = client_of(c);
    struct mpm_server *s = server_of(c);

    mpm__session_end(client->session, lost || mpm__session_has_output(client->session), now_ns());
    client->session = NULL;
    if (client->proc != NULL)
        mpm__procs_leave(client->proc);
    client->proc = NULL;
    for (size_t i = 0; i < s->n_listeners; i++)
        mpm__listener_resume(s->listeners[i]);
}

static const struct mpm_conn_calls conn_calls = {
    .on_bytes = on_bytes,
    .space = space,
    .filled = filled,
    .output = output,
    .sent = sent,
    .is_closing = is_closing,
    .wants_quickack = wants_quickack,
    .closed = closed,
};

static const uint8_t *
next_nonce(struct mpm_server *s)
{
    if (s->n_nonces == 0) {
        mpm__random(s->nonces, sizeof s->nonces);
        s->n_nonces = NONCES;
    }
    return s->nonces[--s->n_nonces];
}

static void
refuse(struct mpm_server *s, const struct mpm_address *address, const char *why)
{
    char text[MPM_ADDRESS_TEXT];
    uint32_t suppressed;

    if (mpm__log_rate(&s->refused_rate, now_ns(), LOG_BURST, &suppressed))
        mpm__log(MPM_LOG_WARNING, "server", "event=refused peer=%s connections=%zu suppressed=%u why=\"%s\"",
            mpm__address_is_unix(address) ? "unix" : mpm__address_format(address, text), s->net.n_conns, suppressed,
            why);
}

static void
on_accept(struct mpm_listener *l, int fd, const struct mpm_address *address, void *user)
{
    struct mpm_server *s = user;
    bool is_unix = mpm__address_is_unix(address);
    char text[MPM_ADDRESS_TEXT];
    struct mpm_peer peer = {.text = text};
    struct client *client;

    (void)l;
    if (s->net.n_conns >= s->options->max_connections) {
        refuse(s, address, "--max-connections reached");
        close(fd);
        return;
    }
    if ((client = (struct client *)mpm__conn_new(&s->net, sizeof *client, fd, !is_unix)) == NULL) {
        refuse(s, address, "out of memory");
        return;
    }
    if (is_unix) {
        peer.pid = mpm__conn_peer_pid(fd);
        snprintf(text, sizeof text, "unix pid=%lld", (long long)peer.pid);
    } else {
        mpm__address_format(address, text);
    }
    client->session = mpm__session_new(s->hub, &peer, next_nonce(s), now_ns(), client);
    if (client->session == NULL) {
        refuse(s, address, "out of memory");
        mpm__conn_discard(&client->conn);
        return;
    }
    /* The challenge goes out before anything else is done for this connection. */
    if (mpm__conn_start(&client->conn) && peer.pid != 0)
        client->proc = mpm__procs_join(&s->procs, peer.pid);
}

static void
on_paused(struct mpm_listener *l, int error, void *user)
{
    struct mpm_server *s = user;
    struct rlimit limit = {0};
    uint32_t suppressed;

    getrlimit(RLIMIT_NOFILE, &limit);
    if (mpm__log_rate(&s->paused_rate, now_ns(), 1, &suppressed))
        mpm__log(MPM_LOG_WARNING, "server",
            "event=accept-paused address=%s connections=%zu descriptor-limit=%llu suppressed=%u why=\"%s\"",
            mpm__listener_text(l), s->net.n_conns, (unsigned long long)limit.rlim_cur, suppressed, strerror(error));
}

/* --- turns -------------------------------------------------------------------------------------------------------- */

static void
on_deadline(uv_timer_t *timer)
{
    struct mpm_server *s = MPM_CONTAINER(timer, struct mpm_server, deadline);

    s->deadline_ns = MPM_FOREVER;
    mpm__hub_tick(s->hub, now_ns());
}

/* Sees to it that the hub's next deadline is kept. A timer that is due earlier than needed is left alone: a queue of
 * waiters whose first one changes with every request would keep it moving. */
static void
set_deadline(struct mpm_server *s)
{
    int64_t next = mpm__hub_next_deadline(s->hub);
    uint64_t now_ms, due_ms;

    if (next >= s->deadline_ns)
        return;
    s->deadline_ns = next;
    /* Rounded up: a wait may end late by a millisecond, never early. */
    now_ms = uv_now(&s->loop);
    due_ms = next <= 0 ? 0 : ((uint64_t)next + 999999) / 1000000;
    uv_timer_start(&s->deadline, on_deadline, due_ms > now_ms ? due_ms - now_ms : 0, 0);
}

/* What others caused: sessions that were granted something, or are to be closed. */
static void
send_ready(struct mpm_server *s)
{
    struct mpm_session *session;

    while ((session = mpm__hub_next_ready(s->hub)) != NULL)
        mpm__conn_flush(mpm__session_user(session));
}

static void
stop(struct mpm_server *s, const char *why)
{
    if (s->is_stopping) {
        s->is_out_of_patience = true; /* asked twice */
    } else {
        mpm__log(MPM_LOG_INFO, "server", "event=stopping why=\"%s\" connections=%zu", why, s->net.n_conns);
        s->is_stopping = true;
    }
    uv_stop(&s->loop);
}

static void
finish_turn(struct mpm_server *s)
{
    send_ready(s);
    mpm__procs_report(&s->procs);
    send_ready(s);
    if (!s->is_stopping && mpm__hub_wants_shutdown(s->hub))
        stop(s, "a client asked for shutdown");
    set_deadline(s);
}

static void
on_turn_end(uv_prepare_t *prepare)
{
    finish_turn(MPM_CONTAINER(prepare, struct mpm_server, turn_end));
}

static void
on_process_gone(void *user, int64_t pid)
{
    struct mpm_server *s = user;

    mpm__log(MPM_LOG_DEBUG, "server", "event=process-gone pid=%lld", (long long)pid);
    mpm__hub_process_gone(s->hub, pid, now_ns());
}

/* --- what ends the server ----------------------------------------------------------------------------------------- */

static void
on_signal(uv_signal_t *handle, int number)
{
    stop(handle->data, number == SIGTERM ? "SIGTERM" : number == SIGINT ? "SIGINT" : "SIGHUP");
}

static void
on_lifeline(uv_poll_t *poll, int status, int events)
{
    struct mpm_server *s = MPM_CONTAINER(poll, struct mpm_server, lifeline);
    char ignored[512];
    ssize_t n;

    (void)events;
    do
        n = status < 0 ? 0 : read(s->options->lifeline_fd, ignored, sizeof ignored);
    while (n < 0 && errno == EINTR);
    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)))
        return; /* it is for its end only */
    uv_poll_stop(poll);
    stop(s, "the lifeline ended");
}

static int
watch_signals(struct mpm_server *s)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    int r;

    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < 3; i++) {
        struct sigaction old;

        /* Ctrl-C and the end of the terminal are for the program that holds the lifeline; it will let go of it. */
        if (numbers[i] != SIGTERM && s->options->lifeline_fd >= 0) {
            signal(numbers[i], SIG_IGN);
            continue;
        }
        if (numbers[i] == SIGHUP && sigaction(SIGHUP, NULL, &old) == 0 && old.sa_handler == SIG_IGN)
            continue; /* nohup */
        if ((r = uv_signal_init(&s->loop, &s->signals[s->n_signals])) != 0)
            return r;
        s->signals[s->n_signals].data = s;
        if ((r = uv_signal_start(&s->signals[s->n_signals++], on_signal, numbers[i])) != 0)
            return r;
    }
    return 0;
}

static int
watch_lifeline(struct mpm_server *s, struct mpm_error *err)
{
    int fd = s->options->lifeline_fd, r;

    if (fd < 0)
        return 0;
    if (fcntl(fd, F_GETFD) < 0)
        return mpm__fail(err, MPM_EIO, 0, "--lifeline-fd %d: %s; give an open pipe or socket", fd, strerror(errno));
    if ((r = uv_poll_init(&s->loop, &s->lifeline, fd)) != 0)
        return mpm__fail(err, MPM_EIO, 0, "--lifeline-fd %d: %s; give a pipe or socket", fd, uv_strerror(r));
    s->has_lifeline = true;
    if (fd > STDERR_FILENO)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    uv_poll_start(&s->lifeline, UV_READABLE, on_lifeline);
    return 0;
}

/* --- life --------------------------------------------------------------------------------------------------------- */

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

static int
make_hub(struct mpm_server *s, struct mpm_options *o, struct mpm_error *err)
{
    struct mpm_hub_options h = {
        .authkey = o->authkey,
        .authkey_len = o->authkey_len,
        .max_message = o->max_message,
        .max_memory = o->max_memory,
        .auth_timeout_ns = o->auth_timeout_ns,
        .on_owner_death = o->on_owner_death,
        .queue_requests = o->queue_requests,
        .started_ns = now_ns(),
    };
    int r;

    mpm__random(h.hash_key, sizeof h.hash_key);
    mpm__random(&h.first_id, sizeof h.first_id);
    h.first_id = h.first_id >> 18 | UINT64_C(1) << 46; /* as long as an address, which it is in CPython */
    s->hub = mpm__hub_new(&h);
    mpm__options_wipe_key(o);
    if (s->hub == NULL)
        return mpm__fail(err, MPM_ENOMEM, 0, "out of memory");
    for (size_t i = 0; i < o->n_registered; i++)
        if ((r = mpm__hub_register(s->hub, o->registered[i], err)) != 0)
            return r;
    return 0;
}

static int
open_listeners(struct mpm_server *s, struct mpm_error *err)
{
    const struct mpm_options *o = s->options;
    size_t n = o->n_listen != 0 ? o->n_listen : 1;
    int r;

    if ((s->listeners = mpm__array(n, sizeof *s->listeners)) == NULL)
        return mpm__fail(err, MPM_ENOMEM, 0, "out of memory");
    for (; s->n_listeners < n; s->n_listeners++) {
        const struct mpm_address *a = o->n_listen != 0 ? &o->listen[s->n_listeners] : NULL;
        struct mpm_listener **l = &s->listeners[s->n_listeners];

        if ((r = mpm__listener_open(&s->loop, a, on_accept, on_paused, s, l, err)) != 0)
            return r;
        if (mpm__hub_add_address(s->hub, mpm__listener_text(*l)) != 0) {
            mpm__listener_close(*l);
            return mpm__fail(err, MPM_ENOMEM, 0, "out of memory");
        }
        mpm__log(MPM_LOG_INFO, "server", "event=listening address=%s", mpm__listener_text(*l));
    }
    return 0;
}

int
mpm__server_new(struct mpm_options *o, struct mpm_server **out, struct mpm_error *err)
{
    struct mpm_server *s = mpm__array(1, sizeof *s);
    int r;

    if (s == NULL)
        return mpm__fail(err, MPM_ENOMEM, 0, "out of memory");
    s->options = o;
    s->deadline_ns = MPM_FOREVER;
    if (uv_loop_init(&s->loop) != 0) {
        mpm__free(s);
        return mpm__fail(err, MPM_EIO, 0, "no event loop: %s; are file descriptors left?", strerror(errno));
    }
    /* None of these can fail, and from here on everything can be undone by mpm__server_free(). */
    uv_timer_init(&s->loop, &s->deadline);
    uv_timer_init(&s->loop, &s->grace);
    uv_prepare_init(&s->loop, &s->turn_end);
    uv_prepare_start(&s->turn_end, on_turn_end);
    mpm__procs_init(&s->procs, &s->loop, on_process_gone, s);

    mpm__alloc_keep(KEEP_FREED);
    raise_descriptor_limit(o);
    if (mpm__hash_setup() != 0)
        r = mpm__fail(err, MPM_EIO, 0, "libsodium cannot be used on this machine");
    else if (mpm__net_init(&s->net, &s->loop, &conn_calls, s) != 0)
        r = mpm__fail(err, MPM_ENOMEM, 0, "out of memory");
    else if ((r = watch_signals(s)) != 0)
        r = mpm__fail(err, MPM_EIO, 0, "signals cannot be watched: %s", uv_strerror(r));
    else if ((r = make_hub(s, o, err)) == 0 && (r = watch_lifeline(s, err)) == 0)
        r = open_listeners(s, err);
    if (r != 0) {
        mpm__server_free(s);
        return r;
    }
    *out = s;
    return 0;
}

/* Writes the addresses, one a line, and closes the descriptor: its reader sees the end. */
static int
tell_ready(struct mpm_server *s, struct mpm_error *err)
{
    int fd = s->options->ready_fd, null;

    for (size_t i = 0; i < s->n_listeners; i++) {
        char line[MPM_ADDRESS_TEXT + 1];
        size_t len = (size_t)snprintf(line, sizeof line, "%s\n", mpm__listener_text(s->listeners[i])), at = 0;

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

static void
on_grace_over(uv_timer_t *timer)
{
    struct mpm_server *s = MPM_CONTAINER(timer, struct mpm_server, grace);

    s->is_out_of_patience = true;
}

/* Closes every connection, or only those that have been sent everything. */
static void
close_conns(struct mpm_server *s, bool all)
{
    struct mpm_link *next;

    for (struct mpm_link *l = mpm__list_first(&s->net.conns); l != NULL; l = next) {
        struct mpm_conn *c = MPM_CONTAINER(l, struct mpm_conn, link);

        next = mpm__list_next(&s->net.conns, l);
        if (all || !c->wants_write)
            mpm__conn_close(c, false);
    }
}

/* What has arrived is answered, and answers are given time to be read; calls that wait are dropped. */
static void
wind_up(struct mpm_server *s)
{
    mpm__sd_notify("STOPPING=1");
    for (size_t i = 0; i < s->n_listeners; i++)
        mpm__listener_close(s->listeners[i]);
    s->n_listeners = 0;
    uv_run(&s->loop, UV_RUN_NOWAIT);
    finish_turn(s);
    uv_timer_start(&s->grace, on_grace_over, GRACE_MS, 0);
    for (close_conns(s, false); s->net.n_conns != 0 && !s->is_out_of_patience; close_conns(s, false)) {
        uv_run(&s->loop, UV_RUN_ONCE);
        finish_turn(s);
    }
    close_conns(s, true);
}

int
mpm__server_run(struct mpm_server *s, struct mpm_error *err)
{
    int r = tell_ready(s, err);

    if (r != 0)
        return r;
    set_deadline(s);
    while (!s->is_stopping)
        uv_run(&s->loop, UV_RUN_DEFAULT);
    wind_up(s);
    mpm__log(MPM_LOG_INFO, "server", "event=stopped");
    return 0;
}

void
mpm__server_free(struct mpm_server *s)
{
    for (size_t i = 0; i < s->n_listeners; i++)
        mpm__listener_close(s->listeners[i]);
    s->n_listeners = 0;
    if (s->net.loop != NULL)
        close_conns(s, true);
    mpm__procs_wipe(&s->procs);
    uv_close((uv_handle_t *)&s->deadline, NULL);
    uv_close((uv_handle_t *)&s->grace, NULL);
    uv_close((uv_handle_t *)&s->turn_end, NULL);
    for (size_t i = 0; i < s->n_signals; i++)
        uv_close((uv_handle_t *)&s->signals[i], NULL);
    if (s->has_lifeline)
        uv_close((uv_handle_t *)&s->lifeline, NULL);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    uv_loop_close(&s->loop);
    mpm__net_wipe(&s->net);
    if (s->hub != NULL)
        mpm__hub_free(s->hub);
    mpm__free(s->listeners);
    explicit_bzero(s->nonces, sizeof s->nonces);
    mpm__free(s);
}

/*
 * server.c - ties descriptors to sessions. Layer: server.
 *
 * The core knows no socket, clock or chance: this file brings them. A turn of the loop reads what has arrived and
 * feeds it to the sessions, which answer at once; then finish_turn() lets the sessions that were woken by others send
 * what they have, and reports dead processes. What a request means is none of its business.
 */
#include "server/server.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <uv.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "core/hub.h"
#include "hash/digest.h"
#include "net/conn.h"
#include "net/folder.h"
#include "net/listener.h"
#include "server/procs.h"
#include "server/setup.h"

#define NONCES 64      /* random bytes are fetched for so many challenges at once */
#define TIME_USES 64   /* of the clock, before it is read again in the same turn */
#define GRACE_MS 5000  /* at the end, for peers that have not read their last reply */
#define LOG_BURST 5    /* lines a second of one kind */

struct client {
    struct mpm_conn conn; /* first */
    struct mpm_session *session;
    struct mpm_proc *proc; /* NULL: unknown */
};

/*   SERVING --asked to end--> ENDING --all replies read, or out of patience--> ENDED   */
enum state { SERVING, ENDING, ENDED };

struct mpm_server {
    enum state state;
    size_t max_connections;
    struct mpm_log log;     /* of its own, if has_log; otherwise that of the thread */
    bool has_log;
    pid_t pid;              /* of the process that it belongs to */
    uv_loop_t loop;
    struct mpm_net net;
    struct mpm_hub *hub;
    struct mpm_procs procs;
    struct mpm_listener **listeners; /* the first n_listeners are open */
    char (*addresses)[MPM_ADDRESS_TEXT];
    size_t n_listeners, n_addresses;
    struct mpm_folder folder; /* for a socket without an address, and for notes about segments */
    bool has_no_folder;       /* nor can have one */

    uv_timer_t deadline;    /* for the hub's next one, or an earlier time */
    int64_t deadline_ns;    /* when that runs; MPM_FOREVER: it does not */
    int64_t turn_ns;        /* the time of this turn; 0: nobody has asked yet */
    unsigned n_asked;       /* so often since it was read */
    uv_prepare_t turn_end;  /* before each wait, so after reading and after timers */
    uv_timer_t grace;
    uv_async_t asked;       /* by mpm_server_stop() */
    bool is_waiting;        /* in uv_run() until it is told to return */
    bool is_stopping, is_out_of_patience;

    size_t n_nonces;        /* left in the pool */
    uint8_t nonces[NONCES][MPM_AUTH_NONCE];
    struct mpm_log_rate refused_rate, paused_rate;
};

/* Whatever is done in a turn was there when the loop woke up, so that is its time: the clock is read once. (It takes
 * 27 ns; all of a small request takes 3,500.) But of 1,024 events libuv makes up to 48 polls in one turn, and what comes
 * with the later ones may answer what was sent after the first: its time limit would count from too early. */
static int64_t
now_ns(struct mpm_server *s)
{
    if (s->turn_ns == 0 || s->n_asked++ == TIME_USES) {
        s->turn_ns = (int64_t)uv_hrtime();
        s->n_asked = 0;
    }
    return s->turn_ns;
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

/* Makes the folder, if there is none; whether there is one. */
static bool
make_folder(struct mpm_server *s)
{
    struct mpm_error why;

    if (s->folder.fd >= 0)
        return true;
    if (s->has_no_folder)
        return false;
    s->has_no_folder = mpm__folder_open(&s->folder, &why) != 0;
    if (s->has_no_folder)
        mpm__log(MPM_LOG_INFO, "server", "event=no-folder why=\"%s\"", why.text);
    return !s->has_no_folder;
}

/* Shared memory that its clients made is noted, for the case that this server is killed. What they gave up is gone before
 * they read that it is; when it is gone already that is no matter. */
static void
keep_segments(struct mpm_server *s)
{
    const char *tracked;
    char *name;

    while ((tracked = mpm__hub_next_tracked(s->hub)) != NULL) {
        bool is_first = s->folder.fd < 0;

        if (make_folder(s))
            mpm__folder_note(&s->folder, tracked);
        if (is_first)
            mpm__server_sweep(s);
    }
    while ((name = mpm__hub_next_unlink(s->hub)) != NULL) {
        if (shm_unlink(name) != 0 && errno != ENOENT)
            mpm__log(MPM_LOG_WARNING, "server", "event=unlink segment=\"%s\" why=\"%s\"", name, strerror(errno));
        mpm__folder_forget(&s->folder, name);
        mpm__free(name);
    }
}

static void
on_bytes(struct mpm_conn *c, const uint8_t *bytes, size_t len)
{
    mpm__session_feed(client_of(c)->session, bytes, len, now_ns(server_of(c)));
    keep_segments(server_of(c));
}

static uint8_t *
space(struct mpm_conn *c, size_t *room)
{
    return mpm__session_space(client_of(c)->session, room);
}

static void
filled(struct mpm_conn *c, size_t n)
{
    mpm__session_filled(client_of(c)->session, n, now_ns(server_of(c)));
    keep_segments(server_of(c));
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

    mpm__session_end(client->session, lost || mpm__session_has_output(client->session), now_ns(s));
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

    if (mpm__log_rate(&s->refused_rate, now_ns(s), LOG_BURST, &suppressed))
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
    if (s->net.n_conns >= s->max_connections) {
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
    client->session = mpm__session_new(s->hub, &peer, next_nonce(s), now_ns(s), client);
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
    if (mpm__log_rate(&s->paused_rate, now_ns(s), 1, &suppressed))
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
    s->turn_ns = 0; /* timers may run at the beginning of the next one */
    mpm__hub_tick(s->hub, now_ns(s));
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

void
mpm__server_stop(struct mpm_server *s, const char *why)
{
    if (s->is_stopping) {
        s->is_out_of_patience = true; /* asked twice */
    } else {
        mpm__log(MPM_LOG_INFO, "server", "event=stopping why=\"%s\" connections=%zu", why, s->net.n_conns);
        s->is_stopping = true;
    }
    if (s->is_waiting)
        uv_stop(&s->loop);
}

static void
on_asked(uv_async_t *asked)
{
    mpm__server_stop(MPM_CONTAINER(asked, struct mpm_server, asked), "the program asked for it");
}

static void
finish_turn(struct mpm_server *s)
{
    send_ready(s);
    mpm__procs_report(&s->procs);
    send_ready(s);
    if (!s->is_stopping && mpm__hub_wants_shutdown(s->hub))
        mpm__server_stop(s, "a client asked for shutdown");
    set_deadline(s);
}

static void
on_turn_end(uv_prepare_t *prepare)
{
    struct mpm_server *s = MPM_CONTAINER(prepare, struct mpm_server, turn_end);

    finish_turn(s);
    s->turn_ns = 0;
}

static void
on_process_gone(void *user, int64_t pid)
{
    struct mpm_server *s = user;

    mpm__log(MPM_LOG_DEBUG, "server", "event=process-gone pid=%lld", (long long)pid);
    mpm__hub_process_gone(s->hub, pid, now_ns(s));
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static int
make_hub(struct mpm_server *s, struct mpm_options *o, struct mpm_error *err)
{
    struct mpm_hub_options h = {
        .authkey = o->key.bytes,
        .authkey_len = o->key.len,
        .max_message = o->max_message,
        .max_memory = o->max_memory,
        .auth_timeout_ns = o->auth_timeout_ns,
        .on_owner_death = o->on_owner_death,
        .queue_requests = o->queue_requests,
        .started_ns = now_ns(s),
    };
    int r;

    mpm__random(h.hash_key, sizeof h.hash_key);
    mpm__random(&h.first_id, sizeof h.first_id);
    h.first_id = h.first_id >> 18 | UINT64_C(1) << 46; /* as long as an address, which it is in CPython */
    s->hub = mpm__hub_new(&h);
    mpm__key_wipe(&o->key);
    if (s->hub == NULL)
        return mpm__fail(err, MPM_ENOMEM, 0, "out of memory");
    for (size_t i = 0; i < o->n_registered; i++)
        if ((r = mpm__hub_register(s->hub, o->registered[i], err)) != 0)
            return r;
    return o->setup_fd >= 0 ? mpm__setup_read(s->hub, o->setup_fd, o->max_message, err) : 0;
}

/* Where to listen when nobody says it: a socket in a folder that only we can enter, or, where none can be made, an abstract
 * one, which needs none. */
static int
find_address(struct mpm_server *s, struct mpm_address *out, struct mpm_error *err)
{
#ifdef __linux__
    char name[64];
    uint64_t random[2];

    if (!make_folder(s)) {
        mpm__random(random, sizeof random);
        snprintf(name, sizeof name, "@mpmd-%016" PRIx64 "%016" PRIx64, random[0], random[1]);
        return mpm__address_parse(name, out, err);
    }
#else
    int r = mpm__folder_open(&s->folder, err);

    if (r != 0)
        return r;
#endif
    mpm__folder_address(&s->folder, out);
    return 0;
}

int
mpm__server_listen(struct mpm_server *s, const struct mpm_options *o, struct mpm_error *err)
{
    size_t n = o->n_listen != 0 ? o->n_listen : 1;
    struct mpm_address own;
    int r;

    s->listeners = mpm__array(n, sizeof *s->listeners);
    s->addresses = mpm__array(n, sizeof *s->addresses);
    if (s->listeners == NULL || s->addresses == NULL)
        return mpm__fail(err, MPM_ENOMEM, 0, "out of memory");
    if (o->n_listen == 0 && (r = find_address(s, &own, err)) != 0)
        return r;
    for (; s->n_listeners < n; s->n_listeners++) {
        const struct mpm_address *a = o->n_listen != 0 ? &o->listen[s->n_listeners] : &own;
        struct mpm_listener **l = &s->listeners[s->n_listeners];

        if ((r = mpm__listener_open(&s->loop, a, on_accept, on_paused, s, l, err)) != 0)
            return r;
        if (mpm__hub_add_address(s->hub, mpm__listener_text(*l)) != 0) {
            mpm__listener_close(*l);
            return mpm__fail(err, MPM_ENOMEM, 0, "out of memory");
        }
        memcpy(s->addresses[s->n_addresses++], mpm__listener_text(*l), MPM_ADDRESS_TEXT);
        mpm__log(MPM_LOG_INFO, "server", "event=listening address=%s", mpm__listener_text(*l));
    }
    return 0;
}

int
mpm__server_new(struct mpm_options *o, const struct mpm_log *log, struct mpm_server **out, struct mpm_error *err)
{
    struct mpm_server *s = mpm__array(1, sizeof *s);
    int r;

    if (s == NULL)
        return mpm__fail(err, MPM_ENOMEM, 0, "out of memory");
    s->max_connections = o->max_connections;
    s->deadline_ns = MPM_FOREVER;
    s->pid = getpid();
    s->folder = (struct mpm_folder)MPM_FOLDER_NONE;
    s->has_log = log != NULL;
    if (s->has_log)
        s->log = *log;
    if (uv_loop_init(&s->loop) != 0) {
        mpm__free(s);
        return mpm__fail(err, MPM_EIO, 0, "no event loop: %s; are file descriptors left?", strerror(errno));
    }
    /* None of these can fail (the loop has the descriptor of `asked` already), and from here on everything can be
     * undone by mpm_server_close(). */
    uv_async_init(&s->loop, &s->asked, on_asked);
    uv_timer_init(&s->loop, &s->deadline);
    uv_timer_init(&s->loop, &s->grace);
    uv_prepare_init(&s->loop, &s->turn_end);
    uv_prepare_start(&s->turn_end, on_turn_end);
    mpm__procs_init(&s->procs, &s->loop, on_process_gone, s);

    if (mpm__hash_setup() != 0)
        r = mpm__fail(err, MPM_EIO, 0, "libsodium cannot be used on this machine");
    else if (mpm__net_init(&s->net, &s->loop, &conn_calls, s) != 0)
        r = mpm__fail(err, MPM_ENOMEM, 0, "out of memory");
    else
        r = make_hub(s, o, err);
    if (r != 0) {
        mpm_server_close(s);
        return r;
    }
    *out = s;
    return 0;
}

void
mpm__server_sweep(struct mpm_server *s)
{
    mpm__folder_sweep(&s->folder);
}

uv_loop_t *
mpm__server_loop(struct mpm_server *s)
{
    return &s->loop;
}

/* --- serving, and the end of it ----------------------------------------------------------------------------------- */

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
begin_to_end(struct mpm_server *s)
{
    s->state = ENDING;
    for (size_t i = 0; i < s->n_listeners; i++)
        mpm__listener_close(s->listeners[i]);
    s->n_listeners = 0;
    uv_run(&s->loop, UV_RUN_NOWAIT);
    finish_turn(s);
    mpm__hub_release_segments(s->hub);
    keep_segments(s);
    uv_timer_start(&s->grace, on_grace_over, GRACE_MS, 0);
}

bool
mpm__server_turn(struct mpm_server *s, bool wait)
{
    switch (s->state) {
    case SERVING:
        set_deadline(s);
        s->is_waiting = wait;
        if (!s->is_stopping)
            uv_run(&s->loop, wait ? UV_RUN_DEFAULT : UV_RUN_NOWAIT);
        s->is_waiting = false;
        finish_turn(s);
        if (!s->is_stopping)
            return true;
        begin_to_end(s);
        break;
    case ENDING:
        uv_run(&s->loop, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT);
        finish_turn(s);
        break;
    case ENDED:
        return false;
    }
    close_conns(s, s->is_out_of_patience);
    if (s->net.n_conns != 0)
        return true;
    s->state = ENDED;
    mpm__log(MPM_LOG_INFO, "server", "event=stopped");
    return false;
}

/* --- the public functions; mpm_server_open() is in embed.c -------------------------------------------------------- */

/* The server's log becomes that of this thread; returns the one before. */
static struct mpm_log *
enter(struct mpm_server *s)
{
    struct mpm_log *before = mpm__log_here;

    if (s->has_log)
        mpm__log_here = &s->log;
    return before;
}

static int
turns(struct mpm_server *s, bool wait, struct mpm_error *err)
{
    struct mpm_log *before;
    bool goes_on;

    /* The loop's descriptors mean those of the parent: it would be served less. */
    if (getpid() != s->pid)
        return mpm__fail(err, MPM_EINVAL, 0, "the server belongs to process %lld, which this one was forked from",
            (long long)s->pid);
    before = enter(s);
    do
        goes_on = mpm__server_turn(s, wait);
    while (goes_on && wait);
    mpm__log_here = before;
    return goes_on ? MPM_EAGAIN : 0;
}

int
mpm_server_run(struct mpm_server *s, struct mpm_error *err)
{
    return turns(s, true, err);
}

int
mpm_server_advance(struct mpm_server *s, struct mpm_error *err)
{
    return turns(s, false, err);
}

void
mpm_server_stop(struct mpm_server *s)
{
    uv_async_send(&s->asked);
}

int
mpm_server_fd(const struct mpm_server *s)
{
    return uv_backend_fd(&s->loop);
}

int64_t
mpm_server_timeout_ns(struct mpm_server *s)
{
    int ms;

#if UV_VERSION_HEX < 0x012c00 /* later ones look at this themselves: descriptors that the kernel does not know of yet */
    if (s->loop.watcher_queue[0] != &s->loop.watcher_queue)
        return 0;
#endif
    if (s->state == ENDED)
        return MPM_FOREVER;
    uv_update_time(&s->loop);
    ms = uv_backend_timeout(&s->loop);
    return ms < 0 ? MPM_FOREVER : ms * INT64_C(1000000);
}

const char *
mpm_server_address(const struct mpm_server *s, size_t i)
{
    return i < s->n_addresses ? s->addresses[i] : NULL;
}

void
mpm_server_close(struct mpm_server *s)
{
    struct mpm_log *before;

    if (s == NULL || getpid() != s->pid)
        return;
    before = enter(s);
    for (size_t i = 0; i < s->n_listeners; i++)
        mpm__listener_close(s->listeners[i]);
    s->n_listeners = 0;
    if (s->net.loop != NULL)
        close_conns(s, true);
    mpm__procs_wipe(&s->procs);
    uv_close((uv_handle_t *)&s->asked, NULL);
    uv_close((uv_handle_t *)&s->deadline, NULL);
    uv_close((uv_handle_t *)&s->grace, NULL);
    uv_close((uv_handle_t *)&s->turn_end, NULL);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    uv_loop_close(&s->loop);
    mpm__net_wipe(&s->net);
    if (s->hub != NULL) {
        mpm__hub_release_segments(s->hub);
        keep_segments(s);
        mpm__hub_free(s->hub);
    }
    mpm__folder_close(&s->folder);
    mpm__free(s->listeners);
    mpm__free(s->addresses);
    explicit_bzero(s->nonces, sizeof s->nonces);
    mpm__log_here = before;
    mpm__free(s);
}

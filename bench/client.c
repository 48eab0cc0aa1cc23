/*
 * client.c - libmpmd at work, for bench/clients.py: one job, so many times, with one client or one in each thread.
 * Program of its own; knows the public headers only, as any user of the library does.
 *
 * The job "bare" is the other side of the comparison: it writes frames from a file and reads as many back, and knows
 * nothing of what is in them. It is for bench/canned, which does not look at what it gets either.
 */
#include <mpmd/mpmd.h>

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "turn.h"

#define N_KEYS 1000
#define WINDOW 64 /* started calls under way */
#define THREADS_MAX 64

static struct {
    const char *address, *key, *job, *token, *requests, *pid;
    long n_operations, n_threads;
    int shared;
} options = { .key = "", .job = "", .n_operations = 1000, .n_threads = 1 };

static char keys[N_KEYS][16];

static void __attribute__((noreturn, format(printf, 1, 2)))
die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("client: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

/* --- what every job does ------------------------------------------------------------------------------------------ */

static void
must(int r, const struct mpm_error *err)
{
    if (r != 0)
        die("%s: %s", options.job, err->text);
}

static struct mpm_client *
open_client(void)
{
    struct mpm_client_options o = { .size = sizeof o, .authkey = options.key, .authkey_len = strlen(options.key) };
    struct mpm_error err = { 0 };
    struct mpm_client *c = NULL;

    must(mpm_client_open(options.address, &o, &c, &err), &err);
    return c;
}

static struct mpm_builder *
open_builder(struct mpm_client *c)
{
    struct mpm_builder *b = NULL;

    if (mpm_client_builder(c, &b) != 0)
        die("no memory");
    return b;
}

/* A new object, or, with --token, one that the server (bench/canned) need not have. */
static struct mpm_proxy *
open_object(struct mpm_client *c, const char *type)
{
    struct mpm_error err = { 0 };
    struct mpm_proxy *p = NULL;

    if (options.token != NULL)
        must(mpm_proxy_from_token(c, options.token, &p, &err), &err);
    else
        must(mpm_create(c, type, NULL, NULL, &p, &err), &err);
    return p;
}

static struct mpm_proxy *
open_dict(struct mpm_client *c)
{
    struct mpm_proxy *p = open_object(c, "dict");
    struct mpm_builder *b;
    struct mpm_error err = { 0 };

    if (options.token != NULL)
        return p;
    b = open_builder(c);
    mpm_put_begin(b, MPM_K_DICT);
    for (int i = 0; i < N_KEYS; i++) {
        mpm_put_string(b, keys[i]);
        mpm_put_int(b, 100000 + i);
    }
    mpm_put_end(b);
    must(mpm_dict_update(p, b, &err), &err);
    mpm_builder_close(b);
    return p;
}

/* Where the next operation goes: all over the dict. */
static const char *
key_of(long i)
{
    return keys[i * 389 % N_KEYS];
}

/* --- calls that wait ---------------------------------------------------------------------------------------------- */

static void
run_get(void)
{
    struct mpm_client *c = open_client();
    struct mpm_proxy *dict = open_dict(c);
    struct mpm_error err = { 0 };
    int64_t value;
    struct turn turn = turn_begin(options.pid);

    for (long i = 0; i < options.n_operations; i++)
        must(mpm_dict_get_int(dict, key_of(i), &value, &err), &err);
    turn_end(turn, options.n_operations);
    mpm_proxy_close(dict);
    mpm_client_close(c);
}

static void
run_set(void)
{
    struct mpm_client *c = open_client();
    struct mpm_proxy *dict = open_dict(c);
    struct mpm_error err = { 0 };
    struct turn turn = turn_begin(options.pid);

    for (long i = 0; i < options.n_operations; i++)
        must(mpm_dict_set_int(dict, key_of(i), 100000 + i, &err), &err);
    turn_end(turn, options.n_operations);
    mpm_proxy_close(dict);
    mpm_client_close(c);
}

/* One operation: append, and pop what was appended. */
static void
run_list(void)
{
    struct mpm_client *c = open_client();
    struct mpm_proxy *list = open_object(c, "list");
    struct mpm_builder *item = open_builder(c);
    struct mpm_document *popped;
    struct mpm_error err = { 0 };
    struct turn turn = turn_begin(options.pid);

    for (long i = 0; i < options.n_operations; i++) {
        mpm_builder_clear(item);
        mpm_put_int(item, 100000 + i);
        must(mpm_list_append(list, item, &err), &err);
        must(mpm_list_pop(list, -1, &popped, &err), &err);
        mpm_document_close(popped);
    }
    turn_end(turn, options.n_operations);
    mpm_builder_close(item);
    mpm_proxy_close(list);
    mpm_client_close(c);
}

/* --- calls that are started and taken ----------------------------------------------------------------------------- */

static void
start(struct mpm_proxy *dict, struct mpm_builder *args, int sets, long i)
{
    struct mpm_error err = { 0 };

    mpm_builder_clear(args);
    mpm_put_begin(args, MPM_K_TUPLE);
    mpm_put_string(args, key_of(i));
    if (sets)
        mpm_put_int(args, 100000 + i);
    mpm_put_end(args);
    must(mpm_start(dict, sets ? "__setitem__" : "__getitem__", args, NULL, NULL, &err), &err);
}

static void
run_started(int sets)
{
    struct mpm_client *c = open_client();
    struct mpm_proxy *dict = open_dict(c);
    struct mpm_builder *args = open_builder(c);
    struct mpm_document *d;
    struct mpm_error err = { 0 };
    int64_t value;
    struct turn turn = turn_begin(options.pid);

    for (long taken = 0, started = 0; taken < options.n_operations; taken++) {
        for (; started < options.n_operations && started < taken + WINDOW; started++)
            start(dict, args, sets, started);
        must(mpm_take(c, MPM_FOREVER, NULL, sets ? NULL : &d, &err), &err);
        if (sets)
            continue;
        if (mpm_read_int64(mpm_document_root(d), &value) != 0)
            die("no int");
        mpm_document_close(d);
    }
    turn_end(turn, options.n_operations);
    mpm_builder_close(args);
    mpm_proxy_close(dict);
    mpm_client_close(c);
}

/* --- workers ------------------------------------------------------------------------------------------------------ */

struct worker {
    pthread_t thread;
    struct mpm_client *client;
    struct mpm_proxy *lock, *queue;
};
static pthread_barrier_t ready;

/* One operation: put an item, get one, hold the lock. */
static void *
work(void *user)
{
    struct worker *w = user;
    struct mpm_builder *item = open_builder(w->client);
    struct mpm_document *got;
    struct mpm_error err = { 0 };

    mpm_put_int(item, 100000);
    pthread_barrier_wait(&ready);
    for (long i = 0; i < options.n_operations / options.n_threads; i++) {
        must(mpm_queue_put(w->queue, item, MPM_FOREVER, &err), &err);
        must(mpm_queue_get(w->queue, MPM_FOREVER, &got, &err), &err);
        mpm_document_close(got);
        must(mpm_lock_acquire(w->lock, MPM_FOREVER, &err), &err);
        must(mpm_lock_release(w->lock, &err), &err);
    }
    pthread_barrier_wait(&ready);
    mpm_builder_close(item);
    return NULL;
}

static void
run_workers(void)
{
    static struct worker workers[THREADS_MAX];
    unsigned n = (unsigned)options.n_threads;
    struct mpm_error err = { 0 };
    struct turn turn;

    if (pthread_barrier_init(&ready, NULL, n + 1) != 0)
        die("no barrier");
    for (unsigned i = 0; i < n; i++) {
        struct worker *w = &workers[i];

        w->client = open_client();
        if (i == 0 || !options.shared) {
            w->lock = open_object(w->client, "Lock");
            w->queue = open_object(w->client, "Queue");
        } else {
            must(mpm_proxy_copy(workers[0].lock, w->client, &w->lock, &err), &err);
            must(mpm_proxy_copy(workers[0].queue, w->client, &w->queue, &err), &err);
        }
        /* the connection for calls is opened before the clock starts */
        must(mpm_lock_acquire(w->lock, MPM_FOREVER, &err), &err);
        must(mpm_lock_release(w->lock, &err), &err);
        if (pthread_create(&w->thread, NULL, work, w) != 0)
            die("no thread");
    }
    turn = turn_begin(options.pid);
    pthread_barrier_wait(&ready);
    pthread_barrier_wait(&ready);
    turn_end(turn, options.n_operations / options.n_threads * options.n_threads);
    for (unsigned i = 0; i < n; i++) {
        pthread_join(workers[i].thread, NULL);
        mpm_proxy_close(workers[i].lock);
        mpm_proxy_close(workers[i].queue);
        mpm_client_close(workers[i].client);
    }
    pthread_barrier_destroy(&ready);
}

/* --- bare frames -------------------------------------------------------------------------------------------------- */

static void
send_frame(int fd, const uint8_t *frame, size_t len)
{
    if (send(fd, frame, len, MSG_NOSIGNAL) != (ssize_t)len)
        die("send: %s", strerror(errno));
}

static size_t
length_of(const uint8_t *frame)
{
    return 4 + ((size_t)frame[0] << 24 | (size_t)frame[1] << 16 | (size_t)frame[2] << 8 | frame[3]);
}

static void
receive_frame(int fd)
{
    static uint8_t in[65536];

    for (size_t len = 0; len < 4 || len < length_of(in);) {
        ssize_t n = recv(fd, in + len, sizeof in - len, 0);

        if (n <= 0)
            die("recv: %s", n == 0 ? "closed" : strerror(errno));
        len += (size_t)n;
    }
}

/* The frames of --requests: that of accept_connection, then those of one operation. */
static void
run_bare(void)
{
    static uint8_t requests[65536];
    struct mpm_connection_options o = { .size = sizeof o, .authkey = options.key, .authkey_len = strlen(options.key) };
    struct mpm_connection *connection = NULL;
    FILE *file = options.requests != NULL ? fopen(options.requests, "rb") : NULL;
    size_t len = file != NULL ? fread(requests, 1, sizeof requests, file) : 0, first;
    struct mpm_error err = { 0 };
    struct turn turn;
    int fd;

    if (len < 4)
        die("%s: no requests in it", options.requests != NULL ? options.requests : "--requests");
    fclose(file);
    must(mpm_connection_open(options.address, &o, MPM_FOREVER, &connection, &err), &err);
    fd = mpm_connection_fd(connection); /* the handshake is done: from here on it is a bare socket that waits */
    first = length_of(requests);
    send_frame(fd, requests, first);
    receive_frame(fd);
    turn = turn_begin(options.pid);
    for (long i = 0; i < options.n_operations; i++) {
        for (size_t at = first; at < len; at += length_of(requests + at)) {
            send_frame(fd, requests + at, length_of(requests + at));
            receive_frame(fd);
        }
    }
    turn_end(turn, options.n_operations);
    mpm_connection_close(connection);
}

/* ------------------------------------------------------------------------------------------------------------------ */

static void
run_get_started(void)
{
    run_started(0);
}

static void
run_set_started(void)
{
    run_started(1);
}

static const struct job {
    const char *name;
    void (*run)(void);
} jobs[] = { { "get", run_get }, { "set", run_set }, { "list", run_list }, { "get-started", run_get_started },
    { "set-started", run_set_started }, { "workers", run_workers }, { "bare", run_bare } };

int
main(int argc, char **argv)
{
    static const struct option table[] = { { "address", required_argument, NULL, 'a' },
        { "key", required_argument, NULL, 'k' }, { "job", required_argument, NULL, 'j' },
        { "operations", required_argument, NULL, 'n' }, { "token", required_argument, NULL, 't' },
        { "requests", required_argument, NULL, 'r' }, { "threads", required_argument, NULL, 'T' },
        { "pid", required_argument, NULL, 'p' }, { "shared", no_argument, NULL, 's' }, { 0 } };
    int option;

    while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
        switch (option) {
        case 'a': options.address = optarg; break;
        case 'k': options.key = optarg; break;
        case 'j': options.job = optarg; break;
        case 'n': options.n_operations = strtol(optarg, NULL, 10); break;
        case 't': options.token = optarg; break;
        case 'r': options.requests = optarg; break;
        case 'T': options.n_threads = strtol(optarg, NULL, 10); break;
        case 'p': options.pid = optarg; break;
        case 's': options.shared = 1; break;
        default: return 2;
        }
    }
    if (options.address == NULL || options.n_threads < 1 || options.n_threads > THREADS_MAX)
        die("--address is missing, or too many --threads");
    for (int i = 0; i < N_KEYS; i++)
        snprintf(keys[i], sizeof keys[i], "key%03d", i);
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
        if (strcmp(jobs[i].name, options.job) == 0) {
            jobs[i].run();
            return 0;
        }
    }
    die("--job: one of get, set, list, get-started, set-started, workers, bare");
}

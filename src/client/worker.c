/*
 * worker.c - a pool of workers: its options, its processes or threads, and what becomes of those that die. Layer:
 * client.
 *
 * What a worker does is job.c's. The parent of processes takes no jobs; it forks, waits, and forks again. A process
 * that ends by itself says so in its note, with the reason; one that does not has died, whatever its exit status is.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "base/alloc.h"
#include "base/error.h"
#include "client/worker.h"

#define WORKERS_MAX 4096
#define KEY_MAX 4096
#define SECOND INT64_C(1000000000)
#define DELAY_FIRST (SECOND / 20) /* before the next, when two in a row died without finishing a job */
#define DELAY_MAX (5 * SECOND)
#define LOOK_AROUND_MS 100        /* without pidfd_open() */

void
mpm__work_log(const struct mpm_worker *pool, const char *format, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    if (pool->options.log != NULL)
        pool->options.log(pool->options.log_arg, text);
    else
        fprintf(stderr, "%s: %s\n", pool->options.name, text);
}

/* --- options ------------------------------------------------------------------------------------------------------ */

static const char *
copy_text(const char *text, int *r)
{
    char *copy = NULL;

    if (text == NULL)
        return NULL;
    copy = mpm__alloc(strlen(text) + 1);
    if (copy == NULL)
        *r = MPM_ENOMEM;
    return copy != NULL ? strcpy(copy, text) : NULL;
}

/* A number of the environment; 0 when it is not there. */
static int
read_number(const char *name, int *out, struct mpm_error *err)
{
    const char *text = getenv(name);
    char *end;
    long n;

    *out = 0;
    if (text == NULL)
        return 0;
    n = strtol(text, &end, 10);
    if (end == text || *end != '\0' || n < 0 || n > INT_MAX)
        return mpm__fail(err, MPM_EINVAL, 0, "%s=%.40s: expected a number", name, text);
    *out = (int)n;
    return 0;
}

/* The key, from a descriptor as far as its end. */
static int
read_key(struct mpm_worker_options *o, uint8_t key[KEY_MAX], struct mpm_error *err)
{
    size_t len = 0;
    ssize_t n;
    int fd, r = read_number("MPMD_WORKER_AUTHKEY_FD", &fd, err);

    if (r != 0 || getenv("MPMD_WORKER_AUTHKEY_FD") == NULL)
        return r;
    while ((n = read(fd, key + len, KEY_MAX - len)) > 0 || (n < 0 && errno == EINTR))
        len += n > 0 ? (size_t)n : 0;
    if (n < 0)
        return mpm__fail(err, MPM_EIO, 0, "MPMD_WORKER_AUTHKEY_FD=%d: %s", fd, strerror(errno));
    if (len == KEY_MAX)
        return mpm__fail(err, MPM_EINVAL, 0, "MPMD_WORKER_AUTHKEY_FD=%d: a key of more than %d bytes", fd, KEY_MAX - 1);
    close(fd);
    o->authkey = key;
    o->authkey_len = len;
    return 0;
}

static int
read_environment(struct mpm_worker_options *o, uint8_t key[KEY_MAX], struct mpm_error *err)
{
    int r = 0;

    o->address = getenv("MPMD_WORKER_ADDRESS");
    if (o->jobs == NULL)
        o->jobs = getenv("MPMD_WORKER_JOBS");
    if (o->results == NULL)
        o->results = getenv("MPMD_WORKER_RESULTS");
    if (o->authkey == NULL)
        r = read_key(o, key, err);
    if (r == 0 && o->processes == 0 && o->threads == 0)
        r = read_number("MPMD_WORKER_PROCESSES", &o->processes, err);
    if (r == 0 && o->lifeline_fd == 0)
        r = read_number("MPMD_WORKER_LIFELINE_FD", &o->lifeline_fd, err);
    if (r == 0 && o->lifeline_fd > 0)
        (void)fcntl(o->lifeline_fd, F_SETFD, FD_CLOEXEC);
    return r;
}

static int
check_options(const struct mpm_worker_options *o, struct mpm_error *err)
{
    static const char from[] = "set it in the options, or let mpmd.cpool start this program";

    if (o->address == NULL)
        return mpm__fail(err, MPM_EINVAL, 0, "no address (MPMD_WORKER_ADDRESS): %s", from);
    if (o->jobs == NULL || o->results == NULL)
        return mpm__fail(err, MPM_EINVAL, 0, "no queue of %s: %s", o->jobs == NULL ? "jobs (MPMD_WORKER_JOBS)"
            : "results (MPMD_WORKER_RESULTS)", from);
    if (o->processes < 0 || o->threads < 0 || o->processes > WORKERS_MAX || o->threads > WORKERS_MAX)
        return mpm__fail(err, MPM_EINVAL, 0, "processes and threads are from 0 to %d", WORKERS_MAX);
    if (o->processes != 0 && o->threads != 0)
        return mpm__fail(err, MPM_EINVAL, 0, "processes or threads, not both");
    if (o->max_deliveries < 0 || o->connect_timeout_ns < 0)
        return mpm__fail(err, MPM_EINVAL, 0, "max_deliveries or connect_timeout_ns is below 0");
    return 0;
}

static int
copy_options(struct mpm_worker *w, const struct mpm_worker_options *o)
{
    uint8_t *key = NULL;
    int r = 0;

    w->options = *o;
    w->options.authkey = NULL;
    w->options.address = copy_text(o->address, &r);
    w->options.jobs = copy_text(o->jobs, &r);
    w->options.results = copy_text(o->results, &r);
    w->options.name = copy_text(o->name != NULL ? o->name : "C worker", &r);
    if (o->authkey != NULL && (key = mpm__alloc(o->authkey_len)) == NULL)
        r = MPM_ENOMEM;
    else if (o->authkey != NULL)
        memcpy(key, o->authkey, o->authkey_len);
    w->options.authkey = key;
    if (o->processes == 0 && o->threads == 0)
        w->options.processes = 1;
    if (o->max_deliveries == 0)
        w->options.max_deliveries = 3;
    w->client = (struct mpm_client_options){ .size = sizeof w->client, .authkey = key, .authkey_len = o->authkey_len,
        .connect_timeout_ns = o->connect_timeout_ns, .max_message = o->max_message };
    return r;
}

int
mpm_worker_open(const struct mpm_worker_options *options, struct mpm_worker **out, struct mpm_error *err)
{
    struct mpm_worker_options o;
    struct mpm_worker *w;
    uint8_t key[KEY_MAX];
    int r = 0;

    if (options == NULL || options->size != sizeof *options)
        return mpm__fail(err, MPM_EINVAL, 0, "options.size is not sizeof(struct mpm_worker_options) = %zu",
            sizeof *options);
    o = *options;
    if (o.address == NULL)
        r = read_environment(&o, key, err);
    if (r == 0)
        r = check_options(&o, err);
    if (r != 0)
        goto out;
    w = mpm__array(1, sizeof *w);
    if (w != NULL) {
        w->wake[0] = w->wake[1] = -1;
        atomic_init(&w->stop, 0);
    }
    if (w == NULL || copy_options(w, &o) != 0)
        r = mpm__fail(err, MPM_ENOMEM, 0, "no memory for a pool of workers");
    else if (pipe2(w->wake, O_CLOEXEC | O_NONBLOCK) != 0)
        r = mpm__fail(err, MPM_EIO, 0, "no pipe: %s", strerror(errno));
    if (r == 0)
        *out = w;
    else
        mpm_worker_close(w);
out:
    explicit_bzero(key, sizeof key);
    return r;
}

void
mpm_worker_close(struct mpm_worker *w)
{
    if (w == NULL)
        return;
    for (size_t i = 0; i < w->n_functions; i++)
        mpm__free(w->functions[i].name);
    mpm__free(w->functions);
    for (int i = 0; i < 2; i++)
        if (w->wake[i] >= 0)
            close(w->wake[i]);
    if (w->options.authkey != NULL)
        explicit_bzero((void *)(uintptr_t)w->options.authkey, w->options.authkey_len);
    mpm__free((void *)(uintptr_t)w->options.authkey);
    mpm__free((void *)(uintptr_t)w->options.address);
    mpm__free((void *)(uintptr_t)w->options.jobs);
    mpm__free((void *)(uintptr_t)w->options.results);
    mpm__free((void *)(uintptr_t)w->options.name);
    mpm__free(w);
}

int
mpm_worker_register(struct mpm_worker *w, const char *name, int (*run)(struct mpm_job *job, void *arg), void *arg)
{
    struct mpm_function *more;
    char *copy;
    int r = 0;

    if (name == NULL || name[0] == '\0' || run == NULL)
        return MPM_EINVAL;
    for (size_t i = 0; i < w->n_functions; i++)
        if (strcmp(w->functions[i].name, name) == 0)
            return MPM_EINVAL;
    copy = (char *)(uintptr_t)copy_text(name, &r);
    more = copy != NULL ? mpm__resize(w->functions, w->n_functions + 1, sizeof *more) : NULL;
    if (more == NULL) {
        mpm__free(copy);
        return MPM_ENOMEM;
    }
    w->functions = more;
    more[w->n_functions++] = (struct mpm_function){ copy, run, arg };
    return 0;
}

/* --- stopping ----------------------------------------------------------------------------------------------------- */

/* One byte in the pipe is enough; when it is full, there is one. */
static void
wake(const struct mpm_worker *w)
{
    int saved = errno;

    if (w->wake[1] >= 0 && write(w->wake[1], "", 1) < 0)
        errno = saved;
    errno = saved;
}

void
mpm_worker_stop(struct mpm_worker *w)
{
    atomic_store(&w->stop, 1);
    wake(w);
}

static struct mpm_worker *_Atomic signalled; /* the pool that SIGTERM and SIGINT stop */
static const int stopping_signals[2] = { SIGTERM, SIGINT };

static void
stop_by_signal(int number)
{
    struct mpm_worker *w = atomic_load(&signalled);

    (void)number;
    if (w != NULL)
        mpm_worker_stop(w);
}

/* Waits for something to happen: the pipe, the lifeline, or one of the further descriptors. */
static void
look_around(struct mpm_worker *w, struct pollfd *fds, nfds_t n, int timeout_ms)
{
    char bytes[64];

    fds[0] = (struct pollfd){ .fd = w->wake[0], .events = POLLIN };
    fds[1] = (struct pollfd){ .fd = w->options.lifeline_fd > 0 && !atomic_load(&w->stop) ? w->options.lifeline_fd : -1,
        .events = POLLIN };
    if (poll(fds, n, timeout_ms) <= 0)
        return;
    while (fds[0].revents != 0 && read(w->wake[0], bytes, sizeof bytes) > 0)
        ;
    if (fds[1].fd >= 0 && fds[1].revents != 0 && read(fds[1].fd, bytes, sizeof bytes) <= 0)
        mpm_worker_stop(w);
}

/* --- threads ------------------------------------------------------------------------------------------------------ */

struct thread {
    struct mpm_worker *pool;
    struct mpm_note *note;
    pthread_t id;
    int number;
    bool is_joined;
};

static void *
run_thread(void *arg)
{
    struct thread *t = arg;
    struct mpm_error err = { 0 };

    t->note->code = mpm__work(t->pool, t->number, t->note, &err);
    memcpy(t->note->text, err.text, sizeof t->note->text);
    atomic_store(&t->note->has_ended, 1);
    wake(t->pool);
    return NULL;
}

/* Joins those that have ended. Returns how many have not; the first failure goes into *r. */
static size_t
join_ended(struct mpm_worker *w, struct thread *threads, size_t n, int *r, struct mpm_error *err)
{
    size_t left = 0;

    for (size_t i = 0; i < n; i++) {
        if (threads[i].is_joined)
            continue;
        if (!atomic_load(&threads[i].note->has_ended)) {
            left++;
            continue;
        }
        pthread_join(threads[i].id, NULL);
        threads[i].is_joined = true;
        if (threads[i].note->code != 0 && *r == 0) {
            *r = mpm__fail(err, threads[i].note->code, 0, "%s", threads[i].note->text);
            mpm_worker_stop(w);
        }
    }
    return left;
}

static int
run_threads(struct mpm_worker *w, struct mpm_error *err)
{
    size_t n = (size_t)w->options.threads, started = 0;
    struct thread *threads = mpm__array(n, sizeof *threads);
    struct mpm_note *notes = mpm__array(n, sizeof *notes);
    struct pollfd fds[2];
    int r = 0, e;

    if (threads == NULL || notes == NULL) {
        r = mpm__fail(err, MPM_ENOMEM, 0, "no memory for %zu threads", n);
        goto out;
    }
    for (; started < n; started++) {
        threads[started] = (struct thread){ .pool = w, .note = &notes[started], .number = (int)started + 1 };
        if ((e = pthread_create(&threads[started].id, NULL, run_thread, &threads[started])) != 0) {
            r = mpm__fail(err, MPM_EIO, 0, "no thread: %s", strerror(e));
            mpm_worker_stop(w);
            break;
        }
    }
    while (join_ended(w, threads, started, &r, err) != 0)
        look_around(w, fds, 2, -1);
out:
    mpm__free(notes);
    mpm__free(threads);
    return r;
}

/* --- processes ---------------------------------------------------------------------------------------------------- */

struct child {
    struct mpm_note *note;
    pid_t pid;          /* 0: none now */
    int pidfd;          /* -1: none */
    int64_t start_ns;   /* when to fork the next; INT64_MAX: never */
    int64_t delay_ns;
    unsigned long n_done; /* of the note, when the last one was forked */
};

static int64_t
now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * SECOND + t.tv_nsec;
}

static int
open_pidfd(pid_t pid)
{
#ifdef SYS_pidfd_open
    return (int)syscall(SYS_pidfd_open, pid, 0);
#else
    (void)pid;
    return -1;
#endif
}

/* A child is to have the descriptors that it needs, also as the last of a thousand. */
static void
close_pidfds(const struct child *children, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (children[i].pidfd >= 0)
            close(children[i].pidfd);
}

static void __attribute__((noreturn))
be_child(struct mpm_worker *w, struct mpm_note *note, int number, pid_t parent, const sigset_t *mask)
{
    struct sigaction stop = { .sa_handler = stop_by_signal, .sa_flags = SA_RESTART };
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    struct mpm_error err = { 0 };

    for (int i = 0; i < 2; i++) { /* the parent's */
        close(w->wake[i]);
        w->wake[i] = -1;
    }
    w->is_child = true;
    atomic_store(&signalled, w);
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &ignore, NULL); /* Ctrl-C is the parent's, who sends SIGTERM */
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* leases go back */
#endif
    if (getppid() != parent)
        _exit(1);
    pthread_sigmask(SIG_SETMASK, mask, NULL);
    note->code = mpm__work(w, number, note, &err);
    memcpy(note->text, err.text, sizeof note->text);
    atomic_store(&note->has_ended, 1);
    fflush(NULL);
    _exit(0);
}

static int
start_child(struct mpm_worker *w, struct child *children, size_t n, size_t which, struct mpm_error *err)
{
    struct child *c = &children[which];
    sigset_t block, mask;
    pid_t parent = getpid();

    fflush(NULL);
    c->n_done = atomic_load(&c->note->n_done);
    sigemptyset(&block);
    for (size_t i = 0; i < 2; i++)
        sigaddset(&block, stopping_signals[i]);
    pthread_sigmask(SIG_BLOCK, &block, &mask);
    c->pid = fork();
    if (c->pid == 0) {
        sigdelset(&mask, SIGTERM);
        close_pidfds(children, n);
        be_child(w, c->note, (int)which + 1, parent, &mask);
    }
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    if (c->pid < 0) {
        c->pid = 0;
        return mpm__fail(err, MPM_EIO, 0, "no process: %s", strerror(errno));
    }
    c->start_ns = INT64_MAX;
    c->pidfd = open_pidfd(c->pid);
    return 0;
}

/* It died: its job is answered when nobody else has it, and another takes its place. */
static void
replace_child(struct mpm_worker *w, struct child *c, int number, pid_t pid, int status)
{
    struct mpm_error err = { 0 };
    char how[80];

    if (WIFSIGNALED(status))
        snprintf(how, sizeof how, "signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        snprintf(how, sizeof how, "exit status %d", WEXITSTATUS(status));
    if (atomic_load(&c->note->n_done) != c->n_done)
        c->delay_ns = 0;
    mpm__work_log(w, "process %d (%d) died: %s%s", number, (int)pid, how,
        atomic_load(&w->stop) ? "" : c->delay_ns == 0 ? "; it is replaced" : "; it will be replaced");
    if (atomic_load(&c->note->id_len) != 0 && mpm__work_answer(w, c->note, how, &err) != 0)
        mpm__work_log(w, "the job of process %d is lost: %s", number, err.text);
    if (atomic_load(&w->stop))
        return;
    c->start_ns = now_ns() + c->delay_ns;
    c->delay_ns = c->delay_ns == 0 ? DELAY_FIRST : c->delay_ns < DELAY_MAX / 2 ? 2 * c->delay_ns : DELAY_MAX;
}

/* Looks after processes that have ended. */
static void
reap(struct mpm_worker *w, struct child *children, size_t n, int *r, struct mpm_error *err)
{
    int status = 0; /* should the program ignore SIGCHLD, there is none */
    pid_t pid;

    for (size_t i = 0; i < n; i++) {
        struct child *c = &children[i];

        if (c->pid == 0 || (pid = waitpid(c->pid, &status, WNOHANG)) == 0 || (pid < 0 && errno == EINTR))
            continue;
        pid = c->pid;
        c->pid = 0;
        if (c->pidfd >= 0)
            close(c->pidfd);
        c->pidfd = -1;
        if (!atomic_load(&c->note->has_ended)) {
            replace_child(w, c, (int)i + 1, pid, status);
        } else if (c->note->code != 0 && *r == 0) {
            *r = mpm__fail(err, c->note->code, 0, "%.159s", c->note->text);
            mpm_worker_stop(w);
        }
    }
}

/* Starts who is due. Returns how many there are and will be; *next_ns: when the next one is due. */
static size_t
start_due(struct mpm_worker *w, struct child *children, size_t n, int64_t *next_ns, int *r, struct mpm_error *err)
{
    size_t alive = 0;
    int64_t now = now_ns();

    *next_ns = INT64_MAX;
    for (size_t i = 0; i < n; i++) {
        struct child *c = &children[i];

        if (atomic_load(&w->stop))
            c->start_ns = INT64_MAX;
        if (c->pid == 0 && c->start_ns <= now && (*r = start_child(w, children, n, i, err)) != 0) {
            mpm_worker_stop(w);
            c->start_ns = INT64_MAX;
        }
        if (c->pid == 0 && c->start_ns < *next_ns)
            *next_ns = c->start_ns;
        alive += c->pid != 0 || c->start_ns != INT64_MAX;
    }
    return alive;
}

static void
tell_to_stop(const struct child *children, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (children[i].pid != 0)
            kill(children[i].pid, SIGTERM);
}

static int
poll_timeout(const struct child *children, size_t n, int64_t next_ns)
{
    int64_t ms = -1;

    if (next_ns != INT64_MAX) {
        ms = (next_ns - now_ns() + 999999) / 1000000;
        ms = ms < 0 ? 0 : ms;
    }
    for (size_t i = 0; i < n; i++)
        if (children[i].pid != 0 && children[i].pidfd < 0 && (ms < 0 || ms > LOOK_AROUND_MS))
            ms = LOOK_AROUND_MS;
    return (int)ms;
}

static int
supervise(struct mpm_worker *w, struct child *children, struct pollfd *fds, size_t n, struct mpm_error *err)
{
    bool told = false;
    int64_t next_ns;
    int r = 0;

    while (start_due(w, children, n, &next_ns, &r, err) != 0) {
        if (atomic_load(&w->stop) && !told) {
            tell_to_stop(children, n);
            told = true;
        }
        for (size_t i = 0; i < n; i++)
            fds[2 + i] = (struct pollfd){ .fd = children[i].pid != 0 ? children[i].pidfd : -1, .events = POLLIN };
        look_around(w, fds, 2 + n, poll_timeout(children, n, next_ns));
        reap(w, children, n, &r, err);
    }
    return r;
}

static int
run_processes(struct mpm_worker *w, struct mpm_error *err)
{
    size_t n = (size_t)w->options.processes;
    struct child *children = mpm__array(n, sizeof *children);
    struct pollfd *fds = mpm__array(2 + n, sizeof *fds);
    struct mpm_note *notes = MAP_FAILED;
    struct mpm_client *client = NULL;
    struct mpm_proxy *jobs = NULL, *results = NULL;
    int r = 0;

    if (children != NULL && fds != NULL)
        notes = mmap(NULL, n * sizeof *notes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (notes == MAP_FAILED) {
        r = mpm__fail(err, MPM_ENOMEM, 0, "no memory for %zu processes", n);
        goto out;
    }
    /* one error in place of n; and the queues live while there is no worker */
    r = mpm__work_open(w, 0, &client, &jobs, &results, err);
    if (r != 0)
        goto out;
    for (size_t i = 0; i < n; i++)
        children[i] = (struct child){ .note = &notes[i], .pidfd = -1 };
    r = supervise(w, children, fds, n, err);
out:
    mpm_proxy_close(results);
    mpm_proxy_close(jobs);
    mpm_client_close(client);
    if (notes != MAP_FAILED)
        munmap(notes, n * sizeof *notes);
    mpm__free(fds);
    mpm__free(children);
    return r;
}

/* --- running ------------------------------------------------------------------------------------------------------ */

int
mpm_worker_run(struct mpm_worker *w, struct mpm_error *err)
{
    struct sigaction stop = { .sa_handler = stop_by_signal, .sa_flags = SA_RESTART }, before[2];
    struct mpm_worker *nobody = NULL;
    int r;

    if (!w->options.keep_signals && !atomic_compare_exchange_strong(&signalled, &nobody, w))
        return mpm__fail(err, MPM_EINVAL, 0, "another pool of this process takes the signals: set keep_signals");
    for (size_t i = 0; i < 2 && !w->options.keep_signals; i++)
        sigaction(stopping_signals[i], &stop, &before[i]);
    if (atomic_load(&w->stop))
        r = 0;
    else
        r = w->options.threads != 0 ? run_threads(w, err) : run_processes(w, err);
    for (size_t i = 0; i < 2 && !w->options.keep_signals; i++)
        sigaction(stopping_signals[i], &before[i], NULL);
    if (!w->options.keep_signals)
        atomic_store(&signalled, NULL);
    return r;
}

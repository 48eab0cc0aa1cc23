/* test_worker.c - the worker pool with a daemon of its own: what functions are given and what becomes of what they
 * return, processes and threads that end, are ended and die. Python's side is pytests/test_cpool.py's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mpmd/client.h>
#include <mpmd/worker.h>

#include "client/worker.h"
#include "support/daemon.h"
#include "support/support.h"

#define HANG (INT64_C(600) * 1000000000) /* decides nothing */

static char jobs_token[128], results_token[128], logged[2000];
static const struct mpm_client_options client_options = { .size = sizeof client_options, .authkey = "key",
    .authkey_len = 3 };
static struct mpm_client *client;
static struct mpm_proxy *jobs, *results;
static int told[2]; /* what job functions say, and wait for the end of */

/* Fresh queues for each test. */
static int
make_queues(void **state)
{
    (void)state;
    logged[0] = '\0';
    if (pipe(told) != 0 || mpm_client_open(served.address, &client_options, &client, NULL) != 0 ||
        mpm_create(client, "JoinableQueue", NULL, NULL, &jobs, NULL) != 0 ||
        mpm_create(client, "Queue", NULL, NULL, &results, NULL) != 0)
        return -1;
    snprintf(jobs_token, sizeof jobs_token, "%s", mpm_proxy_token(jobs));
    snprintf(results_token, sizeof results_token, "%s", mpm_proxy_token(results));
    return 0;
}

static int
drop_queues(void **state)
{
    (void)state;
    close(told[0]);
    close(told[1]);
    mpm_proxy_close(results);
    mpm_proxy_close(jobs);
    mpm_client_close(client);
    return 0;
}

/* `method(literal)` and the result's repr, to be freed with mpm_free(). */
static char *
ask(struct mpm_proxy *p, const char *method, const char *literal)
{
    struct mpm_builder *b;
    struct mpm_document *d;
    struct mpm_error err = { 0 };
    char *repr;
    size_t len;

    assert_int_equal(mpm_client_builder(client, &b), 0);
    assert_int_equal(mpm_put_literal(b, literal, &err), 0);
    if (mpm_call(p, method, b, NULL, HANG, &d, &err) != 0)
        fail_msg("%s%s: %s", method, literal, err.text);
    mpm_builder_close(b);
    assert_int_equal(mpm_repr(mpm_document_root(d), &repr, &len), 0);
    mpm_document_close(d);
    return repr;
}

static void
asked(struct mpm_proxy *p, const char *method, const char *literal, const char *wanted)
{
    char *repr = ask(p, method, literal);

    assert_string_equal(repr, wanted);
    mpm_free(repr);
}

#define PUT(job) asked(jobs, "put", "(" job ",)", "None")
#define RESULT(wanted) asked(results, "get", "()", wanted)

/* --- functions ---------------------------------------------------------------------------------------------------- */

static int
add(struct mpm_job *job, void *arg)
{
    int64_t a, b = 0;
    struct mpm_ref ref;

    (void)arg;
    if (job->n_args < 1 || mpm_read_int64(job->args[0], &a) != 0)
        return mpm_job_raise(job, "builtins.TypeError", "add() takes ints, not %s", "that");
    if (mpm_dict_find(job->kwargs, "b", &ref) == 0)
        mpm_read_int64(ref, &b);
    mpm_put_int(job->result, a + b);
    return 0;
}

static int
echo(struct mpm_job *job, void *arg)
{
    mpm_put_begin(job->result, MPM_K_LIST);
    for (size_t i = 0; i < job->n_args; i++)
        mpm_put_ref(job->result, job->args[i]);
    mpm_put_string(job->result, arg);
    mpm_put_end(job->result);
    return 0;
}

static int
fail_with(struct mpm_job *job, void *arg)
{
    int64_t code = 0;

    (void)arg;
    mpm_read_int64(job->args[0], &code);
    mpm_put_int(job->result, 5); /* is forgotten */
    return (int)code;
}

static int
misuse(struct mpm_job *job, void *arg)
{
    int64_t how;

    (void)arg;
    mpm_read_int64(job->args[0], &how);
    if (how == 1)
        mpm_put_text(job->result, "\xff", 1);
    if (how == 2) {
        mpm_put_int(job->result, 1);
        mpm_put_int(job->result, 2);
    }
    if (how == 3)
        mpm_put_begin(job->result, MPM_K_LIST);
    if (how == 4)
        mpm_put_end(job->result);
    if (how == 5)
        return mpm_job_raise(job, "no such class", "text %c", 0xff);
    if (how == 6) {
        mpm_job_raise(job, "ValueError", "thought better of it");
        mpm_builder_clear(job->result);
        mpm_put_int(job->result, 6);
    }
    return 0; /* 0: nothing put */
}

/* The manager's objects and its exceptions, which are forgotten with the next call. */
static int
look_up(struct mpm_job *job, void *arg)
{
    struct mpm_builder *b = NULL;
    struct mpm_proxy *p = NULL;
    int r = mpm_client_builder(job->client, &b);

    (void)arg;
    if (r == 0)
        r = mpm_put_literal(b, "(1, 2)", NULL);
    if (r == 0 && job->n_args == 0)
        r = mpm_create(job->client, "Queue", b, NULL, &p, NULL);
    else if (r == 0)
        r = mpm_proxy_from_ref(job->client, job->args[0], &p, NULL);
    mpm_builder_clear(b);
    if (r == 0)
        r = mpm_put_literal(b, "('missing',)", NULL);
    if (r == 0)
        r = mpm_call(p, "__getitem__", b, NULL, HANG, NULL, NULL);
    if (r == MPM_EREMOTE && p != NULL)
        mpm_job_raise_remote(job);
    mpm_builder_close(b);
    mpm_proxy_close(p);
    return r;
}

static int
die(struct mpm_job *job, void *arg)
{
    int64_t times = 99;

    (void)arg;
    if (job->n_args > 0)
        mpm_read_int64(job->args[0], &times);
    if (job->deliveries <= times)
        raise(SIGKILL);
    mpm_put_int(job->result, job->deliveries);
    return 0;
}

/* Says its pid, and goes on when a byte comes; with an argument, when the pool is stopped. */
static int
wait_here(struct mpm_job *job, void *arg)
{
    int *go = arg;
    pid_t pid = getpid();
    char byte;

    if (write(told[1], &pid, sizeof pid) != sizeof pid || (job->n_args == 0 && read(*go, &byte, 1) < 0))
        return MPM_EIO;
    while (job->n_args != 0 && !mpm_worker_should_stop(job))
        usleep(1000);
    mpm_put_bool(job->result, mpm_worker_should_stop(job));
    return 0;
}

static pid_t
hear(void)
{
    pid_t pid = 0;

    assert_int_equal(read(told[0], &pid, sizeof pid), sizeof pid);
    return pid;
}

/* --- pools -------------------------------------------------------------------------------------------------------- */

static void
note_log(void *arg, const char *text)
{
    (void)arg;
    strncat(logged, text, sizeof logged - strlen(logged) - 2);
    strcat(logged, "\n");
}

static struct mpm_worker *
make_pool(int processes, int threads, int *go)
{
    struct mpm_worker_options options = { .size = sizeof options, .address = served.address, .authkey = "key",
        .authkey_len = 3,
        .jobs = jobs_token, .results = results_token, .processes = processes, .threads = threads,
        .keep_signals = threads != 0, .log = note_log };
    struct mpm_worker *w;
    struct mpm_error err;

    if (mpm_worker_open(&options, &w, &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(mpm_worker_register(w, "add", add, NULL), 0);
    assert_int_equal(mpm_worker_register(w, "echo", echo, (void *)(uintptr_t) "!"), 0);
    assert_int_equal(mpm_worker_register(w, "fail", fail_with, NULL), 0);
    assert_int_equal(mpm_worker_register(w, "misuse", misuse, NULL), 0);
    assert_int_equal(mpm_worker_register(w, "look_up", look_up, NULL), 0);
    assert_int_equal(mpm_worker_register(w, "die", die, NULL), 0);
    assert_int_equal(mpm_worker_register(w, "wait", wait_here, go), 0);
    return w;
}

/* A pool in a process of its own, which ends with 0, or 64 less the error. */
static pid_t
fork_pool(int processes, int *go)
{
    pid_t pid = fork();

    if (pid == 0) {
        struct mpm_worker *w = make_pool(processes, 0, go);
        struct mpm_error err = { 0 };
        int r = mpm_worker_run(w, &err);

        mpm_worker_close(w);
        _exit(r == 0 ? 0 : 64 - r);
    }
    return pid;
}

static int
end_of(pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void *
run_pool(void *arg)
{
    static struct mpm_error err;

    return mpm_worker_run(arg, &err) == 0 ? NULL : err.text;
}

/* --- tests -------------------------------------------------------------------------------------------------------- */

static void
options_are_checked(void **state)
{
    struct mpm_worker_options o = { .size = sizeof o, .address = "/nowhere/at/all", .jobs = "Queue:1",
        .results = "Queue:2" };
    struct mpm_worker_options bad = { 0 };
    struct mpm_worker *w = NULL;
    struct mpm_error err;

    (void)state;
    assert_int_equal(mpm_worker_open(&bad, &w, &err), MPM_EINVAL);
    assert_int_equal(mpm_worker_open(NULL, &w, &err), MPM_EINVAL);
    bad.size = sizeof bad;
    unsetenv("MPMD_WORKER_ADDRESS");
    assert_int_equal(mpm_worker_open(&bad, &w, &err), MPM_EINVAL);
    assert_non_null(strstr(err.text, "MPMD_WORKER_ADDRESS"));
    bad.address = "/x";
    assert_int_equal(mpm_worker_open(&bad, &w, &err), MPM_EINVAL);
    assert_non_null(strstr(err.text, "MPMD_WORKER_JOBS"));
    bad = o;
    bad.processes = bad.threads = 1;
    assert_int_equal(mpm_worker_open(&bad, &w, &err), MPM_EINVAL);
    bad = o;
    bad.threads = -1;
    assert_int_equal(mpm_worker_open(&bad, &w, &err), MPM_EINVAL);
    assert_null(w);
    assert_int_equal(mpm_worker_open(&o, &w, &err), 0);
    assert_int_equal(mpm_worker_register(w, "", add, NULL), MPM_EINVAL);
    assert_int_equal(mpm_worker_register(w, "add", NULL, NULL), MPM_EINVAL);
    assert_int_equal(mpm_worker_register(w, "add", add, NULL), 0);
    assert_int_equal(mpm_worker_register(w, "add", add, NULL), MPM_EINVAL);
    assert_int_equal(mpm_worker_run(w, &err), MPM_ECONN);
    assert_non_null(strstr(err.text, "/nowhere/at/all"));
    mpm_worker_stop(w);
    assert_int_equal(mpm_worker_run(w, &err), 0);
    mpm_worker_close(w);
    mpm_worker_close(NULL);
    o.address = served.address;
    o.jobs = "Queue:feed";
    o.authkey = "key";
    o.authkey_len = 3;
    for (o.threads = 0; o.threads < 3; o.threads += 2) {
        assert_int_equal(mpm_worker_open(&o, &w, &err), 0);
        assert_int_equal(mpm_worker_run(w, &err), MPM_EREMOTE);
        assert_non_null(strstr(err.text, "the queue of jobs, Queue:feed, is not there"));
        mpm_worker_close(w);
    }
}

static void
the_environment_says_what_the_options_do_not(void **state)
{
    struct mpm_worker_options o = { .size = sizeof o };
    struct mpm_worker *w;
    struct mpm_error err;
    char number[16];
    int key[2];

    (void)state;
    assert_int_equal(pipe(key), 0);
    assert_int_equal(write(key[1], "key", 3), 3);
    close(key[1]);
    snprintf(number, sizeof number, "%d", key[0]);
    setenv("MPMD_WORKER_ADDRESS", served.address, 1);
    setenv("MPMD_WORKER_AUTHKEY_FD", number, 1);
    setenv("MPMD_WORKER_JOBS", jobs_token, 1);
    setenv("MPMD_WORKER_RESULTS", results_token, 1);
    setenv("MPMD_WORKER_PROCESSES", "x2", 1);
    assert_int_equal(mpm_worker_open(&o, &w, &err), MPM_EINVAL);
    assert_non_null(strstr(err.text, "MPMD_WORKER_PROCESSES=x2"));
    o.threads = 2;
    o.authkey = "key";
    o.authkey_len = 3;
    PUT("(1, 'add', (2,), {'b': 3})");
    PUT("None");
    PUT("None");
    assert_int_equal(mpm_worker_open(&o, &w, &err), 0);
    assert_int_equal(mpm_worker_register(w, "add", add, NULL), 0);
    assert_int_equal(mpm_worker_run(w, &err), 0);
    mpm_worker_close(w);
    RESULT("(1, True, 5)");
    asked(jobs, "join", "()", "None");
    unsetenv("MPMD_WORKER_ADDRESS");
}

static void
functions_get_arguments_and_give_values_or_exceptions(void **state)
{
    static const struct {
        const char *job, *result;
    } cases[] = {
        { "((7, 'add', (2,), {'b': 40}),)", "(7, True, 42)" },
        { "((('my', 1.5), 'echo', ['x', {'y': None}], {}),)", "(('my', 1.5), True, ['x', {'y': None}, '!'])" },
        { "((1, 'add', (), {}),)", "(1, False, TypeError('add() takes ints, not that'))" },
        { "((2, 'add', ('2',), {}),)", "(2, False, TypeError('add() takes ints, not that'))" },
        { "((3, 'fail', (-7,), {}),)", "(3, False, TypeError('fail() failed: value of another type'))" },
        { "((3, 'fail', (-2,), {}),)", "(3, False, MemoryError('fail() failed: out of memory'))" },
        { "((3, 'fail', (-36,), {}),)", "(3, False, RuntimeError('fail() failed: message longer than allowed'))" },
        { "((3, 'fail', (9,), {}),)", "(3, False, RuntimeError('fail() failed: unusable'))" },
        { "((4, 'misuse', (0,), {}),)", "(4, True, None)" },
        { "((4, 'misuse', (1,), {}),)", "(4, False, RuntimeError('what misuse() returned cannot be sent: "
          "a text is not UTF-8: other bytes go in by mpm_put_bytes()'))" },
        { "((4, 'misuse', (2,), {}),)", "(4, False, RuntimeError('what misuse() returned cannot be sent: "
          "a second value was put: several go into a tuple'))" },
        { "((4, 'misuse', (3,), {}),)", "(4, False, RuntimeError('what misuse() returned cannot be sent: "
          "a container was begun and not ended'))" },
        { "((4, 'misuse', (4,), {}),)", "(4, False, RuntimeError('what misuse() returned cannot be sent: "
          "an end without a begin'))" },
        { "((4, 'misuse', (5,), {}),)", "(4, False, RuntimeError('text ?'))" },
        { "((4, 'misuse', (6,), {}),)", "(4, True, 6)" },
        { "((5, 'look_up', (), {}),)", "(5, False, RemoteError('TypeError: Queue.__init__() takes from 1 to "
          "2 positional arguments but 3 were given'))" },
        { "((6, 'nobody', (), {}),)", "(6, False, LookupError(\"no function 'nobody' in these workers; "
          "they have: add, echo, fail, misuse, look_up, die, wait\"))" },
        { "((None, 'add\\0', (), {}),)",
          "(None, False, TypeError(\"a job's second value is the name of a function\"))" },
        { "((8, b'add', (), {}),)", "(8, False, TypeError(\"a job's second value is the name of a function\"))" },
        { "((8, 'add', {}, {}),)", "(8, False, TypeError(\"a job's third value is the tuple of arguments\"))" },
        { "((8, 'add', (), ()),)", "(8, False, TypeError(\"a job's fourth value is the dict of keyword arguments\"))" },
        { "((8, 'add', ()),)", "(8, False, TypeError('a job is (job, name, args, kwargs), not 3 values'))" },
        { "([9],)", "(9, False, TypeError('a job is (job, name, args, kwargs), not 1 values'))" },
    };
    struct mpm_worker *w = make_pool(0, 1, NULL);
    pthread_t thread;
    void *said;

    (void)state;
    pthread_create(&thread, NULL, run_pool, w);
    asked(jobs, "put", "('no job',)", "None");
    asked(jobs, "put", "((),)", "None");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        asked(jobs, "put", cases[i].job, "None");
        RESULT(cases[i].result);
    }
    PUT("None");
    pthread_join(thread, &said);
    assert_null(said);
    asked(jobs, "join", "()", "None"); /* each was acknowledged */
    asked(results, "empty", "()", "True");
    assert_string_equal(logged, "what came is no job (job, name, args, kwargs): left out\n"
        "what came is no job (job, name, args, kwargs): left out\n");
    mpm_worker_close(w);
}

static void
a_stopped_pool_of_threads_finishes_what_it_has(void **state)
{
    struct mpm_worker *w;
    pthread_t thread;
    int go[2];
    void *said;

    (void)state;
    assert_int_equal(pipe(go), 0);
    w = make_pool(0, 2, &go[0]);
    pthread_create(&thread, NULL, run_pool, w);
    PUT("(1, 'wait', (), {})");
    PUT("(2, 'wait', (), {})");
    PUT("(3, 'wait', (), {})");
    hear();
    hear();
    mpm_worker_stop(w);
    assert_int_equal(write(go[1], "xx", 2), 2);
    pthread_join(thread, &said);
    assert_null(said);
    asked(results, "qsize", "()", "2");
    asked(jobs, "qsize", "()", "1"); /* the third is still to be done */
    mpm_worker_close(w);
    close(go[0]);
    close(go[1]);
}

static void
a_signal_stops_processes_which_finish_what_they_have(void **state)
{
    pid_t pool = fork_pool(2, NULL);

    (void)state;
    PUT("(1, 'wait', (1,), {})");
    PUT("(1, 'wait', (1,), {})");
    PUT("(3, 'add', (1,), {})");
    hear();
    assert_int_not_equal(hear(), pool);
    kill(pool, SIGTERM);
    assert_int_equal(end_of(pool), 0);
    RESULT("(1, True, True)");
    RESULT("(1, True, True)");
    asked(results, "empty", "()", "True");
    asked(jobs, "qsize", "()", "1");
}

/* A queue of results in which there is no room. */
static void
fill_results(void)
{
    struct mpm_builder *b;

    mpm_proxy_close(results);
    assert_int_equal(mpm_client_builder(client, &b), 0);
    assert_int_equal(mpm_put_literal(b, "(1,)", NULL), 0);
    assert_int_equal(mpm_create(client, "Queue", b, NULL, &results, NULL), 0);
    mpm_builder_close(b);
    snprintf(results_token, sizeof results_token, "%s", mpm_proxy_token(results));
    asked(results, "put", "('full',)", "None");
}

static void
a_stopped_worker_that_finds_no_room_for_a_result_gives_the_job_back(void **state)
{
    struct mpm_worker *w;
    pthread_t thread;
    void *said;
    pid_t pool;

    (void)state;
    fill_results();
    PUT("(1, 'wait', (1,), {})");
    pool = fork_pool(1, NULL);
    hear();
    kill(pool, SIGTERM);
    assert_int_equal(end_of(pool), 0);
    w = make_pool(0, 1, NULL);
    pthread_create(&thread, NULL, run_pool, w);
    hear();
    mpm_worker_stop(w);
    pthread_join(thread, &said);
    assert_null(said);
    mpm_worker_close(w);
    assert_string_equal(logged, "");
    asked(jobs, "lease", "()", "(3, 1, (1, 'wait', (1,), {}))"); /* the third lease of a job that nobody failed at */
    asked(jobs, "nack", "(3, False)", "None");
    RESULT("'full'");
    asked(results, "empty", "()", "True");
    pool = fork_pool(1, NULL);
    hear();
    kill(pool, SIGTERM);
    assert_int_equal(end_of(pool), 0);
    RESULT("(1, True, True)");
    asked(results, "empty", "()", "True");
    asked(jobs, "join", "()", "None");
}

static void
a_process_that_dies_is_replaced_and_its_job_done_by_another(void **state)
{
    pid_t pool = fork_pool(2, NULL);

    (void)state;
    PUT("(1, 'die', (1,), {})");
    RESULT("(1, True, 2)");
    PUT("(2, 'die', (3,), {})"); /* the third death is one too many */
    RESULT("(2, False, RuntimeError('given up: it was begun 3 times, and each time the worker died or gave it back'))");
    PUT("(3, 'add', (1,), {})");
    RESULT("(3, True, 1)");
    PUT("None");
    PUT("None");
    assert_int_equal(end_of(pool), 0);
    asked(jobs, "join", "()", "None");
    asked(results, "empty", "()", "True");
}

static void
processes_die_with_their_parent(void **state)
{
    int go[2];
    pid_t pool, worker;
    char byte;

    (void)state;
    assert_int_equal(pipe(go), 0);
    pool = fork_pool(1, &go[0]);
    PUT("(1, 'wait', (), {})");
    worker = hear();
    assert_int_not_equal(worker, pool);
    kill(pool, SIGKILL);
    assert_int_equal(end_of(pool), -SIGKILL);
    close(told[1]);
    assert_int_equal(read(told[0], &byte, 1), 0); /* the worker had the other end, and waits no more */
    asked(jobs, "get", "()", "(1, 'wait', (), {})");
    close(go[0]);
    close(go[1]);
    told[1] = dup(told[0]);
}

static void
a_queue_that_was_shut_down_ends_the_pool(void **state)
{
    pid_t pool;

    (void)state;
    PUT("(1, 'add', (1,), {})");
    asked(jobs, "shutdown", "()", "None");
    pool = fork_pool(2, NULL);
    assert_int_equal(end_of(pool), 0);
    RESULT("(1, True, 1)");
}

static void
without_its_server_a_pool_ends_with_an_error(void **state)
{
    struct mpm_worker *w;
    pthread_t thread;
    int go[2];
    void *said;
    pid_t pool;

    (void)state;
    assert_int_equal(pipe(go), 0);
    pool = fork_pool(2, &go[0]);
    PUT("(1, 'wait', (), {})");
    hear();
    w = make_pool(0, 2, &go[0]);
    pthread_create(&thread, NULL, run_pool, w);
    PUT("(2, 'wait', (), {})");
    hear();
    kill(served.pid, SIGKILL);
    waitpid(served.pid, NULL, 0);
    assert_int_equal(write(go[1], "xx", 2), 2);
    assert_int_equal(end_of(pool), 64 - MPM_ECONN);
    pthread_join(thread, &said);
    assert_non_null(said);
    assert_non_null(strstr(said, "/tmp/mpmd-test-"));
    mpm_worker_close(w);
    close(go[0]);
    close(go[1]);
    unlink(served.address);
    rmdir(served.dir);
}

/* --- without memory ----------------------------------------------------------------------------------------------- */

static int
life(void)
{
    struct mpm_worker_options options = { .size = sizeof options, .address = served.address, .authkey = "key",
        .authkey_len = 3,
        .threads = 1, .log = note_log };
    static struct mpm_note note;
    struct mpm_client *c = NULL;
    struct mpm_proxy *j = NULL, *q = NULL;
    struct mpm_builder *b = NULL;
    struct mpm_document *d = NULL;
    struct mpm_worker *w = NULL;
    struct mpm_ref *parts = NULL;
    size_t n;
    int64_t sum = 0;
    int r = mpm_client_open(served.address, &client_options, &c, NULL);

    logged[0] = '\0';
    if (r == 0)
        r = mpm_create(c, "Queue", NULL, NULL, &j, NULL);
    if (r == 0)
        r = mpm_create(c, "Queue", NULL, NULL, &q, NULL);
    if (r == 0)
        r = mpm_client_builder(c, &b);
    if (r == 0 && (r = mpm_put_literal(b, "([(1, 'add', (2,), {'b': 3}), None],)", NULL)) == 0)
        r = mpm_call(j, "put_many", b, NULL, HANG, NULL, NULL);
    if (r == 0) {
        options.jobs = mpm_proxy_token(j);
        options.results = mpm_proxy_token(q);
        r = mpm_worker_open(&options, &w, NULL);
    }
    if (r == 0 && (r = mpm_worker_register(w, "add", add, NULL)) == 0)
        r = mpm__work(w, 1, &note, NULL);
    if (b != NULL)
        mpm_builder_clear(b);
    if (r == 0 && (r = mpm_put_literal(b, "(False,)", NULL)) == 0)
        r = mpm_call(q, "get", b, NULL, HANG, &d, NULL);
    if (r == 0 && (r = mpm_read_parts(mpm_document_root(d), &parts, &n)) == 0)
        r = mpm_read_int64(parts[2], &sum) == 0 && sum == 5 ? 0 : MPM_ENOMEM; /* else a MemoryError came */
    mpm_free(parts);
    mpm_document_close(d);
    mpm_worker_close(w);
    mpm_builder_close(b);
    mpm_proxy_close(q);
    mpm_proxy_close(j);
    mpm_client_close(c);
    return r == MPM_EREMOTE ? MPM_ENOMEM : r; /* queue.Empty: the job went back */
}

static void
without_memory_a_worker_says_so(void **state)
{
    (void)state;
    assert_true(mpm_test_fail_until_ok(life) > 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_queues, drop_queues)
    const struct CMUnitTest tests[] = {
        TEST(options_are_checked),
        TEST(the_environment_says_what_the_options_do_not),
        TEST(functions_get_arguments_and_give_values_or_exceptions),
        TEST(a_stopped_pool_of_threads_finishes_what_it_has),
        TEST(a_signal_stops_processes_which_finish_what_they_have),
        TEST(a_stopped_worker_that_finds_no_room_for_a_result_gives_the_job_back),
        TEST(a_process_that_dies_is_replaced_and_its_job_done_by_another),
        TEST(processes_die_with_their_parent),
        TEST(a_queue_that_was_shut_down_ends_the_pool),
        cmocka_unit_test(without_memory_a_worker_says_so),
    };
    const struct CMUnitTest last[] = { TEST(without_its_server_a_pool_ends_with_an_error) };
    int failed = cmocka_run_group_tests(tests, mpm_test_daemon_come, mpm_test_daemon_go);

    return failed + cmocka_run_group_tests(last, mpm_test_daemon_come, NULL);
}

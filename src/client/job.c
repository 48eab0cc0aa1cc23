/*
 * job.c - what one worker does: take a job, call its function, put the result, settle the lease. Layer: client.
 *
 * The order is what matters: first the result, then the lease, so that at any moment somebody has the job. Who runs
 * workers, and what becomes of those that die, is worker.c's.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#ifdef __linux__
#include <signal.h>
#include <sys/prctl.h>
#endif

#include <mpmd/objects.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/utf8.h"
#include "client/document.h"
#include "client/worker.h"

#define POLL_NS INT64_C(500000000) /* how long an idle worker waits until it looks around */
#define TEXT_MAX 1000              /* bytes of an exception's text */

struct work {
    const struct mpm_worker *pool;
    struct mpm_note *note;
    struct mpm_error *err;
    struct mpm_client *client;
    struct mpm_proxy *jobs, *results;
    struct mpm_builder *result, *exception, *message;
    bool leases;    /* the server has them, as far as is known */
    bool counts;    /* the queue of jobs has task_done() */
};

/* A job in hand. */
struct run {
    struct mpm_job job;
    struct work *work;
    struct mpm_document *item;
    struct mpm_ref *parts, *args;
    char *name;
    int64_t lease;
    bool is_raised; /* work->exception has it */
};

/* --- exceptions --------------------------------------------------------------------------------------------------- */

static void
put_exception(struct mpm_builder *b, const char *type, const char *text)
{
    const char *dot = strrchr(type, '.');
    size_t len = dot != NULL ? (size_t)(dot - type) : 0;
    char module[256] = "builtins";

    if (len != 0 && len < sizeof module) {
        memcpy(module, type, len);
        module[len] = '\0';
    }
    mpm_put_begin_call(b);
    mpm_put_class(b, module, dot != NULL ? dot + 1 : type);
    mpm_put_begin(b, MPM_K_TUPLE);
    mpm_put_string(b, text);
    mpm_put_end(b);
    mpm_put_end(b);
}

static int
vraise(struct run *run, const char *type, const char *format, va_list ap)
{
    struct mpm_builder *b = run->work->exception;
    char text[TEXT_MAX];
    const void *bytes;
    size_t len;

    vsnprintf(text, sizeof text, format, ap);
    mpm__utf8_repair((uint8_t *)text, strlen(text));
    mpm_builder_clear(b);
    put_exception(b, type, text);
    if (mpm_builder_finish(b, &bytes, &len, NULL) == MPM_EINVAL) { /* not the name of a class */
        mpm_builder_clear(b);
        put_exception(b, "RuntimeError", text);
    }
    run->is_raised = true;
    return MPM_EREMOTE;
}

int
mpm_job_raise(struct mpm_job *job, const char *type, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vraise((struct run *)job, type, format, ap);
    va_end(ap);
    return MPM_EREMOTE;
}

/* What the manager raised, once more. */
static bool
raise_again(struct run *run)
{
    const struct mpm_exception *e = mpm_client_exception(run->work->client);
    struct mpm_builder *b = run->work->exception;
    const char *dot = e != NULL ? strrchr(e->type, '.') : NULL;
    char module[256];

    if (dot == NULL)
        return false;
    if (e->args.doc == NULL) {
        mpm_job_raise(&run->job, e->type, "%s", e->text);
        return true;
    }
    snprintf(module, sizeof module, "%.*s", (int)(dot - e->type), e->type);
    mpm_builder_clear(b);
    mpm_put_begin_call(b);
    mpm_put_class(b, module, dot + 1);
    mpm_put_ref(b, e->args);
    mpm_put_end(b);
    run->is_raised = true;
    return true;
}

int
mpm_job_raise_remote(struct mpm_job *job)
{
    if (!raise_again((struct run *)job))
        mpm_job_raise(job, "RuntimeError", "%s() failed: %s", job->name, mpm_error_text(MPM_EREMOTE));
    return MPM_EREMOTE;
}

static void
raise_code(struct run *run, int code)
{
    static const struct {
        int code;
        const char *type;
    } types[] = {
        { MPM_ETYPE, "TypeError" }, { MPM_EINVAL, "ValueError" }, { MPM_ERANGE, "OverflowError" },
        { MPM_ENOMEM, "MemoryError" }, { MPM_ETIMEOUT, "TimeoutError" }, { MPM_ECONN, "ConnectionError" },
    };
    const char *type = "RuntimeError";

    if (code == MPM_EREMOTE && raise_again(run))
        return;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].code == code)
            type = types[i].type;
    mpm_job_raise(&run->job, type, "%s() failed: %s", run->job.name, mpm_error_text(code));
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

/* Until there is room for it. Returns what mpm_queue_put() does; MPM_EFULL: the pool is to stop, and there is none. */
static int
put_patiently(const struct mpm_worker *pool, struct mpm_proxy *queue, struct mpm_builder *message,
    struct mpm_error *err)
{
    bool again = false;
    int r;

    for (;;) {
        r = mpm_queue_put(queue, message, POLL_NS, err);
        if (r == MPM_ECONN && !again)
            again = true; /* over a new connection; should the first have arrived, it comes twice */
        else if (r != MPM_EFULL || atomic_load(&pool->stop))
            return r;
    }
}

/* Sends (id, ok, value). */
static int
put_answer(const struct mpm_worker *pool, struct mpm_proxy *results, struct mpm_builder *message, struct mpm_ref id,
    bool ok, struct mpm_builder *value, struct mpm_error *err)
{
    int r;

    mpm_builder_clear(message);
    mpm_put_begin(message, MPM_K_TUPLE);
    mpm_put_ref(message, id);
    mpm_put_bool(message, ok);
    r = mpm__builder_put(message, value, err);
    mpm_put_end(message);
    return r != 0 ? r : put_patiently(pool, results, message, err);
}

/* What became of the job. MPM_EFULL: nobody can be told of it before this worker is to stop. MPM_EREMOTE and others
 * above MPM_EFATAL: it could not be put, not even that. */
static int
answer(struct run *run, int code)
{
    struct work *w = run->work;
    struct mpm_error why = { 0 };
    bool ok = code == 0;
    int r;

    if (!ok && !run->is_raised)
        raise_code(run, code);
    r = put_answer(w->pool, w->results, w->message, run->job.id, ok, ok ? w->result : w->exception, &why);
    if (r != 0 && r > MPM_EFATAL && r != MPM_EFULL) {
        if (ok && r != MPM_EREMOTE)
            mpm_job_raise(&run->job, "RuntimeError", "what %s() returned cannot be sent: %s", run->job.name, why.text);
        else
            mpm_job_raise(&run->job, "RuntimeError", "what %s() %s could not be put into the queue of results: %s",
                run->job.name, ok ? "returned" : "raised", why.text);
        r = put_answer(w->pool, w->results, w->message, run->job.id, false, w->exception, &why);
        if (r != 0 && r != MPM_EFULL)
            mpm__work_log(w->pool, "job %s cannot be answered: %s", run->job.name, why.text);
    }
    if (r != 0 && w->err != NULL)
        *w->err = why;
    return r;
}

/* --- running ------------------------------------------------------------------------------------------------------ */

static void
call_function(struct run *run)
{
    const struct mpm_worker *pool = run->work->pool;
    char known[400] = "";
    size_t len = 0;
    int r;

    for (size_t i = 0; i < pool->n_functions; i++) {
        if (strcmp(pool->functions[i].name, run->job.name) == 0) {
            r = pool->functions[i].run(&run->job, pool->functions[i].arg);
            if (r == 0 && mpm__builder_is_blank(run->job.result))
                mpm_put_none(run->job.result);
            run->is_raised = run->is_raised && r != 0;
            if (r != 0 && !run->is_raised)
                raise_code(run, r < 0 ? r : MPM_EFATAL);
            return;
        }
        if (len < sizeof known)
            len += (size_t)snprintf(known + len, sizeof known - len, "%s%s", i != 0 ? ", " : "",
                pool->functions[i].name);
    }
    mpm_job_raise(&run->job, "LookupError", "no function '%s' in these workers; they have: %s", run->job.name, known);
}

/* Takes the tuple apart. False: it is no job, and an exception says why. */
static bool
read_job(struct run *run, size_t n)
{
    struct mpm_job *job = &run->job;
    const char *text;
    size_t len;
    int kind = n == 4 ? mpm_kind(run->parts[2]) : 0, r;

    if (n != 4)
        return mpm_job_raise(job, "TypeError", "a job is (job, name, args, kwargs), not %zu values", n), false;
    if (mpm_read_text(run->parts[1], &text, &len) != 0 || memchr(text, 0, len) != NULL ||
        (run->name = mpm__alloc(len + 1)) == NULL)
        return mpm_job_raise(job, "TypeError", "a job's second value is the name of a function"), false;
    memcpy(run->name, text, len);
    run->name[len] = '\0';
    job->name = run->name;
    if (kind != MPM_K_TUPLE && kind != MPM_K_LIST)
        return mpm_job_raise(job, "TypeError", "a job's third value is the tuple of arguments"), false;
    if (mpm_kind(run->parts[3]) != MPM_K_DICT)
        return mpm_job_raise(job, "TypeError", "a job's fourth value is the dict of keyword arguments"), false;
    r = mpm_read_parts(run->parts[2], &run->args, &job->n_args);
    if (r != 0)
        return raise_code(run, r), false;
    job->args = run->args;
    job->kwargs = run->parts[3];
    return true;
}

/* Notes the job for who survives this worker. */
static void
note_job(struct work *w, struct mpm_ref id)
{
    const void *bytes;
    size_t len;

    mpm_builder_clear(w->message);
    mpm_put_ref(w->message, id);
    if (mpm_builder_finish(w->message, &bytes, &len, NULL) == 0 && len <= sizeof w->note->id) {
        memcpy(w->note->id, bytes, len);
        atomic_store(&w->note->id_len, len);
    }
}

enum fate { ANSWERED, FAILED /* nobody could be told of it */, UNTOUCHED /* as if nobody had taken it */ };

/* The job is out of this worker's hands. */
static int
settle(struct run *run, enum fate fate)
{
    struct work *w = run->work;
    int r = 0;

    atomic_store(&w->note->id_len, 0);
    if (w->leases && fate == ANSWERED)
        r = mpm_queue_ack(w->jobs, run->lease, w->err);
    else if (w->leases)
        r = mpm_queue_nack(w->jobs, run->lease, fate == FAILED, w->err);
    else if (w->counts)
        r = mpm_queue_task_done(w->jobs, w->err);
    if (r == MPM_EREMOTE && w->leases) /* over TCP the connection was lost meanwhile: somebody else has it, too */
        mpm__work_log(w->pool, "job %s: %s", run->job.name, mpm_client_exception(w->client)->text);
    else if (r == MPM_EREMOTE || r == MPM_EUNSUP)
        w->counts = false;
    return r <= MPM_EFATAL ? r : 0;
}

/* The pool is to stop, and nobody makes room for the answer: others may have the job. Where there are no leases, it is
 * put into its queue once more, before the queue is told that this one is done with. */
static int
give_back(struct run *run)
{
    struct work *w = run->work;
    struct mpm_error why = { 0 };
    int r = 0;

    if (!w->leases) {
        mpm_builder_clear(w->message);
        mpm_put_ref(w->message, mpm_document_root(run->item));
        r = put_patiently(w->pool, w->jobs, w->message, &why);
        if (r != 0)
            mpm__work_log(w->pool, "job %s is lost: there is no room for its answer, and it cannot be put back: %s",
                run->job.name, why.text);
    }
    if (r <= MPM_EFATAL) {
        if (w->err != NULL)
            *w->err = why;
        return r;
    }
    return settle(run, r == 0 ? UNTOUCHED : FAILED);
}

/* Returns 0, 1: this worker is to end, or an error after which it cannot go on. */
static int
do_job(struct run *run)
{
    struct work *w = run->work;
    struct mpm_ref root = mpm_document_root(run->item);
    int kind = mpm_kind(root), r = 0;
    size_t n = 0;

    if (kind == MPM_K_NONE)
        return (r = settle(run, ANSWERED)) != 0 ? r : 1;
    if (kind == MPM_K_TUPLE || kind == MPM_K_LIST)
        r = mpm_read_parts(root, &run->parts, &n);
    if (n == 0) {
        mpm__work_log(w->pool, "%s", r != 0 ? "no memory for a job"
            : "what came is no job (job, name, args, kwargs): left out");
        return settle(run, r == 0 ? ANSWERED : FAILED);
    }
    run->job.id = run->parts[0];
    if (!w->leases)
        note_job(w, run->job.id);
    if (read_job(run, n)) {
        if (run->job.deliveries > w->pool->options.max_deliveries)
            mpm_job_raise(&run->job, "RuntimeError", "given up: it was begun %lld times, and each time the worker "
                "died or gave it back", (long long)run->job.deliveries - 1);
        else
            call_function(run);
    }
    r = answer(run, run->is_raised ? MPM_EREMOTE : 0);
    if (r == MPM_EFULL)
        return give_back(run);
    if (r <= MPM_EFATAL)
        return r;
    if (r == 0)
        atomic_fetch_add(&w->note->n_done, 1);
    return settle(run, r == 0 ? ANSWERED : FAILED);
}

static int
take(struct work *w, struct run *run)
{
    int r;

    if (w->leases) {
        r = mpm_queue_lease(w->jobs, POLL_NS, &run->lease, &run->job.deliveries, &run->item, w->err);
        if (r != MPM_EUNSUP)
            return r;
        w->leases = false;
#ifdef __linux__
        if (w->pool->is_child) /* nobody else would have its job */
            prctl(PR_SET_PDEATHSIG, SIGTERM);
#endif
    }
    return mpm_queue_get(w->jobs, POLL_NS, &run->item, w->err);
}

static bool
was_shut_down(const struct work *w)
{
    const struct mpm_exception *e = mpm_client_exception(w->client);

    return e != NULL && strcmp(e->type, "queue.ShutDown") == 0;
}

static int
work(struct work *w)
{
    bool again = false;
    int r = 0;

    while (r == 0 && !atomic_load(&w->pool->stop)) {
        struct run run = { .work = w, .job = { .name = "?", .client = w->client,
            .result = w->result } };

        r = take(w, &run);
        if (r == MPM_ECONN && !again) { /* the connection may be gone and the server not */
            again = true;
            r = 0;
            continue;
        }
        again = false;
        if (r == MPM_EREMOTE && was_shut_down(w))
            return 0;
        if (r == MPM_EEMPTY) {
            r = 0;
            continue;
        }
        if (r != 0)
            break;
        mpm_builder_clear(w->result);
        if (w->leases && atomic_load(&w->pool->stop))
            r = settle(&run, UNTOUCHED);
        else
            r = do_job(&run);
        mpm_document_close(run.item);
        mpm_free(run.parts);
        mpm_free(run.args);
        mpm__free(run.name);
    }
    return r > 0 ? 0 : r;
}

int
mpm_worker_should_stop(const struct mpm_job *job)
{
    return atomic_load(&((const struct run *)job)->work->pool->stop);
}

/* --- connecting --------------------------------------------------------------------------------------------------- */

static int
find_queue(struct mpm_client *client, const char *what, const char *text, struct mpm_proxy **out, struct mpm_error *err)
{
    struct mpm_error why;
    const struct mpm_exception *e;
    int r = strchr(text, ':') != NULL ? mpm_proxy_from_token(client, text, out, &why)
                                      : mpm_create(client, text, NULL, NULL, out, &why);

    if (r == MPM_EREMOTE && (e = mpm_client_exception(client)) != NULL)
        return mpm__fail(err, r, 0, "the queue of %s, %.40s, is not there: %.60s", what, text, e->text);
    if (r != 0 && err != NULL)
        *err = why;
    return r;
}

int
mpm__work_open(const struct mpm_worker *pool, int number, struct mpm_client **client, struct mpm_proxy **jobs,
    struct mpm_proxy **results, struct mpm_error *err)
{
    struct mpm_client_options options = pool->client;
    struct mpm_client *c = NULL;
    struct mpm_proxy *j = NULL;
    char name[80];
    int r;

    snprintf(name, sizeof name, "%.60s-%d", pool->options.name, number);
    options.name = name;
    r = mpm_client_open(pool->options.address, &options, &c, err);
    if (r != 0)
        return r;
    r = find_queue(c, "jobs", pool->options.jobs, &j, err);
    if (r == 0)
        r = find_queue(c, "results", pool->options.results, results, err);
    if (r != 0) {
        mpm_proxy_close(j);
        mpm_client_close(c);
        return r;
    }
    *jobs = j;
    *client = c;
    return 0;
}

/* Names the manager in an error that has only what the system said. */
static int
name_manager(const struct mpm_worker *pool, int r, struct mpm_error *err)
{
    char why[sizeof err->text];

    if (r != MPM_ECONN || err == NULL || strstr(err->text, pool->options.address) != NULL)
        return r;
    snprintf(why, sizeof why, "%s", err->text);
    return mpm__fail(err, r, 0, "the manager at %.60s is gone: %.70s", pool->options.address, why);
}

int
mpm__work(const struct mpm_worker *pool, int number, struct mpm_note *note, struct mpm_error *err)
{
    struct work w = { .pool = pool, .note = note, .err = err, .leases = true, .counts = true };
    int r = mpm__work_open(pool, number, &w.client, &w.jobs, &w.results, err);

    if (r != 0)
        return name_manager(pool, r, err);
    r = mpm_client_builder(w.client, &w.result);
    if (r == 0)
        r = mpm_client_builder(w.client, &w.exception);
    if (r == 0)
        r = mpm_client_builder(w.client, &w.message);
    if (r != 0)
        mpm__fail(err, r, 0, "no memory for a worker");
    else
        r = name_manager(pool, work(&w), err);
    mpm_builder_close(w.message);
    mpm_builder_close(w.exception);
    mpm_builder_close(w.result);
    mpm_proxy_close(w.results);
    mpm_proxy_close(w.jobs);
    mpm_client_close(w.client);
    return r;
}

int
mpm__work_answer(const struct mpm_worker *pool, struct mpm_note *note, const char *how, struct mpm_error *err)
{
    struct mpm_document *id = NULL;
    struct mpm_client *client;
    struct mpm_proxy *jobs, *results;
    struct mpm_builder *value = NULL, *message = NULL;
    char text[200];
    int r = mpm_document_open(note->id, atomic_load(&note->id_len), &id, err);

    atomic_store(&note->id_len, 0);
    if (r != 0)
        return r;
    r = mpm__work_open(pool, 0, &client, &jobs, &results, err);
    if (r != 0) {
        mpm_document_close(id);
        return r;
    }
    if ((r = mpm_client_builder(client, &value)) == 0 && (r = mpm_client_builder(client, &message)) == 0) {
        snprintf(text, sizeof text, "the worker that ran it died: %s", how);
        put_exception(value, "RuntimeError", text);
        r = put_answer(pool, results, message, mpm_document_root(id), false, value, err);
    }
    if (r == 0)
        (void)mpm_queue_task_done(jobs, NULL);
    mpm_builder_close(value);
    mpm_builder_close(message);
    mpm_proxy_close(results);
    mpm_proxy_close(jobs);
    mpm_client_close(client);
    mpm_document_close(id);
    return r;
}

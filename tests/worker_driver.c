/* worker_driver.c - a worker program for pytests/test_cpool.py: functions that work, fail, wait and die. Its options
 * come from the environment; "threads=N" as an argument runs threads in place of processes. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mpmd/objects.h>
#include <mpmd/worker.h>

#define HANG (INT64_C(600) * 1000000000) /* decides nothing */

static int
add(struct mpm_job *job, void *arg)
{
    int64_t sum = 0, n;
    struct mpm_ref more;

    (void)arg;
    for (size_t i = 0; i < job->n_args; i++) {
        if (mpm_read_int64(job->args[i], &n) != 0)
            return mpm_job_raise(job, "TypeError", "argument %zu is no int", i);
        sum += n;
    }
    if (mpm_dict_find(job->kwargs, "more", &more) == 0 && mpm_read_int64(more, &n) == 0)
        sum += n;
    mpm_put_int(job->result, sum);
    return 0;
}

static int
echo(struct mpm_job *job, void *arg)
{
    (void)arg;
    mpm_put_begin(job->result, MPM_K_TUPLE);
    for (size_t i = 0; i < job->n_args; i++)
        mpm_put_ref(job->result, job->args[i]);
    mpm_put_ref(job->result, job->kwargs);
    mpm_put_end(job->result);
    return 0;
}

static int
fail(struct mpm_job *job, void *arg)
{
    const char *type, *text;
    size_t type_len, text_len;
    char name[100];

    (void)arg;
    if (job->n_args != 2 || mpm_read_text(job->args[0], &type, &type_len) != 0 ||
        mpm_read_text(job->args[1], &text, &text_len) != 0)
        return MPM_EINVAL;
    snprintf(name, sizeof name, "%.*s", (int)type_len, type);
    return mpm_job_raise(job, name, "%.*s", (int)text_len, text);
}

/* meet(started, go): says its pid into one queue and waits for something in the other, which is the result. With
 * `fatal` it dies then, unless this is not the first time; with `always` in any case. */
static int
meet(struct mpm_job *job, void *arg)
{
    struct mpm_proxy *started = NULL, *go = NULL;
    struct mpm_document *item = NULL;
    struct mpm_builder *b = NULL;
    struct mpm_ref how;
    int r = job->n_args == 2 ? mpm_proxy_from_ref(job->client, job->args[0], &started, NULL) : MPM_EINVAL;

    (void)arg;
    if (r == 0)
        r = mpm_proxy_from_ref(job->client, job->args[1], &go, NULL);
    if (r == 0)
        r = mpm_client_builder(job->client, &b);
    if (r == 0) {
        mpm_put_int(b, getpid());
        r = mpm_queue_put(started, b, MPM_FOREVER, NULL);
    }
    if (r == 0 && mpm_dict_find(job->kwargs, "always", &how) == 0)
        raise(SIGKILL);
    if (r == 0)
        r = mpm_queue_get(go, MPM_FOREVER, &item, NULL);
    if (r == 0)
        mpm_put_ref(job->result, mpm_document_root(item));
    mpm_document_close(item);
    mpm_builder_close(b);
    mpm_proxy_close(go);
    mpm_proxy_close(started);
    return r;
}

int
main(int argc, char **argv)
{
    struct mpm_worker_options options = { .size = sizeof options };
    struct mpm_worker *pool;
    struct mpm_error err;
    int r;

    if (argc > 1 && strncmp(argv[1], "threads=", 8) == 0)
        options.threads = atoi(argv[1] + 8);
    r = mpm_worker_open(&options, &pool, &err);
    if (r == 0) {
        mpm_worker_register(pool, "add", add, NULL);
        mpm_worker_register(pool, "echo", echo, NULL);
        mpm_worker_register(pool, "fail", fail, NULL);
        mpm_worker_register(pool, "meet", meet, NULL);
        r = mpm_worker_run(pool, &err);
        mpm_worker_close(pool);
    }
    if (r != 0)
        fprintf(stderr, "worker_driver: %s\n", err.text);
    return r != 0;
}

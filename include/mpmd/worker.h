/* worker.h - a pool of processes or threads that run C functions for Python. Public. */
#ifndef MPMD_WORKER_H
#define MPMD_WORKER_H

#include <stddef.h>
#include <stdint.h>

#include <mpmd/client.h>
#include <mpmd/error.h>
#include <mpmd/value.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Workers take jobs `(job, name, args, kwargs)` from one managed queue, call the C function that is registered by that
 * name, and put `(job, True, result)` or `(job, False, exception)` into another. `job` is any value that its sender
 * knows the job by. Python's end of it is mpmd.cpool.CPoolExecutor; a program may as well put such tuples itself. Many
 * pools, and workers in Python, may share the queues. A None in the place of a job ends the worker that takes it.
 *
 *     static int
 *     add(struct mpm_job *job, void *arg)
 *     {
 *         int64_t a, b;
 *
 *         if (job->n_args != 2 || mpm_read_int64(job->args[0], &a) != 0 || mpm_read_int64(job->args[1], &b) != 0)
 *             return mpm_job_raise(job, "builtins.TypeError", "add() takes two ints");
 *         mpm_put_int(job->result, a + b);
 *         return 0;
 *     }
 *
 *     int
 *     main(void)
 *     {
 *         struct mpm_worker_options options = { .size = sizeof options };
 *         struct mpm_worker *pool;
 *         struct mpm_error err;
 *
 *         if (mpm_worker_open(&options, &pool, &err) != 0 || mpm_worker_register(pool, "add", add, NULL) != 0 ||
 *             mpm_worker_run(pool, &err) != 0)
 *             return fprintf(stderr, "worker: %s\n", err.text), 1;
 *         mpm_worker_close(pool);
 *         return 0;
 *     }
 *
 * No job is lost. On a queue of mpmd, workers hold a job by a lease: they put the result first and settle the lease
 * then, so a worker that dies leaves its job to others; it may be run twice, and its result arrive twice (executors
 * drop the second by its job). A job that was delivered more than max_deliveries times is answered with a RuntimeError
 * in its place. Over TCP the end of a worker's connection is as good as its death.
 *
 * A stock CPython manager has no leases: a worker's job dies with it. Then the parent of the processes, who knows what
 * each of them is at, answers it with a RuntimeError. What is lost there for good: the job of a process that dies after
 * the manager gave it the job and before it has noted that down, all jobs in hand when the parent dies, too, and, with
 * threads, all that are in hand when the process dies. A job whose identity takes more than 4000 bytes as a pickle is
 * not noted.
 */
struct mpm_worker;

/** One call of a function. What it points to lives until the function returns. */
struct mpm_job {
    struct mpm_ref id;           /* as its sender knows it */
    const char *name;            /* of the function */
    const struct mpm_ref *args;  /* positional arguments */
    size_t n_args;
    struct mpm_ref kwargs;       /* a dict: mpm_dict_find() */
    int64_t deliveries;          /* 1: nobody had it before; more: workers died of it or gave it back; 0: not known */
    struct mpm_client *client;   /* of this worker, for further objects of the manager; not to be closed */
    struct mpm_builder *result;  /* the function puts one value here; none: None */
};

/** Zero it, set `size`, then what you need. */
struct mpm_worker_options {
    size_t size;                 /* sizeof(struct mpm_worker_options) */
    const char *address;         /* of the manager; NULL: all that follows, as far as it is not set, comes from the
                                  * environment that CPoolExecutor.start() makes: MPMD_WORKER_ADDRESS, _AUTHKEY_FD,
                                  * _JOBS, _RESULTS, _PROCESSES and _LIFELINE_FD */
    const void *authkey;         /* copied; NULL: the empty key b'' */
    size_t authkey_len;          /* bytes */
    const char *jobs;            /* a queue: `typeid:ident` or `typeid:ident@address` (mpm_proxy_token()), or the name
                                  * that it is registered by */
    const char *results;         /* the same */
    int processes;               /* so many, each a fork of this one; 0 and no threads: 1 */
    int threads;                 /* or so many threads of this process; not both */
    int max_deliveries;          /* 0: 3 */
    int keep_signals;            /* non-zero: SIGTERM and SIGINT are left alone; else they stop the pool while
                                  * mpm_worker_run() runs */
    int64_t connect_timeout_ns;  /* 0: 20 s */
    uint64_t max_message;        /* bytes of the longest job to accept; 0: 256 MiB */
    const char *name;            /* what the manager calls the workers, with a number behind it; NULL: "C worker" */
    void (*log)(void *arg, const char *text); /* one line about what nobody else is told: a worker that died, a job
                                  * that is none; called by any of the threads. NULL: to standard error */
    void *log_arg;
    int lifeline_fd;             /* > 0: end of file there stops the pool, as the end of the program that has the other
                                  * end; not closed */
};

/**
 * A pool that does not run yet; nothing is connected.
 *
 * options  borrowed; what it points to is copied, but for log_arg
 * out      returned, free with mpm_worker_close()
 *
 * Returns 0, MPM_EINVAL (err: which option or variable), MPM_EIO or MPM_ENOMEM. Since 0.1.
 */
MPM_API int mpm_worker_open(const struct mpm_worker_options *options, struct mpm_worker **out, struct mpm_error *err);

/** Not while it runs. NULL is allowed. Since 0.1. */
MPM_API void mpm_worker_close(struct mpm_worker *worker);

/**
 * Let jobs call a function by a name. Before mpm_worker_run().
 *
 * name  copied
 * run   gets the job, which is borrowed, and `arg`. It returns 0: the result is in job->result; or what mpm_job_raise()
 *       returned: that exception; or another negative code of error.h: Python gets TypeError for MPM_ETYPE, ValueError
 *       for MPM_EINVAL, OverflowError for MPM_ERANGE, MemoryError for MPM_ENOMEM, TimeoutError for MPM_ETIMEOUT,
 *       ConnectionError for MPM_ECONN, for MPM_EREMOTE what the manager raised last, else RuntimeError. It must not end
 *       the thread, nor fork without exec.
 *
 * Returns 0, MPM_EINVAL (the name is empty or taken) or MPM_ENOMEM. Since 0.1.
 */
MPM_API int mpm_worker_register(struct mpm_worker *worker, const char *name, int (*run)(struct mpm_job *job, void *arg),
    void *arg);

/**
 * Work, until the pool is stopped, each worker took a None, or the queue of jobs was shut down.
 *
 * Processes are forked here: no other thread of this program should hold locks that the functions need. One that dies
 * is replaced, ever more slowly when those that follow die without finishing a job; they die with this process (Linux).
 * What the program had written to stdio is flushed before.
 *
 * Returns 0, MPM_ECONN (the manager is gone) and whatever else mpm_client_open() fails with, MPM_EREMOTE (there is no
 * such queue), MPM_EIO (no process or thread could be started) or MPM_ENOMEM. Since 0.1.
 */
MPM_API int mpm_worker_run(struct mpm_worker *worker, struct mpm_error *err);

/** Stops the pool: jobs in hand are finished, no others are taken; idle workers notice within half a second. A job whose
 * result finds no room in a full queue within half a second is given back: it is run again, and its result comes once.
 * (Without leases it is put at the end of the queue of jobs; should that be full, too, it is lost, and logged.) May be
 * called by signal handlers and other threads, and before mpm_worker_run(), which then returns at once. Since 0.1. */
MPM_API void mpm_worker_stop(struct mpm_worker *worker);

/** Whether the pool was stopped: a long job may look and end early. Since 0.1. */
MPM_API int mpm_worker_should_stop(const struct mpm_job *job);

/**
 * Makes the job fail with an exception: `return mpm_job_raise(job, "builtins.ValueError", "%d is odd", n);`
 *
 * type    module and name of a class that is called with the text; builtins when there is no dot
 * format  as printf()
 *
 * Returns MPM_EREMOTE. Since 0.1.
 */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
MPM_API int mpm_job_raise(struct mpm_job *job, const char *type, const char *format, ...);

/** Makes the job fail with what the manager raised last (mpm_client_exception(job->client)): for a function that makes
 * other calls before it returns. Returns MPM_EREMOTE. Since 0.1. */
MPM_API int mpm_job_raise_remote(struct mpm_job *job);

#ifdef __cplusplus
}
#endif
#endif

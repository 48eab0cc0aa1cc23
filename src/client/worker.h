/* worker.h - what the files of the worker pool share. Layer: client, private. */
#ifndef MPM_CLIENT_WORKER_H
#define MPM_CLIENT_WORKER_H

#include <mpmd/worker.h>

#include <stdatomic.h>
#include <stdbool.h>

struct mpm_function {
    char *name;
    int (*run)(struct mpm_job *job, void *arg);
    void *arg;
};

struct mpm_worker {
    struct mpm_worker_options options; /* its texts and the key are the pool's */
    struct mpm_client_options client;
    struct mpm_function *functions;
    size_t n_functions;
    atomic_int stop;
    bool is_child;                     /* a process that this pool forked */
    int wake[2];                       /* a pipe; bytes in it are reasons to look around */
};

/* What a worker notes down for those who survive it; processes share the memory. */
#define MPM_NOTE_ID 4000
struct mpm_note {
    atomic_int has_ended;     /* by itself: for which reason */
    int code;                 /* 0: it was to end */
    char text[160];
    atomic_ulong n_done;      /* jobs */
    atomic_ulong id_len;      /* of the job in hand that nobody else has; 0: none */
    uint8_t id[MPM_NOTE_ID];  /* a pickle */
};

/* Connects and works until there is a reason to end. Returns that: 0, or why it cannot go on. */
int mpm__work(const struct mpm_worker *pool, int number, struct mpm_note *note, struct mpm_error *err);
/* The client and the two queues; each is to be closed. */
int mpm__work_open(const struct mpm_worker *pool, int number, struct mpm_client **client, struct mpm_proxy **jobs,
    struct mpm_proxy **results, struct mpm_error *err);
/* Answers the job that a dead worker has noted. `how` it died. */
int mpm__work_answer(const struct mpm_worker *pool, struct mpm_note *note, const char *how, struct mpm_error *err);
/* One line for people. */
void mpm__work_log(const struct mpm_worker *pool, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif

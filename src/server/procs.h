/* procs.h - the processes behind the AF_UNIX connections, and how their death is noticed. Layer: server. */
#ifndef MPM_SERVER_PROCS_H
#define MPM_SERVER_PROCS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "base/list.h"

#define MPM_PROCS_BUCKETS 1024 /* processes, not connections: some hundreds are many */

/* One client process, from its first connection until its death. */
struct mpm_proc {
    uv_poll_t poll;         /* of pidfd; first, so that the handle is the struct */
    struct mpm_procs *procs;
    struct mpm_link link;   /* in its bucket */
    struct mpm_link other;  /* on `watched`, or on `dead` */
    int64_t pid;
    size_t n_conns;
    int pidfd;              /* -1: none to be had, so kill(pid, 0) is asked from time to time */
    bool is_dead;           /* known; out of the table */
    bool is_told;           /* gone() was called */
};

struct mpm_procs {
    uv_loop_t *loop;
    uv_timer_t timer;       /* runs while `watched` is not empty */
    void (*gone)(void *user, int64_t pid);
    void *user;
    struct mpm_list watched; /* without a pidfd */
    struct mpm_list dead;    /* gone() is due */
    size_t n;                /* processes known and alive */
    struct mpm_list buckets[MPM_PROCS_BUCKETS];
};

/* gone(user, pid) is called by mpm__procs_report() only. */
void mpm__procs_init(struct mpm_procs *procs, uv_loop_t *loop, void (*gone)(void *user, int64_t pid), void *user);
/* A connection from pid (not 0). NULL: out of memory; then this process's death goes unnoticed. */
struct mpm_proc *mpm__procs_join(struct mpm_procs *procs, int64_t pid);
/* That connection is closed. */
void mpm__procs_leave(struct mpm_proc *p);
/* Tells of every death noticed since the last time. To be called at the end of a turn, so that what a process said
 * last is heard before. */
void mpm__procs_report(struct mpm_procs *procs);
/* No connection is left: closes all handles. The memory goes when the loop has run. */
void mpm__procs_wipe(struct mpm_procs *procs);

#endif

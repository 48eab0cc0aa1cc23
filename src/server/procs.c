/*
 * procs.c - notices the death of client processes. Layer: server.
 *
 * A pidfd becomes readable when its process ends, and cannot be fooled by a pid that is used again. Where there is none
 * (old kernel, seccomp, no descriptors left, or the process died before we looked) the pid is asked about with
 * kill(pid, 0), and /proc whether that is a zombie: when one of its connections closes, and every few seconds. What a
 * death means is the core's business.
 */
#include "server/procs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"

#define ASK_MS 5000

void
mpm__procs_init(struct mpm_procs *procs, uv_loop_t *loop, void (*gone)(void *user, int64_t pid), void *user)
{
    *procs = (struct mpm_procs){.loop = loop, .gone = gone, .user = user};
    uv_timer_init(loop, &procs->timer);
    mpm__list_init(&procs->watched);
    mpm__list_init(&procs->dead);
    for (size_t i = 0; i < MPM_PROCS_BUCKETS; i++)
        mpm__list_init(&procs->buckets[i]);
}

static struct mpm_list *
bucket_of(struct mpm_procs *procs, int64_t pid)
{
    return &procs->buckets[(uint64_t)pid % MPM_PROCS_BUCKETS]; /* pids are handed out in order */
}

static void
free_proc(uv_handle_t *handle)
{
    mpm__free(handle); /* the first member of its struct mpm_proc */
}

static void
let_go(struct mpm_proc *p)
{
    if (p->pidfd < 0) {
        mpm__free(p);
        return;
    }
    uv_close((uv_handle_t *)&p->poll, free_proc);
    close(p->pidfd);
}

static void
found_dead(struct mpm_proc *p)
{
    if (p->is_dead)
        return;
    p->is_dead = true;
    p->procs->n--;
    mpm__list_remove(&p->link);
    mpm__list_remove(&p->other);
    mpm__list_append(&p->procs->dead, &p->other);
    if (p->pidfd >= 0)
        uv_poll_stop(&p->poll);
}

static void
on_exit_seen(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    found_dead((struct mpm_proc *)(void *)poll);
}

/* It has ended, and its parent has not asked for its status yet: proc(5), /proc/pid/stat, "pid (name) state ...". */
static bool
is_zombie(int64_t pid)
{
    char path[40], text[128];
    const char *state;
    ssize_t n;
    int fd;

    snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    state = strrchr(text, ')'); /* the name may have one, too */
    return state != NULL && (strncmp(state, ") Z", 3) == 0 || strncmp(state, ") X", 3) == 0);
}

static void
ask(struct mpm_proc *p)
{
    if ((kill((pid_t)p->pid, 0) != 0 && errno == ESRCH) || is_zombie(p->pid))
        found_dead(p);
}

static void
on_timer(uv_timer_t *timer)
{
    struct mpm_procs *procs = MPM_CONTAINER(timer, struct mpm_procs, timer);

    for (struct mpm_link *l = mpm__list_first(&procs->watched), *next; l != NULL; l = next) {
        next = mpm__list_next(&procs->watched, l);
        ask(MPM_CONTAINER(l, struct mpm_proc, other));
    }
    if (mpm__list_is_empty(&procs->watched))
        uv_timer_stop(timer);
}

static int
open_pidfd(int64_t pid)
{
#ifdef SYS_pidfd_open
    return (int)syscall(SYS_pidfd_open, (pid_t)pid, 0); /* close-on-exec by itself */
#else
    (void)pid;
    return -1;
#endif
}

struct mpm_proc *
mpm__procs_join(struct mpm_procs *procs, int64_t pid)
{
    struct mpm_list *bucket = bucket_of(procs, pid);
    struct mpm_proc *p;

    for (struct mpm_link *l = mpm__list_first(bucket); l != NULL; l = mpm__list_next(bucket, l)) {
        p = MPM_CONTAINER(l, struct mpm_proc, link);
        if (p->pid == pid) {
            p->n_conns++;
            return p;
        }
    }
    if ((p = mpm__array(1, sizeof *p)) == NULL)
        return NULL;
    p->procs = procs;
    p->pid = pid;
    p->n_conns = 1;
    p->pidfd = open_pidfd(pid);
    if (p->pidfd >= 0 && uv_poll_init(procs->loop, &p->poll, p->pidfd) != 0) {
        close(p->pidfd);
        p->pidfd = -1;
    }
    if (p->pidfd >= 0) {
        uv_poll_start(&p->poll, UV_READABLE, on_exit_seen);
    } else {
        mpm__list_append(&procs->watched, &p->other);
        if (!uv_is_active((uv_handle_t *)&procs->timer))
            uv_timer_start(&procs->timer, on_timer, ASK_MS, ASK_MS);
    }
    mpm__list_append(bucket, &p->link);
    procs->n++;
    return p;
}

void
mpm__procs_leave(struct mpm_proc *p)
{
    p->n_conns--;
    if (!p->is_dead && p->pidfd < 0)
        ask(p);
    if (p->is_told && p->n_conns == 0)
        let_go(p);
}

void
mpm__procs_report(struct mpm_procs *procs)
{
    struct mpm_link *l;

    while ((l = mpm__list_first(&procs->dead)) != NULL) {
        struct mpm_proc *p = MPM_CONTAINER(l, struct mpm_proc, other);

        mpm__list_remove(l);
        p->n_conns++; /* gone() may close connections */
        procs->gone(procs->user, p->pid);
        p->is_told = true;
        mpm__procs_leave(p);
    }
}

void
mpm__procs_wipe(struct mpm_procs *procs)
{
    struct mpm_link *l;

    while ((l = mpm__list_first(&procs->dead)) != NULL) {
        mpm__list_remove(l);
        let_go(MPM_CONTAINER(l, struct mpm_proc, other));
    }
    for (size_t i = 0; i < MPM_PROCS_BUCKETS; i++)
        while ((l = mpm__list_first(&procs->buckets[i])) != NULL) {
            struct mpm_proc *p = MPM_CONTAINER(l, struct mpm_proc, link);

            mpm__list_remove(l);
            mpm__list_remove(&p->other);
            let_go(p);
        }
    uv_close((uv_handle_t *)&procs->timer, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/procs.h"

static bool no_pidfd; /* an old kernel, or no descriptors left */

long __real_syscall(long number, long a, long b);
long __wrap_syscall(long number, long a, long b);

long
__wrap_syscall(long number, long a, long b)
{
    if (!no_pidfd)
        return __real_syscall(number, a, b);
    errno = ENOSYS;
    return -1;
}

struct fixture {
    uv_loop_t loop;
    struct mpm_procs procs;
    pid_t child;
    int64_t gone;
    int n_gone;
};

static void
on_gone(void *user, int64_t pid)
{
    struct fixture *f = user;

    f->gone = pid;
    f->n_gone++;
}

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    *state = f;
    no_pidfd = false;
    if (uv_loop_init(&f->loop) != 0)
        return -1;
    mpm__procs_init(&f->procs, &f->loop, on_gone, f);
    f->child = fork();
    if (f->child == 0)
        for (;;)
            pause();
    return f->child > 0 ? 0 : -1;
}

static void
kill_child(struct fixture *f)
{
    if (f->child > 0) {
        kill(f->child, SIGKILL);
        assert_int_equal(waitpid(f->child, NULL, 0), f->child);
    }
    f->child = 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    kill_child(f);
    mpm__procs_wipe(&f->procs);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    free(f);
    return 0;
}

static void
a_death_is_noticed_after_the_last_connection_too(void **state)
{
    struct fixture *f = *state;
    pid_t pid = f->child;
    struct mpm_proc *p = mpm__procs_join(&f->procs, pid);

    assert_ptr_equal(mpm__procs_join(&f->procs, pid), p); /* one for all its connections */
    mpm__procs_leave(p);
    mpm__procs_leave(p);
    mpm__procs_report(&f->procs);
    assert_int_equal(f->n_gone, 0);
    kill_child(f);
    while (f->n_gone == 0) {
        uv_run(&f->loop, UV_RUN_ONCE);
        mpm__procs_report(&f->procs);
    }
    assert_int_equal(f->gone, pid);
    mpm__procs_report(&f->procs);
    assert_int_equal(f->n_gone, 1);
    assert_int_equal(f->procs.n, 0);
}

static void
a_death_is_told_while_a_socket_lives_on(void **state)
{
    struct fixture *f = *state;
    struct mpm_proc *p = mpm__procs_join(&f->procs, f->child);

    kill_child(f);
    while (f->n_gone == 0) {
        uv_run(&f->loop, UV_RUN_ONCE);
        mpm__procs_report(&f->procs);
    }
    mpm__procs_leave(p); /* and only now it is forgotten */
    assert_int_equal(f->n_gone, 1);
}

static void
without_pidfds_the_death_is_noticed_when_a_connection_closes(void **state)
{
    struct fixture *f = *state;
    struct mpm_proc *first, *second;
    pid_t pid = f->child;

    no_pidfd = true;
    first = mpm__procs_join(&f->procs, pid);
    second = mpm__procs_join(&f->procs, pid);
    mpm__procs_leave(first);
    mpm__procs_report(&f->procs);
    assert_int_equal(f->n_gone, 0);
    kill_child(f);
    mpm__procs_leave(second);
    mpm__procs_report(&f->procs);
    assert_int_equal(f->gone, pid);
    assert_int_equal(f->n_gone, 1);
}

static void
without_pidfds_a_zombie_is_dead(void **state)
{
    struct fixture *f = *state;
    pid_t pid = f->child;
    struct mpm_proc *p;
    siginfo_t info;

    if (access("/proc/self/stat", R_OK) != 0)
        skip();
    no_pidfd = true;
    p = mpm__procs_join(&f->procs, pid);
    kill(pid, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0); /* it is left as it is */
    mpm__procs_leave(p);
    mpm__procs_report(&f->procs);
    assert_int_equal(f->gone, pid);
}

static void
who_died_before_we_looked_is_noticed(void **state)
{
    struct fixture *f = *state;
    pid_t pid = f->child;
    struct mpm_proc *p;

    kill_child(f);
    p = mpm__procs_join(&f->procs, pid);
    mpm__procs_report(&f->procs);
    mpm__procs_leave(p);
    mpm__procs_report(&f->procs);
    assert_int_equal(f->gone, pid);
    assert_int_equal(f->n_gone, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_death_is_noticed_after_the_last_connection_too),
        TEST(a_death_is_told_while_a_socket_lives_on),
        TEST(without_pidfds_the_death_is_noticed_when_a_connection_closes),
        TEST(without_pidfds_a_zombie_is_dead),
        TEST(who_died_before_we_looked_is_noticed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

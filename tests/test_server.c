/* The daemon itself, forked, over its sockets. What clients say to it is tested elsewhere; here it is started, found,
 * and ended. Waits for events only: a line, the end of a pipe, an exit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/address.h"

#define READY 50 /* descriptors that the daemon is told of */
#define LIFELINE 51
#define KEY 52

struct fixture {
    char dir[32], path[64], notify[64];
    char ready[1024], log[8192]; /* all that it said */
    pid_t pid;
    int ready_fd, log_fd, lifeline_fd; /* our ends */
    rlim_t descriptors;                /* its limit; 0: ours */
};

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    *state = f;
    f->pid = -1;
    f->ready_fd = f->log_fd = f->lifeline_fd = -1;
    strcpy(f->dir, "/tmp/mpmd-test-XXXXXX");
    if (mkdtemp(f->dir) == NULL)
        return -1;
    snprintf(f->path, sizeof f->path, "%s/s", f->dir);
    snprintf(f->notify, sizeof f->notify, "%s/notify", f->dir);
    return 0;
}

static void
close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    if (f->pid > 0) {
        kill(f->pid, SIGKILL);
        waitpid(f->pid, NULL, 0);
        unlink(f->path);
    }
    close_fd(&f->ready_fd);
    close_fd(&f->log_fd);
    close_fd(&f->lifeline_fd);
    unlink(f->notify);
    assert_int_equal(rmdir(f->dir), 0);
    free(f);
    return 0;
}

static void
make_pipe(int *ours, bool we_read, int *theirs)
{
    int fd[2];

    assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
    *ours = fd[we_read ? 0 : 1];
    *theirs = fd[we_read ? 1 : 0];
}

/* Everything up to the end. */
static void
read_all(int fd, char *to, size_t size)
{
    size_t len = 0;
    ssize_t n;

    while ((n = read(fd, to + len, size - 1 - len)) > 0 || (n < 0 && errno == EINTR))
        len += n > 0 ? (size_t)n : 0;
    to[len] = '\0';
}

/* Starts it with a key, --ready-fd, --lifeline-fd and the words up to a NULL, and reads what it says when it is
 * ready. */
static void
start(struct fixture *f, ...)
{
    const char *top = getenv("top_builddir");
    char program[512], *argv[32];
    int argc = 0, ready, log, lifeline, key[2];
    va_list ap;

    snprintf(program, sizeof program, "%s/mpmd", top != NULL ? top : ".");
    argv[argc++] = program;
    argv[argc++] = "--ready-fd=50";
    argv[argc++] = "--lifeline-fd=51";
    argv[argc++] = "--authkey-fd=52";
    va_start(ap, f);
    while ((argv[argc] = va_arg(ap, char *)) != NULL)
        argc++;
    va_end(ap);
    make_pipe(&f->ready_fd, true, &ready);
    make_pipe(&f->log_fd, true, &log);
    make_pipe(&f->lifeline_fd, false, &lifeline);
    assert_int_equal(pipe2(key, O_CLOEXEC), 0);
    assert_int_equal(write(key[1], "secret", 6), 6);
    f->pid = fork();
    assert_true(f->pid >= 0);
    if (f->pid == 0) {
        dup2(log, STDERR_FILENO);
        dup2(ready, READY);
        dup2(lifeline, LIFELINE);
        dup2(key[0], KEY);
        if (f->descriptors != 0)
            setrlimit(RLIMIT_NOFILE, &(struct rlimit){f->descriptors, f->descriptors});
        execv(program, argv);
        _exit(126);
    }
    close(ready);
    close(log);
    close(lifeline);
    close(key[0]);
    close(key[1]);
    read_all(f->ready_fd, f->ready, sizeof f->ready);
}

/* Waits for its end; returns the exit status, or minus the signal. */
static int
end(struct fixture *f)
{
    int status;

    read_all(f->log_fd, f->log, sizeof f->log);
    assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
    f->pid = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int
connect_to(const char *text)
{
    struct mpm_address a;
    int fd;

    assert_int_equal(mpm__address_parse(text, &a, NULL), 0);
    fd = socket(a.u.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, &a.u.any, a.len), 0);
    return fd;
}

/* Whether a challenge comes; otherwise the connection ended. */
static bool
is_challenged(int fd)
{
    char bytes[64];
    ssize_t n = recv(fd, bytes, 15, MSG_WAITALL);

    return n == 15 && memcmp(bytes + 4, "#CHALLENGE#", 11) == 0;
}

static void
every_address_is_told_and_served(void **state)
{
    struct fixture *f = *state;
    char *line[3], *rest = f->ready;

    start(f, "--listen", "127.0.0.1:0", "--listen", f->path, "--listen", "@mpmd-test-server", (char *)NULL);
    for (int i = 0; i < 3; i++) {
        int fd;

        line[i] = strsep(&rest, "\n");
        fd = connect_to(line[i]);
        assert_true(is_challenged(fd));
        close(fd);
    }
    assert_string_equal(rest, "");
    assert_memory_equal(line[0], "127.0.0.1:", 10);
    assert_string_not_equal(line[0], "127.0.0.1:0");
    assert_string_equal(line[1], f->path);
    assert_string_equal(line[2], "@mpmd-test-server");
    kill(f->pid, SIGTERM);
    assert_int_equal(end(f), 0);
    assert_int_equal(access(f->path, F_OK), -1);
}

static void
the_end_of_the_lifeline_ends_it(void **state)
{
    struct fixture *f = *state;

    start(f, "--listen", f->path, (char *)NULL);
    assert_int_equal(write(f->lifeline_fd, "ignored", 7), 7);
    kill(f->pid, SIGINT); /* ignored, too */
    kill(f->pid, SIGHUP);
    assert_true(is_challenged(connect_to(f->path)));
    close_fd(&f->lifeline_fd);
    assert_int_equal(end(f), 0);
    assert_non_null(strstr(f->log, "lifeline"));
    assert_int_equal(access(f->path, F_OK), -1);
}

static void
a_peer_that_never_answers_is_closed_after_the_timeout(void **state)
{
    struct fixture *f = *state;
    char byte;
    int fd;

    start(f, "--listen", f->path, "--auth-timeout", "0.05", (char *)NULL);
    fd = connect_to(f->path);
    assert_true(is_challenged(fd));
    while (recv(fd, &byte, 1, 0) > 0)
        ;
    close(fd);
}

static void
more_connections_than_allowed_are_closed(void **state)
{
    struct fixture *f = *state;
    int fd[3];
    char byte;

    start(f, "--listen", f->path, "--max-connections", "2", (char *)NULL);
    for (int i = 0; i < 2; i++) {
        fd[i] = connect_to(f->path);
        assert_true(is_challenged(fd[i]));
    }
    fd[2] = connect_to(f->path);
    assert_int_equal(recv(fd[2], &byte, 1, 0), 0);
    close(fd[0]);
    close(fd[1]);
    do { /* until the server has seen the ends */
        close(fd[2]);
        fd[2] = connect_to(f->path);
    } while (!is_challenged(fd[2]));
    close(fd[2]);
    kill(f->pid, SIGTERM);
    assert_int_equal(end(f), 0);
    assert_non_null(strstr(f->log, "--max-connections reached"));
}

static void
without_descriptors_it_goes_on_as_soon_as_there_are_some(void **state)
{
    struct fixture *f = *state;
    int fd[64];

    f->descriptors = 60; /* those of the test are 50 to 52 */
    start(f, "--listen", f->path, (char *)NULL);
    for (int i = 0; i < 64; i++)
        fd[i] = connect_to(f->path); /* the kernel keeps those that are not accepted */
    for (int i = 0; i < 64; i++) {
        assert_true(is_challenged(fd[i]));
        close(fd[i]);
    }
    kill(f->pid, SIGTERM);
    assert_int_equal(end(f), 0);
    assert_non_null(strstr(f->log, "accept-paused"));
}

static void
the_service_manager_is_told(void **state)
{
    struct fixture *f = *state;
    struct mpm_address a;
    char text[64] = "";
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_int_equal(mpm__address_parse(f->notify, &a, NULL), 0);
    assert_int_equal(bind(fd, &a.u.any, a.len), 0);
    setenv("NOTIFY_SOCKET", f->notify, 1);
    start(f, "--listen", f->path, (char *)NULL);
    unsetenv("NOTIFY_SOCKET");
    assert_true(recv(fd, text, sizeof text - 1, 0) > 0);
    assert_memory_equal(text, "READY=1", 7);
    kill(f->pid, SIGTERM);
    assert_true(recv(fd, text, sizeof text - 1, 0) > 0);
    assert_memory_equal(text, "STOPPING=1", 10);
    assert_int_equal(end(f), 0);
    close(fd);
}

static void
a_failure_has_its_code_and_leaves_nothing_behind(void **state)
{
    struct fixture *f = *state;

    start(f, "--listen", f->path, "--listen", "/nonexistent/s", (char *)NULL);
    assert_string_equal(f->ready, "");
    assert_int_equal(end(f), 1);
    assert_non_null(strstr(f->log, "mpmd: /nonexistent/s: No such file or directory; make the directory first\n"));
    assert_int_equal(access(f->path, F_OK), -1);
    close_fd(&f->ready_fd);
    close_fd(&f->log_fd);
    close_fd(&f->lifeline_fd);
    start(f, "--max-connections", "many", (char *)NULL);
    assert_int_equal(end(f), 2);
    assert_non_null(strstr(f->log, "mpmd: --max-connections 'many': "));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_address_is_told_and_served),
        TEST(the_end_of_the_lifeline_ends_it),
        TEST(a_peer_that_never_answers_is_closed_after_the_timeout),
        TEST(more_connections_than_allowed_are_closed),
        TEST(without_descriptors_it_goes_on_as_soon_as_there_are_some),
        TEST(the_service_manager_is_told),
        TEST(a_failure_has_its_code_and_leaves_nothing_behind),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

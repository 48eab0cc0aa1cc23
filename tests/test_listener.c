#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/listener.h"

static int accept_error; /* what the next accept4() fails with; 0: it works */

int __real_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags);

int
__wrap_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
    if (accept_error == 0)
        return __real_accept4(fd, address, len, flags);
    errno = accept_error;
    accept_error = 0;
    return -1;
}

struct fixture {
    uv_loop_t loop;
    char dir[32], path[64];
    int accepted, last_fd, paused;
    struct mpm_listener *l;
};

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    *state = f;
    accept_error = 0;
    strcpy(f->dir, "/tmp/mpmd-test-XXXXXX");
    f->last_fd = -1;
    if (mkdtemp(f->dir) == NULL || uv_loop_init(&f->loop) != 0)
        return -1;
    snprintf(f->path, sizeof f->path, "%s/s", f->dir);
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    if (f->l != NULL)
        mpm__listener_close(f->l);
    if (f->last_fd >= 0)
        close(f->last_fd);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    unlink(f->path);
    assert_int_equal(rmdir(f->dir), 0);
    free(f);
    return 0;
}

static void
accepted(struct mpm_listener *l, int fd, const struct mpm_address *peer, void *user)
{
    struct fixture *f = user;

    (void)l;
    (void)peer;
    if (f->last_fd >= 0)
        close(f->last_fd);
    f->last_fd = fd;
    f->accepted++;
}

static void
paused(struct mpm_listener *l, int error, void *user)
{
    struct fixture *f = user;

    (void)l;
    f->paused = error;
}

static int
listen_on(struct fixture *f, const char *text, struct mpm_error *err)
{
    struct mpm_address a;

    assert_int_equal(mpm__address_parse(text, &a, err), 0);
    return mpm__listener_open(&f->loop, &a, accepted, paused, f, &f->l, err);
}

static int
connect_to(const char *text)
{
    struct mpm_address a;
    int fd;

    assert_int_equal(mpm__address_parse(text, &a, NULL), 0);
    fd = socket(a.u.any.sa_family, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, &a.u.any, a.len), 0);
    return fd;
}

/* A socket file whose server is dead. */
static void
leave_stale(const char *path)
{
    struct mpm_address a;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    assert_int_equal(mpm__address_parse(path, &a, NULL), 0);
    assert_int_equal(bind(fd, &a.u.any, a.len), 0);
    close(fd);
}

static void
a_socket_is_private_and_removed_at_the_end(void **state)
{
    struct fixture *f = *state;
    struct stat st;

    assert_int_equal(listen_on(f, f->path, NULL), 0);
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    mpm__listener_close(f->l);
    f->l = NULL;
    assert_int_equal(stat(f->path, &st), -1);
}

static void
a_stale_socket_is_replaced(void **state)
{
    struct fixture *f = *state;

    leave_stale(f->path);
    assert_int_equal(listen_on(f, f->path, NULL), 0);
    close(connect_to(f->path));
}

static void
a_live_socket_is_an_error_and_stays(void **state)
{
    struct fixture *f = *state;
    struct mpm_listener *first;
    struct mpm_error err;

    assert_int_equal(listen_on(f, f->path, NULL), 0);
    first = f->l;
    f->l = NULL;
    assert_int_equal(listen_on(f, f->path, &err), MPM_EIO);
    assert_non_null(strstr(err.text, f->path));
    assert_non_null(strstr(err.text, "a server is listening there"));
    f->l = first;
    close(connect_to(f->path));
}

static void
something_else_in_the_place_is_an_error_and_stays(void **state)
{
    struct fixture *f = *state;
    struct mpm_error err;
    struct stat st;
    FILE *file = fopen(f->path, "w");

    fclose(file);
    assert_int_equal(listen_on(f, f->path, &err), MPM_EIO);
    assert_non_null(strstr(err.text, "is not a socket"));
    assert_int_equal(stat(f->path, &st), 0);
}

static void
a_socket_that_somebody_put_in_our_place_is_left_alone(void **state)
{
    struct fixture *f = *state;
    struct stat st;

    assert_int_equal(listen_on(f, f->path, NULL), 0);
    unlink(f->path);
    leave_stale(f->path);
    mpm__listener_close(f->l);
    f->l = NULL;
    assert_int_equal(stat(f->path, &st), 0);
}

static void
a_missing_directory_is_named(void **state)
{
    struct fixture *f = *state;
    struct mpm_error err;

    assert_int_equal(listen_on(f, "/nonexistent/mpmd/s", &err), MPM_EIO);
    assert_non_null(strstr(err.text, "/nonexistent/mpmd/s"));
    assert_non_null(strstr(err.text, "make the directory first"));
}

static void
a_used_port_is_an_error_that_says_so(void **state)
{
    struct fixture *f = *state;
    struct mpm_listener *first;
    struct mpm_error err;
    char text[MPM_ADDRESS_TEXT];

    assert_int_equal(listen_on(f, "127.0.0.1:0", NULL), 0);
    first = f->l;
    f->l = NULL;
    strcpy(text, mpm__listener_text(first));
    assert_int_not_equal(strcmp(text, "127.0.0.1:0"), 0);
    assert_int_equal(listen_on(f, text, &err), MPM_EIO);
    assert_non_null(strstr(err.text, "port 0"));
    f->l = first;
}

static void
an_accepted_connection_has_nodelay_and_a_known_peer(void **state)
{
    struct fixture *f = *state;
    int on = 0, fd;
    socklen_t len = sizeof on;

    assert_int_equal(listen_on(f, "127.0.0.1:0", NULL), 0);
    fd = connect_to(mpm__listener_text(f->l));
    while (f->accepted == 0)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(getsockopt(f->last_fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
    assert_int_equal(on, 1);
    assert_int_equal(getsockopt(f->last_fd, SOL_SOCKET, SO_KEEPALIVE, &on, &len), 0);
    assert_int_equal(on, 1);
    close(fd);
}

static void
all_that_wait_are_accepted_in_one_turn(void **state)
{
    struct fixture *f = *state;
    int fd[20];

    assert_int_equal(listen_on(f, "@mpmd-test-listener", NULL), 0);
    for (int i = 0; i < 20; i++)
        fd[i] = connect_to("@mpmd-test-listener");
    uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(f->accepted, 20);
    for (int i = 0; i < 20; i++)
        close(fd[i]);
}

static void
without_descriptors_accepting_pauses_until_resumed(void **state)
{
    struct fixture *f = *state;
    int fd;

    assert_int_equal(listen_on(f, f->path, NULL), 0);
    fd = connect_to(f->path);
    accept_error = EMFILE;
    uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(f->paused, EMFILE);
    assert_int_equal(f->accepted, 0);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_int_equal(f->accepted, 0);
    mpm__listener_resume(f->l);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_int_equal(f->accepted, 1);
    close(fd);
}

static void
without_memory_accepting_resumes_by_itself(void **state)
{
    struct fixture *f = *state;
    int fd;

    assert_int_equal(listen_on(f, f->path, NULL), 0);
    fd = connect_to(f->path);
    accept_error = ENOMEM;
    while (f->accepted == 0)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(f->paused, ENOMEM);
    close(fd);
}

static void
a_connection_that_died_or_a_signal_does_not_stop_accepting(void **state)
{
    const int errors[] = {EINTR, ECONNABORTED, EPROTO, ENETDOWN};
    struct fixture *f = *state;

    assert_int_equal(listen_on(f, f->path, NULL), 0);
    for (int i = 0; i < 4; i++) {
        int fd = connect_to(f->path);

        accept_error = errors[i];
        uv_run(&f->loop, UV_RUN_ONCE);
        assert_int_equal(f->accepted, i + 1);
        close(fd);
    }
    assert_int_equal(f->paused, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_socket_is_private_and_removed_at_the_end),
        TEST(a_stale_socket_is_replaced),
        TEST(a_live_socket_is_an_error_and_stays),
        TEST(something_else_in_the_place_is_an_error_and_stays),
        TEST(a_socket_that_somebody_put_in_our_place_is_left_alone),
        TEST(a_missing_directory_is_named),
        TEST(a_used_port_is_an_error_that_says_so),
        TEST(an_accepted_connection_has_nodelay_and_a_known_peer),
        TEST(all_that_wait_are_accepted_in_one_turn),
        TEST(without_descriptors_accepting_pauses_until_resumed),
        TEST(without_memory_accepting_resumes_by_itself),
        TEST(a_connection_that_died_or_a_signal_does_not_stop_accepting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

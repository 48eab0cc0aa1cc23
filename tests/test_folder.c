#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "net/folder.h"

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

struct fixture {
    char dir[32];
    char segment[32]; /* of this test */
};

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    *state = f;
    mpm__log_default.level = MPM_LOG_ERROR;
    strcpy(f->dir, "/tmp/mpmd-test-XXXXXX");
    if (mkdtemp(f->dir) == NULL)
        return -1;
    snprintf(f->segment, sizeof f->segment, "/%s", f->dir + strlen("/tmp/"));
    return setenv("TMPDIR", f->dir, 1);
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    unsetenv("TMPDIR");
    shm_unlink(f->segment);
    assert_int_equal(rmdir(f->dir), 0); /* nothing was left there */
    free(f);
    return 0;
}

static bool
exists(const char *dir, const char *name)
{
    char path[320];
    struct stat st;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return lstat(path, &st) == 0;
}

static void
make_file(const char *dir, const char *name)
{
    char path[320];
    int fd;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static void
make_segment(const char *name)
{
    int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);

    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 100), 0);
    close(fd);
}

static bool
segment_exists(const char *name)
{
    int fd = shm_open(name, O_RDONLY, 0);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* A folder whose owner was killed in the middle of its work. */
static void
leave_dead(struct mpm_folder *left, const char *segment)
{
    int status, ends[2];
    pid_t pid;

    assert_int_equal(pipe(ends), 0);
    if ((pid = fork()) == 0) {
        struct mpm_folder f;

        if (mpm__folder_open(&f, NULL) != 0)
            _exit(1);
        make_file(f.path, "socket");
        make_file(f.path, "companion");
        if (segment != NULL)
            mpm__folder_note(&f, segment);
        if (write(ends[1], &f, sizeof f) != (ssize_t)sizeof f)
            _exit(1);
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(read(ends[0], left, sizeof *left), sizeof *left);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(ends[0]);
    close(ends[1]);
    assert_true(exists(left->path, "socket"));
}

static void
a_folder_is_private_and_goes_with_all_that_is_in_it(void **state)
{
    struct fixture *f = *state;
    struct mpm_address a;
    struct mpm_folder folder;
    struct stat st;

    assert_int_equal(mpm__folder_open(&folder, NULL), 0);
    assert_memory_equal(folder.path, f->dir, strlen(f->dir));
    assert_int_equal(stat(folder.path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    mpm__folder_address(&folder, &a);
    assert_memory_equal(a.u.un.sun_path, folder.path, strlen(folder.path));
    assert_string_equal(a.u.un.sun_path + strlen(folder.path), "/socket");
    make_file(folder.path, "socket");
    make_file(folder.path, "companion");
    make_segment(f->segment);
    mpm__folder_note(&folder, f->segment);
    mpm__folder_close(&folder);
    assert_int_equal(lstat(a.u.un.sun_path, &st), -1);
    mpm__folder_close(&folder); /* again is no matter */
}

static void
a_folder_that_is_in_use_is_left_alone(void **state)
{
    struct mpm_folder one, two;

    (void)state;
    assert_int_equal(mpm__folder_open(&one, NULL), 0);
    make_file(one.path, "socket");
    assert_int_equal(mpm__folder_open(&two, NULL), 0);
    assert_int_equal(mpm__folder_sweep(&two), 0);
    assert_int_equal(mpm__folder_sweep(&one), 0);
    assert_true(exists(one.path, "socket"));
    assert_true(exists(two.path, "lock"));
    mpm__folder_close(&one);
    mpm__folder_close(&two);
}

static void
what_killed_servers_left_is_swept(void **state)
{
    struct mpm_folder dead, dead_too, living;
    struct fixture *f = *state;

    make_segment(f->segment);
    leave_dead(&dead, f->segment);
    leave_dead(&dead_too, NULL);
    assert_int_equal(mpm__folder_open(&living, NULL), 0);
    assert_int_equal(mpm__folder_sweep(&living), 2);
    assert_false(exists(dead.path, ""));
    assert_false(exists(dead_too.path, ""));
    assert_false(segment_exists(f->segment));
    assert_true(exists(living.path, "lock"));
    mpm__folder_close(&living);
}

/* Killed before it had its lock, or while it swept. */
static void
an_empty_folder_is_swept(void **state)
{
    struct fixture *f = *state;
    struct mpm_folder living;
    char path[64];

    snprintf(path, sizeof path, "%s/mpmd-run-dead00", f->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(mpm__folder_open(&living, NULL), 0);
    assert_int_equal(mpm__folder_sweep(&living), 1);
    assert_false(exists(path, ""));
    mpm__folder_close(&living);
}

static void
a_segment_of_the_same_name_made_later_is_left_alone(void **state)
{
    struct fixture *f = *state;
    struct mpm_folder dead, living;

    make_segment(f->segment);
    leave_dead(&dead, f->segment);
    shm_unlink(f->segment);
    make_segment(f->segment);
    assert_int_equal(mpm__folder_open(&living, NULL), 0);
    assert_int_equal(mpm__folder_sweep(&living), 1);
    assert_true(segment_exists(f->segment));
    mpm__folder_close(&living);
}

static void
a_segment_that_was_released_is_forgotten(void **state)
{
    struct fixture *f = *state;
    struct mpm_folder folder;
    char notes[256];

    assert_int_equal(mpm__folder_open(&folder, NULL), 0);
    snprintf(notes, sizeof notes, "%s/segments", folder.path);
    mpm__folder_note(&folder, f->segment); /* which is not there */
    assert_false(exists(notes, ""));
    make_segment(f->segment);
    mpm__folder_note(&folder, f->segment);
    mpm__folder_note(&folder, f->segment); /* tracked twice */
    assert_true(exists(notes, f->segment + 1));
    mpm__folder_forget(&folder, f->segment);
    assert_false(exists(notes, f->segment + 1));
    mpm__folder_forget(&folder, f->segment);
    mpm__folder_close(&folder);
    assert_true(segment_exists(f->segment));
}

#ifdef __linux__
static void
a_fifo_in_place_of_a_segment_is_not_waited_for(void **state)
{
    struct fixture *f = *state;
    struct mpm_folder folder;
    char path[64];

    snprintf(path, sizeof path, "/dev/shm%s", f->segment);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(mpm__folder_open(&folder, NULL), 0);
    alarm(60);
    mpm__folder_note(&folder, f->segment);
    alarm(0);
    mpm__folder_close(&folder);
    unlink(path);
}
#endif

static void
folders_of_others_are_left_alone(void **state)
{
    struct fixture *f = *state;
    struct mpm_folder living;
    char open_to_all[64], no_lock[64], a_file[64], a_link[64];

    snprintf(open_to_all, sizeof open_to_all, "%s/mpmd-run-000001", f->dir);
    snprintf(no_lock, sizeof no_lock, "%s/mpmd-run-000002", f->dir);
    snprintf(a_file, sizeof a_file, "%s/mpmd-run-000003", f->dir);
    snprintf(a_link, sizeof a_link, "%s/mpmd-run-000004", f->dir);
    assert_int_equal(mkdir(open_to_all, 0700), 0);
    assert_int_equal(chmod(open_to_all, 0755), 0);
    make_file(open_to_all, "lock");
    assert_int_equal(mkdir(no_lock, 0700), 0);
    make_file(no_lock, "precious");
    make_file(f->dir, "mpmd-run-000003");
    assert_int_equal(symlink(no_lock, a_link), 0);
    assert_int_equal(mpm__folder_open(&living, NULL), 0);
    assert_int_equal(mpm__folder_sweep(&living), 0);
    mpm__folder_close(&living);
    assert_true(exists(open_to_all, "lock"));
    assert_true(exists(no_lock, "precious"));
    unlink(a_link);
    unlink(a_file);
    assert_int_equal(unlink(strcat(open_to_all, "/lock")), 0);
    *strrchr(open_to_all, '/') = '\0';
    rmdir(open_to_all);
    assert_int_equal(unlink(strcat(no_lock, "/precious")), 0);
    *strrchr(no_lock, '/') = '\0';
    rmdir(no_lock);
}

/* Makers and sweepers at the same time: nobody loses a folder that he has. */
static void
nobody_sweeps_what_is_just_being_made(void **state)
{
    pid_t pids[4];
    int status;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        if ((pids[i] = fork()) != 0)
            continue;
        for (int n = 0; n < 200; n++) {
            struct mpm_folder f;

            if (mpm__folder_open(&f, NULL) != 0)
                _exit(1);
            mpm__folder_sweep(&f);
            if (!exists(f.path, "lock"))
                _exit(2);
            mpm__folder_close(&f);
        }
        _exit(0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
}

static void
where_the_path_would_be_too_long_it_is_in_tmp(void **state)
{
    char deep[200];
    struct fixture *f = *state;
    struct mpm_folder folder;

    memset(deep, 'd', sizeof deep);
    deep[0] = '/';
    deep[sizeof deep - 1] = '\0';
    setenv("TMPDIR", deep, 1);
    assert_int_equal(mpm__folder_open(&folder, NULL), 0);
    assert_memory_equal(folder.path, "/tmp/mpmd-run-", strlen("/tmp/mpmd-run-"));
    mpm__folder_close(&folder);
    setenv("TMPDIR", "/nonexistent", 1);
    assert_int_equal(mpm__folder_open(&folder, NULL), 0);
    assert_memory_equal(folder.path, "/tmp/mpmd-run-", strlen("/tmp/mpmd-run-"));
    mpm__folder_close(&folder);
    setenv("TMPDIR", f->dir, 1);
}

static void
without_any_folder_there_is_an_error(void **state)
{
    struct mpm_error err;
    struct mpm_folder folder;
    int held[1024], n = 0;

    (void)state;
    while (n < 1024 && (held[n] = open("/dev/null", O_RDONLY)) >= 0)
        n++;
    if (n < 1024) { /* no descriptor is left */
        assert_int_equal(mpm__folder_open(&folder, &err), MPM_EIO);
        assert_non_null(strstr(err.text, "set TMPDIR or give --listen"));
        assert_int_equal(folder.fd, -1);
    }
    while (n > 0)
        close(held[--n]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_folder_is_private_and_goes_with_all_that_is_in_it),
        TEST(a_folder_that_is_in_use_is_left_alone),
        TEST(what_killed_servers_left_is_swept),
        TEST(an_empty_folder_is_swept),
        TEST(a_segment_of_the_same_name_made_later_is_left_alone),
        TEST(a_segment_that_was_released_is_forgotten),
#ifdef __linux__
        TEST(a_fifo_in_place_of_a_segment_is_not_waited_for),
#endif
        TEST(folders_of_others_are_left_alone),
        TEST(nobody_sweeps_what_is_just_being_made),
        TEST(where_the_path_would_be_too_long_it_is_in_tmp),
        TEST(without_any_folder_there_is_an_error),
    };

    return cmocka_run_group_tests_name("folder", tests, NULL, NULL);
}

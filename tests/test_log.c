/* test_log.c - what the log writes, and what it does when it cannot. */
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
#include <unistd.h>

#include "base/log.h"

static int saved = -1, file = -1;
static char text[8192];

static void
redirect(int fd)
{
    fflush(stderr);
    if (saved < 0)
        saved = dup(STDERR_FILENO);
    dup2(fd, STDERR_FILENO);
}

/* Standard error goes to a file of no name. */
static void
capture(void)
{
    FILE *f = tmpfile();

    assert_non_null(f);
    file = dup(fileno(f));
    fclose(f);
    redirect(file);
}

static const char *
captured(void)
{
    ssize_t n;

    dup2(saved, STDERR_FILENO);
    n = pread(file, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    close(file);
    return text;
}

static int
restore(void **state)
{
    (void)state;
    if (saved >= 0)
        dup2(saved, STDERR_FILENO);
    mpm__log_default.level = MPM_LOG_INFO;
    return 0;
}

static size_t
count_lines(const char *s)
{
    size_t n = 0;

    for (; *s != '\0'; s++)
        n += *s == '\n';
    return n;
}

static void
a_line_has_time_level_area_and_text(void **state)
{
    int year, month, day, hour, minute, second, ms, end = 0;

    (void)state;
    capture();
    mpm__log(MPM_LOG_WARNING, "session", "id=%d state=%s", 7, "admin");
    captured();
    assert_int_equal(sscanf(text, "time=%4d-%2d-%2dT%2d:%2d:%2d.%3dZ level=warning area=session id=7 state=admin%n",
        &year, &month, &day, &hour, &minute, &second, &ms, &end), 7);
    assert_true(end > 0);
    assert_string_equal(text + end, "\n");
}

static int calls;

static int
called(void)
{
    return ++calls;
}

static void
a_line_of_a_level_that_is_off_costs_nothing(void **state)
{
    (void)state;
    capture();
    mpm__log(MPM_LOG_DEBUG, "test", "n=%d", called());
    mpm__log_default.level = MPM_LOG_ERROR;
    mpm__log(MPM_LOG_WARNING, "test", "n=%d", called());
    mpm__log(MPM_LOG_ERROR, "test", "n=%d", called());
    captured();
    assert_int_equal(calls, 1);
    assert_int_equal(count_lines(text), 1);
    assert_non_null(strstr(text, "level=error area=test n=1\n"));
}

static void
a_line_stays_one_line_and_is_cut_when_it_is_long(void **state)
{
    char longer[3000];

    (void)state;
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    capture();
    mpm__log(MPM_LOG_INFO, "test", "a=%s", "b\nlevel=error\r\x1b[2J");
    mpm__log(MPM_LOG_INFO, "test", "a=%s", longer);
    mpm__log(MPM_LOG_INFO, "test", "the end");
    captured();
    assert_int_equal(count_lines(text), 3);
    assert_non_null(strstr(text, "a=b?level=error??[2J\n"));
    assert_non_null(strstr(text, "xxx...\n"));
    assert_non_null(strstr(text, "area=test the end\n"));
}

static void
lines_that_a_full_disk_took_are_counted(void **state)
{
    int full = open("/dev/full", O_WRONLY);

    (void)state;
    if (full < 0)
        skip();
    redirect(full);
    errno = 77;
    for (int i = 0; i < 3; i++)
        mpm__log(MPM_LOG_INFO, "test", "i=%d", i);
    assert_int_equal(errno, 77);
    close(full);
    capture();
    mpm__log(MPM_LOG_INFO, "test", "there is room again");
    mpm__log(MPM_LOG_INFO, "test", "and again");
    captured();
    assert_int_equal(count_lines(text), 3);
    assert_non_null(strstr(text, "level=warning area=log lost_lines=3\ntime="));
    assert_non_null(strstr(text, "area=test there is room again\ntime="));
}

static void
half_a_line_does_not_spoil_the_next(void **state)
{
    struct rlimit before, low;
    char *half;

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    capture();
    low = before;
    low.rlim_cur = 80;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    mpm__log(MPM_LOG_INFO, "test", "this is longer than what the file may take");
    mpm__log(MPM_LOG_INFO, "test", "this is lost");
    setrlimit(RLIMIT_FSIZE, &before);
    mpm__log(MPM_LOG_INFO, "test", "whole");
    captured();
    signal(SIGXFSZ, SIG_DFL);
    half = strchr(text, '\n');
    assert_non_null(half);
    assert_int_equal(half - text, 80);
    assert_int_equal(strncmp(half + 1, "time=", 5), 0);
    assert_non_null(strstr(half, "area=log lost_lines=2\n"));
    assert_non_null(strstr(half, "area=test whole\n"));
    assert_null(strstr(text, "this is lost"));
}

static void
a_closed_standard_error_harms_nobody(void **state)
{
    int null = open("/dev/null", O_RDONLY);

    (void)state;
    redirect(null);
    mpm__log(MPM_LOG_INFO, "test", "into nothing");
    close(null);
    capture();
    mpm__log(MPM_LOG_INFO, "test", "ok");
    captured();
    assert_non_null(strstr(text, "lost_lines=1\n"));
}

static void
bytes_from_peers_are_escaped(void **state)
{
    char out[64];

    (void)state;
    assert_string_equal(mpm__log_escape("plain text, 1", 13, out, sizeof out), "plain text, 1");
    assert_string_equal(mpm__log_escape("a\n\0\xff\"\\", 6, out, sizeof out), "a\\x0a\\x00\\xff\\x22\\x5c");
    assert_string_equal(mpm__log_escape("", 0, out, sizeof out), "");
    assert_string_equal(mpm__log_escape(NULL, 0, out, sizeof out), "");
}

static void
what_does_not_fit_is_cut_between_characters(void **state)
{
    char out[64];

    (void)state;
    assert_string_equal(mpm__log_escape("12345678", 8, out, 9), "12345678");
    assert_string_equal(mpm__log_escape("12345678", 8, out, 8), "1234...");
    assert_string_equal(mpm__log_escape("1\n\n", 3, out, 9), "1\\x0a...");
    assert_string_equal(mpm__log_escape("1\n\n", 3, out, 10), "1\\x0a\\x0a");
    assert_string_equal(mpm__log_escape("1\n\n", 3, out, 8), "1...");
    for (size_t size = 1; size < 40; size++)
        for (size_t len = 0; len < 20; len++) {
            memset(out, 'Z', sizeof out);
            assert_true(strlen(mpm__log_escape("a\nbc\x80\x81 defg\0hijklmn", len, out, size)) < size);
            assert_int_equal(out[size], 'Z');
        }
}

static void
repeated_lines_are_limited_and_counted(void **state)
{
    struct mpm_log_rate rate = { 0 };
    const int64_t second = 1000000000;
    uint32_t suppressed;

    (void)state;
    assert_true(mpm__log_rate(&rate, 5 * second, 2, &suppressed));
    assert_true(mpm__log_rate(&rate, 5 * second + 1, 2, &suppressed));
    assert_int_equal(suppressed, 0);
    for (int i = 0; i < 10; i++)
        assert_false(mpm__log_rate(&rate, 6 * second - 1, 2, &suppressed));
    assert_true(mpm__log_rate(&rate, 6 * second, 2, &suppressed));
    assert_int_equal(suppressed, 10);
    assert_true(mpm__log_rate(&rate, 6 * second, 2, &suppressed));
    assert_int_equal(suppressed, 0);
    assert_false(mpm__log_rate(&rate, 6 * second, 2, &suppressed));
    assert_true(mpm__log_rate(&rate, 100 * second, 2, &suppressed));
    assert_int_equal(suppressed, 1);
}

static void
levels_have_names(void **state)
{
    (void)state;
    assert_int_equal(mpm__log_level_from("error"), MPM_LOG_ERROR);
    assert_int_equal(mpm__log_level_from("warning"), MPM_LOG_WARNING);
    assert_int_equal(mpm__log_level_from("info"), MPM_LOG_INFO);
    assert_int_equal(mpm__log_level_from("debug"), MPM_LOG_DEBUG);
    assert_int_equal(mpm__log_level_from("Debug"), -1);
    assert_int_equal(mpm__log_level_from(""), -1);
    assert_int_equal(mpm__log_level_from("infos"), -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_line_has_time_level_area_and_text, restore),
        cmocka_unit_test_teardown(a_line_of_a_level_that_is_off_costs_nothing, restore),
        cmocka_unit_test_teardown(a_line_stays_one_line_and_is_cut_when_it_is_long, restore),
        cmocka_unit_test_teardown(lines_that_a_full_disk_took_are_counted, restore),
        cmocka_unit_test_teardown(half_a_line_does_not_spoil_the_next, restore),
        cmocka_unit_test_teardown(a_closed_standard_error_harms_nobody, restore),
        cmocka_unit_test(bytes_from_peers_are_escaped),
        cmocka_unit_test(what_does_not_fit_is_cut_between_characters),
        cmocka_unit_test(repeated_lines_are_limited_and_counted),
        cmocka_unit_test(levels_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

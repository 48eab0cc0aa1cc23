#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "support/support.h"
#include "support/world.h"

#define ONCE(request, reply) assert_string_equal(mpm_world_once(request), reply)
#define NOT_IN_LIST "! ValueError: list.remove(x): x not in list"

static int
set_up(void **state)
{
    (void)state;
    mpm__log_default.level = MPM_LOG_ERROR;
    mpm_world_open(MPM_DEATH_KEEP);
    return mpm_world_hub() == NULL;
}

static int
tear_down(void **state)
{
    (void)state;
    mpm_world_close();
    return 0;
}

static void
expect_unlinked(const char *expected)
{
    char *name = mpm__hub_next_unlink(mpm_world_hub());

    if (expected == NULL) {
        assert_null(name);
        return;
    }
    assert_non_null(name);
    assert_string_equal(name, expected);
    mpm__free(name);
}

static void
segments_are_listed_in_order_and_released_by_name(void **state)
{
    (void)state;
    ONCE("list_segments()", "[]");
    ONCE("track_segment('psm_1')", "None");
    ONCE("track_segment('/psm_2')", "None");
    ONCE("track_segment('psm_3')", "None");
    ONCE("list_segments()", "['psm_1', '/psm_2', 'psm_3']");
    expect_unlinked(NULL);
    ONCE("release_segment('/psm_2')", "None");
    expect_unlinked("/psm_2");
    expect_unlinked(NULL);
    ONCE("list_segments()", "['psm_1', 'psm_3']");
    ONCE("release_segment(segment_name='psm_1')", "None");
    expect_unlinked("/psm_1");
    ONCE("release_segment('psm_1')", NOT_IN_LIST);
    ONCE("release_segment('psm_2')", NOT_IN_LIST);
    expect_unlinked(NULL);
    ONCE("list_segments()", "['psm_3']");
}

static void
a_name_tracked_twice_is_released_twice(void **state)
{
    (void)state;
    ONCE("track_segment('a')", "None");
    ONCE("track_segment('b')", "None");
    ONCE("track_segment('a')", "None");
    ONCE("track_segment('a')", "None");
    ONCE("list_segments()", "['a', 'b', 'a', 'a']");
    ONCE("release_segment('a')", "None");
    ONCE("list_segments()", "['b', 'a', 'a']");
    ONCE("release_segment('a')", "None");
    ONCE("track_segment('a')", "None");
    ONCE("release_segment('a')", "None");
    ONCE("list_segments()", "['b', 'a']");
    ONCE("release_segment('a')", "None");
    ONCE("release_segment('a')", NOT_IN_LIST);
}

static void
expect_tracked(const char *expected)
{
    const char *name = mpm__hub_next_tracked(mpm_world_hub());

    if (expected == NULL)
        assert_null(name);
    else
        assert_string_equal(name, expected);
}

static void
what_was_tracked_is_told_once_in_order(void **state)
{
    (void)state;
    expect_tracked(NULL);
    ONCE("track_segment('a')", "None");
    ONCE("track_segment('/b')", "None");
    expect_tracked("/a");
    expect_tracked("/b");
    expect_tracked(NULL);
    ONCE("track_segment('c')", "None");
    ONCE("track_segment('d')", "None");
    ONCE("track_segment('e')", "None");
    ONCE("release_segment('c')", "None");
    ONCE("release_segment('a')", "None");
    ONCE("release_segment('e')", "None");
    expect_tracked("/d");
    expect_tracked(NULL);
    ONCE("release_segment('d')", "None");
    ONCE("track_segment('f')", "None");
    ONCE("release_segment('f')", "None");
    expect_tracked(NULL);
    expect_unlinked("/c");
    expect_unlinked("/a");
    expect_unlinked("/e");
    expect_unlinked("/d");
    expect_unlinked("/f");
    expect_unlinked(NULL);
}

static void
names_that_lead_elsewhere_are_refused(void **state)
{
    static const char *const bad[] = { "''", "'/'", "'.'", "'..'", "'/..'", "'//a'", "'a/b'", "'/a/b'", "'../a'", "'a/'",
        "1", "None", "['a']", "{}" };
    char request[64], long_name[300], long_request[320];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(request, sizeof request, "track_segment(%s)", bad[i]);
        if (strstr(mpm_world_once(request), "is no name of a shared memory segment") == NULL)
            fail_msg("%s: %s", request, mpm_world_once(request));
        snprintf(request, sizeof request, "release_segment(%s)", bad[i]);
        ONCE(request, NOT_IN_LIST);
    }
    for (size_t len = 255; len <= 256; len++) {
        memset(long_name, 'x', len);
        long_name[len] = '\0';
        snprintf(long_request, sizeof long_request, "track_segment('/%s')", long_name);
        assert_int_equal(strcmp(mpm_world_once(long_request), "None") == 0, len == 255);
    }
    mpm__hub_release_segments(mpm_world_hub());
    long_name[255] = '\0';
    snprintf(long_request, sizeof long_request, "/%s", long_name);
    expect_unlinked(long_request);
    expect_unlinked(NULL);
    ONCE("track_segment()", "! TypeError: Server.track_segment() missing 1 required positional argument: 'segment_name'");
    ONCE("list_segments(1)", "! TypeError: Server.list_segments() takes 2 positional arguments but 3 were given");
}

static void
all_are_unlinked_at_shutdown(void **state)
{
    (void)state;
    ONCE("track_segment('a')", "None");
    ONCE("track_segment('b')", "None");
    ONCE("track_segment('a')", "None");
    ONCE("shutdown()", "None");
    expect_unlinked("/a");
    expect_unlinked("/b");
    expect_unlinked("/a");
    expect_unlinked(NULL);
    ONCE("list_segments()", "[]");
}

static void
names_count_against_max_memory(void **state)
{
    uint64_t before;
    char request[64];
    int n = 0;

    (void)state;
    mpm_world_close();
    mpm_world_open_limited(MPM_DEATH_KEEP, 10000);
    before = mpm_world_memory();
    do
        snprintf(request, sizeof request, "track_segment('s%d')", n++);
    while (strcmp(mpm_world_once(request), "None") == 0 && n < 1000);
    assert_non_null(strstr(mpm_world_once(request), "! MemoryError: the stored values would take more than --max-memory"));
    assert_true(n > 10 && n < 200);
    mpm__hub_release_segments(mpm_world_hub());
    assert_int_equal(mpm_world_memory(), before);
}

static bool
once_either(const char *request, const char *reply)
{
    const char *got = mpm_world_once(request);

    if (strcmp(got, reply) == 0)
        return true;
    if (strstr(got, "MemoryError") == NULL && strcmp(got, "...") != 0)
        fail_msg("%s: got %s", request, got);
    return false;
}

static int
life(void)
{
    bool ok = false;
    char *name;

    mpm_world_open(MPM_DEATH_KEEP);
    if (mpm_world_hub() != NULL) {
        ok = once_either("track_segment('a')", "None");
        ok = once_either("track_segment('b')", "None") && ok;
        ok = ok && once_either("list_segments()", "['a', 'b']") && once_either("release_segment('a')", "None");
        if ((name = mpm__hub_next_unlink(mpm_world_hub())) != NULL)
            mpm__free(name);
    }
    mpm_world_close();
    return ok ? 0 : MPM_ENOMEM;
}

static void
without_memory_nothing_changes(void **state)
{
    (void)state;
    mpm_world_close();
    assert_true(mpm_test_fail_until_ok(life) > 0);
    mpm_world_open(MPM_DEATH_KEEP);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(segments_are_listed_in_order_and_released_by_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_name_tracked_twice_is_released_twice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_tracked_is_told_once_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_that_lead_elsewhere_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_are_unlinked_at_shutdown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_count_against_max_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_memory_nothing_changes, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

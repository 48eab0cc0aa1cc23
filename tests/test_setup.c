#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "core/setup.h"
#include "server/setup.h"
#include "support/support.h"
#include "support/world.h"

#define DONE(request) assert_int_equal(mpm_world_set_up(request, &err), 0)
#define NAMES "('get', 'put', 'qsize')"

static struct mpm_error err;

static int
set_up(void **state)
{
    (void)state;
    mpm__log_default.level = MPM_LOG_ERROR;
    memset(&err, 0, sizeof err);
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
an_object_is_there_with_what_was_put_into_it(void **state)
{
    struct mpm_world_peer *p = mpm_world_peer_new(1, "main");

    (void)state;
    DONE("register('get_queue', " NAMES ", 'Queue', 3)");
    DONE("get_queue.put_many([1, 'two'])");
    DONE("register('get_event', None, 'Event')");
    DONE("get_event.set()");
    DONE("register('get_dict', ['copy'], 'dict', {'a': 1}, b=2)");
    DONE("register('gate', ('acquire', 'release', 'locked', '__str__'), 'Semaphore')"); /* as 3.14's AcquirerProxy */
    assert_string_equal(mpm_world_once("create('get_queue')"), "('1', " NAMES ")");
    assert_string_equal(mpm_world_once("create('get_dict')"), "('3', ('copy',))");
    ASK(p, "1.get()", "1");
    ASK(p, "1.put(3)", "None");
    ASK(p, "1.put(4)", "None");
    ASK(p, "1.full()", "True");
    ASK(p, "2.is_set()", "True");
    ASK(p, "3.copy()", "{'a': 1, 'b': 2}");
    mpm_world_decref("1");
    MADE("get_queue()", "1"); /* it is kept without references, with its content */
    ASK(p, "1.get()", "'two'");
    mpm_world_peer_end(p, false);
}

static void
two_names_may_be_of_one_object(void **state)
{
    struct mpm_world_peer *p = mpm_world_peer_new(1, "main");

    (void)state;
    DONE("register('a', ('append',), 'list')");
    DONE("register('b', None, 'Lock')");
    DONE("alias('c', ('pop',), 'a')");
    DONE("alias('d', None, 'c')");
    assert_string_equal(mpm_world_once("create('a')"), "('1', ('append',))");
    assert_string_equal(mpm_world_once("create('c')"), "('1', ('pop',))");
    MADE("b()", "2");
    MADE("d()", "1");
    assert_string_equal(mpm_world_once("number_of_objects()"), "2");
    assert_non_null(strstr(mpm_world_once("mpmd_inspect('object', '1')"), "'name': 'a'"));
    assert_non_null(strstr(mpm_world_once("mpmd_inspect('object', 'd')"), "'name': 'a'"));
    assert_non_null(strstr(mpm_world_once("mpmd_inspect('object', '2')"), "'name': 'b'"));
    ASK(p, "1.append(5)", "None");
    ASK(p, "1.pop()", "5");
    mpm_world_peer_end(p, false);
}

static void
a_factory_makes_another_object_each_time(void **state)
{
    (void)state;
    DONE("factory('make', " NAMES ", 'LifoQueue')");
    DONE("factory('numbers', None, 'list')");
    assert_string_equal(mpm_world_once("create('make', 2)"), "('1', " NAMES ")");
    MADE("make()", "2");
    MADE("numbers([1, 2])", "3");
    mpm_world_decref("1");
    mpm_world_decref("2");
    mpm_world_decref("3");
    assert_string_equal(mpm_world_once("number_of_objects()"), "0");
}

static void
a_call_of_a_registered_name_takes_nothing(void **state)
{
    (void)state;
    DONE("register('a', None, 'list')");
    assert_string_equal(mpm_world_once("create('a', 1, 2)"),
        "! TypeError: a() takes 0 positional arguments but 2 were given");
    assert_string_equal(mpm_world_once("create('a', x=1)"), "! TypeError: a() got an unexpected keyword argument 'x'");
}

static void
what_makes_no_sense_is_refused_and_named(void **state)
{
    static const char *const cases[][2] = {
        { "register('a', None, 'list')", "a: this name is registered already" },
        { "register('f', None, 'list')", "f: this name is registered already" },
        { "factory('a', None, 'list')", "a: this name is registered already" },
        { "register('b', None, 'NoSuch')", "b: there is no such type" },
        { "register('b', None, 1)", "b: there is no such type" },
        { "register('b c', None, 'list')", "a name must be a Python identifier" },
        { "register('', None, 'list')", "a name must be a Python identifier" },
        { "register(1, None, 'list')", "a name must be a Python identifier" },
        { "register('b', 'append', 'list')", "b: exposed is None or a tuple of names" },
        { "register('b', (1,), 'list')", "b: exposed is None or a tuple of names" },
        { "register('b', ('append', 'put'), 'list')", "b: list has no method put here" },
        { "register('b', ('append pop',), 'list')", "b: list has no method append pop here" },
        { "register('b', None, 'list', 1)", "b: TypeError: 'int' object is not iterable" },
        { "register('b', None)", "register() takes (name, exposed, typeid, *args)" },
        { "alias('b', None, 'nothing')", "b: the object that it is to be a name of is not registered" },
        { "alias('b', ('put',), 'a')", "b: list has no method put here" },
        { "alias('b', None, 'a', 1)", "alias() takes (name, exposed, other)" },
        { "factory('b', None, 'NoSuch')", "b: there is no such type" },
        { "factory('b')", "factory() takes (name, exposed, typeid)" },
        { "create('list')", "there is no such function" },
        { "a.nothing()", "a: there is no method nothing" },
        { "b.append(1)", "a method is called of what is not registered" },
        { "f.append(1)", "a method is called of what is not registered" },
        { "a.pop()", "a: IndexError: pop from empty list" },
        { "a.append()", "a: TypeError: list.append() takes exactly one argument (0 given)" },
        { "q.get()", "q: get would wait" },
        { "q.put(1)", "" },
        { "q.put(1)", "q: put would wait" },
    };

    (void)state;
    DONE("register('a', None, 'list')");
    DONE("factory('f', None, 'list')");
    DONE("register('q', None, 'Queue', 1)");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int r = mpm_world_set_up(cases[i][0], &err);

        if (r != (cases[i][1][0] != '\0' ? MPM_EINVAL : 0) || (r != 0 && strstr(err.text, cases[i][1]) == NULL))
            fail_msg("%s: %d \"%s\"", cases[i][0], r, err.text);
    }
    assert_int_equal(mpm__hub_set_up(mpm_world_hub(), (const uint8_t *)"(.", 2, &err), MPM_EINVAL);
    assert_int_equal(mpm__hub_set_up(mpm_world_hub(), (const uint8_t *)"N.", 2, &err), MPM_EINVAL);
    assert_int_equal(mpm__hub_set_up(mpm_world_hub(), (const uint8_t *)"(NNNt.", 6, &err), MPM_EINVAL);
    assert_int_equal(mpm__hub_set_up(mpm_world_hub(), (const uint8_t *)"(NNNNt.", 7, &err), MPM_EINVAL);
}

/* What is taken before there are clients belongs to nobody. */
static void
a_lock_may_be_taken_beforehand(void **state)
{
    struct mpm_world_peer *p = mpm_world_peer_new(1, "main");

    (void)state;
    DONE("register('get_lock', None, 'Lock')");
    DONE("get_lock.acquire()");
    ASK(p, "1.acquire(False)", "False");
    ASK(p, "1.release()", "None");
    ASK(p, "1.acquire(False)", "True");
    mpm_world_peer_end(p, false);
}

/* A token carries the name that its object was asked for by. */
static void
proxies_made_by_such_names_are_known_inside_of_others(void **state)
{
    struct mpm_world_peer *p = mpm_world_peer_new(1, "main");

    (void)state;
    DONE("factory('numbers', None, 'list')");
    DONE("register('get_all', None, 'list')");
    DONE("alias('get_same', None, 'get_all')");
    MADE("numbers([1, 2])", "2");
    ASK(p, "1.extend(@2:numbers)", "None");
    ASK(p, "1.extend(@2:list)", "None");
    ASK(p, "2.extend(@1:get_all)", "None");
    ASK(p, "2.extend(@1:get_same)", "None");
    ASK(p, "2.__len__()", "10");
    assert_memory_equal(mpm_world_ask(p, "1.extend(@2:get_all)"), "TypeError", 9);
    assert_memory_equal(mpm_world_ask(p, "1.extend(@2:other)"), "TypeError", 9);
    ASK(p, "1.append(@2:numbers)", "None"); /* and kept alive by them */
    mpm_world_decref("2");
    ASK(p, "2.__len__()", "10");
    mpm_world_peer_end(p, false);
}

static int
read_from(const void *bytes, size_t len, uint64_t max)
{
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], bytes, len), len);
    close(fds[1]);
    memset(&err, 0, sizeof err);
    return mpm__setup_read(mpm_world_hub(), fds[0], max, &err); /* which closes it */
}

static void
messages_are_read_to_the_end(void **state)
{
    static const char two[] =
        "\0\0\0\x1b(NU\x08register(U\1aNU\4listt}t."
        "\0\0\0\x13(U\1aU\6append(K\7t}t.";

    (void)state;
    assert_int_equal(read_from(two, sizeof two - 1, 1000), 0);
    MADE("a()", "1");
    assert_int_equal(read_from("", 0, 1000), 0);
    assert_int_equal(read_from(two, sizeof two - 2, 1000), MPM_EINVAL); /* the name is taken */
    assert_non_null(strstr(err.text, "--setup-fd"));
    assert_non_null(strstr(err.text, "a: this name is registered already"));
    assert_int_equal(read_from("\0\0\0\3N", 5, 1000), MPM_EINVAL);
    assert_non_null(strstr(err.text, "in the middle of a message"));
    assert_int_equal(read_from(two, sizeof two - 1, 8), MPM_EINVAL); /* longer than --max-message */
    assert_int_equal(mpm__setup_read(mpm_world_hub(), 1000, 1000, &err), MPM_EIO);
    assert_non_null(strstr(err.text, "--setup-fd 1000: "));
}

static int
life(void)
{
    static const char *const requests[] = {
        "register('a', ('append', 'pop'), 'list', [1, 2])", "a.append(3)", "alias('b', ('pop',), 'a')",
        "factory('f', ('append',), 'list')", "register('q', None, 'Queue', 2)", "q.put_many([1, 2])",
    };
    bool ok;

    mpm_world_open(MPM_DEATH_KEEP);
    ok = mpm_world_hub() != NULL;
    for (size_t i = 0; ok && i < sizeof requests / sizeof *requests; i++) {
        int r = mpm_world_set_up(requests[i], &err);

        if (r != 0 && r != MPM_ENOMEM && strstr(err.text, "MemoryError") == NULL)
            fail_msg("%s: %d %s", requests[i], r, err.text);
        ok = r == 0;
    }
    mpm_world_close();
    return ok ? 0 : MPM_ENOMEM;
}

static void
without_memory_it_says_so(void **state)
{
    (void)state;
    mpm_world_close();
    assert_true(mpm_test_fail_until_ok(life) > 0);
    mpm_world_open(MPM_DEATH_KEEP);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_object_is_there_with_what_was_put_into_it),
        TEST(two_names_may_be_of_one_object),
        TEST(a_factory_makes_another_object_each_time),
        TEST(a_call_of_a_registered_name_takes_nothing),
        TEST(what_makes_no_sense_is_refused_and_named),
        TEST(a_lock_may_be_taken_beforehand),
        TEST(proxies_made_by_such_names_are_known_inside_of_others),
        TEST(messages_are_read_to_the_end),
        TEST(without_memory_it_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "support/support.h"
#include "support/people.h"

#define LONG "a text that is too long to be kept in sixteen bytes"
#define NOT_ITERABLE "TypeError(\"'int' object is not iterable\")"
#define UNHASHABLE "TypeError(\"unhashable type: 'list'\")"

static void
items_are_there_once_however_they_are_written(void **state)
{
    (void)state;
    MADE("set()", "1");
    ASK(a, "1.__str__()", "'set()'");
    ASK(a, "1.__len__()", "0");
    MADE("set([1, 2, True, 1.0, 'a', 'a', (1, 2), (1.0, 2)])", "2");
    ASK(a, "2.__repr__()", "\"{1, 2, 'a', (1, 2)}\"");
    ASK(a, "2.__len__()", "4");
    ASK(a, "2.__contains__(True)", "True");
    ASK(a, "2.__contains__((True, 2.0))", "True");
    ASK(old, "2.__contains__('a')", "True");
    ASK(a, "2.__contains__('b')", "False");
    ASK(a, "2.add(2.0)", "None");
    ASK(a, "2.add(3)", "None");
    ASK(a, "2.#GETVALUE()", "{1, 2, 'a', (1, 2), 3}");
    ASK(old, "2.copy()", "{1, 2, 'a', (1, 2), 3}");
    MADE("set('abca')", "3");
    ASK(a, "3.copy()", "{'a', 'b', 'c'}");
    MADE("set({1: 2, 3: 4})", "4");
    ASK(a, "4.copy()", "{1, 3}");
    MADE("set(@2:set)", "5");
    ASK(a, "5.copy()", "{1, 2, 'a', (1, 2), 3}");
}

static void
items_are_taken_out(void **state)
{
    (void)state;
    MADE("set([1, 2, 3, 4])", "1");
    ASK(a, "1.remove(2)", "None");
    ASK(a, "1.remove(2)", "KeyError(2)");
    ASK(a, "1.discard(2)", "None");
    ASK(a, "1.discard(3.0)", "None");
    ASK(a, "1.pop()", "1");
    ASK(a, "1.copy()", "{4}");
    ASK(a, "1.pop()", "4");
    ASK(a, "1.pop()", "KeyError('pop from an empty set')");
    ASK(a, "1.add(frozenset([5]))", "None");
    ASK(a, "1.__contains__(set([5]))", "True"); /* the one place where a set may stand for a key */
    ASK(a, "1.discard(set([6]))", "None");
    ASK(a, "1.remove(set([6]))", "KeyError({6})");
    ASK(a, "1.remove(set([5]))", "None");
    ASK(a, "1.__len__()", "0");
    ASK(a, "1.update([1, 2], [3])", "None");
    ASK(a, "1.clear()", "None");
    ASK(a, "1.copy()", "set()");
}

static void
methods_take_any_iterables(void **state)
{
    (void)state;
    MADE("set([1, 2, 3])", "1");
    MADE("set([3, 4])", "2");
    ASK(a, "1.union()", "{1, 2, 3}");
    ASK(a, "1.union([4], (5, 1), {6: 7}, 'x', @2:set, @1:set)", "{1, 2, 3, 4, 5, 6, 'x'}");
    ASK(a, "1.intersection()", "{1, 2, 3}");
    ASK(a, "1.intersection([9, 3, 2.0], @1:set)", "{3, 2.0}");
    ASK(a, "1.intersection(@2:set)", "{3}");
    ASK(a, "1.difference([1], @2:set)", "{2}");
    ASK(a, "1.symmetric_difference(@2:set)", "{1, 2, 4}");
    ASK(a, "1.isdisjoint([4, 5])", "True");
    ASK(a, "1.isdisjoint([4, 1, []])", "False");
    ASK(a, "1.issubset([1, 2, 3, 4])", "True");
    ASK(a, "1.issubset(@2:set)", "False");
    ASK(a, "1.issuperset([1, 2])", "True");
    ASK(a, "1.issuperset([7, []])", "False");
    ASK(a, "1.copy()", "{1, 2, 3}");
    ASK(a, "1.update([4], 'x')", "None");
    ASK(a, "1.difference_update(@2:set, [9])", "None");
    ASK(a, "1.copy()", "{1, 2, 'x'}");
    ASK(a, "1.symmetric_difference_update([2, 7, 2])", "None");
    ASK(a, "1.copy()", "{1, 'x', 7}");
    ASK(a, "1.intersection_update([7, 1, 8])", "None");
    ASK(a, "1.copy()", "{7, 1}");
    ASK(a, "1.difference_update(@1:set)", "None");
    ASK(a, "1.copy()", "set()");
}

static void
operators_take_sets_only(void **state)
{
    (void)state;
    MADE("set([1, 2, 3])", "1");
    MADE("set([3, 4])", "2");
    ASK(a, "1.__or__(set([4]))", "{1, 2, 3, 4}");
    ASK(old, "1.__or__(set([4]))", "{1, 2, 3, 4}");
    ASK(a, "1.__and__(@2:set)", "{3}");
    ASK(a, "1.__sub__(frozenset([1]))", "{2, 3}");
    ASK(a, "1.__xor__(@2:set)", "{1, 2, 4}");
    ASK(a, "1.__rsub__(frozenset([1, 8]))", "frozenset({8})");
    ASK(a, "1.__ror__(set([8]))", "{8, 1, 2, 3}");
    ASK(a, "1.__rand__(frozenset([1, 8]))", "frozenset({1})");
    ASK(a, "1.__rxor__(set([1, 8]))", "{8, 2, 3}");
    ASK(a, "1.__or__([4])", "NotImplemented");
    ASK(a, "1.__rsub__(None)", "NotImplemented");
    ASK(a, "1.__ior__({4: 4})", "NotImplemented");
    ASK(a, "1.__le__([1])", "NotImplemented");
    ASK(a, "1.__le__(set([1, 2, 3]))", "True");
    ASK(a, "1.__lt__(set([1, 2, 3]))", "False");
    ASK(a, "1.__lt__(set([1, 2, 3, 4]))", "True");
    ASK(a, "1.__ge__(@2:set)", "False");
    ASK(a, "1.__gt__(frozenset([1, 2]))", "True");
    ASK(a, "1.__ior__(@2:set)", "{1, 2, 3, 4}");
    ASK(a, "1.__iand__(set([1, 2, 4, 9]))", "{1, 2, 4}");
    ASK(a, "1.__isub__(set([2]))", "{1, 4}");
    ASK(a, "1.__ixor__(set([1, 7]))", "{4, 7}");
    ASK(a, "1.__iter__()", "<iter object>");
    ASK(a, "1.__class_getitem__((1, 2))", "<types.GenericAlias object>");
}

static void
wrong_arguments_get_cpythons_errors_and_change_nothing(void **state)
{
    static const char *const calls[][2] = {
        { "1.add([])", UNHASHABLE }, { "1.add(set([1]))", "TypeError(\"unhashable type: 'set'\")" },
        { "1.add()", "TypeError('set.add() takes exactly one argument (0 given)')" },
        { "1.remove([])", UNHASHABLE }, { "1.__contains__((1, []))", UNHASHABLE },
        { "1.pop(1)", "TypeError('set.pop() takes no arguments (1 given)')" },
        { "1.union(1)", NOT_ITERABLE }, { "1.update([7], 1)", NOT_ITERABLE }, { "1.update([8, []])", UNHASHABLE },
        { "1.union(x=1)", "TypeError('set.union() takes no keyword arguments')" },
        { "1.difference_update([1], [[]])", UNHASHABLE }, { "1.intersection_update([1], 1)", NOT_ITERABLE },
        { "1.symmetric_difference_update([1, []])", UNHASHABLE },
        { "1.symmetric_difference()", "TypeError('set.symmetric_difference() takes exactly one argument (0 given)')" },
        { "1.__or__()", "TypeError('expected 1 argument, got 0')" },
        { "1.__ior__(set([1]), 2)", "TypeError('expected 1 argument, got 2')" },
        { "1.__len__(1)", "TypeError('expected 0 arguments, got 1')" },
    };

    (void)state;
    MADE("set(1)", "! TypeError: 'int' object is not iterable");
    MADE("set([[]])", "! TypeError: unhashable type: 'list'");
    MADE("set(None)", "! TypeError: 'NoneType' object is not iterable");
    MADE("set([1], 2)", "! TypeError: set expected at most 1 argument, got 2");
    MADE("set(x=1)", "! TypeError: set() takes no keyword arguments");
    MADE("set([1, 2])", "1");
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        ASK(a, calls[i][0], calls[i][1]);
        ASK(a, "1.copy()", "{1, 2}");
    }
}

static void
nan_is_never_found(void **state)
{
    (void)state;
    MADE("set([1])", "1");
    ASK(a, "1.add(nan)", "None");
    ASK(a, "1.add(nan)", "None");
    ASK(a, "1.__len__()", "3");
    ASK(a, "1.__contains__(nan)", "False");
}

static void
a_proxy_in_it_keeps_its_object(void **state)
{
    (void)state;
    MADE("Lock()", "1");
    MADE("set([@1])", "2");
    mpm_world_decref("1");
    ASK(a, "1.acquire()", "True");
    ASK(a, "2.clear()", "None");
    assert_true(mpm_world_ask(a, "1.acquire()")[0] == '!');
}

static void
what_is_over_the_memory_limit_is_refused_and_the_rest_stays(void **state)
{
    const char *const over = "MemoryError(";

    mpm_people_go(state);
    mpm_world_open_limited(MPM_DEATH_KEEP, 3000);
    a = mpm_world_peer_new(10, "MainProcess");
    MADE("set([1, '" LONG "'])", "1");
    for (int i = 0; i < 3; i++) {
        assert_memory_equal(mpm_world_ask(a, "1.update(range(0, 100, 1))"), over, strlen(over));
        assert_memory_equal(mpm_world_ask(a, "1.symmetric_difference_update(range(0, 100, 1))"), over, strlen(over));
        assert_memory_equal(mpm_world_ask(a, "1.__ior__(set(range(0, 100, 1)))"), over, strlen(over));
        ASK(a, "1.copy()", "{1, '" LONG "'}");
    }
}

#define EITHER(request, reply) if (!mpm_world_either(a, request, reply)) goto out
static int
life(void)
{
    int r = MPM_ENOMEM;

    mpm_world_open(MPM_DEATH_KEEP);
    if (mpm_world_hub() == NULL)
        return r;
    a = mpm_world_peer_new(10, "MainProcess");
    if (a == NULL || strcmp(mpm_world_create("set([1, '" LONG "', 3])"), "1") != 0)
        goto out;
    EITHER("1.add('" LONG "!')", "None");
    EITHER("1.update([5, 6, '" LONG "?'])", "None");
    EITHER("1.symmetric_difference_update([5, 7, (8, '" LONG "')])", "None");
    EITHER("1.intersection([1, 2.0, 6])", "{1, 6}");
    EITHER("1.union([9])", "{1, '" LONG "', 3, '" LONG "!', 6, '" LONG "?', 7, (8, '" LONG "'), 9}");
    EITHER("1.difference_update([7, '" LONG "'])", "None");
    EITHER("1.__iand__(set([1, 3, (8, '" LONG "'), 4, 5, 10, 11, 12]))", "{1, 3, (8, '" LONG "')}");
    EITHER("1.__contains__((8, '" LONG "'))", "True");
    EITHER("1.remove((8, '" LONG "'))", "None");
    EITHER("1.__or__(set([2]))", "{1, 3, 2}");
    EITHER("1.__lt__(set([1, 2, 3]))", "True");
    EITHER("1.issubset([1, 2])", "False");
    r = 0;
out:
    mpm_world_close();
    return r;
}

static void
without_memory_nothing_is_half_done(void **state)
{
    (void)state;
    assert_true(mpm_test_fail_until_ok(life) > 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, mpm_people_come, mpm_people_go)
    const struct CMUnitTest tests[] = {
        TEST(items_are_there_once_however_they_are_written),
        TEST(items_are_taken_out),
        TEST(methods_take_any_iterables),
        TEST(operators_take_sets_only),
        TEST(wrong_arguments_get_cpythons_errors_and_change_nothing),
        TEST(nan_is_never_found),
        TEST(a_proxy_in_it_keeps_its_object),
        TEST(what_is_over_the_memory_limit_is_refused_and_the_rest_stays),
        cmocka_unit_test(without_memory_nothing_is_half_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

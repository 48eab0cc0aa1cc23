/* OrderedDict: what it has beyond dict. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "support/support.h"
#include "support/people.h"

static void
entries_are_taken_from_both_ends(void **state)
{
    (void)state;
    MADE("OrderedDict([('a', 1), ('b', 2), ('c', 3), ('d', 4)])", "1");
    ASK(a, "1.popitem()", "('d', 4)");
    ASK(a, "1.popitem(False)", "('a', 1)");
    ASK(a, "1.popitem(last=0)", "('b', 2)");
    ASK(a, "1.popitem('')", "('c', 3)");
    ASK(a, "1.popitem()", "KeyError('dictionary is empty')");
    ASK(a, "1.move_to_end([])", "KeyError([])"); /* nothing is looked for in an empty one */
    ASK(a, "1.pop([])", "TypeError(\"unhashable type: 'list'\")");
    ASK(a, "1.pop('x')", "KeyError('x')");
    ASK(a, "1.pop('x', default=5)", "5");
    ASK(a, "1.pop()", "TypeError(\"pop() missing required argument 'key' (pos 1)\")");
}

static void
an_entry_is_moved_to_either_end(void **state)
{
    (void)state;
    MADE("OrderedDict([('a', 1), ('b', 2), ('c', 3)])", "1");
    ASK(a, "1.move_to_end([])", "TypeError(\"unhashable type: 'list'\")");
    ASK(a, "1.move_to_end('a')", "None");
    ASK(a, "1.items()", "[('b', 2), ('c', 3), ('a', 1)]");
    ASK(a, "1.move_to_end('a', last=False)", "None");
    ASK(a, "1.move_to_end('a', False)", "None");
    ASK(a, "1.items()", "[('a', 1), ('b', 2), ('c', 3)]");
    ASK(a, "1.move_to_end(key='c', last=False)", "None");
    ASK(a, "1.keys()", "['c', 'a', 'b']");
    ASK(a, "1.move_to_end('b')", "None");
    ASK(a, "1.move_to_end('z')", "KeyError('z')");
    ASK(a, "1.move_to_end([])", "TypeError(\"unhashable type: 'list'\")");
    ASK(a, "1.keys()", "['c', 'a', 'b']");
    ASK(a, "1.__getitem__('a')", "1");
    for (int i = 0; i < 500; i++) { /* round and round */
        ASK(a, "1.move_to_end('b', False)", "None");
        ASK(a, "1.move_to_end('c')", "None");
        ASK(a, "1.move_to_end('c', False)", "None");
        ASK(a, "1.move_to_end('b')", "None");
    }
    ASK(a, "1.items()", "[('c', 3), ('a', 1), ('b', 2)]");
}

static void
it_shows_and_copies_itself_as_cpython_312_does(void **state)
{
    (void)state;
    MADE("OrderedDict()", "1");
    ASK(a, "1.__str__()", "'OrderedDict()'");
    MADE("OrderedDict({'a': 1}, b=[2])", "2");
    ASK(a, "2.__repr__()", "\"OrderedDict({'a': 1, 'b': [2]})\"");
    ASK(a, "2.copy()", "OrderedDict({'a': 1, 'b': [2]})");
    ASK(a, "2.#GETVALUE()", "OrderedDict({'a': 1, 'b': [2]})");
    ASK(a, "2.fromkeys('xy')", "OrderedDict({'x': None, 'y': None})");
    ASK(a, "2.__or__({'c': 1})", "OrderedDict({'a': 1, 'b': [2], 'c': 1})");
    ASK(a, "2.update([1])", "TypeError(\"'int' object is not iterable\")");
    ASK(a, "2.update([()])", "ValueError('need more than 0 values to unpack')");
    ASK(a, "2.update([(1, 2, 3)])", "ValueError('too many values to unpack (expected 2)')");
    ASK(a, "2.update({}, {})", "TypeError('update() takes at most 1 positional argument (2 given)')");
    ASK(a, "2.increment('a')", "2");
    ASK(a, "2.update_if('a', 2, 'x')", "True");
    MADE("OrderedDict({}, {})", "! TypeError: expected at most 1 arguments, got 2");
}

static void
order_counts_between_two_of_them_only(void **state)
{
    (void)state;
    MADE("OrderedDict([('a', 1), ('b', 2)])", "1");
    MADE("OrderedDict([('b', 2), ('a', 1)])", "2");
    MADE("dict([('b', 2), ('a', 1)])", "3");
    ASK(a, "1.__eq__({'b': 2, 'a': 1.0})", "True");
    ASK(a, "1.__ne__({'b': 2, 'a': 1})", "False");
    ASK(a, "1.__eq__({'b': 2, 'a': 3})", "False");
    ASK(a, "1.__eq__({'b': 2, 'c': 1})", "False");
    ASK(a, "1.__eq__({'b': 2})", "False");
    ASK(a, "1.__eq__(collections.OrderedDict([('a', 1), ('b', 2)]))", "True");
    ASK(a, "1.__eq__(collections.OrderedDict([('b', 2), ('a', 1)]))", "False");
    ASK(a, "1.__eq__(@2:OrderedDict)", "False");
    ASK(a, "1.__eq__(@1:OrderedDict)", "True");
    ASK(a, "1.__eq__(@3:dict)", "True");
    ASK(a, "1.__eq__([('a', 1)])", "NotImplemented");
    ASK(a, "1.__ne__(5)", "NotImplemented");
    ASK(a, "1.__setitem__('a', nan)", "None");
    ASK(a, "1.__eq__({'a': nan, 'b': 2})", "False");
}

static int
life(void)
{
    bool ok;

    if (!mpm_people_try(MPM_DEATH_KEEP, 1))
        return MPM_ENOMEM;
    ok = strcmp(mpm_world_create("OrderedDict({'x': 1, 'y': 'a text that is too long to be small', 'z': 3})"),
             "1") == 0;
    if (ok && !mpm_world_either(a, "1.move_to_end('z', False)", "None"))
        ok = mpm_world_either(a, "1.keys()", "['x', 'y', 'z']") && false;
    ok = ok && mpm_world_either(a, "1.__eq__({'x': 1, 'y': 'a text that is too long to be small', 'z': 3})", "True") &&
         mpm_world_either(a, "1.popitem(False)", "('z', 3)") &&
         mpm_world_either(a, "1.__repr__()", "\"OrderedDict({'x': 1, 'y': 'a text that is too long to be small'})\"");
    return mpm_people_tried(ok);
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
        TEST(entries_are_taken_from_both_ends),
        TEST(an_entry_is_moved_to_either_end),
        TEST(it_shows_and_copies_itself_as_cpython_312_does),
        TEST(order_counts_between_two_of_them_only),
        cmocka_unit_test(without_memory_nothing_is_half_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Iterator: over a dict that may change meanwhile, and over what was sent. */
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

#define NEW_ITERATOR(ident) "@" ident " ('__next__', 'send', 'throw', 'close')"
#define CHANGED_SIZE "RuntimeError('dictionary changed size during iteration')"

static void
keys_come_in_order_and_then_no_more(void **state)
{
    (void)state;
    MADE("dict({'a': 1, 'b': 2, 'c': 3})", "1");
    ASK(a, "1.__iter__()", NEW_ITERATOR("2"));
    ASK(a, "2.__next__()", "'a'");
    ASK(a, "1.__delitem__('b')", "None");
    ASK(a, "1.__setitem__('d', 4)", "None"); /* of the same size: CPython does not notice either */
    ASK(a, "2.next()", "'c'");
    ASK(a, "2.__str__()", "'<dict_keyiterator object at 0x2>'");
    assert_non_null(strstr(mpm_world_ask(a, "2.#GETVALUE()"), "iter"));
    ASK(a, "2.__next__()", "'d'");
    ASK(a, "2.__next__()", "StopIteration()");
    ASK(a, "1.__setitem__('e', 5)", "None");
    ASK(a, "2.__next__()", "StopIteration()");
    ASK(a, "2.send(1)", "! KeyError: 'send'");
    ASK(a, "2.close()", "! KeyError: 'close'");
    ASK(a, "2.__next__(1)", "TypeError('expected 0 arguments, got 1')");
    ASK(a, "1.__iter__(1)", "TypeError('expected 0 arguments, got 1')");
}

static void
a_dict_of_another_size_ends_it_for_good(void **state)
{
    (void)state;
    MADE("dict({'a': 1, 'b': 2})", "1");
    ASK(a, "1.__iter__()", NEW_ITERATOR("2"));
    ASK(a, "2.__next__()", "'a'");
    ASK(b, "1.__setitem__('c', 3)", "None");
    ASK(a, "2.__next__()", CHANGED_SIZE);
    ASK(b, "1.__delitem__('c')", "None");
    ASK(a, "2.__next__()", CHANGED_SIZE);
}

static void
other_keys_than_it_began_with_end_it(void **state)
{
    (void)state;
    MADE("dict({'a': 1, 'b': 2})", "1");
    ASK(a, "1.__iter__()", NEW_ITERATOR("2"));
    for (int i = 0; i < 2; i++) {
        mpm_world_ask(a, "2.__next__()");
        ASK(a, i == 0 ? "1.pop('a')" : "1.pop('b')", i == 0 ? "1" : "2");
        ASK(a, i == 0 ? "1.__setitem__('c', 3)" : "1.__setitem__('d', 4)", "None");
    }
    ASK(a, "2.__next__()", "RuntimeError('dictionary keys changed during iteration')");
    ASK(a, "2.__next__()", "StopIteration()");
}

static void
it_keeps_its_dict_and_goes_with_its_last_reference(void **state)
{
    (void)state;
    MADE("dict({'a': 1, 'b': 2})", "1");
    ASK(a, "1.__iter__()", NEW_ITERATOR("2"));
    mpm_world_decref("1");
    ASK(a, "2.__next__()", "'a'");
    ASK(a, "1.__len__()", "2");
    mpm_world_decref("2");
    ASK(a, "2.__next__()", "! KeyError: '2'");
    ASK(a, "1.__len__()", "! KeyError: '1'");
}

static void
one_that_its_own_dict_contains_goes_with_the_dict(void **state)
{
    (void)state;
    MADE("dict()", "1");
    ASK(a, "1.__iter__()", NEW_ITERATOR("2"));
    ASK(a, "1.__setitem__('its own', @2:Iterator)", "None");
    mpm_world_decref("2");
    ASK(a, "2.__next__()", CHANGED_SIZE); /* the dict needs it */
    mpm_world_decref("1");
    ASK(a, "1.__len__()", "! KeyError: '1'");
    ASK(a, "2.__next__()", "! KeyError: '2'");
    assert_int_equal(mpm_world_memory(), 0);
}

static void
one_of_a_killed_client_is_gone(void **state)
{
    (void)state;
    MADE("dict({'a': 1, 'b': 2})", "1");
    for (int i = 0; i < 10; i++)
        mpm_world_ask(b, "1.__iter__()");
    ASK(a, "b.__next__()", "'a'");
    mpm_world_kill(20, true);
    ASK(a, "b.__next__()", "! KeyError: 'b'");
    ASK(a, "2.__next__()", "! KeyError: '2'");
    ASK(a, "1.__len__()", "2");
}

static void
create_takes_an_iterator_that_was_sent(void **state)
{
    (void)state;
    MADE("Iterator(iter([1, 'x', [2]]))", "1");
    ASK(a, "1.__str__()", "'<list_iterator object at 0x1>'");
    ASK(a, "1.__next__()", "1");
    ASK(a, "1.next()", "'x'");
    ASK(a, "1.__next__()", "[2]");
    ASK(a, "1.__next__()", "StopIteration()");
    ASK(a, "1.__next__()", "StopIteration()");
    MADE("Iterator(reversed([1, 2]))", "2");
    MADE("Iterator()", "! ValueError: Without callable, must have one non-keyword argument");
    MADE("Iterator(1, 2)", "! ValueError: Without callable, must have one non-keyword argument");
    MADE("Iterator(1, x=2)", "! ValueError: Without callable, must have one non-keyword argument");
    MADE("Iterator(object=iter([]))", "! ValueError: Without callable, must have one non-keyword argument");
}

static void
what_is_no_iterator_is_hosted_without_methods(void **state)
{
    (void)state;
    MADE("Iterator([1, 2])", "1");
    ASK(a, "1.__next__()", "! KeyError: '__next__'");
    ASK(a, "1.__str__()", "'[1, 2]'");
    ASK(a, "1.#GETVALUE()", "[1, 2]");
    MADE("Iterator({})", "2");
    ASK(a, "2.close()", "! KeyError: 'close'");
}

static int
life(void)
{
    bool ok;

    if (!mpm_people_try(MPM_DEATH_KEEP, 1))
        return MPM_ENOMEM;
    ok = strcmp(mpm_world_create("dict({'a key that is too long to be small': 1})"), "1") == 0;
    ok = ok && mpm_world_either(a, "1.__iter__()", NEW_ITERATOR("2")) &&
         mpm_world_either(a, "2.__next__()", "'a key that is too long to be small'") &&
         mpm_world_either(a, "2.__next__()", "StopIteration()") &&
         strcmp(mpm_world_create("Iterator(iter(['a text that is too long to be small']))"), "3") == 0 &&
         mpm_world_either(a, "3.__next__()", "'a text that is too long to be small'") &&
         strcmp(mpm_world_create("Iterator(['a text that is too long to be small'])"), "4") == 0 &&
         mpm_world_either(a, "4.__str__()", "\"['a text that is too long to be small']\"");
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
        TEST(keys_come_in_order_and_then_no_more),
        TEST(a_dict_of_another_size_ends_it_for_good),
        TEST(other_keys_than_it_began_with_end_it),
        TEST(it_keeps_its_dict_and_goes_with_its_last_reference),
        TEST(one_that_its_own_dict_contains_goes_with_the_dict),
        TEST(one_of_a_killed_client_is_gone),
        TEST(create_takes_an_iterator_that_was_sent),
        TEST(what_is_no_iterator_is_hosted_without_methods),
        cmocka_unit_test(without_memory_nothing_is_half_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* dict: what clients see. Its table under attack is test_table.c's. */
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

#define SHARED "a text that several keys share, and that is long enough to be seen when it is sent again for each of them"

static void
it_is_made_of_mappings_pairs_and_keywords(void **state)
{
    (void)state;
    MADE("dict()", "1");
    ASK(a, "1.__str__()", "'{}'");
    MADE("dict({'a': 1, 2: [3]}, a=5, self=6)", "2");
    ASK(a, "2.copy()", "{'a': 5, 2: [3], 'self': 6}");
    MADE("dict([('a', 1), ['b', 2], 'cd', ('a', 3)])", "3");
    ASK(a, "3.copy()", "{'a': 3, 'b': 2, 'c': 'd'}");
    MADE("dict(@3:dict, x=1)", "4");
    ASK(a, "4.#GETVALUE()", "{'a': 3, 'b': 2, 'c': 'd', 'x': 1}");
    MADE("dict(iter([(1, 2)]))", "5");
    ASK(a, "5.copy()", "{1: 2}");
    MADE("dict(list([(1, 2), range(0, 2, 1)]))", "6");
    ASK(a, "6.copy()", "{1: 2, 0: 1}");
    MADE("dict(5)", "! TypeError: 'int' object is not iterable");
    MADE("dict({}, {})", "! TypeError: dict expected at most 1 argument, got 2");
    MADE("dict([decimal.Decimal('1')])", "! TypeError: cannot convert dictionary update sequence element #0 to a sequence");
    MADE("dict([1])", "! TypeError: cannot convert dictionary update sequence element #0 to a sequence");
    MADE("dict([(1, 2), (1, 2, 3)])",
        "! ValueError: dictionary update sequence element #1 has length 3; 2 is required");
    MADE("dict([([], 1)])", "! TypeError: unhashable type: 'list'");
}

static void
entries_are_set_read_and_deleted(void **state)
{
    (void)state;
    MADE("dict()", "1");
    ASK(a, "1.__setitem__('a', [1, 2])", "None");
    ASK(b, "1.__getitem__('a')", "[1, 2]");
    ASK(b, "1.__contains__('a')", "True");
    ASK(b, "1.has_key('b')", "False");
    ASK(a, "1.__getitem__('b')", "KeyError('b')");
    ASK(a, "1.__getitem__((1, 'x'))", "KeyError((1, 'x'))");
    ASK(a, "1.__getitem__([])", "TypeError(\"unhashable type: 'list'\")");
    ASK(a, "1.__setitem__({}, 1)", "TypeError(\"unhashable type: 'dict'\")");
    ASK(a, "1.__contains__((1, [2]))", "TypeError(\"unhashable type: 'list'\")");
    ASK(a, "1.get('b')", "None");
    ASK(a, "1.get('b', {'x': 5})", "{'x': 5}");
    ASK(a, "1.get([])", "TypeError(\"unhashable type: 'list'\")");
    ASK(a, "1.setdefault('a', 5)", "[1, 2]");
    ASK(a, "1.setdefault('b')", "None");
    ASK(a, "1.setdefault('c', 'x')", "'x'");
    ASK(a, "1.__len__()", "3");
    ASK(a, "1.__delitem__('b')", "None");
    ASK(a, "1.__delitem__('b')", "KeyError('b')");
    ASK(a, "1.pop('b')", "KeyError('b')");
    ASK(a, "1.pop('b', 9)", "9");
    ASK(a, "1.pop('a', 9)", "[1, 2]");
    ASK(a, "1.pop([])", "TypeError(\"unhashable type: 'list'\")");
    ASK(a, "1.popitem()", "('c', 'x')");
    ASK(a, "1.popitem()", "KeyError('popitem(): dictionary is empty')");
    ASK(a, "1.pop([])", "KeyError([])"); /* nothing is looked for in an empty one */
    ASK(a, "1.pop([], 5)", "5");
    ASK(a, "1.nosuch()", "! KeyError: 'nosuch'");
}

static void
order_is_that_of_the_first_insertion(void **state)
{
    (void)state;
    MADE("dict({'a': 1, 'b': 2, 'c': 3})", "1");
    ASK(a, "1.__setitem__('a', 9)", "None");
    ASK(a, "1.keys()", "['a', 'b', 'c']");
    ASK(a, "1.values()", "[9, 2, 3]");
    ASK(a, "1.__delitem__('a')", "None");
    ASK(a, "1.__setitem__('a', 1)", "None");
    ASK(a, "1.items()", "[('b', 2), ('c', 3), ('a', 1)]");
    ASK(a, "1.popitem()", "('a', 1)");
    ASK(a, "1.clear()", "None");
    ASK(a, "1.keys()", "[]");
}

static void
equal_keys_are_one_and_the_first_is_kept(void **state)
{
    (void)state;
    MADE("dict({1: 'a'})", "1");
    ASK(a, "1.__setitem__(True, 'b')", "None");
    ASK(a, "1.__setitem__(1.0, 'c')", "None");
    ASK(a, "1.copy()", "{1: 'c'}");
    ASK(a, "1.__setitem__('k', 1)", "None");
    ASK(old, "1.__getitem__('k')", "1"); /* a byte string there */
    ASK(old, "1.__setitem__('k', 2)", "None");
    ASK(old, "1.__setitem__('n', 3)", "None");
    ASK(a, "1.__getitem__('n')", "3");
    ASK(a, "1.copy()", "{1: 'c', 'k': 2, 'n': 3}");
    ASK(a, "1.update([(1.0, 'd'), ('z', 1), ('z', 2)])", "None");
    ASK(a, "1.copy()", "{1: 'd', 'k': 2, 'n': 3, 'z': 2}");
    ASK(a, "1.__setitem__(nan, 1)", "None");
    ASK(a, "1.__setitem__(nan, 1)", "None");
    ASK(a, "1.__contains__(nan)", "False");
    ASK(a, "1.__len__()", "6");
}

static void
an_update_is_done_whole_or_not_at_all(void **state)
{
    (void)state;
    MADE("dict({'a': 1, 'b': 2})", "1");
    ASK(a, "1.update({'a': 3}, b=5, z=6)", "None");
    ASK(a, "1.copy()", "{'a': 3, 'b': 5, 'z': 6}");
    ASK(a, "1.update([('a', 0), ([], 1)])", "TypeError(\"unhashable type: 'list'\")");
    ASK(a, "1.update([('a', 0), (1, 2, 3)])",
        "ValueError('dictionary update sequence element #1 has length 3; 2 is required')");
    ASK(a, "1.update([('a', 0), 5])",
        "TypeError('cannot convert dictionary update sequence element #1 to a sequence')");
    ASK(a, "1.update(['ab', 'c'])", "ValueError('dictionary update sequence element #1 has length 1; 2 is required')");
    ASK(a, "1.update(5)", "TypeError(\"'int' object is not iterable\")");
    ASK(a, "1.update({}, {})", "TypeError('update expected at most 1 argument, got 2')");
    ASK(a, "1.copy()", "{'a': 3, 'b': 5, 'z': 6}");
    ASK(a, "1.update()", "None");
    ASK(a, "1.update(@1:dict)", "None");
    ASK(a, "1.copy()", "{'a': 3, 'b': 5, 'z': 6}");
}

static void
the_operators_of_later_pythons_work_for_all(void **state)
{
    (void)state;
    MADE("dict({'a': 1, 'b': 2})", "1");
    ASK(a, "1.__or__({'b': 3, 'c': 4})", "{'a': 1, 'b': 3, 'c': 4}");
    ASK(a, "1.__ror__({'b': 3, 'c': 4})", "{'b': 2, 'c': 4, 'a': 1}");
    ASK(a, "1.__or__([('x', 1)])", "NotImplemented");
    ASK(a, "1.__ror__(5)", "NotImplemented");
    ASK(a, "1.__or__(@1:dict)", "{'a': 1, 'b': 2}");
    ASK(a, "1.copy()", "{'a': 1, 'b': 2}");
    ASK(a, "1.__ior__([('x', 1)])", "{'a': 1, 'b': 2, 'x': 1}");
    ASK(a, "1.__ior__(5)", "TypeError(\"'int' object is not iterable\")");
    ASK(a, "1.fromkeys('ab', [1])", "{'a': [1], 'b': [1]}");
    ASK(a, "1.fromkeys([1, 2])", "{1: None, 2: None}");
    ASK(a, "1.fromkeys([[]])", "TypeError(\"unhashable type: 'list'\")");
    ASK(a, "1.copy()", "{'a': 1, 'b': 2, 'x': 1}");
    assert_non_null(strstr(mpm_world_ask(a, "1.__reversed__()"), "iter"));
}

static void
entries_are_changed_in_one_request(void **state)
{
    (void)state;
    MADE("dict({'n': 5, 's': 'x', 'f': 0.5, 'l': [1, 2]})", "1");
    ASK(a, "1.increment('n')", "6");
    ASK(a, "1.increment('n', 9223372036854775807)", "9223372036854775813");
    ASK(a, "1.increment('new')", "1");
    ASK(a, "1.increment('f', n=1)", "1.5");
    ASK(a, "1.increment('s')", "TypeError(\"unsupported operand type(s) for +=: 'str' and 'int'\")");
    ASK(a, "1.increment('other', 'x')", "TypeError(\"unsupported operand type(s) for +=: 'int' and 'str'\")");
    ASK(a, "1.increment([])", "TypeError(\"unhashable type: 'list'\")");
    ASK(a, "1.increment()", "TypeError(\"dict.increment() missing 1 required positional argument: 'key'\")");
    ASK(a, "1.update_if('l', [1, 2.0], 'new')", "True");
    ASK(a, "1.update_if('l', [1, 2.0], 'newer')", "False");
    ASK(a, "1.compare_and_set('l', 'new', {})", "True");
    ASK(a, "1.update_if('missing', None, 1)", "False");
    ASK(a, "1.update_if([], None, 1)", "TypeError(\"unhashable type: 'list'\")");
    ASK(a, "1.copy()", "{'n': 9223372036854775813, 's': 'x', 'f': 1.5, 'l': {}, 'new': 1}");
}

static void
a_stored_proxy_keeps_its_object(void **state)
{
    (void)state;
    MADE("dict()", "1");
    MADE("Lock()", "2");
    ASK(a, "1.__setitem__('x', [@2])", "None");
    ASK(a, "1.update({'y': @2})", "None");
    mpm_world_decref("2");
    ASK(a, "1.pop('x')", "[<AcquirerProxy object, typeid 'Lock' at 0x2>]");
    ASK(a, "2.acquire()", "True");
    ASK(a, "1.copy()", "{'y': <AcquirerProxy object, typeid 'Lock' at 0x2>}");
    ASK(a, "1.clear()", "None");
    ASK(a, "2.release()", "! KeyError: '2'");
    ASK(a, "1.__setitem__('self', @1:dict)", "None");
    mpm_world_decref("1");
    ASK(a, "1.clear()", "! KeyError: '1'");
}

static void
many_entries_come_and_go(void **state)
{
    char request[64], reply[32];

    (void)state;
    MADE("dict()", "1");
    for (int i = 0; i < 3000; i++) {
        snprintf(request, sizeof request, "1.__setitem__(%d, %d)", i, i * 2);
        ASK(a, request, "None");
        snprintf(request, sizeof request, "1.__delitem__(%d)", i - 100);
        if (i >= 100)
            ASK(a, request, "None");
    }
    ASK(a, "1.__len__()", "100");
    for (int i = 2999; i >= 2950; i--) {
        snprintf(reply, sizeof reply, "(%d, %d)", i, i * 2);
        ASK(b, "1.popitem()", reply);
    }
    for (int i = 2900; i < 2950; i++) {
        snprintf(request, sizeof request, "1.__getitem__(%d)", i);
        snprintf(reply, sizeof reply, "%d", i * 2);
        ASK(b, request, reply);
    }
}

static void
what_is_over_the_memory_limit_is_refused_and_the_rest_stays(void **state)
{
    char request[400];

    mpm_people_go(state);
    mpm_world_open_limited(MPM_DEATH_KEEP, 4000);
    a = mpm_world_peer_new(10, "MainProcess");
    MADE("dict(x=1)", "1");
    for (int round = 0; round < 3; round++) {
        const char *reply;
        int n = 0;

        do {
            snprintf(request, sizeof request, "1.__setitem__(%d, '%0100d')", n++, 7);
            reply = mpm_world_ask(a, request);
        } while (strcmp(reply, "None") == 0);
        assert_non_null(strstr(reply, "--max-memory 4000 bytes"));
        assert_true(n > 5 && n < 40);
        reply = mpm_world_ask(a, "1.__or__({'y': 'a text that is too long to be kept inside'})");
        assert_non_null(strstr(reply, "MemoryError"));
        ASK(a, "1.__getitem__('x')", "1");
        snprintf(request, sizeof request, "%d", n);
        ASK(a, "1.__len__()", request);
        ASK(a, "1.clear()", "None"); /* and all comes back */
        ASK(a, "1.__setitem__('x', 1)", "None");
    }
}

static void
what_many_keys_share_is_sent_once(void **state)
{
    (void)state;
    MADE("dict()", "1");
    mpm_world_ask(a, "1.fromkeys(range(0, 1000, 1), '" SHARED "')");
    assert_true(mpm_world_replied(a) < 10000);
    ASK(a, "1.update({0: %1='" SHARED "', 1: %1, 2: %1, 3: %1})", "None");
    ASK(a, "1.values()", "['" SHARED "', '" SHARED "', '" SHARED "', '" SHARED "']");
    assert_true(mpm_world_replied(a) < 2 * sizeof SHARED);
    ASK(a, "1.copy()", "{0: '" SHARED "', 1: '" SHARED "', 2: '" SHARED "', 3: '" SHARED "'}");
    assert_true(mpm_world_replied(a) < 2 * sizeof SHARED);
}

static int
life(void)
{
    bool ok;

    if (!mpm_people_try(MPM_DEATH_KEEP, 1))
        return MPM_ENOMEM;
    ok = strcmp(mpm_world_create("dict({'x': 1, 'y': 'a text that is too long to be small'})"), "1") == 0 &&
         mpm_world_either(a, "1.__setitem__('x', [1, 2, 'a text that is too long to be small'])", "None");
    /* half of it must not be seen */
    if (ok && !mpm_world_either(a,
                  "1.update([('x', 0), ('a key that is too long to be small', @1:dict), 'ab'], z=7)", "None"))
        ok = mpm_world_either(a, "1.keys()", "['x', 'y']") && false;
    if (ok && !mpm_world_either(a, "1.update({1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 1, 'x': 1})", "None"))
        ok = mpm_world_either(a, "1.__len__()", "5") && false;
    ok = ok && mpm_world_either(a, "1.increment('x')", "2") && mpm_world_either(a, "1.increment('new')", "1") &&
         mpm_world_either(a, "1.update_if('new', 1, 'a text that is too long to be small')", "True") &&
         mpm_world_either(a, "1.fromkeys(['a', 'key that is too long to be small'], 5)",
             "{'a': 5, 'key that is too long to be small': 5}") &&
         mpm_world_either(a, "1.pop('y')", "'a text that is too long to be small'") &&
         mpm_world_either(a, "1.setdefault('y', (1, 2))", "(1, 2)") &&
         mpm_world_either(a, "1.popitem()", "('y', (1, 2))") &&
         mpm_world_either(a, "1.__getitem__('nothing')", "KeyError('nothing')") &&
         mpm_world_either(a, "1.__len__()", "11") && mpm_world_either(a, "1.clear()", "None");
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
        TEST(what_many_keys_share_is_sent_once),
        TEST(it_is_made_of_mappings_pairs_and_keywords),
        TEST(entries_are_set_read_and_deleted),
        TEST(order_is_that_of_the_first_insertion),
        TEST(equal_keys_are_one_and_the_first_is_kept),
        TEST(an_update_is_done_whole_or_not_at_all),
        TEST(the_operators_of_later_pythons_work_for_all),
        TEST(entries_are_changed_in_one_request),
        TEST(a_stored_proxy_keeps_its_object),
        TEST(many_entries_come_and_go),
        TEST(what_is_over_the_memory_limit_is_refused_and_the_rest_stays),
        cmocka_unit_test(without_memory_nothing_is_half_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

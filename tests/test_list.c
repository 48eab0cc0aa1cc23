/* list: each method, form and complaint; what shares memory, what must not grow, and what happens without memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "support/support.h"
#include "support/people.h"

/* A new list each time: what the call gives, and the list behind it. */
struct line {
    const char *made_of, *call, *reply, *after;
};

static void
check_lines(const struct line *lines, size_t n)
{
    char request[256], ident[24];

    for (size_t i = 0; i < n; i++) {
        snprintf(request, sizeof request, "list(%s)", lines[i].made_of);
        snprintf(ident, sizeof ident, "%s", mpm_world_create(request));
        snprintf(request, sizeof request, "%s.%s", ident, lines[i].call);
        assert_string_equal(mpm_world_ask(a, request), lines[i].reply);
        snprintf(request, sizeof request, "%s.#GETVALUE()", ident);
        assert_string_equal(mpm_world_ask(b, request), lines[i].after);
        mpm_world_decref(ident);
    }
}
#define CHECK_LINES(lines) check_lines(lines, sizeof lines / sizeof *lines)

static void
items_come_and_go_one_by_one(void **state)
{
    static const struct line lines[] = {
        { "", "append([1])", "None", "[[1]]" },
        { "[1, 2]", "append(None)", "None", "[1, 2, None]" },
        { "[1, 2]", "insert(0, 'x')", "None", "['x', 1, 2]" },
        { "[1, 2]", "insert(-1, 'x')", "None", "[1, 'x', 2]" },
        { "[1, 2]", "insert(100, 'x')", "None", "[1, 2, 'x']" },
        { "[1, 2]", "insert(-100, 'x')", "None", "['x', 1, 2]" },
        { "[1, 2]", "insert(True, 'x')", "None", "[1, 'x', 2]" },
        { "[1, 2]", "insert('a', 'x')", "TypeError(\"'str' object cannot be interpreted as an integer\")", "[1, 2]" },
        { "[1, 2]", "insert(99999999999999999999, 1)", "OverflowError('Python int too large to convert to C ssize_t')", "[1, 2]" },
        { "[1, 2, 3]", "pop()", "3", "[1, 2]" },
        { "[1, 2, 3]", "pop(0)", "1", "[2, 3]" },
        { "[1, 2, 3]", "pop(-2)", "2", "[1, 3]" },
        { "[1, 2, 3]", "pop(True)", "2", "[1, 3]" },
        { "[]", "pop()", "IndexError('pop from empty list')", "[]" },
        { "[]", "pop('a')", "TypeError(\"'str' object cannot be interpreted as an integer\")", "[]" },
        { "[1]", "pop(1)", "IndexError('pop index out of range')", "[1]" },
        { "[1]", "pop(-2)", "IndexError('pop index out of range')", "[1]" },
        { "[1]", "pop(99999999999999999999)", "OverflowError('Python int too large to convert to C ssize_t')", "[1]" },
        { "[1, 2, 3]", "clear()", "None", "[]" },
        { "[1, 2, 3]", "reverse()", "None", "[3, 2, 1]" },
        { "[1, 2, 3]", "__len__()", "3", "[1, 2, 3]" },
        { "[1, 2, 3]", "copy()", "[1, 2, 3]", "[1, 2, 3]" },
        { "[1, 2, 3]", "__repr__()", "'[1, 2, 3]'", "[1, 2, 3]" },
        { "[]", "__str__()", "'[]'", "[]" },
    };

    (void)state;
    CHECK_LINES(lines);
}

static void
indices_and_slices_are_pythons(void **state)
{
    static const struct line lines[] = {
        { "[1, 2, 3]", "__getitem__(0)", "1", "[1, 2, 3]" },
        { "[1, 2, 3]", "__getitem__(-1)", "3", "[1, 2, 3]" },
        { "[1, 2, 3]", "__getitem__(3)", "IndexError('list index out of range')", "[1, 2, 3]" },
        { "[1, 2, 3]", "__getitem__('a')", "TypeError('list indices must be integers or slices, not str')", "[1, 2, 3]" },
        { "[1, 2, 3]", "__getitem__(slice(None, None, -1))", "[3, 2, 1]", "[1, 2, 3]" },
        { "[1, 2, 3]", "__getitem__(slice(5, 9, None))", "[]", "[1, 2, 3]" },
        { "[1, 2, 3]", "__getitem__(slice(0, 2, 0))", "ValueError('slice step cannot be zero')", "[1, 2, 3]" },
        { "[1, 2, 3]", "__setitem__(1, 'x')", "None", "[1, 'x', 3]" },
        { "[1, 2, 3]", "__setitem__(3, 'x')", "IndexError('list assignment index out of range')", "[1, 2, 3]" },
        { "[1, 2, 3]", "__delitem__(-3)", "None", "[2, 3]" },
        { "[1, 2, 3]", "__delitem__(3)", "IndexError('list assignment index out of range')", "[1, 2, 3]" },
        { "[1, 2, 3, 4]", "__setitem__(slice(1, 3, None), 'abc')", "None", "[1, 'a', 'b', 'c', 4]" },
        { "[1, 2, 3, 4]", "__setitem__(slice(1, 3, None), [])", "None", "[1, 4]" },
        { "[1, 2, 3, 4]", "__setitem__(slice(1, 3, 1), (9, 8))", "None", "[1, 9, 8, 4]" },
        { "[1, 2, 3, 4]", "__setitem__(slice(3, 1, None), (9, 8))", "None", "[1, 2, 3, 9, 8, 4]" },
        { "[1, 2, 3, 4]", "__setitem__(slice(None, None, 2), (9, 8))", "None", "[9, 2, 8, 4]" },
        { "[1, 2, 3, 4]", "__setitem__(slice(None, None, -2), (9, 8))", "None", "[1, 8, 3, 9]" },
        { "[1, 2, 3, 4]", "__setitem__(slice(None, None, 2), (9))",
          "ValueError('attempt to assign sequence of size 1 to extended slice of size 2')", "[1, 2, 3, 4]" },
        { "[1, 2, 3, 4]", "__setitem__(slice(None, None, 2), 5)", "TypeError('must assign iterable to extended slice')",
          "[1, 2, 3, 4]" },
        { "[1, 2, 3, 4]", "__setitem__(slice(None, None, None), module.C())",
          "TypeError('mpmd cannot iterate over a module.C object, which needs Python: pass list(x)')", "[1, 2, 3, 4]" },
        { "[0, 1, 2, 3, 4, 5, 6]", "__delitem__(slice(1, 6, 2))", "None", "[0, 2, 4, 6]" },
        { "[0, 1, 2, 3, 4, 5, 6]", "__delitem__(slice(None, None, -3))", "None", "[1, 2, 4, 5]" },
        { "[0, 1, 2, 3, 4, 5, 6]", "__delitem__(slice(5, 2, None))", "None", "[0, 1, 2, 3, 4, 5, 6]" },
        { "[0, 1, 2, 3, 4, 5, 6]", "__delitem__(slice(2, 99999999999999999999, None))", "None", "[0, 1]" },
        { "[1, 2, 3]", "__getslice__(0, 2)", "[1, 2]", "[1, 2, 3]" },
        { "[1, 2, 3]", "__getslice__(1, 9223372036854775807)", "[2, 3]", "[1, 2, 3]" },
        { "[1, 2, 3]", "__setslice__(1, 2, 'ab')", "None", "[1, 'a', 'b', 3]" },
        { "[1, 2, 3]", "__delslice__(0, 2)", "None", "[3]" },
    };

    (void)state;
    CHECK_LINES(lines);
}

static void
lists_are_added_and_multiplied(void **state)
{
    static const struct line lines[] = {
        { "[1]", "extend([2, 'x'])", "None", "[1, 2, 'x']" },
        { "[1]", "extend(())", "None", "[1]" },
        { "[1]", "extend(5)", "TypeError(\"'int' object is not iterable\")", "[1]" },
        { "[1]", "__add__([2])", "[1, 2]", "[1]" },
        { "[]", "__add__([])", "[]", "[]" },
        { "[1]", "__add__(list([2, 3]))", "[1, 2, 3]", "[1]" },
        { "[1]", "__add__((2))", "TypeError('can only concatenate list (not \"tuple\") to list')", "[1]" },
        { "[1]", "__add__(collections.deque(()))",
          "TypeError('can only concatenate list (not \"collections.deque\") to list')", "[1]" },
        { "[1, 2]", "__mul__(2)", "[1, 2, 1, 2]", "[1, 2]" },
        { "[1, 2]", "__rmul__(0)", "[]", "[1, 2]" },
        { "[1, 2]", "__mul__(-99)", "[]", "[1, 2]" },
        { "[1, 2]", "__mul__('a')", "TypeError(\"'str' object cannot be interpreted as an integer\")", "[1, 2]" },
        { "[1, 2]", "__mul__(99999999999999999999)", "OverflowError(\"cannot fit 'int' into an index-sized integer\")", "[1, 2]" },
        { "[1, 2]", "__mul__(1000000000000)",
          "MemoryError('2 items 1000000000000 times are more than the 16777216 that mpmd makes in one call')", "[1, 2]" },
        { "[]", "__mul__(1000000000000)", "[]", "[]" },
        { "[1, 2]", "__imul__(3)", "[1, 2, 1, 2, 1, 2]", "[1, 2, 1, 2, 1, 2]" },
        { "[1, 2]", "__imul__(1)", "[1, 2]", "[1, 2]" },
        { "[1, 2]", "__imul__(-1)", "[]", "[]" },
        { "[]", "__imul__(1000000000000)", "[]", "[]" },
        { "[1, 2]", "__imul__(1000000000000)",
          "MemoryError('2 items 1000000000000 times are more than the 16777216 that mpmd makes in one call')", "[1, 2]" },
    };

    (void)state;
    CHECK_LINES(lines);
}

static void
items_are_found_by_value(void **state)
{
    static const struct line lines[] = {
        { "[1, 2.0, True]", "count(1)", "2", "[1, 2.0, True]" },
        { "[1, 2.0, True]", "index(2)", "1", "[1, 2.0, True]" },
        { "[1, 2, 1]", "index(1, 1)", "2", "[1, 2, 1]" },
        { "[1, 2, 1]", "index(1, -1, 99999999999999999999)", "2", "[1, 2, 1]" },
        { "[1, 2, 1]", "index(1, 1, 2)", "ValueError('1 is not in list')", "[1, 2, 1]" },
        { "[1, 2, 1]", "index(['x', (1, 2)])", "ValueError(\"['x', (1, 2)] is not in list\")", "[1, 2, 1]" },
        { "[1, 2, 1]", "index(1, 'a')", "TypeError('slice indices must be integers or have an __index__ method')", "[1, 2, 1]" },
        { "[1, [2]]", "__contains__([2.0])", "True", "[1, [2]]" },
        { "[1, [2]]", "__contains__('1')", "False", "[1, [2]]" },
        { "[1, 2, 1]", "remove(1.0)", "None", "[2, 1]" },
        { "[1, 2, 1]", "remove(3)", "ValueError('list.remove(x): x not in list')", "[1, 2, 1]" },
    };

    (void)state;
    CHECK_LINES(lines);
}

static void
it_is_replaced_if_it_is_what_was_expected(void **state)
{
    static const struct line lines[] = {
        { "[1, 'a', [2]]", "update_if([1.0, 'a', [2]], [3])", "True", "[3]" },
        { "[1, 'a', [2]]", "update_if(expected=(1, 'a', [2]), new='xy')", "True", "['x', 'y']" },
        { "[1, 2]", "update_if([1, 3], [])", "False", "[1, 2]" },
        { "[1, 2]", "update_if([1], [])", "False", "[1, 2]" },
        { "[1, 2]", "update_if([1, 2, 3], [])", "False", "[1, 2]" },
        { "[]", "update_if([], [5])", "True", "[5]" },
        { "[1]", "update_if([1], 5)", "TypeError(\"'int' object is not iterable\")", "[1]" },
        { "[1]", "update_if({1: 1}, [5])", "TypeError('expected is a list or tuple of items')", "[1]" },
    };

    (void)state;
    CHECK_LINES(lines);
}

static void
it_sorts_as_python_does_but_calls_nothing(void **state)
{
    static const char no_key[] = "NotImplementedError('mpmd runs no Python and cannot call a key function: sort in the client, "
                                 "l[:] = sorted(l[:], key=...)')";
    const struct line lines[] = {
        { "[3, 1.5, 2, True]", "sort()", "None", "[True, 1.5, 2, 3]" },
        { "['b', 'a']", "sort(reverse=False)", "None", "['a', 'b']" },
        { "[1, 3, 2]", "sort(reverse=1, key=None)", "None", "[3, 2, 1]" },
        { "[1, 'a']", "sort()", "TypeError(\"'<' not supported between instances of 'str' and 'int'\")", "[1, 'a']" },
        { "[2, 1]", "sort(key=<len>)", no_key, "[2, 1]" },
        { "[2, 1]", "sort(key=5)", "TypeError(\"'int' object is not callable\")", "[2, 1]" },
        { "[]", "sort(key=<len>)", "None", "[]" },
        { "[2, 1]", "sort(None)", "TypeError('sort() takes no positional arguments')", "[2, 1]" },
        { "[2, 1]", "sort(x=1)", "TypeError(\"sort() got an unexpected keyword argument 'x'\")", "[2, 1]" },
    };

    (void)state;
    CHECK_LINES(lines);
    MADE("list([2, 1])", "a");
    for (int i = 0; i < 3; i++) /* a request that is known already */
        ASK(a, "a.sort()", "None");
}

static void
wrong_arguments_are_refused_in_cpythons_words(void **state)
{
    static const struct line lines[] = {
        { "", "append()", "TypeError('list.append() takes exactly one argument (0 given)')", "[]" },
        { "", "append(1, 2)", "TypeError('list.append() takes exactly one argument (2 given)')", "[]" },
        { "", "append(x=1)", "TypeError('list.append() takes no keyword arguments')", "[]" },
        { "", "index()", "TypeError('index expected at least 1 argument, got 0')", "[]" },
        { "", "index(1, 2, 3, 4)", "TypeError('index expected at most 3 arguments, got 4')", "[]" },
        { "", "insert(1)", "TypeError('insert expected 2 arguments, got 1')", "[]" },
        { "", "pop(1, 2)", "TypeError('pop expected at most 1 argument, got 2')", "[]" },
        { "", "reverse(1)", "TypeError('list.reverse() takes no arguments (1 given)')", "[]" },
        { "", "__getitem__(1, 2)", "TypeError('list.__getitem__() takes exactly one argument (2 given)')", "[]" },
        { "", "__setitem__(1)", "TypeError(' expected 2 arguments, got 1')", "[]" },
        { "", "__add__()", "TypeError('expected 1 argument, got 0')", "[]" },
        { "", "__len__(1)", "TypeError('expected 0 arguments, got 1')", "[]" },
        { "", "__iter__()", "! KeyError: '__iter__'", "[]" },
    };

    (void)state;
    CHECK_LINES(lines);
    MADE("list(1, 2)", "! TypeError: list expected at most 1 argument, got 2");
    MADE("list(iterable=1)", "! TypeError: list() takes no keyword arguments");
    MADE("list(None)", "! TypeError: 'NoneType' object is not iterable");
}

static void
python_2_slices_and_reads_its_own(void **state)
{
    (void)state;
    MADE("list(['abc', 1])", "1");
    ASK(old, "1.__getslice__(0, 9223372036854775807)", "['abc', 1]");
    ASK(old, "1.__setslice__(1, 2, ['native'])", "None");
    ASK(a, "1.__getitem__(slice(None, None, None))", "['abc', 'native']");
    ASK(old, "1.__setslice__(0, 1, 5)", "exceptions.TypeError('can only assign an iterable')");
    ASK(old, "1.__delslice__(0, 1)", "None");
    ASK(old, "1.index('native')", "0");
}

static void
a_reversed_list_is_an_iterator_over_a_copy(void **state)
{
    (void)state;
    MADE("list([1, 2])", "1");
    assert_non_null(strstr(mpm_world_ask(a, "1.__reversed__()"), "reversed"));
    MADE("list(reversed([1, 2, 3])|1)", "2");
    ASK(a, "2.__repr__()", "'[2, 1]'");
}

static void
a_stored_proxy_keeps_its_object_however_often_it_is_stored(void **state)
{
    const char *wanted; /* asked for first: the order in which arguments are evaluated is the compiler's */

    (void)state;
    MADE("list([1])", "1");
    MADE("list([@1:list, 2])", "2");
    mpm_world_decref("1");
    ASK(a, "2.__str__()", "\"[<AcquirerProxy object, typeid 'list' at 0x1>, 2]\"");
    wanted = mpm_world_ask(b, "2.__mul__(3)");
    ASK(a, "2.__imul__(3)", wanted);
    ASK(a, "1.append(5)", "None");
    ASK(a, "2.__delitem__(slice(1, None, None))", "None");
    ASK(a, "1.append(6)", "None");
    MADE("list(@2:list)", "3");
    mpm_world_decref("2");
    ASK(a, "1.__len__()", "3");
    wanted = mpm_world_ask(b, "3.__getitem__(0)");
    ASK(a, "3.pop()", wanted);
    ASK(a, "1.__len__()", "3"); /* it was shown a moment ago */
    ASK(a, "3.__len__()", "0");
    ASK(b, "3.__len__()", "0");
    ASK(a, "1.__len__()", "! KeyError: '1'");
}

static void
it_can_be_added_to_itself_and_contain_itself(void **state)
{
    (void)state;
    MADE("list([1, 2])", "1");
    ASK(a, "1.extend(@1:list)", "None");
    ASK(a, "1.__setitem__(slice(1, 1, None), @1:list)", "None");
    ASK(a, "1.__repr__()", "'[1, 1, 2, 1, 2, 2, 1, 2]'");
    ASK(a, "1.append(@1:list)", "None");
    ASK(a, "1.extend(@1:list)", "None");
    ASK(a, "1.__len__()", "18");
    mpm_world_decref("1");
    ASK(a, "1.__len__()", "! KeyError: '1'");
}

static void
a_large_item_stored_many_times_is_sent_once(void **state)
{
    char request[1200], *at = request;

    (void)state;
    MADE("list()", "1");
    at += sprintf(at, "1.append('");
    memset(at, 'x', 1000);
    sprintf(at + 1000, "')");
    ASK(a, request, "None");
    assert_int_equal(strlen(mpm_world_ask(a, "1.__imul__(1)")), 1004);
    mpm_world_ask(a, "1.__mul__(2)");
    assert_true(mpm_world_replied(a) < 1100);
    mpm_world_ask(a, "1.__imul__(1000)");
    mpm_world_ask(a, "1.__imul__(1000)");
    ASK(a, "1.__len__()", "1000000");
    assert_true(mpm_world_replied(a) < 1000);
    mpm_world_ask(a, "1.__getitem__(slice(None, None, None))");
    assert_true(mpm_world_replied(a) < 1000 + 5 * 1000000);
    mpm_world_ask(a, "1.__getitem__(slice(None, 2, None))");
    mpm_world_ask(a, "1.__mul__(2)");
    assert_true(mpm_world_replied(a) < 1000 + 2 * 5 * 1000000);
}

/* A tuple in which 6 times 8 names of the next one stand for 8 to the 6th numbers; the memo number is the level. */
static char *
put_shared_tuple(char *at, int level, int last)
{
    at += sprintf(at, "%%%d=(", level);
    for (int i = 0; i < 7; i++) {
        if (level == 0)
            at += sprintf(at, "1, ");
        else
            at = i == 0 ? put_shared_tuple(at, level - 1, 1) : at;
        if (level != 0)
            at += sprintf(at, i == 0 ? ", " : "%%%d, ", level - 1);
    }
    return level == 0 ? at + sprintf(at, "%d)", last) : at + sprintf(at, "%%%d)", level - 1);
}

/* Each is a message of some bytes and takes milliseconds; a list can have millions of them. */
static void
values_that_share_much_are_compared_only_so_often(void **state)
{
    char request[1200];

    (void)state;
    MADE("list()", "1");
    sprintf(put_shared_tuple(request + sprintf(request, "1.append("), 5, 1), ")");
    ASK(a, request, "None");
    sprintf(put_shared_tuple(request + sprintf(request, "1.count("), 5, 1), ")");
    ASK(a, request, "1");
    mpm_world_ask(a, "1.__imul__(1000)");
    ASK(a, request, "MemoryError('values that share a part would take more than 16 times their message; store them one by one')");
    MADE("PriorityQueue()", "2");
    ASK(a, "2.put_many(@1:list)", "MemoryError('values that share a part would take more than 16 times their message; store them "
        "one by one')");
    ASK(a, "2.qsize()", "0");
}

static void
a_text_is_no_longer_than_a_message_may_be(void **state)
{
    (void)state;
    MADE("list(['0123456789'])", "1");
    mpm_world_ask(a, "1.__imul__(100000)");
    ASK(a, "1.__str__()", "! MemoryError: the text would have more than --max-message 1048576 bytes");
    ASK(a, "1.__len__()", "100000");
}

static void
memory_is_counted_and_given_back(void **state)
{
    static const char over[] = "MemoryError('the stored values would take more than --max-memory 4000 bytes; remove some or "
                               "raise the limit')";

    mpm_people_go(state);
    mpm_world_open_limited(MPM_DEATH_KEEP, 4000);
    a = mpm_world_peer_new(10, "MainProcess");
    MADE("list([1])", "1");
    for (int i = 0; i < 3; i++) {
        ASK(a, "1.__imul__(1000)", over);
        ASK(a, "1.extend(range(0, 1000000, 1))", over);
        ASK(a, "1.extend(range(0, 100, 1))", "None");
        ASK(a, "1.extend(range(0, 100, 1))", "None");
        ASK(a, "1.extend(range(0, 100, 1))", over);
        ASK(a, "1.__setitem__(slice(0, 0, None), range(0, 100, 1))", over);
        ASK(a, "1.__len__()", "201");
        ASK(a, "1.__delitem__(slice(1, None, None))", "None");
        ASK(a, "1.append('a text that is too long to be kept in sixteen bytes')", "None");
        ASK(a, "1.pop()", "'a text that is too long to be kept in sixteen bytes'");
    }
    MADE("list(range(0, 1000, 1))", "! MemoryError: the stored values would take more than --max-memory 4000 bytes; remove some "
        "or raise the limit");
    ASK(a, "1.__repr__()", "'[1]'");
    mpm_world_decref("1");
    assert_int_equal(mpm_world_memory(), 0);
}

static void
many_appends_and_pops_keep_every_item(void **state)
{
    char request[64], reply[32];

    (void)state;
    MADE("list()", "1");
    for (int i = 0; i < 3000; i++) {
        snprintf(request, sizeof request, "1.append(%d)", i);
        ASK(a, request, "None");
    }
    for (int i = 2999; i >= 0; i--) {
        snprintf(reply, sizeof reply, "%d", i);
        ASK(a, "1.pop()", reply);
    }
    ASK(a, "1.__len__()", "0");
    assert_true(mpm_world_memory() < 1000);
}

#define LONG "'a text that is too long to be kept in sixteen bytes'"

static int
life(void)
{
    bool ok;

    if (!mpm_people_try(MPM_DEATH_KEEP, 1))
        return MPM_ENOMEM;
    ok = strcmp(mpm_world_create("list([1, " LONG ", @1:list])"), "1") == 0 &&
         mpm_world_either(a, "1.__delitem__(2)", "None") &&
         mpm_world_either(a, "1.append(" LONG ")", "None") &&
         mpm_world_either(a, "1.insert(0, @1:list)", "None") &&
         mpm_world_either(a, "1.__delitem__(0)", "None") &&
         mpm_world_either(a, "1.extend((5, " LONG "))", "None");
    if (ok && !mpm_world_either(a, "1.__imul__(2)", "[1, " LONG ", " LONG ", 5, " LONG ", 1, " LONG ", " LONG ", 5, " LONG "]"))
        ok = mpm_world_either(a, "1.__len__()", "5") && false;
    ok = ok && mpm_world_either(a, "1.__setitem__(slice(None, None, 2), (1, 2, 3, 4, " LONG "))", "None") &&
         mpm_world_either(a, "1.__setitem__(slice(1, 2, None), (1, 2, 3, 4, " LONG "))", "None") &&
         mpm_world_either(a, "1.__delitem__(slice(1, None, 2))", "None") &&
         mpm_world_either(a, "1.index(" LONG ")", "6") &&
         mpm_world_either(a, "1.__contains__((1, [2]))", "False") &&
         mpm_world_either(a, "1.remove(" LONG ")", "None") &&
         mpm_world_either(a, "1.__add__([" LONG "])", "[1, 2, 4, 2, 3, 4, " LONG "]") &&
         mpm_world_either(a, "1.extend(@1:list)", "None") &&
         mpm_world_either(a, "1.sort()", "None") &&
         mpm_world_either(a, "1.__repr__()", "'[1, 1, 2, 2, 2, 2, 3, 3, 4, 4, 4, 4]'") &&
         mpm_world_either(a, "1.index('x')", "ValueError(\"'x' is not in list\")") &&
         mpm_world_either(a, "1.pop()", "4");
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
        TEST(items_come_and_go_one_by_one),
        TEST(indices_and_slices_are_pythons),
        TEST(lists_are_added_and_multiplied),
        TEST(items_are_found_by_value),
        TEST(it_sorts_as_python_does_but_calls_nothing),
        TEST(it_is_replaced_if_it_is_what_was_expected),
        TEST(wrong_arguments_are_refused_in_cpythons_words),
        TEST(python_2_slices_and_reads_its_own),
        TEST(a_reversed_list_is_an_iterator_over_a_copy),
        TEST(a_stored_proxy_keeps_its_object_however_often_it_is_stored),
        TEST(it_can_be_added_to_itself_and_contain_itself),
        TEST(a_large_item_stored_many_times_is_sent_once),
        TEST(values_that_share_much_are_compared_only_so_often),
        TEST(a_text_is_no_longer_than_a_message_may_be),
        TEST(memory_is_counted_and_given_back),
        TEST(many_appends_and_pops_keep_every_item),
        cmocka_unit_test(without_memory_nothing_is_half_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

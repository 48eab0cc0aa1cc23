/* deque: both ends, maxlen, the ring as it wraps, and what happens without memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "support/support.h"
#include "support/people.h"

/* A new deque each time: what the call gives, and the deque behind it. */
static void
every_method_answers_as_cpythons(void **state)
{
    static const struct {
        const char *made_of, *call, *reply, *after;
    } lines[] = {
        { "[1, 2]", "append(3)", "None", "deque([1, 2, 3])" },
        { "[1, 2]", "appendleft(3)", "None", "deque([3, 1, 2])" },
        { "[1, 2]", "pop()", "2", "deque([1])" },
        { "[1, 2]", "popleft()", "1", "deque([2])" },
        { "", "pop()", "IndexError('pop from an empty deque')", "deque([])" },
        { "", "popleft()", "IndexError('pop from an empty deque')", "deque([])" },
        { "[1, 2]", "extend('ab')", "None", "deque([1, 2, 'a', 'b'])" },
        { "[1, 2]", "extendleft('ab')", "None", "deque(['b', 'a', 1, 2])" },
        { "[1, 2]", "extend(5)", "TypeError(\"'int' object is not iterable\")", "deque([1, 2])" },
        { "[1, 2], 2", "append(3)", "None", "deque([2, 3], maxlen=2)" },
        { "[1, 2], 2", "appendleft(3)", "None", "deque([3, 1], maxlen=2)" },
        { "[1, 2], 2", "extend([3, 4, 5])", "None", "deque([4, 5], maxlen=2)" },
        { "[1, 2], 3", "extend([3, 4])", "None", "deque([2, 3, 4], maxlen=3)" },
        { "[1, 2], 3", "extendleft([3, 4])", "None", "deque([4, 3, 1], maxlen=3)" },
        { "[1, 2], 2", "insert(1, 3)", "IndexError('deque already at its maximum size')", "deque([1, 2], maxlen=2)" },
        { "[1, 2], 0", "append(3)", "None", "deque([], maxlen=0)" },
        { "[1, 2], maxlen=None", "clear()", "None", "deque([])" },
        { "maxlen=True", "extend('ab')", "None", "deque(['b'], maxlen=1)" },
        { "[1, 2, 3]", "insert(1, 9)", "None", "deque([1, 9, 2, 3])" },
        { "[1, 2, 3]", "insert(-1, 9)", "None", "deque([1, 2, 9, 3])" },
        { "[1, 2, 3]", "insert(-9, 9)", "None", "deque([9, 1, 2, 3])" },
        { "[1, 2, 3]", "insert(9, 9)", "None", "deque([1, 2, 3, 9])" },
        { "[1, 2, 3]", "insert('a', 9)", "TypeError(\"'str' object cannot be interpreted as an integer\")", "deque([1, 2, 3])" },
        { "[1, 2, 3]", "remove(2.0)", "None", "deque([1, 3])" },
        { "[1, 2, 3]", "remove(5)", "ValueError('5 is not in deque')", "deque([1, 2, 3])" },
        { "[1, 2, 3]", "index(3)", "2", "deque([1, 2, 3])" },
        { "[1, 2, 3]", "index(3, 0, 2)", "ValueError('3 is not in deque')", "deque([1, 2, 3])" },
        { "[1, 2, True]", "count(1)", "2", "deque([1, 2, True])" },
        { "[1, 2]", "__contains__(2)", "True", "deque([1, 2])" },
        { "[1, 2]", "__len__()", "2", "deque([1, 2])" },
        { "[1, 2]", "__getitem__(-1)", "2", "deque([1, 2])" },
        { "[1, 2]", "__getitem__(2)", "IndexError('deque index out of range')", "deque([1, 2])" },
        { "[1, 2]", "__getitem__(slice(1))", "TypeError(\"'slice' object cannot be interpreted as an integer\")",
          "deque([1, 2])" },
        { "[1, 2]", "__setitem__(0, 'x')", "None", "deque(['x', 2])" },
        { "[1, 2]", "__delitem__(0)", "None", "deque([2])" },
        { "[1, 2, 3]", "reverse()", "None", "deque([3, 2, 1])" },
        { "[1, 2, 3, 4]", "rotate()", "None", "deque([4, 1, 2, 3])" },
        { "[1, 2, 3, 4]", "rotate(-1)", "None", "deque([2, 3, 4, 1])" },
        { "[1, 2, 3, 4]", "rotate(1000000000003)", "None", "deque([2, 3, 4, 1])" },
        { "", "rotate(5)", "None", "deque([])" },
        { "[1]", "rotate('a')", "TypeError(\"'str' object cannot be interpreted as an integer\")", "deque([1])" },
        { "[1]", "rotate(99999999999999999999)", "OverflowError('Python int too large to convert to C ssize_t')", "deque([1])" },
        { "[1, 2], 5", "copy()", "deque([1, 2], maxlen=5)", "deque([1, 2], maxlen=5)" },
        { "[1]", "append()", "TypeError('deque.append() takes exactly one argument (0 given)')", "deque([1])" },
        { "[1]", "pop(1)", "TypeError('deque.pop() takes no arguments (1 given)')", "deque([1])" },
        { "[1]", "rotate(1, 2)", "TypeError('rotate expected at most 1 argument, got 2')", "deque([1])" },
    };
    char request[256], ident[24];

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        snprintf(request, sizeof request, "deque(%s)", lines[i].made_of);
        snprintf(ident, sizeof ident, "%s", mpm_world_create(request));
        snprintf(request, sizeof request, "%s.%s", ident, lines[i].call);
        assert_string_equal(mpm_world_ask(a, request), lines[i].reply);
        snprintf(request, sizeof request, "%s.#GETVALUE()", ident);
        assert_string_equal(mpm_world_ask(b, request), lines[i].after);
        mpm_world_decref(ident);
    }
    assert_int_equal(mpm_world_memory(), 0);
}

static void
wrong_arguments_make_none(void **state)
{
    (void)state;
    MADE("deque(1, 2, 3)", "! TypeError: deque() takes at most 2 arguments (3 given)");
    MADE("deque(x=1)", "! TypeError: deque() got an unexpected keyword argument 'x'");
    MADE("deque([], -1)", "! ValueError: maxlen must be non-negative");
    MADE("deque([], 'a')", "! TypeError: an integer is required");
    MADE("deque([], 99999999999999999999)", "! OverflowError: Python int too large to convert to C ssize_t");
    MADE("deque(None)", "! TypeError: 'NoneType' object is not iterable");
}

static void
others_iterate_over_it(void **state)
{
    (void)state;
    MADE("deque([1, 2], 3)", "1");
    ASK(a, "1.appendleft(0)", "None");
    MADE("list(@1:deque)", "2");
    ASK(a, "2.__repr__()", "'[0, 1, 2]'");
    ASK(a, "1.extend(@1:deque)", "None");
    ASK(a, "1.__str__()", "'deque([0, 1, 2], maxlen=3)'");
    assert_non_null(strstr(mpm_world_ask(a, "1.__iter__()"), "iter"));
    assert_non_null(strstr(mpm_world_ask(a, "1.__reversed__()"), "reversed"));
    ASK(old, "1.pop()", "2");
    ASK(old, "1.copy()", "deque([0, 1], maxlen=3)");
}

/* The ring against a plain array, by random changes. */
static void
it_holds_what_an_array_would(void **state)
{
    uint64_t seed = 7;
    int items[512], n = 0, next = 0;
    char request[64], reply[64];

    (void)state;
    MADE("deque()", "1");
    for (int step = 0; step < 4000; step++) {
        size_t what = n < 200 ? mpm_test_below(&seed, 14) : 10 + mpm_test_below(&seed, 4);
        int i = n > 0 ? (int)mpm_test_below(&seed, (size_t)n) : 0;

        snprintf(reply, sizeof reply, "None");
        if (what < 3) {
            snprintf(request, sizeof request, "1.append(%d)", next);
            items[n++] = next++;
        } else if (what < 6) {
            snprintf(request, sizeof request, "1.appendleft(%d)", next);
            memmove(items + 1, items, (size_t)n++ * sizeof *items);
            items[0] = next++;
        } else if (what < 7) {
            snprintf(request, sizeof request, "1.insert(%d, %d)", i, next);
            memmove(items + i + 1, items + i, (size_t)(n++ - i) * sizeof *items);
            items[i] = next++;
        } else if (n == 0) {
            continue;
        } else if (what < 8) {
            snprintf(request, sizeof request, "1.rotate(-%d)", i);
            for (; i > 0; i--) {
                int first = items[0];

                memmove(items, items + 1, (size_t)(n - 1) * sizeof *items);
                items[n - 1] = first;
            }
        } else if (what < 9) {
            snprintf(request, sizeof request, "1.__getitem__(%d)", i);
            snprintf(reply, sizeof reply, "%d", items[i]);
        } else if (what < 10 || what == 13) {
            snprintf(request, sizeof request, "1.__delitem__(%d)", i);
            memmove(items + i, items + i + 1, (size_t)(--n - i) * sizeof *items);
        } else {
            snprintf(request, sizeof request, what < 12 ? "1.pop()" : "1.popleft()");
            snprintf(reply, sizeof reply, "%d", what < 12 ? items[n - 1] : items[0]);
            n--;
            if (what >= 12)
                memmove(items, items + 1, (size_t)n * sizeof *items);
        }
        ASK(a, request, reply);
    }
    while (n > 0) {
        snprintf(reply, sizeof reply, "%d", items[--n]);
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
    ok = strcmp(mpm_world_create("deque([1, " LONG "], 6)"), "1") == 0 &&
         mpm_world_either(a, "1.append(" LONG ")", "None") &&
         mpm_world_either(a, "1.appendleft(@1:deque)", "None") &&
         mpm_world_either(a, "1.__setitem__(0, 0)", "None") &&
         mpm_world_either(a, "1.insert(1, 'x')", "None") &&
         mpm_world_either(a, "1.extend((5, " LONG "))", "None") &&
         mpm_world_either(a, "1.extendleft((6, 7))", "None") &&
         mpm_world_either(a, "1.rotate(2)", "None") &&
         mpm_world_either(a, "1.index(6)", "3") &&
         mpm_world_either(a, "1.remove(" LONG ")", "None") &&
         mpm_world_either(a, "1.copy()", "deque([" LONG ", 7, 6, 'x', 1], maxlen=6)") &&
         mpm_world_either(a, "1.__repr__()", "\"deque([" LONG ", 7, 6, 'x', 1], maxlen=6)\"") &&
         mpm_world_either(a, "1.pop()", "1");
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
        TEST(every_method_answers_as_cpythons),
        TEST(wrong_arguments_make_none),
        TEST(others_iterate_over_it),
        TEST(it_holds_what_an_array_would),
        cmocka_unit_test(without_memory_nothing_is_half_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

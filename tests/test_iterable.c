/* iterable.c, through list(): what CPython's iter() gives for each thing as it is pickled, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "support/support.h"
#include "support/people.h"

/* An argument, and what a list made of it contains, or what is wrong with it. */
struct row {
    const char *argument, *items;
};

static void
check_rows(const struct row *rows, size_t n)
{
    char request[320], ident[256];

    for (size_t i = 0; i < n; i++) {
        snprintf(request, sizeof request, "list(%s)", rows[i].argument);
        snprintf(ident, sizeof ident, "%s", mpm_world_create(request));
        if (ident[0] == '!') {
            assert_string_equal(ident, rows[i].items);
            continue;
        }
        snprintf(request, sizeof request, "%s.#GETVALUE()", ident);
        assert_string_equal(mpm_world_ask(a, request), rows[i].items);
        mpm_world_decref(ident);
    }
}
#define CHECK_ROWS(rows) check_rows(rows, sizeof rows / sizeof *rows)

/* dill's pickles: clients of multiprocess. */
static void
what_dill_writes_is_gone_through_as_what_pickle_writes(void **state)
{
#define DILL_DICT "dill._dill._load_type('dict')"
#define DILL_VIEW(method) "dill._dill._getattr(" DILL_DICT ", '" method "', 'a text')"
    static const struct row rows[] = {
        { "dill._dill._eval_repr('range(0, 3)')", "[0, 1, 2]" },
        { "dill._dill._eval_repr('range(5, -7, -6)')", "[5, -1]" },
        { "dill._dill._load_type('bytearray')(b'ab')", "[97, 98]" },
        { "dill._dill._load_type('enumerate')([7], 3)", "[(3, 7)]" },
        { DILL_VIEW("keys") "({1: 2, 3: [4]})", "[1, 3]" },
        { DILL_VIEW("values") "({1: 2, 3: [4]})", "[2, [4]]" },
        { DILL_VIEW("items") "({1: 2, 3: [4]})", "[(1, 2), (3, [4])]" },
        { DILL_VIEW("items") "({})", "[]" },
        { DILL_VIEW("values") "([1, 2])", "! TypeError: 'dict_values' object is not iterable" },
        { DILL_VIEW("pop") "({})", "! TypeError: 'object' object is not iterable" },
        { "dill._dill._eval_repr('Ellipsis')", "! TypeError: '_eval_repr' object is not iterable" },
        { "dill._dill._eval_repr('range(0, 99999999999999999999)')",
          "! TypeError: mpmd cannot iterate over a range of ints beyond 64 bits: pass list(x)" },
        { "dill._dill._load_type('slice')(1, 2, None)", "! TypeError: 'slice' object is not iterable" },
    };

    (void)state;
    CHECK_ROWS(rows);
}

static void
containers_and_strings_give_their_items(void **state)
{
    static const struct row rows[] = {
        { "()", "[]" },
        { "(1, [2], None)", "[1, [2], None]" },
        { "[1, (2)]", "[1, (2,)]" },
        { "{'a': 1, 2: 3}", "['a', 2]" },
        { "set([1, 2])", "[1, 2]" },
        { "frozenset((1))", "[1]" },
        { "set()", "[]" },
        { "''", "[]" },
        { "'h\303\251\360\237\230\200\355\240\200x'", "['h', '\303\251', '\360\237\230\200', '\\ud800', 'x']" },
        { "b'a\\x00\\xff'", "[97, 0, 255]" },
        { "bytearray(b'ab')", "[97, 98]" },
        { "bytearray('a\303\277', 'latin-1')", "[97, 255]" },
        { "bytearray(_codecs.encode('a\303\277', 'latin1'))", "[97, 255]" },
        { "_codecs.encode('\303\277', 'latin1')", "[255]" },
        { "bytes()", "[]" },
        { "range(0, 3, 1)", "[0, 1, 2]" },
        { "range(10, 0, -4)", "[10, 6, 2]" },
        { "range(5, 5, 1)", "[]" },
        { "range(-9223372036854775808, 9223372036854775807, 9223372036854775807)",
          "[-9223372036854775808, -1, 9223372036854775806]" },
        { "range(1099511627776, 1099511627778, 1)", "[1099511627776, 1099511627777]" },
        { "collections.deque()+[1, 2]", "[1, 2]" },
        { "collections.deque((), 2)+[1, 2]", "[1, 2]" },
        { "collections.deque([1, 2], None)", "[1, 2]" },
        { "collections.OrderedDict()+{1: 2, 3: 4}", "[1, 3]" },
        { "collections.OrderedDict()+{1: 2, 3: 4}|{'x': 1}", "[1, 3]" },
        { "collections.OrderedDict([[1, 2], [3, 4]])", "[1, 3]" },
        { "collections.defaultdict(<list>)+{1: [2]}", "[1]" },
        { "collections.Counter({'a': 2})", "['a']" },
        { "array.array('h', b'\\x01\\x00\\xff\\xff')", "[1, -1]" },
        { "array._array_reconstructor(<array>, 'd', 16, b'\\x00\\x00\\x00\\x00\\x00\\x00\\xf8\\x3f')", "[1.5]" },
        { "array._array_reconstructor(<array>, 'Q', 10, b'\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff')", "[18446744073709551615]" },
    };

    (void)state;
    CHECK_ROWS(rows);
}

static void
iterators_go_on_where_they_stood(void **state)
{
    static const struct row rows[] = {
        { "iter([1, 2, 3])", "[1, 2, 3]" },
        { "iter([1, 2, 3])|1", "[2, 3]" },
        { "iter([1, 2, 3])|99", "[]" },
        { "iter([1, 2, 3])|-5", "[1, 2, 3]" },
        { "iter([1, 2, 3])|99999999999999999999", "[]" },
        { "iter('abc')|2", "['c']" },
        { "iter(())", "[]" },
        { "iter(iter(range(0, 9, 1))|4)|3", "[7, 8]" },
        { "reversed([1, 2, 3])|2", "[3, 2, 1]" },
        { "reversed([1, 2, 3])|0", "[1]" },
        { "reversed([1, 2, 3])|-1", "[]" },
        { "reversed([1, 2, 3])|99", "[3, 2, 1]" },
        { "reversed('ab')", "['b', 'a']" },
        { "collections._deque_iterator(collections.deque()+[1, 2, 3], 1)", "[2, 3]" },
        { "collections._deque_reverse_iterator(collections.deque()+[1, 2, 3], 1)", "[2, 1]" },
        { "enumerate(iter('ab'), 5)", "[(5, 'a'), (6, 'b')]" },
        { "enumerate([])", "[]" },
        { "zip([1, 2], 'abc', (7, 8))", "[(1, 'a', 7), (2, 'b', 8)]" },
        { "zip()", "[]" },
        { "itertools.izip([1], [2])", "[(1, 2)]" },
        { "zip([1], [2])|True", "[(1, 2)]" },
        { "zip([1], [2, 3])|True", "! ValueError: zip() argument 2 is longer than argument 1" },
        { "zip([1], [2], [])|True", "! ValueError: zip() argument 3 is shorter than arguments 1-2" },
        { "zip(zip([1], [2]), enumerate('x', 0))", "[((1, 2), (0, 'x'))]" },
    };

    (void)state;
    CHECK_ROWS(rows);
}

static void
what_is_none_is_refused_in_cpythons_words(void **state)
{
    static const struct row rows[] = {
        { "5", "! TypeError: 'int' object is not iterable" },
        { "True", "! TypeError: 'bool' object is not iterable" },
        { "1.5", "! TypeError: 'float' object is not iterable" },
        { "<int>", "! TypeError: 'type' object is not iterable" },
        { "complex(1.0, 2.0)", "! TypeError: 'complex' object is not iterable" },
        { "ValueError('x')", "! TypeError: 'ValueError' object is not iterable" },
        { "datetime.date(b'\\x07\\xe4\\x01\\x01')", "! TypeError: 'datetime.date' object is not iterable" },
        { "uuid.UUID()", "! TypeError: 'UUID' object is not iterable" },
    };

    (void)state;
    CHECK_ROWS(rows);
    MADE("Lock()", "1");
    MADE("list(@1)", "! TypeError: 'AcquirerProxy' object is not iterable");
    MADE("list(@1/elsewhere)", "! TypeError: mpmd cannot iterate over a AcquirerProxy of an object that this server does not "
        "have: pass list(x)");
}

static void
what_needs_python_says_what_to_do(void **state)
{
    static const struct row rows[] = {
        { "module.Class(1)", "! TypeError: mpmd cannot iterate over a module.Class object, which needs Python: pass list(x)" },
        { "map(<len>, [])", "! TypeError: mpmd cannot iterate over a builtins.map object, which needs Python: pass list(x)" },
        { "iter(<len>, 1)", "! TypeError: mpmd cannot iterate over a builtins.iter object, which needs Python: pass list(x)" },
        { "iter([1])|'x'", "! TypeError: mpmd cannot iterate over a builtins.iter object, which needs Python: pass list(x)" },
        { "range(0, 99999999999999999999, 1)",
          "! TypeError: mpmd cannot iterate over a range of ints beyond 64 bits: pass list(x)" },
        { "range(0, 1000000000000, 1)", "! MemoryError: a range of 1000000000000 items is more than the 16777216 that mpmd makes "
          "in one call: add it in parts" },
    };

    (void)state;
    CHECK_ROWS(rows);
}

static void
what_one_call_goes_through_is_limited(void **state)
{
    (void)state;
    MADE("list(zip(range(0, 1, 1), range(0, 16777216, 1)))", "! MemoryError: ranges and objects of 16777217 items are more than the "
        "16777216 that mpmd goes through in one call: add them in parts");
    MADE("list([1])", "1");
    MADE("set()", "2");
    ASK(a, "2.union(@1:list, range(0, 16777216, 1))", "MemoryError('ranges and objects of 16777217 items are more than the "
        "16777216 that mpmd goes through in one call: add them in parts')");
    mpm_world_close();
    mpm_world_open_limited(MPM_DEATH_KEEP, 1 << 20);
    assert_non_null(strstr(mpm_world_create("list(zip(range(0, 40000, 1), range(0, 40000, 1)))"), "--max-memory"));
    assert_int_equal(mpm_world_memory(), 0);
}

static void
iterators_are_nested_only_so_deep(void **state)
{
    char request[400], *at = request;

    (void)state;
    at += sprintf(at, "list(");
    for (int i = 0; i < 20; i++)
        at += sprintf(at, "iter(");
    at += sprintf(at, "[1]");
    for (int i = 0; i < 21; i++)
        at += sprintf(at, ")");
    MADE(request, "! TypeError: mpmd cannot iterate over iterators nested more than 16 deep: pass list(x)");
}

static void
parts_that_a_message_shares_are_stored_once(void **state)
{
    char request[1600], *at = request;
    uint64_t one;

    (void)state;
    at += sprintf(at, "list([%%1='");
    memset(at, 'x', 1000);
    at += 1000;
    at += sprintf(at, "'");
    sprintf(at, "])");
    MADE(request, "1");
    one = mpm_world_memory();
    mpm_world_decref("1");
    for (int i = 0; i < 99; i++)
        at += sprintf(at, ", %%1");
    sprintf(at, "])");
    MADE(request, "2");
    assert_true(mpm_world_memory() <= one + 99 * 16 + 500); /* the message's own block is what is kept */
    ASK(a, "2.__len__()", "100");
    ASK(a, "2.__delitem__(slice(1, None, None))", "None");
    assert_int_equal(strlen(mpm_world_ask(a, "2.__getitem__(0)")), 1002);
}

/* zip() copies what it puts together, so a small message could become a large list. */
static void
what_a_message_shares_cannot_explode(void **state)
{
    char request[8000], *at = request;

    (void)state;
    at += sprintf(at, "list(zip(%%2=[%%1='");
    memset(at, 'x', 1000);
    at += 1000;
    at += sprintf(at, "'");
    for (int i = 0; i < 99; i++)
        at += sprintf(at, ", %%1");
    at += sprintf(at, "]");
    for (int i = 0; i < 99; i++)
        at += sprintf(at, ", %%2");
    sprintf(at, "))");
    MADE(request, "! MemoryError: values that share a part would take more than 16 times their message; store them one by one");
    assert_int_equal(mpm_world_memory(), 0);
}

static void
own_objects_give_a_copy(void **state)
{
    (void)state;
    MADE("list([1, [2]])", "1");
    MADE("list(@1:list)", "2");
    MADE("list(iter(@1:list)|1)", "3");
    MADE("list(zip(@1:list, @1:list))", "4");
    ASK(a, "1.clear()", "None");
    ASK(a, "2.__repr__()", "'[1, [2]]'");
    ASK(a, "3.__repr__()", "'[[2]]'");
    ASK(a, "4.__repr__()", "'[(1, 1), ([2], [2])]'");
    MADE("dict({'a': 1, 'b': 2})", "5");
    MADE("list(@5:dict)", "6");
    ASK(a, "6.__repr__()", "\"['a', 'b']\"");
    ASK(a, "5.update(zip([1], [2]))", "None");
    ASK(a, "5.update(collections.OrderedDict([[3, 4]]))", "None");
    ASK(a, "5.update(collections.Counter({5: 6}))", "None");
    ASK(a, "5.__repr__()", "\"{'a': 1, 'b': 2, 1: 2, 3: 4, 5: 6}\"");
}

static void
python_2s_str_gives_bytes_that_are_str(void **state)
{
    (void)state;
    MADE("list()", "1");
    ASK(old, "1.extend('ab')", "None");
    ASK(old, "1.__getitem__(0)", "'a'");
    ASK(a, "1.__getitem__(1)", "'b'");
    ASK(old, "1.extend(xrange(0, 2, 1))", "None");
    ASK(old, "1.extend(collections.OrderedDict([[1, 2]]))", "None");
    ASK(a, "1.__repr__()", "\"['a', 'b', 0, 1, 1]\"");
}

static int
life(void)
{
    static const char *const requests[] = {
        "1.extend(['a text that is too long to be small', %1=[1, 'another text that is long'], %1])",
        "1.extend(enumerate(['a text that is too long to be small'], 0))",
        "1.extend(zip(reversed([1, 2])|1, iter((%1=[1, 'another text that is long'], %1))|0))",
        "1.extend('abc')",
        "1.extend(bytearray('a\303\277', 'latin-1'))",
        "1.extend(array.array('h', b'\\x01\\x00\\xff\\xff'))",
        "1.extend(collections.OrderedDict([[1, 2], [3, 4]]))",
        "1.extend(range(0, 5, 1))",
        "1.extend(@1:list)",
    };
    bool ok;

    if (!mpm_people_try(MPM_DEATH_KEEP, 1))
        return MPM_ENOMEM;
    ok = strcmp(mpm_world_create("list([1])"), "1") == 0;
    for (size_t i = 0; ok && i < sizeof requests / sizeof *requests; i++)
        ok = mpm_world_either(a, requests[i], "None");
    ok = ok && mpm_world_either(a, "1.__len__()", "42");
    return mpm_people_tried(ok);
}

static void
without_memory_nothing_is_left_behind(void **state)
{
    (void)state;
    assert_true(mpm_test_fail_until_ok(life) > 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, mpm_people_come, mpm_people_go)
    const struct CMUnitTest tests[] = {
        TEST(what_dill_writes_is_gone_through_as_what_pickle_writes),
        TEST(containers_and_strings_give_their_items),
        TEST(iterators_go_on_where_they_stood),
        TEST(what_is_none_is_refused_in_cpythons_words),
        TEST(what_needs_python_says_what_to_do),
        TEST(what_one_call_goes_through_is_limited),
        TEST(iterators_are_nested_only_so_deep),
        TEST(parts_that_a_message_shares_are_stored_once),
        TEST(what_a_message_shares_cannot_explode),
        TEST(own_objects_give_a_copy),
        TEST(python_2s_str_gives_bytes_that_are_str),
        cmocka_unit_test(without_memory_nothing_is_left_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

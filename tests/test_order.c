#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "support/support.h"
#include "value/order.h"
#include "value/read.h"

struct pickle {
    const char *bytes;
    size_t len;
};

#define P(literal) { literal, sizeof(literal) - 1 }

static struct mpm_value
keep(const void *bytes, size_t len)
{
    struct mpm_checker checker = { 0 };
    struct mpm_value v = { 0 };
    struct mpm_doc doc;

    assert_int_equal(mpm__check(&checker, bytes, len, true, &doc, NULL), 0);
    assert_int_equal(mpm_keep((struct mpm_ref){ &doc, doc.top }, &v), 0);
    mpm__checker_wipe(&checker);
    return v;
}

static int
less(struct pickle a, struct pickle b, struct mpm_unordered *why)
{
    struct mpm_value x = keep(a.bytes, a.len), y = keep(b.bytes, b.len);
    int r = mpm__less_value(&x, &y, why);

    mpm_drop(&x);
    mpm_drop(&y);
    return r;
}

/* Each row ascends strictly. */
static const struct pickle rows[][8] = {
    { P("G\xff\xf0\0\0\0\0\0\0"), P("J\xff\xff\xff\xff"), P("G\xbf\xe0\0\0\0\0\0\0"), P("\x89"), P("cdecimal\nDecimal\nU\3""0.1\x85R"),
        P("G\x3f\xb9\x99\x99\x99\x99\x99\x9a"), P("cfractions\nFraction\nU\3""1/2\x85R"), P("\x88") },
    { P("G\x43\x40\0\0\0\0\0\0"), P("\x8a\7\1\0\0\0\0\0\x20"), P("cdecimal\nDecimal\nU\x13""9007199254740993.01\x85R"),
        P("\x8a\7\2\0\0\0\0\0\x20"), P("\x8a\x09\0\0\0\0\0\0\0\0\1"), P("cdecimal\nDecimal\nU\6""1E+400\x85R"),
        P("cdecimal\nDecimal\nU\x12""1E+999999999999999\x85R"), P("Finf\n") },
    { P("\x8a\x09\0\0\0\0\0\0\0\0\xff"), P("\x8a\x09\1\0\0\0\0\0\0\0\xff"), P("cdecimal\nDecimal\nU\7""-1E-999\x85R"),
        P("cdecimal\nDecimal\nU\x12""1E-999999999999999\x85R"), P("cdecimal\nDecimal\nU\6""1E-999\x85R") },
    { P("U\0"), P("\x8c\1a"), P("U\2aa"), P("Vb\n"), P("\x8c\2\xc3\xa9"), P("\x8c\3\xed\xa0\x80"), P("\x8c\3\xef\xbf\xbf"),
        P("\x8c\4\xf0\x9f\x98\x80") },
    { P("C\0"), P("C\1a"), P("\x96\2\0\0\0\0\0\0\0ab"), P("U\1\xff") },
    { P(")"), P("K\1\x85"), P("K\1N\x86"), P("K\1NK\2\x87"), P("K\2]\x86"), P("K\2]K\1a\x86") },
    { P("]"), P("]Na"), P("](NNe"), P("](NNNe") },
    { P("\x8f"), P("(K\2\x91"), P("\x8f(K\1K\2\x90"), P("cbuiltins\nset\n](K\3K\1K\2e\x85R") },
    { P("cdatetime\ntimedelta\nJ\xff\xff\xff\xffK\5K\0\x87R"), P("cdatetime\ntimedelta\nK\0K\0K\0\x87R"),
        P("cdatetime\ntimedelta\nK\0K\0K\1\x87R"), P("cdatetime\ntimedelta\nK\0K\1K\0\x87R") },
    { P("cdatetime\ndate\nC\4\7\xd0\1\1\x85R"), P("cdatetime\ndate\nC\4\7\xd0\1\2\x85R"), P("cdatetime\ndate\nU\4\7\xd1\1\1\x85R") },
    { P("cuuid\nUUID\n)\x81}U\3intK\1sb"), P("cuuid\nUUID\n)\x81}U\3intK\2sb") },
    { P("ccollections\ndeque\n)RK\1a"), P("ccollections\ndeque\n](K\1K\2e\x85R") },
};

static void
what_python_orders_is_in_its_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t x = 0; x < 8 && rows[i][x].bytes != NULL; x++)
            for (size_t y = 0; y < 8 && rows[i][y].bytes != NULL; y++)
                if (less(rows[i][x], rows[i][y], NULL) != (x < y))
                    fail_msg("values %zu and %zu of row %zu", x, y, i);
}

static void
other_sets_and_nan_are_not_less(void **state)
{
    static const struct pickle nan = P("Fnan\n"), one = P("K\1"),
        set = P("\x8f(K\1K\4\x90"), other = P("\x8f(K\2K\3K\5\x90");

    (void)state;
    assert_int_equal(less(nan, one, NULL), 0);
    assert_int_equal(less(one, nan, NULL), 0);
    assert_int_equal(less(nan, nan, NULL), 0);
    assert_int_equal(less(set, other, NULL), 0);
    assert_int_equal(less(other, set, NULL), 0);
    assert_int_equal(less(other, other, NULL), 0);
}

static void
types_without_an_order_are_named(void **state)
{
    static const struct {
        struct pickle left, right;
        const char *names[2];
    } examples[] = {
        { P("N"), P("N"), { "NoneType", "NoneType" } }, { P("U\1a"), P("\x88"), { "str", "bool" } },
        { P("K\1U\1a\x86"), P("K\1K\2\x86"), { "str", "int" } }, { P("](K\1](K\2Nee"), P("](K\1](K\2}ee"), { "NoneType", "dict" } },
        { P(")"), P("]"), { "tuple", "list" } }, { P("cmod\nC\n)\x81"), P("cmod\nC\n)\x81"), { "C", "C" } },
        { P("cbuiltins\ncomplex\nK\1K\0\x86R"), P("K\2"), { "complex", "int" } },
        { P("cbuiltins\ncomplex\nK\1K\0\x86R\x85"), P("G\0\0\0\0\0\0\0\0\x85"), { "complex", "float" } },
        { P("cdecimal\nDecimal\nU\1""1\x85R"), P("\x8f"), { "decimal.Decimal", "set" } },
        { P("cbuiltins\nint\n"), P("cbuiltins\nlen\n"), { "type", "builtin_function_or_method" } },
        { P("c__builtin__\nset\n]\x85R"), P("}"), { "set", "dict" } },
    };
    static const struct pickle naive = P("cdatetime\ntime\nC\6\0\0\0\0\0\0\x85R"),
        aware = P("cdatetime\ntime\nC\6\0\0\0\0\0\0cdatetime\ntimezone\ncdatetime\ntimedelta\nK\0K\0K\0\x87R\x85R\x86R");
    struct mpm_unordered why = { .spent = 0 };

    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        assert_int_equal(less(examples[i].left, examples[i].right, &why), MPM_ETYPE);
        assert_string_equal(why.left, examples[i].names[0]);
        assert_string_equal(why.right, examples[i].names[1]);
        assert_null(why.instead);
        assert_int_equal(less(examples[i].left, examples[i].right, NULL), MPM_ETYPE);
    }
    assert_int_equal(less(naive, aware, &why), MPM_ETYPE);
    assert_string_equal(why.instead, "can't compare offset-naive and offset-aware times");
}

static void
what_contains_itself_has_no_order(void **state)
{
    static const struct pickle circle = P("]q\0h\0a"), list = P("]");

    (void)state;
    assert_int_equal(less(circle, list, NULL), MPM_ELIMIT);
    assert_int_equal(less(list, circle, NULL), MPM_ELIMIT);
}

/* --- sorting ------------------------------------------------------------------------------------------------------ */

static struct mpm_value
int_value(uint32_t v)
{
    uint8_t bytes[5] = { 'J', (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24) };

    return keep(bytes, sizeof bytes);
}

static int64_t
int_of(const struct mpm_value *v)
{
    struct mpm_open open = { 0 };
    struct mpm_ref ref;
    int64_t i = -1;

    assert_int_equal(mpm__open(&open, v, &ref), 0);
    (void)mpm__read_int64(ref, &i);
    mpm__close(&open);
    return i;
}

static void
every_pattern_of_runs_is_sorted(void **state)
{
    uint64_t seed = 1;
    struct mpm_value *v = test_calloc(5000, sizeof *v);

    (void)state;
    for (int pattern = 0; pattern < 120; pattern++) {
        size_t n = mpm_test_below(&seed, pattern < 100 ? 300 : 5000), at = 0;
        bool reverse = pattern % 2;
        int64_t sum = 0;

        while (at < n) {
            size_t len = mpm_test_below(&seed, 1 + (size_t)pattern) + 1, top = 1 + mpm_test_below(&seed, 1000);
            uint32_t first = (uint32_t)mpm_test_below(&seed, top), kind = (uint32_t)mpm_test_below(&seed, 4);

            for (uint32_t i = 0; i < len && at < n; i++)
                v[at++] = int_value(kind == 0 ? first + i / 2 : kind == 1 ? 5000 + first - i / 3 : kind == 2 ? first :
                    (uint32_t)mpm_test_below(&seed, top));
        }
        for (size_t i = 0; i < n; i++)
            sum += int_of(&v[i]);
        assert_int_equal(mpm__sort(v, n, reverse, NULL), 0);
        for (size_t i = 0; i < n; i++) {
            assert_true(i == 0 || (reverse ? int_of(&v[i]) <= int_of(&v[i - 1]) : int_of(&v[i]) >= int_of(&v[i - 1])));
            sum -= int_of(&v[i]);
        }
        assert_int_equal(sum, 0);
        for (size_t i = 0; i < n; i++)
            mpm_drop(&v[i]);
    }
    test_free(v);
}

static void
equal_items_keep_their_order(void **state)
{
    /* 1, 1.0 and True in turn, among larger ones */
    static const struct pickle ones[] = { P("K\1"), P("G\x3f\xf0\0\0\0\0\0\0"), P("\x88") };
    struct mpm_value v[90];
    size_t len;
    struct mpm_form form;

    (void)state;
    for (int reverse = 0; reverse < 2; reverse++) {
        for (size_t i = 0; i < 90; i++)
            v[i] = i % 5 == 0 ? int_value(7) : keep(ones[i % 3].bytes, ones[i % 3].len);
        assert_int_equal(mpm__sort(v, 90, reverse, NULL), 0);
        for (size_t i = 0, from = reverse ? 18 : 0, n = 0; i < 90; i++) {
            if (i % 5 == 0)
                continue;
            assert_int_equal(*mpm__value_bytes(&v[from + n], &len, &form), (uint8_t)ones[i % 3].bytes[0]);
            n++;
        }
        for (size_t i = 0; i < 90; i++)
            mpm_drop(&v[i]);
    }
}

static void
a_failed_sort_keeps_every_item_and_says_why(void **state)
{
    struct mpm_unordered why = { .spent = 0 };
    struct mpm_value v[300];

    (void)state;
    for (size_t at = 0; at < 300; at += 7) {
        int64_t sum = 0;

        for (size_t i = 0; i < 300; i++)
            v[i] = i == at ? keep("U\1x", 3) : int_value((uint32_t)(i * 7919 % 300));
        assert_int_equal(mpm__sort(v, 300, false, &why), MPM_ETYPE);
        assert_true(strcmp(why.left, "str") == 0 || strcmp(why.right, "str") == 0);
        for (size_t i = 0; i < 300; i++) {
            sum += int_of(&v[i]);
            mpm_drop(&v[i]);
        }
        assert_int_equal(sum, 300 * 299 / 2 - (int64_t)(at * 7919 % 300) - 1);
    }
}

static void
items_that_a_client_could_sort_stay_as_they_are(void **state)
{
    static const struct pickle jobs[] = { P("K\3"), P("K\1"), P("c__main__\nJob\n)\x81}U\1nK\2sb"), P("K\2"),
        P("c__main__\nJob\n)\x81}U\1nK\1sb") };
    struct mpm_value v[5], before[5];
    struct mpm_unordered why = { .spent = 0 };

    (void)state;
    for (size_t i = 0; i < 5; i++)
        v[i] = keep(jobs[i].bytes, jobs[i].len);
    memcpy(before, v, sizeof v);
    assert_int_equal(mpm__sort(v, 5, false, &why), MPM_ETYPE);
    assert_true(why.by_class);
    assert_memory_equal(v, before, sizeof v);
    assert_int_equal(mpm__sort(v, 5, true, NULL), MPM_ETYPE);
    assert_memory_equal(v, before, sizeof v);
    for (size_t i = 0; i < 5; i++)
        mpm_drop(&v[i]);
}

static const struct pickle mixed[] = { P("K\7"), P("cdecimal\nDecimal\nU\3""0.1\x85R"), P("\x8a\x09\0\0\0\0\0\0\0\x05\1"),
    P("cfractions\nFraction\nU\4-1/3\x85R"), P("K\1") };
#define N_MIXED (sizeof mixed / sizeof *mixed)
static struct mpm_value unsorted[N_MIXED];

static int
sort_unsorted(void)
{
    struct mpm_value v[N_MIXED];
    int r;

    memcpy(v, unsorted, sizeof v);
    r = mpm__sort(v, N_MIXED, false, NULL);
    if (r == MPM_ENOMEM)
        assert_memory_equal(v, unsorted, sizeof v);
    else
        assert_memory_not_equal(v, unsorted, sizeof v);
    return r;
}

static void
without_memory_nothing_is_moved(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_MIXED; i++)
        unsorted[i] = keep(mixed[i].bytes, mixed[i].len);
    mpm_test_fail_until_ok(sort_unsorted);
    for (size_t i = 0; i < N_MIXED; i++)
        mpm_drop(&unsorted[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_python_orders_is_in_its_order),
        cmocka_unit_test(other_sets_and_nan_are_not_less),
        cmocka_unit_test(types_without_an_order_are_named),
        cmocka_unit_test(what_contains_itself_has_no_order),
        cmocka_unit_test(every_pattern_of_runs_is_sorted),
        cmocka_unit_test(equal_items_keep_their_order),
        cmocka_unit_test(a_failed_sort_keeps_every_item_and_says_why),
        cmocka_unit_test(items_that_a_client_could_sort_stay_as_they_are),
        cmocka_unit_test(without_memory_nothing_is_moved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

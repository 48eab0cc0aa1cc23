#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/alloc.h"
#include "support/support.h"
#include "value/dill.h"

static struct mpm_checker checker;
static struct mpm_doc doc;

/* A pickle without PROTO and STOP; valid until the next one. */
static struct mpm_ref
of_n(const char *bytes, size_t len)
{
    assert_int_equal(mpm__check(&checker, (const uint8_t *)bytes, len, true, &doc, NULL), 0);
    return (struct mpm_ref){ &doc, doc.top };
}

#define OF(literal) of_n(literal, sizeof(literal) - 1)
#define TYPE "cdill._dill\n_load_type\n"
#define GETATTR "cdill._dill\n_getattr\n"

static int
wipe(void **state)
{
    (void)state;
    mpm__checker_wipe(&checker);
    return 0;
}

static void
check_name(struct mpm_ref ref, const char *expected)
{
    const uint8_t *module, *name;
    size_t module_len, len;

    assert_int_equal(mpm__read_global(ref, &module, &module_len, &name, &len), 0);
    assert_int_equal(module_len, 8);
    assert_memory_equal(module, "builtins", 8);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(name, expected, len);
}

static void
what_is_made_by_a_type_or_view_of_dill_has_its_class(void **state)
{
    (void)state;
    check_name(OF(TYPE "U\5slice\x85R(K\1K\2NtR"), "slice");
    check_name(OF("\x8c\x0a" "dill._dill\x94\x8c\x0a_load_type\x94\x93\x94\x8c\5slice\x94\x85\x94R\x94(K\1K\2Nt\x94R"), "slice");
    check_name(OF(TYPE "U\5slice\x85q\0R\x85q\1h\1\x86" "0" TYPE "h\0RN\x85R"), "slice"); /* the arguments from the memo */
    check_name(OF(GETATTR TYPE "U\4dict\x85RU\4keysU\1?\x87R}\x85R"), "dict_keys");
    check_name(OF(GETATTR TYPE "U\4dict\x85RU\6valuesU\1?\x87R}\x85R"), "dict_values");
    check_name(OF(GETATTR TYPE "U\4dict\x85RU\5itemsU\1?\x87R}\x85R"), "dict_items");
}

static void
other_calls_of_calls_have_none(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
#define CASE(literal) { literal, sizeof(literal) - 1 }
        CASE("cdill\n_load_type\nU\5slice\x85R)R"), CASE("cdill._dill\n_create_type\nU\5slice\x85R)R"),
        CASE(TYPE ")R)R"), CASE(TYPE "NN\x86R)R"), CASE(TYPE "N\x85R)R"), CASE(TYPE "K\1\x85R)R"),
        CASE(TYPE "U\5slice\x85R}b)R"), CASE(TYPE "U\5slice\x85R)R)R"), CASE(TYPE TYPE "U\1a\x85R\x85R)R"),
        CASE(GETATTR TYPE "U\4dict\x85RU\3popU\1?\x87R}\x85R"), CASE(GETATTR TYPE "U\4list\x85RU\4keysU\1?\x87R}\x85R"),
        CASE(GETATTR TYPE "U\4dict\x85RU\4keys\x86R}\x85R"), CASE(GETATTR TYPE "U\4dict\x85RNU\1?\x87R}\x85R"),
        CASE(GETATTR "U\4dictU\4keysU\1?\x87R}\x85R"), CASE("N"),
    };
    const uint8_t *module, *name;
    size_t module_len, len;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (mpm__read_global(of_n(cases[i].bytes, cases[i].len), &module, &module_len, &name, &len) != MPM_ETYPE)
            fail_msg("case %zu has a name", i);
}

/* Or many calls that share one huge argument would take the time of all of it each. */
static void
long_calls_are_refused_unread(void **state)
{
    static const char head[] = TYPE "(", tail[] = "tR)R";
    struct mpm_buf b = { 0 };
    const uint8_t *module, *name;
    size_t module_len, len;

    (void)state;
    mpm__buf_put(&b, head, sizeof(head) - 1);
    for (int i = 0; i < 1000; i++)
        mpm__buf_u8(&b, 'N');
    mpm__buf_put(&b, tail, sizeof(tail) - 1);
    assert_int_equal(mpm__read_global(of_n((const char *)b.data, b.len), &module, &module_len, &name, &len), MPM_ETYPE);
    mpm__buf_wipe(&b);
}

static void
ranges_are_read_from_their_text(void **state)
{
    static const struct {
        const char *text;
        int64_t fields[3];
    } good[] = {
        { "range(0, 3)", { 0, 3, 1 } }, { "range(-5, 10, 3)", { -5, 10, 3 } }, { "range(5, -7, -1)", { 5, -7, -1 } },
        { "range(-9223372036854775808, 9223372036854775807)", { INT64_MIN, INT64_MAX, 1 } },
    };
    static const char *const bad[] = {
        "", "range", "range(", "range()", "range(1)", "range(1, )", "range(1, 2", "range(1, 2, 0)", "range(1, 2, 3, 4)", "range(1,2)",
        "range(1, 2))", "range(1, -)", "range(1, 2, )", "range(0, 9223372036854775808)", "range(-9223372036854775809, 0)",
        "range(a, 2)", "xrange(1, 2)", "range(+1, 2)",
    };
    int64_t fields[3] = { 7, 7, 7 };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (mpm__dill_range((const uint8_t *)bad[i], strlen(bad[i]), fields))
            fail_msg("%s", bad[i]);
    assert_int_equal(fields[0] + fields[1] + fields[2], 21);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (!mpm__dill_range((const uint8_t *)good[i].text, strlen(good[i].text), fields))
            fail_msg("%s", good[i].text);
        assert_memory_equal(fields, good[i].fields, sizeof(fields));
    }
}

static int
read_class(void)
{
    static const char view[] = GETATTR TYPE "U\4dict\x85RU\4keysU\1?\x87R}\x85R";
    const uint8_t *module, *name;
    struct mpm_checker own = { 0 };
    struct mpm_doc message;
    size_t module_len, len;
    int r = mpm__check(&own, (const uint8_t *)view, sizeof(view) - 1, true, &message, NULL);

    if (r == 0)
        r = mpm__read_global((struct mpm_ref){ &message, message.top }, &module, &module_len, &name, &len);
    mpm__checker_wipe(&own);
    return r;
}

static void
a_failed_allocation_is_no_answer(void **state)
{
    (void)state;
    mpm_test_fail_until_ok(read_class);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(what_is_made_by_a_type_or_view_of_dill_has_its_class, wipe),
        cmocka_unit_test_teardown(other_calls_of_calls_have_none, wipe),
        cmocka_unit_test_teardown(long_calls_are_refused_unread, wipe),
        cmocka_unit_test(ranges_are_read_from_their_text),
        cmocka_unit_test(a_failed_allocation_is_no_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* arith.c: sums and differences of ints of any size and floats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <mpmd/error.h>

#include "base/alloc.h"
#include "support/support.h"
#include "value/arith.h"
#include "value/repr.h"

/* A value of a pickle without PROTO and STOP. */
static int
value_of(const char *pickle, size_t len, struct mpm_value *out)
{
    struct mpm_checker checker = { 0 };
    struct mpm_doc doc;
    uint8_t *bytes = malloc(len + 1);
    int r;

    memcpy(bytes, pickle, len);
    bytes[len] = '.';
    r = mpm__check(&checker, bytes, len + 1, false, &doc, NULL);
    if (r == 0)
        r = mpm_keep((struct mpm_ref){ &doc, doc.top }, out);
    mpm__checker_wipe(&checker);
    free(bytes);
    return r;
}

/* "5": an int as protocol 0 has it, "G........": as it stands. */
static int
value_of_text(const char *text, struct mpm_value *out)
{
    char pickle[512];

    snprintf(pickle, sizeof pickle, strchr(text, '.') != NULL ? "F%s\n" : "L%sL\n", text);
    return value_of(pickle, strlen(pickle), out);
}

/* left + right as a value, by reading both. */
static int
add(const struct mpm_value *left, const struct mpm_value *right, bool subtract, uint8_t protocol, struct mpm_value *out)
{
    struct mpm_number a = { 0 }, b = { 0 };
    int r = mpm__number_of_value(left, &a);

    if (r == 0)
        r = mpm__number_of_value(right, &b);
    if (r == 0)
        r = mpm__number_add(&a, &b, subtract);
    if (r == 0)
        r = mpm__number_keep(&a, protocol, out);
    mpm__number_wipe(&a);
    mpm__number_wipe(&b);
    return r;
}

/* Python's text for the result; "ERROR n". */
static const char *
result(const char *left, const char *right, bool subtract, uint8_t protocol)
{
    static char text[5000];
    struct mpm_value a, b, sum;
    struct mpm_buf out;
    int r;

    assert_int_equal(value_of_text(left, &a), 0);
    assert_int_equal(value_of_text(right, &b), 0);
    r = add(&a, &b, subtract, protocol, &sum);
    mpm_drop(&a);
    mpm_drop(&b);
    if (r != 0) {
        snprintf(text, sizeof text, "ERROR %d", r);
        return text;
    }
    mpm__buf_init(&out, 0);
    assert_int_equal(mpm__repr_value(&sum, &out), 0);
    snprintf(text, sizeof text, "%.*s", (int)out.len, (const char *)out.data);
    mpm__buf_wipe(&out);
    mpm_drop(&sum);
    return text;
}

static void
ints_of_any_size_are_added_and_subtracted_as_python_does(void **state)
{
    static const char *const ints[] = { "0", "1", "-1", "2", "127", "128", "-128", "-129", "255", "256", "65535", "65536",
        "2147483647", "2147483648", "-2147483648", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
        "-9223372036854775809", "18446744073709551615", "18446744073709551616", "-18446744073709551616",
        "2361183241434822606848", "-2361183241434822606848", "170141183460469231731687303715884105727",
        "170141183460469231731687303715884105728", "-170141183460469231731687303715884105728",
        "1000000000000000000000000000000", "-1000000000000000000000000000000" };
    enum { N = sizeof ints / sizeof *ints };
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    (void)state;
    for (int i = 0; i < N * N * 2; i++) {
        const char *text = result(ints[i / 2 / N], ints[i / 2 % N], i % 2, i % 3 == 0 ? 2 : 4);

        for (; *text != '\0'; text++)
            hash = (hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
        hash = (hash ^ ';') * UINT64_C(0x100000001b3);
    }
    /* FNV-1a of f"{a + b};{a - b};" for all of them, by Python */
    assert_true(hash == UINT64_C(0xfb0bb953f9243117));
}

static void
floats_and_ints_are_added_as_python_does(void **state)
{
    (void)state;
    assert_string_equal(result("1", "0.5", false, 4), "1.5");
    assert_string_equal(result("0.1", "0.2", false, 4), "0.30000000000000004");
    assert_string_equal(result("1.", "1", true, 4), "0.0");
    assert_string_equal(result("9007199254740993", "0.0", false, 4), "9007199254740992.0");
    assert_string_equal(result("1000000000000000000000000000000", "0.5", false, 2), "1e+30");
    assert_string_equal(result("0.5", "-1000000000000000000000000000000", true, 2), "1e+30");
    assert_string_equal(result("1.e308", "1.e308", false, 4), "inf");
}

static void
an_int_beyond_floats_is_an_overflow_and_no_number_is_refused(void **state)
{
    char digits[402], expected[16];
    struct mpm_value text, one, sum;

    (void)state;
    memset(digits, '9', sizeof digits - 1);
    digits[sizeof digits - 1] = '\0';
    snprintf(expected, sizeof expected, "ERROR %d", MPM_ERANGE);
    assert_string_equal(result(digits, "1.5", false, 4), expected);
    assert_string_equal(result("1.5", digits, false, 4), expected);
    assert_int_equal(value_of("U\1x", 3, &text), 0);
    assert_int_equal(value_of("K\1", 2, &one), 0);
    assert_int_equal(add(&text, &one, false, 4, &sum), MPM_ETYPE);
    assert_int_equal(add(&one, &text, false, 4, &sum), MPM_ETYPE);
    mpm_drop(&text);
    mpm_drop(&one);
}

static void
bools_count_as_ints(void **state)
{
    struct mpm_value yes, sum;
    struct mpm_form form;
    size_t len;

    (void)state;
    assert_int_equal(value_of("\x88", 1, &yes), 0);
    assert_int_equal(add(&yes, &yes, false, 4, &sum), 0);
    assert_memory_equal(mpm__value_bytes(&sum, &len, &form), "K\2", 2);
    mpm_drop(&sum);
    assert_int_equal(add(&yes, &yes, true, 4, &sum), 0);
    assert_memory_equal(mpm__value_bytes(&sum, &len, &form), "K\0", 2);
    mpm_drop(&sum);
}

static void
a_sum_is_written_as_the_callers_python_writes_it(void **state)
{
    struct mpm_value a, b, sum;
    struct mpm_form form;
    size_t len;

    (void)state;
    assert_int_equal(value_of("\x8a\4\xff\xff\xff\x7f", 6, &a), 0);
    assert_int_equal(value_of("K\1", 2, &b), 0);
    assert_int_equal(add(&a, &b, false, 4, &sum), 0);
    assert_memory_equal(mpm__value_bytes(&sum, &len, &form), "\x8a\5\0\0\0\x80\0", 7);
    mpm_drop(&sum);
    assert_int_equal(add(&a, &b, false, 2, &sum), 0); /* an int there, not a long */
    assert_memory_equal(mpm__value_bytes(&sum, &len, &form), "I2147483648\n", 12);
    mpm_drop(&sum);
    mpm_drop(&a);
    mpm_drop(&b);
}

static int
life(void)
{
    struct mpm_value a = { 0 }, b = { 0 }, sum = { 0 };
    int r = value_of_text("1000000000000000000000000000000", &a);

    if (r == 0)
        r = value_of_text("2000000000000000000000000000001.5", &b);
    if (r == 0)
        r = add(&a, &a, false, 4, &sum);
    mpm_drop(&sum);
    if (r == 0)
        r = add(&a, &b, false, 4, &sum);
    mpm_drop(&sum);
    mpm_drop(&a);
    mpm_drop(&b);
    return r;
}

static void
without_memory_nothing_is_lost(void **state)
{
    (void)state;
    assert_true(mpm_test_fail_until_ok(life) > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ints_of_any_size_are_added_and_subtracted_as_python_does),
        cmocka_unit_test(floats_and_ints_are_added_as_python_does),
        cmocka_unit_test(an_int_beyond_floats_is_an_overflow_and_no_number_is_refused),
        cmocka_unit_test(bools_count_as_ints),
        cmocka_unit_test(a_sum_is_written_as_the_callers_python_writes_it),
        cmocka_unit_test(without_memory_nothing_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

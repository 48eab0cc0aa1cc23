/* Python literals as text: what is read, and what is refused with a place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <mpmd/value.h>

#include "support/support.h"

static int
read_back(const char *text, char **repr, struct mpm_error *err)
{
    struct mpm_builder *b;
    struct mpm_document *d;
    const void *bytes;
    size_t len;
    int r = mpm_builder_open(4, &b);

    if (r != 0)
        return r;
    r = mpm_put_literal(b, text, err);
    if (r == 0)
        r = mpm_builder_finish(b, &bytes, &len, err);
    if (r == 0)
        r = mpm_document_open(bytes, len, &d, err);
    if (r == 0) {
        r = mpm_repr(mpm_document_root(d), repr, &len);
        mpm_document_close(d);
    }
    mpm_builder_close(b);
    return r;
}

static void
expect(const char *text, const char *wanted)
{
    struct mpm_error err = { 0 };
    char *repr = NULL;

    if (read_back(text, &repr, &err) != 0)
        fail_msg("%s: %s", text, err.text);
    assert_string_equal(repr, wanted);
    mpm_free(repr);
}

static void
literals_are_read_as_python_reads_them(void **state)
{
    (void)state;
    expect("None", "None");
    expect(" True ", "True");
    expect("0", "0");
    expect("-0", "0");
    expect("+1_000", "1000");
    expect("0x_ff", "255");
    expect("0b101", "5");
    expect("-0o17", "-15");
    expect("123456789012345678901234567890", "123456789012345678901234567890");
    expect("-18446744073709551616", "-18446744073709551616");
    expect("-128", "-128");
    expect("--9223372036854775808", "9223372036854775808");
    expect("1.5", "1.5");
    expect("-.5e1", "-5.0");
    expect("1e-7", "1e-07");
    expect("10.", "10.0");
    expect("inf", "inf");
    expect("'a' \"b\"", "'ab'");
    expect("'it\\'s \\x41\\u00fc\\U0001f600\\n\\101\\q'", "\"it's A\xc3\xbc\xf0\x9f\x98\x80\\nA\\\\q\"");
    expect("'''a\nb'''", "'a\\nb'");
    expect("u'x'", "'x'");
    expect("r'\\n'", "'\\\\n'");
    expect("b'\\x00\\xff' b'z'", "b'\\x00\\xffz'");
    expect("rb'\\x'", "b'\\\\x'");
    expect("()", "()");
    expect("(1)", "1");
    expect("(1,)", "(1,)");
    expect("((1, 2), [3, [], (4)],)", "((1, 2), [3, [], 4])");
    expect("{}", "{}");
    expect("{'a:,': (1,), \"b\": {1: {2}},}", "{'a:,': (1,), 'b': {1: {2}}}");
    expect("{1, 2}", "{1, 2}");
    expect("{(1, 2): 3}", "{(1, 2): 3}");
    expect("[set(), frozenset(), frozenset({1}), set([2])]", "[set(), frozenset(), frozenset({1}), {2}]");
}

static void
what_is_no_literal_is_refused_with_its_place(void **state)
{
    static const char *const wrong[] = { "", " ", "x", "1 2", "01", "1__0", "1_", "0x", "0xg", "1.2.3", "1e", ".", "'", "'a", "'\\x4'",
        "'a' b'b'", "b'\xc3\xbc'", "'\\ud800'", "'\xff'", "[", "[1", "[1 2]", "[,]", "(,)", "{1:}", "{1: 2, 3}", "{1: 2 3}", ")", "1,",
        "set", "set(1)", "frozenset({1}", "None()", "Nonex", "__import__('os')", "[1, os.system]" };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct mpm_error err = { 0 };
        char *repr = NULL;

        if (read_back(wrong[i], &repr, &err) != MPM_EINVAL)
            fail_msg("%s is taken for %s", wrong[i], repr);
        assert_true(strlen(err.text) > 5);
    }
}

static void
deep_brackets_are_refused(void **state)
{
    char text[1000];
    struct mpm_error err;
    char *repr;

    (void)state;
    memset(text, '[', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(read_back(text, &repr, &err), MPM_EINVAL);
    assert_non_null(strstr(err.text, "too deep"));
}

static int
read_one(void)
{
    char *repr;
    int r = read_back("{'a': [1, 12345678901234567890123, b'x', 'some more text than fits']}", &repr, NULL);

    if (r == 0)
        mpm_free(repr);
    return r;
}

static void
without_memory_it_says_so(void **state)
{
    (void)state;
    mpm_test_fail_until_ok(read_one);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_are_read_as_python_reads_them),
        cmocka_unit_test(what_is_no_literal_is_refused_with_its_place),
        cmocka_unit_test(deep_brackets_are_refused),
        cmocka_unit_test(without_memory_it_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

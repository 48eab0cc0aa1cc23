#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "pickle/transcode.h"
#include "support/support.h"

static struct mpm_checker checker;
static struct mpm_buf out;
static struct mpm_error err;

static int
wipe(void **state)
{
    (void)state;
    mpm__checker_wipe(&checker);
    mpm__buf_wipe(&out);
    return 0;
}

/* Rewrites a value whose names are Python `names`' (0: none) for a reader of `protocol`; what comes out checks
 * again. */
static int
transcode(const char *bytes, size_t len, int names, uint8_t protocol, uint32_t *base)
{
    struct mpm_form form = { .names = (uint8_t)names };
    struct mpm_doc doc;
    int r;

    if (mpm__check(&checker, (const uint8_t *)bytes, len, true, &doc, &err) != 0)
        fail_msg("not a value: %s", err.text);
    mpm__buf_clear(&out);
    err = (struct mpm_error){ 0 };
    r = mpm__transcode((const uint8_t *)bytes, len, &form, protocol, base, &out, &err);
    assert_int_equal(err.code, r);
    if (r != 0)
        assert_int_equal(out.len, 0);
    else if (*base < 256 && mpm__check(&checker, out.data, out.len, true, &doc, &err) != 0)
        fail_msg("not a value when rewritten: %s", err.text);
    return r;
}

static void
expect(const char *bytes, size_t len, int names, uint8_t protocol, const char *want, size_t want_len)
{
    uint32_t base = 0;

    if (transcode(bytes, len, names, protocol, &base) != 0)
        fail_msg("%s", err.text);
    if (out.len != want_len || memcmp(out.data, want, want_len) != 0)
        fail_msg("got %.*s", (int)out.len, (const char *)out.data);
}
#define EXPECT(bytes, names, protocol, want) \
    expect(bytes, sizeof(bytes) - 1, names, protocol, want, sizeof(want) - 1)

static void
expect_refusal(const char *bytes, size_t len, int names, uint8_t protocol, int code, const char *text)
{
    uint32_t base = 7;

    assert_int_equal(transcode(bytes, len, names, protocol, &base), code);
    assert_int_equal(base, 7);
    if (strstr(err.text, text) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.text, text);
}
#define REFUSED(bytes, names, protocol, text) \
    expect_refusal(bytes, sizeof(bytes) - 1, names, protocol, MPM_EUNSUP, text)

#define BUILTINS "\x8c\x08" "builtins"

static void
a_bytearray_becomes_a_call(void **state)
{
    (void)state;
    EXPECT("\x96\2\0\0\0\0\0\0\0ab", 0, 5, "\x96\2\0\0\0\0\0\0\0ab");
    EXPECT("\x96\2\0\0\0\0\0\0\0abq\0", 0, 4, "cbuiltins\nbytearray\nq\0C\2ab\x85Rq\1");
    EXPECT("\x96\2\0\0\0\0\0\0\0ab", 0, 2, "c__builtin__\nbytearray\nq\0U\2ab\x85R");
    /* the function's name is written once */
    EXPECT("\x96\1\0\0\0\0\0\0\0a\x96\1\0\0\0\0\0\0\0b\x86", 0, 3, "cbuiltins\nbytearray\nq\0C\1a\x85Rh\0C\1b\x85R\x86");
}

static void
strings_take_the_opcodes_that_the_reader_has(void **state)
{
    (void)state;
    EXPECT("\x8c\2ab", 0, 4, "\x8c\2ab");
    EXPECT("\x8c\2ab", 0, 3, "X\2\0\0\0ab");
    EXPECT("\x8d\2\0\0\0\0\0\0\0ab", 0, 2, "X\2\0\0\0ab");
    EXPECT("\x8e\2\0\0\0\0\0\0\0ab", 0, 3, "C\2ab");
    EXPECT("C\2ab", 0, 2, "U\2ab");
    EXPECT("B\2\0\0\0ab", 0, 2, "U\2ab");
}

static void
byte_strings_of_python_2_are_text_when_ascii(void **state)
{
    (void)state;
    EXPECT("U\2ab", 0, 4, "\x8c\2ab");
    EXPECT("U\2ab", 0, 3, "X\2\0\0\0ab");
    EXPECT("T\2\0\0\0a\xff", 0, 3, "C\2a\xff");
    EXPECT("U\2ab", 0, 2, "U\2ab");
    EXPECT("S'a\\n\\x41\\'\\\\\\101\\q\"'\n", 0, 4, "\x8c\x09" "a\nA'\\A\\q\"");
    EXPECT("S\"\\xff\"\n", 0, 4, "C\1\xff");
    EXPECT("S'a'\n", 0, 2, "S'a'\n");
    EXPECT("(U\2abq\0h\0t", 0, 4, "(\x8c\2abq\0h\0t");
}

static void
datetime_gets_its_bytes(void **state)
{
    (void)state;
    EXPECT("cdatetime\ndate\nU\4\x08\x01\x02\x03\x85R", 2, 4, "cdatetime\ndate\nC\4\x08\x01\x02\x03\x85R");
    EXPECT("cdatetime\ntime\n(U\6\1\2\3\0\0\0NtR", 2, 3, "cdatetime\ntime\n(C\6\1\2\3\0\0\0NtR");
    /* beside the class, but no argument */
    EXPECT("(cdatetime\ndate\nU\4\x08\x01\x02\x03t", 2, 4, "(cdatetime\ndate\n\x8c\4\x08\x01\x02\x03t");
    /* the same string as argument and as itself: one of each kind */
    EXPECT("(cdatetime\ndate\nq\0U\4\x08\x01\x02\x03q\1\x85Rh\1h\0h\1\x85Rt", 2, 4,
        "(cdatetime\ndate\nq\0C\4\x08\x01\x02\x03q\1\x85R\x8c\4\x08\x01\x02\x03q\2h\0h\1\x85Rt");
    /* Python 2 knows no fold */
    EXPECT("cdatetime\ndatetime\nC\x0a\7\xe8\x8b\1\2\3\4\0\0\0\x85R", 3, 2,
        "cdatetime\ndatetime\nU\x0a\7\xe8\x0b\1\2\3\4\0\0\0\x85R");
}

static void
class_names_are_the_readers(void **state)
{
    (void)state;
    EXPECT("c__builtin__\nset\n", 2, 3, "cbuiltins\nset\n");
    EXPECT("cexceptions\nKeyError\n", 2, 4, "cbuiltins\nKeyError\n");
    EXPECT("cbuiltins\nrange\n", 3, 2, "c__builtin__\nxrange\n");
    EXPECT(BUILTINS "\x8c\3set\x93", 3, 2, "c__builtin__\nset\n");
    EXPECT("(icopy_reg\nC\n", 2, 4, "(icopyreg\nC\n");
    EXPECT("\x8c\6_queue\x8c\5Empty\x93", 3, 3, "cqueue\nEmpty\n");
    EXPECT("\x8c\6_queue\x8c\5Empty\x93", 3, 2, "cQueue\nEmpty\n");
}

static void
a_name_on_the_stack_becomes_a_global(void **state)
{
    (void)state;
    EXPECT("\x8c\1m\x8c\1C\x93", 3, 3, "cm\nC\n");
    EXPECT("\x8c\1m\x8c\1C\x93", 3, 4, "\x8c\1m\x8c\1C\x93");
    /* strings that are used again, in names or as themselves, are there when needed and not before */
    EXPECT("(\x8c\1mq\0\x8c\1C\x93h\0\x8c\1D\x93h\0h\0t", 3, 3, "(cm\nC\ncm\nD\nX\1\0\0\0mq\0h\0t");
    EXPECT("(\x8c\1mq\0h\0h\0\x93t", 3, 3, "(X\1\0\0\0mq\0cm\nm\nt");
    /* operands that stand elsewhere */
    EXPECT("(\x8c\1m(1\x8c\1CN0\x93t", 3, 3, "(X\1\0\0\0m(1X\1\0\0\0CN000cm\nC\nt");
}

static void
a_nested_class_is_reached_by_getattr(void **state)
{
    (void)state;
    EXPECT("\x8c\1m\x8c\5A.B.C\x93", 3, 3,
        "cbuiltins\ngetattr\nq\0h\0cm\nA\nX\1\0\0\0B\x86RX\1\0\0\0C\x86R");
    EXPECT("\x8c\1m\x8c\3A.B\x93", 3, 2, "c__builtin__\ngetattr\nq\0cm\nA\nX\1\0\0\0B\x86R");
}

static void
sets_become_calls(void **state)
{
    (void)state;
    EXPECT("\x8f", 0, 4, "\x8f");
    EXPECT("\x8f", 0, 3, "cbuiltins\nset\nq\0)R");
    EXPECT("\x8f(K\1K\2\x90", 0, 2, "c__builtin__\nset\nq\0](K\1K\2e\x85R");
    /* two batches, and used again */
    EXPECT("(\x8fq\0(K\1\x90(K\2\x90h\0t", 0, 3, "(cbuiltins\nset\nq\0](K\1e(K\2e\x85Rq\1h\1t");
    /* a set in a frozenset's tuple */
    EXPECT("(K\1)\x91", 0, 3, "cbuiltins\nfrozenset\nq\0(K\1)l\x85R");
    EXPECT("\x8f(\x90", 0, 3, "cbuiltins\nset\nq\0](e\x85R");
}

static void
a_set_that_contains_itself_is_filled_when_it_is_there(void **state)
{
    (void)state;
    EXPECT("\x8fq\0(cm\nC\n)\x81h\0b\x90", 3, 3,
        "cbuiltins\nset\nq\0)Rq\1(cm\nC\n)\x81h\1blq\2" "0q\3cbuiltins\ngetattr\nq\4h\0X\6\0\0\0update\x86Rq\5h\3h\2\x86R0");
}

static void
newobj_ex_becomes_a_call(void **state)
{
    (void)state;
    EXPECT("cm\nC\n)}\x92", 3, 3, "cm\nC\n)}\x87q\0" "0ccopyreg\n__newobj_ex__\nq\1h\0R");
    EXPECT("cm\nC\n)}\x92", 3, 2,
        "cm\nC\n)}q\0" "0q\1" "0q\2" "0c__builtin__\napply\nq\3c__builtin__\ngetattr\nq\4h\2X\7\0\0\0__new__\x86R"
        "coperator\nadd\nq\5h\2\x85h\1\x86Rh\0\x87R");
}

static void
numbers_start_at_the_base(void **state)
{
    uint32_t base = 254;

    (void)state;
    assert_int_equal(transcode("(]q\0]q\1]q\2h\0h\1h\2t", 17, 0, 2, &base), 0);
    assert_int_equal(base, 257);
    assert_int_equal(out.len, 23);
    assert_memory_equal(out.data, "(]q\xfe]q\xff]r\0\1\0\0h\xfeh\xffj\0\1\0\0t", 23);
}

static void
what_the_reader_does_not_have_is_named(void **state)
{
    (void)state;
    REFUSED("cbuiltins\nascii\n", 3, 2, "Python 2 has no builtins.ascii");
    REFUSED("\x8c\x08" "datetime\x8c\x08timezone\x93", 3, 2, "Python 2 has no datetime.timezone");
    REFUSED("cm\nK\xc3\xa4se\n", 3, 2, "Python 2 has no m.K");
    REFUSED("c__builtin__\ncmp\n", 2, 3, "Python 3 has no __builtin__.cmp");
    REFUSED("\x8c\3m\n1\x8c\1C\x93", 3, 3, "Python 3 has no m?1.C");
}

static void
no_value_grows_without_bound(void **state)
{
    struct mpm_buf b;
    uint32_t base = 0;

    (void)state;
    /* one long module name, many classes */
    mpm__buf_init(&b, 0);
    mpm__buf_text(&b, "(X");
    mpm__buf_le(&b, 20000, 4);
    memset(mpm__buf_grow(&b, 20000), 'm', 20000);
    mpm__buf_put(&b, "q\0", 2);
    for (int i = 0; i < 5000; i++)
        mpm__buf_put(&b, "h\0\x8c\1C\x93", 6);
    mpm__buf_u8(&b, 't');
    expect_refusal((const char *)b.data, b.len, 3, 3, MPM_ELIMIT, "grow to more than 16 times");
    mpm__buf_clear(&b);
    /* a class nested in itself */
    mpm__buf_put(&b, "\x8c\1m\x8c\xfe", 5);
    for (int i = 0; i < 127; i++)
        mpm__buf_text(&b, "a.");
    mpm__buf_u8(&b, 0x93);
    expect_refusal((const char *)b.data, b.len, 3, 3, MPM_EUNSUP, "nested in 127 others");
    /* the worst that sets can do */
    mpm__buf_clear(&b);
    mpm__buf_text(&b, "(");
    for (int i = 0; i < 5000; i++)
        mpm__buf_put(&b, "\x8fN0(N\x90", 6);
    mpm__buf_text(&b, "t");
    assert_int_equal(transcode((const char *)b.data, b.len, 0, 3, &base), 0);
    assert_true(out.len < b.len * 16);
    mpm__buf_wipe(&b);
}

static int
transcode_one(void)
{
    static const char value[] = "(\x8fq\0(\x8c\1mq\1\x8c\1C\x93)\x81h\0b(h\1\x91\x90\x96\1\0\0\0\0\0\0\0xU\1acm\nA.B\n)}\x92t";
    static const struct mpm_form form = { .names = 3, .protocol = 5, .n_memo = 2 };
    struct mpm_buf b;
    uint32_t base = 0;
    int r;

    mpm__buf_init(&b, 0);
    r = mpm__transcode((const uint8_t *)value, sizeof value - 1, &form, 3, &base, &b, NULL);
    assert_true(r == 0 || (b.len == 0 && base == 0));
    mpm__buf_wipe(&b);
    return r;
}

static void
out_of_memory_leaves_nothing_behind(void **state)
{
    (void)state;
    assert_true(mpm_test_fail_until_ok(transcode_one) > 5);
}

static void
whatever_is_cut_off_is_refused(void **state)
{
    static const char value[] = "(\x8fq\0(\x8c\1mq\1\x8c\1C\x93)\x81h\0b(h\1\x91\x90U\1acm\nA.B\n)}\x92t";
    static const struct mpm_form form = { .names = 3, .protocol = 5, .n_memo = 2 };

    (void)state;
    /* never seen by the transcoder, which must not crash on it all the same */
    for (size_t n = 0; n < sizeof value - 1; n++) {
        uint8_t *copy = mpm_test_guard(value, n);
        uint32_t base = 0;

        mpm__buf_clear(&out);
        assert_int_equal(mpm__transcode(copy, n, &form, 3, &base, &out, &err), MPM_EBADPICKLE);
        mpm_test_guard_free(copy, n);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bytearray_becomes_a_call),
        cmocka_unit_test(strings_take_the_opcodes_that_the_reader_has),
        cmocka_unit_test(byte_strings_of_python_2_are_text_when_ascii),
        cmocka_unit_test(datetime_gets_its_bytes),
        cmocka_unit_test(class_names_are_the_readers),
        cmocka_unit_test(a_name_on_the_stack_becomes_a_global),
        cmocka_unit_test(a_nested_class_is_reached_by_getattr),
        cmocka_unit_test(sets_become_calls),
        cmocka_unit_test(a_set_that_contains_itself_is_filled_when_it_is_there),
        cmocka_unit_test(newobj_ex_becomes_a_call),
        cmocka_unit_test(numbers_start_at_the_base),
        cmocka_unit_test(what_the_reader_does_not_have_is_named),
        cmocka_unit_test(no_value_grows_without_bound),
        cmocka_unit_test(out_of_memory_leaves_nothing_behind),
        cmocka_unit_test(whatever_is_cut_off_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, wipe);
}

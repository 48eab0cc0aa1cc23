#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "value/read.h"

static struct mpm_checker checker;
static struct mpm_doc doc;

/* A pickle without PROTO and STOP; valid until the next one. */
static struct mpm_ref
of_n(const char *bytes, size_t len)
{
    struct mpm_error err = { 0 };
    int r = mpm__check(&checker, (const uint8_t *)bytes, len, true, &doc, &err);

    if (r != 0)
        fail_msg("%s", err.text);
    return (struct mpm_ref){ &doc, doc.top };
}

#define OF(literal) of_n(literal, sizeof(literal) - 1)

static int
wipe(void **state)
{
    (void)state;
    mpm__checker_wipe(&checker);
    return 0;
}

static void
each_opcode_has_its_kind(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        int kind;
    } cases[] = {
#define CASE(literal, kind) { literal, sizeof(literal) - 1, kind }
        CASE("N", MPM_K_NONE), CASE("\x88", MPM_K_BOOL), CASE("\x89", MPM_K_BOOL), CASE("I01\n", MPM_K_BOOL),
        CASE("I00\n", MPM_K_BOOL), CASE("I1\n", MPM_K_INT), CASE("I-01\n", MPM_K_INT), CASE("I02\n", MPM_K_INT),
        CASE("J\0\0\0\0", MPM_K_INT), CASE("K\1", MPM_K_INT), CASE("M\1\0", MPM_K_INT), CASE("L1L\n", MPM_K_INT),
        CASE("\x8a\0", MPM_K_INT), CASE("\x8b\0\0\0\0", MPM_K_INT), CASE("F1\n", MPM_K_FLOAT),
        CASE("G\0\0\0\0\0\0\0\0", MPM_K_FLOAT), CASE("Va\n", MPM_K_STR), CASE("X\0\0\0\0", MPM_K_STR),
        CASE("\x8c\0", MPM_K_STR), CASE("\x8d\0\0\0\0\0\0\0\0", MPM_K_STR), CASE("S''\n", MPM_K_NATIVE),
        CASE("U\0", MPM_K_NATIVE), CASE("T\0\0\0\0", MPM_K_NATIVE), CASE("C\0", MPM_K_BYTES),
        CASE("B\0\0\0\0", MPM_K_BYTES), CASE("\x8e\0\0\0\0\0\0\0\0", MPM_K_BYTES),
        CASE("\x96\0\0\0\0\0\0\0\0", MPM_K_BYTEARRAY), CASE(")", MPM_K_TUPLE), CASE("(t", MPM_K_TUPLE),
        CASE("N\x85", MPM_K_TUPLE), CASE("NN\x86", MPM_K_TUPLE), CASE("NNN\x87", MPM_K_TUPLE), CASE("]", MPM_K_LIST),
        CASE("(l", MPM_K_LIST), CASE("](NNe", MPM_K_LIST), CASE("}", MPM_K_DICT), CASE("(d", MPM_K_DICT),
        CASE("}NNs", MPM_K_DICT), CASE("\x8f", MPM_K_SET), CASE("(\x91", MPM_K_FROZENSET),
        CASE("cm\nn\n", MPM_K_GLOBAL), CASE("\x8c\1m\x8c\1n\x93", MPM_K_GLOBAL), CASE("cm\nn\n)R", MPM_K_OBJECT),
        CASE("cm\nn\n)\x81}b", MPM_K_OBJECT), CASE("cm\nn\n)}\x92", MPM_K_OBJECT), CASE("(im\nn\n", MPM_K_OBJECT),
        CASE("(cm\nn\no", MPM_K_OBJECT),
#undef CASE
    };
    struct mpm_ref ref;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ref = of_n(cases[i].bytes, cases[i].len);
        if (mpm__kind(&ref) != cases[i].kind)
            fail_msg("case %zu: kind %d", i, mpm__kind(&ref));
    }
}

static void
a_memo_reference_is_what_it_refers_to(void **state)
{
    struct mpm_parts parts;
    struct mpm_ref ref = OF("](K\5q\0h\0h\0e");
    int64_t v = 0;

    (void)state;
    assert_int_equal(mpm__parts(ref, &parts), 0);
    assert_int_equal(parts.items.n, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(mpm__read_int64(mpm__part(&parts, i), &v), 0);
        assert_int_equal(v, 5);
    }
    mpm__parts_wipe(&parts);
}

static void
check_int(struct mpm_ref ref, int64_t expected)
{
    int64_t v = 4711;

    assert_int_equal(mpm__read_int64(ref, &v), 0);
    assert_true(v == expected);
}

static void
ints_of_every_form_are_read(void **state)
{
    (void)state;
    check_int(OF("K\xff"), 255);
    check_int(OF("M\xff\xff"), 65535);
    check_int(OF("J\xff\xff\xff\xff"), -1);
    check_int(OF("J\0\0\0\x80"), INT32_MIN);
    check_int(OF("I-2147483649\n"), INT64_C(-2147483649));
    check_int(OF("I9223372036854775807\n"), INT64_MAX);
    check_int(OF("L-9223372036854775808L\n"), INT64_MIN);
    check_int(OF("L0000000000000000000000000012L\n"), 12);
    check_int(OF("L-0L\n"), 0);
    check_int(OF("L7\n"), 7);
    check_int(OF("\x8a\0"), 0);
    check_int(OF("\x8a\1\xff"), -1);
    check_int(OF("\x8a\x08\0\0\0\0\0\0\0\x80"), INT64_MIN);
    check_int(OF("\x8a\x0a\1\0\0\0\0\0\0\0\0\0"), 1);                    /* longer than it needs to be */
    check_int(OF("\x8a\x0a\xfe\xff\xff\xff\xff\xff\xff\xff\xff\xff"), -2);
    check_int(OF("\x8b\2\0\0\0\x01\x80"), -32767);
    check_int(OF("\x88"), 1);
    check_int(OF("I00\n"), 0);
}

static void
an_int_that_does_not_fit_is_out_of_range(void **state)
{
    int64_t v = 7;
    bool b = true;

    (void)state;
    assert_int_equal(mpm__read_int64(OF("\x8a\x09\0\0\0\0\0\0\0\x80\0"), &v), MPM_ERANGE);
    assert_int_equal(mpm__read_int64(OF("L9223372036854775808L\n"), &v), MPM_ERANGE);
    assert_int_equal(mpm__read_int64(OF("L-9223372036854775809L\n"), &v), MPM_ERANGE);
    assert_int_equal(mpm__read_int64(OF("L99999999999999999999999999L\n"), &v), MPM_ERANGE);
    assert_int_equal(mpm__read_int64(OF("G\0\0\0\0\0\0\0\0"), &v), MPM_ETYPE);
    assert_int_equal(mpm__read_int64(OF("X\1\0\0\0" "1"), &v), MPM_ETYPE);
    assert_int_equal(mpm__read_bool(OF("K\0"), &b), MPM_ETYPE);
    assert_int_equal(v, 7);
    assert_true(b);
}

static void
check_bigint(struct mpm_ref ref, const char *expected, size_t len)
{
    struct mpm_buf b;

    mpm__buf_init(&b, 0);
    mpm__buf_u8(&b, 'x');
    assert_int_equal(mpm__read_bigint(ref, &b), 0);
    assert_int_equal(b.len, 1 + len);
    assert_memory_equal(b.data + 1, expected, len);
    mpm__buf_wipe(&b);
}

static void
big_ints_are_minimal_twos_complement(void **state)
{
    char digits[4310];
    struct mpm_buf b;

    (void)state;
    check_bigint(OF("K\0"), "", 0);
    check_bigint(OF("\x8a\2\0\0"), "", 0);
    check_bigint(OF("\x89"), "", 0);
    check_bigint(OF("I01\n"), "\1", 1);
    check_bigint(OF("K\x80"), "\x80\0", 2);
    check_bigint(OF("K\x7f"), "\x7f", 1);
    check_bigint(OF("M\0\x80"), "\0\x80\0", 3);
    check_bigint(OF("J\x80\xff\xff\xff"), "\x80", 1);
    check_bigint(OF("J\x7f\xff\xff\xff"), "\x7f\xff", 2);
    check_bigint(OF("I128\n"), "\x80\0", 2);
    check_bigint(OF("I-128\n"), "\x80", 1);
    check_bigint(OF("I-129\n"), "\x7f\xff", 2);
    check_bigint(OF("L18446744073709551616L\n"), "\0\0\0\0\0\0\0\0\1", 9);
    check_bigint(OF("L-18446744073709551616L\n"), "\0\0\0\0\0\0\0\0\xff", 9);
    memset(digits, '9', sizeof(digits));
    digits[0] = 'L';
    digits[4302] = '\n';
    mpm__buf_init(&b, 0);
    assert_int_equal(mpm__read_bigint(of_n(digits, 4303), &b), MPM_ERANGE);
    digits[4301] = '\n';
    assert_int_equal(mpm__read_bigint(of_n(digits, 4302), &b), 0);
    assert_int_equal(b.len, 1786);
    assert_int_equal(b.data[0], 0xff); /* 10**4300 - 1 */
    mpm__buf_wipe(&b);
}

static void
check_double(struct mpm_ref ref, double expected)
{
    double v = 4711;

    assert_int_equal(mpm__read_double(ref, &v), 0);
    assert_memory_equal(&v, &expected, sizeof(v));
}

static void
floats_of_every_form_and_ints_are_read_as_double(void **state)
{
    double v;

    (void)state;
    check_double(OF("G\x3f\xf8\0\0\0\0\0\0"), 1.5);
    check_double(OF("G\x80\0\0\0\0\0\0\0"), -0.0);
    check_double(OF("F-1.5e-7\n"), -1.5e-7);
    check_double(OF("F-inf\n"), -INFINITY);
    assert_int_equal(mpm__read_double(OF("Fnan\n"), &v), 0);
    assert_true(isnan(v));
    check_double(OF("F0.00000000000000000000000000000000000000000000000000000000000000000000000000000000000001\n"), 1e-86);
    check_double(OF("K\7"), 7);
    check_double(OF("\x88"), 1);
    check_double(OF("L9007199254740993L\n"), 9007199254740992.0);              /* half to even */
    check_double(OF("\x8a\x09\0\0\0\0\0\0\0\0\1"), 18446744073709551616.0);
    check_double(OF("\x8a\x09\0\0\0\0\0\0\0\0\xff"), -18446744073709551616.0);
    check_double(OF("\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\0"), 18446744073709551616.0);
    check_double(OF("\x8a\x0a\0\0\0\0\0\0\0\x08\0\1"), 0x1.0008p72);
    check_double(OF("\x8a\x0a\0\x08\0\0\0\0\0\0\0\1"), 0x1p72);                 /* 2**72 + 2**11: dropped */
    check_double(OF("\x8a\x0a\0\0\0\0\0\0\x08\0\0\1"), 0x1.000008p72);
    check_double(OF("\x8a\x0a\0\0\x08\0\0\0\0\0\0\1"), 0x1p72);                 /* exactly half: to even */
    check_double(OF("\x8a\x0a\1\0\x08\0\0\0\0\0\0\1"), 0x1.0000000000001p72);   /* a bit more than half */
    check_double(OF("\x8a\x0a\xff\xff\xf7\xff\xff\xff\xff\xff\xff\xfe"), -0x1.0000000000001p72);
    assert_int_equal(mpm__read_double(OF("N"), &v), MPM_ETYPE);
}

static void
an_int_beyond_every_double_is_out_of_range(void **state)
{
    char big[2 + 129] = "\x8a\x81";
    double v;

    (void)state;
    big[2 + 128] = 1; /* 2**1024 */
    assert_int_equal(mpm__read_double(of_n(big, sizeof(big)), &v), MPM_ERANGE);
    memset(big + 2, 0xff, 128); /* rounds up to it */
    big[2 + 128] = 0;
    assert_int_equal(mpm__read_double(of_n(big, sizeof(big)), &v), MPM_ERANGE);
    big[2 + 128 - 7] = (char)0xf7; /* DBL_MAX and something below half a unit */
    assert_int_equal(mpm__read_double(of_n(big, sizeof(big)), &v), 0);
    assert_true(v == 0x1.fffffffffffffp1023);
}

static void
check_text(struct mpm_ref ref, const char *expected, size_t len)
{
    const uint8_t *text = NULL;
    struct mpm_buf scratch;
    size_t n = 0;

    mpm__buf_init(&scratch, 0);
    mpm__buf_u8(&scratch, 'x');
    assert_int_equal(mpm__decode_text(ref, &scratch, &text, &n), 0);
    assert_int_equal(n, len);
    assert_memory_equal(text, expected, len);
    mpm__buf_wipe(&scratch);
}

#define CHECK_TEXT(ref, literal) check_text(ref, literal, sizeof(literal) - 1)

static void
text_of_every_form_is_read(void **state)
{
    const uint8_t *text;
    size_t len;

    (void)state;
    CHECK_TEXT(OF("\x8c\3abc"), "abc");
    CHECK_TEXT(OF("X\3\0\0\0a\xc3\xa9"), "a\xc3\xa9");
    CHECK_TEXT(OF("\x8d\1\0\0\0\0\0\0\0a"), "a");
    CHECK_TEXT(OF("U\1a"), "a");
    CHECK_TEXT(OF("T\1\0\0\0\xff"), "\xff");
    CHECK_TEXT(OF("Vab\n"), "ab");
    CHECK_TEXT(OF("S'ab'\n"), "ab");
    CHECK_TEXT(OF("S\"it's\"\n"), "it's");
    CHECK_TEXT(OF("V\xe9\\u20ac\\U0001f600\\ud800\n"), "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xed\xa0\x80");
    CHECK_TEXT(OF("V\\u005cu0041\\\\u0041\\n\n"), "\\u0041\\\\u0041\\n");
    CHECK_TEXT(OF("S'\\\\\\'\\\"\\a\\b\\f\\n\\r\\t\\v\\0\\12\\x41\\401\\q'\n"), "\\'\"\a\b\f\n\r\t\v\0\12A\1\\q");
    assert_int_equal(mpm__read_text(OF("V\\u0041\n"), &text, &len), MPM_EUNSUP);
    assert_int_equal(mpm__read_text(OF("Vab\n"), &text, &len), 0);
    assert_int_equal(mpm__read_text(OF("K\1"), &text, &len), MPM_ETYPE);
    assert_int_equal(mpm__read_text(OF("C\1a"), &text, &len), MPM_ETYPE);
}

static void
text_is_compared_in_every_form(void **state)
{
    (void)state;
    assert_true(mpm__text_is(OF("\x8c\3abc"), "abc"));
    assert_false(mpm__text_is(OF("\x8c\3abc"), "ab"));
    assert_false(mpm__text_is(OF("\x8c\3abc"), "abcd"));
    assert_true(mpm__text_is(OF("V\\u0061bc\n"), "abc"));
    assert_false(mpm__text_is(OF("V\\u0061bc\n"), "abcd"));
    assert_false(mpm__text_is(OF("V\\u0061bc\n"), "ab"));
    assert_true(mpm__text_is(OF("U\0"), ""));
    assert_false(mpm__text_is(OF("N"), "None"));
}

static void
bytes_of_every_form_are_read(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = { { "C\2\0\xff", 4 }, { "B\2\0\0\0\0\xff", 7 }, { "\x8e\2\0\0\0\0\0\0\0\0\xff", 11 },
        { "\x96\2\0\0\0\0\0\0\0\0\xff", 11 }, { "U\2\0\xff", 4 } };
    const uint8_t *bytes;
    size_t len;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(mpm__read_bytes(of_n(cases[i].bytes, cases[i].len), &bytes, &len), 0);
        assert_int_equal(len, 2);
        assert_memory_equal(bytes, "\0\xff", 2);
    }
    assert_int_equal(mpm__read_bytes(OF("\x8c\1a"), &bytes, &len), MPM_ETYPE);
}

static void
check_name(struct mpm_ref ref, const char *module, const char *name)
{
    const uint8_t *m, *n;
    size_t m_len, n_len;

    assert_int_equal(mpm__read_global(ref, &m, &m_len, &n, &n_len), 0);
    assert_int_equal(m_len, strlen(module));
    assert_memory_equal(m, module, m_len);
    assert_int_equal(n_len, strlen(name));
    assert_memory_equal(n, name, n_len);
}

static void
names_are_those_of_the_global_or_the_class(void **state)
{
    struct mpm_ref ref;
    const uint8_t *m, *n;
    size_t m_len, n_len;

    (void)state;
    check_name(OF("cmod\nName\n"), "mod", "Name");
    check_name(OF("\x8c\3mod\x8c\4Name\x93"), "mod", "Name");
    check_name(OF("\x8c\3modq\0h\0\x93"), "mod", "mod");
    check_name(OF("cmod\nName\n)R}b"), "mod", "Name");
    check_name(OF("cmod\nName\n)\x81"), "mod", "Name");
    check_name(OF("(imod\nName\n"), "mod", "Name");
    check_name(OF("(cmod\nName\nK\1o"), "mod", "Name");
    check_name(OF("ccopy_reg\n_reconstructor\n(cmod\nName\nc__builtin__\nobject\nNtR"), "mod", "Name");
    check_name(OF("ccopyreg\n__newobj__\n\x8c\3mod\x8c\4Name\x93\x85R"), "mod", "Name");
    ref = OF("cbuiltins\ngetattr\n)R)R"); /* a call of the result of a call */
    assert_int_equal(mpm__read_global(ref, &m, &m_len, &n, &n_len), MPM_ETYPE);
    ref = OF("ccopyreg\n__newobj__\nccopyreg\n__newobj__\ncm\nn\n\x85R\x85R");
    assert_int_equal(mpm__read_global(ref, &m, &m_len, &n, &n_len), MPM_ETYPE);
    ref = OF("ccopyreg\n__newobj__\n)R");
    assert_int_equal(mpm__read_global(ref, &m, &m_len, &n, &n_len), MPM_ETYPE);
    assert_int_equal(mpm__read_global(OF("K\1"), &m, &m_len, &n, &n_len), MPM_ETYPE);
}

static void
parts_are_items_pairs_or_callable_arguments_and_states(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        size_t n;
    } cases[] = {
        { ")", 1, 0 }, { "(NNNNt", 6, 4 }, { "]NaNa(NNe", 9, 4 }, { "}NNs(NNNNu", 10, 6 }, { "\x8f(NN\x90", 5, 2 },
        { "(NNN\x91", 5, 3 }, { "cm\nn\n)R", 7, 2 }, { "cm\nn\n)R}b]b", 11, 4 },
    };
    struct mpm_parts parts;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(mpm__parts(of_n(cases[i].bytes, cases[i].len), &parts), 0);
        assert_int_equal(parts.items.n, cases[i].n);
        mpm__parts_wipe(&parts);
    }
    assert_int_equal(mpm__parts(OF("K\1"), &parts), MPM_ETYPE);
    mpm__parts_wipe(&parts);
    assert_int_equal(mpm__parts(OF("cm\nn\n"), &parts), MPM_ETYPE);
    mpm__parts_wipe(&parts);
}

static void
truth_is_pythons(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        int truth;
    } cases[] = {
#define CASE(literal, truth) { literal, sizeof(literal) - 1, truth }
        CASE("N", 0), CASE("\x88", 1), CASE("I00\n", 0), CASE("K\0", 0), CASE("K\2", 1), CASE("\x8a\0", 0),
        CASE("\x8a\x09\0\0\0\0\0\0\0\0\1", 1), CASE("\x8b\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0", 0),
        CASE("L00000000000000000000000000000000L\n", 0), CASE("L-99999999999999999999999999L\n", 1),
        CASE("G\0\0\0\0\0\0\0\0", 0), CASE("G\x80\0\0\0\0\0\0\0", 0), CASE("Fnan\n", 1), CASE("F0\n", 0),
        CASE("\x8c\0", 0), CASE("\x8c\1a", 1), CASE("V\n", 0), CASE("V\\u0000\n", 1), CASE("S''\n", 0), CASE("C\0", 0),
        CASE("C\1\0", 1), CASE("\x96\0\0\0\0\0\0\0\0", 0), CASE(")", 0), CASE("(t", 0), CASE("N\x85", 1), CASE("]", 0),
        CASE("]Na", 1), CASE("}", 0), CASE("}NNs", 1), CASE("\x8f", 0), CASE("\x8f(N\x90", 1), CASE("(\x91", 0),
        CASE("cm\nn\n", 1), CASE("cm\nn\n)R", 1), CASE("cbuiltins\nset\n]\x85R", 0), CASE("cbuiltins\nset\n]Na\x85R", 1),
        CASE("c__builtin__\nset\n)R", 0), CASE("cbuiltins\nbytearray\nC\1a\x85R", 1), CASE("cbuiltins\nset\n)\x81", 1),
        CASE("cbuiltins\ncomplex\nG\0\0\0\0\0\0\0\0G\x80\0\0\0\0\0\0\0\x86R", 0),
        CASE("cbuiltins\ncomplex\nG\0\0\0\0\0\0\0\0G\x3f\xf8\0\0\0\0\0\0\x86R", 1),
        CASE("c_codecs\nencode\nX\0\0\0\0X\6\0\0\0latin1\x86R", 0),
#undef CASE
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (mpm__truth(of_n(cases[i].bytes, cases[i].len)) != cases[i].truth)
            fail_msg("case %zu", i);
}

static void
truth_of_calls_in_calls_ends(void **state)
{
    enum { N = 5000 };
    static const char call[] = "cbuiltins\nset\n";
    struct mpm_buf b;

    (void)state;
    mpm__buf_init(&b, 0);
    for (int i = 0; i < N; i++)
        mpm__buf_text(&b, call);
    mpm__buf_u8(&b, ')');
    for (int i = 0; i < N; i++)
        mpm__buf_text(&b, "R\x85");
    mpm__buf_cut(&b, b.len - 1);
    assert_int_equal(mpm__truth(of_n((const char *)b.data, b.len)), 1);
    mpm__buf_wipe(&b);
}

/* --- tokens ------------------------------------------------------------------------------------------------------- */

#define MANAGERS "X\x18\0\0\0multiprocessing.managers"
#define TOKEN_CLASS "cmultiprocessing.managers\nToken\n"
#define TOKEN TOKEN_CLASS ")\x81" "U\4listU\6m.sockU\2a1\x87" "b"

static void
check_token(struct mpm_ref ref)
{
    struct mpm_token_ref token;

    assert_int_equal(mpm__read_token(ref, &token), 0);
    assert_true(mpm__text_is(token.typeid, "list"));
    assert_true(mpm__text_is(token.address, "m.sock"));
    assert_true(mpm__text_is(token.ident, "a1"));
}

static void
tokens_are_found_bare_and_in_proxies(void **state)
{
    (void)state;
    check_token(OF(TOKEN));
    check_token(OF("ccopy_reg\n_reconstructor\n(" TOKEN_CLASS "c__builtin__\nobject\nNtR(Vlist\nVm.sock\nVa1\ntb"));
    check_token(OF("cmultiprocessing.managers\nRebuildProxy\n(cmultiprocessing.managers\nListProxy\n" TOKEN
        "U\6pickle}tR"));
    check_token(OF("cbilliard.managers\nRebuildProxy\n(Ncbilliard.managers\nToken\n)\x81" "U\4listU\6m.sockU\2a1\x87"
        "bU\6pickle}tR"));
    /* with memo references for the module and the strings */
    check_token(OF(MANAGERS "q\0X\x0c\0\0\0RebuildProxy\x93(h\0X\x09\0\0\0ListProxy\x93h\0X\5\0\0\0Token\x93)\x81"
        "X\4\0\0\0listX\6\0\0\0m.sockX\2\0\0\0a1\x87" "bX\6\0\0\0pickle}tR"));
}

static void
other_objects_are_no_tokens(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
#define CASE(literal) { literal, sizeof(literal) - 1 }
        CASE("N"), CASE(TOKEN_CLASS), CASE(TOKEN_CLASS ")\x81"), CASE(TOKEN_CLASS ")\x81}b"),
        CASE(TOKEN_CLASS ")\x81NN\x86" "b"), CASE("cm\nn\n)R"), CASE("cm\nToken\n)\x81NNN\x87" "b"),
        CASE("cmanagers\nToken\n)\x81NNN\x87" "b"), CASE("cmultiprocessing.managers\nRebuildProxy\n)R"),
        CASE("cmultiprocessing.managers\nRebuildProxy\nNN\x86R"),
        CASE("cmultiprocessing.managers\nRebuildProxy\nNcmultiprocessing.managers\nRebuildProxy\nN" TOKEN "\x86R\x86R"),
#undef CASE
    };
    struct mpm_token_ref token;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (mpm__read_token(of_n(cases[i].bytes, cases[i].len), &token) != MPM_ETYPE)
            fail_msg("case %zu", i);
}

/* --- out of memory ------------------------------------------------------------------------------------------------ */

static int allocations_left;

static int
count_down(size_t size)
{
    (void)size;
    return allocations_left-- <= 0;
}

static void
without_memory_each_reader_says_so(void **state)
{
    struct mpm_ref ref;
    struct mpm_token_ref token;
    int r = MPM_ENOMEM, n;

    (void)state;
    ref = OF("cmultiprocessing.managers\nRebuildProxy\n(N" TOKEN "U\6pickle}tR");
    for (n = 0; n < 100 && r != 0; n++) {
        allocations_left = n;
        mpm__alloc_hook = count_down;
        r = mpm__read_token(ref, &token);
        mpm__alloc_hook = NULL;
        assert_true(r == 0 || r == MPM_ENOMEM);
    }
    assert_in_range(n, 2, 99);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_opcode_has_its_kind),
        cmocka_unit_test(a_memo_reference_is_what_it_refers_to),
        cmocka_unit_test(ints_of_every_form_are_read),
        cmocka_unit_test(an_int_that_does_not_fit_is_out_of_range),
        cmocka_unit_test(big_ints_are_minimal_twos_complement),
        cmocka_unit_test(floats_of_every_form_and_ints_are_read_as_double),
        cmocka_unit_test(an_int_beyond_every_double_is_out_of_range),
        cmocka_unit_test(text_of_every_form_is_read),
        cmocka_unit_test(text_is_compared_in_every_form),
        cmocka_unit_test(bytes_of_every_form_are_read),
        cmocka_unit_test(names_are_those_of_the_global_or_the_class),
        cmocka_unit_test(parts_are_items_pairs_or_callable_arguments_and_states),
        cmocka_unit_test(truth_is_pythons),
        cmocka_unit_test(truth_of_calls_in_calls_ends),
        cmocka_unit_test(tokens_are_found_bare_and_in_proxies),
        cmocka_unit_test(other_objects_are_no_tokens),
        cmocka_unit_test(without_memory_each_reader_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, wipe);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "support/support.h"
#include "value/read.h"
#include "value/repr.h"

/* repr() of a pickle without PROTO and STOP; *out is cleared first. */
static int
repr_of(const void *bytes, size_t len, struct mpm_buf *out)
{
    struct mpm_checker checker = { 0 };
    struct mpm_doc doc;
    int r = mpm__check(&checker, bytes, len, true, &doc, NULL);

    mpm__buf_clear(out);
    if (r == 0)
        r = mpm__repr((struct mpm_ref){ &doc, doc.top }, out);
    mpm__checker_wipe(&checker);
    return r;
}

struct example {
    const char *bytes;
    size_t len;
    const char *text;
};

#define EXAMPLE(literal, text) { literal, sizeof(literal) - 1, text }

static void
check(const struct example *examples, size_t n)
{
    struct mpm_buf out;

    mpm__buf_init(&out, 0);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(repr_of(examples[i].bytes, examples[i].len, &out), 0);
        mpm__buf_u8(&out, 0);
        assert_string_equal((const char *)out.data, examples[i].text);
    }
    mpm__buf_wipe(&out);
}

#define CHECK(examples) check(examples, sizeof(examples) / sizeof((examples)[0]))

static void
scalars_read_as_in_python(void **state)
{
    static const struct example examples[] = {
        EXAMPLE("N", "None"), EXAMPLE("\x88", "True"), EXAMPLE("I00\n", "False"), EXAMPLE("K\5", "5"),
        EXAMPLE("J\xff\xff\xff\xff", "-1"), EXAMPLE("\x8a\x09\0\0\0\0\0\0\0\0\1", "18446744073709551616"),
        EXAMPLE("\x8a\x09\0\0\0\0\0\0\0\0\xff", "-18446744073709551616"), EXAMPLE("L-5L\n", "-5"),
        EXAMPLE("G\x3f\xf0\0\0\0\0\0\0", "1.0"), EXAMPLE("G\x80\0\0\0\0\0\0\0", "-0.0"), EXAMPLE("F1e16\n", "1e+16"),
        EXAMPLE("G\x44\xb5\x2d\x02\xc7\xe1\x4a\xf6", "1e+23"), EXAMPLE("Finf\n", "inf"), EXAMPLE("F-nan\n", "nan"),
        EXAMPLE("F0.0001\n", "0.0001"), EXAMPLE("F0.00001\n", "1e-05"), EXAMPLE("F5e-324\n", "5e-324"),
        EXAMPLE("\x8c\5it's\\", "\"it's\\\\\""), EXAMPLE("\x8c\2'\"", "'\\'\"'"),
        EXAMPLE("\x8c\x0a\n\x7f\xc2\xa0\xe2\x82\xac\xed\xa0\x80", "'\\n\\x7f\\xa0\xe2\x82\xac\\ud800'"),
        EXAMPLE("\x8c\x08\xf0\x9f\x98\x80\xf3\xa0\x80\x81", "'\xf0\x9f\x98\x80\\U000e0001'"),
        EXAMPLE("V\\u20ac\n", "'\xe2\x82\xac'"), EXAMPLE("U\1a", "'a'"), EXAMPLE("U\1\xff", "b'\\xff'"),
        EXAMPLE("C\3\0'\xff", "b\"\\x00'\\xff\""), EXAMPLE("\x96\1\0\0\0\0\0\0\0'", "bytearray(b\"\\'\")"),
    };

    (void)state;
    CHECK(examples);
}

static void
containers_and_cycles_read_as_in_python(void **state)
{
    static const struct example examples[] = {
        EXAMPLE(")", "()"), EXAMPLE("K\1\x85", "(1,)"), EXAMPLE("K\1K\2\x86", "(1, 2)"), EXAMPLE("]", "[]"),
        EXAMPLE("](K\1]K\2ae", "[1, [2]]"), EXAMPLE("}", "{}"), EXAMPLE("}(K\1NK\2]u", "{1: None, 2: []}"),
        EXAMPLE("\x8f", "set()"), EXAMPLE("\x8f(K\1K\2\x90", "{1, 2}"), EXAMPLE("(\x91", "frozenset()"),
        EXAMPLE("(K\1\x91", "frozenset({1})"), EXAMPLE("]q\0h\0a", "[[...]]"), EXAMPLE("}q\0K\1h\0s", "{1: {...}}"),
        EXAMPLE("]q\0(h\0K\1\x86q\1h\1e", "[([...], 1), ([...], 1)]"),
        EXAMPLE("((lp0\n(g0\ntp1\na00g1\n", "([(...)],)"),
    };

    (void)state;
    CHECK(examples);
}

static void
names_are_shown_as_classes_or_functions(void **state)
{
    static const struct example examples[] = {
        EXAMPLE("cbuiltins\nint\n", "<class 'int'>"), EXAMPLE("c__builtin__\nlen\n", "<built-in function len>"),
        EXAMPLE("cbuiltins\nEllipsis\n", "Ellipsis"), EXAMPLE("cmod\nA.B\n", "<class 'mod.A.B'>"),
        EXAMPLE("cmod\nName\n)\x81", "<mod.Name object>"), EXAMPLE("cmod\nName\n)R}b", "<mod.Name object>"),
        EXAMPLE("cbuiltins\nobject\n)\x81", "<object object>"), EXAMPLE("(imod\nName\n", "<mod.Name object>"),
        EXAMPLE("cbuiltins\ngetattr\n)R)R", "<object>"),
    };

    (void)state;
    CHECK(examples);
}

static void
standard_classes_read_as_in_python(void **state)
{
    static const struct example examples[] = {
        EXAMPLE("cbuiltins\nset\n](K\1K\2e\x85R", "{1, 2}"), EXAMPLE("c__builtin__\nset\n]\x85R", "set()"),
        EXAMPLE("cbuiltins\ncomplex\nG\0\0\0\0\0\0\0\0G\x3f\xf0\0\0\0\0\0\0\x86R", "1j"),
        EXAMPLE("cbuiltins\ncomplex\nG\x80\0\0\0\0\0\0\0Fnan\n\x86R", "(-0+nanj)"),
        EXAMPLE("cbuiltins\nKeyError\nU\2zz\x85R", "KeyError('zz')"), EXAMPLE("cQueue\nEmpty\n)R", "Empty()"),
        EXAMPLE("ccollections\nOrderedDict\n)RK\1K\2s", "OrderedDict({1: 2})"),
        EXAMPLE("ccollections\nOrderedDict\n]]K\1aK\2aa\x85R", "OrderedDict({1: 2})"),
        EXAMPLE("ccollections\ndefaultdict\ncbuiltins\nint\n\x85RK\1K\2s", "defaultdict(<class 'int'>, {1: 2})"),
        EXAMPLE("ccollections\ndefaultdict\ncbuiltins\nint\n\x85Rq\0K\1h\0s",
            "defaultdict(<class 'int'>, {1: defaultdict(<class 'int'>, {...})})"),
        EXAMPLE("cbuiltins\ntype\nN\x85R", "<class 'NoneType'>"),
        EXAMPLE("cbuiltins\ntype\nK\1\x85R", "<type object>"),
        EXAMPLE("ccollections\nOrderedDict\n)Rq\0K\1h\0s", "OrderedDict({1: ...})"),
        EXAMPLE("ccollections\ndeque\n)K\3\x86Rq\0(K\1h\0e", "deque([1, [...]], maxlen=3)"),
        EXAMPLE("ccollections\nCounter\n}(U\1aK\1U\1bK\2u\x85R", "Counter({'b': 2, 'a': 1})"),
        EXAMPLE("cdatetime\ntimezone\ncdatetime\ntimedelta\nK\0K\0K\0\x87R\x85R", "datetime.timezone.utc"),
        EXAMPLE("cfractions\nFraction\nU\4-1/3\x85R", "Fraction(-1, 3)"),
    };

    (void)state;
    CHECK(examples);
}

#define ARRAY "carray\narray\n"
#define RECONSTRUCTOR "carray\n_array_reconstructor\n(" ARRAY

static void
arrays_read_as_in_python(void **state)
{
    static const struct example examples[] = {
        /* up to protocol 2 */
        EXAMPLE(ARRAY "X\1\0\0\0i](K\1J\xfe\xff\xff\xff" "e\x86R", "array('i', [1, -2])"),
        EXAMPLE(ARRAY "Vi\n](L1L\nI2\nI01\ne\x86R", "array('i', [1, 2, 1])"), EXAMPLE(ARRAY "U\1b]\x86R", "array('b')"),
        EXAMPLE(ARRAY "U\1Q]\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\0a\x86R",
            "array('Q', [18446744073709551615])"),
        EXAMPLE(ARRAY "U\1f]F0.1\na\x86R", "array('f', [0.10000000149011612])"),
        EXAMPLE(ARRAY "U\1f]F1e300\na\x86R", "array('f', [inf])"), EXAMPLE(ARRAY "U\1d]K\1a\x86R", "array('d', [1.0])"),
        EXAMPLE(ARRAY "U\1u](V\\u20ac\nX\1\0\0\0ae\x86R", "array('u', '\xe2\x82\xac" "a')"),
        EXAMPLE(ARRAY "U\1c](U\1aS'b'\ne\x86R", "array('c', 'ab')"), EXAMPLE(ARRAY "U\1c]\x86R", "array('c')"),
        /* as the managers have them */
        EXAMPLE(ARRAY "U\1h" "C\4\1\0\xfe\xff\x86R", "array('h', [1, -2])"),
        EXAMPLE(ARRAY "U\1h" "C\0\x86R", "array('h')"),
        EXAMPLE(ARRAY "U\1I" "U\4\xff\xff\xff\xff\x86R", "array('I', [4294967295])"),
        EXAMPLE(ARRAY "U\1B" "c_codecs\nencode\nX\3\0\0\0a\xc3\xbfU\6latin1\x86R\x86R", "array('B', [97, 255])"),
        EXAMPLE(ARRAY "U\1c" "U\2a\xff\x86R", "array('c', b'a\\xff')"), EXAMPLE(ARRAY "U\1i\x85R", "array('i')"),
        EXAMPLE(ARRAY "U\1w" "C\4\xac\x20\0\0\x86R", "array('w', '\xe2\x82\xac')"),
        EXAMPLE(ARRAY "U\1u" "C\4\0\0\x11\0\x86R", "array('u', '\xef\xbf\xbd')"),
        /* from protocol 3 on */
        EXAMPLE(RECONSTRUCTOR "X\1\0\0\0iK\x08" "C\x08\1\0\0\0\xfe\xff\xff\xfftR", "array('i', [1, -2])"),
        EXAMPLE(RECONSTRUCTOR "X\1\0\0\0lK\x0c" "C\x08\1\0\0\0\0\0\0\0tR", "array('l', [1])"),
        EXAMPLE(RECONSTRUCTOR "X\1\0\0\0fK\x0e" "C\4\xcd\xcc\xcc=tR", "array('f', [0.10000000149011612])"),
        EXAMPLE(RECONSTRUCTOR "X\1\0\0\0bK\1C\0tR", "array('b')"),
        EXAMPLE(RECONSTRUCTOR "X\1\0\0\0uK\x14" "C\4a\0\0\0tR", "array('u', 'a')"),
    };

    (void)state;
    CHECK(examples);
}

static void
arrays_of_other_machines_become_what_they_become_in_python(void **state)
{
    static const struct example examples[] = {
        EXAMPLE(RECONSTRUCTOR "U\1hK\5" "C\4\0\1\xff\xfetR", "array('h', [1, -2])"),
        EXAMPLE(RECONSTRUCTOR "U\1LK\6" "C\4\1\0\0\x80tR", "array('I', [2147483649])"),
        EXAMPLE(RECONSTRUCTOR "U\1lK\x0d" "C\x08\xff\xff\xff\xff\xff\xff\xff\xfetR", "array('q', [-2])"),
        EXAMPLE(RECONSTRUCTOR "U\1uK\0" "C\1\xfftR", "array('B', [255])"),
        EXAMPLE(RECONSTRUCTOR "U\1fK\x0f" "C\4=\xcc\xcc\xcdtR", "array('f', [0.10000000149011612])"),
        EXAMPLE(RECONSTRUCTOR "U\1dK\x0f" "C\4=\xcc\xcc\xcdtR", "array('d', [0.10000000149011612])"),
        EXAMPLE(RECONSTRUCTOR "U\1fK\x11" "C\x08?\xb9\x99\x99\x99\x99\x99\x9atR", "array('f', [0.10000000149011612])"),
        EXAMPLE(RECONSTRUCTOR "U\1dK\x10" "C\x08\0\0\0\0\0\0\xe0?tR", "array('d', [0.5])"),
        EXAMPLE(RECONSTRUCTOR "U\1uK\x12" "C\6\xac\x20\x3d\xd8\0\xdetR", "array('u', '\xe2\x82\xac\xf0\x9f\x98\x80')"),
        EXAMPLE(RECONSTRUCTOR "U\1wK\x13" "C\4\xd8\x3d\xde\0tR", "array('w', '\xf0\x9f\x98\x80')"),
        EXAMPLE(RECONSTRUCTOR "U\1uK\x15" "C\4\0\0\x20\xactR", "array('u', '\xe2\x82\xac')"),
    };

    (void)state;
    CHECK(examples);
}

static void
what_is_no_array_is_shown_as_an_object(void **state)
{
    static const char *const pickles[] = {
        ARRAY ")R", ARRAY "U\1x\x85R", ARRAY "U\2ii\x85R", ARRAY "N\x85R", ARRAY "U\1iN\x86R", ARRAY "U\1iK\5\x86R",
        ARRAY "U\1i]K\1aN\x87R", ARRAY "U\1i\x85R}b", ARRAY "U\1i" "U\3abc\x86R", ARRAY "U\1i]Na\x86R",
        ARRAY "U\1i]G\x3f\xf0\x01\x01\x01\x01\x01\x01" "a\x86R", ARRAY "U\1b]M\1\1a\x86R",
        ARRAY "U\1B]J\xff\xff\xff\xff" "a\x86R",
        ARRAY "U\1i]L99999999999999999999L\na\x86R", ARRAY "U\1Q]L18446744073709551616L\na\x86R",
        ARRAY "U\1Q]L-18446744073709551615L\na\x86R", ARRAY "U\1u]U\1aa\x86R", ARRAY "U\1u]Vxx\na\x86R",
        ARRAY "U\1i" "cm\nf\n)R\x86R", RECONSTRUCTOR "U\1iK\x08" "U\3abctR", RECONSTRUCTOR "U\1iK\x63" "U\4abcdtR",
        RECONSTRUCTOR "U\1iJ\xff\xff\xff\xff" "U\4abcdtR", RECONSTRUCTOR "U\1xK\x08" "U\4abcdtR", RECONSTRUCTOR "tR",
        RECONSTRUCTOR "U\1iK\x16" "U\4abcdtR", RECONSTRUCTOR "U\1iK\x0e" "U\4abcdtR",
        RECONSTRUCTOR "U\1iK\x14" "U\4abcdtR",
        RECONSTRUCTOR "U\1uK\x12" "U\2\x01\xd8tR", RECONSTRUCTOR "U\1uK\x15" "U\4\x01\x11\x01\x01tR",
        RECONSTRUCTOR "U\1iL99999999999999999999L\nU\4abcdtR", RECONSTRUCTOR "U\1iK\x08" "NtR",
        "carray\n_array_reconstructor\n(cm\narray\nU\1iK\x08" "U\4abcdtR",
        "carray\n_array_reconstructor\n(NU\1iK\x08" "U\4abcdtR",
    };
    struct mpm_buf out;
    uint8_t bytes[80];
    size_t len;

    (void)state;
    mpm__buf_init(&out, 0);
    for (size_t i = 0; i < sizeof pickles / sizeof *pickles; i++) {
        len = strlen(pickles[i]);
        for (size_t at = 0; at < len; at++)
            bytes[at] = (uint8_t)pickles[i][at];
        assert_int_equal(repr_of(bytes, len, &out), 0);
        mpm__buf_u8(&out, 0);
        assert_string_equal((const char *)out.data, "<array.array object>");
    }
    mpm__buf_wipe(&out);
}

#define TOKEN(typeid) "cmultiprocessing.managers\nToken\n)\x81" typeid "U\2/xU\2" "1f\x87" "b"

static void
proxies_show_what_they_are_of(void **state)
{
    static const struct example examples[] = {
        EXAMPLE("cmultiprocessing.managers\nRebuildProxy\n(cmultiprocessing.managers\nListProxy\n" TOKEN("U\4list")
            "U\6pickle}tR", "<ListProxy object, typeid 'list' at 0x1f>"),
        EXAMPLE("cmultiprocessing.managers\nRebuildProxy\n(cmultiprocessing.managers\nAutoProxy\n" TOKEN("U\5Queue")
            "U\6pickle}U\7exposed)stR", "<AutoProxy[Queue] object, typeid 'Queue' at 0x1f>"),
        EXAMPLE("cmultiprocessing.managers\nRebuildProxy\n(cmultiprocessing.managers\nListProxy\n" TOKEN("N")
            "U\6pickle}tR", "<multiprocessing.managers.RebuildProxy object>"),
        EXAMPLE("cmultiprocessing.managers\nRebuildProxy\n(NNNNtR", "<multiprocessing.managers.RebuildProxy object>"),
    };

    (void)state;
    CHECK(examples);
}

#define NAMESPACE "cmultiprocessing.managers\nNamespace\n)\x81"
#define VALUE "cmultiprocessing.managers\nValue\n)\x81"

static void
what_managers_share_reads_as_in_python(void **state)
{
    static const struct example examples[] = {
        EXAMPLE(NAMESPACE, "Namespace()"), EXAMPLE(NAMESPACE "}b", "Namespace()"),
        EXAMPLE(NAMESPACE "}(U\1bK\1U\1a]K\2aU\2_xK\3ub", "Namespace(a=[2], b=1)"),
        EXAMPLE(NAMESPACE "}(U\1aK\1U\2a1K\2U\2a_K\3ub", "Namespace(a1=2, a=1, a_=3)"), /* as "a1=2" < "a=1" */
        EXAMPLE(NAMESPACE "}U\2_xK\3sb", "Namespace()"),
        EXAMPLE(NAMESPACE "q\0}U\1xh\0sb", "Namespace(x=...)"),
        EXAMPLE(VALUE "}(U\x09_typecodeU\1iU\6_valueK\7ub", "Value('i', 7)"),
        EXAMPLE("](" VALUE "}(U\x09_typecodeU\1iU\6_value]ubK\1e", "[Value('i', []), 1]"),
        /* made in another way */
        EXAMPLE(NAMESPACE "}K\1K\2sb", "<multiprocessing.managers.Namespace object>"),
        EXAMPLE(NAMESPACE "]b", "<multiprocessing.managers.Namespace object>"),
        EXAMPLE(NAMESPACE "}b}b", "<multiprocessing.managers.Namespace object>"),
        EXAMPLE(VALUE, "<multiprocessing.managers.Value object>"),
        EXAMPLE(VALUE "}U\x09_typecodeU\1isb", "<multiprocessing.managers.Value object>"),
    };

    (void)state;
    CHECK(examples);
}

#define DILL_TYPE "cdill._dill\n_load_type\n"
#define DILL_REPR "cdill._dill\n_eval_repr\n"

static void
what_dill_writes_is_shown_as_what_pickle_writes(void **state)
{
    static const struct example examples[] = {
        EXAMPLE(DILL_TYPE "U\5slice\x85RK\1K\2N\x87R", "slice(1, 2, None)"),
        EXAMPLE(DILL_TYPE "U\7complex\x85RK\1K\2\x86R", "(1+2j)"),
        EXAMPLE(DILL_TYPE "U\x0aValueError\x85RK\1\x85R", "ValueError(1)"),
        EXAMPLE(DILL_TYPE "U\4list\x85R", "<class 'list'>"),
        EXAMPLE("ccollections\ndefaultdict\n" DILL_TYPE "U\4list\x85R\x85R", "defaultdict(<class 'list'>, {})"),
        EXAMPLE(DILL_REPR "U\x0brange(0, 3)\x85R", "range(0, 3)"),
        EXAMPLE(DILL_REPR "U\x08""Ellipsis\x85R", "Ellipsis"),
        EXAMPLE(DILL_REPR "U\x03" "1+1\x85R", "<dill._dill._eval_repr object>"),
        EXAMPLE("cdill._dill\n_create_function\nN\x85R", "<dill._dill._create_function object>"),
    };

    (void)state;
    CHECK(examples);
}

static void
instances_made_in_another_way_are_honest_objects(void **state)
{
    static const struct example examples[] = {
        EXAMPLE("cbuiltins\nset\nK\1\x85R", "<set object>"), EXAMPLE("cbuiltins\nset\n]]\x86R", "<set object>"),
        EXAMPLE("cbuiltins\nset\n]\x85R}b", "<set object>"), EXAMPLE("cbuiltins\ncomplex\nNN\x86R", "<complex object>"),
        EXAMPLE("cbuiltins\nrange\n)R", "<range object>"),
        EXAMPLE("cdatetime\ndate\nC\3abc\x85R", "<datetime.date object>"),
        EXAMPLE("cdatetime\ntimedelta\nK\1\x85R", "<datetime.timedelta object>"),
        EXAMPLE("cdatetime\ntimezone\nK\1\x85R", "<datetime.timezone object>"),
        EXAMPLE("cdecimal\nDecimal\nK\1\x85R", "<decimal.Decimal object>"),
        EXAMPLE("cfractions\nFraction\nU\1-\x85R", "<fractions.Fraction object>"),
        EXAMPLE("cfractions\nFraction\nU\0\x85R", "<fractions.Fraction object>"),
        EXAMPLE("cfractions\nFraction\nU\2/1\x85R", "<fractions.Fraction object>"),
        EXAMPLE("cuuid\nUUID\n)\x81", "<uuid.UUID object>"),
        EXAMPLE("cuuid\nUUID\n)\x81}U\3intJ\xff\xff\xff\xffsb", "<uuid.UUID object>"),
        EXAMPLE("cuuid\nUUID\n)\x81}U\3int\x8a\x11\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1sb", "<uuid.UUID object>"),
        EXAMPLE("ccollections\nOrderedDict\n)RK\1K\2sNb", "<collections.OrderedDict object>"),
        EXAMPLE("ccollections\nOrderedDict\n]K\1a\x85R", "<collections.OrderedDict object>"),
        EXAMPLE("ccollections\ndeque\nK\1\x85R", "<collections.deque object>"),
        EXAMPLE("ccollections\nCounter\nK\1\x85R", "<collections.Counter object>"),
        EXAMPLE("cpathlib\nPosixPath\nK\1\x85R", "<pathlib.PosixPath object>"),
        EXAMPLE("c_codecs\nencode\nX\3\0\0\0\xe2\x82\xacU\6latin1\x86R", "<_codecs.encode object>"),
    };

    (void)state;
    CHECK(examples);
}

static void
limits_are_errors_and_leave_the_buffer_as_it_was(void **state)
{
    static uint8_t bytes[4 * MPM_REPR_DEPTH_MAX];
    struct mpm_checker checker = { 0 };
    struct mpm_doc doc;
    struct mpm_buf out;
    size_t n = MPM_REPR_DEPTH_MAX + 1;

    (void)state;
    mpm__buf_init(&out, 0);
    memset(bytes, ']', n);
    memset(bytes + n, 'a', n);
    assert_int_equal(repr_of(bytes, 2 * n - 1, &out), 0); /* as deep as is allowed: the innermost one is empty */
    n++;
    memset(bytes, ']', n);
    memset(bytes + n, 'a', n);
    assert_int_equal(repr_of(bytes, 2 * n - 1, &out), MPM_ELIMIT);
    assert_int_equal(out.len, 0);

    assert_int_equal(mpm__check(&checker, (const uint8_t *)"U\5abcde", 7, true, &doc, NULL), 0);
    out.max = 6;
    mpm__buf_text(&out, "x");
    assert_int_equal(mpm__repr((struct mpm_ref){ &doc, doc.top }, &out), MPM_ETOOBIG);
    assert_int_equal(out.len, 1);
    mpm__checker_wipe(&checker);
    mpm__buf_wipe(&out);
}

static void
text_out_of_proportion_is_refused(void **state)
{
    struct mpm_buf in, out;

    (void)state;
    mpm__buf_init(&in, 0);
    mpm__buf_init(&out, 0);
    mpm__buf_text(&in, "U\4text");
    for (uint8_t i = 0; i < 40; i++)
        mpm__buf_put(&in, (const uint8_t[]){ 'q', i, 'h', i, 0x86 }, 5); /* a pair of it and itself: 2**40 */
    assert_int_equal(repr_of(in.data, in.len, &out), MPM_ELIMIT);
    mpm__buf_wipe(&in);
    mpm__buf_wipe(&out);
}

static void
looking_for_the_class_of_a_large_instance_again_and_again_is_refused(void **state)
{
    struct mpm_buf in, out;

    (void)state;
    mpm__buf_init(&in, 0);
    mpm__buf_init(&out, 0);
    mpm__buf_text(&in, "(cm\nC\n)\x81q");
    mpm__buf_u8(&in, 0);
    mpm__buf_text(&in, "}(");
    for (int i = 0; i < 20000; i++)
        mpm__buf_text(&in, "K\1K\2");
    mpm__buf_text(&in, "ub");
    for (int i = 0; i < 20000; i++)
        mpm__buf_put(&in, (const uint8_t[]){ 'h', 0 }, 2);
    mpm__buf_text(&in, "t");
    assert_int_equal(repr_of(in.data, in.len, &out), MPM_ELIMIT);
    mpm__buf_wipe(&in);
    mpm__buf_wipe(&out);
}

static void
an_int_beyond_4300_digits_is_out_of_range(void **state)
{
    uint8_t number[1800] = { 0 };
    struct mpm_buf out;

    (void)state;
    mpm__buf_init(&out, 0);
    number[1785] = 0x0c; /* 12 * 256**1785: 4,300 digits */
    assert_int_equal(mpm__repr_bigint(number, 1786, &out), 0);
    assert_int_equal(out.len, 4300);
    number[1785] = 0x7f;
    assert_int_equal(mpm__repr_bigint(number, 1786, &out), MPM_ERANGE);
    assert_int_equal(mpm__repr_bigint(number, sizeof(number), &out), MPM_ERANGE);
    assert_int_equal(out.len, 4300);
    mpm__buf_wipe(&out);
}

/* --- out of memory ------------------------------------------------------------------------------------------------ */

static int
show_many_things(void)
{
    static const char bytes[] = "](]q\0K\1ah\0\x8a\x09\0\0\0\0\0\0\0\0\1V\\u20ac\ncm\nn\n)\x81"
        "ccollections\nOrderedDict\n]]K\1aK\2aa\x85R"
        "ccollections\ndefaultdict\nN\x85RK\1K\2s"
        "ccollections\ndeque\n]K\1aK\3\x86R"
        "ccollections\nCounter\n}(U\1aK\1U\1bK\2u\x85R"
        "cdatetime\ntime\nc_codecs\nencode\nX\6\0\0\0abcdefU\6latin1\x86R"
        "cdatetime\ntimezone\ncdatetime\ntimedelta\nK\0K\0K\0\x87R\x85R\x86R"
        "cuuid\nUUID\n)\x81}U\3intK\5sb"
        "cpathlib\nPosixPath\nU\1aU\1b\x86R"
        ARRAY "U\1f]F0.5\na\x86R" ARRAY "U\1uC\4a\0\0\0\x86R" RECONSTRUCTOR "U\1hK\5C\4\0\1\0\2tR"
        "cbuiltins\nset\n]K\1a\x85R"
        "e";
    struct mpm_buf out;
    int r;

    mpm__buf_init(&out, 0);
    r = repr_of(bytes, sizeof(bytes) - 1, &out);
    assert_true(r == 0 || out.len == 0);
    mpm__buf_wipe(&out);
    return r;
}

static void
each_failing_allocation_is_told_and_nothing_leaks(void **state)
{
    (void)state;
    assert_in_range(mpm_test_fail_until_ok(show_many_things), 20, 1000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_read_as_in_python),
        cmocka_unit_test(containers_and_cycles_read_as_in_python),
        cmocka_unit_test(names_are_shown_as_classes_or_functions),
        cmocka_unit_test(standard_classes_read_as_in_python),
        cmocka_unit_test(arrays_read_as_in_python),
        cmocka_unit_test(arrays_of_other_machines_become_what_they_become_in_python),
        cmocka_unit_test(what_is_no_array_is_shown_as_an_object),
        cmocka_unit_test(proxies_show_what_they_are_of),
        cmocka_unit_test(what_managers_share_reads_as_in_python),
        cmocka_unit_test(what_dill_writes_is_shown_as_what_pickle_writes),
        cmocka_unit_test(instances_made_in_another_way_are_honest_objects),
        cmocka_unit_test(limits_are_errors_and_leave_the_buffer_as_it_was),
        cmocka_unit_test(text_out_of_proportion_is_refused),
        cmocka_unit_test(looking_for_the_class_of_a_large_instance_again_and_again_is_refused),
        cmocka_unit_test(an_int_beyond_4300_digits_is_out_of_range),
        cmocka_unit_test(each_failing_allocation_is_told_and_nothing_leaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

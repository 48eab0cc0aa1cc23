#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "support/support.h"
#include "value/canon.h"

/* Values of one line are equal to each other and to those of no other line. Pickles without PROTO and STOP. */
struct pickle {
    const char *bytes;
    size_t len;
};

#define P(literal) { literal, sizeof(literal) - 1 }
#define DILL_TYPE "cdill._dill\n_load_type\n"
#define DILL_REPR "cdill._dill\n_eval_repr\n"
#define SAME_MAX 24

/* Checks, stores, and makes the form by each way. */
static int
canon_of(const void *bytes, size_t len, struct mpm_canon *canon)
{
    struct mpm_checker checker = { 0 };
    struct mpm_canon again = { 0 };
    struct mpm_value v = { 0 };
    struct mpm_doc doc;
    struct mpm_ref ref;
    int r = mpm__check(&checker, bytes, len, true, &doc, NULL);

    if (r == 0) {
        ref = (struct mpm_ref){ &doc, doc.top };
        r = mpm__canon(ref, canon);
    }
    if (r == 0)
        r = mpm_keep(ref, &v);
    if (r == 0)
        r = mpm__canon_value(&v, &again);
    if (r == 0) {
        assert_int_equal(canon->bytes.len, again.bytes.len);
        assert_memory_equal(canon->bytes.data, again.bytes.data, again.bytes.len);
        assert_ptr_equal(canon->unhashable, again.unhashable);
        assert_int_equal(canon->is_nan, again.is_nan);
        r = mpm__canon_equals(&v, canon, &again);
        if (r >= 0)
            assert_int_equal(r, !canon->is_nan);
        r = r < 0 ? r : 0;
    }
    mpm_drop(&v);
    mpm__canon_wipe(&again);
    mpm__checker_wipe(&checker);
    return r;
}

static const struct pickle classes[][SAME_MAX] = {
    { P("K\1"), P("M\1\0"), P("J\1\0\0\0"), P("I1\n"), P("L1L\n"), P("\x8a\1\1"), P("\x8a\3\1\0\0"), P("I01\n"), P("\x88"),
        P("\x8b\1\0\0\0\1"), P("G\x3f\xf0\0\0\0\0\0\0"), P("F1\n"),
        P("cbuiltins\ncomplex\nG\x3f\xf0\0\0\0\0\0\0G\0\0\0\0\0\0\0\0\x86R"), P("cdecimal\nDecimal\nU\4""1.00\x85R"),
        P("cdecimal\nDecimal\nU\5""10E-1\x85R"), P("cfractions\nFraction\nK\2K\2\x86R"), P("cfractions\nFraction\nU\1""1\x85R"),
        P("cfractions\nFraction\nU\3""2/2\x85R") },
    { P("K\0"), P("\x8a\0"), P("\x89"), P("G\0\0\0\0\0\0\0\0"), P("G\x80\0\0\0\0\0\0\0"), P("L-0L\n"),
        P("cdecimal\nDecimal\nU\2-0\x85R"), P("cdecimal\nDecimal\nU\5""0E+99\x85R"), P("cdecimal\nDecimal\nU\5""-0.00\x85R") },
    { P("G\x3f\xe0\0\0\0\0\0\0"), P("cdecimal\nDecimal\nU\3""0.5\x85R"), P("cfractions\nFraction\nU\3""1/2\x85R"),
        P("cfractions\nFraction\nK\1K\2\x86R") },
    { P("cdecimal\nDecimal\nU\3""0.1\x85R"), P("cfractions\nFraction\nU\4""1/10\x85R"),
        P("cfractions\nFraction\nK\2K\x14\x86R") },
    { P("G\x3f\xb9\x99\x99\x99\x99\x99\x9a") }, /* 0.1 is not that */
    { P("cfractions\nFraction\nU\4-1/3\x85R"), P("cfractions\nFraction\nJ\xff\xff\xff\xffK\3\x86R"),
        P("cfractions\nFraction\nJ\xfe\xff\xff\xffK\6\x86R") },
    { P("\x8a\7\1\0\0\0\0\0\x20"), P("cdecimal\nDecimal\nU\x10""9007199254740993\x85R") }, /* 2**53 + 1 */
    { P("G\x43\x40\0\0\0\0\0\0"), P("\x8a\7\0\0\0\0\0\0\x20") },
    { P("\x8a\x09\0\0\0\0\0\0\0\0\1"), P("G\x43\xf0\0\0\0\0\0\0"), P("cdecimal\nDecimal\nU\x14""18446744073709551616\x85R"),
        P("L18446744073709551616L\n") },
    { P("\x8a\x08\0\0\0\0\0\0\0\x80"), P("G\xc3\xe0\0\0\0\0\0\0") },
    { P("\x8a\x09\0\0\0\0\0\0\0\x80\0"), P("G\x43\xe0\0\0\0\0\0\0") },
    { P("cdecimal\nDecimal\nU\5""1E+25\x85R"), P("\x8a\x0b\0\0\0\x4a\x48\x01\x14\x16\x95\x45\x08") },
    { P("cdecimal\nDecimal\nU\x12""1E+999999999999999\x85R"), P("cdecimal\nDecimal\nU\x13""10E+999999999999998\x85R") },
    { P("cdecimal\nDecimal\nU\x12""1E-999999999999999\x85R") },
    { P("G\x7f\xf0\0\0\0\0\0\0"), P("cdecimal\nDecimal\nU\10Infinity\x85R"), P("Finf\n") },
    { P("G\xff\xf0\0\0\0\0\0\0"), P("cdecimal\nDecimal\nU\11-Infinity\x85R") },
    { P("cbuiltins\ncomplex\nF1\nF2\n\x86R"), P("c__builtin__\ncomplex\nK\1K\2\x86R"),
        P(DILL_TYPE "U\7complex\x85RK\1K\2\x86R") },
    { P("cbuiltins\nEllipsis\n"), P(DILL_REPR "U\x08""Ellipsis\x85R") },
    { P("N") },
    { P("\x8c\1a"), P("X\1\0\0\0a"), P("\x8d\1\0\0\0\0\0\0\0a"), P("Va\n"), P("U\1a"), P("S'a'\n"), P("S\"\\x61\"\n"),
        P("T\1\0\0\0a"), P("V\\u0061\n"), P("\x8c\1aq\0") },
    { P("C\1a"), P("B\1\0\0\0a"), P("\x96\1\0\0\0\0\0\0\0a"), P("\x8e\1\0\0\0\0\0\0\0a"), P("c_codecs\nencode\nX\1\0\0\0aU\6latin1\x86R"),
        P("cbuiltins\nbytearray\nC\1a\x85R"), P("cbuiltins\nbytearray\nX\1\0\0\0aU\7latin-1\x86R"),
        P("c__builtin__\nbytearray\nX\1\0\0\0aU\7latin-1\x86R") },
    { P("C\1\xff"), P("U\1\xff"), P("c_codecs\nencode\nX\2\0\0\0\xc3\xbfU\6latin1\x86R") },
    { P("\x8c\2\xc3\xbf"), P("V\xff\n") },
    { P("C\0"), P("cbuiltins\nbytes\n)R"), P("cbuiltins\nbytearray\n)R") },
    { P("\x8c\0"), P("U\0"), P("V\n") },
    { P(")"), P("(t") },
    { P("]"), P("(l"), P("cbuiltins\nlist\n)R") },
    { P("}"), P("(d"), P("ccollections\nOrderedDict\n)R"), P("ccollections\nOrderedDict\n]\x85R"),
        P("ccollections\ndefaultdict\ncbuiltins\nint\n\x85R"), P("ccollections\nCounter\n}\x85R") },
    { P("\x8f"), P("(\x91"), P("cbuiltins\nset\n]\x85R"), P("c__builtin__\nfrozenset\n]\x85R"), P("cbuiltins\nset\n)R") },
    { P("K\1K\2\x86"), P("(K\1K\2t"), P("(K\1I2\ntp0\n"), P("(\x88G\x40\0\0\0\0\0\0\0t") },
    { P("K\2K\1\x86") },
    { P("](K\1K\2e"), P("]K\1aK\2a"), P("(K\1K\2l"), P("(lp0\nI1\naI2\na"), P("](K\1ep1\n(K\2e"),
        P("cbuiltins\nlist\nK\1K\2\x86\x85R") },
    { P("}(K\1K\2K\3K\4u"), P("}K\3K\4sK\1K\2s"), P("(K\3K\4K\1K\2d"), P("}(K\1K\7K\1K\2K\3K\4u"),
        P("ccollections\nOrderedDict\n)R(K\3K\4K\1K\2u"), P("ccollections\nOrderedDict\n]](K\3K\4ea](K\1K\2ea\x85R"),
        P("ccollections\ndefaultdict\n)R(K\1K\2K\3K\4u"), P("ccollections\nCounter\n}(K\3K\4\x88K\2u\x85R") },
    { P("\x8f(K\1K\2\x90"), P("\x8f(K\2K\1K\2\x90"), P("(K\1K\2\x91"), P("cbuiltins\nset\n](K\2K\1e\x85R"),
        P("cbuiltins\nfrozenset\n](K\2K\1e\x85R"), P("c__builtin__\nset\n](K\2K\1e\x85R"), P("\x8f(K\2q\0h\0K\1\x90") },
    { P("ccollections\ndeque\n)R(K\1K\2e"), P("ccollections\ndeque\n](K\1K\2eK\5\x86R"), P("ccollections\ndeque\n]K\5\x86R(K\1K\2e"),
        P("ccollections\ndeque\n](K\1K\2e\x85R") },
    { P("cbuiltins\nint\n"), P("c__builtin__\nint\n"), P("\x8c\x08""builtins\x8c\3int\x93"), P("c__builtin__\nlong\n"),
        P(DILL_TYPE "U\3int\x85R") },
    { P("cbuiltins\nrange\nK\0K\3K\2\x87R"), P("c__builtin__\nxrange\nK\0K\4K\2\x87R"),
        P(DILL_REPR "U\x0e""range(0, 4, 2)\x85R") },
    { P("cbuiltins\nrange\nK\1K\1K\1\x87R"), P("cbuiltins\nrange\nK\5K\1K\1\x87R") },
    { P("cbuiltins\nslice\nK\1K\2N\x87R"), P(DILL_TYPE "U\5slice\x85RK\1K\2N\x87R") },
    { P("cdatetime\ntimedelta\nK\1K\0K\0\x87R") },
    { P("cdatetime\ntimezone\ncdatetime\ntimedelta\nK\0K\0K\0\x87R\x85R"),
        P("cdatetime\ntimezone\ncdatetime\ntimedelta\nK\0K\0K\0\x87RU\1x\x86R") },
    { P("cdatetime\ndatetime\nC\x0a\7\xd0\1\2\3\4\5\0\0\0\x85R"), P("cdatetime\ndatetime\nC\x0a\7\xd0\x81\2\3\4\5\0\0\0\x85R"),
        P("cdatetime\ndatetime\nU\x0a\7\xd0\1\2\3\4\5\0\0\0\x85R"),
        P("cdatetime\ndatetime\nc_codecs\nencode\nX\x0b\0\0\0\7\xc3\x90\1\2\3\4\5\0\0\0U\6latin1\x86R\x85R") },
    { P("cdatetime\ndatetime\nC\x0a\7\xd0\1\2\3\4\5\0\0\0cdatetime\ntimezone\ncdatetime\ntimedelta\nK\0K\0K\0\x87R\x85R\x86R"),
        P("cdatetime\ndatetime\nC\x0a\7\xd0\1\2\4\4\5\0\0\0cdatetime\ntimezone\ncdatetime\ntimedelta\nK\0M\x10\x0eK\0\x87R\x85R\x86R") },
    { P("cmod\nC\n)\x81"), P("ccopy_reg\n_reconstructor\ncmod\nC\nc__builtin__\nobject\nN\x87R"), P("(imod\nC\n"),
        P("(cmod\nC\no"), P("cmod\nC\n)\x81}b"), P("cmod\nC\n)\x81Nb"), P("cmod\nC\n)}\x92"), P("ccopyreg\n__newobj__\ncmod\nC\n\x85R") },
    { P("cmod\nC\n)\x81}(K\1K\2K\3K\4ub"), P("cmod\nC\n)\x81}(K\3K\4K\1K\2ub") },
    { P("cmod\nC\n)}K\1K\2s\x92"), P("cmod\nC\n)\x81}K\1K\2sb") },
    { P("cmod\nC\n)\x81(K\1K\2u"), P("cmod\nC\n)\x81K\1K\2s") },
    { P("cmod\nC\n)\x81K\1a") },
    { P("cmod\nC\n)\x81K\1b") },
    { P("cmod\nD\n)\x81") },
    { P("cmod\nC\nK\1\x85R"), P("(K\1imod\nC\n"), P("(cmod\nC\nK\1o") },
    { P("cmod\nC\n)\x81(K\1K\2K\3K\4u"), P("cmod\nC\n)\x81(K\3K\4K\3K\5K\3K\4K\1K\2u") },
    { P("cmod\nC\n)\x81(K\1K\2K\3K\4uK\7b"), P("cmod\nC\n)\x81(K\3K\4K\3K\5K\3K\4K\1K\2uK\7b") },
    /* references; what was popped may be referred to yet */
    { P("](]K\7ae"), P("](]q\0K\7a0h\0e") },
    { P("cmod\nC\n)\x81q\0cmod\nset\nh\0K\1\x86R0"), P("cmod\nC\n)\x81q\0cmod\nset\nh\0I1\n\x86R0") },
    { P("](K\1K\2e]q\0K\1ah\0\x87"), P("](K\1K\2e]K\1a]K\1a\x87") },
    { P("](]q\0K\1ah\0h\0e"), P("](]K\1a]K\1a]K\1ae") },
    { P("}(]q\0\x85q\1h\0h\0h\1u"), P("}(]\x85]]]\x85u") }, /* unhashable keys, but a form they have */
    { P("](}q\0(K\2K\3K\1K\2K\2K\3u\x8fq\1(K\3K\2K\3\x90h\0h\1e"),
        P("](}(K\1K\2K\2K\3u\x8f(K\2K\3\x90}(K\1K\2K\2K\3u\x8f(K\2K\3\x90""e") },
};

#define N_CLASSES (sizeof classes / sizeof *classes)

static void
equal_values_have_equal_bytes_and_others_have_others(void **state)
{
    static struct mpm_canon all[N_CLASSES][SAME_MAX];
    size_t n[N_CLASSES];
    struct mpm_canon *a, *b;
    bool equal;

    (void)state;
    for (size_t i = 0; i < N_CLASSES; i++)
        for (n[i] = 0; n[i] < SAME_MAX && classes[i][n[i]].bytes != NULL; n[i]++)
            if (canon_of(classes[i][n[i]].bytes, classes[i][n[i]].len, &all[i][n[i]]) != 0)
                fail_msg("value %zu of line %zu has no form", n[i], i);
    for (size_t i = 0; i < N_CLASSES; i++)
        for (size_t x = 0; x < n[i]; x++)
            for (size_t j = 0; j < N_CLASSES; j++)
                for (size_t y = 0; y < n[j]; y++) {
                    a = &all[i][x];
                    b = &all[j][y];
                    equal = a->bytes.len == b->bytes.len && memcmp(a->bytes.data, b->bytes.data, b->bytes.len) == 0;
                    if (equal != (i == j))
                        fail_msg("value %zu of line %zu and value %zu of line %zu are%s equal", x, i, y, j, equal ? "" : " not");
                }
    for (size_t i = 0; i < N_CLASSES; i++)
        for (size_t x = 0; x < SAME_MAX; x++)
            mpm__canon_wipe(&all[i][x]);
}

static void
what_hash_refuses_is_named(void **state)
{
    static const struct {
        struct pickle pickle;
        const char *type;
    } examples[] = {
        { P("]"), "list" }, { P("}"), "dict" }, { P("\x8f"), "set" }, { P("\x96\0\0\0\0\0\0\0\0"), "bytearray" },
        { P("cbuiltins\nbytearray\n)R"), "bytearray" }, { P("cbuiltins\nset\n]\x85R"), "set" }, { P("K\1]\x86"), "list" },
        { P("}]\x86"), "dict" }, { P("]q\0h\0\x86"), "list" }, { P("K\1}\x85\x86"), "dict" }, { P("(K\1\x91"), NULL },
        { P("cbuiltins\nfrozenset\n]\x85R"), NULL }, { P("cmod\nC\n)\x81}b"), NULL }, { P("cmod\nC\n]\x85R"), NULL },
        { P("ccollections\nOrderedDict\n)R"), "collections.OrderedDict" }, { P("ccollections\ndeque\n)R"), "collections.deque" },
        { P("ccollections\ndefaultdict\n)R"), "collections.defaultdict" }, { P("ccollections\nCounter\n}\x85R"), "Counter" },
        { P("carray\narray\nU\1i]\x86R"), "array.array" }, { P("U\1a"), NULL }, { P("N"), NULL },
        { P("(]q\0lq\1h\0\x86"), "list" },
    };
    struct mpm_canon canon = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        assert_int_equal(canon_of(examples[i].pickle.bytes, examples[i].pickle.len, &canon), 0);
        if (examples[i].type == NULL)
            assert_null(canon.unhashable);
        else
            assert_string_equal(canon.unhashable, examples[i].type);
    }
    mpm__canon_wipe(&canon);
}

static void
a_nan_equals_nothing(void **state)
{
    static const struct pickle nans[] = { P("Fnan\n"), P("G\x7f\xf8\0\0\0\0\0\0"), P("G\xff\xf8\0\0\0\0\0\1\x85"),
        P("cdecimal\nDecimal\nU\3NaN\x85R"), P("cdecimal\nDecimal\nU\7-sNaN12\x85R"), P("}K\1Fnan\ns"),
        P("cbuiltins\ncomplex\nFnan\nK\0\x86R"), P("cmod\nC\n)\x81""Fnan\nb") };
    struct mpm_canon canon = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof nans / sizeof *nans; i++) {
        assert_int_equal(canon_of(nans[i].bytes, nans[i].len, &canon), 0);
        assert_true(canon.is_nan);
    }
    mpm__canon_wipe(&canon);
}

static void
what_contains_itself_has_no_form_and_equals_nothing(void **state)
{
    static const struct pickle circles[] = { P("]q\0h\0a"), P("}q\0K\1h\0s"), P("]q\0(h\0K\1\x86q\1h\1e"), P("((lp0\n(g0\ntp1\na00g1\n"),
        P("cmod\nC\n)\x81q\0}K\1h\0sb"), P("](]q\0h\0ae"), P("ccollections\ndeque\n)Rq\0h\0a") };
    struct mpm_checker checker = { 0 };
    struct mpm_canon canon = { 0 }, scratch = { 0 };
    struct mpm_value v;
    struct mpm_doc doc;

    (void)state;
    for (size_t i = 0; i < sizeof circles / sizeof *circles; i++) {
        assert_int_equal(canon_of(circles[i].bytes, circles[i].len, &canon), MPM_ELIMIT);
        assert_int_equal(mpm__check(&checker, (const uint8_t *)circles[i].bytes, circles[i].len, true, &doc, NULL), 0);
        assert_int_equal(mpm_keep((struct mpm_ref){ &doc, doc.top }, &v), 0);
        assert_int_equal(canon_of("]", 1, &canon), 0);
        assert_int_equal(mpm__canon_equals(&v, &canon, &scratch), 0);
        mpm_drop(&v);
    }
    mpm__canon_wipe(&canon);
    mpm__canon_wipe(&scratch);
    mpm__checker_wipe(&checker);
}

static void
a_form_out_of_proportion_is_refused(void **state)
{
    struct mpm_buf in = { 0 };
    struct mpm_canon canon = { 0 };

    (void)state;
    mpm__buf_text(&in, "U\4text");
    for (uint8_t i = 0; i < 40; i++)
        mpm__buf_put(&in, (const uint8_t[]){ 'q', i, 'h', i, 0x86 }, 5); /* a pair of it and itself: 2**40 */
    assert_int_equal(canon_of(in.data, in.len, &canon), MPM_ELIMIT);
    mpm__buf_wipe(&in);
    mpm__canon_wipe(&canon);
}

static void
work_for_long_numbers_is_bounded(void **state)
{
    enum { LEN = 4 << 20 };
    struct mpm_buf in = { 0 };
    struct mpm_canon canon = { 0 };
    uint8_t *at;

    (void)state;
    mpm__buf_text(&in, "\x8b"); /* no factor of 5 but 5 itself: quick */
    mpm__buf_le(&in, LEN, 4);
    at = mpm__buf_add(&in, LEN);
    assert_non_null(at);
    memset(at, 0x33, LEN);
    at[LEN - 1] = 0x13;
    assert_int_equal(canon_of(in.data, in.len, &canon), 0);
    mpm__buf_clear(&in);
    mpm__buf_text(&in, "]("); /* each of these has its price */
    for (int i = 0; i < 200000; i++)
        mpm__buf_text(&in, "\x8c\x09""9.99E-999\x94");
    mpm__buf_text(&in, "e");
    assert_int_equal(canon_of(in.data, in.len, &canon), 0);
    mpm__buf_wipe(&in);
    mpm__canon_wipe(&canon);
}

static int
make_some(void)
{
    static const struct pickle p = P("](}q\0(K\2K\3K\1K\2K\2K\3u\x8fq\1(K\3K\2K\3\x90h\0h\1\x8a\x09\0\0\0\0\0\0\0\x05\1cdecimal\nDecimal\n"
        "U\x14""18446744073709551615\x85RVa\\u1234\ncmod\nC\n)\x81}(K\3K\4K\1K\2ubc_codecs\nencode\nX\1\0\0\0aU\6latin1\x86R"
        "(K\1imod\nC\ncmod\nC\n)}K\1K\2s\x92""cfractions\nFraction\nU\4-1/3\x85Re");
    struct mpm_canon canon = { 0 };
    int r = canon_of(p.bytes, p.len, &canon);

    mpm__canon_wipe(&canon);
    return r;
}

static void
memory_that_fails_is_an_error(void **state)
{
    (void)state;
    assert_true(mpm_test_fail_until_ok(make_some) > 10);
}

static void
small_values_take_no_memory_once_there_is_some(void **state)
{
    static const struct pickle small[] = { P("K\1"), P("\x8c\5hello"), P("G\x3f\xe0\0\0\0\0\0\0"), P("N"), P("K\1K\2\x86") };
    struct mpm_canon canon = { 0 }, scratch = { 0 };
    struct mpm_checker checker = { 0 };
    struct mpm_value v[5];
    struct mpm_doc doc;

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(mpm__check(&checker, (const uint8_t *)small[i].bytes, small[i].len, true, &doc, NULL), 0);
        assert_int_equal(mpm_keep((struct mpm_ref){ &doc, doc.top }, &v[i]), 0);
        assert_int_equal(mpm__canon_value(&v[i], &canon), 0);
        assert_int_equal(mpm__canon_value(&v[i], &scratch), 0);
    }
    mpm_test_alloc_begin();
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(mpm__canon_value(&v[i], &canon), 0);
        for (size_t j = 0; j < 5; j++)
            assert_int_equal(mpm__canon_equals(&v[j], &canon, &scratch), i == j);
    }
    assert_int_equal(mpm_test_alloc_count(), 0);
    mpm_test_alloc_end();
    mpm__canon_wipe(&canon);
    mpm__canon_wipe(&scratch);
    mpm__checker_wipe(&checker);
}

static void
the_hash_depends_on_the_key(void **state)
{
    static const uint8_t keys[2][16] = { { 1 }, { 2 } };
    struct mpm_canon a = { 0 }, b = { 0 };

    (void)state;
    assert_int_equal(canon_of("K\1", 2, &a), 0);
    assert_int_equal(canon_of("\x88", 1, &b), 0);
    assert_true(mpm__canon_hash(&a, keys[0]) == mpm__canon_hash(&b, keys[0]));
    assert_true(mpm__canon_hash(&a, keys[0]) != mpm__canon_hash(&a, keys[1]));
    mpm__canon_wipe(&a);
    mpm__canon_wipe(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_values_have_equal_bytes_and_others_have_others),
        cmocka_unit_test(what_hash_refuses_is_named),
        cmocka_unit_test(a_nan_equals_nothing),
        cmocka_unit_test(what_contains_itself_has_no_form_and_equals_nothing),
        cmocka_unit_test(a_form_out_of_proportion_is_refused),
        cmocka_unit_test(work_for_long_numbers_is_bounded),
        cmocka_unit_test(memory_that_fails_is_an_error),
        cmocka_unit_test(small_values_take_no_memory_once_there_is_some),
        cmocka_unit_test(the_hash_depends_on_the_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

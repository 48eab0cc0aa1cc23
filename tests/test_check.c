#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "pickle/check.h"
#include "pickle/opcodes.h"
#include "support/support.h"

static struct mpm_checker checker;
static struct mpm_doc doc;
static struct mpm_error err;

static int
wipe(void **state)
{
    (void)state;
    mpm__checker_wipe(&checker);
    return 0;
}

static int
check_n(const void *bytes, size_t len)
{
    uint8_t *copy = mpm_test_guard(bytes, len);
    int r;

    memset(&err, 0, sizeof err);
    r = mpm__check(&checker, copy, len, false, &doc, &err);
    mpm_test_guard_free(copy, len);
    return r;
}

#define CHECK(literal) check_n(literal, sizeof(literal) - 1)

static void
each_malformed_pickle_is_refused_where_it_breaks(void **state)
{
#define CASE(literal, code, offset, text) { literal, sizeof(literal) - 1, code, offset, text }
    static const struct {
        const char *bytes;
        size_t len;
        int code;
        uint64_t offset;
        const char *text;
    } cases[] = {
        CASE("", MPM_EBADPICKLE, 0, "Ran out of input"),
        CASE("\x80", MPM_EBADPICKLE, 0, "PROTO"),
        CASE("\x80\x06N.", MPM_EBADPICKLE, 0, "unsupported pickle protocol: 6"),
        CASE("N\x80\x04.", MPM_EBADPICKLE, 1, "only the first opcode"),
        CASE("N", MPM_EBADPICKLE, 1, "without STOP"),
        CASE(".", MPM_EBADPICKLE, 0, "with 0 values"),
        CASE("NN.", MPM_EBADPICKLE, 2, "with 2 values"),
        CASE("(N.", MPM_EBADPICKLE, 2, "and a mark"),
        CASE("N.N", MPM_EBADPICKLE, 2, "1 bytes follow"),
        CASE("\xff.", MPM_EBADPICKLE, 0, "unknown opcode 0xff"),
        CASE("h\0.", MPM_EBADPICKLE, 0, "no memo entry 0"),
        CASE("]q\0h\1.", MPM_EBADPICKLE, 3, "no memo entry 1"),
        CASE("q\0N.", MPM_EBADPICKLE, 0, "nothing to name"),
        CASE("(q\0t.", MPM_EBADPICKLE, 1, "nothing to name"),
        CASE("Nr\xff\xff\xff\x7f.", MPM_EBADPICKLE, 1, "larger than the message"),
        CASE("0N.", MPM_EBADPICKLE, 0, "nothing to pop"),
        CASE("t.", MPM_EBADPICKLE, 0, "no mark"),
        CASE("1N.", MPM_EBADPICKLE, 0, "no mark"),
        CASE("Na.", MPM_EBADPICKLE, 1, "too few"),
        CASE("NNa.", MPM_EBADPICKLE, 2, "not added to a list"),
        CASE("](Nu.", MPM_EBADPICKLE, 3, "not added to a dict"),
        CASE("}(Nu.", MPM_EBADPICKLE, 3, "a key without a value"),
        CASE("}NNa.", MPM_EBADPICKLE, 3, "not added to a list"),
        CASE("](N\x90.", MPM_EBADPICKLE, 3, "not added to a set"),
        CASE("(Nd.", MPM_EBADPICKLE, 2, "a key without a value"),
        CASE("(e.", MPM_EBADPICKLE, 1, "nothing to add to"),
        CASE("](Ns.", MPM_EBADPICKLE, 3, "too few"),
        CASE("N(\x85.", MPM_EBADPICKLE, 2, "too few"),
        CASE("N)R.", MPM_EBADPICKLE, 2, "nothing that can be called"),
        CASE("ca\nb\nNR.", MPM_EBADPICKLE, 6, "not a tuple"),
        CASE("ca\nb\n)N\x92.", MPM_EBADPICKLE, 7, "not a dict"),
        CASE("]Nb.", MPM_EBADPICKLE, 2, "no instance"),
        CASE("NN\x93.", MPM_EBADPICKLE, 2, "must be str"),
        CASE("(No.", MPM_EBADPICKLE, 2, "no class"),
        CASE("\x8c\2\xc3(.", MPM_EBADPICKLE, 0, "not UTF-8"),
        CASE("X\x05\0\0\0ab.", MPM_EBADPICKLE, 0, "beyond the end"),
        CASE("\x8b\xff\xff\xff\xff.", MPM_EBADPICKLE, 0, "beyond the end"),
        CASE("\x8e\0\0\0\0\0\0\0\x80.", MPM_EBADPICKLE, 0, "beyond the end"),
        CASE("\x95\x09\0\0\0\0\0\0\0N.", MPM_EBADPICKLE, 0, "frame goes beyond"),
        CASE("Iabc\n.", MPM_EBADPICKLE, 0, "decimal integer"),
        CASE("I12", MPM_EBADPICKLE, 0, "inside its text"),
        CASE("L\n.", MPM_EBADPICKLE, 0, "decimal integer"),
        CASE("F1e\n.", MPM_EBADPICKLE, 0, "not a number"),
        CASE("Sabc\n.", MPM_EBADPICKLE, 0, "not quoted"),
        CASE("S'a\\'\n.", MPM_EBADPICKLE, 0, "not quoted"),
        CASE("V\\u12\n.", MPM_EBADPICKLE, 0, "escape"),
        CASE("V\\U00110000\n.", MPM_EBADPICKLE, 0, "escape"),
        CASE("gx\n.", MPM_EBADPICKLE, 0, "not a memo index"),
        CASE("Pid\n.", MPM_EUNSUP, 0, "persistent ids"),
        CASE("NQ.", MPM_EUNSUP, 1, "persistent ids"),
        CASE("\x82\1.", MPM_EUNSUP, 0, "extension codes"),
        CASE("\x97.", MPM_EUNSUP, 0, "out-of-band"),
        CASE("N\x98.", MPM_EUNSUP, 1, "out-of-band"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int r = check_n(cases[i].bytes, cases[i].len);

        if (r != cases[i].code || err.offset != cases[i].offset || strstr(err.text, cases[i].text) == NULL)
            fail_msg("case %zu (%s): code %d, offset %d, \"%s\"", i, cases[i].text, r, (int)err.offset, err.text);
    }
}

static void
each_well_formed_pickle_is_accepted(void **state)
{
#define GOOD(literal) { literal, sizeof(literal) - 1 }
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        GOOD("N."), GOOD("\x80\x05N."), GOOD("(l."), GOOD("(d."), GOOD("(t."), GOOD("(]}\x8ft."), GOOD("]p0\ng0\na."),
        GOOD("I01\n."), GOOD("I-7\n."), GOOD("L123456789012345678901234567890L\n."), GOOD("L5\n."), GOOD("F-1.5e300\n."),
        GOOD("Fnan\n."), GOOD("F-inf\n."), GOOD("S'a\"\\'\\x41\\n'\n."), GOOD("V\\u20ac\\U0001f600\xe9\n."), GOOD("V\\\\u\n."),
        GOOD("(cm\nC\nI1\no."), GOOD("(I1\nim\nC\n."), GOOD("cm\nC\n)\x81}b."), GOOD("cm\nC\n)}\x92."),
        GOOD("cm\nC\n)R(NNe(NNu."), GOOD("]q\0h\0\x85q\1a0h\1."), GOOD("((NN1N\x85t."), GOOD("N(0."), GOOD("]2a."),
        GOOD("\x8c\3\xed\xa0\x80\x94."), GOOD("(NN\x91."), GOOD("\x8f(NN\x90."), GOOD("}\x94(K\1h\0u."),
        GOOD("Nq\5\x94."), /* both ways to number the memo */
        GOOD("(Nq\0]q\0h\0t."), /* a number taken twice, as by 2.7 */
        GOOD("\x95\2\0\0\0\0\0\0\0N."),
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (check_n(cases[i].bytes, cases[i].len) != 0)
            fail_msg("case %zu: %s", i, err.text);
}

static void
every_cut_of_a_good_pickle_is_refused(void **state)
{
    static const char good[] = "\x80\x04\x95\x1c\0\0\0\0\0\0\0(N\x8c\6create\x94\x8c\5Queue\x94K\2\x86\x94}\x94t\x94.";

    (void)state;
    assert_int_equal(CHECK(good), 0);
    for (size_t len = 0; len < sizeof good - 1; len++)
        assert_int_not_equal(check_n(good, len), 0);
}

static void
nesting_beyond_the_limit_is_refused(void **state)
{
    size_t n = MPM_PICKLE_DEPTH_MAX + 1;
    uint8_t *bytes = malloc(2 * n + 2);

    (void)state;
    /* lists in lists, tuples of one, marks in marks */
    memset(bytes, ']', n);
    memset(bytes + n, 'a', n - 1);
    bytes[2 * n - 1] = '.';
    assert_int_equal(check_n(bytes, 2 * n), MPM_ELIMIT);
    assert_non_null(strstr(err.text, "nested deeper"));
    assert_int_equal(check_n(bytes + 1, 1), MPM_EBADPICKLE);
    bytes[0] = 'N';
    memset(bytes + 1, MPM_OP_TUPLE1, n);
    bytes[n + 1] = '.';
    assert_int_equal(check_n(bytes, n + 2), MPM_ELIMIT);
    memset(bytes, '(', n);
    memset(bytes + n, 't', n);
    bytes[2 * n] = '.';
    assert_int_equal(check_n(bytes, 2 * n + 1), MPM_ELIMIT);
    /* one level less is fine */
    memset(bytes, ']', n - 1);
    memset(bytes + n - 1, 'a', n - 2);
    bytes[2 * n - 3] = '.';
    assert_int_equal(check_n(bytes, 2 * n - 2), 0);
    free(bytes);
}

static void
the_parts_of_a_request_are_noted(void **state)
{
    static const char request[] = "\x80\x04(\x8c\1" "1\x94\x8c\1m\x94K\1](K\2K\3e}\x87\x94}\x94t\x94.";

    (void)state;
    assert_int_equal(mpm__check(&checker, (const uint8_t *)request, sizeof request - 1, false, &doc, &err), 0);
    assert_int_equal(doc.protocol, 4);
    assert_int_equal(doc.n_fields, 4);
    assert_int_equal(doc.n_args, 3);
    assert_int_equal(doc.args[0].start, 11);
    assert_int_equal(doc.args[1].start, 13);
    assert_int_equal(doc.args[1].end, 20);
    assert_int_equal(doc.bytes[doc.args[1].root], ']');
    assert_int_equal(doc.args[2].end, 21);
    assert_int_equal(doc.fields[3].start, 23);
}

/* What was made and thrown away before a reference to it belongs to the value, as in a recursive tuple. */
static void
a_reference_begins_where_what_was_popped_for_it_does(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } pickles[] = { { "((Nq\0001h\000\211h\000t.", 13 }, { "(K\1q\0000h\000Nt.", 11 } };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(mpm__check(&checker, (const uint8_t *)pickles[i].bytes, pickles[i].len, false, &doc, &err), 0);
        assert_int_equal(doc.n_fields, 3 - i);
        assert_int_equal(doc.fields[0].start, 1);
        assert_int_equal(doc.fields[0].root, 6);
        assert_int_equal(doc.fields[0].end, 8);
    }
}

static void
children_are_found_where_they_stand(void **state)
{
    static const char value[] = "]q\0(K\1K\2K\3\x86(NtecM\nC\n)\x81}K\7K\10sba.";
    struct mpm_items items = { 0 };

    (void)state;
    assert_int_equal(mpm__check(&checker, (const uint8_t *)value, sizeof value - 1, false, &doc, &err), 0);
    assert_int_equal(mpm__children(&doc, doc.top, &items), 0);
    assert_int_equal(items.n, 4); /* 1, (2, 3), (None,), the instance */
    assert_int_equal(doc.bytes[items.v[1].root], MPM_OP_TUPLE2);
    assert_int_equal(items.v[1].start, 6);
    assert_int_equal(items.v[1].end, 11);
    assert_int_equal(doc.bytes[items.v[3].root], MPM_OP_NEWOBJ);
    items.n = 0;
    assert_int_equal(mpm__children(&doc, (struct mpm_item){ 15, 21, 29 }, &items), 0);
    assert_int_equal(items.n, 3); /* class, args, state */
    assert_int_equal(doc.bytes[items.v[2].root], '}');
    mpm__items_wipe(&items);
}

static void
a_reference_is_followed_to_all_of_its_value(void **state)
{
    static const char value[] = "(]q\0(K\1K\2eK\3h\0t.";
    struct mpm_item item;

    (void)state;
    assert_int_equal(mpm__check(&checker, (const uint8_t *)value, sizeof value - 1, false, &doc, &err), 0);
    item = doc.fields[2];
    assert_int_equal(mpm__follow(&doc, &item), 0);
    assert_int_equal(item.start, 1);
    assert_int_equal(item.end, 10);
}

static void
each_name_of_a_value_ends_where_the_value_does(void **state)
{
    static const char value[] = "]q\0q\1K\1q\2a}q\3q\4q\5(Nq\6Nq\7ua.";
    static const uint32_t ends[] = { 26, 26, 7, 25, 25, 25, 19, 22 };
    uint32_t end;

    (void)state;
    if (mpm__check(&checker, (const uint8_t *)value, sizeof value - 1, false, &doc, &err) != 0)
        fail_msg("%s", err.text);
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(mpm__memo_end(&doc, i, &end), 0);
        assert_int_equal(end, ends[i]);
    }
}

static void
the_tables_of_a_huge_message_are_given_back(void **state)
{
    struct mpm_checker c = { 0 };
    struct mpm_doc d;
    static uint8_t huge[4 << 20];

    (void)state;
    memset(huge, 'N', sizeof huge);
    assert_int_equal(mpm__check(&c, (const uint8_t *)"(NNt.", 5, false, &d, NULL), 0);
    mpm__checker_trim(&c);
    assert_true(c.stack_cap != 0); /* small ones stay */
    huge[0] = '(';
    huge[sizeof huge - 2] = 't';
    huge[sizeof huge - 1] = '.';
    assert_int_equal(mpm__check(&c, huge, sizeof huge, false, &d, NULL), 0);
    mpm__checker_trim(&c);
    assert_int_equal(c.stack_cap, 0);
    mpm__checker_wipe(&c);
}

static int
check_and_walk(void)
{
    static const char value[] = "(]q\0(K\1K\2e2h\0t.";
    struct mpm_checker c = { 0 };
    struct mpm_items items = { 0 };
    struct mpm_doc d;
    uint32_t end;
    int r = mpm__check(&c, (const uint8_t *)value, sizeof value - 1, false, &d, NULL);

    if (r == 0)
        r = mpm__children(&d, d.top, &items);
    if (r == 0)
        r = mpm__memo_end(&d, 0, &end);
    mpm__items_wipe(&items);
    mpm__checker_wipe(&c);
    return r;
}

static void
out_of_memory_is_reported(void **state)
{
    (void)state;
    assert_true(mpm_test_fail_until_ok(check_and_walk) >= 3);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_malformed_pickle_is_refused_where_it_breaks),
        cmocka_unit_test(each_well_formed_pickle_is_accepted),
        cmocka_unit_test(every_cut_of_a_good_pickle_is_refused),
        cmocka_unit_test(nesting_beyond_the_limit_is_refused),
        cmocka_unit_test(the_parts_of_a_request_are_noted),
        cmocka_unit_test(a_reference_begins_where_what_was_popped_for_it_does),
        cmocka_unit_test(children_are_found_where_they_stand),
        cmocka_unit_test(a_reference_is_followed_to_all_of_its_value),
        cmocka_unit_test(each_name_of_a_value_ends_where_the_value_does),
        cmocka_unit_test(the_tables_of_a_huge_message_are_given_back),
        cmocka_unit_test(out_of_memory_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, wipe);
}

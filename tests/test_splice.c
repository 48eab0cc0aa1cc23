#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"
#include "value/value.h"

static struct mpm_checker checker;
static struct mpm_doc doc;
static struct mpm_buf out;

static int
wipe(void **state)
{
    (void)state;
    mpm__checker_wipe(&checker);
    mpm__buf_wipe(&out);
    return 0;
}

/* Cuts field i out of the tuple in `bytes` and compares its normal form. */
static void
expect(const char *bytes, size_t len, int i, const char *normal, size_t normal_len, struct mpm_form form)
{
    struct mpm_error err = { 0 };
    struct mpm_form got;
    struct mpm_run run;

    if (mpm__check(&checker, (const uint8_t *)bytes, len, false, &doc, &err) != 0)
        fail_msg("%s", err.text);
    mpm__buf_clear(&out);
    assert_int_equal(mpm__splice(&doc, doc.fields[i], &out, &got, &run), 0);
    if (run.len != 0)
        mpm__buf_put(&out, bytes + run.from, run.len);
    assert_int_equal(out.len, normal_len);
    assert_memory_equal(out.data, normal, normal_len);
    assert_int_equal(got.n_memo, form.n_memo);
    assert_int_equal(got.protocol, form.protocol);
    assert_int_equal(got.names, form.names);
    assert_int_equal(got.native_str, form.native_str);
}

#define EXPECT(bytes, i, normal, ...) \
    expect(bytes, sizeof(bytes) - 1, i, normal, sizeof(normal) - 1, (struct mpm_form){ __VA_ARGS__ })

static void
what_nothing_refers_to_loses_its_number(void **state)
{
    (void)state;
    EXPECT("\x80\x04(\x8c\1a\x94]\x94(K\1K\2et\x94.", 1, "](K\1K\2e", .protocol = 2);
    EXPECT("\x80\x04(\x8c\1a\x94]\x94(K\1K\2et\x94.", 0, "\x8c\1a", .protocol = 4);
    EXPECT("\x80\x02(U\1aq\1]q\2t.", 0, "U\1a", .protocol = 2, .native_str = 1);
    EXPECT("(C\1aq\1]q\2t.", 0, "C\1a", .protocol = 3);
}

static void
frames_are_left_out(void **state)
{
    (void)state;
    EXPECT("\x80\x04(](K\1\x95\x02\0\0\0\0\0\0\0K\2et.", 0, "](K\1K\2e", .protocol = 2);
}

static void
put_numbered(struct mpm_buf *b, uint8_t short_code, uint8_t long_code, uint32_t index)
{
    mpm__buf_u8(b, index <= 0xff ? short_code : long_code);
    mpm__buf_le(b, index, index <= 0xff ? 1 : 4);
}

/* 400 strings, each third of which is used again, with frames between, behind a string that has the number 0. */
static void
a_long_value_is_cut_as_a_short_one_is(void **state)
{
    struct mpm_buf in, normal;
    char text[8];

    (void)state;
    mpm__buf_init(&in, 0);
    mpm__buf_init(&normal, 0);
    mpm__buf_put(&in, "\x80\x04(\x8c\1x\x94](", 9);
    mpm__buf_put(&normal, "](", 2);
    for (uint32_t i = 0; i < 1200; i++) {
        snprintf(text, sizeof text, "%04u", (unsigned)i);
        if (i % 100 == 50)
            mpm__buf_put(&in, "\x95\1\0\0\0\0\0\0\0", 9);
        mpm__buf_put(&in, "\x8c\4", 2);
        mpm__buf_text(&in, text);
        mpm__buf_u8(&in, 0x94);
        mpm__buf_put(&normal, "\x8c\4", 2);
        mpm__buf_text(&normal, text);
        if (i % 3 == 0)
            put_numbered(&normal, 'q', 'r', i / 3);
    }
    for (uint32_t i = 0; i < 400; i++) {
        put_numbered(&in, 'h', 'j', 1 + 3 * i);
        put_numbered(&normal, 'h', 'j', i);
    }
    mpm__buf_put(&in, "et.", 3);
    mpm__buf_put(&normal, "e", 1);
    expect((char *)in.data, in.len, 1, (char *)normal.data, normal.len, (struct mpm_form){ .n_memo = 400, .protocol = 4 });
    mpm__buf_wipe(&in);
    mpm__buf_wipe(&normal);
}

static void
a_long_value_that_names_nothing_stays_where_it_is(void **state)
{
    struct mpm_error err = { 0 };
    struct mpm_form form;
    struct mpm_run run;
    struct mpm_buf in;

    (void)state;
    mpm__buf_init(&in, 0);
    mpm__buf_put(&in, "\x80\x04(\x8c\1x\x94(", 8);
    for (int i = 0; i < 500; i++)
        mpm__buf_put(&in, "K\7", 2);
    mpm__buf_put(&in, "t\x94t\x94.", 5);
    assert_int_equal(mpm__check(&checker, in.data, in.len, false, &doc, &err), 0);
    mpm__buf_clear(&out);
    assert_int_equal(mpm__splice(&doc, doc.fields[1], &out, &form, &run), 0);
    assert_int_equal(run.from, 7);
    assert_int_equal(run.len, 1002);
    assert_int_equal(out.len, 0);
    assert_int_equal(form.n_memo, 0);
    mpm__buf_wipe(&in);
}

static void
what_is_used_again_is_numbered_from_0(void **state)
{
    (void)state;
    EXPECT("\x80\x04(N\x94\x8c\1k\x94]\x94(h\1]\x94h\3et\x94.", 2, "](\x8c\1kq\0]q\1h\1e", .protocol = 4, .n_memo = 2);
    EXPECT("(]q\0h\0at.", 0, "]q\0h\0a", .protocol = 2, .n_memo = 1); /* stands in normal form already */
}

static void
a_reference_that_leaves_the_value_brings_its_target_along_once(void **state)
{
    (void)state;
    EXPECT("(](K\1K\2eq\5](h\5h\5et.", 1, "](](K\1K\2eq\0h\0e", .protocol = 2, .n_memo = 1);
    /* a tuple that shares a list with the value */
    EXPECT("(]q\0h\0\x85q\1](h\0h\1et.", 2, "](]q\0h\0\x85q\1e", .protocol = 2, .n_memo = 2);
    /* asked for inside out: the tuple is written when its list is there */
    EXPECT("(]q\0h\0\x85q\1](h\1h\0et.", 2, "](]q\0\x85q\1h\0e", .protocol = 2, .n_memo = 2);
}

static void
a_value_that_is_a_reference_becomes_its_target(void **state)
{
    (void)state;
    EXPECT("(](K\1K\2eq\5h\5t.", 1, "](K\1K\2eq\0", .protocol = 2, .n_memo = 1);
}

static void
a_recursive_tuple_stays_one(void **state)
{
    (void)state;
    /* t = ([t],) as the C pickler writes it, as the second item of a tuple */
    EXPECT("(N]q\0h\0\x85q\1a0h\1t.", 1, "]q\0h\0\x85q\1a0h\1", .protocol = 2, .n_memo = 2);
}

static void
a_value_inside_of_what_it_refers_to_is_fetched_from_the_whole(void **state)
{
    static const char whole[] = "(]q\0(h\0\x85K\1et.";
    struct mpm_items items = { 0 };
    struct mpm_form form;
    struct mpm_run run;

    (void)state;
    /* L = [(L,), 1] in a tuple: its first item is (L,), which holds L, which holds it */
    assert_int_equal(mpm__check(&checker, (const uint8_t *)whole, sizeof whole - 1, false, &doc, NULL), 0);
    assert_int_equal(mpm__children(&doc, doc.fields[0], &items), 0);
    mpm__buf_clear(&out);
    assert_int_equal(mpm__splice(&doc, items.v[0], &out, &form, &run), 0);
    assert_int_equal(run.len, 0);
    assert_memory_equal(out.data, "(]q\0(h\0\x85q\1K\1et0h\1", out.len);
    mpm__items_wipe(&items);
}

static void
a_string_met_before_its_container_is_one_object(void **state)
{
    (void)state;
    EXPECT("(]q\1(X\1\0\0\0sq\0e](h\0h\1h\0et.", 1,
        "](X\1\0\0\0sq\0]q\1(X\1\0\0\0s0h\0eh\0e", .protocol = 2, .n_memo = 2);
}

static void
a_number_taken_twice_means_the_later_value(void **state)
{
    (void)state;
    EXPECT("(]q\0h\0K\7q\0h\0t.", 1, "]q\0", .protocol = 2, .n_memo = 1);
    EXPECT("(]q\0h\0K\7q\0h\0t.", 3, "K\7q\0", .protocol = 2, .n_memo = 1);
}

static void
what_is_added_by_reference_is_not_lost(void **state)
{
    (void)state;
    EXPECT("(]q\0h\0Na](h\0et.", 2, "(]q\0h\0Na]q\1(h\0et0h\1", .protocol = 2, .n_memo = 2);
}

static void
the_whole_has_what_was_popped_before_it(void **state)
{
    static const char message[] = "]q\0" "0(]q\1(h\0h\1\x85" "et.";
    struct mpm_items items = { 0 };
    struct mpm_form form;
    struct mpm_run run;

    (void)state;
    assert_int_equal(mpm__check(&checker, (const uint8_t *)message, sizeof message - 1, false, &doc, NULL), 0);
    assert_int_equal(mpm__children(&doc, doc.fields[0], &items), 0);
    mpm__buf_clear(&out);
    assert_int_equal(mpm__splice(&doc, items.v[1], &out, &form, &run), 0);
    assert_memory_equal(out.data, "]q\0" "0(]q\1(h\0h\1\x85q\2" "et0h\2", out.len);
    mpm__items_wipe(&items);
}

static void
class_names_tell_the_python_they_belong_to(void **state)
{
    (void)state;
    EXPECT("\x80\x02(c__builtin__\nset\n]\x85Rt.", 0, "c__builtin__\nset\n]\x85R", .protocol = 2, .names = 2);
    EXPECT("\x80\x03(cbuiltins\nset\n]\x85Rt.", 0, "cbuiltins\nset\n]\x85R", .protocol = 2, .names = 3);
    EXPECT("\x80\x04(\x8c\x08" "builtins\x94\x8c\3set\x94\x93\x94t.", 0, "\x8c\x08" "builtins\x8c\3set\x93", .protocol = 4,
        .names = 3);
}

static void
a_splice_never_outgrows_its_message(void **state)
{
    /* many references to one large string, and each list refers to all before it */
    struct mpm_buf b;
    struct mpm_form form;
    struct mpm_run run;
    struct mpm_error err = { 0 };

    (void)state;
    mpm__buf_init(&b, 0);
    mpm__buf_put(&b, "(X", 2);
    mpm__buf_le(&b, 1000, 4);
    for (int i = 0; i < 1000; i++)
        mpm__buf_u8(&b, 'x');
    mpm__buf_put(&b, "q\0]q\1", 5);
    for (uint32_t i = 2; i < 255; i++) {
        mpm__buf_put(&b, "](", 2);
        for (uint32_t k = 0; k < i; k++) {
            mpm__buf_u8(&b, 'h');
            mpm__buf_u8(&b, (uint8_t)k);
        }
        mpm__buf_put(&b, "eq", 2);
        mpm__buf_u8(&b, (uint8_t)i);
    }
    mpm__buf_put(&b, "t.", 2);
    assert_int_equal(b.error, 0);
    if (mpm__check(&checker, b.data, b.len, false, &doc, &err) != 0)
        fail_msg("%s", err.text);
    struct mpm_items items = { 0 };
    assert_int_equal(mpm__children(&doc, doc.top, &items), 0);
    mpm__buf_clear(&out);
    assert_int_equal(mpm__splice(&doc, items.v[items.n - 1], &out, &form, &run), 0);
    assert_true(out.len < 3 * b.len);
    mpm__items_wipe(&items);
    mpm__buf_wipe(&b);
}

/* Field 3 of a tuple is a list of references to values made inside of each other: what is popped again stands between a
 * value's opcodes, or before its number. */
static void
expect_linear(const char *open, const char *close, int n)
{
    struct mpm_buf b;
    struct mpm_form form;
    struct mpm_run run;
    struct mpm_error err = { 0 };

    mpm__buf_init(&b, 0);
    mpm__buf_text(&b, "(");
    for (int i = 0; i < n; i++)
        mpm__buf_text(&b, open);
    mpm__buf_text(&b, "N");
    for (int i = 0; i < n; i++)
        mpm__buf_text(&b, close);
    mpm__buf_text(&b, "NN](");
    for (int i = 0; i < n; i++) {
        mpm__buf_u8(&b, 'j');
        mpm__buf_le(&b, (uint64_t)i, 4);
    }
    mpm__buf_text(&b, "et.");
    assert_int_equal(b.error, 0);
    if (mpm__check(&checker, b.data, b.len, false, &doc, &err) != 0)
        fail_msg("%s", err.text);
    mpm__buf_clear(&out);
    assert_int_equal(mpm__splice(&doc, doc.fields[3], &out, &form, &run), 0);
    assert_true(out.len < 3 * b.len);
    mpm__buf_wipe(&b);
}

static void
what_is_popped_between_shared_values_is_not_copied_with_each(void **state)
{
    (void)state;
    expect_linear("\x8c\1m", "0\x8c\1n\x93\x94", 400);
    expect_linear("\x8c\1m", "0\x94", 400);
}

static void
renumbering_raises_every_number(void **state)
{
    (void)state;
    mpm__buf_clear(&out);
    mpm__splice_renumbered((const uint8_t *)"]q\0]q\1h\0a", 9, 300, &out);
    assert_int_equal(out.len, 18);
    assert_memory_equal(out.data, "]r\x2c\1\0\0]r\x2d\1\0\0j\x2c\1\0\0a", 18);
}

static void
small_values_take_no_memory_and_large_ones_share_their_message(void **state)
{
    static const char message[] = "(X\x28\0\0\0abcdefghijklmnopqrstuvwxyzabcdefghijklmnK\5t.";
    struct mpm_bytes *block = mpm__bytes_new(sizeof message - 1);
    struct mpm_value v = { 0 }, w;
    struct mpm_form form;
    size_t len;

    (void)state;
    memcpy(block->data, message, sizeof message - 1);
    assert_int_equal(mpm__check(&checker, block->data, block->len, false, &doc, NULL), 0);
    doc.block = block;
    assert_int_equal(mpm_keep((struct mpm_ref){ &doc, doc.fields[1] }, &v), 0);
    assert_int_equal(mpm__value_cost(&v), 0);
    assert_memory_equal(mpm__value_bytes(&v, &len, &form), "K\5", 2);
    mpm_drop(&v);
    assert_int_equal(mpm_keep((struct mpm_ref){ &doc, doc.fields[0] }, &v), 0);
    assert_int_equal(block->refs, 2);
    w = mpm_value_hold(&v);
    mpm_drop(&v);
    assert_true(mpm_value_is_empty(&v));
    assert_ptr_equal(mpm__value_bytes(&w, &len, &form), block->data + 1);
    assert_int_equal(len, 45);
    mpm_drop(&w);
    assert_int_equal(block->refs, 1);
    mpm__bytes_drop(block);
}

/* A tuple of `base` strings, all named, and a list of 100 strings with a reference to each,
 * or to each that is `shift` entries before it. */
static void
put_named(struct mpm_buf *b, uint32_t base, uint32_t shift, bool framed)
{
    char text[8];

    mpm__buf_put(b, "\x80\x04((", 4);
    for (uint32_t i = 0; i < base; i++)
        mpm__buf_put(b, "\x8c\1x\x94", 4);
    mpm__buf_put(b, "t](", 3);
    for (uint32_t i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "%04u", (unsigned)i);
        mpm__buf_put(b, "\x8c\4", 2);
        mpm__buf_text(b, text);
        mpm__buf_u8(b, 0x94);
        if (framed && i % 50 == 0)
            mpm__buf_put(b, "\x95\1\0\0\0\0\0\0\0", 9);
    }
    for (uint32_t i = 0; i < 100; i++)
        put_numbered(b, 'h', 'j', base + i - shift);
    mpm__buf_put(b, "et.", 3);
}

/* Keeps field 1 of a message. `block` as in mpm_doc. */
static void
keep_field_1(const struct mpm_buf *in, struct mpm_bytes *block, struct mpm_value *v)
{
    const uint8_t *bytes = in->data;

    if (block != NULL)
        bytes = memcpy(block->data, in->data, in->len);
    assert_int_equal(mpm__check(&checker, bytes, in->len, false, &doc, NULL), 0);
    doc.block = block;
    assert_int_equal(mpm_keep((struct mpm_ref){ &doc, doc.fields[1] }, v), 0);
}

/* What is kept as it stands, or not, has the same normal form as what mpm__splice() cuts. */
static void
expect_normal(struct mpm_value *v)
{
    size_t len, cost = mpm__value_cost(v);
    struct mpm_form form, cut;
    struct mpm_standing standing;
    struct mpm_run run;
    const uint8_t *bytes;

    mpm__buf_clear(&out);
    assert_int_equal(mpm__splice(&doc, doc.fields[1], &out, &cut, &run), 0);
    assert_int_equal(run.len, 0);
    for (int i = 0; i < 2; i++) {
        bytes = mpm__value_bytes(v, &len, &form);
        assert_int_equal(len, out.len);
        assert_memory_equal(bytes, out.data, len);
        assert_int_equal(form.n_memo, cut.n_memo);
        assert_true(form.protocol >= cut.protocol);
        assert_int_equal(form.names, cut.names);
        assert_null(mpm__value_standing(v, &standing));
        assert_int_equal(mpm__value_cost(v), cost);
    }
}

static void
a_long_value_is_kept_as_it_stands_until_its_normal_form_is_needed(void **state)
{
    struct mpm_value v = { 0 }, w;
    struct mpm_standing standing;
    struct mpm_bytes *block;
    const uint8_t *bytes;
    struct mpm_form form;
    struct mpm_buf in;
    size_t len;

    (void)state;
    for (uint32_t base = 0; base <= 64; base += 16) {
        mpm__buf_init(&in, 0);
        put_named(&in, base, 0, false);
        block = mpm__bytes_new(in.len + 100);
        keep_field_1(&in, block, &v);
        bytes = mpm__value_standing(&v, &standing);
        assert_int_equal(block->refs, 2);
        assert_ptr_equal(bytes, block->data + 4 + 4 * base + 1);
        assert_int_equal(standing.len, in.len - (4 + 4 * base + 1) - 2);
        assert_int_equal(standing.base, base);
        assert_int_equal(standing.form.n_memo, 100);
        assert_int_equal(standing.form.protocol, 4);
        assert_int_equal(mpm__value_share_standing(&v, &w), 0);
        expect_normal(&v);
        assert_ptr_equal(mpm__value_bytes(&w, &len, &form), bytes);
        assert_int_equal(len, standing.len);
        mpm_drop(&w);
        assert_int_equal(block->refs, 1);
        mpm_drop(&v);
        mpm__bytes_drop(block);
        mpm__buf_wipe(&in);
    }
}

static void
what_is_kept_as_it_stands_has_room_for_its_normal_form(void **state)
{
    struct mpm_value v = { 0 };
    struct mpm_standing standing;
    struct mpm_bytes *block;
    struct mpm_buf in;

    (void)state;
    /* 300 strings of one letter with LONG_BINPUT instead of MEMOIZE are longer than the message */
    mpm__buf_init(&in, 0);
    mpm__buf_put(&in, "\x80\x04(N](", 6);
    for (int i = 0; i < 600; i++)
        mpm__buf_put(&in, "\x8c\1a\x94", 4);
    for (uint32_t i = 0; i < 600; i++)
        put_numbered(&in, 'h', 'j', i);
    mpm__buf_put(&in, "et.", 3);
    block = mpm__bytes_new(in.len);
    keep_field_1(&in, block, &v);
    assert_non_null(mpm__value_standing(&v, &standing));
    assert_int_equal(block->refs, 1);
    assert_true(standing.normal_max > in.len);
    expect_normal(&v);
    assert_true(out.len > in.len && out.len <= standing.normal_max);
    mpm_drop(&v);
    mpm__bytes_drop(block);
    mpm__buf_wipe(&in);
}

static void
what_stands_loses_its_frames(void **state)
{
    struct mpm_value v = { 0 };
    struct mpm_standing standing;
    struct mpm_buf in, plain;
    const uint8_t *bytes;

    (void)state;
    mpm__buf_init(&in, 0);
    mpm__buf_init(&plain, 0);
    put_named(&in, 3, 0, true);
    put_named(&plain, 3, 0, false);
    keep_field_1(&in, NULL, &v);
    bytes = mpm__value_standing(&v, &standing);
    assert_non_null(bytes);
    assert_int_equal(standing.len, plain.len - 4 - 13 - 2);
    assert_memory_equal(bytes, plain.data + 4 + 13, standing.len);
    expect_normal(&v);
    mpm_drop(&v);
    mpm__buf_wipe(&plain);
    mpm__buf_wipe(&in);
}

static void
what_cannot_stand_alone_is_cut(void **state)
{
    static const struct {
        uint32_t base, shift;
    } cases[] = { { 65, 0 }, { 3, 1 }, { 1, 1 } };
    struct mpm_value v = { 0 };
    struct mpm_standing standing;
    struct mpm_buf in;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mpm__buf_init(&in, 0);
        put_named(&in, cases[i].base, cases[i].shift, false);
        keep_field_1(&in, NULL, &v);
        assert_null(mpm__value_standing(&v, &standing));
        expect_normal(&v);
        mpm_drop(&v);
        mpm__buf_wipe(&in);
    }
    /* growing late; one long string; too short */
    mpm__buf_init(&in, 0);
    mpm__buf_put(&in, "\x80\x04(N]\x94(h\0Na", 11);
    for (int i = 0; i < 600; i++)
        mpm__buf_u8(&in, 'N');
    mpm__buf_put(&in, "et.", 3);
    keep_field_1(&in, NULL, &v);
    assert_true(doc.grows_late);
    assert_null(mpm__value_standing(&v, &standing));
    mpm_drop(&v);
    mpm__buf_clear(&in);
    mpm__buf_put(&in, "\x80\x04(NB\x58\2\0\0", 9);
    for (int i = 0; i < 600; i++)
        mpm__buf_u8(&in, 'b');
    mpm__buf_put(&in, "\x94t.", 3);
    keep_field_1(&in, NULL, &v);
    assert_null(mpm__value_standing(&v, &standing));
    mpm_drop(&v);
    mpm__buf_clear(&in);
    mpm__buf_put(&in, "\x80\x04(N]\x94(K\1eh\0t.", 14);
    keep_field_1(&in, NULL, &v);
    assert_null(mpm__value_standing(&v, &standing));
    mpm_drop(&v);
    mpm__buf_wipe(&in);
}

static int
normalise_one(void)
{
    struct mpm_checker c = { 0 };
    struct mpm_value v = { 0 };
    struct mpm_doc d;
    struct mpm_form form;
    struct mpm_buf in;
    size_t len;
    int r;

    mpm__buf_init(&in, 0);
    put_named(&in, 3, 0, false);
    r = in.error;
    if (r == 0)
        r = mpm__check(&c, in.data, in.len, false, &d, NULL);
    if (r == 0)
        r = mpm_keep((struct mpm_ref){ &d, d.fields[1] }, &v);
    if (r == 0 && mpm__value_bytes(&v, &len, &form) == NULL)
        r = MPM_ENOMEM;
    mpm_drop(&v);
    mpm__checker_wipe(&c);
    mpm__buf_wipe(&in);
    return r;
}

static void
without_memory_for_the_normal_form_the_value_is_kept(void **state)
{
    (void)state;
    assert_true(mpm_test_fail_until_ok(normalise_one) >= 8);
}

static int
splice_all(void)
{
    static const char value[] = "(]q\0h\0\x85q\1](h\1h\0et.";
    struct mpm_checker c = { 0 };
    struct mpm_value v = { 0 };
    struct mpm_doc d;
    int r = mpm__check(&c, (const uint8_t *)value, sizeof value - 1, false, &d, NULL);

    for (int i = 0; r == 0 && i < 3; i++) {
        r = mpm_keep((struct mpm_ref){ &d, d.fields[i] }, &v);
        mpm_drop(&v);
    }
    mpm__checker_wipe(&c);
    return r;
}

static void
out_of_memory_leaves_nothing_behind(void **state)
{
    (void)state;
    assert_true(mpm_test_fail_until_ok(splice_all) >= 4);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nothing_refers_to_loses_its_number),
        cmocka_unit_test(frames_are_left_out),
        cmocka_unit_test(a_long_value_is_cut_as_a_short_one_is),
        cmocka_unit_test(a_long_value_that_names_nothing_stays_where_it_is),
        cmocka_unit_test(what_is_used_again_is_numbered_from_0),
        cmocka_unit_test(a_reference_that_leaves_the_value_brings_its_target_along_once),
        cmocka_unit_test(a_value_that_is_a_reference_becomes_its_target),
        cmocka_unit_test(a_recursive_tuple_stays_one),
        cmocka_unit_test(a_value_inside_of_what_it_refers_to_is_fetched_from_the_whole),
        cmocka_unit_test(a_string_met_before_its_container_is_one_object),
        cmocka_unit_test(a_number_taken_twice_means_the_later_value),
        cmocka_unit_test(what_is_added_by_reference_is_not_lost),
        cmocka_unit_test(the_whole_has_what_was_popped_before_it),
        cmocka_unit_test(class_names_tell_the_python_they_belong_to),
        cmocka_unit_test(a_splice_never_outgrows_its_message),
        cmocka_unit_test(what_is_popped_between_shared_values_is_not_copied_with_each),
        cmocka_unit_test(renumbering_raises_every_number),
        cmocka_unit_test(small_values_take_no_memory_and_large_ones_share_their_message),
        cmocka_unit_test(a_long_value_is_kept_as_it_stands_until_its_normal_form_is_needed),
        cmocka_unit_test(what_is_kept_as_it_stands_has_room_for_its_normal_form),
        cmocka_unit_test(what_stands_loses_its_frames),
        cmocka_unit_test(what_cannot_stand_alone_is_cut),
        cmocka_unit_test(without_memory_for_the_normal_form_the_value_is_kept),
        cmocka_unit_test(out_of_memory_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, wipe);
}

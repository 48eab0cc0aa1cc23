/* What libmpmd builds is what it reads: values of all kinds in all protocols, misuse, damaged pickles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <mpmd/value.h>

#include "support/support.h"

static const uint8_t big[] = { 0, 0, 0, 0, 0, 0, 0, 0, 1 }; /* 2**64 */

static void
put_everything(struct mpm_builder *b)
{
    mpm_put_begin(b, MPM_K_TUPLE);
    mpm_put_none(b);
    mpm_put_bool(b, 1);
    mpm_put_int(b, -5);
    mpm_put_int(b, INT64_MAX);
    mpm_put_bigint(b, big, sizeof big);
    mpm_put_bigint(b, "\xff\xff", 2);
    mpm_put_double(b, 0.25);
    mpm_put_string(b, "tsch\xc3\xbcss");
    mpm_put_bytes(b, "\0\xff", 2);
    mpm_put_begin(b, MPM_K_LIST);
    mpm_put_begin(b, MPM_K_LIST);
    mpm_put_end(b);
    mpm_put_begin(b, MPM_K_TUPLE);
    mpm_put_end(b);
    mpm_put_end(b);
    mpm_put_begin(b, MPM_K_DICT);
    mpm_put_string(b, "empty");
    mpm_put_begin(b, MPM_K_DICT);
    mpm_put_end(b);
    mpm_put_string(b, "key");
    mpm_put_int(b, 2);
    mpm_put_end(b);
    mpm_put_begin(b, MPM_K_SET);
    mpm_put_int(b, 1);
    mpm_put_end(b);
    mpm_put_begin(b, MPM_K_SET);
    mpm_put_end(b);
    mpm_put_begin(b, MPM_K_FROZENSET);
    mpm_put_int(b, 1);
    mpm_put_end(b);
    mpm_put_class(b, "collections", "OrderedDict");
    mpm_put_begin_call(b);
    mpm_put_class(b, "decimal", "Decimal");
    mpm_put_begin(b, MPM_K_TUPLE);
    mpm_put_string(b, "1.50");
    mpm_put_end(b);
    mpm_put_end(b);
    mpm_put_begin(b, MPM_K_OBJECT);
    mpm_put_class(b, "multiprocessing.managers", "Namespace");
    mpm_put_begin(b, MPM_K_TUPLE);
    mpm_put_end(b);
    mpm_put_begin(b, MPM_K_DICT);
    mpm_put_string(b, "x");
    mpm_put_int(b, 1);
    mpm_put_end(b);
    mpm_put_end(b);
    mpm_put_end(b);
}

/* The repr of what was built, read back. Returns 0 or what failed. */
static int
repr_of(struct mpm_builder *b, char **text)
{
    struct mpm_document *d;
    const void *bytes;
    size_t len;
    int r = mpm_builder_finish(b, &bytes, &len, NULL);

    if (r == 0)
        r = mpm_document_open(bytes, len, &d, NULL);
    if (r == 0) {
        r = mpm_repr(mpm_document_root(d), text, NULL);
        mpm_document_close(d);
    }
    return r;
}

static void
every_kind_comes_back_in_every_protocol(void **state)
{
    (void)state;
    for (int protocol = 2; protocol <= 5; protocol++) {
        struct mpm_builder *b;
        char *text, wanted[512];

        assert_int_equal(mpm_builder_open(protocol, &b), 0);
        put_everything(b);
        assert_int_equal(repr_of(b, &text), 0);
        snprintf(wanted, sizeof wanted, "(None, True, -5, 9223372036854775807, 18446744073709551616, -1, 0.25, 'tsch\xc3\xbcss', %s, "
            "[[], ()], {'empty': {}, 'key': 2}, {1}, set(), frozenset({1}), <class 'collections.OrderedDict'>, Decimal('1.50'), "
            "Namespace(x=1))",
            "b'\\x00\\xff'");
        assert_string_equal(text, wanted);
        mpm_free(text);
        mpm_builder_close(b);
    }
}

static void
values_are_read_by_what_they_are(void **state)
{
    struct mpm_builder *b;
    struct mpm_document *d;
    struct mpm_ref *parts, value;
    const void *bytes;
    const char *text = "untouched", *name, *module;
    uint8_t number[16];
    size_t len, n, module_len, name_len;
    int64_t i = 7;
    double real;
    int yes;

    (void)state;
    assert_int_equal(mpm_builder_open(0, &b), 0);
    put_everything(b);
    assert_int_equal(mpm_builder_finish(b, &bytes, &len, NULL), 0);
    assert_int_equal(mpm_document_open(bytes, len, &d, NULL), 0);
    assert_int_equal(mpm_read_parts(mpm_document_root(d), &parts, &n), 0);
    assert_int_equal(n, 17);
    assert_int_equal(mpm_kind(parts[0]), MPM_K_NONE);
    assert_int_equal(mpm_read_bool(parts[1], &yes), 0);
    assert_int_equal(yes, 1);
    assert_int_equal(mpm_read_int64(parts[4], &i), MPM_ERANGE);
    assert_int_equal(mpm_read_int64(parts[6], &i), MPM_ETYPE);
    assert_int_equal(i, 7);
    assert_int_equal(mpm_read_int64(parts[2], &i), 0);
    assert_int_equal(i, -5);
    assert_int_equal(mpm_read_bigint(parts[4], number, 8, &len), MPM_ERANGE);
    assert_int_equal(len, 9);
    assert_int_equal(mpm_read_bigint(parts[4], number, sizeof number, &len), 0);
    assert_memory_equal(number, big, sizeof big);
    assert_int_equal(mpm_read_double(parts[2], &real), 0);
    assert_true(real == -5.0);
    assert_int_equal(mpm_read_text(parts[8], &text, &len), MPM_ETYPE);
    assert_string_equal(text, "untouched");
    assert_int_equal(mpm_read_text(parts[7], &text, &len), 0);
    assert_true(mpm_text_is(parts[7], "tsch\xc3\xbcss"));
    assert_int_equal(mpm_read_bytes(parts[8], &bytes, &len), 0);
    assert_int_equal(len, 2);
    assert_int_equal(mpm_dict_find(parts[10], "key", &value), 0);
    assert_int_equal(mpm_read_int64(value, &i), 0);
    assert_int_equal(i, 2);
    assert_int_equal(mpm_dict_find(parts[10], "other", &value), MPM_EGONE);
    assert_int_equal(mpm_dict_find(parts[9], "key", &value), MPM_ETYPE);
    assert_int_equal(mpm_read_class(parts[15], &module, &module_len, &name, &name_len), 0);
    assert_memory_equal(name, "Decimal", 7);
    mpm_free(parts);
    mpm_document_close(d);
    mpm_builder_close(b);
}

static void
a_value_of_a_document_is_put_for_an_older_reader(void **state)
{
    struct mpm_builder *b, *old;
    struct mpm_document *d;
    const void *bytes;
    char *text;
    size_t len;

    (void)state;
    assert_int_equal(mpm_builder_open(5, &b), 0);
    assert_int_equal(mpm_builder_open(2, &old), 0);
    put_everything(b);
    assert_int_equal(mpm_builder_finish(b, &bytes, &len, NULL), 0);
    assert_int_equal(mpm_document_open(bytes, len, &d, NULL), 0);
    mpm_put_begin(old, MPM_K_LIST);
    mpm_put_ref(old, mpm_document_root(d));
    mpm_put_ref(old, mpm_document_root(d));
    mpm_put_end(old);
    assert_int_equal(repr_of(old, &text), 0);
    assert_non_null(strstr(text, "frozenset({1})"));
    mpm_free(text);
    mpm_document_close(d);
    mpm_builder_close(b);
    mpm_builder_close(old);
}

static void
nothing_put(struct mpm_builder *b)
{
    (void)b;
}

static void
two_values(struct mpm_builder *b)
{
    mpm_put_int(b, 1);
    mpm_put_int(b, 2);
}

static void
left_open(struct mpm_builder *b)
{
    mpm_put_begin(b, MPM_K_LIST);
}

static void
half_a_pair(struct mpm_builder *b)
{
    mpm_put_begin(b, MPM_K_DICT);
    mpm_put_int(b, 1);
    mpm_put_end(b);
}

static void
end_alone(struct mpm_builder *b)
{
    mpm_put_end(b);
}

static void
no_arguments(struct mpm_builder *b)
{
    mpm_put_begin_call(b);
    mpm_put_class(b, "a", "B");
    mpm_put_end(b);
}

static void
no_container(struct mpm_builder *b)
{
    mpm_put_begin(b, MPM_K_INT);
}

static void
not_utf8(struct mpm_builder *b)
{
    mpm_put_text(b, "\xff", 1);
}

static void
line_in_a_name(struct mpm_builder *b)
{
    mpm_put_class(b, "os\nsystem", "x");
}

static void
misuse_is_an_error_and_never_a_broken_pickle(void **state)
{
    void (*const wrong[])(struct mpm_builder *) = { nothing_put, two_values, left_open, half_a_pair, end_alone, no_arguments,
        no_container, not_utf8, line_in_a_name };
    struct mpm_error err;
    struct mpm_builder *b;
    const void *bytes;
    size_t len;

    (void)state;
    assert_int_equal(mpm_builder_open(1, &b), MPM_EINVAL);
    assert_int_equal(mpm_builder_open(2, &b), 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        memset(&err, 0, sizeof err);
        wrong[i](b);
        assert_int_equal(mpm_builder_finish(b, &bytes, &len, &err), MPM_EINVAL);
        assert_true(strlen(err.text) > 10);
        mpm_builder_clear(b);
        mpm_put_none(b);
        assert_int_equal(mpm_builder_finish(b, &bytes, &len, NULL), 0);
        mpm_builder_clear(b);
    }
    for (size_t i = 0; i < 30000; i++)
        mpm_put_begin(b, MPM_K_TUPLE);
    assert_int_equal(mpm_builder_finish(b, &bytes, &len, &err), MPM_ELIMIT);
    mpm_builder_close(b);
}

static void
a_damaged_pickle_is_refused(void **state)
{
    static const uint8_t pickle[] = "\x80\x04\x8c\x03" "abcK\x01\x86.";
    struct mpm_document *d = NULL;
    struct mpm_error err;

    (void)state;
    assert_int_equal(mpm_document_open(pickle, sizeof pickle - 1, &d, NULL), 0);
    mpm_document_close(d);
    d = NULL;
    for (size_t len = 0; len < sizeof pickle - 1; len++)
        assert_int_equal(mpm_document_open(pickle, len, &d, &err), MPM_EBADPICKLE);
    assert_null(d);
}

static int
build_and_read(void)
{
    struct mpm_builder *b;
    struct mpm_document *d;
    struct mpm_ref *parts;
    const void *bytes;
    char *text;
    size_t len;
    int r = mpm_builder_open(4, &b);

    if (r != 0)
        return r;
    put_everything(b);
    r = mpm_builder_finish(b, &bytes, &len, NULL);
    if (r == 0)
        r = mpm_document_open(bytes, len, &d, NULL);
    if (r == 0) {
        mpm_builder_clear(b);
        mpm_put_ref(b, mpm_document_root(d));
        r = repr_of(b, &text);
        if (r == 0)
            mpm_free(text);
        if (r == 0 && (r = mpm_read_parts(mpm_document_root(d), &parts, &len)) == 0)
            mpm_free(parts);
        mpm_document_close(d);
    }
    mpm_builder_close(b);
    return r;
}

static void
without_memory_it_says_so(void **state)
{
    (void)state;
    mpm_test_fail_until_ok(build_and_read);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_comes_back_in_every_protocol),
        cmocka_unit_test(values_are_read_by_what_they_are),
        cmocka_unit_test(a_value_of_a_document_is_put_for_an_older_reader),
        cmocka_unit_test(misuse_is_an_error_and_never_a_broken_pickle),
        cmocka_unit_test(a_damaged_pickle_is_refused),
        cmocka_unit_test(without_memory_it_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

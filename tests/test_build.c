#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "value/build.h"
#include "value/pyerrors.h"

static struct mpm_buf out;

static struct mpm_writer
writer(uint8_t protocol)
{
    mpm__buf_clear(&out);
    return (struct mpm_writer){ .out = &out, .protocol = protocol };
}

static void
check_out(const void *expected, size_t len)
{
    assert_int_equal(out.error, 0);
    assert_int_equal(out.len, len);
    assert_memory_equal(out.data, expected, len);
}

#define OUT_IS(literal) check_out(literal, sizeof(literal) - 1)

static int
wipe_out(void **state)
{
    (void)state;
    mpm__buf_wipe(&out);
    return 0;
}

static void
ints_take_the_shortest_form_that_cpython_writes(void **state)
{
    static const struct {
        int64_t v;
        const char *text;
        size_t len;
    } cases[] = {
        { 0, "K\0", 2 },
        { 255, "K\xff", 2 },
        { 256, "M\0\1", 3 },
        { 65535, "M\xff\xff", 3 },
        { 65536, "J\0\0\1\0", 5 },
        { -1, "J\xff\xff\xff\xff", 5 },
        { INT32_MAX, "J\xff\xff\xff\x7f", 5 },
        { INT32_MIN, "J\0\0\0\x80", 5 },
        { (int64_t)INT32_MAX + 1, "\x8a\5\0\0\0\x80\0", 7 },
        { (int64_t)INT32_MIN - 1, "\x8a\5\xff\xff\xff\x7f\xff", 7 },
        { INT64_C(0x7fffffffff), "\x8a\5\xff\xff\xff\xff\x7f", 7 },
        { INT64_C(0x8000000000), "\x8a\6\0\0\0\0\x80\0", 8 },
        { INT64_MAX, "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", 10 },
        { INT64_MIN, "\x8a\x08\0\0\0\0\0\0\0\x80", 10 },
    };
    struct mpm_writer w;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        w = writer(4);
        mpm_write_int(&w, cases[i].v);
        check_out(cases[i].text, cases[i].len);
    }
}

static void
python_2_gets_large_ints_as_int_and_not_long(void **state)
{
    struct mpm_writer w = writer(2);

    (void)state;
    mpm_write_int(&w, INT64_C(2147483648));
    mpm_write_int(&w, INT64_MIN);
    mpm_write_int(&w, -2);
    OUT_IS("I2147483648\nI-9223372036854775808\nJ\xfe\xff\xff\xff");
}

static void
scalars_and_groups_are_single_opcodes(void **state)
{
    struct mpm_writer w = writer(2);

    (void)state;
    mpm_write_none(&w);
    mpm_write_bool(&w, true);
    mpm_write_bool(&w, false);
    mpm_write_float(&w, 1.5);
    mpm_write_mark(&w);
    mpm_write_tuple(&w);
    for (int n = 0; n <= 3; n++)
        mpm_write_tuple_n(&w, n);
    mpm_write_empty_list(&w);
    mpm_write_appends(&w);
    mpm_write_empty_dict(&w);
    mpm_write_setitems(&w);
    mpm_write_reduce(&w);
    mpm_write_newobj(&w);
    mpm_write_buildop(&w);
    OUT_IS("N\x88\x89G\x3f\xf8\0\0\0\0\0\0(t)\x85\x86\x87]e}uR\x81" "b");
}

static void
text_and_bytes_suit_the_reader(void **state)
{
    struct mpm_writer w = writer(2);

    (void)state;
    mpm_write_text(&w, "a", 1);
    mpm_write_native(&w, "b");
    mpm_write_bytes(&w, "\0", 1);
    OUT_IS("X\1\0\0\0aU\1bU\1\0");
    w = writer(3);
    mpm_write_text(&w, "a", 1);
    mpm_write_native(&w, "b");
    mpm_write_bytes(&w, "\0", 1);
    OUT_IS("X\1\0\0\0aX\1\0\0\0bC\1\0");
    for (uint8_t protocol = 4; protocol <= 5; protocol++) {
        w = writer(protocol);
        mpm_write_text(&w, "a", 1);
        mpm_write_native(&w, "b");
        mpm_write_bytes(&w, "\0", 1);
        OUT_IS("\x8c\1a\x8c\1bC\1\0");
    }
}

static void
text_and_bytes_of_more_than_255_have_a_long_count(void **state)
{
    static char text[256];
    struct mpm_writer w = writer(4);

    (void)state;
    memset(text, 'x', sizeof(text));
    mpm_write_text(&w, text, 255);
    assert_memory_equal(out.data, "\x8c\xffx", 3);
    mpm__buf_clear(&out);
    mpm_write_text(&w, text, 256);
    assert_int_equal(out.len, 5 + 256);
    assert_memory_equal(out.data, "X\0\1\0\0x", 6);
    mpm__buf_clear(&out);
    mpm_write_bytes(&w, text, 256);
    assert_memory_equal(out.data, "B\0\1\0\0x", 6);
    w = writer(2);
    mpm_write_native_n(&w, text, 256);
    assert_int_equal(out.len, 5 + 256);
    assert_memory_equal(out.data, "T\0\1\0\0x", 6);
}

static void
globals_are_lines_before_protocol_4_and_strings_from_there(void **state)
{
    struct mpm_writer w = writer(2);

    (void)state;
    mpm_write_global(&w, "builtins", "slice");
    mpm_write_global(&w, "multiprocessing.managers", "Token");
    OUT_IS("c__builtin__\nslice\ncmultiprocessing.managers\nToken\n");
    w = writer(3);
    mpm_write_global(&w, "builtins", "slice");
    OUT_IS("cbuiltins\nslice\n");
    w = writer(4);
    mpm_write_global(&w, "builtins", "slice");
    OUT_IS("\x8c\x08" "builtins\x8c\x05slice\x93");
}

static void
python_2_knows_queues_and_collections_by_its_own_names(void **state)
{
    struct mpm_writer w = writer(2);

    (void)state;
    mpm_write_global(&w, "queue", "Empty");
    mpm_write_global(&w, "builtins", "ValueError");
    OUT_IS("cQueue\nEmpty\ncexceptions\nValueError\n");
}

static void
check_error(enum mpm_py error, uint8_t protocol, const char *module, const char *name)
{
    const char *m, *n;

    mpm__py_error_name(error, protocol, &m, &n);
    assert_string_equal(m, module);
    assert_string_equal(n, name);
}

static void
exceptions_have_the_name_that_their_reader_can_import(void **state)
{
    const char *m, *n;

    (void)state;
    check_error(MPM_PY_KEY_ERROR, 4, "builtins", "KeyError");
    check_error(MPM_PY_KEY_ERROR, 2, "exceptions", "KeyError");
    check_error(MPM_PY_QUEUE_EMPTY, 3, "queue", "Empty");
    check_error(MPM_PY_QUEUE_EMPTY, 2, "Queue", "Empty");
    check_error(MPM_PY_RECURSION_ERROR, 2, "exceptions", "RuntimeError");
    check_error(MPM_PY_BROKEN_BARRIER, 2, "exceptions", "RuntimeError");
    check_error(MPM_PY_BROKEN_BARRIER, 3, "threading", "BrokenBarrierError");
    check_error(MPM_PY_LOCK_ERROR, 2, "thread", "error");
    check_error(MPM_PY_LOCK_ERROR, 5, "builtins", "RuntimeError");
    check_error(MPM_PY_QUEUE_SHUT_DOWN, 3, "builtins", "RuntimeError");
    check_error(MPM_PY_QUEUE_SHUT_DOWN, 4, "queue", "ShutDown");
    for (int error = 0; error < MPM_PY_COUNT; error++)
        for (uint8_t protocol = 2; protocol <= 5; protocol++) {
            mpm__py_error_name((enum mpm_py)error, protocol, &m, &n);
            assert_non_null(m);
            assert_non_null(n);
        }
}

/* --- stored values ------------------------------------------------------------------------------------------------ */

static struct mpm_value
stored(const char *bytes, size_t len, struct mpm_form form)
{
    struct mpm_value v;

    assert_int_equal(mpm_keep_bytes((const uint8_t *)bytes, len, &form, &v), 0);
    return v;
}

static void
a_value_that_suits_is_copied_and_its_memo_counted(void **state)
{
    static const char self[] = "]q\0h\0a";
    struct mpm_value v = stored(self, 6, (struct mpm_form){ .n_memo = 1, .protocol = 2 });
    struct mpm_writer w = writer(4);

    (void)state;
    mpm_write_value(&w, &v);
    assert_int_equal(w.n_memo, 1);
    mpm_write_value(&w, &v);
    assert_int_equal(w.n_memo, 2);
    OUT_IS("]q\0h\0a]q\1h\1a");
    assert_int_equal(w.error, 0);
    mpm_drop(&v);
}

static void
a_value_of_a_newer_protocol_is_transcoded(void **state)
{
    struct mpm_value v = stored("\x8c\1a", 3, (struct mpm_form){ .protocol = 4 });
    struct mpm_writer w = writer(3);

    (void)state;
    mpm_write_value(&w, &v);
    OUT_IS("X\1\0\0\0a");
    mpm_drop(&v);
}

static void
a_value_that_the_reader_cannot_have_is_an_error(void **state)
{
    static const char global[] = "\x8c\x08" "builtins\x8c\x05" "ascii\x93";
    struct mpm_error err = { 0 };
    struct mpm_value v = stored(global, sizeof(global) - 1, (struct mpm_form){ .protocol = 4, .names = 3 });
    struct mpm_writer w = writer(2);

    (void)state;
    w.err = &err;
    mpm_write_value(&w, &v);
    assert_int_equal(w.error, MPM_EUNSUP);
    assert_true(err.text[0] != '\0');
    mpm_drop(&v);
}

static void
a_class_that_python_2_does_not_have_is_an_error(void **state)
{
    struct mpm_error err = { 0 };
    struct mpm_writer w = writer(2);

    (void)state;
    w.err = &err;
    mpm_write_global(&w, "builtins", "ascii");
    assert_int_equal(w.error, MPM_EUNSUP);
    assert_string_equal(err.text, "Python 2 has no builtins.ascii");
    assert_int_equal(out.len, 0);
}

static struct mpm_value
large(size_t len)
{
    char *bytes = malloc(len + 5);
    struct mpm_value v;

    assert_non_null(bytes);
    memset(bytes, 'x', len + 5);
    bytes[0] = 'B';
    for (int i = 0; i < 4; i++)
        bytes[1 + i] = (char)(len >> (8 * i));
    v = stored(bytes, len + 5, (struct mpm_form){ .protocol = 3 });
    free(bytes);
    return v;
}

static void
one_large_value_is_left_out_when_the_caller_sends_it_itself(void **state)
{
    struct mpm_value v = large(70000);
    struct mpm_writer w = writer(4);

    (void)state;
    w.may_leave_hole = true;
    mpm_write_none(&w);
    mpm_write_value(&w, &v);
    mpm_write_tuple_n(&w, 2);
    OUT_IS("N\x86");
    assert_int_equal(w.hole_at, 1);
    assert_false(mpm_value_is_empty(&w.hole));
    mpm_write_value(&w, &v); /* the second one is copied */
    assert_int_equal(out.len, 2 + 70005);
    mpm_drop(&w.hole);
    mpm_drop(&v);
}

static void
no_hole_is_left_without_leave_or_for_small_values(void **state)
{
    struct mpm_value v = large(70000), small = large(60000);
    struct mpm_writer w = writer(4);

    (void)state;
    mpm_write_value(&w, &v);
    assert_int_equal(out.len, 70005);
    w = writer(4);
    w.may_leave_hole = true;
    mpm_write_value(&w, &small);
    assert_int_equal(out.len, 60005);
    assert_true(mpm_value_is_empty(&w.hole));
    mpm_drop(&v);
    mpm_drop(&small);
}

static int
never(size_t size)
{
    (void)size;
    return 1;
}

static void
without_memory_the_buffer_tells(void **state)
{
    struct mpm_buf b;
    struct mpm_writer w = { .out = &b, .protocol = 4 };
    struct mpm_value v = large(70000);

    (void)state;
    mpm__buf_init(&b, 0);
    mpm__alloc_hook = never;
    mpm_write_int(&w, 1);
    mpm_write_value(&w, &v);
    mpm__alloc_hook = NULL;
    assert_int_equal(b.error, MPM_ENOMEM);
    mpm__buf_wipe(&b);
    mpm_drop(&v);
}

/* Values of every kind in a table with holes, written at once and one by one. */
static void
values_written_at_once_are_the_same_as_one_by_one(void **state)
{
    static const struct mpm_form plain = { .protocol = 2 }, bytes = { .protocol = 3 }, named = { .protocol = 4, .n_memo = 1 };
    static struct entry {
        uint64_t before;
        struct mpm_value v;
    } entries[600];
    struct mpm_sharing shared = { 0 }, sharing = { 0 };
    struct mpm_buf expected;
    struct mpm_writer w;

    (void)state;
    for (size_t i = 0; i < 600; i++) {
        if (i % 7 == 3)
            continue; /* a hole */
        if (i % 50 == 9)
            assert_int_equal(mpm_keep_bytes((const uint8_t *)"X\x10\0\0\0" "sixteen letters.", 21, &plain, &entries[i].v), 0);
        else if (i % 50 == 10)
            assert_int_equal(mpm_keep_bytes((const uint8_t *)"]q\0h\0a", 6, &named, &entries[i].v), 0);
        else if (i % 11 == 0)
            assert_int_equal(mpm_keep_bytes((const uint8_t *)"C\x02xy", 4, &bytes, &entries[i].v), 0);
        else
            assert_int_equal(mpm_keep_bytes((const uint8_t[]){ 'M', (uint8_t)i, 1 }, 3, &plain, &entries[i].v), 0);
        if (mpm__value_stored(&entries[i].v) != NULL)
            *mpm__value_stored(&entries[i].v) = i % 100 < 50 ? 1 : 2;
    }
    for (uint8_t protocol = 2; protocol <= 5; protocol++) {
        for (size_t n = 0; n <= 600; n = n < 5 ? n + 1 : n + 119) {
            for (int with = 0; with < 2; with++) {
                w = writer(protocol);
                for (size_t i = 0; i < n; i++) {
                    if (mpm_value_is_empty(&entries[i].v))
                        continue;
                    if (with)
                        mpm_write_shared(&w, &shared, &entries[i].v, false);
                    else
                        mpm_write_value(&w, &entries[i].v);
                }
                expected = out;
                mpm__buf_init(&out, 0);
                w = writer(protocol);
                mpm_write_values(&w, with ? &sharing : NULL, &entries[0].v, n, sizeof entries[0]);
                check_out(expected.data, expected.len);
                mpm__buf_wipe(&expected);
                mpm_sharing_wipe(&shared);
                mpm_sharing_wipe(&sharing);
            }
        }
    }
    for (size_t i = 0; i < 600; i++)
        mpm_drop(&entries[i].v);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ints_take_the_shortest_form_that_cpython_writes),
        cmocka_unit_test(python_2_gets_large_ints_as_int_and_not_long),
        cmocka_unit_test(scalars_and_groups_are_single_opcodes),
        cmocka_unit_test(text_and_bytes_suit_the_reader),
        cmocka_unit_test(text_and_bytes_of_more_than_255_have_a_long_count),
        cmocka_unit_test(globals_are_lines_before_protocol_4_and_strings_from_there),
        cmocka_unit_test(python_2_knows_queues_and_collections_by_its_own_names),
        cmocka_unit_test(exceptions_have_the_name_that_their_reader_can_import),
        cmocka_unit_test(a_value_that_suits_is_copied_and_its_memo_counted),
        cmocka_unit_test(a_value_of_a_newer_protocol_is_transcoded),
        cmocka_unit_test(a_value_that_the_reader_cannot_have_is_an_error),
        cmocka_unit_test(a_class_that_python_2_does_not_have_is_an_error),
        cmocka_unit_test(one_large_value_is_left_out_when_the_caller_sends_it_itself),
        cmocka_unit_test(no_hole_is_left_without_leave_or_for_small_values),
        cmocka_unit_test(without_memory_the_buffer_tells),
        cmocka_unit_test(values_written_at_once_are_the_same_as_one_by_one),
    };

    return cmocka_run_group_tests(tests, NULL, wipe_out);
}

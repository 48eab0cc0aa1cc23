/* test_brief.c - a request with a few scalars is found the same in one go as by the whole check, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "pickle/brief.h"
#include "support/support.h"

#define HEAD_LEN 25 /* what is known of a request whose rest is checked */

static const struct scalar {
    const char *bytes;
    size_t len;
} scalars[] = {
#define SCALAR(text) { text, sizeof(text) - 1 }
    SCALAR("N"), SCALAR("\x88"), SCALAR("\x89"), SCALAR("K\x07"), SCALAR("M\x07\x01"), SCALAR("J\x07\x01\x00\xff"),
    SCALAR("G\x3f\xf0\0\0\0\0\0\0"), SCALAR("\x8a\x05\x00\x00\x00\x00\x40"), SCALAR("\x8a\x00"), SCALAR("C\x02\xff\x00\x94"),
    SCALAR("\x8c\x00\x94"), SCALAR("\x8c\x03key\x94"), SCALAR("\x8c\x11" "seventeen letters\x94"),
    SCALAR("K\x07\x94"), SCALAR("C\x00"),
    /* what is left to the whole check, or malformed: */
    SCALAR("\x8c\x02\xc3\xa4\x94"), SCALAR("\x8c\x02\xc3(\x94"), SCALAR("\x8c\xff" "abc"), SCALAR("C\xff" "abc"), SCALAR("h\x00"),
    SCALAR("]\x94"), SCALAR("K\x01K\x02\x86\x94"), SCALAR("(K\x01"), SCALAR("\x94"), SCALAR("0"), SCALAR("."), SCALAR("\x85"),
#undef SCALAR
};
#define N_SCALARS (sizeof scalars / sizeof *scalars)
#define N_BRIEF 15

/* A request with n arguments; returns its length. */
static size_t
request(uint8_t *out, const struct scalar *const *args, int n)
{
    static const char head[HEAD_LEN + 1] = "\x80\x04\x95\0\0\0\0\0\0\0\0(\x8c\x04" "12ab\x94\x8c\x03set\x94";
    static const char tuples[] = { ')', '\x85', '\x86', '\x87', 't' };
    uint8_t *at = out;

    memcpy(at, head, HEAD_LEN);
    at += HEAD_LEN;
    for (int i = 0; i < n; i++) {
        memcpy(at, args[i]->bytes, args[i]->len);
        at += args[i]->len;
    }
    *at++ = (uint8_t)tuples[n];
    memcpy(at, "\x94}\x94t\x94.", 6);
    at += 6;
    out[3] = (uint8_t)(at - out - 11);
    return (size_t)(at - out);
}

static void
same_item(struct mpm_item a, struct mpm_item b)
{
    assert_int_equal(a.start, b.start);
    assert_int_equal(a.root, b.root);
    assert_int_equal(a.end, b.end);
}

/* Whether it was found in one go; then the whole check finds the same. The bytes end where memory ends. */
static bool
found(const uint8_t *bytes, size_t len)
{
    static struct mpm_checker brief, whole;
    uint8_t *copy = mpm_test_guard(bytes, len);
    struct mpm_stock stock;
    struct mpm_doc a, b;
    bool ok;

    memset(&a, 0xaa, sizeof a);
    if (brief.memo == NULL) /* as any message before it leaves it */
        assert_int_equal(mpm__check(&brief, (const uint8_t *)"K\1\x94.", 4, false, &b, NULL), 0);
    ok = mpm__stock_begin(copy, len, &stock) && mpm__check_brief(&brief, copy, len, &stock, &a);
    if (ok) {
        assert_int_equal(mpm__check(&whole, copy, len, false, &b, NULL), 0);
        assert_true(a.bytes == b.bytes && a.len == b.len && a.block == NULL && a.checker == &brief);
        assert_int_equal(a.n_memo, b.n_memo);
        for (uint32_t i = 0; i < a.n_memo; i++) {
            assert_int_equal(a.memo[i].start, b.memo[i].start);
            assert_int_equal(a.memo[i].root, b.memo[i].root);
            assert_int_equal(a.memo[i].put, b.memo[i].put);
            assert_int_equal(a.memo[i].used, b.memo[i].used);
        }
        assert_int_equal(a.n_stops, b.n_stops);
        assert_int_equal(a.lowest_get, b.lowest_get);
        assert_int_equal(a.last_frame, b.last_frame);
        assert_int_equal(a.memoizes, b.memoizes);
        assert_int_equal(a.has_names, b.has_names);
        assert_int_equal(a.has_native_str, b.has_native_str);
        assert_int_equal(a.has_protocol_5, b.has_protocol_5);
        assert_int_equal(a.grows_late, b.grows_late);
        assert_int_equal(a.protocol, b.protocol);
        same_item(a.top, b.top);
        assert_int_equal(a.n_fields, 4);
        assert_int_equal(b.n_fields, 4);
        for (int i = 0; i < 4; i++)
            same_item(a.fields[i], b.fields[i]);
        assert_int_equal(a.n_args, b.n_args);
        for (int i = 0; i < a.n_args; i++)
            same_item(a.args[i], b.args[i]);
    }
    mpm_test_guard_free(copy, len);
    return ok;
}

static void
one_to_three_scalars_are_found_and_nothing_else_is(void **state)
{
    const struct scalar *args[4] = { NULL };
    uint8_t bytes[256];

    (void)state;
    assert_false(found(bytes, request(bytes, args, 0)));
    for (size_t i = 0; i < N_SCALARS; i++) {
        args[0] = &scalars[i];
        assert_int_equal(found(bytes, request(bytes, args, 1)), i < N_BRIEF);
        for (size_t j = 0; j < N_SCALARS; j++) {
            args[1] = &scalars[j];
            assert_int_equal(found(bytes, request(bytes, args, 2)), i < N_BRIEF && j < N_BRIEF);
            args[2] = args[3] = &scalars[(i + j) % N_BRIEF];
            assert_int_equal(found(bytes, request(bytes, args, 3)), i < N_BRIEF && j < N_BRIEF);
            assert_false(found(bytes, request(bytes, args, 4)));
        }
    }
}

static void
what_is_found_in_damaged_requests_is_well_formed(void **state)
{
    const struct scalar *args[3];
    uint8_t bytes[256], was;
    size_t len, n_found = 0, n_left = 0;

    (void)state;
    for (size_t k = 0; k < N_BRIEF; k++) {
        args[0] = &scalars[k];
        args[1] = &scalars[(k + 5) % N_BRIEF];
        args[2] = &scalars[(k + 11) % N_BRIEF];
        len = request(bytes, args, 3);
        for (size_t n = 0; n < len; n++)
            assert_false(found(bytes, n));
        for (size_t at = HEAD_LEN; at < len; at++) {
            was = bytes[at];
            for (int v = 0; v < 256; v++) {
                bytes[at] = (uint8_t)v;
                if (found(bytes, len))
                    n_found++;
                else
                    n_left++;
            }
            bytes[at] = was;
        }
    }
    assert_true(n_found > 0 && n_left > n_found);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_to_three_scalars_are_found_and_nothing_else_is),
        cmocka_unit_test(what_is_found_in_damaged_requests_is_well_formed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

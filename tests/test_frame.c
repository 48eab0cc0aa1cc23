/* test_frame.c - messages out of a stream, however it is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "support/support.h"
#include "wire/frame.h"

#define MAX 0x100000

/* A stream of messages of these lengths, byte i of message m being pattern(m, i). */
static const size_t lengths[] = { 5, 0, 1, 255, 0, 0, 16384, 70000, 3, 300000, 17 };
#define N_LENGTHS (sizeof lengths / sizeof lengths[0])

static uint8_t
pattern(size_t message, size_t i)
{
    return (uint8_t)(message * 31 + i * 7 + (i >> 8));
}

/* extended: how the headers are written; 2: every other one. */
static uint8_t *
make_stream(int extended, size_t *len)
{
    uint8_t *stream = malloc(MAX), *at = stream;

    assert_non_null(stream);
    for (size_t m = 0; m < N_LENGTHS; m++) {
        if (extended == 1 || (extended == 2 && m % 2 == 0)) {
            memset(at, 0xff, 4);
            for (int i = 0; i < 8; i++)
                at[4 + i] = (uint8_t)((uint64_t)lengths[m] >> (56 - 8 * i));
            at += 12;
        } else
            at += mpm__frame_header(at, lengths[m]);
        for (size_t i = 0; i < lengths[m]; i++)
            *at++ = pattern(m, i);
    }
    *len = (size_t)(at - stream);
    return stream;
}

static void
check_message(const struct mpm_message *message, size_t m)
{
    assert_true(m < N_LENGTHS);
    assert_int_equal(message->len, lengths[m]);
    for (size_t i = 0; i < message->len; i++)
        if (message->body[i] != pattern(m, i))
            fail_msg("byte %zu of message %zu is wrong", i, m);
    if (message->block != NULL)
        assert_ptr_equal(message->body, message->block->data);
}

/* Feeds one piece as a session does; returns the number of the next message. */
static size_t
feed_piece(struct mpm_frame *f, const uint8_t *piece, size_t len, size_t m)
{
    struct mpm_message message;
    size_t used;
    int r;

    for (;;) {
        r = mpm__frame_feed(f, piece, len, MAX, &used, &message, NULL);
        assert_true(used <= len);
        piece += used;
        len -= used;
        if (r == MPM_EAGAIN)
            break;
        assert_int_equal(r, 0);
        check_message(&message, m++);
    }
    assert_int_equal(len, 0);
    return m;
}

static void
headers_have_four_bytes_up_to_2_gib_and_twelve_above(void **state)
{
    static const struct {
        uint64_t len;
        size_t size;
        const char *bytes;
    } rows[] = {
        { 0, 4, "00000000" },
        { 27, 4, "0000001b" },
        { 0x7fffffff, 4, "7fffffff" },
        { 0x80000000, 12, "ffffffff 0000000080000000" },
        { 0x123456789a, 12, "ffffffff 000000123456789a" },
        { UINT64_MAX, 12, "ffffffff ffffffffffffffff" },
    };
    uint8_t out[MPM_FRAME_HEADER_MAX], expected[MPM_FRAME_HEADER_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(mpm__frame_header(out, rows[i].len), rows[i].size);
        assert_int_equal(mpm_test_unhex(rows[i].bytes, expected, sizeof expected), rows[i].size);
        assert_memory_equal(out, expected, rows[i].size);
    }
}

static void
a_message_that_is_whole_is_not_copied(void **state)
{
    static const uint8_t bytes[] = "\0\0\0\5hello\0\0\0\2ok";
    struct mpm_frame f = { 0 };
    struct mpm_message message;
    size_t used;

    (void)state;
    mpm_test_alloc_begin();
    assert_int_equal(mpm__frame_feed(&f, bytes, 15, 100, &used, &message, NULL), 0);
    assert_int_equal(used, 9);
    assert_ptr_equal(message.body, bytes + 4);
    assert_null(message.block);
    assert_int_equal(mpm__frame_feed(&f, bytes + 9, 6, 100, &used, &message, NULL), 0);
    assert_int_equal(used, 6);
    assert_ptr_equal(message.body, bytes + 13);
    /* neither is a body whose header came alone */
    assert_int_equal(mpm__frame_feed(&f, bytes, 4, 100, &used, &message, NULL), MPM_EAGAIN);
    assert_true(mpm__frame_is_partial(&f));
    assert_int_equal(mpm__frame_feed(&f, bytes + 4, 5, 100, &used, &message, NULL), 0);
    assert_ptr_equal(message.body, bytes + 4);
    assert_false(mpm__frame_is_partial(&f));
    assert_int_equal(mpm_test_alloc_count(), 0);
    mpm_test_alloc_end();
    mpm__frame_wipe(&f);
}

static void
messages_come_out_of_pieces_of_any_size(void **state)
{
    static const size_t sizes[] = { 1, 2, 3, 4, 5, 7, 11, 12, 13, 64, 1000, 4096, 65536, MAX };

    (void)state;
    for (int extended = 0; extended <= 2; extended++) {
        size_t len;
        uint8_t *stream = make_stream(extended, &len);

        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
            struct mpm_frame f = { 0 };
            size_t m = 0;

            mpm_test_alloc_begin();
            for (size_t at = 0; at < len; at += sizes[s])
                m = feed_piece(&f, stream + at, len - at < sizes[s] ? len - at : sizes[s], m);
            assert_int_equal(m, N_LENGTHS);
            assert_false(mpm__frame_is_partial(&f));
            mpm__frame_wipe(&f);
            assert_int_equal(mpm_test_alloc_end(), 0);
        }
        free(stream);
    }
}

static void
messages_come_out_of_random_pieces(void **state)
{
    uint64_t seed = 1;

    (void)state;
    for (int round = 0; round < 300; round++) {
        size_t len, m = 0, largest = (size_t)1 << mpm_test_below(&seed, 18);
        uint8_t *stream = make_stream(round % 3, &len);
        struct mpm_frame f = { 0 };

        for (size_t at = 0, n; at < len; at += n) {
            size_t room;
            uint8_t *space = mpm_test_below(&seed, 2) ? mpm__frame_space(&f, &room) : NULL;

            n = mpm_test_below(&seed, largest + 1);
            if (n > len - at)
                n = len - at;
            if (space != NULL && room != 0) {
                struct mpm_message message;
                int r;

                n = n == 0 ? 1 : n < room ? n : room;
                memcpy(space, stream + at, n);
                r = mpm__frame_filled(&f, n, &message);
                if (r == 0)
                    check_message(&message, m++);
                else
                    assert_int_equal(r, MPM_EAGAIN);
            } else
                m = feed_piece(&f, stream + at, n, m);
        }
        assert_int_equal(m, N_LENGTHS);
        mpm__frame_wipe(&f);
        free(stream);
    }
}

static void
no_byte_behind_the_input_is_read(void **state)
{
    static const uint8_t stream[] = "\0\0\0\3abc\0\0\0\0\xff\xff\xff\xff\0\0\0\0\0\0\0\2xy\0\0\0\1z";
    const size_t len = sizeof stream - 1;

    (void)state;
    for (size_t from = 0; from <= len; from++)
        for (size_t to = from; to <= len; to++) {
            struct mpm_frame f = { 0 };
            struct mpm_message message;
            size_t used, left = from;
            const uint8_t *at = stream;
            uint8_t *copy = mpm_test_guard(stream + from, to - from), *piece = copy;

            while (mpm__frame_feed(&f, at, left, 100, &used, &message, NULL) == 0)
                at += used, left -= used;
            left = to - from;
            while (mpm__frame_feed(&f, piece, left, 100, &used, &message, NULL) == 0)
                piece += used, left -= used;
            assert_int_equal(used, left);
            mpm__frame_wipe(&f);
            mpm_test_guard_free(copy, to - from);
        }
}

static void
a_negative_length_is_refused_for_good(void **state)
{
    static const char *const headers[] = { "80000000", "fffffffe", "8000001b", "ffffff00", "ff000000", "feffffff" };
    uint8_t bytes[8] = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        struct mpm_frame f = { 0 };
        struct mpm_message message;
        struct mpm_error err;
        size_t used;

        mpm_test_unhex(headers[i], bytes, 4);
        assert_int_equal(mpm__frame_feed(&f, bytes, 3, UINT64_MAX, &used, &message, &err), MPM_EAGAIN);
        assert_int_equal(mpm__frame_feed(&f, bytes + 3, 5, UINT64_MAX, &used, &message, &err), MPM_EPROTO);
        assert_int_equal(err.code, MPM_EPROTO);
        assert_non_null(strstr(err.text, "negative"));
        assert_int_equal(mpm__frame_feed(&f, bytes + 4, 4, UINT64_MAX, &used, &message, &err), MPM_EPROTO);
        assert_int_equal(used, 0);
        mpm__frame_wipe(&f);
    }
}

static void
a_message_over_the_maximum_is_refused_from_its_header(void **state)
{
    static const struct {
        const char *header;
        uint64_t max;
        int result;
    } rows[] = {
        { "00000100", 256, MPM_EAGAIN },
        { "00000101", 256, MPM_ETOOBIG },
        { "7fffffff", 0x7fffffff, MPM_EAGAIN },
        { "7fffffff", 0x7ffffffe, MPM_ETOOBIG },
        { "00000001", 0, MPM_ETOOBIG },
        { "ffffffff 0000000000000100", 256, MPM_EAGAIN },
        { "ffffffff 0000000000000101", 256, MPM_ETOOBIG },
        { "ffffffff 0000000100000000", 256, MPM_ETOOBIG },
        { "ffffffff 8000000000000000", UINT64_MAX, MPM_ETOOBIG },
        { "ffffffff ffffffffffffffff", UINT64_MAX, MPM_ETOOBIG },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t bytes[MPM_FRAME_HEADER_MAX];
        size_t used, len = mpm_test_unhex(rows[i].header, bytes, sizeof bytes);
        struct mpm_frame f = { 0 };
        struct mpm_message message;
        struct mpm_error err = { 0 };

        mpm_test_alloc_begin();
        assert_int_equal(mpm__frame_feed(&f, bytes, len, rows[i].max, &used, &message, &err), rows[i].result);
        assert_int_equal(used, len);
        assert_int_equal(err.code, rows[i].result == MPM_EAGAIN ? 0 : MPM_ETOOBIG);
        assert_int_equal(mpm_test_alloc_count(), 0);
        if (rows[i].result == MPM_ETOOBIG)
            assert_int_equal(mpm__frame_feed(&f, bytes, len, UINT64_MAX, &used, &message, &err), MPM_ETOOBIG);
        mpm__frame_wipe(&f);
        mpm_test_alloc_end();
    }
}

static void
both_sizes_are_in_the_text_of_the_error(void **state)
{
    struct mpm_frame f = { 0 };
    struct mpm_message message;
    struct mpm_error err;
    size_t used;

    (void)state;
    mpm__frame_feed(&f, (const uint8_t *)"\0\1\0\0", 4, 256, &used, &message, &err);
    assert_non_null(strstr(err.text, "65536"));
    assert_non_null(strstr(err.text, "256"));
}

/* 1 GiB is announced; what is taken stays behind twice what came plus 64 KiB (and a block's head). */
static void
memory_follows_what_arrives_and_not_what_is_announced(void **state)
{
    static uint8_t piece[50000];
    static const size_t pieces[] = { 1, 10, 1000, sizeof piece };

    (void)state;
    for (int direct = 0; direct <= 1; direct++)
        for (size_t p = 0; p < sizeof pieces / sizeof pieces[0]; p++) {
            struct mpm_frame f = { 0 };
            struct mpm_message message;
            size_t used, arrived = 0;

            mpm_test_alloc_begin();
            assert_int_equal(mpm__frame_feed(&f, (const uint8_t *)"\x40\0\0\0", 4, UINT64_MAX, &used, &message, NULL),
                MPM_EAGAIN);
            assert_int_equal(mpm_test_alloc_count(), 0);
            for (int i = 0; i < 200; i++) {
                size_t room;
                uint8_t *space = direct ? mpm__frame_space(&f, &room) : NULL;

                if (space != NULL) {
                    assert_true(room >= MPM_FRAME_DIRECT_MIN);
                    assert_true(mpm_test_alloc_largest() <= 2 * arrived + 65536 + sizeof(struct mpm_bytes));
                    arrived += room < pieces[p] ? room : pieces[p];
                    memset(space, 'x', room);
                    assert_int_equal(mpm__frame_filled(&f, room < pieces[p] ? room : pieces[p], &message), MPM_EAGAIN);
                } else {
                    arrived += pieces[p];
                    assert_int_equal(mpm__frame_feed(&f, piece, pieces[p], UINT64_MAX, &used, &message, NULL),
                        MPM_EAGAIN);
                }
                assert_true(mpm_test_alloc_largest() <= 2 * arrived + 65536 + sizeof(struct mpm_bytes));
            }
            /* and in few steps */
            assert_true(mpm_test_alloc_count() <= 16);
            mpm__frame_wipe(&f);
            assert_int_equal(mpm_test_alloc_end(), 0);
        }
}

static void
there_is_space_only_while_a_long_body_is_under_way(void **state)
{
    static uint8_t body[40000];
    struct mpm_frame f = { 0 };
    struct mpm_message message;
    size_t used, room;
    uint8_t *space;

    (void)state;
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (uint8_t)(i * 3);
    assert_null(mpm__frame_space(&f, &room));
    assert_int_equal(room, 0);
    mpm__frame_feed(&f, (const uint8_t *)"\0\0", 2, UINT64_MAX, &used, &message, NULL);
    assert_null(mpm__frame_space(&f, &room));
    mpm__frame_feed(&f, (const uint8_t *)"\x9c\x40" "first", 7, UINT64_MAX, &used, &message, NULL);
    assert_int_equal(used, 7);
    space = mpm__frame_space(&f, &room);
    assert_non_null(space);
    assert_int_equal(room, sizeof body - 5);
    memcpy(space, body + 5, room - 10);
    assert_int_equal(mpm__frame_filled(&f, room - 10, &message), MPM_EAGAIN);
    assert_null(mpm__frame_space(&f, &room));
    assert_int_equal(mpm__frame_feed(&f, body + sizeof body - 10, 10, UINT64_MAX, &used, &message, NULL), 0);
    assert_memory_equal(message.body, "first", 5);
    assert_memory_equal(message.body + 5, body + 5, sizeof body - 5);
    assert_null(mpm__frame_space(&f, &room));
    /* a body read to its end in place */
    mpm__frame_feed(&f, (const uint8_t *)"\0\0\x9c\x40", 4, UINT64_MAX, &used, &message, NULL);
    space = mpm__frame_space(&f, &room);
    assert_int_equal(room, sizeof body);
    memcpy(space, body, room);
    assert_int_equal(mpm__frame_filled(&f, room, &message), 0);
    assert_int_equal(message.len, sizeof body);
    assert_ptr_equal(message.body, space);
    /* space that was asked for and not used */
    mpm__frame_feed(&f, (const uint8_t *)"\0\0\x9c\x40", 4, UINT64_MAX, &used, &message, NULL);
    space = mpm__frame_space(&f, &room);
    assert_int_equal(mpm__frame_feed(&f, body, sizeof body, UINT64_MAX, &used, &message, NULL), 0);
    assert_ptr_equal(message.body, message.block->data);
    assert_memory_equal(message.body, body, sizeof body);
    mpm__frame_wipe(&f);
}

static void
a_receiver_may_hold_the_block(void **state)
{
    struct mpm_frame f = { 0 };
    struct mpm_message message;
    struct mpm_bytes *held;
    size_t used;

    (void)state;
    mpm_test_alloc_begin();
    mpm__frame_feed(&f, (const uint8_t *)"\0\0\0\4ab", 6, 10, &used, &message, NULL);
    assert_int_equal(mpm__frame_feed(&f, (const uint8_t *)"cd\0\0\0\2e", 7, 10, &used, &message, NULL), 0);
    assert_non_null(message.block);
    assert_int_equal(message.block->len, 4);
    held = mpm__bytes_hold(message.block);
    mpm__frame_feed(&f, (const uint8_t *)"\0\0\0\2e", 5, 10, &used, &message, NULL);
    assert_int_equal(mpm__frame_feed(&f, (const uint8_t *)"f", 1, 10, &used, &message, NULL), 0);
    assert_memory_equal(message.body, "ef", 2);
    assert_memory_equal(held->data, "abcd", 4);
    mpm__frame_next(&f);
    mpm__bytes_drop(held);
    assert_int_equal(mpm_test_alloc_end(), 0);
    mpm__frame_next(&f);
}

static void
next_does_not_lose_a_message_under_way(void **state)
{
    struct mpm_frame f = { 0 };
    struct mpm_message message;
    size_t used;

    (void)state;
    mpm__frame_feed(&f, (const uint8_t *)"\0\0\0", 3, 10, &used, &message, NULL);
    mpm__frame_next(&f);
    mpm__frame_feed(&f, (const uint8_t *)"\2a", 2, 10, &used, &message, NULL);
    mpm__frame_next(&f);
    assert_int_equal(mpm__frame_feed(&f, (const uint8_t *)"b", 1, 10, &used, &message, NULL), 0);
    assert_memory_equal(message.body, "ab", 2);
    mpm__frame_wipe(&f);
}

/* Two messages in pieces of 30000 bytes; the one that found no memory is reported at its end, the other is right. */
static int
two_long_messages(void)
{
    static uint8_t stream[2 * (4 + 100000)];
    struct mpm_frame f = { 0 };
    struct mpm_message message;
    struct mpm_error err;
    size_t n_good = 0, n_lost = 0;

    for (size_t m = 0; m < 2; m++) {
        mpm__frame_header(stream + m * 100004, 100000);
        memset(stream + m * 100004 + 4, 'a' + (int)m, 100000);
    }
    for (size_t at = 0, n; at < sizeof stream; at += n) {
        size_t used;
        int r;

        n = sizeof stream - at < 30000 ? sizeof stream - at : 30000;
        if ((at / 30000) % 2 == 1) {
            size_t room;
            uint8_t *space = mpm__frame_space(&f, &room);

            if (room != 0) {
                n = n < room ? n : room;
                memcpy(space, stream + at, n);
                assert_int_equal(mpm__frame_filled(&f, n, &message), MPM_EAGAIN);
                continue;
            }
        }
        r = mpm__frame_feed(&f, stream + at, n, 100000, &used, &message, &err);
        n = used;
        if (r == 0) {
            assert_int_equal(message.body[0], 'a' + (int)(n_good + n_lost));
            assert_int_equal(message.body[99999], 'a' + (int)(n_good + n_lost));
            n_good++;
        } else if (r == MPM_ENOMEM) {
            assert_non_null(strstr(err.text, "100000"));
            n_lost++;
        } else
            assert_int_equal(r, MPM_EAGAIN);
    }
    assert_int_equal(n_good + n_lost, 2);
    assert_false(mpm__frame_is_partial(&f));
    mpm__frame_wipe(&f);
    return n_lost != 0 ? MPM_ENOMEM : 0;
}

static void
a_body_without_memory_is_skipped_and_the_stream_goes_on(void **state)
{
    (void)state;
    assert_true(mpm_test_fail_until_ok(two_long_messages) >= 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_have_four_bytes_up_to_2_gib_and_twelve_above),
        cmocka_unit_test(a_message_that_is_whole_is_not_copied),
        cmocka_unit_test(messages_come_out_of_pieces_of_any_size),
        cmocka_unit_test(messages_come_out_of_random_pieces),
        cmocka_unit_test(no_byte_behind_the_input_is_read),
        cmocka_unit_test(a_negative_length_is_refused_for_good),
        cmocka_unit_test(a_message_over_the_maximum_is_refused_from_its_header),
        cmocka_unit_test(both_sizes_are_in_the_text_of_the_error),
        cmocka_unit_test(memory_follows_what_arrives_and_not_what_is_announced),
        cmocka_unit_test(there_is_space_only_while_a_long_body_is_under_way),
        cmocka_unit_test(a_receiver_may_hold_the_block),
        cmocka_unit_test(next_does_not_lose_a_message_under_way),
        cmocka_unit_test(a_body_without_memory_is_skipped_and_the_stream_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

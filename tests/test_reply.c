/* Replies that the servers of CPython 2.7 to 3.14 wrote, as vectors/sessions/sessions.txt has them: each is taken, and no
 * beginning of one is. What the client says of an exception, a proxy and a value is looked at where it is not like the
 * others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "client/client.h"
#include "client/document.h"
#include "support/support.h"

/* "80 78*20 2e" to bytes. Returns how many. */
static size_t
unpack(const char *text, uint8_t *out)
{
    size_t n = 0;

    while (*text != '\0') {
        size_t len = strcspn(text, " ");
        char part[65536];

        if (len > 2 && text[2] == '*') {
            size_t times = strtoul(text + 3, NULL, 10);
            uint8_t byte;

            snprintf(part, sizeof part, "%.2s", text);
            mpm_test_unhex(part, &byte, 1);
            memset(out + n, byte, times);
            n += times;
        } else {
            assert_true(len < sizeof part);
            memcpy(part, text, len);
            part[len] = '\0';
            n += mpm_test_unhex(part, out + n, len / 2);
        }
        text += len + (text[len] == ' ');
    }
    return n;
}

static void
forget_client(struct mpm_client *c)
{
    mpm__raised_wipe(&c->raised);
    mpm__checker_wipe(&c->checker);
}

static bool
has(const uint8_t *bytes, size_t len, const char *text)
{
    return memmem(bytes, len, text, strlen(text)) != NULL;
}

/* Takes one reply that is whole. */
static void
take_whole(const uint8_t *bytes, size_t len)
{
    struct mpm_client c = { 0 };
    struct mpm_message m = { .body = bytes, .len = len };
    struct mpm_document *d = NULL;
    const struct mpm_exception *e = &c.raised.exception;
    const uint8_t *typeid, *ident;
    size_t typeid_len, ident_len, repr_len;
    bool is_proxy = false;
    char *repr;
    int r = mpm__reply_take(&c, &m, MPM_WANTED_VALUE, &is_proxy, &d, NULL);

    if (has(bytes, len < 40 ? len : 40, "#RETURN")) {
        assert_int_equal(r, 0);
        assert_false(is_proxy);
        r = mpm_repr(mpm_document_root(d), &repr, &repr_len);
        assert_int_equal(r, 0);
        assert_true(repr_len > 0);
        mpm_free(repr);
    } else if (has(bytes, len < 40 ? len : 40, "#PROXY")) {
        assert_int_equal(r, 0);
        assert_true(is_proxy);
        assert_int_equal(mpm__reply_token(d, &typeid, &typeid_len, &ident, &ident_len), 0);
        assert_int_equal(ident_len, 12);
        assert_true(typeid_len > 0);
    } else {
        assert_int_equal(r, MPM_EREMOTE);
        assert_true(c.raised.is_set);
        assert_non_null(strchr(e->type, '.'));
        assert_int_equal(strncmp(e->type, "exceptions.", 11) == 0, 0); /* named as Python 3 does */
        if (has(bytes, len, "#TRACEBACK") || has(bytes, len, "#UNSERIALIZABLE"))
            assert_string_equal(e->type, "multiprocessing.managers.RemoteError");
        else
            assert_non_null(e->args.doc);
    }
    mpm_document_close(d);
    forget_client(&c);
}

static void
expect_none(const uint8_t *bytes, size_t len)
{
    struct mpm_client c = { 0 };
    uint8_t *copy = mpm_test_guard(bytes, len);
    struct mpm_message m = { .body = copy, .len = len };
    struct mpm_document *d = NULL;
    struct mpm_error err = { 0 };
    bool is_proxy;

    assert_int_equal(mpm__reply_take(&c, &m, MPM_WANTED_VALUE, &is_proxy, &d, &err), MPM_EBADPICKLE);
    assert_null(d);
    assert_int_equal(err.code, MPM_EBADPICKLE);
    mpm_test_guard_free(copy, len);
    forget_client(&c);
}

static void
every_recorded_reply_is_taken_and_no_part_of_one(void **state)
{
    size_t len, n_replies = 0, n;
    char *text = (char *)mpm_test_read(mpm_test_path("vectors/sessions/sessions.txt"), &len), *at, *end, *reply;
    uint8_t *bytes = malloc(4 << 20);

    (void)state;
    assert_true(text != NULL && bytes != NULL);
    for (at = text; *at != '\0'; at = end) {
        end = at + strcspn(at, "\n");
        if (*end != '\0')
            *end++ = '\0';
        reply = strstr(at, ": < 8");
        if (reply == NULL || *at == '#')
            continue;
        n = unpack(reply + 4, bytes);
        take_whole(bytes, n);
        for (size_t cut = 0; cut < n && n_replies % 16 == 0 && n < 4096; cut += 3)
            expect_none(bytes, cut);
        n_replies++;
    }
    assert_true(n_replies > 1000);
    free(text);
    free(bytes);
}

static void
expect_failure(const char *hex, int code, const char *text)
{
    struct mpm_client c = { 0 };
    uint8_t bytes[512];
    struct mpm_message m = { .body = bytes, .len = mpm_test_unhex(hex, bytes, sizeof bytes) };
    struct mpm_document *d = NULL;
    struct mpm_error err = { 0 };
    bool is_proxy;

    assert_int_equal(mpm__reply_take(&c, &m, MPM_WANTED_VALUE, &is_proxy, &d, &err), code);
    assert_null(d);
    assert_non_null(strstr(err.text, text));
    forget_client(&c);
}

static void
what_is_no_reply_is_refused(void **state)
{
    (void)state;
    expect_failure("80024e2e", MPM_EPROTO, "no pair");                                 /* None */
    expect_failure("8002550923524554 4e862e", MPM_EBADPICKLE, "");                     /* a text that is longer */
    expect_failure("80025507235245545552 4e 4e4e872e", MPM_EPROTO, "no pair");         /* (#RETURN, None, None) */
    expect_failure("8002550723524554555223 4e862e", MPM_EPROTO, "kind");               /* #RETUR# */
    expect_failure("80024b014e862e", MPM_EPROTO, "kind");                              /* (1, None) */
    expect_failure("8002550623455252 4f52 4e862e", MPM_EPROTO, "exception is none");   /* (#ERROR, None) */
    expect_failure("8002550a2354524143454241434b 4e862e", MPM_EPROTO, "exception is none");
}

static void
texts_of_an_exception_end_where_they_end(void **state)
{
    struct mpm_client c = { 0 };
    uint8_t bytes[64];
    struct mpm_message m = { .body = bytes, .len = mpm_test_unhex("80025506234552524f5263 00780a790a 5503610062 85 52 862e", bytes,
        sizeof bytes) };
    struct mpm_document *d;
    bool is_proxy;

    (void)state;
    assert_int_equal(mpm__reply_take(&c, &m, MPM_WANTED_VALUE, &is_proxy, &d, NULL), MPM_EREMOTE);
    assert_string_equal(c.raised.exception.type, "?x.y");
    assert_string_equal(c.raised.exception.text, "a?b");
    forget_client(&c);
}

/* What it takes of a long message is the message. */
static void
a_long_reply_is_not_copied(void **state)
{
    enum { SIZE = 100000 };
    static const uint8_t head[] = { 0x80, 4, 0x8c, 7, '#', 'R', 'E', 'T', 'U', 'R', 'N', 'B', 0xa0, 0x86, 1, 0 };
    struct mpm_client c = { 0 };
    struct mpm_bytes *block;
    struct mpm_document *d;
    const void *bytes;
    size_t len;
    bool is_proxy;

    (void)state;
    mpm_test_alloc_begin();
    block = mpm__bytes_new(sizeof head + SIZE + 2);
    memset(block->data, 'x', block->len);
    memcpy(block->data, head, sizeof head);
    memcpy(block->data + sizeof head + SIZE, "\x86.", 2);
    assert_int_equal(mpm__reply_take(&c, &(struct mpm_message){ block->data, block->len, block }, MPM_WANTED_VALUE,
        &is_proxy, &d, NULL), 0);
    assert_int_equal(mpm_read_bytes(mpm_document_root(d), &bytes, &len), 0);
    assert_int_equal(len, SIZE);
    assert_ptr_equal(bytes, block->data + sizeof head);
    mpm__bytes_drop(block); /* the document has its own */
    assert_int_equal(((const uint8_t *)bytes)[SIZE - 1], 'x');
    mpm_document_close(d);
    forget_client(&c);
    assert_int_equal(mpm_test_alloc_end(), 0);
}

static int
take_everything(void)
{
    static const char *const replies[] = { "80025507235245545552 4e 5d71012858010000006171024b0165862e",
        "8002550623455252 4f52 635f5f6275696c74696e5f5f0a4b65794572726f720a5501618552862e",
        "8002550a2354524143454241434b 550561 0a 620a 0a862e" };
    struct mpm_client c = { 0 };
    int r = 0;

    for (size_t i = 0; i < sizeof replies / sizeof *replies && r == 0; i++) {
        uint8_t bytes[256];
        struct mpm_message m = { .body = bytes, .len = mpm_test_unhex(replies[i], bytes, sizeof bytes) };
        struct mpm_document *d = NULL;
        bool is_proxy;

        r = mpm__reply_take(&c, &m, MPM_WANTED_VALUE, &is_proxy, &d, NULL);
        assert_true(r == MPM_ENOMEM || r == (i == 0 ? 0 : MPM_EREMOTE));
        mpm_document_close(d);
        mpm__reply_forget(&c);
        if (r == MPM_EREMOTE)
            r = 0;
    }
    forget_client(&c);
    return r;
}

static void
without_memory_a_reply_is_not_taken(void **state)
{
    (void)state;
    mpm_test_fail_until_ok(take_everything);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_recorded_reply_is_taken_and_no_part_of_one),
        cmocka_unit_test(what_is_no_reply_is_refused),
        cmocka_unit_test(texts_of_an_exception_end_where_they_end),
        cmocka_unit_test(a_long_reply_is_not_copied),
        cmocka_unit_test(without_memory_a_reply_is_not_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

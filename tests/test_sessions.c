/*
 * test_sessions.c - recorded sessions of stock clients with stock servers, played frame by frame to a hub in memory.
 *
 * vectors/sessions/sessions.txt has what clients of CPython 2.7 to 3.14 wrote, and the replies. Each request goes in
 * as it was written, but for the idents. The reply has to be the one recorded, or that of 3.13, whose texts mpmd has:
 * of a traceback the kind and the last line, of everything else each value. What is meant to differ stands in the
 * table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "support/peer.h"
#include "support/support.h"
#include "value/canon.h"
#include "value/repr.h"

#define TEXTS "3.13"
#define BEFORE_314 "2.7 3.6 3.7 3.8 3.9 3.10 3.11 3.12 3.13"
#define BODY_MAX 100000
#define N_CONNECTIONS 8
#define N_IDENTS 1000
#define PROXY_IN_HEX "2350524f5859"

/* --- what differs ------------------------------------------------------------------------------------------------- */

/* Step and mpmd's reply in words, both as in the shell; versions: NULL for all. Each must be needed with some
 * version. */
struct difference {
    const char *step, *versions, *reply, *reason;
    bool used;
};

static struct difference differences[] = {
    { "Lock.locked", BEFORE_314, "'#RETURN' False", "3.14 has it, mpmd gives it to all", false },
    { "list.clear", BEFORE_314, "'#RETURN' None", "the same", false },
    { "list.copy", BEFORE_314, "'#RETURN' [[]]", "the same", false },
    { "dict.or", BEFORE_314, "'#RETURN' {}", "the same", false },
    { "list.reversed", NULL, "'#RETURN' <reversed object>", "the place where it begins goes without saying", false },
    { "list.sort.key", NULL, "'#ERROR' NotImplementedError(*", "a key function is Python", false },
    { "dict.iter*", "2.7", "'#PROXY' (('__next__', 'send', *", "`next` works, and 2.7's own proxy class knows it", false },
    { "raw.create.Iterator", "2.7", "'#RETURN' ('*', ('__next__', 'send', *", "the same", false },
    { "dict.has_key", "2.7", "'#RETURN' True", "dicts have an order: popitem() took another one", false },
    { "dict.has_key", "3.6", "'#RETURN' True", "3.6 exposes it, but has it no longer", false },
    { "proxy.get", "2.7", "'#RETURN' [5, 4, 'z', *", "a copy of the list that was not sorted with a key function", false },
    { "server.debug_info", NULL, "'#RETURN' '  100000000001: *", "objects are in the order of their idents", false },
    { "raw.track_segment", NULL, "'#RETURN' None", "only a SharedMemoryManager's server has it, mpmd is one", false },
    { "raw.notatuple", NULL, "! #TRACEBACK TypeError: cannot unpack the request: *", "it says what of", false },
    { "raw.none", NULL, "! #TRACEBACK TypeError: cannot unpack the request: *", "the same", false },
    { "raw.dict4", NULL, "! #TRACEBACK TypeError: cannot unpack the request: *", "a dict is no request", false },
    { "data.notatuple", NULL, "! #TRACEBACK TypeError: cannot unpack the request: *", "it says what of", false },
    { "raw.get_methods.str", NULL, "! #TRACEBACK AttributeError: get_methods() wants a Token: *", "it says what is wanted", false },
    { "*.garbage", NULL, "! #TRACEBACK _pickle.UnpicklingError: *", "it says where", false },
    { "raw.empty", NULL, "closed", "nothing, where a request should be, is no request", false },
    { "data.method.none", NULL, "! #TRACEBACK AttributeError: method None of <class 'list'> *", "exposed names in order", false },
};

/* --- the file ----------------------------------------------------------------------------------------------------- */

struct line {
    char *versions, *text; /* in the file's text */
    bool is_request;
};

/* A request and its reply: lines[first ... last - 1], which have the versions of both. */
struct exchange {
    const char *step;
    size_t place, first, last;
};

static struct {
    char *text;
    struct line *lines;
    struct exchange *exchanges;
    size_t n_lines, n_exchanges;
} file;

static void
read_file(void)
{
    size_t len, place = 0;
    char *at, *end, *step = NULL, *colon;
    bool was_reply = true;

    file.text = (char *)mpm_test_read(mpm_test_path("vectors/sessions/sessions.txt"), &len);
    assert_non_null(file.text);
    file.lines = calloc(len / 8, sizeof(*file.lines));
    file.exchanges = calloc(len / 8, sizeof(*file.exchanges));
    assert_true(file.lines != NULL && file.exchanges != NULL);
    for (at = file.text; *at != '\0'; at = end) {
        end = at + strcspn(at, "\n");
        if (*end != '\0')
            *end++ = '\0';
        if (strncmp(at, "step ", 5) == 0) {
            step = at + 5;
            place = 0;
            was_reply = true;
        } else if (*at != '\0' && *at != '#') {
            struct line *line = &file.lines[file.n_lines++];

            colon = strchr(at, ':');
            assert_non_null(colon);
            *colon = '\0';
            *line = (struct line){ at, colon + 4, colon[2] == '>' };
            if (line->is_request && was_reply)
                file.exchanges[file.n_exchanges++] = (struct exchange){ step, place++, file.n_lines - 1, file.n_lines };
            file.exchanges[file.n_exchanges - 1].last = file.n_lines;
            was_reply = !line->is_request;
        }
    }
}

static bool
has_word(const char *words, const char *word)
{
    size_t len = strlen(word);

    for (const char *at = words; (at = strstr(at, word)) != NULL; at += len)
        if ((at == words || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
            return true;
    return false;
}

/* NULL: this version has none. */
static const char *
line_of(const struct exchange *e, const char *version, bool is_request)
{
    for (size_t i = e->first; i < e->last; i++)
        if (file.lines[i].is_request == is_request && has_word(file.lines[i].versions, version))
            return file.lines[i].text;
    return NULL;
}

/* --- bytes -------------------------------------------------------------------------------------------------------- */

static char idents[N_IDENTS][13];
static size_t n_idents;

static void
put_idents(void *bytes, size_t n)
{
    uint8_t *end = (uint8_t *)bytes + n, *at;

    for (at = bytes; (at = memmem(at, (size_t)(end - at), "ident0", 6)) != NULL && end - at >= 12; at += 6) {
        char digits[8] = "";
        size_t i;

        memcpy(digits, at + 5, 7);
        i = strtoul(digits, NULL, 10);
        if (i > 0 && i <= n_idents)
            memcpy(at, idents[i - 1], 12);
    }
}

/* "80 78*20 2e" to bytes, with the server's own idents in place of ident0000001 and so on. */
static size_t
unpack(const char *text, uint8_t *out)
{
    size_t n = 0;

    while (*text != '\0') {
        size_t len = strcspn(text, " ");

        if (len > 2 && text[2] == '*') {
            size_t times = strtoul(text + 3, NULL, 10);

            assert_true(n + times <= BODY_MAX);
            mpm_test_unhex((char[]){ text[0], text[1], '\0' }, out + n, 1);
            memset(out + n, out[n], times);
            n += times;
        } else {
            char *word = strndup(text, len);

            assert_non_null(word);
            n += mpm_test_unhex(word, out + n, BODY_MAX - n);
            free(word);
        }
        text += len + (text[len] == ' ');
    }
    put_idents(out, n);
    return n;
}

/* --- replies ------------------------------------------------------------------------------------------------------ */

struct reply {
    struct mpm_checker checker;
    struct mpm_doc doc;
    struct mpm_buf bytes;
    struct mpm_ref kind, payload;
};

static void
wipe_reply(struct reply *r)
{
    mpm__checker_wipe(&r->checker);
    mpm__buf_wipe(&r->bytes);
}

static void
read_reply(struct reply *r, const uint8_t *bytes, size_t len)
{
    struct mpm_parts parts = { 0 };
    struct mpm_error err = { 0 };

    memset(r, 0, sizeof(*r));
    mpm__buf_init(&r->bytes, 0);
    mpm__buf_put(&r->bytes, bytes, len);
    assert_int_equal(mpm__check(&r->checker, r->bytes.data, len, false, &r->doc, &err), 0);
    assert_int_equal(mpm__parts((struct mpm_ref){ &r->doc, r->doc.top }, &parts), 0);
    assert_int_equal(parts.items.n, 2);
    r->kind = mpm__part(&parts, 0);
    r->payload = mpm__part(&parts, 1);
    mpm__parts_wipe(&parts);
}

/* Takes out what differs from run to run: addresses, owners. */
static void
without_addresses(char *text)
{
    char *to = text;

    for (char *at = text; *at != '\0';) {
        bool address = strncmp(at, "0x", 2) == 0, owner = strncmp(at, "owner=", 6) == 0 && at[6] != '0';
        size_t keep = address ? 2 : owner ? 6 : 1;

        memmove(to, at, keep);
        to += keep;
        at += keep;
        while ((address && isxdigit((unsigned char)*at)) || (owner && (isalnum((unsigned char)*at) || strchr("'|-", *at))))
            if (*at++ == '\0')
                return;
    }
    *to = '\0';
}

/* repr() of it; free() it. */
static char *
in_words(struct mpm_ref ref)
{
    struct mpm_buf text;
    struct mpm_token_ref token;
    char *words;

    mpm__buf_init(&text, 0);
    if (mpm__read_token(ref, &token) == 0) {
        mpm__buf_text(&text, "Token ");
        assert_int_equal(mpm__repr(token.typeid, &text), 0);
        mpm__buf_u8(&text, ' ');
        assert_int_equal(mpm__repr(token.address, &text), 0);
        mpm__buf_u8(&text, ' ');
        assert_int_equal(mpm__repr(token.ident, &text), 0);
        mpm__buf_u8(&text, ' ');
    }
    assert_int_equal(mpm__repr(ref, &text), 0);
    mpm__buf_u8(&text, 0);
    assert_int_equal(text.error, 0);
    words = strdup((const char *)text.data);
    mpm__buf_wipe(&text);
    assert_non_null(words);
    without_addresses(words);
    return words;
}

static bool
same_value(struct mpm_ref a, struct mpm_ref b)
{
    char *x = in_words(a), *y = in_words(b);
    bool same = strcmp(x, y) == 0, honest = strstr(x, " object>") != NULL && strncmp(x, "Token", 5) != 0;
    struct mpm_canon p = { 0 }, q = { 0 };
    int kind_a = mpm__kind(&a), kind_b = mpm__kind(&b);

    /* What repr() does not tell: byte strings, where 2.7 wants them; the state of instances. */
    if (same && kind_a == MPM_K_NATIVE && kind_b != MPM_K_NATIVE)
        same = false;
    if (same && honest)
        same = mpm__canon(a, &p) == 0 && mpm__canon(b, &q) == 0 && p.bytes.len == q.bytes.len &&
            memcmp(p.bytes.data, q.bytes.data, p.bytes.len) == 0;
    mpm__canon_wipe(&p);
    mpm__canon_wipe(&q);
    free(x);
    free(y);
    return same;
}

/* Whether every name among `less` is among `more`, too: 3.14 exposes more, mpmd to all. */
static bool
exposes(struct mpm_ref less, struct mpm_ref more)
{
    struct mpm_parts wanted = { 0 }, there = { 0 };
    bool ok = mpm__parts(less, &wanted) == 0 && mpm__parts(more, &there) == 0;

    for (size_t i = 0; ok && i < wanted.items.n; i++) {
        bool found = false;

        for (size_t j = 0; !found && j < there.items.n; j++)
            found = same_value(mpm__part(&wanted, i), mpm__part(&there, j));
        ok = found;
    }
    mpm__parts_wipe(&wanted);
    mpm__parts_wipe(&there);
    return ok;
}

/* Class without its module, and arguments. Modules are many: queue, _queue, exceptions, builtins; test_names.c knows
 * them. */
static bool
same_exception(struct mpm_ref a, struct mpm_ref b)
{
    const uint8_t *module, *x, *y;
    size_t len, x_len, y_len;
    struct mpm_parts p = { 0 }, q = { 0 };
    bool same = mpm__read_global(a, &module, &len, &x, &x_len) == 0 && mpm__read_global(b, &module, &len, &y, &y_len) == 0 &&
        x_len == y_len && memcmp(x, y, x_len) == 0 && mpm__parts(a, &p) == 0 && mpm__parts(b, &q) == 0 &&
        same_value(mpm__part(&p, 1), mpm__part(&q, 1));

    mpm__parts_wipe(&p);
    mpm__parts_wipe(&q);
    return same;
}

static bool
same_reply(const char *step, const uint8_t *request, size_t request_len, const struct reply *recorded, const struct reply *got)
{
    struct mpm_parts p = { 0 }, q = { 0 };
    bool is_create = memmem(request, request_len, "create", 6) != NULL, is_proxy = mpm__text_is(recorded->kind, "#PROXY"), same;

    if (!same_value(recorded->kind, got->kind))
        return false;
    if (mpm__text_is(recorded->kind, "#ERROR"))
        return same_exception(recorded->payload, got->payload);
    if (strcmp(step, "raw.get_methods") == 0)
        return exposes(recorded->payload, got->payload);
    if (!is_create && !is_proxy)
        return same_value(recorded->payload, got->payload);
    same = mpm__parts(recorded->payload, &p) == 0 && mpm__parts(got->payload, &q) == 0 && p.items.n == 2 && q.items.n == 2 &&
        exposes(mpm__part(&p, is_create), mpm__part(&q, is_create)) &&
        same_value(mpm__part(&p, !is_create), mpm__part(&q, !is_create));
    mpm__parts_wipe(&p);
    mpm__parts_wipe(&q);
    return same;
}

/* "! KIND last line" of a traceback, else "KIND value"; free() it. */
static char *
describe(const struct reply *r)
{
    struct mpm_buf scratch;
    const uint8_t *text;
    size_t len, at;
    char *words, *kind, *value;

    mpm__buf_init(&scratch, 0);
    if (mpm__text_is(r->kind, "#TRACEBACK") || mpm__text_is(r->kind, "#UNSERIALIZABLE")) {
        assert_int_equal(mpm__decode_text(r->payload, &scratch, &text, &len), 0);
        while (len > 0 && isspace(text[len - 1]))
            len--;
        for (at = len; at > 0 && text[at - 1] != '\n'; at--)
            ;
        assert_true(asprintf(&words, "! %s %.*s", mpm__text_is(r->kind, "#TRACEBACK") ? "#TRACEBACK" : "#UNSERIALIZABLE",
            (int)(len - at), (const char *)text + at) > 0);
        without_addresses(words);
    } else {
        kind = in_words(r->kind);
        value = in_words(r->payload);
        assert_true(asprintf(&words, "%s %s", kind, value) > 0);
        free(kind);
        free(value);
    }
    mpm__buf_wipe(&scratch);
    return words;
}

/* `said` is a line of the file. */
static bool
is_as_recorded(const char *step, const char *said, const uint8_t *request, size_t request_len, const struct reply *got)
{
    static uint8_t body[BODY_MAX];
    struct reply recorded;
    char *words;
    bool same;

    if (said == NULL)
        return false;
    if (strcmp(said, "closed") == 0 || got == NULL)
        return strcmp(said, "closed") == 0 && got == NULL;
    if (said[0] == '!' || strcmp(said, "None") == 0) {
        char *plain = strdup(said);

        assert_non_null(plain);
        put_idents(plain, strlen(plain));
        without_addresses(plain);
        words = describe(got);
        same = strcmp(words, said[0] == '!' ? plain : "'#RETURN' None") == 0;
        free(words);
        free(plain);
        return same;
    }
    read_reply(&recorded, body, unpack(said, body));
    same = same_reply(step, request, request_len, &recorded, got);
    wipe_reply(&recorded);
    return same;
}

/* --- playing ------------------------------------------------------------------------------------------------------ */

static struct mpm_peer_client connections[N_CONNECTIONS];
static size_t n_wrong, n_played;

/* Whether the ident in a reply is a new one. */
static bool
names_an_object(const uint8_t *request, size_t request_len, bool is_return, bool is_proxy)
{
    return is_proxy || (is_return && memmem(request, request_len, "create", 6) != NULL);
}

/* The server's ident for the object that the recorded reply made. got: NULL when it made none. */
static void
learn(const struct reply *got)
{
    struct mpm_parts parts = { 0 };
    struct mpm_token_ref token;
    struct mpm_ref ident;
    const uint8_t *text = (const uint8_t *)"not made....";
    size_t len = 12;

    if (got != NULL) {
        assert_int_equal(mpm__parts(got->payload, &parts), 0);
        ident = mpm__part(&parts, 0);
        if (mpm__text_is(got->kind, "#PROXY")) {
            assert_int_equal(mpm__read_token(mpm__part(&parts, 1), &token), 0);
            ident = token.ident;
        }
        assert_int_equal(mpm__read_text(ident, &text, &len), 0);
        assert_int_equal(len, 12);
    }
    assert_true(n_idents < N_IDENTS);
    memcpy(idents[n_idents++], text, 12);
    mpm__parts_wipe(&parts);
}

static void
complain(const char *version, const struct exchange *e, const char *said, const struct reply *got)
{
    static uint8_t body[BODY_MAX];
    struct reply recorded;
    char *words = got != NULL ? describe(got) : strdup("closed"), *wanted;

    assert_non_null(words);
    for (size_t i = 0; i < sizeof(differences) / sizeof(*differences); i++) {
        struct difference *d = &differences[i];

        if (fnmatch(d->step, e->step, 0) == 0 && (d->versions == NULL || has_word(d->versions, version)) &&
            fnmatch(d->reply, words, 0) == 0) {
            d->used = true;
            free(words);
            return;
        }
    }
    if (said[0] == '!' || strcmp(said, "None") == 0 || strcmp(said, "closed") == 0) {
        wanted = strdup(said);
    } else {
        read_reply(&recorded, body, unpack(said, body));
        wanted = describe(&recorded);
        wipe_reply(&recorded);
    }
    print_message("%s: %s, request %zu\n    recorded: %.300s\n    mpmd:     %.300s\n", version, e->step, e->place + 1, wanted, words);
    n_wrong++;
    free(wanted);
    free(words);
}

static void
play(struct mpm_hub *hub, const char *version, const struct exchange *e, int64_t *now_ns)
{
    static uint8_t body[BODY_MAX];
    const char *request = line_of(e, version, true), *said = line_of(e, version, false);
    char *hex;
    size_t number = strtoul(request, &hex, 10), len = unpack(*hex == ' ' ? hex + 1 : hex, body);
    struct mpm_peer_client fresh = { .now_ns = *now_ns }, *p = number == 0 ? &fresh : &connections[number];
    struct reply got;
    bool is_there;

    assert_true(number < N_CONNECTIONS);
    if (p->session == NULL) {
        p->now_ns = *now_ns;
        assert_true(mpm_test_connect(p, hub, 1));
    }
    p->now_ns = *now_ns;
    mpm_test_send(p, body, len);
    if (!(is_there = mpm_test_reply(p)) && !p->is_closed) {
        *now_ns += (int64_t)10 * 1000000000; /* it waits */
        mpm__hub_tick(hub, *now_ns);
        mpm_test_drain(p);
        is_there = mpm_test_reply(p);
    }
    if (is_there)
        read_reply(&got, p->reply.data, p->reply.len);
    if (names_an_object(body, len, isxdigit((unsigned char)said[0]), strstr(said, PROXY_IN_HEX) != NULL))
        learn(is_there && names_an_object(body, len, mpm__text_is(got.kind, "#RETURN"), mpm__text_is(got.kind, "#PROXY")) ?
            &got : NULL);
    n_played++;
    if (!is_as_recorded(e->step, said, body, len, is_there ? &got : NULL) &&
        !is_as_recorded(e->step, line_of(e, TEXTS, false), body, len, is_there ? &got : NULL))
        complain(version, e, said, is_there ? &got : NULL);
    if (is_there)
        wipe_reply(&got);
    if (number == 0 || p->is_closed)
        mpm_test_disconnect(p, false);
}

static void
play_version(const char *version)
{
    struct mpm_hub_options options;
    struct mpm_hub *hub;
    int64_t now_ns = (int64_t)1000 * 1000000000;

    mpm_test_hub_options(&options);
    options.first_id = 0x100000000001; /* as long as the idents in the requests */
    hub = mpm__hub_new(&options);
    assert_non_null(hub);
    assert_int_equal(mpm__hub_add_address(hub, "m.sock"), 0);
    n_idents = 0;
    n_played = 0;
    memset(connections, 0, sizeof(connections));
    for (size_t i = 0; i < file.n_exchanges; i++)
        if (line_of(&file.exchanges[i], version, true) != NULL)
            play(hub, version, &file.exchanges[i], &now_ns);
    for (size_t i = 0; i < N_CONNECTIONS; i++)
        if (connections[i].session != NULL)
            mpm_test_disconnect(&connections[i], false);
    mpm__hub_free(hub);
    assert_true(n_played > 400);
}

static void
recorded_requests_get_the_recorded_replies(void **state)
{
    static const char *const versions[] = { "2.7", "3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14" };

    (void)state;
    mpm__log_default.level = MPM_LOG_ERROR;
    read_file();
    for (size_t i = 0; i < sizeof(versions) / sizeof(*versions); i++)
        play_version(versions[i]);
    free(file.lines);
    free(file.exchanges);
    free(file.text);
    assert_int_equal(n_wrong, 0);
    for (size_t i = 0; i < sizeof(differences) / sizeof(*differences); i++)
        if (!differences[i].used)
            fail_msg("nothing differs like this any more: %s", differences[i].step);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_requests_get_the_recorded_replies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

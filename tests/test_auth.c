/* test_auth.c - the challenge in both roles: against recorded connections of stock CPythons, and against itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "hash/digest.h"
#include "support/support.h"
#include "wire/auth.h"
#include "wire/frame.h"

#define KEY "wire-vectors"
#define FORTY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define TWENTY "AAAAAAAAAAAAAAAAAAAA"
#define SIXTY_FOUR FORTY TWENTY "AAAA"
#define HUNDRED FORTY FORTY TWENTY
#ifdef MPM_WITH_NETTLE
#define HAVE_MD5 true
#else
#define HAVE_MD5 false
#endif

/* --- small tools ------------------------------------------------------------------------------------------------- */

static struct mpm_auth auth;
static struct mpm_buf out;
static struct mpm_error err;

static void
begin(enum mpm_auth_role role, const void *challenge, size_t len)
{
    mpm__buf_wipe(&out);
    mpm__buf_init(&out, 0);
    mpm__auth_init(&auth, role, challenge, len, &out);
}

static int
feed(const char *key, const void *body, size_t len)
{
    uint8_t *copy = mpm_test_guard(body, len);
    int r;

    memset(&err, 0, sizeof err);
    mpm__buf_clear(&out);
    r = mpm__auth_feed(&auth, (const uint8_t *)key, strlen(key), copy, len, &out, &err);
    assert_int_equal(err.code, r == MPM_EAGAIN ? 0 : r);
    mpm_test_guard_free(copy, len);
    return r;
}

static int
feed_text(const char *key, const char *text)
{
    return feed(key, text, strlen(text));
}

static void
sent(const void *body, size_t len)
{
    assert_int_equal(out.len, len + 4);
    assert_int_equal(out.data[3], len);
    assert_memory_equal(out.data + 4, body, len);
}

static void
sent_text(const char *text)
{
    sent(text, strlen(text));
}

static void
sent_nothing(void)
{
    assert_int_equal(out.len, 0);
}

static size_t
put_mac(uint8_t *at, const char *digest, const char *key, const void *message, size_t len)
{
    const struct mpm_digest *d = mpm__digest_find(digest, strlen(digest));

    assert_non_null(d);
    mpm__hmac(d, (const uint8_t *)key, strlen(key), message, len, at);
    return mpm__digest_size(d);
}

/* --- the recordings ---------------------------------------------------------------------------------------------- */

struct recording {
    char client[8], server[8], label[8], client_key[32], server_key[32];
    struct recorded {
        char from; /* 'S' or 'C' */
        size_t len;
        uint8_t body[256];
    } frames[6];
    size_t n;
};

static struct recording *recordings;
static size_t n_recordings;

static int
read_recordings(void **state)
{
    size_t len;
    char *text = (char *)mpm_test_read(mpm_test_path("vectors/handshakes/pairings.txt"), &len), *next;

    (void)state;
    if (text == NULL || mpm__hash_setup() != 0)
        return -1;
    recordings = calloc(64, sizeof *recordings);
    for (char *line = text; line != NULL && recordings != NULL; line = next) {
        struct recording *r = &recordings[n_recordings];
        uint8_t frame[260];

        if ((next = strchr(line, '\n')) != NULL)
            *next++ = '\0';
        if (strncmp(line, "pairing ", 8) == 0) {
            assert_true(n_recordings < 64);
            r = &recordings[n_recordings++];
            assert_int_equal(sscanf(line, "pairing %7s %7s %7s %31s %31s", r->client, r->server, r->label,
                r->client_key, r->server_key), 5);
        } else if (line[0] == 'S' || line[0] == 'C') {
            struct recorded *f;

            assert_true(n_recordings > 0);
            r = &recordings[n_recordings - 1];
            assert_true(r->n < 6);
            f = &r->frames[r->n++];
            f->from = line[0];
            f->len = mpm_test_unhex(line + 2, frame, sizeof frame) - 4;
            memcpy(f->body, frame + 4, f->len);
        }
    }
    free(text);
    return recordings != NULL ? 0 : -1;
}

static int
forget_recordings(void **state)
{
    (void)state;
    free(recordings);
    mpm__buf_wipe(&out);
    return 0;
}

static bool
is_old(const char *version)
{
    return strcmp(version, "3.12") != 0 && strcmp(version, "3.13") != 0;
}

static bool
is_good(const struct recording *r)
{
    return strcmp(r->label, "good") == 0;
}

/* The challenge that this side sent: the first frame or, the client's, the fourth. A refused client sent none. */
static void
begin_recorded(const struct recording *r, enum mpm_auth_role role)
{
    const struct recorded *f = &r->frames[role == MPM_AUTH_LISTENER ? 0 : 3];

    if (role == MPM_AUTH_CLIENT && r->n < 4)
        begin(role, "{sha256}" FORTY, 48);
    else
        begin(role, f->body + 11, f->len - 11);
}

/* In one place our side does better than the recorded one: an old Python answers a new one's {sha256} with bare MD5, we
 * with what was asked for. */
static void
adapt_answer(struct recording *r, const char *key, size_t challenge, const char *ours, const char *theirs)
{
    const struct recorded *c = &r->frames[challenge];
    struct recorded *answer = &r->frames[challenge + 1];

    if (challenge >= r->n || !is_old(ours) || is_old(theirs))
        return;
    memcpy(answer->body, "{sha256}", 8);
    answer->len = 8 + put_mac(answer->body + 8, "sha256", key, c->body + 11, c->len - 11);
}

/* And in another we ask a simpler question: a new Python asks an old one with 48 bytes, we with 20 of them. What the
 * server would have said to that has to be computed. */
static void
adapt_challenge(struct recording *r)
{
    struct recorded *challenge = &r->frames[3], *response = &r->frames[4];

    if (r->n < 5 || is_old(r->client) || !is_old(r->server))
        return;
    assert_int_equal(challenge->len, 11 + 48);
    memmove(challenge->body + 11, challenge->body + 11 + 8, 20);
    challenge->len = 11 + 20;
    response->len = put_mac(response->body, "md5", r->server_key, challenge->body + 11, 20);
}

/* Plays one side. mutated: this frame is changed in this bit before it is fed (-1: none). Returns how it ended. */
static int
replay(const struct recording *recorded, enum mpm_auth_role role, int mutated, size_t bit)
{
    struct recording r = *recorded;
    char us = role == MPM_AUTH_LISTENER ? 'S' : 'C';
    const char *key = role == MPM_AUTH_LISTENER ? r.server_key : r.client_key;
    int result = MPM_EAGAIN;

    begin_recorded(&r, role);
    if (role == MPM_AUTH_CLIENT) {
        adapt_answer(&r, key, 0, r.client, r.server);
        adapt_challenge(&r);
    } else {
        adapt_answer(&r, key, 3, r.server, r.client);
        sent(r.frames[0].body, r.frames[0].len);
    }
    for (size_t i = role == MPM_AUTH_LISTENER; i < r.n; i++) {
        struct recorded *f = &r.frames[i];

        if (f->from == us)
            continue;
        if ((int)i == mutated)
            f->body[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        result = feed(key, f->body, f->len);
        if (mutated >= 0 && (result != MPM_EAGAIN || (int)i == mutated))
            return result;
        /* what we send is what was recorded, and all of it came at once */
        if (i + 1 < r.n && r.frames[i + 1].from == us) {
            size_t len = 4 + r.frames[i + 1].len;

            assert_true(out.len >= len);
            assert_memory_equal(out.data + 4, r.frames[i + 1].body, len - 4);
            if (i + 2 < r.n && r.frames[i + 2].from == us) {
                assert_int_equal(out.len, len + 4 + r.frames[i + 2].len);
                assert_memory_equal(out.data + len + 4, r.frames[i + 2].body, r.frames[i + 2].len);
            } else
                assert_int_equal(out.len, len);
        } else
            sent_nothing();
        if (result != MPM_EAGAIN)
            assert_true(i + 1 == r.n || (r.frames[i + 1].from == us && i + 2 == r.n));
    }
    return result;
}

static bool
needs_md5(const struct recording *r)
{
    return is_old(r->client) || is_old(r->server);
}

static void
every_recorded_connection_is_replayed_in_both_roles(void **state)
{
    (void)state;
    assert_int_equal(n_recordings, 50);
    for (size_t i = 0; i < n_recordings; i++)
        for (int role = MPM_AUTH_LISTENER; role <= MPM_AUTH_CLIENT; role++) {
            const struct recording *r = &recordings[i];
            bool peer_is_old = is_old(role == MPM_AUTH_LISTENER ? r->client : r->server);

            if (needs_md5(r) && !HAVE_MD5)
                continue;
            assert_int_equal(replay(r, role, -1, 0), is_good(r) ? 0 : MPM_EAUTH);
            /* a new client that answers an old challenge shows its age with its own challenge, if it comes to that */
            if (role == MPM_AUTH_CLIENT || is_good(r) || !is_old(r->server))
                assert_int_equal(auth.peer, peer_is_old ? MPM_AUTH_PEER_OLD : MPM_AUTH_PEER_NEW);
        }
}

/* Each bit of each frame: an answer, a verdict and the word #CHALLENGE# are refused, and changed random bytes get
 * another answer. */
static void
no_bit_of_a_handshake_can_be_changed(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_recordings; i++)
        for (int role = MPM_AUTH_LISTENER; role <= MPM_AUTH_CLIENT; role++) {
            const struct recording *r = &recordings[i];
            char them = role == MPM_AUTH_LISTENER ? 'C' : 'S';

            if (!is_good(r) || (needs_md5(r) && !HAVE_MD5))
                continue;
            for (size_t f = 0; f < r->n; f++) {
                bool is_challenge = f == 0 || f == 3;
                size_t n_refused = 0;

                if (r->frames[f].from != them)
                    continue;
                for (size_t bit = 0; bit < 8 * r->frames[f].len; bit++) {
                    int result = replay(r, role, (int)f, bit);

                    if (result == MPM_EAUTH || result == MPM_EPROTO)
                        n_refused++;
                    else {
                        assert_true(is_challenge && bit >= 11 * 8);
                        assert_int_equal(result, MPM_EAGAIN);
                        assert_true(r->frames[f + 1].len + 4 != out.len ||
                                    memcmp(r->frames[f + 1].body, out.data + 4, out.len - 4) != 0);
                    }
                }
                assert_true(n_refused >= (is_challenge ? 11 * 8 : 8 * r->frames[f].len));
            }
        }
}

/* --- rules of section 3.2: how a challenge is answered ----------------------------------------------------------- */

static void
challenges_are_answered_as_python_does(void **state)
{
    static const struct {
        const char *challenge, *prefix, *mac;
    } rows[] = {
        { "{sha256}" FORTY, "{sha256}", "8419b6802fe6ac563b430d361db4bbbe1ad7245865e946280912e427c21d09f8" },
#ifdef MPM_WITH_NETTLE
        { TWENTY, "", "75d42cb805b281aacd087c5a32856cf7" },
        { "{md5}" FORTY, "{md5}", "6e712c255b6279b9f18ad05ed2c886ba" },
        { "{sha384}" FORTY, "{sha384}",
            "1f8f0597206a966494b6dd64026fd59f89bd2e5fcd11c4d39db3ab965b727d12211dd2b69a416092158cb62fa725f111" },
        { "{sha3_256}" FORTY, "{sha3_256}", "d57c1f932d9b23483e47a9667a60a79111f5798cdd370bbb7c5251b3f81efcd5" },
#endif
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char message[128];
        uint8_t expected[64];
        size_t len = strlen(rows[i].prefix);

        begin(MPM_AUTH_CLIENT, "{sha256}" FORTY, 48);
        sent_nothing();
        snprintf(message, sizeof message, "#CHALLENGE#%s", rows[i].challenge);
        assert_int_equal(feed_text(KEY, message), MPM_EAGAIN);
        memcpy(expected, rows[i].prefix, len);
        len += mpm_test_unhex(rows[i].mac, expected + len, sizeof expected - len);
        sent(expected, len);
    }
}

static void
what_is_no_challenge_is_not_answered(void **state)
{
    static const char *const bodies[] = {
        "", "#", "#CHALLENGE", ("#challenge#" TWENTY), "#WELCOME#", "#FAILURE#", ("#CHALLENGE!" TWENTY),
        "#CHALLENGE#", "#CHALLENGE#AAAAAAAAAAAAAAAA", "#CHALLENGE#{sha256}AAAA", "#CHALLENGE#AAAAAAAAAAAAAAAAAAA",
        "#CHALLENGE#AAAAAAAAAAAAAAAAAAAAA", ("#CHALLENGE#{sha1}" FORTY), ("#CHALLENGE#{sha512}" FORTY),
        ("#CHALLENGE#{SHA256}" FORTY), ("#CHALLENGE#{sha256" FORTY), ("#CHALLENGE#sha256}" FORTY),
        ("#CHALLENGE#{}" FORTY),
        ("#CHALLENGE#{sha256 }" FORTY), ("#CHALLENGE#{{sha256}" FORTY), ("#CHALLENGE# {sha256}" FORTY),
        ("#CHALLENGE#{sha3_256x}" FORTY), ("#CHALLENGE#{" FORTY), ("#CHALLENGE#" FORTY),
    };

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        begin(MPM_AUTH_CLIENT, "{sha256}" FORTY, 48);
        assert_int_equal(feed_text(KEY, bodies[i]), MPM_EPROTO);
        sent_nothing();
        assert_int_equal(feed_text(KEY, "#CHALLENGE#{sha256}" FORTY), MPM_EPROTO);
        sent_nothing();
    }
}

static void
anything_but_welcome_is_a_refusal(void **state)
{
    static const char *const bodies[] = { "", "#FAILURE#", "#WELCOME", "#WELCOME##", "#welcome#", " #WELCOME#",
        ("#CHALLENGE#" TWENTY) };

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        begin(MPM_AUTH_CLIENT, "{sha256}" FORTY, 48);
        assert_int_equal(feed_text(KEY, "#CHALLENGE#{sha256}" FORTY), MPM_EAGAIN);
        assert_int_equal(feed_text(KEY, bodies[i]), MPM_EAUTH);
        sent_nothing();
    }
}

static void
a_client_asks_a_new_server_with_a_digest(void **state)
{
    (void)state;
    begin(MPM_AUTH_CLIENT, "{sha256}" FORTY, 48);
    feed_text(KEY, "#CHALLENGE#{sha256}" FORTY);
    assert_int_equal(auth.peer, MPM_AUTH_PEER_NEW);
    assert_int_equal(feed_text(KEY, "#WELCOME#"), MPM_EAGAIN);
    sent_text("#CHALLENGE#{sha256}" FORTY);
}

/* --- rules of section 3.3: how a response is verified ------------------------------------------------------------ */

static void
every_allowed_digest_over_the_whole_challenge_is_welcome(void **state)
{
    static const char *const names[] = { "sha256", "md5", "sha384", "sha3_256", "sha3_384" };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        uint8_t response[64];
        size_t len = (size_t)sprintf((char *)response, "{%s}", names[i]);

        if (mpm__digest_find(names[i], strlen(names[i])) == NULL)
            continue;
        begin(MPM_AUTH_LISTENER, "{sha256}" FORTY, 48);
        sent_text("#CHALLENGE#{sha256}" FORTY);
        len += put_mac(response + len, names[i], KEY, "{sha256}" FORTY, 48);
        assert_int_equal(feed(KEY, response, len), MPM_EAGAIN);
        sent_text("#WELCOME#");
        assert_int_equal(auth.peer, MPM_AUTH_PEER_NEW);

        /* not with a byte more or less */
        for (int more = -1; more <= 1; more += 2) {
            response[len] = 0;
            begin(MPM_AUTH_LISTENER, "{sha256}" FORTY, 48);
            assert_int_equal(feed(KEY, response, more < 0 ? len - 1 : len + 1), MPM_EAUTH);
            sent_text("#FAILURE#");
        }

        /* not over the part behind the name */
        begin(MPM_AUTH_LISTENER, "{sha256}" FORTY, 48);
        put_mac(response + strlen(names[i]) + 2, names[i], KEY, FORTY, 40);
        assert_int_equal(feed(KEY, response, len), MPM_EAUTH);
        sent_text("#FAILURE#");
    }
}

static void
a_bare_sha256_is_welcome_and_answered_in_kind(void **state)
{
    uint8_t mac[32], fips[32];

    (void)state;
    begin(MPM_AUTH_LISTENER, "{sha256}" FORTY, 48);
    put_mac(mac, "sha256", KEY, "{sha256}" FORTY, 48);
    assert_int_equal(feed(KEY, mac, 32), MPM_EAGAIN);
    sent_text("#WELCOME#");
    assert_int_equal(auth.peer, MPM_AUTH_PEER_OLD);
    put_mac(fips, "sha256", KEY, TWENTY, 20);
    assert_int_equal(feed_text(KEY, "#CHALLENGE#" TWENTY), MPM_EAGAIN);
    sent(fips, 32);
    assert_int_equal(feed_text(KEY, "#WELCOME#"), 0);

    begin(MPM_AUTH_LISTENER, "{sha256}" FORTY, 48);
    mac[31] ^= 1;
    assert_int_equal(feed(KEY, mac, 32), MPM_EAUTH);
    sent_text("#FAILURE#");
}

static void
other_responses_are_refused_with_a_failure(void **state)
{
    static const char *const bodies[] = {
        "", "x", "AAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAA", TWENTY, "{md5}AAAAAAAAAAAAAA", "{md5}AAAAAAAAAAAAAAA", "{sha256}", "{sha256}abc",
        "{sha256}AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "{sha256}AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "{sha256}AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", ("{sha1}" TWENTY), ("{sha512}" SIXTY_FOUR), "{sha256",
        "{", "{}", ("#CHALLENGE#" TWENTY), "#WELCOME#", HUNDRED,
    };

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        begin(MPM_AUTH_LISTENER, "{sha256}" FORTY, 48);
        assert_int_equal(feed_text(KEY, bodies[i]), !HAVE_MD5 && bodies[i][1] == 'm' ? MPM_EUNSUP : MPM_EAUTH);
        sent_text("#FAILURE#");
        assert_int_equal(feed_text(KEY, "#CHALLENGE#" TWENTY), MPM_EPROTO);
        sent_nothing();
    }
}

/* Sixteen and twenty bytes are never a {name}, whatever they begin with. */
static void
a_bare_mac_is_told_by_its_length(void **state)
{
    (void)state;
    if (!HAVE_MD5)
        skip();
    begin(MPM_AUTH_LISTENER, "{sha256}" FORTY, 48);
    assert_int_equal(feed_text(KEY, "{sha256}AAAAAAAA"), MPM_EAUTH);
    assert_non_null(strstr(err.text, "another authkey"));
    begin(MPM_AUTH_CLIENT, "{sha256}" FORTY, 48);
    assert_int_equal(feed_text(KEY, "#CHALLENGE#{sha256}AAAAAAAAAAAA"), MPM_EAGAIN);
    assert_int_equal(out.len, 4 + 16);
}

/* --- the whole of it --------------------------------------------------------------------------------------------- */

static int
both_sides(const char *listener_key, const char *client_key, struct mpm_error *why)
{
    struct mpm_auth side[2];
    struct mpm_buf wire[2]; /* what side i has sent */
    uint8_t challenge[MPM_AUTH_CHALLENGE_MAX], nonce[MPM_AUTH_NONCE] = { 7 };
    const char *keys[2] = { listener_key, client_key };
    size_t at[2] = { 0, 0 };
    int r[2] = { MPM_EAGAIN, MPM_EAGAIN };

    assert_int_equal(mpm__auth_challenge(challenge, nonce), 48);
    for (int i = 0; i < 2; i++) {
        mpm__buf_init(&wire[i], 0);
        mpm__auth_init(&side[i], i == 0 ? MPM_AUTH_LISTENER : MPM_AUTH_CLIENT, challenge, 48, &wire[i]);
    }
    for (int i = 1; wire[!i].error == 0 && at[!i] < wire[!i].len; i = !i)
        while (at[!i] < wire[!i].len && r[i] == MPM_EAGAIN) {
            const uint8_t *frame = wire[!i].data + at[!i];

            at[!i] += 4 + (size_t)frame[3];
            r[i] = mpm__auth_feed(&side[i], (const uint8_t *)keys[i], strlen(keys[i]), frame + 4, frame[3], &wire[i],
                why);
            if (r[i] == MPM_ENOMEM)
                break;
        }
    for (int i = 0; i < 2; i++) {
        if (wire[i].error != 0)
            r[0] = MPM_ENOMEM;
        mpm__buf_wipe(&wire[i]);
    }
    return r[0] != 0 && r[0] != MPM_EAGAIN ? r[0] : r[1];
}

static int
both_sides_with_one_key(void)
{
    return both_sides("key", "key", NULL);
}

static void
our_client_and_our_listener_agree_when_the_keys_do(void **state)
{
    (void)state;
    assert_int_equal(both_sides("key", "key", NULL), 0);
    assert_int_equal(both_sides("", "", NULL), 0);
    assert_int_equal(both_sides("key", "kez", &err), MPM_EAUTH);
    assert_int_equal(both_sides("key", "", &err), MPM_EAUTH);
    assert_true(mpm_test_fail_until_ok(both_sides_with_one_key) > 0);
}

static void
without_room_for_the_reply_nothing_happens(void **state)
{
    uint8_t mac[32];

    (void)state;
    begin(MPM_AUTH_LISTENER, "{sha256}" FORTY, 48);
    put_mac(mac, "sha256", KEY, "{sha256}" FORTY, 48);
    mpm__buf_clear(&out);
    out.max = 12;
    assert_int_equal(mpm__auth_feed(&auth, (const uint8_t *)KEY, 12, mac, 32, &out, &err), MPM_ENOMEM);
    assert_int_equal(out.len, 0);
    assert_int_equal(auth.peer, MPM_AUTH_PEER_UNKNOWN);
    assert_int_equal(mpm__auth_feed(&auth, (const uint8_t *)KEY, 12, mac, 32, &out, &err), MPM_ENOMEM);
    mpm__buf_clear(&out);
    out.max = 0;
    assert_int_equal(feed(KEY, mac, 32), MPM_EAGAIN);
    sent_text("#WELCOME#");
}

static void
no_error_says_anything_of_the_key(void **state)
{
    (void)state;
    begin(MPM_AUTH_LISTENER, "{sha256}" FORTY, 48);
    feed_text(KEY, "{sha256}AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    assert_null(strstr(err.text, KEY));
    assert_null(strstr(err.text, "AAAA"));
}

#ifndef MPM_WITH_NETTLE
static void
without_nettle_an_old_peer_is_told_what_is_missing(void **state)
{
    (void)state;
    begin(MPM_AUTH_LISTENER, "{sha256}" FORTY, 48);
    assert_int_equal(feed_text(KEY, "AAAAAAAAAAAAAAAA"), MPM_EUNSUP);
    sent_text("#FAILURE#");
    assert_non_null(strstr(err.text, "md5"));
    assert_non_null(strstr(err.text, "nettle"));
    begin(MPM_AUTH_CLIENT, "{sha256}" FORTY, 48);
    assert_int_equal(feed_text(KEY, "#CHALLENGE#" TWENTY), MPM_EUNSUP);
    sent_nothing();
    assert_non_null(strstr(err.text, "before 3.12"));
    begin(MPM_AUTH_CLIENT, "{sha256}" FORTY, 48);
    assert_int_equal(feed_text(KEY, "#CHALLENGE#{sha3_384}" FORTY), MPM_EUNSUP);
    assert_non_null(strstr(err.text, "sha3_384"));
}
#endif

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_recorded_connection_is_replayed_in_both_roles),
        cmocka_unit_test(no_bit_of_a_handshake_can_be_changed),
        cmocka_unit_test(challenges_are_answered_as_python_does),
        cmocka_unit_test(what_is_no_challenge_is_not_answered),
        cmocka_unit_test(anything_but_welcome_is_a_refusal),
        cmocka_unit_test(a_client_asks_a_new_server_with_a_digest),
        cmocka_unit_test(every_allowed_digest_over_the_whole_challenge_is_welcome),
        cmocka_unit_test(a_bare_sha256_is_welcome_and_answered_in_kind),
        cmocka_unit_test(other_responses_are_refused_with_a_failure),
        cmocka_unit_test(a_bare_mac_is_told_by_its_length),
        cmocka_unit_test(our_client_and_our_listener_agree_when_the_keys_do),
        cmocka_unit_test(without_room_for_the_reply_nothing_happens),
        cmocka_unit_test(no_error_says_anything_of_the_key),
#ifndef MPM_WITH_NETTLE
        cmocka_unit_test(without_nettle_an_old_peer_is_told_what_is_missing),
#endif
    };

    return cmocka_run_group_tests(tests, read_recordings, forget_recordings);
}

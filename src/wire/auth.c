/* auth.c - both sides of the challenge that multiprocessing does on every new connection. Layer: wire.
 *
 * Each side proves that it knows the authkey: it answers the other's random bytes with an HMAC of them. The listener
 * asks first. Source: CPython 3.12 Lib/multiprocessing/connection.py, deliver_challenge, answer_challenge,
 * _create_response, _verify_challenge; 2.7-3.11 for the peers that know MD5 only. Does not read, write, time out or
 * make random numbers. */
#include "wire/auth.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "hash/digest.h"
#include "wire/frame.h"

#define CHALLENGE "#CHALLENGE#"
#define WELCOME "#WELCOME#"
#define FAILURE "#FAILURE#"
#define SIZE(literal) (sizeof(literal) - 1)

#define OLD_CHALLENGE 20   /* random bytes without a digest's name: Python before 3.12 */
#define OLD_RESPONSE 16    /* bare HMAC-MD5 */
#define OLD_FIPS_RESPONSE 32 /* bare HMAC-SHA256, where MD5 is forbidden; no {name}MAC has this length */
#define NAME_MAX_LEN 8     /* "sha3_384" */

#define NO_DIGEST_HELP "this build lacks it: configure mpmd with nettle"

/*  listener:   ASKED --right--> CHALLENGED --answered--> JUDGED --#WELCOME#--> PROVED
 *                '-wrong-.          '-no challenge-.        '-anything else-.
 *                        '--------> REFUSED <------'------------------------'
 *
 *  client:     CHALLENGED --answered--> JUDGED --#WELCOME#--> ASKED --right--> PROVED
 *                '-no challenge-.         '-anything else-.     '-wrong-.
 *                               '-------> REFUSED <-------'-------------'
 *
 *  ASKED: our challenge is out, its answer is due. CHALLENGED: the peer's challenge is due. JUDGED: our answer is out,
 *  the peer's verdict is due. The listener sends its challenge at once, the client when it has been welcomed.       */
enum state { ASKED, CHALLENGED, JUDGED, PROVED, REFUSED };

struct mpm_auth_key {
    const uint8_t *bytes;
    size_t len;
    const struct mpm_hmac_key *ready; /* for SHA-256; NULL: the key is used once */
};

/* One that is kept. */
struct kept_key {
    struct mpm_auth_key key;
    struct mpm_hmac_key ready;
    uint8_t bytes[];
};

/* The peer's frame; what is to be sent is appended to out. 0: on to the next state. */
typedef int on_frame_fn(struct mpm_auth *a, const struct mpm_auth_key *key, const uint8_t *body, size_t len,
    struct mpm_buf *out, struct mpm_error *err);
static on_frame_fn check_response, answer_challenge, take_verdict, refuse_more;

static const struct auth_state {
    const char *name;
    on_frame_fn *on_frame;
    enum state next[2]; /* by role */
} states[] = {
    /*                name                 on_frame           as listener   as client */
    [ASKED]      = { "awaiting response",  check_response,   { CHALLENGED,  PROVED } },
    [CHALLENGED] = { "awaiting challenge", answer_challenge, { JUDGED,      JUDGED } },
    [JUDGED]     = { "awaiting verdict",   take_verdict,     { PROVED,      ASKED  } },
    [PROVED]     = { "proved",             refuse_more,      { PROVED,      PROVED } },
    [REFUSED]    = { "refused",            refuse_more,      { REFUSED,     REFUSED } },
};

static void
put_frame(struct mpm_buf *out, const char *prefix, size_t prefix_len, const uint8_t *bytes, size_t len)
{
    uint8_t header[MPM_FRAME_HEADER_MAX];

    mpm__buf_put(out, header, mpm__frame_header(header, prefix_len + len));
    mpm__buf_put(out, prefix, prefix_len);
    mpm__buf_put(out, bytes, len);
}

static void
put_challenge(const struct mpm_auth *a, struct mpm_buf *out)
{
    put_frame(out, CHALLENGE, SIZE(CHALLENGE), a->challenge, a->challenge_len);
}

size_t
mpm__auth_challenge(uint8_t out[MPM_AUTH_CHALLENGE_MAX], const uint8_t nonce[MPM_AUTH_NONCE])
{
    memcpy(out, "{sha256}", SIZE("{sha256}"));
    memcpy(out + SIZE("{sha256}"), nonce, MPM_AUTH_NONCE);
    return SIZE("{sha256}") + MPM_AUTH_NONCE;
}

void
mpm__auth_init(struct mpm_auth *a, enum mpm_auth_role role, const uint8_t *challenge, size_t challenge_len,
    struct mpm_buf *out)
{
    assert(challenge_len >= OLD_CHALLENGE && challenge_len <= MPM_AUTH_CHALLENGE_MAX);
    *a = (struct mpm_auth){ .role = role, .challenge_len = (uint8_t)challenge_len };
    memcpy(a->challenge, challenge, challenge_len);
    a->state = role == MPM_AUTH_LISTENER ? ASKED : CHALLENGED;
    if (role == MPM_AUTH_LISTENER)
        put_challenge(a, out);
}

struct mpm_auth_key *
mpm__auth_key_new(const uint8_t *key, size_t key_len)
{
    struct kept_key *kept = mpm__array(1, sizeof *kept + key_len);

    if (kept == NULL)
        return NULL;
    if (key_len != 0)
        memcpy(kept->bytes, key, key_len);
    mpm__hmac_key_init(&kept->ready, mpm__digest_find("sha256", strlen("sha256")), key, key_len);
    kept->key = (struct mpm_auth_key){ kept->bytes, key_len, &kept->ready };
    return &kept->key;
}

void
mpm__auth_key_free(struct mpm_auth_key *key)
{
    struct kept_key *kept = (struct kept_key *)key;

    if (kept == NULL)
        return;
    mpm__hmac_key_wipe(&kept->ready);
    explicit_bzero(kept->bytes, key->len);
    mpm__free(kept);
}

int
mpm__auth_feed(struct mpm_auth *a, const uint8_t *key, size_t key_len, const uint8_t *body, size_t len,
    struct mpm_buf *out, struct mpm_error *err)
{
    return mpm__auth_feed_keyed(a, &(struct mpm_auth_key){ .bytes = key, .len = key_len }, body, len, out, err);
}

int
mpm__auth_feed_keyed(struct mpm_auth *a, const struct mpm_auth_key *key, const uint8_t *body, size_t len,
    struct mpm_buf *out, struct mpm_error *err)
{
    const struct auth_state *s = &states[a->state];
    const struct mpm_auth before = *a;
    size_t out_len = out->len;
    int r;

    if (out->error != 0)
        return mpm__fail(err, MPM_ENOMEM, 0, "no memory for the handshake");
    r = s->on_frame(a, key, body, len, out, err);
    if (out->error != 0) {
        mpm__buf_cut(out, out_len);
        *a = before;
        return mpm__fail(err, MPM_ENOMEM, 0, "no memory for the handshake");
    }
    a->state = r == 0 ? s->next[a->role] : REFUSED;
    return r == 0 && a->state != PROVED ? MPM_EAGAIN : r;
}

/* `{name}` in front, with one of the five names: its length with the braces, else 0. */
static size_t
find_prefix(const uint8_t *bytes, size_t len)
{
    const uint8_t *end;

    if (len == 0 || bytes[0] != '{')
        return 0;
    end = memchr(bytes, '}', len < NAME_MAX_LEN + 2 ? len : NAME_MAX_LEN + 2);
    if (end == NULL || !mpm__digest_is_known((const char *)bytes + 1, (size_t)(end - bytes) - 1))
        return 0;
    return (size_t)(end - bytes) + 1;
}

/* A digest's name shows a new peer; its absence may be what we asked for. */
static void
note_age(struct mpm_auth *a, size_t prefix)
{
    if (prefix != 0)
        a->peer = MPM_AUTH_PEER_NEW;
    else if (a->peer == MPM_AUTH_PEER_UNKNOWN)
        a->peer = MPM_AUTH_PEER_OLD;
}

static void
hmac(const struct mpm_digest *d, const struct mpm_auth_key *key, const uint8_t *message, size_t len, uint8_t *out)
{
    if (key->ready != NULL && key->ready->digest == d)
        mpm__hmac_keyed(key->ready, message, len, out);
    else
        mpm__hmac(d, key->bytes, key->len, message, len, out);
}

static int
check_response(struct mpm_auth *a, const struct mpm_auth_key *key, const uint8_t *body, size_t len,
    struct mpm_buf *out, struct mpm_error *err)
{
    uint8_t expected[MPM_DIGEST_MAX];
    const char *name;
    size_t name_len, prefix = 0;
    const struct mpm_digest *d;
    int r;

    /* Bare answers first, by length alone, so that random bytes that look like a name are not taken for one. */
    if (len == OLD_RESPONSE || len == OLD_FIPS_RESPONSE) {
        note_age(a, 0);
        a->bare_sha256 = len == OLD_FIPS_RESPONSE;
        name = a->bare_sha256 ? "sha256" : "md5";
        name_len = strlen(name);
    } else if ((prefix = find_prefix(body, len)) != 0) {
        note_age(a, prefix);
        name = (const char *)body + 1;
        name_len = prefix - 2;
    } else {
        r = mpm__fail(err, MPM_EAUTH, 0, "answer of %zu bytes names no known digest", len);
        goto refuse;
    }

    d = mpm__digest_find(name, name_len);
    if (d == NULL) {
        r = mpm__fail(err, MPM_EUNSUP, 0, "the peer answers with HMAC-%.*s%s; " NO_DIGEST_HELP, (int)name_len, name,
            prefix == 0 ? ", as Python before 3.12 does" : "");
        goto refuse;
    }
    if (len - prefix != mpm__digest_size(d)) {
        r = mpm__fail(err, MPM_EAUTH, prefix, "answer with a %s of %zu bytes, %zu expected", mpm__digest_name(d),
            len - prefix, mpm__digest_size(d));
        goto refuse;
    }
    hmac(d, key, a->challenge, a->challenge_len, expected);
    if (!mpm__same_secret(expected, body + prefix, mpm__digest_size(d))) {
        r = mpm__fail(err, MPM_EAUTH, prefix, "the peer has another authkey");
        goto refuse;
    }
    put_frame(out, WELCOME, SIZE(WELCOME), NULL, 0);
    return 0;

refuse:
    put_frame(out, FAILURE, SIZE(FAILURE), NULL, 0);
    return r;
}

static int
answer_challenge(struct mpm_auth *a, const struct mpm_auth_key *key, const uint8_t *body, size_t len,
    struct mpm_buf *out, struct mpm_error *err)
{
    uint8_t mac[MPM_DIGEST_MAX];
    const struct mpm_digest *d;
    const char *name;
    size_t name_len, prefix = 0;

    if (len < SIZE(CHALLENGE) || memcmp(body, CHALLENGE, SIZE(CHALLENGE)) != 0)
        return mpm__fail(err, MPM_EPROTO, 0, "%zu bytes that are no " CHALLENGE, len);
    body += SIZE(CHALLENGE);
    len -= SIZE(CHALLENGE);
    if (len < OLD_CHALLENGE)
        return mpm__fail(err, MPM_EPROTO, SIZE(CHALLENGE), "challenge of %zu bytes, at least 20 expected", len);

    if (len == OLD_CHALLENGE) {
        /* Whatever it begins with. MD5, unless the peer has shown that it may not use it. */
        name = a->bare_sha256 ? "sha256" : "md5";
        name_len = strlen(name);
    } else if ((prefix = find_prefix(body, len)) != 0) {
        name = (const char *)body + 1;
        name_len = prefix - 2;
    } else
        return mpm__fail(err, MPM_EPROTO, SIZE(CHALLENGE), "challenge of %zu bytes names no known digest", len);
    note_age(a, prefix);

    d = mpm__digest_find(name, name_len);
    if (d == NULL)
        return mpm__fail(err, MPM_EUNSUP, SIZE(CHALLENGE), "the peer asks for HMAC-%.*s%s; " NO_DIGEST_HELP,
            (int)name_len, name, prefix == 0 ? ", as Python before 3.12 does" : "");
    /* The MAC covers the name, too: nobody on the way can change it to a weaker one. */
    hmac(d, key, body, len, mac);
    put_frame(out, (const char *)body, prefix, mac, mpm__digest_size(d));
    return 0;
}

static int
take_verdict(struct mpm_auth *a, const struct mpm_auth_key *key, const uint8_t *body, size_t len,
    struct mpm_buf *out, struct mpm_error *err)
{
    size_t name = SIZE("{sha256}");

    (void)key;
    if (len != SIZE(WELCOME) || memcmp(body, WELCOME, len) != 0)
        return mpm__fail(err, MPM_EAUTH, 0, "the peer refused our answer to its challenge: it has another authkey");
    if (a->role == MPM_AUTH_LISTENER)
        return 0;
    if (a->peer == MPM_AUTH_PEER_OLD && a->challenge_len >= name + OLD_CHALLENGE &&
        memcmp(a->challenge, "{sha256}", name) == 0) {
        memmove(a->challenge, a->challenge + name, OLD_CHALLENGE);
        a->challenge_len = OLD_CHALLENGE;
    }
    put_challenge(a, out);
    return 0;
}

static int
refuse_more(struct mpm_auth *a, const struct mpm_auth_key *key, const uint8_t *body, size_t len,
    struct mpm_buf *out, struct mpm_error *err)
{
    (void)key, (void)body, (void)len, (void)out;
    return mpm__fail(err, MPM_EPROTO, 0, "frame after the handshake was %s", states[a->state].name);
}

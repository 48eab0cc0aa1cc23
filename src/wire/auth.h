/* auth.h - both sides of the authkey challenge, as a state machine without input or output. Layer: wire.
 * Source: CPython Lib/multiprocessing/connection.py, deliver_challenge, answer_challenge (3.12 for the digests). */
#ifndef MPM_WIRE_AUTH_H
#define MPM_WIRE_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mpmd/error.h>

#include "base/buf.h"

#define MPM_AUTH_FRAME_MAX 256       /* CPython's recv_bytes(256) */
#define MPM_AUTH_NONCE 40            /* random bytes behind {sha256} */
#define MPM_AUTH_CHALLENGE_MAX 64    /* longest challenge that we send: prefix and random bytes */

enum mpm_auth_role { MPM_AUTH_LISTENER, MPM_AUTH_CLIENT };

/* How the peer answers challenges: tells its age. */
enum mpm_auth_peer {
    MPM_AUTH_PEER_UNKNOWN,
    MPM_AUTH_PEER_OLD, /* a bare MAC: 2.7-3.11 */
    MPM_AUTH_PEER_NEW, /* {digest} */
};

struct mpm_auth {
    uint8_t role, state, peer;
    uint8_t bare_sha256;   /* the peer answered with a bare SHA-256 (old Python, FIPS) and expects the same */
    uint8_t challenge_len;
    uint8_t challenge[MPM_AUTH_CHALLENGE_MAX]; /* what we send after #CHALLENGE#; covered by the peer's MAC */
};

/*
 * Begins. `challenge` is what to send after `#CHALLENGE#`: mpm__auth_challenge() makes the usual one from 40 random
 * bytes; tests give recorded ones. A listener's first frame is appended to `out` at once (out->error tells whether).
 * A client sends its challenge last, and of a usual one only 20 random bytes to a server that is old itself.
 * The key is borrowed at each step and never stored.
 */
void mpm__auth_init(struct mpm_auth *a, enum mpm_auth_role role, const uint8_t *challenge, size_t challenge_len,
    struct mpm_buf *out);
/* `{sha256}` and the random bytes: what every version since 2.7 answers. Writes 48 bytes. */
size_t mpm__auth_challenge(uint8_t out[MPM_AUTH_CHALLENGE_MAX], const uint8_t nonce[MPM_AUTH_NONCE]);

/*
 * One frame body from the peer; whole frames to send are appended to `out`.
 * Returns 0: both sides have proved the key; MPM_EAGAIN: go on; MPM_EAUTH: refused (err says why; send `out`, which
 * may hold #FAILURE#, then close); MPM_EPROTO: not this protocol; MPM_EUNSUP: needs a digest that was built out (as
 * with MPM_EAUTH, send `out` and close); MPM_ENOMEM: `out` has no room, nothing happened. Any other frame after the end
 * is MPM_EPROTO. Frames over MPM_AUTH_FRAME_MAX are for the caller to refuse. Never sends or logs key material.
 * Comparisons take constant time.
 */
int mpm__auth_feed(struct mpm_auth *a, const uint8_t *key, size_t key_len, const uint8_t *body, size_t len,
    struct mpm_buf *out, struct mpm_error *err);

/* The same with a key that is used often: it is kept, and ready for SHA-256, which nearly all handshakes take. */
struct mpm_auth_key;
/* Copies the key. NULL: out of memory. Free with mpm__auth_key_free(), which wipes it; NULL is allowed. */
struct mpm_auth_key *mpm__auth_key_new(const uint8_t *key, size_t key_len);
void mpm__auth_key_free(struct mpm_auth_key *key);
int mpm__auth_feed_keyed(struct mpm_auth *a, const struct mpm_auth_key *key, const uint8_t *body, size_t len,
    struct mpm_buf *out, struct mpm_error *err);

#endif

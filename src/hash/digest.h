/* digest.h - the digests of the challenge, one table row each, and HMAC over them. Layer: hash.
 * SHA-256 is libsodium's; MD5, SHA-384 and SHA-3 are nettle's and absent in a build --without-nettle. */
#ifndef MPM_HASH_DIGEST_H
#define MPM_HASH_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define MPM_DIGEST_MAX 48
#define MPM_DIGEST_STATE 384 /* bytes; no digest's state is larger */

struct mpm_digest; /* one row: name, sizes, functions */

/* By the name that goes on the wire ("sha256", "md5", "sha384", "sha3_256", "sha3_384"); NULL: unknown or built out. */
const struct mpm_digest *mpm__digest_find(const char *name, size_t len);
/* Whether the name is one of CPython's five, built out or not. */
int mpm__digest_is_known(const char *name, size_t len);
const char *mpm__digest_name(const struct mpm_digest *d);
size_t mpm__digest_size(const struct mpm_digest *d);

/* A key made ready for many messages: half of what HMAC of a short one costs is done. As secret as the key is; wipe
 * it. */
struct mpm_hmac_key {
    const struct mpm_digest *digest;
    uint64_t inner[MPM_DIGEST_STATE / 8], outer[MPM_DIGEST_STATE / 8];
};
void mpm__hmac_key_init(struct mpm_hmac_key *k, const struct mpm_digest *d, const uint8_t *key, size_t key_len);
void mpm__hmac_key_wipe(struct mpm_hmac_key *k);
void mpm__hmac_keyed(const struct mpm_hmac_key *k, const uint8_t *message, size_t len, uint8_t *out);
/* HMAC (RFC 2104) of message under key; writes mpm__digest_size(d) bytes. */
void mpm__hmac(const struct mpm_digest *d, const uint8_t *key, size_t key_len, const uint8_t *message, size_t len,
    uint8_t *out);

/* Equal or not, in time that depends on len only. */
int mpm__same_secret(const uint8_t *a, const uint8_t *b, size_t len);
void mpm__random(void *out, size_t len);
/* Keyed 64-bit hash (SipHash-2-4) for tables whose keys come from peers. */
uint64_t mpm__keyed_hash(const void *bytes, size_t len, const uint8_t key[16]);
/* To be called once before the others. Returns 0 or MPM_EFATAL. */
int mpm__hash_setup(void);

#endif

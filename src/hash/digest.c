/* digest.c - the five digests of the challenge, one row each, and HMAC (RFC 2104) over a row. Layer: hash.
 *
 * libsodium does what it has: SHA-256, randomness, SipHash, comparing in constant time. nettle has the others, for old
 * and optional handshakes. Does not know the protocol: wire/auth says what is hashed. */
#include "hash/digest.h"

#include <endian.h>
#include <sodium.h>
#include <string.h>

#ifdef MPM_WITH_NETTLE
#include <nettle/md5.h>
#include <nettle/sha2.h>
#include <nettle/sha3.h>
#include <nettle/version.h>
#endif

#include <mpmd/error.h>

#define BLOCK_MAX 136 /* SHA3-256 */

union state {
    crypto_hash_sha256_state sodium;
#ifdef MPM_WITH_NETTLE
    struct md5_ctx md5;
    struct sha384_ctx sha384;
    struct sha3_256_ctx sha3_256;
    struct sha3_384_ctx sha3_384;
#endif
};

_Static_assert(sizeof(union state) <= MPM_DIGEST_STATE, "MPM_DIGEST_STATE is too small");

struct mpm_digest {
    const char *name;
    size_t size;  /* bytes of the result */
    size_t block; /* bytes that HMAC pads the key to */
    void (*init)(union state *s);     /* NULL: built out */
    void (*update)(union state *s, const uint8_t *bytes, size_t len);
    void (*final)(union state *s, uint8_t *out);
};

#ifdef MPM_WITH_NETTLE
#if NETTLE_VERSION_MAJOR >= 4 /* lost the length argument */
#define NETTLE_DIGEST(id, s, size, out) id##_digest(&(s)->id, (out))
#else
#define NETTLE_DIGEST(id, s, size, out) id##_digest(&(s)->id, (size), (out))
#endif
#define NETTLE_FUNCTIONS(id, size) \
    static void id##_start(union state *s) { id##_init(&s->id); } \
    static void id##_eat(union state *s, const uint8_t *bytes, size_t len) { id##_update(&s->id, len, bytes); } \
    static void id##_end(union state *s, uint8_t *out) { NETTLE_DIGEST(id, s, size, out); }
NETTLE_FUNCTIONS(md5, MD5_DIGEST_SIZE)
NETTLE_FUNCTIONS(sha384, SHA384_DIGEST_SIZE)
NETTLE_FUNCTIONS(sha3_256, SHA3_256_DIGEST_SIZE)
NETTLE_FUNCTIONS(sha3_384, SHA3_384_DIGEST_SIZE)
#define FUNCTIONS(id) id##_start, id##_eat, id##_end
#else
#define FUNCTIONS(id) NULL, NULL, NULL
#endif

static void
sodium_start(union state *s)
{
    crypto_hash_sha256_init(&s->sodium);
}

static void
sodium_eat(union state *s, const uint8_t *bytes, size_t len)
{
    crypto_hash_sha256_update(&s->sodium, bytes, len);
}

static void
sodium_end(union state *s, uint8_t *out)
{
    crypto_hash_sha256_final(&s->sodium, out);
}

static const struct mpm_digest digests[] = {
    /* name      size block  functions */
    { "sha256",   32, 64,  sodium_start, sodium_eat, sodium_end },
    { "md5",      16, 64,  FUNCTIONS(md5) },
    { "sha384",   48, 128, FUNCTIONS(sha384) },
    { "sha3_256", 32, 136, FUNCTIONS(sha3_256) },
    { "sha3_384", 48, 104, FUNCTIONS(sha3_384) },
};

static const struct mpm_digest *
find_row(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof digests / sizeof digests[0]; i++)
        if (strlen(digests[i].name) == len && memcmp(digests[i].name, name, len) == 0)
            return &digests[i];
    return NULL;
}

const struct mpm_digest *
mpm__digest_find(const char *name, size_t len)
{
    const struct mpm_digest *d = find_row(name, len);

    return d != NULL && d->init != NULL ? d : NULL;
}

int
mpm__digest_is_known(const char *name, size_t len)
{
    return find_row(name, len) != NULL;
}

const char *
mpm__digest_name(const struct mpm_digest *d)
{
    return d->name;
}

size_t
mpm__digest_size(const struct mpm_digest *d)
{
    return d->size;
}

static void
start_padded(const struct mpm_digest *d, const uint8_t *pad, uint8_t with, void *state)
{
    uint8_t block[BLOCK_MAX];

    for (size_t i = 0; i < d->block; i++)
        block[i] = pad[i] ^ with;
    d->init(state);
    d->update(state, block, d->block);
    sodium_memzero(block, sizeof block);
}

void
mpm__hmac_key_init(struct mpm_hmac_key *k, const struct mpm_digest *d, const uint8_t *key, size_t key_len)
{
    union state s;
    uint8_t pad[BLOCK_MAX] = { 0 };

    if (key_len > d->block) {
        d->init(&s);
        d->update(&s, key, key_len);
        d->final(&s, pad);
        sodium_memzero(&s, sizeof s);
    } else if (key_len != 0)
        memcpy(pad, key, key_len);
    k->digest = d;
    start_padded(d, pad, 0x36, k->inner);
    start_padded(d, pad, 0x5c, k->outer);
    sodium_memzero(pad, sizeof pad);
}

void
mpm__hmac_key_wipe(struct mpm_hmac_key *k)
{
    sodium_memzero(k, sizeof *k);
}

void
mpm__hmac_keyed(const struct mpm_hmac_key *k, const uint8_t *message, size_t len, uint8_t *out)
{
    const struct mpm_digest *d = k->digest;
    union state s;

    memcpy(&s, k->inner, sizeof s);
    if (len != 0)
        d->update(&s, message, len);
    d->final(&s, out);
    memcpy(&s, k->outer, sizeof s);
    d->update(&s, out, d->size);
    d->final(&s, out);
    sodium_memzero(&s, sizeof s);
}

void
mpm__hmac(const struct mpm_digest *d, const uint8_t *key, size_t key_len, const uint8_t *message, size_t len,
    uint8_t *out)
{
    struct mpm_hmac_key k;

    mpm__hmac_key_init(&k, d, key, key_len);
    mpm__hmac_keyed(&k, message, len, out);
    mpm__hmac_key_wipe(&k);
}

int
mpm__same_secret(const uint8_t *a, const uint8_t *b, size_t len)
{
    return sodium_memcmp(a, b, len) == 0;
}

void
mpm__random(void *out, size_t len)
{
    randombytes_buf(out, len);
}

uint64_t
mpm__keyed_hash(const void *bytes, size_t len, const uint8_t key[16])
{
    uint8_t out[crypto_shorthash_BYTES];
    uint64_t v;

    crypto_shorthash(out, bytes, len, key);
    memcpy(&v, out, sizeof v);
    return le64toh(v);
}

int
mpm__hash_setup(void)
{
    return sodium_init() < 0 ? MPM_EFATAL : 0;
}

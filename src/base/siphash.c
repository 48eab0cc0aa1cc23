/* siphash.c - SipHash-1-3 as its paper describes it: one round a word, three at the end. Layer: base. */
#include "base/siphash.h"

#include <endian.h>
#include <string.h>

static uint64_t
word_at(const uint8_t *p, size_t n)
{
    uint64_t w = 0;

    for (size_t i = 0; i < n; i++)
        w |= (uint64_t)p[i] << (8 * i);
    return w;
}

static inline uint64_t
whole_word_at(const uint8_t *p)
{
    uint64_t w;

    memcpy(&w, p, sizeof w);
    return le64toh(w);
}

static inline uint64_t
turn(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static inline void
mix(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = turn(v[1], 13) ^ v[0];
    v[3] = turn(v[3], 16) ^ v[2];
    v[0] = turn(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = turn(v[1], 17) ^ v[2];
    v[3] = turn(v[3], 21) ^ v[0];
    v[2] = turn(v[2], 32);
}

uint64_t
mpm__siphash(const uint8_t key[16], const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    uint64_t k0 = whole_word_at(key), k1 = whole_word_at(key + 8), w;
    uint64_t v[4] = {
        k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573,
    };
    size_t left = len;

    for (; left >= 8; left -= 8, p += 8) {
        w = whole_word_at(p);
        v[3] ^= w;
        mix(v);
        v[0] ^= w;
    }
    w = (uint64_t)len << 56 | (left != 0 ? word_at(p, left) : 0);
    v[3] ^= w;
    mix(v);
    v[0] ^= w;
    v[2] ^= 0xff;
    mix(v);
    mix(v);
    mix(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

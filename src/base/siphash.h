/* siphash.h - a keyed hash for tables whose keys come from peers. Layer: base. */
#ifndef MPM_BASE_SIPHASH_H
#define MPM_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/* SipHash-1-3 (Aumasson, Bernstein; the variant of CPython 3.11's str): who does not know the key cannot make keys
 * that collide. Not for authentication. */
uint64_t mpm__siphash(const uint8_t key[16], const void *bytes, size_t len);

#endif

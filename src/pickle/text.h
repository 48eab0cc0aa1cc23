/* text.h - what the two ways to check a pickle ask of a short text. Layer: pickle, private. */
#ifndef MPM_PICKLE_TEXT_H
#define MPM_PICKLE_TEXT_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* len bytes at s, behind which there are eight more. */
static inline bool
mpm__is_ascii(const uint8_t *s, uint32_t len)
{
    const uint64_t high = UINT64_C(0x8080808080808080);
    uint64_t eight;

    for (; len > 8; s += 8, len -= 8) {
        memcpy(&eight, s, 8);
        if ((eight & high) != 0)
            return false;
    }
    memcpy(&eight, s, 8);
    return len == 0 || (le64toh(eight) & high >> (64 - 8 * len)) == 0;
}

#endif

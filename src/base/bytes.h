/* bytes.h - a counted block of bytes: a long message and the values cut from it share one. Layer: base. */
#ifndef MPM_BASE_BYTES_H
#define MPM_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>

struct mpm_bytes {
    uint32_t refs;
    size_t len;
    uint8_t data[];
};

/* A new block with one reference; NULL when there is no memory. Content is not cleared. */
struct mpm_bytes *mpm__bytes_new(size_t len);
struct mpm_bytes *mpm__bytes_hold(struct mpm_bytes *b);
/* Gives back one reference; NULL is allowed. */
void mpm__bytes_drop(struct mpm_bytes *b);

#endif

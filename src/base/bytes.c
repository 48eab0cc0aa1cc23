/* bytes.c - counted blocks of bytes. Layer: base. */
#include "base/bytes.h"

#include "base/alloc.h"

struct mpm_bytes *
mpm__bytes_new(size_t len)
{
    struct mpm_bytes *b = len <= SIZE_MAX - sizeof *b ? mpm__alloc(sizeof *b + len) : NULL;

    if (b != NULL) {
        b->refs = 1;
        b->len = len;
    }
    return b;
}

struct mpm_bytes *
mpm__bytes_hold(struct mpm_bytes *b)
{
    b->refs++;
    return b;
}

void
mpm__bytes_drop(struct mpm_bytes *b)
{
    if (b != NULL && --b->refs == 0)
        mpm__free(b);
}

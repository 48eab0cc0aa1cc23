/* buf.h - a growing byte buffer with a hard maximum. Layer: base. */
#ifndef MPM_BASE_BUF_H
#define MPM_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Writers put piece after piece and look at `error` once, at the end: after a failure further puts do nothing. */
struct mpm_buf {
    uint8_t *data;
    size_t len;
    size_t cap;
    size_t max;   /* len never exceeds this; 0: no limit */
    int error;    /* 0, MPM_ENOMEM or MPM_ETOOBIG; sticky until mpm__buf_clear() */
};

/* An empty buffer; owns no memory until the first put. `max` as in the struct. */
static inline void
mpm__buf_init(struct mpm_buf *b, size_t max)
{
    *b = (struct mpm_buf){ .max = max };
}

/* Frees the memory; the buffer is empty and usable again. */
void mpm__buf_wipe(struct mpm_buf *b);
/* Forgets content and error, keeps the memory. */
static inline void
mpm__buf_clear(struct mpm_buf *b)
{
    b->len = 0;
    b->error = 0;
}

/* Drops the first n bytes (n <= len). */
void mpm__buf_shift(struct mpm_buf *b, size_t n);
/* Cuts back to a length it had before. */
void mpm__buf_cut(struct mpm_buf *b, size_t len);

/* Room for n more bytes at the end, counted as written; NULL (and b->error set) when there is none. */
uint8_t *mpm__buf_grow(struct mpm_buf *b, size_t n);

static inline uint8_t *
mpm__buf_add(struct mpm_buf *b, size_t n)
{
    if (b->error == 0 && n <= b->cap - b->len && (b->max == 0 || n <= b->max - b->len)) {
        b->len += n;
        return b->data + b->len - n;
    }
    return mpm__buf_grow(b, n);
}

static inline void
mpm__buf_put(struct mpm_buf *b, const void *bytes, size_t n)
{
    uint8_t *at = n != 0 ? mpm__buf_add(b, n) : NULL;

    if (at != NULL)
        memcpy(at, bytes, n);
}

static inline void
mpm__buf_u8(struct mpm_buf *b, uint8_t v)
{
    uint8_t *at = mpm__buf_add(b, 1);

    if (at != NULL)
        *at = v;
}

/* Little-endian, as pickles have it. */
void mpm__buf_le(struct mpm_buf *b, uint64_t v, size_t n_bytes);
/* Big-endian, as frame headers have it. */
void mpm__buf_be(struct mpm_buf *b, uint64_t v, size_t n_bytes);
void mpm__buf_text(struct mpm_buf *b, const char *text);
void mpm__buf_printf(struct mpm_buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif

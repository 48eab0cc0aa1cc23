/* buf.c - a growing byte buffer with a hard maximum. Layer: base. Knows nothing of what the bytes mean. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"

void
mpm__buf_wipe(struct mpm_buf *b)
{
    if (b->data != NULL)
        mpm__free(b->data);
    mpm__buf_init(b, b->max);
}

void
mpm__buf_shift(struct mpm_buf *b, size_t n)
{
    b->len -= n;
    if (b->len != 0)
        memmove(b->data, b->data + n, b->len);
}

void
mpm__buf_cut(struct mpm_buf *b, size_t len)
{
    if (len < b->len)
        b->len = len;
}

uint8_t *
mpm__buf_grow(struct mpm_buf *b, size_t n)
{
    size_t cap = b->cap != 0 ? b->cap : 64;
    uint8_t *data;

    if (b->error != 0)
        return NULL;
    if (n > SIZE_MAX / 2 - b->len || (b->max != 0 && n > b->max - b->len)) {
        b->error = MPM_ETOOBIG;
        return NULL;
    }
    while (cap < b->len + n)
        cap *= 2;
    if (b->max != 0 && cap > b->max)
        cap = b->max;
    if (cap > b->cap) {
        data = mpm__resize(b->data, cap, 1);
        if (data == NULL) {
            b->error = MPM_ENOMEM;
            return NULL;
        }
        b->data = data;
        b->cap = cap;
    }
    b->len += n;
    return b->data + b->len - n;
}

void
mpm__buf_le(struct mpm_buf *b, uint64_t v, size_t n_bytes)
{
    uint8_t *at = mpm__buf_add(b, n_bytes);

    for (size_t i = 0; at != NULL && i < n_bytes; i++)
        at[i] = (uint8_t)(v >> (8 * i));
}

void
mpm__buf_be(struct mpm_buf *b, uint64_t v, size_t n_bytes)
{
    uint8_t *at = mpm__buf_add(b, n_bytes);

    for (size_t i = 0; at != NULL && i < n_bytes; i++)
        at[i] = (uint8_t)(v >> (8 * (n_bytes - 1 - i)));
}

void
mpm__buf_text(struct mpm_buf *b, const char *text)
{
    mpm__buf_put(b, text, strlen(text));
}

void
mpm__buf_printf(struct mpm_buf *b, const char *format, ...)
{
    va_list ap, again;
    int n;
    uint8_t *at;

    va_start(ap, format);
    va_copy(again, ap);
    n = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    /* one byte more for the NUL that vsnprintf insists on */
    if (n >= 0 && (at = mpm__buf_add(b, (size_t)n + 1)) != NULL) {
        vsnprintf((char *)at, (size_t)n + 1, format, again);
        b->len--;
    }
    va_end(again);
}

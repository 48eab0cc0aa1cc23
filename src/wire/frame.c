/* frame.c - cuts a stream into messages. Layer: wire.
 *
 * A body that lies whole in the fed bytes is not copied; one that comes in pieces is put together in a counted block
 * that the receiver may keep. Memory follows what has arrived, not what was announced. Does not read from sockets and
 * does not look into bodies. */
#include "wire/frame.h"

#include <endian.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

#define SHORT_HEADER 4
#define LONG_HEADER 12
#define SHORT_BODY_MAX 0x7fffffffu
#define AHEAD 65536 /* a block may be this much larger than twice what has arrived */

/*  between --first byte--> in header --last of it--> in body --last byte--> delivered --next--> between
 *                                                        '--no memory--> skipping --last byte--> between
 *
 *  Where a message is follows from header_len, body_len and have alone.                                 */

static uint64_t
be(const uint8_t *at, size_t n_bytes)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n_bytes; i++)
        v = v << 8 | at[i];
    return v;
}

size_t
mpm__frame_header(uint8_t out[MPM_FRAME_HEADER_MAX], uint64_t body_len)
{
    uint32_t word;
    uint64_t words;

    if (body_len <= SHORT_BODY_MAX) {
        word = htobe32((uint32_t)body_len);
        memcpy(out, &word, sizeof word);
        return SHORT_HEADER;
    }
    memset(out, 0xff, 4);
    words = htobe64(body_len);
    memcpy(out + 4, &words, sizeof words);
    return LONG_HEADER;
}

/* How long the header is, as far as its bytes tell. */
static size_t
header_size(const struct mpm_frame *f)
{
    return f->header_len >= SHORT_HEADER && be(f->header, 4) == UINT32_MAX ? LONG_HEADER : SHORT_HEADER;
}

static bool
header_is_whole(const struct mpm_frame *f)
{
    return f->header_len >= SHORT_HEADER && f->header_len == header_size(f);
}

static bool
is_whole(const struct mpm_frame *f)
{
    return header_is_whole(f) && f->have == f->body_len;
}

static void
forget(struct mpm_frame *f)
{
    mpm__bytes_drop(f->block);
    *f = (struct mpm_frame){ 0 };
}

void
mpm__frame_next(struct mpm_frame *f)
{
    if (f->error == 0 && is_whole(f))
        forget(f);
}

void
mpm__frame_wipe(struct mpm_frame *f)
{
    forget(f);
}

int
mpm__frame_is_partial(const struct mpm_frame *f)
{
    return f->header_len != 0 && !is_whole(f);
}

static int
fail(struct mpm_frame *f, int code)
{
    mpm__bytes_drop(f->block);
    f->block = NULL;
    return f->error = code;
}

/* Eats header bytes. 0: the header is whole and what it says is allowed. */
static int
feed_header(struct mpm_frame *f, const uint8_t *bytes, size_t len, uint64_t max, size_t *used, struct mpm_error *err)
{
    /* The block's own head must fit, too. Half of the address space is beyond any real limit. */
    uint64_t limit = max < SIZE_MAX / 2 ? max : SIZE_MAX / 2;
    size_t n;

    /* Twice at most: whether there are 8 bytes more is known only after the first four. */
    while ((n = header_size(f) - f->header_len) != 0) {
        if (n > len - *used)
            n = len - *used;
        if (n == 0)
            return MPM_EAGAIN;
        memcpy(f->header + f->header_len, bytes + *used, n);
        f->header_len += (uint8_t)n;
        *used += n;
    }
    f->body_len = f->header_len == SHORT_HEADER ? be(f->header, 4) : be(f->header + 4, 8);
    if (f->header_len == SHORT_HEADER && f->body_len > SHORT_BODY_MAX) {
        mpm__fail(err, MPM_EPROTO, *used, "message with a negative length (%" PRId64 ")",
            (int64_t)f->body_len - ((int64_t)1 << 32));
        return fail(f, MPM_EPROTO);
    }
    if (f->body_len > limit) {
        mpm__fail(err, MPM_ETOOBIG, *used, "message of %" PRIu64 " bytes announced, at most %" PRIu64 " are allowed",
            f->body_len, limit);
        return fail(f, MPM_ETOOBIG);
    }
    return 0;
}

/* Makes the block hold at least `need` bytes of the body, `arrived` of which are here. */
static bool
grow(struct mpm_frame *f, uint64_t need, uint64_t arrived)
{
    uint64_t size = arrived < f->body_len / 2 ? 2 * arrived : f->body_len;
    struct mpm_bytes *block;

    if (f->block != NULL && need <= f->block->len)
        return true;
    size = f->body_len - size <= AHEAD ? f->body_len : size + AHEAD;
    if (f->block == NULL)
        block = mpm__bytes_new((size_t)size);
    else
        block = mpm__resize(f->block, sizeof *block + (size_t)size, 1);
    if (block == NULL)
        return false;
    block->len = (size_t)size;
    f->block = block;
    return true;
}

/* After the last byte: the message, or what became of it. */
static int
deliver(struct mpm_frame *f, const uint8_t *body, struct mpm_message *message)
{
    if (f->skipping) {
        forget(f);
        return MPM_ENOMEM;
    }
    *message = (struct mpm_message){ .body = body, .len = (size_t)f->body_len, .block = f->block };
    return 0;
}

int
mpm__frame_feed(struct mpm_frame *f, const uint8_t *bytes, size_t len, uint64_t max, size_t *used,
    struct mpm_message *message, struct mpm_error *err)
{
    static const uint8_t nothing[1];
    const uint8_t *body;
    size_t n;
    int r;

    *used = 0;
    mpm__frame_next(f);
    if (f->error != 0)
        return mpm__fail(err, f->error, 0, "the stream was given up before: %s", mpm_error_text(f->error));
    if (!header_is_whole(f) && (r = feed_header(f, bytes, len, max, used, err)) != 0)
        return r;

    if (f->body_len == 0)
        return deliver(f, nothing, message);
    n = len - *used;
    if (n > f->body_len - f->have)
        n = (size_t)(f->body_len - f->have);
    if (n == 0)
        return MPM_EAGAIN;
    body = bytes + *used;
    *used += n;
    if (f->have == 0 && n == f->body_len && f->block == NULL) {
        f->have = n;
        return deliver(f, body, message);
    }
    if (!f->skipping && !grow(f, f->have + n, f->have + n)) {
        mpm__bytes_drop(f->block);
        f->block = NULL;
        f->skipping = 1;
    }
    if (!f->skipping)
        memcpy(f->block->data + f->have, body, n);
    f->have += n;
    if (f->have != f->body_len)
        return MPM_EAGAIN;
    if (f->skipping)
        mpm__fail(err, MPM_ENOMEM, *used, "no memory for a message of %" PRIu64 " bytes", f->body_len);
    return deliver(f, f->skipping ? NULL : f->block->data, message);
}

uint8_t *
mpm__frame_space(struct mpm_frame *f, size_t *room)
{
    *room = 0;
    if (f->error != 0 || f->skipping || !header_is_whole(f) || f->body_len - f->have < MPM_FRAME_DIRECT_MIN)
        return NULL;
    /* Without memory for it: the feed that follows notices and skips the body. */
    if (!grow(f, f->have + MPM_FRAME_DIRECT_MIN, f->have))
        return NULL;
    *room = f->block->len - (size_t)f->have;
    return f->block->data + f->have;
}

int
mpm__frame_filled(struct mpm_frame *f, size_t n, struct mpm_message *message)
{
    f->have += n;
    return f->have == f->body_len ? deliver(f, f->block->data, message) : MPM_EAGAIN;
}

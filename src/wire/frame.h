/* frame.h - messages with a length in front, as multiprocessing.connection sends them. Layer: wire.
 * Source: CPython Lib/multiprocessing/connection.py, Connection._send_bytes, _recv_bytes. */
#ifndef MPM_WIRE_FRAME_H
#define MPM_WIRE_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include <mpmd/error.h>

#include "base/buf.h"
#include "base/bytes.h"

#define MPM_FRAME_HEADER_MAX 12

static inline size_t
mpm__frame_header_len(uint64_t body_len)
{
    return body_len <= 0x7fffffff ? 4 : MPM_FRAME_HEADER_MAX;
}

/* Writes the header for a body of body_len bytes; returns its length: 4, or 12 for bodies over 0x7fffffff. */
size_t mpm__frame_header(uint8_t out[MPM_FRAME_HEADER_MAX], uint64_t body_len);

/* Puts frames together from a stream. Zeroed is valid; wipe with mpm__frame_wipe(). */
struct mpm_frame {
    uint8_t header[MPM_FRAME_HEADER_MAX];
    uint8_t header_len;        /* bytes of it seen */
    uint8_t skipping;          /* there was no memory for this body: its bytes are thrown away */
    int error;                 /* 0, or why the stream cannot be continued */
    uint64_t body_len;         /* announced; valid once the header is whole */
    struct mpm_bytes *block;   /* a body that came in pieces; at most twice what has arrived + 64 KiB */
    uint64_t have;             /* bytes of the body seen */
};

/* One whole message. `body` points into the fed bytes (block == NULL) or into `block`, which the receiver may hold;
 * both are valid until the next feed. */
struct mpm_message {
    const uint8_t *body;
    size_t len;
    struct mpm_bytes *block;
};

/*
 * Eats bytes[0..len) up to the end of the first whole message. *used is how many were eaten (set in every case).
 * Returns 0: *message is whole; MPM_EAGAIN: all eaten, more needed; MPM_ETOOBIG: the header announces more than `max`
 * bytes (err: both sizes), noticed before memory is taken; MPM_EPROTO: a length below -1; MPM_ENOMEM: there was no
 * memory for this body, its bytes have all been eaten and dropped, and the next message may follow.
 * After MPM_ETOOBIG or MPM_EPROTO the stream cannot be continued. *message is untouched unless 0 is returned.
 * What came before a failure in the same bytes is delivered first, message by message.
 */
int mpm__frame_feed(struct mpm_frame *f, const uint8_t *bytes, size_t len, uint64_t max, size_t *used,
    struct mpm_message *message, struct mpm_error *err);

/* The same for the commonest case: nothing is pending, and the bytes begin with a whole message that has a short
 * header. Returns how many bytes it takes; 0: it is not so, nothing was eaten. The message needs no
 * mpm__frame_next(). */
static inline size_t
mpm__frame_whole(const struct mpm_frame *f, const uint8_t *bytes, size_t len, uint64_t max, struct mpm_message *message)
{
    size_t n;

    if (f->header_len != 0 || f->error != 0 || len < 4)
        return 0;
    n = (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3];
    if (n == 0 || n > len - 4 || n > 0x7fffffff || n > max)
        return 0;
    *message = (struct mpm_message){ .body = bytes + 4, .len = n };
    return 4 + n;
}

/* Where the next bytes of a long body may be read to directly; *room is 0 when there is no body under way, or when less
 * than MPM_FRAME_DIRECT_MIN of it is missing: then a read into the caller's own buffer brings what follows, too.
 * Follow a read of n <= *room bytes with mpm__frame_filled(), which returns as mpm__frame_feed(). */
#define MPM_FRAME_DIRECT_MIN 16384
uint8_t *mpm__frame_space(struct mpm_frame *f, size_t *room);
int mpm__frame_filled(struct mpm_frame *f, size_t n, struct mpm_message *message);

/* Whether a message is begun but not whole. */
int mpm__frame_is_partial(const struct mpm_frame *f);
/* Forgets the message that was delivered; called by feed, too. */
void mpm__frame_next(struct mpm_frame *f);
void mpm__frame_wipe(struct mpm_frame *f);

#endif

/* fuzz_auth.c - a handshake with any peer ends within its six frames, and sends nothing but well-formed frames.
 * Input: one byte for the role (0 listener, 1 client), one for the length of our challenge, the challenge, then what
 * the peer sends. The key is the one of the recordings, so most of their connections succeed here. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hash/digest.h"
#include "wire/auth.h"
#include "wire/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define CHECK(condition)  \
    do {                  \
        if (!(condition)) \
            abort();      \
    } while (0)

static void
check_output(const struct mpm_buf *out)
{
    struct mpm_frame f = { 0 };
    struct mpm_message message;
    size_t used, n = 0;
    const uint8_t *at = out->data;

    while (at != NULL && n < out->len) {
        CHECK(mpm__frame_feed(&f, at, out->len - n, MPM_AUTH_FRAME_MAX, &used, &message, NULL) == 0);
        CHECK(message.len >= 9);
        at += used;
        n += used;
    }
    mpm__frame_wipe(&f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const uint8_t key[] = "wire-vectors";
    struct mpm_auth a;
    struct mpm_frame f = { 0 };
    struct mpm_buf out;
    struct mpm_message message;
    struct mpm_error err;
    size_t used, n, n_frames = 0;
    int r = MPM_EAGAIN;

    if (len < 2 || mpm__hash_setup() != 0)
        return 0;
    n = 20 + bytes[1] % (MPM_AUTH_CHALLENGE_MAX - 20 + 1);
    if (len - 2 < n)
        return 0;
    mpm__buf_init(&out, 0);
    mpm__auth_init(&a, bytes[0] & 1 ? MPM_AUTH_CLIENT : MPM_AUTH_LISTENER, bytes + 2, n, &out);
    bytes += 2 + n;
    len -= 2 + n;
    while (r == MPM_EAGAIN && mpm__frame_feed(&f, bytes, len, MPM_AUTH_FRAME_MAX, &used, &message, NULL) == 0) {
        bytes += used;
        len -= used;
        n = out.len;
        memset(&err, 'x', sizeof err);
        r = mpm__auth_feed(&a, key, sizeof key - 1, message.body, message.len, &out, &err);
        CHECK(out.len - n <= 2 * MPM_AUTH_CHALLENGE_MAX);
        n_frames++;
        if (r != 0 && r != MPM_EAGAIN)
            CHECK(err.code == r && memchr(err.text, '\0', sizeof err.text) != NULL);
    }
    check_output(&out);
    CHECK(n_frames <= 3);
    CHECK(r != 0 || n_frames == 3);
    /* Once it is over, whatever comes is refused, and nothing more is sent. */
    if (r != MPM_EAGAIN) {
        n = out.len;
        CHECK(mpm__auth_feed(&a, key, sizeof key - 1, (const uint8_t *)"#WELCOME#", 9, &out, NULL) == MPM_EPROTO);
        CHECK(out.len == n);
    }
    mpm__frame_wipe(&f);
    mpm__buf_wipe(&out);
    return 0;
}

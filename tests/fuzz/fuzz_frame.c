/* fuzz_frame.c - a stream gives the same messages and ends in the same error however it is cut.
 * Input: one byte for the maximum, one for the cuts, then the stream. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct outcome {
    uint64_t hash; /* of all messages */
    size_t n;
    int error;
};

#define CHECK(condition)  \
    do {                  \
        if (!(condition)) \
            abort();      \
    } while (0)

static void
take(struct outcome *o, const struct mpm_message *message)
{
    CHECK(message->block == NULL || message->body == message->block->data);
    o->n++;
    o->hash = (o->hash ^ message->len) * 0x100000001b3u;
    for (size_t i = 0; i < message->len; i++)
        o->hash = (o->hash ^ message->body[i]) * 0x100000001b3u;
}

/* step 0: all at once. Else pieces of that many bytes, some of them read in place. */
static struct outcome
run(const uint8_t *bytes, size_t len, uint64_t max, size_t step)
{
    struct mpm_frame f = { 0 };
    struct outcome o = { 0 };
    struct mpm_message message;
    size_t at = 0, used, room;

    while (at < len && o.error == 0) {
        size_t n = step == 0 || len - at < step ? len - at : step, end = at + n;
        uint8_t *space = step % 2 == 1 ? mpm__frame_space(&f, &room) : NULL;
        int r;

        if (space != NULL) {
            n = n < room ? n : room;
            memcpy(space, bytes + at, n);
            at += n;
            if ((r = mpm__frame_filled(&f, n, &message)) == 0)
                take(&o, &message);
            else
                CHECK(r == MPM_EAGAIN);
            continue;
        }
        do {
            r = mpm__frame_feed(&f, bytes + at, end - at, max, &used, &message, NULL);
            CHECK(used <= end - at);
            at += used;
            if (r == 0) {
                CHECK(message.len <= max);
                take(&o, &message);
            }
        } while (r == 0);
        if (r == MPM_EAGAIN)
            CHECK(at == end);
        else {
            CHECK(r == MPM_ETOOBIG || r == MPM_EPROTO);
            CHECK(mpm__frame_feed(&f, bytes, len, max, &used, &message, NULL) == r && used == 0);
            o.error = r;
        }
    }
    mpm__frame_wipe(&f);
    return o;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct outcome whole, cut;
    uint64_t max;
    size_t step;

    if (len < 2)
        return 0;
    max = (uint64_t)1 << (bytes[0] % 40);
    step = bytes[1];
    whole = run(bytes + 2, len - 2, max, 0);
    for (int i = 0; i < 2; i++) {
        cut = run(bytes + 2, len - 2, max, i == 0 ? 1 : step != 0 ? step * 37 : 20000);
        CHECK(cut.hash == whole.hash && cut.n == whole.n && cut.error == whole.error);
    }
    return 0;
}

/*
 * setup.c - reads the messages of --setup-fd. Layer: server.
 *
 * Waits for each of them: there is nobody to serve yet. What they say is core/setup.c's business.
 */
#include "server/setup.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "core/setup.h"
#include "wire/frame.h"

#define CHUNK 65536

static int
eat(struct mpm_hub *hub, struct mpm_frame *frame, const uint8_t *bytes, size_t len, uint64_t max, struct mpm_error *err)
{
    struct mpm_message message;
    size_t used;
    int r = 0;

    while (len != 0 && r == 0) {
        r = mpm__frame_feed(frame, bytes, len, max, &used, &message, err);
        bytes += used;
        len -= used;
        if (r == 0)
            r = mpm__hub_set_up(hub, message.body, message.len, err);
    }
    return r == MPM_EAGAIN ? 0 : r;
}

int
mpm__setup_read(struct mpm_hub *hub, int fd, uint64_t max, struct mpm_error *err)
{
    struct mpm_frame frame = { 0 };
    struct mpm_error why = { 0 };
    uint8_t *chunk = mpm__alloc(CHUNK);
    ssize_t n = 0;
    int r = chunk != NULL ? 0 : MPM_ENOMEM;

    while (r == 0 && (n = read(fd, chunk, CHUNK)) != 0) {
        if (n > 0)
            r = eat(hub, &frame, chunk, (size_t)n, max, &why);
        else if (errno != EINTR)
            break;
    }
    if (r == MPM_ENOMEM)
        mpm__fail(err, r, 0, "out of memory");
    else if (r != 0)
        r = mpm__fail(err, MPM_EINVAL, 0, "--setup-fd %d: %s", fd, why.text);
    else if (n < 0)
        r = mpm__fail(err, MPM_EIO, 0, "--setup-fd %d: %s; give a descriptor that is open for reading", fd,
            strerror(errno));
    else if (mpm__frame_is_partial(&frame))
        r = mpm__fail(err, MPM_EINVAL, 0, "--setup-fd %d: it ends in the middle of a message", fd);
    if (fd > STDERR_FILENO)
        close(fd);
    mpm__frame_wipe(&frame);
    mpm__free(chunk);
    return r;
}

/* setup.h - what the one who starts a server writes to it first. Layer: server. */
#ifndef MPM_SERVER_SETUP_H
#define MPM_SERVER_SETUP_H

#include "core/hub.h"

/* Reads --setup-fd to its end, sets the hub up with each message of at most `max` bytes, and closes fd (not 0 to 2).
 * Returns 0, MPM_EINVAL (err: what cannot be done, and why), MPM_EIO (err: fd cannot be read) or MPM_ENOMEM. */
int mpm__setup_read(struct mpm_hub *hub, int fd, uint64_t max, struct mpm_error *err);

#endif

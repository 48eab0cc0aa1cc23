/* setup.h - what is made before the first client. Layer: core. */
#ifndef MPM_CORE_SETUP_H
#define MPM_CORE_SETUP_H

#include "core/hub.h"

/*
 * One message of --setup-fd (doc/protocol.md, section 12), without its length. Returns 0, MPM_EINVAL (err: what cannot
 * be done, and why) or MPM_ENOMEM. After a failure the hub is good for mpm__hub_free() only: half of it may be done.
 */
int mpm__hub_set_up(struct mpm_hub *hub, const uint8_t *message, size_t len, struct mpm_error *err);

#endif

/* daemon.h - the server as a program of its own: what the command mpmd does. Layer: server. */
#ifndef MPM_SERVER_DAEMON_H
#define MPM_SERVER_DAEMON_H

#include "server/options.h"

/*
 * Serves as the options say, until SIGTERM, SIGINT, SIGHUP, the end of the lifeline or a client's shutdown. The authkey
 * in the options is wiped once it has been copied.
 * Returns 0 then; MPM_EINVAL: a --register makes no sense (err says which and why); MPM_EIO: an address or descriptor
 * cannot be used; MPM_ENOMEM. For the main thread of a process that does nothing else.
 */
int mpm__daemon_run(struct mpm_options *options, struct mpm_error *err);

#endif

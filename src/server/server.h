/* server.h - the running server: loop, listeners, connections, sessions. Layer: server. */
#ifndef MPM_SERVER_SERVER_H
#define MPM_SERVER_SERVER_H

#include "server/options.h"

struct mpm_server;

/*
 * Binds everything that the options ask for; nothing is accepted yet. The authkey in the options is wiped once it has
 * been copied; the rest of them is borrowed until the server is freed.
 * Returns 0; MPM_EINVAL: a --register makes no sense (err says which and why); MPM_EIO: an address or descriptor cannot
 * be used; MPM_ENOMEM.
 */
int mpm__server_new(struct mpm_options *options, struct mpm_server **out, struct mpm_error *err);
/* Tells that it is ready, and serves until it is asked to end: SIGTERM, SIGINT and SIGHUP, the lifeline, a client's
 * shutdown. Returns 0 then, or MPM_EIO (err) when it could not tell. */
int mpm__server_run(struct mpm_server *s, struct mpm_error *err);
/* Removes its sockets from the file system. */
void mpm__server_free(struct mpm_server *s);

#endif

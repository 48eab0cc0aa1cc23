/* server.h - the running server: loop, listeners, connections, sessions. Layer: server.
 *
 * <mpmd/server.h> has what programs use; here is what daemon.c and embed.c make a server of. */
#ifndef MPM_SERVER_SERVER_H
#define MPM_SERVER_SERVER_H

#include <uv.h>

#include <mpmd/server.h>

#include "server/options.h"

/*
 * A server that does not listen yet. Nothing of *o is needed later; the authkey in it is wiped once it has been copied.
 * log: copied; NULL: the server has the log of the thread that it runs in.
 * Returns 0; MPM_EINVAL: a --register makes no sense (err says which and why); MPM_EIO or MPM_ENOMEM. Free with
 * mpm_server_close().
 */
int mpm__server_new(struct mpm_options *o, const struct mpm_log *log, struct mpm_server **out, struct mpm_error *err);
/* Listens on o's addresses, once. Returns 0, MPM_EIO (an address cannot be used) or MPM_ENOMEM. */
int mpm__server_listen(struct mpm_server *s, const struct mpm_options *o, struct mpm_error *err);
/* Removes what killed servers left beside the folder of this one, if it has one. Not urgent. */
void mpm__server_sweep(struct mpm_server *s);
/* For handles of others, which are closed (uv_close()) before mpm_server_close(). */
uv_loop_t *mpm__server_loop(struct mpm_server *s);
/* Asks it to end, in its own thread; asked twice, it ends without patience. */
void mpm__server_stop(struct mpm_server *s, const char *why);
/* Serves: without waiting, or until it is asked to end and after that a turn at a time. Returns whether to go on. */
bool mpm__server_turn(struct mpm_server *s, bool wait);

#endif

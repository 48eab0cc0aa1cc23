/* listener.h - a socket that accepts connections. Layer: net. */
#ifndef MPM_NET_LISTENER_H
#define MPM_NET_LISTENER_H

#include <uv.h>

#include "net/address.h"

struct mpm_listener;

/* A connection: fd is non-blocking and now the callee's. TCP connections have NODELAY and keep-alive set. */
typedef void mpm_accept_call(struct mpm_listener *l, int fd, const struct mpm_address *peer, void *user);

/*
 * Binds, listens and accepts from the next turn on.
 *
 * address  borrowed
 * paused   borrowed, may be NULL; called with an errno when accepting pauses for want of descriptors or memory
 *
 * An AF_UNIX socket is created with mode 0600; one that a dead server left behind is replaced, a live one is an error.
 * Returns 0, MPM_EIO (err: the address, what is wrong, what to do) or MPM_ENOMEM.
 */
int mpm__listener_open(uv_loop_t *loop, const struct mpm_address *address, mpm_accept_call *accepted,
    void (*paused)(struct mpm_listener *l, int error, void *user), void *user, struct mpm_listener **out,
    struct mpm_error *err);
/* The bound address as text (with the real port); valid as long as l. */
const char *mpm__listener_text(const struct mpm_listener *l);
/* Descriptors or memory have become free: accepts again if it was paused. It also tries by itself after a while. */
void mpm__listener_resume(struct mpm_listener *l);
/* Stops accepting and removes the socket from the file system; l is freed by the loop. */
void mpm__listener_close(struct mpm_listener *l);

#endif

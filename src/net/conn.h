/*
 * conn.h - one connection: readiness from libuv, our own read and write. Layer: net.
 *
 * Knows bytes only. Who uses it says in `struct mpm_conn_calls` what to do with them; a server of canned replies needs
 * three such functions.
 */
#ifndef MPM_NET_CONN_H
#define MPM_NET_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <uv.h>

#include "base/list.h"

#define MPM_NET_READ (64 * 1024)        /* the read buffer, shared by all connections of a loop */
#define MPM_NET_TURN_BYTES (512 * 1024) /* read from, and written to, one connection in one turn: then the others */
#define MPM_NET_PIECES 16               /* given to one writev */

struct mpm_conn;

/* What the user of the connections does. on_bytes, output and sent are needed, the others may be NULL. None of them may
 * call mpm__conn_start(), _flush() or _close() for the connection that it is called for. */
struct mpm_conn_calls {
    /* Bytes arrived; they are gone after the call. */
    void (*on_bytes)(struct mpm_conn *c, const uint8_t *bytes, size_t len);
    /* Where to read the next bytes to, without the way through the shared buffer; *room 0: through it. */
    uint8_t *(*space)(struct mpm_conn *c, size_t *room);
    /* n bytes are now at the last space. */
    void (*filled)(struct mpm_conn *c, size_t n);
    /* What is to be sent, in order, as at most n_max pieces; returns how many. */
    size_t (*output)(struct mpm_conn *c, struct iovec *pieces, size_t n_max);
    /* The first n bytes of the output went out. Returns whether there is more. */
    bool (*sent)(struct mpm_conn *c, size_t n);
    /* Whether to read no more, and to close as soon as the output is sent. */
    bool (*is_closing)(struct mpm_conn *c);
    /* Whether the peer cannot go on before it has our acknowledgement. Asked only for TCP, after a read that caused no
     * output (which would carry it). */
    bool (*wants_quickack)(struct mpm_conn *c);
    /* The connection is gone; c stays valid until the end of the turn. `lost`: the peer went without reading all that
     * was sent to it. Called once for every connection that was started. */
    void (*closed)(struct mpm_conn *c, bool lost);
};

/* Everything that the connections of one loop share. */
struct mpm_net {
    uv_loop_t *loop;
    const struct mpm_conn_calls *calls;
    void *user;
    struct mpm_list conns; /* the open ones, by struct mpm_conn.link */
    size_t n_conns;        /* how many those are */
    uint8_t *buffer;       /* MPM_NET_READ bytes */
};

/* Made by mpm__conn_new(), as the first member of a larger struct if wanted. Read only, except for `user`. */
struct mpm_conn {
    uv_poll_t poll;
    struct mpm_net *net;
    void *user;
    struct mpm_link link;
    int fd;
    uint8_t events; /* that the poll is set to; 0: none */
    bool is_tcp;
    bool is_polled;   /* the handle is initialised */
    bool is_closed;
    bool may_have_more; /* the last read did not empty the kernel's buffer */
    bool wants_write;   /* the kernel took less than it was given */
};

/* Returns 0 or MPM_ENOMEM. */
int mpm__net_init(struct mpm_net *net, uv_loop_t *loop, const struct mpm_conn_calls *calls, void *user);
/* Every connection must be closed, and the loop must have run since. */
void mpm__net_wipe(struct mpm_net *net);

/*
 * A connection for the connected, non-blocking socket fd, which is taken: closed even on failure. `size` is that of the
 * struct that begins with it (zeroed); it is freed by the net at the end of the turn in which the connection is closed.
 * Nothing is sent or read before mpm__conn_start(). NULL: out of memory.
 */
struct mpm_conn *mpm__conn_new(struct mpm_net *net, size_t size, int fd, bool is_tcp);
/* Gives up a connection that was never started. */
void mpm__conn_discard(struct mpm_conn *c);
/* Sends the output there is, at once, then begins to read. Returns whether the connection is still open; otherwise it
 * is not to be touched any more. */
bool mpm__conn_start(struct mpm_conn *c);
/* There is output, or is_closing() became true, because of something that did not come from this connection. It may be
 * closed when this returns; harmless when it already is. */
void mpm__conn_flush(struct mpm_conn *c);
/* Closes now; harmless when already closed. */
void mpm__conn_close(struct mpm_conn *c, bool lost);

/* The pid of the process that connected an AF_UNIX socket; 0: unknown. */
int64_t mpm__conn_peer_pid(int fd);

#endif

/* connection.h - multiprocessing.connection in C: messages over a socket, behind an authkey. Public. */
#ifndef MPMD_CONNECTION_H
#define MPMD_CONNECTION_H

#include <stddef.h>
#include <stdint.h>

#include <mpmd/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * A message is a run of bytes with its length in front, as multiprocessing.connection.Connection.send_bytes() sends it
 * (Connection.send() sends a pickle so). Both ends may prove to each other that they know a key, without sending it.
 * Talks to multiprocessing.connection.Client and Listener of CPython 2.7 and 3, and to itself.
 *
 * Threads: a connection or listener is used by one thread at a time. Nothing here is called back or raises a signal
 * (no SIGPIPE).
 *
 * Source: CPython Lib/multiprocessing/connection.py.
 */

struct mpm_connection;
struct mpm_listener;

/** What a connection is opened with. Zero it, set `size`, then what you need. */
struct mpm_connection_options {
    size_t size;          /* sizeof(struct mpm_connection_options) */
    const void *authkey;  /* borrowed; NULL: no handshake, as authkey=None in Python */
    size_t authkey_len;   /* bytes; with an authkey, 0 is the empty key b'' */
    uint64_t max_message; /* bytes of the longest message to accept; 0: 256 MiB */
};

/**
 * Connect, and prove the key in both directions.
 *
 * address     "/path", "@name" (Linux abstract socket), "host:port", "[v6]:port"; borrowed. Looking up a host name may
 *             take longer than timeout_ns.
 * options     NULL: no handshake, 256 MiB
 * timeout_ns  for all of it
 * out         returned, free with mpm_connection_close(); untouched on failure
 * err         may be NULL
 *
 * Returns 0, MPM_EINVAL (address or options), MPM_ETIMEOUT, MPM_ECONN (nobody there, or it closed), MPM_EAUTH (the keys
 * differ), MPM_EUNSUP (the peer wants a digest that this build has not), MPM_EPROTO (it does not speak this protocol),
 * MPM_EIO or MPM_ENOMEM. Since 0.1.
 */
MPM_API int mpm_connection_open(const char *address, const struct mpm_connection_options *options, int64_t timeout_ns,
    struct mpm_connection **out, struct mpm_error *err);

/**
 * The same without waiting: poll mpm_connection_fd() for what mpm_connection_wants() says, then call
 * mpm_connection_advance(), until that returns 0. Fails as mpm_connection_open() does, or later. Since 0.1.
 */
MPM_API int mpm_connection_start(const char *address, const struct mpm_connection_options *options,
    struct mpm_connection **out, struct mpm_error *err);

/**
 * A connection over a socket that is there already: one end of multiprocessing.Pipe(), an accepted one.
 *
 * fd          a connected stream socket, blocking or not; taken when 0 is returned
 * is_server   non-zero: this side sends the first challenge, as a Listener does
 *
 * With an authkey the handshake is still to come: mpm_connection_advance(), send or receive do it.
 * Returns 0, MPM_EINVAL, MPM_EIO or MPM_ENOMEM. Since 0.1.
 */
MPM_API int mpm_connection_adopt(int fd, int is_server, const struct mpm_connection_options *options,
    struct mpm_connection **out, struct mpm_error *err);

/** Closes it; what was not sent is lost. NULL is allowed. Since 0.1. */
MPM_API void mpm_connection_close(struct mpm_connection *connection);

/**
 * Send one message.
 *
 * bytes       borrowed; needed until the function returns
 * timeout_ns  for the socket to take all of it. What it has not taken by then is kept and goes out with later calls:
 *             the message is sent once, whole and in order.
 *
 * Returns 0 (the system has it, or, after timeout_ns, the connection has: see mpm_connection_wants()), MPM_ECONN (the
 * peer is gone; it may or may not have got the message), MPM_ENOMEM (nothing was sent), or what the handshake fails
 * with. Since 0.1.
 */
MPM_API int mpm_connection_send(struct mpm_connection *connection, const void *bytes, size_t len, int64_t timeout_ns,
    struct mpm_error *err);

/**
 * Take one message.
 *
 * bytes, len  returned: the message, which belongs to the connection and is valid until the next receive or close. An
 *             empty message has *len 0.
 *
 * Returns 0, MPM_ETIMEOUT (call again, nothing is lost), MPM_ECONN (the peer closed; err says when that was in the
 * middle of a message), MPM_ETOOBIG (longer than max_message) or MPM_EPROTO, after which only closing is left,
 * MPM_ENOMEM (this message is lost, the next may follow), or what the handshake fails with. Since 0.1.
 */
MPM_API int mpm_connection_receive(struct mpm_connection *connection, const void **bytes, size_t *len, int64_t timeout_ns,
    struct mpm_error *err);

/** The descriptor, for poll(); never read, write or close it. Since 0.1. */
MPM_API int mpm_connection_fd(const struct mpm_connection *connection);

#define MPM_WANT_READ 1
#define MPM_WANT_WRITE 2
/** What to poll for before mpm_connection_advance() can go on: MPM_WANT_READ, MPM_WANT_WRITE or both. Since 0.1. */
MPM_API unsigned mpm_connection_wants(const struct mpm_connection *connection);

/**
 * Goes on with what is under way, without waiting: connecting, the handshake, sending what is kept.
 *
 * Returns 0 (connected, the key is proved, all is sent), MPM_EAGAIN (poll again) or how it failed. A message that
 * arrived is taken by mpm_connection_receive() with timeout 0. Since 0.1.
 */
MPM_API int mpm_connection_advance(struct mpm_connection *connection, struct mpm_error *err);

/**
 * Listen, as multiprocessing.connection.Listener does.
 *
 * address     as above; port 0 means any free one. A path that exists is an error.
 * backlog     connections that may wait to be accepted; 0: 128
 * out         returned, free with mpm_listener_close()
 *
 * Returns 0, MPM_EINVAL, MPM_EIO (err: why, as "address already in use") or MPM_ENOMEM. Since 0.1.
 */
MPM_API int mpm_listener_open(const char *address, int backlog, struct mpm_listener **out, struct mpm_error *err);

/** Where it listens, as mpm_connection_open() wants it; static as long as the listener. Since 0.1. */
MPM_API const char *mpm_listener_address(const struct mpm_listener *listener);

/** Readable when somebody can be accepted. Since 0.1. */
MPM_API int mpm_listener_fd(const struct mpm_listener *listener);

/**
 * Accept one connection and prove the key in both directions.
 *
 * timeout_ns  for both together. With 0 the connection is returned before the handshake: mpm_connection_advance().
 *
 * Returns 0, MPM_ETIMEOUT (nobody came), MPM_EAUTH, MPM_ECONN and so on when one came and failed (call again for the
 * next), MPM_EIO or MPM_ENOMEM. Since 0.1.
 */
MPM_API int mpm_listener_accept(struct mpm_listener *listener, const struct mpm_connection_options *options,
    int64_t timeout_ns, struct mpm_connection **out, struct mpm_error *err);

/** Closes it and removes its path (a forked child's copy leaves that alone). NULL is allowed. Since 0.1. */
MPM_API void mpm_listener_close(struct mpm_listener *listener);

#ifdef __cplusplus
}
#endif
#endif

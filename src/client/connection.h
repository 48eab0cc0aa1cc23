/* connection.h - what a client needs of its connections beyond <mpmd/connection.h>. Layer: client, private. */
#ifndef MPM_CLIENT_CONNECTION_H
#define MPM_CLIENT_CONNECTION_H

#include <mpmd/connection.h>

#include <stdbool.h>
#include <sys/uio.h>

#include "wire/frame.h"

/* How long to wait: a time from now, and when that ends. One is made for all that a call does. */
struct mpm_patience {
    int64_t timeout_ns;  /* 0: no waiting; MPM_FOREVER: without end */
    int64_t deadline_ns; /* of CLOCK_MONOTONIC; as above for 0 and MPM_FOREVER */
};
struct mpm_patience mpm__patience(int64_t timeout_ns);
int64_t mpm__now_ns(void);

int mpm__connection_open(const char *address, const struct mpm_connection_options *options,
    const struct mpm_patience *patience, struct mpm_connection **out, struct mpm_error *err);

/* mpm_connection_send() of one message in parts, the first of which begins with the header. The parts are changed. */
int mpm__connection_send(struct mpm_connection *connection, struct iovec *parts, size_t n,
    const struct mpm_patience *patience, struct mpm_error *err);
/* The same without sending anything yet: it goes out with what is done next. Returns 0 or MPM_ENOMEM (nothing is
 * kept of it). */
int mpm__connection_queue(struct mpm_connection *connection, const struct iovec *parts, size_t n);
/* Bytes that are kept and not sent. */
size_t mpm__connection_kept(const struct mpm_connection *connection);

/* How many bytes of messages (without the handshake) were ever given to it, and how many of them the system has
 * taken. A message that is not taken to its end cannot be carried out. */
uint64_t mpm__connection_given(const struct mpm_connection *connection);
uint64_t mpm__connection_taken(const struct mpm_connection *connection);

/* mpm_connection_receive(); a long message comes with its block, which may be held. */
int mpm__connection_receive(struct mpm_connection *connection, struct mpm_message *message,
    const struct mpm_patience *patience, struct mpm_error *err);
/* Whether a whole message has arrived and been read, so that receiving it asks nobody. */
bool mpm__connection_has_message(const struct mpm_connection *connection);
/* The message is not needed any more: the connection lets go of its block. */
void mpm__connection_forget(struct mpm_connection *connection);

/* Until it is connected and proved, or one of both wants() may be ready. MPM_ETIMEOUT: neither. */
int mpm__connection_wait(struct mpm_connection *connection, const struct mpm_patience *patience, struct mpm_error *err);

/* Nothing is to come now. Returns 0, MPM_ECONN (the peer closed while nobody looked) or MPM_EPROTO (something came);
 * `look`: asks the system, too. */
int mpm__connection_idle(struct mpm_connection *connection, bool look, struct mpm_error *err);

#endif

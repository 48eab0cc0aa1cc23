/*
 * hub.h - the deterministic heart: objects by id, references, owners, the ready list and the deadlines. Layer: core.
 *
 * No sockets, no clock, no randomness: bytes, time, peers and nonces come in, bytes go out. The same input gives the
 * same output, always.
 */
#ifndef MPM_CORE_HUB_H
#define MPM_CORE_HUB_H

#include "object/object.h"
#include "wire/auth.h"

struct mpm_session;

struct mpm_hub_options {
    const uint8_t *authkey;      /* copied; wiped with the hub */
    size_t authkey_len;
    uint64_t max_message;        /* bytes of one frame; at most MPM_PICKLE_LEN_MAX */
    uint64_t max_memory;         /* bytes of stored values; 0: no limit */
    int64_t auth_timeout_ns;     /* a peer that has not authenticated by then is closed; MPM_FOREVER: never */
    enum mpm_death_policy on_owner_death;
    bool queue_requests;         /* a request behind a parked one waits instead of cancelling it */
    uint8_t hash_key[16];        /* seed of the tables whose keys come from peers */
    int64_t started_ns;          /* the time at which it was made; only ever told */
    uint64_t first_id;           /* idents count up from here: a random start keeps proxies of an earlier server from
                                  * meeting an object of this one; 0: 1 */
};

/* NULL: out of memory. */
struct mpm_hub *mpm__hub_new(const struct mpm_hub_options *options);
/* Every session must have ended. */
void mpm__hub_free(struct mpm_hub *hub);

/* An address that clients know this server by, as the text that the command line has: a path, "@name", "host:port".
 * The first one added is what proxies made by the server carry. */
int mpm__hub_add_address(struct mpm_hub *hub, const char *address);
/* --register NAME=TYPE[(ARGUMENTS)]. Returns 0, MPM_EINVAL (err: what is wrong with which value) or MPM_ENOMEM. */
int mpm__hub_register(struct mpm_hub *hub, const char *definition, struct mpm_error *err);

/* When mpm__hub_tick() wants to be called next: monotonic ns, MPM_FOREVER for never. */
int64_t mpm__hub_next_deadline(const struct mpm_hub *hub);
/* Runs every deadline that has passed. */
void mpm__hub_tick(struct mpm_hub *hub, int64_t now_ns);
/* A session that has something to send or is to be closed because of what others did; NULL: none. Each is returned
 * once; call until NULL after every feed, tick and end. */
struct mpm_session *mpm__hub_next_ready(struct mpm_hub *hub);
/* The name of a POSIX shared memory segment, "/name", that is to be unlinked now: before anything more is sent, so that
 * it is gone when the client reads the answer. Freed by the caller; NULL: none. Call until NULL after every feed, which
 * costs next to nothing. */
char *mpm__hub_next_unlink(struct mpm_hub *hub);
/* The name, "/name", of a segment that a client has made (track_segment), in the same way, but borrowed until the next call. */
const char *mpm__hub_next_tracked(struct mpm_hub *hub);
/* At the end: all that clients had tracked (track_segment) is to be unlinked. */
void mpm__hub_release_segments(struct mpm_hub *hub);
/* A client asked for shutdown: answer what is in hand, then end. */
bool mpm__hub_wants_shutdown(const struct mpm_hub *hub);
/* The process with this pid is dead: its references are dropped, its parked calls cancelled, and what it held is
 * treated by policy. Its sessions may still be open (an inherited socket): then references stay until they end. */
void mpm__hub_process_gone(struct mpm_hub *hub, int64_t pid, int64_t now_ns);

/* --- sessions: one connection each -------------------------------------------------------------------------------- */

struct mpm_peer {
    int64_t pid;         /* of an AF_UNIX peer (SO_PEERCRED); 0: unknown */
    const char *text;    /* for logs: "unix pid=123" or "127.0.0.1:1234"; copied */
};

/* A new connection; its challenge is already in the output. `user` is the caller's. NULL: out of memory. */
struct mpm_session *mpm__session_new(struct mpm_hub *hub, const struct mpm_peer *peer,
    const uint8_t nonce[MPM_AUTH_NONCE], int64_t now_ns, void *user);
void *mpm__session_user(const struct mpm_session *s);

/* Bytes from the peer; all are eaten. What they cause is in the output of this session and, for others, on the ready
 * list. After a protocol error the session is closing and eats without looking. */
void mpm__session_feed(struct mpm_session *s, const uint8_t *bytes, size_t len, int64_t now_ns);
/* In the middle of a long message: where to read its next bytes directly; *room 0: use feed. */
uint8_t *mpm__session_space(struct mpm_session *s, size_t *room);
void mpm__session_filled(struct mpm_session *s, size_t n, int64_t now_ns);

/* What is to be sent, as up to n_max pieces in order; returns how many. Valid until the next call with s. */
struct mpm_piece { const uint8_t *bytes; size_t len; };
size_t mpm__session_output(struct mpm_session *s, struct mpm_piece *pieces, size_t n_max);
/* The first n bytes of the output went out. Returns whether there is more. */
bool mpm__session_sent(struct mpm_session *s, size_t n);
bool mpm__session_has_output(const struct mpm_session *s);
/* Nothing more is to be read; close the connection once the output is sent. */
bool mpm__session_is_closing(const struct mpm_session *s);
/* The peer is waiting for us in a way that delayed acknowledgements would slow down: handshake, one-shot request,
 * half a message. (TCP_QUICKACK is worth its system call.) */
bool mpm__session_wants_quickack(const struct mpm_session *s);

/* The connection is gone: frees the session. `lost`: the peer did not read all that was sent to it (ECONNRESET, EPIPE,
 * or output left over), so what the last reply granted goes back. */
void mpm__session_end(struct mpm_session *s, bool lost, int64_t now_ns);

#endif

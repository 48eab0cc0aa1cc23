/* peer.h - a client without a socket: it talks to a session of a hub in the same process. */
#ifndef MPM_TESTS_PEER_H
#define MPM_TESTS_PEER_H

#include "core/hub.h"
#include "value/read.h"

#define MPM_TEST_KEY "wire-vectors"

/* A hub with the key above, ids from 1, no limits; options may be changed before mpm__hub_new(). */
void mpm_test_hub_options(struct mpm_hub_options *options);

struct mpm_peer_client {
    struct mpm_hub *hub;
    struct mpm_session *session;
    int64_t now_ns;            /* what the next call happens at; the test moves it */
    uint8_t protocol;          /* of its requests: 2, 3, 4 or 5 */
    bool is_closed;            /* the server wants the connection closed */
    struct mpm_buf in;         /* bytes received and not looked at yet */
    struct mpm_checker checker;
    struct mpm_doc doc;        /* the latest reply */
    struct mpm_ref kind, payload;
    struct mpm_buf reply;      /* its bytes */
};

/* Asked before each allocation that the server makes, as mpm__alloc_hook, but not before the client's own. */
extern int (*mpm_test_server_alloc_hook)(size_t size);

/* Connects and proves the key. pid 0: as over TCP. false: the server closed the connection or had no memory for it;
 * aborts when that is not to be expected (no hook). */
bool mpm_test_connect(struct mpm_peer_client *p, struct mpm_hub *hub, int64_t pid);
/* The same and then accept_connection(thread): a data connection. */
bool mpm_test_serve(struct mpm_peer_client *p, struct mpm_hub *hub, int64_t pid, const char *thread);
/* Sends one frame around `body`. */
void mpm_test_send(struct mpm_peer_client *p, const void *body, size_t len);
/* Sends (first, name, args, kwds): args and kwds are pickles of protocol <= 2 without PROTO and STOP, NULL for () and
 * {}. first: NULL for None. */
void mpm_test_request(struct mpm_peer_client *p, const char *first, const char *name, const char *args, size_t args_len,
    const char *kwds, size_t kwds_len);
/* Lets the hub's ready sessions write what they have; moves this session's output to p->in. */
void mpm_test_drain(struct mpm_peer_client *p);
/* Takes the next reply apart into p->kind and p->payload. false: there is none. */
bool mpm_test_reply(struct mpm_peer_client *p);
/* The text of the kind: "#RETURN"...; static until the next call. "" without a reply. */
const char *mpm_test_kind(struct mpm_peer_client *p);
/* repr() of the payload as Python prints it; an exception as "Name('text')". Static until the next call. */
const char *mpm_test_payload(struct mpm_peer_client *p);
/* Creates an object by a connection of its own and keeps its reference; returns its ident (free() it). */
char *mpm_test_create(struct mpm_hub *hub, int64_t pid, const char *typeid, const char *args, size_t args_len);
/* The connection ends; `lost` as in mpm__session_end(). */
void mpm_test_disconnect(struct mpm_peer_client *p, bool lost);

#endif

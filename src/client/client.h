/* client.h - what the files of the client share of clients and proxies. Layer: client, private. */
#ifndef MPM_CLIENT_CLIENT_H
#define MPM_CLIENT_CLIENT_H

#include <mpmd/client.h>

#include <stdbool.h>

#include "base/buf.h"
#include "client/connection.h"
#include "pickle/check.h"

#define MPM_IDENT_MAX 64
#define MPM_TYPEID_MAX 4096

/* Where the connection for calls stands.
 *
 *   CLOSED --blocking call--------------------------------------> READY
 *      '-----mpm_start()--> PROVING --both keys--> GREETING --reply--'       and back to CLOSED when it is lost  */
enum mpm_data_state { MPM_DATA_CLOSED, MPM_DATA_PROVING, MPM_DATA_GREETING, MPM_DATA_READY };

/* A part of a request that is sent from where the caller has it. */
struct mpm_hole {
    size_t at; /* offset in the request */
    const uint8_t *bytes;
    size_t len;
};

/* One call of mpm_start(), until mpm_take() has told of it. */
struct mpm_started {
    void *user;
    uint64_t end;  /* where its request ends, as mpm__connection_taken() counts; 0: it is held back */
    size_t len;    /* of its request in `held` */
    bool waits;    /* nothing is sent behind it before it is answered */
    bool failed;   /* its connection was lost... */
    bool left;     /* ...when all of its request had been sent */
};

/* What a call raised. */
struct mpm_raised {
    bool is_set;
    struct mpm_exception exception;
    struct mpm_document *reply;  /* where its arguments are */
    struct mpm_buf type, text;
};

struct mpm_client {
    char *address;
    struct mpm_connection_options options;
    uint8_t *key;
    int64_t connect_timeout_ns;
    int64_t call_timeout_ns;     /* MPM_FOREVER: without end */
    char *name;
    bool reconnect;
    char *idempotent;            /* names of methods, each with a NUL behind it, then one more; NULL: none */
    int protocol;                /* 0: not known yet */
    bool unsure;                 /* of the last call */
    unsigned forks;              /* what mpm__forks was: the connection and the started calls are this process's */

    struct mpm_connection *data; /* NULL: CLOSED */
    enum mpm_data_state state;
    int64_t used_ns;             /* when it was last seen alive */

    struct mpm_buf request;      /* room for a header, then the pickle without its holes */
    struct mpm_hole holes[2];
    size_t n_holes;
    struct mpm_builder *args;    /* of the last typed call, for the next one; NULL: none */
    struct mpm_checker checker;  /* of replies */

    struct mpm_raised raised;    /* by the last call */

    /* Started calls are line[first, n): first those that failed, then those that are sent, then the held back. */
    struct mpm_started *line;
    size_t first, n_sent, n_line, cap_line;
    struct mpm_buf held;         /* requests that are held back, with their headers, from held_from on */
    size_t held_from;
    int64_t open_by_ns;          /* PROVING, GREETING: the deadline */
    struct mpm_error lost;       /* what those that failed failed with */
};

struct mpm_proxy {
    struct mpm_client *client;
    unsigned forks;    /* what mpm__forks was: the reference is this process's */
    char ident[MPM_IDENT_MAX];
    size_t typeid_len; /* of the token */
    char token[];
};

/* --- request.c ---------------------------------------------------------------------------------------------------- */

#define MPM_REQUEST_PARTS 5

/* (first, name, (argument, *args), kwds) into the client's request. first NULL: None; argument, args, kwds NULL: left
 * out. Text is str. args and kwds are needed until it is sent. */
int mpm__request_write(struct mpm_client *client, const char *first, const char *name, const char *argument,
    struct mpm_builder *args, struct mpm_builder *kwds, struct mpm_error *err);
/* The request with its header, as one message; returns how many parts it has. *len: all their bytes. */
size_t mpm__request_parts(struct mpm_client *client, struct iovec parts[MPM_REQUEST_PARTS], size_t *len);

/* --- reply.c ------------------------------------------------------------------------------------------------------ */

/* What is to come back. */
enum mpm_wanted {
    MPM_WANTED_VERDICT, /* of a request to the server: whether it worked */
    MPM_WANTED_NOTHING, /* of a method: no value, but it may be a proxy */
    MPM_WANTED_VALUE,
    MPM_WANTED_OBJECT,  /* the reply to create */
};

/* Forgets what the last call raised. */
void mpm__reply_forget(struct mpm_client *client);
void mpm__raised_wipe(struct mpm_raised *raised);
/*
 * (kind, payload) of a message. #RETURN and #PROXY: the payload is the root of *out (NULL when no value is wanted and
 * it is no proxy); *is_proxy: it is (exposed, Token).
 * Returns 0, MPM_EREMOTE (raised; it is kept), MPM_EPROTO, MPM_EBADPICKLE and so on, or MPM_ENOMEM: the reference that
 * came with it has been given back, if there was memory for that.
 */
int mpm__reply_take(struct mpm_client *client, const struct mpm_message *message, enum mpm_wanted wanted,
    bool *is_proxy, struct mpm_document **out, struct mpm_error *err);
/* The ident in a reply to create, (ident, exposed). Returns 0, MPM_ETYPE or MPM_ENOMEM. */
int mpm__created_ident(const struct mpm_document *created, const uint8_t **ident, size_t *len);
/* The token in a #PROXY payload. Returns 0, MPM_ETYPE or MPM_ENOMEM. */
int mpm__reply_token(const struct mpm_document *proxy, const uint8_t **typeid, size_t *typeid_len,
    const uint8_t **ident, size_t *ident_len);

/* --- client.c ----------------------------------------------------------------------------------------------------- */

/* A request to the server itself, on a connection of its own. result NULL: not wanted. */
int mpm__tell_once(struct mpm_client *client, const char *name, const char *argument, struct mpm_error *err);
/* A reference that nobody is going to use goes back. What the last call raised and whether it is unsure stays. */
void mpm__let_go(struct mpm_client *client, const uint8_t *ident, size_t len);
/* What is in the client's request is sent, and the reply taken as by mpm__reply_take(). *left is set: whether all of it
 * had been sent when nothing came back. */
int mpm__exchange(struct mpm_client *client, struct mpm_connection *connection, const struct mpm_patience *patience,
    enum mpm_wanted wanted, bool *is_proxy, struct mpm_document **out, bool *left, struct mpm_error *err);
/* Whether a call may go on over the connection after this outcome: it is whole, and at the end of a reply. */
bool mpm__still_usable(const struct mpm_connection *connection, int outcome);
/* Says in *err, too, whether the call may have happened, and keeps it for mpm_client_unsure(). Returns code. */
int mpm__failed(struct mpm_client *client, int code, bool left, struct mpm_error *err);
/* How often fork() made this process out of one that had clients. */
extern unsigned mpm__forks;
/* Before a client's connection or its started calls are used: after a fork they are the parent's, and are let go
 * without a word to the server. */
void mpm__own(struct mpm_client *client);
/* The connection for calls is closed. */
void mpm__hang_up(struct mpm_client *client);
/* The proxy of a #PROXY payload, with the reference that the server took for its creator. Takes the document. */
int mpm__proxy_make(struct mpm_client *client, const char *method, struct mpm_document *payload, struct mpm_proxy **out,
    struct mpm_error *err);
/* The proxy of a reply to create. Takes the document. */
int mpm__created_take(struct mpm_client *client, const char *typeid, struct mpm_document *reply, struct mpm_proxy **out,
    struct mpm_error *err);
/* Nobody is going to use it: its reference goes back. method NULL: one that was started. Takes the document; returns
 * MPM_ETYPE. */
int mpm__proxy_refuse(struct mpm_client *client, const char *method, struct mpm_document *payload,
    struct mpm_error *err);

/* --- started.c ---------------------------------------------------------------------------------------------------- */

void mpm__started_wipe(struct mpm_client *client);

/* --- call.c ------------------------------------------------------------------------------------------------------- */

struct mpm_client *mpm__proxy_client(const struct mpm_proxy *proxy);
/* The beginning of mpm_proxy_token(), *len bytes long: "Queue", "dict", a registered name. */
const char *mpm__proxy_typeid(const struct mpm_proxy *proxy, size_t *len);

/*
 * mpm_call() for typed calls: waits for as long as the method may by itself (waits_ns: 0 for one that does not wait,
 * MPM_FOREVER for one that may without end) and the client's call_timeout_ns.
 */
int mpm__call(struct mpm_proxy *proxy, const char *method, struct mpm_builder *args, struct mpm_builder *kwds,
    int64_t waits_ns, struct mpm_document **result, struct mpm_error *err);
/* The same for mpm_call_proxy(). */
int mpm__call_proxy(struct mpm_proxy *proxy, const char *method, struct mpm_builder *args, struct mpm_builder *kwds,
    int64_t waits_ns, struct mpm_proxy **out, struct mpm_error *err);

#endif

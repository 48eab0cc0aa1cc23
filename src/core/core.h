/* core.h - what the files of the core share. Layer: core, private. */
#ifndef MPM_CORE_CORE_H
#define MPM_CORE_CORE_H

#include "base/heap.h"
#include "base/idmap.h"
#include "base/log.h"
#include "base/map.h"
#include "core/hub.h"
#include "pickle/stock.h"
#include "value/canon.h"
#include "value/repr.h"
#include "wire/frame.h"

/* What a timer is embedded in. */
enum { MPM_TIMER_CALL, MPM_TIMER_SESSION };

enum {
    MPM_N_TYPES = 0
#define MPM_TYPE(typeid, symbol) + 1
#include "object/types.def"
#undef MPM_TYPE
};

/* --register: one object that every create() of this name returns. */
struct mpm_named {
    char *name;
    char *exposed;             /* what create() reports, space-separated; NULL: what its type has for that */
    struct mpm_object *object; /* held */
};

/* A further name of a type (setup.c). */
struct mpm_factory {
    char *name;
    char *exposed;             /* the same */
    const struct mpm_type *type;
    const char *typeid;
};

/* A client process on this host, known by its pid. */
struct mpm_process {
    int64_t pid;
    struct mpm_list sessions;
    bool gone;              /* dead, but a session of it is still open */
    struct mpm_list owners; /* its threads: those connected, and those that hold something */
    struct mpm_idmap refs;  /* object id -> references it took and has not given back */
};

/* A request after the check: `(first, name, args, kwds)`. */
struct mpm_request {
    const struct mpm_doc *doc;
    struct mpm_ref first, name, args, kwds;
};

/* Where a method call led; target.c. */
#define MPM_TARGET_LEN 69 /* bytes from `(` to the method; with stock idents there are 30 to 45 */
#define MPM_TARGETS 1024  /* places; a power of two */
struct mpm_target {
    const struct mpm_method *method;
    uint64_t id;          /* of the object, which may be gone */
    uint8_t len;          /* 0: nothing here */
    uint8_t ident_end;    /* in bytes */
    bool memoizes;
    uint8_t bytes[MPM_TARGET_LEN];
};

/* A whole frame or the beginning of one, once it has been written. */
struct mpm_short_reply {
    size_t len;         /* 0: not yet */
    uint8_t bytes[24];
};

struct mpm_hub {
    struct mpm_hub_options options;
    struct mpm_auth_key *auth_key;
    uint64_t next_id;
    struct mpm_idmap objects;
    struct mpm_list dead;         /* objects being freed: one may let go of another */
    bool freeing;
    struct mpm_list object_list;  /* in order of creation */
    uint64_t n_counted;           /* objects with references */
    uint64_t memory;              /* bytes of stored values */
    struct mpm_short_reply return_heads[6]; /* by protocol */
    struct mpm_short_reply replies[6][3];   /* the same of None, False, True */
    struct mpm_named *named;      /* in order of their objects; two names may be of one */
    size_t n_named;
    struct mpm_factory *factories;
    size_t n_factories;
    char **addresses;
    size_t n_addresses;
    struct mpm_idmap processes;   /* by pid */
    struct mpm_list ready;        /* sessions */
    struct mpm_list segments;     /* shared memory that clients made, in order (segments.c) */
    struct mpm_link *untold;      /* the first of them that mpm__hub_next_tracked() has not told; NULL: all were */
    struct mpm_map segment_names; /* the first of each name */
    struct mpm_list unlinked;     /* segments that the server is to unlink */
    struct mpm_heap deadlines;
    int64_t now_ns;               /* the latest time that came in */
    uint64_t n_sessions, n_owners; /* ever; for their ids */
    struct mpm_list parked;       /* calls that wait, in order of wait_number */
    /* What mpmd_inspect tells (inspect.c): */
    uint64_t n_waits, n_parked;   /* ever; now */
    uint64_t n_of_type[MPM_N_TYPES]; /* objects, by row of types.def */
    uint64_t *n_calls;            /* by method->number; 0: of what every object has */
    uint64_t *n_requests;         /* one-shot ones, by row of admin.c's table */
    uint64_t bytes_in, bytes_out;
    uint64_t n_open, n_refused;   /* sessions now; handshakes that failed, ever */
    struct mpm_checker checker;
    struct mpm_target *targets;   /* MPM_TARGETS places */
    struct mpm_buf name;          /* a method's name that had to be decoded */
    struct mpm_buf built;         /* what a method writes with mpm_result_writer() */
    struct mpm_writer writer;
    struct mpm_shown *met;        /* what it has written that pins something */
    struct mpm_buf spare[32];     /* output buffers not in use */
    size_t n_spare;
    struct mpm_call *spare_call;
    struct mpm_ref args[MPM_PARAMS_MAX + 2]; /* of the call that runs; see struct mpm_call */
    struct mpm_canon canons[MPM_CANONS];
    uint64_t n_numbers;           /* that mpm_hub_number() gave */
    struct mpm_log_rate refused_rate;
    struct mpm_owner *nobody;     /* owner of what a dead process left locked, and of constructors' calls */
    bool wants_shutdown;
};

enum mpm_session_state {
    MPM_S_AUTHENTICATING, MPM_S_ADMIN, MPM_S_SERVING, MPM_S_PARKED, MPM_S_DISCARDING, MPM_S_CLOSING,
};

struct mpm_session {
    /* What every request looks at stands together: with thousands of sessions each is in no cache. */
    struct mpm_hub *hub;
    struct mpm_owner *owner;  /* from accept_connection on */
    uint8_t state;            /* enum mpm_session_state */
    uint8_t protocol;         /* of its latest request */
    struct mpm_shown *shown;     /* of the last reply, until the client asks again */
    struct mpm_object *granted;  /* held: whose grant the last reply gave out, until the client shows that it read it */
    struct mpm_buf out;       /* replies not sent yet; memory from the hub's spare ones */
    size_t sent;              /* bytes of them (with the hole's) that went out */
    struct mpm_value hole;    /* a large value sent from where it is stored; empty: none */
    struct mpm_frame frame;
    struct mpm_buf backlog;   /* bytes put aside: while parked (queue_requests), while much output waits */
    /* The rest not: */
    size_t backlog_from;      /* so much of it has been fed again */
    size_t hole_at;           /* where in `out` the value belongs */
    struct mpm_call *call;    /* parked, or woken and not answered */
    struct mpm_grant grant;
    struct mpm_link ready;    /* on hub->ready */
    void *user;
    uint64_t id;
    struct mpm_process *process; /* NULL: unknown (TCP) */
    struct mpm_link sibling;     /* on process->sessions */
    struct mpm_auth auth;
    struct mpm_timer timer;   /* until authenticated */
    uint64_t discard;         /* DISCARDING: bytes of a refused message still to come */
    char peer[];              /* its address, for logs */
};

/* --- hub.c: objects ----------------------------------------------------------------------------------------------- */

struct mpm_object *mpm__hub_find(const struct mpm_hub *hub, struct mpm_ref ident);
/* The object that a token is of, in *out; NULL: none of this server's. Returns 0 or MPM_ENOMEM. */
int mpm__hub_object(const struct mpm_hub *hub, const struct mpm_token_ref *token, struct mpm_object **out);
/* Makes an object from the request's args, less the first `skip` (the typeid). The server holds it once, for the
 * caller to drop; it has no references yet. NULL: the exception is in call->result. */
struct mpm_object *mpm__hub_create(struct mpm_hub *hub, struct mpm_call *call, const char *typeid,
    const struct mpm_type *type, struct mpm_ref args, size_t skip, struct mpm_ref kwds);
/* One reference of a client (process NULL: unknown). Returns 0 or MPM_ENOMEM; MPM_EGONE: there is none to give back. */
int mpm__hub_incref(struct mpm_hub *hub, struct mpm_object *object, struct mpm_process *process);
int mpm__hub_decref(struct mpm_hub *hub, struct mpm_object *object, struct mpm_process *process);
struct mpm_named *mpm__hub_named(const struct mpm_hub *hub, const uint8_t *name, size_t len);
struct mpm_factory *mpm__hub_factory(const struct mpm_hub *hub, const uint8_t *name, size_t len);
/* A type of types.def, and its typeid there. NULL: no such. */
const struct mpm_type *mpm__hub_type(const uint8_t *text, size_t len, const char **typeid);
/* One more name of an object, which it holds. Returns 0 or MPM_ENOMEM; `exposed` (may be NULL) is taken in any case. */
int mpm__hub_name(struct mpm_hub *hub, const char *name, size_t len, struct mpm_object *object, char *exposed);
/* Whether a Python program can call it: manager.NAME(). */
bool mpm__is_identifier(const char *name, size_t len);
int mpm__ident(const struct mpm_object *object, char out[24]);
/* A copy of len bytes with a NUL behind them; NULL: out of memory. */
char *mpm__copy_text(const char *text, size_t len);

/* Frees the object when nothing needs it any more. */
void mpm__object_settle(struct mpm_object *object);

/* --- nested.c: proxies inside stored values ----------------------------------------------------------------------- */

/* Finds the objects of this server that a value just kept by call->object has proxies of, and pins them. Returns 0 or
 * MPM_ENOMEM. */
int mpm__pin_nested(struct mpm_call *call, struct mpm_value *v);
/* The same for a clone of a value that has pins. */
int mpm__pin_again(struct mpm_call *call, const struct mpm_pins *pins, struct mpm_value *clone);
/* Whether `container` stores the value. */
bool mpm__pins_are_of(const struct mpm_pins *pins, const struct mpm_object *container);
/* The object that stores what a link of object->pinned_by stands for. */
const struct mpm_object *mpm__pin_container(const struct mpm_link *link);
/* Memory that the pins of a value take, for mpm_charge(). */
size_t mpm__pins_cost(const struct mpm_value *v);
void mpm__unpin(struct mpm_value *v);
/* Whether stored values still need the object, which nobody else does: not when all that pin it are in objects that
 * nothing needs but such values. Those are added to `climbed`, with the object itself, when it is not needed. */
bool mpm__is_pinned(struct mpm_object *object, struct mpm_list *climbed);
/* Objects whose proxies go out with a reply: the client takes its own references while it reads, so they live until
 * then. Returns 0 or MPM_ENOMEM. *shown may be NULL to begin with. */
struct mpm_shown {
    size_t n, cap;
    struct mpm_object *v[];
};
int mpm__show(struct mpm_shown **shown, const struct mpm_pins *pins);
/* What another reply shows is from now on shown by this one; `more` is taken, also after a failure. */
int mpm__show_too(struct mpm_shown **shown, struct mpm_shown *more);
void mpm__unshow(struct mpm_shown *shown);

/* --- copies.c: what clients of Python 2.7 get in place of stored proxies ------------------------------------------------ */

/* Puts copies where a client of Python 2.7 stored a proxy, and addresses that 2.7 can use where another client did: in the
 * value that `out` has from `at` on, written for protocol 2, with memo numbers from 0 on. `of`: the object whose value it
 * is; NULL: of none. *shown: as the value has it, grows. Returns 0 (also when there is nothing to do), MPM_ETOOBIG (more
 * than max_message bytes of copies) or MPM_ENOMEM; after a failure `out` is useless from there. */
int mpm__put_copies(struct mpm_hub *hub, struct mpm_buf *out, size_t at, const struct mpm_object *of,
    struct mpm_shown **shown);
/* Appends the object's repr with such copies in it, when it has any. Returns 0, MPM_EAGAIN (it has none, or shows none of
 * what it has; nothing was appended) or as mpm__put_copies() and mpm__repr(). */
int mpm__repr_copied(struct mpm_object *object, struct mpm_buf *out);

/* --- owner.c: processes and owners -------------------------------------------------------------------------------- */

/* The process's record, made when needed. NULL: out of memory. */
struct mpm_process *mpm__process_get(struct mpm_hub *hub, int64_t pid);
/* Forgets it when nothing needs it any more. */
void mpm__process_put(struct mpm_hub *hub, struct mpm_process *p);
/* The owner that a data connection is: on AF_UNIX the one of the same process and name whose connection has ended and
 * who holds something, else a new one. NULL: out of memory. */
struct mpm_owner *mpm__owner_attach(struct mpm_session *s, const uint8_t *name, size_t len);
/* The connection ended. `now_ns` for what is released because nothing else is known of the owner (TCP). */
void mpm__owner_detach(struct mpm_session *s, int64_t now_ns);
/* The process is dead, whatever became of its sessions: a child of it may have inherited a socket. What it held
 * goes. */
void mpm__process_settle(struct mpm_hub *hub, struct mpm_process *p, int64_t now_ns);
/* A process whose sessions have all ended is dead: its references and holds go. */
void mpm__process_end(struct mpm_hub *hub, struct mpm_process *p, int64_t now_ns);

/* --- call.c ------------------------------------------------------------------------------------------------------- */

/* A cleared call; NULL: out of memory. Give back with mpm__call_free(), which wipes it. */
struct mpm_call *mpm__call_new(struct mpm_hub *hub);
void mpm__call_free(struct mpm_call *call);
void mpm__result_wipe(struct mpm_result *result);
/* Off its list and its deadline; its wait kind is told. */
void mpm__call_cancel(struct mpm_call *call);

/* --- reply.c: messages to clients --------------------------------------------------------------------------------- */

/* Each appends one whole frame to the session's output, or closes the session when there is no memory for it. */
void mpm__reply_none(struct mpm_session *s);
void mpm__reply_int(struct mpm_session *s, int64_t v);
void mpm__reply_text(struct mpm_session *s, const char *utf8, size_t len);
/* False: the client gets an error in its place. */
bool mpm__reply_result(struct mpm_session *s, struct mpm_result *result);
/* `#TRACEBACK` whose last line is "Name: message". */
void mpm__reply_traceback(struct mpm_session *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* `#UNSERIALIZABLE`: the result is nothing that can be pickled for this reader. */
void mpm__reply_unserializable(struct mpm_session *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* `KeyError: 'dead'` for what was looked up and is not there; TypeError for what cannot be a key at all. */
void mpm__reply_key_error(struct mpm_session *s, struct mpm_ref key);
/* repr() of something in the request, cut to fit. false: there was no memory, and that has been sent. */
#define MPM_SHORT_REPR 208
bool mpm__short_repr(struct mpm_session *s, struct mpm_ref ref, char out[MPM_SHORT_REPR]);
/* ('#RETURN', (ident, exposed)) */
void mpm__reply_created(struct mpm_session *s, const struct mpm_object *object, const char *exposed);
/* ('#RETURN', names of the segments, a list) */
void mpm__reply_segments(struct mpm_session *s);
/* ('#RETURN', exposed) */
void mpm__reply_names(struct mpm_session *s, const char *names);
/* `#TRACEBACK` of an exception that a method left in the result. */
void mpm__reply_result_traceback(struct mpm_session *s, const struct mpm_result *result);
/* A buffer for the session's output. */
void mpm__output_open(struct mpm_session *s);
void mpm__output_close(struct mpm_session *s);

/* --- admin.c: the one-shot requests ------------------------------------------------------------------------------- */

void mpm__admin_run(struct mpm_session *s, const struct mpm_request *q, int64_t now_ns);
size_t mpm__n_admins(void);
const char *mpm__admin_name(size_t i);
/* Whether a request has no arguments, as this function of CPython's server, with n_own of its own, wants it; otherwise
 * its TypeError was sent. */
bool mpm__takes_nothing(struct mpm_session *s, const struct mpm_request *q, const char *function, size_t n_own);

/* --- segments.c: shared memory of a SharedMemoryManager ------------------------------------------------------------- */

/* track_segment(name), release_segment(name). */
void mpm__track_segment(struct mpm_session *s, struct mpm_ref name);
void mpm__release_segment(struct mpm_session *s, struct mpm_ref name);
/* The name that was tracked after `name`, which came from here (NULL: the first); NULL: there are no more. */
const char *mpm__segment_after(const struct mpm_hub *hub, const char *name, size_t *len);
/* Forgets all of them; nothing is unlinked. */
void mpm__segments_wipe(struct mpm_hub *hub);

/* --- inspect.c: what others are doing ------------------------------------------------------------------------------ */

/* mpmd_inspect(what, start=None). */
void mpm__inspect(struct mpm_session *s, const struct mpm_request *q, int64_t now_ns);

/* --- target.c ----------------------------------------------------------------------------------------------------- */

/* The object that a request calls, and its method, if such a call led there before; else NULL. *place: where to
 * remember it, NULL when the request is not of the common shape. *stock is filled when *place is set. */
struct mpm_object *mpm__target_find(struct mpm_hub *hub, const struct mpm_message *m, struct mpm_stock *stock,
    const struct mpm_method **method, struct mpm_target **place);
/* After the request was checked and its object and method were found. place and method may be NULL: nothing happens. */
void mpm__target_remember(struct mpm_target *place, const struct mpm_stock *stock, const struct mpm_doc *doc,
    const struct mpm_object *object, const struct mpm_method *method);

/* --- session.c ---------------------------------------------------------------------------------------------------- */

/* The name as text, empty when it is no str; valid until the next call. */
void mpm__request_name(struct mpm_hub *hub, const struct mpm_request *q, const uint8_t **text, size_t *len);
void mpm__session_become(struct mpm_session *s, enum mpm_session_state state);
void mpm__session_set_ready(struct mpm_session *s);

#endif

/*
 * object.h - the contract between managed types and the core. Layer: object.
 *
 * A managed type is one file: a struct that begins with struct mpm_object, its methods, and a struct mpm_type; plus
 * one row in types.def. A method gets a call, changes its object and returns an outcome. It knows no bytes, sockets
 * or clock: time is call->now_ns, the caller's identity is call->owner. It allocates first and changes state then, so
 * that a failed method leaves the object as it was.
 */
#ifndef MPM_OBJECT_OBJECT_H
#define MPM_OBJECT_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mpmd/server.h>

#include "base/heap.h"
#include "base/list.h"
#include "value/build.h"
#include "value/pyerrors.h"
#include "value/read.h"
#include "value/value.h"

#define MPM_PARAMS_MAX 6

struct mpm_hub;
struct mpm_session;
struct mpm_call;
struct mpm_object;
struct mpm_owner;
struct mpm_hold;
struct mpm_values;

/* What a method did with its call. */
enum mpm_outcome {
    MPM_DONE = 0,   /* a result or an exception is set */
    MPM_PARKED,     /* on a wait list; somebody will finish it */
};

/* --- calls ------------------------------------------------------------------------------------------------------ */

/* How one kind of waiting ends, other than by being granted. */
struct mpm_wait_kind {
    const char *name;                                    /* "Lock.acquire": for people */
    /* The deadline passed; the call is off its list. Returns MPM_DONE with a result set, or MPM_PARKED when it waits
     * again (a Condition for its lock). */
    enum mpm_outcome (*timeout)(struct mpm_call *call);
    /* The caller is gone or gave up; the call is off its list. May be NULL: nothing to do. */
    void (*cancel)(struct mpm_call *call);
    /* Objects among themselves (lockable.h): what was waited for was taken for the call, which is off its list: sets
     * its result. Not for the core. */
    void (*granted)(struct mpm_call *call);
};

enum mpm_result_kind {
    MPM_R_UNSET = 0, MPM_R_NONE, MPM_R_BOOL, MPM_R_INT, MPM_R_TEXT, MPM_R_VALUE, MPM_R_LIST, MPM_R_BUILT, MPM_R_OBJECT,
    MPM_R_ERROR,
};

struct mpm_result {
    enum mpm_result_kind kind;
    enum mpm_py error;           /* ERROR: which exception; its args come from `text` and `value` */
    bool has_arg;                /* ERROR: one argument: `value` when it is not empty, else `text` */
    bool is_tuple;               /* LIST: as a tuple */
    bool boolean;
    int64_t integer;
    char *text;                  /* TEXT, ERROR: owned, UTF-8, NUL-terminated; freed with the result */
    struct mpm_value value;      /* VALUE: owned */
    struct mpm_value *list;      /* LIST: owned, each held */
    size_t n_list;
    struct mpm_object *object;   /* OBJECT: held */
    const struct mpm_object *of; /* BUILT: it is the value of this object (#GETVALUE); borrowed; NULL: of none */
    struct mpm_shown *shown;     /* the core's: objects whose proxies are in it, kept until the client has its own references */
    char *attribute;             /* ERROR of AttributeError: the attribute's name, owned; NULL: none */
};

/* What a result gave out (a lock, a queue's item). When the client does not get the reply, it goes back. Exactly one
 * of the two functions is called for a grant whose kind is set, unless the result is an exception: that grants
 * nothing. */
struct mpm_grant;
struct mpm_grant_kind {
    /* The reply could not be delivered. Takes what the grant has. */
    void (*lost)(struct mpm_object *object, struct mpm_owner *owner, struct mpm_grant *grant, int64_t now_ns);
    /* The client shows that it read the reply, or nobody will ever know. Takes what the grant has. NULL: value is
     * forgotten. */
    void (*read)(struct mpm_object *object, struct mpm_grant *grant);
};
struct mpm_grant {
    const struct mpm_grant_kind *kind; /* NULL: nothing was granted */
    struct mpm_value value;            /* a stored one (still counted and pinned), for the object's use */
    void *more;                        /* the same */
};

/* One argument after binding. ref.doc == NULL: not given, the parameter's default counts. The message that it points
 * into is gone once the method has returned: what a parked call needs later, it keeps (call->value). */
struct mpm_call {
    struct mpm_hub *hub;             /* borrowed */
    struct mpm_object *object;       /* borrowed; held for as long as the call lives */
    const struct mpm_method *method; /* NULL: the constructor of object->type */
    const struct mpm_signature *signature; /* what args[] belong to; mpm_bind() sets it */
    struct mpm_owner *owner;         /* who calls: what a thread is in CPython; never NULL */
    int64_t now_ns;                  /* monotonic; the only clock there is */
    uint8_t protocol;                /* of the caller's requests: 2 = Python 2.7 */
    struct mpm_ref *args;            /* the hub's, by parameter; then, as they came, for methods with *args or **kwds: */
#define MPM_ALL_ARGS MPM_PARAMS_MAX
#define MPM_ALL_KWDS (MPM_PARAMS_MAX + 1)
    struct mpm_result result;
    /* For the object's own use while the call is parked: */
    struct mpm_value value;          /* dropped with the call */
    int64_t number;
    void *pointer;
    uint64_t n_grown;                /* iterable.c's: items so far that the request does not hold itself */
    struct mpm_grant grant;          /* what the result gives out; set by the method, or by who wakes the call */
    /* For methods that change what their reply tells of and do not wait: undoes that, as by putting back what they left
     * in the call (value, grant.value...), when the reply cannot be written (no memory, nothing that this client can
     * have). Nothing else has been done meanwhile, and it cannot fail. What stays in the call is dropped with it. */
    void (*untold)(struct mpm_call *call);
    /* The core's: */
    struct mpm_link link;            /* on a wait list or the ready list */
    const struct mpm_wait_kind *wait;/* NULL: not parked */
    struct mpm_calls *calls;         /* the wait list it is on */
    struct mpm_timer timer;          /* its deadline */
    int64_t since_ns;                /* when it was parked */
    uint64_t wait_number;            /* of this wait: another one each time */
    struct mpm_link parked;          /* on the hub's list of all that wait, oldest first */
    struct mpm_session *session;     /* who gets the reply */
};

/* A list of parked calls, oldest first. Zeroed by mpm_calls_init(). */
struct mpm_calls {
    struct mpm_list list;
    size_t n;
};
void mpm_calls_init(struct mpm_calls *calls);
/* The oldest one, still on the list; NULL when empty. */
struct mpm_call *mpm_calls_first(const struct mpm_calls *calls);

/* Outcomes. Each sets the result and returns MPM_DONE. When memory runs out the result becomes a MemoryError. */
enum mpm_outcome mpm_return_none(struct mpm_call *call);
enum mpm_outcome mpm_return_bool(struct mpm_call *call, bool v);
enum mpm_outcome mpm_return_int(struct mpm_call *call, int64_t v);
enum mpm_outcome mpm_return_text(struct mpm_call *call, const char *utf8);      /* a str */
enum mpm_outcome mpm_return_value(struct mpm_call *call, const struct mpm_value *v); /* holds it */
enum mpm_outcome mpm_return_arg(struct mpm_call *call, int i); /* an argument, which is not stored nor counted */
/* A list of n stored values; holds each. For woken calls, too. */
enum mpm_outcome mpm_return_list(struct mpm_call *call, const struct mpm_value *v, size_t n);
/* The same as a tuple. */
enum mpm_outcome mpm_return_tuple(struct mpm_call *call, const struct mpm_value *v, size_t n);
/* For results put together: write one value with the writer, then return mpm_return_built(call). Only in methods,
 * not for woken calls. */
struct mpm_writer *mpm_result_writer(struct mpm_call *call);
enum mpm_outcome mpm_return_built(struct mpm_call *call);
/* `#PROXY`: the client gets a proxy of that object; the hold that the caller has is taken. */
enum mpm_outcome mpm_return_object(struct mpm_call *call, struct mpm_object *object);
/* Raises a Python exception. format NULL: no arguments; else one str argument. */
enum mpm_outcome mpm_raise(struct mpm_call *call, enum mpm_py error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Raises with one argument that is a value of the request (KeyError(key)). */
enum mpm_outcome mpm_raise_ref(struct mpm_call *call, enum mpm_py error, struct mpm_ref arg);
/* AttributeError as CPython 3.12+ sends it, with the attribute's name. */
enum mpm_outcome mpm_raise_attribute(struct mpm_call *call, const char *attribute, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The exception for a negative MPM_E* code of the layers below (MPM_ENOMEM -> MemoryError...). */
enum mpm_outcome mpm_raise_code(struct mpm_call *call, int code);

/* Parks the call at the end of `calls` until it is granted, its deadline passes or its caller is gone.
 * deadline_ns: absolute, MPM_FOREVER for none. A call that was woken by its timeout function may park again.
 * Returns MPM_PARKED, or MPM_DONE with a MemoryError. Once there, nothing that follows can fail. */
enum mpm_outcome mpm_wait(struct mpm_call *call, struct mpm_calls *calls, const struct mpm_wait_kind *kind,
    int64_t deadline_ns);
/* Moves a parked call to another list, with another kind and deadline; cannot fail. */
void mpm_wait_move(struct mpm_call *call, struct mpm_calls *calls, const struct mpm_wait_kind *kind,
    int64_t deadline_ns);
/* Takes a parked call off its list: set its result, then mpm_wake() it. */
void mpm_unpark(struct mpm_call *call);
void mpm_wake(struct mpm_call *call);
/* Stores a value of the request for as long as the object wants it, counted against --max-memory. Returns 0, MPM_ELIMIT
 * (mpm_raise_code() makes it a MemoryError that names the limit) or MPM_ENOMEM. Give it back with mpm_forget(). */
int mpm_keep_arg(struct mpm_call *call, int i, struct mpm_value *out);
int mpm_keep_ref(struct mpm_call *call, struct mpm_ref ref, struct mpm_value *out);
void mpm_forget(struct mpm_hub *hub, struct mpm_value *v);
/* A value that the object made (mpm_keep_bytes() and kin), which is taken, also after a failure. Returns 0, MPM_ELIMIT
 * or MPM_ENOMEM. Give back with mpm_forget(). */
int mpm_keep_made(struct mpm_call *call, struct mpm_value *made, struct mpm_value *out);
/* A value that some object stores already, stored once more, by call->object: `l *= 2`, `extend` with another list.
 * Costs no memory as a rule (the bytes are shared and counted once). Returns 0, MPM_ELIMIT or MPM_ENOMEM. Give back
 * with mpm_forget(). */
int mpm_keep_again(struct mpm_call *call, const struct mpm_value *v, struct mpm_value *out);
/* Values of one message can share a large part of it, of which each gets a copy: what is stored from one message may
 * be so many times as large, or this much. Who stores several values keeps the account: `left` begins as
 * mpm_keep_allowance(). Returns 0 or MPM_ETOOBIG. */
uint64_t mpm_keep_allowance(const struct mpm_doc *doc);
int mpm_keep_spend(uint64_t *left, const struct mpm_value *v);
/* The same for memory of the object's own that grows with what peers send: counts n bytes. Returns 0 or MPM_ELIMIT. */
int mpm_charge(struct mpm_hub *hub, size_t n);
void mpm_discharge(struct mpm_hub *hub, size_t n);

/* Arguments by position of the parameter. Those that can fail return 0, MPM_ETYPE, MPM_ERANGE or MPM_ENOMEM. */
bool mpm_arg_given(const struct mpm_call *call, int i);
bool mpm_arg_is_none(const struct mpm_call *call, int i);      /* None, or not given with the default None */
int mpm_arg_truth(const struct mpm_call *call, int i);         /* bool(x): 0 or 1, or MPM_ENOMEM */
int mpm_arg_int64(const struct mpm_call *call, int i, int64_t *out);
int mpm_arg_double(const struct mpm_call *call, int i, double *out); /* int, bool or float */
/* now + seconds, saturated to MPM_FOREVER; seconds <= 0 gives now. */
int64_t mpm_deadline_after(const struct mpm_call *call, double seconds);
/* Name of the argument's type as Python's messages have it ("int", "NoneType", "str"); static or from the message,
 * cut to 60 bytes into buf. */
const char *mpm_arg_type_name(const struct mpm_call *call, int i, char buf[64]);

/* --- owners and what they hold ------------------------------------------------------------------------------------ */

/* A thread of a client process, as the server sees it. */
struct mpm_owner {
    uint64_t id;          /* unique, in order of arrival */
    int64_t pid;          /* 0: unknown (TCP) */
    struct mpm_list holds;
    struct mpm_list loans;
    struct mpm_link link; /* the core's: in its process */
    struct mpm_session *session; /* the core's: that is this owner now; NULL: not connected */
    char name[];          /* of accept_connection */
};

/* One object held by one owner: part of a Lock, RLock or Semaphore. */
struct mpm_hold {
    struct mpm_object *object;
    struct mpm_owner *owner;   /* NULL: free */
    int64_t since_ns;
    uint64_t count;            /* recursion level, or units of a semaphore */
    struct mpm_link link;      /* on owner->holds */
};
/* Fills a free hold and enters it with its owner. */
void mpm_hold_take(struct mpm_hold *hold, struct mpm_object *object, struct mpm_owner *owner, int64_t now_ns);
/* Makes it free again; harmless when it is. */
void mpm_hold_release(struct mpm_hold *hold);

/* What an object lent to an owner. When that one is dead it goes back, whatever --on-owner-death says. There may be very
 * many of one owner. */
struct mpm_loan {
    struct mpm_object *object;
    struct mpm_owner *owner;
    int64_t since_ns;
    uint64_t number;           /* of this one among all that the object ever lent, in order; the object sets it */
    uint32_t deliveries;       /* of what is lent, this one included; the same */
    struct mpm_link link;      /* on owner->loans */
};
void mpm_loan_begin(struct mpm_loan *loan, struct mpm_object *object, struct mpm_owner *owner, int64_t now_ns);
/* Harmless when it has ended. */
void mpm_loan_end(struct mpm_loan *loan);

/* The seed of tables whose keys come from peers: 16 bytes, as long as the hub lives. */
const uint8_t *mpm_hash_key(const struct mpm_hub *hub);

/* What comparing values works with, shared by all objects: what was in it is lost when anybody uses it again. 0: what
 * is looked for (table.h's key); 1: scratch of the comparison; 2: free for others. */
#define MPM_CANONS 3
struct mpm_canon;
struct mpm_canon *mpm_hub_canon(struct mpm_hub *hub, int i);
/* Another number each time. */
uint64_t mpm_hub_number(struct mpm_hub *hub);

/* --- types and objects -------------------------------------------------------------------------------------------- */

/* How CPython words its complaints about arguments: by what the function is made of there. */
enum mpm_wording {
    MPM_W_PYTHON = 0,  /* a Python function: "Event.wait() takes from 1 to 2 positional arguments but 3 were given" */
    MPM_W_FUNCTION,    /* the same that is no method: "Array() takes from 2 to 3 positional arguments but 4 were given" */
    MPM_W_C,           /* in C, with keywords: "acquire() takes at most 2 arguments (3 given)" */
    MPM_W_C_PLAIN,     /* in C, without, of no argument or one: "lock.release() takes no arguments (1 given)" */
    MPM_W_C_POSITION,  /* in C, without, of several: "pop expected at most 2 arguments, got 3" */
    MPM_W_SLOT,        /* __setattr__ and kin: "expected 1 argument, got 0" */
};

/* A parameter string, parsed. */
struct mpm_signature {
    uint8_t n;              /* parameters that are bound to args[] */
    uint8_t n_required;
    uint8_t n_positional;   /* the first so many cannot be given by name ("a b / c") */
    bool has_args, has_kwds;/* *args, **kwds: see MPM_ALL_ARGS, MPM_ALL_KWDS */
    struct mpm_param {
        const char *name;   /* not NUL-terminated */
        uint8_t len;
        char fallback;      /* 'N' None, 'T' True, 'F' False, 'I' number; 0: required */
        int32_t number;
    } params[MPM_PARAMS_MAX];
};

struct mpm_method {
    const char *name;
    const char *params;  /* as in Python: "block=True timeout=None", "*args **kwds"; see bind.h */
    enum mpm_outcome (*run)(struct mpm_object *self, struct mpm_call *call);
    enum mpm_wording wording;
    const char *of;      /* the class that CPython's messages name, when it is not the type's own */
    bool named_only;     /* only on named objects (--register): an older alias, not exposed by a SyncManager */
    uint16_t number;     /* 1 to mpm_n_methods(), by which calls are counted; 0: of a type that is not in types.def */
    struct mpm_signature signature; /* parsed when the types are set up */
};

struct mpm_type {
    const char *module;       /* Python's name of the class, for messages: "multiprocessing.managers" */
    const char *class_name;   /* "Namespace" */
    size_t size;              /* of the object struct */
    const char *params;       /* of the constructor */
    enum mpm_wording wording; /* of the constructor */
    const char *function;     /* MPM_W_FUNCTION: its name, of multiprocessing.managers ("Array") */
    const char *of;           /* the class whose constructor it inherits, for messages; NULL: its own */
    /* Runs on a zeroed object with `base` filled. MPM_DONE with an exception set: the object is freed, wipe() is not
     * called. A constructor never parks. */
    enum mpm_outcome (*make)(struct mpm_object *self, struct mpm_call *call);
    void (*wipe)(struct mpm_object *self);          /* frees what the object owns; may be NULL */
    struct mpm_method *methods;                     /* ends with an empty row */
    const char *exposed;      /* what `create` reports, in CPython's order, space-separated */
    const char *auto_exposed; /* what a named object (--register) reports to an AutoProxy */
    /* str() and repr() of the object, appended as UTF-8. Never NULL. */
    int (*repr)(struct mpm_object *self, struct mpm_buf *out);
    /* `#GETVALUE`: the object itself as one value; NULL: it cannot be pickled (as in CPython). */
    enum mpm_outcome (*getvalue)(struct mpm_object *self, struct mpm_call *call);
    bool is_copied;           /* the server of Python 2.7 gives a copy (getvalue) where it was given a proxy to store */
    const char *unpicklable;  /* then: the class that CPython's message names, "_thread.lock" */
    /* A dead process held this object: policy RELEASE or BREAK. `hold` is still taken. */
    void (*owner_died)(struct mpm_object *self, struct mpm_hold *hold, enum mpm_death_policy policy, int64_t now_ns);
    /* The owner of a loan is dead: ends it. Those of one owner come in the opposite order of their beginning. */
    void (*borrower_died)(struct mpm_object *self, struct mpm_loan *loan, int64_t now_ns);
    /* Appends a copy of what iterating over the object gives, stored for call->object (iterable.h); pairs: keys and
     * values in turn, MPM_ETYPE when it is no mapping. NULL: it cannot be iterated over. */
    int (*items)(struct mpm_object *self, struct mpm_call *call, bool pairs, struct mpm_values *out);
    const struct mpm_lockable *lockable;            /* may be the lock of a Condition (lockable.h); else NULL */
    /* For those who look on (core/inspect.c). NULL: nobody holds such an object. */
    struct mpm_hold *(*next_hold)(struct mpm_object *self, struct mpm_hold *prev); /* prev NULL: the first one */
    struct mpm_loan *(*next_loan)(struct mpm_object *self, struct mpm_loan *prev); /* in order of their numbers; the same */
    /* Of a call that waits: the object whose holders have to let go before it can go on; NULL: others can help it, too. */
    const struct mpm_object *(*held_up_by)(struct mpm_object *self, const struct mpm_call *call);
    struct mpm_signature signature;                 /* of `params`; parsed when the types are set up */
};

struct mpm_object {
    const struct mpm_type *type;
    const char *typeid;      /* the name that it was created by; owned by the hub */
    struct mpm_hub *hub;
    uint64_t id;             /* its ident is this in lower-case hex */
    uint64_t refs;           /* of clients: what debug_info shows */
    bool named;              /* every create() of a registered name returns it */
    bool is_dead;            /* the core's */
    uint32_t holds;          /* of the server's own: calls in hand, other objects, a registered name */
    /* The core's: */
    uint32_t shown;          /* replies with a proxy of it that the client may still be reading */
    uint32_t n_waiting;      /* calls of it that wait */
    struct mpm_list pinned_by; /* stored values that contain a proxy of it: struct mpm_pin */
    struct mpm_link link;    /* in the hub */
    struct mpm_link climb;   /* nested.c's */
};

/* Keeps the object alive inside the server (a Condition its lock). */
void mpm_object_hold(struct mpm_object *object);
void mpm_object_drop(struct mpm_object *object);
/* The same for an object inside of another, which may be inside of the first in turn: circles are found, as those of
 * stored proxies are. NULL: no memory. */
struct mpm_pins *mpm_object_pin(struct mpm_object *container, struct mpm_object *object);
void mpm_object_unpin(struct mpm_pins *pins); /* taken; NULL: nothing */
/* A new object without its constructor, zeroed behind `base` and held once, for the caller to drop (`#PROXY` of an
 * iterator). typeid: one of types.def. NULL: a MemoryError is the call's result. */
struct mpm_object *mpm_object_new(struct mpm_call *call, const char *typeid);
/* The object that a proxy in an argument refers to, when it is one of this server's; NULL otherwise. */
struct mpm_object *mpm_object_of(struct mpm_call *call, struct mpm_ref ref);

/* Types of types.def by typeid. NULL: no such typeid. */
const struct mpm_type *mpm_type_find(const char *typeid, size_t len);
/* The i-th row; NULL at the end. */
const char *mpm_type_name(size_t i);
/* How many methods the types of types.def have. */
size_t mpm_n_methods(void);
/* NULL: no such method, also for one that is named_only when `named` is false. */
const struct mpm_method *mpm_method_find(const struct mpm_type *type, const uint8_t *name, size_t len, bool named);
/* Parses the parameter strings of a type that is not in types.def. */
void mpm_type_set_up(struct mpm_type *type);

/* Binds the arguments of a request to the parameters of call->method (NULL: of the constructor of `type`) and fills
 * call->args. args: a tuple or list, its first `skip` items left out (the typeid of `create`); kwds: a dict; both as
 * they came. Returns true, or false with Python's TypeError (or a MemoryError) as the call's result. */
bool mpm_bind(struct mpm_call *call, const struct mpm_type *type, struct mpm_ref args, size_t skip, struct mpm_ref kwds);

/* Whether the method can be called without arguments and never looks at them but by parameter; and its call without
 * any. */
bool mpm_takes_nothing(const struct mpm_method *method);
void mpm_bind_nothing(struct mpm_call *call);

#endif

/* objects.h - how a typed call is made of its arguments, and its answer read. Layer: client, private. */
#ifndef MPM_CLIENT_OBJECTS_H
#define MPM_CLIENT_OBJECTS_H

#include <mpmd/client.h>

enum mpm_arg_kind {
    MPM_ARG_END = 0,
    MPM_ARG_BOOL,
    MPM_ARG_INT,
    MPM_ARG_DOUBLE,
    MPM_ARG_TEXT,   /* str; unicode for Python 2.7 */
    MPM_ARG_NAME,   /* of an attribute: str for all versions */
    MPM_ARG_SLICE,  /* slice(i, stop) */
    MPM_ARG_VALUE
};

/* One argument of a method. */
struct mpm_arg {
    enum mpm_arg_kind kind;
    union {
        int64_t i;
        double d;
        const char *text;
        struct mpm_builder *value; /* borrowed, left as it is; NULL is refused */
    };
    int64_t stop;
};

#define MPM__BOOL(v) { .kind = MPM_ARG_BOOL, .i = (v) }
#define MPM__INT(v) { .kind = MPM_ARG_INT, .i = (v) }
#define MPM__DOUBLE(v) { .kind = MPM_ARG_DOUBLE, .d = (v) }
#define MPM__TEXT(v) { .kind = MPM_ARG_TEXT, .text = (v) }
#define MPM__NAME(v) { .kind = MPM_ARG_NAME, .text = (v) }
#define MPM__SLICE(from, to) { .kind = MPM_ARG_SLICE, .i = (from), .stop = (to) }
#define MPM__VALUE(v) { .kind = MPM_ARG_VALUE, .value = (v) }
#define MPM__ARGS(...) .args = (const struct mpm_arg[]){ __VA_ARGS__, { .kind = MPM_ARG_END } }

/* What exceptions mean to the caller of one method, beyond what they mean for all (objects.c). */
struct mpm_raises {
    const char *type; /* NULL: the end */
    int code;
};
/* remove(), index(): ValueError, the value is not there. */
extern const struct mpm_raises mpm__raises_search[];
/* pop() without a choice: KeyError or IndexError, there is nothing. */
extern const struct mpm_raises mpm__raises_take[];
/* getattr() and kin. */
extern const struct mpm_raises mpm__raises_attribute[];

struct mpm_ask {
    const char *method;
    const struct mpm_arg *args;      /* up to MPM_ARG_END; NULL: none */
    const char *flag;                /* a keyword argument that is True; NULL: none */
    int64_t waits_ns;                /* how long the method may wait */
    const struct mpm_raises *raises; /* NULL: nothing of its own */
};
/* MPM__ASK("insert", MPM__ARGS(MPM__INT(index), MPM__VALUE(item))) */
#define MPM__ASK(name, ...) (&(const struct mpm_ask){ .method = (name), __VA_ARGS__ })

/*
 * Calls a method. Returns 0 or what <mpmd/objects.h> says of all calls; *out (NULL: not wanted) and the C values are
 * untouched on failure. An answer of another kind is MPM_ETYPE, one that does not fit MPM_ERANGE.
 */
int mpm__ask(struct mpm_proxy *proxy, const struct mpm_ask *ask, struct mpm_document **out, struct mpm_error *err);
int mpm__ask_proxy(struct mpm_proxy *proxy, const struct mpm_ask *ask, struct mpm_proxy **out, struct mpm_error *err);
/* A list, also where Python makes it of a view on arrival. */
int mpm__ask_list(struct mpm_proxy *proxy, const struct mpm_ask *ask, struct mpm_document **out, struct mpm_error *err);
int mpm__ask_int(struct mpm_proxy *proxy, const struct mpm_ask *ask, int64_t *out, struct mpm_error *err);
int mpm__ask_bool(struct mpm_proxy *proxy, const struct mpm_ask *ask, int *out, struct mpm_error *err);
int mpm__ask_double(struct mpm_proxy *proxy, const struct mpm_ask *ask, double *out, struct mpm_error *err);
/* *out is NUL-terminated, free with mpm_free(). A NUL inside the text is MPM_ETYPE. */
int mpm__ask_text(struct mpm_proxy *proxy, const struct mpm_ask *ask, char **out, struct mpm_error *err);
/* For what returns whether it got something in time: MPM_ETIMEOUT when it did not. None counts as yes. */
int mpm__ask_wait(struct mpm_proxy *proxy, const struct mpm_ask *ask, struct mpm_error *err);

/* Puts a text that is str in Python 2, too. */
void mpm__put_name(struct mpm_builder *builder, const char *name);

/* Negative: 0; beyond what Python's clocks count to (285 years): MPM_FOREVER. */
int64_t mpm__ask_timeout(int64_t timeout_ns);
/* `block, timeout` of acquire(), put() and get() into args[0..1], the END behind them. timeout_ns as above. */
void mpm__block_args(struct mpm_arg *args, int64_t timeout_ns);
/* `timeout` of wait(), in the same way. */
void mpm__wait_args(struct mpm_arg *args, int64_t timeout_ns);

/* The items of an array.array, in each way in which CPython pickles one, as mpm_array_read() gives them. Returns 0,
 * MPM_ETYPE (no array of that typecode), MPM_ERANGE, MPM_EPROTO (more than room, or half an item) or MPM_ENOMEM. The
 * typecode is one that has a C type. */
int mpm__array_items(char typecode, struct mpm_ref array, size_t room, void *out, size_t *n_items);

#endif

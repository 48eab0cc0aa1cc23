/* build.h - write the pickles that the server itself makes. Layer: value. */
#ifndef MPM_VALUE_BUILD_H
#define MPM_VALUE_BUILD_H

#include "base/idmap.h"
#include "value/value.h"

/* Writes one value after another for a reader of `protocol` (2: Python 2.7). Failures stick to the buffer. */
struct mpm_writer {
    struct mpm_buf *out;
    uint8_t protocol;
    uint32_t n_memo;          /* memo numbers used so far */
    size_t top_at;            /* while `out` ends here, what is on the pickle stack may be named again; 0: nowhere */
    struct mpm_error *err;    /* filled when a value cannot be given to this reader; may be NULL */
    int error;                /* MPM_EUNSUP: such a value was met; the output is useless */
    /* Told of each value written that pins something; may be NULL. */
    void (*met)(void *arg, const struct mpm_pins *pins);
    void *met_arg;
    /* A large value may be left out of `out` and sent from where it is stored: */
    bool may_leave_hole;      /* the caller can do that, once */
    size_t hole_at;           /* offset in `out` at which it belongs */
    struct mpm_value hole;    /* owned by the caller; empty: none */
};

void mpm_write_none(struct mpm_writer *w);
void mpm_write_bool(struct mpm_writer *w, bool v);
void mpm_write_int(struct mpm_writer *w, int64_t v);
/* Little-endian two's complement, minimal. */
void mpm_write_bigint(struct mpm_writer *w, const uint8_t *bytes, size_t len);
void mpm_write_float(struct mpm_writer *w, double v);
void mpm_write_text(struct mpm_writer *w, const char *utf8, size_t len);   /* str; for 2.7: unicode */
void mpm_write_native(struct mpm_writer *w, const char *ascii);            /* str in both: what 2.7 wants as byte str */
void mpm_write_native_n(struct mpm_writer *w, const char *bytes, size_t len);
void mpm_write_bytes(struct mpm_writer *w, const void *bytes, size_t len);
/* A class or function by its Python 3 name; renamed for 2.7. */
void mpm_write_global(struct mpm_writer *w, const char *module, const char *name);
/* For the functions below: what is not copied in one move. */
void mpm__write_value(struct mpm_writer *w, const struct mpm_value *v);
struct mpm_sharing;
void mpm__write_shared(struct mpm_writer *w, struct mpm_sharing *sharing, const struct mpm_value *v, bool again);

/* A value that lies inside its struct, as most of a large container do, in one move. False: it is not so, or there is no
 * room for all of the struct. */
static inline bool
mpm__write_small(struct mpm_writer *w, const struct mpm_value *v)
{
    struct mpm_buf *out = w->out;
    size_t len;
    const uint8_t *bytes = mpm__value_plain(v, w->protocol, &len);

    if (bytes == NULL || out->error != 0 || out->cap - out->len < sizeof *v || out->max != 0)
        return false;
    memcpy(out->data + out->len, v, sizeof *v);
    out->len += len;
    return true;
}

static inline void
mpm_write_value(struct mpm_writer *w, const struct mpm_value *v)
{
    if (!mpm__write_small(w, v))
        mpm__write_value(w, v);
}
/* A value of several that are written one after another: one that is stored several times, or is going to be written
 * `again`, is written once and referred to from then on, as a pickler does with one object. Zeroed is valid. */
struct mpm_sharing {
    struct mpm_idmap numbers;
};
static inline void
mpm_write_shared(struct mpm_writer *w, struct mpm_sharing *sharing, const struct mpm_value *v, bool again)
{
    if (!mpm__write_small(w, v))
        mpm__write_shared(w, sharing, v, again);
}
void mpm_sharing_wipe(struct mpm_sharing *sharing);
/* n values, the first at `v` and each so many bytes behind the one before; empty ones are left out. sharing: NULL, or for
 * mpm_write_shared(). The output has no maximum. Of small ones a thousand take some 3 us. */
void mpm_write_values(struct mpm_writer *w, struct mpm_sharing *sharing, const struct mpm_value *v, size_t n,
    size_t distance);
/* Single opcodes for what is around them: MARK, and what closes a group. */
void mpm_write_mark(struct mpm_writer *w);
void mpm_write_tuple(struct mpm_writer *w);        /* items since the mark */
void mpm_write_tuple_n(struct mpm_writer *w, int n); /* the last n (0..3) items, no mark */
void mpm_write_empty_list(struct mpm_writer *w);
void mpm_write_appends(struct mpm_writer *w);
void mpm_write_empty_dict(struct mpm_writer *w);
void mpm_write_setitems(struct mpm_writer *w);
void mpm_write_reduce(struct mpm_writer *w);       /* callable, args tuple */
void mpm_write_newobj(struct mpm_writer *w);       /* class, args tuple */
void mpm_write_buildop(struct mpm_writer *w);      /* object, state */

#endif

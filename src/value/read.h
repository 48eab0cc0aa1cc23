/* read.h - look inside a value, in place. Layer: value. */
#ifndef MPM_VALUE_READ_H
#define MPM_VALUE_READ_H

#include "value/value.h"

/* A stored value opened for reading: owns the memo table. Zeroed is valid. */
struct mpm_open {
    struct mpm_checker checker;
    struct mpm_doc doc;
};
/* Returns 0 or MPM_ENOMEM; *ref is valid until mpm__close() and as long as the value is neither moved nor dropped. */
int mpm__open(struct mpm_open *open, const struct mpm_value *v, struct mpm_ref *ref);
/* The same for one value that a writer wrote; valid until those bytes change. */
int mpm__open_written(struct mpm_open *open, const struct mpm_buf *written, struct mpm_ref *ref);
void mpm__close(struct mpm_open *open);

/* *ref is replaced by what it refers to. Returns its kind, or MPM_ENOMEM. */
int mpm__kind(struct mpm_ref *ref);

/* Each returns 0, MPM_ETYPE when the value is of another kind, MPM_ERANGE when it does not fit, MPM_ENOMEM. */
int mpm__read_bool(struct mpm_ref ref, bool *out);
int mpm__read_int64(struct mpm_ref ref, int64_t *out);    /* ints and bools, as Python counts */
int mpm__read_double(struct mpm_ref ref, double *out);    /* floats, ints, bools */
/* The text of a str as UTF-8 (surrogates encoded as Python's surrogatepass does), or a native str's bytes.
 * Points into the message; a protocol-0 literal, which needs decoding, is MPM_EUNSUP. */
int mpm__read_text(struct mpm_ref ref, const uint8_t **text, size_t *len);
/* The same for every form: a protocol-0 literal is decoded to the end of `scratch`, then *text points there. */
int mpm__decode_text(struct mpm_ref ref, struct mpm_buf *scratch, const uint8_t **text, size_t *len);
int mpm__read_bytes(struct mpm_ref ref, const uint8_t **bytes, size_t *len);
/* An int of any size, or a bool, as little-endian two's complement, minimal (0: no bytes); appended to out.
 * MPM_ERANGE: a protocol-0 literal of more than 4,300 digits, which CPython refuses to load, too. */
int mpm__read_bigint(struct mpm_ref ref, struct mpm_buf *out);
/* The nearest double (half to even, as Python rounds) of such bytes, of more than 8. Returns 0 or MPM_ERANGE: beyond
 * floats. */
int mpm__bigint_double(const uint8_t *bytes, size_t len, double *out);
/* Module and name of a global, or of the class of an object; names as they stand (Python 2 or 3, see doc). */
int mpm__read_global(struct mpm_ref ref, const uint8_t **module, size_t *module_len, const uint8_t **name,
    size_t *name_len);
/* true: certainly an empty tuple or dict, as picklers write them. Looks at no more than that. */
bool mpm__is_empty(struct mpm_ref ref);
bool mpm__text_is(struct mpm_ref ref, const char *text);
/* Python's bool(x), for what needs no Python to decide; an instance is true. Returns 0 or 1, or MPM_ENOMEM. */
int mpm__truth(struct mpm_ref ref);

/* The parts of a tuple, list, dict (key, value, key, value...), set, frozenset, or object (callable, args, states).
 * MPM_ETYPE for other kinds. Free with mpm__parts_wipe(), also after a failure. */
struct mpm_parts {
    const struct mpm_doc *doc;
    struct mpm_items items;
};
int mpm__parts(struct mpm_ref ref, struct mpm_parts *out);
static inline struct mpm_ref
mpm__part(const struct mpm_parts *p, size_t i)
{
    return (struct mpm_ref){ p->doc, p->items.v[i] };
}
void mpm__parts_wipe(struct mpm_parts *p);

/* A proxy (RebuildProxy(func, Token, serializer, kwds)) or a bare Token: points at its token's three fields.
 * Source: CPython Lib/multiprocessing/managers.py, RebuildProxy, Token. MPM_ETYPE when it is neither. */
struct mpm_token_ref {
    struct mpm_ref typeid, address, ident;
};
int mpm__read_token(struct mpm_ref ref, struct mpm_token_ref *out);

#endif

/* value.h - a stored value: 16 bytes, small ones inside, larger ones in a counted block. Layer: value. */
#ifndef MPM_VALUE_VALUE_H
#define MPM_VALUE_VALUE_H

#include "pickle/splice.h"

/* Opaque. All zero: no value. Copying the struct does not count; mpm_value_hold() does. */
struct mpm_value {
    union {
        struct {
            uint8_t small[15];
            uint8_t tag;
        };
        struct mpm_blob *blob;
    };
};
_Static_assert(sizeof(struct mpm_value) == 16, "the tag lies in the union, or it would be 24");

/* Stores one value of a message (in normal form, or a long one as it stands until somebody needs the normal form; holds
 * the message's block when the value is most of it).
 * Returns 0 or MPM_ENOMEM. *out is owned by the caller: mpm_drop(). */
int mpm_keep(struct mpm_ref ref, struct mpm_value *out);
/* Stores a value given in normal form (for values that the server makes). */
int mpm_keep_bytes(const uint8_t *bytes, size_t len, const struct mpm_form *form, struct mpm_value *out);

/* The tag of a value that is inside the struct: its length (low four bits), its form in the rest. 0: empty. */
#define MPM_TAG_BLOB 0xff         /* not inside */
#define MPM_TAG_LEN(tag) ((tag) & 0x0f)
#define MPM_TAG_PROTOCOL_SHIFT 4  /* two bits: protocol - 2 */
#define MPM_TAG_PYTHON2 0x40      /* native strings */

/* For the functions below, of values that are not inside. */
void mpm__blob_hold(struct mpm_blob *blob);
void mpm__blob_drop(struct mpm_blob *blob);
uint32_t *mpm__blob_stored(struct mpm_blob *blob);
struct mpm_pins *mpm__blob_pins(const struct mpm_blob *blob);

static inline struct mpm_value
mpm_value_hold(const struct mpm_value *v)
{
    if (v->tag == MPM_TAG_BLOB)
        mpm__blob_hold(v->blob);
    return *v;
}

/* Gives the value back and empties *v. An empty one is allowed. */
static inline void
mpm_drop(struct mpm_value *v)
{
    if (v->tag == MPM_TAG_BLOB)
        mpm__blob_drop(v->blob);
    v->tag = 0;
}

static inline bool
mpm_value_is_empty(const struct mpm_value *v)
{
    return v->tag == 0;
}

/* Its bytes (normal form), length and form; valid as long as *v is not moved or dropped. A long value gets its normal
 * form now, for which there may be no memory: then NULL. */
const uint8_t *mpm__value_bytes(const struct mpm_value *v, size_t *len, struct mpm_form *form);
/* The same of a value inside the struct that a reader of `protocol` reads as it is, of which it needs to know no more.
 * NULL: it is another one. */
static inline const uint8_t *
mpm__value_plain(const struct mpm_value *v, uint8_t protocol, size_t *len)
{
    /* the bits of the tag are so arranged that one comparison tells */
    if ((protocol == 2 ? v->tag & ~MPM_TAG_PYTHON2 : v->tag) >= (protocol - 1) << MPM_TAG_PROTOCOL_SHIFT)
        return NULL;
    *len = MPM_TAG_LEN(v->tag);
    return v->small;
}

/* For whoever stores values, of those with more than 14 bytes: how often it is stored (0 to begin with; NULL for
 * smaller ones, of which each copy is one), and what it pins. Both are that one's to keep right: the value lets go of
 * neither. */
static inline uint32_t *
mpm__value_stored(const struct mpm_value *v)
{
    return v->tag == MPM_TAG_BLOB ? mpm__blob_stored(v->blob) : NULL;
}
struct mpm_pins;
void mpm__value_set_pins(struct mpm_value *v, struct mpm_pins *pins);
static inline struct mpm_pins *
mpm__value_pins(const struct mpm_value *v)
{
    return v->tag == MPM_TAG_BLOB ? mpm__blob_pins(v->blob) : NULL;
}
/* The same value once more, with a count and pins of its own. Returns 0 or MPM_ENOMEM. */
int mpm__value_clone(const struct mpm_value *v, struct mpm_value *out);
/* The bytes of a value that is kept as it stands, valid until its normal form is asked for; NULL: it has that. */
const uint8_t *mpm__value_standing(const struct mpm_value *v, struct mpm_standing *standing);
/* Those bytes for sending them later: a value that stays as it is whatever happens to *v. Its mpm__value_bytes() are
 * not in normal form. Returns 0 or MPM_ENOMEM. */
int mpm__value_share_standing(const struct mpm_value *v, struct mpm_value *out);
/* Heap memory that the value accounts for, in bytes; 0 for a small one. */
size_t mpm__value_cost(const struct mpm_value *v);

#endif

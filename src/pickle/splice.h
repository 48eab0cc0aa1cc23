/*
 * splice.h - cut one value out of a message, in the normal form in which values are stored. Layer: pickle.
 *
 * Normal form: no PROTO, FRAME or STOP; only memo entries that the message refers to again are named, by BINPUT or
 * LONG_BINPUT, numbered 0, 1, 2... in order; each reference (BINGET, LONG_BINGET) stays inside the value. Such bytes
 * can be copied into any pickle: as they are when nothing else there uses the memo, renumbered otherwise.
 */
#ifndef MPM_PICKLE_SPLICE_H
#define MPM_PICKLE_SPLICE_H

#include "base/buf.h"
#include "pickle/check.h"

/* What a reader must know to read a value in normal form. */
struct mpm_form {
    uint32_t n_memo;       /* memo entries it defines */
    uint8_t protocol;      /* lowest protocol that has all its opcodes: 2 (or less), 3, 4 or 5. Of a long value, this and
                            * the next two are those of the message, which is safe: it is rewritten a bit too often */
    uint8_t names;         /* its class names are Python 2's (2) or Python 3's (3); 0: it has none */
    uint8_t native_str;    /* 1: has byte strings of Python 2 (SHORT_BINSTRING and kin), which Python 3 reads as ASCII */
};

/* Whether a reader of `protocol` reads that form as it is. 2 stands for Python 2. */
bool mpm__form_suits(const struct mpm_form *form, uint8_t protocol);

/*
 * Appends the normal form of one value of a checked message to `out`; memo references that leave the value bring
 * what they refer to along, once. Cost and size are linear in the message.
 * When the value's bytes are in normal form where they stand, nothing is appended and verbatim is set to that run
 * (from, len); otherwise verbatim->len is 0.
 * Returns 0 or MPM_ENOMEM; `out` is as before on failure.
 */
struct mpm_run {
    size_t from;
    size_t len;
};
int mpm__splice(const struct mpm_doc *doc, struct mpm_item item, struct mpm_buf *out, struct mpm_form *form,
    struct mpm_run *verbatim);
/* The same for one opcode and at most a name for it that nobody uses, as most values are: they are in normal form where
 * they stand. False: it is another one, nothing is set. */
bool mpm__splice_lone(const struct mpm_doc *doc, struct mpm_item item, struct mpm_form *form, struct mpm_run *verbatim);

/*
 * A value as it stands in its message, for readers to whom the numbers mean the same: its MEMOIZEs count on from `base`
 * entries that were defined before it, to none of which it refers. Only its FRAMEs are cut out.
 */
struct mpm_standing {
    struct mpm_form form;  /* n_memo: entries it defines, named or not */
    uint32_t base;
    size_t len;            /* without FRAMEs */
    size_t normal_max;     /* its normal form is not longer */
    bool has_frames;
};

/* Whether it pays to take the value as it stands, and what that is. */
bool mpm__splice_stands(const struct mpm_doc *doc, struct mpm_item item, struct mpm_standing *standing);
/* Writes its bytes, standing->len of them. */
void mpm__splice_copy_standing(const struct mpm_doc *doc, struct mpm_item item, uint8_t *out);
/* The pickle of a value that stood so, whole again: appended to `out`. Errors stick. */
void mpm__splice_whole(const uint8_t *bytes, size_t len, uint32_t base, struct mpm_buf *out);

/* Appends a value in normal form, its memo numbers raised by `base`. Errors stick to `out`. */
void mpm__splice_renumbered(const uint8_t *bytes, size_t len, uint32_t base, struct mpm_buf *out);

#endif

/*
 * transcode.h - rewrite a stored value for a reader of another protocol. Layer: pickle.
 *
 * Protocol 2 stands for Python 2.7, 3 for 3.0-3.7, 4 for 3.8-3.13, 5 for 3.14 and later (doc/protocol.md, 4.1).
 */
#ifndef MPM_PICKLE_TRANSCODE_H
#define MPM_PICKLE_TRANSCODE_H

#include "pickle/splice.h"

/*
 * Appends to `out` the value in bytes[0..len), which is in normal form `form`, so that a reader of `protocol`
 * (2, 3, 4 or 5) gets an equal one: newer opcodes become older ones, class names go from Python 2 to 3 or back,
 * byte strings of Python 2 become str when ASCII and bytes otherwise. Memo numbers start at *base; *base is set to
 * the next free one.
 * Returns 0; MPM_EUNSUP: that reader has no such type (err names it); MPM_ELIMIT: it would grow to more than 16 times
 * its size, which no stock value does; MPM_ENOMEM. `out` is as before on failure. Time is linear in input and output.
 */
int mpm__transcode(const uint8_t *bytes, size_t len, const struct mpm_form *form, uint8_t protocol, uint32_t *base,
    struct mpm_buf *out, struct mpm_error *err);

#endif

/* plain.h - rewrite what picklers hardly ever write into what they do write. Layer: pickle. */
#ifndef MPM_PICKLE_PLAIN_H
#define MPM_PICKLE_PLAIN_H

#include "base/buf.h"

/* Writes bytes[0..len), of which only the opcodes' lengths are trusted, without DUP (a memo entry takes its place) and
 * with every memo entry named by LONG_BINPUT under a number of its own. FRAMEs are left out.
 * Returns 0, MPM_ENOMEM or MPM_ELIMIT. */
int mpm__plain(const uint8_t *bytes, size_t len, struct mpm_buf *out);

#endif

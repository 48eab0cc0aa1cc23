/*
 * plain.c - rewrite DUP and mixed memo numbering into what picklers write. Layer: pickle.
 *
 * No stock pickler writes either. One rewrite here keeps both out of every other file that walks opcodes.
 */
#include "pickle/plain.h"

#include "base/error.h"
#include "pickle/opcodes.h"

/* A memo number above all that the message uses. Too large a number is left for the check to refuse. */
static uint32_t
first_free(const uint8_t *bytes, uint32_t len)
{
    struct mpm_op op;
    uint32_t n_memoize = 0, highest = 0, index;

    for (uint32_t at = 0; at < len && mpm__opinfo[bytes[at]].name != NULL; at = op.next) {
        if (mpm__op_parse(bytes, len, at, &op) != NULL)
            break;
        if (op.code == MPM_OP_MEMOIZE) {
            n_memoize++;
        } else if (mpm__opinfo[op.code].effect == MPM_EFFECT_PUT) {
            index = mpm__op_index(bytes, &op);
            if (index > highest && index <= len)
                highest = index;
        }
    }
    return (highest > n_memoize ? highest : n_memoize) + 1;
}

static void
put_index(struct mpm_buf *out, uint8_t code, uint32_t index)
{
    mpm__buf_u8(out, code);
    mpm__buf_le(out, index, 4);
}

int
mpm__plain(const uint8_t *bytes, size_t len, struct mpm_buf *out)
{
    uint32_t size = (uint32_t)len, fresh = first_free(bytes, size), n_defined = 0, at = 0;
    struct mpm_op op;

    while (at < size && mpm__opinfo[bytes[at]].name != NULL && mpm__op_parse(bytes, size, at, &op) == NULL) {
        if (op.code == MPM_OP_MEMOIZE) {
            put_index(out, MPM_OP_LONG_BINPUT, n_defined++);
        } else if (op.code == MPM_OP_DUP) {
            put_index(out, MPM_OP_LONG_BINPUT, fresh);
            put_index(out, MPM_OP_LONG_BINGET, fresh++);
        } else if (op.code != MPM_OP_FRAME) {
            n_defined += mpm__opinfo[op.code].effect == MPM_EFFECT_PUT;
            mpm__buf_put(out, bytes + at, op.next - at);
        }
        at = op.next;
    }
    mpm__buf_put(out, bytes + at, size - at); /* what is wrong there is for the check to say */
    if (out->error == 0 && out->len > UINT32_MAX)
        return MPM_ELIMIT;
    return out->error;
}

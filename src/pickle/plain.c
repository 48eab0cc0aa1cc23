/*
 * plain.c - rewrite DUP, mixed memo numbering and numbers used twice into what most picklers write. Layer: pickle.
 *
 * Only the last is ever seen: 2.7 takes a number twice when a value with a reduce function contains itself. One rewrite
 * here keeps all three out of every other file that walks opcodes.
 */
#include "pickle/plain.h"

#include "base/alloc.h"
#include "base/error.h"
#include "pickle/opcodes.h"

#define NO_ENTRY UINT32_MAX

/* All memo numbers that the message defines are below this. Too large a number is left for the check to refuse. */
static uint32_t
first_free(const uint8_t *bytes, uint32_t len)
{
    struct mpm_op op;
    uint32_t n_puts = 0, highest = 0, index;

    for (uint32_t at = 0; at < len && mpm__opinfo[bytes[at]].name != NULL; at = op.next) {
        if (mpm__op_parse(bytes, len, at, &op) != NULL)
            break;
        if (mpm__opinfo[op.code].effect != MPM_EFFECT_PUT)
            continue;
        n_puts++;
        if (op.code == MPM_OP_MEMOIZE)
            continue;
        index = mpm__op_index(bytes, &op);
        if (index > highest && index <= len)
            highest = index;
    }
    return (highest > n_puts ? highest : n_puts) + 1;
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
    uint32_t size = (uint32_t)len, n_old = first_free(bytes, size), n_defined = 0, fresh = 0, at = 0, old;
    uint32_t *renumbered = mpm__array(n_old, sizeof *renumbered); /* old number -> new one */
    enum mpm_effect effect;
    struct mpm_op op;

    if (renumbered == NULL)
        return MPM_ENOMEM;
    memset(renumbered, 0xff, (size_t)n_old * sizeof *renumbered);
    while (at < size && mpm__opinfo[bytes[at]].name != NULL && mpm__op_parse(bytes, size, at, &op) == NULL) {
        effect = mpm__opinfo[op.code].effect;
        if (effect == MPM_EFFECT_PUT) {
            /* CPython: MEMOIZE takes the number of entries there are. */
            old = op.code == MPM_OP_MEMOIZE ? n_defined : mpm__op_index(bytes, &op);
            if (old < n_old) {
                n_defined += renumbered[old] == NO_ENTRY;
                renumbered[old] = fresh;
            }
            put_index(out, MPM_OP_LONG_BINPUT, old < n_old ? fresh++ : NO_ENTRY);
        } else if (effect == MPM_EFFECT_GET) {
            old = mpm__op_index(bytes, &op);
            put_index(out, MPM_OP_LONG_BINGET, old < n_old ? renumbered[old] : NO_ENTRY);
        } else if (op.code == MPM_OP_DUP) {
            put_index(out, MPM_OP_LONG_BINPUT, fresh);
            put_index(out, MPM_OP_LONG_BINGET, fresh++);
        } else if (op.code != MPM_OP_FRAME) {
            mpm__buf_put(out, bytes + at, op.next - at);
        }
        at = op.next;
    }
    mpm__free(renumbered);
    mpm__buf_put(out, bytes + at, size - at); /* what is wrong there is for the check to say */
    if (out->error == 0 && out->len > UINT32_MAX)
        return MPM_ELIMIT;
    return out->error;
}

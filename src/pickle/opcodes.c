/* opcodes.c - the table of opcodes. Layer: pickle. */
#include "pickle/opcodes.h"

const struct mpm_opinfo mpm__opinfo[256] = {
#define MPM_OP(symbol, code, protocol, operand, effect) \
    [(code)] = { #symbol, (protocol), MPM_OPERAND_##operand, MPM_EFFECT_##effect },
#include "pickle/opcodes.def"
#undef MPM_OP
};

uint32_t
mpm__op_index(const uint8_t *bytes, const struct mpm_op *op)
{
    uint32_t index = 0;

    if (mpm__opinfo[op->code].operand != MPM_OPERAND_LINE)
        return (uint32_t)mpm__le(bytes + op->data, op->data_len);
    for (uint32_t i = 0; i < op->data_len; i++)
        index = index * 10 + (uint32_t)(bytes[op->data + i] - '0');
    return index;
}

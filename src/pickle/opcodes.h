/* opcodes.h - what each opcode is, and how to step over one in bytes that were checked. Layer: pickle. */
#ifndef MPM_PICKLE_OPCODES_H
#define MPM_PICKLE_OPCODES_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum mpm_opcode {
#define MPM_OP(symbol, code, protocol, operand, effect) MPM_OP_##symbol = (code),
#include "pickle/opcodes.def"
#undef MPM_OP
};

enum mpm_operand {
    MPM_OPERAND_NONE,
    MPM_OPERAND_FIXED1, MPM_OPERAND_FIXED2, MPM_OPERAND_FIXED4, MPM_OPERAND_FIXED8, /* so many bytes */
    MPM_OPERAND_SIZED1, MPM_OPERAND_SIZED4, MPM_OPERAND_SIZED8, /* a little-endian length of so many bytes, then that many */
    MPM_OPERAND_LINE,                                           /* text up to a newline */
    MPM_OPERAND_LINES2,                                         /* two of them */
};

enum mpm_effect {
    MPM_EFFECT_UNKNOWN = 0, /* no such opcode */
    MPM_EFFECT_REFUSED,     /* persistent ids, extension codes, out-of-band buffers */
    MPM_EFFECT_PUSH,        /* a value that needs nothing from the stack */
    MPM_EFFECT_GET,         /* push a memo entry */
    MPM_EFFECT_PUT,         /* name the top */
    MPM_EFFECT_TAKE1, MPM_EFFECT_TAKE2, MPM_EFFECT_TAKE3, /* a tuple of the top n */
    MPM_EFFECT_COLLECT,     /* a value of all since the mark */
    MPM_EFFECT_CALL,        /* callable, args -> instance */
    MPM_EFFECT_CALL_EX,     /* class, args, kwargs -> instance */
    MPM_EFFECT_NAME,        /* module, name -> class */
    MPM_EFFECT_ADD1, MPM_EFFECT_ADD2, /* the top n into the value below */
    MPM_EFFECT_ADD_ALL,     /* all since the mark into the value below it */
    MPM_EFFECT_MARK, MPM_EFFECT_POP, MPM_EFFECT_POP_MARK, MPM_EFFECT_DUP,
    MPM_EFFECT_PROTO, MPM_EFFECT_FRAME, MPM_EFFECT_STOP,
};

struct mpm_opinfo {
    const char *name;   /* NULL: no such opcode */
    uint8_t protocol;   /* the first that has it */
    uint8_t operand;    /* enum mpm_operand */
    uint8_t effect;     /* enum mpm_effect */
};

extern const struct mpm_opinfo mpm__opinfo[256];

/* One opcode in place. */
struct mpm_op {
    uint8_t code;
    uint32_t at;        /* its first byte */
    uint32_t data;      /* its operand, without a length in front and without the newline of a line */
    uint32_t data_len;
    uint32_t next;      /* the byte behind it */
};

static inline uint64_t
mpm__le(const uint8_t *p, unsigned n_bytes)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < n_bytes; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

/* The same of 8 bytes, for where it counts: compilers do not make one load of the loop. */
static inline uint64_t
mpm__le8(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof v);
    return le64toh(v);
}

/* The int of a value of one opcode, as most are written. False: it is another value, or a longer one. */
static inline bool
mpm__lone_int(const uint8_t *bytes, size_t len, int64_t *out)
{
    uint32_t v;

    switch (bytes[0]) {
    case MPM_OP_BININT1:
        *out = bytes[1];
        return len == 2;
    case MPM_OP_BININT2:
        *out = bytes[1] | bytes[2] << 8;
        return len == 3;
    case MPM_OP_BININT:
        memcpy(&v, bytes + 1, sizeof v);
        *out = (int32_t)le32toh(v);
        return len == 5;
    }
    return false;
}

/* Reads the opcode at `at` < len into *op. Returns NULL, or what is wrong: all of it must lie inside the bytes. */
static inline const char *
mpm__op_parse(const uint8_t *bytes, uint32_t len, uint32_t at, struct mpm_op *op)
{
    static const uint8_t fixed[] = { [MPM_OPERAND_NONE] = 0, [MPM_OPERAND_FIXED1] = 1, [MPM_OPERAND_FIXED2] = 2,
        [MPM_OPERAND_FIXED4] = 4, [MPM_OPERAND_FIXED8] = 8 };
    static const uint8_t sized[] = { [MPM_OPERAND_SIZED1] = 1, [MPM_OPERAND_SIZED4] = 4, [MPM_OPERAND_SIZED8] = 8 };
    const uint8_t *p = bytes + at, *end;
    uint32_t left = len - at - 1;
    uint64_t size, head = 0;
    uint8_t operand;

    op->at = at;
    op->code = p[0];
    operand = mpm__opinfo[p[0]].operand;
    if (operand <= MPM_OPERAND_FIXED8) {
        size = fixed[operand];
    } else if (operand <= MPM_OPERAND_SIZED8) {
        head = sized[operand];
        if (left < head)
            return "the message ends inside its length";
        size = head == 1 ? p[1] : mpm__le(p + 1, (unsigned)head);
    } else {
        end = memchr(p + 1, '\n', left);
        if (end != NULL && operand == MPM_OPERAND_LINES2)
            end = memchr(end + 1, '\n', (size_t)(bytes + len - end - 1));
        if (end == NULL)
            return "the message ends inside its text";
        op->data = at + 1;
        op->data_len = (uint32_t)(end - (p + 1));
        op->next = op->data + op->data_len + 1;
        return NULL;
    }
    if (size > left - head)
        return "it goes beyond the end of the message";
    op->data = at + 1 + (uint32_t)head;
    op->data_len = (uint32_t)size;
    op->next = op->data + op->data_len;
    return NULL;
}

/* The same for bytes that mpm__check() has accepted: nothing can be wrong. */
static inline void
mpm__op_read(const uint8_t *bytes, uint32_t at, struct mpm_op *op)
{
    if (mpm__op_parse(bytes, UINT32_MAX, at, op) != NULL)
        __builtin_unreachable();
}

/* The memo index that a GET or PUT names; not for MEMOIZE, whose index is the number of entries so far. */
uint32_t mpm__op_index(const uint8_t *bytes, const struct mpm_op *op);

#endif

/*
 * brief.c - checks the rest of a request that brings one to three scalars, as most do. Layer: pickle.
 *
 * Does what check.c does, for messages that end with `a b c \x87 \x94 } \x94 t \x94 .`: there it is known what the stack
 * would hold, so none is needed, and no opcode is asked for its effect. Tells nothing about other messages, which are
 * check.c's; the fuzz target of pickles compares the two.
 */
#include "pickle/brief.h"

#include "pickle/opcodes.h"
#include "pickle/text.h"

#define ARGS_MAX 3
#define ENTRIES_MAX (2 + ARGS_MAX + 3)
#define END_LEN 7 /* from the TUPLE1, TUPLE2 or TUPLE3 on */

/* How long the scalar is that begins at `p`, before `end`, behind which there are END_LEN bytes; 0: it is none, or does
 * not end there. */
static inline uint32_t
length_of_scalar(const uint8_t *p, const uint8_t *end)
{
    uint32_t len;

    switch (*p) {
    case MPM_OP_NONE:
    case MPM_OP_NEWTRUE:
    case MPM_OP_NEWFALSE:
        len = 1;
        break;
    case MPM_OP_BININT1:
        len = 2;
        break;
    case MPM_OP_BININT2:
        len = 3;
        break;
    case MPM_OP_BININT:
        len = 5;
        break;
    case MPM_OP_BINFLOAT:
        len = 9;
        break;
    case MPM_OP_LONG1:
    case MPM_OP_SHORT_BINBYTES:
        len = 2 + p[1];
        break;
    case MPM_OP_SHORT_BINUNICODE:
        len = 2 + p[1];
        if (len >= end - p || !mpm__is_ascii(p + 2, len - 2)) /* with its MEMOIZE there are eight bytes behind it */
            return 0;
        break;
    default:
        return 0;
    }
    return len <= end - p ? len : 0;
}

static inline bool
ends_so(const uint8_t *end, uint32_t n_args)
{
    static const uint8_t opcodes[ARGS_MAX + 1][END_LEN] = {
#define END(tuple) { tuple, MPM_OP_MEMOIZE, MPM_OP_EMPTY_DICT, MPM_OP_MEMOIZE, MPM_OP_TUPLE, MPM_OP_MEMOIZE, MPM_OP_STOP }
        [1] = END(MPM_OP_TUPLE1), [2] = END(MPM_OP_TUPLE2), [3] = END(MPM_OP_TUPLE3),
#undef END
    };

    return memcmp(end, opcodes[n_args], END_LEN) == 0;
}

bool
mpm__check_brief(struct mpm_checker *c, const uint8_t *bytes, size_t len, const struct mpm_stock *stock, struct mpm_doc *doc)
{
    const struct mpm_item *texts = stock->texts;
    struct mpm_memo *memo = c->memo;
    uint32_t first = texts[1].end, at = first, end, size, n = 0, n_memo = 2;

    if (!stock->memoizes || len < first + END_LEN || c->memo_cap < ENTRIES_MAX)
        return false;
    end = (uint32_t)len - END_LEN;
    for (; at < end; n++) {
        if (n == ARGS_MAX || (size = length_of_scalar(bytes + at, bytes + end)) == 0)
            return false;
        doc->args[n] = (struct mpm_item){ at, at, at + size };
        if (bytes[at + size] == MPM_OP_MEMOIZE) {
            memo[n_memo++] = (struct mpm_memo){ at, at, at + size, 0 };
            doc->args[n].end++;
        }
        at = doc->args[n].end;
    }
    if (at != end || n == 0 || !ends_so(bytes + end, n))
        return false;
    for (int i = 0; i < 2; i++)
        memo[i] = (struct mpm_memo){ texts[i].start, texts[i].root, texts[i].end - 1, 0 };
    memo[n_memo++] = (struct mpm_memo){ first, end, end + 1, 0 };
    memo[n_memo++] = (struct mpm_memo){ end + 2, end + 2, end + 3, 0 };
    memo[n_memo++] = (struct mpm_memo){ stock->mark, end + 4, end + 5, 0 };
    doc->fields[0] = texts[0];
    doc->fields[1] = texts[1];
    doc->fields[2] = (struct mpm_item){ first, end, end + 2 };
    doc->fields[3] = (struct mpm_item){ end + 2, end + 2, end + 4 };
    doc->n_fields = 4;
    doc->n_args = (int)n;
    doc->top = (struct mpm_item){ stock->mark, end + 4, end + 6 };
    doc->memo = memo;
    doc->n_memo = n_memo;
    doc->memoizes = true;
    doc->stops = c->stops;
    doc->n_stops = 0;
    doc->lowest_get = UINT32_MAX;
    doc->last_frame = 0;
    doc->has_names = doc->has_protocol_5 = doc->grows_late = false;
    doc->has_native_str = bytes[texts[0].root] == MPM_OP_SHORT_BINSTRING || bytes[texts[1].root] == MPM_OP_SHORT_BINSTRING;
    doc->protocol = stock->protocol;
    doc->bytes = bytes;
    doc->len = len;
    doc->block = NULL;
    doc->checker = c;
    c->has_ends = false;
    c->walked = 0;
    return true;
}

/*
 * stock.h - requests as CPython's picklers write them, `(ident, method, args, kwds)`, known by their shape. Layer:
 * pickle.
 *
 * They begin with PROTO, from protocol 4 on FRAME, and `( ident put method put`, where both are texts. Whoever has
 * seen a message with the same bytes there need not check them again, nor read them.
 */
#ifndef MPM_PICKLE_STOCK_H
#define MPM_PICKLE_STOCK_H

#include "pickle/check.h"
#include "pickle/opcodes.h"

struct mpm_stock {
    uint8_t protocol;
    bool memoizes;            /* the texts are named by MEMOIZE, else by BINPUT 0 and 1 */
    uint32_t mark;            /* where the request's `(` is; what is before it is what its protocol says */
    struct mpm_item texts[2]; /* ident and method, as doc->fields will have them */
};

/* In three steps, for those who know messages by their bytes: whether it begins with PROTO, FRAME and `(`, which sets
 * protocol and mark; */
static inline bool
mpm__stock_head(const uint8_t *bytes, size_t len, struct mpm_stock *stock)
{
    if (len < 12 || len > UINT32_MAX || bytes[0] != MPM_OP_PROTO || bytes[1] < 2 || bytes[1] > 5)
        return false;
    stock->protocol = bytes[1];
    stock->mark = 2;
    if (bytes[2] == MPM_OP_FRAME) {
        if (mpm__le8(bytes + 3) > len - 11)
            return false;
        stock->mark = 11;
    }
    return bytes[stock->mark] == MPM_OP_MARK;
}

/* how long the text there is with its opcode, if there is a short one: two bytes are read; */
static inline uint32_t
mpm__stock_text_end(const uint8_t *bytes)
{
    return (bytes[0] == MPM_OP_BINUNICODE ? 5 : 2) + bytes[1];
}

/* and the rest, when it is known where the texts with their names end, from the mark on. */
static inline void
mpm__stock_take_up(struct mpm_stock *stock, uint32_t ident_end, uint32_t method_end, bool memoizes)
{
    uint32_t mark = stock->mark;

    stock->memoizes = memoizes;
    stock->texts[0] = (struct mpm_item){ mark + 1, mark + 1, mark + ident_end };
    stock->texts[1] = (struct mpm_item){ mark + ident_end, mark + ident_end, mark + method_end };
}

/* Whether the message begins so. What the texts hold has not been looked at, nor what follows. */
bool mpm__stock_begin(const uint8_t *bytes, size_t len, struct mpm_stock *stock);
/* Whether nothing follows but no arguments: `() {}` and the end. */
bool mpm__stock_is_bare(const uint8_t *bytes, size_t len, const struct mpm_stock *stock);
/* Whether a message that was found well-formed has the texts as its first two fields: only then its beginning says
 * that much of others, too. */
bool mpm__stock_is_true(const struct mpm_stock *stock, const struct mpm_doc *doc);

/* As mpm__check() of a message whose beginning, from stock->mark to the end of the second text, has the bytes of one
 * for which mpm__stock_is_true(). Finds the same. */
int mpm__check_rest(struct mpm_checker *checker, const uint8_t *bytes, size_t len, const struct mpm_stock *stock,
    struct mpm_doc *doc, struct mpm_error *err);

#endif

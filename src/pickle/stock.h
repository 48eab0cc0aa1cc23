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

struct mpm_stock {
    uint8_t protocol;
    bool memoizes;            /* the texts are named by MEMOIZE, else by BINPUT 0 and 1 */
    uint32_t mark;            /* where the request's `(` is; what is before it is what its protocol says */
    struct mpm_item texts[2]; /* ident and method, as doc->fields will have them */
};

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

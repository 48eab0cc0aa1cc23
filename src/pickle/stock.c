/*
 * stock.c - tells requests as CPython's picklers write them by their first and last bytes. Layer: pickle.
 *
 * Sources: CPython Lib/multiprocessing/managers.py, BaseProxy._callmethod; Modules/_pickle.c, save_tuple. Checks
 * nothing: a message is well-formed when check.c says so, of it or of another with the same bytes.
 */
#include "pickle/stock.h"

#include <string.h>

#define TEXT_MAX 64 /* idents and methods are shorter */

/* A text at `at`, and what names it as the n-th. */
static inline bool
read_text(const uint8_t *bytes, size_t len, uint32_t at, uint8_t n, struct mpm_stock *stock)
{
    uint32_t end;

    if (len - at < 8)
        return false;
    switch (bytes[at]) {
    case MPM_OP_SHORT_BINUNICODE:
    case MPM_OP_SHORT_BINSTRING:
        break;
    case MPM_OP_BINUNICODE:
        if (mpm__le(bytes + at + 1, 4) > TEXT_MAX)
            return false;
        break;
    default:
        return false;
    }
    end = at + mpm__stock_text_end(bytes + at);
    if (end + 2 > len)
        return false;
    stock->memoizes = bytes[end] == MPM_OP_MEMOIZE;
    if (!stock->memoizes && (bytes[end] != MPM_OP_BINPUT || bytes[end + 1] != n))
        return false;
    stock->texts[n] = (struct mpm_item){ at, at, end + (stock->memoizes ? 1 : 2) };
    return true;
}

bool
mpm__stock_begin(const uint8_t *bytes, size_t len, struct mpm_stock *stock)
{
    bool memoizes;

    if (!mpm__stock_head(bytes, len, stock) || !read_text(bytes, len, stock->mark + 1, 0, stock))
        return false;
    memoizes = stock->memoizes;
    return read_text(bytes, len, stock->texts[0].end, 1, stock) && stock->memoizes == memoizes;
}

bool
mpm__stock_is_bare(const uint8_t *bytes, size_t len, const struct mpm_stock *stock)
{
    static const uint8_t memoized[] = { MPM_OP_EMPTY_TUPLE, MPM_OP_EMPTY_DICT, MPM_OP_MEMOIZE, MPM_OP_TUPLE, MPM_OP_MEMOIZE,
        MPM_OP_STOP };
    static const uint8_t put[] = { MPM_OP_EMPTY_TUPLE, MPM_OP_EMPTY_DICT, MPM_OP_BINPUT, 2, MPM_OP_TUPLE, MPM_OP_BINPUT, 3,
        MPM_OP_STOP };
    size_t from = stock->texts[1].end;

    return stock->memoizes ? len - from == sizeof memoized && memcmp(bytes + from, memoized, sizeof memoized) == 0
                           : len - from == sizeof put && memcmp(bytes + from, put, sizeof put) == 0;
}

bool
mpm__stock_is_true(const struct mpm_stock *stock, const struct mpm_doc *doc)
{
    if (doc->n_fields != 4 || doc->top.start != stock->mark)
        return false;
    for (int i = 0; i < 2; i++) {
        const struct mpm_item *a = &stock->texts[i], *b = &doc->fields[i];

        if (a->start != b->start || a->root != b->root || a->end != b->end)
            return false;
    }
    return true;
}

/*
 * brief.h - the check of requests that bring one to three scalars, as most do, in a fraction of the time. Layer: pickle.
 */
#ifndef MPM_PICKLE_BRIEF_H
#define MPM_PICKLE_BRIEF_H

#include "pickle/stock.h"

/* What mpm__check_rest() does for such a message: *doc is the same. False: it is another one, or malformed; *doc and
 * the checker's memo table have anything in them. */
bool mpm__check_brief(struct mpm_checker *checker, const uint8_t *bytes, size_t len, const struct mpm_stock *stock,
    struct mpm_doc *doc);

#endif

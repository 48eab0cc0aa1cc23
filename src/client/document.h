/* document.h - what the files of the client share of documents and builders. Layer: client, private. */
#ifndef MPM_CLIENT_DOCUMENT_H
#define MPM_CLIENT_DOCUMENT_H

#include <stdbool.h>

#include <mpmd/value.h>

#include "pickle/check.h"

struct mpm_document {
    struct mpm_checker checker;
    struct mpm_doc doc;
    struct mpm_item root;     /* what mpm_document_root() gives */
    struct mpm_bytes *block;  /* owns the pickle; NULL: it stands behind this struct */
};

/*
 * A document of what `checker` has just checked into *doc: of the bytes in `block` (held, not copied), or of a copy of
 * them when that is NULL. The checker stays usable; doc is not.
 * Returns 0 or MPM_ENOMEM.
 */
int mpm__document_make(struct mpm_checker *checker, const struct mpm_doc *doc, struct mpm_bytes *block,
    struct mpm_document **out);

/* The one value that was put, a TUPLE or DICT, as opcodes for a pickle of `protocol`: without PROTO and STOP, its memo
 * entries counted from 0. Valid as mpm_builder_finish()'s. Returns 0, MPM_EINVAL (it is of another kind, or for a
 * later protocol) or what mpm_builder_finish() does. */
int mpm__builder_body(struct mpm_builder *builder, enum mpm_kind kind, int protocol, const uint8_t **bytes, size_t *len,
    struct mpm_error *err);
/* Puts the one value of another builder, which stays as it is. Returns 0, what mpm_builder_finish() of that one says, or
 * MPM_EINVAL (it is for a later protocol); what the builder itself cannot take sticks to it. */
int mpm__builder_put(struct mpm_builder *builder, struct mpm_builder *value, struct mpm_error *err);
/* A put that cannot be done: what is wrong, unless something else was wrong before. */
void mpm__builder_refuse(struct mpm_builder *builder, int code, const char *text);
/* Whether nothing was put into it, and nothing failed. */
bool mpm__builder_is_blank(const struct mpm_builder *builder);
/* The writer of a builder, for one value; then mpm__builder_added(). NULL: it has failed already. */
struct mpm_writer *mpm__builder_writer(struct mpm_builder *builder);
void mpm__builder_added(struct mpm_builder *builder);

#endif

/*
 * document.c - the public side of reading: pickles checked and kept, values looked into. Layer: client.
 *
 * Most functions are value/read.h's with types that a stable interface can have. A document shares nothing with the
 * client that it came from, and lives as long as its owner wants.
 */
#include <mpmd/value.h>

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "client/document.h"
#include "value/read.h"
#include "value/repr.h"

#define REPR_MAX (256 * 1024 * 1024) /* bytes; 30 lists, each twice in the next one, would be 4 GiB */

/* So many memo entries and places are copied; larger tables are taken from the checker. */
#define SMALL_TABLE 64

int
mpm_document_open(const void *bytes, size_t len, struct mpm_document **out, struct mpm_error *err)
{
    struct mpm_document *d;
    int r;

    if (len > MPM_PICKLE_LEN_MAX)
        return mpm__fail(err, MPM_EBADPICKLE, 0, "%zu bytes: a pickle has at most 4 GiB", len);
    d = mpm__alloc(sizeof *d + len);
    if (d == NULL)
        return mpm__fail(err, MPM_ENOMEM, 0, "no memory for a pickle of %zu bytes", len);
    d->checker = (struct mpm_checker){ 0 };
    d->block = NULL;
    if (len != 0)
        memcpy(d + 1, bytes, len);
    r = mpm__check(&d->checker, (const uint8_t *)(d + 1), len, false, &d->doc, err);
    if (r != 0) {
        mpm_document_close(d);
        return r;
    }
    d->root = d->doc.top;
    *out = d;
    return 0;
}

int
mpm__document_make(struct mpm_checker *checker, const struct mpm_doc *doc, struct mpm_bytes *block,
    struct mpm_document **out)
{
    bool rewritten = doc->bytes == checker->plain.data; /* then they are the checker's */
    bool take = rewritten || doc->n_memo > SMALL_TABLE || doc->n_stops > SMALL_TABLE;
    size_t memo = take ? 0 : doc->n_memo * sizeof *doc->memo, stops = take ? 0 : doc->n_stops * sizeof *doc->stops;
    size_t len = block != NULL || rewritten ? 0 : doc->len;
    struct mpm_document *d = mpm__alloc(sizeof *d + memo + stops + len);
    uint8_t *at;

    if (d == NULL)
        return MPM_ENOMEM;
    d->doc = *doc;
    d->root = doc->top;
    d->doc.checker = &d->checker;
    d->doc.block = d->block = block != NULL && !rewritten ? mpm__bytes_hold(block) : NULL;
    if (take) {
        d->checker = *checker;
        *checker = (struct mpm_checker){ 0 };
    } else {
        d->checker = (struct mpm_checker){ 0 };
    }
    at = (uint8_t *)(d + 1);
    if (memo != 0)
        d->doc.memo = memcpy(at, doc->memo, memo);
    at += memo;
    if (stops != 0)
        d->doc.stops = memcpy(at, doc->stops, stops);
    at += stops;
    if (len != 0)
        d->doc.bytes = memcpy(at, doc->bytes, len);
    *out = d;
    return 0;
}

void
mpm_document_close(struct mpm_document *d)
{
    if (d == NULL)
        return;
    mpm__checker_wipe(&d->checker);
    mpm__bytes_drop(d->block);
    mpm__free(d);
}

struct mpm_ref
mpm_document_root(const struct mpm_document *d)
{
    return (struct mpm_ref){ &d->doc, d->root };
}

int
mpm_kind(struct mpm_ref ref)
{
    return mpm__kind(&ref);
}

int
mpm_read_bool(struct mpm_ref ref, int *out)
{
    bool v;
    int r = mpm__read_bool(ref, &v);

    if (r == 0)
        *out = v;
    return r;
}

int
mpm_read_int64(struct mpm_ref ref, int64_t *out)
{
    return mpm__read_int64(ref, out);
}

int
mpm_read_bigint(struct mpm_ref ref, uint8_t *out, size_t room, size_t *len)
{
    struct mpm_buf bytes;
    int r;

    mpm__buf_init(&bytes, 0);
    r = mpm__read_bigint(ref, &bytes);
    if (r == 0)
        r = bytes.error;
    if (r == 0) {
        *len = bytes.len;
        if (bytes.len > room)
            r = MPM_ERANGE;
        else if (bytes.len != 0)
            memcpy(out, bytes.data, bytes.len);
    }
    mpm__buf_wipe(&bytes);
    return r;
}

int
mpm_read_double(struct mpm_ref ref, double *out)
{
    return mpm__read_double(ref, out);
}

int
mpm_read_text(struct mpm_ref ref, const char **text, size_t *len)
{
    const uint8_t *bytes;
    int r = mpm__read_text(ref, &bytes, len);

    if (r == 0)
        *text = (const char *)bytes;
    return r;
}

int
mpm_read_bytes(struct mpm_ref ref, const void **bytes, size_t *len)
{
    const uint8_t *at;
    int r = mpm__read_bytes(ref, &at, len);

    if (r == 0)
        *bytes = at;
    return r;
}

int
mpm_text_is(struct mpm_ref ref, const char *text)
{
    return mpm__text_is(ref, text);
}

int
mpm_read_class(struct mpm_ref ref, const char **module, size_t *module_len, const char **name, size_t *name_len)
{
    const uint8_t *m, *n;
    size_t m_len, n_len;
    int r = mpm__read_global(ref, &m, &m_len, &n, &n_len);

    if (r != 0)
        return r;
    *module = (const char *)m;
    *module_len = m_len;
    *name = (const char *)n;
    *name_len = n_len;
    return 0;
}

int
mpm_read_parts(struct mpm_ref ref, struct mpm_ref **out, size_t *n)
{
    struct mpm_parts parts;
    struct mpm_ref *refs = NULL;
    int r = mpm__parts(ref, &parts);

    if (r == 0 && parts.items.n != 0 && (refs = mpm__array(parts.items.n, sizeof *refs)) == NULL)
        r = MPM_ENOMEM;
    if (r == 0) {
        for (size_t i = 0; i < parts.items.n; i++)
            refs[i] = mpm__part(&parts, i);
        *out = refs;
        *n = parts.items.n;
    }
    mpm__parts_wipe(&parts);
    return r;
}

int
mpm_dict_find(struct mpm_ref dict, const char *key, struct mpm_ref *out)
{
    struct mpm_parts parts = { 0 };
    int kind = mpm__kind(&dict), r;

    if (kind != MPM_K_DICT)
        return kind < 0 ? kind : MPM_ETYPE;
    r = mpm__parts(dict, &parts);
    if (r == 0) {
        r = MPM_EGONE;
        for (size_t i = parts.items.n; i >= 2 && r != 0; i -= 2) { /* a key that stands twice has its last value */
            if (mpm__text_is(mpm__part(&parts, i - 2), key)) {
                *out = mpm__part(&parts, i - 1);
                r = 0;
            }
        }
    }
    mpm__parts_wipe(&parts);
    return r;
}

int
mpm_repr(struct mpm_ref ref, char **out, size_t *len)
{
    struct mpm_buf text;
    int r;

    mpm__buf_init(&text, REPR_MAX);
    r = mpm__repr(ref, &text);
    mpm__buf_u8(&text, '\0');
    if (r == 0)
        r = text.error;
    if (r != 0) {
        mpm__buf_wipe(&text);
        return r == MPM_ETOOBIG ? MPM_ELIMIT : r;
    }
    *out = (char *)text.data;
    if (len != NULL)
        *len = text.len - 1;
    return 0;
}

void
mpm_free(void *memory)
{
    mpm__free(memory);
}

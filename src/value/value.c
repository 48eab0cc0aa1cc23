/*
 * value.c - values at rest. Layer: value.
 *
 * Up to 14 bytes of pickle live inside the struct; longer ones in a counted block of their own, or, when the value is
 * most of the message it came in, in the message's block. Most large values are written and read by the same Python and
 * never looked at, so they are kept as they stand and brought to normal form when that is needed (normalise()). Knows
 * nothing of what the bytes mean.
 */
#include "value/value.h"

#include <assert.h>

#include "base/alloc.h"

#define SMALL_MAX 14           /* 15 fit, but MPM_TAG_BLOB must stay free */

#define NORMAL UINT32_MAX

struct mpm_blob {
    uint32_t refs;
    uint32_t stored;           /* see mpm__value_stored() */
    uint32_t base;             /* it is kept as it stands (splice.h), behind so many entries; NORMAL: in normal form */
    struct mpm_form form;
    struct mpm_bytes *block;   /* held; NULL: the bytes are in `own` */
    const uint8_t *bytes;
    size_t len;
    struct mpm_pins *pins;     /* see mpm__value_set_pins() */
    uint8_t own[];
};

static int
new_blob(const uint8_t *bytes, size_t len, const struct mpm_form *form, struct mpm_bytes *block, struct mpm_value *out)
{
    size_t own = block == NULL ? len : 0;
    struct mpm_blob *blob = own <= SIZE_MAX - sizeof *blob ? mpm__alloc(sizeof *blob + own) : NULL;

    if (blob == NULL)
        return MPM_ENOMEM;
    *blob = (struct mpm_blob){ .refs = 1, .base = NORMAL, .form = *form, .len = len,
        .bytes = block != NULL ? bytes : blob->own };
    if (block != NULL)
        blob->block = mpm__bytes_hold(block);
    else
        memcpy(blob->own, bytes, len);
    out->blob = blob;
    out->tag = MPM_TAG_BLOB;
    return 0;
}

int
mpm_keep_bytes(const uint8_t *bytes, size_t len, const struct mpm_form *form, struct mpm_value *out)
{
    if (len > SMALL_MAX || form->n_memo != 0 || form->names != 0)
        return new_blob(bytes, len, form, NULL, out);
    memcpy(out->small, bytes, len);
    out->tag = (uint8_t)(len | (unsigned)(form->protocol - 2) << MPM_TAG_PROTOCOL_SHIFT | (form->native_str ? MPM_TAG_PYTHON2 : 0));
    return 0;
}

/* In a block that has room for the normal form, too, so that the value accounts for the same when it gets that. */
static int
keep_standing(struct mpm_ref ref, const struct mpm_standing *standing, struct mpm_value *out)
{
    struct mpm_bytes *block = ref.doc->block;
    const uint8_t *bytes;
    int r;

    if (block != NULL && !standing->has_frames && standing->normal_max <= block->len &&
        standing->len >= block->len / 2) {
        mpm__bytes_hold(block);
        bytes = ref.doc->bytes + ref.item.start;
    } else {
        block = mpm__bytes_new(standing->normal_max > standing->len ? standing->normal_max : standing->len);
        if (block == NULL)
            return MPM_ENOMEM;
        mpm__splice_copy_standing(ref.doc, ref.item, block->data);
        bytes = block->data;
    }
    r = new_blob(bytes, standing->len, &standing->form, block, out);
    if (r == 0)
        out->blob->base = standing->base;
    mpm__bytes_drop(block);
    return r;
}

int
mpm_keep(struct mpm_ref ref, struct mpm_value *out)
{
    struct mpm_buf buf;
    struct mpm_form form;
    struct mpm_run run;
    struct mpm_standing standing;
    int r;

    if (ref.item.end - ref.item.start <= SMALL_MAX && mpm__splice_lone(ref.doc, ref.item, &form, &run))
        return mpm_keep_bytes(ref.doc->bytes + run.from, run.len, &form, out);
    if (mpm__splice_stands(ref.doc, ref.item, &standing))
        return keep_standing(ref, &standing, out);
    mpm__buf_init(&buf, 0);
    r = mpm__splice(ref.doc, ref.item, &buf, &form, &run);
    if (r == 0 && run.len == 0)
        r = mpm_keep_bytes(buf.data, buf.len, &form, out);
    else if (r == 0 && ref.doc->block != NULL && run.len >= ref.doc->block->len / 2 && run.len > SMALL_MAX)
        r = new_blob(ref.doc->bytes + run.from, run.len, &form, ref.doc->block, out);
    else if (r == 0)
        r = mpm_keep_bytes(ref.doc->bytes + run.from, run.len, &form, out);
    mpm__buf_wipe(&buf);
    return r;
}

void
mpm__blob_hold(struct mpm_blob *blob)
{
    blob->refs++;
}

void
mpm__blob_drop(struct mpm_blob *blob)
{
    if (--blob->refs != 0)
        return;
    assert(blob->pins == NULL);
    mpm__bytes_drop(blob->block);
    mpm__free(blob);
}

static int
normalise(struct mpm_blob *blob)
{
    struct mpm_checker checker = { 0 };
    struct mpm_bytes *block = NULL;
    struct mpm_buf whole, normal;
    struct mpm_form form;
    struct mpm_run run;
    struct mpm_doc doc;
    int r;

    mpm__buf_init(&whole, 0);
    mpm__buf_init(&normal, 0);
    mpm__splice_whole(blob->bytes, blob->len, blob->base, &whole);
    r = whole.error;
    if (r == 0)
        r = mpm__check(&checker, whole.data, whole.len, false, &doc, NULL);
    if (r == 0)
        r = mpm__splice(&doc, doc.top, &normal, &form, &run);
    if (r == 0 && run.len != 0)
        mpm__buf_put(&normal, whole.data + run.from, run.len);
    if (r == 0)
        r = normal.error;
    if (r == 0 && (block = mpm__bytes_new(blob->block->len)) == NULL)
        r = MPM_ENOMEM;
    assert(r == 0 || r == MPM_ENOMEM); /* it was checked before */
    if (r == 0) {
        assert(normal.len <= block->len);
        memcpy(block->data, normal.data, normal.len);
        mpm__bytes_drop(blob->block);
        blob->block = block;
        blob->bytes = block->data;
        blob->len = normal.len;
        blob->form.n_memo = form.n_memo; /* the rest was the message's and stays so: it is safe */
        blob->base = NORMAL;
    }
    mpm__checker_wipe(&checker);
    mpm__buf_wipe(&whole);
    mpm__buf_wipe(&normal);
    return r;
}

const uint8_t *
mpm__value_standing(const struct mpm_value *v, struct mpm_standing *standing)
{
    if (v->tag != MPM_TAG_BLOB || v->blob->base == NORMAL)
        return NULL;
    *standing = (struct mpm_standing){ .form = v->blob->form, .base = v->blob->base, .len = v->blob->len,
        .normal_max = v->blob->block->len };
    return v->blob->bytes;
}

int
mpm__value_share_standing(const struct mpm_value *v, struct mpm_value *out)
{
    return new_blob(v->blob->bytes, v->blob->len, &v->blob->form, v->blob->block, out);
}

const uint8_t *
mpm__value_bytes(const struct mpm_value *v, size_t *len, struct mpm_form *form)
{
    if (v->tag == MPM_TAG_BLOB) {
        if (v->blob->base != NORMAL && normalise(v->blob) != 0)
            return NULL;
        *len = v->blob->len;
        *form = v->blob->form;
        return v->blob->bytes;
    }
    *len = MPM_TAG_LEN(v->tag);
    *form = (struct mpm_form){ .protocol = (uint8_t)(2 + (v->tag >> MPM_TAG_PROTOCOL_SHIFT & 3)),
        .native_str = (v->tag & MPM_TAG_PYTHON2) != 0 };
    return v->small;
}

uint32_t *
mpm__blob_stored(struct mpm_blob *blob)
{
    return &blob->stored;
}

void
mpm__value_set_pins(struct mpm_value *v, struct mpm_pins *pins)
{
    assert(v->tag == MPM_TAG_BLOB);
    v->blob->pins = pins;
}

struct mpm_pins *
mpm__blob_pins(const struct mpm_blob *blob)
{
    return blob->pins;
}

int
mpm__value_clone(const struct mpm_value *v, struct mpm_value *out)
{
    int r;

    if (v->tag != MPM_TAG_BLOB) {
        *out = *v;
        return 0;
    }
    r = new_blob(v->blob->bytes, v->blob->len, &v->blob->form, v->blob->block, out);
    if (r == 0)
        out->blob->base = v->blob->base;
    return r;
}

size_t
mpm__value_cost(const struct mpm_value *v)
{
    if (v->tag != MPM_TAG_BLOB)
        return 0;
    return sizeof *v->blob + (v->blob->block != NULL ? v->blob->block->len : v->blob->len);
}

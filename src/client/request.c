/*
 * request.c - writes (ident, method, args, kwds), of builders that hold args and kwds. Layer: client.
 *
 * Large arguments stay where they are, as holes, and are sent from there. The buffer begins with room for the header of
 * a message, so that a small request is one piece. Source: CPython Lib/multiprocessing/managers.py, dispatch.
 */
#include "client/client.h"

#include <string.h>

#include "base/error.h"
#include "client/document.h"
#include "pickle/opcodes.h"
#include "value/build.h"

#define FIRST_PROTOCOL 4 /* every server but Python 2.7 reads it, and mpmd answers as it is asked */
#define HOLE_MIN 16384 /* below, copying costs less than one piece more */

static void
put(struct mpm_client *c, const uint8_t *bytes, size_t len)
{
    if (len < HOLE_MIN)
        mpm__buf_put(&c->request, bytes, len);
    else
        c->holes[c->n_holes++] = (struct mpm_hole){ c->request.len, bytes, len };
}

/* Keyword arguments whose memo entries collide with those of the arguments: written anew, with others. */
static int
put_renumbered(struct mpm_writer *w, struct mpm_builder *kwds, struct mpm_error *err)
{
    struct mpm_value v = { 0 };
    struct mpm_document *d;
    const void *pickle;
    size_t len;
    int r = mpm_builder_finish(kwds, &pickle, &len, err);

    if (r == 0)
        r = mpm_document_open(pickle, len, &d, err);
    if (r != 0)
        return r;
    r = mpm_keep(mpm_document_root(d), &v);
    if (r == 0) {
        mpm_write_value(w, &v);
        mpm_drop(&v);
    }
    mpm_document_close(d);
    return r;
}

static int
put_kwds(struct mpm_client *c, struct mpm_writer *w, struct mpm_builder *kwds, struct mpm_error *err)
{
    const uint8_t *body;
    size_t len;
    int r = mpm__builder_body(kwds, MPM_K_DICT, w->protocol, &body, &len, err);

    if (r != 0)
        return r;
    if (w->n_memo != 0 && mpm__builder_writer(kwds)->n_memo != 0)
        return put_renumbered(w, kwds, err);
    put(c, body, len);
    return 0;
}

int
mpm__request_write(struct mpm_client *c, const char *first, const char *name, const char *argument,
    struct mpm_builder *args, struct mpm_builder *kwds, struct mpm_error *err)
{
    int protocol = c->protocol != 0 ? c->protocol : FIRST_PROTOCOL, r = 0;
    struct mpm_writer w = { .out = &c->request, .protocol = (uint8_t)protocol, .err = err };
    const uint8_t *bytes;
    size_t len;

    mpm__buf_clear(&c->request);
    c->n_holes = 0;
    (void)mpm__buf_add(&c->request, MPM_FRAME_HEADER_MAX);
    mpm__buf_u8(&c->request, MPM_OP_PROTO);
    mpm__buf_u8(&c->request, (uint8_t)protocol);
    mpm_write_mark(&w);
    if (first != NULL)
        mpm_write_native(&w, first);
    else
        mpm_write_none(&w);
    mpm_write_native(&w, name);
    mpm_write_mark(&w);
    if (argument != NULL)
        mpm_write_native(&w, argument);
    if (args != NULL) {
        if ((r = mpm__builder_body(args, MPM_K_TUPLE, protocol, &bytes, &len, err)) != 0)
            return r;
        put(c, bytes + 1, len - 2); /* between its MARK and TUPLE */
        w.n_memo = mpm__builder_writer(args)->n_memo;
    }
    mpm_write_tuple(&w);
    if (kwds == NULL)
        mpm_write_empty_dict(&w);
    else
        r = put_kwds(c, &w, kwds, err);
    mpm_write_tuple(&w);
    mpm__buf_u8(&c->request, MPM_OP_STOP);
    if (r == 0)
        r = c->request.error;
    return r == MPM_ENOMEM ? mpm__fail(err, r, 0, "no memory for a request") : r;
}

size_t
mpm__request_parts(struct mpm_client *c, struct iovec parts[MPM_REQUEST_PARTS], size_t *len)
{
    uint8_t header[MPM_FRAME_HEADER_MAX];
    size_t body = c->request.len - MPM_FRAME_HEADER_MAX, size, from, n = 0;

    for (size_t i = 0; i < c->n_holes; i++)
        body += c->holes[i].len;
    size = mpm__frame_header(header, body);
    from = MPM_FRAME_HEADER_MAX - size;
    memcpy(c->request.data + from, header, size);
    for (size_t i = 0; i < c->n_holes; i++) {
        parts[n++] = (struct iovec){ c->request.data + from, c->holes[i].at - from };
        parts[n++] = (struct iovec){ (void *)(uintptr_t)c->holes[i].bytes, c->holes[i].len };
        from = c->holes[i].at;
    }
    parts[n++] = (struct iovec){ c->request.data + from, c->request.len - from };
    *len = size + body;
    return n;
}

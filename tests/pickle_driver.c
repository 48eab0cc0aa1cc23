/*
 * pickle_driver.c - the checker, splicer and transcoder behind a pipe, for pytests/test_pickle_differential.py.
 *
 * Reads requests until end of file and answers each: u32 length of the rest, u8 mode, u8 protocol, u32 base, pickle.
 * Mode 'c': check. 's': splice field 2 of the top tuple and give it back as a pickle of the message's own protocol.
 * 't': splice it and write it for a reader of `protocol`, as a reply does, behind `base` memo numbers in use.
 * Answer: u32 length of the rest, i32 result, then the pickle or the error's text. All numbers little-endian.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "pickle/transcode.h"

static struct mpm_checker checker, again; /* of the message, which it still holds, and of what comes out */

struct request {
    uint8_t mode, protocol;
    uint32_t base;
    const uint8_t *pickle;
    size_t len;
};

static uint32_t
le32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Field 2 in normal form; *bytes points into `room` or into the message. */
static int
splice(const struct mpm_doc *doc, struct mpm_buf *room, const uint8_t **bytes, size_t *len, struct mpm_form *form)
{
    struct mpm_run run;
    int r;

    if (doc->n_fields != 4)
        return MPM_ETYPE;
    r = mpm__splice(doc, doc->fields[2], room, form, &run);
    *bytes = run.len != 0 ? doc->bytes + run.from : room->data;
    *len = run.len != 0 ? run.len : room->len;
    return r;
}

/* Writes the answer's pickle to out. */
static int
answer(const struct request *q, struct mpm_buf *room, struct mpm_buf *out, struct mpm_error *err)
{
    struct mpm_doc doc, redone;
    struct mpm_form form;
    const uint8_t *bytes;
    uint32_t base = q->base;
    uint8_t protocol;
    size_t len, start;
    int r;

    r = mpm__check(&checker, q->pickle, q->len, false, &doc, err);
    if (r != 0 || q->mode == 'c')
        return r;
    r = splice(&doc, room, &bytes, &len, &form);
    if (r != 0)
        return r;
    r = mpm__check(&again, bytes, len, true, &redone, err);
    if (r != 0)
        return r;
    /* CPython takes names for Python 2's below protocol 3. */
    protocol = q->mode == 't' ? q->protocol : form.names == 3 && form.protocol < 3 ? 3 : form.protocol;
    mpm__buf_u8(out, 0x80);
    mpm__buf_u8(out, protocol);
    start = out->len;
    for (uint32_t i = 0; i < base; i++) {
        mpm__buf_text(out, i == 0 ? "N" : "");
        mpm__buf_u8(out, i < 256 ? 'q' : 'r');
        mpm__buf_le(out, i, i < 256 ? 1 : 4);
    }
    mpm__buf_text(out, base != 0 ? "0" : "");
    if (q->mode != 't' || mpm__form_suits(&form, protocol))
        mpm__splice_renumbered(bytes, len, base, out);
    else
        r = mpm__transcode(bytes, len, &form, protocol, &base, out, err);
    if (r == 0 && out->error == 0)
        r = mpm__check(&again, out->data + start, out->len - start, true, &redone, err);
    mpm__buf_u8(out, '.');
    return r != 0 ? r : out->error;
}

static bool
read_all(uint8_t *to, size_t n)
{
    return fread(to, 1, n, stdin) == n;
}

int
main(void)
{
    struct mpm_buf room, out, head;
    uint8_t *request = NULL;
    uint8_t length[4];

    mpm__buf_init(&room, 0);
    mpm__buf_init(&out, 0);
    mpm__buf_init(&head, 0);
    while (read_all(length, 4)) {
        uint32_t n = le32(length);
        struct mpm_error err = { 0 };
        struct request q;
        int r;

        request = mpm__resize(request, n, 1);
        if (request == NULL || n < 6 || !read_all(request, n))
            return EXIT_FAILURE;
        q = (struct request){ request[0], request[1], le32(request + 2), request + 6, n - 6 };
        mpm__buf_clear(&room);
        mpm__buf_clear(&out);
        mpm__buf_clear(&head);
        r = answer(&q, &room, &out, &err);
        if (r != 0) {
            mpm__buf_clear(&out);
            mpm__buf_text(&out, err.text[0] != '\0' ? err.text : mpm_error_text(r));
        }
        mpm__buf_le(&head, out.len + 4, 4);
        mpm__buf_le(&head, (uint32_t)r, 4);
        fwrite(head.data, 1, head.len, stdout);
        if (out.len != 0)
            fwrite(out.data, 1, out.len, stdout);
    }
    mpm__free(request);
    mpm__buf_wipe(&room);
    mpm__buf_wipe(&out);
    mpm__buf_wipe(&head);
    mpm__checker_wipe(&checker);
    mpm__checker_wipe(&again);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/*
 * repr_driver.c - for pytests/test_repr.py: reads pickles from standard input, each behind its length in 4 bytes,
 * little-endian, and writes the text of repr() for each in the same form; an error is its number after a NUL.
 */
#include <stdio.h>
#include <stdlib.h>

#include "value/repr.h"

static int
repr_of(struct mpm_checker *checker, const uint8_t *bytes, size_t len, struct mpm_buf *out)
{
    struct mpm_doc doc;
    struct mpm_value v = { 0 };
    struct mpm_buf again;
    int r = mpm__check(checker, bytes, len, false, &doc, NULL);

    if (r == 0)
        r = mpm_keep((struct mpm_ref){ &doc, doc.top }, &v);
    if (r == 0)
        r = mpm__repr((struct mpm_ref){ &doc, doc.top }, out);
    if (r == 0) {
        /* the stored value says the same */
        mpm__buf_init(&again, 0);
        r = mpm__repr_value(&v, &again);
        if (r == 0 && (again.len != out->len || memcmp(again.data, out->data, out->len) != 0))
            abort();
        mpm__buf_wipe(&again);
    }
    mpm_drop(&v);
    return r;
}

static void
write_out(const struct mpm_buf *out)
{
    uint8_t head[4];

    for (int i = 0; i < 4; i++)
        head[i] = (uint8_t)(out->len >> (8 * i));
    fwrite(head, 1, 4, stdout);
    fwrite(out->data, 1, out->len, stdout);
}

int
main(void)
{
    struct mpm_checker checker = { 0 };
    struct mpm_buf in, out;
    uint8_t head[4], *at;
    size_t len;
    int r;

    mpm__buf_init(&in, 0);
    mpm__buf_init(&out, 0);
    while (fread(head, 1, 4, stdin) == 4) {
        len = (size_t)head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
        mpm__buf_clear(&in);
        mpm__buf_clear(&out);
        at = mpm__buf_add(&in, len);
        if (at == NULL || fread(at, 1, len, stdin) != len)
            return 1;
        r = repr_of(&checker, in.data, in.len, &out);
        if (r != 0) {
            mpm__buf_clear(&out);
            mpm__buf_u8(&out, 0);
            mpm__buf_printf(&out, "%d", r);
        }
        write_out(&out);
    }
    mpm__buf_wipe(&in);
    mpm__buf_wipe(&out);
    mpm__checker_wipe(&checker);
    return 0;
}

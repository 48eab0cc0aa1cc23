/*
 * canon_driver.c - for pytests/test_canon.py: reads pickles from standard input, each behind its length in 4 bytes,
 * little-endian, and answers each in the same form. Argument:
 *   canon  one byte ('=', or '!' for a NaN, or 'e' and the error's number), the type that is unhashable, a newline, the
 *          canonical bytes
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "value/canon.h"

/* The same by each way: the value in its message, the stored one, and the two of them compared. */
static void
canon(const struct mpm_ref ref, const struct mpm_value *v, struct mpm_buf *out)
{
    static struct mpm_canon first, second, scratch;
    int r = mpm__canon(ref, &first);

    if (mpm__canon_value(v, &second) != r)
        abort();
    if (r != 0) {
        mpm__buf_printf(out, "e%d", r);
        return;
    }
    if (first.unhashable != second.unhashable || first.is_nan != second.is_nan || first.bytes.len != second.bytes.len ||
        memcmp(first.bytes.data, second.bytes.data, first.bytes.len) != 0 ||
        mpm__canon_equals(v, &first, &scratch) != !first.is_nan)
        abort();
    mpm__buf_printf(out, "%c%s\n", first.is_nan ? '!' : '=', first.unhashable != NULL ? first.unhashable : "");
    mpm__buf_put(out, first.bytes.data, first.bytes.len);
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
    struct mpm_value v = { 0 };
    struct mpm_doc doc;
    struct mpm_buf in, out;
    uint8_t head[4], *at;
    size_t len;

    mpm__buf_init(&in, 0);
    mpm__buf_init(&out, 0);
    while (fread(head, 1, 4, stdin) == 4) {
        len = (size_t)head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
        mpm__buf_clear(&in);
        mpm__buf_clear(&out);
        at = mpm__buf_add(&in, len);
        if (at == NULL || fread(at, 1, len, stdin) != len ||
            mpm__check(&checker, in.data, in.len, false, &doc, NULL) != 0 ||
            mpm_keep((struct mpm_ref){ &doc, doc.top }, &v) != 0)
            return 1;
        canon((struct mpm_ref){ &doc, doc.top }, &v, &out);
        write_out(&out);
        mpm_drop(&v);
    }
    mpm__buf_wipe(&in);
    mpm__buf_wipe(&out);
    mpm__checker_wipe(&checker);
    return 0;
}

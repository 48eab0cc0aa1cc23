/*
 * canon_driver.c - for pytests/test_canon.py: reads pickles from standard input, each behind its length in 4 bytes,
 * little-endian, and answers each in the same form. Argument:
 *   canon  one byte ('=', or '!' for a NaN, or 'e' and the error's number), the type that is unhashable, a newline, the
 *          canonical bytes
 *   less   the pickle is a pair: '1' or '0', or 't' and the message, or 'e' and the error's number
 *   sort   the pickle is (list, reverse): 's', or as with less, then a newline and the repr() of each item behind a newline
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "value/canon.h"
#include "value/order.h"
#include "value/repr.h"

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
put_failure(int r, const struct mpm_unordered *why, struct mpm_buf *out)
{
    if (r != MPM_ETYPE)
        mpm__buf_printf(out, "e%d", r);
    else if (why->instead != NULL)
        mpm__buf_printf(out, "t%s", why->instead);
    else
        mpm__buf_printf(out, "t'<' not supported between instances of '%s' and '%s'", why->left, why->right);
}

static void
less(struct mpm_ref ref, struct mpm_buf *out)
{
    struct mpm_unordered why = { 0 };
    struct mpm_value v[2];
    struct mpm_parts parts;
    int r;

    if (mpm__parts(ref, &parts) != 0 || parts.items.n != 2)
        abort();
    r = mpm__less(mpm__part(&parts, 0), mpm__part(&parts, 1), &why);
    if (r < 0)
        put_failure(r, &why, out);
    else
        mpm__buf_printf(out, "%d", r);
    for (size_t i = 0; i < 2; i++)
        if (mpm_keep(mpm__part(&parts, i), &v[i]) != 0)
            abort();
    if (mpm__less_value(&v[0], &v[1], &why) != r)
        abort();
    mpm_drop(&v[0]);
    mpm_drop(&v[1]);
    mpm__parts_wipe(&parts);
}

static void
sort(struct mpm_ref ref, struct mpm_buf *out)
{
    struct mpm_unordered why = { 0 };
    struct mpm_parts parts, items;
    struct mpm_value *v;
    size_t n;
    int r;

    if (mpm__parts(ref, &parts) != 0 || parts.items.n != 2 || mpm__parts(mpm__part(&parts, 0), &items) != 0)
        abort();
    n = items.items.n;
    v = calloc(n + 1, sizeof *v);
    for (size_t i = 0; i < n; i++)
        if (mpm_keep(mpm__part(&items, i), &v[i]) != 0)
            abort();
    r = mpm__sort(v, n, mpm__truth(mpm__part(&parts, 1)) == 1, &why);
    if (r == 0)
        mpm__buf_u8(out, 's');
    else
        put_failure(r, &why, out);
    for (size_t i = 0; i < n; i++) {
        mpm__buf_u8(out, '\n');
        if (mpm__repr_value(&v[i], out) != 0)
            abort();
        mpm_drop(&v[i]);
    }
    free(v);
    mpm__parts_wipe(&items);
    mpm__parts_wipe(&parts);
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
main(int argc, char **argv)
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
        if (argc > 1 && strcmp(argv[1], "less") == 0)
            less((struct mpm_ref){ &doc, doc.top }, &out);
        else if (argc > 1 && strcmp(argv[1], "sort") == 0)
            sort((struct mpm_ref){ &doc, doc.top }, &out);
        else
            canon((struct mpm_ref){ &doc, doc.top }, &v, &out);
        write_out(&out);
        mpm_drop(&v);
    }
    mpm__buf_wipe(&in);
    mpm__buf_wipe(&out);
    mpm__checker_wipe(&checker);
    return 0;
}

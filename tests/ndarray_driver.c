/*
 * ndarray_driver.c - takes NumPy arrays from one queue and puts them into another. For pytests/test_ndarray.py.
 *
 *     ndarray_driver ADDRESS KEYFILE
 *
 * The queues are registered as get_in and get_out. For each array it answers with a tuple: the kind, byte order,
 * itemsize and whether it is in Fortran order, the array built again, and its pickle in each protocol from 2 on. For
 * another value it answers with the text of the error; None ends it.
 */
#include <mpmd/client.h>
#include <mpmd/ndarray.h>

#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT (INT64_C(600) * 1000000000)

static struct mpm_client *client;

static _Noreturn void
give_up(const char *what, const struct mpm_error *err)
{
    fprintf(stderr, "%s: %s\n", what, err->text);
    exit(1);
}

static void
put_pickle(struct mpm_builder *b, const struct mpm_ndarray *a, int protocol)
{
    struct mpm_error err = { 0 };
    struct mpm_builder *one;
    const void *bytes;
    size_t len;

    if (mpm_builder_open(protocol, &one) != 0)
        give_up("builder", &err);
    mpm_put_ndarray(one, a);
    if (mpm_builder_finish(one, &bytes, &len, &err) != 0)
        give_up("pickle", &err);
    mpm_put_bytes(b, bytes, len);
    mpm_builder_close(one);
}

static void
put_answer(struct mpm_builder *b, struct mpm_ref ref)
{
    struct mpm_error err = { 0 };
    struct mpm_ndarray a;

    if (mpm_read_ndarray(ref, &a, &err) != 0) {
        mpm_put_string(b, err.text);
        return;
    }
    mpm_put_begin(b, MPM_K_TUPLE);
    mpm_put_text(b, &a.kind, 1);
    mpm_put_text(b, &a.byteorder, 1);
    mpm_put_int(b, a.itemsize);
    mpm_put_bool(b, a.fortran);
    mpm_put_ndarray(b, &a);
    for (int protocol = 2; protocol <= 5; protocol++)
        put_pickle(b, &a, protocol);
    mpm_put_end(b);
    mpm_free(a.copy);
}

int
main(int argc, char **argv)
{
    char key[256];
    FILE *f = argc == 3 ? fopen(argv[2], "rb") : NULL;
    struct mpm_client_options options = { .size = sizeof options, .authkey = key };
    struct mpm_proxy *in, *out;
    struct mpm_builder *b;
    struct mpm_error err = { 0 };

    if (f == NULL)
        return 2;
    options.authkey_len = fread(key, 1, sizeof key, f);
    fclose(f);
    if (mpm_client_open(argv[1], &options, &client, &err) != 0
        || mpm_create(client, "get_in", NULL, NULL, &in, &err) != 0
        || mpm_create(client, "get_out", NULL, NULL, &out, &err) != 0 || mpm_client_builder(client, &b) != 0)
        give_up(argv[1], &err);
    for (;;) {
        struct mpm_document *item;

        if (mpm_call(in, "get", NULL, NULL, TIMEOUT, &item, &err) != 0)
            give_up("get", &err);
        if (mpm_kind(mpm_document_root(item)) == MPM_K_NONE) {
            mpm_document_close(item);
            break;
        }
        mpm_builder_clear(b);
        mpm_put_begin(b, MPM_K_TUPLE);
        put_answer(b, mpm_document_root(item));
        mpm_put_end(b);
        mpm_document_close(item);
        if (mpm_call(out, "put", b, NULL, TIMEOUT, NULL, &err) != 0)
            give_up("put", &err);
    }
    mpm_builder_close(b);
    mpm_proxy_close(in);
    mpm_proxy_close(out);
    mpm_client_close(client);
    return 0;
}

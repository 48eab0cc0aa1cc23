/*
 * ndarray.c - NumPy arrays that cross both ways: C takes a matrix from a queue and sends its smoothed one back.
 *
 *     cc ndarray.c -o ndarray $(pkg-config --cflags --libs mpmd)
 *     MPMD_AUTHKEY=secret ./ndarray ADDRESS    the server has get_in and get_out, two queues; None ends it
 *
 * The items of the matrix that came are read where they lie in the message: nothing is copied, and no Python is here.
 * examples/ndarray.py is the other side.
 */
#include <mpmd/mpmd.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
check(int r, const struct mpm_error *err)
{
    if (r == 0)
        return;
    fprintf(stderr, "ndarray: %s\n", err->text);
    exit(1);
}

/* Item [row][column], which may lie anywhere and in either order. */
static double
item(const struct mpm_ndarray *a, int64_t row, int64_t column)
{
    size_t at = (size_t)(a->fortran ? column * a->shape[0] + row : row * a->shape[1] + column);
    double x;

    memcpy(&x, (const char *)a->data + at * sizeof x, sizeof x);
    return x;
}

/* Each item becomes the mean of itself and its neighbours. */
static void
smooth(const struct mpm_ndarray *in, double *out)
{
    for (int64_t row = 0; row < in->shape[0]; row++)
        for (int64_t column = 0; column < in->shape[1]; column++) {
            double sum = 0;
            int n = 0;

            for (int64_t r = row - 1; r <= row + 1; r++)
                for (int64_t c = column - 1; c <= column + 1; c++)
                    if (r >= 0 && r < in->shape[0] && c >= 0 && c < in->shape[1]) {
                        sum += item(in, r, c);
                        n++;
                    }
            *out++ = sum / n;
        }
}

int
main(int argc, char **argv)
{
    const char *key = getenv("MPMD_AUTHKEY");
    struct mpm_client_options options = { .size = sizeof options, .authkey = key };
    struct mpm_proxy *in, *out;
    struct mpm_client *client;
    struct mpm_builder *reply;
    struct mpm_document *message;
    struct mpm_error err = { 0 };

    if (argc != 2 || key == NULL)
        return fprintf(stderr, "usage: MPMD_AUTHKEY=KEY ndarray ADDRESS\n"), 2;
    options.authkey_len = strlen(key);
    check(mpm_client_open(argv[1], &options, &client, &err), &err);
    check(mpm_create(client, "get_in", NULL, NULL, &in, &err), &err);
    check(mpm_create(client, "get_out", NULL, NULL, &out, &err), &err);
    mpm_client_builder(client, &reply);
    for (;;) {
        struct mpm_ndarray a, smoothed;

        check(mpm_queue_get(in, MPM_FOREVER, &message, &err), &err);
        if (mpm_kind(mpm_document_root(message)) == MPM_K_NONE)
            break;
        mpm_builder_clear(reply);
        if (mpm_read_ndarray(mpm_document_root(message), &a, &err) != 0) {
            mpm_put_string(reply, err.text);
        } else if (a.kind != 'f' || a.itemsize != sizeof(double) || a.byteorder != '<' || a.ndim != 2) {
            mpm_put_string(reply, "give a matrix of float64");
            mpm_free(a.copy);
        } else {
            double *items = malloc(a.size + 1);

            if (items == NULL)
                return 1;
            smooth(&a, items);
            smoothed = a;
            smoothed.data = items;
            smoothed.fortran = 0;
            mpm_put_ndarray(reply, &smoothed);
            free(items);
            mpm_free(a.copy);
        }
        check(mpm_queue_put(out, reply, MPM_FOREVER, &err), &err);
        mpm_document_close(message);
    }
    mpm_document_close(message);
    mpm_builder_close(reply);
    mpm_proxy_close(in);
    mpm_proxy_close(out);
    mpm_client_close(client);
    return 0;
}

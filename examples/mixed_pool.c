/*
 * mixed_pool.c - a worker in C beside workers in Python: see mixed_pool.py, which starts it.
 *
 * Usage: mixed_pool ADDRESS JOBS LOCK BARRIER RESULTS FILE
 * The four objects are given as typeid:ident; the key is in MPMD_AUTHKEY.
 * Build: cc mixed_pool.c $(pkg-config --cflags --libs mpmd)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mpmd/mpmd.h>

enum { ADDRESS = 1, JOBS, LOCK, BARRIER, RESULTS, FILE_NAME, N_ARGS };

static struct mpm_error err;
static struct mpm_proxy *object[N_ARGS];

/* A line in the file that all workers write to. */
static int
note(const char *file, int64_t n)
{
    int r = mpm_lock_acquire(object[LOCK], MPM_FOREVER, &err);
    FILE *f = r == 0 ? fopen(file, "a") : NULL;

    if (f != NULL) {
        fprintf(f, "C %lld\n", (long long)n);
        fclose(f);
    }
    return r == 0 ? mpm_lock_release(object[LOCK], &err) : r;
}

/* results[n] = ("C", n * n) */
static int
store(struct mpm_client *client, int64_t n)
{
    struct mpm_builder *key = NULL, *value = NULL;
    int r = mpm_client_builder(client, &key);

    if (r == 0 && (r = mpm_client_builder(client, &value)) == 0) {
        mpm_put_int(key, n);
        mpm_put_begin(value, MPM_K_TUPLE);
        mpm_put_string(value, "C");
        mpm_put_int(value, n * n);
        mpm_put_end(value);
        r = mpm_dict_set_at(object[RESULTS], key, value, &err);
    }
    mpm_builder_close(key);
    mpm_builder_close(value);
    return r;
}

/* Takes jobs until a None comes. After its first one each worker waits for the others. */
static int
work(struct mpm_client *client, const char *file)
{
    struct mpm_document *item;
    int64_t n, place;
    int r, is_number, is_first = 1;

    for (;;) {
        r = mpm_queue_get(object[JOBS], MPM_FOREVER, &item, &err);
        if (r != 0)
            return r;
        is_number = mpm_read_int64(mpm_document_root(item), &n) == 0;
        mpm_document_close(item);
        if (is_number && ((r = store(client, n)) != 0 || (r = note(file, n)) != 0))
            return r;
        r = mpm_queue_task_done(object[JOBS], &err);
        if (r != 0 || !is_number)
            return r;
        if (is_first && (r = mpm_barrier_wait(object[BARRIER], MPM_FOREVER, &place, &err)) != 0)
            return r;
        is_first = 0;
    }
}

int
main(int argc, char **argv)
{
    const char *key = getenv("MPMD_AUTHKEY");
    struct mpm_client_options options = { .size = sizeof options, .authkey = key,
        .authkey_len = key != NULL ? strlen(key) : 0 };
    struct mpm_client *client = NULL;
    int r;

    if (argc != N_ARGS)
        return fprintf(stderr, "usage: mixed_pool ADDRESS JOBS LOCK BARRIER RESULTS FILE\n"), 2;
    r = mpm_client_open(argv[ADDRESS], &options, &client, &err);
    for (int i = JOBS; r == 0 && i <= RESULTS; i++)
        r = mpm_proxy_from_token(client, argv[i], &object[i], &err);
    if (r == 0)
        r = work(client, argv[FILE_NAME]);
    if (r != 0)
        fprintf(stderr, "mixed_pool: %s\n", err.text[0] != '\0' ? err.text : mpm_error_text(r));
    for (int i = JOBS; i <= RESULTS; i++)
        mpm_proxy_close(object[i]);
    mpm_client_close(client);
    return r != 0;
}

/*
 * stock_worker.c - a worker in C for a Python program that has never heard of mpmd.
 *
 *     cc stock_worker.c -o stock_worker $(pkg-config --cflags --libs mpmd)
 *     MPMD_AUTHKEY=secret ./stock_worker 127.0.0.1:50000
 *
 * The program's manager is Python's own (CPython 2.7 to 3.14). It offers two queues by name and a lock: `get_jobs`, of
 * (id, text) pairs that end with None, `get_results` for (id, words, letters), and `get_lock`, held while a line is
 * appended to the file that the dict `get_options` names as 'journal'. examples/stock_program.py is such a program.
 */
#include <mpmd/mpmd.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
check(int r, const struct mpm_error *err)
{
    if (r == 0)
        return;
    fprintf(stderr, "stock_worker: %s\n", err->text);
    exit(1);
}

/* The job's parts: 0, or 1 when it is None, the end. */
static int
read_job(struct mpm_document *document, int64_t *id, const char **text, size_t *len)
{
    struct mpm_ref *parts = NULL, job = mpm_document_root(document);
    size_t n;
    int r;

    if (mpm_kind(job) == MPM_K_NONE)
        return 1;
    r = mpm_read_parts(job, &parts, &n);
    if (r == 0 && (n != 2 || mpm_read_int64(parts[0], id) != 0 || mpm_read_text(parts[1], text, len) != 0))
        r = MPM_ETYPE;
    mpm_free(parts);
    if (r != 0) {
        fprintf(stderr, "stock_worker: a job that is no (id, text)\n");
        exit(1);
    }
    return 0;
}

static void
count(const char *text, size_t len, int64_t *words, int64_t *letters)
{
    *words = *letters = 0;
    for (size_t i = 0; i < len; i++) {
        *letters += isalpha((unsigned char)text[i]) != 0;
        *words += text[i] != ' ' && (i == 0 || text[i - 1] == ' ');
    }
}

int
main(int argc, char **argv)
{
    const char *key = getenv("MPMD_AUTHKEY"), *text;
    struct mpm_client_options options = { .size = sizeof options, .authkey = key };
    struct mpm_proxy *jobs, *results, *lock, *settings;
    struct mpm_document *job;
    struct mpm_client *client;
    struct mpm_builder *result;
    struct mpm_error err = { 0 };
    int64_t id, words, letters, done = 0;
    char *journal;
    size_t len;

    if (argc != 2 || key == NULL)
        return fprintf(stderr, "usage: MPMD_AUTHKEY=KEY stock_worker ADDRESS\n"), 2;
    options.authkey_len = strlen(key);
    check(mpm_client_open(argv[1], &options, &client, &err), &err);
    check(mpm_create(client, "get_jobs", NULL, NULL, &jobs, &err), &err);
    check(mpm_create(client, "get_results", NULL, NULL, &results, &err), &err);
    check(mpm_create(client, "get_lock", NULL, NULL, &lock, &err), &err);
    check(mpm_create(client, "get_options", NULL, NULL, &settings, &err), &err);
    check(mpm_dict_get_text(settings, "journal", &journal, &err), &err);
    mpm_client_builder(client, &result);

    for (;; done++) {
        FILE *file;

        check(mpm_queue_get(jobs, MPM_FOREVER, &job, &err), &err);
        if (read_job(job, &id, &text, &len) != 0)
            break;
        count(text, len, &words, &letters);
        check(mpm_lock_acquire(lock, MPM_FOREVER, &err), &err);
        if ((file = fopen(journal, "a")) != NULL) {
            fprintf(file, "C %lld\n", (long long)id);
            fclose(file);
        }
        check(mpm_lock_release(lock, &err), &err);

        mpm_builder_clear(result);
        mpm_put_begin(result, MPM_K_TUPLE);
        mpm_put_int(result, id);
        mpm_put_int(result, words);
        mpm_put_int(result, letters);
        mpm_put_end(result);
        check(mpm_queue_put(results, result, MPM_FOREVER, &err), &err);
        mpm_document_close(job);
    }
    mpm_document_close(job);
    printf("%lld jobs done\n", (long long)done);
    mpm_builder_close(result);
    mpm_free(journal);
    mpm_proxy_close(jobs);
    mpm_proxy_close(results);
    mpm_proxy_close(lock);
    mpm_proxy_close(settings);
    mpm_client_close(client);
    return 0;
}

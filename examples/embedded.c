/*
 * embedded.c - a C program that hosts the server inside itself, and Python workers that find it.
 *
 *     cc embedded.c -o embedded $(pkg-config --cflags --libs mpmd) -pthread
 *     MPMD_AUTHKEY=secret ./embedded           prints its address, and waits until 100 jobs are done
 *     MPMD_AUTHKEY=secret MPMD_ADDRESS=... python3 embedded.py       as often as you like
 *
 * The server has a thread of its own. The main thread is a client like any other: it fills the queue `jobs` with
 * numbers, waits until the workers have counted all of them off, and adds up what they put into the dict `results`.
 */
#include <mpmd/mpmd.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOBS 100

static void
check(int r, const struct mpm_error *err)
{
    if (r == 0)
        return;
    fprintf(stderr, "embedded: %s\n", err->text);
    exit(1);
}

static void
log_line(void *user, enum mpm_log_level level, const char *area, const char *text)
{
    (void)user;
    fprintf(stderr, "%s: %s: %s\n", level <= MPM_LOG_WARNING ? "warning" : "info", area, text);
}

static void *
serve(void *server)
{
    mpm_server_run(server, NULL);
    return NULL;
}

int
main(void)
{
    static const char *const registered[] = { "get_jobs=JoinableQueue", "get_results=dict" };
    const char *key = getenv("MPMD_AUTHKEY");
    struct mpm_server_options options = {
        .size = sizeof options, .authkey = key, .authkey_len = key != NULL ? strlen(key) : 0,
        .registrations = registered, .n_registrations = 2,
        .on_owner_death = MPM_DEATH_RELEASE, .log = log_line, .log_level = MPM_LOG_WARNING,
    };
    struct mpm_client_options me = { .size = sizeof me, .authkey = key, .authkey_len = options.authkey_len };
    struct mpm_server *server;
    struct mpm_client *client;
    struct mpm_proxy *jobs, *results;
    struct mpm_builder *job;
    struct mpm_error err = { 0 };
    int64_t sum = 0, square;
    pthread_t thread;

    check(mpm_server_open(&options, &server, &err), &err);
    pthread_create(&thread, NULL, serve, server);
    check(mpm_client_open(mpm_server_address(server, 0), &me, &client, &err), &err);
    check(mpm_create(client, "get_jobs", NULL, NULL, &jobs, &err), &err);
    check(mpm_create(client, "get_results", NULL, NULL, &results, &err), &err);
    mpm_client_builder(client, &job);
    for (int i = 0; i < JOBS; i++) {
        mpm_builder_clear(job);
        mpm_put_int(job, i);
        check(mpm_queue_put(jobs, job, MPM_FOREVER, &err), &err);
    }
    puts(mpm_server_address(server, 0));
    fflush(stdout);
    check(mpm_queue_join(jobs, &err), &err);

    for (int i = 0; i < JOBS; i++) {
        char name[16];

        snprintf(name, sizeof name, "%d", i);
        check(mpm_dict_get_int(results, name, &square, &err), &err);
        sum += square;
    }
    printf("the squares of 0 to %d add up to %lld\n", JOBS - 1, (long long)sum);

    mpm_builder_close(job);
    mpm_proxy_close(jobs);
    mpm_proxy_close(results);
    mpm_client_close(client);
    mpm_server_stop(server);
    pthread_join(thread, NULL);
    mpm_server_close(server);
    return 0;
}

/* turn.h - one turn of a client program: its time, its own processor time and its server's, written as bench/load.c
 * writes them. */
#ifndef MPM_BENCH_TURN_H
#define MPM_BENCH_TURN_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct turn {
    int64_t wall_ns, cpu_ns, server_ns;
    const char *pid; /* of the server, whose work is done by its first thread; NULL: not asked for */
};

static inline int64_t
turn_clock(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline int64_t
turn_server_ns(const char *pid)
{
    char path[64];
    long long ns = 0;
    FILE *file;

    if (pid == NULL)
        return 0;
    snprintf(path, sizeof path, "/proc/%s/schedstat", pid);
    if ((file = fopen(path, "r")) == NULL || fscanf(file, "%lld", &ns) != 1) {
        perror(path);
        exit(1);
    }
    fclose(file);
    return ns;
}

static inline struct turn
turn_begin(const char *pid)
{
    struct turn t = { .server_ns = turn_server_ns(pid), .pid = pid };

    t.cpu_ns = turn_clock(CLOCK_PROCESS_CPUTIME_ID);
    t.wall_ns = turn_clock(CLOCK_MONOTONIC);
    return t;
}

static inline void
turn_end(struct turn start, long n_operations)
{
    int64_t wall_ns = turn_clock(CLOCK_MONOTONIC) - start.wall_ns;
    int64_t cpu_ns = turn_clock(CLOCK_PROCESS_CPUTIME_ID) - start.cpu_ns;
    int64_t server_ns = turn_server_ns(start.pid) - start.server_ns;
    double n = (double)n_operations;

    printf("operations=%ld seconds=%.6f per_second=%.1f cpu_us=%.2f server_us=%.2f\n", n_operations,
        (double)wall_ns / 1e9, n * 1e9 / (double)wall_ns, (double)cpu_ns / 1e3 / n, (double)server_ns / 1e3 / n);
}

#endif

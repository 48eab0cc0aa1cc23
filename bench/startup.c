/*
 * startup.c - how long a server takes from exec to ready: until it has written its first line to standard output.
 * Usage: startup TIMES PROGRAM ARGUMENT...; each one is ended with SIGTERM. Prints one line of key=value.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double
now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* The clock starts in the child, right before exec: what fork costs is the parent's size, not the server's. */
static double
start_once(char **argv)
{
    int ready[2];
    double began, took = -1;
    char line[4096];
    pid_t pid;

    if (pipe2(ready, O_CLOEXEC) != 0 || (pid = fork()) < 0)
        return -1;
    if (pid == 0) {
        dup2(ready[1], STDOUT_FILENO);
        began = now_ms();
        if (write(STDOUT_FILENO, &began, sizeof began) == sizeof began)
            execvp(argv[0], argv);
        _exit(127);
    }
    close(ready[1]);
    if (read(ready[0], &began, sizeof began) == sizeof began && read(ready[0], line, sizeof line) > 0)
        took = now_ms() - began;
    close(ready[0]);
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
    return took;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

int
main(int argc, char **argv)
{
    int times = argc > 2 ? atoi(argv[1]) : 0;
    double *took = calloc((size_t)times + 1, sizeof *took);

    if (times <= 0 || took == NULL) {
        fprintf(stderr, "usage: startup TIMES PROGRAM ARGUMENT...\n");
        return 2;
    }
    for (int i = 0; i < times; i++) {
        took[i] = start_once(argv + 2);
        if (took[i] < 0) {
            fprintf(stderr, "startup: %s did not become ready\n", argv[2]);
            return 1;
        }
    }
    qsort(took, (size_t)times, sizeof *took, compare);
    printf("starts=%d p50_ms=%.3f min_ms=%.3f max_ms=%.3f\n", times, took[times / 2], took[0], took[times - 1]);
    return 0;
}

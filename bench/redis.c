/*
 * redis.c - hiredis at the jobs of bench/client.c, for bench/clients.py: one connection, one command at a time. Program
 * of its own, built only where hiredis is.
 */
#include <hiredis.h>

#include <stdlib.h>
#include <string.h>

#include "turn.h"

#define N_KEYS 1000

static char keys[N_KEYS][16];

static redisReply *
checked(redisContext *c, void *reply)
{
    redisReply *r = reply;

    if (r == NULL || r->type == REDIS_REPLY_ERROR || r->type == REDIS_REPLY_NIL) {
        fprintf(stderr, "redis: %s\n", r == NULL ? c->errstr : r->type == REDIS_REPLY_NIL ? "nothing there" : r->str);
        exit(1);
    }
    return r;
}

/* Usage: redis SOCKET PID JOB OPERATIONS; the server's pid. */
int
main(int argc, char **argv)
{
    long n = argc == 5 ? strtol(argv[4], NULL, 10) : 0, sum = 0;
    redisContext *c;
    struct turn turn;

    if (n <= 0)
        return 2;
    c = redisConnectUnix(argv[1]);
    if (c == NULL || c->err != 0) {
        fprintf(stderr, "redis: %s: %s\n", argv[1], c != NULL ? c->errstr : "no memory");
        return 1;
    }
    for (int i = 0; i < N_KEYS; i++) {
        snprintf(keys[i], sizeof keys[i], "key%03d", i);
        freeReplyObject(checked(c, redisCommand(c, "SET %s %d", keys[i], 100000 + i)));
    }
    turn = turn_begin(argv[2]);
    for (long i = 0; i < n; i++) {
        const char *key = keys[i * 389 % N_KEYS];
        redisReply *r;

        if (strcmp(argv[3], "set") == 0) {
            r = checked(c, redisCommand(c, "SET %s %ld", key, 100000 + i));
        } else if (strcmp(argv[3], "get") == 0) {
            r = checked(c, redisCommand(c, "GET %s", key));
            sum += strtol(r->str, NULL, 10);
        } else {
            freeReplyObject(checked(c, redisCommand(c, "RPUSH list %ld", 100000 + i)));
            r = checked(c, redisCommand(c, "RPOP list"));
            sum += strtol(r->str, NULL, 10);
        }
        freeReplyObject(r);
    }
    turn_end(turn, n);
    redisFree(c);
    return sum < 0;
}

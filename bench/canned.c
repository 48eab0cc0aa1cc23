/*
 * canned.c - the limit: a server on mpmd's own network layer that answers every frame with a reply made before. It
 * checks nothing, knows no key, no pickle and no object. Program of its own.
 *
 * With --key it does prove the key, to a client that wants it proved: the handshake is none of what is measured then.
 *
 * What a server does beyond this is what its work costs. The replies come from a file that load.c saved from a real
 * server, so that as many bytes travel. With --copies it copies what arrives, as whoever keeps it has to.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/alloc.h"
#include "net/address.h"
#include "net/conn.h"
#include "net/folder.h"
#include "net/listener.h"
#include "hash/digest.h"
#include "wire/auth.h"

struct reply {
    const uint8_t *bytes; /* a whole frame, or nothing */
    size_t len;
};

struct client {
    struct mpm_conn conn;
    uint32_t n_answered;   /* frames of this connection */
    uint8_t header[4];
    uint8_t header_len;
    bool closes;
    size_t missing;        /* bytes of the frame under way */
    uint32_t role;
    struct reply out;      /* what is left to send */
    struct mpm_auth auth;  /* --key */
    uint8_t body[MPM_AUTH_FRAME_MAX]; /* --key: the frame under way, then the answer to it */
    size_t body_len;
};

static const struct reply challenge = {(const uint8_t *)"\0\0\0\x3b#CHALLENGE#{sha256}0123456789012345678901234567890123456789", 63};
/* To the answer to our challenge, to the peer's challenge, to its verdict. */
static const struct reply handshake[] = {
    {(const uint8_t *)"\0\0\0\x09#WELCOME#", 13},
    {(const uint8_t *)"\0\0\0\x28{sha256}01234567890123456789012345678901", 44},
    {NULL, 0},
};
#define N_HANDSHAKE (sizeof handshake / sizeof *handshake)

static struct reply *replies; /* on a data connection: to accept_connection, then to the others in turn */
static size_t n_replies, n_sent, n_roles = 1, n_accepted;
static bool one_shot, copies;
static const char *key; /* NULL: the handshake is canned, too */
static uint8_t copy[2 << 20]; /* --copies: what arrived, and what goes out for long replies */

/* What the handshake has to say is moved out of `say`. */
static void
speak(struct client *c, struct mpm_buf *say)
{
    c->out = (struct reply){c->body, say->len};
    if (say->error != 0 || say->len > sizeof c->body)
        exit(1);
    memcpy(c->body, say->data, say->len);
    mpm__buf_wipe(say);
    c->body_len = 0;
}

static void
prove(struct client *c)
{
    struct mpm_buf say;
    int r;

    mpm__buf_init(&say, 0);
    r = mpm__auth_feed(&c->auth, (const uint8_t *)key, strlen(key), c->body, c->body_len, &say, NULL);
    if (r == 0 || r == MPM_EAGAIN)
        speak(c, &say);
    else
        c->closes = true;
}

static void
answer(struct client *c)
{
    size_t n = c->n_answered++;

    if (n < N_HANDSHAKE && key != NULL) {
        prove(c);
    } else if (n < N_HANDSHAKE) {
        c->out = handshake[n];
    } else if (one_shot) {
        c->out = replies[n_sent++ % n_replies];
        c->closes = true;
    } else {
        n -= N_HANDSHAKE;
        if (n != 0)
            n = 1 + (n_roles > 1 ? c->role : (n - 1) % (n_replies - 1));
        c->out = replies[n];
        if (copies && c->out.len > 4096 && c->out.len <= sizeof copy) {
            memcpy(copy, c->out.bytes, 64);
            c->out.bytes = copy;
        }
    }
}

static void
on_bytes(struct mpm_conn *conn, const uint8_t *bytes, size_t len)
{
    struct client *c = (struct client *)conn;
    size_t n;

    while (len != 0) {
        if (c->header_len < 4) {
            c->header[c->header_len++] = *bytes++;
            len--;
            if (c->header_len == 4)
                c->missing = (size_t)c->header[0] << 24 | (size_t)c->header[1] << 16 | (size_t)c->header[2] << 8 | c->header[3];
            continue;
        }
        n = len < c->missing ? len : c->missing;
        if (copies && c->missing <= sizeof copy)
            memcpy(copy + sizeof copy - c->missing, bytes, n);
        if (key != NULL && c->n_answered < N_HANDSHAKE && n <= sizeof c->body - c->body_len) {
            memcpy(c->body + c->body_len, bytes, n);
            c->body_len += n;
        }
        bytes += n;
        len -= n;
        c->missing -= n;
        if (c->missing == 0) {
            c->header_len = 0;
            answer(c);
        }
    }
}

static size_t
output(struct mpm_conn *conn, struct iovec *pieces, size_t n_max)
{
    struct client *c = (struct client *)conn;

    (void)n_max;
    pieces[0] = (struct iovec){(void *)(uintptr_t)c->out.bytes, c->out.len};
    return c->out.len != 0;
}

static bool
sent(struct mpm_conn *conn, size_t n)
{
    struct client *c = (struct client *)conn;

    c->out.bytes += n;
    c->out.len -= n;
    return c->out.len != 0;
}

static bool
is_closing(struct mpm_conn *conn)
{
    return ((struct client *)conn)->closes;
}

static bool
wants_quickack(struct mpm_conn *conn)
{
    return ((struct client *)conn)->n_answered <= N_HANDSHAKE;
}

static void
greet(struct client *c)
{
    uint8_t nonce[MPM_AUTH_NONCE] = {0}, text[MPM_AUTH_CHALLENGE_MAX];
    struct mpm_buf say;

    mpm__buf_init(&say, 0);
    mpm__auth_init(&c->auth, MPM_AUTH_LISTENER, text, mpm__auth_challenge(text, nonce), &say);
    speak(c, &say);
}

static void
on_accept(struct mpm_listener *l, int fd, const struct mpm_address *peer, void *user)
{
    struct client *c = (struct client *)mpm__conn_new(user, sizeof *c, fd, !mpm__address_is_unix(peer));

    (void)l;
    if (c != NULL) {
        c->out = challenge;
        if (key != NULL)
            greet(c);
        c->role = (uint32_t)(n_accepted++ % n_roles);
        mpm__conn_start(&c->conn);
    }
}

static void
read_replies(const char *path)
{
    static uint8_t bytes[4 << 20];
    FILE *file = fopen(path, "rb");
    size_t n = file != NULL ? fread(bytes, 1, sizeof bytes, file) : 0;

    if (file != NULL)
        fclose(file);
    for (size_t at = 0; at < n; at += replies[n_replies++].len) {
        const uint8_t *p = bytes + at;

        replies = mpm__resize(replies, n_replies + 1, sizeof *replies);
        replies[n_replies] = (struct reply){p, 4 + ((size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3])};
    }
    if (n_replies < (one_shot ? 1 : 2)) {
        fprintf(stderr, "canned: %s: no replies in it\n", path);
        exit(1);
    }
}

int
main(int argc, char **argv)
{
    static const struct mpm_conn_calls calls = {.on_bytes = on_bytes, .output = output, .sent = sent,
        .is_closing = is_closing, .wants_quickack = wants_quickack};
    static const struct option table[] = {{"listen", required_argument, NULL, 'l'},
        {"replies", required_argument, NULL, 'r'}, {"one-shot", no_argument, NULL, '1'}, {"copies", no_argument, NULL, 'c'},
        {"roles", required_argument, NULL, 'R'},
        {"key", required_argument, NULL, 'k'}, {0}};
    const char *file = "";
    struct mpm_address address = {0};
    struct mpm_error err = {0};
    struct mpm_folder folder;
    struct mpm_listener *l;
    struct mpm_net net;
    struct rlimit limit;
    int option;

    while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
        if (option == 'l' && mpm__address_parse(optarg, &address, &err) != 0)
            goto failed;
        else if (option == 'r')
            file = optarg;
        else if (option == 'k')
            key = optarg;
        else if (option == 'R')
            n_roles = strtoul(optarg, NULL, 10);
        else if (option == 'c')
            copies = true;
        else if (option == '1')
            one_shot = true;
        else if (option == '?')
            return 2;
    }
    read_replies(file);
    if (key != NULL && mpm__hash_setup() != 0)
        return 1;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (address.len == 0) {
        if (mpm__folder_open(&folder, &err) != 0)
            goto failed;
        mpm__folder_address(&folder, &address);
    }
    if (mpm__net_init(&net, uv_default_loop(), &calls, NULL) != 0 ||
        mpm__listener_open(net.loop, &address, on_accept, NULL, &net, &l, &err) != 0)
        goto failed;
    puts(mpm__listener_text(l));
    fclose(stdout);
    return uv_run(net.loop, UV_RUN_DEFAULT);

failed:
    fprintf(stderr, "canned: %s\n", err.text);
    return 1;
}

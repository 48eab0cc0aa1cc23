/* fuzz_client.c - whatever a server sends, a client neither crashes nor leaks nor takes more memory than what came
 * justifies, and each call ends once. Input: one byte, then all that the server ever sends before it closes:
 *   0     the handshake of a new connection; it can only fail, for our challenge is new each time
 *   1     replies to blocking calls, the connection is open   2  ...to started calls, taken as they come
 *   3     as 2, with calls that wait between the others       4  replies to create and to a call that returns a proxy */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "client/client.h"
#include "client/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define CHECK(condition)  \
    do {                  \
        if (!(condition)) \
            abort();      \
    } while (0)

#define LEN_MAX 65536 /* fits into a socket */
#define N_CALLS 6
#define BESIDE (512 << 10) /* buffers that do not depend on what comes */

static long n_live;
static size_t largest;

static int
on_alloc(size_t size)
{
    if (size > largest)
        largest = size;
    return 0;
}

static void
on_change(int change)
{
    n_live += change;
}

static void
look(struct mpm_document *d)
{
    struct mpm_ref root = mpm_document_root(d), *parts;
    size_t n, len;
    char *text;

    if (mpm_kind(root) > 0 && mpm_read_parts(root, &parts, &n) == 0) {
        for (size_t i = 0; i < n; i++)
            CHECK(mpm_kind(parts[i]) > 0);
        mpm_free(parts);
    }
    if (mpm_repr(root, &text, &len) == 0)
        mpm_free(text);
    mpm_document_close(d);
}

/* What a failure says is a text, and fits to its code. */
static void
check_failure(struct mpm_client *c, int r, const struct mpm_error *err)
{
    const struct mpm_exception *e = mpm_client_exception(c);

    CHECK(r < 0 && err->code == r && memchr(err->text, '\0', sizeof err->text) != NULL && err->text[0] != '\0');
    CHECK((r == MPM_EREMOTE) == (e != NULL));
    if (e != NULL) {
        CHECK(strlen(e->type) > 0 && e->text != NULL);
        if (e->args.doc != NULL)
            CHECK(mpm_kind(e->args) > 0);
    }
}

static void
shake_hands(int fd)
{
    struct mpm_connection_options options = { .size = sizeof options, .authkey = "key", .authkey_len = 3 };
    struct mpm_connection *connection;
    struct mpm_error err;
    int r;

    CHECK(mpm_connection_adopt(fd, 0, &options, &connection, NULL) == 0);
    do
        r = mpm_connection_advance(connection, &err);
    while (r == MPM_EAGAIN);
    CHECK(r < 0);
    mpm_connection_close(connection);
}

static void
call(struct mpm_client *c, struct mpm_proxy *p)
{
    struct mpm_error err;
    struct mpm_document *d;
    int r;

    for (int i = 0; i < N_CALLS && c->data != NULL; i++) {
        r = mpm_call(p, "get", NULL, NULL, MPM_FOREVER, i % 2 == 0 ? &d : NULL, &err);
        if (r != 0)
            check_failure(c, r, &err);
        else if (i % 2 == 0)
            look(d);
    }
}

static void
start(struct mpm_client *c, struct mpm_proxy *p, bool waiting)
{
    struct mpm_error err;
    struct mpm_document *d;
    void *who;
    int r, n_started = 0, n = 0;

    while (n_started < N_CALLS && mpm_start(p, waiting && n_started % 3 == 1 ? "wait" : "append", NULL, NULL,
        (void *)(intptr_t)n_started, &err) == 0)
        n_started++;
    while ((r = mpm_take(c, MPM_FOREVER, &who, &d, &err)) != MPM_EEMPTY) {
        CHECK((intptr_t)who == n++ && r != MPM_ETIMEOUT);
        if (r != 0)
            check_failure(c, r, &err);
        else
            look(d);
    }
    CHECK(n == n_started);
    (void)mpm_client_advance(c, &err);
}

static void
make(struct mpm_client *c)
{
    struct mpm_patience patience = mpm__patience(MPM_FOREVER);
    struct mpm_proxy *p;
    struct mpm_document *d;
    struct mpm_error err;
    bool is_proxy, left;
    int r;

    for (int i = 0; i < 2; i++) {
        CHECK(mpm__request_write(c, NULL, "create", "list", NULL, NULL, &err) == 0);
        r = mpm__exchange(c, c->data, &patience, MPM_WANTED_VALUE, &is_proxy, &d, &left, &err);
        if (r != 0)
            return;
        r = i == 0 ? mpm__created_take(c, "list", d, &p, &err) : mpm__proxy_make(c, "__iter__", d, &p, &err);
        if (r == 0) {
            CHECK(strlen(p->ident) < MPM_IDENT_MAX && strstr(mpm_proxy_token(p), "@x") != NULL);
            mpm__free(p); /* its reference cannot be given back here */
        }
    }
}

static struct mpm_client *
make_client(int fd)
{
    struct mpm_client *c = mpm__array(1, sizeof *c);

    CHECK(c != NULL && mpm_connection_adopt(fd, 0, NULL, &c->data, NULL) == 0);
    c->address = mpm__alloc(2); /* where nobody listens: a lost connection stays so */
    strcpy(c->address, "x");
    c->options.size = sizeof c->options;
    c->connect_timeout_ns = 1000000;
    c->protocol = 4;
    c->state = MPM_DATA_READY;
    c->used_ns = mpm__now_ns();
    return c;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct mpm_client *c;
    struct mpm_proxy *p;
    int fds[2], mode;

    if (len < 2)
        return 0;
    mode = *bytes++ % 5;
    len = len - 1 < LEN_MAX ? len - 1 : LEN_MAX;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    CHECK(send(fds[1], bytes, len, MSG_DONTWAIT) == (ssize_t)len && shutdown(fds[1], SHUT_WR) == 0);
    n_live = 0;
    largest = 0;
    mpm__alloc_hook = on_alloc;
    mpm__alloc_live_hook = on_change;
    if (mode == 0) {
        shake_hands(fds[0]);
    } else {
        c = make_client(fds[0]);
        p = mpm__array(1, sizeof *p + 16);
        CHECK(p != NULL);
        p->client = c;
        strcpy(p->ident, "1");
        strcpy(p->token, "list:1@x");
        p->typeid_len = 4;
        if (mode == 1)
            call(c, p);
        else if (mode == 4)
            make(c);
        else
            start(c, p, mode == 3);
        mpm__free(p);
        mpm_client_close(c);
    }
    mpm__alloc_hook = NULL;
    mpm__alloc_live_hook = NULL;
    close(fds[1]);
    CHECK(n_live == 0);
    CHECK(largest <= 64 * len + BESIDE);
    return 0;
}

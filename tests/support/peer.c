/* peer.c - a client without a socket. */
#include "peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "hash/digest.h"
#include "value/repr.h"
#include "wire/frame.h"

static void
need(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "peer.c: %s\n", what);
        abort();
    }
}

void
mpm_test_hub_options(struct mpm_hub_options *options)
{
    need(mpm__hash_setup() == 0, "hash set-up");
    *options = (struct mpm_hub_options){ .authkey = (const uint8_t *)MPM_TEST_KEY, .authkey_len = strlen(MPM_TEST_KEY),
        .max_message = 1 << 20, .auth_timeout_ns = MPM_FOREVER };
}

int (*mpm_test_server_alloc_hook)(size_t size);

/* The server's own allocations may be made to fail, ours not. */
#define SERVER(statement) \
    do { \
        mpm__alloc_hook = mpm_test_server_alloc_hook; \
        statement; \
        mpm__alloc_hook = NULL; \
    } while (0)

static struct mpm_session *
next_ready(struct mpm_hub *hub)
{
    struct mpm_session *s;

    SERVER(s = mpm__hub_next_ready(hub));
    return s;
}

static void
collect(struct mpm_peer_client *p)
{
    struct mpm_piece pieces[4];
    size_t n;

    while (p->session != NULL && mpm__session_has_output(p->session)) {
        n = mpm__session_output(p->session, pieces, 4);
        need(n != 0, "output without pieces");
        mpm__buf_put(&p->in, pieces[0].bytes, pieces[0].len);
        mpm__session_sent(p->session, pieces[0].len);
    }
    if (p->session != NULL && mpm__session_is_closing(p->session))
        p->is_closed = true;
}

void
mpm_test_drain(struct mpm_peer_client *p)
{
    while (next_ready(p->hub) != NULL)
        ;
    collect(p);
}

/* The next whole frame in p->in; NULL: none. */
static const uint8_t *
next_frame(struct mpm_peer_client *p, size_t *len)
{
    if (p->in.len < 4)
        return NULL;
    *len = (size_t)p->in.data[0] << 24 | (size_t)p->in.data[1] << 16 | (size_t)p->in.data[2] << 8 | p->in.data[3];
    return p->in.len - 4 >= *len ? p->in.data + 4 : NULL;
}

void
mpm_test_send(struct mpm_peer_client *p, const void *body, size_t len)
{
    uint8_t header[MPM_FRAME_HEADER_MAX];
    size_t header_len = mpm__frame_header(header, len);

    SERVER(mpm__session_feed(p->session, header, header_len, p->now_ns));
    SERVER(mpm__session_feed(p->session, body, len, p->now_ns));
    mpm_test_drain(p);
}

bool
mpm_test_connect(struct mpm_peer_client *p, struct mpm_hub *hub, int64_t pid)
{
    struct mpm_peer peer = { pid, pid != 0 ? "unix" : "127.0.0.1:1" };
    uint8_t nonce[MPM_AUTH_NONCE] = { 1, 2, 3 }, challenge[MPM_AUTH_CHALLENGE_MAX];
    struct mpm_auth auth;
    struct mpm_buf out;
    const uint8_t *body;
    size_t len;
    int r = MPM_EAGAIN;
    int64_t now_ns = p->now_ns;
    uint8_t protocol = p->protocol != 0 ? p->protocol : 4;

    *p = (struct mpm_peer_client){ .hub = hub, .now_ns = now_ns, .protocol = protocol };
    SERVER(p->session = mpm__session_new(hub, &peer, nonce, p->now_ns, p));
    need(p->session != NULL || mpm_test_server_alloc_hook != NULL, "no session");
    if (p->session == NULL) {
        p->is_closed = true;
        return false;
    }
    mpm__buf_init(&out, 0);
    mpm__auth_init(&auth, MPM_AUTH_CLIENT, challenge, mpm__auth_challenge(challenge, nonce), &out);
    collect(p);
    while (r == MPM_EAGAIN && (body = next_frame(p, &len)) != NULL) {
        r = mpm__auth_feed(&auth, (const uint8_t *)MPM_TEST_KEY, strlen(MPM_TEST_KEY), body, len, &out, NULL);
        mpm__buf_shift(&p->in, len + 4);
        SERVER(mpm__session_feed(p->session, out.data, out.len, p->now_ns));
        mpm__buf_clear(&out);
        collect(p);
    }
    need(r == 0 || mpm_test_server_alloc_hook != NULL, "the server refused the key");
    mpm__buf_wipe(&out);
    return r == 0 && !p->is_closed;
}

void
mpm_test_request(struct mpm_peer_client *p, const char *first, const char *name, const char *args, size_t args_len,
    const char *kwds, size_t kwds_len)
{
    struct mpm_buf b;
    struct mpm_writer w = { .out = &b, .protocol = p->protocol };

    mpm__buf_init(&b, 0);
    mpm__buf_u8(&b, 0x80);
    mpm__buf_u8(&b, p->protocol);
    mpm_write_mark(&w);
    if (first != NULL)
        mpm_write_native(&w, first);
    else
        mpm_write_none(&w);
    mpm_write_native(&w, name);
    mpm__buf_put(&b, args != NULL ? args : ")", args != NULL ? args_len : 1);
    mpm__buf_put(&b, kwds != NULL ? kwds : "}", kwds != NULL ? kwds_len : 1);
    mpm_write_tuple(&w);
    mpm__buf_u8(&b, '.');
    need(b.error == 0, "out of memory");
    mpm_test_send(p, b.data, b.len);
    mpm__buf_wipe(&b);
}

bool
mpm_test_serve(struct mpm_peer_client *p, struct mpm_hub *hub, int64_t pid, const char *thread)
{
    struct mpm_buf b;
    struct mpm_writer w = { .out = &b, .protocol = 2 };

    bool ok;

    if (!mpm_test_connect(p, hub, pid))
        return false;
    mpm__buf_init(&b, 0);
    mpm_write_native(&w, thread);
    mpm_write_tuple_n(&w, 1);
    mpm_test_request(p, NULL, "accept_connection", (char *)b.data, b.len, NULL, 0);
    mpm__buf_wipe(&b);
    ok = mpm_test_reply(p) && strcmp(mpm_test_kind(p), "#RETURN") == 0;
    need(ok || mpm_test_server_alloc_hook != NULL, "accept_connection was refused");
    return ok;
}

bool
mpm_test_reply(struct mpm_peer_client *p)
{
    struct mpm_parts parts = { 0 };
    struct mpm_error err = { 0 };
    const uint8_t *body;
    size_t len;

    collect(p);
    p->kind = p->payload = (struct mpm_ref){ 0 };
    body = next_frame(p, &len);
    if (body == NULL)
        return false;
    mpm__buf_clear(&p->reply);
    mpm__buf_put(&p->reply, body, len);
    mpm__buf_shift(&p->in, len + 4);
    if (mpm__check(&p->checker, p->reply.data, p->reply.len, false, &p->doc, &err) != 0) {
        fprintf(stderr, "peer.c: bad reply: %s\n", err.text);
        abort();
    }
    need(mpm__parts((struct mpm_ref){ &p->doc, p->doc.top }, &parts) == 0 && parts.items.n == 2, "a reply has two items");
    p->kind = mpm__part(&parts, 0);
    p->payload = mpm__part(&parts, 1);
    mpm__parts_wipe(&parts);
    return true;
}

const char *
mpm_test_kind(struct mpm_peer_client *p)
{
    static char kind[64];
    const uint8_t *text;
    size_t len;

    kind[0] = '\0';
    if (p->kind.doc != NULL && mpm__read_text(p->kind, &text, &len) == 0 && len < sizeof kind) {
        memcpy(kind, text, len);
        kind[len] = '\0';
    }
    return kind;
}

const char *
mpm_test_payload(struct mpm_peer_client *p)
{
    static struct mpm_buf text;
    struct mpm_parts parts = { 0 }, args = { 0 };
    const uint8_t *module, *name;
    size_t module_len, name_len;

    mpm__buf_wipe(&text);
    if (p->payload.doc == NULL)
        return "";
    if (strcmp(mpm_test_kind(p), "#ERROR") == 0 &&
        mpm__read_global(p->payload, &module, &module_len, &name, &name_len) == 0 && mpm__parts(p->payload, &parts) == 0 &&
        mpm__parts(mpm__part(&parts, 1), &args) == 0) {
        mpm__buf_put(&text, name, name_len);
        mpm__buf_u8(&text, '(');
        for (size_t i = 0; i < args.items.n; i++)
            mpm__repr(mpm__part(&args, i), &text);
        mpm__buf_u8(&text, ')');
    } else {
        mpm__repr(p->payload, &text);
    }
    mpm__parts_wipe(&parts);
    mpm__parts_wipe(&args);
    mpm__buf_u8(&text, 0);
    need(text.error == 0, "out of memory");
    return (const char *)text.data;
}

char *
mpm_test_create(struct mpm_hub *hub, int64_t pid, const char *typeid, const char *args, size_t args_len)
{
    struct mpm_peer_client p = { 0 };
    struct mpm_buf b;
    struct mpm_writer w = { .out = &b, .protocol = 2 };
    struct mpm_parts parts = { 0 };
    const uint8_t *text = NULL;
    size_t len = 0;
    char *ident;

    mpm_test_connect(&p, hub, pid);
    mpm__buf_init(&b, 0);
    mpm_write_mark(&w);
    mpm_write_native(&w, typeid);
    mpm__buf_put(&b, args, args_len);
    mpm_write_tuple(&w);
    mpm_test_request(&p, NULL, "create", (char *)b.data, b.len, NULL, 0);
    need(mpm_test_reply(&p) && strcmp(mpm_test_kind(&p), "#RETURN") == 0, mpm_test_payload(&p));
    need(mpm__parts(p.payload, &parts) == 0 && mpm__read_text(mpm__part(&parts, 0), &text, &len) == 0, "no ident");
    ident = strndup((const char *)text, len);
    mpm__parts_wipe(&parts);
    mpm__buf_wipe(&b);
    mpm_test_disconnect(&p, false);
    return ident;
}

void
mpm_test_disconnect(struct mpm_peer_client *p, bool lost)
{
    if (p->session != NULL)
        SERVER(mpm__session_end(p->session, lost, p->now_ns));
    p->session = NULL;
    mpm__buf_wipe(&p->in);
    mpm__buf_wipe(&p->reply);
    mpm__checker_wipe(&p->checker);
    while (next_ready(p->hub) != NULL)
        ;
}

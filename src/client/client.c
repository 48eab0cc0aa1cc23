/*
 * client.c - a client and its proxies: one-shot requests, references. Layer: client.
 *
 * Source: CPython Lib/multiprocessing/managers.py, dispatch, BaseManager._create, BaseProxy. Requests and replies are
 * request.c's and reply.c's, calls of methods call.c's and started.c's, bytes on the socket connection.c's.
 */
#include "client/client.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "client/document.h"
#include "value/build.h"
#include "value/read.h"

#define CONNECT_TIMEOUT (INT64_C(20) * 1000000000)

/* --- one-shot requests -------------------------------------------------------------------------------------------- */

int
mpm__failed(struct mpm_client *c, int code, bool left, struct mpm_error *err)
{
    static const char *const texts[] = { "; the server did not get the request",
        "; the server may have carried out the request" };
    size_t len, room;

    c->unsure = left;
    if (err != NULL && (left || (code != MPM_EINVAL && code != MPM_EUNSUP && code != MPM_ELIMIT))) {
        len = strlen(texts[left]);
        room = sizeof err->text - len - 1;
        if (strlen(err->text) < room)
            room = strlen(err->text);
        memcpy(err->text + room, texts[left], len + 1);
    }
    return code;
}

bool
mpm__still_usable(const struct mpm_connection *connection, int outcome)
{
    return outcome == 0 || outcome == MPM_EREMOTE || (outcome == MPM_ENOMEM && mpm_connection_wants(connection) != 0);
}

int
mpm__exchange(struct mpm_client *c, struct mpm_connection *connection, const struct mpm_patience *patience,
    enum mpm_wanted wanted, bool *is_proxy, struct mpm_document **out, bool *left, struct mpm_error *err)
{
    struct iovec parts[MPM_REQUEST_PARTS];
    struct mpm_message message;
    uint64_t end;
    size_t n, len;
    int r = mpm__connection_idle(connection, false, err);

    n = mpm__request_parts(c, parts, &len);
    end = mpm__connection_given(connection) + len;
    if (r == 0)
        r = mpm__connection_send(connection, parts, n, patience, err);
    if (r == 0)
        r = mpm__connection_receive(connection, &message, patience, err);
    if (r == 0) {
        r = mpm__reply_take(c, &message, wanted, is_proxy, out, err);
        mpm__connection_forget(connection);
    }
    *left = mpm__connection_taken(connection) >= end;
    return r;
}

/* What is in the client's request, on a connection of its own. The connecting, the sending and the waiting for the
 * reply share one time. */
static int
ask_once(struct mpm_client *c, enum mpm_wanted wanted, struct mpm_document **result, struct mpm_error *err)
{
    struct mpm_patience patience = mpm__patience(c->connect_timeout_ns);
    struct mpm_connection *connection;
    bool is_proxy, left = false;
    int r;

    mpm__reply_forget(c);
    c->unsure = false;
    for (int tries = 1;; tries++) {
        r = mpm__connection_open(c->address, &c->options, &patience, &connection, err);
        if (r == 0) {
            r = mpm__exchange(c, connection, &patience, wanted, &is_proxy, result, &left, err);
            mpm_connection_close(connection);
        }
        if (r == 0 || r == MPM_EREMOTE)
            return r;
        if (r != MPM_ECONN || left || !c->reconnect || tries == 2)
            return mpm__failed(c, r, left, err);
    }
}

int
mpm__tell_once(struct mpm_client *c, const char *name, const char *argument, struct mpm_error *err)
{
    struct mpm_document *d = NULL;
    int r = mpm__request_write(c, NULL, name, argument, NULL, NULL, err);

    if (r == 0)
        r = ask_once(c, MPM_WANTED_VERDICT, &d, err);
    if (r == 0)
        mpm_document_close(d);
    return r;
}

void
mpm__let_go(struct mpm_client *c, const uint8_t *ident, size_t len)
{
    struct mpm_raised raised = c->raised;
    bool unsure = c->unsure;
    char text[MPM_IDENT_MAX];

    if (len >= sizeof text)
        return;
    memcpy(text, ident, len);
    text[len] = '\0';
    c->raised = (struct mpm_raised){ 0 };
    (void)mpm__tell_once(c, "decref", text, NULL);
    mpm__raised_wipe(&c->raised);
    c->raised = raised;
    c->unsure = unsure;
}

/* --- fork --------------------------------------------------------------------------------------------------------- */

unsigned mpm__forks;

static void
count_fork(void)
{
    mpm__forks++;
}

/* Costs a call nothing, as getpid() would. */
static void
watch_forks(void)
{
    (void)pthread_atfork(NULL, NULL, count_fork);
}

void
mpm__own(struct mpm_client *c)
{
    if (c->forks == mpm__forks)
        return;
    c->forks = mpm__forks;
    mpm__hang_up(c);
    c->first = c->n_sent = c->n_line = 0;
    mpm__buf_clear(&c->held);
    c->held_from = 0;
}

/* --- the client --------------------------------------------------------------------------------------------------- */

void
mpm_client_close(struct mpm_client *c)
{
    if (c == NULL)
        return;
    mpm_connection_close(c->data);
    mpm__started_wipe(c);
    mpm__raised_wipe(&c->raised);
    mpm__checker_wipe(&c->checker);
    mpm_builder_close(c->args);
    mpm__buf_wipe(&c->request);
    if (c->key != NULL)
        explicit_bzero(c->key, c->options.authkey_len);
    mpm__free(c->key);
    mpm__free(c->idempotent);
    mpm__free(c->address);
    mpm__free(c->name);
    mpm__free(c);
}

static char *
copy_of(const char *text)
{
    char *copy = mpm__alloc(strlen(text) + 1);

    return copy != NULL ? strcpy(copy, text) : NULL;
}

/* The names one behind the other. NULL: there are none, or no memory. */
static char *
copy_of_names(const char *const *names)
{
    size_t len = 1;
    char *copy, *at;

    for (size_t i = 0; names != NULL && names[i] != NULL; i++)
        len += strlen(names[i]) + 1;
    at = copy = len != 1 ? mpm__alloc(len) : NULL;
    if (copy == NULL)
        return NULL;
    for (size_t i = 0; names[i] != NULL; i++)
        at = stpcpy(at, names[i]) + 1;
    *at = '\0';
    return copy;
}

int
mpm_client_open(const char *address, const struct mpm_client_options *options, struct mpm_client **out,
    struct mpm_error *err)
{
    static const struct mpm_client_options defaults = { .size = sizeof defaults };
    static pthread_once_t watched = PTHREAD_ONCE_INIT;
    struct mpm_client *c;
    int r;

    if (options == NULL)
        options = &defaults;
    if (options->size != sizeof *options)
        return mpm__fail(err, MPM_EINVAL, 0, "options.size is %zu, not sizeof(struct mpm_client_options) = %zu",
            options->size, sizeof *options);
    (void)pthread_once(&watched, watch_forks);
    c = mpm__array(1, sizeof *c);
    if (c == NULL)
        return mpm__fail(err, MPM_ENOMEM, 0, "no memory for a client");
    c->forks = mpm__forks;
    c->address = copy_of(address);
    c->name = copy_of(options->name != NULL ? options->name : "C");
    c->key = mpm__alloc(options->authkey_len + 1);
    c->reconnect = options->reconnect != 0;
    c->idempotent = copy_of_names(options->idempotent);
    c->connect_timeout_ns = options->connect_timeout_ns > 0 ? options->connect_timeout_ns : CONNECT_TIMEOUT;
    c->call_timeout_ns = options->call_timeout_ns > 0 ? options->call_timeout_ns : MPM_FOREVER;
    c->options = (struct mpm_connection_options){ .size = sizeof c->options, .authkey = c->key,
        .authkey_len = options->authkey != NULL ? options->authkey_len : 0, .max_message = options->max_message };
    if (c->key != NULL && options->authkey != NULL)
        memcpy(c->key, options->authkey, options->authkey_len);
    if (c->address == NULL || c->name == NULL || c->key == NULL ||
        (c->idempotent == NULL && options->idempotent != NULL && options->idempotent[0] != NULL))
        r = mpm__fail(err, MPM_ENOMEM, 0, "no memory for a client");
    else
        r = mpm__tell_once(c, "dummy", NULL, err);
    if ((r == MPM_EREMOTE && c->protocol == 2) /* "unsupported pickle protocol" */ || (r == MPM_ECONN && c->reconnect))
        r = mpm__tell_once(c, "dummy", NULL, err);
    if (r != 0)
        mpm_client_close(c);
    else
        *out = c;
    return r;
}

int
mpm_client_protocol(const struct mpm_client *c)
{
    return c->protocol;
}

int
mpm_client_builder(const struct mpm_client *c, struct mpm_builder **out)
{
    return mpm_builder_open(c->protocol, out);
}

int
mpm_client_unsure(const struct mpm_client *c)
{
    return c->unsure;
}

const struct mpm_exception *
mpm_client_exception(const struct mpm_client *c)
{
    return c->raised.is_set ? &c->raised.exception : NULL;
}

int
mpm_request(struct mpm_client *c, const char *function, struct mpm_builder *args, struct mpm_builder *kwds,
    struct mpm_document **result, struct mpm_error *err)
{
    struct mpm_document *d = NULL;
    int r = mpm__request_write(c, NULL, function, NULL, args, kwds, err);

    if (r == 0)
        r = ask_once(c, result != NULL ? MPM_WANTED_VALUE : MPM_WANTED_VERDICT, &d, err);
    if (r == 0 && result != NULL)
        *result = d;
    else if (r == 0)
        mpm_document_close(d);
    return r;
}

/* --- proxies ------------------------------------------------------------------------------------------------------ */

/* A proxy that has a reference already. */
static int
make_proxy(struct mpm_client *c, const uint8_t *typeid, size_t typeid_len, const uint8_t *ident, size_t ident_len,
    struct mpm_proxy **out, struct mpm_error *err)
{
    size_t room = typeid_len + ident_len + strlen(c->address) + 3;
    struct mpm_proxy *p;

    if (ident_len >= MPM_IDENT_MAX || ident_len == 0 || memchr(ident, 0, ident_len) != NULL)
        return mpm__fail(err, MPM_EPROTO, 0, "an ident of %zu bytes, or with a NUL, is none", ident_len);
    if (typeid_len > MPM_TYPEID_MAX || memchr(typeid, 0, typeid_len) != NULL)
        return mpm__fail(err, MPM_EPROTO, 0, "a typeid of %zu bytes, or with a NUL, is none", typeid_len);
    p = mpm__alloc(sizeof *p + room);
    if (p == NULL)
        return mpm__fail(err, MPM_ENOMEM, 0, "no memory for a proxy");
    p->client = c;
    p->forks = mpm__forks;
    p->typeid_len = typeid_len;
    memcpy(p->ident, ident, ident_len);
    p->ident[ident_len] = '\0';
    snprintf(p->token, room, "%.*s:%s@%s", (int)typeid_len, (const char *)typeid, p->ident, c->address);
    *out = p;
    return 0;
}

/* The same for one that has none yet. */
static int
refer_to(struct mpm_client *c, const uint8_t *typeid, size_t typeid_len, const uint8_t *ident, size_t ident_len,
    struct mpm_proxy **out, struct mpm_error *err)
{
    struct mpm_proxy *p;
    int r = make_proxy(c, typeid, typeid_len, ident, ident_len, &p, err);

    if (r != 0)
        return r;
    r = mpm__tell_once(c, "incref", p->ident, err);
    if (r != 0)
        mpm__free(p);
    else
        *out = p;
    return r;
}

int
mpm_proxy_copy(const struct mpm_proxy *p, struct mpm_client *c, struct mpm_proxy **out, struct mpm_error *err)
{
    return refer_to(c, (const uint8_t *)p->token, p->typeid_len, (const uint8_t *)p->ident, strlen(p->ident), out, err);
}

static void
let_go_of_token(struct mpm_client *c, const struct mpm_document *proxy)
{
    const uint8_t *typeid, *ident;
    size_t typeid_len, ident_len;

    if (mpm__reply_token(proxy, &typeid, &typeid_len, &ident, &ident_len) == 0)
        mpm__let_go(c, ident, ident_len);
}

int
mpm__proxy_make(struct mpm_client *c, const char *method, struct mpm_document *payload, struct mpm_proxy **out,
    struct mpm_error *err)
{
    const uint8_t *typeid, *ident;
    size_t typeid_len, ident_len;
    int r = mpm__reply_token(payload, &typeid, &typeid_len, &ident, &ident_len);

    if (r == 0)
        r = make_proxy(c, typeid, typeid_len, ident, ident_len, out, err);
    else if (r == MPM_ENOMEM)
        mpm__fail(err, r, 0, "no memory to read a proxy");
    else
        r = mpm__fail(err, MPM_EPROTO, 0, "%.60s() returned a proxy without a token", method);
    if (r == MPM_ENOMEM)
        let_go_of_token(c, payload);
    mpm_document_close(payload);
    return r;
}

int
mpm__proxy_refuse(struct mpm_client *c, const char *method, struct mpm_document *payload, struct mpm_error *err)
{
    let_go_of_token(c, payload);
    mpm_document_close(payload);
    return mpm__fail(err, MPM_ETYPE, 0, "%.60s%s returned a proxy: use mpm_call_proxy()",
        method != NULL ? method : "a started call", method != NULL ? "()" : "");
}

void
mpm_proxy_close(struct mpm_proxy *p)
{
    if (p == NULL)
        return;
    if (p->forks == mpm__forks)
        mpm__let_go(p->client, (const uint8_t *)p->ident, strlen(p->ident));
    mpm__free(p);
}

const char *
mpm_proxy_token(const struct mpm_proxy *p)
{
    return p->token;
}

int
mpm__created_take(struct mpm_client *c, const char *typeid, struct mpm_document *d, struct mpm_proxy **out,
    struct mpm_error *err)
{
    const uint8_t *ident;
    size_t len;
    int r = mpm__created_ident(d, &ident, &len);

    if (r == 0)
        r = make_proxy(c, (const uint8_t *)typeid, strlen(typeid), ident, len, out, err);
    else if (r == MPM_ENOMEM)
        mpm__fail(err, r, 0, "no memory for a reply");
    else
        r = mpm__fail(err, MPM_EPROTO, 0, "the reply to create is no pair of ident and methods");
    if (r == MPM_ENOMEM && mpm__created_ident(d, &ident, &len) == 0)
        mpm__let_go(c, ident, len);
    mpm_document_close(d);
    return r;
}

int
mpm_create(struct mpm_client *c, const char *typeid, struct mpm_builder *args, struct mpm_builder *kwds,
    struct mpm_proxy **out, struct mpm_error *err)
{
    struct mpm_document *d;
    int r = mpm__request_write(c, NULL, "create", typeid, args, kwds, err);

    if (r == 0)
        r = ask_once(c, MPM_WANTED_OBJECT, &d, err);
    return r == 0 ? mpm__created_take(c, typeid, d, out, err) : r;
}

int
mpm_proxy_from_token(struct mpm_client *c, const char *token, struct mpm_proxy **out, struct mpm_error *err)
{
    const char *end = token + strcspn(token, "@"); /* an ident has neither '@' nor ':', a typeid may have a ':' */
    const char *colon = memrchr(token, ':', (size_t)(end - token));

    if (colon == NULL || colon == token || colon + 1 == end || (size_t)(end - colon) > MPM_IDENT_MAX)
        return mpm__fail(err, MPM_EINVAL, 0, "%.60s: expected TYPEID:IDENT or TYPEID:IDENT@ADDRESS", token);
    return refer_to(c, (const uint8_t *)token, (size_t)(colon - token), (const uint8_t *)colon + 1,
        (size_t)(end - colon - 1), out, err);
}

int
mpm_proxy_from_ref(struct mpm_client *c, struct mpm_ref ref, struct mpm_proxy **out, struct mpm_error *err)
{
    struct mpm_token_ref token;
    const uint8_t *typeid, *ident;
    size_t typeid_len, ident_len;
    int r = mpm__read_token(ref, &token);

    if (r == 0)
        r = mpm__read_text(token.typeid, &typeid, &typeid_len);
    if (r == 0)
        r = mpm__read_text(token.ident, &ident, &ident_len);
    if (r == MPM_ENOMEM)
        return mpm__fail(err, r, 0, "no memory to read a proxy");
    if (r != 0)
        return mpm__fail(err, MPM_ETYPE, 0, "the value is no proxy");
    return refer_to(c, typeid, typeid_len, ident, ident_len, out, err);
}

/* The server's address as Python has it: a path, (host, port), or the bytes of an abstract name. */
static void
write_address(struct mpm_writer *w, const char *address)
{
    const char *colon = strrchr(address, ':');
    size_t host = colon != NULL ? (size_t)(colon - address) : 0;

    if (address[0] == '@') {
        char name[128] = "";
        size_t len = strlen(address) < sizeof name ? strlen(address) : sizeof name;

        memcpy(name + 1, address + 1, len - 1);
        mpm_write_bytes(w, name, len);
    } else if (colon == NULL || strchr(address, '/') != NULL) {
        mpm_write_native(w, address);
    } else {
        if (host >= 2 && address[0] == '[') {
            address++;
            host -= 2;
        }
        mpm_write_native_n(w, address, host);
        mpm_write_int(w, strtol(colon + 1, NULL, 10));
        mpm_write_tuple_n(w, 2);
    }
}

/* RebuildProxy(class, Token, 'pickle', {}): managers.py, BaseProxy.__reduce__. */
void
mpm_put_proxy(struct mpm_builder *b, const struct mpm_proxy *p, const char *proxytype)
{
    struct mpm_writer *w = mpm__builder_writer(b);

    if (w == NULL)
        return;
    mpm_write_global(w, "multiprocessing.managers", "RebuildProxy");
    mpm_write_mark(w);
    mpm_write_global(w, "multiprocessing.managers", proxytype != NULL ? proxytype : "AutoProxy");
    mpm_write_global(w, "multiprocessing.managers", "Token");
    mpm_write_tuple_n(w, 0);
    mpm_write_newobj(w);
    mpm_write_native_n(w, p->token, p->typeid_len);
    write_address(w, p->client->address);
    mpm_write_native(w, p->ident);
    mpm_write_tuple_n(w, 3);
    mpm_write_buildop(w);
    mpm_write_native(w, "pickle");
    mpm_write_empty_dict(w);
    mpm_write_tuple(w);
    mpm_write_reduce(w);
    mpm__builder_added(b);
}

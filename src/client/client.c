/*
 * client.c - the managers.py side of a client: one-shot requests, the data connection, references. Layer: client.
 *
 * Source: CPython Lib/multiprocessing/managers.py, dispatch, BaseManager._create, BaseProxy. Values are document.c's
 * and builder.c's, bytes on the socket connection.c's.
 */
#include <mpmd/client.h>
#include <mpmd/connection.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "client/client.h"
#include "client/document.h"
#include "pickle/names.h"
#include "pickle/opcodes.h"
#include "value/build.h"
#include "value/read.h"
#include "value/repr.h"

#define CONNECT_TIMEOUT (INT64_C(20) * 1000000000)
#define IDENT_MAX 64
#define FIRST_PROTOCOL 4 /* every server but Python 2.7 reads it, and mpmd answers as it is asked */

struct mpm_client {
    char *address;
    struct mpm_connection_options options;
    uint8_t *key;
    int64_t connect_timeout_ns;
    int64_t call_timeout_ns;     /* MPM_FOREVER: without end */
    char *name;
    int protocol;                /* 0: not known yet */
    struct mpm_connection *data; /* NULL: not open */
    struct mpm_buf request;
    /* What the last call raised: */
    bool raised;
    struct mpm_exception exception;
    struct mpm_document *reply;  /* where its arguments are */
    struct mpm_buf type, text;
};

struct mpm_proxy {
    struct mpm_client *client;
    char ident[IDENT_MAX];
    size_t typeid_len;           /* of the token */
    char token[];
};

/* --- requests ----------------------------------------------------------------------------------------------------- */

/* Keyword arguments behind arguments with `n_memo` memo entries. */
static int
write_kwds(struct mpm_writer *w, uint32_t n_memo, struct mpm_builder *kwds, struct mpm_error *err)
{
    struct mpm_value v = { 0 };
    struct mpm_document *d;
    const uint8_t *body;
    const void *pickle;
    size_t len;
    int r = mpm__builder_body(kwds, MPM_K_DICT, w->protocol, &body, &len, err);

    if (r == 0)
        r = mpm_builder_finish(kwds, &pickle, &len, err);
    if (r == 0)
        r = mpm_document_open(pickle, len, &d, err);
    if (r != 0)
        return r;
    r = mpm_keep(mpm_document_root(d), &v);
    if (r == 0) {
        w->n_memo = n_memo;
        mpm_write_value(w, &v);
        mpm_drop(&v);
    }
    mpm_document_close(d);
    return r;
}

/* (first, name, (argument, *args), kwds) into c->request. first NULL: None; argument, args, kwds NULL: left out. Text
 * is str. */
static int
write_request(struct mpm_client *c, const char *first, const char *name, const char *argument, struct mpm_builder *args,
    struct mpm_builder *kwds, struct mpm_error *err)
{
    int protocol = c->protocol != 0 ? c->protocol : FIRST_PROTOCOL, r = 0;
    struct mpm_writer w = { .out = &c->request, .protocol = (uint8_t)protocol, .err = err };
    const uint8_t *bytes;
    uint32_t n_memo = 0;
    size_t len;

    mpm__buf_clear(&c->request);
    mpm__buf_u8(&c->request, MPM_OP_PROTO);
    mpm__buf_u8(&c->request, (uint8_t)protocol);
    mpm_write_mark(&w);
    if (first != NULL)
        mpm_write_native(&w, first);
    else
        mpm_write_none(&w);
    mpm_write_native(&w, name);
    mpm_write_mark(&w);
    if (argument != NULL)
        mpm_write_native(&w, argument);
    if (args != NULL) {
        if ((r = mpm__builder_body(args, MPM_K_TUPLE, protocol, &bytes, &len, err)) != 0)
            return r;
        mpm__buf_put(&c->request, bytes + 1, len - 2); /* between its MARK and TUPLE */
        n_memo = mpm__builder_writer(args)->n_memo;
    }
    mpm_write_tuple(&w);
    if (kwds == NULL)
        mpm_write_empty_dict(&w);
    else
        r = write_kwds(&w, n_memo, kwds, err);
    mpm_write_tuple(&w);
    mpm__buf_u8(&c->request, MPM_OP_STOP);
    if (r == 0)
        r = c->request.error;
    return r == MPM_ENOMEM ? mpm__fail(err, r, 0, "no memory for a request; it was not sent") : r;
}

/* --- replies ------------------------------------------------------------------------------------------------------ */

static void
forget_exception(struct mpm_client *c)
{
    c->raised = false;
    c->exception = (struct mpm_exception){ 0 };
    mpm_document_close(c->reply);
    c->reply = NULL;
}

/* str(exception), as the last line of a traceback has it. */
static int
write_exception_text(struct mpm_client *c, const char *type, struct mpm_ref args)
{
    struct mpm_parts parts = { 0 };
    const uint8_t *text;
    size_t len;
    int r = mpm__parts(args, &parts);

    if (r == MPM_ETYPE)
        r = 0;
    if (r == 0 && parts.items.n == 1 && strcmp(type, "builtins.KeyError") != 0 &&
        mpm__decode_text(mpm__part(&parts, 0), &c->text, &text, &len) == 0) {
        if (c->text.len == 0)
            mpm__buf_put(&c->text, text, len);
    } else if (r == 0 && parts.items.n != 0) {
        r = mpm__repr(parts.items.n == 1 ? mpm__part(&parts, 0) : args, &c->text);
        if (r == MPM_ELIMIT || r == MPM_ERANGE) {
            mpm__buf_text(&c->text, "...");
            r = 0;
        }
    }
    mpm__parts_wipe(&parts);
    return r;
}

static int
take_exception(struct mpm_client *c, struct mpm_ref payload)
{
    const uint8_t *module, *name;
    struct mpm_parts parts = { 0 };
    size_t module_len, name_len;
    int r = mpm__read_global(payload, &module, &module_len, &name, &name_len);

    if (r == 0) {
        (void)mpm__name_to(3, &module, &module_len, &name, &name_len);
        mpm__buf_put(&c->type, module, module_len);
        mpm__buf_u8(&c->type, '.');
        mpm__buf_put(&c->type, name, name_len);
        r = mpm__parts(payload, &parts);
    }
    if (r == 0 && parts.items.n >= 2)
        c->exception.args = mpm__part(&parts, 1);
    mpm__parts_wipe(&parts);
    mpm__buf_u8(&c->type, '\0');
    if (r == 0 && c->type.error == 0 && c->exception.args.doc != NULL)
        r = write_exception_text(c, (const char *)c->type.data, c->exception.args);
    return r;
}

/* The last line of what traceback.format_exc() gave. */
static int
take_traceback(struct mpm_client *c, struct mpm_ref payload)
{
    const uint8_t *text;
    size_t len, start;
    int r = mpm__read_text(payload, &text, &len);

    if (r != 0)
        return r;
    while (len > 0 && text[len - 1] == '\n')
        len--;
    for (start = len; start > 0 && text[start - 1] != '\n'; start--)
        ;
    mpm__buf_text(&c->type, "multiprocessing.managers.RemoteError");
    mpm__buf_u8(&c->type, '\0');
    mpm__buf_put(&c->text, text + start, len - start);
    return 0;
}

/* The server raised: takes the reply. */
static int
take_failure(struct mpm_client *c, struct mpm_document *reply, bool is_error, struct mpm_ref payload,
    struct mpm_error *err)
{
    int r;

    mpm__buf_clear(&c->type);
    mpm__buf_clear(&c->text);
    c->reply = reply;
    r = is_error ? take_exception(c, payload) : take_traceback(c, payload);
    mpm__buf_u8(&c->text, '\0');
    if (r == 0)
        r = c->type.error != 0 ? c->type.error : c->text.error;
    if (r == MPM_ETYPE)
        return mpm__fail(err, MPM_EPROTO, 0, "the server's exception is none");
    if (r != 0)
        return mpm__fail(err, r, 0, "no memory for the server's exception");
    c->exception.type = (const char *)c->type.data;
    c->exception.text = (const char *)c->text.data;
    c->raised = true;
    return mpm__fail(err, MPM_EREMOTE, 0, "%.60s: %.90s", c->exception.type, c->exception.text);
}

/* (kind, payload) of a reply: the document's root becomes the payload. Takes the document, also on failure; *is_proxy:
 * the payload is (exposed, Token). */
static int
take_reply(struct mpm_client *c, struct mpm_document *d, bool *is_proxy, struct mpm_document **out,
    struct mpm_error *err)
{
    struct mpm_parts parts;
    struct mpm_ref kind, payload;
    int r = mpm__parts(mpm_document_root(d), &parts);

    if (r == 0 && parts.items.n != 2)
        r = MPM_ETYPE;
    if (r != 0) {
        mpm__parts_wipe(&parts);
        mpm_document_close(d);
        return r == MPM_ENOMEM ? mpm__fail(err, r, 0, "no memory for a reply")
                               : mpm__fail(err, MPM_EPROTO, 0, "a reply is no pair of kind and payload");
    }
    kind = mpm__part(&parts, 0);
    payload = mpm__part(&parts, 1);
    mpm__parts_wipe(&parts);
    *is_proxy = mpm__text_is(kind, "#PROXY");
    if (*is_proxy || mpm__text_is(kind, "#RETURN")) {
        d->root = payload.item;
        *out = d;
        return 0;
    }
    if (mpm__text_is(kind, "#ERROR"))
        return take_failure(c, d, true, payload, err);
    if (mpm__text_is(kind, "#TRACEBACK") || mpm__text_is(kind, "#UNSERIALIZABLE"))
        return take_failure(c, d, false, payload, err);
    mpm_document_close(d);
    return mpm__fail(err, MPM_EPROTO, 0, "a reply of a kind that is not known");
}

/* Sends the request and takes what comes back. */
static int
exchange(struct mpm_client *c, struct mpm_connection *connection, int64_t timeout_ns, bool *is_proxy,
    struct mpm_document **out, struct mpm_error *err)
{
    struct mpm_document *d;
    const void *bytes;
    size_t len;
    int r;

    r = mpm_connection_send(connection, c->request.data, c->request.len, timeout_ns, err);
    if (r == 0)
        r = mpm_connection_receive(connection, &bytes, &len, timeout_ns, err);
    if (r == 0)
        r = mpm_document_open(bytes, len, &d, err);
    if (r != 0)
        return r;
    if (c->protocol == 0)
        c->protocol = d->doc.protocol < 2 ? 2 : d->doc.protocol > 5 ? 5 : d->doc.protocol;
    return take_reply(c, d, is_proxy, out, err);
}

static int
connect_to(struct mpm_client *c, struct mpm_connection **out, struct mpm_error *err)
{
    return mpm_connection_open(c->address, &c->options, c->connect_timeout_ns, out, err);
}

/* What is in c->request, on a connection of its own. result NULL: not wanted. */
static int
ask_once(struct mpm_client *c, struct mpm_document **result, struct mpm_error *err)
{
    struct mpm_connection *connection;
    struct mpm_document *d;
    bool is_proxy;
    int r;

    forget_exception(c);
    r = connect_to(c, &connection, err);
    if (r != 0)
        return r;
    r = exchange(c, connection, c->connect_timeout_ns, &is_proxy, &d, err);
    mpm_connection_close(connection);
    if (r != 0)
        return r;
    if (result != NULL)
        *result = d;
    else
        mpm_document_close(d);
    return 0;
}

static int
tell_once(struct mpm_client *c, const char *name, const char *argument, struct mpm_error *err)
{
    int r = write_request(c, NULL, name, argument, NULL, NULL, err);

    return r == 0 ? ask_once(c, NULL, err) : r;
}

/* --- the client --------------------------------------------------------------------------------------------------- */

void
mpm_client_close(struct mpm_client *c)
{
    if (c == NULL)
        return;
    mpm_connection_close(c->data);
    forget_exception(c);
    mpm__buf_wipe(&c->request);
    mpm__buf_wipe(&c->type);
    mpm__buf_wipe(&c->text);
    if (c->key != NULL)
        explicit_bzero(c->key, c->options.authkey_len);
    mpm__free(c->key);
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

int
mpm_client_open(const char *address, const struct mpm_client_options *options, struct mpm_client **out,
    struct mpm_error *err)
{
    static const struct mpm_client_options defaults = { .size = sizeof defaults };
    struct mpm_client *c;
    int r;

    if (options == NULL)
        options = &defaults;
    if (options->size != sizeof *options)
        return mpm__fail(err, MPM_EINVAL, 0, "options.size is %zu, not sizeof(struct mpm_client_options) = %zu",
            options->size, sizeof *options);
    c = mpm__array(1, sizeof *c);
    if (c == NULL)
        return mpm__fail(err, MPM_ENOMEM, 0, "no memory for a client");
    c->address = copy_of(address);
    c->name = copy_of(options->name != NULL ? options->name : "C");
    c->key = mpm__alloc(options->authkey_len + 1);
    c->connect_timeout_ns = options->connect_timeout_ns > 0 ? options->connect_timeout_ns : CONNECT_TIMEOUT;
    c->call_timeout_ns = options->call_timeout_ns > 0 ? options->call_timeout_ns : MPM_FOREVER;
    c->options = (struct mpm_connection_options){ .size = sizeof c->options, .authkey = c->key,
        .authkey_len = options->authkey != NULL ? options->authkey_len : 0, .max_message = options->max_message };
    if (c->key != NULL && options->authkey != NULL)
        memcpy(c->key, options->authkey, options->authkey_len);
    if (c->address == NULL || c->name == NULL || c->key == NULL)
        r = mpm__fail(err, MPM_ENOMEM, 0, "no memory for a client");
    else
        r = tell_once(c, "dummy", NULL, err);
    if (r == MPM_EREMOTE && c->protocol == 2) /* "unsupported pickle protocol" */
        r = tell_once(c, "dummy", NULL, err);
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

const struct mpm_exception *
mpm_client_exception(const struct mpm_client *c)
{
    return c->raised ? &c->exception : NULL;
}

int
mpm_request(struct mpm_client *c, const char *function, struct mpm_builder *args, struct mpm_builder *kwds,
    struct mpm_document **result, struct mpm_error *err)
{
    int r = write_request(c, NULL, function, NULL, args, kwds, err);

    return r == 0 ? ask_once(c, result, err) : r;
}

/* --- proxies ------------------------------------------------------------------------------------------------------ */

/* A proxy that has a reference already. */
static int
make_proxy(struct mpm_client *c, const uint8_t *typeid, size_t typeid_len, const uint8_t *ident, size_t ident_len,
    struct mpm_proxy **out, struct mpm_error *err)
{
    size_t room = typeid_len + ident_len + strlen(c->address) + 3;
    struct mpm_proxy *p;

    if (ident_len >= IDENT_MAX || ident_len == 0)
        return mpm__fail(err, MPM_EPROTO, 0, "the ident of an object has %zu bytes", ident_len);
    p = mpm__alloc(sizeof *p + room);
    if (p == NULL)
        return mpm__fail(err, MPM_ENOMEM, 0, "no memory for a proxy");
    p->client = c;
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
    r = tell_once(c, "incref", p->ident, err);
    if (r != 0)
        mpm__free(p);
    else
        *out = p;
    return r;
}

void
mpm_proxy_close(struct mpm_proxy *p)
{
    struct mpm_client *c;

    if (p == NULL)
        return;
    c = p->client;
    (void)tell_once(c, "decref", p->ident, NULL);
    mpm__free(p);
}

const char *
mpm_proxy_token(const struct mpm_proxy *p)
{
    return p->token;
}

int
mpm_create(struct mpm_client *c, const char *typeid, struct mpm_builder *args, struct mpm_builder *kwds,
    struct mpm_proxy **out, struct mpm_error *err)
{
    struct mpm_document *d;
    struct mpm_parts parts = { 0 };
    const uint8_t *ident;
    size_t len;
    int r = write_request(c, NULL, "create", typeid, args, kwds, err);

    if (r == 0)
        r = ask_once(c, &d, err);
    if (r != 0)
        return r;
    r = mpm__parts(mpm_document_root(d), &parts); /* (ident, exposed) */
    if (r == 0)
        r = parts.items.n == 2 ? mpm__read_text(mpm__part(&parts, 0), &ident, &len) : MPM_ETYPE;
    if (r == 0)
        r = make_proxy(c, (const uint8_t *)typeid, strlen(typeid), ident, len, out, err);
    else if (r == MPM_ENOMEM)
        mpm__fail(err, r, 0, "no memory for a reply");
    else
        r = mpm__fail(err, MPM_EPROTO, 0, "the reply to create is no pair of ident and methods");
    mpm__parts_wipe(&parts);
    mpm_document_close(d);
    return r;
}

int
mpm_proxy_from_token(struct mpm_client *c, const char *token, struct mpm_proxy **out, struct mpm_error *err)
{
    const char *end = token + strcspn(token, "@"); /* an ident has neither '@' nor ':', a typeid may have a ':' */
    const char *colon = memrchr(token, ':', (size_t)(end - token));

    if (colon == NULL || colon == token || colon + 1 == end || (size_t)(end - colon) > IDENT_MAX)
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

/* --- calls -------------------------------------------------------------------------------------------------------- */

static void
hang_up(struct mpm_client *c)
{
    mpm_connection_close(c->data);
    c->data = NULL;
}

/* The connection for calls, made when first needed. */
static int
open_data(struct mpm_client *c, struct mpm_error *err)
{
    struct mpm_document *d;
    bool is_proxy;
    int r;

    if (c->data != NULL)
        return 0;
    r = write_request(c, NULL, "accept_connection", c->name, NULL, NULL, err);
    if (r == 0)
        r = connect_to(c, &c->data, err);
    if (r != 0)
        return r;
    r = exchange(c, c->data, c->connect_timeout_ns, &is_proxy, &d, err);
    if (r == 0)
        mpm_document_close(d);
    else
        hang_up(c);
    return r;
}

static int
call(struct mpm_proxy *p, const char *method, struct mpm_builder *args, struct mpm_builder *kwds, int64_t timeout_ns,
    bool *is_proxy, struct mpm_document **out, struct mpm_error *err)
{
    struct mpm_client *c = p->client;
    int r;

    forget_exception(c);
    r = open_data(c, err);
    if (r == 0)
        r = write_request(c, p->ident, method, NULL, args, kwds, err);
    if (r != 0)
        return r;
    r = exchange(c, c->data, timeout_ns, is_proxy, out, err);
    if (r != 0 && r != MPM_EREMOTE)
        hang_up(c); /* an answer may still come, and would be taken for the next one's */
    return r;
}

/* The token of a `#PROXY` payload: (exposed, Token). */
static int
read_new_token(struct mpm_ref payload, struct mpm_ref *token)
{
    struct mpm_parts parts;
    int r = mpm__parts(payload, &parts);

    if (r == 0 && parts.items.n != 2)
        r = MPM_ETYPE;
    if (r == 0)
        *token = mpm__part(&parts, 1);
    mpm__parts_wipe(&parts);
    return r;
}

int
mpm_call_proxy(struct mpm_proxy *p, const char *method, struct mpm_builder *args, struct mpm_builder *kwds,
    int64_t timeout_ns, struct mpm_proxy **out, struct mpm_error *err)
{
    struct mpm_token_ref token;
    struct mpm_document *d;
    struct mpm_ref ref;
    const uint8_t *typeid, *ident;
    size_t typeid_len, ident_len;
    bool is_proxy;
    int r = call(p, method, args, kwds, timeout_ns, &is_proxy, &d, err);

    if (r != 0)
        return r;
    if (!is_proxy) {
        mpm_document_close(d);
        return mpm__fail(err, MPM_ETYPE, 0, "%.60s() returned a value, not a proxy: use mpm_call()", method);
    }
    r = read_new_token(mpm_document_root(d), &ref);
    if (r == 0)
        r = mpm__read_token(ref, &token);
    if (r == 0)
        r = mpm__read_text(token.typeid, &typeid, &typeid_len);
    if (r == 0)
        r = mpm__read_text(token.ident, &ident, &ident_len);
    if (r == 0) /* with the reference that the server took for its creator */
        r = make_proxy(p->client, typeid, typeid_len, ident, ident_len, out, err);
    else if (r == MPM_ENOMEM)
        mpm__fail(err, r, 0, "no memory to read a proxy");
    else
        r = mpm__fail(err, MPM_EPROTO, 0, "%.60s() returned a proxy without a token", method);
    mpm_document_close(d);
    return r;
}

int
mpm_call(struct mpm_proxy *p, const char *method, struct mpm_builder *args, struct mpm_builder *kwds, int64_t timeout_ns,
    struct mpm_document **result, struct mpm_error *err)
{
    struct mpm_document *d;
    struct mpm_ref token;
    struct mpm_token_ref parts;
    const uint8_t *ident;
    char text[IDENT_MAX];
    size_t len;
    bool is_proxy;
    int r = call(p, method, args, kwds, timeout_ns, &is_proxy, &d, err);

    if (r != 0)
        return r;
    if (!is_proxy) {
        if (result != NULL)
            *result = d;
        else
            mpm_document_close(d);
        return 0;
    }
    /* nobody is going to use it: its reference goes back */
    if (read_new_token(mpm_document_root(d), &token) == 0 && mpm__read_token(token, &parts) == 0 &&
        mpm__read_text(parts.ident, &ident, &len) == 0 && len < sizeof text) {
        memcpy(text, ident, len);
        text[len] = '\0';
        (void)tell_once(p->client, "decref", text, NULL);
    }
    mpm_document_close(d);
    return mpm__fail(err, MPM_ETYPE, 0, "%.60s() returned a proxy: use mpm_call_proxy()", method);
}

/* --- for typed calls ---------------------------------------------------------------------------------------------- */

struct mpm_client *
mpm__proxy_client(const struct mpm_proxy *p)
{
    return p->client;
}

const char *
mpm__proxy_typeid(const struct mpm_proxy *p, size_t *len)
{
    *len = p->typeid_len;
    return p->token;
}

static int64_t
timeout_of(const struct mpm_client *c, int64_t waits_ns)
{
    return waits_ns > MPM_FOREVER - c->call_timeout_ns ? MPM_FOREVER : waits_ns + c->call_timeout_ns;
}

int
mpm__call(struct mpm_proxy *p, const char *method, struct mpm_builder *args, struct mpm_builder *kwds, int64_t waits_ns,
    struct mpm_document **result, struct mpm_error *err)
{
    return mpm_call(p, method, args, kwds, timeout_of(p->client, waits_ns), result, err);
}

int
mpm__call_proxy(struct mpm_proxy *p, const char *method, struct mpm_builder *args, struct mpm_builder *kwds,
    int64_t waits_ns, struct mpm_proxy **out, struct mpm_error *err)
{
    return mpm_call_proxy(p, method, args, kwds, timeout_of(p->client, waits_ns), out, err);
}

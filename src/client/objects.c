/*
 * objects.c - what typed calls have in common: arguments put together, exceptions turned into codes, answers into C
 * values. Layer: client.
 *
 * The calls themselves are in objects_*.c, a file for each kind of object; sending is client.c's.
 */
#include "client/objects.h"

#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "client/client.h"
#include "client/document.h"
#include "value/build.h"

/* Arguments up to this size are built where those of the last call were. */
#define KEPT_MAX 65536

/* What the classes mean wherever they come from. */
static const struct mpm_raises raises_all[] = {
    { "queue.Empty", MPM_EEMPTY },
    { "queue.Full", MPM_EFULL },
    { "builtins.StopIteration", MPM_EEMPTY },
    { "builtins.KeyError", MPM_EGONE },
    { "builtins.IndexError", MPM_ERANGE },
    { NULL, 0 },
};

const struct mpm_raises mpm__raises_search[] = { { "builtins.ValueError", MPM_EGONE }, { NULL, 0 } };
const struct mpm_raises mpm__raises_take[] = {
    { "builtins.KeyError", MPM_EEMPTY },
    { "builtins.IndexError", MPM_EEMPTY },
    { NULL, 0 },
};
const struct mpm_raises mpm__raises_attribute[] = { { "builtins.AttributeError", MPM_EGONE }, { NULL, 0 } };

/* --- arguments ---------------------------------------------------------------------------------------------------- */

int64_t
mpm__ask_timeout(int64_t timeout_ns)
{
    return timeout_ns < 0 ? 0 : timeout_ns >= INT64_C(9000000000000000000) ? MPM_FOREVER : timeout_ns;
}

void
mpm__wait_args(struct mpm_arg *args, int64_t timeout_ns)
{
    if (timeout_ns != MPM_FOREVER)
        *args++ = (struct mpm_arg)MPM__DOUBLE((double)timeout_ns / 1e9);
    *args = (struct mpm_arg){ .kind = MPM_ARG_END };
}

void
mpm__block_args(struct mpm_arg *args, int64_t timeout_ns)
{
    if (timeout_ns != MPM_FOREVER)
        *args++ = (struct mpm_arg)MPM__BOOL(timeout_ns != 0);
    mpm__wait_args(args, timeout_ns != 0 ? timeout_ns : MPM_FOREVER);
}

void
mpm__put_name(struct mpm_builder *b, const char *name)
{
    struct mpm_writer *w = mpm__builder_writer(b);

    if (w == NULL)
        return;
    mpm_write_native(w, name);
    mpm__builder_added(b);
}

static void
put_slice(struct mpm_builder *b, int64_t start, int64_t stop)
{
    mpm_put_begin_call(b);
    mpm_put_class(b, "builtins", "slice");
    mpm_put_begin(b, MPM_K_TUPLE);
    mpm_put_int(b, start);
    mpm_put_int(b, stop);
    mpm_put_none(b);
    mpm_put_end(b);
    mpm_put_end(b);
}

static int
put_arg(struct mpm_builder *b, const struct mpm_arg *a, struct mpm_error *err)
{
    switch (a->kind) {
    case MPM_ARG_BOOL:
        mpm_put_bool(b, a->i != 0);
        return 0;
    case MPM_ARG_INT:
        mpm_put_int(b, a->i);
        return 0;
    case MPM_ARG_DOUBLE:
        mpm_put_double(b, a->d);
        return 0;
    case MPM_ARG_SLICE:
        put_slice(b, a->i, a->stop);
        return 0;
    case MPM_ARG_VALUE:
        if (a->value == NULL)
            return mpm__fail(err, MPM_EINVAL, 0, "the builder of a value is NULL");
        return mpm__builder_put(b, a->value, err);
    default:
        if (a->text == NULL)
            return mpm__fail(err, MPM_EINVAL, 0, "a text is NULL");
        if (a->kind == MPM_ARG_NAME)
            mpm__put_name(b, a->text);
        else
            mpm_put_string(b, a->text);
        return 0;
    }
}

/* A builder without anything in it; a client's protocol is the same for all its life. */
static int
open_args(struct mpm_client *c, struct mpm_builder **out)
{
    if (c->args == NULL)
        return mpm_builder_open(mpm_client_protocol(c), out);
    *out = c->args;
    c->args = NULL;
    mpm_builder_clear(*out);
    return 0;
}

static void
close_args(struct mpm_client *c, struct mpm_builder *b)
{
    struct mpm_writer *w = b != NULL ? mpm__builder_writer(b) : NULL;

    if (w != NULL && w->out->cap <= KEPT_MAX && c->args == NULL)
        c->args = b;
    else
        mpm_builder_close(b);
}

/* *out NULL: there are none. */
static int
make_args(struct mpm_client *c, const struct mpm_arg *args, struct mpm_builder **out, struct mpm_error *err)
{
    struct mpm_builder *b;
    int r;

    *out = NULL;
    if (args == NULL || args[0].kind == MPM_ARG_END)
        return 0;
    r = open_args(c, &b);
    if (r != 0)
        return mpm__fail(err, r, 0, "no memory for arguments");
    mpm_put_begin(b, MPM_K_TUPLE);
    for (; r == 0 && args->kind != MPM_ARG_END; args++)
        r = put_arg(b, args, err);
    mpm_put_end(b);
    if (r == 0)
        *out = b;
    else
        close_args(c, b);
    return r;
}

static int
make_flag(struct mpm_client *c, const char *flag, struct mpm_builder **out, struct mpm_error *err)
{
    int r;

    *out = NULL;
    if (flag == NULL)
        return 0;
    r = mpm_builder_open(mpm_client_protocol(c), out);
    if (r != 0)
        return mpm__fail(err, r, 0, "no memory for arguments");
    mpm_put_begin(*out, MPM_K_DICT);
    mpm__put_name(*out, flag);
    mpm_put_bool(*out, 1);
    mpm_put_end(*out);
    return 0;
}

/* --- calls -------------------------------------------------------------------------------------------------------- */

/* How a server says that its object has no such method: managers.py, Server.serve_client, which looks for it among the
 * methods of all objects last. */
static bool
is_missing_method(const struct mpm_exception *e, const char *method)
{
    static const char start[] = "KeyError: '";
    size_t len = strlen(method);

    return strcmp(e->type, "multiprocessing.managers.RemoteError") == 0 &&
        strncmp(e->text, start, sizeof start - 1) == 0 && strncmp(e->text + sizeof start - 1, method, len) == 0 &&
        strcmp(e->text + sizeof start - 1 + len, "'") == 0;
}

static int
code_of(const struct mpm_raises *raises, const struct mpm_exception *e)
{
    for (; raises != NULL && raises->type != NULL; raises++)
        if (strcmp(raises->type, e->type) == 0)
            return raises->code;
    return 0;
}

/* What a call that failed with `code` means to the caller. */
static int
explain(const struct mpm_client *c, const struct mpm_ask *ask, int code, struct mpm_error *err)
{
    const struct mpm_exception *e = code == MPM_EREMOTE ? mpm_client_exception(c) : NULL;
    int r;

    if (code == MPM_ETIMEOUT) /* of the reply: not to be taken for a lock that was not free in time */
        return mpm__fail(err, MPM_ECONN, 0, "no reply to %.60s() within the call timeout; the server %s the request",
            ask->method, mpm_client_unsure(c) ? "may have carried out" : "did not get");
    if (e == NULL)
        return code;
    if (is_missing_method(e, ask->method))
        return mpm__fail(err, MPM_EUNSUP, 0, "the server's object has no method %.60s()", ask->method);
    r = code_of(ask->raises, e);
    if (r == 0)
        r = code_of(raises_all, e);
    if (r != 0 && err != NULL)
        err->code = r; /* the text is the exception's */
    return r != 0 ? r : code;
}

/* One of out and proxy_out is used. */
static int
call(struct mpm_proxy *p, const struct mpm_ask *ask, struct mpm_document **out, struct mpm_proxy **proxy_out,
    struct mpm_error *err)
{
    struct mpm_client *c = mpm__proxy_client(p);
    struct mpm_builder *args, *kwds = NULL;
    int r = make_args(c, ask->args, &args, err);

    if (r == 0)
        r = make_flag(c, ask->flag, &kwds, err);
    if (r == 0) {
        r = proxy_out != NULL ? mpm__call_proxy(p, ask->method, args, kwds, ask->waits_ns, proxy_out, err)
                              : mpm__call(p, ask->method, args, kwds, ask->waits_ns, out, err);
        if (r != 0)
            r = explain(c, ask, r, err);
    }
    mpm_builder_close(kwds);
    close_args(c, args);
    return r;
}

int
mpm__ask(struct mpm_proxy *p, const struct mpm_ask *ask, struct mpm_document **out, struct mpm_error *err)
{
    return call(p, ask, out, NULL, err);
}

int
mpm__ask_proxy(struct mpm_proxy *p, const struct mpm_ask *ask, struct mpm_proxy **out, struct mpm_error *err)
{
    return call(p, ask, NULL, out, err);
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

static int
refuse_answer(int code, const struct mpm_ask *ask, struct mpm_error *err)
{
    if (code == MPM_ENOMEM)
        return mpm__fail(err, code, 0, "no memory to read the answer of %.60s()", ask->method);
    if (code == MPM_ERANGE)
        return mpm__fail(err, code, 0, "the number that %.60s() returned does not fit", ask->method);
    return mpm__fail(err, code, 0, "%.60s() returned a value of another type", ask->method);
}

int
mpm__ask_int(struct mpm_proxy *p, const struct mpm_ask *ask, int64_t *out, struct mpm_error *err)
{
    struct mpm_document *d;
    int r = mpm__ask(p, ask, &d, err);

    if (r != 0)
        return r;
    r = mpm_read_int64(mpm_document_root(d), out);
    mpm_document_close(d);
    return r == 0 ? 0 : refuse_answer(r, ask, err);
}

int
mpm__ask_bool(struct mpm_proxy *p, const struct mpm_ask *ask, int *out, struct mpm_error *err)
{
    int64_t v; /* where 3 says True, 2.7 has 1 in places */
    int r = mpm__ask_int(p, ask, &v, err);

    if (r == 0)
        *out = v != 0;
    return r;
}

int
mpm__ask_double(struct mpm_proxy *p, const struct mpm_ask *ask, double *out, struct mpm_error *err)
{
    struct mpm_document *d;
    int r = mpm__ask(p, ask, &d, err);

    if (r != 0)
        return r;
    r = mpm_read_double(mpm_document_root(d), out);
    mpm_document_close(d);
    return r == 0 ? 0 : refuse_answer(r, ask, err);
}

int
mpm__ask_text(struct mpm_proxy *p, const struct mpm_ask *ask, char **out, struct mpm_error *err)
{
    struct mpm_document *d;
    const char *text;
    size_t len;
    char *copy = NULL;
    int r = mpm__ask(p, ask, &d, err);

    if (r != 0)
        return r;
    r = mpm_read_text(mpm_document_root(d), &text, &len);
    if (r == 0 && memchr(text, '\0', len) != NULL)
        r = MPM_ETYPE;
    if (r == 0 && (copy = mpm__alloc(len + 1)) == NULL)
        r = MPM_ENOMEM;
    if (r == 0) {
        memcpy(copy, text, len);
        copy[len] = '\0';
        *out = copy;
    }
    mpm_document_close(d);
    return r == 0 ? 0 : refuse_answer(r, ask, err);
}

/* A view of a dict arrives as list([...]), a call: managers.py, rebuild_as_list. */
static int
unwrap_list(struct mpm_document *d)
{
    struct mpm_ref root = mpm_document_root(d), *made = NULL, *args = NULL;
    const char *module, *name;
    size_t module_len, name_len, n;
    int kind = mpm_kind(root), r;

    if (kind != MPM_K_OBJECT)
        return kind == MPM_K_LIST ? 0 : kind < 0 ? kind : MPM_ETYPE;
    r = mpm_read_class(root, &module, &module_len, &name, &name_len);
    if (r == 0 && (name_len != 4 || memcmp(name, "list", 4) != 0))
        r = MPM_ETYPE;
    if (r == 0)
        r = mpm_read_parts(root, &made, &n);
    if (r == 0)
        r = n == 2 ? mpm_read_parts(made[1], &args, &n) : MPM_ETYPE;
    if (r == 0 && (n != 1 || (kind = mpm_kind(args[0])) != MPM_K_LIST))
        r = n == 1 && kind < 0 ? kind : MPM_ETYPE;
    if (r == 0)
        d->root = args[0].item;
    mpm_free(made);
    mpm_free(args);
    return r;
}

int
mpm__ask_list(struct mpm_proxy *p, const struct mpm_ask *ask, struct mpm_document **out, struct mpm_error *err)
{
    struct mpm_document *d;
    int r = mpm__ask(p, ask, &d, err);

    if (r != 0)
        return r;
    r = unwrap_list(d);
    if (r == 0) {
        *out = d;
        return 0;
    }
    mpm_document_close(d);
    return refuse_answer(r, ask, err);
}

int
mpm__ask_wait(struct mpm_proxy *p, const struct mpm_ask *ask, struct mpm_error *err)
{
    struct mpm_document *d;
    int64_t got = 1; /* None: Python 2.7's Condition.wait() never tells */
    int r = mpm__ask(p, ask, &d, err);

    if (r != 0)
        return r;
    r = mpm_kind(mpm_document_root(d));
    r = r == MPM_K_NONE ? 0 : r < 0 ? r : mpm_read_int64(mpm_document_root(d), &got);
    mpm_document_close(d);
    if (r != 0)
        return refuse_answer(r, ask, err);
    return got != 0 ? 0 : mpm__fail(err, MPM_ETIMEOUT, 0, "%.60s(): not in time", ask->method);
}

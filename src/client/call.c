/*
 * call.c - calls of methods that wait for their reply, and what is done when the connection is lost. Layer: client.
 *
 * They share one connection, opened when first needed. Calls that do not wait are started.c's.
 */
#include "client/client.h"

#include <string.h>

#include "base/error.h"
#include "client/document.h"
#include "client/methods.h"

/* A connection that nobody used for so long is looked at before: then a server that has gone meanwhile is seen, and the
 * call certainly was not made. Over TCP the request would leave without complaint. */
#define IDLE INT64_C(100000000)

void
mpm__hang_up(struct mpm_client *c)
{
    mpm_connection_close(c->data);
    c->data = NULL;
    c->state = MPM_DATA_CLOSED;
}

/* The connection for calls is there, and greeted. */
static int
open_data(struct mpm_client *c, struct mpm_error *err)
{
    struct mpm_patience patience = mpm__patience(c->connect_timeout_ns);
    struct mpm_document *d = NULL;
    bool is_proxy, left;
    int r = mpm__request_write(c, NULL, "accept_connection", c->name, NULL, NULL, err);

    if (r == 0)
        r = mpm__connection_open(c->address, &c->options, &patience, &c->data, err);
    if (r != 0)
        return r;
    c->state = MPM_DATA_READY;
    c->used_ns = mpm__now_ns();
    r = mpm__exchange(c, c->data, &patience, MPM_WANTED_VERDICT, &is_proxy, &d, &left, err);
    if (r == 0)
        mpm_document_close(d);
    else
        mpm__hang_up(c);
    return r;
}

static bool
is_idempotent(const struct mpm_proxy *p, const char *method)
{
    const char *name = p->client->idempotent;

    if (mpm__method_flags(p->token, p->typeid_len, method) & MPM_METHOD_READS)
        return true;
    while (name != NULL && *name != '\0' && strcmp(name, method) != 0)
        name += strlen(name) + 1;
    return name != NULL && *name != '\0';
}

/* Once, over what connection there is or can be made. *lost: that is what it failed with. */
static int
try(struct mpm_proxy *p, const char *method, struct mpm_builder *args, struct mpm_builder *kwds,
    const struct mpm_patience *patience, enum mpm_wanted wanted, bool *is_proxy, struct mpm_document **out, bool *left,
    bool *lost, struct mpm_error *err)
{
    struct mpm_client *c = p->client;
    int r;

    *left = *lost = false;
    if (c->state != MPM_DATA_READY)
        mpm__hang_up(c);
    r = c->data == NULL ? open_data(c, err) : 0;
    *lost = r == MPM_ECONN;
    if (r != 0)
        return r;
    r = mpm__request_write(c, p->ident, method, NULL, args, kwds, err);
    if (r != 0)
        return r;
    if (mpm__now_ns() - c->used_ns > IDLE)
        r = mpm__connection_idle(c->data, true, err);
    if (r == 0)
        r = mpm__exchange(c, c->data, patience, wanted, is_proxy, out, left, err);
    c->used_ns = mpm__now_ns();
    *lost = r == MPM_ECONN;
    if (!mpm__still_usable(c->data, r))
        mpm__hang_up(c); /* an answer may still come, and would be taken for the next one's */
    return r;
}

static int
call(struct mpm_proxy *p, const char *method, struct mpm_builder *args, struct mpm_builder *kwds, int64_t timeout_ns,
    enum mpm_wanted wanted, bool *is_proxy, struct mpm_document **out, struct mpm_error *err)
{
    struct mpm_patience patience = mpm__patience(timeout_ns);
    struct mpm_client *c = p->client;
    bool left, lost, unsure = false;
    int r;

    mpm__own(c);
    mpm__reply_forget(c);
    c->unsure = false;
    if (c->first != c->n_line)
        return mpm__fail(err, MPM_EINVAL, 0, "%.60s(): started calls are to be taken first, by mpm_take()", method);
    for (int tries = 1;; tries++) {
        r = try(p, method, args, kwds, &patience, wanted, is_proxy, out, &left, &lost, err);
        unsure |= left;
        if (r == 0 || r == MPM_EREMOTE)
            return r;
        if (!lost || !c->reconnect || tries == 2 || (left && !is_idempotent(p, method)))
            return mpm__failed(c, r, unsure, err);
    }
}

int
mpm_call_proxy(struct mpm_proxy *p, const char *method, struct mpm_builder *args, struct mpm_builder *kwds,
    int64_t timeout_ns, struct mpm_proxy **out, struct mpm_error *err)
{
    struct mpm_document *d;
    bool is_proxy;
    int r = call(p, method, args, kwds, timeout_ns, MPM_WANTED_NOTHING, &is_proxy, &d, err);

    if (r != 0)
        return r;
    if (is_proxy)
        return mpm__proxy_make(p->client, method, d, out, err);
    return mpm__fail(err, MPM_ETYPE, 0, "%.60s() returned a value, not a proxy: use mpm_call()", method);
}

int
mpm_call(struct mpm_proxy *p, const char *method, struct mpm_builder *args, struct mpm_builder *kwds, int64_t timeout_ns,
    struct mpm_document **result, struct mpm_error *err)
{
    struct mpm_document *d;
    bool is_proxy;
    int r = call(p, method, args, kwds, timeout_ns, result != NULL ? MPM_WANTED_VALUE : MPM_WANTED_NOTHING,
        &is_proxy, &d, err);

    if (r != 0)
        return r;
    if (is_proxy)
        return mpm__proxy_refuse(p->client, method, d, err);
    if (result != NULL)
        *result = d;
    return 0;
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

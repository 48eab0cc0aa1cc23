/*
 * started.c - calls that do not wait: put in line, sent when their turn comes, answered in order. Layer: client.
 *
 * All share the connection of call.c. A request that arrives behind a parked call cancels that (mpmd takes it for a
 * caller that was interrupted), so behind a call that may wait in the server nothing is sent before it is answered: what
 * follows is held back here. Replies are read while requests are written, so that neither side waits for the other.
 */
#include "client/client.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "client/document.h"
#include "client/methods.h"

/* While replies are to come anyway, requests are sent together, so many bytes at a time: few calls of the system, and
 * the server has work while the replies of the last ones are read. */
#define GATHER 2048

static const struct mpm_patience none = { 0 };

void
mpm__started_wipe(struct mpm_client *c)
{
    mpm__free(c->line);
    mpm__buf_wipe(&c->held);
}

static bool
has_failed(const struct mpm_client *c)
{
    return c->first != c->n_line && c->line[c->first].failed;
}

/* The connection is of no use any more: every call that it had, and every one that waits for it, has failed. */
static void
lose(struct mpm_client *c, const struct mpm_error *err)
{
    uint64_t taken = c->data != NULL ? mpm__connection_taken(c->data) : 0;

    for (size_t i = c->first; i < c->n_line; i++) {
        struct mpm_started *s = &c->line[i];

        if (s->failed)
            continue;
        s->failed = true;
        s->left = s->end != 0 && s->end <= taken;
    }
    c->n_sent = c->n_line;
    mpm__buf_clear(&c->held);
    c->held_from = 0;
    c->lost = *err;
    mpm__hang_up(c);
}

/* A reply is to come. (What failed is at the front of the line.) */
static bool
is_under_way(const struct mpm_client *c)
{
    return c->n_sent != c->first && !c->line[c->n_sent - 1].failed;
}

/* Nothing may be sent now. */
static bool
is_blocked(const struct mpm_client *c)
{
    return c->state != MPM_DATA_READY || (is_under_way(c) && c->line[c->n_sent - 1].waits);
}

/* Those that are held back go on their way, as far as they may. Returns 0 or MPM_ENOMEM: later, then. */
static int
release(struct mpm_client *c)
{
    while (c->n_sent < c->n_line && !is_blocked(c)) {
        struct mpm_started *s = &c->line[c->n_sent];

        if (mpm__connection_queue(c->data, &(struct iovec){ c->held.data + c->held_from, s->len }, 1) != 0)
            return MPM_ENOMEM;
        s->end = mpm__connection_given(c->data);
        c->held_from += s->len;
        c->n_sent++;
    }
    if (c->held_from == c->held.len) {
        mpm__buf_clear(&c->held);
        c->held_from = 0;
    }
    return 0;
}

/* Greets the server as a thread of this name. */
static int
greet(struct mpm_client *c, struct mpm_error *err)
{
    struct iovec parts[MPM_REQUEST_PARTS];
    size_t n, len;
    int r = mpm__request_write(c, NULL, "accept_connection", c->name, NULL, NULL, err);

    if (r != 0)
        return r;
    n = mpm__request_parts(c, parts, &len);
    c->state = MPM_DATA_GREETING;
    return mpm__connection_send(c->data, parts, n, &none, err);
}

static int
take_greeting(struct mpm_client *c, struct mpm_error *err)
{
    struct mpm_document *d = NULL;
    struct mpm_message message;
    bool is_proxy;
    int r = mpm__connection_receive(c->data, &message, &none, err);

    if (r == 0) {
        r = mpm__reply_take(c, &message, MPM_WANTED_VERDICT, &is_proxy, &d, err);
        mpm__connection_forget(c->data);
        mpm_document_close(d);
    }
    if (r == 0)
        c->state = MPM_DATA_READY;
    if (r == MPM_EREMOTE) { /* of no call that the caller knows of */
        mpm__reply_forget(c);
        if (err != NULL)
            err->code = MPM_EPROTO;
        return MPM_EPROTO;
    }
    return r == MPM_ETIMEOUT ? MPM_EAGAIN : r;
}

/* Goes on without waiting. Returns 0, MPM_EAGAIN or how the connection failed. */
static int
go_on(struct mpm_client *c, struct mpm_error *err)
{
    int r = 0;

    if (c->state == MPM_DATA_PROVING && (r = mpm_connection_advance(c->data, err)) == 0)
        r = greet(c, err);
    if (r == 0 && c->state == MPM_DATA_GREETING)
        r = take_greeting(c, err);
    if (r == MPM_EAGAIN && mpm__now_ns() > c->open_by_ns)
        return mpm__fail(err, MPM_ECONN, 0, "%.80s: the server did not answer in time", c->address);
    if (r != 0 || c->state != MPM_DATA_READY)
        return r;
    c->used_ns = mpm__now_ns();
    (void)release(c); /* without memory: with the next step */
    r = mpm_connection_advance(c->data, err);
    return r == 0 && c->n_sent < c->n_line && !is_blocked(c) ? MPM_EAGAIN : r;
}

/* The same; a failure is kept for each call. */
static int
step(struct mpm_client *c, struct mpm_error *err)
{
    struct mpm_error why = { 0 };
    int r = c->data != NULL ? go_on(c, &why) : 0;

    if (r == 0 || r == MPM_EAGAIN)
        return r;
    lose(c, &why);
    if (err != NULL)
        *err = why;
    return r;
}

/* --- starting ----------------------------------------------------------------------------------------------------- */

/* Room for one more in line. What was taken makes room when it is most of it. */
static int
make_room(struct mpm_client *c)
{
    struct mpm_started *line;
    size_t cap = c->cap_line != 0 ? 2 * c->cap_line : 16;

    if (c->first != 0 && c->n_line == c->cap_line && c->first >= c->n_line / 2) {
        memmove(c->line, c->line + c->first, (c->n_line - c->first) * sizeof *c->line);
        c->n_line -= c->first;
        c->n_sent -= c->first;
        c->first = 0;
    }
    if (c->n_line < c->cap_line)
        return 0;
    line = mpm__resize(c->line, cap, sizeof *line);
    if (line == NULL)
        return MPM_ENOMEM;
    c->line = line;
    c->cap_line = cap;
    return 0;
}

static int
hold_back(struct mpm_client *c, const struct iovec *parts, size_t n, size_t len)
{
    uint8_t *at;

    if (c->held_from > c->held.len - c->held_from) {
        mpm__buf_shift(&c->held, c->held_from);
        c->held_from = 0;
    }
    at = mpm__buf_add(&c->held, len);
    if (at == NULL) {
        c->held.error = 0;
        return MPM_ENOMEM;
    }
    for (size_t i = 0; i < n; i++)
        at = (uint8_t *)memcpy(at, parts[i].iov_base, parts[i].iov_len) + parts[i].iov_len;
    return 0;
}

/* The connection is begun to be opened. */
static int
begin(struct mpm_client *c, struct mpm_error *err)
{
    int r = mpm_connection_start(c->address, &c->options, &c->data, err);

    if (r != 0)
        return r;
    c->state = MPM_DATA_PROVING;
    c->open_by_ns = mpm__patience(c->connect_timeout_ns).deadline_ns;
    return 0;
}

int
mpm_start(struct mpm_proxy *p, const char *method, struct mpm_builder *args, struct mpm_builder *kwds, void *user,
    struct mpm_error *err)
{
    struct mpm_client *c = p->client;
    struct iovec parts[MPM_REQUEST_PARTS];
    struct mpm_error why = { 0 };
    struct mpm_started s = { .user = user };
    bool sent = false;
    size_t n;
    int r;

    mpm__own(c);
    mpm__reply_forget(c);
    c->unsure = false;
    if (make_room(c) != 0)
        return mpm__fail(err, MPM_ENOMEM, 0, "no memory for one more call");
    r = mpm__request_write(c, p->ident, method, NULL, args, kwds, err);
    if (r != 0)
        return r;
    if (c->data != NULL && c->first == c->n_line && (r = mpm__connection_idle(c->data, true, err)) != 0) {
        mpm__hang_up(c); /* while nobody looked; it is told once */
        if (!c->reconnect)
            return mpm__failed(c, r, false, err);
    }
    if (c->data == NULL && (r = begin(c, err)) != 0)
        return mpm__failed(c, r, false, err);
    n = mpm__request_parts(c, parts, &s.len);
    s.waits = mpm__method_waits(p->token, p->typeid_len, method);
    if (is_blocked(c) || c->n_sent < c->n_line) {
        r = hold_back(c, parts, n, s.len);
    } else if (is_under_way(c)) {
        r = mpm__connection_queue(c->data, parts, n);
        sent = r == 0;
    } else {
        s.end = mpm__connection_given(c->data) + s.len;
        r = mpm__connection_send(c->data, parts, n, &none, &why);
        sent = r == 0 || mpm_connection_wants(c->data) == 0;
    }
    if (r != 0 && !sent) {
        if (c->first == c->n_line)
            mpm__hang_up(c); /* it may be half open, and nobody waits for it */
        return mpm__fail(err, MPM_ENOMEM, 0, "no memory for one more call");
    }
    if (sent) {
        if (s.end == 0)
            s.end = mpm__connection_given(c->data);
        c->n_sent++;
    }
    c->line[c->n_line++] = s;
    if (r != 0)
        lose(c, &why); /* mpm_take() tells */
    else if (sent && mpm__connection_kept(c->data) >= GATHER)
        (void)step(c, NULL);
    return 0;
}

/* --- taking ------------------------------------------------------------------------------------------------------- */

/* The oldest call is over. */
static struct mpm_started
pop(struct mpm_client *c)
{
    struct mpm_started s = c->line[c->first++];

    if (c->n_sent < c->first)
        c->n_sent = c->first;
    if (c->first == c->n_line)
        c->first = c->n_sent = c->n_line = 0;
    return s;
}

static int
take_failed(struct mpm_client *c, void **user, struct mpm_error *err)
{
    struct mpm_started s = pop(c);

    if (user != NULL)
        *user = s.user;
    if (err != NULL)
        *err = c->lost;
    return mpm__failed(c, c->lost.code, s.left, err);
}

/* A message came: the reply of the oldest one. */
static int
take_reply(struct mpm_client *c, const struct mpm_message *message, void **user, struct mpm_document **result,
    struct mpm_error *err)
{
    struct mpm_document *d;
    struct mpm_error why = { 0 };
    struct mpm_started s;
    bool is_proxy;
    int r;

    if (c->first == c->n_sent) {
        mpm__fail(&why, MPM_EPROTO, 0, "the server sent something that nobody asked for");
        lose(c, &why);
        return take_failed(c, user, err);
    }
    r = mpm__reply_take(c, message, result != NULL ? MPM_WANTED_VALUE : MPM_WANTED_NOTHING, &is_proxy, &d, &why);
    mpm__connection_forget(c->data);
    s = pop(c);
    if (user != NULL)
        *user = s.user;
    if (err != NULL && r != 0)
        *err = why;
    if (!mpm__still_usable(c->data, r))
        lose(c, &why);
    else if ((s.waits && release(c) == 0) || (mpm__connection_kept(c->data) != 0 &&
        !mpm__connection_has_message(c->data)))
        (void)step(c, NULL); /* nothing else is there that would give time to gather more */
    if (r != 0 && r != MPM_EREMOTE)
        return mpm__failed(c, r, true, err);
    if (r == 0 && is_proxy)
        return mpm__proxy_refuse(c, NULL, d, err);
    if (r == 0 && result != NULL)
        *result = d;
    return r;
}

int
mpm_take(struct mpm_client *c, int64_t timeout_ns, void **user, struct mpm_document **result, struct mpm_error *err)
{
    struct mpm_patience patience = mpm__patience(timeout_ns), opening;
    struct mpm_message message;
    struct mpm_error why = { 0 };
    int r;

    mpm__own(c);
    mpm__reply_forget(c);
    c->unsure = false;
    if (c->first == c->n_line)
        return mpm__fail(err, MPM_EEMPTY, 0, "no call was started");
    while (has_failed(c) || c->state != MPM_DATA_READY || !mpm__connection_has_message(c->data)) {
        if (has_failed(c) || ((r = step(c, NULL)) != 0 && r != MPM_EAGAIN))
            return take_failed(c, user, err);
        if (c->state == MPM_DATA_READY)
            break;
        opening = patience;
        if (opening.deadline_ns > c->open_by_ns)
            opening.deadline_ns = c->open_by_ns;
        if (mpm__connection_wait(c->data, &opening, err) == MPM_ETIMEOUT && opening.deadline_ns == patience.deadline_ns)
            return MPM_ETIMEOUT;
    }
    if (c->first == c->n_sent) { /* or it would be waited for without end */
        mpm__fail(&why, MPM_ENOMEM, 0, "no memory to send a request");
        lose(c, &why);
        return take_failed(c, user, err);
    }
    r = mpm__connection_receive(c->data, &message, &patience, &why);
    if (r == 0)
        return take_reply(c, &message, user, result, err);
    if (r == MPM_ETIMEOUT) {
        if (err != NULL)
            *err = why;
        return r;
    }
    if (r == MPM_ENOMEM && mpm_connection_wants(c->data) != 0) { /* this reply is lost, the next may follow */
        struct mpm_started s = pop(c);

        if (user != NULL)
            *user = s.user;
        if (err != NULL)
            *err = why;
        return mpm__failed(c, r, true, err);
    }
    lose(c, &why);
    return take_failed(c, user, err);
}

/* --- for somebody else's loop ------------------------------------------------------------------------------------- */

size_t
mpm_client_started(const struct mpm_client *c)
{
    return c->forks == mpm__forks ? c->n_line - c->first : 0;
}

int
mpm_client_fd(const struct mpm_client *c)
{
    return c->data != NULL && c->forks == mpm__forks ? mpm_connection_fd(c->data) : -1;
}

unsigned
mpm_client_wants(const struct mpm_client *c)
{
    return c->data != NULL && c->forks == mpm__forks ? mpm_connection_wants(c->data) : 0;
}

int
mpm_client_advance(struct mpm_client *c, struct mpm_error *err)
{
    int r;

    mpm__own(c);
    if (c->data == NULL || c->first != c->n_line)
        return step(c, err);
    r = mpm__connection_idle(c->data, true, err);
    if (r != 0)
        mpm__hang_up(c);
    return r;
}

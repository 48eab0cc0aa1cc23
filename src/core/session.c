/*
 * session.c - one connection: bytes in, bytes out. Layer: core.
 *
 *   AUTHENTICATING --key proved--> ADMIN --accept_connection--> SERVING <--> PARKED
 *          |                         | any other request,          | message over the limit
 *          | refused, late           | answered                    v
 *          '-------------------------+----------------------> DISCARDING --> CLOSING
 *
 * The caller feeds bytes and sends what mpm__session_output() gives; it closes the connection when the session is
 * closing and the output is sent. A parked call that gets company by a new request was given up by its caller.
 */
#include <inttypes.h>

#include "base/alloc.h"
#include "core/core.h"
#include "value/typename.h"

#define OUTPUT_MAX (256 * 1024) /* unsent bytes; from there on a session's requests wait */
#define LARGE (64 * 1024)       /* a request that makes the checker's tables large is longer than this */
#define BUILT_MAX (1024 * 1024) /* a larger buffer is given back when the reply is written */

static const struct session_state {
    const char *name;
    bool authenticated;
    bool wants_quickack; /* the peer sends its next message without waiting for ours */
} states[] = {
    [MPM_S_AUTHENTICATING] = { "authenticating", false, true },
    [MPM_S_ADMIN]          = { "admin",          true,  true },
    [MPM_S_SERVING]        = { "serving",        true,  false },
    [MPM_S_PARKED]         = { "parked",         true,  false },
    [MPM_S_DISCARDING]     = { "discarding",     true,  true },
    [MPM_S_CLOSING]        = { "closing",        false, false },
};

void
mpm__session_become(struct mpm_session *s, enum mpm_session_state state)
{
    mpm__log(MPM_LOG_DEBUG, "session", "session=%" PRIu64 " peer=\"%s\" %s -> %s", s->id, s->peer, states[s->state].name,
        states[state].name);
    s->state = (uint8_t)state;
}

void
mpm__session_set_ready(struct mpm_session *s)
{
    if (!mpm_link_is_on(&s->ready))
        mpm__list_append(&s->hub->ready, &s->ready);
}

struct mpm_session *
mpm__session_new(struct mpm_hub *hub, const struct mpm_peer *peer, const uint8_t nonce[MPM_AUTH_NONCE], int64_t now_ns,
    void *user)
{
    size_t len = strlen(peer->text);
    struct mpm_session *s = mpm__array(1, sizeof *s + len + 1);
    uint8_t challenge[MPM_AUTH_CHALLENGE_MAX];

    if (s == NULL)
        return NULL;
    s->hub = hub;
    s->user = user;
    s->id = ++hub->n_sessions;
    hub->n_open++;
    s->protocol = 2;
    memcpy(s->peer, peer->text, len);
    s->timer.kind = MPM_TIMER_SESSION;
    if (hub->options.auth_timeout_ns != MPM_FOREVER &&
        mpm__heap_set(&hub->deadlines, &s->timer, now_ns + hub->options.auth_timeout_ns) != 0)
        goto fail;
    if (peer->pid != 0) {
        s->process = mpm__process_get(hub, peer->pid);
        if (s->process == NULL)
            goto fail;
        mpm__list_append(&s->process->sessions, &s->sibling);
    }
    mpm__output_open(s);
    len = mpm__auth_challenge(challenge, nonce);
    mpm__auth_init(&s->auth, MPM_AUTH_LISTENER, challenge, len, &s->out);
    if (s->out.error != 0)
        goto fail;
    return s;

fail:
    hub->n_open--;
    mpm__heap_unset(&hub->deadlines, &s->timer);
    mpm__buf_wipe(&s->out);
    if (s->process != NULL) {
        mpm__list_remove(&s->sibling);
        mpm__process_put(hub, s->process);
    }
    mpm__free(s);
    return NULL;
}

void *
mpm__session_user(const struct mpm_session *s)
{
    return s->user;
}

/* --- authentication ----------------------------------------------------------------------------------------------- */

static void
refuse(struct mpm_session *s, const char *why, int64_t now_ns)
{
    uint32_t left_out;

    if (mpm__log_rate(&s->hub->refused_rate, now_ns, 5, &left_out))
        mpm__log(MPM_LOG_WARNING, "auth", "peer=\"%s\" refused: %s left_out=%u", s->peer, why, left_out);
    s->hub->n_refused++;
    mpm__session_become(s, MPM_S_CLOSING);
}

static void
authenticate(struct mpm_session *s, const struct mpm_message *m, int64_t now_ns)
{
    struct mpm_error err = { 0 };
    int r;

    mpm__output_open(s);
    r = mpm__auth_feed_keyed(&s->auth, s->hub->auth_key, m->body, m->len, &s->out, &err);
    if (r == 0) {
        mpm__heap_unset(&s->hub->deadlines, &s->timer);
        mpm__session_become(s, MPM_S_ADMIN);
    } else if (r != MPM_EAGAIN) {
        refuse(s, err.text[0] != '\0' ? err.text : mpm_error_text(r), now_ns);
    }
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

/* A request that is written in another way than `( a b c d t`. false: an error was sent. */
static bool
read_odd_request(struct mpm_session *s, const struct mpm_doc *doc, struct mpm_request *q)
{
    struct mpm_ref top = { doc, doc->top };
    struct mpm_ref *const slots[4] = { &q->first, &q->name, &q->args, &q->kwds };
    struct mpm_parts parts = { 0 };
    int kind = mpm__kind(&top);
    size_t n;

    if (kind != MPM_K_TUPLE && kind != MPM_K_LIST) {
        mpm__reply_traceback(s, kind == MPM_ENOMEM ? "MemoryError"
            : "TypeError: cannot unpack the request: expected a tuple of 4, (ident, method, args, kwds)");
        return false;
    }
    if (mpm__parts(top, &parts) != 0) {
        mpm__parts_wipe(&parts);
        mpm__reply_traceback(s, "MemoryError");
        return false;
    }
    n = parts.items.n;
    for (size_t i = 0; i < 4 && i < n; i++)
        *slots[i] = mpm__part(&parts, i);
    mpm__parts_wipe(&parts);
    if (n == 4)
        return true;
    if (n < 4)
        mpm__reply_traceback(s, "ValueError: not enough values to unpack (expected 4, got %zu)", n);
    else
        mpm__reply_traceback(s, "ValueError: too many values to unpack (expected 4)");
    return false;
}

/* Takes the message apart into (first, name, args, kwds); false when an error was sent. */
static bool
read_request(struct mpm_session *s, const struct mpm_doc *doc, struct mpm_request *q)
{
    q->doc = doc;
    if (doc->n_fields != 4)
        return read_odd_request(s, doc, q);
    q->first = (struct mpm_ref){ doc, doc->fields[0] };
    q->name = (struct mpm_ref){ doc, doc->fields[1] };
    q->args = (struct mpm_ref){ doc, doc->fields[2] };
    q->kwds = (struct mpm_ref){ doc, doc->fields[3] };
    return true;
}

void
mpm__request_name(struct mpm_hub *hub, const struct mpm_request *q, const uint8_t **text, size_t *len)
{
    mpm__buf_clear(&hub->name);
    if (mpm__decode_text(q->name, &hub->name, text, len) != 0) {
        *text = (const uint8_t *)"";
        *len = 0;
    }
}

/* What the last reply granted was read: it stays granted. */
static void
forget_grant(struct mpm_session *s)
{
    struct mpm_object *object = s->granted;

    if (object == NULL)
        return;
    s->granted = NULL;
    if (s->grant.kind->read != NULL)
        s->grant.kind->read(object, &s->grant);
    mpm_forget(s->hub, &s->grant.value);
    mpm_object_drop(object);
}

static void
forget_shown(struct mpm_session *s)
{
    struct mpm_shown *shown = s->shown;

    s->shown = NULL;
    mpm__unshow(shown);
}

/* What the call was granted goes back. */
static void
take_back(struct mpm_session *s, struct mpm_call *call)
{
    call->grant.kind->lost(call->object, s->owner, &call->grant, s->hub->now_ns);
}

/* The call is finished: its reply goes out. */
static void
answer(struct mpm_session *s, struct mpm_call *call)
{
    bool grants = call->grant.kind != NULL && call->result.kind != MPM_R_ERROR;
    bool told = mpm__reply_result(s, &call->result);

    if (call->result.shown != NULL) {
        forget_shown(s);
        s->shown = call->result.shown;
        call->result.shown = NULL;
    }
    if (grants && told) {
        forget_grant(s);
        s->granted = call->object;
        s->grant = call->grant;
        call->grant = (struct mpm_grant){ 0 };
        mpm_object_hold(s->granted);
    } else if (grants) {
        take_back(s, call); /* it cannot be told: no memory, or a value that this Python cannot have */
    }
    if (!told && call->untold != NULL)
        call->untold(call);
    mpm__call_free(call);
}

static void
reply_no_repr(struct mpm_session *s, int why)
{
    switch (why) {
    case MPM_ELIMIT:
        mpm__reply_traceback(s, "RecursionError: maximum recursion depth exceeded while getting the repr of an object");
        break;
    case MPM_ERANGE:
        mpm__reply_traceback(s, "ValueError: Exceeds the limit (4300 digits) for integer string conversion; "
            "use sys.set_int_max_str_digits() to increase the limit");
        break;
    case MPM_ETOOBIG:
        mpm__reply_traceback(s, "MemoryError: the text would have more than --max-message %" PRIu64 " bytes",
            s->hub->options.max_message);
        break;
    default:
        mpm__reply_traceback(s, "MemoryError");
    }
}

/* `__str__`, `__repr__` and `#GETVALUE` work on every object, exposed or not (managers.py, Server.fallback_mapping). */
static bool
run_fallback(struct mpm_session *s, struct mpm_object *object, const struct mpm_request *q, struct mpm_call *call)
{
    struct mpm_buf text;
    int r;
    bool is_text = mpm__text_is(q->name, "__str__") || mpm__text_is(q->name, "__repr__");

    if (!is_text && !mpm__text_is(q->name, "#GETVALUE"))
        return false;
    if (!mpm__takes_nothing(s, q, !is_text ? "fallback_getvalue" : mpm__text_is(q->name, "__str__") ? "fallback_str" :
            "fallback_repr", 4)) {
        mpm__call_free(call);
        return true;
    }
    if (!is_text && object->type->getvalue != NULL) {
        object->type->getvalue(object, call);
        call->result.of = object;
        answer(s, call);
        return true;
    }
    mpm__buf_init(&text, s->hub->options.max_message); /* one long value can be stored a million times */
    if (!is_text) {
        mpm__reply_unserializable(s, "TypeError: cannot pickle '%s' object", object->type->unpicklable);
    } else {
        r = s->protocol == 2 && object->type->is_copied ? mpm__repr_copied(object, &text) : MPM_EAGAIN;
        if (r == MPM_EAGAIN)
            r = object->type->repr(object, &text);
        if (r == 0 && text.error == 0)
            mpm__reply_text(s, (const char *)text.data, text.len);
        else
            reply_no_repr(s, text.error != 0 ? text.error : r);
    }
    mpm__buf_wipe(&text);
    mpm__call_free(call);
    return true;
}

static void
reply_not_exposed(struct mpm_session *s, const struct mpm_object *object, const struct mpm_request *q)
{
    char name[MPM_SHORT_REPR];
    bool looked_up, builtin = strcmp(object->type->module, "builtins") == 0;
    struct mpm_ref ref = q->name;
    int kind = mpm__kind(&ref);

    if (kind == MPM_K_LIST || kind == MPM_K_DICT || kind == MPM_K_SET || kind == MPM_K_BYTEARRAY) {
        mpm__reply_traceback(s, "TypeError: unhashable type: '%s'", mpm__type_name(q->name, name));
        return;
    }
    if (!mpm__short_repr(s, q->name, name))
        return;
    looked_up = strcmp(name, "None") != 0; /* for None, CPython does not look among the fallbacks */
    mpm__reply_traceback(s, "AttributeError: method %s of <class '%s%s%s'> object is not in exposed=(%s)%s%s", name,
        builtin ? "" : object->type->module, builtin ? "" : ".", object->type->class_name, object->type->exposed, looked_up ?
        "\n\nDuring handling of the above exception, another exception occurred:\n\n"
        "Traceback (most recent call last):\n  ...\nKeyError: " : "", looked_up ? name : "");
}

/* Runs a method that is known to be there. q: NULL when there are no arguments, and none is needed. */
static void
run_method(struct mpm_session *s, struct mpm_object *object, const struct mpm_method *method, const struct mpm_request *q,
    int64_t now_ns)
{
    struct mpm_call *call = mpm__call_new(s->hub);
    bool bound;

    if (call == NULL) {
        mpm__reply_traceback(s, "MemoryError");
        return;
    }
    mpm_object_hold(object);
    call->object = object;
    call->method = method;
    call->owner = s->owner;
    call->protocol = s->protocol;
    call->now_ns = now_ns;
    call->session = s;
    s->hub->n_calls[method != NULL ? method->number : 0]++;
    if (method == NULL) {
        if (!run_fallback(s, object, q, call)) {
            reply_not_exposed(s, object, q);
            mpm__call_free(call);
        }
        return;
    }
    if (q == NULL)
        mpm_bind_nothing(call);
    bound = q == NULL || mpm_bind(call, object->type, q->args, 0, q->kwds);
    if (bound && method->run(object, call) == MPM_PARKED) {
        s->call = call;
        mpm__session_become(s, MPM_S_PARKED);
    } else {
        answer(s, call);
    }
}

static void
reply_malformed(struct mpm_session *s, const struct mpm_error *err)
{
    if (err->code == MPM_ENOMEM)
        mpm__reply_traceback(s, "MemoryError");
    else if (err->code == MPM_ELIMIT)
        mpm__reply_traceback(s, "RecursionError: %s", err->text);
    else
        mpm__reply_traceback(s, "_pickle.UnpicklingError: %s", err->text);
}

static uint8_t
protocol_of(const struct mpm_doc *doc)
{
    return doc->protocol < 2 ? 2 : doc->protocol;
}

/* Checks a message (begun: the rest of it) and takes it apart; false when an error was sent. */
static bool
read_message(struct mpm_session *s, const struct mpm_message *m, const struct mpm_stock *begun, struct mpm_doc *doc,
    struct mpm_request *q)
{
    const uint8_t *body = m->body;
    struct mpm_error err;
    int r;

    r = begun != NULL ? mpm__check_rest(&s->hub->checker, body, m->len, begun, doc, &err)
                      : mpm__check(&s->hub->checker, body, m->len, false, doc, &err);
    if (r == 0 || (body[0] == 0x80 && m->len > 1 && body[1] <= 5)) /* the reply to a malformed one is to be read, too */
        s->protocol = r == 0 ? protocol_of(doc) : body[1] < 2 ? 2 : body[1];
    if (r != 0) {
        err.code = r;
        reply_malformed(s, &err);
        return false;
    }
    doc->block = doc->bytes == body ? m->block : NULL;
    return read_request(s, doc, q);
}

static void
run_call(struct mpm_session *s, const struct mpm_message *m, int64_t now_ns)
{
    struct mpm_hub *hub = s->hub;
    struct mpm_stock stock;
    struct mpm_target *place;
    const struct mpm_method *method;
    struct mpm_object *object = mpm__target_find(hub, m, &stock, &method, &place);
    struct mpm_request q;
    struct mpm_doc doc;
    const uint8_t *name;
    size_t len;

    if (object != NULL && mpm_takes_nothing(method) && mpm__stock_is_bare(m->body, m->len, &stock)) {
        s->protocol = stock.protocol;
        run_method(s, object, method, NULL, now_ns);
        return;
    }
    if (!read_message(s, m, object != NULL ? &stock : NULL, &doc, &q))
        return;
    if (object == NULL) {
        object = mpm__hub_find(hub, q.first);
        if (object == NULL) {
            mpm__reply_key_error(s, q.first);
            return;
        }
        mpm__request_name(hub, &q, &name, &len);
        method = mpm_method_find(object->type, name, len, object->named);
        mpm__target_remember(place, &stock, &doc, object, method);
    }
    run_method(s, object, method, &q, now_ns);
}

static void
run_admin(struct mpm_session *s, const struct mpm_message *m, int64_t now_ns)
{
    struct mpm_request q;
    struct mpm_doc doc;

    if (read_message(s, m, NULL, &doc, &q))
        mpm__admin_run(s, &q, now_ns);
    if (s->state == MPM_S_ADMIN)
        mpm__session_become(s, MPM_S_CLOSING);
}

/* What one large request or reply needed is not kept for all the small ones that follow. */
static void
give_back_memory(struct mpm_hub *hub, size_t request_len)
{
    if (request_len > LARGE)
        mpm__checker_trim(&hub->checker);
    if (hub->built.cap > BUILT_MAX)
        mpm__buf_wipe(&hub->built);
    if (hub->name.cap > BUILT_MAX)
        mpm__buf_wipe(&hub->name);
}

/* An empty message ends the connection, as CPython 3.10+ does: its unpickler takes it for EOF. */
static void
run_request(struct mpm_session *s, const struct mpm_message *m, int64_t now_ns)
{
    forget_grant(s);
    if (s->shown != NULL)
        forget_shown(s);
    for (int i = 0; i < MPM_CANONS; i++)
        s->hub->canons[i].spent = 0;
    if (m->len == 0)
        mpm__session_become(s, MPM_S_CLOSING);
    else if (s->state == MPM_S_ADMIN)
        run_admin(s, m, now_ns);
    else
        run_call(s, m, now_ns);
    give_back_memory(s->hub, m->len);
}

/* The header announced more than is allowed. The client would not see an answer before it has sent everything, so the
 * message is read and forgotten; but not without end. */
static void
refuse_too_long(struct mpm_session *s, const struct mpm_error *err)
{
    uint64_t max = s->hub->options.max_message;

    mpm__reply_traceback(s, "MemoryError: %s (--max-message %" PRIu64 "): send it in parts or raise the limit",
        err->text, max);
    s->discard = s->frame.body_len;
    if (s->state != MPM_S_CLOSING)
        mpm__session_become(s, s->discard > 2 * max ? MPM_S_CLOSING : MPM_S_DISCARDING);
}

/* The session's call goes without an answer. What it was granted, if its answer was about to go out, goes back. */
static void
drop_call(struct mpm_session *s)
{
    struct mpm_call *call = s->call;

    s->call = NULL;
    if (call->wait != NULL)
        mpm__call_cancel(call);
    else if (call->grant.kind != NULL && call->result.kind != MPM_R_ERROR)
        take_back(s, call);
    mpm__call_free(call);
}

static void
cancel_parked(struct mpm_session *s)
{
    mpm__log(MPM_LOG_INFO, "session", "session=%" PRIu64 " peer=\"%s\" object=%" PRIx64 " type=%s gave up waiting in %s",
        s->id, s->peer, s->call->object->id, s->call->object->typeid,
        s->call->wait != NULL ? s->call->wait->name : "a call");
    drop_call(s);
    mpm__session_become(s, MPM_S_SERVING);
}

static void
take_message(struct mpm_session *s, const struct mpm_message *m, int64_t now_ns)
{
    if (s->state == MPM_S_AUTHENTICATING) {
        authenticate(s, m, now_ns);
        return;
    }
    if (s->state == MPM_S_PARKED)
        cancel_parked(s);
    run_request(s, m, now_ns);
}

static size_t
hole_len(const struct mpm_session *s)
{
    struct mpm_form form;
    size_t len = 0;

    if (!mpm_value_is_empty(&s->hole))
        (void)mpm__value_bytes(&s->hole, &len, &form);
    return len;
}

/* Whether so much waits to be sent that the next request has to wait, too: a peer that asks and never reads. One read
 * can bring a thousand requests for something large. */
static bool
has_much_output(const struct mpm_session *s)
{
    return s->out.len + hole_len(s) > OUTPUT_MAX;
}

static uint64_t
max_frame(const struct mpm_session *s)
{
    return s->state == MPM_S_AUTHENTICATING ? MPM_AUTH_FRAME_MAX : s->hub->options.max_message;
}

static void
reply_no_memory(struct mpm_session *s)
{
    if (s->state == MPM_S_PARKED)
        cancel_parked(s);
    mpm__reply_traceback(s, "MemoryError");
    if (s->state == MPM_S_ADMIN)
        mpm__session_become(s, MPM_S_CLOSING);
}

static void
broken_frame(struct mpm_session *s, int r, const struct mpm_error *err, int64_t now_ns)
{
    if (s->state == MPM_S_AUTHENTICATING)
        refuse(s, err->text[0] != '\0' ? err->text : mpm_error_text(r), now_ns);
    else if (r == MPM_ETOOBIG)
        refuse_too_long(s, err);
    else if (r == MPM_ENOMEM) /* the message was read and dropped; the next one may come */
        reply_no_memory(s);
    else {
        mpm__log(MPM_LOG_WARNING, "session", "session=%" PRIu64 " peer=\"%s\": %s: closed", s->id, s->peer,
            err->text[0] != '\0' ? err->text : mpm_error_text(r));
        mpm__session_become(s, MPM_S_CLOSING);
    }
}

static void
eat_discarded(struct mpm_session *s, size_t len)
{
    s->discard -= len < s->discard ? len : s->discard;
    if (s->discard == 0)
        mpm__session_become(s, MPM_S_CLOSING);
}

/* Whether the next request has to wait for its turn. */
static bool
must_wait(const struct mpm_session *s)
{
    return (s->state == MPM_S_PARKED && s->hub->options.queue_requests) || has_much_output(s);
}

/* Returns how many bytes were eaten: all, or those before a request that has to wait. */
static size_t
eat(struct mpm_session *s, const uint8_t *bytes, size_t len)
{
    struct mpm_message m;
    struct mpm_error err;
    size_t used, n;
    int r;

    for (n = 0; n < len && s->state != MPM_S_CLOSING; n += used) {
        if (must_wait(s))
            return n;
        used = s->state != MPM_S_DISCARDING ? mpm__frame_whole(&s->frame, bytes + n, len - n, max_frame(s), &m) : 0;
        if (used != 0) {
            take_message(s, &m, s->hub->now_ns);
            continue;
        }
        err.text[0] = '\0';
        if (s->state == MPM_S_DISCARDING) {
            eat_discarded(s, len - n);
            return len;
        }
        r = mpm__frame_feed(&s->frame, bytes + n, len - n, max_frame(s), &used, &m, &err);
        if (r == 0) {
            take_message(s, &m, s->hub->now_ns);
            mpm__frame_next(&s->frame);
        } else if (r != MPM_EAGAIN) {
            broken_frame(s, r, &err, s->hub->now_ns);
        }
    }
    return len;
}

/* What has to wait. Behind a parked call it may become much: too much ends the connection. */
static void
put_aside(struct mpm_session *s, const uint8_t *bytes, size_t len)
{
    bool parked = s->state == MPM_S_PARKED;

    mpm__buf_put(&s->backlog, bytes, len);
    if (s->backlog.error == 0 && !(parked && s->backlog.len - s->backlog_from > s->hub->options.max_message))
        return;
    mpm__log(MPM_LOG_WARNING, "session", "session=%" PRIu64 " peer=\"%s\": too many requests behind %s: closed", s->id,
        s->peer, parked ? "a parked one" : "replies that are not read");
    if (parked)
        cancel_parked(s);
    mpm__session_become(s, MPM_S_CLOSING);
}

/* What was put aside is fed again, as far as it need not wait any more. It stays where it is: with thousands of
 * requests, each of which parks, moving the others forward each time would be most of the work. */
static void
feed_backlog(struct mpm_session *s)
{
    struct mpm_buf *b = &s->backlog;

    if (b->len == 0)
        return;
    s->backlog_from += eat(s, b->data + s->backlog_from, b->len - s->backlog_from);
    if (s->backlog_from == b->len) {
        mpm__buf_wipe(b);
        s->backlog_from = 0;
    } else if (s->backlog_from >= b->len / 2) {
        mpm__buf_shift(b, s->backlog_from);
        s->backlog_from = 0;
    }
}

void
mpm__session_feed(struct mpm_session *s, const uint8_t *bytes, size_t len, int64_t now_ns)
{
    size_t used = 0;

    s->hub->now_ns = now_ns;
    s->hub->bytes_in += len;
    feed_backlog(s);
    if (s->backlog.len == 0)
        used = eat(s, bytes, len);
    if (used < len)
        put_aside(s, bytes + used, len - used);
}

uint8_t *
mpm__session_space(struct mpm_session *s, size_t *room)
{
    *room = 0;
    return s->state == MPM_S_SERVING || s->state == MPM_S_ADMIN ? mpm__frame_space(&s->frame, room) : NULL;
}

void
mpm__session_filled(struct mpm_session *s, size_t n, int64_t now_ns)
{
    struct mpm_message m;
    struct mpm_error err = { 0 };
    int r = mpm__frame_filled(&s->frame, n, &m);

    s->hub->now_ns = now_ns;
    s->hub->bytes_in += n;
    if (r == 0) {
        take_message(s, &m, now_ns);
        mpm__frame_next(&s->frame);
    } else if (r != MPM_EAGAIN) {
        broken_frame(s, r, &err, now_ns);
    }
}

/* --- output ------------------------------------------------------------------------------------------------------- */

bool
mpm__session_has_output(const struct mpm_session *s)
{
    return s->out.len != 0;
}

/* With a value that is sent from where it is stored: what is before it, the value, what is behind it. */
static size_t
output_around_hole(const struct mpm_session *s, struct mpm_piece *pieces, size_t n_max)
{
    struct mpm_form form;
    size_t skip = s->sent, n = 0, len;
    const uint8_t *value = mpm__value_bytes(&s->hole, &len, &form);
    const struct mpm_piece all[3] = { { s->out.data, s->hole_at }, { value, len },
        { s->out.data + s->hole_at, s->out.len - s->hole_at } };

    for (int i = 0; i < 3 && n < n_max; i++) {
        if (skip >= all[i].len) {
            skip -= all[i].len;
            continue;
        }
        pieces[n++] = (struct mpm_piece){ all[i].bytes + skip, all[i].len - skip };
        skip = 0;
    }
    return n;
}

size_t
mpm__session_output(struct mpm_session *s, struct mpm_piece *pieces, size_t n_max)
{
    if (!mpm_value_is_empty(&s->hole))
        return output_around_hole(s, pieces, n_max);
    if (s->out.len == s->sent)
        return 0;
    pieces[0] = (struct mpm_piece){ s->out.data + s->sent, s->out.len - s->sent };
    return 1;
}

bool
mpm__session_sent(struct mpm_session *s, size_t n)
{
    s->sent += n;
    s->hub->bytes_out += n;
    if (s->sent != s->out.len + hole_len(s))
        return true;
    mpm__output_close(s);
    feed_backlog(s);
    return s->out.len != 0;
}

bool
mpm__session_is_closing(const struct mpm_session *s)
{
    return s->state == MPM_S_CLOSING;
}

bool
mpm__session_wants_quickack(const struct mpm_session *s)
{
    return states[s->state].wants_quickack || mpm__frame_is_partial(&s->frame);
}

struct mpm_session *
mpm__hub_next_ready(struct mpm_hub *hub)
{
    struct mpm_link *link = mpm__list_first(&hub->ready);
    struct mpm_session *s;
    struct mpm_call *call;

    if (link == NULL)
        return NULL;
    mpm__list_remove(link);
    s = MPM_CONTAINER(link, struct mpm_session, ready);
    if (s->call != NULL && s->call->wait == NULL) {
        call = s->call;
        s->call = NULL;
        if (s->state == MPM_S_PARKED)
            mpm__session_become(s, MPM_S_SERVING);
        answer(s, call);
        feed_backlog(s);
    }
    return s;
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

void
mpm__session_end(struct mpm_session *s, bool lost, int64_t now_ns)
{
    struct mpm_hub *hub = s->hub;
    struct mpm_process *process = s->process;

    hub->now_ns = now_ns;
    hub->n_open--;
    mpm__log(MPM_LOG_DEBUG, "session", "session=%" PRIu64 " peer=\"%s\" ended%s", s->id, s->peer, lost ? ", not all was read" : "");
    mpm__list_remove(&s->ready);
    mpm__heap_unset(&hub->deadlines, &s->timer);
    if (s->call != NULL)
        drop_call(s);
    if (s->granted != NULL && lost) {
        s->grant.kind->lost(s->granted, s->owner, &s->grant, now_ns);
        mpm_object_drop(s->granted);
        s->granted = NULL;
    }
    forget_grant(s);
    forget_shown(s);
    mpm__owner_detach(s, now_ns);
    mpm__output_close(s);
    mpm__buf_wipe(&s->backlog);
    mpm__frame_wipe(&s->frame);
    mpm__list_remove(&s->sibling);
    mpm__free(s);
    if (process != NULL && mpm__list_is_empty(&process->sessions)) {
        if (process->gone)
            mpm__process_end(hub, process, now_ns);
        else
            mpm__process_put(hub, process);
    }
}

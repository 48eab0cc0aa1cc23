/*
 * reply.c - messages to clients: a kind and a payload, in the protocol of the client's own requests. Layer: core.
 *
 * Source: CPython Lib/multiprocessing/managers.py, Server.handle_request, serve_client, convert_to_error.
 * A reply that cannot be written (no memory) closes the session: the client sees EOF, as when a server dies.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "core/core.h"
#include "pickle/opcodes.h"

/* Output buffers larger than this are given back to the system when they are empty. */
#define KEEP_BUFFER (64 * 1024)

void
mpm__output_open(struct mpm_session *s)
{
    struct mpm_hub *hub = s->hub;

    if (s->out.data == NULL && hub->n_spare != 0)
        s->out = hub->spare[--hub->n_spare];
}

void
mpm__output_close(struct mpm_session *s)
{
    struct mpm_hub *hub = s->hub;

    mpm_drop(&s->hole);
    s->sent = 0;
    mpm__buf_clear(&s->out);
    if (s->out.data != NULL && s->out.cap <= KEEP_BUFFER && hub->n_spare < sizeof hub->spare / sizeof *hub->spare)
        hub->spare[hub->n_spare++] = s->out;
    else
        mpm__buf_wipe(&s->out);
    mpm__buf_init(&s->out, 0);
}

/* A reply under construction. */
struct reply {
    struct mpm_session *s;
    struct mpm_writer w;
    struct mpm_error err;
    size_t start; /* of the frame in s->out */
};

/* What comes before the payload: room for the frame's header, PROTO, the kind. */
static void
put_head(struct reply *r, const char *kind)
{
    struct mpm_buf *out = &r->s->out;

    mpm__buf_be(out, 0, 4);
    mpm__buf_u8(out, 0x80);
    mpm__buf_u8(out, r->s->protocol);
    mpm_write_native(&r->w, kind);
}

static const char RETURN[] = "#RETURN";

static void
begin(struct reply *r, struct mpm_session *s, const char *kind)
{
    struct mpm_short_reply *head = &s->hub->return_heads[s->protocol];

    mpm__output_open(s);
    r->s = s;
    r->start = s->out.len;
    r->w = (struct mpm_writer){ .out = &s->out, .protocol = s->protocol, .err = &r->err,
        .may_leave_hole = mpm_value_is_empty(&s->hole) };
    if (kind == RETURN && head->len != 0) {
        mpm__buf_put(&s->out, head->bytes, head->len);
    } else {
        put_head(r, kind);
        if (kind == RETURN && s->out.error == 0) {
            head->len = s->out.len - r->start;
            memcpy(head->bytes, s->out.data + r->start, head->len);
        }
    }
    r->w.top_at = s->out.len;
}

/* Takes back what was written. */
static void
undo(struct reply *r)
{
    mpm_drop(&r->w.hole);
    mpm__buf_cut(&r->s->out, r->start);
    r->s->out.error = 0;
}

/* Closes the pickle and fills in the frame's length. Returns 0 or what went wrong; then nothing was added. */
static int
end(struct reply *r)
{
    struct mpm_session *s = r->s;
    struct mpm_buf *out = &s->out;
    size_t hole_len = 0, body, header_len;
    struct mpm_form form;
    int error;

    mpm__buf_put(out, (const uint8_t[]){ MPM_OP_TUPLE2, MPM_OP_STOP }, 2);
    error = out->error != 0 ? out->error : r->w.error;
    if (error == 0) {
        if (!mpm_value_is_empty(&r->w.hole))
            (void)mpm__value_bytes(&r->w.hole, &hole_len, &form);
        body = out->len - r->start - 4;
        header_len = mpm__frame_header_len(body + hole_len);
        if (header_len > 4 && mpm__buf_add(out, header_len - 4) != NULL) {
            memmove(out->data + r->start + header_len, out->data + r->start + 4, body);
            r->w.hole_at += header_len - 4;
        }
        error = out->error;
    }
    if (error != 0) {
        undo(r);
        return error;
    }
    mpm__frame_header(out->data + r->start, body + hole_len);
    if (hole_len != 0) {
        s->hole = r->w.hole;
        s->hole_at = r->w.hole_at;
    }
    return 0;
}

/* For replies that can fail for want of memory only. */
static void
end_or_close(struct reply *r)
{
    if (end(r) != 0)
        mpm__session_become(r->s, MPM_S_CLOSING);
}

void
mpm__reply_none(struct mpm_session *s)
{
    struct reply r;

    begin(&r, s, RETURN);
    mpm_write_none(&r.w);
    end_or_close(&r);
}

void
mpm__reply_int(struct mpm_session *s, int64_t v)
{
    struct reply r;

    begin(&r, s, RETURN);
    mpm_write_int(&r.w, v);
    end_or_close(&r);
}

void
mpm__reply_text(struct mpm_session *s, const char *utf8, size_t len)
{
    struct reply r;

    begin(&r, s, RETURN);
    mpm_write_native_n(&r.w, utf8, len);
    end_or_close(&r);
}

/* A tuple of the space-separated names. */
static void
write_names(struct mpm_writer *w, const char *names)
{
    size_t len;

    mpm_write_mark(w);
    for (; *names != '\0'; names += len) {
        names += strspn(names, " ");
        len = strcspn(names, " ");
        if (len != 0)
            mpm_write_native_n(w, names, len);
    }
    mpm_write_tuple(w);
}

void
mpm__reply_names(struct mpm_session *s, const char *names)
{
    struct reply r;

    begin(&r, s, RETURN);
    write_names(&r.w, names);
    end_or_close(&r);
}

void
mpm__reply_segments(struct mpm_session *s)
{
    const char *name = NULL;
    struct reply r;
    size_t len;

    begin(&r, s, RETURN);
    mpm_write_empty_list(&r.w);
    mpm_write_mark(&r.w);
    while ((name = mpm__segment_after(s->hub, name, &len)) != NULL)
        mpm_write_native_n(&r.w, name, len);
    mpm_write_appends(&r.w);
    end_or_close(&r);
}

void
mpm__reply_created(struct mpm_session *s, const struct mpm_object *object, const char *exposed)
{
    struct reply r;
    char ident[24];

    mpm__ident(object, ident);
    begin(&r, s, RETURN);
    mpm_write_native(&r.w, ident);
    write_names(&r.w, exposed);
    mpm_write_tuple_n(&r.w, 2);
    end_or_close(&r);
}

/* The two kinds whose payload is a text: CPython's is traceback.format_exc(), of which programs match the last line. */
static void
reply_failure(struct mpm_session *s, const char *kind, const char *text, size_t len)
{
    struct reply r;
    static const char head[] = "Traceback (most recent call last):\n  ...\n";
    struct mpm_buf all;

    mpm__buf_init(&all, 0);
    mpm__buf_put(&all, head, sizeof head - 1);
    mpm__buf_put(&all, text, len);
    mpm__buf_u8(&all, '\n');
    if (all.error == 0)
        mpm__utf8_repair(all.data, all.len);
    begin(&r, s, kind);
    if (all.error == 0)
        mpm_write_native_n(&r.w, (const char *)all.data, all.len);
    else
        mpm_write_native(&r.w, "Traceback (most recent call last):\n  ...\nMemoryError\n");
    end_or_close(&r);
    mpm__buf_wipe(&all);
}

static void
reply_formatted(struct mpm_session *s, const char *kind, const char *format, va_list ap)
{
    struct mpm_buf text;
    va_list again;
    int n;

    mpm__buf_init(&text, 0);
    va_copy(again, ap);
    n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (n >= 0 && mpm__buf_add(&text, (size_t)n + 1) != NULL) {
        vsnprintf((char *)text.data, (size_t)n + 1, format, ap);
        reply_failure(s, kind, (char *)text.data, (size_t)n);
    } else {
        reply_failure(s, "#TRACEBACK", "MemoryError", 11);
    }
    mpm__buf_wipe(&text);
}

static const char *
unhashable(struct mpm_ref key)
{
    switch (mpm__kind(&key)) {
    case MPM_K_LIST:
        return "list";
    case MPM_K_DICT:
        return "dict";
    case MPM_K_SET:
        return "set";
    case MPM_K_BYTEARRAY:
        return "bytearray";
    default:
        return NULL;
    }
}

bool
mpm__short_repr(struct mpm_session *s, struct mpm_ref ref, char out[MPM_SHORT_REPR])
{
    struct mpm_buf text;
    size_t n;
    int r;

    mpm__buf_init(&text, 0);
    r = mpm__repr(ref, &text);
    n = text.len < MPM_SHORT_REPR ? text.len : MPM_SHORT_REPR - 1;
    while (n < text.len && n > 0 && (text.data[n] & 0xc0) == 0x80)
        n--;
    if (text.error != 0)
        r = MPM_ENOMEM;
    if (r == MPM_ENOMEM)
        mpm__reply_traceback(s, "MemoryError");
    else if (r != 0)
        strcpy(out, "...");
    else
        *stpncpy(out, (const char *)text.data, n) = '\0';
    mpm__buf_wipe(&text);
    return r != MPM_ENOMEM;
}

void
mpm__reply_key_error(struct mpm_session *s, struct mpm_ref key)
{
    char text[MPM_SHORT_REPR];

    if (unhashable(key) != NULL) {
        mpm__reply_traceback(s, "TypeError: unhashable type: '%s'", unhashable(key));
        return;
    }
    if (mpm__short_repr(s, key, text))
        mpm__reply_traceback(s, "KeyError: %s", text);
}

void
mpm__reply_traceback(struct mpm_session *s, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    reply_formatted(s, "#TRACEBACK", format, ap);
    va_end(ap);
}

void
mpm__reply_unserializable(struct mpm_session *s, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    reply_formatted(s, "#UNSERIALIZABLE", format, ap);
    va_end(ap);
}

void
mpm__reply_result_traceback(struct mpm_session *s, const struct mpm_result *result)
{
    const char *module, *name;
    struct mpm_buf text;

    mpm__py_error_name(result->error, s->protocol, &module, &name);
    mpm__buf_init(&text, 0);
    if (strcmp(module, "builtins") != 0 && strcmp(module, "exceptions") != 0)
        mpm__buf_printf(&text, "%s.", module);
    mpm__buf_text(&text, name);
    if (result->text != NULL)
        mpm__buf_printf(&text, ": %s", result->text);
    reply_failure(s, "#TRACEBACK", (char *)text.data, text.error == 0 ? text.len : 0);
    mpm__buf_wipe(&text);
}

static void
write_exception(struct mpm_writer *w, const struct mpm_result *result)
{
    const char *module, *name;

    mpm__py_error_name(result->error, w->protocol, &module, &name);
    mpm_write_global(w, module, name);
    if (!result->has_arg) {
        mpm_write_tuple_n(w, 0);
    } else {
        if (!mpm_value_is_empty(&result->value))
            mpm_write_value(w, &result->value);
        else
            mpm_write_native_n(w, result->text, strlen(result->text));
        mpm_write_tuple_n(w, 1);
    }
    mpm_write_reduce(w);
    if (result->attribute == NULL || w->protocol == 2)
        return;
    /* CPython 3.12+: AttributeError carries its name; older ones just get the attributes */
    mpm_write_empty_dict(w);
    mpm_write_mark(w);
    mpm_write_native(w, "name");
    mpm_write_native(w, result->attribute);
    mpm_write_native(w, "args");
    mpm_write_native_n(w, result->text, strlen(result->text));
    mpm_write_tuple_n(w, 1);
    mpm_write_setitems(w);
    mpm_write_buildop(w);
}

/* (exposed, Token(typeid, address, ident)): managers.py, Server.serve_client, `#PROXY`. */
static void
write_proxy(struct mpm_writer *w, const struct mpm_object *object)
{
    const struct mpm_hub *hub = object->hub;
    char ident[24];

    mpm__ident(object, ident);
    write_names(w, object->type->exposed);
    mpm_write_global(w, "multiprocessing.managers", "Token");
    mpm_write_tuple_n(w, 0);
    mpm_write_newobj(w);
    mpm_write_native(w, object->typeid);
    mpm_write_native(w, hub->n_addresses != 0 ? hub->addresses[0] : ""); /* clients put in the one they came by */
    mpm_write_native(w, ident);
    mpm_write_tuple_n(w, 3);
    mpm_write_buildop(w);
    mpm_write_tuple_n(w, 2);
}

static void
write_several(struct mpm_writer *w, const struct mpm_value *v, size_t n, bool is_tuple)
{
    if (!is_tuple)
        mpm_write_empty_list(w);
    mpm_write_mark(w);
    for (size_t i = 0; i < n; i++)
        mpm_write_value(w, &v[i]);
    if (is_tuple)
        mpm_write_tuple(w);
    else
        mpm_write_appends(w);
}

static const char *
kind_of(const struct mpm_result *result)
{
    return result->kind == MPM_R_ERROR ? "#ERROR" : result->kind == MPM_R_OBJECT ? "#PROXY" : RETURN;
}

/* Returns 0, MPM_EUNSUP (err says why this reader cannot have it), MPM_ETOOBIG (copies) or MPM_ENOMEM. */
static int
try_result(struct mpm_session *s, struct mpm_result *result, struct mpm_error *err)
{
    bool may_copy = result->shown != NULL && s->protocol == 2;
    struct reply r;
    int e;

    r.err.text[0] = '\0';
    begin(&r, s, kind_of(result));
    if (may_copy)
        r.w.may_leave_hole = false;
    switch (result->kind) {
    case MPM_R_BOOL:
        mpm_write_bool(&r.w, result->boolean);
        break;
    case MPM_R_INT:
        mpm_write_int(&r.w, result->integer);
        break;
    case MPM_R_TEXT:
        mpm_write_native_n(&r.w, result->text, strlen(result->text));
        break;
    case MPM_R_VALUE:
        mpm_write_value(&r.w, &result->value);
        break;
    case MPM_R_LIST:
        write_several(&r.w, result->list, result->n_list, result->is_tuple);
        break;
    case MPM_R_BUILT:
        if (s->hub->writer.error != 0) {
            *err = s->hub->writer.err != NULL ? *s->hub->writer.err : (struct mpm_error){ 0 };
            undo(&r);
            return s->hub->writer.error;
        }
        mpm__buf_put(&s->out, s->hub->built.data, s->hub->built.len);
        break;
    case MPM_R_OBJECT:
        write_proxy(&r.w, result->object);
        break;
    case MPM_R_ERROR:
        write_exception(&r.w, result);
        break;
    case MPM_R_UNSET:
    case MPM_R_NONE:
        mpm_write_none(&r.w);
        break;
    }
    if (may_copy && s->out.error == 0 && r.w.error == 0)
        r.w.error = mpm__put_copies(s->hub, &s->out, r.w.top_at, result->of, &result->shown);
    e = end(&r);
    if (e != 0)
        *err = r.err;
    return e;
}

/* The commonest replies are the same each time. NULL: not one of them. */
static struct mpm_short_reply *
short_reply(const struct mpm_session *s, const struct mpm_result *result)
{
    switch (result->kind) {
    case MPM_R_NONE:
        return &s->hub->replies[s->protocol][0];
    case MPM_R_BOOL:
        return &s->hub->replies[s->protocol][1 + result->boolean];
    default:
        return NULL;
    }
}

#define SMALL_REPLY_MAX (sizeof(struct mpm_short_reply) + sizeof(struct mpm_value) + 2)

/* A small value, which is copied as it stands, between what is always the same. */
static bool
reply_small(struct mpm_session *s, const struct mpm_value *v)
{
    const struct mpm_short_reply *head = &s->hub->return_heads[s->protocol];
    size_t len;
    const uint8_t *bytes = mpm__value_plain(v, s->protocol, &len);
    uint8_t *at;

    if (bytes == NULL || head->len == 0)
        return false;
    mpm__output_open(s);
    at = mpm__buf_add(&s->out, SMALL_REPLY_MAX);
    if (at == NULL) {
        s->out.error = 0; /* it fails the long way, too */
        return false;
    }
    /* a few bytes too many, in a few moves */
    memcpy(at, head->bytes, sizeof head->bytes);
    (void)mpm__frame_header(at, head->len - 4 + len + 2);
    memcpy(at + head->len, bytes, sizeof v->small);
    at[head->len + len] = MPM_OP_TUPLE2;
    at[head->len + len + 1] = MPM_OP_STOP;
    s->out.len -= SMALL_REPLY_MAX - (head->len + len + 2);
    return true;
}

static bool
repeat(struct mpm_session *s, const struct mpm_short_reply *reply)
{
    mpm__output_open(s);
    mpm__buf_put(&s->out, reply->bytes, reply->len);
    if (s->out.error == 0)
        return reply->len != 0;
    s->out.error = 0; /* it fails the long way, too */
    return false;
}

bool
mpm__reply_result(struct mpm_session *s, struct mpm_result *result)
{
    struct mpm_short_reply *same = short_reply(s, result);
    size_t start = s->out.len;
    struct mpm_error err;
    int r = 0;

    if (same != NULL ? repeat(s, same) : result->kind == MPM_R_VALUE && reply_small(s, &result->value))
        return true;
    /* the creator's reference, which the client gives back once it has its own (managers.py, Server.create) */
    if (result->kind == MPM_R_OBJECT)
        r = mpm__hub_incref(s->hub, result->object, s->process);
    if (r == 0)
        r = try_result(s, result, &err);
    if (r == 0 && same != NULL) {
        same->len = s->out.len - start;
        memcpy(same->bytes, s->out.data + start, same->len);
    }
    if (r == 0)
        return true;
    if (r == MPM_EUNSUP) {
        mpm__reply_unserializable(s, "_pickle.PicklingError: %s", err.text);
        return false;
    }
    if (r == MPM_ETOOBIG) {
        mpm__reply_traceback(s, "MemoryError: copies of the objects inside of it would have more than --max-message %" PRIu64
            " bytes; read them one by one", s->hub->options.max_message);
        return false;
    }
    mpm__result_wipe(result);
    result->kind = MPM_R_ERROR;
    result->error = MPM_PY_MEMORY_ERROR;
    if (try_result(s, result, &err) != 0)
        mpm__session_become(s, MPM_S_CLOSING);
    return false;
}

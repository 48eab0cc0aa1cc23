/*
 * admin.c - the one-shot requests: what a connection asks first. Layer: core.
 *
 * Source: CPython Lib/multiprocessing/managers.py, class Server (its `public` functions). A failure of any of them is a
 * `#TRACEBACK`, never an `#ERROR`. A new one is a function and a row.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "core/core.h"
#include "object/bind.h"

struct admin {
    const char *name;
    const char *param;  /* its one parameter; NULL: none */
    bool takes_more;    /* the other arguments are its own business */
    void (*run)(struct mpm_session *s, const struct mpm_request *q, struct mpm_ref arg, size_t n_args, int64_t now_ns);
};

static void
dummy(struct mpm_session *s, const struct mpm_request *q, struct mpm_ref arg, size_t n_args, int64_t now_ns)
{
    (void)q, (void)arg, (void)n_args, (void)now_ns;
    mpm__reply_none(s);
}

static const char *
exposed_of(const struct mpm_named *named)
{
    const struct mpm_type *type = named->object->type;

    return named->exposed != NULL ? named->exposed : type->auto_exposed != NULL ? type->auto_exposed : type->exposed;
}

/* The name's one object, with one more reference. */
static void
create_named(struct mpm_session *s, struct mpm_named *named, const struct mpm_request *q, size_t n_args)
{
    struct mpm_parts kwds = { 0 };
    char name[MPM_SHORT_REPR];
    int r = mpm__parts(q->kwds, &kwds);

    if (n_args > 1)
        mpm__reply_traceback(s, "TypeError: %s() takes 0 positional arguments but %zu %s given", named->name, n_args - 1,
            n_args == 2 ? "was" : "were");
    else if (r == 0 && kwds.items.n != 0) {
        if (mpm__short_repr(s, mpm__part(&kwds, 0), name))
            mpm__reply_traceback(s, "TypeError: %s() got an unexpected keyword argument %s", named->name, name);
    } else if (r == MPM_ENOMEM || mpm__hub_incref(s->hub, named->object, s->process) != 0)
        mpm__reply_traceback(s, "MemoryError");
    else
        mpm__reply_created(s, named->object, exposed_of(named));
    mpm__parts_wipe(&kwds);
}

/* The one type of a SyncManager that cannot be served is told apart from a typo, for which CPython's answer is the
 * bare KeyError. */
static void
reply_no_type(struct mpm_session *s, struct mpm_ref typeid)
{
    if (mpm__text_is(typeid, "Pool")) {
        mpm__reply_traceback(s,
            "NotImplementedError: a Pool would run Python functions inside the server, which mpmd cannot: "
            "use multiprocessing.Pool in the program itself; its workers can share this server's objects");
        return;
    }
    mpm__reply_key_error(s, typeid);
}

static void
create(struct mpm_session *s, const struct mpm_request *q, struct mpm_ref arg, size_t n_args, int64_t now_ns)
{
    struct mpm_hub *hub = s->hub;
    const uint8_t *text;
    size_t len;
    const struct mpm_type *type = NULL;
    const char *typeid = NULL;
    struct mpm_named *named = NULL;
    struct mpm_factory *factory = NULL;
    struct mpm_object *object;
    struct mpm_call *call;

    if (mpm__read_text(arg, &text, &len) == 0 && (named = mpm__hub_named(hub, text, len)) == NULL) {
        factory = mpm__hub_factory(hub, text, len);
        type = factory != NULL ? factory->type : mpm__hub_type(text, len, &typeid);
    }
    if (named != NULL) {
        create_named(s, named, q, n_args);
        return;
    }
    if (type == NULL) {
        reply_no_type(s, arg);
        return;
    }
    if (factory != NULL)
        typeid = factory->typeid;
    call = mpm__call_new(hub);
    if (call == NULL) {
        mpm__reply_traceback(s, "MemoryError");
        return;
    }
    call->owner = hub->nobody;
    call->protocol = s->protocol;
    call->now_ns = now_ns;
    object = mpm__hub_create(hub, call, typeid, type, q->args, 1, q->kwds);
    if (object == NULL) {
        mpm__reply_result_traceback(s, &call->result);
    } else {
        if (mpm__hub_incref(hub, object, s->process) != 0)
            mpm__reply_traceback(s, "MemoryError");
        else
            mpm__reply_created(s, object,
                factory != NULL && factory->exposed != NULL ? factory->exposed : type->exposed);
        mpm_object_drop(object);
    }
    mpm__call_free(call);
}

static void
incref(struct mpm_session *s, const struct mpm_request *q, struct mpm_ref arg, size_t n_args, int64_t now_ns)
{
    struct mpm_object *object = mpm__hub_find(s->hub, arg);

    (void)q, (void)n_args, (void)now_ns;
    if (object == NULL)
        mpm__reply_key_error(s, arg);
    else if (mpm__hub_incref(s->hub, object, s->process) != 0)
        mpm__reply_traceback(s, "MemoryError");
    else
        mpm__reply_none(s);
}

static void
decref(struct mpm_session *s, const struct mpm_request *q, struct mpm_ref arg, size_t n_args, int64_t now_ns)
{
    struct mpm_object *object = mpm__hub_find(s->hub, arg);

    (void)q, (void)n_args, (void)now_ns;
    if (object == NULL || mpm__hub_decref(s->hub, object, s->process) != 0)
        mpm__reply_key_error(s, arg);
    else
        mpm__reply_none(s);
}

static void
get_methods(struct mpm_session *s, const struct mpm_request *q, struct mpm_ref arg, size_t n_args, int64_t now_ns)
{
    struct mpm_token_ref token;
    struct mpm_object *object;
    struct mpm_named *named = NULL;
    const uint8_t *text;
    size_t len;

    (void)q, (void)n_args, (void)now_ns;
    if (mpm__read_token(arg, &token) != 0) {
        mpm__reply_traceback(s, "AttributeError: get_methods() wants a Token: the argument has no attribute 'id'");
        return;
    }
    object = mpm__hub_find(s->hub, token.ident);
    if (object == NULL)
        mpm__reply_key_error(s, token.ident);
    else {
        if (object->named && mpm__read_text(token.typeid, &text, &len) == 0)
            named = mpm__hub_named(s->hub, text, len);
        mpm__reply_names(s, named != NULL && named->object == object && named->exposed != NULL ? named->exposed
                                                                                              : object->type->exposed);
    }
}

static int
compare_idents(const void *a, const void *b)
{
    char x[24], y[24];

    mpm__ident(*(struct mpm_object *const *)a, x);
    mpm__ident(*(struct mpm_object *const *)b, y);
    return strcmp(x, y);
}

/* At most `max` characters of UTF-8, as Python's text[:max]. */
static size_t
cut_text(const struct mpm_buf *text, size_t max)
{
    size_t i = 0;

    for (size_t n = 0; i < text->len && n < max; n++)
        for (i++; i < text->len && (text->data[i] & 0xc0) == 0x80; i++)
            ;
    return i;
}

/* str(object)[:75], without printing all of what may be a million items for it. */
#define SHOWN_MAX 75
static void
print_start(struct mpm_object *object, struct mpm_buf *text)
{
    int r;

    mpm__buf_wipe(text);
    mpm__buf_init(text, 64 * SHOWN_MAX);
    r = object->type->repr(object, text);
    if (text->error == MPM_ETOOBIG && cut_text(text, SHOWN_MAX) < text->len)
        return;
    if (text->error == MPM_ETOOBIG) { /* one long item at the start */
        mpm__buf_wipe(text);
        mpm__buf_init(text, 0);
        r = object->type->repr(object, text);
    }
    if (r != 0)
        mpm__buf_clear(text);
}

static void
debug_info(struct mpm_session *s, const struct mpm_request *q, struct mpm_ref arg, size_t n_args, int64_t now_ns)
{
    struct mpm_hub *hub = s->hub;
    struct mpm_object **sorted = mpm__array(hub->n_counted, sizeof *sorted), *object;
    struct mpm_buf all, text;
    struct mpm_link *link;
    size_t n = 0;
    char ident[24];

    (void)q, (void)arg, (void)n_args, (void)now_ns;
    mpm__buf_init(&all, 0);
    mpm__buf_init(&text, 0);
    for (link = mpm__list_first(&hub->object_list); sorted != NULL && link != NULL;
         link = mpm__list_next(&hub->object_list, link)) {
        object = MPM_CONTAINER(link, struct mpm_object, link);
        if (object->refs != 0)
            sorted[n++] = object;
    }
    if (n != 0)
        qsort(sorted, n, sizeof *sorted, compare_idents);
    for (size_t i = 0; i < n; i++) {
        mpm__ident(sorted[i], ident);
        print_start(sorted[i], &text);
        mpm__buf_printf(&all, "%s  %s:       refcount=%" PRIu64 "\n    ", i != 0 ? "\n" : "", ident, sorted[i]->refs);
        mpm__buf_put(&all, text.data, cut_text(&text, SHOWN_MAX));
    }
    if (sorted == NULL || all.error != 0)
        mpm__reply_traceback(s, "MemoryError");
    else
        mpm__reply_text(s, (const char *)all.data, all.len);
    mpm__buf_wipe(&all);
    mpm__buf_wipe(&text);
    mpm__free(sorted);
}

static void
number_of_objects(struct mpm_session *s, const struct mpm_request *q, struct mpm_ref arg, size_t n_args, int64_t now_ns)
{
    (void)q, (void)arg, (void)n_args, (void)now_ns;
    mpm__reply_int(s, (int64_t)s->hub->n_counted);
}

/* CPython answers twice; clients read one, and the other may meet a closed socket: one is enough. */
static void
shut_down(struct mpm_session *s, const struct mpm_request *q, struct mpm_ref arg, size_t n_args, int64_t now_ns)
{
    (void)q, (void)arg, (void)n_args, (void)now_ns;
    mpm__log(MPM_LOG_INFO, "server", "peer=\"%s\" asked for shutdown", s->peer);
    mpm__hub_release_segments(s->hub);
    mpm__reply_none(s);
    s->hub->wants_shutdown = true;
}

static void
accept_connection(struct mpm_session *s, const struct mpm_request *q, struct mpm_ref arg, size_t n_args, int64_t now_ns)
{
    const uint8_t *name = (const uint8_t *)"";
    size_t len = 0;

    (void)q, (void)n_args, (void)now_ns;
    (void)mpm__read_text(arg, &name, &len); /* any value is accepted; only a str names the thread */
    if (mpm__owner_attach(s, name, len) == NULL) {
        mpm__reply_traceback(s, "MemoryError");
        return;
    }
    mpm__reply_none(s);
    if (s->state == MPM_S_ADMIN)
        mpm__session_become(s, MPM_S_SERVING);
}

static void
track_segment(struct mpm_session *s, const struct mpm_request *q, struct mpm_ref arg, size_t n_args, int64_t now_ns)
{
    (void)q, (void)n_args, (void)now_ns;
    mpm__track_segment(s, arg);
}

static void
release_segment(struct mpm_session *s, const struct mpm_request *q, struct mpm_ref arg, size_t n_args, int64_t now_ns)
{
    (void)q, (void)n_args, (void)now_ns;
    mpm__release_segment(s, arg);
}

static void
list_segments(struct mpm_session *s, const struct mpm_request *q, struct mpm_ref arg, size_t n_args, int64_t now_ns)
{
    (void)q, (void)arg, (void)n_args, (void)now_ns;
    mpm__reply_segments(s);
}

/* Not CPython's: doc/protocol.md, section 11. */
static void
mpmd_inspect(struct mpm_session *s, const struct mpm_request *q, struct mpm_ref arg, size_t n_args, int64_t now_ns)
{
    (void)arg, (void)n_args;
    mpm__inspect(s, q, now_ns);
}

static const struct admin admins[] = {
    { "create", "typeid", true, create },
    { "incref", "ident", false, incref },
    { "decref", "ident", false, decref },
    { "accept_connection", "name", false, accept_connection },
    { "dummy", NULL, false, dummy },
    { "number_of_objects", NULL, false, number_of_objects },
    { "debug_info", NULL, false, debug_info },
    { "get_methods", "token", false, get_methods },
    { "shutdown", NULL, false, shut_down },
    { "track_segment", "segment_name", false, track_segment },
    { "release_segment", "segment_name", false, release_segment },
    { "list_segments", NULL, false, list_segments },
    { "mpmd_inspect", "what", true, mpmd_inspect },
};
#define N_ADMINS (sizeof admins / sizeof *admins)

size_t
mpm__n_admins(void)
{
    return N_ADMINS;
}

const char *
mpm__admin_name(size_t i)
{
    return admins[i].name;
}

/* The value of the one parameter, by position or keyword; false when an error was sent. n_own: of the arguments that
 * CPython's function has besides, and counts. */
static bool
bind_one(struct mpm_session *s, const struct admin *a, size_t n_own, const struct mpm_parts *args,
    const struct mpm_parts *kwds, struct mpm_ref *arg)
{
    size_t n_wanted = a->param != NULL, n = args->items.n, key_len;
    const uint8_t *key;

    *arg = n != 0 ? mpm__part(args, 0) : (struct mpm_ref){ 0 };
    if (!a->takes_more) {
        for (size_t i = 0; i < kwds->items.n; i += 2) {
            if (mpm__read_text(mpm__part(kwds, i), &key, &key_len) != 0) {
                mpm__reply_traceback(s, "TypeError: keywords must be strings");
                return false;
            }
            if (a->param == NULL || strlen(a->param) != key_len || memcmp(a->param, key, key_len) != 0) {
                mpm__reply_traceback(s, "TypeError: Server.%s() got an unexpected keyword argument '%.*s'", a->name,
                    (int)(key_len < 80 ? key_len : 80), (const char *)key);
                return false;
            }
            if (arg->doc != NULL) {
                mpm__reply_traceback(s, "TypeError: Server.%s() got multiple values for argument '%s'", a->name, a->param);
                return false;
            }
            *arg = mpm__part(kwds, i + 1);
        }
        if (n > n_wanted) {
            mpm__reply_traceback(s, "TypeError: Server.%s() takes %zu positional arguments but %zu were given", a->name,
                n_wanted + n_own, n + n_own);
            return false;
        }
    }
    if (n_wanted == 1 && arg->doc == NULL) {
        mpm__reply_traceback(s, "TypeError: Server.%s() missing 1 required positional argument: '%s'", a->name, a->param);
        return false;
    }
    return true;
}

/* Takes the request's arguments apart: `args` may be any sequence, `kwds` a dict, as in Python's f(*args, **kwds).
 * False when an error was sent. */
static bool
bind(struct mpm_session *s, const struct mpm_request *q, const struct admin *a, size_t n_own, struct mpm_ref *arg, size_t *n_args)
{
    struct mpm_parts args = { 0 }, kwds = { 0 };
    int bad_args = mpm__parts(q->args, &args), bad_kwds = bad_args == 0 ? mpm__parts(q->kwds, &kwds) : 0;
    char buf[64];
    bool ok = false;

    if (bad_args == MPM_ENOMEM || bad_kwds == MPM_ENOMEM)
        mpm__reply_traceback(s, "MemoryError");
    else if (bad_args != 0)
        mpm__reply_traceback(s, "TypeError: Value after * must be an iterable, not %s", mpm__type_name(q->args, buf));
    else if (bad_kwds != 0)
        mpm__reply_traceback(s, "TypeError: multiprocessing.managers.Server.%s() argument after ** must be a mapping, not %s",
            a->name, mpm__type_name(q->kwds, buf));
    else
        ok = bind_one(s, a, n_own, &args, &kwds, arg);
    *n_args = args.items.n;
    mpm__parts_wipe(&args);
    mpm__parts_wipe(&kwds);
    return ok;
}

bool
mpm__takes_nothing(struct mpm_session *s, const struct mpm_request *q, const char *function, size_t n_own)
{
    struct admin a = { .name = function };
    struct mpm_ref none;
    size_t n;

    return bind(s, q, &a, n_own, &none, &n);
}

static void
run(struct mpm_session *s, const struct mpm_request *q, const struct admin *a, int64_t now_ns)
{
    struct mpm_ref arg;
    size_t n_args;

    if (bind(s, q, a, 2, &arg, &n_args))
        a->run(s, q, arg, n_args, now_ns);
}

void
mpm__admin_run(struct mpm_session *s, const struct mpm_request *q, int64_t now_ns)
{
    char name[MPM_SHORT_REPR];
    const uint8_t *text;
    size_t len;

    mpm__request_name(s->hub, q, &text, &len);
    for (size_t i = 0; i < N_ADMINS; i++)
        if (strlen(admins[i].name) == len && memcmp(admins[i].name, text, len) == 0) {
            s->hub->n_requests[i]++;
            run(s, q, &admins[i], now_ns);
            return;
        }
    if (mpm__short_repr(s, q->name, name))
        mpm__reply_traceback(s, "AssertionError: %s unrecognized", name);
}

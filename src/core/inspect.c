/*
 * inspect.c - mpmd_inspect: what people and tools ask about the server and its objects. Layer: core.
 *
 * Answers with plain Python values, a page at a time: a request visits a bounded number of objects and its reply has a
 * bounded length, however many there are. Changes nothing. doc/protocol.md, section 11, has each key.
 */
#include <inttypes.h>
#include <stdio.h>

#include <mpmd/version.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "core/core.h"

#define PAGE (64 * 1024) /* bytes of a reply, after which no further item is begun */
#define VISITED 16384    /* objects that one request looks at */
#define LISTED 100       /* of one object: who holds it, waits for it, refers to it, contains it */
#define TEXT 16384       /* bytes of str(object) */
#define NAME 200         /* bytes of a thread's name */

struct inspection {
    struct mpm_hub *hub;
    struct mpm_call *call;    /* whose result is the answer */
    struct mpm_writer *w;
    size_t page;
    uint64_t start, skip;     /* where to begin: "IDENT" or "IDENT.N"; numbers of waiters in place of the ident */
    struct mpm_object *object;
    bool more;                /* there is a next page: */
    uint64_t next, next_skip;
};

/* --- values ------------------------------------------------------------------------------------------------------- */

static void
put_none(struct inspection *in, const char *key)
{
    mpm_write_native(in->w, key);
    mpm_write_none(in->w);
}

static void
put_int(struct inspection *in, const char *key, uint64_t v)
{
    mpm_write_native(in->w, key);
    mpm_write_int(in->w, v <= INT64_MAX ? (int64_t)v : INT64_MAX);
}

static void
put_bool(struct inspection *in, const char *key, bool v)
{
    mpm_write_native(in->w, key);
    mpm_write_bool(in->w, v);
}

static void
put_time(struct inspection *in, const char *key, int64_t ns)
{
    mpm_write_native(in->w, key);
    if (ns == MPM_FOREVER)
        mpm_write_none(in->w);
    else
        mpm_write_float(in->w, (double)ns / 1e9);
}

/* Our own words: ASCII. */
static void
put_word(struct inspection *in, const char *key, const char *word)
{
    mpm_write_native(in->w, key);
    mpm_write_native(in->w, word);
}

/* What came from outside: cut between characters, and made well-formed. */
static void
put_text(struct inspection *in, const char *key, const char *text, size_t max)
{
    uint8_t copy[NAME];
    size_t len = strlen(text);

    if (max > sizeof copy)
        max = sizeof copy;
    if (len > max)
        for (len = max; len > 0 && ((uint8_t)text[len] & 0xc0) == 0x80;)
            len--;
    memcpy(copy, text, len);
    mpm__utf8_repair(copy, len);
    mpm_write_native(in->w, key);
    mpm_write_text(in->w, (const char *)copy, len);
}

static void
put_ident(struct inspection *in, const char *key, const struct mpm_object *object)
{
    char ident[24];

    if (object == NULL) {
        put_none(in, key);
        return;
    }
    mpm__ident(object, ident);
    put_word(in, key, ident);
}

static void
begin_dict(struct inspection *in)
{
    mpm_write_empty_dict(in->w);
    mpm_write_mark(in->w);
}

static void
begin_list(struct inspection *in, const char *key)
{
    mpm_write_native(in->w, key);
    mpm_write_empty_list(in->w);
    mpm_write_mark(in->w);
}

static bool
is_full(const struct inspection *in)
{
    return in->w->out->len >= in->page;
}

/* --- what is told of each kind of thing --------------------------------------------------------------------------- */

/* The names were registered one after the other, so they are in order of their objects. */
static const char *
name_of(const struct mpm_hub *hub, const struct mpm_object *object)
{
    size_t low = 0, high = hub->n_named, middle;

    while (object->named && low < high) {
        middle = low + (high - low) / 2;
        if (hub->named[middle].object->id < object->id)
            low = middle + 1;
        else
            high = middle;
    }
    return object->named && low < hub->n_named && hub->named[low].object == object ? hub->named[low].name : NULL;
}

static void
put_name(struct inspection *in, const struct mpm_object *object)
{
    const char *name = name_of(in->hub, object);

    if (name != NULL)
        put_text(in, "name", name, NAME);
    else
        put_none(in, "name");
}

static void
put_which(struct inspection *in, const struct mpm_object *object)
{
    put_ident(in, "ident", object);
    put_word(in, "typeid", object->typeid);
    put_name(in, object);
}

/* "owner" is 0 when that is a dead one whose lock was kept. */
static void
put_owner(struct inspection *in, const struct mpm_owner *owner)
{
    put_int(in, "owner", owner->id);
    if (owner->pid != 0)
        put_int(in, "pid", (uint64_t)owner->pid);
    else
        put_none(in, "pid");
    put_text(in, "thread", owner->name, NAME);
    if (owner->session != NULL)
        put_text(in, "peer", owner->session->peer, NAME);
    else
        put_none(in, "peer");
}

static void
put_hold(struct inspection *in, const struct mpm_hold *hold)
{
    put_time(in, "since", hold->since_ns);
    put_int(in, "count", hold->count);
    put_owner(in, hold->owner);
}

static void
put_wait(struct inspection *in, const struct mpm_call *call)
{
    const struct mpm_type *type = call->object->type;

    put_int(in, "number", call->wait_number);
    put_word(in, "method", call->method->name);
    put_time(in, "since", call->since_ns);
    put_time(in, "deadline", call->timer.place != 0 ? call->timer.at_ns : MPM_FOREVER);
    put_ident(in, "held_up_by", type->held_up_by != NULL ? type->held_up_by(call->object, call) : NULL);
    put_owner(in, call->owner);
}

static struct mpm_hold *
next_hold(struct mpm_object *object, struct mpm_hold *prev)
{
    return object->type->next_hold != NULL ? object->type->next_hold(object, prev) : NULL;
}

static struct mpm_loan *
next_loan(struct mpm_object *object, struct mpm_loan *prev)
{
    return object->type->next_loan != NULL ? object->type->next_loan(object, prev) : NULL;
}

/* What len(object) or object.qsize() says: both only look. */
static void
put_size(struct inspection *in, struct mpm_object *object)
{
    const struct mpm_method *method = mpm_method_find(object->type, (const uint8_t *)"__len__", 7, false);
    struct mpm_call *call = in->call;

    if (method == NULL)
        method = mpm_method_find(object->type, (const uint8_t *)"qsize", 5, false);
    if (method == NULL) {
        put_none(in, "size");
        return;
    }
    mpm_object_hold(object);
    call->object = object;
    call->method = method;
    mpm_bind_nothing(call);
    method->run(object, call);
    if (call->result.kind == MPM_R_INT)
        put_int(in, "size", (uint64_t)call->result.integer);
    else
        put_none(in, "size");
    mpm__result_wipe(&call->result);
    call->object = NULL;
    call->method = NULL;
    mpm_object_drop(object);
}

static void
put_object(struct inspection *in, struct mpm_object *object)
{
    struct mpm_hold *first = next_hold(object, NULL);
    size_t n = 0;

    put_which(in, object);
    put_int(in, "refs", object->refs);
    put_int(in, "waiters", object->n_waiting);
    put_size(in, object);
    for (struct mpm_hold *hold = first; hold != NULL && n < LISTED; hold = next_hold(object, hold))
        n++;
    put_int(in, "holders", n);
    if (first == NULL) {
        put_none(in, "holder");
        return;
    }
    mpm_write_native(in->w, "holder");
    begin_dict(in);
    put_hold(in, first);
    mpm_write_setitems(in->w);
}

/* --- pages -------------------------------------------------------------------------------------------------------- */

/* The first object with this id or a later one. Idents are given one after the other, so the one after a page is near
 * where it was. NULL: there is none, or so many have gone that the search goes on in the next page. */
static struct mpm_object *
find_from(struct inspection *in, uint64_t id)
{
    struct mpm_hub *hub = in->hub;
    struct mpm_link *first = mpm__list_first(&hub->object_list), *link;
    struct mpm_object *object;
    size_t n;

    if (first == NULL || id <= MPM_CONTAINER(first, struct mpm_object, link)->id)
        return first != NULL ? MPM_CONTAINER(first, struct mpm_object, link) : NULL;
    if (hub->objects.n <= VISITED) {
        for (link = first; link != NULL; link = mpm__list_next(&hub->object_list, link))
            if (MPM_CONTAINER(link, struct mpm_object, link)->id >= id)
                return MPM_CONTAINER(link, struct mpm_object, link);
        return NULL;
    }
    for (n = 0; n < VISITED && id < hub->next_id; n++, id++)
        if ((object = mpm__idmap_get(&hub->objects, id)) != NULL)
            return object;
    in->more = id < hub->next_id;
    in->next = id;
    return NULL;
}

static struct mpm_object *
next_object(const struct mpm_hub *hub, const struct mpm_object *object)
{
    struct mpm_link *link = mpm__list_next(&hub->object_list, &object->link);

    return link != NULL ? MPM_CONTAINER(link, struct mpm_object, link) : NULL;
}

static void
go_on_at(struct inspection *in, uint64_t number, uint64_t skip)
{
    in->more = true;
    in->next = number;
    in->next_skip = skip;
}

static void
list_objects(struct inspection *in)
{
    for (struct mpm_object *o = find_from(in, in->start); o != NULL; o = next_object(in->hub, o)) {
        if (is_full(in)) {
            go_on_at(in, o->id, 0);
            return;
        }
        begin_dict(in);
        put_object(in, o);
        mpm_write_setitems(in->w);
    }
}

static void
list_holders(struct inspection *in)
{
    struct mpm_hold *hold;
    size_t n = 0;
    uint64_t i;

    for (struct mpm_object *o = find_from(in, in->start); o != NULL; o = next_object(in->hub, o)) {
        if (++n > VISITED) {
            go_on_at(in, o->id, 0);
            return;
        }
        for (i = 0, hold = next_hold(o, NULL); hold != NULL; i++, hold = next_hold(o, hold)) {
            if (hold->object->id != o->id) /* a Condition on a lock that comes by itself */
                break;
            if (o->id == in->start && i < in->skip)
                continue;
            if (is_full(in)) {
                go_on_at(in, o->id, i);
                return;
            }
            begin_dict(in);
            put_which(in, o);
            put_hold(in, hold);
            mpm_write_setitems(in->w);
        }
    }
}

/* skip: the number of the loan to begin with. */
static void
list_leases(struct inspection *in)
{
    struct mpm_loan *loan;
    size_t n = 0;

    for (struct mpm_object *o = find_from(in, in->start); o != NULL; o = next_object(in->hub, o)) {
        if (++n > VISITED) {
            go_on_at(in, o->id, 0);
            return;
        }
        for (loan = next_loan(o, NULL); loan != NULL; loan = next_loan(o, loan)) {
            if (o->id == in->start && loan->number < in->skip)
                continue;
            if (is_full(in)) {
                go_on_at(in, o->id, loan->number);
                return;
            }
            begin_dict(in);
            put_which(in, o);
            put_int(in, "lease", loan->number);
            put_int(in, "deliveries", loan->deliveries);
            put_time(in, "since", loan->since_ns);
            put_owner(in, loan->owner);
            mpm_write_setitems(in->w);
        }
    }
}

static void
list_waiters(struct inspection *in)
{
    const struct mpm_list *parked = &in->hub->parked;
    const struct mpm_call *call;

    for (struct mpm_link *link = mpm__list_first(parked); link != NULL; link = mpm__list_next(parked, link)) {
        call = MPM_CONTAINER(link, const struct mpm_call, parked);
        if (call->wait_number < in->start)
            continue;
        if (is_full(in)) {
            go_on_at(in, call->wait_number, 0);
            return;
        }
        begin_dict(in);
        put_which(in, call->object);
        put_wait(in, call);
        mpm_write_setitems(in->w);
    }
}

/* --- one object --------------------------------------------------------------------------------------------------- */

static void
put_exposed(struct inspection *in, const struct mpm_object *object)
{
    const char *names = object->named && object->type->auto_exposed != NULL ? object->type->auto_exposed
                                                                             : object->type->exposed;
    size_t len;

    begin_list(in, "exposed");
    for (; *names != '\0'; names += len) {
        names += strspn(names, " ");
        len = strcspn(names, " ");
        if (len != 0)
            mpm_write_native_n(in->w, names, len);
    }
    mpm_write_appends(in->w);
}

/* Its beginning: printing all of a million items would keep everybody waiting. */
static void
put_str(struct inspection *in, struct mpm_object *object)
{
    struct mpm_buf text;
    size_t len;
    int r;

    mpm__buf_init(&text, TEXT);
    r = object->type->repr(object, &text);
    len = text.len;
    if (text.error == MPM_ETOOBIG)
        while (len > 0 && (text.data[len - 1] & 0xc0) == 0x80) /* the last character may be cut in two */
            len--;
    if (text.error == MPM_ETOOBIG && len > 0 && text.data[len - 1] >= 0xc0)
        len--;
    if (text.error == MPM_ENOMEM)
        in->w->out->error = MPM_ENOMEM;
    mpm__utf8_repair(text.data, len);
    mpm_write_native(in->w, "str");
    mpm_write_text(in->w, (const char *)text.data, len);
    put_bool(in, "is_cut", r != 0 || text.error != 0);
    mpm__buf_wipe(&text);
}

static void
put_holders_of(struct inspection *in, struct mpm_object *object)
{
    size_t n = 0;

    begin_list(in, "held");
    for (struct mpm_hold *hold = next_hold(object, NULL); hold != NULL && n < LISTED; hold = next_hold(object, hold)) {
        begin_dict(in);
        put_hold(in, hold);
        mpm_write_setitems(in->w);
        n++;
    }
    mpm_write_appends(in->w);
}

static void
put_waiters_of(struct inspection *in, const struct mpm_object *object)
{
    const struct mpm_list *parked = &in->hub->parked;
    const struct mpm_call *call;
    size_t n = 0;

    begin_list(in, "waiting");
    for (struct mpm_link *link = mpm__list_first(parked); link != NULL && n < LISTED;
         link = mpm__list_next(parked, link)) {
        call = MPM_CONTAINER(link, const struct mpm_call, parked);
        if (call->object != object)
            continue;
        begin_dict(in);
        put_wait(in, call);
        mpm_write_setitems(in->w);
        n++;
    }
    mpm_write_appends(in->w);
}

static void
put_references_of(struct inspection *in, const struct mpm_object *object)
{
    const struct mpm_idmap_slot *slot;
    const struct mpm_process *p;
    uintptr_t n;
    size_t n_listed = 0;

    begin_list(in, "refs_of");
    for (size_t i = 0; n_listed < LISTED && (slot = mpm__idmap_next(&in->hub->processes, &i)) != NULL;) {
        p = slot->value;
        n = (uintptr_t)mpm__idmap_get(&p->refs, object->id);
        if (n == 0)
            continue;
        begin_dict(in);
        put_int(in, "pid", (uint64_t)p->pid);
        put_int(in, "refs", n);
        mpm_write_setitems(in->w);
        n_listed++;
    }
    mpm_write_appends(in->w);
}

static void
put_containers_of(struct inspection *in, const struct mpm_object *object)
{
    const struct mpm_object *last = NULL, *container;
    char ident[24];
    size_t n = 0;

    begin_list(in, "pinned_by");
    for (struct mpm_link *l = mpm__list_first(&object->pinned_by); l != NULL && n < LISTED;
         l = mpm__list_next(&object->pinned_by, l)) {
        container = mpm__pin_container(l);
        n++;
        if (container == last)
            continue;
        last = container;
        mpm__ident(container, ident);
        mpm_write_native(in->w, ident);
    }
    mpm_write_appends(in->w);
}

static void
tell_object(struct inspection *in)
{
    struct mpm_object *object = in->object;
    const struct mpm_type *type = object->type;

    put_object(in, object);
    mpm_write_native(in->w, "class");
    mpm__buf_clear(&in->hub->name);
    mpm__buf_printf(&in->hub->name, "%s.%s", type->module, type->class_name);
    mpm_write_native_n(in->w, (const char *)in->hub->name.data, in->hub->name.len);
    if (in->hub->name.error != 0)
        in->w->out->error = in->hub->name.error;
    put_exposed(in, object);
    put_str(in, object);
    put_int(in, "server_holds", object->holds);
    put_holders_of(in, object);
    put_waiters_of(in, object);
    put_references_of(in, object);
    put_containers_of(in, object);
}

/* --- the server --------------------------------------------------------------------------------------------------- */

/* Calls by method. Types that share their methods are counted together, by the name of the first. */
static void
put_calls(struct inspection *in)
{
    const struct mpm_hub *hub = in->hub;
    const struct mpm_type *type;
    const char *typeid;
    char key[96];
    unsigned last = 0;

    mpm_write_native(in->w, "calls");
    begin_dict(in);
    if (hub->n_calls[0] != 0)
        put_int(in, "other", hub->n_calls[0]);
    for (size_t i = 0; (typeid = mpm_type_name(i)) != NULL; i++) {
        type = mpm_type_find(typeid, strlen(typeid));
        for (const struct mpm_method *m = type->methods; m->name != NULL; m++) {
            if (m->number <= last)
                continue;
            last = m->number;
            if (hub->n_calls[m->number] == 0)
                continue;
            snprintf(key, sizeof key, "%s.%s", typeid, m->name);
            put_int(in, key, hub->n_calls[m->number]);
        }
    }
    mpm_write_setitems(in->w);
}

static void
put_requests(struct inspection *in)
{
    mpm_write_native(in->w, "requests");
    begin_dict(in);
    for (size_t i = 0; i < mpm__n_admins(); i++)
        if (in->hub->n_requests[i] != 0)
            put_int(in, mpm__admin_name(i), in->hub->n_requests[i]);
    mpm_write_setitems(in->w);
}

static void
put_types(struct inspection *in)
{
    const char *typeid;

    mpm_write_native(in->w, "types");
    begin_dict(in);
    for (size_t i = 0; (typeid = mpm_type_name(i)) != NULL; i++)
        if (in->hub->n_of_type[i] != 0)
            put_int(in, typeid, in->hub->n_of_type[i]);
    mpm_write_setitems(in->w);
}

static void
tell_server(struct inspection *in)
{
    const struct mpm_hub *hub = in->hub;

    put_word(in, "version", MPM_VERSION);
    put_time(in, "started", hub->options.started_ns);
    put_int(in, "connections", hub->n_open);
    put_int(in, "connections_ever", hub->n_sessions);
    put_int(in, "refused", hub->n_refused);
    put_int(in, "waiters", hub->n_parked);
    put_int(in, "objects", hub->objects.n);
    put_int(in, "bytes_in", hub->bytes_in);
    put_int(in, "bytes_out", hub->bytes_out);
    put_int(in, "memory", hub->memory);
    if (hub->options.max_memory != 0)
        put_int(in, "max_memory", hub->options.max_memory);
    else
        put_none(in, "max_memory");
    put_int(in, "max_message", hub->options.max_message);
    put_types(in);
    put_calls(in);
    put_requests(in);
}

/* --- the request -------------------------------------------------------------------------------------------------- */

static const struct topic {
    const char *name;
    bool is_list;                       /* of items; otherwise one dict */
    bool wants_object;
    void (*tell)(struct inspection *in);
} topics[] = {
    { "server",  false, false, tell_server },
    { "objects", true,  false, list_objects },
    { "object",  false, true,  tell_object },
    { "waiters", true,  false, list_waiters },
    { "holders", true,  false, list_holders },
    { "leases",  true,  false, list_leases },
};
#define N_TOPICS (sizeof topics / sizeof *topics)

static bool
read_hex(const uint8_t **at, const uint8_t *end, uint64_t *out)
{
    const uint8_t *from = *at;
    uint64_t v = 0;

    for (; *at < end && *at - from < 16; ++*at) {
        uint8_t c = **at;
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

        if (digit < 0)
            break;
        v = v << 4 | (uint64_t)digit;
    }
    *out = v;
    return *at != from;
}

/* What an earlier page gave as "next". */
static bool
read_start(struct inspection *in, struct mpm_ref ref)
{
    const uint8_t *at, *end;
    size_t len;
    int kind = mpm__kind(&ref);

    if (kind == MPM_K_NONE)
        return true;
    if (mpm__read_text(ref, &at, &len) != 0)
        return false;
    end = at + len;
    if (!read_hex(&at, end, &in->start))
        return false;
    if (at < end && *at == '.') {
        at++;
        if (!read_hex(&at, end, &in->skip))
            return false;
    }
    return at == end;
}

/* By ident, or by the name that it was registered with. */
static struct mpm_object *
find_object(struct mpm_hub *hub, struct mpm_ref ref)
{
    struct mpm_object *object = mpm__hub_find(hub, ref);
    struct mpm_named *named;
    const uint8_t *text;
    size_t len;

    if (object != NULL || mpm__read_text(ref, &text, &len) != 0)
        return object;
    named = mpm__hub_named(hub, text, len);
    return named != NULL ? named->object : NULL;
}

static const struct topic *
find_topic(struct mpm_ref ref)
{
    for (size_t i = 0; i < N_TOPICS; i++)
        if (mpm__text_is(ref, topics[i].name))
            return &topics[i];
    return NULL;
}

/* False: an error was sent. */
static bool
read_arguments(struct mpm_session *s, const struct mpm_parts *args, const struct mpm_parts *kwds,
    const struct topic **topic, struct inspection *in)
{
    char text[MPM_SHORT_REPR];
    size_t n = args->items.n;

    if (kwds->items.n != 0) {
        mpm__reply_traceback(s, "TypeError: mpmd_inspect() takes no keyword arguments");
        return false;
    }
    if (n > 2) {
        mpm__reply_traceback(s, "TypeError: mpmd_inspect() takes 1 or 2 arguments, (what, start), but %zu were given",
            n);
        return false;
    }
    *topic = find_topic(mpm__part(args, 0));
    if (*topic == NULL) {
        if (mpm__short_repr(s, mpm__part(args, 0), text))
            mpm__reply_traceback(s, "ValueError: mpmd_inspect(%s): give 'server', 'objects', 'object', 'waiters', "
                "'holders' or 'leases'", text);
        return false;
    }
    if ((*topic)->wants_object) {
        if (n < 2) {
            mpm__reply_traceback(s, "TypeError: mpmd_inspect('object') wants an ident or a registered name behind it");
            return false;
        }
        in->object = find_object(s->hub, mpm__part(args, 1));
        if (in->object == NULL)
            mpm__reply_key_error(s, mpm__part(args, 1));
        return in->object != NULL;
    }
    if (n == 2 && !read_start(in, mpm__part(args, 1))) {
        if (mpm__short_repr(s, mpm__part(args, 1), text))
            mpm__reply_traceback(s, "ValueError: mpmd_inspect('%s', %s): start is None or what an earlier answer has as "
                "'next'", (*topic)->name, text);
        return false;
    }
    return true;
}

static void
write_answer(struct inspection *in, const struct topic *topic, int64_t now_ns)
{
    char next[40];

    begin_dict(in);
    put_time(in, "time", now_ns);
    if (!topic->is_list) {
        topic->tell(in);
    } else {
        begin_list(in, "items");
        topic->tell(in);
        mpm_write_appends(in->w);
        if (in->more) {
            snprintf(next, sizeof next, in->next_skip != 0 ? "%" PRIx64 ".%" PRIx64 : "%" PRIx64, in->next,
                in->next_skip);
            put_word(in, "next", next);
        } else {
            put_none(in, "next");
        }
    }
    mpm_write_setitems(in->w);
}

void
mpm__inspect(struct mpm_session *s, const struct mpm_request *q, int64_t now_ns)
{
    struct mpm_hub *hub = s->hub;
    struct inspection in = { .hub = hub, .page = PAGE };
    struct mpm_parts args = { 0 }, kwds = { 0 };
    const struct topic *topic;
    struct mpm_call *call = NULL;
    bool ok = mpm__parts(q->args, &args) == 0 && mpm__parts(q->kwds, &kwds) == 0;

    if (ok)
        in.call = call = mpm__call_new(hub);
    if (call == NULL) {
        mpm__reply_traceback(s, "MemoryError");
    } else if (read_arguments(s, &args, &kwds, &topic, &in)) {
        call->owner = hub->nobody;
        call->protocol = s->protocol;
        call->now_ns = now_ns;
        call->session = s;
        in.w = mpm_result_writer(call);
        write_answer(&in, topic, now_ns);
        mpm_return_built(call);
        mpm__reply_result(s, &call->result);
    }
    if (call != NULL)
        mpm__call_free(call);
    mpm__parts_wipe(&args);
    mpm__parts_wipe(&kwds);
}

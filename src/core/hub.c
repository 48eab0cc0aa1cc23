/*
 * hub.c - objects by id, references, names, deadlines. Layer: core.
 *
 * An object lives while clients have references to it or the server itself holds it: a parked call, a Condition that
 * uses it as its lock, a registered name.
 */
#include "core/hub.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/error.h"
#include "core/core.h"

char *
mpm__copy_text(const char *text, size_t len)
{
    char *copy = mpm__alloc(len + 1);

    if (copy != NULL) {
        memcpy(copy, text, len);
        copy[len] = '\0';
    }
    return copy;
}

struct mpm_hub *
mpm__hub_new(const struct mpm_hub_options *options)
{
    struct mpm_hub *hub = mpm__array(1, sizeof *hub);

    if (hub == NULL)
        return NULL;
    hub->options = *options;
    hub->next_id = options->first_id != 0 ? options->first_id : 1;
    mpm__list_init(&hub->object_list);
    mpm__list_init(&hub->ready);
    mpm__list_init(&hub->segments);
    mpm__list_init(&hub->unlinked);
    mpm__list_init(&hub->parked);
    mpm__list_init(&hub->dead);
    mpm__buf_init(&hub->built, 0);
    hub->options.authkey = NULL; /* the caller's to wipe */
    hub->auth_key = mpm__auth_key_new(options->authkey, options->authkey_len);
    hub->nobody = mpm__array(1, sizeof *hub->nobody + 1);
    hub->targets = mpm__array(MPM_TARGETS, sizeof *hub->targets);
    hub->n_calls = mpm__array(mpm_n_methods() + 1, sizeof *hub->n_calls);
    hub->n_requests = mpm__array(mpm__n_admins(), sizeof *hub->n_requests);
    if (hub->auth_key == NULL || hub->nobody == NULL || hub->targets == NULL || hub->n_calls == NULL ||
        hub->n_requests == NULL) {
        mpm__hub_free(hub);
        return NULL;
    }
    mpm__list_init(&hub->nobody->holds);
    mpm__list_init(&hub->nobody->loans);
    return hub;
}

/* --- objects ------------------------------------------------------------------------------------------------------ */

int
mpm__ident(const struct mpm_object *object, char out[24])
{
    return snprintf(out, 24, "%" PRIx64, object->id);
}

struct mpm_object *
mpm__hub_find(const struct mpm_hub *hub, struct mpm_ref ident)
{
    struct mpm_buf decoded;
    const uint8_t *text;
    size_t len;
    uint64_t id = 0;

    mpm__buf_init(&decoded, 0);
    if (mpm__decode_text(ident, &decoded, &text, &len) == 0 && len <= 16 && len != 0 && text[0] != '0')
        for (size_t i = 0; i < len; i++) {
            uint8_t c = text[i];
            int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

            if (digit < 0) {
                id = 0;
                break;
            }
            id = id << 4 | (uint64_t)digit;
        }
    mpm__buf_wipe(&decoded);
    return id != 0 ? mpm__idmap_get(&hub->objects, id) : NULL;
}

/* How many there are of its type. */
static uint64_t *
number_of(const struct mpm_object *object)
{
    size_t i = 0;

    while (i < MPM_N_TYPES - 1 && strcmp(mpm_type_name(i), object->typeid) != 0)
        i++;
    return &object->hub->n_of_type[i];
}

/* From here on nobody finds it. */
static void
bury(struct mpm_object *object)
{
    struct mpm_hub *hub = object->hub;

    if (object->is_dead)
        return;
    mpm__log(MPM_LOG_DEBUG, "object", "object=%" PRIx64 " type=%s freed", object->id, object->typeid);
    object->is_dead = true;
    --*number_of(object);
    mpm__idmap_remove(&hub->objects, object->id);
    mpm__list_remove(&object->link);
    mpm__list_append(&hub->dead, &object->link);
}

/* Objects that contain each other are all wiped before the first is freed; a long chain of them takes no stack. */
static void
free_dead(struct mpm_hub *hub)
{
    struct mpm_list wiped;
    struct mpm_link *link;

    if (hub->freeing)
        return;
    hub->freeing = true;
    mpm__list_init(&wiped);
    while ((link = mpm__list_first(&hub->dead)) != NULL) {
        struct mpm_object *object = MPM_CONTAINER(link, struct mpm_object, link);

        mpm__list_remove(link);
        mpm__list_append(&wiped, link);
        if (object->type->wipe != NULL)
            object->type->wipe(object);
    }
    while ((link = mpm__list_first(&wiped)) != NULL) {
        mpm__list_remove(link);
        mpm__free(MPM_CONTAINER(link, struct mpm_object, link));
    }
    hub->freeing = false;
}

void
mpm__object_settle(struct mpm_object *object)
{
    struct mpm_hub *hub = object->hub;
    struct mpm_list alone;
    struct mpm_link *link;

    if (object->is_dead || object->holds != 0 || object->refs != 0 || object->shown != 0)
        return;
    if (mpm__list_is_empty(&object->pinned_by)) {
        bury(object);
    } else if (!mpm__is_pinned(object, &alone)) {
        while ((link = mpm__list_first(&alone)) != NULL) {
            mpm__list_remove(link);
            bury(MPM_CONTAINER(link, struct mpm_object, climb));
        }
    }
    free_dead(hub);
}

void
mpm_object_hold(struct mpm_object *object)
{
    object->holds++;
}

void
mpm_object_drop(struct mpm_object *object)
{
    if (--object->holds == 0 && object->refs == 0)
        mpm__object_settle(object);
}

static struct mpm_object *
new_object(struct mpm_call *call, const char *typeid, const struct mpm_type *type)
{
    struct mpm_hub *hub = call->hub;
    struct mpm_object *object = mpm__array(1, type->size);

    if (object == NULL || mpm__idmap_set(&hub->objects, hub->next_id, object) != 0) {
        mpm__free(object);
        mpm_raise_code(call, MPM_ENOMEM);
        return NULL;
    }
    object->type = type;
    object->typeid = typeid;
    object->hub = hub;
    object->id = hub->next_id++;
    object->holds = 1;
    mpm__list_init(&object->pinned_by);
    mpm__list_append(&hub->object_list, &object->link);
    ++*number_of(object);
    return object;
}

struct mpm_object *
mpm__hub_create(struct mpm_hub *hub, struct mpm_call *call, const char *typeid, const struct mpm_type *type,
    struct mpm_ref args, size_t skip, struct mpm_ref kwds)
{
    struct mpm_object *object;

    if (!mpm_bind(call, type, args, skip, kwds))
        return NULL;
    object = new_object(call, typeid, type);
    if (object == NULL)
        return NULL;
    call->object = object;
    type->make(object, call);
    call->object = NULL;
    if (call->result.kind == MPM_R_ERROR) {
        mpm__list_remove(&object->link);
        --*number_of(object);
        mpm__idmap_remove(&hub->objects, object->id);
        mpm__free(object);
        hub->next_id--;
        return NULL;
    }
    mpm__log(MPM_LOG_DEBUG, "object", "object=%" PRIx64 " type=%s created", object->id, typeid);
    return object; /* with the one hold that the caller drops */
}

struct mpm_object *
mpm_object_new(struct mpm_call *call, const char *typeid)
{
    return new_object(call, typeid, mpm_type_find(typeid, strlen(typeid)));
}

int
mpm__hub_incref(struct mpm_hub *hub, struct mpm_object *object, struct mpm_process *process)
{
    uintptr_t n;

    if (process != NULL) {
        n = (uintptr_t)mpm__idmap_get(&process->refs, object->id);
        if (mpm__idmap_set(&process->refs, object->id, (void *)(n + 1)) != 0)
            return MPM_ENOMEM;
    }
    if (object->refs++ == 0)
        hub->n_counted++;
    return 0;
}

int
mpm__hub_decref(struct mpm_hub *hub, struct mpm_object *object, struct mpm_process *process)
{
    uintptr_t n;

    if (object->refs == 0)
        return MPM_EGONE;
    if (process != NULL) {
        n = (uintptr_t)mpm__idmap_get(&process->refs, object->id);
        if (n > 1)
            (void)mpm__idmap_set(&process->refs, object->id, (void *)(n - 1)); /* replaces: cannot fail */
        else
            mpm__idmap_remove(&process->refs, object->id);
    }
    if (--object->refs == 0) {
        hub->n_counted--;
        mpm__object_settle(object);
    }
    return 0;
}

/* Whether an address in a token can mean this server. A client may know it by another name (a relative path, localhost
 * for 127.0.0.1, a forwarded port's host), so only what cannot differ is compared: the kind, the port, the last part
 * of a path. 0 or 1, or MPM_ENOMEM. */
static int
is_own_address(const struct mpm_hub *hub, struct mpm_ref address)
{
    const uint8_t *text;
    size_t len;
    const char *own, *tail;
    struct mpm_parts parts = { 0 };
    int64_t port = -1;
    int r = mpm__parts(address, &parts);

    if (r == 0 && parts.items.n == 2)
        r = mpm__read_int64(mpm__part(&parts, 1), &port);
    mpm__parts_wipe(&parts);
    if (r == MPM_ENOMEM)
        return r;
    if (port < 0) {
        if (mpm__read_text(address, &text, &len) != 0 && mpm__read_bytes(address, &text, &len) != 0)
            return false;
        for (size_t i = len; i-- > 0;)
            if (text[i] == '/') {
                text += i + 1;
                len -= i + 1;
                break;
            }
        if (len != 0 && text[0] == '\0') { /* abstract: our "@name" */
            text++;
            len--;
        }
    }
    for (size_t i = 0; i < hub->n_addresses; i++) {
        own = hub->addresses[i];
        if (port >= 0) {
            tail = strrchr(own, ':');
            if (tail != NULL && own[0] != '/' && own[0] != '@' && strtoll(tail + 1, NULL, 10) == port)
                return true;
            continue;
        }
        tail = strrchr(own, '/');
        own = tail != NULL ? tail + 1 : own[0] == '@' ? own + 1 : own;
        if (strlen(own) == len && memcmp(own, text, len) == 0)
            return true;
    }
    return hub->n_addresses == 0;
}

/* A token has the name that its object was asked for by. */
static bool
is_typeid_of(const struct mpm_hub *hub, struct mpm_ref typeid, const struct mpm_object *object)
{
    const struct mpm_named *named;
    const struct mpm_factory *factory;
    const uint8_t *text;
    size_t len;

    if (mpm__text_is(typeid, object->typeid))
        return true;
    if ((hub->n_named == 0 && hub->n_factories == 0) || mpm__read_text(typeid, &text, &len) != 0)
        return false;
    if (object->named)
        return (named = mpm__hub_named(hub, text, len)) != NULL && named->object == object;
    return (factory = mpm__hub_factory(hub, text, len)) != NULL && factory->typeid == object->typeid;
}

int
mpm__hub_object(const struct mpm_hub *hub, const struct mpm_token_ref *token, struct mpm_object **out)
{
    struct mpm_object *object = mpm__hub_find(hub, token->ident);
    int r = object != NULL && is_typeid_of(hub, token->typeid, object) ? is_own_address(hub, token->address) : 0;

    *out = r == 1 ? object : NULL;
    return r < 0 ? r : 0;
}

struct mpm_object *
mpm_object_of(struct mpm_call *call, struct mpm_ref ref)
{
    struct mpm_token_ref token;
    struct mpm_object *object;

    return mpm__read_token(ref, &token) == 0 && mpm__hub_object(call->hub, &token, &object) == 0 ? object : NULL;
}

/* --- names and addresses ------------------------------------------------------------------------------------------ */

int
mpm__hub_add_address(struct mpm_hub *hub, const char *address)
{
    char **addresses = mpm__resize(hub->addresses, hub->n_addresses + 1, sizeof *addresses);
    char *copy = mpm__copy_text(address, strlen(address));

    if (addresses != NULL)
        hub->addresses = addresses;
    if (addresses == NULL || copy == NULL) {
        mpm__free(copy);
        return MPM_ENOMEM;
    }
    hub->addresses[hub->n_addresses++] = copy;
    return 0;
}

static bool
is_text(const char *s, const uint8_t *text, size_t len)
{
    return strlen(s) == len && memcmp(s, text, len) == 0;
}

struct mpm_named *
mpm__hub_named(const struct mpm_hub *hub, const uint8_t *name, size_t len)
{
    for (size_t i = 0; i < hub->n_named; i++)
        if (is_text(hub->named[i].name, name, len))
            return &hub->named[i];
    return NULL;
}

struct mpm_factory *
mpm__hub_factory(const struct mpm_hub *hub, const uint8_t *name, size_t len)
{
    for (size_t i = 0; i < hub->n_factories; i++)
        if (is_text(hub->factories[i].name, name, len))
            return &hub->factories[i];
    return NULL;
}

const struct mpm_type *
mpm__hub_type(const uint8_t *text, size_t len, const char **typeid)
{
    const struct mpm_type *type = mpm_type_find((const char *)text, len);

    for (size_t i = 0; type != NULL && (*typeid = mpm_type_name(i)) != NULL; i++)
        if (is_text(*typeid, text, len))
            break;
    return type;
}

int
mpm__hub_name(struct mpm_hub *hub, const char *name, size_t len, struct mpm_object *object, char *exposed)
{
    struct mpm_named *more = mpm__resize(hub->named, hub->n_named + 1, sizeof *more);
    char *copy = mpm__copy_text(name, len);
    size_t i;

    if (more != NULL)
        hub->named = more;
    if (more == NULL || copy == NULL) {
        mpm__free(copy);
        mpm__free(exposed);
        return MPM_ENOMEM;
    }
    for (i = hub->n_named++; i > 0 && more[i - 1].object->id > object->id; i--)
        more[i] = more[i - 1];
    more[i] = (struct mpm_named){ .name = copy, .exposed = exposed, .object = object };
    mpm_object_hold(object);
    object->named = true;
    return 0;
}

static const char *
skip_spaces(const char *s)
{
    return s + strspn(s, " \t");
}

/* Lists inside of lists; nobody writes more. */
#define LITERAL_LEVELS 8

static const char *write_literal(struct mpm_writer *w, const char *s, int levels);

/* "1, 2]" behind its bracket, or pairs of a dict: appends the items; NULL: that is none. */
static const char *
write_items(struct mpm_writer *w, const char *s, char close, bool pairs, int levels)
{
    mpm_write_mark(w);
    for (s = skip_spaces(s); *s != close; s = skip_spaces(s)) {
        s = write_literal(w, s, levels - 1);
        if (s != NULL && pairs) {
            s = skip_spaces(s);
            s = *s == ':' ? write_literal(w, skip_spaces(s + 1), levels - 1) : NULL;
        }
        if (s == NULL || (*(s = skip_spaces(s)) != ',' && *s != close))
            return NULL;
        s += *s == ',';
    }
    return s + 1;
}

/* "range(8)": its arguments as Python pickles them. */
static const char *
write_range(struct mpm_writer *w, const char *s)
{
    long long bounds[3] = { 0, 0, 1 };
    char *end;
    int n = 0;

    for (s = skip_spaces(s); n < 3 && *s != ')'; n++) {
        bounds[n] = strtoll(s, &end, 10);
        if (end == s || (*(s = skip_spaces(end)) != ',' && *s != ')'))
            return NULL;
        s = skip_spaces(s + (*s == ','));
    }
    if (n == 0 || *s != ')')
        return NULL;
    mpm_write_global(w, "builtins", "range");
    mpm_write_int(w, n == 1 ? 0 : bounds[0]);
    mpm_write_int(w, bounds[n == 1 ? 0 : 1]);
    mpm_write_int(w, bounds[2]);
    mpm_write_tuple_n(w, 3);
    mpm_write_reduce(w);
    return s + 1;
}

/* One argument of a --register definition: None, True, False, an integer, a float, a quoted text, a list or dict of
 * such, or a range. Appends it to a pickle; returns what is behind it, NULL when it is none of them. */
static const char *
write_literal(struct mpm_writer *w, const char *s, int levels)
{
    static const char *const words[] = { "None", "True", "False" };
    char *end, quote = *s;
    const char *close;
    long long integer;
    double number;

    for (int i = 0; i < 3; i++)
        if (strncmp(s, words[i], strlen(words[i])) == 0) {
            if (i == 0)
                mpm_write_none(w);
            else
                mpm_write_bool(w, i == 1);
            return s + strlen(words[i]);
        }
    if (levels > 0 && *s == '[') {
        mpm_write_empty_list(w);
        s = write_items(w, s + 1, ']', false, levels);
        mpm_write_appends(w);
        return s;
    }
    if (levels > 0 && *s == '{') {
        mpm_write_empty_dict(w);
        s = write_items(w, s + 1, '}', true, levels);
        mpm_write_setitems(w);
        return s;
    }
    if (strncmp(s, "range(", 6) == 0)
        return write_range(w, s + 6);
    if (quote == '\'' || quote == '"') {
        close = strchr(s + 1, quote);
        if (close == NULL || memchr(s, '\\', (size_t)(close - s)) != NULL)
            return NULL;
        mpm_write_text(w, s + 1, (size_t)(close - s - 1));
        return close + 1;
    }
    integer = strtoll(s, &end, 10);
    if (end != s && *end != '.' && *end != 'e') {
        mpm_write_int(w, integer);
        return end;
    }
    number = strtod(s, &end);
    if (end == s)
        return NULL;
    mpm_write_float(w, number);
    return end;
}

/* "(ARGUMENTS)" as a pickle `( arguments, {keywords} )`. */
static int
write_arguments(struct mpm_buf *out, const char *s, struct mpm_error *err, const char *definition)
{
    struct mpm_writer w = { .out = out, .protocol = 4 }, keywords;
    struct mpm_buf kept;
    size_t word;
    bool named;

    mpm__buf_init(&kept, 0);
    keywords = (struct mpm_writer){ .out = &kept, .protocol = 4 };
    mpm_write_mark(&w);
    for (s = skip_spaces(s + 1); *s != ')'; s = skip_spaces(s)) {
        word = strspn(s, "abcdefghijklmnopqrstuvwxyz_");
        named = word != 0 && *skip_spaces(s + word) == '=';
        if (named) {
            mpm_write_text(&keywords, s, word);
            s = skip_spaces(skip_spaces(s + word) + 1);
        }
        s = write_literal(named ? &keywords : &w, s, LITERAL_LEVELS);
        if (s == NULL || (*(s = skip_spaces(s)) != ',' && *s != ')')) {
            mpm__buf_wipe(&kept);
            return mpm__fail(err, MPM_EINVAL, 0,
                "--register %.60s: the arguments must be None, True, False, numbers, quoted text, or lists, dicts and "
                "ranges of them, like Semaphore(2)",
                definition);
        }
        s += *s == ',';
    }
    if (s[1] != '\0') {
        mpm__buf_wipe(&kept);
        return mpm__fail(err, MPM_EINVAL, 0, "--register %.60s: nothing may follow the closing parenthesis", definition);
    }
    mpm_write_tuple(&w);
    mpm_write_empty_dict(&w);
    mpm_write_mark(&w);
    mpm__buf_put(out, kept.data, kept.len);
    mpm_write_setitems(&w);
    mpm_write_tuple_n(&w, 2);
    if (kept.error != 0)
        out->error = kept.error;
    mpm__buf_wipe(&kept);
    return out->error;
}

static int
make_named(struct mpm_hub *hub, const struct mpm_type *type, const char *typeid, const struct mpm_buf *arguments,
    struct mpm_object **out, struct mpm_error *err, const char *definition)
{
    struct mpm_checker checker = { 0 };
    struct mpm_doc doc;
    struct mpm_parts both = { 0 };
    struct mpm_call *call = mpm__call_new(hub);
    int r;

    if (call == NULL)
        return mpm__fail(err, MPM_ENOMEM, 0, "out of memory");
    call->owner = hub->nobody;
    call->protocol = 4;
    r = mpm__check(&checker, arguments->data, arguments->len, true, &doc, err);
    if (r == 0 && (r = mpm__parts((struct mpm_ref){ &doc, doc.top }, &both)) == 0) {
        *out = mpm__hub_create(hub, call, typeid, type, mpm__part(&both, 0), 0, mpm__part(&both, 1));
        if (*out == NULL && (call->result.text == NULL || call->result.error == MPM_PY_MEMORY_ERROR))
            r = mpm__fail(err, MPM_ENOMEM, 0, "out of memory");
        else if (*out == NULL)
            r = mpm__fail(err, MPM_EINVAL, 0, "--register %.60s: %s", definition, call->result.text);
    }
    mpm__parts_wipe(&both);
    mpm__checker_wipe(&checker);
    mpm__call_free(call);
    return r;
}

bool
mpm__is_identifier(const char *name, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t c = (uint8_t)name[i];

        if (!(c >= 0x80 || c == '_' || ((c | 32) >= 'a' && (c | 32) <= 'z') || (i > 0 && c >= '0' && c <= '9')))
            return false;
    }
    return true;
}

int
mpm__hub_register(struct mpm_hub *hub, const char *definition, struct mpm_error *err)
{
    const char *equals = strchr(definition, '='), *typename = equals != NULL ? equals + 1 : NULL, *open, *end;
    size_t name_len = equals != NULL ? (size_t)(equals - definition) : 0, type_len;
    const struct mpm_type *type;
    const char *typeid = NULL;
    struct mpm_buf arguments;
    struct mpm_object *object = NULL;
    int r;

    if (name_len == 0 || *typename == '\0')
        return mpm__fail(err, MPM_EINVAL, 0, "--register %.60s: expected NAME=TYPE or NAME=TYPE(ARGUMENTS)", definition);
    if (!mpm__is_identifier(definition, name_len))
        return mpm__fail(err, MPM_EINVAL, 0, "--register %.60s: the name must be a Python identifier, like get_lock", definition);
    open = strchr(typename, '(');
    end = definition + strlen(definition);
    if (open != NULL && end[-1] != ')')
        return mpm__fail(err, MPM_EINVAL, 0, "--register %.60s: the closing parenthesis is missing", definition);
    type_len = open != NULL ? (size_t)(open - typename) : strlen(typename);
    type = mpm__hub_type((const uint8_t *)typename, type_len, &typeid);
    if (type == NULL)
        return mpm__fail(err, MPM_EINVAL, 0, "--register %.60s: there is no type %.*s; `mpmd --help` lists them",
            definition, (int)(type_len < 40 ? type_len : 40), typename);
    if (mpm__hub_named(hub, (const uint8_t *)definition, name_len) != NULL)
        return mpm__fail(err, MPM_EINVAL, 0, "--register %.60s: this name is registered already", definition);

    mpm__buf_init(&arguments, 0);
    r = write_arguments(&arguments, open != NULL ? open : "()", err, definition);
    if (r == 0)
        r = make_named(hub, type, typeid, &arguments, &object, err, definition);
    mpm__buf_wipe(&arguments);
    if (r != 0)
        return r;
    r = mpm__hub_name(hub, definition, name_len, object, NULL);
    mpm_object_drop(object);
    return r == 0 ? 0 : mpm__fail(err, r, 0, "out of memory");
}

const uint8_t *
mpm_hash_key(const struct mpm_hub *hub)
{
    return hub->options.hash_key;
}

struct mpm_canon *
mpm_hub_canon(struct mpm_hub *hub, int i)
{
    return &hub->canons[i];
}

uint64_t
mpm_hub_number(struct mpm_hub *hub)
{
    return hub->n_numbers++;
}

/* --- time and the dead -------------------------------------------------------------------------------------------- */

int64_t
mpm__hub_next_deadline(const struct mpm_hub *hub)
{
    const struct mpm_timer *first = mpm__heap_first(&hub->deadlines);

    return first != NULL ? first->at_ns : MPM_FOREVER;
}

static void
call_timed_out(struct mpm_call *call, int64_t now_ns)
{
    const struct mpm_wait_kind *kind = call->wait;

    mpm_unpark(call);
    call->now_ns = now_ns;
    if (kind->timeout(call) == MPM_DONE)
        mpm__session_set_ready(call->session);
}

static void
authentication_timed_out(struct mpm_session *s, int64_t now_ns)
{
    uint32_t left_out;

    if (mpm__log_rate(&s->hub->refused_rate, now_ns, 5, &left_out))
        mpm__log(MPM_LOG_WARNING, "auth", "peer=\"%s\" did not authenticate within %.1f s: closed left_out=%u",
            s->peer, (double)s->hub->options.auth_timeout_ns / 1e9, left_out);
    s->hub->n_refused++;
    mpm__session_become(s, MPM_S_CLOSING);
    mpm__session_set_ready(s);
}

void
mpm__hub_tick(struct mpm_hub *hub, int64_t now_ns)
{
    struct mpm_timer *t;

    hub->now_ns = now_ns;
    while ((t = mpm__heap_first(&hub->deadlines)) != NULL && t->at_ns <= now_ns) {
        mpm__heap_unset(&hub->deadlines, t);
        if (t->kind == MPM_TIMER_CALL)
            call_timed_out(MPM_CONTAINER(t, struct mpm_call, timer), now_ns);
        else
            authentication_timed_out(MPM_CONTAINER(t, struct mpm_session, timer), now_ns);
    }
}

bool
mpm__hub_wants_shutdown(const struct mpm_hub *hub)
{
    return hub->wants_shutdown;
}

void
mpm__hub_process_gone(struct mpm_hub *hub, int64_t pid, int64_t now_ns)
{
    struct mpm_process *p = mpm__idmap_get(&hub->processes, (uint64_t)pid);
    struct mpm_session *s;

    hub->now_ns = now_ns;
    if (p == NULL)
        return;
    p->gone = true;
    mpm__idmap_remove(&hub->processes, (uint64_t)pid);
    for (struct mpm_link *l = mpm__list_first(&p->sessions); l != NULL; l = mpm__list_next(&p->sessions, l)) {
        s = MPM_CONTAINER(l, struct mpm_session, sibling);
        if (s->state == MPM_S_PARKED && s->call->wait != NULL) {
            mpm__call_cancel(s->call);
            mpm__call_free(s->call);
            s->call = NULL;
            mpm__session_become(s, MPM_S_SERVING);
        }
    }
    mpm__process_settle(hub, p, now_ns);
    if (mpm__list_is_empty(&p->sessions))
        mpm__process_end(hub, p, now_ns);
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

void
mpm__hub_free(struct mpm_hub *hub)
{
    const struct mpm_idmap_slot *slot;
    struct mpm_process *p;
    struct mpm_owner *owner;
    struct mpm_link *link;
    size_t i;

    if (hub == NULL)
        return;
    mpm__segments_wipe(hub);
    for (i = 0; i < hub->n_named; i++) {
        mpm__free(hub->named[i].name);
        mpm__free(hub->named[i].exposed);
        mpm_object_drop(hub->named[i].object);
    }
    for (i = 0; i < hub->n_factories; i++) {
        mpm__free(hub->factories[i].name);
        mpm__free(hub->factories[i].exposed);
    }
    mpm__free(hub->factories);
    /* first all references, then what is left: an object may hold another */
    for (link = mpm__list_first(&hub->object_list); link != NULL; link = mpm__list_next(&hub->object_list, link))
        MPM_CONTAINER(link, struct mpm_object, link)->holds++;
    while ((link = mpm__list_first(&hub->object_list)) != NULL) {
        struct mpm_object *object = MPM_CONTAINER(link, struct mpm_object, link);

        mpm__list_remove(link);
        object->refs = 0;
        mpm_object_drop(object);
    }
    for (i = 0; (slot = mpm__idmap_next(&hub->processes, &i)) != NULL;) {
        p = slot->value;
        while ((link = mpm__list_first(&p->owners)) != NULL) {
            owner = MPM_CONTAINER(link, struct mpm_owner, link);
            mpm__list_remove(link);
            mpm__free(owner);
        }
        mpm__idmap_wipe(&p->refs);
        mpm__free(p);
    }
    for (i = 0; i < hub->n_spare; i++)
        mpm__buf_wipe(&hub->spare[i]);
    for (i = 0; i < hub->n_addresses; i++)
        mpm__free(hub->addresses[i]);
    mpm__free(hub->spare_call);
    mpm__idmap_wipe(&hub->objects);
    mpm__idmap_wipe(&hub->processes);
    mpm__heap_wipe(&hub->deadlines);
    mpm__checker_wipe(&hub->checker);
    mpm__free(hub->targets);
    mpm__free(hub->n_calls);
    mpm__free(hub->n_requests);
    mpm__unshow(hub->met);
    mpm__buf_wipe(&hub->built);
    mpm__buf_wipe(&hub->name);
    for (i = 0; i < MPM_CANONS; i++)
        mpm__canon_wipe(&hub->canons[i]);
    mpm__free(hub->named);
    mpm__free(hub->addresses);
    mpm__free(hub->nobody);
    mpm__auth_key_free(hub->auth_key);
    mpm__free(hub);
}

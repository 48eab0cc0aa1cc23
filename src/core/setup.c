/*
 * setup.c - objects that are made, named and filled before the first client comes. Layer: core.
 *
 * Who starts a server writes to it what clients would ask, in the same messages, (first, name, args, kwds): a method of
 * an object, which is called by its name here; or, with None first, one of three functions that clients do not have.
 * Nobody waits: a call that would is refused. Reads no descriptor.
 */
#include "core/setup.h"

#include "base/alloc.h"
#include "base/error.h"
#include "core/core.h"

struct text {
    const uint8_t *at;
    size_t len;
};

/* What messages show of a text; behind "%.*s". */
#define SHOW(t) (int)((t).len < 60 ? (t).len : 60), (const char *)(t).at

static int
no_memory(struct mpm_error *err)
{
    return mpm__fail(err, MPM_ENOMEM, 0, "out of memory");
}

static bool
read_text(struct mpm_ref ref, struct text *out)
{
    return mpm__read_text(ref, &out->at, &out->len) == 0;
}

/* A name that nothing has so far. */
static int
read_new_name(struct mpm_hub *hub, struct mpm_ref ref, struct text *out, struct mpm_error *err)
{
    if (!read_text(ref, out) || out->len == 0 || !mpm__is_identifier((const char *)out->at, out->len))
        return mpm__fail(err, MPM_EINVAL, 0, "a name must be a Python identifier, like get_lock");
    if (mpm__hub_named(hub, out->at, out->len) != NULL || mpm__hub_factory(hub, out->at, out->len) != NULL)
        return mpm__fail(err, MPM_EINVAL, 0, "%.*s: this name is registered already", SHOW(*out));
    return 0;
}

/* Whether the name is one of a text's, which are separated by spaces. */
static bool
is_among(struct text name, const char *names)
{
    size_t len;

    for (; *names != '\0'; names += len) {
        names += strspn(names, " ");
        len = strcspn(names, " ");
        if (len != 0 && len == name.len && memcmp(names, name.at, len) == 0)
            return true;
    }
    return false;
}

/* Whether an object may show this name: it has such a method, or what every object has, or it is one that CPython's
 * proxies show and their objects have not (locked() of a semaphore). */
static bool
can_show(const struct mpm_type *type, struct text name)
{
    return mpm_method_find(type, name.at, name.len, true) != NULL ||
        is_among(name, "__str__ __repr__ #GETVALUE") || is_among(name, type->exposed);
}

/* The methods that an object is to show, by a tuple or list of their names, space-separated; None: *out is NULL. */
static int
read_exposed(struct mpm_ref ref, const struct mpm_type *type, struct text of, char **out, struct mpm_error *err)
{
    struct mpm_parts parts = { 0 };
    struct mpm_buf names;
    struct mpm_ref top = ref;
    struct text name;
    int kind = mpm__kind(&top), r = 0;

    *out = NULL;
    if (kind == MPM_K_NONE)
        return 0;
    if (kind != MPM_K_TUPLE && kind != MPM_K_LIST)
        return mpm__fail(err, MPM_EINVAL, 0, "%.*s: exposed is None or a tuple of names", SHOW(of));
    mpm__buf_init(&names, 0);
    if (mpm__parts(top, &parts) != 0)
        r = no_memory(err);
    for (size_t i = 0; r == 0 && i < parts.items.n; i++) {
        if (!read_text(mpm__part(&parts, i), &name))
            r = mpm__fail(err, MPM_EINVAL, 0, "%.*s: exposed is None or a tuple of names", SHOW(of));
        else if (!can_show(type, name))
            r = mpm__fail(err, MPM_EINVAL, 0, "%.*s: %s has no method %.*s here", SHOW(of), type->class_name,
                SHOW(name));
        mpm__buf_put(&names, name.at, r == 0 ? name.len : 0);
        mpm__buf_u8(&names, ' ');
    }
    mpm__buf_u8(&names, '\0');
    if (r == 0 && (names.error != 0 || (*out = mpm__copy_text((const char *)names.data, names.len)) == NULL))
        r = no_memory(err);
    mpm__buf_wipe(&names);
    mpm__parts_wipe(&parts);
    return r;
}

static int
read_type(struct mpm_ref ref, struct text name, const struct mpm_type **type, const char **typeid,
    struct mpm_error *err)
{
    struct text text;

    *type = read_text(ref, &text) ? mpm__hub_type(text.at, text.len, typeid) : NULL;
    return *type != NULL ? 0 : mpm__fail(err, MPM_EINVAL, 0, "%.*s: there is no such type; `mpmd --help` lists them",
        SHOW(name));
}

/* A call that nobody waits for the answer of. */
static struct mpm_call *
new_call(struct mpm_hub *hub, uint8_t protocol)
{
    struct mpm_call *call = mpm__call_new(hub);

    if (call != NULL) {
        call->owner = hub->nobody;
        call->protocol = protocol < 2 ? 2 : protocol;
    }
    return call;
}

static int
say_raised(const struct mpm_call *call, struct text name, struct mpm_error *err)
{
    const char *module, *class_name;

    if (call->result.error == MPM_PY_MEMORY_ERROR && call->result.text == NULL)
        return no_memory(err);
    mpm__py_error_name(call->result.error, 4, &module, &class_name);
    return mpm__fail(err, MPM_EINVAL, 0, "%.*s: %s%s%s", SHOW(name), class_name, call->result.text != NULL ? ": " : "",
        call->result.text != NULL ? call->result.text : "");
}

/* --- functions ---------------------------------------------------------------------------------------------------- */

struct function {
    const char *name;
    size_t least, most; /* arguments by position */
    int (*run)(struct mpm_hub *hub, const struct mpm_parts *args, const struct mpm_request *q, struct mpm_error *err);
};

/* register(name, exposed, typeid, *args, **kwds): an object. */
static int
register_object(struct mpm_hub *hub, const struct mpm_parts *args, const struct mpm_request *q, struct mpm_error *err)
{
    const struct mpm_type *type;
    const char *typeid = NULL;
    struct mpm_object *object;
    struct mpm_call *call;
    struct text name;
    char *exposed;
    int r;

    if ((r = read_new_name(hub, mpm__part(args, 0), &name, err)) != 0 ||
        (r = read_type(mpm__part(args, 2), name, &type, &typeid, err)) != 0 ||
        (r = read_exposed(mpm__part(args, 1), type, name, &exposed, err)) != 0)
        return r;
    if ((call = new_call(hub, q->doc->protocol)) == NULL) {
        mpm__free(exposed);
        return no_memory(err);
    }
    object = mpm__hub_create(hub, call, typeid, type, q->args, 3, q->kwds);
    if (object == NULL) {
        r = say_raised(call, name, err);
        mpm__free(exposed);
    } else {
        if (mpm__hub_name(hub, (const char *)name.at, name.len, object, exposed) != 0)
            r = no_memory(err);
        mpm_object_drop(object);
    }
    mpm__call_free(call);
    return r;
}

/* alias(name, exposed, other): one more name of an object. */
static int
alias_object(struct mpm_hub *hub, const struct mpm_parts *args, const struct mpm_request *q, struct mpm_error *err)
{
    const struct mpm_named *other = NULL;
    struct text name, text;
    char *exposed;
    int r;

    (void)q;
    if ((r = read_new_name(hub, mpm__part(args, 0), &name, err)) != 0)
        return r;
    if (read_text(mpm__part(args, 2), &text))
        other = mpm__hub_named(hub, text.at, text.len);
    if (other == NULL)
        return mpm__fail(err, MPM_EINVAL, 0, "%.*s: the object that it is to be a name of is not registered",
            SHOW(name));
    if ((r = read_exposed(mpm__part(args, 1), other->object->type, name, &exposed, err)) != 0)
        return r;
    return mpm__hub_name(hub, (const char *)name.at, name.len, other->object, exposed) == 0 ? 0 : no_memory(err);
}

/* factory(name, exposed, typeid): a further name of a type. */
static int
name_type(struct mpm_hub *hub, const struct mpm_parts *args, const struct mpm_request *q, struct mpm_error *err)
{
    struct mpm_factory *more, made = { 0 };
    struct text name;
    int r;

    (void)q;
    if ((r = read_new_name(hub, mpm__part(args, 0), &name, err)) != 0 ||
        (r = read_type(mpm__part(args, 2), name, &made.type, &made.typeid, err)) != 0 ||
        (r = read_exposed(mpm__part(args, 1), made.type, name, &made.exposed, err)) != 0)
        return r;
    more = mpm__resize(hub->factories, hub->n_factories + 1, sizeof *more);
    if (more != NULL)
        hub->factories = more;
    made.name = mpm__copy_text((const char *)name.at, name.len);
    if (more == NULL || made.name == NULL) {
        mpm__free(made.name);
        mpm__free(made.exposed);
        return no_memory(err);
    }
    more[hub->n_factories++] = made;
    return 0;
}

static const struct function functions[] = {
    { "register", 3, SIZE_MAX, register_object },
    { "alias", 3, 3, alias_object },
    { "factory", 3, 3, name_type },
};

static int
run_function(struct mpm_hub *hub, const struct mpm_request *q, struct mpm_error *err)
{
    struct mpm_parts args = { 0 };
    const struct function *f = NULL;
    int r;

    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (mpm__text_is(q->name, functions[i].name))
            f = &functions[i];
    if (f == NULL)
        return mpm__fail(err, MPM_EINVAL, 0, "there is no such function; give register, alias or factory");
    r = mpm__parts(q->args, &args);
    if (r == MPM_ENOMEM)
        r = no_memory(err);
    else if (r != 0 || args.items.n < f->least || args.items.n > f->most)
        r = mpm__fail(err, MPM_EINVAL, 0, "%s() takes (name, exposed, %s)", f->name,
            f->run == register_object ? "typeid, *args" : f->run == alias_object ? "other" : "typeid");
    else
        r = f->run(hub, &args, q, err);
    mpm__parts_wipe(&args);
    return r;
}

/* --- methods ------------------------------------------------------------------------------------------------------ */

/* What the call took is its caller's, who will not give it back. */
static void
keep_grant(struct mpm_call *call)
{
    if (call->grant.kind != NULL && call->result.kind != MPM_R_ERROR && call->grant.kind->read != NULL)
        call->grant.kind->read(call->object, &call->grant);
}

static int
run_method(struct mpm_hub *hub, const struct mpm_request *q, struct mpm_error *err)
{
    const struct mpm_named *named = NULL;
    struct text name, method = { 0 };
    struct mpm_call *call;
    int r = 0;

    if (read_text(q->first, &name))
        named = mpm__hub_named(hub, name.at, name.len);
    if (named == NULL)
        return mpm__fail(err, MPM_EINVAL, 0, "a method is called of what is not registered");
    if ((call = new_call(hub, q->doc->protocol)) == NULL)
        return no_memory(err);
    mpm_object_hold(named->object);
    call->object = named->object;
    if (read_text(q->name, &method))
        call->method = mpm_method_find(named->object->type, method.at, method.len, true);
    if (call->method == NULL) {
        r = mpm__fail(err, MPM_EINVAL, 0, "%.*s: there is no method %.*s", SHOW(name), SHOW(method));
    } else if (mpm_bind(call, named->object->type, q->args, 0, q->kwds) &&
        call->method->run(call->object, call) == MPM_PARKED) {
        mpm__call_cancel(call);
        r = mpm__fail(err, MPM_EINVAL, 0, "%.*s: %.*s would wait", SHOW(name), SHOW(method));
    } else if (call->result.kind == MPM_R_ERROR) {
        r = say_raised(call, name, err);
    } else {
        keep_grant(call);
    }
    mpm__call_free(call);
    return r;
}

int
mpm__hub_set_up(struct mpm_hub *hub, const uint8_t *message, size_t len, struct mpm_error *err)
{
    struct mpm_error why = { 0 };
    struct mpm_parts parts = { 0 };
    struct mpm_request q;
    struct mpm_doc doc;
    struct mpm_ref top, first;
    int r = mpm__check(&hub->checker, message, len, false, &doc, &why);

    if (r != 0)
        return r == MPM_ENOMEM ? no_memory(err) : mpm__fail(err, MPM_EINVAL, 0, "a message is no pickle: %s", why.text);
    top = (struct mpm_ref){ &doc, doc.top };
    if (mpm__kind(&top) == MPM_K_TUPLE && (r = mpm__parts(top, &parts)) == 0 && parts.items.n == 4) {
        q = (struct mpm_request){ &doc, mpm__part(&parts, 0), mpm__part(&parts, 1), mpm__part(&parts, 2),
            mpm__part(&parts, 3) };
        first = q.first;
        r = mpm__kind(&first) == MPM_K_NONE ? run_function(hub, &q, err) : run_method(hub, &q, err);
    } else {
        r = r == MPM_ENOMEM ? no_memory(err)
                            : mpm__fail(err, MPM_EINVAL, 0, "a message is no tuple (first, name, args, kwds)");
    }
    mpm__parts_wipe(&parts);
    return r;
}

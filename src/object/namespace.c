/*
 * namespace.c - multiprocessing.managers.Namespace: attributes, in order of assignment. Layer: object.
 *
 * Clients read and write any attribute of the object, those of its class as well (`n.__dict__`, `n.__init__`), because
 * CPython's Namespace hands them to object's own functions. What these are is answered here as CPython pickles it.
 */
#include "object/object.h"

#include <stdlib.h>

#include <mpmd/error.h>

#include "base/alloc.h"
#include "base/map.h"
#include "base/utf8.h"
#include "hash/digest.h"
#include "object/bind.h"
#include "value/repr.h"

/* The key and the value of an entry. */
struct name {
    uint8_t *text; /* UTF-8, with surrogates as Python's surrogatepass has them; owned */
    size_t len;
};
_Static_assert(sizeof(struct name) <= 16 && sizeof(struct mpm_value) == 16, "they fit into a map's entry");

struct namespace {
    struct mpm_object base;
    struct mpm_map attributes;
};

static struct name *
name_of(struct mpm_map_entry *e)
{
    return (struct name *)(void *)e->key;
}

static struct mpm_value *
value_of(struct mpm_map_entry *e)
{
    return (struct mpm_value *)(void *)e->value;
}

/* --- attributes --------------------------------------------------------------------------------------------------- */

static int
same_name(const void *key, void *wanted)
{
    const struct name *a = key, *b = wanted;

    return a->len == b->len && (a->len == 0 || memcmp(a->text, b->text, a->len) == 0);
}

static uint64_t
hash_of(const struct namespace *ns, const struct name *name)
{
    return mpm__keyed_hash(name->text, name->len, mpm_hash_key(ns->base.hub));
}

static struct mpm_map_entry *
find(const struct namespace *ns, struct name *name)
{
    int error; /* comparing names cannot fail */

    return mpm__map_find(&ns->attributes, hash_of(ns, name), same_name, name, &error);
}

/* What an attribute costs besides its value. */
static size_t
cost_of(const struct name *name)
{
    return sizeof(struct mpm_map_entry) + name->len;
}

/* Sets an attribute in a table that may not be the object's yet. Returns 0 or a negative code; then it is as before. */
static int
set(struct namespace *ns, struct mpm_map *table, struct name *name, struct mpm_call *call, struct mpm_ref ref)
{
    uint64_t hash = hash_of(ns, name);
    int r = 0;
    struct mpm_map_entry *e = mpm__map_find(table, hash, same_name, name, &r);
    struct mpm_value value = { 0 };
    uint8_t *text = NULL;

    if (e != NULL) {
        if ((r = mpm_keep_ref(call, ref, &value)) != 0)
            return r;
        mpm_forget(call->hub, value_of(e));
        *value_of(e) = value;
        return 0;
    }
    if ((r = mpm__map_reserve(table, 1)) != 0)
        return r;
    if ((r = mpm_charge(call->hub, cost_of(name))) != 0)
        return r;
    text = mpm__alloc(name->len);
    r = text != NULL ? mpm_keep_ref(call, ref, &value) : MPM_ENOMEM;
    if (r != 0) {
        mpm__free(text);
        mpm_discharge(call->hub, cost_of(name));
        return r;
    }
    memcpy(text, name->text, name->len);
    e = mpm__map_add(table, hash);
    *name_of(e) = (struct name){ text, name->len };
    *value_of(e) = value;
    return 0;
}

static void
remove_entry(struct mpm_hub *hub, struct mpm_map *table, struct mpm_map_entry *e)
{
    mpm_discharge(hub, cost_of(name_of(e)));
    mpm__free(name_of(e)->text);
    mpm_forget(hub, value_of(e));
    mpm__map_remove(table, e);
}

static void
wipe_table(struct mpm_hub *hub, struct mpm_map *table)
{
    struct mpm_map_entry *e;

    while ((e = mpm__map_next(table, NULL)) != NULL)
        remove_entry(hub, table, e);
    mpm__map_wipe(table);
}

/* Names are text for whoever reads them later. Python 2's are byte strings, mostly ASCII. Returns 0, MPM_ETYPE,
 * MPM_EINVAL (no text) or MPM_ENOMEM. */
static int
read_name(struct mpm_ref ref, struct mpm_buf *scratch, struct name *name)
{
    const uint8_t *text;
    int r = mpm__decode_text(ref, scratch, &text, &name->len);

    if (r != 0)
        return r;
    name->text = (uint8_t *)(uintptr_t)text; /* only looked at */
    return mpm__utf8_ok(text, name->len) ? 0 : MPM_EINVAL;
}

static enum mpm_outcome
raise_no_text(struct mpm_call *call)
{
    return mpm_raise(call, MPM_PY_VALUE_ERROR, "attribute name is not UTF-8");
}

/* What was stored under that name, also in place of what was there, is taken off what may be. Returns 0 or
 * MPM_ETOOBIG. */
static int
spend(const struct namespace *ns, const struct mpm_map *table, struct name *name, uint64_t *left)
{
    int error;

    return mpm_keep_spend(left, value_of(mpm__map_find(table, hash_of(ns, name), same_name, name, &error)));
}

/* Fills a table from a dict of the request. False: an exception is set, the table is empty. */
static bool
fill_table(struct namespace *ns, struct mpm_map *table, struct mpm_call *call, struct mpm_ref dict)
{
    struct mpm_parts parts = { 0 };
    struct mpm_buf scratch;
    uint64_t left = mpm_keep_allowance(dict.doc);
    int r = mpm__parts(dict, &parts);

    mpm__buf_init(&scratch, 0);
    if (r == 0)
        r = mpm__map_reserve(table, parts.items.n / 2);
    for (size_t i = 0; r == 0 && i + 1 < parts.items.n; i += 2) {
        struct name name;

        mpm__buf_clear(&scratch);
        r = read_name(mpm__part(&parts, i), &scratch, &name);
        if (r == 0)
            r = set(ns, table, &name, call, mpm__part(&parts, i + 1));
        if (r == 0)
            r = spend(ns, table, &name, &left);
    }
    mpm__buf_wipe(&scratch);
    mpm__parts_wipe(&parts);
    if (r == 0)
        return true;
    wipe_table(call->hub, table);
    if (r == MPM_ETYPE)
        mpm_raise(call, MPM_PY_TYPE_ERROR, "keywords must be strings");
    else if (r == MPM_EINVAL)
        raise_no_text(call);
    else
        mpm_raise_code(call, r);
    return false;
}

/* --- what the class has ------------------------------------------------------------------------------------------- */

/* Bound methods of every object; CPython pickles them as getattr(object, name). */
static const char *const bound[] = {
    "__init__", "__repr__", "__str__", "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__",
    "__getattribute__", "__setattr__", "__delattr__", "__dir__", "__format__", "__getstate__", "__reduce__",
    "__reduce_ex__", "__sizeof__", NULL
};
/* Those bound to the class. */
static const char *const of_class[] = { "__init_subclass__", "__subclasshook__", NULL };

static bool
is_one_of(const char *const *names, const struct name *name)
{
    for (; *names != NULL; names++) {
        if (strlen(*names) == name->len && memcmp(*names, name->text, name->len) == 0)
            return true;
    }
    return false;
}

static bool
name_is(const struct name *name, const char *text)
{
    return strlen(text) == name->len && memcmp(text, name->text, name->len) == 0;
}

static void
write_class(struct mpm_writer *w)
{
    mpm_write_global(w, "multiprocessing.managers", "Namespace");
}

static void
write_dict(struct namespace *ns, struct mpm_writer *w)
{
    struct mpm_map_entry *e = NULL;

    mpm_write_empty_dict(w);
    if (ns->attributes.n == 0)
        return;
    mpm_write_mark(w);
    while ((e = mpm__map_next(&ns->attributes, e)) != NULL) {
        bool ascii = true;

        for (size_t i = 0; i < name_of(e)->len; i++)
            ascii &= name_of(e)->text[i] < 0x80;
        if (ascii) /* attribute names are str in Python 2, too */
            mpm_write_native_n(w, (const char *)name_of(e)->text, name_of(e)->len);
        else
            mpm_write_text(w, (const char *)name_of(e)->text, name_of(e)->len);
        mpm_write_value(w, value_of(e));
    }
    mpm_write_setitems(w);
}

static void
write_instance(struct namespace *ns, struct mpm_writer *w)
{
    write_class(w);
    mpm_write_tuple_n(w, 0);
    mpm_write_newobj(w);
    if (ns->attributes.n == 0)
        return; /* an empty state is not pickled */
    write_dict(ns, w);
    mpm_write_buildop(w);
}

/* An attribute that comes from the class. False: it has none of that name. */
static bool
write_class_attribute(struct namespace *ns, const struct name *name, struct mpm_writer *w)
{
    bool is_bound = is_one_of(bound, name), is_new = name_is(name, "__new__");

    if (name_is(name, "__module__")) {
        mpm_write_native(w, "multiprocessing.managers");
    } else if (name_is(name, "__doc__")) {
        mpm_write_none(w);
    } else if (is_bound || is_new || is_one_of(of_class, name)) {
        mpm_write_global(w, "builtins", "getattr");
        if (is_bound)
            write_instance(ns, w);
        else if (is_new)
            mpm_write_global(w, "builtins", "object");
        else
            write_class(w);
        mpm_write_native_n(w, (const char *)name->text, name->len);
        mpm_write_tuple_n(w, 2);
        mpm_write_reduce(w);
    } else {
        return false;
    }
    return true;
}

/* --- methods ------------------------------------------------------------------------------------------------------ */

/* The attribute's name, argument 0. False: an exception is set. `scratch` is the caller's to wipe. */
static bool
name_arg(struct mpm_call *call, struct mpm_buf *scratch, struct name *name)
{
    char buf[64];
    int r;

    mpm__buf_init(scratch, 0);
    r = read_name(call->args[0], scratch, name);
    if (r == 0)
        return true;
    if (r == MPM_EINVAL)
        raise_no_text(call);
    else if (r == MPM_ETYPE)
        mpm_raise(call, MPM_PY_TYPE_ERROR, "attribute name must be string, not '%s'", mpm_arg_type_name(call, 0, buf));
    else
        mpm_raise_code(call, r);
    mpm__buf_wipe(scratch);
    return false;
}

static enum mpm_outcome
raise_missing(struct mpm_call *call, const struct name *name)
{
    char text[256];
    size_t len = name->len;

    if (len > sizeof(text) - 1) {
        len = sizeof(text) - 1;
        while ((name->text[len] & 0xc0) == 0x80)
            len--; /* never half a character */
    }
    memcpy(text, name->text, len);
    text[len] = '\0';
    return mpm_raise_attribute(call, text, "'Namespace' object has no attribute '%s'", text);
}

static enum mpm_outcome
get(struct namespace *ns, struct mpm_call *call, struct name *name)
{
    bool is_special = name->len > 4 && name->text[0] == '_' && name->text[1] == '_';
    struct mpm_map_entry *e;

    if (is_special && name_is(name, "__dict__")) {
        write_dict(ns, mpm_result_writer(call));
        return mpm_return_built(call);
    }
    if (is_special && name_is(name, "__class__")) {
        write_class(mpm_result_writer(call));
        return mpm_return_built(call);
    }
    if (is_special && name_is(name, "__weakref__"))
        return mpm_return_none(call);
    if ((e = find(ns, name)) != NULL)
        return mpm_return_value(call, value_of(e));
    if (is_special && write_class_attribute(ns, name, mpm_result_writer(call)))
        return mpm_return_built(call);
    return raise_missing(call, name);
}

static enum mpm_outcome
namespace_getattribute(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_buf scratch;
    struct name name;

    if (name_arg(call, &scratch, &name)) {
        get((struct namespace *)self, call, &name);
        mpm__buf_wipe(&scratch);
    }
    return MPM_DONE;
}

/* `n.__dict__ = {...}` replaces all attributes. */
static enum mpm_outcome
set_dict(struct namespace *ns, struct mpm_call *call)
{
    struct mpm_map table = { 0 };
    struct mpm_ref dict = call->args[1];
    char buf[64];
    int kind = mpm__kind(&dict);

    if (kind < 0)
        return mpm_raise_code(call, kind);
    if (kind != MPM_K_DICT)
        return mpm_raise(call, MPM_PY_TYPE_ERROR, "__dict__ must be set to a dictionary, not a '%s'",
            mpm_arg_type_name(call, 1, buf));
    if (!fill_table(ns, &table, call, dict))
        return MPM_DONE;
    wipe_table(call->hub, &ns->attributes);
    ns->attributes = table;
    return mpm_return_none(call);
}

static enum mpm_outcome
set_class(struct mpm_call *call)
{
    struct mpm_ref value = call->args[1];
    char buf[64];

    if (mpm__kind(&value) == MPM_K_GLOBAL)
        return mpm_raise(call, MPM_PY_TYPE_ERROR,
            "__class__ assignment only supported for mutable types or ModuleType subclasses");
    return mpm_raise(call, MPM_PY_TYPE_ERROR, "__class__ must be set to a class, not '%s' object",
        mpm_arg_type_name(call, 1, buf));
}

static enum mpm_outcome
raise_weakref(struct mpm_call *call)
{
    return mpm_raise_attribute(call, "__weakref__", "attribute '__weakref__' of 'Namespace' objects is not writable");
}

static enum mpm_outcome
put(struct namespace *ns, struct mpm_call *call, struct name *name)
{
    int r;

    if (name_is(name, "__dict__"))
        return set_dict(ns, call);
    if (name_is(name, "__class__"))
        return set_class(call);
    if (name_is(name, "__weakref__"))
        return raise_weakref(call);
    r = set(ns, &ns->attributes, name, call, call->args[1]);
    return r == 0 ? mpm_return_none(call) : mpm_raise_code(call, r);
}

static enum mpm_outcome
namespace_setattr(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_buf scratch;
    struct name name;

    if (name_arg(call, &scratch, &name)) {
        put((struct namespace *)self, call, &name);
        mpm__buf_wipe(&scratch);
    }
    return MPM_DONE;
}

static enum mpm_outcome
delete(struct namespace *ns, struct mpm_call *call, struct name *name)
{
    struct mpm_map_entry *e;

    if (name_is(name, "__dict__")) {
        wipe_table(call->hub, &ns->attributes);
        return mpm_return_none(call);
    }
    if (name_is(name, "__class__"))
        return mpm_raise(call, MPM_PY_TYPE_ERROR, "can't delete __class__ attribute");
    if (name_is(name, "__weakref__"))
        return raise_weakref(call);
    if ((e = find(ns, name)) == NULL)
        return raise_missing(call, name);
    remove_entry(call->hub, &ns->attributes, e);
    return mpm_return_none(call);
}

static enum mpm_outcome
namespace_delattr(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_buf scratch;
    struct name name;

    if (name_arg(call, &scratch, &name)) {
        delete((struct namespace *)self, call, &name);
        mpm__buf_wipe(&scratch);
    }
    return MPM_DONE;
}

/* --- type --------------------------------------------------------------------------------------------------------- */

static enum mpm_outcome
namespace_make(struct mpm_object *self, struct mpm_call *call)
{
    struct namespace *ns = (struct namespace *)self;

    if (fill_table(ns, &ns->attributes, call, call->args[MPM_ALL_KWDS]))
        mpm_return_none(call);
    return MPM_DONE;
}

static void
namespace_wipe(struct mpm_object *self)
{
    wipe_table(self->hub, &((struct namespace *)self)->attributes);
}

static enum mpm_outcome
namespace_getvalue(struct mpm_object *self, struct mpm_call *call)
{
    write_instance((struct namespace *)self, mpm_result_writer(call));
    return mpm_return_built(call);
}

/* One "name=repr" in a buffer of them. */
struct shown {
    const uint8_t *text;
    size_t len, from;
};

static int
by_text(const void *left, const void *right)
{
    const struct shown *a = left, *b = right;
    int r = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len); /* UTF-8 sorts as its code points do */

    return r != 0 ? r : (a->len > b->len) - (a->len < b->len);
}

static int
namespace_repr(struct mpm_object *self, struct mpm_buf *out)
{
    struct namespace *ns = (struct namespace *)self;
    struct shown *shown = mpm__array(ns->attributes.n, sizeof(*shown));
    struct mpm_map_entry *e = NULL;
    struct mpm_buf text;
    size_t n = 0;
    int r = shown == NULL ? MPM_ENOMEM : 0;

    mpm__buf_init(&text, 0);
    while (r == 0 && (e = mpm__map_next(&ns->attributes, e)) != NULL) {
        const struct name *name = name_of(e);

        if (name->len > 0 && name->text[0] == '_')
            continue;
        shown[n].from = text.len;
        mpm__buf_put(&text, name->text, name->len);
        mpm__buf_u8(&text, '=');
        r = mpm__repr_value(value_of(e), &text);
        shown[n].len = text.len - shown[n].from;
        n++;
    }
    if (r == 0 && (r = text.error) == 0) {
        for (size_t i = 0; i < n; i++)
            shown[i].text = text.data + shown[i].from;
        qsort(shown, n, sizeof(*shown), by_text);
        mpm__buf_text(out, "Namespace(");
        for (size_t i = 0; i < n; i++) {
            mpm__buf_text(out, i == 0 ? "" : ", ");
            mpm__buf_put(out, shown[i].text, shown[i].len);
        }
        mpm__buf_u8(out, ')');
        r = out->error;
    }
    mpm__buf_wipe(&text);
    mpm__free(shown);
    return r;
}

static struct mpm_method namespace_methods[] = {
    { .name = "__getattribute__", .params = "name",       .run = namespace_getattribute, .wording = MPM_W_SLOT, .of = "object" },
    { .name = "__setattr__",      .params = "name value", .run = namespace_setattr,      .wording = MPM_W_SLOT, .of = "object" },
    { .name = "__delattr__",      .params = "name",       .run = namespace_delattr,      .wording = MPM_W_SLOT, .of = "object" },
    { 0 }
};

/* A named Namespace exposes nothing to an AutoProxy, as in CPython: with `__getattribute__` among its methods an
 * AutoProxy would ask the server for its own attributes. register(..., proxytype=NamespaceProxy) works. */
struct mpm_type mpm__type_namespace = {
    .module = "multiprocessing.managers", .class_name = "Namespace", .size = sizeof(struct namespace),
    .params = "/ **kwds", .make = namespace_make, .wipe = namespace_wipe, .methods = namespace_methods,
    .exposed = "__getattribute__ __setattr__ __delattr__", .auto_exposed = "",
    .repr = namespace_repr, .getvalue = namespace_getvalue, .is_copied = true,
};

/*
 * nested.c - proxies inside stored values keep their objects alive. Layer: core.
 *
 * A program stores a proxy and drops its own; who reads the stored one expects it to work. CPython's server pins such an
 * object for ever (managers.py, id_to_local_proxy_obj). Here each stored value pins the objects that it names, and lets
 * go of them when it is replaced or dropped; values that are only sent, not stored, do not pass here.
 */
#include <string.h>

#include "base/alloc.h"
#include "core/core.h"
#include "pickle/opcodes.h"

/* Each level of nesting is one more pass over the value; nobody writes proxies deeper than this. */
#define LEVELS 16
/* So many times the value's length may be walked over: thousands of instances can share one large argument. */
#define WALKS 32
#define WALKED_MIN 65536

/* The objects found so far: ids[0] says how many follow. */
struct found {
    struct mpm_call *call;
    uint64_t *ids;
    size_t cap;
    uint64_t walk_max; /* bytes walked over, after which no more is looked for */
};

static int
add(struct found *f, const struct mpm_object *object)
{
    size_t n = f->ids != NULL ? f->ids[0] : 0;
    uint64_t *ids = f->ids;

    if (n + 1 >= f->cap) {
        ids = mpm__resize(f->ids, f->cap != 0 ? 2 * f->cap : 4, sizeof *ids);
        if (ids == NULL)
            return MPM_ENOMEM;
        f->cap = f->cap != 0 ? 2 * f->cap : 4;
        f->ids = ids;
    }
    ids[0] = n + 1;
    ids[n + 1] = object->id;
    return 0;
}

static int
search(struct found *f, struct mpm_ref ref, int levels)
{
    struct mpm_parts parts = { 0 };
    struct mpm_token_ref token;
    struct mpm_object *object;
    uint8_t opcode = ref.doc->bytes[ref.item.root];
    int r = 0, kind;

    /* What a reference means is in its own place inside the value, too. */
    if (levels == 0 || opcode == MPM_OP_GET || opcode == MPM_OP_BINGET || opcode == MPM_OP_LONG_BINGET)
        return 0;
    if (ref.doc->checker->walked > f->walk_max)
        return 0;
    kind = mpm__kind(&ref);
    if (kind < 0)
        return kind;
    if (kind == MPM_K_OBJECT) {
        r = mpm__read_token(ref, &token);
        if (r == 0)
            return (object = mpm_object_of(f->call, ref)) != NULL ? add(f, object) : 0;
        if (r == MPM_ENOMEM)
            return r;
    }
    if (kind < MPM_K_TUPLE || kind == MPM_K_GLOBAL)
        return 0;
    r = mpm__parts(ref, &parts);
    for (size_t i = 0; r == 0 && i < parts.items.n; i++)
        r = search(f, mpm__part(&parts, i), levels - 1);
    mpm__parts_wipe(&parts);
    return r;
}

int
mpm__pin_nested(struct mpm_call *call, struct mpm_value *v)
{
    static const char name[] = "RebuildProxy";
    struct found f = { .call = call };
    struct mpm_open open = { 0 };
    struct mpm_standing standing = { 0 };
    struct mpm_form form;
    struct mpm_ref ref;
    const uint8_t *bytes = mpm__value_standing(v, &standing); /* most have no proxy and need no normal form */
    size_t len = standing.len;
    int r;

    if (bytes == NULL && (bytes = mpm__value_bytes(v, &len, &form)) == NULL)
        return MPM_ENOMEM;
    if (memmem(bytes, len, name, sizeof name - 1) == NULL)
        return 0;
    f.walk_max = (uint64_t)len * WALKS + WALKED_MIN;
    r = mpm__open(&open, v, &ref);
    if (r == 0)
        r = search(&f, ref, LEVELS);
    mpm__close(&open);
    if (r != 0) {
        mpm__free(f.ids);
        return r;
    }
    if (f.ids != NULL) {
        mpm__value_set_ids(v, f.ids);
        mpm__pin(call->hub, v);
    }
    return 0;
}

void
mpm__pin(struct mpm_hub *hub, const struct mpm_value *v)
{
    const uint64_t *ids = mpm__value_ids(v);
    struct mpm_object *object;

    for (size_t i = 1; ids != NULL && i <= ids[0]; i++)
        if ((object = mpm__idmap_get(&hub->objects, ids[i])) != NULL)
            object->pins++;
}

void
mpm__unpin(struct mpm_hub *hub, const struct mpm_value *v)
{
    const uint64_t *ids = mpm__value_ids(v);
    struct mpm_object *object;

    for (size_t i = 1; ids != NULL && i <= ids[0]; i++) {
        object = mpm__idmap_get(&hub->objects, ids[i]);
        if (object != NULL && object->pins != 0 && --object->pins == 0)
            mpm__object_settle(object);
    }
}

/*
 * nested.c - proxies inside stored values keep their objects alive. Layer: core.
 *
 * A program stores a proxy and drops its own; who reads the stored one expects it to work. CPython's server pins such
 * an object for ever (managers.py, id_to_local_proxy_obj; python/cpython issue 103136). Here each stored value pins
 * the objects that it names, and lets go of them when it is replaced or dropped. A pin knows both ends, so lists that
 * contain each other are found out when nobody else needs them: climbing from an object to those that contain it meets
 * no other.
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

struct mpm_pin {
    struct mpm_link link;         /* on object->pinned_by */
    struct mpm_object *object;    /* of which the value has a proxy */
    struct mpm_object *container; /* that stores the value */
};

struct mpm_pins {
    size_t n;
    struct mpm_pin v[];
};

static size_t
size_of(size_t n)
{
    return sizeof(struct mpm_pins) + n * sizeof(struct mpm_pin);
}

/* --- finding proxies ---------------------------------------------------------------------------------------------- */

struct found {
    struct mpm_call *call;
    struct mpm_object **v;
    size_t n, cap;
    uint64_t walk_max; /* bytes walked over, after which no more is looked for */
};

static int
add(struct found *f, struct mpm_object *object)
{
    struct mpm_object **v;

    if (f->n == f->cap) {
        v = mpm__resize(f->v, f->cap != 0 ? 2 * f->cap : 4, sizeof *v);
        if (v == NULL)
            return MPM_ENOMEM;
        f->cap = f->cap != 0 ? 2 * f->cap : 4;
        f->v = v;
    }
    f->v[f->n++] = object;
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
        if (r == 0) {
            r = mpm__hub_object(f->call->hub, &token, &object);
            return r == 0 && object != NULL ? add(f, object) : r;
        }
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

static void
pin(struct mpm_pin *p, struct mpm_object *object, struct mpm_object *container)
{
    p->object = object;
    p->container = container;
    mpm__list_append(&object->pinned_by, &p->link);
}

int
mpm__pin_nested(struct mpm_call *call, struct mpm_value *v)
{
    static const char name[] = "RebuildProxy";
    struct found f = { .call = call };
    struct mpm_open open = { 0 };
    struct mpm_standing standing = { 0 };
    struct mpm_pins *pins;
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
    if (r == 0 && f.n != 0) {
        pins = mpm__alloc(size_of(f.n));
        if (pins != NULL) {
            pins->n = f.n;
            for (size_t i = 0; i < f.n; i++)
                pin(&pins->v[i], f.v[i], call->object);
            mpm__value_set_pins(v, pins);
        } else {
            r = MPM_ENOMEM;
        }
    }
    mpm__free(f.v);
    return r;
}

int
mpm__pin_again(struct mpm_call *call, const struct mpm_pins *pins, struct mpm_value *clone)
{
    struct mpm_pins *copy = mpm__alloc(size_of(pins->n));

    if (copy == NULL)
        return MPM_ENOMEM;
    copy->n = pins->n;
    for (size_t i = 0; i < pins->n; i++)
        pin(&copy->v[i], pins->v[i].object, call->object);
    mpm__value_set_pins(clone, copy);
    return 0;
}

bool
mpm__pins_are_of(const struct mpm_pins *pins, const struct mpm_object *container)
{
    return pins->v[0].container == container;
}

const struct mpm_object *
mpm__pin_container(const struct mpm_link *link)
{
    return MPM_CONTAINER(link, const struct mpm_pin, link)->container;
}

size_t
mpm__pins_cost(const struct mpm_value *v)
{
    const struct mpm_pins *pins = mpm__value_pins(v);

    return pins != NULL ? size_of(pins->n) : 0;
}

struct mpm_pins *
mpm_object_pin(struct mpm_object *container, struct mpm_object *object)
{
    struct mpm_pins *pins = mpm__alloc(size_of(1));

    if (pins != NULL) {
        pins->n = 1;
        pin(&pins->v[0], object, container);
    }
    return pins;
}

void
mpm_object_unpin(struct mpm_pins *pins)
{
    if (pins == NULL)
        return;
    for (size_t i = 0; i < pins->n; i++) { /* the first to go may take others with it */
        mpm_object_hold(pins->v[i].object);
        mpm__list_remove(&pins->v[i].link);
    }
    for (size_t i = 0; i < pins->n; i++)
        mpm_object_drop(pins->v[i].object);
    mpm__free(pins);
}

void
mpm__unpin(struct mpm_value *v)
{
    struct mpm_pins *pins = mpm__value_pins(v);

    if (pins != NULL)
        mpm__value_set_pins(v, NULL);
    mpm_object_unpin(pins);
}

static bool
is_needed(const struct mpm_object *object)
{
    return object->refs != 0 || object->holds != 0 || object->shown != 0;
}

bool
mpm__is_pinned(struct mpm_object *object, struct mpm_list *climbed)
{
    struct mpm_link *at, *link;
    bool needed = false;

    mpm__list_init(climbed);
    mpm__list_append(climbed, &object->climb);
    for (at = mpm__list_first(climbed); at != NULL && !needed; at = mpm__list_next(climbed, at)) {
        struct mpm_list *pinned_by = &MPM_CONTAINER(at, struct mpm_object, climb)->pinned_by;

        for (link = mpm__list_first(pinned_by); link != NULL && !needed; link = mpm__list_next(pinned_by, link)) {
            struct mpm_object *container = MPM_CONTAINER(link, struct mpm_pin, link)->container;

            needed = is_needed(container);
            if (!needed && !mpm_link_is_on(&container->climb))
                mpm__list_append(climbed, &container->climb);
        }
    }
    if (needed)
        while ((at = mpm__list_first(climbed)) != NULL)
            mpm__list_remove(at);
    return needed;
}

/* --- what clients are reading ------------------------------------------------------------------------------------- */

/* Room for `more` objects. */
static struct mpm_shown *
reserve_shown(struct mpm_shown **shown, size_t more)
{
    struct mpm_shown *s = *shown;
    size_t n = s != NULL ? s->n : 0, cap = s != NULL ? s->cap : 0;

    if (s == NULL || n + more > cap) {
        cap = n + more > 2 * cap ? n + more : 2 * cap;
        s = mpm__resize(s, 1, sizeof *s + cap * sizeof *s->v);
        if (s == NULL)
            return NULL;
        s->n = n;
        s->cap = cap;
        *shown = s;
    }
    return s;
}

int
mpm__show(struct mpm_shown **shown, const struct mpm_pins *pins)
{
    struct mpm_shown *s = reserve_shown(shown, pins->n);

    if (s == NULL)
        return MPM_ENOMEM;
    for (size_t i = 0; i < pins->n; i++) {
        s->v[s->n++] = pins->v[i].object;
        pins->v[i].object->shown++;
    }
    return 0;
}

int
mpm__show_too(struct mpm_shown **shown, struct mpm_shown *more)
{
    struct mpm_shown *s;

    if (more == NULL)
        return 0;
    s = reserve_shown(shown, more->n);
    if (s == NULL) {
        mpm__unshow(more);
        return MPM_ENOMEM;
    }
    memcpy(s->v + s->n, more->v, more->n * sizeof *more->v);
    s->n += more->n;
    mpm__free(more);
    return 0;
}

void
mpm__unshow(struct mpm_shown *shown)
{
    if (shown == NULL)
        return;
    for (size_t i = 0; i < shown->n; i++) {
        if (--shown->v[i]->shown == 0)
            mpm__object_settle(shown->v[i]);
    }
    mpm__free(shown);
}

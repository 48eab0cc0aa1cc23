/*
 * copies.c - what a client of Python 2.7 reads in place of proxies that are stored. Layer: core.
 *
 * The server of Python 2.7 puts the object itself where it is sent a proxy of it, so that whoever reads it gets a copy of
 * what it is at that moment; clients of that age know nothing else. Here the proxy is stored, for all, and a reply in
 * protocol 2 gets the copies when it is written: its bytes are gone through once, and each such proxy in them is left out
 * for the pickle of its object, which is gone through in turn. An object comes once and is named; where it is met again,
 * also inside of itself, is a reference to that name. So what a reply can grow by is what the objects hold.
 *
 * Whose proxy it is shows in its token: only Python 2.7 writes byte strings there. What that server cannot pickle, and a
 * key of a dict or an item of a set, which it cannot hash, stays a proxy. So does what Python 3 stored; there the address
 * becomes a byte string, because Python 2.7 connects to no other path. Source: CPython 2.7
 * Lib/multiprocessing/managers.py, RebuildProxy; connection.py, address_type.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "core/core.h"
#include "pickle/opcodes.h"

/* Objects inside of each other, after which the next is a proxy: about where the pickler of Python 2.7 gives up. */
#define LEVELS 1000
/* As for pins (nested.c): so many times the length of a pickle may be walked over for what its tokens say. */
#define WALKS 32
#define WALKED_MIN 65536

static const char REBUILD[] = "RebuildProxy";

/* A proxy: bytes [start, root], of which the last one is its REDUCE. Or the one opcode that is an address. */
struct spot {
    uint32_t start, root;
    struct mpm_object *object; /* NULL: an address */
};

/* A pickle that is being copied to the output. */
struct source {
    struct mpm_buf bytes;
    uint32_t at;           /* copied up to here */
    uint32_t base;         /* its memo entries begin there in the output */
    uint32_t root;         /* the opcode that makes it */
    uint32_t n_memo;
    const struct mpm_object *object; /* whose value it is, to be named; NULL: of none, or it has its name */
    struct spot *spots;    /* in order */
    size_t n_spots, next;
};

struct copier {
    struct mpm_hub *hub;
    struct mpm_buf *out;
    struct mpm_shown **shown;
    struct mpm_checker checker;
    struct mpm_idmap names;  /* object id -> 1 + memo entry in the output, or UNNAMED */
    struct source *v;        /* innermost last */
    size_t n, cap;
    uint64_t left;           /* bytes that may still be added */
    uint32_t n_memo;         /* entries of the output so far */
};

/* It stays a proxy: this reader cannot have it, or its pickle has begun and what makes it is still to come (a call with
 * itself among its arguments), so that nothing can refer to it. */
#define UNNAMED ((void *)UINTPTR_MAX)

/* --- finding proxies ---------------------------------------------------------------------------------------------- */

static bool
is_named(const uint8_t *name, size_t len, const char *wanted)
{
    return len == strlen(wanted) && memcmp(name, wanted, len) == 0;
}

/* What a call is, and, when it is a proxy, where something is to be changed. */
enum look { LOOK_OTHER = 0, LOOK_SET, LOOK_COPY, LOOK_ADDRESS };

/* Returns an enum look, or MPM_ENOMEM. */
static int
look_at_token(struct copier *c, const struct mpm_doc *doc, struct mpm_token_ref *token, struct spot *spot)
{
    struct mpm_object *object;
    int typeid = mpm__kind(&token->typeid), ident = mpm__kind(&token->ident), address = mpm__kind(&token->address);

    if (typeid == MPM_ENOMEM || ident == MPM_ENOMEM || address == MPM_ENOMEM ||
        mpm__hub_object(c->hub, token, &object) != 0)
        return MPM_ENOMEM;
    if (object == NULL)
        return LOOK_OTHER;
    if (typeid == MPM_K_NATIVE && ident == MPM_K_NATIVE) {
        spot->object = object;
        return object->type->is_copied ? LOOK_COPY : LOOK_OTHER;
    }
    spot->start = spot->root = token->address.item.root;
    return doc->bytes[spot->root] == MPM_OP_BINUNICODE ? LOOK_ADDRESS : LOOK_OTHER;
}

static int
look_at(struct copier *c, struct mpm_ref ref, struct spot *spot)
{
    struct mpm_token_ref token;
    const uint8_t *module, *name;
    size_t module_len, len;
    int r = mpm__read_global(ref, &module, &module_len, &name, &len);

    *spot = (struct spot){ ref.item.start, ref.item.root, NULL };
    if (r == 0 && (is_named(name, len, "set") || is_named(name, len, "frozenset")))
        return LOOK_SET;
    if (r == 0 && is_named(name, len, REBUILD) && (r = mpm__read_token(ref, &token)) == 0)
        return look_at_token(c, ref.doc, &token, spot);
    return r == MPM_ENOMEM ? r : LOOK_OTHER;
}

static int
by_place(const void *a, const void *b)
{
    const struct spot *x = a, *y = b;

    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return x->root > y->root ? -1 : x->root < y->root; /* the outer first */
}

/* In order, and without those inside of another, which go with it, and what several refer to but once. */
static size_t
put_in_order(struct spot *spots, size_t n)
{
    size_t kept = 0;

    if (n != 0)
        qsort(spots, n, sizeof *spots, by_place);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || spots[i].start > spots[kept - 1].root)
            spots[kept++] = spots[i];
    return kept;
}

/* For each call whether it is inside of what is hashed, as differences between neighbours to begin with. */
static void
note_hashed(uint32_t *hashed, const struct mpm_items *calls, uint32_t start, uint32_t end)
{
    hashed[mpm__first_inside(calls, start)]++;
    hashed[mpm__first_inside(calls, end)]--;
}

/* Fills s->spots, for bytes that are checked. */
static int
find_in(struct copier *c, struct source *s, const struct mpm_doc *doc)
{
    struct mpm_items calls = { 0 }, keys = { 0 };
    uint64_t walk_max = doc->checker->walked + (uint64_t)doc->len * WALKS + WALKED_MIN;
    uint32_t *hashed = NULL;
    uint8_t *looks = NULL;
    size_t n = 0;
    int r = mpm__calls(doc, &calls, &keys);

    if (r == 0 && calls.n != 0) {
        s->spots = mpm__array(calls.n, sizeof *s->spots);
        hashed = mpm__array(calls.n + 1, sizeof *hashed);
        looks = mpm__array(calls.n, sizeof *looks);
        r = s->spots != NULL && hashed != NULL && looks != NULL ? 0 : MPM_ENOMEM;
    }
    for (size_t i = 0; r >= 0 && i < calls.n && doc->checker->walked <= walk_max; i++) {
        r = look_at(c, (struct mpm_ref){ doc, calls.v[i] }, &s->spots[i]);
        looks[i] = r > 0 ? (uint8_t)r : LOOK_OTHER;
        if (r == LOOK_SET)
            note_hashed(hashed, &calls, calls.v[i].start, calls.v[i].root);
    }
    for (size_t i = 0; r >= 0 && i < keys.n; i++)
        note_hashed(hashed, &calls, keys.v[i].start, keys.v[i].end);
    for (size_t i = 0; r >= 0 && i < calls.n; i++) {
        hashed[i] += i != 0 ? hashed[i - 1] : 0;
        if (looks[i] == LOOK_ADDRESS || (looks[i] == LOOK_COPY && hashed[i] == 0))
            s->spots[n++] = s->spots[i];
    }
    if (r >= 0)
        s->n_spots = put_in_order(s->spots, n);
    mpm__free(looks);
    mpm__free(hashed);
    mpm__items_wipe(&calls);
    mpm__items_wipe(&keys);
    return r < 0 ? r : 0;
}

/* Looks through a pickle. One that cannot be looked through (too deep) stays as it is. */
static int
look_through(struct copier *c, struct source *s, const uint8_t *bytes, size_t len)
{
    struct mpm_doc doc;
    int r = mpm__check(&c->checker, bytes, len, true, &doc, NULL);

    if (r != 0)
        return r == MPM_ENOMEM ? r : MPM_EUNSUP;
    s->root = doc.top.root;
    s->n_memo = doc.n_memo;
    return memmem(bytes, len, REBUILD, sizeof REBUILD - 1) != NULL ? find_in(c, s, &doc) : 0;
}

/* --- sources ------------------------------------------------------------------------------------------------------ */

static void
wipe_source(struct source *s)
{
    mpm__buf_wipe(&s->bytes);
    mpm__free(s->spots);
}

/* On success it belongs to the copier. */
static int
push(struct copier *c, const struct source *s)
{
    size_t cap = c->cap != 0 ? 2 * c->cap : 4;
    struct source *v;

    if (c->n == c->cap) {
        v = mpm__resize(c->v, cap, sizeof *v);
        if (v == NULL)
            return MPM_ENOMEM;
        c->v = v;
        c->cap = cap;
    }
    if (s->object != NULL && mpm__idmap_set(&c->names, s->object->id, UNNAMED) != 0)
        return MPM_ENOMEM;
    c->v[c->n] = *s;
    c->v[c->n++].base = c->n_memo;
    c->n_memo += s->n_memo;
    return 0;
}

/* The object's value, as `#GETVALUE` gives it. MPM_EUNSUP: this reader cannot have it. */
static int
write_object(struct mpm_object *object, struct mpm_buf *out, struct mpm_shown **shown)
{
    struct mpm_hub *hub = object->hub;
    struct mpm_call *call = mpm__call_new(hub);
    int r = MPM_EUNSUP;

    if (call == NULL)
        return MPM_ENOMEM;
    mpm_object_hold(object);
    call->object = object;
    call->owner = hub->nobody;
    call->now_ns = hub->now_ns;
    call->protocol = 2;
    object->type->getvalue(object, call);
    if (call->result.kind == MPM_R_BUILT && hub->writer.error == 0) {
        mpm__buf_put(out, hub->built.data, hub->built.len);
        r = mpm__show_too(shown, call->result.shown);
        call->result.shown = NULL;
        if (r == 0)
            r = out->error;
    } else if (call->result.kind == MPM_R_ERROR && call->result.error == MPM_PY_MEMORY_ERROR) {
        r = MPM_ENOMEM;
    }
    mpm__call_free(call);
    return r;
}

static int
push_object(struct copier *c, struct mpm_object *object)
{
    struct source s = { .object = object };
    int r;

    mpm__buf_init(&s.bytes, 0);
    r = write_object(object, &s.bytes, c->shown);
    if (r == 0)
        r = s.bytes.len <= c->left ? look_through(c, &s, s.bytes.data, s.bytes.len) : MPM_ETOOBIG;
    if (r == 0) {
        c->left -= s.bytes.len;
        r = push(c, &s);
    }
    if (r != 0)
        wipe_source(&s);
    return r;
}

/* --- copying ------------------------------------------------------------------------------------------------------ */

static void
put_numbered(struct copier *c, uint8_t short_code, uint8_t long_code, uint32_t number)
{
    mpm__buf_u8(c->out, number <= 0xff ? short_code : long_code);
    mpm__buf_le(c->out, number, number <= 0xff ? 1 : 4);
}

static int
name_object(struct copier *c, struct source *s)
{
    uint32_t number = c->n_memo++;

    put_numbered(c, MPM_OP_BINPUT, MPM_OP_LONG_BINPUT, number);
    return mpm__idmap_set(&c->names, s->object->id, (void *)((uintptr_t)number + 1)); /* replaces: cannot fail */
}

/* Up to `end`, with memo numbers as they are in the output, and a name for the object behind what makes it. */
static int
copy_to(struct copier *c, struct source *s, uint32_t end)
{
    const uint8_t *bytes = s->bytes.data;
    uint32_t from = s->at;
    struct mpm_op op;
    int r = 0;

    for (; r == 0 && s->at < end; s->at = op.next) {
        mpm__op_read(bytes, s->at, &op);
        if (mpm__opinfo[op.code].effect == MPM_EFFECT_PUT || mpm__opinfo[op.code].effect == MPM_EFFECT_GET) {
            mpm__buf_put(c->out, bytes + from, op.at - from);
            if (mpm__opinfo[op.code].effect == MPM_EFFECT_PUT)
                put_numbered(c, MPM_OP_BINPUT, MPM_OP_LONG_BINPUT, s->base + mpm__op_index(bytes, &op));
            else
                put_numbered(c, MPM_OP_BINGET, MPM_OP_LONG_BINGET, s->base + mpm__op_index(bytes, &op));
            from = op.next;
        }
        if (op.at == s->root && s->object != NULL) {
            mpm__buf_put(c->out, bytes + from, op.next - from);
            r = name_object(c, s);
            from = op.next;
        }
    }
    mpm__buf_put(c->out, bytes + from, end - from);
    return r != 0 ? r : c->out->error;
}

/* Leaves a proxy out, in whose place a copy comes. When what it is made of is named, it may be referred to further on:
 * then that is made and thrown away, but not the proxy. */
static int
leave_out(struct copier *c, struct source *s, const struct spot *spot)
{
    bool names = false;
    struct mpm_op op;
    int r = 0;

    for (uint32_t at = spot->start; at < spot->root && !names; at = op.next) {
        mpm__op_read(s->bytes.data, at, &op);
        names = mpm__opinfo[op.code].effect == MPM_EFFECT_PUT;
    }
    if (names && (r = copy_to(c, s, spot->root)) == 0)
        mpm__buf_put(c->out, (const uint8_t[]){ MPM_OP_POP, MPM_OP_POP }, 2);
    s->at = spot->root + 1;
    return r;
}

static void
put_address(struct copier *c, struct source *s)
{
    struct mpm_writer w = { .out = c->out, .protocol = 2 };
    struct mpm_op op;

    mpm__op_read(s->bytes.data, s->at, &op);
    mpm_write_native_n(&w, (const char *)s->bytes.data + op.data, op.data_len);
    s->at = op.next;
}

/* Up to the next spot; what becomes of that. */
static int
step(struct copier *c)
{
    size_t i = c->n - 1; /* pushing moves them */
    const struct spot *spot = c->v[i].next < c->v[i].n_spots ? &c->v[i].spots[c->v[i].next] : NULL;
    uintptr_t name; /* 0: it was not met yet */
    int r = copy_to(c, &c->v[i], spot != NULL ? spot->start : (uint32_t)c->v[i].bytes.len);

    if (r != 0)
        return r;
    if (spot == NULL) {
        wipe_source(&c->v[--c->n]);
        return 0;
    }
    c->v[i].next++;
    if (spot->object == NULL) {
        put_address(c, &c->v[i]);
        return 0;
    }
    name = (uintptr_t)mpm__idmap_get(&c->names, spot->object->id);
    if (name == 0 && c->n < LEVELS) {
        r = push_object(c, spot->object);
        if (r == MPM_EUNSUP && mpm__idmap_set(&c->names, spot->object->id, UNNAMED) != 0) /* not tried again */
            return MPM_ENOMEM;
    } else if (name == 0 || name == (uintptr_t)UNNAMED) {
        r = MPM_EUNSUP;
    }
    if (r == MPM_EUNSUP)
        return copy_to(c, &c->v[i], spot->root + 1);
    if (r == 0)
        r = leave_out(c, &c->v[i], spot);
    if (r == 0 && name != 0)
        put_numbered(c, MPM_OP_BINGET, MPM_OP_LONG_BINGET, (uint32_t)(name - 1));
    return r;
}

int
mpm__put_copies(struct mpm_hub *hub, struct mpm_buf *out, size_t at, const struct mpm_object *of, struct mpm_shown **shown)
{
    struct copier c = { .hub = hub, .out = out, .shown = shown, .left = hub->options.max_message };
    struct source s = { .object = of };
    int r = look_through(&c, &s, out->data + at, out->len - at);

    mpm__buf_init(&s.bytes, 0);
    if (r == 0 && s.n_spots != 0) {
        mpm__buf_put(&s.bytes, out->data + at, out->len - at);
        r = s.bytes.error != 0 ? s.bytes.error : push(&c, &s);
    }
    if (r != 0 || s.n_spots == 0)
        wipe_source(&s);
    else
        mpm__buf_cut(out, at);
    while (r == 0 && c.n != 0)
        r = step(&c);
    while (c.n != 0)
        wipe_source(&c.v[--c.n]);
    mpm__free(c.v);
    mpm__idmap_wipe(&c.names);
    mpm__checker_wipe(&c.checker);
    return r == MPM_EUNSUP ? 0 : r;
}

int
mpm__repr_copied(struct mpm_object *object, struct mpm_buf *out)
{
    struct mpm_shown *shown = NULL;
    struct mpm_open open = { 0 };
    struct mpm_buf value;
    struct mpm_ref ref;
    int r;

    mpm__buf_init(&value, 0);
    r = write_object(object, &value, &shown);
    if (r == 0 && shown != NULL) {
        r = mpm__put_copies(object->hub, &value, 0, object, &shown);
        if (r == 0)
            r = value.error != 0 ? value.error : mpm__open_written(&open, &value, &ref);
        if (r == 0)
            r = mpm__repr(ref, out);
        mpm__close(&open);
    } else if (r == 0 || r == MPM_EUNSUP) {
        r = MPM_EAGAIN;
    }
    mpm__unshow(shown);
    mpm__buf_wipe(&value);
    return r;
}

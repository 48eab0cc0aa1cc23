/*
 * builder.c - the public side of building: values put one after another, containers begun and ended. Layer: client.
 *
 * value/build.c writes the opcodes; here is kept what is open, and nothing malformed comes out. Failures stick.
 */
#include <mpmd/value.h>

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/utf8.h"
#include "client/document.h"
#include "pickle/opcodes.h"
#include "value/build.h"

/* A container that is not ended yet. */
struct open {
    enum mpm_kind kind;
    bool is_call;      /* OBJECT: callable(*arguments) */
    size_t n;          /* parts put so far */
    size_t content_at; /* where its MARK is */
};

struct mpm_builder {
    struct mpm_buf out;
    struct mpm_writer writer;
    struct open *open;
    size_t n_open, cap_open;
    size_t n_values;           /* whole ones, outside of any container */
    enum mpm_kind last;        /* what the latest of them is, if it was begun and ended; else 0 */
    struct mpm_error error;    /* the first failure; code 0: none */
    int protocol;
};

void
mpm__builder_refuse(struct mpm_builder *b, int code, const char *text)
{
    if (b->error.code == 0)
        mpm__fail(&b->error, code, 0, "%s", text);
}

void
mpm_builder_clear(struct mpm_builder *b)
{
    mpm__buf_clear(&b->out);
    b->error = (struct mpm_error){ 0 };
    b->n_open = b->n_values = 0;
    b->last = 0;
    b->writer = (struct mpm_writer){ .out = &b->out, .protocol = (uint8_t)b->protocol, .err = &b->error };
    mpm__buf_u8(&b->out, MPM_OP_PROTO);
    mpm__buf_u8(&b->out, (uint8_t)b->protocol);
}

int
mpm_builder_open(int protocol, struct mpm_builder **out)
{
    struct mpm_builder *b;

    if (protocol != 0 && (protocol < 2 || protocol > 5))
        return MPM_EINVAL;
    b = mpm__array(1, sizeof *b);
    if (b == NULL)
        return MPM_ENOMEM;
    b->protocol = protocol != 0 ? protocol : 4;
    mpm__buf_init(&b->out, 0);
    mpm_builder_clear(b);
    *out = b;
    return 0;
}

void
mpm_builder_close(struct mpm_builder *b)
{
    if (b == NULL)
        return;
    mpm__buf_wipe(&b->out);
    mpm__free(b->open);
    mpm__free(b);
}

/* --- containers --------------------------------------------------------------------------------------------------- */

static struct open *
innermost(struct mpm_builder *b)
{
    return b->n_open != 0 ? &b->open[b->n_open - 1] : NULL;
}

/* A value is complete: it is part of what is open. */
static void
added(struct mpm_builder *b)
{
    struct open *o = innermost(b);

    if (o == NULL) {
        if (++b->n_values > 1)
            mpm__builder_refuse(b, MPM_EINVAL, "a second value was put: several go into a tuple");
        return;
    }
    o->n++;
    if (o->kind != MPM_K_OBJECT)
        return;
    if (o->n == 2 && o->is_call)
        mpm_write_reduce(&b->writer);
    else if (o->n == 2)
        mpm_write_newobj(&b->writer);
    else if (o->n == 3)
        mpm_write_buildop(&b->writer);
    else if (o->n > 3)
        mpm__builder_refuse(b, MPM_EINVAL, "an object has a callable, a tuple of arguments and at most one state");
}

/* Sets have opcodes from protocol 4 on; before, they are made of a list. */
static bool
is_made_of_list(const struct mpm_builder *b, enum mpm_kind kind)
{
    return b->protocol < 4 && (kind == MPM_K_SET || kind == MPM_K_FROZENSET);
}

static void
begin(struct mpm_builder *b, enum mpm_kind kind, bool is_call)
{
    struct mpm_writer *w = &b->writer;
    struct open *open = b->open;

    if (b->n_open == MPM_PICKLE_DEPTH_MAX) {
        mpm__builder_refuse(b, MPM_ELIMIT, "containers are nested too deep");
        return;
    }
    if (b->n_open == b->cap_open) {
        open = mpm__resize(b->open, b->cap_open != 0 ? 2 * b->cap_open : 8, sizeof *open);
        if (open == NULL) {
            mpm__builder_refuse(b, MPM_ENOMEM, "no memory for one more container");
            return;
        }
        b->cap_open = b->cap_open != 0 ? 2 * b->cap_open : 8;
        b->open = open;
    }
    if (is_made_of_list(b, kind))
        mpm_write_global(w, "builtins", kind == MPM_K_SET ? "set" : "frozenset");
    if (kind == MPM_K_LIST || is_made_of_list(b, kind))
        mpm_write_empty_list(w);
    else if (kind == MPM_K_DICT)
        mpm_write_empty_dict(w);
    else if (kind == MPM_K_SET)
        mpm__buf_u8(&b->out, MPM_OP_EMPTY_SET);
    open[b->n_open++] = (struct open){ kind, is_call, 0, b->out.len };
    if (kind != MPM_K_OBJECT)
        mpm_write_mark(w);
}

void
mpm_put_begin(struct mpm_builder *b, enum mpm_kind kind)
{
    if (b->error.code != 0)
        return;
    if (kind < MPM_K_TUPLE || kind > MPM_K_OBJECT || kind == MPM_K_GLOBAL)
        mpm__builder_refuse(b, MPM_EINVAL, "only a tuple, list, dict, set, frozenset or object can be begun");
    else
        begin(b, kind, false);
}

void
mpm_put_begin_call(struct mpm_builder *b)
{
    if (b->error.code == 0)
        begin(b, MPM_K_OBJECT, true);
}

/* The opcode that puts what is above the mark into the container; without content there is no mark either. */
static void
fill(struct mpm_builder *b, const struct open *o, uint8_t opcode)
{
    if (o->n == 0 && b->out.error == 0)
        mpm__buf_cut(&b->out, o->content_at);
    else
        mpm__buf_u8(&b->out, opcode);
}

void
mpm_put_end(struct mpm_builder *b)
{
    struct open *o = innermost(b);

    if (b->error.code != 0)
        return;
    if (o == NULL) {
        mpm__builder_refuse(b, MPM_EINVAL, "an end without a begin");
        return;
    }
    switch (o->kind) {
    case MPM_K_TUPLE:
        mpm_write_tuple(&b->writer);
        break;
    case MPM_K_DICT:
        if (o->n % 2 != 0)
            mpm__builder_refuse(b, MPM_EINVAL, "a dict ends with a key that has no value");
        fill(b, o, MPM_OP_SETITEMS);
        break;
    case MPM_K_OBJECT:
        if (o->n < 2)
            mpm__builder_refuse(b, MPM_EINVAL, "an object needs a callable and a tuple of arguments");
        break;
    default:
        if (o->kind == MPM_K_LIST || is_made_of_list(b, o->kind))
            fill(b, o, MPM_OP_APPENDS);
        else if (o->kind == MPM_K_SET)
            fill(b, o, MPM_OP_ADDITEMS);
        else
            mpm__buf_u8(&b->out, MPM_OP_FROZENSET);
    }
    if (is_made_of_list(b, o->kind)) {
        mpm_write_tuple_n(&b->writer, 1);
        mpm_write_reduce(&b->writer);
    }
    b->last = o->kind;
    b->n_open--;
    added(b);
}

/* --- single values ------------------------------------------------------------------------------------------------ */

void
mpm_put_none(struct mpm_builder *b)
{
    if (b->error.code != 0)
        return;
    mpm_write_none(&b->writer);
    added(b);
}

void
mpm_put_bool(struct mpm_builder *b, int v)
{
    if (b->error.code != 0)
        return;
    mpm_write_bool(&b->writer, v != 0);
    added(b);
}

void
mpm_put_int(struct mpm_builder *b, int64_t v)
{
    if (b->error.code != 0)
        return;
    mpm_write_int(&b->writer, v);
    added(b);
}

void
mpm_put_bigint(struct mpm_builder *b, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    uint64_t v = 0;

    if (b->error.code != 0)
        return;
    while (len > 1 && p[len - 1] == (p[len - 2] >= 0x80 ? 0xff : 0))
        len--; /* bytes that only repeat the sign */
    if (len <= 8) {
        for (size_t i = 0; i < 8; i++)
            v |= (uint64_t)(i < len ? p[i] : len > 0 && p[len - 1] >= 0x80 ? 0xff : 0) << 8 * i;
        mpm_write_int(&b->writer, (int64_t)v);
    } else if (len > INT32_MAX) {
        mpm__builder_refuse(b, MPM_EINVAL, "an int of 2 GiB or more");
    } else {
        mpm__buf_u8(&b->out, len <= 0xff ? MPM_OP_LONG1 : MPM_OP_LONG4);
        mpm__buf_le(&b->out, len, len <= 0xff ? 1 : 4);
        mpm__buf_put(&b->out, p, len);
    }
    added(b);
}

void
mpm_put_double(struct mpm_builder *b, double v)
{
    if (b->error.code != 0)
        return;
    mpm_write_float(&b->writer, v);
    added(b);
}

void
mpm_put_text(struct mpm_builder *b, const char *utf8, size_t len)
{
    if (b->error.code != 0)
        return;
    if (!mpm__utf8_ok((const uint8_t *)utf8, len)) {
        mpm__builder_refuse(b, MPM_EINVAL, "a text is not UTF-8: other bytes go in by mpm_put_bytes()");
        return;
    }
    mpm_write_text(&b->writer, utf8, len);
    added(b);
}

void
mpm_put_string(struct mpm_builder *b, const char *utf8)
{
    mpm_put_text(b, utf8, strlen(utf8));
}

void
mpm_put_bytes(struct mpm_builder *b, const void *bytes, size_t len)
{
    if (b->error.code != 0)
        return;
    mpm_write_bytes(&b->writer, bytes, len);
    added(b);
}

/* A line of the pickle, or a length-counted text: no control characters, which no name has. */
static bool
is_name(const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] <= ' ')
            return false;
    return len != 0 && mpm__utf8_ok((const uint8_t *)text, len);
}

void
mpm_put_class(struct mpm_builder *b, const char *module, const char *name)
{
    if (b->error.code != 0)
        return;
    if (!is_name(module) || !is_name(name)) {
        mpm__builder_refuse(b, MPM_EINVAL, "the name of a class or its module is empty or has blanks");
        return;
    }
    mpm_write_global(&b->writer, module, name);
    added(b);
}

void
mpm_put_ref(struct mpm_builder *b, struct mpm_ref ref)
{
    struct mpm_value value = { 0 };
    int r;

    if (b->error.code != 0)
        return;
    r = mpm_keep(ref, &value);
    if (r != 0) {
        mpm__builder_refuse(b, r, "no memory for a value");
        return;
    }
    mpm_write_value(&b->writer, &value);
    mpm_drop(&value);
    added(b);
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

int
mpm_builder_finish(struct mpm_builder *b, const void **bytes, size_t *len, struct mpm_error *err)
{
    if (b->error.code == 0 && b->writer.error != 0)
        mpm__builder_refuse(b, b->writer.error, "a value cannot be written for this protocol");
    if (b->error.code == 0 && b->n_open != 0)
        mpm__builder_refuse(b, MPM_EINVAL, "a container was begun and not ended");
    if (b->error.code == 0 && b->n_values == 0)
        mpm__builder_refuse(b, MPM_EINVAL, "no value was put");
    mpm__buf_u8(&b->out, MPM_OP_STOP);
    if (b->error.code == 0 && b->out.error != 0)
        mpm__builder_refuse(b, b->out.error, "no memory for a pickle");
    if (b->error.code != 0) {
        if (err != NULL)
            *err = b->error;
        return b->error.code;
    }
    *bytes = b->out.data;
    *len = b->out.len;
    /* the STOP is there and not counted: more may be put, which is then refused */
    mpm__buf_cut(&b->out, b->out.len - 1);
    return 0;
}

int
mpm__builder_body(struct mpm_builder *b, enum mpm_kind kind, int protocol, const uint8_t **bytes, size_t *len,
    struct mpm_error *err)
{
    const char *wanted = kind == MPM_K_TUPLE ? "arguments are to be a tuple" : "keyword arguments are to be a dict";
    const void *all;
    int r = mpm_builder_finish(b, &all, len, err);

    if (r != 0)
        return r;
    if (b->last != kind)
        return mpm__fail(err, MPM_EINVAL, 0, "%s", wanted);
    if (b->protocol > protocol)
        return mpm__fail(err, MPM_EINVAL, 0, "built for protocol %d; this server reads %d: use mpm_client_builder()",
            b->protocol, protocol);
    *bytes = (const uint8_t *)all + 2;
    *len -= 3;
    return 0;
}

int
mpm__builder_put(struct mpm_builder *b, struct mpm_builder *value, struct mpm_error *err)
{
    struct mpm_document *d;
    const void *all;
    size_t len;
    int r = mpm_builder_finish(value, &all, &len, err);

    if (r != 0 || b->error.code != 0)
        return r;
    if (value->protocol > b->protocol)
        return mpm__fail(err, MPM_EINVAL, 0, "built for protocol %d; this server reads %d: use mpm_client_builder()",
            value->protocol, b->protocol);
    if (value->writer.n_memo == 0 || b->writer.n_memo == 0) { /* memo numbers cannot meet: as it stands */
        mpm__buf_put(&b->out, (const uint8_t *)all + 2, len - 3);
        b->writer.n_memo += value->writer.n_memo;
        b->last = value->last;
        added(b);
        return 0;
    }
    r = mpm_document_open(all, len, &d, err);
    if (r == 0) {
        mpm_put_ref(b, mpm_document_root(d));
        mpm_document_close(d);
    }
    return r;
}

bool
mpm__builder_is_blank(const struct mpm_builder *b)
{
    return b->error.code == 0 && b->n_values == 0 && b->n_open == 0;
}

struct mpm_writer *
mpm__builder_writer(struct mpm_builder *b)
{
    return b->error.code == 0 ? &b->writer : NULL;
}

void
mpm__builder_added(struct mpm_builder *b)
{
    added(b);
}

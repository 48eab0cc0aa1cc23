/*
 * build.c - writes the pickles that the server itself makes, for readers of each protocol. Layer: value.
 *
 * Each value takes the opcode that CPython's own pickler of that protocol would choose, so that it loads as the same
 * type; FRAME and memo opcodes are left out, which every unpickler allows. Stored values are copied, renumbered or
 * transcoded. PROTO and STOP are the caller's. Source: CPython Lib/pickle.py and Modules/_pickle.c; for protocol 2,
 * Modules/cPickle.c of 2.7.
 */
#include "value/build.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "pickle/names.h"
#include "pickle/opcodes.h"
#include "pickle/transcode.h"

/* From this length on a copy into the reply costs more than sending the value from where it is stored. */
#define HOLE_MIN 65536
#define CHUNK 256 /* values for which mpm_write_values() makes room at a time */

/* An opcode, the length of what follows in n_bytes, and that. */
static void
put_counted(struct mpm_writer *w, uint8_t opcode, size_t n_bytes, const void *bytes, size_t len)
{
    mpm__buf_u8(w->out, opcode);
    mpm__buf_le(w->out, len, n_bytes);
    mpm__buf_put(w->out, bytes, len);
}

static void
put_refused(struct mpm_writer *w, const char *what)
{
    w->error = mpm__fail(w->err, MPM_EUNSUP, 0, "%s cannot be written with pickle protocol %d", what, w->protocol);
}

void
mpm_write_none(struct mpm_writer *w)
{
    mpm__buf_u8(w->out, MPM_OP_NONE);
}

void
mpm_write_bool(struct mpm_writer *w, bool v)
{
    mpm__buf_u8(w->out, v ? MPM_OP_NEWTRUE : MPM_OP_NEWFALSE);
}

void
mpm_write_int(struct mpm_writer *w, int64_t v)
{
    size_t n = 8;

    if (v >= 0 && v <= 0xff) {
        mpm__buf_put(w->out, (const uint8_t[]){ MPM_OP_BININT1, (uint8_t)v }, 2);
    } else if (v >= 0 && v <= 0xffff) {
        mpm__buf_put(w->out, (const uint8_t[]){ MPM_OP_BININT2, (uint8_t)v, (uint8_t)(v >> 8) }, 3);
    } else if (v >= INT32_MIN && v <= INT32_MAX) {
        mpm__buf_put(w->out, (const uint8_t[]){ MPM_OP_BININT, (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16),
            (uint8_t)(v >> 24) }, 5);
    } else if (w->protocol <= 2) {
        /* LONG1 would load as a `long` there */
        mpm__buf_printf(w->out, "I%" PRId64 "\n", v);
    } else {
        /* the shortest two's complement: drop bytes that only repeat the sign */
        while (n > 1 && v >> (8 * (n - 1) - 1) == (v < 0 ? -1 : 0))
            n--;
        mpm__buf_u8(w->out, MPM_OP_LONG1);
        mpm__buf_u8(w->out, (uint8_t)n);
        mpm__buf_le(w->out, (uint64_t)v, n);
    }
}

void
mpm_write_bigint(struct mpm_writer *w, const uint8_t *bytes, size_t len)
{
    uint64_t v = mpm__le(bytes, len <= 8 ? (unsigned)len : 0);

    if (len <= 8) {
        if (len > 0 && len < 8 && bytes[len - 1] & 0x80)
            v |= ~UINT64_C(0) << (8 * len);
        mpm_write_int(w, (int64_t)v);
    } else if (len <= 0xff) {
        put_counted(w, MPM_OP_LONG1, 1, bytes, len);
    } else if (len <= INT32_MAX) {
        put_counted(w, MPM_OP_LONG4, 4, bytes, len);
    } else {
        put_refused(w, "an int of 2 GiB or more");
    }
}

void
mpm_write_float(struct mpm_writer *w, double v)
{
    uint64_t bits;

    memcpy(&bits, &v, sizeof(bits));
    mpm__buf_u8(w->out, MPM_OP_BINFLOAT);
    mpm__buf_be(w->out, bits, 8);
}

void
mpm_write_text(struct mpm_writer *w, const char *utf8, size_t len)
{
    if (w->protocol >= 4 && len <= 0xff)
        put_counted(w, MPM_OP_SHORT_BINUNICODE, 1, utf8, len);
    else if (len <= UINT32_MAX)
        put_counted(w, MPM_OP_BINUNICODE, 4, utf8, len);
    else if (w->protocol >= 4)
        put_counted(w, MPM_OP_BINUNICODE8, 8, utf8, len);
    else
        put_refused(w, "a str of 4 GiB or more");
}

void
mpm_write_native(struct mpm_writer *w, const char *ascii)
{
    mpm_write_native_n(w, ascii, strlen(ascii));
}

void
mpm_write_native_n(struct mpm_writer *w, const char *bytes, size_t len)
{
    if (w->protocol > 2)
        mpm_write_text(w, bytes, len);
    else
        mpm_write_bytes(w, bytes, len);
}

void
mpm_write_bytes(struct mpm_writer *w, const void *bytes, size_t len)
{
    bool python2 = w->protocol <= 2;

    if (len <= 0xff)
        put_counted(w, python2 ? MPM_OP_SHORT_BINSTRING : MPM_OP_SHORT_BINBYTES, 1, bytes, len);
    else if (len <= (python2 ? INT32_MAX : UINT32_MAX))
        put_counted(w, python2 ? MPM_OP_BINSTRING : MPM_OP_BINBYTES, 4, bytes, len);
    else if (w->protocol >= 4)
        put_counted(w, MPM_OP_BINBYTES8, 8, bytes, len);
    else
        put_refused(w, python2 ? "a str of 2 GiB or more" : "a bytes object of 4 GiB or more");
}

void
mpm_write_global(struct mpm_writer *w, const char *module, const char *name)
{
    const uint8_t *m = (const uint8_t *)module, *n = (const uint8_t *)name;
    size_t m_len = strlen(module), n_len = strlen(name);

    if (w->protocol >= 4) {
        mpm_write_text(w, module, m_len);
        mpm_write_text(w, name, n_len);
        mpm__buf_u8(w->out, MPM_OP_STACK_GLOBAL);
        return;
    }
    if (w->protocol <= 2 && !mpm__name_to(2, &m, &m_len, &n, &n_len)) {
        w->error = mpm__fail(w->err, MPM_EUNSUP, 0, "Python 2 has no %s.%s", module, name);
        return;
    }
    mpm__buf_u8(w->out, MPM_OP_GLOBAL);
    mpm__buf_put(w->out, m, m_len);
    mpm__buf_u8(w->out, '\n');
    mpm__buf_put(w->out, n, n_len);
    mpm__buf_u8(w->out, '\n');
}

/*
 * A value that is kept as it stands counts on from the memo entries before it. Where there are none yet, what is on the
 * pickle stack is named as often as needed, and no number has to be changed.
 */
static bool
write_standing(struct mpm_writer *w, const struct mpm_value *v)
{
    struct mpm_standing standing;
    const uint8_t *bytes = mpm__value_standing(v, &standing);
    uint8_t *at;

    if (bytes == NULL || w->n_memo != 0 || (standing.base != 0 && (w->top_at == 0 || w->out->len != w->top_at)) ||
        !mpm__form_suits(&standing.form, w->protocol))
        return false;
    at = mpm__buf_add(w->out, standing.base);
    if (at != NULL)
        memset(at, MPM_OP_MEMOIZE, standing.base);
    w->n_memo = standing.base + standing.form.n_memo;
    if (!w->may_leave_hole || standing.len < HOLE_MIN) {
        mpm__buf_put(w->out, bytes, standing.len);
        return true;
    }
    w->may_leave_hole = false;
    w->hole_at = w->out->len;
    if (mpm__value_share_standing(v, &w->hole) != 0)
        w->out->error = MPM_ENOMEM;
    return true;
}

void
mpm__write_value(struct mpm_writer *w, const struct mpm_value *v)
{
    struct mpm_form form;
    const uint8_t *bytes;
    size_t len;
    int r;

    assert(!mpm_value_is_empty(v));
    if ((bytes = mpm__value_plain(v, w->protocol, &len)) != NULL) {
        mpm__buf_put(w->out, bytes, len);
        return;
    }
    if (w->met != NULL && mpm__value_pins(v) != NULL)
        w->met(w->met_arg, mpm__value_pins(v));
    if (write_standing(w, v))
        return;
    bytes = mpm__value_bytes(v, &len, &form);
    if (bytes == NULL) {
        w->out->error = MPM_ENOMEM;
        return;
    }
    if (!mpm__form_suits(&form, w->protocol)) {
        r = mpm__transcode(bytes, len, &form, w->protocol, &w->n_memo, w->out, w->err);
        if (r == MPM_EUNSUP)
            w->error = r;
        else if (r != 0 && w->out->error == 0)
            w->out->error = r;
        return;
    }
    if (form.n_memo != 0 && w->n_memo != 0) {
        mpm__splice_renumbered(bytes, len, w->n_memo, w->out);
    } else if (w->may_leave_hole && len >= HOLE_MIN) {
        w->may_leave_hole = false;
        w->hole_at = w->out->len;
        w->hole = mpm_value_hold(v);
    } else {
        mpm__buf_put(w->out, bytes, len);
    }
    w->n_memo += form.n_memo;
}

void
mpm__write_shared(struct mpm_writer *w, struct mpm_sharing *sharing, const struct mpm_value *v, bool again)
{
    const uint32_t *stored = mpm__value_stored(v); /* where that is counted is one place for all that share it */
    uintptr_t number;

    if (stored == NULL || (*stored < 2 && !again)) {
        mpm_write_value(w, v);
        return;
    }
    number = (uintptr_t)mpm__idmap_get(&sharing->numbers, (uintptr_t)stored);
    if (number != 0) {
        number--;
        mpm__buf_u8(w->out, number <= 0xff ? MPM_OP_BINGET : MPM_OP_LONG_BINGET);
    } else {
        mpm_write_value(w, v);
        number = w->n_memo++;
        if (mpm__idmap_set(&sharing->numbers, (uintptr_t)stored, (void *)(number + 1)) != 0)
            w->out->error = MPM_ENOMEM;
        mpm__buf_u8(w->out, number <= 0xff ? MPM_OP_BINPUT : MPM_OP_LONG_BINPUT);
    }
    mpm__buf_le(w->out, number, number <= 0xff ? 1 : 4);
}

/* Those inside their struct, until one is not. Returns how many; there is room for all. */
static size_t
write_small(struct mpm_writer *w, const struct mpm_value *v, size_t n, size_t distance)
{
    const uint8_t protocol = w->protocol;
    uint8_t *at = w->out->data + w->out->len;
    size_t i, len;

    for (i = 0; i < n && mpm__value_plain(v, protocol, &len) != NULL; i++) {
        memcpy(at, v, sizeof *v);
        at += len; /* 0 for an empty one */
        v = (const void *)((const uint8_t *)v + distance);
    }
    w->out->len = (size_t)(at - w->out->data);
    return i;
}

void
mpm_write_values(struct mpm_writer *w, struct mpm_sharing *sharing, const struct mpm_value *v, size_t n, size_t distance)
{
    size_t chunk, done;

    assert(w->out->max == 0);
    for (; n > 0 && w->out->error == 0; n -= done) {
        chunk = n < CHUNK ? n : CHUNK;
        if (mpm__buf_add(w->out, chunk * sizeof *v) == NULL)
            return;
        w->out->len -= chunk * sizeof *v;
        done = write_small(w, v, chunk, distance);
        v = (const void *)((const uint8_t *)v + done * distance);
        if (done == chunk)
            continue;
        if (sharing != NULL)
            mpm__write_shared(w, sharing, v, false);
        else
            mpm__write_value(w, v);
        v = (const void *)((const uint8_t *)v + distance);
        done++;
    }
}

void
mpm_sharing_wipe(struct mpm_sharing *sharing)
{
    mpm__idmap_wipe(&sharing->numbers);
}

void
mpm_write_mark(struct mpm_writer *w)
{
    mpm__buf_u8(w->out, MPM_OP_MARK);
}

void
mpm_write_tuple(struct mpm_writer *w)
{
    mpm__buf_u8(w->out, MPM_OP_TUPLE);
}

void
mpm_write_tuple_n(struct mpm_writer *w, int n)
{
    assert(n >= 0 && n <= 3);
    mpm__buf_u8(w->out, (const uint8_t[]){ MPM_OP_EMPTY_TUPLE, MPM_OP_TUPLE1, MPM_OP_TUPLE2, MPM_OP_TUPLE3 }[n]);
}

void
mpm_write_empty_list(struct mpm_writer *w)
{
    mpm__buf_u8(w->out, MPM_OP_EMPTY_LIST);
}

void
mpm_write_appends(struct mpm_writer *w)
{
    mpm__buf_u8(w->out, MPM_OP_APPENDS);
}

void
mpm_write_empty_dict(struct mpm_writer *w)
{
    mpm__buf_u8(w->out, MPM_OP_EMPTY_DICT);
}

void
mpm_write_setitems(struct mpm_writer *w)
{
    mpm__buf_u8(w->out, MPM_OP_SETITEMS);
}

void
mpm_write_reduce(struct mpm_writer *w)
{
    mpm__buf_u8(w->out, MPM_OP_REDUCE);
}

void
mpm_write_newobj(struct mpm_writer *w)
{
    mpm__buf_u8(w->out, MPM_OP_NEWOBJ);
}

void
mpm_write_buildop(struct mpm_writer *w)
{
    mpm__buf_u8(w->out, MPM_OP_BUILD);
}

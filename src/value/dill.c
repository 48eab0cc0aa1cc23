/*
 * dill.c - what dill writes where pickle writes something else. Layer: value.
 *
 * dill pickles as pickle does, but for functions, classes and instances of the main program, which nobody has to
 * understand here, and for built-in types, views of dicts, ranges and a few constants, which are met in every other
 * request: a slice is `_load_type('slice')(1, 2, None)`. Those are known here, and nothing is run.
 */
#include "value/dill.h"

#include <string.h>

/* A call of these is no longer, nor are its arguments: what may be met again and again must cost nothing to refuse. */
#define CALL_MAX 512

static bool
is_short(struct mpm_ref ref)
{
    return ref.item.end - ref.item.start <= CALL_MAX;
}

static bool
is_text(const uint8_t *bytes, size_t len, const char *text)
{
    return len == strlen(text) && memcmp(bytes, text, len) == 0;
}

/* The arguments of a call of that function of dill's. The caller wipes *args, also after a failure. */
static int
arguments_of(struct mpm_ref call, const char *function, struct mpm_parts *args)
{
    struct mpm_parts made = { 0 };
    const uint8_t *module, *name;
    size_t module_len, name_len;
    struct mpm_ref called, tuple;
    int r, kind = mpm__kind(&call);

    if (kind != MPM_K_OBJECT || !is_short(call))
        return kind < 0 ? kind : MPM_ETYPE;
    r = mpm__parts(call, &made);
    if (r == 0 && made.items.n != 2)
        r = MPM_ETYPE;
    if (r != 0)
        goto out;
    called = mpm__part(&made, 0);
    tuple = mpm__part(&made, 1);
    if ((kind = mpm__kind(&called)) != MPM_K_GLOBAL || (kind = mpm__kind(&tuple)) != MPM_K_TUPLE || !is_short(tuple)) {
        r = kind < 0 ? kind : MPM_ETYPE;
        goto out;
    }
    if ((r = mpm__read_global(called, &module, &module_len, &name, &name_len)) == 0)
        r = is_text(module, module_len, MPM_DILL_MODULE) && is_text(name, name_len, function) ? mpm__parts(tuple, args)
                                                                                             : MPM_ETYPE;
out:
    mpm__parts_wipe(&made);
    return r == MPM_ENOMEM ? r : r != 0 ? MPM_ETYPE : 0;
}

/* The one argument, a text, of such a call. */
static int
argument_of(struct mpm_ref call, const char *function, const uint8_t **text, size_t *len)
{
    struct mpm_parts args = { 0 };
    int r = arguments_of(call, function, &args);

    if (r == 0 && (args.items.n != 1 || mpm__read_text(mpm__part(&args, 0), text, len) != 0))
        r = MPM_ETYPE;
    mpm__parts_wipe(&args);
    return r;
}

int
mpm__dill_type(struct mpm_ref ref, const uint8_t **name, size_t *len)
{
    return argument_of(ref, MPM_DILL_TYPE, name, len);
}

/* _getattr(_load_type('dict'), 'keys', "<method 'keys' of 'dict' objects>") */
static int
view_type(struct mpm_ref ref, const uint8_t **name, size_t *len)
{
    static const char *const types[] = { "dict_keys", "dict_values", "dict_items" };
    struct mpm_parts args = { 0 };
    const uint8_t *type, *method;
    size_t type_len, method_len;
    int r = arguments_of(ref, "_getattr", &args);

    if (r == 0)
        r = args.items.n != 3 ? MPM_ETYPE : mpm__dill_type(mpm__part(&args, 0), &type, &type_len);
    if (r == 0 && (!is_text(type, type_len, "dict") || mpm__read_text(mpm__part(&args, 1), &method, &method_len) != 0))
        r = MPM_ETYPE;
    mpm__parts_wipe(&args);
    if (r != 0)
        return r;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (is_text(method, method_len, types[i] + strlen("dict_"))) {
            *name = (const uint8_t *)types[i];
            *len = strlen(types[i]);
            return 0;
        }
    return MPM_ETYPE;
}

int
mpm__dill_callable(struct mpm_ref ref, const uint8_t **name, size_t *len)
{
    int r = mpm__dill_type(ref, name, len);

    return r == MPM_ETYPE ? view_type(ref, name, len) : r;
}

int
mpm__dill_repr(struct mpm_ref ref, const uint8_t **text, size_t *len)
{
    return argument_of(ref, MPM_DILL_REPR, text, len);
}

/* A decimal number at *at, as repr() writes it. */
static bool
read_number(const uint8_t *text, size_t len, size_t *at, int64_t *out)
{
    bool negative = *at < len && text[*at] == '-';
    size_t first = *at + negative;
    int64_t v = 0;

    for (*at = first; *at < len && text[*at] >= '0' && text[*at] <= '9'; (*at)++) {
        int digit = text[*at] - '0';

        if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, digit, &v)) /* its negative, which has more */
            return false;
    }
    if (*at == first || (!negative && v == INT64_MIN))
        return false;
    *out = negative ? v : -v;
    return true;
}

bool
mpm__dill_range(const uint8_t *text, size_t len, int64_t fields[3])
{
    static const char name[] = "range(";
    int64_t v[3] = { 0, 0, 1 };
    size_t n = 0, at = sizeof(name) - 1;

    if (len < at || memcmp(text, name, at) != 0)
        return false;
    for (;;) {
        if (n == 3 || !read_number(text, len, &at, &v[n++]))
            return false;
        if (len - at < 2 || memcmp(text + at, ", ", 2) != 0)
            break;
        at += 2;
    }
    if (n < 2 || len - at != 1 || text[at] != ')' || v[2] == 0)
        return false;
    memcpy(fields, v, sizeof(v));
    return true;
}

bool
mpm__dill_constant(const uint8_t *text, size_t len)
{
    return is_text(text, len, "Ellipsis") || is_text(text, len, "NotImplemented");
}

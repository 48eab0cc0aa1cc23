/*
 * bind.c - arguments: those of a request onto the parameters of a method, and their values for it. Layer: object.
 *
 * The TypeErrors are CPython 3.13's, word for word, of functions in Python and of functions in C: clients print them
 * and test suites compare them. Sources, for order and wording: CPython Python/ceval.c, initialize_locals();
 * Python/getargs.c; Objects/descrobject.c. Left out: "Did you mean", which 3.12 has not.
 */
#include "object/bind.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- parameter strings -------------------------------------------------------------------------------------------- */

static void
parse_default(const char *text, size_t len, struct mpm_param *p)
{
    static const char *const names[] = { "None", "True", "False" };

    for (size_t i = 0; i < 3; i++) {
        if (len == strlen(names[i]) && memcmp(text, names[i], len) == 0) {
            p->fallback = names[i][0];
            return;
        }
    }
    p->fallback = 'I';
    p->number = (int32_t)strtol(text, NULL, 10);
}

void
mpm__signature_parse(const char *params, struct mpm_signature *out)
{
    memset(out, 0, sizeof(*out));
    for (const char *at = params; *at != '\0';) {
        size_t len = strcspn(at, " ");
        const char *equals = memchr(at, '=', len);

        if (len == 1 && *at == '/') {
            out->n_positional = out->n;
        } else if (at[0] == '*') {
            out->has_args |= at[1] != '*';
            out->has_kwds |= at[1] == '*';
        } else {
            struct mpm_param *p = &out->params[out->n++];

            assert(out->n <= MPM_PARAMS_MAX);
            p->name = at;
            p->len = (uint8_t)(equals != NULL ? (size_t)(equals - at) : len);
            if (equals != NULL)
                parse_default(equals + 1, len - p->len - 1, p);
            else
                out->n_required = out->n;
        }
        at += len + strspn(at + len, " ");
    }
}

/* --- names -------------------------------------------------------------------------------------------------------- */

/* "Event.wait", "lock.release", "acquire", "Event.__init__": the function as the complaints of its kind name it. */
struct callee {
    const struct mpm_type *type;
    const struct mpm_method *method; /* NULL: the constructor */
    const struct mpm_signature *signature;
    enum mpm_wording wording;
    const char *class_name, *dot, *name;
};

static void
callee_of(const struct mpm_call *call, const struct mpm_type *type, struct callee *f)
{
    const struct mpm_method *m = call->method;

    f->type = type;
    f->method = m;
    f->signature = m != NULL ? &m->signature : &type->signature;
    f->wording = m != NULL ? m->wording : type->wording;
    f->class_name = m != NULL ? m->of : type->of;
    if (f->class_name == NULL)
        f->class_name = type->class_name;
    f->dot = ".";
    f->name = m != NULL ? m->name : "__init__";
    if (f->wording == MPM_W_C || f->wording == MPM_W_SLOT) {
        f->name = m != NULL ? m->name : f->class_name;
        f->class_name = f->dot = "";
    } else if (m == NULL && f->wording != MPM_W_PYTHON) {
        f->class_name = f->wording == MPM_W_FUNCTION ? type->function : f->class_name;
        f->dot = f->name = "";
    }
}

#define CALLEE_FORMAT "%s%s%s()"
#define CALLEE(f) (f)->class_name, (f)->dot, (f)->name

/* --- complaints --------------------------------------------------------------------------------------------------- */

static bool
complain_about_star(struct mpm_call *call, const struct callee *f, const char *stars, const char *wanted,
    struct mpm_ref ref)
{
    char buf[64];
    const char *is = mpm__type_name(ref, buf);

    if (f->wording == MPM_W_SLOT)
        mpm_raise(call, MPM_PY_TYPE_ERROR, "%s.%s() argument after %s must be %s, not %s",
            f->method->of != NULL ? f->method->of : f->type->class_name, f->name, stars, wanted, is);
    else if (f->wording == MPM_W_FUNCTION)
        mpm_raise(call, MPM_PY_TYPE_ERROR, "multiprocessing.managers." CALLEE_FORMAT " argument after %s must be %s, not %s",
            CALLEE(f), stars, wanted, is);
    else if (f->wording != MPM_W_PYTHON)
        mpm_raise(call, MPM_PY_TYPE_ERROR, "%s%s%s() argument after %s must be %s, not %s", f->type->class_name,
            f->method != NULL ? "." : "", f->method != NULL ? f->name : "", stars, wanted, is);
    else
        mpm_raise(call, MPM_PY_TYPE_ERROR, "%s.%s%s%s() argument after %s must be %s, not %s", f->type->module,
            f->method != NULL ? f->class_name : f->type->class_name, f->method != NULL ? "." : "",
            f->method != NULL ? f->name : "", stars, wanted, is);
    return false;
}

static bool
complain_about_count(struct mpm_call *call, const struct callee *f, size_t n_args, size_t n_kwds)
{
    const struct mpm_signature *s = f->signature;
    int n, self = f->wording == MPM_W_PYTHON;

    switch (f->wording) {
    case MPM_W_PYTHON:
    case MPM_W_FUNCTION:
        if (s->n_required < s->n)
            mpm_raise(call, MPM_PY_TYPE_ERROR, CALLEE_FORMAT " takes from %d to %d positional arguments but %zu were given",
                CALLEE(f), s->n_required + self, s->n + self, n_args + (size_t)self);
        else
            mpm_raise(call, MPM_PY_TYPE_ERROR, CALLEE_FORMAT " takes %d positional argument%s but %zu were given",
                CALLEE(f), s->n + self, s->n + self == 1 ? "" : "s", n_args + (size_t)self);
        break;
    case MPM_W_C:
        mpm_raise(call, MPM_PY_TYPE_ERROR, CALLEE_FORMAT " takes at most %d argument%s (%zu given)", CALLEE(f), s->n,
            s->n == 1 ? "" : "s", n_args + n_kwds);
        break;
    case MPM_W_C_PLAIN:
        if (s->n == 1)
            mpm_raise(call, MPM_PY_TYPE_ERROR, CALLEE_FORMAT " takes exactly one argument (%zu given)", CALLEE(f), n_args);
        else if (f->method != NULL)
            mpm_raise(call, MPM_PY_TYPE_ERROR, CALLEE_FORMAT " takes no arguments (%zu given)", CALLEE(f), n_args);
        else
            mpm_raise(call, MPM_PY_TYPE_ERROR, "%s expected 0 arguments, got %zu", f->class_name, n_args);
        break;
    case MPM_W_C_POSITION:
        n = n_args < s->n_required ? s->n_required : s->n;
        mpm_raise(call, MPM_PY_TYPE_ERROR, "%s expected %s%d argument%s, got %zu", f->method != NULL ? f->name : f->class_name,
            s->n_required == s->n ? "" : n_args < s->n_required ? "at least " : "at most ", n, n == 1 ? "" : "s", n_args);
        break;
    case MPM_W_SLOT:
        if (s->n <= 1)
            mpm_raise(call, MPM_PY_TYPE_ERROR, "expected %d argument%s, got %zu", s->n, s->n == 1 ? "" : "s", n_args);
        else /* the blank is CPython's: it formats an empty function name */
            mpm_raise(call, MPM_PY_TYPE_ERROR, " expected %d arguments, got %zu", s->n, n_args);
        break;
    }
    return false;
}

static bool
complain_about_missing(struct mpm_call *call, const struct callee *f, const bool *have)
{
    const struct mpm_signature *s = f->signature;
    int n = 0, seen = 0;
    struct mpm_buf names;

    for (int i = 0; i < s->n_required; i++)
        n += !have[i];
    mpm__buf_init(&names, 0);
    for (int i = 0; i < s->n_required; i++) {
        if (have[i])
            continue;
        seen++;
        mpm__buf_printf(&names, "%s'%.*s'", seen == 1 ? "" : seen < n ? ", " : n == 2 ? " and " : ", and ",
            s->params[i].len, s->params[i].name);
    }
    mpm__buf_u8(&names, 0);
    if (names.error != 0)
        mpm_raise_code(call, names.error);
    else
        mpm_raise(call, MPM_PY_TYPE_ERROR, CALLEE_FORMAT " missing %d required positional argument%s: %s", CALLEE(f), n,
            n == 1 ? "" : "s", (const char *)names.data);
    mpm__buf_wipe(&names);
    return false;
}

/* In C only the first is named. */
static bool
complain_about_missing_in_c(struct mpm_call *call, const struct callee *f, int i)
{
    const struct mpm_param *p = &f->signature->params[i];

    mpm_raise(call, MPM_PY_TYPE_ERROR, CALLEE_FORMAT " missing required argument '%.*s' (pos %d)", CALLEE(f), p->len, p->name,
        i + 1);
    return false;
}

static bool
complain_about_name(struct mpm_call *call, const struct callee *f, const char *format, const uint8_t *name, size_t len)
{
    mpm_raise(call, MPM_PY_TYPE_ERROR, format, CALLEE(f), (int)(len < 200 ? len : 200), (const char *)name);
    return false;
}

/* --- binding ------------------------------------------------------------------------------------------------------ */

static int
param_of(const struct mpm_signature *s, const uint8_t *name, size_t len)
{
    for (int i = 0; i < s->n; i++) {
        if (s->params[i].len == len && memcmp(s->params[i].name, name, len) == 0)
            return i;
    }
    return -1;
}

/* One argument given by name. `by_position`: how many were given by position. */
static bool
bind_name(struct mpm_call *call, const struct callee *f, const uint8_t *name, size_t len, struct mpm_ref value,
    size_t by_position, bool *have)
{
    const struct mpm_signature *s = f->signature;
    int i = param_of(s, name, len);

    if (i >= 0 && i >= s->n_positional) {
        if ((size_t)i < by_position && f->wording == MPM_W_C) {
            mpm_raise(call, MPM_PY_TYPE_ERROR, CALLEE_FORMAT " given by name ('%.*s') and position (%d)",
                "argument for ", "", f->name, (int)len, (const char *)name, i + 1);
            return false;
        }
        if ((size_t)i < by_position)
            return complain_about_name(call, f, CALLEE_FORMAT " got multiple values for argument '%.*s'", name, len);
        call->args[i] = value;
        have[i] = true;
        return true;
    }
    if (s->has_kwds)
        return true;
    if (i >= 0)
        return complain_about_name(call, f,
            CALLEE_FORMAT " got some positional-only arguments passed as keyword arguments: '%.*s'", name, len);
    if (f->wording == MPM_W_PYTHON && len == 4 && memcmp(name, "self", 4) == 0)
        return complain_about_name(call, f, CALLEE_FORMAT " got multiple values for argument '%.*s'", name, len);
    return complain_about_name(call, f, CALLEE_FORMAT " got an unexpected keyword argument '%.*s'", name, len);
}

static bool
bind_names(struct mpm_call *call, const struct callee *f, const struct mpm_parts *kwds, size_t by_position, bool *have)
{
    struct mpm_buf scratch;
    bool ok = true;

    mpm__buf_init(&scratch, 0);
    for (size_t i = 0; ok && i + 1 < kwds->items.n; i += 2) {
        const uint8_t *name;
        size_t len;
        int r;

        mpm__buf_clear(&scratch);
        r = mpm__decode_text(mpm__part(kwds, i), &scratch, &name, &len);
        if (r != 0) {
            if (r == MPM_ETYPE)
                mpm_raise(call, MPM_PY_TYPE_ERROR, "keywords must be strings");
            else
                mpm_raise_code(call, r);
            ok = false;
        } else {
            ok = bind_name(call, f, name, len, mpm__part(kwds, i + 1), by_position, have);
        }
    }
    mpm__buf_wipe(&scratch);
    return ok;
}

/* Whether a parameter is among the names. */
static bool
is_named(const struct mpm_parts *kwds, const struct mpm_param *p)
{
    char name[64];

    snprintf(name, sizeof(name), "%.*s", p->len, p->name);
    for (size_t i = 0; i + 1 < kwds->items.n; i += 2) {
        if (mpm__text_is(mpm__part(kwds, i), name))
            return true;
    }
    return false;
}

/* Whether all are; else an exception is set. */
static bool
are_names(struct mpm_call *call, const struct mpm_parts *kwds)
{
    for (size_t i = 0; i + 1 < kwds->items.n; i += 2) {
        struct mpm_ref name = mpm__part(kwds, i);
        int kind = mpm__kind(&name);

        if (kind < 0)
            mpm_raise_code(call, kind);
        else if (kind != MPM_K_STR && kind != MPM_K_NATIVE)
            mpm_raise(call, MPM_PY_TYPE_ERROR, "keywords must be strings");
        else
            continue;
        return false;
    }
    return true;
}

static bool
bind_parts(struct mpm_call *call, const struct callee *f, const struct mpm_doc *doc, const struct mpm_item *args,
    size_t n_args, const struct mpm_parts *kwds)
{
    const struct mpm_signature *s = f->signature;
    size_t n_kwds = kwds->items.n / 2, n = n_args < s->n ? n_args : s->n;
    bool have[MPM_PARAMS_MAX] = { false };

    if (n_kwds > 0 && f->wording == MPM_W_SLOT) {
        mpm_raise(call, MPM_PY_TYPE_ERROR, "wrapper %s() takes no keyword arguments", f->name);
        return false;
    }
    if (n_kwds > 0 && (f->wording == MPM_W_C_PLAIN || f->wording == MPM_W_C_POSITION) && !s->has_kwds) {
        if (!are_names(call, kwds))
            return false;
        mpm_raise(call, MPM_PY_TYPE_ERROR, CALLEE_FORMAT " takes no keyword arguments", CALLEE(f));
        return false;
    }
    if (f->wording == MPM_W_C && n_args + n_kwds > s->n && !s->has_args && !s->has_kwds)
        return complain_about_count(call, f, n_args, n_kwds);
    for (size_t i = 0; i < n; i++) {
        call->args[i] = (struct mpm_ref){ doc, args[i] };
        have[i] = true;
    }
    for (int i = (int)n; f->wording == MPM_W_C && i < s->n_required; i++) {
        if (!is_named(kwds, &s->params[i]))
            return complain_about_missing_in_c(call, f, i);
    }
    if (n_kwds > 0 && !bind_names(call, f, kwds, n, have))
        return false;
    if (n_args > s->n && !s->has_args)
        return complain_about_count(call, f, n_args, n_kwds);
    for (int i = 0; i < s->n_required; i++) {
        if (!have[i] && f->wording >= MPM_W_C_PLAIN)
            return complain_about_count(call, f, n_args, n_kwds);
        if (!have[i])
            return complain_about_missing(call, f, have);
    }
    return true;
}

/* The arguments by position when the check of the message noted them already; else NULL. */
static const struct mpm_item *
noted_args(struct mpm_ref args)
{
    const struct mpm_doc *doc = args.doc;

    return doc != NULL && doc->n_args >= 0 && args.item.root == doc->fields[2].root ? doc->args : NULL;
}

/* What nearly every call is: as many arguments as there are parameters for them, and none by name. */
static bool
bind_plain(struct mpm_call *call, const struct mpm_signature *s, struct mpm_ref args, size_t skip, struct mpm_ref kwds)
{
    const struct mpm_item *items = noted_args(args);
    size_t n;

    if (items == NULL || !mpm__is_empty(kwds) || (size_t)args.doc->n_args < skip + s->n_required)
        return false;
    n = (size_t)args.doc->n_args - skip;
    if (n > s->n)
        return false;
    for (size_t i = 0; i < s->n; i++)
        call->args[i] = i < n ? (struct mpm_ref){ args.doc, items[skip + i] } : (struct mpm_ref){ 0 };
    return true;
}

bool
mpm_takes_nothing(const struct mpm_method *method)
{
    const struct mpm_signature *s = &method->signature;

    return s->n_required == 0 && !s->has_args && !s->has_kwds;
}

void
mpm_bind_nothing(struct mpm_call *call)
{
    call->signature = &call->method->signature;
    memset(call->args, 0, call->signature->n * sizeof(call->args[0]));
    call->args[MPM_ALL_ARGS] = call->args[MPM_ALL_KWDS] = (struct mpm_ref){ 0 };
}

bool
mpm_bind(struct mpm_call *call, const struct mpm_type *type, struct mpm_ref args, size_t skip, struct mpm_ref kwds)
{
    const struct mpm_signature *s = call->method != NULL ? &call->method->signature : &type->signature;
    const struct mpm_doc *doc = args.doc;
    const struct mpm_item *items;
    struct mpm_parts args_parts = { 0 }, kwds_parts = { 0 };
    struct callee f;
    size_t n;
    int r, kind;
    bool ok = false;

    call->signature = s;
    call->args[MPM_ALL_ARGS] = args;
    call->args[MPM_ALL_KWDS] = kwds;
    /* It passes all on, to what has to say what is wrong with them. */
    if (s->n == 0 && s->has_args && s->has_kwds)
        return true;
    if (bind_plain(call, s, args, skip, kwds))
        return true;
    memset(call->args, 0, s->n * sizeof(call->args[0]));
    callee_of(call, type, &f);
    items = noted_args(args);
    if (items != NULL) {
        n = (size_t)doc->n_args;
    } else {
        kind = mpm__kind(&args);
        if (kind != MPM_K_TUPLE && kind != MPM_K_LIST && kind != MPM_K_SET && kind != MPM_K_FROZENSET) {
            if (kind > 0)
                complain_about_star(call, &f, "*", "an iterable", args);
            else
                mpm_raise_code(call, kind);
            goto out;
        }
        if ((r = mpm__parts(args, &args_parts)) != 0) {
            mpm_raise_code(call, r);
            goto out;
        }
        items = args_parts.items.v;
        n = args_parts.items.n;
        doc = args_parts.doc;
    }
    assert(n >= skip);
    kind = mpm__kind(&kwds);
    if (kind != MPM_K_DICT) {
        if (kind > 0)
            complain_about_star(call, &f, "**", "a mapping", kwds);
        else
            mpm_raise_code(call, kind);
        goto out;
    }
    if ((r = mpm__parts(kwds, &kwds_parts)) != 0) {
        mpm_raise_code(call, r);
        goto out;
    }
    /* Without arguments items is NULL, to which C allows no adding, not even of 0. */
    ok = bind_parts(call, &f, doc, skip > 0 ? items + skip : items, n - skip, &kwds_parts);
out:
    mpm__parts_wipe(&args_parts);
    mpm__parts_wipe(&kwds_parts);
    return ok;
}

/* --- values of arguments ------------------------------------------------------------------------------------------ */

static const struct mpm_param *
param(const struct mpm_call *call, int i)
{
    assert(i >= 0 && i < call->signature->n);
    return &call->signature->params[i];
}

bool
mpm_arg_given(const struct mpm_call *call, int i)
{
    return call->args[i].doc != NULL;
}

bool
mpm_arg_is_none(const struct mpm_call *call, int i)
{
    struct mpm_ref ref = call->args[i];

    return ref.doc != NULL ? mpm__kind(&ref) == MPM_K_NONE : param(call, i)->fallback == 'N';
}

int
mpm_arg_truth(const struct mpm_call *call, int i)
{
    const struct mpm_param *p = param(call, i);

    if (mpm_arg_given(call, i))
        return mpm__truth(call->args[i]);
    return p->fallback == 'T' || (p->fallback == 'I' && p->number != 0);
}

int
mpm_arg_int64(const struct mpm_call *call, int i, int64_t *out)
{
    const struct mpm_param *p = param(call, i);

    if (mpm_arg_given(call, i))
        return mpm__read_int64(call->args[i], out);
    if (p->fallback == 'N')
        return MPM_ETYPE;
    *out = p->fallback == 'I' ? p->number : p->fallback == 'T';
    return 0;
}

int
mpm_arg_double(const struct mpm_call *call, int i, double *out)
{
    int64_t number;
    int r;

    if (mpm_arg_given(call, i))
        return mpm__read_double(call->args[i], out);
    r = mpm_arg_int64(call, i, &number);
    if (r == 0)
        *out = (double)number;
    return r;
}

const char *
mpm_arg_type_name(const struct mpm_call *call, int i, char buf[64])
{
    if (mpm_arg_given(call, i))
        return mpm__type_name(call->args[i], buf);
    switch (param(call, i)->fallback) {
    case 'N': return "NoneType";
    case 'I': return "int";
    default: return "bool";
    }
}

int64_t
mpm_deadline_after(const struct mpm_call *call, double seconds)
{
    /* rounded up: a wait never ends before its time; not a number: at once */
    double ns = ceil(seconds * 1e9);

    if (!(ns > 0))
        return call->now_ns;
    if (ns >= (double)(MPM_FOREVER - call->now_ns))
        return MPM_FOREVER;
    return call->now_ns + (int64_t)ns;
}

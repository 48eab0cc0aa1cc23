/*
 * transcode.c - rewrites a stored value for a reader of another protocol. Layer: pickle.
 *
 * Two passes over bytes in normal form, both from front to back. The plan runs them on an abstract stack, to find what
 * can only be told later: which MARK a FROZENSET closes, whether a set's items refer to the set, which strings are but
 * the operands of a STACK_GLOBAL, which byte string of Python 2 is the first argument of datetime. It leaves one note
 * for each opcode that needs one. Then the writer copies, replaces or leaves out opcode by opcode; what it adds keeps
 * the stack as the other opcodes expect it, so identity and cycles are those of the input.
 *
 * What it does not do: prove anything about the bytes (check.c did), or look at protocols the reader understands
 * anyway: an older opcode stays where every reader knows it.
 */
#include "pickle/transcode.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "pickle/names.h"
#include "pickle/opcodes.h"

/* No output is longer than this many times its input, plus a constant. Stock values stay below 3; what goes beyond is
 * made to: thousands of class names that share one long memoized module name. */
#define GROWTH_MAX 16
#define GROWTH_BASE 4096

/* `a.b.c.d` becomes nested getattr calls; real classes nest a few levels. */
#define DOTS_MAX 64

/* The fifth argument (reason of UnicodeDecodeError) is the last one that matters. */
#define ARGS_MAX 5

#define NONE UINT32_MAX

/* What the writer does with an opcode instead of the obvious. */
enum note {
    AS_USUAL,
    SKIP,            /* leave out: its string is an operand of the STACK_GLOBAL that follows, or PUT of a direct set */
    NAME,            /* STACK_GLOBAL whose operands were left out */
    NAME_AND_POP,    /* STACK_GLOBAL whose operands stand elsewhere: they are on the stack */
    FROZENSET_MARK,  /* MARK closed by FROZENSET */
    SET_DIRECT,      /* EMPTY_SET whose items do not refer to it: set([items]) */
    SET_MORE,        /* ADDITEMS of such a set, more follow */
    SET_DONE,        /* ADDITEMS of such a set, the last */
    UPDATE,          /* any other ADDITEMS: set.update(it, [items]) */
    UPDATE_NOTHING,  /* ADDITEMS of no items */
    AS_BYTES,        /* byte string of Python 2 that is bytes in Python 3 even if ASCII */
    AS_NATIVE,       /* text that has to be a byte string in Python 2 */
    NO_FOLD,         /* bytes of a datetime or time: Python 2 knows no fold and chokes on its bit */
};

/* Classes whose constructor wants one kind of string for certain arguments; names as the writer of the value has them.
 * Found by reading the C sources of 2.7's and 3's datetimemodule.c, exceptions.c, bytearrayobject.c. */
static const struct special {
    const char *module, *name;
    uint8_t writer;  /* 2 or 3: the Python whose name it is; the reader is the other one */
    uint8_t args;    /* bit n: argument n */
    uint8_t note;
} specials[] = {
    { "datetime", "datetime", 2, 0x01, AS_BYTES },
    { "datetime", "date", 2, 0x01, AS_BYTES },
    { "datetime", "time", 2, 0x01, AS_BYTES },
    { "__builtin__", "bytearray", 2, 0x01, AS_BYTES },
    { "exceptions", "UnicodeDecodeError", 2, 0x02, AS_BYTES },
    { "datetime", "datetime", 3, 0x01, NO_FOLD },
    { "datetime", "time", 3, 0x01, NO_FOLD },
    { "builtins", "UnicodeDecodeError", 3, 0x11, AS_NATIVE },
    { "builtins", "UnicodeEncodeError", 3, 0x11, AS_NATIVE },
    { "builtins", "UnicodeTranslateError", 3, 0x08, AS_NATIVE },
};

enum kind { OTHER, STRING, SET, SPECIAL, ARGS };

/* One place of the abstract stack. */
struct cell {
    uint32_t first, last;  /* ordinals of the opcode that pushed it and of the last PUT straight behind it */
    uint32_t root;         /* STRING: offset of the string's opcode, also behind a memo reference */
    uint32_t aux : 29;     /* SET: index of sets; SPECIAL: of specials; ARGS: of calls */
    uint32_t kind : 3;
};

struct mark {
    uint32_t ordinal;
    uint32_t height;
};

struct set {
    uint32_t ordinal;   /* of EMPTY_SET */
    uint32_t last;      /* of the last opcode so far that belongs to its direct part */
    bool touched;       /* something referred to it */
    bool has_put, has_items;
};

/* A tuple straight above a special class: where its strings were pushed. */
struct call {
    uint32_t args[ARGS_MAX]; /* ordinals; NONE: no string */
};

struct memo {
    uint32_t root, aux;
    uint8_t kind;       /* enum kind */
    uint32_t new_index; /* in the output; NONE: not (yet) there */
    uint32_t as_noted;  /* the same for the string as a note wants it: bytes and str of one native string, say */
};

/* A growing array of plain structs. */
#define VECTOR(type) \
    struct { \
        type *v; \
        uint32_t n, cap; \
    }

/* What the output needs beyond the input; each is written once and then referred to. */
enum helper { H_SET, H_FROZENSET, H_GETATTR, H_UPDATE, H_BYTEARRAY, H_NEWOBJ_EX, H_APPLY, H_ADD, N_HELPERS };

struct job {
    const uint8_t *bytes;
    uint32_t len;
    struct mpm_error *err;
    uint8_t protocol;  /* of the reader */
    uint8_t python;    /* 2 or 3: the reader's */
    bool rename;       /* names are the other Python's */

    uint8_t *notes;    /* one for each opcode */
    uint32_t notes_cap;
    VECTOR(struct cell) stack;
    VECTOR(struct mark) marks;
    VECTOR(struct memo) memo;
    VECTOR(struct set) sets;
    VECTOR(struct call) calls;
    VECTOR(uint32_t) names;      /* for each NAME, NAME_AND_POP: offsets of the two strings' opcodes */

    struct mpm_buf *out;
    uint32_t next_index;         /* free memo number */
    uint32_t next_name;          /* index into names */
    uint32_t helpers[N_HELPERS]; /* memo numbers; NONE: not yet written */
    VECTOR(uint32_t) open_sets;  /* memo entry of each direct set that is being written; NONE: it has none */
    struct mpm_buf text;         /* a decoded string literal */
};

static int
grow(void **v, uint32_t *cap, uint32_t n, size_t size)
{
    size_t more = n < 32 ? 64 : (size_t)n * 2;
    void *bigger;

    if (n < *cap)
        return 0;
    bigger = mpm__resize(*v, more, size);
    if (bigger == NULL)
        return MPM_ENOMEM;
    *v = bigger;
    *cap = more > UINT32_MAX ? UINT32_MAX : (uint32_t)more;
    return 0;
}
#define ROOM(vector) grow((void **)&(vector).v, &(vector).cap, (vector).n, sizeof *(vector).v)

static int
broken(struct job *j, uint32_t at)
{
    return mpm__fail(j->err, MPM_EBADPICKLE, at, "offset %u: not a value in normal form", (unsigned)at);
}

static bool
is_put(uint8_t code)
{
    return mpm__opinfo[code].effect == MPM_EFFECT_PUT;
}

static bool
is_text(uint8_t code)
{
    return code == MPM_OP_SHORT_BINUNICODE || code == MPM_OP_BINUNICODE || code == MPM_OP_BINUNICODE8;
}

static bool
is_native(uint8_t code)
{
    return code == MPM_OP_SHORT_BINSTRING || code == MPM_OP_BINSTRING || code == MPM_OP_STRING;
}

static bool
is_bytes(uint8_t code)
{
    return code == MPM_OP_SHORT_BINBYTES || code == MPM_OP_BINBYTES || code == MPM_OP_BINBYTES8;
}

/* --- plan --------------------------------------------------------------------------------------------------------- */

/* The index of the special class of that name, or NONE. */
static uint32_t
find_special(const struct job *j, const uint8_t *module, size_t module_len, const uint8_t *name, size_t name_len)
{
    if (!j->rename)
        return NONE;
    for (uint32_t i = 0; i < sizeof specials / sizeof *specials; i++) {
        const struct special *s = &specials[i];

        if (s->writer != j->python && strlen(s->module) == module_len && memcmp(s->module, module, module_len) == 0 &&
            strlen(s->name) == name_len && memcmp(s->name, name, name_len) == 0)
            return i;
    }
    return NONE;
}

/* The two operands of GLOBAL or INST. */
static void
split_lines(const struct job *j, const struct mpm_op *op, const uint8_t **module, size_t *module_len,
    const uint8_t **name, size_t *name_len)
{
    const uint8_t *line = j->bytes + op->data, *end = memchr(line, '\n', op->data_len);

    assert(end != NULL);
    *module = line;
    *module_len = (size_t)(end - line);
    *name = end + 1;
    *name_len = op->data_len - *module_len - 1;
}

static int
push(struct job *j, uint32_t ordinal, enum kind kind, uint32_t root, uint32_t aux)
{
    if (ROOM(j->stack) != 0)
        return MPM_ENOMEM;
    j->stack.v[j->stack.n++] = (struct cell){ ordinal, ordinal, root, aux, kind };
    return 0;
}

static int
plan_push(struct job *j, uint32_t i, const struct mpm_op *op)
{
    const uint8_t *module, *name;
    size_t module_len, name_len;
    uint32_t special;

    if (is_text(op->code) || is_native(op->code) || is_bytes(op->code))
        return push(j, i, STRING, op->at, 0);
    if (op->code == MPM_OP_GLOBAL) {
        split_lines(j, op, &module, &module_len, &name, &name_len);
        special = find_special(j, module, module_len, name, name_len);
        return special == NONE ? push(j, i, OTHER, op->at, 0) : push(j, i, SPECIAL, op->at, special);
    }
    if (op->code == MPM_OP_EMPTY_SET && j->protocol < 4) {
        if (ROOM(j->sets) != 0)
            return MPM_ENOMEM;
        j->sets.v[j->sets.n] = (struct set){ .ordinal = i, .last = i };
        return push(j, i, SET, op->at, j->sets.n++);
    }
    return push(j, i, OTHER, op->at, 0);
}

static int
plan_put(struct job *j, uint32_t i, const struct mpm_op *op)
{
    uint32_t index = mpm__op_index(j->bytes, op);
    struct cell *top;

    if (j->stack.n == 0 || index > j->len)
        return broken(j, op->at);
    top = &j->stack.v[j->stack.n - 1];
    if (top->last + 1 == i)
        top->last = i;
    if (top->kind == SET) {
        struct set *s = &j->sets.v[top->aux];

        if (s->has_put)
            s->touched = true; /* two memo entries for one set: not worth a direct form */
        else if (s->last + 1 == i && !s->has_items)
            s->last = i;
        s->has_put = true;
    }
    while (j->memo.n <= index) {
        if (ROOM(j->memo) != 0)
            return MPM_ENOMEM;
        j->memo.v[j->memo.n++] = (struct memo){ .root = NONE, .new_index = NONE, .as_noted = NONE };
    }
    j->memo.v[index] = (struct memo){ top->root, top->aux, top->kind, NONE, NONE };
    return 0;
}

static int
plan_get(struct job *j, uint32_t i, const struct mpm_op *op)
{
    uint32_t index = mpm__op_index(j->bytes, op);
    const struct memo *m;

    if (index >= j->memo.n || j->memo.v[index].root == NONE)
        return broken(j, op->at);
    m = &j->memo.v[index];
    if (m->kind == SET) {
        j->sets.v[m->aux].touched = true;
        return push(j, i, OTHER, op->at, 0);
    }
    return push(j, i, m->kind == ARGS ? OTHER : m->kind, m->root, m->aux);
}

/* Cells [from, n) become a tuple. */
static int
plan_tuple(struct job *j, uint32_t i, const struct mpm_op *op, uint32_t from)
{
    uint32_t n = j->stack.n - from;
    struct call call;

    if (from == 0 || j->stack.v[from - 1].kind != SPECIAL) {
        j->stack.n = from;
        return push(j, i, OTHER, op->at, 0);
    }
    for (uint32_t k = 0; k < ARGS_MAX; k++)
        call.args[k] = k < n && j->stack.v[from + k].kind == STRING ? j->stack.v[from + k].first : NONE;
    if (ROOM(j->calls) != 0)
        return MPM_ENOMEM;
    j->calls.v[j->calls.n] = call;
    j->stack.n = from;
    return push(j, i, ARGS, op->at, j->calls.n++);
}

static int
plan_reduce(struct job *j, uint32_t i, const struct mpm_op *op)
{
    const struct cell *callable = &j->stack.v[j->stack.n - 2], *args = callable + 1;

    if (op->code == MPM_OP_REDUCE && callable->kind == SPECIAL && args->kind == ARGS) {
        const struct special *s = &specials[callable->aux];

        for (uint32_t k = 0; k < ARGS_MAX; k++)
            if ((s->args >> k & 1) != 0 && j->calls.v[args->aux].args[k] != NONE)
                j->notes[j->calls.v[args->aux].args[k]] = s->note;
    }
    j->stack.n -= 2;
    return push(j, i, OTHER, op->at, 0);
}

/* The text of a binary string opcode at `root`. */
static const uint8_t *
text_at(const struct job *j, uint32_t root, size_t *len)
{
    struct mpm_op op;
    const char *wrong = mpm__op_parse(j->bytes, j->len, root, &op);

    assert(wrong == NULL);
    (void)wrong;
    *len = op.data_len;
    return j->bytes + op.data;
}

static int
plan_name(struct job *j, uint32_t i, const struct mpm_op *op)
{
    const struct cell *m = &j->stack.v[j->stack.n - 2], *n = m + 1;
    uint32_t special = NONE;
    const uint8_t *module, *name;
    size_t module_len, name_len;

    if (m->kind != STRING || n->kind != STRING || !is_text(j->bytes[m->root]) || !is_text(j->bytes[n->root])) {
        /* text of protocol 0, which only a hand writes there */
        if (j->rename || j->protocol < 4)
            return mpm__fail(j->err, MPM_EUNSUP, op->at, "opcode STACK_GLOBAL at offset %u: unusual kind of string",
                (unsigned)op->at);
    } else if (j->rename || j->protocol < 4) {
        j->notes[i] = NAME_AND_POP;
        if (m->last + 1 == n->first && n->last + 1 == i) {
            memset(j->notes + m->first, SKIP, i - m->first);
            j->notes[i] = NAME;
        }
        for (int k = 0; k < 2; k++) {
            if (ROOM(j->names) != 0)
                return MPM_ENOMEM;
            j->names.v[j->names.n++] = m[k].root;
        }
        module = text_at(j, m->root, &module_len);
        name = text_at(j, n->root, &name_len);
        special = find_special(j, module, module_len, name, name_len);
    }
    j->stack.n -= 2;
    return special == NONE ? push(j, i, OTHER, op->at, 0) : push(j, i, SPECIAL, op->at, special);
}

static void
plan_additems(struct job *j, uint32_t i, const struct mark *mark)
{
    const struct cell *target = &j->stack.v[mark->height - 1];
    struct set *s;

    if (j->protocol >= 4)
        return;
    s = target->kind == SET ? &j->sets.v[target->aux] : NULL;
    if (s != NULL && !s->touched && mark->ordinal == s->last + 1) {
        if (s->has_items)
            j->notes[s->last] = SET_MORE;
        else
            memset(j->notes + s->ordinal + 1, SKIP, s->last - s->ordinal); /* its PUT, if any */
        j->notes[s->ordinal] = SET_DIRECT;
        j->notes[i] = SET_DONE;
        s->last = i;
        s->has_items = true;
        return;
    }
    j->notes[i] = j->stack.n == mark->height ? UPDATE_NOTHING : UPDATE;
}

static bool
take_mark(struct job *j, struct mark *mark)
{
    if (j->marks.n == 0)
        return false;
    *mark = j->marks.v[--j->marks.n];
    return true;
}

static int
plan_step(struct job *j, uint32_t i, const struct mpm_op *op)
{
    enum mpm_effect effect = mpm__opinfo[op->code].effect;
    uint32_t fence = j->marks.n != 0 ? j->marks.v[j->marks.n - 1].height : 0, have = j->stack.n - fence;
    struct mark mark;

    switch (effect) {
    case MPM_EFFECT_PUSH:
        return plan_push(j, i, op);
    case MPM_EFFECT_PUT:
        return plan_put(j, i, op);
    case MPM_EFFECT_GET:
        return plan_get(j, i, op);
    case MPM_EFFECT_TAKE1:
    case MPM_EFFECT_TAKE2:
    case MPM_EFFECT_TAKE3: {
        uint32_t n = (uint32_t)(effect - MPM_EFFECT_TAKE1) + 1;

        return have < n ? broken(j, op->at) : plan_tuple(j, i, op, j->stack.n - n);
    }
    case MPM_EFFECT_CALL:
        return have < 2 ? broken(j, op->at) : plan_reduce(j, i, op);
    case MPM_EFFECT_NAME:
        return have < 2 ? broken(j, op->at) : plan_name(j, i, op);
    case MPM_EFFECT_CALL_EX:
        if (have < 3)
            return broken(j, op->at);
        j->stack.n -= 3;
        return push(j, i, OTHER, op->at, 0);
    case MPM_EFFECT_ADD1:
    case MPM_EFFECT_ADD2: {
        uint32_t n = (uint32_t)(effect - MPM_EFFECT_ADD1) + 1;

        if (have < n + 1)
            return broken(j, op->at);
        j->stack.n -= n;
        return 0;
    }
    case MPM_EFFECT_MARK:
        if (ROOM(j->marks) != 0)
            return MPM_ENOMEM;
        j->marks.v[j->marks.n++] = (struct mark){ i, j->stack.n };
        return 0;
    case MPM_EFFECT_COLLECT:
        if (!take_mark(j, &mark))
            return broken(j, op->at);
        if (op->code == MPM_OP_TUPLE)
            return plan_tuple(j, i, op, mark.height);
        if (op->code == MPM_OP_FROZENSET && j->protocol < 4)
            j->notes[mark.ordinal] = FROZENSET_MARK;
        j->stack.n = mark.height;
        return push(j, i, OTHER, op->at, 0);
    case MPM_EFFECT_ADD_ALL:
        if (!take_mark(j, &mark) || mark.height == 0)
            return broken(j, op->at);
        if (op->code == MPM_OP_ADDITEMS)
            plan_additems(j, i, &mark);
        j->stack.n = mark.height;
        return 0;
    case MPM_EFFECT_POP_MARK:
        if (!take_mark(j, &mark))
            return broken(j, op->at);
        j->stack.n = mark.height;
        return 0;
    case MPM_EFFECT_POP:
        if (have > 0)
            j->stack.n--;
        else if (!take_mark(j, &mark))
            return broken(j, op->at);
        return 0;
    default:
        return broken(j, op->at);
    }
}

static int
plan(struct job *j)
{
    uint32_t i = 0, at;
    struct mpm_op op;
    int r;

    for (at = 0; at < j->len; at = op.next, i++) {
        if (mpm__opinfo[j->bytes[at]].name == NULL || mpm__op_parse(j->bytes, j->len, at, &op) != NULL)
            return broken(j, at);
        if (grow((void **)&j->notes, &j->notes_cap, i, 1) != 0)
            return MPM_ENOMEM;
        j->notes[i] = AS_USUAL;
        r = plan_step(j, i, &op);
        if (r != 0)
            return r;
    }
    return j->stack.n == 1 && j->marks.n == 0 ? 0 : broken(j, at);
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static void
put_op(struct job *j, uint8_t code)
{
    mpm__buf_u8(j->out, code);
}

/* PUT or GET with the shortest index. */
static void
put_indexed(struct job *j, uint8_t short_code, uint8_t long_code, uint32_t index)
{
    bool is_short = index <= 0xff;

    put_op(j, is_short ? short_code : long_code);
    mpm__buf_le(j->out, index, is_short ? 1 : 4);
}

static uint32_t
memoize(struct job *j)
{
    put_indexed(j, MPM_OP_BINPUT, MPM_OP_LONG_BINPUT, j->next_index);
    return j->next_index++;
}

static void
fetch(struct job *j, uint32_t index)
{
    put_indexed(j, MPM_OP_BINGET, MPM_OP_LONG_BINGET, index);
}

/* The top of the stack gets a name and goes. */
static uint32_t
stash(struct job *j)
{
    uint32_t index = memoize(j);

    put_op(j, MPM_OP_POP);
    return index;
}

static int
put_sized(struct job *j, uint8_t code1, uint8_t code4, const uint8_t *data, size_t len)
{
    bool is_short = code1 != 0 && len <= 0xff;

    if (j->python == 2 && len > INT32_MAX)
        return mpm__fail(j->err, MPM_EUNSUP, 0, "Python 2 reads no string of %zu bytes", len);
    put_op(j, is_short ? code1 : code4);
    mpm__buf_le(j->out, len, is_short ? 1 : 4);
    mpm__buf_put(j->out, data, len);
    return 0;
}

static int
put_text(struct job *j, const uint8_t *utf8, size_t len)
{
    return put_sized(j, j->protocol >= 4 ? MPM_OP_SHORT_BINUNICODE : 0, MPM_OP_BINUNICODE, utf8, len);
}

static int
put_bytes(struct job *j, const uint8_t *data, size_t len)
{
    if (j->python == 2)
        return put_sized(j, MPM_OP_SHORT_BINSTRING, MPM_OP_BINSTRING, data, len);
    return put_sized(j, MPM_OP_SHORT_BINBYTES, MPM_OP_BINBYTES, data, len);
}

static void
put_literal(struct job *j, const char *text)
{
    (void)put_text(j, (const uint8_t *)text, strlen(text));
}

/* Fails because the reader's Python has nothing of that name. */
static int
no_such_name(struct job *j, const uint8_t *module, size_t module_len, const uint8_t *name, size_t name_len)
{
    char text[80];
    size_t n = 0;

    for (size_t i = 0; i < module_len + 1 + name_len && n < sizeof text - 1; i++) {
        uint8_t c = i < module_len ? module[i] : i == module_len ? '.' : name[i - module_len - 1];

        text[n++] = c >= ' ' && c < 0x7f ? (char)c : '?';
    }
    text[n] = '\0';
    return mpm__fail(j->err, MPM_EUNSUP, 0, "Python %d has no %s", j->python, text);
}

static bool
is_ascii(const uint8_t *s, size_t len)
{
    uint8_t all = 0;

    for (size_t i = 0; i < len; i++)
        all |= s[i];
    return all < 0x80;
}

static void put_helper(struct job *j, enum helper helper);

/* GLOBAL or INST. */
static void
put_class(struct job *j, uint8_t code, const uint8_t *module, size_t module_len, const uint8_t *name, size_t name_len)
{
    put_op(j, code);
    mpm__buf_put(j->out, module, module_len);
    put_op(j, '\n');
    mpm__buf_put(j->out, name, name_len);
    put_op(j, '\n');
}

/* A class or function whose name the reader knows: `outer.inner` by getattr, as CPython does below protocol 4. */
static int
put_dotted(struct job *j, const uint8_t *module, size_t module_len, const uint8_t *name, size_t name_len)
{
    const uint8_t *end = name + name_len, *dot = memchr(name, '.', name_len), *part;
    unsigned n_dots = 0;

    for (part = name; part < end; part++)
        n_dots += *part == '.';
    if (n_dots > DOTS_MAX)
        return mpm__fail(j->err, MPM_EUNSUP, 0, "a class nested in %u others", n_dots);
    for (unsigned i = 0; i < n_dots; i++)
        put_helper(j, H_GETATTR);
    put_class(j, MPM_OP_GLOBAL, module, module_len, name, dot != NULL ? (size_t)(dot - name) : name_len);
    while (dot != NULL) {
        part = dot + 1;
        dot = memchr(part, '.', (size_t)(end - part));
        (void)put_text(j, part, (size_t)((dot != NULL ? dot : end) - part));
        put_op(j, MPM_OP_TUPLE2);
        put_op(j, MPM_OP_REDUCE);
    }
    return 0;
}

/* The name that the reader has for a class. Returns 0, or MPM_EUNSUP when it has none. */
static int
reader_name(struct job *j, const uint8_t **module, size_t *module_len, const uint8_t **name, size_t *name_len)
{
    static const char queue[] = "queue", c_queue[] = "_queue", empty[] = "Empty";

    if (j->rename && !mpm__name_to(j->python, module, module_len, name, name_len))
        return no_such_name(j, *module, *module_len, *name, *name_len);
    if (j->python == 2 && !(is_ascii(*module, *module_len) && is_ascii(*name, *name_len)))
        return no_such_name(j, *module, *module_len, *name, *name_len);
    if (j->protocol == 3 && *module_len == sizeof c_queue - 1 && memcmp(*module, c_queue, *module_len) == 0 &&
        *name_len == sizeof empty - 1 && memcmp(*name, empty, *name_len) == 0) {
        *module = (const uint8_t *)queue; /* 3.6 has no _queue; in later ones this is the same class */
        *module_len = sizeof queue - 1;
    }
    return 0;
}

static int
put_name(struct job *j, const uint8_t *module, size_t module_len, const uint8_t *name, size_t name_len)
{
    int r = reader_name(j, &module, &module_len, &name, &name_len);

    if (r != 0)
        return r;
    if (j->protocol >= 4) {
        r = put_text(j, module, module_len);
        if (r == 0)
            r = put_text(j, name, name_len);
        put_op(j, MPM_OP_STACK_GLOBAL);
        return r;
    }
    if (memchr(module, '\n', module_len) != NULL || memchr(name, '\n', name_len) != NULL)
        return no_such_name(j, module, module_len, name, name_len);
    return put_dotted(j, module, module_len, name, name_len);
}

/* Pushes one of the functions that the output needs: by name the first time, then from the memo. */
static void
put_helper(struct job *j, enum helper helper)
{
    static const struct {
        const char *module_2, *module_3, *name;
    } names[N_HELPERS] = {
        [H_SET] = { "__builtin__", "builtins", "set" },
        [H_FROZENSET] = { "__builtin__", "builtins", "frozenset" },
        [H_GETATTR] = { "__builtin__", "builtins", "getattr" },
        [H_BYTEARRAY] = { "__builtin__", "builtins", "bytearray" },
        [H_NEWOBJ_EX] = { NULL, "copyreg", "__newobj_ex__" },
        [H_APPLY] = { "__builtin__", NULL, "apply" },
        [H_ADD] = { "operator", "_operator", "add" },
    };
    const char *module, *name = names[helper].name;

    if (j->helpers[helper] != NONE) {
        fetch(j, j->helpers[helper]);
        return;
    }
    if (helper == H_UPDATE) {
        put_helper(j, H_GETATTR);
        put_helper(j, H_SET);
        put_literal(j, "update");
        put_op(j, MPM_OP_TUPLE2);
        put_op(j, MPM_OP_REDUCE);
    } else {
        module = j->python == 2 ? names[helper].module_2 : names[helper].module_3;
        put_class(j, MPM_OP_GLOBAL, (const uint8_t *)module, strlen(module), (const uint8_t *)name, strlen(name));
    }
    j->helpers[helper] = memoize(j);
}

static void
decode_literal(const uint8_t *s, size_t len, struct mpm_buf *out)
{
    static const char escapes[] = "\\\\''\"\"a\ab\bf\fn\nr\rt\tv\v"; /* letter, meaning */
    const uint8_t *end = s + len - 1;

    mpm__buf_clear(out);
    for (s++; s < end; s++) {
        const char *known;
        unsigned value = 0, n = 0;

        if (*s != '\\' || s + 1 == end) {
            mpm__buf_u8(out, *s);
            continue;
        }
        s++;
        if (*s == 'x') {
            for (; n < 2 && s + 1 < end; n++) {
                s++;
                value = value * 16 + (unsigned)(*s <= '9' ? *s - '0' : (*s | 32) - 'a' + 10);
            }
            mpm__buf_u8(out, (uint8_t)value);
        } else if (*s >= '0' && *s <= '7') {
            for (; n < 3 && s < end && *s >= '0' && *s <= '7'; n++)
                value = value * 8 + (unsigned)(*s++ - '0');
            s--;
            mpm__buf_u8(out, (uint8_t)value);
        } else {
            for (known = escapes; *known != '\0' && (uint8_t)*known != *s; known += 2)
                ;
            if (*known == '\0')
                mpm__buf_u8(out, '\\'); /* an unknown escape stands for itself */
            mpm__buf_u8(out, *known == '\0' ? *s : (uint8_t)known[1]);
        }
    }
}

/* A string for this reader, as the note says. */
static int
put_string(struct job *j, uint32_t root, enum note note)
{
    struct mpm_op string;
    const char *wrong = mpm__op_parse(j->bytes, j->len, root, &string);
    const uint8_t *data = j->bytes + string.data;
    size_t len = string.data_len;
    size_t from = j->out->len;
    int r;

    assert(wrong == NULL);
    (void)wrong;
    if (is_text(string.code)) {
        if (note == AS_NATIVE)
            return put_bytes(j, data, len);
        if (j->protocol < mpm__opinfo[string.code].protocol)
            return put_text(j, data, len);
    } else if (is_bytes(string.code)) {
        if (j->protocol < mpm__opinfo[string.code].protocol) {
            r = put_bytes(j, data, len);
            /* Lib/datetime.py, __reduce_ex__: the top bit of the month (of the hour, in a time) is the fold. */
            if (note == NO_FOLD && r == 0 && j->out->error == 0 && (len == 10 || len == 6))
                j->out->data[from + 2 + (len == 10 ? 2 : 0)] &= 0x7f;
            return r;
        }
    } else if (j->python == 3) {
        if (string.code == MPM_OP_STRING) {
            decode_literal(data, len, &j->text);
            if (j->text.error != 0)
                return MPM_ENOMEM;
            data = j->text.data;
            len = j->text.len;
        }
        return note != AS_BYTES && is_ascii(data, len) ? put_text(j, data, len) : put_bytes(j, data, len);
    }
    mpm__buf_put(j->out, j->bytes + string.at, string.next - string.at);
    return 0;
}

static int
write_get(struct job *j, const struct mpm_op *get, enum note note)
{
    struct memo *m = &j->memo.v[mpm__op_index(j->bytes, get)];
    uint32_t *index = note == AS_USUAL ? &m->new_index : &m->as_noted;
    int r;

    if (*index != NONE) {
        fetch(j, *index);
        return 0;
    }
    /* A string that so far was only part of a name, or of another kind: here is its first use as what is wanted. */
    assert(m->kind == STRING);
    r = put_string(j, m->root, note);
    *index = memoize(j);
    return r;
}

static int
write_name(struct job *j, enum note note)
{
    size_t module_len, name_len;
    const uint8_t *module = text_at(j, j->names.v[j->next_name], &module_len);
    const uint8_t *name = text_at(j, j->names.v[j->next_name + 1], &name_len);

    j->next_name += 2;
    if (note == NAME_AND_POP) {
        put_op(j, MPM_OP_POP);
        put_op(j, MPM_OP_POP);
    }
    return put_name(j, module, module_len, name, name_len);
}

static int
write_global(struct job *j, const struct mpm_op *global)
{
    const uint8_t *module, *name;
    size_t module_len, name_len;
    int r;

    split_lines(j, global, &module, &module_len, &name, &name_len);
    r = reader_name(j, &module, &module_len, &name, &name_len);
    if (r != 0)
        return r;
    if (global->code == MPM_OP_GLOBAL && j->protocol < 4)
        return put_dotted(j, module, module_len, name, name_len);
    put_class(j, global->code, module, module_len, name, name_len);
    return 0;
}

/* class, args, kwargs -> instance, without NEWOBJ_EX. */
static void
write_newobj_ex(struct job *j)
{
    uint32_t args, kwargs, class;

    if (j->python == 3) {
        put_op(j, MPM_OP_TUPLE3);
        args = stash(j);
        put_helper(j, H_NEWOBJ_EX);
        fetch(j, args);
        put_op(j, MPM_OP_REDUCE);
        return;
    }
    /* apply(getattr(class, '__new__'), add((class,), args), kwargs): Python 2 has no __newobj_ex__. */
    kwargs = stash(j);
    args = stash(j);
    class = stash(j);
    put_helper(j, H_APPLY);
    put_helper(j, H_GETATTR);
    fetch(j, class);
    put_literal(j, "__new__");
    put_op(j, MPM_OP_TUPLE2);
    put_op(j, MPM_OP_REDUCE);
    put_helper(j, H_ADD);
    fetch(j, class);
    put_op(j, MPM_OP_TUPLE1);
    fetch(j, args);
    put_op(j, MPM_OP_TUPLE2);
    put_op(j, MPM_OP_REDUCE);
    fetch(j, kwargs);
    put_op(j, MPM_OP_TUPLE3);
    put_op(j, MPM_OP_REDUCE);
}

/* EMPTY_SET at ordinal i. */
static int
write_set(struct job *j, const struct mpm_op *set, uint32_t i)
{
    struct mpm_op put;

    put_helper(j, H_SET);
    if (j->notes[i] != SET_DIRECT) {
        put_op(j, MPM_OP_EMPTY_TUPLE);
        put_op(j, MPM_OP_REDUCE);
        return 0;
    }
    put_op(j, MPM_OP_EMPTY_LIST);
    if (ROOM(j->open_sets) != 0)
        return MPM_ENOMEM;
    j->open_sets.v[j->open_sets.n] = NONE;
    if (j->notes[i + 1] == SKIP && mpm__op_parse(j->bytes, j->len, set->next, &put) == NULL)
        j->open_sets.v[j->open_sets.n] = mpm__op_index(j->bytes, &put);
    j->open_sets.n++;
    return 0;
}

static void
write_additems(struct job *j, enum note note)
{
    uint32_t index, items;

    if (note == UPDATE_NOTHING) {
        put_op(j, MPM_OP_POP_MARK);
        return;
    }
    if (note != UPDATE) {
        put_op(j, MPM_OP_APPENDS);
        if (note == SET_MORE)
            return;
        put_op(j, MPM_OP_TUPLE1);
        put_op(j, MPM_OP_REDUCE);
        index = j->open_sets.v[--j->open_sets.n];
        if (index != NONE)
            j->memo.v[index].new_index = memoize(j);
        return;
    }
    put_op(j, MPM_OP_LIST);
    items = stash(j);
    index = memoize(j);
    put_helper(j, H_UPDATE);
    fetch(j, index);
    fetch(j, items);
    put_op(j, MPM_OP_TUPLE2);
    put_op(j, MPM_OP_REDUCE);
    put_op(j, MPM_OP_POP);
}

/* Whether this reader gets the opcode as it stands, whatever its operand. */
static bool
is_plain(const struct job *j, uint8_t code, enum note note)
{
    enum mpm_effect effect = mpm__opinfo[code].effect;

    if (note != AS_USUAL || effect == MPM_EFFECT_PUT || effect == MPM_EFFECT_GET)
        return false;
    if (is_native(code))
        return j->python == 2;
    if (code == MPM_OP_GLOBAL || code == MPM_OP_INST)
        return false;
    return mpm__opinfo[code].protocol <= j->protocol;
}

/* Writes opcode i in the reader's way. *is_noted: the top of the stack is a string that a note changed. */
static int
write_op(struct job *j, const struct mpm_op *o, uint32_t i, bool *is_noted)
{
    enum note note = j->notes[i];
    size_t len = o->data_len;
    int r;

    if (note == SKIP)
        return 0;
    if (is_put(o->code)) {
        struct memo *m = &j->memo.v[mpm__op_index(j->bytes, o)];

        *(*is_noted ? &m->as_noted : &m->new_index) = memoize(j);
        return 0;
    }
    *is_noted = note == AS_BYTES || note == AS_NATIVE || note == NO_FOLD;
    switch (o->code) {
    case MPM_OP_GLOBAL:
    case MPM_OP_INST:
        return write_global(j, o);
    case MPM_OP_STACK_GLOBAL:
        return write_name(j, note);
    case MPM_OP_MARK:
        put_helper(j, H_FROZENSET);
        put_op(j, MPM_OP_MARK);
        return 0;
    case MPM_OP_FROZENSET:
        put_op(j, MPM_OP_LIST);
        put_op(j, MPM_OP_TUPLE1);
        put_op(j, MPM_OP_REDUCE);
        return 0;
    case MPM_OP_EMPTY_SET:
        return write_set(j, o, i);
    case MPM_OP_ADDITEMS:
        write_additems(j, note);
        return 0;
    case MPM_OP_NEWOBJ_EX:
        write_newobj_ex(j);
        return 0;
    case MPM_OP_BYTEARRAY8:
        put_helper(j, H_BYTEARRAY);
        r = put_bytes(j, j->bytes + o->data, len);
        put_op(j, MPM_OP_TUPLE1);
        put_op(j, MPM_OP_REDUCE);
        return r;
    }
    if (mpm__opinfo[o->code].effect == MPM_EFFECT_GET)
        return write_get(j, o, note);
    return put_string(j, o->at, note);
}

static int
write_all(struct job *j)
{
    size_t start = j->out->len, limit = (size_t)j->len * GROWTH_MAX + GROWTH_BASE;
    uint32_t i = 0, at, copied = 0; /* everything before `copied` is written */
    bool is_noted = false;
    struct mpm_op o;
    int r;

    for (at = 0; at < j->len; at = o.next, i++) {
        (void)mpm__op_parse(j->bytes, j->len, at, &o);
        if (is_plain(j, o.code, j->notes[i])) {
            is_noted = false;
            continue;
        }
        mpm__buf_put(j->out, j->bytes + copied, at - copied);
        copied = o.next;
        r = write_op(j, &o, i, &is_noted);
        if (r != 0)
            return r;
        if (j->out->len - start > limit)
            return mpm__fail(j->err, MPM_ELIMIT, at, "the value would grow to more than %d times its size",
                GROWTH_MAX);
    }
    mpm__buf_put(j->out, j->bytes + copied, at - copied);
    return j->out->error;
}

int
mpm__transcode(const uint8_t *bytes, size_t len, const struct mpm_form *form, uint8_t protocol, uint32_t *base,
    struct mpm_buf *out, struct mpm_error *err)
{
    uint8_t python = protocol == 2 ? 2 : 3;
    struct job j = { .bytes = bytes, .len = (uint32_t)len, .err = err, .protocol = protocol,
        .python = python, .rename = form->names != 0 && form->names != python, .out = out, .next_index = *base };
    size_t before = out->len;
    int r;

    assert(protocol >= 2 && protocol <= 5 && len <= MPM_PICKLE_LEN_MAX);
    for (int i = 0; i < N_HELPERS; i++)
        j.helpers[i] = NONE;
    r = plan(&j);
    if (r == 0)
        r = write_all(&j);
    if (r == 0)
        *base = j.next_index;
    else if (r == MPM_ENOMEM)
        mpm__fail(err, r, 0, "%s", mpm_error_text(r));
    if (r != 0 && out->len > before)
        mpm__buf_cut(out, before);
    mpm__free(j.notes);
    mpm__free(j.stack.v);
    mpm__free(j.marks.v);
    mpm__free(j.memo.v);
    mpm__free(j.sets.v);
    mpm__free(j.calls.v);
    mpm__free(j.names.v);
    mpm__free(j.open_sets.v);
    mpm__buf_wipe(&j.text);
    return r;
}

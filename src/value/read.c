/*
 * read.c - looks inside a checked value: kinds, numbers, texts, names, parts, tokens. Layer: value.
 *
 * Decodes in place, by the opcode that made the value; every opcode form of protocols 0 to 5 is known here. Runs
 * nothing, imports nothing and changes nothing. What Python does with a well-known `callable(arguments)` is known
 * only as far as the functions of read.h need it.
 */
#include "value/read.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "pickle/opcodes.h"
#include "value/dill.h"
#include "value/number.h"

int
mpm__open(struct mpm_open *open, const struct mpm_value *v, struct mpm_ref *ref)
{
    size_t len;
    struct mpm_form form;
    const uint8_t *bytes = mpm__value_bytes(v, &len, &form);
    int r = bytes != NULL ? mpm__check(&open->checker, bytes, len, true, &open->doc, NULL) : MPM_ENOMEM;

    assert(r == 0 || r == MPM_ENOMEM); /* what is stored was checked before */
    if (r == 0)
        *ref = (struct mpm_ref){ &open->doc, open->doc.top };
    return r;
}

int
mpm__open_written(struct mpm_open *open, const struct mpm_buf *written, struct mpm_ref *ref)
{
    int r = mpm__check(&open->checker, written->data, written->len, true, &open->doc, NULL);

    if (r == 0)
        *ref = (struct mpm_ref){ &open->doc, open->doc.top };
    return r;
}

void
mpm__close(struct mpm_open *open)
{
    mpm__checker_wipe(&open->checker);
    memset(open, 0, sizeof(*open));
}

/* --- kinds -------------------------------------------------------------------------------------------------------- */

static const uint8_t *
at_root(struct mpm_ref ref)
{
    return ref.doc->bytes + ref.item.root;
}

/* What follows the opcode: the text of a line, the content of a counted string, the bytes of a number. */
static const uint8_t *
operand_of(struct mpm_ref ref, size_t *len)
{
    const uint8_t *p = at_root(ref);
    struct mpm_op op = { 0 };

    if (*p == MPM_OP_SHORT_BINUNICODE) { /* the commonest */
        *len = p[1];
        return p + 2;
    }
    mpm__op_read(ref.doc->bytes, ref.item.root, &op);
    *len = op.data_len;
    return ref.doc->bytes + op.data;
}

static const char *
line_of(struct mpm_ref ref, size_t *len)
{
    return (const char *)operand_of(ref, len);
}

static int
kind_of_line_int(struct mpm_ref ref)
{
    size_t len;
    const char *line = line_of(ref, &len);

    /* how protocols 0 and 1 write bools */
    return len == 2 && line[0] == '0' && (line[1] == '0' || line[1] == '1') ? MPM_K_BOOL : MPM_K_INT;
}

int
mpm__kind(struct mpm_ref *ref)
{
    static const uint8_t kinds[256] = {
        [MPM_OP_NONE] = MPM_K_NONE,
        [MPM_OP_NEWTRUE] = MPM_K_BOOL, [MPM_OP_NEWFALSE] = MPM_K_BOOL,
        [MPM_OP_BININT] = MPM_K_INT, [MPM_OP_BININT1] = MPM_K_INT, [MPM_OP_BININT2] = MPM_K_INT,
        [MPM_OP_LONG] = MPM_K_INT, [MPM_OP_LONG1] = MPM_K_INT, [MPM_OP_LONG4] = MPM_K_INT,
        [MPM_OP_FLOAT] = MPM_K_FLOAT, [MPM_OP_BINFLOAT] = MPM_K_FLOAT,
        [MPM_OP_UNICODE] = MPM_K_STR, [MPM_OP_BINUNICODE] = MPM_K_STR, [MPM_OP_SHORT_BINUNICODE] = MPM_K_STR,
        [MPM_OP_BINUNICODE8] = MPM_K_STR,
        [MPM_OP_STRING] = MPM_K_NATIVE, [MPM_OP_BINSTRING] = MPM_K_NATIVE, [MPM_OP_SHORT_BINSTRING] = MPM_K_NATIVE,
        [MPM_OP_BINBYTES] = MPM_K_BYTES, [MPM_OP_SHORT_BINBYTES] = MPM_K_BYTES, [MPM_OP_BINBYTES8] = MPM_K_BYTES,
        [MPM_OP_BYTEARRAY8] = MPM_K_BYTEARRAY,
        [MPM_OP_EMPTY_TUPLE] = MPM_K_TUPLE, [MPM_OP_TUPLE] = MPM_K_TUPLE, [MPM_OP_TUPLE1] = MPM_K_TUPLE,
        [MPM_OP_TUPLE2] = MPM_K_TUPLE, [MPM_OP_TUPLE3] = MPM_K_TUPLE,
        [MPM_OP_EMPTY_LIST] = MPM_K_LIST, [MPM_OP_LIST] = MPM_K_LIST,
        [MPM_OP_EMPTY_DICT] = MPM_K_DICT, [MPM_OP_DICT] = MPM_K_DICT,
        [MPM_OP_EMPTY_SET] = MPM_K_SET,
        [MPM_OP_FROZENSET] = MPM_K_FROZENSET,
        [MPM_OP_GLOBAL] = MPM_K_GLOBAL, [MPM_OP_STACK_GLOBAL] = MPM_K_GLOBAL,
    };
    uint8_t opcode = *at_root(*ref);
    int r;

    if (kinds[opcode] != 0)
        return kinds[opcode];
    if ((r = mpm__follow(ref->doc, &ref->item)) != 0)
        return r;
    opcode = *at_root(*ref);
    if (opcode == MPM_OP_INT)
        return kind_of_line_int(*ref);
    return kinds[opcode] != 0 ? kinds[opcode] : MPM_K_OBJECT;
}

/* Follows the reference; 0 when the value is of that kind, else MPM_ETYPE or MPM_ENOMEM. */
static int
expect(struct mpm_ref *ref, enum mpm_kind kind)
{
    int k = mpm__kind(ref);

    if (k < 0)
        return k;
    return k == (int)kind ? 0 : MPM_ETYPE;
}

/* --- numbers ------------------------------------------------------------------------------------------------------ */

/* Where the little-endian two's complement of a binary int opcode is; *is_signed false: BININT1 and BININT2.
 * false: the opcode is INT or LONG, which have a line of digits. */
static bool
int_bytes(struct mpm_ref ref, const uint8_t **bytes, size_t *len, bool *is_signed)
{
    uint8_t opcode = *at_root(ref);

    *bytes = operand_of(ref, len);
    *is_signed = opcode != MPM_OP_BININT1 && opcode != MPM_OP_BININT2;
    return opcode != MPM_OP_INT && opcode != MPM_OP_LONG;
}

/* The digits of INT or LONG without sign, suffix and leading zeros. */
static const char *
int_digits(struct mpm_ref ref, size_t *n, bool *negative)
{
    const char *p = line_of(ref, n);

    if (p[*n - 1] == 'L')
        --*n;
    *negative = *p == '-';
    if (*p == '-' || *p == '+') {
        p++;
        --*n;
    }
    while (*n > 0 && *p == '0') {
        p++;
        --*n;
    }
    return p;
}

static int
decimal_to_int64(const char *digits, size_t n, bool negative, int64_t *out)
{
    uint64_t v = 0, limit = (uint64_t)INT64_MAX + negative;

    if (n > 19)
        return MPM_ERANGE;
    for (size_t i = 0; i < n; i++)
        v = 10 * v + (uint64_t)(digits[i] - '0'); /* 19 digits fit */
    if (v > limit)
        return MPM_ERANGE;
    *out = (int64_t)(negative ? 0 - v : v);
    return 0;
}

/* Bytes at the top that only repeat the sign are dropped; of 0 nothing is left. */
static size_t
minimal_len(const uint8_t *bytes, size_t len)
{
    uint8_t sign;

    if (len == 0)
        return 0;
    sign = bytes[len - 1] & 0x80 ? 0xff : 0;
    while (len > 1 && bytes[len - 1] == sign && (bytes[len - 2] & 0x80) == (sign & 0x80))
        len--;
    return len == 1 && bytes[0] == 0 ? 0 : len;
}

static int64_t
sign_extend(const uint8_t *bytes, size_t len)
{
    uint64_t v = mpm__le(bytes, (unsigned)len);

    if (len > 0 && len < 8 && bytes[len - 1] & 0x80)
        v |= ~UINT64_C(0) << (8 * len);
    return (int64_t)v;
}

int
mpm__read_bool(struct mpm_ref ref, bool *out)
{
    int r = expect(&ref, MPM_K_BOOL);

    if (r != 0)
        return r;
    *out = *at_root(ref) == MPM_OP_NEWTRUE || (*at_root(ref) == MPM_OP_INT && at_root(ref)[2] == '1');
    return 0;
}

int
mpm__read_int64(struct mpm_ref ref, int64_t *out)
{
    const uint8_t *bytes;
    const char *digits;
    size_t len;
    bool is_signed, v, negative;
    int r, kind = mpm__kind(&ref);

    if (kind < 0)
        return kind;
    if (kind == MPM_K_BOOL) {
        r = mpm__read_bool(ref, &v);
        *out = v;
        return r;
    }
    if (kind != MPM_K_INT)
        return MPM_ETYPE;
    if (int_bytes(ref, &bytes, &len, &is_signed)) {
        if (!is_signed) {
            *out = (int64_t)mpm__le(bytes, (unsigned)len);
            return 0;
        }
        if (len > 8)
            len = minimal_len(bytes, len);
        if (len > 8)
            return MPM_ERANGE;
        *out = sign_extend(bytes, len);
        return 0;
    }
    digits = int_digits(ref, &len, &negative);
    return decimal_to_int64(digits, len, negative, out);
}

/* Two's complement of the digits; `out` has room as its caller counted. Returns the length. */
static size_t
decimal_to_bytes(const char *digits, size_t n, bool negative, uint8_t *out)
{
    size_t len = 0;
    unsigned carry;

    for (size_t i = 0; i < n; i++) {
        carry = (unsigned)(digits[i] - '0');
        for (size_t j = 0; j < len; j++) {
            carry += 10u * out[j];
            out[j] = (uint8_t)carry;
            carry >>= 8;
        }
        if (carry != 0)
            out[len++] = (uint8_t)carry;
    }
    out[len++] = 0; /* room for the sign */
    if (negative) {
        carry = 1;
        for (size_t j = 0; j < len; j++) {
            carry += (uint8_t)~out[j];
            out[j] = (uint8_t)carry;
            carry >>= 8;
        }
    }
    return len;
}

int
mpm__read_bigint(struct mpm_ref ref, struct mpm_buf *out)
{
    const uint8_t *bytes;
    const char *digits;
    uint8_t wide[3] = { 0 }, *at;
    size_t len, before = out->len;
    bool is_signed, v, negative;
    int r, kind = mpm__kind(&ref);

    if (kind < 0)
        return kind;
    if (kind == MPM_K_BOOL) {
        if ((r = mpm__read_bool(ref, &v)) == 0 && v)
            mpm__buf_u8(out, 1);
        return r != 0 ? r : out->error;
    }
    if (kind != MPM_K_INT)
        return MPM_ETYPE;
    if (int_bytes(ref, &bytes, &len, &is_signed)) {
        if (!is_signed) {
            memcpy(wide, bytes, len);
            bytes = wide;
            len++;
        }
        mpm__buf_put(out, bytes, minimal_len(bytes, len));
        return out->error;
    }
    digits = int_digits(ref, &len, &negative);
    if (len > MPM_DECIMAL_DIGITS_MAX)
        return MPM_ERANGE;
    /* a byte holds 2.4 digits */
    if ((at = mpm__buf_add(out, len / 2 + 2)) == NULL)
        return out->error;
    len = decimal_to_bytes(digits, len, negative, at);
    mpm__buf_cut(out, before + minimal_len(at, len));
    return 0;
}

int
mpm__bigint_double(const uint8_t *bytes, size_t len, double *out)
{
    bool negative = bytes[len - 1] & 0x80, sticky = false;
    uint64_t top = 0;
    size_t first_nonzero = 0, n_top;
    double v;

    /* magnitude byte i of a negative number: bytes below the lowest non-zero one stay, that one is negated, those
     * above are inverted */
    while (first_nonzero < len - 1 && bytes[first_nonzero] == 0)
        first_nonzero++;
#define MAGNITUDE(i) ((uint8_t)(!negative ? bytes[i] : (i) < first_nonzero ? 0 : (i) == first_nonzero ? \
        0u - bytes[i] : ~(unsigned)bytes[i]))
    while (len > 0 && MAGNITUDE(len - 1) == 0)
        len--;
    for (n_top = 0; n_top < 8 && n_top < len; n_top++)
        top = top << 8 | MAGNITUDE(len - 1 - n_top);
    for (size_t i = 0; i < len - n_top && !sticky; i++)
        sticky = MAGNITUDE(i) != 0;
#undef MAGNITUDE
    if (len > 128)
        return MPM_ERANGE; /* 2**1024 and more */
    /* top has at least 57 significant bits, so its lowest one lies below what a double keeps: it may stand for all
     * that was cut off */
    v = ldexp((double)(top | sticky), (int)(8 * (len - n_top)));
    if (isinf(v))
        return MPM_ERANGE;
    *out = negative ? -v : v;
    return 0;
}

static int
read_line_double(struct mpm_ref ref, double *out)
{
    char small[64], *copy = small;
    size_t len;
    const char *line = line_of(ref, &len); /* the checker saw that it is a number */

    if (len >= sizeof(small) && (copy = mpm__alloc(len + 1)) == NULL)
        return MPM_ENOMEM;
    memcpy(copy, line, len);
    copy[len] = '\0';
    *out = strtod(copy, NULL);
    if (copy != small)
        mpm__free(copy);
    return 0;
}

int
mpm__read_double(struct mpm_ref ref, double *out)
{
    struct mpm_buf big;
    const uint8_t *bytes;
    uint64_t bits = 0;
    int64_t v;
    size_t len;
    bool is_signed;
    int r, kind = mpm__kind(&ref);

    if (kind < 0)
        return kind;
    if (kind == MPM_K_FLOAT) {
        if (*at_root(ref) == MPM_OP_FLOAT)
            return read_line_double(ref, out);
        bytes = operand_of(ref, &len);
        for (size_t i = 0; i < len; i++)
            bits = bits << 8 | bytes[i];
        memcpy(out, &bits, sizeof(*out));
        return 0;
    }
    r = mpm__read_int64(ref, &v);
    if (r == 0) {
        *out = (double)v;
        return 0;
    }
    if (r != MPM_ERANGE)
        return r;
    if (int_bytes(ref, &bytes, &len, &is_signed))
        return mpm__bigint_double(bytes, minimal_len(bytes, len), out);
    mpm__buf_init(&big, 0);
    if ((r = mpm__read_bigint(ref, &big)) == 0)
        r = mpm__bigint_double(big.data, big.len, out);
    mpm__buf_wipe(&big);
    return r;
}

/* --- text and bytes ----------------------------------------------------------------------------------------------- */

/* A protocol-0 literal, decoded piece by piece. */
struct literal {
    const char *p, *end;
    bool is_unicode;   /* UNICODE: raw-unicode-escape of Latin-1 text; else STRING: the inside of Python quotes */
};

static struct literal
literal_of(struct mpm_ref ref)
{
    struct literal l = { .is_unicode = *at_root(ref) == MPM_OP_UNICODE };
    size_t len;

    l.p = line_of(ref, &len);
    l.end = l.p + len;
    if (!l.is_unicode) {
        l.p++;
        l.end--;
    }
    return l;
}

static bool
literal_is_plain(struct literal l)
{
    for (; l.p < l.end; l.p++)
        if (*l.p == '\\' || (l.is_unicode && (unsigned char)*l.p >= 0x80))
            return false;
    return true;
}

/* The number that up to n_max digits at l->p make; -1 and nothing taken when there are fewer than n_min. */
static int64_t
take_digits(struct literal *l, unsigned base, int n_min, int n_max)
{
    const char *p = l->p;
    int64_t v = 0;
    unsigned digit;
    int n;

    for (n = 0; n < n_max && p < l->end; n++, p++) {
        digit = (unsigned char)*p;
        /* other characters become a number too large */
        digit = digit < 'A' ? digit - '0' : digit == '`' || digit == '@' ? 99 : (digit | 0x20) - 'a' + 10;
        if (digit >= base)
            break;
        v = v * base + digit;
    }
    if (n < n_min)
        return -1;
    l->p = p;
    return v;
}

/* Behind the backslash of a STRING, of which there is more: what it stands for. */
static uint8_t
take_string_escape(struct literal *l)
{
    static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
    const char *known = memchr(from, *l->p, sizeof(from) - 1);
    int64_t v;

    if (known != NULL) {
        l->p++;
        return (uint8_t)to[known - from];
    }
    if (*l->p == 'x') {
        l->p++;
        v = take_digits(l, 16, 2, 2); /* the checker saw both */
    } else {
        v = take_digits(l, 8, 1, 3);
    }
    return v >= 0 ? (uint8_t)v : '\\'; /* no escape: the backslash stands for itself */
}

/* The next 1 to 4 decoded bytes, or 0 at the end. */
static size_t
literal_next(struct literal *l, uint8_t out[4])
{
    int64_t v;
    char c;

    if (l->p == l->end)
        return 0;
    c = *l->p++;
    if (!l->is_unicode) {
        out[0] = c == '\\' && l->p < l->end ? take_string_escape(l) : (uint8_t)c;
        return 1;
    }
    if (c == '\\' && l->p < l->end && (*l->p == 'u' || *l->p == 'U')) {
        v = *l->p++ == 'u' ? take_digits(l, 16, 4, 4) : take_digits(l, 16, 8, 8); /* the checker saw them */
        return mpm__utf8_put(out, (uint32_t)v);
    }
    if (c == '\\' && l->p < l->end && *l->p == '\\') { /* the second one begins no escape */
        l->p++;
        out[0] = out[1] = '\\';
        return 2;
    }
    return mpm__utf8_put(out, (uint8_t)c);
}

/* Bytes of a counted string opcode, or of a protocol-0 literal that reads as it stands. */
static int
counted(struct mpm_ref ref, const uint8_t **bytes, size_t *len)
{
    uint8_t opcode = *at_root(ref);
    struct literal l;

    if (opcode != MPM_OP_STRING && opcode != MPM_OP_UNICODE) {
        *bytes = operand_of(ref, len);
        return 0;
    }
    l = literal_of(ref);
    if (!literal_is_plain(l))
        return MPM_EUNSUP;
    *bytes = (const uint8_t *)l.p;
    *len = (size_t)(l.end - l.p);
    return 0;
}

int
mpm__read_text(struct mpm_ref ref, const uint8_t **text, size_t *len)
{
    int kind = mpm__kind(&ref);

    if (kind < 0)
        return kind;
    return kind == MPM_K_STR || kind == MPM_K_NATIVE ? counted(ref, text, len) : MPM_ETYPE;
}

int
mpm__decode_text(struct mpm_ref ref, struct mpm_buf *scratch, const uint8_t **text, size_t *len)
{
    struct literal l;
    uint8_t piece[4];
    size_t n, before = scratch->len;
    int r;

    if ((r = mpm__read_text(ref, text, len)) != MPM_EUNSUP)
        return r;
    if ((r = mpm__kind(&ref)) < 0)
        return r;
    l = literal_of(ref);
    while ((n = literal_next(&l, piece)) != 0)
        mpm__buf_put(scratch, piece, n);
    if (scratch->error != 0)
        return scratch->error;
    *text = scratch->data + before;
    *len = scratch->len - before;
    return 0;
}

int
mpm__read_bytes(struct mpm_ref ref, const uint8_t **bytes, size_t *len)
{
    int kind = mpm__kind(&ref);

    if (kind < 0)
        return kind;
    return kind == MPM_K_BYTES || kind == MPM_K_BYTEARRAY || kind == MPM_K_NATIVE ? counted(ref, bytes, len) :
        MPM_ETYPE;
}

bool
mpm__is_empty(struct mpm_ref ref)
{
    const uint8_t *p = at_root(ref);
    uint32_t len = ref.item.end - ref.item.root;

    if (*p != MPM_OP_EMPTY_DICT && *p != MPM_OP_EMPTY_TUPLE)
        return false;
    return len == 1 || (len == 2 && p[1] == MPM_OP_MEMOIZE) || (len == 3 && p[1] == MPM_OP_BINPUT);
}

bool
mpm__text_is(struct mpm_ref ref, const char *text)
{
    const uint8_t *bytes;
    uint8_t piece[4];
    struct literal l;
    size_t len, n, at = 0, want = strlen(text);
    int r = mpm__read_text(ref, &bytes, &len);

    if (r == 0)
        return len == want && memcmp(bytes, text, len) == 0;
    if (r != MPM_EUNSUP || mpm__kind(&ref) < 0)
        return false;
    l = literal_of(ref);
    while ((n = literal_next(&l, piece)) != 0) {
        if (n > want - at || memcmp(piece, text + at, n) != 0)
            return false;
        at += n;
    }
    return at == want;
}

/* --- names -------------------------------------------------------------------------------------------------------- */

/* Both names of a GLOBAL or INST: two lines, of which the checker saw that they are there. */
static void
line_names(struct mpm_ref ref, const uint8_t **module, size_t *module_len, const uint8_t **name, size_t *name_len)
{
    size_t len;

    *module = operand_of(ref, &len);
    *name = (const uint8_t *)memchr(*module, '\n', len) + 1;
    *module_len = (size_t)(*name - *module) - 1;
    *name_len = len - *module_len - 1;
}

static bool
is_text(const uint8_t *bytes, size_t len, const char *text)
{
    return len == strlen(text) && memcmp(bytes, text, len) == 0;
}

static int read_names(struct mpm_ref ref, const uint8_t **module, size_t *module_len, const uint8_t **name,
    size_t *name_len);

/* copyreg's helpers make an instance of their first argument: protocols 0 and 1 write most instances so. */
static int
helped_class(struct mpm_ref args, const uint8_t **module, size_t *module_len, const uint8_t **name, size_t *name_len)
{
    struct mpm_parts parts = { 0 };
    struct mpm_ref class;
    int r;

    r = mpm__parts(args, &parts);
    if (r == 0 && parts.items.n == 0)
        r = MPM_ETYPE;
    if (r == 0) {
        class = mpm__part(&parts, 0);
        r = expect(&class, MPM_K_GLOBAL);
    }
    if (r == 0)
        r = read_names(class, module, module_len, name, name_len);
    mpm__parts_wipe(&parts);
    return r;
}

static int
read_names(struct mpm_ref ref, const uint8_t **module, size_t *module_len, const uint8_t **name, size_t *name_len)
{
    struct mpm_items items = { 0 };
    struct mpm_ref first, second;
    uint8_t opcode;
    int r, kind = mpm__kind(&ref);

    if (kind < 0)
        return kind;
    if (kind != MPM_K_GLOBAL && kind != MPM_K_OBJECT)
        return MPM_ETYPE;
    opcode = *at_root(ref);
    if (opcode == MPM_OP_GLOBAL || opcode == MPM_OP_INST) {
        line_names(ref, module, module_len, name, name_len);
        return 0;
    }
    if ((r = mpm__children(ref.doc, ref.item, &items)) != 0)
        goto out;
    r = MPM_ETYPE;
    if (items.n < (opcode == MPM_OP_OBJ ? 1 : 2))
        goto out;
    first = (struct mpm_ref){ ref.doc, items.v[0] };
    if (opcode == MPM_OP_STACK_GLOBAL) {
        second = (struct mpm_ref){ ref.doc, items.v[1] };
        if ((r = mpm__read_text(first, module, module_len)) == 0)
            r = mpm__read_text(second, name, name_len);
        goto out;
    }
    if ((kind = mpm__kind(&first)) != MPM_K_GLOBAL) {
        /* the result of another call: what most of those are, only Python knows */
        if (kind >= 0 && (r = mpm__dill_callable(first, name, name_len)) == 0) {
            *module = (const uint8_t *)"builtins";
            *module_len = strlen("builtins");
        }
        r = kind < 0 ? kind : r;
        goto out;
    }
    if ((r = read_names(first, module, module_len, name, name_len)) != 0)
        goto out;
    if (opcode == MPM_OP_REDUCE &&
        (is_text(*module, *module_len, "copyreg") || is_text(*module, *module_len, "copy_reg")) &&
        (is_text(*name, *name_len, "_reconstructor") || is_text(*name, *name_len, "__newobj__") ||
            is_text(*name, *name_len, "__newobj_ex__"))) {
        second = (struct mpm_ref){ ref.doc, items.v[1] };
        r = helped_class(second, module, module_len, name, name_len);
    }
out:
    mpm__items_wipe(&items);
    return r;
}

int
mpm__read_global(struct mpm_ref ref, const uint8_t **module, size_t *module_len, const uint8_t **name,
    size_t *name_len)
{
    const uint8_t *m, *n;
    size_t m_len, n_len;
    int r = read_names(ref, &m, &m_len, &n, &n_len);

    if (r == 0) {
        *module = m;
        *module_len = m_len;
        *name = n;
        *name_len = n_len;
    }
    return r;
}

/* --- parts -------------------------------------------------------------------------------------------------------- */

int
mpm__parts(struct mpm_ref ref, struct mpm_parts *out)
{
    int kind = mpm__kind(&ref);

    memset(out, 0, sizeof(*out));
    out->doc = ref.doc;
    if (kind < 0)
        return kind;
    if (kind < MPM_K_TUPLE || kind == MPM_K_GLOBAL)
        return MPM_ETYPE;
    return mpm__children(ref.doc, ref.item, &out->items);
}

void
mpm__parts_wipe(struct mpm_parts *p)
{
    mpm__items_wipe(&p->items);
}

/* --- truth -------------------------------------------------------------------------------------------------------- */

/* Calls inside calls (a set made from a frozenset made from a list) are looked through only so far. */
#define CALLS_MAX 4

static int truth(struct mpm_ref ref, int levels);

/* 1 when any argument of a call is true (none of them: 0), or MPM_ENOMEM. */
static int
any_true(struct mpm_ref args, int levels)
{
    struct mpm_parts parts = { 0 };
    int r = mpm__parts(args, &parts);

    for (size_t i = 0; r == 0 && i < parts.items.n; i++)
        r = truth(mpm__part(&parts, i), levels);
    mpm__parts_wipe(&parts);
    return r == MPM_ETYPE ? 1 : r;
}

/* 1 unless the object is one of the built-in types that older protocols write as a call, and empty or zero. */
static int
truth_of_object(struct mpm_ref ref, int levels)
{
    static const char *const by_first[] = { "set", "frozenset", "bytearray", "bytes", "list", "dict", "tuple" };
    const uint8_t *module, *name;
    size_t module_len, name_len;
    struct mpm_parts parts = { 0 }, args = { 0 };
    bool builtin, codecs, first_only;
    int r;

    if (*at_root(ref) != MPM_OP_REDUCE || levels == 0)
        return 1;
    if ((r = mpm__read_global(ref, &module, &module_len, &name, &name_len)) != 0)
        return r == MPM_ENOMEM ? r : 1;
    builtin = is_text(module, module_len, "builtins") || is_text(module, module_len, "__builtin__");
    /* bytes of Python 3 in protocol 2: _codecs.encode(text, 'latin1') */
    codecs = is_text(module, module_len, "_codecs") && is_text(name, name_len, "encode");
    first_only = codecs;
    for (size_t i = 0; builtin && i < sizeof(by_first) / sizeof(by_first[0]); i++)
        first_only = first_only || is_text(name, name_len, by_first[i]);
    if (!first_only && !(builtin && is_text(name, name_len, "complex")))
        return 1;
    if ((r = mpm__parts(ref, &parts)) != 0 || parts.items.n != 2) {
        r = r == 0 || r == MPM_ETYPE ? 1 : r;
    } else if (!first_only) {
        r = any_true(mpm__part(&parts, 1), levels - 1);
    } else if ((r = mpm__parts(mpm__part(&parts, 1), &args)) == 0) {
        r = args.items.n > 0 ? truth(mpm__part(&args, 0), levels - 1) : 0;
    } else if (r == MPM_ETYPE) {
        r = 1;
    }
    mpm__parts_wipe(&args);
    mpm__parts_wipe(&parts);
    return r;
}

static int
truth_of_int(struct mpm_ref ref)
{
    int64_t v;
    int r = mpm__read_int64(ref, &v);

    return r == MPM_ENOMEM ? r : r != 0 || v != 0;
}

static int
truth_of_container(struct mpm_ref ref)
{
    struct mpm_items items = { 0 };
    int r;

    if (*at_root(ref) == MPM_OP_EMPTY_TUPLE)
        return 0;
    r = mpm__children(ref.doc, ref.item, &items);
    if (r == 0)
        r = items.n > 0;
    mpm__items_wipe(&items);
    return r;
}

static int
truth(struct mpm_ref ref, int levels)
{
    const uint8_t *bytes;
    size_t len;
    double d;
    bool b;
    int r, kind = mpm__kind(&ref);

    switch (kind) {
    case MPM_K_NONE:
        return 0;
    case MPM_K_BOOL:
        r = mpm__read_bool(ref, &b);
        return r != 0 ? r : b;
    case MPM_K_INT:
        return truth_of_int(ref);
    case MPM_K_FLOAT:
        r = mpm__read_double(ref, &d);
        return r == MPM_ENOMEM ? r : r != 0 || d != 0;
    case MPM_K_STR:
    case MPM_K_NATIVE:
    case MPM_K_BYTES:
    case MPM_K_BYTEARRAY:
        return counted(ref, &bytes, &len) != 0 || len != 0; /* what needs decoding has a character */
    case MPM_K_TUPLE:
    case MPM_K_LIST:
    case MPM_K_DICT:
    case MPM_K_SET:
    case MPM_K_FROZENSET:
        return truth_of_container(ref);
    case MPM_K_OBJECT:
        return truth_of_object(ref, levels);
    default:
        return kind < 0 ? kind : 1;
    }
}

int
mpm__truth(struct mpm_ref ref)
{
    return truth(ref, CALLS_MAX);
}

/* --- tokens ------------------------------------------------------------------------------------------------------- */

/* Whether a class or function is that one of multiprocessing.managers, or of a package that has a copy of it
 * (billiard, multiprocess). 0 or 1, or MPM_ENOMEM. */
static int
is_of_managers(struct mpm_ref ref, const char *expected)
{
    static const char suffix[] = ".managers";
    const uint8_t *module, *name;
    size_t module_len, name_len, n = sizeof(suffix) - 1;
    int r = mpm__read_global(ref, &module, &module_len, &name, &name_len);

    if (r != 0)
        return r == MPM_ENOMEM ? r : 0;
    return is_text(name, name_len, expected) && module_len > n && memcmp(module + module_len - n, suffix, n) == 0;
}

/* The state of a bare Token: (typeid, address, id). */
static int
read_bare_token(struct mpm_parts *object, struct mpm_token_ref *out)
{
    struct mpm_parts fields = { 0 };
    struct mpm_ref state;
    int r;

    if (object->items.n < 3)
        return MPM_ETYPE;
    state = mpm__part(object, object->items.n - 1);
    if ((r = expect(&state, MPM_K_TUPLE)) != 0)
        return r;
    r = mpm__parts(state, &fields);
    if (r == 0 && fields.items.n != 3)
        r = MPM_ETYPE;
    if (r == 0)
        *out = (struct mpm_token_ref){ mpm__part(&fields, 0), mpm__part(&fields, 1), mpm__part(&fields, 2) };
    mpm__parts_wipe(&fields);
    return r;
}

static int
read_token(struct mpm_ref ref, bool proxy_allowed, struct mpm_token_ref *out)
{
    struct mpm_parts object = { 0 }, args = { 0 };
    int r;

    if ((r = expect(&ref, MPM_K_OBJECT)) != 0)
        return r;
    if ((r = mpm__parts(ref, &object)) != 0)
        goto out;
    if ((r = is_of_managers(ref, "Token")) != 0) {
        r = r < 0 ? r : read_bare_token(&object, out);
        goto out;
    }
    if (!proxy_allowed || object.items.n < 2 || (r = is_of_managers(ref, "RebuildProxy")) == 0) {
        r = MPM_ETYPE;
        goto out;
    }
    if (r < 0 || (r = mpm__parts(mpm__part(&object, 1), &args)) != 0)
        goto out;
    r = args.items.n < 2 ? MPM_ETYPE : read_token(mpm__part(&args, 1), false, out);
out:
    mpm__parts_wipe(&args);
    mpm__parts_wipe(&object);
    return r;
}

int
mpm__read_token(struct mpm_ref ref, struct mpm_token_ref *out)
{
    return read_token(ref, true, out);
}

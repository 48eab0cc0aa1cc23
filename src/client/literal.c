/*
 * literal.c - Python literals as text put into a builder. Layer: client.
 *
 * What ast.literal_eval() takes: None, True, False, ints of any size and base, floats, str and bytes with their
 * escapes, tuples, lists, dicts, sets, signs; and `set()`, `frozenset({...})`. Evaluates nothing else. Source: The
 * Python Language Reference, 2.4.
 */
#include <mpmd/value.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "pickle/check.h"

#define DEPTH_MAX 200 /* levels of brackets; CPython's parser has 200, too */

struct reader {
    const char *text, *at;
    struct mpm_builder *b;
    struct mpm_error *err;
    int depth;
};

static int
wrong(struct reader *r, const char *what)
{
    return mpm__fail(r->err, MPM_EINVAL, (uint64_t)(r->at - r->text), "%.60s: %s at character %zu", r->text, what,
        (size_t)(r->at - r->text) + 1);
}

static void
blanks(struct reader *r)
{
    r->at += strspn(r->at, " \t\r\n");
}

static bool
is_word_char(char c)
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_' || (c & 0x80) != 0;
}

/* Eats the word when it stands here whole. */
static bool
word(struct reader *r, const char *text)
{
    size_t len = strlen(text);

    if (strncmp(r->at, text, len) != 0 || is_word_char(r->at[len]))
        return false;
    r->at += len;
    return true;
}

/* --- numbers ------------------------------------------------------------------------------------------------------ */

static int
digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'z' ? (c | 32) - 'a' + 10 : 99;
}

/* digits in a base, as an int of any size; quadratic, hence the limit, which is CPython's */
static int
put_digits(struct reader *r, const char *digits, size_t n, int base, bool negative)
{
    struct mpm_buf v;
    int carry;

    if (n > 4300 && base == 10)
        return wrong(r, "an int of more than 4300 digits");
    mpm__buf_init(&v, 0);
    mpm__buf_u8(&v, 0);
    for (size_t i = 0; i < n && v.error == 0; i++) {
        if (digits[i] == '_')
            continue;
        carry = digit_of(digits[i]);
        for (size_t k = 0; k < v.len; k++) {
            carry += v.data[k] * base;
            v.data[k] = (uint8_t)carry;
            carry >>= 8;
        }
        if (carry != 0)
            mpm__buf_u8(&v, (uint8_t)carry);
    }
    mpm__buf_u8(&v, 0); /* room for the sign */
    carry = 1;
    for (size_t k = 0; negative && v.error == 0 && k < v.len; k++) {
        carry += (uint8_t)~v.data[k];
        v.data[k] = (uint8_t)carry;
        carry >>= 8;
    }
    if (v.error == 0)
        mpm_put_bigint(r->b, v.data, v.len);
    carry = v.error;
    mpm__buf_wipe(&v);
    return carry;
}

/* Digits with single underscores between them. */
static size_t
digits_at(const char *p, int base)
{
    size_t n = 0;

    while (digit_of(p[n]) < base || (p[n] == '_' && n > 0 && digit_of(p[n + 1]) < base))
        n++;
    return n;
}

static int
put_number(struct reader *r)
{
    bool negative = false, is_float = false;
    const char *start, *p;
    char text[64];
    size_t n, len = 0;
    double v;
    int base = 10, e;

    for (; *r->at == '-' || *r->at == '+'; blanks(r))
        negative ^= *r->at++ == '-';
    if (word(r, "inf") || word(r, "nan")) {
        v = r->at[-1] == 'f' ? strtod("inf", NULL) : strtod("nan", NULL);
        mpm_put_double(r->b, negative ? -v : v);
        return 0;
    }
    start = p = r->at;
    if (p[0] == '0' && strchr("xXoObB", p[1]) != NULL && p[1] != '\0') {
        base = (p[1] | 32) == 'x' ? 16 : (p[1] | 32) == 'o' ? 8 : 2;
        p += 2;
        p += *p == '_';
        n = digits_at(p, base);
        if (n == 0 || is_word_char(p[n]))
            return wrong(r, "not a number");
        r->at = p + n;
        return put_digits(r, p, n, base, negative);
    }
    n = digits_at(p, 10);
    p += n;
    if (*p == '.') {
        is_float = true;
        p += 1 + digits_at(p + 1, 10);
    }
    if (p == start || (is_float && p == start + 1))
        return wrong(r, "a literal was expected");
    if ((*p | 32) == 'e') {
        n = 1 + (p[1] == '+' || p[1] == '-');
        if (digits_at(p + n, 10) == 0)
            return wrong(r, "not a number");
        is_float = true;
        p += n + digits_at(p + n, 10);
    }
    if (is_word_char(*p))
        return wrong(r, "not a number");
    r->at = p;
    if (!is_float && *start == '0' && strspn(start, "0_") < (size_t)(p - start))
        return wrong(r, "an int that begins with 0");
    if (!is_float)
        return put_digits(r, start, (size_t)(p - start), 10, negative);
    for (const char *c = start; c < p; c++) {
        if (len == sizeof text - 1)
            return wrong(r, "a float of more than 63 characters");
        if (*c != '_')
            text[len++] = *c;
    }
    text[len] = '\0';
    errno = 0;
    v = strtod(text, NULL);
    e = 0;
    mpm_put_double(r->b, negative ? -v : v);
    return e;
}

/* --- texts -------------------------------------------------------------------------------------------------------- */

static void
put_character(struct mpm_buf *out, uint32_t c)
{
    if (c < 0x80) {
        mpm__buf_u8(out, (uint8_t)c);
    } else if (c < 0x800) {
        mpm__buf_u8(out, (uint8_t)(0xc0 | c >> 6));
        mpm__buf_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        mpm__buf_u8(out, (uint8_t)(0xe0 | c >> 12));
        mpm__buf_u8(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        mpm__buf_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
    } else {
        mpm__buf_u8(out, (uint8_t)(0xf0 | c >> 18));
        mpm__buf_u8(out, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
        mpm__buf_u8(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        mpm__buf_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
    }
}

/* Behind the backslash. */
static int
read_escape(struct reader *r, bool is_bytes, struct mpm_buf *out)
{
    static const char letters[] = "\\'\"abfnrtv", meant[] = "\\'\"\a\b\f\n\r\t\v";
    const char *known = *r->at != '\0' ? strchr(letters, *r->at) : NULL;
    uint32_t c = 0;
    int n = 0, wanted;

    if (known != NULL) {
        mpm__buf_u8(out, (uint8_t)meant[known - letters]);
        r->at++;
        return 0;
    }
    if (*r->at == '\n') {
        r->at++;
        return 0;
    }
    if (digit_of(*r->at) < 8) {
        while (n < 3 && digit_of(*r->at) < 8) {
            c = c * 8 + (uint32_t)digit_of(*r->at++);
            n++;
        }
    } else {
        wanted = *r->at == 'x' ? 2 : is_bytes ? 0 : *r->at == 'u' ? 4 : *r->at == 'U' ? 8 : 0;
        if (wanted == 0) { /* Python keeps the backslash of an escape that it does not know */
            mpm__buf_u8(out, '\\');
            return 0;
        }
        r->at++;
        for (; n < wanted; n++) {
            if (digit_of(*r->at) >= 16)
                return wrong(r, "a hexadecimal digit was expected");
            c = c * 16 + (uint32_t)digit_of(*r->at++);
        }
    }
    if (is_bytes)
        mpm__buf_u8(out, (uint8_t)c);
    else if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return wrong(r, "no such character");
    else
        put_character(out, c);
    return 0;
}

/* One quoted run, appended. */
static int
read_quoted(struct reader *r, bool is_bytes, bool is_raw, struct mpm_buf *out)
{
    char quote = *r->at;
    size_t n = strncmp(r->at, quote == '"' ? "\"\"\"" : "'''", 3) == 0 ? 3 : 1;
    int e;

    for (r->at += n; !(r->at[0] == quote && (n == 1 || (r->at[1] == quote && r->at[2] == quote)));) {
        if (*r->at == '\0' || (*r->at == '\n' && n == 1))
            return wrong(r, "the closing quote is missing");
        if (is_bytes && (*r->at & 0x80) != 0)
            return wrong(r, "bytes can only contain ASCII literal characters");
        if (*r->at != '\\') {
            mpm__buf_u8(out, (uint8_t)*r->at++);
        } else if (is_raw) {
            mpm__buf_u8(out, (uint8_t)*r->at++);
            if (*r->at == quote || *r->at == '\\')
                mpm__buf_u8(out, (uint8_t)*r->at++);
        } else {
            r->at++;
            if ((e = read_escape(r, is_bytes, out)) != 0)
                return e;
        }
    }
    r->at += n;
    return 0;
}

/* The letters before a quote: 'b', 'r', 'u', "rb"... Returns false when there is no quote behind them. */
static bool
read_prefix(struct reader *r, bool *is_bytes, bool *is_raw)
{
    const char *p = r->at;

    *is_bytes = *is_raw = false;
    for (int i = 0; i < 2 && *p != '\'' && *p != '"'; i++, p++) {
        if ((*p | 32) == 'b' && !*is_bytes)
            *is_bytes = true;
        else if ((*p | 32) == 'r' && !*is_raw)
            *is_raw = true;
        else if ((*p | 32) != 'u' || i != 0 || (p[1] != '\'' && p[1] != '"'))
            return false;
    }
    if (*p != '\'' && *p != '"')
        return false;
    r->at = p;
    return true;
}

/* Quoted runs that follow each other are one text. */
static int
put_quoted(struct reader *r, bool is_bytes, bool is_raw)
{
    struct mpm_buf out;
    bool more_bytes;
    int e;

    mpm__buf_init(&out, 0);
    do {
        e = read_quoted(r, is_bytes, is_raw, &out);
        blanks(r);
    } while (e == 0 && read_prefix(r, &more_bytes, &is_raw) && (more_bytes == is_bytes || (e = wrong(r,
        "cannot mix bytes and nonbytes literals")) == 0));
    if (e == 0 && (e = out.error) == 0) {
        if (is_bytes)
            mpm_put_bytes(r->b, out.data, out.len);
        else
            mpm_put_text(r->b, (const char *)out.data, out.len);
    }
    mpm__buf_wipe(&out);
    return e;
}

/* --- containers --------------------------------------------------------------------------------------------------- */

static int put_value(struct reader *r);

/* Items up to `close`; *n of them, and whether a comma came last. */
static int
put_items(struct reader *r, char close, bool pairs, size_t *n, bool *comma)
{
    int e;

    for (*n = 0, *comma = false;; r->at++) {
        blanks(r);
        if (*r->at == close && (*n == 0 || *comma))
            break;
        if ((e = put_value(r)) != 0)
            return e;
        blanks(r);
        if (pairs) {
            if (*r->at != ':')
                return wrong(r, "a ':' was expected");
            r->at++;
            if ((e = put_value(r)) != 0)
                return e;
            blanks(r);
        }
        ++*n;
        *comma = *r->at == ',';
        if (!*comma)
            break;
    }
    if (*r->at != close)
        return wrong(r, close == ')' ? "a ',' or ')' was expected" : close == ']' ? "a ',' or ']' was expected"
                                                                    : "a ',' or '}' was expected");
    r->at++;
    return 0;
}

/* Which of these characters comes first in what is in brackets here, outside of quotes and further brackets; '\0': none. A
 * ',' tells a tuple from a value in parentheses, a ':' before any ',' a dict from a set. */
static char
first_of(const struct reader *r, const char *wanted)
{
    const char *p = r->at;
    int depth = 0;
    char quote;

    for (; *p != '\0'; p++) {
        if (*p == '\'' || *p == '"') {
            for (quote = *p++; *p != '\0' && *p != quote; p++)
                p += *p == '\\' && p[1] != '\0';
            if (*p == '\0')
                break;
        } else if (strchr("([{", *p) != NULL) {
            depth++;
        } else if (strchr(")]}", *p) != NULL) {
            if (--depth < 0)
                break;
        } else if (depth == 0 && strchr(wanted, *p) != NULL) {
            return *p;
        }
    }
    return '\0';
}

static int
put_container(struct reader *r)
{
    char open = *r->at++;
    size_t n;
    bool comma, pairs;
    int e;

    if (++r->depth > DEPTH_MAX)
        return wrong(r, "brackets are nested too deep");
    blanks(r);
    if (open == '(' && *r->at != ')' && first_of(r, ",") == '\0') { /* a value in parentheses */
        e = put_value(r);
        blanks(r);
        if (e == 0 && *r->at != ')')
            e = wrong(r, "a ')' was expected");
        r->at += e == 0;
    } else {
        pairs = open == '{' && (*r->at == '}' || first_of(r, ":,") == ':');
        mpm_put_begin(r->b, open == '(' ? MPM_K_TUPLE : open == '[' ? MPM_K_LIST : pairs ? MPM_K_DICT : MPM_K_SET);
        e = put_items(r, open == '(' ? ')' : open == '[' ? ']' : '}', pairs, &n, &comma);
        if (e == 0)
            mpm_put_end(r->b);
    }
    r->depth--;
    return e;
}

/* set() and frozenset(...) */
static int
put_set(struct reader *r, enum mpm_kind kind)
{
    size_t n;
    bool comma;
    char close;
    int e = 0;

    blanks(r);
    if (*r->at != '(')
        return wrong(r, "a '(' was expected");
    r->at++;
    blanks(r);
    mpm_put_begin(r->b, kind);
    if (*r->at != ')') {
        if (strchr("{[(", *r->at) == NULL || *r->at == '\0')
            return wrong(r, "a set, list or tuple was expected");
        close = *r->at == '{' ? '}' : *r->at == '[' ? ']' : ')';
        r->at++;
        e = ++r->depth > DEPTH_MAX ? wrong(r, "brackets are nested too deep") : put_items(r, close, false, &n, &comma);
        r->depth--;
        blanks(r);
        if (e == 0 && *r->at != ')')
            e = wrong(r, "a ')' was expected");
    }
    if (e == 0) {
        mpm_put_end(r->b);
        r->at++;
    }
    return e;
}

static int
put_value(struct reader *r)
{
    bool is_bytes, is_raw;

    blanks(r);
    if (*r->at == '\0')
        return wrong(r, "a literal was expected");
    if (strchr("([{", *r->at) != NULL)
        return put_container(r);
    if (read_prefix(r, &is_bytes, &is_raw))
        return put_quoted(r, is_bytes, is_raw);
    if (word(r, "None"))
        return mpm_put_none(r->b), 0;
    if (word(r, "True"))
        return mpm_put_bool(r->b, 1), 0;
    if (word(r, "False"))
        return mpm_put_bool(r->b, 0), 0;
    if (word(r, "set"))
        return put_set(r, MPM_K_SET);
    if (word(r, "frozenset"))
        return put_set(r, MPM_K_FROZENSET);
    return put_number(r);
}

int
mpm_put_literal(struct mpm_builder *builder, const char *text, struct mpm_error *err)
{
    struct reader r = { .text = text, .at = text, .b = builder, .err = err };
    int e = put_value(&r);

    blanks(&r);
    if (e == 0 && *r.at != '\0')
        e = wrong(&r, "something follows the literal");
    return e == MPM_ENOMEM ? mpm__fail(err, e, 0, "no memory for a literal") : e;
}

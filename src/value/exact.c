/*
 * exact.c - numbers of any type in one form, exactly, and their order. Layer: value.
 *
 * Arithmetic on as few long integers as will do: multiply by a word, divide by a power of 5 that fits a word, compare. All
 * of it costs at most a constant times the length of what came from a peer; where exactness would cost more, the limits of
 * exact.h hold. Knows no pickles.
 */
#include "value/exact.h"

#include <math.h>
#include <string.h>

#include <mpmd/error.h>

#include "base/alloc.h"
#include "value/form.h"
#include "value/number.h"

#define FIVE_1 UINT64_C(5)
#define FIVE_3 UINT64_C(125)
#define FIVE_9 UINT64_C(1953125)
#define FIVE_27 UINT64_C(7450580596923828125) /* the largest in 64 bits */
/* Enough for any int of MPM_DECIMAL_DIGITS_MAX digits. */
#define FIVE_27_TIMES 256
#define EXPONENT_MAX INT64_C(2000000000000000000) /* decimal's MIN_ETINY */
#define TEN_19 UINT64_C(10000000000000000000)

/* A magnitude, least significant word first, without zeros on top. */
struct big {
    uint64_t *v;
    size_t n;
};

/* +-(n / d) * 2**twos * 5**fives; n and d little-endian bytes without zeros on top. */
struct number {
    bool negative;
    int64_t twos, fives;
    const uint8_t *n, *d;
    size_t n_len, d_len;
};

static const uint8_t one[1] = { 1 };

static int
spend(uint64_t *work, uint64_t n)
{
    if (n > *work)
        return MPM_ELIMIT;
    *work -= n;
    return 0;
}

/* --- the form ----------------------------------------------------------------------------------------------------- */

void
mpm__exact_int64(int64_t v, struct mpm_buf *out)
{
    uint8_t *at = mpm__buf_add(out, 9);

    if (at == NULL)
        return;
    at[0] = MPM_FORM_INT;
    mpm__form_set_u64(at + 1, (uint64_t)v);
}

/* Whether it is an int of 64 bits, and which. */
static bool
is_int64(const struct number *x, int64_t *out)
{
    uint64_t v = 0, limit = (uint64_t)INT64_MAX + x->negative;

    if (x->n_len > 8 || x->d_len != 1 || x->d[0] != 1 || x->twos < 0 || x->twos > 63 || x->fives < 0 || x->fives > 27)
        return false;
    for (size_t i = x->n_len; i-- > 0;)
        v = v << 8 | x->n[i];
    for (int64_t i = 0; i < x->fives; i++)
        if (__builtin_mul_overflow(v, 5, &v))
            return false;
    if (v > limit >> x->twos)
        return false;
    v <<= x->twos;
    *out = (int64_t)(x->negative ? 0 - v : v);
    return true;
}

static int
put_number(const struct number *x, struct mpm_buf *out)
{
    size_t len = 25 + x->n_len + x->d_len;
    int64_t v;
    uint8_t *at;

    if (is_int64(x, &v)) {
        mpm__exact_int64(v, out);
        return out->error;
    }
    at = mpm__buf_add(out, (len < 0xff ? 2 : 10) + len);
    if (at == NULL)
        return out->error;
    *at++ = MPM_FORM_NUMBER;
    if (len < 0xff) {
        *at++ = (uint8_t)len;
    } else {
        *at++ = 0xff;
        mpm__form_set_u64(at, len);
        at += 8;
    }
    *at++ = x->negative;
    mpm__form_set_u64(at, (uint64_t)x->twos);
    mpm__form_set_u64(at + 8, (uint64_t)x->fives);
    mpm__form_set_u64(at + 16, x->n_len);
    memcpy(at + 24, x->n, x->n_len);
    memcpy(at + 24 + x->n_len, x->d, x->d_len);
    return 0;
}

/* Takes all factors 2 and 5 out of v, which is not 0. */
static uint64_t
reduce_word(uint64_t v, int64_t *twos, int64_t *fives)
{
    int zeros = __builtin_ctzll(v);

    *twos += zeros;
    v >>= zeros;
    while (v % 5 == 0) {
        v /= 5;
        ++*fives;
    }
    return v;
}

static size_t
word_to_bytes(uint64_t v, uint8_t out[8])
{
    size_t len = 8;

    mpm__form_set_u64(out, v);
    while (len > 0 && out[len - 1] == 0)
        len--;
    return len;
}

/* Reads one number back; `small` is where the bytes of a 64-bit one go. False: it is an infinity or a long Decimal. */
static bool
get_number(const uint8_t *p, struct number *x, uint8_t small[8])
{
    size_t len;
    uint64_t v;

    *x = (struct number){ .d = one, .d_len = 1 };
    if (*p == MPM_FORM_INT) {
        v = mpm__form_u64(p + 1);
        x->negative = (int64_t)v < 0;
        v = x->negative ? 0 - v : v;
        x->n = small;
        if (v != 0)
            x->n_len = word_to_bytes(reduce_word(v, &x->twos, &x->fives), small);
        return true;
    }
    if (*p != MPM_FORM_NUMBER)
        return false;
    p = mpm__form_counted(p + 1, &len);
    x->negative = p[0];
    x->twos = (int64_t)mpm__form_u64(p + 1);
    x->fives = (int64_t)mpm__form_u64(p + 9);
    x->n_len = (size_t)mpm__form_u64(p + 17);
    x->n = p + 25;
    x->d = x->n + x->n_len;
    x->d_len = len - 25 - x->n_len;
    return true;
}

/* --- long integers ------------------------------------------------------------------------------------------------ */

static void
trim(struct big *x)
{
    while (x->n > 0 && x->v[x->n - 1] == 0)
        x->n--;
}

/* In place to bytes, which is what follows the words anyway; returns how many. */
static size_t
big_to_bytes(struct big *x)
{
    uint8_t *bytes = (uint8_t *)x->v;
    size_t len = 8 * x->n;
    uint64_t v;

    for (size_t i = 0; i < x->n; i++) {
        v = x->v[i];
        mpm__form_set_u64(bytes + 8 * i, v);
    }
    while (len > 0 && bytes[len - 1] == 0)
        len--;
    return len;
}

static void
shift_right(struct big *x, size_t n_words, unsigned n_bits)
{
    x->n -= n_words;
    for (size_t i = 0; i < x->n; i++) {
        x->v[i] = x->v[i + n_words] >> n_bits;
        if (n_bits != 0 && i + 1 < x->n)
            x->v[i] |= x->v[i + n_words + 1] << (64 - n_bits);
    }
    trim(x);
}

/* x / divisor into out, when that leaves no rest: from the lowest word up, each word of the quotient is what makes the product
 * right in this word. */
static bool
divide_exactly(const struct big *x, uint64_t divisor, uint64_t *out)
{
    uint64_t inverse = divisor, borrow = 0, word, quotient;

    for (int i = 0; i < 5; i++)
        inverse *= 2 - divisor * inverse; /* doubles the bits that are right, from 3 on */
    for (size_t i = 0; i < x->n; i++) {
        word = x->v[i] - borrow;
        borrow = x->v[i] < borrow;
        quotient = word * inverse;
        out[i] = quotient;
        borrow += (uint64_t)((unsigned __int128)quotient * divisor >> 64);
    }
    return borrow == 0;
}

static bool
is_divisible_by_5(const struct big *x)
{
    uint64_t rest = 0;

    for (size_t i = 0; i < x->n; i++)
        rest += x->v[i] % 5; /* 2**64 leaves 1 */
    return rest % 5 == 0;
}

/* Takes the factors 2 and, up to a limit, 5 out of x, which is not 0. */
static int
reduce_big(struct big *x, int64_t *twos, int64_t *fives, uint64_t *work)
{
    static const struct {
        uint64_t divisor;
        int fives, times;
    } steps[] = { { FIVE_27, 27, FIVE_27_TIMES }, { FIVE_9, 9, 2 }, { FIVE_3, 3, 2 }, { FIVE_1, 1, 2 } };
    struct big quotient;
    uint64_t *swap, *memory;
    size_t zeros = 0;
    int bits, r = 0;

    while (x->v[zeros] == 0)
        zeros++;
    bits = __builtin_ctzll(x->v[zeros]);
    *twos += (int64_t)(64 * zeros) + bits;
    if (zeros != 0 || bits != 0)
        shift_right(x, zeros, (unsigned)bits);
    if (x->n == 1) {
        x->v[0] = reduce_word(x->v[0], twos, fives);
        return 0;
    }
    if (!is_divisible_by_5(x))
        return 0;
    if ((memory = mpm__array(x->n, sizeof *memory)) == NULL)
        return MPM_ENOMEM;
    quotient.v = memory;
    for (size_t i = 0; r == 0 && i < sizeof steps / sizeof *steps; i++) {
        for (int times = 0; times < steps[i].times && (r = spend(work, 8 * x->n)) == 0; times++) {
            if (!divide_exactly(x, steps[i].divisor, quotient.v))
                break;
            quotient.n = x->n;
            swap = x->v;
            x->v = quotient.v;
            quotient.v = swap;
            trim(x);
            *fives += steps[i].fives;
        }
    }
    if (x->v == memory) { /* the caller frees what it allocated */
        memcpy(quotient.v, x->v, x->n * sizeof *x->v);
        x->v = quotient.v;
    }
    mpm__free(memory);
    return r;
}

/* x * factor + more; there is room for one word more. */
static void
multiply_add(struct big *x, uint64_t factor, uint64_t more)
{
    unsigned __int128 carry = more;

    for (size_t i = 0; i < x->n; i++) {
        carry += (unsigned __int128)x->v[i] * factor;
        x->v[i] = (uint64_t)carry;
        carry >>= 64;
    }
    if (carry != 0)
        x->v[x->n++] = (uint64_t)carry;
}

/* A run of at most MPM_DECIMAL_DIGITS_MAX digits, which may have one '.' inside; x->v: mpm__free(). */
static int
digits_to_big(const uint8_t *text, size_t len, uint64_t *work, struct big *x)
{
    uint64_t part = 0, scale = 1;
    int r = spend(work, len * (len / 64 + 1));

    x->n = 0;
    if (r != 0)
        return r;
    if ((x->v = mpm__array(len / 19 + 2, sizeof *x->v)) == NULL)
        return MPM_ENOMEM;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '.')
            continue;
        part = 10 * part + (uint64_t)(text[i] - '0');
        scale *= 10;
        if (scale == TEN_19 || i + 1 == len) {
            multiply_add(x, scale, part);
            part = 0;
            scale = 1;
        }
    }
    return 0;
}

/* --- from what Python has ----------------------------------------------------------------------------------------- */

void
mpm__exact_double(double v, struct mpm_buf *out)
{
    struct number x = { .negative = signbit(v), .d = one, .d_len = 1 };
    uint8_t bytes[8];
    int exponent;

    if (fabs(v) < 9.2e18 && v == (double)(int64_t)v) {
        mpm__exact_int64((int64_t)v, out);
        return;
    }
    if (isinf(v)) {
        mpm__buf_put(out, (const uint8_t[]){ MPM_FORM_INFINITY, 1, x.negative ? '-' : '+' }, 3);
        return;
    }
    v = ldexp(frexp(fabs(v), &exponent), 53);
    x.twos = exponent - 53;
    x.n = bytes;
    x.n_len = word_to_bytes(reduce_word((uint64_t)v, &x.twos, &x.fives), bytes);
    (void)put_number(&x, out);
}

int
mpm__exact_bigint(const uint8_t *bytes, size_t len, uint64_t *work, struct mpm_buf *out)
{
    struct number x = { .negative = len > 0 && bytes[len - 1] & 0x80, .d = one, .d_len = 1 };
    size_t n = len / 8 + 1;
    uint8_t fill = x.negative ? 0xff : 0;
    struct big big;
    uint64_t word, carry = x.negative;
    int r = spend(work, len);

    if (r != 0)
        return r;
    if ((big.v = mpm__array(n, sizeof *big.v)) == NULL)
        return MPM_ENOMEM;
    big.n = n;
    for (size_t i = 0; i < n; i++) {
        word = 0;
        for (size_t j = 0; j < 8; j++)
            word |= (uint64_t)(8 * i + j < len ? bytes[8 * i + j] : fill) << (8 * j);
        if (x.negative)
            word = ~word + carry;
        carry = carry && word == 0;
        big.v[i] = word;
    }
    trim(&big);
    if (big.n == 0)
        mpm__exact_int64(0, out);
    else if ((r = reduce_big(&big, &x.twos, &x.fives, work)) == 0) {
        x.n_len = big_to_bytes(&big);
        x.n = (const uint8_t *)big.v;
        r = put_number(&x, out);
    }
    mpm__free(big.v);
    return r != 0 ? r : out->error;
}

static bool
is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool
is_word(const uint8_t *text, size_t len, const char *word)
{
    size_t i;

    for (i = 0; i < len && word[i] != '\0'; i++)
        if ((text[i] | 0x20) != word[i])
            return false;
    return i == len && word[i] == '\0';
}

/* The digits behind E; false when they are more than CPython takes. */
static bool
read_exponent(const uint8_t *text, size_t len, int64_t *out)
{
    bool negative = len > 0 && *text == '-';
    size_t i = len > 0 && (*text == '-' || *text == '+');
    int64_t v = 0;

    if (i == len || len - i > 19)
        return false;
    for (; i < len; i++) {
        if (!is_digit(text[i]) || v > EXPONENT_MAX / 10)
            return false;
        v = 10 * v + (text[i] - '0');
    }
    *out = negative ? -v : v;
    return true;
}

/* A Decimal too long to be converted: equal to others of its kind with the same digits. */
static int
put_long_decimal(bool negative, const uint8_t *digits, size_t len, int64_t exponent, struct mpm_buf *out)
{
    struct mpm_buf payload = { 0 };
    int r;

    mpm__buf_u8(&payload, negative);
    mpm__buf_le(&payload, (uint64_t)exponent, 8);
    for (size_t i = 0; i < len; i++)
        if (digits[i] != '.')
            mpm__buf_u8(&payload, digits[i]);
    if ((r = payload.error) == 0) {
        mpm__buf_u8(out, MPM_FORM_LONG_DECIMAL);
        mpm__form_put_counted(out, payload.data, payload.len);
        r = out->error;
    }
    mpm__buf_wipe(&payload);
    return r;
}

int
mpm__exact_decimal(const uint8_t *text, size_t len, uint64_t *work, struct mpm_buf *out)
{
    struct number x = { .d = one, .d_len = 1 };
    size_t n_digits = 0, n_point = 0, end = 0, first;
    bool has_point = false;
    int64_t exponent = 0;
    struct big big;
    int r;

    if (len > 0 && (*text == '-' || *text == '+')) {
        x.negative = *text == '-';
        text++;
        len--;
    }
    if (is_word(text, len, "infinity") || is_word(text, len, "inf")) {
        mpm__exact_double(x.negative ? -INFINITY : INFINITY, out);
        return out->error;
    }
    if (len >= 3 && (is_word(text, 3, "nan") || (len >= 4 && is_word(text, 4, "snan"))))
        return 1;
    for (end = 0; end < len && (is_digit(text[end]) || (text[end] == '.' && !has_point)); end++) {
        has_point = has_point || text[end] == '.';
        n_digits += text[end] != '.';
        n_point += has_point && text[end] != '.';
    }
    if (n_digits == 0 || (end < len && ((text[end] | 0x20) != 'e' ||
            !read_exponent(text + end + 1, len - end - 1, &exponent))))
        return MPM_ETYPE;
    exponent -= (int64_t)n_point;
    /* zeros at the end count as exponent, those in front as nothing */
    while (end > 0 && (text[end - 1] == '0' || text[end - 1] == '.'))
        exponent += text[--end] != '.';
    for (first = 0; first < end && (text[first] == '0' || text[first] == '.'); first++)
        ;
    /* a point that was cut off with the zeros behind it: what was counted for it stays right */
    if (first == end) {
        mpm__exact_int64(0, out);
        return out->error;
    }
    if (end - first > MPM_DECIMAL_DIGITS_MAX)
        return put_long_decimal(x.negative, text + first, end - first, exponent, out);
    big.v = NULL;
    r = digits_to_big(text + first, end - first, work, &big);
    x.twos = x.fives = exponent;
    if (r == 0)
        r = reduce_big(&big, &x.twos, &x.fives, work);
    if (r == 0) {
        x.n_len = big_to_bytes(&big);
        x.n = (const uint8_t *)big.v;
        r = put_number(&x, out);
    }
    mpm__free(big.v);
    return r;
}

/* --- fractions ---------------------------------------------------------------------------------------------------- */

static uint64_t
bytes_to_word(const uint8_t *bytes, size_t len)
{
    uint64_t v = 0;

    while (len-- > 0)
        v = v << 8 | bytes[len];
    return v;
}

static int
put_quotient(struct number *x, const struct number *divisor, struct mpm_buf *out)
{
    uint8_t n[8], d[8];
    uint64_t a, b, rest, v, w;

    if (divisor->n_len == 0 || x->d_len != 1 || x->d[0] != 1 || divisor->d_len != 1 || divisor->d[0] != 1)
        return MPM_ETYPE;
    if (x->n_len == 0) {
        mpm__exact_int64(0, out);
        return out->error;
    }
    x->negative ^= divisor->negative;
    x->twos -= divisor->twos;
    x->fives -= divisor->fives;
    x->d = divisor->n;
    x->d_len = divisor->n_len;
    if (x->n_len <= 8 && x->d_len <= 8) { /* Python's are reduced; others are, as far as that is simple */
        for (a = v = bytes_to_word(x->n, x->n_len), b = w = bytes_to_word(x->d, x->d_len); b != 0; b = rest) {
            rest = a % b;
            a = b;
        }
        x->n_len = word_to_bytes(v / a, n);
        x->d_len = word_to_bytes(w / a, d);
        x->n = n;
        x->d = d;
    }
    return put_number(x, out);
}

int
mpm__exact_quotient(const uint8_t *numerator, const uint8_t *denominator, struct mpm_buf *out)
{
    uint8_t small[2][8];
    struct number x, y;

    if (!get_number(numerator, &x, small[0]) || !get_number(denominator, &y, small[1]))
        return MPM_ETYPE;
    return put_quotient(&x, &y, out);
}

int
mpm__exact_fraction(const uint8_t *text, size_t len, uint64_t *work, struct mpm_buf *out)
{
    const uint8_t *slash = memchr(text, '/', len);
    size_t n = slash != NULL ? (size_t)(slash - text) : len;
    struct mpm_buf parts = { 0 };
    size_t second;
    int r;

    if (memchr(text, '.', len) != NULL || memchr(text, 'E', len) != NULL || memchr(text, 'e', len) != NULL)
        return MPM_ETYPE;
    if (slash == NULL) {
        r = mpm__exact_decimal(text, len, work, out);
        return r == 1 ? MPM_ETYPE : r;
    }
    r = mpm__exact_decimal(text, n, work, &parts);
    second = parts.len;
    if (r == 0)
        r = mpm__exact_decimal(slash + 1, len - n - 1, work, &parts);
    if (r == 0)
        r = mpm__exact_quotient(parts.data, parts.data + second, out);
    mpm__buf_wipe(&parts);
    return r == 1 ? MPM_ETYPE : r;
}

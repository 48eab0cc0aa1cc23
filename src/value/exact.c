/*
 * exact.c - numbers of any type in one form, exactly, and their order. Layer: value.
 *
 * Arithmetic on as few long integers as will do: multiply by a word, divide by a power of 5 that fits a word, compare.
 * All of it costs at most a constant times the length of what came from a peer; where exactness would cost more, the
 * limits of exact.h hold. Knows no pickles.
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

/* x / divisor into out, when that leaves no rest: from the lowest word up, each word of the quotient is what makes the
 * product right in this word. */
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

/* --- order -------------------------------------------------------------------------------------------------------- */

/* What multiplying out may cost, in words. */
#define PRODUCT_MAX (UINT64_C(16) << 20)
#define FIVES_MAX 100000

/* log2 of a magnitude that is not 0, good to about 50 bits. */
static double
log2_of(const uint8_t *bytes, size_t len)
{
    size_t n = len < 8 ? len : 8;

    return log2((double)bytes_to_word(bytes + len - n, n)) + 8.0 * (double)(len - n);
}

/* Its number as a double, when it is one exactly. */
static bool
is_double(const struct number *x, double *out)
{
    uint64_t v;

    if (x->n_len > 8 || x->d_len != 1 || x->d[0] != 1 || x->fives < 0 || x->fives > 22 || x->twos < -1000 || x->twos > 900)
        return false;
    v = bytes_to_word(x->n, x->n_len);
    for (int64_t i = 0; i < x->fives; i++)
        if (__builtin_mul_overflow(v, 5, &v))
            return false;
    if (v > UINT64_C(1) << 53)
        return false;
    *out = ldexp(x->negative ? -(double)v : (double)v, (int)x->twos);
    return true;
}

/* n * d * 2**twos * 5**fives; out->v: mpm__free(). */
static int
multiply_out(const uint8_t *n, size_t n_len, const uint8_t *d, size_t d_len, uint64_t twos, uint64_t fives, struct big *out)
{
    size_t words = n_len / 8 + d_len / 8 + (size_t)(twos / 64) + (size_t)(fives / 27) + 4, n_words = (n_len + 7) / 8;
    size_t d_words = (d_len + 7) / 8, shift = (size_t)(twos / 64);
    unsigned bits = (unsigned)(twos % 64);
    unsigned __int128 carry;
    uint64_t factor;

    if ((uint64_t)n_words * d_words > PRODUCT_MAX || (uint64_t)words * (fives / 27 + 1) > PRODUCT_MAX)
        return MPM_ELIMIT;
    if ((out->v = mpm__array(words, sizeof *out->v)) == NULL)
        return MPM_ENOMEM;
    for (size_t j = 0; j < d_words; j++) {
        factor = bytes_to_word(d + 8 * j, d_len - 8 * j < 8 ? d_len - 8 * j : 8);
        carry = 0;
        for (size_t i = 0; i < n_words; i++) {
            carry += (unsigned __int128)bytes_to_word(n + 8 * i, n_len - 8 * i < 8 ? n_len - 8 * i : 8) * factor + out->v[i + j];
            out->v[i + j] = (uint64_t)carry;
            carry >>= 64;
        }
        out->v[n_words + j] = (uint64_t)carry;
    }
    out->n = n_words + d_words;
    trim(out);
    for (; fives >= 27; fives -= 27)
        multiply_add(out, FIVE_27, 0);
    for (; fives > 0; fives--)
        multiply_add(out, 5, 0);
    for (size_t i = out->n + 1; i-- > 0;) {
        uint64_t high = i < out->n ? out->v[i] << bits : 0;

        out->v[i + shift] = high | (bits != 0 && i > 0 ? out->v[i - 1] >> (64 - bits) : 0);
    }
    memset(out->v, 0, shift * sizeof *out->v);
    out->n += shift + 1;
    trim(out);
    return 0;
}

/* The order of two magnitudes that are not 0. */
static int
compare_magnitudes(const struct number *x, const struct number *y, int *order)
{
    static const double log2_5 = 2.321928094887362348;
    int64_t twos = x->twos - y->twos, fives = x->fives - y->fives;
    double by = (double)twos, error;
    struct big a = { NULL, 0 }, b = { NULL, 0 };
    int r;

    by += log2_5 * (double)fives + log2_of(x->n, x->n_len) - log2_of(x->d, x->d_len) - log2_of(y->n, y->n_len) +
        log2_of(y->d, y->d_len);
    error = 1e-14 * (fabs((double)twos) + 3 * fabs((double)fives) +
        8.0 * (double)(x->n_len + x->d_len + y->n_len + y->d_len) + 1);
    if (fabs(by) > error) {
        *order = by < 0 ? -1 : 1;
        return 0;
    }
    if (fives > FIVES_MAX || fives < -FIVES_MAX)
        return MPM_ELIMIT;
    r = multiply_out(x->n, x->n_len, y->d, y->d_len, twos > 0 ? (uint64_t)twos : 0, fives > 0 ? (uint64_t)fives : 0, &a);
    if (r == 0)
        r = multiply_out(y->n, y->n_len, x->d, x->d_len, twos < 0 ? (uint64_t)-twos : 0, fives < 0 ? (uint64_t)-fives : 0, &b);
    if (r == 0) {
        *order = a.n != b.n ? a.n < b.n ? -1 : 1 : 0;
        for (size_t i = a.n; *order == 0 && i-- > 0;)
            *order = a.v[i] < b.v[i] ? -1 : a.v[i] > b.v[i];
    }
    mpm__free(a.v);
    mpm__free(b.v);
    return r;
}

/* Of a long Decimal, its sign, and the digits in front of the point; with *digits their run and its length. */
static int64_t
long_decimal(const uint8_t *p, bool *negative, const uint8_t **digits, size_t *len)
{
    p = mpm__form_counted(p + 1, len);
    *negative = p[0];
    *digits = p + 9;
    *len -= 9;
    return (int64_t)mpm__form_u64(p + 1) + (int64_t)*len;
}

/* One of them at least is a long Decimal, the other may be a finite number. */
static int
compare_long(const uint8_t *a, const uint8_t *b, int *order)
{
    const uint8_t *a_digits, *b_digits;
    size_t a_len, b_len;
    bool a_negative, b_negative;
    int64_t a_size, b_size;
    uint8_t small[8];
    struct number y;
    double by;

    if (*a != MPM_FORM_LONG_DECIMAL) {
        int r = compare_long(b, a, order);

        *order = -*order;
        return r;
    }
    a_size = long_decimal(a, &a_negative, &a_digits, &a_len);
    if (*b == MPM_FORM_LONG_DECIMAL) {
        b_size = long_decimal(b, &b_negative, &b_digits, &b_len);
        if (a_negative != b_negative) {
            *order = a_negative ? -1 : 1;
            return 0;
        }
        *order = a_size < b_size ? -1 : a_size > b_size;
        if (*order == 0)
            *order = memcmp(a_digits, b_digits, a_len < b_len ? a_len : b_len);
        if (*order == 0)
            *order = a_len < b_len ? -1 : a_len > b_len; /* neither ends in a zero */
    } else {
        (void)get_number(b, &y, small);
        if (y.n_len == 0 || y.negative != a_negative) {
            *order = a_negative ? -1 : 1;
            return 0;
        }
        /* by their size in bits; nothing closer */
        by = 3.321928094887362348 * (double)a_size - (log2_of(y.n, y.n_len) - log2_of(y.d, y.d_len) + (double)y.twos +
            2.321928094887362348 * (double)y.fives);
        *order = by < 0 ? -1 : 1;
    }
    *order = *order < 0 ? -1 : *order > 0;
    *order = a_negative ? -*order : *order;
    return 0;
}

int
mpm__exact_compare(const uint8_t *a, const uint8_t *b, int *order)
{
    uint8_t small[2][8];
    struct number x, y;
    int64_t i, j;
    double c, d;
    int r;

    if (*a == MPM_FORM_INT && *b == MPM_FORM_INT) {
        i = (int64_t)mpm__form_u64(a + 1);
        j = (int64_t)mpm__form_u64(b + 1);
        *order = i < j ? -1 : i > j;
        return 0;
    }
    if (*a == MPM_FORM_INFINITY || *b == MPM_FORM_INFINITY) {
        i = *a != MPM_FORM_INFINITY ? 0 : a[2] == '-' ? -1 : 1;
        j = *b != MPM_FORM_INFINITY ? 0 : b[2] == '-' ? -1 : 1;
        *order = i < j ? -1 : i > j;
        return 0;
    }
    if (*a == MPM_FORM_LONG_DECIMAL || *b == MPM_FORM_LONG_DECIMAL)
        return compare_long(a, b, order);
    (void)get_number(a, &x, small[0]);
    (void)get_number(b, &y, small[1]);
    if (is_double(&x, &c) && is_double(&y, &d)) {
        *order = c < d ? -1 : c > d;
        return 0;
    }
    if (x.n_len == 0 || y.n_len == 0 || x.negative != y.negative) {
        i = x.n_len == 0 ? 0 : x.negative ? -1 : 1;
        j = y.n_len == 0 ? 0 : y.negative ? -1 : 1;
        *order = i < j ? -1 : i > j;
        return 0;
    }
    if ((r = compare_magnitudes(&x, &y, order)) != 0)
        return r;
    if (x.negative)
        *order = -*order;
    return 0;
}

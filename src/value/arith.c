/*
 * arith.c - adds and subtracts numbers as Python does: ints without limit, floats, ints with floats. Layer: value.
 *
 * Counters are nearly always small ints, so those are read and written without looking at more than their opcode. Does
 * not multiply and knows no complex, Decimal or Fraction.
 */
#include "value/arith.h"

#include <string.h>

#include "pickle/opcodes.h"
#include "value/build.h"

void
mpm__number_wipe(struct mpm_number *n)
{
    if (n->big.data != NULL)
        mpm__buf_wipe(&n->big);
    *n = (struct mpm_number){ 0 };
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

int
mpm__number_of_ref(struct mpm_ref ref, struct mpm_number *out)
{
    int r = mpm__read_int64(ref, &out->i);

    out->kind = MPM_N_INT;
    if (r == MPM_ERANGE) {
        out->kind = MPM_N_BIG;
        mpm__buf_clear(&out->big);
        r = mpm__read_bigint(ref, &out->big);
        return r == MPM_ERANGE ? MPM_ETYPE : r; /* more digits than Python would load */
    }
    if (r == MPM_ETYPE && mpm__kind(&ref) == MPM_K_FLOAT) {
        out->kind = MPM_N_FLOAT;
        r = mpm__read_double(ref, &out->d);
    }
    return r;
}

/* An int that needs no more than a look at its opcode. */
static bool
read_small(const uint8_t *bytes, size_t len, int64_t *out)
{
    uint64_t v;

    if (mpm__lone_int(bytes, len, out))
        return true;
    if (bytes[0] != MPM_OP_LONG1 || bytes[1] == 0 || bytes[1] > 8 || len != 2u + bytes[1])
        return false;
    v = mpm__le(bytes + 2, bytes[1]);
    if (bytes[1] < 8 && bytes[len - 1] & 0x80)
        v |= ~UINT64_C(0) << (8 * bytes[1]);
    *out = (int64_t)v;
    return true;
}

static int
number_of_opened(const struct mpm_value *v, struct mpm_number *out)
{
    struct mpm_open open = { 0 };
    struct mpm_ref ref;
    int r = mpm__open(&open, v, &ref);

    if (r == 0)
        r = mpm__number_of_ref(ref, out);
    mpm__close(&open);
    return r;
}

int
mpm__number_of_value(const struct mpm_value *v, struct mpm_number *out)
{
    size_t len;
    const uint8_t *bytes = mpm__value_plain(v, 5, &len);

    out->kind = MPM_N_INT;
    return bytes != NULL && read_small(bytes, len, &out->i) ? 0 : number_of_opened(v, out);
}

/* --- ints of any size --------------------------------------------------------------------------------------------- */

/* The bytes of an int; `small` has room for 8. */
static const uint8_t *
bytes_of(const struct mpm_number *n, uint8_t small[8], size_t *len)
{
    if (n->kind == MPM_N_BIG) {
        *len = n->big.len;
        return n->big.data;
    }
    for (int i = 0; i < 8; i++)
        small[i] = (uint8_t)((uint64_t)n->i >> (8 * i));
    *len = 8;
    return small;
}

/* Bytes at the top that only repeat the sign go; what fits into 64 bits becomes an INT. */
static void
normalise(struct mpm_number *n)
{
    const uint8_t *b = n->big.data;
    size_t len = n->big.len;
    uint8_t sign = b[len - 1] & 0x80 ? 0xff : 0;

    while (len > 8 && b[len - 1] == sign && (b[len - 2] & 0x80) == (sign & 0x80))
        len--;
    mpm__buf_cut(&n->big, len);
    n->kind = MPM_N_BIG;
    if (len == 8) {
        n->i = (int64_t)mpm__le(b, 8);
        n->kind = MPM_N_INT;
    }
}

/* a - b is a + ~b + 1. One byte more than the longer has is enough for the sum and its sign. */
static int
add_big(struct mpm_number *a, const struct mpm_number *b, bool subtract)
{
    uint8_t a_small[8], b_small[8], flip = subtract ? 0xff : 0, a_sign, b_sign, *out;
    size_t a_len, b_len, len;
    const uint8_t *a_bytes = bytes_of(a, a_small, &a_len), *b_bytes = bytes_of(b, b_small, &b_len);
    unsigned carry = subtract;
    struct mpm_buf sum;

    len = (a_len > b_len ? a_len : b_len) + 1;
    mpm__buf_init(&sum, 0);
    if ((out = mpm__buf_add(&sum, len)) == NULL)
        return sum.error;
    a_sign = a_bytes[a_len - 1] & 0x80 ? 0xff : 0;
    b_sign = b_bytes[b_len - 1] & 0x80 ? 0xff : 0;
    for (size_t i = 0; i < len; i++) {
        carry += (i < a_len ? a_bytes[i] : a_sign) + (unsigned)(uint8_t)((i < b_len ? b_bytes[i] : b_sign) ^ flip);
        out[i] = (uint8_t)carry;
        carry >>= 8;
    }
    mpm__buf_wipe(&a->big);
    a->big = sum;
    normalise(a);
    return 0;
}

/* --- both kinds --------------------------------------------------------------------------------------------------- */

static int
to_double(const struct mpm_number *n, double *out)
{
    if (n->kind == MPM_N_BIG)
        return mpm__bigint_double(n->big.data, n->big.len, out);
    *out = n->kind == MPM_N_FLOAT ? n->d : (double)n->i;
    return 0;
}

int
mpm__number_add(struct mpm_number *a, const struct mpm_number *b, bool subtract)
{
    double left, right;
    int64_t sum;
    int r;

    if (a->kind == MPM_N_FLOAT || b->kind == MPM_N_FLOAT) {
        r = to_double(a, &left);
        if (r == 0)
            r = to_double(b, &right);
        if (r == 0) {
            a->kind = MPM_N_FLOAT;
            a->d = subtract ? left - right : left + right;
        }
        return r;
    }
    if (a->kind == MPM_N_INT && b->kind == MPM_N_INT &&
        !(subtract ? __builtin_sub_overflow(a->i, b->i, &sum) : __builtin_add_overflow(a->i, b->i, &sum))) {
        a->i = sum;
        return 0;
    }
    return add_big(a, b, subtract);
}

int
mpm__number_keep(const struct mpm_number *n, uint8_t protocol, struct mpm_value *out)
{
    const struct mpm_form form = { .protocol = 2 };
    uint8_t small[32];
    struct mpm_buf bytes = { .data = small, .cap = sizeof small, .max = sizeof small }; /* never grows: that is enough */
    struct mpm_writer w = { .out = &bytes, .protocol = protocol };
    int r;

    if (n->kind == MPM_N_BIG) {
        mpm__buf_init(&bytes, 0);
        mpm_write_bigint(&w, n->big.data, n->big.len);
    } else if (n->kind == MPM_N_FLOAT) {
        mpm_write_float(&w, n->d);
    } else {
        mpm_write_int(&w, n->i);
    }
    r = bytes.error != 0 ? bytes.error : w.error;
    if (r == 0)
        r = mpm_keep_bytes(bytes.data, bytes.len, &form, out);
    if (n->kind == MPM_N_BIG)
        mpm__buf_wipe(&bytes);
    return r;
}

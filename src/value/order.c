/*
 * order.c - Python's `<` between values. Layer: value.
 *
 * Compares canonical forms (form.h), in which == is equality of bytes: of two sequences the first items that differ
 * decide, as in Python, and nothing recurses. Forms no longer know an int from a float; the names for a TypeError are
 * looked up in the values themselves, on the same way down. Sorting is sort.c's.
 */
#include "value/order.h"

#include <stdio.h>
#include <string.h>

#include "pickle/names.h"
#include "value/canon.h"
#include "value/form.h"
#include "value/typename.h"

/* So deep the names of types are looked for; further down those of the containers do. */
#define NAMES_DEPTH_MAX 64

static bool
is_number(uint8_t letter)
{
    return letter == MPM_FORM_INT || letter == MPM_FORM_NUMBER || letter == MPM_FORM_INFINITY ||
        letter == MPM_FORM_LONG_DECIMAL;
}

static bool
is_sequence(uint8_t letter)
{
    return letter == MPM_FORM_LIST || letter == MPM_FORM_TUPLE || letter == MPM_FORM_DEQUE;
}

static bool
same(const uint8_t *a, const uint8_t *b)
{
    size_t len = (size_t)(mpm__form_skip(a) - a);

    return len == (size_t)(mpm__form_skip(b) - b) && memcmp(a, b, len) == 0;
}

/* Two sequences: moves on to the first items that differ and counts those before them; false: there are none, the
 * lengths decide. */
static bool
first_difference(const uint8_t **a, const uint8_t **b, uint32_t *n_before)
{
    uint32_t a_n = mpm__form_count(*a), b_n = mpm__form_count(*b), n = a_n < b_n ? a_n : b_n;
    const uint8_t *x = *a + MPM_FORM_HEAD, *y = *b + MPM_FORM_HEAD;

    for (uint32_t i = 0; i < n; i++) {
        if (!same(x, y)) {
            *a = x;
            *b = y;
            *n_before = i;
            return true;
        }
        x = mpm__form_skip(x);
        y = mpm__form_skip(y);
    }
    return false;
}

static int
less_number(const uint8_t *a, const uint8_t *b)
{
    int order, r;

    if ((*a == MPM_FORM_INFINITY && a[2] == MPM_FORM_NAN) || (*b == MPM_FORM_INFINITY && b[2] == MPM_FORM_NAN))
        return 0;
    r = mpm__exact_compare(a, b, &order);
    return r != 0 ? r : order < 0;
}

static int
less_bytes(const uint8_t *a, const uint8_t *b)
{
    size_t a_len, b_len;
    int order;

    a = mpm__form_counted(a + 1, &a_len);
    b = mpm__form_counted(b + 1, &b_len);
    order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return order != 0 ? order < 0 : a_len < b_len;
}

/* Signed integers of 8 bytes. */
static int
less_int64s(const uint8_t *a, const uint8_t *b)
{
    size_t len;
    int64_t x, y;

    a = mpm__form_counted(a + 1, &len);
    b = mpm__form_counted(b + 1, &len);
    for (size_t i = 0; i < len; i += 8) {
        x = (int64_t)mpm__form_u64(a + i);
        y = (int64_t)mpm__form_u64(b + i);
        if (x != y)
            return x < y;
    }
    return 0;
}

/* A proper subset; both are in the same order. */
static int
less_set(const uint8_t *a, const uint8_t *b)
{
    uint32_t a_n = mpm__form_count(a), b_n = mpm__form_count(b), j = 0;
    const uint8_t *x = a + MPM_FORM_HEAD, *y = b + MPM_FORM_HEAD;

    if (a_n >= b_n)
        return 0;
    for (uint32_t i = 0; i < a_n; i++, x = mpm__form_skip(x)) {
        while (j < b_n && !same(x, y)) {
            y = mpm__form_skip(y);
            j++;
        }
        if (j == b_n)
            return 0;
        y = mpm__form_skip(y);
        j++;
    }
    return 1;
}

/* The int of a UUID: UUID() with the state {'int': n}; NULL: it is none. */
static const uint8_t *
number_of_uuid(const uint8_t *p)
{
    const uint8_t *state, *key, *text;
    size_t len;

    if (*p != MPM_FORM_OBJECT || !mpm__form_is_class(p + MPM_FORM_OBJECT_HEAD, "uuid", "UUID") ||
        mpm__form_u32(p + MPM_FORM_HEAD + 1) != 0 || mpm__form_u32(p + MPM_FORM_HEAD + 5) != 0 ||
        mpm__form_u32(p + MPM_FORM_HEAD + 9) != 1)
        return NULL;
    state = mpm__form_skip(mpm__form_skip(p + MPM_FORM_OBJECT_HEAD));
    if (*state != MPM_FORM_DICT)
        return NULL;
    key = state + MPM_FORM_HEAD;
    for (uint32_t i = 0; i < mpm__form_count(state); i++, key = mpm__form_skip(mpm__form_skip(key))) {
        if (*key != MPM_FORM_TEXT)
            continue;
        text = mpm__form_counted(key + 1, &len);
        if (len == 3 && memcmp(text, "int", 3) == 0)
            return is_number(*mpm__form_skip(key)) ? mpm__form_skip(key) : NULL;
    }
    return NULL;
}

int
mpm__less_form(const uint8_t *a, const uint8_t *b)
{
    const uint8_t *x, *y;
    uint32_t n;

    while (*a == *b && is_sequence(*a))
        if (!first_difference(&a, &b, &n))
            return mpm__form_count(a) < mpm__form_count(b);
    if (is_number(*a) && is_number(*b))
        return less_number(a, b);
    if (*a != *b)
        return MPM_ETYPE;
    switch (*a) {
    case MPM_FORM_TEXT:
    case MPM_FORM_BYTES:
    case MPM_FORM_DATETIME:
    case MPM_FORM_TIME:
    case MPM_FORM_DATE:
        return less_bytes(a, b);
    case MPM_FORM_INSTANT:
    case MPM_FORM_AWARE_TIME:
    case MPM_FORM_DELTA:
        return less_int64s(a, b);
    case MPM_FORM_SET:
        return less_set(a, b);
    case MPM_FORM_OBJECT:
        x = number_of_uuid(a);
        y = number_of_uuid(b);
        return x != NULL && y != NULL ? less_number(x, y) : MPM_ETYPE;
    default:
        return MPM_ETYPE;
    }
}

/* --- which types they are ----------------------------------------------------------------------------------------- */

/* The i-th item of a list or tuple; false: it is written in another way. */
static bool
item_of(struct mpm_ref *ref, uint32_t i)
{
    struct mpm_parts parts = { 0 };
    int kind = mpm__kind(ref);
    bool ok = (kind == MPM_K_LIST || kind == MPM_K_TUPLE) && mpm__parts(*ref, &parts) == 0 && i < parts.items.n;

    if (ok)
        *ref = mpm__part(&parts, i);
    mpm__parts_wipe(&parts);
    return ok;
}

/* Follows the forms down to what decides. */
static void
deciding_items(struct mpm_ref *left, struct mpm_ref *right, const uint8_t **a, const uint8_t **b)
{
    struct mpm_ref l = *left, r = *right;
    uint32_t n;

    for (int depth = 0; depth < NAMES_DEPTH_MAX && **a == **b && is_sequence(**a); depth++) {
        if (!first_difference(a, b, &n) || !item_of(&l, n) || !item_of(&r, n))
            return;
        *left = l;
        *right = r;
    }
}

static bool
is_complex(struct mpm_ref ref)
{
    char buf[64];

    return strcmp(mpm__type_name(ref, buf), "complex") == 0;
}

/* Writes the name of its type to out. True: a class that is not known, so that Python might have called its __lt__. */
static bool
name_type(struct mpm_ref ref, char out[64])
{
    char buf[64];
    const char *name = mpm__type_name(ref, buf);
    const uint8_t *module, *own;
    size_t module_len, own_len;

    snprintf(out, 64, "%s", name);
    if (name != buf || mpm__kind(&ref) != MPM_K_OBJECT ||
        mpm__read_global(ref, &module, &module_len, &own, &own_len) != 0)
        return false;
    (void)mpm__name_to(3, &module, &module_len, &own, &own_len);
    return !(module_len == 8 && memcmp(module, "builtins", 8) == 0);
}

static void
explain(struct mpm_ref left, struct mpm_ref right, const uint8_t *a, const uint8_t *b, struct mpm_unordered *why)
{
    bool left_is, right_is;

    if (why == NULL)
        return;
    left_is = name_type(left, why->left);
    right_is = name_type(right, why->right);
    why->by_class = left_is || right_is;
    why->instead = NULL;
    if ((*a == MPM_FORM_DATETIME && *b == MPM_FORM_INSTANT) || (*a == MPM_FORM_INSTANT && *b == MPM_FORM_DATETIME))
        why->instead = "can't compare offset-naive and offset-aware datetimes";
    if ((*a == MPM_FORM_TIME && *b == MPM_FORM_AWARE_TIME) || (*a == MPM_FORM_AWARE_TIME && *b == MPM_FORM_TIME))
        why->instead = "can't compare offset-naive and offset-aware times";
}

static int
less_of(struct mpm_ref left, struct mpm_ref right, const struct mpm_canon *l, const struct mpm_canon *r,
    struct mpm_unordered *why)
{
    const uint8_t *a = l->bytes.data, *b = r->bytes.data;
    int less = mpm__less_form(a, b);

    if (less != MPM_ETYPE && !(less >= 0 && (l->was_complex || r->was_complex)))
        return less;
    deciding_items(&left, &right, &a, &b);
    if (less >= 0 && !(is_number(*a) && is_number(*b) && (is_complex(left) || is_complex(right))))
        return less;
    explain(left, right, a, b, why);
    return MPM_ETYPE;
}

/* Two forms to be compared, in a series of such. */
struct forms {
    struct mpm_canon left, right;
    uint64_t spent; /* before */
};

static struct forms
begin(const struct mpm_unordered *why)
{
    uint64_t spent = why != NULL ? why->spent : 0;

    return (struct forms){ .left = { .salt = 1, .spent = spent }, .right = { .salt = 2, .spent = spent }, .spent = spent };
}

/* r: of making and comparing them. */
static int
end(struct forms *f, int r, struct mpm_unordered *why)
{
    if (why != NULL)
        why->spent = f->left.spent > f->right.spent ? f->left.spent : f->right.spent;
    mpm__canon_wipe(&f->left);
    mpm__canon_wipe(&f->right);
    return r == MPM_ELIMIT && f->spent != 0 ? MPM_ETOOBIG : r;
}

int
mpm__less(struct mpm_ref left, struct mpm_ref right, struct mpm_unordered *why)
{
    struct forms f = begin(why);
    int r;

    if ((r = mpm__canon(left, &f.left)) == 0 && (r = mpm__canon(right, &f.right)) == 0)
        r = less_of(left, right, &f.left, &f.right, why);
    return end(&f, r, why);
}

int
mpm__less_value(const struct mpm_value *left, const struct mpm_value *right, struct mpm_unordered *why)
{
    struct mpm_open open[2] = { 0 };
    struct mpm_ref a, b;
    struct forms f;
    int64_t i, j;
    bool is_complex;
    int r;

    if (mpm__value_is_short_int(left, &i) && mpm__value_is_short_int(right, &j))
        return i < j;
    f = begin(why);
    if ((r = mpm__canon_value(left, &f.left)) == 0 && (r = mpm__canon_value(right, &f.right)) == 0)
        r = mpm__less_form(f.left.bytes.data, f.right.bytes.data);
    is_complex = f.left.was_complex || f.right.was_complex;
    r = end(&f, r, why);
    if (r != MPM_ETYPE && !(r >= 0 && is_complex))
        return r;
    /* once more, to look at what the form does not tell */
    if ((r = mpm__open(&open[0], left, &a)) == 0 && (r = mpm__open(&open[1], right, &b)) == 0)
        r = mpm__less(a, b, why);
    mpm__close(&open[0]);
    mpm__close(&open[1]);
    return r;
}

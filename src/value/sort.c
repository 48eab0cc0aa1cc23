/*
 * sort.c - list.sort(): an adaptive merge sort that compares what CPython compares. Layer: value.
 *
 * First each value becomes a key: a number, a text where it lies, or its canonical form; only then is anything
 * compared. The sort itself finds runs that are in order already, makes short ones longer by insertion, and merges
 * them, galloping where one side wins again and again; in which order runs are merged follows their places (a "power"
 * for each boundary). Each step and each comparison is that of CPython 3.13, so that a list whose sorting fails
 * half-way is left as Python leaves it. Source: the description in CPython's Objects/listsort.txt; Munro and Wild,
 * "Nearly-Optimal Mergesorts" (2018).
 */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "pickle/opcodes.h"
#include "value/canon.h"
#include "value/form.h"
#include "value/order.h"

/* As in canon.c: what the forms of all values may take together. */
#define FORMS_MIN (UINT64_C(64) << 20)
#define FORMS_PER_BYTE 16

#define RUN_MIN 64       /* lists shorter than this are sorted by insertion alone */
#define GALLOP_MIN 7     /* so often one side has to win */
#define RUNS_MAX 70      /* powers grow along the stack, and 64 halve any length to nothing */

enum key_kind { KEY_INT, KEY_FLOAT, KEY_TEXT, KEY_FORM };

/* What is compared, in place of a value. */
struct key {
    union {
        int64_t i;
        double d;
        const uint8_t *p;  /* TEXT: UTF-8; FORM */
        size_t at;         /* either, before all forms are there: in `forms` */
    };
    uint32_t index;        /* of the value */
    uint32_t len : 28;     /* TEXT */
    uint32_t kind : 2;
    bool in_forms : 1;
    bool was_complex : 1;
};
#define TEXT_MAX ((UINT32_C(1) << 28) - 1) /* longer ones are forms */

struct run {
    size_t from, len;
    int power;             /* of the boundary to the next run */
};

struct sort {
    const struct mpm_value *values; /* stay where they are while the keys are sorted */
    struct key *v;
    size_t n;
    struct key *temp;      /* n / 2 of them */
    struct run runs[RUNS_MAX];
    int n_runs;
    size_t gallop_min;     /* grows when galloping does not pay */
    uint32_t left, right;  /* whose comparison failed */
    struct mpm_buf forms;
};

/* --- comparing ---------------------------------------------------------------------------------------------------- */

static int
less_int_float(int64_t i, double d)
{
    if (isnan(d))
        return 0;
    if (d >= 9223372036854775808.0)
        return 1;
    if (d < -9223372036854775808.0)
        return 0;
    return i < (int64_t)d || (i == (int64_t)d && d > trunc(d));
}

static int
less_float_int(double d, int64_t i)
{
    if (isnan(d))
        return 0;
    if (d >= 9223372036854775808.0)
        return 0;
    if (d < -9223372036854775808.0)
        return 1;
    return (int64_t)d < i || ((int64_t)d == i && d < trunc(d));
}

static int
less_text(const struct key *a, const struct key *b)
{
    int order = memcmp(a->p, b->p, a->len < b->len ? a->len : b->len);

    return order != 0 ? order < 0 : a->len < b->len;
}

/* The form of a number that has none yet, in `room`. */
static const uint8_t *
form_of(const struct key *k, uint8_t room[64])
{
    struct mpm_buf buf = { .data = room, .cap = 64, .max = 64 };

    if (k->kind == KEY_FORM)
        return k->p;
    if (k->kind == KEY_INT)
        mpm__exact_int64(k->i, &buf);
    else if (isnan(k->d))
        mpm__buf_put(&buf, (const uint8_t[]){ MPM_FORM_INFINITY, 1, MPM_FORM_NAN }, 3);
    else
        mpm__exact_double(k->d, &buf);
    return room;
}

static int
less_forms(const struct sort *s, const struct key *a, const struct key *b)
{
    uint8_t room[2][64];
    const struct key *text = a->kind == KEY_TEXT ? a : b, *other = a->kind == KEY_TEXT ? b : a;
    const uint8_t *longer;
    size_t len;
    int order;

    if (a->was_complex || b->was_complex) /* only the values themselves know what of them is one */
        return mpm__less_value(&s->values[a->index], &s->values[b->index], NULL);
    if (text->kind != KEY_TEXT)
        return mpm__less_form(form_of(a, room[0]), form_of(b, room[1]));
    if (other->kind != KEY_FORM || *other->p != MPM_FORM_TEXT)
        return MPM_ETYPE;
    longer = mpm__form_counted(other->p + 1, &len); /* than a key can be */
    order = memcmp(text->p, longer, text->len);
    return text == a ? order <= 0 : order > 0;
}

/* a < b: 1, 0, or negative: it failed. */
static inline int
less(struct sort *s, const struct key *a, const struct key *b)
{
    int r;

    if (a->kind == b->kind) {
        if (a->kind == KEY_INT)
            return a->i < b->i;
        if (a->kind == KEY_TEXT)
            return less_text(a, b);
        if (a->kind == KEY_FLOAT)
            return a->d < b->d;
    } else if (a->kind == KEY_INT && b->kind == KEY_FLOAT) {
        return less_int_float(a->i, b->d);
    } else if (a->kind == KEY_FLOAT && b->kind == KEY_INT) {
        return less_float_int(a->d, b->i);
    }
    if ((r = less_forms(s, a, b)) < 0) {
        s->left = a->index;
        s->right = b->index;
    }
    return r;
}

/* --- runs --------------------------------------------------------------------------------------------------------- */

static void
reverse(struct key *v, size_t n)
{
    for (size_t i = 0, j = n; i + 1 < j; i++) {
        struct key k = v[i];

        v[i] = v[--j];
        v[j] = k;
    }
}

/*
 * The length of the run that v begins with, in ascending order when this returns; negative: it failed. A descending
 * run may have stretches of equal items: these are turned round first, so that turning round the whole keeps their
 * order.
 */
static int64_t
find_run(struct sort *s, struct key *v, size_t n)
{
    size_t len = 1, n_equal = 0;
    int r = 0;

    while (len < n && (r = less(s, &v[len], &v[len - 1])) == 0)
        len++;
    if (r < 0)
        return r;
    if (len == n)
        return (int64_t)n;
    if (len > 1) {
        if ((r = less(s, &v[0], &v[len - 1])) < 0)
            return r;
        if (r)
            return (int64_t)len;
        reverse(v, len); /* all equal so far, then less: it descends */
    }
    for (len++; len < n; len++) {
        if ((r = less(s, &v[len], &v[len - 1])) < 0)
            return r;
        if (r) {
            if (n_equal != 0)
                reverse(v + len - n_equal - 1, n_equal + 1);
            n_equal = 0;
            continue;
        }
        if ((r = less(s, &v[len - 1], &v[len])) < 0)
            return r;
        if (r)
            break;
        n_equal++;
    }
    if (n_equal != 0)
        reverse(v + len - n_equal - 1, n_equal + 1);
    reverse(v, len);
    /* what was less than all now ends with the greatest: it may go on */
    for (; len < n; len++) {
        if ((r = less(s, &v[len], &v[len - 1])) < 0)
            return r;
        if (r)
            break;
    }
    return (int64_t)len;
}

/* Sorts v[0..n), of which v[0..sorted) is in order, by insertion. */
static int
insert_rest(struct sort *s, struct key *v, size_t n, size_t sorted)
{
    for (; sorted < n; sorted++) {
        struct key pivot = v[sorted];
        size_t low = 0, high = sorted, middle;
        int r;

        while (low < high) {
            middle = (low + high) / 2;
            if ((r = less(s, &v[sorted], &v[middle])) < 0)
                return r;
            if (r)
                high = middle;
            else
                low = middle + 1;
        }
        memmove(v + low + 1, v + low, (sorted - low) * sizeof *v);
        v[low] = pivot;
    }
    return 0;
}

/* n / this is a power of 2, or a little less than one. */
static size_t
shortest_run(size_t n)
{
    size_t rest = 0;

    while (n >= RUN_MIN) {
        rest |= n & 1;
        n >>= 1;
    }
    return n + rest;
}

/* --- galloping ---------------------------------------------------------------------------------------------------- */

/*
 * Where `key` belongs in v[0..n), before those that equal it (left) or behind them: looked for in steps of 1, 3, 7...
 * from `hint` on, then by halving what lies between the last two. Negative: it failed.
 */
static int64_t
gallop(struct sort *s, const struct key *key, const struct key *v, size_t n, size_t hint, bool left)
{
    size_t near = 0, far = 1, most, low, high, middle;
    int r;

    /* "beyond": the place is further right than that item */
#define BEYOND(item) (left ? less(s, (item), key) : (r = less(s, key, (item))) < 0 ? r : !r)
    if ((r = BEYOND(&v[hint])) < 0)
        return r;
    if (r) {
        most = n - hint;
        while (far < most) {
            if ((r = BEYOND(&v[hint + far])) < 0)
                return r;
            if (!r)
                break;
            near = far;
            far = 2 * far + 1;
        }
        far = far < most ? far : most;
        low = hint + near + 1;
        high = hint + far;
    } else {
        most = hint + 1;
        while (far < most) {
            if ((r = BEYOND(&v[hint - far])) < 0)
                return r;
            if (r)
                break;
            near = far;
            far = 2 * far + 1;
        }
        far = far < most ? far : most;
        low = hint + 1 - far;
        high = hint - near;
    }
    while (low < high) {
        middle = low + (high - low) / 2;
        if ((r = BEYOND(&v[middle])) < 0)
            return r;
        if (r)
            low = middle + 1;
        else
            high = middle;
    }
#undef BEYOND
    return (int64_t)high;
}

/* --- merging ------------------------------------------------------------------------------------------------------ */

/* One merge in progress: a (the left one) and b (the right one) are what is still to be merged, `to` where the next one
 * goes. Whatever ends it, each key is in just one place afterwards. */
struct merge {
    struct key *a, *b, *to;
    size_t n_a, n_b;
};

enum { GO_ON = 1, FINISHED = 2 };

/* The left run is the shorter one: it is set aside, and the two are merged from the left. The last of a is greater
 * than all of b, and the first of b less than all of a: this saves comparisons at the ends. */
static int
take_a(struct merge *m, size_t n)
{
    memcpy(m->to, m->a, n * sizeof *m->to);
    m->to += n;
    m->a += n;
    m->n_a -= n;
    return m->n_a <= 1 ? FINISHED : GO_ON;
}

static int
take_b(struct merge *m, size_t n)
{
    memmove(m->to, m->b, n * sizeof *m->to);
    m->to += n;
    m->b += n;
    m->n_b -= n;
    return m->n_b == 0 ? FINISHED : GO_ON;
}

/* One by one, until one side has won often enough. */
static int
merge_low_singly(struct sort *s, struct merge *m)
{
    size_t a_wins = 0, b_wins = 0;
    int r, state;

    do {
        if ((r = less(s, m->b, m->a)) < 0)
            return r;
        if (r) {
            state = take_b(m, 1);
            b_wins++;
            a_wins = 0;
        } else {
            state = take_a(m, 1);
            a_wins++;
            b_wins = 0;
        }
    } while (state == GO_ON && a_wins < s->gallop_min && b_wins < s->gallop_min);
    return state;
}

/* Whole stretches, as long as they are long enough. */
static int
merge_low_galloping(struct sort *s, struct merge *m)
{
    int64_t a_wins, b_wins;
    int state;

    do {
        s->gallop_min -= s->gallop_min > 1;
        if ((a_wins = gallop(s, m->b, m->a, m->n_a, 0, false)) < 0)
            return (int)a_wins;
        if (a_wins != 0 && (state = take_a(m, (size_t)a_wins)) != GO_ON)
            return state;
        if ((state = take_b(m, 1)) != GO_ON)
            return state;
        if ((b_wins = gallop(s, m->a, m->b, m->n_b, 0, true)) < 0)
            return (int)b_wins;
        if (b_wins != 0 && (state = take_b(m, (size_t)b_wins)) != GO_ON)
            return state;
        if ((state = take_a(m, 1)) != GO_ON)
            return state;
    } while (a_wins >= GALLOP_MIN || b_wins >= GALLOP_MIN);
    return GO_ON;
}

/* The same from the right, when the right run is the shorter one: a, b and `to` are ends, not beginnings. */
static int
take_last_a(struct merge *m, size_t n)
{
    m->to -= n;
    m->a -= n;
    memmove(m->to, m->a, n * sizeof *m->to);
    m->n_a -= n;
    return m->n_a == 0 ? FINISHED : GO_ON;
}

static int
take_last_b(struct merge *m, size_t n)
{
    m->to -= n;
    m->b -= n;
    memcpy(m->to, m->b, n * sizeof *m->to);
    m->n_b -= n;
    return m->n_b <= 1 ? FINISHED : GO_ON;
}

static int
merge_high_singly(struct sort *s, struct merge *m)
{
    size_t a_wins = 0, b_wins = 0;
    int r, state;

    do {
        if ((r = less(s, m->b - 1, m->a - 1)) < 0)
            return r;
        if (r) {
            state = take_last_a(m, 1);
            a_wins++;
            b_wins = 0;
        } else {
            state = take_last_b(m, 1);
            b_wins++;
            a_wins = 0;
        }
    } while (state == GO_ON && a_wins < s->gallop_min && b_wins < s->gallop_min);
    return state;
}

static int
merge_high_galloping(struct sort *s, struct merge *m)
{
    int64_t at;
    size_t a_wins, b_wins;
    int state;

    do {
        s->gallop_min -= s->gallop_min > 1;
        if ((at = gallop(s, m->b - 1, m->a - m->n_a, m->n_a, m->n_a - 1, false)) < 0)
            return (int)at;
        a_wins = m->n_a - (size_t)at;
        if (a_wins != 0 && (state = take_last_a(m, a_wins)) != GO_ON)
            return state;
        if ((state = take_last_b(m, 1)) != GO_ON)
            return state;
        if ((at = gallop(s, m->a - 1, m->b - m->n_b, m->n_b, m->n_b - 1, true)) < 0)
            return (int)at;
        b_wins = m->n_b - (size_t)at;
        if (b_wins != 0 && (state = take_last_b(m, b_wins)) != GO_ON)
            return state;
        if ((state = take_last_a(m, 1)) != GO_ON)
            return state;
    } while (a_wins >= GALLOP_MIN || b_wins >= GALLOP_MIN);
    return GO_ON;
}

static int
merge(struct sort *s, struct merge *m, int (*singly)(struct sort *, struct merge *),
    int (*galloping)(struct sort *, struct merge *))
{
    int state;

    while ((state = singly(s, m)) == GO_ON) {
        s->gallop_min++;
        if ((state = galloping(s, m)) != GO_ON)
            break;
        s->gallop_min++; /* it did not pay at the end */
    }
    return state < 0 ? state : 0;
}

/* `a` is followed by `b` in memory. */
static int
merge_low(struct sort *s, struct key *a, size_t n_a, struct key *b, size_t n_b)
{
    struct merge m = { .a = s->temp, .b = b, .to = a, .n_a = n_a, .n_b = n_b };
    int r = 0;

    memcpy(s->temp, a, n_a * sizeof *a);
    if (take_b(&m, 1) == GO_ON && n_a > 1)
        r = merge(s, &m, merge_low_singly, merge_low_galloping);
    if (r == 0) /* what is left of b comes before the last of a */
        (void)take_b(&m, m.n_b);
    memcpy(m.to, m.a, m.n_a * sizeof *m.to);
    return r;
}

static int
merge_high(struct sort *s, struct key *a, size_t n_a, struct key *b, size_t n_b)
{
    struct merge m = { .a = a + n_a, .b = s->temp + n_b, .to = b + n_b, .n_a = n_a, .n_b = n_b };
    int r = 0;

    memcpy(s->temp, b, n_b * sizeof *b);
    if (take_last_a(&m, 1) == GO_ON && n_b > 1)
        r = merge(s, &m, merge_high_singly, merge_high_galloping);
    if (r == 0)
        (void)take_last_a(&m, m.n_a);
    memcpy(m.to - m.n_b, m.b - m.n_b, m.n_b * sizeof *m.to);
    return r;
}

/* Merges run i with the one behind it. */
static int
merge_runs(struct sort *s, int i)
{
    struct run *x = &s->runs[i], *y = x + 1;
    struct key *a = s->v + x->from, *b = s->v + y->from;
    size_t n_a = x->len, n_b = y->len;
    int64_t at;

    x->len += y->len;
    if (i + 2 < s->n_runs)
        *y = *(y + 1);
    s->n_runs--;
    /* what of a is before all of b, and what of b behind all of a, stays where it is */
    if ((at = gallop(s, b, a, n_a, 0, false)) < 0)
        return (int)at;
    a += at;
    n_a -= (size_t)at;
    if (n_a == 0)
        return 0;
    if ((at = gallop(s, a + n_a - 1, b, n_b, n_b - 1, true)) <= 0)
        return (int)at;
    n_b = (size_t)at;
    return n_a <= n_b ? merge_low(s, a, n_a, b, n_b) : merge_high(s, a, n_a, b, n_b);
}

/* At which level of halving [0, n) the middles of two runs next to each other part: the first bit that differs. */
static int
power_of(size_t from, size_t n_a, size_t n_b, size_t n)
{
    size_t a = 2 * from + n_a, b = a + n_a + n_b; /* twice the middles */
    int power = 1;

    for (; (a >= n) == (b >= n); power++) {
        if (a >= n) {
            a -= n;
            b -= n;
        }
        a *= 2;
        b *= 2;
    }
    return power;
}

static int
add_run(struct sort *s, size_t from, size_t len)
{
    int power, r;

    if (s->n_runs > 0) {
        power = power_of(s->runs[s->n_runs - 1].from, s->runs[s->n_runs - 1].len, len, s->n);
        while (s->n_runs > 1 && s->runs[s->n_runs - 2].power > power)
            if ((r = merge_runs(s, s->n_runs - 2)) < 0)
                return r;
        s->runs[s->n_runs - 1].power = power;
    }
    s->runs[s->n_runs++] = (struct run){ .from = from, .len = len };
    return 0;
}

static int
sort_keys(struct sort *s)
{
    size_t shortest = shortest_run(s->n), from = 0, left, forced;
    int64_t len;
    int i, r = 0;

    for (; from < s->n; from += (size_t)len) {
        left = s->n - from;
        if ((len = find_run(s, s->v + from, left)) < 0)
            return (int)len;
        if ((size_t)len < shortest) {
            forced = left < shortest ? left : shortest;
            if ((r = insert_rest(s, s->v + from, forced, (size_t)len)) < 0)
                return r;
            len = (int64_t)forced;
        }
        if ((r = add_run(s, from, (size_t)len)) < 0)
            return r;
    }
    while (r == 0 && s->n_runs > 1) {
        i = s->n_runs - 2;
        if (i > 0 && s->runs[i - 1].len < s->runs[i + 1].len)
            i--;
        r = merge_runs(s, i);
    }
    return r;
}

/* --- keys --------------------------------------------------------------------------------------------------------- */

/* A value of one opcode that needs no form. */
static bool
simple_key(const uint8_t *bytes, size_t len, struct key *k)
{
    struct mpm_op op;
    uint64_t bits = 0;

    switch (bytes[0]) {
    case MPM_OP_BININT1:
        k->i = bytes[1];
        return len == 2;
    case MPM_OP_BININT2:
        k->i = bytes[1] | bytes[2] << 8;
        return len == 3;
    case MPM_OP_BININT:
        k->i = (int32_t)mpm__form_u32(bytes + 1);
        return len == 5;
    case MPM_OP_BINFLOAT:
        for (int i = 1; i <= 8; i++)
            bits = bits << 8 | bytes[i];
        memcpy(&k->d, &bits, sizeof k->d);
        k->kind = KEY_FLOAT;
        return len == 9;
    case MPM_OP_SHORT_BINUNICODE:
    case MPM_OP_BINUNICODE:
        mpm__op_read(bytes, 0, &op);
        k->p = bytes + op.data;
        k->len = op.data_len & TEXT_MAX;
        k->kind = KEY_TEXT;
        return op.next == len && op.data_len <= TEXT_MAX;
    default:
        return false;
    }
}

/* By its form, which goes to the end of s->forms. */
static int
form_key(struct sort *s, const struct mpm_value *v, struct mpm_canon *canon, struct key *k)
{
    const uint8_t *form, *text;
    size_t len;
    int r;

    canon->salt = k->index;
    if ((r = mpm__canon_value(v, canon)) != 0)
        return r;
    form = canon->bytes.data;
    *k = (struct key){ .index = k->index, .kind = KEY_FORM, .was_complex = canon->was_complex };
    if (*form == MPM_FORM_INT && !canon->was_complex) {
        k->kind = KEY_INT;
        k->i = (int64_t)mpm__form_u64(form + 1);
        return 0;
    }
    k->at = s->forms.len;
    k->in_forms = true;
    if (*form == MPM_FORM_TEXT) {
        text = mpm__form_counted(form + 1, &len);
        if (len <= TEXT_MAX) {
            k->kind = KEY_TEXT;
            k->len = len & TEXT_MAX;
            mpm__buf_put(&s->forms, text, len);
            return s->forms.error;
        }
    }
    mpm__buf_put(&s->forms, form, canon->bytes.len);
    return s->forms.error;
}

static int
make_keys(struct sort *s, const struct mpm_value *v)
{
    struct mpm_canon canon = { 0 };
    struct mpm_form form;
    const uint8_t *bytes;
    uint64_t total = 0;
    size_t len;
    int r = 0;

    for (size_t i = 0; r == 0 && i < s->n; i++) {
        s->v[i] = (struct key){ .index = (uint32_t)i, .kind = KEY_INT };
        if ((bytes = mpm__value_bytes(&v[i], &len, &form)) == NULL) {
            r = MPM_ENOMEM;
        } else if (!simple_key(bytes, len, &s->v[i])) {
            r = form_key(s, &v[i], &canon, &s->v[i]);
            total += len;
            if (r == 0 && s->forms.len > FORMS_MIN + FORMS_PER_BYTE * total)
                r = MPM_ELIMIT;
        }
    }
    for (size_t i = 0; r == 0 && i < s->n; i++)
        if (s->v[i].in_forms)
            s->v[i].p = s->forms.data + s->v[i].at;
    mpm__canon_wipe(&canon);
    return r;
}

/* v[i] becomes what v[keys[i].index] was. */
static void
arrange(struct mpm_value *v, struct key *keys, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct mpm_value first = v[i];
        size_t to = i, from;

        while ((from = keys[to].index) != i) {
            v[to] = v[from];
            keys[to].index = (uint32_t)to;
            to = from;
        }
        v[to] = first;
        keys[to].index = (uint32_t)to;
    }
}

int
mpm__sort(struct mpm_value *v, size_t n, bool descending, struct mpm_unordered *why)
{
    struct sort s = { .values = v, .n = n, .gallop_min = GALLOP_MIN };
    struct mpm_unordered unasked = { .spent = 0 };
    int r;

    if (why == NULL)
        why = &unasked;
    if (n < 2)
        return 0;
    if (n > UINT32_MAX)
        return MPM_ELIMIT;
    s.v = mpm__array(n, sizeof *s.v);
    s.temp = mpm__array(n / 2 + 1, sizeof *s.temp);
    r = s.v != NULL && s.temp != NULL ? make_keys(&s, v) : MPM_ENOMEM;
    if (r == 0) {
        if (descending) /* turned round before and after, equal ones keep their order */
            reverse(s.v, n);
        r = sort_keys(&s);
        if (descending)
            reverse(s.v, n);
        if (r == MPM_ETYPE)
            (void)mpm__less_value(&v[s.left], &v[s.right], why);
        if (r == 0 || (r == MPM_ETYPE && !why->by_class))
            arrange(v, s.v, n);
    }
    mpm__free(s.v);
    mpm__free(s.temp);
    mpm__buf_wipe(&s.forms);
    return r;
}

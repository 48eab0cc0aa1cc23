/* NumPy arrays: what NumPy wrote (tests/vectors/ndarray) is read, what is built is read back, and what nobody in his
 * right mind would write is refused. Whether NumPy reads what is built is pytests/test_ndarray.py's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mpmd/ndarray.h>

#include "support/support.h"

#define LINE_MAX_LEN 8192

struct vector {
    char name[64];
    struct mpm_ndarray array;
    uint8_t items[LINE_MAX_LEN], pickle[LINE_MAX_LEN];
    size_t len;
};

/* The next line of the file; false: there is none. */
static int
next_vector(FILE *f, struct vector *v)
{
    static char line[4 * LINE_MAX_LEN], items[LINE_MAX_LEN], pickle[2 * LINE_MAX_LEN];
    char shape[64], order, *rest;

    memset(v, 0, sizeof *v);
    if (fgets(line, sizeof line, f) == NULL)
        return 0;
    assert_int_equal(sscanf(line, "%63s %c %c %u %c %63s %8191s %16383s", v->name, &v->array.kind, &v->array.byteorder,
        &v->array.itemsize, &order, shape, items, pickle), 8);
    v->array.fortran = order == 'F';
    v->array.size = strcmp(items, "-") != 0 ? mpm_test_unhex(items, v->items, sizeof v->items) : 0;
    v->len = mpm_test_unhex(pickle, v->pickle, sizeof v->pickle);
    v->array.data = v->items;
    for (char *word = strtok_r(shape, ",", &rest); word != NULL && *word != '-'; word = strtok_r(NULL, ",", &rest))
        v->array.shape[v->array.ndim++] = atoll(word);
    return 1;
}

static FILE *
open_vectors(void)
{
    FILE *f = fopen(mpm_test_path("vectors/ndarray/arrays.txt"), "r");

    assert_non_null(f);
    return f;
}

static void
same(const struct mpm_ndarray *a, const struct mpm_ndarray *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->byteorder, b->byteorder);
    assert_int_equal(a->itemsize, b->itemsize);
    assert_int_equal(a->ndim, b->ndim);
    for (int i = 0; i < a->ndim; i++)
        assert_int_equal(a->shape[i], b->shape[i]);
    assert_int_equal(a->fortran, b->fortran);
    assert_int_equal(a->size, b->size);
    if (a->size != 0)
        assert_memory_equal(a->data, b->data, a->size);
}

/* What is built of it is read back. */
static void
build_and_read(const struct mpm_ndarray *a, int protocol)
{
    struct mpm_document *d;
    struct mpm_builder *b;
    struct mpm_ndarray got;
    const void *bytes;
    size_t len;

    assert_int_equal(mpm_builder_open(protocol, &b), 0);
    mpm_put_ndarray(b, a);
    assert_int_equal(mpm_builder_finish(b, &bytes, &len, NULL), 0);
    assert_int_equal(mpm_document_open(bytes, len, &d, NULL), 0);
    mpm_builder_close(b);
    assert_int_equal(mpm_read_ndarray(mpm_document_root(d), &got, NULL), 0);
    same(&got, a);
    assert_null(got.copy);
    mpm_document_close(d);
}

static void
arrays_of_every_numpy_and_protocol_are_read_and_built(void **state)
{
    FILE *f = open_vectors();
    struct mpm_document *d;
    struct mpm_ndarray got;
    struct mpm_error err;
    struct mpm_ref ref, *parts;
    struct vector v;
    size_t n = 0, n_copies = 0, n_parts;

    (void)state;
    for (; next_vector(f, &v); n++) {
        uint8_t *copy = mpm_test_guard(v.pickle, v.len);

        assert_int_equal(mpm_document_open(copy, v.len, &d, &err), 0);
        mpm_test_guard_free(copy, v.len);
        ref = mpm_document_root(d);
        if (mpm_kind(ref) == MPM_K_TUPLE) {
            assert_int_equal(mpm_read_parts(ref, &parts, &n_parts), 0);
            ref = parts[n_parts - 1];
            mpm_free(parts);
        }
        if (mpm_read_ndarray(ref, &got, &err) != 0)
            fail_msg("%s: %s", v.name, err.text);
        same(&got, &v.array);
        n_copies += got.copy != NULL;
        mpm_free(got.copy);
        mpm_document_close(d);
        for (int protocol = 2; protocol <= 5; protocol++)
            build_and_read(&v.array, protocol);
    }
    fclose(f);
    assert_true(n > 140);
    assert_true(n_copies > 20 && n_copies < n / 2);
}

static void
damaged_pickles_are_refused_or_consistent(void **state)
{
    FILE *f = open_vectors();
    size_t n_refused = 0, n_read = 0, n_unsupported = 0;
    uint64_t seed = 5;
    struct vector v;

    (void)state;
    while (next_vector(f, &v))
        for (int i = 0; i < 60; i++) {
            struct mpm_document *d;
            struct mpm_ndarray got = {.kind = '?'};
            uint8_t *copy;
            size_t at = mpm_test_below(&seed, v.len);
            uint8_t was = v.pickle[at];
            int r;

            v.pickle[at] = (uint8_t)mpm_test_below(&seed, 256);
            copy = mpm_test_guard(v.pickle, v.len);
            if (mpm_document_open(copy, v.len, &d, NULL) == 0) {
                r = mpm_read_ndarray(mpm_document_root(d), &got, NULL);
                n_refused += r == MPM_EBADPICKLE;
                n_unsupported += r == MPM_EUNSUP;
                n_read += r == 0;
                if (r == 0) {
                    uint64_t total = got.itemsize;

                    for (int j = 0; j < got.ndim; j++)
                        total *= (uint64_t)got.shape[j];
                    assert_int_equal(total, got.size);
                    build_and_read(&got, 4);
                    mpm_free(got.copy);
                } else {
                    assert_int_equal(got.kind, '?');
                }
                mpm_document_close(d);
            }
            mpm_test_guard_free(copy, v.len);
            v.pickle[at] = was;
        }
    fclose(f);
    assert_true(n_refused > 100);
    assert_true(n_unsupported > 10);
    assert_true(n_read > 100);
}

/* --- what is not written by NumPy --------------------------------------------------------------------------------- */

struct parts {
    const char *function, *class, *type, *order, *shape, *data;
    const char *state_of_dtype; /* a literal; NULL: (3, order, None, None, None, -1, -1, 0) */
};

/* _reconstruct() with these. */
static int
read_with(const struct parts *p, struct mpm_error *err)
{
    struct mpm_ndarray got = {.kind = '?'};
    struct mpm_document *d;
    struct mpm_builder *b;
    const void *bytes;
    size_t len;
    char text[128];
    int r;

    assert_int_equal(mpm_builder_open(4, &b), 0);
    mpm_put_begin_call(b);
    mpm_put_class(b, "numpy.core.multiarray", p->function != NULL ? p->function : "_reconstruct");
    mpm_put_begin(b, MPM_K_TUPLE);
    mpm_put_class(b, "numpy", p->class != NULL ? p->class : "ndarray");
    mpm_put_literal(b, "(0,)", NULL);
    mpm_put_bytes(b, "b", 1);
    mpm_put_end(b);
    mpm_put_begin(b, MPM_K_TUPLE);
    mpm_put_int(b, 1);
    mpm_put_literal(b, p->shape != NULL ? p->shape : "(2,)", NULL);
    mpm_put_begin_call(b);
    mpm_put_class(b, "numpy", "dtype");
    mpm_put_begin(b, MPM_K_TUPLE);
    mpm_put_string(b, p->type != NULL ? p->type : "i2");
    mpm_put_end(b);
    snprintf(text, sizeof text, "(3, '%s', None, None, None, -1, -1, 0)", p->order != NULL ? p->order : "<");
    mpm_put_literal(b, p->state_of_dtype != NULL ? p->state_of_dtype : text, NULL);
    mpm_put_end(b);
    mpm_put_bool(b, 0);
    mpm_put_literal(b, p->data != NULL ? p->data : "b'1234'", NULL);
    mpm_put_end(b);
    mpm_put_end(b);
    assert_int_equal(mpm_builder_finish(b, &bytes, &len, err), 0);
    assert_int_equal(mpm_document_open(bytes, len, &d, err), 0);
    mpm_builder_close(b);
    r = mpm_read_ndarray(mpm_document_root(d), &got, err);
    if (r != 0)
        assert_int_equal(got.kind, '?');
    mpm_free(got.copy);
    mpm_document_close(d);
    return r;
}

static void
what_numpy_would_not_write_is_refused(void **state)
{
    static const struct {
        struct parts parts;
        int result;
        const char *text;
    } cases[] = {
        {{0}, 0, ""},
        {{.class = "memmap"}, 0, ""},
        {{.order = "="}, 0, ""},
        {{.shape = "(1, 2)"}, 0, ""},
        {{.data = "b'12345'"}, MPM_EBADPICKLE, "do not fit together"},
        {{.data = "b'123'"}, MPM_EBADPICKLE, "do not fit together"},
        {{.data = "[1, 2]"}, MPM_EBADPICKLE, "its bytes"},
        {{.data = "None"}, MPM_EBADPICKLE, "its bytes"},
        {{.shape = "(-2,)"}, MPM_EBADPICKLE, "do not fit together"},
        {{.shape = "(-1, -2)"}, MPM_EBADPICKLE, "do not fit together"},
        {{.shape = "(9223372036854775807, 2, 2)"}, MPM_EBADPICKLE, "do not fit together"},
        {{.shape = "(4611686018427387905, 2)"}, MPM_EBADPICKLE, "do not fit together"},
        {{.shape = "(0, 9223372036854775807, 9223372036854775807)", .data = "b''"}, MPM_EBADPICKLE, "do not fit"},
        {{.shape = "(9223372036854775808,)"}, MPM_EBADPICKLE, "its shape"},
        {{.shape = "(2.0,)"}, MPM_EBADPICKLE, "its shape"},
        {{.shape = "[2]"}, MPM_EBADPICKLE, "its shape"},
        {{.shape = "(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
                   "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2)"}, MPM_EBADPICKLE, "dimensions"},
        {{.shape = "(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
                   "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2)"}, 0, ""},
        {{.order = "?"}, MPM_EBADPICKLE, "byte order"},
        {{.order = ""}, MPM_EBADPICKLE, "state of its dtype"},
        {{.order = "|"}, MPM_EBADPICKLE, "no byte order"},
        {{.type = "i3"}, MPM_EUNSUP, "dtype i3"},
        {{.type = "i99999999999999999999999"}, MPM_EBADPICKLE, "a dtype's size"},
        {{.type = "U2147483647"}, MPM_EUNSUP, "another type (dtype U"},
        {{.type = "i"}, MPM_EBADPICKLE, "without a name"},
        {{.type = "i2x"}, MPM_EBADPICKLE, "a dtype's size"},
        {{.type = "f16"}, MPM_EUNSUP, "dtype f16"},
        {{.type = "O8", .data = "[1]"}, MPM_EUNSUP, "Python objects (dtype O8): send a list"},
        {{.type = "M8"}, MPM_EUNSUP, "dates (dtype M8): send .view('i8')"},
        {{.type = "m8"}, MPM_EUNSUP, "time differences"},
        {{.type = "V2"}, MPM_EUNSUP, "structures"},
        {{.type = "\xc3\xbc" "8"}, MPM_EBADPICKLE, "size"},
        {{.state_of_dtype = "(3, '<', None, ('a',), {'a': 1}, 2, 1, 0)"}, MPM_EUNSUP, "structures"},
        {{.state_of_dtype = "(3, '<', None, None, None, 4, -1, 0)"}, MPM_EBADPICKLE, "two sizes"},
        {{.state_of_dtype = "(5, '<', None, None, None, -1, -1, 0)"}, MPM_EUNSUP, "version 5"},
        {{.state_of_dtype = "(3, '<', None, None)"}, MPM_EBADPICKLE, "state of its dtype"},
        {{.state_of_dtype = "{}"}, MPM_EBADPICKLE, "state of its dtype"},
        {{.class = "recarray"}, MPM_EUNSUP, "numpy.asarray(it)"},
        {{.function = "scalar"}, MPM_EBADPICKLE, "scalar"},
        {{.function = "fromstring"}, MPM_ETYPE, "not a NumPy array"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mpm_error err = {0};
        int r = read_with(&cases[i].parts, &err);

        if (r != cases[i].result || strstr(err.text, cases[i].text) == NULL)
            fail_msg("case %zu: %s: '%s' instead of '%s'", i, mpm_error_text(r), err.text, cases[i].text);
    }
}

static void
other_values_are_no_arrays(void **state)
{
    static const char *const literals[] = {"None", "1", "'text'", "b'bytes'", "[1, 2]", "{'a': (1, 2)}", "()"};
    struct mpm_ndarray got = {.kind = '?'};

    (void)state;
    for (size_t i = 0; i < sizeof literals / sizeof literals[0]; i++) {
        struct mpm_document *d;
        struct mpm_builder *b;
        const void *bytes;
        size_t len;

        assert_int_equal(mpm_builder_open(4, &b), 0);
        assert_int_equal(mpm_put_literal(b, literals[i], NULL), 0);
        assert_int_equal(mpm_builder_finish(b, &bytes, &len, NULL), 0);
        assert_int_equal(mpm_document_open(bytes, len, &d, NULL), 0);
        mpm_builder_close(b);
        assert_int_equal(mpm_read_ndarray(mpm_document_root(d), &got, NULL), MPM_ETYPE);
        mpm_document_close(d);
    }
    assert_int_equal(got.kind, '?');
}

/* --- building ----------------------------------------------------------------------------------------------------- */

static int
built(const struct mpm_ndarray *a, struct mpm_error *err)
{
    struct mpm_builder *b;
    const void *bytes;
    size_t len;
    int r;

    assert_int_equal(mpm_builder_open(0, &b), 0);
    mpm_put_ndarray(b, a);
    r = mpm_builder_finish(b, &bytes, &len, err);
    mpm_builder_close(b);
    return r;
}

static void
mistakes_in_what_is_built_are_told(void **state)
{
    static const struct {
        struct mpm_ndarray array;
        const char *text;
    } cases[] = {
        {{.data = "1234", .size = 4, .kind = 'x', .itemsize = 2, .ndim = 1, .shape = {2}}, "kind and itemsize"},
        {{.data = "1234", .size = 4, .itemsize = 2, .ndim = 1, .shape = {2}}, "kind and itemsize"},
        {{.data = "1234", .size = 4, .kind = 'i', .itemsize = 3, .ndim = 1, .shape = {2}}, "kind and itemsize"},
        {{.data = "1234", .size = 4, .kind = 'i', .itemsize = 2, .ndim = -1}, "dimensions"},
        {{.data = "1234", .size = 4, .kind = 'i', .itemsize = 2, .ndim = 65}, "dimensions"},
        {{.data = "1234", .size = 4, .kind = 'i', .itemsize = 2, .ndim = 1, .shape = {3}}, "size of an array"},
        {{.data = "1234", .size = 4, .kind = 'i', .itemsize = 2, .ndim = 1, .shape = {-2}}, "size of an array"},
        {{.data = "1234", .size = 4, .kind = 'i', .itemsize = 2, .ndim = 0}, "size of an array"},
        {{.size = 4, .kind = 'i', .itemsize = 2, .ndim = 1, .shape = {2}}, "without data"},
        {{.data = "1234", .size = 4, .kind = 'i', .itemsize = 2, .byteorder = '!', .ndim = 1, .shape = {2}}, "order"},
        {{.data = "1234", .size = 4, .kind = 'i', .itemsize = 2, .byteorder = '|', .ndim = 1, .shape = {2}}, "order"},
    };
    struct mpm_ndarray good = {.data = "1234", .size = 4, .kind = 'i', .itemsize = 2, .ndim = 1, .shape = {2}};
    struct mpm_error err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(built(&cases[i].array, &err), MPM_EINVAL);
        if (strstr(err.text, cases[i].text) == NULL)
            fail_msg("case %zu: '%s'", i, err.text);
    }
    assert_int_equal(built(&good, &err), 0);
    good.byteorder = '=';
    assert_int_equal(built(&good, &err), 0);
    good = (struct mpm_ndarray){.kind = 'f', .itemsize = 8, .ndim = 2, .shape = {0, 3}};
    assert_int_equal(built(&good, &err), 0);
}

static struct vector for_allocation;

static int
read_and_build(void)
{
    struct mpm_document *d = NULL;
    struct mpm_builder *b = NULL;
    struct mpm_ndarray got = {.copy = NULL};
    struct mpm_error err = {0};
    const void *bytes;
    size_t len;
    int r = mpm_document_open(for_allocation.pickle, for_allocation.len, &d, NULL);

    if (r == 0 && (r = mpm_read_ndarray(mpm_document_root(d), &got, &err)) != 0)
        assert_int_equal(err.code, r);
    if (r == 0 && (r = mpm_builder_open(2, &b)) == 0) {
        mpm_put_ndarray(b, &got);
        r = mpm_builder_finish(b, &bytes, &len, NULL);
        mpm_builder_close(b);
    }
    mpm_free(got.copy);
    mpm_document_close(d);
    return r;
}

static void
without_memory_nothing_leaks(void **state)
{
    FILE *f = open_vectors();
    size_t n = 0;

    (void)state;
    while (next_vector(f, &for_allocation))
        if (strncmp(for_allocation.name, "int32/", 6) == 0 || strncmp(for_allocation.name, "scalar/", 7) == 0
            || strncmp(for_allocation.name, "high_bytes/", 11) == 0)
            n += mpm_test_fail_until_ok(read_and_build);
    fclose(f);
    assert_true(n > 50);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_of_every_numpy_and_protocol_are_read_and_built),
        cmocka_unit_test(damaged_pickles_are_refused_or_consistent),
        cmocka_unit_test(what_numpy_would_not_write_is_refused),
        cmocka_unit_test(other_values_are_no_arrays),
        cmocka_unit_test(mistakes_in_what_is_built_are_told),
        cmocka_unit_test(without_memory_nothing_leaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

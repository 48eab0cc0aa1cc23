/*
 * objects_driver.c - typed and general calls that a test gives line by line. For pytests/test_objects.py.
 *
 *     objects_driver ADDRESS KEYFILE
 *
 *     NAME = TYPEID ARGUMENTS         creates; ARGUMENTS are a tuple literal
 *     NAME = NAME.METHOD ARGUMENTS    a method that returns a proxy
 *     NAME = NAME:FUNCTION ARGUMENTS  the same by a typed call
 *     NAME = TOKEN                    TYPEID:IDENT@ADDRESS
 *     NAME = pickle HEX               a proxy's pickle
 *     NAME = item NAME                the proxy that is the next item of a queue
 *     NAME = pipe FD                  a proxy that comes through a multiprocessing.Pipe
 *     NAME = peer ADDRESS             or from a Listener with the same key
 *     NAME.METHOD ARGUMENTS           prints the result's repr
 *     NAME:FUNCTION ARGUMENTS         mpm_FUNCTION(): prints its result, or "ok"; a timeout is seconds or None
 *     token NAME, close NAME, signatures
 *     count, produce, consume, meet, turns: see below
 *
 * Of ARGUMENTS a text "%module.name" stands for a class or function, "@NAME TYPE" for a proxy of that class, and a
 * tuple ('%slice', 0, 1) for a slice. Each line is answered by one: a repr, "ok", "! type: text" of an exception in a
 * general call, or "? code" of a typed one.
 */
#include <mpmd/mpmd.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/known.h"

#define N_ARGS 8

static struct mpm_client *client;
static struct mpm_connection_options peer_options = { .size = sizeof peer_options };
static struct mpm_error error;

typedef void function(void); /* any of them: call_function() knows the types */
struct arg {
    struct mpm_builder *value;
    char *text;
    int64_t i;
    double d;
};
struct out {
    int64_t i;
    int b;
    double d;
    struct mpm_document *document;
    char *text;
    struct mpm_proxy *proxy;
};

/* Parameters between the proxy and the error: v(alue), k(ey or another text), t(imeout), i(nt), b(ool), f(loat); and
 * results: D(ocument), I, B, F, S(tring), P(roxy). */
static const struct {
    const char *name, *signature;
    function *function;
} functions[] = {
    { "lock_acquire", "t", (function *)mpm_lock_acquire },
    { "lock_release", "", (function *)mpm_lock_release },
    { "lock_locked", "B", (function *)mpm_lock_locked },
    { "semaphore_release", "i", (function *)mpm_semaphore_release },
    { "rwlock_acquire_read", "t", (function *)mpm_rwlock_acquire_read },
    { "rwlock_acquire_write", "t", (function *)mpm_rwlock_acquire_write },
    { "rwlock_release_read", "", (function *)mpm_rwlock_release_read },
    { "rwlock_release_write", "", (function *)mpm_rwlock_release_write },
    { "rwlock_locked", "B", (function *)mpm_rwlock_locked },
    { "event_wait", "t", (function *)mpm_event_wait },
    { "event_set", "", (function *)mpm_event_set },
    { "event_clear", "", (function *)mpm_event_clear },
    { "event_is_set", "B", (function *)mpm_event_is_set },
    { "condition_wait", "t", (function *)mpm_condition_wait },
    { "condition_notify", "i", (function *)mpm_condition_notify },
    { "condition_notify_all", "", (function *)mpm_condition_notify_all },
    { "barrier_wait", "tI", (function *)mpm_barrier_wait },
    { "barrier_reset", "", (function *)mpm_barrier_reset },
    { "barrier_abort", "", (function *)mpm_barrier_abort },
    { "barrier_parties", "I", (function *)mpm_barrier_parties },
    { "barrier_n_waiting", "I", (function *)mpm_barrier_n_waiting },
    { "barrier_broken", "B", (function *)mpm_barrier_broken },
    { "latch_wait", "t", (function *)mpm_latch_wait },
    { "latch_count_down", "i", (function *)mpm_latch_count_down },
    { "latch_count", "I", (function *)mpm_latch_count },
    { "queue_put", "vt", (function *)mpm_queue_put },
    { "queue_get", "tD", (function *)mpm_queue_get },
    { "queue_put_many", "vt", (function *)mpm_queue_put_many },
    { "queue_pop_many", "itD", (function *)mpm_queue_pop_many },
    { "queue_ack", "i", (function *)mpm_queue_ack },
    { "queue_nack", "ib", (function *)mpm_queue_nack },
    { "queue_qsize", "I", (function *)mpm_queue_qsize },
    { "queue_empty", "B", (function *)mpm_queue_empty },
    { "queue_full", "B", (function *)mpm_queue_full },
    { "queue_task_done", "", (function *)mpm_queue_task_done },
    { "queue_join", "", (function *)mpm_queue_join },
    { "queue_shutdown", "b", (function *)mpm_queue_shutdown },
    { "dict_get", "kD", (function *)mpm_dict_get },
    { "dict_get_at", "vD", (function *)mpm_dict_get_at },
    { "dict_get_int", "kI", (function *)mpm_dict_get_int },
    { "dict_get_double", "kF", (function *)mpm_dict_get_double },
    { "dict_get_text", "kS", (function *)mpm_dict_get_text },
    { "dict_set", "kv", (function *)mpm_dict_set },
    { "dict_set_at", "vv", (function *)mpm_dict_set_at },
    { "dict_set_int", "ki", (function *)mpm_dict_set_int },
    { "dict_set_double", "kf", (function *)mpm_dict_set_double },
    { "dict_set_text", "kk", (function *)mpm_dict_set_text },
    { "dict_delete", "k", (function *)mpm_dict_delete },
    { "dict_delete_at", "v", (function *)mpm_dict_delete_at },
    { "dict_contains", "kB", (function *)mpm_dict_contains },
    { "dict_contains_at", "vB", (function *)mpm_dict_contains_at },
    { "dict_pop", "kD", (function *)mpm_dict_pop },
    { "dict_pop_at", "vD", (function *)mpm_dict_pop_at },
    { "dict_popitem", "D", (function *)mpm_dict_popitem },
    { "dict_setdefault", "kvD", (function *)mpm_dict_setdefault },
    { "dict_setdefault_at", "vvD", (function *)mpm_dict_setdefault_at },
    { "dict_update", "v", (function *)mpm_dict_update },
    { "dict_len", "I", (function *)mpm_dict_len },
    { "dict_clear", "", (function *)mpm_dict_clear },
    { "dict_copy", "D", (function *)mpm_dict_copy },
    { "dict_keys", "D", (function *)mpm_dict_keys },
    { "dict_values", "D", (function *)mpm_dict_values },
    { "dict_items", "D", (function *)mpm_dict_items },
    { "dict_iterate", "P", (function *)mpm_dict_iterate },
    { "dict_increment", "kiI", (function *)mpm_dict_increment },
    { "dict_compare_and_set", "kvvB", (function *)mpm_dict_compare_and_set },
    { "ordereddict_move_to_end", "kb", (function *)mpm_ordereddict_move_to_end },
    { "ordereddict_popitem", "bD", (function *)mpm_ordereddict_popitem },
    { "list_get", "iD", (function *)mpm_list_get },
    { "list_set", "iv", (function *)mpm_list_set },
    { "list_delete", "i", (function *)mpm_list_delete },
    { "list_get_slice", "iiD", (function *)mpm_list_get_slice },
    { "list_set_slice", "iiv", (function *)mpm_list_set_slice },
    { "list_delete_slice", "ii", (function *)mpm_list_delete_slice },
    { "list_append", "v", (function *)mpm_list_append },
    { "list_extend", "v", (function *)mpm_list_extend },
    { "list_insert", "iv", (function *)mpm_list_insert },
    { "list_pop", "iD", (function *)mpm_list_pop },
    { "list_remove", "v", (function *)mpm_list_remove },
    { "list_index", "vI", (function *)mpm_list_index },
    { "list_count", "vI", (function *)mpm_list_count },
    { "list_contains", "vB", (function *)mpm_list_contains },
    { "list_len", "I", (function *)mpm_list_len },
    { "list_reverse", "", (function *)mpm_list_reverse },
    { "list_sort", "b", (function *)mpm_list_sort },
    { "list_repeat", "i", (function *)mpm_list_repeat },
    { "list_clear", "", (function *)mpm_list_clear },
    { "list_copy", "D", (function *)mpm_list_copy },
    { "deque_append", "v", (function *)mpm_deque_append },
    { "deque_append_left", "v", (function *)mpm_deque_append_left },
    { "deque_extend", "v", (function *)mpm_deque_extend },
    { "deque_extend_left", "v", (function *)mpm_deque_extend_left },
    { "deque_pop", "D", (function *)mpm_deque_pop },
    { "deque_pop_left", "D", (function *)mpm_deque_pop_left },
    { "deque_insert", "iv", (function *)mpm_deque_insert },
    { "deque_remove", "v", (function *)mpm_deque_remove },
    { "deque_index", "vI", (function *)mpm_deque_index },
    { "deque_count", "vI", (function *)mpm_deque_count },
    { "deque_reverse", "", (function *)mpm_deque_reverse },
    { "deque_rotate", "i", (function *)mpm_deque_rotate },
    { "deque_clear", "", (function *)mpm_deque_clear },
    { "deque_copy", "D", (function *)mpm_deque_copy },
    { "deque_get", "iD", (function *)mpm_deque_get },
    { "deque_set", "iv", (function *)mpm_deque_set },
    { "deque_delete", "i", (function *)mpm_deque_delete },
    { "deque_contains", "vB", (function *)mpm_deque_contains },
    { "deque_len", "I", (function *)mpm_deque_len },
    { "set_add", "v", (function *)mpm_set_add },
    { "set_discard", "v", (function *)mpm_set_discard },
    { "set_remove", "v", (function *)mpm_set_remove },
    { "set_pop", "D", (function *)mpm_set_pop },
    { "set_contains", "vB", (function *)mpm_set_contains },
    { "set_len", "I", (function *)mpm_set_len },
    { "set_clear", "", (function *)mpm_set_clear },
    { "set_copy", "D", (function *)mpm_set_copy },
    { "set_update", "v", (function *)mpm_set_update },
    { "set_difference_update", "v", (function *)mpm_set_difference_update },
    { "set_intersection_update", "v", (function *)mpm_set_intersection_update },
    { "set_symmetric_difference_update", "v", (function *)mpm_set_symmetric_difference_update },
    { "set_union", "vD", (function *)mpm_set_union },
    { "set_difference", "vD", (function *)mpm_set_difference },
    { "set_intersection", "vD", (function *)mpm_set_intersection },
    { "set_symmetric_difference", "vD", (function *)mpm_set_symmetric_difference },
    { "set_is_disjoint", "vB", (function *)mpm_set_is_disjoint },
    { "set_is_subset", "vB", (function *)mpm_set_is_subset },
    { "set_is_superset", "vB", (function *)mpm_set_is_superset },
    { "namespace_get", "kD", (function *)mpm_namespace_get },
    { "namespace_get_int", "kI", (function *)mpm_namespace_get_int },
    { "namespace_get_double", "kF", (function *)mpm_namespace_get_double },
    { "namespace_get_text", "kS", (function *)mpm_namespace_get_text },
    { "namespace_set", "kv", (function *)mpm_namespace_set },
    { "namespace_set_int", "ki", (function *)mpm_namespace_set_int },
    { "namespace_set_double", "kf", (function *)mpm_namespace_set_double },
    { "namespace_set_text", "kk", (function *)mpm_namespace_set_text },
    { "namespace_delete", "k", (function *)mpm_namespace_delete },
    { "shared_get", "D", (function *)mpm_shared_get },
    { "shared_get_int", "I", (function *)mpm_shared_get_int },
    { "shared_get_double", "F", (function *)mpm_shared_get_double },
    { "shared_get_text", "S", (function *)mpm_shared_get_text },
    { "shared_set", "v", (function *)mpm_shared_set },
    { "shared_set_int", "i", (function *)mpm_shared_set_int },
    { "shared_set_double", "f", (function *)mpm_shared_set_double },
    { "shared_set_text", "k", (function *)mpm_shared_set_text },
    { "shared_add_int", "iI", (function *)mpm_shared_add_int },
    { "shared_add_double", "fF", (function *)mpm_shared_add_double },
    { "shared_compare_and_set", "vvB", (function *)mpm_shared_compare_and_set },
    { "shared_compare_and_set_int", "iiB", (function *)mpm_shared_compare_and_set_int },
    { "shared_exchange", "vD", (function *)mpm_shared_exchange },
    { "array_get", "iD", (function *)mpm_array_get },
    { "array_get_int", "iI", (function *)mpm_array_get_int },
    { "array_get_double", "iF", (function *)mpm_array_get_double },
    { "array_set", "iv", (function *)mpm_array_set },
    { "array_set_int", "ii", (function *)mpm_array_set_int },
    { "array_set_double", "if", (function *)mpm_array_set_double },
    { "array_len", "I", (function *)mpm_array_len },
    { "iterator_next", "D", (function *)mpm_iterator_next },
};

static void
need(int r, const char *what)
{
    if (r != 0) {
        fprintf(stderr, "%s: %s: %s\n", what, mpm_error_text(r), error.text);
        exit(2);
    }
}

/* --- arguments ---------------------------------------------------------------------------------------------------- */

static char *
text_of(struct mpm_ref ref)
{
    const char *text;
    size_t len;

    return mpm_read_text(ref, &text, &len) == 0 ? strndup(text, len) : NULL;
}

/* ('%slice', stop) or ('%slice', start, stop). Returns whether it is one. */
static bool
put_slice(struct mpm_builder *b, struct mpm_ref ref)
{
    struct mpm_ref *parts = NULL;
    size_t n = 0;
    bool is = mpm_kind(ref) == MPM_K_TUPLE && mpm_read_parts(ref, &parts, &n) == 0 && n > 1 &&
        mpm_text_is(parts[0], "%slice") == 1;

    if (is) {
        mpm_put_begin_call(b);
        mpm_put_class(b, "builtins", "slice");
        mpm_put_begin(b, MPM_K_TUPLE);
        for (size_t i = 1; i < n; i++)
            mpm_put_ref(b, parts[i]);
        mpm_put_end(b);
        mpm_put_end(b);
    }
    mpm_free(parts);
    return is;
}

static void
put(struct mpm_builder *b, struct mpm_ref ref)
{
    char *text = text_of(ref), *rest;

    if (text != NULL && text[0] == '%' && (rest = strrchr(text, '.')) != NULL) {
        *rest = '\0';
        mpm_put_class(b, text + 1, rest + 1);
    } else if (text != NULL && text[0] == '@' && (rest = strchr(text, ' ')) != NULL) {
        *rest = '\0';
        mpm_put_proxy(b, *place_of(text + 1), rest + 1);
    } else if (!put_slice(b, ref)) {
        mpm_put_ref(b, ref);
    }
    free(text);
}

/* The parts of a tuple literal; they live as long as the document. */
static struct mpm_ref *
parse(const char *literal, struct mpm_document **d, size_t *n)
{
    struct mpm_ref *parts;
    struct mpm_builder *b;
    const void *bytes;
    size_t len;

    need(mpm_client_builder(client, &b), "builder");
    need(mpm_put_literal(b, literal, &error), literal);
    need(mpm_builder_finish(b, &bytes, &len, &error), literal);
    need(mpm_document_open(bytes, len, d, &error), literal);
    need(mpm_read_parts(mpm_document_root(*d), &parts, n), literal);
    mpm_builder_close(b);
    return parts;
}

static struct mpm_builder *
arguments(const char *literal)
{
    struct mpm_document *d;
    struct mpm_builder *b;
    size_t n;
    struct mpm_ref *parts = parse(literal, &d, &n);

    need(mpm_client_builder(client, &b), "builder");
    mpm_put_begin(b, MPM_K_TUPLE);
    for (size_t i = 0; i < n; i++)
        put(b, parts[i]);
    mpm_put_end(b);
    mpm_free(parts);
    mpm_document_close(d);
    return b;
}

static void
read_args(const char *signature, const char *literal, struct arg *args)
{
    struct mpm_document *d;
    size_t n, i;
    struct mpm_ref *parts = parse(literal, &d, &n);

    for (i = 0; strchr("vktibf", signature[i]) != NULL && signature[i] != '\0'; i++) {
        struct arg *a = &args[i];

        if (i == n) {
            fprintf(stderr, "%s: arguments are missing\n", literal);
            exit(2);
        }
        a->text = text_of(parts[i]);
        (void)mpm_read_int64(parts[i], &a->i);
        (void)mpm_read_double(parts[i], &a->d);
        if (signature[i] == 't')
            a->i = mpm_kind(parts[i]) == MPM_K_NONE ? MPM_FOREVER : (int64_t)(a->d * 1e9);
        if (signature[i] != 'v')
            continue;
        need(mpm_client_builder(client, &a->value), "builder");
        put(a->value, parts[i]);
    }
    mpm_free(parts);
    mpm_document_close(d);
}

static void
free_args(struct arg *args)
{
    for (size_t i = 0; i < N_ARGS; i++) {
        mpm_builder_close(args[i].value);
        free(args[i].text);
    }
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

static void
print_document(struct mpm_document *d)
{
    char *repr;
    size_t len;

    need(mpm_repr(mpm_document_root(d), &repr, &len), "repr");
    puts(repr);
    mpm_free(repr);
    mpm_document_close(d);
}

static void
print_double(double v)
{
    struct mpm_document *d;
    struct mpm_builder *b;
    const void *bytes;
    size_t len;

    need(mpm_builder_open(4, &b), "builder");
    mpm_put_double(b, v);
    need(mpm_builder_finish(b, &bytes, &len, &error), "double");
    need(mpm_document_open(bytes, len, &d, &error), "double");
    mpm_builder_close(b);
    print_document(d);
}

static void
report(int r)
{
    const struct mpm_exception *e = mpm_client_exception(client);

    if (r == 0)
        puts("ok");
    else if (r == MPM_EREMOTE && e != NULL)
        printf("! %s: %s\n", e->type, e->text);
    else
        printf("? %s: %s\n", mpm_error_text(r), error.text);
}

/* --- calls -------------------------------------------------------------------------------------------------------- */

#define CALL(types, ...) ((int (*) types)f)(__VA_ARGS__)

static int
call_function(function *f, const char *s, struct mpm_proxy *p, const struct arg *a, struct out *o)
{
    struct mpm_error *err = &error;

    if (strcmp(s, "") == 0)
        return CALL((struct mpm_proxy *, struct mpm_error *), p, err);
    if (strcmp(s, "B") == 0)
        return CALL((struct mpm_proxy *, int *, struct mpm_error *), p, &o->b, err);
    if (strcmp(s, "D") == 0)
        return CALL((struct mpm_proxy *, struct mpm_document **, struct mpm_error *), p, &o->document, err);
    if (strcmp(s, "F") == 0)
        return CALL((struct mpm_proxy *, double *, struct mpm_error *), p, &o->d, err);
    if (strcmp(s, "I") == 0)
        return CALL((struct mpm_proxy *, int64_t *, struct mpm_error *), p, &o->i, err);
    if (strcmp(s, "P") == 0)
        return CALL((struct mpm_proxy *, struct mpm_proxy **, struct mpm_error *), p, &o->proxy, err);
    if (strcmp(s, "S") == 0)
        return CALL((struct mpm_proxy *, char **, struct mpm_error *), p, &o->text, err);
    if (strcmp(s, "b") == 0)
        return CALL((struct mpm_proxy *, int, struct mpm_error *), p, (int)a[0].i, err);
    if (strcmp(s, "bD") == 0)
        return CALL((struct mpm_proxy *, int, struct mpm_document **, struct mpm_error *), p, (int)a[0].i,
            &o->document, err);
    if (strcmp(s, "f") == 0)
        return CALL((struct mpm_proxy *, double, struct mpm_error *), p, a[0].d, err);
    if (strcmp(s, "fF") == 0)
        return CALL((struct mpm_proxy *, double, double *, struct mpm_error *), p, a[0].d, &o->d, err);
    if (strcmp(s, "i") == 0)
        return CALL((struct mpm_proxy *, int64_t, struct mpm_error *), p, a[0].i, err);
    if (strcmp(s, "iD") == 0)
        return CALL((struct mpm_proxy *, int64_t, struct mpm_document **, struct mpm_error *), p, a[0].i,
            &o->document, err);
    if (strcmp(s, "iF") == 0)
        return CALL((struct mpm_proxy *, int64_t, double *, struct mpm_error *), p, a[0].i, &o->d, err);
    if (strcmp(s, "iI") == 0)
        return CALL((struct mpm_proxy *, int64_t, int64_t *, struct mpm_error *), p, a[0].i, &o->i, err);
    if (strcmp(s, "ib") == 0)
        return CALL((struct mpm_proxy *, int64_t, int, struct mpm_error *), p, a[0].i, (int)a[1].i, err);
    if (strcmp(s, "if") == 0)
        return CALL((struct mpm_proxy *, int64_t, double, struct mpm_error *), p, a[0].i, a[1].d, err);
    if (strcmp(s, "ii") == 0)
        return CALL((struct mpm_proxy *, int64_t, int64_t, struct mpm_error *), p, a[0].i, a[1].i, err);
    if (strcmp(s, "iiB") == 0)
        return CALL((struct mpm_proxy *, int64_t, int64_t, int *, struct mpm_error *), p, a[0].i, a[1].i, &o->b, err);
    if (strcmp(s, "iiD") == 0)
        return CALL((struct mpm_proxy *, int64_t, int64_t, struct mpm_document **, struct mpm_error *), p, a[0].i,
            a[1].i, &o->document, err);
    if (strcmp(s, "iiv") == 0)
        return CALL((struct mpm_proxy *, int64_t, int64_t, struct mpm_builder *, struct mpm_error *), p, a[0].i,
            a[1].i, a[2].value, err);
    if (strcmp(s, "iv") == 0)
        return CALL((struct mpm_proxy *, int64_t, struct mpm_builder *, struct mpm_error *), p, a[0].i, a[1].value,
            err);
    if (strcmp(s, "k") == 0)
        return CALL((struct mpm_proxy *, const char *, struct mpm_error *), p, a[0].text, err);
    if (strcmp(s, "kB") == 0)
        return CALL((struct mpm_proxy *, const char *, int *, struct mpm_error *), p, a[0].text, &o->b, err);
    if (strcmp(s, "kD") == 0)
        return CALL((struct mpm_proxy *, const char *, struct mpm_document **, struct mpm_error *), p, a[0].text,
            &o->document, err);
    if (strcmp(s, "kF") == 0)
        return CALL((struct mpm_proxy *, const char *, double *, struct mpm_error *), p, a[0].text, &o->d, err);
    if (strcmp(s, "kI") == 0)
        return CALL((struct mpm_proxy *, const char *, int64_t *, struct mpm_error *), p, a[0].text, &o->i, err);
    if (strcmp(s, "kS") == 0)
        return CALL((struct mpm_proxy *, const char *, char **, struct mpm_error *), p, a[0].text, &o->text, err);
    if (strcmp(s, "kb") == 0)
        return CALL((struct mpm_proxy *, const char *, int, struct mpm_error *), p, a[0].text, (int)a[1].i, err);
    if (strcmp(s, "kf") == 0)
        return CALL((struct mpm_proxy *, const char *, double, struct mpm_error *), p, a[0].text, a[1].d, err);
    if (strcmp(s, "ki") == 0)
        return CALL((struct mpm_proxy *, const char *, int64_t, struct mpm_error *), p, a[0].text, a[1].i, err);
    if (strcmp(s, "kiI") == 0)
        return CALL((struct mpm_proxy *, const char *, int64_t, int64_t *, struct mpm_error *), p, a[0].text, a[1].i,
            &o->i, err);
    if (strcmp(s, "kk") == 0)
        return CALL((struct mpm_proxy *, const char *, const char *, struct mpm_error *), p, a[0].text, a[1].text, err);
    if (strcmp(s, "kv") == 0)
        return CALL((struct mpm_proxy *, const char *, struct mpm_builder *, struct mpm_error *), p, a[0].text,
            a[1].value, err);
    if (strcmp(s, "kvD") == 0)
        return CALL((struct mpm_proxy *, const char *, struct mpm_builder *, struct mpm_document **,
            struct mpm_error *), p, a[0].text, a[1].value, &o->document, err);
    if (strcmp(s, "kvvB") == 0)
        return CALL((struct mpm_proxy *, const char *, struct mpm_builder *, struct mpm_builder *, int *,
            struct mpm_error *), p, a[0].text, a[1].value, a[2].value, &o->b, err);
    if (strcmp(s, "v") == 0)
        return CALL((struct mpm_proxy *, struct mpm_builder *, struct mpm_error *), p, a[0].value, err);
    if (strcmp(s, "vB") == 0)
        return CALL((struct mpm_proxy *, struct mpm_builder *, int *, struct mpm_error *), p, a[0].value, &o->b, err);
    if (strcmp(s, "vD") == 0)
        return CALL((struct mpm_proxy *, struct mpm_builder *, struct mpm_document **, struct mpm_error *), p,
            a[0].value, &o->document, err);
    if (strcmp(s, "vI") == 0)
        return CALL((struct mpm_proxy *, struct mpm_builder *, int64_t *, struct mpm_error *), p, a[0].value, &o->i,
            err);
    if (strcmp(s, "vi") == 0)
        return CALL((struct mpm_proxy *, struct mpm_builder *, int64_t, struct mpm_error *), p, a[0].value, a[1].i,
            err);
    if (strcmp(s, "vv") == 0)
        return CALL((struct mpm_proxy *, struct mpm_builder *, struct mpm_builder *, struct mpm_error *), p,
            a[0].value, a[1].value, err);
    if (strcmp(s, "vvB") == 0)
        return CALL((struct mpm_proxy *, struct mpm_builder *, struct mpm_builder *, int *, struct mpm_error *), p,
            a[0].value, a[1].value, &o->b, err);
    if (strcmp(s, "vvD") == 0)
        return CALL((struct mpm_proxy *, struct mpm_builder *, struct mpm_builder *, struct mpm_document **,
            struct mpm_error *), p, a[0].value, a[1].value, &o->document, err);
    fprintf(stderr, "no call of signature %s\n", s);
    exit(2);
}

static void
print_out(const char *signature, struct out *o)
{
    switch (signature[0] != '\0' ? signature[strlen(signature) - 1] : '\0') {
    case 'D':
        print_document(o->document);
        break;
    case 'I':
        printf("%" PRId64 "\n", o->i);
        break;
    case 'B':
        puts(o->b != 0 ? "True" : "False");
        break;
    case 'F':
        print_double(o->d);
        break;
    case 'S':
        printf("'%s'\n", o->text);
        mpm_free(o->text);
        break;
    default:
        puts("ok");
    }
}

/* (lease, deliveries, item) as lease() has it. */
static int
lease(struct mpm_proxy *p, const char *literal)
{
    struct arg args[N_ARGS] = { 0 };
    int64_t number, deliveries;
    struct mpm_document *d;
    int r;

    read_args("t", literal, args);
    r = mpm_queue_lease(p, args[0].i, &number, &deliveries, &d, &error);
    free_args(args);
    if (r != 0) {
        printf("? %s\n", mpm_error_text(r));
        return r;
    }
    printf("(%" PRId64 ", %" PRId64 ", ", number, deliveries);
    print_document(d); /* the test adds the bracket */
    return 0;
}

/* (typecode, start, n): items as a list. (typecode, start, [items]): written. Of ints and doubles. */
static void
array(struct mpm_proxy *p, bool writes, const char *literal)
{
    struct mpm_document *d;
    size_t n, n_items = 0;
    struct mpm_ref *parts = parse(literal, &d, &n), *given = NULL;
    union {
        int i[64];
        double d[64];
        char bytes[512];
    } items;
    char *typecode = text_of(parts[0]);
    bool is_double = typecode[0] == 'd';
    int64_t start, count, v;
    int r;

    need(mpm_read_int64(parts[1], &start), literal);
    if (writes) {
        need(mpm_read_parts(parts[2], &given, &n_items), literal);
        for (size_t i = 0; i < n_items; i++) {
            if (is_double) {
                need(mpm_read_double(given[i], &items.d[i]), literal);
            } else {
                need(mpm_read_int64(given[i], &v), literal);
                items.i[i] = (int)v;
            }
        }
        r = mpm_array_write(p, typecode[0], start, &items, n_items, &error);
    } else {
        need(mpm_read_int64(parts[2], &count), literal);
        r = mpm_array_read(p, typecode[0], start, (size_t)count, &items, &n_items, &error);
    }
    if (r != 0) {
        printf("? %s\n", mpm_error_text(r));
    } else if (writes) {
        puts("ok");
    } else {
        printf("[");
        for (size_t i = 0; i < n_items; i++) {
            if (is_double)
                printf("%s%.1f", i != 0 ? ", " : "", items.d[i]);
            else
                printf("%s%d", i != 0 ? ", " : "", items.i[i]);
        }
        puts("]");
    }
    free(typecode);
    mpm_free(given);
    mpm_free(parts);
    mpm_document_close(d);
}

/* NAME:FUNCTION. Returns what the function does; a proxy goes to *proxy. */
static int
typed(char *target, const char *literal, struct mpm_proxy **proxy)
{
    struct arg args[N_ARGS] = { 0 };
    struct out out = { 0 };
    char *name = strchr(target, ':'), signature[8];
    int r;

    *name++ = '\0';
    if (strcmp(name, "queue_lease") == 0)
        return lease(*place_of(target), literal);
    if (strcmp(name, "array_read") == 0 || strcmp(name, "array_write") == 0) {
        array(*place_of(target), strcmp(name, "array_write") == 0, literal);
        return 0;
    }
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (strcmp(functions[i].name, name) != 0)
            continue;
        snprintf(signature, sizeof signature, "%s", functions[i].signature);
        read_args(signature, literal, args);
        for (char *c = signature; *c != '\0'; c++)
            *c = *c == 't' ? 'i' : *c;
        r = call_function(functions[i].function, signature, *place_of(target), args, &out);
        free_args(args);
        if (proxy != NULL && r == 0)
            *proxy = out.proxy;
        else if (r == 0)
            print_out(signature, &out);
        else
            printf("? %s\n", mpm_error_text(r));
        return r;
    }
    fprintf(stderr, "no function mpm_%s()\n", name);
    exit(2);
}

static void
general(char *target, const char *literal)
{
    struct mpm_document *d;
    struct mpm_builder *b = arguments(literal);
    char *method = strchr(target, '.');
    int r;

    *method++ = '\0';
    r = mpm_call(*place_of(target), method, b, NULL, MPM_FOREVER, &d, &error);
    mpm_builder_close(b);
    if (r != 0)
        report(r);
    else
        print_document(d);
}

/* --- finding objects ---------------------------------------------------------------------------------------------- */

static int
from_document(struct mpm_document *d, struct mpm_proxy **out)
{
    int r = mpm_proxy_from_ref(client, mpm_document_root(d), out, &error);

    mpm_document_close(d);
    return r;
}

static int
from_pickle(const char *hex, struct mpm_proxy **out)
{
    static uint8_t bytes[2048];
    struct mpm_document *d;
    size_t len = strlen(hex) / 2;
    unsigned v;

    for (size_t i = 0; i < len && i < sizeof bytes; i++) {
        if (sscanf(hex + 2 * i, "%2x", &v) != 1)
            abort();
        bytes[i] = (uint8_t)v;
    }
    need(mpm_document_open(bytes, len, &d, &error), "pickle");
    return from_document(d, out);
}

static int
from_connection(struct mpm_connection *connection, struct mpm_proxy **out)
{
    struct mpm_document *d;
    const void *bytes;
    size_t len;

    need(mpm_connection_receive(connection, &bytes, &len, MPM_FOREVER, &error), "pipe");
    need(mpm_document_open(bytes, len, &d, &error), "pipe");
    mpm_connection_close(connection);
    return from_document(d, out);
}

static int
from_item(const char *name, struct mpm_proxy **out)
{
    struct mpm_document *d;

    need(mpm_queue_get(*place_of(name), MPM_FOREVER, &d, &error), name);
    return from_document(d, out);
}

static void
assign(const char *name, char *what)
{
    struct mpm_proxy *p = NULL;
    struct mpm_connection *connection;
    char *text = strchr(what, ' '), *dot;
    struct mpm_builder *b;
    int r;

    if (text == NULL) {
        r = mpm_proxy_from_token(client, what, &p, &error);
        goto out;
    }
    *text++ = '\0';
    dot = strchr(what, '.');
    if (strcmp(what, "pickle") == 0) {
        r = from_pickle(text, &p);
    } else if (strcmp(what, "pipe") == 0) {
        need(mpm_connection_adopt(atoi(text), 0, NULL, &connection, &error), "pipe");
        r = from_connection(connection, &p);
    } else if (strcmp(what, "peer") == 0) {
        need(mpm_connection_open(text, &peer_options, MPM_FOREVER, &connection, &error), text);
        r = from_connection(connection, &p);
    } else if (strcmp(what, "item") == 0) {
        r = from_item(text, &p);
    } else if (strchr(what, ':') != NULL) {
        r = typed(what, text, &p);
        if (r != 0)
            return;
    } else {
        b = arguments(text);
        if (dot != NULL) {
            *dot = '\0';
            r = mpm_call_proxy(*place_of(what), dot + 1, b, NULL, MPM_FOREVER, &p, &error);
        } else {
            r = mpm_create(client, what, b, NULL, &p, &error);
        }
        mpm_builder_close(b);
    }
out:
    if (r == 0) {
        mpm_proxy_close(*place_of(name));
        *place_of(name) = p;
    }
    report(r);
}

/* --- with others -------------------------------------------------------------------------------------------------- */

/* count LOCK VALUE N: adds 1 in two steps, N times, under the lock. */
static void
count(char **words)
{
    struct mpm_proxy *lock = *place_of(words[0]), *value = *place_of(words[1]);
    int64_t v;

    for (int n = atoi(words[2]); n > 0; n--) {
        need(mpm_lock_acquire(lock, MPM_FOREVER, &error), "lock");
        need(mpm_shared_get_int(value, &v, &error), "get");
        need(mpm_shared_set_int(value, v + 1, &error), "set");
        need(mpm_lock_release(lock, &error), "lock");
    }
    puts("ok");
}

/* produce QUEUE NAME N: puts "NAME-0" and so on. */
static void
produce(char **words)
{
    struct mpm_builder *b;
    char text[64];

    need(mpm_client_builder(client, &b), "builder");
    for (int i = 0; i < atoi(words[2]); i++) {
        snprintf(text, sizeof text, "%s-%d", words[1], i);
        mpm_builder_clear(b);
        mpm_put_string(b, text);
        need(mpm_queue_put(*place_of(words[0]), b, MPM_FOREVER, &error), "put");
    }
    mpm_builder_close(b);
    puts("ok");
}

/* consume QUEUE DICT NAME: sets dict[item] = NAME until the item is None. Says how many. */
static void
consume(char **words)
{
    struct mpm_proxy *queue = *place_of(words[0]), *dict = *place_of(words[1]);
    struct mpm_document *d;
    char *text;
    int n = 0;

    for (;; n++) {
        need(mpm_queue_get(queue, MPM_FOREVER, &d, &error), "get");
        text = text_of(mpm_document_root(d));
        mpm_document_close(d);
        if (text != NULL)
            need(mpm_dict_set_text(dict, text, words[2], &error), "set");
        need(mpm_queue_task_done(queue, &error), "task_done");
        if (text == NULL)
            break;
        free(text);
    }
    printf("%d\n", n);
}

/* meet BARRIER N: says the sum of its indices. */
static void
meet(char **words)
{
    int64_t index, sum = 0;

    for (int n = atoi(words[1]); n > 0; n--) {
        need(mpm_barrier_wait(*place_of(words[0]), MPM_FOREVER, &index, &error), "wait");
        sum += index;
    }
    printf("%" PRId64 "\n", sum);
}

/* turns CONDITION VALUE MINE OF N: adds 1 when the value's rest by OF is MINE, N times. */
static void
turns(char **words)
{
    struct mpm_proxy *condition = *place_of(words[0]), *value = *place_of(words[1]);
    int64_t v;

    for (int n = atoi(words[4]); n > 0; n--) {
        need(mpm_lock_acquire(condition, MPM_FOREVER, &error), "acquire");
        for (;;) {
            need(mpm_shared_get_int(value, &v, &error), "get");
            if (v % atoi(words[3]) == atoi(words[2]))
                break;
            need(mpm_condition_wait(condition, MPM_FOREVER, &error), "wait");
        }
        need(mpm_shared_set_int(value, v + 1, &error), "set");
        need(mpm_condition_notify_all(condition, &error), "notify");
        need(mpm_lock_release(condition, &error), "release");
    }
    puts("ok");
}

static bool
work(char *line)
{
    static const struct {
        const char *name;
        void (*run)(char **words);
    } works[] = {
        { "count", count }, { "produce", produce }, { "consume", consume }, { "meet", meet }, { "turns", turns },
    };
    char *words[6] = { 0 }, copy[256] = "";
    size_t n = 0;

    memcpy(copy, line, strnlen(line, sizeof copy - 1));
    for (char *word = strtok(copy, " "); word != NULL && n < 6; word = strtok(NULL, " "))
        words[n++] = word;
    for (size_t i = 0; i < sizeof works / sizeof works[0]; i++) {
        if (n > 1 && strcmp(works[i].name, words[0]) == 0) {
            works[i].run(words + 1);
            return true;
        }
    }
    return false;
}

static void
obey(char *line)
{
    char *equals = strstr(line, " = "), *blank = strchr(line, ' ');

    if (strcmp(line, "signatures") == 0) {
        for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
            printf("%s/%s ", functions[i].name, functions[i].signature);
        puts("");
    } else if (strncmp(line, "token ", 6) == 0) {
        puts(mpm_proxy_token(*place_of(line + 6)));
    } else if (strncmp(line, "close ", 6) == 0) {
        mpm_proxy_close(*place_of(line + 6));
        *place_of(line + 6) = NULL;
        puts("ok");
    } else if (equals != NULL && equals == blank) {
        *equals = '\0';
        assign(line, equals + 3);
    } else if (!work(line)) {
        *blank = '\0';
        if (strchr(line, ':') != NULL)
            typed(line, blank + 1, NULL);
        else
            general(line, blank + 1);
    }
}

int
main(int argc, char **argv)
{
    struct mpm_client_options options = { .size = sizeof options };
    char key[256], line[8192];
    FILE *f;

    if (argc != 3 || (f = fopen(argv[2], "rb")) == NULL)
        return 2;
    options.authkey = key;
    options.authkey_len = fread(key, 1, sizeof key, f);
    fclose(f);
    peer_options.authkey = key;
    peer_options.authkey_len = options.authkey_len;
    need(mpm_client_open(argv[1], &options, &client, &error), argv[1]);
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        obey(line);
        fflush(stdout);
    }
    close_known();
    mpm_client_close(client);
    return 0;
}

/*
 * Everything at once: sessions of several processes call every method of every type with arguments drawn by lot,
 * proxies of each other's objects among them; they wait, give up, die, and lose replies; memory ends now and then.
 * Whatever they do, in the end nothing is left: no object, no byte that counts against --max-memory, no block.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "core/core.h"
#include "support/support.h"
#include "support/world.h"

#define ROUNDS 24
#define STEPS 1000
#define OBJECTS 24
#define PEERS 12
#define PIDS 4

struct thing {
    char ident[20];
    const char *typeid; /* NULL: free place */
    int64_t pid;        /* whose reference it is */
};

static struct {
    uint64_t seed, first_seed;
    struct thing things[OBJECTS];
    struct mpm_world_peer *peers[PEERS];
    int64_t pids[PEERS];
    size_t refuse_one_in; /* allocation; 0: none */
    char text[4096];      /* of a request */
    size_t len;
    size_t n_answered, n_raised, n_waited, n_proxies; /* lest the test be one of error messages */
} lot;

static size_t
below(size_t n)
{
    return mpm_test_below(&lot.seed, n);
}

static struct thing *
any_thing(void)
{
    size_t from = below(OBJECTS);

    for (size_t i = 0; i < OBJECTS; i++)
        if (lot.things[(from + i) % OBJECTS].typeid != NULL)
            return &lot.things[(from + i) % OBJECTS];
    return NULL;
}

static struct thing *
free_place(void)
{
    for (size_t i = 0; i < OBJECTS; i++)
        if (lot.things[i].typeid == NULL)
            return &lot.things[i];
    return NULL;
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

static void put(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void
put(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    lot.len += (size_t)vsnprintf(lot.text + lot.len, sizeof lot.text - lot.len, format, ap);
    va_end(ap);
    assert_true(lot.len < sizeof lot.text);
}

static void put_value(int depth);

static void
put_values(int depth, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        put_value(depth);
        put(", ");
    }
}

static void
put_scalar(void)
{
    static const char *const scalars[] = {
        "'a text that is too long to be kept in sixteen bytes'", "b'bytes that are too many to be kept in sixteen'",
        "None", "True", "False", "0", "1", "2", "3", "-1", "-2", "7", "0.0", "1.0", "0.5", "-1.5", "nan", "1e30", "'a'", "'b'",
        "'i'", "''", "b'a'", "b'\\x00\\xff'", "'text that is not kept inside'", "b'bytes that are not kept inside'",
        "1000000000000000000", "9223372036854775807", "-9223372036854775808", "18446744073709551616",
        "123456789012345678901234567890123456789",
    };

    put("%s", scalars[below(sizeof scalars / sizeof *scalars)]);
}

static void
put_value(int depth)
{
    static const char *const calls[] = {
        "range(0, 5, 1)", "range(5, 0, -2)", "range(0, 1000000000000000000, 1)", "slice(1, 3, None)", "slice(None, None, -1)",
        "slice(None, None, 2)", "slice(0, 0, None)", "slice(None, None, None)", "array.array('i', b'\\x01\\x00\\x00\\x00')",
        "array.array('d', [0.5, 1.5])", "<int>", "<object>", "collections.OrderedDict()+{'a': 1, 'b': [2]}",
        "collections.deque((), 3)+[1, 2, 3]",
    };
    static const char *const makers[] = { "iter", "reversed", "set", "frozenset", "list", "enumerate", "zip" };
    struct thing *t;
    size_t what = below(depth > 0 ? 24 : 12);

    if (what < 9) {
        put_scalar();
    } else if (what < 12 && (t = any_thing()) != NULL) {
        put("@%s:%s", t->ident, t->typeid);
        lot.n_proxies++;
    } else if (what < 14) {
        put("%s", calls[below(sizeof calls / sizeof *calls)]);
    } else if (what < 16) {
        put("%s(", makers[below(sizeof makers / sizeof *makers)]);
        put("[");
        put_values(depth - 1, below(4));
        put("])");
    } else if (what < 19) {
        put("[");
        put_values(depth - 1, below(5));
        put("]");
    } else if (what < 21) {
        put("(");
        put_values(depth - 1, below(4));
        put(")");
    } else {
        put("{");
        for (size_t i = 0, n = below(4); i < n; i++) {
            put_scalar();
            put(": ");
            put_value(depth - 1);
            put(", ");
        }
        put("}");
    }
}

/* What iterating over makes sense of; another object, often the one that is called. */
static void
put_container(const struct thing *self)
{
    const struct thing *t = self != NULL && below(2) == 0 ? self : any_thing();

    if (t != NULL && below(2) == 0) {
        put("@%s:%s", t->ident, t->typeid);
        lot.n_proxies++;
        return;
    }
    put("%s([", below(4) == 0 ? "set" : below(3) == 0 ? "iter" : "list");
    put_values(1, 2 + below(8));
    put("])");
}

static void
put_number(bool may_slice)
{
    static const char *const numbers[] = { "0", "1", "2", "3", "-1", "-2", "5", "100", "1000000000000000000" };
    static const char *const slices[] = {
        "slice(1, 3, None)", "slice(None, None, -1)", "slice(None, None, 2)", "slice(0, 0, None)", "slice(None, None, None)",
    };

    put("%s", may_slice && below(2) == 0 ? slices[below(5)] : numbers[below(9)]);
}

/* An argument that suits the parameter as a rule. */
static void
put_argument(const struct thing *self, const struct mpm_param *param)
{
    static const struct {
        const char *names;
        char what;
    } hints[] = {
        { " timeout ", 't' }, { " block blocking ", 'b' }, { " name ", 'a' },
        { " index i j n start stop count maxlen maxsize value_or_n permits ", 'n' },
        { " iterable items values other more others sequence ", 'c' }, { " key item ", 's' },
    };
    char name[32];
    char what = 0;

    snprintf(name, sizeof name, " %.*s ", param->len, param->name);
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        if (strstr(hints[i].names, name) != NULL)
            what = hints[i].what;
    switch (below(8) != 0 ? what : 0) {
    case 't': put("%s", below(2) == 0 ? "0.25" : "3"); break;
    case 'b': put("True"); break;
    case 'a': put("'%c'", (char)('a' + below(5))); break;
    case 'n': put_number(strcmp(name, " index ") == 0); break;
    case 'c': put_container(self); break;
    case 's': put_scalar(); break;
    default: put_value(3);
    }
}

/* self: NULL for a constructor. */
static void
put_arguments(const struct thing *self, const struct mpm_signature *signature)
{
    size_t n = signature->n_required + below(signature->n - signature->n_required + 1u);

    if (below(40) == 0)
        n = below(4);
    put("(");
    for (size_t i = 0; i < n && i < signature->n; i++) {
        put_argument(self, &signature->params[i]);
        put(", ");
    }
    for (size_t i = signature->has_args ? below(3) : 0; i > 0; i--) {
        put_container(self);
        put(", ");
    }
    put(")");
}

/* Afterwards there is little to do with the object. */
static bool
is_an_end(const char *method)
{
    return strcmp(method, "shutdown") == 0 || strcmp(method, "clear") == 0 || strcmp(method, "abort") == 0;
}

static void
put_request(const struct thing *t)
{
    static const char *const fallbacks[] = { "__str__()", "__repr__()", "#GETVALUE()" };
    const struct mpm_type *type = mpm_type_find(t->typeid, strlen(t->typeid));
    const struct mpm_method *method;
    size_t n = 0;

    lot.len = 0;
    put("%s.", t->ident);
    while (type->methods[n].name != NULL)
        n++;
    if (n == 0 || below(12) == 0) {
        put("%s", fallbacks[below(3)]);
        return;
    }
    do {
        method = &type->methods[below(n)];
    } while (method->named_only || (is_an_end(method->name) && below(10) != 0));
    put("%s", method->name);
    put_arguments(t, &method->signature);
}

/* --- what happens ------------------------------------------------------------------------------------------------- */

static int
refuse_by_lot(size_t size)
{
    (void)size;
    return below(lot.refuse_one_in) == 0;
}

static void
refuse(bool yes)
{
    mpm__alloc_hook = yes && lot.refuse_one_in != 0 ? refuse_by_lot : NULL;
}

static void
connect_peer(size_t i)
{
    lot.pids[i] = (int64_t)below(PIDS);
    lot.peers[i] = lot.pids[i] != 0 && below(4) == 0 ? mpm_world_peer_old(lot.pids[i]) :
        mpm_world_peer_new(lot.pids[i], below(2) == 0 ? "MainProcess" : "Thread-1");
    assert_non_null(lot.peers[i]);
}

static void
look_at(const char *reply, int64_t pid)
{
    struct thing *t;

    if (strcmp(reply, "...") == 0) {
        lot.n_waited++;
    } else if (reply[0] == '@') {
        if ((t = free_place()) != NULL) {
            *t = (struct thing){ .typeid = "Iterator", .pid = pid };
            snprintf(t->ident, sizeof t->ident, "%.*s", (int)strcspn(reply + 1, " "), reply + 1);
        }
    } else if (strstr(reply, "Error(") != NULL || reply[0] == '!') {
        lot.n_raised++;
    } else {
        lot.n_answered++;
    }
}

/* A peer that has no memory is closed. */
static bool
is_closed(const char *reply)
{
    return strcmp(reply, "! MemoryError") == 0;
}

static void
call(size_t i)
{
    struct thing *t = any_thing();
    const char *reply = "...";

    if (t == NULL)
        return;
    while (strcmp(reply = mpm_world_reply(lot.peers[i]), "...") != 0 && !is_closed(reply))
        look_at(reply, lot.pids[i]);
    if (!is_closed(reply)) {
        put_request(t);
        refuse(true);
        reply = mpm_world_ask(lot.peers[i], lot.text);
        refuse(false);
        look_at(reply, lot.pids[i]);
    }
    if (is_closed(reply)) {
        mpm_world_peer_end(lot.peers[i], below(2) == 0);
        connect_peer(i);
    }
}

static void
create(void)
{
    static const char *const containers[] = { "list", "dict", "OrderedDict", "set", "deque", "Queue", "PriorityQueue" };
    struct thing *t = free_place();
    const struct mpm_type *type;
    const char *typeid, *reply;
    size_t n = 0;

    if (t == NULL)
        return;
    while (mpm_type_name(n) != NULL)
        n++;
    typeid = below(3) != 0 ? containers[below(sizeof containers / sizeof *containers)] : mpm_type_name(below(n));
    type = mpm_type_find(typeid, strlen(typeid));
    lot.len = 0;
    put("%s", typeid);
    if (below(4) == 0)
        put("(%s)", strcmp(typeid, "Value") == 0 ? "'i', 1" : strcmp(typeid, "Array") == 0 ? "'i', [1, 2, 3]" :
            strcmp(typeid, "Barrier") == 0 ? "2" : strcmp(typeid, "Latch") == 0 ? "2" : "");
    else
        put_arguments(NULL, &type->signature);
    refuse(true);
    reply = mpm_world_create(lot.text);
    refuse(false);
    if (reply[0] == '\0' || strspn(reply, "0123456789abcdef") != strlen(reply))
        return;
    *t = (struct thing){ .typeid = typeid, .pid = 1 };
    snprintf(t->ident, sizeof t->ident, "%s", reply);
}

static void
let_go(void)
{
    struct thing *t = any_thing();

    if (t == NULL || (t->pid != 1))
        return;
    mpm_world_decref(t->ident);
    t->typeid = NULL;
}

static void
end_peer(void)
{
    size_t i = below(PEERS);

    mpm_world_peer_end(lot.peers[i], below(2) == 0);
    connect_peer(i);
}

static void
kill_process(int64_t pid)
{
    mpm_world_kill(pid, below(2) == 0);
    for (size_t i = 0; i < OBJECTS; i++)
        if (lot.things[i].pid == pid)
            lot.things[i].typeid = NULL;
    for (size_t i = 0; i < PEERS; i++)
        if (lot.pids[i] == pid)
            connect_peer(i);
}

static void
step(void)
{
    size_t what = below(100);

    if (what < 80)
        call(below(PEERS));
    else if (what < 90)
        create();
    else if (what < 93)
        let_go();
    else if (what < 95)
        mpm_world_pass((double)below(40) / 10);
    else if (what < 99)
        end_peer();
    else if (below(3) == 0)
        kill_process(1 + (int64_t)below(PIDS - 1));
}

/* References of processes that are not known (TCP) are never given back by death. */
static void
give_back_references(void)
{
    struct mpm_list *list = &mpm_world_hub()->object_list;
    struct mpm_link *l, *next;
    char ident[24];

    for (l = mpm__list_first(list); l != NULL; l = next) {
        struct mpm_object *o = MPM_CONTAINER(l, struct mpm_object, link);

        if (o->refs != 0) {
            mpm__ident(o, ident);
            mpm_world_decref(ident);
            next = mpm__list_first(list); /* others may have gone with it */
        } else {
            next = mpm__list_next(list, l);
        }
    }
}

/* For people. */
static void
show_what_is_left(void)
{
    struct mpm_list *list = &mpm_world_hub()->object_list;

    for (struct mpm_link *l = mpm__list_first(list); l != NULL; l = mpm__list_next(list, l)) {
        const struct mpm_object *o = MPM_CONTAINER(l, struct mpm_object, link);

        print_error("seed %llu: %s %llx is left: holds=%u shown=%u pinned=%d\n", (unsigned long long)lot.first_seed, o->typeid,
            (unsigned long long)o->id, o->holds, o->shown, !mpm__list_is_empty(&o->pinned_by));
    }
}

/* --- rounds ------------------------------------------------------------------------------------------------------- */

static void
play(uint64_t seed, size_t refuse_one_in, uint64_t max_memory)
{
    memset(&lot, 0, sizeof lot);
    lot.seed = lot.first_seed = seed;
    lot.refuse_one_in = refuse_one_in;
    mpm_world_open_limited((enum mpm_death_policy)(seed % 3), max_memory);
    for (size_t i = 0; i < PEERS; i++)
        connect_peer(i);
    for (size_t i = 0; i < STEPS; i++)
        step();
    for (size_t i = 0; i < PEERS; i++)
        mpm_world_peer_end(lot.peers[i], below(2) == 0);
    for (int64_t pid = 1; pid < PIDS; pid++)
        mpm_world_kill(pid, false);
    give_back_references();
    show_what_is_left();
    assert_true(mpm__list_is_empty(&mpm_world_hub()->object_list));
    assert_int_equal(mpm_world_memory(), 0);
    assert_int_equal(mpm_world_hub()->n_counted, 0);
    mpm_world_close();
}

static void
rounds(size_t refuse_one_in, uint64_t max_memory)
{
    size_t answered = 0, waited = 0, proxies = 0;

    for (uint64_t round = 0; round < ROUNDS; round++) {
        mpm_test_alloc_begin();
        mpm__alloc_hook = NULL;
        play(1000 * round + refuse_one_in + 1, refuse_one_in, max_memory);
        assert_int_equal(mpm_test_alloc_end(), 0);
        answered += lot.n_answered;
        waited += lot.n_waited;
        proxies += lot.n_proxies;
    }
    assert_true(answered > ROUNDS * STEPS / 8);
    assert_true(waited > ROUNDS * STEPS / 100);
    assert_true(proxies > ROUNDS * STEPS / 8);
}

static void
nothing_is_left_when_all_have_gone(void **state)
{
    (void)state;
    rounds(0, 0);
}

static void
nothing_is_left_when_memory_ended_now_and_then(void **state)
{
    (void)state;
    rounds(40, 0);
}

static void
nothing_is_left_when_the_limit_was_reached(void **state)
{
    (void)state;
    rounds(0, 4096);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_left_when_all_have_gone),
        cmocka_unit_test(nothing_is_left_when_memory_ended_now_and_then),
        cmocka_unit_test(nothing_is_left_when_the_limit_was_reached),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What Python 2.7 reads in place of the proxies that Python 2.7 stored: copies of what the objects are then; what stays a
 * proxy; objects inside of themselves and met twice; how deep and how much; and what happens without memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/core.h"
#include "support/support.h"
#include "support/people.h"

#define PROXY(typeid, ident) "<AcquirerProxy object, typeid '" typeid "' at 0x" ident ">"

static void
a_copy_is_of_what_the_object_is_when_it_is_read(void **state)
{
    (void)state;
    MADE("list([1])", "1");
    MADE("list()", "2");
    ASK(old, "2.append(@1:list)", "None");
    ASK(old, "2.append([@1:list, {'k': (@1:list, 5)}])", "None");
    ASK(old, "2.__getitem__(0)", "[1]");
    ASK(old, "1.append('x')", "None");
    ASK(old, "2.__getitem__(0)", "[1, 'x']");
    ASK(old, "2.__getitem__(1)", "[[1, 'x'], {'k': ([1, 'x'], 5)}]");
    ASK(old, "2.__getslice__(0, 9)", "[[1, 'x'], [[1, 'x'], {'k': ([1, 'x'], 5)}]]");
    ASK(old, "2.#GETVALUE()", "[[1, 'x'], [[1, 'x'], {'k': ([1, 'x'], 5)}]]");
    ASK(old, "2.__mul__(2)", "[[1, 'x'], [[1, 'x'], {'k': ([1, 'x'], 5)}], [1, 'x'], [[1, 'x'], {'k': ([1, 'x'], 5)}]]");
    ASK(old, "2.__str__()", "\"[[1, 'x'], [[1, 'x'], {'k': ([1, 'x'], 5)}]]\"");
    ASK(old, "2.pop(0)", "[1, 'x']");
    ASK(old, "1.append(2)", "None");
}

static void
what_python_3_stores_or_reads_stays_a_proxy(void **state)
{
    (void)state;
    MADE("list([1])", "1");
    MADE("list()", "2");
    ASK(old, "2.append(@1:list)", "None");
    ASK(a, "2.append(@1:list)", "None");
    ASK(old, "2.__getslice__(0, 9)", "[[1], " PROXY("list", "1") "]");
    ASK(a, "2.__getitem__(slice(None, None, None))", "[" PROXY("list", "1") ", " PROXY("list", "1") "]");
    ASK(a, "2.__str__()", "\"[" PROXY("list", "1") ", " PROXY("list", "1") "]\"");
    ASK(old, "2.__str__()", "\"[[1], " PROXY("list", "1") "]\"");
    /* one that Python 3 stored, inside of a copy */
    MADE("list()", "3");
    ASK(old, "3.append(@2:list)", "None");
    ASK(old, "3.pop()", "[[1], " PROXY("list", "1") "]");
    mpm_world_decref("2");
    mpm_world_decref("1");
    ASK(a, "1.__len__()", "1"); /* shown a moment ago */
    ASK(old, "3.__len__()", "0");
    ASK(a, "1.__len__()", "! KeyError: '1'");
}

static void
every_type_that_python_2_pickles_is_copied(void **state)
{
    (void)state;
    MADE("Namespace(b=1, a='x', _c=3)", "1");
    MADE("Value('i', 7)", "2");
    MADE("Array('i', [1, 2])", "3");
    MADE("dict({1: 2})", "4");
    MADE("list()", "5");
    ASK(old, "5.extend([@1:Namespace, @2:Value, @3:Array, @4:dict])", "None");
    ASK(old, "5.__getslice__(0, 9)", "[Namespace(a='x', b=1), Value('i', 7), array('i', [1, 2]), {1: 2}]");
    MADE("Namespace()", "6");
    ASK(old, "6.__setattr__('x', @5:list)", "None");
    ASK(old, "6.__getattribute__('x')", "[Namespace(a='x', b=1), Value('i', 7), array('i', [1, 2]), {1: 2}]");
    ASK(old, "6.__str__()", "\"Namespace(x=[Namespace(a='x', b=1), Value('i', 7), array('i', [1, 2]), {1: 2}])\"");
    MADE("Value('i', 0)", "7");
    ASK(old, "7.set(@4:dict)", "None");
    ASK(old, "7.get()", "{1: 2}");
    ASK(old, "7.__str__()", "\"Value('i', {1: 2})\"");
    MADE("dict()", "8");
    ASK(old, "8.__setitem__('k', @4:dict)", "None");
    ASK(old, "8.items()", "[('k', {1: 2})]");
    ASK(old, "8.values()", "[{1: 2}]");
    ASK(old, "8.copy()", "{'k': {1: 2}}");
    ASK(old, "8.get('k')", "{1: 2}");
    ASK(old, "8.get('z', @4:dict)", "{1: 2}");
    ASK(a, "8.get('z', @4:dict)", PROXY("dict", "4"));
    ASK(old, "8.setdefault('y', @4:dict)", "{1: 2}");
    ASK(old, "8.pop('y')", "{1: 2}");
    ASK(old, "8.popitem()", "('k', {1: 2})");
    MADE("deque()", "9");
    ASK(old, "9.append(@4:dict)", "None");
    ASK(old, "5.append(@9:deque)", "None");
    ASK(old, "5.pop()", "deque([{1: 2}])");
}

static void
a_waiting_reader_gets_one_too(void **state)
{
    (void)state;
    MADE("list([1])", "1");
    MADE("Queue()", "2");
    ASK(old, "2.get()", "...");
    ASK(a, "2.put(@1:list)", "None");
    GOT(old, PROXY("list", "1"));
    ASK(old, "2.put([@1:list, @1:list])", "None");
    ASK(old, "1.append(2)", "None");
    ASK(old, "2.get()", "[[1, 2], [1, 2]]");
}

static void
what_python_2_cannot_pickle_stays_a_proxy(void **state)
{
    (void)state;
    MADE("Lock()", "1");
    MADE("Queue()", "2");
    MADE("list()", "3");
    MADE("list()", "4");
    ASK(old, "3.extend([@1:Lock, @2:Queue, @4:list, @4:dict, @9:list])", "None");
    ASK(old, "3.__getslice__(0, 9)", "[" PROXY("Lock", "1") ", " PROXY("Queue", "2") ", [], " PROXY("dict", "4") ", "
        PROXY("list", "9") "]");
    /* what it would not hash */
    MADE("dict()", "5");
    ASK(old, "5.__setitem__('k', {@4:list : @4:list, (1, (@4:list, 2)): [@4:list], 3: {@3:list : 1}})", "None");
    ASK(old, "5.__getitem__('k')", "{" PROXY("list", "4") ": [], (1, (" PROXY("list", "4") ", 2)): [[]], 3: {"
        PROXY("list", "3") ": 1}}");
    ASK(old, "5.__setitem__('k', [set([@4:list]), @4:list])", "None");
    ASK(old, "5.__getitem__('k')", "[{" PROXY("list", "4") "}, []]");
    /* what it has no name for */
    ASK(a, "4.append(slice(1, 2, 3))", "None");
    ASK(a, "4.append(types.SimpleNamespace()|{'a': 1})", "None");
    ASK(old, "5.__setitem__('k', [@4:list, @4:list])", "None");
    ASK(old, "5.__getitem__('k')", "[" PROXY("list", "4") ", " PROXY("list", "4") "]");
    ASK(old, "5.__str__()", "\"{'k': [" PROXY("list", "4") ", " PROXY("list", "4") "]}\"");
}

static void
objects_inside_of_themselves_are_so_in_the_copy(void **state)
{
    (void)state;
    MADE("list()", "1");
    MADE("list()", "2");
    ASK(old, "1.append(@1:list)", "None");
    ASK(old, "1.#GETVALUE()", "[[...]]");
    ASK(old, "1.__str__()", "'[[...]]'");
    ASK(old, "1.__getitem__(0)", "[[...]]");
    ASK(old, "1.__getslice__(0, 9)", "[[[...]]]"); /* a new list, with this one in it */
    ASK(old, "1.__setitem__(0, @2:list)", "None");
    ASK(old, "2.append(@1:list)", "None");
    ASK(old, "2.append(@2:list)", "None");
    ASK(old, "1.__getitem__(0)", "[[[...]], [...]]");
    MADE("dict()", "3");
    MADE("Namespace()", "4");
    ASK(old, "3.update({'a': @3:dict, 'n': @4:Namespace})", "None");
    ASK(old, "4.__setattr__('d', @3:dict)", "None");
    ASK(old, "3.__str__()", "\"{'a': {...}, 'n': Namespace(d={...})}\"");
    ASK(old, "4.__str__()", "\"Namespace(d={'a': {...}, 'n': ...})\"");
    MADE("deque()", "5");
    ASK(old, "5.append(@5:deque)", "None");
    ASK(old, "5.__getitem__(0)", "deque([[...]])");
    MADE("OrderedDict()", "6");
    ASK(old, "6.__setitem__('s', @6:OrderedDict)", "None");
    ASK(old, "5.append(@6:OrderedDict)", "None");
    ASK(old, "5.pop()", "OrderedDict({'s': ...})");
    MADE("set()", "7");
    ASK(old, "7.add(@7:set)", "None");
    ASK(old, "5.append([@7:set, @7:set])", "None");
    ASK(old, "5.pop()", "[{" PROXY("set", "7") "}, {" PROXY("set", "7") "}]");
}

/* --- pickles by hand ---------------------------------------------------------------------------------------------- */

#define CLASS "cmultiprocessing.managers\n"
#define OF(ident) "U\4listU\5/sockU\1" ident "\x87" "bU\6pickle}tR"
#define PROXY_(ident) "<ListProxy object, typeid 'list' at 0x" ident ">"
#define HANDMADE(ident) CLASS "RebuildProxy\n(" CLASS "ListProxy\n" CLASS "Token\n)\x81" OF(ident)

/* What becomes of a pickle, as text; how many bytes it has then. */
static const char *
copied(const char *pickle, size_t len, size_t *n, size_t *n_proxies)
{
    static char text[512];
    struct mpm_shown *shown = NULL;
    struct mpm_open open = { 0 };
    struct mpm_buf out, said;
    struct mpm_ref ref;
    int r;

    mpm__buf_init(&out, 0);
    mpm__buf_init(&said, 0);
    mpm__buf_text(&out, "before");
    mpm__buf_put(&out, pickle, len);
    r = mpm__put_copies(mpm_world_hub(), &out, 6, NULL, &shown);
    if (r == 0 && mpm_world_hub() != NULL) {
        assert_memory_equal(out.data, "before", 6);
        mpm__buf_shift(&out, 6);
        *n = out.len;
        *n_proxies = 0;
        for (const uint8_t *at = out.data; (at = memmem(at, (size_t)(out.data + out.len - at), "RebuildProxy", 12)) != NULL;
             at++)
            ++*n_proxies;
        assert_int_equal(mpm__open_written(&open, &out, &ref), 0);
        r = mpm__repr(ref, &said);
        mpm__close(&open);
    }
    snprintf(text, sizeof text, "%.*s", (int)said.len, (const char *)said.data);
    if (r != 0)
        snprintf(text, sizeof text, "error %d", r);
    mpm__unshow(shown);
    mpm__buf_wipe(&said);
    mpm__buf_wipe(&out);
    return text;
}

#define COPIED(pickle, text) assert_string_equal(copied("" pickle "", sizeof(pickle) - 1, &n, &n_proxies), text)

static void
what_a_proxy_is_made_of_may_be_used_again(void **state)
{
    size_t n, n_proxies;

    (void)state;
    MADE("list([1])", "1");
    MADE("Lock()", "2");
    ASK(old, "1.append([@1:list, {}])", "None");
    COPIED("](" HANDMADE("1") HANDMADE("1") "e", "[[1, [[...], {}]], [1, [[...], {}]]]");
    assert_int_equal(n_proxies, 0);
    /* the second is made of the first's classes, the third is the first once more, and one stays */
    COPIED("](" CLASS "RebuildProxy\nq\0(" CLASS "ListProxy\nq\1" CLASS "Token\nq\2)\x81" "U\4listU\5/sockU\1" "1\x87q\4"
        "bU\6pickleq\7}tRq\3h\0(h\1h\2)\x81" OF("1") "h\3h\0(h\1h\2)\x81U\4LockU\5/sockU\1" "2\x87" "bh\7}tRh\4e",
        "[[1, [[...], {}]], [1, [[...], {}]], [1, [[...], {}]], <ListProxy object, typeid 'Lock' at 0x2>, "
        "('list', '/sock', '1')]");
    assert_int_equal(n_proxies, 1);
    /* a proxy among the parts of a proxy goes with it */
    COPIED(CLASS "RebuildProxy\n(" CLASS "ListProxy\n" CLASS "Token\n)\x81U\4listU\5/sockU\1" "1\x87" "bU\6pickle}U\1x"
        HANDMADE("1") "stR", "[1, [[...], {}]]");
    assert_int_equal(n_proxies, 0);
    /* a Token alone is none */
    COPIED(CLASS "Token\n)\x81U\4listU\5/sockU\1" "1\x87" "b", "<multiprocessing.managers.Token object>");
    COPIED("]", "[]");
    assert_int_equal(n, 1);
}

/* Python 3 wrote it: Python 2.7 takes no text of characters for a path. */
static void
an_address_becomes_a_byte_string(void **state)
{
#define TEXT(n, text) "X" n "\0\0\0" text
#define BY_3(address) CLASS "RebuildProxy\n(" CLASS "ListProxy\n" CLASS "Token\n)\x81" TEXT("\4", "list") address TEXT("\1", "1") \
    "\x87" "b" TEXT("\6", "pickle") "}tR"
    static const char one[] = BY_3(TEXT("\5", "/sock"));
    size_t n, n_proxies;

    (void)state;
    MADE("list([1])", "1");
    COPIED(BY_3(TEXT("\5", "/sock")), PROXY_("1"));
    assert_int_equal(n, sizeof one - 1 - 3);
    assert_int_equal(n_proxies, 1);
    COPIED("](" BY_3(TEXT("\5", "/sock") "q\0") BY_3("h\0") BY_3(TEXT("\5", "/sock") "q\1") BY_3("h\0") BY_3("h\1") "h\1e",
        "[" PROXY_("1") ", " PROXY_("1") ", " PROXY_("1") ", " PROXY_("1") ", " PROXY_("1") ", '/sock']");
    assert_int_equal(n_proxies, 5);
    COPIED("]" BY_3(TEXT("\2", "/x")) "a", "[" PROXY_("1") "]"); /* another server's */
    assert_int_equal(n, sizeof one - 1 - 3 + 2);
    COPIED("](" BY_3(TEXT("\5", "/sock")) HANDMADE("1") "e", "[" PROXY_("1") ", [1]]");
    ASK(a, "1.append(@1:list)", "None");
    ASK(old, "1.__getitem__(1)", PROXY("list", "1"));
}

static void
copies_are_only_so_deep(void **state)
{
    char request[64];
    size_t n, n_proxies;

    (void)state;
    for (int i = 1; i <= 0x800; i++) {
        snprintf(request, sizeof request, "%x", (unsigned)i);
        MADE("list()", request);
        if (i > 1) {
            snprintf(request, sizeof request, "%x.append(@%x:list)", (unsigned)i, (unsigned)i - 1);
            ASK(old, request, "None");
        }
    }
    assert_non_null(strstr(mpm_world_ask(old, "800.__getitem__(0)"), "[" PROXY("list", "418") "]"));
    assert_non_null(strstr(mpm_world_ask(old, "800.__str__()"), PROXY("list", "418") "]"));
    ASK(old, "3.__getitem__(0)", "[[]]");
    copied(CLASS "RebuildProxy\n(" CLASS "ListProxy\n" CLASS "Token\n)\x81U\4listU\5/sockU\3" "800\x87" "bU\6pickle}tR",
        sizeof(HANDMADE("1")) + 1, &n, &n_proxies);
    assert_int_equal(n_proxies, 1);
}

static void
copies_take_only_so_much_room(void **state)
{
    static char request[600 * 1024 + 32];
    size_t len = 600 * 1024;
    size_t n, n_proxies;
    uint64_t memory;

    (void)state;
    MADE("list()", "1");
    MADE("list()", "2");
    MADE("list()", "3");
    memset(request, 'x', sizeof request);
    memcpy(request, "1.append('", 10);
    strcpy(request + len, "')");
    ASK(old, request, "None");
    ASK(old, "2.extend([@1:list, @1:list, @1:list, @1:list])", "None");
    assert_non_null(strstr(mpm_world_ask(old, "2.__getitem__(0)"), "xxx"));
    mpm_world_ask(old, "2.__getslice__(0, 9)"); /* one list four times */
    assert_true(mpm_world_replied(old) > 600 * 1024 && mpm_world_replied(old) < 601 * 1024);
    request[0] = '3';
    ASK(old, request, "None");
    ASK(old, "2.append(@3:list)", "None");
    ASK(old, "2.__getslice__(0, 9)", "! MemoryError: copies of the objects inside of it would have more than --max-message "
        "1048576 bytes; read them one by one");
    ASK(old, "2.__str__()", "! MemoryError: the text would have more than --max-message 1048576 bytes");
    ASK(old, "2.__setitem__(0, [@1:list, @3:list])", "None");
    ASK(old, "2.pop(0)", "! MemoryError: copies of the objects inside of it would have more than --max-message "
        "1048576 bytes; read them one by one");
    ASK(old, "2.__len__()", "5");
    ASK(a, "2.__getitem__(0)", "[" PROXY("list", "1") ", " PROXY("list", "3") "]");
    MADE("dict({'k': 1})", "4");
    MADE("OrderedDict({'k': 1})", "5");
    memory = mpm_world_memory();
    for (int i = 0; i < 200; i++) { /* also among those of which there is an index */
        snprintf(request, sizeof request, "%d.setdefault('a key that is new', [@1:list, @3:list])", 4 + i % 2);
        ASK(old, request, "! MemoryError: copies of the objects inside of it would have more than --max-message "
            "1048576 bytes; read them one by one");
        if (i == 1)
            assert_int_equal(mpm_world_memory(), memory);
        snprintf(request, sizeof request, "%d.setdefault(%d, 1)", 4 + i % 2, i);
        ASK(old, request, "1");
    }
    ASK(a, "4.__len__()", "101");
    ASK(a, "5.__contains__('a key that is new')", "False");
    ASK(a, "5.setdefault('a key that is new')", "None");
    ASK(a, "5.popitem()", "('a key that is new', None)");
    ASK(a, "5.popitem()", "(199, 1)");
    assert_non_null(strstr(mpm_world_ask(old, "2.__getitem__(4)"), "xxx"));
    assert_non_null(strstr(mpm_world_ask(a, "2.pop()"), "ListProxy") == NULL ? "proxy" : NULL);
    COPIED("](" HANDMADE("1") HANDMADE("3") "e", "error -36");
    (void)n;
    (void)n_proxies;
}

#define OTHER(number) "types.SimpleNamespace()|{'a': " number "}" /* Python 2 has none */
#define SHOWN "<types.SimpleNamespace object>"
#define REFUSED(request) assert_non_null(strstr(mpm_world_ask(old, request), "PicklingError"))
#define ALL(ident, text) ASK(a, ident ".__getitem__(slice(None, None, None))", text)

/* pop() and its kind, whose reply this Python cannot have. */
static void
what_cannot_be_told_is_not_taken_away(void **state)
{
    uint64_t memory;

    (void)state;
    MADE("list()", "1");
    MADE("deque()", "2");
    MADE("dict()", "3");
    MADE("OrderedDict()", "4");
    MADE("set()", "5");
    MADE("Value('i', 0)", "6");
    ASK(a, "1.extend([1, " OTHER("1") ", 2])", "None");
    ASK(a, "2.extend([" OTHER("1") ", 2, " OTHER("2") "])", "None");
    ASK(a, "3.update({1: 2, 'k': " OTHER("1") ", 3: 4, 'l': " OTHER("2") "})", "None");
    ASK(a, "4.update({'k': " OTHER("1") ", 3: 4, 'l': " OTHER("2") "})", "None");
    ASK(a, "5.update([asyncio.Lock(), 1])", "None");
    ASK(a, "6.set(" OTHER("1") ")", "None");
    memory = mpm_world_memory();
    REFUSED("1.pop(1)");
    ALL("1", "[1, " SHOWN ", 2]");
    REFUSED("2.pop()");
    REFUSED("2.popleft()");
    ASK(a, "2.copy()", "deque([" SHOWN ", 2, " SHOWN "])");
    REFUSED("3.pop('k')");
    REFUSED("3.popitem()");
    ASK(a, "3.items()", "[(1, 2), ('k', " SHOWN "), (3, 4), ('l', " SHOWN ")]");
    REFUSED("4.popitem(False)");
    REFUSED("4.popitem()");
    ASK(a, "4.items()", "[('k', " SHOWN "), (3, 4), ('l', " SHOWN ")]");
    REFUSED("5.pop()");
    ASK(a, "5.__len__()", "2");
    REFUSED("6.exchange([1, 'a text of more than fourteen bytes'])");
    ASK(a, "6.get()", "" SHOWN "");
    assert_int_equal(mpm_world_memory(), memory);
    /* and can be had by others */
    ASK(a, "1.pop(1)", "" SHOWN "");
    ASK(a, "2.popleft()", "" SHOWN "");
    ASK(a, "2.pop()", "" SHOWN "");
    ASK(a, "3.pop('l')", "" SHOWN "");
    ASK(a, "3.popitem()", "(3, 4)");
    ASK(a, "3.popitem()", "('k', " SHOWN ")");
    REFUSED("4.popitem(False)");
    ASK(a, "4.popitem(False)", "('k', " SHOWN ")");
    ASK(old, "4.pop(3)", "4");
    REFUSED("4.popitem()");
    ASK(a, "4.pop('l')", "" SHOWN "");
    ASK(a, "4.__len__()", "0");
    ASK(a, "6.exchange('x')", "" SHOWN "");
    ASK(old, "6.get()", "'x'");
    /* among many, where there is an index */
    for (int i = 0; i < 100; i++) {
        char request[96];

        snprintf(request, sizeof request, "3.__setitem__(%d, " OTHER("%d") ")", i, i);
        ASK(a, request, "None");
    }
    REFUSED("3.pop(0)");
    REFUSED("3.pop(99)");
    REFUSED("3.pop(50)");
    ASK(a, "3.__len__()", "100");
    ASK(a, "3.popitem()", "(99, " SHOWN ")");
    ASK(a, "3.pop(0)", "" SHOWN "");
    ASK(a, "3.pop(50)", "" SHOWN "");
    ASK(a, "3.pop(50, 'gone')", "'gone'");
}

/* How often an item was lent is known when pop_many() could not tell of it, and when nobody read what it told. */
static void
items_that_go_back_keep_their_deliveries(void **state)
{
    (void)state;
    MADE("Queue()", "1");
    ASK(a, "1.put_many([" OTHER("1") ", 2, 3])", "None");
    ASK(a, "1.lease()", "(1, 1, " SHOWN ")");
    ASK(a, "1.lease()", "(2, 1, 2)");
    ASK(a, "1.nack(2)", "None");
    ASK(a, "1.lease()", "(3, 2, 2)");
    ASK(a, "1.nack(3)", "None");
    ASK(a, "1.nack(1)", "None");
    REFUSED("1.pop_many(3)");
    ASK(a, "1.lease()", "(4, 2, " SHOWN ")");
    ASK(a, "1.ack(4)", "None");
    ASK(old, "1.pop_many(3)", "[2, 3]");
    mpm_world_peer_end(old, true);
    ASK(a, "1.lease()", "(5, 3, 2)");
    ASK(a, "1.lease()", "(6, 1, 3)");
}

/* --- without memory ----------------------------------------------------------------------------------------------- */

static int
life(void)
{
    bool ok;

    if (!mpm_people_try(MPM_DEATH_KEEP, 1))
        return MPM_ENOMEM;
    old = a != NULL ? mpm_world_peer_old(50) : NULL;
    ok = old != NULL && strcmp(mpm_world_create("list([1])"), "1") == 0 &&
         strcmp(mpm_world_create("dict({1: 2})"), "2") == 0 && strcmp(mpm_world_create("list()"), "3") == 0 &&
         strcmp(mpm_world_create("Queue()"), "4") == 0 &&
         mpm_world_either(old, "1.append(@1:list)", "None") &&
         mpm_world_either(old, "1.append({'d': @2:dict, 'n': @4:Queue})", "None") &&
         mpm_world_either(old, "3.extend([@1:list, %1=@2:dict, [%1, @3:list]])", "None") &&
         mpm_world_either(old, "3.__getitem__(1)", "{1: 2}") &&
         mpm_world_either(old, "2.get('z', @1:list)", "[1, [...], {'d': {1: 2}, 'n': " PROXY("Queue", "4") "}]") &&
         mpm_world_either(old, "3.#GETVALUE()", "[[1, [...], {'d': {1: 2}, 'n': " PROXY("Queue", "4")
             "}], {1: 2}, [{1: 2}, [...]]]") &&
         mpm_world_either(old, "3.__str__()", "\"[[1, [...], {'d': {1: 2}, 'n': " PROXY("Queue", "4")
             "}], {1: 2}, [{1: 2}, [...]]]\"") &&
         mpm_world_either(a, "3.append([@1:list, 1])", "None") &&
         mpm_world_either(old, "3.pop()", "[" PROXY("list", "1") ", 1]") &&
         mpm_world_either(old, "4.put([@2:dict, {1: @2:dict}])", "None") &&
         mpm_world_either(old, "4.get()", "[{1: 2}, {1: {1: 2}}]");
    return mpm_people_tried(ok);
}

static void
without_memory_nothing_is_half_done(void **state)
{
    (void)state;
    assert_true(mpm_test_fail_until_ok(life) > 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, mpm_people_come, mpm_people_go)
    const struct CMUnitTest tests[] = {
        TEST(a_copy_is_of_what_the_object_is_when_it_is_read),
        TEST(what_python_3_stores_or_reads_stays_a_proxy),
        TEST(every_type_that_python_2_pickles_is_copied),
        TEST(a_waiting_reader_gets_one_too),
        TEST(what_python_2_cannot_pickle_stays_a_proxy),
        TEST(objects_inside_of_themselves_are_so_in_the_copy),
        TEST(what_a_proxy_is_made_of_may_be_used_again),
        TEST(an_address_becomes_a_byte_string),
        TEST(copies_are_only_so_deep),
        TEST(copies_take_only_so_much_room),
        TEST(what_cannot_be_told_is_not_taken_away),
        TEST(items_that_go_back_keep_their_deliveries),
        cmocka_unit_test(without_memory_nothing_is_half_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

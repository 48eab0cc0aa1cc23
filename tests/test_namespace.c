/* Namespace, and what bind.c says about arguments that the other tests do not show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "object/bind.h"
#include "support/support.h"
#include "support/people.h"

static void
attributes_are_set_read_and_deleted(void **state)
{
    (void)state;
    MADE("Namespace()", "1");
    ASK(a, "1.__setattr__('x', [1, 2])", "None");
    ASK(b, "1.__getattribute__('x')", "[1, 2]");
    ASK(b, "1.__setattr__('x', {'a': (1.5, None)})", "None");
    ASK(a, "1.__getattribute__('x')", "{'a': (1.5, None)}");
    ASK(a, "1.__delattr__('x')", "None");
    ASK(a, "1.__getattribute__('x')", "AttributeError(\"'Namespace' object has no attribute 'x'\")");
    ASK(a, "1.__delattr__('x')", "AttributeError(\"'Namespace' object has no attribute 'x'\")");
    ASK(a, "1.__setattr__('', 1)", "None");
    ASK(a, "1.__getattribute__('')", "1");
}

static void
it_begins_with_the_keywords_it_was_made_with(void **state)
{
    (void)state;
    MADE("Namespace(b=1, a=2, _c=3, B='x', self=4)", "1");
    ASK(a, "1.__str__()", "\"Namespace(B='x', a=2, b=1, self=4)\"");
    ASK(a, "1.__getattribute__('_c')", "3");
    ASK(a, "1.__getattribute__('__dict__')", "{'b': 1, 'a': 2, '_c': 3, 'B': 'x', 'self': 4}");
    MADE("Namespace(1)", "! TypeError: Namespace.__init__() takes 1 positional argument but 2 were given");
    MADE("Namespace()", "2");
    ASK(a, "2.__repr__()", "'Namespace()'");
    ASK(a, "2.__getattribute__('__dict__')", "{}");
    ASK(a, "2.__setattr__('a b', 1)", "None");
    ASK(a, "2.__setattr__('a', 2)", "None");
    ASK(a, "2.__setattr__('a', 3)", "None"); /* keeps its place */
    ASK(a, "2.__repr__()", "'Namespace(a b=1, a=3)'"); /* sorted by the text with the value: ' ' < '=' */
    ASK(a, "2.__getattribute__('__dict__')", "{'a b': 1, 'a': 3}");
}

static void
what_every_object_has_is_answered_as_cpython_pickles_it(void **state)
{
    (void)state;
    MADE("Namespace(x=1)", "1");
    ASK(a, "1.__getattribute__('__class__')", "<class 'multiprocessing.managers.Namespace'>");
    ASK(a, "1.__getattribute__('__module__')", "'multiprocessing.managers'");
    ASK(a, "1.__getattribute__('__doc__')", "None");
    ASK(a, "1.__getattribute__('__weakref__')", "None");
    assert_non_null(strstr(mpm_world_ask(a, "1.__getattribute__('__init__')"), "getattr"));
    assert_non_null(strstr(mpm_world_ask(a, "1.__getattribute__('__new__')"), "getattr"));
    assert_non_null(strstr(mpm_world_ask(a, "1.__getattribute__('__init_subclass__')"), "getattr"));
    assert_non_null(strstr(mpm_world_ask(a, "1.#GETVALUE()"), "Namespace"));
    ASK(a, "1.__getattribute__('__name__')", "AttributeError(\"'Namespace' object has no attribute '__name__'\")");
    ASK(a, "1.__setattr__('__doc__', 1)", "None");
    ASK(a, "1.__getattribute__('__doc__')", "1");
    ASK(a, "1.__delattr__('__doc__')", "None");
    ASK(a, "1.__delattr__('__doc__')", "AttributeError(\"'Namespace' object has no attribute '__doc__'\")");
    ASK(a, "1.__setattr__('__class__', 1)", "TypeError(\"__class__ must be set to a class, not 'int' object\")");
    ASK(a, "1.__setattr__('__class__', <int>)",
        "TypeError('__class__ assignment only supported for mutable types or ModuleType subclasses')");
    ASK(a, "1.__delattr__('__class__')", "TypeError(\"can't delete __class__ attribute\")");
    ASK(a, "1.__setattr__('__weakref__', 1)",
        "AttributeError(\"attribute '__weakref__' of 'Namespace' objects is not writable\")");
    ASK(a, "1.__setattr__('__dict__', 1)", "TypeError(\"__dict__ must be set to a dictionary, not a 'int'\")");
    ASK(a, "1.__setattr__('__dict__', {'q': 1, 5: 2})", "TypeError('keywords must be strings')");
    ASK(a, "1.__repr__()", "'Namespace(x=1)'");
    ASK(a, "1.__setattr__('__dict__', {'q': 1, 'r': 2})", "None");
    ASK(a, "1.__repr__()", "'Namespace(q=1, r=2)'");
    ASK(a, "1.__delattr__('__dict__')", "None");
    ASK(a, "1.__repr__()", "'Namespace()'");
}

static void
wrong_arguments_are_refused_in_the_words_of_a_slot(void **state)
{
    (void)state;
    MADE("Namespace()", "1");
    ASK(a, "1.__getattribute__()", "TypeError('expected 1 argument, got 0')");
    ASK(a, "1.__getattribute__(1, 2)", "TypeError('expected 1 argument, got 2')");
    ASK(a, "1.__getattribute__(1)", "TypeError(\"attribute name must be string, not 'int'\")");
    ASK(a, "1.__getattribute__(b'x')", "TypeError(\"attribute name must be string, not 'bytes'\")");
    ASK(a, "1.__setattr__('a')", "TypeError(' expected 2 arguments, got 1')");
    ASK(a, "1.__setattr__('a', 1, 2)", "TypeError(' expected 2 arguments, got 3')");
    ASK(a, "1.__setattr__(1, 2)", "TypeError(\"attribute name must be string, not 'int'\")");
    ASK(a, "1.__setattr__('a', value=1)", "TypeError('wrapper __setattr__() takes no keyword arguments')");
    ASK(a, "1.__delattr__()", "TypeError('expected 1 argument, got 0')");
    ASK(a, "1.__setattr__!", "TypeError('object.__setattr__() argument after * must be an iterable, not NoneType')");
    ASK(a, "1.x()", "! KeyError: 'x'");
}

static void
many_attributes_keep_their_order_through_deletions(void **state)
{
    char request[64], reply[32];

    (void)state;
    MADE("Namespace()", "1");
    for (int i = 0; i < 500; i++) {
        snprintf(request, sizeof request, "1.__setattr__('n%d', %d)", i, i);
        ASK(a, request, "None");
    }
    for (int i = 0; i < 500; i++) {
        snprintf(request, sizeof request, "1.__delattr__('n%d')", i);
        if (i % 100 != 7)
            ASK(a, request, "None");
    }
    ASK(a, "1.__getattribute__('__dict__')", "{'n7': 7, 'n107': 107, 'n207': 207, 'n307': 307, 'n407': 407}");
    for (int i = 7; i < 500; i += 100) {
        snprintf(request, sizeof request, "1.__getattribute__('n%d')", i);
        snprintf(reply, sizeof reply, "%d", i);
        ASK(b, request, reply);
    }
}

static void
python_2_reads_what_python_3_wrote_and_the_reverse(void **state)
{
    (void)state;
    MADE("Namespace(x='abc')", "1");
    ASK(old, "1.__getattribute__('x')", "'abc'");
    ASK(old, "1.__setattr__('y', 'native')", "None");
    ASK(a, "1.__getattribute__('y')", "'native'");
    ASK(a, "1.__setattr__('x', 2)", "None");
    ASK(old, "1.__getattribute__('x')", "2");
}

static void
a_name_of_any_length_is_cut_in_the_error_only(void **state)
{
    char request[1200], *at = request;

    (void)state;
    MADE("Namespace()", "1");
    at += sprintf(at, "1.__getattribute__('");
    for (int i = 0; i < 300; i++)
        at += sprintf(at, "\303\251");
    sprintf(at, "')");
    assert_non_null(strstr(mpm_world_ask(a, request), "has no attribute"));
}

static void
what_is_over_the_memory_limit_is_refused_and_the_rest_stays(void **state)
{
    static const char over[] = "MemoryError('the stored values would take more than --max-memory 400 bytes; remove some or "
                               "raise the limit')";
    char request[400];

    mpm_people_go(state);
    mpm_world_open_limited(MPM_DEATH_KEEP, 400);
    a = mpm_world_peer_new(10, "MainProcess");
    MADE("Namespace(x=1)", "1");
    snprintf(request, sizeof request, "1.__setattr__('%0300d', 1)", 7);
    for (int i = 0; i < 3; i++) { /* the name counts, and comes back */
        ASK(a, request, "None");
        ASK(a, "1.__setattr__('y', 'a text that is too long to be small')", over);
        ASK(a, "1.__getattribute__('x')", "1");
        snprintf(request, sizeof request, "1.__delattr__('%0300d')", 7);
        ASK(a, request, "None");
        ASK(a, "1.__setattr__('y', 'a text that is too long to be small')", "None");
        ASK(a, "1.__setattr__('__dict__', {'x': 1})", "None");
        snprintf(request, sizeof request, "1.__setattr__('%0300d', 1)", 7);
    }
}

static int
life(void)
{
    bool ok;

    if (!mpm_people_try(MPM_DEATH_KEEP, 1))
        return MPM_ENOMEM;
    ok = strcmp(mpm_world_create("Namespace(x=1, a='a text that is too long to be kept in sixteen bytes')"), "1") == 0 &&
         mpm_world_either(a, "1.__setattr__('x', [1, 2, 3, 'a text that is too long to be small'])", "None");
    if (ok && !mpm_world_either(a, "1.__setattr__('__dict__', {'y': 5, 'z': 'a text that is too long to be small'})", "None"))
        ok = mpm_world_either(a, "1.__getattribute__('x')", "[1, 2, 3, 'a text that is too long to be small']") && false;
    ok = ok && mpm_world_either(a, "1.__repr__()", "\"Namespace(y=5, z='a text that is too long to be small')\"") &&
         mpm_world_either(a, "1.__setattr__('p', (@1:Namespace, [(@1:Namespace, @1:Namespace)]))", "None") &&
         mpm_world_either(a, "1.__getattribute__('nothing')", "AttributeError(\"'Namespace' object has no attribute 'nothing'\")");
    return mpm_people_tried(ok);
}

static void
without_memory_nothing_is_half_done(void **state)
{
    (void)state;
    assert_true(mpm_test_fail_until_ok(life) > 0);
}

/* --- bind.c ------------------------------------------------------------------------------------------------------- */

static void
a_parameter_string_is_parsed_as_python_reads_it(void **state)
{
    struct mpm_signature s;

    (void)state;
    mpm__signature_parse("item block=True timeout=None n=-3 x=False", &s);
    assert_int_equal(s.n, 5);
    assert_int_equal(s.n_required, 1);
    assert_int_equal(s.n_positional, 0);
    assert_memory_equal(s.params[0].name, "item", s.params[0].len);
    assert_int_equal(s.params[0].fallback, 0);
    assert_int_equal(s.params[1].fallback, 'T');
    assert_int_equal(s.params[2].fallback, 'N');
    assert_int_equal(s.params[3].fallback, 'I');
    assert_int_equal(s.params[3].number, -3);
    assert_int_equal(s.params[4].fallback, 'F');
    mpm__signature_parse("a b / c *args **kwds", &s);
    assert_int_equal(s.n, 3);
    assert_int_equal(s.n_positional, 2);
    assert_true(s.has_args);
    assert_true(s.has_kwds);
    mpm__signature_parse("", &s);
    assert_int_equal(s.n, 0);
    assert_false(s.has_args);
}

static enum mpm_outcome
show(struct mpm_object *self, struct mpm_call *call)
{
    (void)self;
    return mpm_return_bool(call, true);
}

static void
complaints_about_arguments_are_cpythons(void **state)
{
    /* each: a parameter string, arguments, and what CPython 3.13 says of `class Q: def f(self, ...)` */
    static const struct {
        const char *params, *arguments, *reply;
    } cases[] = {
        { "item block=True timeout=None", "()", "TypeError(\"Q.f() missing 1 required positional argument: 'item'\")" },
        { "item block=True timeout=None", "(1, 2, 3, 4)",
          "TypeError('Q.f() takes from 2 to 4 positional arguments but 5 were given')" },
        { "item block=True timeout=None", "(1, item=3)", "TypeError(\"Q.f() got multiple values for argument 'item'\")" },
        { "item block=True timeout=None", "(1, 2, 3, 4, x=1)", "TypeError(\"Q.f() got an unexpected keyword argument 'x'\")" },
        { "item block=True timeout=None", "(timeout=1, item=2)", "True" },
        { "item block=True timeout=None", "(1, self=1)", "TypeError(\"Q.f() got multiple values for argument 'self'\")" },
        { "a b c d e=1", "()", "TypeError(\"Q.f() missing 4 required positional arguments: 'a', 'b', 'c', and 'd'\")" },
        { "a b c d e=1", "(1, 2)", "TypeError(\"Q.f() missing 2 required positional arguments: 'c' and 'd'\")" },
        { "a b c d e=1", "(1, c=1)", "TypeError(\"Q.f() missing 2 required positional arguments: 'b' and 'd'\")" },
        { "a b / c d=1", "(1, 2, a=1)",
          "TypeError(\"Q.f() got some positional-only arguments passed as keyword arguments: 'a'\")" },
        { "a b / c d=1", "()", "TypeError(\"Q.f() missing 3 required positional arguments: 'a', 'b', and 'c'\")" },
        { "a / **kwds", "(a=1)", "TypeError(\"Q.f() missing 1 required positional argument: 'a'\")" },
        { "a / **kwds", "(1, a=1)", "True" },
        { "*args **kwds", "(1, 2, 3, x=1, self=2)", "True" },
        { "", "(1)", "TypeError('Q.f() takes 1 positional argument but 2 were given')" },
    };
    /* and of methods of list and dict; no two requests the same, for those are not bound again */
    static const struct {
        enum mpm_wording wording;
        const char *params, *arguments, *reply;
    } in_c[] = {
        { MPM_W_C_PLAIN, "", "(11)", "TypeError('Q.f() takes no arguments (1 given)')" },
        { MPM_W_C_PLAIN, "", "(x=12)", "TypeError('Q.f() takes no keyword arguments')" },
        { MPM_W_C_PLAIN, "x", "(13)", "True" },
        { MPM_W_C_PLAIN, "x", "()", "TypeError('Q.f() takes exactly one argument (0 given)')" },
        { MPM_W_C_PLAIN, "x", "(14, 2)", "TypeError('Q.f() takes exactly one argument (2 given)')" },
        { MPM_W_C_PLAIN, "x", "(x=15)", "TypeError('Q.f() takes no keyword arguments')" },
        { MPM_W_C_POSITION, "x y=None", "(16)", "True" },
        { MPM_W_C_POSITION, "x y=None", "()", "TypeError('f expected at least 1 argument, got 0')" },
        { MPM_W_C_POSITION, "x y=None", "(17, 2, 3)", "TypeError('f expected at most 2 arguments, got 3')" },
        { MPM_W_C_POSITION, "x y=None", "(18, y=3)", "TypeError('Q.f() takes no keyword arguments')" },
        { MPM_W_C_POSITION, "x y", "(17)", "TypeError('f expected 2 arguments, got 1')" },
        { MPM_W_C_POSITION, "x=None / **kwds", "(20, x=3, y=5)", "True" },
        { MPM_W_C_POSITION, "x=None / **kwds", "(21, 2, y=5)", "TypeError('f expected at most 1 argument, got 2')" },
        { MPM_W_SLOT, "x", "()", "TypeError('expected 1 argument, got 0')" },
        { MPM_W_SLOT, "", "(22)", "TypeError('expected 0 arguments, got 1')" },
        { MPM_W_SLOT, "", "!", "TypeError('Q.f() argument after * must be an iterable, not NoneType')" },
    };
    struct mpm_method methods[] = { { .name = "f", .run = show, .of = "Q" },
        { .name = "__len__", .params = "", .run = show, .wording = MPM_W_SLOT }, { 0 } };
    struct mpm_type *type;
    struct mpm_method *before;
    char request[128];

    (void)state;
    MADE("Event()", "1");
    type = (struct mpm_type *)(uintptr_t)mpm_type_find("Event", 5);
    before = type->methods;
    type->methods = methods;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        methods[0].params = cases[i].params;
        mpm_type_set_up(type);
        snprintf(request, sizeof request, "1.f%s", cases[i].arguments);
        ASK(a, request, cases[i].reply);
    }
    for (size_t i = 0; i < sizeof in_c / sizeof *in_c; i++) {
        methods[0].params = in_c[i].params;
        methods[0].wording = in_c[i].wording;
        mpm_type_set_up(type);
        snprintf(request, sizeof request, "1.f%s", in_c[i].arguments);
        ASK(a, request, in_c[i].reply);
    }
    ASK(a, "1.__len__(1)", "TypeError('expected 0 arguments, got 1')");
    type->methods = before;
}

static void
a_stored_proxy_keeps_its_object(void **state)
{
    (void)state;
    MADE("Namespace()", "1");
    MADE("Lock()", "2");
    ASK(a, "1.__setattr__('x', [1, {'l': (@2, @2)}])", "None");
    ASK(a, "1.__setattr__('y', @2)", "None");
    mpm_world_decref("2");
    ASK(a, "2.acquire()", "True");
    ASK(a, "1.__setattr__('x', 0)", "None");
    ASK(a, "2.release()", "None");
    ASK(a, "1.__delattr__('y')", "None");
    ASK(a, "2.acquire()", "! KeyError: '2'");
    MADE("Lock()", "3");
    MADE("Namespace(x=@3, y=[@3])", "4");
    mpm_world_decref("3");
    ASK(a, "3.acquire()", "True");
    mpm_world_decref("4");
    ASK(a, "3.release()", "! KeyError: '3'");
}

/* The client's unpickler takes a reference on a connection of its own, while the next request has to wait. */
static void
an_object_that_was_shown_lives_until_the_next_request(void **state)
{
    (void)state;
    MADE("Namespace()", "1");
    MADE("Lock()", "2");
    ASK(a, "1.__setattr__('x', @2)", "None");
    mpm_world_decref("2");
    mpm_world_ask(a, "1.__getattribute__('x')");
    ASK(b, "1.__delattr__('x')", "None");
    ASK(b, "2.acquire()", "True");
    ASK(a, "1.__str__()", "'Namespace()'");
    ASK(b, "2.release()", "! KeyError: '2'");
    MADE("Lock()", "3");
    ASK(b, "1.__setattr__('x', @3)", "None");
    mpm_world_decref("3");
    mpm_world_ask(a, "1.__getattribute__('x')");
    ASK(b, "1.__delattr__('x')", "None");
    ASK(b, "3.acquire()", "True");
    mpm_world_peer_end(a, false);
    ASK(b, "3.release()", "! KeyError: '3'");
}

static void
namespaces_that_contain_each_other_go_with_the_last_reference(void **state)
{
    (void)state;
    MADE("Namespace()", "1");
    MADE("Namespace(x=@1:Namespace, y=@7, z=@1/elsewhere)", "2");
    ASK(a, "1.__setattr__('self', @1:Namespace)", "None");
    ASK(a, "1.__setattr__('other', @2:Namespace)", "None");
    for (int i = 3; i <= 7; i++)
        mpm_world_create("Lock()");
    mpm_world_decref("7"); /* came later than the proxy of it */
    ASK(a, "2.__setattr__('y', 0)", "None");
    ASK(a, "7.acquire()", "! KeyError: '7'");
    mpm_world_decref("1");
    ASK(a, "1.__getattribute__('nothing')", "AttributeError(\"'Namespace' object has no attribute 'nothing'\")");
    mpm_world_decref("2");
    ASK(a, "1.__getattribute__('nothing')", "! KeyError: '1'");
    ASK(a, "2.__getattribute__('x')", "! KeyError: '2'");
}

static void
a_circle_lives_as_long_as_something_outside_needs_one_of_it(void **state)
{
    (void)state;
    MADE("Namespace()", "1");
    MADE("Namespace(x=@1:Namespace)", "2");
    MADE("Namespace(x=@2:Namespace, also=[@2:Namespace, @1:Namespace])", "3");
    MADE("Lock()", "4");
    ASK(a, "1.__setattr__('x', @3:Namespace)", "None");
    ASK(a, "1.__setattr__('lock', @4)", "None");
    MADE("Namespace(into=@2:Namespace)", "5");
    mpm_world_decref("1");
    mpm_world_decref("2");
    mpm_world_decref("3");
    mpm_world_decref("4");
    ASK(a, "1.__setattr__('y', 0)", "None"); /* by way of 5 */
    mpm_world_ask(a, "5.__getattribute__('into')");
    ASK(b, "5.__delattr__('into')", "None");
    ASK(b, "4.acquire()", "True"); /* somebody is reading a proxy of 2 */
    ASK(a, "5.__setattr__('y', 0)", "None");
    ASK(b, "1.__setattr__('y', 0)", "! KeyError: '1'");
    ASK(b, "2.__setattr__('y', 0)", "! KeyError: '2'");
    ASK(b, "3.__setattr__('y', 0)", "! KeyError: '3'");
    ASK(b, "4.release()", "! KeyError: '4'");
}

static void
a_long_chain_of_namespaces_is_freed_without_a_stack(void **state)
{
    char request[64], ident[24] = "1", next[24];

    (void)state;
    MADE("Namespace()", "1");
    for (int i = 2; i <= 20000; i++) {
        snprintf(request, sizeof request, "Namespace(x=@%s:Namespace)", ident);
        snprintf(next, sizeof next, "%x", (unsigned)i);
        MADE(request, next);
        mpm_world_decref(ident);
        strcpy(ident, next);
    }
    mpm_world_decref(ident);
    ASK(a, "1.__str__()", "! KeyError: '1'");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, mpm_people_come, mpm_people_go)
    const struct CMUnitTest tests[] = {
        TEST(attributes_are_set_read_and_deleted),
        TEST(it_begins_with_the_keywords_it_was_made_with),
        TEST(what_every_object_has_is_answered_as_cpython_pickles_it),
        TEST(wrong_arguments_are_refused_in_the_words_of_a_slot),
        TEST(many_attributes_keep_their_order_through_deletions),
        TEST(python_2_reads_what_python_3_wrote_and_the_reverse),
        TEST(a_name_of_any_length_is_cut_in_the_error_only),
        TEST(what_is_over_the_memory_limit_is_refused_and_the_rest_stays),
        TEST(a_stored_proxy_keeps_its_object),
        TEST(an_object_that_was_shown_lives_until_the_next_request),
        TEST(namespaces_that_contain_each_other_go_with_the_last_reference),
        TEST(a_circle_lives_as_long_as_something_outside_needs_one_of_it),
        TEST(a_long_chain_of_namespaces_is_freed_without_a_stack),
        cmocka_unit_test(without_memory_nothing_is_half_done),
        cmocka_unit_test(a_parameter_string_is_parsed_as_python_reads_it),
        TEST(complaints_about_arguments_are_cpythons),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Value and Counter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "support/support.h"
#include "support/people.h"

#define LONG "a text that is too long to be kept in sixteen bytes"
#define BIG "1000000000000000000000000000000"

/* --- Value -------------------------------------------------------------------------------------------------------- */

static void
any_value_is_set_and_read(void **state)
{
    (void)state;
    MADE("Value('i', 5)", "1");
    ASK(a, "1.get()", "5");
    ASK(a, "1.__str__()", "\"Value('i', 5)\"");
    ASK(a, "1.set([1, {'a': None}])", "None");
    ASK(b, "1.get()", "[1, {'a': None}]");
    ASK(b, "1.set(value='x')", "None");
    ASK(a, "1.__repr__()", "\"Value('i', 'x')\"");
    MADE("Value(None, 'x', True)", "2");
    ASK(a, "2.__repr__()", "\"Value(None, 'x')\"");
    MADE("Value(typecode='d', value=1.5, lock=False)", "3");
    ASK(a, "3.get()", "1.5");
}

static void
a_copy_of_it_is_cpythons_value(void **state)
{
    (void)state;
    MADE("Value('i', 5)", "1");
    ASK(a, "1.#GETVALUE()", "Value('i', 5)");
}

static void
what_a_value_does_not_take_is_said_as_cpython_says_it(void **state)
{
    (void)state;
    MADE("Value()", "! TypeError: Value.__init__() missing 2 required positional arguments: 'typecode' and 'value'");
    MADE("Value('i')", "! TypeError: Value.__init__() missing 1 required positional argument: 'value'");
    MADE("Value('i', 1, 2, 3)", "! TypeError: Value.__init__() takes from 3 to 4 positional arguments but 5 were given");
    MADE("Value('i', 1, foo=1)", "! TypeError: Value.__init__() got an unexpected keyword argument 'foo'");
    MADE("Value('i', 5)", "1");
    ASK(a, "1.get(1)", "TypeError('Value.get() takes 1 positional argument but 2 were given')");
    ASK(a, "1.set()", "TypeError(\"Value.set() missing 1 required positional argument: 'value'\")");
    ASK(a, "1.set(1, 2)", "TypeError('Value.set() takes 2 positional arguments but 3 were given')");
    ASK(a, "1.set(v=3)", "TypeError(\"Value.set() got an unexpected keyword argument 'v'\")");
    ASK(a, "1.value()", "! KeyError: 'value'");
    ASK(a, "1.get()", "5");
}

static void
it_is_counted_up_and_down_in_one_request(void **state)
{
    (void)state;
    MADE("Value('i', 5)", "1");
    ASK(a, "1.increment()", "6");
    ASK(b, "1.increment(4)", "10");
    ASK(a, "1.increment(n=-1)", "9");
    ASK(a, "1.decrement()", "8");
    ASK(a, "1.decrement(10)", "-2");
    ASK(a, "1.add(True)", "-1");
    ASK(a, "1.add(0.5)", "-0.5");
    ASK(a, "1.get()", "-0.5");
    ASK(a, "1.set(9223372036854775807)", "None");
    ASK(a, "1.increment()", "9223372036854775808");
    ASK(a, "1.add(" BIG ")", "1000000000009223372036854775808");
    ASK(a, "1.decrement(" BIG ")", "9223372036854775808");
    ASK(a, "1.decrement()", "9223372036854775807");
}

static void
what_is_no_number_is_not_counted(void **state)
{
    (void)state;
    MADE("Value('i', 5)", "1");
    ASK(a, "1.increment('x')", "TypeError(\"unsupported operand type(s) for +=: 'int' and 'str'\")");
    ASK(a, "1.decrement(None)", "TypeError(\"unsupported operand type(s) for -=: 'int' and 'NoneType'\")");
    ASK(a, "1.add()", "TypeError(\"Value.add() missing 1 required positional argument: 'n'\")");
    ASK(a, "1.get()", "5");
    ASK(a, "1.set([1])", "None");
    ASK(a, "1.increment()", "TypeError(\"unsupported operand type(s) for +=: 'list' and 'int'\")");
    ASK(a, "1.add(1.5)", "TypeError(\"unsupported operand type(s) for +=: 'list' and 'float'\")");
    ASK(a, "1.get()", "[1]");
}

static void
it_is_set_when_it_is_what_was_expected(void **state)
{
    (void)state;
    MADE("Value('i', 5)", "1");
    ASK(a, "1.compare_and_set(4, 'x')", "False");
    ASK(a, "1.get()", "5");
    ASK(a, "1.update_if(5, 5.0)", "True");
    ASK(a, "1.update_if(6, 0)", "False");
    ASK(a, "1.compare_and_set(5.0, '" LONG "')", "True");
    ASK(a, "1.compare_and_set(new=[1, {2: 'b'}], expected='" LONG "')", "True");
    ASK(a, "1.compare_and_set((1, {2: 'b'}), 0)", "False");
    ASK(a, "1.compare_and_set([True, {2.0: 'b'}], nan)", "True");
    ASK(a, "1.compare_and_set(nan, 0)", "False");
    ASK(a, "1.get()", "nan");
    ASK(a, "1.compare_and_set(1)", "TypeError(\"Value.compare_and_set() missing 1 required positional argument: 'new'\")");
    MADE("Counter(7)", "2");
    ASK(a, "2.compare_and_set(6, 0)", "False");
    ASK(a, "2.compare_and_set('x', 0)", "False");
    ASK(a, "2.compare_and_set(7, " BIG ")", "True");
    ASK(a, "2.compare_and_set(" BIG ", True)", "True");
    ASK(a, "2.compare_and_set(1, 'x')", "TypeError(\"'str' object cannot be interpreted as an integer\")");
    ASK(a, "2.get()", "1");
}

static void
an_exchange_gives_the_old_value(void **state)
{
    (void)state;
    MADE("Value('i', '" LONG "')", "1");
    ASK(a, "1.exchange(5)", "'" LONG "'");
    ASK(a, "1.exchange([1, 2, 3])", "5");
    ASK(a, "1.get()", "[1, 2, 3]");
    ASK(a, "1.exchange()", "TypeError(\"Value.exchange() missing 1 required positional argument: 'new'\")");
}

static void
a_proxy_in_it_keeps_its_object(void **state)
{
    (void)state;
    MADE("Lock()", "1");
    MADE("Value('i', @1)", "2");
    mpm_world_decref("1");
    ASK(a, "1.acquire()", "True");
    mpm_world_ask(a, "2.exchange(0)");
    ASK(b, "1.release()", "None"); /* as long as it may be unread */
    ASK(a, "2.get()", "0");
    ASK(b, "1.acquire()", "! KeyError: '1'");
}

static void
what_is_over_the_memory_limit_is_refused_and_the_rest_stays(void **state)
{
    static const char over[] = "MemoryError('the stored values would take more than --max-memory 300 bytes; remove some or "
                               "raise the limit')";

    mpm_people_go(state);
    mpm_world_open_limited(MPM_DEATH_KEEP, 300);
    a = mpm_world_peer_new(10, "MainProcess");
    MADE("Value('i', '" LONG "')", "1");
    MADE("Value('i', 5)", "2");
    for (int i = 0; i < 3; i++) {
        ASK(a, "2.set(['" LONG LONG LONG "'])", over);
        ASK(a, "2.exchange(['" LONG LONG LONG "'])", over);
        ASK(a, "2.get()", "5");
        ASK(a, "1.exchange(0)", "'" LONG "'");
        ASK(a, "2.exchange('" LONG "')", "5");
        ASK(a, "1.exchange('" LONG "')", "0");
        ASK(a, "2.set(5)", "None");
    }
}

/* --- Counter ------------------------------------------------------------------------------------------------------ */

static void
a_counter_is_an_int_of_any_size(void **state)
{
    (void)state;
    MADE("Counter()", "1");
    ASK(a, "1.get()", "0");
    ASK(a, "1.increment()", "1");
    ASK(b, "1.increment(" BIG ")", "1000000000000000000000000000001");
    ASK(a, "1.decrement(n=" BIG ")", "1");
    ASK(a, "1.decrement(3)", "-2");
    ASK(a, "1.add(10)", "8");
    ASK(a, "1.exchange(True)", "8");
    ASK(a, "1.get()", "1"); /* not True */
    ASK(a, "1.set(" BIG ")", "None");
    ASK(a, "1.__repr__()", "'Counter(" BIG ")'");
    ASK(a, "1.#GETVALUE()", BIG);
    MADE("Counter(value=-3)", "2");
    ASK(a, "2.increment()", "-2");
}

static void
what_is_no_int_is_refused(void **state)
{
    static const char no_int[] = "TypeError(\"'float' object cannot be interpreted as an integer\")";

    (void)state;
    MADE("Counter('x')", "! TypeError: 'str' object cannot be interpreted as an integer");
    MADE("Counter(1, 2)", "! TypeError: Counter.__init__() takes from 1 to 2 positional arguments but 3 were given");
    MADE("Counter(7)", "1");
    ASK(a, "1.set(1.0)", no_int);
    ASK(a, "1.increment(1.0)", no_int);
    ASK(a, "1.decrement(1.0)", no_int);
    ASK(a, "1.add(1.0)", no_int);
    ASK(a, "1.exchange(1.0)", no_int);
    ASK(a, "1.add()", "TypeError(\"Counter.add() missing 1 required positional argument: 'n'\")");
    ASK(a, "1.get()", "7");
}

static void
a_registered_counter_is_one_for_all(void **state)
{
    (void)state;
    assert_int_equal(mpm__hub_register(mpm_world_hub(), "hits=Counter()", NULL), 0);
    MADE("hits()", "1");
    ASK(a, "1.increment()", "1");
    MADE("hits()", "1");
    ASK(b, "1.increment()", "2");
}

/* --- memory ------------------------------------------------------------------------------------------------------- */

static int
life(void)
{
    bool ok;

    if (!mpm_people_try(MPM_DEATH_KEEP, 1))
        return MPM_ENOMEM;
    ok = strcmp(mpm_world_create("Value('" LONG "', '" LONG "')"), "1") == 0 &&
         strcmp(mpm_world_create("Counter(" BIG ")"), "2") == 0 && mpm_world_either(a, "1.exchange([1])", "'" LONG "'");
    if (ok && !mpm_world_either(a, "1.set('" LONG "')", "None"))
        ok = mpm_world_either(a, "1.get()", "[1]") && false;
    if (ok && !mpm_world_either(a, "2.add(" BIG ")", "2" "000000000000000000000000000000"))
        ok = mpm_world_either(a, "2.get()", BIG) && false;
    if (ok && !mpm_world_either(a, "1.compare_and_set('" LONG "', ['" LONG "'])", "True"))
        ok = mpm_world_either(a, "1.get()", "'" LONG "'") && false;
    ok = ok && mpm_world_either(a, "1.set('" LONG "')", "None");
    ok = ok && mpm_world_either(a, "1.#GETVALUE()", "Value('" LONG "', '" LONG "')") &&
         mpm_world_either(a, "1.__repr__()", "\"Value('" LONG "', '" LONG "')\"") &&
         mpm_world_either(a, "2.set(5)", "None") && mpm_world_either(a, "2.increment()", "6");
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
        TEST(any_value_is_set_and_read),
        TEST(a_copy_of_it_is_cpythons_value),
        TEST(what_a_value_does_not_take_is_said_as_cpython_says_it),
        TEST(it_is_counted_up_and_down_in_one_request),
        TEST(what_is_no_number_is_not_counted),
        TEST(it_is_set_when_it_is_what_was_expected),
        TEST(an_exchange_gives_the_old_value),
        TEST(a_proxy_in_it_keeps_its_object),
        TEST(what_is_over_the_memory_limit_is_refused_and_the_rest_stays),
        TEST(a_counter_is_an_int_of_any_size),
        TEST(what_is_no_int_is_refused),
        TEST(a_registered_counter_is_one_for_all),
        cmocka_unit_test(without_memory_nothing_is_half_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Array: array.c and typecode.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "support/support.h"
#include "support/people.h"

#define BIG "1000000000000000000000000000000"

/* What str() of Array(arguments) is, or the failure. */
static const char *
made(const char *arguments)
{
    char request[600];
    const char *ident;

    snprintf(request, sizeof request, "Array%s", arguments);
    ident = mpm_world_create(request);
    if (*ident == '!')
        return ident;
    snprintf(request, sizeof request, "%s.__str__()", ident);
    return mpm_world_ask(a, request);
}

#define SHOWS(arguments, text) assert_string_equal(made(arguments), "\"" text "\"")
#define REFUSED(arguments, text) assert_string_equal(made(arguments), "! " text)

/* --- items -------------------------------------------------------------------------------------------------------- */

static void
each_typecode_takes_its_range_and_says_what_is_beyond(void **state)
{
    static const struct {
        char code;
        const char *least, *most, *below, *above, *below_says, *above_says;
    } cases[] = {
        { 'b', "-128", "127", "-129", "128", "signed char is less than minimum", "signed char is greater than maximum" },
        { 'b', "-1", "1", "-32769", "32768", "signed short integer is less than minimum",
          "signed short integer is greater than maximum" },
        { 'b', "-1", "1", "-" BIG, BIG, "Python int too large to convert to C long", "Python int too large to convert to C long" },
        { 'B', "0", "255", "-1", "256", "unsigned byte integer is less than minimum",
          "unsigned byte integer is greater than maximum" },
        { 'B', "0", "255", "-9223372036854775808", "9223372036854775807", "unsigned byte integer is less than minimum",
          "unsigned byte integer is greater than maximum" },
        { 'h', "-32768", "32767", "-32769", "32768", "signed short integer is less than minimum",
          "signed short integer is greater than maximum" },
        { 'H', "0", "65535", "-1", "65536", "unsigned short is less than minimum", "unsigned short is greater than maximum" },
        { 'H', "0", "65535", "-2147483649", "2147483648", "signed integer is less than minimum",
          "signed integer is greater than maximum" },
        { 'i', "-2147483648", "2147483647", "-2147483649", "2147483648", "signed integer is less than minimum",
          "signed integer is greater than maximum" },
        { 'I', "0", "4294967295", "-1", "4294967296", "can't convert negative value to unsigned int",
          "unsigned int is greater than maximum" },
        { 'I', "0", "4294967295", "-" BIG, "18446744073709551616", "can't convert negative value to unsigned int",
          "Python int too large to convert to C unsigned long" },
        { 'I', "0", "4294967295", "-" BIG, "18446744073709551615", "can't convert negative value to unsigned int",
          "unsigned int is greater than maximum" },
        { 'l', "-9223372036854775808", "9223372036854775807", "-9223372036854775809", "9223372036854775808",
          "Python int too large to convert to C long", "Python int too large to convert to C long" },
        { 'L', "0", "18446744073709551615", "-1", "18446744073709551616", "can't convert negative value to unsigned int",
          "Python int too large to convert to C unsigned long" },
        { 'q', "-9223372036854775808", "9223372036854775807", "-9223372036854775809", "9223372036854775808",
          "int too big to convert", "int too big to convert" },
        { 'Q', "0", "18446744073709551615", "-1", "18446744073709551616", "can't convert negative int to unsigned",
          "int too big to convert" },
        { 'Q', "0", "9223372036854775808", "-" BIG, BIG, "can't convert negative int to unsigned", "int too big to convert" },
    };
    char request[256], reply[256];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(request, sizeof request, "('%c', [%s, True, %s])", cases[i].code, cases[i].least, cases[i].most);
        snprintf(reply, sizeof reply, "\"array('%c', [%s, 1, %s])\"", cases[i].code, cases[i].least, cases[i].most);
        assert_string_equal(made(request), reply);
        for (int k = 0; k < 2; k++) {
            snprintf(request, sizeof request, "('%c', (1, %s))", cases[i].code, k == 0 ? cases[i].below : cases[i].above);
            snprintf(reply, sizeof reply, "! OverflowError: %s", k == 0 ? cases[i].below_says : cases[i].above_says);
            assert_string_equal(made(request), reply);
        }
    }
}

static void
each_typecode_gives_back_what_it_took(void **state)
{
    static const struct {
        const char *arguments, *item;
    } cases[] = {
        { "('b', [-128])", "-128" }, { "('B', [255])", "255" }, { "('h', [-32768])", "-32768" }, { "('H', [65535])", "65535" },
        { "('i', [-2147483648])", "-2147483648" }, { "('I', [4294967295])", "4294967295" },
        { "('l', [-9223372036854775808])", "-9223372036854775808" }, { "('L', [18446744073709551615])", "18446744073709551615" },
        { "('q', [9223372036854775807])", "9223372036854775807" }, { "('Q', [9223372036854775808])", "9223372036854775808" },
        { "('f', [0.1])", "0.10000000149011612" }, { "('f', [1e300])", "inf" }, { "('f', [16777217])", "16777216.0" },
        { "('d', [0.1])", "0.1" }, { "('d', [" BIG "])", "1e+30" }, { "('d', [True])", "1.0" }, { "('d', [nan])", "nan" },
        { "('u', ['x'])", "'x'" }, { "('w', ['\342\202\254'])", "'\342\202\254'" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char request[80];

        snprintf(request, sizeof request, "Array%s", cases[i].arguments);
        snprintf(request, sizeof request, "%s.__getitem__(0)", mpm_world_create(request));
        ASK(a, request, cases[i].item);
        ASK(old, request, cases[i].item);
    }
}

static void
what_is_no_item_is_a_type_error(void **state)
{
    (void)state;
    REFUSED("('i', ['x'])", "TypeError: 'str' object cannot be interpreted as an integer");
    REFUSED("('I', [1.5])", "TypeError: 'float' object cannot be interpreted as an integer");
    REFUSED("('Q', [None])", "TypeError: 'NoneType' object cannot be interpreted as an integer");
    REFUSED("('d', ['x'])", "TypeError: must be real number, not str");
    REFUSED("('f', [complex(1.0, 2.0)])", "TypeError: must be real number, not complex");
    REFUSED("('u', ['xy'])", "TypeError: array item must be unicode character");
    REFUSED("('u', [''])", "TypeError: array item must be unicode character");
    REFUSED("('w', [b'x'])", "TypeError: array item must be unicode character");
    REFUSED("('u', [1])", "TypeError: array item must be unicode character");
    REFUSED("('u', range(0, 3, 1))", "TypeError: array item must be unicode character");
}

static void
an_int_beyond_floats_is_an_overflow(void **state)
{
    char request[500] = "('d', [";

    (void)state;
    memset(request + 7, '9', 400);
    strcpy(request + 407, "])");
    REFUSED("('q', [" BIG "])", "OverflowError: int too big to convert");
    assert_string_equal(made(request), "! OverflowError: int too large to convert to float");
}

/* --- making ------------------------------------------------------------------------------------------------------- */

static void
it_is_made_from_all_that_arrays_are_made_from(void **state)
{
    (void)state;
    SHOWS("('i', [4, 5, 3])", "array('i', [4, 5, 3])");
    SHOWS("('i', (4, 5), True)", "array('i', [4, 5])");
    SHOWS("(typecode='i', sequence=[1], lock=None)", "array('i', [1])");
    SHOWS("('i', [])", "array('i')");
    SHOWS("('d', ())", "array('d')");
    SHOWS("('i', b'\\x01\\x00\\x00\\x00\\x02\\x00\\x00\\x00')", "array('i', [1, 2])");
    SHOWS("('B', bytearray(b'ab'))", "array('B', [97, 98])");
    SHOWS("('B', bytearray('a\303\251', 'latin-1'))", "array('B', [97, 233])");
    SHOWS("('B', bytearray())", "array('B')");
    SHOWS("('B', b'')", "array('B')");
    SHOWS("('u', 'a\303\251')", "array('u', 'a\303\251')");
    SHOWS("('w', '')", "array('w')");
    SHOWS("('i', range(-1, 3, 1))", "array('i', [-1, 0, 1, 2])");
    SHOWS("('i', range(5, 0, -2))", "array('i', [5, 3, 1])");
    SHOWS("('i', range(5, 0, 2))", "array('i')");
    SHOWS("('d', range(0, 2, 1))", "array('d', [0.0, 1.0])");
    SHOWS("('i', {3: 1, 4: 2})", "array('i', [3, 4])");
    SHOWS("('i', array.array('i', b'\\x01\\x00\\x00\\x00'))", "array('i', [1])");
    SHOWS("('i', array.array('i', [1, 2]))", "array('i', [1, 2])");
    SHOWS("('i', array.array('i'))", "array('i')");
    SHOWS("('i', array._array_reconstructor(None, 'i', 8, b'\\x01\\x00\\x00\\x00'))", "array('i', [1])");
    SHOWS("('d', array.array('I', [1, 4294967295]))", "array('d', [1.0, 4294967295.0])");
    SHOWS("('Q', array.array('q', [1]))", "array('Q', [1])");
    SHOWS("('f', array.array('d', [0.5]))", "array('f', [0.5])");
    SHOWS("('u', array.array('w', ['a', 'b']))", "array('u', 'ab')");
    MADE("Array('i', [7, 8])", "1a");
    SHOWS("('d', @1a:Array)", "array('d', [7.0, 8.0])");
}

static void
what_no_array_is_made_from_is_said_as_cpython_says_it(void **state)
{
    (void)state;
    REFUSED("()", "TypeError: Array() missing 2 required positional arguments: 'typecode' and 'sequence'");
    REFUSED("('i')", "TypeError: Array() missing 1 required positional argument: 'sequence'");
    REFUSED("('i', [1], True, 4)", "TypeError: Array() takes from 2 to 3 positional arguments but 4 were given");
    REFUSED("('i', [1], foo=1)", "TypeError: Array() got an unexpected keyword argument 'foo'");
    REFUSED("('x', [])", "ValueError: bad typecode (must be b, B, u, h, H, i, I, l, L, q, Q, f or d)");
    REFUSED("('c', [])", "ValueError: bad typecode (must be b, B, u, h, H, i, I, l, L, q, Q, f or d)");
    REFUSED("('\303\251', [])", "ValueError: bad typecode (must be b, B, u, h, H, i, I, l, L, q, Q, f or d)");
    REFUSED("('ii', [])", "TypeError: array() argument 1 must be a unicode character, not str");
    REFUSED("('', [])", "TypeError: array() argument 1 must be a unicode character, not str");
    REFUSED("(1, [])", "TypeError: array() argument 1 must be a unicode character, not int");
    REFUSED("(b'i', [])", "TypeError: array() argument 1 must be a unicode character, not bytes");
    REFUSED("('i', 5)", "TypeError: 'int' object is not iterable");
    REFUSED("('x', None)", "TypeError: 'NoneType' object is not iterable");
    REFUSED("('i', 'abc')", "TypeError: cannot use a str to initialize an array with typecode 'i'");
    REFUSED("('x', 'abc')", "TypeError: cannot use a str to initialize an array with typecode 'x'");
    REFUSED("('i', array.array('u', ['a']))", "TypeError: cannot use a unicode array to initialize an array with typecode 'i'");
    REFUSED("('u', array.array('i', [1]))", "TypeError: array item must be unicode character");
    REFUSED("('i', array.array('d', [1.5]))", "TypeError: 'float' object cannot be interpreted as an integer");
    REFUSED("('i', array.array('Q', [18446744073709551615]))", "OverflowError: Python int too large to convert to C long");
    REFUSED("('i', b'abc')", "ValueError: bytes length not a multiple of item size");
    REFUSED("('i', array.array('i', b'abc'))", "ValueError: bytes length not a multiple of item size");
    REFUSED("('i', array.array('i', ['x']))", "TypeError: 'str' object cannot be interpreted as an integer");
    REFUSED("('b', range(0, 200, 1))", "OverflowError: signed char is greater than maximum");
    REFUSED("('i', [1099511627776])", "OverflowError: signed integer is greater than maximum");
}

static void
a_range_without_end_is_refused_at_once(void **state)
{
    (void)state;
    REFUSED("('i', range(0, 1000000000000, 1))",
        "MemoryError: a range of 1000000000000 items is more than the 16777216 that mpmd makes of one");
    REFUSED("('i', range(-9223372036854775808, 9223372036854775807, 1))",
        "MemoryError: a range of 18446744073709551615 items is more than the 16777216 that mpmd makes of one");
}

/* --- reading and writing ------------------------------------------------------------------------------------------ */

static void
items_are_read_and_written(void **state)
{
    (void)state;
    MADE("Array('i', [4, 5, 3])", "1");
    ASK(a, "1.__len__()", "3");
    ASK(a, "1.__getitem__(0)", "4");
    ASK(a, "1.__getitem__(-1)", "3");
    ASK(a, "1.__setitem__(1, 7)", "None");
    ASK(a, "1.__repr__()", "\"array('i', [4, 7, 3])\"");
    ASK(a, "1.__getitem__(3)", "IndexError('array index out of range')");
    ASK(a, "1.__setitem__(3, 1)", "IndexError('array assignment index out of range')");
    ASK(a, "1.__setitem__(9, 'x')", "IndexError('array assignment index out of range')");
    ASK(a, "1.__getitem__('x')", "TypeError('array indices must be integers')");
    ASK(a, "1.__setitem__('x', 1)", "TypeError('array indices must be integers')");
    ASK(a, "1.__setitem__(0, 'x')", "TypeError(\"'str' object cannot be interpreted as an integer\")");
    ASK(a, "1.__setitem__(0, 1099511627776)", "OverflowError('signed integer is greater than maximum')");
    ASK(a, "1.__repr__()", "\"array('i', [4, 7, 3])\"");
    ASK(a, "1.__len__(1)", "TypeError('expected 0 arguments, got 1')");
    ASK(a, "1.__getitem__()", "TypeError('expected 1 argument, got 0')");
    ASK(a, "1.__setitem__(1)", "TypeError(' expected 2 arguments, got 1')");
    ASK(a, "1.__getitem__(x=1)", "TypeError('wrapper __getitem__() takes no keyword arguments')");
    ASK(a, "1.__delitem__(0)", "! KeyError: '__delitem__'");
}

static void
slices_are_arrays(void **state)
{
    (void)state;
    MADE("Array('i', [0, 1, 2, 3, 4, 5])", "1");
    ASK(a, "1.__getitem__(slice(1, 3, None))", "array('i', [1, 2])");
    ASK(a, "1.__getitem__(slice(None, None, -2))", "array('i', [5, 3, 1])");
    ASK(a, "1.__getitem__(slice(3, 1, None))", "array('i')");
    ASK(old, "1.__getitem__(slice(None, None, 3))", "array('i', [0, 3])");
    ASK(old, "1.__getslice__(1, 3)", "array('i', [1, 2])");
    ASK(old, "1.__getslice__(0, 9223372036854775807)", "array('i', [0, 1, 2, 3, 4, 5])");
    ASK(a, "1.#GETVALUE()", "array('i', [0, 1, 2, 3, 4, 5])");
    ASK(old, "1.#GETVALUE()", "array('i', [0, 1, 2, 3, 4, 5])");
    MADE("Array('d', [])", "2");
    ASK(a, "2.#GETVALUE()", "array('d')");
    ASK(old, "2.#GETVALUE()", "array('d')");
}

static void
slices_take_arrays_of_the_same_type(void **state)
{
    static const struct {
        const char *slice, *value, *after;
    } cases[] = { /* of [0, 1, 2, 3, 4, 5] */
        { "slice(1, 3, None)", "[7, 8, 9]", "[0, 7, 8, 9, 3, 4, 5]" },
        { "slice(1, 3, None)", "[7, 8]", "[0, 7, 8, 3, 4, 5]" },
        { "slice(1, 3, None)", "[7]", "[0, 7, 3, 4, 5]" },
        { "slice(0, 0, None)", "[9]", "[9, 0, 1, 2, 3, 4, 5]" },
        { "slice(4, 2, None)", "[9]", "[0, 1, 2, 3, 9, 4, 5]" },
        { "slice(9, 9, None)", "[9]", "[0, 1, 2, 3, 4, 5, 9]" },
        { "slice(None, None, None)", "[9]", "[9]" },
        { "slice(2, None, None)", "[]", "[0, 1]" },
        { "slice(None, None, 2)", "[7, 8, 9]", "[7, 1, 8, 3, 9, 5]" },
        { "slice(None, None, -1)", "[0, 1, 2, 3, 4, 5]", "[5, 4, 3, 2, 1, 0]" },
        { "slice(1, 5, 2)", "[]", "[0, 2, 4, 5]" },
        { "slice(None, None, -2)", "[]", "[0, 2, 4]" },
        { "slice(None, 0, -3)", "[]", "[0, 1, 3, 4]" },
        { "slice(5, 1, 2)", "[]", "[0, 1, 2, 3, 4, 5]" },
        { "slice(1, 5, -1)", "[]", "[0, 1, 2, 3, 4, 5]" },
    };
    char request[256], reply[80], ident[8];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(ident, sizeof ident, "%s", mpm_world_create("Array('i', [0, 1, 2, 3, 4, 5])"));
        snprintf(request, sizeof request, "%s.__setitem__(%s, array.array('i', %s))", ident, cases[i].slice, cases[i].value);
        ASK(a, request, "None");
        snprintf(request, sizeof request, "%s.__repr__()", ident);
        snprintf(reply, sizeof reply, "\"array('i', %s)\"", cases[i].after);
        ASK(a, request, reply);
    }
    MADE("Array('i', [])", "10");
    ASK(a, "10.__setitem__(slice(None, None, None), array.array('i', b'\\x01\\x00\\x00\\x00'))", "None");
    ASK(old, "10.__setslice__(1, 1, array.array('i', [2, 3]))", "None");
    ASK(old, "10.__setslice__(0, 1, array.array('i', []))", "None");
    ASK(a, "10.__repr__()", "\"array('i', [2, 3])\"");
    ASK(a, "10.__setitem__(slice(None, None, None), array.array('i', []))", "None");
    ASK(a, "10.__repr__()", "\"array('i')\"");
}

static void
adding_at_the_end_again_and_again_is_linear(void **state)
{
    size_t without_growing;

    (void)state;
    MADE("Array('i', [1, 2])", "1");
    mpm_test_alloc_begin();
    for (int i = 0; i < 2000; i++)
        ASK(a, "1.__setitem__(slice(0, 2, None), array.array('i', [7, 8]))", "None");
    mpm_test_alloc_end();
    without_growing = mpm_test_alloc_count();
    mpm_test_alloc_begin();
    for (int i = 0; i < 1999; i++)
        ASK(a, "1.__setitem__(slice(9999, None, None), array.array('i', [7, 8]))", "None");
    mpm_test_alloc_end();
    assert_true(mpm_test_alloc_count() < without_growing + 200); /* it does not grow each time */
    ASK(a, "1.__len__()", "4000");
    ASK(a, "1.__getitem__(-2)", "7");
    ASK(a, "1.__setitem__(slice(3, None, None), array.array('i', []))", "None");
    ASK(a, "1.__repr__()", "\"array('i', [7, 8, 7])\"");
}

static void
a_registered_array_has_the_other_methods_too(void **state)
{
    (void)state;
    assert_int_equal(mpm__hub_register(mpm_world_hub(), "data=Array('i', [4, 5, 3])", NULL), 0);
    MADE("data()", "1");
    ASK(a, "1.append(7)", "None");
    ASK(a, "1.append('x')", "TypeError(\"'str' object cannot be interpreted as an integer\")");
    ASK(a, "1.extend([1, 2])", "None");
    ASK(a, "1.extend([1, 'x'])", "TypeError(\"'str' object cannot be interpreted as an integer\")");
    ASK(a, "1.extend(b'ab')", "None");
    ASK(a, "1.extend(array.array('l', [1]))", "TypeError('can only extend with array of same kind')");
    ASK(a, "1.extend(array.array('i', [9]))", "None");
    ASK(a, "1.extend('ab')", "TypeError(\"'str' object cannot be interpreted as an integer\")");
    ASK(a, "1.tolist()", "[4, 5, 3, 7, 1, 2, 97, 98, 9]");
    ASK(a, "1.pop()", "9");
    ASK(a, "1.pop(0)", "4");
    ASK(a, "1.pop(-2)", "97");
    ASK(a, "1.pop(9)", "IndexError('pop index out of range')");
    ASK(a, "1.pop('x')", "TypeError(\"'str' object cannot be interpreted as an integer\")");
    ASK(a, "1.pop(1, 2)", "TypeError('pop expected at most 1 argument, got 2')");
    ASK(a, "1.insert(-1, 6)", "None");
    ASK(a, "1.insert(99, 5)", "None");
    ASK(a, "1.tolist()", "[5, 3, 7, 1, 2, 6, 98, 5]");
    ASK(a, "1.index(5)", "0");
    ASK(a, "1.index(5.0, 1)", "7");
    ASK(a, "1.index(5, 1, -1)", "ValueError('array.index(x): x not in array')");
    ASK(a, "1.count(5)", "2");
    ASK(a, "1.count('x')", "0");
    ASK(a, "1.remove(7)", "None");
    ASK(a, "1.remove(7)", "ValueError('array.remove(x): x not in array')");
    ASK(a, "1.reverse()", "None");
    ASK(a, "1.tolist()", "[5, 98, 6, 2, 1, 3, 5]");
    ASK(a, "1.clear()", "None");
    ASK(a, "1.pop()", "IndexError('pop from empty array')");
    ASK(a, "1.frombytes(b'\\x01\\x00\\x00\\x00')", "None");
    ASK(a, "1.frombytes(b'abc')", "ValueError('bytes length not a multiple of item size')");
    ASK(a, "1.frombytes('abc')", "TypeError(\"a bytes-like object is required, not 'str'\")");
    ASK(a, "1.tobytes()", "b'\\x01\\x00\\x00\\x00'");
    ASK(a, "1.append()", "TypeError('array.append() takes exactly one argument (0 given)')");
    MADE("Array('u', 'ab')", "2");
    ASK(a, "2.extend('cd')", "None");
    ASK(a, "2.tolist()", "['a', 'b', 'c', 'd']");
    ASK(a, "2.extend(@2:Array)", "None");
    ASK(a, "2.count('d')", "2");
}

static void
it_is_registered_with_lists_and_ranges(void **state)
{
    static const struct {
        const char *definition, *text;
    } good[] = {
        { "a=Array('d', range(1, 7, 2))", "array('d', [1.0, 3.0, 5.0])" }, { "b=Array('i',range(3))", "array('i', [0, 1, 2])" },
        { "c=Array('i', range( 1 , 3 ))", "array('i', [1, 2])" }, { "d=Array('i', [ 1 ,2, ], lock=None)", "array('i', [1, 2])" },
        { "e=Array('i', {1: [2], 3 : {}})", "array('i', [1, 3])" }, { "f=Array('i', [])", "array('i')" },
    };
    static const char *const bad[] = { "g=Array('i', [1", "g=Array('i', [1 2])", "g=Array('i', {1})", "g=Array('i', {1: })",
        "g=Array('i', range())", "g=Array('i', range(1, 2, 3, 4))", "g=Array('i', range('x'))", "g=Array('i', range(1)",
        "g=Array('i', [[[[[[[[[1]]]]]]]]])", "g=Array('i', ['x'])", "g=Array('i', range(0, 5, 0))" };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char request[64], reply[64];

        assert_int_equal(mpm__hub_register(mpm_world_hub(), good[i].definition, NULL), 0);
        snprintf(request, sizeof request, "%c()", good[i].definition[0]);
        snprintf(request, sizeof request, "%s.__str__()", mpm_world_create(request));
        snprintf(reply, sizeof reply, "\"%s\"", good[i].text);
        ASK(a, request, reply);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_not_equal(mpm__hub_register(mpm_world_hub(), bad[i], NULL), 0);
}

static void
slices_take_nothing_else(void **state)
{
    (void)state;
    MADE("Array('i', [0, 1, 2, 3, 4, 5])", "1");
    ASK(a, "1.__setitem__(slice(1, 2, None), [1])", "TypeError('can only assign array (not \"list\") to array slice')");
    ASK(a, "1.__setitem__(slice(1, 2, None), None)", "TypeError('can only assign array (not \"NoneType\") to array slice')");
    ASK(old, "1.__setslice__(1, 2, 'x')", "exceptions.TypeError('can only assign array (not \"str\") to array slice')");
    ASK(a, "1.__setitem__(slice(1, 2, None), array.array('l', [1]))",
        "TypeError('bad argument type for built-in operation')");
    ASK(a, "1.__setitem__(slice(None, None, 2), array.array('i', [7, 8]))",
        "ValueError('attempt to assign array of size 2 to extended slice of size 3')");
    ASK(a, "1.__setitem__(slice(5, 1, 2), array.array('i', [1]))",
        "ValueError('attempt to assign array of size 1 to extended slice of size 0')");
    ASK(a, "1.__setitem__(slice(1, 2, 0), [1])", "ValueError('slice step cannot be zero')");
    ASK(a, "1.__setitem__(slice('x'), [1])",
        "TypeError('slice indices must be integers or None or have an __index__ method')");
    ASK(a, "1.__repr__()", "\"array('i', [0, 1, 2, 3, 4, 5])\"");
}

static void
python_2_has_arrays_of_its_own(void **state)
{
    (void)state;
    MADE("Array('u', 'ab')", "1");
    ASK(old, "1.__getslice__(0, 1)", "array('u', 'a')");
    ASK(old, "1.__setitem__(0, 'x')", "exceptions.TypeError('array item must be unicode character')"); /* it is bytes there */
    ASK(a, "1.__setitem__(0, 'x')", "None");
    ASK(old, "1.__getitem__(0)", "'x'");
}

/* --- memory ------------------------------------------------------------------------------------------------------- */

static void
what_is_over_the_memory_limit_is_refused_and_the_rest_stays(void **state)
{
    static const char over[] = "MemoryError('the stored values would take more than --max-memory 100 bytes; remove some or "
                               "raise the limit')";

    mpm_people_go(state);
    mpm_world_open_limited(MPM_DEATH_KEEP, 100);
    a = mpm_world_peer_new(10, "MainProcess");
    assert_non_null(strstr(made("('i', range(0, 16000000, 1))"), "! MemoryError: the stored values would take"));
    for (int i = 0; i < 3; i++) {
        char ident[8], request[128];

        snprintf(ident, sizeof ident, "%s", mpm_world_create("Array('i', range(0, 25, 1))"));
        assert_non_null(strstr(made("('B', b'x')"), "MemoryError"));
        snprintf(request, sizeof request, "%s.__setitem__(slice(0, 0, 1), array.array('i', [1]))", ident);
        ASK(a, request, over);
        snprintf(request, sizeof request, "%s.__len__()", ident);
        ASK(a, request, "25");
        snprintf(request, sizeof request, "%s.__setitem__(24, 5)", ident);
        ASK(a, request, "None");
        mpm_world_decref(ident);
    }
}

static int
life(void)
{
    bool ok;

    if (!mpm_people_try(MPM_DEATH_KEEP, 1))
        return MPM_ENOMEM;
    ok = strcmp(mpm_world_create("Array('i', [1, 2])"), "1") == 0 &&
         strcmp(mpm_world_create("Array('i', range(0, 3, 1))"), "2") == 0 &&
         strcmp(mpm_world_create("Array('d', array.array('i', [1]))"), "3") == 0 &&
         strcmp(mpm_world_create("Array('d', {1: 2})"), "4") == 0 && strcmp(mpm_world_create("Array('u', 'ab')"), "5") == 0 &&
         strcmp(mpm_world_create("Array('d', @2:Array)"), "6") == 0;
    if (ok && !mpm_world_either(a, "1.__setitem__(slice(0, 0, 1), array.array('i', [1]))", "None"))
        ok = mpm_world_either(a, "1.__repr__()", "\"array('i', [1, 2])\"") && false;
    if (ok && !mpm_world_either(a, "1.__setitem__(slice(0, 9, 2), array.array('i', []))", "None"))
        ok = mpm_world_either(a, "1.__repr__()", "\"array('i', [1, 1, 2])\"") && false;
    if (ok && !mpm_world_either(a, "3.extend({5: 6, 7: 8})", "None"))
        ok = mpm_world_either(a, "3.tolist()", "[1.0]") && false;
    ok = ok && mpm_world_either(a, "1.__repr__()", "\"array('i', [1])\"") && mpm_world_either(a, "3.pop(0)", "1.0") &&
         mpm_world_either(a, "2.__getitem__(slice(0, 3, 2))", "array('i', [0, 2])") &&
         mpm_world_either(a, "5.__repr__()", "\"array('u', 'ab')\"");
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
        TEST(each_typecode_takes_its_range_and_says_what_is_beyond),
        TEST(each_typecode_gives_back_what_it_took),
        TEST(what_is_no_item_is_a_type_error),
        TEST(an_int_beyond_floats_is_an_overflow),
        TEST(it_is_made_from_all_that_arrays_are_made_from),
        TEST(what_no_array_is_made_from_is_said_as_cpython_says_it),
        TEST(a_range_without_end_is_refused_at_once),
        TEST(items_are_read_and_written),
        TEST(slices_are_arrays),
        TEST(slices_take_arrays_of_the_same_type),
        TEST(adding_at_the_end_again_and_again_is_linear),
        TEST(a_registered_array_has_the_other_methods_too),
        TEST(it_is_registered_with_lists_and_ranges),
        TEST(slices_take_nothing_else),
        TEST(python_2_has_arrays_of_its_own),
        TEST(what_is_over_the_memory_limit_is_refused_and_the_rest_stays),
        cmocka_unit_test(without_memory_nothing_is_half_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

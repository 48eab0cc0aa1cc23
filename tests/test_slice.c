/* slice.c: what stands in brackets. The method `f` of a type made for this says what it was understood as. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "object/slice.h"
#include "support/support.h"
#include "support/world.h"

static struct mpm_world_peer *a;
static struct mpm_type *type;
static struct mpm_method *methods_before;
static size_t length; /* of the sequence */
static const char *what = "list";
static bool has_slices = true;

static enum mpm_outcome
return_slice(struct mpm_call *call, const struct mpm_slice *s)
{
    char text[80];

    snprintf(text, sizeof text, "%lld %lld %zu", (long long)s->start, (long long)s->step, s->n);
    return mpm_return_text(call, text);
}

static enum mpm_outcome
run_subscript(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_slice slice;
    size_t index;

    (void)self;
    switch (mpm__subscript(call, 0, length, what, "out of range", &index, has_slices ? &slice : NULL)) {
    case MPM_SUBSCRIPT_INDEX: return mpm_return_int(call, (int64_t)index);
    case MPM_SUBSCRIPT_SLICE: return return_slice(call, &slice);
    default: return MPM_DONE;
    }
}

static enum mpm_outcome
run_plain(struct mpm_object *self, struct mpm_call *call)
{
    struct mpm_slice slice;

    (void)self;
    return mpm__plain_slice(call, 0, length, &slice) ? return_slice(call, &slice) : MPM_DONE;
}

static enum mpm_outcome
run_clamped(struct mpm_object *self, struct mpm_call *call)
{
    size_t start, stop;
    char text[80];

    (void)self;
    if (!mpm__clamped_index(call, 0, length, &start) || !mpm__clamped_index(call, 1, length, &stop))
        return MPM_DONE;
    snprintf(text, sizeof text, "%zu %zu", start, stop);
    return mpm_return_text(call, text);
}

static enum mpm_outcome
run_insert(struct mpm_object *self, struct mpm_call *call)
{
    size_t at;

    (void)self;
    return mpm__insert_index(call, 0, length, &at) ? mpm_return_int(call, (int64_t)at) : MPM_DONE;
}

static struct mpm_method methods[] = {
    { .name = "at",     .params = "i",                 .run = run_subscript },
    { .name = "plain",  .params = "i j",               .run = run_plain },
    { .name = "clamp",  .params = "start=0 stop=None", .run = run_clamped },
    { .name = "insert", .params = "i",                 .run = run_insert },
    { 0 }
};

static void
open_type(void)
{
    type = (struct mpm_type *)(uintptr_t)mpm_type_find("Event", 5);
    methods_before = type->methods;
    type->methods = methods;
    mpm_type_set_up(type);
}

static int
open_world(void **state)
{
    (void)state;
    open_type();
    mpm_world_open(MPM_DEATH_KEEP);
    a = mpm_world_peer_new(10, "MainProcess");
    MADE("Event()", "1");
    length = 3;
    what = "list";
    has_slices = true;
    return 0;
}

static int
close_world(void **state)
{
    (void)state;
    mpm_world_close();
    type->methods = methods_before;
    return 0;
}

/* --- slices ------------------------------------------------------------------------------------------------------- */

static uint64_t
fnv(uint64_t hash, const char *text)
{
    for (; *text != '\0'; text++)
        hash = (hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
    return hash;
}

/* None, -7 ... 7 */
static const char *
bound_text(int i, char text[8])
{
    snprintf(text, 8, i == 0 ? "None" : "%d", i - 8);
    return text;
}

static void
every_small_slice_is_what_python_makes_of_it(void **state)
{
    /* FNV-1a of all answers, each f"{max(start, 0)} {step} {len(range(start, stop, step))};" of
     * slice.indices(length) */
    static const uint64_t expected[] = {
        UINT64_C(0x73051dc884ff5e25), UINT64_C(0x80d8070c61a2dbb9), UINT64_C(0xbaca7f07c52f455d), UINT64_C(0xdee051e0098f2bfb),
        UINT64_C(0xf0729fabff2d0cf1), UINT64_C(0x4735b0d69a51bd13), UINT64_C(0x6bebe16bb74b335f)
    };

    (void)state;
    for (length = 0; length < sizeof expected / sizeof *expected; length++) {
        uint64_t hash = UINT64_C(0xcbf29ce484222325);

        for (int i = 0; i < 16 * 16 * 16; i++) {
            char start[8], stop[8], step[8], request[80];
            const char *got;

            if (i % 16 == 8)
                continue; /* a step of 0 */
            snprintf(request, sizeof request, "1.at(slice(%s, %s, %s))", bound_text(i / 256, start),
                bound_text(i / 16 % 16, stop), bound_text(i % 16, step));
            got = mpm_world_ask(a, request);
            assert_int_equal(got[0], '\'');
            snprintf(request, sizeof request, "%.*s;", (int)strlen(got) - 2, got + 1);
            hash = fnv(hash, request);
        }
        assert_true(hash == expected[length]);
    }
}

static void
bounds_of_any_size_and_bools_are_taken(void **state)
{
    (void)state;
    ASK(a, "1.at(slice(2))", "'0 1 2'");
    ASK(a, "1.at(slice(1, 2))", "'1 1 1'");
    ASK(a, "1.at(slice(True, None, None))", "'1 1 2'");
    ASK(a, "1.at(slice(None, None, True))", "'0 1 3'");
    ASK(a, "1.at(slice(-9223372036854775808, 9223372036854775807, 1))", "'0 1 3'");
    ASK(a, "1.at(slice(-1000000000000000000000000000000, 1000000000000000000000000000000, None))", "'0 1 3'");
    ASK(a, "1.at(slice(1000000000000000000000000000000, -1000000000000000000000000000000, -1))", "'2 -1 3'");
    ASK(a, "1.at(slice(None, None, 1000000000000000000000000000000))", "'0 9223372036854775807 1'");
    ASK(a, "1.at(slice(None, None, -1000000000000000000000000000000))", "'2 -9223372036854775807 1'");
    ASK(a, "1.at(slice(None, None, -9223372036854775808))", "'2 -9223372036854775807 1'");
    ASK(a, "1.at(slice(1, None, -9223372036854775808))", "'1 -9223372036854775807 1'");
    ASK(a, "1.at(slice(2, 1, None))", "'2 1 0'"); /* where an assignment inserts */
    ASK(a, "1.at(slice(9, 1, None))", "'3 1 0'");
}

static void
python_2_sends_slices_of_its_own(void **state)
{
    struct mpm_world_peer *old = mpm_world_peer_old(50);

    (void)state;
    ASK(old, "1.at(slice(None, None, -1))", "'2 -1 3'");
    ASK(old, "1.plain(0, 9223372036854775807)", "'0 1 3'");
    ASK(old, "1.plain(1, 2)", "'1 1 1'");
    ASK(old, "1.plain(-1, 2)", "'0 1 2'");
    ASK(old, "1.plain(2, 1)", "'2 1 0'");
    ASK(old, "1.plain(7, 9)", "'3 1 0'");
    ASK(old, "1.plain(True, -3)", "'1 1 0'");
    ASK(old, "1.plain('a', 2)", "exceptions.TypeError('an integer is required')");
    ASK(old, "1.plain(0, None)", "exceptions.TypeError('an integer is required')");
    ASK(old, "1.plain(0, 1000000000000000000000000000000)",
        "exceptions.OverflowError('Python int too large to convert to C long')");
}

static void
what_is_no_slice_is_said_in_cpythons_order(void **state)
{
    static const char no_bound[] = "TypeError('slice indices must be integers or None or have an __index__ method')";

    (void)state;
    ASK(a, "1.at(slice(None, None, 0))", "ValueError('slice step cannot be zero')");
    ASK(a, "1.at(slice('a', 'b', 0))", "ValueError('slice step cannot be zero')");
    ASK(a, "1.at(slice(None, None, False))", "ValueError('slice step cannot be zero')");
    ASK(a, "1.at(slice('a', None, None))", no_bound);
    ASK(a, "1.at(slice(None, 1.5, None))", no_bound);
    ASK(a, "1.at(slice(0, 0, [1]))", no_bound);
    ASK(a, "1.at(slice('a'))", no_bound);
    ASK(a, "1.at(slice())", "TypeError('list indices must be integers or slices, not slice')");
    ASK(a, "1.at(slice(1, 2, 3, 4))", "TypeError('list indices must be integers or slices, not slice')");
    ASK(a, "1.at(other.slice(1, 2, 3))", "TypeError('list indices must be integers or slices, not slice')");
    ASK(a, "1.at(complex(1, 2))", "TypeError('list indices must be integers or slices, not complex')");
    ASK(a, "1.at((0, 1))", "TypeError('list indices must be integers or slices, not tuple')");
}

/* --- indices ------------------------------------------------------------------------------------------------------ */

static void
an_index_counts_from_either_end(void **state)
{
    char request[32], reply[16];

    (void)state;
    for (int i = -6; i < 6; i++) {
        snprintf(request, sizeof request, "1.at(%d)", i);
        snprintf(reply, sizeof reply, "%d", i < 0 ? i + 3 : i);
        ASK(a, request, i >= -3 && i < 3 ? reply : "IndexError('out of range')");
    }
    ASK(a, "1.at(True)", "1");
    ASK(a, "1.at(False)", "0");
    ASK(a, "1.at(-9223372036854775808)", "IndexError('out of range')");
    length = 0;
    ASK(a, "1.at(0)", "IndexError('out of range')");
    ASK(a, "1.at(-1)", "IndexError('out of range')");
}

static void
what_is_no_index_is_said_for_each_kind_of_sequence(void **state)
{
    (void)state;
    ASK(a, "1.at('x')", "TypeError('list indices must be integers or slices, not str')");
    ASK(a, "1.at(1.0)", "TypeError('list indices must be integers or slices, not float')");
    ASK(a, "1.at(None)", "TypeError('list indices must be integers or slices, not NoneType')");
    ASK(a, "1.at(1000000000000000000000000000000)", "IndexError(\"cannot fit 'int' into an index-sized integer\")");
    ASK(a, "1.at(-1000000000000000000000000000000)", "IndexError(\"cannot fit 'int' into an index-sized integer\")");
    what = "array";
    ASK(a, "1.at('x')", "TypeError('array indices must be integers')");
    has_slices = false;
    ASK(a, "1.at('x')", "TypeError(\"'str' object cannot be interpreted as an integer\")");
    ASK(a, "1.at(slice(1, 2, 3))", "TypeError(\"'slice' object cannot be interpreted as an integer\")");
    ASK(a, "1.at(1000000000000000000000000000000)", "OverflowError(\"cannot fit 'int' into an index-sized integer\")");
    ASK(a, "1.at(-1)", "2");
}

static void
the_bounds_of_a_search_are_clamped(void **state)
{
    static const char no_bound[] = "TypeError('slice indices must be integers or have an __index__ method')";

    (void)state;
    ASK(a, "1.clamp()", "'0 3'");
    ASK(a, "1.clamp(1, 2)", "'1 2'");
    ASK(a, "1.clamp(-2, -1)", "'1 2'");
    ASK(a, "1.clamp(-20, 20)", "'0 3'");
    ASK(a, "1.clamp(True, False)", "'1 0'");
    ASK(a, "1.clamp(-1000000000000000000000000000000, 1000000000000000000000000000000)", "'0 3'");
    ASK(a, "1.clamp('a')", no_bound);
    ASK(a, "1.clamp(0, None)", no_bound);
    ASK(a, "1.clamp(0, 1.5)", no_bound);
}

static void
a_place_to_insert_at_is_clamped(void **state)
{
    (void)state;
    ASK(a, "1.insert(0)", "0");
    ASK(a, "1.insert(3)", "3");
    ASK(a, "1.insert(4)", "3");
    ASK(a, "1.insert(-1)", "2");
    ASK(a, "1.insert(-4)", "0");
    ASK(a, "1.insert(-9223372036854775808)", "0");
    ASK(a, "1.insert(9223372036854775807)", "3");
    ASK(a, "1.insert(1000000000000000000000000000000)", "OverflowError('Python int too large to convert to C ssize_t')");
    ASK(a, "1.insert('x')", "TypeError(\"'str' object cannot be interpreted as an integer\")");
    ASK(a, "1.insert(1.5)", "TypeError(\"'float' object cannot be interpreted as an integer\")");
    ASK(a, "1.insert(None)", "TypeError(\"'NoneType' object cannot be interpreted as an integer\")");
}

static int
life(void)
{
    bool ok;

    open_type();
    length = 3;
    mpm_world_open(MPM_DEATH_KEEP);
    if (mpm_world_hub() == NULL)
        return MPM_ENOMEM;
    a = mpm_world_peer_new(10, "MainProcess");
    ok = strcmp(mpm_world_create("Event()"), "1") == 0 && mpm_world_either(a, "1.at(slice(0, 2, None))", "'0 1 2'") &&
         mpm_world_either(a, "1.at(slice(0, 1000000000000000000000000000000, None))", "'0 1 3'") &&
         mpm_world_either(a, "1.clamp(0, 1000000000000000000000000000000)", "'0 3'");
    mpm_world_close();
    type->methods = methods_before;
    return ok ? 0 : MPM_ENOMEM;
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
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
    const struct CMUnitTest tests[] = {
        TEST(every_small_slice_is_what_python_makes_of_it),
        TEST(bounds_of_any_size_and_bools_are_taken),
        TEST(python_2_sends_slices_of_its_own),
        TEST(what_is_no_slice_is_said_in_cpythons_order),
        TEST(an_index_counts_from_either_end),
        TEST(what_is_no_index_is_said_for_each_kind_of_sequence),
        TEST(the_bounds_of_a_search_are_clamped),
        TEST(a_place_to_insert_at_is_clamped),
        cmocka_unit_test(without_memory_nothing_is_half_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

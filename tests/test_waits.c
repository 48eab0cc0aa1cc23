/* mpmctl's search for deadlocks: small pictures, and random ones against a slow search that follows the definition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cmd/mpmctl.h"
#include "support/support.h"

static struct situation s;

static char *
word(const char *text)
{
    return ctl_copy(text, strlen(text));
}

/* What an ident is, by its first letter. */
static const char *
typeid_of(const char *ident)
{
    return ident[0] == 'r' ? "RWLock" : ident[0] == 's' ? "Semaphore" : ident[0] == 'b' ? "BoundedSemaphore" : "Lock";
}

static struct situation *
holds_in(struct situation *to, int64_t owner, const char *ident)
{
    to->holds = ctl_more(to->holds, to->n_holds + 1, sizeof *to->holds);
    to->holds[to->n_holds++] = (struct hold){ .ident = word(ident), .typeid = word(typeid_of(ident)), .count = 1, .since = 1,
        .who = { .owner = owner, .pid = owner } };
    return to;
}

static struct wait *
waits_in(struct situation *to, int64_t owner, const char *ident, const char *method)
{
    struct wait *w;

    to->waits = ctl_more(to->waits, to->n_waits + 1, sizeof *to->waits);
    w = &to->waits[to->n_waits++];
    *w = (struct wait){ .number = owner, .ident = word(ident), .typeid = word(typeid_of(ident)), .method = word(method),
        .held_up_by = word(ident), .left = NAN, .who = { .owner = owner, .pid = owner } };
    return w;
}

static void
holds(int64_t owner, const char *ident)
{
    holds_in(&s, owner, ident);
}

static struct wait *
waits(int64_t owner, const char *ident)
{
    return waits_in(&s, owner, ident, "acquire");
}

static int
tear_down(void **state)
{
    (void)state;
    situation_wipe(&s);
    return 0;
}

/* One cycle with these owners in this order, wherever it begins. */
static void
cycle_is(size_t n, ...)
{
    int64_t owners[8];
    size_t from = 0;
    va_list ap;

    va_start(ap, n);
    for (size_t i = 0; i < n; i++)
        owners[i] = va_arg(ap, int);
    va_end(ap);
    situation_find_cycles(&s);
    assert_int_equal(s.n_cycles, 1);
    assert_int_equal(s.cycles[0].n, n);
    while (s.cycles[0].waits[from]->who.owner != owners[0])
        from++;
    for (size_t i = 0; i < n; i++)
        assert_int_equal(s.cycles[0].waits[(from + i) % n]->who.owner, owners[i]);
}

static void
no_cycle(void)
{
    situation_find_cycles(&s);
    assert_int_equal(s.n_cycles, 0);
}

static void
two_or_more_who_wait_for_each_other_are_a_cycle(void **state)
{
    (void)state;
    holds(1, "k1"), holds(2, "k2"), holds(3, "k3"), holds(9, "k9");
    waits(1, "k2"), waits(2, "k3"), waits(3, "k1"), waits(4, "k1"), waits(5, "k9");
    cycle_is(3, 1, 2, 3);
    assert_string_equal(s.cycles[0].waits[0]->awaited, "Lock");
}

static void
who_waits_for_what_it_holds_itself_is_a_cycle(void **state)
{
    (void)state;
    holds(1, "k1");
    waits(1, "k1");
    cycle_is(1, 1);
}

static void
nobody_waits_for_nobody(void **state)
{
    (void)state;
    no_cycle();
}

static void
who_has_a_timeout_lets_the_others_go_on(void **state)
{
    (void)state;
    holds(1, "k1"), holds(2, "k2");
    waits(1, "k2"), waits(2, "k1")->left = 5;
    no_cycle();
}

static void
who_waits_for_no_holder_is_helped_by_anybody(void **state)
{
    struct wait *w;

    (void)state;
    holds(1, "k1"), holds(2, "k2");
    waits(1, "k2"), w = waits(2, "k1");
    free(w->held_up_by);
    w->held_up_by = NULL;
    no_cycle();
}

static void
one_holder_who_can_go_on_is_enough_but_not_for_who_wants_to_write(void **state)
{
    (void)state;
    holds(1, "b"), holds(2, "b"), holds(3, "k");
    waits(1, "k"), waits(3, "b");
    no_cycle();
    situation_wipe(&s);
    holds(1, "r"), holds(2, "r"), holds(3, "k");
    waits(1, "k"), waits_in(&s, 3, "r", "acquire_write");
    cycle_is(2, 1, 3);
}

static void
who_reads_may_wait_behind_a_writer_that_gives_up(void **state)
{
    (void)state;
    holds(1, "r"), holds(3, "k");
    waits(1, "k"), waits_in(&s, 3, "r", "acquire_read");
    cycle_is(2, 1, 3);
    waits_in(&s, 4, "r", "acquire_write")->left = 1;
    for (size_t i = 0; i < s.n_cycles; i++)
        free(s.cycles[i].waits);
    s.n_cycles = 0;
    no_cycle();
}

static void
who_has_all_of_a_semaphore_may_wait_for_a_signal(void **state)
{
    (void)state;
    holds(1, "s");
    waits(1, "s");
    no_cycle();
    situation_wipe(&s);
    holds(1, "b");
    waits(1, "b");
    cycle_is(1, 1);
}

static void
who_waits_for_the_dead_is_on_no_cycle(void **state)
{
    (void)state;
    holds(0, "k1"), holds(2, "k2");
    waits(2, "k1"), waits(3, "k2");
    no_cycle();
    for (size_t i = 0; i < s.n_waits; i++)
        assert_int_equal(s.waits[i].by_the_dead, strcmp(s.waits[i].held_up_by, "k1") == 0);
    /* and hides none: 4 waits for 2, who is lost, and for 5, who waits for 4 */
    holds(2, "b"), holds(5, "b"), holds(4, "k4");
    waits(4, "b"), waits(5, "k4");
    cycle_is(2, 4, 5);
}

static void
what_is_not_there_any_more_at_the_second_look_is_none(void **state)
{
    struct situation later = { 0 };

    (void)state;
    holds(1, "k1"), holds(2, "k2"), waits(1, "k2"), waits(2, "k1");
    situation_find_cycles(&s);
    holds_in(&later, 1, "k1"), holds_in(&later, 2, "k2");
    waits_in(&later, 1, "k2", "acquire"), waits_in(&later, 2, "k1", "acquire");
    situation_confirm(&s, &later);
    assert_int_equal(s.n_cycles, 1);
    later.waits[1].number = 77; /* it waits again */
    situation_confirm(&s, &later);
    assert_int_equal(s.n_cycles, 0);
    situation_wipe(&s);
    later.waits[1].number = 2;
    holds(1, "k1"), holds(2, "k2"), waits(1, "k2"), waits(2, "k1");
    situation_find_cycles(&s);
    later.holds[0].since = 2; /* it was let go and taken again */
    situation_confirm(&s, &later);
    assert_int_equal(s.n_cycles, 0);
    situation_wipe(&later);
}

static void
of_two_waits_of_one_owner_the_later_one_counts(void **state)
{
    (void)state;
    holds(1, "k1"), holds(2, "k2");
    waits(1, "k2")->number = 3, waits(2, "k9")->number = 5, waits(2, "k1")->number = 4;
    no_cycle();
    situation_wipe(&s);
    holds(1, "k1"), holds(2, "k2");
    waits(1, "k2")->number = 3, waits(2, "k9")->number = 4, waits(2, "k1")->number = 5;
    cycle_is(2, 1, 2);
}

/* --- random ones -------------------------------------------------------------------------------------------------- */

#define OWNERS 7

/* Who can go on, as the definition has it: asked again until nothing changes. */
static void
slowly(bool can[OWNERS + 1])
{
    bool changed = true;

    for (int i = 0; i <= OWNERS; i++)
        can[i] = i != 0;
    for (size_t i = 0; i < s.n_waits; i++)
        can[s.waits[i].who.owner] = false;
    while (changed) {
        changed = false;
        for (size_t i = 0; i < s.n_waits; i++) {
            const struct wait *w = &s.waits[i];
            bool timed = false, own = true;
            size_t n = 0, n_can = 0;

            for (size_t k = 0; k < s.n_waits; k++)
                timed |= strcmp(s.waits[k].ident, w->ident) == 0 && !isnan(s.waits[k].left);
            for (size_t k = 0; k < s.n_holds; k++)
                if (strcmp(s.holds[k].ident, w->ident) == 0) {
                    n++;
                    n_can += can[s.holds[k].who.owner];
                    own &= s.holds[k].who.owner == w->who.owner;
                }
            if (!can[w->who.owner] && (n == 0 || !isnan(w->left) || (strcmp(w->method, "acquire_read") == 0 && timed) ||
                    (strcmp(w->method, "acquire_write") == 0 ? n_can == n : n_can > 0) || (w->ident[0] == 's' && own)))
                changed = can[w->who.owner] = true;
        }
    }
}

static bool
holds_it(int64_t owner, const char *ident)
{
    for (size_t i = 0; i < s.n_holds; i++)
        if (s.holds[i].who.owner == owner && strcmp(s.holds[i].ident, ident) == 0)
            return true;
    return false;
}

/* Whether following who holds what leads from somebody who cannot go on back to him. */
static bool
there_is_a_cycle(const bool can[OWNERS + 1])
{
    bool leads[OWNERS + 1][OWNERS + 1] = { { false } };

    for (size_t i = 0; i < s.n_waits; i++)
        for (int64_t to = 1; to <= OWNERS; to++)
            leads[s.waits[i].who.owner][to] = !can[s.waits[i].who.owner] && !can[to] && holds_it(to, s.waits[i].ident);
    for (int k = 1; k <= OWNERS; k++)
        for (int i = 1; i <= OWNERS; i++)
            for (int j = 1; j <= OWNERS; j++)
                leads[i][j] |= leads[i][k] && leads[k][j];
    for (int i = 1; i <= OWNERS; i++)
        if (leads[i][i])
            return true;
    return false;
}

static void
any_situation_is_judged_as_the_slow_search_does(void **state)
{
    static const char *const idents[] = { "k1", "k2", "k3", "b1", "s1", "r1" };
    bool can[OWNERS + 1], seen[OWNERS + 1];
    uint64_t seed = 4;
    size_t n_with = 0;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        for (int i = 0; i < 6; i++) {
            size_t n = i < 3 ? 1 : mpm_test_below(&seed, 4);

            for (size_t k = 0; k < n; k++) {
                int64_t owner = (int64_t)mpm_test_below(&seed, OWNERS + 1);

                if (!holds_it(owner, idents[i]))
                    holds(owner, idents[i]);
            }
        }
        for (int64_t owner = 1; owner <= OWNERS; owner++) {
            const char *ident = idents[mpm_test_below(&seed, 6)];
            const char *method = ident[0] != 'r' ? "acquire" : mpm_test_below(&seed, 2) != 0 ? "acquire_read" : "acquire_write";

            if (mpm_test_below(&seed, 5) != 0) {
                struct wait *w = waits_in(&s, owner, ident, method);

                if (mpm_test_below(&seed, 12) == 0)
                    w->left = 3;
            }
        }
        slowly(can);
        situation_find_cycles(&s);
        assert_int_equal(s.n_cycles != 0, there_is_a_cycle(can));
        n_with += s.n_cycles != 0;
        memset(seen, 0, sizeof seen);
        for (size_t i = 0; i < s.n_cycles; i++)
            for (size_t k = 0; k < s.cycles[i].n; k++) {
                const struct wait *w = s.cycles[i].waits[k], *next = s.cycles[i].waits[(k + 1) % s.cycles[i].n];

                assert_false(can[w->who.owner]);
                assert_false(seen[w->who.owner]);
                seen[w->who.owner] = true;
                assert_true(holds_it(next->who.owner, w->held_up_by));
            }
        situation_wipe(&s);
    }
    assert_in_range(n_with, 2000, 18000); /* both happen */
}

static void
whatever_a_server_says_comes_to_an_end(void **state)
{
    static const char *const idents[] = { "k1", "k2", "b1", "r1", "" };
    uint64_t seed = 5;

    (void)state;
    for (int round = 0; round < 5000; round++) {
        for (size_t n = mpm_test_below(&seed, 12); n > 0; n--)
            holds((int64_t)mpm_test_below(&seed, 5) - 1, idents[mpm_test_below(&seed, 5)]);
        for (size_t n = mpm_test_below(&seed, 12); n > 0; n--) {
            struct wait *w = waits_in(&s, (int64_t)mpm_test_below(&seed, 5) - 1, idents[mpm_test_below(&seed, 5)],
                mpm_test_below(&seed, 2) != 0 ? "acquire_write" : "acquire");

            w->number = (int64_t)mpm_test_below(&seed, 3);
            if (mpm_test_below(&seed, 8) == 0) {
                free(w->held_up_by);
                w->held_up_by = NULL;
            }
        }
        situation_find_cycles(&s);
        situation_confirm(&s, &s);
        situation_wipe(&s);
    }
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(two_or_more_who_wait_for_each_other_are_a_cycle),
        TEST(who_waits_for_what_it_holds_itself_is_a_cycle),
        TEST(nobody_waits_for_nobody),
        TEST(who_has_a_timeout_lets_the_others_go_on),
        TEST(who_waits_for_no_holder_is_helped_by_anybody),
        TEST(one_holder_who_can_go_on_is_enough_but_not_for_who_wants_to_write),
        TEST(who_reads_may_wait_behind_a_writer_that_gives_up),
        TEST(who_has_all_of_a_semaphore_may_wait_for_a_signal),
        TEST(who_waits_for_the_dead_is_on_no_cycle),
        TEST(what_is_not_there_any_more_at_the_second_look_is_none),
        TEST(of_two_waits_of_one_owner_the_later_one_counts),
        TEST(any_situation_is_judged_as_the_slow_search_does),
        TEST(whatever_a_server_says_comes_to_an_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

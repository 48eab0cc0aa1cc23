/* memory.c - makes allocations fail one by one, and counts them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>

#include <mpmd/error.h>

#include "base/alloc.h"
#include "support.h"

#define ROUNDS_MAX 100000

static struct {
    size_t n;       /* allocations so far */
    size_t fail_at; /* the one to refuse, from 0; SIZE_MAX: none */
    bool and_later;
    bool refused;
    long live;
    size_t largest;
} count;

static int
on_alloc(size_t size)
{
    size_t i = count.n++;

    if (i == count.fail_at || (count.and_later && i > count.fail_at)) {
        count.refused = true;
        return 1;
    }
    if (size > count.largest)
        count.largest = size;
    return 0;
}

static void
on_change(int change)
{
    count.live += change;
}

static void
begin(size_t fail_at, bool and_later)
{
    count.n = count.largest = 0;
    count.fail_at = fail_at;
    count.and_later = and_later;
    count.refused = false;
    count.live = 0;
    mpm__alloc_hook = on_alloc;
    mpm__alloc_live_hook = on_change;
}

void
mpm_test_alloc_begin(void)
{
    begin(SIZE_MAX, false);
}

long
mpm_test_alloc_end(void)
{
    mpm__alloc_hook = NULL;
    mpm__alloc_live_hook = NULL;
    return count.live;
}

size_t
mpm_test_alloc_count(void)
{
    return count.n;
}

size_t
mpm_test_alloc_largest(void)
{
    return count.largest;
}

size_t
mpm_test_fail_until_ok(int (*fn)(void))
{
    for (int and_later = 0; and_later <= 1; and_later++)
        for (size_t i = 0;; i++) {
            int r;
            long live;

            begin(i, and_later != 0);
            r = fn();
            live = mpm_test_alloc_end();
            if (live != 0)
                fail_msg("%ld blocks not given back (allocation %zu%s refused, result %d)", live, i,
                    and_later ? " and all later ones" : "", r);
            if (!count.refused) {
                if (r != 0)
                    fail_msg("nothing was refused, and still: %s", mpm_error_text(r));
                break;
            }
            if (r != 0 && r != MPM_ENOMEM)
                fail_msg("allocation %zu%s refused: %s", i, and_later ? " and all later ones" : "", mpm_error_text(r));
            if (i == ROUNDS_MAX)
                fail_msg("no end after %d rounds", ROUNDS_MAX);
        }
    return count.n;
}

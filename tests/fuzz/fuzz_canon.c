/* fuzz_canon.c - a value has one canonical form, in its message as when it is stored; it is well-formed; a value is
 * not less than itself; sorting loses nothing. Input: a pickle. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "value/canon.h"
#include "value/form.h"
#include "value/order.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define CHECK(condition)  \
    do {                  \
        if (!(condition)) \
            abort();      \
    } while (0)

/* Values of a group fill it. */
static const uint8_t *
check_form(const uint8_t *p, int levels)
{
    const uint8_t *end = mpm__form_skip(p);
    uint32_t n;

    if (!mpm__form_is_group(*p) || levels == 0)
        return end;
    n = *p == MPM_FORM_DICT ? 2 * mpm__form_count(p) : mpm__form_count(p);
    if (*p == MPM_FORM_OBJECT) {
        n = 2 + mpm__form_u32(p + MPM_FORM_HEAD + 1) + 2 * mpm__form_u32(p + MPM_FORM_HEAD + 5) +
            mpm__form_u32(p + MPM_FORM_HEAD + 9);
        p += MPM_FORM_OBJECT_HEAD;
    } else {
        p += MPM_FORM_HEAD;
    }
    for (uint32_t i = 0; i < n; i++) {
        CHECK(p < end);
        p = check_form(p, levels - 1);
    }
    CHECK(p == end);
    return end;
}

static void
check_value(struct mpm_ref ref)
{
    static struct mpm_canon first, second, scratch;
    struct mpm_value v = { 0 };
    int r = mpm__canon(ref, &first), less;

    CHECK(r == 0 || r == MPM_ELIMIT);
    CHECK(mpm_keep(ref, &v) == 0);
    CHECK(mpm__canon_value(&v, &second) == r);
    less = mpm__less_value(&v, &v, NULL);
    CHECK(r == 0 ? less == 0 || less == MPM_ETYPE || less == MPM_ELIMIT : less == r);
    if (r == 0) {
        CHECK(first.bytes.len == second.bytes.len && memcmp(first.bytes.data, second.bytes.data, first.bytes.len) == 0);
        CHECK(first.unhashable == second.unhashable && first.is_nan == second.is_nan);
        CHECK(mpm__canon_equals(&v, &first, &scratch) == !first.is_nan);
        CHECK(check_form(first.bytes.data, 100) == first.bytes.data + first.bytes.len);
    }
    mpm_drop(&v);
}

static void
sort_parts(struct mpm_parts *parts)
{
    struct mpm_value v[64];
    size_t n = parts->items.n < 64 ? parts->items.n : 64;
    uint64_t before = 0, after = 0;

    memset(v, 0, sizeof v);
    for (size_t i = 0; i < n; i++) {
        CHECK(mpm_keep(mpm__part(parts, i), &v[i]) == 0);
        before += v[i].tag + v[i].small[0];
    }
    (void)mpm__sort(v, n, n % 2, NULL);
    for (size_t i = 0; i < n; i++) {
        after += v[i].tag + v[i].small[0];
        mpm_drop(&v[i]);
    }
    CHECK(before == after);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct mpm_checker checker;
    struct mpm_parts parts = { 0 };
    struct mpm_doc doc;

    /* what grows late is stored with all that grows into it, and has a form in its message only */
    if (mpm__check(&checker, bytes, len, false, &doc, NULL) != 0 || doc.grows_late)
        return 0;
    check_value((struct mpm_ref){ &doc, doc.top });
    if (mpm__parts((struct mpm_ref){ &doc, doc.top }, &parts) == 0) {
        for (size_t i = 0; i < parts.items.n && i < 64; i++)
            check_value(mpm__part(&parts, i));
        sort_parts(&parts);
    }
    mpm__parts_wipe(&parts);
    return 0;
}

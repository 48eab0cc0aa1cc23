/* fuzz_pickle.c - whatever a message holds, each part of it can be cut out, and rewritten for every reader, as a value
 * that is well-formed itself and no longer than it may be. Input: a pickle. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pickle/transcode.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define CHECK(condition)  \
    do {                  \
        if (!(condition)) \
            abort();      \
    } while (0)

/* A value that we wrote. It may nest deeper than the message did: a set's items are those of a list in a tuple. */
static void
check_value(const uint8_t *bytes, size_t len)
{
    static struct mpm_checker checker;
    struct mpm_doc doc;
    int r = mpm__check(&checker, bytes, len, true, &doc, NULL);

    CHECK(r == 0 || r == MPM_ELIMIT);
}

static void
rewrite(const uint8_t *bytes, size_t len, const struct mpm_form *form)
{
    struct mpm_buf out;

    mpm__buf_init(&out, 0);
    for (uint8_t protocol = 2; protocol <= 5; protocol++) {
        struct mpm_error err = { 0 };
        uint32_t base = 0;
        int r;

        mpm__buf_clear(&out);
        r = mpm__transcode(bytes, len, form, protocol, &base, &out, &err);
        if (r == 0) {
            check_value(out.data, out.len);
            CHECK(out.len <= 20 * len + 8192);
        } else {
            CHECK(r == MPM_EUNSUP || r == MPM_ELIMIT);
            CHECK(out.len == 0 && base == 0 && err.code == r && err.text[0] != '\0');
        }
        mpm__buf_clear(&out);
        mpm__splice_renumbered(bytes, len, 300, &out);
        CHECK(out.error == 0 && out.len >= len);
    }
    mpm__buf_wipe(&out);
}

/* A value as it stands has the normal form that is cut from the message, or one as good. */
static void
take_standing(const struct mpm_doc *doc, struct mpm_item item)
{
    struct mpm_standing standing;
    struct mpm_checker checker = { 0 };
    struct mpm_buf bytes, whole, out;
    struct mpm_doc again;
    struct mpm_form form;
    struct mpm_run run;

    if (!mpm__splice_stands(doc, item, &standing))
        return;
    mpm__buf_init(&bytes, 0);
    mpm__buf_init(&whole, 0);
    mpm__buf_init(&out, 0);
    CHECK(mpm__buf_add(&bytes, standing.len) != NULL);
    mpm__splice_copy_standing(doc, item, bytes.data);
    mpm__splice_whole(bytes.data, bytes.len, standing.base, &whole);
    CHECK(whole.error == 0 && mpm__check(&checker, whole.data, whole.len, false, &again, NULL) == 0);
    CHECK(again.n_memo == standing.base + standing.form.n_memo);
    CHECK(mpm__splice(&again, again.top, &out, &form, &run) == 0);
    CHECK(out.len + run.len <= standing.normal_max);
    CHECK(form.n_memo <= standing.form.n_memo && mpm__form_suits(&form, 5) >= mpm__form_suits(&standing.form, 5));
    check_value(run.len != 0 ? whole.data + run.from : out.data, out.len + run.len);
    mpm__buf_wipe(&bytes);
    mpm__buf_wipe(&whole);
    mpm__buf_wipe(&out);
    mpm__checker_wipe(&checker);
}

static void
cut_out(const struct mpm_doc *doc, struct mpm_item item)
{
    struct mpm_buf out;
    struct mpm_form form;
    struct mpm_run run;
    const uint8_t *bytes;
    size_t len;

    take_standing(doc, item);
    mpm__buf_init(&out, 0);
    CHECK(mpm__splice(doc, item, &out, &form, &run) == 0);
    CHECK(run.from + run.len <= doc->len && (run.len == 0) == (out.len != 0));
    bytes = run.len != 0 ? doc->bytes + run.from : out.data;
    len = run.len != 0 ? run.len : out.len;
    CHECK(len <= 8 * doc->len + 64);
    check_value(bytes, len);
    rewrite(bytes, len, &form);
    mpm__buf_wipe(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct mpm_checker checker;
    struct mpm_doc doc;
    struct mpm_error err = { 0 };
    struct mpm_items items = { 0 };
    struct mpm_item top;
    int r = mpm__check(&checker, bytes, len, false, &doc, &err);

    if (r != 0) {
        CHECK((r == MPM_EBADPICKLE || r == MPM_ELIMIT || r == MPM_EUNSUP) && err.code == r && err.text[0] != '\0');
        return 0;
    }
    cut_out(&doc, doc.top);
    for (int i = 0; i < doc.n_fields; i++)
        cut_out(&doc, doc.fields[i]);
    for (int i = 0; i < doc.n_args; i++)
        cut_out(&doc, doc.args[i]);
    top = doc.top;
    CHECK(mpm__follow(&doc, &top) == 0);
    CHECK(mpm__children(&doc, top, &items) == 0);
    for (size_t i = 0; i < items.n && i < 8; i++)
        cut_out(&doc, items.v[i]);
    mpm__items_wipe(&items);
    return 0;
}

/* fuzz_pickle.c - the check finds the same with and without its quick way for what is common; and whatever a message
 * holds, each part of it can be cut out, and rewritten for every reader, as a value that is well-formed itself and no
 * longer than it may be. Input: a pickle. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pickle/stock.h"
#include "pickle/transcode.h"

/* The check once more, under other names and without its quick way. */
int slow_check(struct mpm_checker *checker, const uint8_t *bytes, size_t len, bool body, struct mpm_doc *doc, struct mpm_error *err);
int slow_check_rest(struct mpm_checker *checker, const uint8_t *bytes, size_t len, const struct mpm_stock *stock,
    struct mpm_doc *doc, struct mpm_error *err);
void slow_checker_wipe(struct mpm_checker *checker);
void slow_checker_trim(struct mpm_checker *checker);
int slow_more_cells(struct mpm_checker *checker, size_t n);
int slow_more_marks(struct mpm_checker *checker, size_t n);
#define MPM_CHECK_QUICKLY 0
#define mpm__check slow_check
#define mpm__check_rest slow_check_rest
#define mpm__checker_wipe slow_checker_wipe
#define mpm__checker_trim slow_checker_trim
#define mpm__more_cells slow_more_cells
#define mpm__more_marks slow_more_marks
#include "pickle/check.c"
#undef mpm__check
#undef mpm__check_rest
#undef mpm__checker_wipe
#undef mpm__checker_trim
#undef mpm__more_cells
#undef mpm__more_marks

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

static bool
same_item(struct mpm_item a, struct mpm_item b)
{
    return a.start == b.start && a.root == b.root && a.end == b.end;
}

static void
compare_docs(const struct mpm_doc *a, const struct mpm_doc *b)
{
    CHECK(a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0);
    CHECK(a->n_memo == b->n_memo && a->n_stops == b->n_stops);
    for (uint32_t i = 0; i < a->n_memo; i++)
        CHECK(a->memo[i].root == b->memo[i].root && (a->memo[i].root == UINT32_MAX ||
            (a->memo[i].start == b->memo[i].start && a->memo[i].put == b->memo[i].put && a->memo[i].used == b->memo[i].used)));
    for (uint32_t i = 0; i < a->n_stops; i++)
        CHECK(a->stops[i] == b->stops[i]);
    CHECK(a->lowest_get == b->lowest_get && a->last_frame == b->last_frame && a->memoizes == b->memoizes);
    CHECK(a->has_names == b->has_names && a->has_native_str == b->has_native_str && a->has_protocol_5 == b->has_protocol_5);
    CHECK(a->protocol == b->protocol && a->grows_late == b->grows_late);
    CHECK(same_item(a->top, b->top) && a->n_fields == b->n_fields && a->n_args == b->n_args);
    for (int i = 0; i < a->n_fields; i++)
        CHECK(same_item(a->fields[i], b->fields[i]));
    for (int i = 0; i < a->n_args; i++)
        CHECK(same_item(a->args[i], b->args[i]));
}

/* A message that begins as a stock request, taken up there: the same is refused with and without the quick way. doc:
 * NULL when all of the message is refused. */
static void
compare_rest(const uint8_t *bytes, size_t len, const struct mpm_doc *doc)
{
    static struct mpm_checker checker, slow_checker;
    struct mpm_error err = { 0 }, slow_err = { 0 };
    struct mpm_stock stock;
    struct mpm_doc rest, slow;
    int r;

    if (!mpm__stock_begin(bytes, len, &stock))
        return;
    r = mpm__check_rest(&checker, bytes, len, &stock, &rest, &err);
    CHECK(slow_check_rest(&slow_checker, bytes, len, &stock, &slow, &slow_err) == r);
    CHECK(r == 0 || (err.offset == slow_err.offset && strcmp(err.text, slow_err.text) == 0));
    if (r == 0)
        compare_docs(&slow, &rest);
    if (doc == NULL || !mpm__stock_is_true(&stock, doc))
        return;
    CHECK(r == 0);
    compare_docs(doc, &rest);
    if (mpm__stock_is_bare(bytes, len, &stock))
        CHECK(doc->n_args == 0 && doc->bytes[doc->fields[3].root] == MPM_OP_EMPTY_DICT && doc->top.end == len - 1);
}

static void
compare_ways(const uint8_t *bytes, size_t len, int r, const struct mpm_doc *doc, const struct mpm_error *err)
{
    static struct mpm_checker checker;
    struct mpm_error slow_err = { 0 };
    struct mpm_doc slow;

    CHECK(slow_check(&checker, bytes, len, false, &slow, &slow_err) == r);
    compare_rest(bytes, len, r == 0 ? doc : NULL);
    if (r == 0)
        compare_docs(doc, &slow);
    else
        CHECK(err->code == slow_err.code && err->offset == slow_err.offset && strcmp(err->text, slow_err.text) == 0);
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

    compare_ways(bytes, len, r, &doc, &err);
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

/*
 * target.c - where method calls led: object and method by the first bytes of a request. Layer: core.
 *
 * Programs call the same methods of the same objects again and again, mostly with other arguments. What is remembered
 * is found by comparing bytes; it is never more than what the request says, so forgetting it changes nothing.
 */
#include "core/core.h"

static size_t
length_of(const struct mpm_stock *stock)
{
    return stock->texts[1].end - stock->mark;
}

static uint64_t
word_at(const uint8_t *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, sizeof word);
    return word;
}

/* By the ident's last bytes and length, and the method's length and first bytes; of a very short method the first byte
 * of the arguments is among them. Who wants to can make requests share one place: then they are looked up again. */
static struct mpm_target *
place_of(struct mpm_hub *hub, const uint8_t *bytes, size_t len)
{
    size_t end;
    uint64_t hash;

    if (len < 16)
        return NULL;
    end = mpm__stock_text_end(bytes + 1) + 1;
    if (len - 8 < end)
        return NULL;
    hash = word_at(bytes + (end < 8 ? 0 : end - 8)) * 0x9e3779b97f4a7c15u;
    hash = (hash ^ word_at(bytes + end)) * 0x9e3779b97f4a7c15u;
    return &hub->targets[hash >> 54 & (MPM_TARGETS - 1)];
}

struct mpm_object *
mpm__target_find(struct mpm_hub *hub, const struct mpm_message *m, struct mpm_stock *stock, const struct mpm_method **method,
    struct mpm_target **place)
{
    struct mpm_target *t;
    size_t len;

    *place = NULL;
    if (!mpm__stock_head(m->body, m->len, stock))
        return NULL;
    len = m->len - stock->mark;
    t = place_of(hub, m->body + stock->mark, len);
    if (t == NULL)
        return NULL;
    if (t->len == 0 || t->len > len || memcmp(t->bytes, m->body + stock->mark, t->len) != 0) {
        if (mpm__stock_begin(m->body, m->len, stock) && length_of(stock) <= MPM_TARGET_LEN)
            *place = t;
        return NULL;
    }
    *place = t;
    mpm__stock_take_up(stock, t->ident_end, t->len, t->memoizes);
    *method = t->method;
    return mpm__idmap_get(&hub->objects, t->id); /* NULL: it is gone */
}

void
mpm__target_remember(struct mpm_target *place, const struct mpm_stock *stock, const struct mpm_doc *doc,
    const struct mpm_object *object, const struct mpm_method *method)
{
    if (place == NULL || method == NULL || !mpm__stock_is_true(stock, doc))
        return;
    *place = (struct mpm_target){ .method = method, .id = object->id, .len = (uint8_t)length_of(stock),
        .ident_end = (uint8_t)(stock->texts[0].end - stock->mark), .memoizes = stock->memoizes };
    memcpy(place->bytes, doc->bytes + stock->mark, place->len);
}

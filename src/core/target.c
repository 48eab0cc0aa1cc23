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

/* The eight bytes up to `end`, or the first of the message, which has more. */
static uint64_t
word_before(const uint8_t *bytes, uint32_t end)
{
    uint64_t word;

    memcpy(&word, bytes + (end > sizeof word ? end - sizeof word : 0), sizeof word);
    return word;
}

/* By the last bytes of the ident and the last 16 of the method. Who wants to can make requests share one place: then
 * they are looked up again. */
static struct mpm_target *
place_of(struct mpm_hub *hub, const uint8_t *bytes, const struct mpm_stock *stock)
{
    uint64_t hash = word_before(bytes, stock->texts[0].end);

    hash = hash * 0x9e3779b97f4a7c15u ^ word_before(bytes, stock->texts[1].end);
    hash = (hash * 0x9e3779b97f4a7c15u ^ word_before(bytes, stock->texts[1].end - 8)) * 0x9e3779b97f4a7c15u;
    return &hub->targets[hash >> 54 & (MPM_TARGETS - 1)];
}

struct mpm_object *
mpm__target_find(struct mpm_hub *hub, const struct mpm_message *m, struct mpm_stock *stock, const struct mpm_method **method,
    struct mpm_target **place)
{
    const uint8_t *bytes;
    size_t len;

    *place = NULL;
    if (!mpm__stock_begin(m->body, m->len, stock) || (len = length_of(stock)) > MPM_TARGET_LEN)
        return NULL;
    bytes = m->body + stock->mark;
    *place = place_of(hub, m->body, stock);
    if ((*place)->len != len || memcmp((*place)->bytes, bytes, len) != 0)
        return NULL;
    *method = (*place)->method;
    return mpm__idmap_get(&hub->objects, (*place)->id); /* NULL: it is gone */
}

void
mpm__target_remember(struct mpm_target *place, const struct mpm_stock *stock, const struct mpm_doc *doc,
    const struct mpm_object *object, const struct mpm_method *method)
{
    if (place == NULL || method == NULL || !mpm__stock_is_true(stock, doc))
        return;
    *place = (struct mpm_target){ .method = method, .id = object->id, .len = (uint8_t)length_of(stock) };
    memcpy(place->bytes, doc->bytes + stock->mark, place->len);
}

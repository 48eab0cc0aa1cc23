/*
 * objects_list.c - typed calls of lists, sets and iterators. Layer: client.
 *
 * Source: CPython's list and set; managers.py, ListProxy, IteratorProxy.
 */
#include <mpmd/objects.h>

#include "client/client.h"
#include "client/objects.h"

/* --- lists -------------------------------------------------------------------------------------------------------- */

int
mpm_list_get(struct mpm_proxy *list, int64_t index, struct mpm_document **item, struct mpm_error *err)
{
    return mpm__ask(list, MPM__ASK("__getitem__", MPM__ARGS(MPM__INT(index))), item, err);
}

int
mpm_list_set(struct mpm_proxy *list, int64_t index, struct mpm_builder *item, struct mpm_error *err)
{
    return mpm__ask(list, MPM__ASK("__setitem__", MPM__ARGS(MPM__INT(index), MPM__VALUE(item))), NULL, err);
}

int
mpm_list_delete(struct mpm_proxy *list, int64_t index, struct mpm_error *err)
{
    return mpm__ask(list, MPM__ASK("__delitem__", MPM__ARGS(MPM__INT(index))), NULL, err);
}

int
mpm_list_get_slice(struct mpm_proxy *list, int64_t start, int64_t stop, struct mpm_document **items,
    struct mpm_error *err)
{
    return mpm__ask(list, MPM__ASK("__getitem__", MPM__ARGS(MPM__SLICE(start, stop))), items, err);
}

int
mpm_list_set_slice(struct mpm_proxy *list, int64_t start, int64_t stop, struct mpm_builder *items,
    struct mpm_error *err)
{
    return mpm__ask(list, MPM__ASK("__setitem__", MPM__ARGS(MPM__SLICE(start, stop), MPM__VALUE(items))), NULL, err);
}

int
mpm_list_delete_slice(struct mpm_proxy *list, int64_t start, int64_t stop, struct mpm_error *err)
{
    return mpm__ask(list, MPM__ASK("__delitem__", MPM__ARGS(MPM__SLICE(start, stop))), NULL, err);
}

int
mpm_list_append(struct mpm_proxy *list, struct mpm_builder *item, struct mpm_error *err)
{
    return mpm__ask(list, MPM__ASK("append", MPM__ARGS(MPM__VALUE(item))), NULL, err);
}

int
mpm_list_extend(struct mpm_proxy *list, struct mpm_builder *items, struct mpm_error *err)
{
    return mpm__ask(list, MPM__ASK("extend", MPM__ARGS(MPM__VALUE(items))), NULL, err);
}

int
mpm_list_insert(struct mpm_proxy *list, int64_t index, struct mpm_builder *item, struct mpm_error *err)
{
    return mpm__ask(list, MPM__ASK("insert", MPM__ARGS(MPM__INT(index), MPM__VALUE(item))), NULL, err);
}

int
mpm_list_pop(struct mpm_proxy *list, int64_t index, struct mpm_document **item, struct mpm_error *err)
{
    return mpm__ask(list, MPM__ASK("pop", MPM__ARGS(MPM__INT(index))), item, err);
}

int
mpm_list_remove(struct mpm_proxy *list, struct mpm_builder *item, struct mpm_error *err)
{
    return mpm__ask(list, MPM__ASK("remove", MPM__ARGS(MPM__VALUE(item)), .raises = mpm__raises_search), NULL, err);
}

int
mpm_list_index(struct mpm_proxy *list, struct mpm_builder *item, int64_t *index, struct mpm_error *err)
{
    return mpm__ask_int(list, MPM__ASK("index", MPM__ARGS(MPM__VALUE(item)), .raises = mpm__raises_search), index, err);
}

int
mpm_list_count(struct mpm_proxy *list, struct mpm_builder *item, int64_t *n, struct mpm_error *err)
{
    return mpm__ask_int(list, MPM__ASK("count", MPM__ARGS(MPM__VALUE(item))), n, err);
}

int
mpm_list_contains(struct mpm_proxy *list, struct mpm_builder *item, int *contains, struct mpm_error *err)
{
    return mpm__ask_bool(list, MPM__ASK("__contains__", MPM__ARGS(MPM__VALUE(item))), contains, err);
}

int
mpm_list_len(struct mpm_proxy *list, int64_t *len, struct mpm_error *err)
{
    return mpm__ask_int(list, MPM__ASK("__len__"), len, err);
}

int
mpm_list_reverse(struct mpm_proxy *list, struct mpm_error *err)
{
    return mpm__ask(list, MPM__ASK("reverse"), NULL, err);
}

int
mpm_list_sort(struct mpm_proxy *list, int descending, struct mpm_error *err)
{
    return mpm__ask(list, MPM__ASK("sort", .flag = descending ? "reverse" : NULL), NULL, err);
}

int
mpm_list_repeat(struct mpm_proxy *list, int64_t n, struct mpm_error *err)
{
    struct mpm_document *all; /* Python returns the list itself */
    int r = mpm__ask(list, MPM__ASK("__imul__", MPM__ARGS(MPM__INT(n))), &all, err);

    if (r == 0)
        mpm_document_close(all);
    return r;
}

int
mpm_list_clear(struct mpm_proxy *list, struct mpm_error *err)
{
    return mpm__ask(list, MPM__ASK("__delitem__", MPM__ARGS(MPM__SLICE(0, INT64_MAX))), NULL, err);
}

int
mpm_list_copy(struct mpm_proxy *list, struct mpm_document **items, struct mpm_error *err)
{
    return mpm__ask(list, MPM__ASK("__getitem__", MPM__ARGS(MPM__SLICE(0, INT64_MAX))), items, err);
}

/* --- sets --------------------------------------------------------------------------------------------------------- */

int
mpm_set_add(struct mpm_proxy *set, struct mpm_builder *item, struct mpm_error *err)
{
    return mpm__ask(set, MPM__ASK("add", MPM__ARGS(MPM__VALUE(item))), NULL, err);
}

int
mpm_set_discard(struct mpm_proxy *set, struct mpm_builder *item, struct mpm_error *err)
{
    return mpm__ask(set, MPM__ASK("discard", MPM__ARGS(MPM__VALUE(item))), NULL, err);
}

int
mpm_set_remove(struct mpm_proxy *set, struct mpm_builder *item, struct mpm_error *err)
{
    return mpm__ask(set, MPM__ASK("remove", MPM__ARGS(MPM__VALUE(item))), NULL, err);
}

int
mpm_set_pop(struct mpm_proxy *set, struct mpm_document **item, struct mpm_error *err)
{
    return mpm__ask(set, MPM__ASK("pop", .raises = mpm__raises_take), item, err);
}

int
mpm_set_contains(struct mpm_proxy *set, struct mpm_builder *item, int *contains, struct mpm_error *err)
{
    return mpm__ask_bool(set, MPM__ASK("__contains__", MPM__ARGS(MPM__VALUE(item))), contains, err);
}

int
mpm_set_len(struct mpm_proxy *set, int64_t *len, struct mpm_error *err)
{
    return mpm__ask_int(set, MPM__ASK("__len__"), len, err);
}

int
mpm_set_clear(struct mpm_proxy *set, struct mpm_error *err)
{
    return mpm__ask(set, MPM__ASK("clear"), NULL, err);
}

int
mpm_set_copy(struct mpm_proxy *set, struct mpm_document **copy, struct mpm_error *err)
{
    return mpm__ask(set, MPM__ASK("copy"), copy, err);
}

int
mpm_set_update(struct mpm_proxy *set, struct mpm_builder *other, struct mpm_error *err)
{
    return mpm__ask(set, MPM__ASK("update", MPM__ARGS(MPM__VALUE(other))), NULL, err);
}

int
mpm_set_difference_update(struct mpm_proxy *set, struct mpm_builder *other, struct mpm_error *err)
{
    return mpm__ask(set, MPM__ASK("difference_update", MPM__ARGS(MPM__VALUE(other))), NULL, err);
}

int
mpm_set_intersection_update(struct mpm_proxy *set, struct mpm_builder *other, struct mpm_error *err)
{
    return mpm__ask(set, MPM__ASK("intersection_update", MPM__ARGS(MPM__VALUE(other))), NULL, err);
}

int
mpm_set_symmetric_difference_update(struct mpm_proxy *set, struct mpm_builder *other, struct mpm_error *err)
{
    return mpm__ask(set, MPM__ASK("symmetric_difference_update", MPM__ARGS(MPM__VALUE(other))), NULL, err);
}

int
mpm_set_union(struct mpm_proxy *set, struct mpm_builder *other, struct mpm_document **out, struct mpm_error *err)
{
    return mpm__ask(set, MPM__ASK("union", MPM__ARGS(MPM__VALUE(other))), out, err);
}

int
mpm_set_difference(struct mpm_proxy *set, struct mpm_builder *other, struct mpm_document **out, struct mpm_error *err)
{
    return mpm__ask(set, MPM__ASK("difference", MPM__ARGS(MPM__VALUE(other))), out, err);
}

int
mpm_set_intersection(struct mpm_proxy *set, struct mpm_builder *other, struct mpm_document **out, struct mpm_error *err)
{
    return mpm__ask(set, MPM__ASK("intersection", MPM__ARGS(MPM__VALUE(other))), out, err);
}

int
mpm_set_symmetric_difference(struct mpm_proxy *set, struct mpm_builder *other, struct mpm_document **out,
    struct mpm_error *err)
{
    return mpm__ask(set, MPM__ASK("symmetric_difference", MPM__ARGS(MPM__VALUE(other))), out, err);
}

int
mpm_set_is_disjoint(struct mpm_proxy *set, struct mpm_builder *other, int *is, struct mpm_error *err)
{
    return mpm__ask_bool(set, MPM__ASK("isdisjoint", MPM__ARGS(MPM__VALUE(other))), is, err);
}

int
mpm_set_is_subset(struct mpm_proxy *set, struct mpm_builder *other, int *is, struct mpm_error *err)
{
    return mpm__ask_bool(set, MPM__ASK("issubset", MPM__ARGS(MPM__VALUE(other))), is, err);
}

int
mpm_set_is_superset(struct mpm_proxy *set, struct mpm_builder *other, int *is, struct mpm_error *err)
{
    return mpm__ask_bool(set, MPM__ASK("issuperset", MPM__ARGS(MPM__VALUE(other))), is, err);
}

/* --- iterators ---------------------------------------------------------------------------------------------------- */

int
mpm_iterator_next(struct mpm_proxy *iterator, struct mpm_document **item, struct mpm_error *err)
{
    const char *method = mpm_client_protocol(mpm__proxy_client(iterator)) == 2 ? "next" : "__next__";

    return mpm__ask(iterator, MPM__ASK(method), item, err);
}

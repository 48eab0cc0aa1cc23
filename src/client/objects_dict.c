/*
 * objects_dict.c - typed calls of what has keys or names: dict, OrderedDict, Namespace. Layer: client.
 *
 * Source: CPython's dict, collections.OrderedDict, managers.py, NamespaceProxy; increment and compare_and_set are
 * mpmd's: src/object/dict.c.
 */
#include <mpmd/objects.h>

#include "client/objects.h"

/* --- dicts -------------------------------------------------------------------------------------------------------- */

int
mpm_dict_get(struct mpm_proxy *dict, const char *key, struct mpm_document **value, struct mpm_error *err)
{
    return mpm__ask(dict, MPM__ASK("__getitem__", MPM__ARGS(MPM__TEXT(key))), value, err);
}

int
mpm_dict_get_at(struct mpm_proxy *dict, struct mpm_builder *key, struct mpm_document **value, struct mpm_error *err)
{
    return mpm__ask(dict, MPM__ASK("__getitem__", MPM__ARGS(MPM__VALUE(key))), value, err);
}

int
mpm_dict_get_int(struct mpm_proxy *dict, const char *key, int64_t *value, struct mpm_error *err)
{
    return mpm__ask_int(dict, MPM__ASK("__getitem__", MPM__ARGS(MPM__TEXT(key))), value, err);
}

int
mpm_dict_get_double(struct mpm_proxy *dict, const char *key, double *value, struct mpm_error *err)
{
    return mpm__ask_double(dict, MPM__ASK("__getitem__", MPM__ARGS(MPM__TEXT(key))), value, err);
}

int
mpm_dict_get_text(struct mpm_proxy *dict, const char *key, char **value, struct mpm_error *err)
{
    return mpm__ask_text(dict, MPM__ASK("__getitem__", MPM__ARGS(MPM__TEXT(key))), value, err);
}

int
mpm_dict_set(struct mpm_proxy *dict, const char *key, struct mpm_builder *value, struct mpm_error *err)
{
    return mpm__ask(dict, MPM__ASK("__setitem__", MPM__ARGS(MPM__TEXT(key), MPM__VALUE(value))), NULL, err);
}

int
mpm_dict_set_at(struct mpm_proxy *dict, struct mpm_builder *key, struct mpm_builder *value, struct mpm_error *err)
{
    return mpm__ask(dict, MPM__ASK("__setitem__", MPM__ARGS(MPM__VALUE(key), MPM__VALUE(value))), NULL, err);
}

int
mpm_dict_set_int(struct mpm_proxy *dict, const char *key, int64_t value, struct mpm_error *err)
{
    return mpm__ask(dict, MPM__ASK("__setitem__", MPM__ARGS(MPM__TEXT(key), MPM__INT(value))), NULL, err);
}

int
mpm_dict_set_double(struct mpm_proxy *dict, const char *key, double value, struct mpm_error *err)
{
    return mpm__ask(dict, MPM__ASK("__setitem__", MPM__ARGS(MPM__TEXT(key), MPM__DOUBLE(value))), NULL, err);
}

int
mpm_dict_set_text(struct mpm_proxy *dict, const char *key, const char *value, struct mpm_error *err)
{
    return mpm__ask(dict, MPM__ASK("__setitem__", MPM__ARGS(MPM__TEXT(key), MPM__TEXT(value))), NULL, err);
}

int
mpm_dict_delete(struct mpm_proxy *dict, const char *key, struct mpm_error *err)
{
    return mpm__ask(dict, MPM__ASK("__delitem__", MPM__ARGS(MPM__TEXT(key))), NULL, err);
}

int
mpm_dict_delete_at(struct mpm_proxy *dict, struct mpm_builder *key, struct mpm_error *err)
{
    return mpm__ask(dict, MPM__ASK("__delitem__", MPM__ARGS(MPM__VALUE(key))), NULL, err);
}

int
mpm_dict_contains(struct mpm_proxy *dict, const char *key, int *contains, struct mpm_error *err)
{
    return mpm__ask_bool(dict, MPM__ASK("__contains__", MPM__ARGS(MPM__TEXT(key))), contains, err);
}

int
mpm_dict_contains_at(struct mpm_proxy *dict, struct mpm_builder *key, int *contains, struct mpm_error *err)
{
    return mpm__ask_bool(dict, MPM__ASK("__contains__", MPM__ARGS(MPM__VALUE(key))), contains, err);
}

int
mpm_dict_pop(struct mpm_proxy *dict, const char *key, struct mpm_document **value, struct mpm_error *err)
{
    return mpm__ask(dict, MPM__ASK("pop", MPM__ARGS(MPM__TEXT(key))), value, err);
}

int
mpm_dict_pop_at(struct mpm_proxy *dict, struct mpm_builder *key, struct mpm_document **value, struct mpm_error *err)
{
    return mpm__ask(dict, MPM__ASK("pop", MPM__ARGS(MPM__VALUE(key))), value, err);
}

int
mpm_dict_popitem(struct mpm_proxy *dict, struct mpm_document **item, struct mpm_error *err)
{
    return mpm__ask(dict, MPM__ASK("popitem", .raises = mpm__raises_take), item, err);
}

int
mpm_dict_setdefault(struct mpm_proxy *dict, const char *key, struct mpm_builder *value, struct mpm_document **out,
    struct mpm_error *err)
{
    return mpm__ask(dict, MPM__ASK("setdefault", MPM__ARGS(MPM__TEXT(key), MPM__VALUE(value))), out, err);
}

int
mpm_dict_setdefault_at(struct mpm_proxy *dict, struct mpm_builder *key, struct mpm_builder *value,
    struct mpm_document **out, struct mpm_error *err)
{
    return mpm__ask(dict, MPM__ASK("setdefault", MPM__ARGS(MPM__VALUE(key), MPM__VALUE(value))), out, err);
}

int
mpm_dict_update(struct mpm_proxy *dict, struct mpm_builder *with, struct mpm_error *err)
{
    return mpm__ask(dict, MPM__ASK("update", MPM__ARGS(MPM__VALUE(with))), NULL, err);
}

int
mpm_dict_len(struct mpm_proxy *dict, int64_t *len, struct mpm_error *err)
{
    return mpm__ask_int(dict, MPM__ASK("__len__"), len, err);
}

int
mpm_dict_clear(struct mpm_proxy *dict, struct mpm_error *err)
{
    return mpm__ask(dict, MPM__ASK("clear"), NULL, err);
}

int
mpm_dict_copy(struct mpm_proxy *dict, struct mpm_document **copy, struct mpm_error *err)
{
    return mpm__ask(dict, MPM__ASK("copy"), copy, err);
}

int
mpm_dict_keys(struct mpm_proxy *dict, struct mpm_document **keys, struct mpm_error *err)
{
    return mpm__ask_list(dict, MPM__ASK("keys"), keys, err);
}

int
mpm_dict_values(struct mpm_proxy *dict, struct mpm_document **values, struct mpm_error *err)
{
    return mpm__ask_list(dict, MPM__ASK("values"), values, err);
}

int
mpm_dict_items(struct mpm_proxy *dict, struct mpm_document **items, struct mpm_error *err)
{
    return mpm__ask_list(dict, MPM__ASK("items"), items, err);
}

int
mpm_dict_iterate(struct mpm_proxy *dict, struct mpm_proxy **iterator, struct mpm_error *err)
{
    return mpm__ask_proxy(dict, MPM__ASK("__iter__"), iterator, err);
}

int
mpm_dict_increment(struct mpm_proxy *dict, const char *key, int64_t n, int64_t *sum, struct mpm_error *err)
{
    const struct mpm_ask *ask = MPM__ASK("increment", MPM__ARGS(MPM__TEXT(key), MPM__INT(n)));

    return sum != NULL ? mpm__ask_int(dict, ask, sum, err) : mpm__ask(dict, ask, NULL, err);
}

int
mpm_dict_compare_and_set(struct mpm_proxy *dict, const char *key, struct mpm_builder *expected,
    struct mpm_builder *value, int *was_set, struct mpm_error *err)
{
    return mpm__ask_bool(dict, MPM__ASK("compare_and_set",
        MPM__ARGS(MPM__TEXT(key), MPM__VALUE(expected), MPM__VALUE(value))), was_set, err);
}

int
mpm_ordereddict_move_to_end(struct mpm_proxy *ordereddict, const char *key, int last, struct mpm_error *err)
{
    return mpm__ask(ordereddict, MPM__ASK("move_to_end", MPM__ARGS(MPM__TEXT(key), MPM__BOOL(last))), NULL, err);
}

int
mpm_ordereddict_popitem(struct mpm_proxy *ordereddict, int last, struct mpm_document **item, struct mpm_error *err)
{
    return mpm__ask(ordereddict, MPM__ASK("popitem",
        MPM__ARGS(MPM__BOOL(last)), .raises = mpm__raises_take), item, err);
}

/* --- namespaces --------------------------------------------------------------------------------------------------- */

int
mpm_namespace_get(struct mpm_proxy *ns, const char *name, struct mpm_document **value, struct mpm_error *err)
{
    return mpm__ask(ns, MPM__ASK("__getattribute__",
        MPM__ARGS(MPM__NAME(name)), .raises = mpm__raises_attribute), value, err);
}

int
mpm_namespace_get_int(struct mpm_proxy *ns, const char *name, int64_t *value, struct mpm_error *err)
{
    return mpm__ask_int(ns, MPM__ASK("__getattribute__",
        MPM__ARGS(MPM__NAME(name)), .raises = mpm__raises_attribute), value, err);
}

int
mpm_namespace_get_double(struct mpm_proxy *ns, const char *name, double *value, struct mpm_error *err)
{
    return mpm__ask_double(ns, MPM__ASK("__getattribute__",
        MPM__ARGS(MPM__NAME(name)), .raises = mpm__raises_attribute), value, err);
}

int
mpm_namespace_get_text(struct mpm_proxy *ns, const char *name, char **value, struct mpm_error *err)
{
    return mpm__ask_text(ns, MPM__ASK("__getattribute__",
        MPM__ARGS(MPM__NAME(name)), .raises = mpm__raises_attribute), value, err);
}

int
mpm_namespace_set(struct mpm_proxy *ns, const char *name, struct mpm_builder *value, struct mpm_error *err)
{
    return mpm__ask(ns, MPM__ASK("__setattr__", MPM__ARGS(MPM__NAME(name), MPM__VALUE(value))), NULL, err);
}

int
mpm_namespace_set_int(struct mpm_proxy *ns, const char *name, int64_t value, struct mpm_error *err)
{
    return mpm__ask(ns, MPM__ASK("__setattr__", MPM__ARGS(MPM__NAME(name), MPM__INT(value))), NULL, err);
}

int
mpm_namespace_set_double(struct mpm_proxy *ns, const char *name, double value, struct mpm_error *err)
{
    return mpm__ask(ns, MPM__ASK("__setattr__", MPM__ARGS(MPM__NAME(name), MPM__DOUBLE(value))), NULL, err);
}

int
mpm_namespace_set_text(struct mpm_proxy *ns, const char *name, const char *value, struct mpm_error *err)
{
    return mpm__ask(ns, MPM__ASK("__setattr__", MPM__ARGS(MPM__NAME(name), MPM__TEXT(value))), NULL, err);
}

int
mpm_namespace_delete(struct mpm_proxy *ns, const char *name, struct mpm_error *err)
{
    return mpm__ask(ns, MPM__ASK("__delattr__",
        MPM__ARGS(MPM__NAME(name)), .raises = mpm__raises_attribute), NULL, err);
}

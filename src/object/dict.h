/* dict.h - a dict as OrderedDict, which is one, and Iterator see it. Layer: object. */
#ifndef MPM_OBJECT_DICT_H
#define MPM_OBJECT_DICT_H

#include "object/table.h"

struct mpm_dict {
    struct mpm_object base;
    struct mpm_table table;
    bool is_ordered; /* an OrderedDict: says so where it is written or shown */
};

/* The key that argument i is. False: an exception is the call's result. Else *e is its entry or NULL. */
bool mpm__dict_find(struct mpm_object *self, struct mpm_call *call, int i, struct mpm_key *key,
    struct mpm_map_entry **e);
/* The entries of a mapping. Returns 1; 0: it is none; -1: an exception is the call's result. Then *out is empty. */
int mpm__dict_read_mapping(struct mpm_call *call, struct mpm_ref ref, struct mpm_table *out);
/* The result is `(key, value)` of an entry, which is removed. */
enum mpm_outcome mpm__dict_take(struct mpm_object *self, struct mpm_call *call, struct mpm_map_entry *e);
/* `iter([key, ...])` as a pickle, with all keys. */
enum mpm_outcome mpm__dict_return_keys(struct mpm_object *self, struct mpm_call *call, bool reversed);
enum mpm_outcome mpm__dict_return_not_implemented(struct mpm_call *call);

/* What types are made of. */
enum mpm_outcome mpm__dict_make(struct mpm_object *self, struct mpm_call *call);
void mpm__dict_wipe(struct mpm_object *self);
int mpm__dict_repr(struct mpm_object *self, struct mpm_buf *out);
int mpm__dict_all(struct mpm_object *self, struct mpm_call *call, bool pairs, struct mpm_values *out);
enum mpm_outcome mpm__dict_copy(struct mpm_object *self, struct mpm_call *call);

#define MPM_DICT_METHODS(X) \
    X(contains) X(delitem) X(getitem) X(setitem) X(len) X(or) X(ror) X(ior) X(reversed) X(clear) X(fromkeys) X(get) \
    X(items) X(keys) X(pop) X(setdefault) X(update) X(values) X(increment) X(compare_and_set)
#define X(name) enum mpm_outcome mpm__dict_##name(struct mpm_object *self, struct mpm_call *call);
MPM_DICT_METHODS(X)
#undef X

#endif

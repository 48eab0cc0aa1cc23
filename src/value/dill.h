/* dill.h - what dill writes where pickle writes something else. Layer: value.
 * Clients of multiprocess pickle with dill. Source: dill 0.3.6 _dill.py, save_type and _eval_repr. */
#ifndef MPM_VALUE_DILL_H
#define MPM_VALUE_DILL_H

#include "value/read.h"

#define MPM_DILL_MODULE "dill._dill"
#define MPM_DILL_TYPE "_load_type"
#define MPM_DILL_REPR "_eval_repr"

/* A built-in type, `_load_type('slice')` for `builtins slice`: its name. MPM_ETYPE when it is something else, or
 * MPM_ENOMEM. */
int mpm__dill_type(struct mpm_ref ref, const uint8_t **name, size_t *len);
/* The same, and what makes a view of a dict, `_getattr(_load_type('dict'), 'keys', text)`: the name of what calling it
 * gives ("dict_keys"). Returns as above. */
int mpm__dill_callable(struct mpm_ref ref, const uint8_t **name, size_t *len);
/* A value written as its repr(), `_eval_repr('range(0, 3)')`: that text. Returns as above. */
int mpm__dill_repr(struct mpm_ref ref, const uint8_t **text, size_t *len);
/* Whether such a text is that of a range with ends of 64 bits: fields[] is start, stop, step. */
bool mpm__dill_range(const uint8_t *text, size_t len, int64_t fields[3]);
/* Whether it is that of one of the constants that pickle writes as globals: Ellipsis, NotImplemented. */
bool mpm__dill_constant(const uint8_t *text, size_t len);

#endif

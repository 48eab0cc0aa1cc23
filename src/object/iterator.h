/* iterator.h - iterators over objects of this server. Layer: object. */
#ifndef MPM_OBJECT_ITERATOR_H
#define MPM_OBJECT_ITERATOR_H

#include "object/dict.h"

/* `#PROXY`: a new Iterator over the keys of a dict, which lives as long as that. */
enum mpm_outcome mpm__iterator_return(struct mpm_call *call, struct mpm_dict *dict);

#endif

/* typename.h - what Python's messages call the type of a value. Layer: value. */
#ifndef MPM_VALUE_TYPENAME_H
#define MPM_VALUE_TYPENAME_H

#include "value/read.h"

/* "int", "NoneType", "datetime.datetime", a class's own name: static, or a part of the message that is cut into buf. */
const char *mpm__type_name(struct mpm_ref ref, char buf[64]);
/* Of the names in builtins, those that are functions. */
bool mpm__is_builtin_function(const uint8_t *name, size_t len);

#endif

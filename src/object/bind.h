/* bind.h - parameter strings as Python writes them: "item block=True timeout=None". Layer: object. */
#ifndef MPM_OBJECT_BIND_H
#define MPM_OBJECT_BIND_H

#include "object/object.h"
#include "value/typename.h"

/* Names apart by spaces; a default is True, False, None or a whole number; names before "/" cannot be given by name;
 * "*args" and "**kwds" (any name) come last and are not bound: args[MPM_ALL_ARGS], args[MPM_ALL_KWDS]. The string is
 * one of ours and outlives the signature. */
void mpm__signature_parse(const char *params, struct mpm_signature *out);

#endif

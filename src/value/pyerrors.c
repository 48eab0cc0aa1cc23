/*
 * pyerrors.c - names of the exceptions that the server raises, for each kind of reader. Layer: value.
 *
 * The names of Python 3 are the rows of pyerrors.def; here is only what differs. Makes no pickles.
 */
#include "value/pyerrors.h"

#include <assert.h>
#include <stddef.h>

struct class_name {
    const char *module, *name;
};

static const struct class_name python3[MPM_PY_COUNT] = {
#define MPM_PY(symbol, module, name) [MPM_PY_##symbol] = { module, name },
#include "value/pyerrors.def"
#undef MPM_PY
};

/* Python 2.7 has its built-in exceptions in a module of their own; of a row without a name here only that counts. */
static const struct class_name python2[MPM_PY_COUNT] = {
    [MPM_PY_TYPE_ERROR] = { "exceptions", NULL },
    [MPM_PY_VALUE_ERROR] = { "exceptions", NULL },
    [MPM_PY_KEY_ERROR] = { "exceptions", NULL },
    [MPM_PY_INDEX_ERROR] = { "exceptions", NULL },
    [MPM_PY_ATTRIBUTE_ERROR] = { "exceptions", NULL },
    [MPM_PY_RUNTIME_ERROR] = { "exceptions", NULL },
    [MPM_PY_OVERFLOW_ERROR] = { "exceptions", NULL },
    [MPM_PY_MEMORY_ERROR] = { "exceptions", NULL },
    [MPM_PY_RECURSION_ERROR] = { "exceptions", "RuntimeError" },
    [MPM_PY_NOT_IMPLEMENTED] = { "exceptions", NULL },
    [MPM_PY_ASSERTION_ERROR] = { "exceptions", NULL },
    [MPM_PY_STOP_ITERATION] = { "exceptions", NULL },
    [MPM_PY_LOCK_ERROR] = { "thread", "error" },
    [MPM_PY_BROKEN_BARRIER] = { "exceptions", "RuntimeError" },
    [MPM_PY_QUEUE_EMPTY] = { "Queue", NULL },
    [MPM_PY_QUEUE_FULL] = { "Queue", NULL },
    [MPM_PY_QUEUE_SHUT_DOWN] = { "exceptions", "RuntimeError" },
    [MPM_PY_UNPICKLING_ERROR] = { "pickle", NULL },
    [MPM_PY_PICKLING_ERROR] = { "pickle", NULL },
};

void
mpm__py_error_name(enum mpm_py error, uint8_t protocol, const char **module, const char **name)
{
    assert((unsigned)error < MPM_PY_COUNT);
    *module = python3[error].module;
    *name = python3[error].name;
    if (protocol <= 2) {
        assert(python2[error].module != NULL); /* a new row of pyerrors.def needs one above */
        *module = python2[error].module;
        if (python2[error].name != NULL)
            *name = python2[error].name;
    } else if (protocol == 3 && error == MPM_PY_QUEUE_SHUT_DOWN) {
        /* protocol 3 is Python 3.7 or older, the class came with 3.13; 3.8 to 3.13 cannot be told apart */
        *module = "builtins";
        *name = "RuntimeError";
    }
}

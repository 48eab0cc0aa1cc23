/* pyerrors.h - the Python exceptions that the server raises, by the names their reader knows. Layer: value. */
#ifndef MPM_VALUE_PYERRORS_H
#define MPM_VALUE_PYERRORS_H

#include <stdint.h>

/* One per row of pyerrors.def. */
enum mpm_py {
#define MPM_PY(symbol, module, name) MPM_PY_##symbol,
#include "value/pyerrors.def"
#undef MPM_PY
    MPM_PY_COUNT
};

/* Module and class under which a reader of `protocol` (2: Python 2.7) finds the exception; static text.
 * A class that this reader cannot have is replaced by the nearest one that it has. */
void mpm__py_error_name(enum mpm_py error, uint8_t protocol, const char **module, const char **name);

#endif

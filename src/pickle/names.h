/* names.h - what modules and classes of Python 2 are called in Python 3, and back. Layer: pickle. */
#ifndef MPM_PICKLE_NAMES_H
#define MPM_PICKLE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Replaces a class or function name of one Python by its name in the other. `python` is whom it is for: 3 (the name
 * given is Python 2's) or 2 (the name given is Python 3's). A name without a row stays as it is, which is right for
 * everything but a part of the standard library. New names are static text.
 * Returns false when that Python has nothing of the kind (builtins.ascii in 2, __builtin__.cmp in 3); the name then
 * stays as it is.
 */
bool mpm__name_to(int python, const uint8_t **module, size_t *module_len, const uint8_t **name, size_t *name_len);

/* The rows of one direction, for tests. `name` "": the whole module; `new_module` NULL: there is none. */
struct mpm_name_row {
    const char *module, *name;
    const char *new_module, *new_name;
};
const struct mpm_name_row *mpm__name_rows(int python, size_t *n);

#endif

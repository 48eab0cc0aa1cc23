/*
 * names.c - what modules and classes of Python 2 are called in Python 3, and back. Layer: pickle.
 *
 * Two sorted tables out of names.def and a search by halving. Knows no opcodes; whether a name occurs in a value that
 * needs renaming is the business of transcode.c.
 */
#include "pickle/names.h"

#include <string.h>

#define WHOLE ""

static const struct mpm_name_row to_3[] = {
#define MPM_TO_3(module, name, new_module, new_name) { module, name, new_module, new_name },
#define MPM_TO_3_NONE(module, name) { module, name, NULL, NULL },
#define MPM_TO_2(module, name, new_module, new_name)
#define MPM_TO_2_NONE(module, name)
#include "pickle/names.def"
#undef MPM_TO_3
#undef MPM_TO_3_NONE
#undef MPM_TO_2
#undef MPM_TO_2_NONE
};

static const struct mpm_name_row to_2[] = {
#define MPM_TO_3(module, name, new_module, new_name)
#define MPM_TO_3_NONE(module, name)
#define MPM_TO_2(module, name, new_module, new_name) { module, name, new_module, new_name },
#define MPM_TO_2_NONE(module, name) { module, name, NULL, NULL },
#include "pickle/names.def"
#undef MPM_TO_3
#undef MPM_TO_3_NONE
#undef MPM_TO_2
#undef MPM_TO_2_NONE
};

const struct mpm_name_row *
mpm__name_rows(int python, size_t *n)
{
    *n = python == 2 ? sizeof to_2 / sizeof *to_2 : sizeof to_3 / sizeof *to_3;
    return python == 2 ? to_2 : to_3;
}

/* Bytewise, a prefix first, as strcmp() orders the rows; the bytes of a pickle are not NUL-terminated. */
static int
compare(const uint8_t *bytes, size_t len, const char *text)
{
    size_t text_len = strlen(text);
    int order = memcmp(bytes, text, len < text_len ? len : text_len);

    if (order != 0)
        return order;
    return len == text_len ? 0 : len < text_len ? -1 : 1;
}

static const struct mpm_name_row *
find(int python, const uint8_t *module, size_t module_len, const uint8_t *name, size_t name_len)
{
    size_t n;
    const struct mpm_name_row *rows = mpm__name_rows(python, &n);
    size_t low = 0, high = n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(module, module_len, rows[middle].module);

        if (order == 0)
            order = compare(name, name_len, rows[middle].name);
        if (order == 0)
            return &rows[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

bool
mpm__name_to(int python, const uint8_t **module, size_t *module_len, const uint8_t **name, size_t *name_len)
{
    const struct mpm_name_row *row = find(python, *module, *module_len, *name, *name_len);

    if (row == NULL)
        row = find(python, *module, *module_len, (const uint8_t *)"", 0);
    if (row == NULL)
        return true;
    if (row->new_module == NULL)
        return false;
    *module = (const uint8_t *)row->new_module;
    *module_len = strlen(row->new_module);
    if (row->name[0] != '\0') {
        *name = (const uint8_t *)row->new_name;
        *name_len = strlen(row->new_name);
    }
    return true;
}

/* types.c - the table of typeids, and methods by name. Layer: object. A new type: its file, a row in types.def. */
#include "object/object.h"

#include <pthread.h>
#include <string.h>

#include "object/bind.h"

#define MPM_TYPE(typeid, symbol) extern struct mpm_type mpm__type_##symbol;
#include "object/types.def"
#undef MPM_TYPE

static const struct row {
    const char *typeid;
    struct mpm_type *type;
} rows[] = {
#define MPM_TYPE(typeid, symbol) { typeid, &mpm__type_##symbol },
#include "object/types.def"
#undef MPM_TYPE
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

void
mpm_type_set_up(struct mpm_type *type)
{
    mpm__signature_parse(type->params, &type->signature);
    for (struct mpm_method *m = type->methods; m->name != NULL; m++)
        mpm__signature_parse(m->params, &m->signature);
}

static uint16_t n_methods;

/* Types that share their methods share the numbers. */
static void
set_up_all(void)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        mpm_type_set_up(rows[i].type);
        for (struct mpm_method *m = rows[i].type->methods; m->name != NULL; m++)
            if (m->number == 0)
                m->number = ++n_methods;
    }
}

/* The first hub may be made by any thread of a program that embeds the server. */
static void
set_up_once(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, set_up_all);
}

size_t
mpm_n_methods(void)
{
    set_up_once();
    return n_methods;
}

const struct mpm_type *
mpm_type_find(const char *typeid, size_t len)
{
    set_up_once();
    for (size_t i = 0; i < N_ROWS; i++) {
        if (strlen(rows[i].typeid) == len && memcmp(rows[i].typeid, typeid, len) == 0)
            return rows[i].type;
    }
    return NULL;
}

const char *
mpm_type_name(size_t i)
{
    return i < N_ROWS ? rows[i].typeid : NULL;
}

const struct mpm_method *
mpm_method_find(const struct mpm_type *type, const uint8_t *name, size_t len, bool named)
{
    for (const struct mpm_method *m = type->methods; m->name != NULL; m++) {
        if (strlen(m->name) == len && memcmp(m->name, name, len) == 0)
            return m->named_only && !named ? NULL : m;
    }
    return NULL;
}

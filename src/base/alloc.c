/* alloc.c - memory with overflow checks and a hook that lets a test make any allocation fail. Layer: base. */
#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>

int (*mpm__alloc_hook)(size_t size);

static int
refused(size_t size)
{
    return mpm__alloc_hook != NULL && mpm__alloc_hook(size) != 0;
}

void *
mpm__alloc(size_t size)
{
    return refused(size) ? NULL : malloc(size != 0 ? size : 1);
}

void *
mpm__array(size_t n, size_t size)
{
    return refused(n * size) ? NULL : calloc(n != 0 ? n : 1, size != 0 ? size : 1);
}

void *
mpm__resize(void *array, size_t n, size_t size)
{
    if ((size != 0 && n > SIZE_MAX / size) || refused(n * size))
        return NULL;
    return realloc(array, n * size != 0 ? n * size : 1);
}

void
mpm__free(void *memory)
{
    free(memory);
}

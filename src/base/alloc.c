/* alloc.c - memory with overflow checks and a hook that lets a test make any allocation fail. Layer: base. */
#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

int (*mpm__alloc_hook)(size_t size);
void (*mpm__alloc_live_hook)(int change);

static int
refused(size_t size)
{
    return mpm__alloc_hook != NULL && mpm__alloc_hook(size) != 0;
}

static void *
counted(void *memory, int change)
{
    if (mpm__alloc_live_hook != NULL && memory != NULL)
        mpm__alloc_live_hook(change);
    return memory;
}

void
mpm__alloc_keep(size_t size)
{
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, (int)(size / 8));
    mallopt(M_TRIM_THRESHOLD, (int)size);
#else
    (void)size;
#endif
}

void *
mpm__alloc(size_t size)
{
    return refused(size) ? NULL : counted(malloc(size != 0 ? size : 1), 1);
}

void *
mpm__array(size_t n, size_t size)
{
    return refused(n * size) ? NULL : counted(calloc(n != 0 ? n : 1, size != 0 ? size : 1), 1);
}

void *
mpm__resize(void *array, size_t n, size_t size)
{
    int is_new = array == NULL;

    if ((size != 0 && n > SIZE_MAX / size) || refused(n * size))
        return NULL;
    return counted(realloc(array, n * size != 0 ? n * size : 1), is_new);
}

void
mpm__clear(void *memory, size_t size)
{
    memset(memory, 0, size);
}

void
mpm__free(void *memory)
{
    if (memory != NULL)
        free(counted(memory, -1));
}

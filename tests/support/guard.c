/* guard.c - bytes that end at the edge of readable memory. */
#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t
readable(size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    return (len / page + 1) * page;
}

uint8_t *
mpm_test_guard(const void *bytes, size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = readable(len);
    uint8_t *map = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (map == MAP_FAILED || mprotect(map + size, page, PROT_NONE) != 0)
        abort();
    if (len != 0)
        memcpy(map + size - len, bytes, len);
    return map + size - len;
}

void
mpm_test_guard_free(uint8_t *copy, size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = readable(len);

    munmap(copy + len - size, size + page);
}

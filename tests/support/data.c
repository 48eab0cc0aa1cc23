/* data.c - repeatable random numbers, hex, and files of the source tree. */
#include "support.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* splitmix64: each state gives a good number, so any seed will do. */
uint64_t
mpm_test_random(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

size_t
mpm_test_below(uint64_t *seed, size_t n)
{
    return (size_t)(mpm_test_random(seed) % n);
}

static int
digit(int c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, tolower(c)) : NULL;

    if (at == NULL)
        abort();
    return (int)(at - digits);
}

size_t
mpm_test_unhex(const char *text, uint8_t *out, size_t max)
{
    size_t n = 0;

    for (; *text != '\0'; text++) {
        if (isspace((unsigned char)*text))
            continue;
        if (n == max)
            abort();
        out[n] = (uint8_t)(digit((unsigned char)*text) << 4);
        out[n++] |= (uint8_t)digit((unsigned char)*++text);
    }
    return n;
}

const char *
mpm_test_path(const char *name)
{
    static char path[4096];

    snprintf(path, sizeof path, "%s/tests/%s", MPM_TEST_SRCDIR, name);
    return path;
}

uint8_t *
mpm_test_read(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    size_t size = 4096, n;
    uint8_t *bytes = NULL, *more;

    *len = 0;
    while (file != NULL && (more = realloc(bytes, size + 1)) != NULL) {
        bytes = more;
        n = fread(bytes + *len, 1, size - *len, file);
        *len += n;
        if (*len < size)
            break;
        size *= 2;
    }
    if (file == NULL || ferror(file) || bytes == NULL) {
        free(bytes);
        bytes = NULL;
    } else
        bytes[*len] = '\0';
    if (file != NULL)
        fclose(file);
    return bytes;
}

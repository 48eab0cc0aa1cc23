/* known.h - for drivers that are told what to do line by line: proxies by the names that the lines give them. */
#ifndef MPM_TESTS_KNOWN_H
#define MPM_TESTS_KNOWN_H

#include <mpmd/client.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    char name[32];
    struct mpm_proxy *proxy;
} known[32];

/* Where the one of this name is or is to be; NULL there: nothing yet. */
static inline struct mpm_proxy **
place_of(const char *name)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (known[i].name[0] == '\0')
            snprintf(known[i].name, sizeof known[i].name, "%.31s", name);
        if (strcmp(known[i].name, name) == 0)
            return &known[i].proxy;
    }
    abort();
}

static inline void
close_known(void)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        mpm_proxy_close(known[i].proxy);
}

#endif

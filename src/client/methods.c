/*
 * methods.c - which methods may wait in the server, and which only read. Layer: client.
 *
 * One table for both. A registered name may stand for any type, also one of the user's own: so what waits for one type
 * waits for every type that is not known, and nothing is known to only read there.
 */
#include "client/methods.h"

#include <stdlib.h>
#include <string.h>

#define WAITS MPM_METHOD_WAITS
#define READS MPM_METHOD_READS
#define KNOWN                                                                                                       \
    " Array Barrier BoundedSemaphore Condition Counter Event JoinableQueue Latch LifoQueue Lock Namespace "          \
    "OrderedDict PriorityQueue Queue RLock RWLock Semaphore Value defaultdict deque dict list set "
#define MAPS " dict OrderedDict defaultdict Counter Value "

struct row {
    const char *method;
    const char *types; /* between blanks: those for which `flags` hold; NULL: all */
    unsigned flags;
    unsigned other;    /* flags for the other types */
};

/* Sorted by strcmp(). */
static const struct row rows[] = {
    { "__and__", NULL, READS, 0 },
    { "__contains__", NULL, READS, 0 },
    { "__enter__", NULL, WAITS, 0 },
    { "__eq__", NULL, READS, 0 },
    { "__ge__", NULL, READS, 0 },
    { "__getattribute__", NULL, READS, 0 },
    { "__getitem__", NULL, READS, 0 },
    { "__getslice__", NULL, READS, 0 },
    { "__gt__", NULL, READS, 0 },
    { "__le__", NULL, READS, 0 },
    { "__len__", NULL, READS, 0 },
    { "__lt__", NULL, READS, 0 },
    { "__ne__", NULL, READS, 0 },
    { "__repr__", NULL, READS, 0 },
    { "__str__", NULL, READS, 0 },
    { "__sub__", NULL, READS, 0 },
    { "__xor__", NULL, READS, 0 },
    { "acquire", NULL, WAITS, 0 },
    { "acquire_lock", NULL, WAITS, 0 },
    { "acquire_read", NULL, WAITS, 0 },
    { "acquire_write", NULL, WAITS, 0 },
    { "copy", NULL, READS, 0 },
    { "count", NULL, READS, 0 },
    { "difference", NULL, READS, 0 },
    { "empty", NULL, READS, 0 },
    { "full", NULL, READS, 0 },
    { "get", MAPS, READS, WAITS },
    { "has_key", NULL, READS, 0 },
    { "index", NULL, READS, 0 },
    { "intersection", NULL, READS, 0 },
    { "isSet", NULL, READS, 0 },
    { "is_set", NULL, READS, 0 },
    { "isdisjoint", NULL, READS, 0 },
    { "issubset", NULL, READS, 0 },
    { "issuperset", NULL, READS, 0 },
    { "items", NULL, READS, 0 },
    { "join", NULL, WAITS, 0 },
    { "keys", NULL, READS, 0 },
    { "lease", NULL, WAITS, 0 },
    { "locked", NULL, READS, 0 },
    { "locked_lock", NULL, READS, 0 },
    { "pop_many", NULL, WAITS, 0 },
    { "put", NULL, WAITS, 0 },
    { "put_many", NULL, WAITS, 0 },
    { "qsize", NULL, READS, 0 },
    { "symmetric_difference", NULL, READS, 0 },
    { "tobytes", NULL, READS, 0 },
    { "tolist", NULL, READS, 0 },
    { "union", NULL, READS, 0 },
    { "values", NULL, READS, 0 },
    { "wait", " Event Latch ", WAITS | READS, WAITS },
    { "wait_for", NULL, WAITS, 0 },
};

static int
compare(const void *method, const void *row)
{
    return strcmp(method, ((const struct row *)row)->method);
}

static bool
is_listed(const char *types, const char *typeid, size_t len)
{
    for (const char *at = types; *at != '\0'; at++)
        if (at[0] == ' ' && strncmp(at + 1, typeid, len) == 0 && at[1 + len] == ' ')
            return true;
    return false;
}

/* As if every type were known. */
static unsigned
flags_of(const char *typeid, size_t typeid_len, const char *method)
{
    const struct row *row = bsearch(method, rows, sizeof rows / sizeof *rows, sizeof *rows, compare);

    if (row == NULL)
        return 0;
    return row->types == NULL || is_listed(row->types, typeid, typeid_len) ? row->flags : row->other;
}

unsigned
mpm__method_flags(const char *typeid, size_t typeid_len, const char *method)
{
    unsigned flags = flags_of(typeid, typeid_len, method);

    return (flags & READS) == 0 || is_listed(KNOWN, typeid, typeid_len) ? flags : flags & ~READS;
}

bool
mpm__method_waits(const char *typeid, size_t typeid_len, const char *method)
{
    return (flags_of(typeid, typeid_len, method) & WAITS) != 0;
}

/*
 * optvalue.c - numbers, sizes, times and words of command lines, with what to say when they are none. Layer: server.
 */
#include "server/optvalue.h"

#include <stdbool.h>
#include <string.h>

#include "base/error.h"

int
mpm__opt_bad(struct mpm_error *err, const char *value, const char *advice)
{
    return mpm__fail(err, MPM_EINVAL, 0, "'%.*s': %s", MPM_OPT_SHOWN, value, advice);
}

/* Decimal digits at *text; moves behind them. Returns whether there is a number that fits. */
static bool
read_digits(const char **text, uint64_t *out)
{
    const char *p = *text;
    uint64_t v = 0;

    for (; *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
            return false;
    *out = v;
    return p != *text && (*text = p, true);
}

int
mpm__opt_number(const char *value, uint64_t min, uint64_t max, uint64_t *out, struct mpm_error *err)
{
    const char *p = value;
    uint64_t v;

    if (!read_digits(&p, &v) || *p != '\0' || v < min || v > max)
        return mpm__fail(err, MPM_EINVAL, 0, "'%.*s': give a number from %llu to %llu", MPM_OPT_SHOWN, value,
            (unsigned long long)min, (unsigned long long)max);
    *out = v;
    return 0;
}

int
mpm__opt_bytes(const char *value, uint64_t min, uint64_t max, uint64_t *out, struct mpm_error *err)
{
    const char *p = value;
    unsigned shift = 0;
    uint64_t v;
    bool ok = read_digits(&p, &v);

    if (ok && *p != '\0') {
        shift = *p == 'K' || *p == 'k' ? 10 : *p == 'M' || *p == 'm' ? 20 : *p == 'G' || *p == 'g' ? 30 : 0;
        ok = shift != 0 && p[1] == '\0' && v <= UINT64_MAX >> shift;
    }
    if (!ok || v << shift < min || v << shift > max)
        return mpm__fail(err, MPM_EINVAL, 0, "'%.*s': give bytes from %llu to %llu; K, M and G may follow (64M)",
            MPM_OPT_SHOWN, value, (unsigned long long)min, (unsigned long long)max);
    *out = v << shift;
    return 0;
}

int
mpm__opt_seconds(const char *value, int64_t *out_ns, struct mpm_error *err)
{
    const uint64_t max_s = 1000000000; /* 31 years, and still far from the end of int64_t ns */
    const char *p = value;
    uint64_t s = 0, ns = 0;
    bool ok = *p == '.' ? p[1] != '\0' : read_digits(&p, &s);

    if (ok && *p == '.')
        for (uint64_t unit = 100000000; *++p >= '0' && *p <= '9'; unit /= 10)
            ns += unit * (uint64_t)(*p - '0');
    if (!ok || *p != '\0' || s > max_s)
        return mpm__opt_bad(err, value, "give seconds, as 10 or 0.5; 0 means no limit");
    *out_ns = (int64_t)(s * 1000000000 + ns);
    return 0;
}

int
mpm__opt_fd(const char *value, int *out, struct mpm_error *err)
{
    uint64_t v;

    if (mpm__opt_number(value, 0, 1048575, &v, NULL) != 0)
        return mpm__opt_bad(err, value, "give the number of an open file descriptor");
    *out = (int)v;
    return 0;
}

int
mpm__opt_word(const char *value, const char *const words[], int n)
{
    for (int i = 0; i < n; i++)
        if (strcmp(value, words[i]) == 0)
            return i;
    return -1;
}

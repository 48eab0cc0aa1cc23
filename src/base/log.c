/* log.c - writes the log, one line per event, to standard error or to a function. Layer: base.
 *
 * A line is one write, so that lines of several processes do not mix. It never waits, never fails and allocates
 * nothing: a line that cannot be written is counted and forgotten. Each thread has a log; what becomes of two threads
 * that have the same one is none of its business. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_LEN 1024 /* with time and level; longer ones end in "..." */

struct mpm_log mpm__log_default = {.level = MPM_LOG_INFO};
_Thread_local struct mpm_log *mpm__log_here = &mpm__log_default;

static const char *const level_names[] = {
    [MPM_LOG_ERROR] = "error", [MPM_LOG_WARNING] = "warning", [MPM_LOG_INFO] = "info", [MPM_LOG_DEBUG] = "debug",
};

/* "time=2026-01-31T12:00:00.123Z " */
static size_t
put_time(char *out, size_t size)
{
    struct timespec now;
    struct tm tm;
    size_t n;

    clock_gettime(CLOCK_REALTIME, &now);
    n = gmtime_r(&now.tv_sec, &tm) != NULL ? strftime(out, size, "time=%Y-%m-%dT%H:%M:%S", &tm) : 0;
    return n != 0 ? n + (size_t)snprintf(out + n, size - n, ".%03ldZ ", now.tv_nsec / 1000000) : 0;
}

/* Whether all of it went out; *some: whether a part did. */
static bool
write_all(const char *text, size_t len, bool *some)
{
    ssize_t n;

    *some = false;
    while (len != 0) {
        n = write(STDERR_FILENO, text, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        *some = true;
        text += n;
        len -= (size_t)n;
    }
    return true;
}

static void
write_line(struct mpm_log *log, const char *line, size_t len)
{
    bool some;

    if (write_all(line, len, &some)) {
        log->is_torn = false;
        log->n_lost = 0;
        return;
    }
    if (some)
        log->is_torn = true;
    log->n_lost++;
}

void
mpm__log_write(enum mpm_log_level level, const char *area, const char *format, ...)
{
    struct mpm_log *log = mpm__log_here;
    char line[LINE_MAX_LEN];
    /* Kept free for "..." and the newline. */
    size_t max = sizeof line - 4, len = 0, head;
    int n, error = errno;
    va_list ap;

    if (log->is_torn)
        line[len++] = '\n';
    if (log->n_lost != 0) {
        len += put_time(line + len, max - len);
        len += (size_t)snprintf(line + len, max - len, "level=warning area=log lost_lines=%llu\n",
            (unsigned long long)log->n_lost);
    }
    if (log->line == NULL) {
        len += put_time(line + len, max - len);
        len += (size_t)snprintf(line + len, max - len, "level=%s area=%.32s ", level_names[level], area);
    }
    head = len;
    errno = error; /* %m in the format */
    va_start(ap, format);
    n = vsnprintf(line + len, max - len, format, ap);
    va_end(ap);
    if (n < 0)
        n = snprintf(line + len, max - len, "unprintable=\"%.64s\"", format);
    if ((size_t)n < max - len)
        len += (size_t)n;
    else {
        memcpy(line + max - 1, "...", 3);
        len = max + 2;
    }
    /* A line is a line even when a caller forgot to escape. */
    for (size_t i = head; i < len; i++)
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            line[i] = '?';
    line[len] = log->line != NULL ? '\0' : '\n';
    if (log->line != NULL)
        log->line(log->user, level, area, line);
    else
        write_line(log, line, len + 1);
    errno = error;
}

const char *
mpm__log_escape(const void *bytes, size_t len, char *out, size_t out_size)
{
    static const char hex[] = "0123456789abcdef";
    const uint8_t *in = bytes;
    size_t n = 0, cut = 0; /* cut: how much may stay when "..." has to follow */

    if (out_size == 0)
        return out;
    for (size_t i = 0; i < len; i++) {
        bool plain = in[i] >= ' ' && in[i] < 0x7f && in[i] != '\\' && in[i] != '"';
        size_t need = plain ? 1 : 4;

        if (n + 3 < out_size)
            cut = n;
        if (n + need >= out_size) {
            n = cut;
            for (int dots = 0; dots < 3 && n + 1 < out_size; dots++)
                out[n++] = '.';
            break;
        }
        if (plain)
            out[n++] = (char)in[i];
        else {
            out[n++] = '\\';
            out[n++] = 'x';
            out[n++] = hex[in[i] >> 4];
            out[n++] = hex[in[i] & 15];
        }
    }
    out[n] = '\0';
    return out;
}

bool
mpm__log_rate(struct mpm_log_rate *rate, int64_t now_ns, uint32_t burst, uint32_t *suppressed)
{
    int64_t second = now_ns / 1000000000;

    *suppressed = 0;
    if (second != rate->second) {
        rate->second = second;
        rate->n = 0;
    }
    if (rate->n >= burst) {
        rate->suppressed += rate->suppressed != UINT32_MAX;
        return false;
    }
    rate->n++;
    *suppressed = rate->suppressed;
    rate->suppressed = 0;
    return true;
}

int
mpm__log_level_from(const char *name)
{
    for (int i = 0; i < (int)(sizeof level_names / sizeof level_names[0]); i++)
        if (strcmp(level_names[i], name) == 0)
            return i;
    return -1;
}

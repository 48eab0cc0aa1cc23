/* log.h - one line per event, key=value, to standard error or to who wants it. Layer: base. */
#ifndef MPM_BASE_LOG_H
#define MPM_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mpmd/server.h>

/* Where lines go. */
struct mpm_log {
    enum mpm_log_level level; /* the least important that is wanted */
    /* The text without time, level and newline, nothing but printable characters and UTF-8; NULL: whole lines to
     * standard error. */
    void (*line)(void *user, enum mpm_log_level level, const char *area, const char *text);
    void *user;
    uint64_t n_lost;          /* lines since the last one that was written whole */
    bool is_torn;             /* the last line went out in part: a newline is due before the next */
};

/* Standard error, MPM_LOG_INFO: what every thread begins with. */
extern struct mpm_log mpm__log_default;
/* The log of this thread. Who runs a server with a log of its own sets it, and puts back what was there. */
extern _Thread_local struct mpm_log *mpm__log_here;
#define MPM_LOG_ON(wanted) ((int)(wanted) <= (int)mpm__log_here->level)

/* `mpm__log(MPM_LOG_INFO, "session", "id=%" PRIu64 " state=%s", ...)`: the level is tested before anything is
 * formatted. Bytes from peers go through mpm__log_escape() first. Never key material or values. A line that cannot be
 * written (disk full) is dropped and counted; the next one that can be says how many. A struct mpm_log is for one
 * thread at a time. */
#define mpm__log(level, area, ...) (MPM_LOG_ON(level) ? mpm__log_write((level), (area), __VA_ARGS__) : (void)0)
void mpm__log_write(enum mpm_log_level level, const char *area, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Writes bytes as printable ASCII (\xNN for the rest), cut with "..." to fit; NUL-terminated. Returns out. */
const char *mpm__log_escape(const void *bytes, size_t len, char *out, size_t out_size);

/* At most `burst` lines per second of one kind; the first of a later second carries the count left out.
 * Zeroed is valid. now_ns: monotonic. Returns whether to log; *suppressed: how many were left out before. */
struct mpm_log_rate {
    int64_t second;
    uint32_t n, suppressed;
};
bool mpm__log_rate(struct mpm_log_rate *rate, int64_t now_ns, uint32_t burst, uint32_t *suppressed);

/* "error", "warning", "info", "debug" -> level; -1: none of them. */
int mpm__log_level_from(const char *name);

#endif

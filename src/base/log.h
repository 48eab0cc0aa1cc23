/* log.h - one line per event, key=value, to standard error. Layer: base. */
#ifndef MPM_BASE_LOG_H
#define MPM_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mpm_log_level { MPM_LOG_ERROR, MPM_LOG_WARNING, MPM_LOG_INFO, MPM_LOG_DEBUG };

extern enum mpm_log_level mpm__log_level;
#define MPM_LOG_ON(level) ((level) <= mpm__log_level)

/* `mpm__log(MPM_LOG_INFO, "session", "id=%" PRIu64 " state=%s", ...)`: the level is tested before anything is
 * formatted. Bytes from peers go through mpm__log_escape() first. Never key material or values. A line that cannot be
 * written (disk full) is dropped and counted; the next one that can be says how many. For one thread at a time. */
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

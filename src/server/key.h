/* key.h - the authkey that a command line names. Layer: server. */
#ifndef MPM_SERVER_KEY_H
#define MPM_SERVER_KEY_H

#include <stddef.h>
#include <stdint.h>

#include <mpmd/error.h>

#define MPM_KEY_MAX 65536 /* bytes */

enum mpm_key_source { MPM_KEY_NONE, MPM_KEY_FILE, MPM_KEY_ENV, MPM_KEY_FD };

/* Zeroed is valid. */
struct mpm_key {
    enum mpm_key_source source;
    const char *name; /* of the file or variable, or the number; borrowed */
    int fd;
    uint8_t *bytes;   /* filled by mpm__key_read(); room for MPM_KEY_MAX + 2 */
    size_t len;
};

/* The value of --authkey-file, --authkey-env or --authkey-fd. Returns 0 or MPM_EINVAL (err: what is wrong with it). */
int mpm__key_name(struct mpm_key *key, enum mpm_key_source source, const char *value, struct mpm_error *err);
/* Reads it from where it is. Returns 0, MPM_EIO (err: what, and what to do) or MPM_ENOMEM. A key in the environment is
 * wiped there. */
int mpm__key_read(struct mpm_key *key, struct mpm_error *err);
/* Overwrites and frees it. */
void mpm__key_wipe(struct mpm_key *key);

#endif

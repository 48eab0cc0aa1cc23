/*
 * key.c - the authkey that a command line names: in a file, the environment, or behind a descriptor. Layer: server.
 *
 * Never prints it. Where it is wiped is the caller's business, and early is best.
 */
#include "server/key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "server/optvalue.h"

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

/* Whether path lies in the directory in which systemd hands over credentials. It is open to nobody else, but an access
 * list makes its files look as if their group could read them. */
static bool
is_credential(const char *path)
{
    const char *dir = getenv("CREDENTIALS_DIRECTORY");
    size_t len = dir != NULL ? strlen(dir) : 0;

    return len != 0 && strncmp(path, dir, len) == 0 && path[len] == '/' && strstr(path, "/../") == NULL;
}

static int
key_failed(struct mpm_error *err, const struct mpm_key *key, const char *what, const char *advice)
{
    static const char *const names[] = {
        [MPM_KEY_FILE] = "file", [MPM_KEY_ENV] = "env", [MPM_KEY_FD] = "fd"};

    size_t len = strlen(key->name), shown = 2 * MPM_OPT_SHOWN;
    size_t skip = len > shown ? len - shown : 0; /* a path's end tells most */

    return mpm__fail(err, MPM_EIO, 0, "--authkey-%s %s%s: %s%s%s", names[key->source], skip != 0 ? "..." : "",
        key->name + skip, what, advice[0] != '\0' ? "; " : "", advice);
}

/* Everything up to the end of fd. */
static int
read_key(struct mpm_key *key, int fd, struct mpm_error *err)
{
    size_t len = 0;
    ssize_t n;

    do {
        n = read(fd, key->bytes + len, MPM_KEY_MAX + 2 - len);
        if (n > 0)
            len += (size_t)n;
    } while (n > 0 || (n < 0 && errno == EINTR));
    if (n < 0)
        return key_failed(err, key, strerror(errno),
            key->source == MPM_KEY_FD ? "give a descriptor that is open for reading"
                                           : "give a file or a pipe with the key");
    key->len = len;
    return 0;
}

static int
read_key_file(struct mpm_key *key, struct mpm_error *err)
{
    bool is_stdin = strcmp(key->name, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(key->name, O_RDONLY | O_CLOEXEC | O_NOCTTY), r;
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0) {
        r = key_failed(err, key, strerror(errno),
            errno == ENOENT ? "make it: umask 077; head -c 32 /dev/urandom | base64 > FILE" : "");
    } else if (!is_stdin && S_ISREG(st.st_mode) && (st.st_mode & 077) != 0 && !is_credential(key->name)) {
        r = mpm__fail(err, MPM_EIO, 0, "--authkey-file: others can read or change it (mode %04o); run: chmod 600 %s",
            (unsigned)(st.st_mode & 07777), key->name);
    } else {
        r = read_key(key, fd, err);
    }
    if (fd >= 0 && !is_stdin)
        close(fd);
    if (r == 0 && key->len != 0 && key->bytes[key->len - 1] == '\n')
        key->bytes[--key->len] = '\0';
    return r;
}

static int
read_key_env(struct mpm_key *key, struct mpm_error *err)
{
    char *value = getenv(key->name);
    size_t len;

    if (value == NULL)
        return key_failed(err, key, "no such variable in the environment", "set it or use --authkey-file");
    len = strlen(value);
    key->len = len < MPM_KEY_MAX + 2 ? len : MPM_KEY_MAX + 2;
    memcpy(key->bytes, value, key->len);
    explicit_bzero(value, len); /* out of /proc/PID/environ */
    unsetenv(key->name);
    return 0;
}

int
mpm__key_name(struct mpm_key *key, enum mpm_key_source source, const char *value, struct mpm_error *err)
{
    if (key->source != MPM_KEY_NONE)
        return mpm__opt_bad(err, value, "a second authkey; give one of --authkey-file, --authkey-env and --authkey-fd");
    if (value[0] == '\0')
        return mpm__opt_bad(err, value, "the name is empty");
    key->source = source;
    key->name = value;
    return source == MPM_KEY_FD ? mpm__opt_fd(value, &key->fd, err) : 0;
}

int
mpm__key_read(struct mpm_key *key, struct mpm_error *err)
{
    int r;

    if ((key->bytes = mpm__alloc(MPM_KEY_MAX + 2)) == NULL)
        return mpm__fail(err, MPM_ENOMEM, 0, "out of memory");
    switch (key->source) {
    case MPM_KEY_FILE:
        r = read_key_file(key, err);
        break;
    case MPM_KEY_ENV:
        r = read_key_env(key, err);
        break;
    default:
        r = read_key(key, key->fd, err);
        if (key->fd > STDERR_FILENO)
            close(key->fd);
    }
    if (r == 0 && key->len == 0)
        r = key_failed(err, key, "the key is empty", "an empty key lets everybody in");
    if (r == 0 && key->len > MPM_KEY_MAX)
        r = key_failed(err, key, "the key is longer than " TEXT(MPM_KEY_MAX) " bytes", "");
    return r;
}

void
mpm__key_wipe(struct mpm_key *key)
{
    if (key->bytes != NULL)
        explicit_bzero(key->bytes, MPM_KEY_MAX + 2);
    mpm__free(key->bytes);
    key->bytes = NULL;
    key->len = 0;
}

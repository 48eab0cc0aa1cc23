/*
 * folder.c - a server's private folder, and what killed servers left in theirs. Layer: net.
 *
 * A server that is killed with SIGKILL removes nothing. The next one does: the folder's lock is free then, and nobody
 * can take a living server's folder for a dead one's. Between making a folder and locking it a sweeper may be quicker;
 * who makes one looks whether the lock that he got is still in it, and else makes another.
 */
#include "net/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"

#define PREFIX "mpmd-run-"
#define LOCK "lock"
#define SEGMENTS "segments"
#define TRIES 100      /* each lost to a sweeper in the same microseconds */
#define IDENTITY 64    /* device and inode as text */

static const struct mpm_folder none = MPM_FOLDER_NONE;

/* --- making ------------------------------------------------------------------------------------------------------- */

/* Opens and locks the folder at f->path, which is new. 0, or an errno; ENOENT: a sweeper has taken it for an old one. */
static int
hold(struct mpm_folder *f)
{
    struct stat st;
    int error = 0;

    f->fd = open(f->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (f->fd < 0)
        return errno;
    f->lock = openat(f->fd, LOCK, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (f->lock < 0)
        error = errno;
    else if (flock(f->lock, LOCK_EX | LOCK_NB) != 0)
        error = errno == EWOULDBLOCK ? ENOENT : errno;
    else if (fstat(f->lock, &st) != 0 || st.st_nlink == 0)
        error = ENOENT;
    if (error == 0)
        return 0;
    if (f->lock >= 0)
        close(f->lock);
    if (error != ENOENT)
        unlinkat(f->fd, LOCK, 0);
    close(f->fd);
    f->fd = f->lock = -1;
    return error;
}

static int
make_under(struct mpm_folder *f, const char *base)
{
    int error = ENOENT;

    *f = none;
    f->base = strlen(base);
    if (f->base + sizeof "/" PREFIX "XXXXXX" > sizeof f->path)
        return ENAMETOOLONG;
    for (int i = 0; i < TRIES && error == ENOENT; i++) {
        snprintf(f->path, sizeof f->path, "%s/" PREFIX "XXXXXX", base);
        if (mkdtemp(f->path) == NULL)
            return errno;
        error = hold(f);
        if (error != 0 && error != ENOENT)
            rmdir(f->path);
    }
    return error;
}

int
mpm__folder_open(struct mpm_folder *f, struct mpm_error *err)
{
    const char *wanted = getenv("TMPDIR"), *base = "/tmp";
    int error = ENOENT;

    /* Its address is told to others, whose current directory is another. */
    if (wanted != NULL && wanted[0] == '/' && (error = make_under(f, wanted)) != 0)
        mpm__log(MPM_LOG_INFO, "server", "event=no-folder TMPDIR why=\"%s\"", strerror(error));
    if (error != 0)
        error = make_under(f, base);
    if (error == 0)
        return 0;
    *f = none;
    return mpm__fail(err, MPM_EIO, 0, "%s: %s; no directory can be made there: set TMPDIR or give --listen", base,
        strerror(error));
}

void
mpm__folder_address(const struct mpm_folder *f, struct mpm_address *out)
{
    *out = (struct mpm_address){0};
    out->u.un.sun_family = AF_UNIX;
    snprintf(out->u.un.sun_path, sizeof out->u.un.sun_path, "%s/socket", f->path);
    out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(out->u.un.sun_path) + 1);
}

/* --- shared memory ------------------------------------------------------------------------------------------------ */

/* Where segments are files, somebody may have put a FIFO there, which is not to be waited for. Elsewhere shm_open()
 * may refuse the flag. */
#ifdef __linux__
#define LOOK (O_RDONLY | O_CLOEXEC | O_NONBLOCK)
#else
#define LOOK (O_RDONLY | O_CLOEXEC)
#endif

static bool
segment_state(const char *segment, struct stat *st)
{
    int fd = shm_open(segment, LOOK, 0);
    bool is_there;

    if (fd < 0)
        return false;
    is_there = fstat(fd, st) == 0;
    close(fd);
    return is_there;
}

static void
identity_of(const struct stat *st, char text[IDENTITY])
{
    snprintf(text, IDENTITY, "%llu:%llu", (unsigned long long)st->st_dev, (unsigned long long)st->st_ino);
}

static int
open_folder(int at, const char *name)
{
    return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

void
mpm__folder_note(struct mpm_folder *f, const char *segment)
{
    char text[IDENTITY];
    struct stat st;
    int fd;

    if (f->fd < 0 || !segment_state(segment, &st))
        return;
    if ((fd = open_folder(f->fd, SEGMENTS)) < 0 && errno == ENOENT && mkdirat(f->fd, SEGMENTS, 0700) == 0)
        fd = open_folder(f->fd, SEGMENTS);
    identity_of(&st, text);
    if (fd < 0 || (symlinkat(text, fd, segment + 1) != 0 && errno != EEXIST))
        mpm__log(MPM_LOG_WARNING, "server", "event=note segment=\"%s\" why=\"%s\"", segment, strerror(errno));
    if (fd >= 0)
        close(fd);
}

void
mpm__folder_forget(struct mpm_folder *f, const char *segment)
{
    int fd;

    if (f->fd < 0 || (fd = open_folder(f->fd, SEGMENTS)) < 0)
        return;
    unlinkat(fd, segment + 1, 0);
    close(fd);
}

/* Whether the segment of that name is the one that was noted then, and not a later one. */
static bool
is_as_noted(int segments, const char *name, const char *segment)
{
    char noted[IDENTITY], found[IDENTITY];
    struct stat note, st;
    ssize_t len = readlinkat(segments, name, noted, sizeof noted);

    if (len <= 0 || len >= IDENTITY || fstatat(segments, name, &note, AT_SYMLINK_NOFOLLOW) != 0 ||
        !segment_state(segment, &st))
        return false;
    noted[len] = '\0';
    identity_of(&st, found);
    /* Inodes begin anew when the machine does. */
    return strcmp(noted, found) == 0 && (st.st_mtim.tv_sec < note.st_mtim.tv_sec ||
        (st.st_mtim.tv_sec == note.st_mtim.tv_sec && st.st_mtim.tv_nsec <= note.st_mtim.tv_nsec));
}

/* --- removing ----------------------------------------------------------------------------------------------------- */

/* The names in a folder, without "." and ".."; the stream has a descriptor of its own. */
static DIR *
open_names(int folder)
{
    int fd = open_folder(folder, ".");
    DIR *names = fd >= 0 ? fdopendir(fd) : NULL;

    if (names == NULL && fd >= 0)
        close(fd);
    return names;
}

static const char *
next_name(DIR *names)
{
    const struct dirent *entry;

    do
        entry = readdir(names);
    while (entry != NULL && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
    return entry != NULL ? entry->d_name : NULL;
}

static void
remove_segments(int folder)
{
    int fd = open_folder(folder, SEGMENTS);
    DIR *names = fd >= 0 ? open_names(fd) : NULL;
    const char *name;

    while (names != NULL && (name = next_name(names)) != NULL) {
        char segment[sizeof((struct dirent *)0)->d_name + 1];

        snprintf(segment, sizeof segment, "/%s", name);
        if (is_as_noted(fd, name, segment) && shm_unlink(segment) == 0)
            mpm__log(MPM_LOG_INFO, "server", "event=swept segment=\"%s\"", segment);
        unlinkat(fd, name, 0);
    }
    if (names != NULL)
        closedir(names);
    if (fd >= 0)
        close(fd);
    unlinkat(folder, SEGMENTS, AT_REMOVEDIR);
}

/* Everything in it, the lock last: what is half removed stays a dead server's. */
static void
empty(int folder)
{
    DIR *names = open_names(folder);
    const char *name;

    remove_segments(folder);
    while (names != NULL && (name = next_name(names)) != NULL)
        if (strcmp(name, LOCK) != 0)
            unlinkat(folder, name, 0);
    if (names != NULL)
        closedir(names);
    unlinkat(folder, LOCK, 0);
}

void
mpm__folder_close(struct mpm_folder *f)
{
    if (f->fd < 0)
        return;
    empty(f->fd);
    rmdir(f->path);
    close(f->lock);
    close(f->fd);
    *f = none;
}

/* Whether it was one of a server of ours that is dead; then it is gone. */
static bool
sweep_one(int base, const char *name)
{
    int fd = open_folder(base, name), lock = -1;
    bool is_dead = false;
    struct stat st;

    if (fd < 0)
        return false;
    if (fstat(fd, &st) != 0 || st.st_uid != geteuid() || (st.st_mode & 0777) != 0700)
        goto out;
    lock = openat(fd, LOCK, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0 && fstat(lock, &st) == 0 && st.st_nlink != 0)
        empty(fd);
    else if (lock >= 0 || errno != ENOENT)
        goto out;
    is_dead = unlinkat(base, name, AT_REMOVEDIR) == 0; /* without a lock: if it is empty */
out:
    if (lock >= 0)
        close(lock);
    close(fd);
    return is_dead;
}

unsigned
mpm__folder_sweep(const struct mpm_folder *f)
{
    char path[sizeof f->path];
    const char *name;
    unsigned n = 0;
    DIR *names;
    int base;

    if (f->fd < 0)
        return 0;
    snprintf(path, sizeof path, "%.*s/", (int)f->base, f->path);
    base = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    names = base >= 0 ? open_names(base) : NULL;
    while (names != NULL && (name = next_name(names)) != NULL)
        if (strncmp(name, PREFIX, sizeof PREFIX - 1) == 0 && sweep_one(base, name)) {
            mpm__log(MPM_LOG_INFO, "server", "event=swept folder=%s%s", path, name);
            n++;
        }
    if (names != NULL)
        closedir(names);
    if (base >= 0)
        close(base);
    return n;
}

/* folder.h - a server's private folder, and what killed servers left in theirs. Layer: net. */
#ifndef MPM_NET_FOLDER_H
#define MPM_NET_FOLDER_H

#include "net/address.h"

/*
 *     $TMPDIR/mpmd-run-XXXXXX/    0700
 *         lock        locked (flock) as long as the server lives: a folder whose lock is free is a dead server's
 *         socket      where it listens
 *         segments/   a symbolic link for each shared memory segment that it is to unlink
 */
struct mpm_folder {
    int fd;      /* -1: there is none */
    int lock;
    char path[sizeof((struct sockaddr_un *)0)->sun_path - sizeof "/socket"];
    size_t base; /* length of the part of path that was there before */
};

#define MPM_FOLDER_NONE { .fd = -1, .lock = -1 }

/* Makes one under $TMPDIR, or under /tmp where that is too long for a socket's path or cannot be written to. Returns 0 or
 * MPM_EIO. */
int mpm__folder_open(struct mpm_folder *f, struct mpm_error *err);
/* Where to listen in it. */
void mpm__folder_address(const struct mpm_folder *f, struct mpm_address *out);
/* Removes it with all that is in it; none is no matter. */
void mpm__folder_close(struct mpm_folder *f);

/* Remembers a segment, "/name", for those who come when this server was killed, or forgets it again. A segment that is not
 * there is not remembered. */
void mpm__folder_note(struct mpm_folder *f, const char *segment);
void mpm__folder_forget(struct mpm_folder *f, const char *segment);

/* Removes what killed servers of this user left beside f: their folders, and the segments that they had noted. Returns how
 * many folders. */
unsigned mpm__folder_sweep(const struct mpm_folder *f);

#endif

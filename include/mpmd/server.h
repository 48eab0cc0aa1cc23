/* server.h - the server of managed objects inside a program of one's own. Public. */
#ifndef MPMD_SERVER_H
#define MPMD_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include <mpmd/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * What mpmd(1) serves, served by the program that this is called from: clients in Python or C, of other processes or of
 * this one, find the same objects. It may run in a thread of its own (mpm_server_run()) or as a part of a loop that the
 * program has (mpm_server_fd(), mpm_server_timeout_ns(), mpm_server_advance()).
 *
 * One thread at a time uses a server; only mpm_server_stop() may come from others. Several servers in one process know
 * nothing of each other. Of what belongs to the whole process nothing is touched: no signal is caught, ignored or caused,
 * no standard descriptor is written to, neither umask nor limits nor environment are changed. All descriptors are
 * close-on-exec. After fork() only the parent has the server: the child is not to touch it, not even to close it.
 */
struct mpm_server;

/** What happens to what a dead process holds, as a Lock: see --on-owner-death in mpmd(1). */
enum mpm_death_policy {
    MPM_DEATH_KEEP,    /* as in CPython: it stays taken, and the log has a warning */
    MPM_DEATH_RELEASE, /* it is handed on */
    MPM_DEATH_BREAK    /* it raises for everyone, as a broken barrier does */
};

enum mpm_log_level {
    MPM_LOG_NONE = -1,
    MPM_LOG_ERROR,
    MPM_LOG_WARNING,
    MPM_LOG_INFO,
    MPM_LOG_DEBUG
};

/**
 * Gets each line of the server's log.
 *
 * level  how important it is
 * area   what part of the server says it: "server", "session", "auth"...
 * text   `key=value ...`, without time, level and newline; bytes of peers are escaped, keys and values never appear
 *
 * Called in the thread that uses the server, in the middle of its work: of the functions here it may call
 * mpm_server_stop() only.
 */
typedef void mpm_log_call(void *user, enum mpm_log_level level, const char *area, const char *text);

/** Zero it, set `size`, give an authkey, then what you need. Everything is copied. */
struct mpm_server_options {
    size_t size;                          /* sizeof(struct mpm_server_options) */
    const char *const *listen;            /* "/path", "@name", "host:port", "[v6]:port" (port 0: any) */
    size_t n_listen;                      /* 0: a new socket in a private directory */
    const void *authkey;                  /* what clients have to prove that they know */
    size_t authkey_len;                   /* bytes; 1 to 65536 */
    const char *const *registrations;     /* "NAME=TYPE" or "NAME=TYPE(ARGUMENTS)": objects to be found by name */
    size_t n_registrations;
    enum mpm_death_policy on_owner_death;
    int queue_requests;                   /* 1: --when-parked queue */
    size_t max_connections;               /* 0: 16384 */
    uint64_t max_message;                 /* bytes of the longest request; 0: 256 MiB */
    uint64_t max_memory;                  /* bytes of all stored values; 0: no limit */
    int64_t auth_timeout_ns;              /* for proving the key; 0: 10 s; MPM_FOREVER: no limit */
    mpm_log_call *log;                    /* NULL: no log */
    void *log_user;                       /* for `log` */
    enum mpm_log_level log_level;         /* the least important that is wanted; 0 is MPM_LOG_ERROR */
};

/**
 * Bind all addresses and listen. Clients can connect from now on; they are answered when the server runs.
 *
 * options  borrowed; the library has no other copy of the authkey than the one that it proves keys with
 * out      returned, free with mpm_server_close()
 *
 * The path of an AF_UNIX socket gets mode 0600; one that a dead server left behind is replaced, that of a live one is
 * an error. A host name is looked up, which may take time.
 *
 * Returns 0, MPM_EINVAL (err: which option, what to give), MPM_EIO (err: which address, what is wrong) or MPM_ENOMEM.
 * Since 0.1.
 */
MPM_API int mpm_server_open(const struct mpm_server_options *options, struct mpm_server **out, struct mpm_error *err);

/** Closes every connection and removes the sockets from the file system. It must not run any more: first
 * mpm_server_stop(), then wait until mpm_server_run() has returned. A server that never ran, or that advances, may be
 * closed at any time. NULL is allowed. Since 0.1. */
MPM_API void mpm_server_close(struct mpm_server *server);

/** The address number i, as clients want it, with the port that 0 became; NULL: there are not so many. Valid until
 * mpm_server_close(). Any thread may ask. Since 0.1. */
MPM_API const char *mpm_server_address(const struct mpm_server *server, size_t i);

/**
 * Serve, until mpm_server_stop() or a client's shutdown request. Then nobody is let in any more, what has arrived is
 * answered, calls that wait are dropped, and for up to 5 seconds (or until a second mpm_server_stop()) peers may read
 * what is left for them.
 *
 * Returns 0, or MPM_EIO (err: why the loop cannot go on). A server runs once: then 0 comes back at once. Since 0.1.
 */
MPM_API int mpm_server_run(struct mpm_server *server, struct mpm_error *err);

/** Asks it to end, as described above; returns at once. From any thread and from signal handlers, any number of times,
 * before mpm_server_run(), too; not after mpm_server_close(). Since 0.1. */
MPM_API void mpm_server_stop(struct mpm_server *server);

/** For the loop of the program: a descriptor that is readable when mpm_server_advance() has something to do. It stays
 * the same; never read or close it. Since 0.1. */
MPM_API int mpm_server_fd(const struct mpm_server *server);

/** How long the program's loop may wait for mpm_server_fd() before it calls mpm_server_advance() anyway: 0 is at once,
 * MPM_FOREVER has no limit. To be asked after each mpm_server_advance(). Since 0.1. */
MPM_API int64_t mpm_server_timeout_ns(struct mpm_server *server);

/**
 * Do what is to be done now, without waiting. A turn does a bounded amount of work for each connection.
 *
 * Returns MPM_EAGAIN (it serves: wait and call again), 0 (it has ended, by mpm_server_stop() or a client's request:
 * only closing it is left) or MPM_EIO. Since 0.1.
 */
MPM_API int mpm_server_advance(struct mpm_server *server, struct mpm_error *err);

#ifdef __cplusplus
}
#endif
#endif

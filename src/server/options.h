/* options.h - the command line of mpmd: one table makes the parser, the help text and the check of the man page.
 * Layer: server. */
#ifndef MPM_SERVER_OPTIONS_H
#define MPM_SERVER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <mpmd/error.h>

#include "base/log.h"
#include "core/hub.h"
#include "net/address.h"
#include "server/key.h"

/* Defaults; the reasons are in mpmd(1). */
#define MPM_DEFAULT_MAX_CONNECTIONS 16384
#define MPM_DEFAULT_MAX_MESSAGE_M 256
#define MPM_DEFAULT_AUTH_TIMEOUT_S 10
#define MPM_LIMIT_CONNECTIONS 1048576
#define MPM_LIMIT_MESSAGE_MIN 1024 /* the longest one is UINT32_MAX: the core counts places in 32 bits */

struct mpm_options {
    struct mpm_address *listen;     /* empty: a private socket */
    size_t n_listen;
    const char **registered;        /* NAME=TYPE[(ARGUMENTS)], from argv */
    size_t n_registered;
    struct mpm_key key;
    int ready_fd;
    int lifeline_fd;                /* -1: none */
    int setup_fd;                   /* -1: none */
    enum mpm_death_policy on_owner_death;
    bool queue_requests;
    size_t max_connections;
    uint64_t max_message, max_memory; /* bytes; max_memory 0: no limit */
    int64_t auth_timeout_ns;          /* MPM_FOREVER: none */
    enum mpm_log_level log_level;
    bool wants_help, wants_version;   /* nothing else is asked then */
};

/* One row of the table. */
struct mpm_option {
    const char *name;     /* without the dashes */
    char short_name;      /* 0: none */
    const char *argument; /* what help calls it; NULL: takes none */
    bool repeats;
    const char *help;     /* lines of help text, separated by \n */
    /* Stores the value. Returns 0, MPM_EINVAL (err: what to give) or MPM_ENOMEM. */
    int (*parse)(struct mpm_options *o, const char *value, struct mpm_error *err);
};
extern const struct mpm_option mpm__option_table[];
extern const size_t mpm__n_options;

/* Every default, and nothing to be wiped. */
void mpm__options_init(struct mpm_options *o);
/* One more --listen, one more --register (borrowed). Returns 0, MPM_EINVAL (err, not NULL: the value, and what to give
 * instead) or MPM_ENOMEM. */
int mpm__options_add_listen(struct mpm_options *o, const char *value, struct mpm_error *err);
int mpm__options_add_registered(struct mpm_options *o, const char *value, struct mpm_error *err);

/*
 * Reads the command line into *o, which gets every default first. What o points to in argv is borrowed.
 * Returns 0, MPM_EINVAL (err: the option, its value and what to give instead) or MPM_ENOMEM; *o is to be wiped in any
 * case. Reads no file: see mpm__key_read().
 */
int mpm__options_parse(struct mpm_options *o, int argc, char **argv, struct mpm_error *err);
/* Frees what o has. */
void mpm__options_wipe(struct mpm_options *o);

void mpm__options_help(FILE *out);

#endif

/*
 * options.c - the command line of mpmd. Layer: server. The authkey that it names is key.c's.
 *
 * Everything about an option stands in its row of the table: adding one is a row, a parse function, and an entry in
 * doc/man/mpmd.1 (a test compares). Opens nothing; whether an address can be bound or a --register makes
 * sense is for those who use it to say.
 */
#include "server/options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "object/object.h"
#include "server/optvalue.h"

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define SHOWN MPM_OPT_SHOWN

/* --- options ------------------------------------------------------------------------------------------------------ */

int
mpm__options_add_listen(struct mpm_options *o, const char *value, struct mpm_error *err)
{
    struct mpm_address *more = mpm__resize(o->listen, o->n_listen + 1, sizeof *more);

    if (more == NULL)
        return mpm__fail(err, MPM_ENOMEM, 0, "out of memory");
    o->listen = more;
    if (value[0] == '\0')
        return mpm__opt_bad(err, value, "the address is empty; give a path, @name, host:port or [v6]:port");
    return mpm__address_parse(value, &more[o->n_listen], err) != 0 ? err->code : (o->n_listen++, 0);
}

static int
parse_authkey_file(struct mpm_options *o, const char *value, struct mpm_error *err)
{
    return mpm__key_name(&o->key, MPM_KEY_FILE, value, err);
}

static int
parse_authkey_env(struct mpm_options *o, const char *value, struct mpm_error *err)
{
    return mpm__key_name(&o->key, MPM_KEY_ENV, value, err);
}

static int
parse_authkey_fd(struct mpm_options *o, const char *value, struct mpm_error *err)
{
    return mpm__key_name(&o->key, MPM_KEY_FD, value, err);
}

static int
parse_ready_fd(struct mpm_options *o, const char *value, struct mpm_error *err)
{
    return mpm__opt_fd(value, &o->ready_fd, err);
}

static int
parse_lifeline_fd(struct mpm_options *o, const char *value, struct mpm_error *err)
{
    return mpm__opt_fd(value, &o->lifeline_fd, err);
}

static int
parse_setup_fd(struct mpm_options *o, const char *value, struct mpm_error *err)
{
    return mpm__opt_fd(value, &o->setup_fd, err);
}

int
mpm__options_add_registered(struct mpm_options *o, const char *value, struct mpm_error *err)
{
    const char **more = mpm__resize(o->registered, o->n_registered + 1, sizeof *more);
    const char *equals = strchr(value, '=');

    if (more == NULL)
        return mpm__fail(err, MPM_ENOMEM, 0, "out of memory");
    o->registered = more;
    if (equals == NULL || equals == value || equals[1] == '\0')
        return mpm__opt_bad(err, value, "give NAME=TYPE or NAME=TYPE(ARGUMENTS), as get_lock=Lock");
    more[o->n_registered++] = value;
    return 0;
}

static int
parse_on_owner_death(struct mpm_options *o, const char *value, struct mpm_error *err)
{
    static const char *const words[] = {
        [MPM_DEATH_KEEP] = "keep", [MPM_DEATH_RELEASE] = "release", [MPM_DEATH_BREAK] = "break"};
    int i = mpm__opt_word(value, words, 3);

    if (i < 0)
        return mpm__opt_bad(err, value, "give keep, release or break");
    o->on_owner_death = (enum mpm_death_policy)i;
    return 0;
}

static int
parse_when_parked(struct mpm_options *o, const char *value, struct mpm_error *err)
{
    static const char *const words[] = {"cancel", "queue"};
    int i = mpm__opt_word(value, words, 2);

    if (i < 0)
        return mpm__opt_bad(err, value, "give cancel or queue");
    o->queue_requests = i == 1;
    return 0;
}

static int
parse_max_connections(struct mpm_options *o, const char *value, struct mpm_error *err)
{
    uint64_t v;
    int r = mpm__opt_number(value, 1, MPM_LIMIT_CONNECTIONS, &v, err);

    if (r == 0)
        o->max_connections = (size_t)v;
    return r;
}

static int
parse_max_message(struct mpm_options *o, const char *value, struct mpm_error *err)
{
    return mpm__opt_bytes(value, MPM_LIMIT_MESSAGE_MIN, UINT32_MAX, &o->max_message, err);
}

static int
parse_max_memory(struct mpm_options *o, const char *value, struct mpm_error *err)
{
    return mpm__opt_bytes(value, 0, INT64_MAX, &o->max_memory, err);
}

static int
parse_auth_timeout(struct mpm_options *o, const char *value, struct mpm_error *err)
{
    int r = mpm__opt_seconds(value, &o->auth_timeout_ns, err);

    if (r == 0 && o->auth_timeout_ns == 0)
        o->auth_timeout_ns = MPM_FOREVER;
    return r;
}

static int
parse_log_level(struct mpm_options *o, const char *value, struct mpm_error *err)
{
    int level = mpm__log_level_from(value);

    if (level < 0)
        return mpm__opt_bad(err, value, "give error, warning, info or debug");
    o->log_level = (enum mpm_log_level)level;
    return 0;
}

static int
parse_version(struct mpm_options *o, const char *value, struct mpm_error *err)
{
    (void)value;
    (void)err;
    o->wants_version = true;
    return 0;
}

static int
parse_help(struct mpm_options *o, const char *value, struct mpm_error *err)
{
    (void)value;
    (void)err;
    o->wants_help = true;
    return 0;
}

const struct mpm_option mpm__option_table[] = {
    {"listen", 0, "ADDRESS", true,
        "path, @name (abstract), host:port or [v6]:port; port 0 means any;\n"
        "default: a new socket in a private directory", mpm__options_add_listen},
    {"authkey-file", 0, "FILE", false,
        "the key is in FILE (- is standard input), less one final newline;\n"
        "nobody else may be able to read it", parse_authkey_file},
    {"authkey-env", 0, "NAME", false, "the key is in the environment variable NAME", parse_authkey_env},
    {"authkey-fd", 0, "N", false, "the key is every byte that comes from descriptor N", parse_authkey_fd},
    {"ready-fd", 0, "N", false,
        "write the bound addresses there, one a line, and close it;\n"
        "default: 1, standard output", parse_ready_fd},
    {"lifeline-fd", 0, "N", false, "end when N reaches its end", parse_lifeline_fd},
    {"register", 0, "NAME=TYPE[(ARGUMENTS)]", true,
        "one shared object under a name of its own, as get_lock=Lock", mpm__options_add_registered},
    {"setup-fd", 0, "N", false,
        "make and fill objects as the messages from descriptor N say, before\n"
        "the first client", parse_setup_fd},
    {"on-owner-death", 0, "keep|release|break", false,
        "what happens to what a dead process holds; default: keep", parse_on_owner_death},
    {"when-parked", 0, "cancel|queue", false,
        "what a request does whose connection still waits for an earlier one:\n"
        "cancel that one, or queue behind it; default: cancel", parse_when_parked},
    {"max-connections", 0, "N", false,
        "further ones are closed at once; default: " TEXT(MPM_DEFAULT_MAX_CONNECTIONS), parse_max_connections},
    {"max-message", 0, "BYTES", false,
        "longest request, as 64M; default: " TEXT(MPM_DEFAULT_MAX_MESSAGE_M) "M", parse_max_message},
    {"max-memory", 0, "BYTES", false, "limit for all stored values; default: 0, none", parse_max_memory},
    {"auth-timeout", 0, "SECONDS", false,
        "time to prove the key; 0: no limit; default: " TEXT(MPM_DEFAULT_AUTH_TIMEOUT_S), parse_auth_timeout},
    {"log-level", 0, "LEVEL", false, "error, warning, info or debug; default: info", parse_log_level},
    {"version", 'V', NULL, false, "print the version and end", parse_version},
    {"help", 'h', NULL, false, "print this text and end", parse_help},
};
const size_t mpm__n_options = sizeof mpm__option_table / sizeof mpm__option_table[0];

#define N_OPTIONS (sizeof mpm__option_table / sizeof mpm__option_table[0])
#define LONG_ONLY 256 /* getopt's value of a row is its index and this */

void
mpm__options_init(struct mpm_options *o)
{
    *o = (struct mpm_options){
        .ready_fd = STDOUT_FILENO,
        .lifeline_fd = -1,
        .setup_fd = -1,
        .on_owner_death = MPM_DEATH_KEEP,
        .max_connections = MPM_DEFAULT_MAX_CONNECTIONS,
        .max_message = (uint64_t)MPM_DEFAULT_MAX_MESSAGE_M << 20,
        .auth_timeout_ns = MPM_DEFAULT_AUTH_TIMEOUT_S * INT64_C(1000000000),
        .log_level = MPM_LOG_INFO,
    };
}

int
mpm__options_parse(struct mpm_options *o, int argc, char **argv, struct mpm_error *err)
{
    struct option longs[N_OPTIONS + 1] = {0};
    char shorts[2 * N_OPTIONS + 3] = "+:", *s = shorts + 2;
    struct mpm_error why = {0};
    int c;

    mpm__options_init(o);
    for (size_t i = 0; i < N_OPTIONS; i++) {
        const struct mpm_option *row = &mpm__option_table[i];

        longs[i] = (struct option){row->name, row->argument != NULL ? required_argument : no_argument, NULL,
            LONG_ONLY + (int)i};
        if (row->short_name != 0) {
            *s++ = row->short_name;
            if (row->argument != NULL)
                *s++ = ':';
        }
    }

    optind = 0; /* glibc and musl: start afresh */
    opterr = 0;
    while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        const struct mpm_option *row = NULL;
        int r;

        if (c == ':')
            return mpm__fail(err, MPM_EINVAL, 0, "%.*s: a value is missing", SHOWN, argv[optind - 1]);
        if (c == '?' && optopt >= LONG_ONLY)
            return mpm__fail(err, MPM_EINVAL, 0, "%.*s: takes no value", SHOWN, argv[optind - 1]);
        if (c == '?' && optopt != 0)
            return mpm__fail(err, MPM_EINVAL, 0, "-%c: unknown option", optopt);
        if (c == '?')
            return mpm__fail(err, MPM_EINVAL, 0, "%.*s: unknown option", SHOWN, argv[optind - 1]);
        for (size_t i = 0; row == NULL; i++)
            if (c == LONG_ONLY + (int)i || c == mpm__option_table[i].short_name)
                row = &mpm__option_table[i];
        if ((r = row->parse(o, optarg, &why)) != 0)
            return mpm__fail(err, r, 0, "--%s %s", row->name, why.text);
    }
    if (o->wants_help || o->wants_version)
        return 0;
    if (optind < argc)
        return mpm__fail(err, MPM_EINVAL, 0, "'%.*s': not an option; an address is given with --listen", SHOWN,
            argv[optind]);
    if (o->key.source == MPM_KEY_NONE)
        return mpm__fail(err, MPM_EINVAL, 0,
            "no authkey: give --authkey-file FILE, --authkey-env NAME or --authkey-fd N; clients need the same key");
    if (o->lifeline_fd == STDIN_FILENO
        && ((o->key.source == MPM_KEY_FILE && strcmp(o->key.name, "-") == 0)
            || (o->key.source == MPM_KEY_FD && o->key.fd == STDIN_FILENO)))
        return mpm__fail(err, MPM_EINVAL, 0, "standard input cannot be the authkey and the lifeline at once");
    return 0;
}

void
mpm__options_help(FILE *out)
{
    const int column = 26, width = 100;
    const char *name;
    int n;

    fputs("usage: mpmd --authkey-file FILE [OPTION]...\n"
          "Serves managed objects to stock multiprocessing.managers clients of Python.\n\n", out);
    for (size_t i = 0; i < N_OPTIONS; i++) {
        const struct mpm_option *row = &mpm__option_table[i];
        const char *line = row->help;
        int at = row->short_name != 0 ? fprintf(out, "  -%c, ", row->short_name) : fprintf(out, "  ");

        at += fprintf(out, "--%s%s%s%s", row->name, row->argument != NULL ? " " : "",
            row->argument != NULL ? row->argument : "", row->repeats ? " ..." : "");
        while (line != NULL) {
            const char *end = strchr(line, '\n');

            if (at >= column)
                at = (fputc('\n', out), 0);
            fprintf(out, "%*s%.*s\n", column - at, "", (int)(end != NULL ? end - line : (ptrdiff_t)strlen(line)), line);
            at = 0;
            line = end != NULL ? end + 1 : NULL;
        }
    }
    n = fprintf(out, "\nTypes:") - 1;
    for (size_t i = 0; (name = mpm_type_name(i)) != NULL; i++) {
        if (n + 1 + (int)strlen(name) > width)
            n = fprintf(out, "\n      ") - 1;
        n += fprintf(out, " %s", name);
    }
    fputs("\nExit status: 0 done, 1 failure, 2 wrong usage. More: man mpmd\n", out);
}

void
mpm__options_wipe(struct mpm_options *o)
{
    mpm__key_wipe(&o->key);
    mpm__free(o->listen);
    mpm__free(o->registered);
    o->listen = NULL;
    o->registered = NULL;
    o->n_listen = o->n_registered = 0;
}

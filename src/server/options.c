/*
 * options.c - the command line of mpmd, and the authkey that it names. Layer: server.
 *
 * Everything about an option stands in its row of the table: adding one is a row, a parse function, and an entry in
 * doc/man/mpmd.1 (a test compares). Opens nothing but the key; whether an address can be bound or a --register makes
 * sense is for those who use it to say.
 */
#include "server/options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "object/object.h"

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define SHOWN 48 /* so much of a bad value is repeated in the message */

/* --- values ------------------------------------------------------------------------------------------------------- */

static int
bad(struct mpm_error *err, const char *value, const char *advice)
{
    return mpm__fail(err, MPM_EINVAL, 0, "'%.*s': %s", SHOWN, value, advice);
}

/* Decimal digits at *text; moves behind them. Returns whether there is a number that fits. */
static bool
read_digits(const char **text, uint64_t *out)
{
    const char *p = *text;
    uint64_t v = 0;

    for (; *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
            return false;
    *out = v;
    return p != *text && (*text = p, true);
}

static int
read_number(const char *value, uint64_t min, uint64_t max, uint64_t *out, struct mpm_error *err)
{
    const char *p = value;
    uint64_t v;

    if (!read_digits(&p, &v) || *p != '\0' || v < min || v > max)
        return mpm__fail(err, MPM_EINVAL, 0, "'%.*s': give a number from %llu to %llu", SHOWN, value,
            (unsigned long long)min, (unsigned long long)max);
    *out = v;
    return 0;
}

/* 4096, 64K, 100M, 1G */
static int
read_bytes(const char *value, uint64_t min, uint64_t max, uint64_t *out, struct mpm_error *err)
{
    const char *p = value;
    unsigned shift = 0;
    uint64_t v;
    bool ok = read_digits(&p, &v);

    if (ok && *p != '\0') {
        shift = *p == 'K' || *p == 'k' ? 10 : *p == 'M' || *p == 'm' ? 20 : *p == 'G' || *p == 'g' ? 30 : 0;
        ok = shift != 0 && p[1] == '\0' && v <= UINT64_MAX >> shift;
    }
    if (!ok || v << shift < min || v << shift > max)
        return mpm__fail(err, MPM_EINVAL, 0, "'%.*s': give bytes from %llu to %llu; K, M and G may follow (64M)", SHOWN,
            value, (unsigned long long)min, (unsigned long long)max);
    *out = v << shift;
    return 0;
}

/* 10, 0.5 */
static int
read_seconds(const char *value, int64_t *out_ns, struct mpm_error *err)
{
    const uint64_t max_s = 1000000000; /* 31 years, and still far from the end of int64_t ns */
    const char *p = value;
    uint64_t s = 0, ns = 0;
    bool ok = *p == '.' ? p[1] != '\0' : read_digits(&p, &s);

    if (ok && *p == '.')
        for (uint64_t unit = 100000000; *++p >= '0' && *p <= '9'; unit /= 10)
            ns += unit * (uint64_t)(*p - '0');
    if (!ok || *p != '\0' || s > max_s)
        return bad(err, value, "give seconds, as 10 or 0.5; 0 means no limit");
    *out_ns = (int64_t)(s * 1000000000 + ns);
    return 0;
}

static int
read_fd(const char *value, int *out, struct mpm_error *err)
{
    uint64_t v;

    if (read_number(value, 0, 1048575, &v, NULL) != 0)
        return bad(err, value, "give the number of an open file descriptor");
    *out = (int)v;
    return 0;
}

/* The index of value in words, or -1. */
static int
find_word(const char *value, const char *const words[], int n)
{
    for (int i = 0; i < n; i++)
        if (strcmp(value, words[i]) == 0)
            return i;
    return -1;
}

/* --- options ------------------------------------------------------------------------------------------------------ */

int
mpm__options_add_listen(struct mpm_options *o, const char *value, struct mpm_error *err)
{
    struct mpm_address *more = mpm__resize(o->listen, o->n_listen + 1, sizeof *more);

    if (more == NULL)
        return mpm__fail(err, MPM_ENOMEM, 0, "out of memory");
    o->listen = more;
    if (value[0] == '\0')
        return bad(err, value, "the address is empty; give a path, @name, host:port or [v6]:port");
    return mpm__address_parse(value, &more[o->n_listen], err) != 0 ? err->code : (o->n_listen++, 0);
}

static int
set_key(struct mpm_options *o, enum mpm_key_source source, const char *value, struct mpm_error *err)
{
    if (o->key_source != MPM_KEY_NONE)
        return bad(err, value, "a second authkey; give one of --authkey-file, --authkey-env and --authkey-fd");
    if (value[0] == '\0')
        return bad(err, value, "the name is empty");
    o->key_source = source;
    o->key_name = value;
    return source == MPM_KEY_FD ? read_fd(value, &o->key_fd, err) : 0;
}

static int
parse_authkey_file(struct mpm_options *o, const char *value, struct mpm_error *err)
{
    return set_key(o, MPM_KEY_FILE, value, err);
}

static int
parse_authkey_env(struct mpm_options *o, const char *value, struct mpm_error *err)
{
    return set_key(o, MPM_KEY_ENV, value, err);
}

static int
parse_authkey_fd(struct mpm_options *o, const char *value, struct mpm_error *err)
{
    return set_key(o, MPM_KEY_FD, value, err);
}

static int
parse_ready_fd(struct mpm_options *o, const char *value, struct mpm_error *err)
{
    return read_fd(value, &o->ready_fd, err);
}

static int
parse_lifeline_fd(struct mpm_options *o, const char *value, struct mpm_error *err)
{
    return read_fd(value, &o->lifeline_fd, err);
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
        return bad(err, value, "give NAME=TYPE or NAME=TYPE(ARGUMENTS), as get_lock=Lock");
    more[o->n_registered++] = value;
    return 0;
}

static int
parse_on_owner_death(struct mpm_options *o, const char *value, struct mpm_error *err)
{
    static const char *const words[] = {
        [MPM_DEATH_KEEP] = "keep", [MPM_DEATH_RELEASE] = "release", [MPM_DEATH_BREAK] = "break"};
    int i = find_word(value, words, 3);

    if (i < 0)
        return bad(err, value, "give keep, release or break");
    o->on_owner_death = (enum mpm_death_policy)i;
    return 0;
}

static int
parse_when_parked(struct mpm_options *o, const char *value, struct mpm_error *err)
{
    static const char *const words[] = {"cancel", "queue"};
    int i = find_word(value, words, 2);

    if (i < 0)
        return bad(err, value, "give cancel or queue");
    o->queue_requests = i == 1;
    return 0;
}

static int
parse_max_connections(struct mpm_options *o, const char *value, struct mpm_error *err)
{
    uint64_t v;
    int r = read_number(value, 1, MPM_LIMIT_CONNECTIONS, &v, err);

    if (r == 0)
        o->max_connections = (size_t)v;
    return r;
}

static int
parse_max_message(struct mpm_options *o, const char *value, struct mpm_error *err)
{
    return read_bytes(value, MPM_LIMIT_MESSAGE_MIN, UINT32_MAX, &o->max_message, err);
}

static int
parse_max_memory(struct mpm_options *o, const char *value, struct mpm_error *err)
{
    return read_bytes(value, 0, INT64_MAX, &o->max_memory, err);
}

static int
parse_auth_timeout(struct mpm_options *o, const char *value, struct mpm_error *err)
{
    int r = read_seconds(value, &o->auth_timeout_ns, err);

    if (r == 0 && o->auth_timeout_ns == 0)
        o->auth_timeout_ns = MPM_FOREVER;
    return r;
}

static int
parse_log_level(struct mpm_options *o, const char *value, struct mpm_error *err)
{
    int level = mpm__log_level_from(value);

    if (level < 0)
        return bad(err, value, "give error, warning, info or debug");
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
    if (o->key_source == MPM_KEY_NONE)
        return mpm__fail(err, MPM_EINVAL, 0,
            "no authkey: give --authkey-file FILE, --authkey-env NAME or --authkey-fd N; clients need the same key");
    if (o->lifeline_fd == STDIN_FILENO
        && ((o->key_source == MPM_KEY_FILE && strcmp(o->key_name, "-") == 0)
            || (o->key_source == MPM_KEY_FD && o->key_fd == STDIN_FILENO)))
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

/* --- the key ------------------------------------------------------------------------------------------------------ */

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
key_failed(struct mpm_error *err, const struct mpm_options *o, const char *what, const char *advice)
{
    static const char *const names[] = {
        [MPM_KEY_FILE] = "file", [MPM_KEY_ENV] = "env", [MPM_KEY_FD] = "fd"};

    size_t len = strlen(o->key_name), skip = len > 2 * SHOWN ? len - 2 * SHOWN : 0; /* a path's end tells most */

    return mpm__fail(err, MPM_EIO, 0, "--authkey-%s %s%s: %s%s%s", names[o->key_source], skip != 0 ? "..." : "",
        o->key_name + skip, what, advice[0] != '\0' ? "; " : "", advice);
}

/* Everything up to the end of fd. */
static int
read_key(struct mpm_options *o, int fd, struct mpm_error *err)
{
    size_t len = 0;
    ssize_t n;

    do {
        n = read(fd, o->authkey + len, MPM_KEY_MAX + 2 - len);
        if (n > 0)
            len += (size_t)n;
    } while (n > 0 || (n < 0 && errno == EINTR));
    if (n < 0)
        return key_failed(err, o, strerror(errno),
            o->key_source == MPM_KEY_FD ? "give a descriptor that is open for reading"
                                           : "give a file or a pipe with the key");
    o->authkey_len = len;
    return 0;
}

static int
read_key_file(struct mpm_options *o, struct mpm_error *err)
{
    bool is_stdin = strcmp(o->key_name, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(o->key_name, O_RDONLY | O_CLOEXEC | O_NOCTTY), r;
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0) {
        r = key_failed(err, o, strerror(errno),
            errno == ENOENT ? "make it: umask 077; head -c 32 /dev/urandom | base64 > FILE" : "");
    } else if (!is_stdin && S_ISREG(st.st_mode) && (st.st_mode & 077) != 0 && !is_credential(o->key_name)) {
        r = mpm__fail(err, MPM_EIO, 0, "--authkey-file: others can read or change it (mode %04o); run: chmod 600 %s",
            (unsigned)(st.st_mode & 07777), o->key_name);
    } else {
        r = read_key(o, fd, err);
    }
    if (fd >= 0 && !is_stdin)
        close(fd);
    if (r == 0 && o->authkey_len != 0 && o->authkey[o->authkey_len - 1] == '\n')
        o->authkey[--o->authkey_len] = '\0';
    return r;
}

static int
read_key_env(struct mpm_options *o, struct mpm_error *err)
{
    char *value = getenv(o->key_name);
    size_t len;

    if (value == NULL)
        return key_failed(err, o, "no such variable in the environment", "set it or use --authkey-file");
    len = strlen(value);
    o->authkey_len = len < MPM_KEY_MAX + 2 ? len : MPM_KEY_MAX + 2;
    memcpy(o->authkey, value, o->authkey_len);
    explicit_bzero(value, len); /* out of /proc/PID/environ */
    unsetenv(o->key_name);
    return 0;
}

int
mpm__options_read_key(struct mpm_options *o, struct mpm_error *err)
{
    int r;

    if ((o->authkey = mpm__alloc(MPM_KEY_MAX + 2)) == NULL)
        return mpm__fail(err, MPM_ENOMEM, 0, "out of memory");
    switch (o->key_source) {
    case MPM_KEY_FILE:
        r = read_key_file(o, err);
        break;
    case MPM_KEY_ENV:
        r = read_key_env(o, err);
        break;
    default:
        r = read_key(o, o->key_fd, err);
        if (o->key_fd > STDERR_FILENO)
            close(o->key_fd);
    }
    if (r == 0 && o->authkey_len == 0)
        r = key_failed(err, o, "the key is empty", "an empty key lets everybody in");
    if (r == 0 && o->authkey_len > MPM_KEY_MAX)
        r = key_failed(err, o, "the key is longer than " TEXT(MPM_KEY_MAX) " bytes", "");
    return r;
}

void
mpm__options_wipe_key(struct mpm_options *o)
{
    if (o->authkey != NULL)
        explicit_bzero(o->authkey, MPM_KEY_MAX + 2);
    mpm__free(o->authkey);
    o->authkey = NULL;
    o->authkey_len = 0;
}

void
mpm__options_wipe(struct mpm_options *o)
{
    mpm__options_wipe_key(o);
    mpm__free(o->listen);
    mpm__free(o->registered);
    o->listen = NULL;
    o->registered = NULL;
    o->n_listen = o->n_registered = 0;
}

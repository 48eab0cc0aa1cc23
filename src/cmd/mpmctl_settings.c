/*
 * mpmctl_settings.c - where the server is and what its key is: options, environment, file, in this order. Layer: cmd.
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/mpmctl.h"
#include "server/optvalue.h"

#define SECONDS INT64_C(1000000000)
#define LINE_MAX_LEN 4096

static int
fail(struct mpm_error *err, int code, const char *what, const char *value, const char *advice)
{
    err->code = code;
    snprintf(err->text, sizeof err->text, "%.60s%.*s: %s", what, MPM_OPT_SHOWN, value, advice);
    return code;
}

/* --- options ------------------------------------------------------------------------------------------------------ */

enum { KEY_FILE = 256, KEY_ENV, KEY_FD, CONFIG, TIMEOUT, JSON, INTERVAL, COUNT };

static const struct option longs[] = {
    { "address", required_argument, NULL, 'a' },
    { "authkey-file", required_argument, NULL, KEY_FILE },
    { "authkey-env", required_argument, NULL, KEY_ENV },
    { "authkey-fd", required_argument, NULL, KEY_FD },
    { "config", required_argument, NULL, CONFIG },
    { "timeout", required_argument, NULL, TIMEOUT },
    { "json", no_argument, NULL, JSON },
    { "interval", required_argument, NULL, INTERVAL },
    { "count", required_argument, NULL, COUNT },
    { "version", no_argument, NULL, 'V' },
    { "help", no_argument, NULL, 'h' },
    { 0 },
};

static const char *
long_name(int option)
{
    for (size_t i = 0; longs[i].name != NULL; i++)
        if (longs[i].val == option)
            return longs[i].name;
    return "";
}

static int
take_option(struct ctl *c, int option, const char *value, struct mpm_error *err)
{
    switch (option) {
    case 'a':
        if (value[0] == '\0')
            return mpm__opt_bad(err, value, "the address is empty; give a path, @name, host:port or [v6]:port");
        c->address = value;
        return 0;
    case KEY_FILE:
        return mpm__key_name(&c->key, MPM_KEY_FILE, value, err);
    case KEY_ENV:
        return mpm__key_name(&c->key, MPM_KEY_ENV, value, err);
    case KEY_FD:
        return mpm__key_name(&c->key, MPM_KEY_FD, value, err);
    case CONFIG:
        c->config = value;
        return 0;
    case TIMEOUT:
        return mpm__opt_seconds(value, &c->timeout_ns, err);
    case INTERVAL:
        if (mpm__opt_seconds(value, &c->interval_ns, err) != 0)
            return MPM_EINVAL;
        return c->interval_ns >= SECONDS / 100 ? 0 : mpm__opt_bad(err, value, "give 0.01 seconds or more");
    case COUNT:
        return mpm__opt_number(value, 1, 1000000000, &c->n_times, err);
    case JSON:
        c->json = true;
        return 0;
    case 'V':
        c->wants_version = true;
        return 0;
    default:
        c->wants_help = true;
        return 0;
    }
}

/* Options up to the first word that is none (`all`: all of them, wherever they stand). *n: where the words begin. */
static int
take_options(struct ctl *c, int argc, char **argv, bool all, int *n, struct mpm_error *err)
{
    struct mpm_error why = { 0 };
    int option, r;

    optind = 0; /* glibc and musl: start afresh */
    opterr = 0;
    while ((option = getopt_long(argc, argv, all ? ":a:Vh" : "+:a:Vh", longs, NULL)) != -1) {
        if (option == ':')
            return fail(err, MPM_EINVAL, "", argv[optind - 1], "a value is missing");
        if (option == '?' && optopt >= KEY_FILE)
            return fail(err, MPM_EINVAL, "", argv[optind - 1], "takes no value");
        if (option == '?' && optopt != 0)
            return fail(err, MPM_EINVAL, "-", (char[]){ (char)optopt, '\0' }, "unknown option");
        if (option == '?')
            return fail(err, MPM_EINVAL, "", argv[optind - 1], "unknown option");
        if ((r = take_option(c, option, optarg, &why)) != 0) {
            err->code = r;
            snprintf(err->text, sizeof err->text, "--%s %.120s", long_name(option), why.text);
            return r;
        }
    }
    *n = optind;
    return 0;
}

int
ctl_options(struct ctl *c, int argc, char **argv, struct mpm_error *err)
{
    int n, r;

    *c = (struct ctl){ .interval_ns = SECONDS };
    r = take_options(c, argc, argv, false, &n, err);
    if (r != 0 || n >= argc)
        return r;
    /* options may stand behind the command, too; of a call not behind the ident, where there are numbers like -1 */
    c->command = argv[n];
    argc -= n;
    argv += n;
    r = take_options(c, argc, argv, strcmp(c->command, "call") != 0, &n, err);
    c->args = argv + n;
    c->n_args = argc - n;
    return r;
}

/* --- the file ----------------------------------------------------------------------------------------------------- */

static char *
trim(char *text)
{
    size_t len;

    text += strspn(text, " \t");
    len = strlen(text);
    while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
        text[--len] = '\0';
    return text;
}

/* One line of the file: `key = value`. NULL: good; else what is wrong with it. */
static const char *
take_line(struct ctl *c, char *line, char *found[3])
{
    static const char *const keys[3] = { "address", "authkey-file", "authkey-env" };
    char *equals, *key, *value;
    int i;

    line = trim(line);
    if (line[0] == '\0' || line[0] == '#')
        return NULL;
    equals = strchr(line, '=');
    if (equals == NULL)
        return "expected `key = value`";
    *equals = '\0';
    key = trim(line);
    value = trim(equals + 1);
    i = mpm__opt_word(key, keys, 3);
    if (i < 0)
        return "unknown key; there are address, authkey-file and authkey-env";
    if (value[0] == '\0')
        return "the value is empty";
    if (found[i] != NULL)
        return "the key is given twice";
    if (i > 0 && found[3 - i] != NULL)
        return "a second authkey; give authkey-file or authkey-env";
    c->owned[i] = found[i] = ctl_copy(value, strlen(value));
    return NULL;
}

static int
read_file(struct ctl *c, const char *path, FILE *file, struct mpm_error *err)
{
    char line[LINE_MAX_LEN], at[32], *found[3] = { 0 };
    const char *wrong = NULL;
    int number = 0;

    while (wrong == NULL && fgets(line, sizeof line, file) != NULL) {
        number++;
        wrong = strlen(line) == sizeof line - 1 ? "the line is too long" : take_line(c, line, found);
    }
    if (wrong != NULL) {
        size_t len = strlen(path), skip = len > 60 ? len - 60 : 0;

        snprintf(at, sizeof at, ", line %d", number);
        return fail(err, MPM_EINVAL, path + skip, at, wrong);
    }
    if (ferror(file))
        return fail(err, MPM_EIO, path, "", strerror(errno));
    if (c->address == NULL)
        c->address = found[0];
    if (c->key.source == MPM_KEY_NONE && found[1] != NULL)
        return mpm__key_name(&c->key, MPM_KEY_FILE, found[1], err);
    if (c->key.source == MPM_KEY_NONE && found[2] != NULL)
        return mpm__key_name(&c->key, MPM_KEY_ENV, found[2], err);
    return 0;
}

static int
take_file(struct ctl *c, struct mpm_error *err)
{
    const char *dir = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    char path[4096];
    FILE *file;
    int r;

    if (c->config != NULL)
        snprintf(path, sizeof path, "%s", c->config);
    else if (dir != NULL && dir[0] == '/')
        snprintf(path, sizeof path, "%s/mpmd/mpmctl.conf", dir);
    else if (home != NULL && home[0] != '\0')
        snprintf(path, sizeof path, "%s/.config/mpmd/mpmctl.conf", home);
    else
        return 0;
    file = fopen(path, "re");
    if (file == NULL) /* only one that was asked for has to be there */
        return c->config == NULL && (errno == ENOENT || errno == ENOTDIR) ? 0
            : fail(err, MPM_EIO, "--config ", path, strerror(errno));
    r = read_file(c, path, file, err);
    fclose(file);
    return r;
}

/* --- all of it ---------------------------------------------------------------------------------------------------- */

static const char *
environment(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

int
ctl_defaults(struct ctl *c, struct mpm_error *err)
{
    const char *file = environment("MPMD_AUTHKEY_FILE"), *name = environment("MPMD_AUTHKEY_ENV");
    int r = 0;

    if (c->address == NULL)
        c->address = environment("MPMD_ADDRESS");
    if (c->key.source == MPM_KEY_NONE && file != NULL && name != NULL)
        return fail(err, MPM_EINVAL, "MPMD_AUTHKEY_FILE and MPMD_AUTHKEY_ENV", "", "both are set; set one of them");
    if (c->key.source == MPM_KEY_NONE && file != NULL)
        r = mpm__key_name(&c->key, MPM_KEY_FILE, file, err);
    else if (c->key.source == MPM_KEY_NONE && name != NULL)
        r = mpm__key_name(&c->key, MPM_KEY_ENV, name, err);
    if (r == 0 && (c->config != NULL || c->address == NULL || c->key.source == MPM_KEY_NONE))
        r = take_file(c, err);
    if (r == 0 && c->address == NULL)
        return fail(err, MPM_EINVAL, "no address", "",
            "give --address ADDRESS, set MPMD_ADDRESS, or write `address = ...` into ~/.config/mpmd/mpmctl.conf");
    if (r == 0 && c->key.source == MPM_KEY_NONE)
        return fail(err, MPM_EINVAL, "no authkey", "",
            "give --authkey-file FILE, --authkey-env NAME or --authkey-fd N, or set MPMD_AUTHKEY_FILE");
    return r;
}

void
ctl_wipe(struct ctl *c)
{
    mpm_client_close(c->client);
    mpm__key_wipe(&c->key);
    for (size_t i = 0; i < sizeof c->owned / sizeof *c->owned; i++)
        free(c->owned[i]);
    *c = (struct ctl){ 0 };
}

void
ctl_help(FILE *out)
{
    fputs("usage: mpmctl [OPTION]... COMMAND [ARGUMENT]...\n"
          "Looks at an mpmd server and its objects, and calls them.\n\n"
          "  ping                        is it there, who is it, how long does it take\n"
          "  ls                          objects: type, name, references, waiters, size, holder\n"
          "  show IDENT                  everything about one object\n"
          "  call IDENT METHOD [LITERAL | NAME=LITERAL]...\n"
          "                              calls a method and prints the result as Python does\n"
          "  waiters                     who waits for what since when, and whether that is a deadlock\n"
          "  holders                     who holds what, or has it on lease, since when\n"
          "  top                         operations per second, connections, memory; again and again\n"
          "  shutdown                    ends the server\n\n"
          "IDENT is an ident, TYPEID:IDENT[@ADDRESS], or a registered name.\n\n"
          "  -a, --address ADDRESS       path, @name (abstract), host:port or [v6]:port\n"
          "  --authkey-file FILE         the key is in FILE (- is standard input), less one final newline\n"
          "  --authkey-env NAME          the key is in the environment variable NAME\n"
          "  --authkey-fd N              the key is every byte that comes from descriptor N\n"
          "  --config FILE               default: $XDG_CONFIG_HOME/mpmd/mpmctl.conf\n"
          "  --timeout SECONDS           for connecting (default: 20) and for a call (default: no limit)\n"
          "  --json                      one JSON document; of top, one a line\n"
          "  --interval SECONDS          top: between two looks; default: 1\n"
          "  --count N                   top: end after N looks\n"
          "  -V, --version               print the version and end\n"
          "  -h, --help                  print this text and end\n\n"
          "Options come before the environment (MPMD_ADDRESS, MPMD_AUTHKEY_FILE,\n"
          "MPMD_AUTHKEY_ENV), that before the file.\n"
          "Exit status: 0 done, 1 failure, 2 wrong usage. More: man mpmctl\n", out);
}

/*
 * mpmd.c - the main function of the daemon: options, messages, exit codes. Layer: cmd.
 *
 * Everything that it does is in daemon.c.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <mpmd/mpmd.h>

#include "server/daemon.h"
#include "server/options.h"

enum { EXIT_USAGE = 2 };

static int
fail(int code, const struct mpm_error *err)
{
    fprintf(stderr, "mpmd: %s\n", err->text[0] != '\0' ? err->text : mpm_error_text(code));
    if (code != MPM_EINVAL)
        return EXIT_FAILURE;
    fputs("mpmd: `mpmd --help` lists the options\n", stderr);
    return EXIT_USAGE;
}

#ifdef MPM_WITH_NETTLE
#define WITHOUT ""
#else
#define WITHOUT " (without nettle: refuses Python 2.7 to 3.11)"
#endif

/* What goes to a standard error that is closed must not go to what gets its number. */
static void
keep_standard_error(void)
{
    int null;

    if (fcntl(STDERR_FILENO, F_GETFD) >= 0 || (null = open("/dev/null", O_WRONLY)) < 0 || null == STDERR_FILENO)
        return;
    dup2(null, STDERR_FILENO);
    close(null);
}

int
main(int argc, char **argv)
{
    struct mpm_options options;
    struct mpm_error err = {0};
    int r;

    keep_standard_error();
    r = mpm__options_parse(&options, argc, argv, &err);
    if (r == 0 && options.wants_help) {
        mpm__options_help(stdout);
        return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    if (r == 0 && options.wants_version)
        return printf("mpmd %s%s\n", mpm_version(), WITHOUT) > 0 && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    if (r == 0) {
        mpm__log_default.level = options.log_level;
        r = mpm__key_read(&options.key, &err);
    }
    if (r == 0)
        r = mpm__daemon_run(&options, &err);
    mpm__options_wipe(&options);
    return r != 0 ? fail(r, &err) : EXIT_SUCCESS;
}

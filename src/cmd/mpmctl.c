/*
 * mpmctl.c - the main function of the control program: which command, connecting, exit codes. Layer: cmd.
 *
 * A program on top of libmpmd's public functions; what it asks mpmd besides is in doc/protocol.md, section 11.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/mpmctl.h"

static const struct command {
    const char *name;
    int (*run)(struct ctl *c);
} commands[] = {
    { "ping", ctl_ping },
    { "ls", ctl_ls },
    { "show", ctl_show },
    { "call", ctl_call },
    { "waiters", ctl_waiters },
    { "holders", ctl_holders },
    { "top", ctl_top },
    { "shutdown", ctl_shutdown },
};

static double
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- ping and shutdown -------------------------------------------------------------------------------------------- */

static int
wants_no_arguments(const struct ctl *c)
{
    if (c->n_args == 0)
        return EXIT_SUCCESS;
    ctl_fail("%s takes no arguments: '%s'", c->command, c->args[0]);
    return CTL_USAGE;
}

int
ctl_ping(struct ctl *c)
{
    struct mpm_document *document;
    struct mpm_error err = { 0 };
    char *version = NULL;
    struct row row;
    double start, milliseconds;
    int r = wants_no_arguments(c), which;

    if (r != 0)
        return r;
    start = now();
    r = mpm_request(c->client, "dummy", NULL, NULL, NULL, &err);
    milliseconds = (now() - start) * 1e3;
    if (r != 0)
        return ctl_fail_with(c, r, &err);
    which = ctl_inspect(c, "server", NULL, &document);
    if (which == CTL_FAILED)
        return EXIT_FAILURE;
    if (which == 0) {
        if (row_open(mpm_document_root(document), &row) == 0) {
            version = row_text(&row, "version");
            row_close(&row);
        }
        mpm_document_close(document);
    }
    if (c->json) {
        json_begin(NULL, '{');
        json_text("address", c->address);
        json_text("server", which == 0 ? "mpmd" : "cpython");
        json_text("version", version);
        json_int("protocol", mpm_client_protocol(c->client));
        json_number("milliseconds", milliseconds);
        json_end('}');
        json_line();
    } else {
        ctl_put(stdout, c->address, strlen(c->address));
        if (which == 0) {
            printf(": mpmd ");
            ctl_put(stdout, version != NULL ? version : "?", strlen(version != NULL ? version : "?"));
        } else {
            printf(": a manager of CPython's own, or one like it, pickle protocol %d", mpm_client_protocol(c->client));
        }
        printf(", %.3f ms\n", milliseconds);
    }
    free(version);
    return EXIT_SUCCESS;
}

int
ctl_shutdown(struct ctl *c)
{
    struct mpm_error err = { 0 };
    int r = wants_no_arguments(c);

    if (r != 0)
        return r;
    r = mpm_request(c->client, "shutdown", NULL, NULL, NULL, &err);
    if (r != 0)
        return ctl_fail_with(c, r, &err);
    if (c->json) {
        json_begin(NULL, '{');
        json_bool("shutdown", true);
        json_end('}');
        json_line();
    }
    return EXIT_SUCCESS;
}

/* --- main --------------------------------------------------------------------------------------------------------- */

static const struct command *
find_command(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int
usage(const char *text)
{
    ctl_fail("%s", text);
    fputs("mpmctl: `mpmctl --help` lists commands and options\n", stderr);
    return CTL_USAGE;
}

/* An object named with its address needs no other; --address goes before it, the environment and the file after it. */
static void
take_address_of_token(struct ctl *c)
{
    const char *at;

    if (c->address != NULL || c->n_args == 0 || (strcmp(c->command, "show") != 0 && strcmp(c->command, "call") != 0))
        return;
    at = strchr(c->args[0], '@');
    if (at != NULL && at[1] != '\0' && memchr(c->args[0], ':', (size_t)(at - c->args[0])) != NULL)
        c->address = at + 1;
}

static int
connect_failed(const struct ctl *c, int code, const struct mpm_error *err)
{
    size_t len = strlen(c->address);

    switch (code) {
    case MPM_EAUTH:
        return ctl_fail("%s: the server has another authkey: %s", c->address, err->text);
    case MPM_ECONN:
    case MPM_ETIMEOUT:
        return ctl_fail("no server answers at %s: %s; is it running, and is that its address?", c->address,
            strncmp(err->text, c->address, len) == 0 && err->text[len] == ':' ? err->text + len + 2 : err->text);
    case MPM_EINVAL:
        ctl_fail("%s", err->text);
        return CTL_USAGE;
    default:
        return ctl_fail("%s: %s", c->address, err->text[0] != '\0' ? err->text : mpm_error_text(code));
    }
}

static int
run(struct ctl *c, const struct command *command)
{
    struct mpm_client_options options = { .size = sizeof options, .name = "mpmctl" };
    struct mpm_error err = { 0 };
    int r;

    take_address_of_token(c);
    r = ctl_defaults(c, &err);
    if (r == MPM_EINVAL)
        return usage(err.text);
    if (r == 0)
        r = mpm__key_read(&c->key, &err);
    if (r != 0)
        return ctl_fail("%s", err.text[0] != '\0' ? err.text : mpm_error_text(r));
    options.authkey = c->key.bytes;
    options.authkey_len = c->key.len;
    options.connect_timeout_ns = c->timeout_ns;
    r = mpm_client_open(c->address, &options, &c->client, &err);
    mpm__key_wipe(&c->key);
    return r != 0 ? connect_failed(c, r, &err) : command->run(c);
}

int
main(int argc, char **argv)
{
    const struct command *command;
    struct mpm_error err = { 0 };
    struct ctl c;
    char text[128];
    int r = ctl_options(&c, argc, argv, &err);

    if (r != 0) {
        r = usage(err.text);
    } else if (c.wants_help) {
        ctl_help(stdout);
    } else if (c.wants_version) {
        printf("mpmctl %s\n", mpm_version());
    } else if (c.command == NULL) {
        r = usage("no command");
    } else if ((command = find_command(c.command)) == NULL) {
        snprintf(text, sizeof text, "'%.48s': unknown command", c.command);
        r = usage(text);
    } else {
        r = run(&c, command);
    }
    ctl_wipe(&c);
    if ((fflush(stdout) != 0 || ferror(stdout)) && r == EXIT_SUCCESS)
        r = ctl_fail("cannot write to standard output: %s", strerror(errno));
    return r;
}

/*
 * connection_driver.c - sends every message back that it gets. For pytests/test_connection.py.
 *
 *     connection_driver client|listen ADDRESS KEYFILE|-
 *
 * listen prints its address when it listens and serves one connection. Failures go to standard output as one line.
 */
#include <mpmd/connection.h>

#include <stdio.h>
#include <string.h>

static int
echo(struct mpm_connection *c, struct mpm_error *err)
{
    const void *bytes;
    size_t len;
    int r;

    while ((r = mpm_connection_receive(c, &bytes, &len, MPM_FOREVER, err)) == 0)
        if ((r = mpm_connection_send(c, bytes, len, MPM_FOREVER, err)) != 0)
            break;
    return r == MPM_ECONN && strcmp(err->text, "the peer closed the connection") == 0 ? 0 : r;
}

int
main(int argc, char **argv)
{
    struct mpm_connection_options options = { .size = sizeof options };
    struct mpm_connection *c = NULL;
    struct mpm_listener *l = NULL;
    struct mpm_error err = { 0 };
    char key[256];
    FILE *f;
    int r;

    if (argc != 4)
        return 2;
    if (strcmp(argv[3], "-") != 0) {
        if ((f = fopen(argv[3], "rb")) == NULL)
            return 2;
        options.authkey = key;
        options.authkey_len = fread(key, 1, sizeof key, f);
        fclose(f);
    }
    if (strcmp(argv[1], "listen") == 0) {
        r = mpm_listener_open(argv[2], 0, &l, &err);
        if (r == 0) {
            puts(mpm_listener_address(l));
            fflush(stdout);
            r = mpm_listener_accept(l, &options, MPM_FOREVER, &c, &err);
        }
    } else {
        r = mpm_connection_open(argv[2], &options, MPM_FOREVER, &c, &err);
    }
    if (r == 0)
        r = echo(c, &err);
    mpm_connection_close(c);
    mpm_listener_close(l);
    if (r != 0)
        printf("%s: %s\n", mpm_error_text(r), err.text);
    return r != 0;
}

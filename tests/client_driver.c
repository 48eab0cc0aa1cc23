/*
 * client_driver.c - a client that is told what to do, line by line. For pytests/test_client.py.
 *
 *     client_driver ADDRESS KEYFILE
 *
 *     NAME = TYPEID ARGUMENTS         creates; ARGUMENTS are a tuple literal
 *     NAME = NAME.METHOD ARGUMENTS    a method that returns a proxy
 *     NAME = TOKEN                    TYPEID:IDENT
 *     NAME.METHOD ARGUMENTS           prints the result's repr
 *     NAME.METHOD @NAME PROXYTYPE     the argument is a proxy
 *     NAME.METHOD %MODULE CLASS ARGUMENTS | STATE    ...an instance, as cls.__new__(cls, *ARGUMENTS) with a state
 *     NAME.METHOD %MODULE NAME ARGUMENTS             ...what calling that gives
 *     parts NAME.METHOD ARGUMENTS     prints the class of the result, an instance, and its arguments and states
 *     start NAME.METHOD ARGUMENTS     puts a call in line
 *     take                            waits for the oldest and prints as above
 *     token NAME, close NAME, protocol
 *
 * Each line is answered by one: a repr, "ok", "! type: text" of an exception, or "? code: text".
 */
#include <mpmd/client.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/known.h"

#define TIMEOUT (INT64_C(600) * 1000000000)

static struct mpm_client *client;

static void
report(int r, const struct mpm_error *err)
{
    const struct mpm_exception *e = mpm_client_exception(client);

    if (r == 0)
        puts("ok");
    else if (r == MPM_EREMOTE && e != NULL)
        printf("! %s: %s\n", e->type, e->text);
    else
        printf("? %s: %s\n", mpm_error_text(r), err->text);
}

static char *
split(char *text, const char *at)
{
    char *found = strstr(text, at);

    if (found == NULL)
        return NULL;
    *found = '\0';
    return found + strlen(at);
}

static void
put_instance(struct mpm_builder *b, char *module)
{
    char *name = split(module, " "), *args = split(name, " "), *state = split(args, " | ");

    mpm_put_begin(b, MPM_K_TUPLE);
    if (state != NULL)
        mpm_put_begin(b, MPM_K_OBJECT);
    else
        mpm_put_begin_call(b);
    mpm_put_class(b, module, name);
    if (mpm_put_literal(b, args, NULL) != 0 || (state != NULL && mpm_put_literal(b, state, NULL) != 0))
        exit(2);
    mpm_put_end(b);
    mpm_put_end(b);
}

static struct mpm_builder *
arguments(char *text)
{
    struct mpm_error err = { 0 };
    struct mpm_builder *b;
    char *type;

    if (mpm_client_builder(client, &b) != 0)
        abort();
    if (text[0] == '@') {
        type = strchr(text, ' ');
        *type++ = '\0';
        mpm_put_begin(b, MPM_K_TUPLE);
        mpm_put_proxy(b, *place_of(text + 1), type);
        mpm_put_end(b);
    } else if (text[0] == '%') {
        put_instance(b, text + 1);
    } else if (mpm_put_literal(b, text, &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(2);
    }
    return b;
}

static void
print_repr(struct mpm_ref ref)
{
    char *repr;
    size_t len;

    if (mpm_repr(ref, &repr, &len) != 0)
        abort();
    fputs(repr, stdout);
    mpm_free(repr);
}

static void
print_parts(struct mpm_ref ref)
{
    const char *module, *name;
    size_t module_len, name_len, n;
    struct mpm_ref *parts;

    if (mpm_kind(ref) != MPM_K_OBJECT || mpm_read_class(ref, &module, &module_len, &name, &name_len) != 0 ||
        mpm_read_parts(ref, &parts, &n) != 0) {
        fputs("no instance", stdout);
        return;
    }
    printf("%.*s.%.*s", (int)module_len, module, (int)name_len, name);
    for (size_t i = 1; i < n; i++) {
        fputs(i == 1 ? " " : " | ", stdout);
        print_repr(parts[i]);
    }
    mpm_free(parts);
}

static void
call(char *target, char *text, bool in_parts)
{
    struct mpm_error err = { 0 };
    struct mpm_document *d;
    struct mpm_builder *b = arguments(text);
    char *method = strchr(target, '.');
    int r;

    *method++ = '\0';
    r = mpm_call(*place_of(target), method, b, NULL, TIMEOUT, &d, &err);
    mpm_builder_close(b);
    if (r != 0) {
        report(r, &err);
        return;
    }
    if (in_parts)
        print_parts(mpm_document_root(d));
    else
        print_repr(mpm_document_root(d));
    puts("");
    mpm_document_close(d);
}

static void
start(char *target, char *text)
{
    struct mpm_error err = { 0 };
    struct mpm_builder *b = arguments(text);
    char *method = split(target, ".");

    report(mpm_start(*place_of(target), method, b, NULL, NULL, &err), &err);
    mpm_builder_close(b);
}

static void
take(void)
{
    struct mpm_error err = { 0 };
    struct mpm_document *d;
    int r = mpm_take(client, TIMEOUT, NULL, &d, &err);

    if (r != 0) {
        report(r, &err);
        return;
    }
    print_repr(mpm_document_root(d));
    puts("");
    mpm_document_close(d);
}

static void
assign(const char *name, char *what)
{
    struct mpm_proxy *p = NULL;
    struct mpm_error err = { 0 };
    char *text = strchr(what, ' '), *dot = strchr(what, '.');
    struct mpm_builder *b;
    int r;

    if (text == NULL) {
        r = mpm_proxy_from_token(client, what, &p, &err);
    } else {
        *text++ = '\0';
        b = arguments(text);
        if (dot != NULL && dot < text) {
            *dot = '\0';
            r = mpm_call_proxy(*place_of(what), dot + 1, b, NULL, TIMEOUT, &p, &err);
        } else {
            r = mpm_create(client, what, b, NULL, &p, &err);
        }
        mpm_builder_close(b);
    }
    if (r == 0)
        *place_of(name) = p;
    report(r, &err);
}

static void
obey(char *line)
{
    char *equals = strstr(line, " = "), *blank = strchr(line, ' ');
    bool in_parts;

    if (strcmp(line, "take") == 0) {
        take();
    } else if (strncmp(line, "start ", 6) == 0) {
        char *text = split(line + 6, " ");

        start(line + 6, text);
    } else if (strcmp(line, "protocol") == 0) {
        printf("%d\n", mpm_client_protocol(client));
    } else if (strncmp(line, "token ", 6) == 0) {
        puts(mpm_proxy_token(*place_of(line + 6)));
    } else if (strncmp(line, "close ", 6) == 0) {
        mpm_proxy_close(*place_of(line + 6));
        *place_of(line + 6) = NULL;
        puts("ok");
    } else if (equals != NULL && equals == blank) {
        *equals = '\0';
        assign(line, equals + 3);
    } else {
        in_parts = strncmp(line, "parts ", 6) == 0;
        if (in_parts) {
            line += 6;
            blank = strchr(line, ' ');
        }
        *blank = '\0';
        call(line, blank + 1, in_parts);
    }
}

int
main(int argc, char **argv)
{
    struct mpm_client_options options = { .size = sizeof options };
    struct mpm_error err;
    char key[256], line[4096];
    FILE *f;
    int r;

    if (argc != 3 || (f = fopen(argv[2], "rb")) == NULL)
        return 2;
    options.authkey = key;
    options.authkey_len = fread(key, 1, sizeof key, f);
    fclose(f);
    if ((r = mpm_client_open(argv[1], &options, &client, &err)) != 0) {
        printf("? %s: %s\n", mpm_error_text(r), err.text);
        return 1;
    }
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        obey(line);
        fflush(stdout);
    }
    close_known();
    mpm_client_close(client);
    return 0;
}

/*
 * mpmctl_show.c - one object: finding it, show and call. Layer: cmd.
 */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/mpmctl.h"

/* --- finding ------------------------------------------------------------------------------------------------------ */

/* "TYPEID:IDENT@ADDRESS" taken apart: copies; typeid and address may be NULL. */
struct token {
    char *typeid, *ident;
};

static struct token
read_token(const char *text)
{
    size_t len = strcspn(text, "@");
    const char *colon = memrchr(text, ':', len);
    struct token t = { 0 };

    if (colon != NULL) {
        t.typeid = ctl_copy(text, (size_t)(colon - text));
        t.ident = ctl_copy(colon + 1, len - (size_t)(colon + 1 - text));
    } else {
        t.ident = ctl_copy(text, strlen(text));
    }
    return t;
}

static void
token_wipe(struct token *t)
{
    free(t->typeid);
    free(t->ident);
}

static int
fail_to_find(struct ctl *c, const char *text, int code, const struct mpm_error *err)
{
    const struct mpm_exception *e = code == MPM_EREMOTE ? mpm_client_exception(c->client) : NULL;

    if (e != NULL && strncmp(e->text, "KeyError", 8) == 0)
        return ctl_fail("there is no object '%s'; `mpmctl ls` lists them", text);
    return ctl_fail_with(c, code, err);
}

/* What mpmd tells of an object: 0, CTL_IS_STOCK or CTL_FAILED. */
static int
inspect_object(struct ctl *c, const char *text, struct mpm_document **out)
{
    struct token t = read_token(text);
    struct mpm_error err = { 0 };
    int r = ctl_try_inspect(c, "object", t.ident, out, &err);

    token_wipe(&t);
    if (r == 0 || r == CTL_IS_STOCK)
        return r;
    fail_to_find(c, text, r, &err);
    return CTL_FAILED;
}

static bool
is_hex(const char *text)
{
    return text[0] != '\0' && strspn(text, "0123456789abcdef") == strlen(text);
}

/* Of CPython's server: what is no ident is a name to be created. */
static int
find_stock(struct ctl *c, const char *text, struct mpm_proxy **out, struct mpm_error *err)
{
    struct token t = read_token(text);
    char *token = NULL;
    int r;

    if (t.typeid == NULL && !is_hex(t.ident)) {
        r = mpm_create(c->client, t.ident, NULL, NULL, out, err);
    } else if (asprintf(&token, "%s:%s", t.typeid != NULL ? t.typeid : "object", t.ident) < 0) {
        r = MPM_ENOMEM;
    } else {
        r = mpm_proxy_from_token(c->client, token, out, err);
        if (r == MPM_EREMOTE && t.typeid == NULL)
            r = mpm_create(c->client, t.ident, NULL, NULL, out, err);
    }
    free(token);
    token_wipe(&t);
    return r;
}

/* An exit code. */
static int
find(struct ctl *c, const char *text, struct mpm_proxy **out)
{
    struct mpm_document *document;
    struct mpm_error err = { 0 };
    char *ident, *typeid, *token = NULL;
    struct row row;
    int r = inspect_object(c, text, &document);

    if (r == CTL_FAILED)
        return EXIT_FAILURE;
    if (r == CTL_IS_STOCK) {
        r = find_stock(c, text, out, &err);
        return r == 0 ? EXIT_SUCCESS : fail_to_find(c, text, r, &err);
    }
    r = row_open(mpm_document_root(document), &row);
    if (r == 0) {
        ident = row_text(&row, "ident"), typeid = row_text(&row, "typeid");
        if (ident == NULL || typeid == NULL || asprintf(&token, "%s:%s", typeid, ident) < 0)
            r = MPM_EPROTO;
        else
            r = mpm_proxy_from_token(c->client, token, out, &err);
        free(ident), free(typeid), free(token);
        row_close(&row);
    }
    mpm_document_close(document);
    return r == 0 ? EXIT_SUCCESS : fail_to_find(c, text, r, &err);
}

/* --- call --------------------------------------------------------------------------------------------------------- */

/* How many characters of an argument are the name before its "="; 0: it is a literal. */
static size_t
name_length(const char *argument)
{
    size_t n = 0;

    while (argument[n] == '_' || isalpha((unsigned char)argument[n]) || (n > 0 && isdigit((unsigned char)argument[n])))
        n++;
    return argument[n] == '=' ? n : 0;
}

static int
bad_literal(const char *argument, const struct mpm_error *err)
{
    ctl_fail("'%s' is no Python literal: %s; a text is written \"'text'\"", argument, err->text);
    return CTL_USAGE;
}

/* The arguments of the command line into args and kwds. An exit code. */
static int
put_arguments(const struct ctl *c, struct mpm_builder *args, struct mpm_builder *kwds)
{
    struct mpm_error err = { 0 };
    char *name;
    size_t n;

    mpm_put_begin(args, MPM_K_TUPLE);
    mpm_put_begin(kwds, MPM_K_DICT);
    for (int i = 2; i < c->n_args; i++) {
        const char *text = c->args[i];

        n = name_length(text);
        if (n == 0) {
            if (mpm_put_literal(args, text, &err) != 0)
                return bad_literal(text, &err);
            continue;
        }
        name = ctl_copy(text, n);
        mpm_put_string(kwds, name);
        free(name);
        if (mpm_put_literal(kwds, text + n + 1, &err) != 0)
            return bad_literal(text, &err);
    }
    mpm_put_end(args);
    mpm_put_end(kwds);
    return EXIT_SUCCESS;
}

static int
print_result(const struct ctl *c, struct mpm_ref result)
{
    char *text;
    size_t len;
    int r = mpm_repr(result, &text, &len);

    if (r != 0)
        return ctl_fail("the result cannot be printed: %s", mpm_error_text(r));
    if (!c->json) {
        ctl_put(stdout, text, len);
        putchar('\n');
    } else {
        json_begin(NULL, '{');
        if (!json_value("result", result)) {
            mpm_free(text);
            return ctl_fail("the result is too long for JSON");
        }
        json_text("repr", text);
        json_end('}');
        json_line();
    }
    mpm_free(text);
    return EXIT_SUCCESS;
}

static int
call_failed(struct ctl *c, int code, const struct mpm_error *err)
{
    const struct mpm_exception *e = code == MPM_EREMOTE ? mpm_client_exception(c->client) : NULL;

    if (code == MPM_ETYPE && e == NULL)
        return ctl_fail("%s() was called and returned an object of its own, which lives no longer than somebody "
            "refers to it", c->args[1]);
    if (code == MPM_ETIMEOUT)
        return ctl_fail("%s() was not answered within %g s (--timeout); it may have happened, or happen yet", c->args[1],
            (double)c->timeout_ns / 1e9);
    if (e != NULL && c->json) {
        json_begin(NULL, '{');
        json_begin("exception", '{');
        json_text("type", e->type);
        json_text("text", e->text);
        json_end('}');
        json_end('}');
        json_line();
    }
    return ctl_fail_with(c, code, err);
}

int
ctl_call(struct ctl *c)
{
    struct mpm_builder *args = NULL, *kwds = NULL;
    struct mpm_document *result;
    struct mpm_error err = { 0 };
    struct mpm_proxy *proxy = NULL;
    int r;

    if (c->n_args < 2) {
        ctl_fail("call: give the object, the method and its arguments: call IDENT METHOD [LITERAL | NAME=LITERAL]...");
        return CTL_USAGE;
    }
    if (mpm_client_builder(c->client, &args) != 0 || mpm_client_builder(c->client, &kwds) != 0)
        r = ctl_fail("out of memory");
    else if ((r = put_arguments(c, args, kwds)) == EXIT_SUCCESS && (r = find(c, c->args[0], &proxy)) == EXIT_SUCCESS) {
        int64_t timeout_ns = c->timeout_ns != 0 ? c->timeout_ns : MPM_FOREVER;
        int code = mpm_call(proxy, c->args[1], args, kwds, timeout_ns, &result, &err);

        if (code != 0) {
            r = call_failed(c, code, &err);
        } else {
            r = print_result(c, mpm_document_root(result));
            mpm_document_close(result);
        }
        mpm_proxy_close(proxy);
    }
    mpm_builder_close(args);
    mpm_builder_close(kwds);
    return r;
}

/* --- show --------------------------------------------------------------------------------------------------------- */

static void
print_line(const char *key, const char *text)
{
    printf("%-12s ", key);
    ctl_put(stdout, text, strlen(text));
    putchar('\n');
}

/* Calls one(c, row, time) for each dict of the list under a key. */
static void
each_of(const struct ctl *c, const struct row *row, const char *key,
    void (*one)(const struct ctl *, const struct row *, double))
{
    double time = row_number(row, "time");
    struct mpm_ref ref, *parts;
    struct row inner;
    size_t n;

    if (!row_get(row, key, &ref) || mpm_read_parts(ref, &parts, &n) != 0)
        return;
    for (size_t i = 0; i < n; i++)
        if (row_open(parts[i], &inner) == 0) {
            one(c, &inner, time);
            row_close(&inner);
        }
    mpm_free(parts);
}

/* Calls one(text) for each text of the list under a key. */
static void
each_text(struct mpm_ref list, void (*one)(const char *text))
{
    struct mpm_ref *parts;
    const char *text;
    size_t n, len;
    char *copy;

    if (mpm_read_parts(list, &parts, &n) != 0)
        return;
    for (size_t i = 0; i < n; i++)
        if (mpm_read_text(parts[i], &text, &len) == 0) {
            copy = ctl_copy(text, len);
            one(copy);
            free(copy);
        }
    mpm_free(parts);
}

static void
print_word(const char *text)
{
    putchar(' ');
    ctl_put(stdout, text, strlen(text));
}

static void
json_item(const char *text)
{
    json_text(NULL, text);
}

static void
show_hold(const struct ctl *c, const struct row *row, double time)
{
    struct who who;
    char *text, duration[40];
    double seconds = time - row_number(row, "since");

    who_read(c, row, &who);
    if (c->json) {
        json_begin(NULL, '{');
        json_number("seconds", seconds);
        json_int_or_null("count", row_int(row, "count"));
        who_json(&who);
        json_end('}');
    } else {
        text = who_text(&who);
        printf("%-12s ", "held by");
        ctl_put(stdout, text, strlen(text));
        printf(", %s", ctl_duration(seconds, duration));
        if (row_int(row, "count") > 1)
            printf(", %lld times", (long long)row_int(row, "count"));
        putchar('\n');
        free(text);
    }
    who_wipe(&who);
}

static void
show_wait(const struct ctl *c, const struct row *row, double time)
{
    double seconds = time - row_number(row, "since"), left = row_number(row, "deadline") - time;
    char *method = row_text(row, "method"), *up = row_text(row, "held_up_by"), *text, duration[40];
    struct who who;

    who_read(c, row, &who);
    if (c->json) {
        json_begin(NULL, '{');
        json_text("method", method);
        json_number("seconds", seconds);
        json_number("seconds_left", left);
        json_text("held_up_by", up);
        who_json(&who);
        json_end('}');
    } else {
        text = who_text(&who);
        printf("%-12s ", "waiting");
        ctl_put(stdout, text, strlen(text));
        printf(" in ");
        ctl_put(stdout, method != NULL ? method : "?", strlen(method != NULL ? method : "?"));
        printf(", %s", ctl_duration(seconds, duration));
        if (!isnan(left))
            printf(", gives up in %s", ctl_duration(left, duration));
        putchar('\n');
        free(text);
    }
    who_wipe(&who);
    free(method), free(up);
}

static void
show_refs(const struct ctl *c, const struct row *row, double time)
{
    int64_t pid = row_int(row, "pid"), refs = row_int(row, "refs");
    char *process = ctl_process_name(c, pid);

    (void)time;
    if (c->json) {
        json_begin(NULL, '{');
        json_int_or_null("pid", pid);
        json_text("process", process);
        json_int_or_null("refs", refs);
        json_end('}');
    } else {
        printf("%-12s pid %lld", "referred by", (long long)pid);
        if (process != NULL) {
            printf(" (");
            ctl_put(stdout, process, strlen(process));
            putchar(')');
        }
        printf(", %lld times\n", (long long)refs);
    }
    free(process);
}

static void
json_texts(const struct row *row, const char *key)
{
    struct mpm_ref list;

    json_begin(key, '[');
    if (row_get(row, key, &list))
        each_text(list, json_item);
    json_end(']');
}

static void
json_list(const struct ctl *c, const struct row *row, const char *key,
    void (*one)(const struct ctl *, const struct row *, double))
{
    json_begin(key, '[');
    each_of(c, row, key, one);
    json_end(']');
}

static void
json_own_text(const struct row *row, const char *key)
{
    char *text = row_text(row, key);

    json_text(key, text);
    free(text);
}

static bool
is_true(const struct row *row, const char *key)
{
    struct mpm_ref ref;
    int v = 0;

    return row_get(row, key, &ref) && mpm_read_bool(ref, &v) == 0 && v != 0;
}

static void
show_json(const struct ctl *c, const struct row *row)
{
    static const char *const texts[] = { "ident", "typeid", "name", "class", "str" };

    json_begin(NULL, '{');
    json_text("server", "mpmd");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        json_own_text(row, texts[i]);
    json_bool("is_cut", is_true(row, "is_cut"));
    json_int_or_null("refs", row_int(row, "refs"));
    json_int_or_null("size", row_int(row, "size"));
    json_int_or_null("server_holds", row_int(row, "server_holds"));
    json_texts(row, "exposed");
    json_list(c, row, "held", show_hold);
    json_list(c, row, "waiting", show_wait);
    json_list(c, row, "refs_of", show_refs);
    json_texts(row, "pinned_by");
    json_end('}');
    json_line();
}

static void
show_text(const struct ctl *c, const struct row *row)
{
    static const char *const keys[] = { "ident", "typeid", "name", "class", "str" };
    struct mpm_ref list;
    char *text;

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if ((text = row_text(row, keys[i])) != NULL) {
            print_line(keys[i], text);
            free(text);
        }
    if (is_true(row, "is_cut"))
        printf("%-12s (cut here)\n", "");
    if (row_int(row, "size") >= 0)
        printf("%-12s %lld\n", "size", (long long)row_int(row, "size"));
    printf("%-12s %lld", "references", (long long)row_int(row, "refs"));
    if (row_int(row, "server_holds") > 0)
        printf(", and %lld of the server's own", (long long)row_int(row, "server_holds"));
    printf("\n%-12s", "methods");
    if (row_get(row, "exposed", &list))
        each_text(list, print_word);
    putchar('\n');
    each_of(c, row, "held", show_hold);
    each_of(c, row, "waiting", show_wait);
    each_of(c, row, "refs_of", show_refs);
    if (row_get(row, "pinned_by", &list)) {
        struct mpm_ref *parts;
        size_t n = 0;

        if (mpm_read_parts(list, &parts, &n) == 0)
            mpm_free(parts);
        if (n != 0) {
            printf("%-12s", "stored in");
            each_text(list, print_word);
            putchar('\n');
        }
    }
}

/* get_methods() of a Token: what CPython's server knows of an object besides its str(). */
static int
stock_methods(struct ctl *c, const char *token, struct mpm_document **out)
{
    struct token t = read_token(token);
    struct mpm_error err = { 0 };
    struct mpm_builder *args;
    int r = mpm_client_builder(c->client, &args);

    if (r == 0) {
        mpm_put_begin(args, MPM_K_TUPLE);
        mpm_put_begin(args, MPM_K_OBJECT);
        mpm_put_class(args, "multiprocessing.managers", "Token");
        mpm_put_begin(args, MPM_K_TUPLE);
        mpm_put_end(args);
        mpm_put_begin(args, MPM_K_TUPLE);
        mpm_put_string(args, t.typeid != NULL ? t.typeid : "object");
        mpm_put_none(args);
        mpm_put_string(args, t.ident);
        mpm_put_end(args);
        mpm_put_end(args);
        mpm_put_end(args);
        r = mpm_request(c->client, "get_methods", args, NULL, out, &err);
        mpm_builder_close(args);
    }
    token_wipe(&t);
    return r;
}

static void
show_stock_as(const struct ctl *c, const struct token *t, const char *str, struct mpm_ref methods)
{
    static const char *const unknown[] = { "refs", "size", "server_holds" };
    static const char *const none[] = { "held", "waiting", "refs_of", "pinned_by" };

    if (c->json) {
        json_begin(NULL, '{');
        json_text("server", "cpython");
        json_text("ident", t->ident);
        json_text("typeid", t->typeid);
        json_null("name");
        json_null("class");
        json_text("str", str);
        json_bool("is_cut", false);
        for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
            json_null(unknown[i]);
        json_begin("exposed", '[');
        if (methods.doc != NULL)
            each_text(methods, json_item);
        json_end(']');
        for (size_t i = 0; i < sizeof none / sizeof *none; i++)
            json_null(none[i]);
        json_end('}');
        json_line();
        return;
    }
    print_line("ident", t->ident);
    print_line("str", str);
    if (methods.doc != NULL) {
        printf("%-12s", "methods");
        each_text(methods, print_word);
        putchar('\n');
    }
}

static int
show_stock(struct ctl *c, const char *text)
{
    struct mpm_document *str, *methods = NULL;
    struct mpm_proxy *proxy;
    struct mpm_error err = { 0 };
    struct token t;
    const char *bytes;
    size_t len;
    char *copy;
    int r = find_stock(c, text, &proxy, &err);

    if (r != 0)
        return fail_to_find(c, text, r, &err);
    r = mpm_call(proxy, "__str__", NULL, NULL, c->timeout_ns != 0 ? c->timeout_ns : MPM_FOREVER, &str, &err);
    if (r == 0) {
        (void)stock_methods(c, mpm_proxy_token(proxy), &methods);
        t = read_token(mpm_proxy_token(proxy));
        r = mpm_read_text(mpm_document_root(str), &bytes, &len);
        copy = r == 0 ? ctl_copy(bytes, len) : ctl_copy("?", 1);
        show_stock_as(c, &t, copy, methods != NULL ? mpm_document_root(methods) : (struct mpm_ref){ 0 });
        free(copy);
        token_wipe(&t);
        mpm_document_close(methods);
        mpm_document_close(str);
        r = EXIT_SUCCESS;
    } else {
        r = ctl_fail_with(c, r, &err);
    }
    mpm_proxy_close(proxy);
    return r;
}

int
ctl_show(struct ctl *c)
{
    struct mpm_document *document;
    struct row row;
    int r;

    if (c->n_args != 1) {
        ctl_fail("show: give one object: show IDENT");
        return CTL_USAGE;
    }
    r = inspect_object(c, c->args[0], &document);
    if (r == CTL_FAILED)
        return EXIT_FAILURE;
    if (r == CTL_IS_STOCK)
        return show_stock(c, c->args[0]);
    r = row_open(mpm_document_root(document), &row);
    if (r == 0) {
        if (c->json)
            show_json(c, &row);
        else
            show_text(c, &row);
        row_close(&row);
    }
    mpm_document_close(document);
    return r == 0 ? EXIT_SUCCESS : ctl_fail("the server's answer is none that this release reads");
}

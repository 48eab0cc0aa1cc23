/*
 * mpmctl_ask.c - mpmd_inspect, a page at a time, and its dicts taken apart. Layer: cmd. doc/protocol.md, section 11.
 *
 * The server may be another release: what is missing or of another type reads as unknown.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/mpmctl.h"

/* --- requests ----------------------------------------------------------------------------------------------------- */

/* What CPython's server says to a function that it has not (with -O the second). */
static bool
says_it_has_no_such_function(const struct mpm_exception *e)
{
    return e != NULL && (strncmp(e->text, "AssertionError", 14) == 0 || strncmp(e->text, "AttributeError", 14) == 0);
}

int
ctl_try_inspect(struct ctl *c, const char *what, const char *argument, struct mpm_document **out, struct mpm_error *err)
{
    struct mpm_builder *args;
    int r = mpm_client_builder(c->client, &args);

    if (r != 0)
        return r;
    mpm_put_begin(args, MPM_K_TUPLE);
    mpm_put_string(args, what);
    if (argument != NULL)
        mpm_put_string(args, argument);
    mpm_put_end(args);
    r = mpm_request(c->client, "mpmd_inspect", args, NULL, out, err);
    mpm_builder_close(args);
    return r == MPM_EREMOTE && says_it_has_no_such_function(mpm_client_exception(c->client)) ? CTL_IS_STOCK : r;
}

int
ctl_inspect(struct ctl *c, const char *what, const char *argument, struct mpm_document **out)
{
    struct mpm_error err = { 0 };
    int r = ctl_try_inspect(c, what, argument, out, &err);

    if (r == 0 || r == CTL_IS_STOCK)
        return r;
    ctl_fail_with(c, r, &err);
    return CTL_FAILED;
}

static int
each_of_page(struct mpm_ref page, void (*take)(void *user, const struct row *row, double time), void *user, char **next)
{
    struct row all, row;
    struct mpm_ref items, *parts = NULL;
    double time;
    size_t n = 0;
    int r = row_open(page, &all);

    if (r != 0)
        return r;
    time = row_number(&all, "time");
    *next = row_text(&all, "next");
    r = row_get(&all, "items", &items) ? mpm_read_parts(items, &parts, &n) : MPM_ETYPE;
    for (size_t i = 0; r == 0 && i < n; i++)
        if ((r = row_open(parts[i], &row)) == 0) {
            take(user, &row, time);
            row_close(&row);
        }
    mpm_free(parts);
    row_close(&all);
    return r;
}

int
ctl_each(struct ctl *c, const char *what, void (*take)(void *user, const struct row *row, double time), void *user)
{
    struct mpm_document *document;
    char *next = NULL, *before;
    int r;

    do {
        before = next;
        next = NULL;
        r = ctl_inspect(c, what, before, &document);
        if (r == 0) {
            if (each_of_page(mpm_document_root(document), take, user, &next) != 0) {
                ctl_fail("the server's answer to mpmd_inspect('%s') is none that this release reads", what);
                r = CTL_FAILED;
            }
            mpm_document_close(document);
        }
        if (r == 0 && next != NULL && before != NULL && strcmp(next, before) == 0) {
            ctl_fail("the server's answer to mpmd_inspect('%s') has no end", what);
            r = CTL_FAILED;
        }
        free(before);
    } while (r == 0 && next != NULL);
    free(next);
    return r;
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

int
row_open(struct mpm_ref dict, struct row *row)
{
    *row = (struct row){ 0 };
    return mpm_kind(dict) == MPM_K_DICT ? mpm_read_parts(dict, &row->parts, &row->n) : MPM_ETYPE;
}

void
row_close(struct row *row)
{
    mpm_free(row->parts);
}

bool
row_get(const struct row *row, const char *key, struct mpm_ref *out)
{
    for (size_t i = 0; i + 1 < row->n; i += 2)
        if (mpm_text_is(row->parts[i], key)) {
            *out = row->parts[i + 1];
            return true;
        }
    return false;
}

int64_t
row_int(const struct row *row, const char *key)
{
    struct mpm_ref ref;
    int64_t v;

    return row_get(row, key, &ref) && mpm_read_int64(ref, &v) == 0 ? v : -1;
}

double
row_number(const struct row *row, const char *key)
{
    struct mpm_ref ref;
    double v;

    return row_get(row, key, &ref) && mpm_read_double(ref, &v) == 0 ? v : NAN;
}

char *
row_text(const struct row *row, const char *key)
{
    struct mpm_ref ref;
    const char *text;
    size_t len;

    if (!row_get(row, key, &ref) || mpm_read_text(ref, &text, &len) != 0)
        return NULL;
    for (size_t i = 0; i < len; i++) /* nobody is to be fooled by a text that seems to end early */
        if (text[i] == '\0') {
            char *copy = ctl_copy(text, len);

            for (; i < len; i++)
                if (copy[i] == '\0')
                    copy[i] = '?';
            return copy;
        }
    return ctl_copy(text, len);
}

bool
row_is_none(const struct row *row, const char *key)
{
    struct mpm_ref ref;

    return !row_get(row, key, &ref) || mpm_kind(ref) == MPM_K_NONE;
}

/* --- who ---------------------------------------------------------------------------------------------------------- */

/* Pids are the server's host's, which is this one when it was reached through a socket of this host. */
static bool
is_here(const struct ctl *c)
{
    return strchr(c->address, '/') != NULL || c->address[0] == '@' || strchr(c->address, ':') == NULL;
}

char *
ctl_process_name(const struct ctl *c, int64_t pid)
{
    char path[64], name[64];
    size_t len;
    FILE *file;

    if (pid <= 0 || !is_here(c))
        return NULL;
    snprintf(path, sizeof path, "/proc/%lld/comm", (long long)pid);
    file = fopen(path, "re");
    if (file == NULL)
        return NULL;
    len = fread(name, 1, sizeof name, file);
    fclose(file);
    if (len > 0 && name[len - 1] == '\n')
        len--;
    return ctl_copy(name, len);
}

void
who_read(const struct ctl *c, const struct row *row, struct who *who)
{
    who->owner = row_int(row, "owner");
    who->pid = row_int(row, "pid");
    who->process = ctl_process_name(c, who->pid);
    who->thread = row_text(row, "thread");
    who->peer = row_text(row, "peer");
}

void
who_wipe(struct who *who)
{
    free(who->process);
    free(who->thread);
    free(who->peer);
}

char *
who_text(const struct who *who)
{
    char *text = NULL;
    const char *thread = who->thread != NULL ? who->thread : "";
    int n;

    if (who->owner == 0)
        n = asprintf(&text, "a process that is gone");
    else if (who->pid > 0)
        n = asprintf(&text, "pid %lld%s%s%s %s", (long long)who->pid, who->process != NULL ? " (" : "",
            who->process != NULL ? who->process : "", who->process != NULL ? ")" : "", thread);
    else
        n = asprintf(&text, "%s %s", who->peer != NULL ? who->peer : "?", thread);
    if (n < 0) {
        ctl_fail("out of memory");
        exit(EXIT_FAILURE);
    }
    return text;
}

void
who_json(const struct who *who)
{
    json_int_or_null("owner", who->owner);
    json_int_or_null("pid", who->pid);
    json_text("process", who->process);
    json_text("thread", who->thread);
    json_text("peer", who->peer);
}

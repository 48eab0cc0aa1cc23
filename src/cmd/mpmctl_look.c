/*
 * mpmctl_look.c - ls, show, waiters, holders. Layer: cmd.
 *
 * Lists are printed while they come, but for waiters and holders, which are looked through for deadlocks first.
 */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/mpmctl.h"

#define MANY 100 /* holders are counted up to this */

static int
wants_no_arguments(const struct ctl *c)
{
    if (c->n_args == 0)
        return 0;
    ctl_fail("%s takes no arguments: '%s'", c->command, c->args[0]);
    return CTL_USAGE;
}

/* The blocks of owners: nobody in particular is read as nobody. */
static struct who
nobody(void)
{
    return (struct who){ .owner = -1, .pid = -1 };
}

/* --- ls ----------------------------------------------------------------------------------------------------------- */

struct listing {
    const struct ctl *c;
    size_t n;
};

/* The first three columns. */
static void
print_which(const char *ident, const char *typeid, const char *name)
{
    ctl_pad(ident, 16);
    putchar(' ');
    ctl_pad(typeid, 16);
    putchar(' ');
    ctl_pad(name != NULL ? name : "-", 16);
}

static void
print_head(struct listing *l)
{
    if (l->n++ == 0)
        printf("%-16s %-16s %-16s %6s %7s %9s  %s\n", "IDENT", "TYPEID", "NAME", "REFS", "WAITERS", "SIZE", "HOLDER");
}

static void
print_holder(int64_t n_holders, const struct who *who, double seconds)
{
    char *text, duration[40];

    if (n_holders <= 0) {
        putchar('\n');
        return;
    }
    printf("  ");
    text = who_text(who);
    ctl_put(stdout, text, strlen(text));
    free(text);
    printf(", %s", ctl_duration(seconds, duration));
    if (n_holders >= MANY)
        printf(", and %d or more others", MANY - 1);
    else if (n_holders > 1)
        printf(", and %lld more", (long long)n_holders - 1);
    putchar('\n');
}

static void
json_holder(const char *key, const struct row *holder, const struct who *who, double time)
{
    if (holder == NULL) {
        json_null(key);
        return;
    }
    json_begin(key, '{');
    json_number("seconds", time - row_number(holder, "since"));
    json_int_or_null("count", row_int(holder, "count"));
    who_json(who);
    json_end('}');
}

/* The dict under a key, taken apart. */
static bool
open_inner(const struct row *row, const char *key, struct row *inner)
{
    struct mpm_ref ref;

    return row_get(row, key, &ref) && row_open(ref, inner) == 0;
}

static void
put_number(int width, int64_t v)
{
    if (v >= 0)
        printf(" %*lld", width, (long long)v);
    else
        printf(" %*s", width, "-");
}

static void
json_object_head(const struct row *row)
{
    char *ident = row_text(row, "ident"), *typeid = row_text(row, "typeid"), *name = row_text(row, "name");

    json_text("ident", ident);
    json_text("typeid", typeid);
    json_text("name", name);
    free(ident), free(typeid), free(name);
}

static void
ls_one(void *user, const struct row *row, double time)
{
    struct listing *l = user;
    struct row holder;
    struct who who = nobody();
    bool is_held = open_inner(row, "holder", &holder);
    double seconds = NAN;
    char *ident, *typeid, *name;

    if (is_held) {
        who_read(l->c, &holder, &who);
        seconds = time - row_number(&holder, "since");
    }
    if (l->c->json) {
        json_begin(NULL, '{');
        json_object_head(row);
        json_int_or_null("refs", row_int(row, "refs"));
        json_int_or_null("waiters", row_int(row, "waiters"));
        json_int_or_null("size", row_int(row, "size"));
        json_int_or_null("holders", row_int(row, "holders"));
        json_holder("holder", is_held ? &holder : NULL, &who, time);
        json_null("str");
        json_end('}');
    } else {
        ident = row_text(row, "ident"), typeid = row_text(row, "typeid"), name = row_text(row, "name");
        print_head(l);
        print_which(ident != NULL ? ident : "?", typeid != NULL ? typeid : "?", name);
        put_number(6, row_int(row, "refs"));
        put_number(7, row_int(row, "waiters"));
        put_number(9, row_int(row, "size"));
        print_holder(row_int(row, "holders"), &who, seconds);
        free(ident), free(typeid), free(name);
    }
    if (is_held) {
        who_wipe(&who);
        row_close(&holder);
    }
}

/* "  7f12ab:       refcount=2" of CPython's debug_info(). */
static bool
read_stock_head(const char *line, size_t len, size_t *ident_len, int64_t *refs)
{
    static const char word[] = "refcount=";
    size_t i = 2, from;

    if (len < 2 || memcmp(line, "  ", 2) != 0)
        return false;
    while (i < len && isxdigit((unsigned char)line[i]))
        i++;
    *ident_len = i - 2;
    if (i == 2 || i >= len || line[i] != ':')
        return false;
    for (i++; i < len && line[i] == ' ';)
        i++;
    if (len - i <= sizeof word - 1 || memcmp(line + i, word, sizeof word - 1) != 0)
        return false;
    *refs = 0;
    for (from = i += sizeof word - 1; i < len && isdigit((unsigned char)line[i]) && i - from < 18; i++)
        *refs = *refs * 10 + (line[i] - '0');
    return i == len && i != from;
}

static void
ls_stock_one(struct listing *l, const char *ident, size_t ident_len, int64_t refs, const char *text, size_t len)
{
    char *copy;

    if (l->c->json) {
        json_begin(NULL, '{');
        copy = ctl_copy(ident, ident_len);
        json_text("ident", copy);
        free(copy);
        json_null("typeid");
        json_null("name");
        json_int("refs", refs);
        json_null("waiters");
        json_null("size");
        json_null("holders");
        json_null("holder");
        copy = ctl_copy(text, len);
        json_text("str", copy);
        free(copy);
        json_end('}');
        return;
    }
    if (l->n++ == 0)
        printf("%-16s %6s  %s\n", "IDENT", "REFS", "STR");
    printf("%-16.*s %6lld  ", (int)ident_len, ident, (long long)refs);
    ctl_put(stdout, text, len);
    putchar('\n');
}

/* What is between two heads is the beginning of str(object), behind four blanks; it may have several lines. */
static void
ls_stock_text(struct listing *l, const char *text, size_t len)
{
    const char *end = text + len, *line = text, *ident = NULL, *str = NULL, *next, *stop;
    size_t ident_len = 0, n;
    int64_t refs = 0, r;

    for (; line < end; line = next) {
        stop = memchr(line, '\n', (size_t)(end - line));
        next = stop != NULL ? stop + 1 : end;
        if (!read_stock_head(line, (size_t)((stop != NULL ? stop : end) - line), &n, &r))
            continue;
        if (ident != NULL)
            ls_stock_one(l, ident, ident_len, refs, str, (size_t)(line - 1 - str));
        ident = line + 2;
        ident_len = n;
        refs = r;
        str = next + (end - next >= 4 && memcmp(next, "    ", 4) == 0 ? 4 : 0);
    }
    if (ident != NULL)
        ls_stock_one(l, ident, ident_len, refs, str, str < end ? (size_t)(end - str) : 0);
}

static int
ls_stock(struct ctl *c, struct listing *l)
{
    struct mpm_document *document;
    struct mpm_error err = { 0 };
    const char *text;
    size_t len;
    int r = mpm_request(c->client, "debug_info", NULL, NULL, &document, &err);

    if (r != 0)
        return ctl_fail_with(c, r, &err);
    r = mpm_read_text(mpm_document_root(document), &text, &len);
    if (r == 0)
        ls_stock_text(l, text, len);
    mpm_document_close(document);
    return r == 0 ? EXIT_SUCCESS : ctl_fail("the server's answer to debug_info is no text");
}

/* Which server it is: 0 mpmd, CTL_IS_STOCK, or CTL_FAILED. */
static int
which_server(struct ctl *c)
{
    struct mpm_document *document;
    int r = ctl_inspect(c, "server", NULL, &document);

    if (r == 0)
        mpm_document_close(document);
    return r;
}

int
ctl_ls(struct ctl *c)
{
    struct listing l = { .c = c };
    int r = wants_no_arguments(c), which;

    if (r != 0)
        return r;
    which = which_server(c);
    if (which == CTL_FAILED)
        return EXIT_FAILURE;
    if (c->json) {
        json_begin(NULL, '{');
        json_text("server", which == CTL_IS_STOCK ? "cpython" : "mpmd");
        json_begin("objects", '[');
    }
    if (which == CTL_IS_STOCK)
        r = ls_stock(c, &l);
    else
        r = ctl_each(c, "objects", ls_one, &l) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    if (c->json) {
        json_end(']');
        json_end('}');
        json_line();
    }
    return r;
}

/* --- waiters and holders ------------------------------------------------------------------------------------------ */

struct gathering {
    const struct ctl *c;
    struct situation *s;
};

/* Room for one more: full at each power of two. */
static void *
one_more(void *items, size_t n, size_t size)
{
    return (n & (n - 1)) == 0 ? ctl_more(items, n != 0 ? 2 * n : 1, size) : items;
}

static char *
text_or(const struct row *row, const char *key, const char *otherwise)
{
    char *text = row_text(row, key);

    return text != NULL ? text : ctl_copy(otherwise, strlen(otherwise));
}

static void
take_wait(void *user, const struct row *row, double time)
{
    struct gathering *g = user;
    struct wait *w;

    g->s->waits = one_more(g->s->waits, g->s->n_waits, sizeof *w);
    w = &g->s->waits[g->s->n_waits++];
    *w = (struct wait){ .number = row_int(row, "number"), .ident = text_or(row, "ident", "?"),
        .typeid = text_or(row, "typeid", "?"), .name = row_text(row, "name"), .method = text_or(row, "method", "?"),
        .held_up_by = row_text(row, "held_up_by"), .seconds = time - row_number(row, "since"),
        .left = row_number(row, "deadline") - time };
    who_read(g->c, row, &w->who);
}

static void
take_hold(void *user, const struct row *row, double time)
{
    struct gathering *g = user;
    struct hold *h;

    g->s->holds = one_more(g->s->holds, g->s->n_holds, sizeof *h);
    h = &g->s->holds[g->s->n_holds++];
    *h = (struct hold){ .ident = text_or(row, "ident", "?"), .typeid = text_or(row, "typeid", "?"),
        .name = row_text(row, "name"), .since = row_number(row, "since"), .count = row_int(row, "count") };
    h->seconds = time - h->since;
    who_read(g->c, row, &h->who);
}

/* 0, CTL_IS_STOCK or CTL_FAILED; both of which were told. */
static int
gather_once(struct ctl *c, struct situation *s)
{
    struct gathering g = { c, s };
    int r = ctl_each(c, "waiters", take_wait, &g);

    if (r == 0)
        r = ctl_each(c, "holders", take_hold, &g);
    if (r == CTL_IS_STOCK)
        ctl_fail("%s: this is CPython's own server, or one like it, which does not tell who holds or waits; mpmd does",
            c->address);
    return r;
}

static int
gather(struct ctl *c, struct situation *s)
{
    struct situation later = { 0 };
    int r;

    *s = (struct situation){ 0 };
    r = gather_once(c, s);
    if (r == 0)
        situation_find_cycles(s);
    if (r == 0 && s->n_cycles != 0) {
        r = gather_once(c, &later);
        if (r == 0)
            situation_confirm(s, &later);
        situation_wipe(&later);
    }
    return r;
}

static void
print_who(const struct who *who)
{
    char *text = who_text(who);

    ctl_put(stdout, text, strlen(text));
    free(text);
}

static void
print_deadlocks(const struct situation *s)
{
    for (size_t i = 0; i < s->n_cycles; i++) {
        const struct cycle *cycle = &s->cycles[i];

        printf("deadlock of %zu: ", cycle->n);
        for (size_t k = 0; k < cycle->n; k++) {
            const struct wait *w = cycle->waits[k];

            if (k != 0)
                printf(", which ");
            else {
                print_who(&w->who);
                putchar(' ');
            }
            printf("waits for ");
            ctl_put(stdout, w->awaited, strlen(w->awaited));
            putchar(' ');
            ctl_put(stdout, w->held_up_by, strlen(w->held_up_by));
            printf(" held by ");
            if (cycle->n == 1)
                printf("itself");
            else
                print_who(&cycle->waits[(k + 1) % cycle->n]->who);
        }
        putchar('\n');
    }
}

static void
json_deadlocks(const struct situation *s)
{
    json_begin("deadlocks", '[');
    for (size_t i = 0; i < s->n_cycles; i++) {
        json_begin(NULL, '[');
        for (size_t k = 0; k < s->cycles[i].n; k++) {
            const struct wait *w = s->cycles[i].waits[k];

            json_begin(NULL, '{');
            json_text("waits_for", w->held_up_by);
            json_text("method", w->method);
            json_number("seconds", w->seconds);
            who_json(&w->who);
            json_end('}');
        }
        json_end(']');
    }
    json_end(']');
}

static void
json_which(const char *ident, const char *typeid, const char *name)
{
    json_text("ident", ident);
    json_text("typeid", typeid);
    json_text("name", name);
}

static void
print_wait(const struct wait *w)
{
    char duration[40], call[80];

    ctl_pad(w->ident, 16);
    putchar(' ');
    ctl_pad(w->name != NULL ? w->name : "-", 16);
    putchar(' ');
    snprintf(call, sizeof call, "%s.%s", w->typeid, w->method);
    ctl_pad(call, 22);
    printf(" %-13s", ctl_duration(w->seconds, duration));
    printf(" %-13s ", isnan(w->left) ? "-" : ctl_duration(w->left, duration));
    print_who(&w->who);
    if (w->by_the_dead)
        printf("; what holds it up is held by a process that is gone");
    else if (w->held_up_by != NULL && strcmp(w->held_up_by, w->ident) != 0) {
        printf("; held up by ");
        ctl_put(stdout, w->held_up_by, strlen(w->held_up_by));
    }
    putchar('\n');
}

static void
json_wait(const struct wait *w)
{
    json_begin(NULL, '{');
    json_which(w->ident, w->typeid, w->name);
    json_text("method", w->method);
    json_number("seconds", w->seconds);
    json_number("seconds_left", w->left);
    json_text("held_up_by", w->held_up_by);
    json_bool("by_the_dead", w->by_the_dead);
    who_json(&w->who);
    json_end('}');
}

static int
tell_waits(struct ctl *c, const struct situation *s)
{
    if (c->json)
        json_begin("waiters", '[');
    else if (s->n_waits != 0)
        printf("%-16s %-16s %-22s %-13s %-13s %s\n", "IDENT", "NAME", "WAITS IN", "FOR", "GIVES UP IN", "WHO");
    for (size_t i = 0; i < s->n_waits; i++)
        (c->json ? json_wait : print_wait)(&s->waits[i]);
    if (c->json)
        json_end(']');
    return 0;
}

/* What `tell` tells of the situation, and then the deadlocks. */
static int
tell_situation(struct ctl *c, int (*tell)(struct ctl *c, const struct situation *s))
{
    struct situation s;
    int r = wants_no_arguments(c);

    if (r != 0)
        return r;
    r = gather(c, &s);
    if (r == 0 && c->json) {
        json_begin(NULL, '{');
        r = tell(c, &s);
        json_deadlocks(&s);
        json_end('}');
        json_line();
    } else if (r == 0) {
        r = tell(c, &s);
        print_deadlocks(&s);
    }
    situation_wipe(&s);
    return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
ctl_waiters(struct ctl *c)
{
    return tell_situation(c, tell_waits);
}

static void
tell_hold(const struct ctl *c, const struct hold *h)
{
    char duration[40];

    if (c->json) {
        json_begin(NULL, '{');
        json_which(h->ident, h->typeid, h->name);
        json_int_or_null("count", h->count);
        json_number("seconds", h->seconds);
        who_json(&h->who);
        json_end('}');
    } else {
        print_which(h->ident, h->typeid, h->name);
        put_number(5, h->count);
        printf(" %-13s ", ctl_duration(h->seconds, duration));
        print_who(&h->who);
        putchar('\n');
    }
}

/* An item on lease: held, too, but nobody waits for its holder. */
static void
tell_lease(void *user, const struct row *row, double time)
{
    struct listing *l = user;
    struct who who;
    char *ident = text_or(row, "ident", "?"), *typeid = text_or(row, "typeid", "?"), *name = row_text(row, "name");
    int64_t lease = row_int(row, "lease"), deliveries = row_int(row, "deliveries");
    double seconds = time - row_number(row, "since");
    char duration[40];

    who_read(l->c, row, &who);
    if (l->c->json) {
        json_begin(NULL, '{');
        json_which(ident, typeid, name);
        json_int_or_null("lease", lease);
        json_int_or_null("deliveries", deliveries);
        json_number("seconds", seconds);
        who_json(&who);
        json_end('}');
    } else {
        if (l->n++ == 0)
            printf("%-16s %-16s %-16s %5s %-13s %s\n", "ON LEASE FROM", "TYPEID", "NAME", "LEASE", "FOR", "WHO");
        print_which(ident, typeid, name);
        put_number(5, lease);
        printf(" %-13s ", ctl_duration(seconds, duration));
        print_who(&who);
        if (deliveries > 1)
            printf("; delivered %lld times", (long long)deliveries);
        putchar('\n');
    }
    who_wipe(&who);
    free(ident), free(typeid), free(name);
}

static int
tell_holds(struct ctl *c, const struct situation *s)
{
    struct listing leases = { .c = c };
    int r;

    if (c->json)
        json_begin("holders", '[');
    else if (s->n_holds != 0)
        printf("%-16s %-16s %-16s %5s %-13s %s\n", "IDENT", "TYPEID", "NAME", "COUNT", "FOR", "WHO");
    for (size_t i = 0; i < s->n_holds; i++)
        tell_hold(c, &s->holds[i]);
    if (c->json) {
        json_end(']');
        json_begin("leases", '[');
    }
    r = ctl_each(c, "leases", tell_lease, &leases);
    if (c->json)
        json_end(']');
    return r;
}

int
ctl_holders(struct ctl *c)
{
    return tell_situation(c, tell_holds);
}

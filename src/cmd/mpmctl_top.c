/*
 * mpmctl_top.c - what the server is doing, again and again. Layer: cmd.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/mpmctl.h"

#define SHOWN 20 /* methods, on a terminal */

/* One look: the document stays open, for the next one to be compared with. */
struct look {
    struct mpm_document *document;
    struct row row;
};

struct rate {
    char *name;
    double per_second;
};

struct rates {
    struct rate *v;
    size_t n;
    double sum;
};

static void
look_close(struct look *look)
{
    if (look->document == NULL)
        return;
    row_close(&look->row);
    mpm_document_close(look->document);
    look->document = NULL;
}

static int
look_open(struct ctl *c, struct look *look)
{
    int r = ctl_inspect(c, "server", NULL, &look->document);

    if (r == CTL_IS_STOCK)
        ctl_fail("%s: this is CPython's own server, or one like it, which does not tell what it is doing; mpmd does",
            c->address);
    if (r != 0) {
        look->document = NULL;
        return r;
    }
    if (row_open(mpm_document_root(look->document), &look->row) == 0)
        return 0;
    mpm_document_close(look->document);
    look->document = NULL;
    ctl_fail("the server's answer is none that this release reads");
    return CTL_FAILED;
}

/* What was counted between two looks, per second, most first. */
static int
most_first(const void *a, const void *b)
{
    const struct rate *x = a, *y = b;

    return x->per_second > y->per_second ? -1 : x->per_second < y->per_second ? 1 : strcmp(x->name, y->name);
}

static double
difference(const struct look *now, const struct look *before, const char *key, double seconds)
{
    return ((double)row_int(&now->row, key) - (double)row_int(&before->row, key)) / seconds;
}

static bool
open_counts(const struct look *look, const char *key, struct row *counts)
{
    struct mpm_ref ref;

    return row_get(&look->row, key, &ref) && row_open(ref, counts) == 0;
}

static struct rates
rates_of(const struct look *now, const struct look *before, const char *key, double seconds)
{
    struct rates rates = { 0 };
    struct row a, b = { 0 };
    int64_t n, old;
    const char *text;
    size_t len;

    if (!open_counts(now, key, &a))
        return rates;
    (void)open_counts(before, key, &b);
    rates.v = ctl_more(NULL, a.n / 2, sizeof *rates.v);
    for (size_t i = 0; i + 1 < a.n; i += 2) {
        if (mpm_read_text(a.parts[i], &text, &len) != 0 || mpm_read_int64(a.parts[i + 1], &n) != 0)
            continue;
        rates.v[rates.n].name = ctl_copy(text, len);
        old = row_int(&b, rates.v[rates.n].name);
        rates.v[rates.n].per_second = ((double)n - (double)(old > 0 ? old : 0)) / seconds;
        rates.sum += rates.v[rates.n].per_second;
        rates.n++;
    }
    row_close(&a);
    row_close(&b);
    qsort(rates.v, rates.n, sizeof *rates.v, most_first);
    return rates;
}

static void
rates_wipe(struct rates *rates)
{
    for (size_t i = 0; i < rates->n; i++)
        free(rates->v[i].name);
    free(rates->v);
}

/* --- printing ----------------------------------------------------------------------------------------------------- */

static void
print_bytes(const char *what, double n)
{
    static const char units[] = " KMGT";
    size_t i = 0;

    while (n >= 1024 && i + 1 < sizeof units - 1) {
        n /= 1024;
        i++;
    }
    printf(i == 0 ? "%s %.0f" : "%s %.1f%c", what, n, units[i]);
}

static void
print_rates(const char *title, const struct rates *rates)
{
    size_t n = 0;

    for (size_t i = 0; i < rates->n && n < SHOWN && rates->v[i].per_second > 0; i++, n++) {
        if (n == 0)
            printf("%s\n", title);
        printf("%12.1f  ", rates->v[i].per_second);
        ctl_put(stdout, rates->v[i].name, strlen(rates->v[i].name));
        putchar('\n');
    }
}

static void
print_types(const struct look *now)
{
    struct row counts;
    const char *text;
    size_t len;
    int64_t n;

    printf("objects %lld", (long long)row_int(&now->row, "objects"));
    if (!open_counts(now, "types", &counts))
        return;
    for (size_t i = 0; i + 1 < counts.n; i += 2)
        if (mpm_read_text(counts.parts[i], &text, &len) == 0 && mpm_read_int64(counts.parts[i + 1], &n) == 0) {
            printf("%s ", i == 0 ? ":" : ",");
            ctl_put(stdout, text, len);
            printf(" %lld", (long long)n);
        }
    row_close(&counts);
}

static void
print_block(const struct ctl *c, const struct look *now, const struct look *before, double seconds,
    const struct rates *calls, const struct rates *requests)
{
    char *version = row_text(&now->row, "version"), duration[40];

    printf("mpmd ");
    ctl_put(stdout, version != NULL ? version : "?", strlen(version != NULL ? version : "?"));
    printf(" at ");
    ctl_put(stdout, c->address, strlen(c->address));
    printf(", up %s\n", ctl_duration(row_number(&now->row, "time") - row_number(&now->row, "started"), duration));
    printf("calls %.1f/s, one-shot requests %.1f/s", calls->sum, requests->sum);
    print_bytes(", in", difference(now, before, "bytes_in", seconds));
    print_bytes("B/s, out", difference(now, before, "bytes_out", seconds));
    printf("B/s\nconnections %lld, %.1f/s new, %lld refused ever; waiting calls %lld\n",
        (long long)row_int(&now->row, "connections"), difference(now, before, "connections_ever", seconds),
        (long long)row_int(&now->row, "refused"), (long long)row_int(&now->row, "waiters"));
    print_types(now);
    print_bytes("; memory", (double)row_int(&now->row, "memory"));
    putchar('B');
    if (!row_is_none(&now->row, "max_memory"))
        print_bytes(" of", (double)row_int(&now->row, "max_memory"));
    putchar('\n');
    print_rates("     CALLS/S", calls);
    print_rates("  REQUESTS/S", requests);
    free(version);
}

static void
json_rates(const char *key, const struct rates *rates)
{
    json_begin(key, '{');
    for (size_t i = 0; i < rates->n; i++)
        if (rates->v[i].per_second > 0)
            json_number(rates->v[i].name, rates->v[i].per_second);
    json_end('}');
}

static void
json_block(const struct look *now, const struct look *before, double seconds, const struct rates *calls,
    const struct rates *requests)
{
    static const char *const numbers[] = { "connections", "connections_ever", "refused", "waiters", "objects", "memory",
        "max_memory" };
    struct mpm_ref types;

    json_begin(NULL, '{');
    json_number("uptime", row_number(&now->row, "time") - row_number(&now->row, "started"));
    json_number("seconds", seconds);
    json_number("calls_per_second", calls->sum);
    json_number("requests_per_second", requests->sum);
    json_number("bytes_in_per_second", difference(now, before, "bytes_in", seconds));
    json_number("bytes_out_per_second", difference(now, before, "bytes_out", seconds));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        json_int_or_null(numbers[i], row_int(&now->row, numbers[i]));
    if (!row_get(&now->row, "types", &types) || !json_value("types", types))
        json_null("types");
    json_rates("calls", calls);
    json_rates("requests", requests);
    json_end('}');
    json_line();
}

/* --- again and again ---------------------------------------------------------------------------------------------- */

static void
sleep_ns(int64_t ns)
{
    struct timespec t = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };

    while (nanosleep(&t, &t) != 0 && errno == EINTR)
        ;
}

static void
tell(const struct ctl *c, const struct look *now, const struct look *before, bool on_terminal, bool first)
{
    double seconds = row_number(&now->row, "time") - row_number(&before->row, "time");
    struct rates calls, requests;

    if (!(seconds > 0))
        seconds = 1e-9;
    calls = rates_of(now, before, "calls", seconds);
    requests = rates_of(now, before, "requests", seconds);
    if (c->json) {
        json_block(now, before, seconds, &calls, &requests);
    } else {
        if (on_terminal)
            fputs("\033[H\033[J", stdout); /* from the upper left corner, on an empty screen */
        else if (!first)
            putchar('\n');
        print_block(c, now, before, seconds, &calls, &requests);
    }
    rates_wipe(&calls);
    rates_wipe(&requests);
}

int
ctl_top(struct ctl *c)
{
    struct look before = { 0 }, now = { 0 };
    bool on_terminal = !c->json && isatty(STDOUT_FILENO);
    int r;

    if (c->n_args != 0) {
        ctl_fail("top takes no arguments: '%s'", c->args[0]);
        return CTL_USAGE;
    }
    r = look_open(c, &before);
    for (uint64_t i = 0; r == 0 && (c->n_times == 0 || i < c->n_times); i++) {
        sleep_ns(c->interval_ns);
        r = look_open(c, &now);
        if (r != 0)
            break;
        tell(c, &now, &before, on_terminal, i == 0);
        look_close(&before);
        before = now;
        now = (struct look){ 0 };
        if (fflush(stdout) != 0) /* nobody reads any more; main() says so */
            break;
    }
    look_close(&before);
    return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

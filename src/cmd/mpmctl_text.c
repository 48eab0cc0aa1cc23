/*
 * mpmctl_text.c - text that is safe on a terminal, JSON, memory. Layer: cmd.
 *
 * Names and values come from other programs: what they contain must not move the cursor, hide or reorder what is around
 * it. JSON is written in ASCII, so that it is safe, too.
 */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/mpmctl.h"

/* --- memory ------------------------------------------------------------------------------------------------------- */

void *
ctl_more(void *items, size_t n, size_t size)
{
    void *more = reallocarray(items, n != 0 ? n : 1, size);

    if (more == NULL) {
        fputs("mpmctl: out of memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    return more;
}

char *
ctl_copy(const char *text, size_t len)
{
    char *copy = ctl_more(NULL, len + 1, 1);

    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

/* --- characters --------------------------------------------------------------------------------------------------- */

/* The character at text[0..len), len > 0, and its length; surrogates as three bytes each. -1: no UTF-8, one byte. */
static int32_t
next_char(const char *text, size_t len, size_t *used)
{
    static const int32_t least[] = { 0, 0x80, 0x800, 0x10000 };
    uint8_t first = (uint8_t)text[0];
    size_t more = first < 0x80 ? 0 : first >= 0xf0 && first < 0xf8 ? 3 : first >= 0xe0 ? 2 : 1;
    int32_t c = first & (more == 0 ? 0x7f : 0x3f >> more);

    *used = 1;
    if ((first >= 0x80 && first < 0xc0) || first >= 0xf8 || more >= len)
        return -1;
    for (size_t i = 1; i <= more; i++) {
        if (((uint8_t)text[i] & 0xc0) != 0x80)
            return -1;
        c = c << 6 | ((uint8_t)text[i] & 0x3f);
    }
    if (c < least[more] || c > 0x10ffff)
        return -1;
    *used = more + 1;
    return c;
}

static bool
is_harmless(int32_t c)
{
    static const int32_t ranges[][2] = {
        { 0, 0x1f }, { 0x7f, 0x9f }, { 0xad, 0xad }, { 0x61c, 0x61c }, { 0x180e, 0x180e }, { 0x200b, 0x200f },
        { 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0xd800, 0xdfff }, { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff }, { 0xfff0, 0xfffb },
        { 0xe0000, 0xe0fff },
    };

    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (c >= ranges[i][0] && c <= ranges[i][1])
            return false;
    return true;
}

int
ctl_put(FILE *out, const char *text, size_t len)
{
    int columns = 0;
    size_t used;

    for (size_t i = 0; i < len; i += used) {
        int32_t c = next_char(text + i, len - i, &used);

        if (c < 0 || (c < 0x100 && !is_harmless(c)))
            columns += fprintf(out, "\\x%02x", (unsigned)(c < 0 ? (uint8_t)text[i] : c));
        else if (!is_harmless(c))
            columns += fprintf(out, c < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)c);
        else {
            fwrite(text + i, 1, used, out);
            columns++;
        }
    }
    return columns;
}

void
ctl_pad(const char *text, int columns)
{
    int n = ctl_put(stdout, text, strlen(text));

    printf("%*s", n < columns ? columns - n : 0, "");
}

const char *
ctl_duration(double seconds, char out[40])
{
    static const struct unit { double seconds; const char *name; } units[] = {
        { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
    size_t i = 0;
    double whole;

    if (!(seconds > 0)) /* also NAN */
        seconds = 0;
    if (seconds < 60) {
        snprintf(out, 40, "%.1f s", seconds);
        return out;
    }
    while (seconds < units[i].seconds)
        i++;
    whole = floor(seconds / units[i].seconds);
    snprintf(out, 40, "%.0f %s %.0f %s", whole, units[i].name,
        floor((seconds - whole * units[i].seconds) / units[i + 1].seconds), units[i + 1].name);
    return out;
}

/* --- failures ----------------------------------------------------------------------------------------------------- */

int
ctl_fail(const char *format, ...)
{
    char *text = NULL;
    va_list ap;
    int n;

    fflush(stdout);
    va_start(ap, format);
    n = vasprintf(&text, format, ap);
    va_end(ap);
    fputs("mpmctl: ", stderr);
    if (n >= 0)
        ctl_put(stderr, text, (size_t)n);
    fputc('\n', stderr);
    free(text);
    return EXIT_FAILURE;
}

int
ctl_fail_with(const struct ctl *c, int code, const struct mpm_error *err)
{
    const struct mpm_exception *e = code == MPM_EREMOTE && c->client != NULL ? mpm_client_exception(c->client) : NULL;
    const char *type = e != NULL ? e->type : NULL;

    if (e == NULL)
        return ctl_fail("%s", err->text[0] != '\0' ? err->text : mpm_error_text(code));
    /* a failure inside the server has Python's line as its text; others are written as Python does */
    if (strcmp(type, "multiprocessing.managers.RemoteError") == 0)
        type = NULL;
    else if (strncmp(type, "builtins.", 9) == 0)
        type += 9;
    fflush(stdout);
    if (type != NULL)
        ctl_put(stderr, type, strlen(type));
    if (type != NULL && e->text[0] != '\0')
        fputs(": ", stderr);
    ctl_put(stderr, e->text, strlen(e->text));
    fputc('\n', stderr);
    return EXIT_FAILURE;
}

/* --- JSON --------------------------------------------------------------------------------------------------------- */

#define JSON_LEVELS 64             /* of a Python value; deeper ones are written as text */
#define JSON_MAX (64 * 1024 * 1024) /* bytes of one: a few lists inside each other can mean any number of items */

static bool json_comma;
static size_t json_written;

static void
json_string(const char *text, size_t len)
{
    size_t used;

    json_written += (size_t)fprintf(stdout, "\"");
    for (size_t i = 0; i < len; i += used) {
        int32_t c = next_char(text + i, len - i, &used);

        if (c < 0)
            c = 0xfffd;
        if (c == '"' || c == '\\')
            json_written += (size_t)printf("\\%c", (int)c);
        else if (c >= 0x20 && c < 0x7f)
            json_written += (size_t)(putchar((int)c) != EOF);
        else if (c < 0x10000)
            json_written += (size_t)printf("\\u%04x", (unsigned)c);
        else
            json_written += (size_t)printf("\\u%04x\\u%04x", 0xd800u + ((unsigned)(c - 0x10000) >> 10),
                0xdc00u + ((unsigned)(c - 0x10000) & 0x3ff));
    }
    json_written += (size_t)fprintf(stdout, "\"");
}

static void
json_key(const char *key)
{
    if (json_comma)
        json_written += (size_t)printf(", ");
    json_comma = true;
    if (key == NULL)
        return;
    json_string(key, strlen(key));
    json_written += (size_t)printf(": ");
}

void
json_begin(const char *key, char bracket)
{
    json_key(key);
    putchar(bracket);
    json_comma = false;
}

void
json_end(char bracket)
{
    putchar(bracket);
    json_comma = true;
}

void
json_text(const char *key, const char *text)
{
    if (text == NULL) {
        json_null(key);
        return;
    }
    json_key(key);
    json_string(text, strlen(text));
}

void
json_int(const char *key, int64_t v)
{
    json_key(key);
    json_written += (size_t)printf("%lld", (long long)v);
}

void
json_int_or_null(const char *key, int64_t v)
{
    if (v < 0)
        json_null(key);
    else
        json_int(key, v);
}

void
json_number(const char *key, double v)
{
    if (!isfinite(v)) {
        json_null(key);
        return;
    }
    json_key(key);
    json_written += (size_t)printf("%.17g", v);
}

void
json_bool(const char *key, bool v)
{
    json_key(key);
    fputs(v ? "true" : "false", stdout);
}

void
json_null(const char *key)
{
    json_key(key);
    json_written += (size_t)printf("null");
}

void
json_line(void)
{
    putchar('\n');
    json_comma = false;
    json_written = 0;
}

/* A value as Python writes it; to be freed by mpm_free(). */
static bool
repr_of(struct mpm_ref value, char **text, size_t *len)
{
    return mpm_repr(value, text, len) == 0;
}

static bool json_any(const char *key, struct mpm_ref value, int levels);

static bool
json_dict_item(struct mpm_ref key, struct mpm_ref value, int levels)
{
    const char *text;
    char *copy, *shown;
    size_t len;
    bool ok;

    if (mpm_read_text(key, &text, &len) == 0 && memchr(text, '\0', len) == NULL)
        copy = ctl_copy(text, len);
    else if (repr_of(key, &shown, &len)) {
        copy = ctl_copy(shown, len);
        mpm_free(shown);
    } else
        return false;
    ok = json_any(copy, value, levels);
    free(copy);
    return ok;
}

static bool
json_parts(const char *key, struct mpm_ref value, bool is_dict, int levels)
{
    struct mpm_ref *parts;
    size_t n;
    bool ok = true;

    if (mpm_read_parts(value, &parts, &n) != 0)
        return false;
    json_begin(key, is_dict ? '{' : '[');
    for (size_t i = 0; ok && i < n; i += is_dict ? 2 : 1)
        ok = is_dict ? json_dict_item(parts[i], parts[i + 1], levels - 1) : json_any(NULL, parts[i], levels - 1);
    json_end(is_dict ? '}' : ']');
    json_written += 2;
    mpm_free(parts);
    return ok;
}

static bool
json_any(const char *key, struct mpm_ref value, int levels)
{
    int kind = mpm_kind(value), truth = 0;
    const char *text;
    char *shown;
    size_t len;
    double number;

    if (json_written > JSON_MAX)
        return false;
    if (kind == MPM_K_NONE) {
        json_null(key);
        return true;
    }
    if (kind == MPM_K_BOOL && mpm_read_bool(value, &truth) == 0) {
        json_bool(key, truth != 0);
        return true;
    }
    if (kind == MPM_K_FLOAT && mpm_read_double(value, &number) == 0 && isfinite(number)) {
        json_number(key, number);
        return true;
    }
    if (kind == MPM_K_STR && mpm_read_text(value, &text, &len) == 0) {
        json_key(key);
        json_string(text, len);
        return true;
    }
    if (levels > 0 && (kind == MPM_K_DICT || kind == MPM_K_LIST || kind == MPM_K_TUPLE || kind == MPM_K_SET ||
            kind == MPM_K_FROZENSET))
        return json_parts(key, value, kind == MPM_K_DICT, levels);
    if (!repr_of(value, &shown, &len))
        return false;
    json_key(key);
    if (kind == MPM_K_INT)
        json_written += (size_t)printf("%s", shown);
    else
        json_string(shown, len);
    mpm_free(shown);
    return true;
}

bool
json_value(const char *key, struct mpm_ref value)
{
    return json_any(key, value, JSON_LEVELS);
}

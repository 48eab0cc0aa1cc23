/*
 * world.c - clients of a hub without sockets: they shake hands, write requests from a line of Python and read replies.
 *
 * Out of memory ends a client's connection, as it may: then its answers are "! MemoryError".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "world.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "core/core.h"
#include "core/setup.h"
#include "value/repr.h"
#include "wire/frame.h"

#define PEERS_MAX 64

struct mpm_world_peer {
    struct mpm_session *session; /* NULL: ended */
    int64_t pid;
    uint8_t protocol;
    struct mpm_buf in;           /* from the server, not looked at yet */
    size_t replied;              /* length of the last reply */
    char text[2048];
};

static struct {
    struct mpm_hub *hub;
    int64_t now_ns;
    size_t once_replied;
    struct mpm_world_peer peers[PEERS_MAX];
} world;

static const uint8_t authkey[] = "wire-vectors";

/* --- bytes -------------------------------------------------------------------------------------------------------- */

/* The client's own memory is not what a test refuses. */
static struct {
    int (*alloc)(size_t);
    void (*live)(int);
} hooks;

static void
off_the_record(void)
{
    hooks.alloc = mpm__alloc_hook;
    hooks.live = mpm__alloc_live_hook;
    mpm__alloc_hook = NULL;
    mpm__alloc_live_hook = NULL;
}

static void
on_the_record(void)
{
    mpm__alloc_hook = hooks.alloc;
    mpm__alloc_live_hook = hooks.live;
}

static void
collect(struct mpm_world_peer *p)
{
    struct mpm_piece pieces[4];
    size_t n, total;

    while (p->session != NULL && mpm__session_has_output(p->session)) {
        n = mpm__session_output(p->session, pieces, 4);
        total = 0;
        off_the_record();
        for (size_t i = 0; i < n; i++) {
            mpm__buf_put(&p->in, pieces[i].bytes, pieces[i].len);
            total += pieces[i].len;
        }
        on_the_record();
        assert_true(total > 0);
        mpm__session_sent(p->session, total);
    }
}

static void
pump(void)
{
    while (mpm__hub_next_ready(world.hub) != NULL)
        ;
    for (int i = 0; i < PEERS_MAX; i++)
        collect(&world.peers[i]);
}

/* The next whole frame's body, taken out of p->in when it is done with; NULL: none. */
static const uint8_t *
next_frame(const struct mpm_world_peer *p, size_t *len)
{
    const uint8_t *d = p->in.data;

    if (p->in.len < 4)
        return NULL;
    *len = (size_t)d[0] << 24 | (size_t)d[1] << 16 | (size_t)d[2] << 8 | d[3];
    return p->in.len - 4 >= *len ? d + 4 : NULL;
}

static void
send_frame(struct mpm_world_peer *p, const struct mpm_buf *body)
{
    uint8_t header[MPM_FRAME_HEADER_MAX];
    size_t n = mpm__frame_header(header, body->len);

    assert_int_equal(body->error, 0);
    mpm__session_feed(p->session, header, n, world.now_ns);
    mpm__session_feed(p->session, body->data, body->len, world.now_ns);
}

/* --- a line of Python to a pickle --------------------------------------------------------------------------------- */

static const char *write_one(struct mpm_writer *w, const char *s);

static const char *
blanks(const char *s)
{
    return s + strspn(s, " ");
}

static const char *
write_many(struct mpm_writer *w, const char *s, char close)
{
    for (s = blanks(s); *s != close; s = blanks(s)) {
        s = blanks(write_one(w, s));
        if (*s == ',' || *s == ':')
            s++;
    }
    return s + 1;
}

static const char *
write_proxy(struct mpm_writer *w, const char *s)
{
    static const char ends[] = " ,)]}";
    size_t n = strspn(s, "0123456789abcdef");
    char address[32] = "/sock", typeid[32] = "Lock", ident[24];

    snprintf(ident, sizeof ident, "%.*s", (int)n, s);
    s += n;
    if (*s == '/') {
        snprintf(address, sizeof address, "%.*s", (int)strcspn(s, ends), s);
        s += strcspn(s, ends);
    } else if (*s == ':') {
        s++;
        snprintf(typeid, sizeof typeid, "%.*s", (int)strcspn(s, ends), s);
        s += strcspn(s, ends);
    }
    mpm_write_global(w, "multiprocessing.managers", "RebuildProxy");
    mpm_write_mark(w);
    mpm_write_global(w, "multiprocessing.managers", "AcquirerProxy");
    mpm_write_global(w, "multiprocessing.managers", "Token");
    mpm_write_tuple_n(w, 0);
    mpm_write_newobj(w);
    mpm_write_native(w, typeid);
    mpm_write_native(w, address);
    mpm_write_native(w, ident);
    mpm_write_tuple_n(w, 3);
    mpm_write_buildop(w);
    mpm_write_native(w, "pickle");
    mpm_write_empty_dict(w);
    mpm_write_tuple(w);
    mpm_write_reduce(w);
    return s;
}

static const char *
write_number(struct mpm_writer *w, const char *s)
{
    size_t n = strspn(s, "+-0123456789.einfax");
    char text[512];
    bool real;

    assert_true(n > 0 && n < sizeof text);
    memcpy(text, s, n);
    text[n] = '\0';
    real = strpbrk(text, ".ein") != NULL;
    if (real) {
        mpm_write_float(w, strtod(text, NULL));
    } else if (n > 18) { /* as protocol 0 has it: any size */
        mpm__buf_printf(w->out, "L%sL\n", text);
    } else {
        mpm_write_int(w, strtoll(text, NULL, 0));
    }
    return s + n;
}

/* Bytes up to the quote; \xNN is one of them. */
static const char *
write_bytes(struct mpm_writer *w, const char *s)
{
    char bytes[1024];
    size_t n = 0;

    while (*s != '\'') {
        unsigned value = 0;

        assert_true(n < sizeof bytes);
        if (s[0] == '\\' && s[1] == 'x' && sscanf(s + 2, "%2x", &value) == 1) {
            bytes[n++] = (char)value;
            s += 4;
        } else {
            bytes[n++] = *s++;
        }
    }
    mpm_write_bytes(w, bytes, n);
    return s + 1;
}

/* The length of "slice" in "slice(1, 2)", of "array.array" in "array.array('i')"; 0: that is no call. */
static size_t
callable_len(const char *s)
{
    size_t n = 0;

    while (isalnum((unsigned char)s[n]) || s[n] == '_' || s[n] == '.')
        n++;
    return (isalpha((unsigned char)*s) || *s == '_') && s[n] == '(' ? n : 0;
}

static const char *
write_call(struct mpm_writer *w, const char *s, size_t len)
{
    char path[64], *dot;

    assert_true(len < sizeof path);
    snprintf(path, sizeof path, "%.*s", (int)len, s);
    dot = strrchr(path, '.');
    if (dot != NULL)
        *dot = '\0';
    mpm_write_global(w, dot != NULL ? path : "builtins", dot != NULL ? dot + 1 : path);
    s += len;
    do { /* f(1), and f(1)(2) */
        mpm_write_mark(w);
        s = write_many(w, s + 1, ')');
        mpm_write_tuple(w);
        mpm_write_reduce(w);
    } while (*s == '(');
    return s;
}

static const char *
write_plain(struct mpm_writer *w, const char *s)
{
    static const char *const words[] = { "None", "True", "False", "nan" };
    size_t i;

    s = blanks(s);
    for (i = 0; i < 4 && strncmp(s, words[i], strlen(words[i])) != 0; i++)
        ;
    if (callable_len(s) > 0)
        return write_call(w, s, callable_len(s));
    switch (i) {
    case 0: mpm_write_none(w); return s + 4;
    case 1: mpm_write_bool(w, true); return s + 4;
    case 2: mpm_write_bool(w, false); return s + 5;
    case 3: mpm_write_float(w, strtod("nan", NULL)); return s + 3;
    }
    switch (*s) {
    case '\'':
        i = strcspn(s + 1, "'");
        mpm_write_native_n(w, s + 1, i);
        return s + i + 2;
    case 'b':
        return write_bytes(w, s + 2);
    case '(':
        mpm_write_mark(w);
        s = write_many(w, s + 1, ')');
        mpm_write_tuple(w);
        return s;
    case '[':
        mpm_write_empty_list(w);
        mpm_write_mark(w);
        s = write_many(w, s + 1, ']');
        mpm_write_appends(w);
        return s;
    case '{':
        mpm_write_empty_dict(w);
        mpm_write_mark(w);
        s = write_many(w, s + 1, '}');
        mpm_write_setitems(w);
        return s;
    case '@':
        return write_proxy(w, s + 1);
    case '<': /* a class or function of builtins */
        i = strcspn(s, ">");
        {
            char name[32];

            snprintf(name, sizeof name, "%.*s", (int)i - 1, s + 1);
            mpm_write_global(w, "builtins", name);
        }
        return s + i + 1;
    default:
        return write_number(w, s);
    }
}

/* What is added to an instance, and values that a message has several times. */
static const char *
write_one(struct mpm_writer *w, const char *s)
{
    char number = 0;

    s = blanks(s);
    if (s[0] == '%' && s[2] != '=') {
        mpm__buf_u8(w->out, 'h'); /* BINGET */
        mpm__buf_u8(w->out, (uint8_t)(s[1] - '0'));
        return s + 2;
    }
    if (s[0] == '%') {
        number = s[1];
        s += 3;
    }
    s = write_plain(w, s);
    while (*s == '+' || *s == '|') {
        if (*s == '|') { /* a state */
            s = write_one(w, s + 1);
            mpm_write_buildop(w);
            continue;
        }
        mpm_write_mark(w);
        if (s[1] == '[') {
            s = write_many(w, s + 2, ']');
            mpm_write_appends(w);
        } else {
            s = write_many(w, s + 2, '}');
            mpm_write_setitems(w);
        }
    }
    if (number != 0) {
        mpm__buf_u8(w->out, 'q'); /* BINPUT */
        mpm__buf_u8(w->out, (uint8_t)(number - '0'));
    }
    return s;
}

/* "(1, x=2)" as an args tuple, that begins with `first` when there is one, and a kwds dict. */
static void
write_arguments(struct mpm_writer *w, const char *s, const char *first, size_t first_len)
{
    struct mpm_buf kept;
    struct mpm_writer kwds = { .out = &kept, .protocol = w->protocol };

    mpm__buf_init(&kept, 0);
    mpm_write_empty_dict(&kwds);
    mpm_write_mark(&kwds);
    if (*s == '!') {
        mpm_write_none(w);
    } else {
        mpm_write_mark(w);
        if (first != NULL)
            mpm_write_native_n(w, first, first_len);
        for (s = blanks(s + 1); *s != ')'; s = blanks(s)) {
            size_t word = 0;

            while (isalnum((unsigned char)s[word]) || s[word] == '_')
                word++;
            if (s[word] == '=') {
                mpm_write_native_n(&kwds, s, word);
                s = write_one(&kwds, s + word + 1);
            } else {
                s = write_one(w, s);
            }
            s = blanks(s);
            s += *s == ',';
        }
        mpm_write_tuple(w);
    }
    mpm_write_setitems(&kwds);
    mpm__buf_put(w->out, kept.data, kept.len);
    mpm__buf_wipe(&kept);
}

static void
open_request(struct mpm_writer *w, struct mpm_buf *body, uint8_t protocol)
{
    mpm__buf_init(body, 0);
    *w = (struct mpm_writer){ .out = body, .protocol = protocol };
    mpm__buf_u8(body, 0x80);
    mpm__buf_u8(body, protocol);
    mpm_write_mark(w);
}

/* To be wiped off the record. */
static void
write_request(struct mpm_buf *body, uint8_t protocol, const char *head, size_t head_len, const char *name,
    size_t name_len, const char *arguments, const char *first, size_t first_len)
{
    struct mpm_writer w;

    off_the_record();
    open_request(&w, body, protocol);
    if (head != NULL)
        mpm_write_native_n(&w, head, head_len);
    else
        mpm_write_none(&w);
    mpm_write_native_n(&w, name, name_len);
    write_arguments(&w, arguments, first, first_len);
    mpm_write_tuple(&w);
    mpm__buf_u8(body, '.');
    on_the_record();
}

static void
send_request(struct mpm_world_peer *p, const char *head, size_t head_len, const char *name, size_t name_len,
    const char *arguments, const char *first, size_t first_len)
{
    struct mpm_buf body;

    write_request(&body, p->protocol, head, head_len, name, name_len, arguments, first, first_len);
    send_frame(p, &body);
    off_the_record();
    mpm__buf_wipe(&body);
    on_the_record();
    pump();
}

/* --- replies ------------------------------------------------------------------------------------------------------ */

static void
show_exception(struct mpm_ref ref, struct mpm_buf *out)
{
    struct mpm_parts parts = { 0 };
    const uint8_t *module, *name;
    size_t module_len, name_len;

    assert_int_equal(mpm__read_global(ref, &module, &module_len, &name, &name_len), 0);
    if (!(module_len == 8 && memcmp(module, "builtins", 8) == 0))
        mpm__buf_printf(out, "%.*s.", (int)module_len, (const char *)module);
    mpm__buf_put(out, name, name_len);
    assert_int_equal(mpm__parts(ref, &parts), 0);
    assert_int_equal(mpm__repr(mpm__part(&parts, 1), out), 0);
    mpm__parts_wipe(&parts);
    if (out->len > 2 && out->data[out->len - 2] == ',') { /* ('text',) */
        out->len -= 2;
        mpm__buf_u8(out, ')');
    }
}

static void
show_last_line(struct mpm_ref ref, struct mpm_buf *out)
{
    const uint8_t *text;
    size_t len, from;

    assert_int_equal(mpm__read_text(ref, &text, &len), 0);
    while (len > 0 && text[len - 1] == '\n')
        len--;
    for (from = len; from > 0 && text[from - 1] != '\n'; from--)
        ;
    mpm__buf_text(out, "! ");
    mpm__buf_put(out, text + from, len - from);
}

/* `#PROXY`: (exposed, Token). */
static void
show_new_proxy(struct mpm_ref ref, struct mpm_buf *out)
{
    struct mpm_parts parts = { 0 };
    struct mpm_token_ref token;
    const uint8_t *ident;
    size_t len;

    assert_int_equal(mpm__parts(ref, &parts), 0);
    assert_int_equal(parts.items.n, 2);
    assert_int_equal(mpm__read_token(mpm__part(&parts, 1), &token), 0);
    assert_int_equal(mpm__read_text(token.ident, &ident, &len), 0);
    mpm__buf_printf(out, "@%.*s ", (int)len, (const char *)ident);
    assert_int_equal(mpm__repr(mpm__part(&parts, 0), out), 0);
    mpm__parts_wipe(&parts);
}

const char *
mpm_world_reply(struct mpm_world_peer *p)
{
    struct mpm_checker checker = { 0 };
    struct mpm_doc doc;
    struct mpm_parts parts = { 0 };
    struct mpm_ref payload;
    struct mpm_buf out;
    struct mpm_error err = { 0 };
    const uint8_t *body;
    size_t len;
    int r;

    pump();
    body = next_frame(p, &len);
    if (body == NULL)
        return p->session == NULL || mpm__session_is_closing(p->session) ? "! MemoryError" : "...";
    off_the_record();
    mpm__buf_init(&out, 0);
    if (mpm__check(&checker, body, len, false, &doc, &err) != 0)
        fail_msg("a reply is no pickle: %s at %llu", err.text, (unsigned long long)err.offset);
    assert_int_equal(mpm__parts((struct mpm_ref){ &doc, doc.top }, &parts), 0);
    assert_int_equal(parts.items.n, 2);
    payload = mpm__part(&parts, 1);
    p->replied = len;
    if (mpm__text_is(mpm__part(&parts, 0), "#RETURN")) {
        r = mpm__repr(payload, &out);
        if (r == MPM_ELIMIT)
            mpm__buf_text(&out, "too long to be shown");
        else
            assert_int_equal(r, 0);
    } else if (mpm__text_is(mpm__part(&parts, 0), "#ERROR"))
        show_exception(payload, &out);
    else if (mpm__text_is(mpm__part(&parts, 0), "#PROXY"))
        show_new_proxy(payload, &out);
    else
        show_last_line(payload, &out);
    snprintf(p->text, sizeof p->text, "%.*s", (int)out.len, (const char *)out.data);
    mpm__buf_wipe(&out);
    mpm__parts_wipe(&parts);
    mpm__checker_wipe(&checker);
    on_the_record();
    mpm__buf_shift(&p->in, len + 4);
    return p->text;
}

/* --- peers -------------------------------------------------------------------------------------------------------- */

static struct mpm_world_peer *
free_place(void)
{
    for (int i = 0; i < PEERS_MAX; i++) {
        if (world.peers[i].session == NULL && world.peers[i].in.data == NULL)
            return &world.peers[i];
    }
    fail_msg("more than %d peers", PEERS_MAX);
    return NULL;
}

static void
shake_hands(struct mpm_world_peer *p)
{
    static const uint8_t nonce[MPM_AUTH_NONCE] = { 7 };
    uint8_t challenge[MPM_AUTH_CHALLENGE_MAX];
    size_t len = mpm__auth_challenge(challenge, nonce);
    struct mpm_auth auth;
    struct mpm_buf out;
    const uint8_t *body;
    int r = MPM_EAGAIN;

    off_the_record();
    mpm__buf_init(&out, 0);
    mpm__auth_init(&auth, MPM_AUTH_CLIENT, challenge, len, &out);
    on_the_record();
    while (r == MPM_EAGAIN) {
        collect(p);
        body = next_frame(p, &len);
        if (body == NULL)
            break; /* no memory: the session is closing */
        off_the_record();
        r = mpm__auth_feed(&auth, authkey, sizeof authkey - 1, body, len, &out, NULL);
        on_the_record();
        mpm__buf_shift(&p->in, len + 4);
        if (out.len != 0)
            mpm__session_feed(p->session, out.data, out.len, world.now_ns);
        mpm__buf_clear(&out);
    }
    assert_true(r == 0 || mpm__session_is_closing(p->session));
    off_the_record();
    mpm__buf_wipe(&out);
    on_the_record();
}

/* NULL: the hub had no memory. */
static struct mpm_world_peer *
connect(int64_t pid, uint8_t protocol)
{
    static const uint8_t nonce[MPM_AUTH_NONCE] = { 3 };
    struct mpm_world_peer *p = free_place();
    struct mpm_peer who = { .pid = pid, .text = pid != 0 ? "unix" : "127.0.0.1:9" };

    p->pid = pid;
    p->protocol = protocol;
    p->session = mpm__session_new(world.hub, &who, nonce, world.now_ns, p);
    if (p->session == NULL)
        return NULL;
    shake_hands(p);
    return p;
}

static struct mpm_world_peer *
accepted(int64_t pid, uint8_t protocol, const char *thread)
{
    struct mpm_world_peer *p = connect(pid, protocol);

    if (p == NULL)
        return NULL;
    send_request(p, NULL, 0, "accept_connection", 17, "()", thread, strlen(thread));
    if (strcmp(mpm_world_reply(p), "None") == 0)
        return p;
    mpm_world_peer_end(p, false);
    return NULL;
}

struct mpm_world_peer *
mpm_world_peer_new(int64_t pid, const char *thread)
{
    return accepted(pid, 4, thread);
}

struct mpm_world_peer *
mpm_world_peer_old(int64_t pid)
{
    return accepted(pid, 2, "MainProcess");
}

void
mpm_world_peer_end(struct mpm_world_peer *p, bool lost)
{
    struct mpm_session *s = p->session;

    p->session = NULL;
    off_the_record();
    mpm__buf_wipe(&p->in);
    on_the_record();
    mpm__session_end(s, lost, world.now_ns);
    pump();
}

void
mpm_world_kill(int64_t pid, bool lost)
{
    for (int i = 0; i < PEERS_MAX; i++) {
        if (world.peers[i].session != NULL && world.peers[i].pid == pid)
            mpm_world_peer_end(&world.peers[i], lost);
    }
    mpm__hub_process_gone(world.hub, pid, world.now_ns);
    pump();
}

const char *
mpm_world_ask(struct mpm_world_peer *p, const char *request)
{
    size_t head = strcspn(request, "."), name = strcspn(request + head, "(!") - 1;

    send_request(p, request, head, request + head + 1, name, request + head + 1 + name, NULL, 0);
    return mpm_world_reply(p);
}

bool
mpm_world_either(struct mpm_world_peer *p, const char *request, const char *reply)
{
    const char *got = p != NULL ? mpm_world_ask(p, request) : "! MemoryError";

    if (strcmp(got, reply) == 0)
        return true;
    if (strstr(got, "MemoryError") == NULL && strcmp(got, "! ") != 0) /* no memory for the traceback either */
        fail_msg("%s: %s", request, got);
    return false;
}

static const char *
once(const char *function, const char *arguments, const char *first, size_t first_len)
{
    static char text[2048];
    struct mpm_world_peer *p = connect(1, 4);

    world.once_replied = 0;

    if (p == NULL)
        return "! MemoryError";
    send_request(p, NULL, 0, function, strlen(function), arguments, first, first_len);
    snprintf(text, sizeof text, "%s", mpm_world_reply(p));
    world.once_replied = p->replied;
    mpm_world_peer_end(p, false);
    return text;
}

const char *
mpm_world_once(const char *request)
{
    size_t len = strcspn(request, "(!");
    char function[64];

    snprintf(function, sizeof function, "%.*s", (int)len, request);
    return once(function, request + len, NULL, 0);
}

int
mpm_world_set_up(const char *request, struct mpm_error *err)
{
    size_t len = strcspn(request, "(!"), head = strcspn(request, ".(");
    const char *name = head < len ? request + head + 1 : request;
    struct mpm_buf body;
    int r;

    write_request(&body, 4, head < len ? request : NULL, head, name, (size_t)(request + len - name), request + len,
        NULL, 0);
    assert_int_equal(body.error, 0);
    r = mpm__hub_set_up(world.hub, body.data, body.len, err);
    off_the_record();
    mpm__buf_wipe(&body);
    on_the_record();
    return r;
}

size_t
mpm_world_once_replied(void)
{
    return world.once_replied;
}

const char *
mpm_world_create(const char *call)
{
    static char ident[2048];
    size_t len = strcspn(call, "(!");

    snprintf(ident, sizeof ident, "%s", once("create", call + len, call, len));
    if (strncmp(ident, "('", 2) == 0) { /* ('1f', ('acquire', ...)) */
        len = strcspn(ident + 2, "'");
        memmove(ident, ident + 2, len);
        ident[len] = '\0';
    }
    return ident;
}

void
mpm_world_decref(const char *ident)
{
    assert_string_equal(once("decref", "()", ident, strlen(ident)), "None");
}

/* --- world -------------------------------------------------------------------------------------------------------- */

size_t
mpm_world_replied(const struct mpm_world_peer *p)
{
    return p->replied;
}

uint64_t
mpm_world_memory(void)
{
    return world.hub->memory;
}

void
mpm_world_open(enum mpm_death_policy policy)
{
    mpm_world_open_limited(policy, 0);
}

void
mpm_world_open_limited(enum mpm_death_policy policy, uint64_t max_memory)
{
    struct mpm_hub_options options = {
        .authkey = authkey, .authkey_len = sizeof authkey - 1, .max_message = 1 << 20, .auth_timeout_ns = MPM_FOREVER,
        .on_owner_death = policy, .max_memory = max_memory,
    };

    mpm__log_default.level = MPM_LOG_ERROR;
    world.now_ns = INT64_C(1000000000000);
    world.hub = mpm__hub_new(&options);
    if (world.hub != NULL && mpm__hub_add_address(world.hub, "/sock") != 0) {
        mpm__hub_free(world.hub);
        world.hub = NULL;
    }
}

struct mpm_hub *
mpm_world_hub(void)
{
    return world.hub;
}

void
mpm_world_close(void)
{
    for (int i = 0; i < PEERS_MAX; i++) {
        if (world.peers[i].session != NULL)
            mpm_world_peer_end(&world.peers[i], false);
    }
    mpm__hub_free(world.hub);
    world.hub = NULL;
}

void
mpm_world_pass(double seconds)
{
    world.now_ns += (int64_t)(seconds * 1e9);
    mpm__hub_tick(world.hub, world.now_ns);
    pump();
}

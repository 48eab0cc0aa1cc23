/*
 * address.c - parsing and formatting of socket addresses. Layer: net.
 *
 * Does not open sockets. The only thing that may wait is the look-up of a host name at start; nothing here is called
 * for a connection other than mpm__address_format() for its log line.
 */
#include "net/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

#define SHOWN 60 /* so much of a bad value is repeated in the message */

/* `name` is what follows the "@" of an abstract address, and the whole text of a path. */
static int
parse_unix(const char *text, const char *name, struct mpm_address *out, struct mpm_error *err)
{
    /* A path has a final NUL, an abstract name a leading one: every byte of it counts, so there is none behind. */
    bool is_abstract = name != text;
    struct mpm_address a = {0};
    size_t len = strlen(name), max = sizeof a.u.un.sun_path - 1;

    if (len > max)
        return mpm__fail(err, MPM_EINVAL, 0, "%.*s...: too long: a socket's %s has at most %zu bytes, this one has %zu",
            SHOWN, text, is_abstract ? "name" : "path", max, len);
    if (len == 0)
        return mpm__fail(err, MPM_EINVAL, 0, "@: a name is missing; give @name");
    a.u.un.sun_family = AF_UNIX;
    memcpy(a.u.un.sun_path + is_abstract, name, len);
    a.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    *out = a;
    return 0;
}

static int
parse_port(const char *text, const char *digits, uint16_t *port, struct mpm_error *err)
{
    unsigned v = 0;
    const char *p = digits;

    for (; *p >= '0' && *p <= '9' && v <= 65535; p++)
        v = v * 10 + (unsigned)(*p - '0');
    if (p == digits || *p != '\0' || v > 65535)
        return mpm__fail(err, MPM_EINVAL, 0, "%.*s: the port is to be a number from 0 (any free one) to 65535", SHOWN,
            text);
    *port = (uint16_t)v;
    return 0;
}

static int
parse_inet(const char *text, struct mpm_address *out, struct mpm_error *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_INET}, *found = NULL;
    const char *host = text, *colon = strrchr(text, ':');
    size_t host_len = (size_t)(colon - text);
    char name[256];
    uint16_t port;
    int r;

    if (text[0] == '[') {
        if (host_len < 2 || colon[-1] != ']')
            return mpm__fail(err, MPM_EINVAL, 0, "%.*s: give [address]:port, as [::1]:5000", SHOWN, text);
        host++;
        host_len -= 2;
        hints.ai_family = AF_INET6;
        hints.ai_flags = AI_NUMERICHOST;
    } else if (memchr(text, ':', host_len) != NULL) {
        return mpm__fail(err, MPM_EINVAL, 0, "%.*s: an IPv6 address goes in brackets, as [::1]:5000", SHOWN, text);
    }
    if (host_len == 0)
        return mpm__fail(err, MPM_EINVAL, 0,
            "%.*s: the host is missing; give 127.0.0.1 for this machine only, 0.0.0.0 for every interface", SHOWN,
            text);
    if (host_len >= sizeof name)
        return mpm__fail(err, MPM_EINVAL, 0, "%.*s...: no host name is that long", SHOWN, text);
    memcpy(name, host, host_len);
    name[host_len] = '\0';
    if ((r = parse_port(text, colon + 1, &port, err)) != 0)
        return r;

    r = getaddrinfo(name, NULL, &hints, &found);
    if (r != 0 && hints.ai_family == AF_INET) {
        hints.ai_family = AF_INET6;
        if (getaddrinfo(name, NULL, &hints, &found) == 0)
            r = 0;
    }
    if (r == EAI_MEMORY)
        return mpm__fail(err, MPM_ENOMEM, 0, "%.*s: out of memory", SHOWN, text);
    if (r != 0)
        return mpm__fail(err, MPM_EINVAL, 0, "%.*s: %s; give a name or number of this machine, or a path with a slash",
            SHOWN, text, text[0] == '[' ? "not an IPv6 address" : gai_strerror(r));
    *out = (struct mpm_address){.len = found->ai_addrlen};
    memcpy(&out->u, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    if (out->u.any.sa_family == AF_INET6)
        ((struct sockaddr_in6 *)(void *)&out->u)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)(void *)&out->u)->sin_port = htons(port);
    return 0;
}

int
mpm__address_parse(const char *text, struct mpm_address *out, struct mpm_error *err)
{
    if (text[0] == '\0')
        return mpm__fail(err, MPM_EINVAL, 0, "the address is empty; give a path, @name, host:port or [v6]:port");
    if (text[0] == '@')
        return parse_unix(text, text + 1, out, err);
    if (strchr(text, '/') != NULL || strchr(text, ':') == NULL)
        return parse_unix(text, text, out, err);
    return parse_inet(text, out, err);
}

const char *
mpm__address_format(const struct mpm_address *a, char out[MPM_ADDRESS_TEXT])
{
    const size_t name_at = offsetof(struct sockaddr_un, sun_path);
    char host[64], port[8];

    if (a->len <= name_at) {
        memcpy(out, "unix", 5);
    } else if (mpm__address_is_unix(a)) {
        size_t len = a->len - name_at;

        /* The NUL of a path may or may not be counted in len. */
        if (a->u.un.sun_path[0] != '\0')
            len = strnlen(a->u.un.sun_path, len);
        memcpy(out, a->u.un.sun_path, len);
        out[len] = '\0';
        if (out[0] == '\0')
            out[0] = '@';
    } else if (a->u.any.sa_family == AF_INET) {
        /* By hand: it is done for every connection, and getnameinfo() is slow. */
        const struct sockaddr_in *in = (const void *)&a->u;
        const uint8_t *b = (const void *)&in->sin_addr;

        snprintf(out, MPM_ADDRESS_TEXT, "%u.%u.%u.%u:%u", b[0], b[1], b[2], b[3], ntohs(in->sin_port));
    } else if (getnameinfo(&a->u.any, a->len, host, sizeof host, port, sizeof port,
                   NI_NUMERICHOST | NI_NUMERICSERV) == 0) {
        snprintf(out, MPM_ADDRESS_TEXT, "[%s]:%s", host, port);
    } else {
        memcpy(out, "unknown", 8);
    }
    return out;
}

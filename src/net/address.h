/* address.h - the ADDRESS of the command line: a path, "@name", "host:port", "[v6]:port". Layer: net. */
#ifndef MPM_NET_ADDRESS_H
#define MPM_NET_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <mpmd/error.h>

struct mpm_address {
    socklen_t len; /* of what is in use below; 0: no address */
    union {
        struct sockaddr any;
        struct sockaddr_un un;
        struct sockaddr_storage storage;
    } u;
};

#define MPM_ADDRESS_TEXT 128 /* enough for every text of mpm__address_format() */

/*
 * Reads one ADDRESS. A host that is not a number is looked up (this may wait), IPv4 first: stock Python clients speak
 * nothing else unless told. A path is a text with a slash or without a colon; it is taken as it is.
 * Returns 0; MPM_EINVAL (err: the value, what is wrong with it and what to give) or MPM_ENOMEM. *out is untouched on
 * failure.
 */
int mpm__address_parse(const char *text, struct mpm_address *out, struct mpm_error *err);

/* The text that mpm__address_parse() reads back as the same address, numbers instead of names; "unix" for a socket
 * without a name. Returns out. */
const char *mpm__address_format(const struct mpm_address *a, char out[MPM_ADDRESS_TEXT]);

static inline bool
mpm__address_is_unix(const struct mpm_address *a)
{
    return a->u.any.sa_family == AF_UNIX;
}

#endif

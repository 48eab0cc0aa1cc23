/* client.h - what the files of the client share of clients and proxies. Layer: client, private. */
#ifndef MPM_CLIENT_CLIENT_H
#define MPM_CLIENT_CLIENT_H

#include <mpmd/client.h>

struct mpm_client *mpm__proxy_client(const struct mpm_proxy *proxy);
/* The beginning of mpm_proxy_token(), *len bytes long: "Queue", "dict", a registered name. */
const char *mpm__proxy_typeid(const struct mpm_proxy *proxy, size_t *len);

/*
 * mpm_call() for typed calls: waits for as long as the method may by itself (waits_ns: 0 for one that does not wait,
 * MPM_FOREVER for one that may without end) and the client's call_timeout_ns.
 */
int mpm__call(struct mpm_proxy *proxy, const char *method, struct mpm_builder *args, struct mpm_builder *kwds,
    int64_t waits_ns, struct mpm_document **result, struct mpm_error *err);
/* The same for mpm_call_proxy(). */
int mpm__call_proxy(struct mpm_proxy *proxy, const char *method, struct mpm_builder *args, struct mpm_builder *kwds,
    int64_t waits_ns, struct mpm_proxy **out, struct mpm_error *err);

#endif

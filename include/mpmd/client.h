/* client.h - objects of a manager, of CPython's or of mpmd, used from C. Public. */
#ifndef MPMD_CLIENT_H
#define MPMD_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include <mpmd/error.h>
#include <mpmd/value.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * A client is one thread of one process, as the manager sees it: what it locks belongs to it. It keeps one connection
 * for calls and opens short ones to create, find and give back objects, as Python's proxies do. A client, its proxies
 * and its results are used by one thread at a time; other threads open clients of their own.
 *
 * Source: CPython Lib/multiprocessing/managers.py, BaseManager and BaseProxy.
 */
struct mpm_client;

/** One object of the manager, and a reference to it: the object lives at least as long. */
struct mpm_proxy;

/** Zero it, set `size`, then what you need. */
struct mpm_client_options {
    size_t size;                /* sizeof(struct mpm_client_options) */
    const void *authkey;        /* copied; NULL: the empty key b'' */
    size_t authkey_len;         /* bytes */
    int64_t connect_timeout_ns; /* for each connection with its handshake; 0: 20 s */
    uint64_t max_message;       /* bytes of the longest reply to accept; 0: 256 MiB */
    const char *name;           /* what the manager calls this thread; copied; NULL: "C" */
    int64_t call_timeout_ns;    /* how long typed calls (mpm_lock_acquire()...) wait for a reply, beyond what the method
                                 * itself is to wait for; 0: without end */
};

/**
 * Connect to a manager. Its Python's age shows in its first answer and is kept in mind.
 *
 * address   "/path", "@name", "host:port", "[v6]:port"; borrowed
 * out       returned, free with mpm_client_close(), after its proxies
 *
 * Returns 0, or what mpm_connection_open() returns. Since 0.1.
 */
MPM_API int mpm_client_open(const char *address, const struct mpm_client_options *options, struct mpm_client **out,
    struct mpm_error *err);
/** NULL is allowed. What the client had locked stays locked, unless the server does better. Since 0.1. */
MPM_API void mpm_client_close(struct mpm_client *client);

/** The pickle protocol that the server reads and writes: 2 (Python 2.7), 3, 4 or 5. Since 0.1. */
MPM_API int mpm_client_protocol(const struct mpm_client *client);
/** A builder for arguments that this server reads. Free with mpm_builder_close(). Since 0.1. */
MPM_API int mpm_client_builder(const struct mpm_client *client, struct mpm_builder **out);

/** What a server raised: the answer to MPM_EREMOTE. Valid until the client's next call. */
struct mpm_exception {
    const char *type;     /* "builtins.KeyError", "queue.Empty", as Python 3 names it; of a failure inside the server
                           * "multiprocessing.managers.RemoteError" */
    const char *text;     /* what Python prints behind the type, as UTF-8; of a RemoteError the last line of its traceback */
    struct mpm_ref args;  /* the exception's arguments, a tuple; doc NULL: there are none to see */
};
/** NULL when the last call raised nothing. Since 0.1. */
MPM_API const struct mpm_exception *mpm_client_exception(const struct mpm_client *client);

/**
 * Ask the server itself, on a connection of its own: "debug_info", "number_of_objects", "shutdown", mpmd's
 * "mpmd_inspect" (doc/protocol.md). What Python has as managers.dispatch(conn, None, function, args, kwds).
 *
 * args, kwds, result   as for mpm_call()
 *
 * Returns 0, MPM_EREMOTE (it raised, or there is no such function: mpm_client_exception()) or what mpm_create() does. Since
 * 0.1.
 */
MPM_API int mpm_request(struct mpm_client *client, const char *function, struct mpm_builder *args,
    struct mpm_builder *kwds, struct mpm_document **result, struct mpm_error *err);

/**
 * Make an object, or get the one that is registered by a name.
 *
 * type    the typeid: "Queue", "dict", a registered name; borrowed
 * args    a tuple that was built; NULL: (). Borrowed.
 * kwds    a dict that was built; NULL: {}. Borrowed.
 * out     returned, free with mpm_proxy_close()
 *
 * Returns 0, MPM_EREMOTE (the constructor raised, or there is no such type: mpm_client_exception()), MPM_EINVAL (args
 * or kwds are no tuple or dict), MPM_ECONN and the rest of mpm_connection_open(). Since 0.1.
 */
MPM_API int mpm_create(struct mpm_client *client, const char *type, struct mpm_builder *args, struct mpm_builder *kwds,
    struct mpm_proxy **out, struct mpm_error *err);

/**
 * The object that a text names: `typeid:ident@address`, as mpm_proxy_token() writes it (Python: proxy._token has the
 * three). The address is not looked at: the object is looked for on this client's server.
 *
 * Returns 0, MPM_EINVAL (no such text), MPM_EREMOTE (no such object) or what mpm_create() does. Since 0.1.
 */
MPM_API int mpm_proxy_from_token(struct mpm_client *client, const char *token, struct mpm_proxy **out, struct mpm_error *err);

/**
 * The object of a proxy or Token inside a value: an item of a managed list, or what Python sent through a queue or
 * pipe (its pickle: mpm_document_open()). Returns 0, MPM_ETYPE (no proxy) or what mpm_proxy_from_token() does. Since
 * 0.1.
 */
MPM_API int mpm_proxy_from_ref(struct mpm_client *client, struct mpm_ref ref, struct mpm_proxy **out, struct mpm_error *err);

/** Gives the reference back and frees the proxy. NULL is allowed; failures are not told, as in Python. Since 0.1. */
MPM_API void mpm_proxy_close(struct mpm_proxy *proxy);

/** `typeid:ident@address`; lives as long as the proxy. Since 0.1. */
MPM_API const char *mpm_proxy_token(const struct mpm_proxy *proxy);

/** Puts a proxy for Python to find the object by: for storing it in a container, or sending it to another process.
 * proxytype: the class that Python is to use ("ListProxy", "DictProxy", "AcquirerProxy"...); NULL: AutoProxy, which
 * CPython 3.9 and later read. Since 0.1. */
MPM_API void mpm_put_proxy(struct mpm_builder *builder, const struct mpm_proxy *proxy, const char *proxytype);

/**
 * Call a method and wait for its result.
 *
 * args, kwds  as for mpm_create()
 * timeout_ns  how long to wait for the reply. Should it pass, the call is given up and its connection closed: it may
 *             or may not have happened. What a method itself waits for is an argument of the method.
 * result      returned, free with mpm_document_close(); NULL when it is not wanted. mpm_document_root() is the value.
 *
 * Returns 0, MPM_EREMOTE (it raised: mpm_client_exception()), MPM_ETIMEOUT, MPM_ECONN (the connection was lost: the
 * call may or may not have happened, unless err says that it was not sent), MPM_EINVAL, MPM_EBADPICKLE (the reply is
 * none) or MPM_ENOMEM. Since 0.1.
 */
MPM_API int mpm_call(struct mpm_proxy *proxy, const char *method, struct mpm_builder *args, struct mpm_builder *kwds,
    int64_t timeout_ns, struct mpm_document **result, struct mpm_error *err);

/** The same for a method that returns a proxy (`__iter__` of a dict, mpmd's and CPython's `#PROXY`): free *out with
 * mpm_proxy_close(). MPM_ETYPE: it returned a value. Since 0.1. */
MPM_API int mpm_call_proxy(struct mpm_proxy *proxy, const char *method, struct mpm_builder *args, struct mpm_builder *kwds,
    int64_t timeout_ns, struct mpm_proxy **out, struct mpm_error *err);

#ifdef __cplusplus
}
#endif
#endif

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
 * for calls and opens short ones to create, find and give back objects, as Python's proxies do.
 *
 * Threads: a client and its proxies are used by one thread at a time; other threads open clients of their own
 * (mpm_proxy_copy() takes an object along). A result shares nothing with its client: it, too, is used by one thread at
 * a time, which may be another one. Nothing here is called back, raises a signal or changes one's handling.
 *
 * fork(): a child may go on with a copy of its parent's client and proxies. Its calls go over a connection of its own,
 * the calls that were started are the parent's, and so are the references: mpm_proxy_close() in the child only frees
 * memory, and objects live as long as the parent, or mpm_proxy_copy(), holds them.
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
    int reconnect;              /* non-zero: a call of mpm_call() and its like whose connection was lost is made again
                                 * over a new connection, once, if it certainly was not carried out, or if it is
                                 * idempotent: it only reads (dict.get(), list.__getitem__(), Event.is_set()...), or is
                                 * named next. What is bound to the connection is lost then: an RLock that it held */
    const char *const *idempotent; /* names of further methods that may be carried out twice, NULL behind the last;
                                    * copied; NULL: none */
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

/** What a server raised: the answer to MPM_EREMOTE. Valid until the client's next call; closing
 * a proxy is none. */
struct mpm_exception {
    const char *type;     /* "builtins.KeyError", "queue.Empty", as Python 3 names it; of a failure inside the server
                           * "multiprocessing.managers.RemoteError" */
    const char *text;     /* what Python prints behind the type, as UTF-8; of a RemoteError the last line of its traceback */
    struct mpm_ref args;  /* the exception's arguments, a tuple; doc NULL: there are none to see */
};
/** NULL when the last call raised nothing. Since 0.1. */
MPM_API const struct mpm_exception *mpm_client_exception(const struct mpm_client *client);

/**
 * Non-zero when the last call (or request to create or find something) failed after all of its request had left: the
 * connection was lost, or the time passed, or the reply made no sense. Then the server may have carried it out. 0: it
 * was not carried out, or it was answered. The text of the error says it, too. Since 0.1.
 */
MPM_API int mpm_client_unsure(const struct mpm_client *client);

/**
 * Ask the server itself, on a connection of its own: "debug_info", "number_of_objects", "shutdown", mpmd's
 * "mpmd_inspect" (doc/protocol.md). What Python has as managers.dispatch(conn, None, function, args, kwds).
 *
 * args, kwds, result   as for mpm_call()
 *
 * Returns 0, MPM_EREMOTE (it raised, or there is no such function: mpm_client_exception()) or what mpm_create() does.
 * Since 0.1.
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
 * or kwds are no tuple or dict), MPM_ENOMEM (an object that was made meanwhile has been given back), MPM_ECONN and the
 * rest of mpm_connection_open(). Since 0.1.
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

/**
 * The same object once more, with a reference of its own, for another client: of another thread, or over another
 * address of the same server. client: the one that is to use *out. Returns what mpm_proxy_from_token() does. Since 0.1.
 */
MPM_API int mpm_proxy_copy(const struct mpm_proxy *proxy, struct mpm_client *client, struct mpm_proxy **out,
    struct mpm_error *err);

/** Gives the reference back and frees the proxy, within connect_timeout_ns also when the server is gone. NULL is
 * allowed; failures are not told, as in Python, and what the last call raised stays. Since 0.1. */
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
 * Returns 0, MPM_EREMOTE (it raised: mpm_client_exception()), MPM_ETIMEOUT or MPM_ECONN (the connection was lost):
 * mpm_client_unsure() tells whether it may have happened; MPM_EINVAL (also while started calls are not taken),
 * MPM_ETYPE (it returned a proxy), MPM_EBADPICKLE (the reply is none) or MPM_ENOMEM. The next call opens a new
 * connection when one was lost. Since 0.1.
 */
MPM_API int mpm_call(struct mpm_proxy *proxy, const char *method, struct mpm_builder *args, struct mpm_builder *kwds,
    int64_t timeout_ns, struct mpm_document **result, struct mpm_error *err);

/** The same for a method that returns a proxy (`__iter__` of a dict, mpmd's and CPython's `#PROXY`): free *out with
 * mpm_proxy_close(). MPM_ETYPE: it returned a value. Since 0.1. */
MPM_API int mpm_call_proxy(struct mpm_proxy *proxy, const char *method, struct mpm_builder *args, struct mpm_builder *kwds,
    int64_t timeout_ns, struct mpm_proxy **out, struct mpm_error *err);

/* --- many calls at once ------------------------------------------------------------------------------------------- */

/**
 * Put a call in line without waiting for anything, also not for a connection. Calls are carried out in the order in
 * which they were started, and answered so by mpm_take(). Many are under way at once, but behind one that may wait in
 * the server (acquire, wait, wait_for, join, put, put_many, pop_many, get of what is no dict or Value...) the next is
 * sent when it has been answered (put_nowait and get_nowait do not wait). Requests are gathered: when some are under way, the next is sent by
 * mpm_client_advance() at the latest, or by the mpm_take() that takes the last reply that has arrived so far.
 *
 * args, kwds  as for mpm_create(); copied
 * user        what mpm_take() returns with the reply
 *
 * How much is kept unsent is the caller's to limit, by mpm_client_started(). `reconnect` is not for started calls.
 * Returns 0 (mpm_take() will tell how it ended) or, when it is not in line and will not happen, MPM_EINVAL, MPM_ECONN
 * and the rest of mpm_connection_start(), or MPM_ENOMEM. Since 0.1.
 */
MPM_API int mpm_start(struct mpm_proxy *proxy, const char *method, struct mpm_builder *args, struct mpm_builder *kwds,
    void *user, struct mpm_error *err);

/**
 * Take the reply of the call that was started first.
 *
 * timeout_ns  how long to wait for it
 * user        returned unless MPM_ETIMEOUT or MPM_EEMPTY is; NULL when it is not wanted
 * result      as for mpm_call()
 *
 * Returns 0, MPM_EREMOTE, MPM_ECONN and the others of mpm_call(): how that call ended, mpm_client_unsure() tells of it;
 * when the connection is lost every started call ends so, one after the other. MPM_ETYPE: it returned a proxy, which
 * cannot be started (its reference was given back, which waits for the server). MPM_ETIMEOUT: it is not there yet, call
 * again, nothing is lost. MPM_EEMPTY: none is started. Since 0.1.
 */
MPM_API int mpm_take(struct mpm_client *client, int64_t timeout_ns, void **user, struct mpm_document **result,
    struct mpm_error *err);

/** How many calls are started and not taken. Since 0.1. */
MPM_API size_t mpm_client_started(const struct mpm_client *client);

/**
 * For somebody else's loop: poll mpm_client_fd() for what mpm_client_wants() says (MPM_WANT_READ, MPM_WANT_WRITE of
 * <mpmd/connection.h>), then call mpm_client_advance(), and mpm_take() with timeout 0 until that returns MPM_ETIMEOUT or
 * MPM_EEMPTY: several replies may have come at once. Ask for both anew each time. fd: -1 and wants: 0 while there is no
 * connection; started calls that are left then have failed, and are to be taken. Since 0.1.
 */
MPM_API int mpm_client_fd(const struct mpm_client *client);
MPM_API unsigned mpm_client_wants(const struct mpm_client *client);

/**
 * Goes on with what is under way, without waiting: connecting, the handshake, sending. Returns 0 (all is sent that can
 * be), MPM_EAGAIN (poll again) or how the connection failed; it is closed then, and mpm_take() tells of each call. A
 * server that does not answer the handshake within connect_timeout_ns is noticed here and by mpm_take(). Since 0.1.
 */
MPM_API int mpm_client_advance(struct mpm_client *client, struct mpm_error *err);

#ifdef __cplusplus
}
#endif
#endif

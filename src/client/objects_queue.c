/*
 * objects_queue.c - typed calls of queues and deques. Layer: client.
 *
 * Source: CPython Lib/queue.py and collections.deque; put_many, pop_many and lease are mpmd's: src/object/queue.c.
 */
#include <mpmd/objects.h>

#include "base/error.h"
#include "client/document.h"
#include "client/objects.h"

/* --- queues ------------------------------------------------------------------------------------------------------- */

int
mpm_queue_put(struct mpm_proxy *queue, struct mpm_builder *item, int64_t timeout_ns, struct mpm_error *err)
{
    struct mpm_arg args[4] = { MPM__VALUE(item) };

    timeout_ns = mpm__ask_timeout(timeout_ns);
    mpm__block_args(args + 1, timeout_ns);
    return mpm__ask(queue, MPM__ASK("put", .args = args, .waits_ns = timeout_ns), NULL, err);
}

int
mpm_queue_get(struct mpm_proxy *queue, int64_t timeout_ns, struct mpm_document **item, struct mpm_error *err)
{
    struct mpm_arg args[3];

    timeout_ns = mpm__ask_timeout(timeout_ns);
    mpm__block_args(args, timeout_ns);
    return mpm__ask(queue, MPM__ASK("get", .args = args, .waits_ns = timeout_ns), item, err);
}

int
mpm_queue_put_many(struct mpm_proxy *queue, struct mpm_builder *items, int64_t timeout_ns, struct mpm_error *err)
{
    struct mpm_arg args[4] = { MPM__VALUE(items) };

    timeout_ns = mpm__ask_timeout(timeout_ns);
    mpm__block_args(args + 1, timeout_ns);
    return mpm__ask(queue, MPM__ASK("put_many", .args = args, .waits_ns = timeout_ns), NULL, err);
}

int
mpm_queue_pop_many(struct mpm_proxy *queue, int64_t n, int64_t timeout_ns, struct mpm_document **items,
    struct mpm_error *err)
{
    struct mpm_arg args[4] = { MPM__INT(n) };

    timeout_ns = mpm__ask_timeout(timeout_ns);
    mpm__block_args(args + 1, timeout_ns);
    return mpm__ask_list(queue, MPM__ASK("pop_many", .args = args, .waits_ns = timeout_ns), items, err);
}

/* (lease, deliveries, item): the item becomes the document's root. */
static int
read_leased(struct mpm_document *d, int64_t *lease, int64_t *deliveries)
{
    struct mpm_ref *parts = NULL;
    size_t n;
    int64_t number, count;
    int r = mpm_read_parts(mpm_document_root(d), &parts, &n);

    if (r == 0)
        r = n == 3 ? mpm_read_int64(parts[0], &number) : MPM_ETYPE;
    if (r == 0)
        r = mpm_read_int64(parts[1], &count);
    if (r == 0) {
        d->root = parts[2].item;
        *lease = number;
        if (deliveries != NULL)
            *deliveries = count;
    }
    mpm_free(parts);
    return r;
}

int
mpm_queue_lease(struct mpm_proxy *queue, int64_t timeout_ns, int64_t *lease, int64_t *deliveries,
    struct mpm_document **item, struct mpm_error *err)
{
    struct mpm_arg args[3];
    struct mpm_document *d;
    int r;

    timeout_ns = mpm__ask_timeout(timeout_ns);
    mpm__block_args(args, timeout_ns);
    r = mpm__ask(queue, MPM__ASK("lease", .args = args, .waits_ns = timeout_ns), &d, err);
    if (r != 0)
        return r;
    r = read_leased(d, lease, deliveries);
    if (r == 0) {
        *item = d;
        return 0;
    }
    mpm_document_close(d);
    return mpm__fail(err, r, 0, r == MPM_ENOMEM ? "no memory for an item on lease" : "lease() returned no lease");
}

int
mpm_queue_ack(struct mpm_proxy *queue, int64_t lease, struct mpm_error *err)
{
    return mpm__ask(queue, MPM__ASK("ack", MPM__ARGS(MPM__INT(lease))), NULL, err);
}

int
mpm_queue_nack(struct mpm_proxy *queue, int64_t lease, int failed, struct mpm_error *err)
{
    return mpm__ask(queue, MPM__ASK("nack", MPM__ARGS(MPM__INT(lease), MPM__BOOL(failed))), NULL, err);
}

int
mpm_queue_qsize(struct mpm_proxy *queue, int64_t *n, struct mpm_error *err)
{
    return mpm__ask_int(queue, MPM__ASK("qsize"), n, err);
}

int
mpm_queue_empty(struct mpm_proxy *queue, int *empty, struct mpm_error *err)
{
    return mpm__ask_bool(queue, MPM__ASK("empty"), empty, err);
}

int
mpm_queue_full(struct mpm_proxy *queue, int *full, struct mpm_error *err)
{
    return mpm__ask_bool(queue, MPM__ASK("full"), full, err);
}

int
mpm_queue_task_done(struct mpm_proxy *queue, struct mpm_error *err)
{
    return mpm__ask(queue, MPM__ASK("task_done"), NULL, err);
}

int
mpm_queue_join(struct mpm_proxy *queue, struct mpm_error *err)
{
    return mpm__ask(queue, MPM__ASK("join", .waits_ns = MPM_FOREVER), NULL, err);
}

int
mpm_queue_shutdown(struct mpm_proxy *queue, int immediately, struct mpm_error *err)
{
    return mpm__ask(queue, MPM__ASK("shutdown", MPM__ARGS(MPM__BOOL(immediately))), NULL, err);
}

/* --- deques ------------------------------------------------------------------------------------------------------- */

int
mpm_deque_append(struct mpm_proxy *deque, struct mpm_builder *item, struct mpm_error *err)
{
    return mpm__ask(deque, MPM__ASK("append", MPM__ARGS(MPM__VALUE(item))), NULL, err);
}

int
mpm_deque_append_left(struct mpm_proxy *deque, struct mpm_builder *item, struct mpm_error *err)
{
    return mpm__ask(deque, MPM__ASK("appendleft", MPM__ARGS(MPM__VALUE(item))), NULL, err);
}

int
mpm_deque_extend(struct mpm_proxy *deque, struct mpm_builder *items, struct mpm_error *err)
{
    return mpm__ask(deque, MPM__ASK("extend", MPM__ARGS(MPM__VALUE(items))), NULL, err);
}

int
mpm_deque_extend_left(struct mpm_proxy *deque, struct mpm_builder *items, struct mpm_error *err)
{
    return mpm__ask(deque, MPM__ASK("extendleft", MPM__ARGS(MPM__VALUE(items))), NULL, err);
}

int
mpm_deque_pop(struct mpm_proxy *deque, struct mpm_document **item, struct mpm_error *err)
{
    return mpm__ask(deque, MPM__ASK("pop", .raises = mpm__raises_take), item, err);
}

int
mpm_deque_pop_left(struct mpm_proxy *deque, struct mpm_document **item, struct mpm_error *err)
{
    return mpm__ask(deque, MPM__ASK("popleft", .raises = mpm__raises_take), item, err);
}

int
mpm_deque_insert(struct mpm_proxy *deque, int64_t index, struct mpm_builder *item, struct mpm_error *err)
{
    return mpm__ask(deque, MPM__ASK("insert", MPM__ARGS(MPM__INT(index), MPM__VALUE(item))), NULL, err);
}

int
mpm_deque_remove(struct mpm_proxy *deque, struct mpm_builder *item, struct mpm_error *err)
{
    return mpm__ask(deque, MPM__ASK("remove", MPM__ARGS(MPM__VALUE(item)), .raises = mpm__raises_search), NULL, err);
}

int
mpm_deque_index(struct mpm_proxy *deque, struct mpm_builder *item, int64_t *index, struct mpm_error *err)
{
    return mpm__ask_int(deque, MPM__ASK("index",
        MPM__ARGS(MPM__VALUE(item)), .raises = mpm__raises_search), index, err);
}

int
mpm_deque_count(struct mpm_proxy *deque, struct mpm_builder *item, int64_t *n, struct mpm_error *err)
{
    return mpm__ask_int(deque, MPM__ASK("count", MPM__ARGS(MPM__VALUE(item))), n, err);
}

int
mpm_deque_reverse(struct mpm_proxy *deque, struct mpm_error *err)
{
    return mpm__ask(deque, MPM__ASK("reverse"), NULL, err);
}

int
mpm_deque_rotate(struct mpm_proxy *deque, int64_t n, struct mpm_error *err)
{
    return mpm__ask(deque, MPM__ASK("rotate", MPM__ARGS(MPM__INT(n))), NULL, err);
}

int
mpm_deque_clear(struct mpm_proxy *deque, struct mpm_error *err)
{
    return mpm__ask(deque, MPM__ASK("clear"), NULL, err);
}

int
mpm_deque_copy(struct mpm_proxy *deque, struct mpm_document **copy, struct mpm_error *err)
{
    return mpm__ask(deque, MPM__ASK("copy"), copy, err);
}

int
mpm_deque_get(struct mpm_proxy *deque, int64_t index, struct mpm_document **item, struct mpm_error *err)
{
    return mpm__ask(deque, MPM__ASK("__getitem__", MPM__ARGS(MPM__INT(index))), item, err);
}

int
mpm_deque_set(struct mpm_proxy *deque, int64_t index, struct mpm_builder *item, struct mpm_error *err)
{
    return mpm__ask(deque, MPM__ASK("__setitem__", MPM__ARGS(MPM__INT(index), MPM__VALUE(item))), NULL, err);
}

int
mpm_deque_delete(struct mpm_proxy *deque, int64_t index, struct mpm_error *err)
{
    return mpm__ask(deque, MPM__ASK("__delitem__", MPM__ARGS(MPM__INT(index))), NULL, err);
}

int
mpm_deque_contains(struct mpm_proxy *deque, struct mpm_builder *item, int *contains, struct mpm_error *err)
{
    return mpm__ask_bool(deque, MPM__ASK("__contains__", MPM__ARGS(MPM__VALUE(item))), contains, err);
}

int
mpm_deque_len(struct mpm_proxy *deque, int64_t *len, struct mpm_error *err)
{
    return mpm__ask_int(deque, MPM__ASK("__len__"), len, err);
}

/* fuzz_session.c - whatever authenticated clients send, in whatever order, the server answers with well-formed frames
 * and checked pickles, and forgets nobody. Three data connections (two threads of process 1, one over TCP) share one
 * object of each type, in the order of `made`: idents 1 to 22, in lower-case hex.
 * Input: commands of one byte, modulo 8, then:
 *   0-2  length (2 bytes) and a message for that connection      3  length (1 byte) and raw bytes for connection 0
 *   4    a byte: time passes, in units of 10 ms                   5  a byte: that connection ends, its reply lost or not
 *   6    process 1 is dead                                        7  length (1 byte) and a one-shot request */
#include <stdlib.h>

#include "base/log.h"
#include "../support/peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define N 3

static struct mpm_peer_client peers[N];
static int64_t now_ns;

static void
serve(struct mpm_hub *hub, int i)
{
    peers[i] = (struct mpm_peer_client){ .now_ns = now_ns, .protocol = 4 };
    mpm_test_serve(&peers[i], hub, i < 2 ? 1 : 0, i == 0 ? "MainProcess" : "MainProcess|Thread-1");
}

/* Every reply is a whole frame with a good pickle of two items: mpm_test_reply() aborts otherwise. A client whose
 * connection the server closed comes back. */
static void
read_all(struct mpm_hub *hub)
{
    for (int i = 0; i < N; i++) {
        mpm_test_drain(&peers[i]);
        while (mpm_test_reply(&peers[i]))
            (void)mpm_test_payload(&peers[i]);
        if (peers[i].is_closed) {
            mpm_test_disconnect(&peers[i], false);
            serve(hub, i);
        }
    }
}

static void
one_shot(struct mpm_hub *hub, const uint8_t *body, size_t len)
{
    struct mpm_peer_client p = { .now_ns = now_ns };

    mpm_test_connect(&p, hub, 2);
    mpm_test_send(&p, body, len);
    while (mpm_test_reply(&p))
        ;
    mpm_test_disconnect(&p, false);
}

/* The next argument: a length of n_bytes and that many bytes, cut to what is left. */
static const uint8_t *
take(const uint8_t **bytes, size_t *len, size_t n_bytes, size_t *n)
{
    const uint8_t *at;

    *n = 0;
    for (size_t i = 0; i < n_bytes && *len != 0; i++, (*len)--)
        *n = *n << 8 | *(*bytes)++;
    if (*n > *len)
        *n = *len;
    at = *bytes;
    *bytes += *n;
    *len -= *n;
    return at;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const struct {
        const char *typeid, *args;
        size_t args_len;
    } made[] = {
#define MADE(typeid, args) { typeid, args, sizeof(args) - 1 }
        MADE("Namespace", ""), MADE("Lock", ""), MADE("RLock", ""), MADE("Semaphore", ""), MADE("BoundedSemaphore", ""),
        MADE("Event", ""), MADE("Condition", ""), MADE("Barrier", "K\2"), MADE("list", "](K\1U\1aN]e"), MADE("dict", "}(K\1K\2U\1aNu"),
        MADE("set", "](K\1U\1ae"), MADE("Queue", "K\2"), MADE("JoinableQueue", ""), MADE("LifoQueue", "K\2"),
        MADE("PriorityQueue", ""), MADE("Value", "U\1iK\1"), MADE("Array", "U\1i](K\1K\2K\3e"), MADE("Counter", ""), MADE("deque", ""),
        MADE("OrderedDict", ""), MADE("RWLock", ""), MADE("Latch", "K\2"),
    };
    struct mpm_hub_options options;
    struct mpm_hub *hub;
    const uint8_t *body;
    size_t n;
    uint8_t command;

    mpm__log_default.level = MPM_LOG_ERROR;
    mpm_test_hub_options(&options);
    options.max_memory = 100000;
    options.max_message = 1 << 16;
    if (len != 0) {
        options.on_owner_death = (enum mpm_death_policy)(bytes[0] % 3);
        options.queue_requests = bytes[0] & 0x80;
        bytes++;
        len--;
    }
    hub = mpm__hub_new(&options);
    if (hub == NULL)
        return 0;
    now_ns = 0;
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        free(mpm_test_create(hub, 2, made[i].typeid, made[i].args, made[i].args_len));
    for (int i = 0; i < N; i++)
        serve(hub, i);
    while (len != 0) {
        command = *bytes++ % 8;
        len--;
        switch (command) {
        case 0:
        case 1:
        case 2:
            body = take(&bytes, &len, 2, &n);
            peers[command].now_ns = now_ns;
            mpm_test_send(&peers[command], body, n);
            break;
        case 3:
            body = take(&bytes, &len, 1, &n);
            mpm__session_feed(peers[0].session, body, n, now_ns);
            break;
        case 4:
            (void)take(&bytes, &len, 1, &n);
            now_ns += 10000000 * (int64_t)(len % 256 + 1);
            mpm__hub_tick(hub, now_ns);
            break;
        case 5:
            body = take(&bytes, &len, 1, &n);
            mpm_test_disconnect(&peers[n % N], n & 1);
            serve(hub, (int)(n % N));
            break;
        case 6:
            mpm__hub_process_gone(hub, 1, now_ns);
            break;
        case 7:
            body = take(&bytes, &len, 1, &n);
            one_shot(hub, body, n);
            break;
        }
        read_all(hub);
    }
    for (int i = 0; i < N; i++)
        mpm_test_disconnect(&peers[i], i == 1);
    mpm__hub_free(hub);
    return 0;
}

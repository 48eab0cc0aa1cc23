/* world.h - a hub and its clients in memory, asked in lines of Python, with a clock that the test turns. For tests of
 * the objects; peer.h speaks in frames. */
#ifndef MPM_TESTS_WORLD_H
#define MPM_TESTS_WORLD_H

#include "core/hub.h"

struct mpm_world_peer;

/* One world at a time; mpm_world_hub() is NULL when there was no memory for it. Idents count up from 1, time starts at
 * 1000 s, its address is "/sock". */
void mpm_world_open(enum mpm_death_policy policy);
/* mpm_world_close() ends all peers; afterwards nothing may be left allocated when it was opened between the calls of
 * support.h. */
/* As above, with --max-memory. */
void mpm_world_open_limited(enum mpm_death_policy policy, uint64_t max_memory);
void mpm_world_close(void);
struct mpm_hub *mpm_world_hub(void);

/* A data connection of a process (pid 0: over TCP) and thread: shook hands and was accepted. Keep its Python age in
 * mind: it speaks protocol 4. */
struct mpm_world_peer *mpm_world_peer_new(int64_t pid, const char *thread);
struct mpm_world_peer *mpm_world_peer_old(int64_t pid); /* speaks protocol 2: Python 2.7 */
/* Its connection ends; lost: it did not read the last reply. */
void mpm_world_peer_end(struct mpm_world_peer *p, bool lost);
/* The process dies: its connections end, then the hub is told. lost: none had read its last reply. */
void mpm_world_kill(int64_t pid, bool lost);

/*
 * Sends "IDENT.METHOD(ARGUMENTS)" and returns what came back:
 *     "True", "None", "[1, 2]"     the value's repr
 *     "RuntimeError('text')"       an exception with its arguments; other modules than builtins are named
 *     "! KeyError: 'x'"            #TRACEBACK or #UNSERIALIZABLE, last line
 *     "@2 ('__next__', 'send')"    #PROXY: a new object and its methods
 *     "..."                        nothing yet: it waits
 * ARGUMENTS as in Python: literals of None, bool, int, float, str, list, tuple, dict, name=value; "slice(1, 2)" and
 * "array.array('i', b'\\x01')" are calls in the pickle, of builtins when no module is named; behind one "+[1, 2]" adds
 * items, "+{1: 2}" keys with values and "|5" a state; "%1=[...]" names a value that "%1" has once more; "@2" is a
 * proxy of object 2 of this server, "@2/x" one of a server at "x", `!` instead of "(...)" sends None for them. The
 * text is valid until the peer's next reply.
 */
const char *mpm_world_ask(struct mpm_world_peer *p, const char *request);
/* What a waiting peer got meanwhile; "..." when nothing. */
const char *mpm_world_reply(struct mpm_world_peer *p);
/* How long the last reply was. */
size_t mpm_world_replied(const struct mpm_world_peer *p);
/* What counts against --max-memory. */
uint64_t mpm_world_memory(void);
/* "Lock()" on a connection of its own: the new ident, or what mpm_world_ask() gives for a failure. */
const char *mpm_world_create(const char *call);
/* "mpmd_inspect('objects')" on a connection of its own: what comes back, as above; and how long the reply was. */
const char *mpm_world_once(const char *request);
size_t mpm_world_once_replied(void);
/* For runs without memory: false when the answer is a MemoryError in place of `reply`; another one fails the test. A
 * peer that is NULL had no memory to begin with. */
bool mpm_world_either(struct mpm_world_peer *p, const char *request, const char *reply);
/* "register('name', None, 'Lock')" or "name.acquire()" as --setup-fd has it; returns as mpm__hub_set_up(). */
int mpm_world_set_up(const char *request, struct mpm_error *err);
/* Gives back the reference that create took. */
void mpm_world_decref(const char *ident);

#define ASK(peer, request, reply) assert_string_equal(mpm_world_ask(peer, request), reply)
#define GOT(peer, reply) assert_string_equal(mpm_world_reply(peer), reply)
#define MADE(call, ident) assert_string_equal(mpm_world_create(call), ident)

/* Turns the clock and runs what is due. */
void mpm_world_pass(double seconds);

#endif

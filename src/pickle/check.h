/*
 * check.h - one pass over a pickle that proves it well-formed, and where its parts are. Layer: pickle.
 *
 * A pickle is a postfix program. Every value on its stack covers a run of opcodes, so a value is a place
 * (struct mpm_item) in a message (struct mpm_doc) and nothing is decoded or executed.
 */
#ifndef MPM_PICKLE_CHECK_H
#define MPM_PICKLE_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mpmd/error.h>
#include <mpmd/value.h> /* struct mpm_item */

#include "base/buf.h"
#include "base/bytes.h"

/* A stock pickler stops at about 10,000 levels (its own recursion limit); 20,000 leaves room. */
#define MPM_PICKLE_DEPTH_MAX 20000
/* Places are 32 bits wide, which halves the memo table of every message. */
#define MPM_PICKLE_LEN_MAX UINT32_MAX
/* So many arguments of a request are noted while it is checked; more are found by a second pass. */
#define MPM_NOTED_ARGS 8

/* Where memo entry n was defined. For a list, dict, set or instance the content follows later. */
struct mpm_memo {
    uint32_t start; /* first byte of the value */
    uint32_t root;  /* the opcode that made it; UINT32_MAX: no such entry */
    uint32_t put;   /* the PUT, BINPUT, LONG_BINPUT or MEMOIZE that named it */
    uint32_t used;  /* 1: something refers to it */
};

struct mpm_checker;

/* One checked message. The arrays belong to the checker (or the owner of the doc) and live until its next use. */
struct mpm_doc {
    const uint8_t *bytes;
    size_t len;
    struct mpm_bytes *block;      /* what owns `bytes` when values may hold on to it; else NULL. Borrowed. */
    const struct mpm_memo *memo;  /* n_memo entries */
    uint32_t n_memo;
    const uint32_t *stops;        /* where copying a part has to stop: each memo reference and FRAME, in order */
    uint32_t n_stops;
    uint32_t lowest_get;          /* the lowest memo entry that is referred to; UINT32_MAX: none is */
    uint32_t last_frame;          /* where the last FRAME is; 0: there is none */
    bool memoizes;                /* the entries are named by MEMOIZE, hence numbered in the order of `put` */
    bool has_names;               /* what occurs somewhere in it: names of classes, */
    bool has_native_str;          /* byte strings of Python 2, */
    bool has_protocol_5;          /* opcodes of protocol 5 */
    struct mpm_checker *checker;  /* whose memory this is; also room for what is found out later */
    uint8_t protocol;             /* of the PROTO opcode; 0 when there is none */
    bool grows_late;              /* a memo entry gets content by reference, as what contains itself by __reduce__ */
    struct mpm_item top;          /* the message's one value */
    /* When the top is a tuple of up to 4 items, written as one (every stock request and reply is), its items... */
    uint8_t n_fields;
    struct mpm_item fields[4];
    /* ...and those of the third, when that is a tuple of up to MPM_NOTED_ARGS. n_args is -1 when not noted. */
    int n_args;
    struct mpm_item args[MPM_NOTED_ARGS];
};

struct mpm_cell; /* one place of the abstract stack */

/* Reusable memory of the checker and of those who walk its document. Zeroed is valid; mpm__checker_wipe() frees it. */
struct mpm_checker {
    struct mpm_cell *stack;
    size_t stack_cap;
    struct mpm_memo *memo;
    size_t memo_cap;
    struct mpm_mark *marks;
    size_t marks_cap;
    uint32_t *stops;
    size_t stops_cap;
    struct mpm_buf plain;       /* a message that was rewritten before it was checked (plain.h) */
    uint32_t *ends;             /* where the content of each memo entry ends; see mpm__memo_end() */
    size_t ends_cap;
    bool has_ends;
    uint64_t walked;            /* bytes that mpm__children() went over, for those who have to stop some time */
    struct mpm_mapped *mapped;  /* splice.c's: new numbers of memo entries */
    size_t mapped_cap;
    uint32_t stamp;
    struct mpm_task *tasks;     /* splice.c's: what is being copied */
    size_t tasks_cap;
};

/*
 * Checks the pickle in bytes[0..len). On success *doc describes it, valid while `bytes` and the checker's memory are.
 * Returns 0, MPM_EBADPICKLE (err: offset and opcode), MPM_ELIMIT (too deep), MPM_EUNSUP (persistent ids, out-of-band
 * buffers, copyreg extension codes) or MPM_ENOMEM.
 * `body`: the bytes are a value in normal form (splice.h), without PROTO and STOP.
 */
int mpm__check(struct mpm_checker *checker, const uint8_t *bytes, size_t len, bool body, struct mpm_doc *doc,
    struct mpm_error *err);
void mpm__checker_wipe(struct mpm_checker *checker);
/* Gives back what only a very large message needs; a doc that it checked is gone then. */
void mpm__checker_trim(struct mpm_checker *checker);

/* A list of places, owned by whoever asked. Zeroed is valid; free with mpm__items_wipe(). */
struct mpm_items {
    struct mpm_item *v;
    size_t n;
    size_t cap;
};

/*
 * The parts of one value: items of a tuple, list, set or frozenset; keys and values in turn of a dict; callable and
 * arguments of a REDUCE, NEWOBJ, NEWOBJ_EX, followed by the state of each BUILD; module and name of a STACK_GLOBAL.
 * A memo reference is not followed: see mpm__follow(). Returns 0 or MPM_ENOMEM. The items are appended to *out.
 * What of a mutable value's content came by a later memo reference (`h\0 ... a`, doc->grows_late) is not seen.
 */
int mpm__children(const struct mpm_doc *doc, struct mpm_item item, struct mpm_items *out);
void mpm__items_wipe(struct mpm_items *items);

/* In one pass over the document: what each REDUCE in it makes, in the order of those opcodes, and the keys of dicts that
 * have such inside. Returns 0 or MPM_ENOMEM; both lists are the caller's to wipe. */
int mpm__calls(const struct mpm_doc *doc, struct mpm_items *calls, struct mpm_items *keys);
/* The first of the calls whose opcode is not before `start`. */
size_t mpm__first_inside(const struct mpm_items *calls, uint32_t start);

/* Where the content of memo entry n ends: for a list, dict, set or instance behind its last item or state, for other
 * values at the opcode that named it. Found for all entries in one pass when first asked for. Returns 0 or
 * MPM_ENOMEM. */
int mpm__memo_end(const struct mpm_doc *doc, uint32_t n, uint32_t *end);

/* A value that is a memo reference, replaced by what it refers to, as often as needed. `end` of a followed item is
 * the end of the value's content. Returns 0 or MPM_ENOMEM. */
int mpm__follow(const struct mpm_doc *doc, struct mpm_item *item);

#endif

/* cell.h - the abstract stack that check.c and walk.c run pickles on. Layer: pickle, private. */
#ifndef MPM_PICKLE_CELL_H
#define MPM_PICKLE_CELL_H

#include "pickle/check.h"
#include "pickle/opcodes.h"

struct mpm_cell {
    uint32_t start; /* first byte of the value */
    uint32_t root;  /* the opcode that made it */
    uint32_t depth; /* check: levels of nesting; walk: its latest memo entry + 1, or 0 */
};

struct mpm_mark {
    uint32_t at;     /* the MARK */
    uint32_t height; /* cells below it */
};

/*
 * A recursive tuple is pickled as its items, which are popped again, and a reference to the tuple that was made inside
 * of them: all of that is the value (CPython pickle.py, save_tuple). Other popped bytes belong to the value before them
 * (save_reduce with a state_setter).
 */
struct mpm_popped {
    uint32_t from, to; /* the bytes that POPs in a row, up to `to`, have thrown away */
};

static inline void
mpm__note_popped(struct mpm_popped *p, uint32_t from, const struct mpm_op *op)
{
    p->from = p->to == op->at && p->from < from ? p->from : from;
    p->to = op->next;
}

/* Where the value of a GET at `at` begins. */
static inline uint32_t
mpm__get_start(const struct mpm_popped *p, uint32_t at, uint32_t target)
{
    return p->to == at && target >= p->from ? p->from : at;
}

/* Room for at least n cells or marks. Return 0 or MPM_ENOMEM. */
int mpm__more_cells(struct mpm_checker *c, size_t n);
int mpm__more_marks(struct mpm_checker *c, size_t n);

#endif

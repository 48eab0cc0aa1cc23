/* cell.h - the abstract stack that check.c and walk.c run pickles on. Layer: pickle, private. */
#ifndef MPM_PICKLE_CELL_H
#define MPM_PICKLE_CELL_H

#include "pickle/check.h"

struct mpm_cell {
    uint32_t start; /* first byte of the value */
    uint32_t root;  /* the opcode that made it */
    uint32_t depth; /* check: levels of nesting; walk: its memo entry + 1, or 0 */
};

struct mpm_mark {
    uint32_t at;     /* the MARK */
    uint32_t height; /* cells below it */
};

/* Room for at least n cells or marks. Return 0 or MPM_ENOMEM. */
int mpm__more_cells(struct mpm_checker *c, size_t n);
int mpm__more_marks(struct mpm_checker *c, size_t n);

#endif

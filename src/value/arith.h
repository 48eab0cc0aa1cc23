/* arith.h - Python's + and - between ints of any size and floats. Layer: value. */
#ifndef MPM_VALUE_ARITH_H
#define MPM_VALUE_ARITH_H

#include "value/read.h"

enum mpm_number_kind { MPM_N_INT = 0, MPM_N_BIG, MPM_N_FLOAT };

/* A number taken out of a value. Zeroed is the int 0. */
struct mpm_number {
    enum mpm_number_kind kind;
    int64_t i;          /* INT */
    double d;           /* FLOAT */
    struct mpm_buf big; /* BIG: little-endian two's complement, minimal, of more than 8 bytes; owned */
};
void mpm__number_wipe(struct mpm_number *n);

/* An int, bool (which counts as an int) or float. Returns 0, MPM_ETYPE (it is none of them) or MPM_ENOMEM; *out is the
 * caller's to wipe, also after a failure. */
int mpm__number_of_ref(struct mpm_ref ref, struct mpm_number *out);
int mpm__number_of_value(const struct mpm_value *v, struct mpm_number *out);

/* *a += b, or *a -= b. Returns 0; MPM_ERANGE: an int is too large for a float (Python: OverflowError("int too large to
 * convert to float")); MPM_ENOMEM. After a failure *a is good for wiping only. */
int mpm__number_add(struct mpm_number *a, const struct mpm_number *b, bool subtract);

/* The number as a value, written as Python of that pickle protocol would. Returns 0, MPM_ENOMEM or
 * MPM_EUNSUP (2 GiB or more); *out is the caller's. */
int mpm__number_keep(const struct mpm_number *n, uint8_t protocol, struct mpm_value *out);

#endif

/* ndarray.h - NumPy arrays, read and built without Python. Public. */
#ifndef MPMD_NDARRAY_H
#define MPMD_NDARRAY_H

#include <stddef.h>
#include <stdint.h>

#include <mpmd/error.h>
#include <mpmd/value.h>

#ifdef __cplusplus
extern "C" {
#endif

/** As many dimensions as NumPy 2 allows; NumPy 1 allows 32. */
#define MPM_NDARRAY_NDIM_MAX 64

/**
 * An array of equal items in one block of memory. To build one, zero it and set what you need; `=` and 0 as byte order
 * mean this machine's.
 */
struct mpm_ndarray {
    const void *data;   /* borrowed; in C order, or in Fortran order; not aligned for its items when it was read */
    size_t size;        /* bytes: itemsize times every part of the shape */
    char kind;          /* as dtype.kind: 'b' bool, 'i' int, 'u' unsigned, 'f' float, 'c' complex, 'S' bytes of a fixed
                         * length with NULs behind them, 'U' str of a fixed length as UCS-4 */
    char byteorder;     /* '<' little, '>' big, '|' it has none */
    uint32_t itemsize;  /* bytes: b 1; i and u 1, 2, 4, 8; f 2, 4, 8; c 8, 16 (two floats); S any; U 4 a character */
    int ndim;           /* 0: a single item */
    int64_t shape[MPM_NDARRAY_NDIM_MAX]; /* the first ndim count */
    int fortran;        /* 1: the first index varies fastest, as in Fortran; 0: the last, as in C */
    void *copy;         /* of an array that was read: NULL, or where data is; free with mpm_free(), see below */
};

/**
 * Read an array, or a NumPy scalar (numpy.float64(1.5)) as an array without dimensions.
 *
 * out  data points into the document, and is valid as long as that. Only when Python 3 wrote it with protocol 2, which
 *      has no bytes, it has to be decoded: then `copy` is to be freed with mpm_free(). That may be done in any case, as
 *      copy is NULL otherwise.
 *
 * Returns 0, MPM_ETYPE (another value), MPM_EUNSUP (another dtype than the above, as objects, structures or dates; err
 * says which), MPM_EBADPICKLE (shape and bytes do not fit together, or it is no array that NumPy wrote) or MPM_ENOMEM;
 * *out is untouched then. Python: numpy.ndarray.__reduce_ex__, of any NumPy 1 or 2, in any protocol. Since 0.1.
 */
MPM_API int mpm_read_ndarray(struct mpm_ref ref, struct mpm_ndarray *out, struct mpm_error *err);

/**
 * Put an array. Every NumPy 1 and 2 loads it, without a warning; the array that it makes can be written to.
 *
 * array  borrowed, with its data; copied into the builder. `copy` is not looked at.
 *
 * Failures stick, as with every put: MPM_EINVAL (no such kind, itemsize or byte order, size does not fit the shape).
 * Since 0.1.
 */
MPM_API void mpm_put_ndarray(struct mpm_builder *builder, const struct mpm_ndarray *array);

#ifdef __cplusplus
}
#endif
#endif

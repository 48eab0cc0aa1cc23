/* alloc.h - all memory of the project comes from here. Layer: base. */
#ifndef MPM_BASE_ALLOC_H
#define MPM_BASE_ALLOC_H

#include <stddef.h>

/* Memory for `size` bytes, not cleared; NULL when there is none. Free with mpm__free(). */
void *mpm__alloc(size_t size);

/* Zeroed memory for n elements of `size` bytes; NULL when there is none or the product overflows. */
void *mpm__array(size_t n, size_t size);

/* Resizes an array to n elements of `size` bytes (NULL: new, not cleared). On failure the old one stays valid. */
void *mpm__resize(void *array, size_t n, size_t size);

void mpm__free(void *memory);

/* memset(memory, 0, size) for structs of some hundred bytes that are used again and again. As a function of its own,
 * because of the assignment of a cleared struct compilers make `rep stos`, which takes two to four times as long (300
 * bytes: 30 to 60 cycles against 15, measured on an AMD EPYC). */
void mpm__clear(void *memory, size_t size);

/* Tests decide here which allocation fails: called before each one, non-zero means "fail". NULL: never. */
extern int (*mpm__alloc_hook)(size_t size);
/* And see whether all is given back: called with 1 for each new block and with -1 for each freed one. NULL: nobody. */
extern void (*mpm__alloc_live_hook)(int change);

/* For programs that run long: up to so many bytes of freed memory stay with the process. Otherwise a block of 1 MiB
 * that comes and goes costs 256 page faults each time, which is more than copying it. Blocks of more than an eighth of
 * that are the system's again at once: as such a table grows, its pages move and leave no hole. (A dict of 1,000,000
 * ints took 80 MB without, 59 MB with that.) */
void mpm__alloc_keep(size_t size);

#endif

/* api.h - what all headers of libmpmd share. Public; included by the others. */
#ifndef MPMD_API_H
#define MPMD_API_H

#include <stdint.h>

/** Times to wait are nanoseconds: 0 does not wait, this one has no end. */
#define MPM_FOREVER INT64_MAX

/* Marks the functions that the library exports. */
#if defined(__GNUC__)
#define MPM_API __attribute__((visibility("default")))
#else
#define MPM_API
#endif

#endif

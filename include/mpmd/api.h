/* api.h - what marks the functions that libmpmd exports. Public; included by the other headers. */
#ifndef MPMD_API_H
#define MPMD_API_H

#if defined(__GNUC__)
#define MPM_API __attribute__((visibility("default")))
#else
#define MPM_API
#endif

#endif

/* mpmd.h - all of libmpmd. Public. */
#ifndef MPMD_MPMD_H
#define MPMD_MPMD_H

#include <mpmd/client.h>
#include <mpmd/connection.h>
#include <mpmd/error.h>
#include <mpmd/ndarray.h>
#include <mpmd/objects.h>
#include <mpmd/server.h>
#include <mpmd/value.h>
#include <mpmd/version.h>
#include <mpmd/worker.h>

#endif

/* version.c - which release of the library is running. Layer: base. */
#include <mpmd/version.h>

const char *
mpm_version(void)
{
    return MPM_VERSION;
}

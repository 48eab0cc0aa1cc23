/* methods.h - what a client has to know of a method before it calls it. Layer: client, private. */
#ifndef MPM_CLIENT_METHODS_H
#define MPM_CLIENT_METHODS_H

#include <stdbool.h>
#include <stddef.h>

#define MPM_METHOD_WAITS 1 /* may be parked in the server: nothing is to be sent behind it before it is answered */
#define MPM_METHOD_READS 2 /* changes nothing: to call it twice is as good as once */

/* Both flags of a method of an object of that typeid; one that is not known, as of a registered name, may be any. */
unsigned mpm__method_flags(const char *typeid, size_t typeid_len, const char *method);

/* The first of the two, which is found at once. */
bool mpm__method_waits(const char *typeid, size_t typeid_len, const char *method);

#endif

/* people.h - the clients that most tests of objects have: processes 10, 20, 30, 40 of Python 3, and 50 of Python 2.7. */
#ifndef MPM_TESTS_PEOPLE_H
#define MPM_TESTS_PEOPLE_H

#include "world.h"

extern struct mpm_world_peer *a, *b, *c, *d, *old;

/* A new world with all of them; max_memory 0: no limit. */
void mpm_people(enum mpm_death_policy policy, uint64_t max_memory);
/* The same as set-up of a test, by what becomes of what the dead held; and tear-down. */
int mpm_people_come(void **state); /* kept */
int mpm_people_come_release(void **state);
int mpm_people_come_break(void **state);
int mpm_people_go(void **state);

/* For runs without memory: a new world with the first n of them, who are NULL where there was none; false: there was
 * none for the world. */
bool mpm_people_try(enum mpm_death_policy policy, int n);
/* The end of it. ok: all went as it does with memory. Returns 0 or MPM_ENOMEM. */
int mpm_people_tried(bool ok);

#endif

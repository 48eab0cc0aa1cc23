/* people.c - see people.h. */
#include "people.h"

struct mpm_world_peer *a, *b, *c, *d, *old;

void
mpm_people(enum mpm_death_policy policy, uint64_t max_memory)
{
    mpm_world_open_limited(policy, max_memory);
    a = mpm_world_peer_new(10, "MainProcess");
    b = mpm_world_peer_new(20, "MainProcess");
    c = mpm_world_peer_new(30, "MainProcess");
    d = mpm_world_peer_new(40, "MainProcess");
    old = mpm_world_peer_old(50);
}

int
mpm_people_come(void **state)
{
    (void)state;
    mpm_people(MPM_DEATH_KEEP, 0);
    return 0;
}

int
mpm_people_come_release(void **state)
{
    (void)state;
    mpm_people(MPM_DEATH_RELEASE, 0);
    return 0;
}

int
mpm_people_come_break(void **state)
{
    (void)state;
    mpm_people(MPM_DEATH_BREAK, 0);
    return 0;
}

int
mpm_people_go(void **state)
{
    (void)state;
    mpm_world_close();
    return 0;
}

bool
mpm_people_try(enum mpm_death_policy policy, int n)
{
    struct mpm_world_peer **const people[] = { &a, &b, &c, &d };

    mpm_world_open(policy);
    for (int i = 0; i < n && mpm_world_hub() != NULL; i++)
        *people[i] = mpm_world_peer_new(10 * (i + 1), "MainProcess");
    return mpm_world_hub() != NULL;
}

int
mpm_people_tried(bool ok)
{
    mpm_world_close();
    return ok ? 0 : MPM_ENOMEM;
}

/*
 * owner.c - client processes, their threads, and what dies with them. Layer: core.
 *
 * An owner is what a thread is in CPython: one data connection, or on AF_UNIX the connections that one thread of one
 * process opens one after the other. A process is known by its pid; over TCP there is none, and an owner ends with its
 * connection.
 */
#include <inttypes.h>

#include "base/alloc.h"
#include "core/core.h"

struct mpm_process *
mpm__process_get(struct mpm_hub *hub, int64_t pid)
{
    struct mpm_process *p = mpm__idmap_get(&hub->processes, (uint64_t)pid);

    if (p != NULL)
        return p;
    p = mpm__array(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->pid = pid;
    mpm__list_init(&p->owners);
    mpm__list_init(&p->sessions);
    if (mpm__idmap_set(&hub->processes, (uint64_t)pid, p) != 0) {
        mpm__free(p);
        return NULL;
    }
    return p;
}

void
mpm__process_put(struct mpm_hub *hub, struct mpm_process *p)
{
    if (!mpm__list_is_empty(&p->sessions) || !mpm__list_is_empty(&p->owners) || p->refs.n != 0)
        return;
    if (!p->gone) /* else its pid may be another process's by now */
        mpm__idmap_remove(&hub->processes, (uint64_t)p->pid);
    mpm__idmap_wipe(&p->refs);
    mpm__free(p);
}

static void
free_owner(struct mpm_owner *owner)
{
    mpm__list_remove(&owner->link);
    mpm__free(owner);
}

/* The thread that had this name before and is not connected now. */
static struct mpm_owner *
find_owner(struct mpm_process *p, const uint8_t *name, size_t len)
{
    struct mpm_owner *owner;

    for (struct mpm_link *l = mpm__list_first(&p->owners); l != NULL; l = mpm__list_next(&p->owners, l)) {
        owner = MPM_CONTAINER(l, struct mpm_owner, link);
        if (owner->session == NULL && strlen(owner->name) == len && memcmp(owner->name, name, len) == 0)
            return owner;
    }
    return NULL;
}

struct mpm_owner *
mpm__owner_attach(struct mpm_session *s, const uint8_t *name, size_t len)
{
    struct mpm_owner *owner = s->process != NULL ? find_owner(s->process, name, len) : NULL;

    if (owner == NULL) {
        owner = mpm__array(1, sizeof *owner + len + 1);
        if (owner == NULL)
            return NULL;
        memcpy(owner->name, name, len);
        mpm__list_init(&owner->holds);
        mpm__list_init(&owner->loans);
        owner->id = ++s->hub->n_owners;
        if (s->process != NULL) {
            owner->pid = s->process->pid;
            mpm__list_append(&s->process->owners, &owner->link);
        }
    }
    owner->session = s;
    s->owner = owner;
    return owner;
}

void
mpm_hold_take(struct mpm_hold *hold, struct mpm_object *object, struct mpm_owner *owner, int64_t now_ns)
{
    hold->object = object;
    hold->owner = owner;
    hold->since_ns = now_ns;
    mpm__list_append(&owner->holds, &hold->link);
}

void
mpm_hold_release(struct mpm_hold *hold)
{
    mpm__list_remove(&hold->link);
    hold->owner = NULL;
    hold->count = 0;
}

void
mpm_loan_begin(struct mpm_loan *loan, struct mpm_object *object, struct mpm_owner *owner, int64_t now_ns)
{
    loan->object = object;
    loan->owner = owner;
    loan->since_ns = now_ns;
    mpm__list_append(&owner->loans, &loan->link);
}

void
mpm_loan_end(struct mpm_loan *loan)
{
    mpm__list_remove(&loan->link);
    loan->owner = NULL;
}

/* What was lent to a dead owner goes back, the latest first. */
static void
settle_loans(struct mpm_owner *owner, const char *peer, int64_t now_ns)
{
    struct mpm_link *link;
    struct mpm_loan *loan;
    size_t n = 0;
    char name[128];

    while ((link = mpm_list_last(&owner->loans)) != NULL) {
        loan = MPM_CONTAINER(link, struct mpm_loan, link);
        loan->object->type->borrower_died(loan->object, loan, now_ns);
        n++;
    }
    if (n != 0)
        mpm__log(MPM_LOG_WARNING, "owner", "pid=%" PRId64 " thread=\"%s\" peer=\"%s\" died with %zu items on lease: given back",
            owner->pid, mpm__log_escape(owner->name, strlen(owner->name), name, sizeof name), peer, n);
}

/* What a dead owner held is treated by policy; it holds nothing afterwards. `peer`: its address, for the log. */
static void
settle_holds(struct mpm_hub *hub, struct mpm_owner *owner, const char *peer, int64_t now_ns)
{
    static const char *const done[] = { [MPM_DEATH_KEEP] = "kept", [MPM_DEATH_RELEASE] = "released",
        [MPM_DEATH_BREAK] = "broken" };
    enum mpm_death_policy policy = hub->options.on_owner_death;
    struct mpm_link *link;
    struct mpm_hold *hold;
    char name[128];

    settle_loans(owner, peer, now_ns);
    while ((link = mpm__list_first(&owner->holds)) != NULL) {
        hold = MPM_CONTAINER(link, struct mpm_hold, link);
        mpm__log(MPM_LOG_WARNING, "owner",
            "object=%" PRIx64 " type=%s pid=%" PRId64 " thread=\"%s\" peer=\"%s\" died holding it for %.3f s: %s",
            hold->object->id, hold->object->typeid, owner->pid,
            mpm__log_escape(owner->name, strlen(owner->name), name, sizeof name), peer,
            (double)(now_ns - hold->since_ns) / 1e9, done[policy]);
        if (policy != MPM_DEATH_KEEP && hold->object->type->owner_died != NULL)
            hold->object->type->owner_died(hold->object, hold, policy, now_ns);
        if (mpm__list_first(&owner->holds) == link) {
            /* kept: held by nobody who is known; whoever releases it finds no owner */
            mpm__list_remove(link);
            if (hold->owner == owner)
                hold->owner = hub->nobody;
        }
    }
}

/* Its process is dead, or its connection where no process is known. */
static void
owner_died(struct mpm_hub *hub, struct mpm_owner *owner, const char *peer, int64_t now_ns)
{
    settle_holds(hub, owner, peer, now_ns);
    free_owner(owner);
}

void
mpm__owner_detach(struct mpm_session *s, int64_t now_ns)
{
    struct mpm_owner *owner = s->owner;

    if (owner == NULL)
        return;
    s->owner = NULL;
    owner->session = NULL;
    if (mpm__list_is_empty(&owner->holds) && mpm__list_is_empty(&owner->loans))
        free_owner(owner);
    else if (s->process == NULL)
        owner_died(s->hub, owner, s->peer, now_ns);
}

/* Gives back all references that the process took. */
static void
drop_refs(struct mpm_hub *hub, struct mpm_process *p)
{
    struct mpm_object *object;
    const struct mpm_idmap_slot *slot;
    size_t i, n = 0;

    while (p->refs.n != 0)
        for (i = 0; (slot = mpm__idmap_next(&p->refs, &i)) != NULL; i--) { /* another takes the place of what is removed */
            object = mpm__idmap_get(&hub->objects, slot->key);
            if (object == NULL || object->refs == 0) {
                mpm__idmap_remove(&p->refs, slot->key);
                continue;
            }
            mpm__hub_decref(hub, object, p);
            n++;
        }
    if (n != 0)
        mpm__log(MPM_LOG_INFO, "process", "pid=%" PRId64 " died with %zu references: dropped", p->pid, n);
}

void
mpm__process_settle(struct mpm_hub *hub, struct mpm_process *p, int64_t now_ns)
{
    for (struct mpm_link *l = mpm__list_first(&p->owners); l != NULL; l = mpm__list_next(&p->owners, l))
        settle_holds(hub, MPM_CONTAINER(l, struct mpm_owner, link), "unix", now_ns);
}

void
mpm__process_end(struct mpm_hub *hub, struct mpm_process *p, int64_t now_ns)
{
    struct mpm_link *link;

    while ((link = mpm__list_first(&p->owners)) != NULL)
        owner_died(hub, MPM_CONTAINER(link, struct mpm_owner, link), "unix", now_ns);
    drop_refs(hub, p);
    mpm__process_put(hub, p);
}

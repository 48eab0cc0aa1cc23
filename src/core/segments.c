/*
 * segments.c - names of shared memory segments that clients made, of a SharedMemoryManager. Layer: core.
 *
 * Keeps names, in the order in which they came; a name may come twice, as in CPython's list. What is to be unlinked goes
 * on hub->unlinked, which the server drains with mpm__hub_next_unlink() before it sends a reply; mpm__hub_next_tracked()
 * tells what came. Touches no segment.
 *
 * Source: CPython Lib/multiprocessing/managers.py, SharedMemoryServer and _SharedMemoryTracker.
 */
#include "base/alloc.h"
#include "base/utf8.h"
#include "core/core.h"
#include "hash/digest.h"

/* shm_open(3): a slash, then up to NAME_MAX bytes. */
#define NAME_LEN_MAX 255

struct segment {
    struct mpm_link link;       /* on hub->segments, later on hub->unlinked */
    struct segment *next_same;  /* of the same name, later in order */
    struct segment *last_same;  /* of the first one of a name: the last one */
    size_t len;
    char slash;                 /* '/', right before the name */
    char name[];                /* as the client wrote it; NUL behind it */
};

struct wanted {
    const uint8_t *name;
    size_t len;
};

static int
is_same(const void *key, void *user)
{
    const struct wanted *wanted = user;
    struct segment *segment;

    memcpy(&segment, key, sizeof segment);
    return segment->len == wanted->len && memcmp(segment->name, wanted->name, wanted->len) == 0;
}

static uint64_t
hash_of(const struct mpm_hub *hub, const void *name, size_t len)
{
    return mpm__keyed_hash(name, len, hub->options.hash_key);
}

static struct mpm_map_entry *
find(const struct mpm_hub *hub, const void *name, size_t len)
{
    struct wanted wanted = { name, len };
    int error = 0;

    return mpm__map_find(&hub->segment_names, hash_of(hub, name, len), is_same, &wanted, &error);
}

static void
set_first(struct mpm_map_entry *entry, struct segment *first)
{
    memcpy(entry->key, &first, sizeof first);
}

static struct segment *
first_of(const struct mpm_map_entry *entry)
{
    struct segment *first;

    memcpy(&first, entry->key, sizeof first);
    return first;
}

/* What the kernel can have as a name of shared memory, and nothing that leads elsewhere. */
static bool
is_plain_name(const uint8_t *name, size_t len)
{
    if (len != 0 && name[0] == '/') {
        name++;
        len--;
    }
    if (len == 0 || len > NAME_LEN_MAX || (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'))))
        return false;
    return memchr(name, '/', len) == NULL && memchr(name, '\0', len) == NULL;
}

static size_t
cost(size_t len)
{
    return sizeof(struct segment) + len + 1 + sizeof(struct mpm_map_entry);
}

static int
add(struct mpm_hub *hub, const uint8_t *name, size_t len)
{
    struct mpm_map_entry *entry;
    struct segment *segment;

    if (mpm_charge(hub, cost(len)) != 0)
        return MPM_ELIMIT;
    segment = mpm__alloc(sizeof *segment + len + 1);
    if (segment == NULL || mpm__map_reserve(&hub->segment_names, 1) != 0) {
        mpm__free(segment);
        mpm_discharge(hub, cost(len));
        return MPM_ENOMEM;
    }
    *segment = (struct segment){ .len = len, .slash = '/' };
    memcpy(segment->name, name, len);
    segment->name[len] = '\0';
    segment->last_same = segment;
    mpm__list_append(&hub->segments, &segment->link);
    if (hub->untold == NULL)
        hub->untold = &segment->link;
    entry = find(hub, name, len);
    if (entry != NULL) {
        first_of(entry)->last_same->next_same = segment;
        first_of(entry)->last_same = segment;
    } else {
        set_first(mpm__map_add(&hub->segment_names, hash_of(hub, name, len)), segment);
    }
    return 0;
}

/* The first of its name. */
static void
release(struct mpm_hub *hub, struct mpm_map_entry *entry)
{
    struct segment *segment = first_of(entry);

    if (segment->next_same != NULL) {
        segment->next_same->last_same = segment->last_same;
        set_first(entry, segment->next_same);
    } else {
        mpm__map_remove(&hub->segment_names, entry);
    }
    if (hub->untold == &segment->link)
        hub->untold = mpm__list_next(&hub->segments, &segment->link);
    mpm__list_remove(&segment->link);
    mpm__list_append(&hub->unlinked, &segment->link);
    mpm_discharge(hub, cost(segment->len));
}

/* The name, in `scratch` where it needed decoding; false: an error was sent. */
static bool
read_name(struct mpm_session *s, struct mpm_ref arg, struct mpm_buf *scratch, const uint8_t **name, size_t *len)
{
    char shown[MPM_SHORT_REPR];
    int r = mpm__decode_text(arg, scratch, name, len);

    if (r == 0 && is_plain_name(*name, *len))
        return true;
    if (r == MPM_ENOMEM)
        mpm__reply_traceback(s, "MemoryError");
    else if (mpm__short_repr(s, arg, shown))
        mpm__reply_traceback(s, "ValueError: %s is no name of a shared memory segment", shown);
    return false;
}

void
mpm__track_segment(struct mpm_session *s, struct mpm_ref arg)
{
    struct mpm_buf scratch;
    const uint8_t *name;
    size_t len;
    int r;

    mpm__buf_init(&scratch, 0);
    if (read_name(s, arg, &scratch, &name, &len)) {
        r = add(s->hub, name, len);
        if (r == MPM_ELIMIT)
            mpm__reply_traceback(s, "MemoryError: the stored values would take more than --max-memory %llu bytes; "
                "remove some or raise the limit", (unsigned long long)s->hub->options.max_memory);
        else if (r != 0)
            mpm__reply_traceback(s, "MemoryError");
        else
            mpm__reply_none(s);
    }
    mpm__buf_wipe(&scratch);
}

void
mpm__release_segment(struct mpm_session *s, struct mpm_ref arg)
{
    struct mpm_map_entry *entry;
    struct mpm_buf scratch;
    const uint8_t *name;
    size_t len;
    int r;

    mpm__buf_init(&scratch, 0);
    r = mpm__decode_text(arg, &scratch, &name, &len);
    entry = r == 0 ? find(s->hub, name, len) : NULL;
    if (r == MPM_ENOMEM) {
        mpm__reply_traceback(s, "MemoryError");
    } else if (entry == NULL) { /* also for what is no name at all */
        mpm__reply_traceback(s, "ValueError: list.remove(x): x not in list");
    } else {
        release(s->hub, entry);
        mpm__reply_none(s);
    }
    mpm__buf_wipe(&scratch);
}

const char *
mpm__segment_after(const struct mpm_hub *hub, const char *name, size_t *len)
{
    const struct mpm_link *link = name != NULL ?
        mpm__list_next(&hub->segments, &MPM_CONTAINER(name, struct segment, name)->link) :
        mpm__list_first(&hub->segments);

    if (link == NULL)
        return NULL;
    *len = MPM_CONTAINER(link, struct segment, link)->len;
    return MPM_CONTAINER(link, struct segment, link)->name;
}

void
mpm__hub_release_segments(struct mpm_hub *hub)
{
    struct mpm_link *link;

    while ((link = mpm__list_first(&hub->segments)) != NULL) {
        struct segment *segment = MPM_CONTAINER(link, struct segment, link);

        release(hub, find(hub, segment->name, segment->len));
    }
}

const char *
mpm__hub_next_tracked(struct mpm_hub *hub)
{
    struct segment *segment;

    if (hub->untold == NULL)
        return NULL;
    segment = MPM_CONTAINER(hub->untold, struct segment, link);
    hub->untold = mpm__list_next(&hub->segments, hub->untold);
    return segment->name[0] == '/' ? segment->name : (const char *)segment + offsetof(struct segment, slash);
}

char *
mpm__hub_next_unlink(struct mpm_hub *hub)
{
    struct mpm_link *link = mpm__list_first(&hub->unlinked);
    struct segment *segment;
    size_t slash;

    if (link == NULL)
        return NULL;
    segment = MPM_CONTAINER(link, struct segment, link);
    mpm__list_remove(link);
    /* The name takes the place of what it was found in, a slash before it. */
    slash = segment->name[0] != '/';
    memmove((char *)segment + slash, segment->name, segment->len + 1);
    if (slash)
        *(char *)segment = '/';
    return (char *)segment;
}

void
mpm__segments_wipe(struct mpm_hub *hub)
{
    char *name;

    mpm__hub_release_segments(hub);
    while ((name = mpm__hub_next_unlink(hub)) != NULL)
        mpm__free(name);
    mpm__map_wipe(&hub->segment_names);
}

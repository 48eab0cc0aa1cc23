/* list.h - doubly linked lists whose links live inside their members. Layer: base. */
#ifndef MPM_BASE_LIST_H
#define MPM_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct mpm_link {
    struct mpm_link *next, *prev; /* both NULL: on no list */
};

struct mpm_list {
    struct mpm_link head;
};

#define MPM_CONTAINER(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void
mpm__list_init(struct mpm_list *list)
{
    list->head.next = list->head.prev = &list->head;
}

static inline bool
mpm__list_is_empty(const struct mpm_list *list)
{
    return list->head.next == &list->head;
}

static inline bool
mpm_link_is_on(const struct mpm_link *link)
{
    return link->next != NULL;
}

static inline void
mpm__list_append(struct mpm_list *list, struct mpm_link *link)
{
    link->prev = list->head.prev;
    link->next = &list->head;
    link->prev->next = link->next->prev = link;
}

static inline void
mpm__list_prepend(struct mpm_list *list, struct mpm_link *link)
{
    link->next = list->head.next;
    link->prev = &list->head;
    link->prev->next = link->next->prev = link;
}

/* Harmless on a link that is on no list. */
static inline void
mpm__list_remove(struct mpm_link *link)
{
    if (link->next == NULL)
        return;
    link->next->prev = link->prev;
    link->prev->next = link->next;
    link->next = link->prev = NULL;
}

/* The first link; NULL when empty. */
static inline struct mpm_link *
mpm__list_first(const struct mpm_list *list)
{
    return mpm__list_is_empty(list) ? NULL : list->head.next;
}

/* The last link; NULL when empty. */
static inline struct mpm_link *
mpm_list_last(const struct mpm_list *list)
{
    return mpm__list_is_empty(list) ? NULL : list->head.prev;
}

/* The one after `link`; NULL at the end. */
static inline struct mpm_link *
mpm__list_next(const struct mpm_list *list, const struct mpm_link *link)
{
    return link->next == &list->head ? NULL : link->next;
}

#endif

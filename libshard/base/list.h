/* list.h - a doubly linked list whose links live in its members.
 *
 *     struct list waiting;                 head, list_init() before use
 *     struct put { ... struct list_node link; };
 *
 * Nothing here allocates; a member can be removed without searching.  A node
 * is in one list at most.  `list_remove` leaves the node unlinked, so that
 * `list_linked` tells the truth.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#define container_of(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer) - offsetof(type, member)))

struct list_node {
    struct list_node *next, *prev; /* NULL, NULL while in no list */
};

struct list {
    struct list_node ends; /* ends.next = first, ends.prev = last */
};

static inline void list_init(struct list *list)
{
    list->ends.next = list->ends.prev = &list->ends;
}

static inline bool list_empty(const struct list *list)
{
    return list->ends.next == &list->ends;
}

static inline bool list_linked(const struct list_node *node)
{
    return node->next != NULL;
}

static inline void list_insert_before(struct list_node *at, struct list_node *node)
{
    node->prev = at->prev;
    node->next = at;
    /* A linked node has both neighbours, which the analyser cannot know.
     * NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
    at->prev->next = node;
    at->prev = node;
}

static inline void list_append(struct list *list, struct list_node *node)
{
    list_insert_before(&list->ends, node);
}

static inline void list_prepend(struct list *list, struct list_node *node)
{
    list_insert_before(list->ends.next, node);
}

/* Also legal for a node that is in no list. */
static inline void list_remove(struct list_node *node)
{
    if (node->next == NULL)
        return;
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->next = node->prev = NULL;
}

/* NULL when the list is empty. */
static inline struct list_node *list_first(const struct list *list)
{
    /* The analyser does not see a node leave by its neighbours, and takes it for still there.
     * NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    return list_empty(list) ? NULL : list->ends.next;
}

/* NULL when the list is empty. */
static inline struct list_node *list_last(const struct list *list)
{
    return list_empty(list) ? NULL : list->ends.prev;
}

/* The node after `node`, NULL when it is the last. */
static inline struct list_node *list_next(const struct list *list, const struct list_node *node)
{
    return node->next == &list->ends ? NULL : node->next;
}

/* Removes and returns the first node, NULL when the list is empty. */
static inline struct list_node *list_pop(struct list *list)
{
    struct list_node *node = list_first(list);

    if (node != NULL)
        list_remove(node);
    return node;
}

/* Moves all of `from` behind the end of `to`; `from` is empty afterwards. */
static inline void list_join(struct list *to, struct list *from)
{
    if (list_empty(from))
        return;
    from->ends.next->prev = to->ends.prev;
    to->ends.prev->next = from->ends.next;
    from->ends.prev->next = &to->ends;
    to->ends.prev = from->ends.prev;
    list_init(from);
}

/* Makes `to` what `from` was; `from` is empty afterwards. */
static inline void list_take(struct list *to, struct list *from)
{
    list_init(to);
    list_join(to, from);
}

#endif

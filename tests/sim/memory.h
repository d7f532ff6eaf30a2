/* memory.h - where the heaps' blocks come from.
 *
 * Small blocks of one heap are cut from pages that it has for itself: to drop it
 * is to take the pages back, however many blocks there are.  A freed one waits in
 * its heap for the next of its size.  Large blocks are cut from the same region
 * one by one, and wait for whoever comes.
 *
 * Under AddressSanitizer `memory_watched.c` stands in its place, in which each
 * block is one of malloc's: the sanitizer watches those.
 */
#ifndef SIM_MEMORY_H
#define SIM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMORY_CLASSES_SMALL 33u

struct memory_page;

/* Stands in front of each block, and keeps malloc's alignment of 16. */
struct memory_block {
    struct heap *heap; /* NULL: the simulator's */
    uint64_t size;     /* as was asked for */
    uint32_t mark, class;
    struct memory_block *next; /* while it waits */
};

/* The blocks of one node.  Zeroed before first use. */
struct heap {
    struct memory_page *pages; /* the first one may have room */
    size_t page_used;
    struct memory_block *waiting[MEMORY_CLASSES_SMALL];
    struct memory_chained *chained; /* those that have no page */
};

/* `heap` may be NULL.  NULL when there is no memory. */
void *memory_take(struct heap *heap, size_t size);

/* Back to the heap that it was taken from. */
void memory_give(void *bytes);

/* Whether it comes from here: libraries allocate some for themselves. */
bool memory_is_ours(const void *bytes);

static inline struct memory_block *memory_block(const void *bytes)
{
    return (struct memory_block *)(uintptr_t)bytes - 1;
}

/* Frees every block of the heap. */
void heap_drop(struct heap *heap);

#endif

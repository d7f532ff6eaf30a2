#include <stdlib.h>

#include "base/ensure.h"
#include "base/list.h"
#include "memory.h"

/* memory.h for AddressSanitizer. */

#define MARK UINT32_C(0x62726169)

struct memory_chained {
    struct memory_chained *next, *prev;
    struct memory_block block;
};

void *__real_malloc(size_t size);
void __real_free(void *bytes);

/* Of the simulator's own: nobody drops it. */
static struct heap own;

void *memory_take(struct heap *heap, size_t size)
{
    struct heap *home = heap == NULL ? &own : heap;
    struct memory_chained *chained = __real_malloc(sizeof *chained + size);

    if (chained == NULL)
        return NULL;
    *chained = (struct memory_chained){ .next = home->chained,
                                        .block = { .heap = home, .size = size, .mark = MARK } };
    if (home->chained != NULL)
        home->chained->prev = chained;
    home->chained = chained;
    return &chained->block + 1;
}

void memory_give(void *bytes)
{
    struct memory_block *block = memory_block(bytes);
    struct memory_chained *chained = container_of(block, struct memory_chained, block);

    if (chained->prev != NULL)
        chained->prev->next = chained->next;
    else
        block->heap->chained = chained->next;
    if (chained->next != NULL)
        chained->next->prev = chained->prev;
    block->mark = 0;
    __real_free(chained);
}

__attribute__((no_sanitize("address"))) bool memory_is_ours(const void *bytes)
{
    return memory_block(bytes)->mark == MARK;
}

void heap_drop(struct heap *heap)
{
    while (heap->chained != NULL)
        memory_give(&heap->chained->block + 1);
}

#include "memory.h"

#include <string.h>
#include <sys/mman.h>

#include "base/ensure.h"
#include "base/list.h"

#define REGION_BYTES (UINT64_C(16) << 30) /* of addresses; valgrind gives no more than some */
#define OPEN_BYTES (UINT64_C(4) << 20)   /* so much of it becomes memory at a time */
#define PAGE_BYTES 65536u
#define SPARSE_BYTES 1048576u /* larger ones are used in part as a rule: blocks of a log's shelf */
#define CLASSES 112u
#define MARK_USED 0x62726169u
#define MARK_FREE 0x64656164u

/* A large block has it in front, so that its heap finds it. */
struct memory_chained {
    struct memory_chained *next, *prev;
    struct memory_block block;
};

struct memory_page {
    struct memory_page *next;
    uint64_t pad;
};

/* One for the process, as malloc's. */
static struct {
    unsigned char *base;
    size_t used, open;
    size_t top; /* from here on are the sparse blocks */
    struct memory_page *pages;             /* that nobody has */
    struct memory_block *waiting[CLASSES]; /* large ones */
    struct heap own;
} region;

/* Four sizes from each power of two to the next, and steps of 16 below: the class of a size, and
 * that of its blocks. */
static uint32_t class_of(size_t *size)
{
    if (*size <= 128) {
        *size = *size <= 64 ? 64 : (*size + 15) / 16 * 16;
        return (uint32_t)*size / 16 - 4;
    }
    unsigned bits = 64 - (unsigned)__builtin_clzll(*size - 1);
    uint64_t quarter = (*size - 1) >> (bits - 3);
    *size = (quarter + 1) << (bits - 3);
    return 5 + (bits - 8) * 4 + (uint32_t)quarter - 4;
}

static bool reserve(void)
{
    if (region.base != NULL)
        return true;
    void *base =
        mmap(NULL, REGION_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return false;
    region.base = base;
    region.top = REGION_BYTES;
    return true;
}

static bool open_region(void)
{
    if (mprotect(region.base + region.open, OPEN_BYTES, PROT_READ | PROT_WRITE) != 0)
        return false;
    /* Worth a tenth of the time; without it all is the same. */
    (void)madvise(region.base + region.open, OPEN_BYTES, MADV_POPULATE_WRITE);
    region.open += OPEN_BYTES;
    return true;
}

/* Becomes memory page by page, as it is used. */
static void *cut_sparse(size_t size)
{
    size = (size + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    if (region.top - region.open < size ||
        mprotect(region.base + region.top - size, size, PROT_READ | PROT_WRITE) != 0)
        return NULL;
    region.top -= size;
    return region.base + region.top;
}

static void *cut(size_t size)
{
    if (!reserve())
        return NULL;
    if (size > SPARSE_BYTES)
        return cut_sparse(size);
    while (region.open - region.used < size)
        if (region.open + OPEN_BYTES > region.top || !open_region())
            return NULL;
    void *bytes = region.base + region.used;
    region.used += size;
    return bytes;
}

static bool add_page(struct heap *heap)
{
    struct memory_page *page = region.pages;

    if (page != NULL)
        region.pages = page->next;
    else if ((page = cut(PAGE_BYTES)) == NULL)
        return false;
    page->next = heap->pages;
    heap->pages = page;
    heap->page_used = sizeof *page;
    return true;
}

static struct memory_block *take_small(struct heap *heap, size_t size, uint32_t class)
{
    struct memory_block *block = heap->waiting[class];

    if (block != NULL) {
        heap->waiting[class] = block->next;
        return block;
    }
    if ((heap->pages == NULL || PAGE_BYTES - heap->page_used < size) && !add_page(heap))
        return NULL;
    block = (struct memory_block *)((unsigned char *)heap->pages + heap->page_used);
    heap->page_used += size;
    return block;
}

static struct memory_block *take_large(struct heap *heap, size_t size, uint32_t class)
{
    struct memory_block *block = region.waiting[class];
    struct memory_chained *chained;

    if (block != NULL) {
        region.waiting[class] = block->next;
        chained = container_of(block, struct memory_chained, block);
    } else if ((chained = cut(size + sizeof *chained - sizeof *block)) == NULL) {
        return NULL;
    }
    chained->prev = NULL;
    chained->next = heap->chained;
    if (heap->chained != NULL)
        heap->chained->prev = chained;
    heap->chained = chained;
    return &chained->block;
}

void *memory_take(struct heap *heap, size_t size)
{
    struct heap *home = heap == NULL ? &region.own : heap;
    size_t whole = size + sizeof(struct memory_block);

    if (size > REGION_BYTES / 4)
        return NULL;
    uint32_t class = class_of(&whole);
    struct memory_block *block = class < MEMORY_CLASSES_SMALL ? take_small(home, whole, class)
                                                              : take_large(home, whole, class);
    if (block == NULL)
        return NULL;
    *block =
        (struct memory_block){ .heap = home, .size = size, .mark = MARK_USED, .class = class };
    return block + 1;
}

static void unchain(struct heap *heap, struct memory_chained *chained)
{
    if (chained->prev != NULL)
        chained->prev->next = chained->next;
    else
        heap->chained = chained->next;
    if (chained->next != NULL)
        chained->next->prev = chained->prev;
}

static void wait_in(struct memory_block **waiting, struct memory_block *block)
{
    block->mark = MARK_FREE;
    block->next = waiting[block->class];
    waiting[block->class] = block;
}

void memory_give(void *bytes)
{
    struct memory_block *block = memory_block(bytes);

    ensure(block->mark == MARK_USED); /* else it is freed twice */
    if (block->class < MEMORY_CLASSES_SMALL) {
        wait_in(block->heap->waiting, block);
        return;
    }
    unchain(block->heap, container_of(block, struct memory_chained, block));
    wait_in(region.waiting, block);
}

bool memory_is_ours(const void *bytes)
{
    return (uintptr_t)bytes - (uintptr_t)region.base < REGION_BYTES;
}

void heap_drop(struct heap *heap)
{
    for (struct memory_chained *chained; (chained = heap->chained) != NULL;) {
        unchain(heap, chained);
        wait_in(region.waiting, &chained->block);
    }
    for (struct memory_page *page; (page = heap->pages) != NULL;) {
        heap->pages = page->next;
        page->next = region.pages;
        region.pages = page;
    }
    *heap = (struct heap){ .pages = NULL };
}

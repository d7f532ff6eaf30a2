#include "heap.h"

#include <raft.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"

#define BLOCK_MARK UINT64_C(0x6272616964686561)

/* Stands in front of each block; 48 bytes keep malloc's alignment of 16. */
struct heap_block {
    uint64_t mark;
    size_t size;
    struct heap *heap;
    struct heap_block *next, *prev;
    uint64_t pad;
};

/* The one piece of global state of the simulator: malloc() has no other way to know. */
static struct heap *present;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void __real_free(void *bytes);
void *__real_realloc(void *bytes, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *bytes, size_t size);
void __wrap_free(void *bytes);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t max);
int __wrap_vasprintf(char **ret, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
int __wrap_asprintf(char **ret, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct heap *heap_enter(struct heap *heap)
{
    struct heap *former = present;

    present = heap;
    return former;
}

static void chain(struct heap_block *block)
{
    struct heap *heap = block->heap;

    block->prev = NULL;
    block->next = NULL;
    if (heap == NULL)
        return;
    block->next = heap->first;
    if (heap->first != NULL)
        heap->first->prev = block;
    heap->first = block;
    heap->bytes += block->size;
}

static void unchain(struct heap_block *block)
{
    struct heap *heap = block->heap;

    if (heap == NULL)
        return;
    if (block->prev != NULL)
        block->prev->next = block->next;
    else
        heap->first = block->next;
    if (block->next != NULL)
        block->next->prev = block->prev;
    heap->bytes -= block->size;
}

void heap_drop(struct heap *heap)
{
    for (struct heap_block *block = heap->first, *next; block != NULL; block = next) {
        next = block->next;
        block->mark = 0;
        __real_free(block);
    }
    heap->first = NULL;
    heap->bytes = 0;
}

void *__wrap_malloc(size_t size)
{
    struct heap_block *block = __real_malloc(sizeof *block + size);

    if (block == NULL)
        return NULL;
    *block = (struct heap_block){ .mark = BLOCK_MARK, .size = size, .heap = present };
    chain(block);
    return block + 1;
}

void *__wrap_calloc(size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / 2 / size)
        return NULL;
    void *bytes = __wrap_malloc(count * size);
    if (bytes != NULL)
        memset(bytes, 0, count * size);
    return bytes;
}

/* Memory that a library allocated for itself has no block in front of it. */
__attribute__((no_sanitize("address"))) static struct heap_block *block_of(void *bytes)
{
    struct heap_block *block = (struct heap_block *)bytes - 1;

    return block->mark == BLOCK_MARK ? block : NULL;
}

void __wrap_free(void *bytes)
{
    if (bytes == NULL)
        return;
    struct heap_block *block = block_of(bytes);
    if (block == NULL) {
        __real_free(bytes);
        return;
    }
    unchain(block);
    block->mark = 0;
    memset(bytes, 0xdb, block->size); /* whoever still looks at it sees that it is gone */
    __real_free(block);
}

void *__wrap_realloc(void *bytes, size_t size)
{
    if (bytes == NULL)
        return __wrap_malloc(size);
    struct heap_block *block = block_of(bytes);
    if (block == NULL)
        return __real_realloc(bytes, size);
    void *fresh = __wrap_malloc(size);
    if (fresh == NULL)
        return NULL;
    memcpy(fresh, bytes, block->size < size ? block->size : size);
    __wrap_free(bytes);
    return fresh;
}

char *__wrap_strdup(const char *text)
{
    return __wrap_strndup(text, strlen(text));
}

char *__wrap_strndup(const char *text, size_t max)
{
    size_t len = strnlen(text, max);
    char *copy = __wrap_malloc(len + 1);

    if (copy != NULL) {
        memcpy(copy, text, len);
        copy[len] = 0;
    }
    return copy;
}

int __wrap_vasprintf(char **ret, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (len < 0 || (*ret = __wrap_malloc((size_t)len + 1)) == NULL)
        return -1;
    return vsnprintf(*ret, (size_t)len + 1, format, args);
}

int __wrap_asprintf(char **ret, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = __wrap_vasprintf(ret, format, args);
    va_end(args);
    return len;
}

void *sim_malloc(size_t size)
{
    struct heap *former = heap_enter(NULL);
    void *bytes = __wrap_calloc(1, size);

    heap_enter(former);
    ensure(bytes != NULL);
    return bytes;
}

void sim_free(void *bytes)
{
    __wrap_free(bytes);
}

static void *raft_take(void *data, size_t size)
{
    return __wrap_malloc(size);
}

static void raft_give(void *data, void *bytes)
{
    __wrap_free(bytes);
}

static void *raft_take_zeroed(void *data, size_t count, size_t size)
{
    return __wrap_calloc(count, size);
}

static void *raft_resize(void *data, void *bytes, size_t size)
{
    return __wrap_realloc(bytes, size);
}

static void *raft_take_aligned(void *data, size_t alignment, size_t size)
{
    ensure(alignment <= 16);
    return __wrap_malloc(size);
}

static void raft_give_aligned(void *data, size_t alignment, void *bytes)
{
    __wrap_free(bytes);
}

void heap_take_libraft(void)
{
    static struct raft_heap heap = { .malloc = raft_take,
                                     .free = raft_give,
                                     .calloc = raft_take_zeroed,
                                     .realloc = raft_resize,
                                     .aligned_alloc = raft_take_aligned,
                                     .aligned_free = raft_give_aligned };
    raft_heap_set(&heap);
}

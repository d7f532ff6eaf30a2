#include "heap.h"

#include <raft.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "memory.h"

/* A sanitizer sees by itself who uses what is freed; without one, the first bytes of a large block
 * tell as much as all of them. */
#define POISON_MAX 1024u
#define STARVED_BYTES_MIN 64u

/* The one piece of global state of the simulator: malloc() has no other way to know. */
static struct heap *present;

static struct {
    struct heap *heap;
    uint32_t one_in, asked;
} starved; /* a seed has a process of its own */

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

void *__wrap_malloc(size_t size)
{
    return memory_take(present, size);
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

/* Called as it is: what compilers put in line for a size that they do not know takes far longer. */
static void *(*volatile const fill)(void *, int, size_t) = memset;

/* Whoever still looks at it sees that it is gone. */
static void poison(void *bytes)
{
    size_t size = memory_block(bytes)->size;

    fill(bytes, 0xdb, size < POISON_MAX ? size : POISON_MAX);
}

void __wrap_free(void *bytes)
{
    if (bytes == NULL)
        return;
    if (!memory_is_ours(bytes)) { /* a library allocated it for itself */
        __real_free(bytes);
        return;
    }
    poison(bytes);
    memory_give(bytes);
}

void *__wrap_realloc(void *bytes, size_t size)
{
    if (bytes == NULL)
        return __wrap_malloc(size);
    if (!memory_is_ours(bytes))
        return __real_realloc(bytes, size);
    void *fresh = __wrap_malloc(size);
    if (fresh == NULL)
        return NULL;
    size_t former = memory_block(bytes)->size;
    memcpy(fresh, bytes, former < size ? former : size);
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

void *sim_take(size_t size)
{
    void *bytes = memory_take(NULL, size);

    ensure(bytes != NULL);
    return bytes;
}

void *sim_malloc(size_t size)
{
    return memset(sim_take(size), 0, size);
}

void sim_free(void *bytes)
{
    __wrap_free(bytes);
}

void heap_starve(struct heap *heap, uint32_t one_in)
{
    starved.heap = heap;
    starved.one_in = one_in;
}

/* libraft 0.15 does not outlive all of it: when it cannot answer at once what it has just taken,
 * for want of a small block, it frees the message's entries twice.  A process would end by that. */
static bool is_refused(size_t size)
{
    return starved.heap != NULL && starved.heap == present && size >= STARVED_BYTES_MIN &&
           ++starved.asked % starved.one_in == 0;
}

static void *raft_take(void *data, size_t size)
{
    return is_refused(size) ? NULL : __wrap_malloc(size);
}

static void raft_give(void *data, void *bytes)
{
    __wrap_free(bytes);
}

static void *raft_take_zeroed(void *data, size_t count, size_t size)
{
    return is_refused(count * size) ? NULL : __wrap_calloc(count, size);
}

static void *raft_resize(void *data, void *bytes, size_t size)
{
    return is_refused(size) ? NULL : __wrap_realloc(bytes, size);
}

static void *raft_take_aligned(void *data, size_t alignment, size_t size)
{
    ensure(alignment <= 16);
    return is_refused(size) ? NULL : __wrap_malloc(size);
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

#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/ensure.h"

/* A request for one record fits the first block; blocks double up to the last
 * size, beyond which one allocation gets a block of its own. */
#define BLOCK_BYTES_FIRST 4096u
#define BLOCK_BYTES_LAST (256u * 1024u)

#define ALIGN _Alignof(max_align_t)

struct arena_block {
    _Alignas(max_align_t) struct arena_block *next;
    size_t size; /* bytes behind this header */
    size_t used;
};

static struct arena_block *block_new(struct arena *arena, size_t size);

static unsigned char *block_bytes(struct arena_block *block)
{
    return (unsigned char *)(block + 1);
}

void arena_init(struct arena *arena, size_t bytes_max)
{
    *arena = (struct arena){ .bytes_max = bytes_max };
}

void arena_fini(struct arena *arena)
{
    for (struct arena_block *block; (block = arena->blocks) != NULL;) {
        arena->blocks = block->next;
        free(block);
    }
    arena->bytes = 0;
}

void *arena_raw(struct arena *arena, size_t size)
{
    struct arena_block *block = arena->blocks;

    if (size > SIZE_MAX / 2)
        return NULL;
    size = size == 0 ? ALIGN : (size + ALIGN - 1) / ALIGN * ALIGN;

    if (block == NULL || block->size - block->used < size) {
        block = block_new(arena, size);
        if (block == NULL)
            return NULL;
        /* A large block of its own goes behind the present one, whose rest stays in use. */
        if (arena->blocks != NULL && size > BLOCK_BYTES_LAST / 4) {
            block->next = arena->blocks->next;
            arena->blocks->next = block;
        } else {
            block->next = arena->blocks;
            arena->blocks = block;
        }
    }

    void *bytes = block_bytes(block) + block->used;
    block->used += size;
    return bytes;
}

void *arena_take(struct arena *arena, size_t size)
{
    void *bytes = arena_raw(arena, size);

    if (bytes != NULL)
        memset(bytes, 0, size);
    return bytes;
}

char *arena_text(struct arena *arena, struct slice text)
{
    if (text.len == SIZE_MAX)
        return NULL;
    char *copy = arena_raw(arena, text.len + 1);

    if (copy == NULL)
        return NULL;
    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    copy[text.len] = 0;
    return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    ensure(len >= 0);

    char *text = arena_raw(arena, (size_t)len + 1);
    if (text == NULL)
        return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return text;
}

/* A new block that holds at least `size`.  Small arenas give up the doubling
 * before they give up the request, so that `bytes_max` can be used to its end. */
static struct arena_block *block_new(struct arena *arena, size_t size)
{
    size_t last = arena->blocks == NULL ? 0 : arena->blocks->size;
    size_t room = arena->bytes_max - arena->bytes;
    size_t want = last == 0 ? BLOCK_BYTES_FIRST : last * 2;

    if (size > room)
        return NULL;
    if (want > BLOCK_BYTES_LAST)
        want = BLOCK_BYTES_LAST;
    if (want > room)
        want = room;
    if (want < size)
        want = size;

    struct arena_block *block = malloc(sizeof(*block) + want);
    if (block == NULL)
        return NULL;
    *block = (struct arena_block){ .size = want };
    arena->bytes += want;
    return block;
}

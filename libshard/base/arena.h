/* arena.h - the memory of one request, freed at one blow.
 *
 * A request's strings, structs and lists live exactly as long as the request.
 * They come from here, and nobody frees them one by one.  An arena has a
 * maximum: a request that needs more fails, the node does not.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base/slice.h"

struct arena_block;

struct arena {
    struct arena_block *blocks;
    size_t bytes;     /* handed out and reserved */
    size_t bytes_max; /* beyond it arena_take() answers NULL */
};

void arena_init(struct arena *arena, size_t bytes_max);
void arena_fini(struct arena *arena);

/* `size` bytes, aligned for any type, zeroed.  NULL when memory or the maximum is reached. */
void *arena_take(struct arena *arena, size_t size);

/* As arena_take(), uninitialised: for bytes that the caller fills at once. */
void *arena_raw(struct arena *arena, size_t size);

/* A copy with an end mark behind it.  NULL as above. */
char *arena_text(struct arena *arena, struct slice text);

/* printf into the arena.  NULL as above. */
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif

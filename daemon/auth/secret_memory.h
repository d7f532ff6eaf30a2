/* secret_memory.h - memory for secrets: not in core dumps, empty before it is given back.
 *
 * Whole pages, for a few long-lived things.  Any thread.
 */
#ifndef AUTH_SECRET_MEMORY_H
#define AUTH_SECRET_MEMORY_H

#include <stddef.h>

/* Zeroed.  NULL when there is no memory. */
void *secret_memory_new(size_t bytes);

/* `bytes` as it was made.  NULL is legal. */
void secret_memory_free(void *memory, size_t bytes);

#endif

/* space.h - how much room a file system has left.
 *
 * Segments and tables share one file system.  Whoever makes a large file asks
 * here first, so that what is small and cannot wait still finds room: a file
 * system that is filled to its last byte can neither file a segment nor start
 * again.
 *
 * Any thread; does not block longer than a look at the file system takes.
 */
#ifndef ENV_SPACE_H
#define ENV_SPACE_H

#include <stdbool.h>
#include <stdint.h>

struct space {
    uint64_t free_bytes; /* for us: what is kept for the superuser does not count */
    uint64_t total_bytes;
};

/* False when the file system of `path` does not say. */
bool space_of(const char *path, struct space *ret);

/* What segments leave free: DISK_HEADROOM_BYTES, or 5 % of a small file system. */
uint64_t space_headroom(const struct space *space);

#endif

/* blocks.h - the bytes of one simulated file, without the zeros.
 *
 * Segments are made of zeros, and a small frame fills its last block with zeros:
 * a block keeps what is in front of its trailing zeros, and most keep nothing.
 */
#ifndef SIM_BLOCKS_H
#define SIM_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

struct block {
    unsigned char *bytes;
    uint32_t used, room;
};

struct blocks {
    uint64_t size;
    struct block *at;     /* by number */
    struct chunk *chunks; /* neighbours on the disk are neighbours in memory */
};

/* `size` zeros; a multiple of DISK_ALIGN. */
void blocks_init(struct blocks *blocks, uint64_t size);
void blocks_fini(struct blocks *blocks);

/* The extent lies within the size, and need not be aligned. */
void blocks_read(const struct blocks *blocks, uint64_t offset, void *bytes, size_t len);
void blocks_write(struct blocks *blocks, uint64_t offset, const void *bytes, size_t len);

#endif

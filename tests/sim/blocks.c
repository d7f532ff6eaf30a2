#include "blocks.h"

#include <string.h>

#include "base/ensure.h"
#include "env/disk.h"
#include "heap.h"

#define STEP_BYTES 64u
#define LEAP_BYTES 512u
#define CHUNK_BYTES (65536u - 128u) /* with what stands in front, no more than 64 KiB */

struct chunk {
    struct chunk *next;
    uint32_t used;
    unsigned char bytes[CHUNK_BYTES];
};

/* Called as they are: what compilers put in line for sizes up to a block takes thrice as long. */
static void *(*volatile const copy)(void *, const void *, size_t) = memcpy;
static void *(*volatile const fill)(void *, int, size_t) = memset;

void blocks_init(struct blocks *blocks, uint64_t size)
{
    ensure(size % DISK_ALIGN == 0);
    blocks->size = size;
    blocks->at = sim_malloc(size / DISK_ALIGN * sizeof(struct block));
    blocks->chunks = NULL;
}

void blocks_fini(struct blocks *blocks)
{
    for (struct chunk *chunk; (chunk = blocks->chunks) != NULL;) {
        blocks->chunks = chunk->next;
        sim_free(chunk);
    }
    sim_free(blocks->at);
    *blocks = (struct blocks){ 0 };
}

/* A quarter more than it had, at least: what it had stays unused, altogether less than four times
 * of what it has now. */
static void make_room(struct blocks *blocks, struct block *block, uint32_t used)
{
    struct chunk *chunk = blocks->chunks;

    block->room += block->room / 4 / STEP_BYTES * STEP_BYTES;
    if (block->room < used)
        block->room = used;
    if (block->room > DISK_ALIGN)
        block->room = DISK_ALIGN;
    if (chunk == NULL || CHUNK_BYTES - chunk->used < block->room) {
        chunk = sim_take(sizeof *chunk);
        chunk->used = 0;
        chunk->next = blocks->chunks;
        blocks->chunks = chunk;
    }
    block->bytes = chunk->bytes + chunk->used;
    chunk->used += block->room;
}

/* Where the zeros at the end begin, rounded up. */
static uint32_t used_of(const unsigned char *bytes)
{
    static const unsigned char zeros[LEAP_BYTES];
    uint64_t words[STEP_BYTES / 8];
    uint32_t used = DISK_ALIGN;

    while (used > 0 && memcmp(bytes + used - LEAP_BYTES, zeros, LEAP_BYTES) == 0)
        used -= LEAP_BYTES;
    for (; used > 0; used -= STEP_BYTES) {
        uint64_t any = 0;
        memcpy(words, bytes + used - STEP_BYTES, STEP_BYTES);
        for (size_t i = 0; i < STEP_BYTES / 8; i++)
            any |= words[i];
        if (any != 0)
            break;
    }
    return used;
}

static void put(struct blocks *blocks, struct block *block, const unsigned char *bytes)
{
    uint32_t used = used_of(bytes);

    if (used > block->room)
        make_room(blocks, block, used);
    block->used = used;
    if (used > 0)
        memcpy(block->bytes, bytes, used);
}

static void get(const struct block *block, size_t from, unsigned char *bytes, size_t len)
{
    size_t used = block->used > from ? block->used - from : 0;

    if (used > len)
        used = len;
    if (used > 0)
        copy(bytes, block->bytes + from, used);
    fill(bytes + used, 0, len - used);
}

/* As much of the extent as its first block has. */
static size_t within(uint64_t offset, size_t len)
{
    size_t rest = DISK_ALIGN - offset % DISK_ALIGN;

    return len < rest ? len : rest;
}

void blocks_read(const struct blocks *blocks, uint64_t offset, void *bytes, size_t len)
{
    ensure(offset <= blocks->size && len <= blocks->size - offset);
    for (size_t part; len > 0; offset += part, bytes = (unsigned char *)bytes + part, len -= part) {
        part = within(offset, len);
        get(&blocks->at[offset / DISK_ALIGN], offset % DISK_ALIGN, bytes, part);
    }
}

void blocks_write(struct blocks *blocks, uint64_t offset, const void *bytes, size_t len)
{
    unsigned char whole[DISK_ALIGN];
    const unsigned char *from = bytes;

    ensure(offset <= blocks->size && len <= blocks->size - offset);
    for (size_t part; len > 0; offset += part, from += part, len -= part) {
        struct block *at = &blocks->at[offset / DISK_ALIGN];
        part = within(offset, len);
        if (part == DISK_ALIGN) {
            put(blocks, at, from);
            continue;
        }
        get(at, 0, whole, DISK_ALIGN);
        memcpy(whole + offset % DISK_ALIGN, from, part);
        put(blocks, at, whole);
    }
}

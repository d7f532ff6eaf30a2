#include <stdlib.h>

#include "base/ensure.h"
#include "log/log_private.h"

/* Large blocks of filed segments, for reads that are shared (log_read.shared).
 *
 * Entries of many groups lie in a segment side by side.  Whoever reads all groups one by one would
 * read each payload by itself, in as many small reads of the disk as there are entries.  So such
 * reads take whole blocks, which stay here for the next group's.
 *
 * Of the blocks that are wanted the lowest is read first, few at once (in the background fewer, in
 * pieces): so the reads of many groups that begin near each other are soon at the same block, and
 * walk on together.  If each went at its own pace, the blocks of the last would be gone when the
 * first has been there.
 *
 * A filed segment does not change, but for what log_mend() writes: so a block stays true, and an
 * entry whose checksum is wrong there is read anew from the disk.  The number of a segment is never
 * used again, so a block of one whose file was recycled is never found.  The last one used is the
 * first in the list; the last in the list that is not lent goes when there are LOG_BLOCKS_MAX.  All
 * go when nobody has read for a while.
 *
 * A payload that lies in one block is not copied: the reader gets a part of the block, whose memory
 * stays until the last such part has been sent.  So long the block stays in the list too, and
 * counts, even when it is stale, or nobody reads: a receiver may stall for as long as it likes.
 * While more than LOG_BLOCKS_MAX are there, nothing more is lent, and payloads are copied. */

#define IDLE_MS 2000u

enum block_phase { BLOCK_WANTED, BLOCK_READING, BLOCK_READY };

struct block {
    struct list_node link; /* in log->blocks.list */
    struct log *log;
    struct segment *segment; /* until it is read; pinned meanwhile */
    uint64_t number;         /* of the segment */
    uint64_t at;             /* offset there, a multiple of LOG_BLOCK_BYTES */
    enum block_phase phase;
    struct buf *bytes;       /* NULL while it is wanted; also held by those that it was lent to */
    size_t len, piece, done; /* of it; read at once; so far */
    bool background;         /* in pieces, and little ahead of it */
    bool followed; /* somebody has begun with it: what comes behind it is read, or was */
    bool telling; /* those that wait; it must stay */
    bool stale;   /* changed since the read began */
    struct list waits; /* of struct block_wait */
    struct disk_io io;
};

static void block_on_read(struct disk_io *io, enum err err);
static void shelf_on_idle(struct timer *timer);

void shelf_init(struct log *log)
{
    list_init(&log->blocks.list);
}

static void block_free(struct block *block)
{
    list_remove(&block->link);
    block->log->blocks.count -= block->bytes != NULL;
    buf_unref(block->bytes);
    free(block);
}

void shelf_fini(struct log *log)
{
    timer_stop(&log->blocks.idle);
    for (struct list_node *node; (node = list_first(&log->blocks.list)) != NULL;)
        block_free(container_of(node, struct block, link));
}

/* Of what is lent the memory is not ours to give back. */
static bool is_lent(const struct block *block)
{
    return block->bytes->refs > 1;
}

static struct block *block_find(struct log *log, uint64_t number, uint64_t at)
{
    for (struct list_node *node = list_first(&log->blocks.list); node != NULL;
         node = list_next(&log->blocks.list, node)) {
        struct block *block = container_of(node, struct block, link);
        if (block->number == number && block->at == at && !block->stale)
            return block;
    }
    return NULL;
}

bool shelf_lends(const struct log *log)
{
    return log->blocks.count <= LOG_BLOCKS_MAX;
}

/* Memory for one more.  When there are enough, that of the one that was not used for longest: new
 * memory would have to be cleared first.  What was lent is not there to be used again; while it is
 * out there may be more than enough, which are let go as soon as they are back. */
static struct buf *block_memory(struct log *log)
{
    struct list_node *node = list_last(&log->blocks.list);
    struct buf *bytes = NULL;

    while (node != NULL && log->blocks.count >= LOG_BLOCKS_MAX) {
        struct block *block = container_of(node, struct block, link);
        node = node->prev == &log->blocks.list.ends ? NULL : node->prev;
        if (block->phase != BLOCK_READY || block->telling || is_lent(block))
            continue;
        buf_unref(bytes);
        bytes = block->bytes;
        block->bytes = NULL;
        log->blocks.count--;
        block_free(block);
    }
    if (bytes != NULL)
        return bytes;
    void *memory = disk_memory(LOG_BLOCK_BYTES);
    if (memory != NULL)
        bytes = buf_around(memory, LOG_BLOCK_BYTES, disk_memory_free);
    if (bytes == NULL)
        disk_memory_free(memory);
    return bytes;
}

static struct block *block_add(struct log *log, struct segment *segment, uint64_t at,
                               bool background)
{
    struct block *block = calloc(1, sizeof(*block));

    if (block == NULL)
        return NULL;
    *block = (struct block){
        .log = log,
        .segment = segment,
        .number = segment->number,
        .at = at,
        .background = background,
    };
    list_init(&block->waits);
    list_prepend(&log->blocks.list, &block->link);
    return block;
}

static void block_read_piece(struct block *block)
{
    size_t left = block->len - block->done;

    disk_read(block->segment->file->file, &block->io, block->at + block->done,
              block->bytes->data + block->done, left < block->piece ? left : block->piece,
              block_on_read);
}

static void block_read(struct block *block)
{
    struct log *log = block->log;
    struct segment *segment = block->segment;
    uint64_t left = segment->file->bytes - block->at;

    block->len = left < LOG_BLOCK_BYTES ? (size_t)left : LOG_BLOCK_BYTES;
    block->piece = block->background ? LOG_BLOCK_PIECE_BYTES : block->len;
    block->bytes = block_memory(log);
    ensure(block->bytes != NULL); /* as the log's own buffers */
    block->phase = BLOCK_READING;
    log->blocks.count++;
    log->blocks.reading++;
    log->active++;
    segment->pins++;
    log->figures.read_bytes += block->len;
    block_read_piece(block);
    if (!timer_running(&log->blocks.idle))
        timer_start(log->world.clock, &log->blocks.idle, IDLE_MS, shelf_on_idle);
}

static struct block *lowest_wanted(const struct log *log)
{
    struct block *found = NULL;

    for (struct list_node *node = list_first(&log->blocks.list); node != NULL;
         node = list_next(&log->blocks.list, node)) {
        struct block *block = container_of(node, struct block, link);
        if (block->phase != BLOCK_WANTED)
            continue;
        if (found == NULL || block->number < found->number ||
            (block->number == found->number && block->at < found->at))
            found = block;
    }
    return found;
}

/* In the background only one at a time while blocks are made anew: new memory is cleared, and on a
 * machine that shares its own got from the host, by whoever reads into it.  Two of them take two
 * processors from clients. */
static uint32_t reads_most(const struct log *log, bool background)
{
    if (!background)
        return LOG_BLOCKS_READ_MAX;
    return log->blocks.count < LOG_BLOCKS_MAX ? 1 : LOG_BLOCKS_BACKGROUND_MAX;
}

/* While nothing else is wanted, what comes behind the one that was begun last. */
static void read_ahead(struct log *log, struct segment *segment, uint64_t at, bool background)
{
    uint32_t most = reads_most(log, background);
    uint64_t end = at + (uint64_t)most * LOG_BLOCK_BYTES; /* those behind push out the near ones */

    if (end > segment->file->bytes - 1)
        end = segment->file->bytes - 1;
    while (log->blocks.reading < most && (at += LOG_BLOCK_BYTES) <= end) {
        struct block *block = block_find(log, segment->number, at);
        if (block == NULL)
            block = block_add(log, segment, at, background);
        if (block == NULL)
            return;
        if (block->phase == BLOCK_WANTED)
            block_read(block);
    }
}

static void shelf_kick(struct log *log)
{
    struct block *block, *last = NULL;

    while (log->blocks.reading < LOG_BLOCKS_READ_MAX && (block = lowest_wanted(log)) != NULL) {
        block_read(block);
        last = block;
    }
    if (last != NULL)
        read_ahead(log, last->segment, last->at, last->background);
}

/* Who begins with a block soon wants the next. */
struct buf *shelf_find(struct log *log, struct segment *segment, uint64_t at)
{
    struct block *block = block_find(log, segment->number, at);

    log->blocks.used = true;
    if (block == NULL || block->phase != BLOCK_READY)
        return NULL;
    list_remove(&block->link);
    list_prepend(&log->blocks.list, &block->link);
    if (!block->followed && log->blocks.reading < reads_most(log, block->background)) {
        block->followed = true;
        /* As one that is lent, so that what is read ahead does not take its memory. */
        struct buf *held = buf_ref(block->bytes);
        read_ahead(log, segment, at, block->background);
        buf_unref(held);
    }
    return block->bytes;
}

bool shelf_want(struct log *log, struct segment *segment, uint64_t at, struct block_wait *wait)
{
    struct block *block = block_find(log, segment->number, at);

    if (block == NULL) {
        block = block_add(log, segment, at, wait->background);
        if (block == NULL)
            return false;
    }
    list_append(&block->waits, &wait->link);
    shelf_kick(log);
    return true;
}

/* A block that cannot be read is no damage of any one entry: who waits reads its own. */
static void block_on_read(struct disk_io *io, enum err err)
{
    struct block *block = container_of(io, struct block, io);
    struct log *log = block->log;
    struct segment *segment = block->segment;
    bool ready = err == ERR_OK && !block->stale;
    struct list waits;

    block->done += io->len;
    if (ready && block->done < block->len) {
        block_read_piece(block);
        return;
    }

    log->blocks.reading--;
    block->phase = BLOCK_READY;
    block->stale = !ready;
    block->telling = true;
    list_take(&waits, &block->waits);
    for (struct list_node *node; (node = list_pop(&waits)) != NULL;) {
        struct block_wait *wait = container_of(node, struct block_wait, link);
        wait->cb(wait, ready);
    }
    block->telling = false;
    if (block->stale && !is_lent(block))
        block_free(block);
    shelf_kick(log);
    segment_unpin(log, segment);
    log->active--;
    log_close_kick(log);
}

void shelf_drop(struct log *log, const struct segment *segment)
{
    struct list_node *node = list_first(&log->blocks.list);

    while (node != NULL) {
        struct block *block = container_of(node, struct block, link);
        node = list_next(&log->blocks.list, node);
        if (block->number != segment->number)
            continue;
        if (block->phase == BLOCK_WANTED)
            continue;
        block->stale = true;
        if (block->phase == BLOCK_READY && !block->telling && !is_lent(block))
            block_free(block);
    }
}

/* An idle node keeps no large memory. */
static void shelf_on_idle(struct timer *timer)
{
    struct log *log = container_of(timer, struct log, blocks.idle);
    struct list_node *node = list_first(&log->blocks.list);

    while (node != NULL && !log->blocks.used) {
        struct block *block = container_of(node, struct block, link);
        node = list_next(&log->blocks.list, node);
        if (block->phase == BLOCK_READY && !is_lent(block))
            block_free(block);
    }
    log->blocks.used = false;
    if (log->blocks.count > 0)
        timer_start(log->world.clock, timer, IDLE_MS, shelf_on_idle);
}

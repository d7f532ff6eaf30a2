/* table.h - a node's small ordered tables.
 *
 * What is a log lies in log/; what is a table lies here: where full segments
 * keep which entries, the state of each group, the catalogue's image, who this
 * node is.  Keys are bytes in order; a batch is all or nothing.
 *
 * All calls block.  At a node's start the loop may call them; afterwards only
 * workers do (env/work.h).  A batch that was written with `sync` survives any
 * crash; one without may be lost, but only together with all later unsynced
 * ones.
 *
 * Two worlds: RocksDB (rocks.c), and the simulator's ordered map that loses
 * unsynced batches at a power loss.
 */
#ifndef TABLE_TABLE_H
#define TABLE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

/* Each space is a column family.  Fixed numbers: they are the format. */
enum table_space {
    TABLE_NODE = 0,    /* one row per fact about this node: its id, its cluster, format version */
    TABLE_SEGMENT = 1, /* segment number -> what became of it */
    TABLE_INDEX = 2,   /* (group, first index) -> a run of entries in a full segment */
    TABLE_STATE = 3,   /* group -> epoch, start, term, vote, applied, trim, members */
    TABLE_IMAGE = 4,   /* group -> the applied image of the catalogue */
    TABLE_SPACES
};

struct table;
struct table_batch;

/* An empty batch.  NULL when there is no memory. */
struct table_batch *table_batch_new(void);
void table_batch_free(struct table_batch *batch);
void table_batch_put(struct table_batch *batch, enum table_space space, struct slice key,
                     struct slice value);
void table_batch_delete(struct table_batch *batch, enum table_space space, struct slice key);

/* Everything in the batch, or nothing.  The batch can be freed or written again afterwards.
 * ERR_NO_SPACE           too little room on the disk, mostly found before anything was written:
 *                        write the same rows again later
 * ERR_IO, ERR_CORRUPT    the table is not to be trusted any more: stop the process */
MUST_CHECK enum err table_write(struct table *table, const struct table_batch *batch, bool sync,
                                struct reason *reason);

/* Whether there is room for the batch, for who must know that nothing of it was written.
 * ERR_NO_SPACE, ERR_NO_MEMORY */
MUST_CHECK enum err table_room(const struct table *table, const struct table_batch *batch,
                               struct reason *reason);

/* The value of `key`, one reference for the caller.  ERR_NOT_FOUND, ERR_IO, ERR_CORRUPT. */
MUST_CHECK enum err table_get(struct table *table, enum table_space space, struct slice key,
                              struct buf **ret, struct reason *reason);

/* What memory has of the files is to be forgotten, so that what is read from now on comes from the
 * disk. */
void table_forget_cached(struct table *table);

/* Return false to end the scan. */
typedef bool (*table_scan_cb)(void *ctx, struct slice key, struct slice value);

/* Calls `cb` for each row with from <= key < to, in order of the keys; an empty `to` means to the
 * end of the space.  ERR_IO, ERR_CORRUPT. */
MUST_CHECK enum err table_scan(struct table *table, enum table_space space, struct slice from,
                               struct slice to, table_scan_cb cb, void *ctx,
                               struct reason *reason);

/* The same rows from the last to the first. */
MUST_CHECK enum err table_scan_back(struct table *table, enum table_space space, struct slice from,
                                    struct slice to, table_scan_cb cb, void *ctx,
                                    struct reason *reason);

#endif

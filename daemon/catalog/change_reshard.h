/* change_reshard.h - making the changes that split and merge shards (apply_reshard.h).
 *
 * As change.h: each builder returns one reference, the caller's, or NULL when
 * there is no memory.
 */
#ifndef CATALOG_CHANGE_RESHARD_H
#define CATALOG_CHANGE_RESHARD_H

#include "catalog/change.h"

/* Two neighbours become one, or one becomes two. */
struct reshard_step {
    uint32_t parents[SHARD_PARENTS_MAX]; /* numbers, by hash keys */
    uint32_t parent_count;
    struct u128 middle; /* of one parent: where the second child begins */
};

/* The leader places the children.  `target`: of UpdateShardCount, else 0; `counted`: it is a
 * client's.
 * ERR_NOT_FOUND
 * ERR_EXISTS     the stream is being changed
 * ERR_CLOSED     it is being deleted
 * ERR_INVALID    a parent is not open, or the two are no neighbours
 * ERR_BUSY       a maximum of the catalogue */
struct buf *change_begin_reshard(struct change_stamp stamp, const struct model_stream *stream,
                                 const struct reshard_step steps[], uint32_t count,
                                 uint32_t target, bool counted);

struct reshard_end {
    uint32_t number;
    uint64_t end, time_ms; /* as EndedShard in catalog.proto */
};

/* Of steps that miss a parent nothing is done.  ERR_NOT_FOUND; ERR_CLOSED: no step ended. */
struct buf *change_commit_reshard(struct change_stamp stamp, uint64_t stream,
                                  const struct reshard_end ends[], uint32_t count);

/* ERR_NOT_FOUND; ERR_CLOSED: none of them is closed for longer than its retention. */
struct buf *change_forget_shards(struct change_stamp stamp, uint64_t stream,
                                 const uint32_t numbers[], uint32_t count);

#endif

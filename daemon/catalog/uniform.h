/* uniform.h - which shards to split and to merge, to come to a number of shards.
 *
 * UpdateShardCount's UNIFORM_SCALING, by the totals that AWS arrives at:
 *
 *     too few     every open shard is split in the middle
 *     too many    neighbours are merged, as many as are too many or as there are pairs: those first
 *                 that hold the fewest hash keys together
 *
 * So 4 -> 5 goes by 8, and makes 11 new shards.  One round at a time: the next is asked for when
 * the last one is committed.
 *
 * A pure function of the stream's open shards.
 */
#ifndef CATALOG_UNIFORM_H
#define CATALOG_UNIFORM_H

#include "catalog/change_reshard.h"

/* `*steps` is the caller's: free().  False: none is left to be made, or no shard can be split. */
bool uniform_steps(const struct model_stream *stream, uint32_t target, struct reshard_step **steps,
                   uint32_t *count);

/* What one open shard needs to be replaced: a split in the middle; of one hash key a merge with a
 * neighbour.  False: it is not open, or has all there are and cannot be. */
bool uniform_step_of(const struct model_stream *stream, const struct model_shard *shard,
                     struct reshard_step *step);

#endif

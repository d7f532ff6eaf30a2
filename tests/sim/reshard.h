/* reshard.h - shards are split and merged all the time, under whatever else a seed has.
 *
 * Held against the history:
 *
 *     at every index of every model the open shards hold each hash key once
 *     what a client puts next lies behind what it put before: in the same shard, or in a descendant
 *     nothing is acknowledged in a shard behind the end that its readers are told
 *     at the end every reshard that was begun is done, the groups of all closed shards rest, and
 *     each member of them has all that was acknowledged
 */
#ifndef SIM_RESHARD_H
#define SIM_RESHARD_H

#include "catalog/model.h"
#include "world.h"

void reshard_start(struct world *world);
/* A few are, and then they rest and wake, because nodes are drained. */
void reshard_start_few(struct world *world);

/* Without other faults one member hears nothing of its leader while its shard ends. */
void reshard_start_behind(struct world *world);

/* Somebody else splits and merges. */
void reshard_expect(void);

/* Before all heals: shards end of which the catalogue knows nothing. */
void reshard_strand(struct world *world);

/* `node` has this model. */
void reshard_model(struct world *world, const struct sim_node *node, const struct model *model);

/* Whether the group's shard comes of the other's, by any number of steps. */
bool reshard_follows(uint64_t group, uint64_t of);

/* The shard in which the client's values belong; NULL: this scenario is not played. */
const struct model_shard *reshard_shard_of(const struct model_stream *stream, uint32_t client);

void reshard_check(struct world *world);

#endif

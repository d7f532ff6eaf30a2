/* subscribers.h - readers that wait at the tip of a shard for what comes, as consumers' do.
 *
 * Each follows one group: its read waits at the leader until there is something, and the next
 * one goes on where it ended, at whatever node is up.  What a read passes it must have given
 * (history.h), so between the beginning of a group and where its subscriber is nothing is
 * missing.  When all has healed each must come to the newest record.  Who is told that its shard is
 * gone goes on in the next, unless something that it lacks must still be there.
 */
#ifndef SIM_SUBSCRIBERS_H
#define SIM_SUBSCRIBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "world.h"

void subscribers_start(struct world *world);

/* The group of client `at`; once it has read the former one it begins with this one. */
void subscribers_follow(struct world *world, uint32_t at, uint64_t group);

/* What was asked of this node gets no answer any more. */
void subscribers_node_died(struct world *world, const struct sim_node *node);

/* Whether each is behind what was acknowledged; `why` names one that is not. */
bool subscribers_are_there(struct world *world, char *why, size_t why_bytes);

/* Whether some shard was gone while a reader was behind in it. */
void subscribers_check_outlived(struct world *world);

#endif

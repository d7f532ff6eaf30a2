/* copies.h - what nodes have of shards that they left: let go when all members have it, not before.
 *
 * After each event in which a node lets a copy go, each member of the row that the node went by is
 * looked at, wherever it is: those that run must be in that epoch, and have as much.  A group that
 * a node has left must stay in its log while the shard exists.
 */
#ifndef SIM_COPIES_H
#define SIM_COPIES_H

#include "world.h"

void copies_after_event(struct world *world, struct sim_node *node);

/* After healing, when nothing moves any more: nobody holds such a copy for long. */
void copies_check(struct world *world);

#endif

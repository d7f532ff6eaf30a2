/* drain.h - nodes are drained and undrained at random, beside whatever else goes wrong.
 *
 * With four or five nodes in three zones, two zones have a node that can take the places of the
 * other one there; with three, and for the rest, nobody can, and nothing may happen.  A short grace
 * time has nodes given up that are only slow to come back.
 */
#ifndef SIM_DRAIN_H
#define SIM_DRAIN_H

#include "world.h"

/* Inside of a running node: asks for it, until the catalogue has it or does not answer. */
void drain_propose(struct world *world, struct sim_node *node, uint64_t target, bool draining);

void drain_start(struct world *world);

/* After healing: of the two nodes of one zone each gives all that it can to the other one. */
void drain_check(struct world *world);

#endif

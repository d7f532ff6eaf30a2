/* builds.h - nodes of an older build and of this one, side by side: a rolling upgrade under faults.
 *
 * The older one knows cluster version 1 alone.  The cluster is founded by it; nodes are restarted
 * with either build at random, and an operator asks for the new version all the time.  It must come
 * only when every node has run the newer build, no node of the older one may be in the cluster
 * then, and until then the models of both must be the same (checks.c).
 */
#ifndef SIM_BUILDS_H
#define SIM_BUILDS_H

#include "base/err.h"
#include "world.h"

void builds_start(struct world *world);

/* The highest cluster version that the node's process knows, which starts now. */
uint32_t builds_knows(struct world *world, struct sim_node *node);

/* The node ends, or does not start, because the cluster is beyond what it knows: a violation, when
 * it is not.  Then its operator takes the newer build. */
void builds_outdated(struct world *world, struct sim_node *node, const struct reason *reason);

/* All get the newer build. */
void builds_end(struct world *world);

/* The new version comes, and every row says so. */
void builds_check(struct world *world);

#endif

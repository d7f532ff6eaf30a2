/* rolling.h - all nodes are restarted in turn, as an operator does it, and nobody has to notice.
 *
 * The scenario `rolling-restart`: no other faults.  A node is stopped in an orderly way when all
 * are ready.  Findings: one that stopped although it led something, and any put that failed.
 */
#ifndef SIM_ROLLING_H
#define SIM_ROLLING_H

#include "base/err.h"
#include "world.h"

void rolling_start(struct world *world);

/* The node has handed over what it could, and is about to close. */
void rolling_left(struct world *world, struct sim_node *node);

/* A client's put failed. */
void rolling_failed(struct world *world, uint32_t client, enum err err);

/* Before everything is mended: whether every node was restarted, and handed over something. */
void rolling_check(struct world *world);

#endif

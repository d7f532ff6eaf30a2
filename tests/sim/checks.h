/* checks.h - what is looked at after every event: what the node applied, whether it leads, and
 * its model of the cluster. */
#ifndef SIM_CHECKS_H
#define SIM_CHECKS_H

#include "world.h"

/* The world's after_event. */
void checks_after_event(struct world *world, struct sim_node *node);

/* The node starts anew: what it applies from here on is looked at again. */
void checks_forget(struct world *world, struct sim_node *node);

/* Whether every replica has applied what any other of its group has.  When not, `why` names one. */
bool checks_caught_up(struct world *world, char *why, size_t why_bytes);

/* Reads every shard on every replica from its beginning and compares; the cluster must be whole.
 * Runs events until done. */
void checks_read_all(struct world *world);

/* Prints what each replica of each node thinks: for findings about liveness. */
void checks_describe(struct world *world);

#endif

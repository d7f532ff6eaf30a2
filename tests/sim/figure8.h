/* figure8.h - the schedule of figure 8 of the Raft paper, played on purpose.
 *
 * Three nodes, one shard.  L1 leads and is cut off with an entry (i, t1) that
 * only it has; L2 is elected and is cut off with its own (i, t2); L1 comes
 * back, is elected in t3 and gives (i, t1) to the third node.  A leader that
 * commits it now, by counting copies of an older term, is cut off before an
 * entry of t3 leaves; L2 comes back, wins with the later term of its last
 * entry, and puts (i, t2) in the same place.
 *
 * Rule F3 forbids that commit.  Without it (mutant no_F3) the histories
 * diverge within a few rounds.
 */
#ifndef SIM_FIGURE8_H
#define SIM_FIGURE8_H

#include "world.h"

void figure8_start(struct world *world);

/* Called by the checks for the shard's group; `applied` moved or stands. */
void figure8_look(struct world *world, struct sim_node *node, uint64_t group, bool leads,
                  uint64_t term, uint64_t last, uint64_t applied);

#endif

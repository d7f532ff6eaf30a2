/* unheard.h - elections that nobody else heard of.
 *
 * A node that starts may be in later terms than the others, and not have the
 * best log: it was a candidate, alone, and nobody got its messages.  A node may
 * raise its own terms at any time, and forget votes of earlier ones; here each
 * start raises some.  Groups must elect all the same (rule F20).
 */
#ifndef SIM_UNHEARD_H
#define SIM_UNHEARD_H

#include "world.h"

/* Inside of a node that has opened its log and no shard yet. */
void unheard_raise(struct world *world, struct sim_node *node);

/* Before healing: one node falls behind, then all lose power, most in the middle of a put. */
void unheard_end(struct world *world);

#endif

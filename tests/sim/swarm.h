/* swarm.h - what the mixture of all faults has beside those of nemesis.h: operators who drain
 * nodes, and a rolling upgrade, in some seeds each.
 *
 * Both are scenarios of their own too (drain.h, builds.h), which have them in every seed.
 */
#ifndef SIM_SWARM_H
#define SIM_SWARM_H

#include "world.h"

/* After scenario_options(). */
void swarm_start(struct world *world);
void swarm_before_healing(struct world *world);
void swarm_check(struct world *world);

#endif

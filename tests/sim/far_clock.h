/* far_clock.h - one node's wall clock is years ahead, all at once and until healing.
 *
 * By that clock alone every record is older than its retention, and the node would let go of all
 * that it has.  It goes by the earliest clock heard from a majority: nothing may be gone.
 */
#ifndef SIM_FAR_CLOCK_H
#define SIM_FAR_CLOCK_H

#include "world.h"

void far_clock_start(struct world *world);

#endif

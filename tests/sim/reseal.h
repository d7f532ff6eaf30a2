/* reseal.h - groups go from epoch to epoch with the members that they have, again and again.
 *
 * Lost disks are rare, because a disk may be lost only when all else is whole.
 * But any row of the catalogue may say the same members in the next epoch, as
 * it does for a member that retention has overtaken.  So SEAL, START and the
 * coming in of those that were away happen under all other faults, every second
 * or so.
 */
#ifndef SIM_RESEAL_H
#define SIM_RESEAL_H

#include "world.h"

/* With options.reseal_pause_ms = 0 nothing happens; ends when the cluster heals. */
void reseal_start(struct world *world);

#endif

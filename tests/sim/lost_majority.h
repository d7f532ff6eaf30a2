/* lost_majority.h - two of three members of some groups are lost for good, and an operator rescues
 * what is left (control/rescue.h), played on purpose.
 *
 * A is cut off from B and C for a while, so that it lacks what they acknowledge.  Then B and C are
 * lost: their disks, or the nodes as long as the operator thinks so.  Each group that has both is
 * rescued from its survivor.  Nodes that were only thought lost come back afterwards, with all that
 * they had.
 *
 * Lost may be, and then must be, what was acknowledged and the survivor lacked; nothing else.
 */
#ifndef SIM_LOST_MAJORITY_H
#define SIM_LOST_MAJORITY_H

#include "world.h"

void lost_majority_start(struct world *world);

/* Plays it to its end, when the time of the seed's faults is too short. */
void lost_majority_finish(struct world *world);

/* At the end of a seed: it came about. */
void lost_majority_check(struct world *world);

#endif

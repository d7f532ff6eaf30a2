/* stale_voter.h - a member of the catalogue is away until the group has gone on without it, and the
 * other members that it knows have lost their disks: nobody is left whom it could ask for a vote.
 *
 *     A is down             its place goes to another node
 *     B, then C lose disks  they are other nodes from then on, in the places of those
 *     A comes back          it must find the catalogue all the same
 *
 * Told, C does not lose its disk but is drained: it has no part in the group any more, and is the
 * only one that A asks and that can tell it.
 */
#ifndef SIM_STALE_VOTER_H
#define SIM_STALE_VOTER_H

#include "world.h"

void stale_voter_start(struct world *world);
void stale_voter_start_told(struct world *world);

/* Plays it to its end, when the time of the seed's faults is too short. */
void stale_voter_finish(struct world *world);

void stale_voter_check(struct world *world);

#endif

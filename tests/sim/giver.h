/* giver.h - who gives a member what it lacks is lost just then, played on purpose.
 *
 * A, B and C are a group that A leads, and C is drained: its place goes to D, as in leaver.h.  A
 * loses its disk in the end: one of a group of three.  Nothing may be lost, the group must go on.
 *
 *     giver_start          A and B have the SEAL, and only A knows that it is committed.  When they
 *                          have been apart for a while B hears from A that it is over.  A is lost
 *                          as soon as B acts on that: then B must have all that it had.
 *     giver_start_hearsay  C hears nothing and says nothing, until A and B have begun the next
 *                          epoch, of which B has nothing on its disk, which hangs.  When C has left
 *                          B loses power and A its disk: C may leave only when B would begin that
 *                          epoch again.
 *     giver_start_left     A and C have the SEAL, and C leaves with it.  B, which lacks it, begins
 *                          to be filled by A, and A is lost: no member has begun the next epoch,
 *                          and the one that is none any more has to be asked.
 *
 * As there, in some seeds no group has such a C.
 */
#ifndef SIM_GIVER_H
#define SIM_GIVER_H

#include "world.h"

void giver_start(struct world *world);
void giver_start_hearsay(struct world *world);
void giver_start_left(struct world *world);

#endif

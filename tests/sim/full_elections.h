/* full_elections.h - two members of three with full logs elect until no log has room for a barrier.
 *
 * The third one is out of reach meanwhile, so that nothing is let go of, and then loses its disk.
 * What the last leader of the catalogue appended is in its own log alone, and nobody can agree on
 * it: retention must make room all the same.
 */
#ifndef SIM_FULL_ELECTIONS_H
#define SIM_FULL_ELECTIONS_H

#include "world.h"

void full_elections_start(struct world *world);

/* Before healing: whether it came to that. */
void full_elections_end(struct world *world);

#endif

/* raised.h - a node that does not hear that a stream's retention is raised (rule S12).
 *
 * It is cut off from the catalogue's leader alone, so that it hears a majority's clocks, and
 * applies what third nodes lead.  What the old retention would have taken must be there.
 */
#ifndef SIM_RAISED_H
#define SIM_RAISED_H

#include "world.h"

void raised_start(struct world *world);
/* At the end: it was raised, and somebody did not hear of it. */
void raised_check(struct world *world);

#endif

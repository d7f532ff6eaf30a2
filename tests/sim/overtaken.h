/* overtaken.h - a node is away for longer than records are kept, played on purpose.
 *
 * Wall clocks go fast, the node is down until retention has removed what it
 * lacks, then it comes back.  Its groups must go on in another epoch, into which
 * it is filled: a leader has nothing to feed it with.
 */
#ifndef SIM_OVERTAKEN_H
#define SIM_OVERTAKEN_H

#include "world.h"

void overtaken_start(struct world *world);

/* At the end: that it came about at all.  What the node has is read with all the others. */
void overtaken_check(struct world *world);

#endif

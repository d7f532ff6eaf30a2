/* starved.h - memory runs out while libraft asks for some, on one node after the other.
 *
 * libraft is UNAVAILABLE then for good, and says nothing: its group lacks a member, until the
 * instance is opened anew (rule F9).  No node is restarted, which would do that too.
 */
#ifndef SIM_STARVED_H
#define SIM_STARVED_H

#include "world.h"

void starved_start(struct world *world);
void starved_end(struct world *world); /* there is memory again */

#endif

/* creating.h - disks are lost while a stream is being created, played on purpose.
 *
 * As soon as its rows are in the catalogue, two members of one of its groups
 * lose their disks, at most one of them a member of the catalogue's group.
 * Nothing was acknowledged there: the stream must come about all the same.
 */
#ifndef SIM_CREATING_H
#define SIM_CREATING_H

#include "world.h"

void creating_start(struct world *world);

/* At the end: that it came to that. */
void creating_check(struct world *world);

#endif

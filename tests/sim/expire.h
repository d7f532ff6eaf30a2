/* expire.h - retention of seconds, and nodes that are away for longer.
 *
 * On every node each shard trims what is older than a few seconds; now and then a
 * node is down until the others have trimmed what it lacks.  It must come into a
 * later epoch then, by being filled.  What may be gone at the end is a prefix of
 * each shard, and old enough (history_expires).  Scenario `expire`.
 */
#ifndef SIM_EXPIRE_H
#define SIM_EXPIRE_H

#include "world.h"

/* With options.retention_ms = 0 nothing happens; ends when the cluster heals. */
void expire_start(struct world *world);

#endif

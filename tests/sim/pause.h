/* pause.h - nodes are drained, and no put waits for it longer than for a planned hand-over.
 *
 * The scenario `drain-pause`: healthy nodes, disks of which each write takes some milliseconds, no
 * faults.  Findings: a put that failed or took too long, and a seed in which no member changed.
 */
#ifndef SIM_PAUSE_H
#define SIM_PAUSE_H

#include "base/err.h"
#include "world.h"

void pause_start(struct world *world);

/* A client's put that began at `began_ns` was answered. */
void pause_put(struct world *world, uint32_t client, enum err err, uint64_t began_ns);

/* Before everything is mended. */
void pause_check(struct world *world);

#endif

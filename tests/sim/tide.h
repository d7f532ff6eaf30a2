/* tide.h - a stream in ON_DEMAND mode, under whatever else a seed has: it gets more shards while
 * there is load, and as few as a new one has when there is none for a while.
 *
 * Held against the history as `reshard` is (reshard.h).
 */
#ifndef SIM_TIDE_H
#define SIM_TIDE_H

#include "world.h"

/* What a shard takes, and how its leader measures it. */
#define TIDE_RECORDS_PER_S 6u
#define TIDE_SHARDS_MOST 8u
#define TIDE_WINDOW_MS 1000u
#define TIDE_QUIET_MS 30000u /* nothing is merged while all is looked at when all is well again */

void tide_start(struct world *world);
void tide_rise(struct world *world); /* before all heals */
void tide_check(struct world *world);

#endif

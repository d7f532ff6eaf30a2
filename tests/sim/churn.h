/* churn.h - streams come and go under faults, and in the end all nodes agree.
 *
 * Short-lived streams are created and deleted all the time, at whatever node
 * runs.  When everything has healed, every node must have the same model, open
 * exactly the shards that it should hold, keep nothing of deleted groups in its
 * log, and know a leader for each group.
 */
#ifndef SIM_CHURN_H
#define SIM_CHURN_H

#include "world.h"

void churn_start(struct world *world);

/* Runs events until all nodes agree; a violation when they do not in time. */
void churn_check(struct world *world);

#endif

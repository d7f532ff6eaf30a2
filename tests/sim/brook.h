/* brook.h - a stream whose records are soon gone, beside the one of the clients, which keeps all.
 *
 * The log of each node is too small for both, were not segments emptied: the scenario
 * `mixed-retention`.  Nobody reads the brook but the last look at all; what is compared is that all
 * of its replicas are alike, and that nothing of the other stream is lost when segments are.  A run
 * in which segments went round and none was emptied is a finding, and so is one in which what is
 * kept for ever could have filled the logs: the brook may fill them for a while, until it is old.
 */
#ifndef SIM_BROOK_H
#define SIM_BROOK_H

#include "shard/command.h"
#include "world.h"

/* Whether the record is one of the brook, as it was put. */
bool brook_has(const struct record *record);

/* Ends when the cluster heals. */
void brook_start(struct world *world);

/* Before everything is mended: whether any segment was emptied, and what is kept fits. */
void brook_check(struct world *world);

#endif

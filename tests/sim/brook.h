/* brook.h - a stream whose records are soon gone, beside the one of the clients, which keeps all.
 *
 * The log of each node is too small for both, were not segments emptied: the scenario
 * `mixed-retention`.  Nobody reads the brook; what is compared is that all of its replicas are
 * alike, and that nothing of the other stream is lost when segments are.  A run in which segments
 * went round and none was emptied is a finding.
 */
#ifndef SIM_BROOK_H
#define SIM_BROOK_H

#include "world.h"

/* Ends when the cluster heals. */
void brook_start(struct world *world);

/* Before everything is mended: whether any segment was emptied. */
void brook_check(struct world *world);

#endif

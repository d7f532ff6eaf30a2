/* lost_seeds.h - all seeds of a cluster lose their disks, while nodes that no list of seeds names
 * hold it, played on purpose.
 *
 * Of six nodes the three seeds are drained, until the others have every shard and the catalogue.
 * Then the seeds' disks are lost: nothing that anybody needs.  Empty nodes with these very seeds
 * found a cluster when nothing is wrong; now they must come into the one that there is.
 *
 *     half of the seeds    all three at once: each is empty, and so is each that it asks, and the
 *                          others do not reach them at once
 *     the other half       one first, whose process ends once more when it belongs to the cluster
 *                          and knows nothing else of it; then the two others.  Each can tell the
 *                          others which cluster it is, and none where it is.
 */
#ifndef SIM_LOST_SEEDS_H
#define SIM_LOST_SEEDS_H

#include "world.h"

void lost_seeds_start(struct world *world);

/* All nodes are in the one cluster, each with a row of its own. */
void lost_seeds_check(struct world *world);

#endif

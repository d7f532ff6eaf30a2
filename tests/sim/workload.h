/* workload.h - clients of the simulated cluster: they put values one by one, and read.
 *
 * Each client asks some node that runs, as an SDK behind a load balancer does,
 * and waits for the answer before its next put.  A record holds who put it and
 * its counter, so that any reader can tell whose it is.
 */
#ifndef SIM_WORKLOAD_H
#define SIM_WORKLOAD_H

#include "shard/cursor.h"
#include "world.h"

/* Creates the stream, then begins to put and read when it is ACTIVE. */
void workload_start(struct world *world);
void workload_fini(struct world *world);

/* What clients asked of this node gets no answer any more. */
void workload_node_died(struct world *world, struct sim_node *node);

/* Notes what a reader got. */
void workload_note_parts(struct world *world, struct sim_node *node, uint64_t group,
                         const struct read_part *parts, uint32_t part_count);

/* One that runs and takes requests, by chance; NULL: the one that chance took does not. */
struct sim_node *workload_some_node(struct world *world);

/* Whether a client waits for an answer of the node's process. */
bool workload_is_at(struct world *world, const struct sim_node *node);

/* Clients stop after what is under way. */
void workload_stop(struct world *world);

/* Of all puts so far, refused ones too. */
uint64_t workload_bytes(struct world *world);

/* When the oldest put began that a client waits for; 0: none waits. */
uint64_t workload_oldest_ns(struct world *world);

/* Whether each shard acknowledged a put that began after `since_ns`. */
bool workload_progress(struct world *world, uint64_t since_ns);

#endif

/* identity.h - what a node knows of itself across restarts: rows of TABLE_NODE.
 *
 *     "id"       8 bytes   node id, made at first use
 *     "format"   4 bytes   version of the data directory
 *     "cluster"  8 bytes   cluster id, then 8 bytes per member of the catalogue's group
 *     "forgotten"          why this directory must not be used again, as a sentence
 *     "removed"  1 byte    beside it: its node is no part of its cluster any more
 *     "renewed"            of renewal.h
 *
 * All numbers big-endian.  The row "cluster" is durable before the node acts on
 * it; with it a restart needs no seeds.
 */
#ifndef CONTROL_IDENTITY_H
#define CONTROL_IDENTITY_H

#include "base/err.h"
#include "base/limits.h"
#include "table/table.h"

/* Which cluster this node belongs to. */
struct identity_cluster {
    uint64_t id; /* 0: none */
    uint64_t members[GROUP_MEMBERS_MAX]; /* of the catalogue */
    uint32_t member_count;
};

/* Whether a peer can have meant this: 1 .. GROUP_MEMBERS_MAX different members, none 0. */
bool identity_cluster_valid(const struct identity_cluster *cluster);

/* Blocking.  All zero when the node belongs to none yet.  ERR_CORRUPT, ERR_IO. */
MUST_CHECK enum err identity_cluster_read(struct table *table, struct identity_cluster *ret,
                                          struct reason *reason);

/* Blocking, for a worker: durable on return. */
MUST_CHECK enum err identity_cluster_write(struct table *table,
                                           const struct identity_cluster *cluster,
                                           struct reason *reason);

/* Into a batch of others: the id and the format; the cluster. */
void identity_node_put(struct table_batch *batch, uint64_t node);
void identity_cluster_put(struct table_batch *batch, const struct identity_cluster *cluster);

/* Blocking.  ERR_NOT_FOUND: it has none yet.  ERR_CORRUPT, ERR_IO. */
MUST_CHECK enum err identity_node_read(struct table *table, uint64_t *node, struct reason *reason);

/* Blocking, on the loop, as the process ends: from now on control_identity() refuses this
 * directory with `why`.  The node may go on under a new id (renewal.h); one that was removed may
 * not. */
MUST_CHECK enum err identity_forgotten_write(struct table *table, const struct reason *why,
                                             struct reason *reason);
MUST_CHECK enum err identity_removed_write(struct table *table, const struct reason *why,
                                           struct reason *reason);
MUST_CHECK enum err identity_removed(struct table *table, bool *removed, struct reason *reason);

#endif

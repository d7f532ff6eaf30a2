/* placement.h - where the replicas of new shards go: a pure function.
 *
 * Three replicas in three AZs where there are three; else as many AZs as there
 * are, and never two on one node.  Nodes with fewer replicas come first, and
 * the first member of each shard, its preferred leader, rotates, so that
 * leaders are spread evenly.
 */
#ifndef CATALOG_PLACEMENT_H
#define CATALOG_PLACEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"

struct placement_node {
    uint64_t id;
    const char *az;
    uint32_t replicas;  /* it holds now; counted up by placement_shards() */
    uint32_t preferred; /* shards that prefer it as leader; counted up too */
    bool up;            /* those that are down, or draining, take no new replicas */
};

/* Members of `shard_count` new shards, `replication` each, into members[shard][...]; the first is
 * preferred.  ERR_UNAVAILABLE: fewer than `replication` nodes are up; nothing was placed. */
MUST_CHECK enum err placement_shards(struct placement_node nodes[], uint32_t node_count,
                                     uint32_t replication, uint32_t shard_count,
                                     uint64_t (*members)[GROUP_MEMBERS_MAX],
                                     struct reason *reason);

#endif

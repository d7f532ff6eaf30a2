/* ops_private.h - what the pages of ops/ share. */
#ifndef OPS_PRIVATE_H
#define OPS_PRIVATE_H

#include "base/bytes.h"
#include "ops/ops.h"

struct ops {
    struct ops_world world;
    bool stopping;
    struct figures *figures;
};

/* Each page: one reference, the caller's; NULL without memory. */
struct buf *cluster_page(const struct ops *ops);

/* `name` empty: all streams.  NULL also when there is no stream of that name: `*found` tells. */
struct buf *streams_page(const struct ops *ops, struct slice name, bool *found);

/* Figures of log, replicas, catalogue and the client port, brought up to date at each print. */
struct figures *figures_new(struct ops *ops);
void figures_free(struct figures *figures);

/* One row per shard of this node, up to OPS_SHARDS_MAX. */
void shards_print(const struct ops *ops, struct writer *writer);

#endif

#include "reseal.h"

#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "catalog/change.h"
#include "cluster.h"
#include "control/control.h"

#define ROWS_MAX 3u /* of one change */
#define CHANGE_MS 2000u

/* In the memory of the node that proposes. */
struct op {
    struct catalog_change change;
    struct world *world;
};

static void next(struct world *world);

static void done(struct catalog_change *change, enum err err)
{
    struct op *op = container_of(change, struct op, change);

    if (err == ERR_OK)
        cluster_of(op->world)->reseals++;
    free(op);
}

/* Some of the stream's groups, each as the model that this node has says. */
static uint32_t choose(struct world *world, const struct model *model,
                       struct change_members rows[ROWS_MAX])
{
    const struct model_stream *stream = NULL;
    const struct model_shard *shard = NULL;
    uint32_t count = 0;

    for (uint64_t group = 0;
         count < ROWS_MAX && (shard = model_shard_next(model, group, &stream)) != NULL;) {
        group = shard->group;
        if (stream->status != STREAM_ACTIVE || world_chance(world, 1, 2))
            continue;
        rows[count] = (struct change_members){ .group = group,
                                               .epoch = shard->epoch + 1,
                                               .member_count = shard->member_count };
        memcpy(rows[count].members, shard->members, sizeof(rows[count].members));
        count++;
    }
    return count;
}

static void propose(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    struct catalog *catalog = control_catalog(node->control);
    struct change_stamp stamp = { .proposed_ms = clock_wall_ms(&node->clock),
                                  .proposer = node->id,
                                  .token = random_id(&node->random) };
    struct change_members rows[ROWS_MAX];
    uint32_t count = choose(world, catalog_model(catalog), rows);

    if (count == 0)
        return;
    struct op *op = calloc(1, sizeof *op);
    ensure(op != NULL);
    op->world = world;
    AUTO_UNREF struct buf *bytes = change_set_members(stamp, rows, count);
    ensure(bytes != NULL);
    catalog_change(catalog, &op->change, buf_slice(bytes), CHANGE_MS, done);
}

static void reseal(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    struct sim_node *node = &world->nodes[world_below(world, world->node_count)];

    if (cluster_of(world)->healing)
        return;
    if (node->up && !node->stopping && node->paused_until_ns <= world->now_ns &&
        control_catalog(node->control) != NULL)
        world_inside(world, node, propose, NULL, 0);
    next(world);
}

static void next(struct world *world)
{
    uint64_t pause_ns = cluster_of(world)->options.reseal_pause_ms * SIM_MS;

    world_after(world, (struct world_after){ .delay_ns = 1 + world_below(world, 2 * pause_ns),
                                             .kind = KIND_NEMESIS,
                                             .fn = reseal });
}

void reseal_start(struct world *world)
{
    if (cluster_of(world)->options.reseal_pause_ms > 0)
        next(world);
}

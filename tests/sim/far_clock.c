#include "far_clock.h"

#include "cluster.h"

#define JUMPS_NS (3 * SIM_S)
#define HOUR_MS ((int64_t)3600 * 1000)

static void jump(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    const struct cluster_options *options = &cluster_of(world)->options;
    struct sim_node *node = &world->nodes[world_below(world, world->node_count)];

    node->clock.skew_ms = 2 * (int64_t)options->retention_hours * HOUR_MS;
    cluster_of(world)->jumps++;
    world_say(world, node, "its clock is years ahead");
}

void far_clock_start(struct world *world)
{
    world_after(world, (struct world_after){ .delay_ns = JUMPS_NS + world_below(world, SIM_S),
                                             .kind = KIND_NEMESIS,
                                             .fn = jump });
}

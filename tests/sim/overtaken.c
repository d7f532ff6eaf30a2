#include "overtaken.h"

#include "base/limits.h"
#include "cluster.h"
#include "moments.h"

#define LEAVES_NS (4 * SIM_S)
#define LOOK_NS (5 * SIM_S) /* between two looks of a node for old records: it takes two */

static void leave(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    const struct cluster_options *options = &cluster_of(world)->options;
    struct sim_node *node = &world->nodes[world_below(world, world->node_count)];
    uint64_t kept_ns = options->retention_hours * 3600 * SIM_S / options->wall_speed;

    cluster_kill(world, node, world_chance(world, 1, 2) ? DEATH_KILL : DEATH_POWER);
    /* Its clock, as it was last heard, holds retention back for a while. */
    cluster_start_later(world, node, CONTROL_CLOCK_MS * SIM_MS + 2 * kept_ns + 3 * LOOK_NS);
}

void overtaken_start(struct world *world)
{
    world_after(world, (struct world_after){ .delay_ns = LEAVES_NS + world_below(world, SIM_S),
                                             .kind = KIND_NEMESIS,
                                             .fn = leave });
}

void overtaken_check(struct world *world)
{
    if (moments_count(world, MOMENT_FILL_ENDS) == 0)
        world_violation(world, "overtaken", "nobody was filled");
}

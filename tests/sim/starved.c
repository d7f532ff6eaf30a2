#include "starved.h"

#include "cluster.h"
#include "control/control.h"
#include "heap.h"
#include "replica/roster.h"

#define BEGINS_NS (3 * SIM_S)
#define LASTS_NS (200 * SIM_MS)
#define PAUSE_NS (2 * SIM_S) /* who has been starved is whole again by then */
#define ONE_IN_MOST 40u

static void begin(struct world *world, struct sim_node *none, void *ctx, uint64_t arg);

static void end(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    heap_starve(NULL, 1);
    world_after(world, (struct world_after){ .delay_ns = 1 + world_below(world, PAUSE_NS),
                                             .kind = KIND_NEMESIS,
                                             .fn = begin });
}

static void begin(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    struct sim_node *node = &world->nodes[world_below(world, world->node_count)];

    if (cluster_of(world)->healing)
        return;
    world_say(world, node, "libraft lacks memory");
    heap_starve(&node->heap, 1 + (uint32_t)world_below(world, ONE_IN_MOST));
    world_after(world, (struct world_after){ .delay_ns = 1 + world_below(world, LASTS_NS),
                                             .kind = KIND_NEMESIS,
                                             .fn = end });
}

void starved_start(struct world *world)
{
    world_after(world, (struct world_after){ .delay_ns = BEGINS_NS,
                                             .kind = KIND_NEMESIS,
                                             .fn = begin });
}

static uint64_t reopened(const struct world *world)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < world->node_count; i++)
        sum += roster_figures(control_roster(world->nodes[i].control)).reopened;
    return sum;
}

void starved_end(struct world *world)
{
    heap_starve(NULL, 1);
    cluster_of(world)->unplayed = reopened(world) == 0;
    world_say(world, NULL, "%llu instances were opened anew", (unsigned long long)reopened(world));
}

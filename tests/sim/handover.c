#include "handover.h"

#include "cluster.h"
#include "control/control.h"
#include "replica/replica.h"

#define TRANSFERS_FEW 10u

static void next(struct world *world);

static bool is_working(const struct sim_node *node)
{
    return node->up && !node->leaving && node->control != NULL &&
           control_roster(node->control) != NULL;
}

/* Each group that it leads, or one in so many, to whomever. */
static void hand_over(struct world *world, struct sim_node *node, void *ctx, uint64_t one_of)
{
    struct roster *roster = control_roster(node->control);
    struct replica *replica = NULL;

    for (uint64_t after = 0; (replica = roster_next(roster, after)) != NULL;) {
        uint64_t target = world->nodes[world_below(world, world->node_count)].id;
        after = replica_group(replica);
        if (world_below(world, one_of) == 0 && replica_transfer(replica, target) == ERR_OK)
            cluster_of(world)->transfers++;
    }
}

/* What came about since the last look; a process that ended in between takes its figures along. */
static void look(struct world *world)
{
    struct cluster *cluster = cluster_of(world);

    for (uint32_t i = 0; i < world->node_count; i++) {
        struct sim_node *node = &world->nodes[i];
        if (!is_working(node))
            continue;
        uint64_t done = roster_figures(control_roster(node->control)).transfers;
        if (cluster->handed_life[i] == node->life)
            cluster->handed_over += done - cluster->handed_seen[i];
        else
            cluster->handed_over += done;
        cluster->handed_life[i] = node->life;
        cluster->handed_seen[i] = done;
    }
}

static void strike(struct world *world, struct sim_node *nobody, void *ctx, uint64_t arg)
{
    struct sim_node *node = &world->nodes[world_below(world, world->node_count)];

    if (cluster_of(world)->healing)
        return;
    look(world);
    if (is_working(node) && node->paused_until_ns <= world->now_ns)
        world_inside(world, node, hand_over, NULL, 1 + world_below(world, 3));
    next(world);
}

static void next(struct world *world)
{
    uint64_t pause_ns = cluster_of(world)->options.transfer_pause_ms * SIM_MS;

    world_after(world, (struct world_after){ .delay_ns = 1 + world_below(world, 2 * pause_ns),
                                             .kind = KIND_NEMESIS,
                                             .fn = strike });
}

void handover_start(struct world *world)
{
    if (cluster_of(world)->options.transfer_pause_ms > 0)
        next(world);
}

/* A seed with long pauses between them begins few, and faults may cut those short. */
void handover_check(struct world *world)
{
    look(world);
    if (cluster_of(world)->transfers >= TRANSFERS_FEW && cluster_of(world)->handed_over == 0)
        world_violation(world, "hand-over", "%llu were begun and none came about",
                        (unsigned long long)cluster_of(world)->transfers);
}

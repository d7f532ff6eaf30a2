#include "expire.h"

#include "base/limits.h"
#include "cluster.h"
#include "control/control.h"
#include "nemesis.h"
#include "shard/shard.h"

#define LOOK_NS (100 * SIM_MS)

static void look_next(struct world *world);
static void leave_next(struct world *world);

static bool is_working(const struct world *world, const struct sim_node *node)
{
    return node->up && !node->stopping && node->control != NULL &&
           node->paused_until_ns <= world->now_ns;
}

/* Twice, as what is hidden is dropped a grace later: no reader here needs one. */
static void expire(struct world *world, struct sim_node *node, void *ctx, uint64_t retention_ms)
{
    uint64_t now_ms = clock_wall_ms(&node->clock);
    struct shard *shard = NULL;

    for (uint64_t group = 0; (shard = control_shard_next(node->control, group)) != NULL;) {
        group = shard_group(shard);
        shard_set_retention(shard, retention_ms);
        control_retain(node->control, shard, now_ms);
        shard_set_retention(shard, retention_ms + RETENTION_GRACE_MS);
        control_retain(node->control, shard, now_ms + RETENTION_GRACE_MS);
    }
}

static void look(struct world *world, struct sim_node *nobody, void *ctx, uint64_t arg)
{
    struct cluster *cluster = cluster_of(world);

    if (cluster->healing)
        return;
    for (uint32_t i = 0; i < world->node_count; i++)
        if (is_working(world, &world->nodes[i]))
            world_inside(world, &world->nodes[i], expire, NULL, cluster->options.retention_ms);
    look_next(world);
}

static void look_next(struct world *world)
{
    world_after(world,
                (struct world_after){ .delay_ns = LOOK_NS, .kind = KIND_NEMESIS, .fn = look });
}

/* One at a time: with two away no majority goes on, and nothing more is trimmed. */
static void leave(struct world *world, struct sim_node *nobody, void *ctx, uint64_t arg)
{
    struct sim_node *node = &world->nodes[world_below(world, world->node_count)];
    uint64_t retention_ns = cluster_of(world)->options.retention_ms * SIM_MS;
    bool all = true;

    if (cluster_of(world)->healing)
        return;
    for (uint32_t i = 0; i < world->node_count; i++)
        all &= is_working(world, &world->nodes[i]);
    if (all) {
        cluster_kill(world, node, DEATH_KILL);
        cluster_start_later(world, node, retention_ns * 3 / 2 + world_below(world, 3 * SIM_S));
    }
    leave_next(world);
}

static void leave_next(struct world *world)
{
    world_after(world, (struct world_after){ .delay_ns = SIM_S + world_below(world, 4 * SIM_S),
                                             .kind = KIND_NEMESIS,
                                             .fn = leave });
}

void expire_start(struct world *world)
{
    if (cluster_of(world)->options.retention_ms == 0)
        return;
    history_expires(cluster_of(world)->history, cluster_of(world)->options.retention_ms);
    look_next(world);
    leave_next(world);
}

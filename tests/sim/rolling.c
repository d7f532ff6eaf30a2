#include "rolling.h"

#include "cluster.h"
#include "control/control.h"
#include "heap.h"
#include "replica/roster.h"

struct rolling {
    uint32_t next;    /* node to be stopped */
    uint64_t stopped; /* so far */
    uint64_t handed_over;
};

static void look_later(struct world *world);

static struct rolling *rolling_of(struct world *world)
{
    return cluster_of(world)->rolling;
}

static bool all_ready(struct world *world)
{
    struct reason why;

    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct sim_node *node = &world->nodes[i];
        if (!node->up || node->leaving || node->control == NULL ||
            !control_ready(node->control, &why))
            return false;
    }
    return cluster_of(world)->stream != 0;
}

static void look(struct world *world, struct sim_node *nobody, void *ctx, uint64_t arg)
{
    struct rolling *rolling = rolling_of(world);

    if (cluster_of(world)->healing)
        return;
    if (all_ready(world)) {
        cluster_stop(world, &world->nodes[rolling->next]);
        rolling->next = (rolling->next + 1) % world->node_count;
    }
    look_later(world);
}

static void look_later(struct world *world)
{
    world_after(world, (struct world_after){ .delay_ns = 1 + world_below(world, 800 * SIM_MS),
                                             .kind = KIND_NEMESIS,
                                             .fn = look });
}

void rolling_start(struct world *world)
{
    cluster_of(world)->rolling = sim_malloc(sizeof(struct rolling));
    look_later(world);
}

void rolling_left(struct world *world, struct sim_node *node)
{
    struct rolling *rolling = rolling_of(world);
    struct roster_figures figures = roster_figures(control_roster(node->control));

    if (rolling == NULL)
        return;
    rolling->stopped++;
    rolling->handed_over += figures.transfers;
    if (figures.leaders > 0)
        world_violation(world, "rolling restart", "node %u stops and leads %llu groups yet",
                        node->at + 1, (unsigned long long)figures.leaders);
}

void rolling_failed(struct world *world, uint32_t client, enum err err)
{
    if (rolling_of(world) != NULL && !cluster_of(world)->healing)
        world_violation(world, "rolling restart", "a put of client %u failed: %s", client,
                        err_name(err));
}

void rolling_check(struct world *world)
{
    const struct rolling *rolling = rolling_of(world);

    if (rolling->stopped < world->node_count || rolling->handed_over == 0)
        world_violation(world, "rolling restart",
                        "%llu restarts of %u nodes, %llu groups handed over",
                        (unsigned long long)rolling->stopped, world->node_count,
                        (unsigned long long)rolling->handed_over);
}

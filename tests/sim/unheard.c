#include "unheard.h"

#include "base/limits.h"
#include "cluster.h"
#include "control/control.h"
#include "log/log.h"

void unheard_raise(struct world *world, struct sim_node *node)
{
    uint32_t most = cluster_of(world)->options.unheard_terms;
    struct log *log = control_log(node->control);
    const struct log_state *state;

    for (uint64_t group = CATALOG_GROUP; (state = log_state_next(log, group)) != NULL;) {
        group = state->group;
        if (most == 0)
            continue;
        uint64_t more = world_below(world, most + 1);
        if (more > 0 && state->member_count > 0)
            log_hard(log, group, state->term + more, 0);
    }
}

void unheard_end(struct world *world)
{
    uint32_t behind = (uint32_t)world_below(world, world->node_count);

    for (uint32_t i = 0; i < world->node_count; i++)
        if (i != behind)
            net_sim_cut(world, i, behind, true);
    world_run(world, world->now_ns + 200 * SIM_MS + world_below(world, SIM_S));
    for (uint32_t i = 0; i < world->node_count; i++)
        if (world->nodes[i].up)
            cluster_kill(world, &world->nodes[i], DEATH_POWER);
}

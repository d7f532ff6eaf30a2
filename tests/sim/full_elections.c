#include "full_elections.h"

#include "brook.h"
#include "catalog/catalog.h"
#include "cluster.h"
#include "control/control.h"
#include "log/log.h"
#include "net_sim.h"
#include "wipe.h"

#define LOOK_NS (50 * SIM_MS)
#define BEGIN_NS (2 * SIM_S)
#define ELECT_NS (1800 * SIM_MS) /* an election takes less, and retention acts later */
#define ENTRY_SOME 16384u /* more than one of the brook */
#define STUCK_NS (700 * SIM_MS) /* so long nobody agrees on what is there */

enum step { STEP_WAITS, STEP_FILLS, STEP_ELECTS, STEP_DONE };

static struct {
    enum step step;
    struct sim_node *away;
    uint64_t kill_ns, stuck_ns;
} elections; /* a seed has a process of its own */

static void later(struct world *world);

static void cut_off(struct world *world, bool on)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        if (i == elections.away->at)
            continue;
        net_sim_cut(world, i, elections.away->at, on);
        net_sim_cut(world, elections.away->at, i, on);
    }
}

static void choose(struct world *world)
{
    char why[128];

    if (world->now_ns < BEGIN_NS || cluster_of(world)->stream == 0 ||
        !wipe_whole(world, why, sizeof why))
        return;
    elections.away = &world->nodes[world_below(world, world->node_count)];
    cut_off(world, true);
    elections.step = STEP_FILLS;
}

/* Of the two that are left. */
static bool each(struct world *world, bool (*holds)(const struct sim_node *node))
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct sim_node *node = &world->nodes[i];
        if (node != elections.away && (!node->up || node->control == NULL || !holds(node)))
            return false;
    }
    return true;
}

static bool has_room(const struct sim_node *node)
{
    return log_has_room(control_log(node->control), ENTRY_SOME);
}

static bool takes_no_barrier(const struct sim_node *node)
{
    return !log_has_reserve(control_log(node->control), 0);
}

static bool agrees(const struct sim_node *node)
{
    const struct log_state *state = log_state(control_log(node->control), CATALOG_GROUP);

    return state != NULL &&
           state->last == model_index(catalog_model(control_catalog(node->control)));
}

static void kill_both(struct world *world)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        struct sim_node *node = &world->nodes[i];
        if (node == elections.away)
            continue;
        if (node->up)
            cluster_kill(world, node, DEATH_KILL);
        cluster_start_later(world, node, 50 * SIM_MS + world_below(world, 300 * SIM_MS));
    }
    elections.kill_ns = world->now_ns + ELECT_NS;
    elections.stuck_ns = 0;
}

static void elect(struct world *world)
{
    bool stuck = each(world, takes_no_barrier) && !each(world, agrees);

    if (!stuck)
        elections.stuck_ns = 0;
    else if (elections.stuck_ns == 0)
        elections.stuck_ns = world->now_ns;
    if (stuck && world->now_ns - elections.stuck_ns >= STUCK_NS) {
        wipe_now(world, elections.away);
        elections.step = STEP_DONE;
    } else if (world->now_ns >= elections.kill_ns) {
        kill_both(world);
    }
}

static void look(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    if (cluster_of(world)->healing)
        return;
    if (elections.step == STEP_WAITS)
        choose(world);
    else if (elections.step == STEP_ELECTS)
        elect(world);
    else if (!each(world, has_room)) /* the other one is about to be */
        elections.step = STEP_ELECTS;
    if (elections.step != STEP_DONE)
        later(world);
}

static void later(struct world *world)
{
    world_after(world, (struct world_after){ .delay_ns = LOOK_NS,
                                             .kind = KIND_NEMESIS,
                                             .fn = look });
}

void full_elections_start(struct world *world)
{
    brook_start(world);
    later(world);
}

void full_elections_end(struct world *world)
{
    brook_check(world);
    cluster_of(world)->unplayed = elections.step != STEP_DONE;
    world_say(world, NULL, "full elections: step %d", (int)elections.step);
}

#include "lost_seeds.h"

#include "catalog/catalog.h"
#include "cluster.h"
#include "control/control.h"
#include "drain.h"
#include "wipe.h"

#define BEGINS_NS (3 * SIM_S)
#define LOOK_NS (100 * SIM_MS)
#define CLOSE_LOOK_NS (SIM_MS / 20) /* an image of the catalogue is there soon */
#define SEEDS 3u                    /* the first nodes: cluster.c */
#define APART_NS (3 * SIM_S)        /* a try to connect to a machine that starts may take so long */

enum step { STEP_DRAINS, STEP_COMES, STEP_APART, STEP_DONE };

static struct {
    enum step step;
    uint64_t cluster, until_ns;
    struct sim_node *first; /* whose disk was lost before those of the others */
} lost;                     /* a seed has a process of its own */

static void later(struct world *world, uint64_t delay_ns);

static bool is_running(const struct sim_node *node)
{
    return node->up && node->control != NULL && !node->stopping;
}

static const struct model *model_at(const struct sim_node *node)
{
    return catalog_model(control_catalog(node->control));
}

static void propose(struct world *world, struct sim_node *node, void *ctx, uint64_t target)
{
    drain_propose(world, node, target, true);
}

/* Whether nobody needs the node any more. */
static bool is_empty(const struct sim_node *leader, uint64_t node)
{
    const struct model_shard *row;

    for (uint64_t after = 0; (row = model_shard_next(model_at(leader), after, NULL)) != NULL;) {
        after = row->group;
        if (model_shard_has(row, node))
            return false;
    }
    return !wipe_keeps_catalog(leader, node);
}

/* True when all seeds are empty. */
static bool drain(struct world *world)
{
    struct sim_node *leader = wipe_catalog_leader(world);
    bool empty = leader != NULL && cluster_of(world)->stream != 0;

    for (uint32_t i = 0; leader != NULL && i < SEEDS; i++) {
        uint64_t id = world->nodes[i].id;
        const struct model_node *row = model_node_by_id(model_at(leader), id);
        if (row != NULL && !row->draining)
            world_inside(world, leader, propose, NULL, id);
        empty = empty && row != NULL && row->draining && is_empty(leader, id);
    }
    if (empty)
        lost.cluster = model_cluster(model_at(leader));
    return empty;
}

static void part(struct world *world, bool on)
{
    for (uint32_t i = 0; i < SEEDS; i++) {
        for (uint32_t other = SEEDS; other < world->node_count; other++) {
            net_sim_cut(world, i, other, on);
            net_sim_cut(world, other, i, on);
        }
    }
}

/* They come together, and the others need a while to reach them. */
static void strike_all(struct world *world)
{
    part(world, true);
    for (uint32_t i = 0; i < SEEDS; i++) {
        wipe_now(world, &world->nodes[i]);
        cluster_start_later(world, &world->nodes[i], 10 * SIM_MS + world_below(world, 10 * SIM_MS));
    }
    lost.until_ns = world->now_ns + APART_NS;
    lost.step = STEP_APART;
}

static void strike(struct world *world)
{
    char why[128];

    if (!drain(world) || !wipe_whole(world, why, sizeof why))
        return;
    if (world_chance(world, 1, 2)) {
        strike_all(world);
        return;
    }
    lost.first = &world->nodes[world_below(world, SEEDS)];
    wipe_now(world, lost.first);
    lost.step = STEP_COMES;
}

/* It knows its cluster, and nothing of it. */
static bool is_half_in(const struct sim_node *node)
{
    uint64_t members[GROUP_MEMBERS_MAX];

    return is_running(node) && !model_founded(model_at(node)) &&
           catalog_members(control_catalog(node->control), members) > 0;
}

static void strike_again(struct world *world)
{
    if (!is_half_in(lost.first))
        return;
    cluster_kill(world, lost.first, DEATH_KILL);
    cluster_start_later(world, lost.first, world_below(world, 5 * SIM_S));
    for (uint32_t i = 0; i < SEEDS; i++)
        if (&world->nodes[i] != lost.first)
            wipe_now(world, &world->nodes[i]);
    lost.step = STEP_DONE;
}

static void look(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    if (cluster_of(world)->healing || lost.step == STEP_DONE)
        return;
    if (lost.step == STEP_DRAINS) {
        strike(world);
    } else if (lost.step == STEP_COMES) {
        strike_again(world);
    } else if (world->now_ns >= lost.until_ns) {
        part(world, false);
        lost.step = STEP_DONE;
    }
    later(world, lost.step == STEP_COMES ? CLOSE_LOOK_NS : LOOK_NS);
}

static void later(struct world *world, uint64_t delay_ns)
{
    world_after(world, (struct world_after){ .delay_ns = delay_ns,
                                             .kind = KIND_NEMESIS,
                                             .fn = look });
}

void lost_seeds_start(struct world *world)
{
    later(world, BEGINS_NS);
}

void lost_seeds_check(struct world *world)
{
    if (lost.step != STEP_DONE)
        world_violation(world, "lost seeds", "their disks were never lost");
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct sim_node *node = &world->nodes[i];
        const struct model *model = model_at(node);
        if (!model_founded(model) || model_cluster(model) != lost.cluster)
            world_violation(world, "lost seeds", "node %u is not in cluster %llx but in %llx",
                            i + 1, (unsigned long long)lost.cluster,
                            model_founded(model) ? (unsigned long long)model_cluster(model) : 0);
        if (model_node_by_id(model, node->id) == NULL)
            world_violation(world, "lost seeds", "node %u has no row in its model", i + 1);
    }
}

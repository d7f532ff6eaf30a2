#include "stale_server.h"

#include "catalog/catalog.h"
#include "cluster.h"
#include "control/control.h"
#include "drain.h"
#include "wipe.h"

#define BEGINS_NS (3 * SIM_S)
#define LOOK_NS (50 * SIM_MS)
#define APART_NS (5 * SIM_S) /* links that are cut have broken by then: N asks A, and nobody else */
#define PATIENCE_NS (12 * SIM_S)

enum step { STEP_BEGINS, STEP_APART, STEP_HEARS, STEP_DONE };

static struct {
    enum step step;
    struct sim_node *a, *n, *b; /* b: who leads in A's place */
    uint64_t a_id, apart_ns, until_ns;
    uint32_t epoch; /* of the catalogue, that ends */
} server;           /* a seed has a process of its own */

static const struct model *model_of(const struct sim_node *node)
{
    return catalog_model(control_catalog(node->control));
}

/* A and N, and all others. */
static void part(struct world *world, bool on)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        if (i == server.a->at || i == server.n->at)
            continue;
        for (unsigned k = 0; k < 2; k++) {
            uint32_t at = k == 0 ? server.a->at : server.n->at;
            net_sim_cut(world, at, i, on);
            net_sim_cut(world, i, at, on);
        }
    }
}

static void propose(struct world *world, struct sim_node *node, void *ctx, uint64_t target)
{
    drain_propose(world, node, target, true);
}

static void begin(struct world *world)
{
    struct sim_node *leader = wipe_catalog_leader(world);
    char why[128];

    if (leader == NULL || !wipe_whole(world, why, sizeof why))
        return;
    server.n = NULL;
    for (uint32_t i = 0; i < world->node_count; i++)
        if (world->nodes[i].up && !wipe_keeps_catalog(leader, world->nodes[i].id))
            server.n = &world->nodes[i];
    if (server.n == NULL)
        return;
    server.a = leader;
    server.a_id = leader->id;
    server.epoch = model_catalog(model_of(leader))->epoch;
    part(world, true);
    world_inside(world, server.a, propose, NULL, server.n->id);
    server.step = STEP_APART;
    server.apart_ns = world->now_ns;
}

/* Among the others, A apart: it believes that it leads, for a while. */
static struct sim_node *successor(struct world *world)
{
    struct sim_node *leader = wipe_catalog_leader(world);

    return leader == NULL || leader == server.a ? NULL : leader;
}

static void drain_former(struct world *world)
{
    struct sim_node *leader = successor(world);
    const struct model_node *row;

    if (leader == NULL)
        return;
    row = model_node_by_id(model_of(leader), server.a_id);
    if (row != NULL && !row->draining) {
        world_inside(world, leader, propose, NULL, server.a_id);
    } else if (model_catalog(model_of(leader))->epoch > server.epoch &&
               world->now_ns - server.apart_ns > APART_NS) {
        server.b = leader;
        net_sim_cut(world, server.a->at, leader->at, false);
        net_sim_cut(world, leader->at, server.a->at, false);
        server.step = STEP_HEARS;
        server.until_ns = world->now_ns + PATIENCE_NS;
    }
}

static void look(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    if (cluster_of(world)->healing || server.step == STEP_DONE)
        return;
    if (server.step == STEP_BEGINS) {
        begin(world);
    } else if (server.step == STEP_APART) {
        drain_former(world);
    } else if (model_catalog(model_of(server.n))->epoch > server.epoch ||
               world->now_ns > server.until_ns) {
        part(world, false);
        server.step = STEP_DONE;
        return;
    }
    world_after(world, (struct world_after){ .delay_ns = LOOK_NS,
                                             .kind = KIND_NEMESIS,
                                             .fn = look });
}

void stale_server_start(struct world *world)
{
    world_after(world, (struct world_after){ .delay_ns = BEGINS_NS,
                                             .kind = KIND_NEMESIS,
                                             .fn = look });
}

void stale_server_check(struct world *world)
{
    if (server.step < STEP_HEARS)
        world_violation(world, "stale server", "the catalogue's leader was not replaced: step %d",
                        (int)server.step);
}

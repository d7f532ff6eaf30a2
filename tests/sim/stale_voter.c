#include "stale_voter.h"

#include "catalog/catalog.h"
#include "cluster.h"
#include "control/control.h"
#include "drain.h"
#include "wipe.h"

#define BEGINS_NS (2 * SIM_S)
#define LOOK_NS (100 * SIM_MS)
#define PLAYS_MOST_NS (60 * SIM_S)
#define FINDS_MOST_NS (20 * SIM_S)

/* The founders' group of three. */
static struct {
    struct sim_node *nodes[3]; /* A, B, C */
    uint64_t ids[3];           /* that they had */
    uint32_t gone;             /* of them are members no more */
    bool told;                 /* C is drained only: it can tell A */
    bool chosen, struck, back; /* struck: the next one is gone for its old members */
} voter; /* a seed has a process of its own */

/* A does not lead, so that the loss of its disk is the others' to see. */
static bool choose(struct world *world, const struct sim_node *leader)
{
    uint64_t members[GROUP_MEMBERS_MAX];
    uint32_t count = catalog_members(control_catalog(leader->control), members);

    if (count != 3)
        return false;
    for (uint32_t i = 0, at = 0; i < count; i++) {
        bool last = members[i] == leader->id;
        struct sim_node *node = wipe_node(world, members[i]);
        if (node == NULL)
            return false;
        voter.nodes[last ? 2 : at] = node;
        voter.ids[last ? 2 : at] = members[i];
        at += !last;
    }
    return true;
}

static void drain(struct world *world, struct sim_node *leader, void *ctx, uint64_t id)
{
    drain_propose(world, leader, id, true);
}

static void strike(struct world *world, const struct sim_node *leader)
{
    struct sim_node *node = voter.nodes[voter.gone];

    voter.struck = true;
    if (voter.gone == 0)
        cluster_kill(world, node, DEATH_KILL);
    else if (voter.told && voter.gone == 2)
        world_inside(world, &world->nodes[leader->at], drain, NULL, voter.ids[2]);
    else
        wipe_now(world, node);
}

static void act(struct world *world, const struct sim_node *leader)
{
    char why[128];

    if (!voter.chosen) {
        voter.chosen = choose(world, leader);
    } else if (voter.struck && !wipe_keeps_catalog(leader, voter.ids[voter.gone])) {
        voter.struck = false;
        voter.gone++;
    } else if (voter.gone == 3) {
        world_say(world, voter.nodes[0], "nobody that it knows is a member any more");
        cluster_start_later(world, voter.nodes[0], 0);
        voter.back = true;
    } else if (!voter.struck && wipe_whole(world, why, sizeof why)) {
        strike(world, leader);
    }
}

static void look(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    const struct sim_node *leader = wipe_catalog_leader(world);

    if (cluster_of(world)->healing || voter.back)
        return;
    if (leader != NULL)
        act(world, leader);
    world_after(world, (struct world_after){ .delay_ns = LOOK_NS,
                                             .kind = KIND_NEMESIS,
                                             .fn = look });
}

void stale_voter_start(struct world *world)
{
    world_after(world, (struct world_after){ .delay_ns = BEGINS_NS,
                                             .kind = KIND_NEMESIS,
                                             .fn = look });
}

void stale_voter_start_told(struct world *world)
{
    voter.told = true;
    stale_voter_start(world);
}

void stale_voter_finish(struct world *world)
{
    uint64_t until_ns = world->now_ns + PLAYS_MOST_NS;

    while (!voter.back && world->now_ns < until_ns)
        world_run(world, world->now_ns + LOOK_NS);
}

void stale_voter_check(struct world *world)
{
    uint64_t until_ns = world->now_ns + FINDS_MOST_NS;
    struct reason why = { .text = "" };

    if (!voter.back)
        world_violation(world, "stale voter", "only %u of three members were replaced",
                        voter.gone);
    while (!control_ready(voter.nodes[0]->control, &why)) {
        if (world->now_ns > until_ns)
            world_violation(world, "stale voter", "node %u does not find the catalogue: %s",
                            voter.nodes[0]->at + 1, why.text);
        world_run(world, world->now_ns + LOOK_NS);
    }
}

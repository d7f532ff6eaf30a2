#include "builds.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "catalog/version.h"
#include "cluster.h"
#include "control/control.h"
#include "control/upgrade.h"

#define RAISE_MOST_NS (30 * SIM_S)
#define MIX_MOST_NS (30 * SIM_S)

static struct {
    bool played;
    uint32_t next[SIM_NODES_MAX]; /* what its next process knows, */
    uint32_t runs[SIM_NODES_MAX]; /* the present or last one, */
    uint32_t most[SIM_NODES_MAX]; /* and the newest of them */
    uint64_t restarts, asked, refused, outdated;
    uint64_t raised_ns; /* 0: not yet */
    bool mixed;         /* both builds were up at one time */
} builds; /* a seed has a process of its own */

struct raise_op {
    struct catalog_change change;
    struct world *world;
    struct sim_node *node;
};

static bool is_running(const struct sim_node *node)
{
    return node->up && node->control != NULL && !node->stopping && !node->leaving;
}

static const struct model *model_of(const struct sim_node *node)
{
    return catalog_model(control_catalog(node->control));
}

/* ---- what is looked at ---- */

/* The version is on its way as soon as one node has it. */
static bool is_raised(struct world *world)
{
    for (uint32_t i = 0; i < world->node_count; i++)
        if (is_running(&world->nodes[i]) && model_version(model_of(&world->nodes[i])) > 1 &&
            builds.raised_ns == 0)
            builds.raised_ns = world->now_ns;
    return builds.raised_ns != 0;
}

static void look_at_row(struct world *world, const struct model_node *row)
{
    for (uint32_t i = 0; i < world->node_count; i++)
        if (world->nodes[i].id == row->id && !row->replaced &&
            builds.most[i] < VERSION_KNOWN)
            world_violation(world, "upgrade",
                            "the cluster is at version %u, and node %u never knew more than %u",
                            VERSION_KNOWN, i + 1, builds.most[i]);
}

/* A raise that nobody refused may be in the log, and applied by nobody yet. */
static bool may_be_raised(struct world *world)
{
    bool all = true;

    for (uint32_t i = 0; i < world->node_count; i++)
        all &= builds.most[i] == VERSION_KNOWN;
    return all || is_raised(world);
}

/* Nobody was passed over. */
static void look_at_rows(struct world *world)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct sim_node *node = &world->nodes[i];
        if (!is_running(node) || model_version(model_of(node)) < VERSION_KNOWN)
            continue;
        for (uint32_t k = 0; k < model_node_count(model_of(node)); k++)
            look_at_row(world, model_node_at(model_of(node), k));
    }
}

/* `node` starts now. */
static void look_at_builds(const struct world *world, const struct sim_node *node)
{
    for (uint32_t i = 0; i < world->node_count; i++)
        builds.mixed |= is_running(&world->nodes[i]) && builds.runs[i] != builds.runs[node->at];
}

/* ---- what is done ---- */

static void answered(struct catalog_change *change, enum err err)
{
    struct raise_op *op = container_of(change, struct raise_op, change);

    world_say(op->world, op->node, "upgrade: %s %s", err_name(err), change->reason.text);
    free(op);
}

/* What upgrade_change() would not give out while a node does not know it: the catalogue judges too.
 */
static struct buf *hasty_change(struct sim_node *node)
{
    const struct model *model = model_of(node);
    uint64_t nodes[NODE_ROWS_MAX];
    uint32_t knows[NODE_ROWS_MAX];
    struct change_raise raise = { .version = VERSION_KNOWN,
                                  .nodes = nodes,
                                  .knows = knows,
                                  .node_count = model_node_count(model) };
    struct change_stamp stamp = { .proposed_ms = clock_wall_ms(&node->clock),
                                  .proposer = node->id,
                                  .token = random_id(&node->random) };

    for (uint32_t i = 0; i < raise.node_count; i++) {
        nodes[i] = model_node_at(model, i)->id;
        knows[i] = upgrade_knows(node->control, nodes[i]);
    }
    return change_raise_version(stamp, &raise);
}

static void ask(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    struct reason reason = { .text = "" };
    AUTO_UNREF struct buf *change = NULL;

    builds.asked++;
    bool all_rows = model_node_count(model_of(node)) >= world->node_count;
    if (upgrade_change(node->control, &change, &reason) != ERR_OK) {
        builds.refused++;
        world_say(world, node, "upgrade: %s", reason.text);
        /* The catalogue judges by its rows: who has none is not asked. */
        if (builds.runs[node->at] == VERSION_KNOWN && all_rows && world_chance(world, 1, 4))
            change = hasty_change(node);
    }
    if (change == NULL)
        return;
    struct raise_op *op = calloc(1, sizeof *op);
    ensure(op != NULL);
    op->world = world;
    op->node = node;
    catalog_change(control_catalog(node->control), &op->change, buf_slice(change), 2000, answered);
}

/* With either build, the newer one at first and in three of four: so all have it now and then. */
static void restart(struct world *world, struct sim_node *node)
{
    bool older = builds.restarts++ > 0 && world_chance(world, 1, 4);

    builds.next[node->at] = older ? VERSION_FIRST : VERSION_KNOWN;
    world_say(world, node, "gets the build of version %u", builds.next[node->at]);
    if (world_chance(world, 1, 2)) {
        cluster_stop(world, node);
    } else {
        cluster_kill(world, node, DEATH_KILL);
        cluster_start_later(world, node, 50 * SIM_MS + world_below(world, 2 * SIM_S));
    }
}

/* One that runs, if any does. */
static struct sim_node *somebody(struct world *world)
{
    uint32_t first = (uint32_t)world_below(world, world->node_count);
    struct sim_node *node = NULL;

    for (uint32_t i = 0; i < world->node_count; i++) {
        node = &world->nodes[(first + i) % world->node_count];
        if (is_running(node) && node->paused_until_ns <= world->now_ns)
            break;
    }
    return node;
}

static void step(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    struct sim_node *node = somebody(world);

    if (cluster_of(world)->healing)
        return;
    if (is_raised(world))
        look_at_rows(world);
    if (is_running(node) && node->paused_until_ns <= world->now_ns) {
        if (world_chance(world, 1, 3))
            restart(world, node);
        else
            world_inside(world, node, ask, NULL, 0);
    }
    world_after(world, (struct world_after){ .delay_ns = world_below(world, SIM_S),
                                             .kind = KIND_CLIENT,
                                             .fn = step });
}

void builds_start(struct world *world)
{
    builds.played = true;
    for (uint32_t i = 0; i < world->node_count; i++)
        builds.next[i] = VERSION_FIRST;
    world_after(world, (struct world_after){ .delay_ns = 3 * SIM_S,
                                             .kind = KIND_CLIENT,
                                             .fn = step });
}

/* ---- called by cluster.c ---- */

uint32_t builds_knows(struct world *world, struct sim_node *node)
{
    uint32_t knows = cluster_of(world)->options.knows;

    if (!builds.played)
        return knows != 0 ? knows : VERSION_KNOWN;
    builds.runs[node->at] = builds.next[node->at];
    if (builds.runs[node->at] > builds.most[node->at])
        builds.most[node->at] = builds.runs[node->at];
    look_at_builds(world, node);
    return builds.runs[node->at];
}

void builds_outdated(struct world *world, struct sim_node *node, const struct reason *reason)
{
    if (!builds.played || builds.runs[node->at] == VERSION_KNOWN || !may_be_raised(world))
        world_violation(world, "upgrade", "node %u says so and is wrong: %s", node->at + 1,
                        reason->text);
    look_at_rows(world);
    world_say(world, node, "is too old: %s", reason->text);
    builds.outdated++;
    builds.next[node->at] = VERSION_KNOWN;
    cluster_doom(node, DEATH_KILL);
}

/* ---- the end ---- */

void builds_end(struct world *world)
{
    uint64_t until_ns = world->now_ns + MIX_MOST_NS;

    /* Nodes that are down, or start as another one stops, make none. */
    while (!builds.mixed && world->now_ns < until_ns)
        world_run(world, world->now_ns + 100 * SIM_MS);
    for (uint32_t i = 0; i < world->node_count; i++) {
        struct sim_node *node = &world->nodes[i];
        builds.next[i] = VERSION_KNOWN;
        if (!node->up || builds.runs[i] == VERSION_KNOWN)
            continue;
        cluster_kill(world, node, DEATH_KILL); /* nemesis_heal() starts it */
    }
}

static bool all_raised(const struct world *world)
{
    bool all = true;

    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct model *model = model_of(&world->nodes[i]);
        all &= model_version(model) == VERSION_KNOWN;
        for (uint32_t k = 0; k < model_node_count(model); k++)
            all &= model_node_at(model, k)->replaced ||
                   model_node_at(model, k)->knows == VERSION_KNOWN;
    }
    return all;
}

void builds_check(struct world *world)
{
    uint64_t until_ns = world->now_ns + RAISE_MOST_NS;

    while (!all_raised(world)) {
        struct sim_node *node = &world->nodes[world_below(world, world->node_count)];
        if (world->now_ns > until_ns)
            world_violation(world, "upgrade", "all nodes know version %u, and after %.0f s it is "
                            "not there: asked %llu times, %llu refused", VERSION_KNOWN,
                            (double)RAISE_MOST_NS / 1e9, (unsigned long long)builds.asked,
                            (unsigned long long)builds.refused);
        world_inside(world, node, ask, NULL, 0);
        world_run(world, world->now_ns + 500 * SIM_MS);
    }
    look_at_rows(world);
    if (!builds.mixed)
        world_violation(world, "upgrade", "the builds never were up together: %llu restarts",
                        (unsigned long long)builds.restarts);
    world_say(world, NULL, "upgrade: %llu restarts, asked %llu, refused %llu, raised at %.3f s, "
              "%llu too old", (unsigned long long)builds.restarts,
              (unsigned long long)builds.asked, (unsigned long long)builds.refused,
              (double)builds.raised_ns / 1e9, (unsigned long long)builds.outdated);
}

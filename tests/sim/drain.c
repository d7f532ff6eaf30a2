#include "drain.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "catalog/change.h"
#include "catalog/version.h"
#include "cluster.h"
#include "control/control.h"
#include "copies.h"
#include "wipe.h"
#include "workload.h"

#define DRAIN_MOST_NS (30 * SIM_S)
#define FILL_PART 2u /* of its limit a fill reaches while the log that it goes to is nearly full */
#define SETTLE_MOST_NS (200 * SIM_S)
#define QUIET_NS (8 * SIM_S)
#define MARK_FACTOR UINT64_C(0x9e3779b97f4a7c15)

struct drain_op {
    struct catalog_change change;
    struct world *world;
    struct sim_node *node;
};

static void changed(struct catalog_change *change, enum err err)
{
    struct drain_op *op = container_of(change, struct drain_op, change);

    world_say(op->world, op->node, "drain: %s %s", err_name(err), change->reason.text);
    free(op);
}

void drain_propose(struct world *world, struct sim_node *node, uint64_t target, bool draining)
{
    struct drain_op *op = calloc(1, sizeof *op);
    struct change_stamp stamp = { .proposed_ms = clock_wall_ms(&node->clock),
                                  .proposer = node->id,
                                  .token = random_id(&node->random) };

    ensure(op != NULL);
    op->world = world;
    op->node = node;
    AUTO_UNREF struct buf *change = change_drain_node(stamp, target, draining);
    ensure(change != NULL);
    catalog_change(control_catalog(node->control), &op->change, buf_slice(change), 2000, changed);
}

/* Epochs behind the first ones: how often members have changed. */
static uint64_t changes_of(const struct model *model)
{
    const struct model_shard *row;
    uint64_t changes = 0;

    for (uint64_t after = 0; (row = model_shard_next(model, after, NULL)) != NULL;) {
        after = row->group;
        changes += row->epoch - 1;
    }
    return changes;
}

/* Whoever drains is let go; else somebody begins to, unless all is to heal. */
static void act(struct world *world, struct sim_node *node, void *ctx, uint64_t at)
{
    const struct model *model = catalog_model(control_catalog(node->control));
    struct cluster *cluster = cluster_of(world);

    if (changes_of(model) > cluster->members_changed)
        cluster->members_changed = changes_of(model);
    for (uint32_t i = 0; i < model_node_count(model); i++) {
        const struct model_node *row = model_node_at(model, i);
        if (!row->draining || row->replaced)
            continue;
        drain_propose(world, node, row->id, false);
        return;
    }
    if (!cluster->healing)
        drain_propose(world, node, world->nodes[at].id, true);
}

static void step(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    struct sim_node *node = &world->nodes[world_below(world, world->node_count)];

    if (cluster_of(world)->drain_ending)
        return;
    if (node->up && !node->stopping && node->paused_until_ns <= world->now_ns)
        world_inside(world, node, act, NULL, world_below(world, world->node_count));
    world_after(world, (struct world_after){ .delay_ns = world_below(world, 6 * SIM_S),
                                             .kind = KIND_CLIENT,
                                             .fn = step });
}

void drain_start(struct world *world)
{
    world_after(world,
                (struct world_after){ .delay_ns = SIM_S, .kind = KIND_CLIENT, .fn = step });
}

/* ---- the end ---- */

/* What the check wants of a node, and whether it has come about. */
struct wish {
    uint64_t node, mate; /* ids; the other one of its zone */
    bool draining;
    bool fulfilled;
};

/* Whether a shard names it that the other one could take. */
static bool has_movable(const struct model *model, const struct wish *wish)
{
    const struct model_shard *row;

    for (uint64_t after = 0; (row = model_shard_next(model, after, NULL)) != NULL;) {
        after = row->group;
        if (model_shard_has(row, wish->node) && !model_shard_has(row, wish->mate))
            return true;
    }
    return false;
}

static void ask(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    const struct model *model = catalog_model(control_catalog(node->control));
    struct wish *wish = ctx;
    const struct model_node *row = model_node_by_id(model, wish->node);

    if (changes_of(model) > cluster_of(world)->members_changed)
        cluster_of(world)->members_changed = changes_of(model);
    if (row == NULL || row->draining != wish->draining)
        drain_propose(world, node, wish->node, wish->draining);
    else
        wish->fulfilled = !wish->draining || !has_movable(model, wish);
}

/* A node is filled with nearly all that clients have put, when fills are limited slowly. */
static uint64_t most_ns(struct world *world)
{
    uint64_t limit = cluster_fill_bytes_per_s(world);

    if (limit == 0)
        limit = cluster_move_bytes_per_s(world);
    return DRAIN_MOST_NS + (limit == 0 ? 0 : workload_bytes(world) * FILL_PART / limit * SIM_S);
}

static void fulfil(struct world *world, struct wish wish)
{
    uint64_t most = most_ns(world), until_ns = world->now_ns + most;

    for (;;) {
        world_inside(world, &world->nodes[0], ask, &wish, 0);
        if (wish.fulfilled)
            return;
        if (world->now_ns > until_ns)
            world_violation(world, "drain", "node %llx is not %s within %.0f s after healing",
                            (unsigned long long)wish.node, wish.draining ? "empty" : "undrained",
                            (double)most / 1e9);
        world_run(world, world->now_ns + 200 * SIM_MS);
    }
}

/* What a row says of its members, and of who of them is to lead. */
static void mark_rows(struct world *world, struct sim_node *node, void *mark, uint64_t arg)
{
    const struct model *model = catalog_model(control_catalog(node->control));
    const struct model_shard *row;
    uint64_t *ret = mark;

    *ret = 0;
    for (uint64_t after = 0; (row = model_shard_next(model, after, NULL)) != NULL;) {
        after = row->group;
        *ret = *ret * MARK_FACTOR + row->epoch;
        *ret = *ret * MARK_FACTOR + row->members[0];
    }
}

/* A better spread is looked for every two seconds: when none was found for a while, none moves, and
 * none gets another leader. */
static void settle(struct world *world)
{
    uint64_t until_ns = world->now_ns + SETTLE_MOST_NS, quiet_ns = world->now_ns;
    uint64_t mark = 0, before = 0;
    char why[128]; /* a fill that is limited takes its time, and the next move comes behind it */

    while (world->now_ns - quiet_ns < QUIET_NS) {
        world_inside(world, &world->nodes[0], mark_rows, &mark, 0);
        if (mark != before || !wipe_whole(world, why, sizeof why))
            quiet_ns = world->now_ns;
        before = mark;
        if (world->now_ns > until_ns)
            world_violation(world, "drain", "replicas or leaders move still, %.0f s after the last "
                            "drain",
                            (double)SETTLE_MOST_NS / 1e9);
        world_run(world, world->now_ns + 200 * SIM_MS);
    }
}

/* Open shards of which this node is the first member. */
static uint32_t firsts_of(const struct model *model, uint64_t node)
{
    const struct model_shard *row;
    uint32_t count = 0;

    for (uint64_t after = 0; (row = model_shard_next(model, after, NULL)) != NULL;) {
        after = row->group;
        count += row->state == SHARD_OPEN && row->members[0] == node;
    }
    return count;
}

/* No shard's first member is that of two more than another one of its members. */
static void check_leaders(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    const struct model *model = catalog_model(control_catalog(node->control));
    const struct model_stream *stream = NULL;
    const struct model_shard *row;

    if (!version_allows(model, VERSION_PREFERS))
        return;
    for (uint64_t after = 0; (row = model_shard_next(model, after, &stream)) != NULL;) {
        after = row->group;
        uint32_t most = firsts_of(model, row->members[0]);
        if (row->state != SHARD_OPEN || stream->status != STREAM_ACTIVE)
            continue;
        for (uint32_t i = 1; i < row->member_count; i++) {
            uint32_t others = firsts_of(model, row->members[i]);
            if (others + 1 < most)
                world_violation(world, "drain",
                                "node %llx is to lead %u shards, group %llu among them, of which "
                                "%llx is a member as well, which is to lead %u",
                                (unsigned long long)row->members[0], most,
                                (unsigned long long)row->group,
                                (unsigned long long)row->members[i], others);
        }
    }
}

/* Node 1 and node 4 stand in one zone: each takes all of the other's. */
void drain_check(struct world *world)
{
    uint64_t one = world->nodes[0].id, four = world->nodes[3].id;

    cluster_of(world)->drain_ending = true;
    for (uint32_t i = 0; i < world->node_count; i++)
        fulfil(world, (struct wish){ .node = world->nodes[i].id });
    fulfil(world, (struct wish){ .node = one, .mate = four, .draining = true });
    fulfil(world, (struct wish){ .node = one });
    fulfil(world, (struct wish){ .node = four, .mate = one, .draining = true });
    fulfil(world, (struct wish){ .node = four });
    settle(world);
    if (cluster_of(world)->options.balance)
        world_inside(world, &world->nodes[0], check_leaders, NULL, 0);
    copies_check(world);
}

#include "reshard.h"

#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "catalog/change_reshard.h"
#include "catalog/uniform.h"
#include "checks.h"
#include "cluster.h"
#include "control/control.h"
#include "drain.h"
#include "log/log.h"
#include "wipe.h"

#define STREAM_NAME "river"
#define OPEN_MOST 12u
#define GROUPS_MOST 400u /* of SIM_GROUPS_MAX */
#define GROUPS_FEW 16u
#define PAUSE_MS 400u
#define PAUSE_BEHIND_MS 3000u
#define CHANGE_MS 2000u
#define SETTLE_MOST_NS (60 * SIM_S)
#define SPREAD UINT64_C(0x9e3779b97f4a7c15)

/* What is known of a group's shard, from whatever model said it first. */
struct lineage {
    uint64_t parents[SHARD_PARENTS_MAX]; /* groups */
    uint64_t end;
    uint32_t rests_in; /* the last epoch in which its group rested */
    uint32_t rest_seen[SIM_NODES_MAX]; /* likewise, as each node has heard of it */
    bool closed;
    bool gone; /* some model has forgotten it */
};

static struct {
    bool played;
    bool aims; /* members are cut off while shards end */
    uint64_t groups_most, pause_ms;
    uint64_t begun, committed, rests, woken, stranded;
    struct lineage of[SIM_GROUPS_MAX];
} resharding; /* a seed has a process of its own */

struct op {
    struct catalog_change change;
    struct world *world;
};

static void next(struct world *world);

/* ---- what is done ---- */

static void done(struct catalog_change *change, enum err err)
{
    struct op *op = container_of(change, struct op, change);

    world_say(op->world, NULL, "reshard: %s %s", err_name(err), change->reason.text);
    if (err == ERR_OK)
        resharding.begun++;
    free(op);
}

static const struct model_stream *river(const struct sim_node *node)
{
    return model_stream_by_name(catalog_model(control_catalog(node->control)),
                                slice_text(STREAM_NAME));
}

static struct reshard_step split(struct world *world, const struct model_stream *stream)
{
    const struct model_shard *shard =
        &stream->shards[stream->open[world_below(world, stream->open_count)]];
    u128_bits keys = shard->hash_last.v - shard->hash_first.v;

    return (struct reshard_step){ .parents = { shard->number },
                                  .parent_count = 1,
                                  .middle = { .v = shard->hash_first.v + 1 +
                                                   keys / (2 + world_below(world, 6)) } };
}

static struct reshard_step merge(struct world *world, const struct model_stream *stream)
{
    uint64_t at = world_below(world, stream->open_count - 1);

    return (struct reshard_step){ .parents = { stream->shards[stream->open[at]].number,
                                               stream->shards[stream->open[at + 1]].number },
                                  .parent_count = 2 };
}

/* One step, or all that a new number of shards needs.  `*ends`: a shard that ends by it. */
static struct buf *some_change(struct world *world, const struct model_stream *stream,
                               struct change_stamp stamp, uint32_t *ends)
{
    struct reshard_step step, *steps = NULL;
    uint32_t count = 0;
    uint32_t low = (stream->open_count + 1) / 2, high = 2 * stream->open_count;
    uint32_t target = low + (uint32_t)world_below(world, high - low + 1);

    if (target <= OPEN_MOST && world_chance(world, 1, 3) &&
        uniform_steps(stream, target, &steps, &count)) {
        struct buf *change = change_begin_reshard(stamp, stream, steps, count, target, false);
        *ends = steps[0].parents[0];
        free(steps);
        return change;
    }
    bool merges = stream->open_count >= OPEN_MOST ||
                  (stream->open_count > 1 && world_chance(world, 1, 2));
    step = merges ? merge(world, stream) : split(world, stream);
    *ends = step.parents[0];
    return change_begin_reshard(stamp, stream, &step, 1, 0, false);
}

/* As a rescue of the catalogue leaves it that has lost the step: it has ended, and is open. */
static void strand(struct world *world, struct sim_node *node,
                   const struct model_stream *stream)
{
    for (uint32_t i = 0; i < stream->open_count; i++) {
        const struct model_shard *row = &stream->shards[stream->open[i]];
        struct shard *shard = control_shard(node->control, row->group);
        if (shard == NULL || !shard_leads(shard))
            continue;
        world_say(world, node, "reshard: shard %u ends by itself", row->number);
        resharding.stranded++;
        shard_end(shard);
        return;
    }
}

static void strand_inside(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    if (river(node) != NULL)
        strand(world, node, river(node));
}

/* On each node that runs one, so that what heals meets some. */
void reshard_strand(struct world *world)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        struct sim_node *node = &world->nodes[i];
        if (node->up && !node->stopping && node->control != NULL &&
            node->paused_until_ns <= world->now_ns)
            world_inside(world, node, strand_inside, NULL, 0);
    }
}

static void join_again(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    net_sim_cut(world, (uint32_t)(arg >> 32), (uint32_t)arg, false);
}

/* A member of a shard that is about to end hears nothing of its leader for a while, but of the
 * catalogue by others: that its shard is closed it may know before it has the end. */
static void cut_member(struct world *world, const struct sim_node *node,
                       const struct model_shard *row)
{
    const struct sim_node *leader = wipe_node(world, control_leader(node->control, row->group));
    const struct sim_node *member =
        wipe_node(world, row->members[world_below(world, row->member_count)]);

    if (leader == NULL || member == NULL || leader == member ||
        net_sim_is_cut(world, leader->at, member->at))
        return;
    net_sim_cut(world, leader->at, member->at, true);
    world_after(world,
                (struct world_after){ .delay_ns = SIM_S + world_below(world, 4 * SIM_S),
                                      .kind = KIND_NEMESIS,
                                      .fn = join_again,
                                      .arg = (uint64_t)leader->at << 32 | member->at });
}

static void propose(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    const struct model_stream *stream = river(node);
    struct change_stamp stamp = { .proposed_ms = clock_wall_ms(&node->clock),
                                  .proposer = node->id,
                                  .token = random_id(&node->random) };

    const struct model *model = catalog_model(control_catalog(node->control));
    if (stream == NULL || stream->status != STREAM_ACTIVE ||
        model_next_group(model) > resharding.groups_most)
        return;
    if (world_chance(world, 1, 8)) {
        strand(world, node, stream);
        return;
    }
    struct op *op = calloc(1, sizeof *op);
    ensure(op != NULL);
    op->world = world;
    uint32_t ends;
    AUTO_UNREF struct buf *bytes = some_change(world, stream, stamp, &ends);
    ensure(bytes != NULL);
    if (resharding.aims)
        cut_member(world, node, model_shard_by_number(stream, ends));
    catalog_change(control_catalog(node->control), &op->change, buf_slice(bytes), CHANGE_MS, done);
}

static void step(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    struct sim_node *node = &world->nodes[world_below(world, world->node_count)];

    if (cluster_of(world)->healing)
        return;
    if (node->up && !node->stopping && node->paused_until_ns <= world->now_ns &&
        control_catalog(node->control) != NULL)
        world_inside(world, node, propose, NULL, 0);
    next(world);
}

static void next(struct world *world)
{
    world_after(world, (struct world_after){ .delay_ns = 1 + world_below(
                                                 world, 2 * resharding.pause_ms) * SIM_MS,
                                             .kind = KIND_NEMESIS,
                                             .fn = step });
}

void reshard_expect(void)
{
    resharding.played = true;
    resharding.groups_most = GROUPS_MOST;
    resharding.pause_ms = PAUSE_MS;
}

void reshard_start(struct world *world)
{
    reshard_expect();
    next(world);
}

void reshard_start_few(struct world *world)
{
    reshard_start(world);
    resharding.aims = true;
    resharding.groups_most = GROUPS_FEW;
    drain_start(world);
}

void reshard_start_behind(struct world *world)
{
    reshard_expect();
    resharding.aims = true;
    resharding.pause_ms = PAUSE_BEHIND_MS;
    next(world);
}

const struct model_shard *reshard_shard_of(const struct model_stream *stream, uint32_t client)
{
    if (!resharding.played)
        return NULL;
    return model_shard_by_hash(stream, u128_of((client + 1) * SPREAD, 0));
}

/* ---- what is looked at ---- */

/* Without the product's own map: two that overlap, or too few keys in all. */
static void check_hash_keys(struct world *world, const struct sim_node *node,
                            const struct model *model, const struct model_stream *stream)
{
    u128_bits keys = 0; /* 2^128 is 0 */
    uint32_t open = 0;

    for (uint32_t i = 0; i < stream->shard_count; i++) {
        const struct model_shard *shard = &stream->shards[i];
        if (shard->state != SHARD_OPEN)
            continue;
        open++;
        keys += shard->hash_last.v - shard->hash_first.v + 1;
        for (uint32_t k = 0; k < i; k++)
            if (stream->shards[k].state == SHARD_OPEN &&
                stream->shards[k].hash_first.v <= shard->hash_last.v &&
                shard->hash_first.v <= stream->shards[k].hash_last.v)
                world_violation(world, "overlap", "node %u index %llu: shards %u and %u of %s hold "
                                "the same hash keys", node->at + 1,
                                (unsigned long long)model_index(model), stream->shards[k].number,
                                shard->number, stream->name);
    }
    if (keys != 0 || open != stream->open_count)
        world_violation(world, "gap", "node %u index %llu: no open shard of %s holds some hash key",
                        node->at + 1, (unsigned long long)model_index(model), stream->name);
}

static void note(const struct model_stream *stream, const struct model_shard *shard)
{
    struct lineage *lineage = &resharding.of[sim_slot(shard->group)];

    for (uint32_t i = 0; i < shard->parent_count; i++) {
        const struct model_shard *parent = model_shard_by_number(stream, shard->parents[i]);
        if (parent != NULL)
            lineage->parents[i] = parent->group;
    }
    if (shard->state == SHARD_CLOSED && !lineage->closed) {
        lineage->closed = true;
        lineage->end = shard->end;
        resharding.committed++;
    }
    if (model_shard_rests(shard) && shard->epoch > lineage->rests_in) {
        resharding.woken += lineage->rests_in > 0;
        resharding.rests++;
        lineage->rests_in = shard->epoch;
    }
}

/* Whoever hears that its group rests takes no part any more, and is fed nothing: it must have the
 * END.  A wake would mend it, so it is looked at here. */
static void check_end(struct world *world, const struct sim_node *node,
                      const struct model_shard *row)
{
    struct lineage *lineage = &resharding.of[sim_slot(row->group)];
    const struct log_state *state = log_state(control_log(node->control), row->group);

    if (!model_shard_rests(row) || !model_shard_has(row, node->id) ||
        lineage->rest_seen[node->at] == row->epoch)
        return;
    lineage->rest_seen[node->at] = row->epoch;
    if (state != NULL && state->epoch <= row->epoch && state->last < row->end)
        world_violation(world, "rests early", "group %llu rests, it ends at %llu, and node %u has "
                        "it to %llu", (unsigned long long)row->group,
                        (unsigned long long)row->end, node->at + 1,
                        (unsigned long long)state->last);
}

/* Nobody can read what is in a shard that the catalogue has forgotten. */
static void check_gone(struct world *world, const struct sim_node *node, const struct model *model)
{
    for (uint64_t group = CATALOG_GROUP + 1; group < model_next_group(model); group++) {
        struct lineage *lineage = &resharding.of[sim_slot(group)];
        if (!lineage->closed || lineage->gone || model_shard_by_group(model, group, NULL) != NULL)
            continue;
        lineage->gone = true;
        if (history_keeps(cluster_of(world)->history, group, 0))
            world_violation(world, "gone early", "node %u index %llu: the shard of group %llu is "
                            "gone, and some of its records are not too old", node->at + 1,
                            (unsigned long long)model_index(model), (unsigned long long)group);
    }
}

void reshard_model(struct world *world, const struct sim_node *node, const struct model *model)
{
    if (!resharding.played)
        return;
    for (uint32_t i = 0; i < model_stream_count(model); i++) {
        const struct model_stream *stream = model_stream_at(model, i);
        check_hash_keys(world, node, model, stream);
        for (uint32_t k = 0; k < stream->shard_count; k++) {
            note(stream, &stream->shards[k]);
            check_end(world, node, &stream->shards[k]);
        }
    }
    check_gone(world, node, model);
}

/* Groups are given out in ascending order. */
bool reshard_follows(uint64_t group, uint64_t of)
{
    const struct lineage *lineage = &resharding.of[sim_slot(group)];

    if (group <= of)
        return group == of;
    for (uint32_t i = 0; i < SHARD_PARENTS_MAX; i++)
        if (lineage->parents[i] != 0 && reshard_follows(lineage->parents[i], of))
            return true;
    return false;
}

static bool is_done(const struct world *world)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct sim_node *node = &world->nodes[i];
        const struct model_stream *stream =
            node->up && node->control != NULL && !node->stopping ? river(node) : NULL;
        if (stream != NULL && stream->status != STREAM_ACTIVE)
            return false;
    }
    return true;
}

/* The node's members of closed shards run no Raft, and it knows that no other one does. */
static bool node_rests(const struct sim_node *node)
{
    const struct model_stream *stream = river(node);

    for (uint32_t i = 0; stream != NULL && i < stream->shard_count; i++) {
        const struct model_shard *row = &stream->shards[i];
        const struct shard *shard = control_shard(node->control, row->group);
        if (row->state == SHARD_CLOSED &&
            (!model_shard_rests(row) ||
             (model_shard_has(row, node->id) && (shard == NULL || !shard_rests(shard)))))
            return false;
    }
    return true;
}

static bool all_rest(const struct world *world)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct sim_node *node = &world->nodes[i];
        if (node->up && node->control != NULL && !node->stopping && !node_rests(node))
            return false;
    }
    return true;
}

static void settle(struct world *world, bool (*holds)(const struct world *world),
                   const char *what)
{
    uint64_t until_ns = world->now_ns + SETTLE_MOST_NS;

    while (!holds(world)) {
        if (world->now_ns > until_ns)
            world_violation(world, "reshard", "%s within %.0f s", what,
                            (double)SETTLE_MOST_NS / 1e9);
        world_run(world, world->now_ns + 100 * SIM_MS);
    }
}

void reshard_check(struct world *world)
{
    const struct history *history = cluster_of(world)->history;

    settle(world, is_done, "the stream is not ACTIVE again");
    settle(world, all_rest, "groups of closed shards do not rest");
    checks_read_all(world); /* now from those too that run no Raft */
    for (uint64_t slot = CATALOG_GROUP + 1; slot < GROUPS_MOST + OPEN_MOST * 2; slot++) {
        const struct lineage *lineage = &resharding.of[slot];
        if (lineage->closed && history_newest(history, slot) >= lineage->end &&
            history_newest(history, slot) != 0)
            world_violation(world, "behind the end", "group %llu: readers are told that it ends "
                            "before %llu, and index %llu was acknowledged",
                            (unsigned long long)slot, (unsigned long long)lineage->end,
                            (unsigned long long)history_newest(history, slot));
    }
    if (resharding.begun > 0 && resharding.committed == 0)
        world_violation(world, "reshard", "no shard was split or merged: %llu begun",
                        (unsigned long long)resharding.begun);
    world_say(world, NULL, "%llu reshards begun, %llu shards closed, groups rested %llu times and "
              "woke %llu times, %llu shards ended by themselves",
              (unsigned long long)resharding.begun, (unsigned long long)resharding.committed,
              (unsigned long long)resharding.rests, (unsigned long long)resharding.woken,
              (unsigned long long)resharding.stranded);
}

#include "churn.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "catalog/change_settings.h"
#include "catalog/model_image.h"
#include "cluster.h"
#include "control/control.h"

#define STREAM_NAMES 10u
#define SHARDS_MOST 4u
#define SETS_FROM (STREAM_NAMES * SHARDS_MOST / 2) /* of so many actions: half of them, if any */
#define SETTLE_MOST_NS (30 * SIM_S)
#define CATALOGUE_ENTRIES_MOST 700u /* what trimming may leave of the catalogue's log */

struct churn_op {
    struct catalog_change change;
    struct world *world;
    struct sim_node *node;
    uint64_t set; /* the stream that is set; 0: it is created or deleted */
    uint32_t name;
};

/* How often the last stream of a name was set: each time counts its warm throughput up by one. */
static struct {
    uint64_t stream;
    uint32_t done;
} sets[STREAM_NAMES]; /* a seed has a process of its own */

/* What one node thinks at the end. */
struct sight {
    char lack[256]; /* what it waits for; "" = nothing */
    uint64_t digest;
};

static void churned(struct catalog_change *change, enum err err)
{
    struct churn_op *op = container_of(change, struct churn_op, change);

    world_say(op->world, op->node, "churn: %s %s", err_name(err), change->reason.text);
    if (err == ERR_OK && op->set > sets[op->name].stream) {
        sets[op->name].stream = op->set;
        sets[op->name].done = 0;
    }
    if (err == ERR_OK && op->set != 0 && op->set == sets[op->name].stream)
        sets[op->name].done++;
    free(op);
}

static struct buf *set_change(struct change_stamp stamp, const struct model_stream *stream)
{
    struct change_settings wanted = change_settings_of(stream);

    wanted.settings.warm_mibps++;
    return change_set_stream(stamp, &wanted);
}

/* Creates the stream of this name, or deletes it when there is one, or sets something of it. */
static void act(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    struct catalog *catalog = control_catalog(node->control);
    struct churn_op *op = calloc(1, sizeof *op);
    char name[32];
    struct change_stamp stamp = { .proposed_ms = clock_wall_ms(&node->clock),
                                  .proposer = node->id,
                                  .token = random_id(&node->random) };

    ensure(op != NULL);
    op->world = world;
    op->node = node;
    snprintf(name, sizeof name, "churn-%u", (unsigned)(arg % STREAM_NAMES));
    const struct model_stream *stream =
        model_stream_by_name(catalog_model(catalog), slice_text(name));
    struct change_stream wanted = { .name = slice_text(name),
                                    .mode = STREAM_PROVISIONED,
                                    .shard_count =
                                        1 + (uint32_t)(arg / STREAM_NAMES % SHARDS_MOST),
                                    .retention_hours = 24,
                                    .record_kib_max = 1024 };
    op->name = (uint32_t)(arg % STREAM_NAMES);
    op->set = stream != NULL && arg >= SETS_FROM ? stream->id : 0;
    AUTO_UNREF struct buf *change = op->set != 0      ? set_change(stamp, stream)
                                    : stream != NULL ? change_delete_stream(stamp, stream->id)
                                                     : change_create_stream(stamp, &wanted);
    ensure(change != NULL);
    catalog_change(catalog, &op->change, buf_slice(change), 2000, churned);
}

static void step(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    struct sim_node *node = &world->nodes[world_below(world, world->node_count)];

    if (cluster_of(world)->healing)
        return;
    if (node->up && !node->stopping && node->paused_until_ns <= world->now_ns)
        world_inside(world, node, act, NULL, world_below(world, STREAM_NAMES * SHARDS_MOST));
    world_after(world, (struct world_after){ .delay_ns = world_below(world, 400 * SIM_MS),
                                             .kind = KIND_CLIENT,
                                             .fn = step });
}

void churn_start(struct world *world)
{
    world_after(world, (struct world_after){
                           .delay_ns = 300 * SIM_MS, .kind = KIND_CLIENT, .fn = step });
}

/* ---- the end ---- */

__attribute__((format(printf, 2, 3))) static void lacks(struct sight *sight, const char *format,
                                                        ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(sight->lack, sizeof sight->lack, format, args);
    va_end(args);
}

static bool holds(const struct model_shard *shard, uint64_t node)
{
    for (uint32_t i = 0; i < shard->member_count; i++)
        if (shard->members[i] == node)
            return true;
    return false;
}

static void look_at_shards(struct sim_node *node, const struct model *model, struct sight *sight)
{
    const struct model_stream *stream;
    const struct model_shard *row;
    uint32_t mine = 0, open = 0;
    struct shard *shard;

    for (uint64_t after = 0; (row = model_shard_next(model, after, &stream)) != NULL;) {
        bool should = holds(row, node->id);
        after = row->group;
        mine += should;
        if (stream->status != STREAM_ACTIVE)
            lacks(sight, "stream %s has status %d", stream->name, (int)stream->status);
        else if (should != (control_shard(node->control, row->group) != NULL))
            lacks(sight, "group %llu: should be open %d", (unsigned long long)row->group, should);
        else if (control_leader(node->control, row->group) == 0)
            lacks(sight, "group %llu has no leader", (unsigned long long)row->group);
    }
    for (uint64_t after = 0; (shard = control_shard_next(node->control, after)) != NULL; open++)
        after = shard_group(shard);
    if (open != mine)
        lacks(sight, "%u shards are open, %u should be", open, mine);
}

static void look_at_log(struct sim_node *node, const struct model *model, struct sight *sight)
{
    const struct log *log = control_log(node->control);
    const struct log_state *state = log_state(log, CATALOG_GROUP);

    if (state != NULL && state->last + 1 - state->first > CATALOGUE_ENTRIES_MOST)
        lacks(sight, "the catalogue's log still holds %llu .. %llu",
              (unsigned long long)state->first, (unsigned long long)state->last);
    for (uint64_t after = 0; (state = log_state_next(log, after)) != NULL;) {
        after = state->group;
        if (after != CATALOG_GROUP && model_shard_by_group(model, after, NULL) == NULL)
            lacks(sight, "the log has deleted group %llu", (unsigned long long)after);
    }
}

static void look(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    struct sight *sight = ctx;
    const struct model *model = catalog_model(control_catalog(node->control));
    struct reason reason = { "" };

    *sight = (struct sight){ .lack = "" };
    look_at_shards(node, model, sight);
    look_at_log(node, model, sight);
    for (uint32_t i = 0; i < world->node_count; i++)
        if (control_health(node->control, world->nodes[i].id) != NODE_UP)
            lacks(sight, "node %u looks down", i + 1);
    if (!control_ready(node->control, &reason))
        lacks(sight, "not ready: %s", reason.text);
    AUTO_UNREF struct buf *image = model_image_pack(model);
    ensure(image != NULL);
    for (size_t i = 0; i < image->len; i++)
        sight->digest = (sight->digest ^ image->data[i]) * UINT64_C(0x100000001b3);
}

/* Nobody's setting was lost under another's. */
static void look_at_settings(struct world *world, const struct sim_node *node)
{
    const struct model *model = catalog_model(control_catalog(node->control));

    for (uint32_t i = 0; i < STREAM_NAMES; i++) {
        const struct model_stream *stream = model_stream_by_id(model, sets[i].stream);
        if (stream != NULL && model_settings(stream)->warm_mibps < sets[i].done)
            world_violation(world, "churn", "stream %s was set %u times, and %u are left",
                            stream->name, sets[i].done, model_settings(stream)->warm_mibps);
    }
}

static bool agree(struct world *world, struct sight sights[SIM_NODES_MAX])
{
    bool good = true;

    for (uint32_t i = 0; i < world->node_count; i++) {
        world_inside(world, &world->nodes[i], look, &sights[i], 0);
        if (sights[i].lack[0] == 0 && sights[i].digest != sights[0].digest)
            lacks(&sights[i], "its model differs from node 1's");
        good &= sights[i].lack[0] == 0;
    }
    return good;
}

void churn_check(struct world *world)
{
    struct sight sights[SIM_NODES_MAX];
    uint64_t until_ns = world->now_ns + SETTLE_MOST_NS;

    while (!agree(world, sights)) {
        if (world->now_ns > until_ns) {
            for (uint32_t i = 0; i < world->node_count; i++)
                printf("node %u: %s\n", i + 1, sights[i].lack);
            world_violation(world, "churn", "the nodes do not agree within %.0f s",
                            (double)SETTLE_MOST_NS / 1e9);
        }
        world_run(world, world->now_ns + 100 * SIM_MS);
    }
    look_at_settings(world, &world->nodes[0]);
}

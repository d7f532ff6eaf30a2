#include "brook.h"

#include <stdlib.h>
#include <string.h>

#include "api/route.h"
#include "base/ensure.h"
#include "catalog/change.h"
#include "cluster.h"
#include "control/control.h"
#include "moments.h"
#include "shard/command.h"
#include "workload.h"

#define NAME "brook"
#define SHARDS 2u
#define PAUSE_MS 12u
#define FILED_MOST 40u /* that a node's log holds without emptying any */
#define BYTES_MAX 14000u
#define KEPT_PART 2u /* of a log, at most, is the other stream's */

struct brook_change {
    struct catalog_change change;
};

struct brook_put {
    struct route_put put;
};

static void brook_on_changed(struct catalog_change *change, enum err err)
{
    (void)err;
    free(container_of(change, struct brook_change, change));
}

static void create(struct world *world, struct sim_node *node)
{
    struct brook_change *op = calloc(1, sizeof *op);
    struct change_stamp stamp = { .proposed_ms = clock_wall_ms(&node->clock),
                                  .proposer = node->id,
                                  .token = random_id(&node->random) };
    struct change_stream wanted = { .name = slice_text(NAME),
                                    .mode = STREAM_PROVISIONED,
                                    .shard_count = SHARDS,
                                    .retention_hours = 1,
                                    .record_kib_max = 1024 };
    AUTO_UNREF struct buf *change = change_create_stream(stamp, &wanted);

    (void)world;
    ensure(op != NULL && change != NULL);
    catalog_change(control_catalog(node->control), &op->change, buf_slice(change), 2000,
                   brook_on_changed);
}

static void brook_on_put(struct route_put *put, enum err err)
{
    (void)err; /* it may well be refused: nobody waits for it */
    buf_unref(put->records);
    free(container_of(put, struct brook_put, put));
}

static void put(struct world *world, struct sim_node *node, uint64_t group)
{
    struct brook_put *op = calloc(1, sizeof *op);
    size_t len = 1 + (size_t)world_below(world, BYTES_MAX);
    unsigned char *data = malloc(len);

    ensure(op != NULL && data != NULL);
    memset(data, (int)world_below(world, 256), len);
    struct record record = { .key = slice_text(NAME), .data = slice_of(data, len) };
    op->put.group = group;
    op->put.record_count = 1;
    op->put.records = buf_new(command_record_bytes(&record));
    ensure(op->put.records != NULL);
    command_encode_record(op->put.records->data, &record);
    free(data);
    route_put(node->route, &op->put, brook_on_put);
}

static void act(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    const struct model_stream *stream =
        model_stream_by_name(catalog_model(control_catalog(node->control)), slice_text(NAME));

    (void)ctx;
    if (stream == NULL && arg % 16 == 0)
        create(world, node);
    else if (stream != NULL && stream->status == STREAM_ACTIVE)
        put(world, node, stream->shards[arg % stream->shard_count].group);
}

static void step(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    struct sim_node *node = &world->nodes[world_below(world, world->node_count)];

    if (cluster_of(world)->healing)
        return;
    if (node->up && !node->leaving && !node->stopping && node->paused_until_ns <= world->now_ns)
        world_inside(world, node, act, NULL, arg);
    world_after(world, (struct world_after){ .delay_ns = world_below(world, 2 * PAUSE_MS * SIM_MS),
                                             .kind = KIND_CLIENT,
                                             .fn = step,
                                             .arg = arg + 1 });
}

void brook_start(struct world *world)
{
    world_after(world, (struct world_after){
                           .delay_ns = 500 * SIM_MS, .kind = KIND_CLIENT, .fn = step });
}

bool brook_has(const struct record *record)
{
    const unsigned char *data = record->data.data;

    return record->key.len == strlen(NAME) && memcmp(record->key.data, NAME, strlen(NAME)) == 0 &&
           record->data.len > 0 && memcmp(data, data + 1, record->data.len - 1) == 0;
}

void brook_check(struct world *world)
{
    uint64_t filed = moments_count(world, MOMENT_SEGMENT_FILED);

    if (moments_count(world, MOMENT_SEGMENT_EMPTIED) == 0 && filed > FILED_MOST * world->node_count)
        world_violation(world, "mixed-retention", "%llu segments were filed and none was emptied",
                        (unsigned long long)filed);
    uint64_t kept = workload_bytes(world), most = cluster_of(world)->options.log_bytes_max;
    if (kept > most / KEPT_PART)
        world_violation(world, "mixed-retention", "what is kept, %llu bytes, may fill logs of %llu",
                        (unsigned long long)kept, (unsigned long long)most);
}

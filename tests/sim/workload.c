#include "workload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/route.h"
#include "base/bytes.h"
#include "base/ensure.h"
#include "brook.h"
#include "catalog/change.h"
#include "cluster.h"
#include "control/control.h"
#include "pause.h"
#include "reshard.h"
#include "rolling.h"
#include "shard/command.h"
#include "subscribers.h"

#define CLIENTS_MAX 64u
#define RECORDS_PER_PUT_MAX 3u
#define PADDING_MAX 4096u
#define PADDING_LARGE_MAX 40000u /* of ten blocks */
#define VALUE_BYTES 16u
#define PATIENCE 20u /* a client gives up an answer after about so many of its pauses */
#define STREAM_NAME "river"
#define ENOUGH_PAUSE_MS 1000u

struct client {
    uint64_t put; /* values put so far */
    bool busy;
    uint32_t node, life;         /* where the put under way was sent */
    uint64_t began_ns, acked_ns; /* of the last put: its begin, if acknowledged */
    uint64_t group;
    uint64_t first, count; /* counters under way */
    uint64_t padding;      /* bytes behind the value */
    struct position read_from;
    bool reading;
    uint32_t read_node, read_life;
};

struct workload {
    struct client clients[CLIENTS_MAX];
    bool stopping, creating;
    uint64_t all_in_ns; /* every node was in the catalogue; 0 = not yet */
    uint64_t bytes; /* of all puts, refused ones too */
};

/* One request, in the memory of the node that works on it. */
struct op {
    struct route_put put;
    struct world *world;
    struct sim_node *node;
    uint32_t client;
    uint64_t first, count, began_ns; /* the client may have gone on when the answer comes */
};

struct read_op {
    struct route_read read;
    struct world *world;
    struct sim_node *node;
    uint32_t client;
    uint64_t newest; /* acknowledged before it was asked */
};

struct tip_op {
    struct route_locate locate;
    struct world *world;
    struct sim_node *node;
    uint64_t newest; /* acknowledged before it was asked */
};

static void client_later(struct world *world, uint32_t client);

static struct workload *workload_of(struct world *world)
{
    return cluster_of(world)->workload;
}

/* So that what is kept for ever fits the logs. */
static bool has_put_enough(struct world *world)
{
    uint64_t most = cluster_of(world)->options.put_bytes_most;

    return most != 0 && workload_of(world)->bytes >= most;
}

uint64_t workload_bytes(struct world *world)
{
    return workload_of(world)->bytes;
}

struct sim_node *workload_some_node(struct world *world)
{
    struct sim_node *node = &world->nodes[world_below(world, world->node_count)];

    return node->up && !node->deaf && node->paused_until_ns <= world->now_ns ? node : NULL;
}

/* ---- the stream ---- */

struct create {
    struct catalog_change change;
    struct world *world;
};

static void create_later(struct world *world);

static void create_done(struct catalog_change *change, enum err err)
{
    struct create *create = container_of(change, struct create, change);

    world_say(create->world, NULL, "create stream: %s %s", err_name(err), change->reason.text);
    workload_of(create->world)->creating = false;
    free(create);
}

static void create_stream(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    struct create *create = calloc(1, sizeof *create);
    struct change_stamp stamp = { .proposed_ms = clock_wall_ms(&node->clock),
                                  .proposer = node->id,
                                  .token = random_id(&node->random) };
    const struct cluster_options *options = &cluster_of(world)->options;
    uint32_t hours = options->retention_hours_first != 0 ? options->retention_hours_first
                                                         : options->retention_hours;
    struct change_stream wanted = { .name = slice_text(STREAM_NAME),
                                    .mode = STREAM_PROVISIONED,
                                    .shard_count = options->shard_count,
                                    .retention_hours = hours,
                                    .record_kib_max = 1024 };

    ensure(create != NULL);
    create->world = world;
    AUTO_UNREF struct buf *change = change_create_stream(stamp, &wanted);
    ensure(change != NULL);
    catalog_change(control_catalog(node->control), &create->change, buf_slice(change), 2000,
                   create_done);
}

static const struct model_stream *active_stream(struct sim_node *node)
{
    const struct model_stream *stream = model_stream_by_name(
        catalog_model(control_catalog(node->control)), slice_text(STREAM_NAME));

    return stream != NULL &&
                   (stream->status == STREAM_ACTIVE || stream->status == STREAM_UPDATING)
               ? stream
               : NULL;
}

/* Who has just come in gets no replica yet: whoever places them has no link to it. */
static bool may_create(struct world *world, struct sim_node *node)
{
    struct workload *workload = workload_of(world);

    if (!cluster_of(world)->options.all_first)
        return true;
    if (model_node_count(catalog_model(control_catalog(node->control))) < world->node_count)
        return false;
    if (workload->all_in_ns == 0)
        workload->all_in_ns = world->now_ns;
    return world->now_ns - workload->all_in_ns >= SIM_S;
}

static void create_step(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    struct workload *workload = workload_of(world);
    struct sim_node *node = workload_some_node(world);

    if (node != NULL && active_stream(node) != NULL) {
        cluster_of(world)->stream = active_stream(node)->id;
        world_say(world, node, "stream is active");
        for (uint32_t i = 0; i < cluster_of(world)->options.client_count; i++)
            client_later(world, i);
        return;
    }
    if (node != NULL && !workload->creating && may_create(world, node)) {
        workload->creating = true;
        world_inside(world, node, create_stream, NULL, 0);
    }
    create_later(world);
}

static void create_later(struct world *world)
{
    world_after(world, (struct world_after){
                           .delay_ns = 100 * SIM_MS, .kind = KIND_CLIENT, .fn = create_step });
}

/* ---- putting ---- */

static void settle(struct op *op, enum err err)
{
    struct world *world = op->world;
    struct client *client = &workload_of(world)->clients[op->client];
    struct history *history = cluster_of(world)->history;
    bool refused = err == ERR_BUSY || err == ERR_CLOSED || err == ERR_UNAVAILABLE ||
                   err == ERR_NO_SPACE || err == ERR_NO_MEMORY;

    for (uint64_t i = 0; i < op->count; i++) {
        if (err == ERR_OK)
            history_acked(history, op->client, op->first + i,
                          (struct history_place){ op->put.group, op->put.first.index,
                                                  op->put.first.ordinal + (uint32_t)i },
                          op->first == client->first);
        else if (refused)
            history_refused(history, op->client, op->first + i);
    }
    if (err != ERR_OK)
        rolling_failed(world, op->client, err);
    pause_put(world, op->client, err, op->began_ns);
    if (op->first != client->first)
        return;
    if (err == ERR_OK)
        client->acked_ns = client->began_ns;
    client->busy = false;
}

static void put_settled(struct route_put *put, enum err err)
{
    struct op *op = container_of(put, struct op, put);

    world_say(op->world, op->node, "client %u put: %s index %llu", op->client, err_name(err),
              (unsigned long long)put->first.index);
    settle(op, err);
    buf_unref(put->records);
    free(op);
}

static struct buf *make_records(struct world *world, struct client *client, uint32_t at)
{
    unsigned char data[VALUE_BYTES + PADDING_LARGE_MAX]; /* only as much as is used */
    char key[16];
    struct record record;
    size_t bytes = 0;
    unsigned char *end;

    snprintf(key, sizeof key, "c%u", at);
    memset(data + VALUE_BYTES, 0x5a, client->padding);
    record = (struct record){ .key = slice_text(key),
                              .data = slice_of(data, VALUE_BYTES + client->padding) };
    bytes = command_record_bytes(&record) * client->count;
    struct buf *buf = buf_new(bytes);
    ensure(buf != NULL);
    end = buf->data;
    for (uint64_t i = 0; i < client->count; i++) {
        put_u64(data, at);
        put_u64(data + 8, client->first + i);
        end = command_encode_record(end, &record);
    }
    ensure((size_t)(end - buf->data) == bytes);
    return buf;
}

static void put_values(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    struct client *client = &workload_of(world)->clients[arg];
    const struct model_stream *stream = active_stream(node);

    if (stream == NULL)
        return; /* this node has not heard of it yet */
    struct op *op = calloc(1, sizeof *op);
    ensure(op != NULL);
    op->world = world;
    op->node = node;
    op->client = (uint32_t)arg;
    const struct model_shard *shard = reshard_shard_of(stream, (uint32_t)arg);
    if (shard == NULL)
        shard = &stream->shards[arg % stream->shard_count];
    if (client->group != shard->group)
        client->read_from = (struct position){ .index = 1 };
    client->group = shard->group;
    subscribers_follow(world, (uint32_t)arg, client->group);
    client->first = client->put + 1;
    client->count = 1 + world_below(world, RECORDS_PER_PUT_MAX);
    client->padding = world_below(world, world_chance(world, 1, 20) ? PADDING_MAX : 100);
    if (cluster_of(world)->options.large && world_chance(world, 1, 25))
        client->padding = world_below(world, PADDING_LARGE_MAX);
    if (has_put_enough(world))
        client->padding = 0;
    client->put += client->count;
    client->busy = true;
    client->node = node->at;
    client->life = node->life;
    client->began_ns = world->now_ns;
    for (uint64_t i = 0; i < client->count; i++)
        history_put(cluster_of(world)->history, (uint32_t)arg, client->first + i);
    op->first = client->first;
    op->count = client->count;
    op->began_ns = client->began_ns;
    op->put.group = client->group;
    op->put.record_count = (uint32_t)client->count;
    op->put.records = make_records(world, client, (uint32_t)arg);
    workload_of(world)->bytes += op->put.records->len;
    route_put(node->route, &op->put, put_settled);
}

/* ---- reading ---- */

/* What no node has applied may yet vanish.  What this one applied within the present event is not
 * known to the history yet. */
static void check_committed(struct world *world, struct sim_node *node, uint64_t group,
                            uint64_t index)
{
    const struct shard *shard = control_shard(node->control, group);

    if (index > history_reach(cluster_of(world)->history, group) && shard != NULL &&
        index > sim_place(shard_status(shard).replica.epoch, shard_status(shard).replica.applied))
        world_violation(world, "uncommitted", "node %u reads group %llu index %llu, which nobody "
                        "has applied", node->at + 1, (unsigned long long)group,
                        (unsigned long long)index);
}

void workload_note_parts(struct world *world, struct sim_node *node, uint64_t group,
                         const struct read_part *parts, uint32_t part_count)
{
    for (uint32_t i = 0; i < part_count; i++) {
        struct command_walk walk = command_walk_start(parts[i].records);
        struct record record;
        check_committed(world, node, group, parts[i].index);
        for (uint32_t k = 0; k < parts[i].count; k++) {
            bool sound = command_walk_next(&walk, &record) == ERR_OK;
            if (sound && brook_has(&record))
                continue;
            if (!sound || record.data.len < VALUE_BYTES)
                world_violation(world, "bytes", "node %u group %llu index %llu: not our records",
                                node->at + 1, (unsigned long long)group,
                                (unsigned long long)parts[i].index);
            history_read(cluster_of(world)->history, node, group, parts[i].index,
                         parts[i].first_ordinal + k, (uint32_t)get_u64(record.data.data),
                         get_u64(record.data.data + 8));
        }
    }
}

static void read_done(struct route_read *read, enum err err)
{
    struct read_op *op = container_of(read, struct read_op, read);
    struct client *client = &workload_of(op->world)->clients[op->client];

    client->reading = false;
    if (err == ERR_OK) {
        history_pass_begin(cluster_of(op->world)->history, read->group, read->from, read->next);
        workload_note_parts(op->world, op->node, read->group, read->parts, read->part_count);
        history_pass_end(cluster_of(op->world)->history, op->node);
        client->read_from = read->next;
        if (read->behind_ms == 0)
            history_tip(cluster_of(op->world)->history, op->node, read->group, read->next.index,
                        op->newest);
        if (!cluster_of(op->world)->options.tail_readers && world_chance(op->world, 1, 50))
            client->read_from = (struct position){ .index = 1 };
    }
    route_read_fini(read);
    free(op);
}

static void read_values(struct world *world, struct sim_node *node, void *ctx, uint64_t arg)
{
    struct client *client = &workload_of(world)->clients[arg];
    struct read_op *op = calloc(1, sizeof *op);

    ensure(op != NULL);
    op->world = world;
    op->node = node;
    op->client = (uint32_t)arg;
    op->newest = history_newest(cluster_of(world)->history, client->group);
    op->read.group = client->group;
    op->read.from = client->read_from;
    op->read.records_max = 1 + (uint32_t)world_below(world, 200);
    op->read.bytes_max = 64 * 1024;
    client->reading = true;
    client->read_node = node->at;
    client->read_life = node->life;
    route_read(node->route, &op->read, read_done);
}

static void tip_done(struct route_locate *locate, enum err err)
{
    struct tip_op *op = container_of(locate, struct tip_op, locate);

    if (err == ERR_OK)
        history_tip(cluster_of(op->world)->history, op->node, locate->group,
                    locate->position.index, op->newest);
    free(op);
}

/* What a reader asks who wants nothing but what comes from now on. */
static void ask_tip(struct world *world, struct sim_node *node, void *ctx, uint64_t group)
{
    struct tip_op *op = calloc(1, sizeof *op);

    ensure(op != NULL);
    op->world = world;
    op->node = node;
    op->newest = history_newest(cluster_of(world)->history, group);
    op->locate.group = group;
    op->locate.type = LOCATE_LATEST;
    route_locate(node->route, &op->locate, tip_done);
}

/* ---- a client's rounds ---- */

static void client_step(struct world *world, struct sim_node *none, void *ctx, uint64_t arg)
{
    struct client *client = &workload_of(world)->clients[arg];
    struct sim_node *node = workload_some_node(world);

    if (workload_of(world)->stopping)
        return;
    if (client->busy && world_chance(world, 1, PATIENCE))
        client->busy = false; /* as an SDK's time-out: the answer comes late or never */
    if (node != NULL && !client->busy && !cluster_of(world)->hush)
        world_inside(world, node, put_values, NULL, arg);
    if (node != NULL && node->up && client->group != 0 && !client->reading &&
        world_chance(world, 1, 4))
        world_inside(world, node, read_values, NULL, arg);
    if (node != NULL && node->up && client->group != 0 && world_chance(world, 1, 8))
        world_inside(world, node, ask_tip, NULL, client->group);
    client_later(world, (uint32_t)arg);
}

static void client_later(struct world *world, uint32_t client)
{
    uint64_t pause_ms = has_put_enough(world) ? ENOUGH_PAUSE_MS
                                              : cluster_of(world)->options.put_pause_ms;
    uint64_t pause = pause_ms * SIM_MS;

    world_after(world, (struct world_after){ .delay_ns = world_below(world, 2 * pause + 1),
                                             .kind = KIND_CLIENT,
                                             .fn = client_step,
                                             .arg = client });
}

/* ---- life cycle ---- */

void workload_start(struct world *world)
{
    cluster_of(world)->workload = sim_malloc(sizeof(struct workload));
    create_later(world);
}

void workload_fini(struct world *world)
{
    sim_free(cluster_of(world)->workload);
}

void workload_stop(struct world *world)
{
    workload_of(world)->stopping = true;
}

void workload_node_died(struct world *world, struct sim_node *node)
{
    struct workload *workload = workload_of(world);

    if (workload == NULL)
        return;
    subscribers_node_died(world, node);
    workload->creating = false;
    for (uint32_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = &workload->clients[i];
        if (client->node == node->at && client->life == node->life)
            client->busy = false; /* what it put stays unknown */
        if (client->read_node == node->at && client->read_life == node->life)
            client->reading = false;
    }
}

bool workload_is_at(struct world *world, const struct sim_node *node)
{
    for (uint32_t i = 0; i < CLIENTS_MAX; i++) {
        const struct client *client = &workload_of(world)->clients[i];
        if ((client->busy && client->node == node->at && client->life == node->life) ||
            (client->reading && client->read_node == node->at && client->read_life == node->life))
            return true;
    }
    return false;
}

uint64_t workload_oldest_ns(struct world *world)
{
    const struct workload *workload = workload_of(world);
    uint64_t oldest_ns = 0;

    for (uint32_t i = 0; i < CLIENTS_MAX; i++) {
        const struct client *client = &workload->clients[i];
        if (client->busy && (oldest_ns == 0 || client->began_ns < oldest_ns))
            oldest_ns = client->began_ns;
    }
    return oldest_ns;
}

bool workload_progress(struct world *world, uint64_t since_ns)
{
    const struct cluster *cluster = cluster_of(world);

    if (cluster->stream == 0)
        return false;
    for (uint32_t i = 0; i < cluster->options.client_count; i++)
        if (workload_of(world)->clients[i].acked_ns < since_ns)
            return false;
    return true;
}

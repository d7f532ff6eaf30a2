#include "base/limits.h"
#include "control/nodes.h"
#include "control/upgrade.h"
#include "ops/json.h"
#include "ops/ops_private.h"

static void print_catalog(const struct ops *ops, struct json *json);
static void print_node(const struct ops *ops, struct json *json, const struct model_node *node);
static void print_stream(const struct ops *ops, struct json *json,
                         const struct model_stream *stream, uint32_t *room);
static void print_shard(const struct ops *ops, struct json *json, const struct model_shard *shard);
static const char *node_name(const struct ops *ops, uint64_t id);

static const struct model *model_of(const struct ops *ops)
{
    return catalog_model(control_catalog(ops->world.control));
}

/* ---- /cluster ---- */

struct buf *cluster_page(const struct ops *ops)
{
    const struct model *model = model_of(ops);
    struct reason why = { .text = "" };
    struct json json;

    json_init(&json, OPS_PAGE_BYTES_MAX);
    json_object(&json, NULL);
    json_text(&json, "node", ops->world.name);
    json_text(&json, "version", ops->world.version);
    json_text(&json, "auth", ops->world.who_may.auth);
    json_text(&json, "sigv4_regions", ops->world.who_may.sigv4_regions);
    json_bool(&json, "peers_unproved", ops->world.who_may.peers_unproved);
    json_bool(&json, "ready", control_ready(ops->world.control, &why) && !ops->stopping);
    json_text(&json, "waiting_for", why.text[0] == 0 ? NULL : why.text);
    json_number(&json, "forgotten_bytes", ops->world.forgotten.bytes);
    json_number(&json, "forgotten_directories", ops->world.forgotten.count);
    json_number(&json, "forgotten_directories_max", FORGOTTEN_KEPT_MAX);
    json_bool(&json, "founded", model_founded(model));
    if (model_founded(model)) {
        json_id(&json, "cluster", model_cluster(model));
        json_text(&json, "region", model_region(model));
        json_text(&json, "account", model_account(model));
        json_number(&json, "replication", model_replication(model));
        json_number(&json, "cluster_version", model_version(model));
        json_number(&json, "cluster_version_newest", upgrade_newest(ops->world.control));
        json_number(&json, "balancing_paused_ms", model_balancing_paused_ms(model));
    }
    json_number(&json, "streams", model_stream_count(model));
    json_number(&json, "shards", model_shard_total(model));
    json_number(&json, "moving", nodes_moving(ops->world.control));
    print_catalog(ops, &json);
    json_list(&json, "nodes");
    for (uint32_t i = 0; i < model_node_count(model); i++)
        print_node(ops, &json, model_node_at(model, i));
    json_end_list(&json);
    json_end_object(&json);
    return json_take(&json);
}

static void print_catalog(const struct ops *ops, struct json *json)
{
    const struct catalog *catalog = control_catalog(ops->world.control);
    uint64_t members[GROUP_MEMBERS_MAX];
    uint32_t count = catalog_members(catalog, members);
    uint64_t leader = catalog_leader(catalog);

    /* Until another one is elected the last one is remembered, and it may be gone. */
    if (control_health(ops->world.control, leader) != NODE_UP)
        leader = 0;

    json_object(json, "catalog");
    json_number(json, "index", model_index(model_of(ops)));
    json_text(json, "leader", node_name(ops, leader));
    json_list(json, "members");
    for (uint32_t i = 0; i < count; i++)
        json_text(json, NULL, node_name(ops, members[i]));
    json_end_list(json);
    /* A node that lost its disk is there twice under one name: ids tell the two apart. */
    if (leader == 0)
        json_text(json, "leader_id", NULL);
    else
        json_id(json, "leader_id", leader);
    json_list(json, "member_ids");
    for (uint32_t i = 0; i < count; i++)
        json_id(json, NULL, members[i]);
    json_end_list(json);
    json_number(json, "rescues", model_resume_count(catalog_model(catalog)));
    json_end_object(json);
}

static void print_node(const struct ops *ops, struct json *json, const struct model_node *node)
{
    json_object(json, NULL);
    node_print_fields(ops, json, node);
    json_end_object(json);
}

/* ---- /streams ---- */

struct buf *streams_page(const struct ops *ops, struct slice name, bool *found)
{
    const struct model *model = model_of(ops);
    const struct model_stream *one = name.len == 0 ? NULL : model_stream_by_name(model, name);
    uint32_t room = OPS_STREAM_SHARDS_MAX;
    struct json json;

    *found = name.len == 0 || one != NULL;
    if (!*found)
        return NULL;
    json_init(&json, OPS_PAGE_BYTES_MAX);
    json_object(&json, NULL);
    json_list(&json, "streams");
    for (uint32_t i = 0; one == NULL && i < model_stream_count(model); i++)
        print_stream(ops, &json, model_stream_at(model, i), &room);
    if (one != NULL)
        print_stream(ops, &json, one, &room);
    json_end_list(&json);
    json_end_object(&json);
    return json_take(&json);
}

static void print_stream(const struct ops *ops, struct json *json,
                         const struct model_stream *stream, uint32_t *room)
{
    static const char *const statuses[] = { "?", "CREATING", "ACTIVE", "UPDATING", "DELETING" };
    uint32_t shown = stream->shard_count < *room ? stream->shard_count : *room;

    json_object(json, NULL);
    json_text(json, "name", stream->name);
    json_text(json, "status", statuses[stream->status]);
    json_text(json, "mode", stream->mode == STREAM_ON_DEMAND ? "ON_DEMAND" : "PROVISIONED");
    json_number(json, "created_ms", stream->created_ms);
    json_number(json, "retention_hours", stream->retention_hours);
    stream_limits_print(json, stream);
    json_number(json, "shard_count", stream->shard_count);
    json_number(json, "shards_left_out", stream->shard_count - shown);
    json_list(json, "shards");
    for (uint32_t i = 0; i < shown; i++)
        print_shard(ops, json, &stream->shards[i]);
    json_end_list(json);
    json_end_object(json);
    *room -= shown;
}

static void print_shard(const struct ops *ops, struct json *json, const struct model_shard *shard)
{
    static const char *const states[] = { "OPEN", "OPENING", "CLOSED" };

    json_object(json, NULL);
    json_number(json, "number", shard->number);
    json_number(json, "group", shard->group);
    json_number(json, "epoch", shard->epoch);
    json_text(json, "state", states[shard->state]);
    json_bool(json, "rests", model_shard_rests(shard));
    json_text(json, "leader",
              node_name(ops, control_leader(ops->world.control, shard->group)));
    json_list(json, "replicas");
    for (uint32_t i = 0; i < shard->member_count; i++)
        json_text(json, NULL, node_name(ops, shard->members[i]));
    json_end_list(json);
    json_end_object(json);
}

/* NULL: nobody, or nobody known. */
static const char *node_name(const struct ops *ops, uint64_t id)
{
    const struct model_node *node = id == 0 ? NULL : model_node_by_id(model_of(ops), id);
    return node == NULL ? NULL : node->name;
}

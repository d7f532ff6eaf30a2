#include <stdlib.h>

#include "api/account.h"
#include "api/handler.h"
#include "api/tags.h"
#include "base/limits.h"
#include "catalog/change.h"

#define RETENTION_HOURS_DEFAULT 24u

struct creating {
    struct request *request;
    struct slice name;
    struct catalog_change change;
};

static uint32_t record_kib(const struct request *request);
static bool check_mode(struct request *request, struct change_stream *wanted);
static bool check_room(struct request *request, const struct change_stream *wanted);
static bool take_tags(struct request *request, struct change_stream *wanted);
static void propose(struct request *request, const struct change_stream *wanted);
static void propose_on_applied(struct catalog_change *change, enum err err);

void create_stream_handle(struct request *request)
{
    const struct create_stream_in *in = request->in;
    struct change_stream wanted = { .name = in->stream_name,
                                    .retention_hours = RETENTION_HOURS_DEFAULT,
                                    .record_kib_max = record_kib(request) };

    if (!check_mode(request, &wanted))
        return;
    if (model_stream_by_name(request_model(request), in->stream_name) != NULL) {
        request_fail(request, ERROR_RESOURCE_IN_USE, "Stream %.*s under account %s already exists.",
                     (int)in->stream_name.len, (const char *)in->stream_name.data,
                     request->account);
        return;
    }
    if (check_room(request, &wanted) && take_tags(request, &wanted))
        propose(request, &wanted);
}

static uint32_t record_kib(const struct request *request)
{
    const struct create_stream_in *in = request->in;

    return in->has_max_record_size_in_kib
               ? (uint32_t)in->max_record_size_in_kib
               : limit_up_to(control_limit(request->api->world.control, LIMIT_RECORD_KIB),
                             RECORD_KIB_MAX);
}

/* False: the request has failed. */
static bool check_mode(struct request *request, struct change_stream *wanted)
{
    const struct create_stream_in *in = request->in;
    bool on_demand = in->has_stream_mode_details &&
                     in->stream_mode_details.stream_mode.value == WIRE_MODE_ON_DEMAND;

    wanted->mode = on_demand ? STREAM_ON_DEMAND : STREAM_PROVISIONED;
    wanted->shard_count = on_demand ? ON_DEMAND_SHARDS : (uint32_t)in->shard_count;
    if (!on_demand && !in->has_shard_count) {
        request_fail(request, ERROR_INVALID_ARGUMENT,
                     "ShardCount is required for a stream in PROVISIONED mode.");
        return false;
    }
    wanted->spreads = in->has_record_distribution_strategy &&
                      in->record_distribution_strategy.value == WIRE_DISTRIBUTION_AUTO;
    if (wanted->spreads && !on_demand) {
        request_fail(request, ERROR_INVALID_ARGUMENT,
                     "RecordDistributionStrategy AUTO needs a stream in ON_DEMAND mode.");
        return false;
    }
    wanted->warm_mibps = in->has_warm_throughput_mibps ? (uint32_t)in->warm_throughput_mibps : 0;
    return account_check_warm(request, wanted->mode, wanted->warm_mibps);
}

/* False: the request has failed. */
static bool check_room(struct request *request, const struct change_stream *wanted)
{
    const struct model *model = request_model(request);
    uint32_t most = limit_up_to(control_limit(request->api->world.control, LIMIT_STREAMS_CREATING),
                                STREAMS_CREATING_MAX);
    uint32_t creating = 0;

    if (!account_check_shards(request, wanted->shard_count) ||
        !account_check_mode(request, wanted->mode))
        return false;
    for (uint32_t i = 0; i < model_stream_count(model); i++)
        creating += model_stream_at(model, i)->status == STREAM_CREATING;
    if (creating >= most) {
        request_fail(request, ERROR_LIMIT_EXCEEDED,
                     "Rate exceeded for stream %.*s under account %s.", (int)wanted->name.len,
                     (const char *)wanted->name.data, request->account);
        return false;
    }
    return true;
}

/* False: the request has failed. */
static bool take_tags(struct request *request, struct change_stream *wanted)
{
    const struct create_stream_in *in = request->in;
    struct tags_owner owner = { .kind = "stream", .name = wanted->name };
    struct tags_of tags;

    if (!in->has_tags || in->tags.count == 0)
        return true;
    if (!tags_add(request, owner, (struct tags_of){ .count = 0 }, &in->tags, &tags))
        return false;
    wanted->tags = tags.items;
    wanted->tag_count = tags.count;
    return true;
}

static void propose(struct request *request, const struct change_stream *wanted)
{
    struct creating *creating = request_take(request, sizeof(*creating));

    if (creating == NULL)
        return;
    creating->request = request;
    creating->name = wanted->name;
    AUTO_UNREF struct buf *change = change_create_stream(request_stamp(request), wanted);
    if (change == NULL) {
        request_fail_err(request, ERR_NO_MEMORY, NULL);
        return;
    }
    catalog_change(control_catalog(request->api->world.control), &creating->change,
                   buf_slice(change), API_CHANGE_TIMEOUT_MS, propose_on_applied);
}

static void propose_on_applied(struct catalog_change *change, enum err err)
{
    struct creating *creating = container_of(change, struct creating, change);
    struct request *request = creating->request;

    if (err == ERR_OK)
        request_reply(request, NULL);
    else if (err == ERR_EXISTS)
        request_fail(request, ERROR_RESOURCE_IN_USE, "Stream %.*s under account %s already exists.",
                     (int)creating->name.len, (const char *)creating->name.data, request->account);
    else if (err == ERR_BUSY)
        request_fail(request, ERROR_LIMIT_EXCEEDED, "%s", change->reason.text);
    else if (err == ERR_VERSION)
        request_fail(request, ERROR_INVALID_ARGUMENT, "%s", change->reason.text);
    else
        request_fail_err(request, err, &change->reason);
}

/* SplitShard, MergeShards and UpdateShardCount: each is answered when the catalogue has begun it;
 * control/reshard.c does the rest, with the stream in UPDATING. */
#include <stdlib.h>

#include "api/account.h"
#include "api/describe.h"
#include "api/handler.h"
#include "api/name.h"
#include "base/limits.h"
#include "catalog/change_reshard.h"
#include "catalog/uniform.h"

struct resharding {
    struct request *request;
    struct slice name;
    struct catalog_change change;
    struct update_shard_count_out *out; /* NULL: an empty reply */
};

static const struct model_stream *stream_to_reshard(struct request *request, struct slice name);
static const struct model_shard *shard_of(struct request *request,
                                          const struct model_stream *stream, uint32_t number);
static bool check_open(struct request *request, const struct model_stream *stream,
                       const struct model_shard *shard);
static void propose(struct request *request, const struct model_stream *stream,
                    const struct reshard_step steps[], uint32_t count,
                    struct update_shard_count_out *out);
static void propose_on_applied(struct catalog_change *change, enum err err);

/* ---- SplitShard ---- */

void split_shard_handle(struct request *request)
{
    const struct split_shard_in *in = request->in;
    const struct model_stream *stream;
    const struct model_shard *shard;
    struct slice name;
    uint32_t number;
    struct u128 key;
    char first[U128_TEXT_BYTES], last[U128_TEXT_BYTES], text[SHARD_NAME_BYTES];

    if (!request_fresh(request) ||
        !request_stream_name(request, in->has_stream_name ? &in->stream_name : NULL,
                             in->has_stream_arn ? &in->stream_arn : NULL, &name))
        return;
    if (!shard_name_parse(in->shard_to_split, &number)) {
        request_fail_no_shard(request, name, in->shard_to_split);
        return;
    }
    stream = stream_to_reshard(request, name);
    shard = stream == NULL ? NULL : shard_of(request, stream, number);
    if (shard == NULL || !check_open(request, stream, shard) || !account_check_shards(request, 1))
        return;
    if (u128_parse(in->new_starting_hash_key, &key) != ERR_OK ||
        key.v <= shard->hash_first.v + 1 || key.v >= shard->hash_last.v) {
        request_fail(request, ERROR_INVALID_ARGUMENT,
                     "NewStartingHashKey %.*s used in SplitShard() on shard %s in stream %s under "
                     "account %s is not both greater than one plus the shard's StartingHashKey %s "
                     "and less than the shard's EndingHashKey %s.",
                     (int)in->new_starting_hash_key.len,
                     (const char *)in->new_starting_hash_key.data,
                     shard_name_print(number, text), stream->name, request->account,
                     u128_print(shard->hash_first, first), u128_print(shard->hash_last, last));
        return;
    }
    struct reshard_step step = { .parents = { number }, .parent_count = 1, .middle = key };
    propose(request, stream, &step, 1, NULL);
}

/* ---- MergeShards ---- */

void merge_shards_handle(struct request *request)
{
    const struct merge_shards_in *in = request->in;
    const struct model_stream *stream;
    const struct model_shard *shard, *other = NULL;
    struct reshard_step step = { .parent_count = 2 };
    char text[SHARD_NAME_BYTES], other_text[SHARD_NAME_BYTES];
    struct slice name;

    if (!request_fresh(request) ||
        !request_stream_name(request, in->has_stream_name ? &in->stream_name : NULL,
                             in->has_stream_arn ? &in->stream_arn : NULL, &name))
        return;
    if (!shard_name_parse(in->shard_to_merge, &step.parents[0])) {
        request_fail_no_shard(request, name, in->shard_to_merge);
        return;
    }
    if (!shard_name_parse(in->adjacent_shard_to_merge, &step.parents[1])) {
        request_fail_no_shard(request, name, in->adjacent_shard_to_merge);
        return;
    }
    stream = stream_to_reshard(request, name);
    shard = stream == NULL ? NULL : shard_of(request, stream, step.parents[0]);
    if (shard != NULL)
        other = shard_of(request, stream, step.parents[1]);
    if (other == NULL || !check_open(request, stream, shard) ||
        !check_open(request, stream, other))
        return;
    if (shard->hash_last.v + 1 != other->hash_first.v || other->hash_first.v == 0) {
        request_fail(request, ERROR_INVALID_ARGUMENT,
                     "Shards %s and %s in stream %s under account %s are not an adjacent pair of "
                     "shards eligible for merging", shard_name_print(shard->number, text),
                     shard_name_print(other->number, other_text), stream->name,
                     request->account);
        return;
    }
    propose(request, stream, &step, 1, NULL);
}

/* ---- UpdateShardCount ---- */

/* All rounds of it must find a place: half of the way it would refuse all else.  False: the
 * request has failed. */
static bool check_rows(struct request *request, const struct model_stream *stream, uint32_t target)
{
    uint32_t count = stream->open_count, twice = 2 * count;
    uint32_t children = target == count  ? 0
                        : target > count ? twice + (twice - target)
                                         : count - target;

    if (stream->shard_count + children <= STREAM_SHARDS_MAX)
        return true;
    request_fail(request, ERROR_LIMIT_EXCEEDED,
                 "Stream %s has %u shards with those that are closed, and %u more would come "
                 "on the way to %u; %u are possible. Closed ones go when retention is over.",
                 stream->name, stream->shard_count, children, target, STREAM_SHARDS_MAX);
    return false;
}

static bool check_target(struct request *request, const struct model_stream *stream,
                         uint32_t target)
{
    uint32_t count = stream->open_count;

    uint32_t most = limit_up_to(
        control_stream_limit(request->api->world.control, stream, LIMIT_STREAM_SHARDS),
        STREAM_SHARDS_MAX);

    if (target > most) {
        request_fail(request, ERROR_LIMIT_EXCEEDED,
                     "TargetShardCount %u is more than the %u shards that a stream may have.",
                     target, most);
        return false;
    }
    if (target > 2 * count) {
        request_fail(request, ERROR_INVALID_ARGUMENT,
                     "UpdateShardCount cannot scale up over double your current open shard count. "
                     "Current open shard count: %u Target shard count: %u", count, target);
        return false;
    }
    if (2 * target < count) {
        request_fail(request, ERROR_INVALID_ARGUMENT,
                     "UpdateShardCount cannot scale down below half your current open shard "
                     "count. Current open shard count: %u Target shard count: %u", count, target);
        return false;
    }
    return check_rows(request, stream, target) &&
           (target <= count || account_check_shards(request, target - count));
}

/* The catalogue counts those that it has begun.  False: the request has failed. */
static bool check_often(struct request *request, const struct model_stream *stream)
{
    uint32_t most = control_stream_limit(request->api->world.control, stream, LIMIT_RESHARDS);

    if (limit_is_off(most) ||
        model_times_since(&model_settings(stream)->resharded, request->now_ms) < most)
        return true;
    request_fail(request, ERROR_LIMIT_EXCEEDED,
                 "UpdateShardCount has changed stream %s under account %s %u times within 24 "
                 "hours. Try again later.", stream->name, request->account, most);
    return false;
}

void update_shard_count_handle(struct request *request)
{
    const struct update_shard_count_in *in = request->in;
    uint32_t target = (uint32_t)in->target_shard_count, count = 0;
    const struct model_stream *stream;
    struct reshard_step *steps = NULL;
    struct slice name;
    bool ok = true;

    if (!request_fresh(request) ||
        !request_stream_name(request, in->has_stream_name ? &in->stream_name : NULL,
                             in->has_stream_arn ? &in->stream_arn : NULL, &name))
        return;
    stream = stream_to_reshard(request, name);
    if (stream == NULL || !check_target(request, stream, target))
        return;
    struct update_shard_count_out *out = request_take(request, sizeof(*out));
    if (out == NULL)
        return;
    wire_set(out, stream_name, describe_text(request, stream->name, &ok));
    wire_set(out, stream_arn, describe_arn(request, stream->name, &ok));
    wire_set(out, current_shard_count, (int32_t)stream->open_count);
    wire_set(out, target_shard_count, (int32_t)target);
    if (!ok) {
        request_fail_err(request, ERR_NO_MEMORY, NULL);
        return;
    }
    if (!uniform_steps(stream, target, &steps, &count)) {
        request_reply(request, out); /* it has as many */
        return;
    }
    if (check_often(request, stream))
        propose(request, stream, steps, count, out);
    free(steps);
}

/* ---- what they have in common ---- */

/* NULL: the request has failed. */
static const struct model_stream *stream_to_reshard(struct request *request, struct slice name)
{
    const struct model_stream *stream = request_stream(request, name);

    if (stream == NULL)
        return NULL;
    if (stream->status != STREAM_ACTIVE) {
        request_fail_state(request, stream);
        return NULL;
    }
    if (stream->mode == STREAM_ON_DEMAND) {
        request_fail(request, ERROR_VALIDATION,
                     "Request is invalid. Stream %s under account %s is in On-Demand mode.",
                     stream->name, request->account);
        return NULL;
    }
    return stream;
}

/* NULL: the request has failed. */
static const struct model_shard *shard_of(struct request *request,
                                          const struct model_stream *stream, uint32_t number)
{
    const struct model_shard *shard = model_shard_by_number(stream, number);
    char name[SHARD_NAME_BYTES];

    if (shard == NULL)
        request_fail_no_shard(request, slice_text(stream->name),
                              slice_text(shard_name_print(number, name)));
    return shard;
}

/* False: the request has failed. */
static bool check_open(struct request *request, const struct model_stream *stream,
                       const struct model_shard *shard)
{
    char name[SHARD_NAME_BYTES];

    if (shard->state == SHARD_OPEN)
        return true;
    request_fail(request, ERROR_INVALID_ARGUMENT,
                 "Shard %s in stream %s under account %s has already been merged or split, and "
                 "thus is not eligible for merging or splitting.",
                 shard_name_print(shard->number, name), stream->name, request->account);
    return false;
}

static void propose(struct request *request, const struct model_stream *stream,
                    const struct reshard_step steps[], uint32_t count,
                    struct update_shard_count_out *out)
{
    struct resharding *resharding = request_take(request, sizeof(*resharding));

    if (resharding == NULL)
        return;
    resharding->request = request;
    resharding->name = request_text(request, "%s", stream->name);
    resharding->out = out;
    AUTO_UNREF struct buf *change =
        change_begin_reshard(request_stamp(request), stream, steps, count,
                             out == NULL ? 0 : (uint32_t)out->target_shard_count, out != NULL);
    if (change == NULL) {
        request_fail_err(request, ERR_NO_MEMORY, NULL);
        return;
    }
    catalog_change(control_catalog(request->api->world.control), &resharding->change,
                   buf_slice(change), API_CHANGE_TIMEOUT_MS, propose_on_applied);
}

/* Somebody else may have been quicker: then it is as if this request had come a moment later. */
static void propose_on_applied(struct catalog_change *change, enum err err)
{
    struct resharding *resharding = container_of(change, struct resharding, change);
    struct request *request = resharding->request;
    const struct model_stream *stream =
        model_stream_by_name(request_model(request), resharding->name);

    if (err == ERR_OK)
        request_reply(request, resharding->out);
    else if (err == ERR_NOT_FOUND || stream == NULL)
        request_fail_stream(request, resharding->name);
    else if ((err == ERR_EXISTS || err == ERR_CLOSED) && stream->status != STREAM_ACTIVE)
        request_fail_state(request, stream);
    else if (err == ERR_EXISTS || err == ERR_BUSY)
        request_fail(request, ERROR_LIMIT_EXCEEDED, "%s", change->reason.text);
    else
        request_fail_err(request, err, &change->reason);
}

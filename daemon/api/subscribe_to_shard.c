#include "api/consumer.h"
#include "api/name.h"
#include "api/subscription.h"
#include "base/limits.h"
#include "shard/seqno.h"

struct subscribing {
    struct request *request;
    struct slice stream, consumer;
    char shard[SHARD_NAME_BYTES];
    struct route_locate locate;
    struct route_grant grant;
    struct subscription *subscription;
};

static bool check_consumer(struct request *request, const struct model_stream *stream,
                           const struct model_consumer *consumer);
static bool take_position(struct request *request, const struct model_shard *shard,
                          struct route_locate *locate);
static bool take_number(struct request *request, const struct model_shard *shard,
                        struct route_locate *locate);
static bool take_time(struct request *request, struct route_locate *locate);
static void begin(struct request *request, struct subscribing *subscribing,
                  const struct subscription_wanted *wanted);
static void on_located(struct route_locate *route, enum err err);
static void on_granted(struct route_grant *req, enum err err);
static void release(struct request *request);

void subscribe_to_shard_handle(struct request *request)
{
    const struct subscribe_to_shard_in *in = request->in;
    struct subscribing *subscribing = request_take(request, sizeof(*subscribing));
    struct subscription_wanted wanted = { .in_ms = request->speaks_ms };
    struct consumer_named named;
    uint32_t number;

    if (subscribing == NULL || !consumer_named(request, NULL, NULL, &in->consumer_arn, &named))
        return;
    wanted.consumer = consumer_find(request, &named, &wanted.stream);
    if (wanted.consumer == NULL || !check_consumer(request, wanted.stream, wanted.consumer))
        return;
    if (!shard_name_parse(in->shard_id, &number)) {
        request_fail_no_shard(request, named.stream, in->shard_id);
        return;
    }
    shard_name_print(number, subscribing->shard);
    wanted.shard = model_shard_by_number(wanted.stream, number);
    if (wanted.shard == NULL) {
        request_fail_shard(request, named.stream, slice_text(subscribing->shard));
        return;
    }
    if (!take_position(request, wanted.shard, &subscribing->locate))
        return;
    if (in->has_dry_run && in->dry_run) {
        request_fail_dry_run(request);
        return;
    }
    subscribing->request = request;
    subscribing->stream = named.stream;
    subscribing->consumer = named.name;
    begin(request, subscribing, &wanted);
}

/* False: the request has failed. */
static bool check_consumer(struct request *request, const struct model_stream *stream,
                           const struct model_consumer *consumer)
{
    if (stream->status != STREAM_DELETING)
        return true;
    request_fail(request, ERROR_RESOURCE_IN_USE,
                 "Consumer %s with creation timestamp %llu under stream: %s , account %s is not "
                 "in ACTIVE status.", consumer->name,
                 (unsigned long long)(consumer->created_ms / 1000), stream->name,
                 request->account);
    return false;
}

/* ---- where ---- */

/* False: the request has failed. */
static bool take_position(struct request *request, const struct model_shard *shard,
                          struct route_locate *locate)
{
    const struct subscribe_to_shard_in *in = request->in;

    *locate = (struct route_locate){ .group = shard->group };
    switch (in->starting_position.type.value) {
    case WIRE_ITERATOR_TRIM_HORIZON:
        locate->type = LOCATE_TRIM_HORIZON;
        return true;
    case WIRE_ITERATOR_AT_TIMESTAMP:
        locate->type = LOCATE_AT_TIMESTAMP;
        return take_time(request, locate);
    case WIRE_ITERATOR_AT_SEQUENCE_NUMBER:
        locate->type = LOCATE_AT_SEQUENCE_NUMBER;
        return take_number(request, shard, locate);
    case WIRE_ITERATOR_AFTER_SEQUENCE_NUMBER:
        locate->type = LOCATE_AFTER_SEQUENCE_NUMBER;
        return take_number(request, shard, locate);
    default:
        locate->type = LOCATE_LATEST;
        return true;
    }
}

/* False: the request has failed. */
static bool take_number(struct request *request, const struct model_shard *shard,
                        struct route_locate *locate)
{
    const struct subscribe_to_shard_in *in = request->in;
    const struct starting_position *position = &in->starting_position;
    struct slice number = position->sequence_number;
    struct seqno_shard found;

    if (!position->has_sequence_number) {
        request_fail(request, ERROR_INVALID_ARGUMENT,
                     "Must specify SequenceNumber in a StartingPosition of type "
                     "AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER.");
        return false;
    }
    if (seqno_parse(number, &found, &locate->seqno) == ERR_OK && found.shard == shard->number &&
        found.created_s == shard->created_s)
        return true;
    request_fail(request, ERROR_INVALID_ARGUMENT,
                 "SequenceNumber %.*s used in SubscribeToShard on shard %.*s under account %s is "
                 "invalid because it did not come from this shard.", (int)number.len,
                 (const char *)number.data, (int)in->shard_id.len,
                 (const char *)in->shard_id.data, request->account);
    return false;
}

/* False: the request has failed. */
static bool take_time(struct request *request, struct route_locate *locate)
{
    const struct subscribe_to_shard_in *in = request->in;
    const struct starting_position *position = &in->starting_position;

    if (!position->has_timestamp_ms) {
        request_fail(request, ERROR_INVALID_ARGUMENT,
                     "Must specify Timestamp in a StartingPosition of type AT_TIMESTAMP.");
        return false;
    }
    if (position->timestamp_ms > 0 && (uint64_t)position->timestamp_ms > request->now_ms) {
        request_fail(request, ERROR_INVALID_ARGUMENT,
                     "The timestampInMillis parameter cannot be greater than the "
                     "currentTimestampInMillis. timestampInMillis: %lld, "
                     "currentTimestampInMillis: %llu", (long long)position->timestamp_ms,
                     (unsigned long long)request->now_ms);
        return false;
    }
    locate->time_ms = position->timestamp_ms > 0 ? (uint64_t)position->timestamp_ms : 0;
    return true;
}

/* ---- the subscription ---- */

/* Where it begins is asked first: a subscription that was granted begins. */
static void begin(struct request *request, struct subscribing *subscribing,
                  const struct subscription_wanted *wanted)
{
    enum err err =
        subscription_new(&subscribing->subscription, request->api, wanted);

    if (err == ERR_BUSY) {
        request_fail(request, ERROR_LIMIT_EXCEEDED,
                     "This node has %u subscriptions already. Subscribe at another one.",
                     SUBSCRIPTIONS_MAX);
        return;
    }
    if (err != ERR_OK) {
        request_fail_err(request, err, NULL);
        return;
    }
    request->state = subscribing;
    request->release = release;
    subscribing->grant.ask =
        (struct grant_ask){ .group = wanted->shard->group,
                            .consumer = wanted->consumer->id,
                            .token = subscription_token(subscribing->subscription) };
    route_locate(request->api->world.route, &subscribing->locate, on_located);
}

static void release(struct request *request)
{
    struct subscribing *subscribing = request->state;

    subscription_free(subscribing->subscription);
}

static void on_located(struct route_locate *route, enum err err)
{
    struct subscribing *subscribing = container_of(route, struct subscribing, locate);
    struct request *request = subscribing->request;

    if (err == ERR_OK)
        route_grant(request->api->world.route, &subscribing->grant, on_granted);
    else if (err == ERR_CLOSED)
        request_fail_shard(request, subscribing->stream, slice_text(subscribing->shard));
    else
        request_fail_err(request, err, &route->reason);
}

static void on_granted(struct route_grant *req, enum err err)
{
    struct subscribing *subscribing = container_of(req, struct subscribing, grant);
    struct request *request = subscribing->request;

    if (err == ERR_OK) {
        subscription_begin(subscribing->subscription, subscribing->locate.position);
        request->subscription = subscribing->subscription;
        subscribing->subscription = NULL;
        request_reply(request, NULL);
    } else if (err == ERR_EXISTS) {
        request_fail(request, ERROR_RESOURCE_IN_USE,
                     "Another active subscription exists for this consumer: %s:%.*s:%s:%.*s",
                     request->account, (int)subscribing->stream.len,
                     (const char *)subscribing->stream.data, subscribing->shard,
                     (int)subscribing->consumer.len, (const char *)subscribing->consumer.data);
    } else if (err == ERR_BUSY && req->throttled) {
        const struct subscribe_to_shard_in *in = request->in;
        request_fail(request, ERROR_LIMIT_EXCEEDED, "Rate exceeded for consumer %.*s and shard %s",
                     (int)in->consumer_arn.len, (const char *)in->consumer_arn.data,
                     subscribing->shard);
    } else if (err == ERR_BUSY) {
        request_fail(request, ERROR_LIMIT_EXCEEDED,
                     "The leader of this shard has %u subscriptions already. Try again later.",
                     GRANTS_MAX);
    } else if (err == ERR_CLOSED) {
        request_fail_shard(request, subscribing->stream, slice_text(subscribing->shard));
    } else {
        request_fail_err(request, err, &req->reason);
    }
}

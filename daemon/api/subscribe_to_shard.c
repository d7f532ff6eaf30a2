#include "api/beginning.h"
#include "api/consumer.h"
#include "api/name.h"
#include "api/subscription.h"
#include "base/limits.h"
#include "shard/seqno.h"

struct subscribing {
    struct request *request;
    struct slice stream, consumer;
    uint32_t shard;
    struct route_locate locate;
    struct route_grant grant;
    struct subscription *subscription;
};

static bool take_position(struct request *request, const struct model_shard *shard,
                          struct route_locate *locate);
static bool take_number(struct request *request, const struct model_shard *shard,
                        struct route_locate *locate);
static bool take_time(struct request *request, struct route_locate *locate);
static void begin(struct request *request, struct subscribing *subscribing,
                  const struct subscription_wanted *wanted);
static void on_located(struct route_locate *route, enum err err);
static void on_granted(struct route_grant *req, enum err err);
static void fail_grant(struct subscribing *subscribing, enum err err);
static void release(struct request *request);

void subscribe_to_shard_handle(struct request *request)
{
    const struct subscribe_to_shard_in *in = request->in;
    struct subscribing *subscribing = request_take(request, sizeof(*subscribing));
    struct subscription_wanted wanted = { .in_ms = request->speaks_ms };
    struct consumer_named named;

    if (subscribing == NULL || !consumer_named(request, NULL, NULL, &in->consumer_arn, &named))
        return;
    wanted.consumer = consumer_find(request, &named, &wanted.stream);
    if (wanted.consumer == NULL || !consumer_active(request, wanted.stream, wanted.consumer))
        return;
    wanted.shard = beginning_shard(request, named.stream, wanted.stream, in->shard_id);
    if (wanted.shard == NULL)
        return;
    if (!take_position(request, wanted.shard, &subscribing->locate))
        return;
    if (in->has_dry_run && in->dry_run) {
        request_fail_dry_run(request);
        return;
    }
    subscribing->request = request;
    subscribing->shard = wanted.shard->number;
    subscribing->stream = named.stream;
    subscribing->consumer = named.name;
    begin(request, subscribing, &wanted);
}

/* ---- where ---- */

/* False: the request has failed. */
static bool take_position(struct request *request, const struct model_shard *shard,
                          struct route_locate *locate)
{
    const struct subscribe_to_shard_in *in = request->in;

    *locate = (struct route_locate){ .group = shard->group,
                                     .type = beginning_type(in->starting_position.type.value) };
    if (locate->type == LOCATE_AT_TIMESTAMP)
        return take_time(request, locate);
    if (locate->type == LOCATE_AT_SEQUENCE_NUMBER || locate->type == LOCATE_AFTER_SEQUENCE_NUMBER)
        return take_number(request, shard, locate);
    return true;
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
    return beginning_time(request, position->timestamp_ms, locate);
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
    else
        beginning_fail(request, err, route, subscribing->stream, subscribing->shard);
}

static void on_granted(struct route_grant *req, enum err err)
{
    struct subscribing *subscribing = container_of(req, struct subscribing, grant);
    struct request *request = subscribing->request;

    if (err != ERR_OK) {
        fail_grant(subscribing, err);
        return;
    }
    subscription_begin(subscribing->subscription, subscribing->locate.position);
    request->subscription = subscribing->subscription;
    subscribing->subscription = NULL;
    request_reply(request, NULL);
}

static void fail_grant(struct subscribing *subscribing, enum err err)
{
    struct request *request = subscribing->request;
    const struct subscribe_to_shard_in *in = request->in;
    char shard[SHARD_NAME_BYTES];

    shard_name_print(subscribing->shard, shard);
    if (err == ERR_EXISTS)
        request_fail(request, ERROR_RESOURCE_IN_USE,
                     "Another active subscription exists for this consumer: %s:%.*s:%s:%.*s",
                     request->account, (int)subscribing->stream.len,
                     (const char *)subscribing->stream.data, shard,
                     (int)subscribing->consumer.len, (const char *)subscribing->consumer.data);
    else if (err == ERR_BUSY && subscribing->grant.throttled)
        request_fail(request, ERROR_LIMIT_EXCEEDED, "Rate exceeded for consumer %.*s and shard %s",
                     (int)in->consumer_arn.len, (const char *)in->consumer_arn.data, shard);
    else if (err == ERR_BUSY)
        request_fail(request, ERROR_LIMIT_EXCEEDED,
                     "The leader of this shard has %u subscriptions already. Try again later.",
                     GRANTS_MAX);
    else if (err == ERR_CLOSED)
        request_fail_shard(request, subscribing->stream, slice_text(shard));
    else
        request_fail_err(request, err, &subscribing->grant.reason);
}

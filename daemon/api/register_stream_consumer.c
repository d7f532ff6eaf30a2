#include "api/consumer.h"
#include "api/describe.h"
#include "api/tags.h"
#include "base/limits.h"
#include "catalog/change_consumers.h"

struct registering {
    struct request *request;
    struct slice stream;
    struct slice name;
    struct catalog_change change;
};

static void propose(struct request *request, const struct model_stream *stream);
static void propose_on_applied(struct catalog_change *change, enum err err);
static void reply(struct registering *registering);
static uint32_t most_of(const struct request *request, const struct model_stream *stream);
static bool is_full(const struct request *request, const struct model_stream *stream);
static void fail_exists(struct request *request, struct slice stream);
static void fail_limit(struct request *request, const struct model_stream *stream);

void register_stream_consumer_handle(struct request *request)
{
    const struct register_stream_consumer_in *in = request->in;
    const struct model_stream *stream;
    struct slice name;

    if (!request_stream_name(request, NULL, &in->stream_arn, &name))
        return;
    stream = request_stream(request, name);
    if (stream == NULL)
        return;
    if (stream->status == STREAM_CREATING || stream->status == STREAM_DELETING)
        request_fail_state(request, stream);
    else if (model_consumer_by_name(stream, in->consumer_name) != NULL)
        fail_exists(request, name);
    else if (is_full(request, stream))
        fail_limit(request, stream);
    else
        propose(request, stream);
}

static uint32_t most_of(const struct request *request, const struct model_stream *stream)
{
    return limit_up_to(control_stream_limit(request->api->world.control, stream, LIMIT_CONSUMERS),
                       STREAM_CONSUMERS_MAX);
}

static bool is_full(const struct request *request, const struct model_stream *stream)
{
    return stream->consumer_count >= most_of(request, stream);
}

static void propose(struct request *request, const struct model_stream *stream)
{
    const struct register_stream_consumer_in *in = request->in;
    struct registering *registering = request_take(request, sizeof(*registering));
    const struct tags_owner owner = { .kind = "consumer", .name = in->consumer_name };
    const struct tags_of none = { .count = 0 };
    struct tags_of tags = none;
    const char *name;

    if (registering == NULL ||
        (in->has_tags && !tags_add(request, owner, none, &in->tags, &tags)))
        return;
    registering->request = request;
    registering->name = in->consumer_name;
    registering->stream = request_text(request, "%s", stream->name);
    name = arena_text(request->arena, in->consumer_name);
    AUTO_UNREF struct buf *change =
        name == NULL ? NULL
                     : change_register_consumer(request_stamp(request), stream->id, name,
                                                tags.items, tags.count, most_of(request, stream));
    if (change == NULL) {
        request_fail_err(request, ERR_NO_MEMORY, NULL);
        return;
    }
    catalog_change(control_catalog(request->api->world.control), &registering->change,
                   buf_slice(change), API_CHANGE_TIMEOUT_MS, propose_on_applied);
}

/* Somebody else may have been quicker: then it is as if this request had come a moment later. */
static void propose_on_applied(struct catalog_change *change, enum err err)
{
    struct registering *registering = container_of(change, struct registering, change);
    struct request *request = registering->request;
    const struct model_stream *stream =
        model_stream_by_name(request_model(request), registering->stream);

    if (err == ERR_OK)
        reply(registering);
    else if (err == ERR_NOT_FOUND || (err == ERR_CLOSED && stream == NULL))
        request_fail_stream(request, registering->stream);
    else if (err == ERR_CLOSED)
        request_fail_state(request, stream);
    else if (err == ERR_EXISTS)
        fail_exists(request, registering->stream);
    else if (err == ERR_BUSY && stream != NULL && is_full(request, stream))
        fail_limit(request, stream);
    else if (err == ERR_BUSY)
        request_fail(request, ERROR_LIMIT_EXCEEDED, "%s", change->reason.text);
    else
        request_fail_err(request, err, &change->reason);
}

/* AWS needs some seconds and says CREATING; whoever asks again is told that it is ACTIVE. */
static void reply(struct registering *registering)
{
    struct request *request = registering->request;
    const struct model_stream *stream =
        model_stream_by_name(request_model(request), registering->stream);
    const struct model_consumer *consumer =
        stream == NULL ? NULL : model_consumer_by_name(stream, registering->name);
    struct register_stream_consumer_out *out;
    bool ok = true;

    if (consumer == NULL) { /* and was deregistered again meanwhile */
        consumer_fail_gone(request, registering->name);
        return;
    }
    out = request_take(request, sizeof(*out));
    if (out == NULL)
        return;
    out->has_consumer = true;
    wire_set(&out->consumer, consumer_name, describe_text(request, consumer->name, &ok));
    wire_set(&out->consumer, consumer_arn, consumer_arn(request, stream, consumer, &ok));
    wire_set(&out->consumer, consumer_status, choice_of(WIRE_CONSUMER_CREATING));
    wire_set(&out->consumer, consumer_creation_timestamp_ms, (int64_t)consumer->created_ms);
    if (ok)
        request_reply(request, out);
    else
        request_fail_err(request, ERR_NO_MEMORY, NULL);
}

static void fail_exists(struct request *request, struct slice stream)
{
    const struct register_stream_consumer_in *in = request->in;

    request_fail(request, ERROR_RESOURCE_IN_USE,
                 "Consumer %.*s under stream %.*s already exists for account %s.",
                 (int)in->consumer_name.len, (const char *)in->consumer_name.data, (int)stream.len,
                 (const char *)stream.data, request->account);
}

static void fail_limit(struct request *request, const struct model_stream *stream)
{
    request_fail(request, ERROR_LIMIT_EXCEEDED,
                 "Failed to register consumer for stream %s under account %s because a given "
                 "stream cannot have more than %u consumers registered with it.",
                 stream->name, request->account, most_of(request, stream));
}

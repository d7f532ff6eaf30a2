#include "api/consumer.h"

#include <inttypes.h>

#include "api/describe.h"
#include "api/name.h"

static bool same_consumer(const struct consumer_named *named, const struct slice *stream,
                          const struct slice *name)
{
    return (stream == NULL || slice_equal(*stream, named->stream)) &&
           (name == NULL || slice_equal(*name, named->name));
}

/* False: the request has failed. */
static bool take_stream(struct request *request, const struct slice *arn, struct slice *ret)
{
    return arn == NULL || request_stream_name(request, NULL, arn, ret);
}

bool consumer_named(struct request *request, const struct slice *stream_arn,
                    const struct slice *name, const struct slice *arn,
                    struct consumer_named *ret)
{
    struct slice stream = { .len = 0 };

    if (!take_stream(request, stream_arn, &stream))
        return false;
    *ret = (struct consumer_named){ .stream = stream };
    if (arn == NULL && (stream_arn == NULL || name == NULL)) {
        request_fail(request, ERROR_INVALID_ARGUMENT,
                     "Either ConsumerARN or both StreamARN and ConsumerName should be provided.");
        return false;
    }
    if (arn == NULL) {
        ret->name = ret->shown = *name;
        return true;
    }
    if (!consumer_arn_parse(*arn, &ret->stream, &ret->name, &ret->created_s)) {
        request_fail(request, ERROR_INVALID_ARGUMENT, "ConsumerARN is not the ARN of a consumer.");
        return false;
    }
    ret->has_created = true;
    ret->shown = *arn;
    if (!same_consumer(ret, stream_arn == NULL ? NULL : &stream, name)) {
        request_fail(request, ERROR_INVALID_ARGUMENT,
                     "ConsumerARN, StreamARN and ConsumerName name different consumers.");
        return false;
    }
    return true;
}

const struct model_consumer *consumer_find(struct request *request,
                                           const struct consumer_named *named,
                                           const struct model_stream **stream)
{
    const struct model_consumer *consumer;

    *stream = named->has_created ? model_stream_by_name(request_model(request), named->stream)
                                 : request_stream(request, named->stream);
    if (*stream == NULL) {
        if (named->has_created)
            consumer_fail_gone(request, named->shown);
        return NULL;
    }
    consumer = model_consumer_by_name(*stream, named->name);
    if (consumer != NULL &&
        (!named->has_created || consumer->created_ms / 1000 == named->created_s))
        return consumer;
    consumer_fail_gone(request, named->shown);
    return NULL;
}

const struct model_consumer *consumer_asked(struct request *request, struct consumer_named *named,
                                            const struct model_stream **stream)
{
    const struct one_consumer_in *in = request->in;

    return consumer_named(request, in->has_stream_arn ? &in->stream_arn : NULL,
                          in->has_consumer_name ? &in->consumer_name : NULL,
                          in->has_consumer_arn ? &in->consumer_arn : NULL, named)
               ? consumer_find(request, named, stream)
               : NULL;
}

bool consumer_active(struct request *request, const struct model_stream *stream,
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

void consumer_fail_gone(struct request *request, struct slice shown)
{
    request_fail(request, ERROR_RESOURCE_NOT_FOUND, "Consumer %.*s, account %s not found.",
                 (int)shown.len, (const char *)shown.data, request->account);
}

struct slice consumer_arn(struct request *request, const struct model_stream *stream,
                          const struct model_consumer *consumer, bool *ok)
{
    struct slice owner = describe_arn(request, stream->name, ok);
    const char *text =
        arena_printf(request->arena, "%.*s/consumer/%s:%" PRIu64, (int)owner.len,
                     (const char *)owner.data, consumer->name, consumer->created_ms / 1000);

    if (text == NULL)
        *ok = false;
    return text == NULL ? slice_of(NULL, 0) : slice_text(text);
}

struct choice consumer_status(const struct model_stream *stream)
{
    return choice_of(stream->status == STREAM_DELETING ? WIRE_CONSUMER_DELETING
                                                       : WIRE_CONSUMER_ACTIVE);
}

#include "api/calls.h"
#include "api/consumer.h"
#include "api/describe.h"

void describe_stream_consumer_handle(struct request *request)
{
    struct describe_stream_consumer_out *out = request_take(request, sizeof(*out));
    const struct model_consumer *consumer;
    const struct model_stream *stream;
    struct consumer_named named;
    bool ok = true;

    consumer = out == NULL ? NULL : consumer_asked(request, &named, &stream);
    if (consumer == NULL ||
        !calls_allow_of_stream(request, stream, LIMIT_DESCRIBE_CONSUMER_CALLS))
        return;

    struct consumer_description_out *description = &out->consumer_description;
    out->has_consumer_description = true;
    wire_set(description, consumer_name, describe_text(request, consumer->name, &ok));
    wire_set(description, consumer_arn, consumer_arn(request, stream, consumer, &ok));
    wire_set(description, consumer_status, consumer_status(stream));
    wire_set(description, consumer_creation_timestamp_ms, (int64_t)consumer->created_ms);
    wire_set(description, stream_arn, describe_arn(request, stream->name, &ok));
    if (ok)
        request_reply(request, out);
    else
        request_fail_err(request, ERR_NO_MEMORY, NULL);
}

#include "api/resource.h"

#include "api/consumer.h"

static bool is_consumer(struct slice arn)
{
    static const char mark[] = "/consumer/";

    return arn.len > 0 && memmem(arn.data, arn.len, mark, sizeof(mark) - 1) != NULL;
}

struct setting *resource_begin(struct request *request, const struct slice *arn)
{
    return is_consumer(*arn) ? setting_begin_consumer(request, arn)
                             : setting_begin(request, NULL, arn);
}

static bool look_at_consumer(struct request *request, const struct slice *arn,
                             struct resource *ret)
{
    const struct model_consumer *consumer;
    const struct model_stream *stream;
    struct consumer_named named;

    if (!consumer_named(request, NULL, NULL, arn, &named))
        return false;
    consumer = consumer_find(request, &named, &stream);
    if (consumer == NULL)
        return false;
    *ret = (struct resource){ .tags = { consumer->tags, consumer->tag_count },
                              .policy = consumer->policy };
    return true;
}

bool resource_look(struct request *request, const struct slice *arn, struct resource *ret)
{
    const struct model_stream *stream;
    struct slice name;

    if (!request_fresh(request))
        return false;
    if (is_consumer(*arn))
        return look_at_consumer(request, arn, ret);
    if (!request_stream_name(request, NULL, arn, &name))
        return false;
    stream = request_stream(request, name);
    if (stream == NULL)
        return false;
    *ret = (struct resource){ .tags = { stream->tags, stream->tag_count },
                              .policy = model_settings(stream)->policy };
    return true;
}

#include "api/resource.h"

#include "api/consumer.h"

static bool is_consumer(struct slice arn)
{
    static const char mark[] = "/consumer/";

    return arn.len > 0 && memmem(arn.data, arn.len, mark, sizeof(mark) - 1) != NULL;
}

static void refuse_consumer(struct request *request, const struct slice *arn)
{
    const struct model_stream *stream = NULL;
    struct consumer_named named;

    if (consumer_named(request, NULL, NULL, arn, &named) &&
        consumer_find(request, &named, &stream) != NULL)
        request_fail(request, ERROR_INVALID_ARGUMENT,
                     "Tags and policies of consumers are not available for account %s.",
                     request->account);
}

struct setting *resource_begin(struct request *request, const struct slice *arn)
{
    if (!is_consumer(*arn))
        return setting_begin(request, NULL, arn);
    if (request_fresh(request))
        refuse_consumer(request, arn);
    return NULL;
}

const struct model_stream *resource_stream(struct request *request, struct slice arn)
{
    struct slice name;

    if (!request_fresh(request))
        return NULL;
    if (is_consumer(arn)) {
        refuse_consumer(request, &arn);
        return NULL;
    }
    return request_stream_name(request, NULL, &arn, &name) ? request_stream(request, name) : NULL;
}

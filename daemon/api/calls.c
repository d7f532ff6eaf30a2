#include "api/calls.h"

#include "api/name.h"
#include "api/rate.h"

/* What is counted for the account; 0, which is none of these: it is not. */
static const enum limit limits[OPERATION_COUNT] = {
    [OPERATION_create_stream] = LIMIT_CREATE_STREAM_CALLS,
    [OPERATION_delete_stream] = LIMIT_DELETE_STREAM_CALLS,
    [OPERATION_list_streams] = LIMIT_LIST_STREAMS_CALLS,
    [OPERATION_describe_stream] = LIMIT_DESCRIBE_STREAM_CALLS,
    [OPERATION_describe_stream_summary] = LIMIT_DESCRIBE_SUMMARY_CALLS,
    [OPERATION_describe_limits] = LIMIT_DESCRIBE_LIMITS_CALLS,
    [OPERATION_add_tags_to_stream] = LIMIT_ADD_TAGS_CALLS,
    [OPERATION_remove_tags_from_stream] = LIMIT_REMOVE_TAGS_CALLS,
    [OPERATION_list_tags_for_stream] = LIMIT_LIST_TAGS_CALLS,
    [OPERATION_split_shard] = LIMIT_SPLIT_SHARD_CALLS,
    [OPERATION_merge_shards] = LIMIT_MERGE_SHARDS_CALLS,
    [OPERATION_update_shard_count] = LIMIT_UPDATE_SHARD_COUNT_CALLS,
    [OPERATION_register_stream_consumer] = LIMIT_REGISTER_CONSUMER_CALLS,
    [OPERATION_describe_account_settings] = LIMIT_DESCRIBE_ACCOUNT_CALLS,
    [OPERATION_update_account_settings] = LIMIT_UPDATE_ACCOUNT_CALLS,
    [OPERATION_update_stream_warm_throughput] = LIMIT_WARM_THROUGHPUT_CALLS,
};

static bool take(struct request *request, enum limit limit, uint32_t per_s, uint64_t about)
{
    struct api *api = request->api;
    struct recent_key key = { .kind = limit, .about = about };

    if (request->counted)
        return true;
    request->counted = true;
    return limit_is_off(per_s) ||
           rates_take(&api->rates, key, per_s, clock_mono_ms(api->world.clock));
}

/* The member `name` of what came, a text; NULL: there is none. */
static const struct slice *text_of(const struct request *request, const char *name)
{
    const struct shape *in = request->operation->in;
    const char *at = request->in;

    for (uint32_t i = 0; i < in->member_count; i++) {
        const struct shape_member *member = &in->members[i];
        if (slice_equal(member->name, slice_text(name)) && *(const bool *)(at + member->has_at))
            return (const struct slice *)(const void *)(at + member->value_at);
    }
    return NULL;
}

static void fail_stream(struct request *request, struct slice stream)
{
    request_fail(request, ERROR_LIMIT_EXCEEDED, "Rate exceeded for stream %.*s under account %s.",
                 (int)stream.len, (const char *)stream.data, request->account);
}

bool calls_allow(struct request *request)
{
    enum limit limit = limits[request->operation - operation_at(0)];
    struct slice stream;

    if (limit == 0 ||
        take(request, limit, control_limit(request->api->world.control, limit), 0))
        return true;
    const struct slice *name = text_of(request, "StreamName");
    const struct slice *arn = text_of(request, "StreamARN");
    if (name != NULL)
        fail_stream(request, *name);
    else if (arn != NULL && stream_arn_parse(*arn, &stream))
        fail_stream(request, stream);
    else
        request_fail(request, ERROR_LIMIT_EXCEEDED, "Rate exceeded for account %s.",
                     request->account);
    return false;
}

bool calls_allow_of_stream(struct request *request, const struct model_stream *stream,
                           enum limit limit)
{
    uint32_t per_s = control_stream_limit(request->api->world.control, stream, limit);

    if (take(request, limit, per_s, stream->id))
        return true;
    fail_stream(request, slice_text(stream->name));
    return false;
}

bool calls_allow_of_shard(struct request *request, const struct model_stream *stream,
                          const struct model_shard *shard)
{
    uint32_t per_s =
        control_stream_limit(request->api->world.control, stream, LIMIT_ITERATOR_CALLS);

    if (take(request, LIMIT_ITERATOR_CALLS, per_s, shard->group))
        return true;
    request_fail_rate(request, shard->number, slice_text(stream->name));
    return false;
}

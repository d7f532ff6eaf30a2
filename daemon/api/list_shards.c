#include "api/calls.h"
#include "api/describe.h"
#include "api/name.h"
#include "api/page.h"
#include "api/shard_filter.h"
#include "base/bytes.h"
#include "base/limits.h"

#define SHARD_REPLY_BYTES 320u /* of JSON, about */

/* What a page token holds. */
#define CONTENT_BYTES 25u

struct listing {
    const struct model_stream *stream;
    struct shard_filter filter;
    uint32_t after; /* the last shard of the page before, when `has_after` */
    bool has_after;
};

static bool start_of_token(struct request *request, struct listing *listing);
static bool start_of_stream(struct request *request, struct listing *listing);
static bool take_filter(struct request *request, struct slice stream, struct shard_filter *ret);
static bool take_shard_id(struct request *request, struct slice stream, struct slice shard,
                          uint32_t *ret);
static const char *beside_token(const struct list_shards_in *in);
static void reply(struct request *request, const struct listing *listing);
static bool set_token(struct request *request, const struct listing *listing, uint32_t after,
                      struct list_shards_out *out);

void list_shards_handle(struct request *request)
{
    const struct list_shards_in *in = request->in;
    struct listing listing = { .stream = NULL };

    if (in->has_next_token ? !start_of_token(request, &listing)
                           : !start_of_stream(request, &listing))
        return;
    if (!calls_allow_of_stream(request, listing.stream, LIMIT_LIST_SHARDS_CALLS))
        return;
    if (listing.stream->status == STREAM_CREATING || listing.stream->status == STREAM_DELETING)
        request_fail_state(request, listing.stream);
    else
        reply(request, &listing);
}

/* False: the request has failed. */
static bool start_of_token(struct request *request, struct listing *listing)
{
    const struct list_shards_in *in = request->in;
    const char *beside = beside_token(in);
    unsigned char room[TOKEN_BYTES_MAX];
    struct slice content;

    if (beside != NULL) {
        request_fail(request, ERROR_INVALID_ARGUMENT,
                     "NextToken and %s cannot be provided together.", beside);
        return false;
    }
    if (!page_open(request, TOKEN_SHARDS, in->next_token, room, &content))
        return false;

    struct reader reader = reader_of(content);
    uint64_t stream = reader_u64(&reader);
    uint8_t type;
    listing->after = reader_u32(&reader);
    listing->has_after = true;
    type = reader_u8(&reader);
    listing->filter.after = reader_u32(&reader);
    listing->filter.time_ms = reader_u64(&reader);
    if (!reader_done(&reader) || type >= FILTER_TYPES) {
        request_fail(request, ERROR_INVALID_ARGUMENT, "Invalid NextToken.");
        return false;
    }
    listing->filter.type = (enum shard_filter_type)type;
    listing->stream = model_stream_by_id(request_model(request), stream);
    if (listing->stream == NULL)
        request_fail(request, ERROR_RESOURCE_NOT_FOUND, "The stream of NextToken is gone.");
    return listing->stream != NULL;
}

/* False: the request has failed. */
static bool start_of_stream(struct request *request, struct listing *listing)
{
    const struct list_shards_in *in = request->in;
    struct slice name;

    if (!in->has_stream_name && !in->has_stream_arn) {
        request_fail(request, ERROR_INVALID_ARGUMENT,
                     "Either NextToken or StreamName should be provided.");
        return false;
    }
    if (!request_stream_name(request, in->has_stream_name ? &in->stream_name : NULL,
                             in->has_stream_arn ? &in->stream_arn : NULL, &name))
        return false;
    if (in->has_exclusive_start_shard_id &&
        !take_shard_id(request, name, in->exclusive_start_shard_id, &listing->after))
        return false;
    if (in->has_shard_filter && !take_filter(request, name, &listing->filter))
        return false;
    listing->has_after = in->has_exclusive_start_shard_id;
    listing->stream = request_stream(request, name);
    return listing->stream != NULL &&
           (!in->has_stream_creation_timestamp_ms ||
            request_stream_created(request, listing->stream, in->stream_creation_timestamp_ms));
}

/* False: the request has failed. */
static bool take_filter(struct request *request, struct slice stream, struct shard_filter *ret)
{
    static const enum shard_filter_type types[] = {
        [WIRE_FILTER_AFTER_SHARD_ID] = FILTER_AFTER_SHARD_ID,
        [WIRE_FILTER_AT_TRIM_HORIZON] = FILTER_AT_TRIM_HORIZON,
        [WIRE_FILTER_FROM_TRIM_HORIZON] = FILTER_FROM_TRIM_HORIZON,
        [WIRE_FILTER_AT_LATEST] = FILTER_AT_LATEST,
        [WIRE_FILTER_AT_TIMESTAMP] = FILTER_AT_TIMESTAMP,
        [WIRE_FILTER_FROM_TIMESTAMP] = FILTER_FROM_TIMESTAMP,
    };
    const struct list_shards_in *in = request->in;
    const struct shard_filter_in *filter = &in->shard_filter;

    ret->type = types[filter->type.value];
    if (ret->type == FILTER_AFTER_SHARD_ID) {
        if (!filter->has_shard_id) {
            request_fail(request, ERROR_INVALID_ARGUMENT,
                         "ShardId must be provided in a ShardFilter of type AFTER_SHARD_ID.");
            return false;
        }
        return take_shard_id(request, stream, filter->shard_id, &ret->after);
    }
    if (ret->type == FILTER_AT_TIMESTAMP || ret->type == FILTER_FROM_TIMESTAMP) {
        if (!filter->has_timestamp_ms) {
            request_fail(request, ERROR_INVALID_ARGUMENT,
                         "Timestamp must be provided in a ShardFilter of type AT_TIMESTAMP or "
                         "FROM_TIMESTAMP.");
            return false;
        }
        ret->time_ms = filter->timestamp_ms > 0 ? (uint64_t)filter->timestamp_ms : 0;
    }
    return true;
}

/* False: the request has failed. */
static bool take_shard_id(struct request *request, struct slice stream, struct slice shard,
                          uint32_t *ret)
{
    if (shard_name_parse(shard, ret))
        return true;
    request_fail_no_shard(request, stream, shard);
    return false;
}

/* The first member that may not stand beside NextToken; NULL: there is none. */
static const char *beside_token(const struct list_shards_in *in)
{
    if (in->has_stream_name)
        return "StreamName";
    if (in->has_stream_arn)
        return "StreamARN";
    if (in->has_exclusive_start_shard_id)
        return "ExclusiveStartShardId";
    if (in->has_stream_creation_timestamp_ms)
        return "StreamCreationTimestamp";
    if (in->has_shard_filter)
        return "ShardFilter";
    return NULL;
}

static void reply(struct request *request, const struct listing *listing)
{
    const struct list_shards_in *in = request->in;
    const struct model_stream *stream = listing->stream;
    uint32_t limit = in->has_max_results ? (uint32_t)in->max_results : SHARDS_PAGE_DEFAULT;
    uint32_t from = listing->has_after ? shards_after(stream, listing->after) : 0;
    uint32_t left = stream->shard_count - from, count = 0;
    struct list_shards_out *out = request_take(request, sizeof(*out));
    struct shard_out *items =
        out == NULL ? NULL
                    : request_take(request, ((left < limit ? left : limit) + 1) * sizeof(*items));

    if (items == NULL)
        return;
    for (uint32_t at = from; at < stream->shard_count; at++) {
        const struct model_shard *shard = &stream->shards[at];

        if (!describe_passes(request, &listing->filter, stream, shard))
            continue;
        if (count == limit) {
            if (!set_token(request, listing, stream->shards[at - 1].number, out))
                return;
            break;
        }
        if (!describe_shard(request, shard, &items[count++]))
            return;
    }
    wire_set(out, shards, (struct shard_out_list){ .items = items, .count = count });
    request->reply_bytes = (size_t)count * SHARD_REPLY_BYTES;
    request_reply(request, out);
}

/* False: the request has failed. */
static bool set_token(struct request *request, const struct listing *listing, uint32_t after,
                      struct list_shards_out *out)
{
    unsigned char content[CONTENT_BYTES];

    put_u64(content, listing->stream->id);
    put_u32(content + 8, after);
    content[12] = (unsigned char)listing->filter.type;
    put_u32(content + 13, listing->filter.after);
    put_u64(content + 17, listing->filter.time_ms);
    out->has_next_token = true;
    return page_token(request, TOKEN_SHARDS, slice_of(content, sizeof(content)),
                      &out->next_token);
}

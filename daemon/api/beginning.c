#include "api/beginning.h"

#include "api/name.h"

const struct model_shard *beginning_shard(struct request *request, struct slice stream_name,
                                          const struct model_stream *stream,
                                          struct slice shard_id)
{
    const struct model_shard *shard = NULL;
    char name[SHARD_NAME_BYTES];
    uint32_t number;

    if (!shard_name_parse(shard_id, &number)) {
        request_fail_no_shard(request, stream_name, shard_id);
        return NULL;
    }
    if (stream != NULL && stream->status != STREAM_CREATING)
        shard = model_shard_by_number(stream, number);
    if (shard != NULL && shard->state != SHARD_OPENING)
        return shard;
    request_fail_shard(request, stream_name, slice_text(shard_name_print(number, name)));
    return NULL;
}

enum locate_type beginning_type(int type)
{
    switch (type) {
    case WIRE_ITERATOR_TRIM_HORIZON:
        return LOCATE_TRIM_HORIZON;
    case WIRE_ITERATOR_AT_SEQUENCE_NUMBER:
        return LOCATE_AT_SEQUENCE_NUMBER;
    case WIRE_ITERATOR_AFTER_SEQUENCE_NUMBER:
        return LOCATE_AFTER_SEQUENCE_NUMBER;
    case WIRE_ITERATOR_AT_TIMESTAMP:
        return LOCATE_AT_TIMESTAMP;
    default:
        return LOCATE_LATEST;
    }
}

bool beginning_time(struct request *request, int64_t timestamp_ms, struct route_locate *locate)
{
    if (timestamp_ms > 0 && (uint64_t)timestamp_ms > request->now_ms) {
        request_fail(request, ERROR_INVALID_ARGUMENT,
                     "The timestampInMillis parameter cannot be greater than the "
                     "currentTimestampInMillis. timestampInMillis: %lld, "
                     "currentTimestampInMillis: %llu", (long long)timestamp_ms,
                     (unsigned long long)request->now_ms);
        return false;
    }
    locate->time_ms = timestamp_ms > 0 ? (uint64_t)timestamp_ms : 0;
    return true;
}

void beginning_fail(struct request *request, enum err err, const struct route_locate *locate,
                    struct slice stream_name, uint32_t shard)
{
    char name[SHARD_NAME_BYTES];

    if (err == ERR_CLOSED)
        request_fail_shard(request, stream_name, slice_text(shard_name_print(shard, name)));
    else if (err == ERR_BUSY)
        request_fail_full(request); /* finding a place has no limit */
    else
        request_fail_err(request, err, &locate->reason);
}

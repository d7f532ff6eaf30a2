#include "api/shard_filter.h"

static uint64_t horizon_ms(const struct model_stream *stream, uint64_t hidden_ms);
static bool begins_by(const struct model_shard *shard, uint64_t time_ms);
static bool ends_behind(const struct model_shard *shard, uint64_t time_ms);

bool shard_filter_passes(const struct shard_filter *filter, const struct model_stream *stream,
                         const struct model_shard *shard, uint64_t hidden_ms)
{
    uint64_t horizon = horizon_ms(stream, hidden_ms);
    uint64_t time_ms = filter->time_ms > horizon ? filter->time_ms : horizon;

    if (shard->state == SHARD_OPENING || !ends_behind(shard, horizon))
        return false;
    switch (filter->type) {
    case FILTER_AFTER_SHARD_ID:
        return shard->number > filter->after;
    case FILTER_AT_TRIM_HORIZON:
        return begins_by(shard, horizon);
    case FILTER_AT_TIMESTAMP:
        return begins_by(shard, time_ms) && ends_behind(shard, time_ms);
    case FILTER_FROM_TIMESTAMP:
        return ends_behind(shard, time_ms);
    case FILTER_AT_LATEST:
        return shard->state == SHARD_OPEN;
    case FILTER_FROM_TRIM_HORIZON:
    case FILTER_TYPES:
        break;
    }
    return true;
}

uint32_t shards_after(const struct model_stream *stream, uint32_t after)
{
    uint32_t low = 0, high = stream->shard_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (stream->shards[middle].number <= after)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The oldest time that a reader of this stream can see. */
static uint64_t horizon_ms(const struct model_stream *stream, uint64_t hidden_ms)
{
    uint64_t retention_ms = (uint64_t)stream->retention_hours * 3600 * 1000;
    uint64_t horizon = hidden_ms > retention_ms ? hidden_ms - retention_ms : 0;

    return horizon > stream->created_ms ? horizon : stream->created_ms;
}

/* Shards that came with the stream know their second only. */
static bool begins_by(const struct model_shard *shard, uint64_t time_ms)
{
    return shard->opened_ms != 0 ? shard->opened_ms <= time_ms
                                 : shard->created_s <= time_ms / 1000;
}

static bool ends_behind(const struct model_shard *shard, uint64_t time_ms)
{
    return shard->state != SHARD_CLOSED || shard->closed_ms >= time_ms;
}

#include "api/describe.h"
#include "api/name.h"
#include "api/shard_filter.h"
#include "base/limits.h"

void describe_stream_handle(struct request *request)
{
    const struct describe_stream_in *in = request->in;
    struct describe_stream_out *out = request_take(request, sizeof(*out));
    const struct model_stream *stream;
    uint32_t limit = SHARDS_DESCRIBED_MAX, after = 0, from = 0;
    struct slice name;
    bool ok = true, more = false;

    if (out == NULL ||
        !request_stream_name(request, in->has_stream_name ? &in->stream_name : NULL,
                             in->has_stream_arn ? &in->stream_arn : NULL, &name))
        return;
    if (in->has_exclusive_start_shard_id &&
        !shard_name_parse(in->exclusive_start_shard_id, &after)) {
        request_fail_no_shard(request, name, in->exclusive_start_shard_id);
        return;
    }
    stream = request_stream(request, name);
    if (stream == NULL)
        return;
    if (in->has_limit && (uint32_t)in->limit < limit)
        limit = (uint32_t)in->limit;
    if (in->has_exclusive_start_shard_id)
        from = shards_after(stream, after);
    if (stream->status == STREAM_CREATING)
        from = stream->shard_count;

    struct stream_description_out *description = &out->stream_description;
    out->has_stream_description = true;
    if (!describe_shards(request, stream, from, limit, &description->shards, &more) ||
        !describe_monitoring(request, stream, &description->enhanced_monitoring))
        return;
    description->has_shards = description->has_enhanced_monitoring = true;
    wire_set(description, has_more_shards, more);
    wire_set(description, stream_name, describe_text(request, stream->name, &ok));
    wire_set(description, stream_arn, describe_arn(request, stream->name, &ok));
    wire_set(description, stream_status, describe_status(stream->status));
    wire_set(description, stream_mode_details, describe_mode(stream->mode));
    wire_set(description, retention_period_hours, (int32_t)stream->retention_hours);
    wire_set(description, stream_creation_timestamp_ms, (int64_t)stream->created_ms);
    wire_set(description, encryption_type, describe_encryption(stream));
    if (model_settings(stream)->key_id != NULL)
        wire_set(description, key_id,
                 describe_text(request, model_settings(stream)->key_id, &ok));
    if (ok)
        request_reply(request, out);
    else
        request_fail_err(request, ERR_NO_MEMORY, NULL);
}

static void summary_set_settings(struct request *request, const struct model_stream *stream,
                                 struct stream_description_summary_out *summary, bool *ok)
{
    const struct model_settings *settings = model_settings(stream);

    if (settings->key_id != NULL)
        wire_set(summary, key_id, describe_text(request, settings->key_id, ok));
    if (settings->warm_mibps > 0)
        wire_set(summary, warm_throughput, describe_warm(settings));
    wire_set(summary, record_distribution_strategy,
             choice_of(settings->spreads ? WIRE_DISTRIBUTION_AUTO
                                         : WIRE_DISTRIBUTION_USER_PARTITION_KEY));
}

void describe_stream_summary_handle(struct request *request)
{
    const struct describe_stream_summary_in *in = request->in;
    struct describe_stream_summary_out *out = request_take(request, sizeof(*out));
    const struct model_stream *stream;
    struct slice name;
    bool ok = true;

    if (out == NULL ||
        !request_stream_name(request, in->has_stream_name ? &in->stream_name : NULL,
                             in->has_stream_arn ? &in->stream_arn : NULL, &name))
        return;
    stream = request_stream(request, name);
    if (stream == NULL)
        return;

    struct stream_description_summary_out *summary = &out->stream_description_summary;
    out->has_stream_description_summary = true;
    if (!describe_monitoring(request, stream, &summary->enhanced_monitoring))
        return;
    summary->has_enhanced_monitoring = true;
    wire_set(summary, stream_name, describe_text(request, stream->name, &ok));
    wire_set(summary, stream_arn, describe_arn(request, stream->name, &ok));
    wire_set(summary, stream_status, describe_status(stream->status));
    wire_set(summary, stream_mode_details, describe_mode(stream->mode));
    wire_set(summary, retention_period_hours, (int32_t)stream->retention_hours);
    wire_set(summary, stream_creation_timestamp_ms, (int64_t)stream->created_ms);
    wire_set(summary, encryption_type, describe_encryption(stream));
    summary_set_settings(request, stream, summary, &ok);
    wire_set(summary, open_shard_count,
             stream->status == STREAM_CREATING ? 0 : (int32_t)stream->open_count);
    wire_set(summary, consumer_count, (int32_t)stream->consumer_count);
    wire_set(summary, max_record_size_in_kib, (int32_t)stream->record_kib_max);
    if (ok)
        request_reply(request, out);
    else
        request_fail_err(request, ERR_NO_MEMORY, NULL);
}

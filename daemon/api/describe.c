#include "api/describe.h"

#include "api/name.h"
#include "shard/seqno.h"

struct choice describe_status(enum stream_status status)
{
    switch (status) {
    case STREAM_CREATING:
        return choice_of(WIRE_STREAM_CREATING);
    case STREAM_ACTIVE:
        return choice_of(WIRE_STREAM_ACTIVE);
    case STREAM_UPDATING:
        return choice_of(WIRE_STREAM_UPDATING);
    case STREAM_DELETING:
        break;
    }
    return choice_of(WIRE_STREAM_DELETING);
}

struct stream_mode_details describe_mode(enum stream_mode mode)
{
    struct stream_mode_details details = { .has_stream_mode = true };

    details.stream_mode =
        choice_of(mode == STREAM_ON_DEMAND ? WIRE_MODE_ON_DEMAND : WIRE_MODE_PROVISIONED);
    return details;
}

bool describe_metrics(struct request *request, uint32_t monitoring, struct metrics_name_list *ret)
{
    static const int names[METRIC_COUNT] = {
        [METRIC_IN_BYTES] = WIRE_METRICS_IncomingBytes,
        [METRIC_IN_RECORDS] = WIRE_METRICS_IncomingRecords,
        [METRIC_OUT_BYTES] = WIRE_METRICS_OutgoingBytes,
        [METRIC_OUT_RECORDS] = WIRE_METRICS_OutgoingRecords,
        [METRIC_PUTS_REFUSED] = WIRE_METRICS_WriteProvisionedThroughputExceeded,
        [METRIC_READS_REFUSED] = WIRE_METRICS_ReadProvisionedThroughputExceeded,
        [METRIC_ITERATOR_AGE] = WIRE_METRICS_IteratorAgeMilliseconds,
    };
    struct choice *items = request_take(request, METRIC_COUNT * sizeof(*items));

    if (items == NULL)
        return false;
    *ret = (struct metrics_name_list){ .items = items };
    for (uint32_t i = 0; i < METRIC_COUNT; i++)
        if ((monitoring >> i & 1) != 0)
            items[ret->count++] = choice_of(names[i]);
    return true;
}

struct choice describe_encryption(const struct model_stream *stream)
{
    return choice_of(model_settings(stream)->key_id != NULL ? WIRE_ENCRYPTION_KMS
                                                            : WIRE_ENCRYPTION_NONE);
}

bool describe_monitoring(struct request *request, const struct model_stream *stream,
                         struct enhanced_metrics_out_list *ret)
{
    struct enhanced_metrics_out *item = request_take(request, sizeof(*item));

    if (item == NULL || !describe_metrics(request, model_settings(stream)->monitoring,
                                          &item->shard_level_metrics))
        return false;
    item->has_shard_level_metrics = true;
    *ret = (struct enhanced_metrics_out_list){ .items = item, .count = 1 };
    return true;
}

struct warm_throughput_out describe_warm(const struct model_settings *settings)
{
    struct warm_throughput_out warm = { .has_target_mibps = false };

    wire_set(&warm, target_mibps, (int32_t)settings->warm_mibps);
    wire_set(&warm, current_mibps, (int32_t)settings->warm_mibps);
    return warm;
}

struct slice describe_text(struct request *request, const char *text, bool *ok)
{
    const char *copy = arena_text(request->arena, slice_text(text));

    if (copy == NULL)
        *ok = false;
    return copy == NULL ? slice_of(NULL, 0) : slice_text(copy);
}

struct slice describe_arn(struct request *request, const char *stream, bool *ok)
{
    struct slice arn =
        stream_arn_print(request->arena, request->region, request->account, slice_text(stream));

    if (arn.len == 0)
        *ok = false;
    return arn;
}

bool describe_passes(const struct request *request, const struct shard_filter *filter,
                     const struct model_stream *stream, const struct model_shard *shard)
{
    return shard_filter_passes(filter, stream, shard,
                               control_reading_ms(request->api->world.control));
}

/* In the order of their numbers, as if all were listed. */
bool describe_shards(struct request *request, const struct model_stream *stream, uint32_t from,
                     uint32_t limit, struct shard_out_list *ret, bool *more)
{
    static const struct shard_filter all = { .type = FILTER_FROM_TRIM_HORIZON };
    uint32_t left = stream->shard_count - from, count = 0;
    struct shard_out *items =
        request_take(request, ((left < limit ? left : limit) + 1) * sizeof(*items));

    if (items == NULL)
        return false;
    *more = false;
    for (uint32_t at = from; at < stream->shard_count && !*more; at++) {
        if (!describe_passes(request, &all, stream, &stream->shards[at]))
            continue;
        *more = count == limit;
        if (!*more && !describe_shard(request, &stream->shards[at], &items[count++]))
            return false;
    }
    *ret = (struct shard_out_list){ .items = items, .count = count };
    return true;
}

bool describe_shard(struct request *request, const struct model_shard *shard,
                    struct shard_out *ret)
{
    char name[SHARD_NAME_BYTES], first[U128_TEXT_BYTES], last[U128_TEXT_BYTES];
    char start[SEQNO_TEXT_MAX];
    struct seqno_shard numbers = { .created_s = shard->created_s, .shard = shard->number };
    bool ok = true;

    seqno_print_start(numbers, start);
    wire_set(ret, shard_id, describe_text(request, shard_name_print(shard->number, name), &ok));
    wire_set(&ret->hash_key_range, starting_hash_key,
             describe_text(request, u128_print(shard->hash_first, first), &ok));
    wire_set(&ret->hash_key_range, ending_hash_key,
             describe_text(request, u128_print(shard->hash_last, last), &ok));
    wire_set(&ret->sequence_number_range, starting_sequence_number,
             describe_text(request, start, &ok));
    if (shard->state == SHARD_CLOSED) {
        seqno_print_end(numbers, shard->closed_ms / 1000, start);
        wire_set(&ret->sequence_number_range, ending_sequence_number,
                 describe_text(request, start, &ok));
    }
    if (shard->parent_count > 0)
        wire_set(ret, parent_shard_id,
                 describe_text(request, shard_name_print(shard->parents[0], name), &ok));
    if (shard->parent_count > 1)
        wire_set(ret, adjacent_parent_shard_id,
                 describe_text(request, shard_name_print(shard->parents[1], name), &ok));
    ret->has_hash_key_range = ret->has_sequence_number_range = true;
    if (!ok)
        request_fail_err(request, ERR_NO_MEMORY, NULL);
    return ok;
}

/* EnableEnhancedMonitoring and DisableEnhancedMonitoring.  /metrics has what is on
 * (ops/shard_metrics.c). */
#include "api/describe.h"
#include "api/setting.h"

static uint32_t bits_of(const struct metrics_name_list *names)
{
    static const enum stream_metric metrics[] = {
        [WIRE_METRICS_IncomingBytes] = METRIC_IN_BYTES,
        [WIRE_METRICS_IncomingRecords] = METRIC_IN_RECORDS,
        [WIRE_METRICS_OutgoingBytes] = METRIC_OUT_BYTES,
        [WIRE_METRICS_OutgoingRecords] = METRIC_OUT_RECORDS,
        [WIRE_METRICS_WriteProvisionedThroughputExceeded] = METRIC_PUTS_REFUSED,
        [WIRE_METRICS_ReadProvisionedThroughputExceeded] = METRIC_READS_REFUSED,
        [WIRE_METRICS_IteratorAgeMilliseconds] = METRIC_ITERATOR_AGE,
    };
    uint32_t bits = 0;

    for (uint32_t i = 0; i < names->count; i++)
        bits |= names->items[i].value == WIRE_METRICS_ALL
                    ? (1u << METRIC_COUNT) - 1
                    : 1u << metrics[names->items[i].value];
    return bits;
}

static void set(struct request *request, bool on)
{
    const struct monitoring_in *in = request->in;
    struct setting *setting = setting_begin(request, in->has_stream_name ? &in->stream_name : NULL,
                                            in->has_stream_arn ? &in->stream_arn : NULL);
    struct monitoring_out *out = setting == NULL ? NULL : request_take(request, sizeof(*out));
    bool ok = true;

    if (out == NULL)
        return;
    uint32_t before = setting->wanted.settings.monitoring, bits = bits_of(&in->shard_level_metrics);
    uint32_t after = on ? before | bits : before & ~bits;
    if (!describe_metrics(request, before, &out->current_shard_level_metrics) ||
        !describe_metrics(request, after, &out->desired_shard_level_metrics))
        return;
    out->has_current_shard_level_metrics = out->has_desired_shard_level_metrics = true;
    wire_set(out, stream_name, describe_text(request, setting->stream->name, &ok));
    wire_set(out, stream_arn, describe_arn(request, setting->stream->name, &ok));
    if (!ok) {
        request_fail_err(request, ERR_NO_MEMORY, NULL);
        return;
    }
    setting->wanted.settings.monitoring = after;
    setting_propose(setting, out);
}

void enable_enhanced_monitoring_handle(struct request *request)
{
    set(request, true);
}

void disable_enhanced_monitoring_handle(struct request *request)
{
    set(request, false);
}

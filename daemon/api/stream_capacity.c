/* UpdateStreamMode, UpdateMaxRecordSize, UpdateStreamWarmThroughput and
 * UpdateStreamRecordDistributionStrategy. */
#include "api/account.h"
#include "api/describe.h"
#include "api/setting.h"
#include "base/limits.h"

/* False: the request has failed. */
static bool note_switch(struct setting *setting)
{
    uint32_t most = control_stream_limit(setting->request->api->world.control, setting->stream,
                                         LIMIT_MODE_SWITCHES);

    if (setting_note(&setting->wanted.settings.switched, setting->request->now_ms, most))
        return true;
    request_fail(setting->request, ERROR_LIMIT_EXCEEDED,
                 "The capacity mode of stream %s under account %s was switched %u times within 24 "
                 "hours. Try again later.", setting->stream->name, setting->request->account,
                 most);
    return false;
}

/* False: the request has failed. */
static bool take_warm(struct setting *setting, int32_t mibps)
{
    if (!account_check_warm(setting->request, setting->wanted.mode, (uint32_t)mibps))
        return false;
    setting->wanted.settings.warm_mibps = (uint32_t)mibps;
    return true;
}

void update_stream_mode_handle(struct request *request)
{
    const struct update_stream_mode_in *in = request->in;
    struct setting *setting = setting_begin(request, NULL, &in->stream_arn);

    if (setting == NULL)
        return;
    enum stream_mode mode = in->stream_mode_details.stream_mode.value == WIRE_MODE_ON_DEMAND
                                ? STREAM_ON_DEMAND
                                : STREAM_PROVISIONED;
    if (mode != setting->stream->mode &&
        (!account_check_mode(request, mode) || !note_switch(setting)))
        return;
    setting->wanted.mode = mode;
    if (mode == STREAM_PROVISIONED) {
        setting->wanted.settings.spreads = false;
        setting->wanted.settings.warm_mibps = 0;
    }
    if (in->has_warm_throughput_mibps && !take_warm(setting, in->warm_throughput_mibps))
        return;
    setting_propose(setting, NULL);
}

void update_max_record_size_handle(struct request *request)
{
    const struct update_max_record_size_in *in = request->in;
    struct setting *setting =
        setting_begin(request, NULL, in->has_stream_arn ? &in->stream_arn : NULL);

    if (setting == NULL)
        return;
    setting->wanted.record_kib_max = (uint32_t)in->max_record_size_in_kib;
    setting_propose(setting, NULL);
}

void update_stream_warm_throughput_handle(struct request *request)
{
    const struct update_warm_throughput_in *in = request->in;
    struct setting *setting = setting_begin(request, in->has_stream_name ? &in->stream_name : NULL,
                                            in->has_stream_arn ? &in->stream_arn : NULL);
    struct update_warm_throughput_out *out =
        setting == NULL ? NULL : request_take(request, sizeof(*out));
    bool ok = true;

    if (out == NULL || !take_warm(setting, in->warm_throughput_mibps))
        return;
    wire_set(out, stream_name, describe_text(request, setting->stream->name, &ok));
    wire_set(out, stream_arn, describe_arn(request, setting->stream->name, &ok));
    wire_set(out, warm_throughput, describe_warm(&setting->wanted.settings));
    if (ok)
        setting_propose(setting, out);
    else
        request_fail_err(request, ERR_NO_MEMORY, NULL);
}

void update_stream_record_distribution_strategy_handle(struct request *request)
{
    const struct update_distribution_in *in = request->in;
    struct setting *setting = setting_begin(request, NULL, &in->stream_arn);
    bool spreads = in->record_distribution_strategy.value == WIRE_DISTRIBUTION_AUTO;

    if (setting == NULL)
        return;
    if (spreads && setting->stream->mode != STREAM_ON_DEMAND) {
        request_fail(request, ERROR_INVALID_ARGUMENT,
                     "RecordDistributionStrategy AUTO needs a stream in ON_DEMAND mode; stream %s "
                     "under account %s is in PROVISIONED mode.", setting->stream->name,
                     request->account);
        return;
    }
    setting->wanted.settings.spreads = spreads;
    setting_propose(setting, NULL);
}

/* IncreaseStreamRetentionPeriod and DecreaseStreamRetentionPeriod. */
#include "api/setting.h"
#include "base/limits.h"

static struct setting *begin(struct request *request);
static void fail_direction(const struct setting *setting, const char *way, const char *other);
static void propose(struct setting *setting);

void increase_stream_retention_period_handle(struct request *request)
{
    const struct retention_in *in = request->in;
    struct setting *setting = begin(request);

    if (setting == NULL)
        return;
    if (in->retention_period_hours < (int32_t)setting->stream->retention_hours)
        fail_direction(setting, "shorter", "Decrease");
    else
        propose(setting);
}

void decrease_stream_retention_period_handle(struct request *request)
{
    const struct retention_in *in = request->in;
    struct setting *setting = begin(request);

    if (setting == NULL)
        return;
    if (in->retention_period_hours > (int32_t)setting->stream->retention_hours)
        fail_direction(setting, "longer", "Increase");
    else
        propose(setting);
}

/* NULL: return at once. */
static struct setting *begin(struct request *request)
{
    const struct retention_in *in = request->in;
    int32_t hours = in->retention_period_hours;
    struct setting *setting = setting_begin(request, in->has_stream_name ? &in->stream_name : NULL,
                                            in->has_stream_arn ? &in->stream_arn : NULL);

    if (setting == NULL)
        return NULL;
    if (hours < (int32_t)RETENTION_HOURS_MIN) {
        request_fail(request, ERROR_INVALID_ARGUMENT,
                     "Minimum allowed retention period is %u hours. Requested retention period "
                     "(%d hours) is too short.", RETENTION_HOURS_MIN, hours);
        return NULL;
    }
    if (hours > (int32_t)RETENTION_HOURS_MAX) {
        request_fail(request, ERROR_INVALID_ARGUMENT,
                     "Maximum allowed retention period is %u hours. Requested retention period "
                     "(%d hours) is too long.", RETENTION_HOURS_MAX, hours);
        return NULL;
    }
    return setting;
}

static void fail_direction(const struct setting *setting, const char *way, const char *other)
{
    const struct retention_in *in = setting->request->in;

    request_fail(setting->request, ERROR_INVALID_ARGUMENT,
                 "Requested retention period (%d hours) for stream %s can not be %s than existing "
                 "retention period (%u hours). Use %sRetentionPeriod API.",
                 in->retention_period_hours, setting->stream->name, way,
                 setting->stream->retention_hours, other);
}

static void propose(struct setting *setting)
{
    const struct retention_in *in = setting->request->in;

    setting->wanted.retention_hours = (uint32_t)in->retention_period_hours;
    setting_propose(setting, NULL);
}

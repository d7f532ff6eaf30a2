/* Which limits count: a stream's own, else those of this node's configuration. */
#include "base/ensure.h"
#include "control/control_private.h"

uint32_t control_limit(const struct control *control, enum limit limit)
{
    return control->options.limits.of[limit];
}

uint32_t control_stream_limit(const struct control *control, const struct model_stream *stream,
                              enum limit limit)
{
    ensure(limit < LIMIT_STREAM_COUNT);
    uint32_t own = stream == NULL ? 0 : model_settings(stream)->limits[limit];

    return own != 0 ? own : control_limit(control, limit);
}

struct quota_limits limits_of_shard(const struct control *control,
                                    const struct model_stream *stream)
{
    return (struct quota_limits){
        .put_bytes_per_s = limit_or_0(control_stream_limit(control, stream, LIMIT_PUT_BYTES)),
        .put_records_per_s = limit_or_0(control_stream_limit(control, stream, LIMIT_PUT_RECORDS)),
        .read_bytes_per_s = limit_or_0(control_stream_limit(control, stream, LIMIT_READ_BYTES)),
        .read_calls_per_s = limit_or_0(control_stream_limit(control, stream, LIMIT_READ_CALLS)),
    };
}

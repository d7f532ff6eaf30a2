/* Which limits count: those of this node's configuration. */
#include "control/control_private.h"

uint32_t control_limit(const struct control *control, enum limit limit)
{
    return control->options.limits.of[limit];
}

struct quota_limits limits_of_shard(const struct control *control)
{
    return (struct quota_limits){
        .put_bytes_per_s = limit_or_0(control_limit(control, LIMIT_PUT_BYTES)),
        .put_records_per_s = limit_or_0(control_limit(control, LIMIT_PUT_RECORDS)),
        .read_bytes_per_s = limit_or_0(control_limit(control, LIMIT_READ_BYTES)),
        .read_calls_per_s = limit_or_0(control_limit(control, LIMIT_READ_CALLS)),
    };
}

#include "api/ending.h"

/* No shard is split or merged yet. */
bool ending_children(const struct model_stream *stream, const struct model_shard *shard,
                     struct position next, struct arena *arena, struct child_shard_out_list *ret)
{
    return false;
}

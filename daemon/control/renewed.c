#include "control/renewed.h"

#include <inttypes.h>

static bool has_majority(const struct model_shard *row, uint64_t without,
                         const struct renewed_world *world);
static void say_torn(struct reason *why, const struct model_stream *stream,
                     const struct model_shard *row);

enum renewed renewed_decide(const struct model *model, uint64_t from,
                            const struct renewed_world *world, struct reason *why)
{
    const struct model_node *old = model_node_by_id(model, from);
    const struct model_stream *stream;
    const struct model_shard *row;

    if (old == NULL || old->replaced) {
        reason_set(why, "this node has forgotten what it promised under its old id, and since then "
                   "it was removed, or another node has taken its name; to add this machine again, "
                   "start it with an empty data directory, and if need be a name of its own");
        return RENEWED_GONE;
    }
    if (world->up(world->ctx, from)) {
        reason_set(why, "waits: the node with this node's old id is running at %s, so that this "
                   "directory is a copy; stop one of them", old->peer_address);
        return RENEWED_WAITS;
    }
    for (uint64_t group = 0; (row = model_shard_next(model, group, &stream)) != NULL;) {
        group = row->group;
        if (stream->status == STREAM_CREATING || stream->status == STREAM_DELETING ||
            !model_shard_has(row, from) || has_majority(row, from, world))
            continue;
        say_torn(why, stream, row);
        return RENEWED_WAITS;
    }
    return RENEWED_MAY;
}

static void say_torn(struct reason *why, const struct model_stream *stream,
                     const struct model_shard *row)
{
    if (row->member_count == 1)
        reason_set(why, "waits to come back under a new id: shard %" PRIu32 " of stream %s (group "
                   "%" PRIu64 ") was on this node alone, which has forgotten what it promised; put "
                   "its right data directory back, or delete stream %s",
                   row->number, stream->name, row->group, stream->name);
    else
        reason_set(why, "waits to come back under a new id: shard %" PRIu32 " of stream %s (group "
                   "%" PRIu64 ") has no leader or no majority without this node, which has "
                   "forgotten what it promised; start the other members",
                   row->number, stream->name, row->group);
}

static bool has_majority(const struct model_shard *row, uint64_t without,
                         const struct renewed_world *world)
{
    uint64_t leader = world->leader(world->ctx, row->group);
    bool led = (leader != 0 && leader != without) || model_shard_rests(row);
    uint32_t up = 0;

    for (uint32_t i = 0; i < row->member_count; i++)
        up += row->members[i] != without && world->up(world->ctx, row->members[i]);
    return led && 2 * up > row->member_count;
}

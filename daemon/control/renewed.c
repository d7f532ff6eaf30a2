#include "control/renewed.h"

#include <inttypes.h>
#include <string.h>

static const struct model_node *old_row(const struct model *model,
                                        const struct renewal_former *former);
static bool is_gone(const struct model *model, const struct model_node *old,
                    const struct renewed_world *world);
static const struct model_node *original(const struct model *model,
                                         const struct renewal_former *former,
                                         const struct renewed_world *world);
static bool is_former(const struct renewal_former *former, uint64_t node);
static bool has_former(const struct model_shard *row, const struct renewal_former *former);
static bool has_majority(const struct model_shard *row, const struct renewal_former *former,
                         const struct renewed_world *world);
static void say_torn(struct reason *why, const struct model_stream *stream,
                     const struct model_shard *row);

enum renewed renewed_decide(const struct model *model, const struct renewal_former *former,
                            const struct renewed_world *world, struct reason *why)
{
    const struct model_node *runs = original(model, former, world);
    const struct model_stream *stream;
    const struct model_shard *row;

    if (is_gone(model, old_row(model, former), world)) {
        reason_set(why, "this node has forgotten what it promised under its old id, and since then "
                   "it was removed, or another node has taken its name; to add this machine again, "
                   "start it with an empty data directory, and if need be a name of its own");
        return RENEWED_GONE;
    }
    if (runs != NULL) {
        reason_set(why, "waits: the node with this node's old id is running at %s, so that this "
                   "directory is a copy; stop one of them", runs->peer_address);
        return RENEWED_WAITS;
    }
    for (uint64_t group = 0; (row = model_shard_next(model, group, &stream)) != NULL;) {
        group = row->group;
        if (stream->status == STREAM_CREATING || stream->status == STREAM_DELETING ||
            row->state == SHARD_OPENING || !has_former(row, former) ||
            has_majority(row, former, world))
            continue;
        say_torn(why, stream, row);
        return RENEWED_WAITS;
    }
    return RENEWED_MAY;
}

static const struct model_node *old_row(const struct model *model,
                                        const struct renewal_former *former)
{
    const struct model_node *found = NULL;

    for (uint32_t i = former->count; i > 0 && found == NULL; i--)
        found = model_node_by_id(model, former->ids[i - 1]);
    return found;
}

static bool is_gone(const struct model *model, const struct model_node *old,
                    const struct renewed_world *world)
{
    if (old != NULL)
        return old->replaced;
    if (model_token(model) == 0)
        return true;
    for (uint32_t i = 0; i < model_node_count(model); i++) {
        const struct model_node *node = model_node_at(model, i);
        if (!node->replaced && strcmp(node->name, world->name) == 0)
            return true;
    }
    return false;
}

static const struct model_node *original(const struct model *model,
                                         const struct renewal_former *former,
                                         const struct renewed_world *world)
{
    for (uint32_t i = 0; i < former->count; i++) {
        const struct model_node *node = model_node_by_id(model, former->ids[i]);
        if (node != NULL && world->up(world->ctx, node->id))
            return node;
    }
    return NULL;
}

static bool is_former(const struct renewal_former *former, uint64_t node)
{
    bool found = false;

    for (uint32_t i = 0; i < former->count; i++)
        found |= former->ids[i] == node;
    return found;
}

static bool has_former(const struct model_shard *row, const struct renewal_former *former)
{
    bool found = false;

    for (uint32_t i = 0; i < row->member_count; i++)
        found |= is_former(former, row->members[i]);
    return found;
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
                   "forgotten what it promised, or its other members are being filled; start "
                   "those that are not up",
                   row->number, stream->name, row->group);
}

static bool has_majority(const struct model_shard *row, const struct renewal_former *former,
                         const struct renewed_world *world)
{
    uint64_t leader = world->leader(world->ctx, row->group);
    bool led = (leader != 0 && !is_former(former, leader)) || model_shard_rests(row);
    uint32_t up = 0;

    for (uint32_t i = 0; i < row->member_count; i++)
        up += !is_former(former, row->members[i]) && world->up(world->ctx, row->members[i]);
    return led && 2 * up > row->member_count && !world->moves(world->ctx, row->group);
}

#include "catalog/apply_rescue.h"

#include <string.h>

#include "base/ensure.h"
#include "catalog/version.h"

/* Leaves as much again for the jumps of model_rescue_epoch(). */
#define ROW_HISTORIES_MAX (UINT32_MAX / MODEL_RESCUE_EPOCHS / 2)

static enum err is_possible(const struct model *model, const Braid__Catalog__RescueShard *rescue,
                            struct reason *reason);
static uint32_t held_of(const struct model *model, const Braid__Catalog__RescueShard *rescue);
static enum err is_in_range(const struct model *model, const Braid__Catalog__RescueShard *rescue,
                            const struct model_shard *row, struct reason *reason);
static enum err has_room(const struct model *model, const struct model_shard *row,
                         struct reason *reason);
static void aside_add(struct model_rescued *rescued, uint64_t node);

enum err apply_rescue(struct model *model, const Braid__Catalog__RescueShard *rescue,
                      struct reason *reason)
{
    enum err err = is_possible(model, rescue, reason);

    if (err != ERR_OK) {
        reason_wrap(reason, "group %llu", (unsigned long long)rescue->group);
        return err;
    }
    struct model_shard *row = model_shard_change(model, rescue->group);
    struct model_rescued *rescued = model_rescued_of(model, row);
    if (rescued->replicas < row->member_count)
        rescued->replicas = row->member_count;
    for (size_t i = 0; i < rescue->n_aside; i++)
        if (rescue->aside[i] != rescue->survivor)
            aside_add(rescued, rescue->aside[i]);
    /* As the build of that version applies it. */
    for (uint32_t i = 0; i < row->member_count && !version_allows(model, VERSION_RESUMES); i++)
        if (row->members[i] != rescue->survivor)
            aside_add(rescued, row->members[i]);
    row->epoch = model_rescue_epoch(model, row->epoch);
    memset(row->members, 0, sizeof(row->members));
    row->members[0] = rescue->survivor;
    row->member_count = 1;
    rescued->rescues[rescued->count++] = (struct model_rescue){ .epoch = row->epoch,
                                                                .held = held_of(model, rescue),
                                                                .survivor = rescue->survivor,
                                                                .index = rescue->index,
                                                                .term = rescue->term };
    return ERR_OK;
}

static enum err is_possible(const struct model *model, const Braid__Catalog__RescueShard *rescue,
                            struct reason *reason)
{
    const struct model_stream *stream = NULL;
    const struct model_shard *row = model_shard_by_group(model, rescue->group, &stream);
    const struct model_node *survivor = model_node_by_id(model, rescue->survivor);

    if (row == NULL || survivor == NULL) {
        reason_set(reason, row == NULL ? "no shard has it" : "the survivor is no node");
        return ERR_NOT_FOUND;
    }
    if (stream->status != STREAM_ACTIVE && stream->status != STREAM_UPDATING) {
        reason_set(reason, "stream %s is being created or deleted", stream->name);
        return ERR_CLOSED;
    }
    if (rescue->epoch != row->epoch) {
        reason_set(reason, "it is in epoch %u, not %u: look again what would be lost", row->epoch,
                   rescue->epoch);
        return ERR_CLOSED;
    }
    if (survivor->replaced || model_shard_aside(row, survivor->id)) {
        reason_set(reason, "node %s is replaced, or its copy was put aside", survivor->name);
        return ERR_CLOSED;
    }
    /* What it has may be gone by now, and the members have all of it. */
    if (model_shard_whole(row) && !model_shard_has(row, survivor->id)) {
        reason_set(reason, "all its members have said meanwhile that they have all of it, and node "
                   "%s is none of them: look again", survivor->name);
        return ERR_CLOSED;
    }
    enum err err = is_in_range(model, rescue, row, reason);
    return err != ERR_OK ? err : has_room(model, row, reason);
}

/* An older build does not see the field: below its version nobody does. */
static uint32_t held_of(const struct model *model, const Braid__Catalog__RescueShard *rescue)
{
    return version_allows(model, VERSION_RESCUE_HELD) ? rescue->held : 0;
}

static enum err is_in_range(const struct model *model, const Braid__Catalog__RescueShard *rescue,
                            const struct model_shard *row, struct reason *reason)
{
    const struct model_rescued *rescued = row->rescued;
    uint32_t count = rescued == NULL ? 0
                                     : model_rescues_before(rescued, rescued->count,
                                                            held_of(model, rescue));
    uint64_t before = count == 0 ? 0 : rescued->rescues[count - 1].index;

    if (rescue->index != 0 && rescue->term != 0 && rescue->index >= before &&
        rescue->n_aside <= NODE_ROWS_MAX && row->epoch / MODEL_RESCUE_EPOCHS < ROW_HISTORIES_MAX)
        return ERR_OK;
    reason_set(reason, "index, term, epoch or the nodes aside are out of range");
    return ERR_INVALID;
}

static enum err has_room(const struct model *model, const struct model_shard *row,
                         struct reason *reason)
{
    if (row->rescued != NULL && row->rescued->count == RESCUES_MAX) {
        reason_set(reason, "it was rescued %u times: copy what is left into a new stream",
                   RESCUES_MAX);
        return ERR_BUSY;
    }
    if (row->rescued != NULL || model->stream_bytes <= CATALOG_BYTES_MAX - RESCUED_ROW_BYTES)
        return ERR_OK;
    reason_set(reason, "the catalogue holds %u bytes of streams: delete some first",
               model->stream_bytes);
    return ERR_BUSY;
}

/* The oldest goes when there are too many: a node of an old history knows by its epoch. */
static void aside_add(struct model_rescued *rescued, uint64_t node)
{
    for (uint32_t i = 0; i < rescued->aside_count; i++)
        if (rescued->aside[i] == node)
            return;
    if (rescued->aside_count == NODE_ROWS_MAX)
        memmove(rescued->aside, rescued->aside + 1,
                --rescued->aside_count * sizeof(rescued->aside[0]));
    rescued->aside[rescued->aside_count++] = node;
}

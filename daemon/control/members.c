#include "control/members.h"

#include <string.h>

#include "base/ensure.h"

static void row_look(struct members_look *look, const struct model_stream *stream,
                     const struct model_shard *row);
static struct members_lost *lost_find(struct members_look *look, uint64_t node);
static void row_add(struct members_look *look, const struct model_shard *row, uint32_t place,
                    uint64_t comer);

void members_begin(struct members_look *look, const struct model *model, const uint64_t kept[],
                   uint32_t kept_count)
{
    *look = (struct members_look){ .after = 0 };
    for (uint32_t i = 0; i < model_node_count(model); i++) {
        const struct model_node *node = model_node_at(model, i);
        if (!node->replaced)
            continue;
        struct members_lost *lost = &look->lost[look->lost_count++];
        lost->node = node->id;
        for (uint32_t k = 0; k < kept_count; k++)
            lost->kept |= kept[k] == node->id;
    }
    look->done = look->lost_count == 0;
}

void members_step(struct members_look *look, const struct model *model, change_up_fn up, void *ctx)
{
    look->row_count = 0;
    for (uint32_t i = 0; i < look->lost_count; i++)
        look->lost[i].comer = members_comer(model, look->lost[i].node, up, ctx);

    for (uint32_t looks = 0; looks < CONTROL_LOOKS_PER_TURN && !look->done; looks++) {
        const struct model_stream *stream = NULL;
        const struct model_shard *row = model_shard_next(model, look->after, &stream);
        if (row == NULL) {
            look->done = true;
            return;
        }
        if (look->row_count == CATALOG_MEMBERS_ROWS_MAX)
            return;
        look->after = row->group;
        row_look(look, stream, row);
    }
}

uint64_t members_comer(const struct model *model, uint64_t lost, change_up_fn up, void *ctx)
{
    const struct model_node *old = model_node_by_id(model, lost);

    for (uint32_t i = 0; old != NULL && i < model_node_count(model); i++) {
        const struct model_node *node = model_node_at(model, i);
        if (!node->replaced && strcmp(node->name, old->name) == 0 && up(ctx, node->id))
            return node->id;
    }
    return 0;
}

/* One place at most: the catalogue takes no more in one epoch. */
static void row_look(struct members_look *look, const struct model_stream *stream,
                     const struct model_shard *row)
{
    bool changed = stream->status == STREAM_DELETING;

    for (uint32_t i = 0; i < row->member_count; i++) {
        struct members_lost *lost = lost_find(look, row->members[i]);
        if (lost == NULL)
            continue;
        lost->named = true;
        if (changed || lost->comer == 0 || model_shard_has(row, lost->comer))
            continue;
        row_add(look, row, i, lost->comer);
        changed = true;
    }
}

static struct members_lost *lost_find(struct members_look *look, uint64_t node)
{
    for (uint32_t i = 0; i < look->lost_count; i++)
        if (look->lost[i].node == node)
            return &look->lost[i];
    return NULL;
}

static void row_add(struct members_look *look, const struct model_shard *row, uint32_t place,
                    uint64_t comer)
{
    ensure(look->row_count < CATALOG_MEMBERS_ROWS_MAX);
    struct change_members *next = &look->rows[look->row_count++];

    *next = (struct change_members){ .group = row->group,
                                     .epoch = row->epoch + 1,
                                     .member_count = row->member_count };
    memcpy(next->members, row->members, sizeof(next->members));
    next->members[place] = comer;
}

uint64_t members_unnamed(const struct members_look *look)
{
    ensure(look->done);
    for (uint32_t i = 0; i < look->lost_count; i++)
        if (!look->lost[i].named && !look->lost[i].kept)
            return look->lost[i].node;
    return 0;
}

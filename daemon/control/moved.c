#include "control/moved.h"

struct sight {
    const struct model *model;
    change_up_fn up;
    void *ctx;
};

/* Whether what the node has is within reach. */
static bool has_its_copy(const struct sight *sight, uint64_t node)
{
    const struct model_node *row = model_node_by_id(sight->model, node);

    return row != NULL && !row->replaced && sight->up(sight->ctx, node);
}

/* It gets a place with each epoch behind the rescue's. */
static bool grows(const struct model_shard *row)
{
    const struct model_rescued *rescued = row->rescued;

    return rescued != NULL &&
           (row->member_count < rescued->replicas ||
            row->epoch - rescued->rescues[rescued->count - 1].epoch < rescued->replicas);
}

bool moved_only(const struct model *model, const struct model_shard *row, uint64_t node,
                change_up_fn up, void *ctx)
{
    const struct sight sight = { model, up, ctx };

    if (row->left_count == 0 || grows(row) ||
        !has_its_copy(&sight, row->left[row->left_count - 1]))
        return false;
    for (uint32_t i = 0; i < row->member_count; i++)
        if (row->members[i] != node && !has_its_copy(&sight, row->members[i]))
            return false;
    return true;
}

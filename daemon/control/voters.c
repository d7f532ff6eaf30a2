#include "control/voters.h"

#include <string.h>

#include "control/members.h"

static bool is_one(const uint64_t members[], uint32_t count, uint64_t node)
{
    for (uint32_t i = 0; i < count; i++)
        if (members[i] == node)
            return true;
    return false;
}

static bool has_az(const struct model *model, const uint64_t members[], uint32_t count,
                   const char *az)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct model_node *node = model_node_by_id(model, members[i]);
        if (node != NULL && strcmp(node->az, az) == 0)
            return true;
    }
    return false;
}

/* Any other node, rather in an AZ that has no member. */
static uint64_t other(const struct model *model, const uint64_t members[], uint32_t count,
                      change_up_fn up, void *ctx)
{
    uint64_t second = 0;

    for (uint32_t i = 0; i < model_node_count(model); i++) {
        const struct model_node *node = model_node_at(model, i);
        if (node->replaced || is_one(members, count, node->id) || !up(ctx, node->id))
            continue;
        if (!has_az(model, members, count, node->az))
            return node->id;
        second = second == 0 ? node->id : second;
    }
    return second;
}

/* 0: nobody, or nobody is needed.  A member without a row lost its disk before it was written, or
 * is about to write it. */
static uint64_t comer_for(const struct model *model, const uint64_t members[], uint32_t count,
                          uint64_t member, change_up_fn up, void *ctx)
{
    const struct model_node *node = model_node_by_id(model, member);

    if (node == NULL)
        return up(ctx, member) ? 0 : other(model, members, count, up, ctx);
    if (!node->replaced)
        return 0;
    uint64_t comer = members_comer(model, member, up, ctx);
    return is_one(members, count, comer) ? 0 : comer;
}

bool voters_next(const struct model *model, const uint64_t members[], uint32_t count,
                 change_up_fn up, void *ctx, uint64_t next[GROUP_MEMBERS_MAX])
{
    memcpy(next, members, count * sizeof(next[0]));
    for (uint32_t i = 0; i < count; i++) {
        uint64_t comer = comer_for(model, members, count, members[i], up, ctx);
        if (comer == 0)
            continue;
        next[i] = comer;
        return true;
    }
    return false;
}

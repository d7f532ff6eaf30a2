#include "control/voters.h"

#include <string.h>


static bool is_one(const uint64_t members[], uint32_t count, uint64_t node)
{
    for (uint32_t i = 0; i < count; i++)
        if (members[i] == node)
            return true;
    return false;
}

/* Whether another member than `leaver` is in this zone. */
static bool has_az(const struct model *model, const uint64_t members[], uint32_t count,
                   uint64_t leaver, const char *az)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct model_node *node =
            members[i] == leaver ? NULL : model_node_by_id(model, members[i]);
        if (node != NULL && strcmp(node->az, az) == 0)
            return true;
    }
    return false;
}

/* Another node in a zone that has no other member; where `any` is set, else of any. */
static uint64_t other(const struct model *model, const uint64_t members[], uint32_t count,
                      uint64_t leaver, const struct members_world *world, bool any)
{
    uint64_t second = 0;

    for (uint32_t i = 0; i < model_node_count(model); i++) {
        const struct model_node *node = model_node_at(model, i);
        if (node->replaced || node->draining || is_one(members, count, node->id) ||
            !world->up(world->ctx, node->id))
            continue;
        if (!has_az(model, members, count, leaver, node->az))
            return node->id;
        second = second == 0 && any ? node->id : second;
    }
    return second;
}

static bool leaves(const struct model_node *node, const struct members_world *world)
{
    return node->draining || (world->dead != NULL && world->dead(world->ctx, node->id));
}

/* The next epoch must be able to go on before the newcomer has begun it. */
static bool others_suffice(const struct model *model, const uint64_t members[], uint32_t count,
                           uint64_t leaver, const struct members_world *world)
{
    uint32_t good = 0;

    for (uint32_t i = 0; i < count; i++) {
        const struct model_node *node = model_node_by_id(model, members[i]);
        good += members[i] != leaver && node != NULL && !node->replaced &&
                world->up(world->ctx, members[i]);
    }
    return good > count / 2;
}

/* 0: nobody, or nobody is needed.  A member without a row lost its disk before it was written, or
 * is about to write it. */
static uint64_t comer_for(const struct model *model, const uint64_t members[], uint32_t count,
                          uint64_t member, const struct members_world *world)
{
    const struct model_node *node = model_node_by_id(model, member);

    if (node == NULL)
        return world->up(world->ctx, member) ? 0
                                             : other(model, members, count, member, world, true);
    if (node->replaced) {
        uint64_t comer = members_comer(model, member, world->up, world->ctx);
        return is_one(members, count, comer) ? 0 : comer;
    }
    if (!leaves(node, world) || !others_suffice(model, members, count, member, world))
        return 0;
    return other(model, members, count, member, world, world->across_zones);
}

/* One more after a rescue, when all that are in it are there. */
static uint64_t grown_by(const struct model *model, const uint64_t members[], uint32_t count,
                         const struct members_world *world)
{
    struct members_world current = *world;

    if (count >= model_voters(model) || count == GROUP_MEMBERS_MAX)
        return 0;
    for (uint32_t i = 0; i < count; i++)
        if (!world->up(world->ctx, members[i]))
            return 0;
    if (world->current != NULL)
        current.up = world->current;
    return other(model, members, count, 0, &current, true);
}

uint32_t voters_next(const struct model *model, const uint64_t members[], uint32_t count,
                     const struct members_world *world, uint64_t next[GROUP_MEMBERS_MAX])
{
    memcpy(next, members, count * sizeof(next[0]));
    for (uint32_t i = 0; i < count; i++) {
        uint64_t comer = comer_for(model, members, count, members[i], world);
        if (comer == 0)
            continue;
        next[i] = comer;
        return count;
    }
    uint64_t more = grown_by(model, members, count, world);
    if (more == 0)
        return 0;
    next[count] = more;
    return count + 1;
}

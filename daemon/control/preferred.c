#include "control/preferred.h"

#include <string.h>

#include "base/mutant.h"

static uint32_t lightest(const struct members_nodes *nodes, const struct model_shard *row,
                         const struct members_node *first);

bool preferred_order(const struct members_nodes *nodes, const struct model_stream *stream,
                     const struct model_shard *row, struct change_members *ret)
{
    const struct members_node *first = members_node_find(nodes, row->members[0]);

    if (stream->status != STREAM_ACTIVE || row->state != SHARD_OPEN || first == NULL || !first->up)
        return false;
    uint32_t place = lightest(nodes, row, first);
    if (place == 0)
        return false;
    *ret = (struct change_members){ .group = row->group,
                                    .epoch = row->epoch,
                                    .member_count = row->member_count };
    memcpy(ret->members, row->members, sizeof(ret->members));
    ret->members[0] = row->members[place];
    ret->members[place] = row->members[0];
    return true;
}

/* The place of the member that is first of the fewest, if it should be first here; 0: none. */
static uint32_t lightest(const struct members_nodes *nodes, const struct model_shard *row,
                         const struct members_node *first)
{
    uint32_t place = 0, least = first->firsts;

    for (uint32_t i = 1; i < row->member_count; i++) {
        const struct members_node *node = members_node_find(nodes, row->members[i]);
        if (node == NULL || !node->up || node->full || node->leave != MEMBERS_STAYS ||
            node->firsts + !MUTANT(leaders_swap) >= first->firsts || node->firsts >= least)
            continue;
        place = i;
        least = node->firsts;
    }
    return place;
}

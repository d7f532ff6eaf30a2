#include "control/rescue.h"

#include "base/mutant.h"
#include "catalog/model.h"

static bool is_under_way(const struct rescue_look *look, const struct model_shard *row);
static bool rests_well(struct rescue_look *look, const struct model_shard *row);
static bool is_candidate(const struct rescue_node *node, const struct model_shard *row);
static uint32_t members_there(const struct rescue_look *look, const struct model_shard *row,
                              const struct holding *newest);

void rescue_choose(struct rescue_look *look, const struct model *model)
{
    const struct model_shard *row = model_shard_by_group(model, look->group, NULL);
    const struct holding *best = NULL;

    look->err = ERR_NOT_FOUND;
    if (row == NULL) {
        reason_set(&look->reason, "there is no shard of group %llu any more: its stream was "
                   "deleted, or its records are over", (unsigned long long)look->group);
        return;
    }
    look->epoch = row->epoch;
    if (is_under_way(look, row)) {
        look->err = ERR_CLOSED;
        reason_set(&look->reason, "it is being rescued, and goes on in a moment: it needs no "
                   "rescue");
        return;
    }
    if (rests_well(look, row))
        return;
    for (uint32_t i = 0; i < look->node_count; i++) {
        const struct rescue_node *node = &look->nodes[i];
        if (!is_candidate(node, row) || (best != NULL && !rescue_has_more(&node->holding, best)))
            continue;
        best = &node->holding;
        look->survivor = i;
    }
    if (rescue_led(look) || (best == NULL && rescue_waits(look)))
        return;
    if (best == NULL) {
        reason_set(&look->reason, "no node that is up has a whole copy of it: nothing is left to "
                   "go on from. Start the nodes that have one");
        return;
    }
    uint32_t there = members_there(look, row, best);
    if (there > best->member_count / 2) {
        reason_set(&look->reason, "%u of its %u members are up with what they have: it needs no "
                   "rescue, it elects a leader by itself", there, best->member_count);
        look->err = ERR_CLOSED;
    } else if (!rescue_waits(look)) {
        look->err = ERR_OK;
    }
}

static const char *name_of(const struct rescue_look *look, uint64_t id)
{
    for (uint32_t i = 0; i < look->node_count; i++)
        if (look->nodes[i].node == id)
            return look->nodes[i].name;
    return "?";
}

/* This node may be cut off from the leader and those that answer it, and yet reach one member. */
bool rescue_led(struct rescue_look *look)
{
    for (uint32_t i = 0; i < look->node_count; i++) {
        const struct rescue_node *node = &look->nodes[i];
        uint64_t hears = MUTANT(leader_unheard) ? 0 : node->holding.hears;
        if (node->heard != RESCUE_HAS || (!node->holding.leads && hears == 0))
            continue;
        look->err = ERR_CLOSED;
        if (node->holding.leads)
            reason_set(&look->reason, "node %s (%016llx) leads it: it needs no rescue", node->name,
                       (unsigned long long)node->node);
        else
            reason_set(&look->reason, "node %s (%016llx) hears its leader, node %s (%016llx): it "
                       "needs no rescue. If that one is down here, look for what is between the "
                       "two nodes", node->name, (unsigned long long)node->node,
                       name_of(look, hears), (unsigned long long)hears);
        return true;
    }
    return false;
}

/* One that only hangs may have what would be given up, and come back with it. */
bool rescue_waits(struct rescue_look *look)
{
    for (uint32_t i = 0; i < look->node_count; i++) {
        const struct rescue_node *node = &look->nodes[i];
        if (node->heard != RESCUE_SILENT || node->replaced)
            continue;
        look->err = ERR_BUSY;
        reason_set(&look->reason, "node %s (%016llx) is connected and does not say what it has: "
                   "look again. If it stays so, stop its braidd, which counts it as lost, and look "
                   "again", node->name, (unsigned long long)node->node);
        return true;
    }
    return false;
}

/* Each of its members has all of it, whatever its log has let go of and whatever lies behind the
 * END: nobody leads it, and nobody need. */
static bool rests_well(struct rescue_look *look, const struct model_shard *row)
{
    uint32_t there = 0;

    for (uint32_t i = 0; i < look->node_count; i++) {
        const struct rescue_node *node = &look->nodes[i];
        there += node->heard == RESCUE_HAS && !node->replaced && node->holding.member_count > 0 &&
                 node->holding.epoch == row->epoch && model_shard_has(row, node->node);
    }
    if (!model_shard_rests(row) || there <= row->member_count / 2)
        return false;
    reason_set(&look->reason, "it is closed and its group rests: it has no leader and needs none, "
               "as any of its members answers readers. %u of %u are up: it needs no rescue", there,
               row->member_count);
    look->err = ERR_CLOSED;
    return true;
}

static const struct model_rescue *last_rescue(const struct model_shard *row)
{
    return row->rescued == NULL ? NULL : &row->rescued->rescues[row->rescued->count - 1];
}

/* Confirmed, and its survivor is about to begin. */
static bool is_under_way(const struct rescue_look *look, const struct model_shard *row)
{
    const struct model_rescue *last = last_rescue(row);

    for (uint32_t i = 0; last != NULL && i < look->node_count; i++) {
        const struct holding *holding = &look->nodes[i].holding;
        if (look->nodes[i].heard == RESCUE_HAS && look->nodes[i].node == last->survivor &&
            !model_same_history(holding->epoch, row->epoch) && holding->epoch < row->epoch &&
            (last->held == 0 || model_same_history(holding->epoch, last->held)) &&
            holding->last == last->index && holding->last_term == last->term)
            return true;
    }
    return false;
}

/* A whole copy of the history that goes on; or of the one before, where the rescue that ended it
 * was not begun by its survivor, because it had something else by then. */
static bool is_candidate(const struct rescue_node *node, const struct model_shard *row)
{
    const struct model_rescue *last = last_rescue(row);

    if (node->heard != RESCUE_HAS || node->replaced || node->holding.member_count == 0)
        return false;
    if (model_same_history(node->holding.epoch, row->epoch))
        return true;
    return last != NULL && node->holding.epoch < row->epoch && last->survivor == node->node;
}

bool rescue_has_more(const struct holding *a, const struct holding *b)
{
    if (a->epoch != b->epoch)
        return a->epoch > b->epoch;
    return a->last_term != b->last_term ? a->last_term > b->last_term : a->last > b->last;
}

/* It lacks what the other's log has let go of, as a full log does (retain.c): it can vote, but not
 * be fed, so that the two of them are no majority that commits anything. */
static bool is_cut_off(const struct holding *holding, const struct holding *newest)
{
    return holding->epoch == newest->epoch && holding->last + 1 < newest->first;
}

/* Of the newest epoch that is known of. */
static uint32_t members_there(const struct rescue_look *look, const struct model_shard *row,
                              const struct holding *newest)
{
    uint32_t there = 0;

    for (uint32_t i = 0; i < look->node_count; i++) {
        const struct rescue_node *node = &look->nodes[i];
        if (!is_candidate(node, row) || is_cut_off(&node->holding, newest))
            continue;
        for (uint32_t k = 0; k < newest->member_count; k++)
            there += newest->members[k] == node->node;
    }
    return there;
}

/* The catalogue's own group: who has most of it. */
#include "base/mutant.h"
#include "control/rescue.h"

/* A replaced node may be up still; it is on its way out. */
static bool is_candidate(const struct rescue_node *node)
{
    return node->heard == RESCUE_HAS && !node->replaced && node->holding.member_count > 0;
}

static bool comes_before(const struct rescue_node *a, const struct rescue_node *b)
{
    if (rescue_has_more(&a->holding, &b->holding) || rescue_has_more(&b->holding, &a->holding))
        return rescue_has_more(&a->holding, &b->holding);
    return a->holding.open != b->holding.open ? a->holding.open : a->node < b->node;
}

static uint32_t members_there(const struct rescue_look *look, const struct holding *newest)
{
    uint32_t there = 0;

    for (uint32_t i = 0; i < look->node_count; i++)
        for (uint32_t k = 0; is_candidate(&look->nodes[i]) && k < newest->member_count; k++)
            there += newest->members[k] == look->nodes[i].node;
    return there;
}

void rescue_choose_catalog(struct rescue_look *look)
{
    const struct rescue_node *best = NULL;

    for (uint32_t i = 0; i < look->node_count; i++) {
        const struct rescue_node *node = &look->nodes[i];
        if (!is_candidate(node) || (best != NULL && !comes_before(node, best)))
            continue;
        best = node;
        look->survivor = i;
    }
    look->err = ERR_NOT_FOUND;
    if (rescue_led(look) || (best == NULL && rescue_waits(look)))
        return;
    if (best == NULL) {
        reason_set(&look->reason, "no node that is up has a copy of the catalogue: start one that "
                   "has");
        return;
    }
    look->epoch = best->holding.epoch;
    uint32_t there = members_there(look, &best->holding);
    if (there > best->holding.member_count / 2) {
        reason_set(&look->reason, "%u of its %u members are up with what they have: it needs no "
                   "rescue, it elects a leader by itself", there, best->holding.member_count);
        look->err = ERR_CLOSED;
    } else if (!rescue_waits(look)) {
        look->err = ERR_OK;
    }
}

/* What is not agreed on is looked into because nobody may ever agree on it: members whose logs have
 * no room for the next leader's barrier keep what former ones left. */
static bool changes_none(const struct rescue_node *node, uint32_t epoch, uint64_t index)
{
    const struct holding *holding = &node->holding;
    bool none = MUTANT(tails_count) ? holding->last <= index
                                    : holding->same_kept && holding->applied <= index;

    return node->heard == RESCUE_HAS && holding->open && holding->epoch == epoch && none;
}

bool rescue_none_changes(const struct rescue_look *look, const uint64_t *members, uint32_t count,
                         uint32_t epoch, uint64_t index)
{
    uint32_t without = 0;

    for (uint32_t i = 0; i < look->node_count; i++)
        for (uint32_t k = 0; changes_none(&look->nodes[i], epoch, index) && k < count; k++)
            without += members[k] == look->nodes[i].node;
    return without > count / 2;
}

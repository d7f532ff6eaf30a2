/* Whom a group that comes in asks, and hence pulls from.
 *
 * Each node's log has the entries of all its groups side by side, and who gives to some of them
 * reads all of it.  So one node shall give to all whose member it is: the one that gives to most
 * already, and while none does, the same one for all who ask together.  It may begin an epoch some
 * time after another member has said that it has, as it hears of commits with its leader's next
 * message; it is waited for, for COMMON_ASKED_MAX tries.  Then who has begun gives, because that
 * one may never begin. */
#include "base/mutant.h"
#include "control/comer.h"

#define COMMON_ASKED_MAX 6u /* COMER_WAIT_MS_FIRST apart, then twice as long each time */
#define TOGETHER_MIN 8u     /* groups: a few may as well read two logs */
#define STUCK_MS 10000u     /* nothing is pulled from one that did not answer a pull */

bool giver_has_begun(const struct comer *comer, uint64_t node)
{
    for (uint32_t i = 0; i < comer->begun_count; i++)
        if (comer->begun[i] == node)
            return true;
    return false;
}

static uint32_t gives_to(const struct succession *succession, uint64_t node)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < succession->count; i++)
        count += succession->comers[i]->phase > COMER_ASKS &&
                 succession->comers[i]->source == node;
    return count;
}

void giver_failed(struct control *control, uint64_t node)
{
    control->succession.stuck = node;
    control->succession.stuck_until_ms = control_now_ms(control) + STUCK_MS;
}

bool giver_is_stuck(const struct control *control, uint64_t node)
{
    return node == control->succession.stuck &&
           control_now_ms(control) < control->succession.stuck_until_ms;
}

/* One that is ill gives when no other can, and one that does not answer pulls is no choice. */
static bool is_better(const struct control *control, uint64_t node, uint64_t than)
{
    bool ill = control_ails(control, node) != 0, than_ill = control_ails(control, than) != 0;
    uint32_t count = gives_to(&control->succession, node);
    uint32_t than_count = gives_to(&control->succession, than);

    if (ill != than_ill)
        return than_ill;
    return count != than_count ? count > than_count : node < than;
}

/* The member that gives to most others; while none does, the same one for all of many who are about
 * to ask.  0: none of this group's is up, or does. */
static uint64_t whom_others_ask(const struct comer *comer, const struct model_shard *row)
{
    const struct control *control = comer->control;
    uint64_t found = 0;

    for (uint32_t i = 0; i < row->member_count; i++) {
        uint64_t node = row->members[i];
        if (node != control->options.node && net_is_up(control->world.net, node) &&
            !giver_is_stuck(control, node) && (found == 0 || is_better(control, node, found)))
            found = node;
    }
    bool together = control->succession.count >= TOGETHER_MIN;
    return found != 0 && (together || gives_to(&control->succession, found) > 0) ? found : 0;
}

/* Who gives to others, unless it has been asked often enough: it may never begin.  0: nobody. */
static uint64_t common_giver(const struct comer *comer, const struct model_shard *row)
{
    return comer->common_asked < COMMON_ASKED_MAX ? whom_others_ask(comer, row) : 0;
}

/* A node that is no member: one that left the group may be the only one that has the end of its
 * last epoch, and no member may know of it.  Who began to come in, from a member that is lost
 * since, and was started anew, asks nobody of that epoch for a vote any more. */
static uint64_t whom_else(struct comer *comer, const struct model_shard *row)
{
    const struct control *control = comer->control;
    const struct model *model = catalog_model(control->catalog);
    uint32_t count = model_node_count(model);

    for (uint32_t i = 0; i < count && !MUTANT(left_unasked); i++) {
        const struct model_node *node = model_node_at(model, comer->other_turn++ % count);
        if (!node->replaced && node->id != control->options.node &&
            !model_shard_has(row, node->id) && net_is_up(control->world.net, node->id))
            return node->id;
    }
    return 0;
}

/* At first who gives to others, a few times, because it may hear of the epoch a little later (one
 * that is live does not wait for that); then the one that knows more, else in turn the row's
 * members, who could give before, for it may have left the group, and one of the other nodes.  0:
 * nobody is up. */
uint64_t giver_choose(struct comer *comer)
{
    const struct control *control = comer->control;
    const struct model_shard *row =
        model_shard_by_group(catalog_model(control->catalog), comer->group, NULL);
    uint64_t from = comer->from, common = 0;

    if (from != 0 && row != NULL && !comer_is_live(comer))
        common = common_giver(comer, row);
    if (common != 0 && !giver_has_begun(comer, common)) {
        comer->common_asked++;
        return common;
    }
    comer->from = 0;
    if (from != 0 && !giver_has_begun(comer, from) && net_is_up(control->world.net, from))
        return from;
    for (uint32_t i = 0; row != NULL && i < row->member_count + 2; i++) {
        uint32_t at = comer->turn++ % (row->member_count + 2);
        uint64_t node = at < row->member_count    ? row->members[at]
                        : at == row->member_count ? comer->giver
                                                  : whom_else(comer, row);
        if (node != 0 && node != control->options.node && net_is_up(control->world.net, node))
            return node;
    }
    return 0;
}

/* Whether there is more to pull than a little; who leaves the group takes nothing. */
static bool pulls(const struct comer *comer)
{
    const struct control *control = comer->control;
    const struct log_state *state = log_state(control->log, comer->group);

    return epoch_answer_has(&comer->answer, control->options.node) &&
           (state == NULL || state->last + FILL_TAIL_ENTRIES < comer->answer.applied);
}

/* Whether one that reads its log for others anyway is a member too, and may begin in a moment: what
 * is pulled from it costs no read of its own. */
bool giver_awaits_common(struct comer *comer)
{
    const struct model_shard *row =
        model_shard_by_group(catalog_model(comer->control->catalog), comer->group, NULL);
    uint64_t common = row != NULL ? common_giver(comer, row) : 0;

    if (common == 0 || common == comer->source || !epoch_answer_has(&comer->answer, common) ||
        !pulls(comer))
        return false;
    comer->from = comer->source;
    comer->wait_ms = COMER_WAIT_MS_FIRST;
    return true;
}

#include "control/sealing.h"

#include <string.h>

#include "base/mutant.h"
#include "control/placed.h"
#include "control/succession.h"

/* Whether so many of those who go on are up and behind that writers would wait, until they have the
 * SEAL, for longer than for a hand-over.  Whoever does not catch up is not waited for for ever. */
static bool waits(const struct control *control, const struct model_shard *row,
                  const struct shard *shard, const struct sealing *sealing)
{
    const struct log_state *state = log_state(control->log, row->group);
    uint32_t stay = 0, behind = 0, others = row->member_count / 2;

    if (MUTANT(sealed_ahead) ||
        control_now_ms(control) - sealing->since_ms >= CONTROL_SEAL_BEHIND_MS)
        return false;
    for (uint32_t i = 0; i < row->member_count; i++) {
        uint64_t node = row->members[i];
        if (!placed_in(state, node) ||
            (node != control->options.node && control_health(control, node) != NODE_UP))
            continue;
        stay++;
        behind += shard_is_behind(shard, node);
    }
    return stay > others && stay - behind <= others;
}

/* Whether a majority of the row's members is up: it may have been proposed long before it was
 * committed, and what was lost of its members since was no loss to the epoch that runs. */
static bool can_begin(const struct control *control, const struct model_shard *row)
{
    uint32_t up = 0;

    for (uint32_t i = 0; i < row->member_count; i++)
        up += row->members[i] == control->options.node ||
              control_health(control, row->members[i]) == NODE_UP;
    return up > row->member_count / 2;
}

/* Whether one more epoch may end now.  One that was asked for before goes on. */
static bool may_end(struct control *control, struct sealing *sealing)
{
    struct host *host = &control->host;
    uint64_t now_ms = control_now_ms(control);

    if (sealing->asked)
        return true;
    if (now_ms - host->seals_ms >= CONTROL_SEALS_EVERY_MS) {
        host->seals_ms = now_ms;
        host->seals = 0;
    }
    if (host->seals == CONTROL_SEALS_AT_ONCE) {
        host->sealing_more = true;
        return false;
    }
    host->seals++;
    sealing->asked = true;
    return true;
}

void sealing_look(struct control *control, const struct model_shard *row, struct shard *shard,
                  struct sealing *sealing)
{
    struct seal seal = { .epoch = row->epoch, .member_count = row->member_count };
    bool leads = shard_leads(shard);

    if (shard_status(shard).replica.epoch >= row->epoch || (!leads && shard_leader(shard) != 0))
        return;
    control->host.sealing = true;
    if (!leads && !MUTANT(stale_member_waits))
        succession_want(control, row->group, row->epoch, 0);
    if (!leads || !can_begin(control, row))
        return;
    if (sealing->epoch != row->epoch)
        *sealing = (struct sealing){ .epoch = row->epoch, .since_ms = control_now_ms(control) };
    if (waits(control, row, shard, sealing) || !may_end(control, sealing))
        return;
    memcpy(seal.members, row->members, sizeof(seal.members));
    shard_seal(shard, &seal);
}

/* Who led, one that hands over too: its successor has only heard of the SEAL.  Of one that leaves
 * it is the first of those who go on.  0: nobody knows. */
static uint64_t heir_of(const struct control *control, const struct shard *shard,
                        const struct seal *seal)
{
    const struct log_state *state = log_state(control->log, shard_group(shard));
    bool led = shard_status(shard).replica.role != REPLICA_FOLLOWER;
    uint64_t leader = led ? control->options.node : shard_leader(shard);

    if (leader == 0 || seal_has(seal, leader))
        return leader;
    for (uint32_t i = 0; i < seal->member_count && !MUTANT(heir_waits); i++)
        if (placed_in(state, seal->members[i]))
            return seal->members[i];
    return 0;
}

/* The heir asks for the first term of the epoch, and has its own vote then.  The others' are on
 * their disks with the START, so that it need not wait for another write of theirs. */
bool sealing_vote(const struct control *control, const struct shard *shard,
                  const struct seal *seal, struct log_state *start)
{
    uint64_t heir = heir_of(control, shard, seal);
    bool stays = seal_has(seal, control->options.node);

    if (heir == 0 || heir == control->options.node)
        return heir != 0;
    if (stays && !MUTANT(heir_unvoted)) {
        start->term++;
        start->vote = heir;
    }
    return false;
}

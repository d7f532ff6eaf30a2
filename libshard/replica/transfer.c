#include "replica/transfer.h"

#include "base/ensure.h"
#include "base/limits.h"
#include "base/mutant.h"
#include "replica/election.h"
#include "replica/feed.h"

static void look(struct timer *timer);

bool transfer_under_way(const struct replica *replica)
{
    return replica->transfer.phase != TRANSFER_NONE;
}

bool replica_transferring(const struct replica *replica)
{
    return transfer_under_way(replica);
}

bool transfer_is_quiet(const struct replica *replica)
{
    return replica->transfer.phase == TRANSFER_QUIET;
}

/* ---- the leader ---- */

/* One that is up and still comes into the epoch votes for nobody. */
static bool can_vote(const struct replica *replica, const struct member *member)
{
    bool heard = member->heard_ms != 0 &&
                 replica_now_ms(replica) - member->heard_ms <
                     replica->roster->options.election_timeout_ms;

    return net_is_up(replica->roster->world.net, member->node) && (heard || MUTANT(comer_votes));
}

/* Whether the members without this one can elect: it votes for nobody while it leads. */
static bool others_can_elect(struct replica *replica)
{
    uint32_t up = 0;

    for (uint32_t k = 0; k < replica->member_count; k++)
        up += k != replica->self && can_vote(replica, &replica->members[k]);
    return up > replica->member_count / 2;
}

static uint64_t last_index(const struct replica *replica)
{
    return log_state(replica->roster->world.log, replica->group)->last;
}

/* What it lacks comes from the log in large pieces, and writers would wait for all of it. */
static bool is_fed(const struct member *target)
{
    return target->feed != NULL && !MUTANT(fed_heir);
}

enum err replica_transfer(struct replica *replica, uint64_t node)
{
    const struct member *target = replica_member(replica, node);

    if (target == NULL || target->peer == NULL)
        return ERR_NOT_FOUND;
    if (transfer_under_way(replica))
        return ERR_BUSY;
    if (replica->closing || replica->broken || !replica->leading ||
        replica->role != REPLICA_LEADER)
        return ERR_NOT_LEADER;
    if (!can_vote(replica, target) || !others_can_elect(replica) ||
        target->match + TRANSFER_BEHIND_MAX < last_index(replica) || is_fed(target))
        return ERR_UNAVAILABLE;

    replica->transfer.phase = TRANSFER_DRAIN;
    replica->transfer.target = node;
    replica->transfer.fed = false;
    replica->transfer.begun_ms = replica_now_ms(replica);
    replica->transfer.due_ms = replica->transfer.begun_ms +
                               (replica->roster->ails ? TRANSFER_AILING_MS : TRANSFER_DRAIN_MS);
    timer_start(replica->roster->world.clock, &replica->transfer.timer, 0, look);
    replica_wake(replica); /* the owner hears that it takes no proposals */
    return ERR_OK;
}

static void leave(struct replica *replica)
{
    replica->transfer.phase = TRANSFER_NONE;
    timer_stop(&replica->transfer.timer);
}

void transfer_end(struct replica *replica)
{
    if (!transfer_under_way(replica))
        return;
    if (replica->transfer.phase != TRANSFER_DRAIN)
        replica->roster->figures.transfers++;
    else
        replica->roster->figures.transfers_failed++;
    leave(replica);
}

/* It did not happen: on as before. */
static void give_up(struct replica *replica)
{
    replica->roster->figures.transfers_failed++;
    leave(replica);
    replica_wake(replica);
}

/* Nothing of ours is on its way anywhere, and the target has it all. */
static bool is_drained(struct replica *replica)
{
    const struct member *target = replica_member(replica, replica->transfer.target);
    uint64_t last = last_index(replica);

    return list_empty(&replica->requests) && list_empty(&replica->lost) &&
           list_empty(&replica->appends) && replica->applied == last && target->match == last;
}

/* libraft does not send what a member lacks before its next heartbeat, when a message was lost or
 * the member was fed until a moment ago, and meanwhile nothing is taken here. */
static void feed_target(struct replica *replica)
{
    struct member *target = replica_member(replica, replica->transfer.target);

    if (replica->transfer.fed || !list_empty(&replica->requests) ||
        target->match >= last_index(replica) || MUTANT(heir_unfed) ||
        replica_now_ms(replica) - replica->transfer.begun_ms < TRANSFER_FEED_MS)
        return;
    replica->transfer.fed = true;
    feed_wake(replica, target, target->match + 1);
}

/* What waits here does so for this node's own disk: proposals end with ERR_UNKNOWN, as in any other
 * change of leaders, and the entries, which the target has on its disk, may yet be committed. */
static bool goes_undrained(struct replica *replica)
{
    return replica->roster->ails &&
           replica_member(replica, replica->transfer.target)->match == last_index(replica);
}

static void hand_over(struct replica *replica)
{
    uint64_t now = replica_now_ms(replica);

    /* The lease first: answers to what was sent until now count no more. */
    replica->lead_since_ms = now + 1;
    for (uint32_t k = 0; k < replica->member_count; k++)
        replica->members[k].heard_ms = 0;
    for (uint32_t k = 0; k < replica->member_count; k++) {
        struct member *member = &replica->members[k];
        bool chosen = member->node == replica->transfer.target;
        if (k != replica->self)
            io_net_word(replica, member, chosen ? ENVELOPE_ELECT : ENVELOPE_LET_GO, now);
    }
    replica->transfer.phase = TRANSFER_QUIET;
    replica->transfer.due_ms = now + TRANSFER_QUIET_MS;
}

/* It did not come about in time, and may yet: whoever gave us up may be about to vote.  What is
 * taken now could end unknown.  Who has answered us again votes for nobody else. */
static void come_back(struct replica *replica)
{
    replica->transfer.phase = TRANSFER_BACK;
    replica->transfer.due_ms =
        replica_now_ms(replica) + replica->roster->options.election_timeout_ms;
    for (uint32_t k = 0; k < replica->member_count; k++) {
        replica->members[k].beat_ms = 0;
        if (k != replica->self)
            io_net_beat(replica, &replica->members[k]);
    }
}

static bool is_back(const struct replica *replica)
{
    uint32_t count = 1;

    if (replica->transfer.phase != TRANSFER_BACK)
        return false;
    for (uint32_t k = 0; k < replica->member_count; k++)
        count += k != replica->self && replica->members[k].heard_ms != 0;
    return count > replica->member_count / 2;
}

static void look(struct timer *timer)
{
    struct transfer *transfer = container_of(timer, struct transfer, timer);
    struct replica *replica = container_of(transfer, struct replica, transfer);
    uint64_t now = replica_now_ms(replica);

    ensure(replica->leading && transfer_under_way(replica));
    if (transfer->phase == TRANSFER_DRAIN &&
        (is_drained(replica) || (now >= transfer->due_ms && goes_undrained(replica))))
        hand_over(replica);
    else if (transfer->phase == TRANSFER_DRAIN)
        feed_target(replica);
    if (now >= transfer->due_ms && transfer_is_quiet(replica))
        come_back(replica);
    if (now >= transfer->due_ms || is_back(replica)) {
        give_up(replica);
        return;
    }
    timer_start(replica->roster->world.clock, timer,
                transfer_is_quiet(replica) ? transfer->due_ms - now : TRANSFER_LOOK_MS, look);
}

/* ---- the others ---- */

void transfer_hear(struct replica *replica, const struct letter *letter)
{
    const struct envelope *envelope = &letter->envelope;

    if (raft_state(&replica->raft) != RAFT_FOLLOWER || envelope->term != replica->term ||
        replica->stamp_term != envelope->term || replica->stamp_from != letter->from ||
        replica->stamp > envelope->stamp)
        return;
    election_let_go(replica, letter->from, envelope->stamp, envelope->type == ENVELOPE_ELECT);
}

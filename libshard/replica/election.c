#include "replica/election.h"

#include "base/ensure.h"
#include "base/limits.h"
#include "base/mutant.h"
#include "replica/fence.h"

#define FIRST_MS 10u       /* the first successor asks so long after the others let go, */
#define FIRST_SPREAD_MS 10u /* and up to so much later, by group */
#define NEXT_MS 150u       /* from one successor to the next */
#define BUSY_MS 5u         /* entries are on their way to the disk: try again after it */
#define EAGER_MS 10u       /* a new group's members open within some of these, */
#define EAGER_MORE_MS 10u /* each longer than the last: what was asked may wait for their disks */
#define LEASE_MARGIN 8u    /* clocks may drift apart by this part of T */

/* Of the quarter that only the preferred member has.  One that has just become preferred, and one
 * that has not heard of it, do not ask for votes at the same time again and again. */
#define PREFERRED_PLACES (4 * (GROUP_MEMBERS_MAX + 1))

static bool ask(struct replica *replica);
static void arm(struct roster *roster);

static uint32_t timeout_of(const struct replica *replica)
{
    return replica->roster->options.election_timeout_ms;
}

/* Place of a member among those who are not preferred, which differs between groups. */
static uint32_t place(const struct replica *replica, uint32_t at, uint32_t *others)
{
    uint32_t place = 0, count = 0;
    uint32_t turn = (uint32_t)(replica->group % replica->member_count);

    for (uint32_t k = 0; k < replica->member_count; k++) {
        uint32_t k_at = (turn + k) % replica->member_count;
        if (replica->members[k_at].node == replica->preferred)
            continue;
        if (k_at == at)
            place = count;
        count++;
    }
    ensure(count > 0); /* at least the one that was asked about */
    *others = count;
    return place;
}

void replica_prefer(struct replica *replica, uint64_t preferred)
{
    replica->preferred = preferred;
}

int election_timeout(const struct replica *replica, int min, int max)
{
    uint32_t others;

    if (replica->roster->ails)
        return max;
    if (replica->members[replica->self].node == replica->preferred)
        return min + (int)replica->self * (max - min) / PREFERRED_PLACES;
    uint32_t at = place(replica, replica->self, &others);
    uint32_t low = (uint32_t)min + (uint32_t)(max - min) / 4, range = (uint32_t)max - low;
    uint32_t step = range / others;
    uint32_t timeout = low + at * step;

    /* Chance only within the own step, so that no two members ever wait the same time. */
    if (step > 1)
        timeout += (uint32_t)random_below(replica->roster->world.random, step / 2 + 1);
    return (int)(timeout < (uint32_t)max ? timeout : (uint32_t)max);
}

/* ---- elections at once ---- */

static void hurry(struct replica *replica, uint64_t gone, uint32_t after_ms, uint32_t again_ms,
                  uint32_t tries)
{
    struct roster *roster = replica->roster;

    replica->hurry_gone = gone;
    replica->hurry_ms = replica_now_ms(replica) + after_ms;
    replica->hurry_again_ms = again_ms;
    replica->hurry_more_ms = 0;
    replica->hurry_left = tries;
    replica->let_go_stamp = 0;
    replica->let_go_only = false;
    if (!list_linked(&replica->hurry_link))
        list_append(&roster->hurried, &replica->hurry_link);
    /* Thousands may come here in one turn: no walk over all of them for each. */
    if (!timer_running(&roster->hurry) ||
        roster->hurry.due_ns / 1000000u > replica->hurry_ms)
        timer_start(roster->world.clock, &roster->hurry, after_ms, election_hurry);
}

void election_cancel(struct replica *replica)
{
    list_remove(&replica->hurry_link);
}

void election_eager(struct replica *replica)
{
    /* It may have promised a leader to wait, if there are others.  One that leaves asks nobody, and
     * would only raise its term. */
    if ((replica->forgetful && replica->member_count > 1) || replica->roster->retired)
        return;
    uint32_t tries = 1;
    for (uint32_t ms = 0, pause_ms = EAGER_MS; ms < timeout_of(replica); tries++) {
        ms += pause_ms;
        pause_ms += EAGER_MORE_MS;
    }
    hurry(replica, 0, EAGER_MS, EAGER_MS + EAGER_MORE_MS, tries);
    replica->hurry_more_ms = EAGER_MORE_MS;

    /* It is the first term that this epoch can have a leader in: it can be in nobody's way, and no
     * round is spent on finding that out.  But who is not trusted yet only asks whether it may ask
     * (S8). */
    raft_set_pre_vote(&replica->raft, !replica->roster->trusted || MUTANT(eager_pre_votes));
    ask(replica);
    raft_set_pre_vote(&replica->raft, true);
}

void election_let_go(struct replica *replica, uint64_t leader, uint64_t stamp, bool chosen)
{
    if (replica->broken || replica->closing)
        return;
    hurry(replica, leader, chosen ? TRANSFER_ASK_MS : 0, TRANSFER_AGAIN_MS,
          chosen ? TRANSFER_TRIES : 1);
    replica->let_go_stamp = stamp;
    replica->let_go_term = replica->term;
    replica->let_go_only = !chosen;
}

/* The leader that asked to be let go leads on, and may rely on this member again. */
static bool is_held_again(const struct replica *replica)
{
    return replica->let_go_stamp != 0 &&
           (replica->stamp_term != replica->let_go_term || replica->stamp > replica->let_go_stamp);
}

/* Place of a member among the successors of `gone`: the preferred one first. */
static uint32_t rank_of(const struct replica *replica, uint32_t at, uint64_t gone)
{
    uint32_t turn = (uint32_t)(replica->group % replica->member_count);
    uint32_t rank = 0;

    if (replica->members[at].node == replica->preferred)
        return 0;
    for (uint32_t k = 0; k < replica->member_count; k++) {
        const struct member *member = &replica->members[k];
        if (member->node == replica->preferred && member->node != gone)
            rank++;
    }
    for (uint32_t k = 0; k < replica->member_count; k++) {
        uint32_t k_at = (turn + k) % replica->member_count;
        const struct member *member = &replica->members[k_at];
        if (k_at == at)
            break;
        if (member->node != gone && member->node != replica->preferred)
            rank++;
    }
    return rank;
}

static uint64_t leader_of(struct replica *replica)
{
    const char *address;
    raft_id leader = 0;

    raft_leader(&replica->raft, &leader, &address);
    return leader;
}

void election_gone(struct replica *replica, uint64_t node)
{
    if (replica->broken || replica->over || node == 0)
        return;
    election_tick(replica); /* a vote may have waited for a promise to this node */
    if (raft_state(&replica->raft) == RAFT_LEADER || leader_of(replica) != node)
        return;

    uint32_t rank = replica->roster->ails ? replica->member_count
                                          : rank_of(replica, replica->self, node);
    uint32_t first = FIRST_MS + (uint32_t)(replica->group % FIRST_SPREAD_MS);
    if (rank == 0)
        hurry(replica, node, first, NEXT_MS * replica->member_count, 2);
    else
        hurry(replica, node, 0, NEXT_MS * rank, 2);
}

void election_asked(struct replica *replica, const struct raft_request_vote *vote)
{
    if (vote->pre_vote || vote->term == replica->asked.term)
        return;
    replica->asked = *vote;
    replica->sent_ms = replica_now_ms(replica);
    replica->refused = false;
    replica->granted = 0;
}

void election_voted(struct replica *replica, const struct member *member,
                    const struct envelope *envelope)
{
    if (envelope->term != replica->asked.term || (envelope->flags & ENVELOPE_PRE_VOTE) != 0)
        return;
    if ((envelope->flags & ENVELOPE_GRANTED) != 0)
        replica->granted |= 1u << (member - replica->members);
    else
        replica->refused = true;
}

static bool has_asked(struct replica *replica)
{
    return raft_state(&replica->raft) == RAFT_CANDIDATE && replica->asked.term == replica->term;
}

/* The answers to its request of this term may wait for disks still, and one of a new term would
 * make them void; or a member was not open yet when it came.  That the votes are split only a
 * refusal tells. */
static bool is_asking(struct replica *replica)
{
    return has_asked(replica) && !replica->refused && !MUTANT(asks_anew);
}

/* It asked at once in the first term of an epoch, which somebody else won or may win: one of the
 * next term would be in the way of that one. */
static bool is_late(struct replica *replica)
{
    return replica->hurry_more_ms != 0 && has_asked(replica) && replica->refused;
}

/* The request has not left this node: what it claims waits for the own disk. */
static bool is_writing(const struct replica *replica)
{
    return fence_turn(replica, ENVELOPE_VOTE) > log_durable(replica->roster->world.log);
}

/* As libraft would, to which it is nothing new.  Not to those who have granted it: they would not
 * ask for votes themselves for another election timeout. */
static void send_again(struct replica *replica)
{
    for (uint32_t k = 0; k < replica->member_count; k++) {
        struct raft_message message = { .type = RAFT_IO_REQUEST_VOTE,
                                        .server_id = replica->members[k].node,
                                        .server_address = replica->members[k].address,
                                        .request_vote = replica->asked };
        if (k != replica->self && (replica->granted & 1u << k) == 0)
            replica->io.send(&replica->io, NULL, &message, NULL);
    }
    replica->sent_ms = replica_now_ms(replica);
}

bool election_asks(struct replica *replica)
{
    uint64_t since_ms = replica_now_ms(replica) - replica->sent_ms;

    if (!is_asking(replica))
        return false;
    if (since_ms >= replica->roster->options.heartbeat_ms && !is_writing(replica))
        send_again(replica);
    return true;
}

/* Asks for votes now, unless somebody leads.  False: try again a moment later. */
static bool ask(struct replica *replica)
{
    uint64_t leader = leader_of(replica);

    if (replica->broken || raft_state(&replica->raft) == RAFT_LEADER ||
        (leader != 0 && leader != replica->hurry_gone) || is_held_again(replica) ||
        is_late(replica)) {
        replica->hurry_left = 0;
        return true;
    }
    if (is_asking(replica)) {
        if (is_writing(replica))
            return false;
        replica->hurry_left--;
        send_again(replica);
        return true;
    }
    if (!fence_tick(replica))
        return false;
    replica->hurry_left--;
    replica->time_shift_ms += 2 * (uint64_t)timeout_of(replica);
    replica->calm_until_ms = 0;
    /* What it promised before it was opened was promised to the leader that lets go, which relies
     * on it no more, or to one whose lease was over when that one was elected. */
    if (replica->let_go_stamp != 0 && !MUTANT(let_go_holds))
        replica->forgetful = false;
    /* libraft gives a leader up only by asking for votes itself.  Who was not chosen is not heard
     * to ask: on a busy machine it would come late, and split the votes. */
    replica->muted = replica->let_go_only;
    replica->tick(&replica->io);
    replica->muted = false;
    replica_settle(replica);
    election_tick(replica); /* a vote may have waited for what is given up now */
    return true;
}

void election_hurry(struct timer *timer)
{
    struct roster *roster = container_of(timer, struct roster, hurry);
    struct list_node *next;

    for (struct list_node *node = list_first(&roster->hurried); node != NULL; node = next) {
        struct replica *replica = container_of(node, struct replica, hurry_link);
        uint64_t now = replica_now_ms(replica);

        next = list_next(&roster->hurried, node);
        if (replica->hurry_ms > now)
            continue;
        bool asked = ask(replica);
        replica->hurry_ms = now + (asked ? replica->hurry_again_ms : BUSY_MS);
        replica->hurry_again_ms += asked ? replica->hurry_more_ms : 0;
        if (replica->hurry_left == 0)
            list_remove(&replica->hurry_link);
    }
    arm(roster);
}

/* Starts the timer for the one that is due first. */
static void arm(struct roster *roster)
{
    uint64_t now = clock_mono_ms(roster->world.clock), due = UINT64_MAX;

    for (struct list_node *node = list_first(&roster->hurried); node != NULL;
         node = list_next(&roster->hurried, node)) {
        const struct replica *replica = container_of(node, struct replica, hurry_link);
        if (replica->hurry_ms < due)
            due = replica->hurry_ms;
    }
    if (due == UINT64_MAX)
        timer_stop(&roster->hurry);
    else
        timer_start(roster->world.clock, &roster->hurry, due > now ? due - now : 0,
                    election_hurry);
}

/* ---- leases ---- */

/* Whether a leader that is neither this node nor `candidate`, who leads nothing now, may still
 * rely on what this member forgot. */
static bool may_have_promised(const struct replica *replica, uint64_t candidate)
{
    if (!replica->forgetful || replica_now_ms(replica) - replica->opened_ms >= timeout_of(replica))
        return false;
    for (uint32_t k = 0; k < replica->member_count; k++) {
        uint64_t node = replica->members[k].node;
        if (k != replica->self && node != candidate &&
            !net_is_gone(replica->roster->world.net, node))
            return true;
    }
    return false;
}

bool election_holds_vote(struct replica *replica, struct letter *letter)
{
    if (MUTANT(votes_unheld) || !may_have_promised(replica, letter->from))
        return false;
    letter_free(replica->vote_held);
    replica->vote_held = letter;
    return true;
}

void election_tick(struct replica *replica)
{
    struct letter *letter = replica->vote_held;

    if (letter == NULL || may_have_promised(replica, letter->from))
        return;
    replica->vote_held = NULL;
    io_net_receive(replica, letter);
}

bool election_has_lease(const struct replica *replica)
{
    uint64_t now = replica_now_ms(replica);
    uint32_t margin = timeout_of(replica) / LEASE_MARGIN;
    uint32_t count = 1;

    if (!replica->leading || !replica->barrier_applied)
        return false;
    if (MUTANT(lease_always))
        return true;
    /* Only a follower that has the barrier on its disk counts: if it forgets its promise, it has
     * not forgotten that it had entries. */
    for (uint32_t k = 0; k < replica->member_count; k++) {
        const struct member *member = &replica->members[k];
        if (k != replica->self && member->match >= replica->barrier_index &&
            member->heard_ms != 0 && now - member->heard_ms < timeout_of(replica) - margin)
            count++;
    }
    return count > replica->member_count / 2;
}

/* What others may know of a member. */
#include "base/mutant.h"
#include "replica/election.h"
#include "replica/replica_private.h"

uint64_t replica_begun_with(const struct replica *replica)
{
    struct entry_head head;

    if (replica->epoch == 1)
        return replica->start_index;
    /* A START that lies behind an image or a fill says nothing of the others. */
    return log_head(replica->roster->world.log, replica->group, replica->start_index, &head) ==
                       ERR_OK &&
                   head.type == ENTRY_SEAL
               ? replica->start_index
               : 0;
}

static uint64_t whole(const struct replica *replica)
{
    uint64_t base = replica_begun_with(replica), lowest = replica->applied;

    if (!replica->leading)
        return base;
    for (uint32_t k = 0; k < replica->member_count; k++)
        if (k != replica->self && replica->members[k].match < lowest)
            lowest = replica->members[k].match;
    return lowest > base ? lowest : base;
}

/* Those that do not answer may have lost what they had.  Who led last knows no better than it did
 * then, until another one leads. */
static uint64_t shared(const struct replica *replica)
{
    if (!replica->leading && !replica->led_last)
        return replica->applied;

    uint64_t most[GROUP_MEMBERS_MAX] = { 0 }, now = replica_now_ms(replica);
    uint32_t others = replica->member_count / 2;

    for (uint32_t k = 0; k < replica->member_count; k++) {
        const struct member *member = &replica->members[k];
        uint64_t match = member->match;
        if (k == replica->self || member->heard_ms == 0 ||
            now - member->heard_ms >= replica->roster->options.election_timeout_ms)
            continue;
        for (uint32_t i = 0; i < others; i++) { /* descending */
            uint64_t less = most[i] < match ? most[i] : match;
            most[i] = most[i] < match ? match : most[i];
            match = less;
        }
    }
    return others == 0 || most[others - 1] > replica->applied ? replica->applied
                                                              : most[others - 1];
}

/* Its node is up, and this leader has not heard it: it was filled a moment ago, or still is, and
 * lacks what has come since. */
static bool comes_in(const struct replica *replica, const struct member *member)
{
    return member->heard_ms == 0 && net_is_up(replica->roster->world.net, member->node) &&
           !MUTANT(comer_is_whole);
}

/* One that has not answered this leader yet may be busy with what the last one sent. */
static bool answers(const struct replica *replica, const struct member *member)
{
    uint64_t since_ms = member->heard_ms != 0 ? member->heard_ms : replica->lead_since_ms;

    return replica_now_ms(replica) - since_ms < replica->roster->options.election_timeout_ms;
}

bool replica_is_behind(const struct replica *replica, uint64_t node)
{
    uint64_t last = log_state(replica->roster->world.log, replica->group)->last;

    for (uint32_t k = 0; replica->leading && k < replica->member_count; k++) {
        const struct member *member = &replica->members[k];
        if (member->node != node || k == replica->self)
            continue;
        if (member->refused_ms != 0)
            return false;
        return comes_in(replica, member) ||
               (answers(replica, member) &&
                (member->feed != NULL || member->match + SEAL_BEHIND_MAX < last));
    }
    return false;
}

struct replica_status replica_status(const struct replica *replica)
{
    const struct log_state *state = log_state(replica->roster->world.log, replica->group);

    return (struct replica_status){
        .group = replica->group,
        .term = replica->term,
        .leader = replica->role_leader,
        .hears = replica_hears(replica),
        .epoch = replica->epoch,
        .role = replica->role,
        .applied = replica->applied,
        .applied_term = replica->applied_term,
        .applied_time_ms = replica->applied_time_ms,
        .whole = whole(replica),
        .shared = shared(replica),
        .over = replica->over,
        .last = state->last,
        .first = state->first,
        .lease = replica_has_lease(replica),
    };
}

struct replica_glance replica_glance(const struct replica *replica)
{
    return (struct replica_glance){ .group = replica->group,
                                    .term = replica->term,
                                    .applied = replica->applied,
                                    .epoch = replica->epoch,
                                    .role = replica->role };
}

bool replica_has_lease(const struct replica *replica)
{
    return replica->role == REPLICA_LEADER && election_has_lease(replica);
}

uint64_t replica_heard_ms(const struct replica *replica)
{
    return replica->heard_ms;
}

uint64_t replica_hears(const struct replica *replica)
{
    uint64_t silent_ms = replica_now_ms(replica) - replica->heard_ms;

    return replica->role == REPLICA_FOLLOWER && replica->heard_ms != 0 &&
                   silent_ms < replica->roster->options.election_timeout_ms
               ? replica->role_leader
               : 0;
}

uint64_t replica_group(const struct replica *replica)
{
    return replica->group;
}

uint64_t replica_applied(const struct replica *replica)
{
    return replica->applied;
}

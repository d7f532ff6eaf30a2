#include "replica/fence.h"

#include "base/ensure.h"
#include "base/limits.h"

static bool appends_in_flight(const struct replica *replica);

/* F1.  A follower that becomes a candidate while entries are on their way to its disk counts them
 * as its own before they are durable, and acknowledges them to whoever leads when they are.
 * A leader is ticked always: its tick is what makes it step down. */
/* It leads, and its own vote is not on the disk yet: nothing that it says leaves (F7).  libraft
 * would step down for want of answers, and what it said would leave all the same. */
static bool is_unheard(const struct replica *replica)
{
    return FENCE(F7) && !MUTANT(unheard_ticks) &&
           replica->hard_turn > log_durable(replica->roster->world.log);
}

bool fence_tick(struct replica *replica)
{
    if (raft_state(&replica->raft) == RAFT_LEADER)
        return !is_unheard(replica);
    if (!FENCE(F1))
        return true;
    return !appends_in_flight(replica);
}

bool fence_blocks(struct replica *replica, const struct letter *letter)
{
    const struct envelope *envelope = &letter->envelope;
    const char *address;
    raft_id leader = 0;

    /* F19.  While it takes a snapshot libraft 0.15 drops AppendEntries without an answer, so that
     * nobody could say what they verified.  Ours ends within the turn. */
    if (FENCE(F19) && replica->put != NULL)
        return true;

    /* F13.  A leader that hears of a higher term steps down, and its own entries that are on their
     * way become those of a follower: let them arrive first. */
    if (raft_state(&replica->raft) == RAFT_LEADER)
        return FENCE(F13) && envelope->term > replica->term && !list_empty(&replica->appends);

    /* F1.  The completion of an append answers whoever leads then: nothing that may change the
     * leader or the term passes before it. */
    if (!FENCE(F1) || !appends_in_flight(replica))
        return false;
    raft_leader(&replica->raft, &leader, &address);
    return envelope->type != ENVELOPE_APPEND || envelope->term != replica->term ||
           leader != letter->from;
}

/* F13 extends F1 to entries that this node appended while it led. */
static bool appends_in_flight(const struct replica *replica)
{
    const struct list *appends = &replica->appends;

    if (FENCE(F13))
        return !list_empty(appends);
    for (struct list_node *node = list_first(appends); node != NULL;
         node = list_next(appends, node))
        if (!container_of(node, struct append, own)->as_leader)
            return true;
    return false;
}

/* F2.  The entries were another leader's, but the answer would go to the present one. */
bool fence_stale(const struct replica *replica, uint64_t term)
{
    return FENCE(F2) && replica->completing_term != 0 && term != replica->completing_term;
}

/* F3.  libraft 0.15 commits by counting copies, also of entries of older terms, which a later
 * leader may replace (figure 8 of the Raft paper).  It counts at its own last durable entry: once
 * that is the barrier, of its own term, counting is right.  Rejections pass: nobody counts them. */
bool fence_holds(const struct replica *replica, const struct envelope *envelope)
{
    return FENCE(F3) && replica->leading && !replica->barrier_durable &&
           envelope->type == ENVELOPE_APPENDED && envelope->term == replica->lead_term &&
           envelope->appended.rejected == 0;
}

/* F6.  The receiver commits up to min(commit, its own last entry), which may be a stale one behind
 * those that the message verifies. */
uint64_t fence_commit(uint64_t commit, uint64_t end)
{
    return FENCE(F6) && commit > end ? end : commit;
}

/* F18.  libraft refuses a previous entry that it has forgotten itself, and the leader walks down
 * for ever.  What is applied here is committed, hence in every later leader's log: start there. */
uint32_t fence_skip(struct replica *replica, const struct letter *letter,
                    struct raft_append_entries *append)
{
    uint64_t known = replica->committed;
    uint32_t skip = 0;

    if (!FENCE(F18) || append->prev_log_index >= known)
        return 0;
    if (append->term >= replica->term) {
        uint64_t behind = known - append->prev_log_index;
        struct entry_head own;

        skip = behind < append->n_entries ? (uint32_t)behind : append->n_entries;
        for (uint32_t k = 0; k < skip; k++) {
            const struct entry_head *head = &letter->entries[k].head;
            if (head->index <= replica->start_index)
                continue;
            if (log_head(replica->roster->world.log, replica->group, head->index, &own) == ERR_OK)
                ensure(own.term == head->term && own.crc == head->crc);
        }
        append->prev_log_index = known;
        append->prev_log_term = replica->committed_term;
        append->n_entries -= skip;
    }
    return skip;
}

/* F20.  libraft 0.15 answers a pre-vote in the term that was asked for, also when its own is
 * higher: the asker never learns of that term.  When it has the best log, the others have higher
 * terms and everybody is a pre-candidate, nobody is elected for ever (sim seed 24, two minutes). */
uint64_t fence_vote_term(const struct replica *replica,
                         const struct raft_request_vote_result *result)
{
    bool higher = !result->vote_granted && replica->term > result->term;

    return FENCE(F20) && higher ? replica->term : result->term;
}

/* F7.  A request for votes promises nothing: it only claims what this log ends with.  The vote for
 * oneself first counts in what one says as the leader of that term, and if it is forgotten before,
 * nobody has led in that term.  So all votes for it are written side by side.  But who knows that
 * its disk is slow is in nobody's way before it has written its vote. */
uint64_t fence_turn(const struct replica *replica, enum envelope_type type)
{
    if (!FENCE(F7))
        return 0;
    if (type == ENVELOPE_VOTE && !replica->roster->ails && !MUTANT(request_waits))
        return MUTANT(claims_early) ? 0 : replica->claim_turn;
    return type == ENVELOPE_APPEND && MUTANT(leads_unvoted) ? replica->claim_turn
                                                            : replica->hard_turn;
}

/* F21.  libraft has no flow control towards the disk: a follower whose log is full, or whose disk
 * is slower than the stream, would hold all that the leader sends in memory.  Without its entries
 * the message still says who leads, and the leader sends them again.  Those at its front that fit
 * are taken: a message may be larger than a segment, and than what a nearly full log has left. */
uint32_t fence_room(const struct replica *replica, const struct letter *letter, uint32_t skip)
{
    uint32_t count = letter->envelope.entries - skip, taken = 0;
    size_t bytes = 0;
    bool records = false;

    if (!FENCE(F21))
        return count;
    if (log_pending_bytes(replica->roster->world.log) > RAFT_PENDING_BYTES_MAX)
        return 0;
    for (; taken < count; taken++) {
        const struct entry_head *head = &letter->entries[skip + taken].head;
        bytes += ENTRY_HEAD_BYTES + head->length;
        records |= head->type == ENTRY_RECORDS;
        if (!fence_has_room(replica, records, bytes))
            break;
    }
    return taken;
}

/* F22.  libraft looks at a commit index when it comes, takes no more of it than is stored here, and
 * forgets the rest: a member whose disk is the slowest would hear with the next message that its
 * entries are committed.  Behind a SEAL there is none. */
bool fence_comes_early(const struct replica *replica, const struct letter *letter)
{
    const struct envelope *envelope = &letter->envelope;

    return FENCE(F22) && !list_empty(&replica->appends) && envelope->type == ENVELOPE_APPEND &&
           envelope->entries == 0 && envelope->term == replica->term &&
           envelope->append.prev_index <=
               log_state(replica->roster->world.log, replica->group)->last &&
           fence_commit(envelope->append.commit, envelope->append.prev_index) >
               replica->committed;
}

/* A full log must still elect (barriers) and delete streams (changes of the catalogue): that is
 * what gives room again. */
bool fence_has_room(const struct replica *replica, bool records, size_t bytes)
{
    const struct log *log = replica->roster->world.log;

    return records ? log_has_room(log, bytes) : log_has_reserve(log, bytes);
}

/* F12.  libraft 0.15 reports its own last entry, whatever the message verified; a new leader's
 * empty heartbeat would then commit an entry that only the leader has. */
void fence_verified(struct replica *replica, uint64_t term, uint64_t end)
{
    if (replica->verified_term != term) {
        replica->verified_term = term;
        replica->verified_index = 0;
    }
    if (end > replica->verified_index)
        replica->verified_index = end;
}

uint64_t fence_report(const struct replica *replica, uint64_t term, uint64_t last_index)
{
    uint64_t verified = replica->verified_term == term ? replica->verified_index : 0;

    return FENCE(F12) && last_index > verified ? verified : last_index;
}

/* fence.h - what libraft 0.15 lacks, one rule each.
 *
 * Each rule has a number, a reason, and a switch: built with -Dfence_off=F3
 * rule F3 is left out, as by fault no_F3 (base/mutant.h), for the simulator,
 * which must then find a violation.  They only delay, drop, shorten or repeat what
 * passes between libraft and the world, which Raft tolerates, and do no harm
 * with a later libraft.
 *
 *     F1   while a follower's appends are in flight: no tick, and only
 *          AppendEntries of the same term and leader; what comes behind waits
 *     F2   the result of an append of an older term is not sent
 *     F3   a new leader proposes a barrier at once; followers' successes and
 *          proposals wait for it
 *     F4   one entry in flight per group                          replica.c
 *     F5   appends complete in order, once, without an error      io_log.c
 *     F6   AppendEntries are cut, their commit index is clamped at both ends
 *     F7   nothing leaves before what it promises is durable
 *     F8   no callback from inside the call that started it       io_net.c
 *     F9   an instance that became UNAVAILABLE is opened anew     instance.c
 *     F10  applying only queues                                   instance.c
 *     F11  closing completes what is pending first                io_log.c, io_net.c
 *     F12  a success reports no more than this term's messages verified
 *     F13  F1 for the appends of a former leader too
 *     F14  followers behind libraft are fed from the log          feed.c
 *     F15  closing completes appends with status 0                io_log.c
 *     F16  nothing of an epoch leaves before its START is durable  instance.c
 *     F17  sending never fails                                    io_net.c
 *     F18  entries below the own applied index are skipped
 *     F19  nothing is delivered while libraft takes a snapshot
 *     F20  a refused pre-vote says the refuser's own term
 *     F21  a log that is full or far behind its disk takes no entries
 *     F22  a word that entries are committed waits until they are stored  io_net.c
 *     S8   a log that ends before a turn that a peer heard has forgotten:
 *          its node takes no part any more                       witness.c, roster.c
 */
#ifndef REPLICA_FENCE_H
#define REPLICA_FENCE_H

#include "base/mutant.h"
#include "replica/replica_private.h"

#define FENCE(rule) (!MUTANT(no_##rule))

/* Whether libraft may be ticked now (F1, F7, F13). */
bool fence_tick(struct replica *replica);

/* Whether a message must wait (F1, F13, F19). */
bool fence_blocks(struct replica *replica, const struct letter *letter);

/* Whether a result that libraft sends now is stale (F2). */
bool fence_stale(const struct replica *replica, uint64_t term);

/* Whether a follower's success must wait for the leader's barrier (F3). */
bool fence_holds(const struct replica *replica, const struct envelope *envelope);

/* The commit index that a message with entries up to `end` may carry (F6). */
uint64_t fence_commit(uint64_t commit, uint64_t end);

/* Skips what the receiver has applied: changes `append`, and says how many entries to leave out
 * (F18). */
uint32_t fence_skip(struct replica *replica, const struct letter *letter,
                    struct raft_append_entries *append);

/* The term that a vote result must carry (F20). */
uint64_t fence_vote_term(const struct replica *replica,
                         const struct raft_request_vote_result *result);

/* The turn that must be durable before a message of this kind leaves (F7). */
uint64_t fence_turn(const struct replica *replica, enum envelope_type type);

/* How many of the letter's entries from `skip` on the log can take (F21). */
uint32_t fence_room(const struct replica *replica, const struct letter *letter, uint32_t skip);

/* Whether a message that was delivered is to be delivered again, when all appends are durable: it
 * says of entries among those that they are committed (F22). */
bool fence_comes_early(const struct replica *replica, const struct letter *letter);

/* Whether it has room for entries of this kind: records leave the reserve alone. */
bool fence_has_room(const struct replica *replica, bool records, size_t bytes);

/* AppendEntries of `term` that speak of entries up to `end` were accepted (F12). */
void fence_verified(struct replica *replica, uint64_t term, uint64_t end);

/* The last index that a success of `term` may report (F12). */
uint64_t fence_report(const struct replica *replica, uint64_t term, uint64_t last_index);

#endif

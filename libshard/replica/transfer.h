/* transfer.h - a leader hands its group over to a member of its choice.
 *
 * libraft's own transfer is not used: it does not wait for what is in flight,
 * and its word is lost for good when the target is a moment late.  Ours needs no
 * right that an election does not have, so it can fail, but not harm:
 *
 *     DRAIN   no more proposals; until the target's log is durable up to ours
 *             and everything in it is applied here, TRANSFER_DRAIN_MS at most
 *     QUIET   the others are told: the target to elect, the rest to give up
 *             their belief in us.  We send no appends, which would wake that
 *             belief again, for TRANSFER_QUIET_MS, unless we hear of a new leader
 *     BACK    none has come, and one may yet: we send appends again, and take
 *             proposals when a majority has answered one, or after an election
 *             timeout
 *
 * Leases.  A follower that lets go breaks its promise to vote for nobody else,
 * so the leader gives its lease up before it says so: only answers to appends
 * sent after that moment count again.  A word may be late; it carries the moment
 * as its stamp, and who has read a newer append of this leader, and so may have
 * given it a new promise, does not act on it.
 */
#ifndef REPLICA_TRANSFER_H
#define REPLICA_TRANSFER_H

#include "replica/replica_private.h"

/* Whether the group is being handed over: no proposals, no promises. */
bool transfer_under_way(const struct replica *replica);

/* Whether no append may leave. */
bool transfer_is_quiet(const struct replica *replica);

/* This member leads no more, or is closed; legal at any time. */
void transfer_end(struct replica *replica);

/* A leader's word arrived, ENVELOPE_ELECT or ENVELOPE_LET_GO. */
void transfer_hear(struct replica *replica, const struct letter *letter);

#endif

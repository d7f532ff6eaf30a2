/* election.h - who asks for votes when, and who may rely on not being voted out.
 *
 * Three things around libraft's elections, all by public means:
 *
 * Timeouts.  The preferred member waits T, the others between 1.25 T and 2 T, no
 * two the same.  Another one may become preferred, and members hear of that one after
 * the other: for so long two may take themselves for it, and wait between T and 1.25 T.
 *
 * Elections at once.  When the process of a leader is known to be gone, nobody
 * has to wait out its lease.  libraft refuses votes while it believes in a
 * leader, so the later successors give up theirs first, by moving their io->time
 * ahead, and the first one asks a moment later; if it does not win, the next one
 * asks, and so on.
 *
 * Requests again.  A request for votes goes out again and again; until somebody has
 * refused it, no new term takes its place.  Its answers may wait for disks, or a
 * member may not have been open yet; and who is cut off does not disturb the others
 * later, by a term that it reached alone.
 *
 * Leases.  A follower that read a message of its leader votes for nobody else for
 * T.  A leader that knows when it sent the newest message that each follower
 * answered hence knows until when nobody else can lead.  A follower that was
 * opened anew has forgotten whom it promised what: for one T it keeps votes
 * waiting, unless nobody is left who could have a promise from it, or the leader
 * lets go: promises to earlier ones were over when that one was elected.
 */
#ifndef REPLICA_ELECTION_H
#define REPLICA_ELECTION_H

#include "replica/replica_private.h"

/* For raft_io's `random`. */
int election_timeout(const struct replica *replica, int min, int max);

/* The replica elects at once, and without a pre-vote: in the first term of an epoch nobody can be
 * disturbed, and others have voted for it with their START.  Some may be about to open. */
void election_eager(struct replica *replica);

/* The leader hands over, by a word with this stamp: the replica gives it up at once, or, `chosen`,
 * asks for votes a moment later.  Not when it reads a newer append of it before. */
void election_let_go(struct replica *replica, uint64_t leader, uint64_t stamp, bool chosen);

/* The process of `node` is gone; called for each replica. */
void election_gone(struct replica *replica, uint64_t node);

/* libraft asks for votes, or whether it may ask; also where nobody can be reached. */
void election_asked(struct replica *replica, const struct raft_request_vote *vote);

/* The member answered a request for votes, or a pre-vote. */
void election_voted(struct replica *replica, const struct member *member,
                    const struct envelope *envelope);

/* Whether its request for votes is open, so that libraft, whose next one would be of a new term, is
 * to be left alone; once per tick.  Sends the request again. */
bool election_asks(struct replica *replica);

/* No more of it; legal at any time. */
void election_cancel(struct replica *replica);

/* For the roster's timer. */
void election_hurry(struct timer *timer);

/* Whether a RequestVote must wait; then it is kept, in place of an older one. */
bool election_holds_vote(struct replica *replica, struct letter *letter);

/* Lets a vote that waited go when its time has come; once per tick. */
void election_tick(struct replica *replica);

/* Whether nobody else can lead now. */
bool election_has_lease(const struct replica *replica);

#endif

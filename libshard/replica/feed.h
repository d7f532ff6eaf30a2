/* feed.h - AppendEntries made from the log, for a follower behind libraft (F14).
 *
 * libraft keeps the newest entries' heads, and payloads are in memory only until
 * they are applied.  A follower that lacks more is fed by its leader from the
 * log, however long it was away: by bytes, paced by its answers, a few messages
 * under way, until libraft reaches it again.  libraft sees the answers and takes
 * them for its own.
 *
 *     feed_wake -> reads, sends, is answered ... -> feed_end
 *
 * A feed belongs to one leadership; it is on the heap because few followers need
 * one.
 */
#ifndef REPLICA_FEED_H
#define REPLICA_FEED_H

#include "replica/replica_private.h"

/* The follower lacks `next`, which libraft cannot send.  Nothing happens when it is fed already, or
 * when nothing of what it lacks is the feed's. */
void feed_wake(struct replica *replica, struct member *member, uint64_t next);

/* The follower answered something. */
void feed_answered(struct replica *replica, struct member *member,
                   const struct envelope *envelope);

/* Takes up what was lost; once per tick. */
void feed_tick(struct replica *replica, struct member *member);

/* Stops; legal when there is none. */
void feed_end(struct member *member);

#endif

/* outbox.h - what the replicas of this node have to say to other nodes.
 *
 * Messages of all groups to one peer gather during a turn and leave at its end
 * as one frame (replica/envelope.h).  A message that promises something that is
 * not on the disk yet (term, vote, truncation) is parked until it is: output
 * commit, F7.
 *
 *     outbox_init -> outbox_peer -> outbox_send ... (turn ends) -> net_send
 *                                   outbox_durable() lets parked ones go
 *     outbox_fini
 *
 * Each frame says what this node knows of both logs as of the moment when it
 * leaves (replica/witness.h); of its own nothing before it has promised anything.
 * An old copy of this node's directory writes turns too until it is found out: if
 * others heard of those, they would hold them against the right directory, which
 * does not have them.
 */
#ifndef REPLICA_OUTBOX_H
#define REPLICA_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "env/clock.h"
#include "env/net.h"
#include "log/entry.h"
#include "replica/envelope.h"
#include "replica/witness.h"

struct outbox_peer;

struct outbox {
    struct net *net;
    struct clock *clock;
    const struct witness *witness;
    bool mute; /* nothing leaves any more */
    bool speaks; /* frames say how far this log is durable */
    struct list peers;
    struct list parked; /* in the order of their sending */
    size_t parked_bytes, parked_count;
    struct defer flush;
    uint64_t messages, frames, dropped;
};

void outbox_init(struct outbox *outbox, struct net *net, struct clock *clock,
                 const struct witness *witness);
void outbox_fini(struct outbox *outbox);

/* The queue to `node`, made when there is none; lives as long as the outbox.  NULL: no memory. */
struct outbox_peer *outbox_peer(struct outbox *outbox, uint64_t node);

/* One entry of an AppendEntries. */
struct outbox_entry {
    const unsigned char *head; /* encoded */
    struct buf *payload;       /* NULL when it has none */
};

/* Queues one message; takes references on the payloads.  `turn` must be durable before it leaves,
 * `durable` is.  Dropped when there is no memory or no room: Raft copes. */
void outbox_send(struct outbox *outbox, struct outbox_peer *peer, const struct envelope *envelope,
                 const struct outbox_entry *entries, uint64_t turn, uint64_t durable);

/* Sends a frame without messages at once: the peer hears what this node knows of its log. */
void outbox_greet(struct outbox *outbox, uint64_t node);

/* What this node has is trusted: from now on frames say how far it goes, and each peer hears it. */
void outbox_speak(struct outbox *outbox);

/* Everything up to this turn is on the disk. */
void outbox_durable(struct outbox *outbox, uint64_t turn);

/* Bytes that wait to `peer`, here and below. */
size_t outbox_queued(const struct outbox *outbox, const struct outbox_peer *peer);

uint64_t outbox_node(const struct outbox_peer *peer);

#endif

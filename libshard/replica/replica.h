/* replica.h - one member of one Raft group.
 *
 * libraft elects, orders and commits; bytes, membership and catch-up are ours.
 * libraft sees 48-byte descriptors (log/entry.h) and remembers only the newest;
 * payloads go from the proposer to the log and to the peers beside it.  What
 * libraft 0.15 lacks is fenced in fence.h, one rule each.
 *
 *     replica_open -> FOLLOWER <-> LEADER (elected, its barrier applied)
 *                  -> replica_close
 *
 * One entry is in flight per group (F4): the owner gathers (shard/putq.h), and
 * proposes the next when the last was settled.
 *
 * Loop thread only.  Callbacks never from inside a call.
 */
#ifndef REPLICA_REPLICA_H
#define REPLICA_REPLICA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "log/entry.h"
#include "replica/roster.h"

struct replica;

enum replica_role {
    REPLICA_FOLLOWER, /* or candidate */
    REPLICA_ELECTED,  /* leads, but its barrier is not applied yet, or it hands over: no proposals,
                       * no promises */
    REPLICA_LEADER    /* takes proposals */
};

/* What the owner hears.  Two kinds of owners live in one process (shards and the catalogue), hence
 * a table of functions. */
struct replica_events {
    /* The next entry is committed and durable here.  In order of indices, each once per opening,
     * from applied + 1 on.  `payload` is NULL when it is not in memory: log_read() has it. */
    void (*applied)(void *ctx, const struct entry_head *head, struct buf *payload);
    /* The role or the known leader changed.  `leader` is a node id, 0 = unknown. */
    void (*role)(void *ctx, enum replica_role role, uint64_t leader);
    /* As `applied`, of the SEAL that ends this epoch (replica/seal.h): nothing follows.  The member
     * is over: it says, hears and stores nothing any more, and waits to be closed.  The owner makes
     * the next epoch's START durable in the same turn, where this node is in it.  NULL: a group
     * whose members never change. */
    void (*sealed)(void *ctx, const struct entry_head *head, struct buf *payload);
    /* The applied state in at most IMAGE_BYTES_MAX bytes, for restarts.  Returns the length. */
    uint32_t (*image)(void *ctx, unsigned char bytes[IMAGE_BYTES_MAX]);
};

/* Opens this node's member of a group that has a START in the log (log_state()).
 * `preferred` (a node id, may be 0) is given the shortest election timeout.  `eager`: elect at
 * once, because all members are about to open a new epoch and this one is to lead it.
 * ERR_NOT_FOUND  no START of this group in the log, or this node is no member
 * ERR_EXISTS     open already
 * ERR_NO_MEMORY, ERR_IO, ERR_CORRUPT */
MUST_CHECK enum err replica_open(struct replica **ret, struct roster *roster, uint64_t group,
                                 uint64_t preferred, bool eager,
                                 const struct replica_events *events, void *ctx,
                                 struct reason *reason);

/* Another member is preferred from the next election on. */
void replica_prefer(struct replica *replica, uint64_t preferred);

/* Settles pending proposals with ERR_UNKNOWN, then calls `closed` and frees the replica. */
void replica_close(struct replica *replica, void (*closed)(void *ctx), void *ctx);

struct proposal;
/* ERR_OK: committed, durable on a majority and applied here, at `index`.  ERR_UNKNOWN: leadership
 * was lost meanwhile; it may still be committed. */
typedef void (*proposal_cb)(struct proposal *proposal, enum err err, uint64_t index);

/* Embedded in the owner, which keeps it until the callback. */
struct proposal {
    proposal_cb cb;
    uint64_t index, time_ms; /* of the entry; set when it is accepted */
    struct replica *replica; /* private */
    enum err err;            /* private */
};

/* Proposes one entry.  Takes a reference on `payload`.
 * ERR_NOT_LEADER  this member does not lead, or its barrier is not applied yet,
 *                 or the log has a SEAL: another epoch is about to begin
 * ERR_BUSY        an entry is in flight
 * ERR_NO_SPACE    the disk is full: no segment is free
 * ERR_NO_MEMORY
 * On error nothing was done and the callback will not run. */
MUST_CHECK enum err replica_propose(struct replica *replica, struct proposal *proposal,
                                    enum entry_type type, struct buf *payload, uint16_t records,
                                    proposal_cb cb);

/* Begins to hand the group over to member `node`: no proposals from now on, the role is
 * REPLICA_ELECTED.  Ends with another role: REPLICA_FOLLOWER, or REPLICA_LEADER when it did not
 * come about: after at most TRANSFER_DRAIN_MS + TRANSFER_QUIET_MS, and until a majority has
 * answered, an election timeout at most.  An entry in flight is settled as ever; nothing is lost
 * either way (replica/transfer.h).
 * ERR_NOT_FOUND    no other member of this id
 * ERR_NOT_LEADER   this member takes no proposals itself
 * ERR_BUSY         it is being handed over already
 * ERR_UNAVAILABLE  the target is not up, too far behind or fed from the log, or the others could
 *                  not elect it */
MUST_CHECK enum err replica_transfer(struct replica *replica, uint64_t node);

/* Whether that is under way. */
bool replica_transferring(const struct replica *replica);

/* Where this member leads: whether `node`, a member that answers, is fed from the log, or lacks
 * more than SEAL_BEHIND_MAX entries, as far as is known; or is up and was not heard yet.  Not one
 * that retention has overtaken: it is never whole again in this epoch. */
bool replica_is_behind(const struct replica *replica, uint64_t node);

/* Figures of one member. */
struct replica_status {
    uint64_t group, term, leader; /* leader: node id or 0 */
    uint64_t hears;               /* replica_hears() */
    uint32_t epoch;
    enum replica_role role;
    uint64_t applied, applied_term, applied_time_ms, last, first;
    uint64_t whole; /* every member of the epoch has the entries up to here, as far as this one
                     * knows: what each began with, and on a leader what they said since */
    uint64_t shared; /* a majority of those that answer now has the applied entries up to here, as
                      * far as a leader knows, or who led last; others: all that is applied */
    bool over;  /* its epoch has ended */
    bool lease; /* leads, and heard from a majority within an election timeout */
};
struct replica_status replica_status(const struct replica *replica);

/* What of it costs nothing to say. */
struct replica_glance {
    uint64_t group, term, applied;
    uint32_t epoch;
    enum replica_role role;
};
struct replica_glance replica_glance(const struct replica *replica);

/* Whether this member leads and may say what the newest record is: its barrier is applied and a
 * majority answered messages sent less than an election timeout ago. */
bool replica_has_lease(const struct replica *replica);

/* When a member last knew of a leader, by the monotonic clock: as a follower, when the newest
 * message of its leader was read; as a leader, when the newest one that a member answered was sent.
 * 0: not since it was opened. */
uint64_t replica_heard_ms(const struct replica *replica);

/* The leader that this follower heard less than an election timeout ago; 0: none, or it leads. */
uint64_t replica_hears(const struct replica *replica);

uint64_t replica_group(const struct replica *replica);
uint64_t replica_applied(const struct replica *replica);

#endif

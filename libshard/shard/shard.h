/* shard.h - what the log means when the group is a shard of a stream.
 *
 * The Raft log is the shard: applying an entry moves a few counters and wakes
 * readers; readers read the log, never past what is applied.
 *
 *     shard_open -> puts (where it leads), reads (on any replica) -> shard_close
 *
 *     put:   putq gathers -> replica_propose -> applied -> put done, next entry
 *     read:  position -> cursor: the tail in memory first, then the log
 *
 * Loop thread only; callbacks never from inside a call.
 */
#ifndef SHARD_SHARD_H
#define SHARD_SHARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "env/clock.h"
#include "log/log.h"
#include "replica/replica.h"
#include "replica/roster.h"
#include "replica/seal.h"
#include "shard/cursor.h"
#include "shard/putq.h"
#include "shard/quota.h"
#include "shard/seqno.h"

struct shard;

struct shard_world {
    struct clock *clock;
    struct log *log;
    struct roster *roster;
    size_t *tail_bytes_left; /* what all shards of the node may keep in memory; shared */
};

struct shard_options {
    uint64_t group;
    uint64_t preferred;        /* node id that should lead, 0 = any */
    bool eager;                /* the epoch is new, and this member elects at once */
    bool rests;                /* it has ended, and all members have all of it: no replica */
    struct seqno_shard name;   /* what its sequence numbers have in common */
    struct gaps gaps;          /* and where they jump */
    uint64_t retention_ms;
    struct quota_limits limits; /* 0 = unlimited */
    size_t tail_bytes_max;
    struct putq_limits putq;
};

/* The role or the leader of a shard changed here. */
typedef void (*shard_role_cb)(void *ctx, struct shard *shard, enum replica_role role,
                              uint64_t leader);

/* The epoch of the shard is over here: `seal` says which comes next.  The owner begins it in the
 * log, if this node is in it, before it returns (log_start(), with shard_image()), then closes the
 * shard and opens it anew. */
typedef void (*shard_sealed_cb)(void *ctx, struct shard *shard, const struct entry_head *head,
                                const struct seal *seal);

/* Opens the shard on this node; the group has a START in the log.  Errors as replica_open().
 * One that rests only reads its log, and lets go what retention has passed: it says, hears and
 * stores nothing.  ERR_NOT_FOUND then: its END is not in the log. */
MUST_CHECK enum err shard_open(struct shard **ret, const struct shard_options *options,
                               const struct shard_world *world, shard_role_cb role,
                               shard_sealed_cb sealed, void *ctx, struct reason *reason);

/* Where this node leads: ends the epoch behind the entry that flies; puts that wait are refused
 * with ERR_NOT_LEADER.  To be asked for again as long as the epoch goes on. */
void shard_seal(struct shard *shard, const struct seal *seal);

/* Where this node leads: ends the shard itself, which is split or merged, behind the entry that
 * flies.  Puts that wait are refused with ERR_NOT_LEADER, later ones with ERR_CLOSED once it has
 * ended.  To be asked for again until shard_ended() says so. */
void shard_end(struct shard *shard);

/* Where a shard has ended. */
struct shard_ending {
    uint64_t place;   /* behind its last record: what readers are at who have read all */
    uint64_t time_ms; /* no record of it is younger */
};

/* Whether the END is applied here. */
bool shard_ended(const struct shard *shard, struct shard_ending *ret);

/* Whether it was opened to rest.  What it has up to its END is all there is: readers may take the
 * end for the tip. */
bool shard_rests(const struct shard *shard);

/* Whether the group's END is in the log, applied or not; for a group that is known to rest. */
bool shard_can_rest(const struct log *log, const struct log_state *state);

/* The applied state, as it rides in a START.  Returns the length. */
uint32_t shard_image(const struct shard *shard, unsigned char bytes[IMAGE_BYTES_MAX]);

/* As it will be when all of the group's log here is applied; for a group that is not open. */
uint32_t shard_image_at_end(const struct log *log, const struct log_state *state,
                            unsigned char bytes[IMAGE_BYTES_MAX]);

/* Fails waiting puts with ERR_CLOSED (with ERR_NOT_LEADER when its epoch is over: the next one
 * takes them) and waiting reads with ERR_CLOSED, closes the replica, then
 * calls `closed` and frees the shard. */
void shard_close(struct shard *shard, void (*closed)(void *ctx), void *ctx);

/* Hands a put over; see putq_submit() for the errors, plus
 * ERR_BUSY with `throttled` true: the shard's write limit (ProvisionedThroughputExceeded).
 * Checked against the limits with put->records.len and put->record_count. */
MUST_CHECK enum err shard_put(struct shard *shard, struct put *put, bool *throttled);

/* Changes what can change while it is open. */
void shard_set_retention(struct shard *shard, uint64_t retention_ms);
void shard_set_limits(struct shard *shard, struct quota_limits limits);
void shard_set_preferred(struct shard *shard, uint64_t preferred); /* as in its options */

/* Drops what no reader may see any more, `now_ms` being agreed by the caller; called every few
 * seconds.  Whole segments become free when all their groups have moved on.  What lies above
 * `whole` (replica_status) stays, because a member that lacks it could not be fed, and so does the
 * entry before it.  True: something
 * waits for that, and only a new epoch helps when the member does not come back. */
bool shard_retain(struct shard *shard, uint64_t now_ms, uint64_t whole);

struct shard_status {
    struct replica_status replica;
    uint64_t records, bytes;          /* applied since the shard was created */
    uint64_t newest_time_ms;          /* of the newest applied entry with records, 0 = none */
    uint64_t horizon;                 /* oldest index a reader may see */
    uint64_t put_calls, put_records, put_bytes, read_calls, read_records, read_bytes;
    uint64_t put_throttled, read_throttled;
    uint64_t read_behind_ms; /* of the last read: how old what it has not read was */
};
struct shard_status shard_status(const struct shard *shard);

/* replica_is_behind(). */
bool shard_is_behind(const struct shard *shard, uint64_t node);

uint64_t shard_group(const struct shard *shard);
struct seqno_shard shard_name(const struct shard *shard);
bool shard_leads(const struct shard *shard);
uint64_t shard_leader(const struct shard *shard); /* node id, 0 = unknown */

#endif

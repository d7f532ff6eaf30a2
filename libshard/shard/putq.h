/* putq.h - gathers producers' records into log entries.
 *
 * A shard replicates one log entry at a time.  Records that arrive while an
 * entry is on its way wait here, and leave together as the next entry.  So
 * batches grow by themselves when the disks are slow and shrink to one record
 * when they are idle: there is no linger time to tune.
 *
 *               submit                applied, nothing waits
 *      IDLE ---------------> FLYING ---------------------------> IDLE
 *                            |    ^
 *                            +----+  applied, more waits
 *
 *      any state -- putq_close() --> CLOSED
 *
 * Why only one entry?  It keeps records in arrival order with no sorting when
 * a proposal fails, it bounds what a new leader must catch up with, and it
 * keeps clear of a flaw of libraft 0.15 (replica/fence.h, F4).
 *
 * An entry holds what waits, up to entry_bytes_max and ENTRY_RECORDS_MAX.  A
 * put is never split, because its records follow each other without gaps: one
 * that is larger than entry_bytes_max leaves as an entry of its own.
 *
 * Loop thread only.  Nothing here allocates except the entry itself.
 */
#ifndef SHARD_PUTQ_H
#define SHARD_PUTQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"
#include "base/slice.h"
#include "replica/replica.h"
#include "shard/seqno.h"

struct put;

/* `first` is the place of the request's first record; the others follow it
 * without gaps.  It is meaningful only when err is ERR_OK.
 * ERR_UNKNOWN means that the records may yet appear: tell the producer to
 * retry, never that they are lost.  With any other error nothing was stored. */
typedef void (*put_done)(struct put *put, enum err err, struct seqno first);

/* One producer's request, embedded in the caller's own request struct.  The
 * caller owns it, and the bytes under `records`, until `done` runs. */
struct put {
    struct slice records;  /* encoded by command_encode_record() */
    uint32_t record_count; /* >= 1 */
    put_done done;         /* runs once, never inside putq_submit() */

    struct list_node link; /* private: in putq.waiting or putq.flying */
    struct putq *waits_in; /* private: NULL unless in putq.waiting */
};

struct gaps;

struct putq_limits {
    size_t entry_bytes_max;   /* gathered into one log entry */
    size_t waiting_bytes_max; /* beyond it ERR_BUSY; but one put may always wait */
    const struct gaps *gaps;  /* of its places; NULL: none */
};                            /* nor do more than PUTQ_WAITING_PUTS_MAX wait */

enum putq_state { PUTQ_IDLE, PUTQ_FLYING, PUTQ_SEALING, PUTQ_CLOSED };

struct putq {
    struct replica *replica;
    struct putq_limits limits;
    enum putq_state state;
    enum err closed; /* why, in PUTQ_CLOSED */
    struct list waiting;  /* of struct put, oldest first; empty unless an entry flies */
    struct list flying;   /* of struct put; empty unless an entry flies */
    size_t waiting_bytes; /* sum of records.len over `waiting` */
    uint32_t waiting_count;
    struct proposal proposal;
    struct buf *seal; /* to be proposed before what waits; NULL = none */
    bool ends;        /* the END is to be proposed, likewise */
};

/* Prepares `q` for a replica, which must outlive it. */
void putq_init(struct putq *q, struct replica *replica, struct putq_limits limits);

/* Hands `put` over for replication.
 *
 * ERR_OK          accepted: `done` will run
 * ERR_BUSY        too much waits already, or the leader's own entry is under way: slow down
 * ERR_NOT_LEADER  this node cannot accept writes for the shard now
 * ERR_CLOSED      the shard was split, merged or is shutting down
 * ERR_NO_SPACE    this node's disk is full
 * ERR_TOO_BIG     no entry can hold it: over ENTRY_RECORDS_MAX or ENTRY_PAYLOAD_MAX
 * ERR_NO_MEMORY
 *
 * On any error the put still belongs to the caller and `done` will not run. */
MUST_CHECK enum err putq_submit(struct putq *q, struct put *put);

/* Takes a put back that has not left yet.  True: nothing of it was stored, it belongs to the caller
 * again, and `done` will not run.  False: it flies, or is settled; `done` says what became of it.
 * For puts that putq_submit() has accepted. */
MUST_CHECK bool putq_cancel(struct put *put);

/* Proposes the SEAL of the epoch as soon as no entry flies; what waits then and comes later is
 * refused with ERR_NOT_LEADER, until the shard is opened in its next epoch.  Takes a reference.
 * Asking again while one waits or flies changes nothing.
 * Nothing happens when this node stops leading meanwhile: its owner asks again. */
void putq_seal(struct putq *q, struct buf *seal);

/* Proposes the END of the shard, in the same way; what waits and comes while it flies is refused
 * with ERR_NOT_LEADER.  Nobody may put behind it: the owner sees to that. */
void putq_end(struct putq *q);

/* Refuses further puts and fails those that wait with `err`.  Runs their `done`, so not to be
 * called from inside a put's own call.  Puts that fly are settled by the replica: close it next,
 * and free `q` after that. */
void putq_close(struct putq *q, enum err err);

#endif

/* retention.h - how far back readers see, and what the log may forget.
 *
 * Retention is by time and local: no command is replicated for it.  Readers
 * see no entry that is older than `now - retention_ms`.  The horizon is the
 * oldest index that may still be young enough; it only moves on, by a search
 * in the log when the entry that it names has grown too old.  Between two
 * searches cursors look at each entry's time themselves, so that the limit is
 * exact at any moment.
 *
 * What is hidden is dropped RETENTION_GRACE_MS later: readers that were on
 * their way find it still, and clocks need not agree to the second.
 *
 * shard_retain() and shard_set_retention() (shard/shard.h) are implemented
 * here.
 */
#ifndef SHARD_RETENTION_H
#define SHARD_RETENTION_H

#include <stdbool.h>
#include <stdint.h>

#include "log/log.h"

struct shard;

struct retention {
    uint64_t retention_ms;
    uint64_t horizon;         /* oldest index that a reader may see */
    uint64_t horizon_time_ms; /* of that entry; 0 = not known */
    uint64_t drop_to;         /* a horizon of the past; 0 = none */
    uint64_t drop_due_ms;     /* when what is below `drop_to` may go */
    bool busy;                /* `seek` or `read` is under way */
    struct log_seek seek;
    struct log_read read;
};

/* `first`: oldest index that the log has. */
void retention_init(struct retention *retention, uint64_t retention_ms, uint64_t first);

/* Entries with times below it are not shown. */
uint64_t retention_cutoff_ms(const struct retention *retention, uint64_t now_ms);

/* The log turned out to have less than the horizon says: moves the horizon to what it has. */
void retention_catch_up(struct shard *shard);

#endif

/* fan.h - one read of a shard for all who stand at the same place of it.
 *
 * The subscriptions of a node ask here for what comes next.  Those of one shard
 * that are at the same position share one read, at the leader of the shard, and
 * one event: its records are encoded once, and all sockets send the same bytes.
 * The newest event stays for those who come to its place a moment later.
 *
 *     fan_join -> fan_next -> (event) -> fan_next ... -> fan_leave
 *
 * What is held: per shard with subscriptions here the newest event, and those
 * that sockets send; a reader has one of them at a time.
 *
 * Loop thread only; callbacks never from inside a call.
 */
#ifndef API_FAN_H
#define API_FAN_H

#include <stdbool.h>
#include <stdint.h>

#include "api/route.h"
#include "base/buf.h"
#include "base/list.h"
#include "env/work.h"

struct fan; /* one per node */
struct fan_shard;
struct fan_read;

/* NULL: no memory. */
struct fan *fan_new(struct route *route, struct control *control, struct clock *clock,
                    struct work_pool *work);

/* Nobody is joined any more. */
void fan_free(struct fan *fan);

struct fan_reader;
typedef void (*fan_cb)(struct fan_reader *reader, enum err err);

/* Embedded in a subscription.  Zeroed before fan_join(). */
struct fan_reader {
    /* in, at each fan_next() */
    struct position from;
    bool in_ms;
    /* out, until the next one: */
    struct buf *event; /* NULL: there was nothing to read; dropped by fan_next() and fan_leave() */
    struct position next;
    uint64_t behind_ms, time_s;
    uint32_t record_count;
    size_t record_bytes;
    bool ended; /* it was the shard's last event */
    struct reason reason;
    /* private */
    struct fan_shard *shard;
    struct fan_read *read;
    struct list_node link; /* in read.readers */
    struct defer defer;
    fan_cb cb;
};

/* ERR_NO_MEMORY. */
MUST_CHECK enum err fan_join(struct fan *fan, struct fan_reader *reader, uint64_t group);

/* When something is there, or nothing came for SHARD_WATCH_MS; at once where no leader is.
 * ERR_CLOSED: the shard is gone.  ERR_UNAVAILABLE, ERR_BUSY, ERR_CORRUPT, ERR_NO_MEMORY */
void fan_next(struct fan_reader *reader, fan_cb cb);

/* Wherever it is: no callback any more. */
void fan_leave(struct fan_reader *reader);

#endif

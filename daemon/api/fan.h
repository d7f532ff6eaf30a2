/* fan.h - one read of a shard for all who stand at the same place of it.
 *
 * The subscriptions of a node ask here for what comes next.  Those of one shard
 * that are at the same position share one read, at the leader of the shard, and
 * one event: its records are encoded once, and all sockets send the same bytes.
 * The newest event stays for those who come to its place a moment later.
 *
 *     fan_join -> fan_next -> (event) -> fan_next ... -> fan_leave
 *
 * What is held: what reads under way have read, the newest event of a shard for
 * FAN_LAST_MS, and the events that sockets send, of which a reader has one at a
 * time.  The first two count in a budget; when it is used up a reader hears
 * ERR_BUSY, and the newest events give way.
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

/* What all that is being made for clients may hold; one thing alone always fits. */
struct fan_budget {
    bool (*take)(void *ctx, size_t bytes); /* false: there is no room */
    void (*give_back)(void *ctx, size_t bytes);
    void *ctx;
};

struct fan_world {
    struct route *route;
    struct control *control;
    struct clock *clock;
    struct work_pool *work;
    struct fan_budget budget;
};

/* NULL: no memory. */
struct fan *fan_new(const struct fan_world *world);

/* Nobody is joined any more.  `cb` when it is freed: a worker may still encode an event. */
typedef void (*fan_closed_cb)(void *ctx);
void fan_close(struct fan *fan, fan_closed_cb cb, void *ctx);

/* Where a reader was when it was last told. */
enum fan_place { FAN_PLACE_UNKNOWN, FAN_PLACE_BEHIND, FAN_PLACE_TIP };

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
    enum fan_place place;
    enum err err;
    struct fan_shard *shard;
    struct fan_read *read;
    struct list_node link; /* in read.readers */
    struct defer defer;
    fan_cb cb;
};

/* ERR_NO_MEMORY. */
MUST_CHECK enum err fan_join(struct fan *fan, struct fan_reader *reader, uint64_t group);

/* When something is there, or nothing came for SHARD_WATCH_MS; at once where no leader is.
 * ERR_CLOSED: the shard is gone.  ERR_BUSY, ERR_NO_MEMORY: not now, ask again in a moment.
 * ERR_UNAVAILABLE, ERR_CORRUPT */
void fan_next(struct fan_reader *reader, fan_cb cb);

/* Wherever it is: no callback any more. */
void fan_leave(struct fan_reader *reader);

#endif

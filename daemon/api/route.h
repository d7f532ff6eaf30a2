/* route.h - a group's records, from any node.
 *
 * Whoever a client talks to, the request is done by the node that leads the
 * group: here, or over one net_call.  A put is sent again only when the answer
 * proves that nothing was stored (not leader, unreachable, closed); everything
 * else is the client's to retry.
 *
 * A put that meets the end of a shard that is split or merged waits, until this
 * node knows which shards are open instead; there it is the asker's to put again.
 *
 * A read goes to the leader too; when there is none within reach, any replica
 * that has the data answers with what is committed there.  Of a closed shard that
 * rests there is no leader: the first of its members that can be reached answers
 * in its place, so that one node holds a reader to the shard's limits.
 *
 * Loop thread only; callbacks never from inside a call.
 */
#ifndef API_ROUTE_H
#define API_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "api/grants.h"
#include "base/buf.h"
#include "base/err.h"
#include "control/control.h"
#include "env/clock.h"
#include "env/net.h"
#include "shard/cursor.h"
#include "shard/putq.h"

struct route; /* one per node */

/* Registers NET_PUT, NET_READ, NET_LOCATE and NET_GRANT. */
MUST_CHECK enum err route_open(struct route **ret, struct control *control, struct net *net,
                               struct clock *clock);

/* Whoever still waits hears nothing any more; the caller has seen to it that nobody does.  What
 * other nodes asked is still answered while their shards close. */
void route_close(struct route *route);

#define ROUTE_PUT_TIMEOUT_MS 8000u  /* below the SDKs' own time-outs */
#define ROUTE_READ_TIMEOUT_MS 5000u

struct route_put;
typedef void (*route_put_cb)(struct route_put *req, enum err err);

/* Embedded in the caller until the callback.  Zeroed before first use. */
struct route_put {
    /* in */
    uint64_t group;
    struct buf *records;   /* shard/command.h; the route takes its own reference */
    uint32_t record_count;
    uint64_t due_ms;       /* monotonic, when it gives up; 0: ROUTE_PUT_TIMEOUT_MS from now */
    /* out */
    struct seqno first;    /* of the first record; the others follow it */
    bool throttled;        /* with ERR_BUSY: the shard's write limit */
    bool moved;            /* with ERR_CLOSED */
    struct reason reason;
    /* private */
    void *job;
    route_put_cb cb;
    struct defer refused;
    enum err err;
};

/* ERR_OK           acknowledged: on a majority's disks and applied
 * ERR_BUSY         throttled, or too much waits, here (ROUTE_JOBS_MAX) or there: retry later
 * ERR_CLOSED       the shard is gone, or (`moved`) was split or merged: others hold its hash keys
 * ERR_UNAVAILABLE  no leader, or no room in its next entry, within the time; nothing was stored
 * ERR_NO_SPACE     the leader's disk is full
 * ERR_UNKNOWN      it may or may not have been stored
 * ERR_NO_MEMORY */
void route_put(struct route *route, struct route_put *req, route_put_cb cb);

struct route_locate;
typedef void (*route_locate_cb)(struct route_locate *req, enum err err);

struct route_locate {
    /* in */
    uint64_t group;
    enum locate_type type;
    struct seqno seqno;
    uint64_t time_ms;
    /* out */
    struct position position;
    struct reason reason;
    /* private */
    void *job;
    route_locate_cb cb;
    struct defer refused;
    enum err err;
};

/* ERR_UNAVAILABLE: nobody within reach can say.  ERR_BUSY: ROUTE_JOBS_MAX are under way here.
 * ERR_CLOSED, ERR_NO_MEMORY as below. */
void route_locate(struct route *route, struct route_locate *req, route_locate_cb cb);

struct route_read;
typedef void (*route_read_cb)(struct route_read *req, enum err err);

struct route_read {
    /* in */
    uint64_t group;
    struct position from;
    uint32_t records_max;
    size_t bytes_max;
    bool watches; /* a consumer's: waits for records at the leader, outside of the read limit */
    /* out: valid until route_read_fini() */
    const struct read_part *parts;
    uint32_t part_count, record_count;
    struct position next;
    uint64_t behind_ms;
    bool throttled; /* with ERR_BUSY: the shard's read limit */
    struct reason reason;
    /* private */
    void *job;
    route_read_cb cb;
    struct defer refused;
    enum err err;
};

/* ERR_BUSY         throttled, or ROUTE_JOBS_MAX reads are under way here: retry later
 * ERR_CLOSED       the shard is gone
 * ERR_UNAVAILABLE  no replica within reach has the data, or a place for one more
 * ERR_CORRUPT, ERR_NO_MEMORY */
void route_read(struct route *route, struct route_read *req, route_read_cb cb);
void route_read_fini(struct route_read *req);

/* The asker wants nothing any more: no callback. */
void route_read_cancel(struct route_read *req);

struct route_grant;
typedef void (*route_grant_cb)(struct route_grant *req, enum err err);

struct route_grant {
    struct grant_ask ask; /* in */
    /* out */
    bool throttled; /* with ERR_BUSY: called for too often */
    struct reason reason;
    /* private */
    void *job;
    route_grant_cb cb;
    struct defer refused;
    enum err err;
};

/* Asks the leader for a subscription (grants.h).
 * ERR_EXISTS       another one is the present one
 * ERR_UNAVAILABLE  no leader within the time
 * ERR_BUSY, ERR_CLOSED, ERR_NO_MEMORY */
void route_grant(struct route *route, struct route_grant *req, route_grant_cb cb);
void route_grant_cancel(struct route_grant *req); /* no callback any more */

#endif

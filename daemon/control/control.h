/* control.h - everything of a node above the seams and below the doors.
 *
 * The daemon builds it on the real world, the simulator on its own; both get
 * the same object: table -> log -> roster -> catalogue -> the parts that make
 * this node match the catalogue:
 *
 *     bootstrap   founds the cluster, or joins it
 *     guide       shows those that have lost everything the way back
 *     host        opens and closes this node's shards
 *     liveness    who is up, who leads what
 *     lifecycle   on the catalogue's leader: streams from CREATING to ACTIVE,
 *                 from DELETING to gone
 *     replace     on the catalogue's leader: other nodes take the places of those that leave
 *     scaling     streams in ON_DEMAND mode get the shards that they need
 *     retain      the agreed time, and trimming by it
 *     balance     leaders go back to where placement wanted them
 *
 * Loop thread only; callbacks never from inside a call.
 */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/note.h"
#include "catalog/catalog.h"
#include "catalog/limit.h"
#include "env/clock.h"
#include "env/disk.h"
#include "env/net.h"
#include "env/random.h"
#include "env/work.h"
#include "log/log.h"
#include "log/scrub.h"
#include "replica/roster.h"
#include "shard/shard.h"
#include "table/table.h"

struct control;

struct control_world {
    struct clock *clock;
    struct random *random;
    struct work_pool *work;
    struct disk *disk;
    struct table *table;
    struct net *net;
    struct note *note;
};

#define CONTROL_SEEDS_MAX 16u

struct control_options {
    uint64_t node;               /* control_identity() */
    uint64_t boot;               /* new at each start */
    const char *name, *az;
    const char *client_address, *peer_address, *operations_address; /* as others reach them */
    const char *const *seeds;    /* peer addresses, this node's own among them or not */
    uint32_t seed_count;         /* 0: founds a cluster of one */
    uint64_t founding_wait_ms;   /* with more of them: so long it listens for another one first */
    uint32_t replication;        /* of a cluster that this node founds */
    const char *region, *account;/* likewise */
    uint32_t knows;              /* the highest cluster version (catalog/version.h); likewise */
    uint64_t segment_bytes;
    uint32_t segments_ahead;
    uint64_t log_bytes_max;
    uint64_t read_gap_bytes;
    size_t payload_cache_bytes;  /* 0 = CONTROL_PAYLOADS_BYTES_MAX; for tests, as the next */
    uint32_t trailing_entries;   /* replica/roster.h */
    uint64_t scrub_period_ms;    /* log/scrub.h; 0: the log is not searched for damage */
    uint64_t scrub_bytes_per_s;
    uint64_t fill_bytes_per_s;   /* of this node's fills and repairs together; 0: unlimited */
    uint64_t move_bytes_per_s;   /* of those of its fills that are moves (moved.h); likewise */
    uint64_t compare_period_ms;  /* from one comparing of replicas to the next; 0: never */
    uint64_t clock_off_max_ms;   /* so far off the majority's clock it leads nothing; 0: it may */
    bool balance_leaders;        /* groups led here go to the members that are preferred */
    uint64_t replace_after_ms;   /* a node that is down for so long is given up; 0: never */
    bool replace_across_zones;   /* others than those of its zone may take its places */
    bool balance_replicas;       /* replicas move without being asked to */
    uint32_t moves_at_once;      /* groups of draining and dead nodes, in the whole cluster */
    uint32_t election_timeout_ms, heartbeat_ms, tick_ms;
    size_t tail_bytes_max;       /* all shards of this node */
    uint64_t scale_window_ms;    /* scale.h; 0: streams in ON_DEMAND mode keep their shards */
    uint64_t scale_quiet_ms;
    struct limits limits;        /* where a stream has none of its own */
    void (*on_failed)(void *ctx, const struct reason *reason); /* stop the process */
    /* This node and `node` have applied different entries; may be NULL. */
    void (*on_difference)(void *ctx, const struct entry_head *here,
                          const struct entry_head *there, uint64_t node);
    /* Stop the process, which says nothing to anybody any more: the log lost what this node had
     * promised to others.  When that is `noted`, control_identity() refuses the directory from now
     * on; else nothing there says it.  The node may go on under a new id (renewal.h).  NULL:
     * on_failed. */
    void (*on_forgotten)(void *ctx, const struct reason *reason, bool noted);
    /* Likewise: this node is no part of its cluster any more, and does not come back. */
    void (*on_removed)(void *ctx, const struct reason *reason);
    /* The cluster is at a later version than `knows`: stop the process, a newer one is wanted. */
    void (*on_outdated)(void *ctx, const struct reason *reason);
    /* Rows of identity.h are others now: where they are kept a second time, they are to be written
     * there.  Blocking, on a worker or as the process ends; may be NULL.  Its error is noted. */
    enum err (*keep_identity)(void *ctx, struct reason *reason);
    void *ctx;
};

/* Blocking.  This data directory's node id: read from the table, or made and written on first use.
 * ERR_VERSION: the directory was written by a newer Braid.  ERR_CORRUPT: a row is damaged, or the
 * directory lost what its node had promised to others and must not be used again. */
MUST_CHECK enum err control_identity(struct table *table, struct random *random, uint64_t *node,
                                     struct reason *reason);

/* Blocking: opens table rows, log and catalogue; then goes on by itself.  Errors as log_open(), and
 * ERR_VERSION: the cluster is at a later version than this node knows. */
MUST_CHECK enum err control_open(struct control **ret, const struct control_options *options,
                                 const struct control_world *world, struct reason *reason);

/* Before a graceful end: tells the others that this node is leaving, so that they give it nothing
 * to lead, and hands over all that it leads.  All goes on as before meanwhile.  `left` runs when
 * nothing is left that another node could take, soon after CONTROL_LEAVE_MS at the latest;
 * control_close() is next.  A node without others to take over is through at once. */
void control_leave(struct control *control, void (*left)(void *ctx), void *ctx);

/* Graceful: proposals end, what is durable is saved, peers are told by the caller (goodbye).  The
 * net reports nothing here any more; it is the caller's to close, after `closed` has run. */
void control_close(struct control *control, void (*closed)(void *ctx), void *ctx);

/* This node's id. */
uint64_t control_node(const struct control *control);
struct catalog *control_catalog(struct control *control);
struct roster *control_roster(struct control *control);
struct log *control_log(struct control *control);
struct control_repairs {
    uint64_t failed; /* tries to fetch a damaged entry and write it again; see log_figures() too */
};
struct control_repairs control_repairs(const struct control *control);
/* What this node has of shards that it left. */
struct control_copies {
    uint64_t held, entries; /* now: copies, and entries in them */
    uint64_t released;      /* copies that were let go */
};
struct control_copies control_copies(const struct control *control);
/* What comparing replicas with other members came to. */
struct control_compares {
    uint64_t passes;      /* that have ended */
    uint64_t entries;     /* compared: with each other member */
    uint64_t differences; /* of them */
    uint64_t unanswered;  /* questions that a member did not answer */
};
struct control_compares control_compares(const struct control *control);
/* Times that a group was not handed to its preferred member, which was not ready for it; those that
 * began are in roster_figures(). */
uint64_t control_moves_refused(const struct control *control);
/* All zeros while the log is not searched. */
struct scrub_figures control_scrub(const struct control *control);

/* This node's open replica of the shard, NULL when it has none (or not yet). */
struct shard *control_shard(const struct control *control, uint64_t group);
/* In ascending order of groups; start with after = 0; NULL at the end. */
struct shard *control_shard_next(const struct control *control, uint64_t after);

/* One shard's retention by this time, as it comes to each shard every CONTROL_RETAIN_EVERY_MS. */
void control_retain(struct control *control, struct shard *shard, uint64_t now_ms);

/* Who leads the group, as far as this node knows: node id or 0. */
uint64_t control_leader(const struct control *control, uint64_t group);
/* One listener: `known` runs when this node's replica of a group has come to know who leads it, or
 * leads it itself, inside of whatever told it: it only notes that.  NULL ends it. */
void control_on_leader(struct control *control, void (*known)(void *ctx, uint64_t group),
                       void *ctx);

enum node_health { NODE_UP, NODE_DOWN };
enum node_health control_health(const struct control *control, uint64_t node);
/* Up, and not about to stop, as it said itself; of itself no node says so. */
bool control_stays(const struct control *control, uint64_t node);
/* How many shards the node leads, as it last said; the catalogue is none. */
uint32_t control_leading(const struct control *control, uint64_t node);

/* Why the node is to lead nothing: enum ailment (ailment.h), 0 for nothing; as it said itself. */
uint32_t control_ails(const struct control *control, uint64_t node);

/* What this node knows of itself, of the last look. */
struct control_wellness {
    uint32_t ails;            /* enum ailment */
    uint64_t begun;           /* times that something began to ail it */
    uint64_t write_us;        /* what a write of its log took lately; 0: nothing was written */
    uint64_t others_write_us; /* on the others that know: the median */
    int64_t clock_off_ms;     /* off the majority's; positive: ahead */
};
struct control_wellness control_wellness(const struct control *control);

/* Ready: belongs to a cluster, the catalogue is applied up to what its leader had at our start, and
 * every local shard of an ACTIVE stream is open.  Otherwise `why` says what is awaited. */
bool control_ready(const struct control *control, struct reason *why);

/* The cluster's, as this node's configuration has it. */
uint32_t control_limit(const struct control *control, enum limit limit);

/* The stream's own (below LIMIT_STREAM_COUNT); the cluster's when it has none, or is NULL. */
uint32_t control_stream_limit(const struct control *control, const struct model_stream *stream,
                              enum limit limit);

/* The earliest clock heard from a majority of nodes in the last minute: what retention goes by. */
uint64_t control_agreed_ms(const struct control *control);

/* What is too old by this clock is hidden from readers: this node's own, unless that is ahead of
 * the agreed one by more than a clock may be; it stands still while this node may lack settings.
 * 0: none is agreed on yet, and nothing is hidden. */
uint64_t control_reading_ms(const struct control *control);

/* By how much this node's clock is off the majority's; positive: it is ahead. */
int64_t control_clock_off_ms(const struct control *control);

#endif

/* catalog.h - the cluster's memory: a Raft group whose entries are changes.
 *
 * Its members (up to three, at first of the seeds) hold the group's log; every other node
 * follows by reading that log from a member, as a reader reads a shard.  Either
 * way this node has the whole model in memory and hears of each change.
 *
 *     catalog_open -> (image from the table, then the log) -> changes applied
 *     catalog_change   from any node: goes to the group's leader, comes back
 *                      when applied there
 *
 * Loop thread only; callbacks never from inside a call.
 */
#ifndef CATALOG_CATALOG_H
#define CATALOG_CATALOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/note.h"
#include "base/slice.h"
#include "catalog/change.h"
#include "catalog/model.h"
#include "env/clock.h"
#include "env/net.h"
#include "env/random.h"
#include "env/timer.h"
#include "env/work.h"
#include "log/log.h"
#include "replica/roster.h"
#include "table/table.h"

struct catalog;

struct catalog_world {
    struct clock *clock;
    struct random *random;
    struct work_pool *work;
    struct net *net;
    struct table *table;
    struct log *log;
    struct roster *roster;
    struct note *note; /* may be NULL */
    uint32_t knows; /* the highest cluster version that this process knows (version.h) */
    /* The image cannot be written, or read back: stop the process. */
    void (*on_failed)(void *ctx, const struct reason *reason);
    /* Likewise: the tables are damaged, and a start would end the same way; NULL: on_failed. */
    void (*on_spoiled)(void *ctx, const struct reason *reason);
    /* The cluster is at a later version: likewise. */
    void (*on_outdated)(void *ctx, const struct reason *reason);
    void *ctx;
};

typedef void (*catalog_applied_cb)(void *ctx, const struct model *model);

/* Blocking part: the image from the table.  `node`: id of this node.  ERR_VERSION: the cluster is
 * at a later version than this process knows. */
MUST_CHECK enum err catalog_open(struct catalog **ret, uint64_t node,
                                 const struct catalog_world *world, struct reason *reason);

/* Closes the replica, fails what waits with ERR_CLOSED, then frees.  The net answers later calls
 * for the catalogue with ERR_CLOSED. */
void catalog_close(struct catalog *catalog, void (*closed)(void *ctx), void *ctx);

/* Who the members are, as founding or joining found out; the image and the log may know newer ones.
 * A founding one that has no START yet writes it (epoch 1 at (1, 1)) and opens its replica; who is
 * none begins to follow. */
MUST_CHECK enum err catalog_join(struct catalog *catalog, const uint64_t members[],
                                 uint32_t member_count, struct reason *reason);

/* Members as known here; 0 = this node belongs to no cluster yet. */
uint32_t catalog_members(const struct catalog *catalog, uint64_t members[GROUP_MEMBERS_MAX]);

/* On the leader: ends the group's epoch; these are the members of the next.  One place at most may
 * differ, so that the majority of either has one of the other's.  Nothing comes of it when
 * leadership is lost: ask again as long as catalog_members() says otherwise. */
void catalog_seal(struct catalog *catalog, const uint64_t members[], uint32_t member_count);

/* `from` speaks of this epoch of the group: when it is newer than what is known here, the model is
 * fetched from there. */
void catalog_told(struct catalog *catalog, uint32_t epoch, uint64_t from);

/* Reads what is agreed on from another member, also where the own log could have it: for one whose
 * log is full and takes nothing. */
void catalog_fetch(struct catalog *catalog);

/* Always there; model_founded() says whether it has content. */
const struct model *catalog_model(const struct catalog *catalog);

/* Runs at the end of each turn in which the model, its durable part or the leader changed; up to
 * CATALOG_LISTENERS_MAX. */
#define CATALOG_LISTENERS_MAX 8u
void catalog_listen(struct catalog *catalog, catalog_applied_cb cb, void *ctx);

/* Whether this node leads the catalogue (its barrier applied): the one that runs control/. */
bool catalog_leads(const struct catalog *catalog);
uint64_t catalog_leader(const struct catalog *catalog); /* node id, 0 = unknown */
bool catalog_is_member(const struct catalog *catalog);

/* Who leads, as others say: used as long as this node does not know it from the group itself. */
void catalog_hint(struct catalog *catalog, uint64_t leader);

/* Who the members are, as one of them, `from`, says: a node that knows older ones only, of whom
 * none may be left, asks these too.  A member that has no leader, and does not know `from` as one,
 * fetches the model from there. */
void catalog_hint_members(struct catalog *catalog, uint64_t from, const uint64_t members[],
                          uint32_t member_count);

/* A node of the cluster that was just heard, or is reached.  When none of the members can be
 * reached, as a newcomer may not even know their addresses, the last one is asked for its model. */
void catalog_hint_peer(struct catalog *catalog, uint64_t node);

/* Who may get replicas of new streams, asked on the leader; without it every node may. */
void catalog_set_placer(struct catalog *catalog, change_up_fn up, void *ctx);

/* The model as of this index is durable on this node: a restart begins there or later. */
uint64_t catalog_saved(const struct catalog *catalog);

/* Where a restart of this node's part in the group begins: as far as both that image and, on a
 * member, its own replica are.  What lies behind it the other members must keep. */
uint64_t catalog_begins(const struct catalog *catalog);

/* Every member's catalog_begins() is known to be at `index` or above: entries below it may be
 * dropped from this member's log. */
void catalog_set_kept(struct catalog *catalog, uint64_t index);

/* A change on its way, embedded in the caller.  Zeroed before first use. */
struct catalog_change;
typedef void (*catalog_change_cb)(struct catalog_change *req, enum err err);

struct catalog_change {
    uint64_t index;       /* out: where it stands, on ERR_OK */
    struct reason reason; /* out: why it was refused */
    /* private */
    struct catalog *catalog;
    catalog_change_cb cb;
    void *job;
};

#define CATALOG_CHANGE_BYTES_MAX (4u * 1024u * 1024u)

/* Proposes `change` (made by catalog/change.h, copied) wherever the leader is, and waits until this
 * node's own model has it.  Retried for `timeout_ms` where it provably was not proposed.
 * ERR_OK           applied, here too
 * ERR_EXISTS, ERR_NOT_FOUND, ERR_INVALID, ERR_BUSY, ERR_CLOSED   refused by the model; see reason
 * ERR_EXPIRED      likewise: it was made from settings that are no longer so
 * ERR_VERSION      it needs a later cluster version than there is; see reason
 * ERR_UNAVAILABLE  no leader within the time; nothing was done
 * ERR_UNKNOWN      it may yet be applied */
void catalog_change(struct catalog *catalog, struct catalog_change *req, struct slice change,
                    uint64_t timeout_ms, catalog_change_cb cb);

/* No callback any more. */
void catalog_change_cancel(struct catalog_change *req);

/* A wish to know no less than the leader, embedded in the caller. */
struct catalog_refresh;
typedef void (*catalog_refresh_cb)(struct catalog_refresh *req, enum err err);

struct catalog_refresh {
    catalog_refresh_cb cb;
    /* private */
    struct catalog *catalog;
    uint64_t index; /* to be reached */
    enum err err;
    bool asking;
    struct net_call call;
    struct timer deadline;
    struct defer defer;
    struct list_node link;
};

/* Waits until the model here is as new as the leader's was when it was asked: before saying that
 * something does not exist, as another node may have created it a moment ago.
 * ERR_OK           it is
 * ERR_UNAVAILABLE  no leader within reach, or not within the time: the model may be old
 * ERR_CLOSED */
void catalog_refresh(struct catalog *catalog, struct catalog_refresh *req, uint64_t timeout_ms,
                     catalog_refresh_cb cb);

/* ---- a majority that is lost for good ---- */

/* What this node has of the catalogue: its log where it has the whole model in it, else the model,
 * as on a node outside of the group. */
struct catalog_copy {
    uint32_t epoch;
    uint64_t members[GROUP_MEMBERS_MAX]; /* as far as this node knows */
    uint32_t member_count;
    uint64_t last, last_term, last_time_ms;
    uint64_t committed; /* known to be; all of it is kept by a rescue */
    bool same_kept;     /* what there is behind it is known to change no stream's retention */
    bool leads;
    uint64_t hears; /* replica_hears() */
};

/* False: it is empty. */
bool catalog_copy(const struct catalog *catalog, struct catalog_copy *ret);
/* Reads what the log has behind the model: later copies say `same_kept` of it. */
void catalog_look_behind(struct catalog *catalog);

/* A rescue, embedded in the caller. */
struct catalog_rescue;
typedef void (*catalog_rescue_cb)(struct catalog_rescue *req, enum err err);

struct catalog_rescue {
    struct reason reason; /* out */
    /* private */
    struct catalog *catalog;
    catalog_rescue_cb cb;
};

/* The catalogue goes on from this node's copy, in another history, with this node as its only
 * member (resume.h); none is under way.  Only when an operator has seen what is lost
 * (control/rescue.h).
 * ERR_OK      it is durable: the group goes on in a moment
 * ERR_CLOSED  the copy is not `copy` any more; nothing was done
 * others      the log cannot be read, or there were too many rescues: likewise.  When the image
 *             cannot be written the process ends: the next start finds out whether it was */
void catalog_rescue(struct catalog *catalog, struct catalog_rescue *req,
                    const struct catalog_copy *copy, catalog_rescue_cb cb);
/* No callback any more; it goes on. */
void catalog_rescue_cancel(struct catalog_rescue *req);
bool catalog_rescues(const struct catalog *catalog); /* one is under way */

#endif

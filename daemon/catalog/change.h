/* change.h - making and reading changes of the catalogue (proto/catalog.proto, Change).
 *
 * Whoever wants a change builds its bytes here and gives them to
 * catalog_change(); nobody else has to know the protobuf.
 *
 *     change_create_stream(stamp, &wanted) -> catalog_change -> the leader
 *         -> change_place() -> the log -> apply_change() on every node
 *
 * Each builder returns one reference, the caller's, or NULL when there is no
 * memory.  No state, no I/O.
 */
#ifndef CATALOG_CHANGE_H
#define CATALOG_CHANGE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "catalog/model.h"

struct change_stamp {
    uint64_t proposed_ms; /* the proposer's wall clock */
    uint64_t proposer;    /* its node id */
    uint64_t token;       /* the same for a retry of the same request, from random_id(); 0 = none */
};

struct change_found {
    uint64_t cluster;
    unsigned char secret[MODEL_SECRET_BYTES];
    uint32_t replication;
    uint32_t version; /* of the cluster: what its founder knows */
    const char *region, *account;
};

/* The first entry of a cluster.  Refused with ERR_EXISTS when it is founded. */
struct buf *change_found(struct change_stamp stamp, const struct change_found *found);

/* What a node says of itself.  A new id with the name of others takes their place: they are
 * replaced from then on, whatever they say later.  ERR_BUSY: NODES_MAX of them, or NODE_ROWS_MAX
 * with those that are replaced. */
struct buf *change_set_node(struct change_stamp stamp, const struct model_node *node);

/* The same of an id that has no row yet, in the place of `replaces` and of nobody else: refused
 * with ERR_BUSY unless that is the row of this name now (0: unless none has it).  So an order that
 * comes late puts out no node that came in meanwhile, and brings in none that was removed.
 * VERSION_REPLACES. */
struct buf *change_replace_node(struct change_stamp stamp, const struct model_node *node,
                                uint64_t replaces);

struct change_stream {
    struct slice name;
    enum stream_mode mode;
    uint32_t shard_count; /* 1 .. STREAM_SHARDS_MAX; they share the hash keys in AWS's way */
    uint32_t retention_hours;
    uint32_t record_kib_max;
    const struct model_tag *tags;
    uint32_t tag_count;
    uint32_t warm_mibps; /* these two need VERSION_SETTINGS, unless they are 0 and false */
    bool spreads;
};

/* A stream in CREATING; the leader places its shards.  Refused with
 * ERR_EXISTS   there is one of that name, in any state (unless the same token made it: ERR_OK)
 * ERR_INVALID  a field breaks a rule
 * ERR_BUSY     a maximum of the catalogue */
struct buf *change_create_stream(struct change_stamp stamp, const struct change_stream *wanted);

/* CREATING -> ACTIVE.  ERR_NOT_FOUND, ERR_CLOSED: it is being deleted. */
struct buf *change_activate_stream(struct change_stamp stamp, uint64_t id);

/* -> DELETING.  ERR_NOT_FOUND, ERR_CLOSED: it is already. */
struct buf *change_delete_stream(struct change_stamp stamp, uint64_t id);

/* The row goes; the name may be used again.  ERR_NOT_FOUND, ERR_INVALID: not in DELETING. */
struct buf *change_forget_stream(struct change_stamp stamp, uint64_t id);

/* Who shall be in the next epoch of a group. */
struct change_members {
    uint64_t group;
    uint32_t epoch; /* the model's + 1 */
    uint32_t member_count;
    uint64_t members[GROUP_MEMBERS_MAX];
};

/* Of a stream in CREATING the shard begins anew with them, as another group in epoch 1.
 * Up to CATALOG_MEMBERS_ROWS_MAX rows, each judged alone (apply_members.h): those that do not hold
 * any more are passed over, the others become the model's.
 * ERR_CLOSED   none holds; the reason is the first one's
 * ERR_INVALID  no rows, or too many */
struct buf *change_set_members(struct change_stamp stamp, const struct change_members rows[],
                               uint32_t count);

/* Each member of these epochs has said that it has all of its shard, durably: what others have of
 * it goes.  Up to CATALOG_WHOLE_ROWS_MAX rows; one that is in another epoch by then is passed over,
 * and so is one that shall rest and is not closed.
 * ERR_CLOSED   none holds
 * ERR_INVALID  no rows, or too many */
struct change_whole {
    uint64_t group;
    uint32_t epoch;
    bool rests; /* it is closed, and they have its END too */
};
struct buf *change_whole_shards(struct change_stamp stamp, const struct change_whole rows[],
                                uint32_t count);

/* The row goes.  ERR_NOT_FOUND; ERR_CLOSED: it is neither replaced nor draining, or a shard names
 * it still. */
struct buf *change_forget_node(struct change_stamp stamp, uint64_t id);

/* What an operator has confirmed: the group goes on from the survivor's last entry
 * (apply_rescue.h).
 * ERR_NOT_FOUND
 * ERR_CLOSED   the row is in another epoch, the stream is not active, the survivor is replaced
 * ERR_INVALID  a field is out of range
 * ERR_BUSY     it was rescued RESCUES_MAX times, or the catalogue has no room */
struct change_rescue {
    uint64_t group;
    uint32_t epoch;
    uint32_t held; /* epoch of the survivor's copy; 0 below VERSION_RESCUE_HELD */
    uint64_t survivor, index, term;
    const uint64_t *aside;
    uint32_t aside_count;
};
struct buf *change_rescue_shard(struct change_stamp stamp, const struct change_rescue *rescue);

/* The cluster's version becomes `version`, and each node's row says what it knows.  Nothing, when
 * it is that or higher already.
 * ERR_BUSY     a node does not know it, or came in meanwhile
 * ERR_INVALID  the lists are out of range */
struct change_raise {
    uint32_t version;
    const uint64_t *nodes;
    const uint32_t *knows; /* one per node */
    uint32_t node_count;
};
struct buf *change_raise_version(struct change_stamp stamp, const struct change_raise *raise);

/* Its replicas go to other nodes and it gets no new ones; or (`draining` false) it may have some
 * again.  Twice is as good as once.  ERR_NOT_FOUND; ERR_CLOSED: it is replaced. */
struct buf *change_drain_node(struct change_stamp stamp, uint64_t id, bool draining);

/* Leaders and replicas are not balanced any more (paused), or are again.  Twice is as good as once:
 * it is paused since the first time.  ERR_VERSION as change_place(). */
struct buf *change_set_balancing(struct change_stamp stamp, bool paused);

/* Whether new replicas may go to the node. */
typedef bool (*change_up_fn)(void *ctx, uint64_t node);

/* On the leader, before it proposes: checks that `change` can be read and is allowed, and gives
 * members to the shards of a new stream that have none.  `*ret` is one reference.  `up` may be
 * NULL: all are.
 * ERR_INVALID      cannot be read
 * ERR_VERSION      it needs a later cluster version than there is, or a newer build than this one
 * ERR_UNAVAILABLE  fewer nodes are up than a shard needs */
MUST_CHECK enum err change_place(struct slice change, const struct model *model, change_up_fn up,
                                 void *ctx, struct buf **ret, struct reason *reason);

#endif

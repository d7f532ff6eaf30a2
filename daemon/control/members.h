/* members.h - who takes the place of a node that leaves: a pure function of the model and of what
 * is known of the nodes.
 *
 *     a node       leaves because                          its places go to
 *     replaced     its disk was lost: it is back under     the node of its name
 *                  a new id with the same name
 *     draining     an operator wants it so                 another node of its zone, or, where that
 *     dead         it is down for longer than the grace    is allowed, of any: to the one that has
 *                                                          the fewest replicas
 *
 * One pass over all shards counts who has how many replicas, another one chooses, a few rows per
 * step:
 *
 *     members_begin -> members_step ... -> done -> members_unnamed
 *
 *     {A, B, C}, C leaves, D can come      the row {A, B, D} in the next epoch
 *     nobody can come                      nothing, and members_place() says why
 *     two members leave                    the first now, the other in a later pass
 *     the stream is being deleted          nothing
 *
 * A comer counts only when it is filled up (docs/flows/succession.md).  Until then those that stay
 * must be a majority by themselves: else a place is not given away.  A draining node may be alive,
 * and need not be hurried: it hands over what it leads first, and few of its groups move at once.
 *
 * A shard of a stream in CREATING, and one that is OPENING, begins anew as another group, with
 * nothing to carry over: its places wait for no majority.
 *
 * The row of a replaced node waits for nothing of that.  Its disk is gone, so that the group is no
 * worse off, and the catalogue takes one new place per epoch: in a group of three at least one of a
 * majority of the epoch that runs is in the next one as well; with two lost it has no end at all.
 *
 * A shard that was rescued has one member and grows to as many as it had, one at a time.
 *
 * When nobody leaves, or who does has nothing any more, a place may go to a node that has fewer
 * replicas, one at a time: within a zone, or to a zone that has none of the group's members from
 * one that has two.  Each such move makes the spread better, so that none goes to and fro.  And
 * another member may become the one that is preferred as leader (preferred.h): a few at a time, as
 * nothing has to be fetched.
 *
 * No state but the look; nothing is owned.
 */
#ifndef CONTROL_MEMBERS_H
#define CONTROL_MEMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "catalog/change.h"

enum members_leave { MEMBERS_STAYS, MEMBERS_REPLACED, MEMBERS_DRAINING, MEMBERS_DEAD };

/* What becomes of one place of a node that leaves. */
enum members_why {
    MEMBERS_GOES,     /* somebody takes it, when fewer than members_world.most groups move */
    MEMBERS_DELETING, /* its stream is being deleted: it goes with it */
    MEMBERS_NOT_BACK, /* the node of its name is not up */
    MEMBERS_ON_WAY,   /* the group is on its way into the epoch that its row names */
    MEMBERS_FEW,      /* those that stay and are up are no majority */
    MEMBERS_LEADS,    /* it leads the group, and hands that over first */
    MEMBERS_NO_ROOM   /* no node that may take it is up, has room, stays and is not in it already */
};

/* What is known of the nodes besides the model. */
struct members_world {
    change_up_fn up;   /* NULL: all are */
    change_up_fn current; /* up, and the model there is of this history; NULL: all that are up */
    change_up_fn full; /* its log has no room; NULL: none is */
    change_up_fn dead; /* down for longer than the grace; NULL: none */
    /* Not all members that are up have begun the row's epoch; NULL: all have. */
    bool (*moves)(void *ctx, uint64_t group);
    uint64_t (*leader)(void *ctx, uint64_t group); /* 0 = unknown */
    void *ctx;
    bool across_zones;
    bool spread;   /* when nobody leaves, replicas may move to be spread better, */
    bool prefer;   /* and others be preferred as leaders */
    uint32_t most; /* groups of draining nodes that may move at once */
    uint32_t room; /* of them, those that may begin to move now; `most`: none moves */
    uint32_t room_again; /* likewise of dead nodes and of rescued shards, which lack a replica: as
                          * many again may move, so that they do not wait for those */
};

/* A node as one step sees it. */
struct members_node {
    uint64_t node;
    const struct model_node *row; /* until the model changes: of this step */
    enum members_leave leave;
    bool up, full;
    uint32_t replicas; /* it has, or is to have: counted by a pass, 0 before */
    uint32_t firsts;   /* open shards that prefer it as leader: likewise */
    bool named;        /* by a shard that this pass has seen */
    bool kept;         /* by the catalogue's own group */
};

struct members_nodes {
    struct members_node nodes[NODE_ROWS_MAX];
    uint32_t count;
};

struct members_look {
    uint64_t after; /* the group that was looked at last */
    bool done;      /* all shards were looked at, or no node leaves */
    struct change_members rows[CATALOG_MEMBERS_ROWS_MAX]; /* what the last step found */
    uint32_t row_count;
    uint32_t moves; /* of them, those that took of world.room */
    uint32_t orders; /* likewise, that say who is preferred as leader: all of a step, or none */
    /* private */
    bool counting;
    bool spreading, preferring; /* who leaves had nothing when it was counted */
    uint32_t ordered; /* orders of this pass */
    bool growing;   /* a rescued shard has fewer members than before */
    struct members_nodes nodes;
};

/* Who takes the place of `lost`: the node of its name that is up and not replaced; 0 = nobody. */
uint64_t members_comer(const struct model *model, uint64_t lost, change_up_fn up, void *ctx);

/* `kept`: members of the catalogue's own group, which the model does not know. */
void members_begin(struct members_look *look, const struct model *model,
                   const struct members_world *world, const uint64_t kept[], uint32_t kept_count);

/* Up to CONTROL_LOOKS_PER_TURN shards, fewer when `rows` is full. */
void members_step(struct members_look *look, const struct model *model,
                  const struct members_world *world);

/* After a whole pass: a replaced node that nothing names, whose row may go; 0 = none. */
uint64_t members_unnamed(const struct members_look *look);

/* All nodes of the model as the world sees them now. */
void members_nodes_fill(struct members_nodes *nodes, const struct model *model,
                        const struct members_world *world);

/* NULL: not in it. */
const struct members_node *members_node_find(const struct members_nodes *nodes, uint64_t node);

/* What becomes of place `at` of `row`, whose node leaves.  `comer` is set with MEMBERS_GOES. */
enum members_why members_place(const struct members_nodes *nodes, const struct members_world *world,
                               const struct model_stream *stream, const struct model_shard *row,
                               uint32_t at, uint64_t *comer);

/* That as a sentence about the place: "no other node in zone-b ...". */
void members_say(enum members_why why, const struct members_nodes *nodes,
                 const struct members_world *world, const struct model_shard *row, uint32_t at,
                 struct reason *ret);

#endif

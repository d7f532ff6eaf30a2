/* rescue.h - a shard whose majority is lost, or the catalogue itself: what is left of it, and how
 * it goes on.
 *
 *     rescue_look            asks every node for what it has of the group
 *     rescue_choose          the copy that has most, or why there is nothing to rescue: pure
 *     rescue_choose_catalog  the same for CATALOG_GROUP, of which every node has a copy
 *     rescue_none_changes    of the catalogue: does a majority know that nothing it has changes
 *                            retention; for control/retain.c, which looks by itself: pure
 *     rescue_change          the catalogue's change, of what was looked at and confirmed
 *     rescue_catalog         without one: on the survivor itself (catalog/resume.h)
 *
 * Nobody is ever rescued without a person: an operator looks, confirms what would be lost, and
 * the same must still be so when it is done (ops/rescues.c). docs/flows/rescue.md.
 */
#ifndef CONTROL_RESCUE_H
#define CONTROL_RESCUE_H

#include "control/holding.h"

enum rescue_heard {
    RESCUE_ASKED,
    RESCUE_DOWN,   /* not connected: what it has is not known */
    RESCUE_SILENT, /* connected, and it did not say what it has: it may have most */
    RESCUE_NOTHING,
    RESCUE_HAS
};

struct rescue_node {
    uint64_t node;
    char name[MODEL_NAME_MAX + 1];
    bool own;          /* the one that looks */
    bool replaced;     /* its disk is gone */
    uint64_t down_ms;  /* as far as this node has seen it; 0: it is up */
    enum rescue_heard heard;
    struct holding holding; /* with RESCUE_HAS */
};

struct rescue_look;
typedef void (*rescue_look_cb)(struct rescue_look *look);

/* One question to one node. */
struct rescue_ask {
    struct net_call call;
    struct rescue_look *look;
    uint32_t at; /* in nodes */
};

/* The caller's, until the callback. */
struct rescue_look {
    uint64_t group;
    uint32_t epoch; /* the row's; of the catalogue: the survivor's */
    struct rescue_node nodes[NODE_ROWS_MAX];
    uint32_t node_count;
    /* of rescue_choose() */
    enum err err;
    struct reason reason;
    uint32_t survivor; /* in nodes, when err is ERR_OK */
    /* private */
    struct control *control;
    rescue_look_cb cb;
    struct rescue_ask asks[NODE_ROWS_MAX];
    uint32_t waiting;
    struct defer defer;
};

/* Calls back within CONTROL_HOLDING_MS, never from inside; until then the look is not touched. */
void rescue_look(struct control *control, struct rescue_look *look, uint64_t group,
                 rescue_look_cb cb);
void rescue_look_cancel(struct rescue_look *look);

/* Sets err, reason and survivor, of nodes and the row.
 * ERR_NOT_FOUND  no such group, or no whole copy of it answered
 * ERR_CLOSED     it needs no rescue: it is led, as the leader or who hears it says, or a majority
 *                of its members is there, resting or not
 * ERR_BUSY       a node that is connected did not answer */
void rescue_choose(struct rescue_look *look, const struct model *model);

/* Likewise.  Of two copies that have the same the one is chosen that has the group's log, then the
 * one with the lower id: whoever looks, wherever, finds the same. */
void rescue_choose_catalog(struct rescue_look *look);

/* Of the catalogue's group, with these members: whether a majority of them says that what it has
 * behind `index` in its log of that epoch, if anything, changes no retention.  Then none was set
 * there before they were asked: what did would be in the logs of a majority. */
bool rescue_none_changes(const struct rescue_look *look, const uint64_t *members, uint32_t count,
                         uint32_t epoch, uint64_t index);

/* Whether a node is silent whose copy may be better; then err and reason say so. */
bool rescue_waits(struct rescue_look *look);

/* Whether somebody leads the group, or hears who does, within reach of this node or not; then err
 * and reason say so. */
bool rescue_led(struct rescue_look *look);

/* As Raft compares logs; a later epoch begins with all that was acknowledged in those before. */
bool rescue_has_more(const struct holding *a, const struct holding *b);

/* This node is the survivor; catalog_rescue().  ERR_BUSY: one is under way, nothing was begun. */
MUST_CHECK enum err rescue_catalog(struct control *control, const struct rescue_look *look,
                                   struct catalog_rescue *req, catalog_rescue_cb cb);

/* What is not known of the others counts as another copy: such a node gets this shard never again.
 * NULL: no memory. */
struct buf *rescue_change(struct control *control, const struct rescue_look *look);

#endif

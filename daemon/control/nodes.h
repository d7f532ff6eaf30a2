/* nodes.h - what operators ask about nodes: how far one has come that leaves, what it waits for,
 * and whether it can be removed.
 *
 *     drain    its replicas go to other nodes (replace.c), and it gets no new ones
 *     undrain  it may have some again; what went does not come back by itself
 *     remove   its row goes, when nothing is left on it; its process ends by itself
 *
 * Answered by any node, from what it knows: only the catalogue's leader acts.
 */
#ifndef CONTROL_NODES_H
#define CONTROL_NODES_H

#include "catalog/change_settings.h"
#include "control/control.h"
#include "control/members.h"

/* All nodes as this one sees them, for the functions below: until the model changes. */
void nodes_look(struct control *control, struct members_nodes *ret);

/* One of them, as this one sees it. */
struct node_sight {
    enum members_leave leave;
    uint64_t down_ms;  /* as far as this node has seen it; 0: it is up */
    uint32_t replicas; /* it has, or is to have */
};

/* `waits`: what the first of its replicas waits for that nobody can take now; empty if there is
 * none, or it stays.  Looks at NODES_PLACES_MAX of them. */
#define NODES_PLACES_MAX 256u
void nodes_sight(struct control *control, uint64_t node, struct node_sight *ret,
                 struct reason *waits);

/* Nothing names the node, and none of its groups is on its way. */
bool nodes_is_empty(const struct control *control, uint64_t node);

/* How many groups are on their way to other members, CONTROL_MOVES_AT_ONCE_MAX at most. */
uint32_t nodes_moving(const struct control *control);

/* Groups that the node has left, or may have, and that are not whole on all members yet: of a
 * change before this process started nobody knows whose place it was. */
uint32_t nodes_moving_from(const struct control *control, uint64_t node);

/* Whether the row is one of them, and what it waits for, in words. */
bool nodes_has_left(const struct control *control, const struct model_stream *stream,
                    const struct model_shard *row, uint64_t node, struct reason *ret);

/* Whether it is a member of the catalogue's own group. */
bool nodes_in_catalog(const struct control *control, uint64_t node);

/* What becomes of the place `at` of `row`, whose node leaves, in words. */
enum members_why nodes_place(struct control *control, const struct members_nodes *nodes,
                             const struct model_stream *stream, const struct model_shard *row,
                             uint32_t at, struct reason *ret);

/* Whether nothing of the node is left, so that its row may go.  ERR_NOT_FOUND.
 * ERR_CLOSED  it is replaced, not drained, or a member of the catalogue: it stays as it is
 * ERR_BUSY    it has replicas still, or groups that it left are on their way: wait */
MUST_CHECK enum err nodes_may_go(struct control *control, uint64_t node, struct reason *reason);

/* The changes.  One reference; NULL when there is no memory. */
struct buf *nodes_drain(struct control *control, uint64_t node, bool draining);
struct buf *nodes_remove(struct control *control, uint64_t node);

/* Likewise, what is set of a stream. */
struct buf *nodes_set_stream(struct control *control, const struct change_settings *wanted);

/* Likewise, for all of them: leaders and replicas stay where they are (paused), or are balanced
 * again.  What leaves a draining, dead or ailing node goes on meanwhile. */
struct buf *nodes_balance(struct control *control, bool paused);

#endif

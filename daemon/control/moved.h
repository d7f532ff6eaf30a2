/* moved.h - whether a member comes in by no more than a move: a pure function of the model and of
 * who is up.
 *
 * Who had the place has all that it had then, and gives it to others.  So the group misses nothing
 * while a move goes on, and it need not be hurried.  Of whoever else comes in it misses a copy, or
 * its majority:
 *
 *     the one that lost a place last       the member that comes
 *     drains, or a spread took it          moves
 *     was replaced, is down, its row went  does not: that copy is lost, or not within reach
 *     is not known                         does not: it may be any of those.  Whoever was started
 *                                          since has not seen it go (model_shard.left)
 *     is there, but another member is      does not: the group may have no majority without it
 *     replaced or down
 *     is there, but the row was rescued,   does not: the group has fewer copies than it had; the
 *     and grows                            one that lost a place did so before
 *
 * Of these alone it is not told apart who was given up as dead and is back, and who was a member
 * and merely away: comer.urgent has that.  A wrong answer costs time, and nothing else.
 */
#ifndef CONTROL_MOVED_H
#define CONTROL_MOVED_H

#include "catalog/change.h"

/* Of `node`, which comes into the row's group.  `up`: of other nodes. */
bool moved_only(const struct model *model, const struct model_shard *row, uint64_t node,
                change_up_fn up, void *ctx);

#endif

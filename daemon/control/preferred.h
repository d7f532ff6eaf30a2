/* preferred.h - which of a shard's members is to be preferred as leader, so that leaders are spread
 * over the nodes: a pure function.
 *
 * The first member of a row is preferred, and leads when it is up and well (balance.c).  A stream
 * that is made has its first members spread (catalog/placement.h); later nodes are added, go, or
 * are rescued, and some are first of more shards than others:
 *
 *     {A, B, C}   A is first of 5 shards, B of 4, C of 3    C
 *     {A, B, C}   A is first of 4 shards, B of 3, C of 3    A still: the most is one more
 *
 * It goes to a member that is first of fewer even when it has come.  So each such step makes the
 * spread better, and none goes to and fro.  Both must be up: who is down for a while is to have
 * again what was its own.
 */
#ifndef CONTROL_PREFERRED_H
#define CONTROL_PREFERRED_H

#include "control/members.h"

/* `row`'s members in the order that would be better, that of its own epoch; false: none would. */
bool preferred_order(const struct members_nodes *nodes, const struct model_stream *stream,
                     const struct model_shard *row, struct change_members *ret);

#endif

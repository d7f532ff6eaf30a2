/* promises.h - what a node's messages promised, and whether it still knows after a crash.
 *
 * Terms, votes and acknowledged entries are the promises that Raft rests on: none may be forgotten
 * once a message that implies it has left.  Nothing has to go wrong for this to be seen: the log
 * that a process finds is compared with what its predecessors said.
 */
#ifndef SIM_PROMISES_H
#define SIM_PROMISES_H

#include "base/buf.h"
#include "env/net.h"
#include "world.h"

/* Called by the net for each message that a node sends, `to` the id that it means: who is there now
 * may be another one. */
void promises_sends(struct world *world, struct sim_node *node, uint64_t to, enum net_kind kind,
                    struct slice bytes);

/* The node's process has opened its log. */
void promises_check(struct world *world, struct sim_node *node);

#endif

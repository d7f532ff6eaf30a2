/* forgotten.h - the end of a log rots while its node is down, played on purpose.
 *
 * A node is killed when a peer has heard that its last frame is durable; then
 * one bit of that frame's header flips, so that its next start sees a torn
 * write.  When it runs again it must find out by what its peers remember,
 * before it votes, acknowledges or leads, and end; its next start is refused,
 * and the one behind that has a new id and nothing else: the others fill it,
 * and nothing that was acknowledged is lost.
 *
 * In a third of the seeds that was an old copy of its directory, by one frame:
 * the right one is put back in its place, and must be as good as ever.
 *
 * In `-c old-copy` one peer alone had heard of the frame, and is out of reach when the
 * node is back; groups go to other epochs meanwhile.  What the copy writes until it is
 * trusted must not be known to anybody, or the right directory would be taken for one
 * that has forgotten that.
 *
 * Rule S8 is what finds it.  Without it (mutant no_S8) the node takes part.
 *
 * Of files, one file of its log is gone instead, or ends earlier: the node must
 * find that out likewise, or have everything without it.
 *
 * Of two, another node is down meanwhile.  As long as it is, the one that forgot
 * must not come into the catalogue under its new id: groups of both have no
 * majority (control/renewed.h).  Sometimes that other one has forgotten too: both
 * wait, until an operator puts its right directory back.  Sometimes the first one
 * forgets once more while it waits, and has a third id.
 */
#ifndef SIM_FORGOTTEN_H
#define SIM_FORGOTTEN_H

#include "base/buf.h"
#include "base/err.h"
#include "env/net.h"
#include "world.h"

void forgotten_start(struct world *world);
void forgotten_start_copy(struct world *world);
void forgotten_start_two(struct world *world);
void forgotten_start_files(struct world *world);

/* Called by the checks after each event of the node, which runs. */
void forgotten_after_event(struct world *world, struct sim_node *node);

/* Likewise for each of its groups. */
void forgotten_look(struct world *world, struct sim_node *node, uint64_t group, bool leads);

/* Called by the net for each message that a node sends. */
void forgotten_sends(struct world *world, struct sim_node *node, enum net_kind kind,
                     struct slice bytes);

/* The node says that it has forgotten: it must be the one, and only once. */
void forgotten_says(struct world *world, struct sim_node *node, const struct reason *reason);

/* The node does not start: whether that was to be expected. */
bool forgotten_refuses(struct world *world, struct sim_node *node, enum err err,
                       const struct reason *reason);

/* Before each start: what a node has that must not go on with it is put aside. */
void forgotten_renews(struct world *world, struct sim_node *node);

/* Whether the node may have lost what it promised. */
bool forgotten_may_forget(struct world *world, const struct sim_node *node);

/* At the end: the scenario came to its end too.  That all is whole again is checked for all. */
void forgotten_check(struct world *world);

#endif

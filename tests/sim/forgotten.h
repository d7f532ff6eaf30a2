/* forgotten.h - the end of a log rots while its node is down, played on purpose.
 *
 * A node is killed when a peer has heard that its last frame is durable; then
 * one bit of that frame's header flips, so that its next start sees a torn
 * write.  When it runs again it must find out by what its peers remember,
 * before it votes, acknowledges or leads, and refuse to start from then on; the
 * others go on, and nothing that was acknowledged is lost.
 *
 * Rule S8 is what finds it.  Without it (mutant no_S8) the node takes part.
 */
#ifndef SIM_FORGOTTEN_H
#define SIM_FORGOTTEN_H

#include "base/buf.h"
#include "base/err.h"
#include "env/net.h"
#include "world.h"

void forgotten_start(struct world *world);

/* Called by the checks after each event of the node. */
void forgotten_look(struct world *world, struct sim_node *node, bool leads);

/* Called by the net for each message that a node sends. */
void forgotten_sends(struct world *world, struct sim_node *node, enum net_kind kind,
                     struct slice bytes);

/* The node says that it has forgotten: it must be the one, and only once. */
void forgotten_says(struct world *world, struct sim_node *node, const struct reason *reason);

/* The node does not start: whether that was to be expected.  It stays down then. */
bool forgotten_refuses(struct world *world, struct sim_node *node, enum err err,
                       const struct reason *reason);

/* At the end: the scenario came to its end too. */
void forgotten_check(struct world *world);

#endif

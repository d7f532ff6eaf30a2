/* rescues.h - the operator's rescues of shards: what they give up counts as lost when the survivor
 * begins, and not before.
 *
 * Until then nobody knows whether a rescue is made: the change may be refused, or may be on its way
 * when whoever asked for it has no answer, or is dead; and a survivor whose log has moved since the
 * look never begins.  So all that were asked for are kept, and the survivors' logs looked at. */
#ifndef SIM_RESCUES_H
#define SIM_RESCUES_H

#include "world.h"

/* Inside a node: looks, and does it when it is possible.  Sometimes the look is an old one: the log
 * has grown since. */
void rescues_ask(struct world *world, struct sim_node *node, void *ctx, uint64_t group);

/* Inside a node that reaches one member of a group that is led: it must find that no rescue is
 * needed. */
void rescues_ask_in_vain(struct world *world, struct sim_node *node, void *ctx, uint64_t group);

/* After each event of a node that runs, before what it has applied is looked at. */
void rescues_after_event(struct world *world, struct sim_node *node);

#endif

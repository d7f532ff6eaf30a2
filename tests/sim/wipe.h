/* wipe.h - a node loses its disk and comes back empty, under a new id.
 *
 * Only when every group is whole: all of a row's members are up and take part in
 * the epoch that the row names, so do those of the catalogue's own group, and no
 * copy of an entry is damaged.  More than that a replicated system does not
 * promise to survive.  A group of a stream that is being created, and that nobody
 * leads yet, does not count: nothing was acknowledged there, and the stream must
 * come about whatever is lost.
 */
#ifndef SIM_WIPE_H
#define SIM_WIPE_H

#include "world.h"

/* Kills the node and wipes its disk, when nothing forbids it. */
void wipe_one(struct world *world, struct sim_node *node);

/* Does it, whatever that means. */
void wipe_now(struct world *world, struct sim_node *node);

/* The node that runs under this id; the one that leads the catalogue.  NULL: none does. */
struct sim_node *wipe_node(struct world *world, uint64_t id);
struct sim_node *wipe_catalog_leader(struct world *world);

/* Whether the node is a member of the catalogue's group, as its leader knows. */
bool wipe_keeps_catalog(const struct sim_node *leader, uint64_t node);

/* Whether all members of the group take part and have the entry. */
bool wipe_all_have(const struct world *world, uint64_t group, uint64_t index);

/* Whether the catalogue knows the group, and does not name the node for it any more. */
bool wipe_has_left(const struct world *world, uint64_t group, uint64_t node);

/* Whether every group has all of its members.  When not, `why` says what lacks. */
bool wipe_whole(struct world *world, char *why, size_t why_bytes);

#endif

/* rot.h - bits that flip on the disks, on a minority of each entry's copies.
 *
 * Now and then one bit of one payload flips, in a segment that is full, of an
 * entry that its node has applied, and never in two copies of the same entry.
 * Where reads fail too (FAULT_READ_ERROR) a block of the payload may become
 * unreadable instead; its first or last one only when that may be done to all
 * entries that lie in it, and when its segment is filed: a start needs the
 * heads of the others' frames.
 * No wrong byte may be served (the histories see that), and after healing every
 * entry that was hit and still lives must be whole again on its node's disk:
 * found by the scrubber or a reader, and repaired from a peer.
 */
#ifndef SIM_ROT_H
#define SIM_ROT_H

#include "world.h"

/* Begins to flip bits, until the cluster heals. */
void rot_start(struct world *world);

/* Whether an entry that was hit is damaged still. */
bool rot_any(struct world *world);

/* The node's disk is gone, and the flips on it. */
void rot_forget(struct world *world, const struct sim_node *node);

/* Blocks that went bad in an earlier use of their files can be read again.  False: there is none.
 *
 * For a start that was refused because of one.  Where the frames of a file that is used again stop
 * lies what is left of its earlier use.  If that block cannot be read the start cannot tell whether
 * a frame was written there since, and went bad: it says so, and is right.  A failed read may be
 * good the next time, so it must not take it for the end either.  What an operator does then, a new
 * disk, the other scenarios play. */
bool rot_left_over(struct world *world, const struct sim_node *node);

/* After healing: runs the world until everything is whole, or ends it with a violation.  Returns
 * how many bits were flipped. */
uint64_t rot_check(struct world *world);

#endif

/* nemesis.h - what goes wrong, and when.
 *
 * Two hands: one throws faults at random times; the other aims at the moments
 * that matter: a node that has just been elected, or has just proposed its
 * first entry, is cut off, killed, loses power or its disk stalls; so is one in
 * a moment of moments.h.  (Random faults alone found nothing in ten simulated
 * hours; aimed ones find libraft's flaws within seconds.)
 */
#ifndef SIM_NEMESIS_H
#define SIM_NEMESIS_H

#include "world.h"

enum fault {
    FAULT_KILL = 1u << 0,
    FAULT_POWER = 1u << 1,
    FAULT_POWER_ALL = 1u << 2,
    FAULT_PAUSE = 1u << 3,
    FAULT_CUT = 1u << 4,
    FAULT_CUT_ONE_WAY = 1u << 5,
    FAULT_ISOLATE = 1u << 6,
    FAULT_STALL = 1u << 7,
    FAULT_SLOW = 1u << 8,
    FAULT_CLOCK = 1u << 9,
    FAULT_STOP = 1u << 10,
    FAULT_WIPE = 1u << 11,
    FAULT_WRITE_ERROR = 1u << 12, /* of the log, or of the tables: the process must end */
    FAULT_READ_ERROR = 1u << 13,
    FAULT_FULL = 1u << 14,
    FAULTS = 15
};

/* Begins to throw faults; ends when the cluster heals. */
void nemesis_start(struct world *world);

/* Everything is mended: links, disks, clocks; dead nodes start. */
void nemesis_heal(struct world *world);

/* Called by moments.c: now, or a moment later. */
void nemesis_on_moment(struct world *world, struct sim_node *node);

/* Called by the checks. */
void nemesis_on_leader(struct world *world, struct sim_node *node, uint64_t group);
/* `first`: of this leadership, its barrier apart. */
void nemesis_on_proposal(struct world *world, struct sim_node *node, uint64_t group, bool first);

#endif

/* fixture_sim.h - the world of fixture.h on the simulator's disk and tables: one node's log alone.
 *
 * fixture_real.c has the real ones.  There is one such world in a program. */
#ifndef TESTS_LOG_FIXTURE_SIM_H
#define TESTS_LOG_FIXTURE_SIM_H

#include "fixture.h"

#include "world.h"

extern struct world world;
extern struct node node;
extern struct sim_node *const alone; /* the node of that world */
extern uint64_t turn_ns_max;         /* what node_turn() lets pass at most; the caller sets it */

/* The process is gone, and its memory with it. */
void die(enum death death);

#endif

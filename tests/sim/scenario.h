/* scenario.h - which faults and sizes a seed has: a random mixture, or what a scenario wants.
 *
 * Swarm testing: without a scenario each seed switches on a random subset of
 * all faults, with random sizes, so that some seeds meet what others hide.  A
 * scenario changes that mixture, so that its own fault is there in every seed.
 */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include "cluster.h"

#define SCENARIO_MOMENTS ((1u << MOMENTS) - 1) /* all */

struct scenario {
    const char *name, *what;
    bool three_nodes, more_nodes; /* exactly three; at least four.  Else as the seed wants */
    bool six_nodes;               /* two in each zone */
    bool scripted;                /* no random faults */
    bool swarm;                   /* drains and upgrades (swarm.h), in some seeds each */
    void (*choose)(struct cluster_options *options);
    void (*start)(struct world *world); /* may be NULL, as the others */
    void (*before_healing)(struct world *world);
    void (*at_the_end)(struct world *world);
};

/* NULL when there is none of this name.  The swarm's is "swarm". */
const struct scenario *scenario_find(const char *name);

/* All names and what they are, for people. */
const char *scenario_list(void);

uint32_t scenario_nodes(const struct scenario *scenario, uint64_t seed);
struct cluster_options scenario_options(const struct scenario *scenario, const struct world *world);

#endif

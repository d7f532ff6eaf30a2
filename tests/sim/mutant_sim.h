/* mutant_sim.h - which faults of base/mutant.def the code has. */
#ifndef SIM_MUTANT_SIM_H
#define SIM_MUTANT_SIM_H

#include <stdbool.h>

/* From now on the code has these, by names with commas between.  False when there is no such fault,
 * or no fault in this program. */
bool mutant_sim_pick(const char *names);

/* One line for each: its name and what it breaks. */
void mutant_sim_list(void);

#endif

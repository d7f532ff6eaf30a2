/* table_sim.h - the simulator's tables: ordered rows, and what a loss of power forgets.
 *
 * A synced batch makes itself and all before it durable.  The death of the
 * process loses nothing; a loss of power loses a suffix of the unsynced
 * batches.
 */
#ifndef SIM_TABLE_SIM_H
#define SIM_TABLE_SIM_H

#include "table/table.h"
#include "world.h"

struct table *table_sim_new(struct world *world);
void table_sim_free(struct table *table);
void table_sim_crash(struct table *table, enum death death);
void table_sim_wipe(struct table *table);

#endif

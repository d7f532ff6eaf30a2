/* table_sim.h - the simulator's tables: ordered rows, and what a loss of power forgets.
 *
 * A synced batch makes itself and all before it durable.  The death of the
 * process loses nothing; a loss of power loses a suffix of the unsynced
 * batches.  While the disk is full only a row or two are taken.
 */
#ifndef SIM_TABLE_SIM_H
#define SIM_TABLE_SIM_H

#include "table/table.h"
#include "world.h"

struct table *table_sim_new(struct sim_node *node);
void table_sim_free(struct table *table);
/* Others with the same rows: while the node is down. */
struct table *table_sim_copy(const struct table *table);
void table_sim_crash(struct table *table, enum death death);
void table_sim_wipe(struct table *table);

/* For checks: hands out the last of the rows from `from` up to `to`, whatever the disk gives to the
 * node.  False: there is none. */
bool table_sim_last(const struct table *table, enum table_space space, struct slice from,
                    struct slice to, table_scan_cb cb, void *ctx);

/* The next batch fails with ERR_IO; it may be there all the same. */
void table_sim_break(struct table *table, bool breaks);

/* Whether this process was told so: it must not go on. */
bool table_sim_has_failed(const struct table *table);

#endif

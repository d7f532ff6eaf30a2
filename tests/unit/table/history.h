/* history.h - what tables must be after their process died: a moment of their history.
 *
 * One history is played on RocksDB (test_crash.c, killed with SIGKILL) and on the simulator's
 * tables (crash_sim.c): what the one may leave behind, the other must allow.  Batch n of a history
 * is always the same: some rows of all spaces, put or deleted, and one row that says n.
 *
 *     history_write()     the next batch
 *     history_check()     whether the tables are as they were after some batch, and which
 */
#ifndef TESTS_TABLE_HISTORY_H
#define TESTS_TABLE_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "table/table.h"

#define HISTORY_ROWS 200u
#define HISTORY_VALUE_BYTES_MAX 6000u

/* Zeroed: nothing was written. */
struct history {
    uint64_t batches;
    uint64_t bytes;                              /* of all values */
    uint64_t stamps[TABLE_SPACES][HISTORY_ROWS]; /* what is in the row; 0: there is none */
};

/* Whether the next batch will be synced. */
bool history_is_synced(const struct history *history);

/* The next batch is written to `table`; NULL: it was before. */
enum err history_write(struct history *history, struct table *table, struct reason *reason);

struct history_finding {
    uint64_t batches; /* the tables are as after so many; UINT64_MAX: refused */
    uint64_t refused; /* reads with ERR_CORRUPT; all others are right */
    char wrong[200];  /* "" */
};

/* `at`: the number of batches when the tables refuse to say it. */
void history_check(struct table *table, uint64_t at, struct history_finding *ret);

#endif

/* rocks.h - opens the tables of a data directory: the daemon's world. */
#ifndef TABLE_ROCKS_H
#define TABLE_ROCKS_H

#include "table/table.h"

/* Opens, or makes, the tables under `path`.  ERR_VERSION: written by a newer Braid. ERR_CORRUPT: a
 * lost or damaged file; acknowledged facts may be missing, so the node must not start over it.
 * ERR_BUSY: another process has it open.  ERR_IO, ERR_NO_SPACE. */
MUST_CHECK enum err table_open(struct table **ret, const char *path, struct reason *reason);
void table_close(struct table *table);

#endif

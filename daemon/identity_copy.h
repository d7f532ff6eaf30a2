/* identity_copy.h - what a node is, in a file beside its tables: for tables that cannot be opened.
 *
 *     identity   in the data directory: renewal_encode(), of a node that belongs to a cluster
 *
 * RocksDB opens nothing when a file of its own is lost or damaged.  The node may have forgotten
 * what it promised then, and comes back under a new id (renew.h), for which it must know who it
 * was, and in which cluster. The tables say it while they can; the copy is
 * as old as the last start, or the last change of the catalogue's members, like the tables of a
 * node that was down meanwhile.
 *
 * Blocking: at a process's start and end, or on a worker.
 */
#ifndef IDENTITY_COPY_H
#define IDENTITY_COPY_H

#include "base/note.h"
#include "control/renewal.h"
#include "data_dir.h"
#include "table/table.h"

/* Durable on return; writes nothing when it is so already, or when there is nothing to say.
 * ERR_IO, ERR_NO_SPACE, ERR_NO_MEMORY, ERR_CORRUPT: the copy stays as it was. */
MUST_CHECK enum err identity_copy_write(const struct data_dir *dir, struct table *table,
                                        struct reason *reason);

/* The same at a start, where what fails is noted: without the copy a node that loses its tables is
 * for a person, which is no reason not to run. */
void identity_copy_make(const struct data_dir *dir, struct table *table, struct note *note);

/* ERR_NOT_FOUND: there is none.  ERR_CORRUPT: it is damaged.  ERR_IO. */
MUST_CHECK enum err identity_copy_read(const struct data_dir *dir, struct renewal_node *ret,
                                       struct reason *reason);

#endif

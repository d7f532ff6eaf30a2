/* data_dir.h - the directory that is this node: one process at a time, one name for ever.
 *
 *     data_dir_open -> (log/ and table/ inside it are opened by their modules) -> data_dir_close
 *
 * The directory holds
 *
 *     braid     who wrote it: format and the node's name, as text
 *     lock      held by the process that runs
 *     log/      segments          table/    RocksDB
 *
 * A directory of another node, or of a newer format, is refused before
 * anything in it is touched.
 *
 * Blocking; start and end of the process only.
 */
#ifndef DATA_DIR_H
#define DATA_DIR_H

#include <stdbool.h>

#include "base/err.h"

#define DATA_DIR_PATH_MAX 1024u
#define DATA_DIR_FORMAT 1u

struct data_dir {
    char path[DATA_DIR_PATH_MAX];
    char log[DATA_DIR_PATH_MAX + 8];
    char table[DATA_DIR_PATH_MAX + 8];
    char audit[DATA_DIR_PATH_MAX + 16];
    bool temporary; /* removed by data_dir_close() */
    int lock;
};

/* Makes the directory if it is not there (its parent must be), locks it, and makes sure that it is
 * `name`'s.  An empty path makes a temporary directory.
 *
 * ERR_BUSY     another braidd runs on it
 * ERR_FOREIGN  it belongs to another node
 * ERR_VERSION  it was written by a newer Braid
 * ERR_INVALID  there are other files in it, and no `braid`; or it is not a directory
 * ERR_IO       it cannot be made, read or written */
MUST_CHECK enum err data_dir_open(struct data_dir *dir, const char *path, const char *name,
                                  struct reason *reason);

/* Lets go of the lock; a temporary directory and all in it is removed. */
void data_dir_close(struct data_dir *dir);

#endif

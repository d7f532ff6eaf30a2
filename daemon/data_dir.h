/* data_dir.h - the directory that is this node: one process at a time, one name for ever.
 *
 *     data_dir_open -> (log/ and table/ inside it are opened by their modules) -> data_dir_close
 *
 * The directory holds
 *
 *     braid     who wrote it: format and the node's name, as text
 *     lock      held by the process that runs
 *     identity  what the node is, for tables that cannot be opened (identity_copy.h)
 *     log/      segments          table/    RocksDB
 *     table.forgotten/            table/ of a node that has forgotten and could not write that down
 *     forgotten-1/ ...            log/ and table/ of former ids of this node: nobody reads or
 *                                 removes them but an operator
 *
 * A node that has forgotten what it promised gets new tables, and its log begins anew:
 *
 *     data_dir_begin_anew -> (tables are made at `making`) -> data_dir_commit_anew -> the process
 *     ends -> data_dir_open moves log/ and table/ into forgotten-N/, and the new tables to table/
 *
 * A crash at any moment leaves the old ones or the new ones, never none.
 *
 * A directory of another node, or of a newer format, is refused before
 * anything in it is touched.
 *
 * Blocking; start and end of the process only.
 */
#ifndef DATA_DIR_H
#define DATA_DIR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

#define DATA_DIR_PATH_MAX 1024u
#define DATA_DIR_FORMAT 1u

struct data_dir {
    char path[DATA_DIR_PATH_MAX];
    char log[DATA_DIR_PATH_MAX + 8];
    char table[DATA_DIR_PATH_MAX + 16];
    char audit[DATA_DIR_PATH_MAX + 16];
    char making[DATA_DIR_PATH_MAX + 16]; /* tables that are being made, */
    char next[DATA_DIR_PATH_MAX + 16];   /* and that are to be the next ones */
    bool marked;                         /* `table` is its tables under their other name */
    char aside[DATA_DIR_PATH_MAX + 24];  /* where data_dir_open() has put the former ones, or "" */
    bool temporary; /* removed by data_dir_close() */
    int lock;
};

/* Makes the directory if it is not there (its parent must be), locks it, and makes sure that it is
 * `name`'s.  An empty path makes a temporary directory.
 *
 * ERR_BUSY     another braidd runs on it
 * ERR_FOREIGN  it belongs to another node
 * ERR_VERSION  it was written by a newer Braid
 * ERR_INVALID  there are other files in it, and no `braid`; or it is not a directory; or it has
 *              tables under both names
 * ERR_IO       it cannot be made, read or written */
MUST_CHECK enum err data_dir_open(struct data_dir *dir, const char *path, const char *name,
                                  struct reason *reason);

/* A small file of the directory, by its name.  Written anew, durable on return; a crash leaves the
 * old one or the new one.  Read: `len` is the room, and becomes what there is of it.
 * ERR_NOT_FOUND, ERR_NO_SPACE, ERR_IO. */
#define DATA_DIR_IDENTITY "identity"
MUST_CHECK enum err data_dir_write(const struct data_dir *dir, const char *name,
                                   struct slice bytes, struct reason *reason);
MUST_CHECK enum err data_dir_read(const struct data_dir *dir, const char *name, void *bytes,
                                  size_t *len, struct reason *reason);

/* Makes room for new tables at `making`: what a beginning that was cut short left there goes. */
MUST_CHECK enum err data_dir_begin_anew(struct data_dir *dir, struct reason *reason);

/* The tables at `making` are whole and closed: the next data_dir_open() begins with them. */
MUST_CHECK enum err data_dir_commit_anew(struct data_dir *dir, struct reason *reason);

/* From now on the tables have another name, which says that the node has forgotten: that needs no
 * room.  Durable on return. */
MUST_CHECK enum err data_dir_mark(struct data_dir *dir, struct reason *reason);

/* What is kept of former ids: how many directories forgotten-N, and how much room they take. */
struct data_dir_kept {
    uint32_t count;
    uint64_t bytes;
    uint64_t free_bytes; /* of the file system of the directory */
};
struct data_dir_kept data_dir_kept(const struct data_dir *dir);

/* Lets go of the lock; a temporary directory and all in it is removed. */
void data_dir_close(struct data_dir *dir);

#endif

/* renew.h - a node that has forgotten what it promised: its next process has a new id.
 *
 *     found out, while running or at a start -> renew -> the process ends with NODE_FORGOT
 *     -> data_dir_open puts the old log and tables aside -> control_identity gives a new id
 *
 * Blocking; what calls it is about to end the process.
 */
#ifndef RENEW_H
#define RENEW_H

#include "base/note.h"
#include "config.h"
#include "data_dir.h"
#include "env/clock.h"
#include "table/table.h"

struct renew_world {
    struct data_dir *dir;
    struct table *table; /* of the directory, open; NULL: they cannot be opened */
    const struct config *config;
    struct note *note;
    struct clock *clock;
};

/* `reason` says what was lost, and what a person would do; it gets what comes of that.
 * ERR_CORRUPT: this directory must not be started over again, or not before what is kept of former
 * ids has become less (FORGOTTEN_KEPT_MAX).  ERR_NO_SPACE, ERR_IO,
 * ERR_NO_MEMORY: the next start may succeed in it. */
MUST_CHECK enum err renew(const struct renew_world *world, struct reason *reason);

/* Likewise, while the node runs.  Not `noted`: the old tables do not say it, and a later start
 * could not find it out, as by then this node may have written more turns than it lost.  So when
 * there are no new tables the directory is marked; when not even that can be done: ERR_CORRUPT. */
MUST_CHECK enum err renew_running(const struct renew_world *world, bool noted,
                                  struct reason *reason);

/* What a start says of a directory that was marked: ERR_CORRUPT. */
MUST_CHECK enum err renew_marked(struct reason *reason);

/* At a start, says and returns how much is kept of former ids: it takes room until somebody removes
 * it. */
struct data_dir_kept renew_kept(const struct data_dir *dir, struct note *note);

#endif

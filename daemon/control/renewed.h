/* renewed.h - whether a node that has forgotten may take its name under its new id: a pure function
 * of the model and of what is known of the others.
 *
 * Its row under the new id makes the old one a lost disk, for good: its places are given away, and
 * the old directory is of no use any more.  So it waits as long as a group that had it has no
 * majority without it: then the right directory, put back, may be the only way to what was
 * acknowledged (an old copy was started by mistake), and who decides to do without is a person.
 *
 *     every such group has a leader, or rests, and members that are up are a
 *     majority                                                                 RENEWED_MAY
 *     one has not                                                              RENEWED_WAITS
 *     a node with its old id is up: it has not forgotten, a copy of it has     RENEWED_WAITS
 *     its old row is gone, or its name is another one's                        RENEWED_GONE
 *
 * Its old row is that of the last of its former ids that has one: who forgot again while it waited
 * had no row in between.  A catalogue that was rescued from an older copy may never have had it:
 * there it counts as gone only when its name is another one's.
 *
 * Streams that are being created or deleted do not count: nothing in them is waited for.
 */
#ifndef CONTROL_RENEWED_H
#define CONTROL_RENEWED_H

#include <stdint.h>

#include "base/err.h"
#include "catalog/change.h"
#include "control/renewal.h"

enum renewed { RENEWED_MAY, RENEWED_WAITS, RENEWED_GONE };

struct renewed_world {
    const char *name; /* this node's */
    change_up_fn up;
    /* Not all members that are up have begun the row's epoch: who was not filled yet counts for
     * nothing. */
    bool (*moves)(void *ctx, uint64_t group);
    uint64_t (*leader)(void *ctx, uint64_t group); /* 0 = unknown */
    void *ctx;
};

/* `model` is the catalogue's leader's.  `why` is set when it may not. */
enum renewed renewed_decide(const struct model *model, const struct renewal_former *former,
                            const struct renewed_world *world, struct reason *why);

#endif

/* upgrade.h - the cluster version, as operators see it: who knows what, and raising it.
 *
 *     every node restarted with a newer braidd  ->  upgrade_change()  ->  the catalogue
 *
 * Answered by any node, from what it has heard; the catalogue's leader judges once more
 * (catalog/apply_version.h).  docs/flows/upgrade.md.
 */
#ifndef CONTROL_UPGRADE_H
#define CONTROL_UPGRADE_H

#include "control/control.h"

/* The highest cluster version that the node knows: of one that is up as it says itself, else as its
 * row says; 0: it is down, and has no row of a version that says so. */
uint32_t upgrade_knows(const struct control *control, uint64_t node);

/* The highest that any node of the cluster knows: where upgrade_change() leads. */
uint32_t upgrade_newest(const struct control *control);

/* Raises the version to that.  `*ret` is one reference.
 * ERR_EXISTS       there is nothing to raise
 * ERR_BUSY         nodes do not know it: the reason names them
 * ERR_UNAVAILABLE  the cluster is not founded
 * ERR_NO_MEMORY */
MUST_CHECK enum err upgrade_change(struct control *control, struct buf **ret,
                                   struct reason *reason);

#endif

/* voters.h - who shall be in the catalogue's own group: a pure function of model and up-set.
 *
 * A node that lost its disk comes back under a new id with the same name, and the
 * model calls the old id replaced.  Its place in the catalogue goes to the new one,
 * as the places in its shards do (members.h): then the catalogue's leader ends the
 * epoch (catalog_seal).
 */
#ifndef CONTROL_VOTERS_H
#define CONTROL_VOTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "catalog/change.h"

/* True: `next` has one place that differs from `members`: of the first one that is
 * replaced and whose name is up again, or that is down and never had a row (its disk was lost while
 * the cluster was founded; then any other node takes it). */
bool voters_next(const struct model *model, const uint64_t members[], uint32_t count,
                 change_up_fn up, void *ctx, uint64_t next[GROUP_MEMBERS_MAX]);

#endif

/* voters.h - who shall be in the catalogue's own group: a pure function of the model and of what is
 * known of the nodes.
 *
 * Its members leave for the reasons for which nodes give up their places in shards
 * (members.h): the place of one whose disk was lost goes to the node of its name;
 * that of a draining or dead one to a node in a zone without a member, or, where
 * that is allowed, to any.  Then the catalogue's leader ends the epoch
 * (catalog_seal).
 *
 * A rescued catalogue has one member and grows to as many as it had, one at a time, by nodes that
 * have the new history.
 */
#ifndef CONTROL_VOTERS_H
#define CONTROL_VOTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "control/members.h"

/* How many members the next epoch has, 0: none is wanted.  `next` has one place that differs from
 * `members`, or is new: of the first one that leaves and for whom somebody can come.  So does one
 * that is down and never had a row: its disk was lost while the cluster was founded, and any other
 * node takes its place. */
uint32_t voters_next(const struct model *model, const uint64_t members[], uint32_t count,
                     const struct members_world *world, uint64_t next[GROUP_MEMBERS_MAX]);

#endif

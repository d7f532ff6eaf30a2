/* heirs.h - to whom a node that stops hands the groups that it leads: an engine.
 *
 * Each group goes to the member that leads least, with what was given to it here counted in, so
 * that the node's groups are spread over the others; of equals to the one that stands first in the
 * group's row.  Whoever did not take over what it was given comes behind the others, and whoever
 * ails behind those.
 *
 * leave.c feeds it.  Plain memory, no allocation.
 */
#ifndef CONTROL_HEIRS_H
#define CONTROL_HEIRS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"

struct heirs_count {
    uint64_t node;
    uint32_t leads; /* when it was named first, and what it was given since */
    uint32_t failed;
    bool ails; /* when it was named first */
};

/* Zeroed: nothing was given yet. */
struct heirs {
    struct heirs_count counts[CONTROL_PEERS_MAX];
    uint32_t count;
};

/* Another member of the group, in the order of its row. */
struct heirs_member {
    uint64_t node;
    bool up;        /* it votes */
    bool stays;     /* and is not about to stop itself: it may lead, */
    bool ails;      /* if none is well */
    uint32_t leads; /* as it said; heard only when the node is named first */
};

/* Whom a group may be given to, the best one first; returns how many.  0: nobody, or too few of
 * the others are up to elect without the one that stops. */
uint32_t heirs_order(struct heirs *heirs, const struct heirs_member members[], uint32_t count,
                     uint64_t ret[GROUP_MEMBERS_MAX]);

/* It was given a group; it did not take over one that it was given. */
void heirs_give(struct heirs *heirs, uint64_t node);
void heirs_fail(struct heirs *heirs, uint64_t node);

#endif

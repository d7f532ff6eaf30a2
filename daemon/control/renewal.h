/* renewal.h - a node that has forgotten what it promised goes on under a new id: what it takes
 * along into tables that are new, and how often that may be.
 *
 *     old tables -- renewal_plan -> renewal_write -> new tables, from which control_identity()
 *                                                    gives a new id
 *
 * Nothing that the old log or the old tables say of any group goes along: it is unproved.  The row
 * "cluster" does: without it nodes that have all forgotten could found a second cluster.  And
 *
 *     "renewed"  8 bytes   the id that the node had before; then 8 bytes for each of the last
 *                          renewals: when, ms by the wall clock
 *
 * Blocking: at a process's start and end.
 */
#ifndef CONTROL_RENEWAL_H
#define CONTROL_RENEWAL_H

#include "base/err.h"
#include "base/limits.h"
#include "control/identity.h"
#include "table/table.h"

struct renewal {
    uint64_t from; /* the id that is given up */
    struct identity_cluster cluster;
    uint64_t times_ms[RENEWALS_MAX]; /* of the last renewals, the oldest first, this one included */
    uint32_t count;
};

/* Whether the node of these tables, which has forgotten, may go on under a new id.
 *
 * ERR_CLOSED   it was removed; or no other node can give back what it lost: it belongs to no
 *              cluster, or the catalogue has no majority without it
 * ERR_BUSY     it had RENEWALS_MAX new ids in the last RENEWALS_MS
 * ERR_CORRUPT, ERR_IO   its tables do not say */
MUST_CHECK enum err renewal_plan(struct table *old, uint64_t now_ms, struct renewal *ret,
                                 struct reason *reason);

/* Durable on return. */
MUST_CHECK enum err renewal_write(struct table *fresh, const struct renewal *renewal,
                                  struct reason *reason);

/* The id that the node of these tables had before; 0: it never had another one. */
MUST_CHECK enum err renewal_from(struct table *table, uint64_t *from, struct reason *reason);

#endif

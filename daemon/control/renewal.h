/* renewal.h - a node that has forgotten what it promised goes on under a new id: what it takes
 * along into tables that are new, and how often that may be.
 *
 *     old tables -- renewal_look -> renewal_plan -> renewal_write -> new tables, from which
 *         |                  ^                                       control_identity() gives a
 *         +-- encode, decode +                                       new id
 *
 * Old tables that cannot be read say nothing.  So what a node is stands in a file beside them too
 * (identity_copy.h), in the form of renewal_encode().
 *
 * Nothing that the old log or the old tables say of any group goes along: it is unproved.  The row
 * "cluster" does: without it nodes that have all forgotten could found a second cluster.  And
 *
 *     "renewed"  16 bytes  for each of the last RENEWALS_KEPT renewals, the oldest first: the id
 *                          that was given up; when, ms by the wall clock
 *
 * More ids than the last one, because a node may forget again while it waits: then the last one was
 * never in the catalogue, and the one before is still to be given up there.
 *
 * Blocking: at a process's start and end.
 */
#ifndef CONTROL_RENEWAL_H
#define CONTROL_RENEWAL_H

#include "base/err.h"
#include "base/limits.h"
#include "control/identity.h"
#include "table/table.h"

#define RENEWALS_KEPT 8u

/* Ids that a node had, the oldest first, and when it gave each of them up. */
struct renewal_former {
    uint64_t ids[RENEWALS_KEPT];
    uint64_t times_ms[RENEWALS_KEPT];
    uint32_t count;
};

/* What a node is, as far as a new id needs it. */
struct renewal_node {
    uint64_t id;
    bool removed; /* no part of its cluster any more */
    struct renewal_former former;
    struct identity_cluster cluster;
};

struct renewal {
    struct renewal_former former; /* the last one is given up now */
    struct identity_cluster cluster;
};

/* ERR_NOT_FOUND: these tables are nobody's yet.  ERR_CORRUPT, ERR_IO: they do not say. */
MUST_CHECK enum err renewal_look(struct table *table, struct renewal_node *ret,
                                 struct reason *reason);

/* The same as bytes with a checksum; NULL: no memory.  False: these are none. */
struct buf *renewal_encode(const struct renewal_node *node);
MUST_CHECK bool renewal_decode(struct slice bytes, struct renewal_node *ret);
#define RENEWAL_BYTES_MAX 512u

/* Whether this node, which has forgotten, may go on under a new id.
 *
 * ERR_CLOSED   it was removed; or no other node can give back what it lost: it belongs to no
 *              cluster, or the catalogue has no majority without it
 * ERR_BUSY     it had RENEWALS_MAX new ids in the last RENEWALS_MS */
MUST_CHECK enum err renewal_plan(const struct renewal_node *old, uint64_t now_ms,
                                 struct renewal *ret, struct reason *reason);

/* Durable on return. */
MUST_CHECK enum err renewal_write(struct table *fresh, const struct renewal *renewal,
                                  struct reason *reason);

/* The ids that the node of these tables had before; none: it never had another one. */
MUST_CHECK enum err renewal_former(struct table *table, struct renewal_former *ret,
                                   struct reason *reason);

#endif

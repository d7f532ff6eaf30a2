/* placed.h - whether this node is to have a group: what the catalogue's row says, and its own log.
 *
 *     row                       log of this node           here
 *     names it                  nothing, epoch 1           begins at (1, 1)
 *     names it                  a member, or nothing       opened, or filled first (succession.h)
 *     names it no more          a member of that epoch     serves until the group goes on
 *     rescued, this survivor    the entry that it says     begins the next history behind it
 *     rescued                   another history            put aside: kept, not opened
 *     of an earlier history     a later one                waits until the catalogue is as far
 */
#ifndef CONTROL_PLACED_H
#define CONTROL_PLACED_H

#include "control/control_private.h"

enum placed {
    PLACED_NOT,
    PLACED_HERE,
    PLACED_RESCUES, /* this node's log is what the group goes on from: placed_rescue() */
    PLACED_ASIDE,   /* docs/flows/rescue.md */
    PLACED_EARLY    /* the row is older than the log */
};

enum placed placed(const struct control *control, const struct model_stream *stream,
                   const struct model_shard *row);
bool placed_wants(const struct control *control, const struct model_stream *stream,
                  const struct model_shard *row);
/* Whether this log's copy is of a history that the row has ended. */
bool placed_aside(const struct control *control, const struct model_shard *row);

/* Before a group is opened, in each pass of host.c: begins the next history where this node is the
 * survivor, and says once which copies are put aside. */
void placed_look(struct control *control, const struct model_stream *stream,
                 const struct model_shard *row);

/* Whether the log's epoch has this node. */
bool placed_in(const struct log_state *state, uint64_t node);

/* Where the shard's sequence numbers jump. */
struct gaps placed_gaps(const struct model_shard *row);

/* The first epoch of every group starts at (1, 1).  The catalogue names this node a member, and
 * the log does not know the group: so it has never voted there. */
void placed_begin(struct control *control, const struct model_shard *row);

/* How long its shards keep records.  The catalogue takes no other hours; but a row of whatever
 * version must not end every member's process at each start. */
uint64_t placed_retention_ms(const struct model_stream *stream);

#endif

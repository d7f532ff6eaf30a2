/* holding.h - what a node has of a group, for one that asks before a rescue (NET_HOLDING).
 *
 * It is asked of every node that is up, whoever is a member: a copy may be of an epoch that the
 * catalogue's row has long left behind.  The bytes: docs/formats/epochs.md.
 */
#ifndef CONTROL_HOLDING_H
#define CONTROL_HOLDING_H

#include "base/buf.h"
#include "base/slice.h"
#include "control/control.h"

struct holding {
    uint32_t epoch;
    uint32_t member_count; /* of that epoch; 0: it is being filled, and is no whole copy */
    uint64_t members[GROUP_MEMBERS_MAX];
    uint64_t first, last, last_term, last_time_ms;
    uint64_t applied;      /* known committed */
    uint64_t records;      /* applied since the shard was created; 0 unless the shard is open */
    bool open;
    bool leads;            /* and a majority answers it */
    bool same_kept;        /* of the catalogue: what is behind `applied` changes no retention */
    uint64_t hears;        /* the leader that it heard less than an election timeout ago; 0: none */
};

void holding_open(struct control *control);
void holding_close(struct control *control);

/* Of this node.  False: it has nothing of the group.  Asked of the catalogue it begins to read what
 * its log has behind the model, for the next one who asks. */
bool holding_own(const struct control *control, uint64_t group, struct holding *ret);

struct buf *holding_encode(const struct holding *holding);
bool holding_decode(struct holding *holding, struct slice bytes);

#endif

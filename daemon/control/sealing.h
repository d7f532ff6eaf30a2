/* sealing.h - when the leader of a shard, here, is to end its epoch, because the catalogue's row
 * wants a later one (replica/seal.h).
 */
#ifndef CONTROL_SEALING_H
#define CONTROL_SEALING_H

#include "control/control_private.h"
#include "replica/seal.h"

/* Of one open shard. */
struct sealing {
    uint32_t epoch;    /* that could begin; 0: none could yet */
    uint64_t since_ms; /* when that was seen */
    bool asked;        /* it had its turn */
};

/* Has the shard make room for the row's epoch, if this is the time; to be called with each pass
 * (host.c).  Who finds no leader asks for that epoch: nobody whom it knows may be left. */
void sealing_look(struct control *control, const struct model_shard *row, struct shard *shard,
                  struct sealing *sealing);

/* The SEAL was applied, and `start` is about to begin the next epoch, in its SEAL's term: gives the
 * heir, who asks for votes there at once, this node's.  True: that is this node. */
bool sealing_vote(const struct control *control, const struct shard *shard,
                  const struct seal *seal, struct log_state *start);

#endif

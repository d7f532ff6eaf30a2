/* Groups of closed shards that rest: no Raft, only what lies in the log (shard_options.rests).
 *
 *     CLOSED     each member says that it has the END in the row's epoch (Leading.ended)
 *                    -> WholeShards says that the group rests (whole.c)
 *     rests      each member closes its replica, and opens the shard without one (host.c)
 *     another epoch of the row: its members change
 *                    -> each opens a replica again, in the epoch that its log is in, and the group
 *                       goes on as any other
 *
 * To Raft it is as if all members were down meanwhile.  A member that does not know yet, because
 * its catalogue is behind, asks for votes and gets no answer. */
#include <inttypes.h>

#include "base/mutant.h"
#include "control/control_private.h"

/* In the row's epoch, and durably so. */
static bool has_begun(const struct control *control, const struct model_shard *row)
{
    const struct log_state *state = log_state(control->log, row->group);

    return state != NULL && state->epoch == row->epoch && log_started(control->log, row->group);
}

bool rest_has_end(const struct control *control, const struct model_shard *row)
{
    const struct shard *shard = host_find(control, row->group);
    struct shard_ending ending;

    return !model_shard_rests(row) &&
           model_shard_has(row, control->options.node) && shard != NULL &&
           has_begun(control, row) &&
           (shard_ended(shard, &ending) ||
            (MUTANT(rested_early) && row->state == SHARD_CLOSED));
}

static bool is_wanted(const struct model_shard *row, const struct log_state *state)
{
    return model_shard_rests(row) && state != NULL &&
           (state->epoch == row->epoch || MUTANT(rests_on));
}

bool rest_opens(const struct control *control, const struct model_shard *row)
{
    const struct log_state *state = log_state(control->log, row->group);

    if (!is_wanted(row, state))
        return false;
    if (shard_can_rest(control->log, state))
        return true;
    note_event(control->world.note, NOTE_ERROR, "shard.end_missing",
               "group=%" PRIu64 " entries_to=%" PRIu64
               " why=\"its group rests, and the end of it is not in the log of this node: it takes "
               "no part\"",
               row->group, state->last);
    return false;
}

/* One that was opened with an older model after a start may not know any more that its END was
 * applied: it is in the log. */
bool rest_turns(const struct control *control, const struct model_shard *row,
                const struct shard *shard)
{
    const struct log_state *state = log_state(control->log, row->group);
    bool wanted = is_wanted(row, state);

    return wanted != shard_rests(shard) && (!wanted || shard_can_rest(control->log, state));
}

#include "control/placed.h"

#include <inttypes.h>
#include <string.h>

#include "base/mutant.h"
#include "control/succession.h"

static enum placed stand(const struct control *control, const struct model_shard *row);
static void rescue(struct control *control, const struct model_shard *row);

enum placed placed(const struct control *control, const struct model_stream *stream,
                   const struct model_shard *row)
{
    const struct log_state *state = log_state(control->log, row->group);
    enum placed stands = stand(control, row);

    if (stream->status == STREAM_DELETING)
        return PLACED_NOT;
    if (stands != PLACED_HERE)
        return stands;
    if (model_shard_has(row, control->options.node))
        return PLACED_HERE;
    /* One that leaves serves until the group has gone on without it: the end of the epoch needs a
     * majority of those who are in it. */
    return state != NULL && state->epoch < row->epoch && placed_in(state, control->options.node)
               ? PLACED_HERE
               : PLACED_NOT;
}

bool placed_wants(const struct control *control, const struct model_stream *stream,
                  const struct model_shard *row)
{
    return placed(control, stream, row) == PLACED_HERE;
}

/* By the histories alone; PLACED_HERE: they are the same, or the log has none. */
static enum placed stand(const struct control *control, const struct model_shard *row)
{
    const struct log_state *state = log_state(control->log, row->group);

    if (state == NULL || model_same_history(state->epoch, row->epoch))
        return PLACED_HERE;
    if (state->epoch > row->epoch || row->rescued == NULL)
        return PLACED_EARLY;
    const struct model_rescue *last = &row->rescued->rescues[row->rescued->count - 1];
    if (last->survivor == control->options.node && last->index == state->last &&
        last->term == state->last_term && state->member_count > 0 &&
        (last->held == 0 || model_same_history(last->held, state->epoch)))
        return PLACED_RESCUES;
    return MUTANT(aside_let_in) ? PLACED_HERE : PLACED_ASIDE;
}

bool placed_aside(const struct control *control, const struct model_shard *row)
{
    return stand(control, row) == PLACED_ASIDE;
}

bool placed_in(const struct log_state *state, uint64_t node)
{
    for (uint32_t i = 0; i < state->member_count; i++)
        if (state->members[i] == node)
            return true;
    return false;
}

void placed_look(struct control *control, const struct model_stream *stream,
                 const struct model_shard *row)
{
    enum placed stands = placed(control, stream, row);
    const struct log_state *state = log_state(control->log, row->group);

    if (stands == PLACED_RESCUES && !host_has(control, row->group))
        rescue(control, row);
    uint64_t *noted = &control->aside_noted[row->group % CONTROL_ASIDE_NOTED_MAX];
    if (stands != PLACED_ASIDE || *noted == row->group)
        return;
    *noted = row->group;
    note_event(control->world.note, NOTE_WARN, "group.rescued_aside",
               "group=%" PRIu64 " stream=%s shard=%" PRIu32 " epoch=%" PRIu32 " entries_to=%" PRIu64
               " why=\"the shard was rescued from another node's copy; this one is kept, not "
               "served\"",
               row->group, stream->name, row->number, state->epoch, state->last);
}

/* All that lies here counts from now on, whoever acknowledged it; so the applied state is made as
 * if it had been committed. */
static void rescue(struct control *control, const struct model_shard *row)
{
    const struct log_state *state = log_state(control->log, row->group);
    struct log_state start = { .group = row->group,
                               .epoch = row->rescued->rescues[row->rescued->count - 1].epoch,
                               .member_count = 1,
                               .members = { control->options.node },
                               .start_index = state->last,
                               .start_term = state->last_term,
                               .term = state->last_term,
                               .last_time_ms = state->last_time_ms };
    uint64_t applied = state->applied;

    succession_drop(control, row->group); /* it may be coming into an epoch that has ended so */
    start.image_bytes = shard_image_at_end(control->log, state, start.image);
    log_start(control->log, &start);
    note_event(control->world.note, NOTE_WARN, "group.rescued",
               "group=%" PRIu64 " epoch=%" PRIu32 " at=%" PRIu64 " known_committed=%" PRIu64,
               row->group, start.epoch, start.start_index, applied);
}

void placed_begin(struct control *control, const struct model_shard *row)
{
    struct log_state start = { .group = row->group,
                               .epoch = row->epoch,
                               .member_count = row->member_count,
                               .start_index = 1,
                               .start_term = 1,
                               .term = 1 };

    memcpy(start.members, row->members, sizeof(start.members));
    log_start(control->log, &start);
}

struct gaps placed_gaps(const struct model_shard *row)
{
    const struct model_rescued *rescued = row->rescued;
    struct gaps gaps = { .count = 0 };

    for (uint32_t count = rescued == NULL ? 0 : rescued->count; count > 0;) {
        const struct model_rescue *rescue = &rescued->rescues[count - 1];
        gaps.at[gaps.count++] = rescue->index;
        count = model_rescues_before(rescued, count - 1, rescue->held);
    }
    for (uint32_t i = 0; i < gaps.count / 2; i++) { /* the newest came first */
        uint64_t newer = gaps.at[i];
        gaps.at[i] = gaps.at[gaps.count - 1 - i];
        gaps.at[gaps.count - 1 - i] = newer;
    }
    return gaps;
}

uint64_t placed_retention_ms(const struct model_stream *stream)
{
    uint32_t hours = stream->retention_hours < 1 ? 1 : stream->retention_hours;

    return (hours < RETENTION_HOURS_MAX ? hours : RETENTION_HOURS_MAX) * UINT64_C(3600) * 1000;
}

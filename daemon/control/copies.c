/* What this node has of shards that it left, or that it was to come into and is not any more.
 *
 *     it has left         others may need what it has: it stays, and is given to them
 *                         (epoch_serve.c); retention trims it as it trims theirs
 *     the row is whole    nobody needs it: it is let go
 *
 * Let go is every entry, not the group: (group, last epoch) stays while the shard exists, or a late
 * message would revive a member that has forgotten its votes.  From then on this node has nothing
 * to give.  When it comes in again it is filled from the beginning (fill.c).
 *
 * A copy of a history that a rescue ended stays, and so does one that nobody knows: an operator may
 * want them. */
#include <inttypes.h>
#include <string.h>

#include "base/ensure.h"
#include "base/mutant.h"
#include "control/placed.h"
#include "control/succession.h"

#define HOUR_MS (UINT64_C(3600) * 1000)

static void on_timer(struct timer *timer);
static void look(struct control *control, const struct log_state *state);
static const struct model_shard *left_row(const struct control *control,
                                          const struct log_state *state,
                                          const struct model_stream **stream);
static bool may_go(const struct control *control, const struct model_shard *row);
static void release(struct control *control, const struct log_state *state, uint32_t epoch);
static void seek(struct control *control, const struct log_state *state, uint32_t hours);
static void on_seek(struct log_seek *req, enum err err);

void copies_open(struct control *control)
{
    timer_start(control->world.clock, &control->copies.timer, CONTROL_COPIES_EVERY_MS, on_timer);
}

/* A seek that is under way ends before the log does. */
void copies_close(struct control *control)
{
    timer_stop(&control->copies.timer);
}

static void on_timer(struct timer *timer)
{
    struct control *control = container_of(timer, struct control, copies.timer);
    struct copies *copies = &control->copies;
    const struct log_state *state = NULL;

    for (uint32_t i = 0; i < CONTROL_LOOKS_PER_TURN; i++) {
        state = log_state_next(control->log, copies->after);
        if (state == NULL)
            break;
        copies->after = state->group;
        look(control, state);
    }
    if (state == NULL) {
        copies->counting.released = copies->figures.released;
        copies->figures = copies->counting;
        copies->counting = (struct control_copies){ .held = 0 };
        copies->after = 0;
        if (!copies->sought)
            copies->sought_last = 0; /* all have had their turn */
        copies->sought = false;
    }
    timer_start(control->world.clock, timer, state == NULL ? CONTROL_COPIES_EVERY_MS : 0,
                on_timer);
}

/* One copy is trimmed per pass, in turn. */
static void look(struct control *control, const struct log_state *state)
{
    struct copies *copies = &control->copies;
    const struct model_stream *stream = NULL;
    const struct model_shard *row = left_row(control, state, &stream);

    if (row == NULL || state->first > state->last)
        return;
    if (may_go(control, row)) {
        release(control, state, row->epoch);
        return;
    }
    copies->counting.held++;
    copies->counting.entries += state->last - state->first + 1;
    if (!copies->sought && !copies->seeking && state->group > copies->sought_last)
        seek(control, state, stream->retention_hours);
}

/* The row of a shard that this node has no part in any more, in the history of what it has here.
 * NULL: it has, or is about to, or nobody knows. */
static const struct model_shard *left_row(const struct control *control,
                                          const struct log_state *state,
                                          const struct model_stream **stream)
{
    uint64_t node = control->options.node;
    const struct model_shard *row =
        model_shard_by_group(catalog_model(control->catalog), state->group, stream);

    if (row == NULL || ((*stream)->status != STREAM_ACTIVE && (*stream)->status != STREAM_UPDATING))
        return NULL;
    if (model_shard_has(row, node) || placed_in(state, node) || state->epoch > row->epoch ||
        !model_same_history(state->epoch, row->epoch) || host_has(control, state->group) ||
        succession_holds(control, state->group))
        return NULL;
    return row;
}

static bool may_go(const struct control *control, const struct model_shard *row)
{
    return model_shard_whole(row) || MUTANT(released_early) ||
           (MUTANT(released_by_hearsay) && !moving_has(control, row->group));
}

/* Behind what it has applied, in the newest epoch that the catalogue knows, and without members: it
 * is no whole copy, and given to nobody. */
static void release(struct control *control, const struct log_state *state, uint32_t epoch)
{
    uint64_t group = state->group, entries = state->last - state->first + 1;
    struct log_state start = { .group = group,
                               .epoch = epoch,
                               .start_index = state->applied,
                               .start_term = state->applied_term,
                               .term = state->applied_term,
                               .last_time_ms = state->applied_time_ms,
                               .image_bytes = state->image_bytes };

    memcpy(start.image, state->image, sizeof(start.image));
    succession_drop(control, group);
    if (MUTANT(released_forgotten)) {
        log_forget(control->log, group);
        return;
    }
    log_start(control->log, &start);
    log_trim(control->log, group, start.start_index + 1);
    control->copies.figures.released++;
    note_event(control->world.note, NOTE_INFO, "group.released",
               "group=%" PRIu64 " epoch=%" PRIu32 " entries=%" PRIu64
               " why=\"this node has left the shard, and all its members have all of it\"",
               group, epoch, entries);
}

/* ---- retention ---- */

static void seek(struct control *control, const struct log_state *state, uint32_t hours)
{
    struct copies *copies = &control->copies;
    uint64_t now_ms = control->retain.now_ms, kept_ms = hours * HOUR_MS;

    if (now_ms <= kept_ms + RETENTION_GRACE_MS || MUTANT(copies_untrimmed))
        return;
    copies->sought = copies->seeking = true;
    copies->sought_last = state->group;
    copies->seek = (struct log_seek){ .group = state->group,
                                      .first = state->first,
                                      .last = state->applied,
                                      .time_ms = now_ms - kept_ms - RETENTION_GRACE_MS };
    log_seek(control->log, &copies->seek, on_seek);
}

static void on_seek(struct log_seek *req, enum err err)
{
    struct control *control = container_of(req, struct control, copies.seek);
    const struct model_stream *stream = NULL;

    control->copies.seeking = false;
    if (err != ERR_OK || control->closing)
        return; /* it has its turn again */
    const struct log_state *state = log_state(control->log, req->group);
    if (state == NULL || left_row(control, state, &stream) == NULL)
        return;
    uint64_t first = req->index <= state->applied ? req->index : state->applied + 1;
    if (first > state->first)
        log_trim(control->log, req->group, first);
}

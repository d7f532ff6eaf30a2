#include <stdlib.h>

#include "base/ensure.h"
#include "base/mutant.h"
#include "log/log_private.h"

/* The states of the groups.  An append and a start's replay change them by the same functions, so
 * that what is found is what was. */

/* Where `id` is, or would be, in log->groups. */
static size_t group_at(const struct log *log, uint64_t id)
{
    size_t low = 0, high = log->group_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (log->groups[middle]->state.group < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct group *group_find(const struct log *log, uint64_t id)
{
    size_t at = group_at(log, id);

    if (at == log->group_count || log->groups[at]->state.group != id)
        return NULL;
    return log->groups[at];
}

struct group *group_next(const struct log *log, uint64_t after)
{
    size_t at = after == UINT64_MAX ? log->group_count : group_at(log, after + 1);

    return at == log->group_count ? NULL : log->groups[at];
}

struct group *group_make(struct log *log, uint64_t id)
{
    size_t at = group_at(log, id);
    struct group *group = log_memory(1, sizeof(*group));

    if (log->group_count == log->group_room) {
        log->group_room = log->group_room == 0 ? 16 : log->group_room * 2;
        log->groups = log_memory_grow(log->groups, log->group_room, sizeof(*log->groups));
    }
    memmove(&log->groups[at + 1], &log->groups[at],
            (log->group_count - at) * sizeof(*log->groups));
    log->groups[at] = group;
    log->group_count++;
    group->state.group = id;
    return group;
}

static void note_change(struct log *log, const struct group *group)
{
    log->changed[++log->changes % LOG_CHANGES_KEPT] = group->state.group;
}

/* Its runs must be gone. */
void group_free(struct log *log, struct group *group)
{
    size_t at = group_at(log, group->state.group);

    ensure(log->groups[at] == group && group->run_count == 0);
    memmove(&log->groups[at], &log->groups[at + 1],
            (log->group_count - at - 1) * sizeof(*log->groups));
    log->group_count--;
    note_change(log, group);
    list_remove(&group->dirty_hard);
    list_remove(&group->dirty_hint);
    free(group->runs);
    free(group);
}

static void touch_hard(struct log *log, struct group *group)
{
    note_change(log, group);
    if (!list_linked(&group->dirty_hard))
        list_append(&log->dirty_hard, &group->dirty_hard);
}

static void touch_hint(struct log *log, struct group *group)
{
    note_change(log, group);
    if (!list_linked(&group->dirty_hint))
        list_append(&log->dirty_hint, &group->dirty_hint);
}

struct run *group_entry(struct log *log, struct group *group, const struct entry_head *head,
                        uint32_t offset)
{
    struct log_state *state = &group->state;

    ensure(head->index == state->last + 1);
    struct run *run = index_add(log, group, head, offset);
    state->last = head->index;
    state->last_term = head->term;
    state->last_time_ms = head->time_ms;
    touch_hard(log, group);
    return run;
}

bool group_name_at(const struct group *group, uint64_t index, uint64_t *term, uint64_t *time_ms)
{
    const struct log_state *state = &group->state;
    const struct place *place = index_find(group, index, NULL);

    if (place != NULL) {
        *term = place->term;
        *time_ms = place->time_ms;
    } else if (index == state->start_index) {
        *term = state->start_term;
        *time_ms = group->start_time_ms;
    } else if (index == state->applied) {
        *term = state->applied_term;
        *time_ms = state->applied_time_ms;
    } else {
        return false;
    }
    return true;
}

bool group_truncate(struct log *log, struct group *group, uint64_t from)
{
    uint64_t term, time_ms;

    from += MUTANT(truncate_one_less);
    if (from > group->state.last)
        return true; /* nothing there */
    if (!group_name_at(group, from - 1, &term, &time_ms))
        return false;
    group_cut_to(log, group, from, term, time_ms);
    return true;
}

void group_cut_to(struct log *log, struct group *group, uint64_t from, uint64_t last_term,
                  uint64_t last_time_ms)
{
    struct log_state *state = &group->state;

    index_cut(log, group, from);
    index_applied(group); /* what is left of a filed run may be applied, all of it */
    cache_drop(log, state->group, from);
    state->last = from - 1;
    state->last_term = last_term;
    state->last_time_ms = last_time_ms;
    touch_hard(log, group);
}

void group_hard(struct log *log, struct group *group, const struct log_state *hard)
{
    group->state.term = hard->term;
    group->state.vote = hard->vote;
    touch_hard(log, group);
}

static int by_group(const void *id, const void *hint)
{
    uint64_t left = *(const uint64_t *)id, right = ((const struct hint *)hint)->group;

    return (left > right) - (left < right);
}

void group_foresee(const struct log *log, struct group *group)
{
    const struct hint *hint = NULL;

    if (log->hint_count > 0)
        hint = bsearch(&group->state.group, log->hints, log->hint_count, sizeof(*hint), by_group);
    if (hint == NULL || hint->made != group->made)
        return; /* none, or of an incarnation that is gone */
    group->gone_below = group->hint_first = hint->first;
    group->hint_epoch = hint->epoch;
}

static void note_let_go(struct log *log, struct group *group, const struct log_state *start,
                        uint64_t turn)
{
    uint64_t at = start->start_index + 1;

    if (start->epoch > group->hint_epoch && at < group->hint_first)
        group->hint_first = at;
    if (start->epoch == group->hint_epoch && (group->again_first == 0 || at < group->again_first))
        group->again_first = at;
    group->let_go = turn;
    hints_outlive(log, start->group);
}

/* A group that is there already keeps its entries up to the start when it has the very entry that
 * the epoch starts behind; else what it has is of no use here. */
static void start_again(struct log *log, struct group *group, const struct log_state *start,
                        uint64_t turn, uint64_t before_term, uint64_t before_time_ms)
{
    struct log_state *state = &group->state;
    uint64_t time_ms = before_time_ms;

    if (state->last > start->start_index && !MUTANT(start_keeps_above)) {
        if (state->epoch == start->epoch)
            group->taken_back = true;
        note_let_go(log, group, start, turn);
        index_cut(log, group, start->start_index + 1);
        cache_drop(log, state->group, start->start_index + 1);
    }
    if (state->last < start->start_index || before_term != start->start_term) {
        index_detach(log, group);
        state->first = start->start_index + 1;
        note_let_go(log, group, start, turn);
        time_ms = start->last_time_ms;
    }
    group->start_time_ms = time_ms;
}

void group_start(struct log *log, const struct log_state *start, uint64_t turn,
                 uint64_t before_term, uint64_t before_time_ms)
{
    struct group *group = group_find(log, start->group);

    if (group == NULL) {
        group = group_make(log, start->group);
        group->made = turn;
        group->start_time_ms = start->last_time_ms;
        group->state.first = start->start_index + 1;
    } else {
        start_again(log, group, start, turn, before_term, before_time_ms);
    }

    struct log_state *state = &group->state;
    group->started = turn;
    state->epoch = start->epoch;
    state->member_count = start->member_count;
    memcpy(state->members, start->members, sizeof(state->members));
    state->start_index = state->last = state->applied = start->start_index;
    state->start_term = state->last_term = state->applied_term = start->start_term;
    state->last_time_ms = state->applied_time_ms = group->start_time_ms;
    state->term = start->term;
    state->vote = start->vote;
    state->image_bytes = start->image_bytes;
    memcpy(state->image, start->image, sizeof(state->image));
    if (state->first > state->last + 1)
        state->first = state->last + 1;
    index_applied(group);
    touch_hard(log, group);
    touch_hint(log, group);
}

void group_forget(struct log *log, struct group *group)
{
    index_forget(log, group);
    hints_outlive(log, group->state.group);
    cache_drop(log, group->state.group, 0);
    group_free(log, group);
}

void group_trim(struct log *log, struct group *group, uint64_t first)
{
    if (first <= group->state.first)
        return;
    group->state.first = first;
    touch_hint(log, group);
}

void group_applied(struct log *log, struct group *group, const struct hint *hint)
{
    struct log_state *state = &group->state;

    ensure(hint->applied <= state->last && hint->image_bytes <= IMAGE_BYTES_MAX);
    state->applied = hint->applied + (MUTANT(applied_too_high) && hint->applied < state->last);
    state->applied_term = hint->applied_term;
    state->applied_time_ms = hint->applied_time_ms;
    state->image_bytes = hint->image_bytes;
    memcpy(state->image, hint->image, sizeof(state->image));
    index_applied(group);
    touch_hint(log, group);
}

void group_hint(const struct group *group, struct hint *hint)
{
    state_hint(&group->state, group->made, hint);
    hint->started = group->started;
}

void state_hint(const struct log_state *state, uint64_t made, struct hint *hint)
{
    *hint = (struct hint){
        .group = state->group,
        .made = made,
        .epoch = state->epoch,
        .first = state->first,
        .applied = state->applied,
        .applied_term = state->applied_term,
        .applied_time_ms = state->applied_time_ms,
        .image_bytes = state->image_bytes,
    };
    memcpy(hint->image, state->image, sizeof(hint->image));
}

bool group_hint_is_safe(const struct log *log, const struct group *group)
{
    const struct log_state *state = &group->state;
    struct run *run = NULL;
    const struct place *place = index_find(group, state->applied, &run);

    if (MUTANT(hint_ahead))
        return true;
    if (group->started > log->durable)
        return false; /* a hint of an epoch that a crash may take back */
    return place == NULL || place_is_durable(place, run->segment);
}

void group_hint_again(struct log *log, uint64_t id)
{
    struct group *group = group_find(log, id);

    if (group != NULL)
        touch_hint(log, group);
}

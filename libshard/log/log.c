#include "log/log.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "log/move.h"

/* A node's configuration begins at LOG_SEGMENT_BYTES_MIN; tests have smaller segments, and smaller
 * entries. */
#define SEGMENT_BYTES_MIN (64u * 1024u)
#define SEGMENTS_AHEAD_MIN 2u /* one of them is the reserve for what cannot be refused */
#define RESERVE_HARD_SHARE 4u /* this part of the last segment is for terms and votes alone */

_Static_assert(SEGMENT_HEAD_BYTES + FRAME_HEAD_BYTES + ITEM_ENTRY_BYTES + ENTRY_PAYLOAD_MAX +
                       DISK_ALIGN <=
                   LOG_SEGMENT_BYTES_MIN,
               "the largest entry fits in the smallest segment of a node");

static void log_on_closed(struct defer *defer);

void *log_memory(size_t count, size_t size)
{
    void *bytes = calloc(count, size);

    ensure(bytes != NULL);
    return bytes;
}

void *log_memory_grow(void *bytes, size_t count, size_t size)
{
    ensure(count <= SIZE_MAX / size);
    bytes = realloc(bytes, count * size);
    ensure(bytes != NULL);
    return bytes;
}

enum err log_open(struct log **ret, const struct log_options *options,
                  const struct log_world *world, struct reason *reason)
{
    struct log *log;

    if (options->segment_bytes % DISK_ALIGN != 0 || options->segment_bytes < SEGMENT_BYTES_MIN ||
        options->segment_bytes > LOG_SEGMENT_BYTES_MAX) {
        reason_set(reason, "a segment has a multiple of %u bytes, from %u to %u", DISK_ALIGN,
                   SEGMENT_BYTES_MIN, LOG_SEGMENT_BYTES_MAX);
        return ERR_INVALID;
    }

    log = calloc(1, sizeof(*log));
    if (log == NULL)
        return ERR_NO_MEMORY;
    log->options = *options;
    log->world = *world;
    if (log->options.segments_ahead < SEGMENTS_AHEAD_MIN)
        log->options.segments_ahead = SEGMENTS_AHEAD_MIN;
    if (log->options.empty_bytes_per_s == 0)
        log->options.empty_bytes_per_s = LOG_EMPTY_BYTES_PER_S;
    log->plan_bytes = options->segment_bytes;
    log->file_bytes_min = options->segment_bytes < LOG_SEGMENT_BYTES_MIN ? options->segment_bytes
                                                                         : LOG_SEGMENT_BYTES_MIN;
    log->file_next = 1;
    list_init(&log->dirty_hard);
    list_init(&log->dirty_hint);
    list_init(&log->files_ready);
    cache_init(log);
    shelf_init(log);
    head_init(log);
    empty_init(log);

    enum err err = recover(log, reason);
    if (err != ERR_OK) {
        reason_wrap(reason, "open the log");
        log_free(log);
        return err;
    }
    supply_kick(log);
    jobs_kick(log);
    reclaim_want(log);
    *ret = log;
    return ERR_OK;
}

struct log_recovery log_recovery(const struct log *log)
{
    return log->recovery;
}

void log_close(struct log *log, void (*closed)(void *ctx), void *ctx)
{
    ensure(!log->closing);
    log->closing = true;
    log->closed = closed;
    log->closed_ctx = ctx;
    timer_stop(&log->create_later);
    supply_hurry(log);
    timer_stop(&log->reclaim_soon);
    timer_stop(&log->job_later);
    empty_close(log);
    move_close(log);
    log_close_kick(log);
}

void log_close_kick(struct log *log)
{
    if (!log->closing || log->active > 0 || log->creating || log->job.kind != JOB_NONE)
        return;
    if (log->save_wanted && !log->failed) {
        jobs_kick(log); /* asked for before the stop: job_done() comes back */
        return;
    }
    if (head_idle(log))
        defer_run(log->world.clock, &log->close_defer, log_on_closed);
}

static void log_on_closed(struct defer *defer)
{
    struct log *log = container_of(defer, struct log, close_defer);
    void (*closed)(void *ctx) = log->closed;
    void *ctx = log->closed_ctx;

    log_free(log);
    closed(ctx);
}

static void file_free(struct segment_file *file)
{
    disk_close(file->file);
    free(file);
}

static void segment_free(struct segment *segment)
{
    for (struct list_node *node; (node = list_first(&segment->runs)) != NULL;)
        run_free(container_of(node, struct run, link));
    segment_unfiled_free(segment);
    if (segment->file != NULL)
        file_free(segment->file);
    free(segment);
}

void log_free(struct log *log)
{
    timer_stop(&log->create_later);
    timer_stop(&log->reclaim_soon);
    timer_stop(&log->job_later);
    defer_cancel(&log->close_defer);
    head_fini(log);
    empty_fini(log);
    cache_fini(log);
    shelf_fini(log);
    while (log->group_count > 0) {
        struct group *group = log->groups[log->group_count - 1];
        index_detach(log, group);
        group_free(log, group);
    }
    free(log->groups);
    hints_fini(log);
    for (size_t i = 0; i < log->segment_count; i++)
        segment_free(log->segments[i]);
    free(log->segments);
    free(log->damaged);
    for (struct list_node *node; (node = list_pop(&log->files_ready)) != NULL;)
        file_free(container_of(node, struct segment_file, link));
    free(log);
}

static void end(struct log *log, void (*tell)(void *ctx, const struct reason *reason),
                const struct reason *reason)
{
    bool first = !log->failed;

    log->failed = true;
    if (first)
        tell(log->options.ctx, reason);
    log_close_kick(log);
}

void log_fail(struct log *log, const struct reason *reason)
{
    end(log, log->options.on_failed, reason);
}

void log_spoil(struct log *log, struct reason *reason)
{
    log_advise(reason);
    end(log, log->options.on_spoiled != NULL ? log->options.on_spoiled : log->options.on_failed,
        reason);
}

void log_advise(struct reason *reason)
{
    struct reason said = *reason;

    if (strstr(said.text, REASON_KEEP_DATA) == NULL)
        reason_set(reason, "%s; " REASON_KEEP_DATA, said.text);
}

const struct log_state *log_state(const struct log *log, uint64_t group)
{
    const struct group *found = group_find(log, group);

    return found == NULL ? NULL : &found->state;
}

const struct log_state *log_state_next(const struct log *log, uint64_t after)
{
    const struct group *found = group_next(log, after);

    return found == NULL ? NULL : &found->state;
}

const struct log_state *log_state_at(const struct log *log, size_t place)
{
    return place < log->group_count ? &log->groups[place]->state : NULL;
}

uint64_t log_changes(const struct log *log)
{
    return log->changes;
}

uint64_t log_changed(const struct log *log, uint64_t change)
{
    ensure(change <= log->changes && log->changes - change < LOG_CHANGES_KEPT);
    return log->changed[change % LOG_CHANGES_KEPT];
}

/* A call for a group that is not there breaks the caller's own promise. */
static struct group *group_of(const struct log *log, uint64_t id)
{
    struct group *group = group_find(log, id);

    ensure(group != NULL);
    return group;
}

/* In each of these room is made first: leaving a segment fixes the states as they were before. */

static uint64_t append(struct log *log, const struct entry_head *head, struct buf *payload,
                       bool fills)
{
    struct frame_item item = { .type = ITEM_ENTRY, .entry = *head };
    struct group *group = group_of(log, head->group);

    ensure(head->length == (payload == NULL ? 0 : payload->len));
    ensure(head->length <= ENTRY_PAYLOAD_MAX);
    struct frame_out *frame = fills ? head_room_filled(log, ITEM_ENTRY_BYTES, head->length)
                                    : head_room(log, ITEM_ENTRY_BYTES, head->length);
    struct run *run = group_entry(log, group, head, 0);
    head_add_payload(log, frame, run, head, payload);
    if (fills) {
        frame->fill_bytes += head->length;
        log->filling_bytes += head->length;
    }
    return head_add(log, frame, &item);
}

uint64_t log_entry(struct log *log, const struct entry_head *head, struct buf *payload)
{
    return append(log, head, payload, false);
}

uint64_t log_fill(struct log *log, const struct entry_head *head, struct buf *payload)
{
    return append(log, head, payload, true);
}

uint64_t log_truncate(struct log *log, uint64_t id, uint64_t from)
{
    struct frame_item item = { .type = ITEM_TRUNCATE, .state.group = id, .from = from };
    struct group *group = group_of(log, id);

    ensure(from > group->state.applied && from > group->state.start_index);
    struct frame_out *frame = head_room(log, ITEM_BYTES_MAX, 0);
    ensure(group_truncate(log, group, from));
    log->lost_turn = frame->turn;
    return head_add(log, frame, &item);
}

uint64_t log_hard(struct log *log, uint64_t id, uint64_t term, uint64_t vote)
{
    struct frame_item item = { .type = ITEM_HARD, .state.group = id };
    struct group *group = group_of(log, id);

    item.state.epoch = group->state.epoch;
    item.state.term = term;
    item.state.vote = vote;
    struct frame_out *frame = head_room(log, ITEM_BYTES_MAX, 0);
    group_hard(log, group, &item.state);
    return head_add(log, frame, &item);
}

uint64_t log_start(struct log *log, const struct log_state *start)
{
    struct frame_item item = { .type = ITEM_START, .state = *start };

    ensure(start->group > 0 && start->group < UINT64_MAX);
    ensure(start->member_count <= GROUP_MEMBERS_MAX && start->image_bytes <= IMAGE_BYTES_MAX);
    const struct group *group = group_find(log, start->group);
    uint64_t term = 0, time_ms = 0;
    if (group != NULL && !group_name_at(group, start->start_index, &term, &time_ms))
        term = 0;
    struct frame_out *frame = head_room(log, ITEM_BYTES_MAX, 0);
    group_start(log, start, frame->turn, term, time_ms);
    log->lost_turn = frame->turn;
    return head_add(log, frame, &item);
}

void log_forget(struct log *log, uint64_t id)
{
    struct frame_item item = { .type = ITEM_FORGET, .state.group = id };
    struct group *group = group_find(log, id);

    if (group == NULL)
        return;
    struct frame_out *frame = head_room(log, ITEM_BYTES_MAX, 0);
    group_forget(log, group);
    log->lost_turn = frame->turn;
    head_add(log, frame, &item);
    reclaim_want(log);
}

bool log_started(const struct log *log, uint64_t id)
{
    return group_of(log, id)->started <= log->durable;
}

uint64_t log_turn(const struct log *log)
{
    return log->turn;
}

uint64_t log_durable(const struct log *log)
{
    return log->durable;
}

/* Behind what gathers. */
static uint64_t tail_left(const struct log *log)
{
    const struct segment *tail = segment_tail(log);
    const struct frame_out *gathering = log->head.gathering;
    uint64_t used = tail->end;

    if (gathering != NULL)
        used += frame_bytes(FRAME_HEAD_BYTES + gathering->items.len, gathering->payload_bytes);
    return used < tail->bytes ? tail->bytes - used : 0;
}

static bool can_ever_hold(const struct log *log, size_t bytes)
{
    return !log->failed && segment_tail(log)->file != NULL &&
           bytes <= log->plan_bytes - 3 * DISK_ALIGN;
}

bool log_has_room(const struct log *log, size_t bytes)
{
    if (!can_ever_hold(log, bytes))
        return false;
    uint32_t files = supply_for_head(log);
    if (files > 1)
        return true;
    /* Only the reserve is left: what fits behind the last frame does not touch it.  When no file is
     * free the tail is the reserve itself. */
    return files == 1 && tail_left(log) >= bytes + 2 * DISK_ALIGN;
}

uint64_t log_room(const struct log *log)
{
    const uint64_t lost = 2 * DISK_ALIGN;
    uint64_t files = supply_for_head(log);

    if (files == 0 || !can_ever_hold(log, 0))
        return 0;
    uint64_t left = tail_left(log);
    return (left > lost ? left - lost : 0) + (files - 1) * (log->plan_bytes - 2 * lost);
}

bool log_has_reserve(const struct log *log, size_t bytes)
{
    if (!can_ever_hold(log, bytes))
        return false;
    if (supply_for_head(log) > 0)
        return true;
    return tail_left(log) >= bytes + 2 * DISK_ALIGN + log->plan_bytes / RESERVE_HARD_SHARE;
}

size_t log_pending_bytes(const struct log *log)
{
    return log->pending_bytes;
}

size_t log_filling_bytes(const struct log *log)
{
    return log->filling_bytes;
}

void log_applied(struct log *log, uint64_t id, uint64_t index, uint64_t term, uint64_t time_ms,
                 struct slice image)
{
    struct group *group = group_of(log, id);
    struct hint hint = {
        .applied = index,
        .applied_term = term,
        .applied_time_ms = time_ms,
        .image_bytes = (uint32_t)image.len,
    };

    ensure(image.len <= IMAGE_BYTES_MAX);
    if (index < group->state.applied)
        return;
    if (image.len > 0)
        memcpy(hint.image, image.data, image.len);
    group_applied(log, group, &hint);
}

void log_trim(struct log *log, uint64_t id, uint64_t first)
{
    struct group *group = group_of(log, id);

    ensure(first <= group->state.applied + 1);
    group_trim(log, group, first);
    reclaim_want(log);
}

void log_save(struct log *log)
{
    if (list_empty(&log->dirty_hint))
        return;
    log->save_wanted = true;
    jobs_kick(log);
}

enum err log_head(const struct log *log, uint64_t id, uint64_t index, struct entry_head *ret)
{
    const struct group *group = group_find(log, id);

    if (group == NULL)
        return ERR_NOT_FOUND;
    if (index < group->state.first)
        return ERR_TRIMMED;
    const struct place *place = index_find(group, index, NULL);
    if (place == NULL)
        return ERR_NOT_FOUND;
    *ret = place_head(place, id, index);
    return ERR_OK;
}

enum err log_heads_now(struct log *log, uint64_t id, uint64_t first, uint64_t last,
                       struct entry_head *heads, struct reason *reason)
{
    const struct group *group = group_find(log, id);
    struct index_row row = { 0 };
    enum err err = ERR_OK;

    if (group == NULL || last > group->state.last)
        return ERR_NOT_FOUND;
    if (first < group->state.first)
        return ERR_TRIMMED;
    for (uint64_t index = first; index <= last && err == ERR_OK; index++) {
        const struct place *place = index_find(group, index, NULL);
        if (place == NULL && (row.places == NULL || index - row.first >= row.count)) {
            index_row_fini(&row);
            err = row_find(log->world.table, id, index, &row, reason);
            if (err == ERR_NOT_FOUND) {
                err = ERR_CORRUPT;
                reason_set(reason, "group %llu: the tables have no index row for entry %llu",
                           (unsigned long long)id, (unsigned long long)index);
            }
        }
        if (err == ERR_OK)
            heads[index - first] =
                place_head(place != NULL ? place : &row.places[index - row.first], id, index);
    }
    index_row_fini(&row);
    return err;
}

struct log_figures log_figures(const struct log *log)
{
    struct log_figures figures = log->figures;

    for (size_t i = 0; i < log->segment_count; i++) {
        enum segment_phase phase = log->segments[i]->phase;
        figures.segments_open += phase == SEGMENT_OPEN;
        figures.segments_full += phase != SEGMENT_OPEN;
        figures.segments_unfiled += phase == SEGMENT_LEFT || phase == SEGMENT_COMPLETE;
    }
    figures.segments_free = log->files_ready_count;
    figures.damaged_entries = log->damaged_count;
    if (log->head.given > 0)
        figures.write_ns_now = clock_mono_ns(log->world.clock) - log->head.flight_ns;
    return figures;
}

#include <stdlib.h>

#include "base/ensure.h"
#include "log/log_private.h"

/* Segments, and the files they lie in.  Files are made before they are needed, one at a time; once
 * made they are used again and again, never removed: on a mount with discard an unlink of a segment
 * holds the disk for up to a second.
 *
 * They are written once as zeros: a small write is two to three times as quick where nothing of
 * the file's map changes.  To large frames that matters little, and the disk would write all of it
 * twice: so while frames are large (a node that is filled, or that takes all that the disk can),
 * new files are only reserved.  A start goes by the frames that it reads. */

#define CREATE_BACKOFF_MS_FIRST 1000u

static void create_on_done(struct disk_create *req, enum err err, struct disk_file *file);
static void create_on_timer(struct timer *timer);

/* Where `number` is, or would be, in log->segments. */
static size_t segment_at(const struct log *log, uint64_t number)
{
    size_t low = 0, high = log->segment_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (log->segments[middle]->number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct segment *segment_find(const struct log *log, uint64_t number)
{
    size_t at = segment_at(log, number);

    if (at == log->segment_count || log->segments[at]->number != number)
        return NULL;
    return log->segments[at];
}

struct segment *segment_tail(const struct log *log)
{
    ensure(log->tail != NULL);
    return log->tail;
}

struct segment *segment_add(struct log *log, uint64_t number, uint64_t life,
                            struct segment_file *file)
{
    struct segment *segment = log_memory(1, sizeof(*segment));
    size_t at = segment_at(log, number);

    ensure(at == log->segment_count || log->segments[at]->number != number);
    if (log->segment_count == log->segment_room) {
        log->segment_room = log->segment_room == 0 ? 8 : log->segment_room * 2;
        log->segments =
            log_memory_grow(log->segments, log->segment_room, sizeof(*log->segments));
    }
    memmove(&log->segments[at + 1], &log->segments[at],
            (log->segment_count - at) * sizeof(*log->segments));
    log->segments[at] = segment;
    log->segment_count++;
    segment->number = number;
    segment->life = life;
    segment->file = file;
    segment->bytes = file == NULL ? log->plan_bytes : file->bytes;
    segment->end = segment->durable_end = SEGMENT_HEAD_BYTES;
    segment->alive = segment->behind = UINT64_MAX;
    list_init(&segment->runs);
    if (!segment_is_aside(number))
        log->tail = segment; /* at a start the last one that is added stays it */
    return segment;
}

/* The states that the segment changed, as they are now. */
void segment_fix(struct log *log, struct segment *segment)
{
    uint32_t count = 0;

    for (struct list_node *node = list_first(&log->dirty_hard); node != NULL;
         node = list_next(&log->dirty_hard, node))
        count++;
    segment->hards = log_memory(count + 1, sizeof(*segment->hards));
    for (struct list_node *node; (node = list_pop(&log->dirty_hard)) != NULL;) {
        struct group *group = container_of(node, struct group, dirty_hard);
        segment->hards[segment->hard_count++] = (struct hard){
            .state = group->state,
            .made = group->made,
            .start_time_ms = group->start_time_ms,
            .let_go = group->let_go,
        };
        group->let_go = 0;
    }
    segment->phase = SEGMENT_LEFT;
}

static struct segment_file *take_for_head(struct log *log)
{
    return supply_for_head(log) == 0 ? NULL : supply_take(log, 0);
}

static struct segment_file *take_for_waiting(struct log *log)
{
    if (!supply_has_for(log))
        return NULL;
    log->lent_turn = 0;
    return supply_take(log, 0);
}

void supply_judge_frames(struct log *log, uint64_t frames, uint64_t bytes)
{
    log->large_frames = bytes / (frames > 0 ? frames : 1) >= LOG_RESERVE_FRAME_BYTES;
}

void segment_leave(struct log *log)
{
    struct segment *old = segment_tail(log);

    segment_fix(log, old);
    supply_judge_frames(log, log->frame_next - old->next_frame, old->end);

    struct segment *next = segment_add(log, old->number + 1, random_id(log->world.random),
                                       take_for_head(log));
    next->previous_end = old->end;
    next->next_frame = log->frame_next;
    next->next_turn = log->turn;
    supply_kick(log);
}

bool supply_bind(struct log *log, struct segment *segment)
{
    if (segment->file != NULL)
        return true;

    segment->file = take_for_waiting(log);
    if (segment->file == NULL)
        return false;
    /* Every file has what was planned; the tail may use what it has beyond. */
    ensure(segment->file->bytes >= segment->bytes);
    if (segment->phase == SEGMENT_OPEN)
        segment->bytes = segment->file->bytes;
    supply_kick(log);
    return true;
}

void segment_unfiled_free(struct segment *segment)
{
    free(segment->cuts);
    free(segment->hards);
    segment->cuts = NULL;
    segment->hards = NULL;
    segment->cut_count = segment->cut_room = segment->hard_count = 0;
}

/* Its file is free again. */
void segment_drop(struct log *log, struct segment *segment)
{
    size_t at = segment_at(log, segment->number);
    struct segment_file *file = segment->file;

    ensure(log->segments[at] == segment && segment->pins == 0 && segment->kept == 0);
    memmove(&log->segments[at], &log->segments[at + 1],
            (log->segment_count - at - 1) * sizeof(*log->segments));
    log->segment_count--;
    empty_drop(log, segment);
    segment_unfiled_free(segment);
    free(segment);
    supply_give(log, file);
}

/* A file of another configuration that an entry may not fit into is not used again.  It stays where
 * it is: what it holds may still be read. */
static bool is_usable(const struct log *log, const struct segment_file *file)
{
    return file->bytes >= log->file_bytes_min;
}

void supply_give(struct log *log, struct segment_file *file)
{
    list_append(&log->files_ready, &file->link);
    if (!is_usable(log, file))
        return;
    log->files_ready_count++;
    head_kick(log);
}

struct segment_file *supply_take(struct log *log, uint64_t id)
{
    for (struct list_node *node = list_first(&log->files_ready); node != NULL;
         node = list_next(&log->files_ready, node)) {
        struct segment_file *file = container_of(node, struct segment_file, link);
        if (id != 0 ? file->id != id : !is_usable(log, file))
            continue;
        list_remove(node);
        log->files_ready_count -= is_usable(log, file);
        return file;
    }
    return NULL;
}

void supply_add_file(struct log *log, struct disk_file *disk_file, uint64_t id)
{
    struct segment_file *file = log_memory(1, sizeof(*file));

    *file = (struct segment_file){ .file = disk_file, .id = id, .bytes = disk_size(disk_file) };
    if (is_usable(log, file) && file->bytes < log->plan_bytes)
        log->plan_bytes = file->bytes;
    log->file_count += is_usable(log, file);
    if (id >= log->file_next)
        log->file_next = id + 1;
    log->figures.bytes_total += file->bytes;
    supply_give(log, file);
}

/* In a log of some files the last free ones are not the head's.  One is for emptying: a log that is
 * full for ever, though little of it lives, could not be emptied.  The other is for what lets go of
 * entries, which live until that is durable: then emptying finds something to gain.  A log that
 * grows puts one aside after the other, and need not refuse entries meanwhile. */
static uint32_t kept_back(const struct log *log)
{
    uint32_t kept = log->file_count / LOG_EMPTY_FILES_MIN;

    return kept < LOG_FILES_KEPT_BACK ? kept : LOG_FILES_KEPT_BACK;
}

uint32_t supply_for_head(const struct log *log)
{
    uint32_t kept = kept_back(log);

    return log->files_ready_count > kept ? log->files_ready_count - kept : 0;
}

/* A START, FORGET or TRUNCATE waits, or an entry, with which its trim waits. */
static bool may_let_go(const struct log *log)
{
    return log->files_ready_count >= LOG_FILES_KEPT_BACK && head_stands(log) &&
           !supply_can_grow(log) && (log->durable < log->lost_turn || head_has_entry(log));
}

bool supply_has_for(const struct log *log)
{
    return supply_for_head(log) > 0 || may_let_go(log) ||
           (log->durable < log->lent_turn && log->files_ready_count > 0);
}

static bool is_at_most(const struct log *log)
{
    const struct log_options *options = &log->options;

    return options->log_bytes_max != 0 &&
           log->figures.bytes_total + options->segment_bytes > options->log_bytes_max;
}

bool supply_can_grow(const struct log *log)
{
    return !is_at_most(log) && log->create_backoff_ms == 0;
}

/* The head goes on into the last one, or into none. */
static void hurry_if_short(struct log *log)
{
    if (supply_for_head(log) == 0)
        supply_hurry(log);
}

void supply_kick(struct log *log)
{
    const struct log_options *options = &log->options;
    char name[DISK_NAME_MAX];

    if (log->creating)
        hurry_if_short(log);
    if (log->creating || log->closing || log->failed || timer_running(&log->create_later))
        return;
    if (log->files_ready_count >= options->segments_ahead + kept_back(log) ||
        is_at_most(log))
        return;

    log->creating = true;
    segment_file_name(log->file_next, name);
    disk_create_start(log->world.disk, &log->create, name, options->segment_bytes,
                      log->large_frames ? DISK_RESERVED : DISK_WRITTEN, create_on_done);
    hurry_if_short(log);
}

void supply_hurry(struct log *log)
{
    if (log->creating)
        disk_create_hurry(&log->create);
}

static void create_on_done(struct disk_create *req, enum err err, struct disk_file *file)
{
    struct log *log = container_of(req, struct log, create);

    log->creating = false;
    if (err == ERR_OK) {
        log->create_backoff_ms = 0;
        supply_add_file(log, file, log->file_next);
        supply_kick(log);
        if (!supply_can_grow(log))
            jobs_kick(log); /* the last one: from now on segments are emptied */
    } else if (err == ERR_EXISTS) {
        log->file_next++; /* somebody put a file there; it is not ours to overwrite */
        supply_kick(log);
    } else if (err == ERR_IO) {
        /* A write or a sync failed: a disk that did so once is not to be trusted with the next. */
        log_fail(log, &req->reason);
        return;
    } else if (!log->closing) {
        /* A full disk is no reason to stop: what is there can be read, and is used again. */
        log->figures.creates_failed++;
        log->create_backoff_ms = log->create_backoff_ms == 0 ? CREATE_BACKOFF_MS_FIRST
                                                             : log->create_backoff_ms * 2;
        if (log->create_backoff_ms > LOG_CREATE_BACKOFF_MS_MAX)
            log->create_backoff_ms = LOG_CREATE_BACKOFF_MS_MAX;
        timer_start(log->world.clock, &log->create_later, log->create_backoff_ms,
                    create_on_timer);
        head_kick(log); /* for what waits there may be a file that is kept back */
        jobs_kick(log); /* instead, a segment may be emptied */
    }
    log_close_kick(log);
}

static void create_on_timer(struct timer *timer)
{
    supply_kick(container_of(timer, struct log, create_later));
}

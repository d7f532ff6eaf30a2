#include "log/empty.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "base/mutant.h"
#include "log/move.h"

/* Empties the segment with least alive, when free files run low and no more can be made.
 *
 *  1. begin()         what is alive in all segments (alive.c); the one with least is the victim
 *  2. job_plan_done() its rows were read (switch.c): what lives, in the order in which it lies
 *  3. window_begin()  some MiB of them are read, and each is checked
 *  4. put()           sorted by group they are written aside (aside.c)
 *  5. switch_start()  one synced batch changes the rows (switch.c); then the victim is free
 *
 * A victim takes one free file at most and gives one back.  What was written aside and not switched
 * to is nothing: a crash, a damaged entry or a file that is missing leaves the victim as it was.
 *
 * Between two windows passes as much time as the rate asks for, and more while entries wait for the
 * disk, unless puts are refused already.  Writes are as small as those of log_mend(): frames get in
 * between. */

#define PAUSE_MS 100u /* after one that was given up */

static void empty_on_timer(struct timer *timer);
static void window_begin(struct emptying *emptying);
static void read_more(struct emptying *emptying);
static void read_on_done(struct disk_io *io, enum err err);
static void window_read(struct emptying *emptying);
static void put(struct emptying *emptying);
static void put_on_headed(struct disk_io *io, enum err err);
static void write_piece(struct emptying *emptying);
static void write_on_done(struct disk_io *io, enum err err);

static uint64_t block_of(uint64_t offset)
{
    return offset / DISK_ALIGN * DISK_ALIGN;
}

static uint64_t blocks_to(uint64_t end)
{
    return (end + DISK_ALIGN - 1) / DISK_ALIGN * DISK_ALIGN;
}

void empty_init(struct log *log)
{
    log->emptying = log_memory(1, sizeof(*log->emptying));
    log->emptying->log = log;
    log->emptying->timer.cb = empty_on_timer;
    log->job.emptying = log->emptying;
}

static void forget_victim(struct emptying *emptying)
{
    for (uint32_t i = 0; i < emptying->row_count; i++) {
        free(emptying->rows[i].places);
        free(emptying->rows[i].into);
    }
    free(emptying->rows);
    free(emptying->items);
    free(emptying->rest);
    disk_memory_free(emptying->in);
    disk_memory_free(emptying->out);
    emptying->rows = NULL;
    emptying->items = NULL;
    emptying->rest = NULL;
    emptying->in = emptying->out = NULL;
    emptying->row_count = emptying->item_count = emptying->item_next = emptying->rest_count = 0;
    emptying->in_room = emptying->out_room = emptying->out_len = 0;
    emptying->target_count = emptying->waits = 0;
    emptying->careful = emptying->tried = emptying->damaged = false;
    emptying->victim = NULL;
    emptying->phase = EMPTY_IDLE;
}

void empty_close(struct log *log)
{
    timer_stop(&log->emptying->timer);
}

void empty_fini(struct log *log)
{
    timer_stop(&log->emptying->timer);
    survey_forget(log);
    forget_victim(log->emptying);
    free(log->emptying);
    log->emptying = NULL;
}

bool empty_uses(const struct log *log, const struct segment *segment)
{
    const struct emptying *emptying = log->emptying;

    if (emptying->victim == NULL)
        return false;
    if (segment == emptying->victim || segment == emptying->aside)
        return true;
    for (uint32_t i = 0; i < emptying->target_count; i++)
        if (emptying->targets[i].segment == segment)
            return true;
    return false;
}

void empty_drop(struct log *log, const struct segment *segment)
{
    if (log->emptying != NULL && log->emptying->aside == segment)
        log->emptying->aside = NULL;
}

static void wait_for(struct emptying *emptying, uint64_t ms)
{
    if (!emptying->log->closing)
        timer_start(emptying->log->world.clock, &emptying->timer, ms, empty_on_timer);
}

/* ---- which one ---- */

static bool is_low(const struct log *log)
{
    return log->file_count >= LOG_EMPTY_FILES_MIN && !supply_can_grow(log) &&
           log->files_ready_count <= log->options.segments_ahead + LOG_EMPTY_AHEAD;
}

/* Each window ends with a block that is not full, and two of them take more than one's bytes. */
bool empty_fits_aside(const struct log *log, const struct segment *victim, uint64_t bytes)
{
    const struct segment *aside = log->emptying->aside;
    uint64_t windows = victim->bytes / LOG_EMPTY_WINDOW_BYTES * 2 + 1;

    return aside != NULL && aside != victim &&
           aside->end + bytes + windows * DISK_ALIGN < aside->bytes;
}

/* A file, or what is left of the one that is written into, or none if nothing is to be written. */
static bool has_place(const struct log *log, const struct segment *victim)
{
    return log->files_ready_count > 0 || victim->alive == 0 ||
           empty_fits_aside(log, victim, victim->alive);
}

/* In a full log, what takes entries back, or was applied, must not wait for the very space that it
 * would free: entries stop at log_has_room(), changes at log_has_reserve(), and behind that a
 * quarter of a segment, a thousand frames or more, is left for START, FORGET and their like.  When
 * terms and votes have used that up too, there is a file that is kept back for them (supply.c).
 * Where that is gone as well, the frames that wait get the one for emptying, if all of them lie in
 * one segment and another one's file takes its place: it is free behind them, or what it keeps fits
 * into the segment that is written into. */
bool empty_lend(struct log *log)
{
    if (!head_stands(log) || supply_can_grow(log) || log->files_ready_count == 0 ||
        log->lent_turn == log->turn || !alive_frees_behind(log))
        return false;
    log->lent_turn = log->turn;
    log->emptying->held_up = false;
    head_kick(log);
    return true;
}

static void begin(struct log *log)
{
    struct emptying *emptying = log->emptying;
    uint64_t now_ms = clock_mono_ms(log->world.clock);

    if (!is_low(log) || timer_running(&emptying->timer))
        return;
    if (emptying->surveying || emptying->surveyed_ms == 0 ||
        now_ms - emptying->surveyed_ms >= emptying->survey_pause_ms) {
        survey_start(log);
        return;
    }
    struct segment *victim = alive_least(log);
    bool stands = victim == NULL || !has_place(log, victim);
    if (((stands || emptying->held_up) && empty_lend(log)) || stands) {
        wait_for(emptying, emptying->survey_pause_ms);
        return;
    }
    if (emptying->aside == victim)
        emptying->aside = NULL;
    emptying->victim = victim;
    victim->pins++;
    emptying->phase = EMPTY_PLAN;
    job_start(log, JOB_PLAN, victim);
}

void empty_next(struct log *log)
{
    struct emptying *emptying = log->emptying;

    if (emptying->phase == EMPTY_IDLE && !move_is_writing(log))
        begin(log);
    else if (emptying->phase == EMPTY_SWITCH && !timer_running(&emptying->timer))
        switch_start(log);
}

/* ---- the end of it ---- */

static void unpin_victim(struct emptying *emptying)
{
    struct segment *victim = emptying->victim;

    forget_victim(emptying);
    segment_unpin(emptying->log, victim);
}

void empty_give_up(struct log *log, uint64_t pause_ms)
{
    struct emptying *emptying = log->emptying;

    log->figures.empties_failed++;
    emptying->victim->left_until_ms = clock_mono_ms(log->world.clock) + pause_ms;
    for (uint32_t i = 0; i < emptying->target_count; i++)
        aside_take_back(log, emptying->targets[i].segment);
    unpin_victim(emptying);
    wait_for(emptying, PAUSE_MS);
}

static void take_target(struct log *log, const struct target *target)
{
    struct extent last = target->last;

    if (last.last == 0) { /* all that was written died meanwhile */
        aside_take_back(log, target->segment);
        return;
    }
    last.bytes = target->bytes; /* of all runs */
    aside_grew(log, target->segment, target->end, &last);
}

void empty_finish(struct log *log)
{
    struct emptying *emptying = log->emptying;
    struct segment *victim = emptying->victim;

    if (MUTANT(switched_early) && emptying->out_len > 0)
        log->failed |= disk_write_now(emptying->aside->file->file,
                                      emptying->aside->end - blocks_to(emptying->out_len),
                                      emptying->out, blocks_to(emptying->out_len),
                                      &log->job.reason) != ERR_OK;
    for (uint32_t i = 0; i < emptying->target_count; i++)
        take_target(log, &emptying->targets[i]);
    emptying->held_up = false;
    /* Lookups that saw the rows as they were must not be remembered. */
    cache_drop_segment(log, victim->number);
    log->cuts++;
    if (emptying->rest_count == 0) {
        log->figures.segments_emptied++;
        victim->phase = SEGMENT_EMPTIED; /* free when nobody reads it any more */
    } else {
        victim->witness = emptying->rest[0];
    }
    unpin_victim(emptying);
}

/* ---- what lives ---- */

static int by_group(const void *a, const void *b)
{
    const struct item *left = a, *right = b;

    if (left->row != right->row)
        return left->row < right->row ? -1 : 1;
    return left->at < right->at ? -1 : left->at > right->at;
}

void job_plan_done(struct log *log)
{
    struct emptying *emptying = log->emptying;

    if (emptying->damaged) {
        damage_found(log, &emptying->damaged_at, NULL, 0, &log->job.reason);
        empty_give_up(log, LOG_EMPTY_AGAIN_MS);
        return;
    }
    plan_items(emptying);
    emptying->phase = EMPTY_COPY;
    emptying->cost = 0;
    window_begin(emptying);
}

/* ---- reading ---- */

static uint64_t item_end(const struct item *item)
{
    return (uint64_t)item->offset + item->length;
}

static void empty_on_timer(struct timer *timer)
{
    struct emptying *emptying = container_of(timer, struct emptying, timer);

    if (emptying->phase == EMPTY_COPY)
        window_begin(emptying);
    else
        jobs_kick(emptying->log);
}

static bool memory_for(unsigned char **bytes, size_t *room, size_t want)
{
    if (*room >= want)
        return true;
    disk_memory_free(*bytes);
    *bytes = disk_memory(want);
    *room = *bytes == NULL ? 0 : want;
    return *bytes != NULL;
}

/* As many as fit, or one. */
static size_t window_choose(struct emptying *emptying)
{
    const struct item *items = emptying->items;
    uint64_t end = item_end(&items[emptying->item_next]);
    uint32_t next = emptying->item_next + 1;

    emptying->window_first = emptying->item_next;
    emptying->window_at = block_of(items[emptying->item_next].offset);
    while (next < emptying->item_count &&
           item_end(&items[next]) - emptying->window_at <= LOG_EMPTY_WINDOW_BYTES) {
        if (item_end(&items[next]) > end)
            end = item_end(&items[next]);
        next++;
    }
    emptying->window_end = next;
    return (size_t)(blocks_to(end) - emptying->window_at);
}

static void window_begin(struct emptying *emptying)
{
    struct log *log = emptying->log;

    if (log->closing || log->failed)
        return;
    if (log->pending_bytes > 0 && emptying->yields < LOG_EMPTY_YIELDS_MAX && log_has_room(log, 0)) {
        emptying->yields++;
        wait_for(emptying, LOG_EMPTY_YIELD_MS);
        return;
    }
    emptying->yields = 0;
    if (emptying->item_next == emptying->item_count) {
        emptying->phase = EMPTY_SWITCH;
        jobs_kick(log);
        return;
    }
    size_t len = window_choose(emptying);
    if (!memory_for(&emptying->in, &emptying->in_room, len + DISK_ALIGN) ||
        !memory_for(&emptying->out, &emptying->out_room, len + DISK_ALIGN)) {
        empty_give_up(log, LOG_EMPTY_AGAIN_MS);
        return;
    }
    emptying->read_next = emptying->window_first;
    read_more(emptying);
}

static void read_more(struct emptying *emptying)
{
    const struct item *items = emptying->items;
    uint32_t first = emptying->read_next;

    while (first < emptying->window_end && items[first].length == 0)
        first++;
    if (first == emptying->window_end) {
        window_read(emptying);
        return;
    }
    uint64_t from = block_of(items[first].offset), end = item_end(&items[first]);
    uint32_t next = first + 1;
    while (next < emptying->window_end && !emptying->careful &&
           items[next].offset <= end + log_read_gap(emptying->log) &&
           item_end(&items[next]) - from <= LOG_READ_EXTENT_MAX - DISK_ALIGN) {
        if (item_end(&items[next]) > end)
            end = item_end(&items[next]);
        next++;
    }
    emptying->read_next = first;
    emptying->read_end = next;
    emptying->log->active++;
    emptying->cost += blocks_to(end) - from;
    disk_read(emptying->victim->file->file, &emptying->io, from,
              emptying->in + (from - emptying->window_at), (size_t)(blocks_to(end) - from),
              read_on_done);
}

/* False when the log is about to close: nothing goes on then. */
static bool goes_on(struct emptying *emptying)
{
    struct log *log = emptying->log;

    log->active--;
    if (!log->closing && !log->failed)
        return true;
    log_close_kick(log);
    return false;
}

static void spoil(struct emptying *emptying, const struct item *item, const char *what)
{
    struct moved *row = &emptying->rows[item->row];
    struct entry_head head = place_head(&row->places[item->at], row->group, row->first + item->at);
    char name[DISK_NAME_MAX];
    struct reason why;

    segment_file_name(emptying->victim->file->id, name);
    reason_set(&why, "group %llu: entry %llu: %s, in segment %llu, file %s, offset %lu, which is "
               "to be emptied",
               (unsigned long long)head.group, (unsigned long long)head.index, what,
               (unsigned long long)emptying->victim->number, name, (unsigned long)item->offset);
    damage_found(emptying->log, &head, emptying->victim, item->offset, &why);
}

static void read_on_done(struct disk_io *io, enum err err)
{
    struct emptying *emptying = container_of(io, struct emptying, io);

    if (!goes_on(emptying))
        return;
    if (err == ERR_IO && !emptying->careful) { /* of several entries it is not known which one */
        emptying->careful = true;
        emptying->read_next = emptying->window_first;
        read_more(emptying);
        return;
    }
    if (err != ERR_OK) {
        if (err == ERR_IO)
            spoil(emptying, &emptying->items[emptying->read_next], "the disk cannot read it");
        empty_give_up(emptying->log, LOG_EMPTY_AGAIN_MS);
        return;
    }
    emptying->read_next = emptying->read_end;
    read_more(emptying);
}

static struct slice payload_in(const struct emptying *emptying, const struct item *item)
{
    return slice_of(emptying->in + (item->offset - emptying->window_at), item->length);
}

/* All of the window is in memory. */
static void window_read(struct emptying *emptying)
{
    uint32_t count = emptying->window_end - emptying->window_first;
    bool sound = true;

    for (uint32_t i = emptying->window_first; i < emptying->window_end; i++) {
        const struct item *item = &emptying->items[i];
        const struct moved *row = &emptying->rows[item->row];
        struct entry_head head =
            place_head(&row->places[item->at], row->group, row->first + item->at);
        if (entry_matches(&head, payload_in(emptying, item)))
            continue;
        spoil(emptying, item, "checksum");
        sound = false;
    }
    if (!sound) {
        empty_give_up(emptying->log, LOG_EMPTY_AGAIN_MS);
        return;
    }
    qsort(&emptying->items[emptying->window_first], count, sizeof(*emptying->items), by_group);
    emptying->put_next = emptying->window_first;
    put(emptying);
}

/* ---- writing ---- */

static struct target *target_now(struct emptying *emptying)
{
    struct target *last =
        emptying->target_count == 0 ? NULL : &emptying->targets[emptying->target_count - 1];

    if (emptying->aside == NULL || (last != NULL && last->segment == emptying->aside))
        return emptying->aside == NULL ? NULL : last;
    if (emptying->target_count == LOG_EMPTY_SPLIT_MAX)
        return NULL;
    last = &emptying->targets[emptying->target_count++];
    *last = (struct target){ .segment = emptying->aside };
    return last;
}

static bool fits(const struct segment *segment, uint64_t len)
{
    return segment->end + blocks_to(len) <= segment->bytes;
}

/* Another segment to write into; its first block goes first. */
static void put_elsewhere(struct emptying *emptying)
{
    struct log *log = emptying->log;

    emptying->aside = emptying->target_count < LOG_EMPTY_SPLIT_MAX ? aside_begin(log) : NULL;
    if (emptying->aside == NULL) { /* of one that is dead but for entries without payload, too */
        empty_give_up(log, emptying->victim->alive == 0 ? LOG_EMPTY_AGAIN_MS : PAUSE_MS);
        return;
    }
    target_now(emptying);
    aside_head(log, emptying->aside, emptying->out);
    log->active++;
    disk_write(emptying->aside->file->file, &emptying->io, 0, emptying->out, SEGMENT_HEAD_BYTES,
               put_on_headed);
}

static void put_on_headed(struct disk_io *io, enum err err)
{
    struct emptying *emptying = container_of(io, struct emptying, io);

    if (err != ERR_OK)
        log_fail(emptying->log, &io->reason);
    if (!goes_on(emptying))
        return;
    emptying->aside->opened = true;
    put(emptying);
}

/* Takes what fits of the window into one run of writes. */
static void put(struct emptying *emptying)
{
    struct target *target = target_now(emptying);
    uint32_t first = emptying->put_next;

    emptying->out_len = emptying->out_at = 0;
    while (target != NULL && emptying->put_next < emptying->window_end) {
        const struct item *item = &emptying->items[emptying->put_next];
        struct moved *row = &emptying->rows[item->row];
        if (!fits(target->segment, emptying->out_len + item->length + 1))
            break;
        struct slice payload = payload_in(emptying, item);
        ensure(blocks_to(emptying->out_len + payload.len + 1) <= emptying->out_room);
        if (payload.len > 0)
            memcpy(emptying->out + emptying->out_len, payload.data, payload.len);
        row->places[item->at].offset = (uint32_t)(target->segment->end + emptying->out_len);
        row->into[item->at] = (unsigned char)(target - emptying->targets);
        emptying->out_len += item->length;
        emptying->put_next++;
    }
    if (emptying->put_next > first) {
        emptying->out_len += emptying->out_len == 0; /* none had a payload: it has a place */
        memset(emptying->out + emptying->out_len, 0,
               blocks_to(emptying->out_len) - emptying->out_len);
        write_piece(emptying);
    } else if (emptying->put_next < emptying->window_end) {
        put_elsewhere(emptying);
    } else {
        emptying->item_next = emptying->window_end;
        window_begin(emptying);
    }
}

static void write_piece(struct emptying *emptying)
{
    size_t len = blocks_to(emptying->out_len) - emptying->out_at;

    if (MUTANT(switched_early) && emptying->put_next == emptying->item_count) {
        emptying->aside->end += len;
        emptying->phase = EMPTY_SWITCH;
        jobs_kick(emptying->log);
        return;
    }
    if (len > LOG_MEND_WRITE_BYTES)
        len = LOG_MEND_WRITE_BYTES;
    emptying->log->active++;
    emptying->cost += len;
    disk_write(emptying->aside->file->file, &emptying->io,
               emptying->aside->end + emptying->out_at, emptying->out + emptying->out_at, len,
               write_on_done);
}

static void write_on_done(struct disk_io *io, enum err err)
{
    struct emptying *emptying = container_of(io, struct emptying, io);
    struct log *log = emptying->log;

    if (err != ERR_OK) /* as any write */
        log_fail(log, &io->reason);
    if (!goes_on(emptying))
        return;
    emptying->out_at += io->len;
    if (emptying->out_at < emptying->out_len) {
        write_piece(emptying);
        return;
    }
    emptying->aside->end += blocks_to(emptying->out_len);
    if (emptying->put_next < emptying->window_end) {
        put(emptying);
        return;
    }
    emptying->item_next = emptying->window_end;
    wait_for(emptying, emptying->cost * 1000 / log->options.empty_bytes_per_s + 1);
    emptying->cost = 0;
}

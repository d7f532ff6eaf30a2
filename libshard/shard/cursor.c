/* cursor.c - one answer to a reader.
 *
 *   1. move the position to the horizon if retention has passed it
 *   2. behind the newest record: an empty answer
 *   3. in the tail: take from there, done
 *   4. else read the log up to where the tail begins, take from that, and go on
 *      in the tail; barriers and entries that are too old give nothing, so this
 *      may take another look, READ_TRIES_MAX at most
 *
 * An answer ends at the reader's maximum of records or bytes, at
 * READ_PARTS_MAX, or where the log gave no more; it is never empty when there
 * is something to read, unless those looks did not find it.
 */
#include <stdlib.h>

#include "base/ensure.h"
#include "base/limits.h"
#include "base/mutant.h"
#include "shard/command.h"
#include "shard/gaps.h"
#include "shard/shard_private.h"
#include "shard/watch.h"

#define PARTS_FIRST 8u

/* What one look into the log may pass over before it finds records: a few elections' barriers. */
#define PASSED_ENTRIES_MAX 16u

static bool advance(struct shard_read *req);

static void finish(struct shard_read *req);

/* ---- taking records out of entries ---- */

static bool is_full(const struct shard_read *req)
{
    return req->full || req->record_count == req->records_max;
}

/* What was walked over of one entry, to become a part. */
struct taken {
    uint32_t count;
    size_t bytes;
};

static bool fits(const struct shard_read *req, const struct taken *taken, size_t bytes)
{
    uint32_t count = req->record_count + taken->count;

    if (count == 0)
        return true; /* the first always goes, or a reader with little room would never move */
    return count < req->records_max && req->record_bytes + taken->bytes + bytes <= req->bytes_max;
}

/* NULL when there is no memory. */
static struct read_part *part_new(struct shard_read *req)
{
    if (req->part_count == req->parts_room) {
        uint32_t room = req->parts_room == 0 ? PARTS_FIRST : req->parts_room * 2;
        struct read_part *parts = realloc(req->parts, room * sizeof(*parts));
        if (parts == NULL)
            return NULL;
        req->parts = parts;
        req->parts_room = room;
    }
    return &req->parts[req->part_count++];
}

/* Walks over the records below `ordinal`. */
static enum err skip(struct command_walk *walk, uint32_t ordinal)
{
    struct record record;

    for (uint32_t at = 0; at < ordinal; at++) {
        if (command_walk_next(walk, &record) != ERR_OK)
            return ERR_CORRUPT;
    }
    return ERR_OK;
}

/* Walks over at most `count` records, as far as they fit; req->full when they do not all. */
static enum err walk_fitting(struct shard_read *req, struct command_walk *walk, uint32_t count,
                             struct taken *taken)
{
    for (; taken->count < count; taken->count++) {
        struct command_walk next = *walk;
        struct record record;
        if (command_walk_next(&next, &record) != ERR_OK)
            return ERR_CORRUPT;
        size_t bytes = record.key.len + record.data.len;
        req->full = !fits(req, taken, bytes);
        if (req->full)
            return ERR_OK;
        taken->bytes += bytes;
        *walk = next;
    }
    return ERR_OK;
}

/* The records of one entry from req->next.ordinal on, as far as they fit.  ERR_CORRUPT and
 * ERR_NO_MEMORY with nothing taken. */
static enum err take_records(struct shard_read *req, const struct entry_head *head,
                             struct buf *payload)
{
    struct command_walk walk = command_walk_start(buf_slice(payload));
    uint32_t ordinal = req->next.ordinal;
    struct taken taken = { 0 };

    if (skip(&walk, ordinal) != ERR_OK)
        return ERR_CORRUPT;
    struct slice rest = walk.rest;
    if (walk_fitting(req, &walk, head->records - ordinal, &taken) != ERR_OK)
        return ERR_CORRUPT;
    if (taken.count == 0)
        return ERR_OK; /* full with the entries before */

    struct read_part *part = part_new(req);
    if (part == NULL)
        return ERR_NO_MEMORY;
    *part = (struct read_part){
        .index = head->index,
        .time_ms = head->time_ms,
        .first_ordinal = ordinal,
        .count = taken.count,
        .records = slice_of(rest.data, rest.len - walk.rest.len),
        .payload = buf_ref(payload),
    };
    req->record_count += taken.count;
    req->record_bytes += taken.bytes;
    req->full = req->full || req->part_count == READ_PARTS_MAX;
    req->next.ordinal += taken.count;
    if (req->next.ordinal == head->records)
        req->next = (struct position){ .index = head->index + 1 + MUTANT(read_jumps) };
    return ERR_OK;
}

/* One entry, which is the one at req->next.  An error matters only when nothing was found before:
 * else the reader gets what there is, and meets the error with its next call. */
static void take_entry(struct shard_read *req, const struct entry_head *head, struct buf *payload)
{
    const struct retention *retention = &req->shard->retention;
    bool too_old = head->time_ms < retention_cutoff_ms(retention, req->hidden_ms);

    ensure(head->index == req->next.index);
    if (head->type != ENTRY_RECORDS || too_old || req->next.ordinal >= head->records) {
        req->next = (struct position){ .index = head->index + 1 };
        return;
    }

    enum err err = payload == NULL ? ERR_CORRUPT : take_records(req, head, payload);
    if (err == ERR_OK)
        return;
    req->full = true;
    if (req->record_count > 0)
        return;
    req->err = err;
    reason_set(&req->reason, "entry %llu: %s", (unsigned long long)head->index,
               payload == NULL      ? "is damaged here"
               : err == ERR_CORRUPT ? "is no row of records"
                                    : "no memory");
}

static void take_tail(struct shard_read *req)
{
    const struct tail_entry *entry;

    while (!is_full(req) && (entry = tail_find(&req->shard->tail, req->next.index)) != NULL)
        take_entry(req, &entry->head, entry->payload);
}

static void take_log(struct shard_read *req)
{
    for (uint32_t at = 0; at < req->log.count && !is_full(req); at++) {
        const struct log_read_entry *entry = &req->log.entries[at];
        take_entry(req, &entry->head, entry->payload);
    }
}

/* ---- looking into the log ---- */

static void on_log(struct log_read *log, enum err err);

/* The entry is damaged, and the reader may be behind its last record already, as after
 * AFTER_SEQUENCE_NUMBER of that one: its head tells, and a reader can pass what is lost. */
static bool look_at_head(struct shard_read *req, enum err err)
{
    struct shard *shard = req->shard;

    if ((err != ERR_CORRUPT && err != ERR_IO) || req->next.ordinal == 0 || req->log.heads_only ||
        shard->closing)
        return false;
    log_read_fini(&req->log);
    shard->reads_waiting++;
    req->log = (struct log_read){
        .group = shard->options.group,
        .first = req->next.index,
        .last = req->next.index,
        .heads_only = true,
    };
    log_read(shard->world.log, &req->log, on_log);
    return true;
}

static void on_log(struct log_read *log, enum err err)
{
    struct shard_read *req = container_of(log, struct shard_read, log);
    struct shard *shard = req->shard;

    shard->reads_waiting--;
    if (look_at_head(req, err))
        return;
    if (shard->closing) {
        req->err = shard_end_err(shard);
    } else if (err == ERR_OK) {
        take_log(req);
        take_tail(req);
    } else if (err == ERR_TRIMMED) {
        retention_catch_up(shard);
    } else {
        req->err = err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
        req->reason = log->reason;
        reason_wrap(&req->reason, "read log");
    }
    log_read_fini(log);

    bool found = req->record_count > 0 || req->err != ERR_OK;
    if ((!found && advance(req)) || watch_parks(req))
        return;
    finish(req);
}

/* No reader sees what comes behind. */
static uint64_t newest_of(const struct shard *shard)
{
    if (MUTANT(uncommitted_read))
        return log_state(shard->world.log, shard->options.group)->last;
    return shard->image.newest_index;
}

static void look(struct shard_read *req)
{
    struct shard *shard = req->shard;
    uint64_t tail_first_index = tail_first(&shard->tail);
    uint64_t last = req->next.index + req->records_max + PASSED_ENTRIES_MAX;
    size_t bytes = (size_t)req->records_max * RECORD_BYTES_MAX;

    if (last > newest_of(shard))
        last = newest_of(shard);
    if (tail_first_index > req->next.index && last >= tail_first_index)
        last = tail_first_index - 1;

    req->tries++;
    shard->reads_waiting++;
    req->log = (struct log_read){
        .group = shard->options.group,
        .first = req->next.index,
        .last = last,
        .bytes_max = bytes < req->bytes_max ? bytes : req->bytes_max,
        .records_max = (uint64_t)req->records_max + req->next.ordinal,
        .since_ms = retention_cutoff_ms(&shard->retention, req->hidden_ms),
    };
    log_read(shard->world.log, &req->log, on_log);
}

/* Goes on from req->next.  True when the log was asked; false when the answer is complete. */
static bool advance(struct shard_read *req)
{
    struct shard *shard = req->shard;

    req->next = position_visible(shard, req->next);
    take_tail(req);
    if (req->record_count > 0 || req->err != ERR_OK)
        return false;
    if (req->next.index > newest_of(shard)) {
        /* Between the newest record and the tip are barriers only: nobody needs to walk them. */
        if (req->next.index <= shard->applied)
            req->next = position_tip(shard);
        return false;
    }
    if (req->tries == READ_TRIES_MAX)
        return false;
    look(req);
    return true;
}

/* ---- the answer ---- */

/* Behind the newest record here: only a leader within its lease knows that there is no newer one,
 * or any member of a shard that rests.  Elsewhere one may have been acknowledged since this member
 * last knew of a leader. */
static uint64_t behind_unknown_ms(const struct shard_read *req)
{
    struct shard *shard = req->shard;

    if (shard_rests(shard) || replica_has_lease(shard->replica) || MUTANT(tip_without_leader))
        return 0;
    uint64_t then_ms = replica_heard_ms(shard->replica), now_ms = clock_mono_ms(shard->world.clock);
    if (then_ms == 0) { /* never: then since the newest entry here */
        then_ms = replica_status(shard->replica).applied_time_ms;
        now_ms = req->now_ms;
    }
    return then_ms != 0 && now_ms > then_ms ? now_ms - then_ms : 1;
}

/* How old the next unread entry is.  When its time is only on the disk, the last entry that was
 * read stands for it, or retention itself: a little too old rather than a read for a figure. */
static uint64_t behind_ms(const struct shard_read *req)
{
    struct shard *shard = req->shard;
    const struct tail_entry *entry = tail_find(&shard->tail, req->next.index);
    struct entry_head head;
    uint64_t time_ms;

    if (req->next.index > shard->image.newest_index)
        return behind_unknown_ms(req);
    if (entry != NULL)
        time_ms = entry->head.time_ms;
    else if (log_head(shard->world.log, shard->options.group, req->next.index, &head) == ERR_OK)
        time_ms = head.time_ms;
    else if (req->part_count > 0)
        time_ms = req->parts[req->part_count - 1].time_ms;
    else
        time_ms = retention_cutoff_ms(&shard->retention, req->now_ms);
    return req->now_ms > time_ms ? req->now_ms - time_ms : 1; /* 0 means the tip, nothing else */
}

/* From here on they are places. */
static void places_say(struct shard_read *req)
{
    const struct gaps *gaps = &req->shard->options.gaps;

    for (uint32_t i = 0; i < req->part_count; i++)
        req->parts[i].index = gaps_out(gaps, req->parts[i].index);
    req->next = gaps_position_out(gaps, req->next);
}

static void finish(struct shard_read *req)
{
    struct shard *shard = req->shard;

    if (req->err == ERR_OK) {
        req->behind_ms = behind_ms(req);
        shard->read_behind_ms = req->behind_ms;
        if (!req->unmetered)
            quota_read_take(&shard->quota, clock_mono_ms(shard->world.clock), req->record_bytes);
        shard->read_calls++;
        shard->read_records += req->record_count;
        shard->read_bytes += req->record_bytes;
    }
    places_say(req);
    list_remove(&req->link);
    req->cb(req, req->err);
    shard_settle(shard);
}

static void finish_deferred(struct defer *defer)
{
    finish(container_of(defer, struct shard_read, defer));
}

void cursor_go_on(struct shard_read *req)
{
    req->now_ms = clock_wall_ms(req->shard->world.clock);
    req->tries = 0;
    if (!advance(req) && !watch_parks(req))
        finish(req);
}

void cursor_end_wait(struct shard_read *req, enum err err)
{
    req->err = err;
    req->waits = false;
    finish(req);
}

/* Whether the request may begin. */
static enum err admit(struct shard_read *req)
{
    struct shard *shard = req->shard;

    if (shard->closing)
        return shard_end_err(shard);
    if (shard->reads_waiting >= SHARD_READS_MAX) {
        reason_set(&req->reason, "%u reads of this shard wait for this node's disk already",
                   SHARD_READS_MAX);
        return ERR_UNAVAILABLE;
    }
    if (!req->unmetered && !quota_read_call(&shard->quota, clock_mono_ms(shard->world.clock))) {
        shard->read_throttled++;
        reason_set(&req->reason, "the shard's read limit is reached");
        return ERR_BUSY;
    }
    return ERR_OK;
}

static uint32_t between(uint32_t low, uint32_t value, uint32_t high)
{
    return value < low ? low : value > high ? high : value;
}

void shard_read(struct shard *shard, struct shard_read *req, shard_read_cb cb)
{
    /* The request may come from a peer: what it asks for is bounded here, not trusted. */
    *req = (struct shard_read){
        .from = req->from,
        .records_max = between(1, req->records_max, GET_RECORDS_MAX),
        .bytes_max = req->bytes_max < GET_BYTES_MAX ? req->bytes_max : GET_BYTES_MAX,
        .now_ms = req->now_ms,
        .hidden_ms = req->hidden_ms,
        .waits = req->waits,
        .unmetered = req->unmetered,
        .next = gaps_position_in(&shard->options.gaps, req->from),
        .shard = shard,
        .cb = cb,
    };
    list_append(&shard->requests, &req->link);
    req->err = admit(req);
    if (req->err == ERR_OK && (advance(req) || watch_parks(req)))
        return;
    defer_run(shard->world.clock, &req->defer, finish_deferred);
}

void shard_read_fini(struct shard_read *req)
{
    for (uint32_t at = 0; at < req->part_count; at++)
        buf_unref(req->parts[at].payload);
    free(req->parts);
    req->parts = NULL;
    req->part_count = req->parts_room = 0;
    log_read_fini(&req->log);
}

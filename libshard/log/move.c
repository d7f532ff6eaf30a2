#include "log/move.h"

#include <stdlib.h>

#include "base/ensure.h"
#include "base/mutant.h"
#include "log/empty.h"
#include "table/keys.h"

/* Writes one entry aside.
 *
 *  1. move_next()      when no segment is being emptied: where to
 *  2. write_piece()    its bytes, then look() reads them back
 *  3. job_move_run()   the rows, in one synced batch; the worker does nothing else meanwhile
 *  4. job_move_done() lookups that saw the old row are void; who reads there goes on reading
 *
 * A crash before the batch leaves what was written as nothing (aside.c), and all else as it was.
 * The old place is dead from then on: its segment can be emptied, or is free when nothing else
 * lives in it.
 *
 * A new file is taken only when the head has another one besides its reserve: in a full log an
 * entry goes where the segments that are emptied have left room, or waits. */

static void write_piece(struct move *move);
static void move_on_written(struct disk_io *io, enum err err);
static void look(struct move *move);
static void move_on_look(struct disk_io *io, enum err err);
static void end(struct move *move, enum err err);

void move_start(struct log *log, struct move *move, move_cb cb)
{
    ensure(log->move == NULL);
    move->log = log;
    move->cb = cb;
    move->phase = MOVE_WAIT;
    log->move = move;
    if (log->closing || log->failed)
        end(move, log->failed ? ERR_IO : ERR_CLOSED);
    else
        jobs_kick(log);
}

bool move_is_writing(const struct log *log)
{
    return log->move != NULL && log->move->phase != MOVE_WAIT;
}

void move_close(struct log *log)
{
    struct move *move = log->move;

    /* A write or a job that is under way comes back. */
    if (move != NULL && move->phase != MOVE_WRITE && log->job.kind != JOB_MOVE)
        end(move, ERR_CLOSED);
}

/* ---- where to ---- */

/* The segment that is emptied into, if it has room; else it is a new one from now on. */
static struct segment *choose(struct log *log, const struct move *move)
{
    struct segment *aside = log->emptying->aside;

    if (aside != NULL && aside != move->segment && aside->end + move->len <= aside->bytes)
        return aside;
    if (supply_for_head(log) < 2)
        return NULL;
    aside = aside_begin(log);
    if (aside != NULL)
        log->emptying->aside = aside;
    return aside;
}

/* What is to be written, and where. */
static void begin(struct log *log, struct move *move)
{
    size_t lead = 0;

    move->len = (move->payload.len + DISK_ALIGN - 1) / DISK_ALIGN * DISK_ALIGN;
    move->into = choose(log, move);
    if (move->into == NULL) {
        reason_set(&move->reason, "no segment has room to write it elsewhere");
        end(move, ERR_NO_SPACE);
        return;
    }
    move->into->pins++;
    move->offset = move->into->end;
    if (move->into->end == SEGMENT_HEAD_BYTES)
        lead = SEGMENT_HEAD_BYTES;
    move->from = move->offset - lead;
    move->len += lead;
    move->bytes = disk_memory(move->len);
    if (move->bytes == NULL) {
        end(move, ERR_NO_MEMORY);
        return;
    }
    memset(move->bytes, 0, move->len);
    if (lead > 0)
        aside_head(log, move->into, move->bytes);
    memcpy(move->bytes + lead, move->payload.data, move->payload.len);
    move->phase = MOVE_WRITE;
    write_piece(move);
}

bool move_next(struct log *log)
{
    struct move *move = log->move;

    if (move == NULL)
        return false;
    if (move->phase == MOVE_WAIT && log->emptying->phase == EMPTY_IDLE) {
        begin(log, move);
    } else if (move->phase == MOVE_SWITCH) {
        log->job.move = move;
        job_start(log, JOB_MOVE, move->segment);
    }
    return log->job.kind != JOB_NONE;
}

/* ---- the bytes ---- */

/* False when the log is dead, or about to close. */
static bool goes_on(struct move *move, const struct disk_io *io, enum err err, bool wrote)
{
    struct log *log = move->log;

    if (err != ERR_OK)
        move->reason = io->reason;
    if (err != ERR_OK && wrote) /* as any write */
        log_fail(log, &io->reason);
    if (err == ERR_OK && log->closing)
        err = ERR_CLOSED;
    if (err == ERR_OK && log->failed)
        err = ERR_IO;
    if (err != ERR_OK)
        end(move, err);
    return err == ERR_OK;
}

static void write_piece(struct move *move)
{
    size_t len = move->len - move->at;

    if (len > LOG_MEND_WRITE_BYTES)
        len = LOG_MEND_WRITE_BYTES;
    disk_write(move->into->file->file, &move->io, move->from + move->at,
               move->bytes + move->at, len, move_on_written);
}

static void move_on_written(struct disk_io *io, enum err err)
{
    struct move *move = container_of(io, struct move, io);

    if (!goes_on(move, io, err, true))
        return;
    move->at += io->len;
    if (move->at < move->len)
        write_piece(move);
    else
        look(move);
}

static void look(struct move *move)
{
    move->into->opened = true;
    disk_read(move->into->file->file, &move->io, move->from, move->bytes, move->len, move_on_look);
}

static void move_on_look(struct disk_io *io, enum err err)
{
    struct move *move = container_of(io, struct move, io);

    if (!goes_on(move, io, err, false))
        return;
    struct slice found = slice_of(move->bytes + (move->offset - move->from), move->head.length);
    if (!entry_matches(&move->head, found)) {
        reason_set(&move->reason, "written elsewhere, and damaged there too");
        end(move, ERR_CORRUPT);
        return;
    }
    move->there = move->place;
    move->there.offset = (uint32_t)move->offset;
    move->number = move->into->number;
    move->life = move->into->life;
    move->file = move->into->file->id;
    move->end = move->from + move->len;
    move->phase = MOVE_SWITCH;
    jobs_kick(move->log);
}

/* ---- the rows, on a worker ---- */

static void put_row(struct table_batch *batch, const struct move *move, uint64_t segment,
                    const struct place *places, uint64_t first, uint32_t count)
{
    struct key key = key_index(move->head.group, first);
    struct writer writer;

    writer_init(&writer, ROW_BYTES_MAX);
    index_row_write(&writer, segment, places, count);
    table_batch_put(batch, TABLE_INDEX, key_slice(&key), writer_slice(&writer));
    writer_fini(&writer);
}

static struct extent extent_of(const struct index_row *row, uint32_t from, uint32_t to)
{
    struct extent extent = { row->group, row->first + from, row->first + to - 1, 0 };

    for (uint32_t i = from; i < to; i++)
        extent.bytes += row->places[i].length;
    return extent;
}

static void add_extent(struct segment_row *row, struct extent extent)
{
    row->extents = log_memory_grow(row->extents, row->extent_count + 1, sizeof(*row->extents));
    row->extents[row->extent_count++] = extent;
}

/* Instead of the row: what comes before the entry and behind it, in the old segment still. */
static void split(struct table_batch *batch, struct move *move, const struct index_row *row,
                  struct segment_row *old)
{
    uint32_t at = (uint32_t)(move->head.index - row->first);

    for (uint32_t i = 0; i < old->extent_count; i++)
        if (old->extents[i].group == row->group && old->extents[i].first == row->first)
            old->extents[i--] = old->extents[--old->extent_count];
    if (at > 0) {
        put_row(batch, move, row->segment, row->places, row->first, at);
        add_extent(old, extent_of(row, 0, at));
    }
    put_row(batch, move, move->number, &move->there, move->head.index, 1);
    if (at + 1 < row->count && !MUTANT(moved_without_rest)) {
        put_row(batch, move, row->segment, row->places + at + 1, move->head.index + 1,
                row->count - at - 1);
        add_extent(old, extent_of(row, at + 1, row->count));
    }
    move->left = old->extent_count;
    if (old->extent_count > 0)
        move->witness = old->extents[0];
}

/* Both segments' own rows. */
static enum err put_segments(struct table_job *job, struct table_batch *batch,
                             const struct index_row *row)
{
    struct move *move = job->move;
    struct segment_row old = { 0 }, into = { .life = move->life, .file = move->file };

    enum err err = job_get_segment(job, row->segment, &old);
    if (err == ERR_OK)
        err = job_get_segment(job, move->number, &into);
    if (err == ERR_NOT_FOUND && old.life != 0)
        err = ERR_OK; /* a new one */
    if (err == ERR_OK) {
        struct key key = key_segment(row->segment);
        split(batch, move, row, &old);
        if (old.extent_count == 0)
            table_batch_delete(batch, TABLE_SEGMENT, key_slice(&key));
        else
            job_put_segment(batch, row->segment, &old);
        into.end = move->end;
        into.entries++;
        add_extent(&into, extent_of(row, (uint32_t)(move->head.index - row->first),
                                    (uint32_t)(move->head.index - row->first) + 1));
        segment_row_renew(&into, into.extent_count - 1);
        job_put_segment(batch, move->number, &into);
    }
    segment_row_fini(&old);
    segment_row_fini(&into);
    return err;
}

/* Whether the batch was there all the same, though the tables refused it. */
static bool is_done(struct table_job *job)
{
    struct index_row row = { 0 };

    bool done = job_get_row(job, job->move->number, job->move->head.group, job->move->head.index,
                            &row) == ERR_OK &&
                row.places[0].offset == job->move->there.offset;
    index_row_fini(&row);
    return done;
}

static bool is_same(const struct place *a, const struct place *b)
{
    return a->term == b->term && a->epoch == b->epoch && a->length == b->length &&
           a->crc == b->crc && a->offset == b->offset;
}

/* False when there is nothing to be changed. */
static bool move_rows(struct table_job *job, struct table_batch *batch)
{
    struct move *move = job->move;
    struct index_row row = { 0 };
    uint64_t at = move->head.index - move->row_first;

    move->err = job_get_row(job, move->segment->number, move->head.group, move->row_first, &row);
    move->gone = move->err == ERR_NOT_FOUND ||
                 (move->err == ERR_OK &&
                  (at >= row.count || !is_same(&row.places[at], &move->place)));
    if (move->err == ERR_OK && !move->gone)
        move->err = put_segments(job, batch, &row);
    index_row_fini(&row);
    if (move->gone)
        move->err = ERR_OK;
    return move->err == ERR_OK && !move->gone;
}

void job_move_run(struct table_job *job)
{
    struct table_batch *batch = table_batch_new();

    job->move->err = ERR_OK;
    if (batch == NULL)
        job->err = ERR_NO_MEMORY;
    else if (!is_done(job) && move_rows(job, batch) && !MUTANT(moved_unswitched))
        job->err = table_write(job->table, batch, true, &job->reason);
    table_batch_free(batch);
    if (job->err != ERR_OK)
        reason_wrap(&job->reason, "write entry %llu of group %llu aside",
                    (unsigned long long)job->move->head.index,
                    (unsigned long long)job->move->head.group);
}

/* ---- after ---- */

void job_move_done(struct log *log)
{
    struct move *move = log->move;
    struct segment *old = move->segment;

    if (move->gone || move->err != ERR_OK) {
        move->reason = log->job.reason;
        end(move, move->gone ? ERR_NOT_FOUND : move->err);
        return;
    }
    struct extent moved = { move->head.group, move->head.index, move->head.index,
                            move->head.length };
    cache_drop_segment(log, old->number);
    log->cuts++;
    aside_grew(log, move->into, move->end, &moved);
    if (old->alive != UINT64_MAX)
        old->alive -= old->alive < move->head.length ? old->alive : move->head.length;
    if (move->left == 0)
        old->phase = SEGMENT_EMPTIED;
    else
        old->witness = move->witness;
    end(move, ERR_OK);
}

void job_move_failed(struct log *log)
{
    log->move->reason = log->job.reason;
    if (log->closing || log->failed)
        end(log->move, log->failed ? ERR_IO : ERR_CLOSED);
}

static void end(struct move *move, enum err err)
{
    struct log *log = move->log;

    log->move = NULL;
    if (move->into != NULL) {
        move->into->pins--;
        if (err != ERR_OK)
            aside_take_back(log, move->into);
    }
    disk_memory_free(move->bytes);
    move->bytes = NULL;
    if (!log->closing)
        reclaim_want(log); /* emptying goes on too */
    move->cb(move, err);
}

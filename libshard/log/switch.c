#include <stdlib.h>

#include "base/ensure.h"
#include "base/mutant.h"
#include "log/empty.h"
#include "table/keys.h"

/* The rows of a segment that is emptied: read before, changed after.
 *
 * One synced batch deletes the victim's rows, writes those of what was moved, adds them to the rows
 * of the segments that took them, and writes the hints of all its groups, as freeing does: what was
 * left out because it was trimmed must not be missed after a crash.  Either all of it is there or
 * nothing.
 *
 * The same worker files segments, one job at a time: a row that was cut since the plan was made
 * is shorter here, or gone, and so is what takes its place. */

#define WAIT_MS 10u /* for the hints of all groups to be true at once, */
#define WAITS_MAX 200u /* and so often */

/* ---- before ---- */

enum err job_get_segment(struct table_job *job, uint64_t number, struct segment_row *row)
{
    struct key key = key_segment(number);
    AUTO_UNREF struct buf *value = NULL;

    enum err err = table_get(job->table, TABLE_SEGMENT, key_slice(&key), &value, &job->reason);
    return err == ERR_OK ? segment_row_read(buf_slice(value), row) : err;
}

enum err job_get_row(struct table_job *job, uint64_t segment, uint64_t group, uint64_t first,
                     struct index_row *row)
{
    struct key key = key_index(group, first);
    AUTO_UNREF struct buf *value = NULL;
    struct index_span span;

    enum err err = table_get(job->table, TABLE_INDEX, key_slice(&key), &value, &job->reason);
    if (err == ERR_OK)
        err = index_span_read(key_slice(&key), buf_slice(value), &span);
    if (err == ERR_OK && span.segment != segment)
        return ERR_NOT_FOUND;
    if (err == ERR_OK)
        err = index_row_read(key_slice(&key), buf_slice(value), row);
    if (err == ERR_CORRUPT)
        reason_set(&job->reason, "the index row of entry %llu of group %llu is damaged",
                   (unsigned long long)first, (unsigned long long)group);
    return err;
}

static enum err plan_row(struct table_job *job, const struct extent *extent, uint64_t *entries)
{
    struct emptying *emptying = job->emptying;
    struct index_row row;

    enum err err = job_get_row(job, job->segment->number, extent->group, extent->first, &row);
    if (err == ERR_NOT_FOUND)
        return ERR_OK; /* it was cut, or another segment's has its key */
    if (err == ERR_CORRUPT) {
        emptying->damaged = true;
        emptying->damaged_at =
            (struct entry_head){ .group = extent->group, .index = extent->first };
    }
    if (err != ERR_OK)
        return err;
    emptying->rows[emptying->row_count++] = (struct moved){
        .group = row.group,
        .first = row.first,
        .count = row.count,
        .places = row.places,
        .into = log_memory(row.count, 1),
    };
    *entries += row.count;
    return ERR_OK;
}

void job_plan_run(struct table_job *job)
{
    struct emptying *emptying = job->emptying;
    struct segment_row row = { 0 };
    uint64_t entries = 0;
    uint32_t i = 0;

    job->err = job_get_segment(job, job->segment->number, &row);
    if (job->err != ERR_OK) {
        reason_set(&job->reason, "segment %llu has no sound row in the tables; " REASON_KEEP_DATA,
                   (unsigned long long)job->segment->number);
        return;
    }
    if (row.extent_count > 0)
        qsort(row.extents, row.extent_count, sizeof(*row.extents), extent_compare);
    emptying->extent_count = row.extent_count;
    emptying->rows = log_memory(row.extent_count + 1, sizeof(*emptying->rows));
    /* Rows of an earlier time may list a key twice. */
    for (; i < row.extent_count && job->err == ERR_OK && entries < LOG_EMPTY_ENTRIES_MAX; i++)
        if (i == 0 || extent_compare(&row.extents[i - 1], &row.extents[i]) != 0)
            job->err = plan_row(job, &row.extents[i], &entries);
    emptying->rest_count = row.extent_count - i;
    emptying->rest = log_memory(emptying->rest_count + 1, sizeof(*emptying->rest));
    if (emptying->rest_count > 0)
        memcpy(emptying->rest, &row.extents[i], emptying->rest_count * sizeof(*emptying->rest));
    segment_row_fini(&row);
    if (emptying->damaged)
        job->err = ERR_OK; /* said by job_plan_done(), and left alone */
}

static int by_offset(const void *a, const void *b)
{
    const struct item *left = a, *right = b;

    if (left->offset != right->offset)
        return left->offset < right->offset ? -1 : 1;
    if (left->row != right->row)
        return left->row < right->row ? -1 : 1;
    return left->at < right->at ? -1 : left->at > right->at;
}

static void choose_entries(const struct log *log, struct moved *row)
{
    uint64_t first = row->first, last = row->first + row->count - 1;

    row->from = row->to = 0;
    if (!alive_range(log, row->group, &first, &last))
        return;
    row->from = (uint32_t)(first - row->first);
    row->to = (uint32_t)(last - row->first) + 1;
}

static void add_items(struct emptying *emptying, uint32_t at)
{
    struct moved *row = &emptying->rows[at];

    choose_entries(emptying->log, row);
    if (MUTANT(emptied_without_last) && row->to > row->from)
        row->to--;
    for (uint32_t i = row->from; i < row->to; i++)
        emptying->items[emptying->item_count++] =
            (struct item){ at, i, row->places[i].offset, row->places[i].length };
}

void plan_items(struct emptying *emptying)
{
    size_t entries = 0;

    for (uint32_t i = 0; i < emptying->row_count; i++)
        entries += emptying->rows[i].count;
    emptying->items = log_memory(entries + 1, sizeof(*emptying->items));
    for (uint32_t i = 0; i < emptying->row_count; i++)
        add_items(emptying, i);
    qsort(emptying->items, emptying->item_count, sizeof(*emptying->items), by_offset);
}

/* ---- after ---- */

/* The hints of the groups of which something is left behind.  False: not all may be written yet. */
static bool take_hints(struct log *log)
{
    const struct emptying *emptying = log->emptying;
    struct extent *extents = log_memory(emptying->row_count + 1, sizeof(*extents));
    uint32_t count = 0;

    for (uint32_t i = 0; i < emptying->row_count; i++) {
        const struct moved *row = &emptying->rows[i];
        if (row->from > 0 || row->to < row->count)
            extents[count++].group = row->group;
    }
    bool taken = job_take_hints(log, extents, count);
    free(extents);
    if (taken)
        return true;
    free(log->job.hints);
    log->job.hints = NULL;
    return false;
}

/* What was applied is about to be durable, or waits with the head for a file, or an epoch began
 * meanwhile, and the next plan moves all that the group has here. */
static void wait_for_hints(struct log *log)
{
    struct emptying *emptying = log->emptying;

    if (emptying->waits++ < WAITS_MAX) {
        timer_start(log->world.clock, &emptying->timer, WAIT_MS, emptying->timer.cb);
    } else if (!emptying->tried) {
        emptying->held_up = true;
        empty_give_up(log, WAIT_MS);
    } else {
        emptying->waits = 0;
        empty_lend(log);
        survey_start(log);
    }
}

void switch_start(struct log *log)
{
    struct emptying *emptying = log->emptying;

    if (!take_hints(log)) {
        wait_for_hints(log);
        return;
    }
    for (uint32_t i = 0; i < emptying->target_count; i++) {
        struct target *target = &emptying->targets[i];
        target->number = target->segment->number;
        target->life = target->segment->life;
        target->file = target->segment->file->id;
        target->end = target->segment->end;
    }
    job_start(log, JOB_SWITCH, emptying->victim);
}

/* What one segment takes of a row: entries from `at` on that lie in it, one after the other. */
static uint32_t put_part(struct table_batch *batch, struct emptying *emptying,
                         const struct moved *row, uint32_t at, uint32_t end,
                         struct segment_row *rows)
{
    uint32_t into = row->into[at], count = 1;
    struct target *target = &emptying->targets[into];
    struct key key = key_index(row->group, row->first + at);
    struct writer writer;

    while (at + count < end && row->into[at + count] == into)
        count++;
    writer_init(&writer, ROW_BYTES_MAX);
    index_row_write(&writer, target->number, row->places + at, count);
    table_batch_put(batch, TABLE_INDEX, key_slice(&key), writer_slice(&writer));
    writer_fini(&writer);

    struct extent extent = { row->group, row->first + at, row->first + at + count - 1, 0 };
    for (uint32_t i = at; i < at + count; i++)
        extent.bytes += row->places[i].length;
    target->last = extent;
    target->bytes += extent.bytes;
    struct segment_row *list = &rows[into];
    list->extents =
        log_memory_grow(list->extents, list->extent_count + 1, sizeof(*list->extents));
    list->extents[list->extent_count++] = extent;
    list->entries += count;
    return count;
}

static enum err switch_row(struct table_job *job, struct table_batch *batch,
                           const struct moved *row, struct segment_row *rows)
{
    struct key key = key_index(row->group, row->first);
    struct index_row now;

    enum err err = job_get_row(job, job->segment->number, row->group, row->first, &now);
    if (err == ERR_NOT_FOUND)
        return ERR_OK;
    if (err != ERR_OK)
        return err;
    uint32_t end = now.count < row->to ? now.count : row->to;
    index_row_fini(&now);
    table_batch_delete(batch, TABLE_INDEX, key_slice(&key));
    for (uint32_t at = row->from; at < end;)
        at += put_part(batch, job->emptying, row, at, end, rows);
    return ERR_OK;
}

void job_put_segment(struct table_batch *batch, uint64_t number, const struct segment_row *row)
{
    struct key key = key_segment(number);
    struct writer writer;

    writer_init(&writer, ROW_BYTES_MAX);
    segment_row_write(&writer, row);
    table_batch_put(batch, TABLE_SEGMENT, key_slice(&key), writer_slice(&writer));
    writer_fini(&writer);
}

static void put_victim(struct table_job *job, struct table_batch *batch, struct segment_row *row)
{
    const struct emptying *emptying = job->emptying;
    struct key key = key_segment(job->segment->number);

    if (emptying->rest_count == 0) {
        table_batch_delete(batch, TABLE_SEGMENT, key_slice(&key));
        return;
    }
    struct segment_row rest = *row;
    rest.extents = emptying->rest;
    rest.extent_count = emptying->rest_count;
    job_put_segment(batch, job->segment->number, &rest);
}

/* The rows of those that took something, with what they had. */
static enum err put_targets(struct table_job *job, struct table_batch *batch,
                            struct segment_row *rows)
{
    const struct emptying *emptying = job->emptying;
    uint32_t had[LOG_EMPTY_SPLIT_MAX];

    for (uint32_t i = 0; i < emptying->target_count; i++) {
        const struct target *target = &emptying->targets[i];
        enum err err = job_get_segment(job, target->number, &rows[i]);
        if (err == ERR_NOT_FOUND)
            rows[i] = (struct segment_row){ .life = target->life, .file = target->file };
        else if (err != ERR_OK)
            return err;
        rows[i].end = target->end;
        had[i] = rows[i].extent_count;
    }
    for (uint32_t i = 0; i < emptying->row_count; i++) {
        enum err err = switch_row(job, batch, &emptying->rows[i], rows);
        if (err != ERR_OK)
            return err;
    }
    for (uint32_t i = 0; i < emptying->target_count; i++) {
        segment_row_renew(&rows[i], had[i]);
        if (rows[i].extent_count > 0)
            job_put_segment(batch, emptying->targets[i].number, &rows[i]);
    }
    return ERR_OK;
}

static enum err switch_rows(struct table_job *job, struct table_batch *batch)
{
    struct segment_row victim = { 0 }, rows[LOG_EMPTY_SPLIT_MAX] = { 0 };

    enum err err = job_get_segment(job, job->segment->number, &victim);
    /* The tables refused the batch, and it was there all the same. */
    if (err == ERR_NOT_FOUND ||
        (err == ERR_OK && victim.extent_count < job->emptying->extent_count)) {
        segment_row_fini(&victim);
        return ERR_OK;
    }
    for (uint32_t i = 0; i < job->emptying->target_count; i++)
        job->emptying->targets[i].bytes = 0;
    if (err == ERR_OK)
        err = put_targets(job, batch, rows);
    if (err == ERR_OK) {
        put_victim(job, batch, &victim);
        job_put_hints(batch, job);
        err = table_write(job->table, batch, !MUTANT(emptied_unsynced), &job->reason);
    }
    for (uint32_t i = 0; i < LOG_EMPTY_SPLIT_MAX; i++)
        segment_row_fini(&rows[i]);
    segment_row_fini(&victim);
    return err;
}

void job_switch_run(struct table_job *job)
{
    struct table_batch *batch = table_batch_new();

    job->err = batch == NULL ? ERR_NO_MEMORY : switch_rows(job, batch);
    table_batch_free(batch);
    if (job->err != ERR_OK)
        reason_wrap(&job->reason, "empty segment %llu", (unsigned long long)job->segment->number);
}

void job_switch_done(struct log *log)
{
    empty_finish(log);
}

void job_switch_undo(struct log *log)
{
    log->emptying->tried = true;
}

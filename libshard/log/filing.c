#include <stdlib.h>

#include "base/ensure.h"
#include "base/mutant.h"
#include "log/move.h"
#include "table/keys.h"

/* Jobs that write to the table, one at a time.
 *
 * Filing a segment is one synced batch: rows that its TRUNCATEs and STARTs take back in older
 * segments, a row per run of its entries, the states that it changed, the segment's own row, and
 * the mark that it is filed.  Segments are filed in order, each as of its end: the table is the
 * exact state at one point of the log, and a start replays what comes behind it.
 *
 * What may lag (applied, trimmed) has rows of its own and rides along, or is saved now and then
 * (hints.c). */

#define BACKOFF_MS_FIRST 500u

static void job_run(struct work *work);
static void job_done(struct work *work);
static void file_run(struct table_job *job);
static void file_done(struct log *log);
static void put_off(struct log *log, enum table_job_kind kind);
static void put_off_on_timer(struct timer *timer);

void job_start(struct log *log, enum table_job_kind kind, struct segment *segment)
{
    struct table_job *job = &log->job;

    job->kind = kind;
    job->table = log->world.table;
    job->segment = segment;
    job->err = ERR_OK;
    work_start(log->world.work, &job->work, job_run, job_done);
}

void jobs_kick(struct log *log)
{
    if (log->job.kind != JOB_NONE || log->failed || timer_running(&log->job_later))
        return;

    struct segment *next = log->closing ? NULL : segment_find(log, log->filed + 1);
    if (next != NULL && next->phase == SEGMENT_COMPLETE) {
        log->job.row = (struct log_row){
            .node = log->options.node, .filed = next->number, .opened = next->number + 1
        };
        hints_take(log, next);
        job_start(log, JOB_FILE, next);
    } else if (log->save_wanted) {
        log->save_wanted = false;
        hints_take(log, NULL);
        job_start(log, JOB_SAVE, NULL);
    } else if (!log->closing && !reclaim_next(log) && !move_next(log)) {
        empty_next(log);
    }
}

static enum err write_hints(struct table_job *job)
{
    if (job->hint_count == 0)
        return ERR_OK;

    struct table_batch *batch = table_batch_new();
    if (batch == NULL)
        return ERR_NO_MEMORY;
    job_put_hints(batch, job);
    enum err err = table_write(job->table, batch, false, &job->reason);
    table_batch_free(batch);
    return err;
}

static void job_run(struct work *work)
{
    struct table_job *job = container_of(work, struct table_job, work);

    switch (job->kind) {
    case JOB_FILE:
        file_run(job);
        break;
    case JOB_SAVE:
        job->err = write_hints(job);
        break;
    case JOB_LOOK:
        job_look_run(job);
        break;
    case JOB_FREE:
        job_free_run(job);
        break;
    case JOB_SURVEY:
        job_survey_run(job);
        break;
    case JOB_PLAN:
        job_plan_run(job);
        break;
    case JOB_SWITCH:
        job_switch_run(job);
        break;
    case JOB_MOVE:
        job_move_run(job);
        break;
    case JOB_NONE:
        ensure(false);
    }
}

/* What follows from a job that was done. */
static void conclude(struct log *log, enum table_job_kind kind)
{
    struct table_job *job = &log->job;

    switch (kind) {
    case JOB_FILE:
        file_done(log);
        break;
    case JOB_LOOK:
        job_look_done(log);
        break;
    case JOB_FREE:
        segment_row_fini(&job->segment_row);
        segment_drop(log, job->segment);
        break;
    case JOB_SURVEY:
        job_survey_done(log);
        break;
    case JOB_PLAN:
        job_plan_done(log);
        break;
    case JOB_SWITCH:
        job_switch_done(log);
        break;
    case JOB_MOVE:
        job_move_done(log);
        break;
    case JOB_SAVE:
    case JOB_NONE:
        break;
    }
}

static bool writes(enum table_job_kind kind)
{
    return kind == JOB_FILE || kind == JOB_SAVE || kind == JOB_FREE || kind == JOB_SWITCH ||
           kind == JOB_MOVE;
}

static void job_done(struct work *work)
{
    struct log *log = container_of(work, struct log, job.work);
    struct table_job *job = &log->job;
    enum table_job_kind kind = job->kind;

    job->kind = JOB_NONE;
    if (job->err == ERR_NO_SPACE)
        for (uint32_t i = 0; i < job->hint_count; i++)
            group_hint_again(log, job->hints[i].group);
    free(job->hints);
    job->hints = NULL;
    job->hint_count = 0;
    if (job->err == ERR_NO_SPACE) {
        put_off(log, kind);
        return;
    }
    if (job->err != ERR_OK) {
        segment_row_fini(&job->segment_row);
        if (job->err == ERR_CORRUPT)
            log_spoil(log, &job->reason);
        else
            log_fail(log, &job->reason);
        if (kind == JOB_MOVE)
            job_move_failed(log);
        return;
    }
    if (writes(kind))
        log->job_backoff_ms = 0;
    conclude(log, kind);
    jobs_kick(log);
    log_close_kick(log);
}

/* Full tables stop nothing but this: frames are written and read, and what was to be filed lies in
 * the log.  All jobs wait, because their order is a promise. */
static void put_off(struct log *log, enum table_job_kind kind)
{
    log->figures.jobs_put_off++;
    if (kind == JOB_FREE)
        job_free_undo(log);
    else if (kind == JOB_SWITCH)
        job_switch_undo(log);
    else if (kind == JOB_MOVE)
        job_move_failed(log);
    segment_row_fini(&log->job.segment_row);
    log->job_backoff_ms = log->job_backoff_ms == 0 ? BACKOFF_MS_FIRST : log->job_backoff_ms * 2;
    if (log->job_backoff_ms > LOG_TABLE_BACKOFF_MS_MAX)
        log->job_backoff_ms = LOG_TABLE_BACKOFF_MS_MAX;
    if (!log->closing)
        timer_start(log->world.clock, &log->job_later, log->job_backoff_ms, put_off_on_timer);
    log_close_kick(log);
}

static void put_off_on_timer(struct timer *timer)
{
    jobs_kick(container_of(timer, struct log, job_later));
}

void job_put_hints(struct table_batch *batch, const struct table_job *job)
{
    struct writer row;

    writer_init(&row, ROW_BYTES_MAX);
    for (uint32_t i = 0; i < job->hint_count; i++) {
        struct key key = key_state(job->hints[i].group, KEY_STATE_HINT);
        row.len = 0;
        hint_write(&row, &job->hints[i]);
        table_batch_put(batch, TABLE_STATE, key_slice(&key), writer_slice(&row));
    }
    writer_fini(&row);
}

struct cutting {
    struct table_batch *batch;
    uint64_t from;
    enum err err;
};

static bool delete_row(void *ctx, struct slice key, struct slice value)
{
    struct cutting *cutting = ctx;

    (void)value;
    table_batch_delete(cutting->batch, TABLE_INDEX, key);
    return true;
}

/* The row that reaches over the cut loses its end. */
static bool shorten_row(void *ctx, struct slice key, struct slice value)
{
    struct cutting *cutting = ctx;
    struct index_row row;
    struct writer writer;

    cutting->err = index_row_read(key, value, &row);
    if (cutting->err != ERR_OK)
        return false;
    if (row.first + row.count > cutting->from) {
        writer_init(&writer, ROW_BYTES_MAX);
        index_row_write(&writer, row.segment, row.places, (uint32_t)(cutting->from - row.first));
        table_batch_put(cutting->batch, TABLE_INDEX, key, writer_slice(&writer));
        writer_fini(&writer);
    }
    index_row_fini(&row);
    return false;
}

static enum err put_cut(struct table_job *job, struct table_batch *batch, const struct cut *cut)
{
    struct cutting cutting = { .batch = batch, .from = cut->from };
    struct key start = key_index(cut->group, 0);
    struct key from = key_index(cut->group, cut->from);
    struct key end = key_index(cut->group + 1, 0);

    if (cut->forget) {
        for (int kind = KEY_STATE_HARD; kind <= KEY_STATE_HINT; kind++) {
            struct key key = key_state(cut->group, (enum key_state)kind);
            table_batch_delete(batch, TABLE_STATE, key_slice(&key));
        }
    }
    enum err err = table_scan(job->table, TABLE_INDEX, key_slice(&from), key_slice(&end),
                              delete_row, &cutting, &job->reason);
    if (err == ERR_OK && cut->from > 0)
        err = table_scan_back(job->table, TABLE_INDEX, key_slice(&start), key_slice(&from),
                              shorten_row, &cutting, &job->reason);
    if (err == ERR_OK && cutting.err != ERR_OK)
        reason_set(&job->reason, "an index row of group %llu in the tables is damaged",
                   (unsigned long long)cut->group);
    return err != ERR_OK ? err : cutting.err;
}

/* One row per LOG_RUN_ENTRIES_MAX entries, and the list of them for the segment's own row. */
static void put_run(struct table_batch *batch, const struct run *run, struct segment_row *list)
{
    struct writer row;

    writer_init(&row, ROW_BYTES_MAX);
    for (uint32_t at = 0; at < run->count;) {
        uint32_t count = run->count - at;
        if (count > LOG_RUN_ENTRIES_MAX)
            count = LOG_RUN_ENTRIES_MAX;
        struct key key = key_index(run->group_id, run->first + at);
        row.len = 0;
        if (MUTANT(filed_otherwise) && run->segment->life % 2 == 0)
            run->places[at].time_ms++;
        index_row_write(&row, run->segment->number, run->places + at,
                        count - (MUTANT(filed_without_last) && count > 1));
        table_batch_put(batch, TABLE_INDEX, key_slice(&key), writer_slice(&row));
        struct extent *extent = &list->extents[list->extent_count++];
        *extent = (struct extent){ run->group_id, run->first + at, run->first + at + count - 1, 0 };
        for (uint32_t i = 0; i < count; i++)
            extent->bytes += run->places[at + i].length;
        at += count;
    }
    writer_fini(&row);
}

static void put_runs(struct table_batch *batch, const struct segment *segment)
{
    struct segment_row list = {
        .life = segment->life,
        .file = segment->file->id,
        .end = segment->end,
        .entries = segment->entries,
    };
    struct key key = key_segment(segment->number);
    struct writer row;
    size_t extents = 1;

    for (struct list_node *node = list_first(&segment->runs); node != NULL;
         node = list_next(&segment->runs, node))
        extents += container_of(node, struct run, link)->count / LOG_RUN_ENTRIES_MAX + 1;
    list.extents = log_memory(extents, sizeof(*list.extents));

    for (struct list_node *node = list_first(&segment->runs); node != NULL;
         node = list_next(&segment->runs, node))
        put_run(batch, container_of(node, struct run, link), &list);

    writer_init(&row, ROW_BYTES_MAX);
    segment_row_write(&row, &list);
    table_batch_put(batch, TABLE_SEGMENT, key_slice(&key), writer_slice(&row));
    writer_fini(&row);
    segment_row_fini(&list);
}

/* All that had been applied at the segment's end is durable now.  A hint that was taken since is
 * among the job's, which are put behind this. */
static void put_hint_of(struct table_batch *batch, const struct hard *hard, struct writer *row)
{
    struct key key = key_state(hard->state.group, KEY_STATE_HINT);
    struct hint hint;

    state_hint(&hard->state, hard->made, &hint);
    row->len = 0;
    hint_write(row, &hint);
    table_batch_put(batch, TABLE_STATE, key_slice(&key), writer_slice(row));
}

static void put_states(struct table_batch *batch, const struct table_job *job)
{
    const struct segment *segment = job->segment;
    struct writer row;

    writer_init(&row, ROW_BYTES_MAX);
    for (uint32_t i = 0; i < segment->hard_count; i++) {
        if (MUTANT(state_not_filed) && i + 1 == segment->hard_count)
            break;
        struct key key = key_state(segment->hards[i].state.group, KEY_STATE_HARD);
        row.len = 0;
        hard_write(&row, &segment->hards[i]);
        table_batch_put(batch, TABLE_STATE, key_slice(&key), writer_slice(&row));
        if (segment->hards[i].let_go != 0)
            put_hint_of(batch, &segment->hards[i], &row);
    }
    row.len = 0;
    log_row_write(&row, &job->row);
    table_batch_put(batch, TABLE_NODE, slice_text(KEY_NODE_LOG), writer_slice(&row));
    writer_fini(&row);
    job_put_hints(batch, job);
}

static void file_run(struct table_job *job)
{
    const struct segment *segment = job->segment;
    struct table_batch *batch = table_batch_new();

    if (batch == NULL) {
        reason_set(&job->reason, "no memory to file a segment");
        job->err = ERR_NO_MEMORY;
        return;
    }
    /* Cuts first: a row of this segment may have the key of one that is cut. */
    for (uint32_t i = 0; i < segment->cut_count && job->err == ERR_OK; i++)
        if (!MUTANT(cut_not_filed))
            job->err = put_cut(job, batch, &segment->cuts[i]);
    if (job->err == ERR_OK) {
        put_runs(batch, segment);
        put_states(batch, job);
        job->err = table_write(job->table, batch, true, &job->reason);
    }
    table_batch_free(batch);
    if (job->err != ERR_OK)
        reason_wrap(&job->reason, "file segment %llu", (unsigned long long)segment->number);
}

static void file_done(struct log *log)
{
    struct segment *segment = log->job.segment;

    for (struct list_node *node = list_first(&segment->runs); node != NULL;
         node = list_next(&segment->runs, node)) {
        const struct run *run = container_of(node, struct run, link);
        if (run->count > 0)
            segment->witness =
                (struct extent){ run->group_id, run->first, run->first + run->count - 1, 0 };
    }
    /* Lookups that saw the rows as they were must not be remembered. */
    for (uint32_t i = 0; i < segment->cut_count; i++)
        cache_drop(log, segment->cuts[i].group, segment->cuts[i].from);
    if (segment->cut_count > 0)
        log->cuts++;
    segment->phase = SEGMENT_FILED;
    log->filed = segment->number;
    hints_filed(log);
    index_filed(segment);
    segment_unfiled_free(segment);
    reclaim_want(log);
}

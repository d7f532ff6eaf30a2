#include <stdlib.h>

#include "base/ensure.h"
#include "base/mutant.h"
#include "log/log_private.h"
#include "table/keys.h"

/* Which filed segments are free.
 *
 * Each remembers one witness: a run that was alive when last looked at.  A segment whose witness
 * lives is not free, and that is all there is to know about it; only when the witness has died does
 * a worker read the segment's row to find another.  So a node with ten thousand segments remembers
 * ten thousand witnesses, not the groups of all segments.
 *
 * A free segment's rows are deleted in one synced batch, together with the trims that made it free,
 * before anything is written over it. */

#define RECLAIM_AFTER_MS 100u

static void reclaim_on_timer(struct timer *timer);

void reclaim_want(struct log *log)
{
    if (!log->closing && !timer_running(&log->reclaim_soon))
        timer_start(log->world.clock, &log->reclaim_soon, RECLAIM_AFTER_MS, reclaim_on_timer);
}

static void reclaim_on_timer(struct timer *timer)
{
    struct log *log = container_of(timer, struct log, reclaim_soon);

    log->reclaim_wanted = true;
    jobs_kick(log);
}

/* Whether the group sees any of it: once all that was appended is durable, none else is alive. */
static bool is_seen(const struct log *log, const struct extent *extent)
{
    const struct group *group = group_find(log, extent->group);

    if (group == NULL)
        return false;
    uint64_t first = group->state.first, last = group->state.last;
    return (first > extent->first ? first : extent->first) <=
               (last < extent->last ? last : extent->last) &&
           !MUTANT(freed_alive);
}

/* What was taken back counts as gone only when that is durable: after a crash it may be there
 * again. */
static bool is_alive(const struct log *log, const struct extent *extent)
{
    const struct group *group = group_find(log, extent->group);

    if (extent->last == 0)
        return false; /* no witness yet */
    if (log->durable >= log->lost_turn)
        return is_seen(log, extent);
    return group == NULL || (group->state.first <= extent->last && !MUTANT(freed_alive));
}

/* Whether it is time to read the segment's row. */
static bool is_to_be_looked_at(const struct log *log, const struct segment *segment)
{
    return segment->phase == SEGMENT_FILED && !empty_uses(log, segment) &&
           !is_alive(log, &segment->witness);
}

/* Remembers a run that lives.  False: none does. */
static bool find_witness(const struct log *log, struct segment *segment,
                         const struct segment_row *row)
{
    for (uint32_t i = 0; i < row->extent_count; i++) {
        if (!is_alive(log, &row->extents[i]))
            continue;
        segment->witness = row->extents[i];
        return true;
    }
    return false;
}

bool reclaim_next(struct log *log)
{
    bool pinned = false;

    if (!log->reclaim_wanted)
        return false;
    for (size_t i = 0; i < log->segment_count; i++) {
        struct segment *segment = log->segments[i];
        if (!is_to_be_looked_at(log, segment))
            continue;
        if (segment->pins > 0) {
            pinned = true; /* segment_unpin() comes back */
            continue;
        }
        job_start(log, JOB_LOOK, segment);
        return true;
    }
    log->reclaim_wanted = pinned;
    return false;
}

void segment_unpin(struct log *log, struct segment *segment)
{
    ensure(segment->pins > 0);
    if (--segment->pins > 0)
        return;
    if (segment->phase == SEGMENT_EMPTIED)
        segment_drop(log, segment);
    if (log->reclaim_wanted)
        jobs_kick(log);
}

void job_look_run(struct table_job *job)
{
    struct key key = key_segment(job->segment->number);
    AUTO_UNREF struct buf *value = NULL;

    job->err = table_get(job->table, TABLE_SEGMENT, key_slice(&key), &value, &job->reason);
    if (job->err == ERR_NOT_FOUND)
        reason_set(&job->reason, "it has no row");
    if (job->err == ERR_OK)
        job->err = segment_row_read(buf_slice(value), &job->segment_row);
    if (job->err != ERR_OK)
        reason_wrap(&job->reason, "look at segment %llu in the tables",
                    (unsigned long long)job->segment->number);
}

/* The trims that made the segment free go with its rows: a start must not miss them.  False when
 * one of them cannot be written yet. */
bool job_take_hints(struct log *log, const struct extent *extents, uint32_t count)
{
    struct table_job *job = &log->job;
    struct hint *hints = log_memory(count + 1, sizeof(*hints));
    uint32_t taken = 0;

    job->hints = hints;
    for (uint32_t i = 0; i < count; i++) {
        const struct group *group = group_find(log, extents[i].group);
        if (group == NULL || (taken > 0 && hints[taken - 1].group == group->state.group))
            continue;
        if (!group_hint_is_safe(log, group))
            return false;
        hints_take_one(log, group, &hints[taken++]);
    }
    job->hint_count = taken;
    return true;
}

void job_look_done(struct log *log)
{
    struct table_job *job = &log->job;
    struct segment *segment = job->segment;

    if (find_witness(log, segment, &job->segment_row)) {
        segment_row_fini(&job->segment_row);
        return;
    }
    if (segment->pins > 0 || log->closing ||
        !job_take_hints(log, job->segment_row.extents, job->segment_row.extent_count)) {
        free(job->hints);
        job->hints = NULL;
        segment_row_fini(&job->segment_row);
        log->reclaim_wanted = false;
        reclaim_want(log);
        return;
    }
    segment->phase = SEGMENT_FREEING;
    job_start(log, JOB_FREE, segment);
}

/* Its rows could not be written: it is as it was.  Had they been written all the same, and only the
 * answer been wrong, then nothing is there to be found by the next try, and a start finds a free
 * file and the trims that freed it. */
void job_free_undo(struct log *log)
{
    log->job.segment->phase = SEGMENT_FILED;
    log->reclaim_wanted = true;
}

/* The key may belong to a later segment by now, after a truncate. */
static enum err delete_extent(struct table_job *job, struct table_batch *batch,
                              const struct extent *extent)
{
    struct key key = key_index(extent->group, extent->first);
    AUTO_UNREF struct buf *value = NULL;
    struct index_span span;

    enum err err = table_get(job->table, TABLE_INDEX, key_slice(&key), &value, &job->reason);
    if (err == ERR_NOT_FOUND)
        return ERR_OK;
    if (err == ERR_OK)
        err = index_span_read(key_slice(&key), buf_slice(value), &span);
    if (err == ERR_OK && span.segment == job->segment->number)
        table_batch_delete(batch, TABLE_INDEX, key_slice(&key));
    return err;
}

void job_free_run(struct table_job *job)
{
    struct key key = key_segment(job->segment->number);
    struct table_batch *batch = table_batch_new();

    job->err = batch == NULL ? ERR_NO_MEMORY : ERR_OK;
    for (uint32_t i = 0; i < job->segment_row.extent_count && job->err == ERR_OK; i++)
        job->err = delete_extent(job, batch, &job->segment_row.extents[i]);
    if (job->err == ERR_OK) {
        table_batch_delete(batch, TABLE_SEGMENT, key_slice(&key));
        job_put_hints(batch, job);
        job->err = table_write(job->table, batch, true, &job->reason);
    }
    table_batch_free(batch);
    if (job->err != ERR_OK)
        reason_wrap(&job->reason, "free segment %llu", (unsigned long long)job->segment->number);
}

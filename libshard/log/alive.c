#include "log/empty.h"

#include <stdlib.h>

#include "base/mutant.h"
#include "table/keys.h"

/* How much of each filed segment is alive, and which one has least; and how much of it will be when
 * the frames that wait are durable.
 *
 * A segment's row says how many bytes each run of entries has; what of it is alive follows from the
 * group's first and last entry.  Nothing is counted while entries come and go: when the free
 * files run low, all rows are read, some at a time.  A figure that is remembered is never too low,
 * but for entries of one run that differ in size, because what is dead stays so: what is taken back
 * counts as alive until that is durable, and segments that are kept are not emptied. */

/* What the group sees. */
static void clip(const struct group *group, uint64_t *first, uint64_t *last)
{
    if (*first < group->state.first)
        *first = group->state.first;
    if (*last > group->state.last)
        *last = group->state.last;
}

bool alive_range(const struct log *log, uint64_t id, uint64_t *first, uint64_t *last)
{
    const struct group *group = group_find(log, id);
    bool sure = log->durable >= log->lost_turn;
    uint64_t filed = *last;

    if (group == NULL)
        return !sure;
    if (group->started > log->durable)
        return true;
    clip(group, first, last);
    /* What is in memory lies in segments that are not filed, or are kept: others have its index. */
    if (*last >= index_first(group))
        *last = index_first(group) - 1;
    if (!sure)
        *last = filed;
    return *first <= *last;
}

static uint64_t bytes_alive(const struct log *log, const struct extent *extent)
{
    uint64_t first = extent->first, last = extent->last;

    if (!alive_range(log, extent->group, &first, &last))
        return 0;
    double part = (double)(last - first + 1) / (double)(extent->last - extent->first + 1);
    return 1 + (uint64_t)((double)extent->bytes * part); /* one without payload has a place, too */
}

/* Behind the frames that wait.  Nothing is guessed: all of a run of which something is seen. */
static uint64_t bytes_behind(const struct log *log, const struct extent *extent)
{
    const struct group *group = group_find(log, extent->group);
    uint64_t first = extent->first, last = extent->last;

    if (group == NULL)
        return 0;
    clip(group, &first, &last);
    return first <= last ? 1 + extent->bytes : 0;
}

static void account(const struct log *log, struct segment *segment, const struct segment_row *row)
{
    segment->alive = segment->behind = 0;
    for (uint32_t i = 0; i < row->extent_count; i++) {
        segment->alive += bytes_alive(log, &row->extents[i]);
        segment->behind += bytes_behind(log, &row->extents[i]);
    }
    if (segment->kept > 0)
        segment->alive = UINT64_MAX;
}

/* Not one in which groups have runs in memory: those are not known to be applied.  The one that
 * others are emptied into is not, before it is about full and there is a file to go on with. */
static bool may_be_emptied(const struct log *log, const struct segment *segment, uint64_t alive)
{
    if (segment->file == NULL || segment->phase != SEGMENT_FILED || segment->pins > 0 ||
        segment->kept > 0)
        return false;

    uint64_t room = segment->file->bytes - SEGMENT_HEAD_BYTES;
    if (segment == log->emptying->aside &&
        (log->files_ready_count == 0 || segment->end + room / LOG_EMPTY_GAIN < segment->bytes))
        return false;
    return alive <= room - room / LOG_EMPTY_GAIN &&
           segment->file->bytes >= log->file_bytes_min &&
           segment->left_until_ms <= clock_mono_ms(log->world.clock);
}

struct segment *alive_least(struct log *log)
{
    struct segment *least = NULL;

    for (size_t i = 0; i < log->segment_count; i++) {
        struct segment *segment = log->segments[i];
        if (may_be_emptied(log, segment, segment->alive) &&
            (least == NULL || segment->alive < least->alive))
            least = segment;
    }
    return least;
}

/* Once the frames that wait are durable, this one is free, or will be when it was emptied. */
static bool is_free_behind(const struct log *log, const struct segment *segment)
{
    if (segment->file == NULL || segment->phase != SEGMENT_FILED ||
        segment->file->bytes < log->file_bytes_min)
        return false;
    return segment->behind == 0 ||
           (may_be_emptied(log, segment, segment->behind) &&
            empty_fits_aside(log, segment, segment->behind) && !MUTANT(lent_for_free_alone));
}

bool alive_frees_behind(const struct log *log)
{
    for (size_t i = 0; i < log->segment_count; i++)
        if (is_free_behind(log, log->segments[i]))
            return true;
    return false;
}

/* ---- the survey ---- */

void survey_start(struct log *log)
{
    struct emptying *emptying = log->emptying;

    if (!emptying->surveying)
        emptying->survey_began_ms = clock_mono_ms(log->world.clock);
    emptying->survey_from = emptying->surveying ? emptying->survey_next : 0;
    emptying->surveying = true;
    job_start(log, JOB_SURVEY, NULL);
}

void survey_forget(struct log *log)
{
    struct emptying *emptying = log->emptying;

    for (uint32_t i = 0; i < emptying->survey_count; i++)
        segment_row_fini(&emptying->survey[i].row);
    free(emptying->survey);
    emptying->survey = NULL;
    emptying->survey_count = emptying->survey_room = emptying->survey_extents = 0;
}

static bool take_survey_row(void *ctx, struct slice key, struct slice value)
{
    struct table_job *job = ctx;
    struct emptying *emptying = job->emptying;

    if (emptying->survey_count == emptying->survey_room) {
        emptying->survey_room = emptying->survey_room == 0 ? 16 : emptying->survey_room * 2;
        emptying->survey = log_memory_grow(emptying->survey, emptying->survey_room,
                                           sizeof(*emptying->survey));
    }
    struct survey_row *row = &emptying->survey[emptying->survey_count];
    job->err = ERR_CORRUPT;
    if (key_segment_read(key, &row->number))
        job->err = segment_row_read(value, &row->row);
    if (job->err != ERR_OK) {
        reason_set(&job->reason, "a segment's row in the tables is damaged; " REASON_KEEP_DATA);
        return false;
    }
    emptying->survey_count++;
    emptying->survey_extents += row->row.extent_count;
    emptying->survey_next = row->number + 1;
    return emptying->survey_extents < LOG_SURVEY_EXTENTS_MAX;
}

void job_survey_run(struct table_job *job)
{
    struct key from = key_segment(job->emptying->survey_from);

    job->emptying->survey_next = 0;
    enum err err = table_scan(job->table, TABLE_SEGMENT, key_slice(&from), slice_of(NULL, 0),
                              take_survey_row, job, &job->reason);
    if (job->err == ERR_OK)
        job->err = err;
    if (job->emptying->survey_extents < LOG_SURVEY_EXTENTS_MAX)
        job->emptying->survey_next = 0; /* that was all */
}

void job_survey_done(struct log *log)
{
    struct emptying *emptying = log->emptying;

    for (uint32_t i = 0; i < emptying->survey_count; i++) {
        struct segment *segment = segment_find(log, emptying->survey[i].number);
        if (segment != NULL)
            account(log, segment, &emptying->survey[i].row);
    }
    survey_forget(log);
    if (emptying->survey_next != 0)
        return;
    emptying->surveying = false;
    emptying->surveyed_ms = clock_mono_ms(log->world.clock);
    emptying->survey_pause_ms =
        (emptying->surveyed_ms - emptying->survey_began_ms) * LOG_SURVEY_SHARE;
    if (emptying->survey_pause_ms < LOG_SURVEY_EVERY_MS)
        emptying->survey_pause_ms = LOG_SURVEY_EVERY_MS;
}

#include <stdlib.h>

#include "log/log_private.h"
#include "table/keys.h"

/* The first entry whose time is not below a given one.  Times never go back from one entry to the
 * next, so halving works: over what is in memory here, over the filed rows on a worker. */

struct seek_job {
    struct work work;
    struct log *log;
    struct table *table;
    struct log_seek *req;
    struct defer end;
    uint64_t low, high; /* filed entries to look at; the answer is high + 1 when all are older */
    uint64_t time_ms, group;
    uint64_t cuts;
    uint64_t index;
    enum err err;
};

static void start(struct seek_job *job);
static void seek_run(struct work *work);
static void seek_done(struct work *work);
static void end_soon(struct seek_job *job, enum err err);
static void seek_on_end(struct defer *defer);

void log_seek(struct log *log, struct log_seek *req, log_seek_cb cb)
{
    struct seek_job *job = log_memory(1, sizeof(*job));

    *job = (struct seek_job){
        .log = log,
        .table = log->world.table,
        .req = req,
        .group = req->group,
        .time_ms = req->time_ms,
    };
    req->reason = (struct reason){ 0 };
    req->cb = cb;
    req->job = job;
    log->active++;
    start(job);
}

/* Of `low` .. `high`, all in memory; high + 1 when all are older. */
static uint64_t seek_memory(const struct group *group, uint64_t low, uint64_t high,
                            uint64_t time_ms)
{
    uint64_t end = high + 1;

    while (low < end) {
        uint64_t middle = low + (end - low) / 2;
        const struct place *place = index_find(group, middle, NULL);
        if (place->time_ms < time_ms)
            low = middle + 1;
        else
            end = middle;
    }
    return low;
}

static void start(struct seek_job *job)
{
    const struct log_seek *req = job->req;
    const struct group *group = group_find(job->log, req->group);
    enum err err = ERR_OK;

    if (group == NULL || req->first > group->state.last)
        err = ERR_NOT_FOUND;
    else if (req->first < group->state.first)
        err = ERR_TRIMMED;
    if (err != ERR_OK) {
        end_soon(job, err);
        return;
    }

    uint64_t last = req->last < group->state.last ? req->last : group->state.last;
    uint64_t memory = index_first(group);
    if (memory < req->first)
        memory = req->first;
    job->index = last + 1;
    if (memory <= last)
        job->index = seek_memory(group, memory, last, req->time_ms);
    if (memory == req->first || (memory <= last && job->index > memory)) {
        end_soon(job, ERR_OK);
        return;
    }
    job->low = req->first;
    job->high = (memory <= last ? memory : last + 1) - 1;
    job->cuts = job->log->cuts;
    work_start(job->log->world.work, &job->work, seek_run, seek_done);
}

static uint64_t seek_row(const struct index_row *row, uint64_t time_ms)
{
    uint32_t low = 0, high = row->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (row->places[middle].time_ms < time_ms)
            low = middle + 1;
        else
            high = middle;
    }
    return row->first + low;
}

static void seek_run(struct work *work)
{
    struct seek_job *job = container_of(work, struct seek_job, work);
    uint64_t low = job->low, end = job->high + 1;

    while (low < end && job->err == ERR_OK) {
        uint64_t middle = low + (end - low) / 2;
        struct index_row row;
        job->err = row_find(job->table, job->group, middle, &row, &job->req->reason);
        if (job->err != ERR_OK)
            break;
        uint64_t found = seek_row(&row, job->time_ms);
        if (found == row.first)
            end = found < low ? low : found;
        else if (found == row.first + row.count)
            low = found > end ? end : found;
        else
            low = end = found < low ? low : found > end ? end : found;
        index_row_fini(&row);
    }
    job->index = low;
}

static void seek_done(struct work *work)
{
    struct seek_job *job = container_of(work, struct seek_job, work);

    if (job->cuts != job->log->cuts) {
        job->err = ERR_OK;
        start(job); /* rows changed meanwhile */
        return;
    }
    if (job->err == ERR_NOT_FOUND) {
        const struct group *group = group_find(job->log, job->group);
        bool trimmed = group == NULL || job->low < group->state.first;
        job->err = trimmed ? ERR_TRIMMED : ERR_CORRUPT;
    }
    end_soon(job, job->err);
}

static void end_soon(struct seek_job *job, enum err err)
{
    job->err = err;
    defer_run(job->log->world.clock, &job->end, seek_on_end);
}

static void seek_on_end(struct defer *defer)
{
    struct seek_job *job = container_of(defer, struct seek_job, end);
    struct log *log = job->log;
    struct log_seek *req = job->req;
    enum err err = job->err;

    if (err == ERR_OK)
        req->index = job->index;
    free(job);
    req->job = NULL;
    log->active--;
    req->cb(req, err);
    log_close_kick(log);
}

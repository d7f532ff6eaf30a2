#include "base/mutant.h"
#include "catalog/catalog_private.h"
#include "catalog/model_image.h"
#include "catalog/version.h"
#include "table/keys.h"

#include <stdlib.h>

/* One writing of the image, on a worker; it touches nothing but this. */
struct keep_job {
    struct work work;
    struct catalog *catalog;
    struct table *table;
    struct table_batch *batch;
    struct buf *image;
    struct buf *relic; /* that goes with it; NULL: none */
    uint64_t index, term, time_ms;
    bool surely;    /* when it fails it must be known whether it is there, if that can be known */
    bool untouched; /* it failed, and nothing was written */
    enum err err;
    struct reason reason;
};

static void on_timer(struct timer *timer);
static void write_image(struct catalog *catalog, const struct model *model, bool surely);
static void write_run(struct work *work);
static void write_done(struct work *work);
static void put_off(struct catalog *catalog);
static void fail(struct catalog *catalog, struct keep_job *job);
static void job_free(struct keep_job *job);

enum err keep_open(struct catalog *catalog, struct reason *reason)
{
    struct key key = key_image(CATALOG_GROUP);
    struct model *model = NULL;
    AUTO_UNREF struct buf *image = NULL;
    enum err err = table_get(catalog->world.table, TABLE_IMAGE, key_slice(&key), &image, reason);

    if (err == ERR_NOT_FOUND)
        return ERR_OK;
    if (err == ERR_OK)
        err = model_image_unpack(buf_slice(image), &model, reason);
    if (err != ERR_OK)
        return err;
    model_free(catalog->model);
    catalog->model = model;
    model->knows = catalog->world.knows;
    if (version_is_beyond(model, reason))
        return ERR_VERSION;
    catalog->keep.saved = model->index;
    catalog->keep.saved_term = model->term;
    catalog->keep.saved_time_ms = model->time_ms;
    catalog_changed(catalog);
    return ERR_OK;
}

/* Another model is on its way to the disk, or what the present one came for is. */
static bool is_held(const struct catalog *catalog)
{
    return catalog->rescue != NULL || catalog->relic_job != NULL;
}

void keep_changed(struct catalog *catalog)
{
    struct keep *keep = &catalog->keep;
    uint64_t behind = catalog->model->index - keep->saved;

    if (catalog->closing || keep->writing || is_held(catalog) ||
        catalog->model->index <= keep->saved)
        return;
    if (behind >= CATALOG_IMAGE_CHANGES_MAX && keep->pause_ms == 0)
        write_image(catalog, catalog->model, false);
    else if (!timer_running(&keep->timer))
        timer_start(catalog->world.clock, &keep->timer, CATALOG_IMAGE_EVERY_MS, on_timer);
}

void keep_now(struct catalog *catalog)
{
    const struct keep *keep = &catalog->keep;

    if (!catalog->closing && !keep->writing && !is_held(catalog) && keep->pause_ms == 0 &&
        catalog->model->index > keep->saved)
        write_image(catalog, catalog->model, false);
}

void keep_close(struct catalog *catalog)
{
    timer_stop(&catalog->keep.timer);
}

static void on_timer(struct timer *timer)
{
    struct catalog *catalog = container_of(timer, struct catalog, keep.timer);

    if (!catalog->keep.writing && !is_held(catalog) &&
        catalog->model->index > catalog->keep.saved)
        write_image(catalog, catalog->model, false);
}

bool keep_write(struct catalog *catalog, const struct model *model)
{
    write_image(catalog, model, true);
    return catalog->keep.writing;
}

static void write_image(struct catalog *catalog, const struct model *model, bool surely)
{
    struct key key = key_image(CATALOG_GROUP);
    struct keep_job *job = model_memory(1, sizeof(*job));

    timer_stop(&catalog->keep.timer);
    job->catalog = catalog;
    job->table = catalog->world.table;
    job->index = model->index;
    job->term = model->term;
    job->time_ms = model->time_ms;
    job->surely = surely;
    job->batch = table_batch_new();
    job->image = model_image_pack(model);
    if (job->batch == NULL || job->image == NULL) {
        job_free(job);
        timer_start(catalog->world.clock, &catalog->keep.timer, CATALOG_IMAGE_EVERY_MS, on_timer);
        return;
    }
    table_batch_put(job->batch, TABLE_IMAGE, key_slice(&key), buf_slice(job->image));
    job->relic = relic_put(catalog, job->batch);
    catalog->keep.writing = true;
    catalog->busy++;
    work_start(catalog->world.work, &job->work, write_run, write_done);
}

static void write_run(struct work *work)
{
    struct keep_job *job = container_of(work, struct keep_job, work);

    if (job->surely)
        job->err = table_room(job->table, job->batch, &job->reason);
    job->untouched = job->err != ERR_OK;
    if (!job->untouched)
        job->err = table_write(job->table, job->batch, !MUTANT(image_unsynced), &job->reason);
}

static void write_done(struct work *work)
{
    struct keep_job *job = container_of(work, struct keep_job, work);
    struct catalog *catalog = job->catalog;

    catalog->keep.writing = false;
    if (job->err == ERR_OK) {
        catalog->keep.saved = job->index;
        catalog->keep.saved_term = job->term;
        catalog->keep.saved_time_ms = job->time_ms;
        catalog->keep.pause_ms = 0;
        relic_written(catalog, job->relic);
    }
    if (rescue_written(catalog, job->err, job->untouched, &job->reason)) {
        /* it has gone on from there */
    } else if (job->err == ERR_OK) {
        keep_trim(catalog);
        catalog_changed(catalog);
    } else if (job->err == ERR_NO_SPACE) {
        put_off(catalog);
    } else {
        fail(catalog, job);
    }
    job_free(job);
    if (catalog->rescue != NULL)
        rescue_write(catalog);
    catalog_idle(catalog);
}

static void fail(struct catalog *catalog, struct keep_job *job)
{
    const struct catalog_world *world = &catalog->world;

    reason_wrap(&job->reason, "write the catalogue's image");
    if (job->err == ERR_CORRUPT && world->on_spoiled != NULL)
        world->on_spoiled(world->ctx, &job->reason);
    else if (world->on_failed != NULL)
        world->on_failed(world->ctx, &job->reason);
}

/* The image is a short cut: without it the log keeps its entries and a start applies them again. */
static void put_off(struct catalog *catalog)
{
    struct keep *keep = &catalog->keep;

    keep->pause_ms = keep->pause_ms == 0 ? CATALOG_IMAGE_EVERY_MS : keep->pause_ms * 2;
    if (keep->pause_ms > CATALOG_IMAGE_BACKOFF_MS_MAX)
        keep->pause_ms = CATALOG_IMAGE_BACKOFF_MS_MAX;
    if (!catalog->closing)
        timer_start(catalog->world.clock, &keep->timer, keep->pause_ms, on_timer);
}

static void job_free(struct keep_job *job)
{
    table_batch_free(job->batch);
    buf_unref(job->image);
    buf_unref(job->relic);
    free(job);
}

/* Entries that the image has, and that every other member has applied, are not read again but by
 * nodes outside the group: those get the image instead.  An entry that is kept keeps its whole
 * segment, so few are. */
void keep_trim(struct catalog *catalog)
{
    const struct log_state *state = NULL;
    uint64_t done = catalog->keep.saved < catalog->keep.kept ? catalog->keep.saved
                                                             : catalog->keep.kept;

    if (catalog->replica == NULL || catalog->closing)
        return;
    state = log_state(catalog->world.log, CATALOG_GROUP);
    if (MUTANT(trimmed_for_all))
        done = catalog->keep.saved;
    if (done > state->applied)
        done = state->applied;
    if (done <= CATALOG_LOG_KEPT || done - CATALOG_LOG_KEPT + 1 <= state->first)
        return;
    log_trim(catalog->world.log, CATALOG_GROUP, done - CATALOG_LOG_KEPT + 1);
}

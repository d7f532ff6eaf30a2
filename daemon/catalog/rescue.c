/* The catalogue goes on from this node's copy (resume.h), when an operator wants it.
 *
 *     closes the replica -> applies to a copy of the model what the log has behind it, as if all of
 *     it had been committed -> resume_model -> writes that image -> puts it in the model's place
 *
 * Until the image is durable nobody sees anything of it, and a start finds all as it was; from then
 * on a start finds an epoch that it has to begin (epoch.c), as after a SEAL. */
#include "catalog/catalog_private.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/ensure.h"
#include "catalog/model_image.h"
#include "catalog/resume.h"

struct rescue_job {
    struct catalog *catalog;
    struct catalog_rescue *req; /* NULL: nobody waits any more */
    struct catalog_copy copy;
    struct tail tail;    /* its model is what it becomes */
    bool ready;   /* the model is; it waits for an image that is being written */
    bool writing;
    struct defer begin;
};

static void begin(struct defer *defer);
static void on_tail(struct tail *tail, enum err err, const struct reason *reason);
static void resume(struct rescue_job *job);
static void job_end(struct rescue_job *job, enum err err, const struct reason *reason);

/* ---- what there is ---- */

bool catalog_copy(const struct catalog *catalog, struct catalog_copy *ret)
{
    const struct log_state *state = log_state(catalog->world.log, CATALOG_GROUP);
    const struct model *model = catalog->model;

    bool in_log = tail_extends(catalog, model);

    /* In the log alone, and not known committed, may be all of a young one. */
    if (catalog->closing ||
        (!model->founded && (!in_log || state->last == MODEL_START_INDEX)))
        return false;
    *ret = (struct catalog_copy){ .epoch = model->catalog.epoch == 0 ? 1 : model->catalog.epoch,
                                  .last = model->index,
                                  .last_term = model->term,
                                  .last_time_ms = model->time_ms,
                                  .committed = model->index,
                                  .same_kept = behind_keeps_retention(catalog),
                                  .leads = catalog_leads(catalog) };
    if (catalog->replica != NULL)
        ret->hears = replica_hears(catalog->replica);
    ret->member_count = catalog_members(catalog, ret->members);
    if (!in_log)
        return true;
    if (state->epoch > ret->epoch)
        ret->epoch = state->epoch;
    ret->last = state->last;
    ret->last_term = state->last_term;
    ret->last_time_ms = state->last_time_ms;
    return true;
}

static bool is_same(const struct catalog_copy *a, const struct catalog_copy *b)
{
    return a->epoch == b->epoch && a->last == b->last && a->last_term == b->last_term;
}

/* ---- going on from it ---- */

void catalog_rescue(struct catalog *catalog, struct catalog_rescue *req,
                    const struct catalog_copy *copy, catalog_rescue_cb cb)
{
    struct rescue_job *job = model_memory(1, sizeof(*job));

    ensure(catalog->rescue == NULL && !catalog->closing);
    *req = (struct catalog_rescue){ .cb = cb, .catalog = catalog };
    *job = (struct rescue_job){ .catalog = catalog, .req = req, .copy = *copy };
    catalog->rescue = job;
    catalog->busy++;
    follow_close(catalog);
    if (catalog->epoch.closing)
        return; /* rescue_closed() comes */
    if (catalog->replica != NULL)
        epoch_close_replica(catalog);
    else
        defer_run(catalog->world.clock, &job->begin, begin);
}

void catalog_rescue_cancel(struct catalog_rescue *req)
{
    if (req->catalog->rescue != NULL && req->catalog->rescue->req == req)
        req->catalog->rescue->req = NULL;
}

bool catalog_rescues(const struct catalog *catalog)
{
    return catalog->rescue != NULL;
}

void rescue_closed(struct catalog *catalog)
{
    defer_run(catalog->world.clock, &catalog->rescue->begin, begin);
}

static struct model *copied(const struct model *model, struct reason *reason)
{
    AUTO_UNREF struct buf *image = model_image_pack(model);
    struct model *copy = NULL;

    if (image == NULL || model_image_unpack(buf_slice(image), &copy, reason) != ERR_OK)
        return NULL;
    copy->knows = model->knows;
    return copy;
}

static void begin(struct defer *defer)
{
    struct rescue_job *job = container_of(defer, struct rescue_job, begin);
    struct reason reason = { .text = "no memory" };
    struct catalog_copy now;

    if (!catalog_copy(job->catalog, &now) || !is_same(&now, &job->copy)) {
        reason_set(&reason, "this node's copy of the catalogue is not as it was when it was looked "
                   "at: look again");
        job_end(job, ERR_CLOSED, &reason);
        return;
    }
    job->tail = (struct tail){ .catalog = job->catalog,
                               .model = copied(job->catalog->model, &reason),
                               .last = job->copy.last,
                               .done = on_tail };
    if (job->tail.model == NULL)
        job_end(job, ERR_NO_MEMORY, &reason);
    else
        tail_apply(&job->tail);
}

static void on_tail(struct tail *tail, enum err err, const struct reason *reason)
{
    struct rescue_job *job = container_of(tail, struct rescue_job, tail);

    if (err == ERR_OK && !job->catalog->closing)
        resume(job);
    else
        job_end(job, err == ERR_OK ? ERR_CLOSED : err, reason);
}

/* ---- it becomes the model ---- */

static void resume(struct rescue_job *job)
{
    struct catalog *catalog = job->catalog;
    struct reason reason = { .text = "" };
    struct resume wanted = { .token = random_id(catalog->world.random),
                             .survivor = catalog->node,
                             .epoch = job->copy.epoch,
                             .voters = job->copy.member_count };
    enum err err = resume_model(job->tail.model, &wanted, &reason);

    if (err != ERR_OK) {
        job_end(job, err, &reason);
        return;
    }
    job->ready = true;
    rescue_write(catalog);
}

void rescue_write(struct catalog *catalog)
{
    struct rescue_job *job = catalog->rescue;

    if (!job->ready || job->writing || catalog->keep.writing || catalog->closing)
        return;
    job->writing = true;
    if (!keep_write(catalog, job->tail.model)) {
        struct reason reason = { .text = "no memory" };
        job_end(job, ERR_NO_MEMORY, &reason);
    }
}

/* A full disk refuses the rescue.  Whether the image is there after an error in the midst of it
 * nobody knows: the next start finds out. */
bool rescue_written(struct catalog *catalog, enum err err, bool untouched, struct reason *reason)
{
    struct rescue_job *job = catalog->rescue;

    if (job == NULL || !job->writing)
        return false;
    if (err == ERR_OK && !catalog->closing) {
        struct model *model = job->tail.model;
        job->tail.model = NULL;
        catalog_replace(catalog, model);
        catalog->epoch.eager = true;
        note_event(catalog->world.note, NOTE_WARN, "catalog.rescued",
                   "epoch=%" PRIu32 " index=%" PRIu64 " from_index=%" PRIu64
                   " known_committed=%" PRIu64,
                   model->catalog.epoch, model->index, job->copy.last, job->copy.committed);
    } else if (err != ERR_OK && !untouched && catalog->world.on_failed != NULL) {
        reason_wrap(reason, "write the image of the rescued catalogue");
        catalog->world.on_failed(catalog->world.ctx, reason);
    }
    job_end(job, err, reason);
    return true;
}

/* The replica opens again, in the epoch that the model wants. */
static void job_end(struct rescue_job *job, enum err err, const struct reason *reason)
{
    struct catalog *catalog = job->catalog;
    struct catalog_rescue *req = job->req;

    catalog->rescue = NULL;
    model_free(job->tail.model);
    free(job);
    if (!catalog->closing) {
        follow_start(catalog);
        catalog_changed(catalog);
    }
    if (req != NULL) {
        req->reason = *reason;
        req->cb(req, err);
    }
    catalog_idle(catalog);
}

/* What waits for nothing that would come back by itself; a read or a write comes back. */
void rescue_close(struct catalog *catalog)
{
    struct rescue_job *job = catalog->rescue;
    struct reason reason = { .text = "this node is stopping" };

    if (job == NULL)
        return;
    if (job->ready && !job->writing)
        job_end(job, ERR_CLOSED, &reason);
}

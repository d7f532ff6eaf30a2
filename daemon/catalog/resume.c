#include "catalog/resume.h"

#include <string.h>

#include "base/mutant.h"
#include "catalog/version.h"

/* A shard's epochs between two rescues of the catalogue: a part of MODEL_RESCUE_EPOCHS for each. */
#define EPOCHS_LOST (UINT32_C(1) << 16)
_Static_assert((CATALOG_RESCUES_MAX + 1) * EPOCHS_LOST <= MODEL_RESCUE_EPOCHS,
              "no rescue of the catalogue is one of a shard");

static uint64_t raised(uint64_t number)
{
    if (MUTANT(ids_given_again))
        return number;
    return (number / MODEL_RESCUE_INDEX + 1) * MODEL_RESCUE_INDEX;
}

static void group_begin(struct model *model, const struct resume *resume)
{
    uint32_t epoch = model->catalog.epoch > resume->epoch ? model->catalog.epoch : resume->epoch;

    if (MUTANT(resumed_in_step))
        epoch++;
    else
        epoch = (epoch / MODEL_RESCUE_EPOCHS + 1) * MODEL_RESCUE_EPOCHS;
    model->catalog = (struct model_epoch){ .epoch = epoch,
                                           .index = model->index,
                                           .term = model->term,
                                           .members = { resume->survivor },
                                           .member_count = 1 };
    if (resume->voters > model->voters)
        model->voters = resume->voters;
}

static void shards_raise(struct model *model)
{
    for (uint32_t i = 0; i < model->stream_count; i++) {
        struct model_stream *stream = model->by_id[i];
        if (stream->status == STREAM_CREATING)
            stream->status = STREAM_ACTIVE;
        for (uint32_t k = 0; k < stream->shard_count; k++)
            stream->shards[k].epoch = (stream->shards[k].epoch / EPOCHS_LOST + 1) * EPOCHS_LOST;
    }
}

enum err resume_model(struct model *model, const struct resume *resume, struct reason *reason)
{
    if (!model->founded) {
        reason_set(reason, "this copy of the catalogue is empty");
        return ERR_INVALID;
    }
    if (model->resume_count == CATALOG_RESCUES_MAX) {
        reason_set(reason, "it was rescued %u times: copy what is left into a new cluster",
                   CATALOG_RESCUES_MAX);
        return ERR_BUSY;
    }
    if (model->knows < VERSION_RESUMES) {
        reason_set(reason, "a rescue of the catalogue needs cluster version %u, and this braidd "
                   "goes up to %u: take cluster-version-max out of its configuration, start it, "
                   "and ask again", VERSION_RESUMES, model->knows);
        return ERR_VERSION;
    }
    if (model->cluster_version < VERSION_RESUMES)
        model->cluster_version = VERSION_RESUMES; /* who knows less would delete lost groups */
    struct model_resume *row = &model->resumes[model->resume_count++];
    *row = (struct model_resume){ .token = resume->token,
                                  .survivor = resume->survivor,
                                  .index = model->index,
                                  .term = model->term,
                                  .group_first = model->next_group };
    if (MUTANT(resumed_in_step))
        model->index++;
    else
        model->index = (model->index / MODEL_RESCUE_INDEX + 1) * MODEL_RESCUE_INDEX;
    model->term += MODEL_RESCUE_EPOCHS;
    model->next_group = raised(model->next_group);
    model->next_stream = raised(model->next_stream);
    row->group_end = model->next_group;
    group_begin(model, resume);
    row->epoch = model->catalog.epoch;
    shards_raise(model);
    return ERR_OK;
}

enum resume_fate resume_fate(const struct model *model, uint64_t index)
{
    uint64_t history = index / MODEL_RESCUE_INDEX;

    if (history >= model->index / MODEL_RESCUE_INDEX)
        return model->index >= index ? FATE_THERE : FATE_AHEAD;
    if (history < model->resume_count && index > model->resumes[history].index)
        return FATE_LOST;
    return FATE_UNKNOWN;
}

bool resume_lacks(const struct model *model, uint64_t index, uint64_t term)
{
    uint64_t history = index / MODEL_RESCUE_INDEX;
    const struct model_resume *ended = &model->resumes[history];

    if (history >= model->resume_count)
        return false;
    return term > ended->term || (term == ended->term && index > ended->index);
}

/* Shards that have ended and are open in the catalogue, on its leader: the step that ended them was
 * begun by changes that a rescue of the catalogue has lost.  They take no records, and nothing is
 * under way that would open others in their place.
 *
 *     ACTIVE stream, open shard whose END some node has    it is split in the middle, as by
 *                                                          SplitShard; of one hash key: merged
 *                                                          with a neighbour
 *
 * While a step is under way its stream is UPDATING, and what was said meanwhile is said of shards
 * that are closed by the time it is ACTIVE. */
#include <inttypes.h>

#include "base/mutant.h"
#include "catalog/uniform.h"
#include "control/control_private.h"

/* The row of a group that has ended; NULL: that is as it should be. */
static const struct model_shard *stranded_row(const struct control *control, uint64_t group,
                                              const struct model_stream **stream)
{
    const struct model_shard *row =
        model_shard_by_group(catalog_model(control->catalog), group, stream);

    if (row == NULL || row->state != SHARD_OPEN || (*stream)->status != STREAM_ACTIVE ||
        MUTANT(stranded_left))
        return NULL;
    return row;
}

static const struct model_shard *own(const struct control *control,
                                     const struct model_stream **stream)
{
    const struct shard *shard = NULL;
    const struct model_shard *row = NULL;
    struct shard_ending ending;

    for (uint64_t after = 0; row == NULL && (shard = host_next(control, after)) != NULL;) {
        after = shard_group(shard);
        if (!shard_rests(shard) && shard_ended(shard, &ending))
            row = stranded_row(control, after, stream);
    }
    return row;
}

static const struct model_shard *others(const struct control *control,
                                        const struct model_stream **stream)
{
    const struct liveness *liveness = &control->liveness;
    const struct model_shard *row = NULL;

    for (uint32_t i = 0; i < liveness->count; i++) {
        const struct liveness_node *node = &liveness->nodes[i];
        for (size_t k = 0; row == NULL && node->told && k < node->word.ended_count; k++)
            if (control_health(control, node->id) == NODE_UP)
                row = stranded_row(control, node->word.ended[k], stream);
    }
    return row;
}

bool stranded_next(const struct control *control, const struct model_stream **stream,
                   struct reshard_step *step)
{
    const struct model_shard *row = own(control, stream);

    if (row == NULL)
        row = others(control, stream);
    if (row == NULL || !uniform_step_of(*stream, row, step))
        return false;
    note_event(control->world.note, NOTE_WARN, "reshard.taken_up",
               "group=%" PRIu64 " stream=%s shard=%" PRIu32
               " why=\"it has ended, and nothing is known of the split or merge that ended it, as "
               "after a rescue of the catalogue: others take its place\"",
               row->group, (*stream)->name, row->number);
    return true;
}

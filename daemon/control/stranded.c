/* Shards that have ended and are open in the catalogue, on its leader: the step that ended them was
 * begun by changes that a rescue of the catalogue has lost.  They take no records, and nothing is
 * under way that would open others in their place.
 *
 *     ACTIVE stream, open shard whose END some node has    it is split in the middle, as by
 *                                                          SplitShard; of one hash key: merged
 *                                                          with a neighbour
 *
 * Each comes to its turn, so that one that cannot be replaced, as for want of nodes, keeps no other
 * waiting.
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

/* A shard that can be replaced, with what it takes. */
struct stranded_one {
    const struct model_shard *row; /* NULL: none yet */
    const struct model_stream *stream;
    struct reshard_step step;
};

/* Of all behind `after` the first by its group. */
static void weigh(const struct control *control, uint64_t group, uint64_t after,
                  struct stranded_one *best)
{
    struct stranded_one one = { .row = NULL };

    if (group <= after || (best->row != NULL && group >= best->row->group))
        return;
    one.row = stranded_row(control, group, &one.stream);
    if (one.row != NULL && uniform_step_of(one.stream, one.row, &one.step))
        *best = one;
}

static void own(const struct control *control, uint64_t after, struct stranded_one *best)
{
    const struct shard *shard;
    struct shard_ending ending;

    for (uint64_t at = after; (shard = host_next(control, at)) != NULL;) {
        at = shard_group(shard);
        if (!shard_rests(shard) && shard_ended(shard, &ending))
            weigh(control, at, after, best);
    }
}

static void others(const struct control *control, uint64_t after, struct stranded_one *best)
{
    const struct liveness *liveness = &control->liveness;

    for (uint32_t i = 0; i < liveness->count; i++) {
        const struct liveness_node *node = &liveness->nodes[i];
        if (!node->told || control_health(control, node->id) != NODE_UP)
            continue;
        for (size_t k = 0; k < node->word.ended_count; k++)
            weigh(control, node->word.ended[k], after, best);
    }
}

bool stranded_next(struct control *control, const struct model_stream **stream,
                   struct reshard_step *step)
{
    struct stranded *stranded = &control->reshard.stranded;
    struct stranded_one one = { .row = NULL };

    own(control, stranded->turn, &one);
    others(control, stranded->turn, &one);
    if (one.row == NULL && stranded->turn != 0) { /* from the first again */
        own(control, 0, &one);
        others(control, 0, &one);
    }
    if (one.row == NULL)
        return false;
    stranded->turn = one.row->group;
    *stream = one.stream;
    *step = one.step;
    return true;
}

void stranded_done(struct control *control, enum err err, const struct reason *reason)
{
    struct stranded *stranded = &control->reshard.stranded;
    const struct model_stream *stream = NULL;
    const struct model_shard *row =
        model_shard_by_group(catalog_model(control->catalog), stranded->turn, &stream);

    if (row == NULL)
        return; /* the stream was deleted meanwhile */
    if (err == ERR_OK) {
        stranded->said = 0;
        note_event(control->world.note, NOTE_WARN, "reshard.taken_up",
                   "group=%" PRIu64 " stream=%s shard=%" PRIu32
                   " why=\"it has ended, and nothing is known of the split or merge that ended it, "
                   "as after a rescue of the catalogue: others take its place\"",
                   row->group, stream->name, row->number);
    } else if (stranded->turn > stranded->said) {
        stranded->said = stranded->turn;
        note_event(control->world.note, NOTE_WARN, "reshard.not_taken_up",
                   "group=%" PRIu64 " stream=%s shard=%" PRIu32 " err=%s reason=%s"
                   " why=\"it has ended and takes no records, and others cannot take its place: "
                   "tried again until they can; see the reason\"",
                   row->group, stream->name, row->number, err_name(err),
                   NOTE_QUOTED(reason->text));
    }
}

/* resume.h - the catalogue goes on from one node's copy of it, because its majority is lost: what
 * becomes of the model.
 *
 * It cannot be a change in the catalogue's log: nobody can agree on one.  What the lost members had
 * given behind the survivor's last entry must never be given again, by whomever:
 *
 *     index          the next multiple of MODEL_RESCUE_INDEX: every model of the new history is
 *                    newer than every one of the old
 *     epoch, term    of the catalogue's own group: another history, as of a shard; a higher term
 *     ids            of streams and groups: behind a range that is noted (model_group_lost)
 *     shards         their next epoch is of a range of its own: the lost members may have wanted
 *                    others.  The group's leader goes there, with the members that the row has
 *
 * A stream in CREATING may have become ACTIVE and hold records: it counts as ACTIVE.
 *
 * Pure; who writes it and acts on it is rescue.c.
 */
#ifndef CATALOG_RESUME_H
#define CATALOG_RESUME_H

#include "base/err.h"
#include "catalog/model_private.h"

struct resume {
    uint64_t token;    /* by chance, not 0 */
    uint64_t survivor; /* the only member at first */
    uint32_t epoch;    /* the newest one of the catalogue's group that the survivor knows of */
    uint32_t voters;   /* members in it: the group grows to as many again */
};

/* `model` is as of the survivor's last entry.
 * ERR_INVALID  it is not founded
 * ERR_BUSY     it was rescued CATALOG_RESCUES_MAX times */
MUST_CHECK enum err resume_model(struct model *model, const struct resume *resume,
                                 struct reason *reason);

#endif

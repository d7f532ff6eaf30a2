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
 * ERR_BUSY     it was rescued CATALOG_RESCUES_MAX times
 * ERR_VERSION  this process may not go as far as the version that a rescue needs */
MUST_CHECK enum err resume_model(struct model *model, const struct resume *resume,
                                 struct reason *reason);

/* An entry that a leader has applied at `index`, as far as `model` can tell: indices of two
 * histories have nothing in common but what the survivor of the rescue had. */
enum resume_fate {
    FATE_AHEAD,   /* the model has not got so far */
    FATE_THERE,   /* it is in the model */
    FATE_LOST,    /* the survivor had not got so far: nobody has it */
    FATE_UNKNOWN  /* the survivor had an entry of this index, maybe another one */
};
enum resume_fate resume_fate(const struct model *model, uint64_t index);

/* Whether a copy of an earlier history that ends at (index, term) has something that the survivor
 * of the rescue that ended it had not.  What it has of lower terms only was never committed. */
bool resume_lacks(const struct model *model, uint64_t index, uint64_t term);

#endif

/* apply.h - one change of the catalogue, applied to the model.
 *
 * Deterministic: the same change on the same model gives the same model and the
 * same answer on every node, whatever its clock, its chance or its memory.  So
 * nothing here asks for anything but the change and the model.
 */
#ifndef CATALOG_APPLY_H
#define CATALOG_APPLY_H

#include "base/err.h"
#include "catalog/model_private.h"
#include "replica/seal.h"

/* Applies the entry at `index`, which follows the model's.  `change` is empty for entries that
 * change nothing (barriers).  The answer is for whoever proposed it; the model has moved to
 * `index`, unless it is beyond what this process knows (version_is_beyond()).
 * ERR_OK, ERR_EXISTS, ERR_NOT_FOUND, ERR_INVALID, ERR_BUSY (a named maximum), ERR_CLOSED,
 * ERR_VERSION */
MUST_CHECK enum err apply_change(struct model *model, uint64_t index, uint64_t term,
                                 struct slice change, struct reason *reason);

/* The entry at `index`, which follows the model's, ends an epoch of the catalogue's own group. */
void apply_seal(struct model *model, uint64_t index, uint64_t term, const struct seal *seal);

#endif

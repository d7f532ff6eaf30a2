/* apply_rescue.h - a shard goes on from one survivor, because its majority is lost: RescueShard.
 *
 *     row e, members {A, B, C}    RescueShard e, survivor A at (index, term)
 *         -> the row says the first epoch of the next history, {A}, and that B and C are aside
 *         -> A begins that epoch behind its entry (control/rescue.h)
 *
 * An epoch's history is its quotient by MODEL_RESCUE_EPOCHS: whatever epochs the others have formed
 * meanwhile, no number of theirs is used again.  Nodes in `aside` never get the group again; who
 * answered that it has nothing may, also one that the row names.
 *
 * Deterministic, as all of apply.h.
 */
#ifndef CATALOG_APPLY_RESCUE_H
#define CATALOG_APPLY_RESCUE_H

#include "base/err.h"
#include "catalog.pb-c.h"
#include "catalog/model_private.h"

/* Errors as change_rescue_shard(). */
MUST_CHECK enum err apply_rescue(struct model *model, const Braid__Catalog__RescueShard *rescue,
                                 struct reason *reason);

#endif

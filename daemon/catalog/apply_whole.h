/* apply_whole.h - all members of a shard's epoch have all of it: WholeShards.
 *
 *     row e, members {A, B, D}    WholeShards e
 *         -> the row says that it is whole; C, which had a place before, lets its copy go
 *            (control/copies.h)
 *
 * Of a shard that is closed, and whose END each member has too, the change may say so: then its
 * group rests (docs/flows/reshard.md).
 *
 * Each row is judged alone: what was said in one epoch says nothing of the members of the next.
 *
 * Deterministic, as all of apply.h.
 */
#ifndef CATALOG_APPLY_WHOLE_H
#define CATALOG_APPLY_WHOLE_H

#include "base/err.h"
#include "catalog.pb-c.h"
#include "catalog/model_private.h"

/* Errors as change_whole_shards(). */
MUST_CHECK enum err apply_whole(struct model *model, const Braid__Catalog__WholeShards *set,
                                struct reason *reason);

#endif

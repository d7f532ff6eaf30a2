/* apply_reshard.h - the hash keys of a stream go to other shards.
 *
 *     BeginReshard    children are made, OPENING; the stream is UPDATING
 *     CommitReshard   parents that have ended close, their children open: at once, so that at any
 *                     moment the open shards hold every hash key once.  The stream is ACTIVE again
 *                     when nothing is left to be done.
 *     ForgetShards    closed shards whose retention has passed go
 *
 * Between the first two control/reshard goes on, whoever leads the catalogue by then: the rows say
 * all that it must know.  The flow: docs/flows/reshard.md.
 *
 * Deterministic, as all of apply.h.
 */
#ifndef CATALOG_APPLY_RESHARD_H
#define CATALOG_APPLY_RESHARD_H

#include "base/err.h"
#include "catalog.pb-c.h"
#include "catalog/model.h"

/* One of the three.  Errors as their builders' (change_reshard.h). */
MUST_CHECK enum err apply_reshard(struct model *model, const Braid__Catalog__Change *change,
                                  struct reason *reason);

#endif

/* apply_version.h - the gate: what a change needs of the cluster version, and raising that.
 *
 * Twice: the leader proposes nothing that is not allowed yet, and whoever applies takes it as an
 * older build would.  So the models are the same even when one of the two is wrong.
 *
 * Deterministic, as all of apply.h, among those that know the change.
 */
#ifndef CATALOG_APPLY_VERSION_H
#define CATALOG_APPLY_VERSION_H

#include "base/err.h"
#include "catalog.pb-c.h"
#include "catalog/version.h"

/* The first version that has this kind of change; of one with fields that this build does not know,
 * a later one than any. */
uint32_t version_of(const Braid__Catalog__Change *change);

/* On the leader, before it proposes.  ERR_VERSION. */
MUST_CHECK enum err version_check(const struct model *model, const Braid__Catalog__Change *change,
                                  struct reason *reason);

/* When it is applied: whether it may have a meaning now. */
bool version_holds(const struct model *model, const Braid__Catalog__Change *change,
                   struct reason *reason);

/* What a row that a node writes of itself says of its version.  ERR_VERSION: it knows less than the
 * cluster's. */
MUST_CHECK enum err version_node(const struct model *model, struct model_node *node,
                                 struct reason *reason);

/* Errors as change_raise_version(). */
MUST_CHECK enum err apply_raise(struct model *model, const Braid__Catalog__RaiseVersion *raise,
                                struct reason *reason);

#endif

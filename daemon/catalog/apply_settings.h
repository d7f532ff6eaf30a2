/* apply_settings.h - applies the changes of change_settings.h and change_account.h; errors are
 * there.
 *
 * Deterministic, as all of apply.h.
 */
#ifndef CATALOG_APPLY_SETTINGS_H
#define CATALOG_APPLY_SETTINGS_H

#include "base/err.h"
#include "catalog.pb-c.h"
#include "catalog/model_private.h"

MUST_CHECK enum err apply_set_stream(struct model *model, const Braid__Catalog__SetStream *set,
                                     struct reason *reason);

MUST_CHECK enum err apply_set_account(struct model *model, const Braid__Catalog__SetAccount *set,
                                      struct reason *reason);

/* change_set_balancing() of change.h. */
void apply_set_balancing(struct model *model, const Braid__Catalog__Change *change);

#endif

/* apply_consumers.h - applies the changes of change_consumers.h; errors are there.
 *
 * Deterministic, as all of apply.h.
 */
#ifndef CATALOG_APPLY_CONSUMERS_H
#define CATALOG_APPLY_CONSUMERS_H

#include "base/err.h"
#include "catalog.pb-c.h"
#include "catalog/model_private.h"

MUST_CHECK enum err apply_register_consumer(struct model *model,
                                            const Braid__Catalog__Change *change,
                                            struct reason *reason);
MUST_CHECK enum err apply_deregister_consumer(struct model *model,
                                              const Braid__Catalog__DeregisterConsumer *row,
                                              struct reason *reason);
MUST_CHECK enum err apply_set_consumer(struct model *model,
                                       const Braid__Catalog__SetConsumer *row,
                                       struct reason *reason);

#endif

/* model_image.h - the whole model as bytes (proto/catalog.proto, Image; docs/formats/catalogue.md).
 *
 * A node keeps one in its table, so that a restart need not read the catalogue's
 * log from its beginning, and sends one to nodes that are further behind than
 * the log goes back.
 */
#ifndef CATALOG_MODEL_IMAGE_H
#define CATALOG_MODEL_IMAGE_H

#include "base/buf.h"
#include "base/err.h"
#include "catalog/model_private.h"

/* One reference.  NULL when there is no memory. */
struct buf *model_image_pack(const struct model *model);

/* A new model, the caller's to free.  ERR_CORRUPT: the bytes are no image, or break a rule. */
MUST_CHECK enum err model_image_unpack(struct slice bytes, struct model **ret,
                                       struct reason *reason);

#endif

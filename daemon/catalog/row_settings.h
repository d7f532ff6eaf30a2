/* row_settings.h - what can be set of a stream <-> its message of proto/catalog.proto.
 *
 * As row.h: reading checks everything, writing borrows the model's texts.
 */
#ifndef CATALOG_ROW_SETTINGS_H
#define CATALOG_ROW_SETTINGS_H

#include "catalog/row.h"

/* `*ret` is the caller's, to model_settings_free(); NULL of NULL.  ERR_INVALID. */
MUST_CHECK enum err row_settings_read(const Braid__Catalog__Settings *row,
                                      struct model_settings **ret, struct reason *reason);

/* Likewise, of `count` rows; to model_tags_free(). */
MUST_CHECK enum err row_tags_read(Braid__Catalog__Tag *const rows[], size_t count,
                                  struct model_tag **ret, struct reason *reason);

/* NULL of an empty one; else to free().  At most POLICY_BYTES_MAX. */
char *row_policy_read(const char *policy);

/* As rows have it, "" for NULL: protobuf-c has no const in its structs and never writes to what it
 * packs. */
char *row_text(const char *text);

/* Into the arena.  False, NULL: there is no room. */
bool row_settings_write(struct arena *arena, const struct model_settings *settings,
                        Braid__Catalog__Settings **ret);
Braid__Catalog__Tag **row_tags_write(struct arena *arena, const struct model_tag *tags,
                                     uint32_t count);

/* All numbers are good ones. */
struct model_commitment row_account_read(const Braid__Catalog__Account *row);
Braid__Catalog__Account row_account_write(const struct model_commitment *commitment);

#endif

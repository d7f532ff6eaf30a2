/* row_consumers.h - a stream's consumers <-> their messages; as row.h. */
#ifndef CATALOG_ROW_CONSUMERS_H
#define CATALOG_ROW_CONSUMERS_H

#include "catalog/row.h"

/* AWS's rule: 1 to 128 of letters, digits, '_', '.' and '-'. */
bool row_name_legal(const char *name);

/* Into the stream, which has none.  ERR_INVALID. */
MUST_CHECK enum err row_consumers_read(const Braid__Catalog__Stream *row,
                                       struct model_stream *stream, struct reason *reason);

/* False: there is no room. */
MUST_CHECK bool row_consumers_write(struct arena *arena, const struct model_stream *stream,
                                    Braid__Catalog__Stream *row);

#endif

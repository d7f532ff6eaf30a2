/* keymap.h - which shard of a stream holds a hash key.
 *
 * At any moment the open shards hold every hash key once: no gap, no overlap.  A
 * reshard changes that in one step (apply_reshard.h), and the map is made anew.
 *
 *     shards   0 CLOSED   1 open [8..f]   2 open [0..3]   3 open [4..7]   4 OPENING
 *     map      2, 3, 1
 *
 * For model.c and those who change it; everybody else asks model_shard_by_hash().
 */
#ifndef CATALOG_KEYMAP_H
#define CATALOG_KEYMAP_H

#include <stdbool.h>

#include "catalog/model.h"

/* Makes stream->open from its shards.  False, and nothing was changed: the open ones leave a gap,
 * or two hold one key. */
bool keymap_make(struct model_stream *stream);

/* Whether the open shards hold every hash key once, and the map says so. */
bool keymap_is_whole(const struct model_stream *stream);

#endif

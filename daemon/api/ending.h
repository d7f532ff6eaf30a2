/* ending.h - whether a reader has read a shard to its end, and where it reads on. */
#ifndef API_ENDING_H
#define API_ENDING_H

#include "base/arena.h"
#include "catalog/model.h"
#include "shard/cursor.h"
#include "wire/shapes.h"

/* Nothing will ever come behind `next`.  A shard that has ended, but whose children are not open
 * yet, is to readers one that nobody has written to for a while. */
bool ending_reached(const struct model_shard *shard, struct position next);

/* The shards that hold the keys of one that is closed.  Texts are in the arena; false: it is
 * full. */
bool ending_children(const struct model_stream *stream, const struct model_shard *shard,
                     struct arena *arena, struct child_shard_out_list *ret);

#endif

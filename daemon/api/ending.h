/* ending.h - whether a reader has read a shard to its end, and where it reads on. */
#ifndef API_ENDING_H
#define API_ENDING_H

#include "base/arena.h"
#include "catalog/model.h"
#include "shard/cursor.h"
#include "wire/shapes.h"

/* True: nothing will ever come behind `next`, and `*ret` are the shards that hold its keys now.
 * Texts are in the arena; without room in it the answer is false, and the reader asks again. */
bool ending_children(const struct model_stream *stream, const struct model_shard *shard,
                     struct position next, struct arena *arena, struct child_shard_out_list *ret);

#endif

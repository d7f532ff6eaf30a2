/* beginning.h - where a reader of a shard begins: what GetShardIterator and SubscribeToShard share.
 *
 * For the files of this folder only.
 */
#ifndef API_BEGINNING_H
#define API_BEGINNING_H

#include "api/handler.h"

/* The shard of that name, which can be read; `stream` may be NULL.  NULL: there is none, and the
 * request has failed. */
const struct model_shard *beginning_shard(struct request *request, struct slice stream_name,
                                          const struct model_stream *stream,
                                          struct slice shard_id);

/* `type`: WIRE_ITERATOR_... */
enum locate_type beginning_type(int type);

/* AT_TIMESTAMP.  False: it lies ahead, the request has failed. */
bool beginning_time(struct request *request, int64_t timestamp_ms, struct route_locate *locate);

/* Nobody could say where it is. */
void beginning_fail(struct request *request, enum err err, const struct route_locate *locate,
                    struct slice stream_name, uint32_t shard);

#endif

/* calls.h - how often the operations may be called: AWS's rates, as the limits say.
 *
 * Each node counts what it answers.  For the files of this folder only.
 */
#ifndef API_CALLS_H
#define API_CALLS_H

#include "api/handler.h"

/* Of operations that are counted for the account; all others pass.  False: the request has failed,
 * return at once. */
bool calls_allow(struct request *request);

/* Of those that are counted for a stream.  Once in a request, however often its handler runs. */
bool calls_allow_of_stream(struct request *request, const struct model_stream *stream,
                           enum limit limit);

/* GetShardIterator, counted for a shard. */
bool calls_allow_of_shard(struct request *request, const struct model_stream *stream,
                          const struct model_shard *shard);

#endif

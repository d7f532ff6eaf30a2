/* name.h - how AWS writes the names of streams and shards.
 *
 *     arn:aws:kinesis:us-east-1:000000000000:stream/clicks
 *     shardId-000000000017
 *
 * An engine: text to values and back.
 */
#ifndef API_NAME_H
#define API_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

#define SHARD_NUMBER_MAX 2147483647u
#define SHARD_NAME_BYTES 24u /* "shardId-", twelve digits, an end mark */

/* Returns `text`. */
char *shard_name_print(uint32_t number, char text[SHARD_NAME_BYTES]);

/* As lenient as AWS: what follows the first '-', or all of it, must be a number; so "shard-0" and
 * "0" mean shard 0.  False: it is none, or over SHARD_NUMBER_MAX. */
bool shard_name_parse(struct slice text, uint32_t *number);

/* In the arena; empty when it is full. */
struct slice stream_arn_print(struct arena *arena, const char *region, const char *account,
                              struct slice name);

/* The name of the stream: what follows ":stream/".  False: not a stream's ARN. */
bool stream_arn_parse(struct slice arn, struct slice *name);

/* Of "...:stream/{stream}/consumer/{name}:{second in which it was created}".  False: it is none. */
bool consumer_arn_parse(struct slice arn, struct slice *stream, struct slice *name,
                        uint64_t *created_s);

#endif

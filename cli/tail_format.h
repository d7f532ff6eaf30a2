/* tail_format.h - a record of GetRecords as a line of text.  Pure functions. */
#ifndef CLI_TAIL_FORMAT_H
#define CLI_TAIL_FORMAT_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

/* The record's data and a new line.  ERR_CORRUPT: its Data is not base64.  ERR_NO_MEMORY. */
MUST_CHECK enum err tail_format_data(const json_t *record, FILE *out);

/* One JSON object on a line: ShardId, SequenceNumber, PartitionKey, ApproximateArrivalTimestamp,
 * and Data as text, or DataBase64 when it is not UTF-8.  Errors as above. */
MUST_CHECK enum err tail_format_json(const json_t *record, const char *shard, FILE *out);

/* A moment as people say it: "1767225600.5" (seconds since the epoch), "90s", "10m", "2h", "3d"
 * (so long before `now_ms`).  ERR_INVALID. */
MUST_CHECK enum err tail_format_since(const char *text, uint64_t now_ms, uint64_t *ret_ms);

#endif

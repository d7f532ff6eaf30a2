/* shard_filter.h - which shards ListShards lists: pure functions.
 *
 * Times are moved into what readers can see: nothing is older than the horizon
 * (retention) nor than the stream itself, so that a filter "at" any time in the
 * past covers all hash keys, which the KCL insists on.
 */
#ifndef API_SHARD_FILTER_H
#define API_SHARD_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "catalog/model.h"

/* Fixed numbers: they travel in page tokens. */
enum shard_filter_type {
    FILTER_FROM_TRIM_HORIZON = 0, /* all within retention; what no filter means */
    FILTER_AT_TRIM_HORIZON = 1,
    FILTER_AT_LATEST = 2,
    FILTER_AT_TIMESTAMP = 3,
    FILTER_FROM_TIMESTAMP = 4,
    FILTER_AFTER_SHARD_ID = 5,
    FILTER_TYPES
};

struct shard_filter {
    enum shard_filter_type type;
    uint32_t after;   /* FILTER_AFTER_SHARD_ID */
    uint64_t time_ms; /* FILTER_..._TIMESTAMP */
};

/* Whether a shard of the stream passes.  None does that is closed for longer than retention by the
 * clock of readers, `hidden_ms` (control_reading_ms()), or that has not taken its parents' place
 * yet.  0: nothing is too old. */
bool shard_filter_passes(const struct shard_filter *filter, const struct model_stream *stream,
                         const struct model_shard *shard, uint64_t hidden_ms);

/* The place of the first shard whose number is > `after`; the count when there is none. */
uint32_t shards_after(const struct model_stream *stream, uint32_t after);

#endif

/* scale.h - an engine: how many shards a stream in ON_DEMAND mode is to have.
 *
 * AWS's rule: a shard whose average use reaches half of what a shard takes is split, so that the
 * stream takes twice what it takes now; shards that had little to do for long are merged.  Each
 * leader measures its shards; the catalogue's leader adds what all leaders say.
 *
 *     use of a minute >= SCALE_HOT_PERMILLE       hot: split
 *     below SCALE_BUSY_PERMILLE for `quiet_ms`    quiet: merged with a neighbour that is quiet too
 *
 * Two that are merged use less than what makes one hot.  A new leader has measured nothing yet.
 */
#ifndef CONTROL_SCALE_H
#define CONTROL_SCALE_H

#include <stdbool.h>
#include <stdint.h>

#include "catalog/change_reshard.h"
#include "catalog/model.h"

#define SCALE_HOT_PERMILLE 500u  /* of what a shard takes */
#define SCALE_BUSY_PERMILLE 250u /* half of it, so that two of them are not hot */

struct scale_rule {
    uint64_t window_ms; /* of one measurement */
    uint64_t quiet_ms;
    uint32_t bytes_per_s, records_per_s; /* that a shard takes */
};

enum scale_word { SCALE_STAYS, SCALE_HOT, SCALE_QUIET };

/* What is known of one shard. */
struct scale_load {
    uint64_t group;
    uint64_t bytes, records; /* counted when the window began */
    uint64_t began_ms;
    uint64_t busy_ms; /* it was busy then, or was not measured before */
    enum scale_word word;
};

/* `bytes` and `records` since its leader counts. */
struct scale_load scale_begin(uint64_t group, uint64_t bytes, uint64_t records, uint64_t now_ms);
void scale_look(struct scale_load *load, const struct scale_rule *rule, uint64_t bytes,
                uint64_t records, uint64_t now_ms);

typedef enum scale_word (*scale_word_cb)(void *ctx, uint64_t group);

/* What is to be done, all at once; to free().  No more open shards than `most`, no fewer than
 * ON_DEMAND_SHARDS.  False: nothing. */
bool scale_steps(const struct model_stream *stream, scale_word_cb word, void *ctx, uint32_t most,
                 struct reshard_step **ret, uint32_t *count);

#endif

#include "control/scale.h"

#include <stdlib.h>

#include "base/mutant.h"

struct scale_load scale_begin(uint64_t group, uint64_t bytes, uint64_t records, uint64_t now_ms)
{
    return (struct scale_load){ .group = group,
                                .bytes = bytes,
                                .records = records,
                                .began_ms = now_ms,
                                .busy_ms = now_ms };
}

static uint64_t permille(uint64_t count, uint32_t per_s, uint64_t passed_ms)
{
    return count * 1000 / passed_ms * 1000 / per_s;
}

void scale_look(struct scale_load *load, const struct scale_rule *rule, uint64_t bytes,
                uint64_t records, uint64_t now_ms)
{
    uint64_t passed_ms = now_ms - load->began_ms, use, other;
    bool anew = bytes < load->bytes || records < load->records; /* it was closed and opened */

    if (passed_ms < rule->window_ms && !anew)
        return;
    if (!anew) {
        use = permille(bytes - load->bytes, rule->bytes_per_s, passed_ms);
        other = permille(records - load->records, rule->records_per_s, passed_ms);
        if (other > use && !MUTANT(scaled_by_bytes))
            use = other;
        if (use >= SCALE_BUSY_PERMILLE || MUTANT(never_quiet))
            load->busy_ms = now_ms;
        load->word = use >= SCALE_HOT_PERMILLE                  ? SCALE_HOT
                     : now_ms - load->busy_ms >= rule->quiet_ms ? SCALE_QUIET
                                                                : SCALE_STAYS;
    }
    load->bytes = bytes;
    load->records = records;
    load->began_ms = now_ms;
}

static const struct model_shard *open_at(const struct model_stream *stream, uint32_t at)
{
    return &stream->shards[stream->open[at]];
}

static uint32_t split_some(const struct model_stream *stream, scale_word_cb word, void *ctx,
                           uint32_t most, struct reshard_step steps[])
{
    uint32_t count = 0;

    if (MUTANT(scaled_beyond))
        most = STREAM_SHARDS_MAX;
    for (uint32_t i = 0; i < stream->open_count && stream->open_count + count < most; i++) {
        const struct model_shard *shard = open_at(stream, i);
        u128_bits half = (shard->hash_last.v - shard->hash_first.v) / 2;
        if (half == 0 || word(ctx, shard->group) != SCALE_HOT)
            continue;
        steps[count++] = (struct reshard_step){ .parents = { shard->number },
                                                .parent_count = 1,
                                                .middle = { .v = shard->hash_first.v + half + 1 } };
    }
    return count;
}

static uint32_t merge_some(const struct model_stream *stream, scale_word_cb word, void *ctx,
                           struct reshard_step steps[])
{
    uint32_t count = 0;

    for (uint32_t i = 1; i < stream->open_count && stream->open_count - count > ON_DEMAND_SHARDS;
         i++) {
        const struct model_shard *left = open_at(stream, i - 1), *right = open_at(stream, i);
        if (word(ctx, left->group) != SCALE_QUIET || word(ctx, right->group) != SCALE_QUIET)
            continue;
        steps[count++] = (struct reshard_step){ .parents = { left->number, right->number },
                                                .parent_count = 2 };
        i++; /* the right one is taken */
    }
    return count;
}

static bool any_hot(const struct model_stream *stream, scale_word_cb word, void *ctx)
{
    for (uint32_t i = 0; i < stream->open_count; i++)
        if (word(ctx, open_at(stream, i)->group) == SCALE_HOT)
            return true;
    return false;
}

bool scale_steps(const struct model_stream *stream, scale_word_cb word, void *ctx, uint32_t most,
                 struct reshard_step **ret, uint32_t *count)
{
    struct reshard_step *steps = calloc(stream->open_count + (size_t)1, sizeof(*steps));

    *ret = NULL;
    *count = 0;
    if (steps == NULL)
        return false; /* it is looked at again */
    *count = any_hot(stream, word, ctx) ? split_some(stream, word, ctx, most, steps)
                                        : merge_some(stream, word, ctx, steps);
    if (*count == 0) {
        free(steps);
        return false;
    }
    *ret = steps;
    return true;
}

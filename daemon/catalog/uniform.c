#include "catalog/uniform.h"

#include <stdlib.h>

#include "catalog/model_private.h"

static const struct model_shard *open_at(const struct model_stream *stream, uint32_t at)
{
    return &stream->shards[stream->open[at]];
}

static struct reshard_step split(const struct model_shard *shard)
{
    struct u128 half = { .v = (shard->hash_last.v - shard->hash_first.v) / 2 };

    return (struct reshard_step){
        .parents = { shard->number },
        .parent_count = 1,
        .middle = { .v = shard->hash_first.v + half.v + 1 },
    };
}

static bool has_one_key(const struct model_shard *shard)
{
    return shard->hash_last.v == shard->hash_first.v;
}

static uint32_t split_all(const struct model_stream *stream, struct reshard_step *steps)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < stream->open_count; i++)
        if (!has_one_key(open_at(stream, i)))
            steps[count++] = split(open_at(stream, i));
    return count;
}

bool uniform_step_of(const struct model_stream *stream, const struct model_shard *shard,
                     struct reshard_step *step)
{
    uint32_t at = 0;

    while (at < stream->open_count && open_at(stream, at) != shard)
        at++;
    if (at == stream->open_count || (has_one_key(shard) && stream->open_count < 2))
        return false;
    if (!has_one_key(shard)) {
        *step = split(shard);
        return true;
    }
    at -= at > 0; /* of the two neighbours the first */
    *step = (struct reshard_step){
        .parents = { open_at(stream, at)->number, open_at(stream, at + 1)->number },
        .parent_count = 2,
    };
    return true;
}

/* Two neighbours, the first of them at `at`. */
struct pair {
    u128_bits keys;
    uint32_t at;
};

static int by_keys(const void *a, const void *b)
{
    const struct pair *left = a, *right = b;

    if (left->keys != right->keys)
        return left->keys < right->keys ? -1 : 1;
    return left->at < right->at ? -1 : left->at > right->at;
}

static uint32_t merge_some(const struct model_stream *stream, uint32_t wanted,
                           struct reshard_step *steps)
{
    struct pair *pairs = model_memory(stream->open_count, sizeof(*pairs));
    bool *taken = model_memory(stream->open_count, sizeof(*taken));
    uint32_t pair_count = stream->open_count - 1, count = 0;

    for (uint32_t i = 0; i < pair_count; i++)
        pairs[i] = (struct pair){ .keys = open_at(stream, i + 1)->hash_last.v -
                                          open_at(stream, i)->hash_first.v,
                                  .at = i };
    qsort(pairs, pair_count, sizeof(*pairs), by_keys);
    for (uint32_t i = 0; i < pair_count && count < wanted; i++) {
        uint32_t at = pairs[i].at;
        if (taken[at] || taken[at + 1])
            continue;
        taken[at] = taken[at + 1] = true;
        steps[count++] = (struct reshard_step){
            .parents = { open_at(stream, at)->number, open_at(stream, at + 1)->number },
            .parent_count = 2,
        };
    }
    free(pairs);
    free(taken);
    return count;
}

bool uniform_steps(const struct model_stream *stream, uint32_t target, struct reshard_step **steps,
                   uint32_t *count)
{
    struct reshard_step *all = model_memory(stream->open_count, sizeof(*all));

    if (target < 1 || target == stream->open_count)
        *count = 0;
    else if (target > stream->open_count)
        *count = split_all(stream, all);
    else
        *count = merge_some(stream, stream->open_count - target, all);
    if (*count == 0) {
        free(all);
        return false;
    }
    *steps = all;
    return true;
}

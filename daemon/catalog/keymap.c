#include "catalog/keymap.h"

#include <stdlib.h>

#include "catalog/model_private.h"

/* A shard and where it begins, to be sorted. */
struct mark {
    struct u128 first;
    uint32_t at;
};

static int by_first(const void *a, const void *b)
{
    const struct mark *left = a, *right = b;

    return u128_compare(left->first, right->first);
}

/* From 0 to the largest key, one behind the other. */
static bool is_whole(const struct model_stream *stream, const uint32_t open[], uint32_t count)
{
    struct u128 next = u128_of(0, 0);

    for (uint32_t i = 0; i < count; i++) {
        const struct model_shard *shard = &stream->shards[open[i]];
        if (u128_compare(shard->hash_first, next) != 0 ||
            u128_compare(shard->hash_last, shard->hash_first) < 0)
            return false;
        next.v = shard->hash_last.v + 1;
        if (next.v == 0 && i + 1 < count)
            return false;
    }
    return next.v == 0 && count > 0;
}

bool keymap_make(struct model_stream *stream)
{
    struct mark *marks = model_memory(stream->shard_count, sizeof(*marks));
    uint32_t *open = model_memory(stream->shard_count, sizeof(*open));
    uint32_t count = 0;

    for (uint32_t i = 0; i < stream->shard_count; i++)
        if (stream->shards[i].state == SHARD_OPEN)
            marks[count++] = (struct mark){ stream->shards[i].hash_first, i };
    qsort(marks, count, sizeof(*marks), by_first);
    for (uint32_t i = 0; i < count; i++)
        open[i] = marks[i].at;
    free(marks);

    bool whole = is_whole(stream, open, count);
    free(whole ? stream->open : open);
    if (whole) {
        stream->open = open;
        stream->open_count = count;
    }
    return whole;
}

bool keymap_is_whole(const struct model_stream *stream)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < stream->shard_count; i++)
        count += stream->shards[i].state == SHARD_OPEN;
    for (uint32_t i = 0; i < stream->open_count; i++)
        if (stream->shards[stream->open[i]].state != SHARD_OPEN)
            return false;
    return count == stream->open_count && is_whole(stream, stream->open, stream->open_count);
}

const struct model_shard *model_shard_by_hash(const struct model_stream *stream, struct u128 key)
{
    uint32_t low = 0, high = stream->open_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (u128_compare(stream->shards[stream->open[middle]].hash_last, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < stream->open_count ? &stream->shards[stream->open[low]] : NULL;
}

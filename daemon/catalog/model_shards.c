/* Shards come and go while their stream stays: it is split and merged. */
#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "base/mutant.h"
#include "catalog/model_private.h"

/* Appended: groups and numbers are given out in ascending order. */
struct model_shard *model_shards_add(struct model *model, struct model_stream *stream,
                                     uint32_t count)
{
    uint32_t first = stream->shard_count;

    stream->shards = realloc(stream->shards, (first + count) * sizeof(stream->shards[0]));
    ensure(stream->shards != NULL);
    memset(&stream->shards[first], 0, count * sizeof(stream->shards[0]));
    model->groups = model_grown(model->groups, &model->group_room, model->group_count + count,
                          sizeof(model->groups[0]));
    for (uint32_t i = first; i < first + count; i++) {
        struct model_shard *shard = &stream->shards[i];
        shard->number = stream->next_number++;
        shard->group = model->next_group++;
        shard->epoch = 1;
        model->groups[model->group_count++] =
            (struct model_group){ .group = shard->group, .stream = stream, .at = i };
    }
    stream->shard_count += count;
    model->stream_bytes += count * SHARD_ROW_BYTES;
    return &stream->shards[first];
}

void model_shard_remove(struct model *model, struct model_stream *stream, uint32_t at)
{
    struct model_shard *shard = &stream->shards[at];
    uint32_t place = model_group_place(model, shard->group);

    ensure(place < model->group_count && model->groups[place].group == shard->group);
    model->group_count--;
    memmove(&model->groups[place], &model->groups[place + 1],
            (model->group_count - place) * sizeof(model->groups[0]));
    if (shard->rescued != NULL) {
        model->stream_bytes -= RESCUED_ROW_BYTES;
        model->rescued_count--;
        free(shard->rescued);
    }
    model->stream_bytes -= SHARD_ROW_BYTES;
    stream->shard_count--;
    memmove(shard, shard + 1, (stream->shard_count - at) * sizeof(*shard));
    for (uint32_t i = 0; i < model->group_count; i++)
        if (model->groups[i].stream == stream && model->groups[i].at > at)
            model->groups[i].at--;
}

bool model_shard_whole(const struct model_shard *shard)
{
    return shard->whole_in != 0 && shard->whole_in == shard->epoch;
}

bool model_shard_rests(const struct model_shard *shard)
{
    return shard->rests_in != 0 && (shard->rests_in == shard->epoch || MUTANT(rests_on));
}

uint64_t model_shard_gone_ms(const struct model_stream *stream, const struct model_shard *shard)
{
    uint64_t hours = MUTANT(gone_early) ? 0 : stream->retention_hours;

    return shard->closed_ms + hours * 3600 * 1000;
}

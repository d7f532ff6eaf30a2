#include <stdlib.h>
#include <string.h>

#include "base/ensure.h"
#include "catalog/model_private.h"

#define CONSUMERS_FIRST 8u /* room for so many at first */
#define CONSUMER_ROW_BYTES 56u /* of proto/catalog.proto, with the largest numbers, but for texts */

/* Where it is, or would be. */
static uint32_t place_of(const struct model_stream *stream, const char *name)
{
    uint32_t at = 0;

    while (at < stream->consumer_count && strcmp(stream->consumers[at].name, name) < 0)
        at++;
    return at;
}

const struct model_consumer *model_consumer_by_name(const struct model_stream *stream,
                                                    struct slice name)
{
    for (uint32_t i = 0; i < stream->consumer_count; i++)
        if (slice_equal(slice_text(stream->consumers[i].name), name))
            return &stream->consumers[i];
    return NULL;
}

const struct model_consumer *model_consumer_by_id(const struct model_stream *stream, uint64_t id)
{
    for (uint32_t i = 0; i < stream->consumer_count; i++)
        if (stream->consumers[i].id == id)
            return &stream->consumers[i];
    return NULL;
}

uint32_t model_consumer_bytes(const struct model_consumer *consumer)
{
    size_t policy = consumer->policy == NULL ? 0 : strlen(consumer->policy);

    return CONSUMER_ROW_BYTES + (uint32_t)(strlen(consumer->name) + policy) +
           model_tags_bytes(consumer->tags, consumer->tag_count);
}

void model_consumer_fini(struct model_consumer *consumer)
{
    model_tags_free(consumer->tags, consumer->tag_count);
    free(consumer->policy);
    consumer->tags = NULL;
    consumer->tag_count = 0;
    consumer->policy = NULL;
}

void model_consumers_free(struct model_stream *stream)
{
    for (uint32_t i = 0; i < stream->consumer_count; i++)
        model_consumer_fini(&stream->consumers[i]);
    free(stream->consumers);
    stream->consumers = NULL;
    stream->consumer_count = 0;
    stream->consumer_room = 0;
}

void model_consumers_room(struct model_stream *stream, uint32_t count)
{
    uint32_t room = stream->consumer_room > 0 ? stream->consumer_room : CONSUMERS_FIRST;

    while (room < count)
        room *= 2;
    if (room == stream->consumer_room)
        return;
    struct model_consumer *grown = model_memory(room, sizeof(*grown));
    if (stream->consumer_count > 0)
        memcpy(grown, stream->consumers, stream->consumer_count * sizeof(*grown));
    free(stream->consumers);
    stream->consumers = grown;
    stream->consumer_room = room;
}

void model_consumer_add(struct model *model, struct model_stream *stream,
                        const struct model_consumer *consumer)
{
    uint32_t at = place_of(stream, consumer->name), count = stream->consumer_count;

    ensure(count < STREAM_CONSUMERS_MAX);
    model_consumers_room(stream, count + 1);
    memmove(&stream->consumers[at + 1], &stream->consumers[at],
            (count - at) * sizeof(stream->consumers[0]));
    stream->consumers[at] = *consumer;
    stream->consumer_count++;
    model->stream_bytes += model_consumer_bytes(consumer);
}

void model_consumer_remove(struct model *model, struct model_stream *stream, uint64_t id)
{
    const struct model_consumer *consumer = model_consumer_by_id(stream, id);
    uint32_t at = 0;

    ensure(consumer != NULL);
    at = (uint32_t)(consumer - stream->consumers);
    model->stream_bytes -= model_consumer_bytes(consumer);
    model_consumer_fini(&stream->consumers[at]);
    stream->consumer_count--;
    memmove(&stream->consumers[at], &stream->consumers[at + 1],
            (stream->consumer_count - at) * sizeof(stream->consumers[0]));
}

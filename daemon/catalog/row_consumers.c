#include "catalog/row_consumers.h"

#include <string.h>

/* As apply_consumers.c gives them: by name, each once. */
static bool follows(const struct model_stream *stream, const Braid__Catalog__Consumer *row)
{
    return stream->consumer_count == 0 ||
           strcmp(stream->consumers[stream->consumer_count - 1].name, row->name) < 0;
}

enum err row_consumers_read(const Braid__Catalog__Stream *row, struct model_stream *stream,
                            struct reason *reason)
{
    stream->consumer_floor_s = row->consumer_floor_s;
    if (row->n_consumers == 0)
        return ERR_OK;
    if (row->n_consumers > STREAM_CONSUMERS_MAX) {
        reason_set(reason, "%zu consumers; a stream has at most %u", row->n_consumers,
                   STREAM_CONSUMERS_MAX);
        return ERR_INVALID;
    }
    stream->consumers = model_memory(STREAM_CONSUMERS_MAX, sizeof(stream->consumers[0]));
    for (size_t i = 0; i < row->n_consumers; i++) {
        const Braid__Catalog__Consumer *from = row->consumers[i];
        if (from->id == 0 || !row_name_legal(from->name) || !follows(stream, from) ||
            model_consumer_by_id(stream, from->id) != NULL) {
            reason_set(reason, "consumer %zu: a field is out of range, or they do not ascend", i);
            return ERR_INVALID;
        }
        struct model_consumer *to = &stream->consumers[stream->consumer_count++];
        *to = (struct model_consumer){ .id = from->id,
                                       .created_ms = from->created_ms,
                                       .token = from->token };
        strcpy(to->name, from->name);
    }
    return ERR_OK;
}

/* protobuf-c has no const in its structs and never writes to what it packs. */
static char *borrowed(const char *text)
{
    union {
        const char *in;
        char *out;
    } same = { .in = text };

    return same.out;
}

bool row_consumers_write(struct arena *arena, const struct model_stream *stream,
                         Braid__Catalog__Stream *row)
{
    Braid__Catalog__Consumer *rows = NULL;

    row->consumer_floor_s = stream->consumer_floor_s;
    if (stream->consumer_count == 0)
        return true;
    rows = arena_take(arena, stream->consumer_count * sizeof(rows[0]));
    row->consumers = arena_take(arena, stream->consumer_count * sizeof(row->consumers[0]));
    if (rows == NULL || row->consumers == NULL)
        return false;
    for (uint32_t i = 0; i < stream->consumer_count; i++) {
        braid__catalog__consumer__init(&rows[i]);
        rows[i].id = stream->consumers[i].id;
        rows[i].name = borrowed(stream->consumers[i].name);
        rows[i].created_ms = stream->consumers[i].created_ms;
        rows[i].token = stream->consumers[i].token;
        row->consumers[i] = &rows[i];
    }
    row->n_consumers = stream->consumer_count;
    return true;
}

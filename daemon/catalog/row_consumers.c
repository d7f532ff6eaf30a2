#include "catalog/row_consumers.h"

#include <string.h>

#include "catalog/row_settings.h"

static enum err consumer_read(const Braid__Catalog__Consumer *from, struct model_consumer *to,
                              struct reason *reason);

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
    model_consumers_room(stream, (uint32_t)row->n_consumers);
    for (size_t i = 0; i < row->n_consumers; i++) {
        const Braid__Catalog__Consumer *from = row->consumers[i];
        if (from->id == 0 || !row_name_legal(from->name) || !follows(stream, from) ||
            model_consumer_by_id(stream, from->id) != NULL) {
            reason_set(reason, "consumer %zu: a field is out of range, or they do not ascend", i);
            return ERR_INVALID;
        }
        enum err err = consumer_read(from, &stream->consumers[stream->consumer_count], reason);
        if (err != ERR_OK)
            return err;
        stream->consumer_count++;
    }
    return ERR_OK;
}

static enum err consumer_read(const Braid__Catalog__Consumer *from, struct model_consumer *to,
                              struct reason *reason)
{
    *to = (struct model_consumer){ .id = from->id,
                                   .created_ms = from->created_ms,
                                   .token = from->token,
                                   .revision = from->revision };
    strcpy(to->name, from->name);
    if (strlen(from->policy) > POLICY_BYTES_MAX) {
        reason_set(reason, "the policy of consumer %s is too long", from->name);
        return ERR_INVALID;
    }
    enum err err = row_tags_read(from->tags, from->n_tags, &to->tags, reason);
    if (err != ERR_OK)
        return err;
    to->tag_count = (uint32_t)from->n_tags;
    to->policy = row_policy_read(from->policy);
    return ERR_OK;
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
        rows[i].name = row_text(stream->consumers[i].name);
        rows[i].created_ms = stream->consumers[i].created_ms;
        rows[i].token = stream->consumers[i].token;
        rows[i].revision = stream->consumers[i].revision;
        rows[i].tags = row_tags_write(arena, stream->consumers[i].tags,
                                      stream->consumers[i].tag_count);
        rows[i].n_tags = stream->consumers[i].tag_count;
        rows[i].policy = row_text(stream->consumers[i].policy);
        if (rows[i].tags == NULL)
            return false;
        row->consumers[i] = &rows[i];
    }
    row->n_consumers = stream->consumer_count;
    return true;
}
